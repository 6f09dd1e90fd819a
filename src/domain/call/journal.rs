//! The journal of one call: what was played, asked, heard and decided, on the recording's time axis.
//!
//! It is the script's own account and the context for scoring and audit: which question an answer belongs to is read here.

use crate::domain::score::Indicator;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Seconds since the answer; negative before it.
    pub at_s: f64,
    #[serde(flatten)]
    pub event: JournalEvent,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JournalEvent {
    /// A prompt began. `text` is what it says. `question` marks a step that waits for an answer.
    Prompt { step: String, prompts: Vec<String>, text: String, question: bool, indicator: Option<Indicator> },
    /// The prompt ended: played to its end, or cut by barge-in.
    PromptEnded { step: String, cut: bool },
    /// One turn of the customer ended. `text` is what the live recogniser made of it (may be empty).
    Answer { step: String, text: String, from_s: f64, to_s: f64, meaning: String },
    /// A key was pressed.
    Key { digit: char, step: String },
    /// Nothing was heard in the time allowed.
    Silence { step: String },
    /// Free sentence: a decision of the script and why.
    Note { text: String },
}
