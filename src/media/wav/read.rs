//! A recording read back whole, for transcription.

use super::RecorderError;
use std::path::Path;

/// The two channels of a stereo recording (agent, customer) on one time axis.
///
/// # Errors
/// A file that is no 16-bit stereo WAV, or ends in the middle of a sample.
pub fn read_channels(path: &Path) -> Result<[Vec<i16>; 2], RecorderError> {
    let failed = |detail: String| RecorderError::Wav { path: path.to_owned(), detail };
    let mut reader = hound::WavReader::open(path).map_err(|e| failed(e.to_string()))?;
    let spec = reader.spec();
    if (spec.channels, spec.bits_per_sample) != (2, 16) {
        return Err(failed(format!("{} channels, {} bits: want stereo, 16 bits", spec.channels, spec.bits_per_sample)));
    }
    let frames = reader.duration() as usize;
    let mut channels = [Vec::with_capacity(frames), Vec::with_capacity(frames)];
    for (i, sample) in reader.samples::<i16>().enumerate() {
        channels[i % 2].push(sample.map_err(|e| failed(e.to_string()))?);
    }
    Ok(channels)
}

#[cfg(test)]
mod tests {
    use super::super::{Recorder, Seal};
    use super::*;

    #[test]
    fn left_is_the_agent_and_right_the_customer() {
        let store = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(store.path(), "a", jiff::Timestamp::UNIX_EPOCH).unwrap();
        recorder.write(&[1, -1, 2, -2]).unwrap();
        let info = recorder.close(Seal { length: 2, ..Seal::default() }).unwrap();
        assert_eq!(read_channels(&store.path().join(info.file)).unwrap(), [vec![1, 2], vec![-1, -2]]);
    }
}
