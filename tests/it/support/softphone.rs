//! The page's end of a browser leg, without a browser: a connection of the `webrtc` crate that offers, speaks and hears.
//!
//! It is the offering side and looks for the way by itself: an answer that names the other end's candidates is all it needs. Used by the
//! benchmarks too, so it knows nothing of the tests.

use huifang::clock::monotonic;
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
use std::time::Instant;
use tokio::sync::mpsc;
use webrtc::error::Error;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState, RTCSessionDescription, SettingEngineBuilder,
};

pub const SSRC: u32 = 1_234_567;

/// Payload type, name, clock rate, channels, in the order of the offer.
pub type Format = (u8, &'static str, u32, u16);
pub const PCMA: Format = (8, "PCMA", 8000, 1);

/// What came, and when.
pub type Heard = Arc<Mutex<Vec<(Instant, Packet)>>>;
pub type Candidates = mpsc::UnboundedReceiver<Value>;

#[derive(Clone)]
pub struct Softphone {
    connection: Arc<dyn PeerConnection>,
    track: Arc<dyn TrackLocal>,
    pub heard: Heard,
    state: Arc<Mutex<RTCPeerConnectionState>>,
}

struct Handler {
    candidates: mpsc::UnboundedSender<Value>,
    heard: Heard,
    state: Arc<Mutex<RTCPeerConnectionState>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(init) = event.candidate.to_json() {
            // Whoever does not trickle has dropped the other end.
            let said =
                json!({ "candidate": init.candidate, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": null });
            self.candidates.send(said).ok();
        }
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

impl Softphone {
    /// Speaks the first of `formats`. Its candidates, as a page says them, are for those who trickle.
    pub async fn open(at: IpAddr, formats: &[Format]) -> Result<(Self, Candidates), Error> {
        let mut codecs = MediaEngine::default();
        for format in formats {
            let parameters = RTCRtpCodecParameters { rtp_codec: codec(*format), payload_type: format.0 };
            codecs.register_codec(parameters, RtpCodecKind::Audio)?;
        }
        let (candidates, ours) = mpsc::unbounded_channel();
        let (heard, state) = (Heard::default(), Arc::new(Mutex::new(RTCPeerConnectionState::New)));
        let handler = Handler { candidates, heard: heard.clone(), state: state.clone() };
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(codecs)
                .with_setting_engine(
                    SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled).build(),
                )
                .with_handler(Arc::new(handler))
                .with_udp_addrs(vec![SocketAddr::new(at, 0)])
                .build()
                .await?,
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
        connection.add_track(track.clone()).await?;
        Ok((Self { connection, track, heard, state }, ours))
    }

    /// The first offer, or one with new passwords on the same connection.
    pub async fn offer(&self, ice_restart: bool) -> Result<String, Error> {
        let options = ice_restart.then_some(RTCOfferOptions { ice_restart });
        let offer = self.connection.create_offer(options).await?;
        self.connection.set_local_description(offer.clone()).await?;
        Ok(offer.sdp)
    }

    pub async fn answered(&self, sdp: &str) -> Result<(), Error> {
        self.connection.set_remote_description(RTCSessionDescription::answer(sdp.to_owned())?).await
    }

    /// A candidate of the other end that came on its own.
    pub async fn candidate(&self, said: &Value) -> Result<(), Error> {
        let candidate = said["candidate"].as_str().unwrap_or_default().to_owned();
        self.connection.add_ice_candidate(RTCIceCandidateInit { candidate, ..Default::default() }).await
    }

    pub fn is_connected(&self) -> bool {
        *self.state.lock().unwrap() == RTCPeerConnectionState::Connected
    }

    pub async fn write(&self, payload_type: u8, sequence: u16, timestamp: u32, payload: Vec<u8>) -> Result<(), Error> {
        let header =
            Header { version: 2, payload_type, sequence_number: sequence, timestamp, ssrc: SSRC, ..Header::default() };
        self.track.write_rtp(Packet { header, payload: payload.into() }).await
    }

    pub async fn close(&self) -> Result<(), Error> {
        self.connection.close().await
    }
}
