//! After a crash: parts whose writer died become recordings again, with the tracks beside them.

use super::{PART, Place, RecorderError, mend, missing};
use crate::domain::recording::manifest::{GapReason, RecordingInfo, RecordingState, TrackInfo, TrackName};
use std::fs::{self, File, TryLockError};
use std::path::Path;

/// What a kill can cost at most, frames: one second (what is held back for late packets and what is not yet flushed).
const LOST_AT_MOST: u64 = 8_000;
/// Year, month, day.
const DEPTH: usize = 3;

/// One part that was found; an error concerns this file only.
#[derive(Debug)]
pub struct Recovered {
    /// The recording's id, which is the call's.
    pub id: String,
    /// `answered_at_s` is not in the file: the call's instants tell it.
    pub result: Result<RecordingInfo, RecorderError>,
}

/// Mends, names and hashes every part whose writer is gone; parts still locked by a live writer are left alone. Sorted by file name.
pub fn recover(store: &Path) -> Result<Vec<Recovered>, RecorderError> {
    let mut parts = Vec::new();
    if store.exists() {
        find_parts(store, String::new(), DEPTH, &mut parts)?;
    }
    parts.sort();
    Ok(parts.iter().filter_map(|file| recover_part(store, file)).collect())
}

/// Paths below the store, with `/`, without `.part`.
fn find_parts(folder: &Path, below: String, depth: usize, parts: &mut Vec<String>) -> Result<(), RecorderError> {
    let io = |source| RecorderError::Io { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if entry.file_type().map_err(io)?.is_dir() {
            if depth > 0 {
                find_parts(&entry.path(), format!("{below}{name}/"), depth - 1, parts)?;
            }
        } else if let Some(whole) = name.strip_suffix(PART).filter(|whole| is_recording(whole)) {
            parts.push(format!("{below}{whole}"));
        }
    }
    Ok(())
}

/// A track is found by its recording.
fn is_recording(file: &str) -> bool {
    file.strip_suffix(".wav")
        .is_some_and(|id| !TrackName::ALL.iter().any(|track| id.ends_with(&format!(".{}", track.name()))))
}

/// `None`: its writer lives.
fn recover_part(store: &Path, file: &str) -> Option<Recovered> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let id = name.strip_suffix(".wav").unwrap_or(name).to_owned();
    let place = Place::below(store, &id, file.to_owned());
    let io = |source| RecorderError::Io { path: place.part.clone(), source };
    let lock = match File::open(&place.part) {
        Ok(lock) => lock,
        Err(source) => return Some(Recovered { id, result: Err(io(source)) }),
    };
    match lock.try_lock() {
        Ok(()) => Some(Recovered { id, result: mend_and_finish(&place) }),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(source)) => Some(Recovered { id, result: Err(io(source)) }),
    }
}

fn mend_and_finish(place: &Place) -> Result<RecordingInfo, RecorderError> {
    if place.whole.exists() {
        let detail = format!("{} exists as well", place.whole.display());
        return Err(RecorderError::Wav { path: place.part.clone(), detail });
    }
    let frames = mend(place)?;
    let gaps = missing(frames, frames + LOST_AT_MOST, GapReason::Crash);
    let tracks = TrackName::ALL.iter().filter_map(|name| mend_track(&place.beside(*name), *name)).collect();
    Ok(RecordingInfo { tracks, ..place.recording(place.finish()?, RecordingState::Repaired, None, gaps) })
}

/// A track that cannot be mended costs its recording nothing.
fn mend_track(place: &Place, name: TrackName) -> Option<TrackInfo> {
    let whole = if place.part.exists() {
        mend(place).and_then(|_| place.finish())
    } else if place.whole.exists() {
        place.describe()
    } else {
        return None;
    };
    whole
        .map(|whole| place.track(whole, name))
        .inspect_err(|error| tracing::error!(recording.id = %place.id, %error, "a track cannot be mended"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::super::{HEADER_BYTES, Recorder, Verdict, verify, verify_track};
    use super::*;
    use jiff::Timestamp;
    use std::io::Write;

    /// What a killed process leaves: bytes beyond the header's count, half a frame at the end.
    fn leave_part(store: &Path, id: &str, frames: usize, torn: &[u8]) {
        let mut recorder = Recorder::create(store, id, Timestamp::UNIX_EPOCH).unwrap();
        recorder.write(&[3; 320]).unwrap();
        let part = store.join(format!("1970/01/01/{id}.wav.part"));
        let copy = fs::read(&part).unwrap();
        drop(recorder);
        fs::write(&part, copy).unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&part).unwrap();
        for _ in 160..frames {
            file.write_all(&[3, 0, 3, 0]).unwrap();
        }
        file.write_all(torn).unwrap();
    }

    #[test]
    fn a_dead_writers_part_becomes_a_readable_recording_with_its_tail_marked() {
        let store = tempfile::tempdir().unwrap();
        leave_part(store.path(), "a", 8_000, &[1, 2, 3]);
        let found = recover(store.path()).unwrap();
        assert_eq!(found.len(), 1);
        let info = found[0].result.as_ref().unwrap();
        assert_eq!((found[0].id.as_str(), info.seconds, info.state), ("a", 1.0, RecordingState::Repaired));
        assert!(info.gaps.iter().all(|g| g.reason == GapReason::Crash && g.from_s == 1.0 && g.to_s == 2.0));
        let samples: Vec<i16> =
            hound::WavReader::open(store.path().join(&info.file)).unwrap().into_samples().map(Result::unwrap).collect();
        assert_eq!(samples, vec![3; 16_000]);
        assert_eq!(verify(store.path(), info), Verdict::Intact);
        assert!(recover(store.path()).unwrap().is_empty());
    }

    #[test]
    fn a_track_is_mended_with_its_recording_and_one_that_was_closed_is_found_and_one_that_is_broken_costs_nothing() {
        let store = tempfile::tempdir().unwrap();
        let folder = store.path().join("1970/01/01");
        for id in ["torn", "closed", "broken"] {
            leave_part(store.path(), id, 160, &[]);
        }
        fs::copy(folder.join("torn.wav.part"), folder.join("torn.supervisor.wav.part")).unwrap();
        fs::write(folder.join("broken.supervisor.wav.part"), [9; 100]).unwrap();
        fs::copy(folder.join("closed.wav.part"), folder.join("closed.supervisor.wav")).unwrap();
        let found = recover(store.path()).unwrap();
        let tracks: Vec<_> = found
            .iter()
            .map(|r| (r.id.as_str(), r.result.as_ref().unwrap().tracks.iter().map(|t| t.seconds).collect::<Vec<_>>()))
            .collect();
        // The same bytes are twice as many frames of one channel.
        assert_eq!(tracks, [("broken", vec![]), ("closed", vec![0.04]), ("torn", vec![0.04])]);
        let torn = found[2].result.as_ref().unwrap();
        assert_eq!(torn.tracks[0].file, "1970/01/01/torn.supervisor.wav");
        assert_eq!(verify_track(store.path(), &torn.tracks[0]), Verdict::Intact);
    }

    #[test]
    fn a_live_writers_part_is_left_alone() {
        let store = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(store.path(), "a", Timestamp::UNIX_EPOCH).unwrap();
        assert!(recover(store.path()).unwrap().is_empty());
        drop(recorder);
        assert_eq!(recover(store.path()).unwrap().len(), 1);
    }

    #[test]
    fn one_bad_part_does_not_hide_the_others_and_an_empty_one_is_an_empty_recording() {
        let store = tempfile::tempdir().unwrap();
        let folder = store.path().join("1970/01/01");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("bad.wav.part"), [9; 100]).unwrap();
        fs::write(folder.join("empty.wav.part"), []).unwrap();
        leave_part(store.path(), "good", 160, &[]);
        let found = recover(store.path()).unwrap();
        let kinds: Vec<_> = found.iter().map(|r| (r.id.as_str(), r.result.as_ref().ok().map(|i| i.seconds))).collect();
        assert_eq!(kinds, [("bad", None), ("empty", Some(0.0)), ("good", Some(0.02))]);
    }

    #[test]
    fn the_header_that_is_mended_is_the_one_that_hound_writes() {
        assert_eq!(HEADER_BYTES, 44);
        let store = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(store.path(), "a", Timestamp::UNIX_EPOCH).unwrap();
        let bytes = fs::read(store.path().join("1970/01/01/a.wav.part")).unwrap();
        drop(recorder);
        assert_eq!((bytes.len(), &bytes[36..40]), (44, &b"data"[..]));
    }
}
