//! `/rescoring`: what another keyword table makes of the calls of a period, before it is adopted.

use super::super::AppState;
use super::super::auth::{Caller, Right};
use super::super::extract::{Json, Path, Query};
use super::super::limits;
use super::super::paging::Listing;
use super::super::problem::Problem;
use super::super::schema::IndicatorName;
use super::super::view::{View, read_instant};
use crate::domain::review::rescoring::{Cell, ChangedCall, Rescoring, RescoringState};
use crate::domain::score::{Indicator, Level};
use crate::store::page::PageRequest;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A comparison over the calls of a period.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RescoringDto {
    pub id: String,
    pub from: String,
    pub to: String,
    /// `name@version` of the table that was tried, or of those in force, separated by commas.
    pub rubric: String,
    /// Calls that were compared.
    pub calls: u32,
    /// Cells that would change.
    pub cells: usize,
    pub changes: Vec<ChangedCallDto>,
    pub made_by: String,
    pub made_at: String,
    /// `proposed`, `adopted` or `dropped`.
    pub state: &'static str,
    pub decided_by: Option<String>,
    pub decided_at: Option<String>,
    pub decided_why: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangedCallDto {
    pub call_id: String,
    pub order_no: String,
    pub cells: Vec<CellDto>,
}

/// The machine's level of one indicator, and the words that prove each.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CellDto {
    #[schema(value_type = IndicatorName)]
    pub indicator: Indicator,
    #[schema(value_type = Option<u8>)]
    pub from: Option<Level>,
    #[schema(value_type = Option<u8>)]
    pub to: Option<Level>,
    pub was: Vec<String>,
    pub becomes: Vec<String>,
    /// A person's level is in force here, and stays.
    pub overridden: bool,
}

impl RescoringDto {
    fn of(made: &Rescoring, view: &View<'_>) -> Self {
        let (state, decided) = match &made.state {
            RescoringState::Proposed => ("proposed", None),
            RescoringState::Adopted(decision) => ("adopted", Some(decision)),
            RescoringState::Dropped(decision) => ("dropped", Some(decision)),
        };
        Self {
            id: made.id.clone(),
            from: view.at(made.from),
            to: view.at(made.before),
            rubric: made.rubric.clone(),
            calls: made.calls,
            cells: made.changes.iter().map(|call| call.cells.len()).sum(),
            changes: made.changes.iter().map(ChangedCallDto::of).collect(),
            made_by: made.made_by.clone(),
            made_at: view.at(made.made_at),
            state,
            decided_by: decided.map(|decision| decision.by.clone()),
            decided_at: decided.map(|decision| view.at(decision.at)),
            decided_why: decided.and_then(|decision| decision.why.as_deref()).map(|why| view.text(why)),
        }
    }
}

impl ChangedCallDto {
    fn of(changed: &ChangedCall) -> Self {
        let cell = |cell: &Cell| CellDto {
            indicator: cell.indicator,
            from: cell.from,
            to: cell.to,
            was: cell.was.clone(),
            becomes: cell.becomes.clone(),
            overridden: cell.overridden,
        };
        Self {
            call_id: changed.call.to_string(),
            order_no: changed.order_no.to_string(),
            cells: changed.cells.iter().map(cell).collect(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RescoringQuery {
    /// 1 to 200, 50 unless told.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Comparisons, the newest first
#[utoipa::path(get, path = "/rescoring", tag = "reviews", params(RescoringQuery),
    responses((status = 200, body = Listing<RescoringDto>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<RescoringQuery>,
) -> Result<axum::Json<Listing<RescoringDto>>, Problem> {
    let page = state.store.rescorings(&PageRequest::new(query.limit, query.cursor)?).await?;
    let view = state.view(&caller);
    Ok(axum::Json(Listing::of(page, |made| RescoringDto::of(made, &view))))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RescoringBody {
    /// Calls begun at this instant or later, or on this day.
    from: String,
    /// Calls begun before this instant.
    to: String,
    /// A keyword table to try, as TOML, on the calls whose programme names it; left out: those in force, each on its calls.
    rubric: Option<String>,
}

/// Compare what a keyword table makes of the calls of a period
///
/// Nothing is changed. At most 2000 scored calls.
#[utoipa::path(post, path = "/rescoring", tag = "reviews", request_body = RescoringBody,
    responses((status = 201, body = RescoringDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn open(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<RescoringBody>,
) -> Result<(StatusCode, axum::Json<RescoringDto>), Problem> {
    caller.may(Right::Supervise)?;
    let period = (read_instant("from", &body.from, &state.zone)?, read_instant("to", &body.to, &state.zone)?);
    let made = state.commands.compare_scores(period, body.rubric.as_deref(), caller.name()).await?;
    Ok((StatusCode::CREATED, axum::Json(RescoringDto::of(&made, &state.view(&caller)))))
}

/// One comparison
#[utoipa::path(get, path = "/rescoring/{id}", tag = "reviews", params(("id" = String, Path)),
    responses((status = 200, body = RescoringDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<RescoringDto>, Problem> {
    let made = state.store.rescoring(&id).await?;
    Ok(axum::Json(RescoringDto::of(&made, &state.view(&caller))))
}

/// Why a comparison is adopted or dropped.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleBody {
    #[serde(default)]
    reason: Option<String>,
}

/// Judge the changed calls again, by the tables in force
///
/// Old versions and people's corrections stay.
#[utoipa::path(post, path = "/rescoring/{id}/adopt", tag = "reviews", params(("id" = String, Path)),
    request_body = Option<SettleBody>,
    responses((status = 200, body = RescoringDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn adopt(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Option<Json<SettleBody>>,
) -> Result<axum::Json<RescoringDto>, Problem> {
    settle(&state, &caller, &id, true, body).await
}

/// Leave the scores as they are
#[utoipa::path(post, path = "/rescoring/{id}/drop", tag = "reviews", params(("id" = String, Path)),
    request_body = Option<SettleBody>,
    responses((status = 200, body = RescoringDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn drop(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Option<Json<SettleBody>>,
) -> Result<axum::Json<RescoringDto>, Problem> {
    settle(&state, &caller, &id, false, body).await
}

async fn settle(
    state: &AppState,
    caller: &Caller,
    id: &str,
    adopt: bool,
    body: Option<Json<SettleBody>>,
) -> Result<axum::Json<RescoringDto>, Problem> {
    caller.may(Right::Supervise)?;
    let why = limits::maybe_text("reason", body.and_then(|Json(body)| body.reason))?;
    let settled = state.commands.settle_scores(id, adopt, caller.name(), why.as_deref()).await?;
    Ok(axum::Json(RescoringDto::of(&settled, &state.view(caller))))
}
