//! Visits that wait for an agent: skills, a look at the order, a result to be written down.

use super::*;

/// Visits for agents, each with the language that it asks for.
fn asking(list: &[(&str, &str, Option<&str>)]) -> (Vec<Visit>, HashMap<VisitId, Wanted>) {
    let wanted = |language: Option<&str>| Wanted {
        service: ServiceType::Maintenance,
        language: language.map(Into::into),
        dealer: None,
        declined: vec![],
    };
    let visits = list.iter().map(|(id, received, _)| of("agents", fresh(id, received))).collect();
    (visits, list.iter().map(|(id, _, language)| (VisitId::new(*id), wanted(*language))).collect())
}

fn speaks(id: &str, languages: &[&str]) -> Seat {
    let languages = languages.iter().map(|l| l.to_string()).collect();
    Seat { skills: Skills { languages, ..Skills::default() }, ..seated(id) }
}

#[test]
fn a_visit_that_no_idle_seat_can_serve_is_passed_over_and_says_what_is_missing() {
    let (visits, wants) = asking(&[
        ("1-canton", "23T09:00", Some("粤语")),
        ("2-any", "23T09:01", None),
        ("3-hakka", "23T09:02", Some("客家话")),
        ("4-any", "23T09:03", None),
        ("5-canton", "23T09:04", Some("粤语")),
    ]);
    let check = |seats: &[Seat], reserve: u32, dialled: &[&str], reasons: &[(&str, WhyCode, &str)]| {
        let mut s = Situation { seats, wants: &wants, ..situation(&visits) };
        s.capacity.reserve_idle_seats = reserve;
        let now = at("23T09:10");
        assert_eq!(ids(&plan(now, &s).dial), dialled);
        for visit in &visits {
            let why = why(now, visit, &s);
            let ready = dialled.contains(&visit.id.as_str());
            assert_eq!(why.code == WhyCode::Ready, ready, "the plan and its reason disagree: {why:?}");
            let Some((_, code, text)) = reasons.iter().find(|(id, ..)| *id == visit.id.as_str()) else { continue };
            assert_eq!((why.code, why.text_zh.as_str()), (*code, *text), "{}", visit.id);
        }
    };
    let hakka = ("3-hakka", WhyCode::SeatSkill, "空闲坐席中没有人能服务客家话");
    let mandarin = |id: &str| speaks(id, &["普通话"]);
    let one_canton = [speaks("a", &["粤语", "普通话"]), mandarin("b"), mandarin("c"), mandarin("d")];
    let behind = ("5-canton", WhyCode::Busy, "前面还有4个更紧急的回访，可分配的空闲坐席3个");
    check(&one_canton, 1, &["1-canton", "2-any", "4-any"], &[hakka, behind]);
    check(&one_canton[..3], 1, &["1-canton", "2-any"], &[hakka]);
    // Nobody who speaks it is there: those behind go first.
    check(&one_canton[1..], 1, &["2-any", "4-any"], &[("1-canton", WhyCode::SeatSkill, "空闲坐席中没有人能服务粤语")]);
    check(&[], 1, &[], &[("2-any", WhyCode::NoSeat, "没有坐席签入，等待坐席签入")]);
    let busy = [on_break("a"), on_break("b")];
    check(&busy, 1, &[], &[("2-any", WhyCode::SeatsBusy, "坐席全部忙碌或小休，等待坐席空出")]);
    let floor = "空闲坐席2个，按规则 B01 要保留2个，等待坐席空出";
    let two = [on_break("a"), mandarin("b"), mandarin("c")];
    check(&two, 2, &[], &[("2-any", WhyCode::SeatReserve, floor)]);
}

#[test]
fn a_visit_that_an_agent_looks_at_is_not_dialled_and_why_names_him() {
    let (visits, wants) = asking(&[("v1", "23T09:00", None), ("v2", "23T09:01", None)]);
    let mut seats = TEAM.clone();
    seats[0] = seat::reserve(at("23T09:02"), &seats[0], VisitId::new("v1"), None, true, Some(at("23T09:03"))).unwrap();
    let s = Situation { seats: &seats, wants: &wants, ..situation(&visits) };
    let now = at("23T09:02");
    let decided = plan(now, &s);
    assert_eq!((ids(&decided.dial), decided.next_wakeup), (vec!["v2"], Some(at("23T09:03"))));
    let why = why(now, &visits[0], &s);
    assert_eq!((why.code, why.until), (WhyCode::AtSeat, Some(at("23T09:03"))));
    assert_eq!(why.text_zh, "坐席 a 正在查看该回访，由其决定拨打或退回");
}

#[test]
fn a04_a_visit_waits_for_its_agents_result_before_anything_else_and_is_settled_when_the_time_is_over() {
    let held = claim(at("23T09:00"), &of("agents", fresh("v1", "23T08:55")), CallId::new("c")).unwrap();
    let hung_up = CallResult { call: CallId::new("c"), outcome: Outcome::HungUp, conversation: None, next_trunk: None };
    let until = Some(at("23T09:03"));
    let waits = after_agent_call(at("23T09:01"), &held, &hung_up, &SeatId::new("a"), until, &excavator(), &CALENDAR);
    assert_eq!(waits.redial_guard, Some(at("23T10:01")), "at once");
    let visits = [waits];
    let s = situation(&visits);
    let before = plan(at("23T09:02"), &s);
    assert_eq!((before.dial.len(), before.results_due.len(), before.next_wakeup), (0, 0, until));
    let why = why(at("23T09:02"), &visits[0], &s);
    assert_eq!((why.code, why.until), (WhyCode::WrapUp, until));
    assert_eq!(why.text_zh, "第1次呼叫已结束，等待坐席 a 填写回访结果，最晚 09:03");
    let over = plan(at("23T09:03"), &s);
    assert_eq!((over.dial.len(), over.results_due), (0, vec![(VisitId::new("v1"), CallId::new("c"))]));
}
