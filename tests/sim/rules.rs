//! The shipped programmes against RULES A and B, on simulated time: what is reported of an order becomes visits, the planner is asked
//! whenever it wants to be, and every call ends at once as the test says.

mod coverage;
mod shipped;
mod timing;

use huifang::domain::calendar::{Calendar, SiteHours};
use huifang::domain::call::outcome::{ConversationEnd, Outcome};
use huifang::domain::id::{CallId, OrderNo, SeatId, VisitId};
use huifang::domain::order::{Claims, Customer, Order, ServiceType};
use huifang::domain::phone::Phone;
use huifang::domain::programme::{DialMode, Programme, Programmes, Trigger};
use huifang::domain::seat::{Seat, SeatPhone, Skills, sign_in};
use huifang::domain::visit::customer::SameCustomer;
use huifang::domain::visit::plan::{Capacity, Gate, Plan, Situation, plan, why};
use huifang::domain::visit::task::{
    CallResult, Start, Visit, VisitState, after_call, begin, claim, mark_escalated, mark_late,
};
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::Path;

/// More plans than this for a handful of visits is a planner that wakes itself for nothing.
const PLANS_MAX: usize = 2_000;

/// How a call ends.
type End = (Outcome, Option<ConversationEnd>);

fn completed() -> End {
    (Outcome::Answered, Some(ConversationEnd::Completed))
}

fn no_answer() -> End {
    (Outcome::NoAnswer, None)
}

/// Local time of the office; 23 November 2026 is a Monday.
fn at(local: &str) -> Timestamp {
    format!("{local}+08:00").parse().unwrap()
}

fn shipped(name: &str) -> Programme {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("programmes/{name}.toml"));
    Programme::parse(&format!("{name}.toml"), &std::fs::read_to_string(path).unwrap()).unwrap()
}

fn order(no: &str, class: &str) -> Order {
    Order {
        no: OrderNo::new(no),
        service_type: ServiceType::Maintenance,
        customer: Customer { name: None, title: None, phone: Phone::parse("13800138000").unwrap() },
        claims: Claims { customer_class: Some(class.into()), ..Claims::default() },
    }
}

struct Office {
    calendar: Calendar,
    programmes: Programmes,
    seats: Vec<Seat>,
    same: SameCustomer,
    visits: Vec<Visit>,
    now: Timestamp,
    /// Which visit was called when.
    calls: Vec<(usize, Timestamp)>,
    lines: u32,
}

impl Office {
    /// All that is shipped, open Monday to Friday, three agents at their seats.
    fn new(now: &str) -> Self {
        let work_hours = ["08:00-12:00", "13:00-18:00"].map(String::from).into();
        let hours = SiteHours { timezone: "Asia/Shanghai".into(), work_hours, holidays: "cn".into() };
        let calendar = Calendar::new(&hours).unwrap();
        let names = [
            "excavator",
            "dealer",
            "phone-advice",
            "untested-repair",
            "service-tracking",
            "customer-care",
            "power-equipment",
            "ev-spot-check",
            "promise",
        ];
        let programmes = Programmes::new(names.map(shipped).into(), &calendar).unwrap();
        let seated = |id: &str| {
            let seat = Seat::new(SeatId::new(id), SeatPhone::Browser, Skills::default(), at(now));
            sign_in(at(now), &seat, at("2036-01-01T00:00")).unwrap()
        };
        Self {
            calendar,
            programmes,
            seats: ["a", "b", "c"].map(seated).into(),
            same: SameCustomer::default(),
            visits: vec![],
            now: at(now),
            calls: vec![],
            lines: 10,
        }
    }

    fn programme(&self, name: &str) -> &Programme {
        self.programmes.get(name).unwrap()
    }

    /// `trigger` happened now to an order of `programme`: its visits by their place.
    fn report(&mut self, programme: &str, trigger: Trigger) -> Vec<usize> {
        self.report_of(programme, trigger, &order("SO-1", ""))
    }

    fn report_of(&mut self, programme: &str, trigger: Trigger, order: &Order) -> Vec<usize> {
        let from = self.visits.len();
        let programme = self.programmes.get(programme).unwrap();
        for stage in programme.stages_by(trigger) {
            let start = Start {
                id: VisitId::new(format!("v{}", self.visits.len())),
                order_no: order.no.clone(),
                programme,
                stage,
                trigger,
                branch: None,
                on_site: programme.selection.is_on_site(order),
            };
            self.visits.push(begin(self.now, self.now, start, &self.calendar));
        }
        (from..self.visits.len()).collect()
    }

    fn situation(&self) -> Situation<'_> {
        static NOBODY_ASKS: std::sync::LazyLock<HashMap<VisitId, huifang::domain::seat::Wanted>> =
            std::sync::LazyLock::new(HashMap::new);
        Situation {
            visits: &self.visits,
            same: &self.same,
            programmes: &self.programmes,
            calendar: &self.calendar,
            mode: DialMode::Voice,
            capacity: Capacity { voice_free: 10, reserve_idle_seats: 1 },
            seats: &self.seats,
            wants: &NOBODY_ASKS,
            gate: Gate::open(self.lines),
        }
    }

    fn plan(&self) -> Plan {
        plan(self.now, &self.situation())
    }

    fn why(&self, visit: usize) -> String {
        why(self.now, &self.visits[visit], &self.situation()).text_zh
    }

    /// Until `end`; every call ends at once as `customer` says of the visit and its attempt.
    fn run(&mut self, end: &str, customer: impl Fn(&Visit) -> End) {
        let end = at(end);
        for _ in 0..PLANS_MAX {
            let decided = self.plan();
            self.mark(&decided);
            for id in &decided.dial {
                let place = self.visits.iter().position(|visit| visit.id == *id).unwrap();
                let call = CallId::new(format!("c{}", self.calls.len()));
                let held = claim(self.now, &self.visits[place], call.clone()).unwrap();
                let (outcome, conversation) = customer(&held);
                let result = CallResult { call, outcome, conversation, next_trunk: None };
                let programme = self.programmes.get(&held.programme).unwrap();
                self.visits[place] = after_call(self.now, &held, &result, programme, &self.calendar);
                self.calls.push((place, self.now));
            }
            if !decided.dial.is_empty() {
                continue;
            }
            match decided.next_wakeup {
                Some(next) if next <= end => self.now = next,
                Some(_) | None => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("the planner does not come to rest");
    }

    fn mark(&mut self, decided: &Plan) {
        for visit in &mut self.visits {
            if let Some((_, cause)) = decided.late.iter().find(|(id, _)| *id == visit.id) {
                *visit = mark_late(visit, cause);
            }
            if let Some((_, cause)) = decided.escalate.iter().find(|(id, _)| *id == visit.id) {
                *visit = mark_escalated(self.now, visit, cause);
            }
        }
    }

    /// When a visit was called, in local time.
    fn called(&self, visit: usize) -> Vec<String> {
        let calls = self.calls.iter().filter(|(place, _)| *place == visit);
        calls.map(|(_, at)| at.to_zoned(self.calendar.tz().clone()).strftime("%Y-%m-%d %H:%M").to_string()).collect()
    }

    fn is_open(&self, visit: usize) -> bool {
        matches!(self.visits[visit].state, VisitState::Waiting { .. })
    }
}
