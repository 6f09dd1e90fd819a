//! 说法: ways of saying a thing, as word slots in their order with room between them.
//!
//! Contract: a way is written `您|你…自己…没|不|乱`: slots parted by `…`, alternatives of a slot by `|`. It is said where a word of every
//! slot follows one of the slot before within [`ROOM`] characters and no sentence ends between. Pure; it knows no grammar: who says it to
//! whom, and what excuses it, is the caller's business.

use std::collections::BTreeMap;

/// Characters that may stand between two slots.
const ROOM: usize = 8;

/// One slot's alternatives.
type Slot = Vec<&'static str>;

/// Ways that mean the same.
#[derive(Debug)]
pub(super) struct Ways {
    /// The words of every first slot by their first character, each with its way: a text is read once, whatever may begin in it.
    openers: BTreeMap<char, Vec<(&'static str, usize)>>,
    /// What follows the first slot of each way.
    rest: Vec<Vec<Slot>>,
}

impl Ways {
    pub fn new(ways: &[&'static str]) -> Self {
        let (mut openers, mut rest) = (BTreeMap::<char, Vec<_>>::new(), Vec::new());
        for (n, way) in ways.iter().enumerate() {
            let mut slots = way.split('…').map(|slot| slot.split('|').collect::<Slot>());
            for word in slots.next().into_iter().flatten() {
                if let Some(first) = word.chars().next() {
                    openers.entry(first).or_default().push((word, n));
                }
            }
            rest.push(slots.collect());
        }
        Self { openers, rest }
    }

    pub fn said_in(&self, text: &str) -> bool {
        let begins = |at: usize, (word, way): &(&str, usize)| {
            text[at..].strip_prefix(word).is_some_and(|behind| goes_on(behind, &self.rest[*way]))
        };
        text.char_indices().any(|(at, c)| self.openers.get(&c).is_some_and(|words| words.iter().any(|w| begins(at, w))))
    }
}

fn goes_on(text: &str, slots: &[Slot]) -> bool {
    let Some((slot, rest)) = slots.split_first() else { return true };
    let near = text.char_indices().take(ROOM + 1).take_while(|(_, c)| !ends_sentence(*c));
    let mut words = near.flat_map(|(at, _)| slot.iter().filter_map(move |word| text[at..].strip_prefix(word)));
    words.any(|behind| goes_on(behind, rest))
}

fn ends_sentence(c: char) -> bool {
    matches!(c, '。' | '？' | '！' | '?' | '!' | '；')
}

/// Clauses as pauses and punctuation part them.
pub(super) fn clauses(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|c| !c.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_said_in_their_order_with_little_between_them() {
        let check = |way: &'static str, text: &str, want: bool| {
            assert_eq!(Ways::new(&[way]).said_in(text), want, "{way}: {text}");
        };
        check("您|你…自己…没|乱", "那是你自己乱拧的", true);
        check("您|你…自己…没|乱", "您自己换的", false);
        check("您|你…自己…没|乱", "乱了自己跟您", false);
        check("您…自己", "您好。自己看", false);
        check("您…自己", "您一二三四五六七八自己", true);
        check("您…自己", "您一二三四五六七八九自己", false);
        check("自己", "自己", true);
    }
}
