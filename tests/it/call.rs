//! From the SMS over HTTP to the recorded, concluded call: the whole engine against telephones on loopback, without speech models.

mod announcements;
mod answers;
mod audio;
pub mod baresip;
mod broken;
mod fair;
mod intake;
mod many;
mod offers;
mod path;
mod record;
mod srtp;
mod trunks;
mod unanswered;

use crate::support::api::text;
use crate::support::within;
use huifang::clock::monotonic;
use huifang::demo::phone::{IncomingCall, LineState, Phone, PhoneCall};
use huifang::media::tones::{add_tone, key_tones, tone};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub const NUMBER: &str = "13812345678";

pub async fn phone() -> Phone {
    Phone::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap()
}

/// The next INVITE at the phone.
pub async fn rings(phone: &mut Phone) -> IncomingCall {
    within("an INVITE reaches the phone", phone.incoming()).await.expect("the phone is gone")
}

/// Whether an INVITE has reached the phone that nobody has looked at yet.
pub fn has_rung(phone: &mut Phone) -> bool {
    futures::FutureExt::now_or_never(phone.incoming()).flatten().is_some()
}

pub async fn picks_up(phone: &mut Phone) -> PhoneCall {
    let call = rings(phone).await;
    call.ring().await;
    call.answer().await.unwrap()
}

/// When the first sound of ours arrived.
pub async fn first_sound(call: &mut PhoneCall) -> Instant {
    within("the phone hears something", async {
        while let Some(frame) = call.next_frame().await {
            if frame.iter().any(|s| s.unsigned_abs() > 1_000) {
                return monotonic();
            }
        }
        panic!("the call ended in silence: {:?}", call.state());
    })
    .await
}

/// A pressed key as a telephone without telephone-event sends it.
fn key(digit: char) -> Vec<i16> {
    let (low, high) = key_tones(digit).unwrap();
    let mut press = tone(low, 5_000.0, 1_600);
    add_tone(&mut press, high, 5_000.0, 0);
    press
}

/// He answers whenever we have been silent for a while, with keys where they are asked for, and hangs up after the closing.
pub async fn talks_to_the_end(call: &mut PhoneCall) {
    let speech = tone(1_500.0, 8_000.0, 3_200);
    let mut answers = [speech.clone(), key('1'), speech, key('4')].into_iter();
    let (mut asked, mut quiet) = (false, 0);
    while let Some(frame) = within("the conversation goes on", call.next_frame()).await {
        let sounds = frame.iter().any(|s| s.unsigned_abs() > 1_000);
        asked |= sounds;
        quiet = if sounds { 0 } else { quiet + 1 };
        // Greeting, notice and opening follow each other closely; a question is followed by silence.
        if asked && quiet == 10 {
            asked = false;
            match answers.next() {
                Some(answer) => call.say(&answer),
                None => call.hang_up().await,
            }
        }
    }
}

/// Waits for the end of a call at the phone; says how long it took.
pub async fn ends(call: &PhoneCall, how: LineState) -> Duration {
    let began = monotonic();
    assert_eq!(within("the call ends at the phone", call.ended()).await, how);
    monotonic().duration_since(began)
}

/// The reason for which a visit waits.
pub fn reason(visit: &serde_json::Value) -> String {
    assert_eq!(visit["state"]["name"], "waiting", "{visit}");
    text(&visit["state"]["reason"]["kind"])
}
