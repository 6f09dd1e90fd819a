//! One call's media as a machine without sockets, files or clock: every method takes `now`, packets and chunks come out as values.
//!
//! The axis of the recording begins at the first early media, or at the answer. Received voice is placed on it by RTP time and held back from
//! the disk for 400 ms so that late packets find their place; the live frames for the recogniser follow 40 ms and more behind the line.
//! Packets that come before any description are kept, the last hundred of them: those of the answer may overtake it.
//!
//! When nothing comes: after `rtp_timeout` from the answer, from the last packet or from the end of a hold, and after `hold_timeout` on hold
//! (by either style, or a far end that only listens), the time-out is told once. Only RTP counts: a far end that sends nothing but reports
//! is silent. What that means for the call is the engine's.
//! Does not do: sockets and writing (see `session`), what to play and when (the engine).

mod live;

use super::codec::{Codec, FRAME, SAMPLE_RATE};
use super::dtmf::ToneKeys;
use super::inbound::{Inbound, Received, Sink};
use super::playout::{Permit, PlayId, Playout};
use super::reports::{Reports, Sent};
use super::rtp;
use super::sdes::OurKeys;
use super::sdp::{self, Direction, Local, NegotiationError, Place, Remote};
use super::srtp::{Kind, Srtp};
use super::track::Track;
use crate::domain::call::LegStats;
use crate::domain::recording::gaps::GapLog;
use crate::domain::recording::manifest::Gap;
use jiff::Timestamp;
use live::Live;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between looks at the clock while nothing is to be sent.
const IDLE: Duration = Duration::from_millis(20);
/// Held back from the disk for late packets, samples.
const HOLD_BACK: i64 = 3_200;
/// A clock that fell further behind skips instead of sending a burst.
const FALLEN_BEHIND: Duration = Duration::from_millis(100);
/// Datagrams kept while no description of the far end is known.
const MOST_WAITING: usize = 100;
/// A hold that lasts longer is no pause, unless told otherwise.
const HOLD_TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// The last sample of this play was sent. A play cut by `stop_playing` never finishes.
    PlayFinished(PlayId),
    /// One press of a key, told at its first packet.
    Key(char),
    /// The first valid packet of the far end.
    FirstRtp { at: Instant },
    /// The first packet of ours left.
    FirstSent { at: Instant },
    /// Nothing came for `media.rtp_timeout_s`, or a hold lasted for `media.hold_timeout_s`. Told once until media comes again.
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
    live: Option<Live>,
    next_tick: Instant,
    waiting: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    last_rtp: Option<Instant>,
    rtp_timeout: Duration,
    held_since: Option<Instant>,
    hold_timeout: Duration,
    timed_out: bool,
    heard_rtp: bool,
    sent_rtp: bool,
    /// Listens to the voice for keys while the far end has no telephone-event.
    tone_keys: ToneKeys,
    events: VecDeque<MediaEvent>,
    frames: VecDeque<CustomerFrame>,
    srtp: Srtp,
    reports: Reports,
    /// Where the far end's reports come from, when they came to our RTCP port.
    reports_from: Option<SocketAddr>,
    /// The call is over: nothing is sent, heard or recorded from here.
    ended: Option<Instant>,
    /// One packet's time of the left channel.
    pcm: Vec<i16>,
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
    /// The last report, with our BYE, and where it goes.
    pub bye: Option<(Vec<u8>, SocketAddr)>,
}

impl Leg {
    pub fn new(local: Local, playout: Playout, rtp_timeout: Duration, now: Instant) -> Self {
        Self {
            inbound: Inbound::new(&local.codecs),
            local,
            version: 1,
            remote: None,
            axis: None,
            reports: Reports::new(u64::from(playout.ssrc()) << 32 | u64::from(playout.timestamp()), now),
            playout,
            track: Track::default(),
            gaps: GapLog::default(),
            chunk: Vec::new(),
            live: None,
            next_tick: now,
            waiting: VecDeque::new(),
            last_rtp: None,
            rtp_timeout,
            held_since: None,
            hold_timeout: HOLD_TIMEOUT,
            timed_out: false,
            heard_rtp: false,
            sent_rtp: false,
            tone_keys: ToneKeys::default(),
            events: VecDeque::new(),
            frames: VecDeque::new(),
            srtp: Srtp::new(OurKeys::off()),
            reports_from: None,
            ended: None,
            pcm: Vec::new(),
        }
    }

    /// With SRTP as the trunk wants it.
    pub fn secured(self, keys: OurKeys) -> Self {
        Self { srtp: Srtp::new(keys), ..self }
    }

    /// With another bound for a hold.
    pub fn held_for(self, hold_timeout: Duration) -> Self {
        Self { hold_timeout, ..self }
    }

    pub fn offer(&self) -> Vec<u8> {
        self.local.offer(self.version, self.srtp.ours())
    }

    pub fn early(&mut self, sdp: &[u8], now: Instant) -> Result<(), NegotiationError> {
        let remote = self.read_answer(sdp)?;
        self.begin_axis(now);
        self.apply(remote, now);
        Ok(())
    }

    /// An answer without a body, or one that nobody can read, is the one already read from a provisional response.
    pub fn answered(&mut self, sdp: &[u8], at: Instant, wall: Timestamp) -> Result<Codec, NegotiationError> {
        let remote = match (self.read_answer(sdp), &self.remote) {
            (Err(error), Some(early)) if error.says_nothing() => {
                tracing::debug!(%error, "the early answer stands for the final one");
                early.clone()
            }
            (read, _) => read?,
        };
        let codec = remote.codecs[0].1;
        self.begin_axis(at);
        if let Some(axis) = &mut self.axis
            && axis.answered.is_none()
        {
            let place = axis.place(at).max(0);
            axis.answered = Some((place, wall));
            self.live = Some(Live::from(place));
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
        let (remote, answer) = self.local.answer(self.version + 1, sdp, self.srtp.ours())?;
        self.version += 1;
        self.apply(remote, now);
        Ok(answer)
    }

    pub fn reanswered(&mut self, sdp: &[u8], now: Instant) -> Result<Codec, NegotiationError> {
        let remote = self.read_answer(sdp)?;
        let codec = remote.codecs[0].1;
        self.apply(remote, now);
        Ok(codec)
    }

    fn read_answer(&self, sdp: &[u8]) -> Result<Remote, NegotiationError> {
        sdp::read_answer(sdp, &self.local.codecs, self.srtp.ours())
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

    /// The call is over at `at`: the recording ends there, whatever still comes.
    pub fn hang_up(&mut self, at: Instant) {
        self.ended.get_or_insert(at);
    }

    /// One datagram from the RTCP port.
    pub fn receive_report(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        if self.report(datagram, from, now) {
            self.reports_from = Some(from);
        }
    }

    /// One datagram from the RTP port.
    pub fn receive(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        if self.ended.is_some_and(|ended| now > ended) {
            return;
        }
        let Some(axis) = self.axis else {
            if self.waiting.len() >= MOST_WAITING {
                self.waiting.pop_front();
            }
            self.waiting.push_back((now, from, datagram.to_vec()));
            return;
        };
        if rtp::is_rtcp(datagram) {
            self.report(datagram, from, now);
            return;
        }
        let Some(plain) = self.srtp.open(Kind::Rtp, datagram) else {
            self.inbound.refuse();
            return;
        };
        let mut keys = Vec::new();
        let mut sink = Sink { track: &mut self.track, gaps: &mut self.gaps, keys: &mut keys, placed: None };
        let received = Received { from, now, at: axis.place(now) };
        let first = self.inbound.packet(&plain, received, &mut sink);
        if let (Some(place), Some(live)) = (sink.placed, &mut self.live) {
            live.placed(place);
        }
        if let Some(at) = first {
            if !std::mem::replace(&mut self.heard_rtp, true) {
                self.events.push_back(MediaEvent::FirstRtp { at });
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
        let axis = match (self.axis, self.ended) {
            (Some(axis), None) => axis,
            _ => {
                self.next_tick = now + IDLE;
                return;
            }
        };
        while self.next_tick <= now {
            let place = axis.place(self.next_tick);
            self.frame(axis, place, now, &mut send);
            self.take(axis, place - HOLD_BACK);
            self.next_tick += self.playout.ptime();
        }
        self.live_frames(axis, axis.place(now));
        self.watch(axis, now);
    }

    /// The report that is due, and where it goes.
    pub fn next_report(&mut self, now: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        let remote = self.remote.as_ref().filter(|_| self.ended.is_none())?;
        let target = self.reports_target(remote)?;
        if !self.reports.is_due(now) {
            return None;
        }
        self.write_report(target, false, now)
    }

    /// Samples ready for the writer: left and right in turn, at least `least` frames, or none.
    pub fn take_chunk(&mut self, least: usize) -> Option<Vec<i16>> {
        // The next one will be about as long: it need not grow.
        let next = || Vec::with_capacity(self.chunk.len());
        (self.chunk.len() >= least * 2).then(next).map(|next| std::mem::replace(&mut self.chunk, next))
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
        let end = self.ended.unwrap_or(end);
        let bye = self.bye(end);
        let end = self.axis.map_or(0, |axis| axis.place(end));
        if let Some(axis) = self.axis {
            self.take(axis, end);
        }
        let answered = self.axis.and_then(|axis| axis.answered);
        let length = self.cut_off(end);
        Ending {
            rest: std::mem::take(&mut self.chunk),
            length,
            answered_at_s: answered.map(|(place, _)| place as f64 / f64::from(SAMPLE_RATE)),
            answered_wall: answered.map(|(_, wall)| wall),
            gaps: until(length, std::mem::take(&mut self.gaps).finish(end.max(self.track.written()), SAMPLE_RATE)),
            stats: self.stats(),
            rtcp_packets: self.reports.received,
            bye,
        }
    }

    /// An end that was learnt of late: what was taken beyond it and has not left for the disk is dropped. Returns the frames of the file.
    fn cut_off(&mut self, end: i64) -> i64 {
        let beyond = usize::try_from(self.track.written() - end).unwrap_or(0).min(self.chunk_frames());
        self.chunk.truncate(self.chunk.len() - beyond * 2);
        self.track.written() - beyond as i64
    }

    fn begin_axis(&mut self, origin: Instant) {
        if self.axis.is_none() {
            self.axis = Some(Axis { origin, answered: None });
            self.next_tick = origin;
        }
    }

    fn apply(&mut self, mut remote: Remote, now: Instant) {
        // An address of the other family cannot be sent to: its packets must tell.
        if matches!(remote.place, Place::Address(ip) if ip.is_ipv4() != self.local.address.is_ipv4()) {
            remote.place = Place::Open;
        }
        self.inbound.negotiated(&remote, &self.local.codecs);
        self.playout.negotiated(&remote);
        self.srtp.negotiated(remote.crypto.as_ref());
        let held = !remote.direction.they_speak();
        if let Some(axis) = self.axis {
            self.gaps.hold(held, axis.place(now));
        }
        self.held_since = held.then(|| self.held_since.unwrap_or(now));
        self.last_rtp = self.last_rtp.map(|last| last.max(now));
        self.reports_from = None;
        self.remote = Some(remote);
        for (then, from, datagram) in std::mem::take(&mut self.waiting) {
            self.receive(&datagram, from, then);
        }
    }

    fn frame(&mut self, axis: Axis, place: i64, now: Instant, send: &mut impl FnMut(&[u8], SocketAddr)) {
        let behind = now.duration_since(self.next_tick) > FALLEN_BEHIND;
        let direction = self.remote.as_ref().map_or(Direction::Inactive, |remote| remote.direction);
        let target = self.inbound.target();
        let permit = match axis.answered {
            // A prompt waits until it is known where it can be heard.
            _ if behind || !direction.we_send() || target.is_none() => Permit::Nothing,
            None => Permit::Silence,
            Some(_) => Permit::All,
        };
        let mut finished = Vec::new();
        let datagram = self.playout.frame(permit, &mut self.pcm, &mut finished);
        self.track.put_agent(place, &self.pcm);
        self.events.extend(finished.into_iter().map(MediaEvent::PlayFinished));
        let (Some((datagram, len)), Some(target)) = (datagram, target) else { return };
        if let Some(sealed) = self.srtp.seal(Kind::Rtp, &datagram[..len]) {
            send(&sealed, target);
            if !std::mem::replace(&mut self.sent_rtp, true) {
                self.events.push_back(MediaEvent::FirstSent { at: now });
            }
        }
    }

    /// A report of the far end, from its host or from where its description says; true when it was taken.
    fn report(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> bool {
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

    /// Where its reports come from, else `a=rtcp`, else the port after its RTP (RFC 3550 §11).
    fn reports_target(&self, remote: &Remote) -> Option<SocketAddr> {
        let media = self.inbound.target()?;
        let (port, address) = match remote.rtcp {
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

    /// Who never sent anything does not say goodbye (RFC 3550 §6.3.7).
    fn bye(&mut self, now: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        let target = self.reports_target(self.remote.as_ref()?)?;
        if self.playout.sent + self.reports.sent == 0 {
            return None;
        }
        self.write_report(target, true, now)
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
        let (Some((answered, _)), Some(live)) = (axis.answered, &mut self.live) else { return };
        let has_events =
            self.remote.as_ref().is_some_and(|remote| remote.event.is_some()) || self.inbound.heard_events();
        while let Some(place) = live.due(now) {
            let at_s = (place - answered) as f64 / f64::from(SAMPLE_RATE);
            let pcm = self.track.customer_frame(place);
            if !has_events {
                self.events.extend(self.tone_keys.frame(&pcm).map(MediaEvent::Key));
            }
            self.frames.push_back(CustomerFrame { at_s, pcm });
        }
    }

    fn watch(&mut self, axis: Axis, now: Instant) {
        let Some(last) = self.last_rtp.filter(|_| axis.answered.is_some()) else { return };
        let (since, limit) = match self.held_since {
            Some(held) => {
                self.last_rtp = Some(now);
                (held, self.hold_timeout)
            }
            None => (last, self.rtp_timeout),
        };
        if !self.timed_out && now.saturating_duration_since(since) >= limit {
            self.timed_out = true;
            self.events.push_back(MediaEvent::RtpTimeout);
        }
    }

    fn stats(&self) -> LegStats {
        let codec = self.inbound.heard_codec().or(self.playout.codec());
        let far = self.reports.view();
        let mut stats = LegStats {
            name: "customer".into(),
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

/// Gaps end where the file does.
fn until(length: i64, mut gaps: Vec<Gap>) -> Vec<Gap> {
    let end_s = length as f64 / f64::from(SAMPLE_RATE);
    gaps.retain_mut(|gap| {
        gap.to_s = gap.to_s.min(end_s);
        gap.from_s < gap.to_s
    });
    gaps
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
