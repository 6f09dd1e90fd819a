//! 投诉: one complaint and its states.
//!
//! ```text
//!   opened (a call was judged, a wrap-up, an order 用户投诉, by hand)
//!     │
//!     ▼  hand over            approve                  handled                   second call: satisfied
//!   Open ───────▶ AwaitingApproval ──────▶ Handling ───────────▶ Handled ───────────────────────────▶ Closed
//!    ▲│  grave,      │ reject              ▲  │ ▲                 │ │                                  │
//!    ││  unapproved  ▼                     │  │ └─ not solved ─┐  │ │ not reached                      │
//!    ││            Open                    │  ▼ slip           │  │ └──────────────▶ Closed            │
//!    │└──── nothing to approve ────────────┘ WithDepartment ───┴──┘ result                             │
//!    └──────────────── dissatisfied, reopen ◀──────────────────────┴──────────────────────────────────┘
//! ```
//! Contract: every state but the last carries the instant by which its next step must be there, so nothing can lie unnoticed ([`alarms`]).
//! Grave cases (replace, return, compensation, injury, exposure) are neither handled nor closed without a leader's word (F06, F12); a
//! second call follows every handling and a dissatisfied one opens the complaint again (A14, A15). What is done to it is one [`Step`];
//! the shell keeps each beside the complaint, so nothing that was written is overwritten. `version` is the store's.
//!
//! Not here: where complaints come from (the engine), who may do what (the door), the second call's programme (`programmes/`).

pub mod alarms;
pub mod fault;
pub mod heard;
pub mod open;
mod parts;
pub mod policy;
pub mod signs;
pub mod steps;

pub use alarms::{Alarm, AlarmKind, alarms};
pub use fault::{Earlier, Recurrence};
pub use heard::{Heard, Verdict};
pub use open::{New, open};
pub use parts::{Checked, Decision, Form, Mood, Quote, Reply, Side, SiteVisit, Solution, Subject, TakenOver};
pub use policy::{Policy, PolicyError};
pub use signs::Signs;
pub use steps::{Refused, Rules, Step, apply};

use super::id::{CallId, ComplaintId, OrderNo, VisitId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// 投诉等级 (F01): A is the gravest. What leads to which is the [`Policy`]'s table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    A,
    B,
    C,
    D,
    E,
}

impl Grade {
    pub const ALL: [Grade; 5] = [Self::A, Self::B, Self::C, Self::D, Self::E];

    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::E => "E",
        }
    }

    /// F02: grades A to C have the handling sheet filled in.
    pub fn needs_form(self) -> bool {
        self <= Self::C
    }
}

/// What the complaint is about, the gravest first: 重大质量事故 (F12), an ordinary fault, the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Injury,
    Return,
    Replace,
    Compensation,
    /// 起诉, 曝光, 扬言 (E09).
    Exposure,
    Fault,
    Service,
}

impl Kind {
    pub const ALL: [Kind; 7] =
        [Self::Injury, Self::Return, Self::Replace, Self::Compensation, Self::Exposure, Self::Fault, Self::Service];

    pub fn name(self) -> &'static str {
        match self {
            Self::Injury => "injury",
            Self::Return => "return",
            Self::Replace => "replace",
            Self::Compensation => "compensation",
            Self::Exposure => "exposure",
            Self::Fault => "fault",
            Self::Service => "service",
        }
    }

    pub fn text_zh(self) -> &'static str {
        match self {
            Self::Injury => "人身伤害",
            Self::Return => "要求退机",
            Self::Replace => "要求换机",
            Self::Compensation => "要求赔偿",
            Self::Exposure => "起诉或曝光",
            Self::Fault => "一般质量故障",
            Self::Service => "服务质量",
        }
    }

    /// F12: a leader decides.
    pub fn is_grave(self) -> bool {
        match self {
            Self::Injury | Self::Return | Self::Replace | Self::Compensation | Self::Exposure => true,
            Self::Fault | Self::Service => false,
        }
    }
}

/// Where the complaint came in; the monthly summary is by source (G13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The judging of a visit call.
    Call,
    /// An agent wrote it down after a call.
    WrapUp,
    /// An order of type 用户投诉.
    Order,
    /// 消费者投诉电话 (F10, F22).
    Hotline,
    /// Letter, e-mail, message (F16).
    Written,
    /// The customer came himself, or told the engineer.
    InPerson,
    Other,
}

impl Source {
    pub const ALL: [Source; 7] =
        [Self::Call, Self::WrapUp, Self::Order, Self::Hotline, Self::Written, Self::InPerson, Self::Other];
}

#[derive(Clone, Debug, PartialEq)]
pub struct Complaint {
    pub id: ComplaintId,
    pub source: Source,
    pub call: Option<CallId>,
    pub visit: Option<VisitId>,
    pub order_no: Option<OrderNo>,
    pub subject: Subject,
    pub opened_at: Timestamp,
    pub opened_by: String,
    /// 投诉内容 in words (F19).
    pub text: String,
    pub quotes: Vec<Quote>,
    pub signs: Signs,
    pub kind: Kind,
    pub grade: Grade,
    /// The row of the table that decided, or a person's remark. For people.
    pub grade_why: String,
    /// A person who graded it by hand; the table does not change it any more.
    pub graded_by: Option<String>,
    pub side: Option<Side>,
    /// D24.
    pub reasonable: Option<bool>,
    pub form: Form,
    /// Of this round: a complaint that is opened again is decided again.
    pub decision: Option<Decision>,
    /// 下次答复时间 (F11).
    pub reply_due_at: Option<Timestamp>,
    /// The last one.
    pub reply: Option<Reply>,
    pub site_visit: Option<SiteVisit>,
    /// The last one.
    pub solution: Option<Solution>,
    /// How often it was handled.
    pub rounds: u32,
    /// The last second call that was begun (A14).
    pub second_visit: Option<VisitId>,
    pub recurrence: Option<Recurrence>,
    /// F07: from this instant the customer carries the mark.
    pub marked_from: Option<Timestamp>,
    pub checked: Option<Checked>,
    /// The last one (F18).
    pub taken_over: Option<TakenOver>,
    pub state: State,
    /// Grows by one with every save; a save with an old version fails.
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Registered; nobody has it yet. To be handed over the same day (F04, F05).
    Open {
        since: Timestamp,
        hand_over_by: Timestamp,
    },
    /// With a leader (F06, F12).
    AwaitingApproval {
        leader: String,
        since: Timestamp,
        decide_by: Timestamp,
    },
    Handling {
        by: String,
        department: Option<String>,
        since: Timestamp,
        finish_by: Timestamp,
    },
    /// 信息反馈单 is out (F08).
    WithDepartment {
        department: String,
        slip: String,
        since: Timestamp,
        answer_by: Timestamp,
    },
    /// Solved; the customer is called again (A14, A15).
    Handled {
        since: Timestamp,
        call_by: Timestamp,
        second: SecondCall,
    },
    Closed {
        at: Timestamp,
        cause: CloseCause,
    },
}

/// The call after the handling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "second", rename_all = "snake_case")]
pub enum SecondCall {
    /// A visit was begun for it.
    Planned { visit: VisitId },
    /// Nobody will call unless a person sees to it. For people.
    NotPlanned { why: String },
    /// It was made and did not say clearly that the customer is satisfied, or something is still to be done; a person closes or reopens.
    Made { call: Option<CallId>, verdict: Verdict },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseCause {
    /// A15.
    Satisfied,
    /// Handled, and the customer cannot be reached for the second call.
    NotReached,
    /// 给予委婉拒绝 (D24).
    Unreasonable,
    Withdrawn,
    Duplicate,
}

impl CloseCause {
    pub const ALL: [CloseCause; 5] =
        [Self::Satisfied, Self::NotReached, Self::Unreasonable, Self::Withdrawn, Self::Duplicate];

    pub fn name(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::NotReached => "not_reached",
            Self::Unreasonable => "unreasonable",
            Self::Withdrawn => "withdrawn",
            Self::Duplicate => "duplicate",
        }
    }
}

/// The states without their data, for filters and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    Open,
    AwaitingApproval,
    Handling,
    WithDepartment,
    Handled,
    Closed,
}

impl StateName {
    pub const ALL: [StateName; 6] =
        [Self::Open, Self::AwaitingApproval, Self::Handling, Self::WithDepartment, Self::Handled, Self::Closed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Handling => "handling",
            Self::WithDepartment => "with_department",
            Self::Handled => "handled",
            Self::Closed => "closed",
        }
    }

    pub fn text_zh(self) -> &'static str {
        match self {
            Self::Open => "待移交",
            Self::AwaitingApproval => "待批示",
            Self::Handling => "处理中",
            Self::WithDepartment => "信息反馈单已发出",
            Self::Handled => "已处理，待再次回访",
            Self::Closed => "已结案",
        }
    }
}

impl State {
    pub fn name(&self) -> StateName {
        match self {
            Self::Open { .. } => StateName::Open,
            Self::AwaitingApproval { .. } => StateName::AwaitingApproval,
            Self::Handling { .. } => StateName::Handling,
            Self::WithDepartment { .. } => StateName::WithDepartment,
            Self::Handled { .. } => StateName::Handled,
            Self::Closed { .. } => StateName::Closed,
        }
    }

    /// When the state began.
    pub fn since(&self) -> Timestamp {
        match self {
            Self::Open { since, .. }
            | Self::AwaitingApproval { since, .. }
            | Self::Handling { since, .. }
            | Self::WithDepartment { since, .. }
            | Self::Handled { since, .. } => *since,
            Self::Closed { at, .. } => *at,
        }
    }

    /// By when its next step must be there.
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Open { hand_over_by: at, .. }
            | Self::AwaitingApproval { decide_by: at, .. }
            | Self::Handling { finish_by: at, .. }
            | Self::WithDepartment { answer_by: at, .. }
            | Self::Handled { call_by: at, .. } => Some(*at),
            Self::Closed { .. } => None,
        }
    }

    /// Which department has it.
    pub fn department(&self) -> Option<&str> {
        match self {
            Self::Handling { department, .. } => department.as_deref(),
            Self::WithDepartment { department, .. } => Some(department),
            Self::Open { .. } | Self::AwaitingApproval { .. } | Self::Handled { .. } | Self::Closed { .. } => None,
        }
    }
}

/// One step that was taken, as it is kept for ever.
#[derive(Clone, Debug, PartialEq)]
pub struct TrailEntry {
    /// 1 for the opening.
    pub n: i64,
    pub at: Timestamp,
    pub by: String,
    /// Name of the [`Step`]; `open` for the first.
    pub step: String,
    pub from: Option<StateName>,
    pub to: StateName,
    /// What was given with it.
    pub detail: serde_json::Value,
}

impl Complaint {
    /// F06, F12: nothing is done before a leader has said so.
    pub fn needs_approval(&self, policy: &Policy) -> bool {
        self.kind.is_grave() || policy.approval_grades.contains(&self.grade)
    }

    pub fn is_approved(&self) -> bool {
        self.decision.as_ref().is_some_and(|decision| decision.approved)
    }

    /// What the sheet lacks, where one is needed (F01, F02): also the customer's own words.
    pub fn missing(&self) -> Vec<&'static str> {
        if !self.grade.needs_form() {
            return vec![];
        }
        let mut missing = self.form.missing();
        if self.quotes.is_empty() {
            missing.push("quotes");
        }
        missing
    }

    /// The earliest instant by which something must have been done.
    pub fn due_at(&self) -> Option<Timestamp> {
        let site_visit = self.site_visit.as_ref().filter(|visit| visit.result.is_none()).map(|visit| visit.due_at);
        let state = self.state.due_at()?;
        [Some(state), self.reply_due_at, site_visit].into_iter().flatten().min()
    }

    /// F20: what stops the customer's work first, then the graver, then the older; greater is sooner.
    pub fn urgency(&self) -> i64 {
        const AGE: i64 = 1 << 44;
        let gravity = Grade::ALL.iter().rev().position(|grade| *grade == self.grade).unwrap_or_default();
        let rank = i64::from(self.signs.stops_work) * 8 + i64::try_from(gravity).unwrap_or_default();
        rank * AGE + (AGE - 1 - self.opened_at.as_millisecond().clamp(0, AGE - 1))
    }

    /// F07: whether the customer carries the mark now.
    pub fn is_marked(&self, now: Timestamp) -> bool {
        self.marked_from.is_some_and(|from| from <= now)
    }

    /// F03: whether somebody is still to go over it with the customer at his next visit.
    pub fn is_to_be_checked(&self) -> bool {
        self.rounds > 0 && self.checked.is_none()
    }

    /// One sentence for whoever serves this customer next (F03, F07); `None`: nothing that he needs to know.
    pub fn notice(&self, now: Timestamp) -> Option<String> {
        let over = matches!(self.state, State::Closed { .. });
        if over && !self.is_marked(now) && !self.is_to_be_checked() {
            return None;
        }
        let mark = if self.is_marked(now) { "★ 重点关注：" } else { "" };
        let check = if self.is_to_be_checked() { "，请与客户核对处理结果" } else { "" };
        let (grade, kind, state) = (self.grade.name(), self.kind.text_zh(), self.state.name().text_zh());
        Some(format!("{mark}{grade}级投诉（{kind}），{state}{check}"))
    }
}

#[cfg(test)]
mod tests;
