use super::window::Offset;
use super::*;
use crate::domain::announcement::Kind;
use crate::domain::calendar::SiteHours;

const EXCAVATOR: &str = include_str!("../../../programmes/excavator.toml");

fn excavator() -> Programme {
    Programme::parse("excavator.toml", EXCAVATOR).unwrap()
}

fn site(shifts: &[&str]) -> Calendar {
    let work_hours = shifts.iter().map(|s| s.to_string()).collect();
    Calendar::new(&SiteHours { timezone: "Asia/Shanghai".into(), work_hours, holidays: "cn".into() }).unwrap()
}

fn at(local: &str) -> Timestamp {
    format!("{local}+08:00").parse().unwrap()
}

#[test]
fn the_shipped_programme_says_what_the_source_text_says() {
    let p = excavator();
    let window = p.first().window;
    assert_eq!((window.due, window.deadline), (Offset::WorkingMin(30), Offset::WorkingMin(180)), "A01, A02");
    assert_eq!((p.first().on.as_slice(), window.after), (&[Trigger::Sms][..], None));
    assert_eq!(p.after_deadline, AfterDeadline::EscalateAndCall);
    assert_eq!(p.calling_hours_text(), "08:00-20:00");
    for (key, minutes, binds_people) in [
        ("busy", 5, false),
        ("no_answer", 20, false),
        ("declined", 60, true),
        ("hung_up", 60, true),
        ("unreachable", 30, false),
        ("trunk_failure", 1, false),
        ("auth_failed", 5, false),
        ("recorder_failed", 5, false),
    ] {
        let RetryRule::Retry(retry) = p.rule(RuleKey::parse(key).unwrap()) else { panic!("{key} is retried") };
        assert_eq!((retry.spacing.as_secs() / 60, retry.binds_people), (minutes, binds_people), "{key}");
    }
    for (key, cause) in [
        ("invalid_number", CloseCause::InvalidNumber),
        ("wrong_number", CloseCause::WrongNumber),
        ("refused", CloseCause::Refused),
    ] {
        assert_eq!(p.rule(RuleKey::parse(key).unwrap()), &RetryRule::Close(cause));
    }
}

#[test]
fn an_error_names_file_line_key_and_rule() {
    #[track_caller]
    fn check(from: &str, to: &str, want: &[&str]) {
        assert!(EXCAVATOR.contains(from), "{from}");
        let text = EXCAVATOR.replacen(from, to, 1);
        let line = 1 + EXCAVATOR[..EXCAVATOR.find(from).unwrap()].matches('\n').count();
        let error = Programme::parse("x.toml", &text).unwrap_err();
        let shown = error.to_string();
        for want in want {
            assert!(shown.contains(want), "{want:?} not in {shown:?}");
        }
        assert!(!shown.contains('\n'), "one line: {shown}");
        assert_eq!((error.file.as_str(), error.line), ("x.toml", line), "{shown}");
    }
    check("due_working_min = 30", "due_working_min = 0", &["window.due_working_min", "A01"]);
    check("deadline_working_min = 180", "deadline_working_min = 20", &["window.deadline_working_min", "A02"]);
    check("deadline_working_min = 180", "deadline_working_min = \"3h\"", &["deadline_working_min", "invalid type"]);
    check("after_deadline = \"escalate_and_call\"", "after_deadline = \"forget\"", &["after_deadline", "forget"]);
    check("due_working_min = 30 ", "due_minutes = 30 ", &["due_minutes", "unknown field"]);
    check("hours = [\"08:00-20:00\"]", "hours = [\"08:00\"]", &["calling.hours", "A13"]);
    check("hours = [\"08:00-20:00\"]", "hours = [\"20:00-08:00\"]", &["calling.hours", "20:00-08:00"]);
    check("attempts_max = 8", "attempts_max = 0", &["calling.attempts_max", "A06"]);
    check("call_s_max = 600", "call_s_max = 5", &["calling.call_s_max", "C11"]);
    check("satisfaction_items_max = 5", "satisfaction_items_max = 0", &["satisfaction_items_max", "C12"]);
    check("busy = { spacing_min = 5,", "busy = { spacing_min = 0,", &["retry.busy.spacing_min", "A04"]);
    check("busy = { spacing_min = 5, max = 6,", "busy = { spacing_min = 5,", &["retry.busy.then"]);
    check("busy = {", "engaged = {", &["retry.engaged", "neither an outcome"]);
    check("{ close = \"refused\" }", "{ close = \"refused\", max = 3 }", &["retry.refused.close"]);
    check("{ close = \"refused\" }", "{ }", &["retry.refused", "either close or spacing_min"]);
    check("{ close = \"refused\" }", "{ close = \"bored\" }", &["bored"]);
    check("spacing_max_min = 15", "spacing_max_min = 0", &["retry.trunk_failure.spacing_max_min"]);
    check("preview_s = 60", "preview_s = 4", &["agent.preview_s", "5 to 600"]);
    check("dial = \"progressive\"", "dial = \"predictive\"", &["dial", "predictive"]);
    check("preview_s = 60", "look_s = 60", &["look_s", "unknown field"]);
    check("name = \"excavator\"", "name = \"\"", &["name", "empty"]);
    check("title = ", "title : ", &["title"]);
}

#[test]
fn a_result_without_a_rule_is_an_error() {
    for key in RuleKey::all() {
        let lines: Vec<&str> = EXCAVATOR.lines().filter(|l| !l.starts_with(&format!("{} =", key.name()))).collect();
        let parsed = Programme::parse("x.toml", &lines.join("\n"));
        if key == RuleKey::End(EndKind::Machine) {
            // Programmes of before it are valid: nobody has answered.
            let parsed = parsed.unwrap();
            assert_eq!(parsed.rule(key), parsed.rule(RuleKey::Outcome(Outcome::NoAnswer)));
            continue;
        }
        let error = parsed.unwrap_err().to_string();
        assert!(error.contains(&format!("retry.{}", key.name())), "{error}");
    }
}

#[test]
fn the_end_of_the_conversation_decides_where_there_was_one() {
    let p = excavator();
    let abandoned = ConversationEnd::Abandoned { answered: 2 };
    for (outcome, end, want) in [
        (Outcome::Answered, Some(ConversationEnd::Completed), None),
        (Outcome::HungUp, Some(ConversationEnd::Completed), None),
        (Outcome::TrunkFailure, Some(ConversationEnd::Completed), None),
        (Outcome::RecorderFailed, Some(ConversationEnd::Completed), Some("recorder_failed")),
        (Outcome::Answered, Some(ConversationEnd::Refused), Some("refused")),
        (Outcome::HungUp, Some(ConversationEnd::Refused), Some("refused")),
        (Outcome::HungUp, Some(ConversationEnd::Callback { said: None, at: None }), Some("callback")),
        (Outcome::HungUp, Some(abandoned.clone()), Some("hung_up")),
        (Outcome::HungUp, Some(ConversationEnd::Silent), Some("hung_up")),
        (Outcome::HungUp, None, Some("hung_up")),
        (Outcome::Answered, Some(abandoned), Some("abandoned")),
        (Outcome::Answered, Some(ConversationEnd::Silent), Some("silent")),
        (Outcome::Answered, Some(ConversationEnd::Machine { heard: Kind::Mailbox }), Some("machine")),
        // Behind a 200 the network spoke: the outcome is of what it said.
        (Outcome::Unreachable, Some(ConversationEnd::Machine { heard: Kind::PoweredOff }), Some("unreachable")),
        (Outcome::InvalidNumber, Some(ConversationEnd::Machine { heard: Kind::VacantNumber }), Some("invalid_number")),
        (Outcome::Answered, None, Some("fault")),
        (Outcome::Busy, None, Some("busy")),
        (Outcome::TrunkFailure, None, Some("trunk_failure")),
        (Outcome::TrunkFailure, Some(ConversationEnd::Refused), Some("refused")),
        (Outcome::TrunkFailure, Some(ConversationEnd::WrongNumber), Some("wrong_number")),
        (Outcome::TrunkFailure, Some(ConversationEnd::Callback { said: None, at: None }), Some("callback")),
        (Outcome::TrunkFailure, Some(ConversationEnd::Abandoned { answered: 1 }), Some("fault")),
        (Outcome::TrunkFailure, Some(ConversationEnd::Silent), Some("fault")),
    ] {
        let got = match p.verdict(outcome, end.as_ref()) {
            Verdict::Valid => None,
            Verdict::Rule(key, _) => Some(key.name()),
        };
        assert_eq!(got, want, "{outcome:?} {end:?}");
    }
}

#[test]
fn a13_nobody_is_called_in_quiet_hours_and_outside_working_hours_only_on_request() {
    let (p, c) = (excavator(), site(&["07:00-12:00", "13:00-22:00"]));
    for (t, on_request, want) in [
        ("2026-11-23T07:30", false, "2026-11-23T08:00"), // open, but the customer sleeps
        ("2026-11-23T07:30", true, "2026-11-23T08:00"),
        ("2026-11-23T12:30", false, "2026-11-23T13:00"),
        ("2026-11-23T12:30", true, "2026-11-23T12:30"),
        ("2026-11-23T20:00", true, "2026-11-24T08:00"),
        ("2026-11-20T20:30", false, "2026-11-23T08:00"), // over a weekend
        ("2026-11-22T10:00", true, "2026-11-22T10:00"),  // Sunday, as the customer asked
    ] {
        assert_eq!(p.next_callable(&c, at(t), on_request), at(want), "{t} {on_request}");
    }
}

#[test]
fn a_programme_that_could_never_call_is_refused_at_start() {
    let (p, night) = (excavator(), site(&["00:00-06:00", "21:00-24:00"]));
    let error = Programmes::new(vec![p.clone()], &night).unwrap_err().to_string();
    assert!(error.contains("calling.hours"), "{error}");
    let error = Programmes::new(vec![p.clone(), p], &site(&["08:00-12:00"])).unwrap_err().to_string();
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn a_growing_spacing_stops_at_its_maximum() {
    let p = excavator();
    let RetryRule::Retry(trunk) = p.rule(RuleKey::Outcome(Outcome::TrunkFailure)) else { panic!("retried") };
    let minutes: Vec<u64> = (1..=7).map(|n| trunk.spacing_after(n).as_secs() / 60).collect();
    assert_eq!(minutes, [1, 2, 4, 8, 15, 15, 15]);
    let RetryRule::Retry(busy) = p.rule(RuleKey::Outcome(Outcome::Busy)) else { panic!("retried") };
    assert_eq!(busy.spacing_after(u32::MAX), busy.spacing);
}

#[test]
fn b08_a_customer_class_may_have_its_own_number_of_items() {
    let text = EXCAVATOR.replace("satisfaction_items_max = 5", "satisfaction_items_max = 3\nby_class = { A = 5 }");
    let p = Programme::parse("x.toml", &text).unwrap();
    assert_eq!(
        (p.satisfaction_items(Some("A")), p.satisfaction_items(Some("D")), p.satisfaction_items(None)),
        (5, 3, 3)
    );
}

#[test]
fn agents_are_dialled_for_at_once_unless_the_programme_lets_them_look_first() {
    let start = EXCAVATOR.find("[agent]").unwrap();
    let end = start + EXCAVATOR[start..].find("[questionnaire]").unwrap();
    let of = |agent: &str| {
        let p = Programme::parse("x.toml", &[&EXCAVATOR[..start], agent, &EXCAVATOR[end..]].concat()).unwrap();
        (p.dial, p.preview.as_secs())
    };
    assert_eq!(of(""), (AgentDial::Progressive, 60));
    assert_eq!(of("[agent]\ndial = \"progressive\"\n"), (AgentDial::Progressive, 60));
    assert_eq!(of("[agent]\ndial = \"preview\"\n"), (AgentDial::Preview, 60));
    assert_eq!(of("[agent]\ndial = \"preview\"\npreview_s = 20\n"), (AgentDial::Preview, 20));
}
