//! `rubrics/complaints.toml`: grades, times and words of complaints, as data, read and checked once.
//!
//! Contract: a policy that parses grades every complaint (its last row has no condition) and has every time. What is wrong is one line
//! that names file, line and key. It reads no files; the table that is shipped travels inside the program.

use super::signs::{Signs, Words};
use super::{Grade, Kind};
use crate::domain::calendar::Calendar;
use crate::domain::programme::window::{Offset, Window};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::LazyLock;

const BUILTIN: &str = include_str!("../../../rubrics/complaints.toml");
const FILE: &str = "complaints.toml";

#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub times: Times,
    pub replacement: Replacement,
    /// Complaints of these grades need a leader's word even when they are not grave (F06).
    pub approval_grades: Vec<Grade>,
    pub words: Words,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub approve: Offset,
    pub handle: Offset,
    pub department: Offset,
    pub written_reply: Offset,
    pub second_call: Offset,
    pub recurrence: Offset,
    pub repeated: Offset,
}

/// 短期内连续出现 (F13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    pub times: u32,
    pub within: Offset,
}

/// One row of the table: all of its conditions together.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    grade: Grade,
    why: String,
    #[serde(default)]
    kinds: Vec<Kind>,
    level_max: Option<u8>,
    money_yuan_from: Option<f64>,
    #[serde(default)]
    stops_work: bool,
    #[serde(default)]
    repeated: bool,
    #[serde(default)]
    angry: bool,
    #[serde(default)]
    severe: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("complaints.toml:{line}: {detail}")]
    Syntax { line: usize, detail: String },
    #[error("{file}:{line}: {key}: {problem}", file = FILE)]
    Key { line: usize, key: String, problem: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    times: WrittenTimes,
    replacement: WrittenReplacement,
    approval: Approval,
    grade: Vec<Row>,
    words: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTimes {
    approve: String,
    handle: String,
    department: String,
    written_reply: String,
    second_call: String,
    recurrence: String,
    repeated: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenReplacement {
    times: u32,
    within: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    grades: Vec<Grade>,
}

impl Policy {
    pub fn parse(source: &str) -> Result<Self, PolicyError> {
        let written: Written = toml::from_str(source).map_err(|e| PolicyError::Syntax {
            line: e.span().map_or(1, |span| line_at(source, span.start)),
            detail: e.message().lines().collect::<Vec<_>>().join(" "),
        })?;
        let Written { times, replacement, approval, grade: rows, words } = written;
        let time = |table: &str, key: &str, text: &str| {
            Offset::parse(text).ok_or_else(|| PolicyError::Key {
                line: line_of(source, &format!("{key} =")),
                key: format!("{table}.{key}"),
                problem: format!("{text:?} is no time; want e.g. \"3 days\", \"8 working h\", \"1 months\""),
            })
        };
        let policy = Self {
            times: Times {
                approve: time("times", "approve", &times.approve)?,
                handle: time("times", "handle", &times.handle)?,
                department: time("times", "department", &times.department)?,
                written_reply: time("times", "written_reply", &times.written_reply)?,
                second_call: time("times", "second_call", &times.second_call)?,
                recurrence: time("times", "recurrence", &times.recurrence)?,
                repeated: time("times", "repeated", &times.repeated)?,
            },
            replacement: Replacement {
                times: replacement.times,
                within: time("replacement", "within", &replacement.within)?,
            },
            approval_grades: approval.grades,
            words,
            rows,
        };
        policy.check(source)?;
        Ok(policy)
    }

    /// The table that travels with the program.
    pub fn builtin() -> &'static Policy {
        // A broken built-in table cannot be shipped: a unit test parses it.
        static TABLE: LazyLock<Policy> =
            LazyLock::new(|| Policy::parse(BUILTIN).unwrap_or_else(|e| panic!("built-in {e}")));
        &TABLE
    }

    fn check(&self, source: &str) -> Result<(), PolicyError> {
        let bad = |at: &str, key: String, problem: &str| PolicyError::Key {
            line: line_of(source, at),
            key,
            problem: problem.to_owned(),
        };
        if self.replacement.times < 2 {
            return Err(bad("times = ", "replacement.times".into(), "want at least 2"));
        }
        for row in &self.rows {
            let key = |name: &str| format!("grade {} ({}).{name}", row.grade.name(), row.why);
            let at = format!("\"{}\"", row.why);
            if row.why.trim().is_empty() {
                return Err(bad("why = \"\"", key("why"), "says nothing"));
            }
            if row.level_max.is_some_and(|level| !(1..=5).contains(&level)) {
                return Err(bad(&at, key("level_max"), "want 1 to 5"));
            }
            if row.money_yuan_from.is_some_and(|yuan| !yuan.is_finite() || yuan < 0.0) {
                return Err(bad(&at, key("money_yuan_from"), "is no amount"));
            }
        }
        let last = self.rows.last();
        if !last.is_some_and(Row::fits_all) {
            let at = last.map_or(String::new(), |row| format!("\"{}\"", row.why));
            return Err(bad(
                &at,
                "grade".into(),
                "the last row must have no condition, or some complaint has no grade",
            ));
        }
        if let Some(row) = self.rows.iter().rev().skip(1).find(|row| row.fits_all()) {
            let at = format!("\"{}\"", row.why);
            return Err(bad(&at, "grade".into(), "a row without condition hides those behind it"));
        }
        for (name, list) in self.words.lists() {
            if list.iter().any(|word| word.trim().is_empty()) {
                return Err(bad(&format!("{name} ="), format!("words.{name}"), "holds an empty word"));
            }
        }
        Ok(())
    }

    /// F01: the grade, and why.
    pub fn grade(&self, signs: &Signs) -> (Grade, &str) {
        let row = self.rows.iter().find(|row| row.fits(signs));
        // The last row fits everything.
        row.map_or((Grade::E, ""), |row| (row.grade, row.why.as_str()))
    }
}

impl Row {
    fn fits(&self, signs: &Signs) -> bool {
        (self.kinds.is_empty() || self.kinds.iter().any(|kind| signs.kinds.contains(kind)))
            && self.level_max.is_none_or(|max| signs.level.is_some_and(|level| level.get() <= max))
            && self.money_yuan_from.is_none_or(|from| signs.money_yuan.is_some_and(|yuan| yuan >= from))
            && (!self.stops_work || signs.stops_work)
            && (!self.repeated || signs.repeated)
            && (!self.angry || signs.angry)
            && (!self.severe || signs.severe)
    }

    fn fits_all(&self) -> bool {
        let Self { grade: _, why: _, kinds, level_max, money_yuan_from, stops_work, repeated, angry, severe } = self;
        kinds.is_empty()
            && level_max.is_none()
            && money_yuan_from.is_none()
            && !(*stops_work || *repeated || *angry || *severe)
    }
}

/// The instant `offset` after `at`, as a time limit.
pub fn ends(offset: Offset, at: Timestamp, calendar: &Calendar) -> Timestamp {
    Window { after: None, due: offset, deadline: offset }.times(at, calendar).due_at
}

fn line_at(source: &str, offset: usize) -> usize {
    source.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count() + 1
}

/// Line of the first place where `text` stands; 1 when it cannot be found.
fn line_of(source: &str, text: &str) -> usize {
    source.find(text).map_or(1, |at| line_at(source, at))
}
