//! Learns `src/domain/score/learned_zh.tsv` from the labelled sets of tests/data/eval: `make learn`.
//!
//! Three multinomial logistic regressions with a quadratic penalty (L-BFGS): answers → no level or 1..5, questions → no indicator or one
//! of the five, an agent's turns → nothing wrong or one of five breaches. What is held out is never read. The subject of a question in a
//! call is labelled nowhere; the questions of a call whose five scores come out right teach, read by the rules alone first, then by what
//! that has taught.

mod conduct;
mod regression;
mod sets;

use huifang::domain::score::{CLASSES, Learned, Rubric};
use regression::{Example, Model, learn};
use sets::Sets;
use std::fmt::Write;
use std::path::Path;

const SETS: &str = "tests/data/eval";
const RUBRIC: &str = "rubrics/after-sales-zh.toml";
const TABLE: &str = "src/domain/score/learned_zh.tsv";

/// Weights below this say nothing, hundredths.
const LEAST: i16 = 3;

const HEAD: &str = "\
# 学来的词: how strongly a group of characters speaks for each class, hundredths. Made by `make learn` from tests/data/eval; not edited by hand.
# a: answers (no level, 1, 2, 3, 4, 5); q: questions (no indicator, 服务技能, 服务态度, 服务及时性, 配件供应, 服务综合); c: an agent's turns (nothing wrong,
# argued, led, pressed, strayed, promised). ^ and $ are the ends of a clause, <| and >| the first and the last clause of an answer, 服务技能| … the
# indicator that was asked, -| the customer's turn before.
";

fn main() -> anyhow::Result<()> {
    let sets = Sets::read(Path::new(SETS))?;
    let source = std::fs::read_to_string(RUBRIC)?;
    let rubric =
        |learned: Option<Learned>| -> anyhow::Result<Rubric> { Ok(Rubric::parse(&source)?.with_learned(learned)) };

    let unaided = rubric(None)?;
    let mut rules = rubric(None)?;
    let (mut table, mut accuser) = (String::new(), None);
    for round in 1..=2 {
        println!("round {round}");
        let conduct = sets.conduct(&unaided, accuser.as_ref());
        let of = [('a', sets.answers(&rules)), ('q', sets.questions(&rules)), ('c', conduct)];
        table = HEAD.to_string();
        for (reader, examples) in of {
            let model = learn(&examples, penalty_of(reader))?;
            let (groups, right) = (model.weights.len(), 100.0 * right(&model, &examples));
            println!("  {reader}: {} examples, {groups} groups, {right:.1} % right", examples.len());
            write_model(&mut table, reader, &model);
            accuser = (reader == 'c').then_some(model);
        }
        rules = rubric(Some(Learned::parse(&table)?))?;
    }
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

fn write_model(table: &mut String, reader: char, model: &Model) {
    let hundredths = |weights: &[f64; CLASSES]| weights.map(|w| (w * 100.0).round() as i16);
    let mut line = |group: &str, weights: [i16; CLASSES]| {
        let numbers = weights.map(|w| w.to_string()).join("\t");
        writeln!(table, "{reader}\t{group}\t{numbers}").expect("a string takes every line");
    };
    line("", hundredths(&model.base));
    for (group, weights) in &model.weights {
        let weights = hundredths(weights);
        if weights.iter().any(|w| w.abs() >= LEAST) {
            line(group, weights);
        }
    }
}
