//! Redirections, and refusals that ask for patience.

use super::peer::Peer;
use super::rig::Rig;
use super::{assert_answered, assert_unanswered};
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use std::time::Duration;

#[tokio::test]
async fn a_redirection_inside_the_trunk_is_followed_with_the_same_caller() {
    for status in ["300 Multiple Choices", "301 Moved Permanently", "302 Moved Temporarily", "305 Use Proxy"] {
        let (mut far, mut other) = (Peer::udp().await, Peer::udp().await);
        let rig = Rig::new(&far.uri(), "").await;
        let mut call = rig.call();
        let first = far.expect("INVITE").await;
        let contact = format!("Contact: \"x\" <sip:13900001111@{};transport=udp>;q=0.5\r\n", other.address());
        far.reply(&first, status, contact.as_bytes(), b"").await;
        far.expect("ACK").await;
        let second = other.expect("INVITE").await;
        assert!(second.text.starts_with(&format!("INVITE sip:13900001111@{} ", other.address())), "{}", second.text);
        assert_eq!(second.header("CSeq"), "2 INVITE");
        for same in ["From", "To", "Call-ID", "Contact"] {
            assert_eq!(second.header(same), first.header(same), "{status}");
        }
        other.answer(&second).await;
        other.expect("ACK").await;
        call.until("answered").await;
        assert_eq!(call.seen, ["sent", "answered"]);
        call.control.hang_up("done");
        let bye = other.expect("BYE").await;
        other.reply(&bye, "200 OK", b"", b"").await;
        assert_answered(&call.end().await, Party::Us);
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn a_second_redirection_is_the_end_and_so_is_a_loop() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let back = format!("Contact: <sip:13812345678@{}>\r\n", far.address());
    let first = far.expect("INVITE").await;
    far.reply(&first, "302 Moved Temporarily", back.as_bytes(), b"").await;
    let [_, second] = far.expect_all(&["ACK", "INVITE"]).await.try_into().unwrap();
    far.reply(&second, "302 Moved Temporarily", back.as_bytes(), b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Trunk, Party::Network, Some(302));
    assert_eq!(call.seen, ["sent", "ended"]);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_redirection_out_of_the_trunk_or_to_another_class_of_number_is_the_end() {
    for (status, contact) in [
        (302, "Contact: <sip:13900001111@192.0.2.1>"),
        (302, "Contact: <sip:0085223456789@{far}>"),
        (302, "Contact: <sip:01062345678@{far}>"),
        (302, "Contact: <tel:+8613900001111>"),
        (302, "Server: x"),
        (380, "Contact: <sip:13900001111@{far}>"),
    ] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), "").await;
        let mut call = rig.call();
        let invite = far.expect("INVITE").await;
        let contact = format!("{}\r\n", contact.replace("{far}", &far.address().to_string()));
        far.reply(&invite, &format!("{status} Elsewhere"), contact.as_bytes(), b"").await;
        far.expect("ACK").await;
        assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Trunk, Party::Network, Some(status));
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn a_named_host_may_be_redirected_to() {
    let (mut far, mut other) = (Peer::udp().await, Peer::udp().await);
    let uri = far.uri().replace("127.0.0.1", "localhost");
    let rig = Rig::new(&uri, "redirect_hosts = [\"127.0.0.1\"]").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "302 Moved", format!("Contact: <{}>\r\n", other.uri()).as_bytes(), b"").await;
    let second = other.expect("INVITE").await;
    assert!(second.text.starts_with("INVITE sip:13812345678@127.0.0.1:"), "the number stays: {}", second.text);
    other.reply(&second, "486 Busy Here", b"", b"").await;
    assert_unanswered(&call.end().await, Outcome::Busy, Fault::Customer, Party::Customer, Some(486));
}

#[tokio::test]
async fn a_refusal_that_asks_for_patience_says_so_at_the_end() {
    for (status, header, expected) in [
        ("503 Service Unavailable", "Retry-After: 30\r\n", Some(30)),
        ("480 Temporarily Unavailable", "Retry-After: 7200 (closed);duration=1\r\n", Some(3600)),
        ("503 Service Unavailable", "", None),
    ] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), "").await;
        let mut call = rig.call();
        let invite = far.expect("INVITE").await;
        far.reply(&invite, status, header.as_bytes(), b"").await;
        far.expect("ACK").await;
        let end = call.end().await;
        assert_eq!(end.retry_after, expected.map(Duration::from_secs), "{status} {header}");
    }
}
