//! Learns `src/domain/score/learned_zh.tsv` from the labelled sets of tests/data/eval: `make learn`.
//!
//! Multinomial logistic regressions with a quadratic penalty (L-BFGS): answers → no level or 1..5; for every indicator apart whether a
//! question asks for it, and for every act of a turn whether it is done. What is held out is never read. Where the turns of a call are not marked,
//! its questions teach what the rules hear in them if they come to the right five scores.

mod acts;
mod regression;
mod sets;

use acts::Turn;
use huifang::domain::score::{Act, CLASSES, Indicator, Learned, Rubric};
use regression::{Example, Model, learn};
use sets::{Question, Sets};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const SETS: &str = "tests/data/eval";
const RUBRIC: &str = "rubrics/after-sales-zh.toml";
const TABLE: &str = "src/domain/score/learned_zh.tsv";

/// Weights below this say nothing, hundredths.
const LEAST: i16 = 3;
const LEAST_OF_ONE: i16 = 8;

const HEAD: &str = "\
# 学来的词: how strongly a group of characters speaks for each class, hundredths. Made by `make learn` from tests/data/eval; not edited by hand.
# a: answers (no level, 1, 2, 3, 4, 5); q: questions (服务技能, 服务态度, 服务及时性, 配件供应, 服务综合, each apart); d: what a turn does (act and
# weight, again and again). ^ and $ are the ends of a clause, <| and >| the first and the last clause, 服务技能| … the indicator that was asked,
# ~| what the table knows the words for, =| what the rules see in a question, -| the other one's turn before.
";

fn main() -> anyhow::Result<()> {
    let sets = Sets::read(Path::new(SETS))?;
    let source = std::fs::read_to_string(RUBRIC)?;
    let rubric =
        |learned: Option<Learned>| -> anyhow::Result<Rubric> { Ok(Rubric::parse(&source)?.with_learned(learned)) };

    let rules = rubric(None)?;
    let mut table = HEAD.to_string();
    write_questions(&mut table, &sets.questions(&rules))?;
    write_acts(&mut table, &sets.turns(&rules))?;
    // What an answer belongs to in a call is known by its question, and by what leaves that open.
    let examples = sets.answers(&rubric(Some(Learned::parse(&table)?))?);
    let model = learn(&examples, CLASSES, penalty_of('a'))?;
    let (groups, right) = (model.weights.len(), 100.0 * right(&model, &examples));
    println!("  a: {} examples, {groups} groups, {right:.1} % right", examples.len());
    write_model(&mut table, &model);
    std::fs::write(TABLE, &table)?;
    println!("{TABLE}: {} lines, {} kB", table.lines().count(), table.len() / 1024);
    Ok(())
}

/// Chosen on strangers' answers and questions by what a later round of them showed.
fn penalty_of(reader: char) -> f64 {
    match reader {
        'a' => 2.5,
        'q' => 2.0,
        _ => 1.0,
    }
}

fn right(model: &Model, examples: &[Example]) -> f64 {
    examples.iter().filter(|e| model.likeliest(&e.groups) == e.class).count() as f64 / examples.len() as f64
}

fn hundredths(weight: f64) -> i16 {
    (weight * 100.0).round() as i16
}

fn write_model(table: &mut String, model: &Model) {
    let mut line = |group: &str, weights: &[f64]| {
        let weights: Vec<i16> = weights.iter().map(|w| hundredths(*w)).collect();
        if group.is_empty() || weights.iter().any(|w| w.abs() >= LEAST) {
            writeln!(table, "a\t{group}\t{}", tabbed(&weights)).expect("a string takes every line");
        }
    };
    line("", &model.base);
    model.weights.iter().for_each(|(group, weights)| line(group, weights));
}

fn tabbed(weights: &[i16]) -> String {
    weights.iter().map(i16::to_string).collect::<Vec<_>>().join("\t")
}

/// What is learned of one thing apart: how much more a group speaks for it than against it, hundredths; the base has no name.
fn learn_one(reader: char, name: &str, examples: &[Example]) -> anyhow::Result<Vec<(String, i16)>> {
    let model = learn(examples, 2, penalty_of(reader))?;
    let done = examples.iter().filter(|e| e.class == 1).count();
    println!("  {reader} {name}: {done} of {}, {:.1} % right", examples.len(), 100.0 * right(&model, examples));
    let all = [(String::new(), model.base)].into_iter().chain(model.weights);
    let weights = all.map(|(group, weights)| (group, hundredths(weights[1] - weights[0])));
    Ok(weights.filter(|(group, weight)| group.is_empty() || weight.abs() >= LEAST_OF_ONE).collect())
}

/// Each indicator apart, since a question may ask for several.
fn write_questions(table: &mut String, questions: &[Question]) -> anyhow::Result<()> {
    let mut lines: BTreeMap<String, [i16; Indicator::ALL.len()]> = BTreeMap::new();
    for (place, indicator) in Indicator::ALL.into_iter().enumerate() {
        let examples: Vec<Example> = questions.iter().map(|q| q.example(indicator)).collect();
        for (group, weight) in learn_one('q', indicator.name(), &examples)? {
            lines.entry(group).or_default()[place] = weight;
        }
    }
    lines.iter().try_for_each(|(group, weights)| writeln!(table, "q\t{group}\t{}", tabbed(weights)))?;
    Ok(())
}

/// Each act apart: is it done, or not?
fn write_acts(table: &mut String, turns: &[Turn]) -> anyhow::Result<()> {
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for act in Act::ALL {
        let examples: Vec<Example> = turns.iter().filter_map(|turn| turn.example(act)).collect();
        for (group, weight) in learn_one('d', act.name(), &examples)? {
            write!(lines.entry(group).or_default(), "\t{}\t{weight}", act.name())?;
        }
    }
    lines.iter().try_for_each(|(group, weights)| writeln!(table, "d\t{group}{weights}"))?;
    Ok(())
}
