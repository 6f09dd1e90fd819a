//! Who is there: sign-in, breaks, leases, and who has the seat when two windows want it.

use super::page::Page;
use super::{agent, desk, state, station};
use crate::call::phone;
use crate::support::{Station, until};
use serde_json::json;

#[tokio::test]
async fn a_seat_signs_in_takes_a_break_with_its_reason_comes_back_and_signs_out() {
    let customer = phone().await;
    let station = station(&customer, 0).await;
    let mut page = desk(&station, "anna", &customer).await;
    assert_eq!(state(&station, "anna").await, "signed_out", "to connect is not to sign in");
    page.does(json!({ "type": "sign_in" })).await;
    page.seat_is("available").await;
    page.does(json!({ "type": "break", "reason": "午饭" })).await;
    assert_eq!(page.seat_is("break").await["reason"], "午饭");
    page.does(json!({ "type": "available" })).await;
    page.seat_is("available").await;
    page.does(json!({ "type": "sign_out" })).await;
    page.seat_is("signed_out").await;
    assert!(page.is_refused(json!({ "type": "break", "reason": "午饭" })).await.contains("没有签入"));
    assert!(page.is_refused(json!({ "type": "hang_up" })).await.contains("没有通话"));
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_and_changes_nothing() {
    let customer = phone().await;
    let station = station(&customer, 0).await;
    let mut page = desk(&station, "anna", &customer).await;
    for (message, named) in [
        ("{", "EOF"),
        ("[]", "invalid type"),
        (r#"{"type":"dance"}"#, "dance"),
        (r#"{"type":"break"}"#, "reason"),
        (r#"{"type":"mute","on":"yes"}"#, "boolean"),
    ] {
        page.send(message).await;
        let told = page.until("an error", |news| news["type"] == "error").await;
        assert_eq!(told["code"], "malformed");
        assert!(told["message"].as_str().unwrap().contains(named), "{message}: {told}");
    }
    let long = "长".repeat(5_000);
    assert!(page.is_refused(json!({ "type": "break", "reason": long })).await.contains("reason"));
    assert!(page.is_refused(json!({ "type": "break", "reason": " " })).await.contains("reason"));
    assert_eq!(state(&station, "anna").await, "signed_out");
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn the_newest_window_has_the_seat_and_the_older_is_told() {
    let customer = phone().await;
    let station = station(&customer, 0).await;
    let token = agent(&station, "anna").await;
    let mut older = Page::open(&station, &token).await;
    older.does(json!({ "type": "sign_in" })).await;
    let mut newer = Page::open(&station, &token).await;
    older.until("replaced", |news| news["type"] == "replaced").await;
    assert!(older.read().await.is_none(), "the older connection is closed");
    newer.does(json!({ "type": "break", "reason": "会议" })).await;
    assert_eq!(state(&station, "anna").await, "break", "it is the same seat, still signed in");
    newer.close().await;
    station.finish().await;
}

#[tokio::test]
async fn a_page_that_is_gone_frees_its_seat_when_the_lease_ends_and_not_before_it_may_come_back() {
    let customer = phone().await;
    let station = Station::start_with(customer.addr(), |config| {
        config.dialer.mode = "agent".into();
        config.seats.lease_s = 3;
    })
    .await;
    let token = agent(&station, "anna").await;
    let mut page = Page::open(&station, &token).await;
    page.does(json!({ "type": "sign_in" })).await;
    page.close().await;
    let mut page = Page::dial(&station, &token).await.unwrap();
    let welcome = page.until("welcome", |news| news["type"] == "welcome").await;
    assert_eq!(welcome["seat"]["state"], "available", "he came back within his lease");
    drop(page);
    until("the seat is freed", async || (state(&station, "anna").await == "signed_out").then_some(())).await;
    station.finish().await;
}

#[tokio::test]
async fn who_was_signed_in_before_a_stop_is_signed_out_after_it_though_nobody_looks() {
    let customer = phone().await;
    let mut station = station(&customer, 0).await;
    let token = agent(&station, "anna").await;
    let mut page = Page::open(&station, &token).await;
    page.does(json!({ "type": "sign_in" })).await;
    station.restart().await;
    assert_eq!(state(&station, "anna").await, "signed_out");
    station.finish().await;
}

#[tokio::test]
async fn only_who_may_sit_is_let_in() {
    let customer = phone().await;
    let station = station(&customer, 0).await;
    use huifang::store::token::{NewToken, Role};
    let store = &station.app().store;
    for (role, may) in [(Role::Service, false), (Role::Reviewer, false), (Role::Agent, true), (Role::Supervisor, true)]
    {
        let token = store.create_token(&NewToken::of_machine(role.name(), role)).await.unwrap().secret;
        assert_eq!(Page::dial(&station, &token).await.is_ok(), may, "{role:?}");
    }
    assert!(Page::dial(&station, "hf_nonsense").await.is_err());
    station.finish().await;
}
