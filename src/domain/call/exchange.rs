//! The journal read back as question and answer: the context that scoring and audit need.
//!
//! A customer may go on after we thought he had finished; the journal then holds two `Answer` entries for one question, the later
//! covering both spans. Here the later one replaces the earlier, so that no word counts twice.

use crate::domain::call::journal::{JournalEntry, JournalEvent};
use crate::domain::score::{Indicator, Level};

/// Before the digit in the meaning of an answer that was a key on the scale.
pub const KEY_MEANING: &str = "key_";
/// Meaning of the key that agrees to the visit, and of the one that does not.
pub const KEY_YES: &str = "key_yes";
pub const KEY_NO: &str = "key_no";

/// One question as it was put, and what was answered, in call order.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    pub step: String,
    pub indicator: Option<Indicator>,
    /// What the question said.
    pub question: String,
    /// When it was first put, seconds since the answer of the call.
    pub put_s: f64,
    /// The live recogniser's words; empty when it had none.
    pub text: String,
    /// Seconds since the answer of the call.
    pub from_s: f64,
    pub to_s: f64,
    pub meaning: String,
}

impl Exchange {
    /// False for a question that got no answer: its span is the instant it was put, its text is empty.
    pub fn was_answered(&self) -> bool {
        self.to_s > self.from_s
    }

    /// The level whose key answered, if a key did.
    pub fn key_level(&self) -> Option<Level> {
        self.meaning.strip_prefix(KEY_MEANING)?.parse().ok().and_then(Level::new)
    }
}

/// Every question of a journal, answered or not, in call order.
pub fn exchanges(journal: &[JournalEntry]) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    for entry in journal {
        match &entry.event {
            JournalEvent::Prompt { step, text, question: true, indicator, .. } => {
                let put = Exchange {
                    step: step.clone(),
                    indicator: *indicator,
                    question: text.clone(),
                    put_s: entry.at_s,
                    text: String::new(),
                    from_s: entry.at_s,
                    to_s: entry.at_s,
                    meaning: String::new(),
                };
                if !found.iter().any(|e| e.step == *step) {
                    found.push(put);
                }
            }
            JournalEvent::Answer { step, text, from_s, to_s, meaning } => {
                let (question, indicator, put_s) = found
                    .iter()
                    .rev()
                    .find(|e| e.step == *step)
                    .map(|e| (e.question.clone(), e.indicator, e.put_s))
                    .unwrap_or((String::new(), None, *from_s));
                // What it continues, and the question while it had no answer, are replaced.
                found.retain(|e| e.step != *step || (e.was_answered() && e.to_s <= *from_s));
                let (step, text, meaning) = (step.clone(), text.clone(), meaning.clone());
                found.push(Exchange { step, indicator, question, put_s, text, from_s: *from_s, to_s: *to_s, meaning });
            }
            JournalEvent::Prompt { .. }
            | JournalEvent::PromptEnded { .. }
            | JournalEvent::Key { .. }
            | JournalEvent::Silence { .. }
            | JournalEvent::Note { .. }
            | JournalEvent::Step { .. }
            | JournalEvent::Seat { .. }
            | JournalEvent::Line { .. } => {}
        }
    }
    found.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::journal::LineChange;

    #[test]
    fn a_continued_answer_replaces_the_part_it_continues() {
        let at = |at_s, event| JournalEntry { at_s, event };
        let answer = |text: &str, from_s, to_s| JournalEvent::Answer {
            step: "sat_skill".into(),
            text: text.into(),
            from_s,
            to_s,
            meaning: String::new(),
        };
        let journal = [
            at(
                1.0,
                JournalEvent::Prompt {
                    step: "sat_skill".into(),
                    prompts: vec![],
                    text: "怎么评价？".into(),
                    question: true,
                    indicator: Some(Indicator::Skill),
                },
            ),
            at(4.0, answer("没什么问题", 2.0, 3.0)),
            at(7.0, answer("没什么问题但是慢", 2.0, 6.0)),
            at(9.0, answer("再说一句", 8.0, 9.0)),
        ];
        let got: Vec<(String, f64, f64)> =
            exchanges(&journal).into_iter().map(|e| (e.text, e.from_s, e.to_s)).collect();
        assert_eq!(got, [("没什么问题但是慢".to_string(), 2.0, 6.0), ("再说一句".to_string(), 8.0, 9.0)]);
        assert_eq!(exchanges(&journal)[0].indicator, Some(Indicator::Skill));
    }

    #[test]
    fn what_the_line_does_meanwhile_is_no_part_of_an_exchange() {
        let at = |at_s, event| JournalEntry { at_s, event };
        let put = JournalEvent::Prompt {
            step: "sat_skill".into(),
            prompts: vec![],
            text: "怎么评价？".into(),
            question: true,
            indicator: Some(Indicator::Skill),
        };
        let said = JournalEvent::Answer {
            step: "sat_skill".into(),
            text: "很好".into(),
            from_s: 5.0,
            to_s: 6.0,
            meaning: String::new(),
        };
        let held = JournalEvent::Line { change: LineChange::Held, text: "对方保持通话，满意".into() };
        let quiet = [at(1.0, put.clone()), at(6.0, said.clone())];
        let disturbed = [at(1.0, put), at(2.0, held.clone()), at(5.5, held), at(6.0, said)];
        assert_eq!(exchanges(&disturbed), exchanges(&quiet));
    }

    #[test]
    fn a_question_without_an_answer_is_still_a_question() {
        let put = JournalEvent::Prompt {
            step: "sat_parts".into(),
            prompts: vec![],
            text: "配件供应？".into(),
            question: true,
            indicator: Some(Indicator::Parts),
        };
        let journal = [JournalEntry { at_s: 3.0, event: put }];
        let found = exchanges(&journal);
        assert_eq!((found.len(), found[0].indicator, found[0].was_answered()), (1, Some(Indicator::Parts), false));
    }
}
