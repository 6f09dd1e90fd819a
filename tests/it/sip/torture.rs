//! Messages that are hard or impossible to read, over UDP and TCP.
//!
//! Written for these tests after the cases that RFC 4475 describes (the section is named with each); none is its text. After
//! every one of them a plain OPTIONS is answered and no call exists: a message from outside breaks nothing and opens nothing.

use super::peer::Peer;
use super::rig::{LIMIT, Rig};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What the sender may hear of its message.
#[derive(Clone, Copy)]
enum Reply {
    /// This status.
    Is(u16),
    /// A refusal, or nothing at all.
    NoneOrRefusal,
}
use Reply::{Is, NoneOrRefusal};

/// Lines end in `\n` here and in CR LF on the wire. `{us}` is the address of the stack, `{far}` ours, `{id}` the Call-ID.
const MESSAGES: &[(&str, Reply, &[u8])] = &[
    (
        "3.1.1.1 folded, compact and oddly cased headers",
        Is(403),
        b"INVITE sip:front-desk@{us};lr;x=%41 SIP/2.0\nvIA  :  SIP/2.0/UDP\n   {far} ;branch=\n z9hG4bK{id}\n\
          t  : \"front \\\"desk\\\"\"\n <sip:front-desk@{us}>\nf: \"a long \n  name\" <sip:yard@{far}>;tag=fold\n\
          i:\n {id}\nMAX-forwards:\n  0070\ncseq: 0007\n   INVITE\nm: <sip:yard@{far}>\nX-Unheard-Of: ;;,,;;\nl: 0\n\n",
    ),
    (
        // Allowed by the grammar, and not read by the stack: dropped.
        "3.1.1.1 a tag on the next line",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag\n  =  t\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.1 blanks inside the protocol of Via",
        Is(403),
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP / 2.0 / UDP {far} ; branch = z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <sip:s@{far}>;tag=p\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.2 every character that a token may have",
        Is(501),
        b"!Visit-1.*%+`'~ sip:~_.!*'()&=+$,;?/%20%23@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}-.!%*_+`'~\n\
          Max-Forwards: 70\nFrom: Odd.Token!'%*_+`~ <sip:a_b!c@{far}>;tag=.-!%*_+`'~\nTo: <sip:us@{us}>\nCall-ID: {id}\n\
          CSeq: 3 !Visit-1.*%+`'~\n!X-.*%+`'~: odd\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.3 escaped characters in a user part, even a NUL",
        Is(403),
        b"INVITE sip:sip%3Ayard%40field%00gate@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <sip:%E7%8E%8B%00%25@{far};user%3Dx=1>;tag=esc\nTo: <sip:sip%3Ayard%40field@{us}>\nCall-ID: {id}\n\
          CSeq: 1 INVITE\nContact: <sip:%63%61r@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.7 headers as long as no sane sender makes them",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}{long}\nMax-Forwards: 70\n\
          From: \"{long}\" <sip:{long}@{far}>;tag={long}\nTo: <sip:us@{us};p={long}>\nCall-ID: {id}\nCSeq: 1 INVITE\n\
          Subject: {long}{long}\nContact: <sip:us@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.13 three protocols of Via before ours",
        Is(200),
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nVia: SIP/2.0/SCTP a.invalid;branch=z9hG4bKs\n\
          Via: SIP/2.0/TLS b.invalid;branch=z9hG4bKt\nVia: SIP/2.0/CARRIER-PIGEON c.invalid;branch=z9hG4bKu\n\
          Max-Forwards: 70\nFrom: <sip:s@{far}>;tag=v\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.1 separators where nothing should be",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};;,;,,\nMax-Forwards: 70\nFrom: <sip:s@{far}>;;tag=sep;\n\
          To: \"us\" <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>, ;;q=,\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.2 a body shorter than it says",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=c\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Type: application/sdp\n\
          Content-Length: 9000\n\nv=0\no=s 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 8\n",
    ),
    (
        "3.1.2.3 a negative Content-Length",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=n\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Type: application/sdp\n\
          Content-Length: -70\n\nv=0\no=s 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 8\n",
    ),
    (
        "3.1.2.4 numbers that no integer holds",
        NoneOrRefusal,
        b"REGISTER sip:{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 4294967366\n\
          From: <sip:s@{far}>;tag=o\nTo: <sip:s@{us}>\nCall-ID: {id}\nCSeq: 99999999999999999999 REGISTER\n\
          Contact: <sip:s@{far}>;expires=1000000000000000000000\nExpires: 1000000000000000000000\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.6 quotes that never close",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <sip:s@{far}>;tag=q\nTo: \"the front desk <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\n\
          Contact: <sip:s@{far}\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.11 brackets and blanks in the request line",
        NoneOrRefusal,
        b"INVITE  <sip:us@{us} ; lr>  SIP/2.0 \nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <sip:s@{far}>;tag=b\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.16 a version that does not exist",
        NoneOrRefusal,
        b"OPTIONS sip:us@{us} SIP/7.0\nVia: SIP/7.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=w\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.17 a CSeq of another method",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=m\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 8 OPTIONS\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.19 a status that is none",
        NoneOrRefusal,
        b"SIP/2.0 4294967301 better not break the receiver\nVia: SIP/2.0/UDP {us};branch=z9hG4bK{id}\nFrom: <sip:us@{us}>;tag=z\n\
          To: <sip:s@{far}>;tag=y\nCall-ID: {id}\nCSeq: 353 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.3.1 a request without most of what it needs",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nCSeq: 193 INVITE\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nContent-Length: 0\n\n",
    ),
    (
        "3.3.2 a scheme that nobody knows",
        NoneOrRefusal,
        b"INVITE excavator:bucket?arm SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <http://shop.invalid/>;tag=k\nTo: <isbn:9787111>\nCall-ID: {id}\nCSeq: 1 INVITE\n\
          Contact: <mailto:s@shop.invalid>\nContent-Length: 0\n\n",
    ),
    (
        "3.3.8 headers that may stand once stand twice",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nMax-Forwards: 5\n\
          From: <sip:s@{far}>;tag=1\nFrom: <sip:other@{far}>;tag=2\nTo: <sip:us@{us}>\nTo: <sip:them@{us}>;tag=3\nCall-ID: {id}\n\
          Call-ID: second-{id}\nCSeq: 5 INVITE\nCSeq: 59 OPTIONS\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.3.9 two lengths that contradict each other",
        NoneOrRefusal,
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=l\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 13\nContent-Length: 5\n\nhow long am I",
    ),
    (
        "3.3.10 an answer that calls a crowd back",
        NoneOrRefusal,
        b"SIP/2.0 200 OK\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK{id}\nFrom: <sip:us@{us}>;tag=d\n\
          To: <sip:s@{far}>;tag=e\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@255.255.255.255>\nContent-Length: 0\n\n",
    ),
    (
        "NUL bytes in and between the headers",
        NoneOrRefusal,
        b"INVITE sip:us\0@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\n\0\0: \0\nMax-Forwards: 70\n\
          From: \"\0\" <sip:s@{far}>;tag=\0\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContent-Length: 0\n\n\0\0\0\0",
    ),
    ("bytes of no protocol", NoneOrRefusal, b"\xff\xfe\x00\x01\x80\x7f\r\r\x00\xc3\x28\xf0\x9f{id}\n\n\xed\xa0\x80 SIP/2.0\n\n"),
    ("a header block of colons", NoneOrRefusal, b"INVITE sip:us@{us} SIP/2.0\n:\n::\n:::\n: :\n\t:\n\n"),
];

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
        let rig = Rig::new("sip:127.0.0.1:9", "").await;
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

#[tokio::test]
async fn messages_that_are_hard_to_read_open_nothing_and_break_nothing_over_tcp() {
    let mut torture = Torture::new().await;
    let us = torture.rig.stack.local_tcp().unwrap();
    for (n, (title, ..)) in MESSAGES.iter().enumerate() {
        let mut stream = TcpStream::connect(us).await.unwrap();
        let mut bytes = torture.message(n);
        let udp = b"/UDP ";
        if let Some(at) = bytes.windows(udp.len()).position(|w| w == udp) {
            bytes[at..at + udp.len()].copy_from_slice(b"/TCP ");
        }
        // It may be refused and closed in the middle of our writing.
        if stream.write_all(&bytes).await.is_ok() {
            stream.shutdown().await.ok();
            let mut replies = vec![];
            timeout(LIMIT, stream.read_to_end(&mut replies))
                .await
                .unwrap_or_else(|_| panic!("{title}: left open"))
                .ok();
        }
        torture.assert_unharmed(title).await;
    }
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
