//! One answer → levels with their evidence.
//!
//! ```text
//! text ─ normal ─ tokens ─ clauses ─ weigh each level word ─ whose indicator? ─ settle each indicator
//!                              └──── threats ───────────────────────────────────┘
//! ```
//! Beside the table's level stands the leaning of the learned words: [`super::weigh`].
//! Contract: pure, never panics, every level has evidence that points at the customer's words. Nothing is imputed: no evaluation, no
//! level. The rules follow the labelling conventions by number.

use super::answers::KEYPAD;
use super::heard;
use super::normal::Normal;
use super::question::{Asked, Question};
use super::reading::evidence;
use super::rubric::Rubric;
use super::settle::settle;
use super::{Answer, Evidence, Indicator, Level};
use crate::domain::ways::any_of;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one answer says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Level of the indicator that was asked (of the whole, where advice was asked for).
    pub label: Option<Level>,
    /// Levels of every indicator the answer speaks of, the asked one included.
    pub labels: BTreeMap<Indicator, Level>,
    pub evidence: Vec<Evidence>,
    /// Words that need a person at once (E09), in force or conditional.
    pub alarms: Vec<Evidence>,
    /// Indicators of earlier questions whose answer he takes back here (convention 11 across questions).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revises: Vec<Indicator>,
    /// An allegation against service, product or parts, or any level ≤ 2 (convention 16).
    pub complaint: bool,
    /// The complaint is about the machine or a part, not the service (F12).
    #[serde(default)]
    pub product_fault: bool,
    /// Advice without complaint (E10).
    pub suggestion: bool,
    /// Praise with reward (E11): the words.
    pub commendation: Option<String>,
    /// 没用到配件: the question does not apply.
    pub not_applicable: bool,
    /// There are words of the table, and none is in force: quoted, supposed, asked back.
    #[serde(skip)]
    pub(super) disarmed: bool,
    /// Another recogniser's words lead to a clearly different level: a person should listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<Disagreement>,
}

/// Rule of a level that the asker put into words.
const AGREES: &str = "agrees to the question";
/// A level that the asker writes down anew, granted.
const CHANGES: &str = "agrees to the change";
/// The asker's word denied, plainly or with something held back.
const DENIES: &str = "denies the question";
const NUMBER: &str = "number";
const NOTHING_TO_OBJECT: &str = "nothing to object";
const QUALITY: &str = "the quality asked for";
/// Rules of levels that live by the question alone.
pub(super) const BY_QUESTION: [&str; 6] = [AGREES, CHANGES, DENIES, NUMBER, NOTHING_TO_OBJECT, QUALITY];

impl Judgement {
    /// F12: the machine given back, the courts, the press, threatened or announced.
    pub fn is_severe(&self) -> bool {
        self.alarms.iter().any(|a| a.rule != super::threat::GOES_HIGHER)
    }

    /// True when the level is a yes to the asker's own word.
    pub fn only_agrees(&self) -> bool {
        !self.evidence.is_empty() && self.evidence.iter().all(|e| e.rule == AGREES)
    }
}

/// Two recognisers, two levels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disagreement {
    pub chosen: Option<Level>,
    pub other: Option<Level>,
    pub engine: String,
    pub text: String,
}

impl Rubric {
    /// Judges one answer in the light of its question.
    pub fn judge(&self, answer: &Answer) -> Judgement {
        let question = self.question(&answer.question, answer.indicator);
        let listed = self.listed(&answer.text, &question);
        let own = self.judge_normal(&listed, &answer.text, &question);
        let merged = self.merge_engines(answer, &question, &listed, own);
        timed(answer, self.weigh(merged, &listed, &answer.text, &question))
    }

    /// Exact words of either recogniser first, then the transcript by its sound: in that order there is no false hit. Words in which a
    /// denial of the transcript is missing (不是很满意 → 是很满意) give no level: recognisers lose a 不 far more often than they invent one.
    fn merge_engines(&self, answer: &Answer, question: &Question, listed: &Normal, own: Judgement) -> Judgement {
        let mut chosen = own;
        let mut beside: Vec<Judgement> = Vec::new();
        for (engine, text) in &answer.also_heard {
            let mut other = self.judge_normal(&self.listed(text, question), text, question);
            for e in other.evidence.iter_mut().chain(&mut other.alarms) {
                e.heard_by = Some(engine.clone());
            }
            let lost = engine != KEYPAD && loses_denial(&answer.text, text);
            let changes = other.label.is_some() && chosen.label != other.label;
            let differ = apart(chosen.label, other.label) || lost && changes;
            let fills = chosen.label.is_none() && other.label.is_some();
            if !lost && (fills || (chosen.label != other.label && says_more(&other, &chosen, text, &answer.text))) {
                let before = chosen.label;
                let mut labels = chosen.labels;
                labels.extend(&other.labels);
                other.labels = labels;
                other.alarms.extend(chosen.alarms);
                other.disagreement = differ.then(|| note(other.label, before, "transcript", &answer.text));
                chosen = other;
            } else {
                if differ {
                    chosen.disagreement = Some(note(chosen.label, other.label, engine, text));
                }
                add_alarms(&mut chosen, std::mem::take(&mut other.alarms));
                beside.extend((!lost).then_some(other));
            }
        }
        let only_own = chosen.evidence.iter().all(|e| e.heard_by.is_none());
        let mut merged = match self.judge_by_sound(listed, &answer.text, question).filter(|_| only_own) {
            Some(mut sounded) if sounded.label.is_some() || chosen.label.is_none() && !sounded.labels.is_empty() => {
                let differs = chosen.disagreement.filter(|d| d.other != sounded.label);
                sounded.disagreement = differs.map(|d| Disagreement { chosen: sounded.label, ..d });
                add_alarms(&mut sounded, chosen.alarms);
                sounded
            }
            _ => chosen,
        };
        beside.into_iter().for_each(|other| add_asides(&mut merged, other, question.indicator));
        merged
    }

    /// The words read by their sound; `None` where that changes nothing.
    fn judge_by_sound(&self, listed: &Normal, text: &str, question: &Question) -> Option<Judgement> {
        if question.asked == Asked::Fact {
            return None;
        }
        let heard = heard::by_sound(&self.sounds, &self.lexicon, listed)?;
        Some(self.judge_normal(&heard, text, question))
    }

    /// Misheard words of the written list set right, where an evaluation was asked for.
    fn listed(&self, text: &str, question: &Question) -> Normal {
        let written = Normal::new(text);
        match question.asked {
            Asked::Fact => written,
            Asked::Rating | Asked::Suggestion => {
                heard::corrected(&self.misheard, &self.lexicon, &written, question.indicator)
            }
        }
    }

    fn judge_normal(&self, normal: &Normal, text: &str, question: &Question) -> Judgement {
        let short = self.short_answer(normal, text, question);
        if let Some(short) = &short
            && (short.label.is_none() || normal.chars.len() <= SHORT_MAX)
        {
            return short.clone();
        }
        let reading = self.read(normal, text, question);
        let disarmed = reading.evals.iter().any(|e| !e.scope.in_force());
        let settled = Judgement { disarmed, ..settle(reading, question, text, normal, &self.data.scopes) };
        // 四分吧 对了你们配件供应不行: the number, and what he says beside it.
        if let Some(mut short) = short {
            add_asides(&mut short, settled, question.indicator);
            return short;
        }
        self.agreement(&settled, normal, text, question).unwrap_or(settled)
    }

    /// 对 你们那个师傅姓王: he agrees to what the asker proposed, then speaks of something else.
    fn agreement(&self, settled: &Judgement, normal: &Normal, text: &str, question: &Question) -> Option<Judgement> {
        let silent =
            settled.label.is_none() && settled.alarms.is_empty() && !settled.not_applicable && !settled.complaint;
        let sought = question.asked == Asked::Rating && question.leading && !question.negative_polar;
        let said = normal.text();
        let first =
            said.split(super::normal::PAUSE).find(|c| !self.data.silent.hum.iter().any(|h| h == c)).unwrap_or_default();
        let listed = |w: &str| self.data.silent.yes.iter().any(|y| y == w);
        let agrees = ["对", "是", "没错", "嗯"].iter().any(|w| first.starts_with(w))
            && (listed(first) || listed(without_particles(first)));
        if !(silent && sought && agrees) {
            return None;
        }
        let mut agreed = single(question, led(question.proposed?), AGREES, text);
        add_asides(&mut agreed, settled.clone(), question.indicator);
        Some(agreed)
    }

    /// Answers that are a word or a number: 对, 没有, 四分 (conventions 2, 3, 13).
    fn short_answer(&self, normal: &Normal, text: &str, question: &Question) -> Option<Judgement> {
        let flat: String = normal.chars.iter().filter(|c| **c != super::normal::PAUSE).collect();
        if flat.is_empty() {
            return Some(Judgement::default());
        }
        let silent = &self.data.silent;
        let bare = without_particles(&flat);
        let is = |list: &[String]| list.contains(&flat) || list.iter().any(|w| w == bare);
        if question.asked == Asked::Rating {
            if question.number
                && let Some(level) = spoken_number(&flat)
            {
                return Some(single(question, level, NUMBER, text));
            }
            if question.negative_polar && is(&silent.no) {
                return Some(single(question, Level::new(4)?, NOTHING_TO_OBJECT, text));
            }
            // 嗯 to 满意的对吧 may be a yes or no answer; a yes is likelier (convention 2).
            let hums = question.leading && flat.chars().all(|c| c == '嗯');
            let agrees = (is(&silent.yes) || hums) && !(flat == "差不多" || flat == "没毛病");
            if (question.leading || question.polar) && agrees && !question.negative_polar {
                let rule = if question.changes { CHANGES } else { AGREES };
                return Some(single(question, led(question.proposed?), rule, text));
            }
            if let Some(level) = question.quality.and_then(|q| echo(q, &flat)) {
                return Some(single(question, level, QUALITY, text));
            }
            let praise = question.proposed.is_some_and(|l| l.get() >= 4) && !question.negative_polar;
            if praise && question.leading && is(&silent.denies) {
                return Some(single(question, Level::new(2)?, DENIES, text));
            }
            if praise && (question.leading || question.polar) && is(&silent.half_denies) {
                return Some(single(question, Level::new(3)?, DENIES, text));
            }
        }
        if self.puts_off(normal, question) || question.asked == Asked::Suggestion && self.only_closes(normal) {
            return Some(Judgement::default());
        }
        let empty = is(&silent.hum) || is(&silent.no) || is(&silent.acknowledgements);
        empty.then(Judgement::default)
    }

    /// 没有了 就这样 挂了啊: no, and good-bye.
    fn only_closes(&self, normal: &Normal) -> bool {
        let said = normal.text();
        let silent = &self.data.silent;
        let closes = |clause: &str| {
            let bare = without_particles(clause);
            let listed = [&silent.no, &silent.hum, &silent.acknowledgements].into_iter().flatten();
            listed.into_iter().any(|w| w == clause || w == bare)
                || ["就这样", "就这些", "挂了", "再见", "拜拜"].contains(&bare)
        };
        said.split(super::normal::PAUSE).all(closes)
    }

    /// 行 我知道了 回头说: he ends the talk; his 行 evaluates nothing.
    fn puts_off(&self, normal: &Normal, question: &Question) -> bool {
        let said = normal.text();
        let first = said.split(super::normal::PAUSE).next().unwrap_or_default();
        let granted =
            ["行", "好", "可以", "嗯", "成", "中"].iter().any(|w| first.starts_with(w)) && first.chars().count() <= 4;
        // 不行不行 我正倒车呢 过会儿再打.
        let refused = ["不行", "不了", "不不"].iter().any(|w| first.starts_with(w)) && first.chars().count() <= 4;
        let later = any_of(&said, &["再打", "正忙", "正开车", "正倒车", "忙着呢", "开着车"]);
        let clauses = || said.split(super::normal::PAUSE);
        let defers = || {
            let short = clauses().filter(|c| c.chars().count() <= DEFERS_MAX);
            clauses().count() >= 2
                && short.into_iter().any(|c| self.data.scopes.defers.iter().any(|w| c.contains(w.as_str())))
        };
        question.asked != Asked::Suggestion && (refused && later || granted && defers())
    }
}

/// Characters of an answer that holds a number or a yes and nothing else.
const SHORT_MAX: usize = 8;

/// 我先挂了: characters of a clause that puts off; 话没说完就把我电话挂了 tells what happened.
const DEFERS_MAX: usize = 8;

/// 是的咯, 对头噻: what closes a reply and says nothing.
fn without_particles(flat: &str) -> &str {
    let flat = Some(flat.trim_start_matches(['嗯', '哦', '噢', '欸'])).filter(|f| !f.is_empty()).unwrap_or(flat);
    let bare = flat.trim_end_matches([
        '咯', '喽', '啰', '噻', '嘞', '咧', '哩', '哒', '嘎', '撒', '呐', '哟', '嗷', '啦', '嘛', '呗', '哦', '呀',
        '啊', '哈',
    ]);
    if bare.is_empty() { flat } else { bare }
}

/// 够不够 — 够, 不够, 够够的: the quality that was offered comes back.
fn echo(quality: char, flat: &str) -> Option<Level> {
    let said = flat.trim_end_matches(['的', '了', '啊', '呀', '吧', '嘞', '呢', '着']);
    let kept = said.trim_start_matches(['挺', '都', '还']);
    let denied = kept.strip_prefix("不太").map(|w| (w, 3)).or(kept.strip_prefix('不').map(|w| (w, 2)));
    let (word, level) = denied.unwrap_or((kept, 4));
    let echoes = !word.is_empty() && word.chars().count() <= 3 && word.chars().all(|c| c == quality);
    echoes.then(|| Level::new(level)).flatten()
}

/// 您肯定没话说对吧 — 对: a yes to the asker's praise is 满意 and no more (convention 2).
fn led(proposed: Level) -> Level {
    Level::new(proposed.get().min(4)).unwrap_or(proposed)
}

/// 四分, 5分, 五: numbers 1..5 (convention 13).
fn spoken_number(flat: &str) -> Option<Level> {
    let digit = |c: char| {
        "一二三四五".chars().position(|d| d == c).map(|p| p as u8 + 1).or_else(|| c.to_digit(10).map(|d| d as u8))
    };
    let chars: Vec<char> = flat.chars().collect();
    // 四分，不，五分: the last one holds (convention 11).
    // 二十五分钟 is a time, 留一分 and 扣一分 are what is missing.
    let rates = |at: usize| {
        let spared = chars[at.saturating_sub(2)..at].iter().any(|c| "留扣差少减加".contains(*c));
        let minutes = chars.get(at + 2) == Some(&'钟');
        (!spared && !minutes).then(|| digit(if chars[at] == '两' { '二' } else { chars[at] })).flatten()
    };
    let before_mark = (0..chars.len().saturating_sub(1)).rev().filter(|at| chars[at + 1] == '分').find_map(rates);
    let alone = (chars.len() <= 3).then(|| chars.iter().find_map(|c| digit(*c))).flatten();
    let full = flat.contains("满分").then_some(5);
    before_mark.or(full).or(alone).and_then(Level::new)
}

fn single(question: &Question, level: Level, rule: &str, text: &str) -> Judgement {
    let normal = Normal::new(text);
    let found = evidence(&normal, text, 0, normal.chars.len(), level, rule);
    let labels = question.indicator.map(|i| (i, level)).into_iter().collect();
    Judgement { label: Some(level), labels, evidence: vec![found], complaint: level.get() <= 2, ..Judgement::default() }
}

/// Two levels so far apart that a person should listen.
pub(super) fn apart(a: Option<Level>, b: Option<Level>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a.get().abs_diff(b.get()) >= 2)
}

/// The other engine heard the same words and more of them (没有不满意 against 满意).
fn says_more(other: &Judgement, chosen: &Judgement, other_text: &str, text: &str) -> bool {
    let joined = |j: &Judgement| j.evidence.iter().map(|e| e.text.as_str()).collect::<Vec<_>>().join("，");
    let (o, c) = (joined(other), joined(chosen));
    !c.is_empty() && o.chars().count() > c.chars().count() && o.contains(&c) && !text.contains(other_text)
}

pub(super) fn note(chosen: Option<Level>, other: Option<Level>, engine: &str, text: &str) -> Disagreement {
    Disagreement { chosen, other, engine: engine.to_string(), text: text.to_string() }
}

/// What the second recogniser heard of indicators that were not asked for, where the first heard nothing of them.
fn add_asides(merged: &mut Judgement, other: Judgement, asked: Option<Indicator>) {
    for (indicator, level) in other.labels {
        if Some(indicator) == asked || merged.labels.contains_key(&indicator) {
            continue;
        }
        merged.labels.insert(indicator, level);
        merged.complaint |= level.get() <= 2;
        let about = |e: &&Evidence| e.rule.split_once(':').is_some_and(|(name, _)| name == indicator.name());
        merged.evidence.extend(other.evidence.iter().filter(about).cloned());
    }
}

/// The second text has fewer denials than the first.
fn loses_denial(first: &str, second: &str) -> bool {
    let denials = |text: &str| Normal::new(text).chars.iter().filter(|c| matches!(c, '不' | '没' | '未')).count();
    denials(second) < denials(first)
}

fn add_alarms(chosen: &mut Judgement, alarms: Vec<Evidence>) {
    let new: Vec<Evidence> = alarms.into_iter().filter(|a| !chosen.alarms.iter().any(|c| c.text == a.text)).collect();
    chosen.complaint |= !new.is_empty();
    chosen.alarms.extend(new);
}

/// Places every piece of evidence on the recording's axis.
fn timed(answer: &Answer, mut j: Judgement) -> Judgement {
    for e in j.evidence.iter_mut().chain(&mut j.alarms) {
        answer.place(e);
    }
    j
}
