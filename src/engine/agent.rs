//! A visit in an agent's hands: from the seat's reservation to the end of its wrap-up, one task each.
//!
//! ```text
//!   reserved ──▶ look (preview) ──start──▶ agent's line ──▶ trunk, claim ──▶ call ──answered──▶ wrap-up ──▶ done
//!                 │ declined, time over      │ not there        │ none         │ not answered
//!                 └──────────────────────────┴──────────────────┴──────────────┴──▶ seat released, visit planned again
//! ```
//! Contract: the visit is claimed only when the agent's own line is up, so a customer who answers is heard at once; whatever fails before,
//! the seat is released exactly once and the visit waits as it did. A seat whose telephone does not work goes on break and says why, or it
//! would be given every visit in turn. What the agent says while the customer is on the line goes through the call ([`Hand::heed`]).
//! After the call the result that was given last is applied; one that never came leaves the visit to a person.
//!
//! Not here: who is given the visit (`dialer`), the course of the call (`calls`), presence (`seats`).

mod hand;
mod line;
mod view;

pub use hand::{Hand, Heeded};
pub use line::{AgentPhone, Lines};

use super::Engine;
use super::calls::{self, AgentTicket, next_attempt, pick_trunk};
use super::commands::refused;
use super::complaints;
use super::desk::{AgentEnd, CallStage, SupervisorMode};
use super::dialer::CallSlot;
use super::handle::CommandError;
use super::promises;
use crate::domain::call::Call;
use crate::domain::call::outcome::{ConversationEnd, Outcome};
use crate::domain::id::{CallId, SeatId};
use crate::domain::opt_out::ScopeName;
use crate::domain::order::Order;
use crate::domain::score::Indicator;
use crate::domain::seat::{self, Seat, SeatState};
use crate::domain::visit::task::{self, Visit};
use crate::store::StoreError;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A result that loses against another writer is decided again, at most so often.
const TRIES: u32 = 8;

/// Where the answer to an [`Ask`] goes.
pub type Reply = oneshot::Sender<Result<(), CommandError>>;

/// What is asked of the task that has a visit in hand.
#[derive(Debug)]
pub enum Ask {
    Start {
        reply: Reply,
    },
    Decline {
        reason: String,
    },
    Mute(bool),
    Hold(bool),
    Keys(String),
    HangUp,
    Step {
        step: String,
        indicator: Option<Indicator>,
    },
    Result {
        end: AgentEnd,
        note: Option<String>,
    },
    Note(String),
    WrappedUp {
        end: Option<AgentEnd>,
        note: Option<String>,
        form: BTreeMap<String, String>,
        reply: Reply,
    },
    /// The seat is gone, or a time limit of its is over.
    Lost {
        why: &'static str,
    },
    /// The page has a new browser leg.
    NewLine,
    Supervise {
        by: SeatId,
        mode: SupervisorMode,
        reply: Reply,
    },
    Leave {
        by: SeatId,
        reply: Reply,
    },
    TakeOver {
        by: SeatId,
        reply: Reply,
    },
    /// A supervisor ends the call.
    End {
        reason: String,
        by: String,
        reply: Reply,
    },
}

/// Serves a visit that `seat` was reserved for. Returns when the seat is done with it.
pub async fn serve(engine: Arc<Engine>, visit: Visit, order: Order, seat: Seat, slot: CallSlot) {
    let id = seat.id.clone();
    let mut hand = Hand::take(&engine, &visit, order.clone(), &seat).await;
    match prepare(&engine, &mut hand, &visit, &order, &seat).await {
        Ok((lines, claimed)) => {
            let ended = calls::run_for_agent(engine.clone(), claimed, order, lines, hand).await;
            drop(slot);
            wrap_up(&engine, ended).await;
        }
        Err(stopped) => {
            tracing::info!(seat.id = %id, visit.id = %visit.id, why = stopped.why, "a seat gives a visit back");
            give_back(&engine, &id, &visit, stopped).await;
            drop(slot);
        }
    }
    engine.kick();
}

/// Why nothing was dialled.
struct Stopped {
    why: &'static str,
    then: Then,
}

enum Then {
    /// The seat goes on.
    GoOn,
    /// Its telephone does not work, or nobody is at it.
    Break,
    Declined(String),
}

impl Stopped {
    fn new(why: &'static str, then: Then) -> Self {
        Self { why, then }
    }
}

/// The look, the agent's line, the trunk and the claim.
async fn prepare(
    engine: &Arc<Engine>,
    hand: &mut Hand,
    visit: &Visit,
    order: &Order,
    seat: &Seat,
) -> Result<(Lines, AgentTicket), Stopped> {
    if let SeatState::Reserved { preview: true, .. } = seat.state {
        look(engine, hand, visit).await?;
    }
    let id = CallId::new(engine.store.new_id());
    let lines = Lines::open(engine, seat, &id, hand).await?;
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(visit.id = %visit.id, %error, "a visit could not be claimed for a seat");
        Stopped::new("回访状态已变化", Then::GoOn)
    };
    // Read again: a look may take a minute.
    let visit = engine.store.visit(&visit.id).await.map_err(|e| failed(&e))?;
    let pick = pick_trunk(engine, &visit, order).map_err(|none| {
        tracing::warn!(visit.id = %visit.id, why = %none, "no trunk for a visit in an agent's hands");
        Stopped::new("没有可用的线路", Then::GoOn)
    })?;
    let tried = visit.trunks_tried().to_vec();
    let (visit, call) = next_attempt(engine, visit, order, &pick, id);
    let (now, call) = (engine.clock.now(), Call { seat: Some(seat.id.clone()), ..call });
    match engine.store.claim_visit_for(now, &visit, &call, &seat.id, engine.limit_of(&call)).await {
        Ok(Some((visit, dialled))) => {
            engine.announce_seat(seat, &dialled);
            Ok((lines, AgentTicket { visit, call, pick, tried }))
        }
        Ok(None) => {
            engine.announce_again(&visit.id).await;
            Err(Stopped::new("回访状态已变化", Then::GoOn))
        }
        Err(error) => Err(failed(&error)),
    }
}

/// The agent reads the order and starts, declines, or lets the time pass.
async fn look(engine: &Arc<Engine>, hand: &mut Hand, visit: &Visit) -> Result<(), Stopped> {
    hand.show(CallStage::Preview);
    loop {
        let ask = tokio::select! {
            () = engine.stop.cancelled() => return Err(Stopped::new("系统正在停止", Then::GoOn)),
            ask = hand.next() => ask,
        };
        match ask {
            Ask::Start { reply } => {
                let may = may_start(engine, visit).await;
                let started = may.is_ok();
                answer(reply, may);
                if started {
                    return Ok(());
                }
            }
            Ask::Decline { reason } => return Err(Stopped::new("坐席谢绝", Then::Declined(reason))),
            Ask::HangUp => return Err(Stopped::new("坐席放弃", Then::Declined("放弃拨打".into()))),
            Ask::Lost { why } => return Err(Stopped::new(why, Then::Break)),
            other => hand.heed_at_rest(other),
        }
    }
}

/// A04, A13: what binds the planner binds the agent.
async fn may_start(engine: &Engine, visit: &Visit) -> Result<(), CommandError> {
    let visit = engine.store.visit(&visit.id).await?;
    let site = engine.site();
    task::may_start(engine.clock.now(), &visit, site.programme_of(&visit)?, &site.rules.calendar).map_err(refused)
}

/// The seat was reserved and nothing was dialled. What keeps the seat from being given the same visit again is saved before it is free,
/// or at the same time.
async fn give_back(engine: &Arc<Engine>, id: &SeatId, visit: &Visit, stopped: Stopped) {
    let Stopped { why, then } = stopped;
    if let Then::Declined(reason) = &then {
        let declined = engine.change(&visit.id, id.as_str(), "decline", |now, visit| {
            task::declined(now, visit, id, reason).map_err(refused)
        });
        if let Err(error) = declined.await {
            tracing::warn!(visit.id = %visit.id, %error, "a declined visit could not be saved");
        }
    }
    let on_break = matches!(then, Then::Break);
    let release = |now, seat: &Seat| {
        let free = seat::released(now, seat, &visit.id)?;
        if on_break { seat::take_break(now, &free, why) } else { Ok(free) }
    };
    // A seat that was lost holds nothing any more: that is refused, and as it should be.
    if let Err(error) = engine.change_seat(id, release).await {
        tracing::debug!(seat.id = %id, %error, "a seat had been released already");
    }
}

/// What a call leaves for its agent to write down.
pub struct Ended {
    pub call: Call,
    /// The call returns it always: it never gives its agent away.
    pub hand: Option<Hand>,
}

/// Until the agent has written it down, his time is over, or he is gone.
async fn wrap_up(engine: &Arc<Engine>, ended: Ended) {
    let Ended { call, hand: Some(mut hand) } = ended else { return };
    let answered = call.instants.answered_at.is_some();
    let limit = if answered { Duration::from_secs(engine.config.seats.wrap_up_s) } else { Duration::ZERO };
    let id = hand.seat().clone();
    let after = |now: Timestamp, seat: &Seat| match answered {
        true => seat::call_over(now, seat, &call.id, limit),
        false => seat::released(now, seat, &call.visit),
    };
    if let Err(error) = engine.change_seat(&id, after).await {
        tracing::debug!(seat.id = %id, %error, "a seat had left its call already");
        hand.gone();
    }
    let mut reply = None;
    if answered && !limit.is_zero() {
        hand.ended(&call);
        reply = wait_for_result(engine, &call, &mut hand, limit).await;
    }
    let written = write_down(engine, &call, &hand, answered).await;
    let freed = engine.change_seat(&id, |now, seat| match seat.state {
        SeatState::WrapUp { .. } => seat::wrapped_up(now, seat, &call.id),
        _ => Ok(seat.clone()),
    });
    if let Err(error) = freed.await {
        tracing::error!(seat.id = %id, %error, "a seat could not leave its wrap-up; its limit ends it");
    }
    if let Some(reply) = reply {
        answer(reply, written);
    }
}

async fn wait_for_result(engine: &Engine, call: &Call, hand: &mut Hand, limit: Duration) -> Option<Reply> {
    let over = tokio::time::sleep(limit);
    tokio::pin!(over);
    while !hand.is_gone() {
        let ask = tokio::select! {
            () = engine.stop.cancelled() => return None,
            () = &mut over => return None,
            ask = hand.next() => ask,
        };
        match ask {
            Ask::WrappedUp { end, note, form, reply } => {
                hand.write(end, note, form);
                return Some(reply);
            }
            Ask::Lost { .. } => return None,
            said @ (Ask::Result { .. } | Ask::Note(_)) => {
                hand.heed_at_rest(said);
                if let Err(error) = keep_said(engine, call, hand).await {
                    tracing::error!(call.id = %call.id, %error, "what an agent says of a call could not be kept");
                }
            }
            other => hand.heed_at_rest(other),
        }
    }
    None
}

/// When the time of the wrap-up is over, or the engine was killed, what is in the store counts.
async fn keep_said(engine: &Engine, call: &Call, hand: &Hand) -> Result<(), StoreError> {
    let (note, form, end) = hand.written();
    engine.store.save_note(&call.id, note, form).await?;
    match end {
        Some(end) => engine.store.save_said(&call.id, &conversation_end(end)).await,
        None => Ok(()),
    }
}

/// Note, form and result to the call's row, and the visit's next step.
async fn write_down(engine: &Engine, call: &Call, hand: &Hand, answered: bool) -> Result<(), CommandError> {
    let (note, form, end) = hand.written();
    engine.store.save_note(&call.id, note, form).await?;
    // The result must not be lost to a complaint that cannot be opened; the judging of the call tries again.
    if let Err(error) = complaints::after_wrap_up(engine, call, form).await {
        tracing::error!(call.id = %call.id, %error, "the complaint of a wrap-up could not be opened");
    }
    if !answered {
        return Ok(());
    }
    apply_result(engine, call, end.map(conversation_end).as_ref()).await?;
    Ok(promises::keep_written(engine, call, form).await?)
}

/// What the wrap-up came to, for the call's row and for its visit, in one transaction; `None`: nobody has said. A visit that changed in
/// between (it became late, somebody wrote a note) is decided again as it is now: a result that was given is never lost to that.
pub async fn apply_result(engine: &Engine, call: &Call, end: Option<&ConversationEnd>) -> Result<(), CommandError> {
    let (outcome, site) = (call.outcome.unwrap_or(Outcome::Answered), engine.site());
    let decide = |now, visit: &Visit| {
        let (programme, calendar) = (site.programme_of(visit)?, &site.rules.calendar);
        Ok(task::after_wrap_up(now, visit, &call.id, outcome, end, programme, calendar))
    };
    let save = |next: Visit| async move { engine.store.save_result(&call.id, end, &next).await };
    engine.decide_on(&call.visit, TRIES, decide, save).await?;
    engine.announce_called_off(&call.id).await;
    Ok(())
}

/// The outcome keys in the words of every conversation.
pub fn conversation_end(end: &AgentEnd) -> ConversationEnd {
    match end.clone() {
        AgentEnd::Completed => ConversationEnd::Completed,
        AgentEnd::Refused { opt_out: true, scope } => {
            ConversationEnd::OptedOut { scope: scope.unwrap_or(ScopeName::Never) }
        }
        AgentEnd::Refused { opt_out: false, .. } => ConversationEnd::Refused,
        AgentEnd::Callback { at, said } => ConversationEnd::Callback { said, at },
        AgentEnd::WrongNumber => ConversationEnd::WrongNumber,
        AgentEnd::NotInformed => ConversationEnd::NotInformed,
        AgentEnd::NoVoice => ConversationEnd::Silent,
    }
}

/// Whoever asked may be gone.
pub fn answer(reply: Reply, result: Result<(), CommandError>) {
    if reply.send(result).is_err() {
        tracing::debug!("whoever asked is gone");
    }
}
