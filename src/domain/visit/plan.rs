//! The planner: what to do now with every visit, and why not the rest.
//!
//! Contract: a pure function of `now` and a [`Situation`]; same input, same output. It dials only what may be dialled (spacing A04,
//! working hours A03, quiet hours A13), never more than the free lines, channels and seats minus the reserve (B01), never two visits of
//! one customer at once; a visit that no idle seat can serve is passed over for the next; the more urgent goes first: its programme's
//! priority, then the promise that ends first; it names every visit that has just become late (A01) or overdue (A02) with its cause; it never asks to be woken at `now`.
//! Plan, then execute: the engine claims each visit of `dial`, records each of `late` and `escalate`, and plans again after any event.
//!
//! Not here: starting calls, and which seat takes which visit: that is decided when it is claimed.

use super::customer::SameCustomer;
use super::task::{Visit, VisitState, WaitReason};
use super::why::{self, Blocker, Turn};
use crate::domain::calendar::Calendar;
use crate::domain::call::DayLimit;
use crate::domain::id::{CallId, VisitId};
use crate::domain::programme::{AfterDeadline, DialMode, Programme, Programmes};
use crate::domain::seat::{self, Seat, Wanted};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet};

pub use super::why::{Why, WhyCode, forbidden, why};

/// Where something of the outer world is in the way, the planner looks again after so long, in case the event that ends it is missed.
const RECHECK: SignedDuration = SignedDuration::from_secs(60);
/// Times have millisecond precision.
const TICK: SignedDuration = SignedDuration::from_millis(1);

/// Everything a plan depends on.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// Every visit that is not over; others are ignored.
    pub visits: &'a [Visit],
    /// Those among them that are of one customer: one at a time.
    pub same: &'a SameCustomer,
    pub programmes: &'a Programmes,
    pub calendar: &'a Calendar,
    /// The site's mode; a programme may say otherwise.
    pub mode: DialMode,
    pub capacity: Capacity,
    /// Every seat, whatever it is doing.
    pub seats: &'a [Seat],
    /// What the visits that agents are to make ask of a seat.
    pub wants: &'a HashMap<VisitId, Wanted>,
    pub gate: Gate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Unattended calls that may be started now.
    pub voice_free: u32,
    /// B01: seats that dialling never takes.
    pub reserve_idle_seats: u32,
}

/// What must hold before anything is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    pub dialling_enabled: bool,
    pub disk: Disk,
    pub trunk: TrunkState,
    /// `None`: the site has no limit for a day.
    pub budget: Option<Budget>,
}

impl Gate {
    /// Nothing is in the way, and so many calls may begin.
    pub fn open(free_lines: u32) -> Self {
        Self { dialling_enabled: true, disk: Disk::Ok, trunk: TrunkState::Ready { free_lines }, budget: None }
    }
}

/// What is left of the calls of this day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub limit: DayLimit,
    pub spent: u32,
}

impl Budget {
    pub fn left(&self) -> u32 {
        self.limit.calls_max.saturating_sub(self.spent)
    }
}

/// No recorder, no call (C01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disk {
    Ok,
    Low { free_mb: u64, floor_mb: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrunkState {
    Ready {
        free_lines: u32,
    },
    /// `reason` is for people, e.g. `注册失败: 403`.
    Down {
        reason: String,
        retry_at: Option<Timestamp>,
    },
}

/// What to do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Most urgent first.
    pub dial: Vec<VisitId>,
    /// The due time has passed (A01): record the cause with `mark_late`.
    pub late: Vec<(VisitId, String)>,
    /// The deadline has passed (A02): escalate with `mark_escalated`.
    pub escalate: Vec<(VisitId, String)>,
    /// The agent's time to say what the call came to is over: settle it with `after_wrap_up`.
    pub results_due: Vec<(VisitId, CallId)>,
    /// When to plan again if nothing happens before; always after `now`.
    pub next_wakeup: Option<Timestamp>,
}

/// Decides.
pub fn plan(now: Timestamp, situation: &Situation) -> Plan {
    let mut plan = Plan::default();
    let mut ready: Vec<Ready> = Vec::new();
    let mut wakeup = Wakeup { now, at: None };
    let hours = HoursCache::new(now, situation);
    let looked_at = LookedAt::new(situation.seats);
    for visit in situation.visits {
        let VisitState::Waiting { reason, .. } = &visit.state else { continue };
        note_marks(visit, &mut wakeup);
        if let WaitReason::WrapUp { call, until, .. } = reason
            && *until <= now
        {
            plan.results_due.push((visit.id.clone(), call.clone()));
        }
        match why::blocker(now, visit, situation, hours.of(visit), looked_at.by(visit)) {
            Some(blocker) => {
                mark(now, visit, situation, Err(&blocker), &mut plan);
                wakeup.note(blocker.looks_again_at(now, RECHECK));
            }
            None => ready.extend(Ready::of(now, visit, situation)),
        }
    }
    let chosen = choose(now, &mut ready, situation);
    if chosen < ready.len() {
        wakeup.note(Some(now.saturating_add_or_max(RECHECK)));
    }
    let served: HashSet<&VisitId> =
        ready[..chosen].iter().filter_map(|first| situation.same.of(&first.visit.id)).collect();
    for (place, candidate) in ready.iter().enumerate() {
        let turn = if place < chosen {
            Turn::Now
        } else if situation.same.of(&candidate.visit.id).is_some_and(|customer| served.contains(customer)) {
            Turn::SameCustomer
        } else {
            Turn::Queued
        };
        mark(now, candidate.visit, situation, Ok(turn), &mut plan);
    }
    plan.dial = ready[..chosen].iter().map(|candidate| candidate.visit.id.clone()).collect();
    plan.next_wakeup = wakeup.at;
    plan
}

/// Where a visit stands among those that nothing but capacity holds back: the smaller is dialled first. `None` for one that does not wait.
pub fn urgency(now: Timestamp, visit: &Visit, situation: &Situation) -> Option<(u8, Timestamp, VisitId)> {
    let (priority, obligation, id) = Ready::of(now, visit, situation)?.place();
    Some((priority, obligation, id.clone()))
}

/// Which visits are held by a seat though they wait: an agent looks at them before the call.
pub(super) struct LookedAt<'a>(HashMap<&'a VisitId, &'a Seat>);

impl<'a> LookedAt<'a> {
    pub(super) fn new(seats: &'a [Seat]) -> Self {
        let held = seats.iter().filter_map(|seat| Some((seat.state.visit().filter(|id| seat.state.holds(id))?, seat)));
        Self(held.collect())
    }

    pub(super) fn by(&self, visit: &Visit) -> Option<&'a Seat> {
        self.0.get(&visit.id).copied()
    }
}

/// How many visits of each mode could be dialled now, and by whom.
pub(super) struct Slots<'a> {
    lines: u32,
    voice: u32,
    /// In the order in which they are chosen; the last `reserve` of them are never taken (B01).
    idle: Vec<&'a Seat>,
    reserve: u32,
}

impl<'a> Slots<'a> {
    pub(super) fn of(now: Timestamp, situation: &Situation<'a>) -> Self {
        let lines = match situation.gate.trunk {
            TrunkState::Ready { free_lines } => free_lines,
            TrunkState::Down { .. } => 0,
        };
        let lines = situation.gate.budget.map_or(lines, |budget| lines.min(budget.left()));
        let Capacity { voice_free, reserve_idle_seats } = situation.capacity;
        Self { lines, voice: voice_free, idle: seat::idle(now, situation.seats), reserve: reserve_idle_seats }
    }

    pub(super) fn free(&self, mode: DialMode) -> u32 {
        self.lines.min(match mode {
            DialMode::Voice => self.voice,
            DialMode::Agent => u32::try_from(self.idle.len()).unwrap_or(u32::MAX).saturating_sub(self.reserve),
        })
    }

    fn take(&mut self, visit: &Visit, situation: &Situation) -> bool {
        let mode = mode_of(visit, situation);
        if self.free(mode) == 0 {
            return false;
        }
        match mode {
            DialMode::Voice => self.voice -= 1,
            DialMode::Agent => {
                let wanted = situation.wants.get(&visit.id);
                let suits = |seat: &&Seat| wanted.is_none_or(|wanted| wanted.suits(seat));
                let Some(place) = self.idle.iter().position(suits) else { return false };
                self.idle.remove(place);
            }
        }
        self.lines -= 1;
        true
    }
}

/// Who makes the visit: its programme says, or else the site.
pub fn mode_of(visit: &Visit, situation: &Situation) -> DialMode {
    situation.programmes.get(&visit.programme).and_then(|p| p.mode).unwrap_or(situation.mode)
}

/// A visit that nothing but capacity holds back.
pub(super) struct Ready<'a> {
    pub(super) visit: &'a Visit,
    /// Of its programme: 0 goes first (F20).
    priority: u8,
    /// The next promise that can still be kept; the earliest is the most urgent.
    obligation: Timestamp,
}

impl<'a> Ready<'a> {
    /// `None` for visits that do not wait.
    pub(super) fn of(now: Timestamp, visit: &'a Visit, situation: &Situation) -> Option<Self> {
        let VisitState::Waiting { not_before, reason } = &visit.state else { return None };
        let priority = situation.programmes.get(&visit.programme).map_or(u8::MAX, |programme| programme.priority);
        Some(Self { visit, priority, obligation: obligation(now, visit, *not_before, reason) })
    }

    /// The smaller is the more urgent; no two are equal.
    pub(super) fn place(&self) -> (u8, Timestamp, &'a VisitId) {
        (self.priority, self.obligation, &self.visit.id)
    }
}

/// Moves those to be dialled to the front, most urgent first, and says how many they are.
pub(super) fn choose(now: Timestamp, ready: &mut [Ready], situation: &Situation) -> usize {
    let mut slots = Slots::of(now, situation);
    if slots.free(DialMode::Voice).max(slots.free(DialMode::Agent)) == 0 {
        return 0;
    }
    ready.sort_unstable_by(|a, b| a.place().cmp(&b.place()));
    let mut chosen = 0;
    let mut customers: HashSet<&VisitId> = HashSet::new();
    for i in 0..ready.len() {
        if slots.lines == 0 {
            break;
        }
        let customer = situation.same.of(&ready[i].visit.id);
        if customer.is_some_and(|customer| customers.contains(customer)) {
            continue;
        }
        if slots.take(ready[i].visit, situation) {
            customers.extend(customer);
            // What is passed over keeps its order among itself well enough: it is not dialled now.
            ready[chosen..=i].rotate_right(1);
            chosen += 1;
        }
    }
    chosen
}

/// The promise that comes next: a time that was asked for (A07), the thirty minutes of a visit that was never called (A01), else the
/// three hours (A02). One that can no longer be met by calling now gives way to the next, so that one late visit does not make more.
fn obligation(now: Timestamp, visit: &Visit, not_before: Timestamp, reason: &WaitReason) -> Timestamp {
    if reason.on_request() {
        not_before
    } else if visit.attempts == 0 && now <= visit.due_at {
        visit.due_at
    } else {
        visit.deadline_at
    }
}

/// Late and overdue, with the cause.
fn mark(now: Timestamp, visit: &Visit, situation: &Situation, held: Result<Turn, &Blocker>, plan: &mut Plan) {
    let overdue = now > visit.deadline_at && visit.escalated_at.is_none();
    let late = now > visit.due_at && visit.late_cause.is_none();
    if !overdue && !late {
        return;
    }
    let cause = why::late_cause(now, visit, situation, held);
    if overdue {
        plan.escalate.push((visit.id.clone(), cause.clone()));
    }
    if late {
        plan.late.push((visit.id.clone(), cause));
    }
}

/// The next instants at which the visit becomes late or overdue.
fn note_marks(visit: &Visit, wakeup: &mut Wakeup) {
    if visit.late_cause.is_none() {
        wakeup.note(Some(visit.due_at.saturating_add_or_max(TICK)));
    }
    if visit.escalated_at.is_none() {
        wakeup.note(Some(visit.deadline_at.saturating_add_or_max(TICK)));
    }
}

/// The earliest instant after `now`.
struct Wakeup {
    now: Timestamp,
    at: Option<Timestamp>,
}

impl Wakeup {
    fn note(&mut self, at: Option<Timestamp>) {
        let Some(at) = at.filter(|at| *at > self.now && *at < Timestamp::MAX) else { return };
        self.at = Some(self.at.map_or(at, |old| old.min(at)));
    }
}

/// From when on customers may be called, seen from `now`; equal to `now` when they may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hours {
    pub(super) ordinary: Timestamp,
    pub(super) requested: Timestamp,
    pub(super) quiet_over: Timestamp,
    pub(super) hold_after_deadline: bool,
}

impl Hours {
    pub(super) fn of(now: Timestamp, programme: &Programme, calendar: &Calendar) -> Self {
        Self {
            ordinary: programme.next_callable(calendar, now, false),
            requested: programme.next_callable(calendar, now, true),
            quiet_over: calendar.next_within(&programme.calling_hours, now),
            hold_after_deadline: programme.after_deadline == AfterDeadline::EscalateAndHold,
        }
    }
}

/// Calendar questions are asked once per programme and branch, not once per visit.
pub(super) struct HoursCache<'a> {
    site: HashMap<&'a str, Hours>,
    /// By branch and programme.
    branches: HashMap<(&'a str, &'a str), Hours>,
}

impl<'a> HoursCache<'a> {
    pub(super) fn new(now: Timestamp, situation: &Situation<'a>) -> Self {
        let (programmes, calendar): (&'a Programmes, &'a Calendar) = (situation.programmes, situation.calendar);
        let hours = |p: &'a Programme| (p.name.as_str(), Hours::of(now, p, calendar));
        let of_branch = |(branch, calendar): (&'a str, &'a Calendar)| {
            programmes.iter().map(move |p| ((branch, p.name.as_str()), Hours::of(now, p, calendar)))
        };
        Self {
            site: programmes.iter().map(hours).collect(),
            branches: calendar.branches().flat_map(of_branch).collect(),
        }
    }

    pub(super) fn of(&self, visit: &Visit) -> Option<Hours> {
        let programme = visit.programme.as_str();
        let branch = visit.origin.branch.as_deref().and_then(|branch| self.branches.get(&(branch, programme)));
        branch.or_else(|| self.site.get(programme)).copied()
    }
}

/// Addition that stops at the end of time.
trait SaturatingAdd {
    fn saturating_add_or_max(self, by: SignedDuration) -> Timestamp;
}

impl SaturatingAdd for Timestamp {
    fn saturating_add_or_max(self, by: SignedDuration) -> Timestamp {
        self.checked_add(by).unwrap_or(Timestamp::MAX)
    }
}

impl Blocker {
    /// When this alone could be over; `None` when only a command ends it.
    fn looks_again_at(&self, now: Timestamp, recheck: SignedDuration) -> Option<Timestamp> {
        match self {
            Self::RedialGuard { until }
            | Self::NotYet { until }
            | Self::QuietHours { until }
            | Self::SiteClosed { until }
            | Self::CustomerRests { until }
            | Self::DayIsSpent { until, .. }
            | Self::WrapUp { until, .. }
            | Self::AtSeat { until: Some(until), .. } => Some(*until),
            Self::TrunkDown { retry_at: Some(at), .. } if *at > now => Some(*at),
            Self::SameCustomer { .. }
            | Self::AtSeat { until: None, .. }
            | Self::DialingOff
            | Self::DiskLow { .. }
            | Self::TrunkDown { .. } => Some(now.saturating_add_or_max(recheck)),
            Self::ForPerson { .. } | Self::Escalated | Self::NoProgramme => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
