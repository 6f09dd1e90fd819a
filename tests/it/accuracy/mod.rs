//! How often the engine is right, over the labelled sets of `tests/data/eval`: answers and whole calls, each in two parts. The rules may
//! be tuned on the `tune` part; the newest `held_out` part is only ever measured.
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
error, and so is the opposite. The held-out parts of the first two voices were only measured while the rules grew up to rubric @3, and were
opened for @4: they count as tune now. The third voice was written and labelled before the engine saw a line of it, to be unlike both: customers
of excavators and forklifts, elliptical, regional, misheard, beside the question, comparing makers; half of it stays held out.

The honest estimate for words of strangers is the third voice at first contact, with rubric @3: answers 73.4 % exact, 81.5 % accepted, 6.8 %
falsely scored, kappa 0.817 in its tune half and 74.9 %, 83.4 %, 10.0 %, 0.873 in its held-out half; whole calls 90.0 % of the cells and 50.0 %
all five right in its tune half, 81.1 % and 38.9 % in its held-out half. The held-out half was measured three times while the rules of @4 were
made and its errors never listed, but the hand that made the rules had written its words: the figures below are a little kinder than a
stranger's calls would be. About four in ten of its answers have further labels that are right too, which *exact* does not count. In the third
voice only the complaint is labelled beside the scores.
";

/// Every part of every kind; the report where one is asked for.
#[test]
fn accuracy_of_all_labelled_sets_reaches_its_floor() {
    let answers = [
        ("tune", answers::measure(answers::TUNE)),
        ("first held out, opened", answers::measure(answers::HELD_OUT)),
        ("tune, second voice", answers::measure(answers::TUNE_2)),
        ("second held out, opened", answers::measure(answers::HELD_OUT_2)),
        ("tune, third voice", answers::measure(answers::TUNE_3)),
        ("held out, third voice", answers::measure(answers::HELD_OUT_3)),
    ];
    let calls = [
        ("tune", calls::measure(calls::TUNE)),
        ("first held out, opened", calls::measure(calls::HELD_OUT)),
        ("tune, second voice", calls::measure(calls::TUNE_2)),
        ("second held out, opened", calls::measure(calls::HELD_OUT_2)),
        ("tune, third voice", calls::measure(calls::TUNE_3)),
        ("held out, third voice", calls::measure(calls::HELD_OUT_3)),
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
