//! From the SMS over HTTP to the recorded, concluded call: the whole engine against telephones on loopback, without speech models.

mod audio;
mod baresip;
mod broken;
mod intake;
mod many;
mod path;
mod record;
mod unanswered;

use crate::support::api::text;
use crate::support::within;
use huifang::clock::monotonic;
use huifang::demo::phone::{IncomingCall, LineState, Phone, PhoneCall};
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
