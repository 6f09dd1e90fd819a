//! The one place that knows the `webrtc` crate: a connection that answers, one audio line, RTP in and out (RFC 8829).
//!
//! The crate is given an offer of exactly what it shall accept (`offer`), so nothing here chooses. It keeps one UDP port per connection and a
//! task of its own, which this handle ends. Its certificate is made per connection and lives in memory.
//! Not used of it: mDNS (it would bind port 5353), TCP candidates, NACK, congestion control, statistics.

use super::BrowserState;
use super::offer::{Agreed, Speech};
use crate::config;
use async_trait::async_trait;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_PCMA, MIME_TYPE_PCMU, MIME_TYPE_TELEPHONE_EVENT,
};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc_rtp::Packet;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
    RTCIceCandidateInit, RTCIceGatheringState, RTCIceServer, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
    RTCSessionDescription, Registry, SettingEngineBuilder, configure_rtcp_reports,
};

/// What happens on the connection. The crate's own task calls: return at once.
pub trait Events: Send + Sync + 'static {
    /// One of our candidates as in `a=candidate`, or that there are no more.
    fn candidate(&self, candidate: Option<String>);
    fn state(&self, state: BrowserState);
    /// A packet of the browser.
    fn packet(&self, packet: Packet);
}

pub struct Peer {
    connection: Arc<dyn PeerConnection>,
    line: Arc<Line>,
}

/// Our way to the browser's ear; there is none before the first offer.
pub struct Line {
    pub ssrc: u32,
    track: OnceLock<Arc<dyn TrackLocal>>,
}

impl Line {
    /// A connection that has no way to the browser, or has ended, loses the packet.
    pub async fn send(&self, packet: Packet) {
        if let Some(track) = self.track.get() {
            let _ = track.write_rtp(packet).await;
        }
    }
}

/// Time between two connectivity checks while a way is looked for; 200 ms would be heard after an ICE restart.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// Checks of one pair, so that the time for a pair stays the crate's 1.4 s.
const CHECKS: u16 = 28;

impl Peer {
    pub async fn open(
        at: SocketAddr,
        ice: &config::WebRtc,
        events: Arc<dyn Events>,
    ) -> Result<Self, webrtc::error::Error> {
        let mut codecs = MediaEngine::default();
        for (name, payload_type) in
            [(MIME_TYPE_PCMA, 8), (MIME_TYPE_PCMU, 0), (MIME_TYPE_OPUS, 111), (MIME_TYPE_TELEPHONE_EVENT, 126)]
        {
            let parameters = RTCRtpCodecParameters { rtp_codec: codec(name), payload_type };
            codecs.register_codec(parameters, RtpCodecKind::Audio)?;
        }
        let settings = SettingEngineBuilder::new()
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS))
            .build();
        let line = Arc::new(Line { ssrc: rand::random(), track: OnceLock::new() });
        let connection = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().with_ice_servers(servers(ice)).build())
            .with_media_engine(codecs)
            .with_interceptor_registry(configure_rtcp_reports(Registry::new()))
            .with_setting_engine(settings)
            .with_handler(Arc::new(Handler { events }))
            .with_udp_addrs(vec![at])
            .build()
            .await?;
        Ok(Self { connection: Arc::new(connection), line })
    }

    pub fn line(&self) -> Arc<Line> {
        self.line.clone()
    }

    /// The answer to an offer that was made fit. After an error the connection is as it was before.
    pub async fn answer(&self, shown: String, agreed: &Agreed) -> Result<String, webrtc::error::Error> {
        if self.line.track.get().is_none() {
            let track: Arc<dyn TrackLocal> = Arc::new(TrackLocalStaticRTP::new(track(self.line.ssrc, agreed)));
            self.connection.add_track(track.clone()).await?;
            // Offers are answered one at a time, so nobody else has set it.
            let _ = self.line.track.set(track);
        }
        let answered = self.negotiate(shown).await;
        if answered.is_err() {
            // What was half applied is taken back; when nothing was, this fails and changes nothing.
            let _ = self.connection.set_remote_description(RTCSessionDescription::rollback(None)?).await;
        }
        answered
    }

    async fn negotiate(&self, shown: String) -> Result<String, webrtc::error::Error> {
        self.connection.set_remote_description(RTCSessionDescription::offer(shown)?).await?;
        let answer = self.connection.create_answer(None).await?;
        let sdp = answer.sdp.clone();
        self.connection.set_local_description(answer).await?;
        Ok(sdp)
    }

    pub async fn candidate(&self, candidate: String) -> Result<(), webrtc::error::Error> {
        self.connection.add_ice_candidate(RTCIceCandidateInit { candidate, ..Default::default() }).await
    }

    pub async fn close(&self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "a browser leg did not close cleanly");
        }
    }
}

/// A handle that is dropped without `close` frees the port all the same: the crate's task would hold it for ever.
impl Drop for Peer {
    fn drop(&mut self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let connection = self.connection.clone();
            runtime.spawn(async move { connection.close().await });
        }
    }
}

struct Handler {
    events: Arc<dyn Events>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(init) = event.candidate.to_json() {
            self.events.candidate(Some(init.candidate));
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.events.candidate(None);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.events.state(match state {
            RTCPeerConnectionState::Connecting => BrowserState::Connecting,
            RTCPeerConnectionState::Connected => BrowserState::Connected,
            RTCPeerConnectionState::Disconnected => BrowserState::Disconnected,
            RTCPeerConnectionState::Failed => BrowserState::Failed,
            RTCPeerConnectionState::Closed => BrowserState::Closed,
            // `New` and what the crate may add: no news.
            _ => return,
        });
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let events = self.events.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    events.packet(packet);
                }
            }
            // A track ends with the crate's task, and that tells nobody when it ends by an error.
            events.state(BrowserState::Closed);
        });
    }
}

fn codec(mime_type: &str) -> RTCRtpCodec {
    let (clock_rate, channels) = if mime_type == MIME_TYPE_OPUS { (48_000, 2) } else { (8000, 1) };
    RTCRtpCodec { mime_type: mime_type.to_owned(), clock_rate, channels, ..Default::default() }
}

/// The answer is given what the encodings name and nothing else; of them all only the first SSRC counts.
fn track(ssrc: u32, agreed: &Agreed) -> MediaStreamTrack {
    let names: &[&str] = match &agreed.speech {
        Speech::Opus(_) => &[MIME_TYPE_OPUS],
        // All of them, whatever this offer has: the next may have more, and the answer keeps to the offer by itself.
        Speech::G711(_) => &[MIME_TYPE_PCMA, MIME_TYPE_PCMU, MIME_TYPE_TELEPHONE_EVENT],
    };
    let encoding = |name| RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: codec(name),
        ..Default::default()
    };
    let encodings = names.iter().map(|name| encoding(name)).collect();
    MediaStreamTrack::new("huifang".into(), "customer".into(), "customer".into(), RtpCodecKind::Audio, encodings)
}

fn servers(ice: &config::WebRtc) -> Vec<RTCIceServer> {
    let stun = ice.stun.iter().map(|url| RTCIceServer { urls: vec![url.clone()], ..Default::default() });
    let turn = ice.turn.iter().map(|server| RTCIceServer {
        urls: server.urls.clone(),
        username: server.username.clone(),
        credential: server.credential.clone(),
    });
    stun.chain(turn).collect()
}
