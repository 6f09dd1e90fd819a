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
    /// What is written down is changed: 那及时性给您改成一般.
    pub changes: bool,
    /// The quality that the question offers: 够不够, 好不好.
    pub quality: Option<char>,
}

/// 您满意吗, 您对这个满意吗: longer questions say themselves what they ask for, characters.
const FOLLOW_UP_MAX: usize = 8;

/// 够不够, 快不快: qualities that a question may offer with their opposite.
const QUALITIES: &str = "好快慢够足齐全行高及熟热满中准";

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

/// 一定给您满意答复 asks for nothing: without what is promised.
fn unpromised(text: &str) -> String {
    let promises = ["满意答复", "满意的答复", "满意的结果", "让您满意", "包您满意", "满意为止"];
    promises.iter().fold(text.to_string(), |text, promise| text.replace(promise, ""))
}

/// 配件够不够 → 够.
fn quality_offered(chars: &[char]) -> Option<char> {
    chars.windows(3).find(|w| w[1] == '不' && w[0] == w[2] && QUALITIES.contains(w[0])).map(|w| w[0])
}

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
            changes: ["改成", "改为", "给您改"].iter().any(|w| flat.contains(w)),
            quality: quality_offered(&normal.chars),
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
        let asked = Normal::new(text);
        let normal = without_alternative(&asked);
        let (flat, whole_text) = (unpromised(&normal.text()), unpromised(&asked.text()));
        let has = |words: &[&str]| words.iter().any(|w| flat.contains(w) || whole_text.contains(w));
        let tokens = self.lexicon.tokens(&normal);
        // 抛开配件不说 总的您满意吗: what is set aside is not asked for.
        let last = flat.rsplit(PAUSE).next().unwrap_or_default();
        if last.len() < flat.len() && has(&["除了", "抛开", "撇开", "先不说", "不说"]) {
            return self.indicators_asked(last);
        }
        let priced = tokens.iter().any(|t| matches!(self.lexicon.role(t), Role::Topic { topic: Topic::Price, .. }));
        let elsewhere =
            ["原因", "具体", "哪方面", "哪里不", "哪儿不", "为什么", "使用情况", "运行", "怎么样了", "咋样了"];
        if priced || has(&elsewhere) {
            return Vec::new();
        }
        let named: Vec<Indicator> = tokens.iter().filter_map(|t| self.named(t)).collect();
        // 工具资料齐全吗: 齐全 is no word about parts there.
        let topic = |t: &Token| matches!(self.lexicon.role(t), Role::Topic { topic: Topic::Of(_), strong: true });
        if has(&["工具", "资料", "外观", "手续", "证件", "随车"]) && !tokens.iter().any(topic) {
            return Vec::new();
        }
        // 好的，给您记下了，配件呢: what comes before the last pause is no part of it.
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
        let rates =
            self.data.questions.rating.iter().any(|w| flat.contains(w.as_str()) || whole_text.contains(w.as_str()));
        let by_quality = self.asks_by_quality(&tokens, &normal, asked.chars.len() > normal.chars.len());
        let asks = rates || elliptic || by_quality || self.records(&flat);
        if !named.is_empty() && asks {
            // 配件供应总的满意吗: the whole of the parts, not of the service.
            let several = named.iter().any(|i| *i != Indicator::Overall);
            let counts = |i: &Indicator| named.contains(i) && !(several && *i == Indicator::Overall);
            return Indicator::ALL.into_iter().filter(counts).collect();
        }
        if rates || by_quality { self.unnamed(&tokens, &format!("{flat}{PAUSE}{whole_text}")) } else { Vec::new() }
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
    fn records(&self, flat: &str) -> bool {
        ["给您记", "给您改", "记成", "记为", "改成", "改为", "记个", "记一般", "记满意", "记不满意"]
            .iter()
            .any(|w| flat.contains(w))
    }

    /// A rating question without a strong topic: by a word such as 及时, by the whole, by 来得 or 修得.
    fn unnamed(&self, tokens: &[Token], flat: &str) -> Vec<Indicator> {
        let has = |words: &[&str]| words.iter().any(|w| flat.contains(w));
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
        if let Some(i) = by_word.filter(|_| !product) {
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

    /// 满意不满意, and nothing before it that it could speak of: the whole.
    pub(super) fn asks_for_all(&self, text: &str) -> bool {
        let flat = Normal::new(text).text();
        let last = flat.rsplit(PAUSE).next().unwrap_or_default();
        let bare = last.chars().count() <= FOLLOW_UP_MAX;
        bare && ["满意吗", "满意不满意", "满不满意", "满意不", "满意吧"].iter().any(|w| last.ends_with(w))
    }

    /// 满分五分的话呢, 那您打几分: the scale is put to what was asked before.
    pub(super) fn puts_the_scale(&self, text: &str) -> bool {
        let flat = Normal::new(text).text();
        self.data.questions.number.iter().any(|w| flat.contains(w.as_str()))
    }

    /// 那给您记满意对吧, 您是说满意吗: speaks of the evaluation asked before.
    pub(super) fn confirms_earlier(&self, text: &str) -> bool {
        let flat = Normal::new(text).text();
        let short = flat.chars().count() <= 16;
        let again = ["您觉得怎么样", "您觉得呢", "怎么样", "那怎么样", "您看怎么样", "您感觉呢"];
        if short && (self.records(&flat) || flat.starts_with("您是说") || again.contains(&flat.as_str())) {
            return true;
        }
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

#[cfg(test)]
mod tests {
    use crate::domain::score::{Indicator, Rubric, SpokenTurn, answers_of_turns};
    use crate::domain::transcript::Channel;

    /// What the last of the agent's questions asks for; agent and customer take turns.
    fn check(said: &[&str], want: &[Indicator]) {
        let turn = |(i, text): (usize, &&str)| SpokenTurn {
            speaker: if i % 2 == 0 { Channel::Agent } else { Channel::Customer },
            start: 0.0,
            end: 1.0,
            text: (*text).to_string(),
        };
        let turns: Vec<SpokenTurn> = said.iter().chain([&"嗯呢"]).enumerate().map(turn).collect();
        let answers = answers_of_turns(Rubric::builtin(), &turns);
        let last = answers.iter().filter(|a| a.turn == Some(turns.len() - 1));
        let asked: Vec<Indicator> = last.filter_map(|a| a.indicator).collect();
        assert_eq!(asked, want, "{said:?}");
    }

    #[test]
    fn an_agent_asks_in_many_words() {
        use Indicator::{Attitude, Overall, Parts, Skill, Timeliness};
        check(&["师傅态度挺好的吧"], &[Attitude]);
        check(&["那师傅说话客气不客气"], &[Attitude]);
        check(&["服务人员有没有礼貌"], &[Attitude]);
        check(&["师傅人怎么样"], &[Attitude]);
        check(&["技术几分"], &[Skill]);
        check(&["师傅修得怎么样"], &[Skill]);
        check(&["来得也挺及时的吧"], &[Timeliness]);
        check(&["时间上您满意吗"], &[Timeliness]);
        check(&["配件这块供得上不"], &[Parts]);
        check(&["配件够不够"], &[Parts]);
        check(&["综合起来您对我们服务怎么看"], &[Overall]);
        check(&["您对师傅满意不"], &[Overall]);
        check(&["抛开配件不说 总的您满意吗"], &[Overall]);
        check(&["师傅的技术和态度您满意吗"], &[Skill, Attitude]);
    }

    #[test]
    fn what_establishes_a_fact_asks_for_no_evaluation() {
        for fact in
            ["工具资料齐不齐", "修得怎么样了", "配件换了没有", "机器好不好用", "师傅到了没有", "费用您觉得合理吗"]
        {
            check(&[fact], &[]);
        }
    }

    #[test]
    fn a_question_without_a_topic_speaks_of_what_was_asked_before() {
        use Indicator::{Overall, Parts, Skill, Timeliness};
        check(&["综合一下", "七八分吧", "满分五分的话呢"], &[Overall]);
        check(&["技术您满意吗", "一般", "那给您记一般行吗"], &[Skill]);
        check(&["师傅什么时候到的", "下午", "您对这个时间满意吗"], &[Timeliness]);
        check(&["换了哪些件", "三滤", "这些配件您满意吗"], &[Parts]);
        check(&["机器多少小时了", "一千七", "满意不满意"], &[Overall]);
    }
}
