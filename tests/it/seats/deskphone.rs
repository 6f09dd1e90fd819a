//! baresip as an agent's desk phone: it registers with us, is rung before the customer, and answers by itself.

use super::calls::hears;
use super::page::Page;
use super::{agent, state};
use crate::call::baresip::{Baresip, VOICE_HZ};
use crate::call::{NUMBER, ends, phone, picks_up};
use crate::support::api::{answer, text};
use crate::support::audio::{Recording, bursts};
use crate::support::data::LEVEL;
use crate::support::{Station, until};
use huifang::demo::phone::LineState;
use huifang::media::tones::tone;
use reqwest::{Method, StatusCode};
use serde_json::json;

const SECRET: &str = "correct horse battery";
const CUSTOMER_HZ: f64 = 1_000.0;

#[tokio::test]
async fn baresip_at_an_agents_desk_is_heard_hears_and_is_in_the_left_channel_and_either_side_may_hang_up() {
    let mut customer = phone().await;
    let station = Station::start_with(customer.addr(), |config| {
        config.dialer.mode = "agent".into();
        config.dialer.reserve_idle_seats = 0;
        config.seats.phone_sources = vec!["127.0.0.0/8".into()];
        config.seats.phone_digest = vec!["MD5".into()];
    })
    .await;
    let token = agent(&station, "anna").await;
    let seat = json!({ "phone": { "kind": "registered" }, "secret": SECRET });
    answer(station.api.request(Method::PUT, "seats/anna").json(&seat).send().await.unwrap(), StatusCode::OK).await;
    let us = station.app().sip.unwrap();
    let account = format!("<sip:anna@{us}>;regint=60;auth_pass=\"{SECRET}\";answermode=auto;audio_codecs=pcma\n");
    let mut baresip = Baresip::start_as(|_| account.clone()).await;
    until("baresip has registered", async || (station.api.get("seats/anna").await["registered"] == true).then_some(()))
        .await;
    let mut page = Page::open(&station, &token).await;
    page.does(json!({ "type": "sign_in" })).await;

    for (order, customer_hangs_up) in [("FL-1", true), ("FL-2", false)] {
        let number = if customer_hangs_up { NUMBER } else { "13812345679" };
        let visit = station.api.report(order, number).await;
        let mut far = picks_up(&mut customer).await;
        far.say(&tone(CUSTOMER_HZ, LEVEL, 16_000));
        hears(&mut far, VOICE_HZ).await;
        while far.speaking() {
            far.next_frame().await.expect("the call goes on");
        }
        assert_eq!(state(&station, "anna").await, "in_call");
        if customer_hangs_up {
            far.hang_up().await;
        } else {
            baresip.hang_up().await;
            ends(&far, LineState::CallerHungUp).await;
        }
        let row = station.api.ended_call(&visit).await;
        let by = if customer_hangs_up { "customer" } else { "us" };
        assert_eq!(text(&row["hung_up_by"]), by, "{row}\n{}", baresip.log());
        let recording = Recording::of(&row, station.recordings());
        for (channel, own, other) in
            [(&recording.agent, VOICE_HZ, CUSTOMER_HZ), (&recording.customer, CUSTOMER_HZ, VOICE_HZ)]
        {
            let (own, other) = (bursts(channel, own), bursts(channel, other));
            assert!(!own.is_empty() && other.is_empty(), "its own tone and no other: {own:?}, {other:?}");
        }
        page.call_is("ended").await;
        page.does(json!({ "type": "wrapped_up", "end": { "kind": "completed" } })).await;
        assert!(!bursts(&baresip.heard(), CUSTOMER_HZ).is_empty(), "the desk phone hears the customer");
    }
    page.close().await;
    station.finish().await;
}
