//! The journal of one call: what was played, asked, heard and decided, on the recording's time axis.
//!
//! It is the script's own account and the context for scoring and audit: which question an answer belongs to is read here. What the
//! line did meanwhile stands between.

use crate::domain::score::Indicator;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Seconds since the answer; negative before it. Of a call that was not answered: since its early media began.
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
    /// The agent is at this step of his script: what the customer says from here answers it.
    Step { step: String, indicator: Option<Indicator> },
    /// The agent's side changed, which explains what is, or is not, to be heard on his channel.
    Seat { change: SeatChange, text: String },
    /// The line changed under the conversation, which explains silence on the recording. Not the script's: scoring and audit ignore it.
    Line { change: LineChange, text: String },
}

/// What changed on the line; the sentence beside it says it in Chinese.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineChange {
    /// The far end holds us: nothing of the customer is to be heard.
    Held,
    Resumed,
    /// Another codec or address, or the same again (a session refresh).
    Renegotiated,
    /// An offer of the far end that was refused; the session stays as it was.
    Refused,
    /// A key by SIP INFO: the recording holds no tone of it.
    KeyByInfo,
    /// An announcement, a machine or a tone was heard where a person should be.
    Announcement,
}

/// What changed at the agent's side; the sentence beside it says it in Chinese.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatChange {
    /// The agent's line is heard; a second time: over another line than before.
    Joined,
    Muted,
    Unmuted,
    Held,
    Resumed,
    /// Nothing comes from the agent's line, and it comes again.
    Silent,
    Back,
    /// The agent is gone for good.
    Lost,
    /// A supervisor came in, left, took over or ended the call.
    Supervisor,
}
