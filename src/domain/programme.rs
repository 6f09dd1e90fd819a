//! 回访方案: what begins a visit, its window, retry, calling hours, selection, script and scoring, as data (`programmes/*.toml`).
//!
//! ```text
//!   something happens to an order ──▶ assign: which programmes ──▶ stages that begin by it ──▶ selection: this order?
//!     (SMS, order closed, …)            (rules of the site)           (one visit each)            (classes, share)
//! ```
//! Contract: a [`Programme`] that exists is complete and consistent: every outcome has a rule, every limit is in range, every stage can be
//! made. The sources contradict each other (30 minutes or 3 days, five indicators or three questions), so nothing of that is in code. The
//! version of a programme is the digest of its file: a visit keeps the one it was last called by. `docs/programmes.md` explains every key.
//! Not here: the texts and steps of the script (`script`), the keyword table (`score`), reading files.

pub mod assign;
mod parse;
pub mod selection;
mod set;
mod stage;
mod trigger;
pub mod window;

pub use set::Programmes;
pub use stage::Stage;
pub use trigger::Trigger;

use super::calendar::{Calendar, Shift};
use super::call::outcome::{ConversationEnd, Outcome};
use super::visit::task::CloseCause;
use jiff::Timestamp;
use selection::Selection;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// More hops between working hours and calling hours than this means that they never meet.
const HOPS_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub struct Programme {
    /// Equals the file's stem, e.g. `excavator`.
    pub name: String,
    /// Of the file's text: the first twelve hexadecimal digits of its SHA-256.
    pub version: String,
    /// For people, e.g. `挖掘机完工回访`.
    pub title: String,
    /// Name of the script set in `programmes/scripts`.
    pub script_set: String,
    /// Name of the keyword table in `rubrics`.
    pub rubric: String,
    /// Overrides the site's mode.
    pub mode: Option<DialMode>,
    /// How agents come to their calls.
    pub dial: AgentDial,
    /// So long an agent may look at the order before he starts or declines.
    pub preview: Duration,
    /// 0 is dialled first, 9 last; within it the promise that ends first (F20).
    pub priority: u8,
    /// The visits that it makes of one order, at least one; names differ.
    pub stages: Vec<Stage>,
    pub selection: Selection,
    pub after_deadline: AfterDeadline,
    pub outside_hours: OutsideHours,
    /// Local hours in which a customer may be called, on any day (A13).
    pub calling_hours: Vec<Shift>,
    /// Attempts that reached for the customer; after the last the visit goes to another channel (A06).
    pub attempts_max: u32,
    /// What follows when they are used up (A06).
    pub attempts_then: Then,
    /// A longer conversation is closed politely (C11).
    pub call_max: Duration,
    /// Satisfaction items asked per call (C12), and per customer class where it differs (B08).
    pub satisfaction_items_max: u32,
    pub satisfaction_items_by_class: BTreeMap<String, u32>,
    rules: BTreeMap<RuleKey, RetryRule>,
}

/// Who talks to the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialMode {
    /// The unattended questionnaire.
    Voice,
    /// A seat.
    Agent,
}

/// How an agent comes to the call of a visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentDial {
    /// A seat is reserved and the customer is dialled at once.
    #[default]
    Progressive,
    /// The agent sees the order first, and starts or declines.
    Preview,
}

/// What happens when the deadline passes without a valid visit (A02). Never a silent end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterDeadline {
    /// Escalated, and still called.
    EscalateAndCall,
    /// Escalated, and called only when a person says so.
    EscalateAndHold,
}

/// Whether customers are called inside the calling hours while the site is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutsideHours {
    /// Never.
    Wait,
    /// Only where the customer or one of our people named the time.
    OnRequest,
    /// Like inside.
    Call,
}

/// What follows an attempt that was no valid visit.
#[derive(Clone, Debug, PartialEq)]
pub enum RetryRule {
    Close(CloseCause),
    Retry(Retry),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// From the end of the attempt, wall-clock time.
    pub spacing: Duration,
    /// Each further attempt with the same result in the visit waits this many times longer (1 = always the same).
    pub factor: u32,
    pub spacing_max: Duration,
    /// Attempts with this result before `then`; `None` = only the programme's own maximum.
    pub max: Option<u32>,
    pub then: Then,
    /// False for faults of ours: they do not use up the customer's attempts.
    pub counts: bool,
    /// A04: the spacing holds for people too.
    pub binds_people: bool,
    /// The cause does not go away by itself.
    pub needs_person: bool,
}

/// When the attempts are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Closed as [`CloseCause::AttemptsUsedUp`].
    Close,
    /// Kept open for a person.
    Hold,
    /// Closed, for a text message: 短信 (A06).
    Sms,
    /// Closed, for an e-mail.
    Email,
    /// Closed, for a letter: 信.
    Letter,
    /// Closed, and marked for the service adviser, who asks at the customer's next visit (A06, A08).
    MarkForAdviser,
}

impl Then {
    /// `None`: it stays open.
    pub fn closes(self) -> Option<CloseCause> {
        match self {
            Self::Close => Some(CloseCause::AttemptsUsedUp),
            Self::Hold => None,
            Self::Sms => Some(CloseCause::Sms),
            Self::Email => Some(CloseCause::Email),
            Self::Letter => Some(CloseCause::Letter),
            Self::MarkForAdviser => Some(CloseCause::ForAdviser),
        }
    }
}

/// The result a rule is for: an outcome without a conversation, or how the conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleKey {
    Outcome(Outcome),
    End(EndKind),
}

/// [`ConversationEnd`] without its data and without `Completed`, which is no failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    Refused,
    Callback,
    WrongNumber,
    NotInformed,
    Abandoned,
    Silent,
    Machine,
    Fault,
}

/// What a finished call means for its visit.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict<'a> {
    /// A valid visit.
    Valid,
    Rule(RuleKey, &'a RetryRule),
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{file}:{line}: {key}: {problem}")]
pub struct ProgrammeError {
    pub file: String,
    /// 1-based; the table's or the file's first line where a key is missing.
    pub line: usize,
    /// Dotted, e.g. `retry.busy.spacing_min`; empty for a syntax error.
    pub key: String,
    /// What is wrong and by which rule.
    pub problem: String,
}

impl ProgrammeError {
    /// With the line of its key in the file's text, where it has one.
    pub fn placed(mut self, text: &str) -> Self {
        let key = self.key.rsplit('.').next().unwrap_or_default();
        let is_key =
            |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
        if let Some(at) = text.lines().position(is_key) {
            self.line = at + 1;
        }
        self
    }
}

impl Programme {
    /// Reads one programme. `file` is only named in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, ProgrammeError> {
        parse::parse(file, text)
    }

    /// The rule for a call that ended so. A recording that failed makes no visit valid (C01); otherwise a completed conversation does,
    /// whoever hung up; a customer who leaves in the middle is handled as hung up (A04).
    pub fn verdict(&self, outcome: Outcome, conversation: Option<&ConversationEnd>) -> Verdict<'_> {
        let own = RuleKey::Outcome(outcome);
        let end = match (outcome, conversation) {
            (Outcome::RecorderFailed, _) => None,
            (_, Some(ConversationEnd::Completed)) => return Verdict::Valid,
            (Outcome::Answered, None) => Some(EndKind::Fault),
            (Outcome::Answered, Some(end)) => EndKind::of(end),
            (Outcome::HungUp, Some(ConversationEnd::Abandoned { .. } | ConversationEnd::Silent)) => None,
            // The line broke while he was there. What he had said holds; without that he has noticed, so it is tried with patience
            // and not for ever, as after a fault of ours.
            (Outcome::TrunkFailure, Some(ConversationEnd::Abandoned { .. } | ConversationEnd::Silent)) => {
                Some(EndKind::Fault)
            }
            (Outcome::HungUp | Outcome::TrunkFailure, Some(end)) => EndKind::of(end),
            _ => None,
        };
        let key = end.map_or(own, RuleKey::End);
        Verdict::Rule(key, self.rule(key))
    }

    /// The rule of `key`.
    pub fn rule(&self, key: RuleKey) -> &RetryRule {
        // `parse` refuses a programme without a rule for every key but `answered`, which `verdict` never asks for.
        self.rules.get(&key).unwrap_or(&RetryRule::Close(CloseCause::AttemptsUsedUp))
    }

    /// The first instant from `t` on at which the customer may be called: calling hours (A13), and working hours unless the time was
    /// asked for and the programme allows that. `Timestamp::MAX` when there is none.
    pub fn next_callable(&self, calendar: &Calendar, t: Timestamp, on_request: bool) -> Timestamp {
        let any_day = match self.outside_hours {
            OutsideHours::Wait => false,
            OutsideHours::OnRequest => on_request,
            OutsideHours::Call => true,
        };
        let mut at = t;
        for _ in 0..HOPS_MAX {
            let quiet_over = calendar.next_within(&self.calling_hours, at);
            let open = if any_day { quiet_over } else { calendar.next_opening(quiet_over) };
            if open == at {
                return at;
            }
            at = open;
        }
        Timestamp::MAX
    }

    /// How many satisfaction items may be asked of a customer of `class` (B08, C12); of several words the first that has a number counts.
    pub fn satisfaction_items(&self, class: Option<&str>) -> u32 {
        let own = class_words(class.unwrap_or_default()).find_map(|word| self.satisfaction_items_by_class.get(word));
        own.copied().unwrap_or(self.satisfaction_items_max)
    }

    /// Whether one of its visits begins by `trigger`.
    pub fn begins_by(&self, trigger: Trigger) -> bool {
        self.stages_by(trigger).next().is_some()
    }

    /// The visit of `[window]`.
    pub fn first(&self) -> &Stage {
        // `parse` makes a programme with one stage at least.
        &self.stages[0]
    }

    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// The visits that `trigger` begins.
    pub fn stages_by(&self, trigger: Trigger) -> impl Iterator<Item = &Stage> {
        self.stages.iter().filter(move |stage| stage.on.contains(&trigger))
    }

    /// `excavator@1f0c9a…`, as it is kept with what was done by it.
    pub fn named_version(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// `08:00-20:00`.
    pub fn calling_hours_text(&self) -> String {
        self.calling_hours.iter().map(|s| s.text()).collect::<Vec<_>>().join("、")
    }
}

impl Retry {
    /// The wait after the `nth` attempt with this result (1 = the first).
    pub fn spacing_after(&self, nth: u32) -> Duration {
        let mut spacing = self.spacing;
        for _ in 1..nth.min(32) {
            spacing = spacing.saturating_mul(self.factor).min(self.spacing_max);
        }
        spacing.min(self.spacing_max)
    }
}

impl EndKind {
    pub const ALL: [EndKind; 8] = [
        Self::Refused,
        Self::Callback,
        Self::WrongNumber,
        Self::NotInformed,
        Self::Abandoned,
        Self::Silent,
        Self::Machine,
        Self::Fault,
    ];

    pub fn of(end: &ConversationEnd) -> Option<Self> {
        Some(match end {
            ConversationEnd::Completed => return None,
            ConversationEnd::Refused | ConversationEnd::OptedOut { .. } => Self::Refused,
            ConversationEnd::Callback { .. } => Self::Callback,
            ConversationEnd::WrongNumber => Self::WrongNumber,
            ConversationEnd::NotInformed => Self::NotInformed,
            ConversationEnd::Abandoned { .. } => Self::Abandoned,
            ConversationEnd::Silent => Self::Silent,
            ConversationEnd::Machine { .. } => Self::Machine,
            ConversationEnd::Fault { .. } => Self::Fault,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Callback => "callback",
            Self::WrongNumber => "wrong_number",
            Self::NotInformed => "not_informed",
            Self::Abandoned => "abandoned",
            Self::Silent => "silent",
            Self::Machine => "machine",
            Self::Fault => "fault",
        }
    }
}

impl RuleKey {
    /// Every key that a programme must have a rule for.
    pub fn all() -> impl Iterator<Item = RuleKey> {
        let outcomes = Outcome::ALL.into_iter().filter(|o| *o != Outcome::Answered).map(Self::Outcome);
        outcomes.chain(EndKind::ALL.into_iter().map(Self::End))
    }

    /// The key in the file and in [`crate::domain::visit::task::Visit::tries`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Outcome(outcome) => outcome.name(),
            Self::End(end) => end.name(),
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::all().find(|key| key.name() == name)
    }
}

/// The words of `claims.customer_class`: `A`, `VIP、车队`.
fn class_words(class: &str) -> impl Iterator<Item = &str> {
    class.split(['、', '，', ',', '；', ';', '/', ' ']).map(str::trim).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
