//! Our own words on an unattended call: they are known, so nobody needs to recognise them.

use super::{Channel, Segment};
use crate::domain::call::journal::{JournalEntry, JournalEvent};

/// Marks a prompt that barge-in cut: not all of the text was played.
const CUT: &str = "……";

/// The prompts of a journal as segments of the agent's channel, with the times at which they were played. `answered_at_s` is where the
/// answer lies on the recording's axis.
pub fn prompted(journal: &[JournalEntry], answered_at_s: f64) -> Vec<Segment> {
    let mut segments: Vec<Segment> = vec![];
    for entry in journal {
        let at = entry.at_s + answered_at_s;
        match &entry.event {
            JournalEvent::Prompt { text, .. } => segments.push(Segment {
                channel: Channel::Agent,
                start: at,
                end: at,
                text: text.clone(),
                confidence: 1.0,
                also_heard: vec![],
            }),
            JournalEvent::PromptEnded { cut, .. } => {
                if let Some(last) = segments.last_mut() {
                    last.end = at;
                    if *cut {
                        last.text.push_str(CUT);
                    }
                }
            }
            JournalEvent::Answer { .. }
            | JournalEvent::Key { .. }
            | JournalEvent::Silence { .. }
            | JournalEvent::Note { .. }
            | JournalEvent::Step { .. }
            | JournalEvent::Seat { .. }
            | JournalEvent::Line { .. } => {}
        }
    }
    // A prompt that never ended was cut by the end of the call.
    segments.retain(|s| s.end > s.start);
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_becomes_a_segment_and_one_that_was_cut_says_so() {
        let prompt = |text: &str| JournalEvent::Prompt {
            step: "s".into(),
            prompts: vec![],
            text: text.into(),
            question: true,
            indicator: None,
        };
        let ended = |cut| JournalEvent::PromptEnded { step: "s".into(), cut };
        let journal = [
            (0.0, prompt("您好！")),
            (0.7, ended(false)),
            (1.0, prompt("请问")),
            (1.5, ended(true)),
            (2.0, prompt("再见")),
        ]
        .map(|(at_s, event)| JournalEntry { at_s, event });
        let seen: Vec<(f64, f64, String)> =
            prompted(&journal, 5.0).into_iter().map(|s| (s.start, s.end, s.text)).collect();
        assert_eq!(seen, [(5.0, 5.7, "您好！".to_string()), (6.0, 6.5, "请问……".to_string())]);
    }
}
