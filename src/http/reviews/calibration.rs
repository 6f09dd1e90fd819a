//! `/calibrations`: several reviewers fill the sheet of one call without seeing each other's; then their agreement is shown.

use super::super::AppState;
use super::super::auth::{Caller, Right};
use super::super::extract::{Json, Path, Query};
use super::super::limits;
use super::super::paging::Listing;
use super::super::problem::Problem;
use super::super::schema::{MarkName, StatisticName};
use super::super::view::View;
use crate::domain::id::CallId;
use crate::domain::review::calibration::{Agreement, Calibration, Marks, Statistic};
use crate::domain::review::form::Item;
use crate::store::page::PageRequest;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};

/// People who fill one sheet at most.
const REVIEWERS_MAX: usize = 20;

/// A calibration session as one reader may see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CalibrationDto {
    pub id: String,
    pub call_id: String,
    /// `name@version` of the form.
    pub form: String,
    pub items: Vec<CalibrationItemDto>,
    pub opened_by: String,
    pub opened_at: String,
    pub closed_at: Option<String>,
    pub reviewers: Vec<String>,
    pub handed_in: Vec<String>,
    /// One's own; everybody's once all have handed in or the session was closed.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, MarkName>>)]
    pub sheets: BTreeMap<String, Marks>,
    /// Null while it is blind, and with fewer than two sheets.
    pub agreement: Option<AgreementDto>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CalibrationItemDto {
    pub key: String,
    pub title: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgreementDto {
    pub reviewers: usize,
    /// Share of agreeing pairs of reviewers, 0 to 1, by item.
    pub items: BTreeMap<String, f64>,
    /// Their mean.
    pub share: f64,
    #[schema(value_type = StatisticName)]
    pub statistic: Statistic,
    /// Null where chance alone would agree always.
    pub kappa: Option<f64>,
}

impl CalibrationDto {
    fn of(session: &Calibration, reader: &str, view: &View<'_>) -> Self {
        let blind = !session.is_open_to_view();
        let shown = session.sheets.iter().filter(|(name, _)| !blind || *name == reader);
        let item = |item: &Item| CalibrationItemDto { key: item.key.clone(), title: item.title.clone() };
        Self {
            id: session.id.clone(),
            call_id: session.call.to_string(),
            form: session.form.id(),
            items: session.form.items().map(item).collect(),
            opened_by: session.opened_by.clone(),
            opened_at: view.at(session.opened_at),
            closed_at: view.at_opt(session.closed_at),
            reviewers: session.reviewers.clone(),
            handed_in: session.sheets.keys().cloned().collect(),
            sheets: shown.map(|(name, marks)| (name.clone(), marks.clone())).collect(),
            agreement: session.agreement().map(AgreementDto::of),
        }
    }
}

impl AgreementDto {
    fn of(found: Agreement) -> Self {
        let Agreement { reviewers, items, share, statistic, kappa } = found;
        Self { reviewers, items, share, statistic, kappa }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CalibrationQuery {
    /// 1 to 200, 50 unless told.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Calibration sessions, the newest first
#[utoipa::path(get, path = "/calibrations", tag = "reviews", params(CalibrationQuery),
    responses((status = 200, body = Listing<CalibrationDto>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<CalibrationQuery>,
) -> Result<axum::Json<Listing<CalibrationDto>>, Problem> {
    let page = state.store.calibrations(&PageRequest::new(query.limit, query.cursor)?).await?;
    let view = state.view(&caller);
    Ok(axum::Json(Listing::of(page, |session| CalibrationDto::of(session, caller.name(), &view))))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationBody {
    call_id: String,
    /// Names of two people or more.
    reviewers: Vec<String>,
}

/// Have several people fill the sheet of one call
#[utoipa::path(post, path = "/calibrations", tag = "reviews", request_body = CalibrationBody,
    responses((status = 201, body = CalibrationDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn open(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<CalibrationBody>,
) -> Result<(StatusCode, axum::Json<CalibrationDto>), Problem> {
    caller.may(Right::Supervise)?;
    let reviewers = limits::list("reviewers", body.reviewers)?;
    let different: BTreeSet<&String> = reviewers.iter().collect();
    if different.len() != reviewers.len() || !(2..=REVIEWERS_MAX).contains(&reviewers.len()) {
        return Err(Problem::invalid("reviewers", format!("want 2 to {REVIEWERS_MAX} different names")));
    }
    let session = state.reviews.calibrate(&CallId::new(body.call_id), reviewers, caller.name()).await?;
    Ok((StatusCode::CREATED, axum::Json(CalibrationDto::of(&session, caller.name(), &state.view(&caller)))))
}

/// One calibration session
#[utoipa::path(get, path = "/calibrations/{id}", tag = "reviews", params(("id" = String, Path)),
    responses((status = 200, body = CalibrationDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<CalibrationDto>, Problem> {
    let session = state.store.calibration(&id).await?;
    Ok(axum::Json(CalibrationDto::of(&session, caller.name(), &state.view(&caller))))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationSheetBody {
    /// A mark for every item.
    #[schema(value_type = BTreeMap<String, MarkName>)]
    marks: Marks,
}

/// Hand one's own sheet in, once
#[utoipa::path(put, path = "/calibrations/{id}/sheet", tag = "reviews", params(("id" = String, Path)),
    request_body = CalibrationSheetBody,
    responses((status = 200, body = CalibrationDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn put(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<CalibrationSheetBody>,
) -> Result<axum::Json<CalibrationDto>, Problem> {
    caller.may(Right::Review)?;
    let session = state.reviews.hand_in(&id, &body.marks, caller.name()).await?;
    Ok(axum::Json(CalibrationDto::of(&session, caller.name(), &state.view(&caller))))
}

/// End a session before everybody has handed in
#[utoipa::path(post, path = "/calibrations/{id}/close", tag = "reviews", params(("id" = String, Path)),
    responses((status = 200, body = CalibrationDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn close(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<CalibrationDto>, Problem> {
    caller.may(Right::Supervise)?;
    let session = state.reviews.close_calibration(&id, caller.name()).await?;
    Ok(axum::Json(CalibrationDto::of(&session, caller.name(), &state.view(&caller))))
}
