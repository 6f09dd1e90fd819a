//! A better time in the customer's words (A07): 下午三点以后, 明天上午, 半个小时以后.

use super::{NUMERAL, PERIOD, Period, instant, number, pattern, small};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use regex::Regex;
use std::sync::LazyLock;

/// Nobody makes an appointment with a questionnaire for later.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(31 * 24);
/// A part of the day that has begun is taken up so much later.
const LATER_IN_PERIOD: SignedDuration = SignedDuration::from_hours(1);
/// Longer answers are not read to the end.
const CHARS_MAX: usize = 200;

/// What ends a clause that says when it does *not* suit.
static UNSUITED: LazyLock<Regex> =
    LazyLock::new(|| pattern("不行|不可以|没空|没有空|没时间|没有时间|不方便|不在|不得空|别打|要忙|在忙|很忙|有事"));
static CLAUSE_END: LazyLock<Regex> = LazyLock::new(|| pattern("[,，.。;；!！?？、]"));
static RELATIVE: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("(?P<n>{NUMERAL}|半|几)个?(?P<half>半)?(?P<u>小时|钟头|分钟|天|刻钟)")));
static DAY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        "(?P<word>大后天|后天|明天|明日|明早|明晚|今天|今日|今晚|今早)|(?P<next>下+)?个?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天末])|(?P<week>下个?(?:周|星期|礼拜))\
         |(?:(?P<month>{NUMERAL})月)?(?P<day>{NUMERAL})[号日]"
    ))
});
pub(super) static PART: LazyLock<Regex> = LazyLock::new(|| pattern(PERIOD));
pub(super) static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!("(?P<h>{NUMERAL})(?:点钟?|:|时)(?:(?P<half>半)|(?P<quarter>[一三])刻|(?P<min>{NUMERAL})分?)?"))
});
/// 晚点再说 is no evening.
pub(super) static VAGUE: LazyLock<Regex> = LazyLock::new(|| pattern("[早晚](?:一?点儿?|一?些|会儿)"));
static BEFORE: LazyLock<Regex> = LazyLock::new(|| pattern("以前|之前|前面"));

/// The instant that `said` names, seen from `now`; always after `now`. `None` when no time is understood: then the programme's own
/// spacing holds. A range means its beginning; `两三点` means three.
pub fn appointment(said: &str, now: Timestamp, tz: &TimeZone) -> Option<Timestamp> {
    let said: String = said.chars().take(CHARS_MAX).filter(|c| !c.is_whitespace()).collect();
    let text = VAGUE.replace_all(&suited(&said), "").into_owned();
    if BEFORE.is_match(&text) {
        return None;
    }
    let at = on_the_clock(&text, now, tz).or_else(|| relative(&text, now, tz))?;
    (at > now && at <= now.checked_add(AHEAD_MAX).ok()?).then_some(at)
}

/// What is left when the clauses that refuse a time are dropped.
fn suited(text: &str) -> String {
    let mut kept = String::new();
    for clause in CLAUSE_END.split(text) {
        // 下午不行明天吧: without punctuation the refused time stands in front of the refusal.
        let from = UNSUITED.find_iter(clause).last().map_or(0, |m| m.end());
        kept.push_str(clause.get(from..).unwrap_or(""));
        kept.push(' ');
    }
    kept
}

fn relative(text: &str, now: Timestamp, tz: &TimeZone) -> Option<Timestamp> {
    let found = RELATIVE.captures(text)?;
    let half = f64::from(u8::from(found.name("half").is_some())) * 0.5;
    let n = match &found["n"] {
        "半" => 0.5,
        "几" => return None,
        n => number(n)? + half,
    };
    let seconds = match &found["u"] {
        "分钟" => n * 60.0,
        "刻钟" => n * 900.0,
        "天" => {
            let date = now.to_zoned(tz.clone()).date().checked_add((n as i64).min(99).days()).ok()?;
            return instant(date, 9, 0, tz);
        }
        _ => n * 3600.0,
    };
    let seconds = (seconds.is_finite() && seconds < 1e7).then_some(seconds as i64)?;
    now.checked_add(SignedDuration::from_secs(seconds)).ok()
}

pub(super) fn on_the_clock(text: &str, now: Timestamp, tz: &TimeZone) -> Option<Timestamp> {
    let today = now.to_zoned(tz.clone()).date();
    let day = day(text, today);
    if matches!(day, Said::Impossible) {
        return None;
    }
    let part = PART.find(text).and_then(|m| Period::parse(m.as_str()));
    let clock = CLOCK.captures(text);
    let date = match day {
        Said::Day(date) => Some(date),
        Said::Nothing | Said::Impossible => None,
    };
    if let Some(clock) = clock {
        let hour = spoken_hour(&clock["h"])?;
        let minute = match (clock.name("half"), clock.name("quarter"), clock.name("min")) {
            (Some(_), ..) => 30,
            (_, Some(quarter), _) => {
                if quarter.as_str() == "一" {
                    15
                } else {
                    45
                }
            }
            (.., Some(minute)) => small(minute.as_str())?,
            (None, None, None) => 0,
        };
        return at_hour(date, part, hour, minute, now, today, tz);
    }
    match (date, part) {
        (None, None) => None,
        (Some(date), None) if date == today => None,
        (Some(date), None) => instant(date, 9, 0, tz),
        (date, Some(part)) => in_part(date, part, now, today, tz),
    }
}

fn at_hour(
    date: Option<Date>,
    part: Option<Period>,
    hour: i8,
    minute: i8,
    now: Timestamp,
    today: Date,
    tz: &TimeZone,
) -> Option<Timestamp> {
    // Without a part of the day a small hour is the afternoon's: nobody asks to be called at three in the morning.
    let by_day = match part {
        Some(part) => part.hour(hour),
        None if (1..8).contains(&hour) => hour + 12,
        None => hour,
    };
    if let Some(date) = date.filter(|date| *date != today) {
        return instant(date, by_day, minute, tz);
    }
    let mut hours = vec![by_day];
    if part.is_none() {
        hours = vec![hour, hour + 12];
        hours.retain(|h| (7..24).contains(h));
    }
    let todays = hours.into_iter().filter_map(|h| instant(today, h, minute, tz)).find(|t| *t > now);
    match (todays, date) {
        (Some(at), _) => Some(at),
        (None, Some(_)) => None,
        (None, None) => instant(today.tomorrow().ok()?, by_day, minute, tz),
    }
}

fn in_part(date: Option<Date>, part: Period, now: Timestamp, today: Date, tz: &TimeZone) -> Option<Timestamp> {
    let (hour, minute, end) = match part {
        Period::Night => return None,
        Period::Morning => (9, 0, 12),
        Period::Noon => (12, 0, 14),
        Period::Afternoon => (14, 0, 18),
        Period::Evening => (18, 30, 20),
    };
    if let Some(date) = date.filter(|date| *date != today) {
        return instant(date, hour, minute, tz);
    }
    let start = instant(today, hour, minute, tz)?;
    if start > now {
        return Some(start);
    }
    let later = now.checked_add(LATER_IN_PERIOD).ok()?;
    if later < instant(today, end, 0, tz)? {
        return Some(later);
    }
    if date.is_some() { None } else { instant(today.tomorrow().ok()?, hour, minute, tz) }
}

enum Said {
    Nothing,
    Day(Date),
    /// A day that does not exist, e.g. 31号 in November.
    Impossible,
}

fn day(text: &str, today: Date) -> Said {
    let Some(found) = DAY.captures(text) else { return Said::Nothing };
    let get = |name| found.name(name).map(|m| m.as_str());
    let date = if let Some(word) = get("word") {
        let ahead = match word {
            "今天" | "今日" | "今晚" | "今早" => 0,
            "后天" => 2,
            "大后天" => 3,
            _ => 1,
        };
        today.checked_add(ahead.days()).ok()
    } else if let Some(weekday) = get("weekday") {
        weekday_date(today, weekday, get("next").map_or(0, |n| n.chars().count()))
    } else if get("week").is_some() {
        weekday_date(today, "一", 1)
    } else {
        month_day(today, get("month"), get("day"))
    };
    date.map_or(Said::Impossible, Said::Day)
}

/// 周三 is the next Wednesday from today on; 下周三 the one of next week.
fn weekday_date(today: Date, weekday: &str, weeks: usize) -> Option<Date> {
    let wanted = match weekday {
        "一" => 0,
        "二" => 1,
        "三" => 2,
        "四" => 3,
        "五" => 4,
        "六" | "末" => 5,
        _ => 6,
    };
    let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
    let date = monday.checked_add((wanted + 7 * i64::try_from(weeks.min(4)).ok()?).days()).ok()?;
    if date < today { date.checked_add(7.days()).ok() } else { Some(date) }
}

/// The next such day.
fn month_day(today: Date, month: Option<&str>, day: Option<&str>) -> Option<Date> {
    let day = small(day?)?;
    let Some(month) = month else {
        let here = Date::new(today.year(), today.month(), day).ok().filter(|date| *date >= today);
        let next = today.first_of_month().checked_add(1.month()).ok()?;
        return here.or_else(|| Date::new(next.year(), next.month(), day).ok());
    };
    let month = small(month)?;
    let here = Date::new(today.year(), month, day).ok().filter(|date| *date >= today);
    here.or_else(|| Date::new(today.year() + 1, month, day).ok())
}

/// 两三点 is two digits in a row: about the later one.
fn spoken_hour(text: &str) -> Option<i8> {
    let chars: Vec<char> = text.chars().collect();
    let loose = chars.len() == 2 && chars.iter().all(|c| !c.is_ascii_digit() && !"十拾百佰千仟".contains(*c));
    let text = if loose { chars[1].to_string() } else { text.to_string() };
    small(&text).filter(|hour| (0..=24).contains(hour))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(now: &str, said: &str, want: Option<&str>) {
        let tz = TimeZone::get("Asia/Shanghai").unwrap();
        let now: Timestamp = format!("{now}+08:00").parse().unwrap();
        let want = want.map(|w| format!("{w}+08:00").parse::<Timestamp>().unwrap());
        assert_eq!(appointment(said, now, &tz), want, "{said}");
    }

    #[test]
    fn a07_a_better_time_is_understood_in_the_customers_words() {
        // A Monday morning.
        for (said, want) in [
            ("下午三点以后吧。", Some("2026-11-23T15:00")),
            ("下午三点以后", Some("2026-11-23T15:00")),
            ("下午3点", Some("2026-11-23T15:00")),
            ("三点半吧", Some("2026-11-23T15:30")),
            ("两三点吧", Some("2026-11-23T15:00")),
            ("十一点钟", Some("2026-11-23T11:00")),
            ("15:30以后", Some("2026-11-23T15:30")),
            ("八点", Some("2026-11-23T20:00")), // eight has passed
            ("下午五点一刻", Some("2026-11-23T17:15")),
            ("中午十二点半", Some("2026-11-23T12:30")),
            ("明天上午", Some("2026-11-24T09:00")),
            ("明天上午十点左右", Some("2026-11-24T10:00")),
            ("明天三点", Some("2026-11-24T15:00")),
            ("明天吧", Some("2026-11-24T09:00")),
            ("明早八点", Some("2026-11-24T08:00")),
            ("后天下午", Some("2026-11-25T14:00")),
            ("大后天", Some("2026-11-26T09:00")),
            ("下午", Some("2026-11-23T14:00")),
            ("中午吧", Some("2026-11-23T12:00")),
            ("晚上", Some("2026-11-23T18:30")),
            ("晚上七点", Some("2026-11-23T19:00")),
            ("上午", Some("2026-11-23T11:00")), // it has begun
            ("半个小时以后", Some("2026-11-23T10:30")),
            ("一个小时后", Some("2026-11-23T11:00")),
            ("一个半小时以后", Some("2026-11-23T11:30")),
            ("过两个钟头", Some("2026-11-23T12:00")),
            ("二十分钟后再打", Some("2026-11-23T10:20")),
            ("三天以后", Some("2026-11-26T09:00")),
            ("周三下午", Some("2026-11-25T14:00")),
            ("星期一上午", Some("2026-11-23T11:00")),
            ("下周一", Some("2026-11-30T09:00")),
            ("下礼拜三下午两点", Some("2026-12-02T14:00")),
            ("下周吧", Some("2026-11-30T09:00")),
            ("25号上午十点", Some("2026-11-25T10:00")),
            ("十二月一号", Some("2026-12-01T09:00")),
            ("3号下午", Some("2026-12-03T14:00")),
            ("我下午不行，明天上午吧", Some("2026-11-24T09:00")),
            ("下午没空明天上午", Some("2026-11-24T09:00")),
            ("我现在正在操作机器，不方便接电话。下午三点以后吧。", Some("2026-11-23T15:00")),
            ("下午三点到四点", Some("2026-11-23T15:00")),
            ("", None),
            ("晚点再说", None),
            ("晚一点吧", None),
            ("晚上七点一刻", Some("2026-11-23T19:15")),
            ("改天吧", None),
            ("随便", None),
            ("三点以前", None),
            ("今天", None),
            ("过几个小时", None),
            ("31号", None), // no such day in November, and December's is too far
            ("凌晨", None),
            ("二十五点", None),
        ] {
            check("2026-11-23T10:00", said, want);
        }
    }

    #[test]
    fn a_time_of_day_that_is_over_means_tomorrow_unless_he_said_today() {
        for (said, want) in [
            ("上午", Some("2026-11-24T09:00")),
            ("下午三点", Some("2026-11-24T15:00")),
            ("今天下午三点", None),
            ("下午", Some("2026-11-24T14:00")),
            ("九点", Some("2026-11-23T21:00")),
        ] {
            check("2026-11-23T17:30", said, want);
        }
    }

    mod any_words {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

            #[test]
            fn never_panic_and_never_name_the_past(said in "[上中下午晚早明后大今天周星期礼拜一二三四五六七八九十两零0-9点半刻分钟个小时号月日以后前不行没空,，。 ]{0,24}") {
                let tz = TimeZone::get("Asia/Shanghai").unwrap();
                let now: Timestamp = "2026-11-23T10:00+08:00".parse().unwrap();
                if let Some(at) = appointment(&said, now, &tz) {
                    prop_assert!(at > now);
                }
            }
        }
    }
}
