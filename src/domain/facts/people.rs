//! Who is on the line, and did he agree.

use super::{Consent, Respondent};

fn any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|w| text.contains(w))
}

pub(super) fn is_wrong_number(text: &str) -> bool {
    any(
        text,
        &[
            "打错",
            "拨错",
            "错号",
            "找错人",
            "不认识这个人",
            "没这个人",
            "没有这个人",
            "没有挖掘机",
            "没有挖机",
            "没买过挖",
        ],
    ) || any(text, &["我不姓", "我不叫"])
}

/// The answer to 您是…吗.
pub fn respondent_of(text: &str) -> Option<Respondent> {
    let absent = any(text, &["他不在", "她不在", "人不在", "不在家", "不在这", "出去了", "没在", "不在工地"]);
    let other = any(
        text,
        &[
            "我是他",
            "我是她",
            "他是我",
            "她是我",
            "我爸",
            "我爱人",
            "我老公",
            "我儿子",
            "我老板",
            "是我哥",
            "是我弟",
            "我是司机",
            "我是机手",
            "我是开车",
            "我是操作手",
            "我是管",
            "我是会计",
        ],
    );
    let informed =
        any(text, &["在现场", "知道", "了解", "清楚", "我盯着", "我看着", "我在", "我负责", "跟我说", "问我"])
            && !any(text, &["不知道", "不清楚", "不了解", "没在现场"]);
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
    if text.starts_with("不是") || any(text, &["我不是"]) {
        return Some(Respondent::Unconfirmed);
    }
    let yes =
        any(text, &["是我", "我是", "我就是", "是的", "对", "没错", "嗯", "是啊", "是呀", "正是", "本人", "我姓"])
            || text.starts_with('是')
            || text.starts_with("哎");
    yes.then_some(Respondent::Confirmed)
}

/// True for a refusal of the visit.
pub fn is_refusal(text: &str) -> bool {
    let busy = any(
        text,
        &[
            "没空",
            "没时间",
            "没有时间",
            "不方便",
            "正忙",
            "在忙",
            "忙着",
            "开车呢",
            "在开车",
            "正在开车",
            "开会",
            "改天",
            "回头再",
            "以后再说",
            "晚点再",
            "过会儿",
            "下次再",
            "先挂",
            "挂了",
            "等会儿再打",
            "待会儿再",
        ],
    );
    let unwilling = any(
        text,
        &[
            "不用了",
            "不用回访",
            "不需要",
            "不想",
            "别打",
            "不要打",
            "不做",
            "不接受",
            "没兴趣",
            "不参加",
            "不愿意",
            "拒绝",
            "不必了",
            "别烦",
            "烦不烦",
            "不行",
            "不可以",
            "算了",
        ],
    );
    // 我开车呢 你快点: busy, and yet he lets himself be asked.
    let hurries =
        any(text, &["你快点", "您快点", "快点说", "快点问", "快问", "快说", "简单点", "长话短说", "说吧", "问吧"]);
    let later = any(text, &["改天", "回头", "挂了", "以后", "晚点", "过会儿", "下次"]);
    unwilling || busy && (later || !hurries)
}

/// The answer to 耽误您两分钟可以吗.
pub fn consent_of(text: &str) -> Option<Consent> {
    let agrees = any(
        text,
        &[
            "可以",
            "行",
            "好",
            "说吧",
            "你说",
            "您说",
            "问吧",
            "你问",
            "您问",
            "请讲",
            "讲吧",
            "没问题",
            "嗯",
            "中",
            "方便",
            "没事",
            "对",
            "成",
            "快点",
            "来吧",
            "什么事",
        ],
    );
    if is_refusal(text) {
        return Some(Consent::Refused);
    }
    agrees.then_some(Consent::Given)
}
