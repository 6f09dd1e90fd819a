//! 售后服务抽查 (B10, B11): what customers say of their dealers, as rates, with every word that they rest on.
//!
//! Contract: only what a customer said clearly counts; who was not asked, or never needed it, is in neither half of a rate.

use super::Book;
use super::entry::Entry;
use super::heard::{Heard, Topic};
use super::table::{Cell, Column, Kind, Table, col};
use std::collections::{BTreeMap, BTreeSet};

const RATES: &[Column] = &[
    col("dealer", "经销商", Kind::Text),
    col("rule", "规则", Kind::Text),
    col("item", "抽查项目", Kind::Text),
    col("asked", "有回答", Kind::Count),
    col("kept", "做到", Kind::Count),
    col("broken", "没做到", Kind::Count),
    col("unclear", "不明确", Kind::Count),
    col("rate", "执行率", Kind::Share),
];

const WORDS: &[Column] = &[
    col("dealer", "经销商", Kind::Text),
    col("number", "回访记录编号", Kind::Text),
    col("order_no", "服务订单", Kind::Text),
    col("item", "抽查项目", Kind::Text),
    col("kept", "判定", Kind::Text),
    col("words", "客户原话", Kind::Text),
    col("at_s", "录音秒数", Kind::Number),
    col("call_id", "通话", Kind::Text),
];

const ALL: &str = "合计";
pub(super) const UNKNOWN: &str = "（未填）";

pub(super) fn tables(book: &Book) -> Vec<Table> {
    let by_call: BTreeMap<&str, &Entry> =
        book.entries.iter().filter_map(|entry| Some((entry.call()?.id.as_str(), entry))).collect();
    let said: Vec<(&str, &Entry, &Heard)> = book
        .heard
        .iter()
        .filter(|heard| heard.topic != Topic::Wishes)
        .filter_map(|heard| {
            let entry = *by_call.get(heard.call.as_str())?;
            Some((entry.order.claims.dealer.as_deref().unwrap_or(UNKNOWN), entry, heard))
        })
        .collect();
    let dealers: BTreeSet<&str> = said.iter().map(|(dealer, _, _)| *dealer).collect();
    let one = |dealer: &str, topic: Topic, all: bool| {
        let of_it = said.iter().filter(|(d, _, h)| (all || *d == dealer) && h.topic == topic);
        rate(dealer, topic, &of_it.map(|(_, _, heard)| *heard).collect::<Vec<_>>())
    };
    let each = dealers.iter().flat_map(|dealer| Topic::CHECKED.map(|topic| one(dealer, topic, false)));
    let total = Topic::CHECKED.map(|topic| one(ALL, topic, true));
    vec![
        Table::new("rates", "执行率", RATES).with_rows(each.chain(total)),
        Table::new("words", "客户原话", WORDS)
            .with_rows(said.iter().map(|(dealer, entry, heard)| row(dealer, entry, heard))),
    ]
}

fn rate(dealer: &str, topic: Topic, heard: &[&Heard]) -> Vec<Cell> {
    let kept = heard.iter().filter(|h| h.kept == Some(true)).count();
    let broken = heard.iter().filter(|h| h.kept == Some(false)).count();
    vec![
        dealer.into(),
        topic.rule().into(),
        topic.title().into(),
        Cell::count(heard.len()),
        Cell::count(kept),
        Cell::count(broken),
        Cell::count(heard.len() - kept - broken),
        Cell::share(kept, kept + broken),
    ]
}

fn row(dealer: &str, entry: &Entry, heard: &Heard) -> Vec<Cell> {
    let kept = match heard.kept {
        Some(true) => "做到",
        Some(false) => "没做到",
        None => "不明确",
    };
    vec![
        dealer.into(),
        Cell::text(entry.number()),
        entry.visit.order_no.as_str().into(),
        heard.topic.title().into(),
        kept.into(),
        heard.words.as_str().into(),
        Cell::Number(heard.at_s),
        heard.call.as_str().into(),
    ]
}
