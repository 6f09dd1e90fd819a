//! What a far end changes in the middle of a call: on the wire, in the journal and in the recording.

use super::NUMBER;
use crate::support::Station;
use crate::support::api::text;
use crate::support::audio::{Recording, bursts};
use crate::support::data::LEVEL;
use crate::support::far::Far;
use huifang::media::sdes::Suite;
use huifang::media::tones::tone;

const CUSTOMER_HZ: f64 = 1_500.0;
const A_LAW: u8 = 8;
const MU_LAW: u8 = 0;

#[tokio::test]
async fn another_law_is_spoken_at_once_what_cannot_be_met_changes_nothing_and_ours_is_offered_when_asked_for() {
    let mut far = Far::bind().await;
    let station = Station::start(far.address()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.answer().await;
    far.speak(&call, &tone(CUSTOMER_HZ, LEVEL, 20 * 8_000));
    far.hears(A_LAW, "we speak as it was answered").await;
    let a_law = far.sdp(Suite::Sha1_80);
    let mu_law = a_law.replace("AVP 8 101", "AVP 0 101");
    let taken = far.reinvite(&call, 1, &mu_law, "200").await;
    assert!(taken.text.contains(" RTP/AVP 0 101\r\n"), "{}", taken.text);
    far.hears(MU_LAW, "we speak the law of the offer").await;
    far.reinvite(&call, 2, &a_law.replace("AVP 8 101", "AVP 18"), "488").await;
    far.hears(MU_LAW, "and after one that was refused").await;

    let contact = format!("Contact: <{}>\r\n", far.sip.contact());
    far.sip.request(&call.invite, "INVITE", 3, &contact, "").await;
    far.sip.expect("100").await;
    let offer = far.sip.expect("200").await;
    assert!(offer.text.contains("m=audio ") && offer.text.contains(" RTP/AVP 8 0 101\r\n"), "{}", offer.text);
    far.sip.request(&call.invite, "ACK", 3, "Content-Type: application/sdp\r\n", &a_law).await;
    far.hears(A_LAW, "we speak as our offer was answered").await;
    far.sip.request(&call.invite, "BYE", 4, "", "").await;
    far.sip.expect("200").await;

    let row = station.api.ended_call(&visit).await;
    let report = station.api.report_of(&row).await;
    let line = report["journal"].as_array().unwrap().iter().filter(|entry| entry["event"] == "line");
    let changes: Vec<_> = line.map(|entry| text(&entry["change"])).collect();
    assert_eq!(changes, ["renegotiated", "refused", "renegotiated"]);
    assert_eq!((&row["legs"][0]["packets_refused"], &row["legs"][0]["packets_lost"]), (&0.into(), &0.into()), "{row}");
    let heard = bursts(&Recording::of(&row, station.recordings()).customer, CUSTOMER_HZ);
    assert!(heard.windows(2).all(|pieces| pieces[1].0 - pieces[0].1 < 0.2), "his voice goes on: {heard:?}");
    station.finish().await;
}
