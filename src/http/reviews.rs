//! `/reviews`: calls as a reviewer looks for them, and `/calls/{id}/review`: where the review of one call stands, and its steps.
//! The sheet, disputes, calibrations and re-scoring are in the files below.

mod calibration;
mod dispute;
mod rescoring;
mod sheet;

use super::AppState;
use super::auth::{Caller, Right};
use super::calls::named;
use super::extract::{Path, Query};
use super::paging::Listing;
use super::problem::{Kind, Problem};
use super::schema::{OutcomeName, ReviewStateName, ReviewWhyName};
use super::view::{View, maybe_instant};
use crate::domain::call::outcome::Outcome;
use crate::domain::id::{CallId, SeatId};
use crate::domain::review::dispute::Person;
use crate::domain::review::{Refused, Review, ReviewState, Why};
use crate::engine::reviews::{ReviewError, ReviewStep};
use crate::store::call::CallFilter;
use crate::store::page::PageRequest;
use crate::store::review::{ReviewFilter, ReviewedCall, StateName};
use axum::Extension;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(claim))
        .routes(routes!(release))
        .routes(routes!(finish))
        .routes(routes!(reopen))
        .routes(routes!(sheet::get))
        .routes(routes!(sheet::versions))
        .routes(routes!(sheet::put))
        .routes(routes!(dispute::list))
        .routes(routes!(dispute::open))
        .routes(routes!(dispute::step))
        .routes(routes!(calibration::list, calibration::open))
        .routes(routes!(calibration::get))
        .routes(routes!(calibration::put))
        .routes(routes!(calibration::close))
        .routes(routes!(rescoring::list, rescoring::open))
        .routes(routes!(rescoring::get))
        .routes(routes!(rescoring::adopt))
        .routes(routes!(rescoring::drop))
}

/// Where the review of a call stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewDto {
    pub call_id: String,
    #[schema(value_type = ReviewStateName)]
    pub state: StateName,
    /// Who has it, or had it.
    pub reviewer: Option<String>,
    pub since: Option<String>,
    /// Why somebody has to listen; null: nobody has to.
    #[schema(value_type = Option<ReviewWhyName>)]
    pub why: Option<Why>,
    /// Words that need a person at once, and red findings.
    pub alarms: u32,
    /// Two recognisers, or words and key, differ on a scored answer.
    pub disagreement: bool,
    /// The index in force; null unless all five indicators have a level.
    pub index: Option<f64>,
}

/// A call in the reviewers' list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewedCallDto {
    pub id: String,
    pub visit_id: String,
    pub order_no: String,
    /// Plain or masked, by the reader's role.
    pub to: String,
    pub programme: String,
    pub seat: Option<String>,
    pub claimed_at: Option<String>,
    pub talk_s: Option<f64>,
    #[schema(value_type = Option<OutcomeName>)]
    pub outcome: Option<Outcome>,
    /// There is something to listen to.
    pub recorded: bool,
    /// Null: the call was not judged.
    pub review: Option<ReviewDto>,
}

impl ReviewDto {
    pub fn of(review: &Review, view: &View<'_>) -> Self {
        let (reviewer, since) = match &review.state {
            ReviewState::Waiting => (None, None),
            ReviewState::Claimed { by, at } | ReviewState::Reviewed { by, at } => {
                (Some(by.clone()), Some(view.at(*at)))
            }
        };
        Self {
            call_id: review.call.to_string(),
            state: StateName::of(&review.state),
            reviewer,
            since,
            why: review.why,
            alarms: review.signs.alarms,
            disagreement: review.signs.disagreement,
            index: review.mean,
        }
    }
}

impl ReviewedCallDto {
    fn of(ReviewedCall { call, review }: &ReviewedCall, view: &View<'_>) -> Self {
        Self {
            id: call.id.to_string(),
            visit_id: call.visit.to_string(),
            order_no: call.order_no.to_string(),
            to: view.phone(&call.to),
            programme: call.programme.clone(),
            seat: call.seat.as_ref().map(ToString::to_string),
            claimed_at: view.at_opt(call.instants.claimed_at),
            talk_s: call.instants.talk_s(),
            outcome: call.outcome,
            recorded: call.recording.is_some(),
            review: review.as_ref().map(|review| ReviewDto::of(review, view)),
        }
    }
}

/// What the caller may do to a review.
fn person(caller: &Caller) -> Person<'_> {
    Person {
        name: caller.name(),
        reviewer: caller.may(Right::Review).is_ok(),
        supervisor: caller.may(Right::Supervise).is_ok(),
    }
}

impl From<ReviewError> for Problem {
    fn from(error: ReviewError) -> Self {
        let refused = match error {
            ReviewError::Store(error) => return error.into(),
            ReviewError::Refused(refused) => refused,
        };
        let kind = match refused {
            Refused::OwnCall
            | Refused::NotTheAgent
            | Refused::NotSupervisor
            | Refused::NotReviewer
            | Refused::SamePerson
            | Refused::NotInvited => Kind::Forbidden,
            Refused::Claimed(_)
            | Refused::NotClaimed
            | Refused::Reviewed
            | Refused::NotReviewed
            | Refused::Stage(_)
            | Refused::Closed
            | Refused::HandedIn
            | Refused::OtherRubric { .. }
            | Refused::Settled => Kind::Conflict,
            Refused::NoItem(_) => return Problem::invalid("item", refused.to_string()),
            Refused::Unfilled(_) => return Problem::invalid("marks", refused.to_string()),
        };
        Problem::new(kind, refused.to_string())
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReviewQuery {
    /// Called at this instant or later, or on this day.
    from: Option<String>,
    /// Called before this instant.
    to: Option<String>,
    /// An agent's seat.
    seat: Option<String>,
    programme: Option<String>,
    /// One of the outcomes.
    outcome: Option<String>,
    /// The index at least; calls without an index are left out.
    index_from: Option<f64>,
    /// The index at most.
    index_to: Option<f64>,
    /// `true`: only calls with an alarm.
    alarm: Option<bool>,
    /// `true`: only what somebody has to listen to.
    due: Option<bool>,
    /// `alarm`, `disagreement`, `sampled` or `agent_minimum`.
    why: Option<String>,
    /// `waiting`, `claimed` or `reviewed`.
    state: Option<String>,
    /// Who has it, or had it.
    reviewer: Option<String>,
    /// A part of the order's number, or how the customer's number ends. Who sees numbers masked finds them by four digits or whole.
    q: Option<String>,
    /// 1 to 200, 50 unless told.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl ReviewQuery {
    fn filter(&self, state: &AppState, caller: &Caller) -> Result<ReviewFilter, Problem> {
        let searched = self.q.as_deref().map(str::trim).filter(|q| !q.is_empty());
        Ok(ReviewFilter {
            call: CallFilter {
                outcome: named("outcome", self.outcome.as_deref())?,
                from: maybe_instant("from", self.from.as_deref(), &state.zone)?,
                before: maybe_instant("to", self.to.as_deref(), &state.zone)?,
                ..CallFilter::default()
            },
            seat: self.seat.as_deref().map(SeatId::new),
            programme: self.programme.clone(),
            state: named("state", self.state.as_deref())?,
            reviewer: self.reviewer.clone(),
            why: named("why", self.why.as_deref())?,
            due: self.due.unwrap_or(false),
            alarm: self.alarm.unwrap_or(false),
            mean_from: self.index_from,
            mean_to: self.index_to,
            order_part: searched.map(ToOwned::to_owned),
            phone_end: searched.and_then(|q| phone_end(q, caller.sees_phones())),
        })
    }
}

/// The digits to look for at the end of numbers. To whoever sees them masked, digit after digit must not give a number away.
fn phone_end(searched: &str, plain: bool) -> Option<String> {
    let digits: String =
        searched.strip_prefix("+86").unwrap_or(searched).chars().filter(|c| !c.is_whitespace()).collect();
    let all_digits = digits.len() >= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    (all_digits && (plain || digits.len() <= 4 || digits.len() >= 11)).then_some(digits)
}

/// Calls as a reviewer looks for them, the newest first
#[utoipa::path(get, path = "/reviews", tag = "reviews", params(ReviewQuery),
    responses((status = 200, body = Listing<ReviewedCallDto>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ReviewQuery>,
) -> Result<axum::Json<Listing<ReviewedCallDto>>, Problem> {
    let filter = query.filter(&state, &caller)?;
    let page = state.store.reviewed_calls(&filter, &PageRequest::new(query.limit, query.cursor)?).await?;
    let view = state.view(&caller);
    Ok(axum::Json(Listing::of(page, |found| ReviewedCallDto::of(found, &view))))
}

/// Where the review of a call stands
#[utoipa::path(get, path = "/calls/{id}/review", tag = "reviews", params(("id" = String, Path)),
    responses((status = 200, body = ReviewDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<ReviewDto>, Problem> {
    let review = state.store.review(&CallId::new(id)).await?;
    Ok(axum::Json(ReviewDto::of(&review, &state.view(&caller))))
}

macro_rules! steps {
    ($($name:ident, $path:literal, $step:ident, $what:literal;)*) => {$(
        #[doc = $what]
        #[utoipa::path(post, path = $path, tag = "reviews", params(("id" = String, Path)),
            responses((status = 200, body = ReviewDto),
                (status = "4XX", body = Problem, content_type = "application/problem+json")))]
        pub async fn $name(
            State(state): State<AppState>,
            Extension(caller): Extension<Caller>,
            Path(id): Path<String>,
        ) -> Result<axum::Json<ReviewDto>, Problem> {
            caller.may(Right::Review)?;
            let review = state.reviews.step(&CallId::new(id), ReviewStep::$step, person(&caller)).await?;
            Ok(axum::Json(ReviewDto::of(&review, &state.view(&caller))))
        }
    )*};
}

steps! {
    claim, "/calls/{id}/review/claim", Claim, "Take a call up for review";
    release, "/calls/{id}/review/release", Release, "Give a call back that was taken up";
    finish, "/calls/{id}/review/finish", Finish, "Sign a review off";
    reopen, "/calls/{id}/review/reopen", Reopen, "Have a call reviewed once more";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_end_and_who_sees_them_masked_cannot_guess_them_digit_by_digit() {
        for (searched, plain, expected) in [
            ("13812345678", true, Some("13812345678")),
            ("+86 138 1234 5678", true, Some("13812345678")),
            ("345678", true, Some("345678")),
            ("345678", false, None),
            ("5678", false, Some("5678")),
            ("13812345678", false, Some("13812345678")),
            ("78", true, None),
            ("FW20251122001", true, None),
        ] {
            assert_eq!(phone_end(searched, plain).as_deref(), expected, "{searched} {plain}");
        }
    }
}
