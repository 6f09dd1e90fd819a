//! What was heard of rated answers against what was said: characters, the words that rate, the levels that come of them.

use crate::corpus::{Rated, Talk, Turn};
use crate::errors::Errors;
use crate::{Hearing, vosk_text, whisper_text};
use huifang::domain::score::{Answer, Judgement, Level, Rubric};
use huifang::domain::transcript::Segment;
use pinyin::ToPinyin;

/// Words with one of these are counted apart.
const DENIALS: [char; 4] = ['不', '没', '别', '无'];

/// Found of how many.
#[derive(Clone, Copy, Default)]
pub struct Share {
    found: usize,
    of: usize,
}

#[derive(Default)]
pub struct Tally {
    pub whisper: Errors,
    pub vosk: Errors,
    /// The rating words as written by each, and by whisper as they sound.
    pub exact: Share,
    pub sound: Share,
    pub second: Share,
    /// Exact by either, or by whisper as they sound.
    pub either: Share,
    /// The denied ones among them.
    pub denied: Share,
    /// Rating words that nobody said.
    pub false_hits: usize,
    /// Levels as a person gives them, from whisper alone, and from both.
    pub alone: Share,
    pub both: Share,
    /// Answers without a word of either.
    pub lost: usize,
    /// Answers that hold a rating word of a neighbour.
    pub moved: usize,
    /// Begin of the segment against that of the voice, seconds, each.
    pub late_s: Vec<f64>,
    pub seconds: f64,
    pub whisper_cpu_s: f64,
    pub vosk_cpu_s: f64,
}

impl Share {
    fn count(&mut self, found: bool) {
        self.found += usize::from(found);
        self.of += 1;
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.found, self.of)
    }
}

impl Tally {
    pub fn add(&mut self, talk: &Talk, hearing: &Hearing) {
        self.seconds += talk.seconds();
        self.whisper_cpu_s += hearing.whisper_cpu_s;
        self.vosk_cpu_s += hearing.vosk_cpu_s;
        let said: Vec<Vec<String>> =
            talk.turns.iter().zip(&talk.rated).map(|(t, r)| words(&judged(r, &t.text, None))).collect();
        for (n, (turn, rated)) in talk.turns.iter().zip(&talk.rated).enumerate() {
            let segments = during(&hearing.segments, turn);
            let whisper: String = segments.iter().map(|s| whisper_text(s)).collect();
            let vosk: String = segments.iter().map(|s| vosk_text(s)).collect();
            eprintln!("{} | {whisper} | {vosk}", turn.text);
            self.whisper.add(Errors::between(&turn.text, &whisper));
            self.vosk.add(Errors::between(&turn.text, &vosk));
            self.words(&said[n], &whisper, &vosk);
            self.levels(rated, &turn.text, &whisper, &vosk);
            self.lost += usize::from(whisper.is_empty() && vosk.is_empty());
            let beside = [n.checked_sub(1), Some(n + 1)].into_iter().flatten().filter_map(|n| said.get(n)).flatten();
            let foreign = beside.filter(|word| !turn.text.contains(word.as_str()));
            self.moved += usize::from(foreign.clone().any(|word| whisper.contains(word.as_str())));
            self.late_s.extend(segments.first().map(|s| s.start - turn.start));
        }
    }

    fn words(&mut self, said: &[String], whisper: &str, vosk: &str) {
        for word in said {
            let (exact, second) = (bare(whisper).contains(word), bare(vosk).contains(word));
            let sound = exact || sounds(whisper).contains(&sounds(word));
            self.exact.count(exact);
            self.sound.count(sound);
            self.second.count(second);
            self.either.count(sound || second);
            if word.contains(DENIALS) {
                self.denied.count(sound || second);
            }
        }
    }

    fn levels(&mut self, rated: &Rated, said: &str, whisper: &str, vosk: &str) {
        let alone = judged(rated, whisper, None);
        let both = judged(rated, whisper, Some(vosk));
        self.alone.count(alone.label.map(Level::get) == rated.level);
        self.both.count(both.label.map(Level::get) == rated.level);
        let was_said = |word: &String| bare(said).contains(word) || sounds(said).contains(&sounds(word));
        self.false_hits += words(&both).iter().filter(|word| !was_said(word)).count();
    }

    /// Worst begin of a segment, seconds.
    pub fn worst_start_s(&self) -> f64 {
        self.late_s.iter().fold(0.0, |worst: f64, late| worst.max(late.abs()))
    }
}

fn judged(rated: &Rated, text: &str, second: Option<&str>) -> Judgement {
    let mut answer = Answer::bare(Some(rated.asked), rated.question.clone(), text);
    answer.also_heard.extend(second.map(|text| ("vosk".to_owned(), text.to_owned())));
    Rubric::builtin().judge(&answer)
}

/// The words that carry a level.
fn words(judged: &Judgement) -> Vec<String> {
    judged.evidence.iter().map(|e| bare(&e.text)).filter(|word| !word.is_empty()).collect()
}

fn during<'a>(segments: &'a [Segment], turn: &Turn) -> Vec<&'a Segment> {
    let inside =
        |s: &&Segment| s.start.midpoint(s.end) >= turn.start - 0.3 && s.start.midpoint(s.end) <= turn.end + 0.3;
    segments.iter().filter(inside).collect()
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Toneless pinyin of each character.
fn sounds(text: &str) -> String {
    bare(text).chars().map(|c| c.to_pinyin().map_or_else(|| c.to_string(), |p| p.plain().to_string()) + " ").collect()
}
