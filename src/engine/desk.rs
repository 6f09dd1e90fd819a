//! What a connected agent may say, and what he is told: the contract between the seats of the engine and the door they come through
//! (`http/seat`). The words are those of `docs/seats.md`.
//!
//! Contract: [`Desk::connect`] gives the seat to the newest connection and tells the older one [`SeatNews::Replaced`]; everything that is
//! said over an older connection is refused. Every change of a seat or its call is told whole, so a page that missed nothing and one that
//! has just connected show the same. Not here: JSON, tokens, masks of telephone numbers.

use super::handle::CommandError;
use crate::domain::call::outcome::{ConversationEnd, Outcome, Party};
use crate::domain::id::{CallId, SeatId, VisitId};
use crate::domain::live;
use crate::domain::opt_out::ScopeName;
use crate::domain::order::Order;
use crate::domain::score::Indicator;
use crate::domain::script::sheet::SheetStep;
use crate::domain::seat::{Seat, SeatPhone, Skills};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;

pub use crate::media::browser::BrowserState;

/// One message of an agent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SeatMessage {
    SignIn,
    Available,
    Break {
        reason: String,
    },
    SignOut,
    Ping,
    Offer {
        sdp: String,
    },
    Candidate {
        candidate: Option<serde_json::Value>,
    },
    Start,
    Decline {
        reason: String,
    },
    Mute {
        on: bool,
    },
    Hold {
        on: bool,
    },
    Keys {
        digits: String,
    },
    HangUp,
    Step {
        step: String,
        indicator: Option<Indicator>,
    },
    Result {
        end: AgentEnd,
        note: Option<String>,
    },
    Note {
        text: String,
    },
    WrappedUp {
        end: Option<AgentEnd>,
        note: Option<String>,
        #[serde(default)]
        form: BTreeMap<String, String>,
    },
}

/// The outcome keys of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AgentEnd {
    Completed,
    Refused {
        /// The customer wants no more calls; either way this visit is not called again (C09).
        #[serde(default)]
        opt_out: bool,
        /// How widely; for ever unless told.
        #[serde(default)]
        scope: Option<ScopeName>,
    },
    Callback {
        at: Option<Timestamp>,
        said: Option<String>,
    },
    WrongNumber,
    NotInformed,
    NoVoice,
}

/// What an agent is told.
#[derive(Clone, Debug)]
pub enum SeatNews {
    Welcome(Box<Welcome>),
    Seat(Box<SeatView>),
    Answer(String),
    /// RTCIceCandidateInit as JSON; `None` = the last.
    Candidate(Option<String>),
    Media(BrowserState),
    Call(Option<Box<CallView>>),
    Live(LiveText),
    Replaced,
}

/// What is said on a call while it is said. Unlike all other news it may be left out when the page is slow: the next one is whole again.
#[derive(Clone, Debug)]
pub struct LiveText {
    pub call: CallId,
    pub view: Arc<live::View>,
}

#[derive(Clone, Debug)]
pub struct Welcome {
    pub seat: SeatView,
    pub lease_s: u64,
    pub wrap_up_s: u64,
    pub ice_servers: serde_json::Value,
    pub call: Option<Box<CallView>>,
    pub live: Option<LiveText>,
}

/// A seat with what only a running engine knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SeatView {
    pub seat: Seat,
    pub connected: bool,
    /// `None`: its telephone does not register.
    pub registered: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallStage {
    Preview,
    Dialing,
    Ringing,
    Answered,
    Ended,
}

/// The call of a seat, from the first look at the order to the end of the wrap-up.
#[derive(Clone, Debug)]
pub struct CallView {
    pub stage: CallStage,
    pub stage_since: Timestamp,
    pub visit: VisitId,
    pub call: Option<CallId>,
    pub limit_s: u64,
    pub muted: bool,
    pub held: bool,
    pub order: Order,
    /// Why it is called now, as `why` says it.
    pub why_now: String,
    pub title: String,
    pub steps: Vec<SheetStep>,
    pub history: Vec<PastCall>,
    pub end: Option<AgentEnd>,
    pub note: String,
    pub form: BTreeMap<String, String>,
    pub outcome: Option<Outcome>,
    pub hung_up_by: Option<Party>,
}

/// An earlier call to the same customer.
#[derive(Clone, Debug, PartialEq)]
pub struct PastCall {
    pub call: CallId,
    pub at: Timestamp,
    pub outcome: Option<Outcome>,
    pub end: Option<ConversationEnd>,
    pub note: Option<String>,
    pub index: Option<f64>,
}

/// How a supervisor takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisorMode {
    Listen,
    Whisper,
    Barge,
}

/// One connection of an agent; dropping it is losing it.
pub struct SeatLink {
    pub number: u64,
    pub news: mpsc::Receiver<SeatNews>,
}

/// The seats of a running engine.
#[async_trait]
pub trait Desk: Send + Sync {
    async fn seats(&self) -> Result<Vec<SeatView>, CommandError>;
    /// B01: so many available seats are never taken by dialling.
    fn floor(&self) -> u32;
    async fn seat(&self, seat: &SeatId) -> Result<SeatView, CommandError>;
    /// Makes the seat or changes its telephone and skills; `secret` is what a desk phone registers with (`None` = unchanged).
    async fn put_seat(
        &self,
        seat: &SeatId,
        phone: SeatPhone,
        skills: Skills,
        secret: Option<&str>,
        by: &str,
    ) -> Result<SeatView, CommandError>;
    /// A supervisor sets a seat free: a call in progress ends.
    async fn release_seat(&self, seat: &SeatId, by: &str) -> Result<SeatView, CommandError>;
    async fn connect(&self, seat: &SeatId) -> Result<SeatLink, CommandError>;
    async fn say(&self, seat: &SeatId, connection: u64, message: SeatMessage) -> Result<(), CommandError>;
    fn disconnected(&self, seat: &SeatId, connection: u64);
    /// Supervisors: `by` is connected as a seat of his own, whose browser he hears and speaks with.
    async fn supervise(&self, call: &CallId, mode: SupervisorMode, by: &SeatId) -> Result<(), CommandError>;
    async fn leave(&self, call: &CallId, by: &SeatId) -> Result<(), CommandError>;
    async fn take_over(&self, call: &CallId, by: &SeatId) -> Result<(), CommandError>;
    async fn end_call(&self, call: &CallId, reason: &str, by: &str) -> Result<(), CommandError>;
}
