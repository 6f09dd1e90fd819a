//! 顾客满意度测量报告 (G09, G10, E12): how the five indicators are distributed, and what lies behind low levels, sorted: product, service,
//! wishes.
//!
//! Reading: product is what was delivered (配件供应: parts, and the product itself where the questionnaire asks for it under that
//! indicator); service is the other four. Each visit counts once, by the call that speaks for it.

use super::Book;
use super::entry::Entry;
use super::heard::Topic;
use super::table::{Cell, Column, Kind, Table, col};
use crate::domain::score::{Indicator, Level};
use std::collections::{BTreeMap, BTreeSet};

const INDICATORS: &[Column] = &[
    col("group", "种类", Kind::Text),
    col("indicator", "指标", Kind::Text),
    col("level_5", "非常满意", Kind::Count),
    col("level_4", "满意", Kind::Count),
    col("level_3", "一般", Kind::Count),
    col("level_2", "不满", Kind::Count),
    col("level_1", "非常不满", Kind::Count),
    col("scored", "有评分", Kind::Count),
    col("not_scored", "无评分", Kind::Count),
    col("mean", "平均分", Kind::Number),
    col("satisfied_share", "满意率", Kind::Share),
];

const PROGRAMMES: &[Column] = &[
    col("programme", "回访方案", Kind::Text),
    col("visits", "已完成回访", Kind::Count),
    col("indexed", "有指数", Kind::Count),
    col("index", "平均满意度指数", Kind::Number),
];

const LOW: &[Column] = &[
    col("number", "回访记录编号", Kind::Text),
    col("order_no", "服务订单", Kind::Text),
    col("dealer", "经销商", Kind::Text),
    col("engineer", "服务工程师", Kind::Text),
    col("indicator", "指标", Kind::Text),
    col("level", "得分", Kind::Count),
    col("words", "客户原话", Kind::Text),
    col("call_id", "通话", Kind::Text),
];

const WISHES: &[Column] = &[
    col("number", "回访记录编号", Kind::Text),
    col("order_no", "服务订单", Kind::Text),
    col("dealer", "经销商", Kind::Text),
    col("words", "客户原话", Kind::Text),
    col("call_id", "通话", Kind::Text),
];

/// This level and below are worth a look (C18: the reason is asked for).
const LOW_LEVEL: u8 = 3;
/// This level and above are satisfied.
const SATISFIED: u8 = 4;
const ALL: &str = "合计";

pub(super) fn tables(book: &Book) -> Vec<Table> {
    vec![
        Table::new("indicators", "五项指标", INDICATORS).with_rows(Indicator::ALL.map(|i| distribution(book, i))),
        programmes(book),
        Table::new("product", "产品质量不满", LOW).with_rows(low(book, is_product)),
        Table::new("service", "服务质量不满", LOW).with_rows(low(book, |indicator| !is_product(indicator))),
        wishes(book),
    ]
}

fn is_product(indicator: Indicator) -> bool {
    match indicator {
        Indicator::Parts => true,
        Indicator::Skill | Indicator::Attitude | Indicator::Timeliness | Indicator::Overall => false,
    }
}

fn distribution(book: &Book, indicator: Indicator) -> Vec<Cell> {
    let judged: Vec<Option<Level>> = book.entries.iter().filter_map(|e| Some(e.judged()?.level(indicator))).collect();
    let levels: Vec<u8> = judged.iter().flatten().map(|level| level.get()).collect();
    let at = |level: u8| Cell::count(levels.iter().filter(|l| **l == level).count());
    vec![
        if is_product(indicator) { "产品" } else { "服务" }.into(),
        indicator.name().into(),
        at(5),
        at(4),
        at(3),
        at(2),
        at(1),
        Cell::count(levels.len()),
        Cell::count(judged.len() - levels.len()),
        Cell::mean(levels.iter().map(|level| f64::from(*level))),
        Cell::share(levels.iter().filter(|level| **level >= SATISFIED).count(), levels.len()),
    ]
}

fn programmes(book: &Book) -> Table {
    let names: BTreeSet<&str> = book.entries.iter().map(|entry| entry.visit.programme.as_str()).collect();
    let row = |title: &str, of_it: &dyn Fn(&Entry) -> bool| {
        let entries = || book.entries.iter().filter(|entry| of_it(entry));
        let indices: Vec<f64> = entries().filter_map(|entry| entry.judged()?.index()).collect();
        vec![
            title.into(),
            Cell::count(entries().filter(|entry| entry.is_completed()).count()),
            Cell::count(indices.len()),
            Cell::mean(indices),
        ]
    };
    let each = names.iter().map(|name| row(book.title(name), &|entry| entry.visit.programme == *name));
    let all = std::iter::once(row(ALL, &|_| true));
    Table::new("programmes", "满意度指数", PROGRAMMES).with_rows(each.chain(all))
}

/// The lowest first.
fn low(book: &Book, wanted: impl Fn(Indicator) -> bool) -> Vec<Vec<Cell>> {
    let mut found: Vec<(u8, Vec<Cell>)> = vec![];
    for entry in &book.entries {
        let (Some(call), Some(judged)) = (entry.call(), entry.judged()) else { continue };
        for indicator in Indicator::ALL.into_iter().filter(|indicator| wanted(*indicator)) {
            let Some(level) = judged.level(indicator).map(Level::get).filter(|level| *level <= LOW_LEVEL) else {
                continue;
            };
            let claims = &entry.order.claims;
            found.push((
                level,
                vec![
                    Cell::text(entry.number()),
                    entry.visit.order_no.as_str().into(),
                    claims.dealer.as_deref().into(),
                    claims.engineer.as_deref().into(),
                    indicator.name().into(),
                    Cell::Count(u64::from(level)),
                    judged.words(indicator).into(),
                    call.id.as_str().into(),
                ],
            ));
        }
    }
    found.sort_by_key(|(level, _)| *level);
    found.into_iter().map(|(_, row)| row).collect()
}

fn wishes(book: &Book) -> Table {
    let by_call: BTreeMap<&str, &Entry> =
        book.entries.iter().filter_map(|entry| Some((entry.call()?.id.as_str(), entry))).collect();
    let row = |call: &str, words: &str| {
        let entry = by_call.get(call)?;
        Some(vec![
            Cell::text(entry.number()),
            entry.visit.order_no.as_str().into(),
            entry.order.claims.dealer.as_deref().into(),
            words.into(),
            call.into(),
        ])
    };
    let wished = book.heard.iter().filter(|heard| heard.topic == Topic::Wishes);
    Table::new("wishes", "建议和需求", WISHES)
        .with_rows(wished.filter_map(|heard| row(heard.call.as_str(), &heard.words)))
}
