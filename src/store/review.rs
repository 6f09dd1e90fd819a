//! 质检: which calls are due and who has them; the sheets, disputes and calibrations are in the files below.
//!
//! Contract: a judged call has one review; judging again changes what it is due for, never who has it. A step is saved with the version it
//! was decided on, and stands in the audit log. Lists are read as calls with their reviews beside: a call that was never judged has none.

mod calibration;
mod dispute;
mod rescoring;
mod sheet;

pub use dispute::DisputeFilter;
pub use sheet::StoredSheet;

use super::call::{CallFilter, select_calls};
use super::event::NewEvent;
use super::page::{Listed, Page, PageRequest, Select};
use super::row::{Row, Stored, decode, decode_found, ms, name_of};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::call::Call;
use crate::domain::id::{CallId, SeatId};
use crate::domain::review::{QueueRules, Review, ReviewState, Signs, Why};

const REVIEWED: &str = select_calls!(
    ", v.call_id AS review_call, v.seat AS review_seat, v.month AS review_month, v.why AS review_why,
     v.alarms AS review_alarms, v.disagreement AS review_disagreement, v.mean AS review_mean, v.state AS review_state,
     v.reviewer AS review_reviewer, v.state_at AS review_state_at, v.version AS review_version",
    " LEFT JOIN reviews v ON v.call_id = calls.id"
);

/// A call as a reviewer sees it in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewedCall {
    pub call: Call,
    /// `None`: it was not judged.
    pub review: Option<Review>,
}

/// The three states without their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    Waiting,
    Claimed,
    Reviewed,
}

impl StateName {
    pub const ALL: [StateName; 3] = [Self::Waiting, Self::Claimed, Self::Reviewed];

    pub fn of(state: &ReviewState) -> Self {
        match state {
            ReviewState::Waiting => Self::Waiting,
            ReviewState::Claimed { .. } => Self::Claimed,
            ReviewState::Reviewed { .. } => Self::Reviewed,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Claimed => "claimed",
            Self::Reviewed => "reviewed",
        }
    }
}

/// What a reviewer looks for.
#[derive(Clone, Debug, Default)]
pub struct ReviewFilter {
    pub call: CallFilter,
    pub seat: Option<SeatId>,
    pub programme: Option<String>,
    pub state: Option<StateName>,
    /// Who has it, or had it.
    pub reviewer: Option<String>,
    pub why: Option<Why>,
    /// `true`: only what somebody has to listen to.
    pub due: bool,
    /// `true`: only with alarms.
    pub alarm: bool,
    /// Index at least, and at most; a call without an index is in neither.
    pub mean_from: Option<f64>,
    pub mean_to: Option<f64>,
    /// A part of the order's number.
    pub order_part: Option<String>,
    /// How the customer's number ends; either this or `order_part` has to fit.
    pub phone_end: Option<String>,
}

/// A call that was judged.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    pub call: &'a CallId,
    pub seat: Option<&'a SeatId>,
    /// Local month of the call.
    pub month: &'a str,
    pub signs: Signs,
    pub mean: Option<f64>,
}

impl Stored for ReviewedCall {
    const TABLE: &'static str = "calls";
    const KEY: &'static str = "id";
}

impl Listed for ReviewedCall {
    const ORDER_BY: &'static str = "claimed_at";
    fn position(&self) -> (i64, &str) {
        self.call.position()
    }
}

impl TryFrom<Row<'_>> for ReviewedCall {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let review = row.maybe_text("review_call")?.map(|call| read_review(&row, CallId::new(call))).transpose()?;
        Ok(Self { review, call: Call::try_from(row)? })
    }
}

fn read_review(row: &Row<'_>, call: CallId) -> Result<Review> {
    let who = |row: &Row<'_>| Ok::<_, StoreError>((row.text("review_reviewer")?, row.instant("review_state_at")?));
    let state = match row.name::<StateName>("review_state")? {
        StateName::Waiting => ReviewState::Waiting,
        StateName::Claimed => who(row).map(|(by, at)| ReviewState::Claimed { by, at })?,
        StateName::Reviewed => who(row).map(|(by, at)| ReviewState::Reviewed { by, at })?,
    };
    Ok(Review {
        call,
        seat: row.maybe_text("review_seat")?.map(SeatId::new),
        month: row.text("review_month")?,
        why: row.maybe_name("review_why")?,
        signs: Signs { alarms: row.narrow("review_alarms")?, disagreement: row.int("review_disagreement")? == 1 },
        mean: row.maybe_real("review_mean")?,
        state,
        version: row.int("review_version")?,
    })
}

impl Store {
    /// Calls with their reviews, the newest first.
    pub async fn reviewed_calls(&self, filter: &ReviewFilter, page: &PageRequest) -> Result<Page<ReviewedCall>> {
        let select = filter
            .call
            .narrow(Select::new(REVIEWED))?
            .filter("calls.seat =", filter.seat.as_ref().map(ToString::to_string))
            .filter("calls.programme =", filter.programme.clone())
            .filter("v.state =", filter.state.map(|state| state.name().to_string()))
            .filter("v.reviewer =", filter.reviewer.clone())
            .filter("v.why =", filter.why.as_ref().map(name_of).transpose()?)
            .filter("v.mean >=", filter.mean_from)
            .filter("v.mean <=", filter.mean_to)
            .either(
                ("calls.order_no LIKE", filter.order_part.as_ref().map(|part| format!("%{part}%"))),
                ("calls.phone LIKE", filter.phone_end.as_ref().map(|end| format!("%{end}"))),
            );
        let select = if filter.due { select.only("v.why IS NOT NULL") } else { select };
        let select = if filter.alarm { select.only("v.alarms > 0") } else { select };
        select.page(self, page).await
    }

    /// # Errors
    /// [`StoreError::NotFound`] for a call that is unknown or was not judged.
    pub async fn review(&self, call: &CallId) -> Result<Review> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{REVIEWED} WHERE calls.id = $1")))
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read review")?;
        let found: ReviewedCall = decode_found(row, call.as_str())?;
        found.review.ok_or_else(|| StoreError::NotFound { table: "reviews", id: call.to_string() })
    }

    /// Enters a judged call. What is due is decided in the transaction that counts the agent's calls of the month.
    pub async fn enter_review(&self, judged: &Judged<'_>, rules: &QueueRules) -> Result<Review> {
        let mut tx = self.begin().await?;
        let agents = match judged.seat {
            Some(seat) => Some(tx.due_of(seat, judged.month, judged.call).await?),
            None => None,
        };
        let why = rules.why(judged.call, judged.signs, agents).as_ref().map(name_of).transpose()?;
        sqlx::query(
            "INSERT INTO reviews (call_id, seat, month, why, alarms, disagreement, mean, state, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', 1)
             ON CONFLICT (call_id) DO UPDATE SET seat = excluded.seat, month = excluded.month,
                 why = COALESCE(excluded.why, reviews.why), alarms = excluded.alarms,
                 disagreement = excluded.disagreement, mean = excluded.mean, version = reviews.version + 1",
        )
        .bind(judged.call.as_str())
        .bind(judged.seat.map(SeatId::as_str))
        .bind(judged.month)
        .bind(why)
        .bind(i64::from(judged.signs.alarms))
        .bind(i64::from(judged.signs.disagreement))
        .bind(judged.mean)
        .execute(tx.conn())
        .await
        .doing("enter review")?;
        let review = tx.review(judged.call).await?;
        tx.commit().await?;
        Ok(review)
    }

    /// Saves a step that was decided on `review` as read; `what` names it in the audit log. Returns the review at its new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it was changed meanwhile.
    pub async fn save_review(&self, review: &Review, by: &str, what: &str) -> Result<Review> {
        let mut tx = self.begin().await?;
        let who = match &review.state {
            ReviewState::Waiting => None,
            ReviewState::Claimed { by, at } | ReviewState::Reviewed { by, at } => Some((by.as_str(), ms(*at))),
        };
        let done = sqlx::query(
            "UPDATE reviews SET state = $1, reviewer = $2, state_at = $3, version = version + 1
             WHERE call_id = $4 AND version = $5",
        )
        .bind(StateName::of(&review.state).name())
        .bind(who.map(|(by, _)| by))
        .bind(who.map(|(_, at)| at))
        .bind(review.call.as_str())
        .bind(review.version)
        .execute(tx.conn())
        .await
        .doing("save review")?;
        if done.rows_affected() != 1 {
            let why = "changed meanwhile";
            return Err(StoreError::Stale { table: "reviews", id: review.call.to_string(), why });
        }
        tx.append_event(&NewEvent::by(by, what).call(&review.call)).await?;
        tx.commit().await?;
        Ok(Review { version: review.version + 1, ..review.clone() })
    }
}

impl Tx {
    async fn review(&mut self, call: &CallId) -> Result<Review> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{REVIEWED} WHERE calls.id = $1")))
            .bind(call.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read review")?;
        let found: Option<ReviewedCall> = row.as_ref().map(decode).transpose()?;
        let review = found.and_then(|found| found.review);
        review.ok_or_else(|| StoreError::NotFound { table: "reviews", id: call.to_string() })
    }

    /// How many other calls of an agent are due in a month.
    async fn due_of(&mut self, seat: &SeatId, month: &str, but: &CallId) -> Result<u32> {
        let due: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM reviews WHERE seat = $1 AND month = $2 AND why IS NOT NULL AND call_id <> $3",
        )
        .bind(seat.as_str())
        .bind(month)
        .bind(but.as_str())
        .fetch_one(self.conn())
        .await
        .doing("count reviews of an agent")?;
        Ok(u32::try_from(due).unwrap_or(u32::MAX))
    }
}
