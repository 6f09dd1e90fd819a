//! The planner at 10⁵ open visits, and the questions it asks of the calendar.

use criterion::{Criterion, criterion_group, criterion_main};
use huifang::domain::calendar::{Calendar, SiteHours};
use huifang::domain::call::outcome::Outcome;
use huifang::domain::id::{CallId, OrderNo, SeatId, VisitId};
use huifang::domain::order::ServiceType;
use huifang::domain::programme::{DialMode, Programme, Programmes};
use huifang::domain::seat::{Seat, SeatPhone, Skills, Wanted, sign_in};
use huifang::domain::visit::customer::SameCustomer;
use huifang::domain::visit::plan::{Capacity, Disk, Gate, Situation, TrunkState, plan, why};
use huifang::domain::visit::task::{CallResult, Visit, accept, after_call, claim};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

const VISITS: usize = 100_000;

struct Site {
    calendar: Calendar,
    programme: Programme,
    programmes: Programmes,
}

fn site() -> Site {
    let hours = SiteHours {
        timezone: "Asia/Shanghai".into(),
        work_hours: vec!["08:00-12:00".into(), "13:00-18:00".into()],
        holidays: "cn".into(),
    };
    let calendar = Calendar::new(&hours).expect("a valid site");
    let text = include_str!("../programmes/excavator.toml");
    let programme = Programme::parse("excavator.toml", text).expect("the shipped programme");
    let programmes = Programmes::new(vec![programme.clone()], &calendar).expect("one programme");
    Site { calendar, programme, programmes }
}

/// SMS of a quarter of an hour: every third visit has been called once.
fn visits(site: &Site, start: Timestamp) -> Vec<Visit> {
    (0..VISITS)
        .map(|i| {
            let t = start + SignedDuration::from_millis(i64::try_from(i).expect("small") * 10);
            let (order, id) = (OrderNo::new(format!("FL{i}")), VisitId::new(format!("v{i:06}")));
            let visit = accept(t, t, order, &site.programme, &site.calendar, id);
            if i % 3 != 0 {
                return visit;
            }
            let call = CallId::new(format!("c{i}"));
            let held = claim(t, &visit, call.clone()).expect("it waits");
            let result = CallResult { call, outcome: Outcome::NoAnswer, conversation: None, next_trunk: None };
            after_call(t, &held, &result, &site.programme, &site.calendar)
        })
        .collect()
}

fn idle_seat(n: usize, now: Timestamp) -> Seat {
    let skills = Skills { languages: vec!["普通话".into()], ..Skills::default() };
    let seat = Seat::new(SeatId::new(format!("s{n:02}")), SeatPhone::Browser, skills, now);
    sign_in(now, &seat, now + SignedDuration::from_secs(15)).expect("it was signed out")
}

fn planner(c: &mut Criterion) {
    let site = site();
    let start: Timestamp = "2026-11-23T08:00+08:00".parse().expect("an instant");
    let visits = visits(&site, start);
    let same = SameCustomer::default();
    let wants = HashMap::new();
    let situation = Situation {
        visits: &visits,
        same: &same,
        programmes: &site.programmes,
        calendar: &site.calendar,
        mode: DialMode::Voice,
        capacity: Capacity { voice_free: 30, reserve_idle_seats: 1 },
        seats: &[],
        wants: &wants,
        gate: Gate { dialling_enabled: true, disk: Disk::Ok, trunk: TrunkState::Ready { free_lines: 30 } },
    };
    let mut group = c.benchmark_group("plan");
    group.sample_size(20).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    let early = start + SignedDuration::from_mins(25);
    group.bench_function("100k visits, two thirds ready", |b| b.iter(|| plan(black_box(early), &situation)));
    let late = start + SignedDuration::from_mins(150);
    group.bench_function("100k visits, all late and unmarked", |b| b.iter(|| plan(black_box(late), &situation)));
    let night = start + SignedDuration::from_hours(13);
    let quiet = Situation { visits: &visits[..1000], ..situation.clone() };
    group.bench_function("1000 visits at night", |b| b.iter(|| plan(black_box(night), &quiet)));
    // Nine in ten ask for a language that nobody idle speaks: all of them are looked at and passed over.
    let asks = |n: usize| Wanted {
        service: ServiceType::Maintenance,
        language: Some(if n % 10 == 9 { "普通话" } else { "粤语" }.into()),
        dealer: None,
        declined: vec![],
    };
    let asked: HashMap<VisitId, Wanted> =
        visits.iter().enumerate().map(|(n, visit)| (visit.id.clone(), asks(n))).collect();
    let seats: Vec<Seat> = (0..50).map(|n| idle_seat(n, early)).collect();
    let agents = Situation { mode: DialMode::Agent, wants: &asked, seats: &seats, ..situation.clone() };
    group.bench_function("100k visits for 50 seats, nine in ten passed over", |b| {
        b.iter(|| plan(black_box(early), &agents))
    });
    group.bench_function("why, 100k visits", |b| b.iter(|| why(black_box(early), &visits[VISITS / 10], &situation)));
    group.finish();
    c.bench_function("calendar add_working 3 h over a weekend", |b| {
        let friday: Timestamp = "2026-11-20T17:00+08:00".parse().expect("an instant");
        b.iter(|| site.calendar.add_working(black_box(friday), Duration::from_secs(3 * 3600)));
    });
}

criterion_group!(benches, planner);
criterion_main!(benches);
