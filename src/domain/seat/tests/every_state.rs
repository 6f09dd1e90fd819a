//! A small model, walked to its end: three seats, a reserve of one, every event in every state that can be reached.
//!
//! Time is counted in ticks from now: a lease, a look at the order and a wrap-up each last one. A limit that has passed stays visible until
//! somebody looks ([`lapse`] is an event of its own), as in the engine. Seats are alike, so states that differ only by who is who are one.

use super::*;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

const SEATS: usize = 3;
const RESERVE: usize = 1;
const NOW: i64 = 100;
const TICK: i64 = 1;

/// Seat `i` only ever holds visit and call number `i`: which visit it is changes nothing.
type World = Vec<Seat>;

#[derive(Clone, Copy, Debug)]
enum Event {
    SignIn,
    SignOut,
    Break,
    Back,
    Renew,
    Dialled,
    Answered,
    Released,
    CallOver,
    CallOverAtOnce,
    TakeOver,
    WrappedUp,
    ForceRelease,
    Lost,
    Lapse,
}

const EVENTS: [Event; 15] = [
    Event::SignIn,
    Event::SignOut,
    Event::Break,
    Event::Back,
    Event::Renew,
    Event::Dialled,
    Event::Answered,
    Event::Released,
    Event::CallOver,
    Event::CallOverAtOnce,
    Event::TakeOver,
    Event::WrappedUp,
    Event::ForceRelease,
    Event::Lost,
    Event::Lapse,
];

fn own_visit(seat: &Seat) -> VisitId {
    visit(seat.id.as_str())
}

fn own_call(seat: &Seat) -> CallId {
    call(seat.id.as_str())
}

/// `None`: refused.
fn step(event: Event, seat: &Seat, visit: &VisitId, call: &CallId) -> Option<(Seat, Lapse)> {
    let (now, lease, wrap_up) = (at(NOW), at(NOW + TICK), Duration::from_secs(TICK.unsigned_abs()));
    let done = match event {
        Event::SignIn => sign_in(now, seat, lease),
        Event::SignOut => sign_out(now, seat),
        Event::Break => take_break(now, seat, "b"),
        Event::Back => back(now, seat),
        Event::Renew => Ok(renew(seat, lease)),
        Event::Dialled => dialled(now, seat, visit, call.clone()),
        Event::Answered => answered(now, seat, call),
        Event::Released => released(now, seat, visit),
        Event::CallOver => call_over(now, seat, call, wrap_up),
        Event::CallOverAtOnce => call_over(now, seat, call, Duration::ZERO),
        Event::TakeOver => take_over(now, seat, visit.clone(), call.clone(), lease),
        Event::WrappedUp => wrapped_up(now, seat, call),
        Event::ForceRelease => return force_release(now, seat).ok(),
        Event::Lost => return lost(now, seat, visit).ok(),
        Event::Lapse => return Some(lapse(now, seat)),
    };
    done.ok().map(|seat| (seat, Lapse::Nothing))
}

/// A tick later, seen from then: everything that has an instant moves one tick into the past.
fn tick(world: &World) -> World {
    let back = |t: Timestamp| at((t.as_second() - TICK).max(NOW));
    world
        .iter()
        .map(|seat| {
            let state = match seat.state.clone() {
                SeatState::Reserved { visit, call, preview, until } => {
                    SeatState::Reserved { visit, call, preview, until: until.map(back) }
                }
                SeatState::WrapUp { visit, call, until } => SeatState::WrapUp { visit, call, until: back(until) },
                other => other,
            };
            Seat { state, lease_until: seat.lease_until.map(back), ..seat.clone() }
        })
        .collect()
}

/// One world for all that differ by names, by when a state began, or by who has been idle for how long: every seat serves everything, and
/// [`reservations`] tries each of them.
fn canonical(mut world: World) -> World {
    for seat in &mut world {
        (seat.since, seat.idle_since) = (at(NOW), at(NOW));
        rename(seat, "?");
    }
    world.sort_by_cached_key(|seat| {
        let mut hasher = DefaultHasher::new();
        seat.hash(&mut hasher);
        hasher.finish()
    });
    for (i, seat) in world.iter_mut().enumerate() {
        rename(seat, &i.to_string());
    }
    world
}

/// The seat, and the visit and call that it holds.
fn rename(seat: &mut Seat, name: &str) {
    let (visit, call) = (visit(name), call(name));
    seat.id = SeatId::new(name);
    seat.state = match seat.state.clone() {
        SeatState::Reserved { call: held, preview, until, .. } => {
            SeatState::Reserved { visit, call: held.map(|_| call), preview, until }
        }
        SeatState::InCall { .. } => SeatState::InCall { visit, call },
        SeatState::WrapUp { until, .. } => SeatState::WrapUp { visit, call, until },
        other => other,
    };
}

fn idle_seats(world: &World) -> usize {
    world.iter().filter(|seat| seat.state == SeatState::Available && seat.lease_until > Some(at(NOW))).count()
}

/// Every reservation that the rules allow here, the floor checked in the plainest words.
fn reservations(world: &World) -> Vec<World> {
    let anything = Wanted { service: ServiceType::Maintenance, language: None, dealer: None, declined: vec![] };
    let mut found = vec![];
    for i in 0..SEATS {
        // The others have all been idle for less: this one is the choice, if anyone may be taken.
        let mut seats = world.clone();
        seats[i].idle_since = at(NOW - TICK);
        let chosen = choose(at(NOW), &seats, &anything, u32::try_from(RESERVE).unwrap());
        let may = idle_seats(world) > RESERVE;
        assert_eq!(chosen.is_ok(), may, "B01: {world:?}");
        let Ok(chosen) = chosen.cloned() else { continue };
        let (visit, call) = (own_visit(&chosen), own_call(&chosen));
        for (call, preview, until) in
            [(Some(call), false, None), (None, true, Some(at(NOW + TICK))), (None, false, None)]
        {
            let reserved = reserve(at(NOW), &chosen, visit.clone(), call, preview, until).unwrap();
            let mut after = world.clone();
            *after.iter_mut().find(|seat| seat.id == chosen.id).unwrap() = reserved;
            assert!(idle_seats(&after) >= RESERVE, "B01: the last idle seat was taken: {world:?}");
            found.push(after);
        }
    }
    found
}

/// What holds in every state that can be reached.
fn check_state(world: &World) {
    for seat in world {
        assert!(seat.state == SeatState::SignedOut || seat.lease_until.is_some(), "no lease: {seat:?}");
        let holds = seat.state.visit().is_some();
        assert!(holds || seat.next == AfterCall::Available, "asked for later, and there is no later: {seat:?}");
        let (other_visit, other_call) = (visit("other"), call("other"));
        for event in EVENTS {
            let named = matches!(
                event,
                Event::Dialled
                    | Event::Answered
                    | Event::Released
                    | Event::CallOver
                    | Event::CallOverAtOnce
                    | Event::WrappedUp
                    | Event::Lost
            );
            if named {
                assert_eq!(step(event, seat, &other_visit, &other_call), None, "{event:?} of another visit: {seat:?}");
            }
            check_given_back_once(event, seat);
        }
    }
    let mut later = world.clone();
    for _ in 0..2 {
        later = tick(&later).iter().map(|seat| lapse(at(NOW), seat).0).collect();
    }
    for seat in &later {
        assert_eq!((&seat.state, seat.lease_until), (&SeatState::SignedOut, None), "stuck: {world:?}");
    }
}

/// A step after which the seat holds nothing more is not done a second time, and tells the engine of the call it leaves behind.
fn check_given_back_once(event: Event, seat: &Seat) {
    let (own_visit, own_call) = (own_visit(seat), own_call(seat));
    let Some((after, todo)) = step(event, seat, &own_visit, &own_call) else { return };
    let Some(_) = seat.state.visit().filter(|_| after.state.visit().is_none()) else { return };
    for again in [Event::Dialled, Event::Answered, Event::Released, Event::CallOver, Event::WrappedUp, Event::Lost] {
        assert_eq!(step(again, &after, &own_visit, &own_call), None, "{again:?} after {event:?} of {seat:?}");
    }
    assert_eq!(left_behind(&lapse(at(NOW), &after).1), None, "{event:?} of {seat:?} is told twice");
    if matches!(event, Event::Lapse | Event::ForceRelease | Event::Lost) {
        assert_eq!(left_behind(&todo), seat.state.call(), "{event:?} of {seat:?} forgets its call");
    }
}

fn left_behind(todo: &Lapse) -> Option<&CallId> {
    match todo {
        Lapse::CancelDialling { call } | Lapse::LoseAgent { call } | Lapse::WrapUpOver { call } => Some(call),
        Lapse::Nothing | Lapse::Freed | Lapse::PreviewOver { .. } => None,
    }
}

fn nexts(world: &World) -> Vec<World> {
    let mut found = vec![tick(world)];
    for (i, seat) in world.iter().enumerate() {
        for event in EVENTS {
            let Some((after, _)) = step(event, seat, &own_visit(seat), &own_call(seat)) else { continue };
            let mut next = world.clone();
            next[i] = after;
            found.push(next);
        }
    }
    found.extend(reservations(world));
    found
}

#[test]
fn b01_in_every_state_the_floor_holds_a_seat_is_given_back_once_and_time_alone_signs_everybody_out() {
    let start: World = (0..SEATS)
        .map(|i| Seat::new(SeatId::new(i.to_string()), SeatPhone::Browser, Skills::default(), at(NOW)))
        .collect();
    let mut seen: HashSet<World> = HashSet::new();
    let mut todo = VecDeque::from([canonical(start)]);
    let mut names = BTreeSet::new();
    while let Some(world) = todo.pop_front() {
        if !seen.insert(world.clone()) {
            continue;
        }
        assert!(seen.len() < 100_000, "the model does not end");
        check_state(&world);
        names.extend(world.iter().map(|seat| seat.state.name()));
        todo.extend(nexts(&world).into_iter().map(canonical).filter(|next| !seen.contains(next)));
    }
    assert_eq!(names.len(), 6, "some state is never reached: {names:?}");
    assert!(seen.len() > 1_000, "the model is too small: {}", seen.len());
}
