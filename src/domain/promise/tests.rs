use super::*;
use crate::domain::calendar::SiteHours;
use std::sync::LazyLock;

static CALENDAR: LazyLock<Calendar> = LazyLock::new(|| {
    let work_hours = vec!["08:00-12:00".into(), "13:00-18:00".into()];
    Calendar::new(&SiteHours { timezone: "Asia/Shanghai".into(), work_hours, holidays: "cn".into() }).unwrap()
});
static PROGRAMME: LazyLock<Programme> =
    LazyLock::new(|| Programme::parse("promise.toml", include_str!("../../../programmes/promise.toml")).unwrap());
const TERMS: Terms = Terms { call_back: Duration::from_secs(7200), confirmation: Duration::from_secs(28_800) };

/// `23T09:00` in November 2026; the 23rd is a Monday.
fn at(local: &str) -> Timestamp {
    format!("2026-11-{local}+08:00").parse().unwrap()
}

fn promise(kind: Kind) -> Promise {
    Promise {
        id: PromiseId::new("p"),
        kind,
        order_no: OrderNo::new("FW-1"),
        call: Some(CallId::new("c")),
        visit: None,
        what: "回电告知配件到货时间".into(),
        promised_by: "anna".into(),
        owner: "anna".into(),
        promised_at: at("23T10:00"),
        due_at: at("23T11:00"),
        source: Source::Heard { doer: Doer::Us },
        evidence: None,
        overdue_at: None,
        state: State::Open,
        version: 1,
    }
}

#[test]
fn a20_it_closes_only_when_the_customer_was_told_what_and_when_and_by_whom() {
    let open = promise(Kind::CallBack);
    let told = |at_told: &str| tell(at("23T12:00"), &open, "配件明天到", at(at_told), "anna");
    for wrong in ["23T09:59", "23T12:01"] {
        assert_eq!(told(wrong).unwrap_err(), Refused::NotThen);
    }
    let kept = told("23T11:30").unwrap();
    let want = State::Kept { told_at: at("23T11:30"), told: "配件明天到".into(), by: "anna".into() };
    assert_eq!((&kept.state, kept.state.name()), (&want, StateName::Kept));
    assert_eq!(confirm(at("23T12:00"), &open, "李强", "").unwrap_err(), Refused::NotToConfirm);
    let withdrawn = withdraw(at("23T12:00"), &open, "客户说不用了", "boss").unwrap();
    for over in [&kept, &withdrawn] {
        assert_eq!(tell(at("23T12:00"), over, "x", at("23T12:00"), "anna").unwrap_err(), Refused::Over);
        assert_eq!(withdraw(at("23T12:00"), over, "x", "anna").unwrap_err(), Refused::Over);
        assert_eq!(assign(over, "bob").unwrap_err(), Refused::Over);
        assert_eq!(mark_overdue(at("25T12:00"), over), None);
    }
    assert_eq!(assign(&open, "bob").unwrap().owner, "bob");
}

#[test]
fn a18_a_consultation_is_closed_by_an_engineer_and_not_by_telling() {
    let open = promise(Kind::Confirmation);
    assert_eq!(tell(at("23T12:00"), &open, "好了", at("23T12:00"), "anna").unwrap_err(), Refused::NeedsEngineer);
    let confirmed = confirm(at("23T12:00"), &open, "李强", "故障已排除").unwrap();
    let want = State::Confirmed { at: at("23T12:00"), engineer: "李强".into(), note: "故障已排除".into() };
    assert_eq!(confirmed.state, want);
}

#[test]
fn a19_it_is_overdue_once_and_that_stays_when_it_is_kept_late() {
    let open = promise(Kind::CallBack);
    assert_eq!(mark_overdue(at("23T11:00"), &open), None, "not before its time is over");
    let overdue = mark_overdue(at("23T11:01"), &open).unwrap();
    assert_eq!(overdue.overdue_at, Some(at("23T11:01")));
    assert_eq!(mark_overdue(at("23T11:02"), &overdue), None, "the alarm is given once");
    let kept = tell(at("23T15:00"), &overdue, "配件明天到", at("23T15:00"), "anna").unwrap();
    assert_eq!(kept.overdue_at, Some(at("23T11:01")));
}

#[test]
fn a19_f11_it_is_due_when_the_agent_said_or_else_as_the_programme_or_the_site_says_in_working_time() {
    let of = |promised: &str, said: &str, programme: bool| {
        let programme = begins_by_promise(&PROGRAMME).filter(|_| programme);
        due(at(promised), Some(said), programme, &TERMS, &CALENDAR)
    };
    for (promised, said, from, want) in [
        ("23T10:00", "明天上午给您回电话", Some("24T09:00"), "24T12:00"),
        ("23T10:00", "下午三点给您回电话", Some("23T15:00"), "23T15:00"),
        ("23T10:00", "三天之内给您答复", None, "26T18:00"),
        ("23T10:00", "明天给您答复", Some("24T09:00"), "24T18:00"),
        ("23T10:00", "今天下班前给您答复", None, "23T18:00"),
        ("25T10:00", "两个工作日内给您答复", None, "27T18:00"),
        ("26T10:00", "两个工作日内给您答复", None, "30T18:00"), // Thursday: Friday and Monday
        ("23T10:00", "尽快给您答复", None, "23T11:00"),         // the programme: 60 working minutes
        ("23T11:30", "尽快给您答复", None, "23T13:30"),
        ("23T18:30", "尽快给您答复", None, "24T09:00"), // A03
        ("23T18:30", "今天下班前给您答复", None, "24T09:00"),
    ] {
        assert_eq!(of(promised, said, true), Due { from: from.map(at), at: at(want) }, "{promised} {said}");
    }
    assert_eq!(of("23T10:00", "尽快", false).at, at("23T12:00"), "the terms of the site");
    assert_eq!(working(at("23T17:00"), TERMS.confirmation, &CALENDAR), at("24T16:00"), "A18, in working time");
}

#[test]
fn a19_its_visit_is_due_with_it_and_is_not_dialled_before_there_can_be_something_to_tell() {
    let visit = |said: &str| {
        let (programme, stage) = begins_by_promise(&PROGRAMME).unwrap();
        let open = promise(Kind::CallBack);
        let due = due(open.promised_at, Some(said), Some((programme, stage)), &TERMS, &CALENDAR);
        let start = Start {
            id: VisitId::new("v"),
            order_no: open.order_no.clone(),
            programme,
            stage,
            trigger: Trigger::Promise,
            branch: None,
            on_site: false,
        };
        visit_of(at("23T10:05"), &open, due, start, &CALENDAR)
    };
    let dialled = |visit: &Visit| match &visit.state {
        VisitState::Waiting { not_before, .. } => *not_before,
        other => panic!("{other:?}"),
    };
    for (said, due, deadline, from) in [
        ("尽快给您答复", "23T11:00", "23T14:00", "23T10:00"),
        ("明天上午给您回电话", "24T12:00", "24T15:00", "24T09:00"),
        ("下午三点给您回电话", "23T15:00", "23T17:00", "23T14:50"),
        ("三天之内给您答复", "26T18:00", "27T10:00", "23T10:00"),
    ] {
        let visit = visit(said);
        assert_eq!((visit.due_at, visit.deadline_at), (at(due), at(deadline)), "{said}");
        assert_eq!(dialled(&visit), at(from), "{said}");
        assert_eq!((visit.origin.trigger, visit.programme.as_str()), (Trigger::Promise, "promise"));
    }
}
