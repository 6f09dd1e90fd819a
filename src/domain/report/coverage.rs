//! 回访覆盖率 (B02, B04, B05, B07): of whom a programme is for, who was visited; and one by one, who was not and why.
//!
//! Reading: for a class that is always visited, and where everybody is, each choice is a visit that is due. Of the others all that could
//! be drawn count, for the share is a share of them. A customer who could not be reached, or would not, was not visited.

use super::Book;
use super::entry::{state_zh, why_not_zh};
use super::table::{Cell, Column, Kind, Table, col, fraction};
use crate::domain::id::OrderNo;
use crate::domain::programme::selection::CustomerClass;
use crate::domain::visit::task::{Visit, VisitState};
use jiff::Timestamp;
use std::collections::BTreeMap;

pub use crate::domain::programme::selection::Choice;

/// One order, one visit of a programme, and whether it was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    pub order_no: OrderNo,
    pub programme: String,
    pub stage: String,
    /// When what triggers the visit happened.
    pub at: Timestamp,
    pub dealer: String,
    pub choice: Choice,
    /// The visit that came of it.
    pub visit: Option<Visit>,
}

impl Chosen {
    /// Of the visits of its order and stage, the one that this choice began: it has its instant, or it was open already.
    pub fn find_visit(&mut self, visits: &[Visit]) {
        let begun = visits.iter().find(|visit| visit.sms_at == self.at);
        let open_then = || visits.iter().filter(|visit| visit.sms_at <= self.at).max_by_key(|visit| visit.sms_at);
        self.visit = begun.or_else(open_then).cloned();
    }

    fn is_done(&self) -> bool {
        self.visit.as_ref().is_some_and(|visit| matches!(visit.state, VisitState::Completed { .. }))
    }

    /// It can still be made in time.
    fn is_running(&self, now: Timestamp) -> bool {
        self.visit.as_ref().is_some_and(|visit| !visit.state.is_over() && now <= visit.due_at)
    }
}

const CLASSES: &[Column] = &[
    col("rule", "规则", Kind::Text),
    col("programme", "回访方案", Kind::Text),
    col("stage", "阶段", Kind::Text),
    col("class", "客户类别", Kind::Text),
    col("due", "应覆盖", Kind::Count),
    col("done", "已回访", Kind::Count),
    col("running", "未到期", Kind::Count),
    col("not_done", "未回访", Kind::Count),
    col("share", "覆盖率", Kind::Share),
    col("target", "目标", Kind::Share),
    col("verdict", "是否达标", Kind::Text),
];

const MISSING: &[Column] = &[
    col("rule", "规则", Kind::Text),
    col("programme", "回访方案", Kind::Text),
    col("stage", "阶段", Kind::Text),
    col("class", "客户类别", Kind::Text),
    col("order_no", "服务订单", Kind::Text),
    col("dealer", "经销商", Kind::Text),
    col("visit_id", "回访任务", Kind::Text),
    col("due_at", "应回访时间", Kind::Instant),
    col("state", "状态", Kind::Text),
    col("why", "未回访原因", Kind::Text),
];

/// Whether a share is what it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Met,
    /// Below, and what is still in time would be enough.
    Running,
    Below,
    /// The programme is no longer in force: nobody knows its share.
    Unknown,
}

impl Verdict {
    fn of(done: usize, running: usize, due: usize, target: Option<f64>) -> Self {
        let Some(target) = target else { return Self::Unknown };
        // Shares are whole percents: a hair's breadth is rounding.
        let reaches = |n: usize| due == 0 || fraction(n, due) + 1e-9 >= target;
        if reaches(done) {
            Self::Met
        } else if reaches(done + running) {
            Self::Running
        } else {
            Self::Below
        }
    }

    fn text_zh(self) -> &'static str {
        match self {
            Self::Met => "达标",
            Self::Running => "进行中",
            Self::Below => "未达标",
            Self::Unknown => "无目标",
        }
    }
}

/// What orders are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Everybody,
    Class(CustomerClass),
    /// Those in no class, of whom a share is drawn.
    Others,
}

impl Group {
    fn of(choice: Choice) -> Self {
        match choice {
            Choice::Everybody => Self::Everybody,
            Choice::Class(class) => Self::Class(class),
            Choice::Sampled | Choice::NotSampled => Self::Others,
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Everybody => "B02",
            Self::Class(CustomerClass::Vip) => "B04 B07",
            Self::Class(_) => "B04",
            Self::Others => "B05",
        }
    }

    fn text_zh(self) -> &'static str {
        match self {
            Self::Everybody => "全部客户",
            Self::Class(class) => class.text_zh(),
            Self::Others => "一般客户（抽样）",
        }
    }
}

pub(super) fn tables(book: &Book) -> Vec<Table> {
    let mut groups: BTreeMap<(&str, &str, Group), Vec<&Chosen>> = BTreeMap::new();
    for chosen in &book.chosen {
        groups.entry((&chosen.programme, &chosen.stage, Group::of(chosen.choice))).or_default().push(chosen);
    }
    let classes =
        groups.iter().map(|((programme, stage, group), of_it)| class_row(book, programme, stage, *group, of_it));
    let missing = groups.iter().flat_map(|((programme, stage, group), of_it)| {
        let not_done = of_it.iter().filter(|chosen| chosen.choice.is_visited() && !chosen.is_done());
        not_done.map(|chosen| missing_row(book, programme, stage, *group, chosen))
    });
    vec![
        Table::new("classes", "覆盖率", CLASSES).with_rows(classes),
        Table::new("missing", "未回访清单", MISSING).with_rows(missing),
    ]
}

fn class_row(book: &Book, programme: &str, stage: &str, group: Group, chosen: &[&Chosen]) -> Vec<Cell> {
    let due = chosen.len();
    let done = chosen.iter().filter(|c| c.is_done()).count();
    let running = chosen.iter().filter(|c| c.is_running(book.now)).count();
    let target = match group {
        Group::Everybody | Group::Class(_) => Some(1.0),
        Group::Others => book.programmes.get(programme).map(|facts| f64::from(facts.share_percent) / 100.0),
    };
    vec![
        group.rule().into(),
        book.title(programme).into(),
        stage.into(),
        group.text_zh().into(),
        Cell::count(due),
        Cell::count(done),
        Cell::count(running),
        Cell::count(chosen.iter().filter(|c| c.choice.is_visited() && !c.is_done() && !c.is_running(book.now)).count()),
        Cell::share(done, due),
        target.map_or(Cell::Empty, Cell::Share),
        Verdict::of(done, running, due, target).text_zh().into(),
    ]
}

fn missing_row(book: &Book, programme: &str, stage: &str, group: Group, chosen: &Chosen) -> Vec<Cell> {
    let visit = chosen.visit.as_ref();
    let why = match visit {
        Some(_) if chosen.is_running(book.now) => visit.map(|v| format!("未到期：{}", why_not_zh(v))),
        Some(visit) => Some(why_not_zh(visit)),
        None => Some("没有建立回访任务".into()),
    };
    vec![
        group.rule().into(),
        book.title(programme).into(),
        stage.into(),
        group.text_zh().into(),
        chosen.order_no.as_str().into(),
        chosen.dealer.as_str().into(),
        visit.map(|v| v.id.as_str()).into(),
        visit.map(|v| v.due_at).into(),
        visit.map(|v| state_zh(&v.state)).into(),
        why.into(),
    ]
}
