//! The SDP in the body of a message.
//!
//! Gateways of the old network send ISUP beside the SDP (multipart, RFC 3204) or alone: only the SDP is ours. Bytes in, bytes out;
//! what the SDP says is for media.

use rsipstack::sip::{Header, Headers};

/// A body of more parts is no call's.
const PARTS_MAX: usize = 16;

/// The SDP, empty when there is none. A body without a Content-Type is taken for SDP.
pub fn sdp_of(headers: &Headers, body: &[u8]) -> Vec<u8> {
    let full = headers.iter().find_map(|h| match h {
        Header::ContentType(v) => Some(v.value()),
        _ => None,
    });
    let Some(full) = full.filter(|_| !body.is_empty()) else { return body.to_vec() };
    let kind = full.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/sdp" | "" => body.to_vec(),
        kind if kind.starts_with("multipart/") => boundary(full).and_then(|b| sdp_part(body, &b)).unwrap_or_default(),
        _ => vec![],
    }
}

fn boundary(content_type: &str) -> Option<Vec<u8>> {
    let value = content_type.split(';').skip(1).find_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    (!value.is_empty()).then(|| format!("--{value}").into_bytes())
}

fn sdp_part(body: &[u8], boundary: &[u8]) -> Option<Vec<u8>> {
    let mut rest = after(body, boundary)?;
    for _ in 0..PARTS_MAX {
        let end = find(rest, boundary).unwrap_or(rest.len());
        let (part, next) = rest.split_at(end);
        if let Some(at) = find(part, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&part[..at]).to_ascii_lowercase();
            if head.lines().any(|l| l.starts_with("content-type:") && l.contains("application/sdp")) {
                let content = &part[at + 4..];
                // The line break before a boundary belongs to the boundary; SDP wants its own last one.
                return Some(content.to_vec());
            }
        }
        rest = after(next, boundary)?;
    }
    None
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

fn after<'a>(bytes: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    find(bytes, what).map(|at| &bytes[at + what.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdp_is_found_whatever_stands_beside_it() {
        let parts = "--x1\r\nContent-Type: application/isup; version=itu-t92\r\n\r\n\u{1}\u{2}\r\n\
                     --x1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=a\r\n--x1--\r\n";
        for (content_type, body, expected) in [
            ("Content-Type: application/sdp\r\n", "v=0\r\n", "v=0\r\n"),
            ("c: Application/SDP ; x=y\r\n", "v=0\r\n", "v=0\r\n"),
            ("", "v=0\r\n", "v=0\r\n"),
            ("Content-Type: text/plain\r\n", "hello", ""),
            ("Content-Type: application/isup\r\n", "\u{1}", ""),
            ("Content-Type: multipart/mixed;boundary=x1\r\n", parts, "v=0\r\no=a\r\n"),
            ("Content-Type: multipart/mixed; Boundary=\"x1\"\r\n", parts, "v=0\r\no=a\r\n"),
            ("Content-Type: multipart/mixed;boundary=other\r\n", parts, ""),
            ("Content-Type: multipart/mixed\r\n", parts, ""),
            ("Content-Type: multipart/mixed;boundary=\r\n", parts, ""),
            ("Content-Type: application/sdp\r\n", "", ""),
        ] {
            let text = format!("SIP/2.0 200 OK\r\n{content_type}\r\n");
            let response = rsipstack::sip::Response::try_from(text.as_str()).unwrap();
            let got = sdp_of(&response.headers, body.as_bytes());
            assert_eq!(String::from_utf8_lossy(&got), expected, "{content_type}");
        }
    }
}
