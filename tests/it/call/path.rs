//! One answered call from end to end: who may end it, and what is left.

use super::{NUMBER, ends, first_sound, phone, picks_up, reason, rings, talks_to_the_end};
use crate::support::api::{answer, instant, sms_text, text};
use crate::support::audio::Recording;
use crate::support::far::Far;
use crate::support::steady::steady;
use crate::support::{LIMIT, Station, until};
use huifang::clock::{Clock, SystemClock, monotonic};
use huifang::demo::phone::LineState;
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::net::UdpSocket;
use std::time::Duration;

/// Instants of a call in the order in which they must have happened.
#[track_caller]
fn assert_ordered(call: &Value, names: &[&str]) {
    let times: Vec<_> = names.iter().map(|name| (*name, instant(&call[*name]))).collect();
    assert!(times.is_sorted_by_key(|(_, at)| *at), "{times:?}");
}

/// The recording's row fits its file, and HTTP serves that file, whole and in part.
async fn assert_recording_is_served(station: &Station, call: &Value) {
    let info = &call["recording"];
    let bytes = std::fs::read(station.recordings().join(text(&info["file"]))).unwrap();
    let sha256: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!((text(&info["sha256"]), text(&info["state"])), (sha256.clone(), "complete".into()));
    let get = |range: Option<&str>| {
        let request = station.api.request(Method::GET, &text(&info["url"]));
        range.iter().fold(request, |request, range| request.header("Range", *range)).send()
    };
    let whole = get(None).await.unwrap();
    assert_eq!(whole.headers()["etag"].to_str().unwrap(), format!("\"{sha256}\""));
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    let part = get(Some("bytes=40-59")).await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"].to_str().unwrap(), format!("bytes 40-59/{}", bytes.len()));
    assert_eq!(part.bytes().await.unwrap(), bytes[40..60]);
}

#[tokio::test]
async fn a04_c10_a_completion_sms_rings_the_customer_greets_at_once_and_a_hang_up_is_recorded_and_spaced() {
    steady(async || {
        let mut phone = phone().await;
        let station = Station::start(phone.addr()).await;
        let visit = station.api.report("FL-1", NUMBER).await;
        let call = rings(&mut phone).await;
        assert_eq!(call.dialled(), NUMBER);
        call.ring().await;
        let mut call = call.answer().await.unwrap();
        let greeted = first_sound(&mut call).await.duration_since(call.answered_at);
        assert!(greeted <= Duration::from_millis(500), "the greeting came {greeted:?} after the answer");
        call.hang_up().await;

        let row = station.api.ended_call(&visit).await;
        assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("hung_up".into(), "customer".into()), "{row}");
        assert_eq!(row["conversation"]["kind"], "abandoned");
        assert_eq!((&row["attempt"], &row["sip_status"], &row["order_no"]), (&1.into(), &200.into(), &"FL-1".into()));
        assert_eq!((text(&row["to"]), text(&row["trunk"])), (format!("+86{NUMBER}"), "line".into()));
        assert_ordered(&row, &["claimed_at", "invited_at", "ringing_at", "answered_at", "ended_at"]);
        assert_recording_is_served(&station, &row).await;

        let after = station.api.visit(&visit).await;
        assert_eq!((reason(&after), &after["attempts"]), ("retry_spacing".into(), &1.into()));
        assert_eq!(after["state"]["reason"]["rule"], "hung_up");
        let spacing = instant(&after["state"]["not_before"]).duration_since(instant(&row["ended_at"]));
        assert!(spacing >= SignedDuration::from_mins(60), "A04: {after}");
        let why = station.api.why(&visit).await;
        assert_eq!(why["code"], "redial_guard");
        assert!(text(&why["text"]).contains("按规则 A04 要间隔 60 分钟"), "{why}");
        // A person is bound by A04 as the planner is.
        let refused =
            answer(station.api.post(&format!("visits/{visit}/dial"), &Value::Null).await, StatusCode::CONFLICT).await;
        assert!(text(&refused["detail"]).contains("A04"), "{refused}");
        station.finish().await;
    })
    .await;
}

#[tokio::test]
async fn the_same_sms_as_a_form_rings_as_well_and_a_whole_conversation_with_keys_makes_a_valid_visit() {
    let mut phone = phone().await;
    let station = Station::start(phone.addr()).await;
    let (when, words) = (SystemClock.now().to_string(), sms_text("FL-2", NUMBER));
    let form = [("message_id", "f-1"), ("from", "10690000"), ("to", "1"), ("text", &words), ("received_at", &when)];
    let body = form.map(|(key, value)| format!("{key}={}", percent(value))).join("&");
    let request = station.api.request(Method::POST, "sms").header("Content-Type", "application/x-www-form-urlencoded");
    let accepted = answer(request.body(body).send().await.unwrap(), StatusCode::ACCEPTED).await;
    let visit = text(&accepted["visit_id"]);

    let mut call = picks_up(&mut phone).await;
    talks_to_the_end(&mut call).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((&row["outcome"], &row["conversation"]["kind"]), (&"answered".into(), &"completed".into()), "{row}");
    assert_eq!(row["hung_up_by"], "customer", "C16");
    assert_eq!(station.api.visit(&visit).await["state"]["name"], "completed");
    // The transcript waits for its model: the report says that it is not complete, and nothing is lost.
    let report = station.api.report_of(&row).await;
    assert_eq!((&report["complete"], &report["transcript"]), (&false.into(), &Value::Null), "{report}");
    let meant: Vec<_> = report["journal"].as_array().unwrap().iter().filter_map(|e| e["meaning"].as_str()).collect();
    assert_eq!(meant, ["yes", "key_yes", "answer", "key_4"], "{report}");
    station.finish().await;
}

fn percent(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

/// Within one second of the BYE the engine sends nothing more and holds neither dialog, slot nor port.
async fn assert_leg_is_gone(station: &Station, far: &Far, port: u16, ended: std::time::Instant) {
    station.line_is_free().await;
    until("the RTP port is free", async || UdpSocket::bind(("127.0.0.1", port)).ok()).await;
    let took = monotonic().duration_since(ended);
    assert!(took <= Duration::from_secs(1), "the leg was gone {took:?} after the BYE");
    assert_eq!(far.packets_after(ended + Duration::from_secs(1)), 0);
}

#[tokio::test]
async fn both_legs_are_gone_within_a_second_of_the_customer_s_bye() {
    steady(async || {
        let mut far = Far::bind().await;
        let station = Station::start(far.address()).await;
        let visit = station.api.report("FL-1", NUMBER).await;
        let call = far.answer().await;
        until("the greeting is heard", async || far.first_sound()).await;
        let ended = monotonic();
        far.sip.request(&call.invite, "BYE", 1, "", "").await;
        far.sip.expect("200").await;
        assert_leg_is_gone(&station, &far, call.media.port(), ended).await;
        assert_eq!(station.api.ended_call(&visit).await["hung_up_by"], "customer");
        // The same port serves the next call: the range holds no pair back.
        station.finish().await;
    })
    .await;
}

#[tokio::test]
async fn c16_a_customer_who_never_speaks_is_left_politely_and_our_bye_ends_both_legs_within_a_second() {
    steady(async || {
        let mut far = Far::bind().await;
        let station = Station::start(far.address()).await;
        let visit = station.api.report("FL-1", NUMBER).await;
        let call = far.answer().await;
        far.speak(&call, &vec![0; 8_000 * LIMIT.as_secs() as usize]);
        let bye = far.sip.expect("BYE").await;
        let ended = monotonic();
        far.sip.reply(&bye, "200 OK", b"", b"").await;
        assert_leg_is_gone(&station, &far, call.media.port(), ended).await;
        let row = station.api.ended_call(&visit).await;
        let end = (text(&row["outcome"]), text(&row["conversation"]["kind"]), text(&row["hung_up_by"]));
        assert_eq!(end, ("answered".into(), "silent".into(), "us".into()), "{row}");
        let after = station.api.visit(&visit).await;
        assert_eq!(after["state"]["reason"]["rule"], "silent", "{after}");
        assert!(text(&station.api.why(&visit).await["text"]).contains("接通后无人说话"));
        station.finish().await;
    })
    .await;
}

#[tokio::test]
async fn a_call_without_any_audio_is_ended_as_a_fault_of_the_network() {
    steady(async || {
        let mut far = Far::bind().await;
        let station = Station::start_with(far.address(), |config| config.media.rtp_timeout_s = 1).await;
        let visit = station.api.report("FL-1", NUMBER).await;
        let call = far.answer().await;
        let bye = far.sip.expect("BYE").await;
        let ended = monotonic();
        far.sip.reply(&bye, "200 OK", b"", b"").await;
        assert_leg_is_gone(&station, &far, call.media.port(), ended).await;
        let row = station.api.ended_call(&visit).await;
        let end = (text(&row["outcome"]), text(&row["fault"]), text(&row["hung_up_by"]));
        assert_eq!(end, ("trunk_failure".into(), "network".into(), "network".into()), "{row}");
        assert_eq!(row["legs"][0]["packets_received"], 0);
        let gaps = row["recording"]["gaps"].as_array().unwrap();
        assert!(gaps.iter().any(|gap| gap["channel"] == "customer" && gap["reason"] == "no_media"), "{row}");
        let after = station.api.visit(&visit).await;
        assert_eq!((reason(&after), &after["state"]["reason"]["rule"]), ("retry_spacing".into(), &"fault".into()));
        station.finish().await;
    })
    .await;
}

#[tokio::test]
async fn a_line_that_breaks_in_the_middle_is_no_hang_up_of_the_customer() {
    let mut far = Far::bind().await;
    let station = Station::start(far.address()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.answer().await;
    until("the greeting is heard", async || far.first_sound()).await;
    far.sip.request(&call.invite, "BYE", 1, "Reason: Q.850;cause=41\r\n", "").await;
    far.sip.expect("200").await;
    let row = station.api.ended_call(&visit).await;
    let end = (text(&row["outcome"]), text(&row["fault"]), text(&row["hung_up_by"]));
    assert_eq!(end, ("trunk_failure".into(), "network".into(), "network".into()), "{row}");
    let after = station.api.visit(&visit).await;
    assert_eq!((&after["state"]["reason"]["rule"], &after["redial_guard"]), (&"fault".into(), &Value::Null), "{after}");
    let why = text(&station.api.why(&visit).await["text"]);
    assert!(why.contains("因故障中断") && !why.contains("客户挂断"), "{why}");
    station.finish().await;
}

#[tokio::test]
async fn a_bye_on_the_heels_of_the_answer_ends_the_recording_there() {
    check_bye_at_once(async |far| {
        let call = far.answer().await;
        far.sip.request(&call.invite, "BYE", 1, "", "").await;
    })
    .await;
    // It overtakes its 200: the far end rang off at the very answer.
    check_bye_at_once(async |far| {
        let invite = far.sip.expect("INVITE").await;
        far.sip.request(&invite, "BYE", 1, "", "").await;
        far.sip.answer(&invite).await;
    })
    .await;
}

async fn check_bye_at_once(play: impl AsyncFnOnce(&mut Far)) {
    let mut far = Far::bind().await;
    let station = Station::start(far.address()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    play(&mut far).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("hung_up".into(), "customer".into()), "{row}");
    let [talk, file] = [&row["talk_s"], &row["recording"]["seconds"]].map(|s| s.as_f64().unwrap());
    assert!((talk - file).abs() <= 0.02, "answer to hang-up {talk} s, the file {file} s");
    station.finish().await;
}

#[tokio::test]
async fn an_engine_that_stops_hangs_up_writes_the_call_and_loses_nothing() {
    let mut phone = phone().await;
    let mut station = Station::start(phone.addr()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let mut call = picks_up(&mut phone).await;
    first_sound(&mut call).await;
    let (took, ()) = tokio::join!(ends(&call, LineState::CallerHungUp), station.restart());
    assert!(took <= Duration::from_secs(5), "the BYE came {took:?} after the stop");
    let row = station.api.ended_call(&visit).await;
    let end = (text(&row["outcome"]), text(&row["fault"]), text(&row["hung_up_by"]));
    assert_eq!(end, ("answered".into(), "us".into(), "us".into()), "{row}");
    assert!(text(&row["detail"]).contains("stopping"), "{row}");
    assert!(Recording::of(&row, station.recordings()).seconds() > 0.0);
    assert_recording_is_served(&station, &row).await;
    let after = station.api.visit(&visit).await;
    assert_eq!(after["attempts"], 1);
    let wait = instant(&after["state"]["not_before"]).duration_since(SystemClock.now());
    assert!(wait > SignedDuration::from_mins(4), "the customer is not called again at once: {after}");
    station.finish().await;
}
