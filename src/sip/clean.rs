//! Header bytes made safe for the stack's parser, before it sees them.
//!
//! Chinese carriers put GBK into display names, Server and Reason. The parser stops at the first line that is not UTF-8 and loses
//! the rest, body included: the customer has answered and we would think that it still rings. Pure; the length never changes, the
//! body is never touched. It does not decode GBK: nothing that we act on is written in it.

use rsipstack::sip::prelude::*;
use rsipstack::sip::{Param, Request, SipMessage, Transport, typed};
use rsipstack::transport::SipConnection;
use std::net::{IpAddr, SocketAddr};

/// Where the header section ends (the blank line included), if it does.
pub fn header_end(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

/// Replaces every byte of the header section that is not UTF-8 by `?`.
pub fn clean_headers(message: &mut [u8]) {
    let end = header_end(message).unwrap_or(message.len());
    let mut from = 0;
    while let Err(bad) = std::str::from_utf8(&message[from..end]) {
        let at = from + bad.valid_up_to();
        let len = bad.error_len().unwrap_or(end - at);
        message[at..at + len].fill(b'?');
        from = at + len;
        // The second byte of a GBK character may be a backslash; left alone it would escape the closing quote of a display name.
        if from < end && message[from] == b'\\' {
            message[from] = b'?';
        }
    }
}

/// The 501 that a request with a method unknown to the stack deserves (its parser refuses such a message as a whole).
/// `None` when it is no such request, or cannot be answered.
pub fn refuse_unknown_method(message: &[u8], user_agent: &str) -> Option<Vec<u8>> {
    let head = std::str::from_utf8(&message[..header_end(message)?]).ok()?;
    let mut start = head.split("\r\n").next()?.split(' ');
    let (method, _uri, version) = (start.next()?, start.next()?, start.next()?);
    let token = !method.is_empty() && method.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b));
    if !token || version != "SIP/2.0" || method.parse::<rsipstack::sip::Method>().is_ok() {
        return None;
    }
    refusal(message, "501 Not Implemented", user_agent)
}

/// The answer of this status to a request that the stack is not to see (RFC 3261 §8.2.6.2). `None` when it is no request, is an ACK
/// (never answered), or lacks what an answer repeats.
pub fn refusal(message: &[u8], status: &str, user_agent: &str) -> Option<Vec<u8>> {
    let head = std::str::from_utf8(&message[..header_end(message)?]).ok()?;
    let mut lines = head.split("\r\n");
    let start = lines.next()?;
    if !start.ends_with(" SIP/2.0") || start.starts_with("ACK ") {
        return None;
    }
    let copied = ["via", "v", "from", "f", "to", "t", "call-id", "i", "cseq"];
    let mut reply = format!("SIP/2.0 {status}\r\n");
    let mut seen = 0;
    let mut keep = false;
    for line in lines.take_while(|l| !l.is_empty()) {
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next()?.trim().to_ascii_lowercase();
            keep = copied.contains(&name.as_str());
            seen += usize::from(keep);
        }
        if keep {
            reply.push_str(line);
            reply.push_str("\r\n");
        }
    }
    reply.push_str(&format!("User-Agent: {user_agent}\r\nContent-Length: 0\r\n\r\n"));
    (seen >= 5).then(|| reply.into_bytes())
}

/// Parses a message; notes in the Via of a request where it came from (RFC 3261 §18.2.1, RFC 3581), so that the answer gets there.
pub fn parse(bytes: &[u8], from: SocketAddr, transport: Transport) -> Result<SipMessage, String> {
    let mut message = SipMessage::try_from(bytes).map_err(|e| e.to_string())?;
    if let SipMessage::Request(request) = &mut message {
        forget_received(request)?;
    }
    let mut message = SipConnection::update_msg_received(message, from, transport).map_err(|e| e.to_string())?;
    if let (SipMessage::Request(request), IpAddr::V6(ip)) = (&mut message, from.ip()) {
        // The stack writes an IPv6 address in two pairs of brackets, against the grammar, and then cannot read it.
        let via = request.via_header_mut().map_err(|e| e.to_string())?;
        let plain = via.value().replacen(&format!("received=[[{ip}]]"), &format!("received={ip}"), 1);
        via.replace(plain);
    }
    Ok(message)
}

/// What a far end says of where it was received is ours to say: the stack would let it stand where nothing else differs.
fn forget_received(request: &mut Request) -> Result<(), String> {
    let via = request.via_header_mut().map_err(|e| e.to_string())?;
    let claimed = |via: &typed::Via| via.params.iter().any(|p| matches!(p, Param::Received(_)));
    via.update_first_value(|first| {
        let mut typed = first.typed()?;
        if !claimed(&typed) {
            return Ok(first);
        }
        typed.params.retain(|p| !matches!(p, Param::Received(_)));
        Ok(typed.into())
    })
    .map_err(|e: rsipstack::sip::Error| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &[u8], expected: &[u8]) {
        let mut bytes = input.to_vec();
        clean_headers(&mut bytes);
        assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(expected));
    }

    #[test]
    fn only_header_bytes_that_are_not_utf8_are_replaced() {
        check(b"SIP/2.0 200 OK\r\nServer: a\r\n\r\n", b"SIP/2.0 200 OK\r\nServer: a\r\n\r\n");
        check("To: \"张三\" <sip:a@b>\r\n\r\n".as_bytes(), "To: \"张三\" <sip:a@b>\r\n\r\n".as_bytes());
        // 张三 in GBK.
        check(b"To: \"\xd5\xc5\xc8\xfd\" <sip:a@b>\r\n\r\n", b"To: \"????\" <sip:a@b>\r\n\r\n");
        // The body is not ours to mend.
        check(b"S: \xff\r\n\r\n\xff\xfe", b"S: ?\r\n\r\n\xff\xfe");
        // No end of headers: the whole is header.
        check(b"S: \xff\r\nT: \xff", b"S: ?\r\nT: ?");
        check(b"", b"");
    }

    #[test]
    fn a_gbk_character_that_ends_in_a_backslash_does_not_escape_the_quote() {
        // 0x95 0x5C is 昞.
        check(b"To: \"\x95\\\" <sip:a@b>\r\n\r\n", b"To: \"??\" <sip:a@b>\r\n\r\n");
    }

    #[test]
    fn a_request_is_stamped_with_where_it_came_from() {
        for (from, via, expected) in [
            ("10.0.0.1:5070", "10.0.0.1:5070", "10.0.0.1:5070;branch=z9hG4bK1"),
            ("10.0.0.1:5070", "10.0.0.1:5070;received=192.168.1.5", "10.0.0.1:5070;branch=z9hG4bK1"),
            (
                "10.0.0.1:5070",
                "192.0.2.1;received=192.168.1.5",
                "192.0.2.1;branch=z9hG4bK1;received=10.0.0.1;rport=5070",
            ),
            ("10.0.0.1:5070", "192.0.2.1;rport", "192.0.2.1;branch=z9hG4bK1;received=10.0.0.1;rport=5070"),
            ("[2001:db8::1]:5070", "192.0.2.1;rport", "192.0.2.1;branch=z9hG4bK1;received=2001:db8::1;rport=5070"),
            ("[2001:db8::1]:5070", "[2001:db8::1]:5070", "[2001:db8::1]:5070;branch=z9hG4bK1"),
        ] {
            let text = format!(
                "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\
                 Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n"
            );
            let message = parse(text.as_bytes(), from.parse().unwrap(), Transport::Udp).unwrap();
            let SipMessage::Request(request) = message else { panic!("{message}") };
            assert_eq!(request.via_header().unwrap().value(), format!("SIP/2.0/UDP {expected}"));
        }
    }

    #[test]
    fn an_unknown_method_gets_501_with_the_headers_of_the_request() {
        let head = "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n";
        let request = format!("DANCE sip:a@b SIP/2.0\r\n{head}CSeq: 1 DANCE\r\nX: y\r\n\r\n");
        let reply = String::from_utf8(refuse_unknown_method(request.as_bytes(), "T").unwrap()).unwrap();
        assert_eq!(
            reply,
            format!("SIP/2.0 501 Not Implemented\r\n{head}CSeq: 1 DANCE\r\nUser-Agent: T\r\nContent-Length: 0\r\n\r\n")
        );
        for not_answered in [
            format!("INVITE sip:a@b SIP/2.0\r\n{head}CSeq: 1 INVITE\r\n\r\n"),
            format!("DANCE sip:a@b SIP/2.0\r\n{head}\r\n\r\n"),
            format!("SIP/2.0 200 OK\r\n{head}CSeq: 1 DANCE\r\n\r\n"),
            "DANCE sip:a@b SIP/2.0\r\n".into(),
        ] {
            assert_eq!(refuse_unknown_method(not_answered.as_bytes(), "T"), None, "{not_answered}");
        }
    }
    #[test]
    fn a_request_is_refused_and_an_ack_or_a_response_is_not() {
        let head = "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 X\r\n";
        for (start, refused) in [
            ("INVITE sip:a@b SIP/2.0", true),
            ("BYE sip:a@b SIP/2.0", true),
            ("ACK sip:a@b SIP/2.0", false),
            ("SIP/2.0 200 OK", false),
        ] {
            let message = format!("{start}\r\n{head}\r\n");
            let reply = refusal(message.as_bytes(), "400 Bad Request", "T");
            let want = format!("SIP/2.0 400 Bad Request\r\n{head}User-Agent: T\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(reply, refused.then(|| want.into_bytes()), "{start}");
        }
    }
}
