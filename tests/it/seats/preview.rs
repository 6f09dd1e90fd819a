//! The agent looks at the order first: he starts, declines with a reason, or lets the time pass.

use super::{desk, state, station};
use crate::call::{NUMBER, ends, has_rung, phone, picks_up};
use crate::support::Station;
use crate::support::api::text;
use huifang::demo::phone::{LineState, Phone};
use serde_json::json;

/// The shipped programme, with a look before the call.
async fn looking(customer: &Phone) -> Station {
    Station::start_with(customer.addr(), |config| {
        config.dialer.mode = "agent".into();
        config.dialer.reserve_idle_seats = 0;
        let file = config.data.programmes.join("excavator.toml");
        let shipped = std::fs::read_to_string(&file).unwrap();
        let looking = shipped.replace("dial = \"progressive\"", "dial = \"preview\"");
        assert_ne!(looking, shipped);
        std::fs::write(&file, looking).unwrap();
    })
    .await
}

#[tokio::test]
async fn nothing_is_dialled_before_the_agent_starts_and_a_visit_he_declined_goes_to_another() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = looking(&customer).await;
    let mut anna = desk(&station, "anna", &agent).await;
    anna.does(json!({ "type": "sign_in" })).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let shown = anna.call_is("preview").await;
    assert_eq!((text(&shown["order"]["order_no"]), shown["call"].is_null()), ("FL-1".into(), true));
    assert!(!has_rung(&mut agent) && !has_rung(&mut customer), "nothing is dialled before he starts");
    assert!(text(&station.api.why(&visit).await["text"]).contains("anna"), "why names who looks at it");
    anna.does(json!({ "type": "decline", "reason": "认识这位客户" })).await;
    anna.seat_is("available").await;

    let mut ben = desk(&station, "ben", &agent).await;
    ben.does(json!({ "type": "sign_in" })).await;
    ben.call_is("preview").await;
    assert_eq!(state(&station, "anna").await, "available", "he is not offered it again");
    ben.does(json!({ "type": "start" })).await;
    let desk_call = agent.incoming().await.unwrap().answer().await.unwrap();
    let far = picks_up(&mut customer).await;
    ben.call_is("answered").await;
    far.hang_up().await;
    ends(&desk_call, LineState::CallerHungUp).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!(text(&row["seat"]), "ben", "{row}");
    ben.call_is("ended").await;
    ben.does(json!({ "type": "wrapped_up", "end": { "kind": "callback", "at": null, "said": "明天上午" } })).await;
    assert_eq!(crate::call::reason(&station.api.visit(&visit).await), "appointment");
    anna.close().await;
    ben.close().await;
    station.finish().await;
}

#[tokio::test]
async fn b01_the_last_idle_seat_is_never_taken_and_why_says_so() {
    let (mut telephone, mut customer) = (phone().await, phone().await);
    let station = station(&customer, 1).await;
    let mut anna = desk(&station, "anna", &telephone).await;
    let mut ben = desk(&station, "ben", &telephone).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let nobody = station.api.why(&visit).await;
    assert!(text(&nobody["text"]).contains("签入"), "{nobody}");
    anna.does(json!({ "type": "sign_in" })).await;
    let floor = station.api.why(&visit).await;
    assert!(text(&floor["text"]).contains("B01"), "{floor}");
    assert!(!has_rung(&mut telephone) && !has_rung(&mut customer));

    ben.does(json!({ "type": "sign_in" })).await;
    let desk_call = telephone.incoming().await.unwrap().answer().await.unwrap();
    let far = picks_up(&mut customer).await;
    anna.call_is("answered").await;
    assert_eq!(state(&station, "ben").await, "available", "the one who has been idle longest was taken, one is left");
    far.hang_up().await;
    ends(&desk_call, LineState::CallerHungUp).await;
    anna.close().await;
    ben.close().await;
    station.finish().await;
}
