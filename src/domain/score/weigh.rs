//! The table's level and the learned words' leaning, weighed.
//!
//! Contract: the table has the word as long as the learned words are not far surer of something else; they never take a level away, and
//! never touch numbers, keys or a yes to the agent's own words. What they decide has its clause as evidence, under a rule of its own.
//! The thresholds were chosen on calls and answers of strangers that neither side had seen (docs/accuracy.md).

use super::judge::{BY_QUESTION, Judgement};
use super::learned::{CLASSES, Leaning};
use super::normal::Normal;
use super::question::{Asked, Question};
use super::reading::evidence;
use super::rubric::Rubric;
use super::{Indicator, Level};

/// The rule beside a level that no word of the table gave.
pub const LEARNED: &str = "learned words";
/// The rule beside a level against the table's.
pub const AGAINST_TABLE: &str = "learned words, against the table";

/// A level where the table has none: at least seven times as likely as none (e²).
const FILLS: f64 = 2.0;
/// Another level than the table's: at least twenty times as likely (e³).
const OVERRULES: f64 = 3.0;
/// A question that the rules pass over asks for an indicator: likelier than everything else together.
const ASKS: f64 = 0.5;
/// A question that the rules know to ask for something else asks for an indicator.
const ASKS_ALL_THE_SAME: f64 = 0.95;
/// A question in which the rules see an indicator asks for none: as good as certain.
const ASKS_NOTHING: f64 = 0.99;

impl Rubric {
    /// The level of the asked indicator with the learned words beside the table's.
    pub(super) fn weigh(&self, table: Judgement, normal: &Normal, text: &str, question: &Question) -> Judgement {
        let Some((learned, indicator)) = self.learned().zip(question.indicator) else { return table };
        let settled = table.not_applicable
            || table.disarmed && table.label.is_none()
            || !table.alarms.is_empty()
            || table.evidence.iter().any(|e| e.heard_by.is_some() || BY_QUESTION.contains(&e.rule.as_str()));
        if question.asked != Asked::Rating || settled || normal.chars.is_empty() {
            return table;
        }
        let leaning = learned.answer(normal, indicator);
        let (from, to) = (table.label.map_or(0, |l| usize::from(l.get())), likeliest(&leaning));
        let margin = if from == 0 { FILLS } else { OVERRULES };
        let level = u8::try_from(to).ok().and_then(Level::new).filter(|_| to != from);
        let sure = leaning[to] - leaning[from] >= margin;
        let (Some(level), true, Some(clause)) = (level, sure, learned.telling(normal, to, from)) else { return table };
        let rule = format!("{}:{}", indicator.name(), if from == 0 { LEARNED } else { AGAINST_TABLE });
        with_level(table, indicator, evidence(normal, text, clause.start, clause.end, level, &rule))
    }

    /// The indicators that the rules see in a question, with the learned words beside them; `elsewhere`: the rules know what else it
    /// asks for.
    pub(super) fn weigh_question(&self, text: &str, ruled: Vec<Indicator>, elsewhere: bool) -> Vec<Indicator> {
        let Some(learned) = self.learned() else { return ruled };
        let leaning = learned.question(text);
        let likely = likeliest(&leaning);
        let certain = leaning[likely].exp();
        let asks = if elsewhere { ASKS_ALL_THE_SAME } else { ASKS };
        match likely {
            0 if certain >= ASKS_NOTHING => Vec::new(),
            0 => ruled,
            _ if ruled.is_empty() && certain >= asks => vec![Indicator::ALL[likely - 1]],
            _ => ruled,
        }
    }
}

fn likeliest(leaning: &Leaning) -> usize {
    (0..CLASSES).max_by(|a, b| leaning[*a].total_cmp(&leaning[*b])).unwrap_or_default()
}

/// The judgement with this level of the indicator instead of its own.
fn with_level(mut j: Judgement, indicator: Indicator, found: super::Evidence) -> Judgement {
    let level = found.level;
    let raised = j.label.is_some_and(|l| l.get() <= 2) && level.get() > 2;
    j.label = Some(level);
    j.labels.insert(indicator, level);
    j.evidence.retain(|e| e.rule.split_once(':').is_some_and(|(name, _)| name != indicator.name()));
    j.evidence.push(found);
    let gripes = j.labels.values().any(|l| l.get() <= 2) || !j.alarms.is_empty();
    j.complaint = gripes || j.complaint && !raised;
    j
}
