//! Degree and negation: what 不, 不太, 非常, 有点 do to the word they stand before (conventions 4–6).
//!
//! Contract: one level word in, one weighed level out, or nothing when the words around it take its force away. The rules are small
//! functions over a [`Weight`]; the table of words decides who is a modifier.

use super::clause::Clause;
use super::lexicon::{Lexicon, Rating, Role, Token};
use super::normal::Normal;
use super::rubric::Class;

/// A level word with everything that modifies it.
#[derive(Clone, Debug)]
pub(super) struct Weighed {
    pub level: u8,
    pub class: Class,
    /// Characters of the normal text, modifiers included.
    pub start: usize,
    pub end: usize,
    /// Steps that led here, for the evidence: `table+不是+很`.
    pub steps: Vec<&'static str>,
    /// A negated complaint (没什么不满意的, 也不是说不好).
    pub double_negation: bool,
    /// 也不是, 倒不是, 不能说: denied with something held back.
    pub hedge: bool,
}

impl Weighed {
    /// 不满 by what is meant, without a word of the table.
    pub fn poor(start: usize, end: usize, step: &'static str) -> Self {
        Self { level: 2, class: Class::Poor, start, end, steps: vec![step], double_negation: false, hedge: false }
    }

    /// A question that expects a no denies.
    pub fn deny(&mut self) {
        apply(Step::Deny, self);
    }

    /// 也不是说不好, 好是好: granted half-heartedly.
    pub fn hedges(&self) -> bool {
        self.hedge && (self.double_negation || self.class.is_positive())
    }

    /// Praise that is meant the other way round.
    pub fn turn_round(&mut self) {
        self.class = Class::Poor;
        self.level = 2;
        self.steps.push("irony");
    }
}

/// Negators that hold something back.
const HEDGES: [&str; 6] = ["也不是", "倒不是", "倒也不是", "不是说", "不能说", "也不能"];

/// 没什么 reaches over so many characters.
const NONE_REACH: usize = 4;

#[derive(Clone, Copy, Debug)]
struct Weight {
    class: Class,
    level: u8,
}

impl Weight {
    fn of(class: Class) -> Self {
        Self { class, level: class.level() }
    }
}

/// Weighs the rating at `tokens[at]` inside its clause; `None` when its own words cancel it.
pub(super) fn weigh(
    lexicon: &Lexicon,
    normal: &Normal,
    tokens: &[Token],
    at: usize,
    clause: &Clause,
    r: &Rating,
) -> Option<Weighed> {
    let head = tokens[at];
    let mut w = Weighed {
        level: r.level,
        class: r.class,
        start: head.start,
        end: head.end,
        steps: vec![r.source],
        double_negation: false,
        hedge: false,
    };
    // 不太熟练 as one word weighs as softly as 不太 before another.
    if ["不太", "不大", "不怎么", "不够", "不算", "有点"].iter().any(|s| lexicon.word(&head).starts_with(s))
    {
        w.steps.push("softly negated");
    }
    w.hedge = grants(normal, &head);
    after(lexicon, normal, tokens, at, clause, &mut w);
    before(lexicon, normal, tokens, at, clause, &mut w);
    Some(w)
}

/// 好是好, 快是快: granted, with a reservation to come.
fn grants(normal: &Normal, head: &Token) -> bool {
    let word = &normal.chars[head.start..head.end];
    let behind = |from: usize| normal.chars.get(from..from + word.len()) == Some(word);
    normal.chars.get(head.end) == Some(&'是') && behind(head.end + 1)
        || head.start > word.len()
            && normal.chars.get(head.start - 1) == Some(&'是')
            && behind(head.start - 1 - word.len())
}

/// Words behind the level word: 慢了点, 好得很, 满意什么呀.
fn after(lexicon: &Lexicon, normal: &Normal, tokens: &[Token], at: usize, clause: &Clause, w: &mut Weighed) {
    let mut end = tokens[at].end;
    for next in tokens.get(at + 1..clause.last).unwrap_or_default() {
        if next.start != end {
            return;
        }
        let step = match lexicon.role(next) {
            Role::AfterIntensifier => Step::Intensify,
            Role::AfterSoftener if w.class.is_negative() => Step::Soften,
            Role::RhetoricAfter if w.class.is_positive() && !is_universal(normal, next) => Step::Deny,
            Role::SoftNegator if w.class.is_positive() && closes(lexicon, tokens, next, clause) => Step::DenySoftly,
            Role::Filler => {
                if w.class.is_positive() && is_rhetoric(lexicon.word(next)) && !is_universal(normal, next) {
                    Step::Deny
                } else {
                    end = next.end;
                    continue;
                }
            }
            _ => return,
        };
        apply(step, w);
        end = next.end;
        w.end = end;
    }
}

/// 好，啥都好: 啥 belongs to what follows, and 什么都 denies nothing.
fn is_universal(normal: &Normal, t: &Token) -> bool {
    matches!(normal.chars.get(t.end), Some('都' | '也'))
}

/// 满意谈不上, 及时也说不上: what denies softly stands last, no other level word behind it.
fn closes(lexicon: &Lexicon, tokens: &[Token], denial: &Token, clause: &Clause) -> bool {
    let says = ["谈不上", "说不上", "算不上", "称不上", "谈不到", "算不得"];
    says.iter().any(|w| lexicon.word(denial).ends_with(w))
        && !tokens[clause.first..clause.last]
            .iter()
            .any(|t| t.start >= denial.end && matches!(lexicon.role(t), Role::Rating(_)))
}

/// 满意什么, 好啥: also fillers elsewhere.
fn is_rhetoric(word: &str) -> bool {
    matches!(word, "什么" | "啥")
}

/// Words before the level word, nearest first, as long as nothing else stands between.
fn before(lexicon: &Lexicon, normal: &Normal, tokens: &[Token], at: usize, clause: &Clause, w: &mut Weighed) {
    let mut edge = tokens[at].start;
    let mut measured = lexicon.word(&tokens[at]).starts_with(['挺', '还', '蛮']);
    if w.class.is_negative()
        && let Some(t) = none_of_it(lexicon, normal, tokens, at, clause)
    {
        none_at_all(w, t.start, edge - t.end);
        return;
    }
    for i in (clause.first..at).rev() {
        let t = tokens[i];
        let role = lexicon.role(&t);
        if t.end != edge || at_pause(normal, edge) {
            return;
        }
        let step = match role {
            Role::NoneAtAll => {
                none_at_all(w, t.start, edge - t.end);
                return;
            }
            Role::Negator if measured && matches!(lexicon.word(&t), "没有" | "没" | "不") => return,
            Role::Negator if is_alternative(normal, lexicon.word(&t), clause) => return,
            Role::Negator if is_existence_before_praise(lexicon, &t, w) => return,
            Role::Negator => {
                w.hedge |= HEDGES.iter().any(|h| lexicon.word(&t).starts_with(h));
                Step::Deny
            }
            // 也不能说差.
            Role::Correction if w.class.is_negative() && lexicon.word(&t) == "也不能说" => Step::Deny,
            Role::SoftNegator => Step::DenySoftly,
            Role::Intensifier if w.class.is_negative() && assures(lexicon.word(&t)) => Step::Assure,
            Role::Intensifier => Step::Intensify,
            Role::Rating(_) if lexicon.word(&t) == "好" && t.end == tokens[at].start => Step::Intensify,
            Role::Measured => {
                measured = true;
                Step::Measure
            }
            Role::Softener => Step::Soften,
            Role::Topic { .. } if denies_whole_statement(lexicon, tokens, i, clause) => {
                w.hedge |= HEDGES.iter().any(|h| lexicon.word(&tokens[i - 1]).starts_with(h));
                apply(Step::Deny, w);
                w.start = tokens[i - 1].start;
                return;
            }
            Role::RhetoricBefore if w.class.is_positive() || cannot_be(lexicon, &t, &tokens[at]) => Step::Deny,
            Role::Filler => {
                edge = t.start;
                continue;
            }
            _ => return,
        };
        apply(step, w);
        edge = t.start;
        w.start = t.start;
    }
}

/// 哪能不满意呢, 怎么会不好: asks how it could be otherwise.
fn cannot_be(lexicon: &Lexicon, asks: &Token, denied: &Token) -> bool {
    matches!(lexicon.word(asks), "哪能" | "怎么能" | "怎么会" | "怎么可能" | "谁能" | "谁会")
        && lexicon.word(denied).starts_with('不')
}

/// 没什么让我不满意的, 从没有过不好的时候: a few characters may stand between, another level word or a pause may not.
fn none_of_it<'t>(
    lexicon: &Lexicon,
    normal: &Normal,
    tokens: &'t [Token],
    at: usize,
    clause: &Clause,
) -> Option<&'t Token> {
    let edge = tokens[at].start;
    let near = tokens[clause.first..at].iter().rev().take_while(|t| {
        // A form laid over the words may reach into the next one.
        t.end <= edge
            && edge - t.end <= NONE_REACH
            && !matches!(lexicon.role(t), Role::Rating(_))
            && !normal.chars[t.end..edge].contains(&super::normal::PAUSE)
    });
    near.into_iter().find(|t| matches!(lexicon.role(t), Role::NoneAtAll))
}

/// 不是技术不好（是没配件）: the whole statement is denied, topic and all.
fn denies_whole_statement(lexicon: &Lexicon, tokens: &[Token], topic: usize, clause: &Clause) -> bool {
    topic > clause.first
        && tokens[topic - 1].end == tokens[topic].start
        && matches!(lexicon.role(&tokens[topic - 1]), Role::Negator)
        && ["不是", "没说", "没有说", "谁说"].iter().any(|w| lexicon.word(&tokens[topic - 1]).contains(w))
}

/// 不是没货就是发错: one or the other holds; nothing is denied.
fn is_alternative(normal: &Normal, negator: &str, clause: &Clause) -> bool {
    let behind = normal.chars.get(clause.end..clause.end + 2) == Some(&['就', '是']);
    negator == "不是" && behind && !at_pause(normal, clause.end)
}

/// 没有特别满意 is soft, but 没有，非常满意 without its pause is no denial: 没有 denies plain words only.
fn is_existence_before_praise(lexicon: &Lexicon, t: &Token, w: &Weighed) -> bool {
    matches!(lexicon.word(t), "没有" | "没") && w.class == Class::Great && w.steps.len() > 1
}

/// 真不行, 确实差: he means it; it does not get worse than it is.
fn assures(word: &str) -> bool {
    matches!(word, "真" | "真是" | "真的" | "实在" | "实在是" | "确实" | "着实" | "属实" | "委实")
}

fn at_pause(normal: &Normal, edge: usize) -> bool {
    edge > 0 && normal.chars.get(edge - 1) == Some(&super::normal::PAUSE)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Deny,
    DenySoftly,
    Intensify,
    Measure,
    Soften,
    Assure,
}

fn apply(step: Step, w: &mut Weighed) {
    let was_negative = w.class.is_negative();
    let weight = match step {
        Step::Deny => denied(w.class),
        Step::DenySoftly => denied_softly(w.class),
        Step::Intensify => intensified(w.class, w.level),
        Step::Measure => measured(w.class, w.level),
        Step::Soften => softened(w.class, w.level),
        Step::Assure => Weight { class: w.class, level: w.level },
    };
    w.double_negation |= was_negative && matches!(step, Step::Deny);
    w.level = weight.level;
    w.class = weight.class;
    w.steps.push(match step {
        Step::Deny => "negated",
        Step::DenySoftly => "softly negated",
        Step::Intensify => "intensified",
        Step::Measure => "measured",
        Step::Soften => "softened",
        Step::Assure => "assured",
    });
}

/// What a degree word of this role makes of a word of this class; `None` where the two say nothing together.
pub(super) fn with_degree(role: &Role, class: Class) -> Option<Class> {
    let weight = match role {
        Role::Intensifier => intensified(class, class.level()),
        Role::Measured => measured(class, class.level()),
        Role::SoftNegator => denied_softly(class),
        Role::Negator => denied(class),
        Role::Softener if class.is_negative() => softened(class, class.level()),
        _ => return None,
    };
    Some(weight.class)
}

/// 不 + positive → 2; 不 + complaint → 4 (conventions 4, 5); 不 + 很好 → 3.
fn denied(class: Class) -> Weight {
    match class {
        Class::Great => Weight { class: Class::Gripe, level: 3 },
        Class::Good => Weight { class: Class::Poor, level: 2 },
        Class::Fair => Weight { class: Class::Fair, level: 3 },
        Class::Gripe | Class::Bad | Class::Poor | Class::Awful => Weight::of(Class::Good),
    }
}

/// 不太, 不是很, 谈不上 + positive → 3; before a complaint it takes the complaint away.
fn denied_softly(class: Class) -> Weight {
    match class {
        Class::Great | Class::Good => Weight { class: Class::Gripe, level: 3 },
        Class::Fair => Weight { class: Class::Fair, level: 3 },
        Class::Gripe | Class::Bad | Class::Poor | Class::Awful => Weight::of(Class::Good),
    }
}

/// 非常, 太, 得很: praise → 5; 差 → 1; slow stays 2 as in the table.
fn intensified(class: Class, level: u8) -> Weight {
    match class {
        Class::Great | Class::Good => Weight::of(Class::Great),
        Class::Poor | Class::Awful => Weight::of(Class::Awful),
        Class::Fair | Class::Gripe | Class::Bad => Weight { class, level },
    }
}

/// 挺, 还, 比较: praise stays at 4.
fn measured(class: Class, level: u8) -> Weight {
    match class {
        Class::Good => Weight::of(Class::Good),
        _ => Weight { class, level },
    }
}

/// 有点, 稍微, 了点 + complaint → 3.
fn softened(class: Class, level: u8) -> Weight {
    match class {
        Class::Gripe | Class::Bad | Class::Poor | Class::Awful => Weight { class: Class::Gripe, level: 3 },
        Class::Great | Class::Good | Class::Fair => Weight { class, level },
    }
}

/// 没什么不满意的, 没啥不好: the complaint is not there.
fn none_at_all(w: &mut Weighed, start: usize, gap: usize) {
    if w.class.is_negative() {
        apply(Step::Deny, w);
        w.start = start;
    } else if gap == 0 && w.class.is_positive() {
        apply(Step::DenySoftly, w);
        w.start = start;
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::score::{Answer, Indicator, Rubric};

    fn check(text: &str, want: u8) {
        let j = Rubric::builtin().judge(&Answer::bare(Some(Indicator::Overall), "总体您觉得怎么样", text));
        assert_eq!(j.label.map(|l| l.get()), Some(want), "{text}: {:?}", j.evidence);
    }

    #[test]
    fn convention_4_negated_praise_is_two_softly_negated_three_intensified_one() {
        check("不优秀", 2);
        check("没满意", 2);
        check("不太优秀", 3);
        check("不是很优秀", 3);
        check("谈不上优秀", 3);
        check("不是非常满意", 3);
        check("非常不优秀", 1);
        check("很不满意", 1);
        check("有点不满意", 3);
    }

    #[test]
    fn convention_5_a_negated_complaint_is_content() {
        check("没有不满意", 4);
        check("没啥不好", 4);
        check("没什么让我不满意的", 4);
        check("不差", 4);
        check("不是不满意", 4);
    }

    #[test]
    fn convention_6_degree_words_lift_or_hold_praise() {
        check("优秀", 4);
        check("非常优秀", 5);
        check("优秀得很", 5);
        check("挺优秀", 4);
        check("还算优秀", 4);
        check("没有 挺好的", 4);
        check("没有挺好的", 4);
    }

    #[test]
    fn complaints_intensified_or_softened() {
        check("差", 2);
        check("特差", 1);
        check("差了点", 3);
        check("稍微差点意思", 3);
        check("哪里满意了", 2);
        check("满意什么呀", 2);
    }

    #[test]
    fn a_denial_may_stand_behind_and_an_assurance_makes_nothing_worse() {
        check("满意谈不上吧 能用", 3);
        check("优秀说不上", 3);
        check("真不行", 2);
        check("好啥都好", 4);
        check("毫无怨言", 4);
    }

    #[test]
    fn a_degree_word_may_stand_inside_a_listed_word() {
        let said = |indicator, text: &str| {
            let j = Rubric::builtin().judge(&Answer::bare(Some(indicator), "您觉得怎么样", text));
            j.label.map(|l| l.get())
        };
        assert_eq!(said(Indicator::Attitude, "脾气有点大"), Some(3));
        assert_eq!(said(Indicator::Attitude, "架子不大"), Some(4));
        assert_eq!(said(Indicator::Attitude, "态度没得说"), Some(5));
        assert_eq!(said(Indicator::Skill, "手艺特别高"), Some(5));
        assert_eq!(said(Indicator::Skill, "手艺不太高"), Some(3));
    }
}
