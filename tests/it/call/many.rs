//! Many calls at once, and how soon they are dialled.

use super::{phone, picks_up, rings};
use crate::support::Station;
use crate::support::api::{sms_text, text};
use crate::support::audio::{Recording, bursts};
use crate::support::data::LEVEL;
use huifang::clock::monotonic;
use huifang::media::tones::{amplitude, tone};
use std::collections::BTreeMap;
use std::time::Duration;

const CALLS: usize = 10;

/// Distinct, far from the tones of the prompts, and below the 2100 Hz at which a fax answers: the engine hangs up on one.
fn hz(n: usize) -> f64 {
    1_050.0 + 100.0 * n as f64
}

fn number(n: usize) -> String {
    format!("1380000{n:04}")
}

#[tokio::test]
async fn ten_calls_at_once_are_ten_recordings_each_with_its_own_customer() {
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), |config| config.dialer.max_voice_calls = CALLS as u32).await;
    let mut visits = BTreeMap::new();
    for n in 0..CALLS {
        visits.insert(number(n), (n, station.api.report(&format!("FL-{n}"), &number(n)).await));
    }
    let mut calls = vec![];
    for _ in 0..CALLS {
        let call = rings(&mut phone).await;
        let n = visits[&call.dialled()].0;
        let call = call.answer().await.unwrap();
        call.say(&tone(hz(n), LEVEL, 8_000));
        calls.push(call);
    }
    for call in &mut calls {
        while call.speaking() {
            call.next_frame().await.expect("the call is up");
        }
        // Two frames more: the last packet has left and has arrived.
        call.next_frame().await.expect("the call is up");
        call.next_frame().await.expect("the call is up");
        call.hang_up().await;
    }
    for (n, visit) in visits.values() {
        let row = station.api.ended_call(visit).await;
        let recording = Recording::of(&row, station.recordings());
        let heard: f64 = bursts(&recording.customer, hz(*n)).iter().map(|(from, to)| to - from).sum();
        // On a machine that stands still for half a second packets come too late for their place; the row counts each of them.
        let counted = |key: &str| row["legs"][0][key].as_f64().unwrap();
        let missing = 0.02 * (counted("packets_late") + counted("packets_lost"));
        assert!(
            (0.95 - missing..=1.05).contains(&heard),
            "call {n}: {heard} s of its tone, {missing} s missing: {row}"
        );
        for other in (0..CALLS).filter(|other| other != n) {
            let level = amplitude(&recording.customer, hz(other));
            // A first packet that was late is made up for a sample per frame, which spreads a tone by a few hundredths.
            assert!(level < LEVEL / 10.0, "call {n} holds {level} of the tone of call {other}");
        }
        assert_eq!(row["legs"][0]["packets_refused"], 0, "{row}");
    }
    station.finish().await;
}

#[tokio::test]
async fn no_more_calls_are_up_than_allowed_and_the_next_begins_when_one_ends() {
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), |config| config.dialer.max_voice_calls = 2).await;
    for n in 0..4 {
        station.api.report(&format!("FL-{n}"), &number(n)).await;
    }
    let mut up = vec![picks_up(&mut phone).await, picks_up(&mut phone).await];
    for left in [1, 0] {
        let mut busy = station.api.get("visits?state=waiting").await["items"].as_array().unwrap().clone();
        busy.retain(|visit| visit["attempts"] == 0);
        assert_eq!(busy.len(), left + 1);
        let why = station.api.why(&text(&busy[0]["id"])).await;
        assert!(why["code"] == "busy", "{why}");
        let in_progress = station.api.get("calls?in_progress=true").await["items"].as_array().unwrap().len();
        assert_eq!(in_progress, 2, "max_voice_calls");
        assert!(!super::has_rung(&mut phone));
        up.remove(0).hang_up().await;
        up.push(picks_up(&mut phone).await);
    }
    for call in up {
        call.hang_up().await;
    }
    station.finish().await;
}

#[tokio::test]
async fn visits_that_come_together_all_ring_while_there_is_room_though_no_call_ends() {
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), |config| config.dialer.max_voice_calls = CALLS as u32).await;
    let numbers: Vec<(String, String)> = (0..CALLS).map(|n| (format!("FL-{n}"), number(n))).collect();
    futures::future::join_all(numbers.iter().map(|(order, number)| station.api.report(order, number))).await;
    let mut ringing = vec![];
    for _ in 0..CALLS {
        ringing.push(rings(&mut phone).await);
    }
    for call in ringing {
        call.reject(404, "Not Found").await;
    }
    station.finish().await;
}

#[tokio::test]
async fn an_accepted_sms_is_an_invite_on_the_wire_at_once() {
    const SMS: usize = 100;
    let mut phone = phone().await;
    let station = Station::start(phone.addr()).await;
    let mut took = vec![];
    for n in 0..SMS {
        let accepted = station.api.sms(&format!("m-{n}"), &sms_text(&format!("FL-{n}"), &number(n))).await;
        let began = monotonic();
        let call = rings(&mut phone).await;
        took.push(monotonic().duration_since(began));
        assert_eq!(call.dialled(), number(n));
        call.reject(404, "Not Found").await;
        station.api.ended_call(&text(&accepted["visit_id"])).await;
    }
    took.sort();
    let (p50, p99) = (took[SMS / 2], took[SMS * 99 / 100]);
    println!("SMS accepted → INVITE on the wire: p50 {p50:?}, p99 {p99:?} of {SMS}");
    assert!(p99 <= Duration::from_secs(3), "p99 {p99:?}");
    station.finish().await;
}
