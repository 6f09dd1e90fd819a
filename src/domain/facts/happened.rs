//! When things happened: when the engineer came and when he had done, and times told of anything else.
//!
//! Contract: pure; readers of single answers, in the short form of [`time`]. A day goes with the clock that names none, wherever it was
//! said: before it (二十号早上 八点半来) or in the question (十二号几点到). Two hours told to a question for both are his coming and his leaving.

use super::questions::{self, About};
use super::time::{self, SpokenTime};
use super::words::last_version;
use crate::domain::ways::any_of;

/// The last day that has a clock, else the last thing that names a time: 头天晚上打电话 第二天一早就来了.
pub(super) fn time_said(text: &str) -> Option<String> {
    let text = in_the_end(text);
    let times = time::find_all(text);
    let came = ["到的", "来的", "到了", "来了", "过来", "到", "来", "弄完", "修好", "才"]
        .iter()
        .filter_map(|w| text.rfind(w))
        .max();
    let before = |t: &&SpokenTime| came.is_none_or(|at| t.range.end <= at + '到'.len_utf8());
    let clocked = times.iter().position(|t| t.has_clock).map(|at| with_day(&times, at));
    let last = || {
        let at = times.iter().rposition(|t| before(&t)).or((!times.is_empty()).then_some(0))?;
        Some(with_day(&times, at))
    };
    clocked.or_else(last)
}

/// When he came ([`About::Arrival`]) or had done ([`About::Finish`]), told to a question for it: the time of this event where its own word
/// is said, else the only one. 打完电话俩钟头就到了: so long after is a time too, but not where he was asked how long it took.
pub(super) fn of_event(about: About, asked: &[About], question: &str, text: &str) -> Option<String> {
    let asks_span = any_of(question, &["多久", "多长时间"]);
    let other = if about == About::Arrival { About::Finish } else { About::Arrival };
    let asks_both = asked.contains(&other);
    if asks_both && let Some((came, left)) = came_and_left(text) {
        return Some(if about == About::Arrival { came } else { left });
    }
    let said = named(about, text).or_else(|| {
        // 九点来的 走是啥时候没在意: the other's time is none of this.
        time_said(text).filter(|_| !(asks_both && named(other, text).is_some()))
    });
    let on_its_day = said.map(|time| format!("{}{time}", day_asked(question, &time).unwrap_or_default()));
    on_its_day.or_else(|| time::span_said(text).filter(|_| !asks_span))
}

/// What is told of his coming or leaving unasked.
pub(super) fn in_passing(about: About, text: &str) -> Option<String> {
    // 上午打他下午就到: no day and no hour.
    let placed = |t: &String| time::find_all(t).iter().any(|t| t.has_clock || !t.day.is_empty());
    speaks_of_the_engineer(text).then(|| named(about, text)).flatten().filter(placed)
}

/// 二号下午两点去的 四点不到就没影了: the first hour and the second, turned round where their own words say so. Where no hour is told, parts of
/// the day do: 六号下午到的 八号中午交的车.
fn came_and_left(text: &str) -> Option<(String, String)> {
    let text = in_the_end(text);
    let times = time::find_all(text);
    let with_clock = times.iter().filter(|t| t.has_clock).count();
    let told = |t: &SpokenTime| if with_clock == 0 { t.text != t.day } else { t.has_clock };
    let hours: Vec<usize> = (0..times.len()).filter(|at| told(&times[*at])).collect();
    let [first, second] = hours[..] else { return None };
    let event = |from: usize, to: usize| questions::events(&text[from..to]).find_map(|(.., about)| about);
    let of_first = event(times[first].range.end, times[second].range.start);
    let of_second = event(times[second].range.end, text.len());
    let turned = of_first == Some(About::Finish) && of_second == Some(About::Arrival);
    let (came, left) = if turned { (second, first) } else { (first, second) };
    Some((with_day(&times, came), with_day(&times, left)))
}

/// The only day that a question for an hour names: 昨天师傅几点去的.
fn day_asked(question: &str, time: &str) -> Option<String> {
    let own = time::find_all(time);
    let bare = own.first().is_some_and(|t| t.day.is_empty() && t.has_clock);
    let mut days = time::find_all(question).into_iter().filter(|t| !t.day.is_empty() && !t.has_clock);
    let day = days.next().filter(|_| bare && days.next().is_none())?;
    Some(day.day)
}

/// 说是上午来 结果下午两点才来: what was said before was not so.
fn in_the_end(text: &str) -> &str {
    let text = last_version(text);
    let superseded = ["结果", "实际上", "其实是", "到头来"];
    superseded.iter().filter_map(|w| text.find(w)).min().map_or(text, |at| &text[at..])
}

/// 二十一号中午 差不多十二点半, 礼拜六 说的上午来 下午三点才到: the day stands before a clock that names none.
fn with_day(times: &[SpokenTime], at: usize) -> String {
    let own = &times[at];
    let before = times[..at].iter().rev().take_while(|t| !t.has_clock).find(|t| !t.day.is_empty());
    match before.filter(|_| own.day.is_empty()) {
        Some(day) => format!("{}{}", day.day, time::in_the_evening(&own.text, &day.text)),
        None => own.text.clone(),
    }
}

/// Who came, not what: parts arrive too.
fn speaks_of_the_engineer(text: &str) -> bool {
    any_of(
        text,
        &[
            "师傅",
            "工程师",
            "技师",
            "他",
            "人家",
            "你们的人",
            "王工",
            "李工",
            "小伙",
            "维修工",
            "就修好",
            "就弄好",
            "修完",
            "弄完",
        ],
    ) && !any_of(text, &["货", "配件", "等了", "从早", "送来"])
}

/// The time right before what says that he came, or that it was done.
fn named(about: About, text: &str) -> Option<String> {
    let text = last_version(text);
    let times = time::find_all(text);
    if times.is_empty() {
        return None;
    }
    let event = questions::events(text).filter(|(.., a)| *a == Some(about)).map(|(at, ..)| at);
    let mut told = event.filter_map(|at| {
        let last = times.iter().rposition(|t| t.range.end <= at)?;
        let between = &text[times[last].range.end..at];
        let next_to = between.chars().count() <= NEXT_TO && questions::events(between).all(|e| e.2.is_none());
        // 说好九点来 要是九点来, 明天来: not so, or not yet.
        let before = last.checked_sub(1).map_or(0, |before| times[before].range.end);
        let head = &text[before..times[last].range.start];
        let unreal = any_of(head, &["说好", "说是", "要是", "本来", "约的", "约好", "答应"])
            || any_of(&times[last].text, &["明天", "后天", "下周", "下个", "下星期"]);
        (next_to && !unreal).then(|| with_day(&times, last))
    });
    until(about, text, &times).or_else(|| told.next())
}

/// 搞到天黑 六点半的样子: what lasted until then ended then.
fn until(about: About, text: &str, times: &[SpokenTime]) -> Option<String> {
    let lasted = ["修到", "干到", "弄到", "忙到", "搞到", "整到"];
    let from = lasted.iter().filter_map(|w| Some(text.find(w)? + w.len())).min().filter(|_| about == About::Finish)?;
    let behind = times.iter().enumerate().filter(|(_, t)| t.range.start >= from);
    let near = behind.take_while(|(_, t)| text[from..t.range.start].chars().count() <= NEXT_TO);
    near.max_by_key(|(_, t)| t.has_clock).map(|(at, _)| with_day(times, at))
}

/// Characters between a time and its event: 礼拜六下午三点多 他们才到.
const NEXT_TO: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d05_d06_two_hours_to_a_question_for_both_are_coming_and_leaving() {
        let check = |question: &str, text: &str, came: &str, left: &str| {
            let both = [About::Arrival, About::Finish];
            let got = both.map(|about| of_event(about, &both, question, text).unwrap_or_default());
            assert_eq!(got, [came, left], "{question} {text}");
        };
        check("师傅哪天去的 啥时候弄完", "二十号早上 八点半来 十点走的", "20号8:30", "10:00");
        check("师傅是几点去 几点弄完的", "二号下午两点去的 四点不到就没影了", "2号14:00", "4点不到");
        check("师傅几点到的 几点修完", "十点走的 八点来的", "8:00", "10:00");
        check("师傅几点到的 几点修完", "六号下午到的 八号中午交的车", "6号下午", "8号中午");
        check("师傅几点到的 几点修完", "差一刻十点到的 弄到四点差五分", "9:45", "3:55");
        check("哪天坏的 人哪天几点来 修到几点", "十号坏的 十二号早上九点来 修到中午", "12号9:00", "中午");
        check("他几点来几点走", "昨天下午一点多来 四点钟走", "昨天13点多", "4:00");
        check("师傅几点到的 几点修完", "昨天擦黑 七点", "昨天19:00", "昨天19:00");
        check("昨天师傅几点到的", "下午四点", "昨天16:00", "昨天16:00");
    }

    #[test]
    fn d05_the_day_before_an_appointment_or_a_period_is_found() {
        let came = |text: &str| of_event(About::Arrival, &[About::Arrival], "师傅几点到的", text);
        assert_eq!(came("礼拜六 说的上午来 下午三点才到").as_deref(), Some("星期六15:00"));
        assert_eq!(in_passing(About::Arrival, "约的九点 他八点五十就到了").as_deref(), Some("8:50"));
        assert_eq!(in_passing(About::Arrival, "他说好九点来"), None);
    }
}
