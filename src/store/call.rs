//! 通话: one row for every INVITE. It begins with [`Store::claim_visit`] and ends, once, with [`Store::finish_call`]. What its agent wrote
//! down comes when he has written it, before the end or after: [`Store::save_note`], [`Store::save_result`].

use super::event::NewEvent;
use super::job::NewJob;
use super::page::{Listed, Page, PageRequest, Select};
use super::row::{Row, Stored, decode_all, decode_found, maybe_ms, ms, name_of, to_json};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::call::outcome::{ConversationEnd, Fault, Outcome, Party};
use crate::domain::call::{Call, DayLimit, Instants, Spent};
use crate::domain::id::{CallId, OrderNo, SeatId, VisitId};
use crate::domain::phone::Phone;
use crate::domain::recording::manifest::RecordingInfo;
use crate::domain::visit::task::Visit;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// `SELECT` of calls with the columns of their recordings beside their own; those are named apart where both tables have the name.
/// Further columns and joins stand behind.
macro_rules! select_calls {
    ($columns:literal, $joins:literal) => {
        concat!(
            "SELECT calls.*, r.id AS recording_id, r.file AS file, r.seconds AS seconds,
            r.answered_at_s AS answered_at_s, r.sha256 AS sha256, r.channels AS channels, r.sample_rate AS sample_rate,
            r.gaps AS gaps, r.state AS recording_state, r.tracks AS tracks",
            $columns,
            " FROM calls LEFT JOIN recordings r ON r.id = calls.id",
            $joins
        )
    };
}
pub(super) use select_calls;

const CALLS: &str = select_calls!("", "");

#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    pub visit: Option<VisitId>,
    pub order_no: Option<OrderNo>,
    pub outcome: Option<Outcome>,
    pub trunk: Option<String>,
    pub fault: Option<Fault>,
    pub hung_up_by: Option<Party>,
    /// Claimed at this instant or later.
    pub from: Option<Timestamp>,
    /// Claimed before this instant.
    pub before: Option<Timestamp>,
    /// `true`: only calls in progress.
    pub in_progress: bool,
}

impl CallFilter {
    pub(super) fn narrow(&self, select: Select) -> Result<Select> {
        let select = select
            .filter("calls.visit_id =", self.visit.as_ref().map(ToString::to_string))
            .filter("calls.order_no =", self.order_no.as_ref().map(ToString::to_string))
            .filter("calls.outcome =", self.outcome.map(|o| o.name().to_string()))
            .filter("calls.trunk =", self.trunk.clone())
            .filter("calls.fault =", self.fault.as_ref().map(name_of).transpose()?)
            .filter("calls.hung_up_by =", self.hung_up_by.as_ref().map(name_of).transpose()?)
            .filter("calls.claimed_at >=", maybe_ms(self.from))
            .filter("calls.claimed_at <", maybe_ms(self.before));
        Ok(if self.in_progress { select.only("calls.outcome IS NULL") } else { select })
    }
}

impl Stored for Call {
    const TABLE: &'static str = "calls";
    const KEY: &'static str = "id";
}

impl Listed for Call {
    const ORDER_BY: &'static str = "claimed_at";
    fn position(&self) -> (i64, &str) {
        (self.instants.claimed_at.map_or(0, ms), self.id.as_str())
    }
}

impl TryFrom<Row<'_>> for Call {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let phone = row.text("phone")?;
        Ok(Self {
            id: CallId::new(row.text("id")?),
            visit: VisitId::new(row.text("visit_id")?),
            order_no: OrderNo::new(row.text("order_no")?),
            attempt: row.narrow("attempt")?,
            to: Phone::parse(&phone).map_err(|e| row.corrupt("phone", &e.to_string()))?,
            trunk: row.maybe_text("trunk")?,
            programme: row.text("programme")?,
            instants: read_instants(&row)?,
            outcome: row.maybe_name("outcome")?,
            fault: row.maybe_name("fault")?,
            sip_status: row.maybe_narrow("sip_status")?,
            detail: row.maybe_text("detail")?,
            sip_reason: row.maybe_text("sip_reason")?,
            hung_up_by: row.maybe_name("hung_up_by")?,
            conversation: row.maybe_json("conversation")?,
            recording: read_recording(&row)?,
            legs: row.json("legs")?,
            journal: row.json("journal")?,
            seat: row.maybe_text("seat")?.map(SeatId::new),
            note: row.maybe_text("note")?,
            form: row.json("form")?,
        })
    }
}

fn read_instants(row: &Row<'_>) -> Result<Instants> {
    Ok(Instants {
        claimed_at: Some(row.instant("claimed_at")?),
        invited_at: row.maybe_instant("invited_at")?,
        trying_at: row.maybe_instant("trying_at")?,
        ringing_at: row.maybe_instant("ringing_at")?,
        early_media_at: row.maybe_instant("early_media_at")?,
        answered_at: row.maybe_instant("answered_at")?,
        acked_at: row.maybe_instant("acked_at")?,
        first_rtp_in_at: row.maybe_instant("first_rtp_in_at")?,
        first_rtp_out_at: row.maybe_instant("first_rtp_out_at")?,
        bye_at: row.maybe_instant("bye_at")?,
        ended_at: row.maybe_instant("ended_at")?,
    })
}

fn read_recording(row: &Row<'_>) -> Result<Option<RecordingInfo>> {
    let Some(id) = row.maybe_text("recording_id")? else { return Ok(None) };
    Ok(Some(RecordingInfo {
        id,
        file: row.text("file")?,
        seconds: row.real("seconds")?,
        answered_at_s: row.maybe_real("answered_at_s")?,
        sha256: row.text("sha256")?,
        channels: row.narrow("channels")?,
        sample_rate: row.narrow("sample_rate")?,
        gaps: row.json("gaps")?,
        state: row.name("recording_state")?,
        tracks: row.json("tracks")?,
    }))
}

const SPENT: &str = "SELECT trunk, COUNT(*) AS calls,
    CAST(SUM(CASE WHEN answered_at IS NULL OR ended_at IS NULL THEN 0 ELSE (ended_at - answered_at + 59999) / 60000 END) AS BIGINT)
    AS minutes FROM calls WHERE claimed_at >= $1 AND trunk IS NOT NULL GROUP BY trunk";

/// The calls of a day, whichever way they went.
async fn count_claimed(from: impl sqlx::Executor<'_, Database = sqlx::Any>, limit: &DayLimit) -> Result<i64> {
    sqlx::query_scalar("SELECT COUNT(*) FROM calls WHERE claimed_at >= $1 AND claimed_at < $2")
        .bind(ms(limit.from))
        .bind(ms(limit.until))
        .fetch_one(from)
        .await
        .doing("count calls of a day")
}

impl Store {
    /// How many calls of a day were claimed.
    pub async fn claimed_in(&self, limit: &DayLimit) -> Result<u32> {
        let n = count_claimed(&self.readers, limit).await?;
        Ok(u32::try_from(n).unwrap_or(u32::MAX))
    }

    /// What each trunk has used since `from`, by the calls claimed from then on.
    pub async fn spent_since(&self, from: Timestamp) -> Result<HashMap<String, Spent>> {
        let rows: Vec<(String, i64, i64)> =
            sqlx::query_as(SPENT).bind(ms(from)).fetch_all(&self.readers).await.doing("count calls of a day")?;
        let narrow = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
        let spent = |(trunk, calls, minutes)| (trunk, Spent { calls: narrow(calls), minutes: narrow(minutes) });
        Ok(rows.into_iter().map(spent).collect())
    }

    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn call(&self, id: &CallId) -> Result<Call> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{CALLS} WHERE calls.id = $1")))
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read call")?;
        decode_found(row, id.as_str())
    }

    /// The latest calls to a customer that are over, with the index of their scorecard, the newest first.
    pub async fn calls_to(&self, phone: &Phone, most: u32) -> Result<Vec<(Call, Option<f64>)>> {
        let sql = format!(
            "{CALLS} WHERE calls.phone = $1 AND calls.outcome IS NOT NULL ORDER BY calls.claimed_at DESC LIMIT $2"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(phone.e164())
            .bind(i64::from(most))
            .fetch_all(&self.readers)
            .await
            .doing("read calls to a customer")?;
        let mut found = vec![];
        for call in decode_all::<Call>(&rows)? {
            let index = match self.scorecard(&call.id).await {
                Ok(stored) => stored.card.index().mean,
                Err(StoreError::NotFound { .. }) => None,
                Err(error) => return Err(error),
            };
            found.push((call, index));
        }
        Ok(found)
    }

    pub async fn calls(&self, filter: &CallFilter, page: &PageRequest) -> Result<Page<Call>> {
        let select = filter.narrow(Select::new(CALLS))?;
        select.page(self, page).await
    }

    /// Calls without an outcome. At start these are the calls that the engine was killed in.
    pub async fn unfinished_calls(&self) -> Result<Vec<Call>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{CALLS} WHERE calls.outcome IS NULL ORDER BY calls.claimed_at, calls.id"
        )))
        .fetch_all(&self.readers)
        .await
        .doing("read unfinished calls")?;
        decode_all(&rows)
    }

    /// Writes what is known of a call in progress: instants, trunk, status, legs, journal, recording.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the call is finished; [`StoreError::Invalid`] when `call` has an outcome.
    pub async fn save_call_progress(&self, call: &Call) -> Result<()> {
        if call.outcome.is_some() {
            let why = "an outcome is written by finish_call";
            return Err(StoreError::Invalid { what: "call", value: call.id.to_string(), why });
        }
        let mut tx = self.begin().await?;
        tx.update_call(call).await?;
        tx.commit().await
    }

    /// Ends a call in one transaction: its final row, the visit's next state, and the work that follows.
    /// Returns the visit at its new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the call was finished before or the visit changed since it was read (read it and try again);
    /// [`StoreError::Invalid`] when `call` has no outcome or `visit` is still `Calling`.
    pub async fn finish_call(&self, call: &Call, visit: &Visit, jobs: &[NewJob]) -> Result<Visit> {
        let Some(outcome) = call.outcome else {
            let why = "a finished call has exactly one outcome";
            return Err(StoreError::Invalid { what: "call", value: call.id.to_string(), why });
        };
        let mut tx = self.begin().await?;
        tx.update_call(call).await?;
        let released = tx.release_visit(visit, &call.id).await?;
        if let Some(end) = &call.conversation {
            tx.record_wish_of(call, end, &released).await?;
        }
        for job in jobs {
            tx.enqueue(job).await?;
        }
        let event = NewEvent::engine("call.finished").visit(&visit.id).call(&call.id);
        tx.append_event(&event.detail(serde_json::json!({ "outcome": outcome.name() }))).await?;
        tx.commit().await?;
        Ok(released)
    }

    /// Saves what the agent wrote down, verbatim, in place of what he wrote before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown call.
    pub async fn save_note(&self, call: &CallId, note: Option<&str>, form: &BTreeMap<String, String>) -> Result<()> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE calls SET note = $1, form = $2 WHERE id = $3")
            .bind(note)
            .bind(to_json("form", form)?)
            .bind(call.as_str())
            .execute(tx.conn())
            .await
            .doing("save note")?;
        if done.rows_affected() != 1 {
            return Err(StoreError::NotFound { table: "calls", id: call.to_string() });
        }
        tx.commit().await
    }

    /// What an agent says a finished call came to, while he may still say something else: [`Self::save_result`] applies it.
    pub async fn save_said(&self, call: &CallId, end: &ConversationEnd) -> Result<()> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE calls SET conversation = $1 WHERE id = $2 AND outcome IS NOT NULL")
            .bind(to_json("conversation", end)?)
            .bind(call.as_str())
            .execute(tx.conn())
            .await
            .doing("save what was said")?;
        if done.rows_affected() != 1 {
            let why = "unknown, or not finished";
            return Err(StoreError::Stale { table: "calls", id: call.to_string(), why });
        }
        tx.commit().await
    }

    /// Ends the wrap-up of a finished call in one transaction: what the agent says it came to, and the next state of the visit that waited
    /// for it. A call that the customer left when all had been said was no hang-up (A04). Returns the visit at its new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the call is not finished or the visit changed since it was read.
    pub async fn save_result(&self, call: &CallId, end: Option<&ConversationEnd>, visit: &Visit) -> Result<Visit> {
        let mut tx = self.begin().await?;
        let told = end.map(|end| to_json("conversation", end)).transpose()?;
        let done = sqlx::query(
            "UPDATE calls SET conversation = COALESCE($1, conversation),
                 outcome = CASE WHEN outcome = 'hung_up' AND $1 IS NOT NULL THEN 'answered' ELSE outcome END
             WHERE id = $2 AND visit_id = $3 AND outcome IS NOT NULL",
        )
        .bind(told)
        .bind(call.as_str())
        .bind(visit.id.as_str())
        .execute(tx.conn())
        .await
        .doing("save result")?;
        if done.rows_affected() != 1 {
            let why = "unknown, or not finished";
            return Err(StoreError::Stale { table: "calls", id: call.to_string(), why });
        }
        let saved = tx.save_visit(visit).await?;
        if let Some(end) = end {
            let ended = tx.call(call).await?;
            tx.record_wish_of(&ended, end, &saved).await?;
        }
        tx.append_event(&NewEvent::engine("call.wrapped_up").visit(&visit.id).call(call)).await?;
        tx.commit().await?;
        Ok(saved)
    }
}

impl Tx {
    /// See [`Store::call`].
    pub(super) async fn call(&mut self, id: &CallId) -> Result<Call> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{CALLS} WHERE calls.id = $1")))
            .bind(id.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read call")?;
        decode_found(row, id.as_str())
    }

    /// Asked by every claim, with the writer in hand: no two claims take the last call of a day.
    pub(super) async fn day_is_spent(&mut self, limit: Option<DayLimit>) -> Result<bool> {
        let Some(limit) = limit else { return Ok(false) };
        let n = count_claimed(self.conn(), &limit).await?;
        Ok(n >= i64::from(limit.calls_max))
    }

    /// The row of a call that begins. `claimed_at` was checked by the claim.
    pub(super) async fn insert_call(&mut self, call: &Call) -> Result<()> {
        sqlx::query(
            "INSERT INTO calls (id, visit_id, order_no, attempt, phone, trunk, programme, claimed_at, legs, journal, seat,
                 note, form)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(call.id.as_str())
        .bind(call.visit.as_str())
        .bind(call.order_no.as_str())
        .bind(i64::from(call.attempt))
        .bind(call.to.e164())
        .bind(call.trunk.as_deref())
        .bind(call.programme.as_str())
        .bind(maybe_ms(call.instants.claimed_at))
        .bind(to_json("legs", &call.legs)?)
        .bind(to_json("journal", &call.journal)?)
        .bind(call.seat.as_ref().map(SeatId::as_str))
        .bind(call.note.as_deref())
        .bind(to_json("form", &call.form)?)
        .execute(self.conn())
        .await
        .doing("insert call")?;
        Ok(())
    }

    /// Everything but the seat, which the claim wrote, and the agent's words, which he may have changed meanwhile.
    async fn update_call(&mut self, call: &Call) -> Result<()> {
        let done = sqlx::query(
            "UPDATE calls SET trunk = $1, programme = $2, invited_at = $3, trying_at = $4, ringing_at = $5,
                 early_media_at = $6, answered_at = $7, acked_at = $8, first_rtp_in_at = $9, first_rtp_out_at = $10,
                 bye_at = $11, ended_at = $12, outcome = $13, fault = $14, sip_status = $15, detail = $16,
                 sip_reason = $17, hung_up_by = $18, conversation = $19, legs = $20, journal = $21, seat = $22
             WHERE id = $23 AND outcome IS NULL",
        )
        .bind(call.trunk.as_deref())
        .bind(call.programme.as_str())
        .bind(maybe_ms(call.instants.invited_at))
        .bind(maybe_ms(call.instants.trying_at))
        .bind(maybe_ms(call.instants.ringing_at))
        .bind(maybe_ms(call.instants.early_media_at))
        .bind(maybe_ms(call.instants.answered_at))
        .bind(maybe_ms(call.instants.acked_at))
        .bind(maybe_ms(call.instants.first_rtp_in_at))
        .bind(maybe_ms(call.instants.first_rtp_out_at))
        .bind(maybe_ms(call.instants.bye_at))
        .bind(maybe_ms(call.instants.ended_at))
        .bind(call.outcome.map(Outcome::name))
        .bind(call.fault.as_ref().map(name_of).transpose()?)
        .bind(call.sip_status.map(i64::from))
        .bind(call.detail.as_deref())
        .bind(call.sip_reason.as_deref())
        .bind(call.hung_up_by.as_ref().map(name_of).transpose()?)
        .bind(call.conversation.as_ref().map(|c| to_json("conversation", c)).transpose()?)
        .bind(to_json("legs", &call.legs)?)
        .bind(to_json("journal", &call.journal)?)
        .bind(call.seat.as_ref().map(SeatId::as_str))
        .bind(call.id.as_str())
        .execute(self.conn())
        .await
        .doing("write call")?;
        if done.rows_affected() != 1 {
            let why = "unknown, or finished already";
            return Err(StoreError::Stale { table: "calls", id: call.id.to_string(), why });
        }
        match &call.recording {
            Some(info) => self.put_recording(info).await,
            None => Ok(()),
        }
    }
}
