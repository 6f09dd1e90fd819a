//! 话术: the script of a service type as data, and the machine that walks it.
//!
//! A script is a TOML file, one per service type: steps in the order of the source text (C28: greeting, notice, introduction,
//! identity, consent, the facts of RULES D, the five indicators, needs, thanks and hotline). [`Script::parse`] checks everything that
//! can be checked before a call: a script that parses can be played, or, where steps have a text for an agent and no clips, be read out.
//! [`dialogue::Dialogue`] walks it on one call.
//!
//! Not here: opening files, playing, hearing, and judging levels (the rubric's business, handed in as [`dialogue::LiveJudge`]).

pub mod address;
pub mod dialogue;
pub mod prompts;
pub mod sheet;
pub mod understand;

use crate::domain::order::ServiceType;
use crate::domain::score::Indicator;
pub use prompts::{PromptId, PromptManifest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScriptError {
    #[error("prompt manifest: line {line}: {detail}")]
    Manifest { line: usize, detail: String },
    #[error("script {file}: {detail}")]
    Toml { file: String, detail: String },
    #[error("script {file}: {detail}")]
    Shape { file: String, detail: String },
    #[error("script {file}: step {step:?}: {key}: {detail}")]
    Step { file: String, step: String, key: &'static str, detail: String },
    #[error("script {file}: prompt {id:?} of the built-in lines is not in the prompt manifest")]
    BuiltIn { file: String, id: String },
}

/// The script of one service type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Left out in a script that serves every type which has none of its own.
    #[serde(default)]
    pub service_type: Option<ServiceType>,
    /// Raised with every change of the wording or the order; goes into the journal.
    pub version: u32,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub timing: Timing,
    pub steps: Vec<Step>,
}

/// How often and how long, at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Whole call, seconds since the answer; then we take leave.
    pub call_s: u64,
    /// C16: so long we wait for the customer to hang up first.
    pub hangup_wait_s: u64,
    /// C18: so many times per call we ask why after a level of 3 or less.
    pub probes: u8,
    /// "Hold on": so long we wait.
    pub hold_s: u64,
    /// A question is repeated so often because nothing (usable) was heard.
    pub repeats: u8,
    /// A question is repeated so often because the customer asked for it.
    pub say_again: u8,
    /// A single turn of the customer, seconds.
    pub turn_s: u64,
}
impl Default for Limits {
    fn default() -> Self {
        Self { call_s: 600, hangup_wait_s: 8, probes: 2, hold_s: 60, repeats: 1, say_again: 2, turn_s: 45 }
    }
}

/// Milliseconds of turn-taking. The defaults were tried on hesitating and hasty speakers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// Customer speech over a prompt for so long is a barge-in.
    pub barge_in_ms: u64,
    /// Speech that begins within so long of our next prompt continues the previous answer.
    pub continuation_ms: u64,
    /// Silence that ends a short complete answer (yes, no, fine).
    pub short_answer_ms: u64,
    /// Silence that ends a complete answer.
    pub answer_ms: u64,
    /// Silence that ends a narrative (a complaint, a reason).
    pub narrative_ms: u64,
    /// After words that are probably not all: an unknown syllable, a number half said.
    pub unfinished_ms: u64,
    /// After a filler or the mere topic: 嗯, 外观嘛.
    pub filler_ms: u64,
    /// C19: after 但是, 不过, 就是, 还有.
    pub conjunction_ms: u64,
    /// Nobody speaks after a question.
    pub silence_ms: u64,
    /// Room for a remark after a statement such as `sat_intro`.
    pub pause_ms: u64,
    /// The recogniser's last words may take so long.
    pub words_ms: u64,
}
impl Default for Timing {
    fn default() -> Self {
        Self {
            barge_in_ms: 300,
            continuation_ms: 1200,
            short_answer_ms: 750,
            answer_ms: 900,
            narrative_ms: 1200,
            unfinished_ms: 1800,
            filler_ms: 2300,
            conjunction_ms: 2500,
            silence_ms: 6000,
            pause_ms: 1600,
            words_ms: 1500,
        }
    }
}

/// One step of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique in the script; the journal's name for it.
    pub id: String,
    pub kind: StepKind,
    /// Clips, in order. Empty for `identity`, whose clips come from the customer's name, and where only an agent speaks.
    #[serde(default)]
    pub say: Vec<PromptId>,
    /// In a few words, for the list of steps of an agent; default: what it is by its kind.
    #[serde(default)]
    pub title: Option<String>,
    /// What a person says here instead, where the clips speak of a machine or there are none.
    #[serde(default)]
    pub agent: Option<String>,
    /// Left out unless this holds.
    #[serde(default)]
    pub when: Option<Condition>,
    /// Only for `rating`.
    #[serde(default)]
    pub indicator: Option<Indicator>,
    /// C25: played with the question when the first answer said nothing; only for `fact` and `rating`.
    #[serde(default)]
    pub hint: Option<PromptId>,
    #[serde(default)]
    pub expects: Expects,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Said to the end; nothing is asked.
    Statement,
    /// Said, with room for a short remark (`sat_intro`).
    Pause,
    /// C04, C08.
    Identity,
    /// C06, C07: nothing below is asked before it is given.
    Consent,
    /// The first sentence after consent (D02): any remark will do.
    Intro,
    /// A question of RULES D.
    Fact,
    /// One of the five indicators.
    Rating,
    /// Opinions and suggestions.
    Suggestion,
    /// D12: a technical question is likely here (C24).
    Needs,
    /// C26; the customer hangs up first (C16).
    Closing,
}

/// What kind of answer a fact has; a half-said number gets more patience.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expects {
    #[default]
    Words,
    Number,
    Narrative,
}

/// Conditions on the order, and one on an earlier answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// D19: the order says it was repaired for the time being.
    TemporaryFix,
    /// The order is the 1000-hour service.
    ThousandHours,
    NotThousandHours,
    /// D18: the customer did not say that nothing was charged.
    FeeWasCharged,
}

impl Script {
    /// Reads and checks one script file; `file` only names it in errors.
    ///
    /// # Errors
    /// The first thing wrong, naming the file, the step and the key.
    pub fn parse(file: &str, text: &str, prompts: &PromptManifest) -> Result<Self, ScriptError> {
        let script: Script = toml::from_str(text)
            .map_err(|e| ScriptError::Toml { file: file.into(), detail: e.to_string().trim().replace('\n', " ") })?;
        script.check(file, prompts)?;
        Ok(script)
    }

    /// The script as one call may use it: so many satisfaction items at most, the first ones (C12, B08), and no longer than `call` (C11).
    pub fn limited(&self, items: u32, call: Duration) -> Script {
        let mut script = self.clone();
        let mut left = items;
        script.steps.retain(|step| {
            let rating = step.kind == StepKind::Rating;
            let keep = !rating || left > 0;
            left = left.saturating_sub(u32::from(rating));
            keep
        });
        script.limits.call_s = script.limits.call_s.min(call.as_secs());
        script
    }

    /// Whether the machine could say it: every step has its clips.
    pub fn is_spoken(&self) -> bool {
        self.steps.iter().all(|step| step.kind == StepKind::Identity || !step.say.is_empty())
    }

    fn check(&self, file: &str, prompts: &PromptManifest) -> Result<(), ScriptError> {
        let mut seen = BTreeSet::new();
        for step in &self.steps {
            let bad =
                |key, detail: String| Err(ScriptError::Step { file: file.into(), step: step.id.clone(), key, detail });
            if step.id.is_empty() || !seen.insert(step.id.as_str()) {
                return bad("id", "must be unique and not empty".into());
            }
            if let Some((key, detail)) = step.fault(prompts) {
                return bad(key, detail);
            }
        }
        self.check_order(file)?;
        let built_in = dialogue::lines::all().chain(address::all_prompts());
        match built_in.into_iter().find(|id| !prompts.contains(id)) {
            Some(id) => Err(ScriptError::BuiltIn { file: file.into(), id: id.to_string() }),
            None => Ok(()),
        }
    }

    /// C04, C07, C26: identity, then consent, then everything that is asked, and the closing last; each exactly once.
    fn check_order(&self, file: &str) -> Result<(), ScriptError> {
        let shape = |detail: &str| Err(ScriptError::Shape { file: file.into(), detail: detail.into() });
        let places = |kind: StepKind| -> Vec<usize> {
            self.steps.iter().enumerate().filter(|(_, s)| s.kind == kind).map(|(i, _)| i).collect()
        };
        let (identity, consent, closing) =
            (places(StepKind::Identity), places(StepKind::Consent), places(StepKind::Closing));
        let ([identity], [consent], [closing]) = (&identity[..], &consent[..], &closing[..]) else {
            return shape("want exactly one identity, one consent and one closing step");
        };
        if *closing + 1 != self.steps.len() {
            return shape("the closing must be the last step");
        }
        let first_question = self.steps.iter().position(|s| {
            use StepKind as K;
            match s.kind {
                K::Intro | K::Fact | K::Rating | K::Suggestion | K::Needs | K::Pause => true,
                K::Statement | K::Identity | K::Consent | K::Closing => false,
            }
        });
        if identity > consent || first_question.is_some_and(|q| q < *consent) {
            return shape("identity, then consent, must come before the first question (C07)");
        }
        let mut asked: Vec<Indicator> = self.steps.iter().filter_map(|s| s.indicator).collect();
        asked.sort();
        asked.dedup();
        if asked.len() != self.steps.iter().filter(|s| s.indicator.is_some()).count() {
            return shape("an indicator is asked twice");
        }
        Ok(())
    }
}

impl Step {
    /// False when the order rules the step out. What the answers rule out is the conversation's to say.
    fn is_for(&self, brief: &dialogue::Brief) -> bool {
        match self.when {
            Some(Condition::TemporaryFix) => brief.temporary_fix,
            Some(Condition::ThousandHours) => brief.thousand_hours,
            Some(Condition::NotThousandHours) => !brief.thousand_hours,
            Some(Condition::FeeWasCharged) | None => true,
        }
    }

    /// The key that is wrong and why.
    fn fault(&self, prompts: &PromptManifest) -> Option<(&'static str, String)> {
        let no_words = self.say.is_empty() && self.agent.is_none();
        if self.kind == StepKind::Identity && !self.say.is_empty() {
            return Some(("say", "want no prompt for identity: it comes from the name".into()));
        }
        if self.kind != StepKind::Identity && no_words {
            return Some(("say", "want at least one prompt, or a text for the agent".into()));
        }
        if let Some(id) = self.say.iter().find(|id| !prompts.contains(id)) {
            return Some(("say", format!("prompt {:?} is not in the prompt manifest", id.as_str())));
        }
        if (self.kind == StepKind::Rating) != self.indicator.is_some() {
            return Some(("indicator", "a rating has one, other steps have none".into()));
        }
        match &self.hint {
            Some(_) if !matches!(self.kind, StepKind::Fact | StepKind::Rating) => {
                Some(("hint", "only a fact or a rating has a hint".into()))
            }
            Some(id) if !prompts.contains(id) => {
                Some(("hint", format!("prompt {:?} is not in the prompt manifest", id.as_str())))
            }
            Some(_) | None => None,
        }
    }
}

#[cfg(test)]
mod tests;
