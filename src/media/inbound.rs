//! Received packets of one far end: whose they are, what they hold, where it belongs. Pure.
//!
//! Order of judgement: is it RTP of an agreed payload type · is the source ours · was it seen before · key, comfort noise or voice · place.

use super::codec::{Codec, SAMPLE_RATE};
use super::counters::{Counters, Seen};
use super::dtmf::KeyReceiver;
use super::rtp::{self, COMFORT_NOISE};
use super::sdp::Remote;
use super::source::{SourceLock, TRIAL_PACKETS, Verdict};
use super::track::Track;
use crate::domain::recording::gaps::GapLog;
use crate::domain::recording::timeline::{Arrival, Placement, Timeline};
use rtc_rtp::Packet;
use std::net::SocketAddr;
use std::time::Instant;

/// Where received audio and explanations go.
pub struct Sink<'a> {
    pub track: &'a mut Track,
    pub gaps: &'a mut GapLog,
    /// Keys pressed, in order.
    pub keys: &'a mut Vec<char>,
}

/// When and from where a datagram came.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    pub from: SocketAddr,
    pub now: Instant,
    /// The same instant on the recording's axis, samples.
    pub at: i64,
}

pub struct Inbound {
    source: SourceLock,
    /// Codecs by payload type: those of the description first, then the static ones of our offer.
    codecs: Vec<(u8, Codec)>,
    event: Option<u8>,
    /// The customer is on hold: what comes is music, not he.
    held: bool,
    counters: Counters,
    timeline: Timeline,
    keys: KeyReceiver,
    /// Packets of a source on trial.
    on_trial: Vec<(Received, Packet)>,
    pcm: Vec<i16>,
    late: u64,
    refused: u64,
    /// The codec of the last voice packet.
    heard_codec: Option<Codec>,
}

impl Inbound {
    pub fn new(offered: &[Codec]) -> Self {
        Self {
            source: SourceLock::new(None),
            codecs: offered.iter().map(|codec| (codec.payload_type(), *codec)).collect(),
            event: None,
            held: false,
            counters: Counters::default(),
            timeline: Timeline::new(),
            keys: KeyReceiver::default(),
            on_trial: Vec::with_capacity(TRIAL_PACKETS),
            pcm: Vec::with_capacity(512),
            late: 0,
            refused: 0,
            heard_codec: None,
        }
    }

    /// A new description of the far end came into force.
    pub fn negotiated(&mut self, remote: &Remote, offered: &[Codec]) {
        // On hold by 0.0.0.0 the address is missing but the source is still the same.
        if let Some(address) = remote.address {
            self.source.expect(Some(SocketAddr::new(address, remote.port)));
        }
        let fixed = offered.iter().map(|codec| (codec.payload_type(), *codec));
        self.codecs = remote.codecs.iter().copied().chain(fixed).collect();
        self.event = remote.event;
        let held = !remote.direction.they_speak();
        if self.held && !held {
            self.timeline.reset();
        }
        self.held = held;
    }

    /// Where our packets go.
    pub fn target(&self) -> Option<SocketAddr> {
        self.source.target()
    }

    /// Takes one datagram; true when it was a valid packet of the far end.
    pub fn packet(&mut self, datagram: &[u8], received: Received, sink: &mut Sink<'_>) -> bool {
        let Some(packet) = rtp::read(datagram).filter(|packet| self.is_agreed(packet.header.payload_type)) else {
            self.refused += 1;
            return false;
        };
        match self.source.judge(received.from, received.now) {
            Verdict::Accept => {
                self.refused += self.on_trial.drain(..).count() as u64;
                self.accept(&packet, received.at, sink);
                true
            }
            Verdict::Trial => {
                self.refused += self.keep_for_trial(received, packet);
                false
            }
            Verdict::Latched => {
                for (then, kept) in std::mem::take(&mut self.on_trial) {
                    self.accept(&kept, then.at, sink);
                }
                self.accept(&packet, received.at, sink);
                true
            }
            Verdict::Refuse => {
                self.refused += 1;
                false
            }
        }
    }

    pub fn packets_received(&self) -> u64 {
        self.counters.received
    }
    pub fn packets_lost(&self) -> u64 {
        self.counters.lost()
    }
    pub fn packets_late(&self) -> u64 {
        self.late
    }
    pub fn packets_refused(&self) -> u64 {
        self.refused + self.on_trial.len() as u64
    }
    pub fn jitter_ms(&self) -> f64 {
        self.counters.jitter_ms(SAMPLE_RATE)
    }
    pub fn heard_codec(&self) -> Option<Codec> {
        self.heard_codec
    }

    fn is_agreed(&self, payload_type: u8) -> bool {
        payload_type == COMFORT_NOISE || self.event == Some(payload_type) || self.codec(payload_type).is_some()
    }

    fn codec(&self, payload_type: u8) -> Option<Codec> {
        self.codecs.iter().find(|(pt, _)| *pt == payload_type).map(|(_, codec)| *codec)
    }

    /// Keeps the packet; packets of an earlier trial are given up, their number is returned.
    fn keep_for_trial(&mut self, received: Received, packet: Packet) -> u64 {
        let before = self.on_trial.len();
        self.on_trial.retain(|(earlier, _)| earlier.from == received.from);
        if self.on_trial.len() >= TRIAL_PACKETS {
            self.on_trial.remove(0);
        }
        let given_up = before - self.on_trial.len();
        self.on_trial.push((received, packet));
        given_up as u64
    }

    fn accept(&mut self, packet: &Packet, at: i64, sink: &mut Sink<'_>) {
        let header = &packet.header;
        let Seen::New(sequence) = self.counters.packet(header.ssrc, header.sequence_number) else { return };
        if self.event == Some(header.payload_type) {
            self.timeline.skip(header.ssrc, sequence);
            sink.keys.extend(self.keys.packet(header.ssrc, header.timestamp, &packet.payload));
        } else if let Some(codec) = self.codec(header.payload_type) {
            self.counters.timing(at, header.timestamp);
            self.heard_codec = Some(codec);
            if !self.held {
                self.voice(codec, packet, sequence, at, sink);
            }
        } else {
            self.timeline.skip(header.ssrc, sequence);
        }
    }

    fn voice(&mut self, codec: Codec, packet: &Packet, sequence: i64, at: i64, sink: &mut Sink<'_>) {
        self.pcm.clear();
        codec.decode(&packet.payload, &mut self.pcm);
        let placement = self.timeline.place(Arrival {
            ssrc: packet.header.ssrc,
            sequence,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            samples: self.pcm.len() as u32,
            at,
            written: sink.track.written(),
        });
        match placement {
            Placement::Late => self.late += 1,
            Placement::At { from, before, stretch } => {
                if let Some(silence) = before {
                    sink.gaps.explain(silence.from, silence.to, silence.why);
                }
                sink.track.put_customer(from, &self.pcm, stretch);
            }
        }
    }
}
