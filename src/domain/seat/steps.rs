//! The transitions of a seat: each takes the old value and returns the new one, or says why not.
//!
//! Contract: a step that names a visit or a call is done only while the seat holds that very one, so what comes twice or too late changes
//! nothing. A seat that ends what it held goes on as its agent asked meanwhile. Who held nothing longer than any other stands first.

use super::{AfterCall, Seat, SeatState};
use crate::domain::id::{CallId, VisitId};
use jiff::Timestamp;
use std::time::Duration;

/// Why a step was not done. The message is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("坐席没有签入")]
    SignedOut,
    #[error("坐席{doing}，不能再分配回访")]
    NotAvailable { doing: &'static str },
    #[error("{doing}，不能接管另一通电话")]
    Busy { doing: &'static str },
    #[error("坐席的连接已中断，不能分配回访")]
    NotConnected,
    #[error("坐席没有保留这个回访")]
    NotReserved,
    #[error("坐席不在这个通话中")]
    NotInCall,
    #[error("坐席没有在整理这个通话")]
    NotWrappingUp,
}

/// What the engine must do because time has passed, or because a supervisor freed the seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// Nothing but to save the seat if it changed.
    Nothing,
    /// The seat is signed out and held no call; a visit that it looked at is planned again.
    Freed,
    /// The customer is being dialled for a seat that is gone.
    CancelDialling { call: CallId },
    /// The customer is on the line and the agent is gone: apologise, end the call, plan the visit again.
    LoseAgent { call: CallId },
    /// The time to write down a result is over.
    WrapUpOver { call: CallId },
    /// The agent neither started nor declined.
    PreviewOver { visit: VisitId },
}

/// Signs in; one who is signed in stays as he is and takes back a sign-out that has not begun.
pub fn sign_in(now: Timestamp, seat: &Seat, lease_until: Timestamp) -> Result<Seat, Refused> {
    let mut next = renew(seat, lease_until);
    match seat.state {
        SeatState::SignedOut => enter(now, &mut next, SeatState::Available),
        SeatState::Reserved { .. } | SeatState::InCall { .. } | SeatState::WrapUp { .. } => {
            next.next = AfterCall::Available;
        }
        SeatState::Available | SeatState::Break { .. } => {}
    }
    Ok(next)
}

/// Signs out, at once or after the visit that is held.
pub fn sign_out(now: Timestamp, seat: &Seat) -> Result<Seat, Refused> {
    Ok(go(now, seat, AfterCall::SignOut))
}

/// Goes on break, at once or after the visit that is held.
pub fn take_break(now: Timestamp, seat: &Seat, reason: &str) -> Result<Seat, Refused> {
    signed_in(seat)?;
    Ok(go(now, seat, AfterCall::Break { reason: reason.to_owned() }))
}

/// Back from a break; ends a wrap-up early, and takes back a break or sign-out that has not begun.
pub fn back(now: Timestamp, seat: &Seat) -> Result<Seat, Refused> {
    signed_in(seat)?;
    let mut next = seat.clone();
    next.next = AfterCall::Available;
    match seat.state {
        SeatState::Break { .. } | SeatState::WrapUp { .. } => enter(now, &mut next, SeatState::Available),
        SeatState::SignedOut | SeatState::Available | SeatState::Reserved { .. } | SeatState::InCall { .. } => {}
    }
    Ok(next)
}

/// Holds `visit` for the seat: with `call` the customer is dialled at once, else the agent looks at the order first, until `until`.
/// That the floor allows it is [`super::choose`]'s to say.
pub fn reserve(
    now: Timestamp,
    seat: &Seat,
    visit: VisitId,
    call: Option<CallId>,
    preview: bool,
    until: Option<Timestamp>,
) -> Result<Seat, Refused> {
    if seat.state != SeatState::Available {
        return Err(Refused::NotAvailable { doing: seat.state.text_zh() });
    }
    if !seat.is_connected(now) {
        return Err(Refused::NotConnected);
    }
    let mut next = seat.clone();
    enter(now, &mut next, SeatState::Reserved { visit, call, preview, until });
    Ok(next)
}

/// The customer is dialled for a seat that looked at the order first: its time limit is over.
pub fn dialled(now: Timestamp, seat: &Seat, visit: &VisitId, call: CallId) -> Result<Seat, Refused> {
    match &seat.state {
        SeatState::Reserved { visit: held, call: None, preview, .. } if held == visit => {
            let mut next = seat.clone();
            let (visit, preview) = (visit.clone(), *preview);
            enter(now, &mut next, SeatState::Reserved { visit, call: Some(call), preview, until: None });
            Ok(next)
        }
        _ => Err(Refused::NotReserved),
    }
}

/// The customer answered the call that the seat is reserved for.
pub fn answered(now: Timestamp, seat: &Seat, call: &CallId) -> Result<Seat, Refused> {
    match &seat.state {
        SeatState::Reserved { visit, call: Some(dialled), .. } if dialled == call => {
            let mut next = seat.clone();
            enter(now, &mut next, SeatState::InCall { visit: visit.clone(), call: call.clone() });
            Ok(next)
        }
        _ => Err(Refused::NotReserved),
    }
}

/// The reservation came to nothing: not answered, declined, cancelled, or the trunk failed.
pub fn released(now: Timestamp, seat: &Seat, visit: &VisitId) -> Result<Seat, Refused> {
    match &seat.state {
        SeatState::Reserved { visit: held, .. } if held == visit => Ok(go_on(now, seat)),
        _ => Err(Refused::NotReserved),
    }
}

/// The call has ended; the agent writes down what it came to for at most `wrap_up`, or goes straight on when that is zero.
pub fn call_over(now: Timestamp, seat: &Seat, call: &CallId, wrap_up: Duration) -> Result<Seat, Refused> {
    match &seat.state {
        SeatState::InCall { visit, call: held } if held == call => {
            if wrap_up.is_zero() {
                return Ok(go_on(now, seat));
            }
            let until = now.checked_add(wrap_up).unwrap_or(Timestamp::MAX);
            let mut next = seat.clone();
            enter(now, &mut next, SeatState::WrapUp { visit: visit.clone(), call: call.clone(), until });
            Ok(next)
        }
        _ => Err(Refused::NotInCall),
    }
}

/// A supervisor goes on with a call in its agent's place; when it is written down he is again what he was.
pub fn take_over(
    now: Timestamp,
    seat: &Seat,
    visit: VisitId,
    call: CallId,
    lease_until: Timestamp,
) -> Result<Seat, Refused> {
    let before = match &seat.state {
        SeatState::SignedOut => AfterCall::SignOut,
        SeatState::Available => AfterCall::Available,
        SeatState::Break { reason } => AfterCall::Break { reason: reason.clone() },
        SeatState::Reserved { .. } | SeatState::InCall { .. } | SeatState::WrapUp { .. } => {
            return Err(Refused::Busy { doing: seat.state.text_zh() });
        }
    };
    let mut next = renew(seat, lease_until);
    next.next = before;
    enter(now, &mut next, SeatState::InCall { visit, call });
    Ok(next)
}

/// The agent has written down what `call` came to.
pub fn wrapped_up(now: Timestamp, seat: &Seat, call: &CallId) -> Result<Seat, Refused> {
    match &seat.state {
        SeatState::WrapUp { call: held, .. } if held == call => Ok(go_on(now, seat)),
        _ => Err(Refused::NotWrappingUp),
    }
}

/// A message of the agent: he is there until `lease_until` at least.
pub fn renew(seat: &Seat, lease_until: Timestamp) -> Seat {
    Seat { lease_until: seat.lease_until.max(Some(lease_until)), ..seat.clone() }
}

/// What the passing of time makes of the seat, and what the engine must do. Done twice, the second says [`Lapse::Nothing`].
pub fn lapse(now: Timestamp, seat: &Seat) -> (Seat, Lapse) {
    if !seat.is_connected(now) {
        return lose(now, seat);
    }
    match &seat.state {
        SeatState::Reserved { visit, call: None, until: Some(until), .. } if *until <= now => {
            (go_on(now, seat), Lapse::PreviewOver { visit: visit.clone() })
        }
        SeatState::WrapUp { call, until, .. } if *until <= now => {
            (go_on(now, seat), Lapse::WrapUpOver { call: call.clone() })
        }
        SeatState::SignedOut
        | SeatState::Available
        | SeatState::Reserved { .. }
        | SeatState::InCall { .. }
        | SeatState::WrapUp { .. }
        | SeatState::Break { .. } => (seat.clone(), Lapse::Nothing),
    }
}

/// A supervisor signs the seat out, whatever it is doing.
pub fn force_release(now: Timestamp, seat: &Seat) -> Result<(Seat, Lapse), Refused> {
    signed_in(seat)?;
    let (lost, todo) = lose(now, seat);
    // The agent is still connected and may sign in again.
    Ok((Seat { lease_until: seat.lease_until, ..lost }, todo))
}

/// The agent who has `visit` in hand is gone, whatever his lease says.
pub fn lost(now: Timestamp, seat: &Seat, visit: &VisitId) -> Result<(Seat, Lapse), Refused> {
    if seat.state.holds(visit) { Ok(lose(now, seat)) } else { Err(Refused::NotReserved) }
}

/// The agent is gone.
fn lose(now: Timestamp, seat: &Seat) -> (Seat, Lapse) {
    let todo = match &seat.state {
        SeatState::SignedOut => Lapse::Nothing,
        SeatState::Available | SeatState::Break { .. } | SeatState::Reserved { call: None, .. } => Lapse::Freed,
        SeatState::Reserved { call: Some(call), .. } => Lapse::CancelDialling { call: call.clone() },
        SeatState::InCall { call, .. } => Lapse::LoseAgent { call: call.clone() },
        SeatState::WrapUp { call, .. } => Lapse::WrapUpOver { call: call.clone() },
    };
    let mut next = Seat { lease_until: None, next: AfterCall::Available, ..seat.clone() };
    if seat.state != SeatState::SignedOut {
        enter(now, &mut next, SeatState::SignedOut);
    }
    (next, todo)
}

fn signed_in(seat: &Seat) -> Result<(), Refused> {
    if seat.state == SeatState::SignedOut { Err(Refused::SignedOut) } else { Ok(()) }
}

/// At once, or after the visit that is held.
fn go(now: Timestamp, seat: &Seat, then: AfterCall) -> Seat {
    let asked = Seat { next: then, ..seat.clone() };
    match (&seat.state, &asked.next) {
        (SeatState::Reserved { .. } | SeatState::InCall { .. } | SeatState::WrapUp { .. }, _) => asked,
        (SeatState::SignedOut, AfterCall::SignOut) => seat.clone(),
        (SeatState::SignedOut | SeatState::Available | SeatState::Break { .. }, _) => go_on(now, &asked),
    }
}

/// What the agent asked for begins; nobody asked: available.
fn go_on(now: Timestamp, seat: &Seat) -> Seat {
    let mut next = seat.clone();
    let state = match std::mem::take(&mut next.next) {
        AfterCall::Available => SeatState::Available,
        AfterCall::Break { reason } => SeatState::Break { reason },
        AfterCall::SignOut => SeatState::SignedOut,
    };
    enter(now, &mut next, state);
    next
}

fn enter(now: Timestamp, seat: &mut Seat, state: SeatState) {
    if state == SeatState::Available {
        seat.idle_since = now;
    }
    seat.since = now;
    seat.state = state;
}
