//! Who is on the line, and did he agree.

use super::{Consent, Respondent};
use crate::domain::ways::{any_of, clauses};

pub(super) fn is_wrong_number(text: &str) -> bool {
    let mistaken = [
        "打错",
        "拨错",
        "错号",
        "找错人",
        "没这人",
        "没这个人",
        "没有这个人",
        "没有这人",
        "号早换",
        "号换人",
        "号码换人",
    ];
    let stranger = any_of(text, &["不认识"]) && any_of(text, &["这个人", "什么", "这人", "先生", "女士", "你们", "他"]);
    let no_machine = ["没有挖掘机", "没有挖机", "没买过挖", "没有机器", "没买过机器", "没买过车", "哪来的挖机"];
    any_of(text, &mistaken) || stranger || any_of(text, &no_machine) || any_of(text, &["我不姓", "我不叫"])
}

/// Kin and employees, in whose name somebody else speaks.
const OTHERS: [&str; 44] = [
    "堂客",
    "崽",
    "婆娘",
    "老汉",
    "当家",
    "伙计",
    "外甥",
    "女婿",
    "嫂",
    "舅",
    "带班",
    "工长",
    "老婆",
    "老公",
    "爱人",
    "媳妇",
    "老伴",
    "儿子",
    "闺女",
    "女儿",
    "爸",
    "妈",
    "哥",
    "弟",
    "姐",
    "妹",
    "侄",
    "亲戚",
    "家属",
    "司机",
    "机手",
    "操作手",
    "徒弟",
    "师傅的",
    "员工",
    "工人",
    "同事",
    "会计",
    "管",
    "助理",
    "合伙",
    "邻居",
    "开车",
    "老板",
];

/// 我是他司机, 他是我哥, 我爸的手机: somebody else than who was asked for.
fn speaks_for_another(text: &str) -> bool {
    let own = |lead: &str| {
        text.match_indices(lead).any(|(at, _)| {
            // 我是刘伯年 妹子你好: kin of the next clause are nobody's.
            let near: String = text[at + lead.len()..].chars().take(6).take_while(|c| c.is_alphanumeric()).collect();
            any_of(&near, &OTHERS)
        })
    };
    any_of(text, &["我是他", "我是她", "俺是他", "他是我", "她是我", "不是他", "替他"])
        || any_of(text, &["我是给", "俺是给", "他是俺", "她是俺"])
        || own("我是")
        || own("俺是")
        || own("是我")
        || {
            any_of(text, &["我爸", "我爱人", "我老公", "我儿子", "我老板", "我哥", "我弟", "我媳妇", "我老婆"])
        }
}

/// The answer to 您是…吗.
pub fn respondent_of(text: &str) -> Option<Respondent> {
    let absent = any_of(
        text,
        &[
            "他不在",
            "她不在",
            "人不在",
            "不在家",
            "不在这",
            "出去了",
            "调走",
            "离职",
            "没在",
            "不在工地",
            "出门",
            "上班去",
            "上山",
            "下地",
            "外出",
            "出差",
            "去外地",
            "干活去",
            "没带手机",
            "手机没带",
            "电话搁家",
            "手机放家",
            "不在跟前",
            "回老家",
            "住院",
            "不在身边",
            "没在家",
            "走亲戚",
        ],
    );
    // 是我 不过机器是我家那口子开: his first words say who he is.
    let himself = clauses(text).next().is_some_and(|c| ["是我", "就是我", "我就是"].contains(&c));
    let other = speaks_for_another(text) && !himself;
    // 长林不在.
    let absent = absent
        || clauses(text)
            .any(|c| !c.contains('我') && ["不在", "没在", "退了", "调走了"].iter().any(|end| c.ends_with(end)));
    let absent = absent || other && any_of(text, &["在县里", "在市里", "在外地", "在外面", "在医院", "开会", "去了"]);
    let informed = any_of(
        text,
        &[
            "在现场",
            "在场",
            "知道",
            "了解",
            "清楚",
            "我盯着",
            "盯着的",
            "我看着",
            "我在",
            "我负责",
            "跟我说",
            "问我",
            "跟前看",
            "一直跟",
            "平时我开",
            "我开的",
            "我管",
            "跟着",
            "我陪",
            "我跟",
            "我经手",
            "是我开",
            "我送去",
            "我办的",
            "我接待",
            "从头到尾",
            "从头跟",
            "从头看",
            "在跟前",
        ],
    ) && !any_of(text, &["不知道", "不清楚", "不了解", "没在现场", "哪懂", "不懂", "不在跟前"]);
    if is_wrong_number(text) {
        return Some(Respondent::WrongNumber);
    }
    if other || absent {
        return Some(match (informed, absent) {
            (true, _) => Respondent::OtherInformed,
            (false, true) => Respondent::NotPresent,
            (false, false) => Respondent::Unconfirmed,
        });
    }
    if text.starts_with("不是") || any_of(text, &["我不是"]) {
        return Some(if informed { Respondent::OtherInformed } else { Respondent::Unconfirmed });
    }
    let yes = any_of(
        text,
        &[
            "是我",
            "我是",
            "俺是",
            "我就是",
            "是的",
            "对",
            "没错",
            "嗯",
            "是啊",
            "是呀",
            "是嘞",
            "正是",
            "本人",
            "我姓",
            "免贵",
            "就是我",
        ],
    ) || ["是", "系", "我系", "哎", "嗳", "诶", "欸"]
        .iter()
        .any(|w| text.trim_start_matches(|c: char| !c.is_alphanumeric() || "哦噢啊呃唉嗯".contains(c)).starts_with(w));
    yes.then_some(Respondent::Confirmed)
}

/// A yes that stands alone.
const OPENS: [&str; 11] = ["方便", "可以", "可以可以", "成", "行", "中", "要得", "得行", "合适", "合适合适", "有空"];

/// No, and of what: 没工夫, 不太方便, 不得空, 别给我打.
fn denies(text: &str) -> bool {
    let wants = [
        "空",
        "时间",
        "功夫",
        "工夫",
        "闲",
        "方便",
        "兴趣",
        "需要",
        "想",
        "愿",
        "接受",
        "参加",
        "得空",
        "可以",
        "打",
        "做",
        "必",
        "用",
        "想做",
        "配合",
        "感兴趣",
        "搞",
    ];
    ["没", "不", "别", "甭", "无"].iter().any(|no| {
        text.match_indices(no).any(|(at, _)| {
            let near: String = text[at + no.len()..].chars().take(4).collect();
            let word = wants.iter().filter_map(|w| near.find(w)).min();
            // 没问题, 不用客气, 不碍事 refuse nothing; nor does what is denied of something else stand right behind.
            word.is_some() && !any_of(&near, &["问题", "客气", "事", "碍", "打紧", "打不", "用着"])
        })
    })
}

/// 正吊着东西呢: he is doing something just now, and not nothing.
fn in_the_middle(text: &str) -> bool {
    let idle = ["闲", "歇", "没事", "等", "想", "听"];
    clauses(text).any(|clause| {
        let doing = ["正", "我正", "我这正", "我在", "这正", "正在"].iter().any(|w| clause.starts_with(w));
        doing && clause.ends_with('呢') && !any_of(clause, &idle) && !clause.starts_with("正常")
    })
}

/// True for a refusal of the visit.
pub fn is_refusal(text: &str) -> bool {
    let busy = any_of(
        text,
        &[
            "正忙",
            "在忙",
            "忙着",
            "忙呢",
            "开车呢",
            "在开车",
            "正在开车",
            "开着车",
            "开会",
            "我有事",
            "有点事",
            "有急事",
            "等我忙完",
            "忙完再",
            "在医院",
            "在吃饭",
            "正吃饭",
            "在高速",
            "先挂",
            "挂了",
            "等会儿再打",
            "待会儿再",
            "过会儿",
            "等会再",
            "一会再打",
            "脱不开",
            "走不开",
            "腾不出",
            "顾不上",
            "抽不开",
            "离不开",
            "打给我",
        ],
    ) || in_the_middle(text);
    let puts_off = any_of(
        text,
        &[
            "改天",
            "改日",
            "回头再",
            "以后再",
            "晚点再",
            "晚上再",
            "晚点打",
            "晚点吧",
            "晚些",
            "等会行",
            "等会吧",
            "等会儿吧",
            "待会",
            "下次再",
            "吃完再",
            "过两天",
            "过几天再",
            "有空再",
            "再说吧",
        ],
    );
    let unwilling = any_of(
        text,
        &[
            "别烦",
            "烦不烦",
            "烦死",
            "免了",
            "甭问",
            "甭打",
            "别问",
            "拒绝",
            "不行",
            "算了",
            "别来电",
            "别再打",
            "不要打",
            "别打",
            "不接受",
            "不参加",
        ],
    );
    // 我开车呢 你快点: busy, and yet he lets himself be asked; 跟你说了不方便 asks for nothing.
    let to_agent = ["跟", "和", "给", "对"].iter().any(|w| any_of(text, &[&format!("{w}你说"), &format!("{w}您说")]));
    let hurries = !to_agent
        && any_of(
            text,
            &[
                "你快点",
                "您快点",
                "快点说",
                "快点问",
                "快问",
                "快说",
                "快点吧",
                "快点啊",
                "得快点",
                "简单点",
                "简单说",
                "你简单",
                "长话短说",
                "说吧",
                "问吧",
                "讲吧",
                "你说",
                "你问",
                "您说",
            ],
        );
    let later = any_of(text, &["改天", "改日", "回头", "挂了", "以后", "晚点", "过会儿", "下次"]);
    let allows = hurries && !later || text.starts_with("可以") || text.starts_with('行') || text.starts_with('好');
    let unwilling = unwilling || text.starts_with("不了") && !text.starts_with("不了解");
    unwilling || (busy || puts_off || denies(text)) && !allows
}

/// The answer to 耽误您两分钟可以吗.
pub fn consent_of(text: &str) -> Option<Consent> {
    let agrees = any_of(
        text,
        &[
            "可以",
            "行",
            "好",
            "说吧",
            "你说",
            "您说",
            "问吧",
            "问呗",
            "说呗",
            "讲呗",
            "你问",
            "您问",
            "你讲",
            "您讲",
            "讲嘛",
            "说嘛",
            "请讲",
            "请说",
            "讲吧",
            "没问题",
            "嗯",
            "中",
            "方便",
            "合适",
            "没事",
            "对",
            "成",
            "快点",
            "快问",
            "快说",
            "简单说",
            "来吧",
            "来来",
            "听着呢",
            "我听着",
            "快着点",
            "简单点",
            "什么事",
            "不碍事",
            "不要紧",
            "得",
        ],
    ) || ["说", "讲", "问", "是"].contains(&text.trim_matches(|c: char| !c.is_alphanumeric()));
    // 方便 我正搁车上坐着呢: what he is doing beside it hinders nothing; 不 and 改天 would.
    let opens = clauses(text).next().is_some_and(|c| OPENS.contains(&c));
    if is_refusal(text) && !(opens && !denies(text) && in_the_middle(text)) {
        return Some(Consent::Refused);
    }
    agrees.then_some(Consent::Given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_who_speaks_for_another_says_so_and_what_he_saw() {
        let check = |text: &str, want: Respondent| assert_eq!(respondent_of(text), Some(want), "{text}");
        check("是我 佟丽娟 不过机器是我家那口子开 买件都是我跑", Respondent::Confirmed);
        check("我是给周总开挖机的 保养那会儿我就在跟前", Respondent::OtherInformed);
        check("贾老板不在 我是给他开车的 那天我从头跟到尾", Respondent::OtherInformed);
        check("他不在 我是他爱人", Respondent::NotPresent);
    }

    #[test]
    fn c07_what_he_does_beside_a_plain_yes_refuses_nothing() {
        let check = |text: &str, want: Consent| assert_eq!(consent_of(text), Some(want), "{text}");
        check("方便 我正搁车上坐着呢", Consent::Given);
        check("合适合适 我是老尤 正晒棒子呢", Consent::Given);
        check("我正开车呢", Consent::Refused);
        check("我正忙呢 改天吧", Consent::Refused);
    }
}
