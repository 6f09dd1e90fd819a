//! 重评: comparisons as they were made, and what became of them.

use super::super::event::NewEvent;
use super::super::page::{Listed, Page, PageRequest, Select};
use super::super::row::{Row, Stored, decode_found, ms, to_json};
use super::super::{Doing, Result, Store, StoreError};
use crate::domain::id::CallId;
use crate::domain::review::rescoring::{Decision, Rescoring, RescoringState};
use jiff::Timestamp;
use sqlx::Row as _;

impl Stored for Rescoring {
    const TABLE: &'static str = "rescorings";
    const KEY: &'static str = "id";
}

impl Listed for Rescoring {
    const ORDER_BY: &'static str = "made_at";
    fn position(&self) -> (i64, &str) {
        (ms(self.made_at), &self.id)
    }
}

impl TryFrom<Row<'_>> for Rescoring {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let decision = || {
            let (by, at) = (row.text("decided_by")?, row.instant("decided_at")?);
            Ok::<_, StoreError>(Decision { by, at, why: row.maybe_text("decided_why")? })
        };
        let state = match row.text("state")?.as_str() {
            "proposed" => RescoringState::Proposed,
            "adopted" => RescoringState::Adopted(decision()?),
            "dropped" => RescoringState::Dropped(decision()?),
            other => return Err(row.corrupt("state", &format!("unknown name {other:?}"))),
        };
        Ok(Self {
            id: row.text("id")?,
            from: row.instant("from_at")?,
            before: row.instant("before_at")?,
            rubric: row.text("rubric")?,
            calls: row.narrow("calls")?,
            changes: row.json("changes")?,
            made_by: row.text("made_by")?,
            made_at: row.instant("made_at")?,
            state,
        })
    }
}

impl Store {
    /// Calls that were scored, begun in a period; one more than `most` tells that there are more.
    pub async fn scored_calls(&self, from: Timestamp, before: Timestamp, most: u32) -> Result<Vec<CallId>> {
        let rows = sqlx::query(
            "SELECT calls.id AS id FROM calls WHERE calls.claimed_at >= $1 AND calls.claimed_at < $2
             AND EXISTS (SELECT 1 FROM scorecards s WHERE s.call_id = calls.id) ORDER BY calls.claimed_at, calls.id LIMIT $3",
        )
        .bind(ms(from))
        .bind(ms(before))
        .bind(i64::from(most) + 1)
        .fetch_all(&self.readers)
        .await
        .doing("read scored calls")?;
        rows.iter().map(|row| row.try_get::<String, _>("id").doing("read scored calls").map(CallId::new)).collect()
    }

    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn rescoring(&self, id: &str) -> Result<Rescoring> {
        let row = sqlx::query("SELECT * FROM rescorings WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .doing("read rescoring")?;
        decode_found(row, id)
    }

    /// The newest first.
    pub async fn rescorings(&self, page: &PageRequest) -> Result<Page<Rescoring>> {
        Select::new("SELECT * FROM rescorings").page(self, page).await
    }

    pub async fn insert_rescoring(&self, made: &Rescoring) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO rescorings (id, from_at, before_at, rubric, calls, changes, made_by, made_at, state)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'proposed')",
        )
        .bind(made.id.as_str())
        .bind(ms(made.from))
        .bind(ms(made.before))
        .bind(made.rubric.as_str())
        .bind(i64::from(made.calls))
        .bind(to_json("changes", &made.changes)?)
        .bind(made.made_by.as_str())
        .bind(ms(made.made_at))
        .execute(tx.conn())
        .await
        .doing("keep rescoring")?;
        tx.commit().await
    }

    /// Keeps what became of a comparison.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it was settled meanwhile; [`StoreError::Invalid`] when it is not settled.
    pub async fn settle_rescoring(&self, settled: &Rescoring) -> Result<()> {
        let (state, decision) = match &settled.state {
            RescoringState::Adopted(decision) => ("adopted", decision),
            RescoringState::Dropped(decision) => ("dropped", decision),
            RescoringState::Proposed => {
                return Err(StoreError::Invalid { what: "rescoring", value: settled.id.clone(), why: "not settled" });
            }
        };
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE rescorings SET state = $1, decided_by = $2, decided_at = $3, decided_why = $4
             WHERE id = $5 AND state = 'proposed'",
        )
        .bind(state)
        .bind(decision.by.as_str())
        .bind(ms(decision.at))
        .bind(decision.why.as_deref())
        .bind(settled.id.as_str())
        .execute(tx.conn())
        .await
        .doing("settle rescoring")?;
        if done.rows_affected() != 1 {
            return Err(StoreError::Stale { table: "rescorings", id: settled.id.clone(), why: "settled meanwhile" });
        }
        let detail = serde_json::json!({
            "rescoring": settled.id, "rubric": settled.rubric, "calls": settled.changes.len(), "reason": decision.why,
        });
        tx.append_event(&NewEvent::by(&decision.by, &format!("rescoring.{state}")).detail(detail)).await?;
        tx.commit().await
    }
}
