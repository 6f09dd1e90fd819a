//! A stand-in for the page: a connection of the `webrtc` crate that offers, and trickles both ways.

use super::{LEVEL, until};
use crate::support::softphone::{Format, Heard, Softphone};
use huifang::config::{Media, WebRtc};
use huifang::media::browser::{Browser, BrowserEvent, BrowserState};
use huifang::media::codec::{Codec, FRAME};
use huifang::media::tones::tone;
use opus_rs::{Application, OpusEncoder};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

pub const EVENT: u8 = 126;
pub const PCMU: Format = (0, "PCMU", 8000, 1);
pub const OPUS: Format = (111, "opus", 48_000, 2);
pub const KEYS: Format = (EVENT, "telephone-event", 8000, 1);

/// The page and the leg it is connected to.
pub struct Page {
    pub browser: Browser,
    phone: Softphone,
    pub heard: Heard,
    /// What the leg said of its state, in order.
    pub states: Arc<Mutex<Vec<BrowserState>>>,
    trickle: [JoinHandle<()>; 2],
}

impl Drop for Page {
    fn drop(&mut self) {
        self.trickle.iter().for_each(JoinHandle::abort);
    }
}

impl Page {
    /// Connected, speaking the first of `formats`.
    pub async fn connected(media: &Media, formats: &[Format]) -> Self {
        let (browser, mut events) = Browser::open(media, &WebRtc::default()).await.unwrap();
        let (phone, mut ours) = Softphone::open(media.address, formats).await.unwrap();
        let answer = browser.offer(&phone.offer(false).await.unwrap()).await.unwrap();
        phone.answered(answer).await.unwrap();
        let states = Arc::new(Mutex::new(Vec::new()));
        let (page, to, notes) = (phone.clone(), browser.clone(), states.clone());
        let theirs = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    BrowserEvent::State(state) => notes.lock().unwrap().push(state),
                    BrowserEvent::Candidate(None) => {}
                    BrowserEvent::Candidate(Some(json)) => {
                        page.candidate(serde_json::from_str(&json).unwrap()).await.unwrap();
                    }
                }
            }
        });
        let ours = tokio::spawn(async move {
            while let Some(candidate) = ours.recv().await {
                let json = serde_json::json!({ "candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": null });
                to.candidate(Some(&json.to_string())).await.unwrap();
            }
        });
        let heard = phone.heard.clone();
        let page = Self { browser, phone, heard, states, trickle: [theirs, ours] };
        page.settled().await;
        page
    }

    async fn settled(&self) {
        until("both sides are connected", || {
            self.phone.is_connected() && self.browser.stats().state == BrowserState::Connected
        })
        .await;
    }

    /// New passwords on the same connection; returns the answer.
    pub async fn restart_ice(&self) -> String {
        let answer = self.browser.offer(&self.phone.offer(true).await.unwrap()).await.unwrap();
        self.phone.answered(answer.clone()).await.unwrap();
        answer
    }

    pub async fn write(&self, payload_type: u8, sequence: u16, timestamp: u32, payload: Vec<u8>) {
        self.phone.write(payload_type, sequence, timestamp, payload).await.unwrap();
    }

    /// Speaks a tone in one burst, as `format`.
    pub async fn say(&self, format: Format, hz: f64, packets: usize) {
        let mut encoder = OpusEncoder::new(8000, 1, Application::Voip).unwrap();
        encoder.bitrate_bps = 24_000;
        for (n, frame) in tone(hz, LEVEL, packets * FRAME).chunks_exact(FRAME).enumerate() {
            let mut payload = vec![0; 1275];
            let size = match Codec::parse(format.1) {
                Ok(codec) => {
                    codec.encode(frame, &mut payload);
                    FRAME
                }
                Err(_) => encoder.encode_i16(frame, FRAME, &mut payload).unwrap(),
            };
            payload.truncate(size);
            self.write(format.0, n as u16, n as u32 * format.2 / 50, payload).await;
        }
    }

    pub async fn close(&self) {
        self.phone.close().await.unwrap();
    }
}
