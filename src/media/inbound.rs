//! Received packets of one far end: whose they are, what they hold, where it belongs. Pure.
//!
//! Order of judgement: is it RTP of an agreed payload type · is the source ours · was it seen before · key, comfort noise or voice · place.
//! A payload type is agreed when any description of this call named it: a far end sends by our offer, by its answer, and for a moment after a
//! re-offer still by the one before. Every packet is decoded by its own type, so a switch between the two laws is heard at once.

use super::codec::{Codec, SAMPLE_RATE};
use super::counters::{Counters, Reception, Seen};
use super::dtmf::KeyReceiver;
use super::rtp::{self, COMFORT_NOISE};
use super::sdp::{EVENT_PAYLOAD_TYPE, Place, Remote};
use super::source::{MOST_ON_TRIAL, SourceLock, Verdict};
use super::track::Channel;
use crate::domain::call::LegStats;
use crate::domain::recording::gaps::GapLog;
use crate::domain::recording::timeline::{Arrival, Placement, Timeline, Why};
use rtc_rtp::Packet;
use std::net::SocketAddr;
use std::time::Instant;

/// Where received audio and explanations go.
pub struct Sink<'a> {
    pub voice: &'a mut Channel,
    /// `None`: nobody asks what is missing.
    pub gaps: Option<&'a mut GapLog>,
    /// Keys pressed, in order.
    pub keys: &'a mut Vec<char>,
    /// The earliest place that voice was put at.
    pub placed: Option<i64>,
}

impl Sink<'_> {
    fn explain(&mut self, from: i64, to: i64, why: Why) {
        if let Some(gaps) = &mut self.gaps {
            gaps.explain(from, to, why);
        }
    }
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
    /// Port of the last description.
    port: u16,
    /// Codecs by payload type: those of the description first, then the static ones of our offer, then of descriptions before.
    codecs: Vec<(u8, Codec)>,
    events: Vec<u8>,
    /// The customer is on hold: what comes is music, not he.
    held: bool,
    counters: Counters,
    timeline: Timeline,
    keys: KeyReceiver,
    heard_events: bool,
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
            port: 0,
            codecs: offered.iter().map(|codec| (codec.payload_type(), *codec)).collect(),
            events: vec![EVENT_PAYLOAD_TYPE],
            held: false,
            counters: Counters::default(),
            timeline: Timeline::new(),
            keys: KeyReceiver::default(),
            heard_events: false,
            on_trial: Vec::new(),
            pcm: Vec::with_capacity(512),
            late: 0,
            refused: 0,
            heard_codec: None,
        }
    }

    /// A new description of the far end came into force.
    pub fn negotiated(&mut self, remote: &Remote, offered: &[Codec]) {
        match remote.place {
            Place::Address(address) => self.source.expect(Some(SocketAddr::new(address, remote.port))),
            Place::Open if remote.port != self.port => self.source = SourceLock::new(None),
            // On hold by 0.0.0.0 the address is missing but the source is still the same.
            Place::Open | Place::Hidden => {}
        }
        self.port = remote.port;
        let fixed = offered.iter().map(|codec| (codec.payload_type(), *codec));
        let before = std::mem::take(&mut self.codecs);
        for (pt, codec) in remote.codecs.iter().copied().chain(fixed).chain(before) {
            if !self.codecs.iter().any(|(known, _)| *known == pt) {
                self.codecs.push((pt, codec));
            }
        }
        self.events.extend(remote.event.filter(|pt| !self.events.contains(pt)));
        // A number that now means voice is no key any more.
        self.events.retain(|pt| !remote.codecs.iter().any(|(voice, _)| voice == pt));
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

    /// Takes one datagram. When it was a valid packet of the far end: the instant at which it, or the first that was kept before it, came.
    pub fn packet(&mut self, datagram: &[u8], received: Received, sink: &mut Sink<'_>) -> Option<Instant> {
        let Some(packet) = rtp::read(datagram) else {
            self.refused += 1;
            return None;
        };
        if !self.is_agreed(packet.header.payload_type) {
            self.refused += 1;
            if self.source.target() == Some(received.from) {
                self.counters.pass_over(packet.header.ssrc, packet.header.sequence_number);
            }
            return None;
        }
        let continues = self.counters.continues(packet.header.ssrc, packet.header.sequence_number);
        match self.source.judge(received.from, continues, received.now) {
            Verdict::Accept => {
                self.refused += self.on_trial.drain(..).count() as u64;
                self.accept(&packet, received.at, sink);
                Some(received.now)
            }
            Verdict::Trial => {
                self.refused += self.keep_for_trial(received, packet);
                None
            }
            Verdict::Latched => {
                let kept = std::mem::take(&mut self.on_trial);
                let first = kept.first().map_or(received.now, |(then, _)| then.now);
                for (then, kept) in kept {
                    self.accept(&kept, then.at, sink);
                }
                self.accept(&packet, received.at, sink);
                Some(first)
            }
            Verdict::Refuse => {
                self.refused += 1;
                None
            }
        }
    }

    /// A datagram that is not even looked at.
    pub fn refuse(&mut self) {
        self.refused += 1;
    }

    pub fn reception(&self) -> Option<Reception> {
        self.counters.reception()
    }

    pub fn heard_codec(&self) -> Option<Codec> {
        self.heard_codec
    }

    /// Keys come as events: they need not be listened for.
    pub fn heard_events(&self) -> bool {
        self.heard_events
    }

    pub fn write_stats(&self, stats: &mut LegStats) {
        stats.packets_received = self.counters.received;
        stats.packets_lost = self.counters.lost();
        stats.packets_late = self.late;
        stats.packets_refused = self.refused + self.on_trial.len() as u64;
        stats.packets_duplicate = self.counters.duplicates;
        stats.stream_changes = self.counters.changes;
        stats.jitter_ms = self.counters.jitter_ms(SAMPLE_RATE);
    }

    fn is_agreed(&self, payload_type: u8) -> bool {
        payload_type == COMFORT_NOISE || self.events.contains(&payload_type) || self.codec(payload_type).is_some()
    }

    fn codec(&self, payload_type: u8) -> Option<Codec> {
        self.codecs.iter().find(|(pt, _)| *pt == payload_type).map(|(_, codec)| *codec)
    }

    /// Keeps the packet; packets of an earlier trial are given up, their number is returned.
    fn keep_for_trial(&mut self, received: Received, packet: Packet) -> u64 {
        let before = self.on_trial.len();
        self.on_trial.retain(|(earlier, _)| earlier.from == received.from);
        if self.on_trial.len() >= MOST_ON_TRIAL {
            self.on_trial.remove(0);
        }
        let given_up = before - self.on_trial.len();
        self.on_trial.push((received, packet));
        given_up as u64
    }

    fn accept(&mut self, packet: &Packet, at: i64, sink: &mut Sink<'_>) {
        let header = &packet.header;
        let Seen::New(sequence) = self.counters.packet(header.ssrc, header.sequence_number, at) else { return };
        let codec = self.codec(header.payload_type).filter(|_| !packet.payload.is_empty());
        if self.events.contains(&header.payload_type) {
            self.heard_events = true;
            self.timeline.skip(header.ssrc, sequence, Why::Key);
            sink.keys.extend(self.keys.packet(header.ssrc, header.timestamp, &packet.payload));
        } else if let Some(codec) = codec {
            self.counters.timing(header.ssrc, at, header.timestamp);
            self.heard_codec = Some(codec);
            if !self.held {
                self.voice(codec, packet, sequence, at, sink);
            }
        } else {
            self.timeline.skip(header.ssrc, sequence, Why::Dtx);
        }
    }

    fn voice(&mut self, codec: Codec, packet: &Packet, sequence: i64, at: i64, sink: &mut Sink<'_>) {
        self.pcm.clear();
        codec.decode(&packet.payload, &mut self.pcm);
        let samples = self.pcm.len() as u32;
        let placement = self.timeline.place(Arrival {
            ssrc: packet.header.ssrc,
            sequence,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            samples,
            at,
            written: sink.voice.start(),
        });
        match placement {
            // What was said before the axis began is not late, it is not asked for.
            Placement::Late { from } if from + i64::from(samples) <= 0 => {}
            Placement::Late { from } => {
                self.late += 1;
                sink.explain(from, from + i64::from(samples), Why::Late);
            }
            Placement::At { from, before, stretch } => {
                if let Some(silence) = before {
                    sink.explain(silence.from, silence.to, silence.why);
                }
                sink.voice.put(from, &self.pcm, stretch);
                sink.placed = Some(sink.placed.map_or(from, |earliest| earliest.min(from)));
            }
        }
    }
}
