use super::*;
use proptest::prelude::*;

fn hours(timezone: &str, shifts: &[&str], holidays: &str) -> SiteHours {
    SiteHours {
        timezone: timezone.into(),
        work_hours: shifts.iter().map(|s| s.to_string()).collect(),
        holidays: holidays.into(),
    }
}

fn calendar(timezone: &str, shifts: &[&str], holidays: &str) -> Calendar {
    Calendar::new(&hours(timezone, shifts, holidays)).unwrap()
}

fn site() -> Calendar {
    calendar("Asia/Shanghai", &["08:00-12:00", "13:00-18:00"], "cn")
}

/// `2026-11-23 08:00` in the calendar's zone.
fn at(calendar: &Calendar, local: &str) -> Timestamp {
    local.parse::<DateTime>().unwrap().to_zoned(calendar.tz.clone()).unwrap().timestamp()
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a03_the_next_opening_skips_nights_weekends_and_holidays_and_counts_makeup_days() {
    let c = site();
    for (t, want) in [
        ("2026-11-23 09:00", "2026-11-23 09:00"),
        ("2026-11-23 08:00", "2026-11-23 08:00"),
        ("2026-11-23 07:59:59", "2026-11-23 08:00"),
        ("2026-11-23 12:00", "2026-11-23 13:00"), // a shift ends before its last instant
        ("2026-11-23 18:00", "2026-11-24 08:00"),
        ("2026-11-20 18:30", "2026-11-23 08:00"), // Friday evening
        ("2026-02-14 19:00", "2026-02-24 08:00"), // before 春节
        ("2026-02-13 19:00", "2026-02-14 08:00"), // a Saturday that is worked
        ("2026-09-30 18:00", "2026-10-08 08:00"),
    ] {
        assert_eq!(c.next_opening(at(&c, t)), at(&c, want), "{t}");
        assert_eq!(c.is_open(at(&c, t)), t == want, "{t}");
    }
}

#[test]
fn f04_a_working_day_ends_with_its_last_shift_and_what_comes_later_belongs_to_the_next() {
    let c = site();
    for (t, want) in [
        ("2026-11-23 07:00", "2026-11-23 18:00"),
        ("2026-11-23 12:30", "2026-11-23 18:00"),
        ("2026-11-23 17:59", "2026-11-23 18:00"),
        ("2026-11-23 18:00", "2026-11-24 18:00"),
        ("2026-11-20 19:00", "2026-11-23 18:00"), // Friday evening
        ("2026-09-30 19:00", "2026-10-08 18:00"),
    ] {
        assert_eq!(c.day_end(at(&c, t)), at(&c, want), "{t}");
    }
    let day_and_night = calendar("Asia/Shanghai", &["00:00-24:00"], "every_day");
    assert_eq!(day_and_night.day_end(at(&day_and_night, "2026-11-22 23:00")), at(&day_and_night, "2026-11-23 00:00"));
}

#[test]
fn a01_a02_thirty_minutes_and_three_hours_run_in_working_time() {
    let c = site();
    for (t, minutes, want) in [
        ("2026-11-23 09:00", 30, "2026-11-23 09:30"),
        ("2026-11-23 11:45", 30, "2026-11-23 13:15"),
        ("2026-11-23 11:30", 30, "2026-11-23 12:00"), // the end of the shift, not the start of the next
        ("2026-11-23 17:50", 30, "2026-11-24 08:20"),
        ("2026-11-23 22:00", 30, "2026-11-24 08:30"),
        ("2026-11-20 17:00", 180, "2026-11-23 10:00"),
        ("2026-09-30 17:45", 30, "2026-10-08 08:15"),
        ("2026-11-23 09:00", 0, "2026-11-23 09:00"),
        ("2026-11-22 09:00", 0, "2026-11-22 09:00"),
        ("2026-11-23 08:00", 9 * 60 * 5, "2026-11-27 18:00"),
    ] {
        assert_eq!(c.add_working(at(&c, t), minutes * MINUTE), at(&c, want), "{t} + {minutes} min");
    }
}

#[test]
fn working_time_between_two_instants_counts_only_open_time() {
    let c = site();
    for (a, b, minutes) in [
        ("2026-11-23 09:00", "2026-11-23 09:30", 30),
        ("2026-11-23 11:30", "2026-11-23 13:30", 60),
        ("2026-11-20 17:00", "2026-11-23 09:00", 120),
        ("2026-11-21 00:00", "2026-11-22 23:00", 0),
        ("2026-11-23 10:00", "2026-11-23 09:00", 0),
        ("2026-02-14 00:00", "2026-02-24 08:01", 541),
    ] {
        assert_eq!(c.working_between(at(&c, a), at(&c, b)), minutes * MINUTE, "{a} to {b}");
    }
}

#[test]
fn a_changed_clock_shortens_and_lengthens_the_shift_that_holds_it() {
    let c = calendar("America/New_York", &["01:00-04:00"], "every_day");
    let day = |d: &str| c.working_between(at(&c, &format!("{d} 00:00")), at(&c, &format!("{d} 12:00")));
    assert_eq!(day("2026-03-07"), 180 * MINUTE);
    assert_eq!(day("2026-03-08"), 120 * MINUTE, "02:00 to 03:00 is skipped");
    assert_eq!(day("2026-11-01"), 240 * MINUTE, "01:00 to 02:00 comes twice");
    let c = calendar("America/New_York", &["02:15-02:45", "03:00-04:00"], "every_day");
    let t = at(&c, "2026-03-08 01:00");
    assert_eq!(c.next_opening(t), at(&c, "2026-03-08 03:00"), "a shift wholly inside the skipped hour does not exist");
    let c = calendar("America/New_York", &["02:30-03:30"], "every_day");
    assert_eq!(c.next_opening(t), at(&c, "2026-03-08 03:00"), "a shift that begins in it begins at the change");
}

#[test]
fn quiet_hours_hold_on_every_day() {
    let c = site();
    let allowed = Shift::parse_day(&["08:00-20:00".to_string()]).unwrap();
    for (t, want) in [
        ("2026-11-22 10:00", "2026-11-22 10:00"), // Sunday
        ("2026-11-22 20:00", "2026-11-23 08:00"),
        ("2026-11-23 07:00", "2026-11-23 08:00"),
    ] {
        assert_eq!(c.next_within(&allowed, at(&c, t)), at(&c, want), "{t}");
        assert_eq!(c.is_within(&allowed, at(&c, t)), t == want, "{t}");
    }
}

#[test]
fn a_missing_year_is_announced_from_november_and_while_it_lasts() {
    let c = site();
    for (t, year) in [
        ("2025-12-31 10:00", None),
        ("2026-10-31 10:00", None),
        ("2026-11-01 00:00", Some("2027")),
        ("2027-03-01 10:00", Some("2027")),
        ("2024-06-01 10:00", Some("2024")),
    ] {
        let warning = c.coverage_warning(at(&c, t));
        assert_eq!(warning.is_some(), year.is_some(), "{t}: {warning:?}");
        assert!(year.is_none_or(|y| warning.unwrap_or_default().contains(y)), "{t}");
    }
    assert_eq!(calendar("Asia/Shanghai", &["08:00-12:00"], "none").coverage_warning(at(&c, "2027-03-01 10:00")), None);
}

#[test]
fn a_bad_site_is_an_error_that_names_the_value() {
    for (zone, shifts, holidays, want) in [
        ("Asia/Peking", vec!["08:00-12:00"], "cn", "Asia/Peking"),
        ("Asia/Shanghai", vec![], "cn", "1 to 12 shifts"),
        ("Asia/Shanghai", vec!["8-12"], "cn", "8-12"),
        ("Asia/Shanghai", vec!["08:00-25:00"], "cn", "08:00-25:00"),
        ("Asia/Shanghai", vec!["18:00-08:00"], "cn", "18:00-08:00"),
        ("Asia/Shanghai", vec!["08:00-08:00"], "cn", "08:00-08:00"),
        ("Asia/Shanghai", vec!["08:00-12:00", "11:00-18:00"], "cn", "11:00-18:00"),
        ("Asia/Shanghai", vec!["08:00-24:00", "11:00-18:00"], "cn", "11:00-18:00"),
        ("Asia/Shanghai", vec!["08:00-12:00"], "us", "us"),
    ] {
        let error = Calendar::new(&hours(zone, &shifts, holidays)).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
        assert!(!error.contains('\n'), "one line: {error}");
    }
}

#[test]
fn an_order_of_a_branch_is_counted_in_the_zone_and_the_shifts_of_the_branch() {
    let urumqi = hours("Asia/Urumqi", &["10:00-14:00", "15:30-19:30"], "cn");
    let c = site().with_branch("乌鲁木齐", &urumqi).unwrap();
    let t = at(&c, "2026-11-23 09:00");
    assert_eq!(c.of(None).next_opening(t), t);
    assert_eq!(c.of(Some("乌鲁木齐")).next_opening(t), at(&c, "2026-11-23 12:00"), "two hours behind");
    assert_eq!(c.of(Some("不存在")).next_opening(t), t, "an unknown branch is the site itself");
    assert!(c.has_branch("乌鲁木齐") && !c.has_branch("不存在"));
    let none = calendar("Asia/Shanghai", &["08:00-12:00"], "none");
    let warned = none.with_branch("b", &hours("Asia/Shanghai", &["08:00-12:00"], "cn")).unwrap();
    assert!(warned.coverage_warning(t).is_some(), "data that only a branch needs runs out too");
    assert!(site().with_branch("b", &hours("Asia/Peking", &["08:00-12:00"], "cn")).is_err());
}

fn any_calendar() -> impl Strategy<Value = Calendar> {
    let zones = prop::sample::select(vec![
        "Asia/Shanghai",
        "America/New_York",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Asia/Kathmandu",
    ]);
    let shifts = prop::sample::select(vec![
        vec!["08:00-12:00", "13:00-18:00"],
        vec!["00:00-24:00"],
        vec!["01:30-02:15", "02:20-02:40", "02:45-03:30", "22:00-24:00"],
        vec!["00:00-00:30", "23:30-24:00"],
        vec!["09:00-09:20"],
    ]);
    (zones, shifts, prop::sample::select(vec!["cn", "none", "every_day"])).prop_map(|(z, s, h)| calendar(z, &s, h))
}

/// 2025 to 2027, whole seconds.
fn any_instant() -> impl Strategy<Value = Timestamp> {
    (1_735_689_600_i64..1_830_297_600).prop_map(|s| Timestamp::from_second(s).unwrap())
}

/// Close to a change of clocks in New York, Berlin, Lord Howe or Cairo.
fn near_a_change() -> impl Strategy<Value = Timestamp> {
    let changes = vec![1_772_953_200_i64, 1_793_512_800, 1_774_746_000, 1_792_890_000, 1_775_314_800, 1_777_586_400];
    (prop::sample::select(changes), -90_000_i64..90_000).prop_map(|(c, d)| Timestamp::from_second(c + d).unwrap())
}

fn instant() -> impl Strategy<Value = Timestamp> {
    prop_oneof![any_instant(), near_a_change()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adding_and_measuring_working_time_are_inverse(c in any_calendar(), t in instant(), s in 1_u64..400_000) {
        let work = Duration::from_secs(s);
        let end = c.add_working(t, work);
        prop_assert_eq!(c.working_between(t, end), work);
        // The earliest such instant: a second before it, less had passed.
        let before = end - jiff::SignedDuration::from_secs(1);
        prop_assert!(c.working_between(t, before) < work);
    }

    #[test]
    fn adding_is_monotone_in_both_arguments(c in any_calendar(), t in instant(), dt in 0_i64..200_000, a in 0_u64..90_000, b in 0_u64..90_000) {
        let later = t + jiff::SignedDuration::from_secs(dt);
        let (small, big) = (Duration::from_secs(a.min(b)), Duration::from_secs(a.max(b)));
        prop_assert!(c.add_working(t, small) <= c.add_working(t, big));
        prop_assert!(c.add_working(t, small) <= c.add_working(later, small));
        prop_assert!(c.add_working(t, small) >= t);
    }

    #[test]
    fn working_time_adds_up_over_a_cut(c in any_calendar(), t in instant(), a in 0_i64..300_000, b in 0_i64..300_000) {
        let mid = t + jiff::SignedDuration::from_secs(a);
        let end = mid + jiff::SignedDuration::from_secs(b);
        prop_assert_eq!(c.working_between(t, mid) + c.working_between(mid, end), c.working_between(t, end));
    }

    #[test]
    fn a_sum_of_working_time_ends_inside_a_shift_or_at_its_end(c in any_calendar(), t in instant(), s in 1_u64..400_000) {
        let end = c.add_working(t, Duration::from_secs(s));
        prop_assert!(c.is_open(end - jiff::SignedDuration::from_nanos(1)));
    }

    #[test]
    fn the_next_opening_is_open_and_nothing_is_open_before_it(c in any_calendar(), t in instant()) {
        let opening = c.next_opening(t);
        prop_assert!(opening >= t);
        prop_assert!(c.is_open(opening));
        prop_assert_eq!(c.working_between(t, opening), Duration::ZERO);
        prop_assert_eq!(c.next_opening(opening), opening);
    }
}
