//! What the rules see in a customer's words, as signs for the learned words to weigh (`score/acts`).
//!
//! Contract: pure; a sign a rule, in a fixed order.

use super::about::About;
use super::{questions, state, words};
use crate::domain::score::plain;

/// What the rules see in an answer, and what they see asked.
pub fn seen_in(question: &str, text: &str) -> Vec<char> {
    let question = plain(question);
    signs(&questions::asked(&question), &question, text)
}

pub(super) fn signs(asked: &[About], question: &str, text: &str) -> Vec<char> {
    let (left, runs) = (state::leftover(question, text), state::running(question, text));
    let signs = [
        (asked.contains(&About::Leftover), '留'),
        (asked.contains(&About::Running), '转'),
        (asked.contains(&About::Repair), '修'),
        (left == Some(true), '有'),
        (left == Some(false), '无'),
        (runs == Some(true), '好'),
        (runs == Some(false), '坏'),
        (state::still_broken(text), '还'),
        (words::is_technical_question(text), '技'),
        (words::asks_how(text), '怎'),
        (words::is_technical_matter(text), '机'),
        (words::is_technical_matter(question), '问'),
    ];
    signs.into_iter().filter(|(there, _)| *there).map(|(_, sign)| sign).collect()
}
