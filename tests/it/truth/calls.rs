//! Whole calls behind a bad network: the visit, the record and the recording stay true, and no far leg stays up.

use super::axis::check_gaps;
use crate::call::{phone, rings};
use crate::support::api::text;
use crate::support::audio::{NEAR, Recording, bursts};
use crate::support::data::{LEVEL, PROMPT_HZ};
use crate::support::far::Far;
use crate::support::impair::{Network, Weather};
use crate::support::steady::steady;
use crate::support::{Station, until, within};
use huifang::clock::monotonic;
use huifang::demo::phone::LineState;
use huifang::media::tones::add_tone;
use std::time::Instant;

const CLEAR: Weather = Weather { loss: 0, burst: 0, delay_ms: 0, jitter_ms: 0, twice: 0, cut: 0 };
/// 5 % loss and 60 ms jitter, as the contract names them.
const BAD_RTP: Weather = Weather { loss: 5, delay_ms: 20, jitter_ms: 60, twice: 2, ..CLEAR };
const NUMBER: &str = "13812345678";
const CUSTOMER_HZ: f64 = 1_500.0;
/// What the customer says, over and over: a word at these seconds of every period.
const PERIOD_S: f64 = 1.5;
const WORD_S: (f64, f64) = (0.6, 0.9);
/// The axis has found the far end's clock by then.
const SETTLED_S: f64 = 3.0;

fn seconds(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64()
}

fn words(periods: usize) -> Vec<i16> {
    let mut said = vec![0; (PERIOD_S * 8_000.0) as usize * periods];
    for period in said.chunks_exact_mut((PERIOD_S * 8_000.0) as usize) {
        add_tone(&mut period[(WORD_S.0 * 8_000.0) as usize..(WORD_S.1 * 8_000.0) as usize], CUSTOMER_HZ, LEVEL, 0);
    }
    said
}

#[tokio::test]
async fn a_call_under_5_percent_loss_and_60_ms_jitter_ends_its_questionnaire_and_its_recording_tells_the_time() {
    steady(async || {
        let mut far = Far::bind().await;
        let network = Network::before(far.address(), [CLEAR; 2], BAD_RTP, 1).await;
        let station = Station::start(network.address).await;
        let visit = station.api.report("FL-1", NUMBER).await;
        let call = far.answer().await;
        let began = far.speak(&call, &words(20));
        let bye = far.sip.expect("BYE").await;
        let ended_at = monotonic();
        far.sip.reply(&bye, "200 OK", b"", b"").await;
        let row = station.api.ended_call(&visit).await;
        let end = (text(&row["outcome"]), text(&row["conversation"]["kind"]), text(&row["hung_up_by"]));
        assert_eq!(end, ("answered".into(), "completed".into(), "us".into()), "{row}");

        // The answer lies between our 200 and its ACK.
        let recording = Recording::of(&row, station.recordings());
        let slack = seconds(call.sent_at, call.acked_at);
        let (shortest, longest) = (seconds(call.acked_at, ended_at) - NEAR, seconds(call.sent_at, ended_at) + NEAR);
        assert!((shortest..=longest).contains(&recording.seconds()), "{} s of {longest} s", recording.seconds());
        let talk = row["talk_s"].as_f64().unwrap();
        assert!((recording.seconds() - talk).abs() <= NEAR, "{} s recorded of {talk} s talked", recording.seconds());

        // A word can lose a packet at an edge, but nothing sounds outside of its time.
        let offset = seconds(call.acked_at, began) + BAD_RTP.delay_ms as f64 / 1_000.0;
        let heard = bursts(&recording.customer, CUSTOMER_HZ);
        let periods = ((recording.seconds() - offset) / PERIOD_S) as usize;
        for period in 0..periods {
            let said = |at: f64| offset + period as f64 * PERIOD_S + at;
            let (from, to) = (said(WORD_S.0), said(WORD_S.1));
            if from < offset + SETTLED_S {
                continue;
            }
            let pieces: Vec<_> = heard.iter().filter(|piece| piece.1 > said(0.0) && piece.0 < said(PERIOD_S)).collect();
            let (first, last) = (pieces[0].0, pieces[pieces.len() - 1].1);
            assert!(
                first >= from - NEAR && last <= to + slack + NEAR,
                "{first}..{last}, said at {from}..{to} (+{slack})"
            );
            let edges = (first - from <= NEAR + slack, to - last <= NEAR);
            assert!(edges.0 || edges.1, "{first}..{last}, said at {from}..{to} (+{slack})");
        }
        assert!(periods >= 3, "{periods} words in {} s", recording.seconds());
        for hz in PROMPT_HZ {
            assert!(!bursts(&recording.agent, hz).is_empty(), "{hz} Hz is missing in our channel");
            assert!(bursts(&recording.customer, hz).is_empty(), "{hz} Hz in the customer's channel");
        }
        assert!(bursts(&recording.agent, CUSTOMER_HZ).is_empty(), "the customer in our channel");

        let leg = &row["legs"][0];
        let (lost, received) = (leg["packets_lost"].as_u64().unwrap(), leg["packets_received"].as_u64().unwrap());
        assert!((received / 50..received / 8).contains(&lost), "5 %: {leg}");
        let gaps: Vec<_> = row["recording"]["gaps"].as_array().unwrap().iter().collect();
        let gaps: Vec<_> = gaps.iter().map(|g| (g["from_s"].as_f64().unwrap(), g["to_s"].as_f64().unwrap())).collect();
        check_gaps("the call", &recording.customer, &gaps, |_, _| false);
        station.finish().await;
    })
    .await;
}

/// Customers who pick up and keep silent, behind a SIP network of this kind: every INVITE comes to one outcome, and to an end at the phone.
async fn check(sip: [Weather; 2], seed: u64) {
    const CALLS: usize = 6;
    let mut phone = phone().await;
    let network = Network::before(phone.addr(), sip, CLEAR, seed).await;
    let station = Station::start(network.address).await;
    let mut visits = vec![];
    for n in 0..CALLS {
        visits.push(station.api.report(&format!("FL-{n}"), &format!("1380000{n:04}")).await);
    }
    let mut lines = vec![];
    for _ in 0..CALLS {
        let call = rings(&mut phone).await;
        call.ring().await;
        lines.push(call.answer().await.unwrap());
    }
    for visit in &visits {
        let row = station.api.ended_call(visit).await;
        let end = (&row["outcome"], &row["conversation"]["kind"], &row["hung_up_by"]);
        assert_eq!(end, (&"answered".into(), &"silent".into(), &"us".into()), "{row}");
        assert_eq!(station.api.visit(visit).await["attempts"], 1);
    }
    for line in &lines {
        assert_eq!(within("the far leg is gone", line.ended()).await, LineState::CallerHungUp);
    }
    let calls = station.api.get("calls").await["items"].as_array().unwrap().len();
    assert_eq!((network.invites(), calls), (CALLS, CALLS), "one INVITE, one call, one outcome");
    until("nobody else is called", async || (!crate::call::has_rung(&mut phone)).then_some(())).await;
    station.finish().await;
}

#[tokio::test]
async fn sip_that_loses_every_fifth_message_both_ways_costs_no_visit_and_leaves_no_leg() {
    steady(async || {
        check([Weather { loss: 20, ..CLEAR }; 2], 2).await;
    })
    .await;
}

#[tokio::test]
async fn sip_that_comes_late_twice_and_out_of_order_costs_no_visit_and_leaves_no_leg() {
    steady(async || {
        check([Weather { jitter_ms: 250, twice: 50, ..CLEAR }; 2], 3).await;
    })
    .await;
}

#[tokio::test]
async fn a_far_end_whose_messages_arrive_cut_short_costs_no_visit_and_leaves_no_leg() {
    steady(async || {
        check([CLEAR, Weather { cut: 25, ..CLEAR }], 4).await;
    })
    .await;
}
