//! An agent talks: who hears whom, who may end it, and what is written down.

use super::page::Page;
use super::{agent, changes, desk, state, station};
use crate::call::{NUMBER, ends, phone, picks_up, reason};
use crate::sip::peer::{ANSWER, Peer};
use crate::sip::phones::Desk;
use crate::support::api::{answer, text};
use crate::support::audio::{Recording, bursts};
use crate::support::{Station, until, within};
use huifang::demo::phone::{LineState, Phone, PhoneCall};
use huifang::media::tones::tone;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

pub const AGENT_HZ: f64 = 440.0;
pub const CUSTOMER_HZ: f64 = 1_000.0;

/// An agent's telephone answers, then the customer's; both speak a tone of their own.
pub async fn connected(agent: &mut Phone, customer: &mut Phone) -> (PhoneCall, PhoneCall) {
    let mut desk = within("the agent's telephone rings first", agent.incoming()).await.unwrap().answer().await.unwrap();
    let mut far = picks_up(customer).await;
    desk.say(&tone(AGENT_HZ, 8_000.0, 16_000));
    far.say(&tone(CUSTOMER_HZ, 8_000.0, 16_000));
    hears(&mut desk, CUSTOMER_HZ).await;
    hears(&mut far, AGENT_HZ).await;
    (desk, far)
}

/// Waits until this call has heard the tone for a fifth of a second.
pub async fn hears(call: &mut PhoneCall, hz: f64) {
    within(&format!("{hz} Hz is heard"), async {
        let mut heard = vec![];
        while !bursts(&heard, hz).iter().any(|(from, to)| to - from >= 0.2) {
            let frame = call.next_frame().await.unwrap_or_else(|| panic!("the call ended before {hz} Hz was heard"));
            heard.extend(frame);
            heard.drain(..heard.len().saturating_sub(8_000));
        }
    })
    .await;
}

#[tokio::test]
async fn b01_c16_an_agents_telephone_is_called_first_both_hear_each_other_and_each_has_a_channel() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer, 0).await;
    let mut page = desk(&station, "anna", &agent).await;
    page.does(json!({ "type": "sign_in" })).await;
    page.seat_is("available").await;
    let visit = station.api.report("FL-1", NUMBER).await;

    let (desk, far) = connected(&mut agent, &mut customer).await;
    let shown = page.call_is("answered").await;
    assert_eq!((text(&shown["order"]["order_no"]), text(&shown["visit"])), ("FL-1".into(), visit.clone()));
    assert_eq!(text(&shown["number"]), "138****5678", "an agent sees no whole number");
    assert!(shown["script"]["steps"].as_array().unwrap().iter().any(|step| step["ask"] == true), "{shown}");
    assert_eq!(state(&station, "anna").await, "in_call");
    page.does(json!({ "type": "step", "step": "sat_overall", "indicator": "服务综合" })).await;
    page.does(json!({ "type": "result", "end": { "kind": "completed" }, "note": "说话很客气" })).await;
    far.hang_up().await;
    ends(&desk, LineState::CallerHungUp).await;

    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("answered".into(), "customer".into()), "{row}");
    let legs: Vec<String> = row["legs"].as_array().unwrap().iter().map(|leg| text(&leg["name"])).collect();
    assert_eq!(legs, ["customer", "agent"]);
    let recording = Recording::of(&row, station.recordings());
    for (channel, own, other) in
        [(&recording.agent, AGENT_HZ, CUSTOMER_HZ), (&recording.customer, CUSTOMER_HZ, AGENT_HZ)]
    {
        let (own, other) = (bursts(channel, own), bursts(channel, other));
        assert!(!own.is_empty() && other.is_empty(), "its own tone and no other: {own:?}, {other:?}");
    }

    // He is still writing: the visit waits for him and says so.
    assert_eq!(reason(&station.api.visit(&visit).await), "wrap_up");
    assert_eq!(page.call_is("ended").await["outcome"], "answered");
    page.does(json!({ "type": "wrapped_up", "end": { "kind": "completed" }, "form": { "what": "保养" } })).await;
    assert_eq!(station.api.visit(&visit).await["state"]["name"], "completed");
    page.seat_is("available").await;
    let report = station.api.report_of(&row).await;
    assert_eq!(report["call"]["note"], "说话很客气");
    assert_eq!(report["call"]["form"]["what"], "保养");
    page.close().await;
    station.finish().await;
}

/// The customer says a word of one second as he answers: what of it does not reach the agent's ear, seconds.
async fn missing_of_the_first_word(agent: &mut Phone, customer: &mut Phone) -> (f64, PhoneCall, PhoneCall) {
    let mut desk = within("the agent's telephone rings first", agent.incoming()).await.unwrap().answer().await.unwrap();
    let far = picks_up(customer).await;
    far.say(&tone(CUSTOMER_HZ, 8_000.0, 8_000));
    let (mut heard, mut quiet) = (vec![], 0);
    while far.speaking() || quiet < 25 {
        let frame = within("the agent's line", desk.next_frame()).await.expect("the call goes on");
        quiet = if far.speaking() || frame.iter().any(|s| s.unsigned_abs() > 1_000) { 0 } else { quiet + 1 };
        heard.extend(frame);
    }
    let heard: f64 = bursts(&heard, CUSTOMER_HZ).iter().map(|(from, to)| to - from).sum();
    (1.0 - heard, desk, far)
}

/// Counted in what is missing of a voice, not in time that passes; on a busy machine the best of three calls.
#[tokio::test]
async fn an_agent_hears_the_customer_from_the_first_fifth_of_a_second_after_his_answer_on() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer, 0).await;
    let mut page = desk(&station, "anna", &agent).await;
    page.does(json!({ "type": "sign_in" })).await;
    let mut missing = vec![];
    for n in 0..3 {
        let visit = station.api.report(&format!("FL-{n}"), &format!("1381234567{n}")).await;
        let (lost, _desk, far) = missing_of_the_first_word(&mut agent, &mut customer).await;
        missing.push(lost);
        far.hang_up().await;
        station.api.ended_call(&visit).await;
        page.call_is("ended").await;
        page.does(json!({ "type": "wrapped_up", "end": { "kind": "completed" } })).await;
    }
    assert!(missing.iter().any(|lost| *lost <= 0.2), "seconds of his first word that are missing: {missing:?}");
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn an_agent_who_hangs_up_his_telephone_ends_the_call_and_a_wrap_up_without_a_result_waits_for_a_person() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer, 0).await;
    let mut page = desk(&station, "anna", &agent).await;
    page.does(json!({ "type": "sign_in" })).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let (desk, far) = connected(&mut agent, &mut customer).await;
    desk.hang_up().await;
    ends(&far, LineState::CallerHungUp).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("answered".into(), "us".into()), "{row}");
    page.call_is("ended").await;
    page.does(json!({ "type": "available" })).await;
    let after = station.api.visit(&visit).await;
    assert_eq!(reason(&after), "for_person");
    assert!(text(&after["state"]["reason"]["problem"]).contains("坐席未填写"), "{after}");
    page.seat_is("available").await;
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn a04_a_customer_who_hangs_up_on_an_agent_is_not_called_again_before_the_spacing_and_not_by_hand_either() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer, 0).await;
    let mut page = desk(&station, "anna", &agent).await;
    page.does(json!({ "type": "sign_in" })).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let (_desk, far) = connected(&mut agent, &mut customer).await;
    far.hang_up().await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!(text(&row["outcome"]), "hung_up");
    page.call_is("ended").await;
    page.does(json!({ "type": "wrapped_up", "end": null })).await;
    assert_eq!(station.api.why(&visit).await["code"], "redial_guard");
    let by_hand = station.api.post(&format!("visits/{visit}/dial"), &Value::Null).await;
    assert_eq!(by_hand.status(), StatusCode::CONFLICT);
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn a_result_given_in_the_wrap_up_counts_when_its_time_runs_out_though_the_customer_had_hung_up() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = Station::start_with(customer.addr(), |config| {
        config.dialer.mode = "agent".into();
        config.dialer.reserve_idle_seats = 0;
        config.seats.wrap_up_s = 4;
    })
    .await;
    let mut page = desk(&station, "anna", &agent).await;
    page.does(json!({ "type": "sign_in" })).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let (_desk, far) = connected(&mut agent, &mut customer).await;
    far.hang_up().await;
    page.call_is("ended").await;
    page.does(json!({ "type": "result", "end": { "kind": "completed" }, "note": "都说完了" })).await;
    until("what he says is stored while he may still change it", async || {
        let row = station.api.calls(&visit).await.remove(0);
        (row["conversation"]["kind"] == "completed" && row["outcome"] == "hung_up").then_some(())
    })
    .await;
    assert_eq!(reason(&station.api.visit(&visit).await), "wrap_up");
    until("the wrap-up is over", async || {
        (reason_or_none(&station.api.visit(&visit).await) != "wrap_up").then_some(())
    })
    .await;
    page.seat_is("available").await;
    assert_eq!(station.api.visit(&visit).await["state"]["name"], "completed");
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("answered".into(), "customer".into()), "{row}");
    assert_eq!(station.api.report_of(&row).await["call"]["note"], "都说完了");
    page.close().await;
    station.finish().await;
}

/// Why the visit waits; nothing when it does not.
fn reason_or_none(visit: &Value) -> &str {
    visit["state"]["reason"]["kind"].as_str().unwrap_or("")
}

#[tokio::test]
async fn an_agent_who_is_lost_before_the_answer_cancels_the_call_and_one_lost_in_it_apologises() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer, 0).await;
    let mut page = desk(&station, "anna", &agent).await;
    page.does(json!({ "type": "sign_in" })).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let desk_call = within("the agent's telephone rings", agent.incoming()).await.unwrap().answer().await.unwrap();
    let far = crate::call::rings(&mut customer).await;
    far.ring().await;
    station.api.post("seats/anna/release", &Value::Null).await.error_for_status().unwrap();
    let mut line = far.state();
    within("the customer's telephone is cancelled", line.wait_for(|state| *state == LineState::Cancelled))
        .await
        .unwrap();
    ends(&desk_call, LineState::CallerHungUp).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["fault"])), ("cancelled".into(), "us".into()), "{row}");

    page.does(json!({ "type": "sign_in" })).await;
    answer(station.api.post(&format!("visits/{visit}/dial"), &Value::Null).await, StatusCode::ACCEPTED).await;
    let (desk_call, mut far) = connected(&mut agent, &mut customer).await;
    station.api.post("seats/anna/release", &Value::Null).await.error_for_status().unwrap();
    hears(&mut far, crate::support::data::OTHERS_HZ).await;
    ends(&far, LineState::CallerHungUp).await;
    ends(&desk_call, LineState::CallerHungUp).await;
    let calls = until("the second call has ended", async || {
        let calls = station.api.calls(&visit).await;
        (!calls[0]["outcome"].is_null()).then_some(calls)
    })
    .await;
    assert_eq!(calls[0]["conversation"]["kind"], "fault", "{}", calls[0]);
    let report = station.api.report_of(&calls[0]).await;
    assert!(changes(&report).contains(&"lost".to_owned()), "{report}");
    assert_eq!(state(&station, "anna").await, "signed_out");
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn muted_and_held_the_customer_hears_nothing_of_the_agent_and_the_recording_goes_on() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer, 0).await;
    let mut page = desk(&station, "anna", &agent).await;
    page.does(json!({ "type": "sign_in" })).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let (desk, mut far) = connected(&mut agent, &mut customer).await;
    for on in ["mute", "hold"] {
        page.does(json!({ "type": on, "on": true })).await;
        goes_silent(&mut far).await;
        desk.say(&tone(AGENT_HZ, 8_000.0, 16_000));
        page.does(json!({ "type": on, "on": false })).await;
        hears(&mut far, AGENT_HZ).await;
    }
    page.does(json!({ "type": "hang_up" })).await;
    ends(&far, LineState::CallerHungUp).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!(
        row["recording"]["gaps"].as_array().map(|gaps| gaps.iter().filter(|g| g["reason"] == "hold").count()),
        Some(0)
    );
    let report = station.api.report_of(&row).await;
    let told = changes(&report);
    for change in ["muted", "unmuted", "held", "resumed"] {
        assert!(told.contains(&change.to_owned()), "{change}: {told:?}");
    }
    page.call_is("ended").await;
    page.does(json!({ "type": "wrapped_up", "end": { "kind": "refused", "opt_out": true } })).await;
    assert_eq!(station.api.visit(&visit).await["state"]["cause"], "refused");
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn the_page_of_a_desk_phone_sees_it_come_and_go_and_its_messages_stand_in_the_trace_of_the_call() {
    let mut customer = phone().await;
    let station = Station::start_with(customer.addr(), |config| {
        config.dialer.mode = "agent".into();
        config.dialer.reserve_idle_seats = 0;
        config.seats.phone_sources = vec!["127.0.0.0/8".into()];
    })
    .await;
    let token = agent(&station, "chen").await;
    let seat = json!({ "phone": { "kind": "registered" }, "secret": "a desk phone" });
    answer(station.api.request(Method::PUT, "seats/chen").json(&seat).send().await.unwrap(), StatusCode::OK).await;
    let mut page = Page::open(&station, &token).await;
    page.does(json!({ "type": "sign_in" })).await;
    let is_there = |news: &Value| news["type"] == "seat" && news["seat"]["registered"] == true;
    let mut desk = Desk::on(Peer::udp().await, station.app().sip.unwrap());
    desk.secret = "a desk phone";
    desk.register().await;
    page.until("the desk phone is there", is_there).await;

    let visit = station.api.report("FL-1", NUMBER).await;
    let invite = desk.sip.expect("INVITE").await;
    let head = format!("{}Content-Type: application/sdp\r\n", desk.contact());
    desk.sip.reply(&invite, "200 OK", head.as_bytes(), ANSWER).await;
    desk.sip.expect("ACK").await;
    picks_up(&mut customer).await.hang_up().await;
    let bye = desk.sip.expect("BYE").await;
    desk.sip.reply(&bye, "200 OK", b"", b"").await;
    let row = station.api.ended_call(&visit).await;
    let of_leg = async |leg: &str| {
        let trace = station.api.get(&format!("calls/{}/sip", text(&row["id"]))).await;
        let messages = trace["messages"].as_array().unwrap().iter().filter(|m| m["leg"] == leg);
        messages.map(|m| format!("{} {}", text(&m["way"]), text(&m["label"]))).collect::<Vec<_>>()
    };
    let agents = until("the answer to our last BYE is in the trace", async || {
        Some(of_leg("agent").await).filter(|messages| messages.len() >= 5)
    })
    .await;
    assert_eq!(agents, ["sent INVITE", "received 200 OK", "sent ACK", "sent BYE", "received 200 OK"]);
    let customers = of_leg("customer").await;
    assert!(customers[0] == "sent INVITE" && customers.contains(&"received BYE".to_owned()), "{customers:?}");

    desk.register_with("SHA-256", "Contact: *\r\nExpires: 0\r\n").await;
    page.until("the desk phone has gone", |news| news["type"] == "seat" && news["seat"]["registered"] == false).await;
    page.close().await;
    station.finish().await;
}

/// Waits for a fifth of a second without a sound.
async fn goes_silent(call: &mut PhoneCall) {
    let mut quiet = 0;
    within("it becomes silent", async {
        while quiet < 10 {
            let frame = call.next_frame().await.expect("the call ended");
            quiet = if frame.iter().any(|s| s.unsigned_abs() > 1_000) { 0 } else { quiet + 1 };
        }
    })
    .await;
}
