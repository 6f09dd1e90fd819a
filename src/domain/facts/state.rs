//! How the machine runs now, and what is left to do (D15, D16).
//!
//! Contract: pure; `None` for what was not said.

use super::questions::ends_in_tag;
use super::reply;
use crate::domain::ways::{Ways, any_of, clauses, unmarked};
use std::sync::LazyLock;

/// The fault is not gone: 没处理好, 还响, 早上还是打不着火.
pub(in crate::domain) fn still_broken(text: &str) -> bool {
    !done_by_now(text)
        && any_of(
            text,
            &[
                "没处理好",
                "没修好",
                "没弄好",
                "没解决",
                "没排除",
                "没搞好",
                "没好",
                "还响",
                "还漏",
                "还是漏",
                "还是响",
                "还是不",
                "还是打不着",
                "打不着",
                "还抖",
                "还是没劲",
                "又犯",
                "又坏",
                "又漏",
                "老样子",
                "没修完",
                "还没修",
            ],
        )
}

/// 当时还有点响 第二天又来调了调 现在好了: what was left then is done by now.
pub(in crate::domain) fn done_by_now(text: &str) -> bool {
    let last = clauses(text).last();
    let well = |clause: &str| {
        let said = [
            "好了",
            "好好的",
            "正常",
            "没事",
            "没有了",
            "没动静",
            "动静没",
            "没问题",
            "没毛病",
            "好用",
            "解决了",
            "不漏",
            "不响",
            "不渗",
            "不滴",
            "不抖",
            "不冒",
            "都好",
            "都没",
            "利索",
            "管用了",
            "啥也没",
        ];
        any_of(clause, &said) && !any_of(clause, &["还是", "还有", "没好", "不正常", "没正常"])
    };
    let since = any_of(
        text,
        &[
            "当时",
            "头一个",
            "头一回",
            "头一趟",
            "头一遍",
            "一开始",
            "刚开始",
            "起初",
            "起先",
            "刚修完",
            "刚换完",
            "那天",
            "头两天",
            "之前",
            "原先",
            "开头",
        ],
    );
    let again = any_of(text, &["后来", "第二天", "又来", "又过来", "再来", "现在", "这会儿", "眼下", "隔天"]);
    since && again && last.is_some_and(well)
}

/// What a machine does that is not well.
const SYMPTOMS: [&str; 39] = [
    "滴答",
    "不对劲",
    "歇菜",
    "掉链子",
    "发热",
    "过热",
    "烧机油",
    "死火",
    "裂",
    "憋车",
    "不制冷",
    "断",
    "漏",
    "渗",
    "响",
    "抖",
    "冒烟",
    "黑烟",
    "白烟",
    "蓝烟",
    "熄火",
    "憋",
    "卡",
    "报警",
    "趴",
    "停着",
    "没劲",
    "无力",
    "抬不",
    "往下掉",
    "自己掉",
    "打不着",
    "动不了",
    "跑偏",
    "往左偏",
    "往右偏",
    "高温",
    "开锅",
    "异味",
];
/// Said right before a symptom or a fault: it is gone.
const GONE: [&str; 12] =
    ["不再", "没再", "没有", "不咋", "没", "不", "没啥", "没什么", "没发现", "无", "没出现", "没听见"];

/// Said right behind it: 黑烟没有了, 灯灭了.
const GONE_BEHIND: [&str; 9] = ["没有了", "没了", "没有啦", "没得了", "不见了", "消失", "灭了", "没再", "不再"];

/// A symptom that is said to be there: 还漏, not 不漏了.
fn ails(text: &str) -> bool {
    symptoms(text).any(|there| there)
}

/// Every symptom that is named: is it there?
fn symptoms(text: &str) -> impl Iterator<Item = bool> {
    SYMPTOMS.iter().filter(|symptom| any_of(text, &[symptom])).flat_map(move |symptom| {
        text.match_indices(symptom).map(move |(at, _)| {
            let before = &text[..at];
            let near: String = before.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
            let denied = any_of(&near, &GONE) && !near.contains("没劲") && !near.contains("不住");
            let behind = text[at + symptom.len()..].trim_start_matches(['也', '都', '就', '已', '经', '的', '早']);
            let denied = denied || GONE_BEHIND.iter().any(|g| behind.starts_with(g));
            // 就是油耗高, 以前老响: something else, or gone by.
            let clause = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            let past = any_of(clause, &["以前", "之前", "原来", "那天", "当时", "头先"]) && !text.contains("现在");
            !denied && !past
        })
    })
}

/// 一天熄三回火: the symptom with its count inside.
static STALLS: LazyLock<Ways> = LazyLock::new(|| Ways::new(&["熄|憋|灭|冒…次|回|趟|遍+火|烟|车"]));

/// D15: does it run? `None`: he has not said, or does not know.
pub(super) fn running(question: &str, text: &str) -> Option<bool> {
    if let Some(yes) = reply::bare(text) {
        return yes_means_it_runs(question).map(|runs| runs == yes);
    }
    let unknown = [
        "没试",
        "没开",
        "没干活",
        "没用呢",
        "还没动",
        "不知道",
        "不清楚",
        "没在跟前",
        "不好说",
        "说不准",
        "说不好",
        "才修完",
        "刚修完",
        "还没上",
    ];
    if any_of(text, &unknown) {
        return None;
    }
    let bad = [
        "不正常",
        "不太正常",
        "时好时坏",
        "老样子",
        "还那样",
        "那德行",
        "那德性",
        "那副德行",
        "还是那样",
        "那个样",
        "不行",
        "又坏",
        "又犯",
        "又不",
        "没修好",
        "没弄好",
        "没好",
        "不能用",
        "还是不",
        "有问题",
        "有毛病",
        "不稳定",
        "正常个",
        "正常啥",
        "还没有",
        "还没修",
        "没修完",
        "还不",
        "不咋",
        "不怎么样",
        "不好使",
        "不好用",
        "坏了",
        "好点",
        "好一点",
        "老问题",
        "老毛病",
        "又来了",
        "开不动",
        "还差",
        "更差",
        "没力",
        "没修一样",
        "白修",
        "该漏",
        "该响",
        "照旧",
        "不大行",
        "不中",
        "够呛",
        "别提",
        "差劲",
        "费劲",
        "又开始",
        "又熄",
        "好啥",
        "好什么",
        "正常什么",
        "正常甚",
        "哪正常",
        "毛病多",
    ];
    let good = [
        "正常",
        "没问题",
        "没毛病",
        "毛病没有",
        "没啥",
        "没什么",
        "挺好",
        "好了",
        "好多了",
        "可以",
        "还行",
        "能用",
        "能动",
        "能干",
        "好着",
        "好用",
        "不错",
        "没事",
        "好使",
        "有劲",
        "没再",
        "不再",
        "没犯",
        "跟新的",
        "杠杠",
        "强",
        "干着活",
        "用着呢",
        "干活",
        "没了",
        "干活呢",
        "良好",
        "得劲",
        "稳",
        "行",
        "好",
        "有力",
        "欢实",
        "劲头足",
        "一个样",
        "有劲头",
        "没掉链子",
        "给力",
        "带劲",
        "听使唤",
        "顺手",
        "顺溜",
        "利索",
        "美得很",
        "没出过",
        "没坏",
        "没得说",
        "没说的",
        "没挑",
        "没试出毛病",
        "着车",
        "转着呢",
        "动着呢",
        "打就着",
        "拧就着",
        "打得着",
        "中",
        "巴适",
        "莫得问题",
        "没异常",
        "一点事",
        "没啥事",
    ];
    let spared = ["没有问题", "没什么问题", "没问题", "没啥问题", "没有毛病", "没毛病"];
    // 第二天又有点响 现在不响了: what is now decides.
    let now = text.rfind("现在").map(|at| &text[at..]).filter(|now| now.chars().count() >= NAMES_MIN);
    let (whole, text) = (text, now.unwrap_or(text));
    let contrast = ["但是", "就是", "不过", "可是"].iter().filter_map(|w| text.find(w)).min();
    // 正常倒是正常 就是油耗高: what stands before the turn answers the question.
    let head = contrast.map_or(text, |at| &text[..at]);
    if any_of(head, &["正常", "能用", "能干活"])
        && !any_of(text, &["不正常", "不太正常", "正常个", "正常啥", "又", "现在"])
        && !ails(text)
    {
        return Some(true);
    }
    if any_of(text, &bad) && !any_of(text, &spared) || ails(text) || STALLS.said_in(text) {
        return Some(false);
    }
    // 一滴都不漏: the symptom is named as gone.
    if any_of(text, &good) || symptoms(text).next().is_some() {
        return Some(true);
    }
    yes_means_it_runs(question)
        .zip(reply::leading(whole).or_else(|| reply::echo(question, whole)))
        .map(|(runs, yes)| runs == yes)
}

/// What yes says to 运行正常吧, 还漏吗; `None` for a question that yes does not answer. No is the opposite, except where the question
/// denies (没再漏吧): there both say that all is well.
fn yes_means_it_runs(question: &str) -> Option<bool> {
    let last = question.rsplit(['。', '？', '?', '！']).find(|s| !s.trim().is_empty())?;
    let polar = unmarked(last);
    let yes_or_no = polar.ends_with(['吗', '吧', '么', '没', '不'])
        || polar.ends_with("没有")
        || ends_in_tag(polar)
        || polar.contains("是不是");
    let ill = any_of(polar, &["还有", "还", "再", "又"])
        && (any_of(polar, &SYMPTOMS) || any_of(polar, &["毛病", "问题", "异常", "故障", "犯"]));
    let well = any_of(
        polar,
        &[
            "正常",
            "劲够",
            "够劲",
            "好用",
            "好使",
            "没问题",
            "稳定",
            "利索",
            "能用",
            "能干",
            "良好",
            "顺手",
            "有劲",
            "好了",
        ],
    );
    yes_or_no.then_some(())?;
    match (ill, well) {
        (true, false) => Some(false),
        (_, true) => Some(true),
        // 用着顺不顺: a question without a symptom asks whether it is well.
        (false, false) => (!any_of(polar, &SYMPTOMS)).then_some(true),
    }
}

pub(super) fn says_running_now(text: &str) -> bool {
    let well = [
        "运行正常",
        "现在正常",
        "一切正常",
        "正常使用",
        "现在没问题",
        "机器好得很",
        "机器好着",
        "机器没毛病",
        "机器没问题",
        "用着挺好",
        "干活有力",
        "机器挺好",
        "机器正常",
    ];
    any_of(text, &well) && !any_of(text, &["不正常", "没正常", "要是", "以前"])
}

/// Shorter answers name nothing, characters.
const NAMES_MIN: usize = 5;

/// D16: is anything left to do?
pub(super) fn leftover(question: &str, text: &str) -> Option<bool> {
    let settled = any_of(question, &["好了", "完了", "解决了", "利索", "处理了", "到位", "排除了"])
        && !any_of(question, &["还有", "没"]);
    match reply::bare(text) {
        // 没有遗留问题了吧: yes and no say the same.
        Some(_) if question.ends_with('吧') && any_of(question, &["没有", "没什么", "没留", "没别的"]) => {
            return Some(false);
        }
        Some(yes) if settled => return Some(!yes),
        // 嗯 to 有没有 says neither.
        Some(true) => return text.contains('有').then_some(true),
        Some(false) => return Some(false),
        None => {}
    }
    let trimmed = text.trim_start_matches(|c: char| !c.is_alphanumeric() || matches!(c, '嗯' | '啊' | '哦'));
    if any_of(trimmed, &["不知道", "不清楚"]) {
        return None;
    }
    if done_by_now(trimmed) {
        return Some(false);
    }
    // 除了主泵 还有别的问题吗 — 别的没有 就这一个: what the question took out is left.
    let beside = question.contains("除了") && any_of(trimmed, &["别的", "其他", "就这", "旁的"]);
    // Something is named that is not done yet, also after 大问题没有.
    let named = any_of(
        trimmed,
        &[
            "还差",
            "还有",
            "还是",
            "还漏",
            "还响",
            "还不",
            "还没",
            "还晃",
            "没弄",
            "没解决",
            "没修好",
            "没修完",
            "没到",
            "就剩",
            "就等",
            "还等",
            "还得换",
            "还得修",
            "还得等",
            "还得来",
            "剩下",
            "下次",
            "下回",
            "等件",
            "有一个",
            "差一个",
            "差个",
            "没上",
            "等他",
            "等配件",
            "再调",
            "再换",
            "有个",
            "有点",
            "有啊",
            "就是",
            "回头再",
            "缺",
        ],
    ) && !any_of(trimmed, &["还没发现", "没什么还", "没有还"]);
    if named || beside || ails(trimmed) {
        return Some(true);
    }
    let no =
        ["没", "不存在", "都好", "都利索", "都解决", "都弄好", "全弄好", "全好了", "弄好了", "全修好", "不漏", "无"];
    if any_of(trimmed, &no) {
        return Some(false);
    }
    // 还有什么要处理的 — 仪表灯有时候闪: what he names is left.
    let names =
        any_of(question, &["什么", "哪"]) && trimmed.chars().count() >= NAMES_MIN && !any_of(trimmed, &["不", "别"]);
    (trimmed.starts_with('有') || names).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d15_the_question_and_the_symptom_that_is_gone_tell_how_it_runs() {
        let check = |question: &str, text: &str, want: Option<bool>| {
            assert_eq!(running(question, text), want, "{question} — {text}");
        };
        check("现在运行正常了是吗", "正常 黑烟没有了 力气也回来了", Some(true));
        check("现在运行正常了是吗", "是的 一只手就打得动", Some(true));
        check("现在还冒黑烟吗", "早不冒了", Some(true));
        check("还漏油吗", "还是滴", Some(false));
        check("修完以后劲够不", "够 比原先猛", Some(true));
        check("机器运行情况怎么样", "一天熄三回火", Some(false));
        check("故障排除了没有", "第二天又有点响 现在一点不响了", Some(true));
        check("现在正常吗", "黑烟还没有了结 又冒黑烟", Some(false));
    }

    #[test]
    fn d16_what_the_question_took_out_is_left_and_what_he_names_too() {
        assert_eq!(leftover("除了这个主泵 还有没有其他的遗留问题", "别的倒没有 就这一个"), Some(true));
        assert_eq!(leftover("还有没有其他的遗留问题", "别的倒没有"), Some(false));
        assert_eq!(leftover("还有什么需要处理的", "仪表灯有时候闪"), Some(true));
        assert_eq!(leftover("还有什么需要处理的", "都好"), Some(false));
        let since = "刚换完那天有点嗡嗡响 第二天又来拧了拧支架";
        assert_eq!(leftover("现在还有没有问题", &format!("{since} 现在啥动静没有了")), Some(false), "done by now");
        assert_eq!(leftover("现在还有没有问题", &format!("{since} 现在还是有点响")), Some(true));
    }
}
