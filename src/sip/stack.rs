//! Owns the SIP sockets, the trunks and the register of calls; everything else hangs on it.

use super::api::{CallEvent, NoTrunk, SipError, TrunkStatus};
use super::call::{self, CallControl, EVENTS_MAX, Events};
use super::mend::Mend;
use super::request::Flow;
use super::trace::{CallTrace, Traces};
use super::trunk::{self, Trunk, TrunkPick};
use super::wire::CleanUdp;
use super::{incoming, register, tcp};
use crate::clock::Clock;
use crate::config;
use crate::domain::{id::CallId, phone::Phone};
use rsipstack::EndpointBuilder;
use rsipstack::sip::{Host, HostWithPort, Transport};
use rsipstack::transaction::endpoint::{EndpointInnerRef, EndpointOption};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipAddr, SipConnection, TransportLayer};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// In-dialog requests that may wait for their call.
const INBOX_MAX: usize = 16;
/// How long calls may take to say goodbye when the engine stops.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);
/// A phone may not ring longer than a trunk's limit plus this; only the stack's own safety net, see `machine`.
const TIMER_C_MARGIN: Duration = Duration::from_secs(240);

/// One bound listener.
#[derive(Clone)]
struct Local {
    bound: SocketAddr,
    public: HostWithPort,
}

/// What calls, registrations and the dispatcher share.
pub struct Core {
    pub endpoint: EndpointInnerRef,
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the engine stops: calls hang up.
    pub closing: CancellationToken,
    /// Calls, and requests that outlive them.
    pub tasks: TaskTracker,
    /// Cancelled last: the sockets close.
    sockets: CancellationToken,
    udp: Option<Local>,
    tcp: Option<Local>,
    pool: tcp::Pool,
    traces: Arc<Traces>,
    calls: Mutex<HashMap<String, mpsc::Sender<Transaction>>>,
}

impl Core {
    /// How requests to `trunk` travel now; over TCP this connects.
    pub async fn flow(&self, trunk: &Trunk) -> Result<Flow, String> {
        let flow = |public, connection| Flow {
            endpoint: self.endpoint.clone(),
            transport: trunk.transport,
            public,
            connection,
        };
        if trunk.transport != Transport::Tcp {
            let local = self.udp.as_ref().ok_or("no udp address is listened on")?;
            return Ok(flow(local.public.clone(), None));
        }
        let target = SipAddr { r#type: Some(Transport::Tcp), addr: trunk.uri.host_with_port.clone() };
        let target = match target.addr.host {
            Host::IpAddr(_) => target,
            Host::Domain(_) => {
                let resolver = &self.endpoint.transport_layer.inner.domain_resolver;
                resolver.resolve(&target).await.map_err(|e| e.to_string())?
            }
        };
        let remote = target.get_socketaddr().map_err(|e| e.to_string())?;
        let connection = self.pool.get(&self.endpoint, remote, &self.sockets).await.map_err(|e| e.to_string())?;
        let public = match (&self.tcp, &self.udp) {
            (Some(local), _) => local.public.clone(),
            // Without a TCP listener the far end can only use the connection that is open.
            (None, Some(local)) => local.public.clone(),
            (None, None) => return Err("no address is listened on".into()),
        };
        Ok(flow(public, Some(connection)))
    }

    pub fn inbox_of(&self, call_id: &str) -> Option<mpsc::Sender<Transaction>> {
        self.calls().get(call_id).cloned()
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, HashMap<String, mpsc::Sender<Transaction>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a call off the register whatever way its task ends.
struct Listed {
    core: Arc<Core>,
    call_id: String,
    /// Kept while the call runs.
    _trace: Arc<CallTrace>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.core.calls().remove(&self.call_id);
    }
}

/// The SIP user agent of the process.
pub struct SipStack {
    core: Arc<Core>,
    trunks: Vec<Arc<Trunk>>,
}

impl SipStack {
    /// Binds every `sip.listen`, starts the registrations. Errors name the address or the key.
    ///
    /// When `shutdown` is cancelled, calls are hung up, registrations taken back and the sockets closed, within three seconds.
    pub async fn start(
        sip: &config::Sip,
        trunks: &[config::Trunk],
        clock: Arc<dyn Clock>,
        shutdown: CancellationToken,
    ) -> Result<Arc<SipStack>, SipError> {
        Self::start_with(sip, trunks, clock, shutdown, EndpointOption::default().t1).await
    }

    /// `t1` is RFC 3261's estimate of a round trip; only tests that wait for silence shorten it.
    async fn start_with(
        sip: &config::Sip,
        trunks: &[config::Trunk],
        clock: Arc<dyn Clock>,
        shutdown: CancellationToken,
        t1: Duration,
    ) -> Result<Arc<SipStack>, SipError> {
        let trunks = trunk::by_priority(trunks)?;
        let user_agent = format!("Huifang/{}", env!("CARGO_PKG_VERSION"));
        let advertise = sip.advertise.as_deref().map(parse_advertise).transpose()?;
        let sockets = CancellationToken::new();
        let transport = TransportLayer::new(sockets.clone());
        let traces = Traces::new(clock.clone());
        let (mut udp, mut listeners) = (None, Vec::new());
        for value in &sip.listen {
            match bind(value).await? {
                Bound::Udp(socket) => {
                    let bound = socket.local_addr().map_err(|e| bind_error(value, e))?;
                    let socket = Arc::new(CleanUdp::new(socket, bound, user_agent.clone(), traces.clone()));
                    let connection = UdpConnection::from_socket(socket, None, Some(sockets.child_token()))
                        .await
                        .map_err(|e| SipError::Serve { value: value.clone(), reason: e.to_string() })?;
                    transport.add_transport(connection.into());
                    udp.get_or_insert(local(bound, advertise.as_ref()));
                }
                Bound::Tcp(listener) => {
                    let bound = listener.local_addr().map_err(|e| bind_error(value, e))?;
                    listeners.push((listener, local(bound, advertise.as_ref())));
                }
            }
        }
        check_transports(&trunks, udp.is_some(), !listeners.is_empty())?;
        let longest_ring = trunks.iter().map(|t| t.ring_timeout).max().unwrap_or_default();
        let options =
            EndpointOption { t1, t1x64: t1 * 64, timerc: longest_ring + TIMER_C_MARGIN, ..EndpointOption::default() };
        let endpoint = EndpointBuilder::new()
            .with_user_agent(&user_agent)
            .with_cancel_token(sockets.clone())
            .with_transport_layer(transport)
            .with_option(options)
            .with_inspector(Box::new(Mend))
            .build();
        let requests = endpoint
            .incoming_transactions()
            .map_err(|e| SipError::Serve { value: sip.listen.join(", "), reason: e.to_string() })?;
        let core = Arc::new(Core {
            endpoint: endpoint.inner.clone(),
            clock,
            closing: shutdown.child_token(),
            tasks: TaskTracker::new(),
            sockets,
            udp,
            tcp: listeners.first().map(|(_, local)| local.clone()),
            pool: tcp::Pool::new(traces.clone()),
            traces,
            calls: Mutex::default(),
        });
        tokio::spawn(async move { endpoint.serve().await });
        for (listener, _) in listeners {
            tokio::spawn(tcp::serve(core.endpoint.clone(), listener, core.sockets.clone(), core.traces.clone()));
        }
        tokio::spawn(incoming::serve(core.clone(), requests));
        for trunk in trunks.iter().filter(|t| t.register) {
            core.tasks.spawn(register::keep(core.clone(), trunk.clone()));
        }
        tokio::spawn(close_down(core.clone()));
        tracing::info!(sip.listen = %sip.listen.join(", "), sip.trunks = trunks.len(), "sip is up");
        Ok(Arc::new(SipStack { core, trunks }))
    }

    /// The bound UDP address (the real port when the configured one is 0).
    pub fn local_udp(&self) -> Option<SocketAddr> {
        self.core.udp.as_ref().map(|l| l.bound)
    }

    /// The bound TCP address.
    pub fn local_tcp(&self) -> Option<SocketAddr> {
        self.core.tcp.as_ref().map(|l| l.bound)
    }

    pub fn trunks(&self) -> Vec<TrunkStatus> {
        self.trunks.iter().map(|t| t.status()).collect()
    }

    /// By priority, prefix, registration, `max_calls` and calls per second; the pick holds a slot until dropped.
    pub fn pick_trunk(&self, to: &Phone) -> Result<TrunkPick, NoTrunk> {
        trunk::pick(&self.trunks, to)
    }

    /// Sends the INVITE. Must be called inside a tokio runtime. Dropping the receiver ends the call.
    pub fn invite(
        &self,
        pick: TrunkPick,
        to: &Phone,
        call: &CallId,
        offer_sdp: Vec<u8>,
    ) -> Result<(CallControl, mpsc::Receiver<CallEvent>), SipError> {
        let core = &self.core;
        if core.closing.is_cancelled() {
            return Err(SipError::Closed);
        }
        let invalid = |reason: &str| SipError::Invite { call: call.to_string(), reason: reason.into() };
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let sender = Events::new(sender, core.clock.clone()).ok_or_else(|| invalid("no room for its events"))?;
        let call_id = call_id_header(call);
        let (to_inbox, inbox) = mpsc::channel(INBOX_MAX);
        core.calls().insert(call_id.clone(), to_inbox);
        let trace = core.traces.open(&call_id, call);
        let listed = Listed { core: core.clone(), call_id: call_id.clone(), _trace: trace };
        let (control, orders) = CallControl::new();
        let start = call::Start {
            core: core.clone(),
            pick,
            to: to.clone(),
            id: call.to_string(),
            call_id,
            sdp: offer_sdp,
            events: sender,
            control: control.clone(),
            orders,
            inbox,
        };
        core.tasks.spawn(async move {
            call::run(start).await;
            drop(listed);
        });
        Ok((control, events))
    }

    /// The messages of a call that is up, or whose trace is still held.
    pub fn trace(&self, call: &CallId) -> Option<Arc<CallTrace>> {
        self.core.traces.find(call)
    }

    /// Calls that signalling still knows (zero when all is over).
    pub fn dialogs(&self) -> usize {
        self.core.calls().len()
    }
}

/// Ours and readable: the id of the call, and something that no other attempt has.
fn call_id_header(call: &CallId) -> String {
    let safe: String = call.as_str().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
    format!("{safe}-{}@huifang", rsipstack::transaction::random_text(12))
}

async fn close_down(core: Arc<Core>) {
    core.closing.cancelled().await;
    core.tasks.close();
    if timeout(CLOSE_LIMIT, core.tasks.wait()).await.is_err() {
        tracing::warn!(sip.tasks = core.tasks.len(), "sip stops with far ends that have not answered");
    }
    core.sockets.cancel();
}

enum Bound {
    Udp(tokio::net::UdpSocket),
    Tcp(tokio::net::TcpListener),
}

fn bind_error(value: &str, source: std::io::Error) -> SipError {
    SipError::Bind { value: value.into(), source }
}

async fn bind(value: &str) -> Result<Bound, SipError> {
    let listen_error = || SipError::Listen { value: value.into() };
    let (protocol, address) = value.split_once(':').ok_or_else(listen_error)?;
    if !address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
        return Err(listen_error());
    }
    let bound = match protocol {
        "udp" => tokio::net::UdpSocket::bind(address).await.map(Bound::Udp),
        "tcp" => tokio::net::TcpListener::bind(address).await.map(Bound::Tcp),
        _ => return Err(listen_error()),
    };
    bound.map_err(|e| bind_error(value, e))
}

/// A trunk whose transport has no socket of ours would fail every call.
fn check_transports(trunks: &[Arc<Trunk>], udp: bool, tcp: bool) -> Result<(), SipError> {
    for trunk in trunks {
        if !udp && (trunk.transport == Transport::Udp || !tcp) {
            return Err(SipError::Trunk {
                trunk: trunk.name.clone(),
                key: "uri",
                value: trunk.uri.to_string(),
                reason: format!("sip.listen has no {} address", trunk.transport.to_string().to_lowercase()),
            });
        }
    }
    Ok(())
}

fn parse_advertise(value: &str) -> Result<HostWithPort, SipError> {
    let bad = || SipError::Advertise { value: value.into() };
    let parsed = HostWithPort::try_from(value).map_err(|_| bad())?;
    match &parsed.host {
        Host::IpAddr(_) => Ok(parsed),
        Host::Domain(name) => {
            let plain = !name.0.is_empty() && name.0.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
            if plain { Ok(parsed) } else { Err(bad()) }
        }
    }
}

/// The address that far ends reach a listener at: the advertised one, with the bound port unless it names its own.
fn local(bound: SocketAddr, advertise: Option<&HostWithPort>) -> Local {
    let public = match advertise {
        Some(a) => HostWithPort { host: a.host.clone(), port: a.port.or(Some(bound.port().into())) },
        None => SipConnection::resolve_bind_address(bound).into(),
    };
    Local { bound, public }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listen_address_that_cannot_be_used_is_named() {
        let taken = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let held = format!("udp:{}", taken.local_addr().unwrap());
        for (value, expected) in [
            (held.as_str(), "sip.listen = \"udp:127.0.0.1:"),
            ("127.0.0.1:5060", "sip.listen = \"127.0.0.1:5060\": want udp:"),
            ("udp:5060", "sip.listen = \"udp:5060\": want udp:"),
            ("tls:127.0.0.1:5061", "sip.listen = \"tls:127.0.0.1:5061\": want udp:"),
            ("udp:127.0.0.1:99999", "sip.listen = \"udp:127.0.0.1:99999\": want udp:"),
            ("udp:192.0.2.1:5060", "sip.listen = \"udp:192.0.2.1:5060\": cannot bind: "),
        ] {
            let error = bind(value).await.err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.starts_with(expected), "{value}: {error}");
        }
    }

    /// With T1 at 10 ms, what takes 32 s in the field takes 640 ms.
    async fn call_into_silence(trunk: &str) -> (Vec<CallEvent>, Arc<SipStack>) {
        let sip = config::Sip { listen: vec!["udp:127.0.0.1:0".into()], advertise: None };
        let trunk: config::Trunk = toml::from_str(&format!("name = \"t\"\nuri = \"{trunk}\"")).unwrap();
        let clock = Arc::new(crate::clock::SystemClock);
        let (shutdown, t1) = (CancellationToken::new(), Duration::from_millis(10));
        let stack = SipStack::start_with(&sip, &[trunk], clock, shutdown, t1).await.unwrap();
        let to = Phone::parse("13812345678").unwrap();
        let pick = stack.pick_trunk(&to).unwrap();
        let (_control, mut events) = stack.invite(pick, &to, &CallId::new("c"), vec![]).unwrap();
        let mut seen = vec![];
        while let Some(event) = timeout(Duration::from_secs(10), events.recv()).await.unwrap() {
            seen.push(event);
        }
        (seen, stack)
    }

    #[tokio::test]
    async fn a_trunk_that_never_answers_is_a_trunk_failure_after_64_t1() {
        use crate::domain::call::outcome::{Fault, Outcome};
        let hole = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let closed = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        for (uri, sent) in [
            (format!("sip:{}", hole.local_addr().unwrap()), true),
            (format!("sip:{closed}"), true),
            ("sip:nowhere.invalid".into(), false),
        ] {
            let (seen, stack) = call_into_silence(&uri).await;
            assert_eq!(matches!(seen[0], CallEvent::InviteSent { .. }), sent, "{uri}");
            match &seen[usize::from(sent)..] {
                [CallEvent::Ended(end)] => {
                    assert_eq!((end.outcome, end.fault), (Some(Outcome::TrunkFailure), Some(Fault::Trunk)), "{uri}");
                    assert_eq!((end.answered, end.status), (false, None), "{uri}: {end:?}");
                }
                other => panic!("{uri}: {other:?}"),
            }
            assert_eq!((stack.dialogs(), stack.trunks()[0].calls_up), (0, 0), "{uri}");
        }
    }

    #[test]
    fn the_advertised_address_takes_the_bound_port_unless_it_has_one() {
        let bound: SocketAddr = "127.0.0.1:5070".parse().unwrap();
        for (advertise, expected) in [
            (None, "127.0.0.1:5070"),
            (Some("203.0.113.7"), "203.0.113.7:5070"),
            (Some("sip.example.cn:5099"), "sip.example.cn:5099"),
        ] {
            let parsed = advertise.map(|a| parse_advertise(a).unwrap());
            assert_eq!(local(bound, parsed.as_ref()).public.to_string(), expected);
        }
        assert!(parse_advertise("a b").is_err());
    }
}
