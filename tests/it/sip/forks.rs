//! One INVITE, several phones: early dialogs with audio each, the first answer wins, the others are hung up.

use super::peer::{ANSWER, Peer};
use super::raw::{answered_call, hang_up};
use super::rig::Rig;
use super::{assert_answered, assert_unanswered};
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use huifang::sip::CallEvent;

fn sdp_with_port(port: u16) -> Vec<u8> {
    String::from_utf8_lossy(ANSWER).replace("40000", &port.to_string()).into_bytes()
}

#[tokio::test]
async fn the_latest_early_audio_is_told_and_the_phone_that_answers_is_the_call() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    for (tag, port) in [("one", 40002), ("two", 40004)] {
        far.tag = tag;
        far.reply(&invite, "183 Session Progress", b"Content-Type: application/sdp\r\n", &sdp_with_port(port)).await;
        match call.until("early 183").await {
            CallEvent::EarlyMedia { sdp, .. } => assert_eq!(sdp, sdp_with_port(port)),
            other => panic!("{other:?}"),
        }
    }
    // A phone that stops ringing says BYE, which is not the call's end.
    far.request(&invite, "BYE", 1, "", "").await;
    far.expect("200").await;
    far.tag = "one";
    far.answer(&invite).await;
    let ack = far.expect("ACK").await;
    assert!(ack.header("To").ends_with(";tag=one"));
    call.until("answered").await;
    // What the losers say from now on is nobody's.
    far.tag = "two";
    for (cseq, method) in [(2, "BYE"), (3, "UPDATE"), (4, "INFO")] {
        far.request(&invite, method, cseq, "", "").await;
        far.expect("481").await;
    }
    far.tag = "one";
    assert_eq!(call.seen, ["sent", "early 183", "early 183", "answered"]);
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn a_second_phone_is_hung_up_once_however_often_it_answers() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, invite) = answered_call(&mut far, &rig).await;
    far.tag = "two";
    far.answer(&invite).await;
    let [ack, bye] = far.expect_all(&["ACK", "BYE"]).await.try_into().unwrap();
    assert!(ack.header("To").ends_with(";tag=two") && bye.header("To").ends_with(";tag=two"));
    far.answer(&invite).await;
    // The same ACK again, beside repetitions of the BYE.
    let again = loop {
        let message = far.next().await.unwrap();
        if message.kind() == "ACK" {
            break message;
        }
        assert_eq!(message.header("CSeq"), bye.header("CSeq"), "{}", message.text);
    };
    assert!(again.header("To").ends_with(";tag=two"));
    far.reply(&bye, "200 OK", b"", b"").await;
    far.tag = "far";
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn a_phone_that_answers_when_the_call_is_over_is_hung_up() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, invite) = answered_call(&mut far, &rig).await;
    hang_up(&mut far, call, &rig).await;
    far.tag = "late";
    far.answer(&invite).await;
    let [_, bye] = far.expect_all(&["ACK", "BYE"]).await.try_into().unwrap();
    assert!(bye.header("To").ends_with(";tag=late"), "{}", bye.text);
    far.reply(&bye, "200 OK", b"", b"").await;
}

#[tokio::test]
async fn a_phone_that_is_out_leaves_the_others_ringing() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.tag = "one";
    far.reply(&invite, "180 Ringing", b"", b"").await;
    far.reply(&invite, "199 Early Dialog Terminated", b"", b"").await;
    far.tag = "two";
    far.reply(&invite, "183 Session Progress", b"Content-Type: application/sdp\r\n", ANSWER).await;
    far.reply(&invite, "486 Busy Here", b"", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::Busy, Fault::Customer, Party::Customer, Some(486));
    assert_eq!(call.seen, ["sent", "ringing 180", "early 183", "ended"]);
    rig.is_clean().await;
}

#[tokio::test]
async fn the_bye_of_the_phone_that_answered_counts_even_when_it_overtakes_the_200() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.request(&invite, "BYE", 1, "Reason: Q.850;cause=16\r\n", "").await;
    far.expect("200").await;
    far.answer(&invite).await;
    far.expect("ACK").await;
    let end = call.end().await;
    assert_answered(&end, Party::Customer);
    assert_eq!(end.detail.as_deref(), Some("Q.850;cause=16"));
    rig.is_clean().await;
}
