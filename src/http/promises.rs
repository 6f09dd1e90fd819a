//! `/promises`: what was promised to customers, by when, and what became of it.

use super::auth::{Caller, Right};
use super::extract::{Json, Path, Query};
use super::paging::Listing;
use super::problem::Problem;
use super::schema::PromiseKindName;
use super::view::{View, maybe_instant};
use super::{AppState, limits};
use crate::domain::id::{CallId, OrderNo, PromiseId};
use crate::domain::promise::{Kind, Promise, State as Stand, StateName};
use crate::engine::ledger::NewPromise;
use crate::store::page::PageRequest;
use crate::store::promise::PromiseFilter;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const NAME_CHARS: usize = 100;

/// One promise.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PromiseDto {
    pub id: String,
    #[schema(value_type = PromiseKindName)]
    pub kind: Kind,
    pub order_no: String,
    /// The call in which it was made.
    pub call_id: Option<String>,
    /// The visit by which the customer is called back.
    pub visit_id: Option<String>,
    pub what: String,
    pub promised_by: String,
    /// Who has to see to it.
    pub owner: String,
    pub promised_at: String,
    pub due_at: String,
    /// `heard` in the transcript, written by the `agent` in the wrap-up, entered by `hand`, asked by a `rule`.
    #[schema(example = "heard")]
    pub source: String,
    /// The words, where they were heard.
    pub evidence: Option<EvidenceDto>,
    /// Open, and its time has passed.
    pub overdue: bool,
    /// When it was found overdue; stays when it is kept late.
    pub overdue_at: Option<String>,
    pub state: PromiseStateDto,
}

/// Seconds on the recording's axis.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvidenceDto {
    pub quote: String,
    pub from_s: f64,
    pub to_s: f64,
}

/// What became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum PromiseStateDto {
    Open,
    /// The customer was told.
    Kept {
        result_told_at: String,
        told: String,
        by: String,
    },
    /// An engineer confirmed that the fault is gone.
    Confirmed {
        confirmed_at: String,
        confirmed_by: String,
        note: String,
    },
    Withdrawn {
        at: String,
        why: String,
        by: String,
    },
}

impl PromiseDto {
    fn of(promise: &Promise, view: &View<'_>, now: Timestamp) -> Self {
        Self {
            id: promise.id.to_string(),
            kind: promise.kind,
            order_no: promise.order_no.to_string(),
            call_id: promise.call.as_ref().map(ToString::to_string),
            visit_id: promise.visit.as_ref().map(ToString::to_string),
            what: view.text(&promise.what),
            promised_by: promise.promised_by.clone(),
            owner: promise.owner.clone(),
            promised_at: view.at(promise.promised_at),
            due_at: view.at(promise.due_at),
            source: promise.source.name().into(),
            evidence: promise.evidence.as_ref().map(|e| EvidenceDto {
                quote: view.text(&e.quote),
                from_s: e.from_s,
                to_s: e.to_s,
            }),
            overdue: promise.state == Stand::Open && now > promise.due_at,
            overdue_at: view.at_opt(promise.overdue_at),
            state: match &promise.state {
                Stand::Open => PromiseStateDto::Open,
                Stand::Kept { told_at, told, by } => {
                    PromiseStateDto::Kept { result_told_at: view.at(*told_at), told: view.text(told), by: by.clone() }
                }
                Stand::Confirmed { at, engineer, note } => PromiseStateDto::Confirmed {
                    confirmed_at: view.at(*at),
                    confirmed_by: engineer.clone(),
                    note: view.text(note),
                },
                Stand::Withdrawn { at, why, by } => {
                    PromiseStateDto::Withdrawn { at: view.at(*at), why: view.text(why), by: by.clone() }
                }
            },
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PromiseQuery {
    /// `open`, `kept`, `confirmed` or `withdrawn`.
    state: Option<String>,
    owner: Option<String>,
    order_no: Option<String>,
    call_id: Option<String>,
    /// `true`: only those that were found overdue; with `state=open` those that still are.
    overdue: Option<bool>,
    /// 1 to 200, 50 unless told.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl PromiseQuery {
    fn filter(&self) -> Result<PromiseFilter, Problem> {
        let named = |text: &String| {
            let unknown = || Problem::invalid("state", format!("{text:?} is not open, kept, confirmed or withdrawn"));
            StateName::parse(text).ok_or_else(unknown)
        };
        Ok(PromiseFilter {
            state: self.state.as_ref().map(named).transpose()?,
            owner: self.owner.clone(),
            order_no: self.order_no.as_deref().map(|no| OrderNo::new(no.trim())),
            call: self.call_id.as_deref().map(CallId::new),
            overdue: self.overdue.unwrap_or(false),
        })
    }
}

fn shown(state: &AppState, caller: &Caller, promise: &Promise) -> axum::Json<PromiseDto> {
    axum::Json(PromiseDto::of(promise, &state.view(caller), state.clock.now()))
}

/// Promises, the newest first
#[utoipa::path(get, path = "/promises", tag = "promises", params(PromiseQuery),
    responses((status = 200, body = Listing<PromiseDto>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<PromiseQuery>,
) -> Result<axum::Json<Listing<PromiseDto>>, Problem> {
    let filter = query.filter()?;
    let page = state.store.promises(&filter, &PageRequest::new(query.limit, query.cursor)?).await?;
    let (view, now) = (state.view(&caller), state.clock.now());
    Ok(axum::Json(Listing::of(page, |promise| PromiseDto::of(promise, &view, now))))
}

/// One promise
#[utoipa::path(get, path = "/promises/{id}", tag = "promises", params(("id" = String, Path)),
    responses((status = 200, body = PromiseDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<PromiseDto>, Problem> {
    let promise = state.store.promise(&PromiseId::new(id)).await?;
    Ok(shown(&state, &caller, &promise))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromiseBody {
    order_no: String,
    /// The call in which it was made, if it was one.
    call_id: Option<String>,
    /// What was promised; a time that it names (`明天上午`) is when it is due, unless `due_at` says.
    what: String,
    /// The caller unless told.
    promised_by: Option<String>,
    /// Whoever promised unless told.
    owner: Option<String>,
    /// Now unless told.
    promised_at: Option<String>,
    due_at: Option<String>,
}

/// Enter a promise
///
/// The customer is called back by a visit of its own, due when the promise is.
#[utoipa::path(post, path = "/promises", tag = "promises", request_body = PromiseBody,
    responses((status = 201, body = PromiseDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn post(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<PromiseBody>,
) -> Result<(StatusCode, axum::Json<PromiseDto>), Problem> {
    caller.may(Right::Direct).or_else(|_| caller.may(Right::Intake))?;
    let name =
        |field: &str, given: Option<String>| given.map(|given| limits::text(field, &given, NAME_CHARS)).transpose();
    let new = NewPromise {
        order_no: limits::order_no(&body.order_no)?,
        call: body.call_id.map(CallId::new),
        what: limits::text("what", &body.what, limits::TEXT_CHARS)?,
        promised_by: name("promised_by", body.promised_by)?,
        owner: name("owner", body.owner)?,
        promised_at: maybe_instant("promised_at", body.promised_at.as_deref(), &state.zone)?,
        due_at: maybe_instant("due_at", body.due_at.as_deref(), &state.zone)?,
    };
    let promise = state.ledger.promise(new, caller.name()).await?;
    Ok((StatusCode::CREATED, shown(&state, &caller, &promise)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TellBody {
    /// What the customer was told.
    told: String,
    /// When; now unless told.
    at: Option<String>,
}

/// The customer was told: the promise is kept
#[utoipa::path(post, path = "/promises/{id}/tell", tag = "promises", params(("id" = String, Path)),
    request_body = TellBody,
    responses((status = 200, body = PromiseDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn tell(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<TellBody>,
) -> Result<axum::Json<PromiseDto>, Problem> {
    caller.may(Right::Direct)?;
    let told = limits::text("told", &body.told, limits::TEXT_CHARS)?;
    let at = maybe_instant("at", body.at.as_deref(), &state.zone)?;
    let promise = state.ledger.tell(&PromiseId::new(id), &told, at, caller.name()).await?;
    Ok(shown(&state, &caller, &promise))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmBody {
    /// The engineer who asked the customer.
    engineer: String,
    /// What he found.
    #[serde(default)]
    note: String,
}

/// An engineer confirmed that the fault of a consultation is gone
///
/// Not for agents: the rule wants an engineer's word.
#[utoipa::path(post, path = "/promises/{id}/confirm", tag = "promises", params(("id" = String, Path)),
    request_body = ConfirmBody,
    responses((status = 200, body = PromiseDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn confirm(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<ConfirmBody>,
) -> Result<axum::Json<PromiseDto>, Problem> {
    // Supervisors and the engineers' own system.
    caller.may(Right::Intake)?;
    let engineer = limits::text("engineer", &body.engineer, NAME_CHARS)?;
    let note = limits::maybe_text("note", Some(body.note))?.unwrap_or_default();
    let promise = state.ledger.confirm(&PromiseId::new(id), &engineer, &note, caller.name()).await?;
    Ok(shown(&state, &caller, &promise))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeBackBody {
    /// Why nobody has to be told.
    why: String,
}

/// Take a promise back, with a reason
#[utoipa::path(post, path = "/promises/{id}/withdraw", tag = "promises", params(("id" = String, Path)),
    request_body = TakeBackBody,
    responses((status = 200, body = PromiseDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn withdraw(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<TakeBackBody>,
) -> Result<axum::Json<PromiseDto>, Problem> {
    caller.may(Right::Supervise)?;
    let why = limits::text("why", &body.why, limits::TEXT_CHARS)?;
    let promise = state.ledger.withdraw(&PromiseId::new(id), &why, caller.name()).await?;
    Ok(shown(&state, &caller, &promise))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignBody {
    /// Who has to see to it from now on.
    owner: String,
}

/// Give a promise to somebody else; its clock runs on
#[utoipa::path(post, path = "/promises/{id}/assign", tag = "promises", params(("id" = String, Path)),
    request_body = AssignBody,
    responses((status = 200, body = PromiseDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn assign(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<AssignBody>,
) -> Result<axum::Json<PromiseDto>, Problem> {
    caller.may(Right::Supervise)?;
    let owner = limits::text("owner", &body.owner, NAME_CHARS)?;
    let promise = state.ledger.assign(&PromiseId::new(id), &owner, caller.name()).await?;
    Ok(shown(&state, &caller, &promise))
}
