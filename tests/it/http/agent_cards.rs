//! Agents' score cards over a socket: what they count, who reads whose, and the same as a report.

use super::reviews::judged;
use super::site::{Site, problem};
use huifang::domain::audit::{Finding, Severity, Talk};
use huifang::domain::id::{CallId, SeatId};
use huifang::domain::review::form::{HumanMark, Mark};
use huifang::domain::seat::{SeatPhone, Skills};
use huifang::store::token::Role;
use reqwest::Method;
use serde_json::{Value, json};

const AGENT: &str = "the agent";

/// Two calls of the agent, the second with more made of it, and one of somebody else.
async fn worked(site: &Site) -> [CallId; 3] {
    let calls = [
        judged(site, "FW-1", Some(AGENT), 5, 0).await,
        judged(site, "FW-2", Some(AGENT), 3, 0).await,
        judged(site, "FW-3", Some("wang"), 2, 0).await,
    ];
    judged(site, "FW-4", None, 1, 0).await;
    let finding = |rule: &str, severity| Finding {
        rule: rule.into(),
        severity,
        seen: "看到".into(),
        expected: String::new(),
        from_s: None,
        to_s: None,
    };
    let store = &site.store;
    let earlier = [finding("C21", Severity::Red)];
    store.save_findings(&calls[1], "earlier", &earlier).await.unwrap();
    let amber = [finding("C18", Severity::Amber), finding("C18", Severity::Amber), finding("C05", Severity::Pass)];
    store.save_findings(&calls[1], "now", &amber).await.unwrap();
    store.save_findings(&calls[2], "now", &[]).await.unwrap();
    // Measured again: the later one counts.
    for (agent_s, cut_ins) in [(99.0, 9), (30.0, 2)] {
        let talk = Talk { agent_s, customer_s: 10.0, cut_ins, talk_over_s: 0.5 };
        store.save_talk(&calls[1], &talk).await.unwrap();
    }
    let mark = HumanMark { mark: Mark::NotMet, reason: "编造".into(), by: "qian".into(), at: store.now() };
    store.correct_sheet(&calls[1], "honest", mark).await.unwrap();
    calls
}

fn measure<'a>(card: &'a Value, key: &str) -> &'a Value {
    card["measures"].as_array().unwrap().iter().find(|m| m["key"] == key).unwrap_or_else(|| panic!("no {key}: {card}"))
}

#[tokio::test]
async fn a_card_counts_the_calls_of_the_period_as_they_stand_now_beside_the_team() {
    let site = Site::start().await;
    worked(&site).await;
    let card = site.get_as(Role::Reviewer, "/agents/the%20agent/scorecard?from=2026-11-01&to=2026-12-01").await;
    assert_eq!((&card["agent"], &card["calls"], &card["answered"]), (&json!(AGENT), &json!(2), &json!(0)));
    assert_eq!(
        (&card["from"], &card["to"]),
        (&json!("2026-11-01T00:00:00+08:00"), &json!("2026-12-01T00:00:00+08:00"))
    );
    for (key, value, n, median, agents) in [
        ("skill", json!(4.0), 2, json!(3.0), 2),
        ("index", json!(4.0), 2, json!(3.0), 2),
        ("talk_share", json!(0.75), 1, json!(0.75), 1),
        ("cut_ins", json!(2.0), 1, json!(2.0), 1),
        ("amber", json!(200.0), 1, json!(100.0), 2),
        ("red", json!(0.0), 1, json!(0.0), 2),
        ("fatal_share", json!(0.5), 2, json!(0.25), 2),
        ("on_time_share", json!(1.0), 2, json!(1.0), 2),
    ] {
        let found = measure(&card, key);
        let told = (&found["value"], &found["n"], &found["team_median"], &found["team_agents"], &found["small"]);
        assert_eq!(told, (&value, &json!(n), &median, &json!(agents), &json!(true)), "{key}");
    }
    let finding = &card["findings"][0];
    assert_eq!(
        (&finding["rule"], &finding["severity"], &finding["found"]),
        (&json!("C18"), &json!("amber"), &json!(2))
    );
    assert_eq!(card["findings"].as_array().unwrap().len(), 1, "of the audit in force, and no pass: {card}");
    assert_eq!(card["fatal"][0]["sheets"], 1);

    let first = site.get("/agents/the%20agent/scorecard?from=2026-11-21&to=2026-11-22").await;
    assert_eq!((&first["calls"], &measure(&first, "skill")["value"]), (&json!(1), &json!(5.0)));
    assert_eq!(measure(&first, "talk_share")["value"], Value::Null, "nothing was measured");
    let all = site.get_as(Role::Reviewer, "/agents/scorecards").await;
    let names: Vec<&Value> = all["items"].as_array().unwrap().iter().map(|card| &card["agent"]).collect();
    assert_eq!(names, [AGENT, "wang"], "until now, from the first of the month: {all}");
    site.stop().await;
}

#[tokio::test]
async fn an_agent_reads_his_own_card_only_and_nobody_reads_what_is_not_there() {
    let site = Site::start().await;
    worked(&site).await;
    let own = site.get_as(Role::Agent, "/agents/the%20agent/scorecard").await;
    assert_eq!(own["calls"], 2);
    let refused = async |role, path: &str, status, kind: &str| {
        let answer = site.request_as(role, Method::GET, path).send().await.unwrap();
        problem(answer, status, kind, path).await
    };
    refused(Role::Agent, "/agents/wang/scorecard", 403, "forbidden").await;
    refused(Role::Agent, "/agents/scorecards", 403, "forbidden").await;
    refused(Role::Agent, "/reports/agent-cards.json", 403, "forbidden").await;
    refused(Role::Service, "/agents/wang/scorecard", 403, "forbidden").await;
    refused(Role::Reviewer, "/agents/nobody/scorecard", 404, "not-found").await;
    let settings = (SeatPhone::Browser, Skills::default());
    site.store.seat_settings(&SeatId::new("idle"), &settings.0, &settings.1).await.unwrap();
    let idle = site.get_as(Role::Supervisor, "/agents/idle/scorecard").await;
    assert_eq!((&idle["calls"], &measure(&idle, "skill")["value"]), (&json!(0), &Value::Null));
    assert_eq!(measure(&idle, "skill")["team_median"], 3.0);
    for query in ["from=2026-11-22&to=2026-11-22", "from=2024-11-21&to=2026-11-22", "from=soon"] {
        refused(Role::Admin, &format!("/agents/wang/scorecard?{query}"), 422, "invalid").await;
    }
    refused(Role::Admin, "/agents/wang/scorecard?month=2026-11", 400, "malformed").await;
    site.stop().await;
}

#[tokio::test]
async fn the_cards_of_a_month_are_a_report_with_the_medians_last() {
    let site = Site::start().await;
    worked(&site).await;
    let report = site.get_as(Role::Reviewer, "/reports/agent-cards.json?month=2026-11").await;
    let rows = report["sections"][0]["rows"].as_array().unwrap();
    let told: Vec<String> =
        rows.iter().map(|row| format!("{} {} {} {}", row["name"], row["calls"], row["skill"], row["amber"])).collect();
    assert_eq!(told, ["\"the agent\" 2 4.0 200.0", "\"wang\" 1 2.0 0.0", "\"（中位数）\" null 3.0 100.0"]);
    let found = &report["sections"][1]["rows"][0];
    assert_eq!((&found["rule"], &found["found"], &found["severity"]), (&json!("C18"), &json!(2), &json!("黄")));
    site.stop().await;
}
