//! 通话: one INVITE and everything that is known of it. One row for every INVITE, always exactly one outcome at the end.
pub mod exchange;
pub mod fsm;
pub mod journal;
pub mod outcome;
pub mod trace;

use super::id::{CallId, OrderNo, SeatId, VisitId};
use super::phone::Phone;
use super::recording::manifest::RecordingInfo;
use jiff::Timestamp;
use journal::JournalEntry;
use outcome::{ConversationEnd, Fault, Outcome, Party};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Status line with what came with it, or our own sentence.
    pub detail: Option<String>,
    /// The far end's own words: Reason and Warning headers of its refusal or BYE, e.g. `Q.850;cause=17;text="User busy"`.
    pub sip_reason: Option<String>,
    pub hung_up_by: Option<Party>,
    pub conversation: Option<ConversationEnd>,
    pub recording: Option<RecordingInfo>,
    pub legs: Vec<LegStats>,
    pub journal: Vec<JournalEntry>,
    /// The agent it was claimed for, or the supervisor who took it over; `None` for the unattended questionnaire.
    #[serde(default)]
    pub seat: Option<SeatId>,
    /// What the agent wrote down, verbatim.
    #[serde(default)]
    pub note: Option<String>,
    /// The agent's form: 5W2H and whatever else the page has.
    #[serde(default)]
    pub form: BTreeMap<String, String>,
}

impl Call {
    /// A call that begins: nothing is known but who is called, and for what.
    pub fn claimed(
        id: CallId,
        visit: VisitId,
        order_no: OrderNo,
        attempt: u32,
        to: Phone,
        programme: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            visit,
            order_no,
            attempt,
            to,
            trunk: None,
            programme,
            instants: Instants { claimed_at: Some(now), ..Instants::default() },
            outcome: None,
            fault: None,
            sip_status: None,
            detail: None,
            sip_reason: None,
            hung_up_by: None,
            conversation: None,
            recording: None,
            legs: vec![],
            journal: vec![],
            seat: None,
            note: None,
            form: BTreeMap::new(),
        }
    }
}

/// When what happened, each at its first time. A later step may be known without an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Instants {
    /// The visit was claimed for this call.
    pub claimed_at: Option<Timestamp>,
    pub invited_at: Option<Timestamp>,
    /// First provisional response of any kind, 100 included.
    pub trying_at: Option<Timestamp>,
    pub ringing_at: Option<Timestamp>,
    pub early_media_at: Option<Timestamp>,
    /// The 200 has reached the call.
    pub answered_at: Option<Timestamp>,
    /// Our ACK of a 200 has left.
    pub acked_at: Option<Timestamp>,
    /// First voice packet of the far end, early media included.
    pub first_rtp_in_at: Option<Timestamp>,
    /// Our first packet, early media included.
    pub first_rtp_out_at: Option<Timestamp>,
    /// First BYE, whoever sent it.
    pub bye_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl Instants {
    /// Takes what `other` knows and this does not: the first value counts.
    pub fn learn(&mut self, other: &Instants) {
        let pairs = [
            (&mut self.claimed_at, other.claimed_at),
            (&mut self.invited_at, other.invited_at),
            (&mut self.trying_at, other.trying_at),
            (&mut self.ringing_at, other.ringing_at),
            (&mut self.early_media_at, other.early_media_at),
            (&mut self.answered_at, other.answered_at),
            (&mut self.acked_at, other.acked_at),
            (&mut self.first_rtp_in_at, other.first_rtp_in_at),
            (&mut self.first_rtp_out_at, other.first_rtp_out_at),
            (&mut self.bye_at, other.bye_at),
            (&mut self.ended_at, other.ended_at),
        ];
        for (known, learnt) in pairs {
            *known = known.or(learnt);
        }
    }

    /// Answer to hang-up in seconds; `None` when never answered or still up.
    pub fn talk_s(&self) -> Option<f64> {
        let (a, e) = (self.answered_at?, self.ended_at?);
        Some((e.as_millisecond() - a.as_millisecond()) as f64 / 1000.0)
    }
}

/// How many calls may begin between two local midnights (`dialer.daily_calls`): every INVITE counts, whoever asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayLimit {
    /// The first instant of the day, and that of the next.
    pub from: Timestamp,
    pub until: Timestamp,
    pub calls_max: u32,
}

/// What a trunk has used of a day: INVITEs, and begun minutes of talk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub calls: u32,
    pub minutes: u32,
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
