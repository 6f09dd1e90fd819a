//! Connections (TCP and TLS) under the stack, through its channel transport: we own the stream, so that header bytes are made safe
//! before the stack's parser reads them (see `clean`), and a lost connection is known at once.
//!
//! Contract: [`adopt`] takes any stream; from then on its token says whether it lives. Whole messages come in at
//! [`Reader::deliver`] and go out in [`write_loop`], nowhere else. Every wait has a limit: a message must be whole ten seconds
//! after its first byte, a stranger must say something within fifteen, a peer that does not read is left after five, and no more
//! than [`INBOUND_MAX`] connections are held: the one that was silent longest makes room.
//!
//! On connections that we opened we send the keep-alives of RFC 5626 §3.5.1. A peer that once answered one must go on answering;
//! one that never did is not expected to.

use super::clean::{clean_headers, parse, refuse_unknown_method};
use super::frame::{Frame, next_frame};
use super::tls;
use super::trace::{Tap, Traces};
use crate::clock::monotonic;
use crate::domain::call::trace::Way;
use futures::FutureExt;
use futures::future::BoxFuture;
use nix::sys::socket::{setsockopt, sockopt};
use rsipstack::sip::Transport;
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::channel::ChannelConnection;
use rsipstack::transport::{SipAddr, SipConnection, TransportEvent};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Connections that others opened to us.
const INBOUND_MAX: usize = 128;
/// The whole of a TLS handshake as server.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// For the first byte on a connection that others opened.
const GREETING_LIMIT: Duration = Duration::from_secs(15);
/// From the first byte of a message to its last.
const WHOLE_LIMIT: Duration = Duration::from_secs(10);
/// Without a byte on a connection that others opened.
const IDLE_LIMIT: Duration = Duration::from_secs(600);
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// Milliseconds in which the other machine's kernel must have taken what we sent.
const UNACKNOWLEDGED_LIMIT: u32 = 10_000;
const PING_EVERY: Duration = Duration::from_secs(90);
const PONG_LIMIT: Duration = Duration::from_secs(10);
const PING: &[u8] = b"\r\n\r\n";
const PONG: &[u8] = b"\r\n";
const QUEUE_OUT: usize = 64;

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    ByUs,
    ByThem,
}

/// Whether messages can still be sent over it.
pub fn is_alive(connection: &SipConnection) -> bool {
    connection.cancel_token().is_some_and(|t| !t.is_cancelled())
}

/// Connections that others opened, and when each last said something.
#[derive(Default)]
struct Inbound {
    held: Mutex<HashMap<u64, Arc<Activity>>>,
}

struct Activity {
    last: Mutex<Instant>,
    alive: CancellationToken,
}

impl Activity {
    fn new(alive: CancellationToken) -> Arc<Self> {
        Arc::new(Self { last: Mutex::new(monotonic()), alive })
    }

    fn touch(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = monotonic();
    }

    fn last(&self) -> Instant {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbound {
    fn held(&self) -> MutexGuard<'_, HashMap<u64, Arc<Activity>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one more in; beyond the limit the one that was silent longest is closed.
    fn admit(&self, id: u64, activity: Arc<Activity>) {
        let mut held = self.held();
        held.retain(|_, a| !a.alive.is_cancelled());
        while held.len() >= INBOUND_MAX {
            let Some(oldest) = held.iter().min_by_key(|(_, a)| a.last()).map(|(id, _)| *id) else { break };
            if let Some(silent) = held.remove(&oldest) {
                tracing::warn!(sip.connections = INBOUND_MAX, "too many connections: the most silent one is closed");
                silent.alive.cancel();
            }
        }
        held.insert(id, activity);
    }
}

/// Sends at once, and learns within [`UNACKNOWLEDGED_LIMIT`] that the machine at the other end is gone: without it a connection
/// whose path has died silently looks alive for a quarter of an hour.
pub fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::TcpUserTimeout, &UNACKNOWLEDGED_LIMIT)?;
    Ok(())
}

/// Accepts until `stop`; over TLS when there is an acceptor.
pub async fn serve(
    endpoint: EndpointInnerRef,
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    traces: Arc<Traces>,
    stop: CancellationToken,
) {
    let inbound = Inbound::default();
    let mut id = 0;
    loop {
        let accepted = tokio::select! {
            _ = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                id += 1;
                let activity = Activity::new(stop.child_token());
                inbound.admit(id, activity.clone());
                tokio::spawn(take(endpoint.clone(), stream, remote, acceptor.clone(), traces.clone(), activity));
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                // Out of descriptors, as a rule: do not spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn take(
    endpoint: EndpointInnerRef,
    stream: TcpStream,
    remote: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    traces: Arc<Traces>,
    activity: Arc<Activity>,
) {
    let alive = activity.alive.clone();
    let taken = async {
        prepare(&stream).map_err(|e| e.to_string())?;
        let local = stream.local_addr().map_err(|e| e.to_string())?;
        let wire = Some(Wire { local, traces });
        let peer = |transport| Peer { remote, transport, opened: Opened::ByThem, wire: wire.clone() };
        match acceptor {
            None => adopt(&endpoint, stream, peer(Transport::Tcp), activity).await,
            Some(acceptor) => {
                let stream = timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await;
                let stream = stream.map_err(|_| "no tls handshake came".to_string())?.map_err(|e| tls::words(&e))?;
                adopt(&endpoint, stream, peer(Transport::Tls), activity).await
            }
        }
    };
    let result = tokio::select! {
        _ = alive.cancelled() => return,
        result = taken => result,
    };
    if let Err(error) = result {
        tracing::warn!(net.peer = %remote, %error, "a connection could not be taken");
        alive.cancel();
    }
}

/// The far end of a connection.
#[derive(Clone)]
pub struct Peer {
    pub remote: SocketAddr,
    pub transport: Transport,
    pub opened: Opened,
    /// Where its messages are tapped.
    pub wire: Option<Wire>,
}

/// Our end of a connection, for the traces of the calls on it.
#[derive(Clone)]
pub struct Wire {
    pub local: SocketAddr,
    pub traces: Arc<Traces>,
}

impl Peer {
    fn tap(&self, way: Way, bytes: &[u8]) {
        let transport = if self.transport == Transport::Tls { "TLS" } else { "TCP" };
        if let Some(Wire { local, traces }) = &self.wire {
            traces.tap(Tap { way, transport, local: *local, peer: self.remote }, bytes);
        }
    }
}

/// Hands a stream that we opened to the stack.
pub async fn adopt_own<S>(
    endpoint: &EndpointInnerRef,
    stream: S,
    peer: Peer,
    stop: &CancellationToken,
) -> Result<SipConnection, String>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    adopt(endpoint, stream, peer, Activity::new(stop.child_token())).await
}

/// Hands a stream to the stack as a channel connection.
async fn adopt<S>(
    endpoint: &EndpointInnerRef,
    stream: S,
    peer: Peer,
    activity: Arc<Activity>,
) -> Result<SipConnection, String>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let address = SipAddr { r#type: Some(peer.transport), addr: peer.remote.into() };
    let alive = activity.alive.clone();
    // The stack's side of a channel connection is unbounded by its type; the reader below sends one message per message read.
    let (incoming, from_reader) = rsipstack::platform::mpsc::unbounded_channel();
    let (to_writer, outgoing) = mpsc::channel(QUEUE_OUT);
    let channel =
        ChannelConnection::create_connection_bounded(from_reader, to_writer, address.clone(), Some(alive.clone()))
            .await
            .map_err(|e| e.to_string())?;
    let connection = SipConnection::Channel(channel);
    let (read, write) = tokio::io::split(stream);
    let (raw, raw_out) = mpsc::channel(QUEUE_OUT);
    let reader = Reader {
        peer: peer.clone(),
        address,
        connection: connection.clone(),
        incoming,
        raw: raw.clone(),
        user_agent: endpoint.user_agent.clone(),
        activity,
        ponged: Arc::default(),
    };
    if peer.opened == Opened::ByUs {
        tokio::spawn(keep_alive(peer.remote, raw, reader.activity.clone(), reader.ponged.clone()));
    }
    // Served, but not listed with the stack's own connections: which one carries a message is decided by `line`.
    endpoint.transport_layer.inner.serve_connection(connection.clone());
    tokio::spawn(write_loop(write, peer.clone(), outgoing, raw_out, alive.clone()));
    tokio::spawn(async move {
        tokio::select! {
            _ = alive.cancelled() => {}
            end = reader.run(read) => match peer.opened {
                Opened::ByUs => tracing::info!(net.peer = %peer.remote, reason = %end, "a trunk's connection has ended"),
                Opened::ByThem => tracing::debug!(net.peer = %peer.remote, reason = %end, "a connection has ended"),
            },
        }
        alive.cancel();
    });
    Ok(connection)
}

struct Reader {
    peer: Peer,
    address: SipAddr,
    connection: SipConnection,
    incoming: rsipstack::platform::mpsc::UnboundedSender<TransportEvent>,
    raw: mpsc::Sender<Vec<u8>>,
    user_agent: String,
    activity: Arc<Activity>,
    /// The peer has answered a keep-alive at least once.
    ponged: Arc<AtomicBool>,
}

impl Reader {
    /// Until the stream ends; says why it did.
    async fn run(self, mut stream: impl AsyncRead + Unpin) -> String {
        let mut buffer = Vec::with_capacity(4096);
        let mut patience = self.patience(GREETING_LIMIT, "nothing was ever received");
        let mut half = false;
        loop {
            let mut chunk = [0u8; 4096];
            let read = tokio::select! {
                biased;
                read = stream.read(&mut chunk) => read,
                late = &mut patience => return late.into(),
            };
            match read {
                Err(error) => return tls::words(&error),
                Ok(0) => return "closed by the peer".into(),
                Ok(n) => buffer.extend_from_slice(&chunk[..n]),
            }
            self.activity.touch();
            if buffer == PONG {
                self.ponged.store(true, Ordering::Relaxed);
            }
            loop {
                match next_frame(&mut buffer) {
                    Ok(None) => break,
                    Ok(Some(frame)) => {
                        half = false;
                        if let Err(reason) = self.deliver(frame).await {
                            return reason;
                        }
                    }
                    Err(reason) => return reason,
                }
            }
            let begun = !buffer.iter().all(|b| b"\r\n".contains(b));
            if !begun {
                patience = self.patience(IDLE_LIMIT, "nothing was received for ten minutes");
            } else if !half {
                patience = late(WHOLE_LIMIT, "half a message came and no more");
            }
            half = begun;
        }
    }

    /// Between messages: connections of ours are kept as long as they live, the keep-alives find out.
    fn patience(&self, limit: Duration, reason: &'static str) -> BoxFuture<'static, &'static str> {
        match self.peer.opened {
            Opened::ByUs => std::future::pending().boxed(),
            Opened::ByThem => late(limit, reason),
        }
    }

    /// The one place where messages of a connection come in.
    async fn deliver(&self, frame: Frame) -> Result<(), String> {
        let mut bytes = match frame {
            Frame::KeepAlive => return self.reply(PONG.to_vec()).await,
            Frame::Message(bytes) => bytes,
        };
        self.peer.tap(Way::Received, &bytes);
        clean_headers(&mut bytes);
        if let Some(reply) = refuse_unknown_method(&bytes, &self.user_agent) {
            return self.reply(reply).await;
        }
        let (remote, transport) = (self.peer.remote, self.peer.transport);
        match parse(&bytes, remote, transport) {
            Ok(message) => {
                let event = TransportEvent::Incoming(message, self.connection.clone(), self.address.clone());
                self.incoming.send(event).map_err(|_| "the stack has closed".to_string())
            }
            Err(error) => {
                tracing::warn!(net.peer = %remote, %error, "a message that cannot be read was dropped");
                Ok(())
            }
        }
    }

    async fn reply(&self, bytes: Vec<u8>) -> Result<(), String> {
        self.raw.send(bytes).await.map_err(|_| "the writer has ended".to_string())
    }
}

/// Why we leave, once `limit` is over.
fn late(limit: Duration, reason: &'static str) -> BoxFuture<'static, &'static str> {
    tokio::time::sleep(limit).map(move |()| reason).boxed()
}

/// Asks a silent peer whether it is there.
async fn keep_alive(remote: SocketAddr, raw: mpsc::Sender<Vec<u8>>, activity: Arc<Activity>, ponged: Arc<AtomicBool>) {
    let alive = activity.alive.clone();
    let beat = async {
        loop {
            tokio::time::sleep(PING_EVERY).await;
            let asked = activity.last();
            if raw.send(PING.to_vec()).await.is_err() {
                return;
            }
            tokio::time::sleep(PONG_LIMIT).await;
            if ponged.load(Ordering::Relaxed) && activity.last() == asked {
                tracing::warn!(net.peer = %remote, "a peer has stopped answering keep-alives: its connection is closed");
                return activity.alive.cancel();
            }
        }
    };
    tokio::select! {
        _ = alive.cancelled() => {}
        _ = beat => {}
    }
}

/// The one place where messages of a connection go out.
async fn write_loop(
    mut stream: impl AsyncWrite + Unpin,
    peer: Peer,
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
        peer.tap(Way::Sent, &bytes);
        let write = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        match timeout(WRITE_LIMIT, write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(net.peer = %peer.remote, error = %tls::words(&error), "writing to a connection failed");
                break;
            }
            Err(_) => {
                tracing::warn!(net.peer = %peer.remote, "a peer does not read: its connection is closed");
                break;
            }
        }
    }
    alive.cancel();
    // A close_notify for TLS, a FIN for both; who does not take it is not waited for.
    if timeout(Duration::from_secs(1), stream.shutdown()).await.is_err() {
        tracing::debug!(net.peer = %peer.remote, "a connection was closed without goodbye");
    }
}

#[cfg(test)]
mod tests {
    //! Time is simulated: the clock jumps to the next timer when nobody has work.

    use super::*;
    use rsipstack::EndpointBuilder;
    use rsipstack::sip::SipMessage;
    use tokio::io::DuplexStream;

    const OPTIONS: &[u8] =
        b"OPTIONS sip:us SIP/2.0\r\nVia: SIP/2.0/TCP far;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
        To: <sip:us>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

    /// Our end's token, and the far end of a connection that holds `room` bytes on their way.
    async fn connection(opened: Opened, room: usize) -> (SipConnection, CancellationToken, DuplexStream) {
        let endpoint = EndpointBuilder::new().with_user_agent("T").build();
        let (near, far) = tokio::io::duplex(room);
        let peer =
            Peer { remote: SocketAddr::from(([127, 0, 0, 1], 5060)), transport: Transport::Tcp, opened, wire: None };
        let alive = CancellationToken::new();
        let connection = adopt(&endpoint.inner, near, peer, Activity::new(alive.clone())).await.unwrap();
        (connection, alive, far)
    }

    const SECOND: Duration = Duration::from_secs(1);
    const HOURS: Duration = Duration::from_secs(7200);

    /// Our end gives up after so long, and not before; `None`: it has not in two hours.
    async fn lives(alive: &CancellationToken, expected: Option<Duration>, what: &str) {
        let at_least = expected.map_or(HOURS, |e| e - SECOND);
        assert!(timeout(at_least, alive.cancelled()).await.is_err(), "{what}: given up too early");
        if expected.is_some() {
            assert!(timeout(2 * SECOND, alive.cancelled()).await.is_ok(), "{what}: not given up");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_is_waited_for_as_long_as_what_he_has_said_is_worth() {
        for (said, expected) in [
            (&b""[..], GREETING_LIMIT),
            (&OPTIONS[..40], WHOLE_LIMIT),
            (&[OPTIONS, &OPTIONS[..5]].concat(), WHOLE_LIMIT),
            (OPTIONS, IDLE_LIMIT),
            (PING, IDLE_LIMIT),
            (PONG, IDLE_LIMIT),
        ] {
            let (_connection, alive, mut far) = connection(Opened::ByThem, 4096).await;
            far.write_all(said).await.unwrap();
            lives(&alive, Some(expected), &String::from_utf8_lossy(said)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_in_drops_is_no_way_to_stay() {
        let (_connection, alive, mut far) = connection(Opened::ByThem, 4096).await;
        let mut beat = tokio::time::interval(SECOND);
        let mut drops = 0;
        for byte in OPTIONS {
            beat.tick().await;
            if alive.is_cancelled() {
                break;
            }
            far.write_all(&[*byte]).await.unwrap();
            drops += 1;
        }
        assert!((10..=11).contains(&drops), "{drops}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_ping_is_answered_and_we_send_our_own() {
        let (_connection, _alive, mut far) = connection(Opened::ByUs, 4096).await;
        far.write_all(PING).await.unwrap();
        let mut pong = [0; 2];
        far.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong, PONG);
        let mut ping = [0; 4];
        assert!(timeout(PING_EVERY - SECOND, far.read_exact(&mut ping)).await.is_err());
        timeout(2 * SECOND, far.read_exact(&mut ping)).await.unwrap().unwrap();
        assert_eq!(ping, PING);
    }

    #[tokio::test(start_paused = true)]
    async fn a_trunk_that_answered_keep_alives_once_must_go_on_and_one_that_never_did_need_not() {
        for (pongs, expected) in [(0, None), (1, Some(2 * (PING_EVERY + PONG_LIMIT)))] {
            let (_connection, alive, far) = connection(Opened::ByUs, 4096).await;
            let (mut read, mut write) = tokio::io::split(far);
            tokio::spawn(async move {
                let mut ping = [0; 4];
                let mut left = pongs;
                while read.read_exact(&mut ping).await.is_ok() {
                    if left > 0 && write.write_all(PONG).await.is_ok() {
                        left -= 1;
                    }
                }
            });
            lives(&alive, expected, &format!("{pongs} pongs")).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_trunk_that_never_reads_is_left() {
        let (connection, alive, _far) = connection(Opened::ByUs, 64).await;
        connection.send(SipMessage::try_from(OPTIONS).unwrap(), None).await.unwrap();
        lives(&alive, Some(WRITE_LIMIT), "a full pipe").await;
    }

    #[tokio::test]
    async fn no_more_connections_are_held_than_the_limit_and_the_most_silent_makes_room() {
        let inbound = Inbound::default();
        let all: Vec<_> = (0..INBOUND_MAX as u64 + 1).map(|_| Activity::new(CancellationToken::new())).collect();
        for (id, activity) in all.iter().enumerate().take(INBOUND_MAX) {
            inbound.admit(id as u64, activity.clone());
        }
        all[0].touch();
        inbound.admit(INBOUND_MAX as u64, all[INBOUND_MAX].clone());
        assert_eq!(inbound.held().len(), INBOUND_MAX);
        let closed: Vec<usize> = (0..all.len()).filter(|n| all[*n].alive.is_cancelled()).collect();
        assert_eq!(closed, [1]);
    }
}
