//! Is a recording still what was stored, and is there room for more?

use super::{MONO, STEREO, frames_in, hash, seconds};
use crate::domain::recording::manifest::{RecordingInfo, TrackInfo};
use std::io;
use std::path::Path;

/// What checking a recording against its record found.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Intact,
    Missing,
    Changed {
        detail: String,
    },
    /// The disk or the permissions stand in the way.
    Unreadable {
        detail: String,
    },
}

/// Reads the whole file: hash and length against the record. Its tracks are asked for by [`verify_track`].
pub fn verify(store: &Path, info: &RecordingInfo) -> Verdict {
    compare(&store.join(&info.file), &info.sha256, info.seconds, STEREO)
}

pub fn verify_track(store: &Path, track: &TrackInfo) -> Verdict {
    compare(&store.join(&track.file), &track.sha256, track.seconds, MONO)
}

fn compare(path: &Path, recorded: &str, recorded_s: f64, channels: u16) -> Verdict {
    if !path.exists() {
        return Verdict::Missing;
    }
    match hash(path) {
        Err(error) => Verdict::Unreadable { detail: error.to_string() },
        Ok((sha256, _)) if sha256 == recorded => Verdict::Intact,
        Ok((sha256, bytes)) => {
            let found = seconds(frames_in(bytes, channels));
            let detail = format!("sha256 {sha256}, {found} s; recorded as {recorded}, {recorded_s} s");
            Verdict::Changed { detail }
        }
    }
}

/// Free space where the store is or will be, in MB (10⁶ bytes), for a process without privileges.
pub fn free_mb(store: &Path) -> io::Result<u64> {
    let full = std::path::absolute(store)?;
    let existing = full.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let disk = rustix::fs::statvfs(existing)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::super::{Recorder, Seal};
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_changed_or_missing_file_is_told() {
        let store = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(store.path(), "a", Timestamp::UNIX_EPOCH).unwrap();
        recorder.write(&[1; 3_200]).unwrap();
        let info = recorder.close(Seal { length: 1_600, ..Seal::default() }).unwrap();
        let path = store.path().join(&info.file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[100] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(verify(store.path(), &info), Verdict::Changed { .. }));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(verify(store.path(), &info), Verdict::Missing);
    }

    #[test]
    fn room_is_told_for_a_store_that_does_not_exist_yet() {
        let store = tempfile::tempdir().unwrap();
        assert!(free_mb(&store.path().join("not/yet")).unwrap() > 0);
    }
}
