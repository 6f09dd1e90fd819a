//! Every error, whoever makes it, is problem+json.

use super::fake;
use super::site::{PHONE, Site, order, problem};
use crate::support::data::visit;
use huifang::domain::phone::Phone;
use reqwest::Method;

#[tokio::test]
async fn whatever_goes_wrong_is_told_as_problem_json() {
    let site = Site::start().await;
    let json = Some("application/json");
    let order = r#"{"service_type":"保养","customer":{"phone":"13812345678"}}"#;
    for (method, path, kind, body, status, expected) in [
        (Method::GET, "/nothing", None, "", 404, "not-found"),
        (Method::GET, "/visits/none", None, "", 404, "not-found"),
        (Method::GET, "/visits/none/why", None, "", 404, "not-found"),
        (Method::GET, "/calls/none", None, "", 404, "not-found"),
        (Method::GET, "/calls/none/recording", None, "", 404, "not-found"),
        (Method::GET, "/calls/none/peaks", None, "", 404, "not-found"),
        (Method::GET, "/calls/none/transcript", None, "", 404, "not-found"),
        (Method::GET, "/calls/none/transcript.vtt", None, "", 404, "not-found"),
        (Method::GET, "/calls/none/scorecard", None, "", 404, "not-found"),
        (Method::GET, "/calls/none/facts", None, "", 404, "not-found"),
        (Method::GET, "/calls/none/findings", None, "", 404, "not-found"),
        (Method::GET, "/calls/none/report", None, "", 404, "not-found"),
        (Method::GET, "/orders/none", None, "", 404, "not-found"),
        (Method::GET, "/inbox/none", None, "", 404, "not-found"),
        (Method::GET, "/calls/%FF", None, "", 400, "malformed"),
        (Method::DELETE, "/visits", None, "", 405, "method-not-allowed"),
        (Method::GET, "/sms", None, "", 405, "method-not-allowed"),
        (Method::GET, "/visits?limit=0", None, "", 422, "invalid"),
        (Method::GET, "/visits?limit=201", None, "", 422, "invalid"),
        (Method::GET, "/visits?limit=x", None, "", 400, "malformed"),
        (Method::GET, "/visits?cursor=%21", None, "", 422, "invalid"),
        (Method::GET, "/visits?stat=waiting", None, "", 400, "malformed"),
        (Method::GET, "/visits?state=waitin", None, "", 422, "invalid"),
        (Method::GET, "/visits?late=true&state=closed", None, "", 422, "invalid"),
        (Method::GET, "/visits?cause=tired", None, "", 422, "invalid"),
        (Method::GET, "/calls?outcome=fine", None, "", 422, "invalid"),
        (Method::GET, "/calls?from=yesterday", None, "", 422, "invalid"),
        (Method::POST, "/sms", json, "{\"message_id\":", 400, "malformed"),
        (Method::POST, "/sms", json, "{}", 422, "invalid"),
        (Method::POST, "/sms", json, r#"{"message_id":"","text":"x"}"#, 422, "invalid"),
        (Method::POST, "/sms", json, r#"{"message_id":"1","text":"x","received_at":"soon"}"#, 422, "invalid"),
        (Method::POST, "/sms", Some("text/plain"), "x", 415, "unsupported-media-type"),
        (Method::POST, "/sms", None, "x", 415, "unsupported-media-type"),
        (Method::POST, "/sms", Some("application/x-www-form-urlencoded"), "text=x", 422, "invalid"),
        (Method::PUT, "/orders/1", Some("text/plain"), order, 415, "unsupported-media-type"),
        (Method::PUT, "/orders/1", json, "[]", 422, "invalid"),
        (Method::PUT, "/orders/1", json, r#"{"service_type":"洗车","customer":{"phone":"1"}}"#, 422, "invalid"),
        (Method::PUT, "/orders/1", json, r#"{"service_type":"保养","customer":{"phone":"1"}}"#, 422, "invalid"),
        (
            Method::PUT,
            "/orders/1",
            json,
            r#"{"service_type":"保养","customer":{"phone":"138****5678"}}"#,
            422,
            "invalid",
        ),
        (
            Method::PUT,
            "/orders/1",
            json,
            r#"{"order_no":"2","service_type":"保养","customer":{"phone":"13812345678"}}"#,
            422,
            "invalid",
        ),
        (
            Method::PUT,
            "/orders/1",
            json,
            r#"{"service_type":"保养","customer":{"phone":"13812345678"},"claims":{"colour":"red"}}"#,
            422,
            "invalid",
        ),
        (Method::PUT, "/orders/BROKEN", json, order, 500, "internal"),
        (Method::POST, "/visits/none/dial", None, "", 404, "not-found"),
        (Method::POST, "/visits/none/cancel", json, "{}", 422, "invalid"),
        (Method::POST, "/visits/none/cancel", json, r#"{"note":" "}"#, 422, "invalid"),
        (Method::POST, "/visits/none/reschedule", json, r#"{"to":"later"}"#, 422, "invalid"),
        (Method::POST, "/inbox/none", json, order, 422, "invalid"),
        (Method::PUT, "/calls/none/scorecard/beauty", json, r#"{"level":1,"reason":"x"}"#, 404, "not-found"),
        (Method::PUT, "/calls/none/scorecard/skill", json, r#"{"level":6,"reason":"x"}"#, 422, "invalid"),
        (Method::PUT, "/calls/none/scorecard/skill", json, r#"{"reason":"x"}"#, 422, "invalid"),
        (Method::POST, "/score", json, r#"{"question":"满意吗"}"#, 422, "invalid"),
    ] {
        let what = format!("{method} {path} {body}");
        let mut request = site.request(method, path).body(body);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let told = problem(request.send().await.unwrap(), status, expected, &what).await;
        let path = path.split('?').next().unwrap();
        assert_eq!(told["instance"], format!("/api/v1{path}"), "{what}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let site = Site::start().await;
    for path in ["/sms", "/score"] {
        let body = format!(r#"{{"message_id":"1","text":"{}"}}"#, "满".repeat(500_000));
        let sent = site.request(Method::POST, path).header("content-type", "application/json").body(body).send().await;
        problem(sent.unwrap(), 413, "too-large", path).await;
    }
    site.stop().await;
}

#[tokio::test]
async fn a_panic_and_a_fault_inside_are_answered_without_their_cause_and_the_server_goes_on() {
    let site = Site::start().await;
    site.store.put_order(&order("FW1", &Phone::parse(PHONE).unwrap())).await.unwrap();
    site.store.insert_visit(&visit(fake::PANIC, "FW1", site.now())).await.unwrap();
    let answer = site.request(Method::GET, &format!("/visits/{}/why", fake::PANIC)).send().await.unwrap();
    let told = problem(answer, 500, "internal", "panic").await;
    assert!(!told.to_string().contains("told to"), "{told}");
    let order = r#"{"service_type":"保养","customer":{"phone":"13812345678"}}"#;
    let put =
        site.request(Method::PUT, &format!("/orders/{}", fake::BROKEN)).header("content-type", "application/json");
    let told = problem(put.body(order).send().await.unwrap(), 500, "internal", "fault").await;
    assert!(!told.to_string().contains("secret cause"), "{told}");
    assert_eq!(site.get("/inbox").await["items"], serde_json::json!([]));
    site.stop().await;
}

#[tokio::test]
async fn a_405_names_the_methods_there_are_and_a_failed_field_is_named() {
    let site = Site::start().await;
    let answer = site.request(Method::PUT, "/inbox/1").send().await.unwrap();
    let allow = answer.headers()["allow"].to_str().unwrap().to_owned();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    let answer = site.request(Method::GET, "/calls?outcome=fine").send().await.unwrap();
    assert_eq!(problem(answer, 422, "invalid", "outcome").await["field"], "outcome");
    site.stop().await;
}
