use super::super::task::accept;
use super::*;
use crate::domain::id::{OrderNo, VisitId};
use crate::domain::opt_out::ScopeName;
use crate::domain::visit::plan::tests::{at, calendar, clock, excavator, fresh};

fn calling(visit: &Visit, now: &str) -> Visit {
    claim(at(now), visit, CallId::new(format!("c{}", visit.attempts + 1))).unwrap()
}

fn ended(visit: &Visit, now: &str, outcome: Outcome, conversation: Option<ConversationEnd>) -> Visit {
    let VisitState::Calling { call, .. } = &visit.state else { panic!("not calling") };
    let result = CallResult { call: call.clone(), outcome, conversation, next_trunk: None };
    after_call(at(now), visit, &result, &excavator(), &calendar())
}

/// One attempt at `now` that ends at once.
fn attempt(visit: &Visit, now: &str, outcome: Outcome, conversation: Option<ConversationEnd>) -> Visit {
    ended(&calling(visit, now), now, outcome, conversation)
}

/// The state in short: `wait HH:MM reason`, `closed cause`, `completed`, `calling`.
fn short(visit: &Visit) -> String {
    match &visit.state {
        VisitState::Waiting { not_before, reason } => {
            let reason = match reason {
                WaitReason::New => "new".into(),
                WaitReason::RetrySpacing { rule, .. } => rule.clone(),
                WaitReason::NextTrunk { tried, .. } => format!("next trunk after {}", tried.join(" ")),
                WaitReason::Appointment { .. } => "appointment".into(),
                WaitReason::Rescheduled { .. } => "rescheduled".into(),
                WaitReason::ByHand { .. } => "by_hand".into(),
                WaitReason::WrapUp { seat, .. } => format!("wrap-up of {seat}"),
                WaitReason::Interrupted { .. } => "interrupted".into(),
                WaitReason::ForPerson { .. } => "for_person".to_string(),
            };
            format!("wait {} {reason}", clock(*not_before))
        }
        VisitState::Calling { .. } => "calling".into(),
        VisitState::Completed { .. } => "completed".into(),
        VisitState::Closed { cause, .. } => format!("closed {cause:?}"),
    }
}

#[test]
fn a_call_that_its_trunk_failed_goes_on_over_the_next_and_the_whole_round_counts_once() {
    let passed_on = |visit: &Visit, now: &str, tried: &[&str]| {
        let held = calling(visit, now);
        let VisitState::Calling { call, .. } = &held.state else { panic!("not calling") };
        let tried = Some(tried.iter().map(|t| t.to_string()).collect());
        let outcome = Outcome::TrunkFailure;
        let result = CallResult { call: call.clone(), outcome, conversation: None, next_trunk: tried };
        after_call(at(now), &held, &result, &excavator(), &calendar())
    };
    let visit = fresh("v1", "23T09:00");
    let first = passed_on(&visit, "23T09:00", &["a"]);
    assert_eq!((short(&first).as_str(), first.attempts, first.tries.len()), ("wait 23 09:00 next trunk after a", 1, 0));
    assert_eq!(first.trunks_tried(), ["a"]);
    let second = passed_on(&first, "23T09:00", &["a", "b"]);
    assert_eq!((short(&second).as_str(), second.attempts), ("wait 23 09:00 next trunk after a b", 2));
    // The third and last trunk fails too: the programme's spacing, counted once.
    let last = attempt(&second, "23T09:01", Outcome::TrunkFailure, None);
    assert_eq!(
        (short(&last).as_str(), &last.tries),
        ("wait 23 09:02 trunk_failure", &[("trunk_failure".into(), 1)].into())
    );
    assert!(last.trunks_tried().is_empty());
    // The next trunk went away while the call waited for it.
    let over = round_over(at("23T09:01"), &second, &excavator(), &calendar());
    assert_eq!((short(&over).as_str(), &over.tries), ("wait 23 09:02 trunk_failure", &last.tries));
    assert_eq!(round_over(at("23T09:01"), &over, &excavator(), &calendar()), over, "a round is over once");
    // It gets through: what was tried before leaves no trace.
    let busy = attempt(&second, "23T09:00", Outcome::Busy, None);
    assert_eq!((short(&busy).as_str(), busy.tries.len()), ("wait 23 09:05 busy", 1));
}

#[test]
fn however_often_the_line_fails_the_customer_s_attempts_are_not_used_up() {
    let mut visit = fresh("v1", "23T09:00");
    for _ in 0..3 * excavator().attempts_max {
        visit = attempt(&visit, "23T09:00", Outcome::TrunkFailure, None);
        visit = attempt(&visit, "23T09:00", Outcome::AuthFailed, None);
    }
    assert!(matches!(visit.state, VisitState::Waiting { .. }), "{visit:?}");
}

#[test]
fn a03_the_clock_of_a_visit_starts_in_working_time_and_both_times_are_kept() {
    for (received, starts, due, deadline) in [
        ("23T09:00", "23 09:00", "23 09:30", "23 12:00"),
        ("23T11:50", "23 11:50", "23 13:20", "23 15:50"),
        ("23T21:00", "24 08:00", "24 08:30", "24 11:00"),
        ("22T10:00", "23 08:00", "23 08:30", "23 11:00"), // Sunday
    ] {
        let visit = fresh("v1", received);
        assert_eq!(clock(visit.sms_at), received.replace('T', " "));
        assert_eq!(clock(visit.clock_starts_at), starts, "{received}");
        assert_eq!((clock(visit.due_at).as_str(), clock(visit.deadline_at).as_str()), (due, deadline), "{received}");
        assert_eq!(short(&visit), format!("wait {starts} new"));
    }
}

#[test]
fn a_gateway_whose_clock_is_ahead_does_not_delay_the_visit() {
    let (now, received) = (at("23T09:00"), at("23T15:00"));
    let visit = accept(now, received, OrderNo::new("o"), &excavator(), &calendar(), VisitId::new("v"));
    assert_eq!(visit.sms_at, now);
}

#[test]
fn a04_a06_a08_what_follows_each_result() {
    #[track_caller]
    fn check(outcome: Outcome, conversation: Option<ConversationEnd>, want: &str, guard: Option<&str>) {
        let visit = attempt(&fresh("v1", "23T09:00"), "23T09:10", outcome, conversation.clone());
        assert_eq!(short(&visit), want, "{outcome:?} {conversation:?}");
        assert_eq!(visit.redial_guard.map(clock).as_deref(), guard, "{outcome:?} {conversation:?}");
        assert_eq!((visit.attempts, visit.first_attempt_at), (1, Some(at("23T09:10"))));
    }
    use ConversationEnd as End;
    use Outcome::*;
    let callback = |said: &str| Some(End::Callback { said: Some(said.into()), at: None });
    check(Busy, None, "wait 23 09:15 busy", None);
    check(NoAnswer, None, "wait 23 09:30 no_answer", None);
    check(Unreachable, None, "wait 23 09:40 unreachable", None);
    check(Declined, None, "wait 23 10:10 declined", Some("23 10:10"));
    check(HungUp, None, "wait 23 10:10 hung_up", Some("23 10:10"));
    check(HungUp, Some(End::Abandoned { answered: 3 }), "wait 23 10:10 hung_up", Some("23 10:10"));
    check(Answered, Some(End::Abandoned { answered: 3 }), "wait 23 10:10 abandoned", Some("23 10:10"));
    check(InvalidNumber, None, "closed InvalidNumber", None);
    check(TrunkFailure, None, "wait 23 09:11 trunk_failure", None);
    check(AuthFailed, None, "wait 23 09:15 auth_failed", None);
    check(RecorderFailed, None, "wait 23 09:15 recorder_failed", None);
    check(Cancelled, None, "wait 23 09:15 cancelled", None);
    check(Answered, Some(End::Completed), "completed", None);
    check(HungUp, Some(End::Completed), "completed", None);
    check(RecorderFailed, Some(End::Completed), "wait 23 09:15 recorder_failed", None);
    check(Answered, Some(End::Refused), "closed Refused", None);
    check(Answered, Some(End::WrongNumber), "closed WrongNumber", None);
    check(Answered, Some(End::NotInformed), "wait 23 11:10 not_informed", None);
    check(Answered, Some(End::Silent), "wait 23 09:30 silent", None);
    check(Answered, Some(End::Fault { detail: "x".into() }), "wait 23 09:15 fault", None);
    check(Answered, None, "wait 23 09:15 fault", None);
    check(Answered, callback("下午三点以后吧"), "wait 23 15:00 appointment", None);
    check(Answered, callback("明天上午"), "wait 24 09:00 appointment", None);
    check(Answered, callback("中午十二点半"), "wait 23 12:30 appointment", None); // the site rests, the customer asked
    check(Answered, callback("晚上九点"), "wait 24 08:00 appointment", None); // A13: not after 20:00
    check(Answered, callback("周日上午"), "wait 29 09:00 appointment", None);
    check(Answered, callback("晚点再说"), "wait 23 11:10 appointment", None);
    check(Answered, Some(End::Callback { said: None, at: None }), "wait 23 11:10 appointment", None);
}

#[test]
fn a_redial_that_falls_outside_working_hours_waits_for_the_next_opening() {
    for (now, want) in [
        ("23T11:55", "wait 23 13:00 no_answer"),
        ("23T17:55", "wait 24 08:00 no_answer"),
        ("27T17:59", "wait 30 08:00 no_answer"),
    ] {
        let visit = attempt(&fresh("v1", "23T09:00"), now, Outcome::NoAnswer, None);
        assert_eq!(short(&visit), want, "{now}");
    }
}

#[test]
fn a06_attempts_end_at_the_maximum_of_the_result_and_of_the_programme() {
    let mut visit = fresh("v1", "23T08:00");
    let mut calls = 0;
    while !visit.state.is_over() {
        visit = attempt(&visit, "23T09:00", Outcome::Busy, None);
        calls += 1;
        assert!(calls < 50, "never ends");
    }
    assert_eq!((calls, short(&visit).as_str()), (6, "closed AttemptsUsedUp"));

    let mut visit = fresh("v1", "23T08:00");
    for i in 0..8 {
        assert!(!visit.state.is_over(), "after {i}");
        visit = attempt(&visit, "23T09:00", if i % 2 == 0 { Outcome::Busy } else { Outcome::NoAnswer }, None);
    }
    assert_eq!(short(&visit), "closed AttemptsUsedUp", "eight in all");
}

#[test]
fn faults_of_ours_do_not_use_up_the_customers_attempts_and_grow_apart() {
    let mut visit = fresh("v1", "23T08:00");
    let mut waits = Vec::new();
    for _ in 0..20 {
        visit = attempt(&visit, "23T09:00", Outcome::TrunkFailure, None);
        waits.push(short(&visit));
    }
    assert_eq!(waits[0], "wait 23 09:01 trunk_failure");
    assert_eq!(waits[3], "wait 23 09:08 trunk_failure");
    assert_eq!(waits[19], "wait 23 09:15 trunk_failure");
    assert_eq!(short(&attempt(&visit, "23T10:00", Outcome::Busy, None)), "wait 23 10:05 busy");
}

#[test]
fn a_customer_who_puts_us_off_for_ever_is_handed_to_a_person() {
    let mut visit = fresh("v1", "23T08:00");
    for _ in 0..5 {
        visit =
            attempt(&visit, "23T09:00", Outcome::Answered, Some(ConversationEnd::Callback { said: None, at: None }));
    }
    assert_eq!(short(&visit), "wait 23 11:00 for_person");
    assert!(dial_now(at("23T09:30"), &visit, "李主管", &excavator(), &calendar()).is_ok());
}

#[test]
fn a_fault_of_ours_never_closes_a_visit_that_a_person_took_up_after_the_last_attempt() {
    let mut visit = fresh("v1", "23T08:00");
    for i in 0..8 {
        let put_off = (Outcome::Answered, Some(ConversationEnd::Callback { said: None, at: None }));
        let (outcome, end) = if i < 3 { (Outcome::Busy, None) } else { put_off };
        visit = attempt(&visit, "23T09:00", outcome, end);
    }
    assert_eq!(short(&visit), "wait 23 11:00 for_person", "eight attempts, five of them put off");
    assert_eq!(short(&attempt(&visit, "23T09:30", Outcome::TrunkFailure, None)), "wait 23 09:31 trunk_failure");
}

#[test]
fn a_result_counts_once_and_only_for_the_call_that_holds_the_visit() {
    let held = calling(&fresh("v1", "23T09:00"), "23T09:10");
    let result = |call: &str| CallResult {
        call: CallId::new(call),
        outcome: Outcome::Busy,
        conversation: None,
        next_trunk: None,
    };
    let other = after_call(at("23T09:11"), &held, &result("another"), &excavator(), &calendar());
    assert_eq!(other, held);
    let once = after_call(at("23T09:11"), &held, &result("c1"), &excavator(), &calendar());
    let twice = after_call(at("23T09:12"), &once, &result("c1"), &excavator(), &calendar());
    assert_eq!((twice.tries.get("busy"), &twice), (Some(&1), &once));
    let cancelled = cancel(at("23T09:11"), &held).unwrap();
    assert_eq!(after_call(at("23T09:12"), &cancelled, &result("c1"), &excavator(), &calendar()), cancelled);
}

#[test]
fn a_visit_is_claimed_once() {
    let held = calling(&fresh("v1", "23T09:00"), "23T09:10");
    assert_eq!(claim(at("23T09:10"), &held, CallId::new("c9")), Err(Refused::InCall));
    let done = ended(&held, "23T09:12", Outcome::Answered, Some(ConversationEnd::Completed));
    assert_eq!(claim(at("23T09:13"), &done, CallId::new("c9")), Err(Refused::Over));
}

#[test]
fn an_attempt_that_a_crash_ended_is_used_up_and_not_repeated_at_once() {
    let held = calling(&fresh("v1", "23T09:00"), "23T09:10");
    let spoken = interrupted(at("23T09:20"), &held, true, &excavator(), &calendar());
    assert_eq!((short(&spoken).as_str(), spoken.redial_guard), ("wait 23 10:20 interrupted", Some(at("23T10:20"))));
    let ringing = interrupted(at("23T09:20"), &held, false, &excavator(), &calendar());
    assert_eq!((short(&ringing).as_str(), ringing.redial_guard), ("wait 23 09:40 interrupted", None));
    assert_eq!((ringing.attempts, ringing.tries.get("no_answer")), (1, Some(&1)));
    assert_eq!(
        interrupted(at("23T09:30"), &ringing, true, &excavator(), &calendar()),
        ringing,
        "only what was calling"
    );
}

#[test]
fn a04_a_redial_by_hand_is_refused_inside_the_spacing_and_says_until_when() {
    let visit = attempt(&fresh("v1", "23T09:00"), "23T14:20", Outcome::HungUp, None);
    let (p, c) = (excavator(), calendar());
    let refused = dial_now(at("23T14:30"), &visit, "李主管", &p, &c).unwrap_err();
    assert_eq!(refused.to_string(), "客户挂断或拒接过电话，按规则 A04 要间隔 60 分钟，最早 15:20 再拨");
    assert!(reschedule(at("23T14:30"), &visit, at("23T15:00"), "李主管", "", &p, &c).is_err());
    assert!(reschedule(at("23T14:30"), &visit, at("23T15:20"), "李主管", "", &p, &c).is_ok());
    assert!(dial_now(at("23T15:20"), &visit, "李主管", &p, &c).is_ok());
    let busy = attempt(&fresh("v1", "23T09:00"), "23T14:20", Outcome::Busy, None);
    assert_eq!(short(&dial_now(at("23T14:21"), &busy, "李主管", &p, &c).unwrap()), "wait 23 14:21 by_hand");
}

#[test]
fn a13_a_call_by_hand_in_quiet_hours_is_refused() {
    let (p, c, visit) = (excavator(), calendar(), fresh("v1", "23T09:00"));
    let refused = dial_now(at("23T20:30"), &visit, "李主管", &p, &c).unwrap_err().to_string();
    assert!(refused.contains("A13") && refused.contains("明天 08:00"), "{refused}");
    assert!(reschedule(at("23T10:00"), &visit, at("23T21:00"), "李主管", "", &p, &c).is_err());
    let lunch = reschedule(at("23T10:00"), &visit, at("23T12:30"), "李主管", "客户来电", &p, &c).unwrap();
    assert_eq!(short(&lunch), "wait 23 12:30 rescheduled");
    let past = reschedule(at("23T10:00"), &visit, at("23T09:30"), "李主管", "", &p, &c).unwrap_err().to_string();
    assert!(past.contains("09:30"), "{past}");
}

#[test]
fn a_correction_keeps_the_first_clock_and_reopens_a_visit_that_was_closed_for_its_number() {
    let (p, c) = (excavator(), calendar());
    let waiting = fresh("v1", "23T09:00");
    assert_eq!(corrected(at("23T10:00"), &waiting, true, &p, &c), waiting);
    let wrong = attempt(&waiting, "23T09:10", Outcome::Answered, Some(ConversationEnd::WrongNumber));
    assert_eq!(corrected(at("23T10:00"), &wrong, false, &p, &c), wrong);
    let again = corrected(at("23T10:00"), &wrong, true, &p, &c);
    assert_eq!((short(&again).as_str(), again.due_at, again.attempts), ("wait 23 10:00 new", waiting.due_at, 1));
    let refused = attempt(&waiting, "23T09:10", Outcome::Answered, Some(ConversationEnd::Refused));
    assert_eq!(corrected(at("23T10:00"), &refused, true, &p, &c), refused);
}

#[test]
fn a02_late_and_escalated_are_recorded_once() {
    let visit = mark_late(&fresh("v1", "23T09:00"), "客户占线");
    let visit = mark_late(&visit, "another");
    assert_eq!(visit.late_cause.as_deref(), Some("客户占线"));
    let visit = mark_escalated(at("23T12:01"), &visit, "x");
    let visit = mark_escalated(at("23T12:02"), &visit, "y");
    assert_eq!((visit.escalated_at, visit.late_cause.as_deref()), (Some(at("23T12:01")), Some("客户占线")));
}

/// An agent's call that ended at 09:10, until when he may write, what he said then; and what he said by 09:12.
#[track_caller]
fn with_agent(
    outcome: Outcome,
    at_the_end: Option<ConversationEnd>,
    until: Option<&str>,
    written: Option<Option<ConversationEnd>>,
) -> (Visit, Visit) {
    let (p, c, seat) = (excavator(), calendar(), SeatId::new("李梅"));
    let held = calling(&fresh("v1", "23T09:00"), "23T09:05");
    let call = CallId::new("c1");
    let result = CallResult { call: call.clone(), outcome, conversation: at_the_end, next_trunk: None };
    let first = after_agent_call(at("23T09:10"), &held, &result, &seat, until.map(at), &p, &c);
    let Some(written) = written else { return (first.clone(), first) };
    let other = after_wrap_up(at("23T09:12"), &first, &CallId::new("c9"), outcome, written.as_ref(), &p, &c);
    assert_eq!(other, first, "the wrap-up of another call");
    let last = after_wrap_up(at("23T09:12"), &first, &call, outcome, written.as_ref(), &p, &c);
    let twice = after_wrap_up(at("23T09:13"), &last, &call, outcome, Some(&ConversationEnd::Completed), &p, &c);
    assert_eq!(twice, last, "a wrap-up ends once");
    (first, last)
}

#[test]
fn an_agents_result_decides_at_once_and_without_one_an_answered_visit_waits_for_it() {
    use ConversationEnd as End;
    use Outcome::*;
    let until = Some("23T09:14");
    let waits = "wait 23 09:10 wrap-up of 李梅";
    for (outcome, conversation, until, want) in [
        (Busy, None, None, "wait 23 09:15 busy"),
        (NoAnswer, None, None, "wait 23 09:30 no_answer"),
        (Cancelled, None, None, "wait 23 09:15 cancelled"),
        (TrunkFailure, None, None, "wait 23 09:11 trunk_failure"),
        (Answered, Some(End::Completed), until, "completed"),
        (HungUp, Some(End::Completed), until, "completed"),
        (Answered, Some(End::NotInformed), until, "wait 23 11:10 not_informed"),
        (Answered, Some(End::Silent), until, "wait 23 09:30 silent"),
        (Answered, None, until, waits),
        (HungUp, None, until, waits),
        (HungUp, Some(End::Abandoned { answered: 0 }), until, waits),
        (TrunkFailure, None, until, waits),
        // The agent was lost, or has no time to write: nothing is guessed.
        (Answered, Some(End::Fault { detail: "坐席连接中断".into() }), None, "wait 23 09:15 fault"),
        (Answered, None, None, "wait 23 09:10 for_person"),
        (HungUp, None, None, "wait 23 10:10 hung_up"),
    ] {
        let (visit, _) = with_agent(outcome, conversation.clone(), until, None);
        assert_eq!(short(&visit), want, "{outcome:?} {conversation:?}");
    }
}

#[test]
fn a04_a07_a08_c08_c09_what_follows_a_wrap_up_counts_from_the_end_of_the_call() {
    use ConversationEnd as End;
    use Outcome::*;
    let exact = |said: Option<&str>, time: &str| Some(End::Callback { said: said.map(Into::into), at: Some(at(time)) });
    for (outcome, written, want, guard) in [
        (Answered, Some(End::Completed), "completed", None),
        (HungUp, Some(End::Completed), "completed", None),
        (Answered, Some(End::Refused), "closed Refused", None),
        (HungUp, Some(End::OptedOut { scope: ScopeName::Visit }), "closed Refused", None),
        (RecorderFailed, Some(End::OptedOut { scope: ScopeName::Visit }), "closed Refused", None),
        (Answered, Some(End::WrongNumber), "closed WrongNumber", None),
        (Answered, Some(End::NotInformed), "wait 23 11:10 not_informed", None),
        (Answered, Some(End::Silent), "wait 23 09:30 silent", None),
        (HungUp, Some(End::Silent), "wait 23 10:10 hung_up", Some("23 10:10")),
        (Answered, exact(None, "23T15:45"), "wait 23 15:45 appointment", None),
        (Answered, exact(Some("下午三点"), "23T16:00"), "wait 23 16:00 appointment", None),
        // He named a time and hung up: his time holds.
        (HungUp, exact(None, "23T09:30"), "wait 23 09:30 appointment", None),
        (Answered, exact(None, "23T21:30"), "wait 24 08:00 appointment", None),
        (Answered, exact(None, "23T08:00"), "wait 23 09:10 appointment", None),
        (Answered, Some(End::Callback { said: Some("半小时后".into()), at: None }), "wait 23 09:40 appointment", None),
        (Answered, None, "wait 23 09:10 for_person", None),
        (TrunkFailure, None, "wait 23 09:10 for_person", None),
        (HungUp, None, "wait 23 10:10 hung_up", Some("23 10:10")),
    ] {
        let (first, last) = with_agent(outcome, None, Some("23T09:14"), Some(written.clone()));
        assert_eq!(short(&last), want, "{outcome:?} {written:?}");
        assert_eq!(last.redial_guard.map(clock).as_deref(), guard, "{outcome:?} {written:?}");
        let at_once = (outcome == HungUp).then_some("23 10:10");
        assert_eq!(first.redial_guard.map(clock).as_deref(), at_once, "A04 does not wait for the agent");
    }
    let (_, nobody) = with_agent(Answered, None, Some("23T09:14"), Some(None));
    assert!(matches!(&nobody.state, VisitState::Waiting { reason: WaitReason::ForPerson { problem }, .. }
        if problem == "坐席未填写回访结果"));
}

#[test]
fn nobody_dials_or_moves_a_visit_while_its_agent_writes_down_the_result_but_it_may_be_cancelled() {
    let (p, c) = (excavator(), calendar());
    let (waits, _) = with_agent(Outcome::Answered, None, Some("23T09:14"), None);
    let now = at("23T09:11");
    let in_wrap_up = Err(Refused::InWrapUp(SeatId::new("李梅")));
    assert_eq!(dial_now(now, &waits, "李主管", &p, &c), in_wrap_up);
    assert_eq!(reschedule(now, &waits, at("23T10:00"), "李主管", "", &p, &c), in_wrap_up);
    assert_eq!(claim(now, &waits, CallId::new("c2")), in_wrap_up);
    let cancelled = cancel(now, &waits).unwrap();
    let late = after_wrap_up(now, &cancelled, &CallId::new("c1"), Outcome::Answered, None, &p, &c);
    assert_eq!(late, cancelled);
}

#[test]
fn a_visit_that_an_agent_gave_back_remembers_him_once_and_keeps_its_place() {
    let visit = fresh("v1", "23T09:00");
    let one = declined(at("23T09:01"), &visit, &SeatId::new("a"), "方言").unwrap();
    let both = declined(at("23T09:02"), &one, &SeatId::new("b"), "太忙").unwrap();
    let again = declined(at("23T09:03"), &both, &SeatId::new("a"), "又是他").unwrap();
    let who = |visit: &Visit| visit.declined.iter().map(|d| format!("{} {}", d.seat, d.reason)).collect::<Vec<_>>();
    assert_eq!(who(&both), ["a 方言", "b 太忙"]);
    assert_eq!(who(&again), ["b 太忙", "a 又是他"]);
    assert_eq!(again.state, visit.state);
    let held = calling(&visit, "23T09:04");
    assert_eq!(declined(at("23T09:05"), &held, &SeatId::new("a"), "x"), Err(Refused::InCall));
}

#[test]
fn a04_a13_an_agent_may_not_start_a_call_that_nobody_may_make() {
    let (p, c) = (excavator(), calendar());
    let start = |visit: &Visit, now: &str| may_start(at(now), visit, &p, &c).map_err(|refused| refused.to_string());
    let visit = fresh("v1", "23T09:00");
    assert_eq!(start(&visit, "23T09:05"), Ok(()));
    assert!(start(&visit, "23T20:05").unwrap_err().contains("A13"));
    let hung_up = attempt(&visit, "23T14:20", Outcome::HungUp, None);
    assert!(start(&hung_up, "23T14:30").unwrap_err().contains("A04"));
    assert_eq!(start(&hung_up, "23T15:20"), Ok(()));
}
