//! The only SQL of the project; rows become domain values by `TryFrom`, and a row that does not is an error that names it.
//!
//! Contract: one [`Store`] handle for everything, cheap to clone. Reads use a pool; every write is one transaction on the one
//! writing connection, begun with `BEGIN IMMEDIATE`, so writers queue here and not in SQLite's busy loop. A method of `Store`
//! that writes is one transaction; several steps in one transaction use [`Store::begin`] and the methods of [`Tx`].
//! What must hold (one open visit per order, one call per attempt, a held visit points at its own call) is in the schema.
//! Instants are kept to the millisecond.
//!
//! It does not decide anything: what the next state of a visit is comes from `domain`. It does not hold audio.

pub mod agent_card;
pub mod call;
pub mod complaint;
pub mod customer;
pub mod event;
pub mod facts;
pub mod finding;
pub mod idempotency;
pub mod job;
pub mod migrate;
pub mod opt_out;
pub mod order;
pub mod order_event;
pub mod page;
pub mod promise;
pub mod recording;
pub mod report;
pub mod review;
mod row;
pub mod score;
pub mod seat;
pub mod selection;
pub mod sms;
pub mod stats;
pub mod token;
pub mod trace;
pub mod transcript;
pub mod user;
pub mod visit;

use crate::clock::Clock;
use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::{Any, AnyPool, Transaction};
use std::sync::Arc;

/// An instant as the store keeps it: an answer given now must equal the one given from the rows later.
pub fn whole_ms(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// What can go wrong in the store. Every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("database {url}: {why}")]
    Open { url: String, why: String },
    #[error("{doing}: {why}")]
    Sql { doing: &'static str, why: String },
    /// A rule of the schema was about to be broken (unique, foreign key, check).
    #[error("{doing}: refused by the schema: {why}")]
    Constraint { doing: &'static str, why: String },
    /// A row that cannot be read as what it should be.
    #[error("table {table}, row {row}, column {column}: {why}")]
    Corrupt { table: &'static str, row: String, column: &'static str, why: String },
    #[error("{table}: no {id}")]
    NotFound { table: &'static str, id: String },
    /// The row was changed since it was read, or is not in a state in which this may be done.
    #[error("{table} {id}: {why}")]
    Stale { table: &'static str, id: String, why: &'static str },
    /// A value that may not be stored, or asked for.
    #[error("{what} {value:?}: {why}")]
    Invalid { what: &'static str, value: String, why: &'static str },
}

pub type Result<T> = std::result::Result<T, StoreError>;

/// The handle. Made by [`Store::open`] (see [`migrate`]).
#[derive(Clone)]
pub struct Store {
    readers: AnyPool,
    writer: AnyPool,
    clock: Arc<dyn Clock>,
}

/// One write transaction. Dropped without [`Tx::commit`] it leaves no trace.
pub struct Tx {
    inner: Transaction<'static, Any>,
    clock: Arc<dyn Clock>,
}

impl Store {
    /// Begins a write transaction; waits for the writer before.
    pub async fn begin(&self) -> Result<Tx> {
        let inner = self.writer.begin_with("BEGIN IMMEDIATE").await.doing("begin")?;
        Ok(Tx { inner, clock: self.clock.clone() })
    }

    /// Answers when the database does (`/readyz`).
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.readers).await.doing("ping")?;
        Ok(())
    }

    /// A new identifier for a row of ours: UUID v7, so that ids sort by age.
    pub fn new_id(&self) -> String {
        new_id(self.clock.now())
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for the connections to close; the handle is useless afterwards.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

impl Tx {
    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await.doing("commit")
    }

    pub fn new_id(&self) -> String {
        new_id(self.now())
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn conn(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }
}

fn new_id(now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)).to_string()
}

/// Names what was being done when the database refused.
trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T>;
}

impl<T> Doing<T> for std::result::Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|e| {
            let why = one_line(&e.to_string());
            let broken = e
                .as_database_error()
                .is_some_and(|d| d.is_unique_violation() || d.is_foreign_key_violation() || d.is_check_violation());
            if broken { StoreError::Constraint { doing, why } } else { StoreError::Sql { doing, why } }
        })
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
