//! 通话: one INVITE and everything that is known of it. One row for every INVITE, always exactly one outcome at the end.
pub mod exchange;
pub mod fsm;
pub mod journal;
pub mod outcome;

use super::id::{CallId, OrderNo, VisitId};
use super::phone::Phone;
use super::recording::manifest::RecordingInfo;
use jiff::Timestamp;
use journal::JournalEntry;
use outcome::{ConversationEnd, Fault, Outcome, Party};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub id: CallId,
    pub visit: VisitId,
    pub order_no: OrderNo,
    /// 1 for the first call of the visit.
    pub attempt: u32,
    pub to: Phone,
    pub trunk: Option<String>,
    /// Programme and script that ran, e.g. `excavator` / `保养`.
    pub programme: String,
    pub instants: Instants,
    pub outcome: Option<Outcome>,
    pub fault: Option<Fault>,
    pub sip_status: Option<u16>,
    /// Reason phrase, Reason or Warning header, or our own sentence.
    pub detail: Option<String>,
    pub hung_up_by: Option<Party>,
    pub conversation: Option<ConversationEnd>,
    pub recording: Option<RecordingInfo>,
    pub legs: Vec<LegStats>,
    pub journal: Vec<JournalEntry>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Instants {
    /// The visit was claimed for this call.
    pub claimed_at: Option<Timestamp>,
    pub invited_at: Option<Timestamp>,
    pub ringing_at: Option<Timestamp>,
    pub early_media_at: Option<Timestamp>,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl Instants {
    /// Answer to hang-up in seconds; `None` when never answered or still up.
    pub fn talk_s(&self) -> Option<f64> {
        let (a, e) = (self.answered_at?, self.ended_at?);
        Some((e.as_millisecond() - a.as_millisecond()) as f64 / 1000.0)
    }
}

/// Media counters of one leg.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LegStats {
    /// `customer`; later `agent`, `supervisor`.
    pub name: String,
    pub codec: Option<String>,
    pub packets_received: u64,
    pub packets_sent: u64,
    pub packets_lost: u64,
    /// Arrived too late to be played or recorded at its place.
    pub packets_late: u64,
    /// From a source that is not the locked one, of a payload type nobody agreed to, not authentic, or unreadable.
    pub packets_refused: u64,
    pub jitter_ms: f64,
    #[serde(default)]
    pub packets_duplicate: u64,
    /// How often the far end began a new stream (SSRC) after the first.
    #[serde(default)]
    pub stream_changes: u64,
    /// Reports of the far end that were read, and that were not readable or not its own.
    #[serde(default)]
    pub reports_received: u64,
    #[serde(default)]
    pub reports_refused: u64,
    /// What the far end last reported of our stream (RTCP): packets it missed, and its jitter.
    #[serde(default)]
    pub far_lost: Option<u64>,
    #[serde(default)]
    pub far_jitter_ms: Option<f64>,
    /// There and back, from its last report.
    #[serde(default)]
    pub round_trip_ms: Option<f64>,
    /// The suite when the media was encrypted.
    #[serde(default)]
    pub srtp: Option<String>,
}
