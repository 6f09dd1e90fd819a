//! 坐席评分卡: one row an agent, the team's medians last; and what the audit found, by rule (E3).
//!
//! Contract: figures are `agent_card`'s. Beside them stands how many calls are behind: few prove nothing.

use super::Book;
use super::table::{Cell, Column, Kind, Table, col};
use crate::domain::agent_card::{AgentCard, Figure, Measure, RuleFigure, Team};
use crate::domain::audit::Severity;

const CARDS: &[Column] = &[
    col("name", "坐席", Kind::Text),
    col("calls", "呼叫", Kind::Count),
    col("answered", "接通", Kind::Count),
    col("answered_share", "接通率", Kind::Share),
    col("completed_share", "接通后完成率", Kind::Share),
    col("on_time_share", "按时首呼率", Kind::Share),
    col("talk_s", "平均通话秒数", Kind::Number),
    col("measured", "测量的录音", Kind::Count),
    col("talk_share", "坐席说话占比", Kind::Share),
    col("cut_ins", "每通打断客户次数", Kind::Number),
    col("audited", "稽核的通话", Kind::Count),
    col("red", "每百通红色发现", Kind::Number),
    col("amber", "每百通黄色发现", Kind::Number),
    col("sheets", "质检表", Kind::Count),
    col("sheet", "质检得分", Kind::Number),
    col("machine_sheet", "质检得分（机器）", Kind::Number),
    col("fatal_share", "触及底线项的通话", Kind::Share),
    col("corrected_share", "人工改过的质检表", Kind::Share),
    col("skill", "服务技能", Kind::Number),
    col("attitude", "服务态度", Kind::Number),
    col("timeliness", "服务及时性", Kind::Number),
    col("parts", "配件供应", Kind::Number),
    col("overall", "服务综合", Kind::Number),
    col("indexed", "有指数", Kind::Count),
    col("index", "满意度指数", Kind::Number),
    col("upheld", "异议成立", Kind::Count),
    col("dismissed", "异议不成立", Kind::Count),
    col("pending", "异议待处理", Kind::Count),
];

const FINDINGS: &[Column] = &[
    col("name", "坐席", Kind::Text),
    col("rule", "规则", Kind::Text),
    col("severity", "级别", Kind::Text),
    col("found", "发现", Kind::Count),
    col("audited", "稽核的通话", Kind::Count),
    col("per_100", "每百通", Kind::Number),
    col("median", "每百通中位数", Kind::Number),
];

const MEDIANS: &str = "（中位数）";

pub(super) fn tables(book: &Book) -> Vec<Table> {
    let cards = Team::of(&book.works).cards();
    // The medians are the team's: every card has the same.
    let medians = cards.first().map(|card| row(card, MEDIANS, |figure| figure.median, |_| Cell::Empty));
    let rows = cards.iter().map(|card| row(card, card.agent.as_str(), |figure| figure.value, Cell::count));
    let findings = cards.iter().flat_map(|card| card.findings.iter().map(|found| finding(card, found)));
    vec![
        Table::new("cards", "坐席评分卡", CARDS).with_rows(rows.chain(medians)),
        Table::new("findings", "稽核发现", FINDINGS).with_rows(findings),
    ]
}

/// `value` of each figure, and in the columns of counts `n`.
fn row(card: &AgentCard, name: &str, value: fn(&Figure) -> Option<f64>, n: fn(usize) -> Cell) -> Vec<Cell> {
    let figure =
        |wanted: Measure| card.figures.iter().find(|(measure, _)| *measure == wanted).map(|(_, figure)| figure);
    let behind = |wanted: Measure| figure(wanted).map_or(Cell::Empty, |figure| n(figure.n));
    let disputes = [card.disputes.upheld, card.disputes.dismissed, card.disputes.pending];
    let cell = |column: &Column| match column.key {
        "name" => name.into(),
        "calls" => n(card.calls),
        "answered" => n(card.answered),
        "measured" => behind(Measure::CutIns),
        "audited" => behind(Measure::Red),
        "sheets" => behind(Measure::Corrected),
        "indexed" => behind(Measure::Index),
        "upheld" => n(disputes[0] as usize),
        "dismissed" => n(disputes[1] as usize),
        "pending" => n(disputes[2] as usize),
        key => {
            let measure = Measure::ALL.into_iter().find(|measure| measure.described().0 == key);
            match (measure.and_then(figure).and_then(value), column.kind) {
                (Some(value), Kind::Share) => Cell::Share(value),
                (value, _) => value.into(),
            }
        }
    };
    CARDS.iter().map(cell).collect()
}

fn finding(card: &AgentCard, found: &RuleFigure) -> Vec<Cell> {
    let severity = match found.severity {
        Severity::Red => "红",
        Severity::Amber => "黄",
        Severity::Info => "提示",
        Severity::Pass => "通过",
    };
    vec![
        card.agent.as_str().into(),
        found.rule.as_str().into(),
        severity.into(),
        Cell::Count(u64::from(found.found)),
        Cell::count(found.per_100.n),
        found.per_100.value.into(),
        found.per_100.median.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::agent_card::Unit;

    #[test]
    fn every_measure_has_a_column_of_its_kind() {
        for measure in Measure::ALL {
            let (key, title, unit) = measure.described();
            let column = CARDS.iter().find(|column| column.key == key).unwrap_or_else(|| panic!("no column {key}"));
            let kind = if unit == Unit::Share { Kind::Share } else { Kind::Number };
            assert_eq!((column.title, column.kind), (title, kind), "{key}");
        }
    }
}
