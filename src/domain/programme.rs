//! 回访方案: window, retry, calling hours, script and scoring of one kind of visit, as data (`programmes/*.toml`).
//!
//! Contract: a [`Programme`] that exists is complete and consistent: every outcome has a rule, every limit is in range. The sources
//! contradict each other (30 minutes or 3 days, five indicators or three questions), so nothing of that is in code.
//! Not here: the texts and steps of the script (`script`), the keyword table (`score`), reading files.

mod parse;

use super::calendar::{Calendar, Shift};
use super::call::outcome::{ConversationEnd, Outcome};
use super::visit::task::CloseCause;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// More hops between working hours and calling hours than this means that they never meet.
const HOPS_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub struct Programme {
    /// Equals the file's stem, e.g. `excavator`.
    pub name: String,
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
    /// Working time from the SMS to the call (A01).
    pub due_after: Duration,
    /// Working time from the SMS to the escalation (A02).
    pub deadline_after: Duration,
    pub after_deadline: AfterDeadline,
    pub outside_hours: OutsideHours,
    /// Local hours in which a customer may be called, on any day (A13).
    pub calling_hours: Vec<Shift>,
    /// Attempts that reached for the customer; after the last the visit goes to another channel (A06).
    pub attempts_max: u32,
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
    /// Closed as [`CloseCause::AttemptsUsedUp`], for SMS, e-mail or letter (A06).
    Close,
    /// Kept open for a person.
    Hold,
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

    /// How many satisfaction items may be asked of a customer of `class` (B08, C12).
    pub fn satisfaction_items(&self, class: Option<&str>) -> u32 {
        class.and_then(|c| self.satisfaction_items_by_class.get(c)).copied().unwrap_or(self.satisfaction_items_max)
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
    pub const ALL: [EndKind; 7] = [
        Self::Refused,
        Self::Callback,
        Self::WrongNumber,
        Self::NotInformed,
        Self::Abandoned,
        Self::Silent,
        Self::Fault,
    ];

    pub fn of(end: &ConversationEnd) -> Option<Self> {
        Some(match end {
            ConversationEnd::Completed => return None,
            ConversationEnd::Refused | ConversationEnd::OptedOut => Self::Refused,
            ConversationEnd::Callback { .. } => Self::Callback,
            ConversationEnd::WrongNumber => Self::WrongNumber,
            ConversationEnd::NotInformed => Self::NotInformed,
            ConversationEnd::Abandoned { .. } => Self::Abandoned,
            ConversationEnd::Silent => Self::Silent,
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

/// All programmes of a site, by name.
#[derive(Clone, Debug, Default)]
pub struct Programmes(BTreeMap<String, Programme>);

impl Programmes {
    /// Checks each against the site's calendar: one whose calling hours never meet the working hours could never call.
    pub fn new(list: Vec<Programme>, calendar: &Calendar) -> Result<Self, ProgrammeError> {
        let mut all = BTreeMap::new();
        for programme in list {
            let error = |key: &str, problem: String| ProgrammeError {
                file: programme.name.clone(),
                line: 1,
                key: key.into(),
                problem,
            };
            if programme.next_callable(calendar, Timestamp::UNIX_EPOCH, false) == Timestamp::MAX {
                return Err(error("calling.hours", "they never meet the site's working hours (A13)".into()));
            }
            if all.contains_key(&programme.name) {
                return Err(error("name", format!("{:?} is there twice", programme.name)));
            }
            all.insert(programme.name.clone(), programme);
        }
        Ok(Self(all))
    }

    pub fn get(&self, name: &str) -> Option<&Programme> {
        self.0.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Programme> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests;
