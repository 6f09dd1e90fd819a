//! The beginning of a visit: something happened to an order, and a programme wants the customer to be asked about it.
//!
//! Contract: the clock runs as the window says, in the calendar of the order's branch; nothing is dialled before the window opens. A
//! visit that is to be made on site (B09) is kept for a person: it has its due time and becomes late like any other.
//! Not here: which programme and which orders (`programme::assign`, `programme::selection`).

use super::task::{Origin, Visit, VisitState, WaitReason};
use crate::domain::calendar::Calendar;
use crate::domain::id::{OrderNo, VisitId};
use crate::domain::programme::{Programme, Stage, Trigger};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is to be begun.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    pub id: VisitId,
    pub order_no: OrderNo,
    pub programme: &'a Programme,
    /// One of the programme's.
    pub stage: &'a Stage,
    pub trigger: Trigger,
    /// The branch that the order names.
    pub branch: Option<String>,
    /// B09.
    pub on_site: bool,
}

/// Begins a visit for what happened at `happened_at`; an instant in the future counts as `now`.
pub fn begin(now: Timestamp, happened_at: Timestamp, start: Start, calendar: &Calendar) -> Visit {
    let Start { id, order_no, programme, stage, trigger, branch, on_site } = start;
    let calendar = calendar.of(branch.as_deref());
    let sms_at = happened_at.min(now);
    let times = stage.window.times(sms_at, calendar);
    let reason = if on_site {
        WaitReason::ForPerson {
            problem: "合同额达到现场回访的标准（规则 B09），由服务人员到现场回访".into()
        }
    } else {
        WaitReason::New
    };
    Visit {
        id,
        order_no,
        programme: programme.name.clone(),
        origin: Origin { trigger, stage: stage.name.clone(), version: programme.version.clone(), branch },
        sms_at,
        clock_starts_at: times.clock_starts_at,
        due_at: times.due_at,
        deadline_at: times.deadline_at,
        attempts: 0,
        first_attempt_at: None,
        escalated_at: None,
        late_cause: None,
        tries: BTreeMap::new(),
        redial_guard: None,
        caller_id: None,
        declined: vec![],
        state: VisitState::Waiting {
            not_before: programme.next_callable(calendar, times.clock_starts_at, false),
            reason,
        },
        version: 0,
    }
}

/// Takes a completed order in for the first visit of `programme`: the clock starts now, or at the next opening (A03).
///
/// `received_at` is the gateway's time stamp.
pub fn accept(
    now: Timestamp,
    received_at: Timestamp,
    order_no: OrderNo,
    programme: &Programme,
    calendar: &Calendar,
    id: VisitId,
) -> Visit {
    let (stage, trigger) = (programme.first(), Trigger::Sms);
    begin(now, received_at, Start { id, order_no, programme, stage, trigger, branch: None, on_site: false }, calendar)
}
