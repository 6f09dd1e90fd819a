//! `/calls/{id}/report`: the visit report, everything about one call in one answer. What is not made yet is null.

use super::AppState;
use super::auth::Caller;
use super::calls::CallDto;
use super::extract::Path;
use super::facts::FactsDto;
use super::findings::FindingsDto;
use super::orders::OrderDto;
use super::problem::Problem;
use super::scorecard::ScorecardDto;
use super::transcript::TranscriptDto;
use super::visits::VisitDto;
use crate::domain::call::journal::JournalEntry;
use crate::domain::id::CallId;
use crate::store::{self, StoreError};
use axum::Extension;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// The visit report of one call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportDto {
    pub order: OrderDto,
    pub visit: VisitDto,
    /// With instants, outcome and where the recording is.
    pub call: CallDto,
    /// What the questionnaire played, asked, heard and decided, by seconds since the answer.
    #[schema(value_type = Vec<Object>)]
    pub journal: Vec<JournalEntry>,
    pub transcript: Option<TranscriptDto>,
    pub scorecard: Option<ScorecardDto>,
    pub facts: Option<FactsDto>,
    pub findings: Option<FindingsDto>,
    /// True when transcript, scorecard and findings are all there.
    pub complete: bool,
}

/// The visit report of one call
#[utoipa::path(get, path = "/calls/{id}/report", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = ReportDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<ReportDto>, Problem> {
    let (store, view, id) = (&state.store, state.view(&caller), CallId::new(id));
    let call = store.call(&id).await?;
    let order = store.order(&call.order_no).await?;
    let visit = store.visit(&call.visit).await?;
    let transcript = if_made(store.transcript(&id).await)?;
    let scorecard = if_made(store.scorecard(&id).await)?;
    let facts = if_made(store.facts(&id).await)?;
    let findings = store.findings(&id).await?;
    Ok(axum::Json(ReportDto {
        order: OrderDto::of(&order.order, &view),
        visit: VisitDto::of(&visit, &view, state.clock.now()),
        complete: transcript.is_some() && scorecard.is_some() && findings.is_some(),
        transcript: transcript.map(|t| TranscriptDto::of(&id, &t.transcript)),
        scorecard: scorecard.map(|s| ScorecardDto::of(&id, &s.card, &view)),
        facts: facts.map(|f| FactsDto::of(&id, &f, &view)),
        findings: findings.map(|run| FindingsDto::of(&id, &run, &view)),
        call: CallDto::of(&call, &view),
        journal: call.journal,
    }))
}

/// What a later step makes may not be there yet.
fn if_made<T>(read: store::Result<T>) -> Result<Option<T>, Problem> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
