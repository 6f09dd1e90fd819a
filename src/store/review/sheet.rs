//! 质检表 of a call: every version of it. The machine's filling and people's corrections are versions alike; nothing is overwritten.

use super::super::event::NewEvent;
use super::super::row::{Row, Stored, decode, decode_all, decode_found, ms, to_json};
use super::super::score::MACHINE;
use super::super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::id::CallId;
use crate::domain::review::form::{HumanMark, Sheet};
use jiff::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub struct StoredSheet {
    pub sheet: Sheet,
    /// 1 for the first.
    pub version: i64,
    /// [`MACHINE`], or the person who corrected.
    pub made_by: String,
    /// Key of the item that a person corrected, and why.
    pub changed: Option<(String, String)>,
    pub made_at: Timestamp,
}

impl Stored for StoredSheet {
    const TABLE: &'static str = "qa_sheets";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for StoredSheet {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            sheet: row.json("sheet")?,
            version: row.int("version")?,
            made_by: row.text("made_by")?,
            changed: row.maybe_text("item")?.zip(row.maybe_text("why")?),
            made_at: row.instant("made_at")?,
        })
    }
}

const LATEST: &str = "SELECT * FROM qa_sheets WHERE call_id = $1 ORDER BY version DESC LIMIT 1";

impl Store {
    /// The sheet in force.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the call was not judged yet.
    pub async fn sheet(&self, call: &CallId) -> Result<StoredSheet> {
        let row = sqlx::query(LATEST).bind(call.as_str()).fetch_optional(&self.readers).await.doing("read qa sheet")?;
        decode_found(row, call.as_str())
    }

    /// Every version, the first one first.
    pub async fn sheets(&self, call: &CallId) -> Result<Vec<StoredSheet>> {
        let rows = sqlx::query("SELECT * FROM qa_sheets WHERE call_id = $1 ORDER BY version")
            .bind(call.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("read qa sheets")?;
        decode_all(&rows)
    }

    /// Adds the machine's filling as a new version; what people have said stays in force on it.
    pub async fn save_sheet(&self, call: &CallId, sheet: Sheet) -> Result<StoredSheet> {
        let mut tx = self.begin().await?;
        let before = tx.sheet(call).await?;
        let version = before.as_ref().map_or(0, |b| b.version) + 1;
        let sheet = match &before {
            Some(before) => sheet.after(&before.sheet),
            None => sheet,
        };
        let saved = StoredSheet { sheet, version, made_by: MACHINE.into(), changed: None, made_at: tx.now() };
        tx.insert_sheet(call, &saved).await?;
        tx.commit().await?;
        Ok(saved)
    }

    /// Puts a person's mark beside the machine's, as a new version, and into the audit log.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a call without a sheet, [`StoreError::Invalid`] for an item that its form lacks.
    pub async fn correct_sheet(&self, call: &CallId, item: &str, mark: HumanMark) -> Result<StoredSheet> {
        let mut tx = self.begin().await?;
        let saved = tx.correct_sheet(call, item, mark).await?;
        tx.commit().await?;
        Ok(saved)
    }
}

impl Tx {
    pub(super) async fn correct_sheet(&mut self, call: &CallId, item: &str, mark: HumanMark) -> Result<StoredSheet> {
        let Some(before) = self.sheet(call).await? else {
            return Err(StoreError::NotFound { table: "qa_sheets", id: call.to_string() });
        };
        let was = before.sheet.entry(item).and_then(|entry| entry.in_force());
        let detail = serde_json::json!({ "item": item, "from": was, "to": mark.mark, "reason": mark.reason });
        let (made_by, changed, made_at) = (mark.by.clone(), Some((item.to_string(), mark.reason.clone())), mark.at);
        let Some(sheet) = before.sheet.corrected(item, mark) else {
            return Err(StoreError::Invalid { what: "item", value: item.to_string(), why: "not on this sheet" });
        };
        let saved = StoredSheet { sheet, version: before.version + 1, made_by, changed, made_at };
        self.insert_sheet(call, &saved).await?;
        self.append_event(&NewEvent::by(&saved.made_by, "sheet.corrected").call(call).detail(detail)).await?;
        Ok(saved)
    }

    async fn sheet(&mut self, call: &CallId) -> Result<Option<StoredSheet>> {
        let row = sqlx::query(LATEST).bind(call.as_str()).fetch_optional(self.conn()).await.doing("read qa sheet")?;
        row.as_ref().map(decode).transpose()
    }

    async fn insert_sheet(&mut self, call: &CallId, stored: &StoredSheet) -> Result<()> {
        let (item, why) = stored.changed.as_ref().map(|(item, why)| (item.as_str(), why.as_str())).unzip();
        sqlx::query(
            "INSERT INTO qa_sheets (call_id, version, sheet, made_by, item, why, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(call.as_str())
        .bind(stored.version)
        .bind(to_json("sheet", &stored.sheet)?)
        .bind(stored.made_by.as_str())
        .bind(item)
        .bind(why)
        .bind(ms(stored.made_at))
        .execute(self.conn())
        .await
        .doing("save qa sheet")?;
        Ok(())
    }
}
