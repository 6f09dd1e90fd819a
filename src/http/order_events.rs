//! `POST /orders/{order_no}/events`: something happened to an order, and its programmes begin their visits.

use super::auth::{Caller, Right};
use super::extract::{Json, Path};
use super::problem::Problem;
use super::schema::TriggerName;
use super::view::{View, maybe_instant};
use super::{AppState, limits};
use crate::domain::programme::Trigger;
use crate::engine::handle::{EventAnswer, OrderEvent};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Clocks of other systems may be so far ahead.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventBody {
    /// Any but `sms`, which has its own door.
    #[schema(value_type = TriggerName)]
    kind: Trigger,
    /// When it happened: RFC 3339, or local time of the site without offset; now when left out. The same kind at the same instant is
    /// the same event.
    #[serde(default)]
    at: Option<String>,
}

/// What the event led to.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventReply {
    /// New, or open already.
    pub visits: Vec<BegunDto>,
    /// Visits that the order was not chosen for.
    pub not_selected: Vec<NotSelectedDto>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BegunDto {
    pub visit_id: String,
    pub programme: String,
    /// Which visit of the programme, e.g. `month-6`.
    pub stage: String,
    pub due_at: String,
    pub deadline_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct NotSelectedDto {
    pub programme: String,
    pub stage: String,
}

impl EventReply {
    fn of(answer: EventAnswer, view: &View<'_>) -> Self {
        let visits = answer.visits.into_iter().map(|visit| BegunDto {
            visit_id: visit.visit_id.to_string(),
            programme: visit.programme,
            stage: visit.stage,
            due_at: view.at(visit.due_at),
            deadline_at: view.at(visit.deadline_at),
        });
        let left_out = answer.not_selected.into_iter();
        Self {
            visits: visits.collect(),
            not_selected: left_out.map(|n| NotSelectedDto { programme: n.programme, stage: n.stage }).collect(),
        }
    }
}

/// Report what happened to an order
///
/// The programmes that begin by it make their visits. The same event again gets the same answer and changes nothing.
#[utoipa::path(post, path = "/orders/{order_no}/events", tag = "orders", params(("order_no" = String, Path)),
    request_body = EventBody,
    responses((status = 202, body = EventReply),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn post(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(no): Path<String>,
    Json(body): Json<EventBody>,
) -> Result<(StatusCode, axum::Json<EventReply>), Problem> {
    caller.may(Right::Intake)?;
    if body.kind == Trigger::Sms {
        return Err(Problem::invalid("kind", "a completion SMS is handed in at /sms"));
    }
    let now = state.clock.now();
    let at = maybe_instant("at", body.at.as_deref(), &state.zone)?.unwrap_or(now);
    if at.duration_since(now) > AHEAD_MAX {
        return Err(Problem::invalid("at", "is in the future"));
    }
    let event = OrderEvent { order_no: limits::order_no(&no)?, kind: body.kind, at };
    let answer = state.commands.order_event(event, caller.name()).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(EventReply::of(answer, &state.view(&caller)))))
}
