//! An agent in a real browser: Chromium with a tone as its microphone, the engine, and a customer's telephone.

use super::{agent, changes};
use crate::call::{NUMBER, ends, phone, picks_up};
use crate::support::api::text;
use crate::support::audio::{Recording, bursts};
use crate::support::chromium::{Chromium, LISTEN, microphone};
use crate::support::data::OTHERS_HZ;
use crate::support::{Station, until};
use axum::extract::State;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use huifang::demo::phone::LineState;
use huifang::media::tones::tone;
use serde_json::Value;
use std::sync::{Arc, Mutex};

const AGENT_HZ: f64 = 440.0;
const CUSTOMER_HZ: f64 = 1_000.0;

/// What a desk page does, without its looks: connects, offers, signs in when the leg is up, and tells what it hears.
const PAGE: &str = r#"<!doctype html><meta charset=utf-8><title>seat</title><script>LISTEN
const post = (body) => fetch('/told', {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(body)});
(async () => { try {
  const mic = await navigator.mediaDevices.getUserMedia({audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false}});
  const pc = new RTCPeerConnection(), seat = new WebSocket('SEAT', ['huifang.seat.v1', 'bearer.TOKEN']);
  const say = (message) => seat.send(JSON.stringify(message));
  let peak = 0, signed = false;
  const audio = pc.addTransceiver(mic.getAudioTracks()[0], {direction: 'sendrecv', streams: [mic]});
  audio.setCodecPreferences(RTCRtpSender.getCapabilities('audio').codecs.filter(c => ['audio/PCMA', 'audio/PCMU'].includes(c.mimeType)));
  pc.onicecandidate = e => say({type: 'candidate', candidate: e.candidate});
  pc.ontrack = e => listen(e.track, hz => peak = hz);
  seat.onmessage = async e => {
    const news = JSON.parse(e.data);
    if (news.type === 'welcome') { await pc.setLocalDescription(await pc.createOffer()); say({type: 'offer', sdp: pc.localDescription.sdp}); }
    if (news.type === 'answer') await pc.setRemoteDescription({type: 'answer', sdp: news.sdp});
    if (news.type === 'candidate') await pc.addIceCandidate(news.candidate ?? undefined);
    if (news.type === 'media' && news.state === 'connected' && !signed) { signed = true; say({type: 'sign_in'}); }
    if (news.type === 'error') post({failed: news.message});
  };
  setInterval(() => { say({type: 'ping'}); post({peak}); }, 500);
} catch (e) { post({failed: String(e)}); } })();
</script>"#;

type Told = Arc<Mutex<Value>>;

/// Serves the page; what it told last.
async fn serve(station: &Station, token: &str) -> (String, Told) {
    let seat = format!("{}/api/v1/seat", station.api.base.replacen("http", "ws", 1));
    let page = PAGE.replace("LISTEN", LISTEN).replace("SEAT", &seat).replace("TOKEN", token);
    let told = Told::default();
    let hear = |State(told): State<Told>, Json(body): Json<Value>| async move { *told.lock().unwrap() = body };
    let pages = Router::new()
        .route("/", get(move || async move { Html(page) }))
        .route("/told", post(hear))
        .with_state(told.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
    (url, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_in_a_browser_is_heard_and_recorded_and_one_whose_browser_is_killed_is_apologised_for() {
    let mut customer = phone().await;
    let station = Station::start_with(customer.addr(), |config| {
        config.dialer.mode = "agent".into();
        config.dialer.reserve_idle_seats = 0;
        // Not his lease: his closed connection and his silence.
        config.seats.lease_s = 300;
        config.seats.lost_after_s = 1;
    })
    .await;
    let token = agent(&station, "anna").await;
    let (url, told) = serve(&station, &token).await;
    let folder = tempfile::tempdir().unwrap();
    let mut chromium = Chromium::start(&url, &microphone(folder.path(), AGENT_HZ as u32));
    until("the browser's seat is available", async || {
        let told = told.lock().unwrap().clone();
        assert!(told.get("failed").is_none(), "{told}");
        let seats = station.api.get("seats").await;
        seats["items"].as_array().unwrap().iter().any(|seat| seat["state"] == "available").then_some(())
    })
    .await;

    let visit = station.api.report("FL-1", NUMBER).await;
    let mut far = picks_up(&mut customer).await;
    let answered = far.answered_at;
    far.say(&tone(CUSTOMER_HZ, 8_000.0, 80_000));
    let mut heard = vec![];
    while bursts(&heard, AGENT_HZ).is_empty() {
        heard
            .extend(crate::support::within("the microphone's tone", far.next_frame()).await.expect("the call goes on"));
    }
    let waited = heard.len() as f64 / 8_000.0;
    assert!(waited < 1.0, "the customer heard the agent {waited} s after the answer at {answered:?}");
    until("the page hears the customer", async || {
        told.lock().unwrap()["peak"].as_f64().is_some_and(|hz| (hz - CUSTOMER_HZ).abs() < 15.0).then_some(())
    })
    .await;

    chromium.kill();
    let mut after = vec![];
    while bursts(&after, OTHERS_HZ).is_empty() {
        after.extend(crate::support::within("the apology", far.next_frame()).await.expect("an apology comes first"));
    }
    ends(&far, LineState::CallerHungUp).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["seat"]), text(&row["conversation"]["kind"])), ("anna".into(), "fault".into()), "{row}");
    let told = changes(&station.api.report_of(&row).await);
    assert!(told.contains(&"silent".to_owned()) && told.contains(&"lost".to_owned()), "{told:?}");
    let recording = Recording::of(&row, station.recordings());
    assert!(!bursts(&recording.agent, AGENT_HZ).is_empty() && bursts(&recording.agent, CUSTOMER_HZ).is_empty());
    assert!(!bursts(&recording.customer, CUSTOMER_HZ).is_empty() && bursts(&recording.customer, AGENT_HZ).is_empty());
    assert_eq!(crate::call::reason(&station.api.visit(&visit).await), "retry_spacing", "he is called again");
    station.finish().await;
}
