//! How often the engine is right, over the labelled sets of `tests/data/eval`: answers and whole calls, each in two parts. The rules may
//! be tuned on the `tune` part; the newest `held_out` part is only ever measured.
//!
//! `make eval` writes the figures to docs/accuracy.md; the suite holds the floors.

mod answers;
mod calls;
mod conduct;
mod facts;
mod metrics;

use std::fmt::Write;

/// Where `make eval` wants the report, and the day to print on it.
const REPORT: &str = "HUIFANG_ACCURACY_REPORT";
const DAY: &str = "HUIFANG_ACCURACY_DAY";

const HEAD: &str = "# Accuracy of scoring, facts and conduct

Made by `make eval`; the sets and how they were labelled: tests/data/eval/README.md. *Exact* counts the first label only, *accepted* also
the further labels of cases where people differ. Leaving an answer unscored is a class of its own: scoring what should stay unscored is an
error, and so is the opposite. The held-out parts of the first two voices were only measured while the rules grew up to rubric @3, and were
opened for @4: they count as tune now. The third voice was written and labelled before the engine saw it, by the hand that made the rules;
half of it stays held out. The fourth and the fifth are of strangers: six authors who knew the labelling conventions and neither rules nor sets.
The fourth was written to be hard (a linguist's pragmatics, half a dozen dialects, tales of many clauses), the fifth in the manner of the
conventions' own sample. Half of each stays held out.

What a stranger's words cost is told by the first contact. Fourth voice: answers 76.4 % exact, 83.2 % accepted, 11.3 % falsely scored, kappa 0.821
in its tune half, 70.5 %, 77.3 %, 10.1 %, 0.760 in its held-out half. Fifth voice, both halves: 90.0 %, 92.9 %, 2.9 %, 0.932; whole calls 92.5 % of
the cells and 70.8 % all five right. Facts and conduct of the fifth voice's calls, mean F1 of the flags: 0.917 with `conduct@3`, 0.955 with
`conduct@4`, which was made on the fourth voice's tune half; the held-out half of the fourth went from 0.913 to 0.935.

A rubric @5 was made on the fourth voice's tune half (92 % exact there, a third more words, sentences of threat and comparison, short answers by
their core) and thrown away: it read the held-out half no better (70.5 %, 11.6 % falsely scored) and the fifth voice a little worse (89.2 %, 4.3 %, calls
90.8 % and 66.7 %). What is learned from some strangers' words hardly helps with the next ones'. Three small rules made on the fifth voice's
tune half stayed: what he told others is his own word, 哪能不 denies, praise keeps a told fault at 3 of the whole. Tales of many clauses, two
indicators in one answer, two people and understatement still fail. About four in ten answers have further labels that are right too, which
*exact* does not count. In the third voice only the complaint is labelled beside the scores.

Nine held-out calls whose conduct was judged wrongly were looked at, and eight of them moved to the tune part. Conduct has sets of its own,
whole calls and single exchanges, and so have facts and claims. They were written in four rounds, each labelled
before the engine saw it; the third is held out, the others are the tune part now.
At first contact the rules of the first round (phrase lists, `conduct@2`) had these F1 on its exchanges: led 0.31, argued 0.10, pressed 0.33,
strayed 0.46, promised 0.47, rude 0.50, call back 0.14; the word slots that replaced them, made on that round, had on the second round, before
they were widened: led 0.82, argued 0.18, pressed 0.67, strayed 0.46, promised 0.46, rude 0.29, call back 0.50, and hardly a false alarm.
At its first contact the third round gave: led 0.67, argued 0.29, pressed 0.00, strayed 0.80, promised 0.67, rude 0.40, call back 0.67; after
that one rule was turned round (what an agent says to a refusal presses unless it takes it) and two ways of blaming were added. With the word
families of `conduct@4` it reached F1 0.72 over all flags (0.64 before). What these rules find is mostly there, and much that is there in
other words they miss.
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
        ("tune, fourth voice", answers::measure(answers::TUNE_4)),
        ("held out, fourth voice", answers::measure(answers::HELD_OUT_4)),
        ("tune, fifth voice", answers::measure(answers::TUNE_5)),
        ("held out, fifth voice", answers::measure(answers::HELD_OUT_5)),
    ];
    let calls = [
        ("tune", calls::measure(calls::TUNE)),
        ("first held out, opened", calls::measure(calls::HELD_OUT)),
        ("tune, second voice", calls::measure(calls::TUNE_2)),
        ("second held out, opened", calls::measure(calls::HELD_OUT_2)),
        ("tune, third voice", calls::measure(calls::TUNE_3)),
        ("held out, third voice", calls::measure(calls::HELD_OUT_3)),
        ("tune, fourth voice", calls::measure(calls::TUNE_4)),
        ("held out, fourth voice", calls::measure(calls::HELD_OUT_4)),
        ("tune, fifth voice", calls::measure(calls::TUNE_5)),
        ("held out, fifth voice", calls::measure(calls::HELD_OUT_5)),
        ("tune, calls of conduct", calls::measure(calls::CONDUCT)),
    ];
    let exchanges = [("tune", conduct::measure(conduct::TUNE)), ("held out", conduct::measure(conduct::HELD_OUT))];
    let facts = [
        ("tune", facts::measure(facts::FACTS_TUNE, facts::TRUTH_TUNE)),
        ("held out", facts::measure(facts::FACTS_HELD_OUT, facts::TRUTH_HELD_OUT)),
    ];
    if let Ok(path) = std::env::var(REPORT) {
        let mut text = String::from(HEAD);
        let day = std::env::var(DAY).unwrap_or_default();
        writeln!(text, "\nMeasured on {day} with rubric `{}`.", huifang::domain::score::Rubric::builtin().id())
            .unwrap();
        answers::report(&mut text, &answers);
        calls::report(&mut text, &calls);
        conduct::report(&mut text, &exchanges);
        facts::report(&mut text, &facts);
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{path}: {e}"));
    }
    for ((_, measured), floor) in answers.iter().zip(&answers::FLOORS) {
        answers::hold_floor(measured, floor);
    }
    for ((_, measured), floor) in calls.iter().zip(&calls::FLOORS) {
        calls::hold_floor(measured, floor);
    }
    for ((_, measured), floor) in exchanges.iter().zip(conduct::FLOORS) {
        conduct::hold_floor(measured, floor);
    }
    for ((_, measured), floor) in facts.iter().zip(facts::FLOORS) {
        facts::hold_floor(measured, floor);
    }
}
