//! Intake through the doors while the engine runs: repeats, corrections, the inbox, orders, signatures.

use super::{NUMBER, phone, rings};
use crate::support::api::{answer, sms_text, text};
use crate::support::{Station, until};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

#[tokio::test]
async fn a_repeat_and_a_correction_meet_the_same_visit_and_the_correction_is_dialled() {
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), |config| config.dialer.enabled = false).await;
    let api = &station.api;
    let first = api.sms("m-1", &sms_text("FL-1", NUMBER)).await;
    assert_eq!(api.sms("m-1", "another text under the same id").await, first);
    let corrected = api.sms("m-2", &sms_text("FL-1", "13900001111")).await;
    assert_eq!(corrected, first, "one order, one visit, one clock");
    assert_eq!(api.get("visits").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(api.get("orders/FL-1").await["customer"]["phone"], "+8613900001111");
    let mut station = station;
    station.config.dialer.enabled = true;
    station.restart().await;
    let call = rings(&mut phone).await;
    assert_eq!(call.dialled(), "13900001111");
    call.reject(486, "Busy Here").await;
    station.api.ended_call(&text(&first["visit_id"])).await;
    station.finish().await;
}

/// One telephone rings once at a time: the second visit waits until the first call is over, and says so.
#[tokio::test]
async fn two_orders_of_one_customer_are_two_visits_called_one_after_the_other() {
    let mut phone = phone().await;
    let station = Station::start(phone.addr()).await;
    let visits = [station.api.report("FL-1", NUMBER).await, station.api.report("FL-2", NUMBER).await];
    for up in [1, 0] {
        let call = rings(&mut phone).await;
        assert_eq!(call.dialled(), NUMBER);
        let mut waiting = station.api.get("visits?state=waiting").await["items"].as_array().unwrap().clone();
        waiting.retain(|visit| visit["attempts"] == 0);
        assert_eq!(waiting.len(), up);
        for visit in waiting {
            let why = station.api.why(&text(&visit["id"])).await;
            assert_eq!(why["code"], "same_customer", "{why}");
        }
        call.reject(486, "Busy Here").await;
    }
    let mut spans = vec![];
    for visit in &visits {
        let call = station.api.ended_call(visit).await;
        assert_eq!(call["outcome"], "busy");
        spans.push(["invited_at", "ended_at"].map(|at| text(&call[at]).parse::<jiff::Timestamp>().unwrap()));
    }
    spans.sort();
    assert!(spans[0][1] <= spans[1][0], "the calls overlap: {spans:?}");
    station.finish().await;
}

#[tokio::test]
async fn what_no_template_reads_waits_in_the_inbox_and_rings_when_a_person_has_completed_it() {
    let mut phone = phone().await;
    let station = Station::start(phone.addr()).await;
    let api = &station.api;
    let unread = api.sms("m-1", "张师傅那台机器弄好了").await;
    assert!(text(&unread["reason"]).contains("没有模板能读懂"), "{unread}");
    let inbox = text(&unread["inbox_id"]);
    assert_eq!(api.get("inbox?open=true").await["items"][0]["id"], inbox.as_str());
    assert!(api.get("visits").await["items"].as_array().unwrap().is_empty());
    let order = json!({ "order_no": "FL-9", "service_type": "技术咨询", "customer": { "name": "张建国", "title": "先生", "phone": NUMBER } });
    let done = api.post(&format!("inbox/{inbox}"), &order).await;
    let done: Value = answer(done, StatusCode::OK).await;
    let call = rings(&mut phone).await;
    assert_eq!(call.dialled(), NUMBER);
    call.reject(486, "Busy Here").await;
    api.ended_call(&text(&done["visit_id"])).await;
    assert!(api.get("inbox?open=true").await["items"].as_array().unwrap().is_empty());
    station.finish().await;
}

#[tokio::test]
async fn an_order_alone_rings_nobody_and_the_sms_that_follows_keeps_its_details() {
    let mut phone = phone().await;
    let station = Station::start(phone.addr()).await;
    let api = &station.api;
    let order = json!({ "service_type": "技术咨询", "customer": { "name": "张建国", "phone": NUMBER }, "claims": { "location": "长沙梅溪湖工地" } });
    let put = api.request(Method::PUT, "orders/FL-1").json(&order).send().await.unwrap();
    answer(put, StatusCode::CREATED).await;
    assert!(api.get("visits").await["items"].as_array().unwrap().is_empty());
    let visit = api.report("FL-1", NUMBER).await;
    rings(&mut phone).await.reject(486, "Busy Here").await;
    let row = api.ended_call(&visit).await;
    let known = api.report_of(&row).await["order"].clone();
    assert!(known.to_string().contains("长沙梅溪湖工地") && known.to_string().contains("李强"), "{known}");
    station.finish().await;
}

#[tokio::test]
async fn with_a_secret_only_a_signed_sms_rings() {
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), |config| config.intake.sms.secret = Some("s3cret".into())).await;
    let body = json!({ "message_id": "m-1", "text": sms_text("FL-1", NUMBER) }).to_string();
    let send = |signature: Option<String>| {
        let request = station.api.request(Method::POST, "sms").header("Content-Type", "application/json");
        let request = signature.iter().fold(request, |r, s| r.header("X-Huifang-Signature", s));
        request.body(body.clone()).send()
    };
    let sign = |secret: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let hex: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
        format!("sha256={hex}")
    };
    for wrong in [None, Some(sign("guess"))] {
        answer(send(wrong).await.unwrap(), StatusCode::UNAUTHORIZED).await;
    }
    let accepted = answer(send(Some(sign("s3cret"))).await.unwrap(), StatusCode::ACCEPTED).await;
    rings(&mut phone).await.reject(486, "Busy Here").await;
    station.api.ended_call(&text(&accepted["visit_id"])).await;
    until("one visit only", async || Some(station.api.get("visits").await["items"].as_array()?.len() == 1)).await;
    station.finish().await;
}
