//! A recogniser that says what it was told to: for tests of everything that uses speech and needs no model.

use super::{Recogniser, SpeechStream, StreamingModel, SttError};
use crate::domain::transcript::{Channel, Segment};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

/// Gives back its segments for the channel asked, whatever the audio.
#[derive(Clone, Debug, Default)]
pub struct Scripted {
    pub segments: Vec<Segment>,
}

impl Recogniser for Scripted {
    fn engine(&self) -> &str {
        "scripted"
    }

    fn model(&self) -> &str {
        "none"
    }

    fn transcribe(
        &self,
        _pcm: &[i16],
        channel: Channel,
        _turns: &[(f64, f64)],
        progress: &mut dyn FnMut(f32),
        cancel: &AtomicBool,
    ) -> Result<Vec<Segment>, SttError> {
        if cancel.load(Ordering::Relaxed) {
            return Err(SttError::Cancelled);
        }
        progress(1.0);
        Ok(self.segments.iter().filter(|s| s.channel == channel).cloned().collect())
    }
}

/// Every stream says the same utterances, one for each `finish_utterance`, then nothing.
#[derive(Clone, Debug, Default)]
pub struct ScriptedStream {
    pub utterances: VecDeque<String>,
}

impl StreamingModel for ScriptedStream {
    fn engine(&self) -> &str {
        "scripted"
    }

    fn open(&self) -> Result<Box<dyn SpeechStream>, SttError> {
        Ok(Box::new(Running { left: self.utterances.clone(), heard_any: false }))
    }
}

struct Running {
    left: VecDeque<String>,
    heard_any: bool,
}

impl SpeechStream for Running {
    fn accept(&mut self, pcm: &[i16]) -> Result<(), SttError> {
        self.heard_any |= pcm.iter().any(|&s| s != 0);
        Ok(())
    }

    fn partial(&mut self) -> Result<String, SttError> {
        Ok(self.left.front().filter(|_| self.heard_any).cloned().unwrap_or_default())
    }

    /// Nothing is said, and nothing used up, for an utterance of silence.
    fn finish_utterance(&mut self) -> Result<String, SttError> {
        let heard_any = std::mem::take(&mut self.heard_any);
        Ok(if heard_any { self.left.pop_front().unwrap_or_default() } else { String::new() })
    }
}
