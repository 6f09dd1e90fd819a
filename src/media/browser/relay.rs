//! Where the packets of one browser go: to the call that has taken it, or nowhere.
//!
//! Pure but for the queue towards the bridge, which is never waited for: the caller says `now`.
//! Does not do: sending (it gives back what is to be sent), jitter (the bridge and the browser have buffers of their own).

use super::offer::{Agreed, Speech};
use super::opus::{FromOpus, Spoken, ToOpus};
use super::outbound::Outbound;
use super::{BrowserState, BrowserStats};
use crate::media::codec::Codec;
use crate::media::rtp::{self, HEADER, Outgoing};
use bytes::Bytes;
use rtc_rtp::Packet;
use rtc_rtp::header::Header;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// To the bridge.
type ToBridge = mpsc::Sender<(Instant, Bytes)>;

#[derive(Default)]
pub struct Relay {
    state: BrowserState,
    /// There is, or soon will be again, a way to the browser.
    reachable: bool,
    agreed: Option<(Agreed, Outbound)>,
    /// Whoever speaks to the browser has a number.
    sources: u64,
    /// The call that has taken the browser.
    call: Option<Call>,
    received: u64,
    received_lost: u64,
    heard_at: Option<Instant>,
    sent: u64,
    sent_lost: u64,
}

struct Call {
    source: u64,
    bridge: ToBridge,
    /// When the browser has no G.711.
    opus: Option<(FromOpus, ToOpus)>,
    /// Ends the task that carries the call's packets.
    _ends: DropGuard,
}

/// What a call is given.
pub struct Taken {
    pub source: u64,
    pub codecs: Vec<(u8, Codec)>,
    pub event: Option<u8>,
    pub ended: CancellationToken,
}

impl Relay {
    pub fn state(&self) -> BrowserState {
        self.state
    }

    /// Whether this is news. Nothing comes after `Closed`.
    pub fn enter(&mut self, state: BrowserState) -> bool {
        if self.state == state || self.state == BrowserState::Closed {
            return false;
        }
        self.state = state;
        match state {
            BrowserState::Connected => self.reachable = true,
            BrowserState::Failed => self.reachable = false,
            BrowserState::Closed => {
                self.reachable = false;
                self.call = None;
            }
            // An ICE restart: the connection itself knows when it has a way again.
            BrowserState::New | BrowserState::Connecting | BrowserState::Disconnected => {}
        }
        true
    }

    /// After the first offer.
    pub fn agree(&mut self, agreed: Agreed, ssrc: u32) {
        let clock_rate = match agreed.speech {
            Speech::G711(_) => 8000,
            Speech::Opus(_) => 48_000,
        };
        self.agreed = Some((agreed, Outbound::new(ssrc, clock_rate)));
    }

    pub fn take(&mut self, bridge: ToBridge) -> Option<Taken> {
        let (agreed, _) = self.agreed.as_ref()?;
        let event = agreed.event;
        let (codecs, opus) = match &agreed.speech {
            Speech::G711(codecs) => (codecs.clone(), None),
            Speech::Opus(_) => {
                (vec![(Codec::Pcma.payload_type(), Codec::Pcma)], Some((FromOpus::new().ok()?, ToOpus::new().ok()?)))
            }
        };
        if self.state == BrowserState::Closed {
            return None;
        }
        self.sources += 1;
        let (source, ended) = (self.sources, CancellationToken::new());
        self.call = Some(Call { source, bridge, opus, _ends: ended.clone().drop_guard() });
        Some(Taken { source, codecs, event, ended })
    }

    /// A packet of the browser.
    pub fn arrived(&mut self, packet: &Packet, now: Instant) {
        self.received += 1;
        self.heard_at = Some(now);
        // A browser that probes its way sends padding alone.
        if packet.payload.is_empty() || packet.payload.len() > rtp::LONGEST - HEADER {
            return;
        }
        let (Some((agreed, _)), Some(call)) = (&self.agreed, &mut self.call) else { return };
        for datagram in call.hear(agreed, packet) {
            // Full: the bridge is behind by more than a second. Closed: the call is over and says so by itself.
            if call.bridge.try_send((now, datagram)).is_err() {
                self.received_lost += 1;
            }
        }
    }

    /// What one datagram of the bridge becomes; `None` when that call has ended.
    pub fn leaving(&mut self, source: u64, datagram: &[u8], now: Instant) -> Option<Vec<Packet>> {
        let (agreed, outbound) = self.agreed.as_mut()?;
        let call = self.call.as_mut().filter(|call| call.source == source)?;
        let packets = match rtp::read(datagram) {
            Some(packet) if self.reachable => call.speak(agreed, packet),
            _ => None,
        };
        let Some(packets) = packets else {
            self.sent_lost += 1;
            return Some(vec![]);
        };
        self.sent += packets.len() as u64;
        let place =
            |packet: Packet| Packet { header: outbound.place(source, &packet.header, now), payload: packet.payload };
        Some(packets.into_iter().map(place).collect())
    }

    pub fn stats(&self) -> BrowserStats {
        BrowserStats {
            state: self.state,
            codec: self.agreed.as_ref().map(|(agreed, _)| match &agreed.speech {
                Speech::Opus(_) => "opus",
                Speech::G711(codecs) => codecs.first().map_or("", |(_, codec)| codec.name()),
            }),
            received: self.received,
            received_lost: self.received_lost,
            heard_at: self.heard_at,
            sent: self.sent,
            sent_lost: self.sent_lost,
        }
    }
}

impl Call {
    /// A packet of the browser as the bridge reads it; payload types that were not agreed on are nobody's.
    fn hear(&mut self, agreed: &Agreed, packet: &Packet) -> Vec<Bytes> {
        let Packet { header, payload } = packet;
        let key = agreed.event == Some(header.payload_type);
        let plain = |spoken: Spoken, payload_type: u8| {
            let mut datagram = vec![0; HEADER + spoken.payload.len()];
            let Spoken { sequence, timestamp, marker, .. } = spoken;
            let fields = Outgoing { payload_type, marker, sequence, timestamp, ssrc: header.ssrc };
            rtp::write(fields, &mut datagram, spoken.payload.len())?.copy_from_slice(&spoken.payload);
            Some(Bytes::from(datagram))
        };
        let same = || Spoken {
            sequence: header.sequence_number,
            timestamp: header.timestamp,
            marker: header.marker,
            payload: payload.to_vec(),
        };
        match (&agreed.speech, &mut self.opus) {
            (Speech::G711(codecs), _) if key || codecs.iter().any(|(format, _)| *format == header.payload_type) => {
                plain(same(), header.payload_type).into_iter().collect()
            }
            (Speech::Opus(_), Some((from, _))) if key => {
                let spoken = from.key(header).map(|(sequence, timestamp)| Spoken { sequence, timestamp, ..same() });
                spoken.and_then(|spoken| plain(spoken, header.payload_type)).into_iter().collect()
            }
            (Speech::Opus(format), Some((from, _))) if *format == header.payload_type => {
                // A broken packet is a lost one.
                let frames = from.frames(header, payload).unwrap_or_default();
                frames.into_iter().filter_map(|frame| plain(frame, Codec::Pcma.payload_type())).collect()
            }
            _ => vec![],
        }
    }

    /// A packet of the bridge as the browser reads it; `None` when it cannot.
    fn speak(&mut self, agreed: &Agreed, packet: Packet) -> Option<Vec<Packet>> {
        match (&agreed.speech, &mut self.opus) {
            (Speech::G711(codecs), _) => {
                let format = packet.header.payload_type;
                (agreed.event == Some(format) || codecs.iter().any(|(f, _)| *f == format)).then(|| vec![packet])
            }
            (Speech::Opus(format), Some((_, to))) if packet.header.payload_type == Codec::Pcma.payload_type() => {
                let packets = to.packets(&packet.header, &packet.payload).ok()?;
                let packet = |spoken: Spoken| Packet {
                    header: Header {
                        payload_type: *format,
                        marker: spoken.marker,
                        sequence_number: spoken.sequence,
                        timestamp: spoken.timestamp,
                        ..Header::default()
                    },
                    payload: spoken.payload.into(),
                };
                Some(packets.into_iter().map(packet).collect())
            }
            (Speech::Opus(_), _) => None,
        }
    }
}

#[cfg(test)]
mod tests;
