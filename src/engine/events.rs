//! What the engine tells whoever listens: the console over server-sent events, `huifang demo`, tests.
//!
//! Contract: publishing never blocks and never fails; every event has a number that grows by one. A listener that is slower than
//! [`CAPACITY`] events is told how many it missed and goes on from there. Events are news, not state: nothing is stored, and whoever
//! missed some reads the resources again. They carry ids and no telephone numbers.

use crate::domain::audit::{Finding, Severity};
use crate::domain::call::outcome::Outcome;
use crate::domain::complaint::{AlarmKind, Grade, StateName};
use crate::domain::id::{CallId, ComplaintId, InboxId, OrderNo, PromiseId, SeatId, VisitId};
use crate::domain::promise;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::broadcast;

/// Events that a slow listener may be behind before it is told that it missed some.
pub const CAPACITY: usize = 1024;

/// One piece of news. The serialised tag is the name of the server-sent event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EngineEvent {
    /// A visit was made or moved to another state: `waiting`, `calling`, `completed`, `closed`.
    VisitChanged { visit: VisitId, order_no: OrderNo, state: String },
    /// A seat is in another state, or its page came or went.
    SeatChanged { seat: SeatId },
    /// A call moved on.
    CallChanged { call: CallId, visit: VisitId, phase: CallPhase, outcome: Option<Outcome> },
    /// How much of a recording is written down; 1 = the transcript of record is stored.
    TranscriptProgress { call: CallId, progress: f32 },
    /// A scorecard was written or corrected.
    Scored { call: CallId, index: Option<f64>, n_scored: usize },
    /// The audit of a call found something.
    Finding { call: CallId, finding: Finding },
    /// An SMS that no template reads arrived, or a person completed one.
    InboxChanged { inbox: InboxId },
    /// A complaint was opened or somebody did something to it.
    ComplaintChanged { complaint: ComplaintId, state: StateName, grade: Grade },
    /// A complaint needs somebody now: an angry customer (F17), a day that is over (F04), an answer that is due (F11) …
    ComplaintAlarm { complaint: ComplaintId, alarm: AlarmKind, severity: Severity },
    /// A promise was made, told, confirmed, taken back or given to somebody else: `open`, `kept`, `confirmed`, `withdrawn`.
    PromiseChanged { promise: PromiseId, order_no: OrderNo, state: promise::StateName, overdue: bool },
    /// The time of a promise has passed and the customer was not told (A19, F11).
    PromiseOverdue { promise: PromiseId, order_no: OrderNo, owner: String, due_at: Timestamp },
}

impl EngineEvent {
    /// The tag, as serialised.
    pub fn name(&self) -> &'static str {
        match self {
            Self::VisitChanged { .. } => "visit_changed",
            Self::SeatChanged { .. } => "seat_changed",
            Self::CallChanged { .. } => "call_changed",
            Self::TranscriptProgress { .. } => "transcript_progress",
            Self::Scored { .. } => "scored",
            Self::Finding { .. } => "finding",
            Self::InboxChanged { .. } => "inbox_changed",
            Self::ComplaintChanged { .. } => "complaint_changed",
            Self::ComplaintAlarm { .. } => "complaint_alarm",
            Self::PromiseChanged { .. } => "promise_changed",
            Self::PromiseOverdue { .. } => "promise_overdue",
        }
    }
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    /// Claimed; the recording is open, the INVITE is about to leave.
    Dialing,
    Ringing,
    Answered,
    /// Over; the outcome is known.
    Ended,
}

/// An event with its number (from 1, per process) and instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamped {
    pub number: u64,
    pub at: Timestamp,
    pub event: EngineEvent,
}

/// The one channel of events; clones are handles to the same channel.
#[derive(Clone)]
pub struct EventBus {
    sender: broadcast::Sender<Arc<Stamped>>,
    last: Arc<AtomicU64>,
}

impl Default for EventBus {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl EventBus {
    /// `capacity` at least 1.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { sender: broadcast::Sender::new(capacity.max(1)), last: Arc::new(AtomicU64::new(0)) }
    }

    /// Tells everyone who listens now; with nobody there it is dropped, which is what news is for.
    pub fn publish(&self, at: Timestamp, event: EngineEvent) {
        let number = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        if self.sender.receiver_count() > 0 && self.sender.send(Arc::new(Stamped { number, at, event })).is_err() {
            tracing::trace!(event.number = number, "the last listener left while an event was published");
        }
    }

    /// From the next event on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Stamped>> {
        self.sender.subscribe()
    }

    /// Number of the last event, 0 before the first.
    pub fn last_number(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(id: &str) -> EngineEvent {
        EngineEvent::InboxChanged { inbox: InboxId::new(id) }
    }

    #[test]
    fn the_name_of_an_event_is_its_serialised_tag() {
        let call = CallId::new("c");
        for event in [
            EngineEvent::VisitChanged {
                visit: VisitId::new("v"),
                order_no: OrderNo::new("o"),
                state: "waiting".into(),
            },
            EngineEvent::SeatChanged { seat: SeatId::new("anna") },
            EngineEvent::CallChanged {
                call: call.clone(),
                visit: VisitId::new("v"),
                phase: CallPhase::Ended,
                outcome: Some(Outcome::Busy),
            },
            EngineEvent::TranscriptProgress { call: call.clone(), progress: 0.5 },
            EngineEvent::Scored { call, index: Some(4.2), n_scored: 5 },
            inbox("i"),
            EngineEvent::ComplaintChanged {
                complaint: ComplaintId::new("k"),
                state: StateName::AwaitingApproval,
                grade: Grade::A,
            },
            EngineEvent::ComplaintAlarm {
                complaint: ComplaintId::new("k"),
                alarm: AlarmKind::CustomerAngry,
                severity: Severity::Red,
            },
            EngineEvent::PromiseChanged {
                promise: PromiseId::new("p"),
                order_no: OrderNo::new("o"),
                state: promise::StateName::Kept,
                overdue: true,
            },
            EngineEvent::PromiseOverdue {
                promise: PromiseId::new("p"),
                order_no: OrderNo::new("o"),
                owner: "anna".into(),
                due_at: Timestamp::UNIX_EPOCH,
            },
        ] {
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(json["event"], event.name(), "{json}");
        }
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_what_it_missed_and_the_engine_never_waits() {
        let bus = EventBus::with_capacity(2);
        let mut listener = bus.subscribe();
        for n in 0..5 {
            bus.publish(Timestamp::UNIX_EPOCH, inbox(&n.to_string()));
        }
        assert_eq!(listener.recv().await, Err(broadcast::error::RecvError::Lagged(3)));
        assert_eq!(listener.recv().await.unwrap().number, 4);
        assert_eq!(bus.last_number(), 5);
    }

    #[test]
    fn publishing_to_nobody_is_fine_and_still_counts() {
        let bus = EventBus::default();
        bus.publish(Timestamp::UNIX_EPOCH, inbox("i"));
        assert_eq!(bus.last_number(), 1);
    }
}
