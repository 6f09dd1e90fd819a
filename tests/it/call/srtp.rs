//! What a trunk wants of encryption (`trunks.srtp`), against a far end that answers in the clear; baresip speaks SRTP in `baresip`.

use super::NUMBER;
use crate::support::api::text;
use crate::support::far::Far;
use crate::support::{Station, until};
use huifang::config::Srtp;
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
