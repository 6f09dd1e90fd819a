//! What was said, found in the lines of a call: opening, identity, consent, closing, hotline, a probe after a low answer.
//!
//! Contract: pure detectors over lines in the order of time; each returns where it found what it looks for. They judge nothing.

use crate::domain::facts::{Consent, Respondent, consent_of, is_refusal, number, respondent_of, time};
use crate::domain::score::{Answer, Indicator, Rubric, to_simplified};
use crate::domain::transcript::Channel;

/// 服务热线 of the source text (C26), digits only.
pub const HOTLINE: &str = "4006589888";

/// One utterance or one prompt.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub who: Channel,
    /// Simplified; an agent's 啥 is 什么.
    pub text: String,
    pub from_s: f64,
    pub to_s: f64,
    /// Place in the dialogue or transcript.
    pub turn: usize,
    /// Indicators whose evaluation this line asks for.
    pub rates: Vec<Indicator>,
}

impl Line {
    pub fn new(who: Channel, text: &str, from_s: f64, to_s: f64, turn: usize) -> Self {
        let mut text = to_simplified(text);
        if who == Channel::Agent {
            text = text.replace('啥', "什么");
        }
        Self { who, text, from_s, to_s, turn, rates: Vec::new() }
    }

    pub fn agent(&self) -> bool {
        self.who == Channel::Agent
    }

    pub fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|w| self.text.contains(w))
    }

    /// Spoken characters, without pauses and punctuation.
    pub fn characters(&self) -> usize {
        self.text.chars().filter(|c| c.is_alphanumeric()).count()
    }

    /// The words, cut to what fits into a finding.
    pub fn quote(&self) -> String {
        let mut cut: String = self.text.chars().take(QUOTE_MAX).collect();
        if cut.len() < self.text.len() {
            cut.push('…');
        }
        cut
    }
}

/// The agent's lines.
pub(super) fn agents(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|l| l.agent())
}

/// Longest quotation in a finding, characters.
const QUOTE_MAX: usize = 40;

/// Notes at the agent's lines whose evaluation they ask for: an answer's question is made of the lines before it.
pub(super) fn mark_rated(lines: &mut [Line], answers: &[Answer]) {
    for answer in answers {
        let Some(indicator) = answer.indicator else { continue };
        let question = to_simplified(&answer.question).replace('啥', "什么");
        let asking = lines
            .iter_mut()
            .filter(|l| l.agent() && answer.turn.is_none_or(|t| l.turn < t) && question.contains(l.text.trim()));
        if let Some(line) = asking.last()
            && !line.rates.contains(&indicator)
        {
            line.rates.push(indicator);
        }
    }
}

/// C05: company and role.
pub(super) fn opening(lines: &[Line]) -> Option<&Line> {
    lines.iter().take(10).find(|l| {
        l.agent()
            && (l.has(&["福田", "雷沃", "重工", "客户服务中心", "服务中心", "公司", "厂家", "售后"])
                && l.has(&["客服", "代表", "回访员", "回访专员", "服务中心", "售后", "语音回访"])
                || presents_itself(&l.text))
    })
}

/// 我是鑫源服务站的客服代表: somebody's name before the role.
fn presents_itself(text: &str) -> bool {
    let Some(at) = ["我是", "我们是", "这里是", "这边是"].iter().filter_map(|w| Some(text.find(w)? + w.len())).min()
    else {
        return false;
    };
    let rest = &text[at..];
    let role = ["客服代表", "客服专员", "客服", "回访员", "回访专员", "服务代表", "服务专员"]
        .iter()
        .filter_map(|w| rest.find(w))
        .min();
    role.is_some_and(|r| (2..=20).contains(&rest[..r].chars().count()))
}

/// C04: 您是…吗.
pub(super) fn identity_asked(lines: &[Line]) -> Option<&Line> {
    let person = [
        "先生", "女士", "师傅", "老板", "机主", "本人", "经理", "总", "所长", "站长", "队长", "厂长", "主任", "主管",
        "老师", "大哥", "大姐", "车主",
    ];
    lines.iter().take(12).find(|l| {
        l.agent()
            && (l.has(&["您是", "你是", "是您本人", "请问是", "请问您是", "您贵姓", "您好是", "您好 是", "您好，是"])
                && (l.has(&person) || l.text.contains("吗") && l.text.contains("您是"))
                || person.iter().any(|p| {
                    l.text.contains(&format!("{p}吗"))
                        || l.text.contains(&format!("{p}是吗"))
                        || l.text.contains(&format!("{p}吧"))
                        || l.text.contains(&format!("{p}对吧"))
                        || l.text.contains(&format!("{p}不"))
                        || l.text.contains(&format!("{p}对不"))
                        || l.text.contains(&format!("{p}是不"))
                }))
    })
}

/// C06: 耽误您两分钟…可以吗.
pub(super) fn consent_asked(lines: &[Line]) -> Option<&Line> {
    lines.iter().take(14).find(|l| {
        l.agent()
            && (l.has(&["耽误", "占用", "打扰您", "占您", "打扰一下"])
                && l.has(&["可以吗", "行吗", "方便吗", "好吗", "可以吧", "分钟", "行不", "可以不", "成吗", "方便不"])
                || l.has(&["回访"])
                    && l.has(&[
                        "可以吗",
                        "行吗",
                        "方便吗",
                        "好吗",
                        "愿意",
                        "可不可以",
                        "行不",
                        "可以不",
                        "成吗",
                        "方便不",
                        "有时间吗",
                    ])
                || l.has(&["分钟时间", "两分钟", "几分钟"]) && l.has(&["有", "吗", "不"])
                || l.has(&["方便接", "方便吗", "方便接听", "现在方便", "方便说话"]))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConsentHeard {
    pub consent: Consent,
    pub turn: Option<usize>,
}

/// C07. A customer who is asked and simply answers the questions has agreed.
pub(super) fn consent(lines: &[Line]) -> ConsentHeard {
    if respondent(lines).0 == Respondent::WrongNumber {
        return ConsentHeard { consent: Consent::NotAsked, turn: None };
    }
    let Some(asked) = consent_asked(lines) else {
        let refuses = lines.iter().take(8).find(|l| !l.agent() && refuses_visit(&l.text));
        return ConsentHeard {
            consent: if refuses.is_some() { Consent::Refused } else { Consent::NotAsked },
            turn: refuses.map(|l| l.turn),
        };
    };
    let replies: Vec<&Line> = lines.iter().filter(|l| l.from_s >= asked.from_s && !l.agent()).take(3).collect();
    for (n, reply) in replies.iter().enumerate() {
        match consent_of(&reply.text) {
            Some(c) if n == 0 || c == Consent::Refused && refuses_visit(&reply.text) => {
                return ConsentHeard { consent: c, turn: Some(reply.turn) };
            }
            Some(c) => {
                return ConsentHeard {
                    consent: if c == Consent::Refused { Consent::Given } else { c },
                    turn: Some(reply.turn),
                };
            }
            None => {}
        }
    }
    let goes_on = replies.len() > 1;
    ConsentHeard { consent: if goes_on { Consent::Given } else { Consent::NotAsked }, turn: None }
}

/// A refusal of the visit itself, not a 不行 about the machine.
pub(super) fn refuses_visit(text: &str) -> bool {
    is_refusal(text)
        && !matches!(text.trim(), "不行")
        && !["机器", "挖机", "技术", "态度", "配件", "还是不行"].iter().any(|w| text.contains(w))
}

pub(super) fn respondent(lines: &[Line]) -> (Respondent, Option<usize>) {
    let wrong = lines.iter().find(|l| !l.agent() && respondent_of(&l.text) == Some(Respondent::WrongNumber));
    if let Some(l) = wrong {
        return (Respondent::WrongNumber, Some(l.turn));
    }
    let Some(asked) = identity_asked(lines) else { return (Respondent::Unconfirmed, None) };
    let replies: Vec<&Line> = lines.iter().filter(|l| l.from_s > asked.from_s && !l.agent()).take(4).collect();
    let Some(first) = replies.first() else { return (Respondent::Unconfirmed, None) };
    let own = respondent_of(&first.text);
    if matches!(own, Some(Respondent::Unconfirmed | Respondent::NotPresent)) {
        // 我是他儿子 … 我当时在现场: the next words may show that he knows.
        let informed = replies[1..].iter().find(|l| {
            l.has(&["在现场", "我知道", "我了解", "清楚", "知道", "我盯着"])
                && !l.has(&["不知道", "不清楚", "不了解", "没在现场", "不在现场"])
        });
        if let Some(l) = informed {
            return (Respondent::OtherInformed, Some(l.turn));
        }
    }
    // 您是…吗，…可以吗 in one breath: agreeing answers both.
    let both =
        consent_asked(lines).is_some_and(|l| l.turn == asked.turn) && consent_of(&first.text) == Some(Consent::Given);
    let own = own.or(both.then_some(Respondent::Confirmed));
    (own.unwrap_or(Respondent::Unconfirmed), own.map(|_| first.turn))
}

/// C26: thanks and good-bye at the end.
pub(super) fn closing(lines: &[Line]) -> Option<&Line> {
    let from = lines.len().saturating_sub(8);
    lines[from..].iter().find(|l| {
        l.agent()
            && (l.has(&["再见", "拜拜"]) && l.has(&["感谢", "谢谢", "祝您", "随时拨打", "日常保养", "打扰"])
                || l.has(&["祝您健康", "祝您工作", "祝您生活", "祝您一切"])
                || l.has(&["感谢您对我们"]))
    })
}

/// The hotline as said: the line and whether its digits are right; `None` when no number was said with it.
pub(super) fn hotline(lines: &[Line]) -> Option<(&Line, bool)> {
    lines.iter().filter(|l| l.agent()).rev().find_map(|l| {
        let said = number::digit_runs(&l.text).into_iter().find_map(|run| Some(run[run.find("400")?..].to_string()))?;
        (said.len() >= 7).then(|| (l, said == HOTLINE))
    })
}

/// C18: a question for the reason; its words stand in the rubric.
pub(super) fn is_probe(rubric: &Rubric, line: &Line) -> bool {
    line.agent() && rubric.asks_for_reason(&line.text)
}

/// Words before the answer count as a question about facts (C07: none before consent).
pub(super) fn is_question(line: &Line) -> bool {
    line.agent()
        && (!line.rates.is_empty()
            || line.has(&[
                "多少小时",
                "更换了",
                "什么时间",
                "什么时候",
                "工作地点",
                "运行正常",
                "遗留",
                "排除了吗",
                "做完了吗",
                "哪些检查",
            ]))
}

/// A deadline in a promise: 今天下午五点前, 两个小时内, 三天之内.
pub(super) fn time_named(text: &str) -> Option<String> {
    let clocked = time::find_all(text).into_iter().find(|t| !t.text.is_empty()).map(|t| t.text);
    let within = [
        "小时内",
        "小时之内",
        "小时后",
        "小时以后",
        "小时之后",
        "天内",
        "天之内",
        "天后",
        "天以后",
        "分钟内",
        "分钟之内",
        "分钟后",
        "分钟以后",
        "个工作日",
    ]
    .iter()
    .find_map(|unit| {
        let at = text.find(unit)?;
        let head: Vec<char> = text[..at].chars().collect();
        let from =
            head.iter().rposition(|c| !number::is_number_char(*c) && !matches!(c, '个' | '半')).map_or(0, |p| p + 1);
        let count: String = head[from..].iter().collect();
        (!count.is_empty()).then(|| format!("{count}{unit}"))
    });
    let end_of_day = [
        "今天下班之前",
        "今天下班前",
        "下班之前",
        "下班前",
        "今天之内",
        "今天内",
        "今天晚上之前",
        "月底之前",
        "月底前",
        "这两天",
        "这几天",
    ];
    within.or_else(|| end_of_day.iter().find(|w| text.contains(**w)).map(|w| (*w).to_string())).or(clocked)
}
