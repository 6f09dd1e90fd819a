//! Tokens, roles, and who sees telephone numbers.

use super::site::{PHONE, Site, problem};
use huifang::store::token::{NewToken, Role};
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

const PATHS: [&str; 12] = [
    "/visits",
    "/visits/1",
    "/visits/1/why",
    "/calls",
    "/calls/1",
    "/calls/1/recording",
    "/calls/1/report",
    "/inbox",
    "/orders/1",
    "/events",
    "/calls/1/transcript.txt",
    "/calls/1/peaks",
];

#[tokio::test]
async fn without_a_valid_token_nothing_below_v1_is_told() {
    let site = Site::start().await;
    for path in PATHS {
        problem(site.bare(Method::GET, path).send().await.unwrap(), 401, "unauthenticated", path).await;
    }
    for path in ["/sms", "/score", "/visits/1/dial", "/visits/1/cancel", "/inbox/1"] {
        problem(site.bare(Method::POST, path).send().await.unwrap(), 401, "unauthenticated", path).await;
    }
    let answer = site.bare(Method::GET, "/visits").send().await.unwrap();
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    for token in ["hf_wrong", "", "a b", &"x".repeat(10_000)] {
        let answer = site.bare(Method::GET, "/visits").bearer_auth(token).send().await.unwrap();
        problem(answer, 401, "unauthenticated", token).await;
    }
    site.stop().await;
}

#[tokio::test]
async fn a_revoked_or_expired_token_is_worth_nothing() {
    let site = Site::start().await;
    let new = NewToken::of_machine("gateway", Role::Service);
    let revoked = site.store.create_token(&new).await.unwrap();
    site.store.revoke_token(&revoked.token.id).await.unwrap();
    let expires_at = Some(site.now() + SignedDuration::from_mins(1));
    let short = site.store.create_token(&NewToken { expires_at, ..new }).await.unwrap();

    let status =
        async |secret: &str| site.bare(Method::GET, "/visits").bearer_auth(secret).send().await.unwrap().status();
    assert_eq!(status(&revoked.secret).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&short.secret).await, StatusCode::OK);
    site.clock.advance(Duration::from_secs(61));
    assert_eq!(status(&short.secret).await, StatusCode::UNAUTHORIZED);
    site.stop().await;
}

#[tokio::test]
async fn each_role_may_do_what_its_right_allows_and_no_more() {
    use Role::{Admin, Agent, Reviewer, Service, Supervisor};
    let site = Site::start().await;
    let order = r#"{"order_no":"1","service_type":"保养","customer":{"phone":"13812345678"}}"#;
    for (method, path, body, allowed) in [
        (Method::POST, "/sms", r#"{"message_id":"1","text":"x"}"#, &[Admin, Supervisor, Service][..]),
        (Method::PUT, "/orders/1", order, &[Admin, Supervisor, Service]),
        (Method::POST, "/visits/1/dial", "", &[Admin, Supervisor, Agent]),
        (Method::POST, "/visits/1/reschedule", r#"{"to":"2026-11-23"}"#, &[Admin, Supervisor, Agent]),
        (Method::POST, "/visits/1/cancel", r#"{"note":"n"}"#, &[Admin, Supervisor, Agent]),
        (Method::POST, "/inbox/1", order, &[Admin, Supervisor, Agent]),
        (Method::PUT, "/calls/1/scorecard/skill", r#"{"level":3,"reason":"r"}"#, &[Admin, Supervisor, Reviewer]),
        (Method::POST, "/orders/1/events", r#"{"kind":"power_on","at":"2026-01-01"}"#, &[Admin, Supervisor, Service]),
        (Method::POST, "/reports/visits/submit", r#"{"month":"2026-10"}"#, &[Admin, Supervisor, Reviewer, Agent]),
        (Method::GET, "/reports", "", &Role::ALL),
        (Method::GET, "/reports/ledger.json", "", &Role::ALL),
        (Method::POST, "/programmes/reload", "", &[Admin]),
        (Method::GET, "/programmes", "", &Role::ALL),
        (Method::GET, "/visits", "", &Role::ALL),
        (Method::POST, "/score", r#"{"answer":"满意"}"#, &Role::ALL),
    ] {
        for role in Role::ALL {
            let request = site.request_as(role, method.clone(), path).header("content-type", "application/json");
            let status = request.body(body).send().await.unwrap().status();
            assert_eq!(status != StatusCode::FORBIDDEN, allowed.contains(&role), "{role:?} {method} {path}: {status}");
            assert_ne!(
                status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{path}: the body can be read, so that the right decides"
            );
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn a_command_beyond_the_role_is_refused_and_not_done() {
    let site = Site::start().await;
    let call = site.with_call("FW1", b"").await;
    let commands = [
        (Role::Reviewer, Method::POST, "/sms".to_owned(), r#"{"message_id":"1","text":"x"}"#),
        (Role::Agent, Method::PUT, "/orders/1".into(), r#"{"service_type":"保养","customer":{"phone":"13812345678"}}"#),
        (Role::Service, Method::POST, format!("/visits/{}/dial", call.visit), ""),
        (Role::Reviewer, Method::POST, format!("/visits/{}/cancel", call.visit), r#"{"note":"n"}"#),
        (Role::Service, Method::POST, format!("/visits/{}/reschedule", call.visit), r#"{"to":"2026-11-23"}"#),
        (
            Role::Service,
            Method::POST,
            "/inbox/1".into(),
            r#"{"order_no":"1","service_type":"保养","customer":{"phone":"13812345678"}}"#,
        ),
        (Role::Reviewer, Method::POST, "/orders/1/events".into(), r#"{"kind":"power_on"}"#),
        (Role::Supervisor, Method::POST, "/programmes/reload".into(), ""),
        (Role::Agent, Method::PUT, format!("/calls/{}/scorecard/skill", call.id), r#"{"level":1,"reason":"r"}"#),
    ];
    for (role, method, path, body) in commands {
        let request = site.request_as(role, method, &path).header("content-type", "application/json").body(body);
        problem(request.send().await.unwrap(), 403, "forbidden", &path).await;
    }
    assert_eq!(site.engine.asked(), Vec::<String>::new());
    site.stop().await;
}

/// Every text of an answer.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test]
async fn telephone_numbers_are_plain_for_those_who_call_and_masked_for_those_who_judge() {
    let site = Site::start().await;
    let call = site.with_call("FW1", b"").await;
    let body =
        serde_json::json!({"message_id": "m", "from": PHONE, "to": "10690000", "text": format!("师傅修好了 {PHONE}")});
    let sent = site.request(Method::POST, "/sms").json(&body).send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::ACCEPTED);

    for path in
        ["/orders/FW1", "/calls", &format!("/calls/{}", call.id), &format!("/calls/{}/report", call.id), "/inbox"]
    {
        for role in Role::ALL {
            let mut found = vec![];
            texts(&site.get_as(role, path).await, &mut found);
            let plain = found.iter().any(|text| text.contains(PHONE));
            let masked = found.iter().any(|text| text.contains("138****5678"));
            let sees = matches!(role, Role::Admin | Role::Supervisor | Role::Service);
            assert_eq!((plain, masked), (sees, !sees), "{role:?} {path}: {found:?}");
            assert!(sees || !found.iter().any(|text| text.contains("13987654321")), "{role:?} {path}: {found:?}");
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn a_site_that_asks_for_no_token_lets_everyone_in() {
    let site = Site::start_with(|state| state.auth_required = false).await;
    let answer = site.bare(Method::GET, "/visits").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    site.stop().await;
}

#[tokio::test]
async fn a_person_signs_in_works_and_signs_out() {
    let site = Site::start().await;
    site.store.create_user("李主管", Role::Supervisor, "a long password").await.unwrap();
    let answer = sign_in(&site, "李主管", "a long password").await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let session: Value = answer.json().await.unwrap();
    assert_eq!(session["role"], "supervisor");
    assert_eq!(session["expires_at"], "2026-11-22T08:00:00+08:00");
    let token = session["token"].as_str().unwrap();
    let with = |method| site.bare(method, "/session").bearer_auth(token);
    let who: Value = with(Method::GET).send().await.unwrap().json().await.unwrap();
    assert_eq!(who, serde_json::json!({"name": "李主管", "role": "supervisor", "sees_phones": true}));
    assert_eq!(with(Method::DELETE).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    problem(with(Method::GET).send().await.unwrap(), 401, "unauthenticated", "signed out").await;
    site.stop().await;
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours() {
    let site = Site::start().await;
    site.store.create_user("li", Role::Agent, "a long password").await.unwrap();
    let session: Value = sign_in(&site, "li", "a long password").await.json().await.unwrap();
    let get = async || site.bare(Method::GET, "/session").bearer_auth(session["token"].as_str().unwrap()).send().await;
    site.clock.advance(Duration::from_secs(12 * 3600 - 1));
    assert_eq!(get().await.unwrap().status(), StatusCode::OK);
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(get().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    site.stop().await;
}

#[tokio::test]
async fn guessing_a_password_ends_after_five_tries_and_tells_nothing() {
    let site = Site::start().await;
    site.store.create_user("li", Role::Agent, "a long password").await.unwrap();
    let unknown = problem(sign_in(&site, "nobody", "x").await, 401, "unauthenticated", "unknown name").await;
    for n in 0..5 {
        let wrong = problem(sign_in(&site, "li", "wrong").await, 401, "unauthenticated", &n.to_string()).await;
        assert_eq!(wrong["detail"], unknown["detail"]);
    }
    problem(sign_in(&site, "li", "a long password").await, 429, "too-many", "the right one waits too").await;
    site.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(sign_in(&site, "li", "a long password").await.status(), StatusCode::CREATED);
    site.store.disable_user("li").await.unwrap();
    problem(sign_in(&site, "li", "a long password").await, 401, "unauthenticated", "disabled").await;
    site.stop().await;
}

async fn sign_in(site: &Site, name: &str, password: &str) -> reqwest::Response {
    let body = serde_json::json!({"name": name, "password": password});
    site.bare(Method::POST, "/session").json(&body).send().await.unwrap()
}
