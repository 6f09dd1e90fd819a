//! 承诺: what somebody promised to tell a customer, by when, who owns it, and what became of it.
//!
//! ```text
//!            made (heard in a call, written by an agent, entered, or asked by a rule)
//!                                  │
//!                                  ▼     told: when, what, by whom (A20)
//!                                Open ───────────────────────────────▶ Kept
//!   overdue_at, once (A19, F11) ◀──│──── confirmed by an engineer (A18) ─▶ Confirmed
//!                                  └──── taken back, with a reason ───────▶ Withdrawn
//! ```
//! Contract: pure; every function takes `now`. A promise closes only when the customer was told, an engineer confirmed, or somebody took it
//! back with a reason: never by time, and never because its visit ended. `overdue_at` is set once and stays, so a promise that was kept
//! late shows it. A call back has a visit of its own with its own due clock ([`visit_of`]).
//!
//! Not here: which words promise ([`detect`]), and who may do what (the door).

pub mod detect;

use super::calendar::{Calendar, midnight};
use super::id::{CallId, OrderNo, PromiseId, VisitId};
use super::order::{Order, ServiceType};
use super::programme::{Programme, Stage, Trigger};
use super::visit::task::{Start, Visit, VisitState, WaitReason, begin};
use super::when::{Deadline, Until, deadline};
use detect::Doer;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One promise.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    pub id: PromiseId,
    pub kind: Kind,
    /// Whose customer is to be told.
    pub order_no: OrderNo,
    /// In which call it was made; `None`: outside of one.
    pub call: Option<CallId>,
    /// The visit by which the customer is called back; `None`: no programme begins by a promise, or nobody has to call.
    pub visit: Option<VisitId>,
    /// What was promised, for people.
    pub what: String,
    /// The seat, user or questionnaire that promised.
    pub promised_by: String,
    /// Who has to see to it.
    pub owner: String,
    pub promised_at: Timestamp,
    pub due_at: Timestamp,
    pub source: Source,
    /// The words, where the call was heard.
    pub evidence: Option<Evidence>,
    /// When it was found overdue (A19, F11); stays.
    pub overdue_at: Option<Timestamp>,
    pub state: State,
    /// Grows by one with every save; a save with an old version fails.
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A19, A20: the customer is told the result.
    CallBack,
    /// A18: an engineer confirms that the fault of a 技术咨询 order is gone.
    Confirmation,
}

/// How we know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the transcript.
    Heard { doer: Doer },
    /// The agent wrote it down in the wrap-up of the call.
    Agent,
    /// Entered by a person or another system.
    Hand,
    /// A rule asks for it.
    Rule,
}

/// What was said, and where on the recording's axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub quote: String,
    pub from_s: f64,
    pub to_s: f64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// A20: what the customer was told, when and by whom.
    Kept {
        told_at: Timestamp,
        told: String,
        by: String,
    },
    /// A18: which engineer confirmed, when, and what he found.
    Confirmed {
        at: Timestamp,
        engineer: String,
        note: String,
    },
    Withdrawn {
        at: Timestamp,
        why: String,
        by: String,
    },
}

/// The states without their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    Open,
    Kept,
    Confirmed,
    Withdrawn,
}

/// How long there is when nobody named a time, working time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A19: 尽快 of a call back, where no programme says.
    pub call_back: Duration,
    /// A18.
    pub confirmation: Duration,
}

/// Why it was not done. For people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("这项承诺已经了结")]
    Over,
    #[error("技术咨询要由工程师确认故障已排除才能了结（规则 A18）")]
    NeedsEngineer,
    #[error("这项承诺不是等工程师确认的，把结果告诉客户才能了结（规则 A20）")]
    NotToConfirm,
    #[error("告知时间不能晚于现在，也不能早于作出承诺的时间")]
    NotThen,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Self::CallBack, Self::Confirmation];
}

impl Source {
    pub fn name(self) -> &'static str {
        match self {
            Self::Heard { .. } => "heard",
            Self::Agent => "agent",
            Self::Hand => "hand",
            Self::Rule => "rule",
        }
    }
}

impl StateName {
    pub const ALL: [StateName; 4] = [Self::Open, Self::Kept, Self::Confirmed, Self::Withdrawn];

    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Kept => "kept",
            Self::Confirmed => "confirmed",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }
}

impl State {
    pub fn name(&self) -> StateName {
        match self {
            Self::Open => StateName::Open,
            Self::Kept { .. } => StateName::Kept,
            Self::Confirmed { .. } => StateName::Confirmed,
            Self::Withdrawn { .. } => StateName::Withdrawn,
        }
    }
}

/// Closes it: the customer was told (A20).
pub fn tell(now: Timestamp, promise: &Promise, told: &str, told_at: Timestamp, by: &str) -> Result<Promise, Refused> {
    let mut next = open(promise)?;
    if promise.kind == Kind::Confirmation {
        return Err(Refused::NeedsEngineer);
    }
    if told_at > now || told_at < promise.promised_at {
        return Err(Refused::NotThen);
    }
    next.state = State::Kept { told_at, told: told.into(), by: by.into() };
    Ok(next)
}

/// Closes it: an engineer confirmed (A18).
pub fn confirm(now: Timestamp, promise: &Promise, engineer: &str, note: &str) -> Result<Promise, Refused> {
    let mut next = open(promise)?;
    if promise.kind == Kind::CallBack {
        return Err(Refused::NotToConfirm);
    }
    next.state = State::Confirmed { at: now, engineer: engineer.into(), note: note.into() };
    Ok(next)
}

/// Closes it without its being kept, with a reason.
pub fn withdraw(now: Timestamp, promise: &Promise, why: &str, by: &str) -> Result<Promise, Refused> {
    let mut next = open(promise)?;
    next.state = State::Withdrawn { at: now, why: why.into(), by: by.into() };
    Ok(next)
}

/// Gives it to somebody else; its clock runs on.
pub fn assign(promise: &Promise, owner: &str) -> Result<Promise, Refused> {
    Ok(Promise { owner: owner.into(), ..open(promise)? })
}

/// A19, F11: its time has passed and nobody was told. `None`: it has not, or that is known.
pub fn mark_overdue(now: Timestamp, promise: &Promise) -> Option<Promise> {
    let overdue = promise.state == State::Open && promise.overdue_at.is_none() && now > promise.due_at;
    overdue.then(|| Promise { overdue_at: Some(now), ..promise.clone() })
}

fn open(promise: &Promise) -> Result<Promise, Refused> {
    if promise.state == State::Open { Ok(promise.clone()) } else { Err(Refused::Over) }
}

/// Whether a completed consultation waits for an engineer (A18).
pub fn needs_confirmation(order: &Order) -> bool {
    order.service_type == ServiceType::Consultation
}

/// From when on the customer can be told, and by when he must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// `None`: at once.
    pub from: Option<Timestamp>,
    pub at: Timestamp,
}

/// The due clock of a call back: the time that was named in `said`, else the window of the programme, else the terms of the site.
pub fn due(
    promised_at: Timestamp,
    said: Option<&str>,
    programme: Option<(&Programme, &Stage)>,
    terms: &Terms,
    calendar: &Calendar,
) -> Due {
    let by_rule = || match programme {
        Some((_, stage)) => stage.window.times(promised_at, calendar).due_at,
        None => working(promised_at, terms.call_back, calendar),
    };
    let Some(named) = said.and_then(|said| deadline(said, promised_at, calendar.tz())) else {
        return Due { from: None, at: by_rule() };
    };
    let Deadline { from, until } = named;
    let at = match until {
        Until::Instant(at) => Some(at),
        Until::Day(date) => end_of_work(date, calendar),
        Until::WorkingDays(days) => working_day(promised_at, days, calendar).and_then(|day| end_of_work(day, calendar)),
    };
    let at = at.filter(|at| *at > promised_at).unwrap_or_else(by_rule);
    Due { from: from.filter(|from| *from <= at), at }
}

/// So much working time from the next opening on (A03).
pub fn working(from: Timestamp, time: Duration, calendar: &Calendar) -> Timestamp {
    calendar.add_working(calendar.next_opening(from), time)
}

/// The last instant of work on that local day; of one without work, its midnight.
fn end_of_work(date: Date, calendar: &Calendar) -> Option<Timestamp> {
    let [from, to] = [date, date.tomorrow().ok()?].map(|day| midnight(day, calendar.tz()));
    let worked = calendar.working_between(from, to);
    Some(if worked.is_zero() { to } else { calendar.add_working(from, worked) })
}

/// The `n`th local day with work after that of `from`.
fn working_day(from: Timestamp, n: u32, calendar: &Calendar) -> Option<Date> {
    let mut date = from.to_zoned(calendar.tz().clone()).date();
    for _ in 0..n.min(WORKING_DAYS_MAX) {
        let tomorrow = midnight(date.tomorrow().ok()?, calendar.tz());
        date = calendar.next_opening(tomorrow).to_zoned(calendar.tz().clone()).date();
    }
    Some(date)
}

const WORKING_DAYS_MAX: u32 = 60;
/// Somebody who was promised a call at three may be called so much before.
const LEAD: SignedDuration = SignedDuration::from_mins(10);

/// The visit by which a promise is kept: due when the promise is, and not dialled before there can be something to tell.
pub fn visit_of(now: Timestamp, promise: &Promise, due: Due, start: Start, calendar: &Calendar) -> Visit {
    let programme = start.programme;
    let mut visit = begin(now, promise.promised_at, start, calendar);
    let calendar = visit.calendar(calendar);
    // As much time to the deadline as the programme leaves after its own due time.
    let left = calendar.working_between(visit.due_at, visit.deadline_at);
    visit.due_at = due.at;
    visit.deadline_at = calendar.add_working(due.at, left).max(due.at);
    let opens = due.from.map(|from| if from == due.at { from.checked_sub(LEAD).unwrap_or(from) } else { from });
    if let Some(opens) = opens.filter(|opens| *opens > now) {
        let not_before = programme.next_callable(calendar, opens, true);
        visit.state = VisitState::Waiting { not_before, reason: WaitReason::Appointment { said: None, settled: true } };
    }
    visit
}

/// The programme and the visit that a promise begins by.
pub fn begins_by_promise(programme: &Programme) -> Option<(&Programme, &Stage)> {
    programme.stages_by(Trigger::Promise).next().map(|stage| (programme, stage))
}

#[cfg(test)]
mod tests;
