//! Speech to text behind two traits: a whole-channel recogniser (the transcript of record) and a streaming one (during the call).
//!
//! Both take 8 kHz mono 16-bit audio, as it came over the line. Both block: run them on blocking threads.

pub mod audio;
mod call;
pub mod clean;
pub mod models;
pub mod plan;
pub mod scripted;
pub mod settings;
pub mod tokens;
pub mod vosk;
pub mod whisper;

pub use call::{CallAudio, transcribe_call};

use crate::domain::transcript::{Channel, Segment};
use std::sync::atomic::AtomicBool;

#[derive(Debug, thiserror::Error)]
pub enum SttError {
    #[error("{what} is missing: {path}; run `huifang models fetch`")]
    ModelMissing { what: &'static str, path: String },
    #[error("{engine} failed: {detail}")]
    Engine { engine: &'static str, detail: String },
    #[error("cancelled")]
    Cancelled,
}

/// Writes the transcript of record, one channel at a time.
pub trait Recogniser: Send + Sync {
    fn engine(&self) -> &str;
    fn model(&self) -> &str;
    /// `turns` are the seconds in which this side had the word, as the call's journal knows them, sorted, or empty: a turn
    /// becomes a segment of its own. `progress` gets 0..=1. Times of the segments are seconds from the first sample.
    fn transcribe(
        &self,
        pcm: &[i16],
        channel: Channel,
        turns: &[(f64, f64)],
        progress: &mut dyn FnMut(f32),
        cancel: &AtomicBool,
    ) -> Result<Vec<Segment>, SttError>;
}

/// Makes streams; one model serves many calls.
pub trait StreamingModel: Send + Sync {
    fn engine(&self) -> &str;
    fn open(&self) -> Result<Box<dyn SpeechStream>, SttError>;
}

/// One channel of one running call.
pub trait SpeechStream: Send {
    /// Any number of samples, in order.
    fn accept(&mut self, pcm: &[i16]) -> Result<(), SttError>;
    /// What is heard so far of the current utterance.
    fn partial(&mut self) -> Result<String, SttError>;
    /// Ends the current utterance, returns its words and begins the next.
    fn finish_utterance(&mut self) -> Result<String, SttError>;
}
