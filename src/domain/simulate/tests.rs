use super::*;
use crate::domain::calendar::SiteHours;

const MINUTE: i64 = 60;

fn calendar() -> Calendar {
    let work_hours = ["08:00-12:00", "13:00-18:00"].map(String::from).into();
    Calendar::new(&SiteHours { timezone: "Asia/Shanghai".into(), work_hours, holidays: "cn".into() }).unwrap()
}

fn excavator() -> Programme {
    Programme::parse("excavator.toml", include_str!("../../../programmes/excavator.toml")).unwrap()
}

/// `n` completions from Monday 09:00 on, one every `every_s`.
fn completions(n: i64, every_s: i64) -> Vec<Completion> {
    let monday: Timestamp = "2026-11-23T09:00+08:00".parse().unwrap();
    (0..n)
        .map(|i| Completion {
            order_no: OrderNo::new(format!("SO-{i}")),
            at: monday + SignedDuration::from_secs(i * every_s),
        })
        .collect()
}

fn simulate(completions: &[Completion], seats: u32) -> Report {
    let (programme, calendar) = (excavator(), calendar());
    let assume = Assumptions::default();
    run(&Scene { programme: &programme, calendar: &calendar, completions, seats, reserve: 1, assume })
}

#[test]
fn every_completion_has_its_end_or_waits_for_a_person_and_every_late_one_has_a_cause() {
    let completions = completions(2_000, 20);
    for seats in [2, 6, 40] {
        let report = simulate(&completions, seats);
        assert_eq!(report.rows.len(), completions.len());
        for row in &report.rows {
            assert!(row.end != RowEnd::Open || row.attempts > 0, "left without a call: {row:?}");
            assert!(row.first_call_at.is_none_or(|at| at >= row.completed_at), "{row:?}");
            let late = row.first_call_at.is_none_or(|at| at > row.due_at);
            assert!(!late || row.late_cause.is_some(), "late without a cause: {row:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_days_and_another_one_others() {
    let completions = completions(300, 30);
    let (programme, calendar) = (excavator(), calendar());
    let of = |seed| {
        let assume = Assumptions { seed, ..Assumptions::default() };
        run(&Scene {
            programme: &programme,
            calendar: &calendar,
            completions: &completions,
            seats: 5,
            reserve: 1,
            assume,
        })
    };
    assert_eq!(of(7), of(7));
    assert_ne!(of(7).rows, of(8).rows);
}

#[test]
fn more_seats_are_on_time_more_often_and_the_least_that_are_enough_is_found() {
    let completions = completions(500, 20);
    let share = |seats| simulate(&completions, seats).share_on_time();
    assert!(share(2) < 0.5 && share(60) > 0.99, "{} {}", share(2), share(60));
    let (programme, calendar) = (excavator(), calendar());
    let scene = Scene {
        programme: &programme,
        calendar: &calendar,
        completions: &completions,
        seats: 1,
        reserve: 1,
        assume: Assumptions::default(),
    };
    let mut ladder = Ladder::default();
    let needed = ladder.seats_for(&scene, 0.9, 100).unwrap();
    assert!(share(needed) >= 0.9 && share(needed - 1) < 0.9, "{needed}");
    assert_eq!(ladder.seats_for(&scene, 0.9, 2), None);
}

#[test]
fn no_more_calls_are_up_than_there_are_seats_beside_the_reserve() {
    let report = simulate(&completions(800, 5), 4);
    let most = report.busy_s.values().max().copied().unwrap_or_default();
    assert!(most <= 3 * 3600 && most > 3 * 3600 * 9 / 10, "three of four seats, nearly always: {most}");
}

#[test]
fn b01_a_single_seat_that_is_kept_idle_calls_nobody_and_the_days_end_all_the_same() {
    let report = simulate(&completions(3, MINUTE), 1);
    assert_eq!(report.calls, 0);
    assert!(report.rows.iter().all(|row| row.end == RowEnd::Open));
}

#[test]
fn the_days_are_the_same_when_the_planner_is_shown_every_visit_that_waits() {
    // Over a lunch break and a night, with a queue that grows all day and without one.
    let completions = completions(300, 135);
    let (programme, calendar) = (excavator(), calendar());
    let shares = [(2, 1), (3, 2), (30, 3)].map(|(seats, seed)| {
        let assume = Assumptions { seed, ..Assumptions::default() };
        let scene =
            Scene { programme: &programme, calendar: &calendar, completions: &completions, seats, reserve: 1, assume };
        let report = run(&scene);
        assert_eq!(report, play(&scene, true), "{seats} seats");
        report.share_on_time()
    });
    assert!(shares[0] < 0.9 && shares[2] > 0.99, "{shares:?}");
}

#[test]
fn a_programme_that_holds_after_the_deadline_calls_nobody_who_is_past_it() {
    let mut programme = excavator();
    programme.after_deadline = AfterDeadline::EscalateAndHold;
    let (calendar, completions) = (calendar(), completions(300, 10));
    let assume = Assumptions::default();
    let scene =
        Scene { programme: &programme, calendar: &calendar, completions: &completions, seats: 2, reserve: 1, assume };
    let report = run(&scene);
    assert_eq!(report, play(&scene, true));
    let held = report.rows.iter().filter(|row| row.escalated && row.first_call_at.is_none());
    assert!(held.clone().count() > 50 && held.clone().all(|row| row.end == RowEnd::Open));
    assert!(report.rows.iter().all(|row| row.first_call_at.is_none_or(|at| at <= row.deadline_at)));
}
