//! `/calls/{id}/findings`: what the audit saw, with the rule and the place on the recording.

use super::AppState;
use super::auth::Caller;
use super::extract::Path;
use super::problem::Problem;
use super::schema::SeverityName;
use super::view::View;
use crate::domain::audit::{Finding, Severity};
use crate::domain::id::CallId;
use crate::store::finding::AuditRun;
use axum::Extension;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// One finding.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FindingDto {
    /// Id in the rule table.
    #[schema(example = "C16")]
    pub rule: String,
    #[schema(value_type = SeverityName)]
    pub severity: Severity,
    pub seen: String,
    pub expected: String,
    /// Seconds on the recording.
    pub from_s: Option<f64>,
    pub to_s: Option<f64>,
}

/// The findings of one call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FindingsDto {
    pub call_id: String,
    /// Name and version of the audit.
    pub made_by: String,
    pub made_at: String,
    pub findings: Vec<FindingDto>,
}

impl FindingDto {
    pub fn of(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.clone(),
            severity: finding.severity,
            seen: finding.seen.clone(),
            expected: finding.expected.clone(),
            from_s: finding.from_s,
            to_s: finding.to_s,
        }
    }
}

impl FindingsDto {
    pub fn of(call: &CallId, run: &AuditRun, view: &View<'_>) -> Self {
        Self {
            call_id: call.to_string(),
            made_by: run.made_by.clone(),
            made_at: view.at(run.made_at),
            findings: run.findings.iter().map(FindingDto::of).collect(),
        }
    }
}

/// What the latest audit of a call found
#[utoipa::path(get, path = "/calls/{id}/findings", tag = "audit", params(("id" = String, Path)),
    responses((status = 200, body = FindingsDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<FindingsDto>, Problem> {
    let call = CallId::new(id);
    let run = state.store.findings(&call).await?.ok_or_else(|| Problem::not_found("audit of call", &call))?;
    Ok(axum::Json(FindingsDto::of(&call, &run, &state.view(&caller))))
}
