//! A stand-in for the engine: writes to the real store, plans nothing, and remembers what it was asked.

use crate::support::data::visit;
use async_trait::async_trait;
use huifang::domain::complaint::{Complaint, New, Step};
use huifang::domain::id::{CallId, ComplaintId, InboxId, OptOutId, OrderNo, PromiseId, SeatId, VisitId};
use huifang::domain::opt_out::OptOut;
use huifang::domain::order::Order;
use huifang::domain::phone::Phone;
use huifang::domain::promise::Promise;
use huifang::domain::review::rescoring::{Decision, Rescoring, RescoringState};
use huifang::domain::score::{Indicator, Level, Rubric, Scorecard, score_request};
use huifang::domain::seat::{SeatPhone, Skills};
use huifang::domain::visit::task::{CloseCause, Visit, VisitState, WaitReason};
use huifang::engine::desk::{Desk, SeatLink, SeatMessage, SeatView, SupervisorMode};
use huifang::engine::handle::{
    CommandError, Commands, CompletionSms, EventAnswer, LoadedProgramme, OpenedComplaint, OrderAnswer, OrderEvent,
    ScoreReply, ScoreRequest, SmsAnswer, TrunkStatus, Why, WhyCode,
};
use huifang::engine::ledger::{Ledger, NewPromise, NewWish};
use huifang::store::score::Override;
use huifang::store::{Store, StoreError};
use jiff::Timestamp;
use std::sync::Mutex;
use tokio::sync::Semaphore;

pub struct Fake {
    store: Store,
    asked: Mutex<Vec<String>>,
    /// `put_order` waits for a permit.
    pub gate: Semaphore,
    pub trunks: Mutex<Vec<TrunkStatus>>,
}

/// An order number with which `put_order` fails inside.
pub const BROKEN: &str = "BROKEN";
/// A visit id with which `why` panics.
pub const PANIC: &str = "panic";

impl Fake {
    pub fn new(store: Store) -> Self {
        Self { store, asked: Mutex::default(), gate: Semaphore::new(Semaphore::MAX_PERMITS), trunks: Mutex::default() }
    }

    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    /// What was asked, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn plan(&self, no: &OrderNo, sms_at: Timestamp) -> Result<Visit, CommandError> {
        let visit = visit(&self.store.new_id(), no.as_str(), sms_at);
        self.store.insert_visit(&visit).await.map_err(inside)?;
        Ok(visit)
    }

    async fn move_to(&self, id: &VisitId, state: VisitState) -> Result<Visit, CommandError> {
        let visit = self.store.visit(id).await.map_err(inside)?;
        if visit.state.is_over() {
            return Err(CommandError::Conflict(format!("visit {id} is over")));
        }
        self.store.save_visit(&Visit { state, ..visit }).await.map_err(inside)
    }
}

fn inside(error: StoreError) -> CommandError {
    match error {
        StoreError::NotFound { id, .. } => CommandError::NotFound { what: "visit", id },
        other => CommandError::Internal(Box::new(other)),
    }
}

#[async_trait]
impl Commands for Fake {
    async fn accept_sms(&self, sms: CompletionSms) -> Result<SmsAnswer, CommandError> {
        self.note(format!("sms {} at {}", sms.message_id, sms.received_at));
        if let Some(known) = self.store.sms_answer(&sms.message_id).await.map_err(inside)? {
            return Ok(known);
        }
        let read =
            sms.text.split_once("订单").map(|(_, rest)| rest.chars().take_while(char::is_ascii_alphanumeric).collect());
        let answer = match read {
            Some::<String>(no) => {
                let no = OrderNo::new(no);
                let order = super::site::order(no.as_str(), &Phone::parse("13812345678").unwrap());
                self.store.put_order(&order).await.map_err(inside)?;
                let Visit { id, due_at, deadline_at, .. } = self.plan(&no, sms.received_at).await?;
                SmsAnswer::Accepted { visit_id: id, order_no: no, due_at, deadline_at }
            }
            None => {
                SmsAnswer::Inbox { inbox_id: InboxId::new(self.store.new_id()), reason: "没有模板能读".into() }
            }
        };
        let mut tx = self.store.begin().await.map_err(inside)?;
        tx.record_sms(&sms, &answer).await.map_err(inside)?;
        tx.commit().await.map_err(inside)?;
        Ok(answer)
    }

    async fn put_order(&self, order: Order) -> Result<OrderAnswer, CommandError> {
        self.note(format!("order {}", order.no));
        let _permit = self.gate.acquire().await.map_err(|e| CommandError::Internal(Box::new(e)))?;
        if order.no.as_str() == BROKEN {
            return Err(CommandError::Internal("the secret cause".into()));
        }
        let created = self.store.order(&order.no).await.is_err();
        self.store.put_order(&order).await.map_err(inside)?;
        Ok(OrderAnswer { created, order, visit: None })
    }

    async fn order_event(&self, event: OrderEvent, by: &str) -> Result<EventAnswer, CommandError> {
        self.note(format!("{} of {} at {} by {by}", event.kind.name(), event.order_no, event.at));
        self.store.order(&event.order_no).await.map_err(inside)?;
        Ok(EventAnswer::default())
    }

    fn programmes(&self) -> Vec<LoadedProgramme> {
        vec![]
    }

    async fn reload_programmes(&self, by: &str) -> Result<Vec<LoadedProgramme>, CommandError> {
        self.note(format!("reload by {by}"));
        Ok(vec![])
    }

    async fn complete_inbox(&self, inbox: &InboxId, order: Order, by: &str) -> Result<Visit, CommandError> {
        self.note(format!("complete {inbox} by {by}"));
        let item = self.store.inbox_item(inbox).await.map_err(inside)?;
        self.store.put_order(&order).await.map_err(inside)?;
        let visit = self.plan(&order.no, item.sms.received_at).await?;
        let mut tx = self.store.begin().await.map_err(inside)?;
        tx.resolve_inbox(inbox, by, Some(&order.no)).await.map_err(inside)?;
        tx.commit().await.map_err(inside)?;
        Ok(visit)
    }

    async fn dismiss_inbox(&self, inbox: &InboxId, by: &str) -> Result<(), CommandError> {
        self.note(format!("dismiss {inbox} by {by}"));
        Ok(self.store.dismiss_inbox(inbox, by).await?)
    }

    async fn dial(&self, visit: &VisitId, by: &str) -> Result<Visit, CommandError> {
        self.note(format!("dial {visit} by {by}"));
        self.store.visit(visit).await.map_err(inside)
    }

    async fn reschedule(&self, visit: &VisitId, to: Timestamp, note: &str, by: &str) -> Result<Visit, CommandError> {
        self.note(format!("reschedule {visit} by {by}"));
        let reason = WaitReason::Rescheduled { by: by.into(), note: note.into() };
        self.move_to(visit, VisitState::Waiting { not_before: to, reason }).await
    }

    async fn cancel(&self, visit: &VisitId, note: &str, by: &str) -> Result<Visit, CommandError> {
        self.note(format!("cancel {visit} by {by}: {note}"));
        self.move_to(visit, VisitState::Closed { cause: CloseCause::Cancelled, at: self.store.now() }).await
    }

    async fn why(&self, visit: &VisitId) -> Result<Why, CommandError> {
        assert_ne!(visit.as_str(), PANIC, "told to");
        let visit = self.store.visit(visit).await.map_err(inside)?;
        Ok(Why { code: WhyCode::SiteClosed, text_zh: "不在工作时间".into(), until: Some(visit.due_at) })
    }

    fn trunks(&self) -> Vec<TrunkStatus> {
        self.trunks.lock().unwrap().clone()
    }

    async fn override_score(
        &self,
        call: &CallId,
        indicator: Indicator,
        level: Option<Level>,
        reason: &str,
        by: &str,
    ) -> Result<Scorecard, CommandError> {
        let change = Override { indicator, level, reason: reason.into(), by: by.into(), seen_version: None };
        Ok(self.store.override_score(call, &change).await.map_err(inside)?.card)
    }

    /// Complaints are tested with the real engine (`complaints`).
    async fn open_complaint(&self, _: New, by: &str) -> Result<OpenedComplaint, CommandError> {
        self.note(format!("complaint by {by}"));
        Err(CommandError::Unavailable("no complaints here".into()))
    }

    async fn complaint_step(&self, id: &ComplaintId, step: Step, by: &str) -> Result<Complaint, CommandError> {
        self.note(format!("{} of {id} by {by}", step.name()));
        Err(CommandError::NotFound { what: "complaint", id: id.to_string() })
    }

    async fn compare_scores(
        &self,
        (from, before): (Timestamp, Timestamp),
        rubric: Option<&str>,
        by: &str,
    ) -> Result<Rescoring, CommandError> {
        self.note(format!("{by} compares scores by {}", rubric.unwrap_or("the table in force")));
        let calls = self.store.scored_calls(from, before, 10).await.map_err(inside)?;
        let made = Rescoring {
            id: self.store.new_id(),
            from,
            before,
            rubric: "after-sales-zh@2".into(),
            calls: u32::try_from(calls.len()).unwrap(),
            changes: vec![],
            made_by: by.into(),
            made_at: self.store.now(),
            state: RescoringState::Proposed,
        };
        self.store.insert_rescoring(&made).await.map_err(inside)?;
        Ok(made)
    }

    async fn settle_scores(
        &self,
        id: &str,
        adopt: bool,
        by: &str,
        why: Option<&str>,
    ) -> Result<Rescoring, CommandError> {
        let made = self.store.rescoring(id).await.map_err(inside)?;
        let decision = Decision { by: by.into(), at: self.store.now(), why: why.map(Into::into) };
        let settled = if adopt { made.adopt(decision, &["after-sales-zh@2"]) } else { made.drop(decision) };
        let settled = settled.map_err(|refused| CommandError::Conflict(refused.to_string()))?;
        self.store.settle_rescoring(&settled).await.map_err(inside)?;
        Ok(settled)
    }

    fn score(&self, request: &ScoreRequest, rubric: Option<&str>) -> Result<ScoreReply, CommandError> {
        match rubric.filter(|name| *name != Rubric::builtin().name()) {
            Some(name) => {
                Err(CommandError::Invalid { field: "rubric", detail: format!("no programme names {name:?}") })
            }
            None => Ok(score_request(Rubric::builtin(), request)),
        }
    }
}

/// A site without seats; what a seat does is tested with the real engine (`seats`).
pub struct NoSeats;

fn no_seat<T>(seat: &str) -> Result<T, CommandError> {
    Err(CommandError::NotFound { what: "seats", id: seat.to_owned() })
}

#[async_trait]
impl Desk for NoSeats {
    async fn seats(&self) -> Result<Vec<SeatView>, CommandError> {
        Ok(vec![])
    }
    fn floor(&self) -> u32 {
        0
    }
    async fn seat(&self, seat: &SeatId) -> Result<SeatView, CommandError> {
        no_seat(seat.as_str())
    }
    async fn put_seat(
        &self,
        seat: &SeatId,
        _: SeatPhone,
        _: Skills,
        _: Option<&str>,
        _: &str,
    ) -> Result<SeatView, CommandError> {
        no_seat(seat.as_str())
    }
    async fn release_seat(&self, seat: &SeatId, _: &str) -> Result<SeatView, CommandError> {
        no_seat(seat.as_str())
    }
    async fn connect(&self, seat: &SeatId) -> Result<SeatLink, CommandError> {
        no_seat(seat.as_str())
    }
    async fn say(&self, seat: &SeatId, _: u64, _: SeatMessage) -> Result<(), CommandError> {
        no_seat(seat.as_str())
    }
    fn disconnected(&self, _: &SeatId, _: u64) {}
    async fn supervise(&self, _: &CallId, _: SupervisorMode, by: &SeatId) -> Result<(), CommandError> {
        no_seat(by.as_str())
    }
    async fn leave(&self, _: &CallId, by: &SeatId) -> Result<(), CommandError> {
        no_seat(by.as_str())
    }
    async fn take_over(&self, _: &CallId, by: &SeatId) -> Result<(), CommandError> {
        no_seat(by.as_str())
    }
    async fn end_call(&self, _: &CallId, _: &str, by: &str) -> Result<(), CommandError> {
        no_seat(by)
    }
}

/// A site without a ledger; what it does is tested with the real engine (`promises`).
pub struct NoLedger;

fn nowhere<T>(id: &str) -> Result<T, CommandError> {
    Err(CommandError::NotFound { what: "ledger", id: id.to_owned() })
}

#[async_trait]
impl Ledger for NoLedger {
    async fn opt_out(&self, _: NewWish, _: &str, by: &str) -> Result<OptOut, CommandError> {
        nowhere(by)
    }
    async fn withdraw_opt_out(&self, id: &OptOutId, _: &str, _: &str) -> Result<OptOut, CommandError> {
        nowhere(id.as_str())
    }
    async fn promise(&self, _: NewPromise, by: &str) -> Result<Promise, CommandError> {
        nowhere(by)
    }
    async fn tell(&self, id: &PromiseId, _: &str, _: Option<Timestamp>, _: &str) -> Result<Promise, CommandError> {
        nowhere(id.as_str())
    }
    async fn confirm(&self, id: &PromiseId, _: &str, _: &str, _: &str) -> Result<Promise, CommandError> {
        nowhere(id.as_str())
    }
    async fn withdraw(&self, id: &PromiseId, _: &str, _: &str) -> Result<Promise, CommandError> {
        nowhere(id.as_str())
    }
    async fn assign(&self, id: &PromiseId, _: &str, _: &str) -> Result<Promise, CommandError> {
        nowhere(id.as_str())
    }
}
