//! The ledger over HTTP on a running engine: what is promised and what became of it, who does not want to be called, and who may say so.
//! Nothing is dialled here; calls are in `seats::promises`.

use crate::support::api::{Api, answer, sms_text, text};
use crate::support::{Station, data, until, within};
use futures::StreamExt;
use huifang::clock::{Clock, SystemClock};
use huifang::store::token::{NewToken, Role};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Nobody answers there.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);
const NUMBER: &str = "13812345678";

async fn station() -> Station {
    Station::start_with(NOWHERE, |config| {
        config.dialer.enabled = false;
        data::add_programme(&config.data.programmes, "promise");
    })
    .await
}

async fn put_order(api: &Api, no: &str, service: &str, phone: &str) {
    let body = json!({ "service_type": service, "customer": { "phone": phone }, "claims": { "engineer": "李强" } });
    let put = api.request(Method::PUT, &format!("orders/{no}")).json(&body).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.text().await.unwrap());
}

async fn created(api: &Api, path: &str, body: Value) -> Value {
    answer(api.post(path, &body).await, StatusCode::CREATED).await
}

async fn done(api: &Api, path: &str, body: Value) -> Value {
    answer(api.post(path, &body).await, StatusCode::OK).await
}

/// The sentence of a refusal.
async fn refused(api: &Api, path: &str, body: Value, status: StatusCode) -> String {
    text(&answer(api.post(path, &body).await, status).await["detail"])
}

async fn as_role(station: &Station, role: Role) -> Api {
    let token = station.app().store.create_token(&NewToken::of_machine(role.name(), role)).await.unwrap();
    station.api.with_token(token.secret)
}

async fn ids(api: &Api, path: &str) -> Vec<String> {
    api.get(path).await["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect()
}

fn at(value: &Value) -> Timestamp {
    text(value).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_a_promise_has_a_visit_of_its_own_and_closes_only_when_the_customer_was_told() {
    let station = station().await;
    let api = &station.api;
    put_order(api, "SO-1", "保养", NUMBER).await;
    let one = created(api, "promises", json!({ "order_no": "SO-1", "what": "尽快答复配件价格" })).await;
    let other =
        created(api, "promises", json!({ "order_no": "SO-1", "what": "三天之内答复到货时间", "owner": "配件部" }))
            .await;
    assert_eq!(
        (&one["source"], &one["state"]["name"], &one["kind"]),
        (&json!("hand"), &json!("open"), &json!("call_back"))
    );
    assert_eq!((text(&other["owner"]), text(&one["owner"])), ("配件部".into(), text(&one["promised_by"])));
    let due = |promise: &Value| at(&promise["due_at"]).duration_since(at(&promise["promised_at"]));
    assert_eq!(due(&one), SignedDuration::from_mins(60), "A19: the window of the programme");
    assert!(due(&other) > SignedDuration::from_hours(24), "the time that was named: {other}");
    assert_ne!(one["visit_id"], other["visit_id"], "each has its own visit");
    for promise in [&one, &other] {
        let visit = api.visit(&text(&promise["visit_id"])).await;
        assert_eq!(
            (&visit["programme"], &visit["trigger"], &visit["due_at"]),
            (&json!("promise"), &json!("promise"), &promise["due_at"])
        );
        assert_eq!(visit["state"]["name"], "waiting", "{visit}");
    }

    let path = |promise: &Value, what: &str| format!("promises/{}/{what}", text(&promise["id"]));
    let telling = json!({ "told": "价格是三百元", "at": "2020-01-01T00:00:00Z" });
    assert!(refused(api, &path(&one, "tell"), telling, StatusCode::CONFLICT).await.contains("告知时间"));
    refused(api, &path(&one, "tell"), json!({ "told": " " }), StatusCode::UNPROCESSABLE_ENTITY).await;
    let kept = done(api, &path(&one, "tell"), json!({ "told": "价格是三百元" })).await;
    assert_eq!((&kept["state"]["name"], text(&kept["state"]["told"])), (&json!("kept"), "价格是三百元".into()));
    assert!(kept["state"]["result_told_at"].is_string() && kept["state"]["by"].is_string(), "{kept}");
    let visit = api.visit(&text(&one["visit_id"])).await;
    assert_eq!((&visit["state"]["name"], &visit["state"]["cause"]), (&json!("closed"), &json!("settled")));
    assert!(
        refused(api, &path(&one, "tell"), json!({ "told": "又一次" }), StatusCode::CONFLICT).await.contains("已经了结")
    );

    let given = done(api, &path(&other, "assign"), json!({ "owner": "王芳" })).await;
    assert_eq!((text(&given["owner"]), &given["due_at"]), ("王芳".into(), &other["due_at"]));
    assert_eq!(ids(api, "promises?state=open&owner=%E7%8E%8B%E8%8A%B3").await, [text(&other["id"])]);
    done(api, &path(&other, "withdraw"), json!({ "why": "客户已自行购买" })).await;
    assert_eq!(ids(api, "promises?state=open").await, Vec::<String>::new());
    assert_eq!(ids(api, "promises?limit=1").await, [text(&other["id"])], "the newest first, a page at a time");
    let log: Vec<String> = station
        .app()
        .store
        .events_of_visit(&huifang::domain::id::VisitId::new(text(&one["visit_id"])))
        .await
        .unwrap()
        .into_iter()
        .map(|event| event.kind)
        .collect();
    assert_eq!(log, ["promise.made", "promise.told"]);

    let agent = as_role(&station, Role::Agent).await;
    for (what, body) in [("withdraw", json!({ "why": "x" })), ("assign", json!({ "owner": "x" }))] {
        refused(&agent, &path(&other, what), body, StatusCode::FORBIDDEN).await;
    }
    for (body, status) in [
        (json!({ "order_no": "SO-9", "what": "答复" }), StatusCode::NOT_FOUND),
        (json!({ "order_no": "SO-1", "what": "" }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "order_no": "SO-1", "what": "答复", "due_at": "2020-01-01" }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "order_no": "SO-1", "what": "答复", "call_id": "nobody" }), StatusCode::NOT_FOUND),
    ] {
        refused(api, "promises", body, status).await;
    }
    refused(
        &as_role(&station, Role::Reviewer).await,
        "promises",
        json!({ "order_no": "SO-1", "what": "答复" }),
        StatusCode::FORBIDDEN,
    )
    .await;
    station.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_a_consultation_stays_open_until_an_engineer_and_no_agent_confirms() {
    let station = station().await;
    let api = &station.api;
    api.report("FL-1", NUMBER).await;
    api.sms("again", &sms_text("FL-1", NUMBER)).await;
    let open = api.get("promises?order_no=FL-1").await["items"].as_array().unwrap().clone();
    assert_eq!(open.len(), 1, "once, however often it is reported: {open:?}");
    let confirmation = &open[0];
    assert_eq!((&confirmation["kind"], &confirmation["source"]), (&json!("confirmation"), &json!("rule")));
    assert_eq!((text(&confirmation["owner"]), confirmation["visit_id"].is_null()), ("李强".into(), true));
    let path = |what: &str| format!("promises/{}/{what}", text(&confirmation["id"]));
    let body = json!({ "engineer": "李强", "note": "故障已排除" });
    refused(&as_role(&station, Role::Agent).await, &path("confirm"), body.clone(), StatusCode::FORBIDDEN).await;
    assert!(refused(api, &path("tell"), json!({ "told": "好了" }), StatusCode::CONFLICT).await.contains("A18"));
    let confirmed = done(&as_role(&station, Role::Service).await, &path("confirm"), body).await;
    assert_eq!(
        (&confirmed["state"]["name"], text(&confirmed["state"]["confirmed_by"])),
        (&json!("confirmed"), "李强".into())
    );
    assert!(confirmed["state"]["confirmed_at"].is_string());
    put_order(api, "SO-1", "保养", NUMBER).await;
    let report = json!({ "kind": "order_closed" });
    api.post("orders/SO-1/events", &report).await;
    assert_eq!(ids(api, "promises?order_no=SO-1").await, Vec::<String>::new(), "other orders need nobody's word");
    // What another system reports as promised is in the ledger as well, once.
    let report = json!({ "kind": "promise", "at": "2026-03-10T10:00:00+08:00" });
    for _ in 0..2 {
        assert_eq!(api.post("orders/SO-1/events", &report).await.status(), StatusCode::ACCEPTED);
    }
    let reported = api.get("promises?order_no=SO-1").await["items"].as_array().unwrap().clone();
    assert_eq!(
        (reported.len(), &reported[0]["kind"], reported[0]["visit_id"].is_string()),
        (1, &json!("call_back"), true)
    );
    station.finish().await;
}

/// The data of the first event of this name from the stream on.
async fn news(body: impl futures::Stream<Item = reqwest::Result<bytes::Bytes>>, name: &str) -> Value {
    let mut body = std::pin::pin!(body);
    let mut read = String::new();
    loop {
        if let Some((_, rest)) = read.split_once(&format!("event: {name}\n"))
            && let Some((data, _)) = rest.split_once("\n\n")
        {
            let line = data.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            return serde_json::from_str(line).unwrap();
        }
        let bytes = body.next().await.expect("the stream goes on").unwrap();
        read.push_str(std::str::from_utf8(&bytes).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_f11_a_promise_whose_time_is_over_is_told_as_news_and_marked_once_also_after_a_restart() {
    let mut station = station().await;
    put_order(&station.api, "SO-1", "保养", NUMBER).await;
    let stream = station.api.request(Method::GET, "events").send().await.unwrap().bytes_stream();
    let soon = |seconds: i64| (SystemClock.now() + SignedDuration::from_secs(seconds)).to_string();
    let body = |due: String| json!({ "order_no": "SO-1", "what": "答复", "due_at": due });
    let first = created(&station.api, "promises", body(soon(1))).await;
    let told = within("the alarm", news(stream, "promise_overdue")).await;
    assert_eq!((&told["promise"], text(&told["order_no"])), (&first["id"], "SO-1".into()));
    let overdue = station.api.get("promises?state=open&overdue=true").await["items"].clone();
    assert_eq!((&overdue[0]["id"], &overdue[0]["overdue"]), (&first["id"], &json!(true)));
    let marked_at = text(&overdue[0]["overdue_at"]);

    let second = created(&station.api, "promises", body(soon(1))).await;
    station.restart().await;
    let marked = until("the second is marked after the restart", async || {
        let promise = station.api.get(&format!("promises/{}", text(&second["id"]))).await;
        promise["overdue_at"].is_string().then_some(promise)
    })
    .await;
    assert_eq!(marked["state"]["name"], "open", "overdue is not over");
    let first = done(&station.api, &format!("promises/{}/tell", text(&first["id"])), json!({ "told": "明天到" })).await;
    assert_eq!((text(&first["overdue_at"]), &first["overdue"]), (marked_at, &json!(false)), "kept late stays visible");
    station.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c09_who_does_not_want_to_be_called_has_no_visit_and_why_says_so_until_the_wish_is_withdrawn() {
    let station = station().await;
    let api = &station.api;
    let waiting = api.report("FL-1", NUMBER).await;
    let stranger = api.report("FL-2", "13900139000").await;
    let wish = created(api, "opt-outs", json!({ "scope": "never", "order_no": "FL-1", "why": "客户来电要求" })).await;
    assert_eq!((text(&wish["phone"]), &wish["source"]["kind"]), (format!("+86{NUMBER}"), &json!("hand")));
    let closed = async |visit: &str| {
        let shown = api.visit(visit).await;
        assert_eq!(
            (&shown["state"]["name"], &shown["state"]["cause"]),
            (&json!("closed"), &json!("opted_out")),
            "{shown}"
        );
        let why = api.why(visit).await;
        assert_eq!(why["code"], "opted_out");
        assert!(
            text(&why["text"]).contains("以后不要再拨打此号码") && text(&why["text"]).contains("客户来电要求"),
            "{why}"
        );
    };
    closed(&waiting).await;
    assert_eq!(api.visit(&stranger).await["state"]["name"], "waiting", "another number");
    // The order is kept, its visit is closed from the beginning.
    let begun = api.report("FL-3", NUMBER).await;
    closed(&begun).await;
    assert_eq!(api.get("orders/FL-3").await["order_no"], "FL-3");
    // What was promised to him is for a person now.
    let promise = created(api, "promises", json!({ "order_no": "FL-3", "what": "尽快答复" })).await;
    closed(&text(&promise["visit_id"])).await;
    assert_eq!(promise["state"]["name"], "open", "A20");

    let agent = as_role(&station, Role::Agent).await;
    assert_eq!(text(&agent.get("opt-outs").await["items"][0]["phone"]), "138****5678");
    let by_number = agent.request(Method::GET, &format!("opt-outs?phone={NUMBER}")).send().await.unwrap();
    assert_eq!(by_number.status(), StatusCode::UNPROCESSABLE_ENTITY, "nobody finds a masked number by asking");
    assert_eq!(ids(api, &format!("opt-outs?phone={NUMBER}&in_force=true")).await.len(), 1);
    let path = format!("opt-outs/{}/withdraw", text(&wish["id"]));
    refused(&agent, &path, json!({ "why": "x" }), StatusCode::FORBIDDEN).await;
    let withdrawn = done(api, &path, json!({ "why": "客户来电说可以" })).await;
    assert_eq!(text(&withdrawn["withdrawn"]["why"]), "客户来电说可以");
    assert!(refused(api, &path, json!({ "why": "again" }), StatusCode::CONFLICT).await.contains("撤回过"));
    assert_eq!(
        (ids(api, "opt-outs?in_force=true").await.len(), ids(api, "opt-outs").await.len()),
        (0, 1),
        "kept for ever"
    );
    assert_eq!(api.visit(&api.report("FL-4", NUMBER).await).await["state"]["name"], "waiting");
    assert_eq!(api.visit(&begun).await["state"]["name"], "closed", "what was closed stays closed");
    station.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c09_a_wish_for_a_programme_or_a_visit_forbids_no_more_and_a_wish_that_makes_no_sense_is_refused() {
    let station = station().await;
    let api = &station.api;
    let first = api.report("FL-1", NUMBER).await;
    let promise = created(api, "promises", json!({ "order_no": "FL-1", "what": "尽快答复" })).await;
    let called_back = text(&promise["visit_id"]);
    let state = async |visit: &str| text(&api.visit(visit).await["state"]["name"]);
    created(
        api,
        "opt-outs",
        json!({ "scope": "programme", "programme": "excavator", "phone": NUMBER, "why": "不要回访" }),
    )
    .await;
    assert_eq!((state(&first).await, state(&called_back).await), ("closed".into(), "waiting".into()));
    created(api, "opt-outs", json!({ "scope": "visit", "visit_id": called_back, "why": "客户说不必了" })).await;
    assert_eq!(state(&called_back).await, "closed");
    for (body, status) in [
        (json!({ "scope": "never", "why": "x" }), StatusCode::UNPROCESSABLE_ENTITY),
        (
            json!({ "scope": "never", "phone": NUMBER, "order_no": "FL-1", "why": "x" }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (json!({ "scope": "never", "phone": "110", "why": "x" }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "scope": "never", "phone": NUMBER, "why": "" }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "scope": "never", "order_no": "FL-9", "why": "x" }), StatusCode::NOT_FOUND),
        (
            json!({ "scope": "never", "order_no": "FL-1", "programme": "dealer", "why": "x" }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (json!({ "scope": "programme", "phone": NUMBER, "why": "x" }), StatusCode::UNPROCESSABLE_ENTITY),
        (
            json!({ "scope": "programme", "programme": "none", "phone": NUMBER, "why": "x" }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (json!({ "scope": "visit", "why": "x" }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "scope": "visit", "visit_id": "nobody", "why": "x" }), StatusCode::NOT_FOUND),
        (json!({ "scope": "today", "phone": NUMBER, "why": "x" }), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        refused(api, "opt-outs", body, status).await;
    }
    refused(
        &as_role(&station, Role::Reviewer).await,
        "opt-outs",
        json!({ "scope": "never", "phone": NUMBER, "why": "x" }),
        StatusCode::FORBIDDEN,
    )
    .await;
    station.finish().await;
}
