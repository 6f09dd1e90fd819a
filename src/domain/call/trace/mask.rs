//! What is taken out of a message: secrets before it is kept, people before it is shown to who may not see them.
//!
//! Both work on any text, line by line, and never fail: what cannot be understood is masked rather than shown.
//! `secrets` hides digest answers, other credentials and SRTP keys. `people` hides telephone numbers wherever a message may name a
//! person: every header but the technical ones, the names and free texts of SDP, and any other body; and the customer's own number
//! everywhere. Addresses, tags, branches and Call-ID stay readable, or a trace would be of no use.

use crate::domain::phone::{self, Phone};
use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Headers that hold a credential.
const CREDENTIALS: [&str; 4] =
    ["authorization", "proxy-authorization", "authentication-info", "proxy-authentication-info"];

/// Headers that name nobody; a long number in them is an id.
const TECHNICAL: [&str; 30] = [
    "via",
    "v",
    "call-id",
    "i",
    "cseq",
    "rseq",
    "rack",
    "max-forwards",
    "content-length",
    "l",
    "content-type",
    "c",
    "expires",
    "min-expires",
    "session-expires",
    "x",
    "min-se",
    "date",
    "timestamp",
    "allow",
    "supported",
    "k",
    "require",
    "accept",
    "user-agent",
    "server",
    "www-authenticate",
    "proxy-authenticate",
    "retry-after",
    "mime-version",
];

/// Headers whose value begins with the name of a person.
const NAMED: [&str; 12] = [
    "from",
    "f",
    "to",
    "t",
    "contact",
    "m",
    "p-asserted-identity",
    "p-preferred-identity",
    "remote-party-id",
    "diversion",
    "referred-by",
    "b",
];

fn pattern(text: &str) -> Regex {
    // The patterns are constants that the tests of this file compile.
    #[allow(clippy::unwrap_used)]
    Regex::new(text).unwrap()
}

static ANSWER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)\b(response|cnonce|rspauth)(\s*=\s*)("[^"]*"?|[^,;\s]*)"#));
static INLINE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\binline:[^\s|;]*"));
/// A tag or a branch is an id, whatever its digits; a number is seven digits or more, with the separators that people write.
static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)(;\s*(?:tag|branch|rinstance|ob|transport)\s*=\s*[^;,>\s]*)|(\d(?:[- ]?\d){6,})"#));
/// The user part of a URI that is a number (short codes are numbers too) or hides one behind escapes.
static USER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(sips?:)([+\d*#().~_!-]*\d[+\d*#().~_!-]*|[^@;>\s]*%[^@;>\s]*)(@)"));
static TEL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(tel:)([^;>\s]+)([;>\s]|$)"));
static DISPLAY_NAME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(^|,)(\s*)("(?:[^"\\]|\\.)*"?|[^<>,;:"=]*[^<>,;:"=\s])(\s*<)"#));

/// The message without credentials and keys. Borrowed when there is nothing to hide.
pub fn secrets(message: &str) -> Cow<'_, str> {
    let lower = message.to_ascii_lowercase();
    if !["authorization", "authentication-info", "crypto:", "key-mgmt:", "\nk="].iter().any(|w| lower.contains(w)) {
        return Cow::Borrowed(message);
    }
    Cow::Owned(by_line(message, |place, line| {
        let lower = line.trim_start().to_ascii_lowercase();
        match place {
            Place::Header { name, first } if CREDENTIALS.contains(&name) => credential(line, first),
            Place::Start | Place::Header { .. } => line.into(),
            Place::Sdp | Place::Body if lower.starts_with("a=crypto:") && INLINE.is_match(line) => {
                INLINE.replace_all(line, "inline:***").into_owned()
            }
            Place::Sdp | Place::Body => {
                let key = ["a=crypto:", "a=key-mgmt:", "k="].into_iter().find(|key| lower.starts_with(key));
                key.map_or_else(|| line.into(), |key| format!("{key}***"))
            }
        }
    }))
}

/// Digest keeps what identifies the challenge; a value without parameters is one secret.
fn credential(line: &str, first: bool) -> String {
    let (name, value) = match line.split_once(':').filter(|_| first) {
        Some((name, value)) => (format!("{name}:"), value.trim()),
        None => (String::new(), line.trim()),
    };
    let scheme = value.split(' ').next().filter(|_| first && value.contains(' ')).unwrap_or("");
    // What ends in `=` is padding, not a parameter.
    if !value.trim_end_matches('=').contains('=') {
        return format!("{name} {scheme} ***").replace("  ", " ");
    }
    ANSWER.replace_all(line, "${1}${2}\"***\"").into_owned()
}

/// The message as it is shown to a reader who may not see telephone numbers; `customer` is the number of the call.
pub fn people(message: &str, customer: &Phone) -> String {
    let masked = by_line(message, |place, line| match place {
        Place::Header { name, .. } if TECHNICAL.contains(&name) => line.into(),
        Place::Header { name, first } if NAMED.contains(&name) => numbers(&nameless(line, first)),
        Place::Sdp if line.starts_with("o=") => origin(line),
        // Addresses, payload types, clocks and keys of SDP name nobody.
        Place::Sdp if !line.starts_with(['s', 'i', 'e', 'p', 'u']) => line.into(),
        Place::Start | Place::Header { .. } | Place::Sdp | Place::Body => numbers(line),
    });
    let national = customer.national();
    if masked.contains(national) { masked.replace(national, &phone::mask(national)) } else { masked }
}

/// A text that may hold numbers, such as a Reason.
pub fn numbers(text: &str) -> String {
    let user = |found: &Captures<'_>| {
        let user = if found[2].contains('%') { "***".into() } else { number(&found[2]) };
        format!("{}{user}{}", &found[1], &found[3])
    };
    let text = USER.replace_all(text, user);
    let text = TEL.replace_all(&text, user);
    let text = NUMBER.replace_all(&text, |found: &Captures<'_>| match found.get(1) {
        Some(id) => id.as_str().to_string(),
        None => number(&found[0]),
    });
    text.into_owned()
}

/// `+86-138 1234 5678` → `+86-138 **** 5678`: separators stay, and what stands before a mobile number (country, access code).
fn number(text: &str) -> String {
    let digits: Vec<char> = text.chars().filter(|c| c.is_numeric()).collect();
    let before = digits.len().saturating_sub(11);
    let from = if matches!(digits.get(before), Some('1' | '１')) { before } else { 0 };
    let (head, tail) = if digits.len() - from >= 11 { (3, 4) } else { (1, 2) };
    let short = digits.len() - from <= head + tail;
    let hidden = if short { from..digits.len() } else { from + head..digits.len() - tail };
    let mut n = 0;
    let mask = |c: char| {
        let at = n;
        n += usize::from(c.is_numeric());
        if c.is_numeric() && hidden.contains(&at) { '*' } else { c }
    };
    text.chars().map(mask).collect()
}

/// Display names are names of people.
fn nameless(line: &str, first: bool) -> String {
    let (name, value) = match line.split_once(':').filter(|_| first) {
        Some((name, value)) => (format!("{name}:"), value),
        None => (String::new(), line),
    };
    name + &DISPLAY_NAME.replace_all(value, "${1}${2}\"***\"${4}")
}

/// `o=<name> …`: the name may be a number, the rest is ids and addresses.
fn origin(line: &str) -> String {
    match line.split_once(' ') {
        Some((name, rest)) => format!("{} {rest}", numbers(name)),
        None => numbers(line),
    }
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Start,
    /// `name` in lower case; `first` is false on a folded line.
    Header {
        name: &'a str,
        first: bool,
    },
    Sdp,
    Body,
}

/// Rewrites a message line by line; the line ends stay what they are.
fn by_line(message: &str, mut rewrite: impl FnMut(Place<'_>, &str) -> String) -> String {
    let mut out = String::with_capacity(message.len());
    let (mut started, mut in_body, mut sdp) = (false, false, false);
    let mut header = String::new();
    for whole in message.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\r', '\n']);
        if in_body {
            sdp |= line == "v=0";
            out.push_str(&rewrite(if sdp { Place::Sdp } else { Place::Body }, line));
        } else if !started {
            started = true;
            out.push_str(&rewrite(Place::Start, line));
        } else if line.is_empty() {
            in_body = true;
        } else {
            let first = !line.starts_with([' ', '\t']);
            if first {
                header = line.split(':').next().unwrap_or("").trim().to_ascii_lowercase();
            }
            out.push_str(&rewrite(Place::Header { name: &header, first }, line));
        }
        out.push_str(&whole[line.len()..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn hides(line: &str, shown: &str) {
        let sdp = line.as_bytes().get(1) == Some(&b'=');
        let wrap = |line: &str| match sdp {
            true => format!("SIP/2.0 200 OK\r\nl: 1\r\n\r\nv=0\r\n{line}\r\n"),
            false => format!("INVITE sip:x SIP/2.0\r\n{line}\r\n\r\n"),
        };
        assert_eq!(secrets(&wrap(line)), wrap(shown), "{line}");
    }

    #[test]
    fn secrets_are_never_kept() {
        hides(
            r#"Authorization: Digest username="u", realm="r", nonce="n", uri="sip:x", response="0af", cnonce="c1", nc=00000001"#,
            r#"Authorization: Digest username="u", realm="r", nonce="n", uri="sip:x", response="***", cnonce="***", nc=00000001"#,
        );
        hides(
            "proxy-authorization :Digest response = 0af,cnonce=\"c",
            "proxy-authorization :Digest response = \"***\",cnonce=\"***\"",
        );
        hides("Authorization: Digest a=b,\r\n response=\"0af\"", "Authorization: Digest a=b,\r\n response=\"***\"");
        hides("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Basic ***");
        hides("Authorization: Basic\r\n dXNlcjpwYXNzd29yZA==", "Authorization: ***\r\n ***");
        hides(
            "Authentication-Info: rspauth=\"77\", nextnonce=\"n\"",
            "Authentication-Info: rspauth=\"***\", nextnonce=\"n\"",
        );
        hides("X-Other: response=\"0af\"", "X-Other: response=\"0af\"");
        hides(
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgew|2^20|1:4 FEC",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***|2^20|1:4 FEC",
        );
        hides("A=CRYPTO:1 x unknown:KEY", "a=crypto:***");
        hides("a=key-mgmt:mikey AQAF", "a=key-mgmt:***");
        hides("k=base64:c2VjcmV0", "k=***");
    }

    #[test]
    fn people_are_hidden_wherever_they_are_named_and_the_rest_stays() {
        let customer = Phone::parse("13812345678").unwrap();
        let check = |line: &str, shown: &str| {
            let wrap = |line: &str| match line.as_bytes().get(1) {
                Some(b'=') => format!("SIP/2.0 200 OK\r\nl: 1\r\n\r\nv=0\r\n{line}\r\n"),
                _ => format!("SIP/2.0 200 OK\r\n{line}\r\n\r\n"),
            };
            assert_eq!(people(&wrap(line), &customer), wrap(shown), "{line}");
        };
        check("To: <sip:13812345678@10.0.0.1>;tag=139123456789", "To: <sip:138****5678@10.0.0.1>;tag=139123456789");
        check("t: \"张三\" <tel:+86-138-1234-5678>", "t: \"***\" <tel:+86-138-****-5678>");
        check("From: 王 五 <sip:4006589888@h:5060>", "From: \"***\" <sip:4*******88@h:5060>");
        check("Contact: <sip:95588@1.2.3.4:5060;ob>", "Contact: <sip:9**88@1.2.3.4:5060;ob>");
        check("Contact: <sip:%31%33812345678@h>", "Contact: <sip:***@h>");
        check(
            "P-Asserted-Identity: \"A\" <sip:13912345678@h>, \"B\" <tel:13912345678>",
            "P-Asserted-Identity: \"***\" <sip:139****5678@h>, \"***\" <tel:139****5678>",
        );
        check("History-Info: <sip:9013912345678@h>;index=1", "History-Info: <sip:90139****5678@h>;index=1");
        check("X-Caller: １３９１２３４５６７８", "X-Caller: １３９****５６７８");
        check("Reason: 486 13912345678", "Reason: 486 139****5678");
        check("Reason: Q.850;text=\"no 13912345678\"", "Reason: Q.850;text=\"no 139****5678\"");
        check("Authorization: Digest username=\"13912345678\"", "Authorization: Digest username=\"139****5678\"");
        check(
            "Via: SIP/2.0/UDP 10.20.30.40:5060;branch=z9hG4bK13912345678",
            "Via: SIP/2.0/UDP 10.20.30.40:5060;branch=z9hG4bK13912345678",
        );
        // Even where nobody is named, the customer's own number is not shown.
        check("Call-ID: 13812345678-1@h", "Call-ID: 138****5678-1@h");
        check("o=13912345678 1763712000000 1 IN IP4 10.0.0.1", "o=139****5678 1763712000000 1 IN IP4 10.0.0.1");
        check("s=call of 010-62345678", "s=call of 010-****5678");
        check("m=audio 30000 RTP/AVP 8 101", "m=audio 30000 RTP/AVP 8 101");
        check("c=IN IP4 192.168.100.200", "c=IN IP4 192.168.100.200");
    }

    #[test]
    fn the_request_line_and_a_body_that_is_no_sdp_are_masked_too() {
        let customer = Phone::parse("13812345678").unwrap();
        let text = "MESSAGE sip:+8613812345678@h:5060;user=phone SIP/2.0\r\nTo: x\r\n folded <sip:13911112222@h>\r\n\r\ncall 13911112222\n";
        let shown = "MESSAGE sip:+86138****5678@h:5060;user=phone SIP/2.0\r\nTo: x\r\n \"***\" <sip:139****2222@h>\r\n\r\ncall 139****2222\n";
        assert_eq!(people(text, &customer), shown);
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_a_mask_and_the_customers_number_never_passes(
            before in "\\PC{0,40}", header in "(To|Via|o|X|Call-ID|Contact): ?", after in "\\PC{0,40}"
        ) {
            let customer = Phone::parse("13812345678").unwrap();
            let text = format!("{before}\r\n{header}{before}13812345678{after}\r\n\r\n{after}13812345678");
            proptest::prop_assert!(!people(&text, &customer).contains("13812345678"));
            secrets(&text);
        }
    }
}
