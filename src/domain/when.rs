//! Instants as people write, say and read them: in a completion SMS ([`written`]), on the phone ([`appointment`], [`deadline`]), in a
//! sentence of ours ([`local_text`]).
//!
//! Contract: pure; what is not understood is `None`, never a guess. Texts are simplified Chinese with ASCII digits or Chinese numerals.
//! Not here: working hours (`calendar`) and whether a customer may be called then (`programme`).

mod appointment;
mod deadline;
mod written;

pub use appointment::appointment;
pub use deadline::{Deadline, Until, deadline};
pub use written::written;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use regex::Regex;

/// Characters of a numeral, for patterns.
const NUMERAL: &str = "[0-9零〇一二两三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾佰仟]+";

/// `15:20`, `明天 08:00`, `11月23日 08:00`, `2027年1月4日 08:00`. A future instant is rounded up to the minute, so that it is never
/// announced too early.
pub fn local_text(t: Timestamp, now: Timestamp, tz: &TimeZone) -> String {
    let whole = if t > now {
        t.round(jiff::TimestampRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Ceil))
    } else {
        Ok(t)
    };
    let local = whole.unwrap_or(t).to_zoned(tz.clone());
    let today = now.to_zoned(tz.clone()).date();
    let clock = local.strftime("%H:%M");
    let date = local.date();
    if date == today {
        clock.to_string()
    } else if today.tomorrow().is_ok_and(|tomorrow| tomorrow == date) {
        format!("明天 {clock}")
    } else if date.year() == today.year() {
        format!("{}月{}日 {clock}", date.month(), date.day())
    } else {
        format!("{}年{}月{}日 {clock}", date.year(), date.month(), date.day())
    }
}

/// Reads `1200`, `1250.5`, `十二`, `一千二百五十`, `壹仟贰佰`, `三五〇` (digit by digit), `1千2百`. `None` for anything else.
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 16 {
        return None;
    }
    if text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',') {
        return text.replace(',', "").parse().ok().filter(|n: &f64| n.is_finite());
    }
    let (mut total, mut digits, mut had_unit) = (0.0, None::<f64>, false);
    for c in text.chars() {
        if let Some(digit) = numeral_digit(c) {
            digits = Some(if c == '零' || c == '〇' {
                digits.unwrap_or(0.0) * 10.0
            } else {
                digits.unwrap_or(0.0) * 10.0 + digit
            });
        } else {
            let unit = numeral_unit(c)?;
            total = if unit > 1000.0 {
                (total + digits.take().unwrap_or(0.0)) * unit
            } else {
                total + digits.take().unwrap_or(1.0) * unit
            };
            had_unit = true;
        }
    }
    // 一千二: the last digit counts hundreds only in speech of prices; here it is taken as written.
    (had_unit || digits.is_some()).then(|| total + digits.unwrap_or(0.0))
}

fn numeral_digit(c: char) -> Option<f64> {
    Some(match c {
        '零' | '〇' => 0.0,
        '一' | '壹' => 1.0,
        '二' | '两' | '贰' => 2.0,
        '三' | '叁' => 3.0,
        '四' | '肆' => 4.0,
        '五' | '伍' => 5.0,
        '六' | '陆' => 6.0,
        '七' | '柒' => 7.0,
        '八' | '捌' => 8.0,
        '九' | '玖' => 9.0,
        c => f64::from(c.to_digit(10)?),
    })
}

fn numeral_unit(c: char) -> Option<f64> {
    Some(match c {
        '十' | '拾' => 10.0,
        '百' | '佰' => 100.0,
        '千' | '仟' => 1000.0,
        '万' => 10_000.0,
        _ => return None,
    })
}

/// A small whole number, for hours, minutes, days.
fn small(text: &str) -> Option<i8> {
    let n = number(text)?;
    (n.fract() == 0.0 && (0.0..=99.0).contains(&n)).then_some(n as i8)
}

/// The part of a day that a word names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Night,
    Morning,
    Noon,
    Afternoon,
    Evening,
}

const PERIOD: &str = "凌晨|清早|一早|早上|早晨|上午|早|中午|正午|下午|傍晚|晚上|夜里|晚|AM|PM|am|pm";

impl Period {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "凌晨" => Self::Night,
            "清早" | "一早" | "早上" | "早晨" | "上午" | "早" | "AM" | "am" => Self::Morning,
            "中午" | "正午" => Self::Noon,
            "下午" | "PM" | "pm" => Self::Afternoon,
            "傍晚" | "晚上" | "夜里" | "晚" => Self::Evening,
            _ => return None,
        })
    }

    /// The hour of 0..24 that `hour` means in this part of the day.
    fn hour(self, hour: i8) -> i8 {
        match self {
            Self::Night | Self::Morning => hour % if hour == 24 { 24 } else { 25 },
            Self::Noon if hour < 6 => hour + 12,
            Self::Noon => hour,
            Self::Afternoon | Self::Evening if hour < 12 => hour + 12,
            Self::Afternoon | Self::Evening => hour,
        }
    }
}

fn instant(date: Date, hour: i8, minute: i8, tz: &TimeZone) -> Option<Timestamp> {
    let time = Time::new(hour, minute, 0, 0).ok()?;
    tz.to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok()
}

/// A pattern of this folder. They are constants; a test compiles each.
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern, compiled by the tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_digits_and_in_numerals() {
        for (text, want) in [
            ("1200", Some(1200.0)),
            ("1,250.5", Some(1250.5)),
            ("十", Some(10.0)),
            ("十二", Some(12.0)),
            ("二十", Some(20.0)),
            ("两百", Some(200.0)),
            ("一百零五", Some(105.0)),
            ("一千二百五十", Some(1250.0)),
            ("一千零五", Some(1005.0)),
            ("壹仟贰佰", Some(1200.0)),
            ("三五〇", Some(350.0)),
            ("一万二千", Some(12_000.0)),
            ("1千2百", Some(1200.0)),
            ("", None),
            ("很多", None),
            ("1.2.3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(number(text), want, "{text}");
        }
    }

    #[test]
    fn an_instant_is_shown_as_short_as_it_is_clear_and_never_too_early() {
        let tz = TimeZone::get("Asia/Shanghai").unwrap();
        let now: Timestamp = "2026-11-23T14:00+08:00".parse().unwrap();
        for (t, want) in [
            ("2026-11-23T15:20+08:00", "15:20"),
            ("2026-11-23T15:20:01+08:00", "15:21"),
            ("2026-11-23T13:02:59+08:00", "13:02"),
            ("2026-11-24T08:00+08:00", "明天 08:00"),
            ("2026-11-23T23:59:30+08:00", "明天 00:00"),
            ("2026-11-25T08:00+08:00", "11月25日 08:00"),
            ("2027-01-04T08:00+08:00", "2027年1月4日 08:00"),
        ] {
            assert_eq!(local_text(t.parse().unwrap(), now, &tz), want, "{t}");
        }
    }
}
