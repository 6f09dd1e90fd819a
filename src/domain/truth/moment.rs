//! Spoken times in the short form of [`crate::domain::facts::time`] against instants of the order.
//!
//! Contract: pure; a day or an hour that was not said is not compared; an hour without 上午 or 下午 may be either.

use jiff::civil::{Date, Weekday};
use jiff::{ToSpan, Zoned};

/// What a spoken time says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    date: Option<Date>,
    /// Minutes of the day, first and last that the words allow.
    clock: Option<(i64, i64)>,
    /// Written with a twelve-hour clock that may mean the afternoon.
    either_half: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Apart {
    Same,
    Days(i64),
    Minutes(i64),
    /// Neither day nor hour was said.
    Unknown,
}

const DAY_MINS: i64 = 24 * 60;

impl Said {
    /// `None` for words that name no time.
    pub fn parse(text: &str, called_at: &Zoned) -> Option<Self> {
        let date = date(text, called_at.date());
        let (clock, either_half) = clock(text);
        (date.is_some() || clock.is_some()).then_some(Self { date, clock, either_half })
    }

    pub fn apart(&self, claimed: &Zoned, tolerance_mins: u32) -> Apart {
        let days = self.date.map(|d| i64::from((claimed.date() - d).get_days()).abs());
        if let Some(days) = days.filter(|d| *d > 0) {
            return Apart::Days(days);
        }
        let Some((from, to)) = self.clock else { return if days.is_some() { Apart::Same } else { Apart::Unknown } };
        let at = i64::from(claimed.hour()) * 60 + i64::from(claimed.minute());
        let outside = |shift: i64| (from + shift - at).max(at - to - shift).max(0);
        let apart = if self.either_half { outside(0).min(outside(DAY_MINS / 2)) } else { outside(0) };
        if apart <= i64::from(tolerance_mins) { Apart::Same } else { Apart::Minutes(apart) }
    }
}

fn date(text: &str, today: Date) -> Option<Date> {
    let ago = [("大前天", 3), ("前天", 2), ("昨天", 1), ("昨晚", 1), ("今天", 0), ("今早", 0), ("今晚", 0)];
    if let Some((_, days)) = ago.iter().find(|(word, _)| text.contains(word)) {
        return today.checked_sub(days.days()).ok();
    }
    if let Some(at) = text.find("星期").or_else(|| text.find('周')) {
        let week = text[at..].trim_start_matches("星期").trim_start_matches('周').chars().next()?;
        return last_weekday(today, week, text.contains('上'));
    }
    let day = number_before(text, '号').or_else(|| number_before(text, '日'))?;
    let month = number_before(text, '月');
    let on = |month: i8, year: i16| Date::new(year, month, i8::try_from(day).ok()?).ok();
    match month {
        Some(m) => on(i8::try_from(m).ok()?, today.year()),
        // The last such day up to today.
        None => on(today.month(), today.year()).filter(|d| *d <= today).or_else(|| {
            let before = today.first_of_month().checked_sub(1.day()).ok()?;
            on(before.month(), before.year())
        }),
    }
}

fn last_weekday(today: Date, name: char, previous_week: bool) -> Option<Date> {
    let wanted = match name {
        '一' => Weekday::Monday,
        '二' => Weekday::Tuesday,
        '三' => Weekday::Wednesday,
        '四' => Weekday::Thursday,
        '五' => Weekday::Friday,
        '六' => Weekday::Saturday,
        '日' | '天' => Weekday::Sunday,
        _ => return None,
    };
    let back = i64::from(wanted.until(today.weekday()));
    let monday_based = i64::from(today.weekday().to_monday_zero_offset());
    let back = if previous_week && back <= monday_based { back + 7 } else { back };
    today.checked_sub(back.days()).ok()
}

fn number_before(text: &str, mark: char) -> Option<u32> {
    let head = &text[..text.find(mark)?];
    let digits: String = head.chars().rev().take_while(char::is_ascii_digit).collect();
    digits.chars().rev().collect::<String>().parse().ok()
}

/// `9:30`, `9点多`, `上午`: minutes of the day, and whether the other half of the day may be meant.
fn clock(text: &str) -> (Option<(i64, i64)>, bool) {
    let hour = number_before(text, ':').or_else(|| number_before(text, '点')).map(i64::from);
    if let Some(hour) = hour.filter(|h| *h < 24) {
        let minute = text.split_once(':').and_then(|(_, rest)| rest.get(..2)).and_then(|m| m.parse::<i64>().ok());
        let from = hour * 60 + minute.unwrap_or(0);
        let to = match text {
            t if t.ends_with('多') => from + 59,
            t if t.contains("左右") || t.contains("前后") => from + 30,
            _ => from,
        };
        return (Some((from, to)), hour <= 12);
    }
    let part = [
        ("一大早", 5, 9),
        ("大清早", 5, 9),
        ("早上", 5, 10),
        ("早晨", 5, 10),
        ("上午", 7, 12),
        ("中午", 11, 14),
        ("晌午", 11, 14),
        ("下午", 12, 19),
        ("傍晚", 17, 20),
        ("晚上", 17, 24),
        ("半夜", 0, 6),
        ("凌晨", 0, 6),
        ("夜里", 0, 6),
    ];
    let range = part.iter().find(|(word, ..)| text.contains(word)).map(|(_, from, to)| (from * 60, to * 60));
    (range, false)
}
