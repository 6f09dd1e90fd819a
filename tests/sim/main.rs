//! Seeded days on a virtual clock: the planner and the transitions of a visit against a world that checks every step (world.rs).
//!
//! A failure prints its seed; `HUIFANG_SIM_SEED=17 cargo test --test sim` replays that one.

mod dice;
mod world;

use world::{Outages, Setup, World};

fn seeds() -> Vec<u64> {
    match std::env::var("HUIFANG_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (1..=5).collect(),
    }
}

/// Runs `setup` with every seed to its end and hands each world to `check`.
fn run(setup: &Setup, check: impl Fn(&World)) {
    for seed in seeds() {
        let named = Named(seed);
        let mut world = World::new(setup, seed);
        world.run();
        check(&world);
        drop(named);
    }
}

/// Says which seed it was when a check fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay with HUIFANG_SIM_SEED={}", self.0);
        }
    }
}

/// A quiet week: nothing fails but customers.
const PLAIN: Setup = Setup {
    first_day: "2026-11-23",
    days: 5,
    sms_per_day: 60,
    channels: 6,
    lines: 30,
    outages: Outages::None,
    people_meddle: false,
    round_the_clock: false,
};

#[test]
fn a01_with_channels_to_spare_every_visit_is_first_called_in_thirty_working_minutes() {
    run(&Setup { channels: 40, lines: 40, ..PLAIN }, |world| {
        assert!(world.visits.len() >= 100, "the days are too quiet: {}", world.visits.len());
        for visit in &world.visits {
            assert!(visit.first_attempt_at.is_some_and(|at| at <= visit.due_at), "called late: {visit:?}");
        }
    });
}

#[test]
fn a_plain_week_leaves_no_visit_without_an_end_and_wakes_the_planner_only_for_a_reason() {
    run(&PLAIN, |world| {
        world.assert_settled();
        // An SMS, a call's end, and per visit a due time, a deadline and a few spacings.
        let budget = 10 * world.visits.len() + 5 * world.calls.len();
        assert!(world.steps < budget, "{} steps for {} visits", world.steps, world.visits.len());
    });
}

#[test]
fn too_few_channels_make_visits_late_but_lose_none_and_every_late_case_has_its_cause() {
    run(&Setup { channels: 1, sms_per_day: 110, ..PLAIN }, |world| {
        let late = world.visits.iter().filter(|v| v.late_cause.is_some()).count();
        assert!(late > 20, "one channel must be too few: {late} late");
        world.assert_settled();
    });
}

#[test]
fn outages_crashes_and_people_at_all_hours_lose_nothing_and_dial_nobody_twice() {
    let setup = Setup {
        days: 4,
        outages: Outages::Many,
        people_meddle: true,
        round_the_clock: true,
        channels: 4,
        lines: 3,
        ..PLAIN
    };
    run(&setup, |world| {
        assert!(world.crashes > 0, "the world was too kind");
        world.assert_settled();
    });
}

#[test]
fn a03_a_week_with_a_holiday_and_a_makeup_sunday_calls_only_on_working_days() {
    // 20 September 2026 is a Sunday that is worked; 25 to 27 September is 中秋节.
    run(&Setup { first_day: "2026-09-18", days: 9, round_the_clock: true, sms_per_day: 30, ..PLAIN }, |world| {
        world.assert_settled();
        let on = |day: &str| world.calls.iter().filter(|call| call.local.starts_with(day) && !call.on_request).count();
        assert!(on("2026-09-20") > 0, "the makeup Sunday is worked");
        for day in ["2026-09-19", "2026-09-25", "2026-09-26", "2026-09-27"] {
            assert_eq!(on(day), 0, "{day} is free");
        }
    });
}

#[test]
fn the_same_seed_gives_the_same_days() {
    let setup = Setup { outages: Outages::Many, people_meddle: true, ..PLAIN };
    let story = || {
        let mut world = World::new(&setup, 7);
        world.run();
        (world.visits, world.calls.len(), world.steps)
    };
    assert_eq!(story(), story());
}
