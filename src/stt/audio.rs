//! Sample-rate conversion between the line (8 kHz) and the recognisers (16 kHz).
//!
//! Contract: the output of [`resample`] lines up with its input (the filter's delay is trimmed); [`Upsampler`] is for
//! streams and keeps its few milliseconds of delay. Does not read or write files.

use super::SttError;
use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

/// What the line carries, Hz.
pub const LINE_HZ: u32 = 8_000;
/// What both recognisers were trained on, Hz.
pub const MODEL_HZ: u32 = 16_000;
/// -3 dBFS.
const PEAK: f32 = 0.707;
/// Frames per step: long enough for a good filter, 20 ms on the line.
const STREAM_FRAMES: usize = 160;
const FILE_FRAMES: usize = 2048;

/// A whole clip at another rate, as floats in -1..1.
///
/// # Errors
/// A rate of zero, or one that the resampler cannot reach from the other.
pub fn resample(pcm: &[i16], from_hz: u32, to_hz: u32) -> Result<Vec<f32>, SttError> {
    let samples = to_float(pcm);
    if from_hz == to_hz || samples.is_empty() {
        return Ok(samples);
    }
    let failed =
        |e: String| SttError::Engine { engine: "resampler", detail: format!("{from_hz} Hz to {to_hz} Hz: {e}") };
    let mut fft = Fft::<f32>::new_custom(
        from_hz as usize,
        to_hz as usize,
        FILE_FRAMES,
        1,
        1,
        WindowFunction::BlackmanHarris2,
        FixedSync::Both,
    )
    .map_err(|e| failed(e.to_string()))?;
    let input = InterleavedSlice::new(&samples, 1, samples.len()).map_err(|e| failed(e.to_string()))?;
    let output = fft.process_all(&input, samples.len(), None).map_err(|e| failed(e.to_string()))?;
    Ok(output.take_data())
}

/// Line rate to model rate without a filter: a mean between each two samples. What lies above 4 kHz is then a mirror of what lies below.
#[must_use]
pub fn double(pcm: &[i16]) -> Vec<f32> {
    let samples = to_float(pcm);
    let next = samples.iter().skip(1).chain(samples.last());
    samples.iter().zip(next).flat_map(|(a, b)| [*a, a.midpoint(*b)]).collect()
}

/// Brings the loudest sample to -3 dBFS; silence stays silence.
pub fn level(samples: &mut [f32]) {
    let peak = samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
    if peak > 0.0 {
        samples.iter_mut().for_each(|s| *s *= PEAK / peak);
    }
}

/// As [`resample`], back to 16-bit samples.
///
/// # Errors
/// As [`resample`].
pub fn resample_pcm(pcm: &[i16], from_hz: u32, to_hz: u32) -> Result<Vec<i16>, SttError> {
    Ok(resample(pcm, from_hz, to_hz)?.into_iter().map(to_sample).collect())
}

/// Line rate to model rate, for one stream.
pub struct Upsampler {
    fft: Fft<f32>,
    pending: Vec<f32>,
}

impl Upsampler {
    /// # Errors
    /// Never in practice: the rates are fixed; the resampler's constructor is fallible.
    pub fn new() -> Result<Self, SttError> {
        let fft = Fft::new(LINE_HZ as usize, MODEL_HZ as usize, STREAM_FRAMES, 1, FixedSync::Both).map_err(failed)?;
        Ok(Self { fft, pending: Vec::new() })
    }

    /// Takes any number of samples, gives back what is ready; up to one step is held for the next call.
    ///
    /// # Errors
    /// Never in practice, as in [`Upsampler::new`].
    pub fn push(&mut self, pcm: &[i16]) -> Result<Vec<i16>, SttError> {
        self.pending.extend(to_float(pcm));
        let mut out = Vec::with_capacity(pcm.len() * 2 + STREAM_FRAMES);
        let mut used = 0;
        while self.pending.len() - used >= self.fft.input_frames_next() {
            let frames = self.fft.input_frames_next();
            let input = InterleavedSlice::new(&self.pending[used..used + frames], 1, frames).map_err(failed)?;
            out.extend(self.fft.process(&input, None).map_err(failed)?.take_data().into_iter().map(to_sample));
            used += frames;
        }
        self.pending.drain(..used);
        Ok(out)
    }

    /// What is still held, followed by silence enough to push the filter's delay out; the stream then starts afresh.
    ///
    /// # Errors
    /// As [`Upsampler::push`].
    pub fn flush(&mut self) -> Result<Vec<i16>, SttError> {
        let out = self.push(&[0; 2 * STREAM_FRAMES])?;
        self.pending.clear();
        self.fft.reset();
        Ok(out)
    }
}

fn failed(e: impl std::fmt::Display) -> SttError {
    SttError::Engine { engine: "resampler", detail: e.to_string() }
}

fn to_float(pcm: &[i16]) -> Vec<f32> {
    pcm.iter().map(|&s| f32::from(s) / 32_768.0).collect()
}

#[allow(clippy::cast_possible_truncation)] // clamped to the range of i16
fn to_sample(value: f32) -> i16 {
    (value * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn tone(hz: f32, rate: u32, seconds: f32) -> Vec<i16> {
        let n = (rate as f32 * seconds) as usize;
        (0..n).map(|i| ((i as f32 / rate as f32 * hz * TAU).sin() * 8_000.0) as i16).collect()
    }

    /// Largest difference to the ideal tone, ends left out (the filter rings there).
    fn error_against_ideal(out: &[f32], hz: f32, rate: u32) -> f32 {
        let skip = 2000;
        out.iter()
            .enumerate()
            .skip(skip)
            .take(out.len() - 2 * skip)
            .map(|(i, s)| (s - (i as f32 / rate as f32 * hz * TAU).sin() * 8_000.0 / 32_768.0).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn a_resampled_tone_keeps_pitch_level_length_and_time() {
        for (from, to) in [(8_000, 16_000), (44_100, 8_000), (48_000, 8_000), (16_000, 8_000), (11_025, 8_000)] {
            let out = resample(&tone(440.0, from, 1.0), from, to).unwrap();
            assert!(out.len().abs_diff(to as usize) <= 1, "{from} to {to}: {} samples", out.len());
            let error = error_against_ideal(&out, 440.0, to);
            // The filter's delay need not be a whole number of output samples: within half of one.
            let half_a_sample = 8_000.0 / 32_768.0 * TAU * 440.0 * 0.5 / to as f32;
            assert!(error < half_a_sample, "{from} to {to}: off by {error}");
        }
    }

    #[test]
    fn a_clip_doubled_without_a_filter_has_means_between_and_twice_the_length() {
        let whole = |pcm: &[i16]| double(pcm).iter().map(|s| (s * 32_768.0).round() as i32).collect::<Vec<_>>();
        assert_eq!(whole(&[100, 200, -100]), [100, 150, 200, 50, -100, -100]);
        assert_eq!(whole(&[]), Vec::<i32>::new());
    }

    #[test]
    fn a_levelled_clip_peaks_at_3_db_below_full_scale_and_silence_stays() {
        for (pcm, peak) in [(&[0.01_f32, -0.02][..], PEAK), (&[1.0, -0.5], PEAK), (&[0.0; 3], 0.0), (&[], 0.0)] {
            let mut levelled = pcm.to_vec();
            level(&mut levelled);
            let loudest = levelled.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
            assert!((loudest - peak).abs() < 1e-6, "{pcm:?} → {levelled:?}");
        }
    }

    #[test]
    fn an_empty_clip_stays_empty_and_an_equal_rate_changes_nothing() {
        assert_eq!(resample_pcm(&[], 8_000, 16_000).unwrap(), Vec::<i16>::new());
        assert_eq!(resample_pcm(&[1, -2, 3], 8_000, 8_000).unwrap(), vec![1, -2, 3]);
    }

    #[test]
    fn a_rate_of_zero_is_an_error() {
        assert!(resample(&[1, 2, 3], 0, 16_000).is_err());
    }

    #[test]
    fn a_stream_in_odd_pieces_equals_the_stream_in_one_piece() {
        let pcm = tone(440.0, 8_000, 0.5);
        let mut whole = Upsampler::new().unwrap();
        let mut expected = whole.push(&pcm).unwrap();
        expected.extend(whole.flush().unwrap());
        let mut pieces = Upsampler::new().unwrap();
        let mut out = Vec::new();
        for piece in pcm.chunks(73) {
            out.extend(pieces.push(piece).unwrap());
        }
        out.extend(pieces.flush().unwrap());
        assert_eq!(out, expected);
        assert!(out.len() >= 8_000);
    }
}
