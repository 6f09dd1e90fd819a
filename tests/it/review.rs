//! Review on a running engine: a judged call enters the queue with its sheet, and another keyword table is compared before it is adopted.

use crate::programmes::with_all_programmes;
use crate::support::{Station, data, root};
use huifang::domain::call::Call;
use huifang::domain::call::outcome::{Outcome, Party};
use huifang::domain::id::{CallId, OrderNo, SeatId};
use huifang::domain::order::{Claims, Customer, Order, ServiceType};
use huifang::domain::phone::Phone;
use huifang::domain::score::{Indicator, NoLevel, Rubric, Score, Scorecard};
use huifang::domain::transcript::{Channel, Segment, Transcript};
use huifang::domain::visit::task::{Visit, VisitState};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};

/// Nobody answers there; nothing is dialled in these tests.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// A finished call of an agent with these words on record, scored as nothing by an earlier table.
async fn spoken(station: &Station, no: &str, programme: &str, words: &[(Channel, &str)]) -> CallId {
    let store = &station.app().store;
    let (now, phone) = (store.now(), Phone::parse("13812345678").unwrap());
    let customer = Customer { name: None, title: None, phone: phone.clone() };
    let order_no = OrderNo::new(no);
    let claims = Claims::default();
    store
        .put_order(&Order { no: order_no.clone(), service_type: ServiceType::Maintenance, customer, claims })
        .await
        .unwrap();
    let visit = Visit { programme: programme.into(), ..data::visit(&store.new_id(), no, now) };
    store.insert_visit(&visit).await.unwrap();
    let begun = Call::claimed(CallId::new(store.new_id()), visit.id.clone(), order_no, 1, phone, programme.into(), now);
    let mut call = Call { seat: Some(SeatId::new("li")), ..begun };
    let held = store.claim_visit(&visit, &call, None).await.unwrap().expect("free");
    call.outcome = Some(Outcome::Answered);
    call.hung_up_by = Some(Party::Customer);
    call.instants.ended_at = Some(now);
    let state = VisitState::Completed { call: call.id.clone(), at: now };
    let segment = |(n, (channel, text)): (usize, &(Channel, &str))| Segment {
        channel: *channel,
        start: n as f64 * 3.0,
        end: n as f64 * 3.0 + 2.0,
        text: (*text).into(),
        confidence: 0.9,
        also_heard: vec![],
    };
    let segments = words.iter().enumerate().map(segment).collect();
    store.finish_call(&call, &Visit { state, ..held }, &[]).await.unwrap();
    store.save_transcript(&call.id, &Transcript { segments, engine: "x".into(), model: "y".into() }).await.unwrap();
    let empty = |indicator| Score {
        indicator,
        level: None,
        null_reason: Some(NoLevel::NotAsked),
        evidence: vec![],
        human: None,
    };
    let card = Scorecard { rubric: "earlier@1".into(), scores: Indicator::ALL.map(empty).to_vec(), alarms: vec![] };
    store.save_scorecard(&call.id, &card).await.unwrap();
    call.id
}

fn cells(made: &Value) -> Vec<String> {
    let cells = made["changes"].as_array().unwrap().iter().flat_map(|call| call["cells"].as_array().unwrap());
    cells.map(|cell| format!("{} {}→{} {}", cell["indicator"], cell["from"], cell["to"], cell["becomes"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_table_is_compared_before_it_is_adopted_and_what_is_judged_enters_the_queue() {
    let station = Station::start_with(NOWHERE, |config| {
        config.dialer.enabled = false;
        config.review.share_percent = 0;
        config.review.agent_minimum = 1;
    })
    .await;
    let (api, store) = (&station.api, station.app().store.clone());
    let talk = [
        (Channel::Agent, "您对工程师的服务态度满意吗？"),
        (Channel::Customer, "非常满意"),
        (Channel::Agent, "配件供应您满意吗？"),
        (Channel::Customer, "较差"),
    ];
    let call = spoken(&station, "FW-1", "excavator", &talk).await;
    let compare = async |rubric: Option<&str>| {
        let mut body = json!({"from": "2020-01-01", "to": "2100-01-01"});
        if let Some(text) = rubric {
            body["rubric"] = json!(text);
        }
        api.post("rescoring", &body).await
    };
    let settle = async |made: &Value, how: &str| {
        api.post(&format!("rescoring/{}/{how}", made["id"].as_str().unwrap()), &json!({})).await
    };

    let table = std::fs::read_to_string(root().join("rubrics/after-sales-zh.toml")).unwrap();
    let milder = table.replacen("\"较差\", ", "", 1).replacen("\"一般\", ", "\"一般\", \"较差\", ", 1);
    let milder = milder.replacen("version = \"", "version = \"try-", 1);
    let tried: Value = compare(Some(&milder)).await.json().await.unwrap();
    assert_eq!(cells(&tried), ["\"服务态度\" null→5 [\"非常满意\"]", "\"配件供应\" null→3 [\"较差\"]"]);
    assert_eq!(settle(&tried, "adopt").await.status(), StatusCode::CONFLICT, "it is not in force");
    assert_eq!(compare(Some("name = 1")).await.status(), StatusCode::UNPROCESSABLE_ENTITY);

    let found: Value = compare(None).await.json().await.unwrap();
    assert_eq!(cells(&found), ["\"服务态度\" null→5 [\"非常满意\"]", "\"配件供应\" null→2 [\"较差\"]"]);
    assert_eq!(store.scorecards(&call).await.unwrap().len(), 1, "a comparison changes nothing");
    assert!(store.review(&call).await.is_err(), "nor does it enter anything");

    let person = json!({"level": 4, "reason": "后来说还行"});
    api.request(Method::PUT, &format!("calls/{call}/scorecard/parts")).json(&person).send().await.unwrap();
    assert_eq!(settle(&found, "adopt").await.status(), StatusCode::OK);
    let versions = store.scorecards(&call).await.unwrap();
    let parts = &versions[2].card.scores[3];
    assert_eq!((versions.len(), parts.level.map(u8::from), parts.in_force().map(u8::from)), (3, Some(2), Some(4)));
    let again: Value = compare(None).await.json().await.unwrap();
    assert_eq!((&again["calls"], cells(&again)), (&json!(1), vec![]));

    let review = api.get(&format!("calls/{call}/review")).await;
    assert!(["alarm", "agent_minimum"].contains(&review["why"].as_str().unwrap_or_default()), "{review}");
    let sheet = api.get(&format!("calls/{call}/qa")).await;
    assert_eq!((&sheet["made_by"], &sheet["version"]), (&json!("machine"), &json!(1)));
    let listed = api.get("reviews?due=true&seat=li").await;
    assert_eq!(listed["items"][0]["id"], call.as_str());
    station.finish().await;
}

/// Two tables at one site: `dealer` names `strict-zh`, in which 较差 has this level; everybody else the shipped one, in which it has 2.
fn strict(version: &str, level: u8) -> String {
    let shipped = std::fs::read_to_string(root().join("rubrics/after-sales-zh.toml")).unwrap();
    let name = shipped.replacen("name = \"after-sales-zh\"", "name = \"strict-zh\"", 1);
    let at = name.find("version = ").unwrap();
    let end = at + name[at..].find('\n').unwrap();
    let named = format!("{}version = \"{version}\"{}", &name[..at], &name[end..]);
    let row = if level == 1 { "\"很差\", " } else { "\"一般\", " };
    named.replacen("\"较差\", ", "", 1).replacen(row, &format!("{row}\"较差\", "), 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_scored_by_the_table_that_its_programme_names_and_one_table_is_changed_without_the_other() {
    let station = Station::start_with(NOWHERE, |config| {
        with_all_programmes(config);
        config.data.rubrics = config.recordings.store.with_file_name("rubrics");
        std::fs::create_dir_all(&config.data.rubrics).unwrap();
        std::fs::write(config.data.rubrics.join("strict-zh.toml"), strict("1", 3)).unwrap();
        let dealer = config.data.programmes.join("dealer.toml");
        let text = std::fs::read_to_string(&dealer).unwrap();
        std::fs::write(&dealer, text.replace("rubric = \"after-sales-zh\"", "rubric = \"strict-zh\"")).unwrap();
    })
    .await;
    let (api, store) = (&station.api, station.app().store.clone());
    let talk = [(Channel::Agent, "配件供应您满意吗？"), (Channel::Customer, "较差")];
    let own = spoken(&station, "FW-1", "excavator", &talk).await;
    let strictly = spoken(&station, "FW-2", "dealer", &talk).await;
    let shipped = Rubric::builtin().id();
    let compare = async |table: Option<&str>| {
        let answer = api.post("rescoring", &json!({"from": "2020-01-01", "to": "2100-01-01", "rubric": table})).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json::<Value>().await.unwrap()
    };
    let adopt = async |made: &Value| {
        api.post(&format!("rescoring/{}/adopt", made["id"].as_str().unwrap()), &json!({})).await.status()
    };
    let judged = async |call: &CallId| {
        let card = store.scorecard(call).await.unwrap().card;
        (card.rubric, card.scores[3].level.map(u8::from))
    };
    let reload = async |text: &str| {
        std::fs::write(station.config.data.rubrics.join("strict-zh.toml"), text).unwrap();
        let answer = api.post("programmes/reload", &json!({})).await;
        (answer.status(), answer.json::<Value>().await.unwrap())
    };

    let found = compare(None).await;
    assert_eq!((&found["calls"], &found["rubric"]), (&json!(2), &json!(format!("{shipped}, strict-zh@1"))));
    let mut changed = cells(&found);
    changed.sort();
    assert_eq!(changed, ["\"配件供应\" null→2 [\"较差\"]", "\"配件供应\" null→3 [\"较差\"]"]);
    assert_eq!(adopt(&found).await, StatusCode::OK);
    assert_eq!(judged(&own).await, (shipped.into(), Some(2)));
    assert_eq!(judged(&strictly).await, ("strict-zh@1".into(), Some(3)));

    // A changed table is tried on the calls that it would score, and only they are judged again when it is adopted.
    let tried = compare(Some(&strict("2", 1))).await;
    assert_eq!((&tried["calls"], cells(&tried)), (&json!(1), vec!["\"配件供应\" 3→1 [\"较差\"]".to_owned()]));
    assert_eq!(adopt(&tried).await, StatusCode::CONFLICT, "it is not in force");
    let (status, loaded) = reload(&strict("2", 1)).await;
    assert_eq!(status, StatusCode::OK, "{loaded}");
    let named =
        |name: &str| loaded["items"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap()["rubric"].clone();
    assert_eq!((named("dealer"), named("excavator")), (json!("strict-zh@2"), json!(shipped)));
    assert_eq!(adopt(&found).await, StatusCode::CONFLICT, "it was settled");
    assert_eq!(adopt(&tried).await, StatusCode::OK);
    assert_eq!(judged(&own).await, (shipped.into(), Some(2)));
    assert_eq!(judged(&strictly).await, ("strict-zh@2".into(), Some(1)));

    for (rubric, level) in [(json!(null), 2), (json!("after-sales-zh"), 2), (json!("strict-zh"), 1)] {
        let answer =
            json!({"indicator": "配件供应", "question": "配件供应您满意吗？", "answer": "较差", "rubric": rubric});
        let reply: Value = api.post("score", &answer).await.json().await.unwrap();
        assert_eq!(reply["label"], json!(level), "{reply}");
    }
    let unknown = api.post("score", &json!({"answer": "较差", "rubric": "mild-zh"})).await;
    assert_eq!(unknown.status(), StatusCode::UNPROCESSABLE_ENTITY);

    // What cannot be used leaves those in force as they are.
    let broken = strict("3", 1).replacen("level = 5", "level = 7", 1);
    for (text, want) in [
        (broken.as_str(), &["strict-zh.toml: ", "line ", "level 7 is not 1..5"][..]),
        (&strict("3", 1).replacen("strict-zh", "milder-zh", 1), &["strict-zh.toml: ", "milder-zh"]),
    ] {
        let (status, problem) = reload(text).await;
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{detail}");
        assert!(want.iter().all(|want| detail.contains(want)), "{detail}");
    }
    assert_eq!(compare(None).await["rubric"], json!(format!("{shipped}, strict-zh@2")));
    station.finish().await;
}

#[test]
fn a_table_that_is_not_there_is_one_line_with_the_programme_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::support::config(folder.path(), "sip:127.0.0.1:9");
    with_all_programmes(&mut config);
    let file = config.data.programmes.join("dealer.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let line = 1 + text[..text.find("rubric = ").unwrap()].matches('\n').count();
    std::fs::write(&file, text.replace("rubric = \"after-sales-zh\"", "rubric = \"nowhere\"")).unwrap();
    let error = huifang::app::check_data(&config).unwrap_err().to_string();
    assert!(error.starts_with(&format!("dealer.toml:{line}: rubric: there is no ")), "{error}");
    assert!(error.contains("nowhere.toml") && !error.contains('\n'), "{error}");
}
