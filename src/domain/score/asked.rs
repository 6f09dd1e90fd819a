//! Which indicators an agent's sentence asks to be evaluated.
//!
//! Contract: pure; the clause that asks counts, not what stands around it. What the answer to it may open is [`super::question`].

use super::Indicator;
use super::heard;
use super::lexicon::{Role, Token, Topic};
use super::normal::{Normal, PAUSE};
use super::question::{DELIVERS, QUALITIES, QUICK};
use super::rubric::Rubric;
use crate::domain::ways::any_of;

/// 他对配件懂不懂行，业务技能您看呢: characters of a clause that asks alone.
const CLAUSE_MAX: usize = 12;

/// 您对这次服务技能，态度，…: characters of a clause that only lists.
const LISTED_MAX: usize = 8;

/// 首先是工程师的技能: characters of a clause that announces and asks.
const ANNOUNCED_MAX: usize = 12;

/// 那店里人员的服务态度: characters of a question that only names.
const TOPIC_LAST_MAX: usize = 16;

/// Characters of a question that is nothing but its topic.
const BARE_MAX: usize = 6;
/// Characters of a question without a verb.
const ELLIPTIC_MAX: usize = 16;

/// Words that ask for an evaluation in so many words.
const EVALUATES: [&str; 7] = ["满意", "评价", "打分", "打几分", "怎么样", "如何", "觉得"];

/// 耽误两分钟可以吗, 后天下午给您打您看行不行: leave is asked for.
const ASKS_LEAVE: [&str; 10] =
    ["耽误", "耽搁", "打扰", "占用", "分钟", "方便不", "方便吗", "给您打", "您看行", "您看可以"];

/// Asks for a reason, or how the machine does.
const ASKS_ELSE: [&str; 29] = [
    "没弄好",
    "没弄利索",
    "没修好",
    "没处理",
    "没解决",
    "遗留",
    "原因",
    "具体",
    "哪方面",
    "哪样",
    "哪里不",
    "哪儿不",
    "为什么",
    "使用情况",
    "运行",
    "怎么样了",
    "咋样了",
    "漏",
    "还响",
    "异响",
    "冒烟",
    "熄火",
    "有没有人",
    "主动",
    "慢在",
    "差在",
    "贵在",
    "不好在",
    "哪个环节",
];

/// A question as it is read: without its tag, its alternatives and what it promises.
struct Sentence {
    normal: Normal,
    tokens: Vec<Token>,
    /// Its words, and those it had with 快不快 for 快.
    flat: String,
    whole: String,
    /// 对吧 behind a pause was taken off.
    tagged: bool,
    /// 快不快: a quality with its opposite.
    alternative: bool,
}

impl Sentence {
    fn has(&self, words: &[&str]) -> bool {
        any_of(&self.flat, words) || any_of(&self.whole, words)
    }

    /// The words behind its last pause, where it has one.
    fn last(&self) -> &str {
        self.flat.rsplit(PAUSE).next().unwrap_or_default()
    }

    fn has_several_clauses(&self) -> bool {
        self.last().len() < self.flat.len()
    }

    /// 配件供应呢, 配件供应这一项, 态度: asks by naming.
    fn is_elliptic(&self) -> bool {
        let length = self.flat.chars().count();
        let ends = ["呢", "方面", "这一项", "这一块", "这块", "这项", "上面", "我们的服务", "我们服务"];
        let open = length <= BARE_MAX || ends.iter().any(|w| self.flat.ends_with(w));
        // 换了什么件呢 asks for a fact, 换件的供应上呢 does not.
        let fact = self.flat.contains('换') && !self.flat.contains("供应")
            || self.has(&["什么", "啥", "哪", "缺", "多少", "几个", "几样", "几件", "几点", "买"]);
        length <= ELLIPTIC_MAX && open && !fact
    }

    /// 首先是工程师的技能, 我是问师傅的技术.
    fn announces(&self) -> bool {
        let leads = ["首先", "先说", "第一", "接下来", "最后", "其次"];
        let leads = leads.iter().any(|w| self.last().starts_with(w) || self.flat.starts_with(w));
        leads && self.last().chars().count() <= ANNOUNCED_MAX || self.has(&["我是问", "我问的是", "问的是", "想问的是"])
    }

    /// Leave is asked for, or the reason by 还是: 是没有货还是路上耽搁了呢.
    fn evaluates_nothing(&self) -> bool {
        let asks_on = self.flat.contains("还是") && self.last().starts_with('是');
        (self.has(&ASKS_LEAVE) || asks_on) && !self.has(&EVALUATES)
    }
}

impl Rubric {
    fn sentence(&self, normal: Normal) -> Sentence {
        let (asked, tagged) = without_bare_tag(normal);
        // 您对工程师的服务太度满意吗: an agent is misheard too.
        let asked = heard::corrected(&self.misheard, &self.lexicon, &asked, None);
        let normal = without_alternative(&asked);
        Sentence {
            tokens: self.lexicon.tokens(&normal),
            flat: unpromised(&normal.text()),
            whole: unpromised(&asked.text()),
            tagged,
            alternative: asked.chars.len() > normal.chars.len(),
            normal,
        }
    }

    /// The indicators that an agent's sentence asks to be evaluated, in their order; empty when it asks for something else.
    pub(super) fn indicators_asked(&self, text: &str) -> Vec<Indicator> {
        let normal = Normal::new(text);
        let said = self.sentence(normal.clone());
        let ruled = self.asked_by_rule(&said);
        let untouched = said.normal.chars == normal.chars;
        let tokens = if untouched { said.tokens } else { self.lexicon.tokens(&normal) };
        self.weigh_question(&normal, &tokens, ruled)
    }

    pub(super) fn indicators_by_rule(&self, text: &str) -> Vec<Indicator> {
        self.asked_by_rule(&self.sentence(Normal::new(text)))
    }

    fn asked_by_rule(&self, said: &Sentence) -> Vec<Indicator> {
        // 抛开配件不说 总的您满意吗: what is set aside is not asked for.
        if said.has_several_clauses() && said.has(&["除了", "抛开", "撇开", "先不说", "不说"]) {
            return self.indicators_by_rule(said.last());
        }
        if said.evaluates_nothing() {
            return Vec::new();
        }
        if let Some(own) = self.asked_in_a_clause(&said.flat).or_else(|| self.asked_at_last(said)) {
            return own;
        }
        if self.asks_elsewhere(said) {
            return Vec::new();
        }
        self.asked_by_all(said)
    }

    /// The price, the reason, how it runs, what came with it.
    fn asks_elsewhere(&self, said: &Sentence) -> bool {
        let topic = |t: &Token| match self.lexicon.role(t) {
            Role::Topic { topic, strong } => Some((*topic, *strong)),
            _ => None,
        };
        let priced = said.tokens.iter().any(|t| matches!(topic(t), Some((Topic::Price, _))));
        let named = said.tokens.iter().any(|t| matches!(topic(t), Some((Topic::Of(_), true))));
        // 工具资料齐全吗: 齐全 is no word about parts there.
        let papers = !named && said.has(&["工具", "资料", "外观", "手续", "证件", "随车"]);
        priced || papers || said.has(&ASKS_ELSE)
    }

    /// The sentence as a whole: what it names, if it asks; else what its verb is about.
    fn asked_by_all(&self, said: &Sentence) -> Vec<Indicator> {
        let q = &self.data.questions;
        let rates = q.number.iter().any(|w| said.whole.contains(w.as_str()))
            || q.rating.iter().any(|w| said.flat.contains(w.as_str()) || said.whole.contains(w.as_str()));
        let by_quality = self.asks_by_quality(&said.tokens, &said.normal, said.alternative);
        let elliptic = said.is_elliptic();
        let asks = rates
            || elliptic
            || by_quality
            || said.tagged
            || said.announces()
            || self.ends_in_topic(said)
            || self.records(&said.flat);
        let named = self.all_named(&said.tokens, &said.normal);
        if !named.is_empty() && asks {
            // 配件供应总的满意吗: the whole of the parts, not of the service.
            let several = named.iter().any(|i| *i != Indicator::Overall);
            let counts = |i: &Indicator| named.contains(i) && !(several && *i == Indicator::Overall);
            return Indicator::ALL.into_iter().filter(counts).collect();
        }
        let speed = elliptic && said.has(&["速度", "时间上", "效率"]);
        if rates || by_quality || speed {
            self.unnamed(&said.tokens, &format!("{}{PAUSE}{}", said.flat, said.whole))
        } else {
            Vec::new()
        }
    }

    /// 嗯 技术好 那态度您怎么看: what he echoes first is not asked for. 您对这次服务技能，态度，及时性都满意吗: what he only lists is.
    fn asked_at_last(&self, said: &Sentence) -> Option<Vec<Indicator>> {
        if !said.has_several_clauses() {
            return None;
        }
        let last = said.last();
        let names = ["态度", "技能", "技术", "及时性", "供应", "综合"].iter().any(|w| last.ends_with(w));
        let asks = last.ends_with('呢') || (names || asks_openly(last)) && self.names_strongly(last);
        if !asks {
            return None;
        }
        let mut own = Some(self.indicators_by_rule(last)).filter(|own| !own.is_empty())?;
        let listed = said.flat[..said.flat.len() - last.len()].rsplit(PAUSE).skip(1);
        let topics = listed.take_while(|c| c.chars().count() <= LISTED_MAX && !asks_openly(c));
        own.extend(topics.flat_map(|c| self.only_names(c)));
        Some(Indicator::ALL.into_iter().filter(|i| own.contains(i)).collect())
    }

    /// The indicators of a clause that names and does not rate.
    fn only_names(&self, clause: &str) -> Vec<Indicator> {
        let tokens = self.lexicon.tokens(&Normal::new(clause));
        let rates = tokens.iter().any(|t| matches!(self.lexicon.role(t), Role::Rating(_)));
        let goods = any_of(clause, &["卖", "送", "管"]);
        if rates || goods { Vec::new() } else { tokens.iter().filter_map(|t| self.named(t)).collect() }
    }

    fn names_strongly(&self, clause: &str) -> bool {
        let normal = Normal::new(clause);
        let topic = |t: &Token| matches!(self.lexicon.role(t), Role::Topic { topic: Topic::Of(_), strong: true });
        self.lexicon.tokens(&normal).iter().any(topic)
    }

    /// 那店里人员的服务态度: the topic is the last word, and nothing is said of it.
    fn ends_in_topic(&self, said: &Sentence) -> bool {
        let length = said.normal.chars.len();
        let last = said.tokens.last().filter(|t| t.end == length && length <= TOPIC_LAST_MAX);
        last.is_some_and(|t| matches!(self.lexicon.role(t), Role::Topic { topic: Topic::Of(_), strong: true }))
    }

    /// Among several clauses, the first short one that is a topic and 呢.
    fn asked_in_a_clause(&self, flat: &str) -> Option<Vec<Indicator>> {
        let clauses = || flat.split(PAUSE).filter(|c| !c.is_empty());
        if clauses().count() < 2 {
            return None;
        }
        let short = |c: &&str| c.ends_with('呢') && c.chars().count() <= CLAUSE_MAX;
        clauses().filter(short).map(|c| self.indicators_by_rule(c)).find(|own| !own.is_empty())
    }

    /// Every indicator that the question names. 卖配件的小李, 对配件熟不熟: parts only say whose attitude or skill is meant; 发货的速度,
    /// 送货及时吗 ask how quick they were.
    fn all_named(&self, tokens: &[Token], normal: &Normal) -> Vec<Indicator> {
        let text = |from: usize, to: usize| normal.chars[from.min(to)..to].iter().collect::<String>();
        let clause_of = |t: &Token| {
            let from = normal.chars[..t.start].iter().rposition(|c| *c == PAUSE).map_or(0, |p| p + 1);
            let to = normal.chars[t.end..].iter().position(|c| *c == PAUSE).map_or(normal.chars.len(), |p| t.end + p);
            text(from, to)
        };
        let mut all: Vec<(Indicator, bool)> = Vec::new();
        for t in tokens {
            let Some(indicator) = self.named(t) else { continue };
            let word = self.lexicon.word(t);
            let before = text(t.start.saturating_sub(1), t.start);
            let aside =
                indicator == Indicator::Parts && ["卖", "送", "对", "懂", "管", "发"].contains(&before.as_str());
            let carried = any_of(word, &DELIVERS);
            let quick = any_of(&clause_of(t), &QUICK);
            let of = if indicator == Indicator::Parts && carried && quick { Indicator::Timeliness } else { indicator };
            all.push((of, aside));
        }
        let several = all.iter().any(|(_, aside)| !aside);
        all.into_iter().filter(|(_, aside)| !(several && *aside)).map(|(i, _)| i).collect()
    }

    /// 师傅态度挺好的吧, 配件供得上不, 配件够不够: the level word itself is what is asked.
    fn asks_by_quality(&self, tokens: &[Token], normal: &Normal, alternative: bool) -> bool {
        let from = normal.chars.iter().rposition(|c| *c == PAUSE).map_or(0, |p| p + 1);
        let last = &normal.chars[from..];
        let open = last.last().is_some_and(|c| "吗吧不没么".contains(*c));
        let rated = tokens.iter().any(|t| t.start >= from && matches!(self.lexicon.role(t), Role::Rating(_)));
        (open || alternative) && rated || alternative && last.iter().any(|c| QUALITIES.contains(*c))
    }

    /// 那及时性给您改成一般: what is written down is put to him once more.
    pub(super) fn records(&self, flat: &str) -> bool {
        any_of(flat, &["给您记", "给您改", "记成", "记为", "改成", "改为", "记个", "记一般", "记满意", "记不满意"])
    }

    /// A rating question without a strong topic: by a word such as 及时, by the whole, by 来得 or 修得.
    fn unnamed(&self, tokens: &[Token], flat: &str) -> Vec<Indicator> {
        let has = |words: &[&str]| any_of(flat, words);
        let by_word = tokens.iter().find_map(|t| match self.lexicon.role(t) {
            Role::Rating(r) => r.about.first().copied(),
            _ => None,
        });
        let product = tokens.iter().any(|t| matches!(self.lexicon.role(t), Role::Topic { topic: Topic::Product, .. }));
        let weak = [
            ("修得", Indicator::Skill),
            ("活干得", Indicator::Skill),
            ("干得", Indicator::Skill),
            ("弄得", Indicator::Skill),
            ("人怎么样", Indicator::Attitude),
            ("来得", Indicator::Timeliness),
            ("到得", Indicator::Timeliness),
            ("速度", Indicator::Timeliness),
            ("时间", Indicator::Timeliness),
        ];
        if let Some((_, i)) = weak.into_iter().find(|(w, _)| flat.contains(w)) {
            return vec![i];
        }
        if let Some(i) = by_word.filter(|i| !product || *i == Indicator::Timeliness && flat.contains("及时")) {
            return vec![i];
        }
        let announces = has(&["下面", "接下来", "想请您"]);
        let evaluates = has(&[
            "满意吗",
            "满意吧",
            "满意不",
            "满意么",
            "评价",
            "打分",
            "打几分",
            "认可",
            "满意的",
            "怎么样",
            "如何",
            "满意不",
            "满意没",
            "怎么看",
            "咋样",
            "几分",
            "多少分",
            "打个分",
            "满不满意",
        ]);
        let whole =
            has(&["服务", "这次", "这回", "售后", "处理结果", "维修", "保养", "修理", "我们", "师傅", "工程师"]);
        if whole && evaluates && !product && !announces && !flat.contains("满意度") {
            return vec![Indicator::Overall];
        }
        Vec::new()
    }

    /// The indicator that one word of a question names.
    fn named(&self, token: &Token) -> Option<Indicator> {
        match self.lexicon.role(token) {
            Role::Topic { topic: Topic::Of(i), strong: true } => Some(*i),
            Role::Rating(r) if r.about.len() == 1 => r.about.first().copied(),
            _ => None,
        }
    }
}

/// 快不快, 客气不客气, 热不热情, 有没有礼貌 with one side left: 快, 客气, 热情, 有礼貌.
fn without_alternative(normal: &Normal) -> Normal {
    let (mut chars, mut origin) = (Vec::new(), Vec::new());
    let all = &normal.chars;
    let mut at = 0;
    while at < all.len() {
        let one = all.get(at + 1) == Some(&'不') && all.get(at + 2) == Some(&all[at]);
        let two = all.get(at + 2) == Some(&'不') && all.get(at..at + 2) == all.get(at + 3..at + 5);
        let has = all.get(at..at + 3) == Some(&['有', '没', '有']);
        at += if two {
            3
        } else if (one && all[at] != '是') || has {
            2
        } else {
            0
        };
        chars.push(all[at]);
        origin.push(normal.origin[at]);
        at += 1;
    }
    Normal { chars, origin }
}

/// 技术是很专业的，对吧: the tag belongs to what stands before it.
fn without_bare_tag(mut normal: Normal) -> (Normal, bool) {
    let tags = ["对吧", "是吧", "对不对", "没错吧", "是不是", "对吗", "是吗", "可以的吧"];
    let last = normal.chars.iter().rposition(|c| *c == PAUSE);
    let tag: String = last.map(|p| normal.chars[p + 1..].iter().collect()).unwrap_or_default();
    let pause = last.filter(|_| tags.contains(&tag.as_str()));
    if let Some(at) = pause {
        normal.chars.remove(at);
        normal.origin.remove(at);
    }
    (normal, pause.is_some())
}

/// The clause itself puts a question.
fn asks_openly(clause: &str) -> bool {
    let asks = ["怎么", "如何", "评价", "满意", "打分", "几分", "打个分", "给您记", "怎样", "咋样", "还可以", "好不好"];
    clause.ends_with(['呢', '吗', '吧', '不', '没', '啊']) || any_of(clause, &asks)
}

/// 一定给您满意答复, 谢谢您的认可 ask for nothing: without what is promised or returned.
fn unpromised(text: &str) -> String {
    let promises = ["您的认可", "您的肯定", "满意答复", "满意的答复", "满意的结果", "让您满意", "包您满意", "满意为止"];
    let said = promises.iter().filter(|promise| any_of(text, &[promise]));
    said.fold(text.to_string(), |text, promise| text.replace(promise, ""))
}
