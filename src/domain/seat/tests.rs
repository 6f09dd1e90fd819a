mod choice;
mod every_state;
mod sequences;

use super::*;
use jiff::SignedDuration;
use std::time::Duration;

/// Seconds of a day of our own.
pub fn at(s: i64) -> Timestamp {
    Timestamp::from_second(s).unwrap()
}

pub fn visit(id: &str) -> VisitId {
    VisitId::new(id)
}

pub fn call(id: &str) -> CallId {
    CallId::new(id)
}

/// Available since second 0, its lease ends at second 15.
pub fn idle(id: &str) -> Seat {
    sign_in(at(0), &Seat::new(SeatId::new(id), SeatPhone::Browser, Skills::default(), at(0)), at(15)).unwrap()
}

fn dialling(id: &str) -> Seat {
    reserve(at(1), &idle(id), visit("v"), Some(call("c")), false, None).unwrap()
}

fn looking(id: &str) -> Seat {
    reserve(at(1), &idle(id), visit("v"), None, true, Some(at(10))).unwrap()
}

fn talking(id: &str) -> Seat {
    answered(at(2), &dialling(id), &call("c")).unwrap()
}

fn writing(id: &str) -> Seat {
    call_over(at(3), &talking(id), &call("c"), Duration::from_secs(9)).unwrap()
}

fn on_break(id: &str) -> Seat {
    take_break(at(1), &idle(id), "吃饭").unwrap()
}

fn out(id: &str) -> Seat {
    sign_out(at(1), &idle(id)).unwrap()
}

/// The state and what comes after it, in short.
fn short(seat: &Seat) -> String {
    let next = match &seat.next {
        AfterCall::Available => String::new(),
        AfterCall::Break { reason } => format!(", then {reason}"),
        AfterCall::SignOut => ", then out".into(),
    };
    format!("{}{next}", seat.state.name())
}

#[test]
fn each_step_goes_where_the_diagram_says_and_nowhere_else() {
    #[track_caller]
    fn check(step: &str, from: Seat, want: &str) {
        let t = at(4);
        let result = match step {
            "sign in" => sign_in(t, &from, at(30)),
            "sign out" => sign_out(t, &from),
            "break" => take_break(t, &from, "喝水"),
            "back" => back(t, &from),
            "reserve" => reserve(t, &from, visit("w"), None, true, None),
            "dialled" => dialled(t, &from, &visit("v"), call("c")),
            "answered" => answered(t, &from, &call("c")),
            "released" => released(t, &from, &visit("v")),
            "call over" => call_over(t, &from, &call("c"), Duration::from_secs(9)),
            "call over, no wrap-up" => call_over(t, &from, &call("c"), Duration::ZERO),
            "wrapped up" => wrapped_up(t, &from, &call("c")),
            other => panic!("{other}"),
        };
        let got = result.map_or_else(|refused| refused.to_string(), |seat| short(&seat));
        assert_eq!(got, want, "{step} of {from:?}");
    }
    let states = || [out("a"), idle("a"), looking("a"), dialling("a"), talking("a"), writing("a"), on_break("a")];
    let not_reserved = "坐席没有保留这个回访";
    let (not_in_call, not_writing) = ("坐席不在这个通话中", "坐席没有在整理这个通话");
    for (step, wants) in [
        ("sign in", ["available", "available", "reserved", "reserved", "in_call", "wrap_up", "break"]),
        (
            "sign out",
            [
                "signed_out",
                "signed_out",
                "reserved, then out",
                "reserved, then out",
                "in_call, then out",
                "wrap_up, then out",
                "signed_out",
            ],
        ),
        (
            "break",
            [
                "坐席没有签入",
                "break",
                "reserved, then 喝水",
                "reserved, then 喝水",
                "in_call, then 喝水",
                "wrap_up, then 喝水",
                "break",
            ],
        ),
        ("back", ["坐席没有签入", "available", "reserved", "reserved", "in_call", "available", "available"]),
        (
            "reserve",
            [
                "坐席未签入，不能再分配回访",
                "reserved",
                "坐席已分配回访，不能再分配回访",
                "坐席已分配回访，不能再分配回访",
                "坐席正在通话，不能再分配回访",
                "坐席正在整理，不能再分配回访",
                "坐席小休，不能再分配回访",
            ],
        ),
        ("dialled", [not_reserved, not_reserved, "reserved", not_reserved, not_reserved, not_reserved, not_reserved]),
        ("answered", [not_reserved, not_reserved, not_reserved, "in_call", not_reserved, not_reserved, not_reserved]),
        ("released", [not_reserved, not_reserved, "available", "available", not_reserved, not_reserved, not_reserved]),
        ("call over", [not_in_call, not_in_call, not_in_call, not_in_call, "wrap_up", not_in_call, not_in_call]),
        (
            "call over, no wrap-up",
            [not_in_call, not_in_call, not_in_call, not_in_call, "available", not_in_call, not_in_call],
        ),
        ("wrapped up", [not_writing, not_writing, not_writing, not_writing, not_writing, "available", not_writing]),
    ] {
        for (from, want) in states().into_iter().zip(wants) {
            check(step, from, want);
        }
    }
}

#[test]
fn a_break_or_sign_out_that_is_asked_for_while_a_visit_is_held_begins_afterwards() {
    #[track_caller]
    fn check(asked: Result<Seat, Refused>, then: impl Fn(&Seat) -> Result<Seat, Refused>, want: &str) {
        assert_eq!(short(&then(&asked.unwrap()).unwrap()), want);
    }
    let over = |seat: &Seat| call_over(at(6), seat, &call("c"), Duration::from_secs(9));
    let ended = |seat: &Seat| wrapped_up(at(7), &over(seat)?, &call("c"));
    check(take_break(at(4), &talking("a"), "喝水"), over, "wrap_up, then 喝水");
    check(take_break(at(4), &talking("a"), "喝水"), ended, "break");
    check(sign_out(at(4), &talking("a")), ended, "signed_out");
    check(sign_out(at(4), &dialling("a")), |seat| released(at(5), seat, &visit("v")), "signed_out");
    check(take_break(at(4), &looking("a"), "喝水"), |seat| Ok(lapse(at(10), seat).0), "break");
    check(sign_out(at(4), &writing("a")), |seat| Ok(lapse(at(12), seat).0), "signed_out");
    // Taken back in time.
    check(sign_out(at(4), &talking("a")), |seat| ended(&back(at(5), seat)?), "available");
    check(sign_out(at(4), &talking("a")), |seat| ended(&sign_in(at(5), seat, at(15))?), "available");
    check(take_break(at(4), &writing("a"), "喝水"), |seat| back(at(5), seat), "available");
}

#[test]
fn what_time_does_to_each_state_and_what_the_engine_must_do_then() {
    #[track_caller]
    fn check(now: i64, seat: Seat, state: &str, todo: Lapse) {
        let (next, did) = lapse(at(now), &seat);
        assert_eq!((next.state.name(), did), (state, todo), "{seat:?}");
        let again = lapse(at(now), &next);
        assert_eq!(again, (next.clone(), Lapse::Nothing), "a second look changes nothing");
        assert!(next.lapses_at().is_none_or(|next| next > at(now)), "it is not looked at for nothing: {next:?}");
    }
    let over = || Lapse::WrapUpOver { call: call("c") };
    for before in [out("a"), idle("a"), looking("a"), dialling("a"), talking("a"), writing("a"), on_break("a")] {
        let name = before.state.name();
        check(9, before, name, Lapse::Nothing);
    }
    check(10, looking("a"), "available", Lapse::PreviewOver { visit: visit("v") });
    check(12, writing("a"), "available", over());
    check(14, dialling("a"), "reserved", Lapse::Nothing);
    check(14, talking("a"), "in_call", Lapse::Nothing);
    check(15, out("a"), "signed_out", Lapse::Nothing);
    check(15, idle("a"), "signed_out", Lapse::Freed);
    check(15, on_break("a"), "signed_out", Lapse::Freed);
    check(15, looking("a"), "signed_out", Lapse::Freed);
    check(15, dialling("a"), "signed_out", Lapse::CancelDialling { call: call("c") });
    check(15, talking("a"), "signed_out", Lapse::LoseAgent { call: call("c") });
    check(15, writing("a"), "signed_out", over());
    // Heard of in time: the lease is the longest that was promised.
    check(15, renew(&talking("a"), at(16)), "in_call", Lapse::Nothing);
    check(14, renew(&talking("a"), at(5)), "in_call", Lapse::Nothing);
}

#[test]
fn a_supervisor_frees_a_seat_from_every_state_and_the_agent_may_sign_in_again() {
    for (seat, todo) in [
        (idle("a"), Lapse::Freed),
        (on_break("a"), Lapse::Freed),
        (looking("a"), Lapse::Freed),
        (dialling("a"), Lapse::CancelDialling { call: call("c") }),
        (talking("a"), Lapse::LoseAgent { call: call("c") }),
        (sign_out(at(4), &writing("a")).unwrap(), Lapse::WrapUpOver { call: call("c") }),
    ] {
        let (freed, did) = force_release(at(5), &seat).unwrap();
        assert_eq!((freed.state.clone(), did), (SeatState::SignedOut, todo), "{seat:?}");
        assert_eq!(short(&sign_in(at(6), &freed, at(20)).unwrap()), "available");
        assert_eq!(force_release(at(6), &freed), Err(Refused::SignedOut));
    }
}

#[test]
fn a_supervisor_who_takes_a_call_over_is_afterwards_what_he_was_and_one_with_a_visit_of_his_own_may_not() {
    let take = |seat: &Seat| take_over(at(5), seat, visit("v2"), call("c2"), at(20));
    for (seat, after) in [(out("a"), "signed_out"), (idle("a"), "available"), (on_break("a"), "break")] {
        let taken = take(&seat).unwrap();
        assert_eq!((taken.state.name(), taken.lease_until), ("in_call", Some(at(20))), "{seat:?}");
        let writing = call_over(at(6), &taken, &call("c2"), Duration::from_secs(9)).unwrap();
        assert_eq!(short(&wrapped_up(at(7), &writing, &call("c2")).unwrap()), after);
    }
    for seat in [looking("a"), dialling("a"), talking("a"), writing("a")] {
        assert_eq!(take(&seat), Err(Refused::Busy { doing: seat.state.text_zh() }));
    }
}

#[test]
fn a_seat_whose_agent_is_gone_is_given_nothing() {
    let gone = idle("a");
    let late = at(15);
    assert!(!gone.is_idle(late) && gone.is_idle(late - SignedDuration::from_secs(1)));
    assert_eq!(reserve(late, &gone, visit("v"), None, true, None), Err(Refused::NotConnected));
}
