//! 坐席: the place of one agent: a user with a telephone, and what he is doing.
//!
//! ```text
//!               sign in                 reserve (the claim of a visit, one transaction)
//!  SignedOut ──────────▶ Available ──────────────────────▶ Reserved
//!      ▲  ▲                 │  ▲  ▲                            │  │
//!      │  │ sign out, lease │  │  │  not answered, declined    │  │ the customer answers
//!      │  └─────────────────┘  │  └────────────────────────────┘  ▼
//!      │                       │ back                           InCall
//!      │             Break ◀───┤                                  │ the call is over
//!      │               │       │ wrapped up, or its limit         ▼
//!      └───────────────┴───────┴───────────────────────────── WrapUp
//! ```
//! Contract: a seat that is signed in lives by its lease: without messages the mere passing of time signs it out from every state ([`lapse`]),
//! so no seat is ever stuck. What it holds is in its state, and a step that names another visit or call is refused, so a reservation is given
//! back once. A supervisor who takes a call over goes from where he is to InCall, and back there after its wrap-up. The transitions are pure and never touch `version`, which is the store's. A break or sign-out that is asked for while a visit
//! is held begins afterwards.
//!
//! Not here: who is connected and how (the engine renews the lease), the agent's audio, and what becomes of the visit ([`super::visit`]).

mod choose;
mod steps;

pub use choose::{NoSeat, Wanted, choose};
pub(in crate::domain) use choose::{idle, may_take};
pub use steps::{
    Lapse, Refused, answered, back, call_over, dialled, force_release, lapse, lost, released, renew, reserve, sign_in,
    sign_out, take_break, take_over, wrapped_up,
};

use super::id::{CallId, SeatId, VisitId};
use super::order::ServiceType;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seat {
    /// The user's name.
    pub id: SeatId,
    pub phone: SeatPhone,
    pub skills: Skills,
    pub state: SeatState,
    /// When the state began.
    pub since: Timestamp,
    /// When it last became available; the longest idle is chosen first.
    pub idle_since: Timestamp,
    /// What begins when the visit that it holds is over.
    pub next: AfterCall,
    /// Until when the agent counts as connected; a seat that is signed in always has one.
    pub lease_until: Option<Timestamp>,
    /// Grows by one with every save; a save with an old version fails.
    pub version: i64,
}

/// How the agent speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SeatPhone {
    /// WebRTC from the desk page.
    #[default]
    Browser,
    /// A SIP URI that we call.
    Uri { uri: String },
    /// A desk phone that registers with us.
    Registered,
}

/// What the seat can serve; an empty list serves all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Skills {
    pub services: Vec<ServiceType>,
    /// Languages and dialects as orders name them, e.g. `粤语`.
    pub languages: Vec<String>,
    pub dealers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SeatState {
    SignedOut,
    /// May be given a visit.
    Available,
    /// A visit is held for it. Without a call it looks at the order, or its own telephone is called first; with one the customer is dialled.
    Reserved {
        visit: VisitId,
        call: Option<CallId>,
        /// It was offered for a look before the call.
        preview: bool,
        /// The look ends then.
        until: Option<Timestamp>,
    },
    InCall {
        visit: VisitId,
        call: CallId,
    },
    /// Writes down what the call came to.
    WrapUp {
        visit: VisitId,
        call: CallId,
        until: Timestamp,
    },
    Break {
        reason: String,
    },
}

/// What begins after the call and its wrap-up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "then", rename_all = "snake_case")]
pub enum AfterCall {
    #[default]
    Available,
    Break {
        reason: String,
    },
    SignOut,
}

impl Seat {
    /// A seat that nobody has signed in at.
    pub fn new(id: SeatId, phone: SeatPhone, skills: Skills, now: Timestamp) -> Self {
        Self {
            id,
            phone,
            skills,
            state: SeatState::SignedOut,
            since: now,
            idle_since: now,
            next: AfterCall::Available,
            lease_until: None,
            version: 0,
        }
    }

    /// Whether its agent counts as connected.
    pub fn is_connected(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| until > now)
    }

    /// May be given a visit now: available, and its agent is there.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.state == SeatState::Available && self.is_connected(now)
    }

    /// When [`lapse`] has something to do, if nothing happens before.
    pub fn lapses_at(&self) -> Option<Timestamp> {
        let limit = match &self.state {
            SeatState::Reserved { call: None, until, .. } => *until,
            SeatState::WrapUp { until, .. } => Some(*until),
            SeatState::SignedOut
            | SeatState::Available
            | SeatState::Reserved { call: Some(_), .. }
            | SeatState::InCall { .. }
            | SeatState::Break { .. } => None,
        };
        match (self.lease_until, limit) {
            (Some(lease), Some(limit)) => Some(lease.min(limit)),
            (lease, limit) => lease.or(limit),
        }
    }
}

impl SeatState {
    pub fn name(&self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Available => "available",
            Self::Reserved { .. } => "reserved",
            Self::InCall { .. } => "in_call",
            Self::WrapUp { .. } => "wrap_up",
            Self::Break { .. } => "break",
        }
    }

    /// For people.
    pub fn text_zh(&self) -> &'static str {
        match self {
            Self::SignedOut => "未签入",
            Self::Available => "空闲",
            Self::Reserved { .. } => "已分配回访",
            Self::InCall { .. } => "正在通话",
            Self::WrapUp { .. } => "正在整理",
            Self::Break { .. } => "小休",
        }
    }

    /// The visit that the seat holds or writes about.
    pub fn visit(&self) -> Option<&VisitId> {
        match self {
            Self::Reserved { visit, .. } | Self::InCall { visit, .. } | Self::WrapUp { visit, .. } => Some(visit),
            Self::SignedOut | Self::Available | Self::Break { .. } => None,
        }
    }

    pub fn call(&self) -> Option<&CallId> {
        match self {
            Self::Reserved { call, .. } => call.as_ref(),
            Self::InCall { call, .. } | Self::WrapUp { call, .. } => Some(call),
            Self::SignedOut | Self::Available | Self::Break { .. } => None,
        }
    }

    /// Whether nobody else may be given the seat's visit; a wrap-up only speaks of one.
    pub fn holds(&self, visit: &VisitId) -> bool {
        match self {
            Self::Reserved { visit: held, .. } | Self::InCall { visit: held, .. } => held == visit,
            Self::SignedOut | Self::Available | Self::WrapUp { .. } | Self::Break { .. } => false,
        }
    }
}

impl Skills {
    fn serve(&self, wanted: &Wanted) -> bool {
        self.service(wanted) && self.language(wanted) && self.dealer(wanted)
    }

    fn service(&self, wanted: &Wanted) -> bool {
        self.services.is_empty() || self.services.contains(&wanted.service)
    }

    fn language(&self, wanted: &Wanted) -> bool {
        among(&self.languages, wanted.language.as_deref())
    }

    fn dealer(&self, wanted: &Wanted) -> bool {
        among(&self.dealers, wanted.dealer.as_deref())
    }
}

/// An order that says nothing can be served by everybody.
fn among(served: &[String], wanted: Option<&str>) -> bool {
    served.is_empty() || wanted.is_none_or(|wanted| served.iter().any(|s| s.trim() == wanted.trim()))
}

#[cfg(test)]
mod tests;
