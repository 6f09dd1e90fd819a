//! By when something is promised, in the words of whoever promises it: 三天之内, 明天上午, 下午五点之前, 两个工作日内, 今天下班前.
//!
//! Contract: a part of the day ends where it ends, and a day with the working day, which the caller's calendar knows: so [`Until`]. 尽快
//! and 稍后 name no time. Of 三天前 nothing is read: it is over.

use super::appointment::{CLOCK, PART, VAGUE, on_the_clock};
use super::{NUMERAL, Period, number, pattern};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use regex::Regex;
use std::sync::LazyLock;

/// Nobody promises an answer for later.
const DAYS_MAX: i64 = 60;
/// Longer sentences are not read to the end.
const CHARS_MAX: usize = 200;

/// When what is promised may come at the earliest, and until when it is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// `None`: at once.
    pub from: Option<Timestamp>,
    pub until: Until,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Instant(Timestamp),
    /// The end of work on that local day.
    Day(Date),
    /// The end of the so-many-th day of work after today.
    WorkingDays(u32),
}

/// 三天前: something of the past.
static AGO: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("(?:{NUMERAL}|半|几)个?(?:小时|钟头|分钟|天|星期|礼拜|周|月)以?前")));
static HOURS: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("(?P<n>{NUMERAL}|半)个?(?P<half>半)?(?P<u>小时|钟头|分钟|刻钟)")));
static WORKING_DAYS: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("(?P<n>{NUMERAL})个?工作日")));
static DAYS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        "(?P<n>{NUMERAL})(?P<u>天|个?(?:星期|礼拜)|周)(?:[之以]?内|[之以]?后|左右|$|[^一二三四五六日天末])"
    ))
});
static THIS_WEEK: LazyLock<Regex> =
    LazyLock::new(|| pattern("(?:本周|这周|这个?(?:星期|礼拜))(?:[之以]?内|$|[^一二三四五六日天末])"));
static MONTH_END: LazyLock<Regex> = LazyLock::new(|| pattern("月底"));
static TODAY: LazyLock<Regex> = LazyLock::new(|| pattern("今天|今日|当天|下班[之以]?前"));

/// Reads `said` as it was meant at `now`. `None`: no time is named, or none that is still to come.
pub fn deadline(said: &str, now: Timestamp, tz: &TimeZone) -> Option<Deadline> {
    let said: String = said.chars().take(CHARS_MAX).filter(|c| !c.is_whitespace()).collect();
    let text = AGO.replace_all(&VAGUE.replace_all(&said, ""), "").into_owned();
    let today = now.to_zoned(tz.clone()).date();
    if let Some(found) = WORKING_DAYS.captures(&text) {
        return Some(Deadline { from: None, until: Until::WorkingDays(whole(&found["n"])?) });
    }
    if let Some(until) = hours(&text, now) {
        return Some(Deadline { from: None, until });
    }
    if let Some(date) = days(&text, today) {
        return Some(Deadline { from: None, until: Until::Day(date) });
    }
    if let Some(from) = on_the_clock(&text, now, tz).filter(|from| *from > now) {
        let date = from.to_zoned(tz.clone()).date();
        let part = PART.find(&text).and_then(|found| Period::parse(found.as_str()));
        let until = match (CLOCK.is_match(&text), part.and_then(end_hour)) {
            (true, _) => Until::Instant(from),
            (false, Some(hour)) => Until::Instant(super::instant(date, hour, 0, tz)?),
            (false, None) => Until::Day(date),
        };
        return (date <= today.checked_add(DAYS_MAX.days()).ok()?).then_some(Deadline { from: Some(from), until });
    }
    TODAY.is_match(&text).then_some(Deadline { from: None, until: Until::Day(today) })
}

/// 半小时内, 两个小时左右.
fn hours(text: &str, now: Timestamp) -> Option<Until> {
    let found = HOURS.captures(text)?;
    let half = f64::from(u8::from(found.name("half").is_some())) * 0.5;
    let n = if &found["n"] == "半" { 0.5 } else { number(&found["n"])? + half };
    let minutes = match &found["u"] {
        "分钟" => n,
        "刻钟" => n * 15.0,
        _ => n * 60.0,
    };
    let seconds = (minutes > 0.0 && minutes <= (DAYS_MAX * 1440) as f64).then_some((minutes * 60.0) as i64)?;
    now.checked_add(SignedDuration::from_secs(seconds)).ok().map(Until::Instant)
}

/// 三天之内, 一周内, 这周, 月底.
fn days(text: &str, today: Date) -> Option<Date> {
    if let Some(found) = DAYS.captures(text) {
        let n = i64::from(whole(&found["n"])?) * if &found["u"] == "天" { 1 } else { 7 };
        return today.checked_add(n.min(DAYS_MAX).days()).ok();
    }
    if THIS_WEEK.is_match(text) {
        let weekend = matches!(today.weekday(), Weekday::Saturday | Weekday::Sunday);
        let last = if weekend { Weekday::Sunday } else { Weekday::Friday };
        return if today.weekday() == last { Some(today) } else { today.nth_weekday(1, last).ok() };
    }
    MONTH_END.is_match(text).then(|| today.last_of_month())
}

fn whole(text: &str) -> Option<u32> {
    let n = number(text)?;
    (n.fract() == 0.0 && (1.0..=60.0).contains(&n)).then_some(n as u32)
}

/// When a part of the day is over.
fn end_hour(part: Period) -> Option<i8> {
    match part {
        Period::Night => None,
        Period::Morning => Some(12),
        Period::Noon => Some(14),
        Period::Afternoon => Some(18),
        Period::Evening => Some(20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, from: Option<&str>, until: Option<&str>) {
        let tz = TimeZone::get("Asia/Shanghai").unwrap();
        let at = |local: &str| format!("2026-{local}+08:00").parse::<Timestamp>().unwrap();
        let got = deadline(said, at("11-23T10:00"), &tz); // a Monday morning
        let until = until.map(|text| match text.split_once('T') {
            Some(_) => Until::Instant(at(text)),
            None if text.starts_with('+') => Until::WorkingDays(text[1..].parse().unwrap()),
            None => Until::Day(format!("2026-{text}").parse().unwrap()),
        });
        assert_eq!(got, until.map(|until| Deadline { from: from.map(at), until }), "{said}");
    }

    #[test]
    fn a19_a_promised_time_is_read_as_the_end_of_what_was_named() {
        for (said, from, until) in [
            ("明天上午给您回电话", Some("11-24T09:00"), "11-24T12:00"),
            ("明天上午十点给您回电话", Some("11-24T10:00"), "11-24T10:00"),
            ("下午三点之前给您答复", Some("11-23T15:00"), "11-23T15:00"),
            ("今天下午给您回电", Some("11-23T14:00"), "11-23T18:00"),
            ("后天给您答复", Some("11-25T09:00"), "11-25"),
            ("明天给您回电话", Some("11-24T09:00"), "11-24"),
            ("周三下午联系您", Some("11-25T14:00"), "11-25T18:00"),
            ("下周一给您答复", Some("11-30T09:00"), "11-30"),
            ("晚上七点给您打过去", Some("11-23T19:00"), "11-23T19:00"),
            ("三天之内给您答复", None, "11-26"),
            ("3天内给您答复", None, "11-26"),
            ("两天左右给您回复", None, "11-25"),
            ("一周内给您答复", None, "11-30"),
            ("一个星期之内答复您", None, "11-30"),
            ("这周给您答复", None, "11-27"),
            ("本周内给您答复", None, "11-27"),
            ("月底给您答复", None, "11-30"),
            ("两个工作日内给您答复", None, "+2"),
            ("半小时内给您回电话", None, "11-23T10:30"),
            ("一个小时左右给您回过去", None, "11-23T11:00"),
            ("一个半小时之内回您电话", None, "11-23T11:30"),
            ("二十四小时内给您答复", None, "11-24T10:00"),
            ("十分钟后给您打过来", None, "11-23T10:10"),
            ("今天之内给您答复", None, "11-23"),
            ("今天下班前给您回电", None, "11-23"),
            ("25号给您答复", Some("11-25T09:00"), "11-25"),
        ] {
            check(said, from, Some(until));
        }
        for said in ["尽快给您答复", "稍后联系您", "晚点给您回电话", "三天前反映的问题", "有消息就告诉您", ""]
        {
            check(said, None, None);
        }
    }
}
