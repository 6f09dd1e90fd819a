//! A stand-in for the page: a connection of the `webrtc` crate that offers, and trickles both ways.

use super::{LEVEL, until};
use huifang::clock::monotonic;
use huifang::config::{Media, WebRtc};
use huifang::media::browser::{Browser, BrowserEvent, BrowserState};
use huifang::media::codec::{Codec, FRAME};
use huifang::media::tones::tone;
use opus_rs::{Application, OpusEncoder};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtp::Packet;
use rtc::rtp::header::Header;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState, RTCSessionDescription, SettingEngineBuilder,
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

/// The page and the leg it is connected to.
pub struct Page {
    pub browser: Browser,
    connection: Arc<dyn PeerConnection>,
    track: Arc<dyn TrackLocal>,
    pub heard: Heard,
    /// What the leg said of its state, in order.
    pub states: Arc<Mutex<Vec<BrowserState>>>,
    state: Arc<Mutex<RTCPeerConnectionState>>,
    trickle: [JoinHandle<()>; 2],
}

impl Drop for Page {
    fn drop(&mut self) {
        self.trickle.iter().for_each(JoinHandle::abort);
    }
}

struct Handler {
    candidates: mpsc::UnboundedSender<RTCIceCandidateInit>,
    heard: Heard,
    state: Arc<Mutex<RTCPeerConnectionState>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let _ = self.candidates.send(event.candidate.to_json().unwrap());
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

impl Page {
    /// Connected, speaking the first of `formats`.
    pub async fn connected(media: &Media, formats: &[Format]) -> Self {
        let (browser, mut events) = Browser::open(media, &WebRtc::default()).await.unwrap();
        let mut codecs = MediaEngine::default();
        for format in formats {
            let parameters = RTCRtpCodecParameters { rtp_codec: codec(*format), payload_type: format.0 };
            codecs.register_codec(parameters, RtpCodecKind::Audio).unwrap();
        }
        let (candidates, mut ours) = mpsc::unbounded_channel();
        let (heard, state) = (Heard::default(), Arc::new(Mutex::new(RTCPeerConnectionState::New)));
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(codecs)
                .with_setting_engine(
                    SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled).build(),
                )
                .with_handler(Arc::new(Handler { candidates, heard: heard.clone(), state: state.clone() }))
                .with_udp_addrs(vec![SocketAddr::new(media.address, 0)])
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
        let offer = connection.create_offer(None).await.unwrap();
        connection.set_local_description(offer.clone()).await.unwrap();
        let answer = browser.offer(&offer.sdp).await.unwrap();
        connection.set_remote_description(RTCSessionDescription::answer(answer).unwrap()).await.unwrap();
        let states = Arc::new(Mutex::new(Vec::new()));
        let (page, to, notes) = (connection.clone(), browser.clone(), states.clone());
        let theirs = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    BrowserEvent::State(state) => notes.lock().unwrap().push(state),
                    BrowserEvent::Candidate(None) => {}
                    BrowserEvent::Candidate(Some(json)) => {
                        page.add_ice_candidate(serde_json::from_str(&json).unwrap()).await.unwrap();
                    }
                }
            }
        });
        let ours = tokio::spawn(async move {
            while let Some(candidate) = ours.recv().await {
                let json = serde_json::json!({ "candidate": candidate.candidate, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": null });
                to.candidate(Some(&json.to_string())).await.unwrap();
            }
        });
        let page = Self { browser, connection, track, heard, states, state, trickle: [theirs, ours] };
        page.settled().await;
        page
    }

    async fn settled(&self) {
        until("both sides are connected", || {
            *self.state.lock().unwrap() == RTCPeerConnectionState::Connected
                && self.browser.stats().state == BrowserState::Connected
        })
        .await;
    }

    /// New passwords on the same connection; returns the answer.
    pub async fn restart_ice(&self) -> String {
        let offer = self.connection.create_offer(Some(RTCOfferOptions { ice_restart: true })).await.unwrap();
        self.connection.set_local_description(offer.clone()).await.unwrap();
        let answer = self.browser.offer(&offer.sdp).await.unwrap();
        self.connection.set_remote_description(RTCSessionDescription::answer(answer.clone()).unwrap()).await.unwrap();
        answer
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

    pub async fn close(&self) {
        self.connection.close().await.unwrap();
    }
}
