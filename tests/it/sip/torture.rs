//! Messages that are hard or impossible to read, over UDP, TCP and TLS.
//!
//! The messages are in `rfc4475`. After every one of them a plain OPTIONS is answered and no call exists: a message from outside
//! breaks nothing and opens nothing. Inside a dialog the call goes on.

use super::peer::Peer;
use super::rfc4475::{MESSAGES, Reply::Is};
use super::rig::{LIMIT, Rig};
use super::tls;
use huifang::domain::call::outcome::Party;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::net::SocketAddr;
use tokio::time::timeout;

fn on_the_wire(message: &[u8], id: &str, us: SocketAddr, far: SocketAddr) -> Vec<u8> {
    let long = "0123456789abcdef".repeat(40);
    let (us, far) = (us.to_string(), far.to_string());
    let fields: [(&[u8], &str); 5] =
        [(b"\n", "\r\n"), (b"{us}", &us), (b"{far}", &far), (b"{id}", id), (b"{long}", &long)];
    let mut bytes = vec![];
    let mut rest = message;
    while let Some(first) = rest.first() {
        match fields.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                bytes.extend_from_slice(value.as_bytes());
                rest = &rest[name.len()..];
            }
            None => {
                bytes.push(*first);
                rest = &rest[1..];
            }
        }
    }
    bytes
}

/// The stack under test and a stranger who counts its questions.
struct Torture {
    rig: Rig,
    us: SocketAddr,
    far: Peer,
    asked: u32,
}

impl Torture {
    async fn new() -> Self {
        Self::with(Rig::new("sip:127.0.0.1:9", "").await).await
    }

    async fn with(rig: Rig) -> Self {
        let us = rig.stack.local_udp().unwrap();
        Self { rig, us, far: Peer::udp().await, asked: 0 }
    }

    fn message(&self, n: usize) -> Vec<u8> {
        on_the_wire(MESSAGES[n].2, &format!("torture-{n}"), self.us, self.far.address())
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.far.send(bytes, self.us).await;
    }

    /// The first reply whose Call-ID is this; repeated refusals of earlier messages are passed over.
    async fn reply_to(&mut self, id: &str, title: &str) -> String {
        let search = async {
            loop {
                let reply = self.far.next().await.unwrap_or_else(|| panic!("{title}: silence"));
                // The version is the sender's: a request of SIP/7.0 is answered in kind.
                let status = reply.text.split(' ').nth(1).unwrap_or("");
                // The plain OPTIONS may be answered with 200, and so may one that is odd; an INVITE is only ever refused.
                let refused = status.parse::<u16>().is_ok_and(|s| s >= 400);
                let of_options = reply.text.lines().any(|l| l.starts_with("CSeq: ") && l.ends_with(" OPTIONS"));
                assert!(refused || of_options, "{title}: {}", reply.text);
                if reply.text.lines().any(|l| l.strip_prefix("Call-ID:").is_some_and(|v| v.trim() == id)) {
                    return status.to_string();
                }
            }
        };
        timeout(LIMIT, search).await.unwrap_or_else(|_| panic!("{title}: no reply to {id}"))
    }

    /// Still there, and no call came of it.
    async fn assert_unharmed(&mut self, title: &str) {
        self.asked += 1;
        let id = format!("alive-{}", self.asked);
        let (us, far) = (self.us, self.far.address());
        let options = format!(
            "OPTIONS sip:us@{us} SIP/2.0\r\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\r\nMax-Forwards: 70\r\n\
             From: <sip:s@{far}>;tag=s\r\nTo: <sip:us@{us}>\r\nCall-ID: {id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        self.send(options.as_bytes()).await;
        assert_eq!(self.reply_to(&id, title).await, "200", "{title}");
        assert_eq!(self.rig.stack.dialogs(), 0, "{title}");
        assert_eq!(self.rig.stack.trunks()[0].calls_up, 0, "{title}");
    }
}

#[tokio::test]
async fn messages_that_are_hard_to_read_open_nothing_and_break_nothing_over_udp() {
    let mut torture = Torture::new().await;
    for (n, (title, expected, _)) in MESSAGES.iter().enumerate() {
        let bytes = torture.message(n);
        torture.send(&bytes).await;
        if let Is(status) = expected {
            assert_eq!(torture.reply_to(&format!("torture-{n}"), title).await, status.to_string(), "{title}");
        }
        torture.assert_unharmed(title).await;
    }
}

#[tokio::test]
async fn a_message_that_is_cut_off_anywhere_opens_nothing_and_breaks_nothing() {
    let mut torture = Torture::new().await;
    for (n, (title, ..)) in MESSAGES.iter().enumerate() {
        let bytes = torture.message(n);
        for eighth in 0..8 {
            torture.send(&bytes[..bytes.len() * eighth / 8]).await;
        }
        torture.assert_unharmed(title).await;
    }
}

/// The same message as it would be over another transport.
fn over(mut bytes: Vec<u8>, transport: &[u8; 3]) -> Vec<u8> {
    let udp = b"/UDP ";
    if let Some(at) = bytes.windows(udp.len()).position(|w| w == udp) {
        bytes[at + 1..at + 4].copy_from_slice(transport);
    }
    bytes
}

#[tokio::test]
async fn messages_that_are_hard_to_read_open_nothing_and_break_nothing_over_tcp() {
    let mut torture = Torture::new().await;
    let us = torture.rig.stack.local_tcp().unwrap();
    for (n, (title, ..)) in MESSAGES.iter().enumerate() {
        let bytes = over(torture.message(n), b"TCP");
        assert!(Peer::dial(us).await.say_and_close(&bytes).await, "{title}: left open");
        torture.assert_unharmed(title).await;
    }
    Peer::dial(us).await.is_answered(us, "after-all-over-tcp").await;
}

#[tokio::test]
async fn messages_that_are_hard_to_read_open_nothing_and_break_nothing_over_tls() {
    let authority = tls::Authority::new();
    let mut torture = Torture::with(tls::rig(&authority, "sip:127.0.0.1:9", "").await).await;
    let us = torture.rig.stack.local_tls().unwrap();
    for (n, (title, ..)) in MESSAGES.iter().enumerate() {
        let bytes = over(torture.message(n), b"TLS");
        assert!(tls::dial(&authority, us).await.say_and_close(&bytes).await, "{title}: left open");
        torture.assert_unharmed(title).await;
    }
    tls::dial(&authority, us).await.is_answered(us, "after-all-over-tls").await;
}

/// Wrong messages for a dialog that is up: `{head}` are Via to Call-ID of the far end in that dialog.
const IN_DIALOG: &[(&str, &[u8])] = &[
    ("a BYE of another dialog", b"BYE sip:us SIP/2.0\n{head}x\nCSeq: 70 BYE\nContent-Length: 0\n\n"),
    ("a BYE whose CSeq is of another method", b"BYE sip:us SIP/2.0\n{head}\nCSeq: 71 INVITE\nContent-Length: 0\n\n"),
    ("a BYE without CSeq", b"BYE sip:us SIP/2.0\n{head}\nContent-Length: 0\n\n"),
    ("a BYE of no version", b"BYE sip:us SIP/9.0\n{head}\nCSeq: 72 BYE\nContent-Length: -1\n\n"),
    ("a re-INVITE with a body of bytes", b"INVITE sip:us SIP/2.0\n{head}\nCSeq: 73 INVITE\nContent-Type: a/b\nContent-Length: 4\n\n\xff\x00\xfe\x80"),
    ("an INFO longer than any", b"INFO sip:us SIP/2.0\n{head}\nCSeq: 74 INFO\nX: {long}{long}{long}{long}{long}{long}{long}{long}\nContent-Length: 0\n\n"),
    ("an INFO of a length that no integer holds", b"INFO sip:us SIP/2.0\n{head}\nCSeq: 75 INFO\nContent-Length: 99999999999999999999\n\n"),
    ("an INFO whose headers never end", b"INFO sip:us SIP/2.0\n{head}\nCSeq: 76 INFO\nX: y"),
    ("an unknown method", b"DANCE sip:us SIP/2.0\n{head}\nCSeq: 77 DANCE\nContent-Length: 0\n\n"),
    ("a 200 that nobody asked for", b"SIP/2.0 200 OK\n{head}\nCSeq: 78 BYE\nContent-Length: 0\n\n"),
    ("a 487 that nobody asked for", b"SIP/2.0 487 Gone\n{head}\nCSeq: 1 INVITE\nContent-Length: 0\n\n"),
    ("GBK without end", b"NOTIFY sip:us SIP/2.0\n{head}\nCSeq: 79 NOTIFY\nSubject: \xd5\xc5\xc8\xfd\x95\\\nContent-Length: 0\n\n"),
];

#[tokio::test]
async fn wrong_messages_inside_a_dialog_do_not_end_its_call() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (udp, tcp) = (rig.stack.local_udp().unwrap(), rig.stack.local_tcp().unwrap());
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    let mut beside = Peer::udp().await;
    for (n, (title, text)) in IN_DIALOG.iter().enumerate() {
        for transport in [b"UDP", b"TCP"] {
            let head = format!(
                "Via: SIP/2.0/UDP {};branch=z9hG4bKwrong{n}{}\r\nMax-Forwards: 70\r\nFrom: {};tag=far\r\nTo: {}\r\nCall-ID: {}",
                far.address(),
                transport[0],
                invite.header("To"),
                invite.header("From"),
                invite.header("Call-ID"),
            );
            let at = text.windows(6).position(|w| w == b"{head}").unwrap();
            let mut bytes = on_the_wire(&text[..at], "", udp, far.address());
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend(on_the_wire(&text[at + 6..], "", udp, far.address()));
            let bytes = over(bytes, transport);
            if transport == b"UDP" {
                far.send(&bytes, udp).await;
            } else {
                assert!(Peer::dial(tcp).await.say_and_close(&bytes).await, "{title}: left open");
            }
            beside.is_answered(udp, &format!("beside-{n}-{}", transport[0])).await;
            assert_eq!(rig.stack.dialogs(), 1, "{title}");
        }
    }
    call.control.hang_up("done");
    let bye = loop {
        let message = far.next().await.expect("a BYE");
        if message.kind() == "BYE" {
            break message;
        }
    };
    far.reply(&bye, "200 OK", b"", b"").await;
    super::assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_flood_of_calls_from_outside_is_refused_call_by_call() {
    let mut torture = Torture::new().await;
    let (us, far) = (torture.us, torture.far.address());
    for n in 0..400 {
        let invite = format!(
            "INVITE sip:us@{us} SIP/2.0\r\nVia: SIP/2.0/UDP {far};branch=z9hG4bKflood{n}\r\nMax-Forwards: 70\r\n\
             From: <sip:s@{far}>;tag=s\r\nTo: <sip:us@{us}>\r\nCall-ID: flood-{n}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:s@{far}>\r\nContent-Length: 0\r\n\r\n"
        );
        torture.send(invite.as_bytes()).await;
        assert_eq!(torture.reply_to(&format!("flood-{n}"), "flood").await, "403");
    }
    torture.assert_unharmed("after the flood").await;
}

/// One to eight small harms: a byte changed, lost or put in, a piece doubled, the end lost.
fn mutate(bytes: &mut Vec<u8>, rng: &mut StdRng) {
    for _ in 0..rng.random_range(1..=8) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..5) {
            0 => bytes[at] = rng.random(),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, *b"\0\r\n:;,<>\"\\@ \xff".get(rng.random_range(0..13)).unwrap_or(&0)),
            3 => {
                let end = (at + rng.random_range(1..64)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ if rng.random_range(0..8) == 0 => bytes.truncate(at),
            _ => {
                let other = rng.random_range(0..bytes.len());
                bytes.swap(at, other);
            }
        }
    }
}

#[tokio::test]
async fn two_thousand_mutations_open_nothing_and_break_nothing() {
    let mut torture = Torture::new().await;
    for seed in 0..2000 {
        let mut rng = StdRng::seed_from_u64(seed);
        let n = rng.random_range(0..MESSAGES.len());
        let mut bytes = torture.message(n);
        mutate(&mut bytes, &mut rng);
        torture.send(&bytes).await;
        torture.assert_unharmed(&format!("{}, mutated with seed {seed}", MESSAGES[n].0)).await;
    }
}
