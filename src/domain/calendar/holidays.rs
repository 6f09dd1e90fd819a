//! Which days are worked: the weekly rule, and the Chinese public holidays with 调休 from the data file.
//!
//! The data file is part of the binary. It is read once, when a calendar is made; a mistake in it is an error naming the entry.

use super::CalendarError;
use jiff::civil::{Date, Weekday};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const CN: &str = include_str!("holidays_cn.toml");
/// No announced holiday is longer; a longer range in the file is a typing error.
const HOLIDAY_DAYS_MAX: usize = 31;
/// The notice for the next year appears in November; before that its absence is no news.
const NOTICE_MONTH: i8 = 11;

/// Which days are worked.
#[derive(Clone, Debug)]
pub(super) enum DayRule {
    /// Monday to Friday, changed by the public holidays and 调休.
    Cn(Holidays),
    /// Monday to Friday.
    Weekdays,
    EveryDay,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Holidays {
    years: BTreeSet<i16>,
    /// true = worked (调休上班), false = off.
    changed: BTreeMap<Date, bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    year: Vec<Year>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Year {
    year: i16,
    source: String,
    off: Vec<String>,
    work: Vec<String>,
}

impl DayRule {
    pub(super) fn parse(name: &str) -> Result<Self, CalendarError> {
        match name {
            "cn" => Holidays::parse(CN).map(Self::Cn),
            "none" => Ok(Self::Weekdays),
            "every_day" => Ok(Self::EveryDay),
            other => Err(CalendarError::Holidays(other.to_string())),
        }
    }

    pub(super) fn is_worked(&self, date: Date) -> bool {
        let weekday = !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        match self {
            Self::Cn(holidays) => holidays.changed.get(&date).copied().unwrap_or(weekday),
            Self::Weekdays => weekday,
            Self::EveryDay => true,
        }
    }

    /// The first year without data that a site should hear of on `today`.
    pub(super) fn missing_year(&self, today: Date) -> Option<i16> {
        let Self::Cn(holidays) = self else { return None };
        let mut wanted = vec![today.year()];
        if today.month() >= NOTICE_MONTH {
            wanted.push(today.year() + 1);
        }
        wanted.into_iter().find(|year| !holidays.years.contains(year))
    }
}

impl Holidays {
    fn parse(text: &str) -> Result<Self, CalendarError> {
        let file: File = toml::from_str(text).map_err(|e| CalendarError::Data(e.to_string()))?;
        let mut all = Self::default();
        for year in &file.year {
            if year.source.is_empty() {
                return Err(CalendarError::Data(format!("year {} names no source", year.year)));
            }
            all.years.insert(year.year);
            for range in &year.off {
                for date in days(range, year.year)? {
                    all.changed.insert(date, false);
                }
            }
            for text in &year.work {
                all.changed.insert(day(text, year.year)?, true);
            }
        }
        Ok(all)
    }
}

fn days(range: &str, year: i16) -> Result<Vec<Date>, CalendarError> {
    let bad = || CalendarError::Data(format!("{range:?} is not FIRST..LAST of at most {HOLIDAY_DAYS_MAX} days"));
    let (first, last) = range.split_once("..").ok_or_else(bad)?;
    let (first, last) = (day(first, year)?, day(last, year)?);
    let days: Vec<Date> =
        first.series(jiff::Span::new().days(1)).take_while(|d| *d <= last).take(HOLIDAY_DAYS_MAX + 1).collect();
    if days.is_empty() || days.len() > HOLIDAY_DAYS_MAX { Err(bad()) } else { Ok(days) }
}

fn day(text: &str, year: i16) -> Result<Date, CalendarError> {
    let date: Date = text.parse().map_err(|_| CalendarError::Data(format!("{text:?} is not a date")))?;
    if date.year() == year { Ok(date) } else { Err(CalendarError::Data(format!("{text:?} is not in {year}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cn() -> DayRule {
        DayRule::parse("cn").expect("the shipped data")
    }

    #[test]
    fn holidays_and_makeup_days_follow_the_state_council_notices() {
        #[track_caller]
        fn check(rule: &DayRule, date: &str, worked: bool) {
            assert_eq!(rule.is_worked(date.parse().unwrap()), worked, "{date}");
        }
        let rule = cn();
        for (date, worked) in [
            ("2025-01-01", false),
            ("2025-01-02", true),
            ("2025-01-26", true), // Sunday, 春节调休
            ("2025-01-27", true),
            ("2025-01-28", false),
            ("2025-02-04", false),
            ("2025-02-05", true),
            ("2025-02-08", true),
            ("2025-10-08", false),
            ("2025-10-11", true),
            ("2026-01-04", true), // Sunday
            ("2026-02-14", true), // Saturday
            ("2026-02-16", false),
            ("2026-02-24", true),
            ("2026-02-28", true),
            ("2026-04-06", false), // Monday
            ("2026-05-05", false),
            ("2026-05-09", true),
            ("2026-06-19", false),
            ("2026-09-20", true),
            ("2026-09-25", false),
            ("2026-09-28", true),
            ("2026-10-07", false),
            ("2026-10-08", true),
            ("2026-10-10", true),
            ("2026-10-11", false),
            ("2026-11-21", false), // a plain Saturday
            ("2026-11-23", true),
        ] {
            check(&rule, date, worked);
        }
    }

    #[test]
    fn every_listed_makeup_day_is_a_weekend_day_and_every_holiday_has_a_reason_to_be_listed() {
        let DayRule::Cn(holidays) = cn() else { panic!("cn") };
        for (date, worked) in &holidays.changed {
            let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
            assert!(!worked || weekend, "{date} is a weekday: 调休 never lists one");
        }
        let off = |year| holidays.changed.iter().filter(|(d, w)| d.year() == year && !**w).count();
        // The notices' own totals: 1+8+3+5+3+8 and 3+9+3+5+3+3+7.
        assert_eq!((off(2025), off(2026)), (28, 33));
    }

    #[test]
    fn data_errors_name_the_entry() {
        for (text, want) in [
            ("[[year]]\nyear=2026\nsource='x'\noff=['2026-01-03..2026-01-01']\nwork=[]", "2026-01-03..2026-01-01"),
            ("[[year]]\nyear=2026\nsource='x'\noff=['2025-01-01..2025-01-01']\nwork=[]", "not in 2026"),
            ("[[year]]\nyear=2026\nsource='x'\noff=[]\nwork=['2026-02-30']", "2026-02-30"),
            ("[[year]]\nyear=2026\nsource=''\noff=[]\nwork=[]", "source"),
            ("[[year]]\nyear=2026\nsource='x'\noff=['2026-01-01..2026-12-31']\nwork=[]", "31 days"),
        ] {
            let error = Holidays::parse(text).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
