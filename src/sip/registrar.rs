//! Desk phones register with us (RFC 3261 §10.3): a seat's telephone, under the seat's name and with its secret.
//!
//! Contract: a REGISTER is answered only when `seats.phone_sources` holds the address that it came from; for everybody else there is no
//! registrar (405, as without one). Nothing is bound without an answer to our challenge; a seat that is unknown and a secret that is
//! wrong look the same. After five wrong answers in a quarter of an hour, from one address or for one seat, none is looked at (403).
//! A phone is called where it was heard: over the connection that it registered on, or, when the address in its Contact is not the one
//! that it sends from, at the latter.
//!
//! It deliberately does not: take calls from registered phones (`incoming` refuses them), keep bindings over a restart (phones register
//! again), fork to several phones of a seat (the newest is called), send keep-alives over UDP (phones do), or know plain secrets.

mod bindings;
mod failures;
mod sources;
mod verify;

pub use verify::{StoredSecret, ha1};

use self::bindings::{Asked, Binding, Bindings, EXPIRES_MAX_S, EXPIRES_MIN_S, Refusal, Wish};
use self::failures::Failures;
use self::sources::Sources;
use self::verify::{Claimed, Nonces, Worth};
use super::api::SipError;
use super::callee::{Telephone, Way};
use super::digest::{Fields, Hash, schemes};
use super::indialog::reply;
use super::line::Destination;
use super::stream::is_alive;
use super::tls;
use super::trunk::transport_of;
use crate::clock::Clock;
use crate::config;
use jiff::Timestamp;
use rsipstack::sip::event_packages::percent_decode;
use rsipstack::sip::prelude::*;
use rsipstack::sip::{Header, Method, Request, Scheme, Transport, Uri};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::SipConnection;
use std::collections::HashSet;
use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

/// Over a connection a phone registers again before an idle one is closed (`stream`, ten minutes).
const CONNECTED_EXPIRES_MAX_S: u32 = 540;
/// Registrations whose secret is being looked up.
const PENDING_MAX: usize = 64;
/// A seat's name is a user's name.
const SEAT_MAX: usize = 64;
/// How soon it is noticed that a phone has gone.
const SWEEP: Duration = Duration::from_secs(1);

/// Where the secrets of the seats are kept.
#[async_trait::async_trait]
pub trait SeatSecrets: Send + Sync + 'static {
    /// What [`ha1`] made of the seat's secret; `None` for a seat that is not there, has no desk phone or no secret.
    async fn secret_of(&self, seat: &str) -> Option<StoredSecret>;
}

/// What is called when an agent's telephone is to ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeatTarget {
    /// `sip:USER@HOST[:PORT][;transport=udp|tcp|tls]` or `sips:…`.
    Uri(String),
    /// The phone that has registered for this seat.
    Registered(String),
}

impl Display for SeatTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(uri) => write!(f, "{uri}"),
            Self::Registered(seat) => write!(f, "seat {seat}"),
        }
    }
}

/// A desk phone that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// As the phone wrote it.
    pub contact: String,
    pub until: Timestamp,
    /// Where it registered from.
    pub source: SocketAddr,
}

/// Addresses of phones whose own idea of their address is of no use to us; `mend` corrects what they write in calls.
#[derive(Default)]
pub struct Translated(Mutex<HashSet<SocketAddr>>);

impl Translated {
    pub fn holds(&self, address: SocketAddr) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&address)
    }

    fn replace(&self, addresses: HashSet<SocketAddr>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }
}

/// The way that a REGISTER came.
#[derive(Clone)]
struct Heard {
    connection: SipConnection,
    transport: Transport,
}

impl Heard {
    fn is_reachable(&self) -> bool {
        self.transport == Transport::Udp || is_alive(&self.connection)
    }
}

/// The telephones of the seats.
pub struct Phones {
    sources: Sources,
    realm: String,
    algorithms: Vec<String>,
    ring: Duration,
    tls_ca: Option<PathBuf>,
    secrets: Arc<dyn SeatSecrets>,
    /// What an unknown seat is checked against: nobody knows its secret.
    nobody: StoredSecret,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    translated: Arc<Translated>,
    changed: Notify,
    pending: Arc<Semaphore>,
}

struct State {
    nonces: Nonces,
    by_source: Failures<IpAddr>,
    by_seat: Failures<String>,
    bindings: Bindings<Heard>,
}

/// A final response.
struct Answer {
    status: u16,
    headers: Vec<Header>,
}

impl Answer {
    fn of(status: u16) -> Self {
        Self { status, headers: vec![] }
    }
}

impl Phones {
    pub fn new(
        seats: &config::Seats,
        secrets: Arc<dyn SeatSecrets>,
        clock: Arc<dyn Clock>,
        translated: Arc<Translated>,
    ) -> Result<Self, SipError> {
        let sources = check_seats(seats)?;
        let realm = seats.phone_realm.clone();
        let nobody = ha1(&realm, "", &rsipstack::transaction::random_text(32));
        Ok(Self {
            sources,
            algorithms: seats.phone_digest.clone(),
            ring: Duration::from_secs(seats.phone_ring_s),
            tls_ca: seats.phone_tls_ca.clone(),
            secrets,
            nobody,
            clock,
            state: Mutex::new(State {
                nonces: Nonces::new(rand::random()),
                by_source: Failures::default(),
                by_seat: Failures::default(),
                bindings: Bindings::default(),
            }),
            translated,
            changed: Notify::new(),
            pending: Arc::new(Semaphore::new(PENDING_MAX)),
            realm,
        })
    }

    /// Whether there is a registrar for whoever sent this.
    pub fn hears(&self, transaction: &Transaction) -> bool {
        !self.sources.is_empty() && source_of(transaction).is_some_and(|(from, _)| self.sources.hold(from.ip()))
    }

    /// Answers a REGISTER in a task of its own; too many at once are put off.
    pub async fn register(self: &Arc<Self>, mut transaction: Transaction) {
        let Ok(permit) = self.pending.clone().try_acquire_owned() else {
            let later = Header::RetryAfter("2".to_string().into());
            return reply(&mut transaction, 503, vec![later]).await;
        };
        let phones = self.clone();
        tokio::spawn(async move {
            let Answer { status, headers } = phones.answer(&transaction).await;
            reply(&mut transaction, status, headers).await;
            drop(permit);
        });
    }

    async fn answer(&self, transaction: &Transaction) -> Answer {
        let request = &transaction.original;
        let Some((source, heard)) = source_of(transaction) else { return Answer::of(400) };
        let Some(seat) = seat_of(request) else { return Answer::of(400) };
        if self.is_shut_out(source.ip(), &seat) {
            return Answer::of(403);
        }
        let Some(fields) = credentials_of(request, &self.realm) else { return self.challenge(false) };
        let known = self.secrets.secret_of(&seat).await.filter(|secret| secret.is_of(&self.realm));
        let method = Method::Register.to_string();
        let secret = known.as_ref().unwrap_or(&self.nobody);
        let claimed = Claimed { seat: &seat, method: &method, fields: &fields, secret };
        let now = self.clock.now();
        let worth = self.state().nonces.judge(&claimed, now);
        match worth {
            Worth::Right => self.bind(request, &seat, source, heard),
            Worth::Stale => self.challenge(true),
            Worth::Wrong => self.fail(source.ip(), &seat),
        }
    }

    fn is_shut_out(&self, source: IpAddr, seat: &str) -> bool {
        let (state, now) = (self.state(), self.clock.now());
        state.by_source.is_shut_out(&source, now) || state.by_seat.is_shut_out(&seat.to_owned(), now)
    }

    fn challenge(&self, stale: bool) -> Answer {
        let now = self.clock.now();
        let challenges = self.state().nonces.challenges(now, &self.realm, &self.algorithms, stale);
        Answer { status: 401, headers: challenges.into_iter().map(|c| Header::WwwAuthenticate(c.into())).collect() }
    }

    fn fail(&self, source: IpAddr, seat: &str) -> Answer {
        let now = self.clock.now();
        let (of_source, of_seat) = {
            let mut state = self.state();
            (state.by_source.count(&source, now), state.by_seat.count(&seat.to_owned(), now))
        };
        if of_source {
            tracing::warn!(net.peer = %source, "wrong secrets again and again: this address is shut out from registering for a while");
        } else if of_seat {
            tracing::warn!(seat.id = %seat, "wrong secrets again and again: this seat is shut out from registering for a while");
        }
        self.challenge(false)
    }

    fn bind(&self, request: &Request, seat: &str, source: SocketAddr, heard: Heard) -> Answer {
        let longest_s = if heard.transport == Transport::Udp { EXPIRES_MAX_S } else { CONNECTED_EXPIRES_MAX_S };
        let now = self.clock.now();
        let mut state = self.state();
        state.by_source.forgive(&source.ip());
        state.by_seat.forgive(&seat.to_owned());
        let bound = Wish::of(request, longest_s).and_then(|wish| {
            let call_id = request.call_id_header().map_err(|_| Refusal::Unreadable)?.value();
            let cseq = request.cseq_header().and_then(|c| c.seq()).map_err(|_| Refusal::Unreadable)?;
            state.bindings.apply(Asked { seat, wish, call_id, cseq, source, way: heard }, now)
        });
        match bound {
            Ok(changed) => {
                if changed {
                    self.tell(&state, seat, now);
                }
                self.note_translated(&state);
                let contact = |b: &Binding<Heard>| format!("<{}>;expires={}", b.contact, b.left_s(now));
                let contacts = state.bindings.of(seat, now).map(|b| Header::Contact(contact(b).into())).collect();
                Answer { status: 200, headers: contacts }
            }
            Err(Refusal::Unreadable) => Answer::of(400),
            Err(Refusal::OutOfOrder) => Answer::of(500),
            Err(Refusal::TooBrief) => {
                Answer { status: 423, headers: vec![Header::MinExpires(EXPIRES_MIN_S.to_string().into())] }
            }
        }
    }

    fn tell(&self, state: &State, seat: &str, now: Timestamp) {
        match state.bindings.of(seat, now).next() {
            Some(_) => tracing::info!(seat.id = %seat, "the seat's desk phone is registered"),
            None => tracing::info!(seat.id = %seat, "the seat's desk phone has gone"),
        }
        self.changed.notify_one();
    }

    fn note_translated(&self, state: &State) {
        let all = state.bindings.all().filter(|b| b.way.transport == Transport::Udp && b.is_translated());
        self.translated.replace(all.map(|b| b.source).collect());
    }

    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Forgets phones whose time is over or whose connection is lost, until `closing`.
    pub async fn keep(self: Arc<Self>, closing: CancellationToken) {
        let mut tick = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                () = closing.cancelled() => return,
                _ = tick.tick() => {}
            }
            let now = self.clock.now();
            let mut state = self.state();
            for seat in state.bindings.sweep(now, Heard::is_reachable) {
                self.tell(&state, &seat, now);
            }
            self.note_translated(&state);
        }
    }

    pub fn registered(&self, seat: &str) -> Option<Registration> {
        let binding = self.newest(seat)?;
        Some(Registration { contact: binding.contact.to_string(), until: binding.until, source: binding.source })
    }

    fn newest(&self, seat: &str) -> Option<Binding<Heard>> {
        let (state, now) = (self.state(), self.clock.now());
        state.bindings.of(seat, now).rfind(|b| b.way.is_reachable()).cloned()
    }

    /// The telephone to ring.
    pub fn telephone(&self, target: &SeatTarget) -> Result<Telephone, SipError> {
        let bad = |reason: &str| SipError::Ring { to: target.to_string(), reason: reason.into() };
        match target {
            SeatTarget::Registered(seat) => {
                let binding = self.newest(seat).ok_or_else(|| bad("no desk phone is registered"))?;
                Ok(Telephone { name: target.to_string(), ring: self.ring, ..heard_at(binding) })
            }
            SeatTarget::Uri(text) => {
                let want = "want sip:USER@HOST[:PORT][;transport=udp|tcp|tls] or sips:USER@HOST[:PORT]";
                let uri = Uri::try_from(text.as_str()).map_err(|_| bad(want))?;
                if !matches!(uri.scheme, Some(Scheme::Sip | Scheme::Sips)) {
                    return Err(bad(want));
                }
                let transport = transport_of(&uri).ok_or_else(|| bad(want))?;
                let tls = match transport {
                    Transport::Tls => Some(self.tls(&uri).map_err(|e| bad(&e.to_string()))?),
                    _ => None,
                };
                let (name, destination) = (text.clone(), uri.host_with_port.clone());
                let to = Destination { name: text.clone(), target: destination, transport, tls };
                Ok(Telephone { name, uri, way: Way::Address(to), ring: self.ring })
            }
        }
    }

    fn tls(&self, uri: &Uri) -> Result<tls::Client, SipError> {
        let like_a_trunk = config::Trunk { tls_ca: self.tls_ca.clone(), ..config::Trunk::new("seats", "") };
        tls::Client::of_trunk(&like_a_trunk, &uri.host_with_port.host)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks the keys of `seats` that telephones need; the error names key, value and what is wanted.
fn check_seats(seats: &config::Seats) -> Result<Sources, SipError> {
    let bad = |key: &'static str, value: &str, want: &'static str| SipError::Seats { key, value: value.into(), want };
    let sources = Sources::parse(&seats.phone_sources)
        .map_err(|entry| bad("phone_sources", &entry, "want an address or a network such as 192.168.1.0/24"))?;
    if seats.phone_realm.is_empty() || seats.phone_realm.chars().any(char::is_control) {
        return Err(bad("phone_realm", &seats.phone_realm, "want some printable text"));
    }
    let known = |name: &String| matches!(Hash::named(Some(name)), Some((_, false)));
    if let Some(unknown) = seats.phone_digest.iter().find(|name| !known(name)) {
        return Err(bad("phone_digest", unknown, "want SHA-256 or MD5"));
    }
    if seats.phone_digest.is_empty() {
        return Err(bad("phone_digest", "", "want SHA-256, MD5 or both"));
    }
    if !(1..=120).contains(&seats.phone_ring_s) {
        return Err(bad("phone_ring_s", &seats.phone_ring_s.to_string(), "want 1 to 120"));
    }
    Ok(sources)
}

/// [`check_seats`] for who only wants to know.
pub fn check_phones(seats: &config::Seats) -> Result<(), SipError> {
    check_seats(seats).map(drop)
}

/// Where a request came from, and how. Over UDP the Via says it, which our own socket has stamped (`clean::parse`).
fn source_of(transaction: &Transaction) -> Option<(SocketAddr, Heard)> {
    let connection = transaction.connection.clone()?;
    if connection.is_reliable() {
        let remote = connection.get_remote_addr()?;
        let transport = remote.r#type?;
        return Some((remote.get_socketaddr().ok()?, Heard { connection, transport }));
    }
    let via = transaction.original.via_header().ok()?;
    let (_, stamped) = SipConnection::parse_target_from_via(via).ok()?;
    let source = SocketAddr::try_from(stamped).ok()?;
    Some((source, Heard { connection, transport: Transport::Udp }))
}

/// The user in To: what is to be registered.
fn seat_of(request: &Request) -> Option<String> {
    let seat = percent_decode(&request.to_header().ok()?.uri().ok()?.auth?.user);
    (!seat.is_empty() && seat.len() <= SEAT_MAX && !seat.chars().any(char::is_control)).then_some(seat)
}

/// The answer to a challenge of ours, if there is one.
fn credentials_of(request: &Request, realm: &str) -> Option<Fields> {
    let values = request.headers.iter().filter_map(|h| match h {
        Header::Authorization(v) => Some(v.value()),
        _ => None,
    });
    let all = values.flat_map(schemes).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("digest"));
    all.map(|(_, fields)| fields).find(|fields| fields.get("realm") == Some(realm))
}

/// A registered phone as it is called.
fn heard_at(binding: Binding<Heard>) -> Telephone {
    let translated = binding.is_translated();
    let Binding { contact: mut uri, source, way: Heard { connection, transport }, .. } = binding;
    let remote = match transport {
        Transport::Udp if translated => {
            uri.host_with_port = source.into();
            source
        }
        Transport::Udp => SocketAddr::try_from(uri.host_with_port.clone()).unwrap_or(source),
        _ => source,
    };
    Telephone { name: String::new(), uri, way: Way::Heard { connection, transport, remote }, ring: Duration::ZERO }
}
