//! Tones: a generator and a Goertzel detector, for keys sent in the voice band, for tests that prove audio by tone and time, and for the demo.
//!
//! Pure. Frequencies in Hz, amplitudes in sample units (0..=32767), times in samples of 8 kHz audio.

use super::codec::SAMPLE_RATE;
use std::f64::consts::TAU;
use std::sync::LazyLock;

/// Adds a sine to `out`. `start` is the index of the first sample in a longer tone, so that frames join without a click.
pub fn add_tone(out: &mut [i16], frequency: f64, amplitude: f64, start: u64) {
    for (i, sample) in out.iter_mut().enumerate() {
        let phase = TAU * frequency * (start + i as u64) as f64 / f64::from(SAMPLE_RATE);
        let value = f64::from(*sample) + amplitude * phase.sin();
        *sample = value.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16;
    }
}

/// A sine of `samples` samples.
pub fn tone(frequency: f64, amplitude: f64, samples: usize) -> Vec<i16> {
    let mut out = vec![0; samples];
    add_tone(&mut out, frequency, amplitude, 0);
    out
}

/// Amplitude of one frequency in `pcm` (Goertzel). Best with a whole number of periods; resolution is 8000 / length Hz.
pub fn amplitude(pcm: &[i16], frequency: f64) -> f64 {
    if pcm.is_empty() {
        return 0.0;
    }
    let coefficient = coefficient(frequency);
    let (mut before, mut last) = (0.0, 0.0);
    for sample in pcm {
        (before, last) = (last, f64::from(*sample) + coefficient * last - before);
    }
    level(coefficient, before, last, pcm.len())
}

fn coefficient(frequency: f64) -> f64 {
    2.0 * (TAU * frequency / f64::from(SAMPLE_RATE)).cos()
}

/// The amplitude that a filter's last two values tell after `samples`.
fn level(coefficient: f64, before: f64, last: f64, samples: usize) -> f64 {
    let power = last * last + before * before - coefficient * last * before;
    2.0 * power.max(0.0).sqrt() / samples as f64
}

/// Where a tone sounds: (first, end) samples, to 2.5 ms. `threshold` is its least amplitude; pauses and bursts under 20 ms are overlooked.
pub fn find_tone(pcm: &[i16], frequency: f64, threshold: f64) -> Vec<(usize, usize)> {
    const WINDOW: usize = 80;
    const STEP: usize = 20;
    const SHORTEST: usize = 160;
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for start in (0..pcm.len().saturating_sub(WINDOW - 1)).step_by(STEP) {
        if amplitude(&pcm[start..start + WINDOW], frequency) < threshold / 2.0 {
            continue;
        }
        // At half the amplitude the edge lies in the middle of the window.
        let middle = start + WINDOW / 2;
        match runs.last_mut() {
            Some(run) if middle - run.1 <= SHORTEST => run.1 = middle,
            _ => runs.push((middle, middle)),
        }
    }
    runs.retain(|(from, to)| to - from >= SHORTEST);
    runs
}

const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// The two frequencies of a key (ITU-T Q.23).
pub fn key_tones(key: char) -> Option<(f64, f64)> {
    let (row, column) = (0..16).map(|i| (i / 4, i % 4)).find(|(r, c)| KEYS[*r][*c] == key.to_ascii_uppercase())?;
    Some((ROWS[row], COLUMNS[column]))
}

/// Each of a key's tones is at least so strong.
const KEY_LEAST: f64 = 300.0;

/// The key that sounds in `pcm` (20 ms or more): both tones strong, alike, and nearly all there is (ITU-T Q.24 in spirit).
///
/// It is asked of every frame of every call: a frame without the energy of one tone is answered at once, and the eight filters run side by
/// side, which takes a tenth of the time of one after the other.
pub fn find_key(pcm: &[i16]) -> Option<char> {
    let energy: i64 = pcm.iter().map(|s| i64::from(i32::from(*s) * i32::from(*s))).sum();
    let power = energy as f64 / pcm.len().max(1) as f64;
    // No amplitude is above twice the root of the power (Cauchy-Schwarz).
    if power < KEY_LEAST * KEY_LEAST / 4.0 {
        return None;
    }
    let levels = key_levels(pcm);
    let strongest = |levels: &[f64]| (0..4).max_by(|a, b| levels[*a].total_cmp(&levels[*b])).unwrap_or(0);
    let (row, column) = (strongest(&levels[..4]), strongest(&levels[4..]));
    let (low, high) = (levels[row], levels[4 + column]);
    let tones = (low * low + high * high) / 2.0;
    let alike = low < high * 4.0 && high < low * 4.0;
    (low > KEY_LEAST && high > KEY_LEAST && alike && tones > power * 0.7).then(|| KEYS[row][column])
}

/// [`amplitude`] of the rows and the columns, all at once.
fn key_levels(pcm: &[i16]) -> [f64; 8] {
    static COEFFICIENTS: LazyLock<[f64; 8]> =
        LazyLock::new(|| std::array::from_fn(|i| coefficient(if i < 4 { ROWS[i] } else { COLUMNS[i - 4] })));
    let coefficients = *COEFFICIENTS;
    let (mut before, mut last) = ([0.0; 8], [0.0; 8]);
    for sample in pcm {
        let sample = f64::from(*sample);
        let next = std::array::from_fn(|i| sample + coefficients[i] * last[i] - before[i]);
        (before, last) = (last, next);
    }
    std::array::from_fn(|i| level(coefficients[i], before[i], last[i], pcm.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_measured_at_its_amplitude_and_is_not_heard_at_another_frequency() {
        let pcm = tone(1000.0, 8000.0, 800);
        assert!((amplitude(&pcm, 1000.0) - 8000.0).abs() < 40.0);
        assert!(amplitude(&pcm, 440.0) < 100.0);
    }

    #[test]
    fn a_burst_is_found_where_it_is() {
        for (from, to) in [(1_000, 3_000), (1_003, 9_001), (0, 500)] {
            let mut pcm = vec![0; 10_000];
            add_tone(&mut pcm[from..to], 600.0, 8000.0, 0);
            let found = find_tone(&pcm, 600.0, 8000.0);
            let near = |a: usize, b: usize| a.abs_diff(b) <= 40;
            assert!(matches!(found[..], [(f, t)] if near(f, from) && near(t, to)), "{from}..{to}: {found:?}");
        }
    }

    #[test]
    fn every_key_is_told_from_its_tones_and_speech_like_sound_is_no_key() {
        for key in KEYS.iter().flatten() {
            let (low, high) = key_tones(*key).unwrap();
            let mut pcm = tone(low, 6000.0, 320);
            add_tone(&mut pcm, high, 6000.0, 0);
            assert_eq!(find_key(&pcm), Some(*key));
        }
        assert_eq!(find_key(&tone(697.0, 8000.0, 320)), None);
        assert_eq!(find_key(&[0; 320]), None);
        let mut vowel = tone(220.0, 6000.0, 320);
        add_tone(&mut vowel, 770.0, 3000.0, 0);
        add_tone(&mut vowel, 1336.0, 3000.0, 0);
        assert_eq!(find_key(&vowel), None);
    }

    #[test]
    fn the_filters_of_the_keys_measure_what_a_single_filter_does() {
        let mut seed = 1_u32;
        let noise: Vec<i16> = (0..160)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 16) as i16
            })
            .collect();
        let one_by_one: Vec<f64> = ROWS.iter().chain(&COLUMNS).map(|f| amplitude(&noise, *f)).collect();
        assert_eq!(key_levels(&noise)[..], one_by_one);
    }

    #[test]
    fn the_faintest_key_is_found_and_no_fainter_one() {
        let key = |amplitude| {
            let mut pcm = tone(770.0, amplitude, 160);
            add_tone(&mut pcm, 1336.0, amplitude, 0);
            find_key(&pcm)
        };
        assert_eq!((key(340.0), key(200.0), key(30.0)), (Some('5'), None, None));
    }
}
