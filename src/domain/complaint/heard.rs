//! What a judged call says of a complaint: the complaint in the customer's words, and whether a second call satisfied him.
//!
//! Contract: a call is a complaint when any of its answers is one, or holds words that need a person at once (B03, E09); advice without
//! complaint is none (E10). Quotes are the words as written down, with their place on the recording. Not here: what a complaint is (`score`).

use super::open::regrade;
use super::{Complaint, Kind, Policy, Quote, Signs, State};
use crate::domain::id::CallId;
use crate::domain::score::{Answer, Evidence, Judgement, Level};
use serde::{Deserialize, Serialize};

/// Quotes that are kept of one call.
const QUOTES_MAX: usize = 20;
const TEXT_CHARS: usize = 2000;

#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub text: String,
    pub quotes: Vec<Quote>,
    pub signs: Signs,
}

/// What a second call came to (A15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Satisfied,
    Dissatisfied,
    /// Nothing clear was said; a person decides.
    Unclear,
}

impl Verdict {
    pub const ALL: [Verdict; 3] = [Self::Satisfied, Self::Dissatisfied, Self::Unclear];
}

/// The complaint that a call holds, `None` when it holds none.
pub fn heard(call: &CallId, answers: &[Answer], judged: &[Judgement], policy: &Policy) -> Option<Heard> {
    let (mut quotes, mut texts, mut signs) = (vec![], vec![], Signs::default());
    for (answer, judgement) in answers.iter().zip(judged) {
        if !judgement.complaint && judgement.alarms.is_empty() {
            continue;
        }
        let text = words_of(answer);
        signs = signs.and(&policy.words.read(text)).and(&signs_of(judgement));
        texts.push(text);
        let (from_s, to_s) = (answer.start_s, answer.end_s);
        quotes.push(Quote { text: text.to_owned(), from_s, to_s, call: Some(call.clone()), severe: false });
        quotes.extend(judgement.alarms.iter().map(|alarm| severe(alarm, call)));
    }
    if texts.is_empty() {
        return None;
    }
    signs.angry |= signs.level.is_some_and(|level| level.get() == 1);
    quotes.truncate(QUOTES_MAX);
    Some(Heard { text: texts.join("；").chars().take(TEXT_CHARS).collect(), quotes, signs })
}

/// Satisfied: every level is four or five, and there is one.
pub fn verdict(judged: &[Judgement]) -> Verdict {
    let lowest = judged.iter().flat_map(|j| j.labels.values().chain(&j.label)).map(|level| level.get()).min();
    let complains = judged.iter().any(|j| j.complaint || !j.alarms.is_empty());
    match (complains, lowest) {
        (true, _) | (false, Some(1 | 2)) => Verdict::Dissatisfied,
        (false, Some(4..)) => Verdict::Satisfied,
        (false, _) => Verdict::Unclear,
    }
}

impl Complaint {
    /// With what its call says, where that is known only after it was opened; `None`: nothing new, or it is over.
    pub fn with_heard(&self, heard: &Heard, policy: &Policy) -> Option<Complaint> {
        let new: Vec<Quote> = heard.quotes.iter().filter(|quote| !self.quotes.contains(quote)).cloned().collect();
        let signs = self.signs.clone().and(&heard.signs);
        if matches!(self.state, State::Closed { .. }) || (new.is_empty() && signs == self.signs) {
            return None;
        }
        let mut next = Complaint { signs, ..self.clone() };
        next.quotes.extend(new);
        next.quotes.truncate(QUOTES_MAX * 2);
        regrade(&mut next, policy);
        (next != *self).then_some(next)
    }
}

fn words_of(answer: &Answer) -> &str {
    let own = answer.text.trim();
    if own.is_empty() { answer.also_heard.first().map_or("", |(_, text)| text.trim()) } else { own }
}

fn signs_of(judgement: &Judgement) -> Signs {
    let lowest: Option<Level> = judgement.labels.values().chain(&judgement.label).copied().min();
    Signs {
        kinds: judgement.product_fault.then_some(Kind::Fault).into_iter().collect(),
        level: lowest,
        severe: !judgement.alarms.is_empty(),
        ..Signs::default()
    }
}

fn severe(alarm: &Evidence, call: &CallId) -> Quote {
    let Evidence { text, from_s, to_s, .. } = alarm.clone();
    Quote { text, from_s, to_s, call: Some(call.clone()), severe: true }
}
