//! 转写: who said what, when. Times are seconds on the recording's axis (0 = start of the file).

pub mod format;
mod prompted;

pub use prompted::prompted;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Left: the agent, or the prompts of the unattended questionnaire.
    Agent,
    /// Right.
    Customer,
}

/// One utterance of one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    pub channel: Channel,
    pub start: f64,
    pub end: f64,
    /// Simplified Chinese, punctuated, digits readable.
    pub text: String,
    /// 0..1: mean token probability.
    pub confidence: f32,
    /// The same audio as another recogniser heard it; kept as evidence, never merged into `text`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_heard: Vec<Heard>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    pub engine: String,
    pub text: String,
}

/// The transcript of record of one call; segments are sorted by start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    pub segments: Vec<Segment>,
    /// e.g. `whisper`.
    pub engine: String,
    /// e.g. `ggml-base.bin`.
    pub model: String,
}
