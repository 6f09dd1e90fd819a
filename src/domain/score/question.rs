//! What the question asked for: it decides whether an answer may open a score at all (conventions 2, 3, 13).

use super::lexicon::{Role, Token, Topic};
use super::normal::{Normal, PAUSE};
use super::rubric::Rubric;
use super::{Indicator, Level};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// An evaluation of one indicator.
    Rating,
    /// 您还有什么意见建议: opens a score of no indicator.
    Suggestion,
    /// Hours, parts, place, time, consent …: opens none.
    Fact,
}

#[derive(Clone, Debug)]
pub(super) struct Question {
    pub asked: Asked,
    pub indicator: Option<Indicator>,
    /// The level that the asker's own words propose (…满意的对吧).
    pub proposed: Option<Level>,
    /// The asker sought agreement: 对吧, 是吧, 给您记…
    pub leading: bool,
    /// 满意吗: yes is an answer.
    pub polar: bool,
    /// 有什么不满意的吗: no is an answer.
    pub negative_polar: bool,
    /// Numbers 1..5 count.
    pub number: bool,
    /// Asks for the reason of a low answer.
    pub probe: bool,
}

/// 您满意吗, 那满意不: longer questions say themselves what they ask for, characters.
const FOLLOW_UP_MAX: usize = 6;

impl Rubric {
    pub(super) fn question(&self, text: &str, indicator: Option<Indicator>) -> Question {
        let q = &self.data.questions;
        let normal = Normal::new(text);
        let flat = normal.text();
        let has = |list: &[String]| list.iter().any(|w| flat.contains(w.as_str()));
        let ends = |list: &[String]| list.iter().any(|w| flat.ends_with(w.as_str()));
        let suggestion = has(&q.suggestion) && indicator.is_none();
        let asked = match indicator {
            Some(_) => Asked::Rating,
            None if suggestion => Asked::Suggestion,
            None => Asked::Fact,
        };
        let leading = ends(&q.leading_tails) || has(&q.leading_marks) && !flat.ends_with('吗');
        let proposed = if asked == Asked::Rating { self.proposed(&normal) } else { None };
        Question {
            asked,
            indicator,
            proposed,
            leading: leading && proposed.is_some(),
            polar: flat.ends_with('吗') && proposed.is_some(),
            negative_polar: has(&q.negative_polar),
            number: has(&q.number),
            probe: has(&q.probe),
        }
    }

    /// C18: an agent's words that ask for the reason of a low answer.
    pub fn asks_for_reason(&self, text: &str) -> bool {
        self.data.questions.probe.iter().any(|w| text.contains(w.as_str()))
    }

    /// The last level word of the asker.
    fn proposed(&self, normal: &Normal) -> Option<Level> {
        let text = normal.text();
        // 满意吗 is blocked as a word of the customer; in the asker's mouth it proposes.
        if text.ends_with("满意吗") {
            return Level::new(if text.ends_with("不满意吗") { 2 } else { 4 });
        }
        let tokens = self.lexicon.tokens(normal);
        // 记满意 is no word of the customer either.
        let recorded = ["记满意", "记不满意"].iter().position(|w| text.contains(w));
        if let Some(at) = recorded {
            return Level::new(if at == 0 { 4 } else { 2 });
        }
        tokens.iter().rev().find_map(|t| match self.lexicon.role(t) {
            Role::Rating(r) if r.level != 3 || r.source == "table" => Level::new(r.level),
            _ => None,
        })
    }

    /// The indicators that an agent's sentence asks to be evaluated, in their order; empty when it asks for something else.
    pub(super) fn indicators_asked(&self, text: &str) -> Vec<Indicator> {
        let normal = Normal::new(text);
        let flat = normal.text();
        let has = |words: &[&str]| words.iter().any(|w| flat.contains(w));
        let tokens = self.lexicon.tokens(&normal);
        let priced = tokens.iter().any(|t| matches!(self.lexicon.role(t), Role::Topic { topic: Topic::Price, .. }));
        if priced || has(&["原因", "具体", "哪方面", "哪里不", "哪儿不", "为什么", "使用情况", "运行"])
        {
            return Vec::new();
        }
        let named: Vec<Indicator> = tokens.iter().filter_map(|t| self.named(t)).collect();
        // 好的，给您记下了，配件呢: what comes before the last pause is no part of it.
        let last = flat.rsplit(PAUSE).next().unwrap_or_default();
        if last.len() < flat.len() && last.ends_with('呢') {
            let own = self.indicators_asked(last);
            if !own.is_empty() {
                return own;
            }
        }
        let bare = flat.chars().count() <= 6;
        let elliptic = flat.chars().count() <= 12
            && (flat.ends_with('呢') || flat.ends_with("方面") || bare)
            && !has(&["换", "什么", "啥", "哪", "缺", "多少", "几", "买"]);
        let rates = self.data.questions.rating.iter().any(|w| flat.contains(w.as_str()));
        if !named.is_empty() && (rates || elliptic) {
            // 配件供应总的满意吗: the whole of the parts, not of the service.
            let several = named.iter().any(|i| *i != Indicator::Overall);
            let counts = |i: &Indicator| named.contains(i) && !(several && *i == Indicator::Overall);
            return Indicator::ALL.into_iter().filter(counts).collect();
        }
        if rates { self.unnamed(&tokens, &flat) } else { Vec::new() }
    }

    /// A rating question without a strong topic: by a word such as 及时, by the whole, by 来得 or 修得.
    fn unnamed(&self, tokens: &[Token], flat: &str) -> Vec<Indicator> {
        let has = |words: &[&str]| words.iter().any(|w| flat.contains(w));
        let by_word = tokens.iter().find_map(|t| match self.lexicon.role(t) {
            Role::Rating(r) => r.about.first().copied(),
            _ => None,
        });
        if let Some(i) = by_word {
            return vec![i];
        }
        let product = tokens.iter().any(|t| matches!(self.lexicon.role(t), Role::Topic { topic: Topic::Product, .. }));
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
        ]);
        let whole = has(&["服务", "这次", "这回", "售后", "处理结果", "维修", "保养", "修理", "我们"]);
        if whole && evaluates && !product && !announces && !flat.contains("满意度") {
            return vec![Indicator::Overall];
        }
        let weak = [
            ("修得", Indicator::Skill),
            ("来得", Indicator::Timeliness),
            ("到得", Indicator::Timeliness),
            ("速度", Indicator::Timeliness),
        ];
        weak.into_iter().filter(|(w, _)| flat.contains(w)).map(|(_, i)| i).take(1).collect()
    }

    /// 满意吗 and nothing else: about what was spoken of just before, a fact or an indicator.
    pub(super) fn follows_up(&self, text: &str, before: &str) -> Option<Indicator> {
        let flat = Normal::new(text).text();
        if flat.chars().count() > FOLLOW_UP_MAX || !flat.contains("满意") {
            return None;
        }
        let spoken = Normal::new(before).text();
        let about = [
            (
                Indicator::Timeliness,
                &["多长时间", "多久", "什么时候到", "几点到", "到的", "到达", "到现场", "来的"][..],
            ),
            (Indicator::Parts, &["配件", "保养件", "零件", "零部件", "发货", "到货"][..]),
            (Indicator::Skill, &["修得", "修好", "处理好", "排除", "解决"][..]),
        ];
        about.into_iter().find(|(_, words)| words.iter().any(|w| spoken.contains(w))).map(|(indicator, _)| indicator)
    }

    /// 那给您记满意对吧, 您是说满意吗: speaks of the evaluation asked before.
    pub(super) fn confirms_earlier(&self, text: &str) -> bool {
        let flat = Normal::new(text).text();
        let short = flat.chars().count() <= 16;
        let marked = self.data.questions.leading_marks.iter().any(|w| flat.contains(w.as_str()));
        let probes = ["原因", "具体", "哪方面", "哪里", "哪儿", "为什么", "满意度"].iter().any(|w| flat.contains(w));
        short
            && flat.contains("满意")
            && !probes
            && (marked || flat.ends_with('吗') || flat.ends_with('吧') || flat.contains("还是"))
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
