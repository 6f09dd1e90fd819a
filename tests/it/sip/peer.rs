//! A far end written by hand: it reads and writes bytes, so that it can be as wrong as the field is.

use super::rig::LIMIT;
use std::collections::HashSet;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

pub const ANSWER: &[u8] =
    b"v=0\r\no=far 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";

/// One message as it came.
#[derive(Clone, Debug)]
pub struct Message {
    pub text: String,
    pub from: SocketAddr,
}

impl Message {
    /// `INVITE`, or `200` of a response.
    pub fn kind(&self) -> &str {
        let mut words = self.text.split(' ');
        match words.next() {
            Some("SIP/2.0") => words.next().unwrap_or(""),
            other => other.unwrap_or(""),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self.text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }

    pub fn has(&self, name: &str) -> bool {
        self.text.lines().any(|l| l.starts_with(&format!("{name}: ")))
    }

    /// What makes it the same message when it is repeated.
    fn identity(&self) -> String {
        format!("{} {} {}", self.kind(), self.header("Via"), self.header("CSeq"))
    }
}

enum Line {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
}

pub struct Peer {
    line: Line,
    seen: HashSet<String>,
    /// Tag of our To.
    pub tag: &'static str,
}

impl Peer {
    pub async fn udp() -> Self {
        Self::on(Line::Udp(UdpSocket::bind("127.0.0.1:0").await.unwrap()))
    }

    /// The far end of the next connection to `listener`.
    pub async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(LIMIT, listener.accept()).await.expect("a connection").unwrap();
        Self::on(Line::Tcp(stream, vec![]))
    }

    fn on(line: Line) -> Self {
        Self { line, seen: HashSet::new(), tag: "far" }
    }

    pub fn address(&self) -> SocketAddr {
        match &self.line {
            Line::Udp(socket) => socket.local_addr().unwrap(),
            Line::Tcp(stream, _) => stream.local_addr().unwrap(),
        }
    }

    pub fn uri(&self) -> String {
        format!("sip:{}", self.address())
    }

    /// The next message that is not a repetition, which must be of this kind.
    pub async fn expect(&mut self, kind: &str) -> Message {
        loop {
            let message = self.next().await.unwrap_or_else(|| panic!("waited in vain for {kind}"));
            if self.seen.insert(message.identity()) {
                assert_eq!(message.kind(), kind, "{}", message.text);
                return message;
            }
        }
    }

    /// The next messages that are not repetitions: one of each kind, in any order.
    pub async fn expect_all(&mut self, kinds: &[&str]) -> Vec<Message> {
        let mut found: Vec<Message> = vec![];
        while found.len() < kinds.len() {
            let message = self.next().await.unwrap_or_else(|| panic!("waited in vain for {kinds:?}"));
            if self.seen.insert(message.identity()) {
                found.push(message);
            }
        }
        kinds
            .iter()
            .map(|kind| {
                let at = found.iter().position(|m| m.kind() == *kind);
                found.swap_remove(at.unwrap_or_else(|| panic!("no {kind} among {found:?}")))
            })
            .collect()
    }

    /// Nothing but repetitions comes for so long.
    pub async fn expect_silence(&mut self, time: std::time::Duration) {
        let spoken = timeout(time, async {
            loop {
                let message = self.next().await;
                if let Some(message) = message.filter(|m| self.seen.insert(m.identity())) {
                    return message;
                }
            }
        });
        if let Ok(message) = spoken.await {
            panic!("a message too many: {}", message.text);
        }
    }

    /// The next message, repetitions included; `None` after the limit.
    pub async fn next(&mut self) -> Option<Message> {
        timeout(LIMIT, async {
            match &mut self.line {
                Line::Udp(socket) => {
                    let mut buffer = [0; 8192];
                    let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
                    Message { text: String::from_utf8_lossy(&buffer[..len]).into_owned(), from }
                }
                Line::Tcp(stream, buffer) => loop {
                    if let Some(text) = take_message(buffer) {
                        return Message { text, from: stream.peer_addr().unwrap() };
                    }
                    let mut chunk = [0; 4096];
                    let len = stream.read(&mut chunk).await.unwrap();
                    assert!(len > 0, "the connection was closed");
                    buffer.extend_from_slice(&chunk[..len]);
                },
            }
        })
        .await
        .ok()
    }

    pub async fn send(&mut self, bytes: &[u8], to: SocketAddr) {
        match &mut self.line {
            Line::Udp(socket) => {
                socket.send_to(bytes, to).await.unwrap();
            }
            Line::Tcp(stream, _) => stream.write_all(bytes).await.unwrap(),
        }
    }

    /// A response with our tag; `extra` are whole header lines as bytes.
    pub async fn reply(&mut self, request: &Message, status: &str, extra: &[u8], body: &[u8]) {
        let to = request.header("To");
        let tag = if to.contains(";tag=") || status.starts_with("100") {
            String::new()
        } else {
            format!(";tag={}", self.tag)
        };
        let head = format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n",
            request.header("Via"),
            request.header("From"),
            request.header("Call-ID"),
            request.header("CSeq"),
        );
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(extra);
        bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        self.send(&bytes, request.from).await;
    }

    /// 200 with SDP and a Contact of ours.
    pub async fn answer(&mut self, invite: &Message) {
        let contact = format!("Contact: <{}>\r\nContent-Type: application/sdp\r\n", self.contact());
        self.reply(invite, "200 OK", contact.as_bytes(), ANSWER).await;
    }

    pub fn contact(&self) -> String {
        match &self.line {
            Line::Udp(_) => self.uri(),
            Line::Tcp(..) => format!("{};transport=tcp", self.uri()),
        }
    }

    /// A request of ours inside the dialog that `invite` opened.
    pub async fn request(&mut self, invite: &Message, method: &str, cseq: u32, extra: &str, body: &str) {
        let text = format!(
            "{method} sip:us SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bK{method}{cseq}\r\nMax-Forwards: 70\r\n\
             From: {};tag={}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n{extra}Content-Length: {}\r\n\r\n{body}",
            if matches!(self.line, Line::Udp(_)) { "UDP" } else { "TCP" },
            self.address(),
            invite.header("To"),
            self.tag,
            invite.header("From"),
            invite.header("Call-ID"),
            body.len(),
        );
        self.send(text.as_bytes(), invite.from).await;
    }
}

fn take_message(buffer: &mut Vec<u8>) -> Option<String> {
    let head = buffer.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
    let length: usize = text.lines().find_map(|l| l.strip_prefix("Content-Length: "))?.trim().parse().ok()?;
    if buffer.len() < head + length {
        return None;
    }
    let message: Vec<u8> = buffer.drain(..head + length).collect();
    Some(String::from_utf8_lossy(&message).into_owned())
}
