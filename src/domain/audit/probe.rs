//! 追问: does the agent ask for the reason of what the customer complains of (rule C18)?
//!
//! Contract: as [`super::speech`]: finds the line or nothing. A question that takes up the complaint asks for its reason, whatever its
//! words; one that goes on to the next item, offers something or quarrels does not.

use super::speech::Line;
use super::{conduct, temper};
use crate::domain::facts::number;
use crate::domain::facts::questions::About;
use crate::domain::score::{Act, Rubric};
use crate::domain::ways::{Ways, clauses};
use std::sync::LazyLock;

/// C18: a question for the reason; its words stand in the rubric.
fn is_probe(rubric: &Rubric, line: &Line) -> bool {
    line.agent() && (rubric.asks_for_reason(&line.text) || ASKS_ACCOUNT.said_in(&line.text))
}

/// Asks on after what was complained of: 他说了什么话让您不舒服了.
static ASKS_ON: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "什么|哪|怎么|咋|为何",
        "多久|多长时间|几天|几次|几回|多少天|多少次|多少回",
        "主要|到底|是因为|是不是因为|您是觉得|是指|指的是…还是|吗|呢|吧",
        "是…还是",
        "是|是不是…没|不|太|缺|人手|路上…吗|呢|么|吧",
        "经过|前因后果|来龙去脉|细说|慢慢说|慢慢讲|从头说|讲给我听|说给我听|跟我讲",
        "说说|讲讲|描述|详细|展开|举个例|跟我说|和我说|说一下|讲一下|说明一下",
    ])
});

/// Has him tell what happened: 麻烦您再讲一遍, 哪些地方让您不痛快.
static ASKS_ACCOUNT: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&["讲一遍|说一遍|讲讲经过|说说经过|当时的经过|事情的经过|尽管说|尽管讲", "哪|什么…让您|叫您|使您…不"])
});

/// What only sounds like it: another item, a polite end.
static ASKS_ELSE: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "什么地方|工地|您在哪|你在哪|在哪里|在哪干",
        "什么时间|什么时候|几点|哪天|多少小时|怎么样|怎么评价|怎么看|如何评价",
        "还有|其他|别的|有…什么|哪些|别的|其他…问题|需要|意见|建议|吗",
        "哪里干|在哪里|什么地方施工|哪些件|什么件|哪些保养|哪些检查",
        "什么问题|什么需要|什么异常|什么事…拨打|打|联系",
        "满意…还是|打分|评价|几分",
        "您|你…想怎么|要怎么|要退|要换",
        "可以|行|好|成|中|您看|方便|放心…吗|不|没",
        "给您|帮您|为您…好吗|行吗|可以吗|好不好|行不行|行不",
    ])
});

/// Words that any two lines of a call may share.
const COMMON: [&str; 30] = [
    "师傅", "工程", "程师", "服务", "态度", "技术", "技能", "配件", "供应", "及时", "机器", "满意", "您说", "时候",
    "什么", "怎么", "现在", "我们", "你们", "他们", "没有", "有没", "可以", "就是", "问题", "时间", "好的", "总体",
    "觉得", "那个",
];
/// One character that complains of the same.
const SAME_COMPLAINT: &str = "漏慢贵破错冲凶缺少脏响吵晚坏裂";

/// Takes up what the customer has just complained of, or is sorry, and asks: 慢在什么地方呢 是备货还是物流.
fn takes_up(said: &Line, complains: bool, line: &Line) -> bool {
    let shared = |clause: &str| {
        let chars: Vec<char> = clause.chars().collect();
        let words = chars.windows(2).filter(|w| !w.iter().any(|c| number::is_number_char(*c)));
        words
            .map(|w| w.iter().collect::<String>())
            .any(|pair| !COMMON.contains(&pair.as_str()) && line.text.contains(&pair))
            || chars.iter().any(|c| SAME_COMPLAINT.contains(*c) && line.text.contains(*c))
    };
    let same = || clauses(&said.text).any(shared);
    let of_form = [About::Hours, About::Requested, About::Checks, About::Parts];
    let next_item = line.asks.iter().any(|about| of_form.contains(about));
    // 您是觉得哪样配件贵呢: the item itself is complained of.
    let blames = || said.text.chars().any(|c| SAME_COMPLAINT.contains(c) && line.text.contains(c));
    let sorry = temper::apologises(line) && line.items().next().is_none();
    temper::asks(line) && (!next_item || blames()) && (sorry || complains && same())
}

/// Asks on after what he has just said.
pub(super) fn asks_on(said: &Line, line: &Line) -> bool {
    let next_item = || line.items().next().is_some();
    // 您是觉得贵在电瓶上还是工时费: an item named as the reason is no next one.
    let weighs = line.has(&["您是觉得", "您是说", "您指的是", "是因为"]);
    let openly = || {
        (ASKS_ON.said_in(&line.text) || temper::asks(line))
            && (!next_item() || weighs)
            && !ASKS_ELSE.said_in(&line.text)
    };
    line.agent()
        && line.rates.is_empty()
        && !conduct::tagged(&line.text)
        && !temper::quarrels(line)
        && (openly() || takes_up(said, true, line))
}

/// C18: asks for the reason by a word of the rubric after the first complaint, or openly right after any of them, before anything else is
/// asked, or takes up what has just been complained of. `complaints` are seconds, in their order; `since` is when the first was made.
pub(super) fn probe_after<'a>(rubric: &Rubric, lines: &'a [Line], since: f64, complaints: &[f64]) -> Option<&'a Line> {
    let ruled = probe_by_rule(rubric, lines, since, complaints).filter(|l| !l.doubted(Act::Probed));
    ruled.or_else(|| lines.iter().find(|l| l.agent() && l.from_s >= since && l.does(Act::Probed, || false)))
}

fn probe_by_rule<'a>(rubric: &Rubric, lines: &'a [Line], since: f64, complaints: &[f64]) -> Option<&'a Line> {
    let mut next = complaints.iter().filter_map(|at| {
        let said = lines.iter().find(|l| !l.agent() && l.from_s >= *at)?;
        Some((said, lines.iter().find(|l| l.agent() && l.from_s > *at)?))
    });
    let mut pairs = lines.windows(2).filter(|w| w[0].from_s >= since && !w[0].agent() && w[1].agent());
    lines
        .iter()
        .find(|l| l.from_s >= since && is_probe(rubric, l) && !temper::quarrels(l))
        .or_else(|| next.find(|(said, l)| asks_on(said, l)).map(|(_, l)| l))
        .or_else(|| {
            pairs
                .find(|w| {
                    w[1].rates.is_empty()
                        && !temper::quarrels(&w[1])
                        && takes_up(&w[0], temper::discontent(&w[0]), &w[1])
                })
                .map(|w| &w[1])
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::transcript::Channel;

    #[test]
    fn c18_a_question_that_takes_up_the_complaint_asks_for_its_reason() {
        let check = |said: &str, asked: &str, want: bool| {
            let lines =
                [Line::new(Channel::Customer, said, 0.0, 2.0, 0), Line::new(Channel::Agent, asked, 3.0, 5.0, 1)];
            assert_eq!(probe_after(Rubric::builtin(), &lines, 0.0, &[0.0]).is_some(), want, "{said} — {asked}");
        };
        check("送货就慢了一点点", "慢在什么地方呢 是备货还是物流", true);
        check("响应不太及时 打了三次才通", "不好意思 您是什么时间段打不通的", true);
        check("修完当天下午又漏了", "对不起 是漏得跟原来一样厉害吗", true);
        check("不满意 没个笑脸", "他是不是对您发脾气了", true);
        check("四千八 电瓶外头七百", "您是觉得主要贵在电瓶上 还是工时费也偏高", true);
        check("价钱有点贵", "您是觉得哪样配件贵呢", true);
        check("三次没修好", "哪些地方让您不痛快的 都跟我说说", true);
        check("正常 但是等了三天", "师傅是怎么指导您处理的", false);
        check("一般", "总的还是满意的吧", false);
        check("太慢了", "好的 现在机器多少小时了", false);
        check("不满意", "您还有其他建议吗", false);
        check("不满意", "我给您重新派个师傅可以吗", false);
        check("不满意", "好的 感谢您的评价 再见", false);
        check("这两百块不该收", "我吼什么了 跟你这种人说不清楚", false);
    }
}
