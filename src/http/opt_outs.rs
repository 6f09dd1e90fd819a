//! `/opt-outs`: who does not want to be called, and the withdrawal of such a wish.

use super::auth::{Caller, Right};
use super::extract::{Json, Path, Query};
use super::paging::Listing;
use super::problem::Problem;
use super::schema::OptOutScopeName;
use super::view::View;
use super::{AppState, limits};
use crate::domain::id::{OptOutId, VisitId};
use crate::domain::opt_out::{OptOut, Scope, ScopeName, Source};
use crate::domain::phone::Phone;
use crate::engine::ledger::{NewWish, Whose};
use crate::store::opt_out::OptOutFilter;
use crate::store::page::PageRequest;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One wish not to be called.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OptOutDto {
    pub id: String,
    /// Masked for roles that may not see numbers.
    pub phone: String,
    /// `visit`: only this one; `programme`: every visit of it; `never`: no call to this number at all.
    #[schema(value_type = OptOutScopeName)]
    pub scope: ScopeName,
    pub visit_id: Option<String>,
    pub programme: Option<String>,
    pub asked_at: String,
    /// Who wrote it down.
    pub by: String,
    /// The customer's words where they are known.
    pub why: String,
    pub source: OptOutSourceDto,
    /// Null: in force.
    pub withdrawn: Option<WithdrawnDto>,
}

/// How we know of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OptOutSourceDto {
    /// Said to the unattended questionnaire; `at_s` on the recording's axis.
    Said { call_id: String, quote: String, at_s: Option<f64> },
    /// The outcome key of an agent.
    Key { call_id: String, seat: String },
    /// Entered through this interface.
    Hand,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WithdrawnDto {
    pub at: String,
    pub by: String,
    pub why: String,
}

impl OptOutDto {
    fn of(wish: &OptOut, view: &View<'_>) -> Self {
        let (visit_id, programme) = match &wish.scope {
            Scope::Visit(visit) => (Some(visit.to_string()), None),
            Scope::Programme(programme) => (None, Some(programme.clone())),
            Scope::Never => (None, None),
        };
        let source = match &wish.source {
            Source::Said { call, quote, at_s } => {
                OptOutSourceDto::Said { call_id: call.to_string(), quote: view.text(quote), at_s: *at_s }
            }
            Source::Key { call, seat } => OptOutSourceDto::Key { call_id: call.to_string(), seat: seat.to_string() },
            Source::Hand => OptOutSourceDto::Hand,
        };
        Self {
            id: wish.id.to_string(),
            phone: view.phone(&wish.phone),
            scope: wish.scope.name(),
            visit_id,
            programme,
            asked_at: view.at(wish.asked_at),
            by: wish.by.clone(),
            why: view.text(&wish.why),
            source,
            withdrawn: wish.withdrawn.as_ref().map(|w| WithdrawnDto {
                at: view.at(w.at),
                by: w.by.clone(),
                why: view.text(&w.why),
            }),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OptOutQuery {
    /// In any everyday form.
    phone: Option<String>,
    /// `visit`, `programme` or `never`.
    scope: Option<String>,
    /// `true`: only those in force; `false`: only withdrawn ones.
    in_force: Option<bool>,
    /// 1 to 200, 50 unless told.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl OptOutQuery {
    fn filter(&self) -> Result<OptOutFilter, Problem> {
        let scope = |text: &String| {
            let unknown = || Problem::invalid("scope", format!("{text:?} is not visit, programme or never"));
            ScopeName::parse(text).ok_or_else(unknown)
        };
        Ok(OptOutFilter {
            phone: self.phone.as_deref().map(number).transpose()?,
            scope: self.scope.as_ref().map(scope).transpose()?,
            in_force: self.in_force,
        })
    }
}

fn number(text: &str) -> Result<Phone, Problem> {
    Phone::parse(text).map_err(|bad| Problem::invalid("phone", bad.to_string()))
}

/// Wishes not to be called, the newest first
#[utoipa::path(get, path = "/opt-outs", tag = "opt-outs", params(OptOutQuery),
    responses((status = 200, body = Listing<OptOutDto>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<OptOutQuery>,
) -> Result<axum::Json<Listing<OptOutDto>>, Problem> {
    // Whoever sees masked numbers must not find out by asking which number it is.
    if query.phone.is_some() && !caller.sees_phones() {
        return Err(Problem::invalid("phone", "this role sees no telephone numbers and cannot ask by them"));
    }
    let filter = query.filter()?;
    let page = state.store.opt_outs(&filter, &PageRequest::new(query.limit, query.cursor)?).await?;
    let view = state.view(&caller);
    Ok(axum::Json(Listing::of(page, |wish| OptOutDto::of(wish, &view))))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OptOutBody {
    #[schema(value_type = OptOutScopeName)]
    scope: ScopeName,
    /// For `visit`.
    visit_id: Option<String>,
    /// For `programme`: its name.
    programme: Option<String>,
    /// For `programme` and `never`: the number, or else the order whose customer it is.
    phone: Option<String>,
    order_no: Option<String>,
    /// Why; the customer's words.
    why: String,
}

impl OptOutBody {
    /// What is asked and why.
    fn wish(self) -> Result<(NewWish, String), Problem> {
        let why = limits::text("why", &self.why, limits::TEXT_CHARS)?;
        let idle = |field: &str, given: bool| {
            if given { Err(Problem::invalid(field, "has no meaning for this scope")) } else { Ok(()) }
        };
        idle("programme", self.programme.is_some() && self.scope != ScopeName::Programme)?;
        idle("visit_id", self.visit_id.is_some() && self.scope != ScopeName::Visit)?;
        if self.scope == ScopeName::Visit {
            idle("phone", self.phone.is_some())?;
            idle("order_no", self.order_no.is_some())?;
            let id = self.visit_id.ok_or_else(|| Problem::invalid("visit_id", "which visit?"))?;
            return Ok((NewWish::Visit(VisitId::new(id)), why));
        }
        let whose = match (&self.phone, &self.order_no) {
            (Some(phone), None) => Whose::Number(number(phone)?),
            (None, Some(no)) => Whose::Order(limits::order_no(no)?),
            _ => return Err(Problem::invalid("phone", "want either the number or the order_no of its customer")),
        };
        let wish = match self.programme {
            Some(name) => NewWish::Programme(whose, name),
            None if self.scope == ScopeName::Programme => {
                return Err(Problem::invalid("programme", "which programme?"));
            }
            None => NewWish::Never(whose),
        };
        Ok((wish, why))
    }
}

/// Write down that a customer does not want to be called
///
/// What waits and is forbidden by it is closed at once; nothing that it forbids is dialled from now on.
#[utoipa::path(post, path = "/opt-outs", tag = "opt-outs", request_body = OptOutBody,
    responses((status = 201, body = OptOutDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn post(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<OptOutBody>,
) -> Result<(StatusCode, axum::Json<OptOutDto>), Problem> {
    // Whoever hears it, an agent or another system, writes it down.
    caller.may(Right::Direct).or_else(|_| caller.may(Right::Intake))?;
    let (wish, why) = body.wish()?;
    let wish = state.ledger.opt_out(wish, &why, caller.name()).await?;
    Ok((StatusCode::CREATED, axum::Json(OptOutDto::of(&wish, &state.view(&caller)))))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawBody {
    /// Why; kept beside the wish.
    why: String,
}

/// The customer may be called again
///
/// The wish is kept with who withdrew it and why. Visits that were closed for it stay closed.
#[utoipa::path(post, path = "/opt-outs/{id}/withdraw", tag = "opt-outs", params(("id" = String, Path)),
    request_body = WithdrawBody,
    responses((status = 200, body = OptOutDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn withdraw(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<WithdrawBody>,
) -> Result<axum::Json<OptOutDto>, Problem> {
    caller.may(Right::Supervise)?;
    let why = limits::text("why", &body.why, limits::TEXT_CHARS)?;
    let wish = state.ledger.withdraw_opt_out(&OptOutId::new(id), &why, caller.name()).await?;
    Ok(axum::Json(OptOutDto::of(&wish, &state.view(&caller))))
}
