//! `/calls/{id}/facts`: what the customer stated, as the extractor wrote it.

use super::AppState;
use super::auth::Caller;
use super::extract::Path;
use super::problem::Problem;
use super::view::View;
use crate::domain::id::CallId;
use crate::store::facts::StoredFacts;
use axum::Extension;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// The facts of one call. A fact that was not said is null.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FactsDto {
    pub call_id: String,
    /// Name and version of the extractor.
    pub made_by: String,
    pub made_at: String,
    #[schema(value_type = Object)]
    pub facts: serde_json::Value,
}

impl FactsDto {
    pub fn of(call: &CallId, stored: &StoredFacts, view: &View<'_>) -> Self {
        Self {
            call_id: call.to_string(),
            made_by: stored.made_by.clone(),
            made_at: view.at(stored.made_at),
            facts: stored.facts.clone(),
        }
    }
}

/// What the customer stated
#[utoipa::path(get, path = "/calls/{id}/facts", tag = "audit", params(("id" = String, Path)),
    responses((status = 200, body = FactsDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<FactsDto>, Problem> {
    let call = CallId::new(id);
    let stored = state.store.facts(&call).await?;
    Ok(axum::Json(FactsDto::of(&call, &stored, &state.view(&caller))))
}
