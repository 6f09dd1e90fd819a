//! How often the engine is right, over the labelled sets of `tests/data/eval`: answers and whole calls, each in two parts. The rules may
//! be tuned on the `tune` part; the `held_out` part is only ever measured.
//!
//! `make eval` writes the figures to docs/accuracy.md; the suite holds the floors.

mod answers;
mod calls;
mod metrics;

use std::fmt::Write;

/// Where `make eval` wants the report, and the day to print on it.
const REPORT: &str = "HUIFANG_ACCURACY_REPORT";
const DAY: &str = "HUIFANG_ACCURACY_DAY";

const HEAD: &str = "# Accuracy of scoring, facts and conduct

Made by `make eval`; the sets and how they were labelled: tests/data/eval/README.md. *Exact* counts the first label only, *accepted* also
the further labels of cases where people differ. Leaving an answer unscored is a class of its own: scoring what should stay unscored is an
error, and so is the opposite. The held-out parts were measured, never looked at, while the rules were tuned. The second voice was written
and labelled, before the engine saw a line of it, to be as unlike the first as could be: elliptical, regional, misheard, beside the
question; the lists of conduct were widened by somebody who knew some of its held-out calls, so their flag figures are optimistic. Still the
writers know the table, so words of strangers will fare somewhat worse.
";

/// Every part of every kind; the report where one is asked for.
#[test]
fn accuracy_of_all_labelled_sets_reaches_its_floor() {
    let answers = [
        ("tune", answers::measure(answers::TUNE)),
        ("held out", answers::measure(answers::HELD_OUT)),
        ("tune, second voice", answers::measure(answers::TUNE_2)),
        ("held out, second voice", answers::measure(answers::HELD_OUT_2)),
    ];
    let calls = [
        ("tune", calls::measure(calls::TUNE)),
        ("held out", calls::measure(calls::HELD_OUT)),
        ("tune, second voice", calls::measure(calls::TUNE_2)),
        ("held out, second voice", calls::measure(calls::HELD_OUT_2)),
    ];
    if let Ok(path) = std::env::var(REPORT) {
        let mut text = String::from(HEAD);
        let day = std::env::var(DAY).unwrap_or_default();
        writeln!(text, "\nMeasured on {day} with rubric `{}`.", huifang::domain::score::Rubric::builtin().id())
            .unwrap();
        answers::report(&mut text, &answers);
        calls::report(&mut text, &calls);
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{path}: {e}"));
    }
    for ((_, measured), floor) in answers.iter().zip(&answers::FLOORS) {
        answers::hold_floor(measured, floor);
    }
    for ((_, measured), floor) in calls.iter().zip(&calls::FLOORS) {
        calls::hold_floor(measured, floor);
    }
}
