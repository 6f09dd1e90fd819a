//! 模拟: days on a virtual clock: who is called when, what is late and why, how busy the seats are.
//!
//! Contract: decided by the very [`plan`] and transitions of the engine; the same input and seed give the same days. What is simulated is
//! the world around them: completions as given, calls that end as the assumptions say, so many seats of which `reserve` are kept idle
//! (B01). A visit that has nothing to do for a while is not shown to the planner until then: it would only say when to look again.
//! Deliberately not here: trunks that fail, agents with different skills, branches, and the follow-up visits of a programme.

mod dice;

pub use dice::Dice;

use super::calendar::Calendar;
use super::call::outcome::{ConversationEnd, Outcome};
use super::id::{CallId, OrderNo, VisitId};
use super::programme::{DialMode, Programme, Programmes};
use super::seat::Wanted;
use super::visit::customer::SameCustomer;
use super::visit::plan::{Capacity, Disk, Gate, Plan, Situation, TrunkState, plan};
use super::visit::task::{CallResult, Start, Visit, VisitState, after_call, begin, claim, mark_escalated, mark_late};
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
    let mut programme = scene.programme.clone();
    // A seat is a channel here, whoever sits there.
    programme.mode = None;
    let mut world = World::new(scene, &programme);
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

struct World<'a> {
    scene: &'a Scene<'a>,
    programme: &'a Programme,
    programmes: Programmes,
    same: SameCustomer,
    wants: HashMap<VisitId, Wanted>,
    dice: Dice,
    arrived: usize,
    /// What the planner is shown.
    active: Vec<Visit>,
    /// What has nothing to do before then.
    asleep: BinaryHeap<Reverse<(Timestamp, usize)>>,
    sleepers: HashMap<usize, Visit>,
    ends: BinaryHeap<Reverse<(Timestamp, usize)>>,
    live: HashMap<usize, Live>,
    seats: BinaryHeap<Reverse<Timestamp>>,
    wakeup: Option<Timestamp>,
    report: Report,
    over: Vec<Option<Row>>,
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
            active: vec![],
            asleep: BinaryHeap::new(),
            sleepers: HashMap::new(),
            ends: BinaryHeap::new(),
            live: HashMap::new(),
            seats: BinaryHeap::new(),
            wakeup: None,
            report: Report { rows: vec![], calls: 0, busy_s: HashMap::new() },
            over: vec![None; scene.completions.len()],
        }
    }

    fn next_instant(&self) -> Option<Timestamp> {
        let arrival = self.scene.completions.get(self.arrived).map(|completion| completion.at);
        let sleeper = self.asleep.peek().map(|Reverse((at, _))| *at);
        let end = self.ends.peek().map(|Reverse((at, _))| *at);
        let seat = self.seats.peek().map(|Reverse(at)| *at);
        // Where no seat will ever be free, the planner would look again for ever.
        let wakeup = self.wakeup.filter(|_| self.scene.seats > self.scene.reserve);
        [arrival, sleeper, end, seat, wakeup].into_iter().flatten().min()
    }

    fn step(&mut self, now: Timestamp) {
        let mut due = self.wakeup.is_some_and(|at| at <= now);
        while self.seats.peek().is_some_and(|Reverse(at)| *at <= now) {
            self.seats.pop();
        }
        while let Some(&Reverse((at, number))) = self.ends.peek()
            && at <= now
        {
            self.ends.pop();
            self.call_ends(at, number);
        }
        while let Some(&Reverse((at, number))) = self.asleep.peek()
            && at <= now
        {
            self.asleep.pop();
            self.active.extend(self.sleepers.remove(&number));
            due = true;
        }
        while let Some(completion) = self.scene.completions.get(self.arrived)
            && completion.at <= now
        {
            let visit = self.arrive(now, completion);
            self.put(now, visit);
            self.arrived += 1;
        }
        // Without a free seat only what becomes late can change.
        if due || self.free() > 0 {
            self.plan(now);
        }
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

    fn plan(&mut self, now: Timestamp) {
        if self.active.is_empty() {
            self.wakeup = None;
            return;
        }
        let situation = Situation {
            visits: &self.active,
            same: &self.same,
            programmes: &self.programmes,
            calendar: self.scene.calendar,
            mode: DialMode::Voice,
            capacity: Capacity { voice_free: self.free(), reserve_idle_seats: self.scene.reserve },
            seats: &[],
            wants: &self.wants,
            gate: Gate { dialling_enabled: true, disk: Disk::Ok, trunk: TrunkState::Ready { free_lines: u32::MAX } },
        };
        let Plan { dial, late, escalate, next_wakeup, .. } = plan(now, &situation);
        let mut changes: HashMap<VisitId, Change> = HashMap::new();
        late.into_iter().for_each(|(id, cause)| changes.entry(id).or_default().late = Some(cause));
        escalate.into_iter().for_each(|(id, cause)| changes.entry(id).or_default().escalate = Some(cause));
        dial.into_iter().enumerate().for_each(|(turn, id)| changes.entry(id).or_default().turn = Some(turn));
        let mut dialled = vec![];
        let shown = if changes.is_empty() { vec![] } else { std::mem::take(&mut self.active) };
        for mut visit in shown {
            let Some(change) = changes.remove(&visit.id) else {
                self.active.push(visit);
                continue;
            };
            if let Some(cause) = change.late {
                visit = mark_late(&visit, &cause);
            }
            if let Some(cause) = change.escalate {
                visit = mark_escalated(now, &visit, &cause);
            }
            match change.turn {
                Some(turn) => dialled.push((turn, visit)),
                None => self.put(now, visit),
            }
        }
        dialled.sort_by_key(|(turn, _)| *turn);
        for (_, visit) in dialled {
            self.dial(now, visit);
        }
        self.wakeup = next_wakeup;
    }

    fn dial(&mut self, now: Timestamp, visit: Visit) {
        let Scene { assume, .. } = *self.scene;
        let call = CallId::new(self.report.calls.to_string());
        let Ok(held) = claim(now, &visit, call.clone()) else { return self.put(now, visit) };
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

    /// Over, asleep, or for the planner.
    fn put(&mut self, now: Timestamp, visit: Visit) {
        let VisitState::Waiting { not_before, .. } = &visit.state else {
            let row = &mut self.over[number(&visit)];
            *row = Some(row_of(&visit));
            return;
        };
        let late = visit.late_cause.is_none().then_some(visit.due_at + TICK);
        let escalated = visit.escalated_at.is_none().then_some(visit.deadline_at + TICK);
        let next = [Some(*not_before), late, escalated].into_iter().flatten().min().unwrap_or(*not_before);
        if *not_before > now && next > now {
            self.asleep.push(Reverse((next, number(&visit))));
            self.sleepers.insert(number(&visit), visit);
        } else {
            // It becomes late while it waits for a seat.
            let mark = [late, escalated].into_iter().flatten().filter(|at| *at > now).min();
            self.wakeup = [self.wakeup, mark].into_iter().flatten().min();
            self.active.push(visit);
        }
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
        for visit in self.active.iter().chain(self.sleepers.values()) {
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
