//! A far end written by hand: it reads and writes bytes, so that it can be as wrong as the field is.

use super::rig::LIMIT;
use std::collections::HashSet;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
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

/// A stream of bytes, secured or not.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

enum Line {
    Udp(UdpSocket),
    Stream(Stream),
}

struct Stream {
    io: Box<dyn Io>,
    /// As Via says it.
    transport: &'static str,
    local: SocketAddr,
    remote: SocketAddr,
    buffer: Vec<u8>,
}

pub struct Peer {
    line: Line,
    seen: HashSet<String>,
    /// Tag of our To.
    pub tag: &'static str,
}

impl Peer {
    pub async fn udp() -> Self {
        Self::udp_at("127.0.0.1:0").await
    }

    pub async fn udp_at(address: &str) -> Self {
        Self::on(Line::Udp(UdpSocket::bind(address).await.unwrap_or_else(|e| panic!("{address}: {e}"))))
    }

    /// The far end of the next connection to `listener`.
    pub async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(LIMIT, listener.accept()).await.expect("a connection").unwrap();
        Self::over_tcp(stream)
    }

    /// On a connection of its own to `to`.
    pub async fn dial(to: SocketAddr) -> Self {
        Self::over_tcp(TcpStream::connect(to).await.unwrap())
    }

    fn over_tcp(stream: TcpStream) -> Self {
        let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        Self::over(Box::new(stream), "TCP", local, remote)
    }

    pub fn over(io: Box<dyn Io>, transport: &'static str, local: SocketAddr, remote: SocketAddr) -> Self {
        Self::on(Line::Stream(Stream { io, transport, local, remote, buffer: vec![] }))
    }

    fn on(line: Line) -> Self {
        Self { line, seen: HashSet::new(), tag: "far" }
    }

    pub fn address(&self) -> SocketAddr {
        match &self.line {
            Line::Udp(socket) => socket.local_addr().unwrap(),
            Line::Stream(stream) => stream.local,
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

    /// The next message, repetitions included; `None` after the limit.
    pub async fn next(&mut self) -> Option<Message> {
        timeout(LIMIT, async {
            match &mut self.line {
                Line::Udp(socket) => {
                    let mut buffer = vec![0; 65_536];
                    let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
                    Message { text: String::from_utf8_lossy(&buffer[..len]).into_owned(), from }
                }
                Line::Stream(stream) => loop {
                    if let Some(text) = take_message(&mut stream.buffer) {
                        return Message { text, from: stream.remote };
                    }
                    let mut chunk = [0; 4096];
                    let len = stream.io.read(&mut chunk).await.unwrap();
                    assert!(len > 0, "the connection was closed");
                    stream.buffer.extend_from_slice(&chunk[..len]);
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
            Line::Stream(stream) => {
                stream.io.write_all(bytes).await.unwrap();
                stream.io.flush().await.unwrap();
            }
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

    fn transport(&self) -> &'static str {
        match &self.line {
            Line::Udp(_) => "UDP",
            Line::Stream(stream) => stream.transport,
        }
    }

    /// Raw bytes until the far end closes; `None` when it has not in the limit.
    pub async fn until_closed(&mut self) -> Option<Vec<u8>> {
        let Line::Stream(stream) = &mut self.line else { return None };
        let mut bytes = std::mem::take(&mut stream.buffer);
        match timeout(LIMIT, stream.io.read_to_end(&mut bytes)).await {
            Ok(_) => Some(bytes),
            Err(_) => None,
        }
    }

    /// Says the bytes as far as the other side lets it, closes, and tells whether the other side closes too.
    pub async fn say_and_close(mut self, bytes: &[u8]) -> bool {
        if let Line::Stream(stream) = &mut self.line
            && stream.io.write_all(bytes).await.is_ok()
        {
            stream.io.shutdown().await.ok();
        }
        self.until_closed().await.is_some()
    }

    /// Closes, and waits until the other side has noticed.
    pub async fn close(mut self) {
        if let Line::Stream(stream) = &mut self.line {
            stream.io.shutdown().await.unwrap();
        }
        self.until_closed().await.expect("the other side closes too");
    }

    /// So many raw bytes.
    pub async fn bytes(&mut self, wanted: usize) -> Vec<u8> {
        let mut bytes = vec![0; wanted];
        let read = async {
            match &mut self.line {
                Line::Udp(socket) => drop(socket.recv(&mut bytes).await.unwrap()),
                Line::Stream(stream) => drop(stream.io.read_exact(&mut bytes).await.unwrap()),
            }
        };
        timeout(LIMIT, read).await.expect("bytes");
        bytes
    }

    /// OPTIONS from a stranger is answered with 200 on the same way back.
    pub async fn is_answered(&mut self, us: SocketAddr, id: &str) {
        let (far, transport) = (self.address(), self.transport());
        let options = format!(
            "OPTIONS sip:us@{us} SIP/2.0\r\nVia: SIP/2.0/{transport} {far};branch=z9hG4bK{id};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:s@{far}>;tag=s\r\nTo: <sip:us@{us}>\r\nCall-ID: {id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        self.send(options.as_bytes(), us).await;
        loop {
            let reply = self.next().await.unwrap_or_else(|| panic!("{id}: silence"));
            if reply.header("Call-ID") == id {
                assert_eq!(reply.kind(), "200", "{}", reply.text);
                return;
            }
        }
    }

    /// 200 with SDP and a Contact of ours.
    pub async fn answer(&mut self, invite: &Message) {
        let contact = format!("Contact: <{}>\r\nContent-Type: application/sdp\r\n", self.contact());
        self.reply(invite, "200 OK", contact.as_bytes(), ANSWER).await;
    }

    pub fn contact(&self) -> String {
        match &self.line {
            Line::Udp(_) => self.uri(),
            Line::Stream(stream) => format!("{};transport={}", self.uri(), stream.transport.to_lowercase()),
        }
    }

    /// A request of ours inside the dialog that `invite` opened.
    pub async fn request(&mut self, invite: &Message, method: &str, cseq: u32, extra: &str, body: &str) {
        let text = format!(
            "{method} sip:us SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bK{method}{cseq}\r\nMax-Forwards: 70\r\n\
             From: {};tag={}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n{extra}Content-Length: {}\r\n\r\n{body}",
            self.transport(),
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
