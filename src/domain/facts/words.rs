//! Readers of single answers.

use super::{number, time};

/// Words after which only the rest counts (D03: 一千，不对，一千二百).
const CORRECTIONS: [&str; 8] = ["不对", "说错了", "哦不", "应该是", "不是不是", "记错了", "更正", "哦，是"];

/// Names of parts and oils, longest first where one contains another (D09).
const PARTS: [&str; 119] = [
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

fn last_version(text: &str) -> &str {
    let from = CORRECTIONS.iter().filter_map(|c| text.rfind(c).map(|at| at + c.len())).max().unwrap_or(0);
    let rest = &text[from..];
    if rest.trim().is_empty() { text } else { rest }
}

fn any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|w| text.contains(w))
}

pub(super) fn hours(text: &str) -> Option<f64> {
    let text = last_version(text);
    let chars: Vec<char> = text.chars().collect();
    let numbers = number::find_all(text);
    let before_unit = numbers.iter().rev().find(|(_, r)| {
        let rest: String = chars[r.end..].iter().take(5).collect();
        let rest = rest.trim_start_matches(['来', '多', '个', '几']);
        rest.starts_with("小时") || rest.starts_with("钟头") || rest.starts_with('H') || rest.starts_with('h')
    });
    before_unit.or_else(|| numbers.iter().rev().find(|(n, _)| *n >= 10)).map(|(n, _)| *n as f64)
}

pub(super) fn time_said(text: &str) -> Option<String> {
    let times = time::find_all(last_version(text));
    times.iter().find(|t| t.has_clock).or(times.first()).map(|t| t.text.clone())
}

/// 两点到的，四点多就修好了: the time before the words of completion.
pub(super) fn finish_in_passing(text: &str) -> Option<String> {
    let done = ["修好", "弄好", "弄完", "处理好", "处理完", "搞好", "完事", "完工", "做完", "就好了", "干完"]
        .iter()
        .filter_map(|w| text.find(w))
        .min()?;
    let times = time::find_all(text);
    let last = times.iter().rfind(|t| t.range.end <= done)?;
    (times.len() >= 2 && last.range.start > times.first()?.range.start).then(|| last.text.clone())
}

pub(super) fn place(text: &str) -> Option<String> {
    let text = last_version(text);
    let mut place = text.trim().trim_matches(|c: char| !c.is_alphanumeric());
    for lead in [
        "嗯", "啊", "那个", "现在", "目前", "就是", "就", "我们", "我", "还", "机器", "挖机", "是", "在", "，", " ",
        "到",
    ] {
        place = place.strip_prefix(lead).unwrap_or(place).trim_start_matches(|c: char| !c.is_alphanumeric());
    }
    let tails: &[char] = &['呢', '啊', '吧', '呀', '了', '嘛', '。', '，', ' '];
    let place =
        place.trim_end_matches(tails).trim_end_matches("干活").trim_end_matches("这边干").trim_end_matches("施工");
    let unknown = any(place, &["不知道", "不清楚", "不方便", "问这个", "没听清", "什么意思", "不告诉"]);
    (place.chars().count() >= 2 && place.chars().count() <= 40 && !unknown).then(|| place.to_string())
}

/// Names of parts in the text, in order, each once; those said not to be replaced are left out.
pub fn parts_in(text: &str) -> Vec<String> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    let mut taken = vec![false; text.len()];
    let mut names = PARTS;
    names.sort_by_key(|n| std::cmp::Reverse(n.len()));
    for name in names {
        for (at, _) in text.match_indices(name) {
            if !taken[at..at + name.len()].iter().any(|t| *t) {
                taken[at..at + name.len()].fill(true);
                let rest: String = text[at + name.len()..].chars().take(4).collect();
                let kept = !["没换", "没有换", "没动", "不用换", "没更换"].iter().any(|w| rest.starts_with(w));
                if kept && !found.iter().any(|(_, n)| *n == name) {
                    found.push((at, name));
                }
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, n)| n.to_string()).collect()
}

/// What an engineer looks at beyond the parts that he may change.
const CHECKED: [&str; 20] = [
    "发动机",
    "液压系统",
    "电路",
    "油路",
    "油位",
    "水位",
    "螺丝",
    "螺栓",
    "黄油嘴",
    "黄油",
    "履带",
    "皮带",
    "仪表",
    "漏油",
    "空调",
    "大臂",
    "小臂",
    "铲斗",
    "底盘",
    "整机",
];

/// Things checked, in the order said; an empty list = said that nothing was checked.
pub(super) fn checks(text: &str) -> Option<Vec<String>> {
    let text = last_version(text);
    if any(text, &["没检查", "没有检查", "啥也没看", "什么也没看", "什么都没看", "没看"]) {
        return Some(Vec::new());
    }
    let mut found: Vec<(usize, String)> =
        parts_in(text).into_iter().filter_map(|p| Some((text.find(&p)?, p))).collect();
    for name in CHECKED {
        if let Some(at) = text.find(name)
            && !found.iter().any(|(_, p)| p.contains(name))
        {
            found.push((at, name.to_string()));
        }
    }
    found.sort_unstable();
    (!found.is_empty()).then(|| found.into_iter().map(|(_, name)| name).collect())
}

/// 换了个主泵, 换的是油封: parts named in the answer about the repair.
pub(super) fn parts_in_passing(text: &str) -> Option<Vec<String>> {
    let text = last_version(text);
    if any(text, &["没换件", "没有换件", "没换东西", "没换零件", "没换配件", "啥也没换", "什么都没换", "没用换件"])
    {
        return Some(Vec::new());
    }
    let changed = ["换了", "换的", "换上", "更换", "换过", "换个", "给换"].iter().any(|w| text.contains(w));
    let found = if changed { parts_in(text) } else { Vec::new() };
    (!found.is_empty()).then_some(found)
}

/// The fault is not gone: 没处理好, 还响, 早上还是打不着火.
pub(super) fn still_broken(text: &str) -> bool {
    any(
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

pub(super) fn parts(text: &str) -> Option<Vec<String>> {
    let found = parts_in(last_version(text));
    let nothing = any(text, &["没换", "没有换", "没更换", "没有更换", "啥也没换", "都没换", "没换件", "没动配件"])
        || matches!(text.trim_matches(|c: char| !c.is_alphanumeric()), "没有" | "没" | "没有了");
    if found.is_empty() { nothing.then(Vec::new) } else { Some(found) }
}

pub(super) fn fee(text: &str) -> Option<f64> {
    if any(
        text,
        &["没收", "没要钱", "没花钱", "免费", "不要钱", "没有收", "没给钱", "没收钱", "不收钱", "没收费", "没要"],
    ) {
        return Some(0.0);
    }
    let text = last_version(text);
    number::find_all(text).iter().rev().find(|(n, _)| *n >= 5).map(|(n, _)| *n as f64)
}

pub(super) fn running(text: &str) -> Option<bool> {
    let bad = [
        "不正常",
        "时好时坏",
        "没劲",
        "还是老样子",
        "老样子",
        "还漏",
        "还是漏",
        "不行",
        "又坏",
        "没修好",
        "不能用",
        "动不了",
        "还响",
        "还是不",
        "有问题",
        "有毛病",
        "没好",
        "抬不起",
        "停着",
        "趴窝",
        "冒烟",
        "异响",
        "不太正常",
        "不稳定",
        "没弄好",
        "还是有点",
        "有点漏",
        "正常个",
        "正常啥",
        "往下掉",
        "自己掉",
        "还没有",
        "还没修",
        "没修完",
        "打不着",
        "还不",
        "老熄火",
        "熄火",
    ];
    let good = [
        "正常",
        "没问题",
        "没毛病",
        "没啥毛病",
        "没啥问题",
        "没什么问题",
        "挺好",
        "好了",
        "可以",
        "还行",
        "能用",
        "好着",
        "好用",
        "不错",
        "没事",
        "好使",
        "行",
        "好",
    ];
    if any(text, &bad) && !any(text, &["没有问题", "没什么问题"]) {
        return Some(false);
    }
    any(text, &good).then_some(true)
}

pub(super) fn says_running_now(text: &str) -> bool {
    any(text, &["现在运行正常", "现在正常", "运行正常", "一切正常", "正常使用", "现在没问题"])
        && !any(text, &["不正常", "没正常"])
}

pub(super) fn leftover(text: &str) -> Option<bool> {
    let no = ["没有", "没了", "没啥", "没什么", "都好了", "都解决", "没问题", "暂时没", "没遗留", "没毛病", "没"];
    let yes = ["有", "还是", "还漏", "还响", "还不", "没解决", "没弄好", "没修好", "还差"];
    let trimmed = text.trim_start_matches(|c: char| !c.is_alphanumeric() || matches!(c, '嗯' | '啊'));
    if trimmed.starts_with('没')
        || trimmed.starts_with("目前没")
        || any(text, &no) && !any(text, &["没解决", "没弄好", "没修好", "还是", "还漏"])
    {
        return Some(false);
    }
    any(text, &yes).then_some(true)
}

/// The customer asks how the machine works or should be kept (C24).
pub fn is_technical_question(text: &str) -> bool {
    let asks = any(
        text,
        &[
            "怎么",
            "咋",
            "为什么",
            "为啥",
            "什么原因",
            "怎么回事",
            "多长时间",
            "多久",
            "多少小时换",
            "能不能用",
            "可不可以用",
            "用什么",
            "要不要换",
            "正常吗",
            "行吗",
            "是不是",
            "哪里",
            "哪儿",
        ],
    );
    let matter = is_technical_matter(text);
    let asking_verb = any(text, &["问一下", "问问", "请教", "想问", "咨询", "再问"]) && matter;
    asking_verb
        || asks
            && matter
            && (text.contains('吗')
                || text.contains('呢')
                || any(
                    text,
                    &[
                        "怎么办",
                        "咋办",
                        "咋弄",
                        "咋整",
                        "怎么弄",
                        "怎么回事",
                        "咋回事",
                        "什么原因",
                        "为啥",
                        "咋放",
                        "咋看",
                        "咋调",
                        "怎么调",
                        "怎么看",
                    ],
                )
                || text.trim_end().ends_with(['？', '?', '啊', '呀']))
}

/// Parts of a machine and what goes wrong with them.
pub(super) fn is_technical_matter(text: &str) -> bool {
    any(
        text,
        &[
            "液压",
            "发动机",
            "机油",
            "黄油",
            "报警",
            "故障",
            "温度",
            "水温",
            "油温",
            "漏油",
            "代码",
            "滤芯",
            "油耗",
            "冒烟",
            "黑烟",
            "异响",
            "空调",
            "挖斗",
            "动臂",
            "履带",
            "保养一次",
            "换一次",
            "打不着",
            "没劲",
            "转速",
            "防冻液",
            "憋车",
            "灯亮",
            "油路",
            "放气",
            "大臂",
            "小臂",
            "铲斗",
            "斗杆",
            "启动",
            "打火",
            "熄火",
            "跑偏",
            "回转",
            "油门",
            "皮带",
            "电瓶",
            "尿素",
            "刹车",
            "离合",
            "跳闸",
            "仪表",
        ],
    )
}

/// 我咋看呀, 怎么调: asks for a handling; of what, the agent has just said.
pub(super) fn asks_how(text: &str) -> bool {
    any(
        text,
        &[
            "咋看",
            "怎么看",
            "咋弄",
            "怎么弄",
            "咋调",
            "怎么调",
            "咋放",
            "怎么放",
            "咋整",
            "咋查",
            "怎么查",
            "咋换",
            "怎么换",
        ],
    )
}
