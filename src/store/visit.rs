//! 回访任务. The schema keeps one open visit per order, programme and stage, save that each promise has one of its own; versions keep two writers
//! from overwriting one another.
//!
//! Who may change what: [`Store::claim_visit`] and its kin in [`super::seat`] alone start an attempt, [`Store::finish_call`] alone ends one, and
//! [`Store::save_visit`] changes everything else. So a visit that is being called cannot be set free by a side door and dialled
//! a second time (invariant 2).

use super::event::NewEvent;
use super::page::{Listed, Page, PageRequest, Select};
use super::row::{Row, Stored, decode, decode_all, decode_found, maybe_ms, ms, to_json};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::call::{Call, DayLimit};
use crate::domain::id::{CallId, OrderNo, VisitId};
use crate::domain::visit::task::{CloseCause, Origin, Visit, VisitState, claim};
use jiff::Timestamp;

/// The states without their data, for filters and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VisitStateName {
    Waiting,
    Calling,
    Completed,
    Closed,
}

impl VisitStateName {
    pub const ALL: [VisitStateName; 4] = [Self::Waiting, Self::Calling, Self::Completed, Self::Closed];

    pub fn of(state: &VisitState) -> Self {
        match state {
            VisitState::Waiting { .. } => Self::Waiting,
            VisitState::Calling { .. } => Self::Calling,
            VisitState::Completed { .. } => Self::Completed,
            VisitState::Closed { .. } => Self::Closed,
        }
    }
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Calling => "calling",
            Self::Completed => "completed",
            Self::Closed => "closed",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == text)
    }
}

#[derive(Clone, Debug, Default)]
pub struct VisitFilter {
    pub state: Option<VisitStateName>,
    pub order_no: Option<OrderNo>,
    pub programme: Option<String>,
    /// Due at this instant or later.
    pub due_from: Option<Timestamp>,
    /// Due before this instant.
    pub due_before: Option<Timestamp>,
    /// `true`: only visits past their deadline and escalated (A02).
    pub escalated: bool,
    /// Only visits that were closed for this.
    pub cause: Option<CloseCause>,
}

impl Stored for Visit {
    const TABLE: &'static str = "visits";
    const KEY: &'static str = "id";
}

impl Listed for Visit {
    const ORDER_BY: &'static str = "sms_at";
    fn position(&self) -> (i64, &str) {
        (ms(self.sms_at), self.id.as_str())
    }
}

impl TryFrom<Row<'_>> for Visit {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            id: VisitId::new(row.text("id")?),
            order_no: OrderNo::new(row.text("order_no")?),
            programme: row.text("programme")?,
            origin: read_origin(&row)?,
            sms_at: row.instant("sms_at")?,
            clock_starts_at: row.instant("clock_starts_at")?,
            due_at: row.instant("due_at")?,
            deadline_at: row.instant("deadline_at")?,
            attempts: row.narrow("attempts")?,
            first_attempt_at: row.maybe_instant("first_attempt_at")?,
            escalated_at: row.maybe_instant("escalated_at")?,
            late_cause: row.maybe_text("late_cause")?,
            tries: row.json("tries")?,
            redial_guard: row.maybe_instant("redial_guard")?,
            caller_id: row.maybe_text("caller_id")?,
            declined: row.json("declined_by")?,
            state: read_state(&row)?,
            version: row.int("version")?,
        })
    }
}

fn read_origin(row: &Row<'_>) -> Result<Origin> {
    Ok(Origin {
        trigger: row.name("trigger_kind")?,
        stage: row.text("stage")?,
        version: row.text("programme_version")?,
        branch: row.maybe_text("branch")?,
    })
}

fn read_state(row: &Row<'_>) -> Result<VisitState> {
    let name = row.text("state")?;
    let at = row.instant("state_at")?;
    let Some(name) = VisitStateName::parse(&name) else {
        return Err(row.corrupt("state", &format!("unknown name {name:?}")));
    };
    Ok(match name {
        VisitStateName::Waiting => VisitState::Waiting { not_before: at, reason: row.json("reason")? },
        VisitStateName::Calling => VisitState::Calling { call: CallId::new(row.text("call_id")?), since: at },
        VisitStateName::Completed => VisitState::Completed { call: CallId::new(row.text("call_id")?), at },
        VisitStateName::Closed => VisitState::Closed { cause: row.json("reason")?, at },
    })
}

/// A state as its four columns.
struct StateColumns {
    state: &'static str,
    state_at: i64,
    call_id: Option<String>,
    reason: Option<String>,
}

impl StateColumns {
    fn of(state: &VisitState) -> Result<Self> {
        let (state_at, call_id, reason) = match state {
            VisitState::Waiting { not_before, reason } => (*not_before, None, Some(to_json("reason", reason)?)),
            VisitState::Calling { call, since } => (*since, Some(call.to_string()), None),
            VisitState::Completed { call, at } => (*at, Some(call.to_string()), None),
            VisitState::Closed { cause, at } => (*at, None, Some(to_json("cause", cause)?)),
        };
        Ok(Self { state: VisitStateName::of(state).name(), state_at: ms(state_at), call_id, reason })
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn visit(&self, id: &VisitId) -> Result<Visit> {
        let row = sqlx::query("SELECT * FROM visits WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read visit")?;
        decode_found(row, id.as_str())
    }

    /// The open visit of the order, or else its latest.
    pub async fn visit_by_order(&self, no: &OrderNo) -> Result<Option<Visit>> {
        let row =
            sqlx::query(BY_ORDER).bind(no.as_str()).fetch_optional(&self.readers).await.doing("read visit of order")?;
        row.as_ref().map(decode).transpose()
    }

    pub async fn visits(&self, filter: &VisitFilter, page: &PageRequest) -> Result<Page<Visit>> {
        let select = Select::new("SELECT * FROM visits")
            .filter("state =", filter.state.map(|s| s.name().to_string()))
            .filter("order_no =", filter.order_no.as_ref().map(ToString::to_string))
            .filter("programme =", filter.programme.clone())
            .filter("due_at >=", maybe_ms(filter.due_from))
            .filter("due_at <", maybe_ms(filter.due_before))
            .filter("reason =", filter.cause.map(|cause| to_json("cause", &cause)).transpose()?);
        let select = if filter.escalated { select.only("escalated_at IS NOT NULL") } else { select };
        select.page(self, page).await
    }

    /// Every visit that still has a next step, the earliest due first: the planner's snapshot.
    pub async fn open_visits(&self) -> Result<Vec<Visit>> {
        let rows = sqlx::query("SELECT * FROM visits WHERE state IN ('waiting', 'calling') ORDER BY due_at, id")
            .fetch_all(&self.readers)
            .await
            .doing("read open visits")?;
        decode_all(&rows)
    }

    /// Adds a visit and returns it at its first version, 1.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when the order has an open visit of the same stage already, or is unknown.
    pub async fn insert_visit(&self, visit: &Visit) -> Result<Visit> {
        let mut tx = self.begin().await?;
        let inserted = tx.insert_visit(visit).await?;
        tx.commit().await?;
        Ok(inserted)
    }

    /// Saves everything but the attempts and returns the visit at its new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the row has another version, or when the save would start or end a call.
    pub async fn save_visit(&self, visit: &Visit) -> Result<Visit> {
        let mut tx = self.begin().await?;
        let saved = tx.save_visit(visit).await?;
        tx.commit().await?;
        Ok(saved)
    }

    /// Takes a waiting visit for `call` in one transaction: the visit is held, its attempts grow by one, the call's row is there.
    /// `None`: somebody else took or changed it since `visit` was read, or its customer does not want to be called, and then it is
    /// closed now ([`super::opt_out`]), or the calls of the day are spent; nothing may be dialled.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when `call` is not the next attempt of `visit` or has no `claimed_at`.
    pub async fn claim_visit(&self, visit: &Visit, call: &Call, limit: Option<DayLimit>) -> Result<Option<Visit>> {
        check_next_call(visit, call)?;
        let mut tx = self.begin().await?;
        if tx.day_is_spent(limit).await? {
            return Ok(None);
        }
        if tx.called_off(visit).await? {
            tx.commit().await?;
            return Ok(None);
        }
        let Some(claimed) = tx.hold_visit(visit, call).await? else { return Ok(None) };
        tx.insert_call(call).await?;
        tx.append_event(&claimed_event(visit, call)).await?;
        tx.commit().await?;
        Ok(Some(claimed))
    }
}

/// Which version of which programme governs the call is kept with it, and the seat that it is for.
pub(super) fn claimed_event(visit: &Visit, call: &Call) -> NewEvent {
    let programme = format!("{}@{}", visit.programme, visit.origin.version);
    let mut detail = serde_json::json!({ "programme": programme, "stage": visit.origin.stage });
    if let Some(seat) = &call.seat {
        detail["seat"] = serde_json::json!(seat);
    }
    NewEvent::engine("call.claimed").visit(&visit.id).call(&call.id).detail(detail)
}

/// A claim takes the next attempt of its visit.
pub(super) fn check_next_call(visit: &Visit, call: &Call) -> Result<()> {
    if call.visit == visit.id && call.order_no == visit.order_no && call.attempt == visit.attempts + 1 {
        return Ok(());
    }
    let why = "not the next attempt of the visit";
    Err(StoreError::Invalid { what: "call", value: call.id.to_string(), why })
}

const BY_ORDER: &str = "SELECT * FROM visits WHERE order_no = $1
    ORDER BY CASE WHEN state IN ('waiting', 'calling') THEN 0 ELSE 1 END, sms_at DESC, id DESC LIMIT 1";

impl Tx {
    /// The open visit of the order, or else its latest.
    pub async fn visit_by_order(&mut self, no: &OrderNo) -> Result<Option<Visit>> {
        let row =
            sqlx::query(BY_ORDER).bind(no.as_str()).fetch_optional(self.conn()).await.doing("read visit of order")?;
        row.as_ref().map(decode).transpose()
    }

    /// All visits of the order, the oldest first.
    pub async fn visits_of_order(&mut self, no: &OrderNo) -> Result<Vec<Visit>> {
        let rows = sqlx::query("SELECT * FROM visits WHERE order_no = $1 ORDER BY sms_at, id")
            .bind(no.as_str())
            .fetch_all(self.conn())
            .await
            .doing("read visits of order")?;
        decode_all(&rows)
    }

    /// See [`Store::insert_visit`].
    pub async fn insert_visit(&mut self, visit: &Visit) -> Result<Visit> {
        let visit = Visit { version: 1, ..visit.clone() };
        let state = StateColumns::of(&visit.state)?;
        sqlx::query(
            "INSERT INTO visits (id, order_no, programme, sms_at, clock_starts_at, due_at, deadline_at, attempts,
                 first_attempt_at, escalated_at, late_cause, tries, redial_guard, caller_id, declined_by, state, state_at,
                 call_id, reason, version, trigger_kind, stage, programme_version, branch)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                 $23, $24)",
        )
        .bind(visit.id.as_str())
        .bind(visit.order_no.as_str())
        .bind(visit.programme.as_str())
        .bind(ms(visit.sms_at))
        .bind(ms(visit.clock_starts_at))
        .bind(ms(visit.due_at))
        .bind(ms(visit.deadline_at))
        .bind(i64::from(visit.attempts))
        .bind(maybe_ms(visit.first_attempt_at))
        .bind(maybe_ms(visit.escalated_at))
        .bind(visit.late_cause.as_deref())
        .bind(to_json("tries", &visit.tries)?)
        .bind(maybe_ms(visit.redial_guard))
        .bind(visit.caller_id.as_deref())
        .bind(to_json("declined", &visit.declined)?)
        .bind(state.state)
        .bind(state.state_at)
        .bind(state.call_id)
        .bind(state.reason)
        .bind(visit.version)
        .bind(visit.origin.trigger.name())
        .bind(visit.origin.stage.as_str())
        .bind(visit.origin.version.as_str())
        .bind(visit.origin.branch.as_deref())
        .execute(self.conn())
        .await
        .doing("insert visit")?;
        Ok(visit)
    }

    /// See [`Store::save_visit`].
    pub async fn save_visit(&mut self, visit: &Visit) -> Result<Visit> {
        // Held stays held by the same call, free stays free.
        let guard = "CASE WHEN state = 'calling' THEN call_id ELSE '' END = $16";
        let holder = match &visit.state {
            VisitState::Calling { call, .. } => call.as_str(),
            VisitState::Waiting { .. } | VisitState::Completed { .. } | VisitState::Closed { .. } => "",
        };
        self.update_visit(visit, guard, holder).await
    }

    /// Sets a visit that `call` holds to its next state.
    pub(super) async fn release_visit(&mut self, visit: &Visit, call: &CallId) -> Result<Visit> {
        if let VisitState::Calling { .. } = visit.state {
            let why = "a finished call cannot hold its visit";
            return Err(StoreError::Invalid { what: "visit", value: visit.id.to_string(), why });
        }
        self.update_visit(visit, "state = 'calling' AND call_id = $16", call.as_str()).await
    }

    async fn update_visit(&mut self, visit: &Visit, guard: &str, guard_value: &str) -> Result<Visit> {
        let state = StateColumns::of(&visit.state)?;
        let sql = format!(
            "UPDATE visits SET programme = $1, clock_starts_at = $2, due_at = $3, deadline_at = $4, escalated_at = $5,
                 late_cause = $6, tries = $7, redial_guard = $8, state = $9, state_at = $10, call_id = $11, reason = $12,
                 declined_by = $13, version = version + 1
             WHERE id = $14 AND version = $15 AND {guard}"
        );
        let done = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(visit.programme.as_str())
            .bind(ms(visit.clock_starts_at))
            .bind(ms(visit.due_at))
            .bind(ms(visit.deadline_at))
            .bind(maybe_ms(visit.escalated_at))
            .bind(visit.late_cause.as_deref())
            .bind(to_json("tries", &visit.tries)?)
            .bind(maybe_ms(visit.redial_guard))
            .bind(state.state)
            .bind(state.state_at)
            .bind(state.call_id)
            .bind(state.reason)
            .bind(to_json("declined", &visit.declined)?)
            .bind(visit.id.as_str())
            .bind(visit.version)
            .bind(guard_value)
            .execute(self.conn())
            .await
            .doing("save visit")?;
        if done.rows_affected() != 1 {
            let why = "changed since it was read, or held by a call";
            return Err(StoreError::Stale { table: "visits", id: visit.id.to_string(), why });
        }
        Ok(Visit { version: visit.version + 1, ..visit.clone() })
    }

    /// The transition is the domain's; the conditions here see to it that it starts from the row as it is now.
    pub(super) async fn hold_visit(&mut self, visit: &Visit, call: &Call) -> Result<Option<Visit>> {
        let Some(claimed_at) = call.instants.claimed_at else {
            return Err(StoreError::Invalid { what: "call", value: call.id.to_string(), why: "has no claimed_at" });
        };
        let Ok(held) = claim(claimed_at, visit, call.id.clone()) else { return Ok(None) };
        let done = sqlx::query(
            "UPDATE visits SET state = 'calling', state_at = $1, call_id = $2, reason = NULL, attempts = $3,
                 first_attempt_at = $4, caller_id = $5, programme_version = $9, version = version + 1
             WHERE id = $6 AND version = $7 AND state = 'waiting' AND attempts = $8",
        )
        .bind(ms(claimed_at))
        .bind(call.id.as_str())
        .bind(i64::from(held.attempts))
        .bind(maybe_ms(held.first_attempt_at))
        .bind(held.caller_id.as_deref())
        .bind(visit.id.as_str())
        .bind(visit.version)
        .bind(i64::from(visit.attempts))
        .bind(visit.origin.version.as_str())
        .execute(self.conn())
        .await
        .doing("claim visit")?;
        Ok((done.rows_affected() == 1).then_some(Visit { version: visit.version + 1, ..held }))
    }
}
