//! 稽核发现, by audit run: a later run adds its findings, the earlier ones stay.

use super::row::{Row, Stored, decode, decode_all, ms, name_of};
use super::{Doing, Result, Store, StoreError};
use crate::domain::audit::Finding;
use crate::domain::id::CallId;
use jiff::Timestamp;

/// One audit of one call. No findings is a result too.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRun {
    /// 1 for the first.
    pub version: i64,
    /// Name and version of the rule set.
    pub made_by: String,
    pub made_at: Timestamp,
    pub findings: Vec<Finding>,
}

impl Stored for Finding {
    const TABLE: &'static str = "findings";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for Finding {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            rule: row.text("rule")?,
            severity: row.name("severity")?,
            seen: row.text("seen")?,
            expected: row.text("expected")?,
            from_s: row.maybe_real("from_s")?,
            to_s: row.maybe_real("to_s")?,
        })
    }
}

impl Stored for AuditRun {
    const TABLE: &'static str = "audit_runs";
    const KEY: &'static str = "call_id";
}

/// The run without its findings, which are rows of their own.
impl TryFrom<Row<'_>> for AuditRun {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            version: row.int("version")?,
            made_by: row.text("made_by")?,
            made_at: row.instant("made_at")?,
            findings: Vec::new(),
        })
    }
}

impl Store {
    /// Every audit of the call, the first one first; the last is in force.
    pub async fn audit_runs(&self, call: &CallId) -> Result<Vec<AuditRun>> {
        let rows = sqlx::query("SELECT * FROM audit_runs WHERE call_id = $1 ORDER BY version")
            .bind(call.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("read audit runs")?;
        let mut runs = decode_all::<AuditRun>(&rows)?;
        for run in &mut runs {
            run.findings = self.findings_of(call, run.version).await?;
        }
        Ok(runs)
    }

    /// The latest audit; `None` when the call was not audited yet.
    pub async fn findings(&self, call: &CallId) -> Result<Option<AuditRun>> {
        let row = sqlx::query("SELECT * FROM audit_runs WHERE call_id = $1 ORDER BY version DESC LIMIT 1")
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read audit run")?;
        let Some(row) = row else { return Ok(None) };
        let mut run: AuditRun = decode(&row)?;
        run.findings = self.findings_of(call, run.version).await?;
        Ok(Some(run))
    }

    /// Adds an audit run and returns its version.
    pub async fn save_findings(&self, call: &CallId, made_by: &str, findings: &[Finding]) -> Result<i64> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        let version: i64 = sqlx::query_scalar(
            "INSERT INTO audit_runs (call_id, version, made_by, made_at)
             SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3 FROM audit_runs WHERE call_id = $4 RETURNING version",
        )
        .bind(call.as_str())
        .bind(made_by)
        .bind(now)
        .bind(call.as_str())
        .fetch_one(tx.conn())
        .await
        .doing("save audit run")?;
        for (n, finding) in (1_i64..).zip(findings) {
            sqlx::query(
                "INSERT INTO findings (call_id, version, n, rule, severity, seen, expected, from_s, to_s)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(call.as_str())
            .bind(version)
            .bind(n)
            .bind(finding.rule.as_str())
            .bind(name_of(&finding.severity)?)
            .bind(finding.seen.as_str())
            .bind(finding.expected.as_str())
            .bind(finding.from_s)
            .bind(finding.to_s)
            .execute(tx.conn())
            .await
            .doing("save finding")?;
        }
        tx.commit().await?;
        Ok(version)
    }

    async fn findings_of(&self, call: &CallId, version: i64) -> Result<Vec<Finding>> {
        let rows = sqlx::query("SELECT * FROM findings WHERE call_id = $1 AND version = $2 ORDER BY n")
            .bind(call.as_str())
            .bind(version)
            .fetch_all(&self.readers)
            .await
            .doing("read findings")?;
        decode_all(&rows)
    }
}
