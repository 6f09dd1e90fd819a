//! 说法: ways of saying a thing, as word slots in their order with room between them.
//!
//! Contract: a way is written `您|你…自己…没|乱|不`: slots parted by `…`, alternatives of a slot by `|`. It is said where a word of every
//! slot follows one of the slot before within [`NEAR`] characters and no sentence ends between. `+` parts slots that stand side by side,
//! `~` leaves [`FAR`] characters, and `a&b` is said in either order. `@when` is a family of words, see [`FAMILIES`]. Pure; it knows no
//! grammar: who says it to whom, and what excuses it, is the caller's business.

use foldhash::fast::FixedState;
use std::collections::HashMap;

/// Characters that may stand between two slots.
const NEAR: usize = 8;
const FAR: usize = 16;

/// Words that do the same work in a sentence, by the name that a slot calls them by.
const FAMILIES: [(&str, &str); 9] = [
    (
        "@when",
        "什么时间|什么时候|什么时辰|几点|几时|几号|何时|哪天|哪一天|哪个时间|哪会儿|多会|多咱|星期几|礼拜几|周几",
    ),
    ("@what", "什么|哪些|哪几|哪样|哪个|哪处|哪里|哪儿|几样|几种|几个|怎么"),
    ("@yn", "吗|么|没有|没|不|吧|是不是|有没有|对吧|是吧"),
    ("@how", "怎么|如何|怎样|什么办法|什么法子"),
    ("@fix", "处理|修|弄|解决|排除|搞|整|收拾|拾掇|治|摆弄|鼓捣|对付"),
    ("@machine", "机器|设备|挖机|挖掘机|机子|铲车|装载机|叉车|压路机|吊车|起重机|推土机|泵车|拖拉机|收割机|整机"),
    ("@part", "零件|配件|保养件|部件|零部件|件|滤芯|滤子|机油|机滤|柴滤|空滤|三滤|油品"),
    ("@fault", "故障|毛病|问题|异响|漏油|渗油|没劲|无力|高温|报警|打不着|熄火"),
    ("@top", "非常满意|十分满意|很满意|特别满意|满意|五分|5分|五星|满分|好评|优秀|最高分|一百分"),
];

/// One slot: its alternatives, and how many characters may stand before them.
#[derive(Debug)]
struct Slot {
    room: usize,
    begin: Characters,
    words: Vec<&'static str>,
}

/// Ways that mean the same.
#[derive(Debug)]
pub(super) struct Ways {
    /// The words of every first slot by their first character, each with its way: a text is read once, whatever may begin in it.
    openers: HashMap<char, Vec<(&'static str, usize)>, FixedState>,
    begin: Characters,
    /// What follows the first slot of each way.
    rest: Vec<Vec<Slot>>,
}

impl Ways {
    pub fn new(ways: &[&'static str]) -> Self {
        let mut all = Self { openers: HashMap::default(), begin: Characters::default(), rest: Vec::new() };
        for way in ways {
            match way.split_once('&') {
                Some((one, other)) => {
                    all.add(slots(one, 0).chain(slots(other, FAR)));
                    all.add(slots(other, 0).chain(slots(one, FAR)));
                }
                None => all.add(slots(way, 0)),
            }
        }
        all
    }

    fn add(&mut self, mut slots: impl Iterator<Item = Slot>) {
        for word in slots.next().into_iter().flat_map(|s| s.words) {
            if let Some(first) = word.chars().next() {
                self.begin.add(first);
                self.openers.entry(first).or_default().push((word, self.rest.len()));
            }
        }
        self.rest.push(slots.collect());
    }

    pub fn said_in(&self, text: &str) -> bool {
        let begins = |at: usize, (word, way): &(&str, usize)| {
            text[at..].strip_prefix(word).is_some_and(|behind| goes_on(behind, &self.rest[*way]))
        };
        text.char_indices()
            .filter(|(_, c)| self.begin.may_hold(*c))
            .any(|(at, c)| self.openers.get(&c).is_some_and(|words| words.iter().any(|w| begins(at, w))))
    }
}

/// Characters, a bit for each of their last places: most of a text are none of those that a list of words begins with, and cost no look.
#[derive(Debug, Default)]
pub(super) struct Characters([u64; 16]);

impl Characters {
    pub fn of(chars: impl IntoIterator<Item = char>) -> Self {
        let mut all = Self::default();
        chars.into_iter().for_each(|c| all.add(c));
        all
    }

    fn add(&mut self, c: char) {
        let (at, bit) = Self::place(c);
        self.0[at] |= bit;
    }

    /// False only where the character is none of them.
    pub fn may_hold(&self, c: char) -> bool {
        let (at, bit) = Self::place(c);
        self.0[at] & bit != 0
    }

    fn place(c: char) -> (usize, u64) {
        let last = u32::from(c) as usize % 1024;
        (last / 64, 1 << (last % 64))
    }
}

/// The slots of a way, the first of them after `room` characters.
fn slots(way: &'static str, mut room: usize) -> impl Iterator<Item = Slot> {
    way.split_inclusive(['…', '~', '+']).map(move |part| {
        let slot = part.trim_end_matches(['…', '~', '+']);
        let next = match part[slot.len()..].chars().next() {
            Some('+') => 0,
            Some('~') => FAR,
            _ => NEAR,
        };
        let room = std::mem::replace(&mut room, next);
        let words: Vec<&str> = slot.split('|').flat_map(family).collect();
        let begin = Characters::of(words.iter().filter_map(|w| w.chars().next()));
        Slot { room, begin, words }
    })
}

/// The words that a name stands for; any other word stands for itself.
fn family(word: &'static str) -> impl Iterator<Item = &'static str> {
    let named = FAMILIES.iter().find(|f| f.0 == word);
    debug_assert!(named.is_some() || !word.starts_with('@'), "no family {word}");
    named.map_or(word, |f| f.1).split('|')
}

fn goes_on(text: &str, slots: &[Slot]) -> bool {
    let Some((slot, rest)) = slots.split_first() else { return true };
    let near = text.char_indices().take(slot.room + 1).take_while(|(_, c)| !ends_sentence(*c));
    let near = near.filter(|(_, c)| slot.begin.may_hold(*c));
    let mut words = near.flat_map(|(at, _)| slot.words.iter().filter_map(move |word| text[at..].strip_prefix(word)));
    words.any(|behind| goes_on(behind, rest))
}

fn ends_sentence(c: char) -> bool {
    matches!(c, '。' | '？' | '！' | '?' | '!' | '；')
}

/// True where the text holds any of the words.
pub(super) fn any_of(text: &str, words: &[&str]) -> bool {
    let holds = |word: &str| holds(text.as_bytes(), word.as_bytes());
    if words.len() < MANY {
        return words.iter().any(|word| holds(word));
    }
    let there = Characters::of(text.chars());
    words.iter().any(|word| word.chars().next().is_none_or(|c| there.may_hold(c)) && holds(word))
}

/// So many words pay for a look at the characters of the text first.
const MANY: usize = 5;

/// The first bytes of most characters are the same: a word is looked for by the last byte of its first. For texts of a breath this costs
/// a fifth of a search that prepares itself for long ones.
fn holds(text: &[u8], word: &[u8]) -> bool {
    let Some(telling) = word.len().min('字'.len_utf8()).checked_sub(1) else { return true };
    memchr::memchr_iter(word[telling], text).any(|at| at >= telling && text[at - telling..].starts_with(word))
}

/// Clauses as pauses and punctuation part them.
pub(super) fn clauses(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_spoken(c)).filter(|c| !c.is_empty())
}

/// Without the marks and pauses at its end.
pub(super) fn unmarked(text: &str) -> &str {
    text.trim_end_matches(|c: char| !is_spoken(c))
}

/// A letter or a digit of any script, neither pause nor punctuation; nearly all are Chinese, and known without a table.
pub(super) fn is_spoken(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}') || c.is_alphanumeric()
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
        check("修+好", "修好了", true);
        check("修+好", "修得好", false);
        check("您~自己", "您一二三四五六七八九自己", true);
        check("机器&多少", "走了多少了那台机器", true);
        check("机器&多少", "机器走了多少", true);
        check("@when…到", "哪一天到的", true);
    }
}
