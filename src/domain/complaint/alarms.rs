//! What is wrong with a complaint at an instant: the RD of the rule table.
//!
//! Contract: pure; an alarm is named by its kind and the instant since which it holds, so the shell can tell each once, also after a
//! restart. A complaint that is closed has none. [`Complaint::next_alarm`] says when to look again. Not here: to whom it is told.

use super::{Complaint, SecondCall, State};
use crate::domain::audit::Severity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// 退机 起诉 曝光 … in the customer's words (E09).
    SevereWords,
    /// At once to a supervisor (F17), until one has taken the customer over (F18).
    CustomerAngry,
    /// The same fault within a month of its repair (F14).
    FaultRecurs,
    /// The criterion for a replacement is met (F13).
    ReplacementCriterion,
    /// The day is over and nobody has it (F04, F05).
    NotHandedOver,
    /// A leader has not decided (F06, F12).
    NotDecided,
    NotHandled,
    /// The slip has not come back (F08).
    SlipNotBack,
    /// The customer was promised an answer (F11, F16).
    ReplyOverdue,
    /// F09.
    SiteVisitOverdue,
    /// A14.
    SecondCallOverdue,
    /// Nobody will make the second call by itself (A15).
    SecondCallNotPlanned,
}

impl AlarmKind {
    pub const ALL: [AlarmKind; 12] = [
        Self::SevereWords,
        Self::CustomerAngry,
        Self::FaultRecurs,
        Self::ReplacementCriterion,
        Self::NotHandedOver,
        Self::NotDecided,
        Self::NotHandled,
        Self::SlipNotBack,
        Self::ReplyOverdue,
        Self::SiteVisitOverdue,
        Self::SecondCallOverdue,
        Self::SecondCallNotPlanned,
    ];

    pub fn severity(self) -> Severity {
        match self {
            Self::NotDecided | Self::NotHandled | Self::SlipNotBack | Self::ReplacementCriterion => Severity::Amber,
            Self::SevereWords
            | Self::CustomerAngry
            | Self::FaultRecurs
            | Self::NotHandedOver
            | Self::ReplyOverdue
            | Self::SiteVisitOverdue
            | Self::SecondCallOverdue
            | Self::SecondCallNotPlanned => Severity::Red,
        }
    }

    /// For people.
    pub fn text_zh(self) -> &'static str {
        match self {
            Self::SevereWords => "客户言语严厉（退机、换机、起诉、曝光等），立即上报主管（E09）",
            Self::CustomerAngry => "客户情绪激动，立即报告主管（F17）",
            Self::FaultRecurs => "维修后一个月内又出现同类故障（F14）",
            Self::ReplacementCriterion => "短期内连续出现同类故障，达到考虑换机的标准（F13）",
            Self::NotHandedOver => "当天的投诉没有移交（F04）",
            Self::NotDecided => "领导尚未批示（F06）",
            Self::NotHandled => "超过处理时限",
            Self::SlipNotBack => "信息反馈单没有按时返回（F08）",
            Self::ReplyOverdue => "没有按约定的时间答复客户（F11）",
            Self::SiteVisitOverdue => "没有按时现场回访（F09）",
            Self::SecondCallOverdue => "处理后三天内没有再次回访（A14）",
            Self::SecondCallNotPlanned => "处理后的再次回访没有安排（A15）",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    /// The instant since which it holds.
    pub since: Timestamp,
    pub kind: AlarmKind,
}

/// Every alarm that holds at `now`, in the order in which they came up.
pub fn alarms(now: Timestamp, complaint: &Complaint) -> Vec<Alarm> {
    let mut found = ever(complaint);
    found.retain(|alarm| alarm.since <= now);
    found.sort();
    found
}

impl Complaint {
    /// The first instant after `after` at which an alarm comes up if nothing is done.
    pub fn next_alarm(&self, after: Option<Timestamp>) -> Option<Timestamp> {
        ever(self).into_iter().map(|alarm| alarm.since).filter(|since| after.is_none_or(|after| *since > after)).min()
    }
}

/// What holds now or will hold if nothing is done.
fn ever(c: &Complaint) -> Vec<Alarm> {
    if matches!(c.state, State::Closed { .. }) {
        return vec![];
    }
    let mut found = vec![];
    let mut add = |since: Timestamp, kind| found.push(Alarm { since, kind });
    if c.signs.severe {
        add(c.opened_at, AlarmKind::SevereWords);
    }
    if c.signs.angry && c.taken_over.is_none() {
        add(c.opened_at, AlarmKind::CustomerAngry);
    }
    if let Some(recurrence) = &c.recurrence {
        if recurrence.soon {
            add(c.opened_at, AlarmKind::FaultRecurs);
        }
        if recurrence.replacement {
            add(c.opened_at, AlarmKind::ReplacementCriterion);
        }
    }
    if let Some(due) = c.reply_due_at {
        add(due, AlarmKind::ReplyOverdue);
    }
    if let Some(visit) = c.site_visit.as_ref().filter(|visit| visit.result.is_none()) {
        add(visit.due_at, AlarmKind::SiteVisitOverdue);
    }
    match &c.state {
        State::Open { hand_over_by, .. } => add(*hand_over_by, AlarmKind::NotHandedOver),
        State::AwaitingApproval { decide_by, .. } => add(*decide_by, AlarmKind::NotDecided),
        State::Handling { finish_by, .. } => add(*finish_by, AlarmKind::NotHandled),
        State::WithDepartment { answer_by, .. } => add(*answer_by, AlarmKind::SlipNotBack),
        State::Handled { since, call_by, second } => match second {
            SecondCall::Planned { .. } => add(*call_by, AlarmKind::SecondCallOverdue),
            SecondCall::NotPlanned { .. } => {
                add(*since, AlarmKind::SecondCallNotPlanned);
                add(*call_by, AlarmKind::SecondCallOverdue);
            }
            // It was made; what is still to be done is a person's, by the same time.
            SecondCall::Made { .. } => add(*call_by, AlarmKind::NotHandled),
        },
        State::Closed { .. } => {}
    }
    found
}
