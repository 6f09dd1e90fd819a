//! RULES A: when a visit is called, and called again.

use super::{Office, at, completed, no_answer};
use huifang::domain::call::outcome::{ConversationEnd, Outcome};
use huifang::domain::order::Claims;
use huifang::domain::programme::{DialMode, Trigger};
use huifang::domain::visit::task::{CloseCause, Refused, VisitState, WaitReason, dial_now};

/// The window of the only visit that `trigger` begins: the first working instant, due, deadline.
#[track_caller]
fn check_window(programme: &str, trigger: Trigger, happened: &str, want: [&str; 3]) {
    let mut office = Office::new(happened);
    let begun = office.report(programme, trigger);
    let visit = &office.visits[begun[0]];
    let got = [visit.clock_starts_at, visit.due_at, visit.deadline_at];
    assert_eq!(got, want.map(at), "{programme} {happened}");
}

/// A cause in words, once the visit is late.
fn late_cause(office: &Office, visit: usize) -> &str {
    office.visits[visit].late_cause.as_deref().unwrap_or_default()
}

#[test]
fn a01_the_user_is_called_within_thirty_minutes_of_the_sms_and_else_it_is_late_with_a_cause() {
    let mut office = Office::new("2026-11-23T09:00");
    let visit = office.report("excavator", Trigger::Sms)[0];
    office.run("2026-11-23T18:00", |_| completed());
    assert_eq!(office.called(visit), ["2026-11-23 09:00"]);

    let mut office = Office { lines: 0, ..Office::new("2026-11-23T09:00") };
    let visit = office.report("excavator", Trigger::Sms)[0];
    office.run("2026-11-23T09:30", |_| completed());
    assert_eq!(late_cause(&office, visit), "");
    office.run("2026-11-23T09:31", |_| completed());
    assert!(late_cause(&office, visit).contains("到期前没有呼叫"), "{}", late_cause(&office, visit));
}

#[test]
fn a02_after_three_hours_it_is_escalated_and_still_called() {
    let mut office = Office { lines: 0, ..Office::new("2026-11-23T08:00") };
    let visit = office.report("excavator", Trigger::Sms)[0];
    office.run("2026-11-23T11:00", |_| completed());
    assert_eq!(office.visits[visit].escalated_at, None);
    office.run("2026-11-23T11:30", |_| completed());
    assert!(office.visits[visit].escalated_at.is_some() && office.is_open(visit));
    office.lines = 10;
    office.run("2026-11-23T12:00", |_| completed());
    assert!(matches!(office.visits[visit].state, VisitState::Completed { .. }));
}

#[test]
fn a03_an_sms_outside_working_hours_starts_its_clock_at_the_next_opening_and_both_times_are_kept() {
    let want = ["2026-11-23T08:00", "2026-11-23T08:30", "2026-11-23T11:00"];
    check_window("excavator", Trigger::Sms, "2026-11-21T10:00", want);
    let mut office = Office::new("2026-11-21T10:00");
    let visit = office.report("excavator", Trigger::Sms)[0];
    assert_eq!(office.visits[visit].sms_at, at("2026-11-21T10:00"));
    assert!(office.why(visit).contains("A03"), "{}", office.why(visit));
}

#[test]
fn a04_a_customer_who_hung_up_is_not_called_again_at_once_by_nobody() {
    let mut office = Office::new("2026-11-23T09:00");
    let visit = office.report("excavator", Trigger::Sms)[0];
    office.run("2026-11-23T09:30", |_| (Outcome::HungUp, None));
    let early = dial_now(office.now, &office.visits[visit], "主管", office.programme("excavator"), &office.calendar);
    assert!(matches!(early, Err(Refused::RedialGuard { until, .. }) if until == at("2026-11-23T10:00")), "{early:?}");
    office.run("2026-11-23T18:00", |_| completed());
    assert_eq!(office.called(visit), ["2026-11-23 09:00", "2026-11-23 10:00"]);
}

#[test]
fn a05_a06_two_redials_a_day_apart_and_then_a_text_message() {
    let mut office = Office::new("2026-11-23T10:00");
    let visit = office.report("dealer", Trigger::OrderClosed)[0];
    // Whatever keeps the customer from answering.
    office.run("2026-12-23T10:00", |visit| match visit.attempts {
        1 => no_answer(),
        2 => (Outcome::Unreachable, None),
        _ => (Outcome::Busy, None),
    });
    assert_eq!(office.called(visit), ["2026-11-23 10:00", "2026-11-24 10:00", "2026-11-25 10:00"]);
    let VisitState::Closed { cause, .. } = office.visits[visit].state else { panic!("open") };
    assert_eq!(cause, CloseCause::Sms);
}

#[test]
fn a07_who_has_no_time_now_is_called_at_the_time_he_names() {
    let mut office = Office::new("2026-11-23T10:00");
    let visit = office.report("dealer", Trigger::OrderClosed)[0];
    let then = Some(at("2026-11-23T16:30"));
    office.run("2026-11-23T12:00", |_| {
        (Outcome::Answered, Some(ConversationEnd::Callback { said: Some("四点半".into()), at: then }))
    });
    assert!(office.why(visit).contains("16:30"), "{}", office.why(visit));
    office.run("2026-11-23T18:00", |_| completed());
    assert_eq!(office.called(visit), ["2026-11-23 10:00", "2026-11-23 16:30"]);
}

#[test]
fn a08_a_wrong_number_is_never_dialled_again() {
    let mut office = Office::new("2026-11-23T10:00");
    let visit = office.report("dealer", Trigger::OrderClosed)[0];
    office.run("2026-12-23T10:00", |_| (Outcome::Answered, Some(ConversationEnd::WrongNumber)));
    assert_eq!(office.called(visit).len(), 1);
    assert!(matches!(office.visits[visit].state, VisitState::Closed { cause: CloseCause::WrongNumber, .. }));
}

#[test]
fn a09_a_car_that_was_handed_over_is_due_within_three_days() {
    let want = ["2026-11-23T10:00", "2026-11-26T10:00", "2026-11-28T10:00"];
    check_window("dealer", Trigger::OrderClosed, "2026-11-23T10:00", want);
}

#[test]
fn a10_so_is_a_visit_to_the_workshop_over_a_weekend_too() {
    let want = ["2026-11-23T08:00", "2026-11-24T10:00", "2026-11-26T10:00"];
    check_window("dealer", Trigger::OrderClosed, "2026-11-21T10:00", want);
}

#[test]
fn a11_a12_the_customer_is_called_on_the_third_day_and_between_the_eighth_and_the_fifteenth() {
    let mut office = Office::new("2026-11-16T15:00");
    let visits = office.report("customer-care", Trigger::OrderClosed);
    assert!(office.why(visits[0]).contains("第 3 天"), "{}", office.why(visits[0]));
    let second = &office.visits[visits[1]];
    assert_eq!((second.clock_starts_at, second.due_at), (at("2026-11-24T08:00"), at("2026-12-02T00:00")));
    office.run("2026-12-31T00:00", |_| completed());
    assert_eq!(office.called(visits[0]), ["2026-11-19 09:00"]);
    assert_eq!(office.called(visits[1]), ["2026-11-24 09:00"]);
}

#[test]
fn a13_nobody_is_called_at_rest_not_by_hand_either() {
    let mut office = Office::new("2026-11-19T13:30");
    office.now = at("2026-11-16T13:30");
    let visit = office.report("customer-care", Trigger::OrderClosed)[0];
    office.now = at("2026-11-19T13:30");
    assert!(office.why(visit).contains("A13"), "{}", office.why(visit));
    let by_hand =
        dial_now(office.now, &office.visits[visit], "主管", office.programme("customer-care"), &office.calendar);
    assert!(
        matches!(by_hand, Err(Refused::QuietHours { until, .. }) if until == at("2026-11-19T14:30")),
        "{by_hand:?}"
    );
    office.run("2026-11-19T18:00", |_| completed());
    assert_eq!(office.called(visit), ["2026-11-19 14:30"]);
}

#[test]
fn a14_a_complaint_that_was_handled_is_called_again_within_three_days_and_red_after() {
    let want = ["2026-11-23T16:00", "2026-11-26T16:00", "2026-11-26T16:00"];
    check_window("service-tracking", Trigger::ComplaintHandled, "2026-11-23T16:00", want);
    let mut office = Office { lines: 0, ..Office::new("2026-11-23T16:00") };
    let visit = office.report("service-tracking", Trigger::ComplaintHandled)[0];
    office.run("2026-11-26T16:30", |_| completed());
    assert!(office.visits[visit].escalated_at.is_some());
}

#[test]
fn a15_every_handling_of_a_complaint_is_followed_by_one_more_call() {
    let mut office = Office::new("2026-11-23T16:00");
    let first = office.report("service-tracking", Trigger::ComplaintHandled);
    office.run("2026-11-25T10:00", |_| completed());
    let second = office.report("service-tracking", Trigger::ComplaintHandled);
    office.run("2026-11-30T10:00", |_| completed());
    assert_eq!((first.len(), second.len()), (1, 1), "and no visit for the order itself");
    assert_eq!((office.called(first[0]).len(), office.called(second[0]).len()), (1, 1));
}

#[test]
fn a16_two_hours_after_advice_by_telephone() {
    let mut office = Office::new("2026-11-23T09:00");
    let visit = office.report("phone-advice", Trigger::PhoneAdvice)[0];
    office.run("2026-11-23T18:00", |_| completed());
    assert_eq!(office.called(visit), ["2026-11-23 11:00"]);
    let want = ["2026-11-24T08:00", "2026-11-24T08:30", "2026-11-24T11:00"];
    check_window("phone-advice", Trigger::PhoneAdvice, "2026-11-23T17:30", want);
}

#[test]
fn a17_two_hours_after_a_repair_without_a_test_run() {
    let mut office = Office::new("2026-11-23T13:15");
    let visit = office.report("untested-repair", Trigger::UntestedRepair)[0];
    office.run("2026-11-23T18:00", |_| completed());
    assert_eq!(office.called(visit), ["2026-11-23 15:15"]);
}

#[test]
fn a18_a_person_asks_whether_the_fault_is_gone_and_the_visit_is_open_until_it_is() {
    let mut office = Office::new("2026-11-23T09:00");
    assert_eq!(office.programme("phone-advice").mode, Some(DialMode::Agent));
    let visit = office.report("phone-advice", Trigger::PhoneAdvice)[0];
    let tomorrow = ConversationEnd::Callback { said: None, at: Some(at("2026-11-24T10:00")) };
    office.run("2026-11-23T18:00", |_| (Outcome::Answered, Some(tomorrow.clone())));
    assert!(office.is_open(visit));
    office.run("2026-11-24T18:00", |_| completed());
    assert_eq!(office.called(visit), ["2026-11-23 11:00", "2026-11-24 10:00"]);
}

#[test]
fn a19_a_promise_has_its_own_clock_and_is_red_when_it_is_overdue() {
    let want = ["2026-11-23T17:30", "2026-11-24T08:30", "2026-11-24T10:30"];
    check_window("promise", Trigger::Promise, "2026-11-23T17:30", want);
    let mut office = Office { lines: 0, ..Office::new("2026-11-23T09:00") };
    let visit = office.report("promise", Trigger::Promise)[0];
    office.run("2026-11-23T13:30", |_| completed());
    assert!(office.visits[visit].escalated_at.is_some());
}

#[test]
fn a20_no_number_of_attempts_closes_a_promise_before_the_result_was_told() {
    let mut office = Office::new("2026-11-23T09:00");
    let visit = office.report("promise", Trigger::Promise)[0];
    office.run("2026-12-23T09:00", |_| no_answer());
    let VisitState::Waiting { reason, .. } = &office.visits[visit].state else { panic!("closed") };
    assert!(matches!(reason, WaitReason::ForPerson { .. }), "{reason:?}");
}

#[test]
fn a21_a22_a23_power_on_is_followed_after_one_six_and_twelve_months_and_yearly_to_the_thirty_sixth() {
    let mut office = Office::new("2026-03-10T10:00");
    let visits = office.report("power-equipment", Trigger::PowerOn);
    office.run("2030-01-01T00:00", |_| completed());
    let called: Vec<String> = visits.iter().flat_map(|visit| office.called(*visit)).collect();
    let want = ["2026-04-10 10:00", "2026-09-10 10:00", "2027-03-10 10:00", "2028-03-10 10:00", "2029-02-12 09:00"];
    assert_eq!(called, want);
}

#[test]
fn a24_the_warranty_ends_twelve_months_after_power_on_or_eighteen_after_dispatch() {
    #[track_caller]
    fn check(dispatched: Option<&str>, powered: Option<&str>, want: Option<&str>) {
        let day = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        let claims = Claims { dispatched_on: day(dispatched), powered_on: day(powered), ..Claims::default() };
        assert_eq!(claims.warranty_ends_on(), day(want), "{dispatched:?} {powered:?}");
    }
    check(Some("2026-01-31"), None, Some("2027-07-31"));
    check(None, Some("2026-03-10"), Some("2027-03-10"));
    check(Some("2026-01-31"), Some("2026-03-10"), Some("2027-03-10"));
    check(Some("2026-01-31"), Some("2026-11-10"), Some("2027-07-31"));
    check(None, None, None);
}

#[test]
fn a25_visits_may_be_batched_for_a_month_and_are_red_after() {
    let mut office = Office { lines: 0, ..Office::new("2026-03-10T10:00") };
    let visit = office.report("power-equipment", Trigger::PowerOn)[0];
    // Nothing happens in between but that a line is looked for, every minute.
    office.now = at("2026-05-10T09:30");
    office.run("2026-05-10T10:00", |_| completed());
    assert_eq!(office.visits[visit].escalated_at, None);
    office.run("2026-05-10T10:30", |_| completed());
    assert!(office.visits[visit].escalated_at.is_some());
}
