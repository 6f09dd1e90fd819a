//! What reviewers, agents and supervisors do about a call that was judged: claim it, correct its sheet, dispute an item, calibrate.
//!
//! Contract: every step is decided by the domain on what is stored now, saved with the version it was decided on, and stands in the audit
//! log; a step that loses against another is decided again. Reads go to the store. Not here: who a token belongs to, and scores.

use super::Engine;
use crate::clock::Clock;
use crate::domain::audit::{Finding, Severity};
use crate::domain::call::Call;
use crate::domain::id::CallId;
use crate::domain::report::Month;
use crate::domain::review::calibration::{Calibration, Marks};
use crate::domain::review::dispute::{Act, Dispute, Person, Step};
use crate::domain::review::form::{HumanMark, Mark};
use crate::domain::review::{QueueRules, Refused, Review, Signs};
use crate::domain::score::Scorecard;
use crate::store::review::{Judged, StoredSheet};
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often a step that loses against another writer is decided again.
const TRIES: u32 = 4;

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Result<T> = std::result::Result<T, ReviewError>;

/// The steps of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewStep {
    Claim,
    Release,
    Finish,
    Reopen,
}

/// The commands. Cheap to clone.
#[derive(Clone)]
pub struct Reviews {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Reviews {
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    pub async fn step(&self, call: &CallId, step: ReviewStep, who: Person<'_>) -> Result<Review> {
        decided(|| async {
            let review = self.store.review(call).await?;
            let now = self.clock.now();
            let (next, what) = match step {
                ReviewStep::Claim => (review.claim(now, who.name)?, "review.claimed"),
                ReviewStep::Release => (review.release(who.name, who.supervisor)?, "review.released"),
                ReviewStep::Finish => (review.finish(now, who.name)?, "review.finished"),
                ReviewStep::Reopen => (review.reopen()?, "review.reopened"),
            };
            if next == review {
                return Ok(review);
            }
            Ok(self.store.save_review(&next, who.name, what).await?)
        })
        .await
    }

    /// A person's mark beside the machine's, by him who has claimed the call.
    pub async fn correct(&self, call: &CallId, item: &str, mark: Mark, reason: &str, by: &str) -> Result<StoredSheet> {
        self.store.review(call).await?.may_correct(by)?;
        self.has_item(call, item).await?;
        let mark = HumanMark { mark, reason: reason.into(), by: by.into(), at: self.clock.now() };
        Ok(self.store.correct_sheet(call, item, mark).await?)
    }

    pub async fn object(&self, call: &CallId, item: &str, reason: &str, who: Person<'_>) -> Result<Dispute> {
        let review = self.store.review(call).await?;
        who.may_object(review.seat.as_ref())?;
        self.has_item(call, item).await?;
        let step = self.act(Act::Object, who, reason);
        match self.store.open_dispute(call, item, step).await {
            Err(StoreError::Constraint { .. }) => Err(Refused::Stage("还没有裁定").into()),
            opened => Ok(opened?),
        }
    }

    /// Everything but the objection, which begins a dispute.
    pub async fn answer_dispute(&self, id: &str, act: Act, text: &str, who: Person<'_>) -> Result<Dispute> {
        decided(|| async {
            let dispute = self.store.dispute(id).await?;
            let review = self.store.review(&dispute.call).await?;
            dispute.may(act, who, review.seat.as_ref())?;
            Ok(self.store.step_dispute(dispute, self.act(act, who, text)).await?)
        })
        .await
    }

    /// Several people fill the sheet of one call, on the form that it has now.
    pub async fn calibrate(&self, call: &CallId, reviewers: Vec<String>, by: &str) -> Result<Calibration> {
        let form = self.store.sheet(call).await?.sheet.form;
        let session = Calibration {
            id: self.store.new_id(),
            call: call.clone(),
            form,
            opened_by: by.into(),
            opened_at: self.clock.now(),
            reviewers,
            sheets: BTreeMap::new(),
            closed_at: None,
        };
        self.store.open_calibration(&session).await?;
        Ok(session)
    }

    pub async fn hand_in(&self, id: &str, marks: &Marks, by: &str) -> Result<Calibration> {
        self.store.calibration(id).await?.hand_in(by, marks)?;
        match self.store.hand_in_calibration(id, by, marks).await {
            Err(StoreError::Constraint { .. }) => return Err(Refused::HandedIn.into()),
            kept => kept?,
        }
        Ok(self.store.calibration(id).await?)
    }

    pub async fn close_calibration(&self, id: &str, by: &str) -> Result<Calibration> {
        self.store.close_calibration(&self.store.calibration(id).await?, by).await?;
        Ok(self.store.calibration(id).await?)
    }

    async fn has_item(&self, call: &CallId, item: &str) -> Result<()> {
        match self.store.sheet(call).await?.sheet.entry(item) {
            Some(_) => Ok(()),
            None => Err(Refused::NoItem(item.into()).into()),
        }
    }

    fn act(&self, act: Act, who: Person<'_>, text: &str) -> Step {
        Step { act, by: who.name.into(), at: self.clock.now(), text: text.into() }
    }
}

/// A step that loses against another writer is decided again on what is stored by then.
async fn decided<T, F: Future<Output = Result<T>>>(step: impl Fn() -> F) -> Result<T> {
    for _ in 0..TRIES {
        match step().await {
            Err(ReviewError::Store(StoreError::Stale { .. })) => {}
            done => return done,
        }
    }
    step().await
}

/// Enters a judged call into the review queue and fills its sheet.
pub(super) async fn enter(
    engine: &Engine,
    call: &Call,
    card: &Scorecard,
    findings: &[Finding],
    disagreement: bool,
) -> std::result::Result<(), StoreError> {
    let site = engine.site();
    let red = findings.iter().filter(|finding| finding.severity == Severity::Red).count();
    let judged = Judged {
        call: &call.id,
        seat: call.seat.as_ref(),
        month: &Month::at(call.instants.claimed_at.unwrap_or_else(|| engine.clock.now()), site.rules.calendar.tz())
            .to_string(),
        signs: Signs { alarms: u32::try_from(red + card.alarms.len()).unwrap_or(u32::MAX), disagreement },
        mean: card.index().mean,
    };
    let rules = QueueRules {
        share_percent: engine.config.review.share_percent,
        agent_minimum: engine.config.review.agent_minimum,
    };
    engine.store.enter_review(&judged, &rules).await?;
    engine.store.save_sheet(&call.id, site.form.fill(findings)).await?;
    Ok(())
}
