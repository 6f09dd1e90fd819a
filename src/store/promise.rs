//! 承诺. Of one call there is one promise of each doer, and of an order one confirmation: whoever finds it again makes no second.
//!
//! Contract: a promise and the visit by which it is kept are written in one transaction, the visit first. A save with an old version is
//! refused. What may follow what is the domain's.

use super::page::{Listed, Page, PageRequest, Select};
use super::row::{Row, Stored, decode, decode_all, decode_found, maybe_ms, ms, name_of};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::id::{CallId, OrderNo, PromiseId, VisitId};
use crate::domain::promise::detect::Doer;
use crate::domain::promise::{Evidence, Promise, Source, State, StateName};
use jiff::Timestamp;

#[derive(Clone, Debug, Default)]
pub struct PromiseFilter {
    pub state: Option<StateName>,
    pub owner: Option<String>,
    pub order_no: Option<OrderNo>,
    pub call: Option<CallId>,
    /// `true`: only those that were found overdue.
    pub overdue: bool,
}

impl Stored for Promise {
    const TABLE: &'static str = "promises";
    const KEY: &'static str = "id";
}

impl Listed for Promise {
    const ORDER_BY: &'static str = "promised_at";
    fn position(&self) -> (i64, &str) {
        (ms(self.promised_at), self.id.as_str())
    }
}

impl TryFrom<Row<'_>> for Promise {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            id: PromiseId::new(row.text("id")?),
            kind: row.name("kind")?,
            order_no: OrderNo::new(row.text("order_no")?),
            call: row.maybe_text("call_id")?.map(CallId::new),
            visit: row.maybe_text("visit_id")?.map(VisitId::new),
            what: row.text("what")?,
            promised_by: row.text("promised_by")?,
            owner: row.text("owner")?,
            promised_at: row.instant("promised_at")?,
            due_at: row.instant("due_at")?,
            source: read_source(&row)?,
            evidence: match row.maybe_text("quote")? {
                Some(quote) => Some(Evidence { quote, from_s: row.real("from_s")?, to_s: row.real("to_s")? }),
                None => None,
            },
            overdue_at: row.maybe_instant("overdue_at")?,
            state: read_state(&row)?,
            version: row.int("version")?,
        })
    }
}

fn read_source(row: &Row<'_>) -> Result<Source> {
    Ok(match row.text("source")?.as_str() {
        "heard" => Source::Heard { doer: row.name("doer")? },
        "agent" => Source::Agent,
        "hand" => Source::Hand,
        "rule" => Source::Rule,
        other => return Err(row.corrupt("source", &format!("unknown name {other:?}"))),
    })
}

fn read_state(row: &Row<'_>) -> Result<State> {
    let (at, by, text) = (|| row.instant("settled_at"), || row.text("settled_by"), || row.text("settled_text"));
    Ok(match row.name("state")? {
        StateName::Open => State::Open,
        StateName::Kept => State::Kept { told_at: at()?, told: text()?, by: by()? },
        StateName::Confirmed => State::Confirmed { at: at()?, engineer: by()?, note: text()? },
        StateName::Withdrawn => State::Withdrawn { at: at()?, why: text()?, by: by()? },
    })
}

/// A state as its columns: when, by whom, what.
fn settled(state: &State) -> (Option<Timestamp>, Option<&str>, Option<&str>) {
    match state {
        State::Open => (None, None, None),
        State::Kept { told_at, told, by } => (Some(*told_at), Some(by), Some(told)),
        State::Confirmed { at, engineer, note } => (Some(*at), Some(engineer), Some(note)),
        State::Withdrawn { at, why, by } => (Some(*at), Some(by), Some(why)),
    }
}

/// What tells the promises of one call apart. What an agent writes down is his own.
fn doer(source: Source) -> Option<Doer> {
    match source {
        Source::Heard { doer } => Some(doer),
        Source::Agent => Some(Doer::Us),
        Source::Hand | Source::Rule => None,
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn promise(&self, id: &PromiseId) -> Result<Promise> {
        let row = sqlx::query("SELECT * FROM promises WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read promise")?;
        decode_found(row, id.as_str())
    }

    pub async fn promises(&self, filter: &PromiseFilter, page: &PageRequest) -> Result<Page<Promise>> {
        let select = Select::new("SELECT * FROM promises")
            .filter("state =", filter.state.map(|state| state.name().to_owned()))
            .filter("owner =", filter.owner.clone())
            .filter("order_no =", filter.order_no.as_ref().map(ToString::to_string))
            .filter("call_id =", filter.call.as_ref().map(ToString::to_string));
        let select = if filter.overdue { select.only("overdue_at IS NOT NULL") } else { select };
        select.page(self, page).await
    }

    /// Open promises whose time is over and that nobody has marked, the longest overdue first; `limit` at most.
    pub async fn promises_overdue(&self, now: Timestamp, limit: u32) -> Result<Vec<Promise>> {
        let rows = sqlx::query(
            "SELECT * FROM promises WHERE state = 'open' AND overdue_at IS NULL AND due_at < $1 ORDER BY due_at, id LIMIT $2",
        )
        .bind(ms(now))
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .doing("read overdue promises")?;
        decode_all(&rows)
    }

    /// When the next open promise is due that nobody has marked.
    pub async fn next_promise_due(&self) -> Result<Option<Timestamp>> {
        let (due,): (Option<i64>,) =
            sqlx::query_as("SELECT MIN(due_at) FROM promises WHERE state = 'open' AND overdue_at IS NULL")
                .fetch_one(&self.readers)
                .await
                .doing("read next promise")?;
        Ok(due.and_then(|ms| Timestamp::from_millisecond(ms).ok()))
    }
}

impl Tx {
    /// See [`Store::promise`].
    pub async fn promise(&mut self, id: &PromiseId) -> Result<Promise> {
        let row = sqlx::query("SELECT * FROM promises WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read promise")?;
        decode_found(row, id.as_str())
    }

    /// The promise that this call has already of the same doer.
    pub async fn promise_of_call(&mut self, call: &CallId, doer: Doer) -> Result<Option<Promise>> {
        let row = sqlx::query("SELECT * FROM promises WHERE call_id = $1 AND doer = $2")
            .bind(call.as_str())
            .bind(doer.name())
            .fetch_optional(self.conn())
            .await
            .doing("read promise of call")?;
        row.as_ref().map(decode).transpose()
    }

    /// The promise that is kept by this visit.
    pub async fn promise_of_visit(&mut self, visit: &VisitId) -> Result<Option<Promise>> {
        let row = sqlx::query("SELECT * FROM promises WHERE visit_id = $1")
            .bind(visit.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read promise of visit")?;
        row.as_ref().map(decode).transpose()
    }

    /// Whether the order waits, or waited, for an engineer's confirmation (A18).
    pub async fn has_confirmation(&mut self, order: &OrderNo) -> Result<bool> {
        let (count,): (i64,) =
            sqlx::query_as("SELECT COUNT(*) FROM promises WHERE order_no = $1 AND kind = 'confirmation'")
                .bind(order.as_str())
                .fetch_one(self.conn())
                .await
                .doing("read confirmation of order")?;
        Ok(count > 0)
    }

    /// Adds an open promise and returns it at its first version, 1. Its visit must be there.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when the call has one of the same doer: ask [`Tx::promise_of_call`] first.
    pub async fn insert_promise(&mut self, promise: &Promise) -> Result<Promise> {
        let evidence = promise.evidence.as_ref();
        sqlx::query(
            "INSERT INTO promises (id, kind, order_no, call_id, visit_id, what, promised_by, owner, promised_at, due_at,
                 source, doer, quote, from_s, to_s, overdue_at, state, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 'open', 1)",
        )
        .bind(promise.id.as_str())
        .bind(name_of(&promise.kind)?)
        .bind(promise.order_no.as_str())
        .bind(promise.call.as_ref().map(CallId::as_str))
        .bind(promise.visit.as_ref().map(VisitId::as_str))
        .bind(promise.what.as_str())
        .bind(promise.promised_by.as_str())
        .bind(promise.owner.as_str())
        .bind(ms(promise.promised_at))
        .bind(ms(promise.due_at))
        .bind(promise.source.name())
        .bind(doer(promise.source).map(Doer::name))
        .bind(evidence.map(|e| e.quote.as_str()))
        .bind(evidence.map(|e| e.from_s))
        .bind(evidence.map(|e| e.to_s))
        .bind(maybe_ms(promise.overdue_at))
        .execute(self.conn())
        .await
        .doing("insert promise")?;
        Ok(Promise { version: 1, state: State::Open, ..promise.clone() })
    }

    /// Saves what may change of a promise and returns it at its new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the row has another version.
    pub async fn save_promise(&mut self, promise: &Promise) -> Result<Promise> {
        let (evidence, (at, by, text)) = (promise.evidence.as_ref(), settled(&promise.state));
        let done = sqlx::query(
            "UPDATE promises SET what = $1, owner = $2, due_at = $3, source = $4, quote = $5, from_s = $6, to_s = $7,
                 overdue_at = $8, state = $9, settled_at = $10, settled_by = $11, settled_text = $12, version = version + 1
             WHERE id = $13 AND version = $14",
        )
        .bind(promise.what.as_str())
        .bind(promise.owner.as_str())
        .bind(ms(promise.due_at))
        .bind(promise.source.name())
        .bind(evidence.map(|e| e.quote.as_str()))
        .bind(evidence.map(|e| e.from_s))
        .bind(evidence.map(|e| e.to_s))
        .bind(maybe_ms(promise.overdue_at))
        .bind(promise.state.name().name())
        .bind(maybe_ms(at))
        .bind(by)
        .bind(text)
        .bind(promise.id.as_str())
        .bind(promise.version)
        .execute(self.conn())
        .await
        .doing("save promise")?;
        if done.rows_affected() != 1 {
            let why = "changed since it was read";
            return Err(StoreError::Stale { table: "promises", id: promise.id.to_string(), why });
        }
        Ok(Promise { version: promise.version + 1, ..promise.clone() })
    }
}
