//! Three agents and a handful of calls, every figure computed by hand.

use super::*;
use crate::domain::review::form::{Form, HumanMark, MachineMark};
use crate::domain::score::Level;
use jiff::Timestamp;
use std::collections::BTreeSet;

fn call(seat: &str) -> Work {
    Work {
        call: CallId::new("c"),
        seat: SeatId::new(seat),
        answered: true,
        completed: true,
        on_time: None,
        talk_s: None,
        voices: None,
        judged: None,
        findings: None,
        sheet: None,
        disputes: vec![],
    }
}

fn found(rule: &str, severity: Severity, n: u32) -> Found {
    Found { rule: rule.into(), severity, n }
}

/// `li` has three calls, one of them unanswered; `wang` two; `zhao` one.
fn works() -> Vec<Work> {
    let talk = |agent_s, cut_ins| Some(Talk { agent_s, customer_s: 10.0, cut_ins, talk_over_s: 0.0 });
    let levels = [Some(5), Some(4), None, Some(3), Some(2)].map(|level| level.and_then(Level::new));
    let judged = |levels| Some(Judged { levels, words: Default::default(), alarms: vec![], corrected: false });
    let five = [Level::new(5); 5];
    vec![
        Work { talk_s: Some(60.0), voices: talk(30.0, 2), on_time: Some(true), judged: judged(levels), ..call("li") },
        Work { answered: false, completed: false, on_time: Some(false), ..call("li") },
        Work {
            talk_s: Some(120.0),
            voices: talk(10.0, 1),
            completed: false,
            judged: judged(five),
            findings: Some(vec![found("C18", Severity::Amber, 1), found("C05", Severity::Pass, 1)]),
            disputes: vec![Stage::Upheld, Stage::Open],
            ..call("li")
        },
        Work { talk_s: Some(30.0), findings: Some(vec![]), disputes: vec![Stage::Dismissed], ..call("wang") },
        Work { findings: Some(vec![found("C18", Severity::Amber, 1), found("D04", Severity::Red, 2)]), ..call("wang") },
        Work { talk_s: Some(200.0), findings: Some(vec![]), ..call("zhao") },
    ]
}

fn figure(card: &AgentCard, measure: Measure) -> Figure {
    card.figures.iter().find(|(named, _)| *named == measure).unwrap().1
}

#[test]
fn a_figure_is_the_mean_of_the_calls_that_have_it_beside_the_median_of_the_agents() {
    let works = works();
    let card = Team::of(&works).card(&SeatId::new("li"));
    assert_eq!((card.calls, card.answered), (3, 2));
    let check = |measure, value: Option<f64>, n, median: Option<f64>, agents| {
        let shown = |value: Option<f64>| value.map(|v| format!("{v:.4}"));
        let figure = figure(&card, measure);
        let told = (shown(figure.value), figure.n, shown(figure.median), figure.agents);
        assert_eq!(told, (shown(value), n, shown(median), agents), "{measure:?}");
    };
    check(Measure::Answered, Some(2.0 / 3.0), 3, Some(1.0), 3);
    check(Measure::Completed, Some(0.5), 2, Some(1.0), 3);
    check(Measure::OnTime, Some(0.5), 2, Some(0.5), 1);
    check(Measure::TalkS, Some(90.0), 2, Some(90.0), 3);
    check(Measure::TalkShare, Some(0.625), 2, Some(0.625), 1);
    check(Measure::CutIns, Some(1.5), 2, Some(1.5), 1);
    check(Measure::Skill, Some(5.0), 2, Some(5.0), 1);
    check(Measure::Timeliness, Some(5.0), 1, Some(5.0), 1);
    check(Measure::Index, Some(5.0), 1, Some(5.0), 1);
    check(Measure::Amber, Some(100.0), 1, Some(50.0), 3);
    check(Measure::Red, Some(0.0), 1, Some(0.0), 3);
    check(Measure::Sheet, None, 0, None, 0);
    assert_eq!(card.disputes, Disputes { pending: 1, upheld: 1, ..Disputes::default() });
}

#[test]
fn the_median_of_two_is_between_them_and_one_agent_does_not_move_it() {
    for (values, expected) in [
        (&[][..], None),
        (&[3.0][..], Some(3.0)),
        (&[9.0, 1.0][..], Some(5.0)),
        (&[2.0, 900.0, 1.0][..], Some(2.0)),
        (&[4.0, 1.0, 3.0, 2.0][..], Some(2.5)),
    ] {
        assert_eq!(median(values.to_vec()), expected, "{values:?}");
    }
}

#[test]
fn findings_are_told_by_rule_the_gravest_first_and_what_was_kept_is_none() {
    let works = works();
    let team = Team::of(&works);
    let told = |agent: &str| -> Vec<String> {
        let line = |f: &RuleFigure| {
            let Figure { value, n, median, .. } = f.per_100;
            format!("{} {:?} {} {:?} of {n}, team {:?}", f.rule, f.severity, f.found, value.unwrap(), median.unwrap())
        };
        team.card(&SeatId::new(agent)).findings.iter().map(line).collect()
    };
    assert_eq!(told("wang"), ["D04 Red 2 100.0 of 2, team 0.0", "C18 Amber 1 50.0 of 2, team 50.0"]);
    assert_eq!(told("li"), ["C18 Amber 1 100.0 of 1, team 50.0"]);
    assert_eq!(told("zhao"), [""; 0]);
}

#[test]
fn a_small_sample_is_told_as_such_and_an_agent_without_calls_has_empty_figures() {
    let works: Vec<Work> = (0..SAMPLE_MIN).map(|_| call("li")).collect();
    let team = Team::of(&works);
    let card = team.card(&SeatId::new("li"));
    assert!(!figure(&card, Measure::Answered).is_small(), "{SAMPLE_MIN} calls");
    assert!(Figure { n: SAMPLE_MIN - 1, ..figure(&card, Measure::Answered) }.is_small());
    let nobody = team.card(&SeatId::new("nobody"));
    assert_eq!((nobody.calls, nobody.findings.len(), nobody.fatal.len()), (0, 0, 0));
    for (measure, figure) in &nobody.figures {
        assert_eq!((figure.value, figure.n), (None, 0), "{measure:?}");
    }
    assert_eq!(figure(&nobody, Measure::Answered).median, Some(1.0), "the team is there");
    assert_eq!(team.cards().len(), 1);
}

#[test]
fn a_sheet_keeps_the_machines_total_beside_the_one_in_force() {
    let form = Form::builtin().unwrap();
    let fatal = form.items().find(|item| item.fatal).unwrap().clone();
    let met = |key: &str| Entry {
        key: key.to_owned(),
        machine: Some(MachineMark { mark: Mark::Met, rule: None, seen: None, from_s: None }),
        human: None,
    };
    let sheet = Sheet { entries: form.items().map(|item| met(&item.key)).collect(), form };
    let before = SheetFigures::of(&sheet);
    let untouched = SheetFigures { machine: Some(100.0), in_force: Some(100.0), fatal: vec![], corrected: false };
    assert_eq!(before, untouched);
    let mark = HumanMark { mark: Mark::NotMet, reason: "x".into(), by: "y".into(), at: Timestamp::UNIX_EPOCH };
    let after = SheetFigures::of(&sheet.corrected(&fatal.key, mark).unwrap());
    let corrected = SheetFigures { in_force: Some(0.0), fatal: vec![fatal.title], corrected: true, ..untouched };
    assert_eq!(after, corrected);

    let works = [Work { sheet: Some(before), ..call("li") }, Work { sheet: Some(after), ..call("li") }];
    let card = Team::of(&works).card(&SeatId::new("li"));
    assert_eq!(figure(&card, Measure::Sheet).value, Some(50.0));
    assert_eq!(figure(&card, Measure::MachineSheet).value, Some(100.0));
    assert_eq!(figure(&card, Measure::Fatal).value, Some(0.5));
    assert_eq!((card.fatal.len(), card.fatal[0].1), (1, 1));
}

#[test]
fn every_measure_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = Measure::ALL.into_iter().map(|measure| measure.described().0).collect();
    assert_eq!(names.len(), Measure::ALL.len());
}
