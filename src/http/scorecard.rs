//! `/calls/{id}/scorecard`: five indicators with the words that prove them, and a person's correction beside the machine's level.

use super::AppState;
use super::auth::{Caller, Right};
use super::extract::{Json, Path};
use super::limits;
use super::problem::Problem;
use super::schema::{IndicatorName, NullReasonName};
use super::view::View;
use crate::domain::id::CallId;
use crate::domain::score::{Disagreement, Evidence, HumanScore, Indicator, Level, NoLevel, Score, Scorecard};
use axum::Extension;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The five scores of a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ScorecardDto {
    pub call_id: String,
    /// `name@version` of the rubric that judged.
    pub rubric: String,
    pub index: IndexDto,
    /// Always five, in the order they are asked.
    pub scores: Vec<ScoreDto>,
    /// Words that need a person at once.
    pub alarms: Vec<EvidenceDto>,
}

/// 满意度指数.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IndexDto {
    /// Arithmetic mean; null unless all five are scored.
    pub mean: Option<f64>,
    pub n_scored: usize,
    /// Mean of those that are scored.
    pub partial_mean: Option<f64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ScoreDto {
    #[schema(value_type = IndicatorName)]
    pub indicator: Indicator,
    /// The level in force, 1 to 5: the person's if there is one, else the machine's.
    #[schema(value_type = Option<u8>)]
    pub level: Option<Level>,
    #[schema(value_type = Option<u8>)]
    pub machine_level: Option<Level>,
    /// Why the machine gave no level.
    #[schema(value_type = Option<NullReasonName>)]
    pub null_reason: Option<NoLevel>,
    pub evidence: Vec<EvidenceDto>,
    /// The recognisers, or words and key, lead to clearly different levels: the call is due for review.
    pub disagreement: Option<DisagreementDto>,
    pub human: Option<HumanDto>,
}

/// Words that one of the two did not hear so.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DisagreementDto {
    /// The level that was taken.
    #[schema(value_type = Option<u8>)]
    pub chosen: Option<Level>,
    /// The level of these words.
    #[schema(value_type = Option<u8>)]
    pub other: Option<Level>,
    /// Who heard them: a recogniser, `transcript`, `live` or `keypad`.
    pub engine: String,
    pub text: String,
}

impl DisagreementDto {
    pub fn of(d: &Disagreement) -> Self {
        Self { chosen: d.chosen, other: d.other, engine: d.engine.clone(), text: d.text.clone() }
    }
}

/// The customer's words that carry a level.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvidenceDto {
    pub text: String,
    /// First character of the words in the answer.
    pub start: usize,
    /// One behind the last character.
    pub end: usize,
    #[schema(value_type = u8)]
    pub level: Level,
    pub rule: String,
    /// Seconds on the recording.
    pub from_s: Option<f64>,
    pub to_s: Option<f64>,
    /// Index of the turn in the transcript.
    pub turn: Option<usize>,
    pub heard_by: Option<String>,
}

/// A person's correction.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HumanDto {
    #[schema(value_type = Option<u8>)]
    pub level: Option<Level>,
    pub reason: String,
    pub by: String,
    pub at: String,
}

impl ScorecardDto {
    pub fn of(call: &CallId, card: &Scorecard, view: &View<'_>) -> Self {
        let index = card.index();
        Self {
            call_id: call.to_string(),
            rubric: card.rubric.clone(),
            index: IndexDto { mean: index.mean, n_scored: index.n_scored, partial_mean: index.partial_mean },
            scores: card.scores.iter().map(|score| ScoreDto::of(score, view)).collect(),
            alarms: card.alarms.iter().map(EvidenceDto::of).collect(),
        }
    }
}

impl ScoreDto {
    fn of(score: &Score, view: &View<'_>) -> Self {
        let human =
            |h: &HumanScore| HumanDto { level: h.level, reason: h.reason.clone(), by: h.by.clone(), at: view.at(h.at) };
        Self {
            indicator: score.indicator,
            level: score.in_force(),
            machine_level: score.level,
            null_reason: score.null_reason,
            evidence: score.evidence.iter().map(EvidenceDto::of).collect(),
            disagreement: score.disagreement.as_ref().map(DisagreementDto::of),
            human: score.human.as_ref().map(human),
        }
    }
}

impl EvidenceDto {
    pub fn of(evidence: &Evidence) -> Self {
        Self {
            text: evidence.text.clone(),
            start: evidence.start,
            end: evidence.end,
            level: evidence.level,
            rule: evidence.rule.clone(),
            from_s: evidence.from_s,
            to_s: evidence.to_s,
            turn: evidence.turn,
            heard_by: evidence.heard_by.clone(),
        }
    }
}

/// The scorecard of a call
#[utoipa::path(get, path = "/calls/{id}/scorecard", tag = "scores", params(("id" = String, Path)),
    responses((status = 200, body = ScorecardDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<ScorecardDto>, Problem> {
    let call = CallId::new(id);
    let card = state.store.scorecard(&call).await?.card;
    Ok(axum::Json(ScorecardDto::of(&call, &card, &state.view(&caller))))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideBody {
    /// 1 to 5, or null for "no level". Must be given.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 5)]
    level: Option<Level>,
    /// Why; kept with the score.
    reason: String,
}

/// Correct one score
///
/// The machine's level stays beside the person's. The indicator is its name: 服务技能 服务态度 服务及时性 配件供应 服务综合, or
/// skill, attitude, timeliness, parts, overall.
#[utoipa::path(put, path = "/calls/{id}/scorecard/{indicator}", tag = "scores",
    params(("id" = String, Path), ("indicator" = String, Path)), request_body = OverrideBody,
    responses((status = 200, body = ScorecardDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn put(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((id, indicator)): Path<(String, String)>,
    Json(body): Json<OverrideBody>,
) -> Result<axum::Json<ScorecardDto>, Problem> {
    caller.may(Right::Review)?;
    let call = CallId::new(id);
    let indicator = read_indicator(&indicator).ok_or_else(|| Problem::not_found("indicator", &indicator))?;
    let reason = limits::text("reason", &body.reason, limits::TEXT_CHARS)?;
    let card = state.commands.override_score(&call, indicator, body.level, &reason, caller.name()).await?;
    Ok(axum::Json(ScorecardDto::of(&call, &card, &state.view(&caller))))
}

fn read_indicator(text: &str) -> Option<Indicator> {
    Indicator::parse(text).or(match text {
        "skill" => Some(Indicator::Skill),
        "attitude" => Some(Indicator::Attitude),
        "timeliness" => Some(Indicator::Timeliness),
        "parts" => Some(Indicator::Parts),
        "overall" => Some(Indicator::Overall),
        _ => None,
    })
}
