//! The recording of a whole call proved by tones: who is in which channel, and when.

use super::NUMBER;
use crate::support::api::instant;
use crate::support::audio::{NEAR, Recording, bursts, peak};
use crate::support::data::{LEVEL, PROMPT_HZ, prompt_tone};
use crate::support::far::Far;
use crate::support::steady::steady;
use crate::support::{Station, until};
use huifang::clock::monotonic;
use huifang::media::tones::{add_tone, amplitude, tone};
use serde_json::Value;
use std::time::Instant;

const CUSTOMER_HZ: f64 = 1_500.0;
/// When the customer's tones sound in what he sends, seconds.
const CUSTOMER: [(f64, f64); 3] = [(0.5, 0.9), (1.4, 1.6), (2.2, 2.9)];

fn seconds(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// Prompts as the journal has them: frequency, begin and end of each clip in seconds since the answer.
fn played(journal: &Value) -> Vec<(f64, f64, f64)> {
    let mut clips = vec![];
    for entry in journal.as_array().unwrap().iter().filter(|entry| entry["event"] == "prompt") {
        let mut at = entry["at_s"].as_f64().unwrap();
        for id in entry["prompts"].as_array().unwrap() {
            let (hz, samples) = prompt_tone(id.as_str().unwrap());
            clips.push((hz, at, at + samples as f64 / 8_000.0));
            at += samples as f64 / 8_000.0;
        }
    }
    clips
}

#[tokio::test]
async fn prompts_are_left_and_the_customer_is_right_each_at_his_time_and_nothing_bleeds() {
    steady(async || {
        let mut far = Far::bind().await;
        let station = Station::start(far.address()).await;
        let visit = station.api.report("FL-1", NUMBER).await;
        let mut said = vec![0; 8_000 * 4];
        for (from, to) in CUSTOMER {
            add_tone(&mut said[(from * 8_000.0) as usize..(to * 8_000.0) as usize], CUSTOMER_HZ, LEVEL, 0);
        }
        let call = far.answer().await;
        let began = far.speak(&call, &said);
        until("all is said", async || (seconds(began, monotonic()) > 4.0).then_some(())).await;
        let bye_at = monotonic();
        far.sip.request(&call.invite, "BYE", 1, "", "").await;
        far.sip.expect("200").await;
        let gone_at = monotonic();
        let row = station.api.ended_call(&visit).await;
        let recording = Recording::of(&row, station.recordings());

        // The recording begins at the engine's answer, which lies between our 200 and its ACK.
        let slack = seconds(call.sent_at, call.acked_at);
        let on_axis = |at: Instant| seconds(call.acked_at, at);
        let near = |got: f64, wanted: f64| got >= wanted - NEAR && got <= wanted + slack + NEAR;

        let heard = bursts(&recording.customer, CUSTOMER_HZ);
        assert_eq!(heard.len(), CUSTOMER.len(), "{heard:?}");
        for ((from, to), (want_from, want_to)) in heard.iter().zip(CUSTOMER) {
            let (want_from, want_to) = (on_axis(began) + want_from, on_axis(began) + want_to);
            assert!(
                near(*from, want_from) && near(*to, want_to),
                "{from}..{to}, said at {want_from}..{want_to} (+{slack})"
            );
        }

        // Every prompt: in the journal, in the left channel, and at the far end's ear, at one time.
        let report = station.api.report_of(&row).await;
        let clips = played(&report["journal"]);
        assert!(clips.len() >= 4, "{clips:?}");
        let (ear_from, ear) = far.heard_audio();
        for hz in [500.0, 700.0, 900.0] {
            let (_, from, to) = *clips.iter().find(|(clip, ..)| *clip == hz).unwrap();
            let left = bursts(&recording.agent, hz);
            let sounding: f64 = left.iter().map(|(from, to)| to - from).sum();
            assert!((sounding - (to - from)).abs() <= NEAR, "{hz} Hz: {left:?}");
            assert!((left[0].0 - from).abs() <= NEAR + 0.02, "{hz} Hz: {left:?}, played at {from}");
            // A machine that stands still for a while tears a tone: then it is torn for the ear and in the recording alike.
            let right_ear = bursts(&ear, hz);
            assert_eq!(right_ear.len(), left.len(), "{hz} Hz: left {left:?}, ear {right_ear:?}");
            for ((from, to), (ear_begins, ear_ends)) in left.iter().zip(&right_ear) {
                let (begins, ends) = (on_axis(ear_from) + ear_begins, on_axis(ear_from) + ear_ends);
                assert!(near(*from, begins) && near(*to, ends), "{hz} Hz: {from}..{to}, heard at {begins}..{ends}");
            }
        }

        // Nothing bleeds.
        for hz in PROMPT_HZ {
            assert!(bursts(&recording.customer, hz).is_empty(), "{hz} Hz in the customer's channel");
        }
        assert!(amplitude(&recording.agent, CUSTOMER_HZ) < LEVEL / 200.0, "the customer in our channel");
        let before = ((heard[0].0 - NEAR) * 8_000.0) as usize;
        assert!(peak(&recording.customer[..before]) <= 16, "silence before the first word");

        // The answered part is as long as the call: from the answer to the BYE.
        let (shortest, longest) = (seconds(call.acked_at, bye_at), seconds(call.sent_at, gone_at));
        let length = recording.seconds();
        assert!(length >= shortest - NEAR && length <= longest + NEAR, "{length} s of {shortest}..{longest} s");
        let talk = row["talk_s"].as_f64().unwrap();
        assert!((length - talk).abs() <= NEAR + 0.02, "{length} s recorded of {talk} s talked");
        station.finish().await;
    })
    .await;
}

#[tokio::test]
async fn early_media_lies_before_the_mark_of_the_answer_and_nothing_is_said_to_it() {
    steady(async || {
        let mut far = Far::bind().await;
        let station = Station::start(far.address()).await;
        let visit = station.api.report("FL-1", NUMBER).await;
        let call = far.early().await;
        let began = far.speak(&call, &tone(CUSTOMER_HZ, LEVEL, 4_000));
        until("half a second of ring-back", async || (seconds(began, monotonic()) >= 0.6).then_some(())).await;
        assert!(far.first_sound().is_none(), "nobody has answered");
        let call = far.pick_up(call.invite).await;
        until("the greeting is heard", async || far.first_sound()).await;
        far.sip.request(&call.invite, "BYE", 1, "", "").await;
        far.sip.expect("200").await;

        let row = station.api.ended_call(&visit).await;
        assert!(instant(&row["early_media_at"]) < instant(&row["answered_at"]), "{row}");
        let recording = Recording::of(&row, station.recordings());
        let [mark, talk] = [&row["recording"]["answered_at_s"], &row["talk_s"]].map(|s| s.as_f64().unwrap());
        assert!(
            (recording.seconds() - mark - talk).abs() <= NEAR,
            "{} s, {talk} s after {mark} s",
            recording.seconds()
        );
        let early = bursts(&recording.customer, CUSTOMER_HZ);
        let [(from, to)] = early[..] else { panic!("one ring-back tone: {early:?}") };
        assert!(to <= mark && (to - from - 0.5).abs() <= NEAR, "{from}..{to} before {mark}");
        let prompts = PROMPT_HZ.iter().flat_map(|hz| bursts(&recording.agent, *hz));
        let first = prompts.map(|(from, _)| from).fold(f64::INFINITY, f64::min);
        assert!(first >= mark, "a prompt at {first}, the answer at {mark}");
        station.finish().await;
    })
    .await;
}
