//! What a far end asks inside a call, and how calls end from both sides.

use super::peer::{ANSWER, Message, Peer};
use super::raw::{answered_call, hang_up};
use super::rig::{OFFER, Rig};
use super::{assert_answered, assert_unanswered};
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use huifang::sip::{CallEvent, Reanswer};

const SDP: &str = "Content-Type: application/sdp\r\n";

fn text(sdp: &[u8]) -> String {
    String::from_utf8_lossy(sdp).into_owned()
}

/// The ACK of a 200 to a re-INVITE of the far end.
async fn acknowledge(far: &mut Peer, invite: &Message, cseq: u32, body: &str) {
    far.request(invite, "ACK", cseq, if body.is_empty() { "" } else { SDP }, body).await;
}

#[tokio::test]
async fn hold_in_every_style_resume_and_an_offer_of_ours_are_put_to_the_engine() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, invite) = answered_call(&mut far, &rig).await;
    let answer = text(ANSWER);
    let offers = [
        format!("{answer}a=sendonly\r\n"),
        format!("{answer}a=inactive\r\n"),
        answer.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"),
        answer.clone(),
        String::new(),
    ];
    for (cseq, offer) in (1..).zip(&offers) {
        far.request(&invite, "INVITE", cseq, if offer.is_empty() { "" } else { SDP }, offer).await;
        let CallEvent::Reoffer { sdp, reply } = call.next().await else { panic!("{:?}", call.seen) };
        assert_eq!(text(&sdp), *offer);
        reply.send(Reanswer::Accept(OFFER.to_vec())).unwrap();
        far.expect("100").await;
        let taken = far.expect("200").await;
        assert!(taken.text.ends_with(&text(OFFER)) && taken.has("Contact"), "{}", taken.text);
        acknowledge(&mut far, &invite, cseq, if offer.is_empty() { &answer } else { "" }).await;
    }
    call.until("reoffer answer").await;
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn an_offer_that_we_cannot_take_is_refused_and_the_call_goes_on() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, invite) = answered_call(&mut far, &rig).await;
    far.request(&invite, "INVITE", 1, SDP, &text(ANSWER).replace("AVP 8", "AVP 9")).await;
    call.accept_reoffer("reoffer", Reanswer::Refuse(488)).await;
    far.expect("100").await;
    far.expect("488").await;
    acknowledge(&mut far, &invite, 1, "").await;
    // The engine forgets to answer: refused as well.
    far.request(&invite, "INVITE", 2, SDP, &text(ANSWER)).await;
    drop(call.until("reoffer").await);
    far.expect("100").await;
    far.expect("488").await;
    acknowledge(&mut far, &invite, 2, "").await;
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn an_offer_on_top_of_another_may_come_again_later() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, invite) = answered_call(&mut far, &rig).await;
    far.request(&invite, "INVITE", 1, SDP, &text(ANSWER)).await;
    let CallEvent::Reoffer { reply, .. } = call.until("reoffer").await else { panic!("{:?}", call.seen) };
    far.expect("100").await;
    for (cseq, method) in [(2, "INVITE"), (3, "UPDATE")] {
        far.request(&invite, method, cseq, SDP, &text(ANSWER)).await;
        let refused = far.expect("500").await;
        assert!(refused.header("Retry-After").parse::<u32>().is_ok_and(|s| s <= 10), "{}", refused.text);
    }
    acknowledge(&mut far, &invite, 2, "").await;
    reply.send(Reanswer::Accept(OFFER.to_vec())).unwrap();
    let taken = far.expect("200").await;
    assert_eq!(taken.header("CSeq"), "1 INVITE");
    acknowledge(&mut far, &invite, 1, "").await;
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn a_contact_that_changes_with_an_offer_is_where_our_bye_goes() {
    for accepted in [true, false] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), "").await;
        let (mut call, invite) = answered_call(&mut far, &rig).await;
        let moved = format!("{SDP}Contact: <{};moved=1>\r\n", far.uri());
        far.request(&invite, "UPDATE", 1, &moved, &text(ANSWER)).await;
        let reply = if accepted { Reanswer::Accept(OFFER.to_vec()) } else { Reanswer::Refuse(488) };
        call.accept_reoffer("reoffer", reply).await;
        far.expect(if accepted { "200" } else { "488" }).await;
        call.control.hang_up("done");
        let bye = far.expect("BYE").await;
        assert_eq!(bye.text.contains(";moved=1 SIP/2.0"), accepted, "{}", bye.text);
        far.reply(&bye, "200 OK", b"", b"").await;
        assert_answered(&call.end().await, Party::Us);
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn every_other_request_has_its_answer_and_moves_nothing() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, invite) = answered_call(&mut far, &rig).await;
    let keys = "Content-Type: application/dtmf-relay\r\n";
    let refer = "Refer-To: <sip:thief@127.0.0.1>\r\nContact: <sip:x@127.0.0.1>\r\n";
    for (cseq, (method, headers, body, expected)) in (1..).zip([
        ("OPTIONS", "", "", "200"),
        ("UPDATE", "", "", "200"),
        ("INFO", keys, "Signal=5\r\nDuration=160\r\n", "200"),
        ("INFO", "Content-Type: application/media_control+xml\r\n", "<x/>", "415"),
        ("INFO", "", "", "200"),
        ("MESSAGE", "Content-Type: text/plain\r\n", "hello", "200"),
        ("NOTIFY", "Event: refer\r\n", "", "200"),
        ("REFER", refer, "", "603"),
        ("SUBSCRIBE", "Event: dialog\r\n", "", "405"),
        ("PRACK", "RAck: 1 1 INVITE\r\n", "", "481"),
        ("DANCE", "", "", "501"),
        ("OPTIONS", "Require: 100rel, x-unheard\r\n", "", "420"),
    ]) {
        far.request(&invite, method, cseq, headers, body).await;
        let reply = far.expect(expected).await;
        assert_eq!(reply.header("CSeq"), format!("{cseq} {method}"));
        assert!(expected != "420" || reply.header("Unsupported") == "x-unheard", "{}", reply.text);
    }
    // Out of order.
    far.request(&invite, "INFO", 2, "", "").await;
    far.expect("500").await;
    call.until("key 5").await;
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn before_the_answer_only_a_phone_that_has_answered_our_offer_may_make_one() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "183 Session Progress", SDP.as_bytes(), ANSWER).await;
    call.until("early 183").await;
    far.request(&invite, "UPDATE", 1, "", "").await;
    far.expect("200").await;
    far.request(&invite, "UPDATE", 2, SDP, &text(ANSWER)).await;
    far.expect("491").await;
    far.tag = "reliable";
    let headers = format!("{SDP}Require: 100rel\r\nRSeq: 1\r\n");
    far.reply(&invite, "183 Session Progress", headers.as_bytes(), &[ANSWER, b"a=x\r\n"].concat()).await;
    let prack = far.expect("PRACK").await;
    far.reply(&prack, "200 OK", b"", b"").await;
    far.request(&invite, "UPDATE", 3, SDP, &text(ANSWER)).await;
    call.accept_reoffer("reoffer", Reanswer::Accept(OFFER.to_vec())).await;
    far.expect("200").await;
    far.reply(&invite, "486 Busy Here", b"", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::Busy, Fault::Customer, Party::Customer, Some(486));
    assert_eq!(call.seen, ["sent", "early 183", "early 183", "reoffer", "ended"]);
    rig.is_clean().await;
}

#[tokio::test]
async fn when_both_hang_up_at_once_both_byes_are_answered_and_the_call_ends_once() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, invite) = answered_call(&mut far, &rig).await;
    call.control.hang_up("done");
    let ours = far.expect("BYE").await;
    far.request(&invite, "BYE", 1, "", "").await;
    assert_eq!(far.expect("200").await.header("CSeq"), "1 BYE");
    far.reply(&ours, "200 OK", b"", b"").await;
    let end = call.end().await;
    assert_answered(&end, Party::Us);
    assert_eq!(end.detail.as_deref(), Some("done"));
    rig.is_clean().await;
}

#[tokio::test]
async fn the_end_is_told_whatever_becomes_of_our_bye() {
    for reply in [None, Some("481 Call/Transaction Does Not Exist"), Some("500 Server Error")] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), "").await;
        let (mut call, _) = answered_call(&mut far, &rig).await;
        call.control.hang_up("done");
        let bye = far.expect("BYE").await;
        assert_answered(&call.end().await, Party::Us);
        assert_eq!(rig.stack.trunks()[0].calls_up, 0, "the slot is free with the end");
        if let Some(status) = reply {
            far.reply(&bye, status, b"", b"").await;
        }
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn a_bye_is_believed_whatever_else_is_wrong_with_it() {
    for (first, cseq, headers) in [(9, 2, ""), (1, 2, "Require: x-unheard\r\n")] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), "").await;
        let (mut call, invite) = answered_call(&mut far, &rig).await;
        far.request(&invite, "OPTIONS", first, "", "").await;
        far.expect("200").await;
        far.request(&invite, "BYE", cseq, headers, "").await;
        far.expect("200").await;
        assert_answered(&call.end().await, Party::Customer);
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn a_customer_who_hangs_up_as_he_answers_has_answered() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.answer(&invite).await;
    far.request(&invite, "BYE", 1, "", "").await;
    far.expect_all(&["ACK", "200"]).await;
    assert_answered(&call.end().await, Party::Customer);
    assert_eq!(call.seen, ["sent", "answered", "ended"]);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_bye_of_a_phone_that_still_rings_is_answered_and_the_invite_decides() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "180 Ringing", b"", b"").await;
    far.request(&invite, "BYE", 1, "", "").await;
    far.expect("200").await;
    far.reply(&invite, "603 Decline", b"", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::Declined, Fault::Customer, Party::Customer, Some(603));
    rig.is_clean().await;
}
