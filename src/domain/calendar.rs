//! 工作时间: arithmetic in the working time of the site's zone (A01–A03, A13).
//!
//! Contract: a day has shifts (half-open, `[start, end)`); which days are worked comes from [`holidays`]. All four questions
//! (`is_open`, `next_opening`, `add_working`, `working_between`) are answered from the same intervals on the absolute time line, so they
//! agree with one another also on days when clocks change: a shift inside a skipped hour is shorter, one over a repeated hour longer.
//!
//! A site may have branches with a zone and shifts of their own; an order that names one is counted there ([`Calendar::of`]).
//!
//! Not here: who may be called when (quiet hours are the programme's), and the time of day `now` (always passed in).

mod day;
mod holidays;

pub use day::{day_of, midnight};
use holidays::DayRule;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Ten years: no sum of working time looks further.
const DAYS_MAX: usize = 3660;
const SHIFTS_MAX: usize = 12;

/// The `[site]` section, as far as the calendar needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteHours {
    /// IANA zone, e.g. `Asia/Shanghai`.
    pub timezone: String,
    /// Shifts of a working day, `HH:MM-HH:MM`, in order; `24:00` ends a day.
    pub work_hours: Vec<String>,
    /// `cn`, `none` (Monday to Friday) or `every_day`.
    pub holidays: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CalendarError {
    #[error("unknown time zone {0:?}: want an IANA name such as Asia/Shanghai")]
    Zone(String),
    #[error("bad shift {shift:?}: {reason}")]
    Shift { shift: String, reason: &'static str },
    #[error("unknown holiday rule {0:?}: want cn, none or every_day")]
    Holidays(String),
    #[error("holiday data: {0}")]
    Data(String),
}

/// A stretch of a day in local time, `[start, end)`. `end` `None` is midnight at the day's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    start: Time,
    end: Option<Time>,
}

/// Working time of one site, and of its branches.
#[derive(Clone, Debug)]
pub struct Calendar {
    tz: TimeZone,
    shifts: Vec<Shift>,
    rule: DayRule,
    branches: BTreeMap<String, Calendar>,
}

/// `[from, to)` on the absolute time line; never empty.
type Interval = (Timestamp, Timestamp);

impl Calendar {
    pub fn new(hours: &SiteHours) -> Result<Self, CalendarError> {
        let tz = TimeZone::get(&hours.timezone).map_err(|_| CalendarError::Zone(hours.timezone.clone()))?;
        let shifts = Shift::parse_day(&hours.work_hours)?;
        Ok(Self { tz, shifts, rule: DayRule::parse(&hours.holidays)?, branches: BTreeMap::new() })
    }

    /// With a branch of its own hours. Of two with one name the later counts.
    pub fn with_branch(mut self, name: &str, hours: &SiteHours) -> Result<Self, CalendarError> {
        self.branches.insert(name.to_owned(), Self::new(hours)?);
        Ok(self)
    }

    /// The calendar of a branch, or the site's own where no branch of that name is known.
    pub fn of(&self, branch: Option<&str>) -> &Calendar {
        branch.and_then(|name| self.branches.get(name)).unwrap_or(self)
    }

    pub fn has_branch(&self, name: &str) -> bool {
        self.branches.contains_key(name)
    }

    /// Branches by name.
    pub fn branches(&self) -> impl Iterator<Item = (&str, &Calendar)> {
        self.branches.iter().map(|(name, calendar)| (name.as_str(), calendar))
    }

    /// The site's own calendar, then those of its branches.
    pub fn and_branches(&self) -> impl Iterator<Item = &Calendar> {
        std::iter::once(self).chain(self.branches.values())
    }

    pub fn tz(&self) -> &TimeZone {
        &self.tz
    }

    pub fn is_open(&self, t: Timestamp) -> bool {
        self.next_opening(t) == t
    }

    /// `t` itself when open, else the start of the next shift. `Timestamp::MAX` when there is none within ten years.
    pub fn next_opening(&self, t: Timestamp) -> Timestamp {
        self.next_in(&self.shifts, &self.rule, t)
    }

    /// The end of the last shift of the working day that holds `t`, or of the next working day when there is no shift left on this one.
    pub fn day_end(&self, t: Timestamp) -> Timestamp {
        let day = |from: Timestamp| self.tz.to_datetime(from).date();
        let mut shifts = self.intervals_from(&self.shifts, &self.rule, t).peekable();
        let Some(first) = shifts.peek().map(|(from, _)| day(*from)) else { return Timestamp::MAX };
        shifts.take_while(|(from, _)| day(*from) == first).last().map_or(Timestamp::MAX, |(_, to)| to)
    }

    /// The earliest instant by which `work` of working time has passed since `t` (so the end of a shift, not the start of the next).
    pub fn add_working(&self, t: Timestamp, work: Duration) -> Timestamp {
        let mut left = work;
        let mut last = t;
        if left.is_zero() {
            return t;
        }
        for (from, to) in self.intervals_from(&self.shifts, &self.rule, t) {
            let from = from.max(t);
            let length = span(from, to);
            if left <= length {
                return from.checked_add(left).unwrap_or(Timestamp::MAX);
            }
            left -= length;
            last = to;
        }
        last
    }

    /// Working time inside `[a, b)`; zero when `b <= a`. Counts at most ten years.
    pub fn working_between(&self, a: Timestamp, b: Timestamp) -> Duration {
        self.intervals_from(&self.shifts, &self.rule, a)
            .take_while(|(from, _)| *from < b)
            .map(|(from, to)| span(from.max(a), to.min(b)))
            .sum()
    }

    /// True inside one of `hours` on any day, worked or not (A13).
    pub fn is_within(&self, hours: &[Shift], t: Timestamp) -> bool {
        self.next_within(hours, t) == t
    }

    /// `t` itself when inside one of `hours`, else when the next of them begins, on any day.
    pub fn next_within(&self, hours: &[Shift], t: Timestamp) -> Timestamp {
        self.next_in(hours, &DayRule::EveryDay, t)
    }

    /// A sentence for the administrator when holidays are not known for a year that is near: from November also the next one.
    pub fn coverage_warning(&self, now: Timestamp) -> Option<String> {
        let missing = |calendar: &Calendar| calendar.rule.missing_year(now.to_zoned(calendar.tz.clone()).date());
        let year = self.and_branches().find_map(missing)?;
        Some(format!(
            "没有{year}年的法定节假日数据，{year}年按周一至周五上班计算；请在国务院公布放假安排后更新 holidays_cn.toml"
        ))
    }

    fn next_in(&self, shifts: &[Shift], rule: &DayRule, t: Timestamp) -> Timestamp {
        self.intervals_from(shifts, rule, t).next().map_or(Timestamp::MAX, |(from, _)| from.max(t))
    }

    /// Intervals that end after `t`, in order, for ten years.
    fn intervals_from(&self, shifts: &[Shift], rule: &DayRule, t: Timestamp) -> impl Iterator<Item = Interval> {
        let first = self.tz.to_datetime(t).date();
        first
            .series(Span::new().days(1))
            .take(DAYS_MAX)
            .filter(|date| rule.is_worked(*date))
            .flat_map(move |date| shifts.iter().filter_map(move |shift| self.interval(date, *shift)))
            .filter(move |(_, to)| *to > t)
    }

    fn interval(&self, date: Date, shift: Shift) -> Option<Interval> {
        let from = self.instant(date.to_datetime(shift.start))?;
        let to = match shift.end {
            Some(end) => self.instant(date.to_datetime(end))?,
            None => self.instant(date.tomorrow().ok()?.to_datetime(Time::midnight()))?,
        };
        (from < to).then_some((from, to))
    }

    /// Local to absolute, monotone: a skipped local time is the instant of the change, a repeated one its first occurrence.
    fn instant(&self, local: DateTime) -> Option<Timestamp> {
        let ambiguous = self.tz.to_ambiguous_timestamp(local);
        match ambiguous.offset() {
            AmbiguousOffset::Gap { after, .. } => {
                let before_change = after.to_timestamp(local).ok()?;
                self.tz.following(before_change).next().map(|change| change.timestamp())
            }
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.compatible().ok(),
        }
    }
}

impl Shift {
    /// Reads the shifts of one day: in order, not overlapping, at least one.
    pub fn parse_day(texts: &[String]) -> Result<Vec<Self>, CalendarError> {
        let list = || CalendarError::Shift { shift: texts.join(", "), reason: "want 1 to 12 shifts" };
        if texts.is_empty() || texts.len() > SHIFTS_MAX {
            return Err(list());
        }
        let shifts: Vec<Self> = texts.iter().map(|text| Self::parse(text)).collect::<Result<_, _>>()?;
        for (i, pair) in shifts.windows(2).enumerate() {
            if pair[0].end.is_none_or(|end| end > pair[1].start) {
                let shift = texts[i + 1].clone();
                return Err(CalendarError::Shift { shift, reason: "it begins before the one in front of it ends" });
            }
        }
        Ok(shifts)
    }

    fn parse(text: &str) -> Result<Self, CalendarError> {
        let bad = |reason| CalendarError::Shift { shift: text.to_string(), reason };
        let (start, end) = text.split_once('-').ok_or_else(|| bad("want HH:MM-HH:MM"))?;
        let start = clock_time(start).ok_or_else(|| bad("want HH:MM-HH:MM"))?;
        let end = match end.trim() {
            "24:00" => None,
            end => Some(clock_time(end).ok_or_else(|| bad("want HH:MM-HH:MM"))?),
        };
        if end.is_some_and(|end| end <= start) {
            return Err(bad("it must end after it begins; split a night shift at 24:00"));
        }
        Ok(Self { start, end })
    }

    /// `HH:MM-HH:MM`.
    pub fn text(self) -> String {
        let end = self.end.map_or_else(|| "24:00".to_string(), |t| t.strftime("%H:%M").to_string());
        format!("{}-{end}", self.start.strftime("%H:%M"))
    }
}

fn clock_time(text: &str) -> Option<Time> {
    let (h, m) = text.trim().split_once(':')?;
    if h.is_empty() || h.len() > 2 || m.len() != 2 {
        return None;
    }
    Time::new(h.parse().ok()?, m.parse().ok()?, 0, 0).ok()
}

/// Zero when `to` is not after `from`.
fn span(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests;
