//! Trunks: where calls leave, how many may, and which of them is chosen.
//!
//! A pick holds a slot of its trunk until it is dropped. Limits are counted here and nowhere else; which visit gets a slot is not
//! decided here. Trunks are tried by priority, those that are suspect (`health`) behind all others.

use super::api::{NoTrunk, SipError, TrunkHealth, TrunkLimit, TrunkStatus, Wanted};
use super::callee::Callee;
use super::digest::Credentials;
use super::health::{Fate, Health, Ping, View};
use super::identity::Identity;
use super::machine::End;
use super::number::Dialling;
use super::quota::Quota;
use super::rate::Rate;
use super::session_timer::MIN_SE_S;
use super::tls;
use crate::clock::monotonic;
use crate::config;
use crate::domain::call::Spent;
use crate::domain::phone::Phone;
use rsipstack::sip::{HostWithPort, Scheme, Transport, Uri};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Longer would notice nothing.
const OPTIONS_INTERVAL_MAX_S: u64 = 3600;

/// A far end that lives says something within a second or two; after 32 s nothing comes any more (RFC 3261 timer B).
const NO_REPLY_MIN_S: u64 = 2;
const NO_REPLY_MAX_S: u64 = 32;

/// Where a trunk's REGISTER stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// This trunk is used without one.
    NotUsed,
    Registered,
    /// With the reason in words.
    Missing(String),
}

/// One configured trunk.
pub struct Trunk {
    pub name: String,
    /// Host and port without user.
    pub uri: Uri,
    pub transport: Transport,
    /// How it is talked to over TLS; `None` over anything else.
    pub tls: Option<tls::Client>,
    pub credentials: Option<Credentials>,
    pub identity: Identity,
    pub dialling: Dialling,
    pub codecs: Vec<String>,
    pub srtp: config::Srtp,
    pub ring_timeout: Duration,
    /// An INVITE without any response for so long has failed.
    pub no_reply: Duration,
    pub register: bool,
    /// `None`: it is never asked.
    pub options_interval: Option<Duration>,
    /// The registrar seems to have forgotten us.
    pub forgotten: Notify,
    /// What Session-Expires asks for; 0 = no session timers.
    pub session_timer_s: u32,
    redirect_hosts: Vec<String>,
    priority: i32,
    prefixes: Vec<String>,
    max_calls: u32,
    state: Mutex<State>,
    /// Told when a call may go that could not before.
    changed: Arc<Notify>,
}

struct State {
    calls_up: u32,
    rate: Rate,
    /// The same limit where the INVITE leaves: what a pick does before it may take longer than for the one before.
    departures: Rate,
    quota: Quota,
    registration: Registration,
    service_routes: Vec<String>,
    health: Health,
}

impl Trunk {
    pub fn from_config(config: &config::Trunk, changed: &Arc<Notify>) -> Result<Self, SipError> {
        let bad = |key: &'static str, value: &str, reason: &str| SipError::Trunk {
            trunk: config.name.clone(),
            key,
            value: value.into(),
            reason: reason.into(),
        };
        let uri_error = || bad("uri", &config.uri, "want sip:HOST[:PORT][;transport=udp|tcp|tls] or sips:HOST[:PORT]");
        let parsed = Uri::try_from(config.uri.as_str()).map_err(|_| uri_error())?;
        let secure = config.uri.starts_with("sips:");
        if !(config.uri.starts_with("sip:") || secure) || parsed.auth.is_some() {
            return Err(uri_error());
        }
        let transport = transport_of(&parsed).ok_or_else(uri_error)?;
        let tls = match transport {
            Transport::Tls => Some(tls::Client::of_trunk(config, &parsed.host_with_port.host)?),
            _ => None,
        };
        let credentials = match (&config.username, &config.password) {
            (Some(username), Some(password)) => Some(Credentials::new(username, password)),
            (None, None) => None,
            _ => return Err(bad("username", config.username.as_deref().unwrap_or(""), "needs a password beside it")),
        };
        if config.register && credentials.is_none() {
            return Err(bad("register", "true", "needs username and password"));
        }
        let cps = config.max_calls_per_second;
        if !(cps.is_finite() && cps > 0.0) {
            return Err(bad("max_calls_per_second", &cps.to_string(), "want a number above 0"));
        }
        let by_key = |(key, value, reason): (&'static str, String, &str)| bad(key, &value, reason);
        let identity = Identity::from_config(config, &parsed.host_with_port).map_err(by_key)?;
        let dialling = Dialling::from_config(config).map_err(by_key)?;
        if config.options_interval_s > OPTIONS_INTERVAL_MAX_S {
            return Err(bad(
                "options_interval_s",
                &config.options_interval_s.to_string(),
                "want at most 3600, 0 = never",
            ));
        }
        if !(NO_REPLY_MIN_S..=NO_REPLY_MAX_S).contains(&config.no_reply_s) {
            return Err(bad("no_reply_s", &config.no_reply_s.to_string(), "want 2 to 32"));
        }
        let session_timer_s = config.session_timer_s;
        if (1..MIN_SE_S).contains(&session_timer_s) {
            return Err(bad("session_timer_s", &session_timer_s.to_string(), "want 0 (off) or at least 90"));
        }
        Ok(Self {
            name: config.name.clone(),
            uri: address(parsed.host_with_port, transport, secure),
            transport,
            tls,
            credentials,
            identity,
            dialling,
            codecs: config.codecs.clone(),
            srtp: config.srtp,
            ring_timeout: Duration::from_secs(config.ring_timeout_s.max(1)),
            no_reply: Duration::from_secs(config.no_reply_s),
            register: config.register,
            options_interval: (config.options_interval_s > 0).then(|| Duration::from_secs(config.options_interval_s)),
            forgotten: Notify::new(),
            session_timer_s,
            redirect_hosts: config.redirect_hosts.clone(),
            priority: config.priority,
            prefixes: config.allowed_prefixes.clone(),
            max_calls: config.max_calls,
            state: Mutex::new(State {
                calls_up: 0,
                rate: Rate::per_second(cps),
                departures: Rate::per_second(cps),
                quota: Quota::new(config.max_calls_per_day, config.max_minutes_per_day),
                health: Health::default(),
                service_routes: vec![],
                registration: if config.register {
                    Registration::Missing("尚未应答".into())
                } else {
                    Registration::NotUsed
                },
            }),
            changed: changed.clone(),
        })
    }

    /// The address of `user` at this trunk.
    pub fn address_of(&self, user: &str) -> Uri {
        let mut uri = self.uri.clone();
        uri.auth = Some(rsipstack::sip::uri::Auth { user: user.into(), password: None });
        uri
    }

    /// The user that the carrier knows us by.
    pub fn account(&self) -> &str {
        self.credentials.as_ref().map_or_else(|| self.identity.caller("", None), |c| c.username.as_str())
    }

    pub fn may_dial(&self, to: &Phone) -> bool {
        self.prefixes.iter().any(|p| to.e164().starts_with(p.as_str()))
    }

    /// Whether a redirection to this host stays with the trunk.
    pub fn is_own_host(&self, host: &str) -> bool {
        let own = self.uri.host_with_port.host.to_string();
        std::iter::once(&own).chain(&self.redirect_hosts).any(|h| h.eq_ignore_ascii_case(host))
    }

    pub fn set_registration(&self, registration: Registration) {
        self.change(|state| {
            if registration == Registration::Registered {
                state.health.on_registered();
            }
            state.registration = registration;
        });
    }

    /// The Service-Route of the last REGISTER (RFC 3608): where every INVITE must pass.
    pub fn service_routes(&self) -> Vec<String> {
        self.state().service_routes.clone()
    }

    pub fn set_service_routes(&self, routes: Vec<String>) {
        self.state().service_routes = routes;
    }

    /// It has a limit for the day.
    pub fn has_quota(&self) -> bool {
        self.state().quota.is_limited()
    }

    pub fn begin_day(&self, spent: Spent, left: Duration) {
        self.change(|state| state.quota.begin_day(spent, monotonic() + left));
    }

    /// A call over it is over.
    pub fn talked(&self, talk: Duration) {
        self.change(|state| state.quota.talked(talk));
    }

    /// What an OPTIONS came to.
    pub fn pinged(&self, ping: Ping) {
        self.change(|state| state.health.on_ping(monotonic(), ping));
    }

    /// The next OPTIONS should not wait for its time.
    pub fn asks_sooner(&self) -> bool {
        self.state().health.asks_sooner()
    }

    /// What a call says of its trunk.
    pub fn learn(&self, fate: &Fate) {
        if self.register && matches!(fate, Fate::Forbidden | Fate::Refused { .. }) {
            self.forgotten.notify_one();
        }
        self.change(|state| state.health.on_call(monotonic(), fate));
    }

    /// Every change of the state: said once in the log, and told to who waits for a trunk.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let (before, after) = {
            let mut state = self.state();
            let before = state.standing(monotonic());
            change(&mut state);
            (before, state.standing(monotonic()))
        };
        if std::mem::discriminant(&before) == std::mem::discriminant(&after) {
            return;
        }
        match &after {
            Ok(None) => tracing::info!(trunk.name = %self.name, "the trunk works"),
            Ok(Some(why)) => tracing::warn!(trunk.name = %self.name, %why, "the trunk is suspect"),
            Err(limit) => tracing::warn!(trunk.name = %self.name, reason = %limit, "the trunk is not used"),
        }
        if before.is_err() && after.is_ok() {
            self.changed.notify_one();
        }
    }

    pub fn status(&self) -> TrunkStatus {
        let state = self.state();
        let standing = state.standing(monotonic());
        let note = state.health.note().unwrap_or_default();
        let (health, reason, retry_after) = match &standing {
            Ok(None) => (TrunkHealth::Up, note.to_owned(), None),
            Ok(Some(why)) => (TrunkHealth::Suspect, why.clone(), None),
            Err(limit) => (TrunkHealth::Down, limit.why(), limit.retry_after()),
        };
        TrunkStatus {
            name: self.name.clone(),
            usable: standing.is_ok(),
            health,
            reason,
            retry_after,
            registered: match state.registration {
                Registration::NotUsed => None,
                Registration::Registered => Some(true),
                Registration::Missing(_) => Some(false),
            },
            calls_up: state.calls_up,
            max_calls: self.max_calls,
        }
    }

    fn take_slot(self: &Arc<Self>, wanted: &Wanted, now: Instant) -> Result<TrunkPick, TrunkLimit> {
        if !self.may_dial(wanted.to) {
            return Err(TrunkLimit::Prefix);
        }
        let mut state = self.state();
        state.standing(now)?;
        if state.calls_up >= self.max_calls {
            return Err(TrunkLimit::MaxCalls { max: self.max_calls });
        }
        state.rate.take(now).map_err(|retry_after| TrunkLimit::CallsPerSecond { retry_after })?;
        state.calls_up += 1;
        state.quota.call();
        let caller = self.identity.caller(wanted.visit, wanted.shown).to_owned();
        Ok(TrunkPick { trunk: self.clone(), caller })
    }

    fn is_suspect(&self, now: Instant) -> bool {
        matches!(self.state().standing(now), Ok(Some(_)))
    }

    /// A panic elsewhere must not take the line down: the counters are always whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a call may go: as it is, as a last resort (why), or not at all.
    fn standing(&self, now: Instant) -> Result<Option<String>, TrunkLimit> {
        if let Registration::Missing(why) = &self.registration {
            return Err(TrunkLimit::NotRegistered(why.clone()));
        }
        self.quota.check(now)?;
        match self.health.view(now) {
            View::Up => Ok(None),
            View::Suspect(why) => Ok(Some(why)),
            View::Down(limit) => Err(limit),
        }
    }
}

/// The trunks in the order in which they are tried. `changed` is told when one of them may be used again.
pub fn by_priority(configs: &[config::Trunk], changed: &Arc<Notify>) -> Result<Vec<Arc<Trunk>>, SipError> {
    let mut trunks =
        configs.iter().map(|c| Trunk::from_config(c, changed).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
    for (place, trunk) in trunks.iter().enumerate() {
        if trunk.name.trim().is_empty() || trunks[..place].iter().any(|other| other.name == trunk.name) {
            let (trunk, value) = (trunk.name.clone(), trunk.name.clone());
            return Err(SipError::Trunk { trunk, key: "name", value, reason: "want a name of its own".into() });
        }
    }
    trunks.sort_by_key(|t| t.priority);
    Ok(trunks)
}

/// Checks every key of every trunk; the first error names trunk, key, value and what is wanted.
pub fn check_trunks(configs: &[config::Trunk]) -> Result<(), SipError> {
    by_priority(configs, &Arc::default()).map(|_| ())
}

/// The first trunk that can take the call.
pub fn pick(trunks: &[Arc<Trunk>], wanted: &Wanted) -> Result<TrunkPick, NoTrunk> {
    let now = monotonic();
    let mut candidates: Vec<_> = trunks.iter().filter(|t| !wanted.except.contains(&t.name)).collect();
    candidates.sort_by_key(|t| t.is_suspect(now));
    let mut refusals = Vec::new();
    for trunk in candidates {
        match trunk.take_slot(wanted, now) {
            Ok(pick) => return Ok(pick),
            Err(limit) => refusals.push((trunk.name.clone(), limit)),
        }
    }
    Err(NoTrunk { refusals })
}

/// Whether a trunk could take the call now or as soon as our own calls leave it room. Holds nothing.
pub fn can_take(trunks: &[Arc<Trunk>], wanted: &Wanted) -> bool {
    let now = monotonic();
    let mut others = trunks.iter().filter(|t| !wanted.except.contains(&t.name));
    others.any(|t| t.may_dial(wanted.to) && t.state().standing(now).is_ok())
}

/// The transport that an address of a far end names; `None` where it contradicts itself or names one that we do not speak.
pub fn transport_of(uri: &Uri) -> Option<Transport> {
    let named = uri.params.iter().find_map(|p| match p {
        rsipstack::sip::Param::Transport(t) => Some(*t),
        _ => None,
    });
    match (uri.scheme == Some(Scheme::Sips), named) {
        // `sips:…;transport=tcp` is TLS over TCP (RFC 3261 §26.2.2).
        (true, None | Some(Transport::Tcp | Transport::Tls)) => Some(Transport::Tls),
        (false, None) => Some(Transport::Udp),
        (false, Some(t @ (Transport::Udp | Transport::Tcp | Transport::Tls))) => Some(t),
        _ => None,
    }
}

fn address(host_with_port: HostWithPort, transport: Transport, secure: bool) -> Uri {
    let params = match transport {
        Transport::Udp => vec![],
        Transport::Tls if secure => vec![],
        other => vec![rsipstack::sip::Param::Transport(other)],
    };
    let scheme = if secure { Scheme::Sips } else { Scheme::Sip };
    Uri { scheme: Some(scheme), host_with_port, params, ..Default::default() }
}

/// A slot of a trunk, held until it is dropped (the call holds it until its end).
pub struct TrunkPick {
    trunk: Arc<Trunk>,
    caller: String,
}

impl TrunkPick {
    pub fn name(&self) -> &str {
        &self.trunk.name
    }
    /// `trunks.codecs`, in order of preference.
    pub fn codecs(&self) -> &[String] {
        &self.trunk.codecs
    }
    /// The number that this call shows.
    pub fn caller(&self) -> &str {
        &self.caller
    }
    /// `trunks.srtp`.
    pub fn srtp(&self) -> config::Srtp {
        self.trunk.srtp
    }
    /// `to`, by way of this trunk.
    pub(super) fn callee(&self, to: &Phone) -> Callee {
        Callee::Customer { trunk: self.trunk.clone(), caller: self.caller.clone(), to: to.clone() }
    }

    /// Waits until an INVITE may leave: never more of them in a second than configured, however long each took to get here.
    pub(super) async fn departure(&self) {
        loop {
            let wait = self.trunk.state().departures.take(monotonic());
            match wait {
                Ok(()) => return,
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// The call was answered: the trunk works.
    pub(super) fn answered(&self) {
        self.trunk.learn(&Fate::Worked);
    }

    /// The call is over: its slot is free, and its trunk knows what became of it.
    pub(super) fn ended(self, end: &End) {
        if let Some(fate) = Fate::of(end) {
            self.trunk.learn(&fate);
        }
    }
}

impl std::fmt::Debug for TrunkPick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrunkPick({})", self.trunk.name)
    }
}

impl Drop for TrunkPick {
    fn drop(&mut self) {
        let mut state = self.trunk.state();
        state.calls_up = state.calls_up.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, extra: &str) -> config::Trunk {
        toml::from_str(&format!("name = \"{name}\"\n{extra}")).unwrap()
    }

    fn phone() -> Phone {
        Phone::parse("13812345678").unwrap()
    }

    fn trunk(extra: &str) -> Result<Trunk, SipError> {
        Trunk::from_config(&config("a", extra), &Arc::default())
    }

    fn pick(trunks: &[Arc<Trunk>], except: &[String]) -> Result<TrunkPick, NoTrunk> {
        super::pick(trunks, &Wanted { to: &phone(), visit: "v", shown: None, except })
    }

    #[test]
    fn a_trunk_that_cannot_work_is_refused_at_start_with_its_key() {
        for (extra, expected) in [
            ("uri = \"127.0.0.1\"", "trunks.a.uri"),
            ("uri = \"sip:\"", "trunks.a.uri"),
            ("uri = \"sip:me@127.0.0.1\"", "trunks.a.uri"),
            ("uri = \"sip:127.0.0.1;transport=ws\"", "trunks.a.uri"),
            ("uri = \"sips:127.0.0.1;transport=udp\"", "trunks.a.uri"),
            (
                "uri = \"sips:h\"\ntls_ca = \"/nowhere/ca.pem\"",
                "trunks.a.tls_ca = \"/nowhere/ca.pem\": cannot be read: ",
            ),
            ("uri = \"sip:h\"\nusername = \"u\"", "trunks.a.username"),
            ("uri = \"sip:h\"\nregister = true", "trunks.a.register"),
            ("uri = \"sip:h\"\nmax_calls_per_second = 0.0", "trunks.a.max_calls_per_second"),
            ("uri = \"sip:h\"\ncaller_id = \"a b\"", "trunks.a.caller_id"),
            ("uri = \"sip:h\"\nidentity = \"pai\"", "trunks.a.identity = \"pai\": want none, p_asserted"),
            ("uri = \"sip:h\"\nnumber_format = \"E.164\"", "trunks.a.number_format = \"E.164\": want national"),
            ("uri = \"sip:h\"\noptions_interval_s = 4000", "trunks.a.options_interval_s = \"4000\": want at most"),
            ("uri = \"sip:h\"\nsession_timer_s = 60", "trunks.a.session_timer_s"),
            ("uri = \"sip:h\"\nno_reply_s = 1", "trunks.a.no_reply_s = \"1\": want 2 to 32"),
            ("uri = \"sip:h\"\nno_reply_s = 33", "trunks.a.no_reply_s = \"33\": want 2 to 32"),
        ] {
            let error = trunk(extra).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.starts_with(expected), "{extra}: {error}");
        }
        let tcp = trunk("uri = \"sip:h:5080;transport=tcp\"").unwrap();
        assert_eq!(tcp.transport, Transport::Tcp);
        assert_eq!(tcp.address_of("1").to_string(), "sip:1@h:5080;transport=TCP");
    }

    #[test]
    fn two_trunks_cannot_have_one_name() {
        let trunks = [config("a", "uri = \"sip:h\""), config("b", "uri = \"sip:h\""), config("a", "uri = \"sip:i\"")];
        assert!(check_trunks(&trunks[..2]).is_ok());
        let error = check_trunks(&trunks).unwrap_err().to_string();
        assert_eq!(error, "trunks.a.name = \"a\": want a name of its own");
    }

    #[test]
    fn trunks_are_tried_by_priority_and_every_limit_has_its_words() {
        let trunks = by_priority(
            &[
                config("second", "uri = \"sip:b\"\npriority = 2\nmax_calls = 1\nmax_calls_per_second = 100.0"),
                config("first", "uri = \"sip:a\"\npriority = 1\nmax_calls_per_second = 1.0"),
                config("abroad", "uri = \"sip:c\"\npriority = 0\nallowed_prefixes = [\"+852\"]"),
                config("reg", "uri = \"sip:d\"\nregister = true\nusername = \"u\"\npassword = \"p\""),
            ],
            &Arc::default(),
        )
        .unwrap();
        trunks.iter().find(|t| t.name == "reg").unwrap().set_registration(Registration::Missing("密码被拒".into()));
        let first = pick(&trunks, &[]).unwrap();
        let second = pick(&trunks, &[]).unwrap();
        assert_eq!((first.name(), second.name()), ("first", "second"));
        let none = pick(&trunks, &[]).unwrap_err();
        let limits: Vec<&str> = none.refusals.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(limits, ["abroad", "reg", "first", "second"]);
        assert!(matches!(none.refusals[2].1, TrunkLimit::CallsPerSecond { .. }));
        assert_eq!(none.refusals[3].1, TrunkLimit::MaxCalls { max: 1 });
        let why = none.why();
        for words in
            ["abroad：不允许拨打", "reg：未注册成功（密码被拒）", "first：每秒呼叫数", "second：并发通话已达上限 1 路"]
        {
            assert!(why.contains(words), "{words} is not in {why}");
        }
        assert!(none.retry_after().is_some_and(|d| d <= Duration::from_secs(1)));
        drop(second);
        assert_eq!(pick(&trunks, &[]).unwrap().name(), "second");
        assert_eq!(pick(&[], &[]).unwrap_err().why(), "没有配置任何中继线路");
    }

    #[test]
    fn a_slot_is_given_back_exactly_once() {
        let trunk = Arc::new(trunk("uri = \"sip:a\"\nmax_calls_per_second = 99.0").unwrap());
        let picks: Vec<_> = (0..3).map(|_| pick(std::slice::from_ref(&trunk), &[]).unwrap()).collect();
        assert_eq!(trunk.status().calls_up, 3);
        drop(picks);
        assert_eq!(trunk.status().calls_up, 0);
    }

    #[test]
    fn a_suspect_trunk_comes_last_and_one_that_failed_this_call_not_at_all() {
        let changed = Arc::<Notify>::default();
        let of = |n: &str, p: u8| config(n, &format!("uri = \"sip:h\"\npriority = {p}\nmax_calls_per_second = 99.0"));
        let trunks = by_priority(&[of("a", 1), of("b", 2), of("c", 3)], &changed).unwrap();
        let picked = |except: &[&str]| {
            let except: Vec<String> = except.iter().map(|name| name.to_string()).collect();
            pick(&trunks, &except).map(|pick| pick.name().to_owned())
        };
        assert_eq!(picked(&[]).as_deref(), Ok("a"));
        assert_eq!(picked(&["a"]).as_deref(), Ok("b"));
        trunks[0].learn(&Fate::Failed { why: "呼叫得到 500".into() });
        assert_eq!(trunks[0].status().health, TrunkHealth::Suspect);
        assert!(trunks[0].status().usable && trunks[0].status().reason.contains("500"));
        assert_eq!(picked(&[]).as_deref(), Ok("b"));
        assert_eq!(picked(&["b", "c"]).as_deref(), Ok("a"), "alone it is tried");
        let hour = Duration::from_secs(3600);
        trunks[1].learn(&Fate::Busy { retry_after: hour });
        trunks[2].learn(&Fate::Refused { status: 403 });
        assert_eq!(picked(&[]).as_deref(), Ok("a"));
        let none = picked(&["a"]).unwrap_err();
        for words in ["b：线路忙（503），要求 3600 秒后再拨", "c：用户名或密码被拒绝，300 秒后再试"]
        {
            assert!(none.why().contains(words), "{}", none.why());
        }
        assert!(none.retry_after().is_some_and(|after| after <= Duration::from_secs(300)) && !none.is_only_busy());
        let wanted = |except: &[String]| can_take(&trunks, &Wanted { to: &phone(), visit: "v", shown: None, except });
        assert!(wanted(&[]) && !wanted(&["a".into()]));
        // Who waits for a trunk is told when one comes back, not when one goes.
        assert!(futures::FutureExt::now_or_never(changed.notified()).is_none());
        trunks[1].learn(&Fate::Worked);
        assert!(futures::FutureExt::now_or_never(changed.notified()).is_some());
    }
}
