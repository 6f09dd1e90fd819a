//! Session timers (RFC 4028). Far ends here name intervals of seconds, which the user agent accepts from them.

use super::peer::{ANSWER, Message, Peer};
use super::raw::hang_up;
use super::rig::{OFFER, Rig, Watched};
use super::{assert_answered, assert_unanswered};
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use huifang::sip::CallEnd;
use std::time::Duration;

/// A call whose 200 has these further headers.
async fn call_with(far: &mut Peer, rig: &Rig, headers: &str) -> (Watched, Message) {
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    let all = format!("{headers}Contact: <{}>\r\nContent-Type: application/sdp\r\n", far.contact());
    far.reply(&invite, "200 OK", all.as_bytes(), ANSWER).await;
    far.expect("ACK").await;
    call.until("answered").await;
    (call, invite)
}

#[track_caller]
fn assert_lost(end: &CallEnd) {
    assert_answered(end, Party::Network);
    assert_eq!(end.fault, Some(Fault::Network));
}

/// They hang up on nobody: our BYE goes out, nobody answers it, the end is there all the same.
async fn is_given_up(far: &mut Peer, mut call: Watched) {
    assert_lost(&call.end().await);
    far.expect("BYE").await;
}

#[tokio::test]
async fn a_timer_is_offered_unless_it_is_switched_off() {
    for (key, expected, supported) in [
        ("", Some("1800"), "100rel, timer"),
        ("session_timer_s = 300", Some("300"), "100rel, timer"),
        ("session_timer_s = 0", None, "100rel"),
    ] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), key).await;
        let mut call = rig.call();
        let invite = far.expect("INVITE").await;
        assert_eq!(invite.header("Supported"), supported);
        match expected {
            Some(interval) => assert_eq!((invite.header("Session-Expires"), invite.header("Min-SE")), (interval, "90")),
            None => assert!(!invite.has("Session-Expires"), "{}", invite.text),
        }
        far.reply(&invite, "486 Busy Here", b"", b"").await;
        far.expect("ACK").await;
        call.end().await;
    }
}

#[tokio::test]
async fn a_longer_interval_is_offered_once_when_the_far_end_asks_for_it() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), super::ACCOUNT).await;
    let mut call = rig.call();
    let first = far.expect("INVITE").await;
    far.reply(&first, "422 Session Interval Too Small", b"Min-SE: 3600\r\n", b"").await;
    let [_, second]: [Message; 2] = far.expect_all(&["ACK", "INVITE"]).await.try_into().unwrap();
    assert_eq!((second.header("Session-Expires"), second.header("Min-SE")), ("3600", "3600"));
    assert_eq!((second.header("CSeq"), second.header("Call-ID")), ("2 INVITE", first.header("Call-ID")));
    // A challenge in between is another matter.
    far.reply(&second, "401 Unauthorized", b"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", b"").await;
    let [_, third]: [Message; 2] = far.expect_all(&["ACK", "INVITE"]).await.try_into().unwrap();
    assert!(third.has("Authorization") && third.header("Session-Expires") == "3600", "{}", third.text);
    far.reply(&third, "422 Session Interval Too Small", b"Min-SE: 7200\r\n", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Us, Party::Network, Some(422));
    assert_eq!(call.seen, ["sent", "ended"]);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_session_is_refreshed_by_update_where_the_far_end_takes_it() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let terms = "Session-Expires: 2;refresher=uac\r\nAllow: INVITE, ACK, UPDATE\r\n";
    let (call, _) = call_with(&mut far, &rig, terms).await;
    for _ in 0..2 {
        let update = far.expect("UPDATE").await;
        assert!(update.header("Session-Expires").ends_with(";refresher=uac") && update.text.ends_with("\r\n\r\n"));
        far.reply(&update, "200 OK", b"Session-Expires: 2;refresher=uac\r\n", b"").await;
    }
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn a_session_is_refreshed_by_reinvite_elsewhere_and_a_changed_contact_is_followed() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, _) = call_with(&mut far, &rig, "Session-Expires: 2;refresher=uac\r\n").await;
    let again = far.expect("INVITE").await;
    assert!(again.text.ends_with(std::str::from_utf8(OFFER).unwrap()), "the same offer: {}", again.text);
    assert!(again.header("To").ends_with(";tag=far") && again.header("CSeq") == "2 INVITE", "{}", again.text);
    let headers = format!(
        "Session-Expires: 1000;refresher=uac\r\nContact: <{};moved=1>\r\nContent-Type: application/sdp\r\n",
        far.contact()
    );
    far.reply(&again, "200 OK", headers.as_bytes(), ANSWER).await;
    let ack = far.expect("ACK").await;
    assert_eq!(ack.header("CSeq"), "2 ACK");
    call.until("reoffer answer").await;
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    assert!(bye.text.contains(";moved=1 SIP/2.0"), "{}", bye.text);
    far.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_far_end_that_stops_refreshing_is_hung_up_before_the_session_runs_out() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, _) = call_with(&mut far, &rig, "Session-Expires: 3;refresher=uas\r\n").await;
    is_given_up(&mut far, call).await;
}

#[tokio::test]
async fn a_refresh_of_theirs_is_answered_with_its_refresher_and_keeps_the_call() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, invite) = call_with(&mut far, &rig, "Session-Expires: 3;refresher=uas\r\n").await;
    let terms = |se: &str| format!("Supported: timer\r\nContact: <sip:far@127.0.0.1>\r\nSession-Expires: {se}\r\n");
    far.request(&invite, "UPDATE", 1, &terms("30"), "").await;
    let refused = far.expect("422").await;
    assert_eq!(refused.header("Min-SE"), "90");
    far.request(&invite, "UPDATE", 2, &terms("90;refresher=uac"), "").await;
    let taken = far.expect("200").await;
    assert_eq!((taken.header("Session-Expires"), taken.header("Require")), ("90;refresher=uac", "timer"));
    far.expect_silence(Duration::from_secs(3)).await;
    drop(call);
}

#[tokio::test]
async fn a_refresh_that_finds_no_call_ends_it_and_any_other_refusal_does_not() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let terms = "Session-Expires: 2;refresher=uac\r\nAllow: UPDATE\r\n";
    let (call, _) = call_with(&mut far, &rig, terms).await;
    let first = far.expect("UPDATE").await;
    far.reply(&first, "500 Server Error", b"", b"").await;
    let second = far.expect("UPDATE").await;
    // A far end that does not know UPDATE after all gets a re-INVITE.
    far.reply(&second, "501 Not Implemented", b"", b"").await;
    let third = far.expect("INVITE").await;
    far.reply(&third, "481 Call/Transaction Does Not Exist", b"", b"").await;
    far.expect("ACK").await;
    is_given_up(&mut far, call).await;
}

#[tokio::test]
async fn a_refresh_that_meets_a_reinvite_of_theirs_is_refused_and_tried_again_after_two_seconds() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, invite) = call_with(&mut far, &rig, "Session-Expires: 2;refresher=uac\r\n").await;
    let ours = far.expect("INVITE").await;
    far.request(&invite, "INVITE", 1, "Content-Type: application/sdp\r\n", std::str::from_utf8(ANSWER).unwrap()).await;
    let refused = far.expect("491").await;
    assert_eq!(refused.header("CSeq"), "1 INVITE");
    let began = huifang::clock::monotonic();
    far.reply(&ours, "491 Request Pending", b"", b"").await;
    far.expect("ACK").await;
    let again = far.expect("INVITE").await;
    assert!(began.elapsed() >= Duration::from_millis(2000), "{:?}", began.elapsed());
    far.reply(&again, "488 Not Acceptable Here", b"", b"").await;
    far.expect("ACK").await;
    hang_up(&mut far, call, &rig).await;
}
