//! SIP traces: who sees what, in which form, and why there may be none.

use super::site::{PHONE, Site, claimed, problem};
use huifang::domain::call::Call;
use huifang::domain::call::outcome::Outcome;
use huifang::domain::call::trace::{SipTrace, TraceLeg, TraceMessage, Way};
use huifang::domain::visit::task::{Visit, VisitState, WaitReason};
use huifang::store::token::Role;
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::json;

const FORMS: [(&str, &str); 4] = [
    ("", "application/json"),
    (".txt", "text/plain; charset=utf-8"),
    ("/ladder.txt", "text/plain; charset=utf-8"),
    ("/ladder.svg", "image/svg+xml; charset=utf-8"),
];

/// A finished call whose messages name the customer wherever a far end can.
async fn traced(site: &Site) -> Call {
    let call = site.with_call("FW1", b"").await;
    let message = |ms: i64, way, text: String| TraceMessage {
        at: site.now() + SignedDuration::from_millis(ms),
        leg: TraceLeg::Customer,
        way,
        transport: "UDP".into(),
        local: "10.0.0.5:5060".into(),
        peer: "10.0.0.1:5060".into(),
        text,
    };
    let invite = format!(
        "INVITE sip:{PHONE}@10.0.0.1 SIP/2.0\r\nFrom: \"客服\" <sip:4006589888@h>;tag=1\r\nTo: <sip:+86{PHONE}@h>\r\n\
         Call-ID: x@huifang\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\no={PHONE} 1 1 IN IP4 10.0.0.5\r\ns=-\r\n"
    );
    let busy =
        format!("SIP/2.0 486 {PHONE} is busy\r\nP-Asserted-Identity: \"张三\" <tel:{PHONE}>\r\nCSeq: 1 INVITE\r\n\r\n");
    let messages =
        vec![message(0, Way::Sent, invite.clone()), message(500, Way::Sent, invite), message(750, Way::Received, busy)];
    site.store.save_sip_trace(&call.id, &SipTrace { messages, dropped: 2 }).await.unwrap();
    call
}

#[tokio::test]
async fn a_privileged_reader_sees_the_messages_as_they_were_and_is_written_down() {
    let site = Site::start().await;
    let call = traced(&site).await;
    let trace = site.get_as(Role::Supervisor, &format!("/calls/{}/sip", call.id)).await;
    let messages = trace["messages"].as_array().unwrap();
    assert_eq!((&trace["masked"], &trace["dropped"], messages.len()), (&json!(false), &json!(2), 3));
    let shape: Vec<_> = messages.iter().map(|m| (&m["way"], &m["label"], &m["offset_s"], &m["repeated"])).collect();
    let [(sent, invite), (received, busy)] =
        [("sent", "INVITE".to_string()), ("received", format!("486 {PHONE} is busy"))]
            .map(|(w, l)| (json!(w), json!(l)));
    assert_eq!(
        shape,
        [
            (&sent, &invite, &json!(0.0), &json!(false)),
            (&sent, &invite, &json!(0.5), &json!(true)),
            (&received, &busy, &json!(0.75), &json!(false)),
        ]
    );
    assert_eq!(messages[0]["at"], "2026-11-21T20:00:00+08:00");
    assert!(messages[0]["text"].as_str().unwrap().starts_with(&format!("INVITE sip:{PHONE}@10.0.0.1 SIP/2.0\r\n")));
    let read = async |path: &str| {
        let path = format!("/calls/{}/sip{path}", call.id);
        site.request_as(Role::Supervisor, Method::GET, &path).send().await.unwrap().text().await.unwrap()
    };
    let text = read(".txt").await;
    let line = "=== 2026-11-21T20:00:00.5+08:00 UDP 10.0.0.5:5060 -> 10.0.0.1:5060 (again)\nINVITE sip:";
    assert!(
        text.contains(line) && text.contains("张三") && text.ends_with("2 more messages were not kept\n"),
        "{text}"
    );
    let ladder = read("/ladder.txt").await;
    for part in
        ["|------------------ INVITE ------------------->|  1, again", "* recording ends", "486 138****5678 is busy"]
    {
        assert!(ladder.contains(part), "{part}: {ladder}");
    }
    assert!(read("/ladder.svg").await.starts_with("<svg xmlns="));

    let log = site.store.events_of_visit(&call.visit).await.unwrap();
    let reads: Vec<_> = log
        .iter()
        .filter(|e| e.kind == "sip_trace.read")
        .map(|e| (e.actor.as_str(), e.detail["form"].clone()))
        .collect();
    assert_eq!(reads, ["json", "txt", "ladder", "svg"].map(|form| ("the supervisor", json!(form))));
    site.stop().await;
}

#[tokio::test]
async fn other_readers_see_numbers_and_names_masked_and_agents_nothing() {
    let site = Site::start().await;
    let call = traced(&site).await;
    for (form, kind) in FORMS {
        let path = format!("/calls/{}/sip{form}", call.id);
        let answer = site.request_as(Role::Reviewer, Method::GET, &path).send().await.unwrap();
        assert_eq!((answer.status(), answer.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, kind));
        let text = answer.text().await.unwrap();
        for hidden in [PHONE, "4006589888", "张三", "客服"] {
            assert!(!text.contains(hidden), "{form} shows {hidden}: {text}");
        }
        let answer = site.request_as(Role::Agent, Method::GET, &path).send().await.unwrap();
        problem(answer, 403, "forbidden", form).await;
    }
    let trace = site.get_as(Role::Reviewer, &format!("/calls/{}/sip", call.id)).await;
    assert_eq!(trace["masked"], true);
    let invite = trace["messages"][0]["text"].as_str().unwrap();
    for shown in ["INVITE sip:138****5678@10.0.0.1", "To: <sip:+86138****5678@h>", "o=138****5678 1 1 IN IP4 10.0.0.5"]
    {
        assert!(invite.contains(shown), "{shown}: {invite}");
    }
    let log = site.store.events_of_visit(&call.visit).await.unwrap();
    assert!(log.iter().all(|e| e.kind != "sip_trace.read"), "only what was seen unmasked is written down");
    site.stop().await;
}

#[tokio::test]
async fn where_there_is_no_trace_the_answer_says_why() {
    let site = Site::start().await;
    let check = async |call: &str, status: u16, kind: &str, why: &str| {
        for (form, _) in FORMS {
            let answer = site.request(Method::GET, &format!("/calls/{call}/sip{form}")).send().await.unwrap();
            let body = problem(answer, status, kind, form).await;
            assert!(body["detail"].as_str().unwrap().contains(why), "{body}");
        }
    };
    check("nobody", 404, "not-found", "nobody").await;
    let old = site.with_call("FW1", b"").await;
    check(old.id.as_str(), 404, "not-found", "older than traces").await;
    let gone = traced_as(&site, "FW2").await;
    site.clock.advance(std::time::Duration::from_secs(60));
    site.store.prune_sip_traces(site.now()).await.unwrap();
    check(gone.id.as_str(), 410, "gone", "retention").await;

    let visit = site.store.visit(&site.with_call("FW3", b"").await.visit).await.unwrap();
    let visit = crate::support::data::visit(&site.store.new_id(), visit.order_no.as_str(), site.now());
    site.store.insert_visit(&visit).await.unwrap();
    let call = claimed(&site.store.new_id(), &visit, site.now());
    let held = site.store.claim_visit(&visit, &call).await.unwrap().unwrap();
    check(call.id.as_str(), 409, "conflict", "in progress").await;
    let mut never = Call { outcome: Some(Outcome::RecorderFailed), ..call };
    never.instants.ended_at = Some(site.now());
    let state = VisitState::Waiting { not_before: site.now(), reason: WaitReason::Interrupted { attempt: 1 } };
    site.store.finish_call(&never, &Visit { state, ..held }, &[]).await.unwrap();
    check(never.id.as_str(), 404, "not-found", "no INVITE left (recorder_failed)").await;
    site.stop().await;
}

async fn traced_as(site: &Site, order_no: &str) -> Call {
    let call = site.with_call(order_no, b"").await;
    site.store.save_sip_trace(&call.id, &SipTrace::default()).await.unwrap();
    call
}
