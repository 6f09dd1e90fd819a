//! The planner at 10⁵ open visits, its growth from 10³ to 10⁶, whole simulated days, and the questions that are asked of the calendar.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use huifang::clock::monotonic;
use huifang::domain::calendar::{Calendar, SiteHours};
use huifang::domain::call::outcome::Outcome;
use huifang::domain::id::{CallId, OrderNo, SeatId, VisitId};
use huifang::domain::order::ServiceType;
use huifang::domain::programme::{DialMode, Programme, Programmes};
use huifang::domain::seat::{Seat, SeatPhone, Skills, Wanted, sign_in};
use huifang::domain::simulate::{Assumptions, Completion, Scene, run};
use huifang::domain::visit::customer::SameCustomer;
use huifang::domain::visit::plan::{Capacity, Disk, Gate, Situation, TrunkState, plan, why};
use huifang::domain::visit::task::{CallResult, Visit, accept, after_call, claim};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

const VISITS: usize = 100_000;
/// A site's day, a large one's, and what nobody has.
const GROWTH: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Completions of a simulated working day.
const PER_DAY: usize = 5_000;

struct Site {
    calendar: Calendar,
    programme: Programme,
    programmes: Programmes,
    same: SameCustomer,
    wants: HashMap<VisitId, Wanted>,
}

impl Site {
    /// Unattended calls, with everything free.
    fn situation<'a>(&'a self, visits: &'a [Visit]) -> Situation<'a> {
        Situation {
            visits,
            same: &self.same,
            programmes: &self.programmes,
            calendar: &self.calendar,
            mode: DialMode::Voice,
            capacity: Capacity { voice_free: 30, reserve_idle_seats: 1 },
            seats: &[],
            wants: &self.wants,
            gate: Gate { dialling_enabled: true, disk: Disk::Ok, trunk: TrunkState::Ready { free_lines: 30 } },
        }
    }
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
    Site { calendar, programme, programmes, same: SameCustomer::default(), wants: HashMap::new() }
}

/// SMS of a quarter of an hour: every third visit has been called once.
fn visits(site: &Site, start: Timestamp, n: usize) -> Vec<Visit> {
    (0..n)
        .map(|i| {
            let t = start + SignedDuration::from_micros(i64::try_from(i * 1_000_000_000 / n).expect("small"));
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
    let visits = visits(&site, start, VISITS);
    let situation = site.situation(&visits);
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

/// Visits and time grow alike: beside each figure criterion shows visits a second, and the ratio to the size before is printed.
fn growth(c: &mut Criterion) {
    let site = site();
    let start: Timestamp = "2026-11-23T08:00+08:00".parse().expect("an instant");
    let mut group = c.benchmark_group("plan growth");
    group.sample_size(10).measurement_time(Duration::from_secs(4)).warm_up_time(Duration::from_secs(1));
    let mut before = None;
    for n in GROWTH {
        let visits = visits(&site, start, n);
        let situation = site.situation(&visits);
        let now = start + SignedDuration::from_mins(25);
        group.throughput(Throughput::Elements(u64::try_from(n).expect("small")));
        group.bench_with_input(BenchmarkId::from_parameter(n), &situation, |b, situation| {
            b.iter(|| plan(black_box(now), situation));
        });
        before = Some(tell("plan", n, before, || drop(plan(black_box(now), &situation))));
    }
    group.finish();
    let mut before = None;
    for (n, seats) in GROWTH.into_iter().flat_map(|n| [(n, 40), (n, 6)]) {
        let completions = working_days(n, start);
        let assume = Assumptions::default();
        let (programme, calendar) = (&site.programme, &site.calendar);
        let scene = Scene { programme, calendar, completions: &completions, seats, reserve: 1, assume };
        let few = seats < 40;
        let took = tell(if few { "days, too few seats" } else { "days" }, n, before.filter(|_| !few), || {
            drop(run(black_box(&scene)));
        });
        before = if few { before } else { Some(took) };
    }
}

/// Prints how long it took, and how many times as long as the size before.
fn tell(what: &str, n: usize, before: Option<Duration>, work: impl FnOnce()) -> Duration {
    let begun = monotonic();
    work();
    let took = begun.elapsed();
    let ratio = before.map(|before| format!(", {:.1} times the one before", took.as_secs_f64() / before.as_secs_f64()));
    println!("{what}: {n} visits in {:.4} s{}", took.as_secs_f64(), ratio.unwrap_or_default());
    took
}

/// Completions from 08:00 to 18:00, every day alike; on free days they wait for the next opening.
fn working_days(n: usize, start: Timestamp) -> Vec<Completion> {
    let second = |i: usize| i / PER_DAY * 86_400 + i % PER_DAY * 36_000 / PER_DAY;
    let at = |i: usize| start + SignedDuration::from_secs(i64::try_from(second(i)).expect("small"));
    (0..n).map(|i| Completion { order_no: OrderNo::new(format!("SO-{i}")), at: at(i) }).collect()
}

criterion_group!(benches, planner, growth);
criterion_main!(benches);
