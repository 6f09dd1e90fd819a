//! The recorder of a session, with its chunk away on a blocking thread while the session goes on.
//!
//! Contract: nothing here blocks the caller. A recorder that fails, or a disk that falls behind, is told once; what was written stays.

use super::leg::{Ending, Leg};
use super::wav::{Recorder, RecorderError, Seal};
use crate::domain::recording::manifest::RecordingInfo;
use tokio::task::JoinHandle;

/// Frames handed over at once: 400 ms. With the 400 ms held back, a kill costs less than a second.
const CHUNK: usize = 3_200;
/// A disk this far behind (frames, 10 s) has failed.
const BACKLOG: usize = 80_000;

/// The recorder, here or away on a blocking thread with a chunk.
pub struct Writer {
    recorder: Option<Recorder>,
    away: Option<JoinHandle<(Recorder, Result<(), RecorderError>)>>,
    failure: Option<Failure>,
}

struct Failure {
    error: String,
    told: bool,
}

impl Writer {
    pub fn new(recorder: Recorder) -> Self {
        Self { recorder: Some(recorder), away: None, failure: None }
    }

    /// Sends the next chunk off when the last is written; after a failure samples are dropped, the event has said so.
    pub fn feed(&mut self, leg: &mut Leg) {
        if self.failure.is_some() {
            leg.take_chunk(0);
            return;
        }
        if self.away.is_some() && leg.chunk_frames() > BACKLOG {
            self.fail("the disk is ten seconds behind".into());
        }
        if self.away.is_none()
            && let Some(chunk) = leg.take_chunk(CHUNK)
        {
            self.send_off(chunk);
        }
    }

    fn send_off(&mut self, chunk: Vec<i16>) {
        if let Some(mut recorder) = self.recorder.take() {
            self.away = Some(tokio::task::spawn_blocking(move || {
                let result = recorder.write(&chunk);
                (recorder, result)
            }));
        }
    }

    /// The chunk that was away is written. Looked at in passing: to be woken for it would cost more than the write.
    pub fn is_back(&self) -> bool {
        self.away.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Waits for the chunk that is away.
    pub async fn written(&mut self) {
        let Some(away) = self.away.take() else { return };
        let done = away.await;
        match done {
            Ok((recorder, result)) => {
                self.recorder = Some(recorder);
                if let Err(error) = result {
                    self.fail(error.to_string());
                }
            }
            Err(error) => self.fail(format!("the recorder's thread died: {error}")),
        }
    }

    fn fail(&mut self, error: String) {
        tracing::error!(%error, "the recorder failed");
        self.failure.get_or_insert(Failure { error, told: false });
    }

    pub fn failure_to_tell(&mut self) -> Option<String> {
        let failure = self.failure.as_mut().filter(|failure| !failure.told)?;
        failure.told = true;
        Some(failure.error.clone())
    }

    pub async fn close(mut self, ending: &Ending) -> Result<RecordingInfo, RecorderError> {
        self.written().await;
        let Some(mut recorder) = self.recorder else {
            return Err(RecorderError::TaskDied(self.failure.map_or_else(String::new, |failure| failure.error)));
        };
        let failed = self.failure.is_some();
        let seal =
            Seal { answered_at_s: ending.answered_at_s, gaps: ending.gaps.clone(), length: ending.length, failed };
        let rest = if failed { Vec::new() } else { ending.rest.clone() };
        let closing = tokio::task::spawn_blocking(move || {
            let seal = match recorder.write(&rest) {
                Ok(()) => seal,
                Err(error) => {
                    tracing::error!(%error, "the recorder failed at the end");
                    Seal { failed: true, ..seal }
                }
            };
            recorder.close(seal)
        });
        closing.await.unwrap_or_else(|error| Err(RecorderError::TaskDied(error.to_string())))
    }
}
