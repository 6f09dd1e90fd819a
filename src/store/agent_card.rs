//! 坐席评分卡: the rows behind them.
//!
//! Contract: reads only, but for what the voices of a call came to, which is measured again whenever the call is judged. Of scorecards, audits and
//! QA sheets the latest version of each call is read. Nothing is computed here: what a figure means is `domain::agent_card`'s.

use super::row::{Row, Stored, decode_all, ms};
use super::{Doing, Result, Store, StoreError};
use crate::domain::agent_card::{Found, SheetFigures, Work};
use crate::domain::audit::Talk;
use crate::domain::id::{CallId, SeatId};
use crate::domain::report::Judged;
use crate::domain::review::dispute::Stage;
use crate::domain::score::Scorecard;
use jiff::Timestamp;
use sqlx::any::AnyRow;
use std::collections::HashMap;

/// Cards of more calls are refused: they would not fit the memory of a small machine. [`WORKS`] reads one more, which tells it.
const CALLS_MAX: usize = 100_000;

impl Stored for Work {
    const TABLE: &'static str = "calls";
    const KEY: &'static str = "id";
}

/// Without what was made of it.
impl TryFrom<Row<'_>> for Work {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let (answered_at, ended_at) = (row.maybe_instant("answered_at")?, row.maybe_instant("ended_at")?);
        let id = row.text("id")?;
        let completed = row.text("visit_state")? == "completed" && row.maybe_text("visit_call")? == Some(id.clone());
        let first = row.int("attempt")? == 1;
        let on_time = row.instant("claimed_at")? <= row.instant("due_at")?;
        let voices = row.maybe_real("agent_s")?.map(|agent_s| {
            Ok::<_, StoreError>(Talk {
                agent_s,
                customer_s: row.real("customer_s")?,
                cut_ins: row.narrow("cut_ins")?,
                talk_over_s: row.real("talk_over_s")?,
            })
        });
        Ok(Self {
            call: CallId::new(id),
            seat: SeatId::new(row.text("seat")?),
            answered: answered_at.is_some(),
            completed,
            on_time: first.then_some(on_time),
            talk_s: answered_at.zip(ended_at).map(|(from, to)| to.duration_since(from).as_secs_f64()),
            voices: voices.transpose()?,
            judged: None,
            findings: None,
            sheet: None,
            disputes: vec![],
        })
    }
}

/// Something that was made of a call.
struct Of<T>(CallId, T);

impl Stored for Of<Judged> {
    const TABLE: &'static str = "scorecards";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for Of<Judged> {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let card: Scorecard = row.json("card")?;
        Ok(Self(CallId::new(row.text("call_id")?), Judged::of(&card)))
    }
}

/// `None`: the audit found nothing at all.
impl Stored for Of<Option<Found>> {
    const TABLE: &'static str = "findings";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for Of<Option<Found>> {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let found = row
            .maybe_text("rule")?
            .map(|rule| Ok::<_, StoreError>(Found { rule, severity: row.name("severity")?, n: row.narrow("found")? }));
        Ok(Self(CallId::new(row.text("call_id")?), found.transpose()?))
    }
}

impl Stored for Of<SheetFigures> {
    const TABLE: &'static str = "qa_sheets";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for Of<SheetFigures> {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self(CallId::new(row.text("call_id")?), SheetFigures::of(&row.json("sheet")?)))
    }
}

impl Stored for Of<Stage> {
    const TABLE: &'static str = "disputes";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for Of<Stage> {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self(CallId::new(row.text("call_id")?), row.name("stage")?))
    }
}

const WORKS: &str = "SELECT c.id, c.seat, c.attempt, c.claimed_at, c.answered_at, c.ended_at,
        v.due_at, v.state AS visit_state, v.call_id AS visit_call, t.agent_s, t.customer_s, t.cut_ins, t.talk_over_s
    FROM calls c JOIN visits v ON v.id = c.visit_id LEFT JOIN call_talk t ON t.call_id = c.id
    WHERE c.seat IS NOT NULL AND c.outcome IS NOT NULL AND c.claimed_at >= $1 AND c.claimed_at < $2
    ORDER BY c.claimed_at, c.id LIMIT 100001";

const CARDS: &str = "SELECT s.call_id, s.card FROM calls c JOIN scorecards s ON s.call_id = c.id
    WHERE c.seat IS NOT NULL AND c.claimed_at >= $1 AND c.claimed_at < $2
        AND s.version = (SELECT MAX(version) FROM scorecards WHERE call_id = c.id)";

const FINDINGS: &str = "SELECT a.call_id, f.rule, f.severity, COUNT(*) AS found
    FROM calls c JOIN audit_runs a ON a.call_id = c.id
        LEFT JOIN findings f ON f.call_id = a.call_id AND f.version = a.version
    WHERE c.seat IS NOT NULL AND c.claimed_at >= $1 AND c.claimed_at < $2
        AND a.version = (SELECT MAX(version) FROM audit_runs WHERE call_id = c.id)
    GROUP BY a.call_id, f.rule, f.severity";

const SHEETS: &str = "SELECT q.call_id, q.sheet FROM calls c JOIN qa_sheets q ON q.call_id = c.id
    WHERE c.seat IS NOT NULL AND c.claimed_at >= $1 AND c.claimed_at < $2
        AND q.version = (SELECT MAX(version) FROM qa_sheets WHERE call_id = c.id)";

const DISPUTES: &str = "SELECT d.call_id, d.stage FROM calls c JOIN disputes d ON d.call_id = c.id
    WHERE c.seat IS NOT NULL AND c.claimed_at >= $1 AND c.claimed_at < $2";

impl Store {
    /// Every agent's calls that were begun in a period and are over, with what was made of them.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for more than 100,000 calls.
    pub async fn agents_work(&self, from: Timestamp, before: Timestamp) -> Result<Vec<Work>> {
        let rows = self.of_calls(WORKS, from, before).await?;
        if rows.len() > CALLS_MAX {
            let why = "holds more calls than cards can be made of; ask for a shorter period";
            return Err(StoreError::Invalid { what: "to", value: before.to_string(), why });
        }
        let mut works: Vec<Work> = decode_all(&rows)?;
        let mut judged = by_call::<Judged>(&self.of_calls(CARDS, from, before).await?)?;
        let mut findings = by_call::<Option<Found>>(&self.of_calls(FINDINGS, from, before).await?)?;
        let mut sheets = by_call::<SheetFigures>(&self.of_calls(SHEETS, from, before).await?)?;
        let mut disputes = by_call::<Stage>(&self.of_calls(DISPUTES, from, before).await?)?;
        for work in &mut works {
            work.judged = judged.remove(&work.call).and_then(|mut of| of.pop());
            work.findings = findings.remove(&work.call).map(|of| of.into_iter().flatten().collect());
            work.sheet = sheets.remove(&work.call).and_then(|mut of| of.pop());
            work.disputes = disputes.remove(&work.call).unwrap_or_default();
        }
        Ok(works)
    }

    async fn of_calls(&self, sql: &'static str, from: Timestamp, before: Timestamp) -> Result<Vec<AnyRow>> {
        let query = sqlx::query(sql).bind(ms(from)).bind(ms(before));
        query.fetch_all(&self.readers).await.doing("read agents' calls")
    }

    /// Keeps what the voices of a call came to, in place of what was measured before.
    pub async fn save_talk(&self, call: &CallId, talk: &Talk) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO call_talk (call_id, agent_s, customer_s, cut_ins, talk_over_s) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (call_id) DO UPDATE SET agent_s = excluded.agent_s, customer_s = excluded.customer_s,
                 cut_ins = excluded.cut_ins, talk_over_s = excluded.talk_over_s",
        )
        .bind(call.as_str())
        .bind(talk.agent_s)
        .bind(talk.customer_s)
        .bind(i64::from(talk.cut_ins))
        .bind(talk.talk_over_s)
        .execute(tx.conn())
        .await
        .doing("save talk")?;
        tx.commit().await
    }
}

fn by_call<T>(rows: &[AnyRow]) -> Result<HashMap<CallId, Vec<T>>>
where
    Of<T>: Stored,
{
    let mut found: HashMap<CallId, Vec<T>> = HashMap::new();
    for Of(call, one) in decode_all::<Of<T>>(rows)? {
        found.entry(call).or_default().push(one);
    }
    Ok(found)
}
