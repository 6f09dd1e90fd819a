//! Visits: lists, filters, pages, why, and what a person may do.

use super::site::{PHONE, Site, json, order, problem};
use crate::support::data;
use huifang::domain::phone::Phone;
use huifang::domain::visit::task::{Visit, VisitState};
use huifang::store::token::Role;
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

async fn visit(site: &Site, no: &str, minutes_ago: i64) -> Visit {
    site.store.put_order(&order(no, &Phone::parse(PHONE).unwrap())).await.unwrap();
    let visit = data::visit(&format!("visit-{no}"), no, site.now() - SignedDuration::from_mins(minutes_ago));
    site.store.insert_visit(&visit).await.unwrap();
    visit
}

fn orders(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|v| v["order_no"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_visit_is_shown_with_its_state_and_instants_of_the_site() {
    let site = Site::start().await;
    let visit = visit(&site, "FW1", 40).await;
    let shown = site.get(&format!("/visits/{}", visit.id)).await;
    assert_eq!(
        shown,
        json!({
            "id": "visit-FW1", "order_no": "FW1", "programme": "excavator",
            "stage": "first", "trigger": "sms", "programme_version": "", "branch": null,
            "sms_at": "2026-11-21T19:20:00+08:00", "clock_starts_at": "2026-11-21T19:20:00+08:00",
            "due_at": "2026-11-21T19:50:00+08:00", "deadline_at": "2026-11-21T22:20:00+08:00",
            "attempts": 0, "first_attempt_at": null, "redial_guard": null, "escalated_at": null,
            "late": true, "late_cause": null, "complaints": [],
            "state": {"name": "waiting", "not_before": "2026-11-21T19:20:00+08:00", "reason": {"kind": "new"}}
        })
    );
    site.stop().await;
}

#[tokio::test]
async fn lists_are_filtered() {
    let site = Site::start().await;
    for (no, ago) in [("FW1", 90), ("FW2", 20), ("FW3", 10)] {
        visit(&site, no, ago).await;
    }
    let done = visit(&site, "FW4", 60).await;
    site.finished_call(&done, b"").await;
    for (query, expected) in [
        ("", &["FW3", "FW2", "FW4", "FW1"][..]),
        ("?state=waiting", &["FW3", "FW2", "FW1"]),
        ("?state=completed", &["FW4"]),
        ("?state=calling", &[]),
        ("?order_no=FW2", &["FW2"]),
        ("?late=true", &["FW1"]),
        ("?late=false", &["FW3", "FW2", "FW4", "FW1"]),
        ("?late=true&state=calling", &[]),
        ("?programme=crane", &[]),
        ("?due_from=2026-11-21T20:10:00%2B08:00", &["FW3", "FW2"]),
        ("?due_to=2026-11-21T20:10:00%2B08:00", &["FW4", "FW1"]),
        ("?escalated=true", &[]),
        ("?cause=letter", &[]),
    ] {
        assert_eq!(orders(&site.get(&format!("/visits{query}")).await), expected, "{query}");
    }
    site.stop().await;
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat_while_rows_are_added() {
    let site = Site::start().await;
    for n in 1..=5 {
        visit(&site, &format!("FW{n}"), n).await;
    }
    let mut seen = vec![];
    let mut cursor = String::new();
    for expected in [2, 2, 1] {
        let page = site.get(&format!("/visits?limit=2{cursor}")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), expected);
        seen.extend(orders(&page).into_iter().map(str::to_owned));
        cursor = page["next"].as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
        // A newer row does not move the pages behind it.
        visit(&site, &format!("NEW{}", seen.len()), 0).await;
    }
    assert_eq!(seen, ["FW1", "FW2", "FW3", "FW4", "FW5"]);
    assert_eq!(cursor, "", "the last page has no next");

    let next = site.get("/visits?limit=1").await["next"].as_str().unwrap().to_owned();
    let answer = site.request(Method::GET, &format!("/calls?cursor={next}")).send().await.unwrap();
    problem(answer, 422, "invalid", "a cursor of another list").await;
    site.stop().await;
}

#[tokio::test]
async fn why_says_what_holds_a_visit_and_until_when() {
    let site = Site::start().await;
    visit(&site, "FW1", 10).await;
    let why = site.get_as(Role::Service, "/visits/visit-FW1/why").await;
    assert_eq!(why["code"], "site_closed");
    assert_eq!(why["text"], "不在工作时间");
    assert_eq!(why["until"], "2026-11-21T20:20:00+08:00");
    assert_eq!((&why["late"], &why["as_of"]), (&json!(false), &json!("2026-11-21T20:00:00+08:00")));
    site.clock.advance(Duration::from_secs(3600));
    assert_eq!(site.get("/visits/visit-FW1/why").await["late"], true);
    site.stop().await;
}

#[tokio::test]
async fn a_person_dials_reschedules_and_cancels_under_their_own_name() {
    let site = Site::start().await;
    visit(&site, "FW1", 10).await;
    let agent = |path: &str| site.request_as(Role::Agent, Method::POST, &format!("/visits/visit-FW1/{path}"));

    let dialled = agent("dial").send().await.unwrap();
    json(dialled, StatusCode::ACCEPTED, "dial").await;

    let body = json!({"to": "2026-11-23 15:00", "note": "客户下午有空"});
    let moved = agent("reschedule").json(&body).send().await.unwrap();
    let state = &json(moved, StatusCode::OK, "reschedule").await["state"];
    assert_eq!(state["not_before"], "2026-11-23T15:00:00+08:00");
    assert_eq!(state["reason"], json!({"kind": "rescheduled", "by": "the agent", "note": "客户下午有空"}));

    let over = agent("cancel").json(&json!({"note": "重复订单"})).send().await.unwrap();
    let state = &json(over, StatusCode::OK, "cancel").await["state"];
    assert_eq!(*state, json!({"name": "closed", "cause": "cancelled", "at": "2026-11-21T20:00:00+08:00"}));
    problem(agent("cancel").json(&json!({"note": "again"})).send().await.unwrap(), 409, "conflict", "over").await;

    let asked = site.engine.asked();
    assert_eq!(asked[0], "dial visit-FW1 by the agent");
    assert_eq!(asked[2], "cancel visit-FW1 by the agent: 重复订单");
    assert!(matches!(
        site.store.visit(&huifang::domain::id::VisitId::new("visit-FW1")).await.unwrap().state,
        VisitState::Closed { .. }
    ));
    site.stop().await;
}
