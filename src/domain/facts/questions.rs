//! What a question is after (rules D): one reading of an agent's words for the facts in the answer and for the audit of what was asked.
//!
//! Contract: pure. A word for time belongs to the event that stands next to it, whichever side; anything else is asked in [`Ways`].

pub(in crate::domain) use super::about::About;
use super::parts::parts_in;
use super::{number, time};
use crate::domain::ways::{Ways, any_of, clauses, unmarked};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// 差在哪里呢 asks why, not where.
const ASKS_WHY: [&str; 13] = [
    "差在",
    "慢在",
    "贵在",
    "在哪几",
    "在哪方面",
    "在哪些",
    "出在",
    "不好在",
    "问题在",
    "不满意",
    "地方不",
    "地方没",
    "地方让",
];

/// Endings with which something told is asked for.
const TAGS: [&str; 9] = ["对吧", "是吧", "对吗", "是吗", "没错吧", "对不对", "是不是", "对不", "没错"];

/// 十点到的 对吧: told, and asked whether it is so.
pub(in crate::domain) fn ends_in_tag(text: &str) -> bool {
    let end = unmarked(text);
    TAGS.iter().any(|tag| end.ends_with(tag))
}

/// What happens at a time, and what says so.
const EVENTS: [(About, &[&str]); 5] = [
    (
        About::Callback,
        &[
            "方便",
            "合适",
            "有空",
            "有时间",
            "得空",
            "再打",
            "再给",
            "再联系",
            "给您打",
            "给您回",
            "回电",
            "接电话",
            "打给您",
            "打过来",
            "抽空",
        ],
    ),
    (
        About::Requested,
        &[
            "联系我们",
            "联系代理",
            "联系服务",
            "联系师傅",
            "联系工程师",
            "联系的",
            "商联系",
            "站联系",
            "我们联系",
            "联系要",
            "联系做",
            "说要",
            "要做",
            "要的",
            "报修",
            "报的",
            "报给",
            "报上",
            "报保养",
            "打电话",
            "打的电话",
            "来电",
            "拨打",
            "打热线",
            "约的",
            "预约",
            "申请",
            "要求",
            "下单",
            "下的单",
            "提出",
            "叫的",
            "喊的",
            "找我们",
            "找的",
            "通知我们",
            "给我们打",
            "报故障",
            "打的",
            "报",
        ],
    ),
    (
        About::FaultTime,
        &[
            "出现",
            "坏的",
            "坏了",
            "坏掉",
            "发生",
            "发现",
            "出的",
            "出故障",
            "出问题",
            "出毛病",
            "出来的",
            "犯的",
            "趴窝",
            "不行的",
            "报警",
            "不好使",
            "有的这",
            "有这",
            "开始",
            "闹",
            "漏的",
            "响的",
            "不对劲",
            "感觉到",
            "有毛病",
        ],
    ),
    (
        About::Arrival,
        &[
            "到达",
            "到现场",
            "到场",
            "到的",
            "到了",
            "到您",
            "到你",
            "到那",
            "到这",
            "到工地",
            "赶到",
            "赶过",
            "赶来",
            "过去的",
            "过来的",
            "来的",
            "来了",
            "来到",
            "去的",
            "去了",
            "上门",
            "抵达",
            "进场",
            "露面",
            "进店",
            "进的场",
            "上的门",
            "去",
            "到",
        ],
    ),
    (
        About::Finish,
        &[
            "修好",
            "修完",
            "修妥",
            "修利索",
            "弄好",
            "弄完",
            "弄妥",
            "弄利索",
            "整好",
            "整完",
            "搞好",
            "搞定",
            "搞完",
            "处理的",
            "处理好",
            "处理完",
            "处理妥",
            "处理利索",
            "做好",
            "做完",
            "干完",
            "干利索",
            "保养完",
            "保养好",
            "换完",
            "换好",
            "装好",
            "完成",
            "完工",
            "完事",
            "完的",
            "完了",
            "结束",
            "收工",
            "收拾好",
            "收拾完",
            "忙完",
            "忙活完",
            "解决的",
            "解决好",
            "排除",
            "恢复的",
            "恢复正常",
            "修复",
            "走的",
            "走了",
            "离开",
            "撤",
            "修到",
            "干到",
            "弄到",
            "忙到",
            "搞到",
            "完的活",
            "忙完到",
            "干完到",
            "修完到",
            "取车",
            "取的车",
            "取到车",
            "取走",
            "开走",
            "交给您",
            "拾掇好",
            "利索",
            "好的",
            "能用",
        ],
    ),
];

/// Events that no fact is about, and 到 in other words.
const OTHER_EVENTS: [&str; 21] = [
    "买",
    "提的",
    "到货",
    "发货",
    "到期",
    "到底",
    "收到",
    "保养一次",
    "换一次",
    "上班",
    "下班",
    "收到货",
    "直到",
    "听到",
    "看到",
    "找到",
    "得到",
    "遇到",
    "接到",
    "感到",
    "等",
];

/// How long something took is asked by these events too.
const LASTED: [&str; 8] = ["修了", "弄了", "花了", "用了", "干了", "忙了", "处理了", "保养了"];

/// Characters between a word for time and its event.
const NEXT_TO: usize = 10;

static WHEN: [&str; 13] = [
    "什么时间",
    "什么点",
    "什么时候",
    "几点",
    "几时",
    "几号",
    "何时",
    "哪天",
    "哪一天",
    "哪个时间",
    "多会",
    "星期几",
    "周几",
];
static HOW_LONG: [&str; 6] = ["多久", "多长时间", "多长工夫", "几个小时", "多大会", "多少时间"];

/// Every event whose time is asked for.
fn times(text: &str, mut add: impl FnMut(About)) {
    let asks = WHEN.iter().map(|w| (*w, false)).chain(HOW_LONG.iter().map(|w| (*w, true)));
    for (word, long) in asks.filter(|(word, _)| any_of(text, &[word])) {
        for (at, _) in text.match_indices(word) {
            let (before, behind) = (&text[..at], &text[at + word.len()..]);
            let near: String = behind.chars().take(NEXT_TO).take_while(|c| !"。？！?!".contains(*c)).collect();
            let start = before.char_indices().rev().nth(NEXT_TO + 1).map_or(0, |c| c.0);
            // 好的 那他什么时候能回来: the answer before was taken.
            let last = &before[start..].replace("好的 ", "");
            // 什么时候处理合适: when he can, not when it was.
            let called = events(&near).find_map(|e| e.2.filter(|a| *a == About::Callback));
            let next = called.or_else(|| first_event(&near)).or_else(|| last_event(last));
            if long && LASTED.iter().any(|w| last.ends_with(w) || last.ends_with(&w[..w.len() - "了".len()])) {
                add(About::Finish);
            } else if let Some(about) = next.filter(|a| !long || matches!(a, About::Arrival | About::Finish)) {
                add(about);
            }
        }
    }
}

/// The words of all events, to be found in one pass over a text, and what each is.
struct EventWords {
    words: AhoCorasick,
    about: Vec<Option<About>>,
}

static EVENT_WORDS: LazyLock<Option<EventWords>> = LazyLock::new(|| {
    let told = EVENTS.iter().flat_map(|(about, words)| words.iter().map(|w| (*w, Some(*about))));
    let (words, about): (Vec<&str>, Vec<Option<About>>) = told.chain(OTHER_EVENTS.iter().map(|w| (*w, None))).unzip();
    Some(EventWords { words: AhoCorasick::new(words).ok()?, about })
});

/// Every event in the text, in the order they end: where it begins, how long its word is, what it is.
pub(super) fn events(text: &str) -> impl Iterator<Item = (usize, usize, Option<About>)> {
    let known = EVENT_WORDS.as_ref();
    known.into_iter().flat_map(move |known| {
        let found = known.words.find_overlapping_iter(text);
        found.map(|m| (m.start(), m.len(), known.about[m.pattern()]))
    })
}

/// The event that begins first, by its longest word.
fn first_event(text: &str) -> Option<About> {
    events(text).min_by_key(|(at, len, _)| (*at, usize::MAX - len))?.2
}

/// The event that ends last, by its longest word.
fn last_event(text: &str) -> Option<About> {
    events(text).max_by_key(|(at, len, _)| (at + len, *len))?.2
}

/// One thing asked for by other words than those of time.
struct Item {
    about: About,
    asked: LazyLock<Ways>,
    /// The same words where they ask for something else.
    but: LazyLock<Ways>,
}

macro_rules! items {
    ($($about:ident: [$($way:literal),+ $(,)?] $(but [$($but:literal),+ $(,)?])?;)+) => {
        [$(Item {
            about: About::$about,
            asked: LazyLock::new(|| Ways::new(&[$($way),+])),
            but: LazyLock::new(|| Ways::new(&[$($($but),+)?])),
        }),+]
    };
}

static ITEMS: [Item; 13] = items! {
    Hours: [
        "多少小时|多少个小时|几个小时了|几千个小时|几千小时|多少工时|小时数|工时数|工作小时|小时表|计时表|码表|工时表",
        "@machine|工作|累计|一共|总共|跑|开|走|转…几千|几百|几个|多少+小时|个小时",
        "表|机器|码…走到|跑到|显示|读数|走了…多少|哪|几",
    ] but ["修了|等了|花了|处理了|每天|一天|用时|耽误了…小时", "多少小时|几个小时…到的|到现场|修好|弄好|处理好"];
    Checks: [
        "检查|查了|查过|看了|看过|给您查|都查|点检…@what|做过|做了|@yn",
        "@what|做过|做了…检查|点检",
        "全面|整机|全车|仔细|从头到尾…看|查|过…@yn|一遍",
    ];
    Parts: [
        "更换|换了|换过|换的|换件|换上|换些|换下|换东西|买了|购买|买的|添了…@what|@yn|多少",
        "哪些|什么|哪几样|几样|哪几个…零件|配件|保养件|换件|部件|件|滤芯",
        "保养件…换|买",
        "@part…换…@yn",
        "换没换|换了没|换哪|换什么",
    ] but ["缺|没货|断货|等…@what"];
    Location: [
        "地点|在哪|什么地方|哪个工地|哪块工地|位置|哪儿干|哪里干|哪里施工|哪儿施工|哪边干|哪个村|哪个镇|哪个县|哪个矿|哪里作业",
        "还在|就在…工地|矿|那边|老地方|原来…@yn",
        "在…那边|这边|工地|镇|村|县|矿…干活|施工|作业…吧|吗",
        "@machine+在…那边|这边|附近|工地|镇|村|县|市|矿…吗|吧|么",
    ] but ["坏在|哪里坏|哪里不|哪儿不|哪里没|哪里漏|哪里有"];
    Repair: [
        "@how…@fix|修的|给您",
        "排除|解决|修好|修复|处理好|弄好|搞定|治好|整好|修利索…吗|没|了么|吧|没有",
        "修得|修的|处理得|处理的|弄得…怎么样|怎样|如何",
        "故障排除|什么毛病|哪里坏|哪儿坏|哪坏|换了什么修|问题解决|好了没|修好了|处理好了|修的哪|修了哪|修了什么|修的什么|动了哪",
        "哪个|什么…部位|地方|零件…坏",
    ];
    Fee: [
        "费用|收费|多少钱|收了|收取|收您|花了多少|花多少|掏了多少|交了多少|付了多少|结了多少|工时费|收没收|收钱|要钱|交钱|花钱|掏钱",
    ];
    Running: [
        "运行正常|运行的情况|运行情况|运行状况|运转|正常了|正常吗|正常吧|正常不|正常没|使用正常|恢复正常|能正常|使用情况|运行怎么样|工作正常",
        "现在|目前|用着|使着|使用|用得|跑着|开着|运行|修完|修好以后|用起来|开起来|干起活…怎么样|好用|好使|良好|能用|有劲没|顺手|顺不|稳定|听使唤|得劲|带劲|给力|利索不|状况|凉了没|制冷",
        "没再|不再…毛病|故障|问题|犯|漏|响|坏…吧|吗|么",
        "@machine…好用|好使|良好|能用|有劲|顺手|稳定|听使唤|能干活|转得动|毛病没|带劲|给力",
        "@machine+怎么样",
        "现在|目前|修完|修好|以后…劲|启动|打火|转向|制冷|刹车|动作…够|足|没问题|正常|行不|利索",
        "还有毛病|没毛病|还有没有毛病|还漏不漏|还响不响|还漏吗|还响吗|还漏油|再犯|又犯|还犯",
        "@fault…现在|目前|还有吗|还有没有|消失|再出现|又出现|没再",
        "还|再|又…漏|响|抖|冒|熄火|高温|掉|烧|热|憋|卡|渗|滴|报警|不对劲|不正常…吗|没有|没|不|么|吧",
    ] but ["配件|服务|态度|技术|师傅|工程师|供应…怎么样", "遗留|没弄完|其他问题", "回访|了解|核实", "伤|病|身体|人…怎么样"];
    Leftover: [
        "遗留|其他问题|别的问题|其它问题|毛病剩|剩下的问题|剩下什么|剩什么|留没留|还有没有问题|还有什么问题|还有问题|没解决的|没处理完|别的毛病|其他毛病|别的故障|其他故障|尾巴|没弄完|没修完|没弄好|没搞完",
        "还有|有没有|剩下|剩…没弄|没修|没解决|没处理|没做|没搞|没换|没到位|没完",
        "还有|有没有…要|需要…处理|修|弄|解决|跟进",
        "还有|剩…哪|什么|别的…不对劲|不正常|不好|毛病|不放心|没弄|没修|没处理|没解决",
    ];
    Appearance: ["外观|掉漆|磕碰|划痕|漆面|车身|外表|剐蹭|磕着|碰着|刮|瑕疵"];
    Tools: ["工具|资料|随机|说明书|合格证|随车|手册|文件|备件箱"];
    Performance: ["性能|试机|试车|试运行|试过机", "试了|试过|测试|试…@machine|没有|怎么样|动作|功能", "各项|各个…功能|动作"];
    Training: ["培训|讲解|日常维护|教您|教过|讲过|教会|教了|演示|指导|示范|交代…吗|没有|哪些|怎么|没|吧|过|有没有", "培训|讲解"];
    Result: [
        "查过了|就这结果|这个结果|处理完了|处理好了|回复是",
        "已经…换|退|补|修|赔|处理|解决|安排|批评|到…您|你|了",
        "核实|核对|查证|调查|了解|问…清楚|属实|确实|过了|了单子|了记录",
        "同意|决定|重新|免费|昨天|前天|今天|明天…给您|退给|换给|补给|赔给|打给…换|退|补|赔|发|修|您",
        "我们|厂里|公司|站里|站长|财务|领导|经理|库房|服务站|代理商|技术部~了+您|你|他|您看|您知",
        "我们|厂里|公司|站里|站长|财务|领导|经理|库房|服务站|代理商|技术部…批下来|打给您|发出|寄出|说了他|说过他|谈了话",
        "赔礼|登门|鉴定|确认是|停职|处分|处罚|通报|批评了|罚了|扣了|检讨|调离|换人",
        "处理结果|结果是|处理意见|已经安排|已经处理|核实了|核实过|属实|决定|给您答复|做出了处理|作出了处理|处理情况|满足不了|答复是|处理方案|协商|查实|核查|调查|查清",
        "我们|公司|厂里|领导…批评|处罚|道歉|补发|补给|更换|退还|退给|重新|罚|培训了",
    ];
};

/// 多多少, 具体几点, 您方便就说一下: asks once more for what was asked before, characters at most.
const AGAIN_MAX: usize = 18;

/// What a question without a subject of its own asks for: what was asked before and not answered, or in more detail.
pub(super) fn asked_again(text: &str) -> bool {
    let brief = text.chars().filter(|c| c.is_alphanumeric()).count() <= AGAIN_MAX;
    let open = any_of(text, &["多少", "几", "具体", "大概", "大约", "说一下", "说说", "准"]);
    // 正好两千是吧.
    brief && (open || ends_in_tag(text) && !number::find_all(text).is_empty())
}

/// Fewer hours told are no machine's: how long something took.
pub(super) const METER_FROM: u64 = 50;

/// 到达时间, 修完的时间; 当天修好没有; 完工呢, after it was asked when he came.
fn nouns_of_time(text: &str) -> impl Iterator<Item = About> {
    let end = unmarked(text);
    let follows = end.ends_with('呢') && end.chars().count() <= FOLLOWS_MAX;
    let same_day = text.contains("当天");
    events(text).filter_map(move |(at, length, about)| {
        let behind = text[at + length..].trim_start_matches('的');
        let about = about.filter(|a| *a != About::Callback)?;
        let finish = about == About::Finish;
        (behind.starts_with("时间") || finish && (follows || same_day)).then_some(about)
    })
}

/// 走的时候呢: characters of a question that only goes on.
const FOLLOWS_MAX: usize = 8;

/// 现在走起来直不直, 眼下稳当吗: how it is now, whatever it is.
fn asks_state(text: &str) -> bool {
    let now = ["现在", "眼下", "目前", "这会儿", "这下"];
    let ends = ["吗", "吧", "没", "没有", "不", "么", "正常", "不正常", "顺了"];
    // Hours, place, leave and evaluation are other questions.
    let other = [
        "小时",
        "位置",
        "哪",
        "地方",
        "地点",
        "方便",
        "时间",
        "说话",
        "接电话",
        "听",
        "可以",
        "行吗",
        "有空",
        "得空",
        "施工",
        "满意",
        "评价",
        "停",
        "回访",
        "工地",
        "问您",
        "记",
        "收",
        "钱",
        "在吗",
        "在不",
    ];
    clauses(text).any(|clause| {
        let chars: Vec<char> = clause.chars().collect();
        let either = chars.windows(3).any(|w| w[1] == '不' && w[0] == w[2]);
        any_of(clause, &now) && (either || ends.iter().any(|e| clause.ends_with(e))) && !any_of(clause, &other)
    })
}

/// Everything that the words ask for.
pub(in crate::domain) fn asked(text: &str) -> Vec<About> {
    let mut found = Vec::new();
    if any_of(text, &ASKS_WHY) {
        return found;
    }
    times(text, |about| found.push(about));
    found.extend(nouns_of_time(text));
    if asks_state(text) {
        found.push(About::Running);
    }
    // 昨天十点到的吧, 是昨天修好的吗, 一千零五十小时对吧: told, and asked whether it is so.
    let tagged = ends_in_tag(text) || unmarked(text).ends_with("的吗");
    if tagged || unmarked(text).ends_with('吧') {
        let timed = time::find_all(text).iter().any(|t| t.has_clock || tagged);
        found.extend(events(text).filter_map(|(.., about)| about).filter(|a| timed && *a != About::Callback));
        if text.contains("小时") && number::find_all(text).iter().any(|n| n.0 >= METER_FROM) {
            found.push(About::Hours);
        }
    }
    // 买的是大灯总成对吗.
    if tagged && any_of(text, &["买", "换"]) && !parts_in(text).is_empty() {
        found.push(About::Parts);
    }
    // 现在正常吗 有没有遗留问题: what turns one clause to something else leaves the others as they are.
    let asked = |i: &&Item| {
        let puts = |part: &str| i.asked.said_in(part) && !i.but.said_in(part);
        puts(text) || i.asked.said_in(text) && clauses(text).any(puts)
    };
    found.extend(ITEMS.iter().filter(asked).map(|i| i.about));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::plain;

    #[test]
    fn d_each_clause_asks_for_its_own_and_what_is_told_is_asked_for() {
        let check = |text: &str, about: About, want: bool| {
            assert_eq!(asked(&plain(text)).contains(&about), want, "{text}: {about:?}");
        };
        check("现在正常吗 有没有遗留问题", About::Running, true);
        check("现在正常吗 有没有遗留问题", About::Leftover, true);
        check("工程师啥时到的", About::Arrival, true);
        check("买的是大灯总成和雨刮电机对吗", About::Parts, true);
        check("好的 那他大概什么时候能回来呢", About::Finish, false);
        check("查过了 收你那两百块是路费 就这结果", About::Result, true);
        check("多收的三百块已经退到您微信上了", About::Result, true);
        check("您投诉的事 您觉得我们处理得怎么样", About::Result, false);
        check("您投诉以后有人联系过您吗", About::Result, false);
    }
}
