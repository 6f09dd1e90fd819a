//! `/disputes`: an agent objects to an item of his sheet, a reviewer answers, a supervisor decides.

use super::super::AppState;
use super::super::auth::Caller;
use super::super::calls::named;
use super::super::extract::{Json, Path, Query};
use super::super::limits;
use super::super::paging::Listing;
use super::super::problem::Problem;
use super::super::schema::{DisputeStageName, MarkName};
use super::super::view::View;
use super::person;
use crate::domain::id::CallId;
use crate::domain::review::dispute::{Act, Dispute, Stage, Step};
use crate::domain::review::form::Mark;
use crate::store::page::PageRequest;
use crate::store::review::DisputeFilter;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An objection and what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DisputeDto {
    pub id: String,
    pub call_id: String,
    /// Key of the item.
    pub item: String,
    #[schema(value_type = DisputeStageName)]
    pub stage: Stage,
    /// In order; none is ever changed.
    pub steps: Vec<StepDto>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepDto {
    #[serde(flatten)]
    pub act: ActDto,
    pub by: String,
    pub at: String,
    pub text: String,
}

/// One step. `mark`: how the item stands when the objection is upheld.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum ActDto {
    Object,
    Answer,
    Uphold {
        #[schema(value_type = MarkName)]
        mark: Mark,
    },
    Dismiss,
    Withdraw,
}

impl ActDto {
    fn of(act: Act) -> Self {
        match act {
            Act::Object => Self::Object,
            Act::Answer => Self::Answer,
            Act::Uphold { mark } => Self::Uphold { mark },
            Act::Dismiss => Self::Dismiss,
            Act::Withdraw => Self::Withdraw,
        }
    }

    fn into_act(self) -> Act {
        match self {
            Self::Object => Act::Object,
            Self::Answer => Act::Answer,
            Self::Uphold { mark } => Act::Uphold { mark },
            Self::Dismiss => Act::Dismiss,
            Self::Withdraw => Act::Withdraw,
        }
    }
}

impl DisputeDto {
    fn of(dispute: &Dispute, view: &View<'_>) -> Self {
        let step = |step: &Step| StepDto {
            act: ActDto::of(step.act),
            by: step.by.clone(),
            at: view.at(step.at),
            text: view.text(&step.text),
        };
        Self {
            id: dispute.id.clone(),
            call_id: dispute.call.to_string(),
            item: dispute.item.clone(),
            stage: dispute.stage(),
            steps: dispute.steps.iter().map(step).collect(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DisputeQuery {
    /// Id of a call.
    call: Option<String>,
    /// `open`, `answered`, `upheld`, `dismissed` or `withdrawn`.
    stage: Option<String>,
    /// 1 to 200, 50 unless told.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Disputes, the newest first
#[utoipa::path(get, path = "/disputes", tag = "reviews", params(DisputeQuery),
    responses((status = 200, body = Listing<DisputeDto>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<DisputeQuery>,
) -> Result<axum::Json<Listing<DisputeDto>>, Problem> {
    let filter =
        DisputeFilter { call: query.call.as_deref().map(CallId::new), stage: named("stage", query.stage.as_deref())? };
    let page = state.store.disputes(&filter, &PageRequest::new(query.limit, query.cursor)?).await?;
    let view = state.view(&caller);
    Ok(axum::Json(Listing::of(page, |dispute| DisputeDto::of(dispute, &view))))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectionBody {
    /// Key of the item.
    item: String,
    reason: String,
}

/// Object to an item of one's own sheet
#[utoipa::path(post, path = "/calls/{id}/disputes", tag = "reviews", params(("id" = String, Path)), request_body = ObjectionBody,
    responses((status = 201, body = DisputeDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn open(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<ObjectionBody>,
) -> Result<(StatusCode, axum::Json<DisputeDto>), Problem> {
    let reason = limits::text("reason", &body.reason, limits::TEXT_CHARS)?;
    let dispute = state.reviews.object(&CallId::new(id), &body.item, &reason, person(&caller)).await?;
    Ok((StatusCode::CREATED, axum::Json(DisputeDto::of(&dispute, &state.view(&caller)))))
}

/// A step: `answer` (a reviewer), `uphold` with the right `mark` or `dismiss` (a supervisor), `withdraw` (the agent).
#[derive(Debug, Deserialize, ToSchema)]
pub struct StepBody {
    #[serde(flatten)]
    act: ActDto,
    text: String,
}

/// Answer, decide or withdraw a dispute
#[utoipa::path(post, path = "/disputes/{id}/steps", tag = "reviews", params(("id" = String, Path)), request_body = StepBody,
    responses((status = 200, body = DisputeDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn step(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<StepBody>,
) -> Result<axum::Json<DisputeDto>, Problem> {
    let text = limits::text("text", &body.text, limits::TEXT_CHARS)?;
    let dispute = state.reviews.answer_dispute(&id, body.act.into_act(), &text, person(&caller)).await?;
    Ok(axum::Json(DisputeDto::of(&dispute, &state.view(&caller))))
}
