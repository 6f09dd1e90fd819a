//! Readers of single answers.

use super::parts::parts_in;
use super::{number, questions};
use crate::domain::ways::{any_of, clauses};

/// Words after which only the rest counts (D03: 一千，不对，一千二百).
const CORRECTIONS: [&str; 17] = [
    "哦不是",
    "哦不对",
    "错了是",
    "不对",
    "说错了",
    "哦不",
    "啊不",
    "哦错了",
    "错了",
    "应该是",
    "不是不是",
    "记错了",
    "更正",
    "哦，是",
    "哦是",
    " 不是 ",
    " 不 ",
];

pub(super) fn last_version(text: &str) -> &str {
    let from = CORRECTIONS.iter().filter_map(|c| text.rfind(c).map(|at| at + c.len())).max().unwrap_or(0);
    let rest = &text[from..];
    if rest.trim().is_empty() { text } else { rest }
}

/// 两千九百五 差不多三千: what comes after the number is less exact.
fn before_rounding(text: &str) -> &str {
    let rounds = text.find("差不多").or_else(|| text.find("将近")).map(|at| &text[..at]);
    rounds.filter(|exact| number::find_all(exact).iter().any(|(n, _)| *n >= 10)).unwrap_or(text)
}

pub(super) fn hours(text: &str) -> Option<f64> {
    let text = before_rounding(last_version(text));
    // 每天干十个小时 is no meter.
    if any_of(text, &["每天", "一天干", "一天能", "天天"]) && !any_of(text, &["表上", "一共", "总共", "现在"])
    {
        return None;
    }
    let chars: Vec<char> = text.chars().collect();
    let numbers = number::find_all(text);
    let before_unit = numbers.iter().rev().find(|(_, r)| {
        let rest: String = chars[r.end..].iter().take(5).collect();
        let rest = rest.trim_start_matches(['来', '多', '个', '几']);
        rest.starts_with("小时") || rest.starts_with("钟头") || rest.starts_with('H') || rest.starts_with('h')
    });
    // 小时表没看 里程二十三万公里: another measure.
    let other_measure = |r: &std::ops::Range<usize>| {
        let rest: String = chars[r.end..].iter().take(3).collect();
        ["公里", "里地", "千米", "吨", "块", "元"].iter().any(|u| rest.trim_start_matches(['多', '来']).starts_with(u))
    };
    let plain = || numbers.iter().rev().find(|(n, r)| *n >= 10 && !other_measure(r));
    before_unit.or_else(plain).map(|(n, _)| *n as f64)
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
    // A long answer tells the place first.
    let place = if place.chars().count() > PLACE_MAX { first_clauses(place) } else { place };
    let place =
        place.trim_end_matches(tails).trim_end_matches("干活").trim_end_matches("这边干").trim_end_matches("施工");
    let unknown = any_of(
        place,
        &[
            "不知道",
            "不清楚",
            "不方便",
            "问这",
            "没听清",
            "什么意思",
            "不告诉",
            "管我",
            "关你",
            "没固定",
            "不固定",
            "不好说",
            "说不准",
            "到处跑",
            "满意",
            "记不",
            "问这个",
            "查户口",
        ],
    );
    (place.chars().count() >= 2 && place.chars().count() <= PLACE_MAX && !unknown).then(|| place.to_string())
}

/// Longest place, characters.
const PLACE_MAX: usize = 40;

/// As many clauses as fit into a place.
fn first_clauses(text: &str) -> &str {
    let ends = text.char_indices().take(PLACE_MAX).filter(|(_, c)| !c.is_alphanumeric()).map(|(at, _)| at);
    ends.last().map_or("", |at| &text[..at])
}

/// 我机器在武鸣区, 现在在莒县干着呢: where it is, unasked.
pub(super) fn place_in_passing(text: &str) -> Option<String> {
    let clause = clauses(text).find(|c| any_of(c, &["机器在", "挖机在", "车在", "机子在"]))?;
    let (_, behind) = clause.split_once('在')?;
    let named = any_of(behind, &["区", "县", "镇", "乡", "村", "市", "工地", "矿", "场", "路", "桥"]);
    named.then(|| place(behind)).flatten()
}

/// 这机器三千一百个小时了: the meter, unasked.
pub(super) fn hours_in_passing(text: &str) -> Option<f64> {
    let of_the_meter = |c: &&str| {
        any_of(c, &["小时", "钟头"])
            && any_of(c, &["机器", "挖机", "车", "表", "跑了", "累计", "干了"])
            && !any_of(c, &["修了", "等了", "每", "一天", "天天", "保养", "换一", "内", "质保", "保修"])
    };
    let clause = clauses(text).find(of_the_meter)?;
    hours(clause).filter(|h| *h >= questions::METER_FROM as f64)
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
    if any_of(text, &["没检查", "没有检查", "啥也没看", "什么也没看", "什么都没看", "没看"]) {
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

/// The customer asks how the machine works or should be kept (C24).
pub fn is_technical_question(text: &str) -> bool {
    // 么子 is 什么; 怎么说呢 looks for words; 怎么加都讲了 tells what was explained.
    let spared = ["怎么说", "怎么讲", "咋说", "我怎么", "凭什么", "你是不是"];
    let text = &spared.iter().fold(text.replace("么子", "什么"), |text, aside| text.replace(aside, ""));
    let told = any_of(text, &["讲了", "都说了", "教了", "讲过", "说过", "教过", "给我讲", "教我怎么"]);
    if told && !announces_a_question(text) {
        return false;
    }
    let asks = any_of(
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
            "要紧",
            "碍事",
            "严重不",
            "正常吗",
            "行吗",
            "是不是",
            "哪里",
            "哪儿",
            "啥标号",
            "啥牌子",
            "哪种",
        ],
    );
    let matter = is_technical_matter(text);
    // 是不是该换了, 要不要紧: the last clause asks.
    let last = clauses(text).last().unwrap_or_default();
    let puts = any_of(
        last,
        &[
            "该不该",
            "要不要",
            "用不用",
            "能不能",
            "可不可以",
            "会不会",
            "是不是",
            "要紧不",
            "还是",
            "该用",
            "一换",
            "几号",
        ],
    );
    let asking_verb = any_of(
        text,
        &[
            "问一下",
            "问一哈",
            "问哈",
            "问一句",
            "问一声",
            "问个",
            "问问",
            "请教",
            "想问",
            "咨询",
            "再问",
            "问下",
            "打听",
            "问你",
            "问您",
        ],
    ) && matter;
    // 黄油多少小时打一回.
    let cycle = matter
        && any_of(text, &["打一回", "换一个", "换一回", "打一次", "换一次", "保养一回", "保养一次"])
        && any_of(text, &["多少", "多久", "多长", "几个"]);
    // 我再打听一句 一挂二档就冒糊味 这是咋回事: announced, and no question about money or a visit.
    let put = ["什么", "啥", "咋", "怎么", "多少", "能不能", "可不可以", "要不要", "是不是", "还是", "为什么", "吗"];
    let other =
        ["钱", "费", "票", "价", "来人", "派人", "过来", "电话", "保修", "质保", "公司", "哪位", "什么时候", "回访"];
    let announced = announces_a_question(text) && any_of(text, &put) && !any_of(text, &other);
    asking_verb
        || announced
        || cycle
        || matter
            && (asks_how(last) || any_of(text, &["啥意思", "什么意思", "咋回事", "怎么回事", "什么原因", "啥原因"]))
        || puts && matter && any_of(text, &["我这", "我那", "这", "平时", "以后", "那我", "我想", "合适"])
        || asks
            && matter
            && (text.contains('吗')
                || text.contains('呢')
                || any_of(
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
                || any_of(text, &["平时得", "平时该", "应该怎么", "得怎么", "该怎么", "要怎么", "得咋", "该咋"])
                || text.trim_end().ends_with(['？', '?', '啊', '呀']))
}

/// 请教下, 捎带问一句: he says that he asks.
fn announces_a_question(text: &str) -> bool {
    any_of(
        text,
        &["请教", "打听", "想问", "问一句", "问一下", "问一声", "问你啊", "问您啊", "弄明白", "搞明白", "再问"],
    )
}

/// Parts of a machine and what goes wrong with them.
pub(super) fn is_technical_matter(text: &str) -> bool {
    any_of(
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
            "回转",
            "焊",
            "裂",
            "水箱",
            "散热",
            "油缸",
            "油封",
            "油管",
            "轴承",
            "主泵",
            "先导",
            "大灯",
            "链条",
            "齿",
            "轮胎",
            "增压器",
            "喷油",
            "预热",
            "标号",
        ],
    )
}

/// 我咋看呀, 怎么调: asks for a handling; of what, the agent has just said.
pub(super) fn asks_how(text: &str) -> bool {
    any_of(
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
            "怎么检查",
            "咋检查",
            "怎么保养",
            "咋保养",
            "怎么清",
            "咋清",
            "怎么加",
            "咋加",
            "怎么设",
            "怎么排",
            "咋排",
            "怎么打",
            "咋打",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c24_a_question_that_is_announced_is_one_and_a_tale_of_teaching_is_none() {
        let check = |text: &str, want: bool| assert_eq!(is_technical_question(text), want, "{text}");
        check("我捎带问一句 零下二十度能不能兑点煤油", true);
        check("我再打听一句 我这车一挂二档就冒糊味 这是咋回事", true);
        check("仪表上有个黄灯老闪 是啥意思 要不要紧", true);
        check("油门有时上不去 是么子原因", true);
        check("讲了半个钟头 尿素怎么加 国六再生怎么弄 都说了", false);
        check("技能啊 怎么说呢 放机油洒一地 垫片差点忘了装", false);
        check("我打听一下 你们什么时候派人过来", false);
    }
}
