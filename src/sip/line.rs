//! Which way a message goes: the sockets that we listen on, the one connection of each trunk, and what is known of far ends that
//! cannot be reached.
//!
//! Contract: [`Lines::open`] finds or makes the way to a trunk within [`OPEN_LIMIT`], names included; the [`Line`] that it gives
//! makes every client transaction of a call or a registration, so that the stack never chooses a socket itself. A connection that
//! has died is opened again by the next request (a BYE after the trunk closed it), unless the far end had opened it. Requests inside a
//! dialog follow route and target over UDP; over a connection they stay on it (RFC 5923), as every trunk behind NAT needs.
//!
//! Of several addresses of a name the next is tried when one refuses or cannot be reached (RFC 3263 §4.3); over UDP that is known
//! only where the machine says so, else the next call tries the next address, because an INVITE that was sent may have been heard.

use super::request::is_in_dialog;
use super::resolve::Resolver;
use super::stream::{self, Opened, Peer, Wire, is_alive};
use super::tls;
use super::trace::Traces;
use super::trunk::Trunk;
use super::wire::Udp;
use crate::clock::monotonic;
use rsipstack::sip::{HostWithPort, Request, Transport};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::SipConnection;
use rsipstack::transport::udp::UdpConnection;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// For finding and connecting to a trunk, all its addresses together.
const OPEN_LIMIT: Duration = Duration::from_secs(5);
/// For connecting to all addresses of a trunk, TLS included.
const DIAL_LIMIT: Duration = Duration::from_secs(4);
/// An address that could not be reached is tried last for so long.
const AVOID: Duration = Duration::from_secs(30);
const AVOIDED_MAX: usize = 64;

/// One bound listener.
#[derive(Clone)]
pub struct Local {
    pub transport: Transport,
    pub bound: SocketAddr,
    /// Where far ends reach it.
    pub public: HostWithPort,
    /// Over UDP: what messages leave by.
    pub udp: Option<(Arc<Udp>, UdpConnection)>,
}

/// What must be known of a trunk, or of an agent's telephone, to reach it.
#[derive(Clone)]
pub struct Destination {
    /// Its connection is kept by this.
    pub name: String,
    pub target: HostWithPort,
    pub transport: Transport,
    /// Over TLS.
    pub tls: Option<tls::Client>,
}

impl From<&Trunk> for Destination {
    fn from(trunk: &Trunk) -> Self {
        let target = trunk.uri.host_with_port.clone();
        Self { name: trunk.name.clone(), target, transport: trunk.transport, tls: trunk.tls.clone() }
    }
}

/// Everything that messages can travel by.
pub struct Lines {
    pub locals: Vec<Local>,
    pub resolver: Resolver,
    pub outages: Arc<Outages>,
    traces: Arc<Traces>,
    /// Cancelled last: the sockets close.
    pub stop: CancellationToken,
    /// The connection of each trunk, and of each host that one redirected us to; as many as the configuration names.
    connections: Mutex<HashMap<String, Slot>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Live>>>;

#[derive(Clone)]
struct Live {
    connection: SipConnection,
    local: SocketAddr,
    remote: SocketAddr,
}

impl Lines {
    pub fn new(
        locals: Vec<Local>,
        resolver: Resolver,
        outages: Arc<Outages>,
        traces: Arc<Traces>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self { locals, resolver, outages, traces, stop, connections: Mutex::default() })
    }

    /// The way to a trunk now, and where the trunk reaches us.
    pub async fn open(
        self: &Arc<Self>,
        endpoint: &EndpointInnerRef,
        to: Destination,
    ) -> Result<(Line, HostWithPort), String> {
        let open = async {
            match to.transport {
                Transport::Udp => self.by_udp(endpoint, &to).await,
                _ => self.by_connection(endpoint, &to).await,
            }
        };
        timeout(OPEN_LIMIT, open).await.unwrap_or_else(|_| Err(format!("{} could not be reached in time", to.target)))
    }

    /// The way back to a far end that was heard over `connection`, and that calls itself `target`.
    pub fn back(
        self: &Arc<Self>,
        endpoint: &EndpointInnerRef,
        transport: Transport,
        connection: &SipConnection,
        remote: SocketAddr,
        target: HostWithPort,
    ) -> Line {
        let lost = match transport {
            Transport::Udp => self.outages.watch(remote),
            _ => Arc::new(connection.cancel_token().unwrap_or_default()),
        };
        Line {
            lines: self.clone(),
            endpoint: endpoint.clone(),
            to: Destination { name: remote.to_string(), target, transport, tls: None },
            connection: connection.clone(),
            remote,
            lost,
            reopens: false,
        }
    }

    /// Where a far end at `remote` reaches us.
    pub fn public(&self, transport: Transport, remote: SocketAddr) -> Option<HostWithPort> {
        self.local(transport, remote).map(|local| local.public.clone())
    }

    async fn by_udp(
        self: &Arc<Self>,
        endpoint: &EndpointInnerRef,
        to: &Destination,
    ) -> Result<(Line, HostWithPort), String> {
        let found = self.resolver.resolve(&to.target, Transport::Udp).await.map_err(|e| e.to_string())?;
        let usable = self.outages.last(found).into_iter().find_map(|a| Some((a, self.local(Transport::Udp, a)?)));
        let (remote, local) =
            usable.ok_or_else(|| format!("sip.listen has no udp address that reaches {}", to.target))?;
        let (_, connection) = local.udp.as_ref().ok_or("a udp address without a socket")?;
        let line = Line {
            lines: self.clone(),
            endpoint: endpoint.clone(),
            to: to.clone(),
            connection: SipConnection::Udp(connection.clone()),
            remote,
            lost: self.outages.watch(remote),
            reopens: true,
        };
        Ok((line, local.public.clone()))
    }

    async fn by_connection(
        self: &Arc<Self>,
        endpoint: &EndpointInnerRef,
        to: &Destination,
    ) -> Result<(Line, HostWithPort), String> {
        let live = self.connected(endpoint, to).await?;
        let public = match self.local(to.transport, live.remote) {
            Some(local) => local.public.clone(),
            // Nobody can open a connection to us: the one that is open is what the far end knows of us.
            None => live.local.into(),
        };
        let line = Line {
            lines: self.clone(),
            endpoint: endpoint.clone(),
            to: to.clone(),
            lost: Arc::new(live.connection.cancel_token().unwrap_or_default()),
            connection: live.connection,
            remote: live.remote,
            reopens: true,
        };
        Ok((line, public))
    }

    /// The trunk's connection: the one there is, or a new one.
    async fn connected(&self, endpoint: &EndpointInnerRef, to: &Destination) -> Result<Live, String> {
        let slot: Slot = {
            let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(to.name.clone()).or_default().clone()
        };
        // Held while connecting: calls that start together share one connection.
        let mut slot = slot.lock().await;
        if let Some(live) = slot.as_ref().filter(|l| is_alive(&l.connection)) {
            return Ok(live.clone());
        }
        let found = self.resolver.resolve(&to.target, to.transport).await.map_err(|e| e.to_string())?;
        let found = self.outages.last(found);
        let mut failures = vec![];
        let deadline = monotonic() + DIAL_LIMIT;
        for (n, remote) in found.iter().enumerate() {
            let left = deadline.saturating_duration_since(monotonic());
            // The last address may take all the time that is left; those before it, their share.
            let share = left / u32::try_from(found.len() - n).unwrap_or(u32::MAX);
            let dial = timeout(share, self.dial(endpoint, to, *remote)).await;
            match dial.unwrap_or_else(|_| Err("no answer in time".into())) {
                Ok(live) => {
                    *slot = Some(live.clone());
                    return Ok(live);
                }
                Err(reason) => {
                    self.outages.avoid(*remote);
                    failures.push(format!("{remote}: {reason}"));
                }
            }
        }
        Err(failures.join("; "))
    }

    async fn dial(&self, endpoint: &EndpointInnerRef, to: &Destination, remote: SocketAddr) -> Result<Live, String> {
        let io = |e: std::io::Error| tls::words(&e);
        let tcp = TcpStream::connect(remote).await.map_err(io)?;
        stream::prepare(&tcp).map_err(io)?;
        let local = tcp.local_addr().map_err(io)?;
        let wire = Some(Wire { local, traces: self.traces.clone() });
        let peer = Peer { remote, transport: to.transport, opened: Opened::ByUs, wire };
        let connection = match &to.tls {
            None => stream::adopt_own(endpoint, tcp, peer, &self.stop).await?,
            Some(client) => {
                let secured = client.connector.connect(client.name.clone(), tcp).await.map_err(io)?;
                stream::adopt_own(endpoint, secured, peer, &self.stop).await?
            }
        };
        Ok(Live { connection, local, remote })
    }

    /// The listener for a far end at `remote`.
    fn local(&self, transport: Transport, remote: SocketAddr) -> Option<&Local> {
        self.locals.iter().find(|l| l.transport == transport && l.bound.is_ipv4() == remote.is_ipv4())
    }
}

/// How the messages of one call (or one registration) travel.
#[derive(Clone)]
pub struct Line {
    lines: Arc<Lines>,
    endpoint: EndpointInnerRef,
    to: Destination,
    connection: SipConnection,
    /// The trunk's address in use.
    remote: SocketAddr,
    lost: Arc<CancellationToken>,
    /// A connection that has died is opened again.
    reopens: bool,
}

impl Line {
    /// A client transaction that knows its way; it is not sent yet.
    pub async fn client(&self, request: Request) -> Result<Transaction, String> {
        let key = TransactionKey::from_request(&request, TransactionRole::Client).map_err(|e| e.to_string())?;
        let (connection, destination) = match self.to.transport {
            Transport::Udp => (self.connection.clone(), Some(self.target(&request).await.into())),
            _ => (self.live(self.redirected(&request)).await?, None),
        };
        let mut transaction = Transaction::new_client(key, request, self.endpoint.clone(), Some(connection));
        transaction.destination = destination;
        Ok(transaction)
    }

    /// Cancelled when the far end is known to be gone: its connection has ended, or its machine says that nobody listens there.
    pub fn lost(&self) -> CancellationToken {
        CancellationToken::clone(&self.lost)
    }

    /// Whether a message that was lost on `before` has a chance on this one: a new connection, or another address.
    pub fn is_another_than(&self, before: &Line) -> bool {
        match self.to.transport {
            Transport::Udp => self.remote != before.remote,
            _ => !self.lost.is_cancelled(),
        }
    }

    /// Nothing came back in the time that a request has: the next call tries another address of the name first.
    pub fn was_silent(&self) {
        self.lines.outages.avoid(self.remote);
    }

    /// The host that a redirection (302) has sent this request to, when it is not the trunk's own address.
    fn redirected(&self, request: &Request) -> Option<HostWithPort> {
        let host = &request.uri.host_with_port;
        (!is_in_dialog(request) && *host != self.to.target).then(|| host.clone())
    }

    async fn live(&self, redirected: Option<HostWithPort>) -> Result<SipConnection, String> {
        if redirected.is_none() && is_alive(&self.connection) {
            return Ok(self.connection.clone());
        }
        if !self.reopens {
            return Err("the connection is lost, and it was not ours to open".into());
        }
        let to = match redirected {
            Some(target) => Destination { name: format!("{} {target}", self.to.name), target, ..self.to.clone() },
            None => self.to.clone(),
        };
        let live = timeout(OPEN_LIMIT, self.lines.connected(&self.endpoint, &to)).await;
        live.unwrap_or_else(|_| Err(format!("{} could not be reached in time", to.target))).map(|l| l.connection)
    }

    /// Outside a dialog the trunk, or where it redirected us; inside, the first route or the far end's Contact, and the trunk where that
    /// leads nowhere.
    async fn target(&self, request: &Request) -> SocketAddr {
        if !is_in_dialog(request) && self.redirected(request).is_none() {
            return self.remote;
        }
        let uri = request.destination();
        match self.lines.resolver.resolve(&uri.host_with_port, Transport::Udp).await {
            Ok(found) => found.into_iter().next().unwrap_or(self.remote),
            Err(error) => {
                tracing::warn!(trunk.name = %self.to.name, %error, "a request goes to the trunk instead of its target");
                self.remote
            }
        }
    }
}

/// Far ends that cannot be reached, as far as we were told.
#[derive(Default)]
pub struct Outages {
    watched: Mutex<HashMap<SocketAddr, Weak<CancellationToken>>>,
    avoided: Mutex<HashMap<SocketAddr, Instant>>,
}

impl Outages {
    /// A token that is cancelled when `remote` is found to be unreachable.
    pub fn watch(&self, remote: SocketAddr) -> Arc<CancellationToken> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, token| token.strong_count() > 0);
        let known = watched.get(&remote).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let token = Arc::new(CancellationToken::new());
            watched.insert(remote, Arc::downgrade(&token));
            token
        })
    }

    /// Whoever waits for `remote` is told, once.
    pub fn unreachable(&self, remote: SocketAddr) {
        let token = self.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&remote);
        if let Some(token) = token.and_then(|t| t.upgrade()) {
            self.avoid(remote);
            token.cancel();
        }
    }

    fn avoid(&self, remote: SocketAddr) {
        let now = monotonic();
        let mut avoided = self.avoided.lock().unwrap_or_else(PoisonError::into_inner);
        avoided.retain(|_, since| now.duration_since(*since) < AVOID);
        if avoided.len() < AVOIDED_MAX {
            avoided.insert(remote, now);
        }
    }

    /// The same addresses, those that failed lately at the end.
    fn last(&self, mut found: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let now = monotonic();
        let avoided = self.avoided.lock().unwrap_or_else(PoisonError::into_inner);
        found.sort_by_key(|a| avoided.get(a).is_some_and(|since| now.duration_since(*since) < AVOID));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_failed_is_tried_last_and_only_those_who_wait_for_it_are_told() {
        let [a, b]: [SocketAddr; 2] = ["127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()];
        let outages = Outages::default();
        let (first, second, other) = (outages.watch(a), outages.watch(a), outages.watch(b));
        outages.unreachable(a);
        assert!(first.is_cancelled() && second.is_cancelled() && !other.is_cancelled());
        assert_eq!(outages.last(vec![a, b]), [b, a]);
        assert!(!outages.watch(a).is_cancelled(), "the next call tries again");
        // Who sends us errors for addresses that nobody waits for fills no memory.
        outages.unreachable("127.0.0.1:3".parse().unwrap());
        assert_eq!(outages.avoided.lock().unwrap().len(), 1);
    }

    #[test]
    fn what_is_remembered_of_far_ends_is_bounded() {
        let outages = Outages::default();
        for port in 1..1000 {
            outages.avoid(SocketAddr::from(([127, 0, 0, 1], port)));
            drop(outages.watch(SocketAddr::from(([127, 0, 0, 1], port))));
        }
        assert_eq!(outages.avoided.lock().unwrap().len(), AVOIDED_MAX);
        assert_eq!(outages.watched.lock().unwrap().len(), 1);
    }
}
