//! Trunks on the wire: passwords, registrations, OPTIONS, who calls, and how numbers are written.

use super::peer::{Message, Peer};
use super::rig::{Rig, wait_until};
use super::{ACCOUNT, assert_answered, assert_unanswered};
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use huifang::domain::phone::Phone;
use huifang::sip::TrunkHealth;
use std::time::Duration;

async fn refuse(far: &mut Peer, invite: &Message, status: &str, extra: &str) {
    far.reply(invite, status, extra.as_bytes(), b"").await;
    far.expect("ACK").await;
}

fn challenge(header: &str, rest: &str) -> String {
    format!("{header}-Authenticate: Digest realm=\"{}\", nonce=\"n1\", qop=\"auth\"{rest}\r\n", header.to_lowercase())
}

/// The status of the only trunk.
fn status(rig: &Rig) -> huifang::sip::TrunkStatus {
    rig.stack.trunks().remove(0)
}

async fn answer_and_hang_up(far: &mut Peer, invite: &Message, mut call: super::rig::Watched) {
    far.answer(invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    far.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
}

#[tokio::test]
async fn a_proxy_and_a_server_on_the_way_both_get_their_password_in_one_call() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), ACCOUNT).await;
    let call = rig.call();
    let first = far.expect("INVITE").await;
    refuse(&mut far, &first, "407 Proxy Authentication Required", &challenge("Proxy", "")).await;
    let second = far.expect("INVITE").await;
    assert!(second.header("Proxy-Authorization").contains("nc=00000001") && !second.has("Authorization"));
    refuse(&mut far, &second, "401 Unauthorized", &challenge("WWW", ", algorithm=SHA-256")).await;
    let third = far.expect("INVITE").await;
    let (proxy, server) = (third.header("Proxy-Authorization"), third.header("Authorization"));
    // One nonce, used for the second and third time: the count goes on.
    assert!(proxy.contains("realm=\"proxy\"") && server.contains("realm=\"www\""), "{}", third.text);
    assert!(server.contains("algorithm=SHA-256") && !proxy.contains("algorithm"), "{}", third.text);
    assert_ne!(second.header("Proxy-Authorization"), proxy, "a count that does not grow is a replay");
    assert_eq!((first.header("CSeq"), third.header("CSeq")), ("1 INVITE", "3 INVITE"));
    assert_eq!(first.header("Call-ID"), third.header("Call-ID"));
    answer_and_hang_up(&mut far, &third, call).await;
    rig.is_clean().await;
}

#[tokio::test]
async fn a_stale_nonce_is_answered_anew_and_a_server_that_never_stops_asking_is_left() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), ACCOUNT).await;
    let mut call = rig.call();
    for n in 1..=5 {
        let invite = far.expect("INVITE").await;
        assert_eq!(n > 1, invite.has("Authorization"), "{}", invite.text);
        let stale = format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"n{n}\", stale=true\r\n");
        refuse(&mut far, &invite, "401 Unauthorized", &stale).await;
    }
    assert_unanswered(&call.end().await, Outcome::AuthFailed, Fault::Us, Party::Network, Some(401));
    assert!(futures::FutureExt::now_or_never(far.next()).is_none());
    rig.is_clean().await;
}

#[tokio::test]
async fn of_several_challenges_in_one_response_the_strongest_is_answered() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), ACCOUNT).await;
    let call = rig.call();
    let invite = far.expect("INVITE").await;
    let several = "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", algorithm=SHA-512-256\r\n\
                   WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", algorithm=MD5, opaque=\"o\"\r\n\
                   WWW-Authenticate: Digest realm=\"r\", nonce=\"3\", algorithm=SHA-256, qop=\"auth,auth-int\"\r\n";
    refuse(&mut far, &invite, "401 Unauthorized", several).await;
    let again = far.expect("INVITE").await;
    let credentials = again.header("Authorization");
    assert!(credentials.contains("nonce=\"3\"") && credentials.contains("qop=auth,"), "{credentials}");
    assert!(credentials.contains(&format!("uri=\"{}\"", again.text.split(' ').nth(1).unwrap())), "{credentials}");
    answer_and_hang_up(&mut far, &again, call).await;
    rig.is_clean().await;
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_the_trunk_is_left_alone_for_a_spell() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), ACCOUNT).await;
    let mut call = rig.call();
    for _ in 0..2 {
        let invite = far.expect("INVITE").await;
        refuse(&mut far, &invite, "407 Proxy Authentication Required", &challenge("Proxy", "")).await;
    }
    let end = call.end().await;
    assert_unanswered(&end, Outcome::AuthFailed, Fault::Us, Party::Network, Some(407));
    let none = rig.stack.pick_trunk(&Phone::parse("13812345678").unwrap()).unwrap_err();
    assert!(none.why().contains("用户名或密码被拒绝"), "{}", none.why());
    assert!(none.retry_after().is_some_and(|after| after > Duration::from_secs(200)));
    assert_eq!((status(&rig).usable, status(&rig).health), (false, TrunkHealth::Down));
    assert!(futures::FutureExt::now_or_never(far.next()).is_none());
    rig.is_clean().await;
}

#[tokio::test]
async fn a_retry_after_is_kept() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    refuse(&mut far, &invite, "503 Service Unavailable", "Retry-After: 120 (maintenance)\r\n").await;
    assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Trunk, Party::Network, Some(503));
    let none = rig.stack.pick_trunk(&Phone::parse("13812345678").unwrap()).unwrap_err();
    assert!(none.why().contains("线路忙（503），要求"), "{}", none.why());
    let after = none.retry_after().unwrap();
    assert!(after > Duration::from_secs(90) && after <= Duration::from_secs(120), "{after:?}");
    rig.is_clean().await;
}

#[tokio::test]
async fn options_are_asked_at_intervals_and_a_carrier_that_drops_them_but_takes_calls_is_kept() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "options_interval_s = 1").await;
    let options = far.expect("OPTIONS").await;
    assert!(options.text.starts_with(&format!("OPTIONS {} SIP/2.0", far.uri())), "{}", options.text);
    assert_eq!(options.header("To"), format!("<{}>", far.uri()));
    assert_eq!(options.header("Accept"), "application/sdp");
    assert!(options.has("Contact") && options.header("From").contains(";tag="));
    wait_until("the silence is known", || status(&rig).health == TrunkHealth::Suspect).await;
    assert!(status(&rig).usable && status(&rig).reason.contains("OPTIONS 没有应答"), "{:?}", status(&rig));
    let mut call = rig.call();
    let invite = loop {
        let message = far.next().await.expect("an INVITE");
        if message.kind() == "INVITE" {
            break message;
        }
    };
    far.reply(&invite, "486 Busy Here", b"", b"").await;
    call.end().await;
    assert_eq!(status(&rig).health, TrunkHealth::Up);
    assert!(status(&rig).reason.contains("不应答 OPTIONS，但通话正常"), "{:?}", status(&rig));
}

#[tokio::test]
async fn who_calls_is_said_where_the_carrier_wants_it() {
    let mut far = Peer::udp().await;
    let extra = "identity = \"p_asserted\"\nprivacy = true\nfrom_host = \"ims.cn\"\ndisplay_name = \"雷沃\"\n\
                 number_format = \"e164\"\nnumber_prefix = \"9\"";
    let rig = Rig::new(&far.uri(), extra).await;
    let mut call = rig.call_to("010-62345678");
    let invite = far.expect("INVITE").await;
    assert!(invite.text.starts_with("INVITE sip:9861062345678@127.0.0.1:"), "{}", invite.text);
    assert!(invite.header("From").starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="));
    assert_eq!(invite.header("P-Asserted-Identity"), "\"雷沃\" <sip:4006589888@ims.cn>");
    assert_eq!(invite.header("Privacy"), "id");
    assert!(!invite.header("Contact").contains("4006589888"), "{}", invite.header("Contact"));
    refuse(&mut far, &invite, "404 Not Found", "").await;
    call.end().await;
    rig.is_clean().await;
}

fn registering() -> String {
    format!("{ACCOUNT}\nregister = true")
}

#[tokio::test]
async fn a_registrar_may_call_our_nonce_stale_and_our_interval_too_brief() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), &registering()).await;
    let first = far.expect("REGISTER").await;
    far.reply(&first, "423 Interval Too Brief", b"Min-Expires: 1800\r\n", b"").await;
    let mut cseq = 0;
    for (n, stale) in [(1, ""), (2, ", stale=true")] {
        let request = far.expect("REGISTER").await;
        assert_eq!(request.header("Expires"), "1800");
        assert_eq!(request.header("Call-ID"), first.header("Call-ID"));
        let asked: u32 = request.header("CSeq").split(' ').next().unwrap().parse().unwrap();
        assert!(asked > cseq, "{}", request.text);
        cseq = asked;
        let again = format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{n}\"{stale}\r\n");
        far.reply(&request, "401 Unauthorized", again.as_bytes(), b"").await;
    }
    let last = far.expect("REGISTER").await;
    assert!(last.header("Authorization").contains("nonce=\"2\""), "{}", last.text);
    far.reply(&last, "200 OK", b"", b"").await;
    wait_until("the trunk is registered", || status(&rig).registered == Some(true)).await;
}

#[tokio::test]
async fn the_expiry_of_our_own_contact_counts_and_a_refresh_that_fails_does_not_end_it() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), &registering()).await;
    let first = far.expect("REGISTER").await;
    // Another phone of the account is bound for longer.
    let bound = format!(
        "Contact: <sip:other@127.0.0.9:5060>;expires=3600, {};expires=5\r\nExpires: 3600\r\n",
        first.header("Contact")
    );
    far.reply(&first, "200 OK", bound.as_bytes(), b"").await;
    wait_until("the trunk is registered", || status(&rig).registered == Some(true)).await;
    // The refresh comes in time; the registrar has a bad moment longer than the rest of the registration.
    let refresh = far.expect("REGISTER").await;
    far.reply(&refresh, "500 Server Internal Error", b"", b"").await;
    wait_until("the registration is known to be lost", || status(&rig).registered == Some(false)).await;
    assert!(status(&rig).reason.contains("500"), "{:?}", status(&rig));
    let again = far.expect("REGISTER").await;
    far.reply(&again, "200 OK", b"Expires: 300\r\n", b"").await;
    wait_until("the trunk is registered again", || status(&rig).registered == Some(true)).await;
}

#[tokio::test]
async fn a_registrar_that_has_forgotten_us_is_asked_at_once() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), &registering()).await;
    let first = far.expect("REGISTER").await;
    far.reply(&first, "200 OK", b"Expires: 3600\r\n", b"").await;
    wait_until("the trunk is registered", || status(&rig).registered == Some(true)).await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    refuse(&mut far, &invite, "403 Forbidden", "").await;
    assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Trunk, Party::Network, Some(403));
    // Without this the next REGISTER would come after 48 minutes.
    let again = far.expect("REGISTER").await;
    assert_eq!(again.header("Expires"), "300");
    far.reply(&again, "200 OK", b"", b"").await;
}

#[tokio::test]
async fn a_trunk_that_wakes_when_its_call_has_gone_another_way_is_cancelled_or_hung_up() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "no_reply_s = 2").await;
    for answers in [false, true] {
        let mut call = rig.call();
        let invite = far.expect("INVITE").await;
        let end = call.end().await;
        assert_unanswered(&end, Outcome::TrunkFailure, Fault::Trunk, Party::Us, None);
        assert_eq!(end.detail.as_deref(), Some("no response to the invite"));
        assert_eq!(call.seen, ["sent", "ended"]);
        // Free at once, though an answer may come for half a minute.
        rig.is_clean().await;
        if answers {
            far.answer(&invite).await;
            let found = far.expect_all(&["ACK", "BYE"]).await;
            far.reply(&found[1], "200 OK", b"", b"").await;
        } else {
            far.reply(&invite, "180 Ringing", b"", b"").await;
            let cancel = far.expect("CANCEL").await;
            assert_eq!(cancel.header("Via"), invite.header("Via"));
            far.reply(&cancel, "200 OK", b"", b"").await;
            far.reply(&invite, "487 Request Terminated", b"", b"").await;
            far.expect("ACK").await;
        }
    }
    rig.is_clean().await;
}

#[tokio::test]
async fn an_invite_that_was_given_up_is_not_repeated() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "no_reply_s = 2").await;
    let mut call = rig.call();
    call.end().await;
    // What was sent by then is there: it left before the end was told.
    while let Some(Some(message)) = futures::FutureExt::now_or_never(far.next()) {
        assert_eq!(message.kind(), "INVITE");
    }
    // RFC 3261 timer A would send it 3.5 s after the first.
    let repeated = tokio::time::timeout(Duration::from_millis(2_500), far.next()).await;
    assert!(repeated.is_err(), "{repeated:?}");
}

#[tokio::test]
async fn the_service_route_of_a_registration_is_the_route_of_every_invite() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), &registering()).await;
    let first = far.expect("REGISTER").await;
    assert_eq!(first.header("Supported"), "path");
    let routes = "Service-Route: <sip:p1.ims.cn;lr>, <sip:p2.ims.cn;lr>\r\nService-Route: <sip:orig@s.ims.cn;lr>\r\n";
    far.reply(&first, "200 OK", format!("{routes}Expires: 300\r\n").as_bytes(), b"").await;
    wait_until("the trunk is registered", || status(&rig).registered == Some(true)).await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    assert!(invite.text.starts_with(&format!("INVITE sip:13812345678@{}", far.address())), "{}", invite.text);
    let passed: Vec<&str> = invite.text.lines().filter_map(|l| l.strip_prefix("Route: ")).collect();
    assert_eq!(passed, ["<sip:p1.ims.cn;lr>", "<sip:p2.ims.cn;lr>", "<sip:orig@s.ims.cn;lr>"]);
    far.reply(&invite, "180 Ringing", b"", b"").await;
    call.until("ringing 180").await;
    call.control.hang_up("done");
    let cancel = far.expect("CANCEL").await;
    assert_eq!(cancel.text.matches("Route: ").count(), 3, "{}", cancel.text);
    far.reply(&cancel, "200 OK", b"", b"").await;
    far.reply(&invite, "487 Request Terminated", b"", b"").await;
    far.expect("ACK").await;
    call.end().await;
    rig.is_clean().await;
}

#[tokio::test]
async fn a_registrar_that_asks_to_be_left_alone_is() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), &registering()).await;
    let first = far.expect("REGISTER").await;
    far.reply(&first, "503 Service Unavailable", b"Retry-After: 600\r\n", b"").await;
    wait_until("the refusal is known", || status(&rig).reason.contains("503")).await;
    assert!(!status(&rig).usable);
    assert!(futures::FutureExt::now_or_never(far.next()).is_none());
}
