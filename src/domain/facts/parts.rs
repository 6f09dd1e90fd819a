//! Names of parts and oils in the customer's words, and which of them were changed (D09, D17).
//!
//! Contract: pure; names as they were said, in their order, each once. Families of names are the truth check's.

use super::number::is_number_char;
use super::reply;
use super::words::last_version;
use crate::domain::ways::{any_of, clauses};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Names of parts and oils, longest first where one contains another (D09).
const PARTS: [&str; 173] = [
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
    "调压板",
    "转向泵",
    "转向油缸",
    "转向器",
    "张紧油缸",
    "张紧轮",
    "同步器",
    "压盘",
    "碳刷",
    "拨叉",
    "加力泵",
    "离合片",
    "主溢流阀",
    "溢流阀",
    "护刃器",
    "割刀片",
    "割刀",
    "剥皮辊",
    "动刀片",
    "传动带",
    "传动轴",
    "十字节",
    "半轴",
    "差速器",
    "优先阀",
    "平衡阀",
    "安全阀",
    "温控阀",
    "制动阀",
    "变速泵",
    "举升泵",
    "柱塞",
    "阀芯",
    "高压管",
    "四配套",
    "摩擦片",
    "启动机",
    "斗销",
    "保险丝",
    "胶辊",
    "防尘圈",
    "压力开关",
    "钻杆",
    "旋耕刀",
    "筛片",
];

/// Where on the machine a part belongs, said right before its name: 回转轴承, 大臂油管.
const PLACES_OF: [&str; 13] =
    ["回转", "行走", "大臂", "小臂", "动臂", "斗杆", "铲斗", "转向", "发动机", "驾驶室", "液压", "涨紧", "分离"];

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

/// Every name that is known by its first character, the longest first.
static NAMES: LazyLock<BTreeMap<char, Vec<String>>> = LazyLock::new(|| {
    let filters = FILTERS_OF.iter().flat_map(|of| FILTERS.iter().map(move |kind| format!("{of}{kind}")));
    let mut names: BTreeMap<char, Vec<String>> = BTreeMap::new();
    for name in filters.chain(PARTS.iter().map(|p| (*p).to_string())) {
        names.entry(name.chars().next().unwrap_or_default()).or_default().push(name);
    }
    names.values_mut().for_each(|of| of.sort_by_key(|n| std::cmp::Reverse(n.len())));
    names
});

/// Names of parts in the text, in order, each once; those said not to be replaced are left out.
pub fn parts_in(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut free = 0;
    for (at, first) in text.char_indices() {
        let mut known = NAMES.get(&first).filter(|_| at >= free).into_iter().flatten();
        let Some(name) = known.find(|n| text[at..].starts_with(n.as_str())) else { continue };
        let whole = &text[at..at + name.len() + head_of(&text[at + name.len()..]).len()];
        free = at + whole.len();
        let of = PLACES_OF.iter().find(|p| text[..at].ends_with(**p)).filter(|_| !name.ends_with(['油', '滤', '芯']));
        // 三滤一油: the oil of an oil change.
        let whole = if whole == "一油" { "机油" } else { whole };
        let named = format!("{}{whole}", of.unwrap_or(&""));
        if !kept(text, at, &text[at..free]) && !found.contains(&named) {
            found.push(named);
        }
    }
    found
}

/// What a part's name goes on with: 离合器+片, 风扇+皮带, 大灯+总成.
const HEADS: [&str; 12] =
    ["总成", "电机", "马达", "皮带", "分泵", "总泵", "修理包", "护罩", "支架", "开关", "片", "盖"];

fn head_of(behind: &str) -> &'static str {
    HEADS.iter().find(|h| behind.starts_with(**h)).unwrap_or(&"")
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
    let changed = any_of(clause, &["换了", "换的", "换上", "换过", "也换", "都换", "加了", "打了"]);
    !changed && any_of(clause, &KEPT)
}

/// Nothing was changed, whatever was asked.
const NOTHING: [&str; 23] = [
    "没换啥",
    "没换什么",
    "啥也没换",
    "啥都没换",
    "什么都没换",
    "什么也没换",
    "一样没换",
    "一样都没换",
    "一个件都没换",
    "一个件没换",
    "件都没换",
    "没换件",
    "没有换件",
    "没换东西",
    "没换零件",
    "没换配件",
    "没用换件",
    "没动配件",
    "没动件",
    "没动东西",
    "没用件",
    "可换的",
    "没啥换",
];

/// 一个件都没换: said unasked too.
pub(super) fn nothing_changed(text: &str) -> bool {
    any_of(last_version(text), &NOTHING)
}

/// 换了个主泵, 换的是油封: parts named in the answer about the repair.
pub(super) fn parts_in_passing(text: &str) -> Option<Vec<String>> {
    let text = last_version(text);
    if any_of(text, &NOTHING) {
        return Some(Vec::new());
    }
    let at = ["换了", "换的", "换上", "更换", "换过", "换个", "给换"].iter().filter_map(|w| text.find(w)).min()?;
    // 主泵不上压 换了提升器: what was changed stands in the clause of the change or behind it, else before it.
    let from = text[..at].rfind(|c: char| !c.is_alphanumeric()).unwrap_or(0);
    let mut found = listed(&text[from..]);
    if found.is_empty() {
        found.extend(named_behind_change(&text[from..]));
    }
    if found.is_empty() {
        found = listed(text);
    }
    (!found.is_empty()).then_some(found)
}

pub(super) fn parts(text: &str) -> Option<Vec<String>> {
    let text = last_version(text);
    // 没换零件 光加了点黄油: what was topped up was done too.
    if any_of(text, &NOTHING) {
        return Some(if any_of(text, &["加了", "添了"]) { parts_in(text) } else { Vec::new() });
    }
    let mut found = listed(text);
    if found.is_empty() {
        found.extend(named_behind_change(text));
    }
    let nothing = reply::leading(text) == Some(false)
        || any_of(text, &["没换", "没有换", "没更换", "没有更换", "都没换", "不用换"])
        || matches!(text.trim_matches(|c: char| !c.is_alphanumeric()), "没有" | "没" | "没有了");
    if found.is_empty() { nothing.then(Vec::new) } else { Some(found) }
}

/// 离合片 压盘 分离轴承 三样都换了: the parts that have a name, and what stands among them as one more of the list.
fn listed(text: &str) -> Vec<String> {
    let known = parts_in(text);
    let items = || clauses(text).flat_map(|c| c.split(['和', '跟'])).map(bare_item);
    let unknown = |item: &&str| {
        let ends = item.chars().last().is_some_and(|c| PART_ENDS.contains(c));
        let long = (2..=PART_MAX).contains(&item.chars().count());
        ends && long && !any_of(item, &NO_PARTS) && parts_in(item).is_empty() && !kept(text, at_of(text, item), item)
    };
    let mut found: Vec<(usize, String)> = known.into_iter().map(|p| (at_of(text, &p), p)).collect();
    for item in items().filter(unknown) {
        if !found.iter().any(|(_, p)| p == item) {
            found.push((at_of(text, item), item.to_string()));
        }
    }
    found.sort_by_key(|f| f.0);
    found.into_iter().map(|f| f.1).collect()
}

fn at_of(text: &str, part: &str) -> usize {
    text.find(part).unwrap_or_default()
}

/// 还换了一根上水管 → 上水管, 钎杆一根 → 钎杆.
fn bare_item(item: &str) -> &str {
    let counts = |c: char| is_number_char(c) || "俩几各半个根条套副块只台把片对样".contains(c);
    let mut item = item;
    for lead in [
        "顺带",
        "顺便",
        "把",
        "还有",
        "还",
        "又",
        "就",
        "也",
        "给",
        "换了",
        "换的是",
        "换的",
        "换上",
        "换",
        "是",
        "买了",
        "买的",
        "拿了",
        "那个",
        "新",
    ] {
        item = item.strip_prefix(lead).unwrap_or(item);
    }
    if item.starts_with(counts) {
        item = item.trim_start_matches(counts);
    }
    for tail in ["都换了", "也换了", "换了", "换的", "也换", "都换"] {
        item = item.strip_suffix(tail).unwrap_or(item);
    }
    // 一根 counts, 离合片 does not: a count begins with its number.
    match item.char_indices().find(|(_, c)| is_number_char(*c) || "俩各".contains(*c)) {
        Some((at, _)) if at > 0 && item[at..].chars().all(counts) => &item[..at],
        _ => item,
    }
}

/// What ends like a part and is none.
const NO_PARTS: [&str; 17] = [
    "机器", "司机", "老板", "挖机", "手机", "主机", "整机", "里头", "前头", "后头", "外头", "回头", "派头", "车子",
    "没", "不", "开机",
];

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
const PART_ENDS: &str = "器泵阀管轮轴套垫圈缸机板片盘杆齿带链盖座灯线头瓶油块刷簧网毂销栓芯嘴条";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d09_a_part_is_named_whole_and_lists_have_names_that_no_table_knows() {
        let check = |text: &str, want: &[&str]| {
            assert_eq!(parts(text).unwrap_or_else(|| panic!("{text}")), want, "{text}");
        };
        check("换了离合器片和分离轴承", &["离合器片", "分离轴承"]);
        check("节温器 风扇皮带也换了", &["节温器", "风扇皮带"]);
        check("离合片 压盘 分离轴承 三样都换了", &["离合片", "压盘", "分离轴承"]);
        check("节温器和水管都换了", &["节温器", "水管"]);
        check("没换呢 一个件都没换 光调了调", &[]);
        check("把剥皮辊换了四根 护刃器没换", &["剥皮辊"]);
        check("没换零件 光加了点黄油", &["黄油"]);
        check("没有 就紧了紧螺丝", &[]);
        check("机油换了 司机自己换的", &["机油"]);
    }
}
