//! What the question asked for: it decides whether an answer may open a score at all (conventions 2, 3, 13).

use super::lexicon::Role;
use super::normal::{Normal, PAUSE};
use super::rubric::Rubric;
use super::{Indicator, Level};
use crate::domain::ways::{any_of, clauses, is_spoken};

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
    /// Asks how the machine runs.
    pub of_machine: bool,
    /// Asks how quickly something was sent: 送货及时吗.
    pub of_delivery: bool,
}

/// 您满意吗, 您对这个满意吗: longer questions say themselves what they ask for, characters.
const FOLLOW_UP_MAX: usize = 8;

/// 你刚才问: a question that was put before.
const EARLIER: [&str; 12] =
    ["刚才", "刚刚", "方才", "头里", "头先", "前头", "前面", "先前", "开头", "起先", "先头", "早先"];
/// Characters from there to 问.
const ASKED_WITHIN: usize = 4;

/// Parts on their way, and how quick they were: a matter of time.
pub(super) const DELIVERS: [&str; 5] = ["发货", "送货", "配送", "物流", "到货"];
pub(super) const QUICK: [&str; 6] = ["速度", "及时", "及不及", "快不快", "快吗", "准时"];

/// 够不够, 快不快: qualities that a question may offer with their opposite.
pub(super) const QUALITIES: &str = "好快慢够足齐全行高及熟热满中准";

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
        // 您的意见我记下来 asks for none.
        let open = any_of(&flat, &["吗", "没有", "什么", "啥", "哪", "呢", "吧", "还有", "么", "请", "要"]);
        let suggestion = has(&q.suggestion)
            && indicator.is_none()
            && open
            && (!flat.contains("记下") || flat.ends_with(['吗', '么']));
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
            changes: any_of(&flat, &["改成", "改为", "给您改"]),
            quality: quality_offered(&normal.chars),
            of_delivery: any_of(&flat, &DELIVERS) && any_of(&flat, &QUICK),
            of_machine: asked == Asked::Fact
                && any_of(&flat, &["性能", "运行", "运转", "正常", "好用", "好使", "试机", "有劲"]),
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
        about.into_iter().find(|(_, words)| any_of(&spoken, words)).map(|(indicator, _)| indicator)
    }

    /// 我说错了 是还行: takes back what he answered before.
    pub(super) fn takes_back_answer(&self, text: &str) -> bool {
        let flat = Normal::new(text).text();
        let of_another = any_of(&flat, &["刚才", "前面那", "刚刚"]);
        !of_another && any_of(&flat, &["我说错了", "说错了", "我收回", "我改一下", "我说反了"])
    }

    /// 不漏了 哎你前头问那配件 配件还行: what he says first, the indicator that he comes back to, and what he says of it.
    pub(super) fn comes_back<'a>(&self, text: &'a str) -> Option<(&'a str, Indicator, &'a str)> {
        let (at, word) = EARLIER.iter().filter_map(|word| Some((text.find(word)?, *word))).min()?;
        let (first, rest) = (&text[..at], &text[at + word.len()..]);
        let (asks, _) = rest.char_indices().take(ASKED_WITHIN).find(|(_, c)| *c == '问')?;
        let said = ["的", "到", "我", "那个", "那", "这个"]
            .iter()
            .fold(&rest[asks + '问'.len_utf8()..], |said, word| said.strip_prefix(word).unwrap_or(said));
        let topic = clauses(said).next().filter(|_| said.starts_with(is_spoken))?;
        let [indicator] = self.indicators_asked(&format!("那{topic}呢"))[..] else { return None };
        Some((first.trim_end_matches('你'), indicator, said))
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
        // 您的意思是比较认可 还是说有点保留.
        if any_of(&flat, &["您的意思", "你的意思"]) && flat.contains("还是") {
            return true;
        }
        let again = ["您觉得怎么样", "您觉得呢", "怎么样", "那怎么样", "您看怎么样", "您感觉呢"];
        let levelled = any_of(&flat, &["满意", "一般", "分", "差"]);
        if short && (self.records(&flat) && levelled || flat.starts_with("您是说") || again.contains(&flat.as_str()))
        {
            return true;
        }
        let marked = self.data.questions.leading_marks.iter().any(|w| flat.contains(w.as_str()));
        let probes = any_of(&flat, &["原因", "具体", "哪方面", "哪里", "哪儿", "为什么", "满意度"]);
        short
            && flat.contains("满意")
            && !probes
            && (marked || flat.ends_with('吗') || flat.ends_with('吧') || flat.contains("还是"))
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
