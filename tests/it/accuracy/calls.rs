//! Whole calls: indicator cells, all five right, facts and conduct.

use super::metrics::{Label, f1, percent, share};
use huifang::domain::audit::{DialogueReport, DialogueRequest, audit_dialogue};
use huifang::domain::facts::time::find_all;
use huifang::domain::score::{Indicator, Level, Rubric};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

pub const TUNE: &str = include_str!("../../data/eval/calls_tune.jsonl");
pub const HELD_OUT: &str = include_str!("../../data/eval/calls_held_out.jsonl");
pub const TUNE_2: &str = include_str!("../../data/eval/calls_tune2.jsonl");
pub const HELD_OUT_2: &str = include_str!("../../data/eval/calls_held_out2.jsonl");
pub const CONDUCT: &str = include_str!("../../data/eval/calls_conduct3.jsonl");

pub const TUNE_3: &str = include_str!("../../data/eval/calls_tune3.jsonl");
pub const HELD_OUT_3: &str = include_str!("../../data/eval/calls_held_out3.jsonl");
pub const TUNE_4: &str = include_str!("../../data/eval/calls_tune4.jsonl");
pub const HELD_OUT_4: &str = include_str!("../../data/eval/calls_held_out4.jsonl");
pub const TUNE_5: &str = include_str!("../../data/eval/calls_tune5.jsonl");
pub const HELD_OUT_5: &str = include_str!("../../data/eval/calls_held_out5.jsonl");
pub const TUNE_6: &str = include_str!("../../data/eval/calls_tune6.jsonl");
pub const HELD_OUT_6: &str = include_str!("../../data/eval/calls_held_out6.jsonl");
pub const TUNE_7: &str = include_str!("../../data/eval/calls_tune7.jsonl");
pub const HELD_OUT_7: &str = include_str!("../../data/eval/calls_held_out7.jsonl");
pub const TUNE_8: &str = include_str!("../../data/eval/calls_tune8.jsonl");
pub const HELD_OUT_8: &str = include_str!("../../data/eval/calls_held_out8.jsonl");
pub const TUNE_9: &str = include_str!("../../data/eval/calls_tune9.jsonl");
pub const HELD_OUT_9: &str = include_str!("../../data/eval/calls_held_out9.jsonl");
/// The middle of calls, where satisfaction is asked: without facts and conduct.
pub const SHORT_9: &str = include_str!("../../data/eval/calls_short9.jsonl");
pub const SHORT_HELD_OUT_9: &str = include_str!("../../data/eval/calls_short_held_out9.jsonl");
pub const TUNE_10: &str = include_str!("../../data/eval/calls_tune10.jsonl");
pub const HELD_OUT_10: &str = include_str!("../../data/eval/calls_held_out10.jsonl");
/// Every question is put again, or left open, without naming what it asks for.
pub const AGAIN_10: &str = include_str!("../../data/eval/calls_short10.jsonl");
pub const AGAIN_HELD_OUT_10: &str = include_str!("../../data/eval/calls_short_held_out10.jsonl");

/// Words of the customer: right when this share of the gold's characters is there.
const WORDS_SHARE: f64 = 0.6;
const IN_WORDS: [&str; 4] = ["callback_when", "arrival_time", "finish_time", "location"];

pub struct Floor {
    cells: f64,
    all_five: f64,
    /// Mean over all keys of facts and conduct, where they are labelled.
    keys: f64,
}

/// In the order of the sets: tune and held out of each voice, with the short calls of the ninth and the tenth behind theirs, then the calls written for their conduct. Of the third voice only the complaint is labelled beside the scores.
pub const FLOORS: [Floor; 25] = [
    Floor { cells: 0.99, all_five: 0.97, keys: 0.985 },
    Floor { cells: 0.99, all_five: 0.95, keys: 0.98 },
    Floor { cells: 0.985, all_five: 0.94, keys: 0.985 },
    Floor { cells: 0.97, all_five: 0.93, keys: 0.97 },
    Floor { cells: 0.98, all_five: 0.95, keys: 0.95 },
    Floor { cells: 0.87, all_five: 0.55, keys: 0.77 },
    Floor { cells: 0.96, all_five: 0.82, keys: 0.985 },
    Floor { cells: 0.975, all_five: 0.9, keys: 0.97 },
    Floor { cells: 0.985, all_five: 0.95, keys: 0.98 },
    Floor { cells: 0.975, all_five: 0.9, keys: 0.97 },
    Floor { cells: 0.985, all_five: 0.955, keys: 0.965 },
    Floor { cells: 0.95, all_five: 0.8, keys: 0.975 },
    Floor { cells: 0.96, all_five: 0.84, keys: 0.97 },
    Floor { cells: 0.96, all_five: 0.855, keys: 0.97 },
    Floor { cells: 0.965, all_five: 0.86, keys: 0.975 },
    Floor { cells: 0.935, all_five: 0.73, keys: 0.945 },
    Floor { cells: 0.975, all_five: 0.91, keys: 0.975 },
    Floor { cells: 0.94, all_five: 0.74, keys: 0.97 },
    Floor { cells: 0.965, all_five: 0.85, keys: 0.0 },
    Floor { cells: 0.83, all_five: 0.45, keys: 0.0 },
    Floor { cells: 0.985, all_five: 0.95, keys: 0.97 },
    Floor { cells: 0.975, all_five: 0.9, keys: 0.96 },
    Floor { cells: 0.96, all_five: 0.82, keys: 0.0 },
    Floor { cells: 0.87, all_five: 0.5, keys: 0.0 },
    Floor { cells: 0.98, all_five: 0.95, keys: 0.985 },
];

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "in")]
    request: DialogueRequest,
    out: Gold,
}

#[derive(Deserialize)]
struct Gold {
    scores: BTreeMap<Indicator, Label>,
    #[serde(default)]
    acceptable_scores: BTreeMap<Indicator, Vec<Label>>,
    #[serde(default)]
    outcome: Value,
    #[serde(default)]
    compliance: Value,
    /// Key → further values that are right too.
    #[serde(default)]
    acceptable: BTreeMap<String, Value>,
}

/// One key over all calls.
#[derive(Default)]
struct Key {
    right: usize,
    n: usize,
    /// Gold and got, where the key is a flag.
    flags: Vec<(bool, bool)>,
}

#[derive(Default)]
pub struct Measured {
    calls: usize,
    cells: usize,
    cells_right: usize,
    all_five: usize,
    keys: BTreeMap<String, Key>,
}

pub fn measure(set: &str) -> Measured {
    let mut m = Measured::default();
    for line in set.lines() {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let report = audit_dialogue(Rubric::builtin(), &case.request);
        let wrong = Indicator::ALL.iter().filter(|i| !score_is_right(&case.out, &report, **i)).count();
        m.calls += 1;
        m.cells += Indicator::ALL.len();
        m.cells_right += Indicator::ALL.len() - wrong;
        m.all_five += usize::from(wrong == 0);
        let got = serde_json::to_value(&report).expect("a report is JSON");
        for section in ["outcome", "compliance"] {
            let gold = if section == "outcome" { &case.out.outcome } else { &case.out.compliance };
            m.compare(section, gold, &got[section], &case.out.acceptable);
        }
    }
    m
}

fn score_is_right(gold: &Gold, report: &DialogueReport, indicator: Indicator) -> bool {
    let got = report.scores.get(&indicator).copied().flatten().map(Level::get);
    let further = gold.acceptable_scores.get(&indicator);
    gold.scores.get(&indicator).copied().flatten() == got || further.is_some_and(|f| f.contains(&got))
}

impl Measured {
    fn compare(&mut self, prefix: &str, gold: &Value, got: &Value, further: &BTreeMap<String, Value>) {
        for (name, want) in gold.as_object().into_iter().flatten() {
            let (path, found) = (format!("{prefix}.{name}"), &got[name]);
            if want.is_object() {
                self.compare(&path, want, found, further);
                continue;
            }
            let right = same(name, want, found)
                || further.get(name).and_then(Value::as_array).is_some_and(|f| f.iter().any(|v| same(name, v, found)))
                || name == "parts_replaced" && same_parts(want, found, further.get(name));
            let key = self.keys.entry(path).or_default();
            key.n += 1;
            key.right += usize::from(right);
            if want.is_boolean() || want.is_null() && found.is_boolean() {
                let gold = want == &Value::Bool(true);
                key.flags.push((gold, if right { gold } else { found == &Value::Bool(true) }));
            }
        }
    }

    /// `None` where none is labelled.
    fn keys_right(&self) -> Option<f64> {
        let shares: Vec<f64> = self.keys.values().filter_map(|k| share(k.right, k.n)).collect();
        (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
    }
}

pub fn same(name: &str, want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Number(w), Value::Number(g)) => {
            let slack = if name == "duration_s" { 1.0 } else { 1e-9 };
            (w.as_f64().unwrap_or_default() - g.as_f64().unwrap_or_default()).abs() <= slack
        }
        (Value::String(w), Value::String(g)) if IN_WORDS.contains(&name) => {
            // A time in the customer's own words (礼拜二八点半) is put into the short form first.
            let short: String = match name {
                "location" => String::new(),
                _ => find_all(w).into_iter().map(|t| t.text).collect(),
            };
            [w, &short].iter().filter(|gold| !gold.is_empty()).any(|gold| {
                let there = gold.chars().filter(|c| g.contains(*c)).count();
                there as f64 >= WORDS_SHARE * gold.chars().count() as f64
            })
        }
        _ => want == got,
    }
}

/// Lists agree when they share at least half; a part may go by a further name.
fn same_parts(want: &Value, got: &Value, further: Option<&Value>) -> bool {
    let names = |v: Option<&Value>| v.and_then(Value::as_array).into_iter().flatten().cloned().collect::<Vec<Value>>();
    let (gold, got) = (names(Some(want)), names(Some(got)));
    let known: Vec<Value> = gold.iter().cloned().chain(names(further)).collect();
    let hits = got.iter().filter(|p| known.contains(p)).count();
    hits > 0 && 4 * hits >= gold.len() + got.len()
}

pub fn hold_floor(m: &Measured, floor: &Floor) {
    let cells = share(m.cells_right, m.cells);
    let five = share(m.all_five, m.calls);
    assert!(cells >= Some(floor.cells), "cells: {cells:?}");
    assert!(five >= Some(floor.all_five), "all five: {five:?}");
    assert!(m.keys_right().is_none_or(|keys| keys >= floor.keys), "facts and conduct: {:?}", m.keys_right());
}

pub fn report(text: &mut String, parts: &[(&str, Measured)]) {
    let head =
        "| | calls | indicator cells right | all five right | facts and conduct, mean over keys |\n|-|-:|-:|-:|-:|";
    writeln!(text, "\n## Whole calls\n\n{head}").unwrap();
    for (part, m) in parts {
        let (cells, five) = (share(m.cells_right, m.cells), share(m.all_five, m.calls));
        let keys = percent(m.keys_right());
        writeln!(text, "| **{part}** | {} | {} | {} | {keys} |", m.calls, percent(cells), percent(five)).unwrap();
    }
    for (part, m) in parts.iter().filter(|(_, m)| !m.keys.is_empty()) {
        writeln!(
            text,
            "\n### Facts and conduct, {part}\n\n| key | calls | right | said or true in | F1 |\n|-|-:|-:|-:|-:|"
        )
        .unwrap();
        for (name, key) in &m.keys {
            let of_flag = f1(&key.flags).map_or("–".into(), |f| format!("{f:.2}"));
            let positive = key.flags.iter().filter(|f| f.0).count();
            let positive = if key.flags.is_empty() { "–".into() } else { positive.to_string() };
            writeln!(text, "| {name} | {} | {} | {positive} | {of_flag} |", key.n, percent(share(key.right, key.n)))
                .unwrap();
        }
    }
}
