//! What the issue and the source texts print of each programme, word by word, beside what is shipped.

use super::shipped;
use huifang::domain::programme::selection::CustomerClass::{self, Complainer, Fleet, MajorRepair, Police, Vip};
use huifang::domain::programme::window::Offset::{self, Day, Days, Minutes, Months, WorkingMin};
use huifang::domain::programme::{DialMode, RetryRule, RuleKey, Then, Trigger};

/// One visit of a programme: what begins it, from when on, until when in time, until when at the latest.
type Visit = (&'static str, Trigger, Option<Offset>, Offset, Offset);

#[track_caller]
fn check_visits(name: &str, want: &[Visit]) {
    let programme = shipped(name);
    let got: Vec<_> = programme
        .stages
        .iter()
        .map(|stage| (stage.name.as_str(), stage.on[0], stage.window.after, stage.window.due, stage.window.deadline))
        .collect();
    assert_eq!(got, want, "{name}");
}

#[test]
fn every_programme_has_its_visits_and_their_windows() {
    use Trigger::{ComplaintHandled, OrderClosed, PhoneAdvice, PowerOn, Promise, Sms, UntestedRepair};
    let half_hour = WorkingMin(30);
    check_visits("excavator", &[("first", Sms, None, half_hour, WorkingMin(180))]);
    check_visits("dealer", &[("first", OrderClosed, None, Days(3), Days(5))]);
    check_visits("phone-advice", &[("first", PhoneAdvice, Some(Minutes(120)), half_hour, WorkingMin(180))]);
    check_visits("untested-repair", &[("first", UntestedRepair, Some(Minutes(120)), half_hour, WorkingMin(180))]);
    check_visits("promise", &[("first", Promise, None, WorkingMin(60), WorkingMin(180))]);
    check_visits(
        "service-tracking",
        &[
            ("first", OrderClosed, None, Days(3), Days(7)),
            ("after-complaint", ComplaintHandled, None, Days(3), Days(3)),
        ],
    );
    check_visits(
        "customer-care",
        &[
            ("day-3", OrderClosed, Some(Day(3)), Day(4), Day(7)),
            ("day-8-15", OrderClosed, Some(Day(8)), Day(15), Day(15)),
        ],
    );
    let month = |name, n| (name, PowerOn, Some(Months(n)), Months(n + 1), Months(n + 1));
    check_visits(
        "power-equipment",
        &[
            ("before-power-on", OrderClosed, None, Days(3), Days(7)),
            month("month-1", 1),
            month("month-6", 6),
            month("month-12", 12),
            month("month-24", 24),
            month("month-36", 35),
        ],
    );
    check_visits("ev-spot-check", &[("first", OrderClosed, Some(Day(7)), Months(1), Months(2))]);
}

/// Share, classes that are always visited, satisfaction questions, seconds of a call, attempts and what then.
type Limits = (u32, &'static [CustomerClass], u32, u64, u32, Then);

#[test]
fn every_programme_has_its_share_its_questions_its_minutes_and_its_end() {
    let target: &[CustomerClass] = &[Vip, Fleet, Police, MajorRepair, Complainer];
    let table: [(&str, Limits); 9] = [
        ("excavator", (100, &[], 5, 600, 8, Then::Close)),
        ("dealer", (100, &[], 3, 600, 3, Then::Sms)),
        ("phone-advice", (100, &[], 1, 300, 6, Then::MarkForAdviser)),
        ("untested-repair", (100, &[], 1, 300, 6, Then::MarkForAdviser)),
        ("service-tracking", (30, target, 3, 600, 4, Then::MarkForAdviser)),
        ("customer-care", (100, &[], 3, 180, 4, Then::Sms)),
        ("power-equipment", (100, &[], 5, 900, 6, Then::Letter)),
        ("ev-spot-check", (10, &[Complainer], 1, 300, 3, Then::Close)),
        ("promise", (100, &[], 1, 600, 10, Then::Hold)),
    ];
    for (name, want) in table {
        let p = shipped(name);
        let items = p.satisfaction_items(None);
        let got = (
            p.selection.share_percent,
            p.selection.always.as_slice(),
            items,
            p.call_max.as_secs(),
            p.attempts_max,
            p.attempts_then,
        );
        assert_eq!(got, want, "{name}");
        // A person talks in all but the first: their questions have no prompts.
        assert_eq!(p.mode, (name != "excavator").then_some(DialMode::Agent), "{name}");
        assert_eq!(p.selection.on_site_from_yuan, (name == "power-equipment").then_some(3_000_000.0), "{name}");
    }
}

#[test]
fn a04_a05_after_every_end_there_is_a_spacing_of_minutes_hours_or_a_day_and_no_person_is_pressed() {
    for (name, no_answer_min, hung_up_min) in [
        ("excavator", 20, 60),
        ("dealer", 1440, 1440),
        ("phone-advice", 20, 60),
        ("untested-repair", 20, 60),
        ("service-tracking", 240, 240),
        ("customer-care", 240, 240),
        ("power-equipment", 1440, 1440),
        ("ev-spot-check", 1440, 1440),
        ("promise", 20, 60),
    ] {
        let programme = shipped(name);
        let of = |key: &str| match programme.rule(RuleKey::parse(key).unwrap()) {
            RetryRule::Retry(retry) => Some((retry.spacing.as_secs() / 60, retry.binds_people)),
            RetryRule::Close(_) => None,
        };
        assert_eq!(of("no_answer"), Some((no_answer_min, false)), "{name}");
        for key in ["declined", "hung_up", "abandoned"] {
            assert_eq!(of(key), Some((hung_up_min, true)), "{name} {key}");
        }
        for key in ["refused", "wrong_number", "invalid_number"] {
            assert_eq!(of(key), None, "{name} {key}");
        }
    }
}
