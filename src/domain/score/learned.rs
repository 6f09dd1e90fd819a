//! 学来的词: what groups of characters say about a level, the subject of a question or an agent's conduct, learned from labelled examples.
//!
//! The table of the rubric is exact and cannot know every word that people find. Beside it stands a reader whose weights were learned:
//! for every group of up to four characters of one clause, how strongly it speaks for each of six classes. The classes of an answer are
//! no level and 1 to 5, those of a question no indicator and the five. What else a turn does is read by [`super::acts`].
//!
//! Contract: pure and deterministic; the weights are data (`learned_zh.tsv`, a line a group, hundredths, made by `make learn`).
//! It knows which groups stand in a text, not how often nor with which punctuation. Where it may overrule the table: [`super::weigh`].

use super::Indicator;
use super::acts::{Acts, Likely};
use super::normal::{Normal, PAUSE};
use super::rubric::Rubric;
use super::signs::{named, question_signs, signs};
use foldhash::fast::FixedState;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

const BUILTIN: &str = include_str!("learned_zh.tsv");

/// Lengths of groups, characters; the ends of a clause count as one.
const LENGTHS: Range<usize> = 1..5;
/// First and last clause are told apart by groups of so many characters, an indicator by groups of two.
const PLACED: Range<usize> = 2..4;
const PAIR: usize = 2;
/// Marks the groups of [`signs`].
const KNOWN: &str = "~|";
/// Mark the groups of the first and of the last clause.
const FIRST: &str = "<|";
const LAST: &str = ">|";
/// Marks the indicators that the rules see in a question.
const RULED: &str = "=|";
/// Fewer signs repeat what the table says of a word; so many say how words go together.
const COMPOSED: Range<usize> = 3..6;
/// Ends the mark of a group.
const MARKED: char = '|';
/// Ends of a clause, in a group.
const FROM: char = '^';
const TO: char = '$';

/// Classes of an answer: no level first, then levels 1 to 5.
pub const CLASSES: usize = 6;

/// Logarithms of the probabilities of the classes.
pub(in crate::domain) type Leaning = [f64; CLASSES];

/// The readers.
#[derive(Debug, Default)]
pub struct Learned {
    answers: Reader<CLASSES>,
    questions: Reader<{ Indicator::ALL.len() }>,
    acts: Acts,
}

/// A group as it is looked up: its characters and what marks them, packed; see [`Mark`].
pub(super) type Group = u128;

#[derive(Debug)]
struct Reader<const N: usize> {
    base: [f32; N],
    places: HashMap<Group, usize, FixedState>,
    weights: Vec<[f32; N]>,
}

impl<const N: usize> Default for Reader<N> {
    fn default() -> Self {
        Self { base: [0.0; N], places: HashMap::default(), weights: Vec::new() }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("learned words, line {line}: {detail}")]
pub struct LearnedError {
    pub line: usize,
    pub detail: &'static str,
}

impl Learned {
    /// The weights that travel with the program.
    pub fn builtin() -> &'static Arc<Learned> {
        // A broken table cannot be shipped: a unit test parses it.
        static TABLE: LazyLock<Arc<Learned>> =
            LazyLock::new(|| Arc::new(Learned::parse(BUILTIN).unwrap_or_else(|e| panic!("built-in {e}"))));
        &TABLE
    }

    /// Reads a table: reader (`a`, `q` or `d`), group, weights in hundredths, separated by tabs: six, five for `q`, for `d` each behind the name
    /// of its act. `#` begins a comment. The group of what holds without any is empty.
    ///
    /// # Errors
    /// Names the line that is not so.
    pub fn parse(source: &str) -> Result<Self, LearnedError> {
        let mut learned = Self::default();
        for (at, line) in source.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let wrong = |detail| LearnedError { line: at + 1, detail };
            let (reader, rest) = line.split_once('\t').ok_or(wrong("no tab"))?;
            let (group, numbers) = rest.split_once('\t').ok_or(wrong("no weights"))?;
            let added = match reader {
                "a" => learned.answers.add(group, numbers),
                "q" => learned.questions.add(group, numbers),
                "d" => learned.acts.add(group, numbers),
                _ => Err("neither a, q nor d"),
            };
            added.map_err(wrong)?;
        }
        Ok(learned)
    }

    /// What an answer to this indicator's question leans to.
    pub(super) fn answer(&self, normal: &Normal, signs: &[char], indicator: Indicator) -> Leaning {
        let mut groups: Vec<Group> = Vec::new();
        answer_groups_in(normal, signs, indicator, &mut groups);
        self.answers.lean(&groups)
    }

    /// How likely a question asks for each indicator; it may ask for several.
    pub(super) fn question(
        &self,
        normal: &Normal,
        signs: &[char],
        ruled: &[Indicator],
    ) -> [(Indicator, f64); Indicator::ALL.len()] {
        let mut found: Vec<Group> = Vec::new();
        question_groups_in(normal, signs, ruled, &mut found);
        let sums = self.questions.sums(&found);
        Indicator::ALL.map(|i| (i, 1.0 / (1.0 + (-sums[i as usize]).exp())))
    }

    /// What a turn does, after the other one's turn before it.
    pub(in crate::domain) fn acts(&self, said: &str, before: &str) -> Likely {
        self.acts.likely(said, before, &[])
    }

    /// What a turn does in which the rules see this: see [`crate::domain::facts::seen_in`].
    pub(in crate::domain) fn acts_seen(&self, said: &str, before: &str, seen: &[char]) -> Likely {
        self.acts.likely(said, before, seen)
    }

    /// The clause that speaks most for class `to` against class `from`: its place in the text.
    pub(super) fn telling(&self, normal: &Normal, to: usize, from: usize) -> Option<Range<usize>> {
        let speaks = |clause: &Range<usize>| {
            let mut found: Vec<Group> = Vec::new();
            groups(&normal.chars[clause.clone()], LENGTHS, &Mark::new(""), &mut found);
            let weights = found.iter().filter_map(|group| self.answers.places.get(group));
            weights.map(|place| self.answers.weights[*place]).map(|w| w[to] - w[from]).sum::<f32>()
        };
        clauses(normal).max_by(|a, b| speaks(a).total_cmp(&speaks(b)))
    }
}

impl<const N: usize> Reader<N> {
    /// A line of the table behind its group: a weight in hundredths for each class.
    fn add(&mut self, group: &str, given: &str) -> Result<(), &'static str> {
        let mut weights = [0.0; N];
        let mut given = given.split('\t');
        for weight in &mut weights {
            let hundredths: i16 = given.next().and_then(|n| n.parse().ok()).ok_or("fewer weights than classes")?;
            *weight = f32::from(hundredths) / 100.0;
        }
        if group.is_empty() {
            self.base = weights;
        } else {
            self.places.insert(place_of(group), self.weights.len());
            self.weights.push(weights);
        }
        Ok(())
    }

    /// What the groups that are there come to, class by class.
    fn sums(&self, groups: &[Group]) -> [f64; N] {
        let mut there: Vec<usize> = groups.iter().filter_map(|group| self.places.get(group)).copied().collect();
        there.sort_unstable();
        there.dedup();
        let mut sums = self.base.map(f64::from);
        for place in there {
            for (sum, weight) in sums.iter_mut().zip(self.weights[place]) {
                *sum += f64::from(weight);
            }
        }
        sums
    }
}

impl Reader<CLASSES> {
    fn lean(&self, groups: &[Group]) -> Leaning {
        let sums = self.sums(groups);
        let most = sums.iter().copied().fold(f64::MIN, f64::max);
        let all = most + sums.iter().map(|s| (s - most).exp()).sum::<f64>().ln();
        sums.map(|s| s - all)
    }
}

impl Rubric {
    /// The groups by which an answer is learned and read.
    pub fn answer_groups(&self, text: &str, indicator: Indicator) -> BTreeSet<String> {
        let normal = Normal::new(text);
        let signs = signs(&self.lexicon, &normal, indicator);
        let mut names = BTreeSet::new();
        answer_groups_in(&normal, &signs, indicator, &mut names);
        names
    }

    /// The groups by which a question is learned and read.
    pub fn question_groups(&self, text: &str) -> BTreeSet<String> {
        let normal = Normal::new(text);
        let mut names = BTreeSet::new();
        question_groups_in(
            &normal,
            &question_signs(&self.lexicon, &normal, &self.lexicon.tokens(&normal)),
            &self.indicators_by_rule(text),
            &mut names,
        );
        names
    }
}

/// The groups by which a turn is learned and read, with the other one's turn before it and what the rules see in it.
pub fn conduct_groups(said: &str, before: &str, seen: &[char]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    conduct_groups_in(said, before, seen, &mut names);
    names
}

/// Where groups go: the reader wants them packed, the trainer by name.
pub(super) trait Groups {
    fn take(&mut self, mark: &Mark<'_>, group: &[char]);
}

impl Groups for Vec<Group> {
    fn take(&mut self, mark: &Mark<'_>, group: &[char]) {
        self.push(group.iter().fold(mark.number, |sum, c| sum << 21 | Group::from(u32::from(*c))));
    }
}

impl Groups for BTreeSet<String> {
    fn take(&mut self, mark: &Mark<'_>, group: &[char]) {
        self.insert(mark.name.chars().chain(group.iter().copied()).collect());
    }
}

/// What tells groups of one kind from the same characters elsewhere; 21 bits a character stand below its number.
pub(super) struct Mark<'a> {
    name: &'a str,
    number: Group,
}

impl<'a> Mark<'a> {
    fn new(name: &'a str) -> Self {
        let number = name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        Self { name, number: Group::from(number) }
    }
}

pub(super) fn conduct_groups_in(said: &str, before: &str, seen: &[char], f: &mut impl Groups) {
    groups_of(said, LENGTHS, "", f);
    groups_of(before, PLACED, "-|", f);
    let mark = Mark::new(RULED);
    for (at, one) in seen.iter().enumerate() {
        f.take(&mark, &[*one]);
        seen[at + 1..].iter().for_each(|other| f.take(&mark, &[*one, *other]));
    }
}

fn groups_of(text: &str, lengths: Range<usize>, mark: &str, f: &mut impl Groups) {
    let (normal, mark) = (Normal::new(text), Mark::new(mark));
    clauses(&normal).for_each(|clause| groups(&normal.chars[clause], lengths.clone(), &mark, f));
}

/// Groups of every clause; pairs once more for the indicator that was asked; those of the first and of the last clause once more; and groups
/// of what the table knows its words for.
fn answer_groups_in(normal: &Normal, signs: &[char], indicator: Indicator, f: &mut impl Groups) {
    let asked = format!("{}|", indicator.name());
    let (asked, unmarked) = (Mark::new(&asked), Mark::new(""));
    f.take(&asked, &[]);
    for clause in clauses(normal) {
        let chars = &normal.chars[clause];
        groups(chars, LENGTHS, &unmarked, f);
        groups(chars, PAIR..PAIR + 1, &asked, f);
    }
    groups(signs, COMPOSED, &Mark::new(KNOWN), f);
    let mut ends = clauses(normal);
    let first = ends.next();
    let last = ends.last().or(first.clone());
    for (mark, clause) in [(FIRST, first), (LAST, last)] {
        clause.into_iter().for_each(|clause| groups(&normal.chars[clause], PLACED, &Mark::new(mark), f));
    }
}

/// Groups of every clause, those of the last one once more, groups of what the table knows its words for, and the indicators that the rules see.
fn question_groups_in(normal: &Normal, signs: &[char], ruled: &[Indicator], f: &mut impl Groups) {
    let (unmarked, last) = (Mark::new(""), Mark::new(LAST));
    clauses(normal).for_each(|clause| groups(&normal.chars[clause], LENGTHS, &unmarked, f));
    clauses(normal).last().into_iter().for_each(|clause| groups(&normal.chars[clause], LENGTHS, &last, f));
    groups(signs, COMPOSED, &Mark::new(KNOWN), f);
    let (mark, ruled): (Mark<'_>, Vec<char>) = (Mark::new(RULED), ruled.iter().map(|i| named(*i)).collect());
    f.take(&mark, &ruled);
    ruled.iter().for_each(|one| f.take(&mark, &[*one]));
}

/// The stretches between pauses.
fn clauses(normal: &Normal) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut from = 0;
    normal.chars.split(|c| *c == PAUSE).filter_map(move |clause| {
        let range = from..from + clause.len();
        from = range.end + 1;
        (!range.is_empty()).then_some(range)
    })
}

/// Every group of these lengths in one clause, with `mark` before it.
fn groups(clause: &[char], lengths: Range<usize>, mark: &Mark<'_>, f: &mut impl Groups) {
    let chars: Vec<char> = [FROM].into_iter().chain(clause.iter().copied()).chain([TO]).collect();
    for length in lengths {
        chars.windows(length).for_each(|window| f.take(mark, window));
    }
}

/// A group of the table as it is looked up.
pub(super) fn place_of(group: &str) -> Group {
    let (mark, chars) = group.split_at(group.find(MARKED).map_or(0, |at| at + MARKED.len_utf8()));
    let mut found: Vec<Group> = Vec::new();
    found.take(&Mark::new(mark), &chars.chars().collect::<Vec<_>>());
    found[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_adds_what_stands_there_once_and_its_probabilities_are_one() {
        let learned = Learned::parse(
            "# comment\na\t\t0\t0\t0\t0\t10\t0\na\t好\t0\t0\t0\t0\t200\t100\nq\t配件\t-50\t0\t0\t300\t0",
        )
        .unwrap();
        let once = learned.answer(&Normal::new("好"), &[], Indicator::Skill);
        assert_eq!(once, learned.answer(&Normal::new("好，好。好"), &[], Indicator::Skill));
        assert!((once.iter().map(|l| l.exp()).sum::<f64>() - 1.0).abs() < 1e-9);
        assert!((once[4] - once[5] - 1.1).abs() < 1e-6 && once[4] > once[0]);
        let asked = learned.question(&Normal::new("那配件呢"), &[], &[]);
        assert!(asked[3].1 > 0.9 && asked[0].1 <= 0.5, "{asked:?}");
    }

    #[test]
    fn a_line_that_is_no_weight_is_named() {
        for (source, line) in [("a\t好\t1\t2", 1), ("#\n\nx\t好\t0\t0\t0\t0\t0\t0", 3), ("a", 1), ("a\t好", 1)] {
            assert_eq!(Learned::parse(source).unwrap_err().line, line, "{source}");
        }
    }

    #[test]
    fn groups_stay_inside_a_clause_and_know_its_ends() {
        let groups = Rubric::builtin().answer_groups("很好，不快", Indicator::Parts);
        for there in ["^很", "好$", "很好", "不快$", "配件供应|很好", "<|很好", ">|不快", "~|／不④"]
        {
            assert!(groups.contains(there), "{there}");
        }
        assert!(!groups.iter().any(|g| g.contains("好不") || g.contains(PAUSE)));
        let groups = Rubric::builtin().question_groups("技术好，配件呢");
        for there in ["呢$", "技术", ">|配件", "~|／供$", "=|供"] {
            assert!(groups.contains(there), "{there}: {groups:?}");
        }
        assert!(!groups.contains(">|技术"));
    }

    #[test]
    fn the_built_in_weights_are_read() {
        let learned = Learned::builtin();
        let lean = learned.answer(&Normal::new("特别满意"), &[], Indicator::Overall);
        assert!(lean[5] > lean[2] && lean[5] > lean[0]);
        let question = Normal::new("那师傅的技术行不行");
        let lexicon = &Rubric::builtin().lexicon;
        let signs = question_signs(lexicon, &question, &lexicon.tokens(&question));
        let asked = learned.question(&question, &signs, &[]);
        assert!(asked[0].1 > 0.9 && asked[1].1 < 0.5, "{asked:?}");
    }
}
