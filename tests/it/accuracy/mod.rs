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
conventions' own sample. Half of each stays held out. The sixth voice is of strangers too, in the manner of the conventions' sample but with a trap or two in every call: seven rounds of it (452 calls,
880 answers) were written one after the other by twenty-two authors who saw neither rules nor sets nor each other. Each round was measured before anybody
looked at it, then opened and learned from; the last round's calls and half of the sixth's answers were never looked at, only measured.

What a stranger's words cost is told by the first contact. With rubric @4: fourth voice, answers 76.4 % exact, 83.2 % accepted, 11.3 % falsely scored,
kappa 0.821 in its tune half, 70.5 %, 77.3 %, 10.1 %, 0.760 in its held-out half; fifth voice, both halves, 90.0 %, 92.9 %, 2.9 %, 0.932, its calls 92.5 %
of the cells and 70.8 % all five right. Rubric @5 grew over the rounds of the sixth voice, each measured at first contact beside @4:

| round | calls | @4: cells | all five | as it had grown by then: cells | all five | answers | @4: exact | falsely scored | kappa | by then: exact | falsely scored | kappa |
|-|-:|-:|-:|-:|-:|-:|-:|-:|-:|-:|-:|-:|
| first | 96 | 85.8 % | 47.9 % | – | – | 200 | 84.5 % | 22 % | 0.902 | – | – | – |
| second | 96 | 89.6 % | 57.3 % | 92.5 % | 66.7 % | 240 | 82.1 % | 18 % | 0.915 | 83.8 % | 18 % | 0.952 |
| third | 78 | 87.4 % | 53.8 % | 91.0 % | 65.4 % | – | – | – | – | – | – | – |
| fourth | 78 | 86.0 % | 50.0 % | 90.5 % | 62.8 % | – | – | – | – | – | – | – |
| fifth | 52 | 83.5 % | 32.7 % | 89.2 % | 51.9 % | 200 | 84.5 % | 8 % | 0.854 | 89.0 % | 6 % | 0.869 |
| sixth | – | – | – | – | – | 240 | 85.0 % | 13 % | 0.958 | 89.6 % | 11 % | 0.975 |
| last, held out | 52 | 87.7 % | 53.8 % | 93.1 % | 73.1 % | 120 of the sixth | – | – | – | 90.8 % | 3.6 % | 0.958 |

So about four in ten of the mistakes that @4 makes in a stranger's call are gone, and the held-out halves of the earlier voices, which were not looked at,
gained as well (fifth voice: calls 90.0 to 95.0 % and 58.3 to 75.0 %, answers 92.5 to 96.7 %; fourth: answers 70.5 to 73.2 %). What helped is how a talk is
read: which clause of a question asks, a customer's own verdict against what he tells, who is quoted, what a threat hangs on, replies without their particles,
regional words, a scale told once, remarks that count only where they name what they are about. Words alone did not: a rubric made of a third more words on
the fourth voice was thrown away before. Two people in one answer, irony without a bitter fact, dialect words that no table has, and faults of the machine told
in praise of the service still fail. About four in ten answers have further labels that are right too, which *exact* does not count. In the third voice only
the complaint is labelled beside the scores.

Nine held-out calls whose conduct was judged wrongly were looked at, and eight of them moved to the tune part. Conduct has sets of its own,
whole calls and single exchanges, and so have facts and claims. They were written in four rounds, each labelled
before the engine saw it; the third is held out, the others are the tune part now.
At first contact the rules of the first round (phrase lists, `conduct@2`) had these F1 on its exchanges: led 0.31, argued 0.10, pressed 0.33,
strayed 0.46, promised 0.47, rude 0.50, call back 0.14; the word slots that replaced them, made on that round, had on the second round, before
they were widened: led 0.82, argued 0.18, pressed 0.67, strayed 0.46, promised 0.46, rude 0.29, call back 0.50, and hardly a false alarm.
At its first contact the third round gave: led 0.67, argued 0.29, pressed 0.00, strayed 0.80, promised 0.67, rude 0.40, call back 0.67; after
that one rule was turned round (what an agent says to a refusal presses unless it takes it) and two ways of blaming were added. With the word
families of `conduct@4` it reached F1 0.72 over all flags (0.64 before), with `conduct@5`, made on the first three rounds of the sixth voice, 0.76. In the calls
of the last round, which nobody looked at, the flags' mean F1 is 0.936; 35 of 44 reach 0.85, and arguing, straying, pressing, probing, a deadline, a left-over
problem and a technical question (0.50 to 0.80, each true in three to nineteen calls) do not. What these rules find is mostly there, and some that is there in
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
        ("tune, strangers in six rounds", answers::measure(answers::TUNE_6)),
        ("held out, strangers of the last round", answers::measure(answers::HELD_OUT_6)),
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
        ("tune, strangers in six rounds", calls::measure(calls::TUNE_6)),
        ("held out, strangers of the last round", calls::measure(calls::HELD_OUT_6)),
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
