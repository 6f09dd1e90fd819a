//! A past instant as an engineer writes it into an SMS.

use super::{NUMERAL, PERIOD, Period, instant, pattern, small};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Clocks of engineers and gateways differ by less.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(2);

static FORM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        "^(?:(?:(?P<y>20[0-9]{{2}})[-/.年])?(?P<m>{NUMERAL})[-/.月](?P<d>{NUMERAL})(?:日|号)?|(?P<c>20[0-9]{{6}})|(?P<w>今天|今日|今|昨天|昨日|昨|前天))?\
         [ T,]*(?P<p>{PERIOD})?[ ]*\
         (?:(?P<h>{NUMERAL})(?P<s>[:点时])(?:(?P<half>半)|(?P<quarter>[一三])刻|(?P<min>{NUMERAL})分?)?(?::[0-9]{{2}}|[0-9]{{1,2}}秒)?整?\
         |(?P<hm>[0-9]{{4}}))[ ]*(?P<q>AM|PM|am|pm)?(?:左右|许)?$"
    ))
});

/// Reads `2026-11-23 14:30`, `11月23日14时30分`, `今天下午两点半`, `昨天 16:05`, `14:30`, `20261123 1430` …
///
/// A date without a year is the latest that is not after `received_at` (two hours of clock difference allowed); a time without a date
/// is today's, or yesterday's when today's is still to come. A bare `3点` before seven means the afternoon. `None` without a time.
pub fn written(text: &str, received_at: Timestamp, tz: &TimeZone) -> Option<Timestamp> {
    let found = FORM.captures(text.trim())?;
    let (hour, minute) = clock(&found)?;
    let today = received_at.to_zoned(tz.clone()).date();
    let latest = received_at.checked_add(AHEAD_MAX).ok()?;
    let get = |name| found.name(name).map(|m| m.as_str());
    let at = |date: Date| instant(date, hour, minute, tz);
    if let Some(word) = get("w") {
        let back = match word {
            "今天" | "今日" | "今" => 0,
            "昨天" | "昨日" | "昨" => 1,
            _ => 2,
        };
        return at(today.checked_sub(back.days()).ok()?);
    }
    if let Some(compact) = get("c") {
        let part = |range: std::ops::Range<usize>| compact.get(range)?.parse::<i16>().ok();
        return at(Date::new(part(0..4)?, i8::try_from(part(4..6)?).ok()?, i8::try_from(part(6..8)?).ok()?).ok()?);
    }
    let Some((month, day)) = get("m").zip(get("d")) else {
        let todays = at(today)?;
        return if todays <= latest { Some(todays) } else { at(today.yesterday().ok()?) };
    };
    let (month, day) = (small(month)?, small(day)?);
    if let Some(year) = get("y") {
        return at(Date::new(year.parse().ok()?, month, day).ok()?);
    }
    let this_year = Date::new(today.year(), month, day).ok().and_then(at);
    if this_year.is_some_and(|t| t <= latest) {
        return this_year;
    }
    at(Date::new(today.year() - 1, month, day).ok()?)
}

fn clock(found: &Captures) -> Option<(i8, i8)> {
    let get = |name| found.name(name).map(|m| m.as_str());
    if let Some(compact) = get("hm") {
        return Some((compact.get(..2)?.parse().ok()?, compact.get(2..)?.parse().ok()?));
    }
    let written = get("h")?;
    let hour = small(written)?;
    let minute = match (get("half"), get("quarter"), get("min")) {
        (Some(_), ..) => 30,
        (_, Some("一"), _) => 15,
        (_, Some(_), _) => 45,
        (.., Some(minute)) => small(minute)?,
        (None, None, None) if get("s") == Some(":") => return None,
        (None, None, None) => 0,
    };
    let hour = match get("p").or(get("q")).and_then(Period::parse) {
        Some(period) => period.hour(hour),
        None if get("s") == Some("点") && (1..7).contains(&hour) && !written.starts_with('0') => hour + 12,
        None => hour,
    };
    Some((hour, minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finish_times_are_read_in_the_forms_that_engineers_write() {
        let tz = TimeZone::get("Asia/Shanghai").unwrap();
        let received: Timestamp = "2026-11-23T17:00+08:00".parse().unwrap();
        for (text, want) in [
            ("2026-11-23 14:30", "2026-11-23T14:30"),
            ("2026-11-23 14:30:05", "2026-11-23T14:30"),
            ("2026-11-23T14:30", "2026-11-23T14:30"),
            ("2026/11/3 9:05", "2026-11-03T09:05"),
            ("2026.11.23 14:30", "2026-11-23T14:30"),
            ("2026年11月23日14时30分", "2026-11-23T14:30"),
            ("2026年11月23日 14点", "2026-11-23T14:00"),
            ("11月23日14时30分", "2026-11-23T14:30"),
            ("11月23日下午2点30分", "2026-11-23T14:30"),
            ("11月23号下午两点半", "2026-11-23T14:30"),
            ("十一月二十三日下午三点一刻", "2026-11-23T15:15"),
            ("11-23 14:30", "2026-11-23T14:30"),
            ("11/22 08:10", "2026-11-22T08:10"),
            ("12月31日 16:00", "2025-12-31T16:00"), // would be in the future: last year's
            ("今天14:30", "2026-11-23T14:30"),
            ("今日上午10点", "2026-11-23T10:00"),
            ("昨天下午5:40", "2026-11-22T17:40"),
            ("昨晚8点", "2026-11-22T20:00"),
            ("前天 16:00", "2026-11-21T16:00"),
            ("14:30", "2026-11-23T14:30"),
            ("18:30", "2026-11-23T18:30"), // an engineer's clock may be ahead
            ("23:30", "2026-11-22T23:30"),
            ("下午3点半", "2026-11-23T15:30"),
            ("下午15:30", "2026-11-23T15:30"),
            ("中午12点", "2026-11-23T12:00"),
            ("中午1点", "2026-11-23T13:00"),
            ("上午12点", "2026-11-23T12:00"),
            ("3点", "2026-11-23T15:00"),
            ("03:10", "2026-11-23T03:10"),
            ("2:30 PM", "2026-11-23T14:30"),
            ("20261123 1430", "2026-11-23T14:30"),
            ("今天下午四点左右", "2026-11-23T16:00"),
        ] {
            let got = written(text, received, &tz);
            assert_eq!(got, Some(format!("{want}+08:00").parse().unwrap()), "{text}");
        }
        for text in
            ["", "今天", "11月23日", "25:00", "14:61", "2026-13-01 10:00", "2月30日 10:00", "刚刚", "14", "1:", "下午"]
        {
            assert_eq!(written(text, received, &tz), None, "{text}");
        }
    }
}
