//! 重评 of a period: what another keyword table would make of calls that were scored, and judging them again when it is adopted.
//!
//! Contract: the comparison reads stored rows and changes nothing. Adopting judges the changed calls again, each as a new version: people's
//! corrections stay, and so do the old cards. A kill in between leaves the comparison proposed; it can be adopted again.

use super::Engine;
use super::handle::CommandError;
use super::review::{answers_of_call, judge_call};
use super::site::Site;
use crate::domain::review::rescoring::{ChangedCall, Decision, Rescoring, RescoringState, TABLES_APART, changed};
use crate::domain::score::{Rubric, RubricError, score_call};
use crate::store::StoreError;
use jiff::Timestamp;

/// Calls of one comparison; it has to be done while its reader waits.
const CALLS_MAX: u32 = 2000;

impl Engine {
    /// `table`: a keyword table to try, as TOML, on the calls whose programme names it; `None`: those in force, each on its calls.
    pub(super) async fn compare_scores(
        &self,
        (from, before): (Timestamp, Timestamp),
        table: Option<&str>,
        by: &str,
    ) -> Result<Rescoring, CommandError> {
        let site = self.site();
        let unreadable = |e: RubricError| CommandError::Invalid { field: "rubric", detail: e.to_string() };
        let tried = table.map(Rubric::parse).transpose().map_err(unreadable)?;
        if let Some(tried) = &tried {
            site.rubric_named(tried.name())?;
        }
        let ids = self.store.scored_calls(from, before, CALLS_MAX).await?;
        if ids.len() > CALLS_MAX as usize {
            let detail = format!("more than {CALLS_MAX} scored calls, choose a shorter period");
            return Err(CommandError::Invalid { field: "to", detail });
        }
        let mut changes = vec![];
        let mut calls = 0;
        for id in ids {
            let call = self.store.call(&id).await?;
            let in_force = site.rubrics.of(site.rules.programmes.get(&call.programme));
            let rubric = tried.as_ref().unwrap_or(in_force);
            if rubric.name() != in_force.name() {
                continue;
            }
            let transcript = match self.store.transcript(&id).await {
                Ok(stored) => stored.transcript,
                // Scored by hand alone: there are no words to score again.
                Err(StoreError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let card = score_call(rubric, &answers_of_call(rubric, &call, &transcript));
            let cells = changed(&self.store.scorecard(&id).await?.card, &card);
            calls += 1;
            if !cells.is_empty() {
                changes.push(ChangedCall { call: id, order_no: call.order_no, cells });
            }
        }
        let made = Rescoring {
            id: self.store.new_id(),
            from,
            before,
            rubric: tried.map_or_else(|| in_force(&site).join(TABLES_APART), |tried| tried.id().into()),
            calls,
            changes,
            made_by: by.into(),
            made_at: self.clock.now(),
            state: RescoringState::Proposed,
        };
        self.store.insert_rescoring(&made).await?;
        Ok(made)
    }

    pub(super) async fn settle_scores(
        &self,
        id: &str,
        adopt: bool,
        by: &str,
        why: Option<&str>,
    ) -> Result<Rescoring, CommandError> {
        let proposed = self.store.rescoring(id).await?;
        let refused = |error: crate::domain::review::Refused| CommandError::Conflict(error.to_string());
        let decision = Decision { by: by.into(), at: self.clock.now(), why: why.map(Into::into) };
        let settled = if adopt {
            let settled = proposed.adopt(decision, &in_force(&self.site())).map_err(refused)?;
            for changed in &settled.changes {
                judge_call(self, &changed.call).await.map_err(|e| CommandError::Internal(Box::new(e)))?;
            }
            settled
        } else {
            proposed.drop(decision).map_err(refused)?
        };
        self.store.settle_rescoring(&settled).await?;
        Ok(settled)
    }
}

/// `name@version` of every table by which calls are judged now.
fn in_force(site: &Site) -> Vec<&str> {
    site.rubrics.ids().collect()
}
