//! The simulated customer's ear: says which prompt has just ended, from the audio of the call.
//!
//! At every pause the end of the speech is compared with the end of every prompt: first the shape of its loudness, then, for the few
//! likely ones, the wave itself. Recorded prompts come over G.711 almost unchanged, so a true match is near 1 and everything else
//! near 0; a prompt that was cut off matches nothing, and one that is played again matches again.
//!
//! Not a speech recogniser: it knows only the prompts it was given, and only from their ends.

use crate::domain::script::PromptId;
use std::collections::VecDeque;

const RATE: usize = 8_000;
/// 10 ms.
const FRAME: usize = 80;
/// A pause of so many frames ends a prompt.
const PAUSE_FRAMES: usize = 8;
/// So many loud frames are speech at all.
const SPEECH_FRAMES: usize = 12;
/// The ends compared are so long at most: long enough to tell 刘女士吗 from 黄女士吗, which end alike.
const TAIL: usize = RATE * 8 / 5;
const TAIL_MIN: usize = RATE / 5;
/// The end of speech is found so exactly.
const LAG: usize = 480;
/// Piece of the tail by which the exact place is found.
const ANCHOR: usize = 400;
const CANDIDATES: usize = 8;
const MATCH: f32 = 0.75;
/// The wave is looked for so far around the place that the loudness suggests.
const REACH: usize = 2 * FRAME;
/// What a full-length tail counts more than a short one.
const LONGER: f32 = 0.15;
/// Quietest speech, RMS of 16-bit samples; A-law silence is about 8.
const QUIET: f32 = 120.0;
/// The noise floor is the quietest frame of the last three seconds.
const ABOVE_NOISE: f32 = 2.0;
const FLOOR_FRAMES: usize = 300;
const KEEP: usize = 3 * RATE;

/// A prompt has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub prompt: PromptId,
    /// Its speech ended so many samples (8 kHz) ago.
    pub samples_ago: usize,
}

struct Template {
    id: PromptId,
    tail: Vec<f32>,
    envelope: Vec<f32>,
}

/// Listens to one call.
pub struct PromptEar {
    templates: Vec<Template>,
    /// The last seconds.
    heard: Vec<f32>,
    /// Samples not yet a whole frame.
    rest: Vec<f32>,
    levels: VecDeque<f32>,
    loud: usize,
    quiet: usize,
}

impl PromptEar {
    /// `prompts`: 8 kHz mono. A clip with less than 0.2 s of sound is left out.
    pub fn new(prompts: impl IntoIterator<Item = (PromptId, Vec<i16>)>) -> Self {
        let templates = prompts.into_iter().filter_map(|(id, pcm)| Template::of(id, &pcm)).collect();
        Self { templates, heard: Vec::new(), rest: Vec::new(), levels: VecDeque::new(), loud: 0, quiet: 0 }
    }

    /// Any number of samples in order; the prompt whose end was just heard, if one was.
    pub fn hear(&mut self, pcm: &[i16]) -> Option<Heard> {
        let mut found = None;
        self.rest.extend(pcm.iter().map(|s| f32::from(*s)));
        while self.rest.len() >= FRAME {
            let frame: Vec<f32> = self.rest.drain(..FRAME).collect();
            found = self.frame(&frame).or(found);
        }
        found
    }

    fn frame(&mut self, frame: &[f32]) -> Option<Heard> {
        self.heard.extend_from_slice(frame);
        if self.heard.len() > KEEP + RATE {
            self.heard.drain(..RATE);
        }
        let level = rms(frame);
        if self.levels.len() == FLOOR_FRAMES {
            self.levels.pop_front();
        }
        self.levels.push_back(level);
        let floor = self.levels.iter().copied().fold(f32::MAX, f32::min);
        if level > QUIET.max(ABOVE_NOISE * floor) {
            self.loud += 1;
            self.quiet = 0;
            return None;
        }
        self.quiet += 1;
        if self.quiet != PAUSE_FRAMES || self.loud < SPEECH_FRAMES {
            return None;
        }
        self.loud = 0;
        let samples_ago = PAUSE_FRAMES * FRAME;
        self.recognise(self.heard.len() - samples_ago).map(|prompt| Heard { prompt, samples_ago })
    }

    /// The prompt whose end is at (about) `end` of what was heard.
    fn recognise(&self, end: usize) -> Option<PromptId> {
        let shape = envelope(&self.heard[end.saturating_sub(TAIL + LAG)..end]);
        let shaped = self.templates.iter().map(|t| (best_shift(&t.envelope, &shape), t));
        let mut likely: Vec<((f32, isize), &Template)> = shaped.collect();
        likely.sort_by(|a, b| b.0.0.total_cmp(&a.0.0));
        let judged = likely.into_iter().take(CANDIDATES).map(|((_, shift), t)| (self.likeness(t, end, shift), t));
        let matching = judged.filter(|(likeness, _)| *likeness >= MATCH);
        // 再见 alone is also the end of longer farewells: of equals the longer is meant.
        let rank = |(likeness, t): &(f32, &Template)| likeness + LONGER * t.tail.len() as f32 / TAIL as f32;
        matching.max_by(|a, b| rank(a).total_cmp(&rank(b))).map(|(_, t)| t.id.clone())
    }

    /// −1..1: how like the tail's wave is to what was heard up to `end`, at the best place near `shift` frames later.
    fn likeness(&self, template: &Template, end: usize, shift: isize) -> f32 {
        let tail = &template.tail;
        let anchor_at = loudest(tail, ANCHOR.min(tail.len()));
        let anchor = &tail[anchor_at..(anchor_at + ANCHOR).min(tail.len())];
        let near = end.saturating_add_signed(shift * FRAME as isize);
        let places = near.saturating_sub(REACH).max(tail.len())..=(near + REACH).min(self.heard.len());
        let place = places
            .map(|e| (correlation(&self.heard[e - tail.len() + anchor_at..][..anchor.len()], anchor), e))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        place.map_or(0.0, |(_, e)| correlation(&self.heard[e - tail.len()..e], tail))
    }
}

impl Template {
    fn of(id: PromptId, pcm: &[i16]) -> Option<Self> {
        let wave: Vec<f32> = pcm.iter().map(|s| f32::from(*s)).collect();
        let last_loud = wave.chunks(FRAME).rposition(|f| rms(f) > QUIET)?;
        let end = ((last_loud + 1) * FRAME).min(wave.len());
        let tail = wave[end.saturating_sub(TAIL)..end].to_vec();
        let envelope = envelope(&tail);
        (tail.len() >= TAIL_MIN).then_some(Self { id, tail, envelope })
    }
}

fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

/// Loudness per frame, counted from the end.
fn envelope(samples: &[f32]) -> Vec<f32> {
    let mut levels: Vec<f32> = samples.rchunks(FRAME).map(rms).collect();
    levels.reverse();
    levels
}

/// The best likeness of two envelopes whose ends may lie a few frames apart, and by how many frames the tail ends later.
fn best_shift(tail: &[f32], heard: &[f32]) -> (f32, isize) {
    let reach = (LAG / FRAME) as isize;
    let shifts = (-reach..=reach).filter_map(|shift| {
        let a = &tail[..tail.len().checked_sub(shift.max(0).unsigned_abs())?];
        let b = &heard[..heard.len().checked_sub((-shift).max(0).unsigned_abs())?];
        let n = a.len().min(b.len());
        let like = correlation_about_mean(&a[a.len() - n..], &b[b.len() - n..]);
        (n * FRAME >= TAIL_MIN).then_some((like, shift))
    });
    shifts.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((-1.0, 0))
}

fn correlation_about_mean(a: &[f32], b: &[f32]) -> f32 {
    let centre = |v: &[f32]| {
        let mean = v.iter().sum::<f32>() / v.len().max(1) as f32;
        v.iter().map(|x| x - mean).collect::<Vec<f32>>()
    };
    correlation(&centre(a), &centre(b))
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (x, y) in a.iter().zip(b) {
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// Where the loudest stretch of `length` begins.
fn loudest(samples: &[f32], length: usize) -> usize {
    let last = samples.len().saturating_sub(length);
    let level = |at: &usize| rms(&samples[*at..*at + length]);
    (0..=last).step_by(FRAME).max_by(|a, b| level(a).total_cmp(&level(b))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::script::PromptManifest;
    use std::path::Path;

    fn prompts() -> Vec<(PromptId, Vec<i16>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts");
        let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).expect("manifest");
        let manifest = PromptManifest::parse(&manifest).expect("manifest");
        let read = |id: &PromptId| {
            let mut wav = hound::WavReader::open(folder.join(format!("{id}.wav"))).expect("wav");
            wav.samples::<i16>().map(|s| s.expect("sample")).collect()
        };
        manifest.ids().filter(|id| !id.as_str().starts_with("num/")).map(|id| (id.clone(), read(id))).collect()
    }

    fn clip(all: &[(PromptId, Vec<i16>)], id: &str) -> Vec<i16> {
        all.iter().find(|(i, _)| i.as_str() == id).map(|(_, pcm)| pcm.clone()).expect(id)
    }

    /// ITU-T G.711 A-law there and back, written out here so that the test does not lean on the product's codec.
    fn a_law(sample: i16) -> i16 {
        let (negative, magnitude) = (sample < 0, (i32::from(sample).abs() >> 4).min(2047));
        let value = if magnitude < 32 {
            (magnitude & !1) * 2 + 2
        } else {
            let exponent = magnitude.ilog2() - 5;
            let step = 2 << exponent;
            (magnitude / step * step + step / 2) * 2
        } * 8;
        i16::try_from(if negative { -value } else { value }).unwrap_or(i16::MAX)
    }

    fn noise(seed: &mut u32, peak: i32) -> i16 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 17;
        *seed ^= *seed << 5;
        i16::try_from((*seed % (2 * peak as u32 + 1)) as i32 - peak).unwrap_or(0)
    }

    /// Over the line in 20 ms frames, after `before` samples of silence and with 0.5 s after it.
    fn listen(ear: &mut PromptEar, pcm: &[i16], before: usize, noise_peak: i32) -> Vec<Heard> {
        let mut seed = 7;
        let mut line = vec![0; before];
        line.extend_from_slice(pcm);
        line.extend(std::iter::repeat_n(0, RATE / 2));
        let line: Vec<i16> = line
            .into_iter()
            .map(|s: i16| a_law(s.saturating_add(if noise_peak > 0 { noise(&mut seed, noise_peak) } else { 0 })))
            .collect();
        line.chunks(160).filter_map(|frame| ear.hear(frame)).collect()
    }

    fn ids(heard: &[Heard]) -> Vec<&str> {
        heard.iter().map(|h| h.prompt.as_str()).collect()
    }

    #[test]
    fn every_prompt_is_recognised_over_a_law_at_any_offset() {
        let all = prompts();
        let mut ear = PromptEar::new(all.clone());
        let mut wrong = Vec::new();
        for (n, (id, pcm)) in all.iter().enumerate() {
            let heard = listen(&mut ear, pcm, 4000 + n * 13, 0);
            // closing_full contains other prompts word by word; the end decides.
            if ids(&heard).last() != Some(&id.as_str()) {
                wrong.push(format!("{id}: {:?}", ids(&heard)));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn noise_on_the_line_does_not_deafen_it() {
        let all = prompts();
        let mut ear = PromptEar::new(all.clone());
        for id in
            ["ask_hours", "sat_skill", "sat_attitude", "consent_two_minutes", "closing_full", "identity_full/li_ms"]
        {
            let heard = listen(&mut ear, &clip(&all, id), 8000, 500);
            assert_eq!(ids(&heard), [id]);
        }
    }

    #[test]
    fn a_prompt_that_was_cut_is_answered_only_when_it_was_played_again_to_its_end() {
        let all = prompts();
        let mut ear = PromptEar::new(all.clone());
        let whole = clip(&all, "ask_fault_fixed_how");
        assert_eq!(ids(&listen(&mut ear, &whole[..whole.len() / 2], 3001, 0)), Vec::<&str>::new());
        assert_eq!(ids(&listen(&mut ear, &whole, 517, 0)), ["ask_fault_fixed_how"]);
        assert_eq!(ids(&listen(&mut ear, &whole, 1234, 0)), ["ask_fault_fixed_how"]);
    }

    #[test]
    fn of_clips_played_back_to_back_the_last_is_heard() {
        let all = prompts();
        let mut ear = PromptEar::new(all.clone());
        let both = [clip(&all, "reprompt_not_heard"), clip(&all, "sat_parts")].concat();
        assert_eq!(ids(&listen(&mut ear, &both, 100, 0)).last(), Some(&"sat_parts"));
    }

    #[test]
    fn speech_that_is_no_prompt_is_not_taken_for_one() {
        let all = prompts();
        let mut ear = PromptEar::new(all.iter().filter(|(id, _)| !id.as_str().starts_with("sat_")).cloned());
        for id in ["sat_skill", "sat_attitude", "sat_timeliness", "sat_parts", "sat_overall"] {
            assert_eq!(ids(&listen(&mut ear, &clip(&all, id), 999, 0)), Vec::<&str>::new(), "{id}");
        }
    }

    #[test]
    fn the_end_is_reported_soon_and_with_its_age() {
        let all = prompts();
        let mut ear = PromptEar::new(all.clone());
        let heard = listen(&mut ear, &clip(&all, "ask_hours"), 0, 0);
        assert_eq!(heard.first().map(|h| h.samples_ago), Some(PAUSE_FRAMES * FRAME));
    }
}
