//! 坐席评分卡: what an agent's calls of a period came to, beside the team (E3).
//!
//! Contract: pure; one [`Work`] a call in, cards out. Every figure is a mean over the calls that have it, and says over how many: few of them
//! prove nothing ([`SAMPLE_MIN`]), and a figure of none is empty, never 0. The team's figure is the median of the agents', so that one of
//! them does not move it. It ranks nobody: what a figure means is for people.

use super::audit::{Severity, Talk};
use super::id::{CallId, SeatId};
use super::report::Judged;
use super::review::dispute::Stage;
use super::review::form::{Entry, Item, Mark, Sheet};
use super::score::Indicator;
use std::collections::BTreeMap;

/// A figure of fewer calls is told as such.
pub const SAMPLE_MIN: usize = 10;

/// One call of an agent, as far as cards look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    pub call: CallId,
    pub seat: SeatId,
    pub answered: bool,
    /// This call completed its visit.
    pub completed: bool,
    /// First called by the due instant; `None` for later calls, whose delay is others'.
    pub on_time: Option<bool>,
    pub talk_s: Option<f64>,
    /// `None`: not recorded, or not judged yet.
    pub voices: Option<Talk>,
    pub judged: Option<Judged>,
    /// What the audit in force found against it; `None`: not audited.
    pub findings: Option<Vec<Found>>,
    pub sheet: Option<SheetFigures>,
    pub disputes: Vec<Stage>,
}

/// Findings of one rule in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub rule: String,
    pub severity: Severity,
    pub n: u32,
}

/// What is left of a QA sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct SheetFigures {
    /// As the machine alone filled it.
    pub machine: Option<f64>,
    /// With people's marks in force.
    pub in_force: Option<f64>,
    /// Titles of the fatal items that were not met.
    pub fatal: Vec<String>,
    /// A person has marked an item.
    pub corrected: bool,
}

impl SheetFigures {
    pub fn of(sheet: &Sheet) -> Self {
        let alone = |entry: &Entry| Entry { human: None, ..entry.clone() };
        let machine = Sheet { form: sheet.form.clone(), entries: sheet.entries.iter().map(alone).collect() };
        let missed =
            |item: &&Item| item.fatal && sheet.entry(&item.key).and_then(Entry::in_force) == Some(Mark::NotMet);
        Self {
            machine: machine.total().score,
            in_force: sheet.total().score,
            fatal: sheet.form.items().filter(missed).map(|item| item.title.clone()).collect(),
            corrected: sheet.entries.iter().any(|entry| entry.human.is_some()),
        }
    }
}

/// What a figure counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 0 to 1.
    Share,
    Seconds,
    /// Times in a call.
    PerCall,
    Per100,
    /// 1 to 5.
    Level,
    /// 0 to 100.
    Points,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    Answered,
    Completed,
    OnTime,
    TalkS,
    TalkShare,
    CutIns,
    Red,
    Amber,
    Sheet,
    MachineSheet,
    Fatal,
    Corrected,
    Skill,
    Attitude,
    Timeliness,
    Parts,
    Overall,
    Index,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Seconds => "seconds",
            Self::PerCall => "per_call",
            Self::Per100 => "per_100",
            Self::Level => "level",
            Self::Points => "points",
        }
    }
}

impl Measure {
    pub const ALL: [Measure; 18] = [
        Self::Answered,
        Self::Completed,
        Self::OnTime,
        Self::TalkS,
        Self::TalkShare,
        Self::CutIns,
        Self::Red,
        Self::Amber,
        Self::Sheet,
        Self::MachineSheet,
        Self::Fatal,
        Self::Corrected,
        Self::Skill,
        Self::Attitude,
        Self::Timeliness,
        Self::Parts,
        Self::Overall,
        Self::Index,
    ];

    /// Stable name, Chinese title, unit.
    pub fn described(self) -> (&'static str, &'static str, Unit) {
        match self {
            Self::Answered => ("answered_share", "接通率", Unit::Share),
            Self::Completed => ("completed_share", "接通后完成率", Unit::Share),
            Self::OnTime => ("on_time_share", "按时首呼率", Unit::Share),
            Self::TalkS => ("talk_s", "平均通话秒数", Unit::Seconds),
            Self::TalkShare => ("talk_share", "坐席说话占比", Unit::Share),
            Self::CutIns => ("cut_ins", "每通打断客户次数", Unit::PerCall),
            Self::Red => ("red", "每百通红色发现", Unit::Per100),
            Self::Amber => ("amber", "每百通黄色发现", Unit::Per100),
            Self::Sheet => ("sheet", "质检得分", Unit::Points),
            Self::MachineSheet => ("machine_sheet", "质检得分（机器）", Unit::Points),
            Self::Fatal => ("fatal_share", "触及底线项的通话", Unit::Share),
            Self::Corrected => ("corrected_share", "人工改过的质检表", Unit::Share),
            Self::Skill => ("skill", Indicator::Skill.name(), Unit::Level),
            Self::Attitude => ("attitude", Indicator::Attitude.name(), Unit::Level),
            Self::Timeliness => ("timeliness", Indicator::Timeliness.name(), Unit::Level),
            Self::Parts => ("parts", Indicator::Parts.name(), Unit::Level),
            Self::Overall => ("overall", Indicator::Overall.name(), Unit::Level),
            Self::Index => ("index", "满意度指数", Unit::Level),
        }
    }

    /// What one call adds to it; `None`: the call says nothing about it.
    fn of(self, work: &Work) -> Option<f64> {
        let share = |yes: bool| f64::from(u8::from(yes));
        let level = |indicator| work.judged.as_ref()?.level(indicator).map(|level| f64::from(level.get()));
        match self {
            Self::Answered => Some(share(work.answered)),
            Self::Completed => work.answered.then(|| share(work.completed)),
            Self::OnTime => work.on_time.map(share),
            Self::TalkS => work.talk_s,
            Self::TalkShare => work.voices.and_then(|talk| talk.agent_share()),
            Self::CutIns => work.voices.map(|talk| f64::from(talk.cut_ins)),
            Self::Red => work.found(|found| found.severity == Severity::Red).map(|n| 100.0 * n),
            Self::Amber => work.found(|found| found.severity == Severity::Amber).map(|n| 100.0 * n),
            Self::Sheet => work.sheet.as_ref()?.in_force,
            Self::MachineSheet => work.sheet.as_ref()?.machine,
            Self::Fatal => work.sheet.as_ref().map(|sheet| share(!sheet.fatal.is_empty())),
            Self::Corrected => work.sheet.as_ref().map(|sheet| share(sheet.corrected)),
            Self::Skill => level(Indicator::Skill),
            Self::Attitude => level(Indicator::Attitude),
            Self::Timeliness => level(Indicator::Timeliness),
            Self::Parts => level(Indicator::Parts),
            Self::Overall => level(Indicator::Overall),
            Self::Index => work.judged.as_ref()?.index(),
        }
    }
}

impl Work {
    /// How many findings are such; `None`: not audited.
    fn found(&self, such: impl Fn(&Found) -> bool) -> Option<f64> {
        let findings = self.findings.as_ref()?;
        Some(findings.iter().filter(|found| such(found)).map(|found| f64::from(found.n)).sum())
    }
}

/// An agent's figure beside the team's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    pub value: Option<f64>,
    /// Calls behind it.
    pub n: usize,
    /// Median of the agents who have this figure, this one among them.
    pub median: Option<f64>,
    /// How many those are.
    pub agents: usize,
}

impl Figure {
    /// Too few calls to say much.
    pub fn is_small(&self) -> bool {
        self.n < SAMPLE_MIN
    }
}

/// Findings of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFigure {
    pub rule: String,
    pub severity: Severity,
    pub found: u32,
    /// In 100 audited calls; `n` counts those.
    pub per_100: Figure,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disputes {
    pub pending: u32,
    /// The agent was right.
    pub upheld: u32,
    pub dismissed: u32,
    pub withdrawn: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AgentCard {
    pub agent: SeatId,
    pub calls: usize,
    pub answered: usize,
    /// In the order of [`Measure::ALL`].
    pub figures: Vec<(Measure, Figure)>,
    /// Info, amber and red, the gravest first; only rules that this agent's calls broke.
    pub findings: Vec<RuleFigure>,
    /// Titles of fatal items and in how many sheets they were not met.
    pub fatal: Vec<(String, u32)>,
    pub disputes: Disputes,
}

/// The calls of a period, by agent.
pub struct Team<'a>(BTreeMap<&'a SeatId, Agent<'a>>);

/// One agent's calls, counted once.
#[derive(Default)]
struct Agent<'a> {
    works: Vec<&'a Work>,
    /// In the order of [`Measure::ALL`], each with how many calls are behind it.
    means: Vec<(Option<f64>, usize)>,
    audited: usize,
    found: BTreeMap<(Severity, &'a str), u32>,
}

impl<'a> Agent<'a> {
    fn of(works: Vec<&'a Work>) -> Self {
        let means = Measure::ALL.map(|measure| mean(works.iter().filter_map(|work| measure.of(work)))).to_vec();
        let mut found = BTreeMap::new();
        for one in works.iter().filter_map(|work| work.findings.as_ref()).flatten() {
            *found.entry((one.severity, one.rule.as_str())).or_default() += one.n;
        }
        let audited = works.iter().filter(|work| work.findings.is_some()).count();
        Self { works, means, audited, found }
    }

    /// Findings of a rule in 100 audited calls.
    fn per_100(&self, rule: (Severity, &str)) -> Option<f64> {
        let found = self.found.get(&rule).copied().unwrap_or_default();
        (self.audited > 0).then(|| 100.0 * f64::from(found) / self.audited as f64)
    }
}

impl<'a> Team<'a> {
    pub fn of(works: &'a [Work]) -> Self {
        let mut agents: BTreeMap<&SeatId, Vec<&Work>> = BTreeMap::new();
        for work in works {
            agents.entry(&work.seat).or_default().push(work);
        }
        Self(agents.into_iter().map(|(seat, works)| (seat, Agent::of(works))).collect())
    }

    /// Everybody's, by name.
    pub fn cards(&self) -> Vec<AgentCard> {
        self.0.keys().map(|seat| self.card(seat)).collect()
    }

    /// One agent's: without calls it is empty, and the team's figures stand in it.
    pub fn card(&self, seat: &SeatId) -> AgentCard {
        let nobody = Agent::of(vec![]);
        let agent = self.0.get(seat).unwrap_or(&nobody);
        let figure = |(place, measure): (usize, Measure)| {
            let (value, n) = agent.means[place];
            (measure, self.beside(value, n, |agent| agent.means[place].0))
        };
        AgentCard {
            agent: seat.clone(),
            calls: agent.works.len(),
            answered: agent.works.iter().filter(|work| work.answered).count(),
            figures: Measure::ALL.into_iter().enumerate().map(figure).collect(),
            findings: self.findings(agent),
            fatal: fatal(&agent.works),
            disputes: disputes(agent.works.iter().flat_map(|work| &work.disputes).copied()),
        }
    }

    fn beside(&self, value: Option<f64>, n: usize, of: impl Fn(&Agent<'_>) -> Option<f64>) -> Figure {
        let values: Vec<f64> = self.0.values().filter_map(of).collect();
        Figure { value, n, agents: values.len(), median: median(values) }
    }

    fn findings(&self, agent: &Agent<'_>) -> Vec<RuleFigure> {
        let of_rule = |(&rule, &found): (&(Severity, &str), &u32)| RuleFigure {
            rule: rule.1.to_owned(),
            severity: rule.0,
            found,
            per_100: self.beside(agent.per_100(rule), agent.audited, |agent| agent.per_100(rule)),
        };
        let broken = agent.found.iter().filter(|((severity, _), _)| *severity > Severity::Pass);
        let mut figures: Vec<RuleFigure> = broken.map(of_rule).collect();
        // Among rules of one severity and number their order stays.
        figures.sort_by_key(|figure| std::cmp::Reverse((figure.severity, figure.found)));
        figures
    }
}

fn fatal(works: &[&Work]) -> Vec<(String, u32)> {
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    for title in works.iter().filter_map(|work| work.sheet.as_ref()).flat_map(|sheet| &sheet.fatal) {
        *counted.entry(title).or_default() += 1;
    }
    counted.into_iter().map(|(title, n)| (title.to_owned(), n)).collect()
}

fn disputes(stages: impl Iterator<Item = Stage>) -> Disputes {
    let mut counted = Disputes::default();
    for stage in stages {
        let count = match stage {
            Stage::Open | Stage::Answered => &mut counted.pending,
            Stage::Upheld => &mut counted.upheld,
            Stage::Dismissed => &mut counted.dismissed,
            Stage::Withdrawn => &mut counted.withdrawn,
        };
        *count += 1;
    }
    counted
}

/// The arithmetic mean and of how many; `None` of nothing.
fn mean(values: impl Iterator<Item = f64>) -> (Option<f64>, usize) {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
    ((n > 0).then(|| sum / f64::from(n)), n as usize)
}

/// The middle one; between the two in the middle where there is none.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (Some(below), Some(above)) if values.len().is_multiple_of(2) => Some(f64::midpoint(*below, *above)),
        (_, middle) => middle.copied(),
    }
}

#[cfg(test)]
mod tests;
