//! What a customer's live words mean for the course of the call: tables of everyday phrases and small functions.
//!
//! The words come from a streaming recogniser over a telephone line, so the tables also hold what it was seen to make of them
//! (卧室 for 我是). Matching is deliberately narrow: outside the opening only an unmistakable refusal ends a call, because a wrong
//! "no" loses a visit while a wrong "something was said" only asks the next question.
//!
//! Not here: levels of satisfaction (the rubric) and facts such as hours (the transcript of record).

use crate::domain::phrases::phrases;
use pinyin::ToPinyin;

/// The kind of question that was asked: the same words mean different things to different questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Identity,
    KnowsService,
    WhoKnows,
    Consent,
    Intro,
    /// A remark after a statement, or after "can you hear me".
    Remark,
    Fact,
    Rating,
    /// Needs and suggestions.
    Needs,
    /// When to call again.
    Time,
    /// Nothing: words spoken over a notice.
    Overheard,
}

impl Asked {
    fn opening(self) -> bool {
        matches!(self, Self::Identity | Self::KnowsService | Self::Consent)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// No usable words.
    Nothing,
    SayAgain,
    HoldOn,
    WrongNumber,
    /// C09; `opt_out` when he forbids further calls.
    Refusal {
        opt_out: bool,
    },
    /// A07; the words that name a time, when they do.
    NotNow {
        time: Option<String>,
    },
    /// C08.
    NotInformed,
    /// Somebody else answered.
    NotMe,
    /// C24.
    TechQuestion,
    Yes,
    No,
    /// Words that answer the question in their own way.
    Words,
}

impl Reply {
    /// The journal's word for it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::SayAgain => "say_again",
            Self::HoldOn => "hold_on",
            Self::WrongNumber => "wrong_number",
            Self::Refusal { opt_out: false } => "refusal",
            Self::Refusal { opt_out: true } => "refusal_opt_out",
            Self::NotNow { .. } => "not_now",
            Self::NotInformed => "not_informed",
            Self::NotMe => "somebody_else",
            Self::TechQuestion => "tech_question",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Words => "answer",
        }
    }
}

phrases! {
    SAY_AGAIN = [
        "^[啊嗯哦喂诶哎呃]*[你您]?(?:刚才|刚刚)?[说讲问](?:的是?)?(?:什么|啥)(?:来着|呀|啊)?$",
        "^[啊嗯哦喂诶哎呃]*(?:什么|啥)(?:什么|啥)?[呀啊]?$",
        "^什么什么",
        "没(?:有|太)?听(?:清|见|到)",
        "听不(?:太)?(?:清|见|到)",
        "(?:再|重新?)(?:说|讲|问|来)一?[遍次]",
        "^[你您]?再[说讲]一?下",
        "声音(?:太小|大一?点)",
    ];
    HOLD_ON = [
        "^[嗯啊哎诶喂你您先请那好的行]{0,4}(?:稍?等一?下|等一等|等等|稍等|等会儿?|等我一?下|别挂)(?:[啊呀哈吧]|我.{0,5})?$",
    ];
    WRONG_NUMBER = [
        "打错", "打破了", "错号", "号码(?:不对|错)", "我不姓", "找错", "没有?这个?人", "不是(?:他|她|这个人)的?(?:电话|手机|号码)",
        "没有?(?:挖掘机|挖机)", "不认识[他她这]",
    ];
    WRONG_NUMBER_SURE = ["打错(?:电话)?了", "我不姓"];
    /// Anywhere in the call.
    REFUSAL_SURE = [
        "(?:别|不要|不许)再?(?:给我)?(?:打(?:电话|了|来|扰)|来电|烦我)",
        "不(?:想|愿意?|接受|做|需要|用|要)(?:再|做|接受|参加|什么|任何|这个|你们的?){0,3}(?:回访|调查|采访)",
        "不(?:想|愿意?)再?(?:回答|跟你说|说了|聊)",
        "(?:别|不要)再?问了",
        "骚扰",
        "拉黑",
    ];
    OPT_OUT = ["(?:别|不要|不许)再?(?:给我)?(?:打|来电|烦)", "骚扰", "拉黑"];
    /// To "may I": a plain no.
    REFUSAL_OPENING = [
        "不用(?:了|$|回访|谢)", "不需要", "不要(?:了|$)", "^不了", "不行", "不可以", "不想", "不愿意", "没兴趣", "没必要", "免了",
        "^算了", "不接受", "不做", "拒绝", "挂了", "^不$", "^不要", "不同意",
    ];
    NOT_NOW_OPENING = [
        "不方便", "没空", "没时间", "没工夫", "(?:在|正|很|太)忙", "忙着", "忙呢", "开车", "开会", "正?在(?:操作|干活|施工|上班|吃饭|外面)",
        "晚[点些]", "晚一点", "回头再", "改天", "过一?会儿?再?打", "等会儿?再?打", "一会儿?再?打", "下次", "以后再[说打]", "[明后]天再",
        "[上下]午再", "待会", "先挂",
    ];
    NOT_NOW_SURE = [
        "我(?:现在|这会儿?|这边|这儿)?(?:正?在?忙|没空|没时间|不方便|在?开车|在?开会)",
        "不方便[接说讲听]",
        "(?:回头|晚点|待会儿?|过会儿?)再[说打聊]",
        "先挂了",
    ];
    TIME = [
        "[今明后]天", "[上下中]午", "晚上", "早上", "星期", "礼拜", "周[一二三四五六日天末]", "[零一二三四五六七八九十两0-9]+点",
        "[一二三四五六七八九十两半0-9]+个?(?:半)?(?:小时|钟头|分钟|天)", "月底", "改天", "晚[点些]", "一会儿?",
    ];
    CALL_AGAIN = ["再", "以后", "之后", "以前", "之前", "打给", "打过来", "打电话", "联系"];
    NOT_INFORMED = [
        "不是我(?:经手|弄|管|负责|联系|叫|办|报)", "(?:不在|没在|没去)现?场", "(?:这个?事|这件事|这事儿?|具体|情况).{0,4}(?:不知道|不清楚|不了解|不晓得)",
        "(?:不知道|不清楚|不了解|不晓得)(?:这个?事|这件事|这事|情况|怎么回事)",
    ];
    NOT_KNOWING = ["不(?:太|大|是很)?(?:知道|清楚|了解|晓得)", "没(?:在|参与|参加)", "^不", "没有?$"];
    KNOWING = ["了解", "知道", "清楚", "在场", "在现场", "^[嗯对是有]", "全程", "可以"];
    SOMEBODY_ELSE = [
        "不是(?:我|他|她|本人|$|啊|的)", "^不是", "^不对", "[他她](?:不在|出去|没在|人不)", "我是[他她].{0,2}(?:媳妇|老婆|爱人|对象|儿子|女儿|闺女|司机|同事|哥|弟|姐|妹|爸|妈|家)",
        "(?:老公|老板|我爸|我哥)的", "我?帮[他她]接",
    ];
    IS_ME = ["我就?是", "是我", "^[嗯对是哎啊]", "是的?[啊呀]?$", "没错", "本人", "[你您]说", "什么事", "怎么了", "请讲"];
    CONSENT = [
        "可以", "(?:^|[^不])行", "(?:^|[^你您不])好(?:$|[^意])", "没问题", "[你您][快就尽]?[说问讲]", "[说问讲]吧", "请[说问讲]", "快[点说问]", "赶紧",
        "^[嗯对中成]", "来得正好", "正[想要]找", "没事", "不耽误", "愿意", "同意", "有时间", "方便",
    ];
    ANGRY = [
        "算账", "没人管", "骗[人子]", "忽悠", "退机", "换机", "退车", "退货", "起诉", "告你们", "曝光", "太差", "特别差", "投诉", "气死", "什么破",
        "垃圾", "退钱", "赔钱", "恶劣",
    ];
    ASKS = ["(?:问|请教|咨询)(?:一下|一句|下|个|你|您)"];
    INTERROGATIVE = [
        "多长时间", "多久", "怎么", "为什么", "为啥", "哪[个种里儿]", "什么(?:油|牌子|型号|原因|问题|时候)", "要不要", "用不用", "能不能", "是不是", "吗$", "几[个次天]",
    ];
    TECHNICAL = ["多长时间.{0,3}[换加保修]", "多久.{0,3}[换加保修]", "怎么(?:办|弄|换|调|修|回事|保养)", "为什么.{1,}", "[用加换]什么油"];
    NOTHING_CHARGED = ["没(?:有)?(?:收|要|花|交)", "免费", "保修期?内", "保修的", "不要钱", "不收"];
    FILLER = [
        "^(?:嗯|啊|呃|额|哦|唉|哎|诶|那个|这个|那|这|就|呢|的|吗|吧|嘛|你|人了|我想想|想一?想|让我想想|想一?下|怎么说呢?|咋说呢?)*$",
    ];
    TOPIC = [
        "^.{1,3}[嘛吗]$",
        "^[嗯啊呃那这就]*(?:这个|那个|服务)?(?:外观|配件|零件|性能|资料|工具|态度|技术|技能|服务|及时性|及时|价格|质量|总的来说|总的|总体|总体来说|整体|整体来说|综合|综合来说|时间|收费|机器)(?:嘛|吗|么|呢|吧|来说|来讲|方面|这块|这个|的话)*$",
    ];
    CONJUNCTION = [
        "(?:但是|但|不过|就是|又是|还有|然后|因为|而且|可是|只是|另外|所以|或者|如果|要不是|就是说|比如说?|除了|可|还|就|和|跟)$",
    ];
    NUMBER_HALF_SAID = ["[零一二三四五六七八九十百千万两几0-9]$"];
    SHORT_AND_COMPLETE = [
        "^(?:有|没|没有|好|行|对|是|不|满意|一般|不好|不行|还行|还好|挺好|很好|不错|正常|没事|再见|退机|推进|会|能|要|不要|不用|知道|明白|懂|齐全|完好|合理|可以|同意|免费|喂|课业|卧室)$",
        "^.[了的过]$",
        "^.{0,3}我就是$",
    ];
}

/// Observed mishearings of the words that decide the opening, replaced before the tables are asked.
const MISHEARD: [(&str, &str); 5] =
    [("卧室", "我是"), ("课业", "可以"), ("打破了", "打错了"), ("操作集体", "操作机器"), ("如果是", "我是")];

/// Short answers that are also accepted by their sound (toneless pinyin of the whole utterance).
const BY_SOUND: [(&str, &[Asked]); 8] = [
    ("我是", &[Asked::Identity, Asked::KnowsService]),
    ("是我", &[Asked::Identity]),
    ("是的", &[Asked::Identity, Asked::KnowsService, Asked::Consent]),
    ("对对对", &[Asked::Identity, Asked::KnowsService, Asked::Consent]),
    ("我就是", &[Asked::Identity]),
    ("可以", &[Asked::Consent, Asked::KnowsService]),
    ("好的", &[Asked::Consent]),
    ("行行行", &[Asked::Consent]),
];

/// What the words mean as an answer to this kind of question.
pub fn understand(asked: Asked, text: &str) -> Reply {
    let text = clean(text);
    let text = if asked.opening() { mend(&text) } else { text };
    if text.is_empty() {
        return Reply::Nothing;
    }
    if let Some(reply) = anywhere(asked, &text) {
        return reply;
    }
    match asked {
        Asked::Identity => identity(&text),
        Asked::KnowsService => knows_service(&text),
        Asked::Consent => consent(&text),
        Asked::Intro if NOT_INFORMED.is_match(&text) => Reply::NotInformed,
        Asked::Needs if TECHNICAL.is_match(&text) => Reply::TechQuestion,
        Asked::Intro | Asked::Needs | Asked::Fact | Asked::Rating | Asked::WhoKnows | Asked::Time => words(&text),
        Asked::Remark | Asked::Overheard => Reply::Words,
    }
}

/// What means the same whatever was asked.
fn anywhere(asked: Asked, text: &str) -> Option<Reply> {
    let short = text.chars().count() <= 14;
    let opening = asked.opening() || asked == Asked::Intro;
    if WRONG_NUMBER_SURE.is_match(text) && (opening || asked == Asked::Overheard) {
        return Some(Reply::WrongNumber);
    }
    if REFUSAL_SURE.is_match(text) {
        return Some(Reply::Refusal { opt_out: OPT_OUT.is_match(text) });
    }
    if asked == Asked::Overheard {
        return None;
    }
    if short && SAY_AGAIN.is_match(text) {
        return Some(Reply::SayAgain);
    }
    if short && HOLD_ON.is_match(text) {
        return Some(Reply::HoldOn);
    }
    if opening && WRONG_NUMBER.is_match(text) {
        return Some(Reply::WrongNumber);
    }
    if asked != Asked::Time && NOT_NOW_SURE.is_match(text) {
        return Some(Reply::NotNow { time: time_to_call(text) });
    }
    let may_ask = matches!(asked, Asked::Fact | Asked::Rating | Asked::Needs);
    (may_ask && ASKS.is_match(text) && INTERROGATIVE.is_match(text)).then_some(Reply::TechQuestion)
}

fn identity(text: &str) -> Reply {
    if NOT_INFORMED.is_match(text) {
        Reply::NotInformed
    } else if SOMEBODY_ELSE.is_match(text) {
        Reply::NotMe
    } else if IS_ME.is_match(text) || sounds_like_yes(Asked::Identity, text) {
        Reply::Yes
    } else if NOT_NOW_OPENING.is_match(text) {
        Reply::NotNow { time: time_to_call(text) }
    } else if REFUSAL_OPENING.is_match(text) {
        Reply::Refusal { opt_out: false }
    } else {
        words(text)
    }
}

fn knows_service(text: &str) -> Reply {
    if NOT_INFORMED.is_match(text) || NOT_KNOWING.is_match(text) {
        Reply::No
    } else if KNOWING.is_match(text) || sounds_like_yes(Asked::KnowsService, text) {
        Reply::Yes
    } else {
        words(text)
    }
}

fn consent(text: &str) -> Reply {
    if NOT_INFORMED.is_match(text) {
        Reply::NotInformed
    } else if NOT_NOW_OPENING.is_match(text) && !text.contains("快点") {
        Reply::NotNow { time: time_to_call(text) }
    } else if REFUSAL_OPENING.is_match(text) {
        Reply::Refusal { opt_out: false }
    } else if CONSENT.is_match(text) || sounds_like_yes(Asked::Consent, text) {
        Reply::Yes
    } else {
        words(text)
    }
}

fn words(text: &str) -> Reply {
    if FILLER.is_match(text) { Reply::Nothing } else { Reply::Words }
}

/// He asks us to call at a time: the words as they are.
fn time_to_call(text: &str) -> Option<String> {
    (TIME.is_match(text) && CALL_AGAIN.is_match(text)).then(|| text.to_string())
}

/// D18: he says that nothing was charged.
pub fn nothing_charged(text: &str) -> bool {
    NOTHING_CHARGED.is_match(&clean(text))
}

/// C23, F17: words of anger, which are met with an apology once.
pub fn angry(text: &str) -> bool {
    ANGRY.is_match(&clean(text))
}

/// How finished a turn sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// No words, a filler, or only the topic (外观嘛).
    NotBegun,
    /// C19: ends in 但是, 不过, 就是, 还有.
    GoesOn,
    /// A number without its unit.
    HalfANumber,
    /// One or two syllables that are no known answer.
    Scrap,
    /// One or two syllables that are.
    ShortAnswer,
    Sentence,
}

pub fn completeness(text: &str) -> Completeness {
    let text = clean(text);
    if FILLER.is_match(&text) || TOPIC.is_match(&text) {
        Completeness::NotBegun
    } else if SHORT_AND_COMPLETE.is_match(&text) {
        Completeness::ShortAnswer
    } else if CONJUNCTION.is_match(&text) {
        Completeness::GoesOn
    } else if NUMBER_HALF_SAID.is_match(&text) {
        Completeness::HalfANumber
    } else if text.chars().count() <= 2 {
        Completeness::Scrap
    } else {
        Completeness::Sentence
    }
}

/// Words without punctuation and blanks.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn mend(text: &str) -> String {
    MISHEARD.iter().fold(text.to_string(), |t, (heard, meant)| t.replace(heard, meant))
}

fn sounds_like_yes(asked: Asked, text: &str) -> bool {
    let sound = sound(text);
    BY_SOUND.iter().any(|(word, contexts)| contexts.contains(&asked) && self::sound(word) == sound)
}

/// Toneless pinyin, one syllable a word; what is not a Chinese character stands for itself.
fn sound(text: &str) -> Vec<String> {
    text.chars().map(|c| c.to_pinyin().map_or_else(|| c.to_string(), |p| p.plain().to_string())).collect()
}

#[cfg(test)]
mod tests;
