//! Names of parts and oils in the customer's words, and which of them were changed (D09, D17).
//!
//! Contract: pure; names as they were said, in their order, each once. Families of names are the truth check's.

use super::words::{any, last_version};
use crate::domain::ways::clauses;

/// Names of parts and oils, longest first where one contains another (D09).
const PARTS: [&str; 128] = [
    "减速机油",
    "终传动油",
    "边减油",
    "回转油",
    "尿素",
    "喷嘴",
    "发动机油",
    "一油",
    "护板",
    "机油滤清器",
    "柴油滤清器",
    "空气滤清器",
    "油水分离器",
    "机油滤芯",
    "柴油滤芯",
    "空气滤芯",
    "液压油滤芯",
    "液压滤芯",
    "空调滤芯",
    "先导滤芯",
    "回油滤芯",
    "机油格",
    "柴油格",
    "空气格",
    "柴油粗滤",
    "柴油精滤",
    "高压油管",
    "回转马达油封",
    "行走马达",
    "回转马达",
    "启动马达",
    "起动马达",
    "起动机",
    "液压油管",
    "液压泵",
    "液压油",
    "齿轮油",
    "润滑脂",
    "防冻液",
    "冷却液",
    "机滤",
    "柴滤",
    "空滤",
    "三滤",
    "四滤",
    "粗滤",
    "精滤",
    "滤芯",
    "滤清器",
    "机油",
    "柴油",
    "黄油",
    "黄甘油",
    "密封件",
    "密封圈",
    "油封",
    "O型圈",
    "喷油嘴",
    "喷油器",
    "油管",
    "接头",
    "斗齿",
    "轴承",
    "皮带",
    "水泵",
    "发电机",
    "电瓶",
    "蓄电池",
    "传感器",
    "电磁阀",
    "主泵",
    "履带",
    "链条",
    "支重轮",
    "引导轮",
    "托链轮",
    "驱动轮",
    "销轴",
    "销子",
    "轴套",
    "增压器",
    "散热器",
    "水箱",
    "油缸",
    "仪表",
    "线束",
    "继电器",
    "高压油泵",
    "柴油泵",
    "输油泵",
    "先导泵",
    "液压马达",
    "先导阀",
    "多路阀",
    "主阀",
    "分配阀",
    "泵芯",
    "缸套",
    "活塞",
    "缸垫",
    "气门",
    "曲轴",
    "预热塞",
    "火花塞",
    "节温器",
    "风扇",
    "压缩机",
    "冷凝器",
    "刹车片",
    "刹车盘",
    "刹车油",
    "制动片",
    "离合器",
    "变速箱油",
    "变速箱",
    "轮胎",
    "雨刮",
    "大灯",
    "四轮一带",
    "履带板",
    "涨紧缸",
    "破碎锤",
    "操作机构",
    "断路器",
    "接触器",
    "互感器",
    "指示灯",
    "电路板",
];

/// Where on the machine a part belongs, said right before its name: 回转轴承, 大臂油管.
const PLACES_OF: [&str; 12] =
    ["回转", "行走", "大臂", "小臂", "动臂", "斗杆", "铲斗", "转向", "发动机", "驾驶室", "液压", "涨紧"];

/// Before a filter's or an oil's name: 回油滤, 行走减速机油.
const FILTERS_OF: [&str; 14] =
    ["机油", "柴油", "空气", "液压油", "液压", "回油", "吸油", "先导", "空调", "尿素", "燃油", "变速箱", "油水", "水"];
const FILTERS: [&str; 5] = ["滤清器", "滤芯", "滤子", "格", "滤"];

/// What stands in a clause that says of its parts that they stayed.
const KEPT: [&str; 17] = [
    "没换",
    "没有换",
    "没动",
    "不用换",
    "没更换",
    "没给换",
    "不换",
    "还能用",
    "没坏",
    "没有更换",
    "没让换",
    "未换",
    "除了",
    "吹了吹",
    "没到日子",
    "没到时间",
    "没到期",
];

/// Names of parts in the text, in order, each once; those said not to be replaced are left out.
pub fn parts_in(text: &str) -> Vec<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut taken = vec![false; text.len()];
    let mut take = |at: usize, said: &str| {
        let name = said;
        if taken[at..at + name.len()].iter().any(|t| *t) {
            return;
        }
        taken[at..at + name.len()].fill(true);
        // 三滤一油: the oil of an oil change.
        let name = if name == "一油" { "机油" } else { name };
        let of = PLACES_OF.iter().find(|p| text[..at].ends_with(**p)).filter(|_| !name.ends_with(['油', '滤', '芯']));
        let name = format!("{}{name}", of.unwrap_or(&""));
        if !kept(text, at, said) && !found.iter().any(|(_, n)| *n == name) {
            found.push((at, name));
        }
    };
    for of in FILTERS_OF {
        for kind in FILTERS {
            let name = format!("{of}{kind}");
            text.match_indices(&name).for_each(|(at, _)| take(at, &name));
        }
    }
    let mut names = PARTS;
    names.sort_by_key(|n| std::cmp::Reverse(n.len()));
    for name in names {
        text.match_indices(name).for_each(|(at, _)| take(at, name));
    }
    found.sort_unstable();
    found.into_iter().map(|(_, n)| n).collect()
}

/// 机油换了空滤没换: what comes right behind the name decides, else its clause, where nothing in it was changed.
fn kept(text: &str, at: usize, name: &str) -> bool {
    let behind: String = text[at + name.len()..].chars().take(4).collect();
    if KEPT.iter().any(|w| behind.starts_with(w)) {
        return true;
    }
    let ends = |c: char| !c.is_alphanumeric();
    let from = text[..at].rfind(ends).map_or(0, |p| p + text[p..].chars().next().map_or(0, char::len_utf8));
    let to = text[at..].find(ends).map_or(text.len(), |p| at + p);
    let clause = &text[from..to];
    let changed = ["换了", "换的", "换上", "换过", "也换", "都换", "加了", "打了"].iter().any(|w| clause.contains(w));
    !changed && KEPT.iter().any(|w| clause.contains(w))
}

/// 换了个主泵, 换的是油封: parts named in the answer about the repair.
pub(super) fn parts_in_passing(text: &str) -> Option<Vec<String>> {
    let text = last_version(text);
    if any(text, &["没换件", "没有换件", "没换东西", "没换零件", "没换配件", "啥也没换", "什么都没换", "没用换件"])
    {
        return Some(Vec::new());
    }
    let at = ["换了", "换的", "换上", "更换", "换过", "换个", "给换"].iter().filter_map(|w| text.find(w)).min()?;
    // 主泵不上压 换了提升器: what was changed stands in the clause of the change or behind it, else before it.
    let from = text[..at].rfind(|c: char| !c.is_alphanumeric()).unwrap_or(0);
    let mut found = parts_in(&text[from..]);
    if found.is_empty() {
        found.extend(named_behind_change(&text[from..]));
    }
    if found.is_empty() {
        found = parts_in(text);
    }
    (!found.is_empty()).then_some(found)
}

pub(super) fn parts(text: &str) -> Option<Vec<String>> {
    let text = last_version(text);
    let none = [
        "啥也没换",
        "啥都没换",
        "什么都没换",
        "什么也没换",
        "一样没换",
        "一样都没换",
        "没换件",
        "没换东西",
        "没动配件",
        "没动件",
        "没动东西",
        "没用件",
        "可换的",
        "没啥换",
    ];
    if any(text, &none) {
        return Some(Vec::new());
    }
    let mut found = parts_in(text);
    if found.is_empty() {
        found.extend(named_behind_change(text));
    }
    let nothing = any(text, &["没换", "没有换", "没更换", "没有更换", "都没换", "不用换件"])
        || matches!(text.trim_matches(|c: char| !c.is_alphanumeric()), "没有" | "没" | "没有了");
    if found.is_empty() { nothing.then(Vec::new) } else { Some(found) }
}

/// 换了里头那个叫什么 提升器: a part that is in no list, behind the word of change.
fn named_behind_change(text: &str) -> Option<String> {
    let at = ["换了", "换的", "换上", "换过", "换"].iter().find_map(|w| Some(text.find(w)? + w.len()))?;
    let lead: &[char] = &['一', '两', '俩', '个', '根', '条', '套', '副', '块', '只', '台', '的', '是', '新'];
    clauses(&text[at..])
        .take(2)
        .map(|c| c.trim_start_matches("里头").trim_start_matches("那个").trim_start_matches(lead))
        .find_map(|clause| {
            let end = clause.char_indices().take(PART_MAX).filter(|(_, c)| PART_ENDS.contains(*c)).last()?;
            let name = &clause[..end.0 + end.1.len_utf8()];
            (name.chars().count() >= 2).then(|| name.to_string())
        })
}

/// Longest name of a part that no list has, characters.
const PART_MAX: usize = 6;
/// What such names end in.
const PART_ENDS: &str = "器泵阀管轮轴套垫圈缸机板片杆齿带链盖座灯线头瓶油";
