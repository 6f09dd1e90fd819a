//! One visit and its states.
//!
//! ```text
//!            accept SMS
//!                │
//!                ▼        claim (one transaction with the new Call)
//!   ┌────────▶ Waiting ───────────────▶ Calling
//!   │            │  ▲                      │
//!   │ reschedule │  └──── retry after ─────┤ call ended, not valid
//!   └────────────┘                         │
//!                │ cancel                  │ valid visit        attempts used up, wrong number, refused
//!                ▼                         ▼                    ▼
//!              Closed                  Completed              Closed
//! ```
//! A visit is never lost: every state but the two last has a next step with an instant or a call that holds it, or waits for a person and
//! says so. The transitions are in [`super::steps`] and re-exported here; they never touch `version`, which is the store's.

use crate::domain::calendar::Calendar;
use crate::domain::call::outcome::Outcome;
use crate::domain::id::{CallId, OrderNo, SeatId, VisitId};
use crate::domain::programme::Trigger;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use super::begin::{Start, accept, begin};
pub use super::steps::{
    CallResult, Refused, after_agent_call, after_call, after_wrap_up, called_off, cancel, claim, corrected, declined,
    dial_now, interrupted, mark_escalated, mark_late, may_start, reschedule, round_over,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    pub id: VisitId,
    pub order_no: OrderNo,
    /// Name of the programme that governs it, e.g. `excavator`.
    pub programme: String,
    #[serde(default)]
    pub origin: Origin,
    /// When the completion SMS was received, or what else began the visit happened (A01, A03: kept beside the working-time clock).
    pub sms_at: Timestamp,
    /// When the working-time clock started: `sms_at`, or the first working instant of the window.
    pub clock_starts_at: Timestamp,
    /// When it should be made, as the programme says; for completed work thirty working minutes later (A01).
    pub due_at: Timestamp,
    /// When it must be made; three working hours later (A02).
    pub deadline_at: Timestamp,
    /// Calls already started; the next call is number `attempts + 1`.
    pub attempts: u32,
    pub first_attempt_at: Option<Timestamp>,
    /// Set once when the deadline passed unvisited (A02); the visit is still called.
    pub escalated_at: Option<Timestamp>,
    /// Why the visit is late, recorded when it becomes late (invariant 4).
    pub late_cause: Option<String>,
    /// Ended attempts by their result: names of [`crate::domain::programme::RuleKey`], e.g. `busy`, `callback`.
    #[serde(default)]
    pub tries: BTreeMap<String, u32>,
    /// A04: before this instant nobody dials, neither the planner nor a person.
    #[serde(default)]
    pub redial_guard: Option<Timestamp>,
    /// The number that the first call showed the customer; later ones show it too, where their trunk can.
    #[serde(default)]
    pub caller_id: Option<String>,
    /// Agents who looked at it and gave it back; it is not offered to them again.
    #[serde(default)]
    pub declined: Vec<Declined>,
    pub state: VisitState,
    /// Grows by one with every save; a save with an old version fails.
    pub version: i64,
}

/// Where a visit comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub trigger: Trigger,
    /// Name of the programme's [`crate::domain::programme::Stage`].
    pub stage: String,
    /// Version of the programme by which it was begun, or last called.
    pub version: String,
    /// The branch whose calendar counts; `None` = the site itself.
    pub branch: Option<String>,
}

impl Default for Origin {
    fn default() -> Self {
        Self { trigger: Trigger::Sms, stage: "first".into(), version: String::new(), branch: None }
    }
}

/// An agent gave the visit back after a look at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declined {
    pub seat: SeatId,
    pub reason: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum VisitState {
    /// May be dialled at `not_before` or later.
    Waiting { not_before: Timestamp, reason: WaitReason },
    /// Held by a call.
    Calling { call: CallId, since: Timestamp },
    /// A valid visit was made by `call`.
    Completed { call: CallId, at: Timestamp },
    /// Ended without a valid visit.
    Closed { cause: CloseCause, at: Timestamp },
}

/// Why a visit waits; shown by `why` (invariant 4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WaitReason {
    /// Not called yet.
    New,
    /// Redial spacing after an attempt (A04, A05).
    /// `rule` is the name of the retry rule that applied, e.g. `hung_up`, `silent`.
    RetrySpacing {
        after: Outcome,
        attempt: u32,
        #[serde(default)]
        rule: String,
    },
    /// The trunk failed before the customer's phone rang: the same attempt goes on over another, at once. `tried` are the trunks of
    /// this round so far.
    NextTrunk { after: Outcome, attempt: u32, tried: Vec<String> },
    /// The customer asked to be called then (A07), in his own words or as an agent settled it with him.
    Appointment {
        said: Option<String>,
        #[serde(default)]
        settled: bool,
    },
    /// A person moved it.
    Rescheduled { by: String, note: String },
    /// A person pressed "dial now".
    ByHand { by: String },
    /// The call is over and its agent is still to say what it came to; not dialled before that is known. `not_before` is the end of the call.
    WrapUp { call: CallId, seat: SeatId, until: Timestamp },
    /// The engine stopped while calling.
    Interrupted { attempt: u32 },
    /// Nothing happens until a person reschedules, dials or cancels.
    ForPerson { problem: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseCause {
    /// Cancelled by a person.
    Cancelled,
    /// The customer refused the visit (C09).
    Refused,
    /// The customer does not want to be called: a wish of before ([`crate::domain::opt_out`]).
    OptedOut,
    /// What was promised was told, or taken back, without this visit (A20).
    Settled,
    /// The number is not the customer's (A08).
    WrongNumber,
    /// The network says the number does not exist.
    InvalidNumber,
    /// All attempts used; goes to SMS, e-mail or letter (A06).
    AttemptsUsedUp,
    /// All attempts used; a text message follows (A06).
    Sms,
    /// All attempts used; an e-mail follows.
    Email,
    /// All attempts used; a letter follows.
    Letter,
    /// All attempts used; the service adviser asks at the customer's next visit.
    ForAdviser,
}

impl CloseCause {
    pub const ALL: [CloseCause; 11] = [
        Self::Cancelled,
        Self::Refused,
        Self::OptedOut,
        Self::Settled,
        Self::WrongNumber,
        Self::InvalidNumber,
        Self::AttemptsUsedUp,
        Self::Sms,
        Self::Email,
        Self::Letter,
        Self::ForAdviser,
    ];
}

impl WaitReason {
    /// The customer or one of our people named the time (A07), or the time was right a moment ago.
    pub fn on_request(&self) -> bool {
        match self {
            Self::Appointment { .. } | Self::Rescheduled { .. } | Self::ByHand { .. } | Self::NextTrunk { .. } => true,
            Self::New
            | Self::RetrySpacing { .. }
            | Self::WrapUp { .. }
            | Self::Interrupted { .. }
            | Self::ForPerson { .. } => false,
        }
    }
}

impl Visit {
    /// The calendar that counts for it.
    pub fn calendar<'a>(&self, site: &'a Calendar) -> &'a Calendar {
        site.of(self.origin.branch.as_deref())
    }

    /// The trunks that have failed the attempt that is going on; empty when a new one begins.
    pub fn trunks_tried(&self) -> &[String] {
        match &self.state {
            VisitState::Waiting { reason: WaitReason::NextTrunk { tried, .. }, .. } => tried,
            VisitState::Waiting { .. }
            | VisitState::Calling { .. }
            | VisitState::Completed { .. }
            | VisitState::Closed { .. } => &[],
        }
    }
}

impl VisitState {
    /// True for the two end states.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Waiting { .. } | Self::Calling { .. } => false,
            Self::Completed { .. } | Self::Closed { .. } => true,
        }
    }
}
