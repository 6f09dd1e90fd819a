//! Rules of complaints, by their ids; the machine is walked whole in `every_step`.

mod every_step;

use super::fault::recurrence;
use super::steps::{Filled, with_second_call};
use super::*;
use crate::domain::calendar::{Calendar, SiteHours};
use crate::domain::score::{Answer, Indicator, Level, Rubric};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// Monday.
const MORNING: &str = "2026-11-23T10:00:00+08:00";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn calendar() -> Calendar {
    let work_hours = ["08:00-12:00", "13:00-18:00"].map(String::from).into();
    Calendar::new(&SiteHours { timezone: "Asia/Shanghai".into(), work_hours, holidays: "cn".into() }).unwrap()
}

/// A complaint of these words, opened at `now`, and what is done to it.
struct Case {
    policy: Policy,
    calendar: Calendar,
    now: Timestamp,
    c: Complaint,
}

impl Case {
    fn new(text: &str) -> Self {
        Self::of(New::bare(Source::Hotline, text), &[])
    }

    fn of(new: New, earlier: &[Earlier]) -> Self {
        let (policy, calendar, now) = (Policy::builtin().clone(), calendar(), at(MORNING));
        let rules = Rules { policy: &policy, calendar: &calendar };
        let c = open(now, ComplaintId::new("c-1"), "小李", new, earlier, &rules);
        Self { policy, calendar, now, c }
    }

    fn rules(&self) -> Rules<'_> {
        Rules { policy: &self.policy, calendar: &self.calendar }
    }

    fn try_step(&self, step: &Step) -> Result<Complaint, Refused> {
        apply(self.now, "小王", &self.c, step, &self.rules())
    }

    fn step(mut self, step: Step) -> Self {
        self.c = self.try_step(&step).unwrap_or_else(|e| panic!("{step:?} of {:?}: {e}", self.c.state));
        self
    }

    fn at(self, text: &str) -> Self {
        Self { now: at(text), ..self }
    }

    fn state(&self) -> StateName {
        self.c.state.name()
    }

    fn alarms(&self) -> Vec<AlarmKind> {
        alarms(self.now, &self.c).into_iter().map(|alarm| alarm.kind).collect()
    }
}

fn form() -> Form {
    let said = || Some("写明".to_owned());
    Form {
        who: said(),
        what: said(),
        when: said(),
        place: said(),
        why: said(),
        how: said(),
        how_much: said(),
        mood: Some(Mood::Sad),
        demand: None,
    }
}

fn quote() -> Quote {
    Quote { text: "又漏油了".into(), from_s: Some(12.5), to_s: Some(14.0), call: None, severe: false }
}

fn filled() -> Step {
    Step::Form(Box::new(Filled { form: form(), quotes: vec![quote()], ..Filled::default() }))
}

fn hand_over() -> Step {
    Step::HandOver { to: "服务经理".into(), department: Some("服务部".into()) }
}

fn approve() -> Step {
    Step::Approve { remark: "同意".into(), to: "服务经理".into(), department: None }
}

fn handled() -> Step {
    Step::Handled { solution: "更换液压泵".into(), people: None }
}

fn take_over(apology: &str) -> Step {
    Step::TakeOver { apology: apology.into() }
}

fn second(verdict: Verdict) -> Step {
    Step::SecondCall { call: None, verdict, quotes: vec![], remark: None }
}

fn close(cause: CloseCause) -> Step {
    Step::Close { cause, remark: "说明".into() }
}

fn with(signs: Signs) -> (Grade, String) {
    let (grade, why) = Policy::builtin().grade(&signs);
    (grade, why.to_owned())
}

#[test]
fn f01_the_table_grades_by_the_gravest_sign_and_says_why() {
    let check = |text: &str, level: Option<u8>, want: (Grade, Kind)| {
        let mut signs = Policy::builtin().words.read(text);
        signs.level = level.and_then(Level::new);
        let (grade, why) = with(signs.clone());
        assert_eq!((grade, signs.kind()), want, "{text}: {why}");
        assert!(!why.is_empty());
    };
    check("机器砸到人了，住院了", None, (Grade::A, Kind::Injury));
    check("再不解决我就去法院起诉你们", None, (Grade::A, Kind::Exposure));
    check("要退机，不退就找媒体曝光", None, (Grade::A, Kind::Return));
    check("給我退機", None, (Grade::B, Kind::Return));
    check("必须给我换台新的", None, (Grade::B, Kind::Replace));
    check("误工三天，赔我损失", None, (Grade::B, Kind::Compensation));
    check("机器停机了，干不了活", Some(2), (Grade::B, Kind::Service));
    check("机器动不了", None, (Grade::C, Kind::Service));
    check("服务太差", Some(1), (Grade::C, Kind::Service));
    check("气死我了", None, (Grade::C, Kind::Service));
    check("液压泵漏油", Some(3), (Grade::D, Kind::Fault));
    check("来得太慢", Some(2), (Grade::D, Kind::Service));
    check("配件贵了点", Some(3), (Grade::E, Kind::Service));
    // Denied, or another word.
    check("没有受伤，也不想退机", None, (Grade::E, Kind::Service));
    check("师傅来换机油换机滤，态度一般", None, (Grade::E, Kind::Service));
    let money = |yuan| with(Signs { money_yuan: Some(yuan), ..Signs::default() }).0;
    assert_eq!((money(9_999.0), money(10_000.0)), (Grade::E, Grade::A));
    assert_eq!(with(Signs { repeated: true, ..Signs::default() }).0, Grade::C);
    assert_eq!(with(Signs { severe: true, ..Signs::default() }).0, Grade::C);
}

#[test]
fn f01_a_table_that_leaves_some_complaint_without_a_grade_is_refused_with_its_line() {
    let shipped = include_str!("../../../rubrics/complaints.toml");
    let check = |from: &str, to: &str, want: &[&str]| {
        assert!(shipped.contains(from), "{from}");
        let error = Policy::parse(&shipped.replacen(from, to, 1)).unwrap_err().to_string();
        let line = 1 + shipped[..shipped.find(from).unwrap()].matches('\n').count();
        assert!(want.iter().all(|w| error.contains(w)), "{error}: {want:?}");
        assert!(error.starts_with(&format!("complaints.toml:{line}: ")), "{error}: line {line}");
        assert!(!error.contains('\n'), "{error}");
    };
    check("why = \"一般抱怨\"\n", "why = \"一般抱怨\"\nangry = true\n", &["grade", "no condition"]);
    check("why = \"涉及人身伤害\"\nkinds = [\"injury\"]", "why = \"涉及人身伤害\"", &["hides"]);
    check("handle = \"5 days\"", "handle = \"5 weeks\"", &["times.handle", "5 weeks"]);
    check("times = 3", "times = 1", &["replacement.times"]);
    check("[approval]", "[aproval]", &["aproval"]);
    check("grade = \"A\"", "grade = \"F\"", &["F"]);
    assert_eq!(Policy::parse(shipped).as_ref(), Ok(Policy::builtin()));
}

#[test]
fn f02_g03_grades_a_to_c_lack_what_the_sheet_lacks_and_d_and_e_need_none() {
    let all = ["who", "what", "when", "where", "why", "how", "how_much", "mood", "quotes"];
    assert_eq!(Case::new("机器动不了").c.missing(), all);
    assert_eq!(Case::new("来得太慢").c.missing(), Vec::<&str>::new());
    let half = Form { who: form().who, mood: Some(Mood::Angry), ..Form::default() };
    let some = Case::new("机器动不了").step(Step::Form(Box::new(Filled { form: half, ..Filled::default() })));
    assert_eq!(some.c.missing(), ["what", "when", "where", "why", "how", "how_much", "quotes"]);
    // 怒 is as good as angry words.
    assert!(some.c.signs.angry);
    let there = some.step(filled());
    assert_eq!((there.c.missing(), there.c.form.mood), (vec![], Some(Mood::Sad)));
}

#[test]
fn f02_a_complaint_of_grade_c_is_handled_only_with_its_sheet_and_the_customers_words() {
    let case = Case::new("机器动不了").step(hand_over());
    let Err(Refused::Incomplete(missing)) = case.try_step(&handled()) else { panic!("the sheet is empty") };
    assert!(missing.contains("mood") && missing.contains("quotes"), "{missing}");
    assert_eq!(case.step(filled()).step(handled()).state(), StateName::Handled);
    assert_eq!(Case::new("来得太慢").step(hand_over()).step(handled()).state(), StateName::Handled);
}

#[test]
fn f04_f05_it_is_handed_over_the_same_day_and_an_alarm_comes_with_the_end_of_the_working_day() {
    let check = |opened: &str, day_end: &str| {
        let (policy, calendar) = (Policy::builtin(), calendar());
        let rules = Rules { policy, calendar: &calendar };
        let c = open(at(opened), ComplaintId::new("c"), "x", New::bare(Source::Hotline, "慢"), &[], &rules);
        assert_eq!(c.due_at(), Some(at(day_end)), "{opened}");
        let told = |now: Timestamp| alarms(now, &c).iter().any(|a| a.kind == AlarmKind::NotHandedOver);
        let last = at(day_end);
        assert!(!told(last - SignedDuration::from_secs(1)) && told(last), "{opened}");
    };
    check(MORNING, "2026-11-23T18:00:00+08:00");
    check("2026-11-23T12:30:00+08:00", "2026-11-23T18:00:00+08:00");
    // After hours and at the weekend it is the next working day's.
    check("2026-11-23T18:00:00+08:00", "2026-11-24T18:00:00+08:00");
    check("2026-11-28T10:00:00+08:00", "2026-11-30T18:00:00+08:00");
    let over = Case::new("慢").step(hand_over()).at("2026-11-23T18:00:00+08:00");
    assert_eq!(over.alarms(), []);
}

#[test]
fn f06_a_site_may_want_a_leaders_word_for_every_grade() {
    let mut case = Case::new("来得太慢");
    case.policy.approval_grades = Grade::ALL.into();
    let waiting = case.step(hand_over());
    assert_eq!(waiting.state(), StateName::AwaitingApproval);
    assert_eq!(waiting.try_step(&handled()), Err(Refused::State("待批示")));
    let rejected = waiting.step(Step::Reject { remark: "先查清原因".into() });
    assert_eq!((rejected.state(), rejected.c.is_approved()), (StateName::Open, false));
    let approved = rejected.step(hand_over()).step(approve());
    assert_eq!((approved.state(), approved.c.is_approved()), (StateName::Handling, true));
    let decision = approved.c.decision.as_ref().unwrap();
    assert_eq!((decision.by.as_str(), decision.remark.as_str(), decision.at), ("小王", "同意", approved.now));
    assert_eq!(approved.step(handled()).state(), StateName::Handled);
}

#[test]
fn f06_a_leader_who_does_not_decide_within_a_working_day_is_an_alarm() {
    let case = Case::new("要求退机").step(hand_over());
    let late = |now| alarms(now, &case.c).iter().any(|alarm| alarm.kind == AlarmKind::NotDecided);
    assert!(!late(case.now) && late(at("2026-11-24T09:00:00+08:00")));
    assert_eq!(case.c.due_at(), Some(at("2026-11-24T09:00:00+08:00")));
}

#[test]
fn f12_a_grave_case_goes_to_a_leader_with_its_form_filled_in() {
    for text in ["机器砸到人了", "要求退机", "换一台新的", "要求赔偿", "我要去法院起诉"] {
        let case = Case::new(text).step(hand_over());
        assert_eq!(case.state(), StateName::AwaitingApproval, "{text}");
        assert!(matches!(case.try_step(&approve()), Err(Refused::Incomplete(_))), "{text}");
        let handling = case.step(filled()).step(approve());
        assert_eq!(handling.state(), StateName::Handling, "{text}");
        assert_eq!(handling.step(handled()).state(), StateName::Handled, "{text}");
    }
}

#[test]
fn f12_a_case_that_becomes_grave_while_it_is_handled_goes_to_a_leader_first() {
    let case = Case::new("液压泵漏油").step(hand_over());
    assert_eq!(case.state(), StateName::Handling);
    let injured = Filled { form: form(), quotes: vec![quote()], injury: Some(true), ..Filled::default() };
    let grave = case.step(Step::Form(Box::new(injured)));
    assert_eq!((grave.c.grade, grave.c.kind), (Grade::A, Kind::Injury));
    assert_eq!(grave.try_step(&handled()), Err(Refused::NotApproved("人身伤害")));
    assert_eq!(grave.step(hand_over()).step(approve()).step(handled()).state(), StateName::Handled);
}

#[test]
fn a_grade_by_hand_needs_a_reason_and_the_table_does_not_change_it_any_more() {
    let by_hand = |remark: Option<&str>| {
        let grade = Some(Grade::B);
        Step::Form(Box::new(Filled { grade, remark: remark.map(Into::into), ..Filled::default() }))
    };
    let case = Case::new("来得太慢");
    assert_eq!(case.try_step(&by_hand(None)), Err(Refused::GradeWithoutReason));
    let case = case.step(by_hand(Some("老客户")));
    assert_eq!(
        (case.c.grade, case.c.graded_by.as_deref(), case.c.grade_why.as_str()),
        (Grade::B, Some("小王"), "老客户")
    );
    let case = case.step(Step::Form(Box::new(Filled { injury: Some(true), ..Filled::default() })));
    assert_eq!(case.c.grade, Grade::B);
}

#[test]
fn f07_the_customer_is_marked_from_the_day_after_the_handling_on() {
    let case = Case::new("来得太慢").step(hand_over()).step(handled());
    let mark = at("2026-11-24T00:00:00+08:00");
    assert_eq!(case.c.marked_from, Some(mark));
    assert!(!case.c.is_marked(mark - SignedDuration::from_secs(1)) && case.c.is_marked(mark));
    let closed = case.step(second(Verdict::Satisfied));
    assert!(closed.c.notice(at("2027-11-24T00:00:00+08:00")).unwrap().contains("★ 重点关注"));
}

#[test]
fn f03_the_next_visit_is_reminded_of_it_until_it_was_gone_over_with_the_customer() {
    let open = Case::new("来得太慢");
    let early = open.try_step(&Step::Checked { remark: "好".into() });
    assert_eq!(early, Err(Refused::NotYetHandled));
    let closed = open.step(hand_over()).step(handled()).step(second(Verdict::Satisfied));
    assert!(closed.c.notice(closed.now).unwrap().contains("请与客户核对处理结果"));
    let checked = closed.step(Step::Checked { remark: "客户满意".into() });
    assert_eq!(checked.c.notice(checked.now), None, "the mark begins tomorrow");
    assert!(!checked.c.notice(at("2026-11-24T09:00:00+08:00")).unwrap().contains("请与客户核对"));
}

#[test]
fn f08_the_slip_goes_to_a_department_and_its_result_leads_to_the_second_call() {
    let slip = Step::Slip { department: "质量部".into(), text: "液压泵漏油".into(), answer_by: None };
    let out = Case::new("液压泵漏油").step(slip);
    assert_eq!((out.state(), out.c.state.department()), (StateName::WithDepartment, Some("质量部")));
    assert_eq!(out.c.due_at(), Some(at("2026-11-26T10:00:00+08:00")));
    let result = |solved| Step::SlipResult { result: "已更换".into(), solved, people: None };
    let unsolved = out.try_step(&result(false)).unwrap();
    assert_eq!((unsolved.state.name(), unsolved.rounds), (StateName::Handling, 0));
    let late = out.at("2026-11-26T10:00:00+08:00");
    assert_eq!(late.alarms(), [AlarmKind::SlipNotBack]);
    let back = late.step(result(true));
    assert_eq!((back.state(), back.c.solution.as_ref().unwrap().text.as_str()), (StateName::Handled, "已更换"));
}

#[test]
fn f09_what_cannot_be_solved_by_telephone_is_not_handled_before_somebody_was_there() {
    let case = Case::new("液压泵漏油").step(hand_over());
    let order = Step::SiteVisit { who: "李工".into(), due_at: at("2026-11-24T10:00:00+08:00") };
    let ordered = case.step(order);
    assert_eq!(ordered.try_step(&handled()), Err(Refused::SiteVisitOpen));
    let late = ordered.at("2026-11-24T10:00:00+08:00");
    assert_eq!(late.alarms(), [AlarmKind::SiteVisitOverdue]);
    let there = late.step(Step::SiteResult { result: "更换密封件".into() });
    assert_eq!((there.alarms(), there.step(handled()).state()), (vec![], StateName::Handled));
}

#[test]
fn f11_the_time_of_the_next_answer_is_kept_and_an_answer_that_is_overdue_is_an_alarm() {
    let promised = at("2026-11-23T15:00:00+08:00");
    let case = Case::of(New { reply_due_at: Some(promised), ..New::bare(Source::Hotline, "来得太慢") }, &[]);
    let late = case.step(hand_over()).at("2026-11-23T15:00:00+08:00");
    assert_eq!(late.alarms(), [AlarmKind::ReplyOverdue]);
    let reply = |text: Option<&str>, next_at| Step::Reply { text: text.map(Into::into), next_at };
    assert_eq!(late.try_step(&reply(None, None)), Err(Refused::Nothing));
    assert_eq!(late.try_step(&reply(None, Some(promised))), Err(Refused::Past));
    let again = at("2026-11-24T15:00:00+08:00");
    let moved = late.step(reply(Some("配件明天到"), Some(again)));
    assert_eq!((moved.alarms(), moved.c.reply_due_at), (vec![], Some(again)));
    assert_eq!(moved.step(reply(Some("已解决"), None)).c.reply_due_at, None);
}

#[test]
fn f16_a_written_complaint_has_a_time_for_its_answer_and_is_not_closed_without_one() {
    let case = Case::of(New::bare(Source::Written, "来信：来得太慢"), &[]);
    assert_eq!(case.c.reply_due_at, Some(at("2026-11-24T09:00:00+08:00")), "eight working hours");
    let handled = case.step(hand_over()).step(handled());
    assert_eq!(handled.try_step(&close(CloseCause::Satisfied)), Err(Refused::NotAnswered));
    // The second call says that all is well; the letter is still to be answered.
    let satisfied = handled.step(second(Verdict::Satisfied));
    assert_eq!(satisfied.state(), StateName::Handled);
    let answered = satisfied.step(Step::Reply { text: Some("回信".into()), next_at: None });
    assert_eq!(answered.step(close(CloseCause::Satisfied)).state(), StateName::Closed);
}

fn repair(id: &str, on: &str, fault: &str, machine: Option<&str>) -> Earlier {
    let machine_no = machine.map(Into::into);
    Earlier {
        id: id.into(),
        at: at(&format!("{on}T10:00:00+08:00")),
        machine_no,
        fault: fault.into(),
        complaint: false,
    }
}

#[test]
fn f14_the_same_fault_within_a_month_of_its_repair_is_an_alarm() {
    let check = |fault: &str, earlier: Earlier, want: Option<bool>| {
        let subject = Subject { machine_no: Some("M-1".into()), ..Subject::default() };
        let new = New { subject, ..New::bare(Source::Hotline, fault) };
        let case = Case::of(new, std::slice::from_ref(&earlier));
        assert_eq!(case.c.recurrence.as_ref().map(|r| r.soon), want, "{fault} after {earlier:?}");
        assert_eq!(case.alarms().contains(&AlarmKind::FaultRecurs), want == Some(true), "{fault} after {earlier:?}");
    };
    check("液压泵又漏油了", repair("SO-1", "2026-11-10", "液压泵漏油", Some("M-1")), Some(true));
    check("液壓泵漏油", repair("SO-1", "2026-10-23", "液压泵漏油", Some("M-1")), Some(true));
    check("液压泵又漏油了", repair("SO-1", "2026-10-22", "液压泵漏油", Some("M-1")), Some(false));
    check("液压泵又漏油了", repair("SO-1", "2026-11-10", "液压泵漏油", None), Some(true));
    check("液压泵又漏油了", repair("SO-1", "2026-11-10", "液压泵漏油", Some("M-2")), None);
    check("空调不制冷", repair("SO-1", "2026-11-10", "液压泵漏油", Some("M-1")), None);
    check("又出现故障", repair("SO-1", "2026-11-10", "还是故障", Some("M-1")), None);
}

#[test]
fn f13_the_same_fault_three_times_in_three_months_meets_the_criterion_for_a_replacement() {
    let check = |days: &[&str], want: bool| {
        let earlier: Vec<Earlier> = days.iter().map(|day| repair(day, day, "液压泵漏油", None)).collect();
        let (policy, calendar) = (Policy::builtin(), calendar());
        let found = recurrence(at(MORNING), &Subject::default(), "液压泵漏油", &earlier, policy, &calendar);
        assert_eq!(found.is_some_and(|r| r.replacement), want, "{days:?}");
    };
    check(&["2026-11-01"], false);
    check(&["2026-11-01", "2026-10-01"], true);
    check(&["2026-11-01", "2026-08-23"], true);
    check(&["2026-11-01", "2026-08-22"], false);
}

#[test]
fn f15_a_service_complaint_that_proved_true_says_what_followed_for_the_people() {
    let verified = Filled { reasonable: Some(true), ..Filled::default() };
    let case = Case::new("师傅态度不好").step(Step::Form(Box::new(verified))).step(hand_over());
    assert_eq!(case.try_step(&handled()), Err(Refused::PeopleMissing));
    let done = case.step(Step::Handled { solution: "道歉".into(), people: Some("批评教育".into()) });
    assert_eq!(done.c.solution.unwrap().people.as_deref(), Some("批评教育"));
}

#[test]
fn f17_an_angry_customer_is_an_alarm_at_once() {
    for (new, want) in [
        (New::bare(Source::Hotline, "你们太过分了"), true),
        (New { form: Form { mood: Some(Mood::Angry), ..Form::default() }, ..New::bare(Source::Hotline, "慢") }, true),
        (New { signs: Signs { angry: true, ..Signs::default() }, ..New::bare(Source::Hotline, "慢") }, true),
        (New::bare(Source::Hotline, "慢"), false),
    ] {
        let case = Case::of(new, &[]);
        assert_eq!(case.alarms().contains(&AlarmKind::CustomerAngry), want);
        assert_eq!(AlarmKind::CustomerAngry.severity(), crate::domain::audit::Severity::Red);
    }
}

#[test]
fn f18_a_supervisor_takes_an_angry_customer_over_with_an_apology_and_only_then_the_alarm_is_over() {
    let case = Case::new("你们太过分了");
    assert_eq!(case.try_step(&take_over(" ")), Err(Refused::Empty("向客户道歉的话")));
    let case = case.at("2026-11-23T10:05:00+08:00").step(take_over("实在对不起，我亲自来处理"));
    let taken = case.c.taken_over.clone().unwrap();
    assert_eq!((taken.by.as_str(), taken.at, taken.apology.as_str()), ("小王", case.now, "实在对不起，我亲自来处理"));
    assert_eq!(
        (case.alarms(), case.state()),
        (vec![], StateName::Open),
        "it is handed over and handled like any other"
    );
    let closed = case.step(close(CloseCause::Withdrawn));
    assert!(matches!(closed.try_step(&take_over("对不起")), Err(Refused::State(_))));
}

#[test]
fn f19_the_complaint_and_its_solution_are_kept_in_words() {
    let case = Case::new("来得太慢").step(hand_over());
    let blank = Step::Handled { solution: "  ".into(), people: None };
    assert_eq!(case.try_step(&blank), Err(Refused::Empty("处理办法")));
    let done = case.step(handled());
    assert_eq!((done.c.text.as_str(), done.c.solution.unwrap().text.as_str()), ("来得太慢", "更换液压泵"));
}

#[test]
fn f20_what_stops_the_customers_work_goes_first_then_the_graver_then_the_older() {
    let make = |text: &str, minutes: i64| {
        let mut c = Case::new(text).c;
        c.opened_at += SignedDuration::from_mins(minutes);
        c
    };
    let ordered = [
        make("机器动不了", 0),
        make("机器动不了", 1),
        make("要求退机", 2),
        make("液压泵漏油", 3),
        make("慢", -9),
        make("慢", 4),
    ];
    assert!(ordered.windows(2).all(|pair| pair[0].urgency() > pair[1].urgency()));
}

#[test]
fn a14_a15_the_customer_is_called_within_three_days_of_the_handling_until_he_is_satisfied() {
    // Complained again is grade C, which needs the sheet.
    let mut case = Case::new("液压泵漏油").step(filled());
    for round in 1..=3 {
        case = case.step(hand_over()).step(handled());
        let visit = VisitId::new(format!("v-{round}"));
        case.c = with_second_call(case.c, Ok(visit.clone()));
        assert_eq!((case.c.rounds, case.c.second_visit.as_ref()), (round, Some(&visit)));
        assert_eq!(case.c.due_at(), Some(case.now + SignedDuration::from_hours(72)));
        if round < 3 {
            case = case.step(second(Verdict::Dissatisfied));
            assert_eq!((case.state(), case.c.signs.repeated), (StateName::Open, true));
        }
    }
    let late = case.at("2026-11-26T10:00:00+08:00");
    assert_eq!(late.alarms(), [AlarmKind::SecondCallOverdue]);
    let unclear = late.step(second(Verdict::Unclear));
    assert_eq!(unclear.state(), StateName::Handled);
    let closed = unclear.step(second(Verdict::Satisfied));
    assert_eq!(closed.c.state, State::Closed { at: closed.now, cause: CloseCause::Satisfied });
    assert_eq!(closed.alarms(), []);
}

#[test]
fn a15_a_second_call_that_nobody_will_make_is_an_alarm_with_its_reason() {
    let case = Case::new("慢").step(hand_over()).step(handled());
    let c = with_second_call(case.c.clone(), Err("没有订单".into()));
    assert!(matches!(&c.state, State::Handled { second: SecondCall::NotPlanned { why }, .. } if why == "没有订单"));
    let case = Case { c, ..case };
    assert_eq!(case.alarms(), [AlarmKind::SecondCallNotPlanned]);
}

#[test]
fn d24_a_claim_is_declined_only_when_it_was_found_unreasonable() {
    let case = Case::new("来得太慢");
    assert_eq!(case.try_step(&close(CloseCause::Unreasonable)), Err(Refused::NotUnreasonable));
    let judged = Filled { reasonable: Some(false), side: Some(Side::Sales), ..Filled::default() };
    let case = case.step(Step::Form(Box::new(judged)));
    assert_eq!(case.c.side, Some(Side::Sales), "D23");
    assert_eq!(case.step(close(CloseCause::Unreasonable)).state(), StateName::Closed);
    // A grave one is declined by a leader.
    let grave = Filled { form: form(), quotes: vec![quote()], reasonable: Some(false), ..Filled::default() };
    let case = Case::new("要求退机").step(Step::Form(Box::new(grave)));
    assert_eq!(case.try_step(&close(CloseCause::Unreasonable)), Err(Refused::Undecided("要求退机")));
    let declined = case.step(hand_over()).step(Step::Reject { remark: "已过三包期".into() });
    assert_eq!(declined.step(close(CloseCause::Unreasonable)).state(), StateName::Closed);
}

#[test]
fn b03_e08_e09_e10_a_call_is_a_complaint_when_an_answer_is_one_and_advice_is_none() {
    let rubric = Rubric::builtin();
    let check = |text: &str, want: Option<(Grade, Kind)>| {
        let mut answer = Answer::bare(Some(Indicator::Overall), "请问您对这次服务总的评价怎么样？", text);
        (answer.start_s, answer.end_s) = (Some(20.0), Some(25.0));
        let judged = [rubric.judge(&answer)];
        let heard = heard::heard(&CallId::new("k"), &[answer], &judged, Policy::builtin());
        let got = heard.as_ref().map(|heard| (with(heard.signs.clone()).0, heard.signs.kind()));
        assert_eq!(got, want, "{text}: {judged:?}");
        for quote in heard.iter().flat_map(|heard| &heard.quotes) {
            assert!(text.contains(&quote.text), "{text}: {quote:?}");
            assert!(quote.from_s >= Some(20.0) && quote.to_s <= Some(25.0), "{quote:?}");
        }
    };
    check("很差，我要退机", Some((Grade::B, Kind::Return)));
    check("太差了，我要去法院起诉你们", Some((Grade::A, Kind::Exposure)));
    check("不满意，来得太慢", Some((Grade::D, Kind::Service)));
    check("很满意", None);
    check("挺好的，建议你们多备点配件", None);
}

#[test]
fn a15_a_second_call_satisfies_when_everything_said_is_good() {
    let rubric = Rubric::builtin();
    let check = |texts: &[&str], want: Verdict| {
        let judged: Vec<_> = texts
            .iter()
            .map(|text| rubric.judge(&Answer::bare(Some(Indicator::Overall), "您对这次处理结果满意吗？", *text)))
            .collect();
        assert_eq!(heard::verdict(&judged), want, "{texts:?}");
    };
    check(&["很满意"], Verdict::Satisfied);
    check(&["很满意", "还可以吧，一般"], Verdict::Unclear);
    check(&["满意", "不满意，还是漏油"], Verdict::Dissatisfied);
    check(&["我要退机"], Verdict::Dissatisfied);
    check(&["在忙"], Verdict::Unclear);
    check(&[], Verdict::Unclear);
}

#[test]
fn a_call_that_is_judged_again_adds_what_is_new_and_never_regrades_a_person() {
    let case = Case::new("来得太慢");
    let heard = Heard {
        text: "我要退机".into(),
        quotes: vec![quote()],
        signs: Signs { kinds: BTreeSet::from([Kind::Return]), severe: true, ..Signs::default() },
    };
    let next = case.c.with_heard(&heard, &case.policy).unwrap();
    assert_eq!((next.grade, next.kind, next.quotes.len()), (Grade::B, Kind::Return, 1));
    assert_eq!(next.with_heard(&heard, &case.policy), None);
    let by_hand = Complaint { graded_by: Some("小王".into()), ..case.c.clone() };
    assert_eq!(by_hand.with_heard(&heard, &case.policy).unwrap().grade, Grade::E);
    let withdrawn = case.step(close(CloseCause::Withdrawn));
    assert_eq!(withdrawn.c.with_heard(&heard, &withdrawn.policy), None);
}
