//! The browser leg: one WebRTC connection of one signed-in seat, which lives across calls (RFC 8825).
//!
//! Contract: the bridge sees plain RTP with G.711 ([`BrowserRtp`]), whatever the browser speaks. G.711 is relayed untouched; Opus, accepted
//! from a browser that offers nothing else, is transcoded here. Between calls what the browser sends is counted and dropped, and nothing is
//! sent; the microphone test is the page's own. A packet that cannot be delivered is counted and dropped, in either direction; nothing here
//! waits for a slow reader.
//! Full ICE, always the answering side: the page offers, also to restart ICE, and finds its way to `media.address` or over the servers of
//! `webrtc`. Pure parts: `offer`, `outbound`, `opus`; `peer` alone knows the crate.
//! Does not do: HTTP and the WebSocket, deciding when a silent browser is lost, video, data, keys towards the browser.

pub mod offer;
mod opus;
mod outbound;
mod peer;
mod relay;
mod servers;

use crate::clock::monotonic;
use crate::config::{self, ConfigError};
use crate::media::codec::Codec;
use crate::media::ports::{self, PortError};
use bytes::Bytes;
use offer::{Agreed, OfferError};
use peer::{Events, Peer};
use relay::{Relay, Taken};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc;

/// Packets that wait for a reader: 1.3 s.
const QUEUE: usize = 64;
/// Events that wait: candidates come all at once.
const EVENTS: usize = 64;
/// Bytes of a candidate's JSON.
const LONGEST_CANDIDATE: usize = 2048;
/// Ports that are tried when another process takes one between our look and the connection's.
const TRIES: usize = 3;

#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    #[error(transparent)]
    Offer(#[from] OfferError),
    #[error("offer refused: {0}")]
    Refused(String),
    #[error("candidate: {0}")]
    Candidate(String),
    #[error("candidate before an offer")]
    NoOffer,
    #[error("the browser leg is closed")]
    Closed,
    #[error("the browser leg cannot be opened on {at}: {reason}")]
    Open { at: SocketAddr, reason: String },
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// `RTCPeerConnectionState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BrowserState {
    #[default]
    New,
    Connecting,
    Connected,
    Disconnected,
    Failed,
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrowserEvent {
    /// One of our candidates (RTCIceCandidateInit as JSON), or that there are no more.
    Candidate(Option<String>),
    State(BrowserState),
}

/// The RTP of one call: whole datagrams, header and G.711 or telephone-event.
#[derive(Debug)]
pub struct BrowserRtp {
    /// From the agent, with the instant of its arrival. It ends when the leg closes or is taken again.
    pub incoming: mpsc::Receiver<(Instant, Bytes)>,
    /// To the agent; SSRC and numbering are made to fit.
    pub outgoing: mpsc::Sender<Bytes>,
    /// Payload types, the preferred one first.
    pub codecs: Vec<(u8, Codec)>,
    pub event: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
pub struct BrowserStats {
    pub state: BrowserState,
    /// `PCMA`, `PCMU` or `opus`; `None` before an offer.
    pub codec: Option<&'static str>,
    /// Packets of the browser; those of them that found no room in `incoming`.
    pub received: u64,
    pub received_lost: u64,
    /// When the last one came.
    pub heard_at: Option<Instant>,
    /// Packets to the browser; those that were not sent, for there was no way or they were unreadable.
    pub sent: u64,
    pub sent_lost: u64,
}

/// A handle; the connection ends with the last of them.
#[derive(Clone)]
pub struct Browser(Arc<Inner>);

struct Inner {
    peer: Peer,
    shared: Arc<Shared>,
    /// Offers and candidates, one at a time.
    negotiation: tokio::sync::Mutex<Negotiation>,
    at: SocketAddr,
}

#[derive(Default)]
struct Negotiation {
    agreed: Option<Agreed>,
    ufrag: String,
    /// Candidates of this generation.
    candidates: usize,
}

/// What the connection's own task reaches.
struct Shared {
    relay: Mutex<Relay>,
    /// Where the audio stands in the page's offer, for our candidates.
    place: Mutex<(String, usize)>,
    events: mpsc::Sender<BrowserEvent>,
}

/// Our candidates, as the page's `addIceCandidate` takes them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    candidate: &'a str,
    sdp_mid: &'a str,
    #[serde(rename = "sdpMLineIndex")]
    sdp_mline_index: usize,
}

/// The page's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Theirs {
    candidate: String,
    sdp_mid: Option<String>,
    username_fragment: Option<String>,
}

/// A lock whose holder panicked holds nothing but counters and queues: go on with them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Events for Shared {
    fn candidate(&self, candidate: Option<String>) {
        let json = candidate.and_then(|candidate| {
            let place = lock(&self.place);
            let ours = Candidate { candidate: &candidate, sdp_mid: &place.0, sdp_mline_index: place.1 };
            serde_json::to_string(&ours).ok()
        });
        self.tell(BrowserEvent::Candidate(json));
    }

    fn state(&self, state: BrowserState) {
        if lock(&self.relay).enter(state) {
            self.tell(BrowserEvent::State(state));
        }
    }

    fn packet(&self, packet: rtc_rtp::Packet) {
        lock(&self.relay).arrived(&packet, monotonic());
    }
}

impl Shared {
    /// Never waits: the caller is the task that keeps the connection alive.
    fn tell(&self, event: BrowserEvent) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
            tracing::warn!(?event, "nobody reads the events of a browser leg");
        }
    }
}

impl Browser {
    pub async fn open(
        cfg: &config::Media,
        ice: &config::WebRtc,
    ) -> Result<(Self, mpsc::Receiver<BrowserEvent>), BrowserError> {
        let (events, reader) = mpsc::channel(EVENTS);
        let mut failed = None;
        for _ in 0..TRIES {
            // The pair is only looked for: the connection binds the port itself. The turn has moved on, so no call of ours comes between.
            let port = ports::bind(cfg.address, cfg.ports()?)?.port;
            let at = SocketAddr::new(cfg.address, port);
            let shared = Arc::new(Shared { relay: Mutex::default(), place: Mutex::default(), events: events.clone() });
            let servers = servers::by_address(ice, at).await;
            match Peer::open(at, &servers, shared.clone()).await {
                Ok(peer) => {
                    return Ok((Self(Arc::new(Inner { peer, shared, negotiation: Default::default(), at })), reader));
                }
                Err(error) => failed = Some(BrowserError::Open { at, reason: error.to_string() }),
            }
        }
        Err(failed.unwrap_or(BrowserError::Closed))
    }

    /// Where the connection listens.
    pub fn address(&self) -> SocketAddr {
        self.0.at
    }

    /// The answer to the first offer, or to a later one of the same page: an ICE restart keeps SSRC, numbering and the call.
    pub async fn offer(&self, sdp: &str) -> Result<String, BrowserError> {
        let Inner { peer, shared, negotiation, .. } = &*self.0;
        let mut negotiation = negotiation.lock().await;
        if lock(&shared.relay).state() == BrowserState::Closed {
            return Err(BrowserError::Closed);
        }
        let offer = offer::read(sdp, negotiation.agreed.as_ref())?;
        // Before the answer: our candidates come while it is made.
        *lock(&shared.place) = (offer.mid.clone(), offer.index);
        let answer = peer.answer(offer.shown.clone(), &offer.agreed).await;
        let answer = answer.map_err(|error| BrowserError::Refused(error.to_string()))?;
        let answer = offer.answer(&answer)?;
        if negotiation.ufrag != offer.ufrag {
            negotiation.candidates = 0;
            negotiation.ufrag.clone_from(&offer.ufrag);
        }
        if negotiation.agreed.is_none() {
            lock(&shared.relay).agree(offer.agreed.clone(), peer.line().ssrc);
            negotiation.agreed = Some(offer.agreed);
        }
        Ok(answer)
    }

    /// One candidate of the page (RTCIceCandidateInit), or that there are no more. Those that cannot be tried are ignored.
    pub async fn candidate(&self, json: Option<&str>) -> Result<(), BrowserError> {
        let Some(json) = json else { return Ok(()) };
        if json.len() > LONGEST_CANDIDATE {
            return Err(BrowserError::Candidate(format!("{} bytes, at most {LONGEST_CANDIDATE}", json.len())));
        }
        let theirs: Theirs = serde_json::from_str(json).map_err(|e| BrowserError::Candidate(e.to_string()))?;
        let mut negotiation = self.0.negotiation.lock().await;
        if negotiation.agreed.is_none() {
            return Err(BrowserError::NoOffer);
        }
        // Of a section that was refused, or of the time before an ICE restart.
        let other = theirs.sdp_mid.is_some_and(|mid| !mid.is_empty() && mid != lock(&self.0.shared.place).0);
        let stale = theirs.username_fragment.is_some_and(|ufrag| ufrag != negotiation.ufrag);
        if other || stale || !offer::usable(&theirs.candidate) || negotiation.candidates == offer::CANDIDATES {
            return Ok(());
        }
        negotiation.candidates += 1;
        self.0.peer.candidate(theirs.candidate).await.map_err(|e| BrowserError::Candidate(e.to_string()))
    }

    /// The RTP of this browser for one call; `None` before an offer was answered. It ends what was taken before.
    pub fn take(&self) -> Option<BrowserRtp> {
        let (to_bridge, incoming) = mpsc::channel(QUEUE);
        let (outgoing, from_bridge) = mpsc::channel(QUEUE);
        let Taken { source, codecs, event, ended } = lock(&self.0.shared.relay).take(to_bridge)?;
        let (shared, line) = (self.0.shared.clone(), self.0.peer.line());
        tokio::spawn(async move { ended.run_until_cancelled(pump(shared, line, source, from_bridge)).await });
        Some(BrowserRtp { incoming, outgoing, codecs, event })
    }

    pub fn stats(&self) -> BrowserStats {
        lock(&self.0.shared.relay).stats()
    }

    /// Ends the connection, its task and its port.
    pub async fn close(&self) {
        self.0.peer.close().await;
        self.0.shared.state(BrowserState::Closed);
    }
}

/// Carries one call's packets to the browser, until the bridge lets go; it is stopped when the browser is taken for another call.
async fn pump(shared: Arc<Shared>, line: Arc<peer::Line>, source: u64, mut from_bridge: mpsc::Receiver<Bytes>) {
    while let Some(datagram) = from_bridge.recv().await {
        let Some(packets) = lock(&shared.relay).leaving(source, &datagram, monotonic()) else { return };
        for packet in packets {
            line.send(packet).await;
        }
    }
}
