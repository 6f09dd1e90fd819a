//! Calls that nobody answers: each final status becomes its outcome, its fault, and the next step of the visit in words.

use super::{NUMBER, has_rung, phone, reason, rings};
use crate::support::api::{Api, answer, instant, text};
use crate::support::{Station, until, within};
use huifang::demo::phone::{LineState, Phone};
use reqwest::StatusCode;
use serde_json::{Value, json};

const OTHER: &str = "13900001111";

/// What must be known after one call.
struct Expected {
    outcome: &'static str,
    status: Option<u16>,
    /// Minutes to the next call; `None`: the visit is closed.
    spacing_min: Option<i64>,
    why: &'static str,
}

/// The planner has looked again since the call (it has just dialled somebody else) and has not dialled this customer.
async fn assert_not_dialled_again(api: &Api, phone: &mut Phone, visit: &str, other: &str) {
    api.report(other, OTHER).await;
    let call = rings(phone).await;
    assert_eq!(call.dialled(), OTHER, "a second INVITE inside the spacing");
    call.reject(486, "Busy Here").await;
    assert_eq!(api.calls(visit).await.len(), 1);
}

async fn check(api: &Api, phone: &mut Phone, visit: &str, expected: Expected) -> Value {
    let row = api.ended_call(visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["fault"])), (expected.outcome.into(), "customer".into()), "{row}");
    assert_eq!(row["sip_status"].as_u64(), expected.status.map(u64::from), "{row}");
    assert!(row["answered_at"].is_null() && row["conversation"].is_null(), "{row}");
    let after = api.visit(visit).await;
    assert_eq!(after["attempts"], 1);
    match expected.spacing_min {
        Some(minutes) => {
            assert_eq!(
                (reason(&after), text(&after["state"]["reason"]["after"])),
                ("retry_spacing".into(), expected.outcome.into())
            );
            let wait = instant(&after["state"]["not_before"]).duration_since(instant(&row["ended_at"]));
            assert!((minutes * 60..=minutes * 60 + 20).contains(&wait.as_secs()), "{after}");
        }
        None => assert_eq!(after["state"]["name"], "closed", "{after}"),
    }
    let why = text(&api.why(visit).await["text"]);
    assert!(why.contains(expected.why), "{why}");
    assert_not_dialled_again(api, phone, visit, &format!("{}-{}", "OTHER", expected.outcome.replace('_', "-"))).await;
    row
}

#[tokio::test]
async fn a05_a_rejection_has_its_outcome_its_spacing_and_its_words_and_is_not_dialled_again_inside_it() {
    let mut phone = phone().await;
    let station = Station::start(phone.addr()).await;
    for (order, status, reason, expected) in [
        (
            "FL-1",
            486,
            "Busy Here",
            Expected {
                outcome: "busy", status: Some(486), spacing_min: Some(5), why: "客户占线，间隔 5 分钟"
            },
        ),
        (
            "FL-2",
            603,
            "Decline",
            Expected {
                outcome: "declined",
                status: Some(603),
                spacing_min: Some(60),
                why: "拒接过电话，按规则 A04 要间隔 60 分钟",
            },
        ),
        (
            "FL-3",
            404,
            "Not Found",
            Expected { outcome: "invalid_number", status: Some(404), spacing_min: None, why: "空号" },
        ),
    ] {
        let visit = station.api.report(order, NUMBER).await;
        let call = rings(&mut phone).await;
        call.ring().await;
        call.reject(status, reason).await;
        let row = check(&station.api, &mut phone, &visit, expected).await;
        assert!(!row["ringing_at"].is_null() && row["early_media_at"].is_null(), "{row}");
    }
    assert!(!has_rung(&mut phone));
    station.finish().await;
}

#[tokio::test]
async fn a05_who_does_not_answer_is_cancelled_after_the_ring_time_and_called_again_twenty_minutes_later() {
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), |config| config.trunks[0].ring_timeout_s = 1).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = rings(&mut phone).await;
    let mut state = call.state();
    call.ring().await;
    let end = *within("a CANCEL", state.wait_for(|s| s.is_over())).await.unwrap();
    assert_eq!(end, LineState::Cancelled);
    let expected =
        Expected {
            outcome: "no_answer", status: Some(487), spacing_min: Some(20), why: "无人接听，间隔 20 分钟"
        };
    check(&station.api, &mut phone, &visit, expected).await;
    station.finish().await;
}

#[tokio::test]
async fn a_person_may_call_a_busy_customer_before_his_spacing_is_over_but_not_touch_a_call_in_progress() {
    let mut phone = phone().await;
    let station = Station::start(phone.addr()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    rings(&mut phone).await.reject(486, "Busy Here").await;
    station.api.ended_call(&visit).await;
    let dial = format!("visits/{visit}/dial");
    answer(station.api.post(&dial, &Value::Null).await, StatusCode::ACCEPTED).await;
    let call = rings(&mut phone).await;
    for (path, body) in [
        (dial, Value::Null),
        (format!("visits/{visit}/cancel"), json!({ "note": "x" })),
        (format!("visits/{visit}/reschedule"), json!({ "to": "2099-01-01T10:00:00Z" })),
    ] {
        let refused = answer(station.api.post(&path, &body).await, StatusCode::CONFLICT).await;
        assert!(text(&refused["detail"]).contains("正在通话中"), "{refused}");
    }
    call.reject(486, "Busy Here").await;
    let calls = until("the second call has ended", async || {
        let calls = station.api.calls(&visit).await;
        calls.iter().all(|call| !call["outcome"].is_null()).then_some(calls)
    })
    .await;
    let attempts: Vec<_> = calls.iter().map(|call| call["attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [2, 1]);
    station.finish().await;
}

#[tokio::test]
async fn an_engine_that_stops_while_it_rings_cancels_and_the_customer_is_not_called_at_once_again() {
    let mut phone = phone().await;
    let mut station = Station::start(phone.addr()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = rings(&mut phone).await;
    let mut state = call.state();
    call.ring().await;
    // The value, not the guard: it would hold the phone's state while the engine still stops.
    let over = async { *state.wait_for(|s| s.is_over()).await.unwrap() };
    let (end, ()) = tokio::join!(within("a CANCEL", over), station.restart());
    assert_eq!(end, LineState::Cancelled);
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["fault"])), ("cancelled".into(), "us".into()), "{row}");
    let why = text(&station.api.why(&visit).await["text"]);
    assert!(why.contains("呼叫被取消，间隔 5 分钟"), "{why}");
    assert!(!has_rung(&mut phone));
    station.finish().await;
}
