//! 校准 sessions and the sheets that were handed in.

use super::super::event::NewEvent;
use super::super::page::{Listed, Page, PageRequest, Select};
use super::super::row::{Row, Stored, decode_all, decode_found, maybe_ms, ms, to_json};
use super::super::{Doing, Result, Store, StoreError};
use crate::domain::id::CallId;
use crate::domain::review::calibration::{Calibration, Marks};
use std::collections::BTreeMap;

impl Stored for Calibration {
    const TABLE: &'static str = "calibrations";
    const KEY: &'static str = "id";
}

impl Listed for Calibration {
    const ORDER_BY: &'static str = "opened_at";
    fn position(&self) -> (i64, &str) {
        (ms(self.opened_at), &self.id)
    }
}

/// The row without its sheets.
impl TryFrom<Row<'_>> for Calibration {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.text("id")?,
            call: CallId::new(row.text("call_id")?),
            form: row.json("form")?,
            opened_by: row.text("opened_by")?,
            opened_at: row.instant("opened_at")?,
            reviewers: row.json("reviewers")?,
            sheets: BTreeMap::new(),
            closed_at: row.maybe_instant("closed_at")?,
        })
    }
}

struct HandedIn {
    reviewer: String,
    marks: Marks,
}

impl Stored for HandedIn {
    const TABLE: &'static str = "calibration_sheets";
    const KEY: &'static str = "calibration_id";
}

impl TryFrom<Row<'_>> for HandedIn {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self { reviewer: row.text("reviewer")?, marks: row.json("marks")? })
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn calibration(&self, id: &str) -> Result<Calibration> {
        let row = sqlx::query("SELECT * FROM calibrations WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .doing("read calibration")?;
        self.with_sheets(decode_found(row, id)?).await
    }

    /// The newest first.
    pub async fn calibrations(&self, page: &PageRequest) -> Result<Page<Calibration>> {
        let heads: Page<Calibration> = Select::new("SELECT * FROM calibrations").page(self, page).await?;
        let mut items = Vec::with_capacity(heads.items.len());
        for head in heads.items {
            items.push(self.with_sheets(head).await?);
        }
        Ok(Page { items, next: heads.next })
    }

    async fn with_sheets(&self, head: Calibration) -> Result<Calibration> {
        let rows = sqlx::query("SELECT * FROM calibration_sheets WHERE calibration_id = $1")
            .bind(head.id.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("read calibration sheets")?;
        let sheets = decode_all::<HandedIn>(&rows)?.into_iter().map(|sheet| (sheet.reviewer, sheet.marks)).collect();
        Ok(Calibration { sheets, ..head })
    }

    /// Keeps a session that begins.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] for an unknown call.
    pub async fn open_calibration(&self, session: &Calibration) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO calibrations (id, call_id, form, opened_by, opened_at, reviewers, closed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(session.id.as_str())
        .bind(session.call.as_str())
        .bind(to_json("form", &session.form)?)
        .bind(session.opened_by.as_str())
        .bind(ms(session.opened_at))
        .bind(to_json("reviewers", &session.reviewers)?)
        .bind(maybe_ms(session.closed_at))
        .execute(tx.conn())
        .await
        .doing("open calibration")?;
        let detail = serde_json::json!({ "calibration": session.id, "reviewers": session.reviewers });
        tx.append_event(&NewEvent::by(&session.opened_by, "calibration.opened").call(&session.call).detail(detail))
            .await?;
        tx.commit().await
    }

    /// Keeps a sheet that the domain let in.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when this reviewer has handed in before.
    pub async fn hand_in_calibration(&self, id: &str, reviewer: &str, marks: &Marks) -> Result<()> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        sqlx::query(
            "INSERT INTO calibration_sheets (calibration_id, reviewer, marks, handed_in_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(id)
        .bind(reviewer)
        .bind(to_json("marks", marks)?)
        .bind(now)
        .execute(tx.conn())
        .await
        .doing("hand in calibration sheet")?;
        tx.commit().await
    }

    /// Ends a session; ended before, it stays as it was.
    pub async fn close_calibration(&self, session: &Calibration, by: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        sqlx::query("UPDATE calibrations SET closed_at = $1 WHERE id = $2 AND closed_at IS NULL")
            .bind(now)
            .bind(session.id.as_str())
            .execute(tx.conn())
            .await
            .doing("close calibration")?;
        let detail = serde_json::json!({ "calibration": session.id });
        tx.append_event(&NewEvent::by(by, "calibration.closed").call(&session.call).detail(detail)).await?;
        tx.commit().await
    }
}
