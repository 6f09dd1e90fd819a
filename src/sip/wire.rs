//! Our own UDP sockets under the stack. Every datagram, up to the 64 KB that UDP allows, is made safe before the stack's parser
//! reads it (see `clean`) and ends where it says that it does; requests that the stack cannot even parse, or that were cut short, are
//! refused here, responses like that are dropped, for they come again (RFC 3261 §18.3); an ICMP "unreachable" is told to those who
//! wait for that address. What goes out is not touched, whatever its size (RFC 3261 §18.1.1 would prefer TCP above 1300 bytes:
//! which transport a trunk takes is the operator's word, and the kernel cuts and joins what is larger than the path).
//!
//! The stack's own receive loop reads 8 KB and loses the rest, so it never reads: whole messages come in at [`receive`] and go out
//! in [`Udp::send_to`], nowhere else.

use super::clean::{clean_headers, parse, refusal, refuse_unknown_method};
use super::frame::datagram_end;
use super::line::Outages;
use super::trace::{Tap, Traces};
use crate::domain::call::trace::Way;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
    sockopt::{Ipv4RecvErr, Ipv6RecvErr},
};
use rsipstack::platform::net::UdpSocket;
use rsipstack::sip::{SipMessage, Transport};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::channel::ChannelConnection;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipAddr, SipConnection, TransportEvent};
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const DATAGRAM_MAX: usize = 65_536;
/// Errors taken from the kernel's queue at a time.
const ERRORS_MAX: usize = 64;
const PING: &[u8] = b"\r\n\r\n";
const PONG: &[u8] = b"\r\n";

/// One bound socket.
pub struct Udp {
    socket: tokio::net::UdpSocket,
    bound: SocketAddr,
    outages: Arc<Outages>,
    traces: Arc<Traces>,
    /// A socket of the other address family, where there is one: the stack's own choice knows no families.
    other: OnceLock<Weak<Udp>>,
}

impl Udp {
    pub fn new(socket: tokio::net::UdpSocket, outages: Arc<Outages>, traces: Arc<Traces>) -> std::io::Result<Self> {
        let bound = socket.local_addr()?;
        if bound.is_ipv4() {
            setsockopt(&socket, Ipv4RecvErr, &true)?;
        } else {
            setsockopt(&socket, Ipv6RecvErr, &true)?;
        }
        Ok(Self { socket, bound, outages, traces, other: OnceLock::new() })
    }

    pub fn bound(&self) -> SocketAddr {
        self.bound
    }

    pub fn set_other(&self, other: Weak<Udp>) {
        // Set once at start; a third socket of the same family changes nothing.
        self.other.get_or_init(|| other);
    }

    fn tap(&self, way: Way, peer: SocketAddr, bytes: &[u8]) {
        self.traces.tap(Tap { way, transport: "UDP", local: self.bound, peer }, bytes);
    }

    async fn send(&self, bytes: &[u8], to: SocketAddr) -> std::io::Result<usize> {
        self.tap(Way::Sent, to, bytes);
        match self.socket.send_to(bytes, to).await {
            Ok(sent) => Ok(sent),
            // It may be the error of an earlier datagram to somebody else: the kernel tells it to the next caller, once.
            Err(_) => {
                self.take_errors();
                let again = self.socket.send_to(bytes, to).await;
                // No route: nobody will ever tell us more.
                if let Err(error) = &again
                    && error.raw_os_error().is_some_and(|e| is_unreachable(e.unsigned_abs()))
                {
                    self.outages.unreachable(to);
                }
                again
            }
        }
    }

    /// Reads the kernel's queue of ICMP errors and tells who is meant.
    fn take_errors(&self) {
        for _ in 0..ERRORS_MAX {
            let mut data = [0u8; 64];
            let mut parts = [IoSliceMut::new(&mut data)];
            let mut control = nix::cmsg_space!([u8; 128]);
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let Ok(message) =
                recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut parts, Some(&mut control), flags)
            else {
                return;
            };
            let unreachable = message.cmsgs().is_ok_and(|mut all| {
                all.any(|c| match c {
                    ControlMessageOwned::Ipv4RecvErr(e, _) => is_unreachable(e.ee_errno),
                    ControlMessageOwned::Ipv6RecvErr(e, _) => is_unreachable(e.ee_errno),
                    _ => false,
                })
            });
            if let Some(target) = message.address.as_ref().and_then(address_of).filter(|_| unreachable) {
                // Whoever waits for it says so; a trunk that is down is asked every few seconds.
                tracing::debug!(net.peer = %target, "the far end's machine says that nobody listens there");
                self.outages.unreachable(target);
            }
        }
    }
}

fn is_unreachable(errno: u32) -> bool {
    use nix::errno::Errno;
    [Errno::ECONNREFUSED, Errno::EHOSTUNREACH, Errno::ENETUNREACH].iter().any(|e| *e as u32 == errno)
}

fn address_of(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|a| SocketAddr::V4((*a).into()));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| SocketAddr::V6((*a).into())))
}

#[async_trait::async_trait]
impl UdpSocket for Udp {
    /// Never: see [`receive`].
    async fn recv_from(&self, _: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        std::future::pending().await
    }

    async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> rsipstack::Result<usize> {
        let foreign = self.bound.is_ipv4() != to.is_ipv4();
        match self.other.get().filter(|_| foreign).and_then(Weak::upgrade) {
            Some(other) => Ok(other.send(bytes, to).await?),
            None => Ok(self.send(bytes, to).await?),
        }
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.bound)
    }
}

/// Reads datagrams until `stop` and hands the messages to the stack.
pub async fn receive(udp: Arc<Udp>, connection: UdpConnection, endpoint: EndpointInnerRef, stop: CancellationToken) {
    let (incoming, from_us) = rsipstack::platform::mpsc::unbounded_channel();
    // Nothing is ever sent over this one: it is the stack's door for messages that somebody else has read.
    let (unused, _) = mpsc::channel(1);
    let address = SipAddr { r#type: Some(Transport::Udp), addr: udp.bound.into() };
    let door = ChannelConnection::create_connection_bounded(from_us, unused, address, Some(stop.child_token())).await;
    match door {
        Ok(door) => endpoint.transport_layer.inner.serve_connection(SipConnection::Channel(door)),
        Err(error) => return tracing::error!(net.local = %udp.bound, %error, "udp cannot be served"),
    }
    let mut buffer = vec![0; DATAGRAM_MAX];
    loop {
        let received = tokio::select! {
            _ = stop.cancelled() => return,
            received = udp.socket.recv_from(&mut buffer) => received,
        };
        let (len, from) = match received {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(net.local = %udp.bound, %error, "udp tells of an earlier datagram");
                udp.take_errors();
                continue;
            }
        };
        udp.tap(Way::Received, from, &buffer[..len]);
        let Some(message) = read(&udp, &mut buffer[..len], from, &endpoint.user_agent).await else { continue };
        let source = SipAddr { r#type: Some(Transport::Udp), addr: from.into() };
        let event = TransportEvent::Incoming(message, SipConnection::Udp(connection.clone()), source);
        if incoming.send(event).is_err() {
            return;
        }
    }
}

/// The message in a datagram, if it is one for the stack.
async fn read(udp: &Udp, datagram: &mut [u8], from: SocketAddr, user_agent: &str) -> Option<SipMessage> {
    if datagram.iter().all(u8::is_ascii_whitespace) {
        if datagram == PING {
            answer(udp, PONG, from).await;
        }
        return None;
    }
    clean_headers(datagram);
    if let Some(reply) = refuse_unknown_method(datagram, user_agent) {
        answer(udp, &reply, from).await;
        return None;
    }
    let whole = match datagram_end(datagram) {
        Ok(end) => &datagram[..end],
        Err(error) => {
            tracing::debug!(net.peer = %from, %error, "a datagram that is not whole was not used");
            if let Some(reply) = refusal(datagram, "400 Bad Request", user_agent) {
                answer(udp, &reply, from).await;
            }
            return None;
        }
    };
    let parsed = parse(whole, from, Transport::Udp);
    parsed
        .inspect_err(|error| tracing::debug!(net.peer = %from, %error, "a datagram that cannot be read was dropped"))
        .ok()
}

async fn answer(udp: &Udp, bytes: &[u8], to: SocketAddr) {
    if let Err(error) = udp.send(bytes, to).await {
        tracing::debug!(net.peer = %to, %error, "a datagram could not be answered");
    }
}
