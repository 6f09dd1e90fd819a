//! Waveform of a recording for a player: the least and greatest sample of each stretch, per channel.

use super::RecorderError;
use std::path::Path;

/// More buckets than any screen has columns.
const MOST_BUCKETS: usize = 100_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Peaks {
    /// One list per channel (left, right), each of (min, max) in order.
    pub channels: Vec<Vec<(i16, i16)>>,
    pub seconds: f64,
}

/// At most `buckets` stretches of equal length; fewer when the file has fewer frames.
pub fn peaks(path: &Path, buckets: usize) -> Result<Peaks, RecorderError> {
    let failed = |error: hound::Error| RecorderError::Wav { path: path.to_owned(), detail: error.to_string() };
    let mut reader = hound::WavReader::open(path).map_err(failed)?;
    let (spec, frames) = (reader.spec(), reader.duration() as usize);
    let buckets = buckets.clamp(1, MOST_BUCKETS).min(frames);
    let width = usize::from(spec.channels);
    let mut channels = vec![vec![(i16::MAX, i16::MIN); buckets]; width];
    for (i, sample) in reader.samples::<i16>().enumerate() {
        let sample = sample.map_err(failed)?;
        let (frame, channel) = (i / width, i % width);
        let bucket = (frame as u64 * buckets as u64 / frames as u64) as usize;
        if let Some((least, greatest)) = channels[channel].get_mut(bucket) {
            (*least, *greatest) = ((*least).min(sample), (*greatest).max(sample));
        }
    }
    Ok(Peaks { channels, seconds: frames as f64 / f64::from(spec.sample_rate.max(1)) })
}

#[cfg(test)]
mod tests {
    use super::super::{Recorder, Seal};
    use super::*;

    #[test]
    fn each_stretch_has_its_least_and_greatest_sample_per_channel() {
        let store = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(store.path(), "a", jiff::Timestamp::UNIX_EPOCH).unwrap();
        recorder.write(&[1, -1, 5, -5, 2, -2, 9, -9]).unwrap();
        let info = recorder.close(Seal { length: 4, ..Seal::default() }).unwrap();
        let path = store.path().join(info.file);
        let found = peaks(&path, 2).unwrap();
        assert_eq!(found.channels, [vec![(1, 5), (2, 9)], vec![(-5, -1), (-9, -2)]]);
        assert_eq!(peaks(&path, 1_000).unwrap().channels[0].len(), 4);
    }
}
