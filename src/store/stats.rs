//! Counts for `/metrics` and the first look of a supervisor.

use super::row::ms;
use super::{Doing, Result, Store};
use sqlx::Row as _;

/// How many rows are in which state; states without rows are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By state.
    pub visits: Vec<(String, i64)>,
    /// Open and past their due instant.
    pub visits_late: i64,
    /// By outcome; calls in progress under `in_progress`.
    pub calls: Vec<(String, i64)>,
    /// By kind and state.
    pub jobs: Vec<(String, String, i64)>,
    /// SMS that wait for a person.
    pub inbox_open: i64,
}

impl Store {
    pub async fn counts(&self) -> Result<Counts> {
        let inbox_open = sqlx::query_scalar("SELECT COUNT(*) FROM inbox WHERE resolved_at IS NULL")
            .fetch_one(&self.readers)
            .await
            .doing("count inbox")?;
        let late = "SELECT COUNT(*) FROM visits WHERE state IN ('waiting', 'calling') AND due_at < $1";
        let visits_late = sqlx::query_scalar(late)
            .bind(ms(self.clock.now()))
            .fetch_one(&self.readers)
            .await
            .doing("count late visits")?;
        Ok(Counts {
            visits_late,
            visits: self.count_by("SELECT state AS name, COUNT(*) AS n FROM visits GROUP BY state").await?,
            calls: self
                .count_by("SELECT COALESCE(outcome, 'in_progress') AS name, COUNT(*) AS n FROM calls GROUP BY outcome")
                .await?,
            jobs: self.count_jobs().await?,
            inbox_open,
        })
    }

    async fn count_by(&self, sql: &'static str) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query(sql).fetch_all(&self.readers).await.doing("count")?;
        rows.iter().map(|row| Ok((row.try_get("name").doing("count")?, row.try_get("n").doing("count")?))).collect()
    }

    async fn count_jobs(&self) -> Result<Vec<(String, String, i64)>> {
        let rows = sqlx::query("SELECT kind, state, COUNT(*) AS n FROM jobs GROUP BY kind, state")
            .fetch_all(&self.readers)
            .await
            .doing("count jobs")?;
        let column = "count jobs";
        rows.iter()
            .map(|row| {
                Ok((
                    row.try_get("kind").doing(column)?,
                    row.try_get("state").doing(column)?,
                    row.try_get("n").doing(column)?,
                ))
            })
            .collect()
    }
}
