//! 服务工程师, 经销商, 坐席: what their customers say, and how their own work went.
//!
//! Contract: engineers and dealers are counted by visit, agents by call. Orders that name nobody come last, under one heading.

use super::Book;
use super::entry::{CallLine, Entry, Judged};
use super::spot_check::UNKNOWN;
use super::table::{Cell, Column, Kind, Table, col};
use crate::domain::score::Indicator;
use crate::domain::visit::task::VisitState;
use std::collections::BTreeMap;

macro_rules! served_by {
    ($title:literal) => {
        &[
            col("name", $title, Kind::Text),
            col("visits", "回访", Kind::Count),
            col("completed", "已完成", Kind::Count),
            col("on_time_share", "按时率", Kind::Share),
            col("skill", "服务技能", Kind::Number),
            col("attitude", "服务态度", Kind::Number),
            col("timeliness", "服务及时性", Kind::Number),
            col("parts", "配件供应", Kind::Number),
            col("overall", "服务综合", Kind::Number),
            col("indexed", "有指数", Kind::Count),
            col("index", "平均满意度指数", Kind::Number),
            col("alarms", "告警", Kind::Count),
            col("truth_checked", "核实订单", Kind::Count),
            col("truth_differs", "与订单不符", Kind::Count),
        ]
    };
}

const ENGINEERS: &[Column] = served_by!("服务工程师");
const DEALERS: &[Column] = served_by!("经销商");

const AGENTS: &[Column] = &[
    col("name", "坐席", Kind::Text),
    col("calls", "呼叫", Kind::Count),
    col("answered", "接通", Kind::Count),
    col("completed", "完成回访", Kind::Count),
    col("on_time_share", "按时率", Kind::Share),
    col("talk_s", "平均通话秒数", Kind::Number),
    col("skill", "服务技能", Kind::Number),
    col("attitude", "服务态度", Kind::Number),
    col("timeliness", "服务及时性", Kind::Number),
    col("parts", "配件供应", Kind::Number),
    col("overall", "服务综合", Kind::Number),
    col("index", "平均满意度指数", Kind::Number),
    col("alarms", "告警", Kind::Count),
    col("red", "红色发现", Kind::Count),
    col("amber", "黄色发现", Kind::Count),
    col("truth_differs", "与订单不符", Kind::Count),
];

/// The questionnaire that nobody sits at.
const UNATTENDED: &str = "（语音问卷）";

pub(super) fn engineers(book: &Book) -> Table {
    Table::new("engineers", "服务工程师", ENGINEERS)
        .with_rows(served(book, |entry| entry.order.claims.engineer.as_deref()))
}

pub(super) fn dealers(book: &Book) -> Table {
    Table::new("dealers", "经销商", DEALERS).with_rows(served(book, |entry| entry.order.claims.dealer.as_deref()))
}

fn served(book: &Book, who: impl Fn(&Entry) -> Option<&str>) -> Vec<Vec<Cell>> {
    let mut groups: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &book.entries {
        groups
            .entry(who(entry).map(str::trim).filter(|name| !name.is_empty()).unwrap_or(UNKNOWN))
            .or_default()
            .push(entry);
    }
    let last = groups.remove_entry(UNKNOWN);
    groups.into_iter().chain(last).map(|(name, entries)| served_row(book, name, &entries)).collect()
}

fn served_row(book: &Book, name: &str, entries: &[&Entry]) -> Vec<Cell> {
    let judged: Vec<&Judged> = entries.iter().filter_map(|entry| entry.judged()).collect();
    let on_time: Vec<bool> = entries.iter().filter_map(|entry| entry.on_time(book.now)).collect();
    let indices: Vec<f64> = judged.iter().filter_map(|j| j.index()).collect();
    let differing: Vec<u32> = entries.iter().filter_map(|entry| entry.call()?.truth_differs).collect();
    let mut row = vec![
        name.into(),
        Cell::count(entries.len()),
        Cell::count(entries.iter().filter(|entry| entry.is_completed()).count()),
        Cell::share(on_time.iter().filter(|in_time| **in_time).count(), on_time.len()),
    ];
    row.extend(Indicator::ALL.map(|indicator| mean_level(&judged, indicator)));
    row.extend([
        Cell::count(indices.len()),
        Cell::mean(indices),
        Cell::count(judged.iter().filter(|j| !j.alarms.is_empty()).count()),
        Cell::count(differing.len()),
        Cell::count(differing.iter().filter(|claims| **claims > 0).count()),
    ]);
    row
}

fn mean_level(judged: &[&Judged], indicator: Indicator) -> Cell {
    Cell::mean(judged.iter().filter_map(|j| j.level(indicator)).map(|level| f64::from(level.get())))
}

pub(super) fn agents(book: &Book) -> Table {
    let mut groups: BTreeMap<&str, Vec<(&Entry, &CallLine)>> = BTreeMap::new();
    for entry in &book.entries {
        for call in &entry.calls {
            let seat = call.seat.as_ref().map_or(UNATTENDED, |seat| seat.as_str());
            groups.entry(seat).or_default().push((entry, call));
        }
    }
    let last = groups.remove_entry(UNATTENDED);
    let rows = groups.into_iter().chain(last).map(|(name, calls)| agent_row(name, &calls));
    Table::new("agents", "坐席", AGENTS).with_rows(rows)
}

fn agent_row(name: &str, calls: &[(&Entry, &CallLine)]) -> Vec<Cell> {
    let judged: Vec<&Judged> = calls.iter().filter_map(|(_, call)| call.judged.as_ref()).collect();
    let completes = |entry: &Entry, line: &CallLine| matches!(&entry.visit.state, VisitState::Completed { call, .. } if *call == line.id);
    // A first call is his; what the others before him missed is not.
    let first: Vec<bool> = calls
        .iter()
        .filter(|(_, call)| call.attempt == 1)
        .map(|(entry, call)| call.claimed_at <= entry.visit.due_at)
        .collect();
    let sum = |of: fn(&CallLine) -> u32| Cell::Count(calls.iter().map(|(_, call)| u64::from(of(call))).sum());
    let mut row = vec![
        name.into(),
        Cell::count(calls.len()),
        Cell::count(calls.iter().filter(|(_, call)| call.is_answered()).count()),
        Cell::count(calls.iter().filter(|(entry, call)| completes(entry, call)).count()),
        Cell::share(first.iter().filter(|in_time| **in_time).count(), first.len()),
        Cell::mean(calls.iter().filter_map(|(_, call)| call.talk_s())),
    ];
    row.extend(Indicator::ALL.map(|indicator| mean_level(&judged, indicator)));
    row.extend([
        Cell::mean(judged.iter().filter_map(|j| j.index())),
        Cell::count(judged.iter().filter(|j| !j.alarms.is_empty()).count()),
        sum(|call| call.red),
        sum(|call| call.amber),
        Cell::count(calls.iter().filter(|(_, call)| call.truth_differs.is_some_and(|claims| claims > 0)).count()),
    ]);
    row
}
