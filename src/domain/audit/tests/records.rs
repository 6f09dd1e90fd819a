//! Rows that the records show, one situation each.

use super::*;
use crate::domain::id::{PromiseId, SeatId};
use crate::domain::promise::{Kind as PromiseKind, Source, State};
use crate::domain::visit::task::CloseCause;

/// A call of an opening, which the customer answered so, and what the agent said then.
fn put_off(said: &str, then: &str) -> World {
    let opening = [OPENING[0], OPENING[1], OPENING[2], ('c', 9.5, 10.5, said), ('a', 11.0, 14.0, then)];
    let mut w = led(&opening);
    w.call.conversation = Some(ConversationEnd::Refused);
    w
}

#[test]
fn a07_a_customer_without_time_is_asked_for_another_one() {
    let check = |said: &str, then: &str, want: Option<Severity>| {
        assert_eq!(put_off(said, then).severity("A07"), want, "{said}: {then}");
    };
    check("正开车呢，不方便。", "那您什么时候方便，我再打给您？", Some(Severity::Pass));
    check("正开车呢，不方便。", "那我明天上午给您打可以吗？", Some(Severity::Pass));
    check("正开车呢，不方便。", "好的，再见。", Some(Severity::Amber));
    check("不需要回访。", "好的，再见。", None);
    let mut w = put_off("正开车呢，不方便。", "好的，再见。");
    w.call.conversation = Some(ConversationEnd::Callback { said: Some("下午三点".into()), at: None });
    assert_eq!(w.severity("A07"), Some(Severity::Pass), "his own words");
    assert_eq!(world(GOOD).severity("A07"), None, "he had time");
}

#[test]
fn a08_a_wrong_number_is_marked_and_asked_nothing() {
    let mut w =
        led(&[OPENING[0], ('c', 5.0, 7.0, "你打错了，我不姓王。"), ('a', 8.0, 10.0, "不好意思，打扰您了，再见。")]);
    assert_eq!(w.severity("A08"), Some(Severity::Amber), "nobody marked it");
    w.visit.state = VisitState::Closed { cause: CloseCause::WrongNumber, at: nine() };
    assert_eq!(w.severity("A08"), Some(Severity::Pass));
    let mut w =
        led(&[OPENING[0], ('c', 5.0, 7.0, "你打错了，我不姓王。"), ('a', 8.0, 10.0, "那您的机器工作多少小时了？")]);
    w.call.conversation = Some(ConversationEnd::WrongNumber);
    assert_eq!(w.severity("A08"), Some(Severity::Amber), "asked on");
    assert_eq!(world(GOOD).severity("A08"), None);
}

#[test]
fn a13_a_call_outside_the_calling_hours_is_amber_also_when_nobody_answered() {
    let mut w = world(GOOD);
    w.call.instants.answered_at = None;
    w.hours = Some(CallingHours { text: "08:00-20:00".into(), kept: true });
    assert_eq!(w.severity("A13"), Some(Severity::Pass));
    w.hours = Some(CallingHours { text: "08:00-20:00".into(), kept: false });
    let f = w.findings().into_iter().find(|f| f.rule == "A13").unwrap();
    assert_eq!((f.severity, f.seen.as_str()), (Severity::Amber, "不在允许呼叫的时段 08:00-20:00 内拨打"));
}

#[test]
fn a19_a_promise_of_the_call_is_open_kept_or_red_when_overdue() {
    let promise = |overdue_at, state| Promise {
        id: PromiseId::new("p1"),
        kind: PromiseKind::CallBack,
        order_no: OrderNo::new("F1"),
        call: Some(CallId::new("c1")),
        visit: None,
        what: "让师傅回电".into(),
        promised_by: "s1".into(),
        owner: "服务站".into(),
        promised_at: nine(),
        due_at: nine() + minutes(60),
        source: Source::Agent,
        evidence: None,
        overdue_at,
        state,
        version: 1,
    };
    let check = |promises: Vec<Promise>, want: Option<Severity>| {
        let mut w = world(GOOD);
        w.promises = promises;
        assert_eq!(w.severity("A19"), want, "{:?}", w.promises);
    };
    let kept = || State::Kept { told_at: nine(), told: "已告知".into(), by: "s1".into() };
    check(vec![], None);
    check(vec![promise(None, State::Open)], Some(Severity::Info));
    check(vec![promise(None, kept())], Some(Severity::Pass));
    check(vec![promise(None, kept()), promise(None, State::Open)], Some(Severity::Info));
    check(vec![promise(Some(nine() + minutes(61)), kept())], Some(Severity::Red));
}

#[test]
fn g05_an_agent_who_wrote_nothing_down_in_time_is_amber() {
    let mut w = led(&OPENING);
    w.call.conversation = None;
    assert_eq!(w.severity("G05"), Some(Severity::Amber));
    let reason = WaitReason::WrapUp { call: w.call.id.clone(), seat: SeatId::new("s1"), until: nine() + minutes(10) };
    w.visit.state = VisitState::Waiting { not_before: nine(), reason };
    assert_eq!(w.severity("G05"), None, "he still has time");
    w.call.conversation = Some(ConversationEnd::Completed);
    w.call.note = Some("一切正常".into());
    w.visit.state = VisitState::Completed { call: w.call.id.clone(), at: nine() };
    assert_eq!(w.severity("G05"), Some(Severity::Pass));
    assert_eq!(world(GOOD).severity("G05"), None, "the questionnaire writes its own journal");
}

#[test]
fn g17_a_need_is_told_and_passes_when_it_goes_on() {
    let check = |said: &str, then: &str, want: Option<Severity>| {
        let middle = [('c', 12.0, 14.0, said), ('a', 15.0, 17.0, then)];
        assert_eq!(conduct(&middle, "G17"), want, "{said}: {then}");
    };
    check("我还想再订一台小挖。", "好的，祝您生意兴隆。", Some(Severity::Amber));
    check("我还想再订一台小挖。", "好的，我转给销售经理跟您联系。", Some(Severity::Pass));
    check("下个月打算约个大修。", "嗯。", Some(Severity::Amber));
    check("换了一台新泵。", "好的。", None);
    check("我要退机，不想再买你们的。", "抱歉。", None);
}
