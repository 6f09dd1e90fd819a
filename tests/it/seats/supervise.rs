//! A supervisor in a call: who hears whom in which mode, what takes his place in it, who may, and where it is written down.
//!
//! The agent and the customer are telephones, the supervisor a WebRTC connection over his own seat's WebSocket. Everybody hums a tone of his
//! own all the time, so that who must not be heard could be.

use super::calls::{AGENT_HZ, CUSTOMER_HZ, connected, hears};
use super::page::Page;
use super::{account, agent, changes, desk, state, station};
use crate::call::{NUMBER, ends, phone};
use crate::support::api::{Api, answer, text};
use crate::support::audio::{Recording, bursts};
use crate::support::data::LEVEL;
use crate::support::webrtc::{PCMA, Peer};
use crate::support::{Station, until, within};
use futures::FutureExt;
use huifang::demo::phone::{LineState, Phone, PhoneCall};
use huifang::domain::id::VisitId;
use huifang::media::tones::tone;
use huifang::media::wav::{self, Verdict};
use huifang::store::token::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use tokio::task::JoinHandle;

pub const BOSS_HZ: f64 = 700.0;

/// A supervisor at his page: it is connected, he has not signed in, and he hums.
pub struct Boss {
    pub page: Page,
    peer: Peer,
    api: Api,
    hum: JoinHandle<()>,
}

impl Boss {
    pub async fn sits(station: &Station) -> Self {
        let token = account(station, "boss", Role::Supervisor).await;
        let mut page = Page::open(station, &token).await;
        let (peer, mut ours) = Peer::new(Ipv4Addr::LOCALHOST.into(), &[PCMA]).await;
        page.send(&json!({ "type": "offer", "sdp": peer.offer(false).await }).to_string()).await;
        within("the supervisor's line is up", async {
            loop {
                let news = tokio::select! {
                    news = page.read() => news.expect("the connection ended"),
                    Some(candidate) = ours.recv() => {
                        page.send(&json!({ "type": "candidate", "candidate": candidate }).to_string()).await;
                        continue;
                    }
                };
                match news["type"].as_str().unwrap() {
                    "answer" => peer.answered(&text(&news["sdp"])).await,
                    "candidate" if !news["candidate"].is_null() => peer.candidate(news["candidate"].clone()).await,
                    "media" if news["state"] == "connected" => break,
                    "error" => panic!("{news}"),
                    _ => {}
                }
            }
        })
        .await;
        until("both sides of it are", async || peer.is_connected().then_some(())).await;
        let api = station.api.with_token(token);
        let hum = peer.hums(BOSS_HZ);
        Self { page, peer, api, hum }
    }

    async fn does(&self, method: Method, path: &str, body: Value) {
        assert_eq!(self.asks(method, path, body).await, StatusCode::NO_CONTENT, "{path}");
    }

    async fn asks(&self, method: Method, path: &str, body: Value) -> StatusCode {
        self.api.request(method, path).json(&body).send().await.unwrap().status()
    }

    pub async fn supervises(&self, call: &str, mode: &str) {
        self.does(Method::POST, &format!("calls/{call}/supervise"), json!({ "mode": mode })).await;
    }

    pub async fn leaves(&self, call: &str) {
        self.does(Method::DELETE, &format!("calls/{call}/supervise"), Value::Null).await;
    }

    pub async fn takes_over(&self, call: &str) {
        self.does(Method::POST, &format!("calls/{call}/take_over"), Value::Null).await;
    }

    pub fn falls_silent(&self) {
        self.hum.abort();
    }

    /// He closes his page.
    pub async fn goes(self) {
        self.hum.abort();
        self.page.close().await;
        self.peer.close().await;
    }

    /// His browser is gone, without a goodbye.
    async fn vanishes(self) {
        self.hum.abort();
        self.peer.close().await;
        drop(self.page);
    }
}

/// A call between an agent and a customer who hum for half a minute, beside a supervisor.
struct Scene {
    station: Station,
    page: Page,
    boss: Boss,
    desk: PhoneCall,
    far: PhoneCall,
    visit: String,
    call: String,
    /// They hear of the end of their calls.
    _phones: [Phone; 2],
}

impl Scene {
    async fn begins() -> Self {
        let (mut telephone, mut customer) = (phone().await, phone().await);
        let station = station(&customer, 0).await;
        let mut page = desk(&station, "anna", &telephone).await;
        let boss = Boss::sits(&station).await;
        page.does(json!({ "type": "sign_in" })).await;
        let visit = station.api.report("FL-1", NUMBER).await;
        let (desk, far) = connected(&mut telephone, &mut customer).await;
        desk.say(&tone(AGENT_HZ, LEVEL, 240_000));
        far.say(&tone(CUSTOMER_HZ, LEVEL, 240_000));
        let call = text(&page.call_is("answered").await["call"]);
        Self { station, page, boss, desk, far, visit, call, _phones: [telephone, customer] }
    }

    /// The final row of the call.
    async fn ended(&self) -> Value {
        self.station.api.ended_call(&self.visit).await
    }

    /// What the audit log says of supervisors: who, what, and of which call.
    async fn audit(&self) -> Vec<(String, String)> {
        let events = self.station.app().store.events_of_visit(&VisitId::new(self.visit.clone())).await.unwrap();
        let acts = events.into_iter().filter(|event| event.actor == "boss");
        acts.inspect(|event| assert_eq!(event.call.as_ref().unwrap().as_str(), self.call))
            .map(|event| (event.kind, event.detail["mode"].as_str().unwrap_or_default().to_owned()))
            .collect()
    }

    async fn ends(self) {
        self.boss.hum.abort();
        self.page.close().await;
        self.boss.page.close().await;
        self.boss.peer.close().await;
        self.station.finish().await;
    }
}

/// What supervisors did, by the journal.
fn journal(report: &Value) -> Vec<String> {
    let entries = report["call"]["journal"].as_array().or(report["journal"].as_array()).unwrap();
    entries.iter().filter(|e| e["change"] == "supervisor").map(|e| text(&e["text"])).collect()
}

/// Half a second from now on holds nothing of the tone.
async fn does_not_hear(call: &mut PhoneCall, hz: f64) {
    while call.next_frame().now_or_never().is_some() {}
    let mut heard = vec![];
    within("half a second is heard", async {
        while heard.len() < 4_000 {
            heard.extend(call.next_frame().await.expect("the call goes on"));
        }
    })
    .await;
    assert_eq!(bursts(&heard, hz), [], "{hz} Hz");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_listens_whispers_and_barges_and_his_words_are_a_track_of_their_own() {
    let mut scene = Scene::begins().await;
    let Scene { boss, desk, far, call, .. } = &mut scene;
    boss.supervises(call, "listen").await;
    boss.peer.hears(AGENT_HZ).await;
    boss.peer.hears(CUSTOMER_HZ).await;
    does_not_hear(desk, BOSS_HZ).await;
    does_not_hear(far, BOSS_HZ).await;
    boss.supervises(call, "whisper").await;
    hears(desk, BOSS_HZ).await;
    does_not_hear(far, BOSS_HZ).await;
    boss.supervises(call, "barge").await;
    hears(far, BOSS_HZ).await;
    hears(desk, BOSS_HZ).await;
    boss.does(Method::DELETE, &format!("calls/{call}/supervise"), Value::Null).await;
    does_not_hear(far, BOSS_HZ).await;
    does_not_hear(desk, BOSS_HZ).await;
    assert_eq!(boss.asks(Method::DELETE, &format!("calls/{call}/supervise"), Value::Null).await, StatusCode::CONFLICT);
    far.hang_up().await;
    let row = scene.ended().await;

    let recording = Recording::of(&row, scene.station.recordings());
    for channel in [&recording.agent, &recording.customer] {
        assert_eq!(bursts(channel, BOSS_HZ), [], "in neither channel");
    }
    let info = &row["recording"];
    let [track] = &info["tracks"].as_array().unwrap()[..] else { panic!("{info}") };
    assert_eq!((text(&track["name"]), &track["seconds"]), ("supervisor".into(), &info["seconds"]));
    let path = scene.station.recordings().join(text(&track["file"]));
    let words: Vec<i16> = hound::WavReader::open(&path).unwrap().into_samples().map(Result::unwrap).collect();
    assert_eq!(words.len(), recording.agent.len(), "on the clock of the call");
    let said = bursts(&words, BOSS_HZ);
    let (first, last) = (said[0].0, said.last().unwrap().1);
    assert!(
        first > 0.4 && last < recording.seconds() - 0.4,
        "while he might be heard, not while he listened: {said:?}"
    );
    assert_eq!((bursts(&words, AGENT_HZ), bursts(&words, CUSTOMER_HZ)), (vec![], vec![]), "his words alone");
    let stored =
        scene.station.app().store.recording(&huifang::domain::id::CallId::new(scene.call.clone())).await.unwrap();
    assert_eq!(wav::verify_track(scene.station.recordings(), &stored.tracks[0]), Verdict::Intact);
    let sent = scene.station.api.request(Method::GET, &text(&track["url"])).send().await.unwrap();
    assert_eq!(sent.bytes().await.unwrap(), std::fs::read(&path).unwrap());

    let did = ["call.supervised listen", "call.supervised whisper", "call.supervised barge", "call.supervision_ended "];
    let audit = scene.audit().await;
    assert_eq!(audit.iter().map(|(kind, mode)| format!("{kind} {mode}")).collect::<Vec<_>>(), did);
    let written = journal(&scene.station.api.report_of(&row).await);
    assert_eq!(written, ["boss 开始监听", "boss 开始耳语（仅坐席可听）", "boss 加入通话", "boss 退出监听"]);
    let legs: Vec<String> = row["legs"].as_array().unwrap().iter().map(|leg| text(&leg["name"])).collect();
    assert_eq!(legs, ["customer", "supervisor", "agent"], "he was joined once, whatever he did then");
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_who_takes_over_is_the_agent_and_the_former_one_writes_down_what_he_has_to() {
    let mut scene = Scene::begins().await;
    let Scene { station, page, boss, desk, far, call, visit, .. } = &mut scene;
    page.does(json!({ "type": "mute", "on": true })).await;
    boss.supervises(call, "listen").await;
    let complaint = json!({ "source": "other", "text": "客户发火", "call_id": call });
    let complaint = answer(station.api.post("complaints", &complaint).await, StatusCode::CREATED).await;
    assert_eq!(complaint["taken_over"], Value::Null);
    boss.takes_over(call).await;
    let taken = station.api.get(&format!("complaints/{}", text(&complaint["id"]))).await;
    let last = taken["trail"].as_array().unwrap().last().unwrap();
    assert_eq!((&taken["taken_over"]["by"], &last["step"]), (&json!("boss"), &json!("take_over")), "F18: {taken}");
    hears(far, BOSS_HZ).await;
    does_not_hear(far, AGENT_HZ).await;
    boss.peer.hears(CUSTOMER_HZ).await;
    ends(desk, LineState::CallerHungUp).await;
    assert_eq!(page.seat_is("wrap_up").await["call"], json!(call));
    assert_eq!(state(station, "boss").await, "in_call");
    let shown = boss.page.call_is("answered").await;
    assert_eq!(
        (&shown["call"], &shown["muted"]),
        (&json!(call), &json!(false)),
        "his page has the call, and he is heard"
    );
    page.does(json!({ "type": "available" })).await;
    page.seat_is("available").await;
    let again = boss.asks(Method::POST, &format!("calls/{call}/take_over"), Value::Null).await;
    assert_eq!(again, StatusCode::CONFLICT, "it is his own");

    boss.page.does(json!({ "type": "result", "end": { "kind": "completed" } })).await;
    boss.page.does(json!({ "type": "hang_up" })).await;
    ends(far, LineState::CallerHungUp).await;
    boss.page.call_is("ended").await;
    boss.page.does(json!({ "type": "wrapped_up", "end": { "kind": "completed" }, "note": "由主管完成" })).await;
    assert_eq!(boss.page.seat_is("signed_out").await["visit"], Value::Null, "he is again what he was");
    assert_eq!(station.api.visit(visit).await["state"]["name"], "completed");
    let row = scene.ended().await;
    assert_eq!((text(&row["seat"]), text(&row["note"])), ("boss".into(), "由主管完成".into()));
    let recording = Recording::of(&row, scene.station.recordings());
    let left = |hz| bursts(&recording.agent, hz);
    let (agents, bosss) = (left(AGENT_HZ), left(BOSS_HZ));
    assert!(
        agents.last().unwrap().1 <= bosss[0].0,
        "left is the agent, and the agent is the supervisor: {agents:?}, {bosss:?}"
    );
    assert_eq!((bursts(&recording.customer, BOSS_HZ), row["recording"]["tracks"].clone()), (vec![], json!([])));
    let report = scene.station.api.report_of(&row).await;
    assert_eq!(journal(&report), ["boss 开始监听", "boss 不再监听", "boss 接管了通话，anna 退出"]);
    assert!(changes(&report).contains(&"joined".to_owned()));
    let did: Vec<String> = scene.audit().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(did[did.len() - 2..], ["call.taken_over", "complaint.take_over"], "{did:?}");
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_a_supervisor_ends_says_who_and_why_and_one_that_is_over_cannot_be_supervised() {
    let mut scene = Scene::begins().await;
    let Scene { page, boss, desk, far, call, .. } = &mut scene;
    let (end, take_over, supervise) =
        (format!("calls/{call}/end"), format!("calls/{call}/take_over"), format!("calls/{call}/supervise"));
    assert_eq!(boss.asks(Method::POST, &end, json!({ "reason": " " })).await, StatusCode::UNPROCESSABLE_ENTITY);
    boss.does(Method::POST, &end, json!({ "reason": "客户在辱骂" })).await;
    ends(far, LineState::CallerHungUp).await;
    ends(desk, LineState::CallerHungUp).await;
    page.call_is("ended").await;
    for (path, body) in
        [(&end, json!({ "reason": "再来" })), (&take_over, Value::Null), (&supervise, json!({ "mode": "listen" }))]
    {
        assert_eq!(boss.asks(Method::POST, path, body.clone()).await, StatusCode::CONFLICT, "in the wrap-up: {path}");
    }
    page.does(json!({ "type": "available" })).await;
    for (path, body) in
        [(&end, json!({ "reason": "再来" })), (&take_over, Value::Null), (&supervise, json!({ "mode": "listen" }))]
    {
        assert_eq!(boss.asks(Method::POST, path, body.clone()).await, StatusCode::CONFLICT, "when it is over: {path}");
        let unknown = path.replace(call.as_str(), "nobody");
        assert_eq!(boss.asks(Method::POST, &unknown, body).await, StatusCode::NOT_FOUND, "{unknown}");
    }
    let row = scene.ended().await;
    assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("answered".into(), "us".into()), "{row}");
    assert_eq!(text(&row["detail"]), "ended by boss: 客户在辱骂");
    assert_eq!(journal(&scene.station.api.report_of(&row).await), ["boss 结束了通话：客户在辱骂"]);
    assert_eq!(scene.audit().await, [("call.ended_by_hand".to_owned(), String::new())], "what was refused is no act");
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_supervisor_supervises_and_only_with_a_line_of_his_own() {
    let scene = Scene::begins().await;
    let clerk = scene.station.api.with_token(agent(&scene.station, "bert").await);
    let paths = [
        (Method::POST, "supervise", json!({ "mode": "listen" })),
        (Method::DELETE, "supervise", Value::Null),
        (Method::POST, "take_over", Value::Null),
        (Method::POST, "end", json!({ "reason": "x" })),
    ];
    for (method, path, body) in paths {
        let path = format!("calls/{}/{path}", scene.call);
        let answer = clerk.request(method, &path).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
    let released = clerk.post("seats/anna/release", &Value::Null).await;
    assert_eq!(released.status(), StatusCode::FORBIDDEN);
    // The first administrator may, and has no line.
    for (path, body) in [("supervise", json!({ "mode": "listen" })), ("take_over", Value::Null)] {
        let answer = scene.station.api.post(&format!("calls/{}/{path}", scene.call), &body).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT, "{path}");
    }
    let unknown =
        scene.boss.asks(Method::POST, &format!("calls/{}/supervise", scene.call), json!({ "mode": "spy" })).await;
    assert_eq!(unknown, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(state(&scene.station, "anna").await, "in_call", "the call does not notice");
    scene.far.hang_up().await;
    scene.ended().await;
    assert_eq!(scene.audit().await, [], "nothing was done");
    scene.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_whose_browser_is_gone_is_not_missed() {
    let mut scene = Scene::begins().await;
    scene.boss.supervises(&scene.call, "barge").await;
    hears(&mut scene.far, BOSS_HZ).await;
    let Scene { station, page, boss, mut desk, mut far, visit, .. } = scene;
    boss.vanishes().await;
    hears(&mut far, AGENT_HZ).await;
    hears(&mut desk, CUSTOMER_HZ).await;
    does_not_hear(&mut far, BOSS_HZ).await;
    assert_eq!(state(&station, "anna").await, "in_call");
    far.hang_up().await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!(text(&row["outcome"]), "hung_up", "{row}");
    assert_eq!(row["recording"]["tracks"][0]["seconds"], row["recording"]["seconds"]);
    page.close().await;
    station.finish().await;
}
