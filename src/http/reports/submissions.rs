//! What was handed in, as it was then: a report is drawn up anew whenever it is asked for, its submission never changes (G06–G10).
//!
//! Contract: the content is the JSON of the report at that moment, numbers masked for everybody, so that its bytes are the same for every
//! reader and its SHA-256 can be checked.

use super::super::AppState;
use super::super::auth::Caller;
use super::super::extract::Path;
use super::super::problem::Problem;
use super::super::view::View;
use super::{ReportDto, read_book};
use crate::domain::report::{Month, Name, Period, Submission, draw_up};
use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// So many months are looked back, the present one among them.
const MONTHS: i32 = 12;

/// Who handed in which report of which month when.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubmissionDto {
    pub id: String,
    pub report: &'static str,
    pub title: &'static str,
    #[schema(example = "2026-11")]
    pub month: String,
    pub submitted_at: String,
    pub submitted_by: String,
    pub note: Option<String>,
    /// Of the body of `/reports/submissions/{id}`; null where only the fact was kept.
    pub sha256: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SubmissionsDto {
    /// Of the last twelve months, the latest first.
    pub items: Vec<SubmissionDto>,
}

impl SubmissionDto {
    fn of(submission: &Submission, view: &View<'_>) -> Self {
        Self {
            id: submission.id.clone(),
            report: submission.report.name(),
            title: submission.report.title(),
            month: submission.month.to_string(),
            submitted_at: view.at(submission.at),
            submitted_by: submission.by.clone(),
            note: submission.note.as_deref().map(|note| view.text(note)),
            sha256: submission.sha256.clone(),
        }
    }
}

/// The report as it is now, and the SHA-256 of these bytes.
pub(super) async fn content(state: &AppState, name: Name, month: Month) -> Result<(String, String), Problem> {
    let book = read_book(state, name, Period { from: month, to: month }).await?;
    let zone = state.zone.clone();
    let drawn = move || {
        let text = serde_json::to_string(&ReportDto::of(&draw_up(name, &book), &View::masked(&zone)))?;
        let digest = digest(&text);
        Ok::<_, serde_json::Error>((text, digest))
    };
    tokio::task::spawn_blocking(drawn).await.map_err(Problem::internal)?.map_err(Problem::internal)
}

fn digest(content: &str) -> String {
    Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was handed in, every time
#[utoipa::path(get, path = "/reports/submissions", tag = "reports",
    responses((status = 200, body = SubmissionsDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<axum::Json<SubmissionsDto>, Problem> {
    let first = Month::at(state.clock.now(), &state.zone).plus(1 - MONTHS);
    let view = state.view(&caller);
    let items = state.store.submissions(first).await?;
    Ok(axum::Json(SubmissionsDto { items: items.iter().rev().map(|one| SubmissionDto::of(one, &view)).collect() }))
}

/// A report as it was when it was handed in
///
/// Exactly the bytes of then; `ETag` is their SHA-256. Telephone numbers are masked whoever asks.
#[utoipa::path(get, path = "/reports/submissions/{id}", tag = "reports", params(("id" = String, Path)),
    responses((status = 200, body = ReportDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(State(state): State<AppState>, Path(id): Path<String>) -> Result<Response, Problem> {
    let content = state.store.submitted(&id).await?.ok_or_else(|| Problem::not_found("content of submission", &id))?;
    let etag = format!("\"{}\"", digest(&content));
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::ETAG, etag)];
    Ok((headers, content).into_response())
}
