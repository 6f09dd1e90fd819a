//! The line of an agent or a supervisor as the engine holds it: to a desk phone, over ports of our own, or to a browser, over channels.
//!
//! Contract: a line is made apart from any call, agreed with its far end, and joined to one call at most; while it is not joined nothing is
//! sent or heard. Its ports, or its ends of the channels, are free again when it is dropped, parted, replaced, or when the call ends: a browser
//! outlives calls, so whoever speaks WebRTC makes a pair of channels per call and takes a closed one as the sign that the call is over.
//! Does not do: signalling, ICE, DTLS and the browser's SRTP and RTCP (the shell behind the channels), deciding who speaks (see `bridge`).

use super::bridge::{SharedLeg, lock};
use super::codec::Codec;
use super::leg::AgentLeg;
use super::playout::Playout;
use super::ports::PortPair;
use super::rtp::LONGEST;
use super::sdp::{Local, NegotiationError};
use super::session::{MediaError, bind_pair};
use crate::clock::{BothClocks, monotonic};
use crate::config;
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::mpsc;

/// Packets taken from a channel at once; more wait for the next tick.
const MOST: usize = 128;

/// An agent's or a supervisor's line, not yet joined.
pub struct AgentLine {
    leg: SharedLeg,
    way: Way,
}

/// How packets come and go.
pub(super) enum Way {
    Ports(PortPair),
    Channels { incoming: mpsc::Receiver<(Instant, Bytes)>, outgoing: mpsc::Sender<Bytes> },
}

/// The signalling of a line that is, or was, joined.
#[derive(Clone)]
pub struct Joined {
    leg: SharedLeg,
}

impl AgentLine {
    /// Desk phone: binds an even RTP port and the next for RTCP. `codecs` in the order of preference.
    pub async fn phone(cfg: &config::Media, codecs: &[Codec]) -> Result<AgentLine, MediaError> {
        let ports = bind_pair(cfg, codecs)?;
        let local = Local {
            address: cfg.address,
            port: ports.port,
            codecs: codecs.to_vec(),
            session_id: u64::from(rand::random::<u32>()),
        };
        let leg = AgentLeg::new(local, playout(), monotonic());
        Ok(Self { leg: Arc::new(Mutex::new(leg)), way: Way::Ports(ports) })
    }

    /// Browser: plain RTP datagrams; payload types as agreed there, the preferred one first. A full `outgoing` loses packets, as a network does.
    pub fn packets(
        incoming: mpsc::Receiver<(Instant, Bytes)>,
        outgoing: mpsc::Sender<Bytes>,
        codecs: Vec<(u8, Codec)>,
        event: Option<u8>,
    ) -> AgentLine {
        let leg = AgentLeg::agreed(codecs, event, playout(), monotonic());
        Self { leg: Arc::new(Mutex::new(leg)), way: Way::Channels { incoming, outgoing } }
    }

    /// Our SDP offer to a desk phone.
    pub fn offer(&self) -> Vec<u8> {
        lock(&self.leg).offer()
    }

    /// The phone answered. Returns the codec we send.
    pub fn answered(&self, sdp: &[u8]) -> Result<Codec, NegotiationError> {
        lock(&self.leg).answered(sdp, monotonic())
    }

    /// The phone called us, or offers anew: returns our answer. See [`Joined::reoffer`].
    pub fn reoffer(&self, sdp: &[u8]) -> Result<Vec<u8>, NegotiationError> {
        self.signalling().reoffer(sdp)
    }

    /// For whoever signals, while the line itself is joined.
    pub fn signalling(&self) -> Joined {
        Joined { leg: self.leg.clone() }
    }

    pub(super) fn into_parts(self) -> (SharedLeg, Way) {
        (self.leg, self.way)
    }
}

impl Joined {
    /// A re-INVITE or UPDATE of the phone: hold and resume, a new address, another codec. Returns the answer; on an error nothing changes (the
    /// caller refuses with 488). An empty body asks for our offer, whose answer goes to [`Self::reanswered`].
    pub fn reoffer(&self, sdp: &[u8]) -> Result<Vec<u8>, NegotiationError> {
        lock(&self.leg).reoffer(sdp, monotonic())
    }

    /// The answer, in an ACK, to the offer that a re-INVITE without a body asked for.
    pub fn reanswered(&self, sdp: &[u8]) -> Result<Codec, NegotiationError> {
        lock(&self.leg).answered(sdp, monotonic())
    }

    /// The line is gone: the customer hears nothing of it any more. To join another, or [`part`](super::session::MediaSession::part), frees it.
    pub fn hang_up(&self) {
        lock(&self.leg).hang_up();
    }
}

impl Way {
    /// What came since the last look.
    pub fn receive(&mut self, leg: &SharedLeg, now: BothClocks, reports_too: bool) {
        let mut leg = lock(leg);
        match self {
            Self::Ports(ports) => {
                ports.rtp.read::<{ LONGEST + 1 }>(now, |datagram, from, at| leg.receive(datagram, from, at));
                if reports_too {
                    ports
                        .rtcp
                        .read::<{ LONGEST + 1 }>(now, |datagram, from, at| leg.receive_report(datagram, from, at));
                }
            }
            Self::Channels { incoming, .. } => {
                for _ in 0..MOST {
                    let Ok((at, datagram)) = incoming.try_recv() else { return };
                    leg.receive(&datagram, super::leg::CHANNEL, at.min(now.monotonic));
                }
            }
        }
    }

    /// False: there is nobody at the other end, and nobody will come.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Ports(_) => true,
            Self::Channels { outgoing, .. } => !outgoing.is_closed(),
        }
    }

    pub fn send(&self, datagram: &[u8], to: SocketAddr) {
        match self {
            Self::Ports(ports) => ports.rtp.send(datagram, to),
            Self::Channels { outgoing, .. } => {
                // Full: as a network that drops. Closed: the browser is gone, which its silence tells.
                if outgoing.try_send(Bytes::copy_from_slice(datagram)).is_err() {
                    tracing::trace!("a packet to a browser was dropped");
                }
            }
        }
    }

    /// Our report when it is due; behind channels somebody else reports.
    pub fn report(&self, leg: &SharedLeg, now: Instant) {
        if let Self::Ports(ports) = self
            && let Some((report, to)) = lock(leg).next_report(now)
        {
            ports.rtcp.send(&report, to);
        }
    }

    pub fn say_goodbye(&self, leg: &SharedLeg, now: Instant) {
        if let Self::Ports(ports) = self
            && let Some((bye, to)) = lock(leg).bye(now)
        {
            ports.rtcp.send(&bye, to);
        }
    }
}

fn playout() -> Playout {
    Playout::new(rand::random(), rand::random(), rand::random())
}
