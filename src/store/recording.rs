//! 录音: the row of what is on disk. Written with its call; verified and pruned through here.

use super::page::{Listed, Page, PageRequest, Select};
use super::row::{Row, Stored, decode_found, maybe_ms, ms, name_of, to_json};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::id::CallId;
use crate::domain::recording::manifest::{RecordingInfo, RecordingState};
use jiff::Timestamp;

/// A recording with the instant its row was made.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecording {
    pub info: RecordingInfo,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct RecordingFilter {
    pub state: Option<RecordingState>,
    /// Made before this instant (retention).
    pub before: Option<Timestamp>,
}

impl Stored for RecordingInfo {
    const TABLE: &'static str = "recordings";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for RecordingInfo {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.text("id")?,
            file: row.text("file")?,
            seconds: row.real("seconds")?,
            answered_at_s: row.maybe_real("answered_at_s")?,
            sha256: row.text("sha256")?,
            channels: row.narrow("channels")?,
            sample_rate: row.narrow("sample_rate")?,
            gaps: row.json("gaps")?,
            state: row.name("state")?,
            tracks: row.json("tracks")?,
        })
    }
}

impl Stored for StoredRecording {
    const TABLE: &'static str = "recordings";
    const KEY: &'static str = "id";
}

impl Listed for StoredRecording {
    const ORDER_BY: &'static str = "created_at";
    fn position(&self) -> (i64, &str) {
        (ms(self.created_at), &self.info.id)
    }
}

impl TryFrom<Row<'_>> for StoredRecording {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let created_at = row.instant("created_at")?;
        Ok(Self { info: RecordingInfo::try_from(row)?, created_at })
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::NotFound`] when the call has none.
    pub async fn recording(&self, call: &CallId) -> Result<RecordingInfo> {
        let row = sqlx::query("SELECT * FROM recordings WHERE id = $1")
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read recording")?;
        decode_found(row, call.as_str())
    }

    pub async fn recordings(&self, filter: &RecordingFilter, page: &PageRequest) -> Result<Page<StoredRecording>> {
        Select::new("SELECT * FROM recordings")
            .filter("state =", filter.state.as_ref().map(name_of).transpose()?)
            .filter("created_at <", maybe_ms(filter.before))
            .page(self, page)
            .await
    }

    /// Writes what verify, repair or prune found out.
    pub async fn put_recording(&self, info: &RecordingInfo) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.put_recording(info).await?;
        tx.commit().await
    }
}

impl Tx {
    pub(super) async fn put_recording(&mut self, info: &RecordingInfo) -> Result<()> {
        let now = ms(self.now());
        sqlx::query(
            "INSERT INTO recordings (id, file, seconds, answered_at_s, sha256, channels, sample_rate, gaps, state,
                 tracks, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (id) DO UPDATE SET file = excluded.file, seconds = excluded.seconds,
                 answered_at_s = excluded.answered_at_s, sha256 = excluded.sha256, channels = excluded.channels,
                 sample_rate = excluded.sample_rate, gaps = excluded.gaps, state = excluded.state,
                 tracks = excluded.tracks, updated_at = excluded.updated_at",
        )
        .bind(info.id.as_str())
        .bind(info.file.as_str())
        .bind(info.seconds)
        .bind(info.answered_at_s)
        .bind(info.sha256.as_str())
        .bind(i64::from(info.channels))
        .bind(i64::from(info.sample_rate))
        .bind(to_json("gaps", &info.gaps)?)
        .bind(name_of(&info.state)?)
        .bind(to_json("tracks", &info.tracks)?)
        .bind(now)
        .bind(now)
        .execute(self.conn())
        .await
        .doing("write recording")?;
        Ok(())
    }
}
