//! SIP traces: one row for a call, written at its end and again when late messages come.

use super::row::{Row, Stored, decode_found, ms, to_json};
use super::{Doing, Result, Store, StoreError};
use crate::domain::call::trace::SipTrace;
use crate::domain::id::CallId;
use jiff::Timestamp;

/// What is left of a trace.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredTrace {
    Kept(SipTrace),
    /// The retention rule deleted it at this instant.
    Pruned(Timestamp),
}

impl Stored for StoredTrace {
    const TABLE: &'static str = "sip_traces";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for StoredTrace {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(match row.maybe_instant("pruned_at")? {
            Some(at) => Self::Pruned(at),
            None => Self::Kept(SipTrace { messages: row.json("messages")?, dropped: row.narrow("dropped")? }),
        })
    }
}

impl Store {
    /// Writes what is known of the trace now; an earlier state is replaced, a deleted one stays deleted.
    pub async fn save_sip_trace(&self, call: &CallId, trace: &SipTrace) -> Result<()> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        sqlx::query(
            "INSERT INTO sip_traces (call_id, messages, dropped, saved_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (call_id) DO UPDATE SET messages = excluded.messages, dropped = excluded.dropped,
                 saved_at = excluded.saved_at WHERE sip_traces.pruned_at IS NULL",
        )
        .bind(call.as_str())
        .bind(to_json("messages", &trace.messages)?)
        .bind(i64::from(trace.dropped))
        .bind(now)
        .execute(tx.conn())
        .await
        .doing("write sip trace")?;
        tx.commit().await
    }

    /// # Errors
    /// [`StoreError::NotFound`] when the call has none.
    pub async fn sip_trace(&self, call: &CallId) -> Result<StoredTrace> {
        let row = sqlx::query("SELECT * FROM sip_traces WHERE call_id = $1")
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read sip trace")?;
        decode_found(row, call.as_str())
    }

    /// Deletes the messages of traces saved before this instant. Returns how many traces that were.
    pub async fn prune_sip_traces(&self, before: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        let done = sqlx::query(
            "UPDATE sip_traces SET messages = '[]', pruned_at = $1 WHERE saved_at < $2 AND pruned_at IS NULL",
        )
        .bind(now)
        .bind(ms(before))
        .execute(tx.conn())
        .await
        .doing("prune sip traces")?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}
