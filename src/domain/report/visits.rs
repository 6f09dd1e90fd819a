//! 回访月报 (G06): what was due and what became of it, by programme; how visits ended; every late one with its cause (A01, A02).

use super::Book;
use super::entry::{Entry, state_zh, why_not_zh};
use super::table::{Cell, Column, Kind, Table, col};
use crate::domain::visit::task::VisitState;
use std::collections::{BTreeMap, BTreeSet};

const SUMMARY: &[Column] = &[
    col("programme", "回访方案", Kind::Text),
    col("due", "应回访", Kind::Count),
    col("completed", "已完成", Kind::Count),
    col("completed_share", "完成率", Kind::Share),
    col("closed", "已关闭", Kind::Count),
    col("open", "未结束", Kind::Count),
    col("on_time", "按时首呼", Kind::Count),
    col("late", "超时", Kind::Count),
    col("on_time_share", "按时率", Kind::Share),
    col("escalated", "升级", Kind::Count),
    col("calls", "呼叫", Kind::Count),
    col("answered", "接通", Kind::Count),
    col("answered_share", "接通率", Kind::Share),
    col("index", "平均满意度指数", Kind::Number),
];

const ENDS: &[Column] =
    &[col("end", "结果", Kind::Text), col("visits", "回访数", Kind::Count), col("share", "占比", Kind::Share)];

const LATE: &[Column] = &[
    col("number", "回访记录编号", Kind::Text),
    col("order_no", "服务订单", Kind::Text),
    col("programme", "回访方案", Kind::Text),
    col("due_at", "应回访时间", Kind::Instant),
    col("first_attempt_at", "首次呼叫", Kind::Instant),
    col("late_min", "超时分钟", Kind::Number),
    col("cause", "超时原因", Kind::Text),
    col("escalated_at", "升级时间", Kind::Instant),
    col("state", "状态", Kind::Text),
];

/// Of all programmes together.
const ALL: &str = "合计";

pub(super) fn tables(book: &Book) -> Vec<Table> {
    vec![summary(book), ends(book), late(book)]
}

fn summary(book: &Book) -> Table {
    let names: BTreeSet<&str> = book.entries.iter().map(|entry| entry.visit.programme.as_str()).collect();
    let mut rows: Vec<Vec<Cell>> = vec![];
    for name in names {
        let of_it: Vec<&Entry> = book.entries.iter().filter(|entry| entry.visit.programme == name).collect();
        rows.push(summed(book.title(name), &of_it, book));
    }
    rows.push(summed(ALL, &book.entries.iter().collect::<Vec<_>>(), book));
    Table::new("summary", "回访情况", SUMMARY).with_rows(rows)
}

fn summed(title: &str, entries: &[&Entry], book: &Book) -> Vec<Cell> {
    let count = |holds: &dyn Fn(&Entry) -> bool| entries.iter().filter(|entry| holds(entry)).count();
    let completed = count(&Entry::is_completed);
    let closed = count(&|entry| matches!(entry.visit.state, VisitState::Closed { .. }));
    let on_time = count(&|entry| entry.on_time(book.now) == Some(true));
    let late = count(&|entry| entry.on_time(book.now) == Some(false));
    let escalated = count(&|entry| entry.visit.escalated_at.is_some());
    let calls = entries.iter().map(|entry| entry.calls.len()).sum();
    let answered = entries.iter().flat_map(|entry| &entry.calls).filter(|call| call.is_answered()).count();
    vec![
        title.into(),
        Cell::count(entries.len()),
        Cell::count(completed),
        Cell::share(completed, entries.len()),
        Cell::count(closed),
        Cell::count(entries.len() - completed - closed),
        Cell::count(on_time),
        Cell::count(late),
        Cell::share(on_time, on_time + late),
        Cell::count(escalated),
        Cell::count(calls),
        Cell::count(answered),
        Cell::share(answered, calls),
        Cell::mean(entries.iter().filter_map(|entry| entry.judged()?.index())),
    ]
}

/// How the visits ended, the most frequent first.
fn ends(book: &Book) -> Table {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &book.entries {
        let end = match &entry.visit.state {
            VisitState::Closed { cause, .. } => cause.text_zh(),
            state @ (VisitState::Completed { .. } | VisitState::Waiting { .. } | VisitState::Calling { .. }) => {
                state_zh(state)
            }
        };
        *counted.entry(end).or_default() += 1;
    }
    let mut rows: Vec<(&str, usize)> = counted.into_iter().collect();
    rows.sort_by_key(|(end, n)| (std::cmp::Reverse(*n), *end));
    let row = |(end, n): (&str, usize)| vec![end.into(), Cell::count(n), Cell::share(n, book.entries.len())];
    Table::new("ends", "回访结果", ENDS).with_rows(rows.into_iter().map(row))
}

fn late(book: &Book) -> Table {
    let late = book.entries.iter().filter(|entry| entry.on_time(book.now) == Some(false));
    let row = |entry: &Entry| {
        let visit = &entry.visit;
        let until = visit.first_attempt_at.or(entry.over_at()).unwrap_or(book.now);
        let minutes = until.duration_since(visit.due_at).as_secs_f64() / 60.0;
        vec![
            Cell::text(entry.number()),
            visit.order_no.as_str().into(),
            book.title(&visit.programme).into(),
            Cell::Instant(visit.due_at),
            visit.first_attempt_at.into(),
            Cell::Number(minutes),
            Cell::text(visit.late_cause.clone().unwrap_or_else(|| why_not_zh(visit))),
            visit.escalated_at.into(),
            state_zh(&visit.state).into(),
        ]
    };
    Table::new("late", "超时清单", LATE).with_rows(late.map(row))
}
