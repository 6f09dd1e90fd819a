//! Voice activity on a telephone line: who speaks, since when, and how long it has been silent. For the end of a turn and for barge-in. Pure.
//!
//! Energy over an adaptive noise floor: the floor is the quietest fifth of a second of the last three. Digital silence (loss, DTX, hold) is
//! silence and teaches the floor nothing. Does not do: telling speech from music or keys, deciding when a turn is over: the caller compares
//! [`Vad::silence_ms`] with what it will wait for.

use super::codec::FRAME;
use std::collections::VecDeque;

/// Length of one frame, ms.
const FRAME_MS: u32 = 20;
/// Speech is this far over the floor, dB; to go on it may be quieter than to begin.
const BEGIN_OVER_FLOOR: f32 = 12.0;
const GO_ON_OVER_FLOOR: f32 = 7.0;
/// Quieter than this is never speech, dBFS.
const QUIETEST_SPEECH: f32 = -48.0;
/// The floor lies between these, dBFS; early on it is not trusted to be high, since the first sound may be the voice.
const LOWEST_FLOOR: f32 = -70.0;
const HIGHEST_FLOOR: f32 = -25.0;
const HIGHEST_EARLY_FLOOR: f32 = -50.0;
/// Loud frames in the last five that begin speech: a click of 40 ms does not.
const BEGIN_FRAMES: u32 = 3;
/// Quiet ms that end an utterance; shorter pauses are within words.
const END_MS: u32 = 200;
/// The floor's memory: blocks of 200 ms.
const BLOCK_FRAMES: u32 = 10;
const BLOCKS: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VadEvent {
    SpeechStarted,
    /// `silence_ms` have passed since the last loud frame.
    SpeechEnded {
        silence_ms: u32,
    },
}

#[derive(Clone, Debug, Default)]
pub struct Vad {
    speaking: bool,
    silence_ms: u32,
    /// One bit per frame, newest lowest: loud enough to begin.
    loud: u32,
    /// Frames seen, up to a block: before that the line's noise is not known and nothing is called speech.
    warm: u32,
    floor: Floor,
}

impl Vad {
    pub fn new() -> Self {
        Self::default()
    }

    /// The next 20 ms.
    pub fn push(&mut self, frame: &[i16; FRAME]) -> Option<VadEvent> {
        let level = level_dbfs(frame);
        let floor = self.floor.push(level);
        let begins = level > (floor + BEGIN_OVER_FLOOR).max(QUIETEST_SPEECH);
        let goes_on = level > (floor + GO_ON_OVER_FLOOR).max(QUIETEST_SPEECH - 4.0);
        self.warm = (self.warm + 1).min(BLOCK_FRAMES);
        let known = self.warm == BLOCK_FRAMES;
        self.loud = (self.loud << 1 | u32::from(begins && known)) & 0b1_1111;
        let sounds = if self.speaking { goes_on } else { begins };
        self.silence_ms = if sounds { 0 } else { self.silence_ms.saturating_add(FRAME_MS) };
        if !self.speaking && self.loud.count_ones() >= BEGIN_FRAMES {
            (self.speaking, self.silence_ms) = (true, 0);
            return Some(VadEvent::SpeechStarted);
        }
        if self.speaking && self.silence_ms >= END_MS {
            (self.speaking, self.loud) = (false, 0);
            return Some(VadEvent::SpeechEnded { silence_ms: self.silence_ms });
        }
        None
    }

    /// Between `SpeechStarted` and `SpeechEnded`.
    pub fn speaking(&self) -> bool {
        self.speaking
    }

    /// Since the last loud frame; since the first frame when nobody has spoken yet.
    pub fn silence_ms(&self) -> u32 {
        self.silence_ms
    }
}

/// The stretches of speech in a recorded channel, seconds from its first sample; what is left of the last frame is not heard.
pub fn stretches(samples: &[i16]) -> Vec<(f64, f64)> {
    let mut vad = Vad::new();
    let mut found = Vec::new();
    let mut since = None;
    let at = |frames: usize, back_ms: u32| (frames as f64 * f64::from(FRAME_MS) - f64::from(back_ms)).max(0.0) / 1000.0;
    let (frames, _) = samples.as_chunks::<FRAME>();
    for (n, frame) in frames.iter().enumerate() {
        match vad.push(frame) {
            Some(VadEvent::SpeechStarted) => since = Some(at(n + 1, BEGIN_FRAMES * FRAME_MS)),
            Some(VadEvent::SpeechEnded { silence_ms }) => {
                found.extend(since.take().map(|from| (from, at(n + 1, silence_ms))));
            }
            None => {}
        }
    }
    found.extend(since.map(|from| (from, at(frames.len(), vad.silence_ms()))));
    found
}

/// The quietest block of the last three seconds.
#[derive(Clone, Debug)]
struct Floor {
    blocks: VecDeque<f32>,
    /// Mean level of the block in the making, and its frames.
    sum: f32,
    frames: u32,
    current: f32,
}

impl Default for Floor {
    fn default() -> Self {
        Self { blocks: VecDeque::with_capacity(BLOCKS), sum: 0.0, frames: 0, current: HIGHEST_EARLY_FLOOR - 10.0 }
    }
}

impl Floor {
    fn push(&mut self, level: f32) -> f32 {
        if level < LOWEST_FLOOR {
            return self.current;
        }
        self.sum += level;
        self.frames += 1;
        if self.frames == BLOCK_FRAMES {
            if self.blocks.len() == BLOCKS {
                self.blocks.pop_front();
            }
            self.blocks.push_back(self.sum / BLOCK_FRAMES as f32);
            (self.sum, self.frames) = (0.0, 0);
            let highest = if self.blocks.len() < BLOCKS { HIGHEST_EARLY_FLOOR } else { HIGHEST_FLOOR };
            self.current = self.blocks.iter().copied().fold(highest, f32::min).max(LOWEST_FLOOR);
        }
        self.current
    }
}

/// Level of a frame over full scale; digital silence is far below any floor. In whole numbers: sums of them run side by side.
fn level_dbfs(frame: &[i16; FRAME]) -> f32 {
    let sum: i32 = frame.iter().map(|s| i32::from(*s)).sum();
    let squares: i64 = frame.iter().map(|s| i64::from(i32::from(*s) * i32::from(*s))).sum();
    // The mean is taken out: cheap lines have an offset.
    let (mean, n) = (f64::from(sum) / FRAME as f64, FRAME as f64);
    let power = (squares as f64 / n - mean * mean).max(0.0) as f32;
    10.0 * (power / (32_768.0 * 32_768.0) + 1e-12).log10()
}

#[cfg(test)]
mod tests {
    use super::super::codec::Codec;
    use super::*;
    use std::path::Path;

    /// Speech from the test data, over the line (A-law), one second of silence before and two after; `noise` is its amplitude.
    fn heard(file: &str, noise: i32) -> Vec<i16> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/speech").join(file);
        let speech: Vec<i16> = hound::WavReader::open(path).unwrap().into_samples().map(Result::unwrap).collect();
        let mut pcm = vec![0; 8_000];
        pcm.extend(speech);
        pcm.resize(pcm.len() + 16_000, 0);
        let mut seed = 1_u32;
        for sample in &mut pcm {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = if noise == 0 { 0 } else { (seed >> 16) as i32 % (2 * noise) - noise };
            *sample = (i32::from(*sample) + hiss).clamp(-32_768, 32_767) as i16;
        }
        let (mut bytes, mut line) = (vec![0; pcm.len()], Vec::new());
        Codec::Pcma.encode(&pcm, &mut bytes);
        Codec::Pcma.decode(&bytes, &mut line);
        line
    }

    /// Utterances as (start, end) seconds, without the lead of one second.
    fn utterances(pcm: &[i16]) -> Vec<(f32, f32)> {
        stretches(pcm).into_iter().map(|(from, to)| (from as f32 - 1.0, to as f32 - 1.0)).collect()
    }

    /// Every part begins and ends within 0.25 s of the script's times, and no pause of 0.5 s or more is bridged or invented.
    fn check(file: &str, want: &[(f32, f32)]) {
        for noise in [0, 60, 300] {
            let found = utterances(&heard(file, noise));
            let edges_near = |(a, b): (f32, f32), (c, d): (f32, f32)| (a - c).abs() < 0.25 && (b - d).abs() < 0.25;
            // An utterance may be found in pieces as long as the pieces are closer than half a second.
            let mut merged: Vec<(f32, f32)> = Vec::new();
            for (from, to) in found {
                match merged.last_mut() {
                    Some(last) if from - last.1 < 0.5 => last.1 = to,
                    _ => merged.push((from, to)),
                }
            }
            let alike = merged.len() == want.len() && merged.iter().zip(want).all(|(a, b)| edges_near(*a, *b));
            assert!(alike, "{file} with noise {noise}: {merged:?}, want {want:?}");
        }
    }

    #[test]
    fn real_answers_are_cut_at_their_pauses_with_and_without_noise() {
        check("hesitating_hello.wav", &[(0.0, 0.37), (0.97, 1.83)]);
        check("hesitating_sat_timeliness.wav", &[(0.0, 1.47), (3.47, 6.35)]);
        check("hesitating_sat_overall.wav", &[(0.0, 0.93), (2.73, 3.43)]);
        check("hesitating_ask_appearance.wav", &[(0.0, 0.8), (2.0, 3.47), (5.07, 7.23)]);
    }

    #[test]
    fn speech_is_noticed_within_a_tenth_of_a_second() {
        let found = utterances(&heard("hesitating_sat_overall.wav", 60));
        assert!(found[0].0 < 0.2, "noticed at {}", found[0].0);
    }

    #[test]
    fn silence_hiss_and_clicks_are_no_speech() {
        let quiet = vec![0; 40_000];
        assert_eq!(utterances(&quiet), []);
        let mut clicks = quiet.clone();
        for at in (8_000..40_000).step_by(8_000) {
            clicks[at..at + 80].fill(12_000);
        }
        assert_eq!(utterances(&clicks), []);
    }

    #[test]
    fn a_noise_that_stays_becomes_the_floor_within_four_seconds() {
        let mut seed = 1_u32;
        let hum: Vec<i16> = (0..8_000 * 8)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((seed >> 16) as i32 % 2_000 - 1_000) as i16
            })
            .collect();
        let mut vad = Vad::new();
        let speaking: Vec<bool> = hum
            .chunks_exact(FRAME)
            .map(|frame| {
                vad.push(frame.try_into().unwrap());
                vad.speaking()
            })
            .collect();
        assert!(speaking[200..].iter().all(|s| !s));
    }

    #[test]
    fn silence_is_counted_from_the_last_loud_frame() {
        let mut vad = Vad::new();
        let (loud, quiet) = (std::array::from_fn(|i| if i % 20 < 10 { 8_000 } else { -8_000 }), [0; FRAME]);
        for _ in 0..20 {
            vad.push(&loud);
        }
        assert_eq!((vad.speaking(), vad.silence_ms()), (true, 0));
        let ended = (0..50).filter_map(|_| vad.push(&quiet)).collect::<Vec<_>>();
        assert_eq!(ended, [VadEvent::SpeechEnded { silence_ms: 200 }]);
        assert_eq!((vad.speaking(), vad.silence_ms()), (false, 1_000));
    }
}
