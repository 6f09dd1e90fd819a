//! Seeded days on a virtual clock: the planner and the transitions of a visit against a world that checks every step (world.rs), and a
//! day of agents at their seats (desk.rs). The shipped programmes against the rules of timing and coverage (rules.rs).
//!
//! A failure prints its seed; `HUIFANG_SIM_SEED=17 cargo test --test sim` replays that one.

mod desk;
mod dice;
mod rules;
mod world;

use desk::Desk;
use dice::Dice;
use huifang::domain::programme::AgentDial;
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
    zone: "Asia/Shanghai",
    holidays: "cn",
    clock_is_set: false,
    daily_calls: None,
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
fn a_day_when_clocks_change_loses_nothing_and_calls_nobody_at_night() {
    // A week with the change in it: forward, back, and by half an hour.
    for (zone, first_day) in
        [("America/New_York", "2026-03-06"), ("Europe/Berlin", "2026-10-23"), ("Australia/Lord_Howe", "2026-04-03")]
    {
        let setup = Setup { first_day, zone, holidays: "every_day", round_the_clock: true, sms_per_day: 30, ..PLAIN };
        run(&setup, World::assert_settled);
    }
}

#[test]
fn a_clock_that_is_set_forward_and_back_loses_nothing_and_dials_nobody_too_soon() {
    run(&Setup { clock_is_set: true, channels: 3, round_the_clock: true, ..PLAIN }, |world| {
        assert!(world.calls.len() > 200, "the days are too quiet: {}", world.calls.len());
        world.assert_settled();
    });
}

#[test]
fn a_site_with_too_few_calls_a_day_makes_them_all_every_day_no_more_and_the_rest_waits_with_its_reason() {
    run(&Setup { daily_calls: Some(30), sms_per_day: 25, channels: 40, lines: 40, ..PLAIN }, |world| {
        world.assert_settled();
        let late = world.visits.iter().filter_map(|visit| visit.late_cause.as_deref());
        assert!(late.filter(|cause| cause.contains("今天的外呼次数已用完")).count() > 20, "the days are too quiet");
        for day in ["2026-11-24", "2026-11-25", "2026-11-26"] {
            assert_eq!(world.calls.iter().filter(|call| call.local.starts_with(day)).count(), 30, "{day}");
        }
    });
}

/// So many visits are played in random worlds and days; `make soak` plays a million.
fn visits_to_play() -> usize {
    std::env::var("HUIFANG_SIM_VISITS").ok().and_then(|n| n.parse().ok()).unwrap_or(4_000)
}

/// A world of this seed: its zone, hours, lines, outages, people and clock are drawn.
fn any_world(dice: &mut Dice) -> Setup {
    let (zone, holidays, first_day) = *dice.pick(&[
        ("Asia/Shanghai", "cn", "2026-11-23"),
        ("Asia/Shanghai", "cn", "2026-09-28"),
        ("Asia/Urumqi", "none", "2026-11-23"),
        ("America/New_York", "every_day", "2026-03-06"),
        ("Europe/Berlin", "every_day", "2026-10-23"),
        ("Australia/Lord_Howe", "every_day", "2026-04-03"),
    ]);
    let sms_per_day = dice.between(10, 90);
    Setup {
        first_day,
        zone,
        holidays,
        days: dice.between(1, 4),
        sms_per_day,
        channels: u32::try_from(dice.between(1, 8)).unwrap(),
        lines: u32::try_from(dice.between(1, 8)).unwrap(),
        outages: if dice.chance(70) { Outages::Many } else { Outages::None },
        people_meddle: dice.chance(50),
        round_the_clock: dice.chance(50),
        clock_is_set: dice.chance(40),
        daily_calls: dice.chance(20).then(|| u32::try_from(dice.between(2 * sms_per_day, 3 * sms_per_day)).unwrap()),
    }
}

#[test]
fn in_any_world_no_visit_is_without_a_next_step_and_every_late_one_has_its_cause() {
    let (mut visits, mut calls, mut late) = (0, 0, 0);
    for seed in any_seeds() {
        let named = Named(seed);
        let setup = any_world(&mut Dice::new(seed));
        let mut world = World::new(&setup, seed);
        world.run();
        world.assert_settled();
        drop(named);
        visits += world.visits.len();
        calls += world.calls.len();
        late += world.visits.iter().filter(|visit| visit.late_cause.is_some()).count();
        if visits >= visits_to_play() {
            break;
        }
    }
    println!("{visits} visits, {calls} calls, {late} late");
    assert!(std::env::var_os("HUIFANG_SIM_SEED").is_some() || (calls > visits && late > visits / 100), "too quiet");
}

#[test]
fn b01_at_any_desk_the_floor_holds_and_nobody_is_stuck() {
    let (mut visits, mut talks) = (0, 0);
    for seed in any_seeds() {
        let named = Named(seed);
        let mut dice = Dice::new(seed);
        let setup = desk::Setup {
            seats: usize::try_from(dice.between(1, 9)).unwrap(),
            sms: dice.between(10, 120),
            reserve: u32::try_from(dice.between(0, 3)).unwrap(),
            dial: *dice.pick(&[AgentDial::Progressive, AgentDial::Preview]),
            outages: dice.chance(70),
        };
        let mut desk = Desk::new(&setup, seed);
        desk.run();
        desk.assert_nobody_is_stuck();
        drop(named);
        visits += desk.visits.len();
        talks += desk.seen.talks;
        if visits >= visits_to_play() {
            break;
        }
    }
    println!("{visits} visits, {talks} talks");
    assert!(std::env::var_os("HUIFANG_SIM_SEED").is_some() || talks > visits / 10, "too quiet");
}

/// All of them, or the one to be replayed.
fn any_seeds() -> Box<dyn Iterator<Item = u64>> {
    match std::env::var("HUIFANG_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => Box::new(std::iter::once(seed)),
        None => Box::new(1..),
    }
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

/// A day with people, with every seed to its end.
fn run_desk(setup: &desk::Setup, check: impl Fn(&Desk)) {
    for seed in seeds() {
        let named = Named(seed);
        let mut desk = Desk::new(setup, seed);
        desk.run();
        desk.assert_nobody_is_stuck();
        check(&desk);
        drop(named);
    }
}

#[test]
fn b01_a_day_of_agents_who_come_go_and_vanish_keeps_the_floor_and_leaves_no_seat_or_visit_stuck() {
    for dial in [AgentDial::Progressive, AgentDial::Preview] {
        run_desk(&desk::Setup { seats: 6, sms: 60, reserve: 1, dial, outages: false }, |desk| {
            let seen = &desk.seen;
            assert!(seen.talks > 20 && desk.visits.len() == 60, "{dial:?}: too quiet a day: {seen:?}");
            let explained = ["SeatSkill", "RetrySpacing", "WrapUp"].iter().all(|code| seen.codes.contains(*code));
            assert!(explained, "{dial:?}: {seen:?}");
            let looked_at = seen.codes.contains("AtSeat") && seen.declined > 0;
            assert_eq!(looked_at, dial == AgentDial::Preview, "{seen:?}");
        });
    }
}

#[test]
fn b01_with_as_many_seats_as_are_kept_free_nobody_is_ever_dialled() {
    run_desk(&desk::Setup { seats: 2, sms: 20, reserve: 2, dial: AgentDial::Progressive, outages: false }, |desk| {
        assert!(desk.visits.iter().all(|visit| visit.attempts == 0));
        assert!(desk.seen.codes.contains("SeatReserve"), "{:?}", desk.seen);
    });
}

#[test]
fn agents_who_vanish_are_noticed_whatever_they_were_doing() {
    let mut lost = std::collections::BTreeSet::new();
    let mut settled_by_plan = 0;
    for seed in 1..=30 {
        let setup = desk::Setup { seats: 6, sms: 60, reserve: 0, dial: AgentDial::Preview, outages: false };
        let mut desk = Desk::new(&setup, seed);
        desk.run();
        desk.assert_nobody_is_stuck();
        lost.extend(desk.seen.lost);
        settled_by_plan += desk.seen.settled_by_plan;
    }
    assert_eq!(lost.into_iter().collect::<Vec<_>>(), ["dialling", "in a call", "preview over", "wrap-up"]);
    assert!(settled_by_plan > 0, "what the engine forgot is found by the planner");
}
