//! 异议 with their steps, which are only ever added. An upheld one changes its item in the same transaction.

use super::super::event::NewEvent;
use super::super::page::{Listed, Page, PageRequest, Select};
use super::super::row::{Row, Stored, decode_found, ms, name_of, to_json};
use super::super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::id::CallId;
use crate::domain::review::dispute::{Act, Dispute, Stage, Step};
use crate::domain::review::form::HumanMark;

#[derive(Clone, Debug, Default)]
pub struct DisputeFilter {
    pub call: Option<CallId>,
    pub stage: Option<Stage>,
}

/// The row without its steps.
struct Head {
    dispute: Dispute,
    opened_at: i64,
}

impl Stored for Head {
    const TABLE: &'static str = "disputes";
    const KEY: &'static str = "id";
}

impl Listed for Head {
    const ORDER_BY: &'static str = "opened_at";
    fn position(&self) -> (i64, &str) {
        (self.opened_at, &self.dispute.id)
    }
}

impl TryFrom<Row<'_>> for Head {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let dispute = Dispute {
            id: row.text("id")?,
            call: CallId::new(row.text("call_id")?),
            item: row.text("item")?,
            steps: vec![],
        };
        Ok(Self { dispute, opened_at: row.int("opened_at")? })
    }
}

impl Stored for Step {
    const TABLE: &'static str = "dispute_steps";
    const KEY: &'static str = "dispute_id";
}

impl TryFrom<Row<'_>> for Step {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        row.json("step")
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn dispute(&self, id: &str) -> Result<Dispute> {
        let row = sqlx::query("SELECT * FROM disputes WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .doing("read dispute")?;
        let head: Head = decode_found(row, id)?;
        self.with_steps(head).await
    }

    /// The newest first.
    pub async fn disputes(&self, filter: &DisputeFilter, page: &PageRequest) -> Result<Page<Dispute>> {
        let select = Select::new("SELECT * FROM disputes")
            .filter("call_id =", filter.call.as_ref().map(ToString::to_string))
            .filter("stage =", filter.stage.as_ref().map(name_of).transpose()?);
        let heads: Page<Head> = select.page(self, page).await?;
        let mut items = Vec::with_capacity(heads.items.len());
        for head in heads.items {
            items.push(self.with_steps(head).await?);
        }
        Ok(Page { items, next: heads.next })
    }

    async fn with_steps(&self, head: Head) -> Result<Dispute> {
        let rows = sqlx::query("SELECT * FROM dispute_steps WHERE dispute_id = $1 ORDER BY n")
            .bind(head.dispute.id.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("read dispute steps")?;
        Ok(Dispute { steps: super::super::row::decode_all(&rows)?, ..head.dispute })
    }

    /// Begins a dispute with its objection.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when one of this item is pending.
    pub async fn open_dispute(&self, call: &CallId, item: &str, step: Step) -> Result<Dispute> {
        let mut tx = self.begin().await?;
        let dispute = Dispute { id: tx.new_id(), call: call.clone(), item: item.into(), steps: vec![] };
        sqlx::query("INSERT INTO disputes (id, call_id, item, stage, opened_at) VALUES ($1, $2, $3, 'open', $4)")
            .bind(dispute.id.as_str())
            .bind(call.as_str())
            .bind(item)
            .bind(ms(step.at))
            .execute(tx.conn())
            .await
            .doing("open dispute")?;
        let dispute = tx.add_step(dispute, step).await?;
        tx.commit().await?;
        Ok(dispute)
    }

    /// Adds a step that was decided on `dispute` as read.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody took a step meanwhile.
    pub async fn step_dispute(&self, dispute: Dispute, step: Step) -> Result<Dispute> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE disputes SET stage = $1 WHERE id = $2 AND stage = $3")
            .bind(name_of(&step.act.stage())?)
            .bind(dispute.id.as_str())
            .bind(name_of(&dispute.stage())?)
            .execute(tx.conn())
            .await
            .doing("step dispute")?;
        if done.rows_affected() != 1 {
            return Err(StoreError::Stale { table: "disputes", id: dispute.id, why: "somebody took a step meanwhile" });
        }
        if let Act::Uphold { mark } = step.act {
            let mark = HumanMark { mark, reason: step.text.clone(), by: step.by.clone(), at: step.at };
            tx.correct_sheet(&dispute.call, &dispute.item, mark).await?;
        }
        let dispute = tx.add_step(dispute, step).await?;
        tx.commit().await?;
        Ok(dispute)
    }
}

impl Tx {
    async fn add_step(&mut self, mut dispute: Dispute, step: Step) -> Result<Dispute> {
        let n = i64::try_from(dispute.steps.len()).unwrap_or(i64::MAX).saturating_add(1);
        sqlx::query("INSERT INTO dispute_steps (dispute_id, n, step) VALUES ($1, $2, $3)")
            .bind(dispute.id.as_str())
            .bind(n)
            .bind(to_json("step", &step)?)
            .execute(self.conn())
            .await
            .doing("add step of dispute")?;
        let detail = serde_json::json!({ "dispute": dispute.id, "item": dispute.item, "act": step.act });
        self.append_event(&NewEvent::by(&step.by, "dispute.stepped").call(&dispute.call).detail(detail)).await?;
        dispute.steps.push(step);
        Ok(dispute)
    }
}
