//! 模拟: days on a virtual clock: who is called when, what is late and why, how busy the seats are.
//!
//! Contract: decided by the very [`plan`] and transitions of the engine; the same input and seed give the same days. What is simulated is
//! the world around them: completions as given, calls that end as the assumptions say, so many seats of which `reserve` are kept idle
//! (B01). A visit that has nothing to do for a while, or waits behind more urgent ones, is not shown to the planner until then.
//! Deliberately not here: trunks that fail, agents with different skills, branches, and the follow-up visits of a programme.

mod dice;

pub use dice::Dice;

use super::calendar::Calendar;
use super::call::outcome::{ConversationEnd, Outcome};
use super::id::{CallId, OrderNo, VisitId};
use super::programme::{AfterDeadline, DialMode, Programme, Programmes};
use super::seat::Wanted;
use super::visit::customer::SameCustomer;
use super::visit::plan::{Capacity, Gate, Plan, Situation, plan, urgency};
use super::visit::task::{
    CallResult, Start, Visit, VisitState, WaitReason, after_call, begin, claim, mark_escalated, mark_late,
};
use jiff::{SignedDuration, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

/// The first instant at which something is past.
const TICK: SignedDuration = SignedDuration::from_millis(1);

/// One completed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub order_no: OrderNo,
    pub at: Timestamp,
}

/// How calls end and how long they hold a seat. Shares are 0 to 1; what is left of all three is not answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assumptions {
    /// Answered, and the visit is made.
    pub completed: f64,
    /// Busy.
    pub busy: f64,
    /// The customer hangs up or rejects (A04).
    pub hung_up: f64,
    /// Until somebody answers, or nobody does.
    pub ring_s: u32,
    /// Mean length of a conversation; single ones are between half and one and a half of it.
    pub talk_s: u32,
    pub wrap_up_s: u32,
    pub seed: u64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self { completed: 0.55, busy: 0.1, hung_up: 0.05, ring_s: 25, talk_s: 150, wrap_up_s: 30, seed: 1 }
    }
}

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub programme: &'a Programme,
    pub calendar: &'a Calendar,
    /// In order of time.
    pub completions: &'a [Completion],
    /// With no more than `reserve` nothing is ever dialled.
    pub seats: u32,
    /// Seats that dialling leaves idle (B01).
    pub reserve: u32,
    pub assume: Assumptions,
}

/// What became of one completion.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub completed_at: Timestamp,
    pub due_at: Timestamp,
    pub deadline_at: Timestamp,
    pub first_call_at: Option<Timestamp>,
    pub attempts: u32,
    pub late_cause: Option<String>,
    pub escalated: bool,
    pub end: RowEnd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowEnd {
    Completed(Timestamp),
    /// For another channel, or because the customer did not want to.
    Closed(Timestamp),
    /// At a person.
    Open,
}

/// A simulated stretch of days.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// One for each completion, in their order.
    pub rows: Vec<Row>,
    pub calls: u64,
    /// Seconds in which seats were held, by hour since the epoch.
    pub busy_s: HashMap<i64, u64>,
}

impl Row {
    /// First called in time (A01).
    pub fn is_on_time(&self) -> bool {
        self.first_call_at.is_some_and(|at| at <= self.due_at)
    }
}

impl Report {
    /// 0 to 1; 1 when there was nothing to do.
    pub fn share_on_time(&self) -> f64 {
        let on_time = self.rows.iter().filter(|row| row.is_on_time()).count();
        if self.rows.is_empty() { 1.0 } else { count(on_time) / count(self.rows.len()) }
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of visits are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}

/// How many seats are called in time by: each number that was tried, with its share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ladder(pub BTreeMap<u32, f64>);

impl Ladder {
    /// The least number of seats with which at least `share` are called in time, up to `most`; `None` when even those are too few.
    pub fn seats_for(&mut self, scene: &Scene, share: f64, most: u32) -> Option<u32> {
        // `low` is always too few.
        let mut low = scene.reserve;
        let mut high = self.guess(scene, share).min(most).max(low.saturating_add(1));
        while self.share(scene, high) < share {
            if high >= most {
                return None;
            }
            (low, high) = (high, high.saturating_add(high / 3 + 1).min(most));
        }
        while high - low > 1 {
            // No more than a quarter less at once: a queue that grows all day is slow to play.
            let less = (low + (high - low) / 2).max(high - high / 4 - 1);
            if self.share(scene, less) >= share { high = less } else { low = less }
        }
        Some(high)
    }

    /// About as many as the first calls alone would keep busy.
    fn guess(&self, scene: &Scene, share: f64) -> u32 {
        let (Some(first), Some(last)) = (scene.completions.first(), scene.completions.last()) else { return 0 };
        let open = scene.calendar.working_between(first.at, last.at).as_secs_f64().max(3600.0);
        let assume = &scene.assume;
        let answered = assume.completed * f64::from(assume.ring_s / 2 + assume.talk_s + assume.wrap_up_s);
        let rest = (1.0 - assume.completed) * f64::from(assume.ring_s);
        let busy = share * count(scene.completions.len()) * (answered + rest) / open;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of seats")]
        let seats = busy.min(f64::from(u32::MAX / 2)) as u32;
        scene.reserve.saturating_add(seats)
    }

    fn share(&mut self, scene: &Scene, seats: u32) -> f64 {
        *self.0.entry(seats).or_insert_with(|| run(&Scene { seats, ..*scene }).share_on_time())
    }
}

/// Runs to the end: until nothing is left that would happen by itself.
pub fn run(scene: &Scene) -> Report {
    play(scene, false)
}

fn play(scene: &Scene, show_all: bool) -> Report {
    let mut programme = scene.programme.clone();
    // A seat is a channel here, whoever sits there.
    programme.mode = None;
    let mut world = World { show_all, ..World::new(scene, &programme) };
    while let Some(now) = world.next_instant() {
        world.step(now);
    }
    world.report()
}

/// A call on the line: it ends for the visit, and later for its seat.
struct Live {
    visit: Visit,
    call: CallId,
    outcome: Outcome,
}

/// What a plan says of one visit.
#[derive(Default)]
struct Change {
    late: Option<String>,
    escalate: Option<String>,
    /// Its place among those that are dialled now.
    turn: Option<usize>,
}

/// Which visits the planner is asked about: all that are due for a change, and of those that wait for a seat the most urgent.
///
/// The planner looks at every visit that it is shown. A queue that grows all day is not shown to it at each call's end: what it would
/// choose is among as many of the most urgent as there are seats, by the planner's own [`urgency`]. That is what keeps a million visits
/// in `n log n`, whatever the number of seats; a test lets it be shown everything and finds the same days.
struct World<'a> {
    scene: &'a Scene<'a>,
    programme: &'a Programme,
    programmes: Programmes,
    same: SameCustomer,
    wants: HashMap<VisitId, Wanted>,
    dice: Dice,
    arrived: usize,
    /// Shown next, whatever happens.
    fresh: Vec<Visit>,
    /// Nothing but a seat or the hour is in their way.
    queue: Queue,
    /// When visits of the queue become late or overdue; one that has left it since is passed over.
    marks: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// What has nothing to do before then.
    asleep: BinaryHeap<Reverse<(Timestamp, usize)>>,
    sleepers: HashMap<usize, Visit>,
    /// For a person.
    parked: Vec<Visit>,
    ends: BinaryHeap<Reverse<(Timestamp, usize)>>,
    live: HashMap<usize, Live>,
    seats: BinaryHeap<Reverse<Timestamp>>,
    wakeup: Option<Timestamp>,
    /// Show all of them; a test's.
    show_all: bool,
    report: Report,
    over: Vec<Option<Row>>,
}

/// Visits by urgency.
#[derive(Default)]
struct Queue {
    visits: BTreeMap<Place, Visit>,
    places: HashMap<usize, Place>,
    /// The hour is in the way of all of them until then: they are of one programme, and nobody asked for a time.
    shut_until: Option<Timestamp>,
}

/// Where the planner has a visit; the smaller is the more urgent.
type Place = (u8, Timestamp, VisitId);

impl Queue {
    fn put(&mut self, place: Place, visit: Visit) {
        self.places.insert(number(&visit), place.clone());
        self.visits.insert(place, visit);
    }

    fn take(&mut self, number: usize) -> Option<Visit> {
        self.visits.remove(&self.places.remove(&number)?)
    }

    fn take_first(&mut self) -> Option<Visit> {
        let (_, visit) = self.visits.pop_first()?;
        self.places.remove(&number(&visit));
        Some(visit)
    }
}

impl<'a> World<'a> {
    fn new(scene: &'a Scene<'a>, programme: &'a Programme) -> Self {
        Self {
            scene,
            programme,
            // One that was loaded for this calendar fits it.
            programmes: Programmes::new(vec![programme.clone()], scene.calendar).unwrap_or_default(),
            same: SameCustomer::default(),
            wants: HashMap::new(),
            dice: Dice::new(scene.assume.seed),
            arrived: 0,
            fresh: vec![],
            queue: Queue::default(),
            marks: BinaryHeap::new(),
            asleep: BinaryHeap::new(),
            sleepers: HashMap::new(),
            parked: vec![],
            ends: BinaryHeap::new(),
            live: HashMap::new(),
            seats: BinaryHeap::new(),
            wakeup: None,
            show_all: false,
            report: Report { rows: vec![], calls: 0, busy_s: HashMap::new() },
            over: vec![None; scene.completions.len()],
        }
    }

    fn next_instant(&self) -> Option<Timestamp> {
        let arrival = self.scene.completions.get(self.arrived).map(|completion| completion.at);
        let sleeper = self.asleep.peek().map(|Reverse((at, _))| *at);
        let mark = self.marks.peek().map(|Reverse((at, _))| *at);
        let end = self.ends.peek().map(|Reverse((at, _))| *at);
        let seat = self.seats.peek().map(|Reverse(at)| *at);
        // Where no seat will ever be free, the planner would look again for ever.
        let wakeup = self.wakeup.filter(|_| self.scene.seats > self.scene.reserve);
        [arrival, sleeper, mark, end, seat, wakeup].into_iter().flatten().min()
    }

    fn step(&mut self, now: Timestamp) {
        while self.seats.peek().is_some_and(|Reverse(at)| *at <= now) {
            self.seats.pop();
        }
        while let Some(number) = first_due(&mut self.ends, now) {
            self.call_ends(now, number);
        }
        while let Some(number) = first_due(&mut self.asleep, now) {
            self.fresh.extend(self.sleepers.remove(&number));
        }
        while let Some(number) = first_due(&mut self.marks, now) {
            self.fresh.extend(self.queue.take(number));
        }
        while let Some(completion) = self.scene.completions.get(self.arrived)
            && completion.at <= now
        {
            let visit = self.arrive(now, completion);
            self.put(now, visit);
            self.arrived += 1;
        }
        self.plan(now);
    }

    fn arrive(&self, now: Timestamp, completion: &Completion) -> Visit {
        let stage = self.programme.first();
        let start = Start {
            id: VisitId::new(self.arrived.to_string()),
            order_no: completion.order_no.clone(),
            programme: self.programme,
            stage,
            trigger: stage.on.first().copied().unwrap_or_default(),
            branch: None,
            on_site: false,
        };
        begin(now, completion.at, start, self.scene.calendar)
    }

    fn free(&self) -> u32 {
        let busy = u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
        self.scene.seats.saturating_sub(self.scene.reserve).saturating_sub(busy)
    }

    fn situation<'s>(&'s self, visits: &'s [Visit]) -> Situation<'s> {
        Situation {
            visits,
            same: &self.same,
            programmes: &self.programmes,
            calendar: self.scene.calendar,
            mode: DialMode::Voice,
            capacity: Capacity { voice_free: self.free(), reserve_idle_seats: self.scene.reserve },
            seats: &[],
            wants: &self.wants,
            gate: Gate::open(u32::MAX),
        }
    }

    /// What is due for a change, and as many of the most urgent as could be dialled.
    fn shown(&mut self, now: Timestamp) -> Vec<Visit> {
        let free = if self.show_all { usize::MAX } else { usize::try_from(self.free()).unwrap_or(usize::MAX) };
        let mut shown = std::mem::take(&mut self.fresh);
        self.queue.shut_until = self.queue.shut_until.filter(|until| now < *until);
        if self.show_all || self.queue.shut_until.is_none() {
            shown.extend(std::iter::from_fn(|| self.queue.take_first()).take(free));
        }
        shown
    }

    fn plan(&mut self, now: Timestamp) {
        let shown = self.shown(now);
        if shown.is_empty() {
            self.wakeup = self.opening();
            return;
        }
        let Plan { dial, late, escalate, next_wakeup, .. } = plan(now, &self.situation(&shown));
        let seats_left = dial.len() < usize::try_from(self.free()).unwrap_or(usize::MAX);
        let mut changes: HashMap<VisitId, Change> = HashMap::new();
        late.into_iter().for_each(|(id, cause)| changes.entry(id).or_default().late = Some(cause));
        escalate.into_iter().for_each(|(id, cause)| changes.entry(id).or_default().escalate = Some(cause));
        dial.into_iter().enumerate().for_each(|(turn, id)| changes.entry(id).or_default().turn = Some(turn));
        let mut dialled = vec![];
        for mut visit in shown {
            let change = changes.remove(&visit.id).unwrap_or_default();
            if let Some(cause) = change.late {
                visit = mark_late(&visit, &cause);
            }
            if let Some(cause) = change.escalate {
                visit = mark_escalated(now, &visit, &cause);
            }
            match change.turn {
                Some(turn) => dialled.push((turn, visit)),
                None => {
                    // Held back though a seat is free: by the hour, and so are those behind it.
                    if self.put(now, visit) && seats_left {
                        self.queue.shut_until = next_wakeup;
                    }
                }
            }
        }
        dialled.sort_by_key(|(turn, _)| *turn);
        for (_, visit) in dialled {
            self.dial(now, visit);
        }
        self.wakeup = [next_wakeup, self.opening()].into_iter().flatten().min();
    }

    /// When those that the hour holds back are looked at again.
    fn opening(&self) -> Option<Timestamp> {
        self.queue.shut_until.filter(|_| !self.queue.visits.is_empty())
    }

    fn dial(&mut self, now: Timestamp, visit: Visit) {
        let Scene { assume, .. } = *self.scene;
        let call = CallId::new(self.report.calls.to_string());
        let Ok(held) = claim(now, &visit, call.clone()) else {
            self.put(now, visit);
            return;
        };
        self.report.calls += 1;
        let drawn = self.dice.unit();
        let ring = u64::from(assume.ring_s);
        let (outcome, line_s, seat_s) = if drawn < assume.completed {
            let talk = u64::from(assume.talk_s / 2) + self.dice.below(u64::from(assume.talk_s) + 1);
            (Outcome::Answered, ring / 2 + talk, u64::from(assume.wrap_up_s))
        } else if drawn < assume.completed + assume.busy {
            (Outcome::Busy, 3, 0)
        } else if drawn < assume.completed + assume.busy + assume.hung_up {
            (Outcome::HungUp, ring / 2 + 10, u64::from(assume.wrap_up_s))
        } else {
            (Outcome::NoAnswer, ring, 0)
        };
        self.count_busy(now, line_s + seat_s);
        self.ends.push(Reverse((later(now, line_s), number(&held))));
        self.seats.push(Reverse(later(now, line_s + seat_s)));
        self.live.insert(number(&held), Live { visit: held, call, outcome });
    }

    fn call_ends(&mut self, now: Timestamp, number: usize) {
        let Some(Live { visit, call, outcome }) = self.live.remove(&number) else { return };
        let conversation = (outcome == Outcome::Answered).then_some(ConversationEnd::Completed);
        let result = CallResult { call, outcome, conversation, next_trunk: None };
        let visit = after_call(now, &visit, &result, self.programme, self.scene.calendar);
        self.put(now, visit);
    }

    /// Over, asleep, at a person, or in the queue: then it is true.
    fn put(&mut self, now: Timestamp, visit: Visit) -> bool {
        let VisitState::Waiting { not_before, reason } = &visit.state else {
            let row = &mut self.over[number(&visit)];
            *row = Some(row_of(&visit));
            return false;
        };
        let late = visit.late_cause.is_none().then_some(visit.due_at + TICK);
        let escalated = visit.escalated_at.is_none().then_some(visit.deadline_at + TICK);
        let mark = [late, escalated].into_iter().flatten().min();
        let held = self.programme.after_deadline == AfterDeadline::EscalateAndHold && visit.escalated_at.is_some();
        let for_person = held || matches!(reason, WaitReason::ForPerson { .. });
        let start = visit.redial_guard.map_or(*not_before, |guard| guard.max(*not_before));
        if mark.is_some_and(|mark| mark <= now) {
            // It became late while it was on the line.
            self.fresh.push(visit);
        } else if for_person {
            match mark {
                Some(mark) => self.sleep(mark, visit),
                None => self.parked.push(visit),
            }
        } else if start > now {
            self.sleep(mark.map_or(start, |mark| mark.min(start)), visit);
        } else {
            self.marks.extend(mark.map(|mark| Reverse((mark, number(&visit)))));
            let place = urgency(now, &visit, &self.situation(&[]));
            self.queue.put(place.unwrap_or((u8::MAX, start, visit.id.clone())), visit);
            return true;
        }
        false
    }

    fn sleep(&mut self, until: Timestamp, visit: Visit) {
        self.asleep.push(Reverse((until, number(&visit))));
        self.sleepers.insert(number(&visit), visit);
    }

    fn count_busy(&mut self, from: Timestamp, seconds: u64) {
        let mut at = from.as_second();
        let end = at.saturating_add_unsigned(seconds);
        while at < end {
            let hour = at.div_euclid(3600);
            let till = end.min((hour + 1) * 3600);
            *self.report.busy_s.entry(hour).or_default() += till.abs_diff(at);
            at = till;
        }
    }

    fn report(mut self) -> Report {
        let waiting = self.fresh.iter().chain(self.queue.visits.values()).chain(self.sleepers.values());
        for visit in waiting.chain(&self.parked) {
            self.over[number(visit)] = Some(row_of(visit));
        }
        self.report.rows = self.over.into_iter().flatten().collect();
        self.report
    }
}

fn row_of(visit: &Visit) -> Row {
    Row {
        completed_at: visit.sms_at,
        due_at: visit.due_at,
        deadline_at: visit.deadline_at,
        first_call_at: visit.first_attempt_at,
        attempts: visit.attempts,
        late_cause: visit.late_cause.clone(),
        escalated: visit.escalated_at.is_some(),
        end: match &visit.state {
            VisitState::Completed { at, .. } => RowEnd::Completed(*at),
            VisitState::Closed { at, .. } => RowEnd::Closed(*at),
            VisitState::Waiting { .. } | VisitState::Calling { .. } => RowEnd::Open,
        },
    }
}

/// Takes the first of the heap if its time has come.
fn first_due(heap: &mut BinaryHeap<Reverse<(Timestamp, usize)>>, now: Timestamp) -> Option<usize> {
    let Reverse((at, _)) = heap.peek()?;
    if *at > now {
        return None;
    }
    heap.pop().map(|Reverse((_, number))| number)
}

/// The ids of the simulation are numbers.
fn number(visit: &Visit) -> usize {
    visit.id.as_str().parse().unwrap_or_default()
}

fn later(at: Timestamp, seconds: u64) -> Timestamp {
    let by = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
