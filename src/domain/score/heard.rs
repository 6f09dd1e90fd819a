//! Misheard words: what a recogniser writes for what was said (convention 12).
//!
//! Contract: replaces characters one for one, so that every offset stays; only in answers to evaluations; a written list first, then
//! toneless pinyin for a short list of telling phrases. Context guards both: 不姓 is 不行 only where an evaluation was asked, a
//! technician (技师) is never "in time" (及时).

use super::Indicator;
use super::lexicon::{Lexicon, Role, Token};
use super::normal::{Normal, PAUSE};
use super::rubric::Data;
use crate::domain::ways::Characters;
use pinyin::ToPinyin;
use std::cell::LazyCell;
use std::collections::HashSet;
use std::ops::{Deref, Range};

/// The written list, ready for use.
#[derive(Debug)]
pub(super) struct Misheard {
    heard: Vec<char>,
    meant: Vec<char>,
    /// Only in answers about these indicators; empty = in all.
    asked: Vec<Indicator>,
}

/// One entry per written form, in the order of the table.
pub(super) fn compile(data: &Data) -> Vec<Misheard> {
    let forms = data.misheard.iter().flat_map(|m| m.heard.iter().map(move |h| (m, h)));
    forms
        .map(|(m, h)| Misheard { heard: h.chars().collect(), meant: m.meant.chars().collect(), asked: m.asked.clone() })
        .collect()
}

/// The text with misheard words set right by the written list. `asked` opens the entries bound to an indicator.
pub(super) fn corrected(list: &[Misheard], lexicon: &Lexicon, normal: &Normal, asked: Option<Indicator>) -> Normal {
    // Most texts have no word of the list; what they know already is looked up for the first that has.
    let known = LazyCell::new(|| Known::of(lexicon, normal));
    let there = Characters::of(normal.chars.iter().copied());
    let mut fixed = normal.clone();
    for entry in list.iter().filter(|entry| entry.heard.first().is_some_and(|c| there.may_hold(*c))) {
        if entry.asked.is_empty() || asked.is_some_and(|a| entry.asked.contains(&a)) {
            replace(&mut fixed.chars, &entry.heard, &entry.meant, &known);
        }
    }
    fixed
}

/// Phrases that are found by their sound, ready for use.
#[derive(Debug)]
pub(super) struct BySound {
    phrases: Vec<Phrase>,
    /// Written so, the words mean themselves.
    innocent: HashSet<Vec<char>>,
}

#[derive(Debug)]
struct Phrase {
    meant: Vec<char>,
    sounds: Vec<String>,
}

/// A phrase of so many characters is also found by sounds that speakers and recognisers mix up.
const LONG_ENOUGH_TO_BLUR: usize = 3;

impl BySound {
    pub fn compile(data: &Data) -> Self {
        let phrase = |p: &String| {
            let meant: Vec<char> = p.chars().collect();
            let blur = meant.len() >= LONG_ENOUGH_TO_BLUR;
            let sounds: Option<Vec<String>> = meant.iter().map(|c| sound(*c, blur)).collect();
            Some(Phrase { meant, sounds: sounds? })
        };
        let mut phrases: Vec<Phrase> = data.by_sound.phrases.iter().filter_map(phrase).collect();
        // The longest first: 不满意 before 满意.
        phrases.sort_by_key(|p| std::cmp::Reverse(p.meant.len()));
        Self { phrases, innocent: data.by_sound.innocent.iter().map(|w| w.chars().collect()).collect() }
    }
}

/// Toneless pinyin; blurred, zh/z, ch/c, sh/s, n/l in front and ng/n at the end are one sound.
pub fn sound(c: char, blur: bool) -> Option<String> {
    let plain = c.to_pinyin()?.plain();
    if !blur {
        return Some(plain.to_string());
    }
    let mut s = plain.replacen("zh", "z", 1).replacen("ch", "c", 1).replacen("sh", "s", 1);
    if let Some(rest) = s.strip_prefix('l') {
        s = format!("n{rest}");
    }
    Some(s.strip_suffix('g').map_or(s.clone(), str::to_string))
}

/// The text with phrases found by toneless pinyin; `None` when there is nothing to find.
pub(super) fn by_sound(list: &BySound, lexicon: &Lexicon, normal: &Normal) -> Option<Normal> {
    let known = Known::of(lexicon, normal);
    let exact: Vec<Option<String>> = normal.chars.iter().map(|c| sound(*c, false)).collect();
    let blurred: Vec<Option<String>> = normal.chars.iter().map(|c| sound(*c, true)).collect();
    let mut fixed = normal.clone();
    let mut taken = vec![false; normal.chars.len()];
    for phrase in &list.phrases {
        let long = phrase.meant.len() >= LONG_ENOUGH_TO_BLUR;
        let sounds = if long { &blurred } else { &exact };
        for at in 0..(normal.chars.len() + 1).saturating_sub(phrase.meant.len()) {
            let span = at..at + phrase.meant.len();
            let alike = sounds[span.clone()].iter().zip(&phrase.sounds).all(|(s, want)| s.as_ref() == Some(want));
            let written = &normal.chars[span.clone()];
            if !alike || *written == phrase.meant[..] || taken[span.clone()].iter().any(|t| *t) {
                continue;
            }
            if known.allows(&span, written, &phrase.meant) && !list.innocent.contains(written) {
                fixed.chars[span.clone()].copy_from_slice(&phrase.meant);
                taken[span].fill(true);
            }
        }
    }
    taken.contains(&true).then_some(fixed)
}

fn replace(chars: &mut [char], heard: &[char], meant: &[char], known: &impl Deref<Target = Known>) {
    let Some(first) = heard.first().filter(|_| heard.len() == meant.len() && heard.len() <= chars.len()) else {
        return;
    };
    for at in 0..=chars.len() - heard.len() {
        let span = at..at + heard.len();
        if chars[at] == *first && chars[span.clone()] == *heard && !known.all(&span) && !known.runs_on(&span) {
            chars[span].copy_from_slice(meant);
        }
    }
}

/// Words of two or more characters that the table knows as they are written.
struct Known {
    words: Vec<Range<usize>>,
    covered: Vec<bool>,
}

impl Known {
    fn of(lexicon: &Lexicon, normal: &Normal) -> Self {
        // 听好的 is 挺好的: an acknowledgement is too slight to keep a word from being set right.
        let stands = |t: &&Token| t.end - t.start >= 2 && !matches!(lexicon.role(t), Role::Acknowledgement);
        let words: Vec<Range<usize>> = lexicon.tokens(normal).iter().filter(stands).map(|t| t.start..t.end).collect();
        let mut covered: Vec<bool> = normal.chars.iter().map(|c| *c == PAUSE).collect();
        for w in &words {
            covered[w.clone()].fill(true);
        }
        Self { words, covered }
    }

    fn all(&self, span: &Range<usize>) -> bool {
        self.covered[span.clone()].iter().all(|c| *c)
    }

    /// A span may be read by its sound where it cuts no known word and leaves those inside it as they are (布满意 → 不满意).
    fn allows(&self, span: &Range<usize>, written: &[char], meant: &[char]) -> bool {
        self.words.iter().filter(|w| w.start < span.end && span.start < w.end).all(|w| {
            let inside = w.start >= span.start && w.end <= span.end;
            let at = |i: usize| i - span.start;
            inside && written[at(w.start)..at(w.end)] == meant[at(w.start)..at(w.end)]
        })
    }

    /// A known word goes on behind the span: 太满 in 太满意.
    fn runs_on(&self, span: &Range<usize>) -> bool {
        self.words.iter().any(|w| w.start < span.end && span.end < w.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::Rubric;

    fn check(asked: Indicator, heard: &str, want: &str) {
        let r = Rubric::builtin();
        let got = corrected(&r.misheard, &r.lexicon, &Normal::new(heard), Some(asked));
        assert_eq!(got.text(), want, "{heard}");
    }

    #[test]
    fn misheard_words_are_set_right_where_context_allows() {
        check(Indicator::Overall, "挺满亿的", "挺满意的");
        check(Indicator::Timeliness, "太满了", "太慢了");
        check(Indicator::Overall, "太满了", "太满了");
        check(Indicator::Timeliness, "太满意了", "太满意了");
        check(Indicator::Timeliness, "有点满", "有点慢");
        check(Indicator::Skill, "技师来了", "技师来了");
    }

    #[test]
    fn toneless_pinyin_finds_what_no_list_has_and_spares_the_innocent() {
        let r = Rubric::builtin();
        let sound = |t: &str| by_sound(&r.sounds, &r.lexicon, &Normal::new(t)).map(|n| n.text());
        assert_eq!(sound("哭纯竹").as_deref(), Some("库存足"), "ch and c, zh and z are mixed up in longer phrases");
        assert_eq!(sound("布满意").as_deref(), Some("不满意"), "a known word inside the phrase stays");
        assert_eq!(sound("前家都好"), None);
        assert_eq!(sound("苦存族").as_deref(), Some("库存足"));
        assert_eq!(sound("几时来的"), None);
        assert_eq!(sound("技师来了"), None);
    }
}
