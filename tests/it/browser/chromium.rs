//! The leg against Chromium: a tiny page takes the microphone, connects, listens, and posts what it found.

use super::{AGENT_HZ, CUSTOMER_HZ, level, loopback, spoken, until, within};
use crate::support::chromium::{Chromium, LISTEN, microphone};
use axum::extract::State;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use huifang::config::WebRtc;
use huifang::media::browser::{Browser, BrowserEvent, BrowserRtp, BrowserState};
use huifang::media::rtp;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// `LISTEN` is the script of that name; `CODECS` is a list of names that the page restricts its offer to; empty = what Chromium offers by itself.
const PAGE: &str = r#"<!doctype html><meta charset=utf-8><title>leg</title><script>LISTEN
const post = (path, body) => fetch(path, {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(body)}).then(r => r.json());
const only = CODECS;
(async () => { try {
  const mic = await navigator.mediaDevices.getUserMedia({audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false}});
  const pc = new RTCPeerConnection();
  const audio = pc.addTransceiver(mic.getAudioTracks()[0], {direction: 'sendrecv', streams: [mic]});
  if (only.length) audio.setCodecPreferences(RTCRtpSender.getCapabilities('audio').codecs.filter(c => only.includes(c.mimeType.split('/')[1])));
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.onicecandidate = e => post('/candidate', e.candidate);
  let peak = 0;
  pc.ontrack = e => {
    if (e.track.kind === 'audio') listen(e.track, hz => peak = hz);
  };
  const negotiate = async () => {
    await pc.setLocalDescription(await pc.createOffer());
    await pc.setRemoteDescription({type: 'answer', sdp: (await post('/offer', {sdp: pc.localDescription.sdp})).sdp});
  };
  await negotiate();
  for (;;) {
    const stats = [...(await pc.getStats()).values()];
    const codec = type => { const s = stats.find(s => s.type === type && s.kind === 'audio'); const c = s && stats.find(c => c.id === s.codecId); return c ? c.mimeType : null; };
    const todo = await post('/report', {state: pc.connectionState, peak, sends: codec('outbound-rtp'), hears: codec('inbound-rtp')});
    for (const candidate of todo.candidates) await pc.addIceCandidate(candidate ?? undefined);
    if (todo.key) audio.sender.dtmf.insertDTMF(todo.key, 100, 70);
    if (todo.restart) { pc.restartIce(); await negotiate(); }
    await new Promise(r => setTimeout(r, 100));
  }
} catch (e) { post('/report', {failed: String(e)}); } })();
</script>"#;

#[derive(Clone)]
struct Desk {
    page: Arc<str>,
    browser: Browser,
    /// Our candidates and the test's wishes, for the next report's reply.
    todo: Arc<Mutex<Value>>,
    report: Arc<Mutex<Value>>,
    offers: Arc<Mutex<Vec<String>>>,
}

fn nothing() -> Value {
    json!({ "candidates": [] })
}

async fn offer(State(desk): State<Desk>, Json(body): Json<Value>) -> Json<Value> {
    let sdp = body["sdp"].as_str().unwrap();
    desk.offers.lock().unwrap().push(sdp.to_owned());
    Json(json!({ "sdp": desk.browser.offer(sdp).await.unwrap() }))
}

async fn candidate(State(desk): State<Desk>, Json(body): Json<Value>) -> Json<Value> {
    let text = (!body.is_null()).then(|| body.to_string());
    desk.browser.candidate(text.as_deref()).await.unwrap();
    Json(Value::Null)
}

async fn report(State(desk): State<Desk>, Json(body): Json<Value>) -> Json<Value> {
    *desk.report.lock().unwrap() = body;
    Json(std::mem::replace(&mut *desk.todo.lock().unwrap(), nothing()))
}

struct Rig {
    desk: Desk,
    chromium: Chromium,
    _folder: tempfile::TempDir,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Rig {
    async fn connected(codecs: &[&str]) -> Self {
        let (browser, events) = Browser::open(&loopback(), &WebRtc::default()).await.unwrap();
        let desk = Desk {
            page: PAGE.replace("LISTEN", LISTEN).replace("CODECS", &json!(codecs).to_string()).into(),
            browser,
            todo: Arc::new(Mutex::new(nothing())),
            report: Default::default(),
            offers: Default::default(),
        };
        let pages = Router::new()
            .route("/", get(|State(desk): State<Desk>| async move { Html(desk.page.to_string()) }))
            .route("/offer", post(offer))
            .route("/candidate", post(candidate))
            .route("/report", post(report))
            .with_state(desk.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
        let trickle = tokio::spawn(trickle(events, desk.todo.clone()));
        let folder = tempfile::tempdir().unwrap();
        let chromium = Chromium::start(&url, &microphone(folder.path(), AGENT_HZ as u32));
        let rig = Self { desk, chromium, _folder: folder, tasks: [server, trickle] };
        rig.page("it is connected", |report| report["state"] == "connected").await;
        rig
    }

    /// Waits for what the page says of itself.
    async fn page(&self, what: &str, condition: impl Fn(&Value) -> bool) {
        let report = self.desk.report.clone();
        until(&format!("the page: {what}"), || {
            let report = report.lock().unwrap();
            assert!(report.get("failed").is_none(), "{report}");
            condition(&report)
        })
        .await;
    }

    fn wish(&self, what: &str, value: Value) {
        self.desk.todo.lock().unwrap()[what] = value;
    }
}

async fn trickle(mut events: mpsc::Receiver<BrowserEvent>, todo: Arc<Mutex<Value>>) {
    while let Some(event) = events.recv().await {
        if let BrowserEvent::Candidate(candidate) = event {
            let candidate = candidate.map_or(Value::Null, |json| serde_json::from_str(&json).unwrap());
            todo.lock().unwrap()["candidates"].as_array_mut().unwrap().push(candidate);
        }
    }
}

fn near(hz: &Value, expected: f64) -> bool {
    hz.as_f64().is_some_and(|hz| (hz - expected).abs() < 15.0)
}

/// The customer's tone to the page in real time, for a minute or until the leg ends.
fn customer(rtp: &BrowserRtp) -> JoinHandle<()> {
    let out = rtp.outgoing.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        for datagram in spoken(CUSTOMER_HZ, 50 * 60, 0) {
            tick.tick().await;
            if out.send(datagram).await.is_err() {
                return;
            }
        }
    })
}

/// Packets of the agent until a second of his tone is heard; keys on the way are collected.
async fn agent_is_heard(
    incoming: &mut mpsc::Receiver<(std::time::Instant, bytes::Bytes)>,
    event: Option<u8>,
) -> Vec<Vec<u8>> {
    let (mut voice, mut keys) = (Vec::new(), Vec::new());
    within("the microphone's tone", 20, async {
        loop {
            let (_, datagram) = incoming.recv().await.expect("the browser is there");
            let packet = rtp::read(&datagram).expect("plain RTP");
            if Some(packet.header.payload_type) == event {
                keys.push(packet.payload.to_vec());
                continue;
            }
            voice.push(packet);
            if voice.len() >= 50 && level(voice[voice.len() - 50..].iter(), AGENT_HZ) > 1_500.0 {
                return;
            }
        }
    })
    .await;
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_speaks_a_law_by_its_own_offer_and_an_ice_restart_does_not_cut_it() {
    let mut rig = Rig::connected(&[]).await;
    let offer = rig.desk.offers.lock().unwrap()[0].clone();
    assert!(
        offer.contains("opus/48000/2") && offer.contains("telephone-event/48000") && offer.contains("m=video"),
        "{offer}"
    );
    let mut rtp = rig.desk.browser.take().unwrap();
    let talk = customer(&rtp);
    agent_is_heard(&mut rtp.incoming, rtp.event).await;
    rig.page("it hears the customer in A-law", |r| {
        near(&r["peak"], CUSTOMER_HZ) && r["sends"] == "audio/PCMA" && r["hears"] == "audio/PCMA"
    })
    .await;

    rig.wish("key", json!("5"));
    let event = rtp.event;
    let key = within("the key", 20, async {
        loop {
            if let Some(key) = agent_is_heard(&mut rtp.incoming, event).await.into_iter().next() {
                return key;
            }
        }
    });
    assert_eq!(key.await[0], 5);

    rig.wish("restart", json!(true));
    let offers = rig.desk.offers.clone();
    until("the page offers again", || offers.lock().unwrap().len() == 2).await;
    let ufrag = |offer: &str| offer.lines().find(|l| l.starts_with("a=ice-ufrag")).unwrap().to_owned();
    let both = offers.lock().unwrap().clone();
    assert_ne!(ufrag(&both[0]), ufrag(&both[1]));
    rig.desk.report.lock().unwrap()["state"] = Value::Null;
    rig.page("it is connected again", |r| r["state"] == "connected" && near(&r["peak"], CUSTOMER_HZ)).await;
    while rtp.incoming.try_recv().is_ok() {}
    agent_is_heard(&mut rtp.incoming, event).await;

    rig.chromium.kill();
    let browser = rig.desk.browser.clone();
    until("the killed browser is noticed", || browser.stats().state == BrowserState::Disconnected).await;
    talk.abort();
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_with_opus_alone_is_transcoded() {
    let rig = Rig::connected(&["opus", "telephone-event"]).await;
    let mut rtp = rig.desk.browser.take().unwrap();
    let talk = customer(&rtp);
    agent_is_heard(&mut rtp.incoming, rtp.event).await;
    rig.page("it hears the customer in Opus", |r| {
        near(&r["peak"], CUSTOMER_HZ) && r["sends"] == "audio/opus" && r["hears"] == "audio/opus"
    })
    .await;
    talk.abort();
    rig.desk.browser.close().await;
}
