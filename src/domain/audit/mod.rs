//! 稽核发现: what a call or a record shows against a rule of conduct, with the evidence.
//!
//! Two footings share the detectors of [`speech`]: [`audit_call`] for our own calls (signalling, clock, recording and journal are known)
//! and [`audit_dialogue`] for a written dialogue of anybody. Contract: pure; a rule that cannot be checked says nothing. It decides no
//! consequences: alarms, tasks and letters are the engine's.

mod agent;
mod asked;
mod conduct;
mod dialogue;
mod pledges;
mod probe;
mod records;
mod rules;
mod speech;
mod talk;
mod temper;
mod witness;

pub use dialogue::{
    Compliance, DialogueOutcome, DialogueReport, DialogueRequest, DialogueTurn, EvidenceSpan, Speaker, audit_dialogue,
};
pub use records::CallingHours;
pub use rules::{CallEvidence, audit_call};
pub use speech::HOTLINE;
pub use talk::{Activity, Limits, Stretch, Talk};

use super::transcript::Channel;
use serde::{Deserialize, Serialize};
use speech::Line;

/// Whether these words of an agent say that somebody will call back (A19): one table for the audit and for the ledger of promises.
pub fn promises_call_back(words: &str) -> bool {
    pledges::callback_promised(&[Line::new(Channel::Agent, words, 0.0, 0.0, 0)]).is_some()
}

/// Name and version of the rules: raised with every change that may change a finding. Results of earlier versions are kept beside.
pub const RULES: &str = "conduct@9";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The rule was kept; stated because the report shows it.
    Pass,
    Info,
    /// 黄: AM in the rule table.
    Amber,
    /// 红: RD in the rule table.
    Red,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Rule id of the table, e.g. `C16`.
    pub rule: String,
    pub severity: Severity,
    /// What was seen, one readable sentence (zh).
    pub seen: String,
    /// What should have happened (zh); empty for a pass.
    pub expected: String,
    /// Seconds on the recording's axis.
    pub from_s: Option<f64>,
    pub to_s: Option<f64>,
}

#[cfg(test)]
mod tests;
