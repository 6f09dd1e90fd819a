//! 抱怨分析表 (G08) and the summary by source (G13): the complaints that were opened in a month, by class of customer, kind and grade.
//!
//! Reading: the source parts 集团用户 from 私家车用户. Who is a fleet or police customer by the words of the order is the former;
//! everybody else is the latter, also where there is no order.

use super::Book;
use super::table::{Cell, Column, Kind, Table, col};
use crate::domain::complaint::{self, CloseCause, Complaint, Grade, Source, State, StateName};
use crate::domain::programme::selection::CustomerClass;
use jiff::Timestamp;

/// One complaint with the classes of its customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Complained {
    pub complaint: Complaint,
    pub classes: Vec<CustomerClass>,
}

macro_rules! counted_by {
    ($key:literal, $title:literal) => {
        &[
            col($key, $title, Kind::Text),
            col("complaints", "投诉", Kind::Count),
            col("share", "占比", Kind::Share),
            col("grade_a", "A级", Kind::Count),
            col("grade_b", "B级", Kind::Count),
            col("grade_c", "C级", Kind::Count),
            col("grade_d", "D级", Kind::Count),
            col("grade_e", "E级", Kind::Count),
            col("grave", "重大", Kind::Count),
            col("recurring", "同故障再次发生", Kind::Count),
            col("open", "未结案", Kind::Count),
            col("satisfied", "客户满意结案", Kind::Count),
            col("hours_to_handle", "平均处理小时", Kind::Number),
        ]
    };
}

const CLASSES: &[Column] = counted_by!("class", "客户类别");
const KINDS: &[Column] = counted_by!("kind", "投诉种类");
const SOURCES: &[Column] = counted_by!("source", "投诉来源");

const LIST: &[Column] = &[
    col("complaint_id", "投诉", Kind::Text),
    col("opened_at", "登记时间", Kind::Instant),
    col("source", "投诉来源", Kind::Text),
    col("class", "客户类别", Kind::Text),
    col("grade", "等级", Kind::Text),
    col("kind", "投诉种类", Kind::Text),
    col("order_no", "服务订单", Kind::Text),
    col("dealer", "经销商", Kind::Text),
    col("engineer", "服务工程师", Kind::Text),
    col("text", "投诉内容", Kind::Text),
    col("words", "客户原话", Kind::Text),
    col("state", "状态", Kind::Text),
    col("due_at", "下一步期限", Kind::Instant),
    col("overdue", "超期", Kind::Text),
    col("handled_at", "处理时间", Kind::Instant),
    col("solution", "处理结果", Kind::Text),
    col("closed_at", "结案时间", Kind::Instant),
];

const ALL: &str = "合计";

/// G08: 集团用户、私家车用户.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Fleet,
    Private,
}

impl Class {
    fn of(one: &Complained) -> Self {
        let fleet = one.classes.iter().any(|class| matches!(class, CustomerClass::Fleet | CustomerClass::Police));
        if fleet { Self::Fleet } else { Self::Private }
    }

    fn text_zh(self) -> &'static str {
        match self {
            Self::Fleet => "集团用户",
            Self::Private => "私家车用户",
        }
    }
}

pub(super) fn tables(book: &Book) -> Vec<Table> {
    let all = &book.complaints;
    let total = || std::iter::once(counted(ALL, all.len(), all.iter()));
    let of = |title: &str, holds: &dyn Fn(&Complained) -> bool| {
        counted(title, all.len(), all.iter().filter(|one| holds(one)))
    };
    let classes = [Class::Fleet, Class::Private].map(|class| of(class.text_zh(), &|one| Class::of(one) == class));
    let kinds = complaint::Kind::ALL.map(|kind| of(kind.text_zh(), &|one| one.complaint.kind == kind));
    let sources = Source::ALL.map(|source| of(source_zh(source), &|one| one.complaint.source == source));
    vec![
        Table::new("classes", "按客户类别", CLASSES).with_rows(classes.into_iter().chain(total())),
        Table::new("kinds", "按投诉种类", KINDS).with_rows(kinds.into_iter().chain(total())),
        Table::new("sources", "按投诉来源", SOURCES).with_rows(sources.into_iter().chain(total())),
        Table::new("list", "投诉清单", LIST).with_rows(all.iter().map(|one| row(one, book.now))),
    ]
}

fn source_zh(source: Source) -> &'static str {
    match source {
        Source::Call => "回访通话",
        Source::WrapUp => "坐席登记",
        Source::Order => "用户投诉订单",
        Source::Hotline => "投诉电话",
        Source::Written => "书面",
        Source::InPerson => "上门或当面",
        Source::Other => "其他",
    }
}

fn counted<'a>(title: &str, whole: usize, complaints: impl Iterator<Item = &'a Complained>) -> Vec<Cell> {
    let list: Vec<&Complaint> = complaints.map(|one| &one.complaint).collect();
    let count = |holds: &dyn Fn(&Complaint) -> bool| Cell::count(list.iter().filter(|c| holds(c)).count());
    let mut row = vec![title.into(), Cell::count(list.len()), Cell::share(list.len(), whole)];
    row.extend(Grade::ALL.map(|grade| count(&|c| c.grade == grade)));
    row.extend([
        count(&|c| c.kind.is_grave()),
        count(&|c| c.recurrence.is_some()),
        count(&|c| c.state.name() != StateName::Closed),
        count(&|c| matches!(c.state, State::Closed { cause: CloseCause::Satisfied, .. })),
        Cell::mean(list.iter().filter_map(|c| hours_to_handle(c))),
    ]);
    row
}

/// From its registration to the last handling.
fn hours_to_handle(complaint: &Complaint) -> Option<f64> {
    let handled = complaint.solution.as_ref()?.at;
    Some(handled.duration_since(complaint.opened_at).as_secs_f64() / 3600.0)
}

fn row(one: &Complained, now: Timestamp) -> Vec<Cell> {
    let Complained { complaint, .. } = one;
    let due_at = complaint.due_at();
    let closed_at = match &complaint.state {
        State::Closed { at, .. } => Some(*at),
        State::Open { .. }
        | State::AwaitingApproval { .. }
        | State::Handling { .. }
        | State::WithDepartment { .. }
        | State::Handled { .. } => None,
    };
    let words: Vec<&str> = complaint.quotes.iter().map(|quote| quote.text.as_str()).collect();
    vec![
        complaint.id.as_str().into(),
        Cell::Instant(complaint.opened_at),
        source_zh(complaint.source).into(),
        Class::of(one).text_zh().into(),
        complaint.grade.name().into(),
        complaint.kind.text_zh().into(),
        complaint.order_no.as_ref().map(|no| no.as_str()).into(),
        complaint.subject.dealer.as_deref().into(),
        complaint.subject.engineer.as_deref().into(),
        complaint.text.as_str().into(),
        Cell::text(words.join("；")),
        complaint.state.name().text_zh().into(),
        due_at.into(),
        due_at.filter(|due| *due < now).map(|_| "超期").into(),
        complaint.solution.as_ref().map(|solution| solution.at).into(),
        complaint.solution.as_ref().map(|solution| solution.text.as_str()).into(),
        closed_at.into(),
    ]
}
