//! A browser's connection without a browser: one of the `webrtc` crate, that offers, and trickles.

use super::data::LEVEL;
use super::until;
use huifang::clock::monotonic;
use huifang::media::codec::{Codec, FRAME};
use huifang::media::tones::{amplitude, tone};
use opus_rs::{Application, OpusEncoder};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtp::Packet;
use rtc::rtp::header::Header;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionIceEvent,
    RTCPeerConnectionState, RTCSessionDescription, SettingEngineBuilder,
};

pub const SSRC: u32 = 1_234_567;
pub const EVENT: u8 = 126;

/// Payload type, name, clock rate, channels, in the order of the offer.
pub type Format = (u8, &'static str, u32, u16);
pub const PCMA: Format = (8, "PCMA", 8000, 1);
pub const PCMU: Format = (0, "PCMU", 8000, 1);
pub const OPUS: Format = (111, "opus", 48_000, 2);
pub const KEYS: Format = (EVENT, "telephone-event", 8000, 1);

pub type Heard = Arc<Mutex<Vec<(Instant, Packet)>>>;

#[derive(Clone)]
pub struct Peer {
    connection: Arc<dyn PeerConnection>,
    track: Arc<dyn TrackLocal>,
    pub heard: Heard,
    state: Arc<Mutex<RTCPeerConnectionState>>,
}

/// Our candidates, as a page says them.
pub type Candidates = mpsc::UnboundedReceiver<Value>;

struct Handler {
    candidates: mpsc::UnboundedSender<Value>,
    heard: Heard,
    state: Arc<Mutex<RTCPeerConnectionState>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let candidate = event.candidate.to_json().unwrap().candidate;
        let _ = self
            .candidates
            .send(json!({ "candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": null }));
    }
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        *self.state.lock().unwrap() = state;
    }
    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let heard = self.heard.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    heard.lock().unwrap().push((monotonic(), packet));
                }
            }
        });
    }
}

fn codec((_, name, clock_rate, channels): Format) -> RTCRtpCodec {
    RTCRtpCodec { mime_type: format!("audio/{name}"), clock_rate, channels, ..Default::default() }
}

impl Peer {
    /// With a microphone, speaking the first of `formats`.
    pub async fn new(address: IpAddr, formats: &[Format]) -> (Self, Candidates) {
        let mut codecs = MediaEngine::default();
        for format in formats {
            let parameters = RTCRtpCodecParameters { rtp_codec: codec(*format), payload_type: format.0 };
            codecs.register_codec(parameters, RtpCodecKind::Audio).unwrap();
        }
        let (candidates, ours) = mpsc::unbounded_channel();
        let (heard, state) = (Heard::default(), Arc::new(Mutex::new(RTCPeerConnectionState::New)));
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(codecs)
                .with_setting_engine(
                    SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled).build(),
                )
                .with_handler(Arc::new(Handler { candidates, heard: heard.clone(), state: state.clone() }))
                .with_udp_addrs(vec![SocketAddr::new(address, 0)])
                .build()
                .await
                .unwrap(),
        );
        // The offer lists what the encodings name, in their order.
        let encoding = |format: &Format| RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(SSRC), ..Default::default() },
            codec: codec(*format),
            ..Default::default()
        };
        let track: Arc<dyn TrackLocal> = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "desk".into(),
            "microphone".into(),
            "microphone".into(),
            RtpCodecKind::Audio,
            formats.iter().map(encoding).collect(),
        )));
        connection.add_track(track.clone()).await.unwrap();
        (Self { connection, track, heard, state }, ours)
    }

    pub async fn offer(&self, ice_restart: bool) -> String {
        let offer = self.connection.create_offer(Some(RTCOfferOptions { ice_restart })).await.unwrap();
        self.connection.set_local_description(offer.clone()).await.unwrap();
        offer.sdp
    }

    pub async fn answered(&self, sdp: &str) {
        let answer = RTCSessionDescription::answer(sdp.to_owned()).unwrap();
        self.connection.set_remote_description(answer).await.unwrap();
    }

    /// One of theirs.
    pub async fn candidate(&self, candidate: Value) {
        self.connection.add_ice_candidate(serde_json::from_value(candidate).unwrap()).await.unwrap();
    }

    pub fn is_connected(&self) -> bool {
        *self.state.lock().unwrap() == RTCPeerConnectionState::Connected
    }

    pub async fn write(&self, payload_type: u8, sequence_number: u16, timestamp: u32, payload: Vec<u8>) {
        let header = Header { version: 2, payload_type, sequence_number, timestamp, ssrc: SSRC, ..Header::default() };
        self.track.write_rtp(Packet { header, payload: payload.into() }).await.unwrap();
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
        self.connection.close().await.unwrap();
    }
}
