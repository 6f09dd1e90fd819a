//! Forms with gaps (××, ……), numbers and slots, as patterns over a whole text.
//!
//! Contract: finds spans, knows nothing of levels. A gap of `××` stays inside its clause, `……` may cross a pause.

use super::normal::PAUSE;
use aho_corasick::AhoCorasick;
use regex::Regex;
use std::collections::BTreeMap;

/// Forms with gaps and slots as patterns. One pass over a text finds their fixed parts; few patterns are tried.
#[derive(Debug)]
pub(super) struct Patterns {
    parts: AhoCorasick,
    /// Patterns behind each fixed part.
    behind: Vec<Vec<usize>>,
    /// Patterns without a fixed part: tried on every text.
    bare: Vec<usize>,
    each: Vec<Regex>,
}

impl Patterns {
    pub fn compile(forms: &[&str], slots: &Slots) -> Result<Self, String> {
        let mut parts: Vec<&str> = Vec::new();
        let (mut behind, mut bare, mut each) = (Vec::<Vec<usize>>::new(), Vec::new(), Vec::new());
        for (n, form) in forms.iter().enumerate() {
            each.push(Regex::new(&gapped(form, slots)?).map_err(|e| format!("template `{form}`: {e}"))?);
            match longest_part(form) {
                "" => bare.push(n),
                part => match parts.iter().position(|p| *p == part) {
                    Some(at) => behind[at].push(n),
                    None => {
                        parts.push(part);
                        behind.push(vec![n]);
                    }
                },
            }
        }
        let parts = AhoCorasick::new(&parts).map_err(|e| format!("templates cannot be compiled: {e}"))?;
        Ok(Self { parts, behind, bare, each })
    }

    /// Index of the pattern and bytes of the text, pattern by pattern.
    pub fn find(&self, text: &str) -> Vec<(usize, std::ops::Range<usize>)> {
        let held = self.parts.find_overlapping_iter(text).flat_map(|m| &self.behind[m.pattern().as_usize()]);
        let mut likely: Vec<usize> = held.chain(&self.bare).copied().collect();
        likely.sort_unstable();
        likely.dedup();
        let spans = |i: usize| self.each[i].find_iter(text).map(move |m| (i, m.range()));
        likely.into_iter().flat_map(spans).collect()
    }
}

/// The longest part of a form that stands in every text it matches.
fn longest_part(form: &str) -> &str {
    let (mut longest, mut rest) = ("", form);
    while !rest.is_empty() {
        let end = rest.find(['×', '…', '{']).unwrap_or(rest.len());
        longest = if end > longest.len() { &rest[..end] } else { longest };
        rest = match rest[end..].strip_prefix('{') {
            Some(slot) => slot.split_once('}').map_or("", |(_, behind)| behind),
            None => rest[end..].trim_start_matches(['×', '…']),
        };
    }
    longest
}

/// Any number, in forms only.
pub(super) const NUMBER: &str = "{n}";

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
            pattern.push_str("[0-9零一二两俩三仨四五六七八九十百几半好多]{1,5}");
            behind
        } else if let Some((name, behind)) = rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
            let words = slots.get(name).ok_or_else(|| format!("`{form}`: there is no slot `{name}`"))?;
            let either: Vec<String> = words.iter().map(|w| gapped(w, slots)).collect::<Result<_, _>>()?;
            pattern.push_str(&format!("(?:{})", either.join("|")));
            behind
        } else {
            pattern.push_str(&regex::escape(&c.to_string()));
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
