//! Praise in form, the opposite in meaning (convention 11): 真快啊 等了半个月, 满意 满意得睡不着.
//!
//! Contract: praise turns round only where it is stressed or drawn out *and* a bitter fact of the table stands behind it, or where a
//! mocking word stands beside a complaint; plain praise beside a plain complaint stays praise. Every turned word says `irony`.

use super::clause::Clause;
use super::compose::Weighed;
use super::lexicon::{Role, Token};
use super::normal::{Normal, PAUSE};
use super::reading::{Eval, Reading, Target};
use super::rubric::Rubric;

/// A bitter fact so many characters behind the praise still speaks of it.
const REACH: usize = 14;

impl Rubric {
    pub(super) fn irony(&self, reading: &mut Reading, normal: &Normal, tokens: &[Token], clauses: &[Clause]) {
        let mocks = tokens.iter().position(|t| matches!(self.lexicon.role(t), Role::Sarcasm));
        if mocks.is_none() && !reading.evals.iter().any(|e| e.weighed.class.is_positive()) {
            return;
        }
        // 连口水都没顾上喝: said in praise.
        let kind = |(from, to): &(usize, usize)| normal.chars[*from..*to].iter().any(|c| "水饭茶烟汗".contains(*c));
        let mut bitter = self.lexicon.bitter(normal);
        bitter.retain(|b| !kind(b));
        let turned = |clause: usize| clauses.get(clause).is_some_and(|c| c.scope.contrast);
        // 态度真好啊 我讲一句他顶我三句: what he complains of right behind is as bitter.
        let complaints = reading
            .evals
            .iter()
            .filter(|e| e.weighed.class.is_negative() && e.scope.in_force() && e.target == Target::Asked);
        bitter.extend(complaints.map(|e| (e.weighed.start, e.weighed.end)));
        for e in reading.evals.iter_mut().filter(|e| e.weighed.class.is_positive() && e.scope.in_force()) {
            let behind = bitter.iter().any(|(from, _)| *from >= e.weighed.end && *from <= e.weighed.end + REACH);
            let sincere_turn = turned(e.clause + 1);
            if behind && !sincere_turn && stressed(normal, &e.weighed) {
                e.weighed.turn_round();
            }
        }
        let Some(at) = mocks else { return };
        let Some(clause) = clauses.iter().position(|c| (c.first..c.last).contains(&at)) else { return };
        if bitter.is_empty() {
            return;
        }
        for e in reading.evals.iter_mut().filter(|e| e.weighed.class.is_positive()) {
            e.weighed.turn_round();
        }
        reading.evals.push(mockery(&tokens[at], clauses[clause].scope, clause));
    }
}

/// 真快, 可真专业, 好啊, 满意得…, 及时 及时…: said with more force than plain praise needs.
fn stressed(normal: &Normal, w: &Weighed) -> bool {
    let said: String = normal.chars[w.start..w.end].iter().collect();
    let rest: Vec<char> =
        normal.chars[w.end..].iter().copied().filter(|c| *c != PAUSE).take(w.end - w.start + 1).collect();
    let particle = rest.first().is_some_and(|c| "啊呀得呐哈".contains(*c));
    let again = rest.iter().collect::<String>().starts_with(&said);
    let vocative = rest.iter().collect::<String>().starts_with("你们");
    let lead = ["真", "可", "真够", "够"].iter().any(|m| said.starts_with(m)) && !said.starts_with("可以");
    particle || again || vocative || lead
}

/// 呵呵, 真行啊 beside a complaint: a level of its own.
fn mockery(token: &Token, scope: super::clause::Scope, clause: usize) -> Eval {
    Eval::of_asked(Weighed::poor(token.start, token.end, "irony"), scope, clause)
}

#[cfg(test)]
mod tests {
    use crate::domain::score::{Answer, Indicator, Rubric};

    fn check(indicator: Indicator, text: &str, want: u8) {
        let j = Rubric::builtin().judge(&Answer::bare(Some(indicator), "您觉得怎么样", text));
        assert_eq!(j.label.map(|l| l.get()), Some(want), "{text}: {:?}", j.evidence);
    }

    #[test]
    fn convention_11_stressed_praise_before_a_bitter_fact_is_meant_the_other_way_round() {
        use Indicator::{Overall, Skill, Timeliness};
        check(Timeliness, "真快啊 等了半个月", 2);
        check(Timeliness, "及时 及时得活都干完了", 2);
        check(Skill, "可真专业 连扳手都没带", 2);
        check(Overall, "满意 满意得我天天睡不着觉", 2);
        check(Overall, "真行啊 满意什么呀", 2);
    }

    #[test]
    fn plain_praise_stays_praise_and_so_does_praise_that_a_turn_limits() {
        use Indicator::{Attitude, Skill, Timeliness};
        check(Timeliness, "真快 一会儿就到了", 5);
        check(Attitude, "真热情 但是等了三天", 5);
        check(Skill, "技术好 修了两个小时", 4);
    }
}
