//! Programmes on a running engine: what is reported of an order begins its visits, and the files are read again while it runs.

use crate::support::api::Api;
use crate::support::{Station, root};
use huifang::config::Config;
use huifang::domain::programme::assign::Rule;
use huifang::domain::programme::{Programme, Trigger};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

/// Nobody answers there; nothing is dialled in these tests.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

/// Everything that is shipped beside the short scripts of the station; dialling is off.
pub fn with_all_programmes(config: &mut Config) {
    config.dialer.enabled = false;
    copy(&root().join("programmes"), &config.data.programmes);
}

/// What is there already stays.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else if !target.exists() {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

async fn put_order(api: &Api, no: &str, claims: Value) -> StatusCode {
    let body = json!({ "service_type": "保养", "customer": { "phone": "13812345678" }, "claims": claims });
    api.request(Method::PUT, &format!("orders/{no}")).json(&body).send().await.unwrap().status()
}

/// Status and body of an event.
async fn event(api: &Api, no: &str, kind: &str, at: &str) -> (StatusCode, Value) {
    let answer = api.post(&format!("orders/{no}/events"), &json!({ "kind": kind, "at": at })).await;
    (answer.status(), answer.json().await.unwrap())
}

fn names(answer: &Value) -> Vec<String> {
    let visits = answer["visits"].as_array().unwrap_or_else(|| panic!("{answer}"));
    visits.iter().map(|v| format!("{}/{}", v["programme"].as_str().unwrap(), v["stage"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_order_begins_its_visits_once_and_a_rule_decides_between_programmes() {
    let station = Station::start_with(NOWHERE, |config| {
        with_all_programmes(config);
        config.intake.rules = vec![Rule {
            triggers: vec![Trigger::OrderClosed],
            dealers: vec!["光明店".into()],
            programmes: vec!["dealer".into(), "customer-care".into()],
            ..Rule::default()
        }];
    })
    .await;
    let api = &station.api;
    assert_eq!(put_order(api, "SO-1", json!({ "dealer": "光明店" })).await, StatusCode::CREATED);

    let (status, answer) = event(api, "SO-1", "order_closed", "2026-03-10T10:00:00+08:00").await;
    assert_eq!(
        (status, names(&answer)),
        (
            StatusCode::ACCEPTED,
            vec!["dealer/first".into(), "customer-care/day-3".into(), "customer-care/day-8-15".into()],
        )
    );
    assert_eq!(event(api, "SO-1", "order_closed", "2026-03-10T10:00:00+08:00").await, (status, answer.clone()));
    let (_, again) = event(api, "SO-1", "order_closed", "2026-03-10T11:00:00+08:00").await;
    assert_eq!(again["visits"], answer["visits"], "those that are open are not begun again");

    let (_, answer) = event(api, "SO-1", "phone_advice", "2026-03-10T10:00:00+08:00").await;
    assert_eq!(names(&answer), ["phone-advice/first"]);
    let visit = api.visit(answer["visits"][0]["visit_id"].as_str().unwrap()).await;
    assert_eq!((&visit["trigger"], &visit["stage"]), (&json!("phone_advice"), &json!("first")));
    assert_eq!(visit["programme_version"].as_str().unwrap().len(), 12);

    put_order(api, "SO-2", json!({})).await;
    let (status, problem) = event(api, "SO-2", "order_closed", "2026-03-10T10:00:00+08:00").await;
    assert_eq!(status, StatusCode::CONFLICT, "several programmes and no rule: {problem}");
    assert!(problem["detail"].as_str().unwrap().contains("intake.rules"), "{problem}");
    for (no, kind, at, want) in [
        ("SO-9", "power_on", "2026-03-10", StatusCode::NOT_FOUND),
        ("SO-1", "sms", "2026-03-10", StatusCode::UNPROCESSABLE_ENTITY),
        ("SO-1", "power_on", "2099-01-01", StatusCode::UNPROCESSABLE_ENTITY),
        ("SO-1", "sold", "2026-03-10", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let (status, problem) = event(api, no, kind, at).await;
        assert_eq!(status, want, "{no} {kind} {at}: {problem}");
    }
    station.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b05_the_share_is_counted_in_the_database_and_an_order_of_a_branch_keeps_its_hours() {
    let station = Station::start_with(NOWHERE, |config| {
        with_all_programmes(config);
        config.site.branches = vec![huifang::config::Branch {
            name: "乌鲁木齐".into(),
            timezone: Some("Asia/Urumqi".into()),
            work_hours: Some(vec!["10:00-19:00".into()]),
            holidays: None,
        }];
        let programmes = vec!["service-tracking".into()];
        config.intake.rules = vec![Rule { triggers: vec![Trigger::OrderClosed], programmes, ..Rule::default() }];
    })
    .await;
    let api = &station.api;
    let mut visited = 0;
    for n in 1..=20 {
        let no = format!("SO-{n}");
        put_order(api, &no, json!({ "dealer": "光明店" })).await;
        let (_, answer) = event(api, &no, "order_closed", "2026-03-10T10:00:00+08:00").await;
        assert_eq!(names(&answer).len() + answer["not_selected"].as_array().unwrap().len(), 1);
        visited += names(&answer).len();
        assert!(visited * 10 >= n * 3 && visited * 10 <= n * 3 + 20, "{visited} of {n}");
    }
    put_order(api, "VIP-1", json!({ "dealer": "光明店", "customer_class": "VIP", "branch": "乌鲁木齐" })).await;
    let (_, answer) = event(api, "VIP-1", "order_closed", "2026-03-10T20:00:00+08:00").await;
    assert_eq!(names(&answer), ["service-tracking/first"]);
    let visit = api.visit(answer["visits"][0]["visit_id"].as_str().unwrap()).await;
    let clock: jiff::Timestamp = visit["clock_starts_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(clock, "2026-03-10T20:00:00+08:00".parse().unwrap(), "18:00 in Ürümqi: the branch is open");
    assert_eq!(put_order(api, "SO-30", json!({ "branch": "月球" })).await, StatusCode::UNPROCESSABLE_ENTITY);
    station.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programmes_are_read_again_and_a_set_that_is_not_usable_changes_nothing_and_says_why() {
    let station = Station::start_with(NOWHERE, with_all_programmes).await;
    let api = &station.api;
    let folder = &station.config.data.programmes;
    let version = async |name: &str| {
        let list = api.get("programmes").await;
        let one = list["items"].as_array().unwrap().iter().find(|p| p["name"] == name).cloned();
        one.map(|p| p["version"].as_str().unwrap().to_owned())
    };
    let reload = async || {
        let answer = api.post("programmes/reload", &json!({})).await;
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let before = version("dealer").await;
    let file = folder.join("dealer.toml");
    let shipped = std::fs::read_to_string(&file).unwrap();

    std::fs::write(&file, shipped.replace("due = \"3 days\"", "due = \"3 weeks\"")).unwrap();
    let line = 1 + shipped[..shipped.find("due = ").unwrap()].matches('\n').count();
    let (status, problem) = reload().await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = problem["detail"].as_str().unwrap();
    for want in [&format!("dealer.toml:{line}: window.due"), "3 weeks"] {
        assert!(detail.contains(want), "{detail}");
    }
    assert_eq!(version("dealer").await, before);

    std::fs::write(&file, shipped.replace("due = \"3 days\"", "due = \"2 days\"")).unwrap();
    assert_eq!(reload().await.0, StatusCode::OK);
    assert_ne!(version("dealer").await, before);
    put_order(api, "SO-1", json!({})).await;
    let (_, begun) = event(api, "SO-1", "promise", "2026-03-10T10:00:00+08:00").await;
    assert_eq!(names(&begun), ["promise/first"]);

    // A programme that open visits need stays, and one that nobody needs may go.
    let promise = folder.join("promise.toml");
    let text = std::fs::read_to_string(&promise).unwrap();
    std::fs::remove_file(&promise).unwrap();
    let (status, problem) = reload().await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("promise"), "{problem}");
    assert!(version("promise").await.is_some());
    std::fs::write(&promise, text).unwrap();
    std::fs::remove_file(folder.join("ev-spot-check.toml")).unwrap();
    assert_eq!(reload().await.0, StatusCode::OK);
    assert_eq!(version("ev-spot-check").await, None);
    station.finish().await;
}

#[tokio::test]
async fn what_only_people_can_say_is_refused_to_the_machine_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::support::config(folder.path(), "sip:127.0.0.1:9");
    with_all_programmes(&mut config);
    let file = config.data.programmes.join("dealer.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("mode = \"agent\"", "mode = \"voice\"");
    std::fs::write(&file, text).unwrap();
    let error = huifang::app::check_data(&config).unwrap_err().to_string();
    for want in ["dealer.toml:", "mode", "scripts/dealer"] {
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn a_mistake_in_what_begins_a_visit_or_when_or_for_whom_names_file_line_and_key() {
    let shipped = |name: &str| std::fs::read_to_string(root().join(format!("programmes/{name}.toml"))).unwrap();
    let check = |name: &str, from: &str, to: &str, want: &[&str]| {
        let text = shipped(name);
        let at = text.find(from).unwrap_or_else(|| panic!("{name}: {from}"));
        let line = 1 + text[..at].matches('\n').count();
        let error = Programme::parse("x.toml", &text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("x.toml:{line}: ")), "line {line}: {error}");
        assert!(want.iter().all(|want| error.contains(want)) && !error.contains('\n'), "{want:?}: {error}");
    };
    check("dealer", "on = [\"order_closed\"]", "on = []", &["trigger.on", "at least one"]);
    check("dealer", "on = [\"order_closed\"]", "on = [\"sold\"]", &["on", "sold"]);
    check("dealer", "due = \"3 days\"", "due = \"soon\"", &["window.due", "soon", "3 days"]);
    check("dealer", "deadline = \"5 days\"", "deadline = \"2 days\"", &["window.deadline", "A02"]);
    check("customer-care", "due = \"day 4\"", "due = \"day 2\"", &["window.due", "day 3"]);
    check("customer-care", "due = \"day 15\"", "due = \"day 5\"", &["follow_up[1].due", "day 8"]);
    check("customer-care", "name = \"day-8-15\"", "name = \"day-3\"", &["follow_up.name", "twice"]);
    check("customer-care", "name = \"day-3\"", "name = \"第三天\"", &["window.name", "a-z"]);
    check("service-tracking", "share_percent = 30", "share_percent = 0", &["selection.share_percent", "B05"]);
    check("service-tracking", "\"fleet\"", "\"fleets\"", &["always", "fleets"]);
    check("power-equipment", "on_site_from_yuan = 3000000", "on_site_from_yuan = -1", &["on_site_from_yuan", "B09"]);
    check("power-equipment", "priority = 7", "priority = 12", &["priority", "0 to 9"]);
    check("dealer", "then = \"sms\"  ", "then = \"fax\"  ", &["then", "fax"]);
}
