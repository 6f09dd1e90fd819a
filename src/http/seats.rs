//! `/seats`: who is there, what their telephone is, and setting one free.

use super::AppState;
use super::auth::{Caller, Right};
use super::extract::{Json, Path};
use super::limits;
use super::problem::Problem;
use super::schema::ServiceTypeName;
use super::view::View;
use crate::domain::id::{CallId, SeatId};
use crate::domain::order::ServiceType;
use crate::domain::seat::{AfterCall, SeatPhone, SeatState, Skills};
use crate::engine::desk::{SeatView, SupervisorMode};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A seat as it is now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeatDto {
    /// The user's name.
    pub id: String,
    /// `signed_out`, `available`, `reserved`, `in_call`, `wrap_up` or `break`.
    pub state: &'static str,
    pub since: String,
    /// When the state ends by itself: a preview, a wrap-up.
    pub until: Option<String>,
    /// Of a break.
    pub reason: Option<String>,
    pub visit: Option<String>,
    pub call: Option<String>,
    /// What follows the call, when it is not the next one: `break` or `signed_out`.
    pub next: Option<&'static str>,
    pub phone: PhoneDto,
    pub skills: SkillsDto,
    pub connected: bool,
    /// Null: its telephone does not register.
    pub registered: Option<bool>,
}

/// The telephone of a seat.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PhoneDto {
    /// WebRTC from the desk page.
    Browser,
    /// A SIP URI that is called with auto-answer headers.
    Uri { uri: String },
    /// A desk phone that registers under the seat's name and secret.
    Registered,
}

/// What a seat can serve; an empty list serves all.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SkillsDto {
    #[schema(value_type = Vec<ServiceTypeName>)]
    pub services: Vec<ServiceType>,
    /// Dialects or languages as the orders name them, e.g. 粤语.
    pub languages: Vec<String>,
    pub dealers: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatBody {
    phone: PhoneDto,
    #[serde(default)]
    skills: SkillsDto,
    /// What a desk phone registers with, at least 12 characters; left out: unchanged. It is never shown.
    #[serde(default)]
    secret: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SeatList {
    pub items: Vec<SeatDto>,
    /// `dialer.reserve_idle_seats`: so many available seats are never taken by dialling.
    pub reserve_idle_seats: u32,
}

impl SeatDto {
    pub fn of(view: &SeatView, to: &View<'_>) -> Self {
        let seat = &view.seat;
        let (state, until, reason, visit, call) = match &seat.state {
            SeatState::SignedOut => ("signed_out", None, None, None, None),
            SeatState::Available => ("available", None, None, None, None),
            SeatState::Reserved { visit, call, until, .. } => ("reserved", *until, None, Some(visit), call.as_ref()),
            SeatState::InCall { visit, call } => ("in_call", None, None, Some(visit), Some(call)),
            SeatState::WrapUp { visit, call, until } => ("wrap_up", Some(*until), None, Some(visit), Some(call)),
            SeatState::Break { reason } => ("break", None, Some(reason.clone()), None, None),
        };
        let next = match &seat.next {
            AfterCall::Available => None,
            AfterCall::Break { .. } => Some("break"),
            AfterCall::SignOut => Some("signed_out"),
        };
        Self {
            id: seat.id.to_string(),
            state,
            since: to.at(seat.since),
            until: to.at_opt(until),
            reason,
            visit: visit.map(ToString::to_string),
            call: call.map(ToString::to_string),
            next,
            phone: PhoneDto::of(&seat.phone),
            skills: SkillsDto {
                services: seat.skills.services.clone(),
                languages: seat.skills.languages.clone(),
                dealers: seat.skills.dealers.clone(),
            },
            connected: view.connected,
            registered: view.registered,
        }
    }
}

impl PhoneDto {
    fn of(phone: &SeatPhone) -> Self {
        match phone {
            SeatPhone::Browser => Self::Browser,
            SeatPhone::Uri { uri } => Self::Uri { uri: uri.clone() },
            SeatPhone::Registered => Self::Registered,
        }
    }

    fn into_phone(self) -> SeatPhone {
        match self {
            Self::Browser => SeatPhone::Browser,
            Self::Uri { uri } => SeatPhone::Uri { uri },
            Self::Registered => SeatPhone::Registered,
        }
    }
}

/// Every seat
#[utoipa::path(get, path = "/seats", tag = "seats", responses((status = 200, body = SeatList),
    (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<axum::Json<SeatList>, Problem> {
    let view = state.view(&caller);
    let items = state.desk.seats().await?.iter().map(|seat| SeatDto::of(seat, &view)).collect();
    Ok(axum::Json(SeatList { items, reserve_idle_seats: state.desk.floor() }))
}

/// One seat
#[utoipa::path(get, path = "/seats/{seat}", tag = "seats", params(("seat" = String, Path)),
    responses((status = 200, body = SeatDto), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(seat): Path<String>,
) -> Result<axum::Json<SeatDto>, Problem> {
    let seat = state.desk.seat(&SeatId::new(seat)).await?;
    Ok(axum::Json(SeatDto::of(&seat, &state.view(&caller))))
}

/// Set a seat's telephone and skills
///
/// The seat's name is the name of the user who sits there.
#[utoipa::path(put, path = "/seats/{seat}", tag = "seats", params(("seat" = String, Path)), request_body = SeatBody,
    responses((status = 200, body = SeatDto), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn put(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(seat): Path<String>,
    Json(body): Json<SeatBody>,
) -> Result<axum::Json<SeatDto>, Problem> {
    caller.may(Right::Supervise)?;
    let skills = Skills {
        services: body.skills.services,
        languages: limits::list("skills.languages", body.skills.languages)?,
        dealers: limits::list("skills.dealers", body.skills.dealers)?,
    };
    let (seat, phone) = (SeatId::new(limits::text("seat", &seat, limits::ADDRESS_CHARS)?), body.phone.into_phone());
    let seat = state.desk.put_seat(&seat, phone, skills, body.secret.as_deref(), caller.name()).await?;
    Ok(axum::Json(SeatDto::of(&seat, &state.view(&caller))))
}

/// Set a seat free
///
/// Whatever it is doing ends: dialling is cancelled, a customer in a call hears an apology and is called again later.
#[utoipa::path(post, path = "/seats/{seat}/release", tag = "seats", params(("seat" = String, Path)),
    responses((status = 200, body = SeatDto), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn release(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(seat): Path<String>,
) -> Result<axum::Json<SeatDto>, Problem> {
    caller.may(Right::Supervise)?;
    let seat = state.desk.release_seat(&SeatId::new(seat), caller.name()).await?;
    Ok(axum::Json(SeatDto::of(&seat, &state.view(&caller))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuperviseBody {
    /// `listen`: unheard; `whisper`: only the agent hears; `barge`: both hear.
    #[schema(value_type = String)]
    mode: SupervisorMode,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndBody {
    reason: String,
}

/// Listen to a call, or talk in it
///
/// Over the supervisor's own browser leg. Written to the audit log and the call's journal.
#[utoipa::path(post, path = "/calls/{call}/supervise", tag = "seats", params(("call" = String, Path)), request_body = SuperviseBody,
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn supervise(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(call): Path<String>,
    Json(body): Json<SuperviseBody>,
) -> Result<StatusCode, Problem> {
    caller.may(Right::Supervise)?;
    state.desk.supervise(&CallId::new(call), body.mode, &SeatId::new(caller.name())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leave a call that is listened to
#[utoipa::path(delete, path = "/calls/{call}/supervise", tag = "seats", params(("call" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn leave(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(call): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Right::Supervise)?;
    state.desk.leave(&CallId::new(call), &SeatId::new(caller.name())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a call over from its agent
#[utoipa::path(post, path = "/calls/{call}/take_over", tag = "seats", params(("call" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn take_over(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(call): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Right::Supervise)?;
    state.desk.take_over(&CallId::new(call), &SeatId::new(caller.name())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End a call of an agent
#[utoipa::path(post, path = "/calls/{call}/end", tag = "seats", params(("call" = String, Path)), request_body = EndBody,
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn end(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(call): Path<String>,
    Json(body): Json<EndBody>,
) -> Result<StatusCode, Problem> {
    caller.may(Right::Supervise)?;
    state.desk.end_call(&CallId::new(call), &body.reason, caller.name()).await?;
    Ok(StatusCode::NO_CONTENT)
}
