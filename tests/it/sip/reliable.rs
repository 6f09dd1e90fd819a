//! Reliable provisional responses (RFC 3262) with a far end that insists on them.

use super::peer::{ANSWER, Message, Peer};
use super::raw::hang_up;
use super::rig::Rig;
use super::{assert_answered, assert_unanswered};
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use huifang::sip::CallEvent;

/// A provisional response that wants a PRACK.
async fn reliably(far: &mut Peer, invite: &Message, status: &str, rseq: u32, extra: &str, sdp: &[u8]) {
    let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let headers = format!("Require: 100rel\r\nRSeq: {rseq}\r\n{extra}{kind}");
    far.reply(invite, status, headers.as_bytes(), sdp).await;
}

#[tokio::test]
async fn a_reliable_response_is_acknowledged_once_in_order_and_inside_its_early_dialog() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    assert_eq!(invite.header("Supported"), "100rel, timer");
    let inside = format!("Record-Route: <{};lr;n=1>\r\nContact: <sip:inside@192.0.2.9>\r\n", far.uri());
    reliably(&mut far, &invite, "183 Session Progress", 7, &inside, ANSWER).await;
    let prack = far.expect("PRACK").await;
    assert!(prack.text.starts_with("PRACK sip:inside@192.0.2.9 SIP/2.0"), "{}", prack.text);
    assert!(prack.header("Route").contains(";n=1") && prack.header("To").ends_with(";tag=far"), "{}", prack.text);
    assert_eq!((prack.header("RAck"), prack.header("CSeq")), ("7 1 INVITE", "2 PRACK"));
    far.reply(&prack, "200 OK", b"", b"").await;
    // Again, then one too early: nothing follows until the one between has come.
    reliably(&mut far, &invite, "183 Session Progress", 7, &inside, ANSWER).await;
    reliably(&mut far, &invite, "180 Ringing", 9, &inside, b"").await;
    reliably(&mut far, &invite, "180 Ringing", 8, &inside, b"").await;
    let prack = far.expect("PRACK").await;
    assert_eq!((prack.header("RAck"), prack.header("CSeq")), ("8 1 INVITE", "3 PRACK"));
    far.reply(&prack, "200 OK", b"", b"").await;
    let contact = format!("Contact: <{}>\r\n", far.contact());
    far.reply(&invite, "200 OK", contact.as_bytes(), b"").await;
    far.expect("ACK").await;
    call.until("answered without sdp").await;
    assert_eq!(call.seen, ["sent", "early 183", "ringing 180", "answered without sdp"]);
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn a_prack_that_is_challenged_comes_again_with_credentials_and_numbers_of_its_own() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), super::ACCOUNT).await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    reliably(&mut far, &invite, "180 Ringing", 1, "", b"").await;
    let prack = far.expect("PRACK").await;
    let challenge = b"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    far.reply(&prack, "401 Unauthorized", challenge, b"").await;
    let again = far.expect("PRACK").await;
    assert!(again.has("Authorization"), "{}", again.text);
    assert_eq!((again.header("RAck"), again.header("CSeq")), ("1 1 INVITE", "3 PRACK"));
    far.reply(&again, "200 OK", b"", b"").await;
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    assert_eq!(bye.header("CSeq"), "4 BYE", "no number is used twice");
    far.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_prack_that_is_refused_or_never_answered_does_no_harm() {
    for refusal in [None, Some("481 Call/Transaction Does Not Exist"), Some("500 Server Error")] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), "").await;
        let mut call = rig.call();
        let invite = far.expect("INVITE").await;
        reliably(&mut far, &invite, "180 Ringing", 1, "", b"").await;
        let prack = far.expect("PRACK").await;
        if let Some(refusal) = refusal {
            far.reply(&prack, refusal, b"", b"").await;
        }
        far.answer(&invite).await;
        far.expect("ACK").await;
        call.until("answered").await;
        assert_eq!(call.seen, ["sent", "ringing 180", "answered"]);
        hang_up(&mut far, call, &rig).await;
    }
}

#[tokio::test]
async fn every_phone_that_rings_gets_its_own_prack_and_the_answer_its_own_early_sdp() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    let second: Vec<u8> = String::from_utf8_lossy(ANSWER).replace("40000", "40002").into_bytes();
    for (tag, sdp) in [("one", ANSWER), ("two", &second)] {
        far.tag = tag;
        let contact = format!("Contact: <{};phone={tag}>\r\n", far.uri());
        reliably(&mut far, &invite, "183 Session Progress", 1, &contact, sdp).await;
        let prack = far.expect("PRACK").await;
        assert!(prack.header("To").ends_with(&format!(";tag={tag}")), "{}", prack.text);
        assert!(prack.text.contains(&format!(";phone={tag} SIP/2.0")), "{}", prack.text);
        far.reply(&prack, "200 OK", b"", b"").await;
    }
    // The first answers without SDP, after the second's was told.
    far.tag = "one";
    far.reply(&invite, "200 OK", format!("Contact: <{}>\r\n", far.contact()).as_bytes(), b"").await;
    far.expect("ACK").await;
    match call.until("answered").await {
        CallEvent::Answered { sdp, .. } => assert_eq!(sdp, ANSWER),
        other => panic!("{other:?}"),
    }
    assert_eq!(call.seen, ["sent", "early 183", "early 183", "answered"]);
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn an_extension_that_is_refused_or_unknown_ends_or_changes_nothing_else() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "420 Bad Extension", b"Unsupported: 100rel\r\n", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Us, Party::Network, Some(420));
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "180 Ringing", b"Require: x-carrier\r\nRSeq: 1\r\n", b"").await;
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    assert_eq!(call.seen, ["sent", "ringing 180", "answered"]);
    hang_up(&mut far, call, &rig).await;
}
