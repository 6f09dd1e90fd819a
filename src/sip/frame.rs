//! Cuts a stream of bytes, or a datagram, to SIP messages (RFC 3261 §18.3, keep-alives of RFC 5626 §3.5.1). Pure.
//!
//! It looks at the end of the header section and at Content-Length, at nothing else: whether a message can be read is the parser's
//! matter. Without Content-Length a message of a stream has no body, as there is no other way to go on, and one in a datagram has the rest.

use super::clean::header_end;

/// As much as a datagram holds; nothing that SIP carries for us comes near it.
pub const MESSAGE_MAX: usize = 64 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// CRLF CRLF (RFC 5626 §3.5.1).
    KeepAlive,
    Message(Vec<u8>),
}

/// Takes the next whole message off the front of `buffer`; an error when the stream cannot be followed any more.
pub fn next_frame(buffer: &mut Vec<u8>) -> Result<Option<Frame>, String> {
    if buffer.starts_with(b"\r\n\r\n") {
        buffer.drain(..4);
        return Ok(Some(Frame::KeepAlive));
    }
    if buffer.starts_with(b"\r\n") && buffer.get(2).is_some_and(|b| *b != b'\r') {
        buffer.drain(..2);
    }
    let Some(head) = header_end(buffer) else {
        return if buffer.len() > MESSAGE_MAX { Err("a message is too long".into()) } else { Ok(None) };
    };
    let total = head + content_length(&buffer[..head])?.unwrap_or(0);
    if total > MESSAGE_MAX {
        return Err("a message is too long".into());
    }
    if buffer.len() < total {
        return Ok(None);
    }
    Ok(Some(Frame::Message(buffer.drain(..total).collect())))
}

/// How many bytes of a datagram are its message; an error when it was cut short of what it says, or says nothing that can be true.
pub fn datagram_end(datagram: &[u8]) -> Result<usize, String> {
    let head = header_end(datagram).ok_or("its headers do not end")?;
    let came = datagram.len() - head;
    match content_length(&datagram[..head])? {
        Some(length) if length > came => Err(format!("{came} bytes of body came of {length}")),
        Some(length) => Ok(head + length),
        None => Ok(datagram.len()),
    }
}

fn content_length(head: &[u8]) -> Result<Option<usize>, String> {
    for line in head.split(|b| *b == b'\n') {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let name = line[..colon].trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"l") {
            let value = String::from_utf8_lossy(line[colon + 1..].trim_ascii()).into_owned();
            return value.parse().map(Some).map_err(|_| format!("content-length {value:?} is not a number"));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_into_messages_whatever_the_pieces() {
        let stream = b"\r\n\r\nA\r\nContent-Length: 3\r\n\r\nxyzB\r\nl:0\r\n\r\n\r\nC\r\n\r\n";
        for piece in 1..stream.len() {
            let mut buffer = Vec::new();
            let mut frames = Vec::new();
            for part in stream.chunks(piece) {
                buffer.extend_from_slice(part);
                while let Some(frame) = next_frame(&mut buffer).unwrap() {
                    frames.push(frame);
                }
            }
            let message = |text: &[u8]| Frame::Message(text.to_vec());
            assert_eq!(
                frames,
                [
                    Frame::KeepAlive,
                    message(b"A\r\nContent-Length: 3\r\n\r\nxyz"),
                    message(b"B\r\nl:0\r\n\r\n"),
                    message(b"C\r\n\r\n"),
                ],
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn a_stream_that_cannot_be_followed_is_an_error() {
        for bytes in [
            b"A\r\nContent-Length: x\r\n\r\n".to_vec(),
            b"A\r\nContent-Length: 99999999\r\n\r\n".to_vec(),
            b"A\r\nContent-Length: -1\r\n\r\n".to_vec(),
            vec![b'a'; MESSAGE_MAX + 1],
        ] {
            assert!(next_frame(&mut bytes.clone()).is_err());
        }
    }
    #[test]
    fn a_datagram_is_what_its_length_says_or_an_error() {
        let check = |headers: &str, body: &str, end: Option<usize>| {
            let datagram = format!("A\r\n{headers}\r\n{body}");
            let head = datagram.len() - body.len();
            assert_eq!(datagram_end(datagram.as_bytes()).ok().map(|all| all - head), end, "{datagram:?}");
        };
        check("Content-Length: 3\r\n", "xyz", Some(3));
        check("Content-Length: 3\r\n", "xyz and more", Some(3));
        check("CONTENT-LENGTH : 0\r\n", "xyz", Some(0));
        check("l:3\r\n", "xyz", Some(3));
        check("", "xyz", Some(3));
        check("", "", Some(0));
        check("Content-Length: 3\r\n", "xy", None);
        check("l: 4\r\n", "xyz", None);
        for wrong in ["-1", "x", "", "3;x", "99999999999999999999"] {
            check(&format!("Content-Length: {wrong}\r\n"), "xyz", None);
        }
        assert!(datagram_end(b"A\r\nContent-Length: 0\r\n").is_err());
    }
}
