//! The jobs after a call: recording → transcript → scores, facts and findings.
//!
//! Contract: jobs are rows, leased with a time limit, so they survive restarts and no job is done by two workers at once; every step
//! is idempotent (a second run writes a new version). A failure waits longer each time and is given up, visibly, after
//! [`ATTEMPTS_MAX`]. Transcription has a thread of low priority per job; media and signalling never wait for it.

use super::Engine;
use super::events::EngineEvent;
use super::{background, review};
use crate::domain::call::Call;
use crate::domain::call::journal::JournalEvent;
use crate::domain::transcript::{Transcript, prompted};
use crate::media::wav;
use crate::store::StoreError;
use crate::store::job::{Job, JobKind, NewJob};
use crate::stt::{CallAudio, StreamingModel, SttError, transcribe_call};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

const LEASE: Duration = Duration::from_secs(120);
const RENEW_EVERY: Duration = Duration::from_secs(40);
/// Jobs whose time has come are looked for so often when nothing wakes us.
const LOOK_EVERY: Duration = Duration::from_secs(15);
const ATTEMPTS_MAX: u32 = 6;
/// Share of the work that is told at a time.
const PROGRESS_STEP: f32 = 0.05;

#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Stt(#[from] SttError),
    #[error(transparent)]
    Wav(#[from] wav::RecorderError),
    #[error("call {0} has no recording to transcribe")]
    NoRecording(String),
    #[error("a thread for a job cannot be started: {0}")]
    NoThread(#[from] std::io::Error),
    #[error("the worker of a job broke off")]
    Worker(#[from] oneshot::error::RecvError),
}

/// Runs until the engine stops.
pub async fn run(engine: Arc<Engine>) {
    let workers = match engine.config.stt.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    };
    let places = Arc::new(tokio::sync::Semaphore::new(workers));
    let owner = engine.store.new_id();
    while !engine.stop.is_cancelled() {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match next_job(&engine, &owner).await {
            Some(job) => {
                let engine = engine.clone();
                engine.tasks.clone().spawn(async move {
                    work(&engine, job).await;
                    drop(place);
                    engine.more_jobs();
                });
            }
            None => {
                drop(place);
                tokio::select! {
                    () = engine.stop.cancelled() => return,
                    () = engine.jobs_added() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    }
}

/// Judging is quick and makes room; it goes first.
async fn next_job(engine: &Engine, owner: &str) -> Option<Job> {
    for kind in [JobKind::Judge, JobKind::Transcribe] {
        match engine.store.lease_jobs(kind, owner, LEASE, 1).await {
            Ok(jobs) => {
                if let Some(job) = jobs.into_iter().next() {
                    return Some(job);
                }
            }
            Err(error) => tracing::error!(%error, "jobs cannot be leased"),
        }
    }
    None
}

async fn work(engine: &Arc<Engine>, job: Job) {
    let done = match job.kind {
        JobKind::Transcribe => transcribe(engine, &job).await,
        JobKind::Judge => judge(engine, &job).await,
    };
    let Err(error) = done else { return };
    let retry_at = (job.attempts < ATTEMPTS_MAX).then(|| engine.clock.now() + backoff(job.attempts));
    tracing::error!(call.id = %job.call, job.kind = job.kind.name(), job.attempts, %error, "a job failed");
    if let Err(error) = engine.store.fail_job(&job, retry_at, &error.to_string()).await {
        tracing::error!(call.id = %job.call, %error, "the failure of a job could not be saved; its lease will run out");
    }
}

/// 30 s, 2 min, 8 min … at most two hours.
fn backoff(attempts: u32) -> SignedDuration {
    SignedDuration::from_secs((30 * 4i64.saturating_pow(attempts.saturating_sub(1))).min(7200))
}

async fn transcribe(engine: &Arc<Engine>, job: &Job) -> Result<(), JobError> {
    let call = engine.store.call(&job.call).await?;
    let cancel = Arc::new(AtomicBool::new(false));
    let worker = {
        let (engine, cancel, call) = (engine.clone(), cancel.clone(), call.clone());
        background::spawn("transcribe", move || hear(&engine, &call, &cancel))?
    };
    let transcript = keep_lease(engine, job, worker, &cancel).await??;
    engine.store.save_transcript(&call.id, &transcript).await?;
    let next = NewJob { kind: JobKind::Judge, call: call.id.clone(), run_at: engine.clock.now() };
    engine.store.finish_job(job, &[next]).await?;
    engine.announce(EngineEvent::TranscriptProgress { call: call.id, progress: 1.0 });
    Ok(())
}

/// Renews the lease while the worker runs; a lost lease or the end of the engine stops the worker.
async fn keep_lease<T>(
    engine: &Engine,
    job: &Job,
    mut worker: oneshot::Receiver<T>,
    cancel: &AtomicBool,
) -> Result<T, JobError> {
    loop {
        tokio::select! {
            done = &mut worker => return Ok(done?),
            () = engine.stop.cancelled(), if !cancel.load(Ordering::Relaxed) => cancel.store(true, Ordering::Relaxed),
            () = tokio::time::sleep(RENEW_EVERY) => {
                if !engine.store.renew_job(job, LEASE).await? {
                    cancel.store(true, Ordering::Relaxed);
                }
            }
        }
    }
}

/// Blocks for as long as the recognisers need.
fn hear(engine: &Engine, call: &Call, cancel: &AtomicBool) -> Result<Transcript, JobError> {
    let recording = call.recording.as_ref().ok_or_else(|| JobError::NoRecording(call.id.to_string()))?;
    let [agent, customer] = wav::read_channels(&engine.config.recordings.store.join(&recording.file))?;
    let recogniser = engine.ears.recogniser()?;
    // The second opinion is wanted, not needed.
    let second = engine.ears.streaming().inspect_err(|error| tracing::warn!(%error, "no second opinion")).ok();
    let answered_at_s = recording.answered_at_s.unwrap_or_default();
    let turns = customer_turns(call, answered_at_s);
    // What the questionnaire said is known to the letter: only the customer has to be recognised. An agent's words are not.
    let agent: &[i16] = if call.seat.is_some() { &agent } else { &[] };
    let audio = CallAudio { agent, customer: &customer, customer_turns: &turns };
    let mut told = 0.0;
    let mut progress = |share: f32| {
        if share - told >= PROGRESS_STEP && share < 1.0 {
            told = share;
            engine.announce(EngineEvent::TranscriptProgress { call: call.id.clone(), progress: share });
        }
    };
    let second = second.as_deref().map(|model| model as &dyn StreamingModel);
    let mut transcript = transcribe_call(&*recogniser, second, audio, &mut progress, cancel)?;
    transcript.segments.extend(prompted(&call.journal, answered_at_s));
    transcript.segments.sort_by(|a, b| a.start.total_cmp(&b.start));
    Ok(transcript)
}

/// When the customer had the word, on the recording's axis.
fn customer_turns(call: &Call, answered_at_s: f64) -> Vec<(f64, f64)> {
    let mut turns: Vec<(f64, f64)> = call
        .journal
        .iter()
        .filter_map(|entry| match &entry.event {
            JournalEvent::Answer { from_s, to_s, .. } => Some((from_s + answered_at_s, to_s + answered_at_s)),
            _ => None,
        })
        .collect();
    turns.sort_by(|a, b| a.0.total_cmp(&b.0));
    turns
}

async fn judge(engine: &Arc<Engine>, job: &Job) -> Result<(), JobError> {
    review::judge_call(engine, &job.call).await?;
    engine.store.finish_job(job, &[]).await?;
    Ok(())
}

/// Jobs that a finished call is due: what was said on an answered call is written down and judged.
pub fn jobs_after(call: &Call, now: Timestamp) -> Vec<NewJob> {
    let spoken = call.instants.answered_at.is_some() && call.recording.as_ref().is_some_and(|r| r.seconds > 0.0);
    if spoken { vec![NewJob { kind: JobKind::Transcribe, call: call.id.clone(), run_at: now }] } else { vec![] }
}
