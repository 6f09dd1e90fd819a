//! What is in a recording, by tone and time.

use super::data::LEVEL;
use huifang::media::tones::find_tone;
use huifang::media::wav;
use serde_json::Value;
use std::path::Path;

/// 20 ms, the tolerance of every time in a recording, and the detector's 2.5 ms.
pub const NEAR: f64 = 0.0225;

pub struct Recording {
    /// Left: the prompts.
    pub agent: Vec<i16>,
    /// Right.
    pub customer: Vec<i16>,
}

impl Recording {
    /// The recording of a call as the API describes it.
    pub fn of(call: &Value, store: &Path) -> Self {
        let file = store.join(call["recording"]["file"].as_str().expect("a recording"));
        let [agent, customer] = wav::read_channels(&file).unwrap();
        Self { agent, customer }
    }

    pub fn seconds(&self) -> f64 {
        self.agent.len() as f64 / 8_000.0
    }
}

/// Where a tone of the common level sounds, seconds.
pub fn bursts(pcm: &[i16], hz: f64) -> Vec<(f64, f64)> {
    let seconds = |n: usize| n as f64 / 8_000.0;
    find_tone(pcm, hz, LEVEL).into_iter().map(|(from, to)| (seconds(from), seconds(to))).collect()
}

/// The loudest sample.
pub fn peak(pcm: &[i16]) -> u16 {
    pcm.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0)
}
