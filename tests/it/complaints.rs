//! Complaints on a running engine, over HTTP: from the words of a call to the second call that finds the customer satisfied.
//!
//! The engine is the whole one on a clock that moves when told; calls and their transcripts are put into its store as a finished call
//! and the recogniser leave them, and judged by the engine's own job.

use crate::programmes::with_all_programmes;
use crate::store::next_call;
use crate::support::api::{Api, answer, instant, sms_text, text};
use crate::support::{config, nothing_is_left, within};
use huifang::app::App;
use huifang::clock::{Clock as _, ManualClock};
use huifang::config::Config;
use huifang::domain::call::Call;
use huifang::domain::call::outcome::{ConversationEnd, Outcome};
use huifang::domain::complaint::AlarmKind;
use huifang::domain::id::{CallId, ComplaintId, SeatId, VisitId};
use huifang::domain::transcript::{Channel, Segment, Transcript};
use huifang::domain::visit::task::{Visit, VisitState};
use huifang::engine::events::EngineEvent;
use huifang::engine::{complaints, review};
use huifang::store::event::NewEvent;
use huifang::store::job::{JobKind, NewJob};
use huifang::store::page::PageRequest;
use huifang::store::token::{NewToken, Role};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const PHONE: &str = "13812345678";
/// Monday.
const MORNING: &str = "2026-11-23T10:00:00+08:00";
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

struct Rig {
    _folder: TempDir,
    config: Config,
    clock: Arc<ManualClock>,
    app: App,
    api: Api,
}

impl Rig {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path(), "sip:127.0.0.1:9");
        with_all_programmes(&mut config);
        config.site = huifang::config::Site::default();
        let clock = Arc::new(ManualClock::at(MORNING.parse().unwrap()));
        rustls::crypto::ring::default_provider().install_default().ok();
        let app = App::start_at(config.clone(), clock.clone()).await.unwrap();
        let token = app.first_administrator.as_ref().unwrap().token.clone();
        let api = Api::new(app.http, token);
        Self { _folder: folder, config, clock, app, api }
    }

    async fn restart(self) -> Self {
        within("the engine stops", self.app.stop()).await.unwrap();
        let app = App::start_at(self.config.clone(), self.clock.clone()).await.unwrap();
        let api = Api::new(app.http, self.api.token.clone());
        Self { app, api, ..self }
    }

    async fn finish(self) {
        within("the engine stops", self.app.stop()).await.unwrap();
        nothing_is_left(&self.config).await;
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn as_role(&self, role: Role) -> Api {
        let token = self.app.store.create_token(&NewToken::of_machine(role.name(), role)).await.unwrap();
        self.api.with_token(token.secret)
    }

    /// A visit of a new order.
    async fn visit(&self, order: &str) -> Visit {
        let sms = json!({ "message_id": format!("sms-{order}"), "from": "10690000", "to": "10691234",
            "text": sms_text(order, PHONE), "received_at": self.now().to_string() });
        let accepted = answer(self.api.post("sms", &sms).await, StatusCode::ACCEPTED).await;
        self.app.store.visit(&VisitId::new(text(&accepted["visit_id"]))).await.unwrap()
    }

    /// A call of this visit in which the customer said these words, judged.
    async fn judged(&self, visit: &Visit, id: &str, says: &str) -> Call {
        self.asked(visit, id, "总的来说，您对这次服务怎么评价？", says).await
    }

    async fn asked(&self, visit: &Visit, id: &str, question: &str, says: &str) -> Call {
        let visit = self.app.store.visit(&visit.id).await.unwrap();
        let mut call = next_call(&visit, id, self.now());
        call.seat = Some(SeatId::new("anna"));
        let held = self.app.store.claim_visit(&visit, &call, None).await.unwrap().expect("nobody else dials");
        call.outcome = Some(Outcome::Answered);
        call.conversation = Some(ConversationEnd::Completed);
        call.instants.answered_at = Some(self.now());
        call.instants.ended_at = Some(self.now() + SignedDuration::from_secs(60));
        let state = VisitState::Completed { call: call.id.clone(), at: self.now() };
        // The recogniser is not part of this test: its job waits.
        let late = self.now() + SignedDuration::from_hours(24 * 1000);
        let job = NewJob { kind: JobKind::Transcribe, call: call.id.clone(), run_at: late };
        self.app.store.finish_call(&call, &Visit { state, ..held }, &[job]).await.unwrap();
        let segment = |channel, start: f64, text: &str| Segment {
            channel,
            start,
            end: start + 4.0,
            text: text.into(),
            confidence: 0.9,
            also_heard: vec![],
        };
        let segments = vec![segment(Channel::Agent, 10.0, question), segment(Channel::Customer, 15.0, says)];
        let transcript = Transcript { segments, engine: "whisper".into(), model: "test".into() };
        self.app.store.save_transcript(&call.id, &transcript).await.unwrap();
        review::judge_call(&self.app.engine, &call.id).await.unwrap();
        call
    }

    async fn complaints(&self, query: &str) -> Vec<Value> {
        self.api.get(&format!("complaints{query}")).await["items"].as_array().unwrap().clone()
    }

    async fn only_complaint(&self) -> Value {
        let all = self.complaints("").await;
        assert_eq!(all.len(), 1, "{all:?}");
        self.api.get(&format!("complaints/{}", text(&all[0]["id"]))).await
    }

    async fn step(&self, complaint: &Value, verb: &str, body: Value) -> (StatusCode, Value) {
        self.step_as(&self.api, complaint, verb, body).await
    }

    async fn step_as(&self, api: &Api, complaint: &Value, verb: &str, body: Value) -> (StatusCode, Value) {
        let answer = api.post(&format!("complaints/{}/{verb}", text(&complaint["id"])), &body).await;
        (answer.status(), answer.json().await.unwrap())
    }

    /// The complaint after a step that must be possible.
    async fn done(&self, complaint: &Value, verb: &str, body: Value) -> Value {
        let (status, answer) = self.step(complaint, verb, body).await;
        assert_eq!(status, StatusCode::OK, "{verb}: {answer}");
        answer
    }

    async fn open(&self, body: Value) -> Value {
        answer(self.api.post("complaints", &body).await, StatusCode::CREATED).await
    }
}

fn alarms(complaint: &Value) -> Vec<String> {
    complaint["alarms"].as_array().unwrap().iter().map(|alarm| text(&alarm["kind"])).collect()
}

fn state(complaint: &Value) -> &str {
    complaint["state"]["name"].as_str().unwrap()
}

fn sheet() -> Value {
    json!({ "form": { "who": "张建国", "what": "液压泵漏油", "when": "11月20日", "where": "长沙工地", "why": "密封件老化",
        "how": "漏油后停机", "how_much": "停工两天", "mood": "怒", "demand": "退机" }, "quotes": ["我要退机"] })
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_words_of_a_call_to_a_satisfied_customer_every_step_is_asked_for_kept_and_told() {
    let rig = Rig::start().await;
    let mut news = rig.app.engine.events().subscribe();
    let first = rig.visit("SO-1").await;
    let call = rig.judged(&first, "call-1", "很差，我要退机").await;

    // E09, F01, F12, F17: 退机 is grave, of grade B, and a supervisor is told at once.
    let complaint = rig.only_complaint().await;
    assert_eq!(
        (&complaint["source"], &complaint["grade"], &complaint["kind"], &complaint["call_id"], &complaint["order_no"]),
        (&json!("call"), &json!("B"), &json!("return"), &json!("call-1"), &json!("SO-1"))
    );
    assert_eq!(state(&complaint), "open");
    assert_eq!(alarms(&complaint), ["customer_angry", "severe_words"]);
    let severe = complaint["quotes"].as_array().unwrap().iter().find(|quote| quote["severe"] == true).unwrap();
    assert!(text(&severe["text"]).contains('退') && severe["call_id"] == "call-1", "{severe}");
    let at = severe["from_s"].as_f64().unwrap();
    assert!((15.0..19.0).contains(&at), "the words lie in the customer's turn of the recording: {at}");
    let mut told = vec![];
    while let Ok(stamped) = news.try_recv() {
        if let EngineEvent::ComplaintAlarm { alarm, .. } = stamped.event {
            told.push(alarm);
        }
    }
    assert_eq!(told, [AlarmKind::SevereWords, AlarmKind::CustomerAngry]);

    // F04, F06: handed over to a leader, who needs the sheet; an agent is no leader.
    let waiting = rig.done(&complaint, "hand-over", json!({ "to": "站长" })).await;
    assert_eq!(state(&waiting), "awaiting_approval");
    let approval = json!({ "remark": "同意退机", "to": "服务经理", "department": "服务部" });
    let agent = rig.as_role(Role::Agent).await;
    assert_eq!(rig.step_as(&agent, &complaint, "approve", approval.clone()).await.0, StatusCode::FORBIDDEN);
    let (status, problem) = rig.step(&complaint, "approve", approval.clone()).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["detail"].as_str().unwrap().contains("mood"), "F02 names what is missing: {problem}");
    let (status, _) = rig.step(&complaint, "handled", json!({ "solution": "退机" })).await;
    assert_eq!(status, StatusCode::CONFLICT, "F12");
    let (status, _) = rig.step_as(&agent, &complaint, "form", sheet()).await;
    assert_eq!(status, StatusCode::OK);
    let approved = rig.done(&complaint, "approve", approval).await;
    assert_eq!((state(&approved), &approved["decision"]["approved"]), ("handling", &json!(true)));
    assert_eq!(rig.complaints("?department=服务部&state=handling").await.len(), 1);

    // F18: a supervisor sees to the angry customer himself; an agent does not.
    let sorry = json!({ "apology": "实在对不起，由我来办" });
    assert_eq!(rig.step_as(&agent, &complaint, "take-over", sorry.clone()).await.0, StatusCode::FORBIDDEN);
    let taken = rig.done(&complaint, "take-over", sorry).await;
    assert_eq!((state(&taken), &taken["taken_over"]["text"]), ("handling", &json!("实在对不起，由我来办")));

    // A14: the second call is begun with the handling, within three days.
    let handled = rig.done(&complaint, "handled", json!({ "solution": "已办理退机" })).await;
    assert_eq!((state(&handled), &handled["state"]["second_call"]["name"]), ("handled", &json!("planned")));
    let second = VisitId::new(text(&handled["second_visit_id"]));
    let second = rig.app.store.visit(&second).await.unwrap();
    assert_eq!((second.programme.as_str(), second.origin.stage.as_str()), ("service-tracking", "after-complaint"));
    assert_eq!(second.deadline_at, rig.now() + SignedDuration::from_hours(72));

    // F03, F07: from the next day on the customer carries the mark.
    let notice = async || rig.api.visit(second.id.as_str()).await["complaints"][0].clone();
    assert_eq!(notice().await["marked"], false);
    rig.clock.advance(14 * HOUR);
    assert_eq!((&notice().await["marked"], &notice().await["to_be_checked"]), (&json!(true), &json!(true)));

    // A15: the customer is satisfied.
    rig.judged(&second, "call-2", "很满意").await;
    let closed = rig.only_complaint().await;
    assert_eq!(
        (state(&closed), &closed["state"]["cause"], &closed["due_at"]),
        ("closed", &json!("satisfied"), &Value::Null)
    );
    let checked = rig.done(&complaint, "checked", json!({ "remark": "与客户核对，无异议" })).await;
    assert_eq!(notice().await["to_be_checked"], false);

    // Nothing is lost of what was done.
    let steps: Vec<String> = checked["trail"].as_array().unwrap().iter().map(|entry| text(&entry["step"])).collect();
    assert_eq!(steps, ["open", "hand_over", "form", "approve", "take_over", "handled", "second_call", "checked"]);
    assert_eq!(checked["trail"][3]["detail"]["remark"], "同意退机");
    assert_eq!(checked["trail"][2]["by"], "agent");
    let log = rig.app.store.events_of_visit(&call.visit).await.unwrap();
    let kinds: Vec<&str> =
        log.iter().map(|event| event.kind.as_str()).filter(|k| k.starts_with("complaint.")).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "complaint.alarm").count(), 2);
    for step in ["complaint.open", "complaint.approve", "complaint.handled", "complaint.second_call"] {
        assert!(kinds.contains(&step), "{kinds:?}");
    }
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a15_a_dissatisfied_second_call_opens_the_complaint_again_and_no_other_and_judging_twice_changes_nothing() {
    let rig = Rig::start().await;
    let first = rig.visit("SO-1").await;
    let call = rig.judged(&first, "call-1", "不满意，来得太慢").await;
    review::judge_call(&rig.app.engine, &call.id).await.unwrap();
    let complaint = rig.only_complaint().await;
    assert_eq!((&complaint["grade"], complaint["trail"].as_array().unwrap().len()), (&json!("D"), 1));

    rig.done(&complaint, "hand-over", json!({ "to": "服务经理" })).await;
    let handled = rig.done(&complaint, "handled", json!({ "solution": "致歉并说明" })).await;
    let second = rig.app.store.visit(&VisitId::new(text(&handled["second_visit_id"]))).await.unwrap();
    let again = rig.judged(&second, "call-2", "不满意，还是很慢").await;
    review::judge_call(&rig.app.engine, &again.id).await.unwrap();
    let reopened = rig.only_complaint().await;
    assert_eq!((state(&reopened), &reopened["rounds"], &reopened["repeated"]), ("open", &json!(1), &json!(true)));
    assert_eq!(reopened["grade"], "C", "complained again");
    let words: Vec<String> = reopened["quotes"].as_array().unwrap().iter().map(|q| text(&q["call_id"])).collect();
    assert!(words.contains(&"call-1".into()) && words.contains(&"call-2".into()), "{words:?}");

    // The next round has a call of its own.
    rig.done(&complaint, "form", sheet()).await;
    rig.done(&complaint, "hand-over", json!({ "to": "服务经理" })).await;
    let handled = rig.done(&complaint, "handled", json!({ "solution": "优先派工" })).await;
    assert_ne!(text(&handled["second_visit_id"]), second.id.as_str());
    assert_eq!(handled["state"]["second_call"]["name"], "planned");
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b03_every_dissatisfied_call_has_its_record_and_a_satisfied_one_or_advice_has_none() {
    let rig = Rig::start().await;
    for (n, says, want) in [
        (1, "很满意", 0),
        (2, "挺好的，建议你们多备点配件", 0),
        (3, "不满意，来得太慢", 1),
        (4, "太差了，我要去法院起诉你们", 2),
    ] {
        let visit = rig.visit(&format!("SO-{n}")).await;
        rig.judged(&visit, &format!("call-{n}"), says).await;
        assert_eq!(rig.complaints("").await.len(), want, "{says}");
    }
    let graded: Vec<String> = rig.complaints("?order=urgency").await.iter().map(|c| text(&c["grade"])).collect();
    assert_eq!(graded[0], "A", "F20: the graver first");
    assert_eq!(rig.complaints("?grade=A&open=true").await.len(), 1);
    assert_eq!(rig.complaints("?kind=replace").await.len(), 0);
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_a_complaint_of_a_call_that_was_taken_over_is_the_supervisors_from_the_beginning_and_nobody_is_alarmed() {
    let rig = Rig::start().await;
    let visit = rig.visit("SO-1").await;
    let taken = NewEvent::by("boss", complaints::TAKEN_OVER).call(&CallId::new("call-1"));
    rig.app.store.append_event(&taken).await.unwrap();
    let at = rig.now();
    // Not so late that the visit is due: the engine would dial it before the test puts its call in.
    rig.clock.advance(MINUTE);
    rig.judged(&visit, "call-1", "很差，我要退机").await;
    let complaint = rig.only_complaint().await;
    let over = &complaint["taken_over"];
    assert_eq!((text(&over["by"]), instant(&over["at"])), ("boss".into(), at), "{complaint}");
    assert_eq!(alarms(&complaint), ["severe_words"]);
    let steps: Vec<String> = complaint["trail"].as_array().unwrap().iter().map(|step| text(&step["step"])).collect();
    assert_eq!(steps, ["open", "take_over"]);
    review::judge_call(&rig.app.engine, &CallId::new("call-1")).await.unwrap();
    assert_eq!(rig.only_complaint().await["trail"].as_array().unwrap().len(), 2, "once");
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f04_f11_alarms_are_told_once_by_the_clock_and_not_again_after_a_restart() {
    let rig = Rig::start().await;
    let body =
        json!({ "source": "hotline", "text": "来得太慢", "phone": PHONE, "reply_due_at": "2026-11-23T15:00:00+08:00" });
    let complaint = rig.open(body).await;
    assert_eq!(alarms(&complaint), Vec::<String>::new());
    let after = async |rig: &Rig, hours: u32| {
        rig.clock.advance(hours * HOUR);
        complaints::look(&rig.app.engine).await.unwrap();
        rig.only_complaint().await
    };
    assert_eq!(alarms(&after(&rig, 4).await), Vec::<String>::new());
    assert_eq!(alarms(&after(&rig, 1).await), ["reply_overdue"]);
    assert_eq!(rig.complaints("?overdue=true").await.len(), 0, "due this very moment");
    let late = after(&rig, 3).await;
    assert_eq!(alarms(&late), ["reply_overdue", "not_handed_over"]);
    assert_eq!((rig.complaints("?overdue=true").await.len(), &late["overdue"]), (1, &json!(true)));

    let rig = rig.restart().await;
    let mut news = rig.app.engine.events().subscribe();
    let same = after(&rig, 1).await;
    assert_eq!(same["alarms"], late["alarms"]);
    assert!(news.try_recv().is_err(), "nothing is told again");

    // Handed over and open again tomorrow, it is another day's alarm.
    rig.done(&complaint, "hand-over", json!({ "to": "服务经理" })).await;
    rig.done(&complaint, "handled", json!({ "solution": "致歉" })).await;
    rig.done(&complaint, "reopen", json!({ "remark": "客户来电" })).await;
    let days_later = after(&rig, 48).await;
    let twice = alarms(&days_later).iter().filter(|kind| *kind == "not_handed_over").count();
    assert_eq!(twice, 2, "{days_later}");
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d22_an_order_that_is_a_complaint_is_opened_once_with_what_it_says() {
    let rig = Rig::start().await;
    let body = json!({ "service_type": "用户投诉", "customer": { "name": "王建国", "phone": PHONE },
        "claims": { "demand": "机器停机三天，要求赔偿误工费", "location": "长沙", "machine_no": "M-1" } });
    for _ in 0..2 {
        let saved = rig.api.request(Method::PUT, "orders/SO-7").json(&body).send().await.unwrap();
        assert!(saved.status().is_success());
    }
    let complaint = rig.only_complaint().await;
    assert_eq!(
        (&complaint["source"], &complaint["kind"], &complaint["stops_work"]),
        (&json!("order"), &json!("compensation"), &json!(true))
    );
    assert_eq!(
        (&complaint["form"]["who"], &complaint["form"]["where"], &complaint["machine_no"]),
        (&json!("王建国"), &json!("长沙"), &json!("M-1"))
    );
    assert!(complaint["missing"].as_array().unwrap().contains(&json!("why")), "D22: the cause is still to be found");
    // D23, D24: sales or service, reasonable or not, are a person's to say.
    let judged = rig.done(&complaint, "form", json!({ "side": "sales", "reasonable": false })).await;
    assert_eq!((&judged["side"], &judged["reasonable"]), (&json!("sales"), &json!(false)));
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g03_what_an_agent_writes_down_of_a_complaint_opens_one_and_its_judging_adds_the_words() {
    let rig = Rig::start().await;
    let visit = rig.visit("SO-1").await;
    // The call is judged as one without a complaint: the customer complained before the question.
    let call = rig.judged(&visit, "call-1", "嗯").await;
    assert_eq!(rig.complaints("").await.len(), 0);
    let form =
        [("complaint", "客户反映液压泵漏油"), ("what", "液压泵漏油"), ("when", "昨天"), ("mood", "怒"), ("cause", "x")];
    let form: BTreeMap<String, String> = form.map(|(key, text)| (key.into(), text.into())).into();
    for _ in 0..2 {
        complaints::after_wrap_up(&rig.app.engine, &call, &form).await.unwrap();
    }
    let complaint = rig.only_complaint().await;
    assert_eq!(
        (&complaint["source"], &complaint["opened_by"], &complaint["kind"]),
        (&json!("wrap_up"), &json!("anna"), &json!("fault"))
    );
    assert_eq!(
        (&complaint["form"]["when"], &complaint["form"]["mood"], &complaint["angry"]),
        (&json!("昨天"), &json!("怒"), &json!(true))
    );
    // Nothing that was said is in the transcript yet; a later judging brings it.
    let transcript = Transcript {
        segments: vec![Segment {
            channel: Channel::Customer,
            start: 3.0,
            end: 6.0,
            text: "不满意，我要退机".into(),
            confidence: 0.9,
            also_heard: vec![],
        }],
        engine: "whisper".into(),
        model: "better".into(),
    };
    rig.app.store.save_transcript(&call.id, &transcript).await.unwrap();
    review::judge_call(&rig.app.engine, &call.id).await.unwrap();
    let heard = rig.only_complaint().await;
    assert_eq!((&heard["kind"], &heard["source"]), (&json!("return"), &json!("wrap_up")));
    assert_eq!(heard["trail"][1]["step"], "heard");
    assert!(alarms(&heard).contains(&"severe_words".into()), "{heard}");
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f14_a_fault_that_comes_back_within_a_month_of_its_repair_is_found_in_the_orders() {
    let rig = Rig::start().await;
    let repair = json!({ "service_type": "质保期内修理", "customer": { "phone": PHONE },
        "claims": { "machine_no": "M-1", "fault": "液压泵漏油", "finished_at": "2026-11-10T10:00:00+08:00" } });
    let saved = rig.api.request(Method::PUT, "orders/SO-1").json(&repair).send().await.unwrap();
    assert_eq!(saved.status(), StatusCode::CREATED);
    let complaint =
        rig.open(json!({ "source": "hotline", "text": "液压泵又漏油了", "phone": PHONE, "machine_no": "M-1" })).await;
    assert_eq!((&complaint["recurrence"]["after"], &complaint["recurrence"]["soon"]), (&json!(["SO-1"]), &json!(true)));
    assert_eq!(alarms(&complaint), ["fault_recurs"]);
    // The third time within three months the criterion for a replacement is met (F13), and it is a repeated complaint.
    let third =
        rig.open(json!({ "source": "hotline", "text": "液压泵还是漏油", "phone": PHONE, "machine_no": "M-1" })).await;
    assert_eq!(
        (&third["recurrence"]["replacement"], &third["repeated"], &third["grade"]),
        (&json!(true), &json!(true), &json!("C"))
    );
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_f16_f22_complaints_that_come_otherwise_are_registered_with_their_source_and_checked() {
    let rig = Rig::start().await;
    for (source, order) in [("hotline", Value::Null), ("written", Value::Null), ("in_person", Value::Null)] {
        let complaint = rig.open(json!({ "source": source, "text": "来得太慢", "order_no": order })).await;
        assert_eq!((&complaint["source"], complaint["reply_due_at"].is_null()), (&json!(source), source != "written"));
    }
    assert_eq!(rig.complaints("?source=written").await.len(), 1);
    for (body, want, says) in [
        (json!({ "source": "call", "text": "x" }), StatusCode::UNPROCESSABLE_ENTITY, "source"),
        (json!({ "source": "hotline", "text": " " }), StatusCode::UNPROCESSABLE_ENTITY, "text"),
        (
            json!({ "source": "hotline", "text": "x", "phone": "138****5678" }),
            StatusCode::UNPROCESSABLE_ENTITY,
            "phone",
        ),
        (json!({ "source": "hotline", "text": "x", "order_no": "SO-9" }), StatusCode::NOT_FOUND, "SO-9"),
        (json!({ "source": "hotline", "text": "x", "call_id": "none" }), StatusCode::NOT_FOUND, "none"),
        (json!({ "source": "hotline", "text": "x", "money_yuan": -1 }), StatusCode::UNPROCESSABLE_ENTITY, "money_yuan"),
        (json!({ "source": "hotline", "text": "x", "surprise": 1 }), StatusCode::UNPROCESSABLE_ENTITY, "surprise"),
        (
            json!({ "source": "hotline", "text": "x", "reply_due_at": "2026-11-22" }),
            StatusCode::UNPROCESSABLE_ENTITY,
            "reply_due_at",
        ),
    ] {
        let problem = answer(rig.api.post("complaints", &body).await, want).await;
        assert!(problem["detail"].as_str().unwrap().contains(says), "{body}: {problem}");
    }
    // A14: nobody to call without an order, and that is said.
    let complaint = rig.open(json!({ "source": "hotline", "text": "配件太贵了", "phone": PHONE })).await;
    rig.done(&complaint, "hand-over", json!({ "to": "服务经理" })).await;
    let handled = rig.done(&complaint, "handled", json!({ "solution": "解释价格" })).await;
    assert_eq!(handled["state"]["second_call"]["name"], "not_planned");
    assert_eq!(alarms(&handled), ["second_call_not_planned"]);
    let called = json!({ "verdict": "satisfied", "remark": "人工回访" });
    assert_eq!(state(&rig.done(&complaint, "second-call", called).await), "closed");

    let service = rig.as_role(Role::Service).await;
    assert_eq!(rig.step_as(&service, &complaint, "reopen", json!({ "remark": "x" })).await.0, StatusCode::FORBIDDEN);
    let reviewer = rig.as_role(Role::Reviewer).await;
    let masked = reviewer.get(&format!("complaints/{}", text(&complaint["id"]))).await;
    assert_eq!(masked["phone"], "138****5678");
    let missing = rig.api.post("complaints/none/close", &json!({ "cause": "withdrawn", "remark": "x" })).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f08_f09_a_slip_goes_out_and_comes_back_and_somebody_goes_there() {
    let rig = Rig::start().await;
    let visit = rig.visit("SO-1").await;
    rig.judged(&visit, "call-1", "不满意，来得太慢").await;
    let complaint = rig.only_complaint().await;
    let out = rig.done(&complaint, "slip", json!({ "department": "质量部", "text": "响应慢" })).await;
    assert_eq!((state(&out), &out["state"]["department"]), ("with_department", &json!("质量部")));
    assert_eq!(rig.complaints("?department=质量部").await.len(), 1);
    rig.done(&complaint, "site-visit", json!({ "who": "李工", "due_at": "2026-11-24 10:00:00" })).await;
    let back = json!({ "result": "增派一名工程师", "solved": true });
    let (status, problem) = rig.step(&complaint, "slip-result", back.clone()).await;
    assert_eq!((status, problem["detail"].as_str().unwrap().contains("F09")), (StatusCode::CONFLICT, true));
    rig.done(&complaint, "site-result", json!({ "result": "已上门" })).await;
    let handled = rig.done(&complaint, "slip-result", back).await;
    assert_eq!(handled["state"]["second_call"]["name"], "planned", "the new visit");
    let id = ComplaintId::new(text(&complaint["id"]));
    let trail = rig.app.store.complaint_trail(&id).await.unwrap();
    assert_eq!(trail.iter().map(|entry| entry.n).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let calls = rig.app.store.calls(&Default::default(), &PageRequest::first()).await.unwrap();
    assert_eq!(calls.items.iter().map(|call| call.id.clone()).collect::<Vec<_>>(), [CallId::new("call-1")]);
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f21_a_fee_for_a_repair_in_warranty_is_a_red_finding_with_the_customers_words_and_their_place() {
    let rig = Rig::start().await;
    let visit = rig.visit("SO-1").await;
    let body = json!({ "service_type": "质保期内修理", "customer": { "phone": PHONE } });
    let put = rig.api.request(reqwest::Method::PUT, "orders/SO-1").json(&body).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.status());
    let call = rig.asked(&visit, "call-1", "请问这次维修收取了多少费用？", "收了我三百块钱").await;
    let findings = rig.api.get(&format!("calls/{}/findings", call.id)).await;
    let fee = findings["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == "F21");
    let fee = fee.unwrap_or_else(|| panic!("no alarm: {findings}"));
    assert_eq!(fee["severity"], "red");
    let seen = text(&fee["seen"]);
    assert!(seen.contains("收了我三百块钱") && seen.contains("300元，高于收费标准0元"), "{seen}");
    assert!((15.0..19.0).contains(&fee["from_s"].as_f64().unwrap()), "{fee}");
    rig.finish().await;
}
