//! What a trunk wants of encryption (`trunks.srtp`), against a far end that answers in the clear and one that changes its keys; baresip speaks
//! SRTP in `baresip`.

use super::NUMBER;
use crate::support::api::text;
use crate::support::audio::{Recording, bursts};
use crate::support::data::LEVEL;
use crate::support::far::Far;
use crate::support::{Station, until};
use huifang::clock::monotonic;
use huifang::config::Srtp;
use huifang::media::sdes::Suite;
use huifang::media::tones::tone;
use serde_json::json;

#[tokio::test]
async fn a_trunk_that_requires_srtp_ends_a_call_that_is_answered_in_the_clear_and_says_so() {
    let mut far = Far::bind().await;
    let station = Station::start_with(far.address(), |config| config.trunks[0].srtp = Srtp::Required).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.answer().await;
    assert!(call.invite.text.contains(" RTP/SAVP ") && call.invite.text.contains("a=crypto:"), "{}", call.invite.text);
    let bye = far.sip.expect("BYE").await;
    far.sip.reply(&bye, "200 OK", b"", b"").await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((&row["outcome"], &row["hung_up_by"]), (&json!("trunk_failure"), &json!("us")), "{row}");
    assert!(text(&row["detail"]).contains("srtp is required"), "{row}");
    assert!(far.first_sound().is_none(), "a word in the clear");
    station.finish().await;
}

#[tokio::test]
async fn a_trunk_that_only_prefers_srtp_goes_on_in_the_clear() {
    let mut far = Far::bind().await;
    let station = Station::start_with(far.address(), |config| config.trunks[0].srtp = Srtp::Optional).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.answer().await;
    assert!(call.invite.text.contains(" RTP/AVP ") && call.invite.text.contains("a=crypto:"), "{}", call.invite.text);
    until("the customer hears us", async || far.first_sound()).await;
    far.sip.request(&call.invite, "BYE", 1, "", "").await;
    far.sip.expect("200").await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!(row["hung_up_by"], "customer", "{row}");
    station.finish().await;
}

#[tokio::test]
async fn new_keys_in_the_middle_of_a_call_are_followed_both_ways_and_a_way_back_to_plain_rtp_is_refused() {
    const CUSTOMER_HZ: f64 = 1_500.0;
    let mut far = Far::with_key(7).await;
    let station = Station::start_with(far.address(), |config| config.trunks[0].srtp = Srtp::Required).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.answer().await;
    far.speak(&call, &tone(CUSTOMER_HZ, LEVEL, 20 * 8_000));
    let hears = async |far: &Far, when: &str| {
        let since = monotonic();
        until(when, async || (far.packets_after(since) >= 25).then_some(())).await;
    };
    hears(&far, "the far end can open what we say").await;
    let first = far.rekey(&call, 1, 8, Suite::Sha1_80).await;
    hears(&far, "and after its new key").await;
    let other = far.rekey(&call, 2, 9, Suite::Sha1_32).await;
    hears(&far, "and with the other suite").await;
    assert!(first.text.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"), "{}", first.text);
    assert!(other.text.contains("a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:"), "{}", other.text);
    let plain = far.sdp(Suite::Sha1_32).replace("SAVP", "AVP").replace("a=crypto", "a=x-crypto");
    far.reinvite(&call, 3, &plain, "488").await;
    hears(&far, "and after the refusal").await;
    far.sip.request(&call.invite, "BYE", 4, "", "").await;
    far.sip.expect("200").await;

    let row = station.api.ended_call(&visit).await;
    let leg = &row["legs"][0];
    assert_eq!((&leg["srtp"], &leg["packets_refused"]), (&json!("AES_CM_128_HMAC_SHA1_32"), &json!(0)), "{leg}");
    assert_eq!(leg["packets_lost"], 0, "{leg}");
    let recording = Recording::of(&row, station.recordings());
    // A test that is held up sends late; a key that is not followed costs half a second and more.
    let heard = bursts(&recording.customer, CUSTOMER_HZ);
    assert!(heard.windows(2).all(|pieces| pieces[1].0 - pieces[0].1 < 0.2), "{heard:?}");
    let (from, to) = (heard[0].0, heard[heard.len() - 1].1);
    assert!(to >= recording.seconds() - 0.2 && to - from >= 1.5, "{from}..{to} of {} s", recording.seconds());
    let lost = |gap: &&serde_json::Value| gap["reason"] == "loss" || gap["reason"] == "hold";
    let gaps = row["recording"]["gaps"].as_array().unwrap();
    assert_eq!(gaps.iter().find(lost), None, "{gaps:?}");
    station.finish().await;
}
