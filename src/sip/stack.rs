//! Owns the SIP sockets, the trunks and the register of calls; everything else hangs on it.

use super::api::{CallEvent, NoTrunk, SipError, TrunkStatus, Wanted};
use super::call::{self, CallControl, EVENTS_MAX, Events};
use super::callee::Callee;
use super::line::{Destination, Lines, Local, Outages};
use super::listen::{self, Bound};
use super::mend::Mend;
use super::orphan::Orphans;
use super::registrar::{Phones, Registration, SeatSecrets, SeatTarget, Translated};
use super::request::Flow;
use super::resolve::Resolver;
use super::trace::{CallTrace, Traces};
use super::trunk::{self, Trunk, TrunkPick};
use super::wire::{self, Udp};
use super::{incoming, ping, register, stream};
use crate::clock::Clock;
use crate::config;
use crate::domain::{call::Spent, id::CallId, phone::Phone};
use rsipstack::EndpointBuilder;
use rsipstack::sip::{HostWithPort, Scheme, Transport};
use rsipstack::transaction::endpoint::{EndpointInnerRef, EndpointOption};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipAddr, SipConnection, TransportLayer};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// In-dialog requests that may wait for their call.
const INBOX_MAX: usize = 16;
/// How long calls may take to say goodbye when the engine stops.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);
/// A phone may not ring longer than a trunk's limit plus this; only the stack's own safety net, see `machine`.
const TIMER_C_MARGIN: Duration = Duration::from_secs(240);

/// What calls, registrations and the dispatcher share.
pub struct Core {
    pub endpoint: EndpointInnerRef,
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the engine stops: calls hang up.
    pub closing: CancellationToken,
    /// Calls, and requests that outlive them.
    pub tasks: TaskTracker,
    lines: Arc<Lines>,
    traces: Arc<Traces>,
    calls: Mutex<HashMap<String, mpsc::Sender<Transaction>>>,
    phones: OnceLock<Arc<Phones>>,
    translated: Arc<Translated>,
}

impl Core {
    /// How requests to `trunk` travel now; over TCP and TLS this connects. Within five seconds.
    pub async fn flow(&self, trunk: &Trunk) -> Result<Flow, String> {
        self.flow_to(trunk.into(), trunk.uri.scheme == Some(Scheme::Sips)).await
    }

    /// The same to any address; `secure`: by a `sips:` uri.
    pub async fn flow_to(&self, to: Destination, secure: bool) -> Result<Flow, String> {
        let transport = to.transport;
        let (line, public) = self.lines.open(&self.endpoint, to).await?;
        Ok(Flow { endpoint: self.endpoint.clone(), transport, public, secure, line })
    }

    /// How a telephone is called that registered over `connection` from `remote` and calls itself `target`.
    pub fn flow_heard(
        &self,
        connection: &SipConnection,
        transport: Transport,
        remote: SocketAddr,
        target: HostWithPort,
    ) -> Result<Flow, String> {
        let public = self.lines.public(transport, remote);
        let public = public.ok_or_else(|| format!("sip.listen has no {transport} address for {remote}"))?;
        let line = self.lines.back(&self.endpoint, transport, connection, remote, target);
        Ok(Flow { endpoint: self.endpoint.clone(), transport, public, secure: false, line })
    }

    /// How to answer a far end that no call of ours waits for: by the connection that it was heard over. `None` for an address that is
    /// no address.
    pub fn flow_back(&self, connection: &SipConnection, from: &SipAddr, public: HostWithPort) -> Option<Flow> {
        let transport = from.r#type.unwrap_or_default();
        let remote = from.get_socketaddr().ok()?;
        let line = self.lines.back(&self.endpoint, transport, connection, remote, remote.into());
        Some(Flow { endpoint: self.endpoint.clone(), transport, public, secure: false, line })
    }

    pub fn inbox_of(&self, call_id: &str) -> Option<mpsc::Sender<Transaction>> {
        self.calls().get(call_id).cloned()
    }

    /// The registrar of desk phones, where the site has one.
    pub fn phones(&self) -> Option<&Arc<Phones>> {
        self.phones.get()
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
    trunks_changed: Arc<Notify>,
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
    pub(super) async fn start_with(
        sip: &config::Sip,
        trunks: &[config::Trunk],
        clock: Arc<dyn Clock>,
        shutdown: CancellationToken,
        t1: Duration,
    ) -> Result<Arc<SipStack>, SipError> {
        let trunks_changed = Arc::new(Notify::new());
        let trunks = trunk::by_priority(trunks, &trunks_changed)?;
        let user_agent = format!("Huifang/{}", env!("CARGO_PKG_VERSION"));
        let sockets = CancellationToken::new();
        let resolver = Resolver::new(&sip.dns);
        let outages = Arc::new(Outages::default());
        let traces = Traces::new(clock.clone());
        let transport = TransportLayer::new_with_domain_resolver(sockets.clone(), Box::new(resolver.clone()));
        let (mut locals, mut listeners) = (vec![], vec![]);
        for listener in listen::bind_all(sip).await? {
            let listen::Listener { value, transport: protocol, bound, public, socket } = listener;
            let mut local = Local { transport: protocol, bound, public, udp: None };
            match socket {
                Bound::Udp(socket) => {
                    let refused = |reason: String| SipError::Serve { value: value.clone(), reason };
                    let udp = Udp::new(socket, outages.clone(), traces.clone()).map_err(|e| refused(e.to_string()))?;
                    let udp = Arc::new(udp);
                    let connection = UdpConnection::from_socket(udp.clone(), None, Some(sockets.child_token())).await;
                    let connection = connection.map_err(|e| refused(e.to_string()))?;
                    transport.add_transport(connection.clone().into());
                    local.udp = Some((udp, connection));
                }
                Bound::Stream(listener, acceptor) => listeners.push((listener, acceptor)),
            }
            locals.push(local);
        }
        introduce(&locals);
        check_transports(&trunks, &locals)?;
        let longest_ring = trunks.iter().map(|t| t.ring_timeout).max().unwrap_or_default();
        let options =
            EndpointOption { t1, t1x64: t1 * 64, timerc: longest_ring + TIMER_C_MARGIN, ..EndpointOption::default() };
        let orphans = Orphans::default();
        let translated = Arc::new(Translated::default());
        let endpoint = EndpointBuilder::new()
            .with_user_agent(&user_agent)
            .with_cancel_token(sockets.clone())
            .with_transport_layer(transport)
            .with_option(options)
            .with_inspector(Box::new(Mend::new(translated.clone())))
            .with_transport_inspector(Box::new(orphans.clone()))
            .build();
        let requests = endpoint
            .incoming_transactions()
            .map_err(|e| SipError::Serve { value: sip.listen.join(", "), reason: e.to_string() })?;
        let core = Arc::new(Core {
            endpoint: endpoint.inner.clone(),
            clock,
            closing: shutdown.child_token(),
            tasks: TaskTracker::new(),
            lines: Lines::new(locals, resolver, outages, traces.clone(), sockets.clone()),
            traces: traces.clone(),
            calls: Mutex::default(),
            phones: OnceLock::new(),
            translated,
        });
        orphans.watch_over(&core);
        tokio::spawn(async move { endpoint.serve().await });
        for (udp, connection) in core.lines.locals.iter().filter_map(|l| l.udp.clone()) {
            tokio::spawn(wire::receive(udp, connection, core.endpoint.clone(), sockets.clone()));
        }
        for (listener, acceptor) in listeners {
            tokio::spawn(stream::serve(core.endpoint.clone(), listener, acceptor, traces.clone(), sockets.clone()));
        }
        tokio::spawn(incoming::serve(core.clone(), requests));
        for trunk in trunks.iter().filter(|t| t.register) {
            core.tasks.spawn(register::keep(core.clone(), trunk.clone()));
        }
        for trunk in &trunks {
            if let Some(interval) = trunk.options_interval {
                core.tasks.spawn(ping::keep(core.clone(), trunk.clone(), interval));
            }
        }
        tokio::spawn(close_down(core.clone()));
        let bound: Vec<String> = core.lines.locals.iter().map(|l| format!("{} {}", l.transport, l.bound)).collect();
        tracing::info!(sip.listen = %bound.join(", "), sip.trunks = trunks.len(), "sip is up");
        Ok(Arc::new(SipStack { core, trunks, trunks_changed }))
    }

    /// The first bound UDP address (the real port when the configured one is 0).
    pub fn local_udp(&self) -> Option<SocketAddr> {
        self.local(Transport::Udp)
    }

    /// The first bound TCP address.
    pub fn local_tcp(&self) -> Option<SocketAddr> {
        self.local(Transport::Tcp)
    }

    /// The first bound TLS address.
    pub fn local_tls(&self) -> Option<SocketAddr> {
        self.local(Transport::Tls)
    }

    fn local(&self, transport: Transport) -> Option<SocketAddr> {
        self.core.lines.locals.iter().find(|l| l.transport == transport).map(|l| l.bound)
    }

    pub fn trunks(&self) -> Vec<TrunkStatus> {
        self.trunks.iter().map(|t| t.status()).collect()
    }

    /// Some trunk has a limit for the day.
    pub fn has_quotas(&self) -> bool {
        self.trunks.iter().any(|trunk| trunk.has_quota())
    }

    /// A day begins that lasts for so long yet; what was spent of it before, by trunk.
    pub fn begin_day(&self, spent: &HashMap<String, Spent>, left: Duration) {
        for trunk in &self.trunks {
            trunk.begin_day(spent.get(&trunk.name).copied().unwrap_or_default(), left);
        }
    }

    /// A call over this trunk is over.
    pub fn talked(&self, trunk: &str, talk: Duration) {
        if let Some(trunk) = self.trunks.iter().find(|known| known.name == trunk) {
            trunk.talked(talk);
        }
    }

    /// Asks every trunk one OPTIONS now, all at once, each within ten seconds: its name, and in words what came of it.
    pub async fn ask_trunks(&self) -> Vec<(String, Result<String, String>)> {
        let ask = async |trunk: &Arc<Trunk>| (trunk.name.clone(), ping::once(&self.core, trunk).await);
        futures::future::join_all(self.trunks.iter().map(ask)).await
    }

    /// Resolves when a trunk may be used again that could not be; remembers one such event until it is asked.
    pub async fn trunks_changed(&self) {
        self.trunks_changed.notified().await;
    }

    /// By health, priority, prefix, registration, `max_calls` and calls per second; the pick holds a slot until dropped.
    pub fn pick_trunk_for(&self, wanted: &Wanted) -> Result<TrunkPick, NoTrunk> {
        trunk::pick(&self.trunks, wanted)
    }

    /// [`Self::pick_trunk_for`] a call that belongs to no visit.
    pub fn pick_trunk(&self, to: &Phone) -> Result<TrunkPick, NoTrunk> {
        self.pick_trunk_for(&Wanted { to, visit: "", shown: None, except: &[] })
    }

    /// Whether a trunk could take the call now, or as soon as our own calls leave it room.
    pub fn can_take(&self, wanted: &Wanted) -> bool {
        trunk::can_take(&self.trunks, wanted)
    }

    /// Takes registrations of desk phones from now on, as `seats` allows, and calls the seats' telephones by it. Once.
    pub fn serve_phones(&self, seats: &config::Seats, secrets: Arc<dyn SeatSecrets>) -> Result<(), SipError> {
        let core = &self.core;
        let phones = Arc::new(Phones::new(seats, secrets, core.clock.clone(), core.translated.clone())?);
        if core.phones.set(phones.clone()).is_ok() {
            core.tasks.spawn(phones.keep(core.closing.clone()));
        }
        Ok(())
    }

    /// Where the desk phone of a seat is to be reached now.
    pub fn registered(&self, seat: &str) -> Option<Registration> {
        self.core.phones()?.registered(seat)
    }

    /// Resolves when a seat has a desk phone that had none, or has none any more; remembers one such event until it is asked.
    pub async fn registrations_changed(&self) {
        match self.core.phones() {
            Some(phones) => phones.changed().await,
            None => std::future::pending().await,
        }
    }

    /// Calls an agent's telephone, which is asked to answer by itself: the same events as of a customer's call, and where they say
    /// customer, the agent is meant. `leg` names the messages in [`Self::trace`]: an id of its own beside the customer's call, see
    /// [`super::agent_leg`]. A seat without a phone is an error at once.
    pub fn ring(
        &self,
        target: &SeatTarget,
        leg: &CallId,
        offer_sdp: Vec<u8>,
    ) -> Result<(CallControl, mpsc::Receiver<CallEvent>), SipError> {
        let phone = match self.core.phones() {
            Some(phones) => phones.telephone(target)?,
            None => {
                return Err(SipError::Ring { to: target.to_string(), reason: "seats have no telephones here".into() });
            }
        };
        self.call(Callee::Agent(Box::new(phone)), None, leg, offer_sdp)
    }

    /// Sends the INVITE. Must be called inside a tokio runtime. Dropping the receiver ends the call.
    pub fn invite(
        &self,
        pick: TrunkPick,
        to: &Phone,
        call: &CallId,
        offer_sdp: Vec<u8>,
    ) -> Result<(CallControl, mpsc::Receiver<CallEvent>), SipError> {
        let callee = pick.callee(to);
        self.call(callee, Some(pick), call, offer_sdp)
    }

    fn call(
        &self,
        callee: Callee,
        pick: Option<TrunkPick>,
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
            callee,
            pick,
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
    core.lines.stop.cancel();
}

/// Sockets of both address families know each other.
fn introduce(locals: &[Local]) {
    let of = |v4: bool| {
        locals.iter().filter_map(|l| l.udp.as_ref()).map(|(udp, _)| udp).find(move |u| u.bound().is_ipv4() == v4)
    };
    if let (Some(v4), Some(v6)) = (of(true), of(false)) {
        for (udp, _) in locals.iter().filter_map(|l| l.udp.as_ref()) {
            udp.set_other(if udp.bound().is_ipv4() { Arc::downgrade(v6) } else { Arc::downgrade(v4) });
        }
    }
}

/// A trunk over UDP that has no socket of ours would fail every call.
fn check_transports(trunks: &[Arc<Trunk>], locals: &[Local]) -> Result<(), SipError> {
    for trunk in trunks.iter().filter(|t| t.transport == Transport::Udp) {
        let address = std::net::IpAddr::try_from(trunk.uri.host_with_port.host.clone()).ok();
        let reaches =
            |l: &Local| l.transport == Transport::Udp && address.is_none_or(|a| a.is_ipv4() == l.bound.is_ipv4());
        if !locals.iter().any(reaches) {
            let family = address.map_or("", |a| if a.is_ipv4() { " ipv4" } else { " ipv6" });
            return Err(SipError::Trunk {
                trunk: trunk.name.clone(),
                key: "uri",
                value: trunk.uri.to_string(),
                reason: format!("sip.listen has no{family} udp address"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With T1 at 10 ms, what takes 32 s in the field takes 640 ms.
    async fn call_into_silence(uri: &str) -> (Vec<CallEvent>, Arc<SipStack>) {
        let sip = config::Sip { listen: vec!["udp:127.0.0.1:0".into()], ..Default::default() };
        let trunk: config::Trunk =
            toml::from_str(&format!("name = \"t\"\nuri = \"{uri}\"\nring_timeout_s = 1")).unwrap();
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
            assert_eq!(stack.trunks()[0].calls_up, 0, "{uri}");
            // The call stays known while a late answer could still come, 64 T1.
            let gone = async {
                while stack.dialogs() > 0 {
                    tokio::task::yield_now().await;
                }
            };
            timeout(Duration::from_secs(10), gone).await.unwrap();
        }
    }

    /// A far end that says 100 to the INVITE and 487 when it is cancelled; gives the messages that it got.
    async fn trying_for_ever(socket: tokio::net::UdpSocket) -> Vec<String> {
        let (mut got, mut buffer): (Vec<String>, _) = (vec![], [0; 4096]);
        let reply = |status: &str, request: &str| {
            let copied = ["Via", "From", "To", "Call-ID", "CSeq"];
            let lines = request.lines().filter(|l| copied.iter().any(|n| l.starts_with(&format!("{n}:"))));
            let head: String = lines.map(|l| format!("{l}\r\n")).collect();
            format!("SIP/2.0 {status}\r\n{head}Content-Length: 0\r\n\r\n")
        };
        loop {
            let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            let replies = match text.split(' ').next() {
                Some("INVITE") => vec![reply("100 Trying", &text)],
                Some("CANCEL") => vec![reply("200 OK", &text), reply("487 Terminated", &got[0])],
                _ => vec![],
            };
            let last = text.starts_with("ACK");
            got.push(text);
            for reply in replies {
                socket.send_to(reply.as_bytes(), from).await.unwrap();
            }
            if last {
                return got;
            }
        }
    }

    #[tokio::test]
    async fn a_call_that_gets_no_further_than_100_is_cancelled() {
        use crate::domain::call::outcome::{Fault, Outcome};
        let far = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("sip:{}", far.local_addr().unwrap());
        let far = tokio::spawn(trying_for_ever(far));
        let (seen, stack) = call_into_silence(&uri).await;
        match &seen[..] {
            [CallEvent::InviteSent { .. }, CallEvent::Ended(end)] => {
                assert_eq!((end.outcome, end.fault), (Some(Outcome::Unreachable), Some(Fault::Network)), "{end:?}");
                assert_eq!(end.status, Some(487));
            }
            other => panic!("{other:?}"),
        }
        let got = timeout(Duration::from_secs(5), far).await.unwrap().unwrap();
        assert!(got.iter().any(|m| m.starts_with("CANCEL ")), "{got:?}");
        assert_eq!((stack.dialogs(), stack.trunks()[0].calls_up), (0, 0));
    }
}
