//! What SIPp cannot do: wrong bytes, wrong order, forks, silence, lost connections, registrars.

use super::peer::{ANSWER, Message, Peer};
use super::rig::{OFFER, Rig, Watched, wait_until};
use super::{assert_answered, assert_unanswered};
use huifang::config;
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use huifang::sip::{CallEvent, SipStack};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A call that has been answered, and the INVITE at the far end.
pub async fn answered_call(far: &mut Peer, rig: &Rig) -> (Watched, Message) {
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    (call, invite)
}

pub async fn hang_up(far: &mut Peer, mut call: Watched, rig: &Rig) {
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    far.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}

/// 张三 in GBK in every place where carriers put it, body included in the loss if it were not cleaned.
const GBK_HEADERS: &[u8] =
    b"Server: \xbd\xbb\xbb\xbb\xbb\xfa\r\nP-Asserted-Identity: \"\xd5\xc5\xc8\xfd\x95\\\" <sip:1@127.0.0.1>\r\n";

async fn gbk_is_no_obstacle(mut far: Peer, rig: Rig) {
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "183 Session Progress", &[GBK_HEADERS, b"Content-Type: application/sdp\r\n"].concat(), ANSWER)
        .await;
    let contact =
        format!("Contact: \"\u{fffd}\" <{}>\r\nContent-Type: application/sdp\r\n", far.contact()).into_bytes();
    let wrong = [GBK_HEADERS, &contact].concat();
    call.until("early 183").await;
    far.reply(&invite, "200 OK", &wrong, ANSWER).await;
    far.expect("ACK").await;
    match call.until("answered").await {
        CallEvent::Answered { sdp, .. } => assert_eq!(sdp, ANSWER),
        other => panic!("{other:?}"),
    }
    assert_eq!(call.seen, ["sent", "early 183", "answered"]);
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn a_200_with_gbk_in_its_headers_is_an_answer_over_udp() {
    let far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    gbk_is_no_obstacle(far, rig).await;
}

#[tokio::test]
async fn a_200_with_gbk_in_its_headers_is_an_answer_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rig = Rig::new(&format!("sip:{};transport=tcp", listener.local_addr().unwrap()), "").await;
    let probe = rig.call();
    let mut far = Peer::accept(&listener).await;
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "486 Busy Here", b"", b"").await;
    far.expect("ACK").await;
    let mut probe = probe;
    assert_unanswered(&probe.end().await, Outcome::Busy, Fault::Customer, Party::Customer, Some(486));
    // The second call uses the same connection.
    gbk_is_no_obstacle(far, rig).await;
}

#[tokio::test]
async fn a_200_that_is_repeated_is_acknowledged_again_and_told_once() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, invite) = answered_call(&mut far, &rig).await;
    far.answer(&invite).await;
    let again = far.next().await.unwrap();
    assert_eq!(again.kind(), "ACK");
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn a_second_phone_that_answers_the_same_call_is_hung_up() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, invite) = answered_call(&mut far, &rig).await;
    far.tag = "fork";
    far.answer(&invite).await;
    let ack = far.expect("ACK").await;
    assert!(ack.header("To").ends_with(";tag=fork"));
    let bye = far.expect("BYE").await;
    assert!(bye.header("To").ends_with(";tag=fork"));
    far.reply(&bye, "200 OK", b"", b"").await;
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn a_bye_that_overtakes_its_200_ends_an_answered_call() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.request(&invite, "BYE", 1, "", "").await;
    assert_eq!(far.expect("200").await.header("CSeq"), "1 BYE");
    far.answer(&invite).await;
    far.expect("ACK").await;
    assert_answered(&call.end().await, Party::Customer);
    assert_eq!(call.seen, ["sent", "answered", "ended"]);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_bye_for_a_broken_line_is_the_network_s() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, invite) = answered_call(&mut far, &rig).await;
    far.request(&invite, "BYE", 1, "Reason: Q.850;cause=41\r\n", "").await;
    far.expect("200").await;
    let end = call.end().await;
    assert_answered(&end, Party::Network);
    assert_eq!(end.fault, Some(Fault::Network));
    rig.is_clean().await;
}

#[tokio::test]
async fn a_bye_of_another_dialog_does_not_end_the_call() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, invite) = answered_call(&mut far, &rig).await;
    far.tag = "stranger";
    far.request(&invite, "BYE", 1, "", "").await;
    far.expect("481").await;
    far.tag = "far";
    hang_up(&mut far, call, &rig).await;
}

#[tokio::test]
async fn a_cancel_before_any_response_leaves_with_the_first_one() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    call.control.hang_up("stop");
    far.reply(&invite, "180 Ringing", b"", b"").await;
    let cancel = far.expect("CANCEL").await;
    assert_eq!(cancel.header("Via"), invite.header("Via"));
    assert_eq!(cancel.header("CSeq"), "1 CANCEL");
    far.reply(&cancel, "200 OK", b"", b"").await;
    far.reply(&invite, "487 Request Terminated", b"", b"").await;
    far.expect("ACK").await;
    let end = call.end().await;
    assert_unanswered(&end, Outcome::Cancelled, Fault::Us, Party::Us, Some(487));
    assert_eq!(call.seen, ["sent", "ended"]);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_far_end_that_ignores_our_cancel_does_not_hold_the_call() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "180 Ringing", b"", b"").await;
    call.until("ringing 180").await;
    call.control.hang_up("stop");
    far.expect("CANCEL").await;
    assert_unanswered(&call.end().await, Outcome::Cancelled, Fault::Us, Party::Us, None);
    assert_eq!(rig.stack.trunks()[0].calls_up, 0, "the slot is free with the end");
    // Long after, it answers: acknowledged and hung up.
    far.answer(&invite).await;
    let mut kinds = vec![];
    while !kinds.contains(&"BYE".to_string()) {
        let message = far.next().await.unwrap();
        kinds.push(message.kind().to_string());
        if message.kind() == "BYE" {
            far.reply(&message, "200 OK", b"", b"").await;
        }
    }
    assert!(kinds.contains(&"ACK".to_string()), "{kinds:?}");
    rig.is_clean().await;
}

#[tokio::test]
async fn an_engine_that_drops_the_events_hangs_up() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, _) = answered_call(&mut far, &rig).await;
    drop(call);
    let bye = far.expect("BYE").await;
    far.reply(&bye, "200 OK", b"", b"").await;
    rig.is_clean().await;
}

#[tokio::test]
async fn stopping_the_engine_hangs_up_and_takes_no_new_call() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (mut call, _) = answered_call(&mut far, &rig).await;
    rig.shutdown.cancel();
    let bye = far.expect("BYE").await;
    far.reply(&bye, "200 OK", b"", b"").await;
    let end = call.end().await;
    assert_answered(&end, Party::Us);
    assert_eq!(end.detail.as_deref(), Some("the engine is stopping"));
    let to = huifang::domain::phone::Phone::parse("13812345678").unwrap();
    let pick = rig.stack.pick_trunk(&to).unwrap();
    let refused = rig.stack.invite(pick, &to, &huifang::domain::id::CallId::new("late"), OFFER.to_vec());
    assert!(refused.is_err());
    rig.is_clean().await;
}

#[tokio::test]
async fn a_record_route_is_followed_and_a_bye_is_authenticated() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), super::ACCOUNT).await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    let headers = format!(
        "Record-Route: <{0};lr;n=1>, <{0};lr;n=2>\r\nContact: <sip:inside@192.0.2.9>\r\nContent-Type: application/sdp\r\n",
        far.uri()
    );
    far.reply(&invite, "200 OK", headers.as_bytes(), ANSWER).await;
    let ack = far.expect("ACK").await;
    assert!(ack.text.starts_with("ACK sip:inside@192.0.2.9"), "{}", ack.text);
    call.until("answered").await;
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    assert!(bye.text.starts_with("BYE sip:inside@192.0.2.9"), "{}", bye.text);
    let routes: Vec<&str> = bye.text.lines().filter(|l| l.starts_with("Route: ")).collect();
    assert!(routes.len() == 2 && routes[0].contains("n=2") && routes[1].contains("n=1"), "{routes:?}");
    let challenge = b"Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    far.reply(&bye, "407 Proxy Authentication Required", challenge, b"").await;
    let again = far.expect("BYE").await;
    assert!(again.has("Proxy-Authorization") && again.header("CSeq") != bye.header("CSeq"));
    far.reply(&again, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}

#[tokio::test]
async fn a_landline_is_dialled_with_its_zero() {
    for (number, dialled) in [("010-62345678", "01062345678"), ("+86 13812345678", "13812345678")] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), "").await;
        let mut call = rig.call_to(number);
        let invite = far.expect("INVITE").await;
        assert!(invite.text.starts_with(&format!("INVITE sip:{dialled}@")), "{}", invite.text);
        assert!(invite.header("To").contains(&format!("<sip:{dialled}@")), "{}", invite.text);
        far.reply(&invite, "486 Busy Here", b"", b"").await;
        far.expect("ACK").await;
        call.end().await;
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "302 Moved Temporarily", b"Contact: <sip:premium@192.0.2.1>\r\n", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Trunk, Party::Network, Some(302));
    rig.is_clean().await;
}

#[tokio::test]
async fn a_challenge_that_nobody_can_answer_is_a_matter_of_credentials() {
    for (account, challenge) in [
        (super::ACCOUNT, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256\r\n"),
        (super::ACCOUNT, ""),
        ("", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"),
    ] {
        let mut far = Peer::udp().await;
        let rig = Rig::new(&far.uri(), account).await;
        let mut call = rig.call();
        let invite = far.expect("INVITE").await;
        far.reply(&invite, "401 Unauthorized", challenge.as_bytes(), b"").await;
        far.expect("ACK").await;
        let end = call.end().await;
        assert_unanswered(&end, Outcome::AuthFailed, Fault::Us, Party::Network, Some(401));
        assert_eq!(call.seen, ["sent", "ended"]);
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_while_it_rings_ends_the_call_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rig = Rig::new(&format!("sip:{};transport=tcp", listener.local_addr().unwrap()), "").await;
    let mut call = rig.call();
    let mut far = Peer::accept(&listener).await;
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "180 Ringing", b"", b"").await;
    call.until("ringing 180").await;
    drop(far);
    assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
    drop(listener);
    let mut refused = rig.call();
    assert_unanswered(&refused.end().await, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
    assert_eq!(refused.seen, ["ended"]);
}

#[tokio::test]
async fn strangers_are_answered_and_get_nothing() {
    let rig = Rig::new("sip:127.0.0.1:9", "").await;
    let us = rig.stack.local_udp().unwrap();
    let mut far = Peer::udp().await;
    for (method, to_tag, expected) in [
        ("OPTIONS", "", "200"),
        ("INVITE", "", "403"),
        ("INVITE", ";tag=x", "481"),
        ("BYE", ";tag=x", "481"),
        ("MESSAGE", "", "405"),
        ("REGISTER", "", "405"),
        ("SUBSCRIBE", "", "405"),
        ("REFER", "", "405"),
        ("NOTIFY", "", "481"),
        ("DANCE", "", "501"),
    ] {
        let branch = format!("z9hG4bK{method}{}", to_tag.len());
        let via = format!("Via: SIP/2.0/UDP {};branch={branch}\r\n", far.address());
        let rest =
            format!("Max-Forwards: 70\r\nFrom: <sip:s@t>;tag=s\r\nTo: <sip:us@{us}>{to_tag}\r\nCall-ID: {branch}\r\n");
        let request = format!(
            "{method} sip:us@{us} SIP/2.0\r\n{via}{rest}CSeq: 1 {method}\r\nContact: <sip:s@t>\r\nContent-Length: 0\r\n\r\n"
        );
        far.send(request.as_bytes(), us).await;
        let mut reply = far.next().await.unwrap();
        // Refusals of an earlier INVITE repeat until they are acknowledged.
        while reply.header("Call-ID") != branch {
            reply = far.next().await.unwrap();
        }
        assert_eq!(reply.kind(), expected, "{}", reply.text);
        assert!(method == "DANCE" || expected != "405" || reply.has("Allow"), "{}", reply.text);
        if method == "INVITE" {
            let ack = format!(
                "ACK sip:us@{us} SIP/2.0\r\n{via}From: <sip:s@t>;tag=s\r\nTo: {}\r\nCall-ID: {branch}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
                reply.header("To")
            );
            far.send(ack.as_bytes(), us).await;
        }
    }
    assert_eq!(rig.stack.dialogs(), 0);
}

#[tokio::test]
async fn a_trunk_is_used_only_while_it_is_registered_and_leaves_politely() {
    let mut registrar = Peer::udp().await;
    let rig = Rig::new(&registrar.uri(), &format!("{}\nregister = true", super::ACCOUNT)).await;
    let to = huifang::domain::phone::Phone::parse("13812345678").unwrap();
    let first = registrar.expect("REGISTER").await;
    assert!(rig.stack.pick_trunk(&to).unwrap_err().why().contains("未注册成功"));
    registrar.reply(&first, "401 Unauthorized", b"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", b"").await;
    let second = registrar.expect("REGISTER").await;
    assert!(second.header("Authorization").contains("username=\"agent\""));
    assert_eq!(second.header("Expires"), "300");
    let contact = format!("Contact: {};expires=120\r\n", second.header("Contact"));
    registrar.reply(&second, "200 OK", contact.as_bytes(), b"").await;
    wait_until("the trunk is registered", || rig.stack.trunks()[0].usable).await;
    assert!(rig.stack.pick_trunk(&to).is_ok());
    rig.shutdown.cancel();
    let last = registrar.expect("REGISTER").await;
    assert_eq!(last.header("Expires"), "0");
    registrar.reply(&last, "200 OK", b"", b"").await;
}

#[tokio::test]
async fn a_registrar_that_refuses_our_password_is_not_hammered() {
    let mut registrar = Peer::udp().await;
    let rig = Rig::new(&registrar.uri(), &format!("{}\nregister = true", super::ACCOUNT)).await;
    let challenge = b"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    for _ in 0..2 {
        let request = registrar.expect("REGISTER").await;
        registrar.reply(&request, "401 Unauthorized", challenge, b"").await;
    }
    wait_until("the refusal is known", || rig.stack.trunks()[0].reason.contains("用户名或密码被拒绝")).await;
    assert_eq!(rig.stack.trunks()[0].registered, Some(false));
    let mut more = Box::pin(registrar.next());
    assert!(futures::poll!(&mut more).is_pending(), "a third attempt came at once");
}

#[tokio::test]
async fn a_registration_is_refreshed_before_it_runs_out() {
    let mut registrar = Peer::udp().await;
    let _rig = Rig::new(&registrar.uri(), &format!("{}\nregister = true", super::ACCOUNT)).await;
    for _ in 0..2 {
        let request = registrar.expect("REGISTER").await;
        assert_eq!(request.header("Expires"), "300");
        registrar.reply(&request, "200 OK", b"Expires: 5\r\n", b"").await;
    }
}

/// Collects what is logged on this thread.
#[derive(Clone, Default)]
pub struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_telephone_number_reaches_the_log() {
    let log = Log::default();
    let writer = log.clone();
    // At `info` the stack writes whole messages, telephone numbers included.
    let filter = "trace,rsipstack=warn";
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, _) = answered_call(&mut far, &rig).await;
    hang_up(&mut far, call, &rig).await;
    let text = log.text();
    assert!(text.contains("138****5678") && text.contains("the call is over"), "{text}");
    assert!(!text.contains("13812345678"), "{text}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_at_start() {
    let held = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for listen in [format!("udp:{}", held.local_addr().unwrap()), format!("tcp:{}", tcp.local_addr().unwrap())] {
        let sip = config::Sip { listen: vec![listen.clone()], ..Default::default() };
        let clock = Arc::new(huifang::clock::SystemClock);
        let error = SipStack::start(&sip, &[], clock, CancellationToken::new()).await.err().unwrap().to_string();
        assert!(error.starts_with(&format!("sip.listen = {listen:?}: cannot bind: ")), "{error}");
    }
}
