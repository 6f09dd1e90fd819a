//! Fifty agents come and go over real WebSockets while visits are dialled for them. The database itself counts who is left idle.

use super::page::Page;
use super::{agent, state};
use crate::call::phone;
use crate::support::api::{answer, text};
use crate::support::impair::Dice;
use crate::support::{Station, until};
use huifang::demo::phone::Phone;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AnyPool, Executor, Row};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SEATS: usize = 50;
const VISITS: usize = 40;
const RESERVE: u32 = 3;
/// Agents do something so often.
const PACE: Duration = Duration::from_millis(500);

/// An independent witness: at every reservation, inside its own transaction, the seats that are left idle. Nobody's lease ends here.
const WITNESS: &str = "CREATE TABLE witness (idle BIGINT NOT NULL);
    CREATE TRIGGER witness AFTER UPDATE ON seats WHEN OLD.state = 'available' AND NEW.state = 'reserved'
    BEGIN INSERT INTO witness SELECT COUNT(*) FROM seats WHERE state = 'available'; END";

/// Answers every call and stays on the line until it ends.
async fn desk_phones(mut phone: Phone) {
    while let Some(call) = phone.incoming().await {
        tokio::spawn(async move { call.answer().await.unwrap().ended().await });
    }
}

/// Every other customer is busy; the others answer, and hang up when they have heard something.
async fn customers(mut phone: Phone) {
    let mut busy = false;
    while let Some(call) = phone.incoming().await {
        busy = !busy;
        if busy {
            call.reject(486, "Busy Here").await;
            continue;
        }
        tokio::spawn(async move {
            let mut call = call.answer().await.unwrap();
            call.next_frame().await;
            call.hang_up().await;
        });
    }
}

/// One agent: signs in, takes breaks, leaves, loses his connection, writes down some of his calls; at the end he goes home.
async fn work(station: &Station, name: String, token: String, seed: u64, stop: &CancellationToken) {
    let mut dice = Dice::new(seed << 32);
    let mut page = Page::open(station, &token).await;
    let mut pace = tokio::time::interval(PACE);
    // On a slow machine they do less, not more at once.
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        pace.tick().await;
        // What he asks may be too late for what has happened meanwhile: it is answered, done or not.
        match dice.below(8) {
            0 => page.ask(json!({ "type": "sign_out" })).await,
            1 => page.ask(json!({ "type": "break", "reason": "喝水" })).await,
            2 => page.ask(json!({ "type": "available" })).await,
            3 => {
                page.leave().await;
                page = Page::open(station, &token).await;
                continue;
            }
            4 => page.ask(json!({ "type": "ping" })).await,
            _ => page.ask(json!({ "type": "sign_in" })).await,
        };
        if page.was_told(|news| news["call"]["phase"] == "ended") {
            page.ask(json!({ "type": "wrapped_up", "end": { "kind": "completed" } })).await;
        }
    }
    page.does(json!({ "type": "sign_out" })).await;
    until(&format!("{name} is signed out"), async || (state(station, &name).await == "signed_out").then_some(())).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b01_fifty_pages_come_and_go_under_load_and_no_seat_is_stuck_and_no_visit_lost() {
    let (agents, line) = (phone().await, phone().await);
    let station = Station::start_with(line.addr(), |config| {
        config.dialer.mode = "agent".into();
        config.dialer.reserve_idle_seats = RESERVE;
        config.seats.lease_s = 300;
        config.seats.wrap_up_s = 2;
        config.trunks[0].max_calls = SEATS as u32;
    })
    .await;
    let behind = AnyPool::connect(&station.config.database.url).await.unwrap();
    behind.execute(WITNESS).await.unwrap();
    let desk_address = agents.addr();
    let telephones = [tokio::spawn(desk_phones(agents)), tokio::spawn(customers(line))];
    let stop = CancellationToken::new();
    let mut crowd = vec![];
    for n in 0..SEATS {
        let name = format!("s{n:02}");
        let token = agent(&station, &name).await;
        let seat = json!({ "phone": { "kind": "uri", "uri": format!("sip:{name}@{desk_address}") } });
        let put = station.api.request(Method::PUT, &format!("seats/{name}")).json(&seat).send().await.unwrap();
        answer(put, StatusCode::OK).await;
        crowd.push(work(&station, name, token, n as u64, &stop));
    }
    for n in 0..VISITS {
        station.api.report(&format!("FL-{n}"), &format!("1380000{n:04}")).await;
    }
    // Each next one within the limit: on a slow machine all of them take long.
    let dialled = async {
        for so_many in 1..=VISITS as i64 {
            until(&format!("{so_many} visits have been dialled"), async || {
                let dialled =
                    sqlx::query("SELECT COUNT(DISTINCT visit_id) FROM calls").fetch_one(&behind).await.unwrap();
                (dialled.get::<i64, _>(0) >= so_many).then_some(())
            })
            .await;
        }
    };
    tokio::join!(futures::future::join_all(crowd), async {
        dialled.await;
        stop.cancel();
    });

    let witness = sqlx::query("SELECT COUNT(*), MIN(idle) FROM witness").fetch_one(&behind).await.unwrap();
    let (reserved, fewest): (i64, i64) = (witness.get(0), witness.get(1));
    assert!(reserved >= VISITS as i64, "only {reserved} reservations were made");
    assert!(fewest >= i64::from(RESERVE), "B01: only {fewest} seats were left idle");
    behind.close().await;
    let visits = until("no visit is in anybody's hands", async || {
        let visits = station.api.get("visits?limit=200").await["items"].as_array().unwrap().clone();
        visits.iter().all(|visit| visit["state"]["name"] != "calling").then_some(visits)
    })
    .await;
    assert_eq!(visits.len(), VISITS);
    for visit in &visits {
        has_a_next_step(&station, visit).await;
    }
    telephones.iter().for_each(tokio::task::JoinHandle::abort);
    station.finish().await;
}

/// It is done, or it waits and says for what.
async fn has_a_next_step(station: &Station, visit: &Value) {
    if visit["state"]["name"] != "completed" {
        let why = station.api.why(&text(&visit["id"])).await;
        assert!(visit["state"]["name"] == "waiting" && !text(&why["text"]).is_empty(), "{visit}: {why}");
    }
}
