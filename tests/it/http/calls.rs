//! Calls and what was made of them: transcript, scores, facts, findings, report.

use super::site::{Site, json};
use huifang::domain::audit::{Finding, Severity};
use huifang::domain::call::Call;
use huifang::domain::score::{Evidence, Indicator, Level, NoLevel, Score, Scorecard};
use huifang::domain::transcript::{Channel, Heard, Segment, Transcript};
use huifang::store::token::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A finished call with everything that later steps make of it.
async fn judged(site: &Site) -> Call {
    let call = site.with_call("FW1", b"RIFF").await;
    let segment = |channel, start: f64, text: &str| Segment {
        channel,
        start,
        end: start + 1.5,
        text: text.into(),
        confidence: 0.5,
        also_heard: vec![Heard { engine: "vosk".into(), text: text.into() }],
    };
    let segments =
        vec![segment(Channel::Agent, 5.0, "您对服务满意吗？"), segment(Channel::Customer, 7.25, "非常满意。")];
    let transcript = Transcript { segments, engine: "whisper".into(), model: "ggml-base.bin".into() };
    site.store.save_transcript(&call.id, &transcript).await.unwrap();
    let five = Level::new(5).unwrap();
    let evidence = Evidence {
        text: "非常满意".into(),
        start: 0,
        end: 4,
        level: five,
        rule: "非常满意".into(),
        from_s: Some(7.25),
        to_s: Some(8.5),
        turn: Some(1),
        heard_by: None,
    };
    let score = |indicator: Indicator| {
        let said = indicator == Indicator::Overall;
        Score {
            indicator,
            level: said.then_some(five),
            null_reason: (!said).then_some(NoLevel::NotAsked),
            disagreement: None,
            evidence: if said { vec![evidence.clone()] } else { vec![] },
            human: None,
        }
    };
    let card =
        Scorecard { rubric: "after-sales-zh@1".into(), scores: Indicator::ALL.map(score).to_vec(), alarms: vec![] };
    site.store.save_scorecard(&call.id, &card).await.unwrap();
    site.store.save_facts(&call.id, "facts@1", &json!({"reported_hours": 1520, "leftover": null})).await.unwrap();
    let finding = Finding {
        rule: "C16".into(),
        severity: Severity::Pass,
        seen: "客户先挂机".into(),
        expected: String::new(),
        from_s: Some(65.0),
        to_s: None,
    };
    site.store.save_findings(&call.id, "audit@1", &[finding]).await.unwrap();
    call
}

#[tokio::test]
async fn a_call_carries_outcome_instants_and_recording() {
    let site = Site::start().await;
    let call = site.with_call("FW1", b"RIFF").await;
    let shown = site.get(&format!("/calls/{}", call.id)).await;
    for (field, value) in [
        ("order_no", json!("FW1")),
        ("attempt", json!(1)),
        ("to", json!("+8613812345678")),
        ("outcome", json!("answered")),
        ("sip_status", json!(200)),
        ("hung_up_by", json!("customer")),
        ("conversation", json!({"kind": "completed"})),
        ("invited_at", json!("2026-11-21T20:00:01+08:00")),
        ("ringing_at", Value::Null),
        ("early_media_at", Value::Null),
        ("answered_at", json!("2026-11-21T20:00:05+08:00")),
        ("trying_at", Value::Null),
        ("acked_at", json!("2026-11-21T20:00:05.5+08:00")),
        ("first_rtp_in_at", json!("2026-11-21T20:00:06+08:00")),
        ("first_rtp_out_at", json!("2026-11-21T20:00:05.75+08:00")),
        ("bye_at", json!("2026-11-21T20:01:05+08:00")),
        ("sip_reason", json!("Q.850;cause=16")),
        ("ended_at", json!("2026-11-21T20:01:05+08:00")),
        ("talk_s", json!(60.0)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let recording = &shown["recording"];
    assert_eq!(recording["url"], format!("/api/v1/calls/{}/recording", call.id));
    assert_eq!(
        (&recording["seconds"], &recording["channels"], &recording["gaps"]),
        (&json!(65.0), &json!(2), &json!([]))
    );
    let heard = site.client.get(format!("{}{}", site.base, recording["url"].as_str().unwrap()));
    let heard = heard.bearer_auth(site.token(Role::Reviewer)).send().await.unwrap();
    assert_eq!(heard.bytes().await.unwrap().as_ref(), b"RIFF");
    site.stop().await;
}

#[tokio::test]
async fn calls_are_filtered() {
    let site = Site::start().await;
    let call = site.with_call("FW1", b"").await;
    for (query, found) in [
        ("".to_owned(), 1),
        ("?outcome=answered".into(), 1),
        ("?outcome=busy".into(), 0),
        (format!("?visit={}", call.visit), 1),
        ("?visit=other".into(), 0),
        ("?trunk=loop".into(), 1),
        ("?trunk=other".into(), 0),
        ("?fault=customer".into(), 1),
        ("?fault=us".into(), 0),
        ("?hung_up_by=customer".into(), 1),
        ("?hung_up_by=network&outcome=answered".into(), 0),
        ("?order_no=FW1".into(), 1),
        ("?from=2026-11-21T20:00:00".into(), 1),
        ("?from=2026-11-22".into(), 0),
        ("?to=2026-11-21T20:00:00".into(), 0),
        ("?to=2026-11-22".into(), 1),
        ("?in_progress=true".into(), 0),
    ] {
        let page = site.get(&format!("/calls{query}")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), found, "{query}");
    }
    for field in ["outcome", "fault", "hung_up_by"] {
        let answer = site.request(Method::GET, &format!("/calls?{field}=somebody")).send().await.unwrap();
        let body = super::site::problem(answer, 422, "invalid", field).await;
        assert_eq!(body["field"], field);
    }
    site.stop().await;
}

#[tokio::test]
async fn a_transcript_is_read_as_json_and_as_files() {
    let site = Site::start().await;
    let call = judged(&site).await;
    let path = format!("/calls/{}/transcript", call.id);
    let shown = site.get(&path).await;
    assert_eq!((&shown["engine"], &shown["model"]), (&json!("whisper"), &json!("ggml-base.bin")));
    let words = json!({"channel": "customer", "start": 7.25, "end": 8.75, "text": "非常满意。", "confidence": 0.5,
        "also_heard": [{"engine": "vosk", "text": "非常满意。"}]});
    assert_eq!(shown["segments"][1], words);
    for (extension, kind, begins) in [
        ("json", "application/json", "{"),
        ("vtt", "text/vtt", "WEBVTT"),
        ("srt", "application/x-subrip", "1\n00:00:05,000 --> "),
        ("txt", "text/plain", ""),
    ] {
        let answer = site.request(Method::GET, &format!("{path}.{extension}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{extension}");
        let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(content_type.starts_with(kind), "{extension}: {content_type}");
        let text = answer.text().await.unwrap();
        assert!(text.starts_with(begins) && text.contains("非常满意"), "{extension}: {text}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_score_is_shown_with_its_words_and_corrected_beside_the_machines() {
    let site = Site::start().await;
    let call = judged(&site).await;
    let path = format!("/calls/{}/scorecard", call.id);
    let card = site.get(&path).await;
    assert_eq!(card["index"], json!({"mean": null, "n_scored": 1, "partial_mean": 5.0}), "nothing is imputed");
    assert_eq!(card["scores"].as_array().unwrap().len(), 5);
    assert_eq!((&card["scores"][0]["level"], &card["scores"][0]["null_reason"]), (&Value::Null, &json!("not_asked")));
    let overall = &card["scores"][4];
    assert_eq!((&overall["indicator"], &overall["level"]), (&json!("服务综合"), &json!(5)));
    assert_eq!(overall["evidence"][0]["from_s"], 7.25);

    let correct = async |indicator: &str, level: Value| {
        let body = json!({"level": level, "reason": "语气不好"});
        let sent = site.request_as(Role::Reviewer, Method::PUT, &format!("{path}/{indicator}")).json(&body).send();
        json(sent.await.unwrap(), StatusCode::OK, indicator).await
    };
    let card = correct("overall", json!(2)).await;
    let overall = &card["scores"][4];
    assert_eq!((&overall["level"], &overall["machine_level"]), (&json!(2), &json!(5)));
    let human = json!({"level": 2, "reason": "语气不好", "by": "the reviewer", "at": "2026-11-21T20:00:00+08:00"});
    assert_eq!(overall["human"], human);
    let card = correct("服务综合", Value::Null).await;
    assert_eq!((&card["scores"][4]["level"], &card["index"]["n_scored"]), (&Value::Null, &json!(0)));
    assert_eq!(site.get(&path).await, card);
    site.stop().await;
}

#[tokio::test]
async fn the_report_holds_everything_and_says_what_is_not_made_yet() {
    let site = Site::start().await;
    let call = judged(&site).await;
    let report = site.get(&format!("/calls/{}/report", call.id)).await;
    for (part, path) in [
        ("order", "/orders/FW1".to_owned()),
        ("visit", format!("/visits/{}", call.visit)),
        ("call", format!("/calls/{}", call.id)),
        ("transcript", format!("/calls/{}/transcript", call.id)),
        ("scorecard", format!("/calls/{}/scorecard", call.id)),
        ("facts", format!("/calls/{}/facts", call.id)),
        ("findings", format!("/calls/{}/findings", call.id)),
    ] {
        let mut alone = site.get(&path).await;
        // What became of the customer since belongs to the visit, not to the report of one call.
        alone.as_object_mut().unwrap().remove("complaints");
        assert_eq!(report[part], alone, "{part}");
    }
    assert_eq!((&report["complete"], &report["journal"]), (&json!(true), &json!([])));
    assert_eq!(report["findings"]["findings"][0]["rule"], "C16");
    assert_eq!(report["facts"]["facts"], json!({"reported_hours": 1520, "leftover": null}));

    let fresh = site.with_call("FW2", b"").await;
    let report = site.get(&format!("/calls/{}/report", fresh.id)).await;
    for part in ["transcript", "scorecard", "facts", "findings"] {
        assert_eq!(report[part], Value::Null, "{part}");
    }
    assert_eq!(report["complete"], false);
    site.stop().await;
}

#[tokio::test]
async fn answers_are_judged_one_or_several_and_nothing_is_kept() {
    let site = Site::start().await;
    let one = json!({"id": "7", "indicator": "服务态度", "question": "您对服务态度满意吗？", "answer": "非常满意"});
    let judge = async |body: &Value| {
        let sent = site.request_as(Role::Agent, Method::POST, "/score").json(body).send().await.unwrap();
        json(sent, StatusCode::OK, "score").await
    };
    let judged = judge(&one).await;
    assert_eq!((&judged["id"], &judged["label"], &judged["labels"]), (&json!("7"), &json!(5), &json!({"服务态度": 5})));
    assert_eq!((&judged["evidence"][0]["start"], &judged["evidence"][0]["end"]), (&json!(0), &json!(4)));
    assert!(judged["rubric"].as_str().unwrap().contains('@'));
    assert_eq!(judge(&json!([one, one])).await, json!([judged, judged]));
    assert_eq!(judge(&json!([])).await, json!([]));
    let many: Vec<_> = std::iter::repeat_n(&one, 101).collect();
    let sent = site.request(Method::POST, "/score").json(&many).send().await.unwrap();
    super::site::problem(sent, 422, "invalid", "too many").await;
    site.stop().await;
}
