//! Agents: from the seat's sign-in to the wrapped-up call, over the WebSocket, real SIP and real RTP, against telephones on loopback.

mod browser;
mod calls;
mod crowd;
mod deskphone;
mod line;
mod live;
mod page;
mod presence;
mod preview;
mod promises;
mod supervise;

use crate::support::Station;
use crate::support::api::{answer, text};
use huifang::demo::phone::Phone;
use huifang::store::token::{NewToken, Role};
use page::Page;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A station that works with agents; `reserve` seats are never taken by dialling (B01).
pub async fn station(customer: &Phone, reserve: u32) -> Station {
    Station::start_with(customer.addr(), |config| {
        config.dialer.mode = "agent".into();
        config.dialer.reserve_idle_seats = reserve;
        config.seats.wrap_up_s = 60;
    })
    .await
}

/// An agent's account.
pub async fn agent(station: &Station, name: &str) -> String {
    account(station, name, Role::Agent).await
}

/// The token of a new user.
pub async fn account(station: &Station, name: &str, role: Role) -> String {
    let store = &station.app().store;
    let user = store.create_user(name, role, "correct horse battery").await.unwrap();
    store.create_token(&NewToken::of_user(&user, name)).await.unwrap().secret
}

/// A seat with a telephone at `phone`, and its page; nobody has signed in.
pub async fn desk(station: &Station, name: &str, phone: &Phone) -> Page {
    let token = agent(station, name).await;
    let seat = json!({ "phone": { "kind": "uri", "uri": format!("sip:{name}@{}", phone.addr()) } });
    let put = station.api.request(Method::PUT, &format!("seats/{name}")).json(&seat).send().await.unwrap();
    answer(put, StatusCode::OK).await;
    Page::open(station, &token).await
}

/// The state of a seat as everybody sees it.
pub async fn state(station: &Station, seat: &str) -> String {
    text(&station.api.get(&format!("seats/{seat}")).await["state"])
}

/// What the journal says of the agent's side.
pub fn changes(report: &Value) -> Vec<String> {
    let journal = report["call"]["journal"].as_array().or(report["journal"].as_array()).unwrap();
    journal.iter().filter(|entry| entry["event"] == "seat").map(|entry| text(&entry["change"])).collect()
}
