mod budget;
mod numbers;
mod seats;
mod urgency;

use super::*;
use crate::domain::calendar::SiteHours;
use crate::domain::call::outcome::{ConversationEnd, Outcome};
use crate::domain::id::{CallId, OrderNo, SeatId};
use crate::domain::order::ServiceType;
use crate::domain::seat::{SeatPhone, Skills};
use crate::domain::visit::task::{
    CallResult, accept, after_agent_call, after_call, cancel, claim, dial_now, mark_escalated, mark_late,
};
use std::sync::LazyLock;

const EXCAVATOR: &str = include_str!("../../../../programmes/excavator.toml");

static CALENDAR: LazyLock<Calendar> = LazyLock::new(|| {
    Calendar::new(&SiteHours {
        timezone: "Asia/Shanghai".into(),
        work_hours: vec!["08:00-12:00".into(), "13:00-18:00".into()],
        holidays: "cn".into(),
    })
    .unwrap()
});
static PROGRAMMES: LazyLock<Programmes> = LazyLock::new(|| {
    let agents = EXCAVATOR.replace("name = \"excavator\"", "name = \"agents\"\nmode = \"agent\"");
    let held = EXCAVATOR
        .replace("name = \"excavator\"", "name = \"held\"")
        .replace("after_deadline = \"escalate_and_call\"", "after_deadline = \"escalate_and_hold\"");
    let list = [EXCAVATOR, &agents, &held].map(|text| Programme::parse("p", text).unwrap());
    Programmes::new(list.into(), &CALENDAR).unwrap()
});

pub fn calendar() -> Calendar {
    CALENDAR.clone()
}

pub fn excavator() -> Programme {
    PROGRAMMES.get("excavator").unwrap().clone()
}

/// `23T09:00` in November 2026; the 23rd is a Monday.
pub fn at(local: &str) -> Timestamp {
    format!("2026-11-{local}+08:00").parse().unwrap()
}

/// `23 09:00`.
pub fn clock(t: Timestamp) -> String {
    t.to_zoned(CALENDAR.tz().clone()).strftime("%d %H:%M").to_string()
}

pub fn fresh(id: &str, received: &str) -> Visit {
    let t = at(received);
    accept(t, t, OrderNo::new(format!("o-{id}")), &excavator(), &CALENDAR, VisitId::new(id))
}

fn of(programme: &str, visit: Visit) -> Visit {
    Visit { programme: programme.into(), ..visit }
}

static EVERYBODY_DIFFERS: LazyLock<SameCustomer> = LazyLock::new(SameCustomer::default);

static NOBODY_ASKS: LazyLock<HashMap<VisitId, Wanted>> = LazyLock::new(HashMap::new);
/// Three idle seats, for as long as any test lasts.
static TEAM: LazyLock<Vec<Seat>> = LazyLock::new(|| ["a", "b", "c"].map(seated).into());
static TWO_ON_BREAK: LazyLock<Vec<Seat>> = LazyLock::new(|| vec![seated("a"), on_break("b"), on_break("c")]);

fn seated(id: &str) -> Seat {
    let seat = Seat::new(SeatId::new(id), SeatPhone::Browser, Skills::default(), at("20T08:00"));
    seat::sign_in(at("20T08:00"), &seat, at("30T08:00")).unwrap()
}

fn on_break(id: &str) -> Seat {
    seat::take_break(at("20T09:00"), &seated(id), "吃饭").unwrap()
}

fn situation(visits: &[Visit]) -> Situation<'_> {
    Situation {
        visits,
        same: &EVERYBODY_DIFFERS,
        programmes: &PROGRAMMES,
        calendar: &CALENDAR,
        mode: DialMode::Voice,
        capacity: Capacity { voice_free: 10, reserve_idle_seats: 1 },
        seats: &TEAM,
        wants: &NOBODY_ASKS,
        gate: Gate::open(10),
    }
}

fn ids(list: &[VisitId]) -> Vec<&str> {
    list.iter().map(VisitId::as_str).collect()
}

fn tried(visit: &Visit, now: &str, outcome: Outcome, conversation: Option<ConversationEnd>) -> Visit {
    let call = CallId::new("c");
    let held = claim(at(now), visit, call.clone()).unwrap();
    after_call(at(now), &held, &CallResult { call, outcome, conversation, next_trunk: None }, &excavator(), &CALENDAR)
}

#[test]
fn a_new_visit_is_dialled_at_once_in_working_hours_and_else_at_the_opening() {
    for (received, now, dial, wakeup) in [
        ("23T09:00", "23T09:00", true, "23 09:30"),
        ("23T12:30", "23T12:30", false, "23 13:00"),
        ("22T10:00", "22T10:00", false, "23 08:00"),
        ("22T10:00", "23T08:00", true, "23 08:30"),
    ] {
        let visits = [fresh("v1", received)];
        let plan = plan(at(now), &situation(&visits));
        assert_eq!(!plan.dial.is_empty(), dial, "{received} at {now}");
        assert_eq!(clock(plan.next_wakeup.unwrap()), wakeup, "{received} at {now}");
    }
}

#[test]
fn the_promise_that_can_still_be_kept_and_ends_first_is_dialled_first() {
    let asked = tried(&fresh("asked", "23T08:10"), "23T08:20", Outcome::Answered, {
        Some(ConversationEnd::Callback { said: Some("九点半".into()), at: None })
    });
    let visits = [
        fresh("young", "23T09:50"),
        fresh("late", "23T09:00"),
        fresh("old", "23T09:35"),
        tried(&fresh("retry", "23T08:00"), "23T08:01", Outcome::Busy, None),
        asked,
        fresh("overdue", "20T09:00"),
    ];
    let plan = plan(at("23T10:00"), &situation(&visits));
    assert_eq!(ids(&plan.dial), ["overdue", "asked", "old", "young", "retry", "late"]);
}

#[test]
fn no_more_is_dialled_than_there_are_channels_lines_and_seats_above_the_reserve() {
    let voice: Vec<Visit> = (0..9).map(|i| fresh(&format!("v{i}"), "23T09:00")).collect();
    let agents: Vec<Visit> = voice.iter().map(|v| of("agents", v.clone())).collect();
    #[track_caller]
    fn check(visits: &[Visit], set: impl Fn(&mut Situation), want: usize) {
        let mut s = situation(visits);
        set(&mut s);
        assert_eq!(plan(at("23T09:01"), &s).dial.len(), want);
    }
    check(&voice, |_| {}, 9);
    check(&voice, |s| s.capacity.voice_free = 2, 2);
    check(&voice, |s| s.gate.trunk = TrunkState::Ready { free_lines: 3 }, 3);
    check(&voice, |s| s.gate.trunk = TrunkState::Ready { free_lines: 0 }, 0);
    check(&agents, |_| {}, 2); // B01: three idle, one kept
    check(&agents, |s| s.seats = &TWO_ON_BREAK, 0);
    check(&agents, |s| s.capacity.reserve_idle_seats = 0, 3);
    let mixed: Vec<Visit> = voice.iter().take(4).chain(&agents[4..]).cloned().collect();
    check(&mixed, |s| s.capacity.voice_free = 1, 3);
    check(&mixed, |s| s.gate.trunk = TrunkState::Ready { free_lines: 5 }, 5);
}

#[test]
fn every_state_has_a_sentence_that_a_person_understands() {
    #[track_caller]
    fn check(now: &str, visit: Visit, set: impl Fn(&mut Situation), code: WhyCode, text: &str, until: Option<&str>) {
        let visits = [visit];
        let mut s = situation(&visits);
        set(&mut s);
        let why = why(at(now), &visits[0], &s);
        assert_eq!((why.code, why.text_zh.as_str()), (code, text));
        assert_eq!(why.until.map(clock).as_deref(), until, "{text}");
        let dials = !plan(at(now), &s).dial.is_empty();
        assert_eq!(dials, code == WhyCode::Ready, "the plan and its reason disagree: {text}");
    }
    let none = |_: &mut Situation| {};
    let v = || fresh("v1", "23T09:00");
    let p = excavator();
    check("23T09:01", v(), none, WhyCode::Ready, "没有阻碍，马上拨打", None);
    check(
        "22T10:00",
        fresh("v1", "22T10:00"),
        none,
        WhyCode::NotStarted,
        "短信在工作时间以外收到，按规则 A03 从下一个上班时间开始计时，最早 明天 08:00 拨打",
        Some("23 08:00"),
    );
    check(
        "23T14:25",
        tried(&v(), "23T14:20", Outcome::HungUp, None),
        none,
        WhyCode::RedialGuard,
        "客户挂断过电话，按规则 A04 要间隔 60 分钟，最早 15:20 再拨",
        Some("23 15:20"),
    );
    check(
        "23T17:40",
        tried(&v(), "23T17:30", Outcome::Declined, None),
        none,
        WhyCode::RedialGuard,
        "客户拒接过电话，按规则 A04 要间隔 60 分钟，最早 明天 08:00 再拨",
        Some("24 08:00"),
    );
    check(
        "23T09:11",
        tried(&v(), "23T09:10", Outcome::Busy, None),
        none,
        WhyCode::RetrySpacing,
        "第1次呼叫客户占线，间隔 5 分钟，最早 09:15 再拨",
        Some("23 09:15"),
    );
    check(
        "23T09:11",
        tried(&v(), "23T09:10", Outcome::AuthFailed, None),
        none,
        WhyCode::RetrySpacing,
        "第1次呼叫线路鉴权失败，间隔 5 分钟，最早 09:15 再拨；需要人工处理",
        Some("23 09:15"),
    );
    check(
        "23T09:11",
        tried(&v(), "23T09:10", Outcome::Answered, Some(ConversationEnd::NotInformed)),
        none,
        WhyCode::RetrySpacing,
        "第1次呼叫接听人不了解服务过程（规则 C08），间隔 120 分钟，最早 11:10 再拨",
        Some("23 11:10"),
    );
    check(
        "23T09:11",
        tried(
            &v(),
            "23T09:10",
            Outcome::Answered,
            Some(ConversationEnd::Callback { said: Some("下午三点以后".into()), at: None }),
        ),
        none,
        WhyCode::Appointment,
        "客户说“下午三点以后”方便，约定 15:00 再拨",
        Some("23 15:00"),
    );
    check(
        "23T09:11",
        tried(&v(), "23T09:10", Outcome::Answered, Some(ConversationEnd::Callback { said: None, at: None })),
        none,
        WhyCode::Appointment,
        "客户当时不方便且没有说定时间，11:10 再拨",
        Some("23 11:10"),
    );
    check("23T12:10", v(), none, WhyCode::SiteClosed, "现在不是工作时间，最早 13:00 拨打", Some("23 13:00"));
    check(
        "23T20:10",
        v(),
        none,
        WhyCode::QuietHours,
        "现在是客户休息时间，按规则 A13 只在 08:00-20:00 呼叫，最早 明天 08:00 拨打",
        Some("24 08:00"),
    );
    check(
        "23T09:01",
        v(),
        |s| s.gate.dialling_enabled = false,
        WhyCode::DialingOff,
        "外呼已停用（dialer.enabled = false）",
        None,
    );
    check(
        "23T09:01",
        v(),
        |s| s.gate.disk = Disk::Low { free_mb: 120, floor_mb: 500 },
        WhyCode::DiskLow,
        "录音磁盘只剩 120 MB，低于 500 MB；按规则 C01 不能录音就不呼叫",
        None,
    );
    check(
        "23T09:01",
        v(),
        |s| s.gate.trunk = TrunkState::Down { reason: "注册失败 403".into(), retry_at: Some(at("23T09:05")) },
        WhyCode::TrunkDown,
        "线路不可用：注册失败 403，09:05 重试",
        Some("23 09:05"),
    );
    check(
        "23T09:01",
        v(),
        |s| s.capacity.voice_free = 0,
        WhyCode::Busy,
        "自动回访通道全部占用，有通道空出就拨打",
        None,
    );
    check(
        "23T09:01",
        v(),
        |s| s.gate.trunk = TrunkState::Ready { free_lines: 0 },
        WhyCode::Busy,
        "外线全部占用，有线路空出就拨打",
        None,
    );
    check(
        "23T09:01",
        of("agents", v()),
        |s| s.seats = &TWO_ON_BREAK,
        WhyCode::SeatReserve,
        "空闲坐席1个，按规则 B01 要保留1个，等待坐席空出",
        None,
    );
    check(
        "23T09:01",
        of("agents", v()),
        |s| s.seats = &TEAM[..1],
        WhyCode::SeatReserve,
        "共有1个坐席，按规则 B01 要保留1个空闲坐席，因此永远不会拨打；请把 dialer.reserve_idle_seats 调小（单坐席站点设为 0）",
        None,
    );
    check(
        "23T12:10",
        of("held", v()),
        none,
        WhyCode::Escalated,
        "已超过最迟时限（规则 A02）并上报主管，等待人工决定",
        None,
    );
    check(
        "23T09:01",
        of("nobody", v()),
        none,
        WhyCode::NoProgramme,
        "没有名为 nobody 的回访方案，请检查 programmes 目录",
        None,
    );
    let claimed = claim(at("23T09:02"), &v(), CallId::new("c")).unwrap();
    check("23T09:03", claimed, none, WhyCode::InCall, "正在进行第1次呼叫，09:02开始", None);
    let done = tried(&v(), "23T09:10", Outcome::Answered, Some(ConversationEnd::Completed));
    check("23T09:11", done, none, WhyCode::Completed, "回访已于09:10完成", None);
    let closed = cancel(at("23T09:10"), &v()).unwrap();
    check("23T09:11", closed, none, WhyCode::Closed, "回访已于09:10关闭：人工取消", None);
    let by_hand = dial_now(at("23T12:30"), &v(), "李主管", &p, &CALENDAR).unwrap();
    check("23T12:30", by_hand, none, WhyCode::Ready, "没有阻碍，马上拨打", None);
}

#[test]
fn a_visit_behind_others_says_how_many_are_in_front() {
    let visits: Vec<Visit> = (0..5).map(|i| fresh(&format!("v{i}"), "23T09:00")).collect();
    let mut s = situation(&visits);
    s.capacity.voice_free = 2;
    assert_eq!(why(at("23T09:01"), &visits[1], &s).code, WhyCode::Ready);
    let last = why(at("23T09:01"), &visits[4], &s);
    assert_eq!((last.code, last.text_zh.as_str()), (WhyCode::Busy, "前面还有4个更紧急的回访，空闲线路2条"));
}

#[test]
fn a01_a_visit_becomes_late_with_its_cause_when_the_due_time_has_passed() {
    #[track_caller]
    fn check(now: &str, visit: Visit, set: impl Fn(&mut Situation), want: Option<&str>) {
        let visits = [visit];
        let mut s = situation(&visits);
        set(&mut s);
        let plan = plan(at(now), &s);
        assert_eq!(plan.late.first().map(|(_, cause)| cause.as_str()), want);
    }
    let v = || fresh("v1", "23T09:00");
    let none = |_: &mut Situation| {};
    check("23T09:30", v(), none, None);
    check("23T09:30:00.001", v(), none, Some("到期前没有呼叫：到期前系统未运行或刚刚恢复，现在拨打"));
    check("23T09:31", v(), |s| s.capacity.voice_free = 0, Some("到期前没有呼叫：线路、通道或坐席已占满，排队等待"));
    check(
        "23T09:31",
        v(),
        |s| s.gate.dialling_enabled = false,
        Some("到期前没有呼叫：外呼已停用（dialer.enabled = false）"),
    );
    check(
        "23T09:31",
        tried(&v(), "23T09:29", Outcome::NoAnswer, None),
        none,
        Some("已呼叫1次未完成回访（最近一次：无人接听）；第1次呼叫无人接听，间隔 20 分钟，最早 09:49 再拨"),
    );
    check(
        "23T09:31",
        tried(
            &v(),
            "23T09:05",
            Outcome::Answered,
            Some(ConversationEnd::Callback { said: Some("下午三点".into()), at: None }),
        ),
        none,
        Some("已呼叫1次未完成回访；客户说“下午三点”方便，约定 15:00 再拨"),
    );
    check("23T09:31", mark_late(&v(), "known"), none, None);
    check("23T09:31", claim(at("23T09:29"), &v(), CallId::new("c")).unwrap(), none, None);
}

#[test]
fn a02_after_three_hours_a_visit_is_escalated_once_and_still_called() {
    let visits = [fresh("v1", "23T09:00")];
    let plan_now = |visits: &[Visit], now: &str| plan(at(now), &situation(visits));
    assert!(plan_now(&visits, "23T12:00").escalate.is_empty());
    let late = plan_now(&visits, "23T13:00");
    assert_eq!((late.escalate.len(), ids(&late.dial)), (1, vec!["v1"]));
    let visits = [mark_escalated(at("23T13:00"), &visits[0], &late.escalate[0].1)];
    let after = plan_now(&visits, "23T13:01");
    assert!(after.escalate.is_empty() && after.late.is_empty());
    assert_eq!(ids(&after.dial), ["v1"]);
}

#[test]
fn one_customer_is_called_for_one_visit_at_a_time_the_more_urgent_first_and_why_says_so() {
    let calling = |id: &str| claim(at("23T09:59"), &fresh(id, "23T09:50"), CallId::new("c")).unwrap();
    let first = "该客户另有更紧急的回访先拨，同一客户一次只打一个";
    let on_line = "正在为另一个回访（订单 o-old）与该客户通话，同一客户一次只打一个，通话结束后再拨";
    let check = |visits: [Visit; 2], same: bool, free: u32, dialled: &[&str], young: (WhyCode, Option<&str>)| {
        let visits = [visits.as_slice(), &[fresh("other", "23T09:45")]].concat();
        let mut group = SameCustomer::default();
        for visit in visits[..2].iter().filter(|_| same) {
            let calling = matches!(visit.state, VisitState::Calling { .. });
            group.add(visit.id.clone(), VisitId::new("old"), calling);
        }
        let mut s = Situation { same: &group, ..situation(&visits) };
        s.capacity.voice_free = free;
        let planned = plan(at("23T10:00"), &s);
        assert_eq!(ids(&planned.dial), dialled);
        assert!(planned.next_wakeup.unwrap() > at("23T10:00"));
        let why = why(at("23T10:00"), &visits[1], &s);
        assert_eq!(why.code, young.0, "{why:?}");
        assert!(young.1.is_none_or(|text| why.text_zh == text), "{why:?}");
    };
    let waiting = || [fresh("old", "23T09:40"), fresh("young", "23T09:50")];
    check(waiting(), false, 10, &["old", "other", "young"], (WhyCode::Ready, None));
    check(waiting(), true, 10, &["old", "other"], (WhyCode::SameCustomer, Some(first)));
    // The place that the younger leaves is the next customer's.
    check(waiting(), true, 1, &["old"], (WhyCode::SameCustomer, Some(first)));
    check(waiting(), true, 0, &[], (WhyCode::Busy, None));
    let one_is_up = || [calling("old"), fresh("young", "23T09:50")];
    check(one_is_up(), false, 10, &["other", "young"], (WhyCode::Ready, None));
    check(one_is_up(), true, 10, &["other"], (WhyCode::SameCustomer, Some(on_line)));
}

#[test]
fn a_customer_who_was_called_rests_before_his_other_visits_but_a_time_that_was_named_is_kept() {
    let asked = tried(&fresh("v1", "23T09:00"), "23T09:20", Outcome::Answered, {
        Some(ConversationEnd::Callback { said: Some("十点".into()), at: None })
    });
    let by_hand = dial_now(at("23T10:05"), &fresh("v1", "23T09:50"), "王主管", &excavator(), &CALENDAR).unwrap();
    #[track_caller]
    fn check(visit: Visit, now: &str, dialled: bool) {
        let visits = [visit];
        let mut same = SameCustomer::default();
        same.rest(VisitId::new("v1"), at("23T10:30"));
        let s = Situation { same: &same, ..situation(&visits) };
        let planned = plan(at(now), &s);
        assert_eq!(!planned.dial.is_empty(), dialled, "{now}");
        let why = why(at(now), &visits[0], &s);
        let rests = "刚为另一个回访给该客户打过电话，同一客户不连续打扰，最早 10:30 再拨";
        assert_eq!((why.code == WhyCode::Ready, why.text_zh == rests), (dialled, !dialled), "{why:?}");
        assert!(dialled || planned.next_wakeup.unwrap() <= at("23T10:30"));
    }
    check(fresh("v1", "23T09:50"), "23T10:05", false);
    check(fresh("v1", "23T09:50"), "23T10:30", true);
    check(asked, "23T10:05", true);
    check(by_hand, "23T10:05", true);
}

#[test]
fn a_visit_that_is_late_because_its_customer_was_called_for_another_says_so() {
    let visits = [fresh("old", "23T09:00"), fresh("young", "23T09:10")];
    for (calling, cause) in [
        (true, "到期前没有呼叫：正在为另一个回访（订单 o-old）与该客户通话，同一客户一次只打一个，通话结束后再拨"),
        (false, "到期前没有呼叫：该客户另有更紧急的回访先拨，同一客户一次只打一个"),
    ] {
        let mut same = SameCustomer::default();
        same.add(VisitId::new("old"), VisitId::new("old"), calling);
        same.add(VisitId::new("young"), VisitId::new("old"), false);
        let late = plan(at("23T09:41"), &Situation { same: &same, ..situation(&visits) }).late;
        assert_eq!(late.iter().find(|(id, _)| id.as_str() == "young").unwrap().1, cause);
    }
}

#[test]
fn what_is_over_is_ignored_and_an_empty_situation_sleeps() {
    let done = tried(&fresh("v1", "23T09:00"), "23T09:10", Outcome::Answered, Some(ConversationEnd::Completed));
    assert_eq!(plan(at("23T13:30"), &situation(&[done])), Plan::default());
    assert_eq!(plan(at("23T13:30"), &situation(&[])), Plan::default());
}

mod any_situation {
    use super::*;
    use crate::domain::visit::task::{WaitReason, interrupted, reschedule};
    use proptest::prelude::*;

    fn history() -> impl Strategy<Value = Vec<(u8, u32)>> {
        prop::collection::vec((0_u8..20, 0_u32..7200), 0..6)
    }

    /// A visit after some results, each so many seconds after the one before.
    fn lived(start: Timestamp, history: &[(u8, u32)]) -> (Visit, Timestamp) {
        let (p, c) = (excavator(), &CALENDAR);
        let mut now = start;
        let mut visit = accept(now, now, OrderNo::new("o"), &p, c, VisitId::new("v"));
        for (what, wait) in history {
            now = now.checked_add(SignedDuration::from_secs(i64::from(*wait))).unwrap();
            let Ok(held) = claim(now, &visit, CallId::new("c")) else { break };
            visit = match what {
                0..=10 => {
                    let outcome = Outcome::ALL[usize::from(*what)];
                    after_call(
                        now,
                        &held,
                        &CallResult { call: CallId::new("c"), outcome, conversation: None, next_trunk: None },
                        &p,
                        c,
                    )
                }
                11 | 12 => interrupted(now, &held, *what == 11, &p, c),
                13 => dial_now(now, &visit, "x", &p, c).unwrap_or(visit),
                14 => reschedule(now, &visit, now, "x", "", &p, c).unwrap_or(visit),
                _ => {
                    let said = ["下午三点", "明天上午", "晚上九点", "半小时后", "改天"][usize::from(*what - 15)];
                    let conversation = Some(ConversationEnd::Callback { said: Some(said.into()), at: None });
                    let result = CallResult {
                        call: CallId::new("c"),
                        outcome: Outcome::Answered,
                        conversation,
                        next_trunk: None,
                    };
                    after_call(now, &held, &result, &p, c)
                }
            };
        }
        (visit, now)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a04_a13_no_plan_dials_inside_a_spacing_or_in_quiet_hours_and_none_wakes_at_now(
            start in 1_795_000_000_i64..1_797_000_000, lived_as in history(), later in 0_i64..100_000
        ) {
            let (visit, ended) = lived(Timestamp::from_second(start).unwrap(), &lived_as);
            let now = ended.checked_add(SignedDuration::from_secs(later)).unwrap();
            let visits = [visit];
            let s = situation(&visits);
            let plan = plan(now, &s);
            prop_assert!(plan.next_wakeup.is_none_or(|t| t > now));
            let why = why(now, &visits[0], &s);
            prop_assert!(!why.text_zh.is_empty());
            prop_assert!(why.until.is_none_or(|t| t >= now || visits[0].state.is_over()));
            prop_assert_eq!(why.code == WhyCode::Ready, !plan.dial.is_empty());
            if !plan.dial.is_empty() {
                let VisitState::Waiting { not_before, reason } = &visits[0].state else { panic!("dials what does not wait") };
                prop_assert!(*not_before <= now);
                prop_assert!(visits[0].redial_guard.is_none_or(|guard| guard <= now));
                prop_assert!(CALENDAR.is_within(&excavator().calling_hours, now));
                prop_assert!(CALENDAR.is_open(now) || reason.on_request());
            } else if let VisitState::Waiting { reason, .. } = &visits[0].state {
                // Somebody or something moves it on.
                let person = matches!(reason, WaitReason::ForPerson { .. });
                prop_assert!(person || plan.next_wakeup.is_some());
            }
        }

        #[test]
        fn the_order_of_the_visits_does_not_change_the_plan(seed in any::<u64>(), free in 0_u32..6) {
            let mut visits: Vec<Visit> = (0..12).map(|i| fresh(&format!("v{i:02}"), &format!("23T09:{:02}", (i * 7) % 60))).collect();
            let mut s = situation(&[]);
            s.capacity.voice_free = free;
            let one = plan(at("23T10:00"), &Situation { visits: &visits, ..s.clone() }).dial;
            let turn = usize::try_from(seed % 12).unwrap();
            visits.rotate_left(turn);
            visits.swap(0, turn);
            let two = plan(at("23T10:00"), &Situation { visits: &visits, ..s }).dial;
            prop_assert_eq!(one, two);
        }
    }
}

#[test]
fn a_round_goes_on_at_once_even_where_a_new_call_would_wait_but_not_in_quiet_hours() {
    let passed_on = |now: &str| {
        let reason = WaitReason::NextTrunk { after: Outcome::TrunkFailure, attempt: 1, tried: vec!["a".into()] };
        let visit = fresh("v1", "23T09:00");
        Visit { attempts: 1, state: VisitState::Waiting { not_before: at(now), reason }, ..visit }
    };
    for (now, dialled, code) in [
        ("23T09:00", true, WhyCode::Ready),
        ("23T12:10", true, WhyCode::Ready),
        ("23T20:00", false, WhyCode::QuietHours),
    ] {
        let visits = [fresh("v0", "23T08:00"), passed_on(now)];
        let decided = plan(at(now), &situation(&visits));
        assert_eq!(ids(&decided.dial).contains(&"v1"), dialled, "{now}");
        assert_eq!(why(at(now), &visits[1], &situation(&visits)).code, code, "{now}");
    }
}

#[test]
fn after_a_fault_of_the_line_why_tells_whether_there_is_a_line_now() {
    let visits = [tried(&fresh("v1", "23T09:00"), "23T09:00", Outcome::TrunkFailure, None)];
    let mut situation = situation(&visits);
    assert!(!why(at("23T09:00"), &visits[0], &situation).text_zh.contains("目前线路不可用"));
    situation.gate.trunk = TrunkState::Down { reason: "a：线路不通".into(), retry_at: None };
    let text = why(at("23T09:00"), &visits[0], &situation).text_zh;
    assert!(text.contains("间隔 1 分钟") && text.ends_with("；目前线路不可用：a：线路不通"), "{text}");
    let later = why(at("23T09:05"), &visits[0], &situation);
    assert_eq!((later.code, later.text_zh.as_str()), (WhyCode::TrunkDown, "线路不可用：a：线路不通"));
}
