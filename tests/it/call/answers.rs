//! What is an answer and what only looks like one: early media, a 200 that crosses our CANCEL, a hold that never ends.

use super::{NUMBER, reason};
use crate::support::api::text;
use crate::support::audio::{Recording, bursts};
use crate::support::data::LEVEL;
use crate::support::far::{Answered, Far};
use crate::support::{Station, until};
use huifang::clock::monotonic;
use huifang::media::sdes::Suite;
use huifang::media::tones::tone;
use serde_json::json;
use std::time::Duration;

const CUSTOMER_HZ: f64 = 1_500.0;

#[tokio::test]
async fn a_refusal_after_early_media_is_no_answer_and_its_recording_has_no_answered_part() {
    let mut far = Far::bind().await;
    let station = Station::start(far.address()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.early().await;
    let began = far.speak(&call, &tone(CUSTOMER_HZ, LEVEL, 4_000));
    until("half a second of an announcement", async || (began.elapsed() >= Duration::from_millis(600)).then_some(()))
        .await;
    far.sip.reply(&call.invite, "486 Busy Here", b"", b"").await;
    far.sip.expect("ACK").await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((&row["outcome"], &row["sip_status"], &row["answered_at"]), (&json!("busy"), &json!(486), &json!(null)));
    assert!(row["recording"]["answered_at_s"].is_null(), "{row}");
    let announcement = bursts(&Recording::of(&row, station.recordings()).customer, CUSTOMER_HZ);
    assert_eq!(announcement.len(), 1, "what was announced is kept: {announcement:?}");
    assert_eq!(reason(&station.api.visit(&visit).await), "retry_spacing");
    station.finish().await;
}

#[tokio::test]
async fn a_200_that_crosses_our_cancel_is_acknowledged_and_hung_up_and_is_no_finished_visit() {
    let mut far = Far::bind().await;
    let station = Station::start_with(far.address(), |config| config.trunks[0].ring_timeout_s = 1).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let invite = far.sip.expect("INVITE").await;
    far.sip.reply(&invite, "180 Ringing", b"", b"").await;
    let cancel = far.sip.expect("CANCEL").await;
    far.sip.reply(&cancel, "200 OK", b"", b"").await;
    let call = far.pick_up(invite).await;
    let bye = far.sip.expect("BYE").await;
    far.sip.reply(&bye, "200 OK", b"", b"").await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("no_answer".into(), "us".into()), "{row}");
    assert!(row["answered_at"].is_null() && row["conversation"].is_null() && row["recording"].is_null(), "{row}");
    assert_eq!(reason(&station.api.visit(&visit).await), "retry_spacing");
    assert_eq!(far.packets_after(call.sent_at), 0, "not a word to him");
    station.finish().await;
}

#[tokio::test]
async fn a_far_end_that_keeps_us_on_hold_for_too_long_is_left_and_the_record_says_so() {
    let mut far = Far::bind().await;
    let station = Station::start_with(far.address(), |config| config.media.hold_timeout_s = 1).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.answer().await;
    far.speak(&call, &[0; 8_000]);
    until("the greeting is heard", async || far.first_sound()).await;
    let held = far.sdp(Suite::Sha1_80).replace("sendrecv", "sendonly");
    far.reinvite(&call, 1, &held, "200").await;
    let since = monotonic();
    let bye = far.sip.expect("BYE").await;
    assert!(since.elapsed() >= Duration::from_millis(500), "not before its time");
    far.sip.reply(&bye, "200 OK", b"", b"").await;
    let row = station.api.ended_call(&visit).await;
    let end = (text(&row["outcome"]), text(&row["fault"]), text(&row["hung_up_by"]));
    assert_eq!(end, ("trunk_failure".into(), "customer".into(), "us".into()), "{row}");
    assert!(text(&row["detail"]).contains("on hold for too long"), "{row}");
    assert!(row["recording"]["gaps"].as_array().unwrap().iter().any(|gap| gap["reason"] == "hold"), "{row}");
    station.finish().await;
}

/// A call whose 200 says this of its media.
async fn answered_with(
    far: &mut Far,
    station: &Station,
    order: &str,
    sdp: impl FnOnce(&Far) -> String,
) -> (String, Answered) {
    let number = format!("138123456{}", order.bytes().last().unwrap());
    let visit = station.api.report(order, &number).await;
    let invite = far.sip.expect("INVITE").await;
    let sdp = sdp(far);
    (visit, far.pick_up_with(invite, &sdp).await)
}

#[tokio::test]
async fn an_answer_whose_media_cannot_be_used_is_acknowledged_hung_up_and_the_trunks_fault() {
    let mut far = Far::bind().await;
    let station = Station::start(far.address()).await;
    let absurd = |far: &Far| format!("{}{}", far.sdp(Suite::Sha1_80), "a=x\r\n".repeat(4_000));
    type Says = fn(&Far) -> String;
    let cases: [(&str, Says, &str); 6] = [
        ("FL-A", |_| String::new(), "no sdp"),
        ("FL-B", |far| far.sdp(Suite::Sha1_80).split("m=").next().unwrap().to_owned(), "no audio stream"),
        ("FL-C", |far| far.sdp(Suite::Sha1_80).replace("m=audio ", "m=audio 0 RTP/AVP 8\r\na=was:"), "port 0"),
        ("FL-D", |far| far.sdp(Suite::Sha1_80).replace("c=IN IP4 127.0.0.1", "c=IN IP4 224.2.1.1/127"), "224.2.1.1"),
        ("FL-E", |far| far.sdp(Suite::Sha1_80).replace("RTP/AVP 8 101", "RTP/AVP 18"), "no common codec"),
        ("FL-F", |_| "v=0\r\n\u{0}m=audio".into(), "cannot be read"),
    ];
    for (order, says, words) in cases {
        let (visit, _) = answered_with(&mut far, &station, order, says).await;
        let bye = far.sip.expect("BYE").await;
        far.sip.reply(&bye, "200 OK", b"", b"").await;
        let row = station.api.ended_call(&visit).await;
        let end = (text(&row["outcome"]), text(&row["fault"]), text(&row["hung_up_by"]));
        assert_eq!(end, ("trunk_failure".into(), "trunk".into(), "us".into()), "{order}: {row}");
        assert!(text(&row["detail"]).contains(words), "{order}: {row}");
    }
    let (visit, _) = answered_with(&mut far, &station, "FL-G", absurd).await;
    let bye = far.sip.expect("BYE").await;
    far.sip.reply(&bye, "200 OK", b"", b"").await;
    let row = station.api.ended_call(&visit).await;
    assert!(text(&row["detail"]).contains("is longer than"), "{row}");
    station.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_odd_and_usable_is_talked_to_and_recorded() {
    let mut far = Far::bind().await;
    let station = Station::start(far.address()).await;
    type Says = fn(&Far) -> String;
    let cases: [(&str, Says); 5] = [
        // A name for an address: it is found out by its packets.
        ("FL-A", |far| far.sdp(Suite::Sha1_80).replace("c=IN IP4 127.0.0.1", "c=IN IP4 gateway.example.cn")),
        ("FL-B", |far| far.sdp(Suite::Sha1_80).replace("m=audio", "m=video 0 RTP/AVP 34\r\nm=audio")),
        ("FL-C", |far| far.sdp(Suite::Sha1_80).replace("\r\n", "\n")),
        ("FL-D", |far| format!("\r\n{}\r\n\r\n", far.sdp(Suite::Sha1_80).replace("\r\n", " \r\n"))),
        // An address that cannot be reached over our family.
        ("FL-E", |far| far.sdp(Suite::Sha1_80).replace("c=IN IP4 127.0.0.1", "c=IN IP6 2001:db8::1")),
    ];
    for (cseq, (order, says)) in (1..).zip(cases) {
        let (visit, call) = answered_with(&mut far, &station, order, says).await;
        far.speak(&call, &tone(CUSTOMER_HZ, LEVEL, 8_000));
        let since = monotonic();
        until("we are heard", async || (far.packets_after(since) >= 10).then_some(())).await;
        far.sip.request(&call.invite, "BYE", cseq, "", "").await;
        far.sip.expect("200").await;
        let row = station.api.ended_call(&visit).await;
        assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("hung_up".into(), "customer".into()), "{order}");
        let said = bursts(&Recording::of(&row, station.recordings()).customer, CUSTOMER_HZ);
        assert_eq!(said.len(), 1, "{order}: {said:?} of {row}");
    }
    station.finish().await;
}
