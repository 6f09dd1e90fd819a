//! Answers of one call → its scorecard (conventions 14, 15).
//!
//! Contract: the direct answer to an indicator's question comes first; a spontaneous remark fills only an indicator that was never
//! asked; three different nulls. Nothing is imputed.

use super::judge::Judgement;
use super::rubric::Rubric;
use super::{Answer, Evidence, Indicator, Level, NoLevel, Score, Scorecard};
use crate::domain::ways::any_of;

/// Judges every answer, in their order.
pub fn judgements(rubric: &Rubric, answers: &[Answer]) -> Vec<Judgement> {
    answers.iter().map(|a| rubric.judge(a)).collect()
}

/// Judges the answers of one call.
pub fn score_call(rubric: &Rubric, answers: &[Answer]) -> Scorecard {
    score_judged(rubric, answers, &judgements(rubric, answers))
}

/// The scorecard of answers that were judged before (the audit needs both).
pub fn score_judged(rubric: &Rubric, answers: &[Answer], judged: &[Judgement]) -> Scorecard {
    let pairs: Vec<(&Answer, &Judgement)> = answers.iter().zip(judged).collect();
    let scores = Indicator::ALL.into_iter().map(|i| score_of(i, &pairs)).collect();
    let mut alarms: Vec<Evidence> = Vec::new();
    for alarm in judged.iter().flat_map(|j| &j.alarms) {
        if !alarms.iter().any(|a| a.text == alarm.text && a.turn == alarm.turn && a.start == alarm.start) {
            alarms.push(alarm.clone());
        }
    }
    Scorecard { rubric: rubric.id().to_string(), scores, alarms }
}

fn score_of(indicator: Indicator, pairs: &[(&Answer, &Judgement)]) -> Score {
    let mut direct: Vec<&(&Answer, &Judgement)> =
        pairs.iter().filter(|(a, _)| a.indicator == Some(indicator)).collect();
    // 配件质量怎么样 beside 配件供应怎么样: the indicator's own question decides.
    if direct.iter().any(|(a, _)| !asks_aside(&a.question)) {
        direct.retain(|(a, _)| !asks_aside(&a.question));
    }
    if direct.is_empty() {
        return spontaneous(indicator, pairs);
    }
    // Taken back in the answer to a later question.
    let own_turn = direct.last().and_then(|(a, _)| a.turn);
    let later = |a: &Answer| a.turn.zip(own_turn).is_some_and(|(t, own)| t > own);
    if let Some((_, j)) = pairs.iter().rev().find(|(a, j)| later(a) && j.revises.contains(&indicator)) {
        return scored(indicator, j.labels.get(&indicator).copied(), j);
    }
    // Asked again: the last answer that says something holds, as a correction would; his own words outweigh a yes to the agent's.
    let own = direct.iter().rev().find(|(_, j)| j.label.is_some() && !j.only_agrees());
    if let Some((_, j)) = own.or(direct.iter().rev().find(|(_, j)| j.label.is_some())) {
        return Score { disagreement: j.disagreement.clone(), ..scored(indicator, j.label, j) };
    }
    let not_applicable = direct.iter().any(|(_, j)| j.not_applicable);
    let reason = if not_applicable { NoLevel::NotApplicable } else { NoLevel::NoEvidence };
    let disagreement = direct.iter().rev().find_map(|(_, j)| j.disagreement.clone());
    Score { disagreement, ..without_level(indicator, reason) }
}

fn without_level(indicator: Indicator, reason: NoLevel) -> Score {
    Score { indicator, level: None, null_reason: Some(reason), evidence: Vec::new(), disagreement: None, human: None }
}

/// Asks for a side of the indicator: the quality or the price of parts.
fn asks_aside(question: &str) -> bool {
    any_of(question, &["配件质量", "零件质量", "配件的质量", "配件价格", "零件价格"])
}

fn spontaneous(indicator: Indicator, pairs: &[(&Answer, &Judgement)]) -> Score {
    match pairs.iter().rev().find_map(|(_, j)| j.labels.get(&indicator).map(|l| (*l, j))) {
        Some((level, j)) => scored(indicator, Some(level), j),
        None => without_level(indicator, NoLevel::NotAsked),
    }
}

fn scored(indicator: Indicator, level: Option<Level>, j: &Judgement) -> Score {
    let own = |e: &&Evidence| match e.rule.split_once(':') {
        Some((name, _)) => name == indicator.name(),
        None => true,
    };
    let evidence = j.evidence.iter().filter(own).cloned().collect();
    Score { indicator, level, null_reason: None, evidence, disagreement: None, human: None }
}
