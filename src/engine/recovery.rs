//! What a start does before anything is dialled: the traces of a killed engine become rows and readable files.
//!
//! Order matters: recordings first (their rows belong to calls), then calls, then visits. Every step can be repeated.
//! A call without an outcome was in progress when the engine died: it is closed as it stands and its attempt stays used, so the
//! customer is never dialled twice for one attempt (invariant 2).

use super::calls::for_person;
use super::site::Site;
use super::transcriber::jobs_after;
use crate::domain::call::outcome::{Fault, Outcome, Party};
use crate::domain::call::{Call, Instants};
use crate::domain::id::CallId;
use crate::domain::visit::task::interrupted;
use crate::media::wav;
use crate::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::path::Path;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct RecoveredRecordings {
    pub mended: u32,
    pub failed: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Recorder(#[from] wav::RecorderError),
}

/// Closes every `.part` file whose writer is gone and stores what it holds. A file that cannot be mended is left where it is.
pub async fn recover_recordings(store: &Store, folder: &Path) -> Result<RecoveredRecordings, RecoveryError> {
    let mut count = RecoveredRecordings::default();
    for found in wav::recover(folder)? {
        let mut info = match found.result {
            Ok(info) => info,
            Err(error) => {
                count.failed += 1;
                tracing::error!(recording.id = found.id, %error, "a recording of a killed call cannot be mended");
                continue;
            }
        };
        match store.call(&CallId::new(found.id.clone())).await {
            Ok(call) => {
                info.answered_at_s = answered_at_s(&call.instants);
                store.put_recording(&info).await?;
            }
            Err(StoreError::NotFound { .. }) => {
                tracing::warn!(recording.id = found.id, "a mended recording belongs to no call of this database");
            }
            Err(error) => return Err(error.into()),
        }
        count.mended += 1;
        tracing::info!(recording.id = found.id, recording.seconds = info.seconds, "a recording was mended");
    }
    Ok(count)
}

/// Where the answered part of a mended recording begins: the file itself does not say, but it begins with the early media, if there was any.
fn answered_at_s(instants: &Instants) -> Option<f64> {
    let answered = instants.answered_at?;
    let begun = instants.early_media_at.filter(|early| *early < answered).unwrap_or(answered);
    Some(answered.duration_since(begun).as_secs_f64())
}

/// The last instant at which an answered call is proved to have been up: its recording ends there. The engine may have been down for days since.
fn last_proof(call: &Call) -> Option<Timestamp> {
    let recording = call.recording.as_ref()?;
    let answered_part = recording.seconds - recording.answered_at_s?;
    let length = SignedDuration::try_from_secs_f64(answered_part.max(0.0)).ok()?;
    call.instants.answered_at?.checked_add(length).ok()
}

/// The final row of a call that nobody holds any more.
pub fn close_orphan(mut call: Call, now: Timestamp, why: &str) -> Call {
    // Answered and cut by our own death is a hang-up on the customer: `Answered` with us as the party at fault.
    call.outcome = Some(if call.instants.answered_at.is_some() { Outcome::Answered } else { Outcome::Cancelled });
    call.fault = Some(Fault::Us);
    call.hung_up_by = call.instants.answered_at.map(|_| Party::Us);
    call.detail = Some(why.to_owned());
    call.instants.ended_at = call.instants.ended_at.or_else(|| last_proof(&call)).or(Some(now));
    call
}

/// Closes every call that was in progress and gives its visit the next step. Returns how many there were.
pub async fn recover_calls(store: &Store, site: &Site, now: Timestamp) -> Result<usize, RecoveryError> {
    let orphans = store.unfinished_calls().await?;
    let count = orphans.len();
    for call in orphans {
        let visit = store.visit(&call.visit).await?;
        let answered = call.instants.answered_at.is_some();
        let next = match site.rules.programmes.get(&visit.programme) {
            Some(programme) => interrupted(now, &visit, answered, programme, &site.rules.calendar),
            None => for_person(now, visit, "找不到这条回访的方案，请检查 programmes 目录"),
        };
        let call = close_orphan(call, now, "the engine was stopped or killed during the call");
        let jobs = jobs_after(&call, now);
        tracing::warn!(call.id = %call.id, visit.id = %call.visit, answered, "a call of a killed engine was closed");
        store.finish_call(&call, &next, &jobs).await?;
    }
    Ok(count)
}
