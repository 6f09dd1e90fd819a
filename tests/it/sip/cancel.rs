//! Giving up a call that was not answered, and provisional responses in every order.

use super::assert_unanswered;
use super::peer::{ANSWER, Message, Peer};
use super::raw::hang_up;
use super::rig::Rig;
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use std::time::Duration;

const SDP: &[u8] = b"Content-Type: application/sdp\r\n";

#[tokio::test]
async fn provisional_responses_in_any_order_are_told_once() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    for (status, body) in [
        ("183 Session Progress", ANSWER),
        ("180 Ringing", b""),
        ("183 Session Progress", ANSWER),
        ("100 Trying", b""),
        ("181 Call Is Being Forwarded", b""),
        ("180 Ringing", b""),
        ("182 Queued", b""),
        ("183 Session Progress", b""),
    ] {
        far.reply(&invite, status, if body.is_empty() { b"" } else { SDP }, body).await;
    }
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    // Far too late, and final after final: nothing follows.
    far.reply(&invite, "183 Session Progress", SDP, ANSWER).await;
    far.reply(&invite, "180 Ringing", b"", b"").await;
    far.reply(&invite, "603 Decline", b"", b"").await;
    far.request(&invite, "OPTIONS", 1, "", "").await;
    far.expect("200").await;
    assert_eq!(call.seen, ["sent", "early 183", "ringing 180", "answered"]);
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn a_refusal_after_early_media_is_the_refusal_and_told_once() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "183 Session Progress", SDP, ANSWER).await;
    call.until("early 183").await;
    for status in ["404 Not Found", "404 Not Found", "486 Busy Here"] {
        far.reply(&invite, status, b"", b"").await;
    }
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::InvalidNumber, Fault::Customer, Party::Customer, Some(404));
    assert_eq!(call.seen, ["sent", "early 183", "ended"]);
    rig.is_clean().await;
}

/// A ringing call that was given up, and its CANCEL.
async fn given_up(far: &mut Peer, rig: &Rig) -> (super::rig::Watched, Message, Message) {
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "180 Ringing", b"", b"").await;
    call.until("ringing 180").await;
    call.control.hang_up("stop");
    let cancel = far.expect("CANCEL").await;
    (call, invite, cancel)
}

#[tokio::test]
async fn a_487_that_comes_long_after_the_end_is_acknowledged() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, invite, cancel) = given_up(&mut far, &rig).await;
    far.reply(&cancel, "200 OK", b"", b"").await;
    assert_unanswered(&call.end().await, Outcome::Cancelled, Fault::Us, Party::Us, None);
    assert_eq!(rig.stack.trunks()[0].calls_up, 0);
    far.reply(&invite, "487 Request Terminated", b"", b"").await;
    far.expect("ACK").await;
    rig.is_clean().await;
}

#[tokio::test]
async fn a_phone_that_answers_after_its_487_is_hung_up() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, invite, cancel) = given_up(&mut far, &rig).await;
    far.reply(&cancel, "200 OK", b"", b"").await;
    far.reply(&invite, "487 Request Terminated", b"", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::Cancelled, Fault::Us, Party::Us, Some(487));
    rig.is_clean().await;
    far.tag = "late";
    far.answer(&invite).await;
    let [ack, bye] = far.expect_all(&["ACK", "BYE"]).await.try_into().unwrap();
    assert!(ack.header("To").ends_with(";tag=late") && bye.header("To").ends_with(";tag=late"));
    assert!(ack.text.starts_with(&format!("ACK {} SIP/2.0", far.uri())), "{}", ack.text);
    far.reply(&bye, "200 OK", b"", b"").await;
}

#[tokio::test]
async fn a_call_that_is_given_up_answers_no_challenge_and_follows_no_redirection() {
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n".to_string();
    for (status, headers) in [("401 Unauthorized", challenge), ("302 Moved", String::new())] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), super::ACCOUNT).await;
        let mut call = rig.call();
        let invite = far.expect("INVITE").await;
        call.control.hang_up("stop");
        let headers = if headers.is_empty() { format!("Contact: <{}>\r\n", far.uri()) } else { headers };
        far.reply(&invite, status, headers.as_bytes(), b"").await;
        far.expect("ACK").await;
        let end = call.end().await;
        assert_eq!((end.answered, end.outcome), (false, Some(Outcome::Cancelled)), "{end:?}");
        far.expect_silence(Duration::from_millis(700)).await;
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn a_cancel_waits_for_a_response_to_the_invite_that_carries_our_credentials() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), super::ACCOUNT).await;
    let mut call = rig.call();
    let first = far.expect("INVITE").await;
    far.reply(&first, "100 Trying", b"", b"").await;
    far.reply(&first, "401 Unauthorized", b"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", b"").await;
    let [_, second] = far.expect_all(&["ACK", "INVITE"]).await.try_into().unwrap();
    call.control.hang_up("stop");
    far.expect_silence(Duration::from_millis(700)).await;
    far.reply(&second, "100 Trying", b"", b"").await;
    let cancel = far.expect("CANCEL").await;
    assert_eq!((cancel.header("CSeq"), cancel.header("Via")), ("2 CANCEL", second.header("Via")));
    far.reply(&cancel, "200 OK", b"", b"").await;
    far.reply(&second, "487 Request Terminated", b"", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::Cancelled, Fault::Us, Party::Us, Some(487));
    rig.is_clean().await;
}

#[tokio::test]
async fn a_phone_that_rings_for_ever_is_cancelled_when_the_limit_of_the_trunk_has_passed() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "ring_timeout_s = 1").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    // Ringing again does not begin the limit again.
    for status in ["180 Ringing", "183 Session Progress", "180 Ringing"] {
        far.reply(&invite, status, b"", b"").await;
    }
    let cancel = far.expect("CANCEL").await;
    far.reply(&cancel, "481 Call/Transaction Does Not Exist", b"", b"").await;
    assert_unanswered(&call.end().await, Outcome::NoAnswer, Fault::Customer, Party::Us, None);
    assert_eq!(call.seen, ["sent", "ringing 180", "ended"]);
}
