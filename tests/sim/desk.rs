//! A seeded day with people: agents sign in, take breaks, vanish and come back; visits are dialled for them at once or after a look. No
//! engine: the steps of `domain::seat` and `domain::visit` and the planner, and a witness that checks every step in the plainest words.

use crate::dice::Dice;
use crate::world::spacing_min;
use huifang::domain::calendar::{Calendar, SiteHours};
use huifang::domain::call::outcome::{ConversationEnd, Outcome};
use huifang::domain::id::{CallId, OrderNo, SeatId, VisitId};
use huifang::domain::opt_out::ScopeName;
use huifang::domain::order::ServiceType;
use huifang::domain::programme::{AgentDial, DialMode, Programme, Programmes};
use huifang::domain::seat::{self, Lapse, Seat, SeatPhone, SeatState, Skills, Wanted};
use huifang::domain::visit::customer::SameCustomer;
use huifang::domain::visit::plan::{Capacity, Gate, Situation, TrunkState, WhyCode, plan, why};
use huifang::domain::visit::task::{
    CallResult, Visit, VisitState, WaitReason, accept, after_agent_call, after_wrap_up, claim, declined,
    mark_escalated, mark_late, may_start,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::time::Duration;

const LEASE: SignedDuration = SignedDuration::from_secs(15);
const WRAP_UP: Duration = Duration::from_secs(120);
const UP: TrunkState = TrunkState::Ready { free_lines: 30 };
const LANGUAGES: [&str; 3] = ["普通话", "粤语", "客家话"];

#[derive(Clone, Copy)]
pub struct Setup {
    pub seats: usize,
    pub sms: i64,
    pub reserve: u32,
    pub dial: AgentDial,
    /// The trunk fails now and then.
    pub outages: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Sms,
    Agent(usize),
    Vanish(usize),
    TrunkFails,
    TrunkReturns,
    /// The agent of the seat has looked at the order.
    Decide(usize, usize),
    /// The customer's telephone has rung for long enough.
    Rung(usize),
    Ends(usize),
    Written(usize),
}

struct Live {
    seat: usize,
    visit: usize,
    call: CallId,
}

/// What the day has seen, so that a test knows it was no quiet one.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    pub talks: usize,
    pub declined: usize,
    pub lost: BTreeSet<&'static str>,
    pub codes: BTreeSet<String>,
    pub settled_by_plan: usize,
}

pub struct Desk {
    pub visits: Vec<Visit>,
    pub seats: Vec<Seat>,
    pub seen: Seen,
    setup: Setup,
    dice: Dice,
    now: Timestamp,
    end: Timestamp,
    present: Vec<bool>,
    wants: HashMap<VisitId, Wanted>,
    live: BTreeMap<usize, Live>,
    trunk: TrunkState,
    /// How the calls of the wrap-ups ended.
    ended: HashMap<CallId, Outcome>,
    /// When the last call of a visit ended, and how.
    last: HashMap<usize, (Timestamp, Outcome, Option<ConversationEnd>)>,
    calls: usize,
    steps: usize,
    /// When the last plan wants to look again.
    wakeup: Option<Timestamp>,
    calendar: Calendar,
    programmes: Programmes,
    programme: Programme,
    same: SameCustomer,
    events: BinaryHeap<std::cmp::Reverse<(Timestamp, Event)>>,
}

impl Desk {
    pub fn new(setup: &Setup, seed: u64) -> Self {
        let hours = SiteHours {
            timezone: "Asia/Shanghai".into(),
            work_hours: vec!["08:00-12:00".into(), "13:00-18:00".into()],
            holidays: "cn".into(),
        };
        let calendar = Calendar::new(&hours).unwrap();
        let text = include_str!("../../programmes/excavator.toml");
        let mut programme = Programme::parse("excavator.toml", text).unwrap();
        programme.dial = setup.dial;
        let programmes = Programmes::new(vec![programme.clone()], &calendar).unwrap();
        let morning: Timestamp = "2026-11-23T08:00+08:00".parse().unwrap();
        let mut desk = Self {
            visits: vec![],
            seats: vec![],
            seen: Seen::default(),
            setup: *setup,
            dice: Dice::new(seed),
            now: morning,
            end: morning + SignedDuration::from_hours(11),
            present: vec![false; setup.seats],
            wants: HashMap::new(),
            live: BTreeMap::new(),
            trunk: UP,
            ended: HashMap::new(),
            last: HashMap::new(),
            calls: 0,
            steps: 0,
            wakeup: None,
            calendar,
            programmes,
            programme,
            same: SameCustomer::default(),
            events: BinaryHeap::new(),
        };
        desk.foresee();
        desk
    }

    fn foresee(&mut self) {
        for n in 0..self.setup.seats {
            // Nobody speaks the last language.
            let language = LANGUAGES[n % (LANGUAGES.len() - 1)];
            let skills = Skills { languages: vec![LANGUAGES[0].into(), language.into()], ..Skills::default() };
            self.seats.push(Seat::new(SeatId::new(format!("s{n:02}")), SeatPhone::Browser, skills, self.now));
            for _ in 0..12 {
                self.later(0, 10 * 3600, Event::Agent(n));
            }
            for _ in 0..4 {
                self.later(0, 10 * 3600, Event::Vanish(n));
            }
            // In the evening everybody goes home without a word.
            self.at(self.end - SignedDuration::from_mins(20), Event::Vanish(n));
        }
        for _ in 0..self.setup.sms {
            self.later(0, 9 * 3600, Event::Sms);
        }
        let outages = if self.setup.outages { 3 } else { 0 };
        for _ in 0..outages {
            let fails = self.dice.between(0, 9 * 3600);
            self.later(fails, fails, Event::TrunkFails);
            self.later(fails + 10, fails + 3600, Event::TrunkReturns);
        }
    }

    fn at(&mut self, t: Timestamp, event: Event) {
        self.events.push(std::cmp::Reverse((t, event)));
    }

    fn later(&mut self, low: i64, high: i64, event: Event) {
        let t = self.now + SignedDuration::from_secs(self.dice.between(low, high));
        self.at(t, event);
    }

    /// From limit to limit and event to event; who is there has been heard of all the time.
    pub fn run(&mut self) {
        loop {
            self.steps += 1;
            assert!(self.steps < 50_000, "the day does not end");
            let limit = (0..self.seats.len()).filter_map(|n| self.limit(n)).min();
            let event = self.events.peek().map(|std::cmp::Reverse((t, _))| *t);
            let Some(next) = [limit, event, self.wakeup].into_iter().flatten().min().filter(|t| *t <= self.end) else {
                return;
            };
            self.now = next.max(self.now);
            for n in 0..self.seats.len() {
                if self.present[n] {
                    self.seats[n] = seat::renew(&self.seats[n], self.now + LEASE);
                }
            }
            if event == Some(next)
                && let Some(std::cmp::Reverse((_, event))) = self.events.pop()
            {
                self.happen(event);
            }
            for n in 0..self.seats.len() {
                self.lapse(n);
            }
            self.plan_and_do();
        }
    }

    /// When something is over for the seat; the lease of one who is there is renewed in time.
    fn limit(&self, n: usize) -> Option<Timestamp> {
        match &self.seats[n].state {
            SeatState::Reserved { until, .. } if self.present[n] => *until,
            SeatState::WrapUp { until, .. } if self.present[n] => Some(*until),
            _ if self.present[n] => None,
            _ => self.seats[n].lapses_at(),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Sms => self.sms(),
            Event::Agent(n) => self.agent(n),
            Event::Vanish(n) => self.present[n] = false,
            Event::TrunkFails => self.trunk = TrunkState::Down { reason: "没有应答".into(), retry_at: None },
            Event::TrunkReturns => self.trunk = UP,
            Event::Decide(n, visit) => self.decide(n, visit),
            Event::Rung(call) => self.rung(call),
            Event::Ends(call) => self.ends(call),
            Event::Written(call) => self.written(call),
        }
    }

    fn sms(&mut self) {
        let id = VisitId::new(format!("v{:04}", self.visits.len()));
        let order = OrderNo::new(format!("FL{}", self.visits.len()));
        let language = match self.dice.below(10) {
            0 => Some(LANGUAGES[1].to_string()),
            1 => Some(LANGUAGES[2].to_string()),
            _ => None,
        };
        let wanted = Wanted { service: ServiceType::Maintenance, language, dealer: None, declined: vec![] };
        self.wants.insert(id.clone(), wanted);
        self.visits.push(accept(self.now, self.now, order, &self.programme, &self.calendar, id));
    }

    /// Signs in when he is not there, else does something that agents do.
    fn agent(&mut self, n: usize) {
        let (now, seat) = (self.now, &self.seats[n]);
        let next = match self.dice.below(6) {
            _ if !self.present[n] || seat.state == SeatState::SignedOut => seat::sign_in(now, seat, now + LEASE),
            0 => seat::take_break(now, seat, "喝水"),
            1 => seat::sign_out(now, seat),
            _ => seat::back(now, seat),
        };
        self.present[n] = true;
        if let Ok(next) = next {
            self.give(n, next);
        }
    }

    /// Every change of a seat passes here; a wrap-up that its agent ended by other means has no result.
    fn give(&mut self, n: usize, next: Seat) {
        let before = std::mem::replace(&mut self.seats[n], next);
        if let (SeatState::WrapUp { call, .. }, false) =
            (&before.state, matches!(self.seats[n].state, SeatState::WrapUp { .. }))
        {
            self.no_result(call);
        }
    }

    fn lapse(&mut self, n: usize) {
        let (next, todo) = seat::lapse(self.now, &self.seats[n]);
        let looked_at = self.seats[n].state.visit().cloned();
        self.seats[n] = next;
        let now = self.now;
        match todo {
            Lapse::Nothing | Lapse::Freed => {}
            Lapse::PreviewOver { visit } => {
                self.seen.lost.insert("preview over");
                assert_eq!(Some(&visit), looked_at.as_ref());
                let (i, seat) = (self.index(&visit), self.seats[n].id.clone());
                self.decline(i, &seat);
            }
            Lapse::CancelDialling { call } => {
                self.seen.lost.insert("dialling");
                let live = self.hang_up(&call);
                self.over(&live, Outcome::Cancelled, None, None);
            }
            Lapse::LoseAgent { call } => {
                self.seen.lost.insert("in a call");
                let live = self.hang_up(&call);
                let end = ConversationEnd::Fault { detail: "坐席连接中断".into() };
                self.over(&live, Outcome::Answered, Some(end), None);
                let state = &self.visits[live.visit].state;
                assert!(matches!(state, VisitState::Waiting { not_before, .. } if *not_before > now), "{state:?}");
            }
            Lapse::WrapUpOver { call } => {
                self.seen.lost.insert("wrap-up");
                // Every third time the engine dies before it has saved what follows: the planner finds it.
                if !self.dice.chance(33) {
                    self.no_result(&call);
                }
            }
        }
    }

    fn no_result(&mut self, call: &CallId) {
        let (now, p, c) = (self.now, &self.programme, &self.calendar);
        let outcome = self.ended[call];
        for visit in &mut self.visits {
            *visit = after_wrap_up(now, visit, call, outcome, None, p, c);
        }
    }

    fn hang_up(&mut self, call: &CallId) -> Live {
        let n = *self.live.iter().find(|(_, live)| live.call == *call).expect("the call is up").0;
        self.live.remove(&n).expect("just found")
    }

    fn over(&mut self, live: &Live, outcome: Outcome, conversation: Option<ConversationEnd>, until: Option<Timestamp>) {
        self.last.insert(live.visit, (self.now, outcome, conversation.clone()));
        let result = CallResult { call: live.call.clone(), outcome, conversation, next_trunk: None };
        let (visit, seat) = (&self.visits[live.visit], &self.seats[live.seat].id);
        self.visits[live.visit] =
            after_agent_call(self.now, visit, &result, seat, until, &self.programme, &self.calendar);
    }

    fn decline(&mut self, visit: usize, seat: &SeatId) {
        self.seen.declined += 1;
        self.visits[visit] = declined(self.now, &self.visits[visit], seat, "不熟悉").expect("it waits");
        let wanted = self.wants.get_mut(&self.visits[visit].id).expect("every visit asks");
        wanted.declined = self.visits[visit].declined.iter().map(|declined| declined.seat.clone()).collect();
    }

    fn index(&self, id: &VisitId) -> usize {
        self.visits.iter().position(|visit| visit.id == *id).expect("a known visit")
    }

    /// The agent starts, declines, or looks on until his time is over.
    fn decide(&mut self, n: usize, visit: usize) {
        let (now, id) = (self.now, self.visits[visit].id.clone());
        let looks = matches!(&self.seats[n].state, SeatState::Reserved { visit, call: None, .. } if *visit == id);
        if !looks || !self.present[n] {
            return;
        }
        match self.dice.below(10) {
            0 => {}
            1 => {
                let seat = self.seats[n].id.clone();
                self.decline(visit, &seat);
                self.give(n, seat::released(now, &self.seats[n], &id).expect("it is reserved"));
            }
            _ if may_start(now, &self.visits[visit], &self.programme, &self.calendar).is_ok() => {
                let call = self.call();
                self.seats[n] = seat::dialled(now, &self.seats[n], &id, call.clone()).expect("he looks at it");
                self.ring(n, visit, call);
            }
            _ => {}
        }
    }

    fn call(&mut self) -> CallId {
        self.calls += 1;
        CallId::new(format!("c{}", self.calls))
    }

    fn ring(&mut self, seat: usize, visit: usize, call: CallId) {
        self.assert_may_be_called(visit);
        self.visits[visit] = claim(self.now, &self.visits[visit], call.clone()).expect("it waits");
        self.live.insert(self.calls, Live { seat, visit, call });
        self.later(1, 60, Event::Rung(self.calls));
    }

    /// The rules again, in the plainest words: not those of the planner.
    fn assert_may_be_called(&self, i: usize) {
        let visit = &self.visits[i];
        let VisitState::Waiting { reason, .. } = &visit.state else { panic!("dials {visit:?}") };
        let local = self.now.to_zoned(self.calendar.tz().clone());
        assert!((8..20).contains(&local.hour()), "A13: a call at {local}");
        // The customer named the time; and an agent may look at the order until the office has closed.
        let named = matches!(reason, WaitReason::Appointment { .. });
        let open = (8..12).contains(&local.hour()) || (13..18).contains(&local.hour());
        let looked = self.setup.dial == AgentDial::Preview && matches!(local.hour(), 12 | 18) && local.minute() <= 1;
        assert!(open || named || looked, "outside working hours: {local}: {visit:?}");
        if let Some((ended, outcome, conversation)) = self.last.get(&i).filter(|_| !named) {
            let (waited, least) = (self.now.duration_since(*ended), spacing_min(*outcome, conversation.as_ref()));
            assert!(waited >= least, "redialled after {waited:#}, inside the spacing of {least:#}: {visit:?}");
        }
    }

    fn rung(&mut self, n: usize) {
        let Some(live) = self.live.get(&n) else { return };
        let (seat, call) = (live.seat, live.call.clone());
        if self.dice.chance(65) {
            self.seen.talks += 1;
            self.seats[seat] = seat::answered(self.now, &self.seats[seat], &call).expect("reserved for it");
            return self.later(5, 240, Event::Ends(n));
        }
        let outcome = *self.dice.pick(&[Outcome::Busy, Outcome::NoAnswer, Outcome::Declined, Outcome::TrunkFailure]);
        let live = self.hang_up(&call);
        self.over(&live, outcome, None, None);
        let id = self.visits[live.visit].id.clone();
        self.give(seat, seat::released(self.now, &self.seats[seat], &id).expect("reserved for it"));
    }

    fn ends(&mut self, n: usize) {
        let Some(live) = self.live.remove(&n) else { return };
        let outcome = if self.dice.chance(30) { Outcome::HungUp } else { Outcome::Answered };
        let result = if self.dice.chance(50) { Some(self.result()) } else { None };
        let next = seat::call_over(self.now, &self.seats[live.seat], &live.call, WRAP_UP).expect("in this call");
        let SeatState::WrapUp { until, .. } = next.state else { panic!("no wrap-up: {next:?}") };
        self.seats[live.seat] = next;
        self.ended.insert(live.call.clone(), outcome);
        self.over(&live, outcome, result, Some(until));
        self.live.insert(n, live);
        self.later(5, 150, Event::Written(n));
    }

    fn written(&mut self, n: usize) {
        let Some(live) = self.live.remove(&n) else { return };
        let end = self.result();
        let Ok(next) = seat::wrapped_up(self.now, &self.seats[live.seat], &live.call) else { return };
        self.seats[live.seat] = next;
        if let Some((_, _, conversation)) = self.last.get_mut(&live.visit) {
            *conversation = Some(end.clone());
        }
        let (visit, p, c) = (&self.visits[live.visit], &self.programme, &self.calendar);
        let outcome = self.ended[&live.call];
        self.visits[live.visit] = after_wrap_up(self.now, visit, &live.call, outcome, Some(&end), p, c);
    }

    fn result(&mut self) -> ConversationEnd {
        let at = Some(self.now + SignedDuration::from_mins(self.dice.between(1, 300)));
        match self.dice.below(8) {
            0 => ConversationEnd::Refused,
            1 => ConversationEnd::OptedOut { scope: ScopeName::Visit },
            2 => ConversationEnd::Callback { said: None, at },
            3 => ConversationEnd::NotInformed,
            _ => ConversationEnd::Completed,
        }
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            visits: &self.visits,
            same: &self.same,
            programmes: &self.programmes,
            calendar: &self.calendar,
            mode: DialMode::Agent,
            capacity: Capacity { voice_free: 10, reserve_idle_seats: self.setup.reserve },
            seats: &self.seats,
            wants: &self.wants,
            gate: Gate { trunk: self.trunk.clone(), ..Gate::open(0) },
        }
    }

    fn plan_and_do(&mut self) {
        let plan = plan(self.now, &self.situation());
        for (id, cause) in &plan.late {
            assert!(!cause.is_empty());
            let i = self.index(id);
            self.visits[i] = mark_late(&self.visits[i], cause);
        }
        for (id, cause) in &plan.escalate {
            let i = self.index(id);
            self.visits[i] = mark_escalated(self.now, &self.visits[i], cause);
        }
        for (_, call) in &plan.results_due {
            self.seen.settled_by_plan += 1;
            self.no_result(call);
        }
        for id in &plan.dial {
            let i = self.index(id);
            self.dial(i);
        }
        self.check();
        assert!(plan.next_wakeup.is_none_or(|t| t > self.now), "a plan wakes itself at now");
        self.wakeup = plan.next_wakeup;
    }

    fn idle(&self) -> usize {
        let idle = |seat: &&Seat| seat.state == SeatState::Available && seat.lease_until > Some(self.now);
        self.seats.iter().filter(idle).count()
    }

    fn dial(&mut self, visit: usize) {
        assert_eq!(self.trunk, UP, "dials on a dead trunk");
        let (now, id, idle) = (self.now, self.visits[visit].id.clone(), self.idle());
        let wanted = &self.wants[&id];
        let chosen = seat::choose(now, &self.seats, wanted, self.setup.reserve).expect("the plan has counted").clone();
        assert!(!wanted.declined.contains(&chosen.id), "offered again to who declined it");
        assert!(wanted.language.as_ref().is_none_or(|wanted| chosen.skills.languages.contains(wanted)), "no skill");
        assert!(idle > self.setup.reserve as usize, "B01: {idle} idle seats");
        let n = self.seats.iter().position(|seat| seat.id == chosen.id).expect("one of ours");
        match self.setup.dial {
            AgentDial::Progressive => {
                let call = self.call();
                let reserved = seat::reserve(now, &chosen, id, Some(call.clone()), false, None);
                self.seats[n] = reserved.expect("it is idle");
                self.ring(n, visit, call);
            }
            AgentDial::Preview => {
                let until = now.checked_add(self.programme.preview).expect("a minute");
                self.seats[n] = seat::reserve(now, &chosen, id, None, true, Some(until)).expect("it is idle");
                self.later(2, 70, Event::Decide(n, visit));
            }
        }
        assert!(self.idle() >= self.setup.reserve as usize, "B01: the last idle seat was taken");
    }

    fn check(&mut self) {
        let mut held = BTreeSet::new();
        for seat in &self.seats {
            let Some(id) = seat.state.visit().filter(|id| seat.state.holds(id)) else { continue };
            assert!(held.insert(id.clone()), "held twice: {id}");
            let visit = &self.visits[self.index(id)];
            let calling = matches!(&visit.state, VisitState::Calling { call, .. } if seat.state.call() == Some(call));
            assert!(calling || seat.state.call().is_none(), "{seat:?} is in a call that does not hold {visit:?}");
        }
        for visit in &self.visits {
            if let VisitState::Waiting { .. } = &visit.state {
                let now = self.now;
                assert!(now <= visit.due_at || visit.late_cause.is_some(), "late without a cause: {visit:?}");
                assert!(now <= visit.deadline_at || visit.escalated_at.is_some(), "overdue, not escalated: {visit:?}");
            }
            if let VisitState::Calling { call, .. } = &visit.state {
                let served = self.seats.iter().any(|seat| seat.state.call() == Some(call));
                assert!(served, "called for nobody: {visit:?}");
            }
        }
        let situation = self.situation();
        let mut codes = vec![];
        // The sentence looks at every visit: four in turn are enough over a thousand steps.
        let waiting: Vec<&Visit> =
            self.visits.iter().filter(|visit| matches!(visit.state, VisitState::Waiting { .. })).collect();
        for visit in waiting.iter().cycle().skip(4 * self.steps % waiting.len().max(1)).take(4.min(waiting.len())) {
            let why = why(self.now, visit, &situation);
            assert!(!why.text_zh.is_empty(), "no reason for {visit:?}");
            assert!(why.code != WhyCode::Ready, "nothing holds it and it is not dialled: {visit:?}");
            codes.push(format!("{:?}", why.code));
        }
        self.seen.codes.extend(codes);
    }

    /// In the evening, when everybody has gone home.
    pub fn assert_nobody_is_stuck(&self) {
        for seat in &self.seats {
            assert_eq!((&seat.state, seat.lease_until), (&SeatState::SignedOut, None), "stuck");
        }
        for visit in &self.visits {
            let VisitState::Waiting { reason, .. } = &visit.state else {
                assert!(visit.state.is_over(), "held by a call that is gone: {visit:?}");
                continue;
            };
            assert!(!matches!(reason, WaitReason::WrapUp { .. }), "its agent has gone home: {visit:?}");
        }
    }
}
