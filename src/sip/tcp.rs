//! TCP under the stack, through its channel transport: we own the stream, so that header bytes are made safe before the stack's
//! parser reads them (see `clean`), and a lost connection is known at once.
//!
//! Limits: a message of 64 KiB, a write of five seconds, ten minutes without a byte, a bounded queue out.

use super::clean::{clean_headers, header_end, refuse_unknown_method};
use super::trace::{Tap, Traces};
use crate::domain::call::trace::Way;
use rsipstack::sip::{SipMessage, Transport};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::channel::ChannelConnection;
use rsipstack::transport::{SipAddr, SipConnection, TransportEvent};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const MESSAGE_MAX: usize = 64 * 1024;
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const WRITE_LIMIT: Duration = Duration::from_secs(5);
const IDLE_LIMIT: Duration = Duration::from_secs(600);
const QUEUE_OUT: usize = 64;
const CONNECTIONS_MAX: usize = 64;

/// The connections that we opened, by peer.
pub struct Pool {
    open: Mutex<HashMap<SocketAddr, SipConnection>>,
    traces: Arc<Traces>,
}

impl Pool {
    pub fn new(traces: Arc<Traces>) -> Self {
        Self { open: Mutex::default(), traces }
    }

    /// A live connection to `remote`: the one there is, or a new one.
    pub async fn get(
        &self,
        endpoint: &EndpointInnerRef,
        remote: SocketAddr,
        stop: &CancellationToken,
    ) -> std::io::Result<SipConnection> {
        let known = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&remote).cloned();
        if let Some(connection) = known.filter(is_alive) {
            return Ok(connection);
        }
        let late = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, format!("connect to {remote} took too long"));
        let stream = timeout(CONNECT_LIMIT, TcpStream::connect(remote)).await.map_err(late)??;
        let connection = adopt(endpoint, stream, remote, stop, self.traces.clone()).await?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, c| is_alive(c));
        open.insert(remote, connection.clone());
        Ok(connection)
    }
}

fn is_alive(connection: &SipConnection) -> bool {
    connection.cancel_token().is_some_and(|t| !t.is_cancelled())
}

/// Accepts until `stop`; at most [`CONNECTIONS_MAX`] at once, more wait in the kernel's queue.
pub async fn serve(
    endpoint: EndpointInnerRef,
    listener: tokio::net::TcpListener,
    stop: CancellationToken,
    traces: Arc<Traces>,
) {
    let slots = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let slot = slots.clone().acquire_owned().await.ok();
            (slot, listener.accept().await)
        };
        let (slot, result) = tokio::select! {
            _ = stop.cancelled() => return,
            r = accepted => r,
        };
        match result {
            Ok((stream, remote)) => match adopt(&endpoint, stream, remote, &stop, traces.clone()).await {
                Ok(connection) => {
                    let gone = connection.cancel_token().unwrap_or_default();
                    tokio::spawn(async move {
                        gone.cancelled().await;
                        drop(slot);
                    });
                }
                Err(error) => tracing::warn!(net.peer = %remote, %error, "a tcp connection could not be taken"),
            },
            Err(error) => {
                tracing::warn!(%error, "accepting a tcp connection failed");
                // Out of descriptors, as a rule: do not spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Hands a stream to the stack as a channel connection.
async fn adopt(
    endpoint: &EndpointInnerRef,
    stream: TcpStream,
    remote: SocketAddr,
    stop: &CancellationToken,
    traces: Arc<Traces>,
) -> std::io::Result<SipConnection> {
    stream.set_nodelay(true)?;
    let wire = Wire { local: stream.local_addr()?, peer: remote, traces };
    let address = SipAddr { r#type: Some(Transport::Tcp), addr: remote.into() };
    let alive = stop.child_token();
    // The stack's side of a channel connection is unbounded by its type; the reader below sends one message per message read.
    let (incoming, from_reader) = rsipstack::platform::mpsc::unbounded_channel();
    let (to_writer, outgoing) = mpsc::channel(QUEUE_OUT);
    let channel =
        ChannelConnection::create_connection_bounded(from_reader, to_writer, address.clone(), Some(alive.clone()))
            .await
            .map_err(|e| std::io::Error::other(e.to_string()))?;
    let connection = SipConnection::Channel(channel);
    let (read, write) = stream.into_split();
    let (raw, raw_out) = mpsc::channel(QUEUE_OUT);
    let reader = Reader {
        stream: read,
        remote,
        address,
        connection: connection.clone(),
        incoming,
        raw,
        wire: wire.clone(),
        user_agent: endpoint.user_agent.clone(),
    };
    endpoint.transport_layer.add_connection(connection.clone());
    tokio::spawn(write_loop(write, wire, outgoing, raw_out, alive.clone()));
    tokio::spawn(async move {
        tokio::select! {
            _ = alive.cancelled() => {}
            end = reader.run() => tracing::debug!(net.peer = %remote, reason = %end, "a tcp connection has ended"),
        }
        alive.cancel();
    });
    Ok(connection)
}

struct Reader {
    stream: OwnedReadHalf,
    remote: SocketAddr,
    address: SipAddr,
    connection: SipConnection,
    incoming: rsipstack::platform::mpsc::UnboundedSender<TransportEvent>,
    raw: mpsc::Sender<Vec<u8>>,
    wire: Wire,
    user_agent: String,
}

/// Where the bytes of one connection are tapped.
#[derive(Clone)]
struct Wire {
    local: SocketAddr,
    peer: SocketAddr,
    traces: Arc<Traces>,
}

impl Wire {
    fn tap(&self, way: Way, bytes: &[u8]) {
        self.traces.tap(Tap { way, transport: "TCP", local: self.local, peer: self.peer }, bytes);
    }
}

impl Reader {
    /// Until the stream ends; says why it did.
    async fn run(mut self) -> String {
        let mut buffer = Vec::with_capacity(4096);
        loop {
            let mut chunk = [0u8; 4096];
            match timeout(IDLE_LIMIT, self.stream.read(&mut chunk)).await {
                Err(_) => return "nothing was received for ten minutes".into(),
                Ok(Err(error)) => return error.to_string(),
                Ok(Ok(0)) => return "closed by the peer".into(),
                Ok(Ok(n)) => buffer.extend_from_slice(&chunk[..n]),
            }
            loop {
                match next_frame(&mut buffer) {
                    Ok(None) => break,
                    Ok(Some(frame)) => {
                        if let Err(reason) = self.deliver(frame).await {
                            return reason;
                        }
                    }
                    Err(reason) => return reason,
                }
            }
        }
    }

    async fn deliver(&self, frame: Frame) -> Result<(), String> {
        let mut bytes = match frame {
            Frame::KeepAlive => return self.reply(b"\r\n".to_vec()).await,
            Frame::Message(bytes) => bytes,
        };
        self.wire.tap(Way::Received, &bytes);
        clean_headers(&mut bytes);
        if let Some(reply) = refuse_unknown_method(&bytes, &self.user_agent) {
            return self.reply(reply).await;
        }
        let parsed = SipMessage::try_from(bytes.as_slice()).map_err(|e| e.to_string()).and_then(|message| {
            SipConnection::update_msg_received(message, self.remote, Transport::Tcp).map_err(|e| e.to_string())
        });
        match parsed {
            Ok(message) => {
                let event = TransportEvent::Incoming(message, self.connection.clone(), self.address.clone());
                self.incoming.send(event).map_err(|_| "the stack has closed".to_string())
            }
            Err(error) => {
                tracing::warn!(net.peer = %self.remote, %error, "a message that cannot be read was dropped");
                Ok(())
            }
        }
    }

    async fn reply(&self, bytes: Vec<u8>) -> Result<(), String> {
        self.raw.send(bytes).await.map_err(|_| "the writer has ended".to_string())
    }
}

async fn write_loop(
    mut stream: OwnedWriteHalf,
    wire: Wire,
    mut messages: mpsc::Receiver<TransportEvent>,
    mut raw: mpsc::Receiver<Vec<u8>>,
    alive: CancellationToken,
) {
    loop {
        let bytes = tokio::select! {
            biased;
            Some(event) = messages.recv() => match event {
                TransportEvent::Incoming(message, _, _) => message.to_bytes(),
                TransportEvent::New(_) | TransportEvent::Closed(_) => continue,
            },
            Some(bytes) = raw.recv() => bytes,
            _ = alive.cancelled() => break,
            else => break,
        };
        wire.tap(Way::Sent, &bytes);
        match timeout(WRITE_LIMIT, stream.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(net.peer = %wire.peer, %error, "writing to a tcp connection failed");
                break;
            }
            Err(_) => {
                tracing::warn!(net.peer = %wire.peer, "a tcp peer does not read: its connection is closed");
                break;
            }
        }
    }
    alive.cancel();
}

#[derive(Debug, PartialEq, Eq)]
enum Frame {
    /// CRLF CRLF (RFC 5626 §3.5.1).
    KeepAlive,
    Message(Vec<u8>),
}

/// Takes the next whole message off the front of `buffer`; an error when the stream cannot be followed any more.
fn next_frame(buffer: &mut Vec<u8>) -> Result<Option<Frame>, String> {
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
    let total = head + content_length(&buffer[..head])?;
    if total > MESSAGE_MAX {
        return Err("a message is too long".into());
    }
    if buffer.len() < total {
        return Ok(None);
    }
    Ok(Some(Frame::Message(buffer.drain(..total).collect())))
}

fn content_length(head: &[u8]) -> Result<usize, String> {
    for line in head.split(|b| *b == b'\n') {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let name = line[..colon].trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"l") {
            let value = String::from_utf8_lossy(line[colon + 1..].trim_ascii()).into_owned();
            return value.parse().map_err(|_| format!("content-length {value:?} is not a number"));
        }
    }
    Ok(0)
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
}
