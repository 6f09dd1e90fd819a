//! A command sent again with the same key is answered again and not done twice.

use super::fake;
use super::site::{Site, problem};
use huifang::store::token::Role;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use std::time::Duration;

async fn put(site: &Site, role: Role, no: &str, key: &str, name: &str) -> Response {
    let body = json!({"service_type": "保养", "customer": {"name": name, "phone": "13812345678"}});
    let request = site.request_as(role, Method::PUT, &format!("/orders/{no}")).json(&body);
    request.header("Idempotency-Key", key).send().await.unwrap()
}

#[tokio::test]
async fn a_key_is_done_once_per_caller_and_path_and_its_answer_is_given_again() {
    let site = Site::start().await;
    let first = put(&site, Role::Admin, "FW1", "k1", "王").await;
    assert_eq!((first.status(), first.headers().get("idempotency-replayed")), (StatusCode::CREATED, None));
    let first = first.text().await.unwrap();
    let again = put(&site, Role::Admin, "FW1", "k1", "王").await;
    assert_eq!(again.status(), StatusCode::CREATED, "the first answer, not a second look");
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.headers()["content-type"], "application/json");
    assert_eq!(again.text().await.unwrap(), first);
    assert_eq!(site.engine.asked(), ["order FW1"]);

    problem(put(&site, Role::Admin, "FW1", "k1", "李").await, 422, "idempotency-key-reused", "another body").await;
    assert_eq!(site.engine.asked().len(), 1);
    put(&site, Role::Service, "FW1", "k1", "王").await;
    put(&site, Role::Admin, "FW2", "k1", "王").await;
    put(&site, Role::Admin, "FW1", "k2", "王").await;
    assert_eq!(site.engine.asked().len(), 4, "another caller, path or key is another request");
    site.stop().await;
}

#[tokio::test]
async fn a_refusal_is_given_again_and_a_fault_inside_is_tried_again() {
    let site = Site::start().await;
    for _ in 0..2 {
        problem(put(&site, Role::Admin, "FW 1", "k", "王").await, 422, "invalid", "refusal").await;
        problem(put(&site, Role::Admin, fake::BROKEN, "k", "王").await, 500, "internal", "fault").await;
    }
    assert_eq!(site.engine.asked(), ["order BROKEN", "order BROKEN"]);
    site.stop().await;
}

#[tokio::test]
async fn a_key_whose_first_request_is_at_work_is_told_to_wait() {
    let site = Site::start().await;
    site.engine.gate.forget_permits(usize::MAX);
    let first = put(&site, Role::Admin, "FW1", "k", "王");
    let second = async {
        let asked = async {
            while site.engine.asked().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), asked).await.expect("the first request is at work");
        problem(put(&site, Role::Admin, "FW1", "k", "王").await, 409, "conflict", "meanwhile").await;
        site.engine.gate.add_permits(1);
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.status(), StatusCode::CREATED);
    assert_eq!(put(&site, Role::Admin, "FW1", "k", "王").await.headers()["idempotency-replayed"], "true");
    site.stop().await;
}

#[tokio::test]
async fn a_key_has_a_length_and_reads_need_none() {
    let site = Site::start().await;
    for key in ["", " ", &"k".repeat(201)] {
        problem(put(&site, Role::Admin, "FW1", key, "王").await, 422, "invalid", key).await;
    }
    let read = site.request(Method::GET, "/visits").header("Idempotency-Key", "k").send().await.unwrap();
    assert_eq!(read.status(), StatusCode::OK);
    site.stop().await;
}
