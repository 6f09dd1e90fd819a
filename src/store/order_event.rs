//! What happened to an order, as another system reported it, and the answer that each report got.
//!
//! A report is answered once: the same kind at the same instant gets the stored answer again (`engine::intake` relies on it).

use super::row::{Row, Stored, decode, ms, to_json};
use super::{Doing, Result, StoreError, Tx};
use crate::domain::id::{OrderNo, VisitId};
use crate::domain::programme::Trigger;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that may begin visits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    pub order_no: OrderNo,
    pub kind: Trigger,
    pub at: Timestamp,
}

/// What it led to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventAnswer {
    /// New, or open already.
    pub visits: Vec<BegunVisit>,
    /// Visits that the order was not chosen for.
    pub not_selected: Vec<NotSelected>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunVisit {
    pub visit_id: VisitId,
    pub programme: String,
    pub stage: String,
    pub due_at: Timestamp,
    pub deadline_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotSelected {
    pub programme: String,
    pub stage: String,
}

/// The answer that was given to one report.
struct Answered(EventAnswer);

impl Stored for Answered {
    const TABLE: &'static str = "order_events";
    const KEY: &'static str = "order_no";
}

impl TryFrom<Row<'_>> for Answered {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        row.json("answer").map(Self)
    }
}

impl Tx {
    /// The answer that this report got, if it came before.
    pub async fn event_answer(&mut self, event: &OrderEvent) -> Result<Option<EventAnswer>> {
        let row =
            sqlx::query("SELECT order_no, answer FROM order_events WHERE order_no = $1 AND kind = $2 AND at = $3")
                .bind(event.order_no.as_str())
                .bind(event.kind.name())
                .bind(ms(event.at))
                .fetch_optional(self.conn())
                .await
                .doing("read order event")?;
        row.as_ref().map(|row| decode::<Answered>(row).map(|a| a.0)).transpose()
    }

    /// # Errors
    /// [`StoreError::Constraint`] when the report is known: ask [`Tx::event_answer`] first.
    pub async fn record_event(&mut self, event: &OrderEvent, answer: &EventAnswer) -> Result<()> {
        sqlx::query("INSERT INTO order_events (order_no, kind, at, stored_at, answer) VALUES ($1, $2, $3, $4, $5)")
            .bind(event.order_no.as_str())
            .bind(event.kind.name())
            .bind(ms(event.at))
            .bind(ms(self.now()))
            .bind(to_json("answer", answer)?)
            .execute(self.conn())
            .await
            .doing("record order event")?;
        Ok(())
    }
}
