//! `/visits`: what is due, why it waits, and what a person may do about it.

use super::auth::{Caller, Right};
use super::calls::named;
use super::complaints::NoticeDto;
use super::extract::{Json, Path, Query};
use super::paging::Listing;
use super::problem::Problem;
use super::schema::{CloseCauseName, OutcomeName, TriggerName};
use super::view::{View, maybe_instant, read_instant};
use super::{AppState, limits};
use crate::domain::call::outcome::Outcome;
use crate::domain::id::{OrderNo, VisitId};
use crate::domain::programme::Trigger;
use crate::domain::visit::task::{CloseCause, Visit, VisitState, WaitReason};
use crate::engine::handle::{Why, WhyCode};
use crate::store::page::PageRequest;
use crate::store::visit::{VisitFilter, VisitStateName};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Complaints of one customer that are looked at.
const NOTICES_MAX: u32 = 20;

/// One visit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VisitDto {
    pub id: String,
    pub order_no: String,
    pub programme: String,
    /// Which of the programme's visits it is, e.g. `first`, `month-6`.
    pub stage: String,
    #[schema(value_type = TriggerName)]
    pub trigger: Trigger,
    /// Of the programme by which it was begun, or last called.
    pub programme_version: String,
    /// The branch whose hours count; null: the site itself.
    pub branch: Option<String>,
    /// When the completion SMS was received, or what else began the visit happened.
    pub sms_at: String,
    /// When the working-time clock started.
    pub clock_starts_at: String,
    pub due_at: String,
    pub deadline_at: String,
    /// Calls already started.
    pub attempts: u32,
    pub first_attempt_at: Option<String>,
    /// Before this instant nobody dials, neither the engine nor a person (the spacing of the programme after the customer hung up).
    pub redial_guard: Option<String>,
    /// Set when the deadline passed; the visit is still called.
    pub escalated_at: Option<String>,
    /// Open and past `due_at`.
    pub late: bool,
    pub late_cause: Option<String>,
    pub state: StateDto,
}

/// Where a visit stands; each state carries its own instant.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum StateDto {
    Waiting {
        /// Not dialled before.
        not_before: String,
        reason: WaitDto,
    },
    Calling {
        call_id: String,
        since: String,
    },
    Completed {
        call_id: String,
        at: String,
    },
    Closed {
        #[schema(value_type = CloseCauseName)]
        cause: CloseCause,
        at: String,
    },
}

/// What a visit waits for.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WaitDto {
    /// Not called yet.
    New,
    /// Spacing after an unsuccessful attempt.
    RetrySpacing {
        #[schema(value_type = OutcomeName)]
        after: Outcome,
        attempt: u32,
        /// Name of the retry rule that applied.
        rule: String,
    },
    /// The trunk failed before the phone rang; the attempt goes on over another. `tried` are the trunks so far.
    NextTrunk {
        #[schema(value_type = OutcomeName)]
        after: Outcome,
        attempt: u32,
        tried: Vec<String>,
    },
    /// The customer asked to be called then; `said` are the customer's words.
    /// `settled`: an agent agreed the time with the customer.
    Appointment { said: Option<String>, settled: bool },
    /// A person moved it.
    Rescheduled { by: String, note: String },
    /// A person pressed "dial now".
    ByHand { by: String },
    /// The call is over and its agent is still to say what it came to.
    WrapUp { call_id: String, seat: String, until: String },
    /// The engine stopped while calling.
    Interrupted { attempt: u32 },
    /// Nothing happens until a person reschedules, dials or cancels.
    ForPerson { problem: String },
}

impl VisitDto {
    pub fn of(visit: &Visit, view: &View<'_>, now: Timestamp) -> Self {
        Self {
            id: visit.id.to_string(),
            order_no: visit.order_no.to_string(),
            programme: visit.programme.clone(),
            stage: visit.origin.stage.clone(),
            trigger: visit.origin.trigger,
            programme_version: visit.origin.version.clone(),
            branch: visit.origin.branch.clone(),
            sms_at: view.at(visit.sms_at),
            clock_starts_at: view.at(visit.clock_starts_at),
            due_at: view.at(visit.due_at),
            deadline_at: view.at(visit.deadline_at),
            attempts: visit.attempts,
            first_attempt_at: view.at_opt(visit.first_attempt_at),
            redial_guard: view.at_opt(visit.redial_guard),
            escalated_at: view.at_opt(visit.escalated_at),
            late: is_late(visit, now),
            late_cause: visit.late_cause.clone(),
            state: StateDto::of(&visit.state, view),
        }
    }
}

/// A visit, with what its agent must know of the customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VisitDetail {
    #[serde(flatten)]
    pub visit: VisitDto,
    /// Complaints of this customer that are open, marked, or to be gone over with him.
    pub complaints: Vec<NoticeDto>,
}

fn is_late(visit: &Visit, now: Timestamp) -> bool {
    !visit.state.is_over() && now > visit.due_at
}

impl StateDto {
    fn of(state: &VisitState, view: &View<'_>) -> Self {
        match state {
            VisitState::Waiting { not_before, reason } => {
                Self::Waiting { not_before: view.at(*not_before), reason: WaitDto::of(reason, view) }
            }
            VisitState::Calling { call, since } => Self::Calling { call_id: call.to_string(), since: view.at(*since) },
            VisitState::Completed { call, at } => Self::Completed { call_id: call.to_string(), at: view.at(*at) },
            VisitState::Closed { cause, at } => Self::Closed { cause: *cause, at: view.at(*at) },
        }
    }
}

impl WaitDto {
    fn of(reason: &WaitReason, view: &View<'_>) -> Self {
        match reason {
            WaitReason::New => Self::New,
            WaitReason::RetrySpacing { after, attempt, rule } => {
                Self::RetrySpacing { after: *after, attempt: *attempt, rule: rule.clone() }
            }
            WaitReason::NextTrunk { after, attempt, tried } => {
                Self::NextTrunk { after: *after, attempt: *attempt, tried: tried.clone() }
            }
            WaitReason::Appointment { said, settled } => Self::Appointment { said: said.clone(), settled: *settled },
            WaitReason::WrapUp { call, seat, until } => {
                Self::WrapUp { call_id: call.to_string(), seat: seat.to_string(), until: view.at(*until) }
            }
            WaitReason::Rescheduled { by, note } => Self::Rescheduled { by: by.clone(), note: note.clone() },
            WaitReason::ByHand { by } => Self::ByHand { by: by.clone() },
            WaitReason::Interrupted { attempt } => Self::Interrupted { attempt: *attempt },
            WaitReason::ForPerson { problem } => Self::ForPerson { problem: problem.clone() },
        }
    }
}

/// Why a visit is, or is not, called now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WhyDto {
    pub visit_id: String,
    pub as_of: String,
    /// Stable name of the reason.
    #[schema(value_type = String, example = "site_closed")]
    pub code: WhyCode,
    /// One sentence for people.
    #[schema(example = "不在工作时间，下次开门 2026-11-23 08:00")]
    pub text: String,
    /// When this reason ends, where that is known.
    pub until: Option<String>,
    pub due_at: String,
    pub deadline_at: String,
    /// Open and past `due_at`.
    pub late: bool,
    pub late_cause: Option<String>,
}

impl WhyDto {
    fn of(visit: &Visit, why: Why, view: &View<'_>, now: Timestamp) -> Self {
        Self {
            visit_id: visit.id.to_string(),
            as_of: view.at(now),
            code: why.code,
            text: why.text_zh,
            until: view.at_opt(why.until),
            due_at: view.at(visit.due_at),
            deadline_at: view.at(visit.deadline_at),
            late: is_late(visit, now),
            late_cause: visit.late_cause.clone(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct VisitQuery {
    /// `waiting`, `calling`, `completed` or `closed`.
    state: Option<String>,
    /// `true`: only open visits that are past their due instant (`waiting` unless `state=calling`).
    late: Option<bool>,
    order_no: Option<String>,
    programme: Option<String>,
    /// Due at this instant or later.
    due_from: Option<String>,
    /// Due before this instant.
    due_to: Option<String>,
    /// `true`: only visits past their deadline.
    escalated: Option<bool>,
    /// Only visits that were closed for this: who writes to customers asks for `sms`, `email` or `letter`, the service adviser for `for_adviser`.
    cause: Option<String>,
    /// 1 to 200, 50 unless told.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl VisitQuery {
    fn filter(&self, state: &AppState) -> Result<VisitFilter, Problem> {
        let state_named = |text: &String| {
            VisitStateName::parse(text).ok_or_else(|| {
                Problem::invalid("state", format!("{text:?} is not waiting, calling, completed or closed"))
            })
        };
        let mut filter = VisitFilter {
            state: self.state.as_ref().map(state_named).transpose()?,
            order_no: self.order_no.as_deref().map(|no| OrderNo::new(no.trim())),
            programme: self.programme.clone(),
            due_from: maybe_instant("due_from", self.due_from.as_deref(), &state.zone)?,
            due_before: maybe_instant("due_to", self.due_to.as_deref(), &state.zone)?,
            escalated: self.escalated.unwrap_or(false),
            cause: named("cause", self.cause.as_deref())?,
        };
        if self.late == Some(true) {
            let open = filter.state.get_or_insert(VisitStateName::Waiting);
            if matches!(open, VisitStateName::Completed | VisitStateName::Closed) {
                return Err(Problem::invalid("late", "only open visits are late; see late_cause of the others"));
            }
            let now = state.clock.now();
            filter.due_before = Some(filter.due_before.map_or(now, |before| before.min(now)));
        }
        Ok(filter)
    }
}

/// Visits, the newest first
#[utoipa::path(get, path = "/visits", tag = "visits", params(VisitQuery),
    responses((status = 200, body = Listing<VisitDto>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<VisitQuery>,
) -> Result<axum::Json<Listing<VisitDto>>, Problem> {
    let filter = query.filter(&state)?;
    let page = state.store.visits(&filter, &PageRequest::new(query.limit, query.cursor)?).await?;
    let (view, now) = (state.view(&caller), state.clock.now());
    Ok(axum::Json(Listing::of(page, |visit| VisitDto::of(visit, &view, now))))
}

/// One visit
#[utoipa::path(get, path = "/visits/{id}", tag = "visits", params(("id" = String, Path)),
    responses((status = 200, body = VisitDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<VisitDetail>, Problem> {
    let visit = state.store.visit(&VisitId::new(id)).await?;
    let now = state.clock.now();
    let phone = state.store.order(&visit.order_no).await?.order.customer.phone;
    let complaints = state.store.complaints_of_customer(&phone, NOTICES_MAX).await?;
    Ok(axum::Json(VisitDetail {
        visit: VisitDto::of(&visit, &state.view(&caller), now),
        complaints: complaints.iter().filter_map(|complaint| NoticeDto::of(complaint, now)).collect(),
    }))
}

/// Why this visit is, or is not, called now
#[utoipa::path(get, path = "/visits/{id}/why", tag = "visits", params(("id" = String, Path)),
    responses((status = 200, body = WhyDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn why(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<WhyDto>, Problem> {
    let id = VisitId::new(id);
    let visit = state.store.visit(&id).await?;
    let why = state.commands.why(&id).await?;
    Ok(axum::Json(WhyDto::of(&visit, why, &state.view(&caller), state.clock.now())))
}

/// Call as soon as the line allows
///
/// Skips the retry spacing; working hours, seats and the line still count.
#[utoipa::path(post, path = "/visits/{id}/dial", tag = "visits", params(("id" = String, Path)),
    responses((status = 202, body = VisitDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn dial(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<VisitDto>), Problem> {
    caller.may(Right::Direct)?;
    let visit = state.commands.dial(&VisitId::new(id), caller.name()).await?;
    let dto = VisitDto::of(&visit, &state.view(&caller), state.clock.now());
    Ok((StatusCode::ACCEPTED, axum::Json(dto)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RescheduleBody {
    /// When to call: RFC 3339, or local time of the site without offset.
    #[schema(example = "2026-11-23T15:00:00+08:00")]
    to: String,
    /// Why; kept with the visit.
    #[serde(default)]
    note: String,
}

/// Call at another time
#[utoipa::path(post, path = "/visits/{id}/reschedule", tag = "visits", params(("id" = String, Path)),
    request_body = RescheduleBody,
    responses((status = 200, body = VisitDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn reschedule(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<RescheduleBody>,
) -> Result<axum::Json<VisitDto>, Problem> {
    caller.may(Right::Direct)?;
    let to = read_instant("to", &body.to, &state.zone)?;
    let note = limits::maybe_text("note", Some(body.note))?.unwrap_or_default();
    let visit = state.commands.reschedule(&VisitId::new(id), to, &note, caller.name()).await?;
    Ok(axum::Json(VisitDto::of(&visit, &state.view(&caller), state.clock.now())))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    /// Why; kept with the visit.
    note: String,
}

/// Close the visit without calling
#[utoipa::path(post, path = "/visits/{id}/cancel", tag = "visits", params(("id" = String, Path)),
    request_body = CancelBody,
    responses((status = 200, body = VisitDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn cancel(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<CancelBody>,
) -> Result<axum::Json<VisitDto>, Problem> {
    caller.may(Right::Direct)?;
    let note = limits::text("note", &body.note, limits::TEXT_CHARS)?;
    let visit = state.commands.cancel(&VisitId::new(id), &note, caller.name()).await?;
    Ok(axum::Json(VisitDto::of(&visit, &state.view(&caller), state.clock.now())))
}
