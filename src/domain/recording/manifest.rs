//! What is stored about one recording.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordingInfo {
    /// Opaque id; equals the call's id.
    pub id: String,
    /// Path below the recordings store, with `/`.
    pub file: String,
    /// Length of the file in seconds, early media included.
    pub seconds: f64,
    /// Where the answered part begins in the file, seconds (0 without early media).
    pub answered_at_s: Option<f64>,
    pub sha256: String,
    /// 2: left agent, right customer.
    pub channels: u16,
    pub sample_rate: u32,
    pub gaps: Vec<Gap>,
    pub state: RecordingState,
    /// Voices beside the two channels.
    #[serde(default)]
    pub tracks: Vec<TrackInfo>,
}

/// A voice in a mono file of its own beside the recording, on the same clock: its first sample belongs to the recording's first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackInfo {
    pub name: TrackName,
    /// Path below the recordings store, with `/`.
    pub file: String,
    /// Less than the recording's: the disk failed, or the engine was killed.
    pub seconds: f64,
    pub sha256: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackName {
    /// What supervisors said, to the agent alone or to both. It is nobody's evidence: scoring reads the two channels.
    Supervisor,
}

impl TrackName {
    pub const ALL: [Self; 1] = [Self::Supervisor];

    /// As serialised, and in the file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supervisor => "supervisor",
        }
    }
}

/// A stretch in which one channel has no audio though it should: marked, with its reason (invariant 1). What a crash or a failed recorder
/// cost lies behind the end of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    pub channel: crate::domain::transcript::Channel,
    pub from_s: f64,
    pub to_s: f64,
    pub reason: GapReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Packets never arrived.
    Loss,
    /// The far end sent nothing for a while.
    NoMedia,
    /// Hold.
    Hold,
    /// The sender was silent on purpose: its numbers went on and its clock too (DTX, comfort noise).
    Dtx,
    /// Packets came, but when their place was on disk already.
    Late,
    /// The engine was killed: the tail after the last flush.
    Crash,
    /// The disk or the recorder failed.
    RecorderFailed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// Being written (`.part`).
    Open,
    /// Closed and renamed.
    Complete,
    /// Found after a crash, header mended, closed.
    Repaired,
    /// Deleted by retention; the row stays.
    Pruned,
    /// The file is gone or does not match its hash.
    Missing,
}
