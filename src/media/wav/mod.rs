//! The recording on disk: stereo 16-bit WAV at 8 kHz, left agent, right customer; a further voice is a mono file beside it.
//!
//! `<store>/YYYY/MM/DD/<id>.wav.part` (date in UTC) while it is written, its header valid after every write; renamed to `.wav` when closed.
//! A track beside it is `<id>.<track>.wav`, written and closed in the same way, and before the recording: what a killed engine leaves is
//! found by the recording's part. The writer holds a lock on the part, so that `recover` can tell a dead writer's file from a live one.
//! Everything here blocks: call it from blocking threads. Does not do: deciding what a gap is (`domain::recording::gaps`), retention.

mod check;
mod peaks;
mod read;
mod recover;

pub use check::{Verdict, free_mb, verify, verify_track};
pub use peaks::{Peaks, peaks};
pub use read::read_channels;
pub use recover::{Recovered, recover};

use super::codec::SAMPLE_RATE;
use crate::domain::recording::manifest::{Gap, GapReason, RecordingInfo, RecordingState, TrackInfo, TrackName};
use crate::domain::transcript::Channel;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Of a recording: left and right. A track has one.
const STEREO: u16 = 2;
const MONO: u16 = 1;
/// Bytes before the samples in the files that hound writes for us.
const HEADER_BYTES: u64 = 44;
/// Frames of silence that are written at once.
const SILENCE: u64 = 80_000;
/// Longest recording, 24 h; the format ends at 37 h.
const MOST_FRAMES: u64 = 24 * 3600 * SAMPLE_RATE as u64;
const PART: &str = ".part";
const LONGEST_ID: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    #[error("recording id {0:?}: want up to {LONGEST_ID} letters, digits, - and _")]
    Id(String),
    #[error("recording {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("recording {path}: {detail}")]
    Wav { path: PathBuf, detail: String },
    #[error("recording {path} is longer than 24 hours")]
    TooLong { path: PathBuf },
    #[error("the media task or its writer died: {0}")]
    TaskDied(String),
    #[error("the session was dropped without close; the recording waits for repair")]
    Abandoned,
}

/// What the bytes of a recording are written to: a file, or a failing disk in a test.
trait Disk: Write + Seek + Send {}
impl<T: Write + Seek + Send> Disk for T {}

/// One recording being written.
pub struct Recorder {
    writer: hound::WavWriter<BufWriter<Box<dyn Disk>>>,
    /// Keeps the lock on the part until the file has its final name.
    lock: File,
    place: Place,
    frames: u64,
}

/// How a recording ended.
#[derive(Clone, Debug, Default)]
pub struct Seal {
    /// Where the answered part begins; `None` when never answered.
    pub answered_at_s: Option<f64>,
    pub gaps: Vec<Gap>,
    /// Frames that the file should have.
    pub length: i64,
    /// Writing failed before the end: what is missing is marked as a gap.
    pub failed: bool,
}

/// A track that may be opened beside a recording.
pub struct Beside(Place);

/// Names of one file.
#[derive(Clone, Debug)]
struct Place {
    /// Of the recording.
    id: String,
    /// Below the store, with `/`.
    file: String,
    part: PathBuf,
    whole: PathBuf,
    channels: u16,
}

/// A file that is closed and has its name.
struct Whole {
    frames: u64,
    sha256: String,
}

impl Recorder {
    /// Opens a new recording; its header is on disk when this returns. `wall` names the folder of the day.
    pub fn create(store: &Path, id: &str, wall: Timestamp) -> Result<Recorder, RecorderError> {
        Self::open(Place::new(store, id, wall)?)
    }

    fn open(place: Place) -> Result<Recorder, RecorderError> {
        let io = |source| RecorderError::Io { path: place.part.clone(), source };
        if let Some(folder) = place.part.parent() {
            fs::create_dir_all(folder).map_err(|source| RecorderError::Io { path: folder.to_owned(), source })?;
        }
        if place.whole.exists() {
            return Err(io(io::ErrorKind::AlreadyExists.into()));
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&place.part).map_err(io)?;
        file.try_lock().map_err(|error| io(error.into()))?;
        let lock = file.try_clone().map_err(io)?;
        Self::over(Box::new(file), lock, place)
    }

    fn over(disk: Box<dyn Disk>, lock: File, place: Place) -> Result<Recorder, RecorderError> {
        let writer = hound::WavWriter::new(BufWriter::new(disk), spec(place.channels));
        let mut writer = writer.map_err(|e| place.failed(e))?;
        writer.flush().map_err(|e| place.failed(e))?;
        Ok(Self { writer, lock, place, frames: 0 })
    }

    pub fn id(&self) -> &str {
        &self.place.id
    }

    /// A voice that may join this recording.
    pub fn beside(&self, name: TrackName) -> Beside {
        Beside(self.place.beside(name))
    }

    /// Writes samples, of a recording left and right in turn; they and a valid header have left this process when it returns.
    pub fn write(&mut self, samples: &[i16]) -> Result<(), RecorderError> {
        let channels = usize::from(self.place.channels);
        let frames = samples.len() / channels;
        if self.frames + frames as u64 > MOST_FRAMES {
            return Err(RecorderError::TooLong { path: self.place.part.clone() });
        }
        // Whole frames only: hound cannot flush half of one.
        let whole = &samples[..frames * channels];
        let mut out = self.writer.get_i16_writer(whole.len() as u32);
        for sample in whole {
            out.write_sample(*sample);
        }
        out.flush().and_then(|()| self.writer.flush()).map_err(|e| self.place.failed(e))?;
        self.frames += frames as u64;
        Ok(())
    }

    /// Takes the part away again: there was no call.
    pub fn discard(self) -> Result<(), RecorderError> {
        let Self { writer, lock, place, .. } = self;
        let removed = fs::remove_file(&place.part);
        drop((writer, lock));
        removed.map_err(|source| RecorderError::Io { path: place.part, source })
    }

    /// Ends the recording: header, disk, final name, hash.
    pub fn close(self, seal: Seal) -> Result<RecordingInfo, RecorderError> {
        let (place, whole) = self.end(seal.failed)?;
        let (length, mut gaps) = (u64::try_from(seal.length).unwrap_or(0), seal.gaps);
        if seal.failed {
            gaps.extend(missing(whole.frames, length, GapReason::RecorderFailed));
        } else {
            debug_assert_eq!(whole.frames, length);
        }
        Ok(place.recording(whole, RecordingState::Complete, seal.answered_at_s, gaps))
    }

    /// Ends a track; `failed` as in [`Seal`].
    pub fn close_track(self, name: TrackName, failed: bool) -> Result<TrackInfo, RecorderError> {
        let (place, whole) = self.end(failed)?;
        Ok(place.track(whole, name))
    }

    fn end(self, failed: bool) -> Result<(Place, Whole), RecorderError> {
        let Self { writer, lock, place, .. } = self;
        if failed {
            // Dropping the writer tries the header once more; the mended header then counts what is really there.
            drop(writer);
            mend(&place)?;
        } else {
            writer.finalize().map_err(|e| place.failed(e))?;
        }
        let whole = place.finish();
        drop(lock);
        Ok((place, whole?))
    }
}

impl Beside {
    /// Opens the track; so many frames of the recording had passed without it.
    pub fn open(self, silence: u64) -> Result<Recorder, RecorderError> {
        let mut recorder = Recorder::open(self.0)?;
        let mut left = silence;
        while left > 0 {
            let now = left.min(SILENCE);
            recorder.write(&vec![0; now as usize])?;
            left -= now;
        }
        Ok(recorder)
    }
}

/// Deletes a recording with whatever lies beside it. What is gone already is what was wanted.
pub fn remove(store: &Path, info: &RecordingInfo) -> Result<(), RecorderError> {
    let place = Place::below(store, &info.id, info.file.clone());
    let tracks = TrackName::ALL.map(|name| place.beside(name));
    let beside = tracks.iter().flat_map(|track| [&track.whole, &track.part]);
    for path in beside.chain([&place.whole]) {
        match fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(RecorderError::Io { path: path.clone(), source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

impl Place {
    fn new(store: &Path, id: &str, wall: Timestamp) -> Result<Self, RecorderError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(plain) {
            return Err(RecorderError::Id(id.to_owned()));
        }
        let day = wall.to_zoned(TimeZone::UTC).date();
        let file = format!("{:04}/{:02}/{:02}/{id}.wav", day.year(), day.month(), day.day());
        Ok(Self::below(store, id, file))
    }

    fn below(store: &Path, id: &str, file: String) -> Self {
        let (whole, part) = (store.join(&file), store.join(format!("{file}{PART}")));
        Self { id: id.to_owned(), file, part, whole, channels: STEREO }
    }

    /// An id has no dot, so no recording has the name of a track.
    fn beside(&self, name: TrackName) -> Self {
        let folder = self.file.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let file = format!("{}.{}.wav", self.id, name.name());
        let (whole, part) = (self.whole.with_file_name(&file), self.whole.with_file_name(format!("{file}{PART}")));
        Self { id: self.id.clone(), file: format!("{folder}{file}"), part, whole, channels: MONO }
    }

    fn failed(&self, error: hound::Error) -> RecorderError {
        match error {
            hound::Error::IoError(source) => RecorderError::Io { path: self.part.clone(), source },
            other => RecorderError::Wav { path: self.part.clone(), detail: other.to_string() },
        }
    }

    /// The part has a right header: brings it to disk, gives it its name, reads it once for the hash.
    fn finish(&self) -> Result<Whole, RecorderError> {
        let io = |source| RecorderError::Io { path: self.part.clone(), source };
        File::open(&self.part).and_then(|file| file.sync_all()).map_err(io)?;
        fs::rename(&self.part, &self.whole).map_err(io)?;
        if let Some(folder) = self.whole.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        }
        self.describe()
    }

    /// What the closed file holds.
    fn describe(&self) -> Result<Whole, RecorderError> {
        let (sha256, bytes) = hash(&self.whole)?;
        Ok(Whole { frames: frames_in(bytes, self.channels), sha256 })
    }

    fn recording(
        &self,
        whole: Whole,
        state: RecordingState,
        answered_at_s: Option<f64>,
        gaps: Vec<Gap>,
    ) -> RecordingInfo {
        RecordingInfo {
            id: self.id.clone(),
            file: self.file.clone(),
            seconds: seconds(whole.frames),
            answered_at_s,
            sha256: whole.sha256,
            channels: self.channels,
            sample_rate: SAMPLE_RATE,
            gaps,
            state,
            tracks: vec![],
        }
    }

    fn track(&self, whole: Whole, name: TrackName) -> TrackInfo {
        TrackInfo { name, file: self.file.clone(), seconds: seconds(whole.frames), sha256: whole.sha256 }
    }
}

fn frame_bytes(channels: u16) -> u64 {
    u64::from(channels) * 2
}

/// Of a file of so many bytes.
fn frames_in(bytes: u64, channels: u16) -> u64 {
    bytes.saturating_sub(HEADER_BYTES) / frame_bytes(channels)
}

fn spec(channels: u16) -> hound::WavSpec {
    let sample_format = hound::SampleFormat::Int;
    hound::WavSpec { channels, sample_rate: SAMPLE_RATE, bits_per_sample: 16, sample_format }
}

fn seconds(frames: u64) -> f64 {
    frames as f64 / f64::from(SAMPLE_RATE)
}

/// SHA-256 in lower-case hex, and the length in bytes.
fn hash(path: &Path) -> Result<(String, u64), RecorderError> {
    let io = |source| RecorderError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let (mut sum, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => break,
            n => {
                sum.update(&buffer[..n]);
                bytes += n as u64;
            }
        }
    }
    Ok((sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), bytes))
}

/// Makes the header of an unfinished file agree with the samples that are there; returns their frames.
fn mend(place: &Place) -> Result<u64, RecorderError> {
    let part = &place.part;
    let io = |source| RecorderError::Io { path: part.clone(), source };
    let mut file = OpenOptions::new().read(true).write(true).open(part).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    if length < HEADER_BYTES {
        // Killed between creation and the first flush: an empty recording.
        file.set_len(0).map_err(io)?;
        let empty = hound::WavWriter::new(&mut file, spec(place.channels)).and_then(hound::WavWriter::finalize);
        empty.map_err(|error| place.failed(error))?;
        return Ok(0);
    }
    let mut header = [0; HEADER_BYTES as usize];
    file.read_exact(&mut header).map_err(io)?;
    if &header[..4] != b"RIFF" || &header[8..16] != b"WAVEfmt " || &header[36..40] != b"data" {
        let detail = "not a recording of ours: the header is another".to_owned();
        return Err(RecorderError::Wav { path: part.clone(), detail });
    }
    let frames = frames_in(length, place.channels).min(MOST_FRAMES);
    let data = frames * frame_bytes(place.channels);
    file.set_len(HEADER_BYTES + data).map_err(io)?;
    let mut put = |at, size: u64| {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&(size as u32).to_le_bytes())
    };
    put(4, HEADER_BYTES - 8 + data).and_then(|()| put(40, data)).map_err(io)?;
    Ok(frames)
}

/// A gap in both channels from the last frame to where the file should end.
fn missing(from: u64, to: u64, reason: GapReason) -> Vec<Gap> {
    let gap = |channel| Gap { channel, from_s: seconds(from), to_s: seconds(to.max(from)), reason };
    vec![gap(Channel::Agent), gap(Channel::Customer)]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A disk that is full after so many bytes.
    struct Full {
        file: File,
        room: u64,
    }
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let at = self.file.stream_position()?;
            if at + bytes.len() as u64 > self.room {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.file.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.file.flush()
        }
    }
    impl Seek for Full {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    /// A recorder on a disk with room for `room` bytes.
    pub fn recorder_on_full_disk(store: &Path, id: &str, room: u64) -> Recorder {
        on_full_disk(Place::new(store, id, Timestamp::UNIX_EPOCH).unwrap(), room)
    }

    fn on_full_disk(place: Place, room: u64) -> Recorder {
        fs::create_dir_all(place.part.parent().unwrap()).unwrap();
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&place.part).unwrap();
        let lock = file.try_clone().unwrap();
        Recorder::over(Box::new(Full { file, room }), lock, place).unwrap()
    }

    fn read(path: &Path) -> Vec<i16> {
        hound::WavReader::open(path).unwrap().into_samples().map(Result::unwrap).collect()
    }

    fn sealed(length: i64) -> Seal {
        Seal { answered_at_s: Some(0.0), length, ..Seal::default() }
    }

    #[test]
    fn a_recording_is_readable_after_every_write_and_has_its_name_hash_and_length_when_closed() {
        let store = tempfile::tempdir().unwrap();
        let wall: Timestamp = "2026-11-21T23:30:00+08:00".parse().unwrap();
        let mut recorder = Recorder::create(store.path(), "call-1", wall).unwrap();
        let part = store.path().join("2026/11/21/call-1.wav.part");
        assert!(read(&part).is_empty());
        recorder.write(&[1, 2, 3, 4]).unwrap();
        assert_eq!(read(&part), [1, 2, 3, 4]);
        recorder.write(&[5; 16_000]).unwrap();
        let info = recorder.close(sealed(8_002)).unwrap();
        assert_eq!((info.file.as_str(), info.seconds, info.channels), ("2026/11/21/call-1.wav", 8_002.0 / 8_000.0, 2));
        assert_eq!(info.state, RecordingState::Complete);
        assert!(!part.exists());
        assert_eq!(verify(store.path(), &info), Verdict::Intact);
    }

    #[test]
    fn a_store_that_cannot_be_written_and_a_bad_id_are_named() {
        let store = tempfile::tempdir().unwrap();
        let blocked = store.path().join("file");
        fs::write(&blocked, "").unwrap();
        let error = Recorder::create(&blocked, "a", Timestamp::UNIX_EPOCH).err().unwrap().to_string();
        assert!(error.contains("file/1970/01/01") && error.contains("Not a directory"), "{error}");
        for id in ["", "../x", "a/b", &"x".repeat(65), "话"] {
            let error = Recorder::create(store.path(), id, Timestamp::UNIX_EPOCH).err().unwrap();
            assert!(matches!(error, RecorderError::Id(_)), "{id}: {error}");
        }
    }

    #[test]
    fn no_recording_is_ever_overwritten() {
        let store = tempfile::tempdir().unwrap();
        let first = Recorder::create(store.path(), "a", Timestamp::UNIX_EPOCH).unwrap();
        assert!(Recorder::create(store.path(), "a", Timestamp::UNIX_EPOCH).is_err());
        first.close(sealed(0)).unwrap();
        assert!(Recorder::create(store.path(), "a", Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn a_full_disk_is_an_error_and_what_was_written_is_kept_and_the_rest_is_a_gap() {
        let store = tempfile::tempdir().unwrap();
        let mut recorder = recorder_on_full_disk(store.path(), "a", 44 + 8_000 * 4);
        recorder.write(&[7; 16_000]).unwrap();
        assert!(recorder.write(&[7; 16_000]).unwrap_err().to_string().contains("a.wav.part"));
        let info = recorder.close(Seal { failed: true, ..sealed(24_000) }).unwrap();
        assert_eq!((info.seconds, read(&store.path().join(&info.file)).len()), (1.0, 16_000));
        let gaps: Vec<_> = info.gaps.iter().map(|g| (g.channel, g.from_s, g.to_s, g.reason)).collect();
        let want = |channel| (channel, 1.0, 3.0, GapReason::RecorderFailed);
        assert_eq!(gaps, [want(Channel::Agent), want(Channel::Customer)]);
    }

    #[test]
    fn a_track_lies_beside_its_recording_begins_with_it_and_goes_with_it() {
        let store = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(store.path(), "a", Timestamp::UNIX_EPOCH).unwrap();
        let mut track = recorder.beside(TrackName::Supervisor).open(SILENCE + 5).unwrap();
        track.write(&[7, 8, 9]).unwrap();
        let track = track.close_track(TrackName::Supervisor, false).unwrap();
        recorder.write(&[1; 16]).unwrap();
        let info = recorder.close(sealed(8)).unwrap();
        assert_eq!(
            (track.file.as_str(), track.seconds),
            ("1970/01/01/a.supervisor.wav", (SILENCE + 8) as f64 / 8_000.0)
        );
        let path = store.path().join(&track.file);
        assert_eq!(hound::WavReader::open(&path).unwrap().spec(), spec(MONO));
        assert_eq!(read(&path)[SILENCE as usize..], [0, 0, 0, 0, 0, 7, 8, 9]);
        assert_eq!(verify_track(store.path(), &track), Verdict::Intact);
        fs::write(&path, "x").unwrap();
        assert!(matches!(verify_track(store.path(), &track), Verdict::Changed { .. }));

        remove(store.path(), &info).unwrap();
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
        remove(store.path(), &info).unwrap();
    }

    #[test]
    fn a_track_whose_disk_is_full_keeps_what_was_written() {
        let store = tempfile::tempdir().unwrap();
        let place = Place::new(store.path(), "a", Timestamp::UNIX_EPOCH).unwrap().beside(TrackName::Supervisor);
        let mut track = on_full_disk(place, 44 + 4_000 * 2);
        track.write(&[7; 4_000]).unwrap();
        assert!(track.write(&[7; 4_000]).is_err());
        let info = track.close_track(TrackName::Supervisor, true).unwrap();
        assert_eq!((info.seconds, read(&store.path().join(info.file)).len()), (0.5, 4_000));
    }
}
