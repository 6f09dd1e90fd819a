//! Spoken times: 昨天早上八点半, 十八号十点二十, 下午三点以后.
//!
//! Contract: the words are put into one short form (`昨天8:30`, `18号10:20`, `星期二9点多`, `今天17:00前`) and never turned into an
//! instant: that needs the date of the call and is the reader's business.

use super::number;
use regex::Regex;
use std::sync::LazyLock;

/// One time that was said.
#[derive(Clone, Debug, PartialEq)]
pub struct SpokenTime {
    pub text: String,
    /// Its day as it stands in `text`; empty when none was said.
    pub day: String,
    /// Byte range in the text searched.
    pub range: std::ops::Range<usize>,
    pub has_clock: bool,
}

const NUM: &str = "[0-9零〇一二两三四五六七八九十]";

static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let day = format!(
        "大前天|前天|前日|前儿个|前儿|昨天|昨日|昨儿个|昨儿|今天|今日|今儿个|今儿|明天|明儿|大后天|后天|当天|头天|隔天|第[一二三四五]天|(?:上个?|这个?|下个?|本)?(?:星期|礼拜|周)[一二三四五六日天]|(?:{NUM}{{1,3}}月)?{NUM}{{1,3}}[号日]|(?:正|冬|腊|{NUM}{{1,2}})月(?:初|廿)?{NUM}{{1,3}}|初{NUM}|次日|第二日|当晚|上周|上个星期|上个月|前几天|月底|月初|明早|今晚|昨晚|今早"
    );
    let period = "一大早|大清早|一清早|大早上|一早|早上|早晨|清晨|清早|早起|头晌|晌午头|吃晌午饭|晌午|大中午|上午|中午|午后|后晌|下午|后半晌|天刚亮|傍黑|天擦黑|擦黑|过晌|天黑前|天黑|天亮|傍晚|大晚上|晚上|深夜|大半夜|后半夜|前半夜|凌晨|夜里|夜间|半夜";
    let clock = format!(
        "差(?P<to>一刻|{NUM}{{1,3}})分?(?P<before>{NUM}{{1,3}})点|(?P<of>{NUM}{{1,3}})点差(?P<less>一刻|{NUM}{{1,3}})分?|(?P<h>{NUM}{{1,3}})(?:点钟?|时|:)(?P<m>半|一刻|三刻|{NUM}{{1,3}})?分?"
    );
    let tail = "多一点儿?|多钟|多|左右|前后|来钟|不到|过|之?前|以前|之?后|以后";
    Regex::new(&format!("(?P<day>{day})?(?:的)?(?P<period>{period})?(?:的)?(?:{clock})?(?P<tail>{tail})?")).ok()
});

/// Every time in the text, in order.
pub fn find_all(text: &str) -> Vec<SpokenTime> {
    let Some(pattern) = TIME.as_ref() else { return Vec::new() };
    pattern
        .captures_iter(&with_clock_marks(text))
        .filter_map(|c| {
            let whole = c.get(0)?;
            let part = |name: &str| c.name(name).map_or("", |m| m.as_str());
            let (day, period, tail) = (part("day"), part("period"), part("tail"));
            let vague = tail.starts_with('多') || matches!(tail, "左右" | "前后" | "来钟" | "不到" | "过");
            let clock = quarter_to(&c, period).or_else(|| clock(period, part("h"), part("m"), vague));
            if day.is_empty() && period.is_empty() && clock.is_none() {
                return None;
            }
            let shown_period = if clock.is_none() { period } else { "" };
            let tail = match tail {
                "以前" | "之前" | "前" => "前",
                "以后" | "之后" | "后" => "后",
                "多一点" | "多一点儿" | "多钟" | "过" => "多",
                other => other,
            };
            let day = day_text(day);
            let has_clock = clock.is_some();
            let text = format!("{day}{shown_period}{}{tail}", clock.unwrap_or_default());
            Some(SpokenTime { text, day, range: whole.range(), has_clock })
        })
        .collect()
}

/// Whisper writes 十点五十 as 10.50: a point between an hour and two digits of minutes is a clock's, unless a unit follows (1.50元). The
/// length in bytes stays.
fn with_clock_marks(text: &str) -> String {
    let mut out = text.to_string();
    let number = |part: &str| part.parse::<u8>().ok();
    for (at, _) in text.match_indices('.') {
        let hours = text[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
        let minutes = text[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let fits = (1..=2).contains(&hours)
            && minutes == 2
            && number(&text[at - hours..at]).is_some_and(|h| h < 24)
            && number(&text[at + 1..at + 3]).is_some_and(|m| m < 60);
        let unit =
            ["小时", "个", "元", "块", "米", "吨", "万", "%"].iter().any(|u| text[at + 1 + minutes..].starts_with(u));
        if fits && !unit {
            out.replace_range(at..=at, ":");
        }
    }
    out
}

/// A time told by how long it took: 打完电话俩钟头就到了 → 俩钟头.
pub(super) fn span_said(text: &str) -> Option<String> {
    let unit = ["个小时", "小时", "个钟头", "钟头", "分钟", "天"].iter().find_map(|u| Some((text.find(u)?, *u)))?;
    let head: Vec<char> = text[..unit.0].chars().collect();
    let counts = |c: &char| number::is_number_char(*c) || matches!(c, '俩' | '仨' | '半' | '几' | '多' | '来');
    let from = head.iter().rposition(|c| !counts(c)).map_or(0, |p| p + 1);
    let count: String = head[from..].iter().collect();
    (!count.is_empty()).then(|| format!("{count}{}", unit.1))
}

/// 差一刻十点 and 四点差五分: a quarter to ten, five to four.
fn quarter_to(c: &regex::Captures<'_>, period: &str) -> Option<String> {
    let either = |one: &str, other: &str| c.name(one).or(c.name(other)).map(|m| m.as_str());
    let minutes = match either("to", "less")? {
        "一刻" => 15,
        other => number::parse(other)?,
    };
    let hour = number::parse(either("before", "of")?)?;
    ((1..60).contains(&minutes) && hour <= 24)
        .then(|| format!("{}:{:02}", in_period(period, (hour + 23) % 24), 60 - minutes))
}

/// 十八号 → 18号, 昨儿 → 昨天, 礼拜二 → 星期二.
fn day_text(day: &str) -> String {
    let mut day = day.replace("礼拜", "星期");
    for (said, short) in [
        ("昨日", "昨天"),
        ("今日", "今天"),
        ("昨儿个", "昨天"),
        ("昨儿", "昨天"),
        ("今儿个", "今天"),
        ("今儿", "今天"),
        ("前日", "前天"),
        ("前儿个", "前天"),
        ("前儿", "前天"),
        ("明儿", "明天"),
    ] {
        day = day.replace(said, short);
    }
    if !day.ends_with(['号', '日']) || day.contains("星期") {
        return day;
    }
    let mut out = String::new();
    let mut run = String::new();
    for c in day.chars() {
        if number::is_number_char(c) {
            run.push(c);
        } else {
            if let Some(n) = number::parse(&run) {
                out.push_str(&n.to_string());
            }
            run.clear();
            out.push(c);
        }
    }
    out
}

/// A finish that names no day happened on the day of the arrival, and after it: 昨天13:20 … 5:00 → 昨天17:00.
pub(super) fn after(arrival: &str, finish: &str) -> String {
    let (Some((day, from)), Some((own_day, to))) = (day_and_hour(arrival), day_and_hour(finish)) else {
        return finish.to_string();
    };
    if !own_day.is_empty() {
        return finish.to_string();
    }
    let hour_text = to.to_string();
    let later = if to < from && to + 12 >= from && to < 12 { to + 12 } else { to };
    format!("{day}{later}{}", &finish[hour_text.len()..])
}

/// `昨天13:20` → (昨天, 13).
fn day_and_hour(text: &str) -> Option<(&str, u32)> {
    let mark = text.find(':').or_else(|| text.find('点'))?;
    let head = &text[..mark];
    let digits = head.chars().rev().take_while(char::is_ascii_digit).count();
    let (day, hour) = head.split_at(head.len() - digits);
    Some((day, hour.parse().ok()?))
}

/// 昨天擦黑 七点: the part of the day that was said before a clock that names none.
pub(super) fn in_the_evening(clock: &str, said_before: &str) -> String {
    let Some(("", hour)) = day_and_hour(clock) else { return clock.to_string() };
    let later = if EVENING.iter().any(|period| said_before.ends_with(period)) && hour < 12 { hour + 12 } else { hour };
    format!("{later}{}", &clock[hour.to_string().len()..])
}

/// Parts of the day whose hours are told from noon on.
const EVENING: [&str; 11] =
    ["下午", "午后", "后晌", "后半晌", "过晌", "傍晚", "晚上", "大晚上", "天黑", "擦黑", "天擦黑"];

/// `None` where no hour was said, or none that a day has.
fn clock(period: &str, hour: &str, minute: &str, vague: bool) -> Option<String> {
    if let Some((from, to)) = one_or_the_next(hour) {
        return Some(format!("{}、{}点", in_period(period, from), in_period(period, to)));
    }
    let h = in_period(period, number::parse(hour).filter(|h| *h <= 24)?);
    let m = match minute {
        "半" => Some(30),
        "一刻" => Some(15),
        "三刻" => Some(45),
        other => number::parse(other).filter(|m| *m < 60),
    };
    Some(match m {
        Some(m) => format!("{h}:{m:02}"),
        None if vague => format!("{h}点"),
        None => format!("{h}:00"),
    })
}

/// 下午两点 is 14.
fn in_period(period: &str, hour: u64) -> u64 {
    let evening = EVENING.contains(&period);
    if evening && hour < 12 || matches!(period, "中午" | "晌午") && hour < 4 { hour + 12 } else { hour }
}

/// 两三点, 五六点: two hours that follow one another, not twenty-three and not fifty-six.
fn one_or_the_next(hour: &str) -> Option<(u64, u64)> {
    let digits: Vec<u64> =
        hour.chars().filter(|c| !c.is_ascii_digit()).filter_map(|c| number::parse(&c.to_string())).collect();
    let [from, to] = digits[..] else { return None };
    (from > 0 && to == from + 1 && to < 10 && hour.chars().count() == 2).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finish_without_a_day_follows_its_arrival() {
        assert_eq!(after("昨天13:20", "5:00"), "昨天17:00");
        assert_eq!(after("昨天8:30", "10:50"), "昨天10:50");
        assert_eq!(after("星期二9点多", "12点左右"), "星期二12点左右");
        assert_eq!(after("昨天8:30", "今天9:00"), "今天9:00");
        assert_eq!(after("第三天", "当天"), "当天");
    }

    #[test]
    fn spoken_times_take_one_short_form() {
        let check = |text: &str, want: &[&str]| {
            let got: Vec<String> = find_all(text).into_iter().map(|t| t.text).collect();
            assert_eq!(got, want, "{text}");
        };
        check("昨天早上八点半到的", &["昨天8:30"]);
        check("十点五十就弄好了", &["10:50"]);
        check("十八号十点二十", &["18号10:20"]);
        check("星期二上午九点多到的", &["星期二9点多"]);
        check("下午三点以后吧", &["15:00后"]);
        check("今天下午五点前", &["今天17:00前"]);
        check("昨天下午两点到的，四点多就修好了", &["昨天14:00", "4点多"]);
        check("下午一点二十到的", &["13:20"]);
        check("五点多一点就走了", &["5点多"]);
        check("没有时间", &[]);
        check("差一刻十点到的 四点差五分修好的", &["9:45", "3:55"]);
        check("昨天下午差一刻三点 晚上八点差五分", &["昨天14:45", "19:55"]);
        check("下午两三点钟 五六点左右", &["14、15点", "5、6点左右"]);
        check("五十六点", &[]);
        check("18号10:20", &["18号10:20"]);
        check("10.50就弄好了", &["10:50"]);
        check("昨天下午2.30来的", &["昨天14:30"]);
        for no_clock in ["8.5到", "3.50元", "10.75", "1032.50", "25.10", "9.305", "1.20小时"] {
            check(no_clock, &[]);
        }
    }
}
