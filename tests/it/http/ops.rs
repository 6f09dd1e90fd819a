//! Health, metrics, request ids, the request log, and a port that is taken.

use super::site::{PHONE, Site, problem};
use huifang::engine::handle::{TrunkHealth, TrunkStatus};
use huifang::store::token::Role;
use reqwest::{Method, StatusCode};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test]
async fn health_and_readiness_are_two_questions_and_need_no_token() {
    let ready = Arc::new(AtomicBool::new(true));
    let asked = ready.clone();
    let site = Site::start_with(|state| {
        state.ready = Arc::new(move || if asked.load(Ordering::SeqCst) { Ok(()) } else { Err("no trunk".into()) });
    })
    .await;
    let get = |path: &str| site.client.get(format!("{}{path}", site.base)).send();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(path).await.unwrap().status(), StatusCode::OK, "{path}");
    }
    ready.store(false, Ordering::SeqCst);
    assert_eq!(get("/healthz").await.unwrap().status(), StatusCode::OK);
    assert_eq!(problem(get("/readyz").await.unwrap(), 503, "unavailable", "not ready").await["detail"], "no trunk");
    site.store.close().await;
    let told = problem(get("/readyz").await.unwrap(), 503, "unavailable", "no database").await;
    assert_eq!(told["detail"], "the database does not answer");
    site.stop().await;
}

fn trunk(name: &str, usable: bool, health: TrunkHealth, reason: &str, retry_after: Option<u64>) -> TrunkStatus {
    let retry_after = retry_after.map(Duration::from_secs);
    let (name, reason) = (name.into(), reason.into());
    TrunkStatus { name, usable, health, reason, retry_after, registered: None, calls_up: 1, max_calls: 30 }
}

#[tokio::test]
async fn everybody_who_may_sign_in_sees_every_trunk_with_what_is_wrong_and_until_when() {
    let site = Site::start().await;
    let status = async || {
        let answer = site.client.get(format!("{}/readyz", site.base)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "without a line it still takes SMS");
        let ready: serde_json::Value = answer.json().await.unwrap();
        (ready["trunks_usable"].as_u64().unwrap(), ready["trunks"].as_u64().unwrap())
    };
    assert_eq!(status().await, (0, 0));
    *site.engine.trunks.lock().unwrap() = vec![
        TrunkStatus { registered: Some(true), ..trunk("carrier", true, TrunkHealth::Up, "", None) },
        trunk("gateway", true, TrunkHealth::Suspect, "呼叫得到 503", None),
        trunk("spare", false, TrunkHealth::Down, "线路不通：OPTIONS 没有应答，480 秒后再试", Some(480)),
    ];
    assert_eq!(status().await, (2, 3));
    let retry_at = site.now() + jiff::SignedDuration::from_secs(480);
    for role in Role::ALL {
        let answer = site.request_as(role, Method::GET, "/trunks").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{role:?}");
        let body: serde_json::Value = answer.json().await.unwrap();
        let until = body["items"][2]["retry_after"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert_eq!(until, retry_at);
        let line = |name, usable, health, reason, retry_after, registered| {
            serde_json::json!({"name": name, "usable": usable, "health": health, "reason": reason,
                "retry_after": retry_after, "registered": registered, "calls_up": 1, "max_calls": 30})
        };
        let (none, at) = (serde_json::Value::Null, body["items"][2]["retry_after"].clone());
        let spare = "线路不通：OPTIONS 没有应答，480 秒后再试";
        let expected = [
            line("carrier", true, "up", "", none.clone(), Some(true)),
            line("gateway", true, "suspect", "呼叫得到 503", none, None),
            line("spare", false, "down", spare, at, None),
        ];
        assert_eq!(body["items"], serde_json::json!(expected));
    }
    assert_eq!(site.bare(Method::GET, "/trunks").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    site.stop().await;
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_hold_no_values_of_paths() {
    let site = Site::start().await;
    site.request(Method::GET, &format!("/orders/{PHONE}")).send().await.unwrap();
    let answer = site.client.get(format!("{}/metrics", site.base)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    let line = r#"huifang_http_requests_total{method="GET",route="/api/v1/orders/{order_no}",status="404"}"#;
    assert!(text.contains(line), "{text}");
    assert!(text.contains("huifang_http_request_seconds_bucket"), "{text}");
    assert!(!text.contains(PHONE), "{text}");
    site.stop().await;
}

#[tokio::test]
async fn a_request_keeps_its_id_if_it_is_plain_and_gets_one_if_not() {
    let site = Site::start().await;
    let id = async |given: Option<&str>| {
        let request = site.request(Method::GET, "/visits");
        let request = given.iter().fold(request, |request, id| request.header("X-Request-Id", *id));
        request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(id(Some("gw-42.a_B")).await, "gw-42.a_B");
    for given in [None, Some(""), Some("a b"), Some(PHONE), Some(&*"x".repeat(65))] {
        let made = id(given).await;
        assert!(made.len() == 16 && made.bytes().all(|b| b.is_ascii_hexdigit()), "{given:?}: {made}");
    }
    site.stop().await;
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log of the whole process: a subscriber for one thread misses call sites that other threads met first.
fn process_log() -> Log {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter("huifang=trace")
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .try_init()
        .expect("the only test that sets the log of the process");
    log
}

#[tokio::test]
async fn the_request_log_names_routes_and_statuses_and_never_a_telephone_number() {
    let log = process_log();
    let site = Site::start().await;
    let body = serde_json::json!({"message_id": PHONE, "from": PHONE, "to": PHONE, "text": format!("订单FW1 {PHONE}")});
    site.request(Method::POST, "/sms").header("X-Request-Id", "log-1").json(&body).send().await.unwrap();
    for path in [format!("/orders/{PHONE}"), format!("/visits?order_no={PHONE}"), format!("/calls?{PHONE}=1")] {
        site.request(Method::GET, &path).header("X-Request-Id", "log-1").send().await.unwrap();
    }
    site.stop().await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("log-1")).collect();
    for (route, status) in
        [("/api/v1/sms", 202), ("/api/v1/orders/{order_no}", 404), ("/api/v1/visits", 200), ("/api/v1/calls", 400)]
    {
        let told =
            |line: &&str| line.contains(&format!("route={route}}}")) && line.contains(&format!("status={status}"));
        assert!(ours.iter().any(told), "{route}: {ours:#?}");
    }
    // Lines of the tests that run beside this one are held to it as well.
    let leaks: Vec<&str> = text.lines().filter(|line| line.contains(PHONE)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_in_one_clear_line() {
    let first = huifang::http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = huifang::http::bind(address).await.unwrap_err().to_string();
    assert_eq!(error, format!("http.listen = {address}: the port is taken by another program"));
}
