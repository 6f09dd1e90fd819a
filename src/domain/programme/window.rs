//! 时限: when a visit may begin, should be made, and must be made, counted from what triggered it.
//!
//! Contract: calendar time (minutes, days, months) counts from the trigger; working time counts from the first working instant in which
//! the visit may begin, so a trigger after hours starts its clock at the next opening (A03). `day 3` is the third day after the local day
//! of the trigger: as a beginning its first instant, as an end its last. Whatever the units, the deadline is never before the due time.

use crate::domain::calendar::Calendar;
use jiff::civil::Time;
use jiff::{SignedDuration, Span, Timestamp};
use std::fmt;
use std::time::Duration;

/// The longest offset: ten years, as far as a calendar looks.
const DAYS_MAX: u32 = 3650;
const MINUTE: Duration = Duration::from_secs(60);

/// A length of time after the trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offset {
    /// Written `30 working min` or `3 working h`.
    WorkingMin(u32),
    /// Written `90 min` or `2 h`, on the wall clock.
    Minutes(u32),
    /// Written `3 days`: the same local time so many days later.
    Days(u32),
    /// Written `day 8`: that local day as a whole.
    Day(u32),
    /// Written `6 months`: the same local day and time of that month, or its last day where it is shorter.
    Months(u32),
}

/// When a visit may begin, should be made (A01) and must be made (A02).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `None`: at once.
    pub after: Option<Offset>,
    pub due: Offset,
    pub deadline: Offset,
}

/// A window on the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The first working instant in which the visit may begin (A03).
    pub clock_starts_at: Timestamp,
    pub due_at: Timestamp,
    pub deadline_at: Timestamp,
}

impl Window {
    /// The window of something that happened at `at`.
    pub fn times(&self, at: Timestamp, calendar: &Calendar) -> Times {
        let opens_at = self.after.map_or(at, |after| after.begins(at, calendar));
        let clock_starts_at = calendar.next_opening(opens_at);
        let ends = |offset: Offset| match offset {
            Offset::WorkingMin(minutes) => calendar.add_working(clock_starts_at, MINUTE * minutes),
            other => other.ends(at, calendar),
        };
        let due_at = ends(self.due);
        Times { clock_starts_at, due_at, deadline_at: ends(self.deadline).max(due_at) }
    }
}

impl Offset {
    /// Reads `30 working min`, `3 working h`, `90 min`, `2 h`, `3 days`, `day 8`, `6 months`; at least one, at most ten years.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |text: &str| text.parse::<u32>().ok().filter(|n| (1..=DAYS_MAX * 24 * 60).contains(n));
        let offset = match words.as_slice() {
            ["day", n] => Self::Day(number(n)?),
            [n, "day" | "days"] => Self::Days(number(n)?),
            [n, "month" | "months"] => Self::Months(number(n)?),
            [n, "min"] => Self::Minutes(number(n)?),
            [n, "h"] => Self::Minutes(number(n)?.checked_mul(60)?),
            [n, "working", "min"] => Self::WorkingMin(number(n)?),
            [n, "working", "h"] => Self::WorkingMin(number(n)?.checked_mul(60)?),
            _ => return None,
        };
        (offset.days_at_most() <= f64::from(DAYS_MAX)).then_some(offset)
    }

    /// For people: `3 天`, `第 8 天`.
    pub fn text_zh(self) -> String {
        match self {
            Self::WorkingMin(n) => format!("工作时间 {n} 分钟"),
            Self::Minutes(n) if n % 60 == 0 => format!(" {} 小时", n / 60),
            Self::Minutes(n) => format!(" {n} 分钟"),
            Self::Days(n) => format!(" {n} 天"),
            Self::Day(n) => format!("第 {n} 天"),
            Self::Months(n) => format!(" {n} 个月"),
        }
    }

    /// Whether it counts working time, which cannot be compared with the calendar.
    pub fn is_working(self) -> bool {
        matches!(self, Self::WorkingMin(_))
    }

    /// Whether this, as an end, is surely not before `earlier`; `false` also where that depends on the calendar and the month.
    pub fn is_not_before(self, earlier: Offset) -> bool {
        self == earlier || self.days_at_least() >= earlier.days_at_most()
    }

    /// Whether a window that begins so far on could still be made by `end`.
    pub fn begins_before(self, end: Offset) -> bool {
        match (self, end) {
            (_, Self::WorkingMin(_)) => true,
            (Self::Day(from), Self::Day(to)) => from <= to,
            (from, to) => from.days_at_least() < to.days_at_least(),
        }
    }

    fn days_at_least(self) -> f64 {
        match self {
            Self::WorkingMin(n) | Self::Minutes(n) => f64::from(n) / 1440.0,
            Self::Days(n) | Self::Day(n) => f64::from(n),
            Self::Months(n) => f64::from(n) * 28.0,
        }
    }

    fn days_at_most(self) -> f64 {
        match self {
            Self::WorkingMin(n) | Self::Minutes(n) => f64::from(n) / 1440.0,
            Self::Days(n) => f64::from(n),
            Self::Day(n) => f64::from(n) + 1.0,
            Self::Months(n) => f64::from(n) * 31.0,
        }
    }

    /// As the first instant of a window.
    fn begins(self, at: Timestamp, calendar: &Calendar) -> Timestamp {
        match self {
            Self::WorkingMin(minutes) => calendar.add_working(at, MINUTE * minutes),
            Self::Minutes(minutes) => later(at, minutes),
            Self::Days(n) => local(at, calendar, Span::new().days(n)),
            Self::Day(n) => midnight(at, calendar, n),
            Self::Months(n) => local(at, calendar, Span::new().months(n)),
        }
    }

    /// As the last instant of a window.
    fn ends(self, at: Timestamp, calendar: &Calendar) -> Timestamp {
        match self {
            Self::Day(n) => midnight(at, calendar, n.saturating_add(1)),
            other => other.begins(at, calendar),
        }
    }
}

/// As it is written in a file.
impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::WorkingMin(n) => write!(f, "{n} working min"),
            Self::Minutes(n) => write!(f, "{n} min"),
            Self::Days(n) => write!(f, "{n} days"),
            Self::Day(n) => write!(f, "day {n}"),
            Self::Months(n) => write!(f, "{n} months"),
        }
    }
}

fn later(at: Timestamp, minutes: u32) -> Timestamp {
    at.checked_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(Timestamp::MAX)
}

/// The same local time after `span`; where clocks skip it, the instant that its offset before the change gives.
fn local(at: Timestamp, calendar: &Calendar, span: Span) -> Timestamp {
    at.to_zoned(calendar.tz().clone()).checked_add(span).map_or(Timestamp::MAX, |then| then.timestamp())
}

/// The first instant of the local day `days` after that of `at`.
fn midnight(at: Timestamp, calendar: &Calendar, days: u32) -> Timestamp {
    let date = at.to_zoned(calendar.tz().clone()).date();
    let then = date.checked_add(Span::new().days(days)).map(|date| date.to_datetime(Time::midnight()));
    then.and_then(|then| calendar.tz().to_ambiguous_timestamp(then).compatible()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::SiteHours;

    fn calendar(zone: &str) -> Calendar {
        let work_hours = ["08:00-12:00", "13:00-18:00"].map(String::from).into();
        Calendar::new(&SiteHours { timezone: zone.into(), work_hours, holidays: "cn".into() }).unwrap()
    }

    fn offset(text: &str) -> Offset {
        Offset::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn an_offset_is_read_and_written_and_anything_else_is_refused() {
        for (text, want) in [
            ("30 working min", Offset::WorkingMin(30)),
            ("3 working h", Offset::WorkingMin(180)),
            ("2 h", Offset::Minutes(120)),
            ("90 min", Offset::Minutes(90)),
            ("3 days", Offset::Days(3)),
            ("1 day", Offset::Days(1)),
            ("day 15", Offset::Day(15)),
            ("36 months", Offset::Months(36)),
        ] {
            assert_eq!(offset(text), want);
            assert_eq!(offset(&want.to_string()), want);
        }
        for text in ["", "3", "0 h", "-1 day", "3 weeks", "day", "4000 days", "99999999 h", "200 months", "1.5 h"] {
            assert_eq!(Offset::parse(text), None, "{text}");
        }
    }

    #[test]
    fn calendar_time_counts_from_the_trigger_and_working_time_from_the_first_working_instant() {
        let c = calendar("Asia/Shanghai");
        let at = |local: &str| format!("{local}+08:00").parse::<Timestamp>().unwrap();
        for (happened, after, due, deadline, want) in [
            ("2026-11-23T09:00", None, "30 working min", "3 working h", ["23T09:00", "23T09:30", "23T12:00"]),
            ("2026-11-22T10:00", None, "30 working min", "3 working h", ["23T08:00", "23T08:30", "23T11:00"]),
            ("2026-11-23T09:00", Some("2 h"), "30 working min", "3 h", ["23T11:00", "23T11:30", "23T12:00"]),
            ("2026-11-23T17:00", Some("2 h"), "30 working min", "1 working h", ["24T08:00", "24T08:30", "24T09:00"]),
            ("2026-11-23T09:00", None, "3 days", "day 3", ["23T09:00", "26T09:00", "27T00:00"]),
            ("2026-11-02T09:00", Some("day 8"), "day 15", "day 15", ["10T08:00", "18T00:00", "18T00:00"]),
            // The units disagree over a weekend: the deadline gives way.
            ("2026-11-21T09:00", None, "30 working min", "1 h", ["23T08:00", "23T08:30", "23T08:30"]),
        ] {
            let window = Window { after: after.map(offset), due: offset(due), deadline: offset(deadline) };
            let times = window.times(at(happened), &c);
            let got = [times.clock_starts_at, times.due_at, times.deadline_at];
            assert_eq!(got, want.map(|t| at(&format!("2026-11-{t}"))), "{happened} {after:?} {due} {deadline}");
        }
    }

    #[test]
    fn days_and_months_keep_the_local_time_where_clocks_change_and_the_last_day_of_a_short_month() {
        let c = calendar("Europe/Berlin");
        let at = |local: &str| local.parse::<Timestamp>().unwrap();
        assert_eq!(offset("1 day").ends(at("2026-03-28T12:00+01:00"), &c), at("2026-03-29T12:00+02:00"));
        assert_eq!(offset("day 1").ends(at("2026-03-28T12:00+01:00"), &c), at("2026-03-30T00:00+02:00"));
        assert_eq!(offset("1 month").begins(at("2026-01-31T12:00+01:00"), &c), at("2026-02-28T12:00+01:00"));
    }

    #[test]
    fn ends_that_can_come_before_each_other_are_told_apart() {
        for (late, early, want) in [
            ("day 15", "day 15", true),
            ("day 15", "day 14", true),
            ("3 days", "day 3", false),
            ("day 3", "3 days", true),
            ("1 month", "28 days", true),
            ("1 month", "29 days", false),
            ("3 working h", "30 working min", true),
        ] {
            assert_eq!(offset(late).is_not_before(offset(early)), want, "{late} {early}");
        }
        assert!(offset("day 3").begins_before(offset("day 3")));
        assert!(!offset("2 h").begins_before(offset("2 h")));
        assert!(offset("2 h").begins_before(offset("30 working min")));
    }
}
