//! The table's level and the learned words' leaning, weighed.
//!
//! Contract: the table has the word as long as the learned words are not surer of something else; they never touch numbers, keys or a yes
//! to the agent's own words. A level of theirs has its clause as evidence, under a rule of its own. Where they see no evaluation in what the
//! table took for one (去年那回太慢 今年没换过), the level goes, and a person listens. What the table silenced (quoted, supposed, a threat)
//! stays silenced. The thresholds were chosen on strangers' calls (docs/accuracy.md).

use super::acts::Act;
use super::judge::{BY_QUESTION, Judgement, apart, note};
use super::learned::{CLASSES, Leaning};
use super::lexicon::Token;
use super::normal::{Normal, plain, to_simplified};
use super::question::{Asked, Question};
use super::reading::evidence;
use super::rubric::Rubric;
use super::signs::{question_signs, signs};
use super::{Evidence, Indicator, Level};

/// The rule beside a level that no word of the table gave.
const LEARNED: &str = "learned words";
/// The rule beside a level against the table's.
const AGAINST_TABLE: &str = "learned words, against the table";

/// Who has the other level, where the learned words are two or more away from the table: a person should listen.
const TABLE: &str = "table";

/// Another level than the table's: at least seven times as likely (e²); praise where the table hears a complaint: twenty times.
const OVERRULES: f64 = 2.0;
const OVERRULES_A_COMPLAINT: f64 = 3.0;
/// A level where the table has none: four times; that it has none for a whole tale says nothing.
const FILLS: f64 = 1.5;
const FILLS_A_TALE: f64 = 0.0;
/// Characters of a tale.
const TALE_MIN: usize = 30;
/// No evaluation where the table has a level: three times is enough, since scoring what should stay unscored is the worse mistake.
const TAKES_AWAY: f64 = 1.2;
/// A word of the table alone is what the table says, characters.
const OVERRULED_FROM: usize = 6;
/// A question asks for every indicator that is likelier than this; less likely than not, since an evaluation that is not asked for is lost.
const ASKS: f64 = 0.4;
/// Where none is, it asks for the likeliest, if it asks for some indicator or other.
const ASKS_FOR_SOME: f64 = 0.6;
/// Words that ask for a fact, as far as can be told, leave no question open.
const ASKS_FOR_FACT: f32 = 0.3;

impl Rubric {
    /// The level of the asked indicator with the learned words beside the table's.
    pub(super) fn weigh(&self, table: Judgement, normal: &Normal, text: &str, question: &Question) -> Judgement {
        let Some((learned, indicator)) = self.learned().zip(question.indicator) else { return table };
        let settled = table.not_applicable
            || table.disarmed && table.label.is_none()
            || !table.alarms.is_empty()
            || table.label.is_some() && normal.chars.len() < OVERRULED_FROM
            || table.evidence.iter().any(|e| e.heard_by.is_some() || BY_QUESTION.contains(&e.rule.as_str()));
        if question.asked != Asked::Rating || settled || normal.chars.is_empty() {
            return table;
        }
        let leaning = learned.answer(normal, &signs(&self.lexicon, normal, indicator), indicator);
        let (from, to) = (table.label.map_or(0, |l| usize::from(l.get())), likeliest(&leaning));
        let needed = match (from, to) {
            (_, 0) => TAKES_AWAY,
            (0, _) if normal.chars.len() >= TALE_MIN => FILLS_A_TALE,
            (0, _) => FILLS,
            (1..=3, 4..) => OVERRULES_A_COMPLAINT,
            _ => OVERRULES,
        };
        if to == from || leaning[to] - leaning[from] < needed {
            return table;
        }
        let rule = format!("{}:{}", indicator.name(), if from == 0 { LEARNED } else { AGAINST_TABLE });
        let level = u8::try_from(to).ok().and_then(Level::new).zip(learned.telling(normal, to, from));
        let found = level.map(|(level, clause)| evidence(normal, text, clause.start, clause.end, level, &rule));
        with_level(table, indicator, found)
    }

    /// How likely words that name no indicator leave the question open that was put before (那您自己呢, 嗯您接着说); those that ask for a fact do not.
    pub(super) fn comes_again(&self, question: &str, before: &str) -> f32 {
        let Some(learned) = self.learned() else { return 0.0 };
        let does = learned.acts(&plain(question), &to_simplified(before));
        let asks = |act: Act| act.asks_for_fact() && does.of(act) > ASKS_FOR_FACT;
        if Act::ALL.into_iter().any(asks) { 0.0 } else { does.of(Act::Again) }
    }

    /// The indicators that a question asks for, in their order; what the rules see in it is one of the things that the learned words weigh.
    pub(super) fn weigh_question(&self, normal: &Normal, tokens: &[Token], ruled: Vec<Indicator>) -> Vec<Indicator> {
        let Some(learned) = self.learned() else { return ruled };
        let asked = learned.question(normal, &question_signs(&self.lexicon, normal, tokens), &ruled);
        let likely: Vec<Indicator> = asked.iter().filter(|(_, p)| *p > ASKS).map(|(i, _)| *i).collect();
        let some = likely.is_empty() && asked.iter().map(|(_, p)| p).sum::<f64>() > ASKS_FOR_SOME;
        let likeliest = asked.iter().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| some);
        likely.into_iter().chain(likeliest.map(|(i, _)| *i)).collect()
    }
}

fn likeliest(leaning: &Leaning) -> usize {
    (0..CLASSES).max_by(|a, b| leaning[*a].total_cmp(&leaning[*b])).unwrap_or_default()
}

/// The judgement with this evidence for the indicator instead of its own, or with none. A person should listen where the two are apart, and
/// where a level is gone.
fn with_level(mut j: Judgement, indicator: Indicator, found: Option<Evidence>) -> Judgement {
    let level = found.as_ref().map(|f| f.level);
    if level.is_none() || apart(j.label, level) {
        let own = |e: &&Evidence| e.rule.starts_with(indicator.name());
        let words: Vec<&str> = j.evidence.iter().filter(own).map(|e| e.text.as_str()).collect();
        j.disagreement = Some(note(level, j.label, TABLE, &words.join("，")));
    }
    let bad = |level: Option<Level>| level.is_some_and(|l| l.get() <= 2);
    let raised = bad(j.label) && !bad(level);
    j.label = level;
    j.labels.remove(&indicator);
    j.labels.extend(level.map(|level| (indicator, level)));
    j.evidence.retain(|e| e.rule.split_once(':').is_some_and(|(name, _)| name != indicator.name()));
    j.evidence.extend(found);
    let gripes = j.labels.values().any(|l| l.get() <= 2) || !j.alarms.is_empty();
    j.complaint = gripes || j.complaint && !raised;
    j
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::{Answer, Learned};

    /// A table whose learned words hold 咕噜 for 5, 噗通 for 2 and ask for parts by 料.
    fn rubric() -> Rubric {
        let words = "a\t咕噜\t0\t0\t0\t0\t0\t900\na\t噗通\t0\t0\t900\t0\t0\t0\na\t咕咚\t900\t0\t0\t0\t0\t0\na\t嘎吱\t0\t0\t250\t0\t0\t0\na\t叮咚\t0\t0\t0\t0\t0\t250\na\t沙沙\t0\t0\t0\t0\t0\t100\nq\t\t-300\t-300\t-300\t-300\t-300\nq\t料$\t0\t0\t0\t900\t0\nq\t手活\t900\t0\t0\t0\t0\nq\t伙计\t250\t250\t0\t0\t0";
        let source = include_str!("../../../rubrics/after-sales-zh.toml");
        Rubric::parse(source).unwrap().with_learned(Some(Learned::parse(words).unwrap()))
    }

    fn check(text: &str, want: Option<u8>, rule: &str) {
        let j = rubric().judge(&Answer::bare(Some(Indicator::Skill), "师傅的技术您怎么评价", text));
        assert_eq!(j.label.map(|l| l.get()), want, "{text}: {:?}", j.evidence);
        assert_eq!(j.labels.get(&Indicator::Skill).map(|l| l.get()), want, "{text}");
        assert!(j.evidence.iter().any(|e| e.rule.ends_with(rule)) || want.is_none(), "{text}: {:?}", j.evidence);
        for e in &j.evidence {
            assert_eq!(e.text, text.chars().skip(e.start).take(e.end - e.start).collect::<String>());
        }
    }

    #[test]
    fn learned_words_fill_what_the_table_does_not_know_and_show_the_clause_that_says_it() {
        check("来了一看 那手活真是咕噜", Some(5), LEARNED);
        let j = rubric().judge(&Answer::bare(Some(Indicator::Skill), "技术呢", "说起来嘛 咕噜"));
        assert_eq!(j.evidence.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), ["咕噜"]);
    }

    #[test]
    fn learned_words_overrule_the_table_only_when_they_are_much_surer() {
        check("挺好 就是个噗通", Some(2), AGAINST_TABLE);
        check("挺好", Some(4), "");
        check("挺好 就是个嘎吱", Some(2), AGAINST_TABLE);
        check("不行 说起来是叮咚", Some(2), "");
        assert_eq!(
            rubric().judge(&Answer::bare(Some(Indicator::Skill), "技术呢", "说起来一般 就是个噗通")).disagreement,
            None,
            "near"
        );
        let j = rubric().judge(&Answer::bare(Some(Indicator::Skill), "技术呢", "不行 哪里啊 咕噜"));
        let told = j.disagreement.as_ref().map(|d| (d.engine.as_str(), d.text.as_str(), d.other.map(|l| l.get())));
        assert_eq!(told, Some((TABLE, "不行", Some(2))), "a person should listen");
        assert_eq!(
            (j.label.map(|l| l.get()), j.complaint),
            (Some(5), false),
            "a complaint goes with the level that made it"
        );
    }

    #[test]
    fn that_the_table_has_no_word_says_less_for_a_tale_than_for_a_clause() {
        check("那真是沙沙", None, "");
        let tale = "他蹲在那棵树底下 一个一个地拆开来看 弄到月亮都上山了 那真是沙沙";
        check(tale, Some(5), LEARNED);
    }

    #[test]
    fn a_level_goes_where_the_learned_words_see_no_evaluation_and_a_person_listens() {
        let gone = "手艺差 反正是咕咚";
        check(gone, None, "");
        let j = rubric().judge(&Answer::bare(Some(Indicator::Skill), "技术呢", gone));
        let told = j.disagreement.as_ref().map(|d| (d.chosen, d.other.map(|l| l.get())));
        assert_eq!((told, j.complaint), (Some((None, Some(2))), false), "{j:?}");
    }

    #[test]
    fn what_was_quoted_asked_for_in_numbers_or_is_a_threat_stays_as_the_table_has_it() {
        check("邻居都说好 咕噜", None, "");
        let number = Answer::bare(Some(Indicator::Skill), "技术您打几分 一到五分", "三分");
        assert_eq!(rubric().judge(&number).label.map(|l| l.get()), Some(3));
        let threat = rubric().judge(&Answer::bare(Some(Indicator::Skill), "技术呢", "我要退机 什么咕噜"));
        assert!(!threat.alarms.is_empty() && threat.label.is_none_or(|l| l.get() < 5), "{threat:?}");
    }

    #[test]
    fn learned_words_know_a_question_that_the_rules_pass_over() {
        assert_eq!(rubric().indicators_asked("那些料"), [Indicator::Parts]);
        assert_eq!(rubric().indicators_asked("这手活和那些料"), [Indicator::Skill, Indicator::Parts], "in one breath");
        assert_eq!(rubric().indicators_asked("这手活和那手活"), [Indicator::Skill]);
        assert_eq!(
            rubric().indicators_asked("那位伙计"),
            [Indicator::Attitude],
            "the likeliest, if it is likely that he asks at all"
        );
        assert!(rubric().indicators_asked("那位").is_empty());
        assert!(rubric().with_learned(None).indicators_asked("那些料").is_empty());
    }
}
