//! `/inbox`: SMS that no template reads, and a person's reading of them.

use super::AppState;
use super::auth::{Caller, Right};
use super::extract::{Json, Path, Query};
use super::orders::OrderDto;
use super::paging::Listing;
use super::problem::Problem;
use super::sms::VisitReply;
use super::view::View;
use crate::domain::id::InboxId;
use crate::store::page::PageRequest;
use crate::store::sms::{InboxFilter, InboxItem};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One SMS that no template reads.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InboxDto {
    pub id: String,
    pub message_id: String,
    pub from: String,
    pub to: String,
    /// Telephone numbers in it are masked for roles that may not see them.
    pub text: String,
    pub received_at: String,
    /// Why no template reads it.
    pub reason: String,
    /// When and by whom it was completed or dismissed; null while it waits.
    pub resolved: Option<ResolvedDto>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ResolvedDto {
    pub at: String,
    pub by: String,
    /// Null when it was dismissed.
    pub order_no: Option<String>,
}

impl InboxDto {
    fn of(item: &InboxItem, view: &View<'_>) -> Self {
        Self {
            id: item.id.to_string(),
            message_id: item.sms.message_id.to_string(),
            from: view.address(&item.sms.from),
            to: view.address(&item.sms.to),
            text: view.text(&item.sms.text),
            received_at: view.at(item.sms.received_at),
            reason: view.text(&item.reason),
            resolved: item.resolved.as_ref().map(|r| ResolvedDto {
                at: view.at(r.at),
                by: r.by.clone(),
                order_no: r.order_no.as_ref().map(ToString::to_string),
            }),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InboxQuery {
    /// `true`: only those that still wait.
    open: Option<bool>,
    /// 1 to 200, 50 unless told.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// SMS that no template reads, the newest first
#[utoipa::path(get, path = "/inbox", tag = "intake", params(InboxQuery),
    responses((status = 200, body = Listing<InboxDto>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<InboxQuery>,
) -> Result<axum::Json<Listing<InboxDto>>, Problem> {
    let filter = InboxFilter { open: query.open.unwrap_or(false), before: None };
    let page = state.store.inbox(&filter, &PageRequest::new(query.limit, query.cursor)?).await?;
    let view = state.view(&caller);
    Ok(axum::Json(Listing::of(page, |item| InboxDto::of(item, &view))))
}

/// One SMS that no template reads
#[utoipa::path(get, path = "/inbox/{id}", tag = "intake", params(("id" = String, Path)),
    responses((status = 200, body = InboxDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<InboxDto>, Problem> {
    let item = state.store.inbox_item(&InboxId::new(id)).await?;
    Ok(axum::Json(InboxDto::of(&item, &state.view(&caller))))
}

/// Complete it by hand
///
/// The order that the SMS reports, with its number: the visit is planned from the instant the SMS was received.
#[utoipa::path(post, path = "/inbox/{id}", tag = "intake", params(("id" = String, Path)), request_body = OrderDto,
    responses((status = 200, body = VisitReply),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn complete(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<OrderDto>,
) -> Result<axum::Json<VisitReply>, Problem> {
    caller.may(Right::Direct)?;
    let order = body.into_order(None, &state.zone)?;
    let visit = state.commands.complete_inbox(&InboxId::new(id), order, caller.name()).await?;
    Ok(axum::Json(VisitReply::of(&visit, &state.view(&caller))))
}

/// It reports no completed order: put it aside
///
/// The text is kept; who put it aside and when is shown as `resolved`.
#[utoipa::path(delete, path = "/inbox/{id}", tag = "intake", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn dismiss(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Right::Direct)?;
    state.commands.dismiss_inbox(&InboxId::new(id), caller.name()).await?;
    Ok(StatusCode::NO_CONTENT)
}
