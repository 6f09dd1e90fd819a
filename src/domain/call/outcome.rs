//! How a call ended: exactly one documented outcome, and the party at fault.

use crate::domain::announcement::Kind;
use crate::domain::opt_out::ScopeName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The contract's list; the serialised names are public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered, and the conversation came to an end of its own (whatever it was: see [`ConversationEnd`]).
    Answered,
    Busy,
    NoAnswer,
    /// Rejected by the customer before the answer (603, or 486 sent by hand is `Busy`).
    Declined,
    /// Answered, and the customer hung up before the conversation came to an end (A04).
    HungUp,
    /// Switched off, out of service area, temporarily unavailable.
    Unreachable,
    /// The network says that the number does not exist.
    InvalidNumber,
    /// The trunk or the network failed, before the answer or in the middle of the call, or nobody answered our INVITE.
    TrunkFailure,
    /// Our credentials were refused.
    AuthFailed,
    /// The recorder could not be opened or failed: no recorder, no call (C01).
    RecorderFailed,
    /// Ended by us before the answer: a person cancelled, or the engine stopped.
    Cancelled,
}

impl Outcome {
    pub const ALL: [Outcome; 11] = [
        Self::Answered,
        Self::Busy,
        Self::NoAnswer,
        Self::Declined,
        Self::HungUp,
        Self::Unreachable,
        Self::InvalidNumber,
        Self::TrunkFailure,
        Self::AuthFailed,
        Self::RecorderFailed,
        Self::Cancelled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Declined => "declined",
            Self::HungUp => "hung_up",
            Self::Unreachable => "unreachable",
            Self::InvalidNumber => "invalid_number",
            Self::TrunkFailure => "trunk_failure",
            Self::AuthFailed => "auth_failed",
            Self::RecorderFailed => "recorder_failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.name() == text)
    }

    /// For people, as the end of a sentence about the call.
    pub fn text_zh(self) -> &'static str {
        match self {
            Self::Answered => "已接通",
            Self::Busy => "客户占线",
            Self::NoAnswer => "无人接听",
            Self::Declined => "客户拒接",
            Self::HungUp => "客户挂断",
            Self::Unreachable => "关机或不在服务区",
            Self::InvalidNumber => "空号",
            Self::TrunkFailure => "线路故障",
            Self::AuthFailed => "线路鉴权失败",
            Self::RecorderFailed => "录音失败",
            Self::Cancelled => "呼叫被取消",
        }
    }
}

/// Who sent the BYE (C16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    Customer,
    Us,
    /// Neither: the media or the line went away.
    Network,
}

/// Whose fault an unsuccessful call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    Us,
    Trunk,
    Customer,
    Network,
}

/// What the conversation came to, by the unattended questionnaire or by the agent's outcome keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConversationEnd {
    /// Every question was put to an informed respondent who consented: a valid visit.
    Completed,
    /// The customer refused (C09).
    Refused,
    /// He refused and wants no more calls, whatever the programme would do (C09): for this visit, or as widely as `scope` says.
    OptedOut {
        #[serde(default)]
        scope: ScopeName,
    },
    /// Not now (A07): `said` are the customer's words for the time, e.g. `下午三点以后`; `at` is the time that an agent settled with him.
    Callback {
        said: Option<String>,
        #[serde(default)]
        at: Option<Timestamp>,
    },
    /// A08.
    WrongNumber,
    /// The respondent knows nothing of the service (C08).
    NotInformed,
    /// The customer hung up in the middle; `answered` questions had an answer.
    Abandoned { answered: u32 },
    /// Nobody spoke.
    Silent,
    /// It was no person: a mailbox, an assistant, or an announcement of the network behind a 200.
    Machine { heard: Kind },
    /// We ended it (a fault of ours, or the length limit).
    Fault { detail: String },
}
