//! What was said, found in the lines of a call: opening, identity, consent, closing, hotline.
//!
//! Contract: pure detectors over lines in the order of time; each returns where it found what it looks for. They judge nothing.

use crate::domain::facts::questions::{self, About};
use crate::domain::facts::{Consent, Respondent, consent_of, is_refusal, number, respondent_of, time};
use crate::domain::score::{Act, Answer, Indicator, Judgement, Likely, plain, to_simplified};
use crate::domain::transcript::Channel;
use crate::domain::ways::{Ways, any_of, clauses};
use std::sync::LazyLock;

/// 服务热线 of the source text (C26), digits only.
pub const HOTLINE: &str = "4006589888";

/// One utterance or one prompt.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub who: Channel,
    /// As it was said.
    said: String,
    /// Simplified; an agent's in the words of the standard language.
    pub text: String,
    pub from_s: f64,
    pub to_s: f64,
    /// Place in the dialogue or transcript.
    pub turn: usize,
    /// Indicators whose evaluation this line asks for.
    pub rates: Vec<Indicator>,
    /// Facts that it asks for.
    pub asks: Vec<About>,
    /// The customer complains in it, by the judgement of his answer.
    pub complains: bool,
    /// What an agent does here by the learned words, where there are any.
    pub acts: Option<Likely>,
}

impl Line {
    pub fn new(who: Channel, said: &str, from_s: f64, to_s: f64, turn: usize) -> Self {
        let (text, asks) = match who {
            Channel::Agent => {
                let text = plain(said);
                let asks = questions::asked(&text);
                (text, asks)
            }
            Channel::Customer => (to_simplified(said), Vec::new()),
        };
        let said = said.to_string();
        Self { who, said, text, from_s, to_s, turn, rates: Vec::new(), asks, complains: false, acts: None }
    }

    pub fn agent(&self) -> bool {
        self.who == Channel::Agent
    }

    pub fn has(&self, words: &[&str]) -> bool {
        any_of(&self.text, words)
    }

    /// The facts of the form that it asks for.
    pub fn items(&self) -> impl Iterator<Item = About> {
        self.asks.iter().copied().filter(|a| !matches!(a, About::Callback | About::Result))
    }

    /// Spoken characters, without pauses and punctuation.
    pub fn characters(&self) -> usize {
        self.text.chars().filter(|c| c.is_alphanumeric()).count()
    }

    /// The words as they were said, cut to what fits into a finding.
    pub fn quote(&self) -> String {
        let mut cut: String = self.said.chars().take(QUOTE_MAX).collect();
        if cut.len() < self.said.len() {
            cut.push('…');
        }
        cut
    }
}

/// The agent's lines.
pub(super) fn agents(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|l| l.agent())
}

/// Longest quotation in a finding, characters.
const QUOTE_MAX: usize = 40;

/// Notes at the agent's lines whose evaluation they ask for: an answer's question is made of the lines before it.
pub(super) fn mark_complaints(lines: &mut [Line], answers: &[Answer], judged: &[Judgement]) {
    let allegation = |j: &Judgement| j.complaint && (!j.labels.is_empty() || !j.alarms.is_empty());
    let complaints = answers.iter().zip(judged).filter(|(_, j)| allegation(j)).filter_map(|(a, _)| a.turn);
    for turn in complaints {
        lines.iter_mut().filter(|l| l.turn == turn && !l.agent()).for_each(|l| l.complains = true);
    }
}

pub(super) fn mark_rated(lines: &mut [Line], answers: &[Answer]) {
    for answer in answers {
        let Some(indicator) = answer.indicator else { continue };
        let question = plain(&answer.question);
        let asking = lines
            .iter_mut()
            .filter(|l| l.agent() && answer.turn.is_none_or(|t| l.turn < t) && question.contains(l.text.trim()));
        if let Some(line) = asking.last()
            && !line.rates.contains(&indicator)
        {
            line.rates.push(indicator);
        }
    }
}

/// Somebody says who calls: of which company, and in which role or from which department.
static PRESENTS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "福田|雷沃|重工|公司|厂家|厂里|服务站|代理商|集团|工程机械|店|站|中心|部…客服|客户代表|服务代表|代表|回访|售后|服务中心|服务部|客户服务|服务热线|专员|人员",
        "我是|我们是|这里是|这边是|这儿是|我这边是|我这里是…客服|客户代表|服务代表|回访员|回访专员|服务专员|售后|客户服务|服务中心|回访中心",
        "客户服务中心|客服中心|售后服务中心|回访中心|客户部|客服部|售后部|客户服务部|回访部",
        "您好|你好…服务热线|客服热线|售后热线",
    ])
});

/// C05: company and role.
pub(super) fn opening(lines: &[Line]) -> Option<&Line> {
    lines.iter().take(10).find(|l| l.agent() && l.does(Act::Opening, || PRESENTS.said_in(&l.text)))
}

/// Asks who he is, without his name.
static ASKS_WHO: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "您是|你是|是您|就是|请问是|您好是|您好 是|您好，是|哪位是|找…先生|女士|小姐|师傅|老板|机主|车主|本人|经理|总|所长|站长|队长|厂长|科长|主任|主管|老师|大哥|大姐",
        "请|让|麻烦…接电话|接一下电话|听电话",
        "是不是姓|您姓|你姓",
        "怎么称呼|贵姓|哪位是|是您本人|您本人吗",
    ])
});

/// The hundred family names that nearly everybody has.
const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤";

/// A clause that is a name and what asks for it: 是王建军吗, 找一下王建军, 是不是丁卫国.
fn asks_by_name(text: &str) -> bool {
    clauses(text).any(|clause| {
        let Some(name) =
            ["请问您是", "您就是", "是不是", "请问是", "是不是", "找一下", "您是", "你是", "请问", "找", "是"]
                .iter()
                .find_map(|lead| clause.strip_prefix(lead))
        else {
            return false;
        };
        let bare = name.trim_end_matches(['吗', '吧', '么', '不']).trim_end_matches("对").trim_end_matches("是");
        let bare = bare.trim_end_matches("在不在").trim_end_matches("在");
        // 是不是开泵车的老徐.
        let familiar =
            bare.chars().rev().nth(1).is_some_and(|c| "老小".contains(c)) && bare.ends_with(|c| SURNAMES.contains(c));
        // 请问是巴特尔吗: asked politely and for no fact, the name may be any.
        let told = bare.ends_with(['的', '了', '过']) || !questions::asked(clause).is_empty();
        let politely = clause.starts_with("请问") && bare.len() < name.len() && !told;
        familiar || (politely || bare.starts_with(|c| SURNAMES.contains(c))) && (2..=4).contains(&bare.chars().count())
    })
}

const TITLES: [&str; 28] = [
    "先生", "女士", "小姐", "师傅", "老板", "机主", "车主", "本人", "经理", "所长", "站长", "队长", "厂长", "科长",
    "处长", "院长", "校长", "部长", "组长", "班长", "村长", "主任", "主管", "老师", "哥", "姐", "总", "工",
];

/// A clause that ends in a title and what asks after it: 王先生吗, 李强师傅对吧.
fn asks_by_title(text: &str) -> bool {
    clauses(text).any(|clause| {
        let name = ["对吧", "是吧", "是吗", "在吗", "在不", "在家吗", "对不", "是不", "没错吧", "吗", "吧", "么", "不"]
            .iter()
            .find_map(|tag| clause.strip_suffix(tag));
        name.is_some_and(|name| TITLES.iter().any(|t| name.ends_with(t)) && name.chars().count() <= NAME_MAX)
    })
}

/// Characters of a name with its title and the words before it: 麻烦问一下是不是王建国先生.
const NAME_MAX: usize = 16;

fn asks_identity(l: &Line) -> bool {
    if !l.agent() {
        return false;
    }
    // 请问是苗长海先生吗 … 您投诉漏雨的事: what is said beside the question asks for nobody.
    let beside = |clause: &&str| !any_of(clause, &["投诉", "满意"]);
    let text = clauses(&l.text).filter(beside).collect::<Vec<_>>().join(" ");
    asks_by_name(&text) || asks_by_title(&text) || ASKS_WHO.said_in(&text) && !is_fact(l)
}

/// C04: 您是…吗.
pub(super) fn identity_asked(lines: &[Line]) -> Option<&Line> {
    lines.iter().take(12).find(|l| l.does(Act::Identity, || asks_identity(l)))
}

/// 师傅几点到的吧: a question about the service, not about who he is.
fn is_fact(l: &Line) -> bool {
    !l.has(&["您是", "你是", "请问是", "本人", "称呼", "贵姓"])
        && l.has(&[
            "师傅吗",
            "师傅什么",
            "师傅几",
            "师傅怎么",
            "师傅去",
            "师傅来",
            "师傅给",
            "师傅有",
            "机器",
            "挖机",
            "修",
            "保养",
            "满意",
            "到的",
        ])
        && !l.has(&["先生", "女士", "老板", "机主"])
}

/// May we: 耽误您两分钟…可以吗.
static ASKS_LEAVE: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "花|用|抽…分钟…可以|行|方便|好吗|听听|了解|聊",
        "分钟|几句|几个问题|回访|一会儿~可以吗|可以不|可以吧|行吗|行不行|行不|成吗|成不|中不|要得|好吗|方便|能不能|愿不愿",
        "耽误|耽搁|占用|打扰|打搅|占您|借您…分钟|一会|一下|时间|几句|工夫",
        "耽误|耽搁|占用|打扰|打搅|占您|借您…可以|行|方便|好吗|成吗|要得|不介意",
        "回访|调查|核实|核对|了解|聊|问您|问几|情况…可以吗|可以不|可以吧|行吗|行不|行么|方便|好吗|好不好|成吗|成不|中不|合适吗|愿意|愿不愿|可不可以|有时间|有空|介意吗",
        "可否|能否|能不能|可不可以|方便的话|是否方便…耽误|占用|打扰|聊|回访|问您|了解|核实",
        "想…耽误|占用|打扰|聊|回访|问您",
        "有…分钟|空|时间|工夫…吗|不|么|没有",
        "能|可以|麻烦您|请您…聊|抽|说几句|说两句|占…一会|分钟|几句|吗|好吗|行吗|可以吗",
        "得空|有空|有时间|有没有时间|有没有空|有工夫…不|吗|没|说两句|聊|问|简单",
        "方便聊|方便说|方便讲|方便问|方便回答|方便打扰",
        "借用|借|占…您|你…时间|分钟|工夫",
        "现在|这会|此刻…说话|讲话|通话|接电话…合适|方便|行",
        "现在|这会…可以说话|能说话|能说不|能听吗|能讲|空不空|得空|愿意听",
        "分钟|几句|回访|问题|情况|反馈|反映|听听|说一下|跟您说|结果…可以么|可以开始|行吧|好不好|没问题吧|同意吗|允许吗|同意不|有空吧|有时间吧|得空吧|能说不|能听吗|空不空",
        "不耽误|没打扰|没耽误…您…吧|吗",
        "您|你+有…一两分钟|两分钟|三分钟|几分钟|空|时间|工夫…吧|没有|没",
        "结果|情况…跟您说一下|跟您讲一下|向您…可以吗|可以吧|行吗|方便|好吗|成吗|成不",
        "问题|几句|情况…请教|问问|问您|了解…行不行|行吗|可以吗|好吗|方便",
        "现在|这会|这会儿|您|是否|说话…方便接|方便吗|方便不|方便说|方便吧|方便听|方便",
    ])
});

/// Asks for the customer's leave.
pub(super) fn asks_consent(l: &Line) -> bool {
    // A better time is asked for after a refusal, pardon at the end; a question about the machine asks for no leave.
    let elsewhere =
        l.has(&["什么时间方便", "什么时候方便", "几点方便", "耽误了", "再见", "祝您", "祝你", "耽误您时间了"]);
    let plain = l.asks.iter().all(|a| matches!(a, About::Callback | About::Result))
        || l.has(&["分钟", "耽误", "耽搁", "占用", "打扰", "方便", "几句"]);
    ASKS_LEAVE.said_in(&l.text) && plain && !elsewhere
}

/// Says that this is a visit.
pub(super) fn is_visit(l: &Line) -> bool {
    l.has(&["回访", "分钟"])
}

/// C06: 耽误您两分钟…可以吗.
pub(super) fn consent_asked(lines: &[Line]) -> Option<&Line> {
    lines.iter().take(14).find(|l| l.agent() && l.does(Act::Consent, || asks_consent(l)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConsentHeard {
    pub consent: Consent,
    pub turn: Option<usize>,
}

/// C07. A customer who is asked and simply answers the questions has agreed.
pub(super) fn consent(lines: &[Line]) -> ConsentHeard {
    if respondent(lines).0 == Respondent::WrongNumber {
        return ConsentHeard { consent: Consent::NotAsked, turn: None };
    }
    let Some(asked) = consent_asked(lines) else {
        let refuses = lines.iter().take(8).find(|l| !l.agent() && refuses_visit(&l.text));
        return ConsentHeard {
            consent: if refuses.is_some() { Consent::Refused } else { Consent::NotAsked },
            turn: refuses.map(|l| l.turn),
        };
    };
    let replies: Vec<&Line> = lines.iter().filter(|l| l.from_s >= asked.from_s && !l.agent()).take(3).collect();
    for (n, reply) in replies.iter().enumerate() {
        // What is said after the first question answers that one.
        let put = |l: &&Line| l.from_s > asked.from_s && l.from_s < reply.from_s && is_question(l);
        if n > 0 && lines.iter().any(|l| put(&l)) {
            break;
        }
        match consent_of(&reply.text) {
            // 不想做 … 哎呀那你快点问: talked round before anything was asked.
            Some(Consent::Refused) if n == 0 && replies.get(1).is_some_and(|next| gives_in(lines, reply, next)) => {
                return ConsentHeard { consent: Consent::Given, turn: Some(replies[1].turn) };
            }
            Some(c) if n == 0 || c == Consent::Refused && refuses_visit(&reply.text) => {
                return ConsentHeard { consent: c, turn: Some(reply.turn) };
            }
            Some(c) => {
                return ConsentHeard {
                    consent: if c == Consent::Refused { Consent::Given } else { c },
                    turn: Some(reply.turn),
                };
            }
            None => {}
        }
    }
    let goes_on = replies.len() > 1;
    ConsentHeard { consent: if goes_on { Consent::Given } else { Consent::NotAsked }, turn: None }
}

/// Asked once more and for no fact, he lets himself be asked.
fn gives_in(lines: &[Line], refusal: &Line, next: &Line) -> bool {
    let asked = lines.iter().any(|l| l.from_s > refusal.from_s && l.from_s < next.from_s && is_question(l));
    let invites = ["快点问", "你问", "您问", "问吧", "说吧", "你说", "讲吧", "那行", "行吧", "快问", "快点", "可以"];
    !asked && consent_of(&next.text) == Some(Consent::Given) && next.has(&invites)
}

/// A refusal of the visit itself, not a 不行 about the machine.
pub(super) fn refuses_visit(text: &str) -> bool {
    is_refusal(text)
        && !matches!(text.trim(), "不行")
        && !any_of(text, &["机器", "挖机", "技术", "态度", "配件", "还是不行"])
}

/// Not now, though not never: 正开车呢, 改天吧.
pub(super) fn is_busy(text: &str) -> bool {
    refuses_visit(text)
        && !any_of(
            text,
            &[
                "不用",
                "不需要",
                "别打",
                "不要打",
                "没兴趣",
                "不感兴趣",
                "不接受",
                "拒绝",
                "不做",
                "不想",
                "算了",
                "别再打",
                "不参加",
                "不愿",
            ],
        )
}

static STOPS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "别|不要|甭|莫…问了|问我|再问|烦我|打了|打电话",
        "不想|不愿|懒得…回答|跟你说|再说",
        "不回答|不接受你|不奉陪",
        "不想说|我不说了|不做了|我说不做|不聊了|不聊|没心情|懒得说",
        "后面|剩下|后头|余下…不说了|不答了|不做了|不聊了|不问了",
        "问完没|问完了没|问别人|问老板去|问他去",
    ])
});

/// He has had enough of something: of questions, or of what has been said to him.
pub(super) fn is_tired(text: &str) -> bool {
    any_of(text, &["有完没完", "没完没了", "烦不烦"])
}

/// He ends the visit in its middle: 别问了, 不想回答.
pub(super) fn stops_visit(text: &str) -> bool {
    // 这个莫问我: one question is passed over, not the visit.
    let passes = ["这个", "那个", "这"]
        .iter()
        .any(|it| ["别", "莫", "不要", "甭"].iter().any(|no| text.contains(&format!("{it}{no}"))));
    STOPS.said_in(text) && !passes
}

pub(super) fn respondent(lines: &[Line]) -> (Respondent, Option<usize>) {
    let wrong = lines.iter().find(|l| !l.agent() && respondent_of(&l.text) == Some(Respondent::WrongNumber));
    if let Some(l) = wrong {
        return (Respondent::WrongNumber, Some(l.turn));
    }
    let Some(asked) = identity_asked(lines) else { return (Respondent::Unconfirmed, None) };
    let replies: Vec<&Line> = lines.iter().filter(|l| l.from_s > asked.from_s && !l.agent()).take(4).collect();
    let Some(mut first) = replies.first().copied() else { return (Respondent::Unconfirmed, None) };
    let mut own = respondent_of(&first.text);
    // 咋了: asked again, the answer to that counts.
    if own.is_none()
        && let Some(again) = lines.iter().find(|l| l.from_s > first.from_s && asks_identity(l))
        && let Some(reply) = replies.iter().find(|r| r.from_s > again.from_s)
    {
        (first, own) = (reply, respondent_of(&reply.text));
    }
    if matches!(own, Some(Respondent::Unconfirmed | Respondent::NotPresent)) {
        // 我是他儿子 … 我当时在现场: the next words may show that he knows, or a yes to 您清楚吗.
        let knows = |l: &&&Line| {
            let asked = lines.iter().rfind(|a| a.agent() && a.from_s < l.from_s);
            let asked_knowing = asked.is_some_and(|a| a.has(&["了解", "清楚", "知道", "在场", "在现场", "跟前"]));
            let no = l.has(&[
                "不知道",
                "不晓得",
                "不清楚",
                "不了解",
                "没在",
                "不在",
                "不懂",
                "没有",
                "哪知道",
                "哪懂",
                "哪晓得",
            ]);
            let says = l.has(&["在现场", "我知道", "我了解", "清楚", "知道", "我盯着", "跟我说", "问我", "我开的"]);
            !no && (says || asked_knowing && l.has(&["嗯", "对", "是", "在", "了解", "看着", "跟着"]))
        };
        if let Some(l) = replies[1..].iter().find(knows) {
            return (Respondent::OtherInformed, Some(l.turn));
        }
    }
    // 您是…吗，…可以吗 in one breath: agreeing answers both.
    let both =
        consent_asked(lines).is_some_and(|l| l.turn == asked.turn) && consent_of(&first.text) == Some(Consent::Given);
    let own = own.or((both || names_himself(asked, first)).then_some(Respondent::Confirmed));
    (own.unwrap_or(Respondent::Unconfirmed), own.map(|_| first.turn))
}

/// 是余海吗 — 我余海: the name that was asked for, as his own.
fn names_himself(asked: &Line, reply: &Line) -> bool {
    let own = ["我就是", "我是", "我叫", "我系", "俺是", "俺叫", "我", "俺"];
    clauses(&reply.text).any(|clause| {
        let name = own.iter().find_map(|lead| clause.strip_prefix(lead));
        let first: String = name.unwrap_or_default().chars().take(2).collect();
        first.chars().count() == 2 && asked.text.contains(&first)
    })
}

/// Thanks, wishes and good-bye, of which one alone is none.
static CLOSES: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "祝您|祝你|祝全家|祝咱|愿您|祝顺利|祝好|祝生意|祝工作",
        "下次再聊|下次再见|再会…谢|感谢|祝|支持",
        "感谢|谢谢|多谢…再会|下次再|老板|支持",
        "感谢|谢谢|打扰|随时拨打|日常保养|不耽误…再见|拜拜",
        "再见|拜拜…感谢|谢谢",
        "感谢|谢谢|多谢…您对|支持|配合|您的时间|宝贵时间|接听|参与|关注",
        "先到这|就到这|到这儿|问完了|就这些…谢|感谢|辛苦|祝|再见",
        "感谢|谢谢|多谢…抽出|抽空|百忙|时间|宝贵|您忙",
        "不占用|不多占|不耽搁|不影响…您|时间|了",
        "辛苦您|拜个早年|拜年|新年好|平安|顺顺当当|保重|多保重…再见|祝|谢|了",
        "回访…到这里|结束|就到这…谢|感谢|打扰|祝|再见",
        "不打扰|不耽误…您忙|再见|祝|了",
    ])
});

/// C26: thanks and good-bye at the end.
pub(super) fn closing(lines: &[Line]) -> Option<&Line> {
    let from = lines.len().saturating_sub(8);
    lines[from..].iter().find(|l| {
        let byes = || {
            l.has(&["再见", "拜拜", "再会"])
                && l.has(&["感谢", "谢谢", "随时", "日常保养", "打扰", "拨打", "祝", "愿", "麻烦您", "辛苦"])
        };
        let whom_to_call = || l.has(&["四零零", "400"]) && l.has(&["再见", "拜拜", "再会", "平安", "保重"]);
        l.agent() && l.does(Act::Closing, || byes() || whom_to_call() || CLOSES.said_in(&l.text))
    })
}

/// The hotline as said at last: the line and whether its digits are right; `None` when no number was said with it.
pub(super) fn hotline(lines: &[Line]) -> Option<(&Line, bool)> {
    lines.iter().filter(|l| l.agent()).rev().find_map(|l| {
        let text = l.text.replace("四百", "四零零");
        let said: Vec<String> = number::digit_runs(&text).into_iter().filter(|run| run.contains("400")).collect();
        let said = said.iter().rev().find_map(|run| Some(&run[run.find("400")?..]).filter(|n| n.len() >= 7))?;
        // 四零零六五八九八八八 一定给您答复: a word that begins with a digit stands apart, and is none of it.
        let apart = said.strip_prefix(HOTLINE).is_some_and(|more| {
            let ends = text.match_indices(|c: char| !c.is_alphanumeric()).map(|(at, _)| &text[..at]);
            !more.is_empty() && ends.map(number::digits_of).any(|digits| digits.ends_with(HOTLINE))
        });
        Some((l, said == HOTLINE || apart))
    })
}

/// Words before the answer count as a question about facts (C07: none before consent).
pub(super) fn is_question(line: &Line) -> bool {
    line.agent()
        && (!line.rates.is_empty()
            || line.asks.iter().any(|a| !matches!(a, About::Callback | About::Result)) && !asks_consent(line))
}

/// A deadline in a promise: 今天下午五点前, 两个小时内, 三天之内.
pub(super) fn time_named(text: &str) -> Option<String> {
    let clocked = time::find_all(text).into_iter().find(|t| !t.text.is_empty()).map(|t| t.text);
    let within = [
        "小时内",
        "小时之内",
        "小时后",
        "小时以后",
        "小时之后",
        "天内",
        "天之内",
        "周内",
        "周之内",
        "星期内",
        "礼拜内",
        "月内",
        "天后",
        "天以后",
        "分钟内",
        "分钟之内",
        "分钟后",
        "分钟以后",
        "个工作日",
    ]
    .iter()
    .find_map(|unit| {
        let at = text.find(unit)?;
        let head: Vec<char> = text[..at].chars().collect();
        let from = head
            .iter()
            .rposition(|c| !number::is_number_char(*c) && !matches!(c, '个' | '半' | '这' | '本'))
            .map_or(0, |p| p + 1);
        let count: String = head[from..].iter().collect();
        (!count.is_empty()).then(|| format!("{count}{unit}"))
    });
    let end_of_day = [
        "今天下班之前",
        "今天下班前",
        "下班之前",
        "下班前",
        "今天之内",
        "今天内",
        "今天晚上之前",
        "月底之前",
        "月底前",
        "这两天",
        "这几天",
    ];
    within.or_else(|| end_of_day.iter().find(|w| text.contains(**w)).map(|w| (*w).to_string())).or(clocked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(who: Channel, turn: usize, text: &str) -> Line {
        Line::new(who, text, turn as f64, turn as f64 + 0.9, turn)
    }

    #[test]
    fn c04_a_name_is_asked_for_in_a_clause_of_its_own() {
        let asks = |text: &str| identity_asked(&[line(Channel::Agent, 0, text)]).is_some();
        assert!(asks("您好 请问是苗长海先生吗 您投诉漏雨的事我给您说下处理结果"));
        assert!(asks("您好 請問是黃美玲小姐嗎"));
        assert!(asks("请问是人民医院后勤科的覃科长吗"));
        assert!(asks("请问是巴特尔吗"));
        assert!(asks("是不是开泵车的老徐"));
        assert!(!asks("请问是昨天修好的吗"));
        assert!(!asks("您投诉的事现在满意吗"));
    }

    #[test]
    fn c08_who_answers_is_told_by_his_own_name_or_his_kin() {
        let check = |asked: &str, reply: &str, want: Respondent| {
            let lines = [line(Channel::Agent, 0, asked), line(Channel::Customer, 1, reply)];
            assert_eq!(respondent(&lines).0, want, "{asked} — {reply}");
        };
        check("请问是陈锦华老板吗", "系 咩事", Respondent::Confirmed);
        check("请问是刘伯年刘老板吗", "哎 我是刘伯年 妹子你好", Respondent::Confirmed);
        check("请问是余海师傅吗", "我余海", Respondent::Confirmed);
        check("请问是覃科长吗", "我是他徒弟 从头到尾是我跟的", Respondent::OtherInformed);
        check("请问是李师傅吗", "李师傅调走了", Respondent::NotPresent);
    }

    #[test]
    fn c26_the_hotline_ends_where_its_words_pause() {
        let check = |text: &str, want: Option<bool>| {
            assert_eq!(hotline(&[line(Channel::Agent, 0, text)]).map(|h| h.1), want, "{text}");
        };
        check("随时打四零零六五八九八八八 一定给您满意答复", Some(true));
        check("拨打四百 六五八 九八八八", Some(true));
        check("打四零零 六五八 九八八八 八", Some(true));
        check("打四零零六五八九八八八八", Some(false));
        check("打四零零六八五九八八八", Some(false));
    }

    #[test]
    fn c07_who_told_the_agent_that_it_does_not_suit_him_has_not_told_him_to_go_on() {
        let said = ["不行 我开着车呢", "跟你说了不方便"].map(is_refusal);
        assert_eq!(said, [true, true]);
        assert!(!is_refusal("我开车呢 你说吧"));
        assert!(!is_refusal("正常着呢"));
    }

    #[test]
    fn f11_a_promise_names_its_week_or_its_hour() {
        assert_eq!(time_named("这周内给您回复").as_deref(), Some("这周内"));
        assert_eq!(time_named("两天之内回电").as_deref(), Some("两天之内"));
        assert_eq!(time_named("尽快给您回复"), None);
    }
}
