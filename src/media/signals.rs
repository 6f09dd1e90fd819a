//! Call progress tones: which signal sounds on the line, by frequency and cadence, 20 ms at a time. Pure.
//!
//! | tone | Hz | on / off, s | told |
//! |--|--|--|--|
//! | ring-back | 450 | 1 / 4 | after two seconds of the pause |
//! | busy | 450 | 0.35 / 0.35 | after three periods |
//! | congestion | 450 | 0.7 / 0.7 | after three periods |
//! | vacant number | 450 | 0.1 / 0.1 three times, 0.4 / 0.4 | after the long one |
//! | special information | 950, 1400, 1800 | 0.33 each | after the third (ITU-T E.180) |
//! | fax | 2100 | 2.6 to 4 | after 0.8 s (ITU-T T.30) |
//! | beep | any other | 0.16 to 1.5, then silence | after half a second of it |
//!
//! The cadences are those of GB/T 3380; ±15 % and 50 Hz are let pass. A tone is a frame that one sine explains: its samples obey
//! x[n+1] + x[n−1] = 2·cos ω · x[n], so one pass gives the frequency and how pure it is; a voice is never pure for long.
//! Does not do: keys (`tones::find_key`), telling what a signal means (`domain::announcement`).

use super::codec::{FRAME, SAMPLE_RATE};
use crate::domain::announcement::Tone;
use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::ops::RangeInclusive;

/// Root mean square of a frame that is heard as silence: −48 dBFS, more than a noisy line has.
const QUIET: f64 = 130.0;
/// What of a frame's energy may be left over by its sine.
const IMPURE: f64 = 0.03;
/// Two frames within it are one tone.
const SAME_HZ: f64 = 30.0;
/// Frames at an edge that are neither tone nor silence.
const ODD_FRAMES: u32 = 2;
/// Runs of tone and silence that a cadence is read from.
const RUNS: usize = 8;

/// Lengths in frames.
const RING_ON: RangeInclusive<u32> = 43..=57;
const RING_OFF: u32 = 100;
const BUSY: RangeInclusive<u32> = 15..=20;
const CONGESTION: RangeInclusive<u32> = 31..=39;
const VACANT_SHORT: RangeInclusive<u32> = 4..=7;
const VACANT_LONG: RangeInclusive<u32> = 17..=23;
const INFORMATION: RangeInclusive<u32> = 13..=20;
const INFORMATION_HZ: [f64; 3] = [950.0, 1_400.0, 1_800.0];
const FAX: u32 = 40;
const BEEP: RangeInclusive<u32> = 8..=75;
const BEEP_SILENCE: u32 = 25;
/// Of the tones of exchanges; a beep lies elsewhere.
const EXCHANGE_HZ: RangeInclusive<f64> = 400.0..=500.0;
const FAX_HZ: RangeInclusive<f64> = 2_070.0..=2_130.0;
const BEEP_HZ: RangeInclusive<f64> = 300.0..=2_500.0;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sound {
    Silence,
    Tone(f64),
    /// Speech, music, noise.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    sound: Sound,
    frames: u32,
}

impl Run {
    fn is_tone(&self, hz: &RangeInclusive<f64>, frames: &RangeInclusive<u32>) -> bool {
        matches!(self.sound, Sound::Tone(own) if hz.contains(&own)) && frames.contains(&self.frames)
    }

    fn is_silence(&self, frames: &RangeInclusive<u32>) -> bool {
        self.sound == Sound::Silence && frames.contains(&self.frames)
    }
}

/// Listens to one line.
#[derive(Debug)]
pub struct Signals {
    /// Finished runs, the oldest first, and the one that runs.
    runs: VecDeque<Run>,
    now: Run,
    odd: u32,
}

impl Default for Signals {
    fn default() -> Self {
        Self { runs: VecDeque::with_capacity(RUNS), now: Run { sound: Sound::Silence, frames: 0 }, odd: 0 }
    }
}

impl Signals {
    /// The next 20 ms; a signal when one is complete.
    pub fn push(&mut self, frame: &[i16; FRAME]) -> Option<Tone> {
        let sound = sound_of(frame);
        let same = match (self.now.sound, sound) {
            (Sound::Tone(a), Sound::Tone(b)) => (a - b).abs() <= SAME_HZ,
            (Sound::Tone(_) | Sound::Silence, Sound::Other) if self.odd < ODD_FRAMES => true,
            (a, b) => a == b,
        };
        self.odd = if sound == Sound::Other { self.odd + 1 } else { 0 };
        if same {
            self.now.frames += 1;
            return self.lasting();
        }
        let finished = std::mem::replace(&mut self.now, Run { sound, frames: 1 });
        if finished.sound == Sound::Other {
            // A cadence is not interrupted by a voice.
            self.runs.clear();
            return None;
        }
        if self.runs.len() == RUNS {
            self.runs.pop_front();
        }
        self.runs.push_back(finished);
        self.cadence()
    }

    /// What the length of the running tone or silence makes certain.
    fn lasting(&self) -> Option<Tone> {
        match (self.now.sound, self.now.frames) {
            (Sound::Tone(hz), FAX) if FAX_HZ.contains(&hz) => Some(Tone::Fax),
            (Sound::Silence, RING_OFF) => {
                self.runs.back().is_some_and(|run| run.is_tone(&EXCHANGE_HZ, &RING_ON)).then_some(Tone::RingBack)
            }
            (Sound::Silence, BEEP_SILENCE) => {
                let beep = self.runs.back().filter(|run| run.is_tone(&BEEP_HZ, &BEEP))?;
                let Sound::Tone(hz) = beep.sound else { return None };
                // One of several alike is a cadence that is not known here.
                let mut earlier = self.runs.iter().rev().skip(1);
                let again = earlier.any(|run| run.is_tone(&(hz - SAME_HZ..=hz + SAME_HZ), &(0..=u32::MAX)));
                (!again && !EXCHANGE_HZ.contains(&hz)).then_some(Tone::Beep)
            }
            _ => None,
        }
    }

    /// What the finished runs are, the last of them included.
    fn cadence(&mut self) -> Option<Tone> {
        let runs: Vec<Run> = self.runs.iter().copied().collect();
        let told = if even(&runs, &BUSY) {
            Tone::Busy
        } else if even(&runs, &CONGESTION) {
            Tone::Congestion
        } else if vacant(&runs) {
            Tone::Vacant
        } else if rising(&runs) {
            Tone::Information
        } else {
            return None;
        };
        self.runs.clear();
        Some(told)
    }
}

/// Three periods of tone and silence, all of such a length.
fn even(runs: &[Run], length: &RangeInclusive<u32>) -> bool {
    let Some(last) = runs.len().checked_sub(6).map(|from| &runs[from..]) else { return false };
    last.chunks(2).all(|pair| pair[0].is_tone(&EXCHANGE_HZ, length) && pair[1].is_silence(length))
}

fn vacant(runs: &[Run]) -> bool {
    let Some(last) = runs.len().checked_sub(7).map(|from| &runs[from..]) else { return false };
    let short = last[..6].chunks(2);
    short.clone().all(|pair| pair[0].is_tone(&EXCHANGE_HZ, &VACANT_SHORT) && pair[1].is_silence(&VACANT_SHORT))
        && last[6].is_tone(&EXCHANGE_HZ, &VACANT_LONG)
}

fn rising(runs: &[Run]) -> bool {
    // Gaps between the three are allowed to 30 ms and are no runs of their own to speak of.
    let tones: Vec<&Run> = runs.iter().filter(|run| !run.is_silence(&(0..=2))).collect();
    let Some(last) = tones.len().checked_sub(3).map(|from| &tones[from..]) else { return false };
    last.iter().zip(INFORMATION_HZ).all(|(run, hz)| run.is_tone(&(hz - 50.0..=hz + 50.0), &INFORMATION))
}

fn sound_of(frame: &[i16; FRAME]) -> Sound {
    let energy: f64 = frame.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    if (energy / FRAME as f64).sqrt() < QUIET {
        return Sound::Silence;
    }
    let (mut with, mut own, mut around) = (0.0, 0.0, 0.0);
    for window in frame.windows(3) {
        let [before, here, after] = [window[0], window[1], window[2]].map(f64::from);
        let sum = before + after;
        with += sum * here;
        own += here * here;
        around += sum * sum;
    }
    if own <= 0.0 {
        return Sound::Other;
    }
    let twice_cos = with / own;
    let left_over = (around - twice_cos * with).max(0.0) / own;
    let cos = twice_cos / 2.0;
    if left_over > IMPURE || cos.abs() >= 1.0 {
        return Sound::Other;
    }
    Sound::Tone(cos.acos() / TAU * f64::from(SAMPLE_RATE))
}

#[cfg(test)]
mod tests {
    use super::super::codec::Codec;
    use super::super::tones::{add_tone, tone};
    use super::*;

    /// Tones with their seconds; frequency 0 is silence. Over the line (A-law), with a hiss of this amplitude.
    fn line(parts: &[(f64, f64)], hiss: i32) -> Vec<i16> {
        let mut pcm = vec![];
        for (hz, seconds) in parts {
            let mut part = vec![0; (seconds * 8_000.0) as usize];
            if *hz > 0.0 {
                add_tone(&mut part, *hz, 8_000.0, pcm.len() as u64);
            }
            pcm.extend(part);
        }
        over_the_line(pcm, hiss)
    }

    fn over_the_line(mut pcm: Vec<i16>, hiss: i32) -> Vec<i16> {
        let mut seed = 1_u32;
        for sample in &mut pcm {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = if hiss == 0 { 0 } else { (seed >> 16) as i32 % (2 * hiss) - hiss };
            *sample = (i32::from(*sample) + noise).clamp(-32_768, 32_767) as i16;
        }
        let (mut bytes, mut heard) = (vec![0; pcm.len()], vec![]);
        Codec::Pcma.encode(&pcm, &mut bytes);
        Codec::Pcma.decode(&bytes, &mut heard);
        heard
    }

    /// Signals with the second in which they were told, however the line's frames lie.
    fn heard(pcm: &[i16], skip: usize) -> Vec<(Tone, f64)> {
        let mut signals = Signals::default();
        let frames = pcm[skip..].chunks_exact(FRAME).enumerate();
        frames.filter_map(|(n, f)| Some((signals.push(f.try_into().unwrap())?, n as f64 * 0.02))).collect()
    }

    #[track_caller]
    fn check(parts: &[(f64, f64)], expected: &[(Tone, f64)]) {
        for (hiss, skip) in [(0, 0), (60, 37), (120, 111)] {
            let told = heard(&line(parts, hiss), skip);
            assert_eq!(told.len(), expected.len(), "hiss {hiss}: {told:?}");
            for ((tone, at), (wanted, when)) in told.iter().zip(expected) {
                assert!(tone == wanted && (at - when).abs() <= 0.1, "hiss {hiss}: {told:?}");
            }
        }
    }

    fn repeated(parts: &[(f64, f64)], times: usize) -> Vec<(f64, f64)> {
        parts.repeat(times)
    }

    #[test]
    fn every_signal_of_the_table_is_told_by_its_cadence() {
        let ring = repeated(&[(450.0, 1.0), (0.0, 4.0)], 2);
        check(&ring, &[(Tone::RingBack, 3.0), (Tone::RingBack, 8.0)]);
        check(&repeated(&[(450.0, 0.35), (0.0, 0.35)], 4), &[(Tone::Busy, 2.1)]);
        check(&repeated(&[(450.0, 0.7), (0.0, 0.7)], 4), &[(Tone::Congestion, 4.2)]);
        let short = repeated(&[(450.0, 0.1), (0.0, 0.1)], 3);
        check(&[short, vec![(450.0, 0.4), (0.0, 0.4)]].concat(), &[(Tone::Vacant, 1.0)]);
        check(&[(950.0, 0.33), (1_400.0, 0.33), (1_800.0, 0.33), (0.0, 1.0)], &[(Tone::Information, 1.0)]);
        check(&[(0.0, 1.0), (2_100.0, 3.0)], &[(Tone::Fax, 1.8)]);
        check(&[(0.0, 1.0), (1_000.0, 0.5), (0.0, 2.0)], &[(Tone::Beep, 2.0)]);
    }

    #[test]
    fn an_exchange_that_is_a_little_off_is_understood_and_another_rhythm_is_no_signal() {
        check(&repeated(&[(425.0, 0.38), (0.0, 0.33)], 4), &[(Tone::Busy, 2.13)]);
        check(&repeated(&[(450.0, 0.5), (0.0, 0.5)], 6), &[]);
        check(&repeated(&[(600.0, 0.35), (0.0, 0.35)], 6), &[]);
        check(&[(450.0, 5.0), (0.0, 5.0)], &[]);
        check(&[(0.0, 5.0)], &[]);
        // Many beeps are a melody.
        check(&repeated(&[(1_000.0, 0.3), (0.0, 0.7)], 3), &[(Tone::Beep, 0.8)]);
        check(&[(1_000.0, 3.0), (0.0, 2.0)], &[]);
    }

    #[test]
    fn neither_speech_nor_keys_nor_noise_are_signals() {
        for file in [
            "hesitating_hello.wav",
            "hesitating_ask_appearance.wav",
            "answers/c02_sat_skill.wav",
            "carrier/no_answer.wav",
            "carrier/vacant_number.wav",
            "carrier/phone_assistant.wav",
        ] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/speech").join(file);
            let speech: Vec<i16> = hound::WavReader::open(path).unwrap().into_samples().map(Result::unwrap).collect();
            let told = heard(&over_the_line([speech, vec![0; 16_000]].concat(), 60), 0);
            assert_eq!(told, [], "{file}");
        }
        let mut keys = vec![];
        for (low, high) in [(697.0, 1_209.0), (941.0, 1_336.0)] {
            let mut key = tone(low, 6_000.0, 1_600);
            add_tone(&mut key, high, 6_000.0, 0);
            keys.extend([key, vec![0; 8_000]].concat());
        }
        assert_eq!(heard(&over_the_line(keys, 60), 0), []);
        assert_eq!(heard(&over_the_line(vec![0; 80_000], 2_000), 0), []);
    }
}
