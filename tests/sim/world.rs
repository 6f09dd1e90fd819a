//! The world of the simulation: customers, lines, disks, people, crashes and clocks that are set, on a virtual clock. It does what an engine
//! does (claim, hand in results, record late cases, plan again after every event and at every wake-up) and checks each step with rules of
//! its own.
//!
//! Two clocks: `true_now` only runs forward and orders the events; the site's clock ([`World::now`]) may be set, by hand or from the
//! network. Nobody tells the engine: it sleeps on and looks again within a minute.

use crate::dice::Dice;
use huifang::clock::{Clock, ManualClock};
use huifang::domain::calendar::{Calendar, SiteHours};
use huifang::domain::call::DayLimit;
use huifang::domain::call::outcome::{ConversationEnd, Outcome};
use huifang::domain::id::{CallId, OrderNo, VisitId};
use huifang::domain::programme::{DialMode, Programme, Programmes};
use huifang::domain::seat::Wanted;
use huifang::domain::visit::customer::SameCustomer;
use huifang::domain::visit::plan::{Budget, Capacity, Disk, Gate, Situation, TrunkState, WhyCode, plan, why};
use huifang::domain::visit::task::{
    CallResult, CloseCause, Visit, VisitState, WaitReason, accept, after_call, cancel, claim, dial_now, interrupted,
    mark_escalated, mark_late, reschedule,
};
use jiff::civil::{Date, Time, Weekday};
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

/// Visits must have come to an end or to a reason this long after the last SMS.
const DAYS_AFTER: i64 = 12;
const STEPS_MAX: usize = 200_000;
/// The engine's longest sleep: so late it notices that its clock was set.
const NAP_S: i64 = 60;

#[derive(Clone, Copy)]
pub struct Setup {
    pub first_day: &'static str,
    pub days: i64,
    pub sms_per_day: i64,
    /// Unattended calls at once.
    pub channels: u32,
    /// Calls at once that the trunk bears.
    pub lines: u32,
    pub outages: Outages,
    /// People dial, reschedule and cancel by hand.
    pub people_meddle: bool,
    /// SMS also at night and on free days.
    pub round_the_clock: bool,
    pub zone: &'static str,
    pub holidays: &'static str,
    /// The clock is set forward or back by up to ten minutes, several times a day.
    pub clock_is_set: bool,
    /// Calls that a day may have.
    pub daily_calls: Option<u32>,
}

/// What the source and the programme of the excavators say, written down a second time.
pub fn spacing_min(outcome: Outcome, conversation: Option<&ConversationEnd>) -> SignedDuration {
    SignedDuration::from_mins(match (outcome, conversation) {
        (_, Some(ConversationEnd::Callback { .. } | ConversationEnd::NotInformed)) => 120,
        (_, Some(ConversationEnd::Abandoned { .. })) | (Outcome::HungUp | Outcome::Declined, _) => 60,
        (Outcome::Unreachable, _) => 30,
        (Outcome::NoAnswer, _) | (_, Some(ConversationEnd::Silent)) => 20,
        (Outcome::Busy | Outcome::AuthFailed | Outcome::RecorderFailed | Outcome::Cancelled, _) => 5,
        _ => 1,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outages {
    None,
    /// Trunks, disks, the dialling switch, and crashes of the engine.
    Many,
}

/// One call that was made.
pub struct Made {
    /// `2026-11-23 09:00` in the site's zone.
    pub local: String,
    pub on_request: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Sms,
    CallEnds(usize),
    TrunkFails,
    TrunkReturns,
    DiskFills,
    DiskIsCleared,
    SwitchedOff,
    SwitchedOn,
    Crash,
    Person,
    /// The clock is set by so many seconds.
    ClockSet(i64),
    Wakeup,
    /// At last.
    NapOver,
}

/// A call on the line.
struct Live {
    visit: usize,
    call: CallId,
    answered: bool,
}

pub struct World {
    pub visits: Vec<Visit>,
    pub calls: Vec<Made>,
    pub steps: usize,
    pub crashes: usize,
    setup: Setup,
    dice: Dice,
    clock: ManualClock,
    true_now: Timestamp,
    /// How far the site's clock is from the true time.
    ahead: SignedDuration,
    /// From where to where the clock was set forward: whatever lay between was seen late.
    leaps: Vec<(Timestamp, Timestamp)>,
    end: Timestamp,
    calendar: Calendar,
    programmes: Programmes,
    /// Every customer has one visit.
    same: SameCustomer,
    /// Nobody asks for agents here.
    wants: HashMap<VisitId, Wanted>,
    programme: Programme,
    gate: Gate,
    events: BinaryHeap<std::cmp::Reverse<(Timestamp, u64, Event)>>,
    event_no: u64,
    /// In true time.
    next_wakeup: Option<Timestamp>,
    /// Those that are not over.
    open: BTreeSet<usize>,
    live: BTreeMap<usize, Live>,
    /// When the last call of a visit ended in a way that A04 is about.
    hung_up_at: BTreeMap<usize, Timestamp>,
    last_end: BTreeMap<usize, Timestamp>,
    /// When the last call of a visit ended, and the least that is waited after such an end.
    spacing: BTreeMap<usize, (Timestamp, SignedDuration)>,
    /// Calls by local day, where a day has a limit.
    made_on: BTreeMap<Date, u32>,
}

impl World {
    pub fn new(setup: &Setup, seed: u64) -> Self {
        let calendar = Calendar::new(&SiteHours {
            timezone: setup.zone.into(),
            work_hours: vec!["08:00-12:00".into(), "13:00-18:00".into()],
            holidays: setup.holidays.into(),
        })
        .unwrap();
        let text = include_str!("../../programmes/excavator.toml");
        let programme = Programme::parse("excavator.toml", text).unwrap();
        let programmes = Programmes::new(vec![programme.clone()], &calendar).unwrap();
        let first: Date = setup.first_day.parse().unwrap();
        let start = first.to_zoned(calendar.tz().clone()).unwrap().timestamp();
        let mut world = Self {
            visits: Vec::new(),
            calls: Vec::new(),
            steps: 0,
            crashes: 0,
            setup: *setup,
            dice: Dice::new(seed),
            clock: ManualClock::at(start),
            true_now: start,
            ahead: SignedDuration::ZERO,
            leaps: vec![],
            end: start + SignedDuration::from_hours(24 * (setup.days + DAYS_AFTER)),
            calendar,
            programmes,
            same: SameCustomer::default(),
            wants: HashMap::new(),
            programme,
            gate: Gate::open(setup.lines),
            events: BinaryHeap::new(),
            event_no: 0,
            next_wakeup: None,
            open: BTreeSet::new(),
            live: BTreeMap::new(),
            hung_up_at: BTreeMap::new(),
            last_end: BTreeMap::new(),
            spacing: BTreeMap::new(),
            made_on: BTreeMap::new(),
        };
        world.foresee(first);
        world
    }

    /// Everything that comes from outside, drawn before the first step.
    fn foresee(&mut self, first: Date) {
        for day in 0..self.setup.days {
            let date = first.checked_add(day.days()).unwrap();
            let free = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.setup.round_the_clock;
            if free {
                continue;
            }
            let (from, to) = if self.setup.round_the_clock { (0, 86_399) } else { (8 * 3600, 17 * 3600) };
            for _ in 0..self.setup.sms_per_day {
                let t = self.moment(date, from, to);
                self.at(t, Event::Sms);
            }
            if self.setup.outages == Outages::Many {
                for (fails, returns, seconds_max) in [
                    (Event::TrunkFails, Event::TrunkReturns, 3 * 3600),
                    (Event::DiskFills, Event::DiskIsCleared, 3600),
                    (Event::SwitchedOff, Event::SwitchedOn, 1800),
                ] {
                    let t = self.moment(date, 0, 86_399);
                    let over = t + SignedDuration::from_secs(self.dice.between(10, seconds_max));
                    self.at(t, fails);
                    self.at(over, returns);
                }
                for _ in 0..3 {
                    let t = self.moment(date, 8 * 3600, 18 * 3600);
                    self.at(t, Event::Crash);
                }
            }
            if self.setup.clock_is_set {
                for _ in 0..3 {
                    let t = self.moment(date, 7 * 3600, 19 * 3600);
                    let by = self.dice.between(-600, 600);
                    self.at(t, Event::ClockSet(by));
                    let noticed = t + SignedDuration::from_secs(self.dice.between(1, NAP_S));
                    self.at(noticed, Event::NapOver);
                }
            }
            if self.setup.people_meddle {
                for _ in 0..40 {
                    let t = self.moment(date, 6 * 3600, 22 * 3600);
                    self.at(t, Event::Person);
                }
            }
        }
    }

    fn moment(&mut self, date: Date, from: i64, to: i64) -> Timestamp {
        let midnight = date.to_datetime(Time::midnight()).to_zoned(self.calendar.tz().clone()).unwrap().timestamp();
        midnight + SignedDuration::from_millis(1000 * self.dice.between(from, to) + self.dice.between(0, 999))
    }

    fn at(&mut self, t: Timestamp, event: Event) {
        self.event_no += 1;
        self.events.push(std::cmp::Reverse((t, self.event_no, event)));
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs until nothing more happens.
    pub fn run(&mut self) {
        while let Some(std::cmp::Reverse((t, _, event))) = self.events.pop() {
            if t > self.end {
                break;
            }
            if event == Event::Wakeup && self.next_wakeup != Some(t) {
                continue; // replanned since
            }
            assert!(t >= self.true_now, "time runs backwards");
            self.true_now = t;
            self.clock.set(t + self.ahead);
            self.steps += 1;
            assert!(self.steps < STEPS_MAX, "the planner spins");
            if let Event::ClockSet(by) = event {
                self.set_clock(SignedDuration::from_secs(by));
                continue; // nobody notices yet
            }
            self.happen(event);
            self.plan_and_do();
        }
    }

    fn set_clock(&mut self, by: SignedDuration) {
        let before = self.now();
        self.ahead += by;
        self.clock.set(self.true_now + self.ahead);
        if by.is_positive() {
            self.leaps.push((before, self.now() + SignedDuration::from_secs(NAP_S)));
        }
    }

    fn happen(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Sms => {
                let n = self.visits.len();
                let delay = SignedDuration::from_millis(self.dice.between(0, 5000));
                let (order, id) = (OrderNo::new(format!("FL{n}")), VisitId::new(format!("v{n:05}")));
                self.visits.push(accept(now, now - delay, order, &self.programme, &self.calendar, id));
                self.open.insert(n);
            }
            Event::CallEnds(n) => self.call_ends(n),
            Event::TrunkFails => {
                let retry_at = self.dice.chance(50).then(|| now + SignedDuration::from_secs(300));
                self.gate.trunk = TrunkState::Down { reason: "没有应答".into(), retry_at };
            }
            Event::TrunkReturns => self.gate.trunk = TrunkState::Ready { free_lines: self.setup.lines },
            Event::DiskFills => self.gate.disk = Disk::Low { free_mb: 10, floor_mb: 500 },
            Event::DiskIsCleared => self.gate.disk = Disk::Ok,
            Event::SwitchedOff => self.gate.dialling_enabled = false,
            Event::SwitchedOn => self.gate.dialling_enabled = true,
            Event::Crash => self.crash(),
            Event::Person => self.person(),
            Event::Wakeup | Event::NapOver | Event::ClockSet(_) => {}
        }
    }

    fn call_ends(&mut self, n: usize) {
        let Some(live) = self.live.remove(&n) else { return }; // the crash was faster
        let (outcome, conversation) = self.ending(live.answered);
        let (now, i) = (self.now(), live.visit);
        if matches!(outcome, Outcome::HungUp | Outcome::Declined)
            && !matches!(conversation, Some(ConversationEnd::Completed))
        {
            self.hung_up_at.insert(i, now);
        }
        self.last_end.insert(i, now);
        self.spacing.insert(i, (now, spacing_min(outcome, conversation.as_ref())));
        let result = CallResult { call: live.call, outcome, conversation, next_trunk: None };
        let next = after_call(now, &self.visits[i], &result, &self.programme, &self.calendar);
        assert_eq!(after_call(now, &next, &result, &self.programme, &self.calendar), next, "a result counts once");
        self.visits[i] = next;
        self.forget_if_over(i);
    }

    /// What is over stays as it is.
    fn forget_if_over(&mut self, i: usize) {
        if self.visits[i].state.is_over() {
            self.open.remove(&i);
        }
    }

    fn ending(&mut self, answered: bool) -> (Outcome, Option<ConversationEnd>) {
        if !answered {
            let list = [
                Outcome::Busy,
                Outcome::NoAnswer,
                Outcome::NoAnswer,
                Outcome::Declined,
                Outcome::Unreachable,
                Outcome::InvalidNumber,
                Outcome::TrunkFailure,
                Outcome::AuthFailed,
                Outcome::RecorderFailed,
                Outcome::Cancelled,
            ];
            return (*self.dice.pick(&list), None);
        }
        let said = ["下午三点以后吧", "明天上午", "半个小时以后", "晚上九点", "周末吧", "晚点再说", "十分钟后"];
        match self.dice.below(20) {
            0..=11 => (Outcome::Answered, Some(ConversationEnd::Completed)),
            12 => (Outcome::Answered, Some(ConversationEnd::Refused)),
            13 => (
                Outcome::Answered,
                Some(ConversationEnd::Callback { said: Some((*self.dice.pick(&said)).into()), at: None }),
            ),
            14 => (Outcome::Answered, Some(ConversationEnd::Callback { said: None, at: None })),
            15 => (Outcome::Answered, Some(ConversationEnd::WrongNumber)),
            16 => (Outcome::Answered, Some(ConversationEnd::NotInformed)),
            17 => (Outcome::Answered, Some(ConversationEnd::Silent)),
            18 => (Outcome::HungUp, Some(ConversationEnd::Abandoned { answered: 2 })),
            _ => (Outcome::HungUp, None),
        }
    }

    /// Kill −9 and a start: all calls are gone, the visits they held are found in `Calling`.
    fn crash(&mut self) {
        self.crashes += 1;
        let now = self.now();
        for (_, live) in std::mem::take(&mut self.live) {
            if live.answered {
                self.hung_up_at.insert(live.visit, now);
            }
            self.last_end.insert(live.visit, now);
            self.spacing.remove(&live.visit);
            let visit = &self.visits[live.visit];
            self.visits[live.visit] = interrupted(now, visit, live.answered, &self.programme, &self.calendar);
            self.forget_if_over(live.visit);
        }
        let held = |i: &usize| matches!(self.visits[*i].state, VisitState::Calling { .. });
        assert!(!self.open.iter().any(held), "held by a dead call");
    }

    fn person(&mut self) {
        if self.visits.is_empty() {
            return;
        }
        let i = usize::try_from(self.dice.below(self.visits.len() as u64)).unwrap();
        let (now, visit) = (self.now(), &self.visits[i]);
        let to = now + SignedDuration::from_secs(self.dice.between(0, 90_000));
        let (p, c) = (&self.programme, &self.calendar);
        let next = match self.dice.below(10) {
            0..=4 => dial_now(now, visit, "李主管", p, c),
            5..=8 => reschedule(now, visit, to, "李主管", "客户来电", p, c),
            _ => cancel(now, visit),
        };
        if let Ok(next) = next {
            self.visits[i] = next;
            self.forget_if_over(i);
        }
    }

    /// What the engine reads before it plans.
    fn open_visits(&self) -> Vec<Visit> {
        self.open.iter().map(|i| self.visits[*i].clone()).collect()
    }

    fn situation<'a>(&'a self, visits: &'a [Visit]) -> Situation<'a> {
        let busy = u32::try_from(self.live.len()).unwrap();
        let mut gate = self.gate.clone();
        if let TrunkState::Ready { free_lines } = &mut gate.trunk {
            *free_lines = self.setup.lines.saturating_sub(busy);
        }
        gate.budget = self.setup.daily_calls.map(|calls_max| self.budget(calls_max));
        Situation {
            visits,
            same: &self.same,
            programmes: &self.programmes,
            calendar: &self.calendar,
            mode: DialMode::Voice,
            capacity: Capacity { voice_free: self.setup.channels.saturating_sub(busy), reserve_idle_seats: 1 },
            seats: &[],
            wants: &self.wants,
            gate,
        }
    }

    /// As the engine counts it: by the calls that were claimed between two local midnights.
    fn budget(&self, calls_max: u32) -> Budget {
        let today = self.now().to_zoned(self.calendar.tz().clone()).date();
        let begins = |day: Date| day.to_zoned(self.calendar.tz().clone()).unwrap().timestamp();
        let limit = DayLimit { from: begins(today), until: begins(today.tomorrow().unwrap()), calls_max };
        Budget { limit, spent: self.made_on.get(&today).copied().unwrap_or_default() }
    }

    fn plan_and_do(&mut self) {
        let now = self.now();
        let plan = plan(now, &self.situation(&self.open_visits()));
        assert!(plan.next_wakeup.is_none_or(|t| t > now), "a plan wakes itself at now");
        for (id, cause) in &plan.late {
            let i = self.index(id);
            self.assert_marked_in_time(i, self.visits[i].due_at);
            self.visits[i] = mark_late(&self.visits[i], cause);
        }
        for (id, cause) in &plan.escalate {
            let i = self.index(id);
            self.assert_marked_in_time(i, self.visits[i].deadline_at);
            self.visits[i] = mark_escalated(now, &self.visits[i], cause);
        }
        for id in &plan.dial {
            self.dial(self.index(id));
        }
        self.assert_every_wait_has_a_reason();
        self.next_wakeup = plan.next_wakeup.map(|t| t - self.ahead);
        if let Some(t) = self.next_wakeup {
            self.at(t, Event::Wakeup);
        }
    }

    fn index(&self, id: &VisitId) -> usize {
        let n = id.as_str().strip_prefix('v').and_then(|n| n.parse().ok());
        n.filter(|n| self.open.contains(n)).expect("a plan names open visits")
    }

    fn dial(&mut self, i: usize) {
        self.assert_may_be_dialled(i);
        let (now, n) = (self.now(), self.calls.len());
        let on_request = matches!(&self.visits[i].state, VisitState::Waiting { reason, .. } if reason.on_request());
        let call = CallId::new(format!("c{n}"));
        self.visits[i] = claim(now, &self.visits[i], call.clone()).expect("a plan dials what waits");
        let answered = self.dice.chance(60);
        let seconds = if answered { self.dice.between(5, 240) } else { self.dice.between(1, 45) };
        self.live.insert(n, Live { visit: i, call, answered });
        assert!(self.live.len() <= self.setup.channels.min(self.setup.lines) as usize, "more calls than channels");
        self.at(self.true_now + SignedDuration::from_secs(seconds), Event::CallEnds(n));
        let today = now.to_zoned(self.calendar.tz().clone());
        *self.made_on.entry(today.date()).or_default() += 1;
        let local = today.strftime("%Y-%m-%d %H:%M").to_string();
        self.calls.push(Made { local, on_request });
    }

    /// The rules again, in the plainest words: not those of the planner.
    fn assert_may_be_dialled(&self, i: usize) {
        let (now, visit) = (self.now(), &self.visits[i]);
        let VisitState::Waiting { reason, .. } = &visit.state else { panic!("dials {visit:?}") };
        if let Some(ended) = self.hung_up_at.get(&i) {
            assert!(now.duration_since(*ended) >= SignedDuration::from_mins(60), "A04: redialled too soon: {visit:?}");
        }
        // Who says at a minute to three that we may call after three is called at three.
        let named = matches!(
            reason,
            WaitReason::ByHand { .. } | WaitReason::Rescheduled { .. } | WaitReason::Appointment { said: Some(_), .. }
        );
        if let Some(ended) = self.last_end.get(&i).filter(|_| !named) {
            assert!(now.duration_since(*ended) >= SignedDuration::from_mins(1), "redialled at once: {visit:?}");
        }
        if let Some((ended, least)) = self.spacing.get(&i).filter(|_| !named) {
            let waited = now.duration_since(*ended);
            assert!(waited >= *least, "redialled after {waited:#}, inside the spacing of {least:#}: {visit:?}");
        }
        if let Some(most) = self.setup.daily_calls {
            let today = self.made_on.get(&now.to_zoned(self.calendar.tz().clone()).date()).copied().unwrap_or_default();
            assert!(today < most, "more calls than a day may have: {visit:?}");
        }
        let local = now.to_zoned(self.calendar.tz().clone());
        assert!((8..20).contains(&local.hour()), "A13: a call at {local}");
        if !reason.on_request() {
            let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
            assert!((480..720).contains(&minute) || (780..1080).contains(&minute), "outside working hours: {local}");
            assert!(!self.is_free(local.date()), "on a free day: {local}");
        }
        assert!(self.gate.dialling_enabled && self.gate.disk == Disk::Ok, "dials through a closed gate");
        assert!(matches!(self.gate.trunk, TrunkState::Ready { .. }), "dials on a dead trunk");
    }

    /// By the calendar on the wall, as far as these days go.
    fn is_free(&self, date: Date) -> bool {
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        match self.setup.holidays {
            "every_day" => false,
            "cn" => match (date.month(), date.day()) {
                (9, 20) | (10, 10) => false,
                (9, 25..=27) | (10, 1..=7) => true,
                _ => weekend,
            },
            _ => weekend,
        }
    }

    /// The mark falls one tick after the instant, or when the call that was on the line then ends, or a visit arrives that late.
    fn assert_marked_in_time(&self, i: usize, instant: Timestamp) {
        let tick = SignedDuration::from_millis(1);
        let mut latest = self.last_end.get(&i).copied().unwrap_or(instant).max(instant + tick);
        // A clock that leaps over the instant is noticed at the end of the nap.
        for (from, noticed) in &self.leaps {
            if (*from..=*noticed).contains(&latest) {
                latest = *noticed;
            }
        }
        assert!(self.now() <= latest, "marked late itself: {:?}", self.visits[i]);
    }

    fn assert_every_wait_has_a_reason(&self) {
        let now = self.now();
        let open = self.open_visits();
        for visit in &open {
            if !matches!(visit.state, VisitState::Waiting { .. }) {
                continue;
            }
            assert!(now <= visit.due_at || visit.late_cause.is_some(), "late without a cause: {visit:?}");
            assert!(now <= visit.deadline_at || visit.escalated_at.is_some(), "overdue and not escalated: {visit:?}");
        }
        // The sentence is quadratic in the worst case: one visit per step is enough over thousands of steps.
        let Some(visit) = open.get(self.steps % open.len().max(1)) else { return };
        let why = why(now, visit, &self.situation(&open));
        assert!(!why.text_zh.is_empty(), "no reason for {visit:?}");
        assert!(why.code != WhyCode::Ready, "nothing holds it and it is not dialled: {visit:?}");
    }

    /// After the last day: done, closed with a cause, or waiting for a known instant or person.
    pub fn assert_settled(&self) {
        assert!(self.live.is_empty(), "calls left on the line");
        for visit in &self.visits {
            match &visit.state {
                VisitState::Completed { .. } => {}
                VisitState::Closed { cause, .. } => {
                    assert!(visit.attempts > 0 || *cause == CloseCause::Cancelled, "closed without a call: {visit:?}")
                }
                VisitState::Waiting { reason: WaitReason::ForPerson { problem }, .. } => assert!(!problem.is_empty()),
                VisitState::Waiting { not_before, .. } => assert!(*not_before > self.now(), "forgotten: {visit:?}"),
                VisitState::Calling { .. } => panic!("held by a call that is gone: {visit:?}"),
            }
            assert!(visit.attempts <= 60, "never stops calling: {visit:?}");
        }
    }
}
