//! Learns `src/domain/score/learned_zh.tsv` from the labelled sets of tests/data/eval: `make learn`.
//!
//! Multinomial logistic regressions with a quadratic penalty (L-BFGS): answers → no level or 1..5, questions → no indicator or one of the
//! five, and for every act of a turn apart: done or not. What is held out is never read. Where the turns of a call are not marked, its
//! questions teach if its five scores come out right, read by the rules alone first, then by what that has taught.

mod acts;
mod regression;
mod sets;

use acts::Turn;
use huifang::domain::score::{Act, CLASSES, Learned, Rubric};
use regression::{Example, Model, learn};
use sets::Sets;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const SETS: &str = "tests/data/eval";
const RUBRIC: &str = "rubrics/after-sales-zh.toml";
const TABLE: &str = "src/domain/score/learned_zh.tsv";

/// Weights below this say nothing, hundredths.
const LEAST: i16 = 3;
const LEAST_OF_ACT: i16 = 8;

const HEAD: &str = "\
# 学来的词: how strongly a group of characters speaks for each class, hundredths. Made by `make learn` from tests/data/eval; not edited by hand.
# a: answers (no level, 1, 2, 3, 4, 5); q: questions (no indicator, 服务技能, 服务态度, 服务及时性, 配件供应, 服务综合); d: what a turn does (act and
# weight, again and again). ^ and $ are the ends of a clause, <| and >| the first and the last clause of an answer, 服务技能| … the indicator that
# was asked, ~| what the table knows the words for, -| the other one's turn before.
";

fn main() -> anyhow::Result<()> {
    let sets = Sets::read(Path::new(SETS))?;
    let source = std::fs::read_to_string(RUBRIC)?;
    let rubric =
        |learned: Option<Learned>| -> anyhow::Result<Rubric> { Ok(Rubric::parse(&source)?.with_learned(learned)) };

    let unaided = rubric(None)?;
    let mut rules = rubric(None)?;
    let mut table = String::new();
    for round in 1..=2 {
        println!("round {round}");
        table = HEAD.to_string();
        for (reader, examples) in [('a', sets.answers(&rules)), ('q', sets.questions(&rules))] {
            let model = learn(&examples, CLASSES, penalty_of(reader))?;
            let (groups, right) = (model.weights.len(), 100.0 * right(&model, &examples));
            println!("  {reader}: {} examples, {groups} groups, {right:.1} % right", examples.len());
            write_model(&mut table, reader, &model);
        }
        rules = rubric(Some(Learned::parse(&table)?))?;
    }
    write_acts(&mut table, &sets.turns(&unaided))?;
    std::fs::write(TABLE, &table)?;
    println!("{TABLE}: {} lines, {} kB", table.lines().count(), table.len() / 1024);
    Ok(())
}

/// Chosen on strangers' answers and questions by what a later round of them showed.
fn penalty_of(reader: char) -> f64 {
    match reader {
        'a' => 2.5,
        'q' => 0.5,
        _ => 1.0,
    }
}

fn right(model: &Model, examples: &[Example]) -> f64 {
    examples.iter().filter(|e| model.likeliest(&e.groups) == e.class).count() as f64 / examples.len() as f64
}

fn hundredths(weight: f64) -> i16 {
    (weight * 100.0).round() as i16
}

fn write_model(table: &mut String, reader: char, model: &Model) {
    let mut line = |group: &str, weights: &[f64]| {
        let weights: Vec<i16> = weights.iter().map(|w| hundredths(*w)).collect();
        if group.is_empty() || weights.iter().any(|w| w.abs() >= LEAST) {
            let numbers = weights.iter().map(i16::to_string).collect::<Vec<_>>().join("\t");
            writeln!(table, "{reader}\t{group}\t{numbers}").expect("a string takes every line");
        }
    };
    line("", &model.base);
    model.weights.iter().for_each(|(group, weights)| line(group, weights));
}

/// An act apart from all others: is it done, or not?
fn write_acts(table: &mut String, turns: &[Turn]) -> anyhow::Result<()> {
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for act in Act::ALL {
        let examples: Vec<Example> = turns.iter().filter_map(|turn| turn.example(act)).collect();
        let model = learn(&examples, 2, penalty_of('d'))?;
        let done = examples.iter().filter(|e| e.class == 1).count();
        let right = 100.0 * right(&model, &examples);
        println!("  d {}: {done} of {} turns, {right:.1} % right", act.name(), examples.len());
        let weights = model.weights.iter().map(|(group, w)| (group.as_str(), w));
        for (group, weights) in weights.chain([("", &model.base)]) {
            let weight = hundredths(weights[1] - weights[0]);
            if group.is_empty() || weight.abs() >= LEAST_OF_ACT {
                write!(lines.entry(group.to_string()).or_default(), "\t{}\t{weight}", act.name())?;
            }
        }
    }
    lines.iter().try_for_each(|(group, weights)| writeln!(table, "d\t{group}{weights}"))?;
    Ok(())
}
