//! What our side of a call promised to tell the customer later, found in its words (A19, A20).
//!
//! Contract: pure. Only the agent's channel promises. A sentence counts when one of its clauses says that somebody will call, answer or
//! tell the customer back, and neither that clause denies it nor the sentence makes it a question, a condition, a guess, a report of
//! somebody else's words or something of the past. What says a call back is shared with the audit ([`promises_call_back`]), which decides
//! on its own about promises beyond an agent's authority (C17). One who promises twice in a call promises once: a call has one promise
//! of each [`Doer`], the sentence with a time before the one without.
//!
//! Not here: when that is ([`crate::domain::when::deadline`]), and what becomes of it ([`super::Promise`]).

use crate::domain::audit::promises_call_back;
use crate::domain::phrases::phrases;
use crate::domain::score::to_simplified;
use crate::domain::transcript::{Channel, Transcript};
use crate::domain::when;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Sentences of a call that are kept are cut at so many characters.
const QUOTE_CHARS: usize = 200;

/// Who is to do what was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doer {
    /// Whoever talks, or his colleagues of the service centre.
    Us,
    Engineer,
    /// A manager, a department, a dealer, the maker.
    Department,
}

/// One promise, as it was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub doer: Doer,
    /// The sentence.
    pub quote: String,
    /// The part of it that may name a time.
    pub when: String,
    /// Seconds on the recording's axis, of the utterance.
    pub from_s: f64,
    pub to_s: f64,
}

impl Doer {
    pub const ALL: [Doer; 3] = [Self::Us, Self::Engineer, Self::Department];

    pub fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Engineer => "engineer",
            Self::Department => "department",
        }
    }
}

phrases! {
    /// Telling back in words that the audit's table does not need.
    TELLS = ["给您(?:个|一个)?(?:答复|说法|准信|回话|反馈|消息|结果|回音)|给您(?:打|去|来)个电话|(?:通知|告诉|告知|转告|反馈给)您"];
    /// Sure on their own; any other words need a sign of the future.
    ANSWERS = ["回电|回您|回个电话|回复您|答复|给您回|给您个?一?个?(?:说法|准信|回话)"];
    FUTURE = ["会|将|稍后|晚[点些]|晚一点|回头|让|叫|安排|派|[明后]天|[上下]午|晚上|今天|马上|尽快|第一时间|[之以]?内|一定|到时|之后|以后|随后|过(?:后|一会)|一会|再|有(?:了)?(?:结果|消息|进展|答案)|(?:好|完|到|清楚|出来)了(?:就|马上|再)?(?:给|跟|告|通)|争取|[周星期礼拜][一二三四五六日天]|号"];
    /// He is told something now: a number (C24), a name, the reason of the call.
    NOW = ["(?:告诉|告知)您(?:一下)?(?:的是|电话|号码|他的|一个)|给您(?:打|致|来)(?:个|这个)?电?话?(?:是|主要|就是|想|为了)|现在(?:告诉|通知)您"];
    DENIED = ["不会|不能|不再|不用|不必|不需要|没法|没办法|没有办法|无法|不可能|不一定|未必|不方便|做不到|不好(?:说|给|答)|别再|没有?(?:人|工程师|师傅)?(?:给您|跟您|和您|联系)|不打扰"];
    GUESSED = ["可能|也许|说不定|没准|估计|应该(?:会|能|是)|不确定|不清楚|按理"];
    CONDITION = ["如果|要是|假如|假设|倘若|万一|的话|若(?:有|是|您|发现|需要|仍|还)|只要您|除非"];
    QUESTION = ["[吗么嘛]$|有没有|是否|是不是|会不会|能不能|要不要|需不需要|用不用|可不可以|几点|什么时[候间]|哪[天位个]|谁|多久|多长时间|怎么"];
    /// Asked at the end of a promise to be polite.
    TAG = ["^(?:您看|你看|这样|那样|您觉得)*(?:好吗|行吗|可以吗|好不好|行不行|可不可以|方便吗|成吗|好吧|行吧|可以吧)$"];
    GLUED_TAG = ["(?:您看)?(?:好吗|行吗|可以吗|好不好|行不行|成吗|好吧|行吧)$"];
    PAST = ["(?:刚才|刚刚|(?:^|[我们他她师员服])之前|上次|上周|上个|昨天|前天|前几天|已经|曾经|早上就|当时|那天|[0-9一二三四五六七八九十两几]+(?:天|小时|个月|周)前).*(?:过|了|联系您|给您|的)|(?:联系|打|回|答复|回复|通知|告诉|沟通|反馈)(?:过(?:[^去来]|$)|了)"];
    /// What somebody else said.
    REPORT = ["(?:^|[^跟和向给让叫请与替帮同])(?:您|你|他|她|他们|她们|师傅|工程师|经理|同事|客户|人家|店里|服务站|厂家)(?:[^跟和向给让叫请与]{0,6})(?:说|讲|提到|答应|承诺|表示|告诉您?)(?:过|了|的|要|会|是|他|她|明|今|后|下|稍|尽|回|给|再|$)"];
    QUOTED = ["“[^”]*”|\"[^\"]*\"|「[^」]*」|『[^』]*』|‘[^’]*’"];
    /// The customer is to call us.
    INVITES = ["(?:给我们?|跟我们?|和我们?|与我们?|向我们?)(?:回|打|联系|来|去|说|反馈)|(?:^|[^跟给和与向为替帮])您(?:可以|也可以|再|就)?(?:随时)?(?:联系|拨打|打|致电)|(?:随时|欢迎|请您?)(?:联系|拨打|致电|来电)"];
    /// The visit itself goes on another time, or thanks the customer for his words.
    MANNERS = ["感谢您的|谢谢您的|满意度|回访|短信|问卷"];
    ENGINEERS = ["工程师|师傅|技术员|技术人员|服务人员|维修人员|售后人员|技术支持"];
    DEPARTMENTS = ["部门|经理|领导|主管|站长|服务站|店里|店长|厂家|厂里|专人|专员|配件|销售|财务|代理商|经销商"];
    ASKS_ENGINEER = ["(?:跟|和|向|问|与|找|联系)(?:一下)?(?:我们的?|现场|那边的?|当地的?)?(?:工程师|师傅|技术员|技术人员|技术支持)"];
    SENDS_ENGINEER = [
        "(?:让|叫|请|安排|派|由)(?:我们的?|一下|现场|当地的?|负责的?|一位|个|他|她|[张王李赵刘陈杨]){0,3}(?:工程师|师傅|技术|服务人员|维修人员|他|她|售后)",
    ];
}

/// What our side promised, in the order of time; `called_at` and `tz` are those of the call, to know which words name a time.
pub fn detect(transcript: &Transcript, called_at: Timestamp, tz: &TimeZone) -> Vec<Heard> {
    let mut heard: Vec<(Heard, bool)> = Vec::new();
    for segment in transcript.segments.iter().filter(|segment| segment.channel == Channel::Agent) {
        for (said, asks) in sentences(&segment.text) {
            let Some((doer, when)) = promise_in(&to_simplified(&said), asks, called_at, tz) else { continue };
            let quote = said.chars().take(QUOTE_CHARS).collect();
            let timed = when::deadline(&when, called_at, tz).is_some();
            let found = Heard { doer, quote, when, from_s: segment.start, to_s: segment.end };
            match heard.iter_mut().find(|(earlier, _)| earlier.doer == doer) {
                Some(earlier) if timed && !earlier.1 => *earlier = (found, true),
                Some(_) => {}
                None => heard.push((found, timed)),
            }
        }
    }
    heard.into_iter().map(|(heard, _)| heard).collect()
}

/// Each with whether a question mark ends it.
fn sentences(text: &str) -> Vec<(String, bool)> {
    let mut found = vec![];
    let mut rest = text;
    while let Some(end) = rest.find(['。', '！', '？', '!', '?', '；', ';', '\n']) {
        let mark = rest[end..].chars().next().unwrap_or('。');
        found.push((rest[..end].trim().to_owned(), matches!(mark, '？' | '?')));
        rest = &rest[end + mark.len_utf8()..];
    }
    found.push((rest.trim().to_owned(), false));
    found.retain(|(sentence, _)| !sentence.is_empty());
    found
}

/// Who promises, and the words that may name a time.
fn promise_in(sentence: &str, asks: bool, now: Timestamp, tz: &TimeZone) -> Option<(Doer, String)> {
    let sentence = QUOTED.replace_all(sentence, "").into_owned();
    let mut clauses: Vec<String> = sentence
        .split(['，', ',', '、', ' ', '：', ':'])
        .map(|c| c.trim().to_owned())
        .filter(|c| !c.is_empty())
        .collect();
    let tagged = take_tag(&mut clauses);
    let other = |clause: &str| [&DENIED, &PAST, &INVITES, &NOW, &MANNERS].iter().any(|words| words.is_match(clause));
    let at = clauses.iter().position(|clause| tells_back(clause, &sentence) && !other(clause))?;
    let clause = &clauses[at];
    // 如果…, 您说…, before or after: the whole sentence is none.
    let whole = clauses.join("，");
    let no_promise = [&GUESSED, &CONDITION, &REPORT].iter().any(|words| words.is_match(&whole))
        || !tagged && (asks || clauses.iter().any(|clause| QUESTION.is_match(clause)));
    if no_promise {
        return None;
    }
    let when = time_words(&clauses, at, now, tz);
    // 给您回电话好吗 only offers; with a time it promises.
    if tagged && when::deadline(&when, now, tz).is_none() {
        return None;
    }
    let doer = if ENGINEERS.is_match(&whole) && !asks_somebody(&whole) {
        Doer::Engineer
    } else if DEPARTMENTS.is_match(clause) {
        Doer::Department
    } else {
        Doer::Us
    };
    Some((doer, when))
}

/// Drops 好吗 and its like from the end.
fn take_tag(clauses: &mut Vec<String>) -> bool {
    if clauses.len() > 1 && clauses.last().is_some_and(|last| TAG.is_match(last)) {
        clauses.pop();
        return true;
    }
    let Some(last) = clauses.last_mut() else { return false };
    let Some(tag) = GLUED_TAG.find(last).filter(|tag| tag.start() > 0) else { return false };
    last.truncate(tag.start());
    true
}

fn tells_back(clause: &str, sentence: &str) -> bool {
    let tells = promises_call_back(clause) || TELLS.is_match(clause);
    tells && (ANSWERS.is_match(clause) || FUTURE.is_match(sentence))
}

/// 我问一下工程师，给您回电话: it is we who call.
fn asks_somebody(sentence: &str) -> bool {
    ASKS_ENGINEER.is_match(sentence) && !SENDS_ENGINEER.is_match(sentence)
}

/// The clause of the promise with its neighbours, as long as they are not about the past: 明天上午，我给您回电话.
fn time_words(clauses: &[String], at: usize, now: Timestamp, tz: &TimeZone) -> String {
    let names_time = |clause: &&String| !PAST.is_match(clause) && when::deadline(clause, now, tz).is_some();
    let near = [at, at.wrapping_sub(1), at + 1, at.wrapping_sub(2)];
    near.iter().filter_map(|i| clauses.get(*i)).find(names_time).unwrap_or(&clauses[at]).clone()
}

#[cfg(test)]
mod tests;
