//! One stateless scoring request: the same types for `huifang score` and `POST /api/v1/score`.

use super::rubric::Rubric;
use super::{Answer, Disagreement, Evidence, Indicator, Level};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One question and its answer. Further keys are passed over: a labelled file can be scored as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreRequest {
    pub id: String,
    /// The indicator asked for; null where the question was about something else.
    #[serde(default)]
    pub indicator: Option<Indicator>,
    #[serde(default)]
    pub question: String,
    pub answer: String,
    /// Other recognisers' words for the same audio.
    #[serde(default)]
    pub also_heard: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreReply {
    pub id: String,
    /// Level of the asked indicator.
    pub label: Option<Level>,
    /// Levels of all indicators the answer speaks of.
    pub labels: BTreeMap<Indicator, Level>,
    pub evidence: Vec<ScoredEvidence>,
    /// Words that need a person at once.
    #[serde(default)]
    pub alarms: Vec<ScoredEvidence>,
    pub complaint: bool,
    /// Another recogniser's words lead to a clearly different level: a person should listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<Disagreement>,
    /// `name@version`.
    pub rubric: String,
}

/// Character offsets into the answer as given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoredEvidence {
    pub text: String,
    pub start: usize,
    pub end: usize,
    pub level: Level,
    pub rule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_by: Option<String>,
}

impl From<Evidence> for ScoredEvidence {
    fn from(e: Evidence) -> Self {
        Self { text: e.text, start: e.start, end: e.end, level: e.level, rule: e.rule, heard_by: e.heard_by }
    }
}

/// Judges one request.
pub fn score_request(rubric: &Rubric, request: &ScoreRequest) -> ScoreReply {
    let mut answer = Answer::bare(request.indicator, &request.question, &request.answer);
    answer.also_heard.clone_from(&request.also_heard);
    let j = rubric.judge(&answer);
    ScoreReply {
        id: request.id.clone(),
        label: j.label,
        labels: j.labels,
        evidence: j.evidence.into_iter().map(Into::into).collect(),
        alarms: j.alarms.into_iter().map(Into::into).collect(),
        complaint: j.complaint,
        disagreement: j.disagreement,
        rubric: rubric.id().to_string(),
    }
}
