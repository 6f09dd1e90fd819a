//! Single answers: exact, accepted, falsely scored, kappa; by kind of trap.

use super::metrics::{Label, percent, quadratic_kappa, share};
use huifang::domain::score::{Indicator, Level, Rubric, ScoreRequest, score_request};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;

pub const TUNE: &str = include_str!("../../data/eval/answers_tune.jsonl");
pub const HELD_OUT: &str = include_str!("../../data/eval/answers_held_out.jsonl");
pub const TUNE_2: &str = include_str!("../../data/eval/answers_tune2.jsonl");
pub const HELD_OUT_2: &str = include_str!("../../data/eval/answers_held_out2.jsonl");

pub const TUNE_3: &str = include_str!("../../data/eval/answers_tune3.jsonl");
pub const HELD_OUT_3: &str = include_str!("../../data/eval/answers_held_out3.jsonl");
pub const TUNE_4: &str = include_str!("../../data/eval/answers_tune4.jsonl");
pub const HELD_OUT_4: &str = include_str!("../../data/eval/answers_held_out4.jsonl");
pub const TUNE_5: &str = include_str!("../../data/eval/answers_tune5.jsonl");
pub const HELD_OUT_5: &str = include_str!("../../data/eval/answers_held_out5.jsonl");
pub const TUNE_6: &str = include_str!("../../data/eval/answers_tune6.jsonl");
pub const HELD_OUT_6: &str = include_str!("../../data/eval/answers_held_out6.jsonl");
pub const TUNE_7: &str = include_str!("../../data/eval/answers_tune7.jsonl");
pub const HELD_OUT_7: &str = include_str!("../../data/eval/answers_held_out7.jsonl");
pub const TUNE_8: &str = include_str!("../../data/eval/answers_tune8.jsonl");
pub const HELD_OUT_8: &str = include_str!("../../data/eval/answers_held_out8.jsonl");
pub const TUNE_9: &str = include_str!("../../data/eval/answers_tune9.jsonl");
pub const HELD_OUT_9: &str = include_str!("../../data/eval/answers_held_out9.jsonl");
pub const TUNE_10: &str = include_str!("../../data/eval/answers_tune10.jsonl");
pub const HELD_OUT_10: &str = include_str!("../../data/eval/answers_held_out10.jsonl");

/// Smallest exact and accepted shares, largest share of what should stay unscored scored, smallest kappa.
pub struct Floor {
    exact: f64,
    accepted: f64,
    falsely_scored: f64,
    kappa: f64,
}

/// In the order of the sets: tune and held out of each voice.
pub const FLOORS: [Floor; 20] = [
    Floor { exact: 0.955, accepted: 0.98, falsely_scored: 0.025, kappa: 0.98 },
    Floor { exact: 0.95, accepted: 0.98, falsely_scored: 0.025, kappa: 0.98 },
    Floor { exact: 0.88, accepted: 0.96, falsely_scored: 0.035, kappa: 0.96 },
    Floor { exact: 0.905, accepted: 0.95, falsely_scored: 0.035, kappa: 0.97 },
    Floor { exact: 0.915, accepted: 0.975, falsely_scored: 0.05, kappa: 0.97 },
    Floor { exact: 0.81, accepted: 0.895, falsely_scored: 0.13, kappa: 0.925 },
    Floor { exact: 0.845, accepted: 0.885, falsely_scored: 0.105, kappa: 0.925 },
    Floor { exact: 0.77, accepted: 0.84, falsely_scored: 0.065, kappa: 0.865 },
    Floor { exact: 0.95, accepted: 0.975, falsely_scored: 0.01, kappa: 0.97 },
    Floor { exact: 0.955, accepted: 0.965, falsely_scored: 0.03, kappa: 0.92 },
    Floor { exact: 0.98, accepted: 0.985, falsely_scored: 0.02, kappa: 0.985 },
    Floor { exact: 0.92, accepted: 0.92, falsely_scored: 0.04, kappa: 0.955 },
    Floor { exact: 0.925, accepted: 0.935, falsely_scored: 0.05, kappa: 0.945 },
    Floor { exact: 0.93, accepted: 0.94, falsely_scored: 0.07, kappa: 0.93 },
    Floor { exact: 0.94, accepted: 0.955, falsely_scored: 0.045, kappa: 0.96 },
    Floor { exact: 0.92, accepted: 0.94, falsely_scored: 0.055, kappa: 0.935 },
    Floor { exact: 0.955, accepted: 0.97, falsely_scored: 0.03, kappa: 0.98 },
    Floor { exact: 0.91, accepted: 0.91, falsely_scored: 0.16, kappa: 0.96 },
    Floor { exact: 0.97, accepted: 0.97, falsely_scored: 0.02, kappa: 0.96 },
    Floor { exact: 0.955, accepted: 0.965, falsely_scored: 0.03, kappa: 0.98 },
];

#[derive(Deserialize)]
struct Case {
    tags: Vec<String>,
    indicator: Option<Indicator>,
    question: String,
    answer: String,
    label: Label,
    #[serde(default)]
    acceptable: Vec<Label>,
}

#[derive(Default)]
pub struct Tally {
    n: usize,
    exact: usize,
    accepted: usize,
    silent: usize,
    falsely_scored: usize,
    pairs: Vec<(u8, u8)>,
}

impl Tally {
    fn add(&mut self, case: &Case, got: Label) {
        self.n += 1;
        self.exact += usize::from(got == case.label);
        self.accepted += usize::from(got == case.label || case.acceptable.contains(&got));
        if case.label.is_none() {
            self.silent += 1;
            self.falsely_scored += usize::from(got.is_some());
        }
        self.pairs.extend(case.label.zip(got));
    }

    fn line(&self, name: &str) -> String {
        let kappa = quadratic_kappa(&self.pairs).map_or("–".into(), |k| format!("{k:.3}"));
        format!(
            "| {name} | {} | {} | {} | {} | {kappa} |",
            self.n,
            percent(share(self.exact, self.n)),
            percent(share(self.accepted, self.n)),
            percent(share(self.falsely_scored, self.silent)),
        )
    }
}

#[derive(Default)]
pub struct Measured {
    all: Tally,
    by_kind: BTreeMap<String, Tally>,
    by_indicator: BTreeMap<String, Tally>,
}

pub fn measure(set: &str) -> Measured {
    let mut measured = Measured::default();
    for line in set.lines() {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let got = judged(&case);
        measured.all.add(&case, got);
        for tag in &case.tags {
            measured.by_kind.entry(tag.clone()).or_default().add(&case, got);
        }
        let indicator = case.indicator.map_or("none", Indicator::name).to_string();
        measured.by_indicator.entry(indicator).or_default().add(&case, got);
    }
    measured
}

fn judged(case: &Case) -> Label {
    let request = ScoreRequest {
        id: String::new(),
        indicator: case.indicator,
        question: case.question.clone(),
        answer: case.answer.clone(),
        also_heard: Vec::new(),
    };
    score_request(Rubric::builtin(), &request).label.map(Level::get)
}

pub fn hold_floor(m: &Measured, floor: &Floor) {
    let all = &m.all;
    let figures = all.line("all");
    assert!(share(all.exact, all.n) >= Some(floor.exact), "exact: {figures}");
    assert!(share(all.accepted, all.n) >= Some(floor.accepted), "accepted: {figures}");
    assert!(share(all.falsely_scored, all.silent) <= Some(floor.falsely_scored), "falsely scored: {figures}");
    assert!(quadratic_kappa(&all.pairs) >= Some(floor.kappa), "kappa: {figures}");
}

pub fn report(text: &mut String, parts: &[(&str, Measured)]) {
    let head = "| | answers | exact | accepted | unscored ones scored | quadratic kappa |\n|-|-:|-:|-:|-:|-:|";
    writeln!(text, "\n## Answers\n\n{head}").unwrap();
    for (part, m) in parts {
        writeln!(text, "{}", m.all.line(&format!("**{part}**"))).unwrap();
    }
    for (part, m) in parts {
        writeln!(text, "\n### By kind, {part}\n\n{head}").unwrap();
        for (name, tally) in m.by_indicator.iter().chain(&m.by_kind) {
            writeln!(text, "{}", tally.line(name)).unwrap();
        }
    }
}
