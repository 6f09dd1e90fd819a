//! 评分: every scorecard a call ever had. The machine's value and a person's stand side by side in the same card.

use super::event::NewEvent;
use super::row::{Row, Stored, decode, decode_all, decode_found, ms, name_of, to_json};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::id::CallId;
use crate::domain::score::{HumanScore, Indicator, Level, Scorecard};
use jiff::Timestamp;

/// Who made a version that no person made.
pub const MACHINE: &str = "machine";

#[derive(Clone, Debug, PartialEq)]
pub struct StoredScorecard {
    pub card: Scorecard,
    /// 1 for the first.
    pub version: i64,
    /// [`MACHINE`], or the person who overrode.
    pub made_by: String,
    /// What the person overrode, and why.
    pub overridden: Option<(Indicator, String)>,
    pub made_at: Timestamp,
}

/// A person's correction of one indicator.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    pub indicator: Indicator,
    /// `None`: the customer gave no level.
    pub level: Option<Level>,
    /// Must not be empty.
    pub reason: String,
    pub by: String,
    /// The version that the person saw; `None` = whatever is latest.
    pub seen_version: Option<i64>,
}

impl Stored for StoredScorecard {
    const TABLE: &'static str = "scorecards";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for StoredScorecard {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let indicator: Option<Indicator> = row.maybe_name("indicator")?;
        Ok(Self {
            card: row.json("card")?,
            version: row.int("version")?,
            made_by: row.text("made_by")?,
            overridden: indicator.zip(row.maybe_text("why")?),
            made_at: row.instant("made_at")?,
        })
    }
}

const LATEST: &str = "SELECT * FROM scorecards WHERE call_id = $1 ORDER BY version DESC LIMIT 1";

impl Store {
    /// The latest scorecard: the one in force.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the call is not scored yet.
    pub async fn scorecard(&self, call: &CallId) -> Result<StoredScorecard> {
        let row =
            sqlx::query(LATEST).bind(call.as_str()).fetch_optional(&self.readers).await.doing("read scorecard")?;
        decode_found(row, call.as_str())
    }

    /// Every version, the first one first.
    pub async fn scorecards(&self, call: &CallId) -> Result<Vec<StoredScorecard>> {
        let rows = sqlx::query("SELECT * FROM scorecards WHERE call_id = $1 ORDER BY version")
            .bind(call.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("read scorecards")?;
        decode_all(&rows)
    }

    /// Adds the machine's card as a new version. Corrections that persons made before stay in force on it.
    pub async fn save_scorecard(&self, call: &CallId, card: &Scorecard) -> Result<StoredScorecard> {
        let mut tx = self.begin().await?;
        let before = tx.scorecard(call).await?;
        let mut card = card.clone();
        for score in card.scores.iter_mut().filter(|s| s.human.is_none()) {
            let earlier = before.iter().flat_map(|b| &b.card.scores).find(|s| s.indicator == score.indicator);
            score.human = earlier.and_then(|s| s.human.clone());
        }
        let version = before.map_or(0, |b| b.version) + 1;
        let saved = StoredScorecard { card, version, made_by: MACHINE.into(), overridden: None, made_at: tx.now() };
        tx.insert_scorecard(call, &saved).await?;
        tx.commit().await?;
        Ok(saved)
    }

    /// Puts a person's level beside the machine's, as a new version, and into the audit log.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the call is not scored yet, [`StoreError::Stale`] when the person saw an older version,
    /// [`StoreError::Invalid`] for an empty reason.
    pub async fn override_score(&self, call: &CallId, change: &Override) -> Result<StoredScorecard> {
        let reason = change.reason.trim();
        if reason.is_empty() {
            return Err(StoreError::Invalid { what: "reason", value: change.reason.clone(), why: "must say why" });
        }
        let mut tx = self.begin().await?;
        let Some(mut next) = tx.scorecard(call).await? else {
            return Err(StoreError::NotFound { table: "scorecards", id: call.to_string() });
        };
        if change.seen_version.is_some_and(|seen| seen != next.version) {
            let why = "a newer version is in force";
            return Err(StoreError::Stale { table: "scorecards", id: call.to_string(), why });
        }
        let at = tx.now();
        let Some(score) = next.card.scores.iter_mut().find(|s| s.indicator == change.indicator) else {
            let value = change.indicator.name().to_string();
            return Err(StoreError::Invalid { what: "indicator", value, why: "not on this card" });
        };
        let was = score.in_force();
        score.human = Some(HumanScore { level: change.level, reason: reason.into(), by: change.by.clone(), at });
        next.version += 1;
        next.made_by = change.by.clone();
        next.overridden = Some((change.indicator, reason.into()));
        next.made_at = at;
        tx.insert_scorecard(call, &next).await?;
        let detail = serde_json::json!({
            "indicator": change.indicator.name(), "from": was, "to": change.level, "reason": reason,
        });
        tx.append_event(&NewEvent::by(&change.by, "scorecard.overridden").call(call).detail(detail)).await?;
        tx.commit().await?;
        Ok(next)
    }
}

impl Tx {
    async fn scorecard(&mut self, call: &CallId) -> Result<Option<StoredScorecard>> {
        let row = sqlx::query(LATEST).bind(call.as_str()).fetch_optional(self.conn()).await.doing("read scorecard")?;
        row.as_ref().map(decode).transpose()
    }

    async fn insert_scorecard(&mut self, call: &CallId, stored: &StoredScorecard) -> Result<()> {
        let (indicator, why) = stored.overridden.as_ref().map(|(i, w)| (i, w.as_str())).unzip();
        sqlx::query(
            "INSERT INTO scorecards (call_id, version, rubric, card, made_by, indicator, why, made_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(call.as_str())
        .bind(stored.version)
        .bind(stored.card.rubric.as_str())
        .bind(to_json("card", &stored.card)?)
        .bind(stored.made_by.as_str())
        .bind(indicator.map(name_of).transpose()?)
        .bind(why)
        .bind(ms(stored.made_at))
        .execute(self.conn())
        .await
        .doing("save scorecard")?;
        // The reviewers' list finds calls by the index in force.
        sqlx::query("UPDATE reviews SET mean = $1 WHERE call_id = $2")
            .bind(stored.card.index().mean)
            .bind(call.as_str())
            .execute(self.conn())
            .await
            .doing("save index")?;
        Ok(())
    }
}
