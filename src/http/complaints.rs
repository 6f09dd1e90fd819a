//! `/complaints`: what customers complain of, how far it is, and what may be done about it (RULES F01–F22).
//!
//! `docs/complaints.md` explains states, steps and alarms. The steps are in [`steps`].

pub mod steps;
mod view;

pub use view::NoticeDto;

use super::auth::{Caller, Right};
use super::extract::{Json, Path, Query};
use super::paging::Listing;
use super::problem::Problem;
use super::schema::{ComplaintKindName, ComplaintSourceName, ComplaintStateName, GradeName, SideName};
use super::view::maybe_instant;
use super::{AppState, limits};
use crate::domain::complaint::{Complaint, Form, Grade, Kind, New, Quote, Side, Signs, Source, StateName, Subject};
use crate::domain::id::{CallId, ComplaintId, OrderNo};
use crate::domain::phone::Phone;
use crate::store::complaint::ComplaintFilter;
use crate::store::page::PageRequest;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use view::{AlarmDto, ComplaintDetail, ComplaintDto, FormDto, TrailDto};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ComplaintQuery {
    #[param(value_type = Option<ComplaintStateName>)]
    state: Option<StateName>,
    /// `true`: every state but closed.
    open: Option<bool>,
    #[param(value_type = Option<GradeName>)]
    grade: Option<Grade>,
    #[param(value_type = Option<ComplaintKindName>)]
    kind: Option<Kind>,
    #[param(value_type = Option<ComplaintSourceName>)]
    source: Option<Source>,
    /// Which department has it.
    department: Option<String>,
    order_no: Option<String>,
    /// `true`: something should have been done by now and was not.
    overdue: Option<bool>,
    /// Opened at this instant or later.
    from: Option<String>,
    /// Opened before this instant.
    to: Option<String>,
    /// `newest` (default), or `urgency`: what stops the customer's work first, then the graver, then the older.
    order: Option<ComplaintOrder>,
    /// 1 to 200, 50 unless told.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComplaintOrder {
    Newest,
    Urgency,
}

impl ComplaintQuery {
    fn filter(&self, state: &AppState) -> Result<ComplaintFilter, Problem> {
        Ok(ComplaintFilter {
            state: self.state,
            open: self.open.unwrap_or(false),
            grade: self.grade,
            kind: self.kind,
            source: self.source,
            department: self.department.clone(),
            order_no: self.order_no.as_deref().map(|no| OrderNo::new(no.trim())),
            phone: None,
            overdue_at: self.overdue.unwrap_or(false).then(|| state.clock.now()),
            opened_from: maybe_instant("from", self.from.as_deref(), &state.zone)?,
            opened_before: maybe_instant("to", self.to.as_deref(), &state.zone)?,
        })
    }
}

/// Complaints, the newest or the most urgent first
#[utoipa::path(get, path = "/complaints", tag = "complaints", params(ComplaintQuery),
    responses((status = 200, body = Listing<ComplaintDto>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ComplaintQuery>,
) -> Result<axum::Json<Listing<ComplaintDto>>, Problem> {
    let filter = query.filter(&state)?;
    let order = query.order.unwrap_or(ComplaintOrder::Newest);
    let page = PageRequest::new(query.limit, query.cursor)?;
    let page = match order {
        ComplaintOrder::Newest => state.store.complaints(&filter, &page).await?,
        ComplaintOrder::Urgency => state.store.complaints_by_urgency(&filter, &page).await?,
    };
    let (view, now) = (state.view(&caller), state.clock.now());
    Ok(axum::Json(Listing::of(page, |complaint| ComplaintDto::of(complaint, &view, now))))
}

/// One complaint with everything that was done to it
#[utoipa::path(get, path = "/complaints/{id}", tag = "complaints", params(("id" = String, Path)),
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<ComplaintDetail>, Problem> {
    let complaint = state.store.complaint(&ComplaintId::new(id)).await?;
    Ok(axum::Json(detail(&state, &caller, &complaint).await?))
}

async fn detail(state: &AppState, caller: &Caller, complaint: &Complaint) -> Result<ComplaintDetail, Problem> {
    let view = state.view(caller);
    let trail = state.store.complaint_trail(&complaint.id).await?;
    let alarms = state.store.complaint_alarms(&complaint.id).await?;
    Ok(ComplaintDetail {
        complaint: ComplaintDto::of(complaint, &view, state.clock.now()),
        trail: trail.into_iter().map(|entry| TrailDto::of(entry, &view)).collect(),
        alarms: alarms.iter().map(|raised| AlarmDto::of(raised, &view)).collect(),
    })
}

/// What came in; what the order or the call knows may be left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComplaintBody {
    /// Any but `call`, `wrap_up` and `order`, which are opened by themselves.
    #[schema(value_type = ComplaintSourceName)]
    source: Source,
    /// 投诉内容.
    text: String,
    /// The call in which it was said; one call leads to one complaint.
    #[serde(default)]
    call_id: Option<String>,
    #[serde(default)]
    order_no: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    machine_no: Option<String>,
    #[serde(default)]
    dealer: Option<String>,
    #[serde(default)]
    engineer: Option<String>,
    /// The customer's words to the letter.
    #[serde(default)]
    quotes: Vec<String>,
    #[serde(default)]
    form: FormDto,
    #[serde(default)]
    angry: bool,
    #[serde(default)]
    injury: bool,
    #[serde(default)]
    stops_work: bool,
    /// What is asked for.
    #[serde(default)]
    money_yuan: Option<f64>,
    #[serde(default)]
    #[schema(value_type = Option<SideName>)]
    side: Option<Side>,
    #[serde(default)]
    reasonable: Option<bool>,
    /// When the customer was promised the next answer.
    #[serde(default)]
    reply_due_at: Option<String>,
}

impl NewComplaintBody {
    fn into_new(self, state: &AppState) -> Result<New, Problem> {
        if matches!(self.source, Source::Call | Source::WrapUp | Source::Order) {
            return Err(Problem::invalid("source", "is opened by itself; want hotline, written, in_person or other"));
        }
        let text = limits::maybe_text;
        let mut kinds = BTreeSet::new();
        if self.injury {
            kinds.insert(Kind::Injury);
        }
        let reply_due_at = maybe_instant("reply_due_at", self.reply_due_at.as_deref(), &state.zone)?;
        if reply_due_at.is_some_and(|at| at <= state.clock.now()) {
            return Err(Problem::invalid("reply_due_at", "is in the past"));
        }
        Ok(New {
            call: self.call_id.map(CallId::new),
            order_no: self.order_no.as_deref().map(limits::order_no).transpose()?,
            subject: Subject {
                phone: self.phone.as_deref().map(phone).transpose()?,
                machine_no: text("machine_no", self.machine_no)?,
                dealer: text("dealer", self.dealer)?,
                engineer: text("engineer", self.engineer)?,
                branch: None,
            },
            quotes: quotes(self.quotes)?,
            signs: Signs {
                kinds,
                money_yuan: limits::amount("money_yuan", self.money_yuan)?,
                stops_work: self.stops_work,
                angry: self.angry,
                ..Signs::default()
            },
            side: self.side,
            reasonable: self.reasonable,
            form: self.form.into_form()?,
            reply_due_at,
            ..New::bare(self.source, limits::text("text", &self.text, limits::TEXT_CHARS)?)
        })
    }
}

impl FormDto {
    fn into_form(self) -> Result<Form, Problem> {
        let text = limits::maybe_text;
        Ok(Form {
            who: text("form.who", self.who)?,
            what: text("form.what", self.what)?,
            when: text("form.when", self.when)?,
            place: text("form.where", self.r#where)?,
            why: text("form.why", self.why)?,
            how: text("form.how", self.how)?,
            how_much: text("form.how_much", self.how_much)?,
            mood: self.mood,
            demand: text("form.demand", self.demand)?,
        })
    }
}

fn phone(text: &str) -> Result<Phone, Problem> {
    if text.contains('*') {
        return Err(Problem::invalid("phone", "a masked number cannot be stored"));
    }
    Phone::parse(text).map_err(|error| Problem::invalid("phone", error))
}

/// Words that a person wrote down have no place on a recording.
fn quotes(given: Vec<String>) -> Result<Vec<Quote>, Problem> {
    let list = limits::list("quotes", given)?.into_iter();
    Ok(list.map(|text| Quote { text, from_s: None, to_s: None, call: None, severe: false }).collect())
}

/// Register a complaint
///
/// 201, or 200 with the complaint that the call had led to already.
#[utoipa::path(post, path = "/complaints", tag = "complaints", request_body = NewComplaintBody,
    responses((status = 201, body = ComplaintDetail), (status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn post(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<NewComplaintBody>,
) -> Result<(StatusCode, axum::Json<ComplaintDetail>), Problem> {
    // Whoever hears of one registers it: the desk, a reviewer, another system.
    caller.may(Right::Direct).or_else(|_| caller.may(Right::Review)).or_else(|_| caller.may(Right::Intake))?;
    let new = body.into_new(&state)?;
    let opened = state.commands.open_complaint(new, caller.name()).await?;
    let status = if opened.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(detail(&state, &caller, &opened.complaint).await?)))
}
