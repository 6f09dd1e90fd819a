//! Which announcement a text is. The phrases are data: `rubrics/announcements-zh.toml`.
//!
//! Text and phrases are compared by sound (toneless pinyin, blurred as lines and recognisers blur it) and English by words, so that
//! 已观机 and 已关机 are the same. The first kind of the table that is found counts.

use super::Kind;
use crate::domain::score::{sound, to_simplified};
use serde::Deserialize;

const BUILTIN: &str = include_str!("../../../rubrics/announcements-zh.toml");

/// Where the text was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the answer: no person can speak there.
    Early,
    /// After the answer.
    Answered,
}

/// The table, ready to be searched.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcements {
    pub version: String,
    frames: Vec<Phrase>,
    within: usize,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    kind: Kind,
    framed: Vec<Phrase>,
    alone: Vec<Phrase>,
    early: Vec<Phrase>,
    with_beep: Vec<Phrase>,
}

/// Syllables of Chinese, whole words of English.
type Phrase = Vec<String>;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AnnouncementError {
    #[error("announcements-zh.toml: {0}")]
    Syntax(String),
    #[error("announcements-zh.toml: {kind}: the phrase {phrase:?} holds nothing that can be heard")]
    Empty { kind: String, phrase: String },
    #[error("announcements-zh.toml: {kind}: {problem}")]
    Kind { kind: &'static str, problem: &'static str },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    frame: Frame,
    announcement: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    says: Vec<String>,
    within: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    kind: Kind,
    #[serde(default)]
    framed: Vec<String>,
    #[serde(default)]
    alone: Vec<String>,
    #[serde(default)]
    early: Vec<String>,
    #[serde(default)]
    with_beep: Vec<String>,
}

impl Announcements {
    /// Reads a table. Every phrase must be audible, and every kind of words stands there once.
    pub fn parse(text: &str) -> Result<Self, AnnouncementError> {
        let file: File = toml::from_str(text).map_err(|e| AnnouncementError::Syntax(e.to_string()))?;
        let mut rows: Vec<Row> = Vec::new();
        for raw in &file.announcement {
            let name = raw.kind.name();
            if rows.iter().any(|row| row.kind == raw.kind) {
                return Err(AnnouncementError::Kind { kind: name, problem: "stands there twice" });
            }
            let row = Row {
                kind: raw.kind,
                framed: phrases(name, &raw.framed)?,
                alone: phrases(name, &raw.alone)?,
                early: phrases(name, &raw.early)?,
                with_beep: phrases(name, &raw.with_beep)?,
            };
            if row.framed.is_empty() && row.alone.is_empty() && row.early.is_empty() {
                return Err(AnnouncementError::Kind { kind: name, problem: "has no phrase" });
            }
            rows.push(row);
        }
        let frames = phrases("frame", &file.frame.says)?;
        Ok(Self { version: file.version, frames, within: file.frame.within, rows })
    }

    /// The table that the program was built with.
    ///
    /// # Errors
    /// None in a program whose tests have run.
    pub fn builtin() -> Result<Self, AnnouncementError> {
        Self::parse(BUILTIN)
    }

    /// What the text says, if it is an announcement; `beep`: a tone and then silence followed it.
    pub fn find(&self, text: &str, place: Place, beep: bool) -> Option<Kind> {
        let said = sounds(text);
        if said.is_empty() {
            return None;
        }
        let frames: Vec<usize> = self.frames.iter().flat_map(|frame| ends_of(frame, &said)).collect();
        let framed = |phrase: &Phrase| {
            starts_of(phrase, &said).any(|at| frames.iter().any(|end| *end <= at && at - end <= self.within))
        };
        let there = |phrase: &Phrase| starts_of(phrase, &said).next().is_some();
        let found = |row: &&Row| {
            row.alone.iter().any(there)
                || row.framed.iter().any(framed)
                || (place == Place::Early && row.early.iter().any(there))
                || (beep && row.with_beep.iter().any(there))
        };
        self.rows.iter().find(found).map(|row| row.kind)
    }
}

fn phrases(kind: &str, texts: &[String]) -> Result<Vec<Phrase>, AnnouncementError> {
    let phrase = |text: &String| {
        let phrase = sounds(text);
        let empty = || AnnouncementError::Empty { kind: kind.into(), phrase: text.clone() };
        if phrase.is_empty() { Err(empty()) } else { Ok(phrase) }
    };
    texts.iter().map(phrase).collect()
}

fn starts_of<'a>(phrase: &'a Phrase, said: &'a [String]) -> impl Iterator<Item = usize> + 'a {
    said.windows(phrase.len()).enumerate().filter(move |(_, window)| *window == phrase.as_slice()).map(|(at, _)| at)
}

fn ends_of<'a>(phrase: &'a Phrase, said: &'a [String]) -> impl Iterator<Item = usize> + 'a {
    starts_of(phrase, said).map(|at| at + phrase.len())
}

/// What is heard of a text, in order: a syllable for each Chinese character, English words in lower case.
fn sounds(text: &str) -> Vec<String> {
    let (mut heard, mut word) = (Vec::new(), String::new());
    for c in to_simplified(text).chars() {
        let syllable = sound(c, true);
        if c.is_ascii_alphanumeric() && syllable.is_none() {
            word.push(c.to_ascii_lowercase());
            continue;
        }
        if !word.is_empty() {
            heard.push(std::mem::take(&mut word));
        }
        heard.extend(syllable);
    }
    if !word.is_empty() {
        heard.push(word);
    }
    heard
}
