//! A table of a report: columns with a kind, so that files can type them, and cells.

use crate::domain::phone::Phone;
use jiff::Timestamp;
use jiff::civil::Date;

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Stable.
    pub name: &'static str,
    /// For people; no longer than 31 characters, for it names a sheet.
    pub title: &'static str,
    pub columns: &'static [Column],
    /// Each as wide as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Stable; names the field in JSON.
    pub key: &'static str,
    /// For people.
    pub title: &'static str,
    pub kind: Kind,
}

/// What the cells of a column hold, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Count,
    /// With decimals.
    Number,
    /// 0 to 1, shown in percent.
    Share,
    Instant,
    Phone,
    Day,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Empty,
    Text(String),
    Count(u64),
    Number(f64),
    Share(f64),
    Instant(Timestamp),
    Phone(Phone),
    Day(Date),
}

pub(super) const fn col(key: &'static str, title: &'static str, kind: Kind) -> Column {
    Column { key, title, kind }
}

impl Table {
    pub(super) fn new(name: &'static str, title: &'static str, columns: &'static [Column]) -> Self {
        Self { name, title, columns, rows: vec![] }
    }

    pub(super) fn with_rows(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        self.rows.extend(rows);
        debug_assert!(
            self.rows.iter().all(|row| row.len() == self.columns.len()),
            "{}: a row of another width",
            self.name
        );
        self
    }
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    /// How many there are.
    pub(super) fn count(n: usize) -> Self {
        Self::Count(u64::try_from(n).unwrap_or(u64::MAX))
    }

    /// Empty of nothing: no share of none.
    pub(super) fn share(part: usize, whole: usize) -> Self {
        if whole == 0 { Self::Empty } else { Self::Share(fraction(part, whole)) }
    }

    /// The arithmetic mean; empty of nothing.
    pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> Self {
        let (sum, n) = values.into_iter().fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
        if n == 0 { Self::Empty } else { Self::Number(sum / f64::from(n)) }
    }

    /// Whether it may stand in a column of this kind.
    pub fn fits(&self, kind: Kind) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(_) => kind == Kind::Text,
            Self::Count(_) => kind == Kind::Count,
            Self::Number(_) => kind == Kind::Number,
            Self::Share(_) => kind == Kind::Share,
            Self::Instant(_) => kind == Kind::Instant,
            Self::Phone(_) => kind == Kind::Phone,
            Self::Day(_) => kind == Kind::Day,
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of visits are far below 2^52")]
pub(super) fn fraction(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Empty, Self::text)
    }
}

impl From<Option<&str>> for Cell {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Empty, Self::text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<Option<Timestamp>> for Cell {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Empty, Self::Instant)
    }
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Empty, Self::Number)
    }
}
