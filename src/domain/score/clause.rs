//! Clauses and their scope: whose view it is, about when, in earnest or supposed.
//!
//! Contract: every token belongs to exactly one clause; a clause ends at a pause or before a word that turns the speech
//! (但是, 这次, 他们说 …), so that missing punctuation costs nothing. It judges nothing.

use super::lexicon::{Lexicon, Role, Token};
use super::normal::{Normal, PAUSE};
use crate::domain::ways::any_of;

#[derive(Clone, Debug, Default)]
pub(super) struct Clause {
    /// Characters of the normal text.
    pub start: usize,
    pub end: usize,
    /// Tokens `first..last` of the reading.
    pub first: usize,
    pub last: usize,
    pub scope: Scope,
}

/// Conventions 1 and 11: what keeps a keyword from being in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// After 但是, 就是 …
    pub contrast: bool,
    /// 虽然 …: the weight is on what follows.
    pub concessive: bool,
    /// Takes back what was said before.
    pub correction: bool,
    pub past: bool,
    pub now: bool,
    pub quoted: bool,
    pub supposed: bool,
    pub counterfactual: bool,
    pub asks: bool,
}

impl Scope {
    /// The customer's own view, in earnest.
    pub fn in_force(self) -> bool {
        !(self.quoted || self.supposed || self.counterfactual || self.asks)
    }
}

/// Cuts the text into clauses and settles the scope of each.
pub(super) fn clauses(lexicon: &Lexicon, normal: &Normal, tokens: &[Token]) -> Vec<Clause> {
    let mut clauses = cut(lexicon, normal, tokens);
    for clause in &mut clauses {
        clause.scope = own_scope(lexicon, normal, &tokens[clause.first..clause.last], clause);
        clause.scope.asks |= ends_in_not(lexicon, normal, tokens, clause) || offers_two(normal, clause);
    }
    said_of_the_past(normal, &mut clauses);
    carry_past(&mut clauses);
    carry_quotation(lexicon, normal, &mut clauses, tokens);
    carry_supposition(normal, &mut clauses);
    clauses
}

/// True where this word begins a new clause even without a pause.
fn turns(role: &Role) -> bool {
    matches!(
        role,
        Role::Contrast
            | Role::Concessive
            | Role::Correction
            | Role::Revision
            | Role::Past
            | Role::Now
            | Role::Quotation
            | Role::OwnView
            | Role::Hypothesis
            | Role::Counterfactual
    )
}

/// Words that end a quotation: his own view, a turn, a new quotation.
fn speaks_for_himself(role: &Role) -> bool {
    turns(role) && !matches!(role, Role::Past | Role::Now)
}

fn cut(lexicon: &Lexicon, normal: &Normal, tokens: &[Token]) -> Vec<Clause> {
    let pauses = normal.chars.iter().enumerate().filter(|(_, c)| **c == PAUSE).map(|(i, _)| i);
    let mut starts: Vec<usize> = pauses.map(|i| i + 1).collect();
    starts.push(0);
    starts.extend(
        tokens.iter().filter(|t| turns(lexicon.role(t))).filter(|t| !closes_its_clause(lexicon, t)).map(|t| t.start),
    );
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([normal.chars.len()]);
    let spans: Vec<(usize, usize)> = starts.iter().copied().zip(ends).filter(|(s, e)| s < e).collect();
    spans
        .into_iter()
        .map(|(start, end)| {
            let first = tokens.partition_point(|t| t.start < start);
            let last = tokens.partition_point(|t| t.start < end);
            Clause { start, end, first, last, scope: Scope::default() }
        })
        .collect()
}

/// `的话` closes its clause instead of opening one.
fn closes_its_clause(lexicon: &Lexicon, token: &Token) -> bool {
    lexicon.word(token) == "的话"
}

fn own_scope(lexicon: &Lexicon, normal: &Normal, tokens: &[Token], clause: &Clause) -> Scope {
    let mut scope = Scope::default();
    for token in tokens {
        match lexicon.role(token) {
            // 满意谈不上 油管倒是现货: what is granted turns nothing.
            Role::Contrast if lexicon.word(token).starts_with('倒') => scope.concessive = true,
            Role::Contrast => scope.contrast = true,
            Role::Concessive => scope.concessive = true,
            Role::Correction => scope.correction = true,
            Role::Past => scope.past = true,
            Role::Now => scope.now = true,
            // 人家说得挺明白: how he spoke.
            Role::Quotation => scope.quoted |= !told(normal, token) && normal.chars.get(token.end) != Some(&'得'),
            Role::Hypothesis => scope.supposed = true,
            Role::Counterfactual => scope.counterfactual = true,
            Role::Question => scope.asks |= asks(lexicon, normal, token, clause),
            _ => {}
        }
    }
    scope.quoted |= reports(normal, clause);
    scope
}

/// 旁边沙场都讲你们来得慢, 我师兄讲他凶: somebody, not himself, says something of us.
fn reports(normal: &Normal, clause: &Clause) -> bool {
    let said = &normal.chars[clause.start..clause.end];
    (1..said.len().saturating_sub(1)).any(|at| {
        let of_us = ["你们", "你家", "他", "她", "人家", "师傅", "恁"];
        let behind: String = said[at + 1..].iter().take(2).collect();
        if !matches!(said[at], '说' | '讲' | '嫌' | '传' | '夸') || !of_us.iter().any(|w| behind.starts_with(w)) {
            return false;
        }
        let who: String = said[..at].iter().collect();
        let who = who.trim_end_matches(['都', '也', '老', '总', '常', '还', '就']);
        // 开机子那个跟我说他凶: told to him.
        let to_him =
            ["跟我", "对我", "给我", "和我", "跟俺"].iter().any(|w| who.ends_with(w)) && who.chars().count() >= 4;
        let himself =
            !to_him && ["我", "你", "您", "俺", "咱", "我们", "你们", "咱们"].iter().any(|w| who.ends_with(w));
        let alone = who.chars().count() < 2 && !matches!(who, "他" | "她");
        let idle = alone
            || who.ends_with([
                '来', '话', '心', '实', '理', '么', '好', '以', '该', '不', '别', '要', '想', '再', '敢', '听', '能',
                '会', '没', '可', '没', '是', '叫',
            ]);
        !himself && !idle
    })
}

/// 我给我兄弟也说了, 我跟邻居都说了: the other is told, it is himself who speaks.
fn told(normal: &Normal, token: &Token) -> bool {
    let before = normal.chars[..token.start].iter().rev().find(|c| !matches!(c, '我' | '俺' | '咱' | '们' | '家'));
    matches!(before, Some('给' | '跟' | '和' | '对' | '向'))
}

/// 吗 asks only at the end of its clause.
fn asks(lexicon: &Lexicon, normal: &Normal, token: &Token, clause: &Clause) -> bool {
    let is_tail = lexicon.word(token).chars().all(|c| "吗么嘛".contains(c));
    let body_end = clause.end - usize::from(normal.chars.get(clause.end - 1) == Some(&PAUSE));
    !is_tail || token.end >= body_end
}

/// 你说及时不, 涨价了没有: what stands open at the end is asked.
fn ends_in_not(lexicon: &Lexicon, normal: &Normal, tokens: &[Token], clause: &Clause) -> bool {
    let rated = tokens[clause.first..clause.last]
        .iter()
        .rfind(|t| matches!(lexicon.role(t), Role::Rating(_) | Role::Threat(_)));
    rated.is_some_and(|t| {
        let tail: String = normal.chars[t.end.min(clause.end)..clause.end].iter().filter(|c| **c != PAUSE).collect();
        ["不", "不呢", "了没", "了没有", "没有啊", "没有呢"].contains(&tail.as_str())
    })
}

/// 能换机还是能退机: he asks which.
fn offers_two(normal: &Normal, clause: &Clause) -> bool {
    let said: String = normal.chars[clause.start..clause.end].iter().collect();
    let said = said.trim_start_matches(['那', '是']);
    // 及时还是不及时: the question comes back.
    let echoed = said
        .split_once("还是不")
        .is_some_and(|(one, other)| !other.is_empty() && one.ends_with(other.trim_end_matches(PAUSE)));
    echoed || (said.starts_with('能') || said.starts_with("可以")) && said.contains("还是")
}

/// 慢的是去年补漆那次: the word for the past stands behind what it dates.
fn said_of_the_past(normal: &Normal, clauses: &mut [Clause]) {
    for i in 1..clauses.len() {
        let joins = clauses[i].start >= 2 && normal.chars[clauses[i].start - 2..clauses[i].start] == ['的', '是'];
        clauses[i - 1].scope.past |= joins && clauses[i].scope.past;
    }
}

/// The past lasts until something brings the speech back.
fn carry_past(clauses: &mut [Clause]) {
    let mut past = false;
    for clause in clauses {
        let s = &mut clause.scope;
        past = s.past || past && !(s.now || s.contrast || s.correction);
        s.past = past && !s.now;
    }
}

/// 他们说，很差: a quotation with nothing in it yet reaches over the pause.
fn carry_quotation(lexicon: &Lexicon, normal: &Normal, clauses: &mut [Clause], tokens: &[Token]) {
    for i in 1..clauses.len() {
        let before = &clauses[i - 1];
        let says_nothing = !tokens[before.first..before.last]
            .iter()
            .any(|t| matches!(lexicon.role(t), Role::Rating(_) | Role::Threat(_)));
        let opens_own = tokens[clauses[i].first..clauses[i].last]
            .first()
            .is_some_and(|t| speaks_for_himself(lexicon.role(t)) && t.start == clauses[i].start);
        // 说是八点来，七点四十就到了: what was said is in the clause already.
        let ends = before.end - usize::from(normal.chars.get(before.end - 1) == Some(&PAUSE));
        let open = tokens[before.first..before.last]
            .iter()
            .rfind(|t| matches!(lexicon.role(t), Role::Quotation))
            .is_none_or(|t| t.end + 1 >= ends || lexicon.word(t) != "说是");
        let carried = before.scope.quoted && says_nothing && open && !opens_own;
        // 隔壁老板嫌你们贵，嫌你们慢.
        let said = &normal.chars[clauses[i].start..clauses[i].end];
        let goes_on = matches!(said, ['嫌' | '说' | '讲', '你' | '他' | '人', ..]) && before.scope.quoted;
        clauses[i].scope.quoted |= carried || goes_on;
    }
}

/// 要是再慢，我就退机: the consequence is as supposed as its condition.
fn carry_supposition(normal: &Normal, clauses: &mut [Clause]) {
    for i in 1..clauses.len() {
        let before = clauses[i - 1].scope;
        let text: String = normal.chars[clauses[i].start..clauses[i].end].iter().collect();
        let follows = text.contains('就') && !text.starts_with("就是")
            || text.contains('才')
            || any_of(&text, &["肯定", "一定", "绝对", "保准", "保证"])
            || text.contains('早')
            || text.starts_with('那');
        let same_breath = normal.chars.get(clauses[i].start.wrapping_sub(1)) != Some(&PAUSE);
        clauses[i].scope.counterfactual |= before.counterfactual && same_breath && !clauses[i].scope.contrast;
        if follows && !clauses[i].scope.contrast && !clauses[i].scope.now {
            clauses[i].scope.supposed |= before.supposed;
            clauses[i].scope.counterfactual |= before.counterfactual;
        }
    }
}
