//! Which utterance of a window a decoded token belongs to, and the bytes of its tokens joined to text.
//!
//! Pure. A token in the wrong turn flips a score (没有不满意 → 满意 in the turn before), so a cut that is not certain is
//! said to be so: the caller decodes those utterances again, each alone.

use super::clean::is_mark;
use super::plan::{HZ, Placed, slot_at};
use std::ops::Range;

/// One text token of the decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Possibly half a character.
    pub bytes: Vec<u8>,
    /// When it was heard, samples from the start of the window.
    pub at: usize,
    /// 0..1.
    pub probability: f32,
}

/// The tokens of one utterance of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub tokens: Range<usize>,
    /// False when a cut beside it may be wrong: decode it alone.
    pub certain: bool,
}

/// This many characters heard at one instant beside a cut: the alignment jumped the gap and dragged them along.
const PILE: usize = 3;
/// A word may be heard this much outside its utterance (samples): the alignment's own error.
const STRAY: usize = HZ / 4;

/// Divides the tokens among the utterances of the window, in order; one share per utterance.
///
/// A token belongs to the utterance in which it was heard; marks belong to the word before them. A cut is certain when a
/// mark stands at it and the words beside it were heard inside their utterances, not piled up at its edge.
#[must_use]
pub fn divide(tokens: &[Token], window: &[Placed]) -> Vec<Share> {
    let mut cuts = vec![(0, true)];
    for (slot, pair) in window.windows(2).enumerate() {
        let from = cuts.last().map_or(0, |c| c.0);
        let later = |t: &Token| !t.is_mark() && slot_at(window, t.at) > slot;
        let cut = tokens[from..].iter().position(later).map_or(tokens.len(), |i| from + i);
        cuts.push((cut, is_certain(tokens, cut, pair[0], pair[1])));
    }
    cuts.push((tokens.len(), true));
    // The detector heard speech in every utterance: where there is no word at all, a neighbour has it.
    for slot in 0..window.len() {
        if tokens[cuts[slot].0..cuts[slot + 1].0].iter().all(Token::is_mark) {
            cuts[slot].1 = false;
            cuts[slot + 1].1 = false;
        }
    }
    cuts.windows(2).map(|pair| Share { tokens: pair[0].0..pair[1].0, certain: pair[0].1 && pair[1].1 }).collect()
}

fn is_certain(tokens: &[Token], cut: usize, left: Placed, right: Placed) -> bool {
    let marked = cut > 0 && tokens[cut - 1].is_mark();
    let before = tokens[..cut].iter().rev().filter(|t| !t.is_mark());
    let after = tokens[cut..].iter().filter(|t| !t.is_mark());
    let inside = before.clone().next().is_none_or(|t| t.at <= left.at + left.len + STRAY)
        && after.clone().next().is_none_or(|t| t.at + STRAY >= right.at);
    marked && inside && pile(before) < PILE && pile(after) < PILE
}

/// Characters heard at the very instant of the first.
fn pile<'a>(mut words: impl Iterator<Item = &'a Token> + Clone) -> usize {
    let Some(first) = words.clone().next() else { return 0 };
    let bytes: usize = words.by_ref().take_while(|t| t.at == first.at).map(|t| t.bytes.len()).sum();
    // Three bytes to a Chinese character, whose halves may be two tokens.
    bytes / 3
}

impl Token {
    fn is_mark(&self) -> bool {
        let text = String::from_utf8_lossy(&self.bytes);
        !text.trim().is_empty() && text.trim().chars().all(is_mark)
    }
}

/// The bytes of all tokens, joined and then decoded: a character may span two tokens.
#[must_use]
pub fn join(tokens: &[Token]) -> String {
    let bytes: Vec<u8> = tokens.iter().flat_map(|t| t.bytes.iter().copied()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Mean probability, 0 for none.
#[must_use]
#[allow(clippy::cast_precision_loss)] // a few hundred tokens at most
pub fn confidence(tokens: &[Token]) -> f32 {
    if tokens.is_empty() {
        return 0.0;
    }
    tokens.iter().map(|t| t.probability).sum::<f32>() / tokens.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `字@秒`, two utterances of one second with a second between: 0..1 and 2..3.
    fn tokens(text: &str) -> Vec<Token> {
        text.split_whitespace()
            .map(|t| {
                let (word, at) = t.split_once('@').unwrap();
                let seconds: f64 = at.parse().unwrap();
                Token { bytes: word.as_bytes().to_vec(), at: (seconds * HZ as f64) as usize, probability: 0.8 }
            })
            .collect()
    }

    fn check(said: &str, expected: [&str; 2], certain: [bool; 2]) {
        let window = [Placed { utterance: 0, at: 0, len: HZ }, Placed { utterance: 1, at: 2 * HZ, len: HZ }];
        let tokens = tokens(said);
        let shares = divide(&tokens, &window);
        let texts: Vec<String> = shares.iter().map(|s| join(&tokens[s.tokens.clone()])).collect();
        assert_eq!(texts, expected, "from {said}");
        assert_eq!([shares[0].certain, shares[1].certain], certain, "certainty of {said}");
    }

    #[test]
    fn a_token_goes_to_the_turn_in_which_it_was_heard() {
        check("没@0.2 有@0.5 。@1.1 不@2.2 满@2.4 意@2.6 。@3.0", ["没有。", "不满意。"], [true, true]);
        check("不@2.3 错@2.5 。@3.0", ["", "不错。"], [false, false]);
        check("满@0.3 意@0.5 。@1.0", ["满意。", ""], [false, false]);
    }

    #[test]
    fn a_mark_stays_with_its_word_however_late_it_is_heard() {
        check("好@0.5 ,@2.4 还@2.5 行@2.7", ["好,", "还行"], [true, true]);
    }

    #[test]
    fn a_cut_that_may_be_wrong_is_said_to_be_so() {
        // The negation's turn is not marked off: 没有 | 不满意 could be either.
        check("没@0.2 有@0.5 不@2.1 满@2.4 意@2.6 。@3.0", ["没有", "不满意。"], [false, false]);
        // Seen in the field: the end of the first answer heard at the edge of the second.
        check("真@0.4 正@0.8 的@2.1 毛@2.1 病@2.1 。@2.1 不@2.3 好@2.6", ["真正", "的毛病。不好"], [false, false]);
        check("好@0.5 。@0.9 还@2.1 可@2.1 以@2.1 挺@2.4 好@2.6", ["好。", "还可以挺好"], [false, false]);
        // Heard in the middle of the silence.
        check("好@0.5 。@0.9 不@1.6 错@2.2", ["好。", "不错"], [false, false]);
    }

    #[test]
    fn halves_of_a_character_are_joined_before_decoding() {
        let bytes = "满".as_bytes();
        let halves: Vec<Token> =
            [&bytes[..1], &bytes[1..]].iter().map(|b| Token { bytes: b.to_vec(), at: 0, probability: 0.5 }).collect();
        assert_eq!(join(&halves), "满");
        assert!((confidence(&halves) - 0.5).abs() < 1e-6);
        assert!(confidence(&[]).abs() < 1e-6);
    }
}
