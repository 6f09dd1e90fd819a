//! The reviewers' list, the steps of a review, QA sheets, disputes, calibration, and links to recordings: what each role may do.

use super::site::{PHONE, Site, claimed, json, order, problem};
use crate::support::data::visit;
use huifang::domain::audit::{Finding, Severity};
use huifang::domain::call::Call;
use huifang::domain::call::outcome::{Outcome, Party};
use huifang::domain::id::{CallId, SeatId};
use huifang::domain::phone::Phone;
use huifang::domain::review::form::Form;
use huifang::domain::review::{QueueRules, Signs};
use huifang::domain::score::{Indicator, Level, Score, Scorecard};
use huifang::domain::visit::task::{Visit, VisitState};
use huifang::store::review::Judged;
use huifang::store::token::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// The name behind the agent's token.
const AGENT: &str = "the agent";

fn finding(rule: &str, severity: Severity, from_s: f64) -> Finding {
    let (seen, expected) = (format!("{rule} 被看到"), "应当".into());
    Finding { rule: rule.into(), severity, seen, expected, from_s: Some(from_s), to_s: None }
}

fn card(level: u8) -> Scorecard {
    let level = Level::new(level);
    let score =
        |indicator| Score { indicator, level, null_reason: None, evidence: vec![], disagreement: None, human: None };
    Scorecard { rubric: "after-sales-zh@2".into(), scores: Indicator::ALL.map(score).to_vec(), alarms: vec![] }
}

/// A finished call of an agent that was judged: five times `level`, so many alarms.
pub(super) async fn judged(site: &Site, order_no: &str, seat: Option<&str>, level: u8, alarms: u32) -> CallId {
    site.store.put_order(&order(order_no, &Phone::parse(PHONE).unwrap())).await.unwrap();
    let fresh = visit(&site.store.new_id(), order_no, site.now());
    site.store.insert_visit(&fresh).await.unwrap();
    let begun = claimed(&site.store.new_id(), &fresh, site.now());
    let mut call = Call { seat: seat.map(SeatId::new), ..begun };
    let held = site.store.claim_visit(&fresh, &call, None).await.unwrap().expect("free");
    call.outcome = Some(Outcome::Answered);
    call.hung_up_by = Some(Party::Customer);
    call.instants.ended_at = Some(site.now());
    let state = VisitState::Completed { call: call.id.clone(), at: site.now() };
    site.store.finish_call(&call, &Visit { state, ..held }, &[]).await.unwrap();
    let saved = site.store.save_scorecard(&call.id, &card(level)).await.unwrap();
    let entry = Judged {
        call: &call.id,
        seat: call.seat.as_ref(),
        month: "2026-11",
        signs: Signs { alarms, disagreement: false },
        mean: saved.card.index().mean,
    };
    site.store.enter_review(&entry, &QueueRules { share_percent: 0, agent_minimum: 1 }).await.unwrap();
    let findings = [finding("C07", Severity::Amber, 12.5), finding("C05", Severity::Pass, 1.0)];
    site.store.save_sheet(&call.id, Form::builtin().unwrap().fill(&findings)).await.unwrap();
    site.clock.advance(Duration::from_secs(24 * 3600));
    call.id
}

async fn post(site: &Site, role: Role, path: &str, body: Value) -> reqwest::Response {
    site.request_as(role, Method::POST, path).json(&body).send().await.unwrap()
}

async fn posted(site: &Site, role: Role, path: &str, body: Value, status: StatusCode) -> Value {
    json(post(site, role, path, body).await, status, path).await
}

fn item<'a>(sheet: &'a Value, key: &str) -> &'a Value {
    let mut items =
        sheet["sections"].as_array().unwrap().iter().flat_map(|section| section["items"].as_array().unwrap());
    items.find(|item| item["key"] == key).unwrap()
}

#[tokio::test]
async fn a_reviewer_finds_calls_by_everything_he_chooses_by() {
    let site = Site::start().await;
    // One day after the other: the alarm, an agent's first of the month, his second, and one that was never judged.
    judged(&site, "FW-100", None, 2, 3).await;
    judged(&site, "FW-101", Some(AGENT), 4, 0).await;
    judged(&site, "FW-102", Some(AGENT), 5, 0).await;
    site.with_call("XX-103", b"").await;
    for (query, found) in [
        ("", "XX-103 FW-102 FW-101 FW-100"),
        ("?due=true", "FW-101 FW-100"),
        ("?why=alarm", "FW-100"),
        ("?why=agent_minimum", "FW-101"),
        ("?alarm=true", "FW-100"),
        ("?seat=the%20agent", "FW-102 FW-101"),
        ("?programme=excavator", "XX-103 FW-102 FW-101 FW-100"),
        ("?programme=dealer", ""),
        ("?outcome=busy", ""),
        ("?index_from=4", "FW-102 FW-101"),
        ("?index_to=4", "FW-101 FW-100"),
        ("?index_from=3&index_to=4.5", "FW-101"),
        ("?state=waiting", "FW-102 FW-101 FW-100"),
        ("?state=reviewed", ""),
        ("?q=FW-10", "FW-102 FW-101 FW-100"),
        ("?q=101", "FW-101"),
        ("?q=5678", "XX-103 FW-102 FW-101 FW-100"),
        ("?q=13812345678&due=true", "FW-101 FW-100"),
        ("?from=2026-11-22&to=2026-11-23", "FW-101"),
    ] {
        let page = site.get_as(Role::Reviewer, &format!("/reviews{query}")).await;
        let numbers: Vec<&str> =
            page["items"].as_array().unwrap().iter().map(|call| call["order_no"].as_str().unwrap()).collect();
        assert_eq!(numbers.join(" "), found, "{query}");
    }
    let page = site.get_as(Role::Reviewer, "/reviews?limit=2").await;
    let (next, first) = (page["next"].as_str().unwrap(), &page["items"][0]);
    assert_eq!(
        (&first["review"], &first["to"], &first["recorded"]),
        (&Value::Null, &json!("138****5678"), &json!(true))
    );
    let rest = site.get(&format!("/reviews?limit=2&cursor={next}")).await;
    assert_eq!((&rest["items"][0]["order_no"], &rest["next"]), (&json!("FW-101"), &Value::Null));
    let review = &rest["items"][1]["review"];
    assert_eq!((&review["why"], &review["alarms"], &review["index"]), (&json!("alarm"), &json!(3), &json!(2.0)));
    assert_eq!(site.get("/reviews?q=1381234567").await["items"], json!([]), "it does not end so");
    for (query, field) in [("?state=lost", "state"), ("?why=x", "why"), ("?from=x", "from"), ("?limit=0", "limit")] {
        let answer = site.request(Method::GET, &format!("/reviews{query}")).send().await.unwrap();
        assert_eq!(problem(answer, 422, "invalid", query).await["field"], field);
    }
    site.stop().await;
}

#[tokio::test]
async fn an_override_moves_a_call_in_the_list_of_the_index() {
    let site = Site::start().await;
    let call = judged(&site, "FW-1", None, 5, 0).await;
    let path = format!("/calls/{call}/scorecard/overall");
    let body = json!({"level": 1, "reason": "反话"});
    site.request_as(Role::Reviewer, Method::PUT, &path).json(&body).send().await.unwrap();
    assert_eq!(site.get("/reviews?index_from=5").await["items"], json!([]));
    assert_eq!(site.get(&format!("/calls/{call}/review")).await["index"], 4.2);
    site.stop().await;
}

#[tokio::test]
async fn g16_a_review_is_claimed_by_one_finished_by_him_and_reopened_if_need_be() {
    let site = Site::start().await;
    let call = judged(&site, "FW-1", Some("somebody"), 3, 1).await;
    let path = |step: &str| format!("/calls/{call}/review/{step}");
    let took = posted(&site, Role::Reviewer, &path("claim"), json!({}), StatusCode::OK).await;
    assert_eq!((&took["state"], &took["reviewer"]), (&json!("claimed"), &json!("the reviewer")));
    posted(&site, Role::Reviewer, &path("claim"), json!({}), StatusCode::OK).await;
    problem(post(&site, Role::Agent, &path("claim"), json!({})).await, 403, "forbidden", "an agent").await;
    problem(post(&site, Role::Admin, &path("claim"), json!({})).await, 409, "conflict", "claimed").await;
    problem(post(&site, Role::Admin, &path("finish"), json!({})).await, 409, "conflict", "not his").await;
    posted(&site, Role::Supervisor, &path("release"), json!({}), StatusCode::OK).await;
    posted(&site, Role::Supervisor, &path("claim"), json!({}), StatusCode::OK).await;
    let done = posted(&site, Role::Supervisor, &path("finish"), json!({}), StatusCode::OK).await;
    assert_eq!((&done["state"], &done["reviewer"]), (&json!("reviewed"), &json!("the supervisor")));
    assert_eq!(site.get("/reviews?state=reviewed&reviewer=the%20supervisor").await["items"][0]["order_no"], "FW-1");
    problem(post(&site, Role::Reviewer, &path("claim"), json!({})).await, 409, "conflict", "reviewed").await;
    posted(&site, Role::Reviewer, &path("reopen"), json!({}), StatusCode::OK).await;

    let unjudged = site.with_call("FW-2", b"").await.id;
    let missing = post(&site, Role::Reviewer, &format!("/calls/{unjudged}/review/claim"), json!({})).await;
    problem(missing, 404, "not-found", "never judged").await;
    site.stop().await;
}

#[tokio::test]
async fn a_sheet_is_filled_by_the_machine_corrected_by_him_who_has_the_call_and_every_version_is_kept() {
    let site = Site::start().await;
    let call = judged(&site, "FW-1", Some(AGENT), 3, 1).await;
    let path = format!("/calls/{call}/qa");
    let first = site.get_as(Role::Agent, &path).await;
    let consent = item(&first, "consent");
    assert_eq!((&consent["mark"], &consent["machine"]["rule"]), (&json!("not_met"), &json!("C07")));
    assert_eq!((&consent["machine"]["from_s"], &consent["human"]), (&json!(12.5), &Value::Null));
    assert_eq!(
        (&first["version"], &first["made_by"], &first["form"]),
        (&json!(1), &json!("machine"), &json!("qa-form@2"))
    );

    let put = |role, item: &str, body: Value| {
        site.request_as(role, Method::PUT, &format!("{path}/{item}")).json(&body).send()
    };
    let mark = json!({"mark": "met", "reason": "客户先说了可以"});
    problem(put(Role::Reviewer, "consent", mark.clone()).await.unwrap(), 409, "conflict", "not claimed").await;
    posted(&site, Role::Reviewer, &format!("/calls/{call}/review/claim"), json!({}), StatusCode::OK).await;
    let second = json(put(Role::Reviewer, "consent", mark.clone()).await.unwrap(), StatusCode::OK, "mark").await;
    let consent = item(&second, "consent");
    assert_eq!((&consent["mark"], &consent["machine"]["mark"]), (&json!("met"), &json!("not_met")));
    assert_eq!((&consent["human"]["by"], &consent["human"]["reason"]), (&json!("the reviewer"), &mark["reason"]));
    assert!(second["total"].as_f64() > first["total"].as_f64(), "{} {}", first["total"], second["total"]);

    let fatal = json!({"mark": "not_met", "reason": "编造"});
    let third = json(put(Role::Reviewer, "honest", fatal).await.unwrap(), StatusCode::OK, "fatal").await;
    assert_eq!((&third["total"], &third["fatal"]), (&json!(0.0), &json!(["honest"])));
    let versions = site.get(&format!("{path}/versions")).await;
    let made: Vec<&Value> = versions["items"].as_array().unwrap().iter().map(|sheet| &sheet["changed_item"]).collect();
    assert_eq!(made, [&Value::Null, &json!("consent"), &json!("honest")]);

    problem(put(Role::Agent, "consent", mark.clone()).await.unwrap(), 403, "forbidden", "an agent").await;
    problem(put(Role::Admin, "consent", mark.clone()).await.unwrap(), 409, "conflict", "not his").await;
    problem(put(Role::Reviewer, "nothing", mark).await.unwrap(), 422, "invalid", "no such item").await;
    let empty = json!({"mark": "met", "reason": " "});
    problem(put(Role::Reviewer, "consent", empty).await.unwrap(), 422, "invalid", "no reason").await;
    site.stop().await;
}

#[tokio::test]
async fn an_agent_objects_a_reviewer_answers_a_supervisor_decides_and_the_item_follows() {
    let site = Site::start().await;
    let call = judged(&site, "FW-1", Some(AGENT), 3, 1).await;
    let path = format!("/calls/{call}/disputes");
    let objection = json!({"item": "consent", "reason": "我问了"});
    problem(post(&site, Role::Reviewer, &path, objection.clone()).await, 403, "forbidden", "not his call").await;
    let opened = posted(&site, Role::Agent, &path, objection.clone(), StatusCode::CREATED).await;
    assert_eq!((&opened["stage"], &opened["steps"][0]["act"]), (&json!("open"), &json!("object")));
    problem(post(&site, Role::Agent, &path, objection.clone()).await, 409, "conflict", "one at a time").await;
    problem(post(&site, Role::Agent, &path, json!({"item": "x", "reason": "y"})).await, 422, "invalid", "no item")
        .await;

    let steps = format!("/disputes/{}/steps", opened["id"].as_str().unwrap());
    let uphold = json!({"act": "uphold", "mark": "met", "text": "听到了"});
    problem(post(&site, Role::Supervisor, &steps, uphold.clone()).await, 409, "conflict", "not answered").await;
    problem(post(&site, Role::Agent, &steps, json!({"act": "answer", "text": "x"})).await, 403, "forbidden", "own")
        .await;
    posted(&site, Role::Reviewer, &steps, json!({"act": "answer", "text": "没有听到客户同意"}), StatusCode::OK).await;
    problem(post(&site, Role::Reviewer, &steps, uphold.clone()).await, 403, "forbidden", "no supervisor").await;
    problem(
        post(&site, Role::Supervisor, &steps, json!({"act": "uphold", "text": "x"})).await,
        422,
        "invalid",
        "no mark",
    )
    .await;
    let decided = posted(&site, Role::Supervisor, &steps, uphold.clone(), StatusCode::OK).await;
    assert_eq!((&decided["stage"], decided["steps"].as_array().unwrap().len()), (&json!("upheld"), 3));
    assert_eq!(decided["steps"][2]["mark"], "met");
    problem(post(&site, Role::Supervisor, &steps, uphold).await, 409, "conflict", "decided").await;
    let sheet = site.get(&format!("/calls/{call}/qa")).await;
    let consent = item(&sheet, "consent");
    assert_eq!((&consent["mark"], &consent["human"]["by"]), (&json!("met"), &json!("the supervisor")));
    assert_eq!(sheet["version"], 2);

    // A second objection to the same item is a dispute of its own, which its agent may take back.
    let again = posted(&site, Role::Agent, &path, objection, StatusCode::CREATED).await;
    let steps = format!("/disputes/{}/steps", again["id"].as_str().unwrap());
    posted(&site, Role::Agent, &steps, json!({"act": "withdraw", "text": "算了"}), StatusCode::OK).await;
    for (query, found) in [("", 2), ("?stage=upheld", 1), ("?stage=open", 0), ("?call=other", 0)] {
        let page = site.get(&format!("/disputes{query}")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), found, "{query}");
    }
    problem(
        post(&site, Role::Reviewer, "/disputes/x/steps", json!({"act": "answer", "text": "x"})).await,
        404,
        "not-found",
        "x",
    )
    .await;
    site.stop().await;
}

#[tokio::test]
async fn a_calibration_is_blind_until_everybody_has_handed_in() {
    let site = Site::start().await;
    let call = judged(&site, "FW-1", None, 3, 0).await;
    let body = json!({"call_id": call.as_str(), "reviewers": ["the reviewer", "the supervisor"]});
    problem(post(&site, Role::Reviewer, "/calibrations", body.clone()).await, 403, "forbidden", "no supervisor").await;
    for reviewers in [json!(["one"]), json!(["one", "one"]), json!([])] {
        let answer =
            post(&site, Role::Supervisor, "/calibrations", json!({"call_id": call.as_str(), "reviewers": reviewers}));
        problem(answer.await, 422, "invalid", "too few").await;
    }
    let opened = posted(&site, Role::Supervisor, "/calibrations", body, StatusCode::CREATED).await;
    let id = opened["id"].as_str().unwrap();
    let keys: Vec<&str> =
        opened["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect();
    let marks = |differing: usize| -> Value {
        keys.iter()
            .enumerate()
            .map(|(n, key)| ((*key).to_owned(), json!(if n < differing { "not_met" } else { "met" })))
            .collect()
    };
    let put = |role, marks: Value| {
        site.request_as(role, Method::PUT, &format!("/calibrations/{id}/sheet")).json(&json!({"marks": marks})).send()
    };
    problem(put(Role::Admin, marks(0)).await.unwrap(), 403, "forbidden", "not invited").await;
    problem(put(Role::Reviewer, json!({"company": "met"})).await.unwrap(), 422, "invalid", "not whole").await;
    json(put(Role::Reviewer, marks(3)).await.unwrap(), StatusCode::OK, "first").await;
    problem(put(Role::Reviewer, marks(3)).await.unwrap(), 409, "conflict", "again").await;
    let blind = site.get_as(Role::Supervisor, &format!("/calibrations/{id}")).await;
    assert_eq!((&blind["sheets"], &blind["agreement"]), (&json!({}), &Value::Null));
    assert_eq!(blind["handed_in"], json!(["the reviewer"]));
    let own = site.get_as(Role::Reviewer, &format!("/calibrations/{id}")).await;
    assert_eq!(own["sheets"]["the reviewer"]["company"], "not_met");

    let shown = json(put(Role::Supervisor, marks(1)).await.unwrap(), StatusCode::OK, "second").await;
    let agreement = &shown["agreement"];
    let (n, share) = (keys.len() as f64, agreement["share"].as_f64().unwrap());
    assert_eq!((&agreement["reviewers"], &agreement["statistic"]), (&json!(2), &json!("cohen")));
    assert!((share - (n - 2.0) / n).abs() < 1e-9, "{agreement}");
    let chance = 3.0 / n * (1.0 / n) + (n - 3.0) / n * ((n - 1.0) / n);
    assert!((agreement["kappa"].as_f64().unwrap() - (share - chance) / (1.0 - chance)).abs() < 1e-9, "{agreement}");
    assert_eq!((&agreement["items"][keys[1]], &agreement["items"][keys[0]]), (&json!(0.0), &json!(1.0)));
    let closed = posted(&site, Role::Supervisor, &format!("/calibrations/{id}/close"), json!({}), StatusCode::OK).await;
    assert!(closed["closed_at"].is_string());
    assert_eq!(site.get("/calibrations").await["items"].as_array().unwrap().len(), 1);
    site.stop().await;
}

#[tokio::test]
async fn a_comparison_is_made_by_a_supervisor_and_settled_once() {
    let site = Site::start().await;
    judged(&site, "FW-1", None, 3, 0).await;
    let body = json!({"from": "2026-11-21", "to": "2026-11-22"});
    problem(post(&site, Role::Reviewer, "/rescoring", body.clone()).await, 403, "forbidden", "no supervisor").await;
    let made = posted(&site, Role::Supervisor, "/rescoring", body.clone(), StatusCode::CREATED).await;
    assert_eq!((&made["calls"], &made["cells"], &made["state"]), (&json!(1), &json!(0), &json!("proposed")));
    assert_eq!(
        (&made["from"], &made["to"]),
        (&json!("2026-11-21T00:00:00+08:00"), &json!("2026-11-22T00:00:00+08:00"))
    );
    let path = |what: &str| format!("/rescoring/{}{what}", made["id"].as_str().unwrap());
    problem(post(&site, Role::Agent, &path("/adopt"), json!({})).await, 403, "forbidden", "an agent").await;
    let why = json!({"reason": "新表更准"});
    let adopted = posted(&site, Role::Supervisor, &path("/adopt"), why, StatusCode::OK).await;
    assert_eq!((&adopted["state"], &adopted["decided_by"]), (&json!("adopted"), &json!("the supervisor")));
    assert_eq!(adopted["decided_why"], "新表更准");
    problem(post(&site, Role::Supervisor, &path("/drop"), json!({})).await, 409, "conflict", "settled").await;
    assert_eq!(site.get(&path("")).await, adopted);
    let other = posted(&site, Role::Admin, "/rescoring", body, StatusCode::CREATED).await;
    let dropped = format!("/rescoring/{}/drop", other["id"].as_str().unwrap());
    let odd = post(&site, Role::Admin, &dropped, json!({"reasons": "x"})).await;
    problem(odd, 422, "invalid", "an unknown field").await;
    let bare = site.request_as(Role::Admin, Method::POST, &dropped).send().await.unwrap();
    let settled = json(bare, StatusCode::OK, "without a body").await;
    assert_eq!((&settled["state"], &settled["decided_why"]), (&json!("dropped"), &Value::Null));
    assert_eq!(site.get("/rescoring").await["items"].as_array().unwrap().len(), 2);
    let wrong = post(&site, Role::Admin, "/rescoring", json!({"from": "x", "to": "2026-11-22"})).await;
    assert_eq!(problem(wrong, 422, "invalid", "no instant").await["field"], "from");
    site.stop().await;
}

#[tokio::test]
async fn a_link_opens_one_recording_without_a_token_by_ranges_until_it_is_too_old() {
    let site = Site::start().await;
    let call = site.with_call("FW1", b"RIFF and some sound").await.id;
    problem(
        site.bare(Method::POST, &format!("/calls/{call}/listen")).send().await.unwrap(),
        401,
        "unauthenticated",
        "no token",
    )
    .await;
    let link = posted(&site, Role::Reviewer, &format!("/calls/{call}/listen"), json!({}), StatusCode::CREATED).await;
    let url = format!("{}{}", site.base, link["url"].as_str().unwrap());
    assert_eq!(link["expires_at"], "2026-11-21T22:00:00+08:00");
    let part = site.client.get(&url).header("Range", "bytes=5-7").send().await.unwrap();
    assert_eq!(
        (part.status(), &part.headers()["content-range"]),
        (StatusCode::PARTIAL_CONTENT, &"bytes 5-7/19".parse().unwrap())
    );
    assert_eq!(part.bytes().await.unwrap().as_ref(), b"and");

    let (ticket, _) = url.rsplit_once('.').unwrap();
    problem(site.client.get(ticket).send().await.unwrap(), 401, "unauthenticated", "without its seal").await;
    problem(site.client.get(format!("{url}x")).send().await.unwrap(), 401, "unauthenticated", "another seal").await;
    site.clock.advance(Duration::from_secs(2 * 3600));
    problem(site.client.get(&url).send().await.unwrap(), 401, "unauthenticated", "too old").await;
    let missing = post(&site, Role::Reviewer, "/calls/nobody/listen", json!({})).await;
    problem(missing, 404, "not-found", "no call").await;
    site.stop().await;
}
