//! Whether a trunk works, judged by what came back: the answers to our OPTIONS and the fate of our INVITEs.
//!
//! ```text
//!   Up ── OPTIONS missed once, INVITE failed ──► Suspect: passed over while another trunk can take the call, tried when it is alone
//!    ▲                                              │ MISSES_MAX OPTIONS missed in a row
//!    │◄── OPTIONS answered, a call got through ─────┤ 503 with Retry-After (until then, at most an hour)
//!    │                                              ▼ our password refused (for a spell)
//!    └────────────────────────────────────────── Down: not used
//! ```
//! Pure: everything takes `now`. Decided here:
//! - Silence to OPTIONS makes a trunk Down only if it is known to answer them (or cannot even be connected to): some carriers drop
//!   OPTIONS for ever. Where a call gets through all the same, OPTIONS are no longer believed until one is answered.
//! - Even so, a trunk that is Down for its silence may be tried by a call after [`TRIAL_AFTER`]: the carrier may just have stopped
//!   answering.
//! - An answered OPTIONS does not end what an INVITE brought about: a gateway that refuses every call may answer every OPTIONS.
//! - A single wrong password is enough; a 403 to a password that worked before is about this call, three in a row are not.

use super::api::TrunkLimit;
use super::machine::End;
use crate::domain::call::outcome::{Fault, Outcome, Party};
use std::time::{Duration, Instant};

/// OPTIONS missed in a row until the trunk is Down.
pub const MISSES_MAX: u32 = 3;
/// From Down by silence to the next call that may try.
const TRIAL_AFTER: Duration = Duration::from_secs(600);
/// A trunk that failed an INVITE is passed over for so long; doubled with each further failure.
const SPELL_FIRST: Duration = Duration::from_secs(30);
const SPELL_MAX: Duration = Duration::from_secs(300);
/// No Retry-After holds longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);
/// A trunk that refused our password is not called for so long.
const REFUSED_SPELL: Duration = Duration::from_secs(300);
/// Refusals in a row that a password which worked before is forgiven.
const REFUSALS_MAX: u32 = 3;

/// What an OPTIONS came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ping {
    /// A final response that only a living far end gives, whatever it says: 200, 404, 405, 403 …
    Alive,
    /// A final response by which it says that it cannot work.
    Sick {
        status: u16,
    },
    Silent,
    Unconnected,
}

impl Ping {
    /// 408 and the 5xx that mean "not now"; 501, 505, 513 and the like are opinions about OPTIONS.
    pub fn of_status(status: u16) -> Self {
        match status {
            408 | 500 | 502 | 503 | 504 => Self::Sick { status },
            _ => Self::Alive,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Alive => String::new(),
            Self::Sick { status } => format!("OPTIONS 得到 {status}"),
            Self::Silent => "OPTIONS 没有应答".into(),
            Self::Unconnected => "无法连接".into(),
        }
    }
}

/// What an INVITE says of its trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The call reached the customer's side, whatever he did with it.
    Worked,
    /// 503 with Retry-After.
    Busy { retry_after: Duration },
    /// 5xx, silence, no connection.
    Failed { why: String },
    /// Our credentials, or that we have none.
    Refused { status: u16 },
    /// 403 without a challenge: as a rule a registrar that has forgotten us.
    Forbidden,
}

impl Fate {
    /// `None`: the end of this call says nothing. An answer was [`Fate::Worked`] when it came.
    pub fn of(end: &End) -> Option<Self> {
        let outcome = end.outcome.filter(|_| !end.answered)?;
        let of_trunk = outcome == Outcome::TrunkFailure && end.fault != Some(Fault::Us);
        if let (true, Some(503), Some(retry_after)) = (of_trunk, end.status, end.retry_after) {
            return Some(Self::Busy { retry_after });
        }
        Some(match (outcome, end.fault, end.status) {
            (Outcome::AuthFailed, _, status) => Self::Refused { status: status.unwrap_or(401) },
            (Outcome::TrunkFailure, Some(Fault::Trunk), Some(403)) => Self::Forbidden,
            (Outcome::TrunkFailure, Some(Fault::Trunk | Fault::Network), Some(status @ (408 | 500..=599))) => {
                Self::Failed { why: format!("呼叫得到 {status}") }
            }
            (Outcome::TrunkFailure, Some(Fault::Trunk), None) => Self::Failed {
                why: if end.by == Some(Party::Us) { "呼叫没有应答" } else { "无法连接" }.into(),
            },
            (_, Some(Fault::Customer), Some(_)) => Self::Worked,
            _ => return None,
        })
    }
}

/// The state of one trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    Up,
    /// In words, for people.
    Suspect(String),
    Down(TrunkLimit),
}

#[derive(Clone, Debug, Default)]
pub struct Health {
    /// OPTIONS missed in a row, and what the last one came to.
    missed: u32,
    last_miss: Option<Ping>,
    /// Down by silence since then (or since the last trial).
    silent_since: Option<Instant>,
    answers_options: bool,
    /// A call got through while OPTIONS were missed.
    vouched: bool,
    failures: u32,
    failed: Option<(Instant, String)>,
    busy_until: Option<Instant>,
    refusals: u32,
    refused_until: Option<Instant>,
    password_works: bool,
}

impl Health {
    pub fn on_ping(&mut self, now: Instant, ping: Ping) {
        if ping == Ping::Alive {
            (self.missed, self.last_miss, self.silent_since) = (0, None, None);
            (self.answers_options, self.vouched) = (true, false);
            return;
        }
        self.missed = self.missed.saturating_add(1);
        self.last_miss = Some(ping);
        let is_evidence = self.answers_options || matches!(ping, Ping::Sick { .. } | Ping::Unconnected);
        if self.missed >= MISSES_MAX && is_evidence && !self.vouched {
            self.silent_since.get_or_insert(now);
        }
    }

    pub fn on_call(&mut self, now: Instant, fate: &Fate) {
        match fate {
            Fate::Worked => {
                (self.failures, self.failed, self.busy_until) = (0, None, None);
                (self.refusals, self.refused_until, self.password_works) = (0, None, true);
                self.silent_since = None;
                self.vouched |= self.missed > 0;
            }
            Fate::Busy { retry_after } => self.busy_until = now.checked_add((*retry_after).min(RETRY_AFTER_MAX)),
            Fate::Failed { why } => self.fail(now, why.clone()),
            Fate::Refused { status } => {
                self.refusals = self.refusals.saturating_add(1);
                if self.password_works && self.refusals < REFUSALS_MAX {
                    self.fail(now, format!("呼叫得到 {status}"));
                } else {
                    self.refused_until = now.checked_add(REFUSED_SPELL);
                }
            }
            Fate::Forbidden => {}
        }
    }

    /// The registrar took our password.
    pub fn on_registered(&mut self) {
        (self.refusals, self.refused_until, self.password_works) = (0, None, true);
    }

    /// The next OPTIONS should not wait for its time.
    pub fn asks_sooner(&self) -> bool {
        self.missed > 0 && !self.vouched
    }

    pub fn view(&self, now: Instant) -> View {
        if let Some(retry_after) = left(now, self.refused_until) {
            return View::Down(TrunkLimit::Refused { retry_after });
        }
        if let Some(retry_after) = left(now, self.busy_until) {
            return View::Down(TrunkLimit::Unavailable { retry_after });
        }
        let silence = self.last_miss.filter(|_| !self.vouched).map(Ping::words);
        if let (Some(since), Some(why)) = (self.silent_since, &silence)
            && let Some(retry_after) = left(now, since.checked_add(TRIAL_AFTER))
        {
            return View::Down(TrunkLimit::Down { why: format!("{why}（连续 {} 次）", self.missed), retry_after });
        }
        match &self.failed {
            Some((until, why)) if *until > now => View::Suspect(why.clone()),
            Some(_) | None => silence.map_or(View::Up, View::Suspect),
        }
    }

    /// What an operator should know of a trunk that is Up.
    pub fn note(&self) -> Option<&'static str> {
        self.vouched.then_some("不应答 OPTIONS，但通话正常")
    }

    fn fail(&mut self, now: Instant, why: String) {
        let spell = SPELL_FIRST.saturating_mul(1 << self.failures.min(8)).min(SPELL_MAX);
        self.failures = self.failures.saturating_add(1);
        self.failed = now.checked_add(spell).map(|until| (until, why));
        // A trial that failed: the next one after the same time.
        if let Some(since) = &mut self.silent_since {
            *since = now;
        }
        self.vouched = false;
    }
}

/// The time until an instant that has not come.
fn left(now: Instant, until: Option<Instant>) -> Option<Duration> {
    until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

    /// What happens to a trunk, at a second.
    enum Event {
        Options(Ping),
        Invite(Fate),
        Registered,
    }
    use Event::{Invite, Options, Registered};

    const MISS: Event = Options(Ping::Silent);
    const ALIVE: Event = Options(Ping::Alive);

    fn failed() -> Event {
        Invite(Fate::Failed { why: "呼叫得到 500".into() })
    }

    fn refused(status: u16) -> Event {
        Invite(Fate::Refused { status })
    }

    fn busy(seconds: u64) -> Event {
        Invite(Fate::Busy { retry_after: Duration::from_secs(seconds) })
    }

    /// `up`, `suspect WHY`, `down WHY` at `look`.
    #[track_caller]
    fn check(events: Vec<(u64, Event)>, look: u64, expected: &str) {
        let start = monotonic();
        let at = |s: u64| start + Duration::from_secs(s);
        let mut health = Health::default();
        for (second, event) in events {
            match event {
                Options(ping) => health.on_ping(at(second), ping),
                Invite(fate) => health.on_call(at(second), &fate),
                Registered => health.on_registered(),
            }
        }
        let got = match health.view(at(look)) {
            View::Up => "up".into(),
            View::Suspect(why) => format!("suspect {why}"),
            View::Down(limit) => format!("down {}", limit.why()),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn silence_to_options_takes_a_trunk_down_only_if_it_is_known_to_answer_them() {
        check(vec![], 0, "up");
        check(vec![(0, ALIVE), (30, MISS)], 30, "suspect OPTIONS 没有应答");
        check(vec![(0, ALIVE), (30, MISS), (35, MISS)], 36, "suspect OPTIONS 没有应答");
        let three = || vec![(0, ALIVE), (30, MISS), (35, MISS), (40, MISS)];
        check(three(), 40, "down 线路不通：OPTIONS 没有应答（连续 3 次），600 秒后再试");
        check([three(), vec![(45, ALIVE)]].into_iter().flatten().collect(), 45, "up");
        // A carrier that never answered one.
        check(vec![(0, MISS), (5, MISS), (10, MISS), (15, MISS)], 15, "suspect OPTIONS 没有应答");
        // Who cannot be connected to, or says that he cannot work, is known to be down.
        let sick = || Options(Ping::Sick { status: 503 });
        check(
            vec![(0, sick()), (5, sick()), (10, sick())],
            10,
            "down 线路不通：OPTIONS 得到 503（连续 3 次），600 秒后再试",
        );
        let gone = || Options(Ping::Unconnected);
        check(vec![(0, gone()), (5, gone()), (10, gone())], 10, "down 线路不通：无法连接（连续 3 次），600 秒后再试");
    }

    #[test]
    fn a_call_that_gets_through_is_believed_more_than_silence_to_options() {
        let silent = || vec![(0, MISS), (5, MISS), (10, MISS), (20, Invite(Fate::Worked))];
        check(silent(), 20, "up");
        check([silent(), vec![(30, MISS), (60, MISS), (90, MISS)]].into_iter().flatten().collect(), 90, "up");
        // Until a call fails too.
        check([silent(), vec![(30, failed())]].into_iter().flatten().collect(), 31, "suspect 呼叫得到 500");
        check([silent(), vec![(30, failed())]].into_iter().flatten().collect(), 61, "suspect OPTIONS 没有应答");
        // One that is Down for its silence is tried again by a call, and goes up or stays down with it.
        let down = || vec![(0, ALIVE), (30, MISS), (35, MISS), (40, MISS)];
        check(down(), 639, "down 线路不通：OPTIONS 没有应答（连续 3 次），1 秒后再试");
        check(down(), 640, "suspect OPTIONS 没有应答");
        check([down(), vec![(650, Invite(Fate::Worked))]].into_iter().flatten().collect(), 650, "up");
        check(
            [down(), vec![(650, failed())]].into_iter().flatten().collect(),
            700,
            "down 线路不通：OPTIONS 没有应答（连续 3 次），550 秒后再试",
        );
    }

    #[test]
    fn a_failed_call_makes_its_trunk_suspect_for_a_spell_that_grows() {
        check(vec![(0, failed())], 29, "suspect 呼叫得到 500");
        check(vec![(0, failed())], 30, "up");
        check(vec![(0, failed()), (30, failed())], 89, "suspect 呼叫得到 500");
        check(vec![(0, failed()), (30, failed())], 90, "up");
        let many = || (0..20).map(|n| (n, failed())).collect::<Vec<_>>();
        check(many(), 318, "suspect 呼叫得到 500");
        check(many(), 319, "up");
        check([many(), vec![(20, Invite(Fate::Worked))]].into_iter().flatten().collect(), 20, "up");
        // A gateway that refuses calls may answer every OPTIONS.
        check(vec![(0, failed()), (10, ALIVE)], 10, "suspect 呼叫得到 500");
    }

    #[test]
    fn a_retry_after_is_kept_and_has_an_end() {
        check(vec![(0, busy(20))], 5, "down 线路忙（503），要求 15 秒后再拨");
        check(vec![(0, busy(20)), (6, ALIVE)], 6, "down 线路忙（503），要求 14 秒后再拨");
        check(vec![(0, busy(20))], 20, "up");
        check(vec![(0, busy(0))], 0, "up");
        check(vec![(0, busy(1 << 40))], 1, "down 线路忙（503），要求 3599 秒后再拨");
        check(vec![(0, busy(20)), (5, Invite(Fate::Worked))], 5, "up");
    }

    #[test]
    fn a_refused_password_is_not_tried_on_every_call() {
        check(vec![(0, refused(401))], 1, "down 用户名或密码被拒绝，299 秒后再试");
        check(vec![(0, refused(403)), (100, ALIVE)], 100, "down 用户名或密码被拒绝，200 秒后再试");
        check(vec![(0, refused(403))], 300, "up");
        check(vec![(0, refused(403)), (9, Registered)], 9, "up");
        // It worked before: one number may be barred, three in a row are not.
        let worked = || vec![(0, Invite(Fate::Worked)), (1, refused(403))];
        check(worked(), 2, "suspect 呼叫得到 403");
        check(
            [worked(), vec![(2, refused(403)), (3, refused(403))]].into_iter().flatten().collect(),
            3,
            "down 用户名或密码被拒绝，300 秒后再试",
        );
        check(vec![(0, Invite(Fate::Forbidden))], 0, "up");
    }

    #[test]
    fn every_answer_to_options_but_a_cry_for_help_is_a_sign_of_life() {
        for status in [200, 202, 302, 401, 403, 404, 405, 407, 415, 420, 481, 483, 486, 501, 505, 513, 603] {
            assert_eq!(Ping::of_status(status), Ping::Alive, "{status}");
        }
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(Ping::of_status(status), Ping::Sick { status });
        }
    }

    #[test]
    fn the_fate_of_a_call_is_told_to_its_trunk() {
        let end = |outcome, fault, by, status| End {
            answered: false,
            outcome: Some(outcome),
            by: Some(by),
            status,
            detail: None,
            fault: Some(fault),
            retry_after: None,
        };
        let failed = |why: &str| Some(Fate::Failed { why: why.into() });
        use Outcome::{AuthFailed, Busy, Cancelled, InvalidNumber, NoAnswer, TrunkFailure, Unreachable};
        for (outcome, fault, by, status, expected) in [
            (TrunkFailure, Fault::Trunk, Party::Network, Some(500), failed("呼叫得到 500")),
            (TrunkFailure, Fault::Trunk, Party::Network, Some(503), failed("呼叫得到 503")),
            (TrunkFailure, Fault::Network, Party::Network, Some(503), failed("呼叫得到 503")),
            (TrunkFailure, Fault::Trunk, Party::Network, Some(408), failed("呼叫得到 408")),
            (TrunkFailure, Fault::Trunk, Party::Us, None, failed("呼叫没有应答")),
            (TrunkFailure, Fault::Trunk, Party::Network, None, failed("无法连接")),
            (TrunkFailure, Fault::Trunk, Party::Network, Some(403), Some(Fate::Forbidden)),
            (TrunkFailure, Fault::Us, Party::Network, Some(488), None),
            (TrunkFailure, Fault::Us, Party::Us, None, None),
            (TrunkFailure, Fault::Trunk, Party::Network, Some(402), None),
            (AuthFailed, Fault::Us, Party::Network, Some(401), Some(Fate::Refused { status: 401 })),
            (AuthFailed, Fault::Us, Party::Network, Some(403), Some(Fate::Refused { status: 403 })),
            (Busy, Fault::Customer, Party::Customer, Some(486), Some(Fate::Worked)),
            (InvalidNumber, Fault::Customer, Party::Customer, Some(404), Some(Fate::Worked)),
            (NoAnswer, Fault::Customer, Party::Us, Some(487), Some(Fate::Worked)),
            (NoAnswer, Fault::Customer, Party::Us, None, None),
            (Unreachable, Fault::Network, Party::Us, Some(487), None),
            (Cancelled, Fault::Us, Party::Us, Some(487), None),
        ] {
            assert_eq!(Fate::of(&end(outcome, fault, by, status)), expected, "{outcome:?} {status:?}");
        }
        let minute = Some(Duration::from_secs(60));
        let full = End { retry_after: minute, ..end(TrunkFailure, Fault::Trunk, Party::Network, Some(503)) };
        assert_eq!(Fate::of(&full), Some(Fate::Busy { retry_after: Duration::from_secs(60) }));
        // The exchange's cause says that the number does not exist: the trunk is well (RFC 3326).
        let gone = End { retry_after: minute, ..end(InvalidNumber, Fault::Customer, Party::Customer, Some(503)) };
        assert_eq!(Fate::of(&gone), Some(Fate::Worked));
        assert_eq!(Fate::of(&End { answered: true, outcome: None, ..full }), None);
    }
}
