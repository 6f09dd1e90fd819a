//! The transitions of a visit: each takes the old value and returns the new one, or says why not.
//!
//! Contract: nothing is dialled here; a redial is never earlier than its spacing (A04), never in quiet hours (A13); a call's result changes
//! a visit only while that call holds it, so a result that is handed in twice counts once.

use super::task::{CloseCause, Visit, VisitState, WaitReason};
use crate::domain::calendar::Calendar;
use crate::domain::call::outcome::{ConversationEnd, Outcome};
use crate::domain::id::{CallId, OrderNo, VisitId};
use crate::domain::programme::{EndKind, Programme, Retry, RetryRule, RuleKey, Then, Verdict};
use crate::domain::when;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// A finished call, as far as its visit is concerned.
#[derive(Clone, Debug, PartialEq)]
pub struct CallResult {
    pub call: CallId,
    pub outcome: Outcome,
    /// `None` when it was never answered, or nothing is known of the conversation.
    pub conversation: Option<ConversationEnd>,
    /// The trunk failed before the phone rang and another can take the call at once: the trunks tried so far ([`super::round`]).
    pub next_trunk: Option<Vec<String>>,
}

/// Why a person's command was not carried out. The message is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("回访已经结束，不能再操作")]
    Over,
    #[error("正在通话中，请等通话结束")]
    InCall,
    #[error("客户挂断或拒接过电话，按规则 A04 要间隔 {spacing_min} 分钟，最早 {until_text} 再拨")]
    RedialGuard { until: Timestamp, until_text: String, spacing_min: u64 },
    #[error("该时间不在允许呼叫的时段 {hours} 内（规则 A13），最早 {until_text}")]
    QuietHours { until: Timestamp, until_text: String, hours: String },
    #[error("约定时间 {0} 已经过去")]
    Past(String),
}

/// Takes a completed order in: the clock starts now, or at the next opening (A03).
///
/// `received_at` is the gateway's time stamp; one in the future counts as `now`.
pub fn accept(
    now: Timestamp,
    received_at: Timestamp,
    order_no: OrderNo,
    programme: &Programme,
    calendar: &Calendar,
    id: VisitId,
) -> Visit {
    let sms_at = received_at.min(now);
    let clock_starts_at = calendar.next_opening(sms_at);
    Visit {
        id,
        order_no,
        programme: programme.name.clone(),
        sms_at,
        clock_starts_at,
        due_at: calendar.add_working(clock_starts_at, programme.due_after),
        deadline_at: calendar.add_working(clock_starts_at, programme.deadline_after),
        attempts: 0,
        first_attempt_at: None,
        escalated_at: None,
        late_cause: None,
        tries: BTreeMap::new(),
        redial_guard: None,
        caller_id: None,
        state: VisitState::Waiting {
            not_before: programme.next_callable(calendar, clock_starts_at, false),
            reason: WaitReason::New,
        },
        version: 0,
    }
}

/// Hands the visit to `call`: from here the attempt counts, whatever becomes of it.
pub fn claim(now: Timestamp, visit: &Visit, call: CallId) -> Result<Visit, Refused> {
    must_wait(visit)?;
    let mut next = visit.clone();
    next.attempts = next.attempts.saturating_add(1);
    next.first_attempt_at = next.first_attempt_at.or(Some(now));
    next.state = VisitState::Calling { call, since: now };
    Ok(next)
}

/// What follows a call: done, closed, an appointment (A07), a redial after its spacing (A04), or the next trunk at once.
///
/// A result of a call that does not hold the visit changes nothing.
pub fn after_call(
    now: Timestamp,
    visit: &Visit,
    result: &CallResult,
    programme: &Programme,
    calendar: &Calendar,
) -> Visit {
    let mut next = visit.clone();
    match &visit.state {
        VisitState::Calling { call, .. } if *call == result.call => {}
        VisitState::Calling { .. }
        | VisitState::Waiting { .. }
        | VisitState::Completed { .. }
        | VisitState::Closed { .. } => return next,
    }
    if let Some(tried) = &result.next_trunk {
        let (after, tried) = (result.outcome, tried.clone());
        let reason = WaitReason::NextTrunk { after, attempt: visit.attempts, tried };
        return waiting(visit, now, reason);
    }
    match programme.verdict(result.outcome, result.conversation.as_ref()) {
        Verdict::Valid => next.state = VisitState::Completed { call: result.call.clone(), at: now },
        Verdict::Rule(key, rule) => {
            let reason =
                WaitReason::RetrySpacing { after: result.outcome, attempt: visit.attempts, rule: key.name().into() };
            let ended = Ended { key, rule, reason, said: said(result) };
            apply(now, &mut next, ended, programme, calendar);
        }
    }
    next
}

/// The attempt could go on over no other trunk after all: it counts once, and its spacing begins.
pub fn round_over(now: Timestamp, visit: &Visit, programme: &Programme, calendar: &Calendar) -> Visit {
    let mut next = visit.clone();
    if let VisitState::Waiting { reason: WaitReason::NextTrunk { after, attempt, .. }, .. } = &visit.state {
        let key = RuleKey::Outcome(*after);
        let reason = WaitReason::RetrySpacing { after: *after, attempt: *attempt, rule: key.name().into() };
        apply(now, &mut next, Ended { key, rule: programme.rule(key), reason, said: None }, programme, calendar);
    }
    next
}

/// A visit found in `Calling` when the engine starts: the attempt is used up and is not repeated at once. One that had been answered is
/// spaced as if the customer had hung up (A04): for him we did.
pub fn interrupted(now: Timestamp, visit: &Visit, answered: bool, programme: &Programme, calendar: &Calendar) -> Visit {
    let mut next = visit.clone();
    if !matches!(visit.state, VisitState::Calling { .. }) {
        return next;
    }
    let key = RuleKey::Outcome(if answered { Outcome::HungUp } else { Outcome::NoAnswer });
    let reason = WaitReason::Interrupted { attempt: visit.attempts };
    apply(now, &mut next, Ended { key, rule: programme.rule(key), reason, said: None }, programme, calendar);
    next
}

/// Moves the visit to `to`, by a person. Refused inside the spacing of A04 and in quiet hours; outside working hours as the programme says.
pub fn reschedule(
    now: Timestamp,
    visit: &Visit,
    to: Timestamp,
    by: &str,
    note: &str,
    programme: &Programme,
    calendar: &Calendar,
) -> Result<Visit, Refused> {
    must_wait(visit)?;
    if to < now {
        return Err(Refused::Past(when::local_text(to, now, calendar.tz())));
    }
    may_dial_at(now, visit, to, programme, calendar)?;
    let not_before = programme.next_callable(calendar, to, true);
    Ok(waiting(visit, not_before, WaitReason::Rescheduled { by: by.into(), note: note.into() }))
}

/// Lets the planner dial at once, before the spacing is over, except where A04 or A13 binds people too.
pub fn dial_now(
    now: Timestamp,
    visit: &Visit,
    by: &str,
    programme: &Programme,
    calendar: &Calendar,
) -> Result<Visit, Refused> {
    must_wait(visit)?;
    may_dial_at(now, visit, now, programme, calendar)?;
    Ok(waiting(visit, now, WaitReason::ByHand { by: by.into() }))
}

/// Ends the visit without a call. A call in progress is the engine's to end; its result then changes nothing.
pub fn cancel(now: Timestamp, visit: &Visit) -> Result<Visit, Refused> {
    if visit.state.is_over() {
        return Err(Refused::Over);
    }
    let mut next = visit.clone();
    next.state = VisitState::Closed { cause: CloseCause::Cancelled, at: now };
    Ok(next)
}

/// A repeat or correction of a known order. The clock keeps running from the first SMS, or a repeat would hide a late visit; a visit that
/// was closed for its number is opened again when the number is a new one.
pub fn corrected(
    now: Timestamp,
    visit: &Visit,
    phone_changed: bool,
    programme: &Programme,
    calendar: &Calendar,
) -> Visit {
    let VisitState::Closed { cause, .. } = &visit.state else { return visit.clone() };
    let for_its_number = match cause {
        CloseCause::WrongNumber | CloseCause::InvalidNumber | CloseCause::AttemptsUsedUp => true,
        CloseCause::Cancelled | CloseCause::Refused => false,
    };
    if !(phone_changed && for_its_number) {
        return visit.clone();
    }
    let mut next = waiting(visit, programme.next_callable(calendar, now, false), WaitReason::New);
    next.tries.clear();
    next
}

/// Records why the visit was not made in time (A01); the first cause stays.
pub fn mark_late(visit: &Visit, cause: &str) -> Visit {
    let mut next = visit.clone();
    next.late_cause.get_or_insert_with(|| cause.to_string());
    next
}

/// Escalates the visit (A02), once; it stays open.
pub fn mark_escalated(now: Timestamp, visit: &Visit, cause: &str) -> Visit {
    let mut next = mark_late(visit, cause);
    next.escalated_at.get_or_insert(now);
    next
}

/// An attempt that was no valid visit.
struct Ended<'a> {
    key: RuleKey,
    rule: &'a RetryRule,
    reason: WaitReason,
    /// The customer's words for a better time.
    said: Option<String>,
}

fn apply(now: Timestamp, visit: &mut Visit, ended: Ended, programme: &Programme, calendar: &Calendar) {
    let nth = visit.tries.entry(ended.key.name().to_string()).or_insert(0);
    *nth = nth.saturating_add(1);
    let nth = *nth;
    let retry = match ended.rule {
        RetryRule::Close(cause) => {
            visit.state = VisitState::Closed { cause: *cause, at: now };
            return;
        }
        RetryRule::Retry(retry) => retry,
    };
    let spacing_over = later(now, retry.spacing_after(nth));
    if retry.binds_people {
        visit.redial_guard = Some(spacing_over);
    }
    if let Some(then) = used_up(visit, retry, nth, programme) {
        visit.state = match then {
            Then::Close => VisitState::Closed { cause: CloseCause::AttemptsUsedUp, at: now },
            Then::Hold => VisitState::Waiting {
                not_before: spacing_over,
                reason: WaitReason::ForPerson {
                    problem: format!("同样的结果已有{nth}次（{}）", super::why::rule_zh(ended.key)),
                },
            },
        };
        return;
    }
    let (at, reason) = match ended.key {
        RuleKey::End(EndKind::Callback) => {
            let asked = ended.said.as_deref().and_then(|said| when::appointment(said, now, calendar.tz()));
            (asked.unwrap_or(spacing_over), WaitReason::Appointment { said: ended.said })
        }
        RuleKey::End(_) | RuleKey::Outcome(_) => (spacing_over, ended.reason),
    };
    let not_before = programme.next_callable(calendar, at, reason.on_request());
    visit.state = VisitState::Waiting { not_before, reason };
}

/// `Some` when this was the last attempt: of this result, or of all that reached for the customer (A06).
fn used_up(visit: &Visit, retry: &Retry, nth: u32, programme: &Programme) -> Option<Then> {
    if retry.max.is_some_and(|max| nth >= max) {
        return Some(retry.then);
    }
    let counted: u32 = visit.tries.iter().filter(|(name, _)| counts(programme, name)).map(|(_, n)| *n).sum();
    (retry.counts && counted >= programme.attempts_max).then_some(Then::Close)
}

fn counts(programme: &Programme, rule: &str) -> bool {
    match RuleKey::parse(rule).map(|key| programme.rule(key)) {
        Some(RetryRule::Retry(retry)) => retry.counts,
        Some(RetryRule::Close(_)) | None => true,
    }
}

fn said(result: &CallResult) -> Option<String> {
    match &result.conversation {
        Some(ConversationEnd::Callback { said }) => said.clone(),
        _ => None,
    }
}

fn must_wait(visit: &Visit) -> Result<(), Refused> {
    match visit.state {
        VisitState::Waiting { .. } => Ok(()),
        VisitState::Calling { .. } => Err(Refused::InCall),
        VisitState::Completed { .. } | VisitState::Closed { .. } => Err(Refused::Over),
    }
}

/// What binds people too: the spacing after a hang-up (A04) and quiet hours (A13).
fn may_dial_at(
    now: Timestamp,
    visit: &Visit,
    at: Timestamp,
    programme: &Programme,
    calendar: &Calendar,
) -> Result<(), Refused> {
    if let Some(until) = visit.redial_guard.filter(|guard| *guard > at) {
        let until_text = when::local_text(until, now, calendar.tz());
        let spacing_min = guard_minutes(programme);
        return Err(Refused::RedialGuard { until, until_text, spacing_min });
    }
    let until = calendar.next_within(&programme.calling_hours, at);
    if until > at {
        let until_text = when::local_text(until, now, calendar.tz());
        return Err(Refused::QuietHours { until, until_text, hours: programme.calling_hours_text() });
    }
    Ok(())
}

/// The spacing that the programme asks for after a hang-up.
pub(super) fn guard_minutes(programme: &Programme) -> u64 {
    match programme.rule(RuleKey::Outcome(Outcome::HungUp)) {
        RetryRule::Retry(retry) => retry.spacing.as_secs() / 60,
        RetryRule::Close(_) => 0,
    }
}

fn waiting(visit: &Visit, not_before: Timestamp, reason: WaitReason) -> Visit {
    let mut next = visit.clone();
    next.state = VisitState::Waiting { not_before, reason };
    next
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
