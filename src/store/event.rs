//! What happened, in order: the audit log of commands and overrides, and the feed of `GET /events`.
//!
//! Rows are only ever added. `detail` never holds a whole phone number.

use super::row::{Row, Stored, decode, decode_all, ms, to_json};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::id::{CallId, VisitId};
use jiff::Timestamp;
use serde_json::Value;

/// The actor of what the engine does on its own.
pub const ENGINE: &str = "engine";

#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Name of the user or token, or [`ENGINE`].
    pub actor: String,
    /// `noun.verb`, e.g. `scorecard.overridden`.
    pub kind: String,
    pub visit: Option<VisitId>,
    pub call: Option<CallId>,
    pub detail: Value,
}

impl NewEvent {
    pub fn by(actor: &str, kind: &str) -> Self {
        Self { actor: actor.into(), kind: kind.into(), visit: None, call: None, detail: Value::Null }
    }
    pub fn engine(kind: &str) -> Self {
        Self::by(ENGINE, kind)
    }
    pub fn visit(self, id: &VisitId) -> Self {
        Self { visit: Some(id.clone()), ..self }
    }
    pub fn call(self, id: &CallId) -> Self {
        Self { call: Some(id.clone()), ..self }
    }
    pub fn detail(self, detail: Value) -> Self {
        Self { detail, ..self }
    }
}

/// An event as kept. `seq` grows with every event and never repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub seq: i64,
    pub at: Timestamp,
    pub actor: String,
    pub kind: String,
    pub visit: Option<VisitId>,
    pub call: Option<CallId>,
    pub detail: Value,
}

impl Stored for Event {
    const TABLE: &'static str = "events";
    const KEY: &'static str = "seq";
}

impl TryFrom<Row<'_>> for Event {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            seq: row.int("seq")?,
            at: row.instant("at")?,
            actor: row.text("actor")?,
            kind: row.text("kind")?,
            visit: row.maybe_text("visit_id")?.map(VisitId::new),
            call: row.maybe_text("call_id")?.map(CallId::new),
            detail: row.json("detail")?,
        })
    }
}

impl Store {
    pub async fn append_event(&self, event: &NewEvent) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.append_event(event).await?;
        tx.commit().await
    }

    /// Everything that happened to one visit and its calls, oldest first.
    pub async fn events_of_visit(&self, visit: &VisitId) -> Result<Vec<Event>> {
        let rows = sqlx::query(
            "SELECT * FROM events
             WHERE visit_id = $1 OR call_id IN (SELECT id FROM calls WHERE visit_id = $1)
             ORDER BY seq",
        )
        .bind(visit.as_str())
        .fetch_all(&self.readers)
        .await
        .doing("read events of visit")?;
        decode_all(&rows)
    }
}

impl Tx {
    /// What happened to a call under this name, the first time.
    pub async fn first_event_of_call(&mut self, call: &CallId, kind: &str) -> Result<Option<Event>> {
        let row = sqlx::query("SELECT * FROM events WHERE call_id = $1 AND kind = $2 ORDER BY seq LIMIT 1")
            .bind(call.as_str())
            .bind(kind)
            .fetch_optional(self.conn())
            .await
            .doing("read event of call")?;
        row.as_ref().map(decode).transpose()
    }

    pub async fn append_event(&mut self, event: &NewEvent) -> Result<()> {
        let now = ms(self.now());
        sqlx::query("INSERT INTO events (at, actor, kind, visit_id, call_id, detail) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(now)
            .bind(event.actor.as_str())
            .bind(event.kind.as_str())
            .bind(event.visit.as_ref().map(VisitId::as_str))
            .bind(event.call.as_ref().map(CallId::as_str))
            .bind(to_json("detail", &event.detail)?)
            .execute(self.conn())
            .await
            .doing("append event")?;
        Ok(())
    }
}
