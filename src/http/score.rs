//! `POST /score`: judges answers with a rubric in force and keeps nothing. The line format of `huifang score`, several at once.

use super::AppState;
use super::extract::Json;
use super::problem::Problem;
use super::schema::IndicatorName;
use super::transcript::HeardDto;
use crate::domain::score::{Indicator, Level, ScoredEvidence};
use crate::engine::handle::ScoreRequest;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Answers in one request at most.
const ANSWERS_MAX: usize = 100;
const ANSWER_CHARS: usize = 4000;

/// One answer, or several as a list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ScoreBody {
    Many(Vec<AnswerDto>),
    One(AnswerDto),
}

/// One question and what the customer said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerDto {
    /// Given back as it came.
    #[serde(default)]
    id: Option<String>,
    /// The indicator the question asked for, if it asked for one.
    #[serde(default)]
    #[schema(value_type = Option<IndicatorName>)]
    indicator: Option<Indicator>,
    #[serde(default)]
    question: String,
    answer: String,
    /// The same words as other recognisers heard them.
    #[serde(default)]
    also_heard: Vec<HeardDto>,
    /// Name of a keyword table that a programme here names; left out: that of the site's own programme.
    #[serde(default)]
    rubric: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ScoreReply {
    Many(Vec<JudgedDto>),
    One(JudgedDto),
}

/// One answer judged.
#[derive(Debug, Serialize, ToSchema)]
pub struct JudgedDto {
    id: Option<String>,
    /// Level of the asked indicator.
    #[schema(value_type = Option<u8>)]
    label: Option<Level>,
    /// Every indicator the answer speaks of.
    #[schema(value_type = BTreeMap<String, u8>)]
    labels: BTreeMap<&'static str, Level>,
    evidence: Vec<JudgedEvidenceDto>,
    /// Words that need a person at once.
    alarms: Vec<JudgedEvidenceDto>,
    /// The customer complains.
    complaint: bool,
    /// `name@version`.
    rubric: String,
}

/// Words of the answer that carry a level; `start` and `end` count characters.
#[derive(Debug, Serialize, ToSchema)]
pub struct JudgedEvidenceDto {
    text: String,
    start: usize,
    end: usize,
    #[schema(value_type = u8)]
    level: Level,
    rule: String,
    heard_by: Option<String>,
}

impl From<ScoredEvidence> for JudgedEvidenceDto {
    fn from(e: ScoredEvidence) -> Self {
        Self { text: e.text, start: e.start, end: e.end, level: e.level, rule: e.rule, heard_by: e.heard_by }
    }
}

/// Judge one answer or several; nothing is stored
#[utoipa::path(post, path = "/score", tag = "scores", request_body = ScoreBody,
    responses((status = 200, body = ScoreReply),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn post(
    State(state): State<AppState>,
    Json(body): Json<ScoreBody>,
) -> Result<axum::Json<ScoreReply>, Problem> {
    Ok(axum::Json(match body {
        ScoreBody::One(answer) => ScoreReply::One(judge(&state, answer)?),
        ScoreBody::Many(answers) if answers.len() > ANSWERS_MAX => {
            return Err(Problem::invalid("answers", format!("{}, at most {ANSWERS_MAX} are taken", answers.len())));
        }
        ScoreBody::Many(answers) => {
            ScoreReply::Many(answers.into_iter().map(|answer| judge(&state, answer)).collect::<Result<_, _>>()?)
        }
    }))
}

fn judge(state: &AppState, dto: AnswerDto) -> Result<JudgedDto, Problem> {
    for (field, text) in [("question", &dto.question), ("answer", &dto.answer)] {
        if text.chars().count() > ANSWER_CHARS {
            return Err(Problem::invalid(field, format!("more than {ANSWER_CHARS} characters")));
        }
    }
    let AnswerDto { id, indicator, question, answer, also_heard, rubric } = dto;
    let also_heard = also_heard.into_iter().map(|heard| (heard.engine, heard.text)).collect();
    let request = ScoreRequest { id: id.clone().unwrap_or_default(), indicator, question, answer, also_heard };
    let judged = state.commands.score(&request, rubric.as_deref())?;
    Ok(JudgedDto {
        id,
        label: judged.label,
        labels: judged.labels.into_iter().map(|(indicator, level)| (indicator.name(), level)).collect(),
        evidence: judged.evidence.into_iter().map(JudgedEvidenceDto::from).collect(),
        alarms: judged.alarms.into_iter().map(JudgedEvidenceDto::from).collect(),
        complaint: judged.complaint,
        rubric: judged.rubric,
    })
}
