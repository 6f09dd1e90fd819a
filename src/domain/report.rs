//! 报表: what was done in a month, as tables: ledger, coverage, visits, complaints, satisfaction, spot checks, people, agents' cards (RULES B02–B11, G06–G13).
//!
//! Contract: pure; stored rows in, [`Table`]s out. A figure that nothing stands behind is empty, never 0; whoever is missing from a share
//! is named beside it, with the reason. A month is the local month in which the clock of a visit starts, so every visit is in exactly one.
//! Not here: reading rows (`store::report`), files and masks (`http::reports`), and consequences (G07: a late report is told, not fined).

mod agent_cards;
mod complaints;
mod coverage;
mod due;
mod entry;
mod heard;
mod ledger;
mod month;
mod people;
mod satisfaction;
mod spot_check;
mod table;
mod visits;

pub use complaints::Complained;
pub use coverage::{Choice, Chosen};
pub use due::{DueReport, DueState, Submission, due_list};
pub use entry::{CallLine, Entry, Judged, ReviewLine};
pub use heard::{Heard, heard_in};
pub use month::{Month, Period};
pub use table::{Cell, Column, Kind, Table};

use crate::domain::agent_card::Work;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    Ledger,
    Coverage,
    Visits,
    Complaints,
    Satisfaction,
    SpotCheck,
    Engineers,
    Dealers,
    Agents,
    AgentCards,
}

impl Name {
    pub const ALL: [Name; 10] = [
        Self::Ledger,
        Self::Coverage,
        Self::Visits,
        Self::Complaints,
        Self::Satisfaction,
        Self::SpotCheck,
        Self::Engineers,
        Self::Dealers,
        Self::Agents,
        Self::AgentCards,
    ];

    /// As in the path and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Coverage => "coverage",
            Self::Visits => "visits",
            Self::Complaints => "complaints",
            Self::Satisfaction => "satisfaction",
            Self::SpotCheck => "spot-check",
            Self::Engineers => "engineers",
            Self::Dealers => "dealers",
            Self::Agents => "agents",
            Self::AgentCards => "agent-cards",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.name() == text)
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Ledger => "回访台账",
            Self::Coverage => "回访覆盖率",
            Self::Visits => "回访月报",
            Self::Complaints => "抱怨分析表",
            Self::Satisfaction => "顾客满意度测量报告",
            Self::SpotCheck => "售后服务抽查",
            Self::Engineers => "服务工程师",
            Self::Dealers => "经销商",
            Self::Agents => "坐席",
            Self::AgentCards => "坐席评分卡",
        }
    }

    /// Rules of the table that ask for it.
    pub fn rules(self) -> &'static [&'static str] {
        match self {
            Self::Ledger => &["G11"],
            Self::Coverage => &["B02", "B04", "B05", "B07"],
            Self::Visits => &["G06", "G07"],
            Self::Complaints => &["G08", "G13"],
            Self::Satisfaction => &["G09", "G10", "E12"],
            Self::SpotCheck => &["B10", "B11"],
            Self::Engineers | Self::Dealers | Self::Agents | Self::AgentCards => &["G15"],
        }
    }
}

/// What the reports know of a programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgrammeFacts {
    pub title: String,
    /// Of those in no class that is always visited (B05).
    pub share_percent: u32,
}

/// Everything that reports are drawn from. What a report does not need may be empty.
#[derive(Clone, Debug)]
pub struct Book {
    pub period: Period,
    pub now: Timestamp,
    /// By number.
    pub entries: Vec<Entry>,
    /// Who was, and was not, chosen for a visit.
    pub chosen: Vec<Chosen>,
    /// Opened in the period, the oldest first.
    pub complaints: Vec<Complained>,
    /// What customers said to questions that have no indicator.
    pub heard: Vec<Heard>,
    /// Calls of agents in the period.
    pub works: Vec<Work>,
    /// Those in force, by name.
    pub programmes: BTreeMap<String, ProgrammeFacts>,
}

/// One report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub name: Name,
    pub period: Period,
    pub made_at: Timestamp,
    /// At least one; the first is the report itself, the others prove it.
    pub sections: Vec<Table>,
}

impl Book {
    /// For people: the title of a programme, or its name when it is no longer in force.
    fn title<'a>(&'a self, programme: &'a str) -> &'a str {
        self.programmes.get(programme).map_or(programme, |facts| facts.title.as_str())
    }
}

/// Draws up one report.
pub fn draw_up(name: Name, book: &Book) -> Report {
    let sections = match name {
        Name::Ledger => vec![ledger::table(book)],
        Name::Coverage => coverage::tables(book),
        Name::Visits => visits::tables(book),
        Name::Complaints => complaints::tables(book),
        Name::Satisfaction => satisfaction::tables(book),
        Name::SpotCheck => spot_check::tables(book),
        Name::Engineers => vec![people::engineers(book)],
        Name::Dealers => vec![people::dealers(book)],
        Name::Agents => vec![people::agents(book)],
        Name::AgentCards => agent_cards::tables(book),
    };
    Report { name, period: book.period, made_at: book.now, sections }
}

#[cfg(test)]
mod tests;
