//! 转写: the transcript of record of a call; an earlier one is kept when a call is transcribed again.

use super::row::{Row, Stored, decode_found, ms, to_json};
use super::{Doing, Result, Store, StoreError};
use crate::domain::id::CallId;
use crate::domain::transcript::Transcript;
use jiff::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub struct StoredTranscript {
    pub transcript: Transcript,
    /// 1 for the first.
    pub version: i64,
    pub made_at: Timestamp,
}

impl Stored for StoredTranscript {
    const TABLE: &'static str = "transcripts";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for StoredTranscript {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let transcript =
            Transcript { segments: row.json("segments")?, engine: row.text("engine")?, model: row.text("model")? };
        Ok(Self { transcript, version: row.int("version")?, made_at: row.instant("made_at")? })
    }
}

impl Store {
    /// The latest transcript.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none yet.
    pub async fn transcript(&self, call: &CallId) -> Result<StoredTranscript> {
        let row = sqlx::query("SELECT * FROM transcripts WHERE call_id = $1 ORDER BY version DESC LIMIT 1")
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read transcript")?;
        decode_found(row, call.as_str())
    }

    /// Adds a version and returns its number.
    pub async fn save_transcript(&self, call: &CallId, transcript: &Transcript) -> Result<i64> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        let version = sqlx::query_scalar(
            "INSERT INTO transcripts (call_id, version, engine, model, segments, made_at)
             SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3, $4, $5 FROM transcripts WHERE call_id = $6
             RETURNING version",
        )
        .bind(call.as_str())
        .bind(transcript.engine.as_str())
        .bind(transcript.model.as_str())
        .bind(to_json("segments", &transcript.segments)?)
        .bind(now)
        .bind(call.as_str())
        .fetch_one(tx.conn())
        .await
        .doing("save transcript")?;
        tx.commit().await?;
        Ok(version)
    }
}
