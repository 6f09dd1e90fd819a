//! The calls of a day: `dialer.daily_calls`.

use super::*;

/// Of the 23rd.
fn spent(calls_max: u32, spent: u32) -> Option<Budget> {
    Some(Budget { limit: DayLimit { from: at("23T00:00"), until: at("24T00:00"), calls_max }, spent })
}

#[test]
fn no_more_is_dialled_than_is_left_of_the_day_whoever_makes_the_call_the_most_urgent_first() {
    #[track_caller]
    fn check(programme: &str, budget: Option<Budget>, want: &[&str]) {
        let visits: Vec<Visit> =
            (1..=4).map(|i| of(programme, fresh(&format!("v{i}"), &format!("23T09:0{i}")))).collect();
        let mut s = Situation { capacity: Capacity { voice_free: 9, reserve_idle_seats: 0 }, ..situation(&visits) };
        s.gate.budget = budget;
        assert_eq!(ids(&plan(at("23T09:10"), &s).dial), want, "{programme} {budget:?}");
    }
    check("excavator", None, &["v1", "v2", "v3", "v4"]);
    check("excavator", spent(10, 8), &["v1", "v2"]);
    check("agents", spent(10, 8), &["v1", "v2"]);
    check("excavator", spent(10, 10), &[]);
    check("excavator", spent(10, 12), &[]);
}

#[test]
fn a_visit_for_which_nothing_is_left_says_so_waits_for_the_next_day_and_becomes_late_with_that_cause() {
    let by_hand = dial_now(at("23T09:30"), &fresh("v1", "23T09:00"), "李主管", &excavator(), &CALENDAR).unwrap();
    for visit in [fresh("v1", "23T09:00"), by_hand] {
        let visits = [visit];
        let mut s = situation(&visits);
        s.gate.budget = spent(500, 500);
        let text = "今天的外呼次数已用完（dialer.daily_calls = 500），明天 00:00 起再拨";
        let why = why(at("23T09:31"), &visits[0], &s);
        assert_eq!((why.code, why.text_zh.as_str(), why.until), (WhyCode::DayIsSpent, text, Some(at("24T00:00"))));
        let decided = plan(at("23T10:31"), &s);
        assert!(decided.dial.is_empty() && decided.late[0].1.ends_with(text), "{:?}", decided.late);
        assert_eq!(clock(plan(at("23T20:30"), &s).next_wakeup.unwrap()), "24 08:00", "the hour holds it longer");
    }
}
