//! Follows one stretch of a call and says what was heard once it is certain, and said.
//!
//! Contract: fed with every word, tone and 20 ms of voice activity in order; times are milliseconds of the caller's. What it has told
//! it does not tell again; another announcement after it is told as well. Bounded: only the last words are kept.

use super::words::{Announcements, Place};
use super::{Kind, Tone};
use std::sync::Arc;

/// Nothing was said for so long: the announcement is over. Before the answer a sentence may go on (…正在通话中，请不要挂机); after it we
/// are in somebody's way.
const OVER_EARLY_MS: u64 = 900;
const OVER_ANSWERED_MS: u64 = 300;
/// One that goes on without a pause is certain after so long.
const LONG_EARLY_MS: u64 = 6_000;
const LONG_ANSWERED_MS: u64 = 1_500;
/// A machine speaks in the first seconds after the answer or never; what comes later is a person's.
const ANSWERED_MS: u64 = 20_000;
/// Characters kept.
const MOST_WORDS: usize = 120;

/// An announcement, a machine or a tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub kind: Kind,
    /// As the recogniser has them; empty for a tone.
    pub words: String,
    /// When it was first known, and when it was told.
    pub from_ms: u64,
    pub at_ms: u64,
}

pub struct Ear {
    table: Arc<Announcements>,
    place: Place,
    /// Words of finished utterances, and of the one that runs.
    finished: String,
    partial: String,
    /// What the words are, and since when.
    found: Option<(Kind, u64)>,
    /// A tone, or what a beep made of the words before it, that has not been told.
    certain: Option<(Kind, u64)>,
    told: Option<Kind>,
    last_voice_ms: u64,
}

impl Ear {
    pub fn new(table: Arc<Announcements>, place: Place) -> Self {
        Self {
            table,
            place,
            finished: String::new(),
            partial: String::new(),
            found: None,
            certain: None,
            told: None,
            last_voice_ms: 0,
        }
    }

    /// The running utterance as it is heard so far; replaces the one before.
    pub fn partial(&mut self, now_ms: u64, text: &str) {
        text.clone_into(&mut self.partial);
        self.look(now_ms);
    }

    /// The utterance is finished.
    pub fn words(&mut self, now_ms: u64, text: &str) {
        self.partial.clear();
        self.finished.push_str(text);
        // Utterances are not words of one sentence to the eye; the search does not read the mark.
        self.finished.push('，');
        let surplus = self.finished.chars().count().saturating_sub(MOST_WORDS);
        self.finished = self.finished.chars().skip(surplus).collect();
        self.look(now_ms);
    }

    pub fn tone(&mut self, now_ms: u64, tone: Tone) {
        let kind = match tone {
            // Words that it follows; a beep before them is a person's telephone.
            Tone::Beep => self.table.find(&self.said(), self.place, true),
            tone => Kind::of_tone(tone),
        };
        if let Some(kind) = kind.filter(|kind| self.told != Some(*kind)) {
            self.certain = Some((kind, now_ms));
        }
    }

    /// Whether a machine could still be told at this time.
    pub fn listens_at(&self, now_ms: u64) -> bool {
        self.place == Place::Early || now_ms <= ANSWERED_MS
    }

    /// 20 ms have passed; `speaking`: a voice is active. What is certain now.
    pub fn frame(&mut self, now_ms: u64, speaking: bool) -> Option<Heard> {
        if speaking {
            self.last_voice_ms = now_ms;
        }
        let (over, long) = match self.place {
            Place::Early => (OVER_EARLY_MS, LONG_EARLY_MS),
            Place::Answered if !self.listens_at(now_ms) => return None,
            Place::Answered => (OVER_ANSWERED_MS, LONG_ANSWERED_MS),
        };
        // Three tones come before words: they wait for them.
        if let Some((kind, _)) = self.certain.filter(|(kind, _)| *kind != Kind::InformationTone) {
            return Some(self.tell(kind, now_ms));
        }
        let (kind, since) = self.found?;
        let is_over = now_ms.saturating_sub(self.last_voice_ms.max(since)) >= over;
        (is_over || now_ms.saturating_sub(since) >= long).then(|| self.tell(kind, now_ms))
    }

    /// The stretch has ended: what was heard and not yet told, certain or cut off.
    pub fn end(&mut self, now_ms: u64) -> Option<Heard> {
        let (kind, _) = self.found.or(self.certain)?;
        Some(self.tell(kind, now_ms))
    }

    /// Words wait to be finished.
    pub fn has_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    fn look(&mut self, now_ms: u64) {
        if !self.listens_at(now_ms) {
            return;
        }
        let kind = self.table.find(&self.said(), self.place, false).filter(|kind| self.told != Some(*kind));
        self.found = kind.map(|kind| match self.found {
            Some((before, since)) if before == kind => (kind, since),
            _ => (kind, now_ms),
        });
    }

    fn said(&self) -> String {
        format!("{}{}", self.finished, self.partial)
    }

    fn tell(&mut self, kind: Kind, now_ms: u64) -> Heard {
        let since = |found: Option<(Kind, u64)>| found.filter(|(found, _)| *found == kind).map(|(_, since)| since);
        let from_ms = since(self.found).or(since(self.certain)).unwrap_or(now_ms);
        let words = if kind.is_tone() { String::new() } else { self.said().trim_matches('，').to_owned() };
        (self.found, self.certain, self.told) = (None, None, Some(kind));
        self.finished.clear();
        self.partial.clear();
        Heard { kind, words, from_ms, at_ms: now_ms }
    }
}
