//! The store on real SQLite files: what it keeps, what it refuses, and what survives a kill.

mod attempts;
mod complaints;
mod lists;
mod opening;
mod people;
mod promises;
mod repeats;
mod results;
mod reviews;
mod seats;
mod traces;
mod work;

use crate::support::data;
use huifang::clock::{Clock, ManualClock};
use huifang::domain::call::journal::{JournalEntry, JournalEvent};
use huifang::domain::call::outcome::{ConversationEnd, Outcome, Party};
use huifang::domain::call::{Call, Instants, LegStats};
use huifang::domain::id::{CallId, OrderNo};
use huifang::domain::order::{Claims, Customer, Order, ServiceType, Title};
use huifang::domain::phone::Phone;
use huifang::domain::recording::manifest::{RecordingInfo, RecordingState, TrackInfo, TrackName};
use huifang::domain::visit::task::{Visit, VisitState};
use huifang::store::Store;
use jiff::{SignedDuration, Timestamp};
use sqlx::AnyPool;
use std::sync::Arc;
use tempfile::TempDir;

/// A database file of its own, and a clock that moves when told.
pub struct Site {
    pub folder: TempDir,
    pub clock: Arc<ManualClock>,
    pub store: Store,
}

impl Site {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(at(0)));
        let store = open(&folder, clock.clone()).await;
        Self { folder, clock, store }
    }

    /// As after a kill: the old handle is dropped as it is, the file opened again.
    pub async fn reopened(self) -> Self {
        drop(self.store);
        let store = open(&self.folder, self.clock.clone()).await;
        Self { store, ..self }
    }

    /// A connection past the store, to do what the store would not.
    pub async fn behind(&self) -> AnyPool {
        AnyPool::connect(&format!("sqlite://{}", self.folder.path().join("huifang.db").display())).await.unwrap()
    }

    /// An order with its waiting visit.
    pub async fn visit(&self, n: u32) -> Visit {
        let order = order(&format!("SO-{n:05}"));
        let visit = waiting(&order.no, &format!("visit-{n:05}"), at(i64::from(n)));
        self.store.put_order(&order).await.unwrap();
        self.store.insert_visit(&visit).await.unwrap();
        visit
    }

    /// A visit claimed by its first call.
    pub async fn calling(&self, n: u32) -> (Visit, Call) {
        let visit = self.visit(n).await;
        let call = next_call(&visit, &format!("call-{n:05}"), at(100));
        let claimed = self.store.claim_visit(&visit, &call, None).await.unwrap().expect("nobody else claims");
        (claimed, call)
    }

    /// A visit completed by its first call.
    pub async fn completed(&self, n: u32) -> Call {
        let (visit, call) = self.calling(n).await;
        let call = ended(call, Outcome::Answered);
        let done = Visit { state: VisitState::Completed { call: call.id.clone(), at: at(200) }, ..visit };
        self.store.finish_call(&call, &done, &[]).await.unwrap();
        call
    }
}

async fn open(folder: &TempDir, clock: Arc<dyn Clock>) -> Store {
    Store::open(&format!("sqlite://{}", folder.path().join("huifang.db").display()), clock).await.unwrap()
}

/// Seconds after a Monday morning.
pub fn at(seconds: i64) -> Timestamp {
    let morning: Timestamp = "2026-11-16T09:00:00+08:00".parse().unwrap();
    morning + SignedDuration::from_secs(seconds)
}

pub fn order(no: &str) -> Order {
    Order {
        no: OrderNo::new(no),
        service_type: ServiceType::Maintenance,
        customer: Customer {
            name: Some("王建国".into()),
            title: Some(Title::Mr),
            phone: Phone::parse("13800138000").unwrap(),
        },
        claims: Claims {
            product: Some("DX225".into()),
            reported_hours: Some(1520.5),
            finished_at: Some(at(-60)),
            parts: vec!["机油".into(), "机滤".into()],
            ..Claims::default()
        },
    }
}

pub fn waiting(order_no: &OrderNo, id: &str, sms_at: Timestamp) -> Visit {
    Visit {
        tries: [("busy".to_string(), 1)].into(),
        redial_guard: Some(sms_at),
        ..data::visit(id, order_no.as_str(), sms_at)
    }
}

pub fn next_call(visit: &Visit, id: &str, claimed_at: Timestamp) -> Call {
    let (visit_id, order_no) = (visit.id.clone(), visit.order_no.clone());
    let to = Phone::parse("13800138000").unwrap();
    Call::claimed(CallId::new(id), visit_id, order_no, visit.attempts + 1, to, visit.programme.clone(), claimed_at)
}

pub fn ended(call: Call, outcome: Outcome) -> Call {
    Call { instants: Instants { ended_at: Some(at(200)), ..call.instants.clone() }, outcome: Some(outcome), ..call }
}

/// A call with every field set, to see that every field comes back.
pub fn full_call(call: Call) -> Call {
    Call {
        trunk: Some("line-1".into()),
        instants: Instants {
            claimed_at: call.instants.claimed_at,
            invited_at: Some(at(101)),
            trying_at: Some(at(101)),
            ringing_at: Some(at(102)),
            early_media_at: Some(at(103)),
            answered_at: Some(at(104)),
            acked_at: Some(at(105)),
            first_rtp_in_at: Some(at(106)),
            first_rtp_out_at: Some(at(107)),
            bye_at: Some(at(189)),
            ended_at: Some(at(190)),
        },
        outcome: Some(Outcome::HungUp),
        fault: Some(huifang::domain::call::outcome::Fault::Customer),
        sip_status: Some(200),
        detail: Some("BYE".into()),
        sip_reason: Some("Q.850;cause=16".into()),
        hung_up_by: Some(Party::Customer),
        conversation: Some(ConversationEnd::Abandoned { answered: 2 }),
        recording: Some(recording(&call.id)),
        legs: vec![LegStats { name: "customer".into(), packets_received: 4300, jitter_ms: 1.5, ..LegStats::default() }],
        journal: vec![JournalEntry { at_s: 0.2, event: JournalEvent::Note { text: "开场白".into() } }],
        ..call
    }
}

pub fn recording(call: &CallId) -> RecordingInfo {
    RecordingInfo {
        id: call.to_string(),
        file: format!("2026/11/{call}.wav"),
        seconds: 86.5,
        answered_at_s: Some(1.0),
        sha256: "ab".repeat(32),
        channels: 2,
        sample_rate: 8000,
        gaps: vec![],
        state: RecordingState::Complete,
        tracks: vec![TrackInfo {
            name: TrackName::Supervisor,
            file: format!("2026/11/{call}.supervisor.wav"),
            seconds: 86.5,
            sha256: "cd".repeat(32),
        }],
    }
}
