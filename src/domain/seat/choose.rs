//! Which seat is given a visit.
//!
//! Contract: the floor first (B01: dialling never takes the last `reserve` idle seats, counted over all of them, whatever they can serve),
//! then skill, then the longest idle; ties by id, so that the same seats always give the same choice.

use super::{Seat, SeatState};
use crate::domain::id::SeatId;
use crate::domain::order::{Order, ServiceType};
use crate::domain::visit::task::Visit;
use jiff::Timestamp;

/// What a visit asks of its seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub service: ServiceType,
    pub language: Option<String>,
    pub dealer: Option<String>,
    /// Seats that have declined it: it is not offered to them again.
    pub declined: Vec<SeatId>,
}

impl Wanted {
    pub fn of(order: &Order, visit: &Visit) -> Self {
        Self {
            service: order.service_type,
            language: order.claims.language.clone(),
            dealer: order.claims.dealer.clone(),
            declined: visit.declined.iter().map(|declined| declined.seat.clone()).collect(),
        }
    }

    /// Whether this seat may be given it, once it is idle.
    pub(in crate::domain) fn suits(&self, seat: &Seat) -> bool {
        seat.skills.serve(self) && !self.declined.contains(&seat.id)
    }
}

/// Why no seat can be given the visit now. The sentence is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSeat {
    #[error("没有坐席签入，等待坐席签入")]
    Nobody,
    #[error("坐席全部忙碌或小休，等待坐席空出")]
    AllBusy,
    /// B01.
    #[error("空闲坐席{idle}个，按规则 B01 要保留{reserve}个，等待坐席空出")]
    Floor { idle: u32, reserve: u32 },
    #[error("空闲坐席中{missing}")]
    NoSkill { missing: String },
}

/// The seat that is given the visit now.
pub fn choose<'a>(now: Timestamp, seats: &'a [Seat], wanted: &Wanted, reserve: u32) -> Result<&'a Seat, NoSeat> {
    may_take(now, seats, reserve)?;
    let idle = idle(now, seats);
    match idle.iter().copied().find(|seat| wanted.suits(seat)) {
        Some(seat) => Ok(seat),
        None => Err(NoSeat::NoSkill { missing: missing(&idle, wanted) }),
    }
}

/// Idle seats in the order in which they are chosen.
pub(in crate::domain) fn idle(now: Timestamp, seats: &[Seat]) -> Vec<&Seat> {
    let mut idle: Vec<&Seat> = seats.iter().filter(|seat| seat.is_idle(now)).collect();
    idle.sort_by(|a, b| (a.idle_since, &a.id).cmp(&(b.idle_since, &b.id)));
    idle
}

/// B01, and what stands before it.
pub(in crate::domain) fn may_take(now: Timestamp, seats: &[Seat], reserve: u32) -> Result<(), NoSeat> {
    let there = |seat: &Seat| seat.state != SeatState::SignedOut && seat.is_connected(now);
    if !seats.iter().any(there) {
        return Err(NoSeat::Nobody);
    }
    let idle = seats.iter().filter(|seat| seat.is_idle(now)).count();
    match u32::try_from(idle).unwrap_or(u32::MAX) {
        0 => Err(NoSeat::AllBusy),
        idle if idle <= reserve => Err(NoSeat::Floor { idle, reserve }),
        _ => Ok(()),
    }
}

/// What nobody among `idle` has. Where each wish alone could be met, no one seat meets them all.
fn missing(idle: &[&Seat], wanted: &Wanted) -> String {
    let nobody = |fits: &dyn Fn(&Seat) -> bool| !idle.iter().any(|seat| fits(seat));
    if !nobody(&|seat: &Seat| seat.skills.serve(wanted)) {
        return "能服务的都已退回过该回访".into();
    }
    let mut wishes = vec![(wanted.service.name(), nobody(&|seat: &Seat| seat.skills.service(wanted)))];
    wishes.extend(wanted.language.as_deref().map(|name| (name, nobody(&|seat: &Seat| seat.skills.language(wanted)))));
    wishes.extend(wanted.dealer.as_deref().map(|name| (name, nobody(&|seat: &Seat| seat.skills.dealer(wanted)))));
    let unmet: Vec<&str> = wishes.iter().filter(|(_, unmet)| *unmet).map(|(name, _)| *name).collect();
    if unmet.is_empty() {
        let all: Vec<&str> = wishes.iter().map(|(name, _)| *name).collect();
        format!("没有人能同时服务{}", all.join("、"))
    } else {
        format!("没有人能服务{}", unmet.join("、"))
    }
}
