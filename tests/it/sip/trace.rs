//! The tap on the sockets: what a trace holds is what the far end has sent and seen, on every transport.

use super::ACCOUNT;
use super::peer::{ANSWER, Peer};
use super::rig::{OFFER, Rig, Watched, wait_until};
use super::sipp::Sipp;
use huifang::domain::call::trace::{SipTrace, Way};
use huifang::domain::id::CallId;
use huifang::domain::phone::Phone;
use huifang::sip::trace::CallTrace;
use std::sync::Arc;
use tokio::net::TcpListener;

/// A call whose trace is held, as the engine holds it.
fn traced(rig: &Rig) -> (Watched, Arc<CallTrace>) {
    let (id, to) = (CallId::new("traced"), Phone::parse("13812345678").unwrap());
    let pick = rig.stack.pick_trunk(&to).unwrap();
    let (control, events) = rig.stack.invite(pick, &to, &id, OFFER.to_vec()).unwrap();
    (Watched { control, events, seen: vec![] }, rig.stack.trace(&id).unwrap())
}

fn arrows(trace: &SipTrace) -> Vec<String> {
    let arrow = |way| if way == Way::Sent { ">" } else { "<" };
    trace.messages.iter().map(|m| format!("{} {}", arrow(m.way), m.head().label())).collect()
}

#[tokio::test]
async fn every_datagram_of_a_call_is_traced_repetitions_and_refusals_included_and_nothing_else() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, trace) = traced(&rig);
    let invite = far.expect("INVITE").await;
    far.answer(&invite).await;
    let ack = far.expect("ACK").await;
    call.until("answered").await;
    // The ACK was lost: the 200 comes again, and so does the ACK.
    far.answer(&invite).await;
    assert_eq!(far.next().await.unwrap().text, ack.text);
    // GBK, and a method that nobody knows.
    let gbk = b"Server: \xbd\xbb\xbb\xbb\r\n";
    far.request(&invite, "DANCE", 1, "", "").await;
    far.expect("501").await;
    // A stranger with a Call-ID of his own.
    let mut stranger = Peer::udp().await;
    let mut theirs = invite.clone();
    theirs.text = theirs.text.replace(invite.header("Call-ID"), "theirs@far");
    stranger.request(&theirs, "OPTIONS", 1, "", "").await;
    stranger.expect("481").await;
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    far.reply(&bye, "200 OK", gbk, b"").await;
    call.end().await;
    wait_until("the answer to the BYE is traced", || !trace.facts().awaits_answer()).await;
    rig.is_clean().await;

    let kept = trace.so_far();
    assert_eq!(
        arrows(&kept),
        ["> INVITE", "< 200 OK", "> ACK", "< 200 OK", "> ACK", "< DANCE", "> 501 Not Implemented", "> BYE", "< 200 OK"]
    );
    let repeated: Vec<usize> = (0..kept.messages.len()).filter(|n| kept.is_repeated(*n)).collect();
    assert_eq!(repeated, [3, 4]);
    assert_eq!(kept.messages[0].text, invite.text);
    assert_eq!(kept.messages[2].text, ack.text);
    assert!(kept.messages[8].text.contains("Server: \u{fffd}"), "before it was mended: {}", kept.messages[8].text);
    for message in &kept.messages {
        assert_eq!((message.transport.as_str(), message.peer.clone()), ("UDP", far.address().to_string()));
        assert_eq!(message.local, rig.stack.local_udp().unwrap().to_string());
    }
    let facts = trace.facts();
    assert!(facts.trying_at.is_none() && facts.acked_at.is_some() && facts.bye_at.is_some(), "{facts:?}");
}

#[tokio::test]
async fn a_call_over_tcp_is_traced_as_well() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let rig = Rig::new(&format!("sip:{address};transport=tcp"), "").await;
    let (mut call, trace) = traced(&rig);
    let mut far = Peer::accept(&listener).await;
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "183 Session Progress", b"Content-Type: application/sdp\r\n", ANSWER).await;
    call.until("early 183").await;
    far.reply(&invite, "603 Decline", b"Reason: Q.850;cause=21\r\n", b"").await;
    far.expect("ACK").await;
    call.end().await;
    rig.is_clean().await;
    let kept = trace.so_far();
    assert_eq!(arrows(&kept), ["> INVITE", "< 183 Session Progress", "< 603 Decline", "> ACK"]);
    assert!(kept.messages.iter().all(|m| m.transport == "TCP" && m.peer == address.to_string()), "{kept:?}");
    assert_eq!(trace.facts().reason.as_deref(), Some("Q.850;cause=21"));
    assert!(trace.facts().trying_at.is_some() && trace.facts().acked_at.is_none());
}

/// SIPp writes down every message that it sends or receives: the trace must hold as many of each.
async fn check(name: &str, tcp: bool, keys: &[(&str, &str)], hang_up_at: Option<&str>) {
    let far = Sipp::start(name, tcp, keys).await;
    let rig = Rig::new(&far.uri(), &format!("ring_timeout_s = 1\n{ACCOUNT}")).await;
    let (mut call, trace) = traced(&rig);
    if let Some(event) = hang_up_at {
        call.until(event).await;
        call.control.hang_up("done");
    }
    call.end().await;
    rig.is_clean().await;
    let log = far.passed().await;
    let count = |way| trace.so_far().messages.iter().filter(|m| m.way == way).count();
    let seen = |what: &str| log.matches(&format!("message {what}")).count();
    wait_until(&format!("{name}: all that sipp saw is traced\n{log}"), || {
        (count(Way::Sent), count(Way::Received)) == (seen("received ["), seen("sent ("))
    })
    .await;
}

#[tokio::test]
async fn a_trace_holds_as_many_messages_as_sipp_has_seen() {
    let challenge = ("challenge", "Digest realm=\"trunk.cn\", nonce=\"84a4cc6f3082121f\", algorithm=MD5, qop=\"auth\"");
    for tcp in [false, true] {
        check("auth407", tcp, &[challenge], Some("answered")).await;
        check("early_media", tcp, &[], Some("answered without sdp")).await;
        check("remote_bye", tcp, &[], None).await;
        check("cancelled", tcp, &[], None).await;
        check("reject", tcp, &[("status", "486 Busy Here"), ("reason", "Q.850;cause=17")], None).await;
    }
}
