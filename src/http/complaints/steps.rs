//! What may be done to a complaint, one path each. What it leads to is the domain's; a step that its state forbids is a 409 that says why.

use super::super::auth::{Caller, Right};
use super::super::extract::{Json, Path};
use super::super::problem::Problem;
use super::super::schema::{CloseCauseOfComplaint, ComplaintKindName, GradeName, SideName, VerdictName};
use super::super::view::{maybe_instant, read_instant};
use super::super::{AppState, limits};
use super::view::{ComplaintDetail, FormDto};
use super::{detail, quotes};
use crate::domain::complaint::steps::Filled;
use crate::domain::complaint::{CloseCause, Grade, Kind, Side, Step, Verdict};
use crate::domain::id::{CallId, ComplaintId};
use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::ToSchema;

type Answer = Result<axum::Json<ComplaintDetail>, Problem>;

/// The complaint of the path, and who wants something done to it.
pub struct At {
    state: AppState,
    caller: Caller,
    id: String,
}

impl FromRequestParts<AppState> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let Extension(caller) = Extension::from_request_parts(parts, state).await?;
        let Path(id) = Path::from_request_parts(parts, state).await?;
        Ok(Self { state: state.clone(), caller, id })
    }
}

impl At {
    async fn take(self, step: Step) -> Answer {
        let complaint =
            self.state.commands.complaint_step(&ComplaintId::new(self.id), step, self.caller.name()).await?;
        Ok(axum::Json(detail(&self.state, &self.caller, &complaint).await?))
    }
}

fn said(field: &str, text: &str) -> Result<String, Problem> {
    limits::text(field, text, limits::TEXT_CHARS)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilledBody {
    #[serde(default)]
    form: FormDto,
    /// Added to those that are there.
    #[serde(default)]
    quotes: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Option<SideName>)]
    side: Option<Side>,
    #[serde(default)]
    reasonable: Option<bool>,
    #[serde(default)]
    stops_work: Option<bool>,
    #[serde(default)]
    money_yuan: Option<f64>,
    #[serde(default)]
    injury: Option<bool>,
    #[serde(default)]
    #[schema(value_type = Option<GradeName>)]
    grade: Option<Grade>,
    #[serde(default)]
    #[schema(value_type = Option<ComplaintKindName>)]
    kind: Option<Kind>,
    #[serde(default)]
    remark: Option<String>,
}

/// Fill in the sheet
///
/// What is left out stays. A grade or kind given here holds against the table and needs a remark.
#[utoipa::path(post, path = "/complaints/{id}/form", tag = "complaints", params(("id" = String, Path)),
    request_body = FilledBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn form(at: At, Json(body): Json<FilledBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    let filled = Filled {
        form: body.form.into_form()?,
        quotes: quotes(body.quotes)?,
        side: body.side,
        reasonable: body.reasonable,
        stops_work: body.stops_work,
        money_yuan: limits::amount("money_yuan", body.money_yuan)?,
        injury: body.injury,
        grade: body.grade,
        kind: body.kind,
        remark: limits::maybe_text("remark", body.remark)?,
    };
    at.take(Step::Form(Box::new(filled))).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOverBody {
    #[schema(example = "服务经理 陈立")]
    to: String,
    #[serde(default)]
    department: Option<String>,
}

/// Hand it over
///
/// To a leader where one must decide first, else to whoever handles it. To be done the same working day.
#[utoipa::path(post, path = "/complaints/{id}/hand-over", tag = "complaints", params(("id" = String, Path)),
    request_body = HandOverBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn hand_over(at: At, Json(body): Json<HandOverBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    let department = limits::maybe_text("department", body.department)?;
    at.take(Step::HandOver { to: said("to", &body.to)?, department }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveBody {
    remark: String,
    /// Who is to handle it.
    to: String,
    #[serde(default)]
    department: Option<String>,
}

/// A leader agrees
///
/// Supervisors and administrators. The sheet must be filled in.
#[utoipa::path(post, path = "/complaints/{id}/approve", tag = "complaints", params(("id" = String, Path)),
    request_body = ApproveBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn approve(at: At, Json(body): Json<ApproveBody>) -> Answer {
    at.caller.may(Right::Supervise)?;
    let department = limits::maybe_text("department", body.department)?;
    let step = Step::Approve { remark: said("remark", &body.remark)?, to: said("to", &body.to)?, department };
    at.take(step).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemarkBody {
    remark: String,
}

/// A leader does not agree
///
/// Supervisors and administrators. It is open again, to be handed over otherwise or closed.
#[utoipa::path(post, path = "/complaints/{id}/reject", tag = "complaints", params(("id" = String, Path)),
    request_body = RemarkBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn reject(at: At, Json(body): Json<RemarkBody>) -> Answer {
    at.caller.may(Right::Supervise)?;
    at.take(Step::Reject { remark: said("remark", &body.remark)? }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlipBody {
    #[schema(example = "质量部")]
    department: String,
    /// What the customer is not satisfied with, and what he suggests.
    text: String,
    /// When the result must be back; by the table where left out.
    #[serde(default)]
    answer_by: Option<String>,
}

/// Send a slip to a department
///
/// 信息反馈单.
#[utoipa::path(post, path = "/complaints/{id}/slip", tag = "complaints", params(("id" = String, Path)),
    request_body = SlipBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn slip(at: At, Json(body): Json<SlipBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    let answer_by = maybe_instant("answer_by", body.answer_by.as_deref(), &at.state.zone)?;
    let (department, text) = (said("department", &body.department)?, said("text", &body.text)?);
    at.take(Step::Slip { department, text, answer_by }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlipResultBody {
    result: String,
    solved: bool,
    /// What followed for our people.
    #[serde(default)]
    people: Option<String>,
}

/// The slip comes back
///
/// With `solved` the complaint is handled and the customer is called again.
#[utoipa::path(post, path = "/complaints/{id}/slip-result", tag = "complaints", params(("id" = String, Path)),
    request_body = SlipResultBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn slip_result(at: At, Json(body): Json<SlipResultBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    let people = limits::maybe_text("people", body.people)?;
    let step = Step::SlipResult { result: said("result", &body.result)?, solved: body.solved, people };
    at.take(step).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplyBody {
    #[serde(default)]
    text: Option<String>,
    /// 下次答复时间.
    #[serde(default)]
    next_at: Option<String>,
}

/// Answer the customer
///
/// The answer, the time of the next one, or both.
#[utoipa::path(post, path = "/complaints/{id}/reply", tag = "complaints", params(("id" = String, Path)),
    request_body = ReplyBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn reply(at: At, Json(body): Json<ReplyBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    let text = limits::maybe_text("text", body.text)?;
    let next_at = maybe_instant("next_at", body.next_at.as_deref(), &at.state.zone)?;
    at.take(Step::Reply { text, next_at }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteVisitBody {
    who: String,
    due_at: String,
}

/// Send somebody there
///
/// What cannot be solved by telephone is not handled before somebody was there.
#[utoipa::path(post, path = "/complaints/{id}/site-visit", tag = "complaints", params(("id" = String, Path)),
    request_body = SiteVisitBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn site_visit(at: At, Json(body): Json<SiteVisitBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    let due_at = read_instant("due_at", &body.due_at, &at.state.zone)?;
    at.take(Step::SiteVisit { who: said("who", &body.who)?, due_at }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteResultBody {
    result: String,
}

/// What the visit on site came to
#[utoipa::path(post, path = "/complaints/{id}/site-result", tag = "complaints", params(("id" = String, Path)),
    request_body = SiteResultBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn site_result(at: At, Json(body): Json<SiteResultBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    at.take(Step::SiteResult { result: said("result", &body.result)? }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandledBody {
    solution: String,
    /// What followed for our people; a service complaint that proved true needs it.
    #[serde(default)]
    people: Option<String>,
}

/// It is solved
///
/// The customer is called again within three days.
#[utoipa::path(post, path = "/complaints/{id}/handled", tag = "complaints", params(("id" = String, Path)),
    request_body = HandledBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn handled(at: At, Json(body): Json<HandledBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    let people = limits::maybe_text("people", body.people)?;
    at.take(Step::Handled { solution: said("solution", &body.solution)?, people }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondCallBody {
    #[schema(value_type = VerdictName)]
    verdict: Verdict,
    #[serde(default)]
    call_id: Option<String>,
    remark: String,
}

/// What the call after the handling came to
///
/// For a call that was made outside of here; those of visits are heard by themselves.
#[utoipa::path(post, path = "/complaints/{id}/second-call", tag = "complaints", params(("id" = String, Path)),
    request_body = SecondCallBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn second_call(at: At, Json(body): Json<SecondCallBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    let (call, remark) = (body.call_id.map(CallId::new), Some(said("remark", &body.remark)?));
    at.take(Step::SecondCall { call, verdict: body.verdict, quotes: vec![], remark }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseBody {
    #[schema(value_type = CloseCauseOfComplaint)]
    cause: CloseCause,
    remark: String,
}

/// Close it
#[utoipa::path(post, path = "/complaints/{id}/close", tag = "complaints", params(("id" = String, Path)),
    request_body = CloseBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn close(at: At, Json(body): Json<CloseBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    at.take(Step::Close { cause: body.cause, remark: said("remark", &body.remark)? }).await
}

/// Open it again
#[utoipa::path(post, path = "/complaints/{id}/reopen", tag = "complaints", params(("id" = String, Path)),
    request_body = RemarkBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn reopen(at: At, Json(body): Json<RemarkBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    at.take(Step::Reopen { remark: said("remark", &body.remark)? }).await
}

/// It was gone over with the customer at his next visit
#[utoipa::path(post, path = "/complaints/{id}/checked", tag = "complaints", params(("id" = String, Path)),
    request_body = RemarkBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn checked(at: At, Json(body): Json<RemarkBody>) -> Answer {
    at.caller.may(Right::Direct)?;
    at.take(Step::Checked { remark: said("remark", &body.remark)? }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOverBody {
    /// What was said to the customer, to apologise.
    #[schema(example = "实在对不起，这件事由我亲自来处理")]
    apology: String,
}

/// A supervisor takes an angry customer over
///
/// Supervisors and administrators. It ends the alarm that the customer is angry; where the complaint stands does not change.
#[utoipa::path(post, path = "/complaints/{id}/take-over", tag = "complaints", params(("id" = String, Path)),
    request_body = TakeOverBody,
    responses((status = 200, body = ComplaintDetail),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn take_over(at: At, Json(body): Json<TakeOverBody>) -> Answer {
    at.caller.may(Right::Supervise)?;
    at.take(Step::TakeOver { apology: said("apology", &body.apology)? }).await
}
