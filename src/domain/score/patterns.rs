//! Forms with gaps (××, ……), numbers and slots, as patterns over a whole text.
//!
//! Contract: finds spans, knows nothing of levels. A gap of `××` stays inside its clause, `……` may cross a pause.

use super::normal::PAUSE;
use aho_corasick::AhoCorasick;
use regex_lite::Regex;
use std::collections::BTreeMap;

/// Forms with gaps and slots as patterns. One pass over a text finds their fixed parts; few patterns are tried.
#[derive(Debug)]
pub(super) struct Patterns {
    parts: AhoCorasick,
    /// The patterns whose longest fixed part this is, part by part.
    with_part: Vec<Vec<usize>>,
    /// Those that have none.
    without_part: Vec<usize>,
    /// What stands in every text that a pattern matches, pattern by pattern: one that lacks any of it is not tried.
    needs: Vec<Needs>,
    /// Hundreds, seldom tried: in the small engine they take a twentieth of the memory.
    each: Vec<Regex>,
}

#[derive(Debug)]
struct Needs {
    /// Fixed parts by their numbers.
    parts: Vec<usize>,
    number: bool,
}

impl Patterns {
    pub fn compile(forms: &[&str], slots: &Slots) -> Result<Self, String> {
        let mut parts: Vec<&str> = Vec::new();
        let (mut needs, mut each) = (Vec::new(), Vec::new());
        for form in forms {
            each.push(Regex::new(&gapped(form, slots)?).map_err(|e| format!("template `{form}`: {e}"))?);
            let parts = fixed_parts(form).map(|part| number_of(&mut parts, part)).collect();
            needs.push(Needs { parts, number: form.contains(NUMBER) });
        }
        let (mut with_part, mut without_part) = (vec![Vec::new(); parts.len()], Vec::new());
        for (pattern, needs) in needs.iter().enumerate() {
            let longest = needs.parts.iter().max_by_key(|part| parts[**part].len());
            longest.map_or(&mut without_part, |part| &mut with_part[*part]).push(pattern);
        }
        let parts = AhoCorasick::new(&parts).map_err(|e| format!("templates cannot be compiled: {e}"))?;
        Ok(Self { parts, with_part, without_part, needs, each })
    }

    /// Index of the pattern and bytes of the text, pattern by pattern.
    pub fn find(&self, text: &str) -> Vec<(usize, std::ops::Range<usize>)> {
        let mut there = vec![false; self.parts.patterns_len()];
        let mut tried = self.without_part.clone();
        for part in self.parts.find_overlapping_iter(text).map(|m| m.pattern().as_usize()) {
            if !std::mem::replace(&mut there[part], true) {
                tried.extend(&self.with_part[part]);
            }
        }
        let number = || text.contains(|c| NUMBER_OF.contains(c));
        let likely = |needs: &Needs| needs.parts.iter().all(|part| there[*part]) && (!needs.number || number());
        tried.retain(|i| likely(&self.needs[*i]));
        tried.sort_unstable();
        tried.iter().flat_map(|i| self.each[*i].find_iter(text).map(|m| (*i, m.range()))).collect()
    }
}

/// The place of a part in the list, behind its end where it is new.
fn number_of<'a>(parts: &mut Vec<&'a str>, part: &'a str) -> usize {
    parts.iter().position(|p| *p == part).unwrap_or_else(|| {
        parts.push(part);
        parts.len() - 1
    })
}

/// What stands in every text that a form matches: all but its gaps and slots.
fn fixed_parts(form: &str) -> impl Iterator<Item = &str> {
    let outside = form.split('{').enumerate().map(|(at, part)| match part.split_once('}') {
        Some((_, behind)) if at > 0 => behind,
        _ => part,
    });
    outside.flat_map(|part| part.split(['×', '…'])).filter(|part| !part.is_empty())
}

/// Any number, in forms only.
pub(super) const NUMBER: &str = "{n}";

/// What a number is made of.
const NUMBER_OF: &str = "0123456789零一二两俩三仨四五六七八九十百几半好多";

/// What stands in a word or form for a list of words: `{rival}`, `{past}`.
pub(super) type Slots = BTreeMap<String, Vec<String>>;

/// A form with gaps and slots as a pattern. `××` stays inside its clause, `……` may cross a pause; at the ends of a form a gap is what
/// stands around it anyway.
fn gapped(form: &str, slots: &Slots) -> Result<String, String> {
    let mut pattern = String::new();
    let mut rest = form.trim_start_matches("××").trim_end_matches("××");
    while let Some(c) = rest.chars().next() {
        let next = if let Some(behind) = rest.strip_prefix("××") {
            pattern.push_str(&format!("[^{PAUSE}]{{0,12}}?"));
            behind
        } else if let Some(behind) = rest.strip_prefix("……") {
            pattern.push_str(".{0,14}?");
            behind
        } else if let Some(behind) = rest.strip_prefix(NUMBER) {
            pattern.push_str(&format!("[{NUMBER_OF}]{{1,5}}"));
            behind
        } else if let Some((name, behind)) = rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
            let words = slots.get(name).ok_or_else(|| format!("`{form}`: there is no slot `{name}`"))?;
            let either: Vec<String> = words.iter().map(|w| gapped(w, slots)).collect::<Result<_, _>>()?;
            pattern.push_str(&format!("(?:{})", either.join("|")));
            behind
        } else {
            pattern.push_str(&regex_lite::escape(&c.to_string()));
            &rest[c.len_utf8()..]
        };
        rest = next;
    }
    Ok(pattern)
}

/// A word with slots as the words that it stands for; `{n}` stays.
pub(super) fn spelled(word: &str, slots: &Slots) -> Result<Vec<String>, String> {
    let slot = word.match_indices('{').find(|(at, _)| !word[*at..].starts_with(NUMBER));
    let Some((head, rest)) = slot.map(|(at, _)| (&word[..at], &word[at + 1..])) else {
        return Ok(vec![word.to_string()]);
    };
    let (name, tail) = rest.split_once('}').ok_or_else(|| format!("`{word}`: a slot is not closed"))?;
    let fills = slots.get(name).ok_or_else(|| format!("`{word}`: there is no slot `{name}`"))?;
    let mut all = Vec::new();
    // One level: what a fill holds is left to the next round.
    for rest in spelled(tail, slots)? {
        all.extend(fills.iter().map(|fill| format!("{head}{fill}{rest}")));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_found_in_their_order_with_and_without_fixed_parts() {
        let slots = Slots::from([("rival".to_string(), vec!["别家".to_string(), "人家".to_string()])]);
        let forms = ["不如××强", "{rival}", "等了{n}天", "对××不满", "{n}"];
        let patterns = Patterns::compile(&forms, &slots).unwrap();
        let check = |text: &str, want: &[(usize, &str)]| {
            let found = patterns.find(text);
            let found: Vec<(usize, &str)> = found.iter().map(|(form, at)| (*form, &text[at.clone()])).collect();
            assert_eq!(found, want, "{text}");
        };
        check("对小李不满 不如人家强", &[(0, "不如人家强"), (1, "人家"), (3, "对小李不满")]);
        check("等了三天", &[(2, "等了三天"), (4, "三")]);
        check("等了天", &[]);
        check("对谁都满意", &[]);
    }
}
