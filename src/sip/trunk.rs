//! Trunks: where calls leave, and how many may.
//!
//! A pick holds a slot of its trunk until it is dropped. Limits are counted here and nowhere else; which visit gets a slot is not
//! decided here, and a trunk that fails is not avoided (its failures are outcomes, the planner spaces the retries).

use super::api::{NoTrunk, SipError, TrunkLimit, TrunkStatus};
use super::digest::Credentials;
use super::tls;
use crate::clock::monotonic;
use crate::config;
use crate::domain::phone::Phone;
use rsipstack::sip::{HostWithPort, Scheme, Transport, Uri};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    /// Shown to the customer; the user part of From and Contact.
    pub caller: String,
    pub codecs: Vec<String>,
    pub srtp: config::Srtp,
    pub ring_timeout: Duration,
    pub register: bool,
    priority: i32,
    prefixes: Vec<String>,
    max_calls: u32,
    state: Mutex<State>,
}

struct State {
    calls_up: u32,
    rate: Rate,
    registration: Registration,
}

impl Trunk {
    pub fn from_config(config: &config::Trunk) -> Result<Self, SipError> {
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
        let transport = parsed.params.iter().find_map(|p| match p {
            rsipstack::sip::Param::Transport(t) => Some(*t),
            _ => None,
        });
        let transport = match (secure, transport) {
            // `sips:…;transport=tcp` is TLS over TCP (RFC 3261 §26.2.2).
            (true, None | Some(Transport::Tcp | Transport::Tls)) => Transport::Tls,
            (false, None) => Transport::Udp,
            (false, Some(t @ (Transport::Udp | Transport::Tcp | Transport::Tls))) => t,
            _ => return Err(uri_error()),
        };
        let tls = match transport {
            Transport::Tls => Some(tls::Client::of_trunk(config, &parsed.host_with_port.host)?),
            _ => None,
        };
        let credentials = match (&config.username, &config.password) {
            (Some(username), Some(password)) => {
                Some(Credentials { username: username.clone(), password: password.clone() })
            }
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
        let caller = config.caller_id.clone().or_else(|| config.username.clone()).unwrap_or_else(|| "huifang".into());
        if !caller.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-_.!~*'()&=$,;?/#".contains(&b)) {
            return Err(bad("caller_id", &caller, "want what may stand before the @ of a sip address"));
        }
        Ok(Self {
            name: config.name.clone(),
            uri: address(parsed.host_with_port, transport, secure),
            transport,
            tls,
            credentials,
            caller,
            codecs: config.codecs.clone(),
            srtp: config.srtp,
            ring_timeout: Duration::from_secs(config.ring_timeout_s.max(1)),
            register: config.register,
            priority: config.priority,
            prefixes: config.allowed_prefixes.clone(),
            max_calls: config.max_calls,
            state: Mutex::new(State {
                calls_up: 0,
                rate: Rate::per_second(cps),
                registration: if config.register {
                    Registration::Missing("尚未应答".into())
                } else {
                    Registration::NotUsed
                },
            }),
        })
    }

    /// The address of `user` at this trunk.
    pub fn address_of(&self, user: &str) -> Uri {
        let mut uri = self.uri.clone();
        uri.auth = Some(rsipstack::sip::uri::Auth { user: user.into(), password: None });
        uri
    }

    pub fn set_registration(&self, registration: Registration) {
        self.state().registration = registration;
    }

    pub fn status(&self) -> TrunkStatus {
        let state = self.state();
        let (registered, reason) = match &state.registration {
            Registration::NotUsed => (None, String::new()),
            Registration::Registered => (Some(true), String::new()),
            Registration::Missing(why) => (Some(false), TrunkLimit::NotRegistered(why.clone()).why()),
        };
        TrunkStatus {
            name: self.name.clone(),
            usable: reason.is_empty(),
            reason,
            registered,
            calls_up: state.calls_up,
            max_calls: self.max_calls,
        }
    }

    fn take_slot(self: &Arc<Self>, to: &Phone, now: Instant) -> Result<TrunkPick, TrunkLimit> {
        if !self.prefixes.iter().any(|p| to.e164().starts_with(p.as_str())) {
            return Err(TrunkLimit::Prefix);
        }
        let mut state = self.state();
        if let Registration::Missing(why) = &state.registration {
            return Err(TrunkLimit::NotRegistered(why.clone()));
        }
        if state.calls_up >= self.max_calls {
            return Err(TrunkLimit::MaxCalls { max: self.max_calls });
        }
        state.rate.take(now).map_err(|retry_after| TrunkLimit::CallsPerSecond { retry_after })?;
        state.calls_up += 1;
        Ok(TrunkPick { trunk: self.clone() })
    }

    /// A panic elsewhere must not take the line down: the counters are always whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The trunks in the order in which they are tried.
pub fn by_priority(configs: &[config::Trunk]) -> Result<Vec<Arc<Trunk>>, SipError> {
    let mut trunks = configs.iter().map(|c| Trunk::from_config(c).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
    trunks.sort_by_key(|t| t.priority);
    Ok(trunks)
}

/// The first trunk that can take a call to `to`.
pub fn pick(trunks: &[Arc<Trunk>], to: &Phone) -> Result<TrunkPick, NoTrunk> {
    let now = monotonic();
    let mut refusals = Vec::new();
    for trunk in trunks {
        match trunk.take_slot(to, now) {
            Ok(pick) => return Ok(pick),
            Err(limit) => refusals.push((trunk.name.clone(), limit)),
        }
    }
    Err(NoTrunk { refusals })
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
}

impl TrunkPick {
    pub fn name(&self) -> &str {
        &self.trunk.name
    }
    /// `trunks.codecs`, in order of preference.
    pub fn codecs(&self) -> &[String] {
        &self.trunk.codecs
    }
    /// `trunks.srtp`.
    pub fn srtp(&self) -> config::Srtp {
        self.trunk.srtp
    }
    pub(super) fn trunk(&self) -> &Arc<Trunk> {
        &self.trunk
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

/// Calls per second as a sliding window: `burst` calls in any `window`.
struct Rate {
    burst: usize,
    window: Duration,
    taken: VecDeque<Instant>,
}

impl Rate {
    fn per_second(limit: f64) -> Self {
        if limit >= 1.0 {
            Self { burst: limit as usize, window: Duration::from_secs(1), taken: VecDeque::new() }
        } else {
            Self { burst: 1, window: Duration::from_secs_f64((1.0 / limit).min(3600.0)), taken: VecDeque::new() }
        }
    }

    /// Takes one, or says after which time one will be free.
    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        while self.taken.front().is_some_and(|t| now.duration_since(*t) >= self.window) {
            self.taken.pop_front();
        }
        match self.taken.front() {
            Some(oldest) if self.taken.len() >= self.burst => Err(self.window - now.duration_since(*oldest)),
            _ => {
                self.taken.push_back(now);
                Ok(())
            }
        }
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
        ] {
            let error = Trunk::from_config(&config("a", extra)).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.starts_with(expected), "{extra}: {error}");
        }
        let tcp = Trunk::from_config(&config("a", "uri = \"sip:h:5080;transport=tcp\"")).unwrap();
        assert_eq!(tcp.transport, Transport::Tcp);
        assert_eq!(tcp.address_of("1").to_string(), "sip:1@h:5080;transport=TCP");
    }

    #[test]
    fn trunks_are_tried_by_priority_and_every_limit_has_its_words() {
        let trunks = by_priority(&[
            config("second", "uri = \"sip:b\"\npriority = 2\nmax_calls = 1\nmax_calls_per_second = 100.0"),
            config("first", "uri = \"sip:a\"\npriority = 1\nmax_calls_per_second = 1.0"),
            config("abroad", "uri = \"sip:c\"\npriority = 0\nallowed_prefixes = [\"+852\"]"),
            config("reg", "uri = \"sip:d\"\nregister = true\nusername = \"u\"\npassword = \"p\""),
        ])
        .unwrap();
        trunks.iter().find(|t| t.name == "reg").unwrap().set_registration(Registration::Missing("密码被拒".into()));
        let first = pick(&trunks, &phone()).unwrap();
        let second = pick(&trunks, &phone()).unwrap();
        assert_eq!((first.name(), second.name()), ("first", "second"));
        let none = pick(&trunks, &phone()).unwrap_err();
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
        assert_eq!(pick(&trunks, &phone()).unwrap().name(), "second");
        assert_eq!(pick(&[], &phone()).unwrap_err().why(), "没有配置任何中继线路");
    }

    #[test]
    fn calls_per_second_hold_in_every_window() {
        let start = monotonic();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut rate = Rate::per_second(2.0);
        assert_eq!(rate.take(at(0)), Ok(()));
        assert_eq!(rate.take(at(100)), Ok(()));
        assert_eq!(rate.take(at(200)), Err(Duration::from_millis(800)));
        assert_eq!(rate.take(at(1000)), Ok(()));
        assert_eq!(rate.take(at(1050)), Err(Duration::from_millis(50)));
        let mut slow = Rate::per_second(0.5);
        assert_eq!(slow.take(at(0)), Ok(()));
        assert_eq!(slow.take(at(500)), Err(Duration::from_millis(1500)));
        assert_eq!(slow.take(at(2000)), Ok(()));
    }

    #[test]
    fn a_slot_is_given_back_exactly_once() {
        let trunk = Arc::new(Trunk::from_config(&config("a", "uri = \"sip:a\"\nmax_calls_per_second = 99.0")).unwrap());
        let picks: Vec<_> = (0..3).map(|_| trunk.take_slot(&phone(), monotonic()).unwrap()).collect();
        assert_eq!(trunk.status().calls_up, 3);
        drop(picks);
        assert_eq!(trunk.status().calls_up, 0);
    }
}
