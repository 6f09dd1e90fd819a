//! One far end, whoever it is: what was agreed with it, what of the packets is its own, what goes to it. RTP, RTCP and SRTP of one line.
//!
//! Pure. Does not do: when something is sent, where what is heard goes, what silence means (the customer's `Leg`, the agent's `AgentLeg`).

use super::super::codec::Codec;
use super::super::inbound::{Inbound, Received, Sink};
use super::super::playout::{Permit, PlayId, Playout, Voices};
use super::super::reports::{Reports, Sent};
use super::super::sdes::OurKeys;
use super::super::sdp::{self, Local, NegotiationError, Place, Remote};
use super::super::srtp::{Kind, Srtp};
use crate::domain::call::LegStats;
use std::net::SocketAddr;
use std::time::Instant;

pub struct Far {
    local: Local,
    version: u64,
    remote: Option<Remote>,
    pub inbound: Inbound,
    pub playout: Playout,
    srtp: Srtp,
    pub reports: Reports,
    /// Where the far end's reports come from, when they came to our RTCP port.
    reports_from: Option<SocketAddr>,
}

impl Far {
    pub fn new(local: Local, playout: Playout, now: Instant) -> Self {
        Self {
            inbound: Inbound::new(&local.codecs),
            local,
            version: 1,
            remote: None,
            reports: Reports::new(u64::from(playout.ssrc()) << 32 | u64::from(playout.timestamp()), now),
            playout,
            srtp: Srtp::new(OurKeys::off()),
            reports_from: None,
        }
    }

    /// With SRTP as the trunk wants it.
    pub fn secure(&mut self, keys: OurKeys) {
        self.srtp = Srtp::new(keys);
    }

    pub fn offer(&self) -> Vec<u8> {
        self.local.offer(self.version, self.srtp.ours())
    }

    pub fn read_answer(&self, sdp: &[u8]) -> Result<Remote, NegotiationError> {
        sdp::read_answer(sdp, &self.local.codecs, self.srtp.ours())
    }

    /// What their offer means and our answer to it. An empty one asks for our offer (RFC 3261 §14.2): then nothing is agreed yet.
    pub fn reoffer(&mut self, sdp: &[u8]) -> Result<(Option<Remote>, Vec<u8>), NegotiationError> {
        if sdp.is_empty() {
            self.version += 1;
            return Ok((None, self.offer()));
        }
        let (remote, answer) = self.local.answer(self.version + 1, sdp, self.srtp.ours())?;
        self.version += 1;
        Ok((Some(remote), answer))
    }

    /// A description comes into force.
    pub fn apply(&mut self, mut remote: Remote) {
        // An address of the other family cannot be sent to: its packets must tell.
        if matches!(remote.place, Place::Address(ip) if ip.is_ipv4() != self.local.address.is_ipv4()) {
            remote.place = Place::Open;
        }
        self.inbound.negotiated(&remote, &self.local.codecs);
        self.playout.negotiated(&remote);
        self.srtp.negotiated(remote.crypto.as_ref());
        self.reports_from = None;
        self.remote = Some(remote);
    }

    pub fn remote(&self) -> Option<&Remote> {
        self.remote.as_ref()
    }

    /// It is on hold, as it says, or only listens: what comes is not its voice.
    pub fn is_held(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| !remote.direction.they_speak())
    }

    /// Keys come as events: they need not be listened for.
    pub fn has_events(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.event.is_some()) || self.inbound.heard_events()
    }

    /// One datagram. When it was voice or a key of this far end: the instant at which it, or the first that was kept before it, came.
    pub fn packet(&mut self, datagram: &[u8], received: Received, sink: &mut Sink<'_>) -> Option<Instant> {
        match self.srtp.open(Kind::Rtp, datagram) {
            Some(plain) => self.inbound.packet(&plain, received, sink),
            None => {
                self.inbound.refuse();
                None
            }
        }
    }

    /// One packet's time: what is said replaces what is in `pcm`, whether or not it may be sent. True when a packet left.
    pub fn frame(
        &mut self,
        wish: Permit,
        voices: &Voices,
        pcm: &mut Vec<i16>,
        finished: &mut Vec<PlayId>,
        send: &mut impl FnMut(&[u8], SocketAddr),
    ) -> bool {
        let target = self.inbound.target().filter(|_| self.remote.as_ref().is_some_and(|r| r.direction.we_send()));
        // A prompt waits until it is known where it can be heard.
        let permit = if target.is_some() { wish } else { Permit::Nothing };
        let datagram = self.playout.frame(permit, voices, pcm, finished);
        let (Some((datagram, len)), Some(target)) = (datagram, target) else { return false };
        let Some(sealed) = self.srtp.seal(Kind::Rtp, &datagram[..len]) else { return false };
        send(&sealed, target);
        true
    }

    /// One datagram from the RTCP port.
    pub fn report_on_its_port(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        if self.report(datagram, from, now) {
            self.reports_from = Some(from);
        }
    }

    /// A report of the far end, from its host or from where its description says; true when it was taken.
    pub fn report(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> bool {
        let told = self.remote.as_ref().and_then(|remote| remote.rtcp).and_then(|(_, address)| address);
        let is_far = self.inbound.target().is_some_and(|target| target.ip() == from.ip()) || told == Some(from.ip());
        match self.srtp.open(Kind::Rtcp, datagram).filter(|_| is_far) {
            Some(plain) => self.reports.read(&plain, self.playout.ssrc(), now),
            None => {
                self.reports.refuse();
                false
            }
        }
    }

    /// The report that is due, and where it goes.
    pub fn next_report(&mut self, now: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        let target = self.reports_target()?;
        if !self.reports.is_due(now) {
            return None;
        }
        self.write_report(target, false, now)
    }

    /// The last report with a goodbye. Who never sent anything does not say goodbye (RFC 3550 §6.3.7).
    pub fn bye(&mut self, now: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        let target = self.reports_target()?;
        if self.playout.sent + self.reports.sent == 0 {
            return None;
        }
        self.write_report(target, true, now)
    }

    /// Where its reports come from, else `a=rtcp`, else the port after its RTP (RFC 3550 §11).
    fn reports_target(&self) -> Option<SocketAddr> {
        let media = self.inbound.target()?;
        let (port, address) = match self.remote.as_ref()?.rtcp {
            Some((port, address)) => (port, address.unwrap_or(media.ip())),
            None => (media.port().checked_add(1)?, media.ip()),
        };
        Some(self.reports_from.unwrap_or(SocketAddr::new(address, port)))
    }

    fn write_report(&mut self, target: SocketAddr, bye: bool, now: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        let (packets, octets) = (self.playout.sent, self.playout.octets);
        let sent = Sent { ssrc: self.playout.ssrc(), timestamp: self.playout.timestamp(), packets, octets };
        let report = self.reports.write(sent, self.inbound.reception(), bye, now)?;
        Some((self.srtp.seal(Kind::Rtcp, &report)?.into_owned(), target))
    }

    pub fn stats(&self, name: &str) -> LegStats {
        let codec: Option<Codec> = self.inbound.heard_codec().or(self.playout.codec());
        let far = self.reports.view();
        let mut stats = LegStats {
            name: name.into(),
            codec: codec.map(|codec| codec.name().to_owned()),
            packets_sent: self.playout.sent,
            reports_received: self.reports.received,
            reports_refused: self.reports.refused,
            far_lost: far.lost,
            far_jitter_ms: far.jitter_ms,
            round_trip_ms: far.round_trip_ms,
            srtp: self.srtp.suite().map(|suite| suite.name().to_owned()),
            ..LegStats::default()
        };
        self.inbound.write_stats(&mut stats);
        stats
    }
}
