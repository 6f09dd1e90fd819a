//! 评分: five indicators, five levels, and the words that prove each level.
//!
//! Invariant 5: no level without evidence; the machine's value stays beside a human's; what was not said stays null; the index is
//! the arithmetic mean of five and exists only when all five do (E01).

mod acts;
mod allusion;
mod answers;
mod api;
mod asked;
mod clause;
mod compose;
mod entries;
mod heard;
mod irony;
mod judge;
mod learned;
mod lexicon;
mod normal;
mod patterns;
mod question;
mod reading;
mod rubric;
mod scorecard;
mod settle;
mod signs;
#[cfg(test)]
mod tests;
mod threat;
mod vocabulary;
mod weigh;

pub use acts::{Act, Likely};
pub use answers::{SpokenTurn, answers_of, answers_of_talk, answers_of_turns, spoken_turns};
pub use api::{ScoreReply, ScoreRequest, ScoredEvidence, score_request};
pub use heard::sound;
pub use judge::{Disagreement, Judgement};
pub use learned::{CLASSES, Learned, LearnedError, conduct_groups};
pub use normal::{plain, to_simplified};
pub use rubric::{Rubric, RubricError};
pub use scorecard::{judgements, score_call, score_judged};

use super::transcript::Channel;
use serde::{Deserialize, Serialize};

/// The five indicators of the source text, in the order they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Indicator {
    #[serde(rename = "服务技能")]
    Skill,
    #[serde(rename = "服务态度")]
    Attitude,
    #[serde(rename = "服务及时性")]
    Timeliness,
    #[serde(rename = "配件供应")]
    Parts,
    #[serde(rename = "服务综合")]
    Overall,
}

impl Indicator {
    pub const ALL: [Indicator; 5] = [Self::Skill, Self::Attitude, Self::Timeliness, Self::Parts, Self::Overall];

    pub fn name(self) -> &'static str {
        match self {
            Self::Skill => "服务技能",
            Self::Attitude => "服务态度",
            Self::Timeliness => "服务及时性",
            Self::Parts => "配件供应",
            Self::Overall => "服务综合",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|i| i.name() == text)
    }
}

/// 标准得分: 1 非常不满 … 5 非常满意 (E03–E07).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

impl Level {
    /// `None` outside 1..=5.
    pub fn new(value: u8) -> Option<Self> {
        (1..=5).contains(&value).then_some(Self(value))
    }
    pub fn get(self) -> u8 {
        self.0
    }
}
impl TryFrom<u8> for Level {
    type Error = String;
    fn try_from(value: u8) -> Result<Self, String> {
        Self::new(value).ok_or_else(|| format!("level {value} is not 1..5"))
    }
}
impl From<Level> for u8 {
    fn from(level: Level) -> u8 {
        level.0
    }
}

/// Why there is no level: three different nulls (DESIGN §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoLevel {
    NotAsked,
    NoEvidence,
    NotApplicable,
}

/// The customer's words that carry a level. `start`/`end` of `span` are character (not byte) offsets into the answer as given;
/// `from_s`/`to_s` are seconds on the recording's axis when the answer has a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub text: String,
    pub start: usize,
    pub end: usize,
    pub level: Level,
    /// Name of the rubric row or rule.
    pub rule: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to_s: Option<f64>,
    /// Index of the turn in the transcript.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub turn: Option<usize>,
    /// Which recogniser heard the words, when the transcript has two.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub heard_by: Option<String>,
}

/// One indicator of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub indicator: Indicator,
    /// The machine's level.
    pub level: Option<Level>,
    /// Present exactly when `level` is null.
    pub null_reason: Option<NoLevel>,
    pub evidence: Vec<Evidence>,
    /// Another recogniser's words, or a key, lead to a clearly different level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<Disagreement>,
    /// A person's correction; the machine's level stays beside it.
    pub human: Option<HumanScore>,
}

impl Score {
    /// The level in force: the person's if there is one.
    pub fn in_force(&self) -> Option<Level> {
        match &self.human {
            Some(h) => h.level,
            None => self.level,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HumanScore {
    pub level: Option<Level>,
    pub reason: String,
    pub by: String,
    pub at: jiff::Timestamp,
}

/// 评分 of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scorecard {
    /// `name@version` of the rubric that judged.
    pub rubric: String,
    /// Always five, in the order of [`Indicator::ALL`].
    pub scores: Vec<Score>,
    /// Words that need a person at once: 退机 起诉 曝光 … (E09).
    #[serde(default)]
    pub alarms: Vec<Evidence>,
}

/// 满意度指数. `mean` only when all five are scored (E01); nothing is imputed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub mean: Option<f64>,
    pub n_scored: usize,
    pub partial_mean: Option<f64>,
}

impl Scorecard {
    pub fn index(&self) -> Index {
        let levels: Vec<f64> = self.scores.iter().filter_map(Score::in_force).map(|l| f64::from(l.get())).collect();
        let n_scored = levels.len();
        let partial_mean = (n_scored > 0).then(|| levels.iter().sum::<f64>() / n_scored as f64);
        Index { mean: partial_mean.filter(|_| n_scored == Indicator::ALL.len()), n_scored, partial_mean }
    }
}

/// One question and what the customer answered, ready to be judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The indicator asked for, when the script or the agent's words say so.
    pub indicator: Option<Indicator>,
    pub question: String,
    pub text: String,
    /// Other recognisers' words for the same audio: (engine, text).
    #[serde(default)]
    pub also_heard: Vec<(String, String)>,
    #[serde(default)]
    pub start_s: Option<f64>,
    #[serde(default)]
    pub end_s: Option<f64>,
    #[serde(default)]
    pub turn: Option<usize>,
    /// Where the words stand in the transcript, one piece per utterance that was joined; empty when the answer has no times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
}

/// One utterance inside an [`Answer`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    /// Character offsets into the answer's text.
    pub from: usize,
    pub to: usize,
    pub start_s: f64,
    pub end_s: f64,
    /// Index of the segment or turn.
    pub turn: usize,
}

impl Answer {
    /// An answer without times, as `POST /score` brings it.
    pub fn bare(indicator: Option<Indicator>, question: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            indicator,
            question: question.into(),
            text: text.into(),
            also_heard: Vec::new(),
            start_s: None,
            end_s: None,
            turn: None,
            pieces: Vec::new(),
        }
    }

    /// Gives evidence its time and turn: interpolated inside the utterance that holds it (speech runs evenly enough to be found).
    pub fn place(&self, e: &mut Evidence) {
        let piece = self.pieces.iter().find(|p| e.start < p.to && e.heard_by.is_none()).or(self.pieces.first());
        let Some(p) = piece else {
            (e.from_s, e.to_s, e.turn) = (self.start_s, self.end_s, self.turn);
            return;
        };
        e.turn = Some(p.turn);
        if e.heard_by.is_some() {
            (e.from_s, e.to_s) = (self.start_s, self.end_s);
            return;
        }
        let at = |c: usize| {
            let share = c.saturating_sub(p.from).min(p.to - p.from) as f64 / (p.to - p.from).max(1) as f64;
            p.start_s + share * (p.end_s - p.start_s)
        };
        (e.from_s, e.to_s) = (Some(at(e.start)), Some(at(e.end)));
    }
}

/// Only this channel scores (invariant 6).
pub const SCORING_CHANNEL: Channel = Channel::Customer;
