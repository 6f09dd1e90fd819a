//! Every word of the table in minimal automata, found longest first from the left.
//!
//! Contract: of the words that begin at a place the longest counts, and the next is looked for behind it. Who may be quoted with every
//! verb of saying (隔壁的人也觉得 …) would be a hundred thousand words: they are told from their parts.

use fst::Map;
use std::collections::BTreeMap;
use std::ops::Range;

pub(super) struct Vocabulary {
    words: Words,
    quoted: Quoted,
}

/// 他们说, 隔壁也觉得 …: people, what may stand between, verbs of saying.
pub(super) struct Quoted {
    people: Words,
    infixes: Words,
    tails: Words,
    /// The entry that stands for all of them.
    entry: usize,
}

impl Vocabulary {
    /// Words in the order of their entries.
    pub fn new<'a>(words: impl Iterator<Item = &'a str>, quoted: Quoted) -> Result<Self, String> {
        Ok(Self { words: Words::new(words)?, quoted })
    }

    /// Entries with their bytes of the text, without overlap.
    pub fn cut(&self, text: &str) -> Vec<(usize, Range<usize>)> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            at += match self.longest(&text[at..]) {
                Some((entry, length)) => {
                    found.push((entry, at..at + length));
                    length
                }
                None => next.len_utf8(),
            };
        }
        found
    }

    /// The longest word that a text begins with: its entry and its bytes.
    pub fn longest(&self, text: &str) -> Option<(usize, usize)> {
        let word = self.words.at(text).last();
        let quoted = self.quoted.longest(text).map(|length| (self.quoted.entry, length));
        match (word, quoted) {
            (Some(word), Some(quoted)) if quoted.1 > word.1 => Some(quoted),
            (word, quoted) => word.or(quoted),
        }
    }
}

impl Quoted {
    pub fn new(people: &[String], infixes: &[String], tails: &[String], entry: usize) -> Result<Self, String> {
        let words = |words: &[String]| Words::new(words.iter().map(String::as_str));
        Ok(Self { people: words(people)?, infixes: words(infixes)?, tails: words(tails)?, entry })
    }

    /// How many bytes of the text are somebody quoted.
    fn longest(&self, text: &str) -> Option<usize> {
        let said = |from: usize| self.tails.at(&text[from..]).map(move |(_, tail)| from + tail);
        let spoken = |from: usize| {
            let between = self.infixes.at(&text[from..]).map(move |(_, infix)| from + infix);
            between.chain([from]).flat_map(said).max()
        };
        self.people.at(text).filter_map(|(_, person)| spoken(person)).max()
    }
}

/// Words by number; where one stands twice the first counts.
struct Words(Map<Vec<u8>>);

impl Words {
    fn new<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut sorted = BTreeMap::new();
        for (word, number) in words.zip(0..) {
            sorted.entry(word).or_insert(number);
        }
        Map::from_iter(sorted).map(Self).map_err(|e| format!("words cannot be compiled: {e}"))
    }

    /// Every word that a text begins with, the shortest first: its number and its bytes.
    fn at<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        let fst = self.0.as_fst();
        let mut node = fst.root();
        let mut sum = 0;
        let mut bytes = text.bytes().zip(1..);
        std::iter::from_fn(move || {
            for (byte, length) in bytes.by_ref() {
                let way = node.transition(node.find_input(byte)?);
                sum += way.out.value();
                node = fst.node(way.addr);
                if node.is_final() {
                    let number = sum + node.final_output().value();
                    return Some((usize::try_from(number).unwrap_or(usize::MAX), length));
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_word_from_the_left_counts_and_people_are_quoted_in_any_way() {
        let all = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let words = ["满意", "不满意", "不", "他们", "说得好", "他们也说了的"];
        let quoted = Quoted::new(&all(&["他们", "他们队"]), &all(&["也", "的人"]), &all(&["说", "觉得"]), 99).unwrap();
        let vocabulary = Vocabulary::new(words.into_iter(), quoted).unwrap();
        let check = |text: &str, expected: &[(usize, &str)]| {
            let cut = vocabulary.cut(text);
            let found: Vec<(usize, &str)> = cut.iter().map(|(entry, at)| (*entry, &text[at.clone()])).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("", &[]);
        check("我不满意", &[(1, "不满意")]);
        check("不不满", &[(2, "不"), (2, "不")]);
        check("他们满意", &[(3, "他们"), (0, "满意")]);
        check("他们说得好", &[(99, "他们说")]);
        check("他们队的人觉得不", &[(99, "他们队的人觉得"), (2, "不")]);
        check("他们也说了的", &[(5, "他们也说了的")]);
        check("他们也", &[(3, "他们")]);
    }
}
