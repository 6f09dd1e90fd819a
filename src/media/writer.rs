//! The files of a session, each with its chunk away on a blocking thread while the session goes on.
//!
//! Contract: nothing here blocks the caller. A recorder that fails, or a disk that falls behind, is told once; what was written stays. The
//! supervisor's track is opened when there is something to write; whatever becomes of it, the recording goes on, and the log says so.

use super::leg::{Ending, Leg};
use super::track::Chunk;
use super::wav::{Beside, Recorder, RecorderError, Seal};
use crate::domain::recording::manifest::{RecordingInfo, TrackInfo, TrackName};
use tokio::task::JoinHandle;

/// Frames handed over at once: 400 ms. With the 400 ms held back, a kill costs less than a second.
const CHUNK: usize = 3_200;
/// A disk this far behind (frames, 10 s) has failed.
const BACKLOG: usize = 80_000;

/// The recording, and the third track once a supervisor speaks.
pub struct Writer {
    recording: FileWriter,
    /// `None`: it was opened.
    beside: Option<Beside>,
    third: Option<FileWriter>,
}

impl Writer {
    pub fn new(recorder: Recorder) -> Self {
        let beside = recorder.beside(TrackName::Supervisor);
        Self { recording: FileWriter::new(recorder), beside: Some(beside), third: None }
    }

    /// Sends the next chunks off when the last are written.
    pub fn feed(&mut self, leg: &mut Leg) {
        self.recording.feed(leg.chunk());
        let Some(aside) = leg.aside() else { return };
        if let Some(beside) = self.beside.take() {
            let silence = aside.began();
            self.third = Some(FileWriter::opening(move || beside.open(silence)));
        }
        if let Some(third) = &mut self.third {
            third.feed(aside.chunk());
        }
    }

    /// A chunk that was away is written. Looked at in passing: to be woken for it would cost more than the write.
    pub fn is_back(&self) -> bool {
        self.recording.is_back() || self.third.as_ref().is_some_and(FileWriter::is_back)
    }

    /// Takes back what is written.
    pub async fn written(&mut self) {
        for file in [Some(&mut self.recording), self.third.as_mut()].into_iter().flatten() {
            if file.is_back() {
                file.written().await;
            }
        }
    }

    /// Of the recording: the call cannot go on without it.
    pub fn failure_to_tell(&mut self) -> Option<String> {
        self.recording.failure_to_tell()
    }

    pub async fn close(self, ending: &Ending) -> Result<RecordingInfo, RecorderError> {
        let mut tracks = vec![];
        if let Some(third) = self.third {
            match third.close_track(TrackName::Supervisor, ending.aside.clone()).await {
                Ok(track) => tracks.push(track),
                Err(error) => tracing::error!(%error, "the supervisor's track could not be closed"),
            }
        }
        let seal = Seal {
            answered_at_s: ending.answered_at_s,
            gaps: ending.gaps.clone(),
            length: ending.length,
            failed: false,
        };
        let info = self.recording.close(seal, ending.rest.clone()).await?;
        Ok(RecordingInfo { tracks, ..info })
    }
}

/// One file's recorder, here or away on a blocking thread.
struct FileWriter {
    recorder: Option<Recorder>,
    away: Option<JoinHandle<Away>>,
    failure: Option<Failure>,
}

/// The recorder, unless it could not be opened, and what became of its work.
type Away = (Option<Recorder>, Result<(), RecorderError>);

struct Failure {
    error: String,
    told: bool,
}

impl FileWriter {
    fn new(recorder: Recorder) -> Self {
        Self { recorder: Some(recorder), away: None, failure: None }
    }

    /// The file is yet to be opened.
    fn opening(open: impl FnOnce() -> Result<Recorder, RecorderError> + Send + 'static) -> Self {
        let opened = tokio::task::spawn_blocking(move || match open() {
            Ok(recorder) => (Some(recorder), Ok(())),
            Err(error) => (None, Err(error)),
        });
        Self { recorder: None, away: Some(opened), failure: None }
    }

    /// After a failure samples are dropped, the event has said so.
    fn feed(&mut self, chunk: &mut Chunk) {
        if self.failure.is_some() {
            chunk.take(0);
            return;
        }
        if self.away.is_some() && chunk.frames() > BACKLOG {
            self.fail("the disk is ten seconds behind".into());
        }
        if self.away.is_none()
            && let Some(chunk) = chunk.take(CHUNK)
        {
            self.send_off(chunk);
        }
    }

    fn send_off(&mut self, chunk: Vec<i16>) {
        if let Some(mut recorder) = self.recorder.take() {
            self.away = Some(tokio::task::spawn_blocking(move || {
                let result = recorder.write(&chunk);
                (Some(recorder), result)
            }));
        }
    }

    fn is_back(&self) -> bool {
        self.away.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Waits for the chunk that is away.
    async fn written(&mut self) {
        let Some(away) = self.away.take() else { return };
        let done = away.await;
        match done {
            Ok((recorder, result)) => {
                self.recorder = recorder;
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

    fn failure_to_tell(&mut self) -> Option<String> {
        let failure = self.failure.as_mut().filter(|failure| !failure.told)?;
        failure.told = true;
        Some(failure.error.clone())
    }

    async fn close(self, seal: Seal, rest: Vec<i16>) -> Result<RecordingInfo, RecorderError> {
        self.end(rest, move |recorder, failed| recorder.close(Seal { failed, ..seal })).await
    }

    async fn close_track(self, name: TrackName, rest: Vec<i16>) -> Result<TrackInfo, RecorderError> {
        self.end(rest, move |recorder, failed| recorder.close_track(name, failed)).await
    }

    /// Writes the rest and closes; `close` is told whether writing has failed.
    async fn end<T: Send + 'static>(
        mut self,
        rest: Vec<i16>,
        close: impl FnOnce(Recorder, bool) -> Result<T, RecorderError> + Send + 'static,
    ) -> Result<T, RecorderError> {
        self.written().await;
        let Some(mut recorder) = self.recorder else {
            return Err(RecorderError::TaskDied(self.failure.map_or_else(String::new, |failure| failure.error)));
        };
        let failed = self.failure.is_some();
        let closing = tokio::task::spawn_blocking(move || {
            let rest = if failed { &[] } else { rest.as_slice() };
            let failed = failed
                || recorder
                    .write(rest)
                    .inspect_err(|error| tracing::error!(%error, "the recorder failed at the end"))
                    .is_err();
            close(recorder, failed)
        });
        closing.await.unwrap_or_else(|error| Err(RecorderError::TaskDied(error.to_string())))
    }
}
