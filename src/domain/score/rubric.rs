//! 关键词表: the rubric as data, read and checked once.
//!
//! Contract: a rubric that parses is complete (five rows, every word once per meaning) and compiled, so that judging cannot fail.
//! It does not read files: the caller brings the text, the built-in table travels inside the binary.

use super::heard::{self, BySound, Misheard};
use super::learned::Learned;
use super::lexicon::Lexicon;
use super::{Indicator, Level};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// The table of the source text with what spoken Mandarin needs to be read by it.
const BUILTIN: &str = include_str!("../../../rubrics/after-sales-zh.toml");

/// A keyword table, compiled.
#[derive(Debug)]
pub struct Rubric {
    pub(super) data: Data,
    pub(super) lexicon: Lexicon,
    pub(super) misheard: Vec<Misheard>,
    pub(super) sounds: BySound,
    pub(super) learned: Option<Arc<Learned>>,
    id: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RubricError {
    #[error("rubric line {line}: {detail}")]
    Syntax { line: usize, detail: String },
    #[error("rubric line {line}, {row}: {detail}")]
    Row { line: usize, row: String, detail: String },
    #[error("rubric: {detail}")]
    Whole { detail: String },
}

impl Rubric {
    /// Reads and compiles a table.
    ///
    /// # Errors
    /// Names the line, and the row where there is one: bad TOML, unknown keys, levels outside 1..5, a missing row, an empty word,
    /// a keyword in two rows, an unknown indicator.
    pub fn parse(source: &str) -> Result<Self, RubricError> {
        let data: Data = toml::from_str(source).map_err(|e| RubricError::Syntax {
            line: e.span().map_or(1, |s| line_at(source, s.start)),
            detail: e.message().lines().collect::<Vec<_>>().join(" "),
        })?;
        data.check(source)?;
        let lexicon = Lexicon::compile(&data).map_err(|detail| RubricError::Whole { detail })?;
        let id = format!("{}@{}", data.name, data.version);
        let misheard = heard::compile(&data);
        let sounds = BySound::compile(&data);
        let learned = data.learned.then(|| Learned::builtin().clone());
        Ok(Self { data, lexicon, misheard, sounds, learned, id })
    }

    /// The table that travels with the program.
    pub fn builtin() -> &'static Arc<Rubric> {
        // A broken built-in table cannot be shipped: a unit test parses it.
        static TABLE: LazyLock<Arc<Rubric>> =
            LazyLock::new(|| Arc::new(Rubric::parse(BUILTIN).unwrap_or_else(|e| panic!("built-in rubric: {e}"))));
        &TABLE
    }

    /// The same table with other learned words beside it, or none.
    pub fn with_learned(mut self, learned: Option<Learned>) -> Self {
        self.learned = learned.map(Arc::new);
        self
    }

    pub(in crate::domain) fn learned(&self) -> Option<&Arc<Learned>> {
        self.learned.as_ref()
    }

    /// As programmes name it.
    pub fn name(&self) -> &str {
        &self.data.name
    }

    /// `name@version`, written beside every score.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The printed table: level, title, keywords, templates with ××.
    pub fn rows(&self) -> impl Iterator<Item = (Level, &str, &[String], &[String])> {
        self.data.row.iter().filter_map(|r| {
            Some((Level::new(r.level)?, r.title.as_str(), r.keywords.as_slice(), r.templates.as_slice()))
        })
    }
}

fn line_at(source: &str, offset: usize) -> usize {
    source.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count() + 1
}

/// Line of the first place where `word` stands in quotes (1 when it cannot be found).
fn line_of(source: &str, word: &str) -> usize {
    source.find(&format!("\"{word}\"")).map_or(1, |at| line_at(source, at))
}

/// How a level word behaves under the degree words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Great,
    Good,
    Fair,
    Gripe,
    Bad,
    Poor,
    Awful,
}

impl Class {
    pub(super) fn level(self) -> u8 {
        match self {
            Self::Great => 5,
            Self::Good => 4,
            Self::Fair | Self::Gripe => 3,
            Self::Bad | Self::Poor => 2,
            Self::Awful => 1,
        }
    }

    /// The class of a table keyword of this level.
    pub(super) fn of_row(level: u8) -> Self {
        match level {
            5 => Self::Great,
            4 => Self::Good,
            3 => Self::Fair,
            2 => Self::Poor,
            _ => Self::Awful,
        }
    }

    /// A complaint (convention 16), as opposed to praise or a shrug.
    pub(super) fn is_negative(self) -> bool {
        match self {
            Self::Great | Self::Good | Self::Fair => false,
            Self::Gripe | Self::Bad | Self::Poor | Self::Awful => true,
        }
    }

    pub(super) fn is_positive(self) -> bool {
        matches!(self, Self::Great | Self::Good)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Data {
    pub name: String,
    pub version: String,
    /// The learned words stand beside this table. They were learned with the printed levels: a table that moves those goes without.
    #[serde(default)]
    pub learned: bool,
    pub row: Vec<Row>,
    pub words: Vec<Words>,
    pub rivals: Vec<String>,
    /// Other makers that only templates compare with: as words they would meet every form one by one.
    #[serde(default)]
    pub further_rivals: Vec<String>,
    /// What may follow a rival's name: 比三一的师傅强.
    pub rival_suffixes: Vec<String>,
    /// `{name}` in a word or a form stands for each of these; they may hold slots themselves.
    #[serde(default)]
    pub slots: BTreeMap<String, Vec<String>>,
    pub compare: Vec<Forms>,
    pub template: Vec<Forms>,
    pub modifiers: Modifiers,
    pub scopes: Scopes,
    pub topic: Vec<TopicWords>,
    pub threats: Threats,
    pub silent: Silent,
    pub fillers: Plain,
    pub block: Vec<Block>,
    pub guards: Guards,
    pub misheard: Vec<MisheardWords>,
    pub by_sound: SoundWords,
    pub questions: Questions,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub level: u8,
    pub title: String,
    pub keywords: Vec<String>,
    pub templates: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub class: Class,
    #[serde(default)]
    pub about: Vec<Indicator>,
    pub why: String,
    pub words: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forms {
    pub level: u8,
    pub forms: Vec<String>,
    pub why: String,
    #[serde(default)]
    pub suggestion: bool,
    #[serde(default)]
    pub about: Vec<Indicator>,
    /// A complaint at level 3 (E08), not a shrug.
    #[serde(default)]
    pub complaint: bool,
    /// How the form behaves under degree words, where the level does not say it.
    #[serde(default)]
    pub class: Option<Class>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Modifiers {
    pub negators: Vec<String>,
    pub soft_negators: Vec<String>,
    pub none_at_all: Vec<String>,
    pub intensifiers: Vec<String>,
    pub measured: Vec<String>,
    pub softeners: Vec<String>,
    pub after_intensifiers: Vec<String>,
    pub after_softeners: Vec<String>,
    pub rhetoric_before: Vec<String>,
    pub rhetoric_after: Vec<String>,
    pub sarcasm: Vec<String>,
    /// Facts that turn stressed praise round; ×× is a gap.
    pub bitter: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scopes {
    pub contrast: Vec<String>,
    pub concessive: Vec<String>,
    pub correction: Vec<String>,
    /// 刚才那个及时性: he comes back to a question that was answered before.
    pub revision: Vec<String>,
    pub past: Vec<String>,
    pub now: Vec<String>,
    pub quotation: Vec<String>,
    pub quotation_tails: Vec<String>,
    pub quotation_people: Vec<String>,
    pub quotation_infixes: Vec<String>,
    /// Before praise in a question they deny it: 你说这叫及时吗.
    pub rhetoric_marks: Vec<String>,
    /// After a turn that names no level: words that make it no reservation.
    pub no_reservation: Vec<String>,
    pub own_view: Vec<String>,
    pub hypothesis: Vec<String>,
    /// What is wished for in a supposition was missing: 早来一天就满意了.
    pub wish: Vec<String>,
    /// How a wish ends: 要是有现货就好了.
    pub wish_ends: Vec<String>,
    /// The trouble is gone: 这回弄好了.
    pub mended: Vec<String>,
    /// He puts the question off: 行 回头再说.
    pub defers: Vec<String>,
    pub counterfactual: Vec<String>,
    pub question_words: Vec<String>,
    pub question_tails: Vec<String>,
    pub denial: Vec<String>,
    pub denial_after: Vec<String>,
    pub suggest: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopicWords {
    pub of: String,
    pub strong: Vec<String>,
    pub weak: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Threats {
    pub words: Vec<String>,
    /// Going over the agent's head: an alarm at level 2.
    pub complaints: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Silent {
    pub not_applicable: Vec<String>,
    pub ignorant: Vec<String>,
    pub acknowledgements: Vec<String>,
    pub yes: Vec<String>,
    /// No to a question that proposes praise: 2; half a no: 3.
    pub denies: Vec<String>,
    pub half_denies: Vec<String>,
    pub hum: Vec<String>,
    pub no: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plain {
    pub words: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block {
    pub why: String,
    pub words: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guards {
    /// Words that measure instead of judging when a number follows.
    pub before_number: Vec<String>,
    /// Words that judge only where they are nearly all of their clause.
    pub alone: Vec<String>,
    pub degrees_inside: DegreesInside,
}

/// Degree words that may stand inside a level word, before the quality it ends in: 脾气大 → 脾气有点大.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DegreesInside {
    pub qualities: Vec<String>,
    pub intensifiers: Vec<String>,
    pub measured: Vec<String>,
    pub soft_negators: Vec<String>,
    pub negators: Vec<String>,
    pub softeners: Vec<String>,
}

impl DegreesInside {
    /// What a word says before its quality, and the quality; `None` where a degree already stands there, or nothing.
    pub fn split<'w>(&self, word: &'w str) -> Option<(&'w str, &'w str)> {
        let degrees = [&self.intensifiers, &self.measured, &self.soft_negators, &self.negators, &self.softeners];
        let quality = self.qualities.iter().filter(|q| word.ends_with(q.as_str())).max_by_key(|q| q.len())?;
        let (head, tail) = word.split_at(word.len() - quality.len());
        let taken = degrees.iter().any(|list| list.iter().any(|d| head.ends_with(d.as_str())));
        (!head.is_empty() && !taken && !head.starts_with(['不', '没'])).then_some((head, tail))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MisheardWords {
    pub meant: String,
    pub heard: Vec<String>,
    #[serde(default)]
    pub asked: Vec<Indicator>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SoundWords {
    pub phrases: Vec<String>,
    pub innocent: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Questions {
    pub suggestion: Vec<String>,
    /// Asks for the reason of a low answer (C18); what is said then explains a complaint.
    pub probe: Vec<String>,
    pub rating: Vec<String>,
    pub number: Vec<String>,
    pub leading_tails: Vec<String>,
    pub leading_marks: Vec<String>,
    pub negative_polar: Vec<String>,
}

impl Data {
    fn check(&self, source: &str) -> Result<(), RubricError> {
        let fault =
            |word: &str, row: String, detail: String| RubricError::Row { line: line_of(source, word), row, detail };
        let mut levels: BTreeMap<&str, u8> = BTreeMap::new();
        for row in &self.row {
            let name = format!("row {} {}", row.level, row.title);
            if Level::new(row.level).is_none() {
                return Err(fault(&row.title, name, format!("level {} is not 1..5", row.level)));
            }
            for word in row.keywords.iter().chain(&row.templates) {
                if word.trim().is_empty() {
                    return Err(fault(&row.title, name, "empty keyword".into()));
                }
                if let Some(other) = levels.insert(word, row.level) {
                    return Err(fault(word, name, format!("`{word}` already stands in row {other}")));
                }
            }
        }
        if let Some(missing) = (1..=5).find(|l| !self.row.iter().any(|r| r.level == *l)) {
            return Err(RubricError::Whole { detail: format!("row {missing} is missing") });
        }
        for (list, kind) in [(&self.compare, "compare"), (&self.template, "template")] {
            for forms in list {
                let first = forms.forms.first().map_or("", String::as_str);
                let name = format!("{kind} `{}`", forms.why);
                if Level::new(forms.level).is_none() {
                    return Err(fault(first, name, format!("level {} is not 1..5", forms.level)));
                }
                if forms.forms.is_empty() || forms.forms.iter().any(|f| f.trim().is_empty()) {
                    return Err(fault(first, name, "empty form".into()));
                }
            }
        }
        for words in &self.words {
            let first = words.words.first().map_or("", String::as_str);
            let name = format!("words `{}`", words.why);
            if words.words.iter().any(|w| w.trim().is_empty()) || words.why.trim().is_empty() {
                return Err(fault(first, name, "a word or its reason is empty".into()));
            }
        }
        for m in &self.misheard {
            if let Some(h) = m.heard.iter().find(|h| h.chars().count() != m.meant.chars().count()) {
                let detail = format!("`{h}` and `{}` differ in length", m.meant);
                return Err(fault(h, format!("misheard `{}`", m.meant), detail));
            }
        }
        for block in &self.block {
            if block.why.trim().is_empty() || block.words.is_empty() {
                return Err(fault("", "block".into(), "words or their reason are missing".into()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_table_parses_and_has_the_five_rows_as_printed() {
        let rubric = Rubric::builtin();
        assert_eq!(rubric.id(), "after-sales-zh@9");
        let counts: Vec<(u8, usize)> = rubric.rows().map(|(l, _, k, t)| (l.get(), k.len() + t.len())).collect();
        assert_eq!(counts, [(5, 10), (4, 17), (3, 11), (2, 11), (1, 10)]);
    }

    #[test]
    fn a_broken_table_names_the_line_and_the_row() {
        let bad_toml = format!("{BUILTIN}\nthis is not toml");
        assert!(matches!(Rubric::parse(&bad_toml), Err(RubricError::Syntax { line, .. }) if line > 100));
        let twice = BUILTIN.replacen("\"较差\",", "\"较差\", \"满意\",", 1);
        let error = Rubric::parse(&twice).unwrap_err().to_string();
        assert!(error.contains("row 2 不满") && error.contains("already stands in row 4"), "{error}");
        let level = BUILTIN.replacen("level = 5", "level = 7", 1);
        assert!(Rubric::parse(&level).unwrap_err().to_string().contains("level 7 is not 1..5"));
        let slot = BUILTIN.replacen("比{past}", "比{nobody}", 1);
        assert!(Rubric::parse(&slot).unwrap_err().to_string().contains("there is no slot `nobody`"));
        let endless = BUILTIN.replacen("soon = [", "soon = [\"{soon}\", ", 1);
        assert!(Rubric::parse(&endless).unwrap_err().to_string().contains("slot `soon`"));
        let unknown = BUILTIN.replacen("[guards]", "[guards]\nsurprise = 1", 1);
        assert!(Rubric::parse(&unknown).unwrap_err().to_string().contains("surprise"));
    }
}
