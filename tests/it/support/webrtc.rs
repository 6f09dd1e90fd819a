//! A browser's connection without a browser, as the tests use it: a [`Softphone`] that must not fail, and what is said and heard over it.

use super::data::LEVEL;
use super::softphone::{Heard, Softphone};
use super::until;
use huifang::media::codec::{Codec, FRAME};
use huifang::media::tones::{amplitude, tone};
use opus_rs::{Application, OpusEncoder};
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use tokio::task::JoinHandle;

pub use super::softphone::{Candidates, Format, PCMA, SSRC};

pub const EVENT: u8 = 126;
pub const PCMU: Format = (0, "PCMU", 8000, 1);
pub const OPUS: Format = (111, "opus", 48_000, 2);
pub const KEYS: Format = (EVENT, "telephone-event", 8000, 1);

#[derive(Clone)]
pub struct Peer {
    phone: Softphone,
    pub heard: Heard,
}

impl Peer {
    /// With a microphone, speaking the first of `formats`.
    pub async fn new(address: IpAddr, formats: &[Format]) -> (Self, Candidates) {
        let (phone, ours) = Softphone::open(address, formats).await.unwrap();
        (Self { heard: phone.heard.clone(), phone }, ours)
    }

    pub async fn offer(&self, ice_restart: bool) -> String {
        self.phone.offer(ice_restart).await.unwrap()
    }

    pub async fn answered(&self, sdp: &str) {
        self.phone.answered(sdp).await.unwrap();
    }

    /// One of theirs.
    pub async fn candidate(&self, candidate: Value) {
        self.phone.candidate(&candidate).await.unwrap();
    }

    pub fn is_connected(&self) -> bool {
        self.phone.is_connected()
    }

    pub async fn write(&self, payload_type: u8, sequence_number: u16, timestamp: u32, payload: Vec<u8>) {
        self.phone.write(payload_type, sequence_number, timestamp, payload).await.unwrap();
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

    /// A tone at the microphone from here on, as A-law; stop it by `abort`.
    pub fn hums(&self, hz: f64) -> JoinHandle<()> {
        let (peer, second) = (self.clone(), tone(hz, LEVEL, 8_000));
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            for (n, frame) in second.chunks_exact(FRAME).cycle().enumerate() {
                tick.tick().await;
                let mut payload = vec![0; FRAME];
                Codec::Pcma.encode(frame, &mut payload);
                peer.write(PCMA.0, n as u16, (n * FRAME) as u32, payload).await;
            }
        })
    }

    /// Waits until a fifth of a second of the tone came in A-law.
    pub async fn hears(&self, hz: f64) {
        until(&format!("{hz} Hz is heard"), async || {
            let mut pcm = vec![];
            for (_, packet) in self.heard.lock().unwrap().iter().rev().take(10).rev() {
                Codec::Pcma.decode(&packet.payload, &mut pcm);
            }
            (pcm.len() >= 1_600 && amplitude(&pcm, hz) > LEVEL * 0.8).then_some(())
        })
        .await;
    }

    pub async fn close(&self) {
        self.phone.close().await.unwrap();
    }
}
