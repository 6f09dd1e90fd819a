//! 回访台账: one row for every visit, by its number (G11).

use super::Book;
use super::entry::{Entry, ReviewLine, state_zh, why_not_zh};
use super::table::{Cell, Column, Kind, Table, col};
use crate::domain::score::Indicator;

const COLUMNS: &[Column] = &[
    col("number", "回访记录编号", Kind::Text),
    col("visit_id", "回访任务", Kind::Text),
    col("order_no", "服务订单", Kind::Text),
    col("programme", "回访方案", Kind::Text),
    col("stage", "阶段", Kind::Text),
    col("service_type", "服务类型", Kind::Text),
    col("product", "产品型号", Kind::Text),
    col("customer", "客户", Kind::Text),
    col("phone", "电话", Kind::Phone),
    col("customer_class", "客户类别", Kind::Text),
    col("dealer", "经销商", Kind::Text),
    col("engineer", "服务工程师", Kind::Text),
    col("reported_at", "报完工时间", Kind::Instant),
    col("clock_starts_at", "起算时间", Kind::Instant),
    col("due_at", "应回访时间", Kind::Instant),
    col("deadline_at", "最迟时间", Kind::Instant),
    col("first_attempt_at", "首次呼叫", Kind::Instant),
    col("attempts", "呼叫次数", Kind::Count),
    col("state", "状态", Kind::Text),
    col("why_not", "未完成原因", Kind::Text),
    col("over_at", "结束时间", Kind::Instant),
    col("outcome", "呼叫结果", Kind::Text),
    col("talk_s", "通话秒数", Kind::Number),
    col("skill", "服务技能", Kind::Number),
    col("attitude", "服务态度", Kind::Number),
    col("timeliness", "服务及时性", Kind::Number),
    col("parts", "配件供应", Kind::Number),
    col("overall", "服务综合", Kind::Number),
    col("index", "满意度指数", Kind::Number),
    col("alarms", "告警", Kind::Text),
    col("late_cause", "超时原因", Kind::Text),
    col("escalated_at", "升级时间", Kind::Instant),
    col("seat", "坐席", Kind::Text),
    col("scored", "评分", Kind::Text),
    col("review", "审核状态", Kind::Text),
    col("reviewer", "审核人", Kind::Text),
    col("call_id", "通话", Kind::Text),
];

pub(super) fn table(book: &Book) -> Table {
    Table::new("ledger", "回访台账", COLUMNS).with_rows(book.entries.iter().map(|entry| row(book, entry)))
}

fn row(book: &Book, entry: &Entry) -> Vec<Cell> {
    let Entry { visit, order, .. } = entry;
    let (call, judged) = (entry.call(), entry.judged());
    let level = |indicator| Cell::from(judged.and_then(|j| j.level(indicator)).map(|level| f64::from(level.get())));
    let [skill, attitude, timeliness, parts, overall] = Indicator::ALL.map(level);
    vec![
        Cell::text(entry.number()),
        visit.id.as_str().into(),
        visit.order_no.as_str().into(),
        book.title(&visit.programme).into(),
        visit.origin.stage.as_str().into(),
        order.service_type.name().into(),
        order.claims.product.as_deref().into(),
        order.customer.name.as_deref().into(),
        Cell::Phone(order.customer.phone.clone()),
        order.claims.customer_class.as_deref().into(),
        order.claims.dealer.as_deref().into(),
        order.claims.engineer.as_deref().into(),
        Cell::Instant(visit.sms_at),
        Cell::Instant(visit.clock_starts_at),
        Cell::Instant(visit.due_at),
        Cell::Instant(visit.deadline_at),
        visit.first_attempt_at.into(),
        Cell::Count(u64::from(visit.attempts)),
        state_zh(&visit.state).into(),
        Cell::text(why_not_zh(visit)),
        entry.over_at().into(),
        call.and_then(|c| c.outcome).map(|outcome| outcome.text_zh()).into(),
        call.and_then(|c| c.talk_s()).into(),
        skill,
        attitude,
        timeliness,
        parts,
        overall,
        judged.and_then(|j| j.index()).into(),
        Cell::text(judged.map(|j| j.alarms.join("；")).unwrap_or_default()),
        visit.late_cause.as_deref().into(),
        visit.escalated_at.into(),
        call.and_then(|c| c.seat.as_ref()).map(|seat| seat.as_str()).into(),
        entry.scored_zh().into(),
        entry.review().map(ReviewLine::text_zh).into(),
        entry.review().and_then(ReviewLine::reviewer).into(),
        call.map(|c| c.id.as_str()).into(),
    ]
}
