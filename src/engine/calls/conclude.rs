//! The end of a call in the store: its final row, the visit's next step and the jobs that follow, in one transaction.
//!
//! Contract (invariant 2): tried again while the database is busy; what could not be written in the end is closed by the next start
//! (`recovery`). Not here: what the call came to (`domain::call::fsm`) and what follows for the visit (`domain::visit::steps`).

use super::super::Engine;
use super::super::events::CallPhase;
use super::super::transcriber::jobs_after;
use crate::domain::calendar::Calendar;
use crate::domain::call::Call;
use crate::domain::call::outcome::{ConversationEnd, Outcome};
use crate::domain::id::SeatId;
use crate::domain::programme::Programme;
use crate::domain::visit::round;
use crate::domain::visit::task::{self, CallResult, Visit, VisitState, WaitReason};
use crate::sip::Wanted;
use crate::store::StoreError;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// A final row is tried again so often before it is left to the next start's recovery.
const SAVES_MAX: u32 = 8;

/// The final row, the visit's next step and the jobs, in one transaction; tried again while the database is busy.
pub async fn conclude(engine: &Arc<Engine>, call: &Call, claimed: Visit, tried: &[String]) {
    let mut wait = Duration::from_millis(200);
    for _ in 0..SAVES_MAX {
        match try_conclude(engine, call, &claimed, tried).await {
            Ok(visit) => {
                engine.announce_call(call, CallPhase::Ended);
                engine.announce_visit(&visit);
                engine.announce_called_off(&call.id).await;
                engine.kick();
                engine.more_jobs();
                return;
            }
            Err(error) => {
                tracing::error!(call.id = %call.id, %error, "the end of a call could not be saved; trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(10));
            }
        }
    }
    tracing::error!(call.id = %call.id, "the end of a call was not saved; the next start closes it");
}

async fn try_conclude(engine: &Engine, call: &Call, claimed: &Visit, tried: &[String]) -> Result<Visit, StoreError> {
    let now = engine.clock.now();
    // Read again: a person may have written a note or a late cause meanwhile.
    let visit = engine.store.visit(&claimed.id).await?;
    let site = engine.site();
    let next = match site.rules.programmes.get(&visit.programme) {
        Some(programme) => {
            let outcome = call.outcome.unwrap_or(Outcome::TrunkFailure);
            let next_trunk = next_trunk(engine, call, tried);
            let conversation = call.conversation.clone();
            let result = CallResult { call: call.id.clone(), outcome, conversation, next_trunk };
            let calendar = &site.rules.calendar;
            match &call.seat {
                Some(seat) => {
                    let until = call.instants.answered_at.and_then(|_| wrap_up_until(engine, now));
                    after_agent(now, &visit, result, seat, until, programme, calendar)
                }
                None => task::after_call(now, &visit, &result, programme, calendar),
            }
        }
        None => for_person(now, visit, "找不到这条回访的方案，请检查 programmes 目录"),
    };
    engine.store.finish_call(call, &next, &jobs_after(call, now)).await
}

/// The agent's result counts when he has written it down, or when his time for that is over: until then it may change. A fault of ours
/// is nobody's to write down.
fn after_agent(
    now: Timestamp,
    visit: &Visit,
    result: CallResult,
    seat: &SeatId,
    until: Option<Timestamp>,
    programme: &Programme,
    calendar: &Calendar,
) -> Visit {
    let result =
        CallResult { conversation: result.conversation.filter(|end| until.is_none() || is_fault(end)), ..result };
    task::after_agent_call(now, visit, &result, seat, until, programme, calendar)
}

/// `None`: the site gives no time for it.
fn wrap_up_until(engine: &Engine, now: Timestamp) -> Option<Timestamp> {
    let wrap_up = Duration::from_secs(engine.config.seats.wrap_up_s);
    (!wrap_up.is_zero()).then(|| now.checked_add(wrap_up).unwrap_or(Timestamp::MAX))
}

fn is_fault(end: &ConversationEnd) -> bool {
    matches!(end, ConversationEnd::Fault { .. })
}

/// The trunks of this round, when the call is to be passed on and another trunk is there to take it.
fn next_trunk(engine: &Engine, call: &Call, before: &[String]) -> Option<Vec<String>> {
    let tried = round::tried_with(before, call)?;
    let wanted = Wanted { to: &call.to, visit: call.visit.as_str(), shown: None, except: &tried };
    engine.sip.can_take(&wanted).then_some(tried)
}

/// Kept for a person: nothing is lost, nothing is dialled.
pub fn for_person(now: Timestamp, mut visit: Visit, problem: &str) -> Visit {
    visit.state =
        VisitState::Waiting { not_before: now, reason: WaitReason::ForPerson { problem: problem.to_owned() } };
    visit
}
