//! What the agent did with the customer: led, cut off, pressed, strayed (rules C09, C14, C19, C25). What he promised is
//! [`super::pledges`], how he spoke [`super::temper`], who spoke when [`super::talk`].
//!
//! Contract: each function finds the line that shows it, or nothing; a flag without a line does not exist.

use super::speech::{self, Line, agents, asks_consent};
use super::temper;
use super::witness::surely;
use crate::domain::facts::{Consent, Respondent, consent_of};
use crate::domain::score::Act;
use crate::domain::ways::{Ways, any_of, clauses, unmarked};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A good level in the agent's mouth.
const PRAISE: [&str; 51] = [
    "够及时",
    "没啥可说",
    "没什么可说",
    "认可",
    "没怨言",
    "还可以",
    "供得上",
    "跟得上",
    "没有不满",
    "没啥不满",
    "没什么不满",
    "不赖",
    "周到",
    "热情",
    "客气",
    "专业",
    "给力",
    "够快",
    "优秀",
    "负责",
    "耐心",
    "放心",
    "满意",
    "很好",
    "挺好",
    "不错",
    "没得说",
    "没话说",
    "没的说",
    "挑不出",
    "满分",
    "五分",
    "5分",
    "五星",
    "好评",
    "过硬",
    "没的挑",
    "很及时",
    "挺及时",
    "及时的",
    "挺快",
    "很快",
    "没意见",
    "没什么意见",
    "没问题",
    "没什么问题",
    "到位",
    "好得很",
    "还行",
    "非常好",
    "没挑",
];

/// Endings that want no answer but yes.
const TAGS: [&str; 34] = [
    "不是吗",
    "没说错吧",
    "对吧",
    "是吧",
    "没错吧",
    "对不对呀",
    "对不对啊",
    "是不是呀",
    "是不是啊",
    "您说呢",
    "那就满意",
    "那就算满意",
    "对不对",
    "是不是",
    "是吗",
    "对吗",
    "对不",
    "吧",
    "喽",
    "咯",
    "哈",
    "哦",
    "呗",
    "才对",
    "可以不",
    "好不",
    "行不",
    "是这样吧",
    "没意见",
    "了啊",
    "嘛",
    "噢",
    "喔",
    "啵",
];

/// Writes the level down for the customer.
static RECORDS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "给您|帮您|给你|帮你|替您|我|咱|直接|统一|按|就…记|写|填|勾|选|报|登记|打|算…满意|很好|挺好|不错|满分|五分|5分|五星|好评|没问题",
        "记|写|算|填|登记…个|成|为|作|上|您…满意|满分|五分|好评",
        "按|当…满意|好评|五分|满分…登记|记|算|填|报",
    ])
});

/// Asks for the level itself.
static REQUESTS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "给个|给我|打个|打|给|选|点|评|评个|说|回答|改成|说成|按|麻烦您|帮忙|您就…非常满意|十分满意|很满意|满意|五分|5分|五星|满分|好评",
        "扣钱|扣分|扣工资|考核|罚款|影响他…满意|五分|好评",
        "满意|五分|好评…扣钱|扣分|扣工资|考核|罚款",
        "肯定|一定|应该|估计|想必|绝对|都…是|挺|给|很|非常|会…满意|五分|很好|不错|好评|满分|挑不出",
        "那就|那算|就算|默认…满意|好评|五分",
        "肯定满意|一定满意|应该满意|肯定是满意|态度好|技术好|服务好…不用说|没得说|不用问",
        "是不是都|是不是挺|是不是很…好|满意|不错",
        "麻烦|帮忙|拜托|照顾|支持|理解|高抬贵手|手下留情…@top|高分|打高|好点|高点",
        "总不会|不会|总不能|不至于…说不好|说差|打差|给差|不好吧",
        "往好里|往好了|说好听|美言|多美言",
        "选|打|给|评|填|报…最高|最好的|满分|顶格",
        "高分|打高|多打|多给…点|分|呗|嘛|吧|行|哈",
        "不会|总不能|不至于|不可能…差评|低分|不满意|中评…吧|对吧|是吧",
        "@top+还是|或者|或+特别满意|非常满意|十分满意|很满意|挺满意|比较满意|满意",
        "就说好|说声好|说个好|说好就|回个好|说满意|说个满意|说可以就|说行就",
        "那就是|也就是|就等于|等于是|那就算|那就当…@top|挺好|不错",
        "不好交差|交不了差|交差|考核|影响…满意|给|打|评|选|说",
        "别给|不要给|别打|别选|别说…低|差|一般|不满意|四分|三分|中评",
        "奖金|绩效|饭碗|业绩|扣|罚…@top|评价|打分|打个分",
        "满意还是非常满意|满意或者非常满意|非常满意还是满意|满意还是很满意|五分还是四分",
        "不用问|不用说|甭说|甭问|想必|估摸|我猜|料想|自然|当然…@top|好|不错|没得说|没问题|没意见|没话说",
    ])
});

/// 您对…满意吗, the four levels to choose from, what the customer has just said: asked or confirmed, not led.
static ASKS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "满意的答复|满意答复|满意的结果|满意为止|满意的处理",
        "您是说|您说的是|您刚才说|您的意思|感谢|谢谢",
        "满意…还是…不满意|一般",
        "满意…一般…不满意",
        "最好|最高…最差|最低",
        "不满意的地方|不满意的原因|不满意的是|哪里不|什么不|为什么",
        "几分|打个分|打分|多少分|一到五|1到5|一至五",
    ])
});

/// C25: the level is put into the customer's mouth.
pub(super) fn led(lines: &[Line]) -> Option<&Line> {
    let led = |(i, l): (usize, &Line)| {
        // 签了字就等于认可了嘛: who argues asks for no level.
        if !l.agent() || ASKS.said_in(&l.text) || temper::attacks(l) && l.rates.is_empty() {
            return false;
        }
        let tagged = tagged(&l.text);
        let polar = asks_either_way(&l.text);
        // 我如实记录 配件供应您满意吗: asks for the next one.
        let noted = unmarked(&l.text).strip_suffix("您满意吗").unwrap_or(&l.text);
        // What he has just said himself may be written down.
        let said = i.checked_sub(1).and_then(|before| lines.get(before)).filter(|c| !c.agent());
        let echoes = said.is_some_and(|c| PRAISE.iter().any(|p| c.text.contains(p) && l.text.contains(p)));
        !echoes && (tagged || RECORDS.said_in(noted)) || REQUESTS.said_in(&l.text) && !polar
    };
    lines.iter().enumerate().find(|(i, l)| l.does(Act::Led, || led((*i, l)))).map(|(_, l)| l)
}

/// 满意吗, 满意不满意: whichever he says is an answer.
fn asks_either_way(text: &str) -> bool {
    let text = unmarked(text).trim_end_matches(['呢', '嘛', '呀', '啊']);
    ["满意吗", "满意不满意", "满不满意", "满意不", "满意没有"].iter().any(|end| text.ends_with(end))
}

/// 我这样理解没错吧: as long as a tag may be, characters.
const TAG_MAX: usize = 9;

/// A clause that praises, or the one after it, ends in a tag: 挺让您满意的是吗, 挺快的哈 没意见是不是.
pub(super) fn tagged(text: &str) -> bool {
    let mut praised = false;
    for clause in clauses(text) {
        let praises = any_of(clause, &PRAISE);
        let tag = TAGS.iter().any(|t| clause.ends_with(t)) && !asks_either_way(clause);
        // 满意是吧: the tag closes the praise; alone after it only where it says nothing else.
        let confirms = ["没错吧", "对吧", "是吧"].iter().any(|t| clause.ends_with(t));
        let short = clause.chars().count() <= if confirms { TAG_MAX } else { 4 };
        if tag && (praises || praised && short) {
            return true;
        }
        praised = praises;
    }
    false
}

/// C19: the agent goes on before `pause_s` have passed where the customer's words end in a turn.
pub(super) fn cut_after_but(lines: &[Line], pause_s: f64) -> Option<&Line> {
    lines.windows(2).find_map(|w| {
        let [customer, agent] = w else { return None };
        let follows = !customer.agent() && agent.agent() && agent.from_s - customer.to_s < pause_s;
        let invites = agent.has(&["您说", "请说", "请讲", "您讲", "没关系", "您继续", "不着急", "慢慢说"]);
        (follows && cut_after_turn(&customer.text) && !invites).then_some(agent)
    })
}

fn cut_after_turn(text: &str) -> bool {
    let text = unmarked(text);
    [
        "但是",
        "不过",
        "就是",
        "可是",
        "但",
        "就是那个",
        "但是那个",
        "不过那个",
        "就是有",
        "但是有",
        "只不过",
        "然而",
        "可就是",
    ]
    .iter()
    .any(|w| text.ends_with(w))
}

/// Begs, argues or asks on.
static INSISTS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "就|只|半|一|几|两|三|最后…分钟|问题|句话|几句|两句|一句|下",
        "配合|帮忙|帮个忙|帮帮|帮我|评价一下|打个分|打分|别挂|先别|等一下|稍等|稍微等",
        "不会|不|耽误不了|占不了…耽误|占用…您|多久|太久|时间",
        "很快|马上就|快点问|一下就|问完|抽…好|完|挂|问|分钟",
        "规定|任务|必须|考核|流程…做|完成|要",
        "一分钟|几句|一句|半分钟…总有|总行|总可以|都没有|还没有",
        "听我说完|您听着|嗯一声|别呀|别啊|说一声就行",
        "我问|问您|问你|再问|回答|说下|说一下|告诉我",
        "不是推销|为您好|为了您",
    ])
});

/// A question in general: its words, or its last one.
fn asks_something(text: &str) -> bool {
    let asks = [
        "什么",
        "几点",
        "哪",
        "多少",
        "怎么",
        "为什么",
        "价",
        "合理",
        "贵",
        "还是",
        "是不是",
        "有没有",
        "没有呢",
        "好着没",
        "了没",
        "能不能",
    ];
    let end = unmarked(text);
    any_of(text, &asks) || ["吗", "么", "呢"].iter().any(|w| end.ends_with(w))
}

/// Another time instead, or good-bye.
static YIELDS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "什么时间|什么时候|几点|哪天|啥时候…方便|合适|有空|有时间|得空|下班|给您打|再打|打过来|联系|回访|给您",
        "改天|改日|换个时间|另外的时间|另约|晚点|晚些|过会|一会|回头|明天|后天|下午|晚上|上午|稍后…再|给您|联系|打|方便|可以|行",
        "再给您打|再打给您|再联系|再回访|先忙|您忙|尊重|不再打|不勉强|随时拨打|随时打|随时联系",
    ])
});

/// C09: a question or another request after a refusal.
pub(super) fn pushed(lines: &[Line]) -> Option<&Line> {
    pushed_by_rule(lines).or_else(|| surely(lines, Act::Pressed))
}

fn pushed_by_rule(lines: &[Line]) -> Option<&Line> {
    // Only a refusal of the visit counts; 不行 to a later question is an answer.
    let refuses = |(at, l): (usize, &Line)| {
        let before = &lines[..at];
        let opened = || before.iter().any(|l| l.agent() && (asks_consent(l) || speech::is_visit(l)));
        let asks = |l: &Line| !l.rates.is_empty() || speech::is_question(l) || asks_something(&l.text);
        let asked_on = || {
            let leave = before.iter().position(|l| l.agent() && asks_consent(l));
            let since = leave.map_or(before, |at| &before[at + 1..]);
            let agreed = |l: &Line| !l.agent() && leave.is_some() && consent_of(&l.text) == Some(Consent::Given);
            since.iter().any(|l| l.agent() && !asks_consent(l) && asks(l) || agreed(l))
        };
        // 烦不烦: tired of questions only where one was put.
        let tired = || speech::is_tired(&l.text) && before.last().is_some_and(|q| q.agent() && asks(q));
        !l.agent()
            && (speech::stops_visit(&l.text)
                || tired()
                || speech::refuses_visit(&l.text)
                    && consent_of(&l.text) != Some(Consent::Given)
                    && opened()
                    && !asked_on())
    };
    let at = lines.iter().enumerate().position(refuses)?;
    // Until he lets himself be asked after all.
    let refuses_still = |l: &&Line| l.agent() || consent_of(&l.text) != Some(Consent::Given);
    let mut after = lines[at + 1..].iter().take_while(refuses_still).filter(|l| l.agent()).enumerate();
    let wrong_number = speech::respondent(lines).0 == Respondent::WrongNumber;
    after.find(|(n, l)| !wrong_number && !l.doubted(Act::Pressed) && presses(l, *n == 0)).map(|(_, l)| l)
}

/// Whatever an agent says to a refusal presses, unless he takes it: another time, an apology, good-bye, 好的.
fn presses(l: &Line, at_once: bool) -> bool {
    let leaves = l.has(&[
        "再见",
        "拜拜",
        "四零零",
        "400",
        "打扰",
        "打搅",
        "不耽误您",
        "祝您",
        "祝你",
        "不好意思",
        "抱歉",
        "对不起",
        "麻烦您了",
    ]);
    let takes = leaves
        || l.has(&[
            "理解",
            "明白",
            "知道",
            "了解",
            "注意安全",
            "好的",
            "好 ",
            "行 ",
            "没关系",
            "没有关系",
            "没事",
            "不要紧",
        ]);
    let insists = INSISTS.said_in(&l.text) && !leaves;
    let goes_on = at_once && !takes && l.characters() >= SAYS_SOMETHING;
    (insists || goes_on || asks_something(&l.text)) && !YIELDS.said_in(&l.text)
}

/// Shorter words (那好吧) neither press nor leave, characters.
const SAYS_SOMETHING: usize = 6;

/// The customer's own life, money, leisure and health; other people's wares.
static ELSEWHERE: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "疫情|疫苗|打针…怎么样|咋样|严重|控制|打了",
        "驾照|上班累|加班|下班后|我最近|我昨天|我前天|我周末",
        "年级|幼儿园|念书|读书|学习成绩|上大学|毕业",
        "补偿款|拆迁款|征地|彩礼|存款|存了多少|欠债|债",
        "爱看|喜欢看|喜欢听|爱听|喜欢吃|爱吃|喜欢什么|爱好",
        "您用的|你用的…牌子|手机|品牌…手机|电脑|电视",
        "爱人|老婆|老公|父母|爸妈|家里人|家人|女朋友|男朋友…做什么|多大|身体|工作|还好|好吗",
        "属…马|羊|鼠|牛|虎|兔|龙|蛇|猴|鸡|狗|猪",
        "喝两盅|喝一杯|喝点|喝两杯|撸串|烧烤|火锅|奶茶|咖啡",
        "天气|下雪…怎么样|咋样|好吗|热不热|冷不冷|如何",
        "房价|房子|买房|拆迁|装修|孩子|闺女|儿子|女儿|孙子|结婚|离婚|成家|对象|相亲|媳妇|几口人|老家|老乡|口音|哪里人|贵庚|多大年纪|多大岁数|您今年多大|属什么",
        "挣多少|能挣|工资多少|一年挣|收入|生意好做|行情怎么样|行情咋样|行情好|什么行情|油价|果园|种地|种了|庄稼|收成|养猪|养鸡",
        "炒股|股票|基金|黄金|理财|贷款|信用卡|办卡|彩票|中奖|保险产品|车险|投资|比特币",
        "了解|推荐|买|办|合作…保险",
        "足球|篮球|球赛|那场球|世界杯|看球|比赛|电视剧|看电视|追剧|电影|明星|唱歌|跳舞|直播|游戏|打牌|麻将|钓鱼|爬山|旅游|去哪玩|哪儿玩|出去玩",
        "抽烟|牌子的烟|喝酒|吃饭了|吃了吗|吃了没|吃的什么|吃过了|减肥|养生|体重|流感|感冒|体检|星座|算命|高考|上学|放假",
        "抖音|加个微信|微信加|加您微信|朋友圈|点个赞|推销|新出的手机|换手机|买车",
        "国庆|春节|过年|五一|中秋|周末…打算|去哪|回家|回老家|怎么过|上哪",
        "一斤|斤&多少钱|什么价|贵不贵",
        "下雨|下雪|刮风|台风|天热|天冷|气温|雾霾|沙尘…你们那|您那|你那|那边…怎么样|吗|没有|不",
        "我跟您说|跟您讲|告诉您|听说|我跟你说…猪肉|肉价|菜价|物价|涨|跌|新闻|八卦|谁家|明星|彩票|股",
        "身份证|生日|哪年生|几几年的|属相|星座|血型|身高|体重|学历|老伴|单身",
        "村里|你们村|乡里|书记|村长|选举|拆迁|修路|分地|低保|医保|养老…没有|吗|怎么样|多少|办|选",
        "微信号|加您微信|加我微信|加个微信|加微信|抖音号|快手号|QQ|扣扣|朋友圈|直播间",
        "工钱|工资|工价|一天挣|一个月挣|活多|接活…多少|怎么样|好不好|吗",
        "口音|听声音|听您说话…像|是|哪",
        "认识|身边|周围|亲戚|朋友…想买|要买|介绍|转介绍",
        "新款|新品|新出|新上市|促销|活动|套餐|特价|以旧换新|置换|优惠|会员|续保|延保|理财|加盟|团购…要不|了解|考虑|看看|需要|试试|感兴趣|参加|办|留|推荐|介绍|买",
        "推荐|介绍|推销|捎带|顺便…新款|产品|机型|套餐|保险|贷款|会员|卡|活动|机油|理财|课",
        "车险|保险|续保|信用卡…到期|要不|送|办|买|续|交",
        "年纪|岁数|身体…吃得消|硬朗|还好|咋样|怎么样",
        "晚会|春晚|节目|小品|相声|笑话|段子|故事|小说|短视频…看|讲|听|没有",
        "讲个笑话|说个笑话|讲个段子|讲个故事",
        "我|俺…老丈人|丈母娘|对象|舅|姑|叔|小时候|以前在|去年去|特别爱吃|最爱吃|爱喝|当兵",
        "特产|小吃|好吃|煎饼|水果|苹果|西瓜|橘子|柑|葡萄|海鲜|烧饼|羊肉|白酒|茶叶",
        "孩子|小孩|娃|儿子|闺女|女儿|老人|父母…上学|几岁|多大|成绩|考|工作|成家|对象|结婚|身体",
        "政策|新闻|国家|打仗|战争|美国|选举|明星|网红…听说|知道|看了|怎么看|您说",
        "我|我们…同事|亲戚|朋友|老公|老婆|邻居|表哥|表弟|老家|家也|那儿也|这儿也",
        "闲聊|随便聊|聊聊天|唠唠",
        // His own people and things.
        "我|俺|我们+爱人|妈|爸|爷爷|奶奶|姥姥|姥爷|外婆|老公|老婆|媳妇|儿子|闺女|女儿|哥|姐|妹|弟|叔|姑|舅|家阳台|家孩子|家里|家那|家小区|被子|家的狗",
        "您|你|一天|一年|生意…能做多少|能挣|挣得|赚多少|多少生意",
    ])
});

/// Named, and yet of the visit.
static OF_THE_VISIT: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "不爱听|不愿听",
        "天气原因|微信公众号|工程师微信|师傅微信|师傅的微信|注意|小心|节日快乐|祝您|祝你",
        "不|没有|不是|从不…推销|卖保险|卖东西|广告|收费",
        "机|车…贷款|全款|分期",
    ])
});

/// C14: talk that is no part of the visit.
pub(super) fn offtopic(lines: &[Line]) -> Option<&Line> {
    // 孩子现在怎么样: asked after who was hurt, he stays with the matter.
    let cares = |i: usize| {
        i.checked_sub(1).and_then(|b| lines.get(b)).is_some_and(|said| !said.agent() && somebody_hurt(&said.text))
    };
    let strays = |i: usize, l: &Line| l.agent() && l.does(Act::Strayed, || strays(l) && !cares(i));
    lines.iter().enumerate().find(|(i, l)| strays(*i, l)).map(|(_, l)| l)
}

/// The turns of talk about something else: from where the agent strays until he asks for a fact or an evaluation again.
pub(super) fn away_from_the_visit(lines: &[Line]) -> BTreeSet<usize> {
    let mut away = false;
    let mut turns = BTreeSet::new();
    for line in lines {
        if line.agent() {
            let strays = strays(line);
            away = strays
                || away && line.rates.is_empty() && line.items().next().is_none() && !line.has(&["正事", "回访"]);
        }
        if away {
            turns.insert(line.turn);
        }
    }
    turns
}

fn strays(l: &Line) -> bool {
    ELSEWHERE.said_in(&l.text) && !OF_THE_VISIT.said_in(&l.text)
}

/// C14: the share of the agent's characters that strays.
pub(super) fn offtopic_share(lines: &[Line]) -> f64 {
    let all: usize = agents(lines).map(Line::characters).sum();
    let strays: usize = agents(lines).filter(|l| strays(l)).map(Line::characters).sum();
    strays as f64 / all.max(1) as f64
}

/// F12: a person came to harm.
pub(super) fn somebody_hurt(text: &str) -> bool {
    let hurt = [
        "受伤",
        "受了伤",
        "砸伤",
        "压伤",
        "烫伤",
        "砸着人",
        "砸到人",
        "压着人",
        "碰着人",
        "蹭破",
        "流血",
        "骨折",
        "住院",
        "出人命",
        "伤了人",
        "伤到人",
        "磕伤",
        "烧伤",
        "植皮",
        "缝了",
        "缝针",
    ];
    let spared = ["没受伤", "没有受伤", "没伤", "没人受伤", "没砸着", "没砸到", "差点"];
    any_of(text, &hurt) && !any_of(text, &spared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::Indicator;
    use crate::domain::transcript::Channel::{Agent, Customer};

    /// The agent speaks first, then they take turns.
    fn call(said: &[&str]) -> Vec<Line> {
        let who = |i: usize| if i.is_multiple_of(2) { Agent } else { Customer };
        said.iter().enumerate().map(|(i, t)| Line::new(who(i), t, i as f64, i as f64, i)).collect()
    }

    #[test]
    fn c09_only_a_refusal_of_the_visit_can_be_pressed() {
        let check = |said: &[&str], want: bool| assert_eq!(pushed(&call(said)).is_some(), want, "{said:?}");
        let leave = "耽误您两分钟做个回访可以吗";
        check(&[leave, "方便 我正搁车上坐着呢", "外观检查过没有"], false);
        check(&[leave, "方便 你讲", "给您换整套线束", "换线束就算啦 他手都烫了", "那个我们查过 是改装的"], false);
        check(&[leave, "可以", "尽快给您回电话", "你别光说尽快 你烦不烦", "没关系的 那我再请您评价几项"], false);
        check(&[leave, "可以", "配件供应您满意吗", "一套滤芯还没用到 这个莫问我", "总的来说您满意吗"], false);
        check(&[leave, "可以", "来得快不快", "满意 行了我要上车了 后面的不说了", "就剩最后一个 总体满意吗"], true);
        check(&[leave, "可以", "态度好还是不好", "你硬是要问 烦不烦", "最后一个 技术怎么样"], true);
        check(&[leave, "我在开会 不想做回访", "很快的 就几个问题"], true);
    }

    #[test]
    fn c14_talk_is_away_from_the_visit_until_the_agent_asks_about_it_again() {
        let mut said =
            call(&["您喝的什么茶呀 我爸也爱喝茶", "铁观音", "他上次背回来三把壶", "呵呵", "那配件供应呢", "好"]);
        said[4].rates.push(Indicator::Parts);
        assert_eq!(away_from_the_visit(&said).into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(offtopic(&call(&["经过您讲一下", "儿子脑袋缝了六针 骨折", "孩子现在怎么样"])).is_none());
        assert!(offtopic(&call(&["我家阳台上还漏水呢 找物业也不管"])).is_some());
    }

    #[test]
    fn c21_who_advises_refuses_chats_or_sees_to_it_disputes_nothing() {
        let check = |said: &[&str], want: bool| assert_eq!(temper::argued(&call(said)).is_some(), want, "{said:?}");
        check(&["有遗留问题吗", "我请教下 防冻液加多少号的合适", "零下三十五的就行 我看别人都加这个"], false);
        check(&["可以吗", "我在开会 不想做什么回访 你们老是打", "您不配合我这边也不好交差啊 算了算了"], false);
        check(&["我去年国庆刚去过 牛肉好吃", "街上那些都不行", "回来一吃就不是那个味 下次找您当导游了"], false);
        check(&["件到了吗", "还没货 也没个准信", "我去催库房 查着物流单号"], false);
        check(&["态度呢", "讲得细", "那态度上您肯定没话说 对吧"], false);
        check(&["您说", "答应周一来 周三没见人", "山里没信号嘛 这也怪不到他头上"], true);
        check(&["收费合理吗", "多收了五百", "那也是您同意了才转的呀", "你这人说话怎么这么噎人"], true);
    }

    #[test]
    fn c25_a_question_with_both_answers_leads_nobody() {
        let check = |said: &str, want: bool| assert_eq!(led(&call(&[said])).is_some(), want, "{said}");
        check("总的来说您对我们的服务满意不满意", false);
        check("您就告诉我一下 对技师满不满意嘛", false);
        check("总的来说您是满意的对吧", true);
    }
}
