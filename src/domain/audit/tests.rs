//! The rules on our own calls, one situation each.

mod records;

use super::*;
use crate::domain::announcement::Kind;
use crate::domain::call::journal::{JournalEntry, JournalEvent};
use crate::domain::call::outcome::{ConversationEnd, Outcome, Party};
use crate::domain::call::{Call, Instants};
use crate::domain::facts::facts_of;
use crate::domain::id::{CallId, OrderNo, VisitId};
use crate::domain::order::{Claims, Customer, Order, ServiceType};
use crate::domain::phone::Phone;
use crate::domain::programme::Trigger;
use crate::domain::promise::Promise;
use crate::domain::recording::manifest::{Gap, GapReason, RecordingInfo, RecordingState};
use crate::domain::score::{
    Answer, Indicator, Judgement, Rubric, Scorecard, SpokenTurn, answers_of, answers_of_turns, judgements, score_judged,
};
use crate::domain::transcript::{Channel, Segment, Transcript};
use crate::domain::visit::task::{Origin, Visit, VisitState, WaitReason};
use jiff::{SignedDuration, Timestamp};

/// 09:00 in Shanghai.
fn nine() -> Timestamp {
    "2026-11-20T01:00:00Z".parse().unwrap()
}

fn minutes(m: i64) -> SignedDuration {
    SignedDuration::from_mins(m)
}

struct World {
    order: Order,
    visit: Visit,
    call: Call,
    transcript: Transcript,
    card: Scorecard,
    complaint: bool,
    answers: Vec<Answer>,
    judged: Vec<Judgement>,
    activity: Option<Activity>,
    form: Vec<&'static str>,
    items_max: u32,
    hours: Option<CallingHours>,
    promises: Vec<Promise>,
}

/// A good call: every step asked and answered, the customer hangs up first after 90 seconds.
fn world(answers: [&str; 5]) -> World {
    let phone = Phone::parse("13812345678").unwrap();
    let order = Order {
        no: OrderNo::new("F1"),
        service_type: ServiceType::Maintenance,
        customer: Customer { name: Some("王建国".into()), title: None, phone: phone.clone() },
        claims: Claims::default(),
    };
    let visit = Visit {
        tries: Default::default(),
        redial_guard: None,
        caller_id: None,
        declined: vec![],
        id: VisitId::new("v1"),
        order_no: OrderNo::new("F1"),
        programme: "excavator".into(),
        origin: Origin::default(),
        sms_at: nine(),
        clock_starts_at: nine(),
        due_at: nine() + minutes(30),
        deadline_at: nine() + minutes(180),
        attempts: 1,
        first_attempt_at: Some(nine() + minutes(5)),
        escalated_at: None,
        late_cause: None,
        state: VisitState::Waiting { not_before: nine(), reason: WaitReason::New },
        version: 1,
    };
    let mut journal = Vec::new();
    let mut segments = Vec::new();
    let mut at = 1.0;
    let mut step = |step: &str, text: &str, indicator: Option<Indicator>, reply: &str| {
        let event = JournalEvent::Prompt {
            step: step.into(),
            prompts: vec![step.into()],
            text: text.into(),
            question: !reply.is_empty(),
            indicator,
        };
        journal.push(JournalEntry { at_s: at, event });
        if !reply.is_empty() {
            let (start, end) = (at + 2.0 + 3.0, at + 2.0 + 5.0);
            segments.push(Segment {
                channel: Channel::Customer,
                start,
                end,
                text: reply.into(),
                confidence: 0.9,
                also_heard: Vec::new(),
            });
            // The journal counts from the answer, which lies 2 s into the file.
            let (from_s, to_s) = (start - 2.0, end - 2.0);
            let event =
                JournalEvent::Answer { step: step.into(), text: reply.into(), from_s, to_s, meaning: String::new() };
            journal.push(JournalEntry { at_s: to_s, event });
        }
        at += 8.0;
    };
    step("identity", "您好，请问您是王先生吗？我是福田雷沃重工客服代表。", None, "对，我就是。");
    step("consent", "耽误您两分钟时间，做一个回访可以吗？", None, "可以，你说吧。");
    step("ask_hours", "请问现在您的挖掘机工作多少小时了？", None, "九百八十六个小时。");
    for (indicator, reply) in Indicator::ALL.into_iter().zip(answers) {
        let question = format!("sat_{}", indicator.name());
        step(&question, &format!("请问您对{}怎么评价？", indicator.name()), Some(indicator), reply);
        step("acknowledge", "好的。", None, "");
    }
    step(
        "closing",
        "若发现异常，请随时拨打四零零，六五八，九八八八服务热线与我们联系。感谢您对我们工作的支持，祝您健康愉快！再见！",
        None,
        "再见。",
    );
    let answered = nine() + minutes(5);
    let call = Call {
        id: CallId::new("c1"),
        visit: VisitId::new("v1"),
        order_no: OrderNo::new("F1"),
        attempt: 1,
        to: phone,
        trunk: None,
        programme: "excavator".into(),
        instants: Instants {
            invited_at: Some(answered),
            answered_at: Some(answered),
            ended_at: Some(answered + SignedDuration::from_secs(120)),
            ..Instants::default()
        },
        outcome: Some(Outcome::Answered),
        fault: None,
        sip_status: Some(200),
        detail: None,
        sip_reason: None,
        hung_up_by: Some(Party::Customer),
        conversation: Some(ConversationEnd::Completed),
        recording: Some(RecordingInfo {
            id: "c1".into(),
            file: "c1.wav".into(),
            seconds: 122.0,
            answered_at_s: Some(2.0),
            sha256: String::new(),
            channels: 2,
            sample_rate: 8000,
            gaps: Vec::new(),
            state: RecordingState::Complete,
            tracks: Vec::new(),
        }),
        legs: Vec::new(),
        journal,
        seat: None,
        note: None,
        form: Default::default(),
    };
    let transcript = Transcript { segments, engine: "test".into(), model: "test".into() };
    let found = answers_of(&call.journal, &transcript, 2.0);
    let judged = judgements(Rubric::builtin(), &found);
    let card = score_judged(Rubric::builtin(), &found, &judged);
    let complaint = judged.iter().any(|j| j.complaint);
    World {
        order,
        visit,
        call,
        transcript,
        card,
        complaint,
        answers: found,
        judged,
        activity: None,
        form: vec![],
        items_max: 5,
        hours: None,
        promises: vec![],
    }
}

impl World {
    fn findings(&self) -> Vec<Finding> {
        let form: Vec<String> = self.form.iter().map(|s| s.to_string()).collect();
        audit_call(
            Rubric::builtin(),
            &CallEvidence {
                order: &self.order,
                visit: &self.visit,
                call: &self.call,
                transcript: Some(&self.transcript),
                scorecard: Some(&self.card),
                complaint: self.complaint,
                answers: &self.answers,
                judged: &self.judged,
                facts: Some(&facts_of(Rubric::builtin(), &self.answers)),
                activity: self.activity.as_ref(),
                form: &form,
                items_max: self.items_max,
                hours: self.hours.as_ref(),
                promises: &self.promises,
            },
        )
    }
    fn severity(&self, rule: &str) -> Option<Severity> {
        self.findings().into_iter().find(|f| f.rule == rule).map(|f| f.severity)
    }
}

const GOOD: [&str; 5] = ["挺好的。", "很好。", "很及时。", "库存足。", "满意。"];

#[test]
fn a_good_call_passes_every_rule_it_is_measured_by() {
    let w = world(GOOD);
    let levels: Vec<Option<u8>> = w.card.scores.iter().map(|s| s.level.map(|l| l.get())).collect();
    assert_eq!(levels, [Some(4), Some(5), Some(5), Some(4), Some(4)]);
    for rule in ["A01", "A02", "C01", "C04", "C05", "C06", "C07", "C11", "C16", "C26", "E01"] {
        assert_eq!(w.severity(rule), Some(Severity::Pass), "{rule}: {:#?}", w.findings());
    }
    assert_eq!(w.severity("C12"), Some(Severity::Pass));
    assert_eq!(w.severity("C18"), None);
    assert_eq!(w.severity("E09"), None);
}

#[test]
fn a01_and_a02_judge_the_first_attempt_in_working_time() {
    let mut w = world(GOOD);
    w.call.instants.invited_at = Some(nine() + minutes(31));
    assert_eq!((w.severity("A01"), w.severity("A02")), (Some(Severity::Amber), Some(Severity::Pass)));
    w.call.instants.invited_at = Some(nine() + minutes(181));
    assert_eq!(w.severity("A02"), Some(Severity::Red));
    w.call.attempt = 2;
    assert_eq!(w.severity("A01"), Some(Severity::Pass), "a later attempt is not the first");
    w.visit.origin.trigger = Trigger::OrderClosed;
    assert_eq!((w.severity("A01"), w.severity("A02")), (None, None), "other programmes have times of their own");
}

#[test]
fn c01_a_missing_short_or_broken_recording_is_red() {
    let mut w = world(GOOD);
    w.call.recording.as_mut().unwrap().seconds = 100.0;
    assert_eq!(w.severity("C01"), Some(Severity::Red));
    let mut w = world(GOOD);
    let gap = |reason| Gap { channel: Channel::Customer, from_s: 10.0, to_s: 12.0, reason };
    w.call.recording.as_mut().unwrap().gaps = vec![gap(GapReason::Hold)];
    assert_eq!(w.severity("C01"), Some(Severity::Pass), "marked silence is whole");
    w.call.recording.as_mut().unwrap().gaps = vec![gap(GapReason::RecorderFailed)];
    assert_eq!(w.severity("C01"), Some(Severity::Red));
    w.call.recording = None;
    assert_eq!(w.severity("C01"), Some(Severity::Red));
}

#[test]
fn c11_three_minutes_unless_there_is_a_complaint() {
    let mut w = world(GOOD);
    w.call.instants.ended_at = Some(nine() + minutes(9));
    assert_eq!(w.severity("C11"), Some(Severity::Amber));
    w.complaint = true;
    assert_eq!(w.severity("C11"), Some(Severity::Info));
}

#[test]
fn c16_who_hung_up_first_is_read_from_signalling() {
    let mut w = world(GOOD);
    w.call.hung_up_by = Some(Party::Us);
    assert_eq!(w.severity("C16"), Some(Severity::Info), "after the closing we may");
    w.call.journal.retain(|e| !matches!(&e.event, JournalEvent::Prompt { step, .. } if step == "closing"));
    assert_eq!(w.severity("C16"), Some(Severity::Amber));
    assert_eq!(w.severity("C26"), Some(Severity::Amber));
}

#[test]
fn c18_a_low_answer_without_a_probe_is_amber_and_with_one_passes() {
    let mut w = world(["不行。", "很好。", "很及时。", "库存足。", "满意。"]);
    assert_eq!(w.severity("C18"), Some(Severity::Amber));
    let event = JournalEvent::Prompt {
        step: "probe_reason".into(),
        prompts: vec!["probe_reason".into()],
        text: "请问是什么原因让您不满意呢？".into(),
        question: true,
        indicator: None,
    };
    w.call.journal.push(JournalEntry { at_s: 100.0, event });
    assert_eq!(w.severity("C18"), Some(Severity::Pass));
}

#[test]
fn c26_a_wrong_hotline_is_red() {
    let mut w = world(GOOD);
    for e in &mut w.call.journal {
        if let JournalEvent::Prompt { text, .. } = &mut e.event {
            *text = text.replace("九八八八", "九九八八");
        }
    }
    assert_eq!(w.severity("C26"), Some(Severity::Red));
    for e in &mut w.call.journal {
        if let JournalEvent::Prompt { text, .. } = &mut e.event {
            *text = text.replace("服务热线", "，哦不对，四零零，六五八，九八八八服务热线");
        }
    }
    assert_eq!(w.severity("C26"), Some(Severity::Pass), "the number said at last");
}

#[test]
fn c07_a_key_agrees_or_refuses_where_nothing_was_said() {
    let check = |meant: &str, want: Severity| {
        let mut w = world(GOOD);
        w.transcript.segments.truncate(1);
        for entry in &mut w.call.journal {
            match &mut entry.event {
                JournalEvent::Answer { step, meaning, .. } if step == "consent" => *meaning = meant.into(),
                _ => {}
            }
        }
        assert_eq!(w.severity("C07"), Some(want), "{meant}: {:#?}", w.findings());
    };
    check("key_yes", Severity::Pass);
    check("key_no", Severity::Red);
    check("", Severity::Amber);
}

#[test]
fn c09_a_refusal_ends_politely_or_is_a_breach() {
    let mut w = world(GOOD);
    w.call.conversation = Some(ConversationEnd::Refused);
    w.transcript.segments[1].text = "不用了，我没时间。".into();
    assert_eq!(w.severity("C09"), Some(Severity::Red), "questions went on");
    assert_eq!(w.severity("C07"), Some(Severity::Red));
    w.call.journal.truncate(2);
    let event = JournalEvent::Prompt {
        step: "refusal_end".into(),
        prompts: Vec::new(),
        text: "好的，打扰您了，祝您工作顺利，再见！".into(),
        question: false,
        indicator: None,
    };
    w.call.journal.push(JournalEntry { at_s: 20.0, event });
    w.transcript.segments.truncate(2);
    assert_eq!(w.severity("C09"), Some(Severity::Pass), "{:#?}", w.findings());
}

#[test]
fn e09_severe_language_is_red_with_its_words() {
    let w = world(["很差。", "很差。", "太慢了。", "很差。", "我要求退机，还要起诉你们。"]);
    let f = w.findings().into_iter().find(|f| f.rule == "E09").unwrap();
    assert_eq!(f.severity, Severity::Red);
    assert!(f.seen.contains("退机") && f.seen.contains("起诉") && f.from_s.is_some(), "{f:?}");
}

#[test]
fn an_unanswered_call_is_only_measured_by_the_clock() {
    let mut w = world(GOOD);
    w.call.instants.answered_at = None;
    w.call.outcome = Some(Outcome::Busy);
    let rules: Vec<String> = w.findings().into_iter().map(|f| f.rule).collect();
    assert_eq!(rules, ["A01", "A02"]);
}

#[test]
fn a_call_that_no_person_took_has_a_clock_and_a_recording_and_no_conduct() {
    let mut w = world(GOOD);
    w.call.conversation = Some(ConversationEnd::Machine { heard: Kind::Mailbox });
    let rules: Vec<String> = w.findings().into_iter().map(|f| f.rule).collect();
    assert_eq!(rules, ["A01", "A02", "C01"]);
}

#[test]
fn c12_names_the_number_that_the_programme_allows() {
    let mut w = world(GOOD);
    w.items_max = 3;
    let f = w.findings().into_iter().find(|f| f.rule == "C12").unwrap();
    assert_eq!((f.severity, f.seen.as_str()), (Severity::Amber, "满意度问题 5 项（本方案允许 3 项）"));
}

/// A call that a person led: (who, begin, end, words).
fn led(turns: &[(char, f64, f64, &str)]) -> World {
    let mut w = world(GOOD);
    w.call.seat = Some(crate::domain::id::SeatId::new("s1"));
    w.call.journal.clear();
    let turn = |(who, start, end, text): &(char, f64, f64, &str)| SpokenTurn {
        speaker: if *who == 'a' { Channel::Agent } else { Channel::Customer },
        start: *start,
        end: *end,
        text: (*text).into(),
    };
    let turns: Vec<SpokenTurn> = turns.iter().map(turn).collect();
    let segment = |t: &SpokenTurn| Segment {
        channel: t.speaker,
        start: t.start,
        end: t.end,
        text: t.text.clone(),
        confidence: 0.9,
        also_heard: Vec::new(),
    };
    w.transcript.segments = turns.iter().map(segment).collect();
    w.answers = answers_of_turns(Rubric::builtin(), &turns);
    w.judged = judgements(Rubric::builtin(), &w.answers);
    w.card = score_judged(Rubric::builtin(), &w.answers, &w.judged);
    w.complaint = w.judged.iter().any(|j| j.complaint);
    w
}

const OPENING: [(char, f64, f64, &str); 4] = [
    ('a', 0.0, 4.0, "您好，请问您是王先生吗？我是福田雷沃重工客服代表。"),
    ('c', 5.0, 6.0, "我是。"),
    ('a', 6.5, 9.0, "耽误您两分钟做个回访可以吗？"),
    ('c', 9.5, 10.5, "可以。"),
];
const CLOSING: (char, f64, f64, &str) =
    ('a', 24.0, 32.0, "若发现异常请随时拨打四零零六五八九八八八与我们联系，感谢您，祝您健康愉快，再见！");

/// What one rule says of a call of an opening, these turns and the closing.
fn conduct(middle: &[(char, f64, f64, &str)], rule: &str) -> Option<Severity> {
    led(&[&OPENING[..], middle, &[CLOSING]].concat()).severity(rule)
}

#[test]
fn a_well_led_call_has_no_finding_of_conduct() {
    let w =
        led(&[&OPENING[..], &[('a', 12.0, 14.0, "服务态度您满意吗？"), ('c', 15.0, 18.0, "挺好的。")], &[CLOSING]]
            .concat());
    let bad: Vec<Finding> =
        w.findings().into_iter().filter(|f| f.severity >= Severity::Info && f.rule.starts_with('C')).collect();
    assert_eq!(bad, []);
}

#[test]
fn each_breach_of_conduct_is_found_where_it_was_said() {
    use Severity::{Amber, Info, Pass, Red};
    let check = |rule: &str, middle: &[(char, f64, f64, &str)], want: Severity| {
        assert_eq!(conduct(middle, rule), Some(want), "{rule}: {middle:?}");
        let f =
            led(&[&OPENING[..], middle, &[CLOSING]].concat()).findings().into_iter().find(|f| f.rule == rule).unwrap();
        assert!(f.severity == Pass || f.from_s.is_some(), "{f:?}");
    };
    let asked = ('a', 12.0, 14.0, "服务态度您满意吗？");
    let complains = ('c', 15.0, 17.0, "不满意，跟我吵了一架。");
    check("C14", &[('a', 12.0, 15.0, "今年您那儿天气怎么样？孩子多大了？"), ('c', 16.0, 17.0, "还行。")], Amber);
    check("C17", &[('a', 12.0, 15.0, "您放心，我保证给您换一台新的。")], Red);
    check("C19", &[('c', 12.0, 14.0, "正常是正常，但是"), ('a', 14.2, 16.0, "没问题那就好，下一个问题")], Amber);
    check("C21", &[asked, complains, ('a', 18.0, 20.0, "不可能，那是您自己操作不当。")], Red);
    check("C22", &[asked, complains, ('a', 18.0, 20.0, "这是规定，我们也没办法。")], Amber);
    check("C23", &[asked, complains, ('a', 18.0, 20.0, "好的，下一个问题。")], Amber);
    check("C23", &[asked, complains, ('a', 18.0, 20.0, "非常抱歉，给您添麻烦了。")], Pass);
    check("C24", &[('c', 12.0, 15.0, "我这铲斗老是没劲，咋回事啊？"), ('a', 16.0, 18.0, "您加点水就行了。")], Amber);
    check("C25", &[('a', 12.0, 15.0, "那服务态度给您记个满意吧？"), ('c', 16.0, 17.0, "嗯。")], Amber);
    check("C27", &[asked, complains, ('a', 18.0, 20.0, "我们会尽快处理，一定给您满意答复。")], Pass);
    check("F11", &[('a', 12.0, 15.0, "我让工程师给您回电话。")], Amber);
    check("F11", &[('a', 12.0, 15.0, "我让工程师明天上午十点前给您回电话。")], Pass);
    check("F17", &[asked, ('c', 15.0, 17.0, "你们太欺负人了，叫你们领导来！")], Amber);
    check("C20", &[('c', 12.0, 18.0, "那天师傅本来说上午来的，结果路上"), ('a', 14.0, 20.0, "您就说几点到的。")], Info);
}

#[test]
fn c13_missing_and_misplaced_items_are_told_by_the_script_of_the_visit() {
    let turns = [
        ('a', 12.0, 14.0, "更换了哪些保养件？"),
        ('c', 15.0, 16.0, "机油。"),
        ('a', 17.0, 19.0, "机器工作多少小时了？"),
        ('c', 20.0, 21.0, "五百个小时。"),
    ];
    let mut w = led(&[&OPENING[..], &turns, &[CLOSING]].concat());
    w.form = vec!["ask_hours", "ask_parts"];
    let seen: Vec<(Severity, String)> =
        w.findings().into_iter().filter(|f| f.rule == "C13").map(|f| (f.severity, f.seen)).collect();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0].0, Severity::Pass);
    assert_eq!(seen[1].0, Severity::Info, "hours after parts");
    w.form = vec!["ask_hours", "ask_checks", "ask_parts", "ask_location"];
    let missing = w.findings().into_iter().find(|f| f.rule == "C13").unwrap();
    assert_eq!((missing.severity, missing.seen.as_str()), (Severity::Amber, "没有问：检查项目、工作地点"));
}

#[test]
fn c10_c15_c20_are_measured_on_the_voices_and_not_on_the_words() {
    let mut w =
        led(&[&OPENING[..], &[('a', 12.0, 14.0, "服务态度您满意吗？"), ('c', 15.0, 16.0, "挺好的。")], &[CLOSING]]
            .concat());
    w.activity = Some(Activity::new(vec![(0.0, 20.0), (35.0, 39.0)], vec![(5.0, 6.0), (14.0, 16.0)]));
    assert_eq!(w.severity("C10"), Some(Severity::Info));
    assert_eq!(w.severity("C20"), None, "the agent did not begin while the customer spoke");
    w.activity = Some(Activity::new(vec![(0.0, 4.0), (11.0, 13.0), (16.0, 18.0)], vec![(8.0, 12.0), (15.0, 17.0)]));
    assert_eq!(w.severity("C20"), Some(Severity::Amber), "twice");
    w.activity = Some(Activity::new(vec![(0.0, 6.0)], vec![(7.0, 9.0)]));
    assert_eq!(w.severity("C15"), Some(Severity::Amber), "too many words for six seconds");
}

#[test]
fn the_questionnaire_is_not_measured_by_the_conduct_of_people() {
    let rules: Vec<String> = world(GOOD).findings().into_iter().map(|f| f.rule).collect();
    assert!(["C10", "C13", "C15", "C20", "C28"].iter().all(|r| !rules.iter().any(|f| f == r)), "{rules:?}");
}

#[test]
fn a_finding_quotes_what_was_said_not_how_it_was_read() {
    let quote = |who, text: &str| speech::Line::new(who, text, 0.0, 1.0, 0).quote();
    assert_eq!(quote(Channel::Agent, "咋樣 啥时候來的"), "咋樣 啥时候來的");
    assert_eq!(quote(Channel::Customer, "我系唔滿意嘅"), "我系唔滿意嘅");
    let cut = quote(Channel::Customer, &"慢".repeat(60));
    assert!(cut.ends_with("慢…") && cut.chars().count() < 60, "{cut}");
}
