//! A month of a site, and several in a row.

use crate::domain::calendar::midnight;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use std::fmt;

/// A month of the local calendar. Its first day stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(Date);

impl Month {
    /// Reads `2026-11`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let plain = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        if !plain(year, 4) || !plain(month, 2) {
            return None;
        }
        Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok().map(Self)
    }

    /// The one that holds a day.
    pub fn of(day: Date) -> Self {
        Self(day.first_of_month())
    }

    /// The one that holds an instant at the site.
    pub fn at(instant: Timestamp, zone: &TimeZone) -> Self {
        Self::of(instant.to_zoned(zone.clone()).date())
    }

    /// One of its days; the last one where it has fewer.
    pub fn day(self, day: i8) -> Date {
        let day = day.clamp(1, self.0.days_in_month());
        date(self.0.year(), self.0.month(), day)
    }

    /// So many months later, or earlier; stops at the ends of the calendar.
    pub fn plus(self, months: i32) -> Self {
        Self(self.0.saturating_add(Span::new().months(months)).first_of_month())
    }

    /// `[start, end)` at the site.
    pub fn span(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        (midnight(self.0, zone), midnight(self.plus(1).0, zone))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m"))
    }
}

/// Months in a row, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Month,
    pub to: Month,
}

impl Period {
    /// A longer one is read month by month.
    pub const MONTHS_MAX: usize = 12;

    /// `None` when it ends before it begins, or is too long.
    pub fn new(from: Month, to: Month) -> Option<Self> {
        let period = Self { from, to };
        let length = period.months().count();
        (1..=Self::MONTHS_MAX).contains(&length).then_some(period)
    }

    pub fn month(month: Month) -> Self {
        Self { from: month, to: month }
    }

    /// Its months in order; at most one more than are allowed.
    pub fn months(self) -> impl Iterator<Item = Month> {
        std::iter::successors(Some(self.from), |month| Some(month.plus(1)))
            .take_while(move |month| *month <= self.to)
            .take(Self::MONTHS_MAX + 1)
    }
}

impl fmt::Display for Period {
    /// `2026-11`, or `2026-09_2026-11`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to { write!(f, "{}", self.from) } else { write!(f, "{}_{}", self.from, self.to) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        Month::parse(text).unwrap()
    }

    #[test]
    fn a_month_is_written_as_year_and_two_digits() {
        for (text, ok) in [
            ("2026-11", true),
            ("2026-1", false),
            ("2026-13", false),
            ("2026-00", false),
            ("26-11", false),
            ("2026-11-01", false),
            ("+026-11", false),
            ("2026-+1", false),
            ("", false),
        ] {
            assert_eq!(Month::parse(text).is_some(), ok, "{text:?}");
        }
        assert_eq!(month("2026-02").to_string(), "2026-02");
    }

    #[test]
    fn a_month_begins_and_ends_at_midnight_of_the_site() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let (from, to) = month("2026-12").span(&zone);
        assert_eq!((from.to_string(), to.to_string()), ("2026-11-30T16:00:00Z".into(), "2026-12-31T16:00:00Z".into()));
        assert_eq!(Month::at(from, &zone), month("2026-12"));
        assert_eq!(Month::at(from - jiff::SignedDuration::from_millis(1), &zone), month("2026-11"));
    }

    #[test]
    fn a_day_that_a_month_lacks_is_its_last() {
        assert_eq!(month("2026-02").day(31), date(2026, 2, 28));
        assert_eq!(month("2026-02").day(25), date(2026, 2, 25));
    }

    #[test]
    fn a_period_has_one_to_twelve_months() {
        for (from, to, months) in [
            ("2026-11", "2026-11", Some(1)),
            ("2025-12", "2026-11", Some(12)),
            ("2025-11", "2026-11", None),
            ("2026-11", "2026-10", None),
        ] {
            let period = Period::new(month(from), month(to));
            assert_eq!(period.map(|p| p.months().count()), months, "{from} to {to}");
        }
    }
}
