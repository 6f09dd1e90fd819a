//! UDP and addresses: IPv6, large messages, answers from elsewhere, and a machine that says "nobody listens here".

use super::peer::{ANSWER, Peer};
use super::rig::{OFFER, Rig};
use super::{assert_answered, assert_unanswered};
use huifang::clock::monotonic;
use huifang::config;
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use huifang::sip::CallEvent;
use std::net::UdpSocket;
use std::time::Duration;

fn sdp_of(bytes: usize) -> Vec<u8> {
    let mut sdp = OFFER.to_vec();
    while sdp.len() < bytes {
        sdp.extend_from_slice(format!("a=x-filler:{}\r\n", "0123456789".repeat(8)).as_bytes());
    }
    sdp
}

async fn hang_up(far: &mut Peer, call: &mut super::rig::Watched, rig: &Rig) {
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    far.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}

#[tokio::test]
async fn large_messages_come_and_go_whole_over_udp() {
    for size in [1_300, 9_000, 30_000, 60_000] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), "").await;
        let offer = sdp_of(size);
        let mut call = rig.call_with("13812345678", &offer);
        let invite = far.expect("INVITE").await;
        assert!(invite.text.as_bytes().ends_with(&offer), "the offer of {size} bytes was cut");
        let contact = format!("Contact: <{}>\r\nContent-Type: application/sdp\r\n", far.contact());
        let answer = [ANSWER, &offer[OFFER.len()..]].concat();
        far.reply(&invite, "200 OK", contact.as_bytes(), &answer).await;
        far.expect("ACK").await;
        match call.until("answered").await {
            CallEvent::Answered { sdp, .. } => assert_eq!(sdp, answer, "the answer of {size} bytes was cut"),
            other => panic!("{other:?}"),
        }
        hang_up(&mut far, &mut call, &rig).await;
    }
}

#[tokio::test]
async fn answers_from_another_address_are_answers() {
    let mut far = Peer::udp().await;
    let mut elsewhere = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    elsewhere.reply(&invite, "180 Ringing", b"", b"").await;
    call.until("ringing 180").await;
    elsewhere.answer(&invite).await;
    // The Contact says where the ACK goes.
    elsewhere.expect("ACK").await;
    call.until("answered").await;
    hang_up(&mut elsewhere, &mut call, &rig).await;
}

#[tokio::test]
async fn a_request_is_answered_where_it_came_from_whatever_its_via_says() {
    let rig = Rig::new("sip:127.0.0.1:9", "").await;
    let us = rig.stack.local_udp().unwrap();
    for via in ["192.0.2.1:5060", "nat.invalid", "127.0.0.1:9", "[2001:db8::1]:5060"] {
        let mut far = Peer::udp().await;
        let port = far.address().port();
        let options = format!(
            "OPTIONS sip:us@{us} SIP/2.0\r\nVia: SIP/2.0/UDP {via};rport;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:s@a.invalid>;tag=s\r\nTo: <sip:us@{us}>\r\nCall-ID: {via}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        far.send(options.as_bytes(), us).await;
        let reply = far.expect("200").await;
        let top = reply.header("Via");
        assert!(top.contains(&format!("rport={port}")) && top.contains("received=127.0.0.1"), "{via}: {top}");
    }
}

#[tokio::test]
async fn a_machine_that_says_that_nobody_listens_ends_the_call_at_once() {
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let rig = Rig::new(&format!("sip:{closed}"), "").await;
    // Twice: the news of one call is not taken for the news of the next.
    for _ in 0..2 {
        let begun = monotonic();
        let mut call = rig.call();
        assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
        assert_eq!(call.seen, ["sent", "ended"]);
        assert!(begun.elapsed() < Duration::from_secs(10), "without the news it takes 32 s");
        assert_eq!(rig.stack.trunks()[0].calls_up, 0);
    }
}

#[tokio::test]
async fn news_of_one_far_end_does_not_disturb_a_call_with_another() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let us = rig.stack.local_udp().unwrap();
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "180 Ringing", b"", b"").await;
    call.until("ringing 180").await;
    // A stranger asks and is gone before the answer comes.
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap();
    let gone = closed.local_addr().unwrap();
    let options = format!(
        "OPTIONS sip:us@{us} SIP/2.0\r\nVia: SIP/2.0/UDP {gone};branch=z9hG4bK1\r\nFrom: <sip:s@a>;tag=s\r\n\
         To: <sip:us@{us}>\r\nCall-ID: gone\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    closed.send_to(options.as_bytes(), us).unwrap();
    drop(closed);
    Peer::udp().await.is_answered(us, "after").await;
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    hang_up(&mut far, &mut call, &rig).await;
}

/// A machine without IPv6 cannot prove anything here.
fn has_ipv6() -> bool {
    let has = UdpSocket::bind("[::1]:0").is_ok();
    if !has {
        eprintln!("this machine has no IPv6");
    }
    has
}

#[tokio::test]
async fn a_call_over_ipv6_says_its_addresses_in_brackets() {
    if !has_ipv6() {
        return;
    }
    // The IPv4 socket comes first: it is not the one to use.
    let sip = config::Sip { listen: vec!["udp:127.0.0.1:0".into(), "udp:[::1]:0".into()], ..Default::default() };
    let mut far = Peer::udp_at("[::1]:0").await;
    let rig = Rig::with(&sip, &far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    assert!(invite.from.is_ipv6());
    let us = invite.from;
    assert!(
        invite.text.starts_with(&format!("INVITE sip:13812345678@{} SIP/2.0\r\n", far.address())),
        "{}",
        invite.text
    );
    assert!(invite.header("Via").starts_with(&format!("SIP/2.0/UDP {us};")), "{}", invite.text);
    assert!(invite.header("Contact").contains(&format!("@{us}>")), "{}", invite.text);
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    far.is_answered(us, "in-six").await;
    far.request(&invite, "INFO", 1, "", "").await;
    far.expect("200").await;
    hang_up(&mut far, &mut call, &rig).await;
}

#[tokio::test]
async fn a_request_over_ipv6_is_answered_where_it_came_from() {
    if !has_ipv6() {
        return;
    }
    let sip = config::Sip { listen: vec!["udp:[::1]:0".into(), "tcp:[::1]:0".into()], ..Default::default() };
    let rig = Rig::with(&sip, "sip:[::1]:9", "").await;
    let us = rig.stack.local_udp().unwrap();
    for via in ["[2001:db8::7]:5099", "192.0.2.1", "nat.invalid"] {
        let mut far = Peer::udp_at("[::1]:0").await;
        let options = format!(
            "OPTIONS sip:us@{us} SIP/2.0\r\nVia: SIP/2.0/UDP {via};rport;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:s@a.invalid>;tag=s\r\nTo: <sip:us@{us}>\r\nCall-ID: {via}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        far.send(options.as_bytes(), us).await;
        let top = far.expect("200").await.header("Via").to_string();
        assert!(top.contains("::1") && top.contains(&format!("rport={}", far.address().port())), "{via}: {top}");
    }
    let tcp = rig.stack.local_tcp().unwrap();
    Peer::dial(tcp).await.is_answered(tcp, "six-tcp").await;
}

#[tokio::test]
async fn a_trunk_without_a_socket_of_its_family_is_refused_at_start() {
    let sip = config::Sip { listen: vec!["udp:127.0.0.1:0".into()], ..Default::default() };
    let trunk: config::Trunk = toml::from_str("name = \"six\"\nuri = \"sip:[::1]:5060\"").unwrap();
    let clock = std::sync::Arc::new(huifang::clock::SystemClock);
    let started = huifang::sip::SipStack::start(&sip, &[trunk], clock, Default::default()).await;
    assert_eq!(
        started.err().unwrap().to_string(),
        "trunks.six.uri = \"sip:[::1]:5060\": sip.listen has no ipv6 udp address"
    );
}
