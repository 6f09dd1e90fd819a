//! Messages inside a call that are odd, wrong or absurd: the call goes on and can be ended.

use super::peer::{ANSWER, Message, Peer};
use super::raw::{answered_call, hang_up};
use super::rig::Rig;
use super::{assert_answered, assert_unanswered};
use huifang::domain::call::outcome::{Fault, Outcome, Party};

/// A response written by hand, `{via}` and the like taken from the request.
async fn write(far: &mut Peer, request: &Message, text: &str) {
    let mut text = text.to_string();
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        text = text.replace(&format!("{{{}}}", name.to_lowercase()), request.header(name));
    }
    let text = text.replace("{far}", &far.address().to_string()).replace('\n', "\r\n");
    far.send(text.as_bytes(), request.from).await;
}

/// What a 200 may look like, what the ACK's Request-URI must be, and what a far end of it says after that.
const ANSWERS: &[(&str, &str, &str)] = &[
    (
        "compact and folded",
        "SIP/2.0 200 OK\nv: {via}\nf:\n {from}\nt: {to}\n ;tag=far\ni: {call-id}\ncseq : {cseq}\nm: \"x\"\n <sip:c@{far}>\nc: application/sdp\nl: 0\n\n",
        "ACK sip:c@{far} ",
    ),
    (
        "without Contact and without a reason phrase",
        "SIP/2.0 200 \nVia: {via}\nFrom: {from}\nTo: {to};tag=far\nCall-ID: {call-id}\nCSeq: {cseq}\nContent-Length: 0\n\n",
        "ACK sip:{far} ",
    ),
    (
        "a Contact over another transport",
        "SIP/2.0 200 OK\nVia: {via}\nFrom: {from}\nTo: {to};tag=far\nCall-ID: {call-id}\nCSeq: {cseq}\nContact: <sip:c@{far};transport=tcp>\nContent-Length: 0\n\n",
        "ACK sip:c@{far} ",
    ),
    (
        "a Contact at a host that nobody can find",
        "SIP/2.0 200 OK\nVia: {via}\nFrom: {from}\nTo: {to};tag=far\nCall-ID: {call-id}\nCSeq: {cseq}\nContact: <sip:c@gateway.invalid>\nContent-Length: 0\n\n",
        "ACK sip:c@gateway.invalid ",
    ),
    (
        "a success that is not 200",
        "SIP/2.0 202 Accepted\nVia: {via}\nFrom: {from}\nTo: {to};tag=far\nCall-ID: {call-id}\nCSeq: {cseq}\nContact: <sip:c@{far}>\nContent-Length: 0\n\n",
        "ACK sip:c@{far} ",
    ),
    (
        "without a tag",
        "SIP/2.0 200 OK\nVia: {via}\nFrom: {from}\nTo: {to}\nCall-ID: {call-id}\nCSeq: {cseq}\nContact: <sip:c@{far}>\nContent-Length: 0\n\n",
        "ACK sip:c@{far} ",
    ),
    (
        "headers that nobody knows, twice and empty",
        "SIP/2.0 200 OK\nVia: {via}\nX-A:\nX-A: ;;\nFrom: {from}\nTo: {to};tag=far;x=\"y;z\"\nP-Charging-Vector: icid\nCall-ID: {call-id}\nCSeq: {cseq}\nContact: <sip:c@{far}>;+g.x=\"<1>\";expires=3\nContent-Length: 0\n\n",
        "ACK sip:c@{far} ",
    ),
];

#[tokio::test]
async fn an_answer_of_any_shape_is_acknowledged_where_it_says_and_can_be_ended_by_both_sides() {
    for (name, answer, ack_starts) in ANSWERS {
        for theirs in [false, true] {
            let mut far = Peer::udp().await;
            let rig = Rig::new(&far.uri(), "").await;
            let mut call = rig.call();
            let invite = far.expect("INVITE").await;
            write(&mut far, &invite, answer).await;
            let ack = far.expect("ACK").await;
            let starts = ack_starts.replace("{far}", &far.address().to_string());
            assert!(ack.text.starts_with(&starts), "{name}: {}", ack.text);
            call.until("answered without sdp").await;
            if theirs {
                far.request(&invite, "BYE", 1, "", "").await;
                far.expect("200").await;
            } else {
                call.control.hang_up("done");
                let bye = far.expect("BYE").await;
                assert!(bye.text.starts_with(&starts.replace("ACK", "BYE")), "{name}: {}", bye.text);
                far.reply(&bye, "200 OK", b"", b"").await;
            }
            let end = call.end().await;
            let by = if theirs { Party::Customer } else { Party::Us };
            assert_eq!((end.answered, end.by), (true, Some(by)), "{name}");
            assert_eq!(end.status, Some(if answer.contains("202") { 202 } else { 200 }), "{name}");
            rig.is_clean().await;
        }
    }
}

#[tokio::test]
async fn a_strict_router_gets_ack_and_bye_as_it_wants_them_each_time() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    let headers = format!(
        "Record-Route: <sip:second@192.0.2.8;lr>, <sip:strict@{}>\r\nContact: <sip:inside@192.0.2.9>\r\n",
        far.address()
    );
    for _ in 0..2 {
        far.reply(&invite, "200 OK", headers.as_bytes(), b"").await;
        let ack = far.next().await.unwrap();
        assert!(ack.text.starts_with(&format!("ACK sip:strict@{} ", far.address())), "{}", ack.text);
        let routes: Vec<&str> = ack.text.lines().filter(|l| l.starts_with("Route: ")).collect();
        assert_eq!(routes, ["Route: <sip:second@192.0.2.8;lr>", "Route: <sip:inside@192.0.2.9>"]);
    }
    call.until("answered without sdp").await;
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    assert!(bye.text.starts_with(&format!("BYE sip:strict@{} ", far.address())), "{}", bye.text);
    assert!(bye.text.contains("\r\nRoute: <sip:inside@192.0.2.9>\r\n"), "{}", bye.text);
    far.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}

#[tokio::test]
async fn responses_to_what_we_never_sent_change_nothing() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    for (from, to) in [
        ("CSeq: {cseq}", "CSeq: 99 INVITE"),
        ("CSeq: {cseq}", "CSeq: 1 OPTIONS"),
        ("CSeq: {cseq}", "CSeq: one INVITE"),
        ("Via: {via}", "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKother"),
        ("Call-ID: {call-id}", "Call-ID: another"),
        ("From: {from}", "From: <sip:somebody@else>;tag=x"),
        ("Via: {via}", "Server: none"),
    ] {
        for status in ["200 OK", "486 Busy Here", "180 Ringing"] {
            let response = "Via: {via}\nFrom: {from}\nTo: {to};tag=far\nCall-ID: {call-id}\nCSeq: {cseq}\n\
                            Contact: <sip:c@{far}>\nContent-Length: 0\n\n";
            write(&mut far, &invite, &format!("SIP/2.0 {status}\n{}", response.replace(from, to))).await;
        }
    }
    far.reply(&invite, "183 Session Progress", b"Content-Type: application/sdp\r\n", ANSWER).await;
    call.until("early 183").await;
    far.reply(&invite, "486 Busy Here", b"", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::Busy, Fault::Customer, Party::Customer, Some(486));
    assert_eq!(call.seen, ["sent", "early 183", "ended"]);
    rig.is_clean().await;
}

#[tokio::test]
async fn absurd_requests_inside_a_call_neither_end_nor_wedge_it() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let (call, invite) = answered_call(&mut far, &rig).await;
    let long = "x".repeat(60_000);
    let head = |name: &str| {
        format!(
            "Via: SIP/2.0/UDP {};branch=z9hG4bK{name}\nMax-Forwards: 70\nFrom: {};tag=far\nTo: {}\nCall-ID: {}\n",
            far.address(),
            invite.header("To"),
            invite.header("From"),
            invite.header("Call-ID")
        )
    };
    let wrong = [
        format!("BYE sip:us SIP/2.0\n{}CSeq: much BYE\nContent-Length: 0\n\n", head("a")),
        format!("BYE sip:us SIP/2.0\n{}CSeq: 99999999999999999999 BYE\nContent-Length: 0\n\n", head("b")),
        format!("BYE sip:us SIP/2.0\n{}Content-Length: 0\n\n", head("c")),
        format!("BYE sip:us SIP/2.0\n{}CSeq: 5 INFO\nContent-Length: 0\n\n", head("d")).replace(";tag=far", ""),
        format!("BYE sip:us SIP/2.0\n{}CSeq: 6 BYE\nContent-Length: 0\n\n", head("e"))
            .replace(invite.header("From"), "<sip:us>"),
        format!("INFO sip:us SIP/2.0\n{}CSeq: 7 INFO\nX-Long: {long}\nContent-Length: 0\n\n", head("f")),
        format!(
            "INVITE sip:us SIP/2.0\n{}CSeq: 8 INVITE\nContent-Type: application/sdp\nContent-Length: 9000\n\nv=0",
            head("g")
        ),
        format!("UPDATE sip:us SIP/2.0\n{}CSeq: 9 UPDATE\nContent-Length: -1\n\nv=0", head("h")),
        "BYE\n\n".into(),
    ];
    for text in &wrong {
        far.send(text.replace('\n', "\r\n").as_bytes(), invite.from).await;
    }
    // Whatever was said to that: the next request of a sane far end is answered, and the call is there.
    far.request(&invite, "OPTIONS", 100, "", "").await;
    loop {
        let reply = far.next().await.expect("an answer to OPTIONS");
        assert_ne!(reply.kind(), "BYE", "{}", reply.text);
        if reply.header("CSeq") == "100 OPTIONS" {
            assert_eq!(reply.kind(), "200", "{}", reply.text);
            break;
        }
    }
    call.control.hang_up("done");
    loop {
        let message = far.next().await.expect("our BYE");
        if message.kind() == "BYE" {
            far.reply(&message, "200 OK", b"", b"").await;
            break;
        }
    }
    let mut call = call;
    assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}

#[tokio::test]
async fn the_sdp_beside_isup_is_the_answer() {
    let mut far = Peer::udp().await;
    let rig = Rig::new(&far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "180 Ringing", b"Content-Type: application/isup\r\n", b"\x06\x01").await;
    let parts = [
        b"--b\r\nContent-Type: application/isup\r\n\r\n\x01\x02\r\n--b\r\nContent-Type: application/sdp\r\n\r\n",
        ANSWER,
        b"--b--\r\n",
    ];
    let headers = format!("Contact: <{}>\r\nContent-Type: multipart/mixed;boundary=b\r\n", far.contact());
    far.reply(&invite, "200 OK", headers.as_bytes(), &parts.concat()).await;
    far.expect("ACK").await;
    call.until("answered").await;
    assert_eq!(call.seen, ["sent", "ringing 180", "answered"]);
    hang_up(&mut far, call, &rig).await;
}
