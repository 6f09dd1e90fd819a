//! The transitions of a visit: each takes the old value and returns the new one, or says why not.
//!
//! Contract: nothing is dialled here; a redial is never earlier than its spacing (A04), never in quiet hours (A13); a call's result changes
//! a visit only while that call holds it, so a result that is handed in twice counts once.

use super::task::{CloseCause, Declined, Visit, VisitState, WaitReason};
use crate::domain::calendar::Calendar;
use crate::domain::call::outcome::{ConversationEnd, Outcome};
use crate::domain::id::{CallId, SeatId};
use crate::domain::programme::{EndKind, Programme, Retry, RetryRule, RuleKey, Then, Verdict};
use crate::domain::when;
use jiff::Timestamp;
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
    #[error("坐席 {0} 正在填写这次通话的结果，请等填写完成")]
    InWrapUp(SeatId),
    #[error("客户挂断或拒接过电话，按规则 A04 要间隔 {spacing_min} 分钟，最早 {until_text} 再拨")]
    RedialGuard { until: Timestamp, until_text: String, spacing_min: u64 },
    #[error("该时间不在允许呼叫的时段 {hours} 内（规则 A13），最早 {until_text}")]
    QuietHours { until: Timestamp, until_text: String, hours: String },
    #[error("约定时间 {0} 已经过去")]
    Past(String),
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
    settle(now, now, &mut next, result, programme, calendar);
    next
}

/// What follows a call that was made for an agent. One that was not answered, or whose result he has given, is like any other; an answered
/// one without a result waits for it while he may still write it down, until `wrap_up_until`, and for a person when he may not.
pub fn after_agent_call(
    now: Timestamp,
    visit: &Visit,
    result: &CallResult,
    seat: &SeatId,
    wrap_up_until: Option<Timestamp>,
    programme: &Programme,
    calendar: &Calendar,
) -> Visit {
    let held = matches!(&visit.state, VisitState::Calling { call, .. } if *call == result.call);
    if !held || result.conversation.as_ref().is_some_and(is_result) {
        return after_call(now, visit, result, programme, calendar);
    }
    match (wrap_up_until, result.outcome) {
        (Some(until), outcome) => {
            let (call, seat) = (result.call.clone(), seat.clone());
            let mut next = waiting(visit, now, WaitReason::WrapUp { call, seat, until });
            // A04 does not wait for the agent.
            if let (Outcome::HungUp, RetryRule::Retry(retry)) = (outcome, programme.rule(HUNG_UP)) {
                let nth = visit.tries.get(HUNG_UP.name()).copied().unwrap_or(0).saturating_add(1);
                next.redial_guard = retry.binds_people.then(|| later(now, retry.spacing_after(nth)));
            }
            next
        }
        (None, Outcome::Answered) => waiting(visit, now, no_result()),
        (None, _) => after_call(now, visit, result, programme, calendar),
    }
}

/// What follows the wrap-up of `call`. Without a result nothing is guessed: a customer who hung up is spaced (A04), anything else waits
/// for a person. Spacings count from the end of the call. A visit that does not wait for this wrap-up stays as it is.
pub fn after_wrap_up(
    now: Timestamp,
    visit: &Visit,
    call: &CallId,
    outcome: Outcome,
    conversation: Option<&ConversationEnd>,
    programme: &Programme,
    calendar: &Calendar,
) -> Visit {
    let mut next = visit.clone();
    let VisitState::Waiting { not_before: ended_at, reason: WaitReason::WrapUp { call: held, .. } } = &visit.state
    else {
        return next;
    };
    if held != call {
        return next;
    }
    let conversation = conversation.filter(|end| is_result(end)).cloned();
    if conversation.is_none() && outcome != Outcome::HungUp {
        return waiting(visit, *ended_at, no_result());
    }
    // The guard was for the case that he says nothing; his result decides whether people are bound.
    next.redial_guard = None;
    let result = CallResult { call: call.clone(), outcome, conversation, next_trunk: None };
    settle(now, *ended_at, &mut next, &result, programme, calendar);
    next
}

/// An agent looked at the visit and gave it back: others may take it, he is not offered it again.
pub fn declined(now: Timestamp, visit: &Visit, seat: &SeatId, reason: &str) -> Result<Visit, Refused> {
    must_wait(visit)?;
    let mut next = visit.clone();
    next.declined.retain(|earlier| earlier.seat != *seat);
    next.declined.push(Declined { seat: seat.clone(), reason: reason.to_owned(), at: now });
    Ok(next)
}

/// Whether the agent who looks at the visit may start its call now: what binds people binds him too (A04, A13).
pub fn may_start(now: Timestamp, visit: &Visit, programme: &Programme, calendar: &Calendar) -> Result<(), Refused> {
    must_wait(visit)?;
    may_dial_at(now, visit, now, programme, calendar)
}

/// The attempt could go on over no other trunk after all: it counts once, and its spacing begins.
pub fn round_over(now: Timestamp, visit: &Visit, programme: &Programme, calendar: &Calendar) -> Visit {
    let mut next = visit.clone();
    if let VisitState::Waiting { reason: WaitReason::NextTrunk { after, attempt, .. }, .. } = &visit.state {
        let key = RuleKey::Outcome(*after);
        let reason = WaitReason::RetrySpacing { after: *after, attempt: *attempt, rule: key.name().into() };
        apply(
            now,
            &mut next,
            Ended { key, rule: programme.rule(key), reason, asked: None, at: now },
            programme,
            calendar,
        );
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
    apply(now, &mut next, Ended { key, rule: programme.rule(key), reason, asked: None, at: now }, programme, calendar);
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
    let calendar = visit.calendar(calendar);
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

/// Ends a visit that the customer's wish forbids, or whose matter is settled without it. A call in progress goes on, and a wrap-up is
/// waited for: what they come to counts first.
pub fn called_off(now: Timestamp, visit: &Visit, cause: CloseCause) -> Option<Visit> {
    must_wait(visit).ok()?;
    let mut next = visit.clone();
    next.state = VisitState::Closed { cause, at: now };
    Some(next)
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
        CloseCause::WrongNumber
        | CloseCause::InvalidNumber
        | CloseCause::AttemptsUsedUp
        | CloseCause::Sms
        | CloseCause::Email
        | CloseCause::Letter
        | CloseCause::ForAdviser => true,
        CloseCause::Cancelled | CloseCause::Refused | CloseCause::OptedOut | CloseCause::Settled => false,
    };
    if !(phone_changed && for_its_number) {
        return visit.clone();
    }
    let mut next = waiting(visit, programme.next_callable(visit.calendar(calendar), now, false), WaitReason::New);
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

const HUNG_UP: RuleKey = RuleKey::Outcome(Outcome::HungUp);

/// An agent's outcome key; that the customer left in the middle is none.
fn is_result(end: &ConversationEnd) -> bool {
    !matches!(end, ConversationEnd::Abandoned { .. })
}

fn no_result() -> WaitReason {
    WaitReason::ForPerson { problem: "坐席未填写回访结果".into() }
}

/// The state that follows a call which ended at `ended_at`.
fn settle(
    now: Timestamp,
    ended_at: Timestamp,
    visit: &mut Visit,
    result: &CallResult,
    programme: &Programme,
    calendar: &Calendar,
) {
    // No rule of a programme and no fault of ours calls him again (C09).
    if matches!(result.conversation, Some(ConversationEnd::OptedOut { .. })) {
        let rule = RetryRule::Close(CloseCause::Refused);
        let key = RuleKey::End(EndKind::Refused);
        let ended = Ended { key, rule: &rule, reason: WaitReason::New, asked: None, at: ended_at };
        return apply(now, visit, ended, programme, calendar);
    }
    match programme.verdict(result.outcome, result.conversation.as_ref()) {
        Verdict::Valid => visit.state = VisitState::Completed { call: result.call.clone(), at: now },
        Verdict::Rule(key, rule) => {
            let reason =
                WaitReason::RetrySpacing { after: result.outcome, attempt: visit.attempts, rule: key.name().into() };
            let ended = Ended { key, rule, reason, asked: asked(result), at: ended_at };
            apply(now, visit, ended, programme, calendar);
        }
    }
}

/// An attempt that was no valid visit.
struct Ended<'a> {
    key: RuleKey,
    rule: &'a RetryRule,
    reason: WaitReason,
    asked: Option<Asked>,
    /// When its call ended; spacings count from here.
    at: Timestamp,
}

/// A better time (A07).
#[derive(Default)]
struct Asked {
    /// In the customer's words.
    said: Option<String>,
    /// As an agent settled it with him.
    at: Option<Timestamp>,
}

fn apply(now: Timestamp, visit: &mut Visit, ended: Ended, programme: &Programme, calendar: &Calendar) {
    let calendar = visit.calendar(calendar);
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
    let spacing_over = later(ended.at, retry.spacing_after(nth));
    if retry.binds_people {
        visit.redial_guard = Some(spacing_over);
    }
    if let Some(then) = used_up(visit, retry, nth, programme) {
        visit.state = match then.closes() {
            Some(cause) => VisitState::Closed { cause, at: now },
            None => VisitState::Waiting {
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
            let Asked { said, at } = ended.asked.unwrap_or_default();
            let understood = || said.as_deref().and_then(|said| when::appointment(said, ended.at, calendar.tz()));
            let time = at.or_else(understood).unwrap_or(spacing_over);
            (time, WaitReason::Appointment { said, settled: at.is_some() })
        }
        RuleKey::End(_) | RuleKey::Outcome(_) => (spacing_over, ended.reason),
    };
    let not_before = programme.next_callable(calendar, at.max(ended.at), reason.on_request());
    visit.state = VisitState::Waiting { not_before, reason };
}

/// `Some` when this was the last attempt: of this result, or of all that reached for the customer (A06).
fn used_up(visit: &Visit, retry: &Retry, nth: u32, programme: &Programme) -> Option<Then> {
    if retry.max.is_some_and(|max| nth >= max) {
        return Some(retry.then);
    }
    let counted: u32 = visit.tries.iter().filter(|(name, _)| counts(programme, name)).map(|(_, n)| *n).sum();
    (retry.counts && counted >= programme.attempts_max).then_some(programme.attempts_then)
}

fn counts(programme: &Programme, rule: &str) -> bool {
    match RuleKey::parse(rule).map(|key| programme.rule(key)) {
        Some(RetryRule::Retry(retry)) => retry.counts,
        Some(RetryRule::Close(_)) | None => true,
    }
}

fn asked(result: &CallResult) -> Option<Asked> {
    match &result.conversation {
        Some(ConversationEnd::Callback { said, at }) => Some(Asked { said: said.clone(), at: *at }),
        _ => None,
    }
}

fn must_wait(visit: &Visit) -> Result<(), Refused> {
    match &visit.state {
        VisitState::Waiting { reason: WaitReason::WrapUp { seat, .. }, .. } => Err(Refused::InWrapUp(seat.clone())),
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
    let calendar = visit.calendar(calendar);
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
