//! The life of connections: shared, lost, closed by either side, refused, flooded.

use super::peer::{Message, Peer};
use super::rig::{LIMIT, Rig, Watched, wait_until};
use super::{assert_answered, assert_unanswered};
use huifang::clock::monotonic;
use huifang::config;
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

async fn trunk() -> (TcpListener, Rig) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rig = Rig::new(&format!("sip:{};transport=tcp", listener.local_addr().unwrap()), "").await;
    (listener, rig)
}

/// A call that has been answered on a connection of its own.
async fn answered(listener: &TcpListener, rig: &Rig) -> (Peer, Watched, Message) {
    let mut call = rig.call();
    let mut far = Peer::accept(listener).await;
    let invite = far.expect("INVITE").await;
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    (far, call, invite)
}

async fn nobody_connects(listener: &TcpListener) {
    let mut next = Box::pin(listener.accept());
    assert!(futures::poll!(&mut next).is_pending(), "another connection was opened");
}

#[tokio::test]
async fn calls_of_a_trunk_share_one_connection_even_when_they_start_together() {
    let (listener, rig) = trunk().await;
    let mut calls = [rig.call(), rig.call(), rig.call()];
    let mut far = Peer::accept(&listener).await;
    let invites = [far.expect("INVITE").await, far.expect("INVITE").await, far.expect("INVITE").await];
    for invite in &invites {
        far.reply(invite, "486 Busy Here", b"", b"").await;
        far.expect("ACK").await;
    }
    for call in &mut calls {
        assert_unanswered(&call.end().await, Outcome::Busy, Fault::Customer, Party::Customer, Some(486));
    }
    nobody_connects(&listener).await;
    rig.is_clean().await;
}

#[tokio::test]
async fn a_connection_that_was_closed_between_calls_is_opened_again() {
    let (listener, rig) = trunk().await;
    for _ in 0..2 {
        let mut call = rig.call();
        let mut far = Peer::accept(&listener).await;
        let invite = far.expect("INVITE").await;
        far.reply(&invite, "486 Busy Here", b"", b"").await;
        far.expect("ACK").await;
        call.end().await;
        rig.is_clean().await;
        far.close().await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_during_a_call_leaves_the_call_up_and_our_bye_opens_another() {
    let (listener, rig) = trunk().await;
    let (far, mut call, _) = answered(&listener, &rig).await;
    drop(far);
    call.control.hang_up("done");
    let mut far = Peer::accept(&listener).await;
    let bye = far.expect("BYE").await;
    far.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_bye_on_a_new_connection_ends_the_call_whose_connection_broke() {
    let (listener, rig) = trunk().await;
    let (far, mut call, invite) = answered(&listener, &rig).await;
    drop(far);
    let us = contact_address(&invite);
    let mut again = Peer::dial(us).await;
    again.request(&invite, "BYE", 2, "", "").await;
    assert_eq!(again.expect("200").await.header("CSeq"), "2 BYE");
    assert_answered(&call.end().await, Party::Customer);
    nobody_connects(&listener).await;
    rig.is_clean().await;
}

/// Where the far end can open a connection to us: our Contact.
fn contact_address(invite: &Message) -> SocketAddr {
    let contact = invite.header("Contact");
    let host = contact.split('@').nth(1).and_then(|rest| rest.split([';', '>']).next());
    host.and_then(|h| h.parse().ok()).unwrap_or_else(|| panic!("{contact}"))
}

#[tokio::test]
async fn without_a_listener_our_contact_is_the_connection_that_is_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sip = config::Sip { listen: vec!["udp:127.0.0.1:0".into()], ..Default::default() };
    let rig = Rig::with(&sip, &format!("sip:{};transport=tcp", listener.local_addr().unwrap()), "").await;
    let (mut far, mut call, invite) = answered(&listener, &rig).await;
    assert_eq!(contact_address(&invite), invite.from);
    far.request(&invite, "BYE", 2, "", "").await;
    far.expect("200").await;
    assert_answered(&call.end().await, Party::Customer);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_call_needs_no_udp_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sip = config::Sip { listen: vec!["tcp:127.0.0.1:0".into()], ..Default::default() };
    let rig = Rig::with(&sip, &format!("sip:{};transport=tcp", listener.local_addr().unwrap()), "").await;
    let (mut far, mut call, _) = answered(&listener, &rig).await;
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    far.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_trunk_that_hangs_up_on_every_connection_is_a_trunk_failure() {
    let (listener, rig) = trunk().await;
    let mut call = rig.call();
    drop(Peer::accept(&listener).await);
    let end = call.end().await;
    assert_unanswered(&end, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
    assert_eq!(rig.stack.trunks()[0].calls_up, 0);
}

#[tokio::test]
async fn a_trunk_that_refuses_or_never_takes_the_connection_is_a_quick_trunk_failure() {
    // A queue that is full: the kernel drops what comes, as a firewall does.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let hole = full.local_addr().unwrap();
    let mut held = vec![];
    while let Ok(Ok(stream)) = timeout(Duration::from_millis(300), TcpStream::connect(hole)).await {
        held.push(stream);
    }
    let refuses = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (address, words) in [(refuses, "refused"), (hole, "no answer in time")] {
        let begun = monotonic();
        let rig = Rig::new(&format!("sip:{address};transport=tcp"), "").await;
        let mut call = rig.call();
        let end = call.end().await;
        assert_unanswered(&end, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
        let detail = end.detail.unwrap();
        assert!(detail.contains(&address.to_string()) && detail.contains(words), "{detail}");
        assert_eq!(call.seen, ["ended"]);
        assert!(begun.elapsed() < Duration::from_secs(10), "{words}");
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn a_keep_alive_is_answered_on_every_transport() {
    let (_listener, rig) = trunk().await;
    let mut tcp = Peer::dial(rig.stack.local_tcp().unwrap()).await;
    let mut udp = Peer::udp().await;
    for (peer, us) in [(&mut tcp, rig.stack.local_tcp()), (&mut udp, rig.stack.local_udp())] {
        let us = us.unwrap();
        peer.send(b"\r\n\r\n", us).await;
        assert_eq!(peer.bytes(2).await, b"\r\n");
        peer.is_answered(us, "after-ping").await;
    }
}

#[tokio::test]
async fn a_crowd_of_silent_connections_keeps_nobody_out() {
    let (listener, rig) = trunk().await;
    let (_far, mut call, invite) = answered(&listener, &rig).await;
    let us = rig.stack.local_tcp().unwrap();
    let mut crowd = vec![];
    for n in 0..300 {
        let mut stranger = Peer::dial(us).await;
        if n % 3 == 0 {
            stranger.send(b"OPTIONS sip:us SIP/2.0\r\nVia: SIP/2.0/TCP half", us).await;
        }
        crowd.push(stranger);
    }
    // Those that came first made room.
    assert!(crowd[0].until_closed().await.is_some());
    let mut honest = Peer::dial(us).await;
    honest.is_answered(us, "beside-the-crowd").await;
    honest.request(&invite, "BYE", 2, "", "").await;
    honest.expect("200").await;
    assert_answered(&call.end().await, Party::Customer);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_message_that_is_too_long_or_cannot_be_cut_closes_its_connection_and_no_other() {
    let (listener, rig) = trunk().await;
    let (mut far, call, _) = answered(&listener, &rig).await;
    let us = rig.stack.local_tcp().unwrap();
    let head = "OPTIONS sip:us SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n";
    for bytes in [
        format!("{head}Content-Length: 70000\r\n\r\n").into_bytes(),
        format!("{head}Content-Length: -1\r\n\r\n").into_bytes(),
        format!("{head}X: {}", "x".repeat(66_000)).into_bytes(),
        vec![b'a'; 66_000],
    ] {
        let mut stranger = TcpStream::connect(us).await.unwrap();
        // It may be closed in the middle of our writing.
        tokio::io::AsyncWriteExt::write_all(&mut stranger, &bytes).await.ok();
        let mut rest = vec![];
        let closed = timeout(LIMIT, tokio::io::AsyncReadExt::read_to_end(&mut stranger, &mut rest)).await;
        assert!(closed.is_ok(), "left open after {}", String::from_utf8_lossy(&bytes[..80.min(bytes.len())]));
        Peer::dial(us).await.is_answered(us, "beside").await;
    }
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    far.reply(&bye, "200 OK", b"", b"").await;
    wait_until("the call has ended", || rig.stack.dialogs() == 0).await;
}
