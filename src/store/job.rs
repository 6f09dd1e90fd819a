//! Work that follows a call and survives a restart: leased, done once, tried again after a failure.
//!
//! Contract: a job is known by kind and subject (a call's id); asking for it twice is one job. A worker leases it for a while; a
//! lease that runs out gives the job to the next one who asks, so work must be idempotent. Only the holder of the lease may
//! end or extend it.

use super::row::{Row, Stored, decode_all, ms};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::id::CallId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Recording → transcript of record.
    Transcribe,
    /// Transcript → scorecard, facts and findings.
    Judge,
}

impl JobKind {
    pub const ALL: [JobKind; 2] = [Self::Transcribe, Self::Judge];

    pub fn name(self) -> &'static str {
        match self {
            Self::Transcribe => "transcribe",
            Self::Judge => "judge",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    pub kind: JobKind,
    pub call: CallId,
    /// Not before this instant.
    pub run_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Leased,
    Done,
    /// Given up; `last_error` says why.
    Failed,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub id: String,
    pub kind: JobKind,
    pub call: CallId,
    pub state: JobState,
    pub run_at: Timestamp,
    pub lease_owner: Option<String>,
    pub lease_until: Option<Timestamp>,
    /// Leases given out so far.
    pub attempts: u32,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

impl Stored for Job {
    const TABLE: &'static str = "jobs";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for Job {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.text("id")?,
            kind: row.name("kind")?,
            call: CallId::new(row.text("subject")?),
            state: row.name("state")?,
            run_at: row.instant("run_at")?,
            lease_owner: row.maybe_text("lease_owner")?,
            lease_until: row.maybe_instant("lease_until")?,
            attempts: row.narrow("attempts")?,
            last_error: row.maybe_text("last_error")?,
            created_at: row.instant("created_at")?,
            finished_at: row.maybe_instant("finished_at")?,
        })
    }
}

impl Store {
    /// Returns false when the same job is there already, in whatever state.
    pub async fn enqueue(&self, job: &NewJob) -> Result<bool> {
        let mut tx = self.begin().await?;
        let fresh = tx.enqueue(job).await?;
        tx.commit().await?;
        Ok(fresh)
    }

    /// Hands out at most `n` jobs of `kind` that are due, or whose lease ran out, the oldest first. Each is `owner`'s for `lease`.
    pub async fn lease_jobs(&self, kind: JobKind, owner: &str, lease: Duration, n: u32) -> Result<Vec<Job>> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        let rows = sqlx::query(
            "UPDATE jobs SET state = 'leased', lease_owner = $1, lease_until = $2, attempts = attempts + 1
             WHERE id IN (SELECT id FROM jobs WHERE kind = $3
                 AND ((state = 'queued' AND run_at <= $4) OR (state = 'leased' AND lease_until <= $5))
                 ORDER BY run_at, id LIMIT $6)
             RETURNING *",
        )
        .bind(owner)
        .bind(after(now, lease))
        .bind(kind.name())
        .bind(now)
        .bind(now)
        .bind(i64::from(n))
        .fetch_all(tx.conn())
        .await
        .doing("lease jobs")?;
        tx.commit().await?;
        let mut jobs: Vec<Job> = decode_all(&rows)?;
        jobs.sort_by(|a, b| (a.run_at, &a.id).cmp(&(b.run_at, &b.id)));
        Ok(jobs)
    }

    /// Extends the lease of long work. False: the lease was lost, stop working.
    pub async fn renew_job(&self, job: &Job, lease: Duration) -> Result<bool> {
        let mut tx = self.begin().await?;
        let until = after(ms(tx.now()), lease);
        let done = sqlx::query(
            "UPDATE jobs SET lease_until = $1 WHERE id = $2 AND state = 'leased' AND lease_owner = $3 AND attempts = $4",
        )
        .bind(until)
        .bind(job.id.as_str())
        .bind(job.lease_owner.as_deref())
        .bind(i64::from(job.attempts))
        .execute(tx.conn())
        .await
        .doing("renew job")?;
        tx.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a leased job and asks for the work that follows, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the lease was lost to another worker.
    pub async fn finish_job(&self, job: &Job, next: &[NewJob]) -> Result<()> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        tx.end_lease(job, JobState::Done, ms(job.run_at), Some(now), None).await?;
        for job in next {
            tx.enqueue(job).await?;
        }
        tx.commit().await
    }

    /// The work failed: again at `retry_at`, or never (`None`).
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the lease was lost to another worker.
    pub async fn fail_job(&self, job: &Job, retry_at: Option<Timestamp>, error: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        match retry_at {
            Some(at) => tx.end_lease(job, JobState::Queued, ms(at), None, Some(error)).await?,
            None => tx.end_lease(job, JobState::Failed, ms(job.run_at), Some(now), Some(error)).await?,
        }
        tx.commit().await
    }

    /// Every job of the call, the oldest first: "is it transcribed yet, and if not, why".
    pub async fn jobs_of_call(&self, call: &CallId) -> Result<Vec<Job>> {
        let rows = sqlx::query("SELECT * FROM jobs WHERE subject = $1 ORDER BY created_at, id")
            .bind(call.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("read jobs of call")?;
        decode_all(&rows)
    }
}

impl Tx {
    /// See [`Store::enqueue`].
    pub async fn enqueue(&mut self, job: &NewJob) -> Result<bool> {
        let (id, now) = (self.new_id(), ms(self.now()));
        let done = sqlx::query(
            "INSERT INTO jobs (id, kind, subject, state, run_at, attempts, created_at)
             VALUES ($1, $2, $3, 'queued', $4, 0, $5) ON CONFLICT (kind, subject) DO NOTHING",
        )
        .bind(id)
        .bind(job.kind.name())
        .bind(job.call.as_str())
        .bind(ms(job.run_at))
        .bind(now)
        .execute(self.conn())
        .await
        .doing("enqueue job")?;
        Ok(done.rows_affected() == 1)
    }

    /// `attempts` in the condition tells two leases of the same owner apart.
    async fn end_lease(
        &mut self,
        job: &Job,
        state: JobState,
        run_at: i64,
        finished_at: Option<i64>,
        error: Option<&str>,
    ) -> Result<()> {
        let done = sqlx::query(
            "UPDATE jobs SET state = $1, run_at = $2, finished_at = $3, last_error = COALESCE($4, last_error),
                 lease_owner = NULL, lease_until = NULL
             WHERE id = $5 AND state = 'leased' AND lease_owner = $6 AND attempts = $7",
        )
        .bind(super::row::name_of(&state)?)
        .bind(run_at)
        .bind(finished_at)
        .bind(error)
        .bind(job.id.as_str())
        .bind(job.lease_owner.as_deref())
        .bind(i64::from(job.attempts))
        .execute(self.conn())
        .await
        .doing("end job")?;
        if done.rows_affected() != 1 {
            return Err(StoreError::Stale { table: "jobs", id: job.id.clone(), why: "its lease was lost" });
        }
        Ok(())
    }
}

fn after(now_ms: i64, wait: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
