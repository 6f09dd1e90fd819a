//! A month of a handful of visits, with every figure computed by hand.

use super::*;
use crate::domain::calendar::{Calendar, SiteHours};
use crate::domain::call::outcome::{ConversationEnd, Outcome};
use crate::domain::complaint::{self, CloseCause as ComplaintEnd, Grade, New, Policy, Rules, Solution, Source, State};
use crate::domain::id::{CallId, ComplaintId, OrderNo, SeatId, VisitId};
use crate::domain::order::{Claims, Customer, Order, ServiceType};
use crate::domain::phone::Phone;
use crate::domain::programme::selection::CustomerClass;
use crate::domain::review::ReviewState;
use crate::domain::score::Level;
use crate::domain::visit::task::{CloseCause, Origin, Visit, VisitState, WaitReason};
use jiff::SignedDuration;

/// Local time of the site; 23 November 2026 is a Monday.
fn at(local: &str) -> Timestamp {
    format!("{local}+08:00").parse().unwrap()
}

fn month(text: &str) -> Month {
    Month::parse(text).unwrap()
}

/// A visit reported at `start`, due half an hour later.
fn visit(no: &str, programme: &str, start: &str) -> Visit {
    let start = at(start);
    Visit {
        id: VisitId::new(format!("v-{no}")),
        order_no: OrderNo::new(no),
        programme: programme.into(),
        origin: Origin::default(),
        sms_at: start,
        clock_starts_at: start,
        due_at: start + SignedDuration::from_mins(30),
        deadline_at: start + SignedDuration::from_hours(3),
        attempts: 0,
        first_attempt_at: None,
        escalated_at: None,
        late_cause: None,
        tries: BTreeMap::new(),
        redial_guard: None,
        caller_id: None,
        declined: vec![],
        state: VisitState::Waiting { not_before: start, reason: WaitReason::New },
        version: 1,
    }
}

/// What one row of a test says of a visit.
#[derive(Clone, Copy)]
struct Told {
    no: &'static str,
    programme: &'static str,
    engineer: Option<&'static str>,
    dealer: Option<&'static str>,
    /// First call, minutes after the start.
    called: Option<i64>,
    end: End,
    /// 0 is no level.
    levels: [u8; 5],
    seat: Option<&'static str>,
    differs: Option<u32>,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Completed,
    Refused,
    Open,
}

const PLAIN: Told = Told {
    no: "SO",
    programme: "excavator",
    engineer: Some("李强"),
    dealer: Some("福田"),
    called: Some(10),
    end: End::Completed,
    levels: [5, 5, 4, 4, 5],
    seat: None,
    differs: Some(0),
};

const START: &str = "2026-11-23T09:00";

fn entry(n: u32, told: Told) -> Entry {
    let mut visit = visit(told.no, told.programme, START);
    let mut calls = vec![];
    if let Some(minutes) = told.called {
        let claimed_at = at(START) + SignedDuration::from_mins(minutes);
        visit.attempts = 1;
        visit.first_attempt_at = Some(claimed_at);
        let levels = told.levels.map(Level::new);
        let judged = Judged {
            levels,
            words: told.levels.map(|level| if level == 0 { String::new() } else { format!("原话{level}") }),
            alarms: if told.levels.contains(&1) { vec!["退机".into()] } else { vec![] },
            corrected: false,
        };
        calls.push(CallLine {
            id: CallId::new(format!("c-{}", told.no)),
            visit: visit.id.clone(),
            attempt: 1,
            seat: told.seat.map(SeatId::new),
            claimed_at,
            answered_at: Some(claimed_at + SignedDuration::from_secs(10)),
            ended_at: Some(claimed_at + SignedDuration::from_secs(100)),
            outcome: Some(Outcome::Answered),
            conversation: Some(ConversationEnd::Completed),
            judged: (told.levels != [0; 5]).then_some(judged),
            review: None,
            truth_differs: told.differs,
            red: told.differs.unwrap_or_default(),
            amber: 0,
        });
    }
    let over = at("2026-11-23T10:00");
    visit.state = match told.end {
        End::Completed => VisitState::Completed { call: CallId::new(format!("c-{}", told.no)), at: over },
        End::Refused => VisitState::Closed { cause: CloseCause::Refused, at: over },
        End::Open => visit.state,
    };
    let order = Order {
        no: OrderNo::new(told.no),
        service_type: ServiceType::Maintenance,
        customer: Customer { name: Some("王".into()), title: None, phone: Phone::parse("13812345678").unwrap() },
        claims: Claims {
            engineer: told.engineer.map(String::from),
            dealer: told.dealer.map(String::from),
            ..Claims::default()
        },
    };
    Entry { month: month("2026-11"), n, visit, order, calls }
}

/// Six visits of a Monday; the last is late and was never called.
fn entries() -> Vec<Entry> {
    let told = [
        Told { no: "SO-1", seat: Some("agent-1"), ..PLAIN },
        Told { no: "SO-2", levels: [4, 4, 4, 0, 4], called: Some(40), ..PLAIN },
        Told {
            no: "SO-3",
            levels: [2, 1, 3, 3, 2],
            engineer: Some("王伟"),
            differs: Some(2),
            seat: Some("agent-1"),
            ..PLAIN
        },
        Told { no: "SO-4", levels: [0; 5], end: End::Refused, differs: None, dealer: None, ..PLAIN },
        Told { no: "SO-5", programme: "dealer", engineer: None, differs: None, ..PLAIN },
        Told { no: "SO-6", called: None, end: End::Open, engineer: None, ..PLAIN },
    ];
    let mut entries: Vec<Entry> = (1..).zip(told).map(|(n, told)| entry(n, told)).collect();
    entries[1].visit.late_cause = Some("坐席全忙".into());
    entries
}

fn book(entries: Vec<Entry>) -> Book {
    let facts = |title: &str, share_percent| ProgrammeFacts { title: title.into(), share_percent };
    Book {
        period: Period::month(month("2026-11")),
        now: at("2026-11-23T18:00"),
        entries,
        chosen: vec![],
        complaints: vec![],
        heard: vec![],
        works: vec![],
        programmes: [("excavator", facts("挖掘机", 100)), ("service-tracking", facts("服务跟踪", 30))]
            .map(|(name, facts)| (name.to_owned(), facts))
            .into(),
    }
}

/// A cell as a test writes it.
fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Empty => "-".into(),
        Cell::Text(text) => text.clone(),
        Cell::Count(n) => n.to_string(),
        Cell::Number(value) => format!("{value:.2}"),
        Cell::Share(value) => format!("{:.1}%", value * 100.0),
        Cell::Instant(at) => at.to_string(),
        Cell::Phone(phone) => phone.masked(),
        Cell::Day(day) => day.to_string(),
    }
}

/// The cells of these columns, row by row.
#[track_caller]
fn cells(report: &Report, section: &str, keys: &[&str]) -> Vec<String> {
    let table = report.sections.iter().find(|table| table.name == section).unwrap_or_else(|| panic!("no {section}"));
    let place = |key: &&str| table.columns.iter().position(|c| c.key == *key).unwrap_or_else(|| panic!("no {key}"));
    let places: Vec<usize> = keys.iter().map(place).collect();
    table.rows.iter().map(|row| places.iter().map(|p| shown(&row[*p])).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn every_row_is_as_wide_as_its_head_and_every_cell_fits_its_column() {
    let mut book = book(entries());
    book.chosen = vec![chosen("SO-1", Choice::Everybody, Some(entries()[0].visit.clone()))];
    book.heard = heard_for("SO-1", "希望便宜点", None, "做过");
    for name in Name::ALL {
        let report = draw_up(name, &book);
        assert!(!report.sections.is_empty(), "{name:?}");
        for table in &report.sections {
            let keys: std::collections::BTreeSet<_> = table.columns.iter().map(|column| column.key).collect();
            assert_eq!(keys.len(), table.columns.len(), "{name:?} {}: keys differ", table.name);
            assert!((1..=31).contains(&table.title.chars().count()), "{}: a sheet's name", table.title);
            for row in &table.rows {
                assert_eq!(row.len(), table.columns.len(), "{name:?} {}", table.name);
                for (cell, column) in row.iter().zip(table.columns) {
                    assert!(cell.fits(column.kind), "{name:?} {} {}: {cell:?}", table.name, column.key);
                }
            }
        }
        assert_eq!(Name::parse(name.name()), Some(name));
    }
}

#[test]
fn g11_the_ledger_has_one_row_for_every_visit_with_its_number() {
    let report = draw_up(Name::Ledger, &book(entries()));
    let keys =
        ["number", "order_no", "programme", "attempts", "state", "why_not", "skill", "index", "late_cause", "scored"];
    assert_eq!(
        cells(&report, "ledger", &keys),
        [
            "202611-0001 SO-1 挖掘机 1 已完成 - 5.00 4.60 - 机器评分",
            "202611-0002 SO-2 挖掘机 1 已完成 - 4.00 - 坐席全忙 机器评分",
            "202611-0003 SO-3 挖掘机 1 已完成 - 2.00 2.20 - 机器评分",
            "202611-0004 SO-4 挖掘机 1 已关闭 客户不愿接受回访 - - - 未评分",
            "202611-0005 SO-5 dealer 1 已完成 - 5.00 4.60 - 机器评分",
            "202611-0006 SO-6 挖掘机 0 待回访 尚未呼叫 - - - 未评分",
        ]
    );
    assert_eq!(cells(&report, "ledger", &["talk_s", "alarms"])[2], "90.00 退机");
}

#[test]
fn g16_the_ledger_says_where_the_review_of_every_call_stands_and_who_has_it() {
    let by = || ("王质检".to_owned(), at("2026-11-24T10:00"));
    let claimed = by();
    let reviewed = by();
    let states = [
        Some((false, ReviewState::Waiting)),
        Some((true, ReviewState::Waiting)),
        Some((true, ReviewState::Claimed { by: claimed.0, at: claimed.1 })),
        None,
        Some((false, ReviewState::Reviewed { by: reviewed.0, at: reviewed.1 })),
    ];
    let mut entries = entries();
    for (entry, state) in entries.iter_mut().zip(states) {
        for call in &mut entry.calls {
            call.review = state.clone().map(|(due, state)| ReviewLine { due, state });
        }
    }
    let report = draw_up(Name::Ledger, &book(entries));
    let want = ["不需审核 -", "待审核 -", "审核中 王质检", "- -", "已审核 王质检", "- -"];
    assert_eq!(cells(&report, "ledger", &["review", "reviewer"]), want);
}

#[test]
fn g06_the_visit_report_counts_by_programme_and_names_every_late_visit() {
    let report = draw_up(Name::Visits, &book(entries()));
    let keys = [
        "programme",
        "due",
        "completed",
        "completed_share",
        "closed",
        "open",
        "on_time",
        "late",
        "on_time_share",
        "answered",
        "index",
    ];
    assert_eq!(
        cells(&report, "summary", &keys),
        [
            "dealer 1 1 100.0% 0 0 1 0 100.0% 1 4.60",
            // SO-1, 3 and 4 in time, SO-2 at 40 minutes and SO-6 never; (4.6 + 2.2) / 2.
            "挖掘机 5 3 60.0% 1 1 3 2 60.0% 4 3.40",
            // (4.6 + 2.2 + 4.6) / 3
            "合计 6 4 66.7% 1 1 4 2 66.7% 5 3.80",
        ]
    );
    assert_eq!(
        cells(&report, "ends", &["end", "visits", "share"]),
        ["已完成 4 66.7%", "客户不愿接受回访 1 16.7%", "待回访 1 16.7%"]
    );
    // 09:40 is ten minutes after 09:30; the other waits until 18:00.
    assert_eq!(
        cells(&report, "late", &["number", "late_min", "cause"]),
        ["202611-0002 10.00 坐席全忙", "202611-0006 510.00 尚未呼叫"]
    );
}

#[test]
fn nothing_is_late_before_its_time_and_a_share_of_nothing_is_empty() {
    let mut early = book(vec![entry(1, Told { called: None, end: End::Open, ..PLAIN })]);
    early.now = at("2026-11-23T09:30");
    let report = draw_up(Name::Visits, &early);
    assert_eq!(cells(&report, "summary", &["due", "on_time", "late", "on_time_share", "index"])[0], "1 0 0 - -");
    assert_eq!(cells(&report, "late", &["number"]), Vec::<String>::new());
    let empty = draw_up(Name::Visits, &book(vec![]));
    assert_eq!(cells(&empty, "summary", &["programme", "due", "completed_share"]), ["合计 0 -"]);
}

fn chosen(no: &str, choice: Choice, visit: Option<Visit>) -> Chosen {
    Chosen {
        order_no: OrderNo::new(no),
        programme: "service-tracking".into(),
        stage: "first".into(),
        at: at(START),
        dealer: "福田".into(),
        choice,
        visit,
    }
}

#[test]
fn b04_b05_coverage_is_told_by_class_against_its_target_with_everybody_who_was_missed() {
    let made = |no: &'static str, end: End| Some(entry(1, Told { no, end, ..PLAIN }).visit);
    let vip = Choice::Class(CustomerClass::Vip);
    let mut book = book(vec![]);
    book.chosen = vec![
        chosen("V-1", vip, made("V-1", End::Completed)),
        chosen("V-2", vip, made("V-2", End::Refused)),
        chosen("P-1", Choice::Class(CustomerClass::Police), made("P-1", End::Completed)),
        chosen("O-1", Choice::Sampled, made("O-1", End::Completed)),
        chosen("O-2", Choice::Sampled, made("O-2", End::Completed)),
        chosen("O-3", Choice::NotSampled, None),
        chosen("O-4", Choice::NotSampled, None),
        chosen("O-5", Choice::NotSampled, None),
    ];
    let keys = ["rule", "class", "due", "done", "not_done", "share", "target", "verdict"];
    let report = draw_up(Name::Coverage, &book);
    assert_eq!(
        cells(&report, "classes", &keys),
        [
            "B04 B07 VIP 2 1 1 50.0% 100.0% 未达标",
            "B04 司法、警务车 1 1 0 100.0% 100.0% 达标",
            // Two of five: those not drawn are no gap.
            "B05 一般客户（抽样） 5 2 0 40.0% 30.0% 达标",
        ]
    );
    assert_eq!(
        cells(&report, "missing", &["rule", "order_no", "dealer", "state", "why"]),
        ["B04 B07 V-2 福田 已关闭 客户不愿接受回访"]
    );

    // One fewer of the share, and it is one of five.
    book.chosen[4].visit = made("O-2", End::Open);
    let verdict = |book: &Book| cells(&draw_up(Name::Coverage, book), "classes", &["share", "verdict"])[2].clone();
    assert_eq!(verdict(&book), "20.0% 未达标", "it was due at half past nine");
    book.now = at("2026-11-23T09:20");
    assert_eq!(verdict(&book), "20.0% 进行中", "it can still be made in time");
    book.programmes.clear();
    assert_eq!(verdict(&book), "20.0% 无目标");
}

#[test]
fn b02_where_everybody_is_visited_each_one_missed_counts() {
    let mut book = book(vec![]);
    book.chosen = vec![
        chosen("D-1", Choice::Everybody, Some(entries()[0].visit.clone())),
        chosen("D-2", Choice::Everybody, None),
    ];
    let report = draw_up(Name::Coverage, &book);
    assert_eq!(cells(&report, "classes", &["rule", "due", "done", "share", "verdict"]), ["B02 2 1 50.0% 未达标"]);
    assert_eq!(cells(&report, "missing", &["order_no", "why"]), ["D-2 没有建立回访任务"]);
}

#[test]
fn a_choice_is_proved_by_the_visit_that_it_began_or_found_open() {
    let of = |start: &str| visit("SO-1", "service-tracking", start);
    let visits = [of("2026-11-20T09:00"), of(START), of("2026-11-25T09:00")];
    #[track_caller]
    fn check(visits: &[Visit], choice_at: &str, want: Option<&str>) {
        let mut one = Chosen { at: at(choice_at), ..chosen("SO-1", Choice::Sampled, None) };
        one.find_visit(visits);
        assert_eq!(one.visit.map(|visit| visit.sms_at), want.map(at), "{choice_at}");
    }
    check(&visits, START, Some(START));
    check(&visits, "2026-11-24T09:00", Some(START));
    check(&visits, "2026-11-19T09:00", None);
    check(&[], START, None);
}

#[test]
fn g09_e12_satisfaction_keeps_product_service_and_wishes_apart() {
    let mut book = book(entries());
    book.heard = heard_for("SO-1", "希望配件便宜点", None, "做过");
    let report = draw_up(Name::Satisfaction, &book);
    // Skill of SO-1, 2, 3, 5: 5, 4, 2, 5. Parts: 4, none, 3, 4.
    let keys = [
        "group",
        "indicator",
        "level_5",
        "level_4",
        "level_3",
        "level_2",
        "level_1",
        "scored",
        "not_scored",
        "mean",
        "satisfied_share",
    ];
    let rows = cells(&report, "indicators", &keys);
    assert_eq!(rows[0], "服务 服务技能 2 1 0 1 0 4 0 4.00 75.0%");
    assert_eq!(rows[3], "产品 配件供应 0 2 1 0 0 3 1 3.67 66.7%");
    assert_eq!(rows.len(), 5);
    assert_eq!(
        cells(&report, "programmes", &["programme", "visits", "indexed", "index"]),
        ["dealer 1 1 4.60", "挖掘机 3 2 3.40", "合计 4 3 3.80"]
    );
    assert_eq!(cells(&report, "product", &["order_no", "indicator", "level", "words"]), ["SO-3 配件供应 3 原话3"]);
    assert_eq!(
        cells(&report, "service", &["order_no", "indicator", "level"]),
        ["SO-3 服务态度 1", "SO-3 服务技能 2", "SO-3 服务综合 2", "SO-3 服务及时性 3"]
    );
    assert_eq!(cells(&report, "wishes", &["number", "words"]), ["202611-0001 希望配件便宜点"]);
}

/// A wish and an answer about free maintenance in the call of one order.
fn heard_for(no: &str, wish: &str, kept: Option<bool>, maintenance: &str) -> Vec<Heard> {
    let one = |topic, words: &str, kept| Heard {
        call: CallId::new(format!("c-{no}")),
        topic,
        words: words.into(),
        at_s: 12.0,
        kept,
    };
    vec![one(heard::Topic::Wishes, wish, None), one(heard::Topic::FreeMaintenance, maintenance, kept)]
}

#[test]
fn b10_rates_count_what_was_said_clearly_by_dealer_and_together() {
    let mut book = book(entries());
    book.heard = [("SO-1", Some(true)), ("SO-2", Some(false)), ("SO-3", None), ("SO-4", Some(true))]
        .into_iter()
        .flat_map(|(no, kept)| heard_for(no, "", kept, "原话"))
        .collect();
    let report = draw_up(Name::SpotCheck, &book);
    let rows = cells(&report, "rates", &["dealer", "item", "asked", "kept", "broken", "unclear", "rate"]);
    assert!(rows.contains(&"福田 定期免费维护 3 1 1 1 50.0%".to_owned()), "{rows:?}");
    assert!(rows.contains(&"（未填） 定期免费维护 1 1 0 0 100.0%".to_owned()), "{rows:?}");
    assert!(rows.contains(&"合计 定期免费维护 4 2 1 1 66.7%".to_owned()), "{rows:?}");
    assert!(rows.contains(&"合计 24小时内上门 0 0 0 0 -".to_owned()), "nobody was asked: {rows:?}");
    assert_eq!(
        cells(&report, "words", &["order_no", "kept"]),
        ["SO-1 做到", "SO-2 没做到", "SO-3 不明确", "SO-4 做到"]
    );
}

#[test]
fn engineers_and_dealers_are_counted_by_visit_and_those_without_a_name_come_last() {
    let report = draw_up(Name::Engineers, &book(entries()));
    let keys = [
        "name",
        "visits",
        "completed",
        "on_time_share",
        "skill",
        "parts",
        "indexed",
        "index",
        "alarms",
        "truth_checked",
        "truth_differs",
    ];
    assert_eq!(
        cells(&report, "engineers", &keys),
        [
            // SO-1, 2 (late), 4 (refused): skill (5 + 4) / 2.
            "李强 3 2 66.7% 4.50 4.00 1 4.60 0 2 0",
            "王伟 1 1 100.0% 2.00 3.00 1 2.20 1 1 1",
            "（未填） 2 1 50.0% 5.00 4.00 1 4.60 0 0 0",
        ]
    );
    let dealers = draw_up(Name::Dealers, &book(entries()));
    assert_eq!(cells(&dealers, "dealers", &["name", "visits"]), ["福田 5", "（未填） 1"]);
}

#[test]
fn agents_are_counted_by_call_and_the_questionnaire_stands_beside_them() {
    let report = draw_up(Name::Agents, &book(entries()));
    let keys = [
        "name",
        "calls",
        "answered",
        "completed",
        "on_time_share",
        "talk_s",
        "index",
        "alarms",
        "red",
        "truth_differs",
    ];
    assert_eq!(
        cells(&report, "agents", &keys),
        [
            // SO-1 and SO-3: (4.6 + 2.2) / 2.
            "agent-1 2 2 2 100.0% 90.00 3.40 1 2 1",
            // SO-2 late, SO-4, SO-5.
            "（语音问卷） 3 3 2 66.7% 90.00 4.60 0 0 0",
        ]
    );
}

#[test]
fn the_call_that_speaks_for_a_visit_completed_it_or_was_scored_last_or_is_the_last() {
    let mut one = entry(1, Told { end: End::Open, ..PLAIN });
    let scored = one.calls[0].clone();
    let later = CallLine { id: CallId::new("c-2"), attempt: 2, judged: None, ..scored.clone() };
    one.calls.push(later.clone());
    assert_eq!(one.call().map(|call| call.id.as_str()), Some("c-SO"), "the last that was scored");
    one.visit.state = VisitState::Completed { call: later.id.clone(), at: at(START) };
    assert_eq!(one.call().map(|call| call.id.as_str()), Some("c-2"), "the one that completed it");
    one.calls = vec![CallLine { judged: None, ..scored }, later];
    one.visit.state = VisitState::Closed { cause: CloseCause::Refused, at: at(START) };
    assert_eq!(one.call().map(|call| call.id.as_str()), Some("c-2"));
}

fn complained(n: u32, source: Source, grade: Grade, kind: complaint::Kind, classes: &[CustomerClass]) -> Complained {
    let hours =
        SiteHours { timezone: "Asia/Shanghai".into(), work_hours: vec!["08:00-18:00".into()], holidays: "none".into() };
    let rules = Rules { policy: Policy::builtin(), calendar: &Calendar::new(&hours).unwrap() };
    let new = New::bare(source, format!("投诉{n}"));
    let opened = complaint::open(at(START), ComplaintId::new(format!("k-{n}")), "小李", new, &[], &rules);
    Complained { complaint: complaint::Complaint { grade, kind, ..opened }, classes: classes.into() }
}

#[test]
fn g08_g13_complaints_are_told_by_class_kind_and_source() {
    use complaint::Kind;
    let mut list = vec![
        complained(1, Source::Hotline, Grade::A, Kind::Return, &[CustomerClass::Fleet]),
        complained(2, Source::Call, Grade::C, Kind::Service, &[]),
        complained(3, Source::Call, Grade::D, Kind::Fault, &[CustomerClass::Complainer]),
        complained(4, Source::Call, Grade::C, Kind::Service, &[CustomerClass::Police, CustomerClass::Vip]),
    ];
    let solved = |at: Timestamp| Some(Solution { text: "已更换".into(), people: None, by: "王".into(), at });
    list[1].complaint.solution = solved(at("2026-11-23T11:00"));
    list[1].complaint.state = State::Closed { at: at("2026-11-23T12:00"), cause: ComplaintEnd::Satisfied };
    list[2].complaint.solution = solved(at("2026-11-23T15:00"));
    let mut book = book(vec![]);
    book.complaints = list;
    book.now = at("2026-11-25T09:00");
    let report = draw_up(Name::Complaints, &book);
    let keys =
        ["complaints", "share", "grade_a", "grade_c", "grade_d", "grave", "open", "satisfied", "hours_to_handle"];
    let by = |section: &str, key: &'static str| {
        cells(&report, section, &[&[key], &keys[..]].concat())
            .into_iter()
            .filter(|row| !row.contains(" 0 0.0% "))
            .collect::<Vec<_>>()
    };
    // Of the second, nine to eleven; of the third, nine to three.
    let total = "合计 4 100.0% 1 2 1 1 3 1 4.00";
    assert_eq!(
        by("classes", "class"),
        ["集团用户 2 50.0% 1 1 0 1 2 0 -", "私家车用户 2 50.0% 0 1 1 0 1 1 4.00", total]
    );
    assert_eq!(
        by("kinds", "kind"),
        [
            "要求退机 1 25.0% 1 0 0 1 1 0 -",
            "一般质量故障 1 25.0% 0 0 1 0 1 0 6.00",
            "服务质量 2 50.0% 0 2 0 0 1 1 2.00",
            total
        ]
    );
    assert_eq!(by("sources", "source"), ["回访通话 3 75.0% 0 2 1 0 2 1 4.00", "投诉电话 1 25.0% 1 0 0 1 1 0 -", total]);
    // None was handed over on its day but the one that is closed.
    assert_eq!(
        cells(&report, "list", &["complaint_id", "class", "state", "overdue", "text"]),
        [
            "k-1 集团用户 待移交 超期 投诉1",
            "k-2 私家车用户 已结案 - 投诉2",
            "k-3 私家车用户 待移交 超期 投诉3",
            "k-4 集团用户 待移交 超期 投诉4",
        ]
    );
}
