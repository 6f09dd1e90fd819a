//! Single facts and single claims: is the answer read as it is meant, and does it agree with the order?

use super::calls::same;
use super::metrics::{percent, share};
use huifang::domain::facts::facts_of;
use huifang::domain::order::Claims;
use huifang::domain::score::{Answer, Rubric};
use huifang::domain::truth::{Tolerance, check};
use jiff::Zoned;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

pub const FACTS_TUNE: &str = include_str!("../../data/eval/facts3_tune.jsonl");
pub const FACTS_HELD_OUT: &str = include_str!("../../data/eval/facts3_held_out.jsonl");
pub const TRUTH_TUNE: &str = include_str!("../../data/eval/truth3_tune.jsonl");
pub const TRUTH_HELD_OUT: &str = include_str!("../../data/eval/truth3_held_out.jsonl");

/// Smallest share of facts and of verdicts that are right, in the order of the sets.
pub const FLOORS: [(f64, f64); 2] = [(0.98, 0.95), (0.80, 0.90)];

#[derive(Deserialize)]
struct Fact {
    field: String,
    question: String,
    answer: String,
    want: Value,
    #[serde(default)]
    acceptable: Vec<Value>,
}

#[derive(Deserialize)]
struct Claim {
    claims: Value,
    question: String,
    answer: String,
    want: Value,
    #[serde(default)]
    acceptable: Vec<Value>,
}

#[derive(Default)]
struct Field {
    n: usize,
    right: usize,
    /// Stated by the gold, found by the engine, and both the same.
    stated: usize,
    found: usize,
    hits: usize,
}

pub struct Measured {
    fields: BTreeMap<String, Field>,
    claims: usize,
    verdicts_right: usize,
}

impl Measured {
    fn facts(&self) -> (usize, usize) {
        self.fields.values().fold((0, 0), |(right, n), f| (right + f.right, n + f.n))
    }
}

pub fn measure(facts: &str, claims: &str) -> Measured {
    let mut m = Measured { fields: BTreeMap::new(), claims: 0, verdicts_right: 0 };
    for line in facts.lines() {
        let case: Fact = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let read =
            serde_json::to_value(facts_of(Rubric::builtin(), &[Answer::bare(None, &case.question, &case.answer)]))
                .expect("JSON");
        let got = &read[&case.field]["value"];
        let right = [&case.want]
            .into_iter()
            .chain(&case.acceptable)
            .any(|want| same(&case.field, &in_order(want), &in_order(got)));
        let field = m.fields.entry(case.field).or_default();
        field.n += 1;
        field.right += usize::from(right);
        field.stated += usize::from(!case.want.is_null());
        field.found += usize::from(!got.is_null());
        field.hits += usize::from(right && !got.is_null());
    }
    let called_at: Zoned = "2026-11-22T09:00:00+08:00[Asia/Shanghai]".parse().expect("a time");
    for line in claims.lines() {
        let case: Claim = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let claims: Claims = serde_json::from_value(case.claims).unwrap_or_else(|e| panic!("{line}: {e}"));
        let facts = facts_of(Rubric::builtin(), &[Answer::bare(None, &case.question, &case.answer)]);
        let compared = check(&claims, &facts, &called_at, &Tolerance::default()).comparisons;
        let got = serde_json::to_value(compared.first().map(|c| c.agreement)).expect("JSON");
        m.claims += 1;
        m.verdicts_right += usize::from(got == case.want || case.acceptable.contains(&got));
    }
    m
}

/// Parts may be named in any order.
fn in_order(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(list) = value.as_array_mut() {
        list.sort_by_key(Value::to_string);
    }
    value
}

pub fn hold_floor(m: &Measured, (facts, verdicts): (f64, f64)) {
    let (right, n) = m.facts();
    assert!(share(right, n) >= Some(facts), "facts: {right} of {n}");
    assert!(share(m.verdicts_right, m.claims) >= Some(verdicts), "claims: {} of {}", m.verdicts_right, m.claims);
}

pub fn report(text: &mut String, parts: &[(&str, Measured)]) {
    writeln!(text, "\n## Single facts, and claims of the order").unwrap();
    for (part, m) in parts {
        writeln!(text, "\n### {part}\n\n| field | answers | right | precision | recall |\n|-|-:|-:|-:|-:|").unwrap();
        for (name, f) in &m.fields {
            let (precision, recall) = (percent(share(f.hits, f.found)), percent(share(f.hits, f.stated)));
            writeln!(text, "| {name} | {} | {} | {precision} | {recall} |", f.n, percent(share(f.right, f.n))).unwrap();
        }
        let verdicts = percent(share(m.verdicts_right, m.claims));
        writeln!(text, "| **agree, differ, not said** | {} | {verdicts} | – | – |", m.claims).unwrap();
    }
}
