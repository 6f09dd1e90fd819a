//! 事实: what the customer stated, as the domain extracted it; earlier results are kept.
//!
//! The store keeps them as the JSON that the domain writes and reads; it does not look inside.

use super::row::{Row, Stored, decode_found, ms, to_json};
use super::{Doing, Result, Store, StoreError};
use crate::domain::id::CallId;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct StoredFacts {
    pub facts: Value,
    /// 1 for the first.
    pub version: i64,
    /// Name and version of the extractor.
    pub made_by: String,
    pub made_at: Timestamp,
}

impl Stored for StoredFacts {
    const TABLE: &'static str = "facts";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for StoredFacts {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            facts: row.json("facts")?,
            version: row.int("version")?,
            made_by: row.text("made_by")?,
            made_at: row.instant("made_at")?,
        })
    }
}

impl Store {
    /// The latest facts.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there are none yet.
    pub async fn facts(&self, call: &CallId) -> Result<StoredFacts> {
        let row = sqlx::query("SELECT * FROM facts WHERE call_id = $1 ORDER BY version DESC LIMIT 1")
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read facts")?;
        decode_found(row, call.as_str())
    }

    /// Adds a version and returns its number.
    pub async fn save_facts<T: Serialize + Sync>(&self, call: &CallId, made_by: &str, facts: &T) -> Result<i64> {
        let json = to_json("facts", facts)?;
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        let version = sqlx::query_scalar(
            "INSERT INTO facts (call_id, version, made_by, facts, made_at)
             SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3, $4 FROM facts WHERE call_id = $5 RETURNING version",
        )
        .bind(call.as_str())
        .bind(made_by)
        .bind(json)
        .bind(now)
        .bind(call.as_str())
        .fetch_one(tx.conn())
        .await
        .doing("save facts")?;
        tx.commit().await?;
        Ok(version)
    }
}
