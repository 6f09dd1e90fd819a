//! E09: 退机, 起诉, 曝光 … in force, on condition, denied or somebody else's (convention 9).
//!
//! Contract: one word of the table in its clause in; its evidence with the level it has there out, or nothing.

use super::clause::Clause;
use super::lexicon::Role;
use super::normal::PAUSE;
use super::reading::{Words, evidence};
use super::rubric::Rubric;
use super::{Evidence, Level};
use crate::domain::ways::any_of;

/// Rule of an alarm that threatens nothing but to speak to somebody above.
pub(super) const GOES_HIGHER: &str = "goes higher";

/// Characters that may stand between 不是 and the threat it denies.
const DENIAL_REACH: usize = 4;

impl Rubric {
    /// E09: a threat in force is 1, on condition 2, denied or unreal nothing (convention 9).
    pub(super) fn threat(&self, words: &Words<'_>, at: usize, clause: &Clause, level: u8) -> Option<(Evidence, u8)> {
        let t = &words.tokens[at];
        let head: String = words.normal.chars[clause.start..t.start].iter().collect();
        let s = clause.scope;
        let void = s.quoted || s.counterfactual || s.asks && !head.contains("必须") || s.past;
        if void || is_of_others(&head) || self.is_denied(words, at, clause) {
            return None;
        }
        // 讲过要退车 那是气头上的话 不作数.
        if any_of(words.text, &["气头上", "不作数", "气话", "说着玩"]) {
            return None;
        }
        let conditional = s.supposed || is_tied(&head) || self.hangs_on_a_repetition(words, at);
        let rule = match (level, conditional) {
            (1, true) => "threat on condition",
            (1, false) => "threat",
            _ => GOES_HIGHER,
        };
        let level = if conditional { 2 } else { level };
        Some((evidence(words.normal, words.text, t.start, t.end, Level::new(level)?, rule), level))
    }

    /// 再也不买, 别买你们: its own 不 denies nothing.
    fn is_negated_itself(&self, words: &Words<'_>, at: usize) -> bool {
        let word = self.lexicon.word(&words.tokens[at]);
        word.contains('不') || word.starts_with("再也") || word.starts_with("别买")
    }

    /// 没说要退机, 我不是闹着要退机; 退机就算了.
    fn is_denied(&self, words: &Words<'_>, at: usize, clause: &Clause) -> bool {
        let (normal, t, scopes) = (words.normal, &words.tokens[at], &self.data.scopes);
        let tail: String = normal.chars[t.end..clause.end].iter().filter(|c| **c != PAUSE).collect();
        let next: String = normal.chars[clause.end..].iter().take(8).collect();
        if scopes.denial_after.iter().any(|d| tail.starts_with(d.as_str()) || next.starts_with(d.as_str())) {
            return true;
        }
        // 不退机什么都免谈: without it there is nothing to talk about.
        let demands = any_of(&tail, &["免谈", "不行", "没完", "别想"]);
        if demands || self.is_negated_itself(words, at) {
            return false;
        }
        // 再不来我找你们总部: the 不 of a condition denies nothing.
        let condition =
            words.tokens[clause.first..at].iter().rfind(|t| matches!(self.lexicon.role(t), Role::Hypothesis));
        let from = condition.map_or(clause.start, |c| c.end);
        let own: String = normal.chars[from.min(t.start)..t.start].iter().collect();
        let far = ["不是", "没想", "不想", "没说", "不打算", "没打算", "没要"]
            .iter()
            .any(|d| own.rfind(d).is_some_and(|at| own[at + d.len()..].chars().count() <= DENIAL_REACH));
        far || scopes.denial.iter().any(|d| ends_near(&own, d))
    }

    /// 再漏油我就把机子退给你们, 下次还这么糊弄 我可要起诉: since he last corrected himself.
    fn hangs_on_a_repetition(&self, words: &Words<'_>, at: usize) -> bool {
        let corrected = words.tokens[..at].iter().rfind(|t| matches!(self.lexicon.role(t), Role::Correction));
        let from = corrected.map_or(0, |c| c.end);
        let so_far: String = words.normal.chars[from..words.tokens[at].start].iter().collect();
        !self.is_negated_itself(words, at) && any_of(&so_far, &["再", "下次还", "下回还", "下次要", "以后还"])
    }
}

/// 不解决我就找记者: 就 ties it to a condition, spoken or not; 下礼拜就起诉 to a day.
fn is_tied(head: &str) -> bool {
    let days = ["天", "周", "礼拜", "星期", "月", "号", "马上", "立马"];
    ["就", "就去", "就得", "就直接", "就只能", "就只好"]
        .iter()
        .find_map(|w| head.strip_suffix(w))
        .is_some_and(|before| !days.iter().any(|day| before.ends_with(day)))
}

/// 隔壁都退机了, 我哥劝我退机: another's threat, or another's advice.
fn is_of_others(head: &str) -> bool {
    let others = [
        "他们",
        "人家",
        "别人",
        "同事",
        "邻居",
        "隔壁",
        "有人",
        "朋友",
        "老板",
        "亲戚",
        "好多人",
        "好些人",
        "网上",
        "表哥",
        "表弟",
        "别的牌子",
        "别家",
    ];
    !head.contains('我') && any_of(head, &others) || any_of(head, &["劝我", "叫我", "撺掇"])
}

fn ends_near(head: &str, word: &str) -> bool {
    let count = head.chars().count();
    (0..=2).any(|gap| {
        let kept: String = head.chars().take(count.saturating_sub(gap)).collect();
        kept.ends_with(word)
    })
}
