//! SMS in, orders in, the inbox completed by hand.

use super::site::{PHONE, Site, json, problem};
use hmac::{Hmac, KeyInit, Mac};
use huifang::store::token::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn an_sms_is_accepted_as_json_and_as_a_form_with_the_same_answer() {
    let site = Site::start().await;
    let body = json!({"message_id": "m1", "from": PHONE, "to": "10690000", "text": "完工 订单FW1 王先生", "received_at": "2026-11-21T20:00:00+08:00"});
    let sent = site.request_as(Role::Service, Method::POST, "/sms").json(&body).send().await.unwrap();
    let first = json(sent, StatusCode::ACCEPTED, "json").await;
    assert_eq!(first["order_no"], "FW1");
    assert_eq!(first["due_at"], "2026-11-21T20:30:00+08:00");
    assert_eq!(first["deadline_at"], "2026-11-21T23:00:00+08:00");
    assert_eq!(site.get(&format!("/visits/{}", first["visit_id"].as_str().unwrap())).await["order_no"], "FW1");

    // 完工 订单FW1, as a gateway's form has it.
    let form = "message_id=m1&from=13812345678&to=10690000&text=%E5%AE%8C%E5%B7%A5+%E8%AE%A2%E5%8D%95FW1";
    for kind in [FORM, "application/x-www-form-urlencoded; charset=UTF-8"] {
        let sent = site.request(Method::POST, "/sms").header("content-type", kind).body(form).send().await.unwrap();
        assert_eq!(json(sent, StatusCode::ACCEPTED, kind).await, first, "the same message, the same answer");
    }
    let other = form.replace("m1", "m2").replace("FW1", "FW2");
    let sent = site.request(Method::POST, "/sms").header("content-type", FORM).body(other).send().await.unwrap();
    assert_eq!(json(sent, StatusCode::ACCEPTED, "form").await["order_no"], "FW2");
    site.stop().await;
}

#[tokio::test]
async fn an_instant_without_offset_is_the_sites_and_none_is_now() {
    let site = Site::start().await;
    for (received_at, heard) in [
        (json!("2026-11-21 19:00:00"), "2026-11-21T11:00:00Z"),
        (json!("2026-11-21T11:00:00Z"), "2026-11-21T11:00:00Z"),
        (Value::Null, "2026-11-21T12:00:00Z"),
    ] {
        let body = json!({"message_id": received_at.to_string(), "text": "x", "received_at": received_at});
        site.request(Method::POST, "/sms").json(&body).send().await.unwrap();
        let asked = site.engine.asked();
        assert!(asked.last().unwrap().ends_with(&format!("at {heard}")), "{received_at}: {asked:?}");
    }
    site.stop().await;
}

#[tokio::test]
async fn an_sms_that_no_template_reads_waits_in_the_inbox_and_is_completed_by_hand() {
    let site = Site::start().await;
    let body = json!({"message_id": "m1", "from": PHONE, "to": "10690000", "text": "师傅走了"});
    let sent = site.request_as(Role::Service, Method::POST, "/sms").json(&body).send().await.unwrap();
    let answer = json(sent, StatusCode::ACCEPTED, "unread").await;
    let id = answer["inbox_id"].as_str().unwrap().to_owned();
    assert_eq!(answer["reason"], "没有模板能读");

    let waiting = site.get("/inbox?open=true").await;
    assert_eq!(waiting["items"][0]["id"], id.as_str());
    assert_eq!(waiting["items"][0]["text"], "师傅走了");
    assert_eq!(site.get(&format!("/inbox/{id}")).await["resolved"], Value::Null);

    let order =
        json!({"order_no": "FW7", "service_type": "保养", "customer": {"name": "王", "title": "先生", "phone": PHONE}});
    let done = site.request_as(Role::Agent, Method::POST, &format!("/inbox/{id}")).json(&order).send().await.unwrap();
    let visit = json(done, StatusCode::OK, "complete").await;
    assert_eq!((&visit["order_no"], &visit["due_at"]), (&json!("FW7"), &json!("2026-11-21T20:30:00+08:00")));
    let item = site.get(&format!("/inbox/{id}")).await;
    assert_eq!(item["resolved"], json!({"at": "2026-11-21T20:00:00+08:00", "by": "the agent", "order_no": "FW7"}));
    assert_eq!(site.get("/inbox?open=true").await["items"], json!([]));
    assert_eq!(site.get("/inbox").await["items"].as_array().unwrap().len(), 1);
    site.stop().await;
}

fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digest = mac.finalize().into_bytes();
    format!("sha256={}", digest.iter().map(|b| format!("{b:02x}")).collect::<String>())
}

#[tokio::test]
async fn a_site_with_a_secret_takes_signed_sms_only() {
    let site = Site::start_with(|state| state.sms_secret = Some("门钥匙".into())).await;
    let body = r#"{"message_id": "m1", "text": "订单FW1"}"#;
    let send = |signature: Option<String>, body: &'static str| {
        let mut request = site.request(Method::POST, "/sms").header("content-type", "application/json").body(body);
        if let Some(signature) = signature {
            request = request.header("X-Huifang-Signature", signature);
        }
        request.send()
    };
    for (what, signature, sent) in [
        ("missing", None, body),
        ("of another secret", Some(sign("key", body)), body),
        ("of another body", Some(sign("门钥匙", "{}")), body),
        ("no hex", Some("sha256=hello".into()), body),
        ("of a body that cannot be read", Some(sign("key", "{")), "{"),
    ] {
        problem(send(signature, sent).await.unwrap(), 401, "bad-signature", what).await;
    }
    assert_eq!(site.engine.asked(), Vec::<String>::new());
    assert_eq!(send(Some(sign("门钥匙", body)), body).await.unwrap().status(), StatusCode::ACCEPTED);
    site.stop().await;
}

#[tokio::test]
async fn an_order_is_made_then_brought_up_to_date_and_read_back_whole() {
    let site = Site::start().await;
    let given = json!({
        "service_type": "质保期外修理",
        "customer": {"name": "李", "title": "女士", "phone": "138-1234-5678"},
        "claims": {
            "product": "XE215C", "machine_no": "XUG0215", "engineer": "李强", "engineer_phone": "13987654321",
            "dealer_manager_phone": "0571-88886666", "dealer": "北方", "reported_hours": 1520.5,
            "requested_at": "2026-11-20 08:00:00", "arrived_at": "2026-11-21T09:00:00+08:00",
            "finished_at": "2026-11-21T03:00:00Z", "fault": "漏油", "fault_at": "2026-11-19", "fix": "换密封圈",
            "checks": ["油位"], "parts": ["密封圈", "机油"], "location": "工地", "fee_yuan": 300.0, "temporary_fix": false,
            "address": "徐州", "purchased_on": "2024-05-01", "demand": "尽快", "customer_class": "VIP", "language": "粤语",
            "contract_yuan": 3000000.0, "branch": "徐州", "dispatched_on": "2024-04-01", "powered_on": "2024-05-02"
        }
    });
    let put = async || site.request(Method::PUT, "/orders/FW1").json(&given).send().await.unwrap();
    let made = json(put().await, StatusCode::CREATED, "first").await;
    assert_eq!(json(put().await, StatusCode::OK, "again").await["order"], made["order"]);

    let read = site.get("/orders/FW1").await;
    assert_eq!(read, made["order"]);
    let mut expected = given.clone();
    expected["order_no"] = json!("FW1");
    expected["customer"]["phone"] = json!("+8613812345678");
    expected["customer"]["phone_national"] = json!("13812345678");
    expected["claims"]["engineer_phone"] = json!("+8613987654321");
    expected["claims"]["dealer_manager_phone"] = json!("+8657188886666");
    expected["claims"]["requested_at"] = json!("2026-11-20T08:00:00+08:00");
    expected["claims"]["finished_at"] = json!("2026-11-21T11:00:00+08:00");
    expected["claims"]["fault_at"] = json!("2026-11-19T00:00:00+08:00");
    assert_eq!(read, expected);
    site.stop().await;
}

#[tokio::test]
async fn an_sms_that_reports_no_order_is_put_aside_once_and_its_text_is_kept() {
    let site = Site::start().await;
    let sms = json!({"message_id": "gw-1", "text": "今晚停电"});
    let answer = site.request(Method::POST, "/sms").json(&sms).send().await.unwrap();
    let path = format!("/inbox/{}", answer.json::<Value>().await.unwrap()["inbox_id"].as_str().unwrap());
    let refused = site.request_as(Role::Service, Method::DELETE, &path).send().await.unwrap();
    problem(refused, 403, "forbidden", "a gateway").await;
    let done = site.request_as(Role::Agent, Method::DELETE, &path).send().await.unwrap();
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    let item = site.get(&path).await;
    assert_eq!((&item["text"], &item["resolved"]["by"]), (&json!("今晚停电"), &json!("the agent")));
    assert_eq!(item["resolved"]["order_no"], Value::Null);
    let again = site.request_as(Role::Agent, Method::DELETE, &path).send().await.unwrap();
    problem(again, 409, "conflict", "twice").await;
    site.stop().await;
}
