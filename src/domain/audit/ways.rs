//! 说法: ways of saying a thing, as word slots in their order with room between them.
//!
//! Contract: a way is written `您|你…自己…没|不|乱`: slots parted by `…`, alternatives of a slot by `|`. It is said where a word of every
//! slot follows one of the slot before within [`ROOM`] characters and no sentence ends between. Pure; it knows no grammar: who says it to
//! whom, and what excuses it, is the caller's business.

/// Characters that may stand between two slots.
const ROOM: usize = 8;

/// One slot's alternatives.
type Slot = Vec<&'static str>;

/// Ways that mean the same.
#[derive(Debug)]
pub(super) struct Ways(Vec<Vec<Slot>>);

impl Ways {
    pub fn new(ways: &[&'static str]) -> Self {
        let slots = |way: &&'static str| way.split('…').map(|slot| slot.split('|').collect()).collect();
        Self(ways.iter().map(slots).collect())
    }

    pub fn said_in(&self, text: &str) -> bool {
        self.0.iter().any(|way| way.split_first().is_none_or(|(first, rest)| begins(text, first, rest)))
    }
}

/// A word of the first slot, anywhere, and the rest behind it.
fn begins(text: &str, first: &Slot, rest: &[Slot]) -> bool {
    first.iter().any(|word| text.match_indices(word).any(|(at, _)| goes_on(&text[at + word.len()..], rest)))
}

fn goes_on(text: &str, slots: &[Slot]) -> bool {
    let Some((slot, rest)) = slots.split_first() else { return true };
    // Where a word of the slot may begin at the latest.
    let last =
        text.char_indices().take(ROOM + 1).take_while(|(_, c)| !ends_sentence(*c)).last().map_or(0, |(at, _)| at);
    slot.iter().any(|word| {
        text.match_indices(word)
            .take_while(|(at, _)| *at <= last)
            .any(|(at, _)| goes_on(&text[at + word.len()..], rest))
    })
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
