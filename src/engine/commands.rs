//! The engine's side of [`Commands`]: read, ask the domain, save, wake whoever must act.

use super::Engine;
use super::dialer::{Snapshot, situation};
use super::events::EngineEvent;
use super::handle::{
    CommandError, Commands, CompletionSms, EventAnswer, LoadedProgramme, OpenedComplaint, OrderAnswer, OrderEvent,
    ScoreReply, ScoreRequest, SmsAnswer, TrunkStatus, Why,
};
use crate::domain::complaint::{Complaint, New, Step};
use crate::domain::id::{CallId, ComplaintId, InboxId, VisitId};
use crate::domain::order::Order;
use crate::domain::review::rescoring::Rescoring;
use crate::domain::score::{Indicator, Level, Scorecard, score_request};
use crate::domain::visit::plan::{forbidden, why};
use crate::domain::visit::task::{self, Visit, VisitState};
use crate::store::StoreError;
use crate::store::score::Override;
use async_trait::async_trait;
use jiff::Timestamp;

/// A command that loses against another writer is decided again on what is stored now, at most so often.
const TRIES: u32 = 4;

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { table, id } => Self::NotFound { what: table, id },
            StoreError::Stale { .. } => Self::Conflict("这条记录刚刚被别人改过，请刷新后再试".into()),
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl Engine {
    /// Decides on the visit as it is stored, saves and announces. Who loses against another writer decides again on what is stored then,
    /// `tries` times in all.
    pub(super) async fn decide_on<F>(
        &self,
        id: &VisitId,
        tries: u32,
        decide: impl Fn(Timestamp, &Visit) -> Result<Visit, CommandError> + Send + Sync,
        save: impl Fn(Visit) -> F + Send + Sync,
    ) -> Result<Visit, CommandError>
    where
        F: Future<Output = Result<Visit, StoreError>> + Send,
    {
        for _ in 0..tries {
            let visit = self.store.visit(id).await?;
            match save(decide(self.clock.now(), &visit)?).await {
                Ok(saved) => {
                    self.announce_visit(&saved);
                    return Ok(saved);
                }
                Err(StoreError::Stale { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Conflict("这条回访正在变化，请稍后再试".into()))
    }

    /// The same for a change by hand, which wakes the dialer.
    pub(super) async fn change(
        &self,
        id: &VisitId,
        by: &str,
        what: &'static str,
        decide: impl Fn(Timestamp, &Visit) -> Result<Visit, CommandError> + Send + Sync,
    ) -> Result<Visit, CommandError> {
        let save = |next: Visit| async move { self.store.save_visit(&next).await };
        let saved = self.decide_on(id, TRIES, decide, save).await?;
        tracing::info!(visit.id = %id, by, what, "a visit was changed by hand");
        self.kick();
        Ok(saved)
    }
}

#[async_trait]
impl Commands for Engine {
    async fn accept_sms(&self, sms: CompletionSms) -> Result<SmsAnswer, CommandError> {
        let answer = self.intake.accept_sms(sms).await?;
        match &answer {
            SmsAnswer::Inbox { inbox_id, .. } => self.announce(EngineEvent::InboxChanged { inbox: inbox_id.clone() }),
            SmsAnswer::Accepted { order_no, .. } | SmsAnswer::NoVisit { order_no, .. } => {
                self.tell_complaint_of_order(order_no).await;
            }
        }
        self.kick();
        Ok(answer)
    }

    async fn put_order(&self, order: Order) -> Result<OrderAnswer, CommandError> {
        let answer = self.intake.put_order(order).await?;
        self.tell_complaint_of_order(&answer.order.no).await;
        self.kick();
        Ok(answer)
    }

    async fn order_event(&self, event: OrderEvent, by: &str) -> Result<EventAnswer, CommandError> {
        let answer = self.intake.order_event(&event, by).await?;
        self.kick();
        Ok(answer)
    }

    fn programmes(&self) -> Vec<LoadedProgramme> {
        Engine::programmes(self)
    }

    async fn reload_programmes(&self, by: &str) -> Result<Vec<LoadedProgramme>, CommandError> {
        self.reload(by).await
    }

    async fn complete_inbox(&self, inbox: &InboxId, order: Order, by: &str) -> Result<Visit, CommandError> {
        let answer = self.intake.complete_inbox(inbox, order, by).await?;
        self.announce(EngineEvent::InboxChanged { inbox: inbox.clone() });
        self.tell_complaint_of_order(&answer.order_no).await;
        self.kick();
        Ok(answer)
    }

    async fn dismiss_inbox(&self, inbox: &InboxId, by: &str) -> Result<(), CommandError> {
        // Unknown is not the same as resolved already.
        self.store.inbox_item(inbox).await?;
        self.store.dismiss_inbox(inbox, by).await?;
        self.announce(EngineEvent::InboxChanged { inbox: inbox.clone() });
        Ok(())
    }

    async fn dial(&self, visit: &VisitId, by: &str) -> Result<Visit, CommandError> {
        self.change(visit, by, "dial", |now, visit| {
            let site = self.site();
            task::dial_now(now, visit, by, site.programme_of(visit)?, &site.rules.calendar).map_err(refused)
        })
        .await
    }

    async fn reschedule(&self, visit: &VisitId, to: Timestamp, note: &str, by: &str) -> Result<Visit, CommandError> {
        self.change(visit, by, "reschedule", |now, visit| {
            let site = self.site();
            let programme = site.programme_of(visit)?;
            task::reschedule(now, visit, to, by, note, programme, &site.rules.calendar).map_err(refused)
        })
        .await
    }

    async fn cancel(&self, visit: &VisitId, note: &str, by: &str) -> Result<Visit, CommandError> {
        tracing::info!(visit.id = %visit, by, note, "a visit is to be cancelled");
        self.change(visit, by, "cancel", |now, visit| {
            if matches!(visit.state, VisitState::Calling { .. }) {
                return Err(refused(task::Refused::InCall));
            }
            task::cancel(now, visit).map_err(refused)
        })
        .await
    }

    async fn why(&self, id: &VisitId) -> Result<Why, CommandError> {
        let visit = self.store.visit(id).await?;
        let (wish, snapshot) = (self.store.opt_out_against(&visit).await?, Snapshot::read(self).await?);
        let (now, situation) = (self.clock.now(), situation(self, &snapshot));
        let forbidden = wish.and_then(|wish| forbidden(now, &visit, &wish, &situation));
        Ok(forbidden.unwrap_or_else(|| why(now, &visit, &situation)))
    }

    fn trunks(&self) -> Vec<TrunkStatus> {
        self.sip.trunks()
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
        let card = self.store.override_score(call, &change).await?.card;
        let index = card.index();
        self.announce(EngineEvent::Scored { call: call.clone(), index: index.mean, n_scored: index.n_scored });
        Ok(card)
    }

    async fn open_complaint(&self, new: New, by: &str) -> Result<OpenedComplaint, CommandError> {
        self.open_by_hand(new, by).await
    }

    async fn complaint_step(&self, id: &ComplaintId, step: Step, by: &str) -> Result<Complaint, CommandError> {
        self.take_step(id, &step, by).await
    }

    async fn compare_scores(
        &self,
        period: (Timestamp, Timestamp),
        rubric: Option<&str>,
        by: &str,
    ) -> Result<Rescoring, CommandError> {
        Engine::compare_scores(self, period, rubric, by).await
    }

    async fn settle_scores(
        &self,
        rescoring: &str,
        adopt: bool,
        by: &str,
        why: Option<&str>,
    ) -> Result<Rescoring, CommandError> {
        Engine::settle_scores(self, rescoring, adopt, by, why).await
    }

    fn score(&self, request: &ScoreRequest, rubric: Option<&str>) -> Result<ScoreReply, CommandError> {
        let site = self.site();
        let table = match rubric {
            Some(name) => site.rubric_named(name)?,
            None => site.rubrics.of(None),
        };
        Ok(score_request(table, request))
    }
}

pub(super) fn refused(error: task::Refused) -> CommandError {
    let detail = error.to_string();
    match error {
        task::Refused::RedialGuard { until, .. } => CommandError::RedialGuard { until, detail },
        task::Refused::Over
        | task::Refused::InCall
        | task::Refused::InWrapUp(_)
        | task::Refused::QuietHours { .. }
        | task::Refused::Past(_) => CommandError::Conflict(detail),
    }
}
