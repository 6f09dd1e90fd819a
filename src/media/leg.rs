//! One call's media as a machine without sockets, files or clock: every method takes `now`, packets and chunks come out as values.
//!
//! The axis of the recording begins at the first early media, or at the answer. Received voice is placed on it by RTP time and held back from
//! the disk for 400 ms so that late packets find their place; the live frames for the recogniser follow 40 ms behind the line.
//! Does not do: sockets and writing (see `session`), what to play and when (the engine).

use super::codec::{Codec, FRAME, SAMPLE_RATE};
use super::dtmf::ToneKeys;
use super::inbound::{Inbound, Received, Sink};
use super::playout::{Datagram, Permit, PlayId, Playout};
use super::sdp::{self, Direction, Local, NegotiationError, Remote};
use super::track::Track;
use crate::domain::call::LegStats;
use crate::domain::recording::gaps::GapLog;
use crate::domain::recording::manifest::Gap;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(20);
/// Held back from the disk for late packets, samples.
const HOLD_BACK: i64 = 3_200;
/// How far the live frames run behind the line, samples.
const LIVE_DELAY: i64 = 320;
/// A clock that fell further behind skips instead of sending a burst.
const FALLEN_BEHIND: Duration = Duration::from_millis(100);
/// Datagrams kept while no description of the far end is known.
const MOST_WAITING: usize = 100;

#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// The last sample of this play was sent. A play cut by `stop_playing` never finishes.
    PlayFinished(PlayId),
    /// One press of a key, told at its first packet.
    Key(char),
    /// The first valid packet of the far end.
    FirstRtp { at: Instant },
    /// Nothing came for `media.rtp_timeout_s` though nobody is on hold. Told once until media comes again.
    RtpTimeout,
    /// The recording cannot be continued: the call must end (invariant 1). What is written stays.
    RecorderFailed(String),
}

/// 20 ms of the customer, silence included.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerFrame {
    /// Seconds since the answer, of the first sample.
    pub at_s: f64,
    pub pcm: [i16; FRAME],
}

pub struct Leg {
    local: Local,
    version: u64,
    remote: Option<Remote>,
    axis: Option<Axis>,
    inbound: Inbound,
    playout: Playout,
    track: Track,
    gaps: GapLog,
    /// Taken from the track, not yet handed to the writer: left and right in turn.
    chunk: Vec<i16>,
    live: i64,
    next_tick: Instant,
    waiting: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    last_rtp: Option<Instant>,
    rtp_timeout: Duration,
    timed_out: bool,
    heard_rtp: bool,
    /// When the first packet after the answer was sent.
    first_sent: Option<Instant>,
    /// Listens to the voice for keys while the far end has no telephone-event.
    tone_keys: ToneKeys,
    events: VecDeque<MediaEvent>,
    frames: VecDeque<CustomerFrame>,
    rtcp_packets: u64,
}

#[derive(Clone, Copy, Debug)]
struct Axis {
    origin: Instant,
    /// Place of the answer, and its wall-clock time.
    answered: Option<(i64, Timestamp)>,
}

/// What the writer needs to finish the file.
pub struct Ending {
    pub rest: Vec<i16>,
    /// Frames of the whole file.
    pub length: i64,
    /// `None`: never answered.
    pub answered_at_s: Option<f64>,
    pub answered_wall: Option<Timestamp>,
    pub gaps: Vec<Gap>,
    pub stats: LegStats,
    pub rtcp_packets: u64,
}

impl Leg {
    pub fn new(local: Local, playout: Playout, rtp_timeout: Duration, now: Instant) -> Self {
        Self {
            inbound: Inbound::new(&local.codecs),
            local,
            version: 1,
            remote: None,
            axis: None,
            playout,
            track: Track::default(),
            gaps: GapLog::default(),
            chunk: Vec::new(),
            live: 0,
            next_tick: now,
            waiting: VecDeque::new(),
            last_rtp: None,
            rtp_timeout,
            timed_out: false,
            heard_rtp: false,
            first_sent: None,
            tone_keys: ToneKeys::default(),
            events: VecDeque::new(),
            frames: VecDeque::new(),
            rtcp_packets: 0,
        }
    }

    pub fn offer(&self) -> Vec<u8> {
        self.local.offer(self.version)
    }

    pub fn early(&mut self, sdp: &[u8], now: Instant) -> Result<(), NegotiationError> {
        let remote = sdp::read_answer(sdp, &self.local.codecs)?;
        self.begin_axis(now);
        self.apply(remote, now);
        Ok(())
    }

    /// An answer without a body is the one already read from a provisional response.
    pub fn answered(&mut self, sdp: &[u8], at: Instant, wall: Timestamp) -> Result<Codec, NegotiationError> {
        let remote = match &self.remote {
            Some(remote) if sdp.is_empty() => remote.clone(),
            _ => sdp::read_answer(sdp, &self.local.codecs)?,
        };
        let codec = remote.codecs[0].1;
        self.begin_axis(at);
        if let Some(axis) = &mut self.axis
            && axis.answered.is_none()
        {
            let place = axis.place(at).max(0);
            axis.answered = Some((place, wall));
            self.live = place;
            self.last_rtp = Some(at);
            self.timed_out = false;
        }
        self.apply(remote, at);
        Ok(codec)
    }

    /// An empty body asks for our offer (RFC 3261 §14.2).
    pub fn reoffer(&mut self, sdp: &[u8], now: Instant) -> Result<Vec<u8>, NegotiationError> {
        if sdp.is_empty() {
            self.version += 1;
            return Ok(self.offer());
        }
        let (remote, answer) = self.local.answer(self.version + 1, sdp)?;
        self.version += 1;
        self.apply(remote, now);
        Ok(answer)
    }

    pub fn reanswered(&mut self, sdp: &[u8], now: Instant) -> Result<Codec, NegotiationError> {
        let remote = sdp::read_answer(sdp, &self.local.codecs)?;
        let codec = remote.codecs[0].1;
        self.apply(remote, now);
        Ok(codec)
    }

    pub fn play(&mut self, clips: Vec<Arc<[i16]>>) -> PlayId {
        self.playout.play(clips).unwrap_or_else(|refused| {
            tracing::error!(play = refused.0, "too many plays are queued: this one is skipped");
            self.events.push_back(MediaEvent::PlayFinished(refused));
            refused
        })
    }

    pub fn stop_playing(&mut self) {
        self.playout.stop();
    }

    pub fn send_keys(&mut self, digits: &str) {
        let skipped = self.playout.send_keys(digits);
        if skipped > 0 {
            tracing::warn!(keys.skipped = skipped, "keys to send were skipped: not a key, or too many");
        }
    }

    pub fn rtcp(&mut self) {
        self.rtcp_packets += 1;
    }

    /// One datagram from the RTP port.
    pub fn receive(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        let Some(axis) = self.axis else {
            if self.waiting.len() >= MOST_WAITING {
                self.waiting.pop_front();
            }
            self.waiting.push_back((now, from, datagram.to_vec()));
            return;
        };
        let mut keys = Vec::new();
        let mut sink = Sink { track: &mut self.track, gaps: &mut self.gaps, keys: &mut keys };
        let received = Received { from, now, at: axis.place(now) };
        if self.inbound.packet(datagram, received, &mut sink) {
            if !std::mem::replace(&mut self.heard_rtp, true) {
                self.events.push_back(MediaEvent::FirstRtp { at: now });
            }
            self.last_rtp = Some(now);
            self.timed_out = false;
        }
        if axis.answered.is_some() {
            self.events.extend(keys.into_iter().map(MediaEvent::Key));
        }
    }

    /// When `tick` wants to be called next.
    pub fn next_tick(&self) -> Instant {
        self.next_tick
    }

    /// Does what is due: packets to send, live frames, samples for the writer, the media time-out.
    pub fn tick(&mut self, now: Instant, mut send: impl FnMut(&[u8], SocketAddr)) {
        let Some(axis) = self.axis else {
            self.next_tick = now + TICK;
            return;
        };
        while self.next_tick <= now {
            let place = axis.place(self.next_tick);
            let sent = self.frame(axis, place, now.duration_since(self.next_tick) > FALLEN_BEHIND, &mut send);
            if sent && axis.answered.is_some() {
                self.first_sent.get_or_insert(now);
            }
            self.take(axis, place - HOLD_BACK);
            self.next_tick += TICK;
        }
        self.live_frames(axis, axis.place(now));
        self.watch(axis, now);
    }

    pub fn first_sent(&self) -> Option<Instant> {
        self.first_sent
    }

    /// Samples ready for the writer: left and right in turn, at least `least` frames, or none.
    pub fn take_chunk(&mut self, least: usize) -> Option<Vec<i16>> {
        (self.chunk.len() >= least * 2).then(|| std::mem::take(&mut self.chunk))
    }

    pub fn chunk_frames(&self) -> usize {
        self.chunk.len() / 2
    }

    pub fn next_event(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    pub fn push_event(&mut self, event: MediaEvent) {
        self.events.push_back(event);
    }

    pub fn requeue_event(&mut self, event: MediaEvent) {
        self.events.push_front(event);
    }

    pub fn next_frame(&mut self) -> Option<CustomerFrame> {
        self.frames.pop_front()
    }

    pub fn finish(&mut self, end: Instant) -> Ending {
        let end = self.axis.map_or(0, |axis| axis.place(end));
        if let Some(axis) = self.axis {
            self.take(axis, end);
        }
        let answered = self.axis.and_then(|axis| axis.answered);
        Ending {
            rest: std::mem::take(&mut self.chunk),
            length: self.track.written(),
            answered_at_s: answered.map(|(place, _)| place as f64 / f64::from(SAMPLE_RATE)),
            answered_wall: answered.map(|(_, wall)| wall),
            gaps: std::mem::take(&mut self.gaps).finish(end.max(self.track.written()), SAMPLE_RATE),
            stats: self.stats(),
            rtcp_packets: self.rtcp_packets,
        }
    }

    fn begin_axis(&mut self, origin: Instant) {
        if self.axis.is_none() {
            self.axis = Some(Axis { origin, answered: None });
            self.next_tick = origin;
        }
    }

    fn apply(&mut self, remote: Remote, now: Instant) {
        let event = remote.event;
        self.inbound.negotiated(&remote, &self.local.codecs);
        self.playout.negotiated(remote.codecs[0], event);
        if let Some(axis) = self.axis {
            self.gaps.hold(!remote.direction.they_speak(), axis.place(now));
        }
        self.last_rtp = self.last_rtp.map(|last| last.max(now));
        self.remote = Some(remote);
        for (then, from, datagram) in std::mem::take(&mut self.waiting) {
            self.receive(&datagram, from, then);
        }
    }

    /// True when a packet was sent.
    fn frame(&mut self, axis: Axis, place: i64, behind: bool, send: &mut impl FnMut(&[u8], SocketAddr)) -> bool {
        let direction = self.remote.as_ref().map_or(Direction::Inactive, |remote| remote.direction);
        let permit = match axis.answered {
            _ if behind || !direction.we_send() => Permit::Nothing,
            None => Permit::Silence,
            Some(_) => Permit::All,
        };
        let (mut pcm, mut finished) = ([0; FRAME], Vec::new());
        let datagram: Option<(Datagram, usize)> = self.playout.frame(permit, &mut pcm, &mut finished);
        self.track.put_agent(place, &pcm);
        self.events.extend(finished.into_iter().map(MediaEvent::PlayFinished));
        let (Some((datagram, len)), Some(target)) = (datagram, self.inbound.target()) else { return false };
        send(&datagram[..len], target);
        true
    }

    /// Moves what is old enough from the track to the writer's chunk; only the answered part can have gaps.
    fn take(&mut self, axis: Axis, to: i64) {
        let gaps = &mut self.gaps;
        let from_answer = axis.answered.map_or(i64::MAX, |(place, _)| place);
        self.track.take(to, &mut self.chunk, |from, to| {
            let from = from.max(from_answer);
            if from < to {
                gaps.hole(from, to);
            }
        });
    }

    fn live_frames(&mut self, axis: Axis, now: i64) {
        let Some((answered, _)) = axis.answered else { return };
        while self.live + FRAME as i64 + LIVE_DELAY <= now {
            let at_s = (self.live - answered) as f64 / f64::from(SAMPLE_RATE);
            let pcm = self.track.customer_frame(self.live);
            if self.remote.as_ref().is_some_and(|remote| remote.event.is_none()) {
                self.events.extend(self.tone_keys.frame(&pcm).map(MediaEvent::Key));
            }
            self.frames.push_back(CustomerFrame { at_s, pcm });
            self.live += FRAME as i64;
        }
    }

    fn watch(&mut self, axis: Axis, now: Instant) {
        let speaks = self.remote.as_ref().is_some_and(|remote| remote.direction.they_speak());
        let Some(last) = self.last_rtp.filter(|_| axis.answered.is_some()) else { return };
        if !speaks {
            self.last_rtp = Some(now);
        } else if !self.timed_out && now.saturating_duration_since(last) >= self.rtp_timeout {
            self.timed_out = true;
            self.events.push_back(MediaEvent::RtpTimeout);
        }
    }

    fn stats(&self) -> LegStats {
        let codec = self.inbound.heard_codec().or(self.playout.codec());
        LegStats {
            name: "customer".into(),
            codec: codec.map(|codec| codec.name().to_owned()),
            packets_received: self.inbound.packets_received(),
            packets_sent: self.playout.sent,
            packets_lost: self.inbound.packets_lost(),
            packets_late: self.inbound.packets_late(),
            packets_refused: self.inbound.packets_refused(),
            jitter_ms: self.inbound.jitter_ms(),
        }
    }
}

impl Axis {
    /// An instant as a place on the axis, samples; negative before it began.
    fn place(&self, at: Instant) -> i64 {
        let samples = |span: Duration| (span.as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000) as i64;
        match at.checked_duration_since(self.origin) {
            Some(after) => samples(after),
            None => -samples(self.origin.duration_since(at)),
        }
    }
}

#[cfg(test)]
mod tests;
