//! The SIP user agent against far ends over real sockets on loopback: SIPp here, raw peers in `raw`, unreadable bytes in `torture`.
//!
//! Every test asserts the events in order, exactly one end, that no dialog and no trunk slot is left, and what was on the wire
//! (a SIPp scenario passes only if every message came as it should).

mod addresses;
mod cancel;
mod connections;
mod forks;
mod inside;
mod names;
mod odd;
pub mod peer;
pub mod phones;
mod raw;
mod redirect;
mod reliable;
mod rfc4475;
pub mod rig;
mod sipp;
mod timers;
mod tls;
mod torture;
mod trace;
mod trunk;

use huifang::domain::call::outcome::{Fault, Outcome, Party};
use huifang::sip::{CallEnd, Reanswer};
use rig::{OFFER, Rig};
use sipp::Sipp;

const ACCOUNT: &str = "username = \"agent\"\npassword = \"s3cret\"";

#[track_caller]
fn assert_unanswered(end: &CallEnd, outcome: Outcome, fault: Fault, by: Party, status: Option<u16>) {
    assert!(!end.answered, "{end:?}");
    assert_eq!((end.outcome, end.fault, end.by, end.status), (Some(outcome), Some(fault), Some(by), status), "{end:?}");
}

#[track_caller]
fn assert_answered(end: &CallEnd, by: Party) {
    assert_eq!((end.answered, end.outcome, end.by, end.status), (true, None, Some(by), Some(200)), "{end:?}");
}

/// Calls, waits for the answer, hangs up: the events in order, and sipp's log.
async fn answered_and_hung_up(name: &str, tcp: bool, keys: &[(&str, &str)], expected: &[&str]) -> String {
    let far = Sipp::start(name, tcp, keys).await;
    let rig = Rig::new(&far.uri(), ACCOUNT).await;
    let mut call = rig.call();
    call.until(expected[expected.len() - 2]).await;
    call.control.hang_up("we are done");
    call.control.hang_up("a second time changes nothing");
    let end = call.end().await;
    assert_answered(&end, Party::Us);
    assert_eq!(end.detail.as_deref(), Some("we are done"));
    assert_eq!(call.seen, expected);
    rig.is_clean().await;
    far.passed().await
}

#[tokio::test]
async fn a_call_over_udp_is_answered_and_ended_by_our_bye() {
    let log = answered_and_hung_up("answer", false, &[], &["sent", "ringing 180", "answered", "ended"]).await;
    for part in [
        "INVITE sip:13812345678@127.0.0.1:",
        "From: <sip:4006589888@127.0.0.1:",
        "User-Agent: Huifang/",
        "@huifang",
        "Contact: <sip:4006589888@127.0.0.1:",
        "Content-Type: application/sdp",
        "m=audio 30000",
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
}

#[tokio::test]
async fn a_call_over_tcp_says_tcp_in_via_and_contact() {
    let log = answered_and_hung_up("answer", true, &[], &["sent", "ringing 180", "answered", "ended"]).await;
    let contact = log.lines().find(|l| l.starts_with("Contact: <sip:4006589888@")).unwrap();
    assert!(contact.to_lowercase().contains(";transport=tcp"), "{contact}");
    for method in ["INVITE", "ACK", "BYE"] {
        let at = log.find(&format!("\n{method} sip:")).unwrap_or_else(|| panic!("no {method} in {log}"));
        let via = log[at..].lines().find(|l| l.starts_with("Via:")).unwrap();
        assert!(via.starts_with("Via: SIP/2.0/TCP 127.0.0.1:"), "{method}: {via}");
    }
}

#[tokio::test]
async fn early_media_is_told_before_the_answer() {
    let expected = ["sent", "early 183", "answered without sdp", "ended"];
    answered_and_hung_up("early_media", false, &[], &expected).await;
}

#[tokio::test]
async fn challenges_of_every_usual_kind_are_answered() {
    let expected = ["sent", "answered", "ended"];
    let md5 = "Digest realm=\"trunk.cn\", nonce=\"47ebe028cda1\", algorithm=MD5, qop=\"auth\"";
    answered_and_hung_up("auth401", false, &[("challenge", md5)], &expected).await;
    let sha = "Digest realm=\"trunk.cn\", nonce=\"47ebe028cda1\", algorithm=SHA-256, qop=\"auth\"";
    answered_and_hung_up("auth401_sha256", false, &[("challenge", sha)], &expected).await;
    let list = "Digest realm=\"trunk.cn\", nonce=\"47ebe028cda1\", qop=\"auth,auth-int\"";
    answered_and_hung_up("auth407", true, &[("challenge", list)], &expected).await;
}

#[tokio::test]
async fn a_refused_password_is_tried_once_and_ends_the_call() {
    let challenge = "Digest realm=\"trunk.cn\", nonce=\"47ebe028cda1\", algorithm=MD5, qop=\"auth\"";
    let far = Sipp::start("auth_refused", false, &[("challenge", challenge)]).await;
    let rig = Rig::new(&far.uri(), ACCOUNT).await;
    let mut call = rig.call();
    let end = call.end().await;
    assert_unanswered(&end, Outcome::AuthFailed, Fault::Us, Party::Network, Some(401));
    assert_eq!(call.seen, ["sent", "ended"]);
    rig.is_clean().await;
    let log = far.passed().await;
    assert_eq!(log.matches("\nINVITE sip:").count(), 2, "{log}");
}

#[tokio::test]
async fn every_refusal_has_its_outcome() {
    use Outcome::*;
    for (status, reason, outcome, fault) in [
        ("486 Busy Here", "Q.850;cause=17", Busy, Fault::Customer),
        ("603 Decline", "SIP;cause=603", Declined, Fault::Customer),
        ("404 Not Found", "Q.850;cause=1", InvalidNumber, Fault::Customer),
        ("480 Temporarily Unavailable", "SIP;cause=480", NoAnswer, Fault::Customer),
        ("480 Temporarily Unavailable", "Q.850;cause=20", Unreachable, Fault::Customer),
        ("503 Service Unavailable", "Q.850;cause=34", TrunkFailure, Fault::Network),
    ] {
        let far = Sipp::start("reject", false, &[("status", status), ("reason", reason)]).await;
        let rig = Rig::new(&far.uri(), "").await;
        let mut call = rig.call();
        let end = call.end().await;
        let by = if fault == Fault::Customer { Party::Customer } else { Party::Network };
        assert_unanswered(&end, outcome, fault, by, status[..3].parse().ok());
        assert_eq!(end.detail, Some(format!("{status}; Reason: {reason}")));
        assert_eq!(call.seen, ["sent", "ringing 180", "ended"]);
        rig.is_clean().await;
        far.passed().await;
    }
}

#[tokio::test]
async fn a_phone_that_rings_too_long_is_cancelled() {
    let far = Sipp::start("cancelled", false, &[]).await;
    let rig = Rig::new(&far.uri(), "ring_timeout_s = 1").await;
    let mut call = rig.call();
    let end = call.end().await;
    assert_unanswered(&end, Outcome::NoAnswer, Fault::Customer, Party::Us, Some(487));
    assert_eq!(call.seen, ["sent", "ringing 180", "ended"]);
    rig.is_clean().await;
    far.passed().await;
}

#[tokio::test]
async fn a_call_that_we_give_up_is_cancelled_over_tcp_too() {
    let far = Sipp::start("cancelled", true, &[]).await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    call.until("ringing 180").await;
    call.control.hang_up("a person said stop");
    let end = call.end().await;
    assert_unanswered(&end, Outcome::Cancelled, Fault::Us, Party::Us, Some(487));
    assert_eq!(end.detail.as_deref(), Some("a person said stop"));
    rig.is_clean().await;
    far.passed().await;
}

#[tokio::test]
async fn an_answer_that_crosses_our_cancel_is_acknowledged_and_hung_up() {
    let far = Sipp::start("cancel_race", false, &[]).await;
    let rig = Rig::new(&far.uri(), "ring_timeout_s = 1").await;
    let mut call = rig.call();
    let end = call.end().await;
    assert_unanswered(&end, Outcome::NoAnswer, Fault::Customer, Party::Us, Some(200));
    assert_eq!(call.seen, ["sent", "ringing 180", "ended"]);
    rig.is_clean().await;
    far.passed().await;
}

#[tokio::test]
async fn the_customer_hangs_up() {
    let far = Sipp::start("remote_bye", false, &[]).await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let end = call.end().await;
    assert_answered(&end, Party::Customer);
    assert_eq!(end.detail.as_deref(), Some("Q.850;cause=16;text=\"Normal call clearing\""));
    assert_eq!(call.seen, ["sent", "answered", "ended"]);
    rig.is_clean().await;
    far.passed().await;
}

#[tokio::test]
async fn an_answer_without_a_contact_is_acknowledged_and_hung_up() {
    for tcp in [false, true] {
        answered_and_hung_up("no_contact", tcp, &[], &["sent", "answered", "ended"]).await;
    }
}

#[tokio::test]
async fn everything_that_a_far_end_may_ask_inside_a_call_is_answered() {
    for tcp in [false, true] {
        let far = Sipp::start("in_dialog", tcp, &[]).await;
        let rig = Rig::new(&far.uri(), "").await;
        let mut call = rig.call();
        call.accept_reoffer("reoffer", Reanswer::Accept(OFFER.to_vec())).await;
        call.accept_reoffer("reoffer without sdp", Reanswer::Accept(OFFER.to_vec())).await;
        call.until("reoffer answer").await;
        call.accept_reoffer("reoffer", Reanswer::Refuse(488)).await;
        call.accept_reoffer("reoffer", Reanswer::Accept(OFFER.to_vec())).await;
        let end = call.end().await;
        assert_answered(&end, Party::Customer);
        let expected = [
            "sent",
            "answered",
            "reoffer",
            "reoffer without sdp",
            "reoffer answer",
            "reoffer",
            "reoffer",
            "key 5",
            "ended",
        ];
        assert_eq!(call.seen, expected);
        rig.is_clean().await;
        far.passed().await;
    }
}

#[tokio::test]
async fn a_call_from_outside_is_refused_and_opens_nothing() {
    let rig = Rig::new("sip:127.0.0.1:9", "").await;
    let far = Sipp::call("unsolicited", rig.stack.local_udp().unwrap()).await;
    let log = far.passed().await;
    assert!(log.contains("403 Forbidden"), "{log}");
    assert_eq!(rig.stack.dialogs(), 0);
}
