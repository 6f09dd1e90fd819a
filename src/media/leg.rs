//! One call's media as a machine without sockets, files or clock: every method takes `now`, packets and chunks come out as values.
//!
//! The axis of the recording begins at the first early media, or at the answer. Received voice is placed on it by RTP time and held back from
//! the disk for 400 ms so that late packets find their place; the live frames for the recogniser follow 40 ms and more behind the line.
//! Packets that come before any description are kept, the last hundred of them: those of the answer may overtake it.
//!
//! When nothing comes: after `rtp_timeout` from the answer, from the last packet or from the end of a hold, and after `hold_timeout` on hold
//! (by either style, or a far end that only listens), the time-out is told once. Only RTP counts: a far end that sends nothing but reports
//! is silent. What that means for the call is the engine's.
//! What the other parties of the call say comes in as [`Voices`], packet by packet; what the customer says is read by them with [`Leg::hear`].
//! Does not do: sockets and writing (see `session`), what to play and when (the engine), who hears whom (see `bridge`).

mod agent;
mod aside;
mod far;
mod live;

use super::codec::{Codec, FRAME, SAMPLE_RATE};
use super::dtmf::ToneKeys;
use super::ear::Ear;
use super::inbound::{Received, Sink};
use super::playout::{Permit, PlayId, Playout, Voices};
use super::rtp;
use super::sdes::OurKeys;
use super::sdp::{Local, NegotiationError, Remote};
use super::track::{Chunk, Track};
use crate::domain::call::LegStats;
use crate::domain::recording::gaps::GapLog;
use crate::domain::recording::manifest::Gap;
use far::Far;
use jiff::Timestamp;
use live::Live;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use agent::{AgentEvent, AgentLeg, CHANNEL};
pub use aside::Aside;

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
    FirstRtp {
        at: Instant,
    },
    /// The first packet of ours left.
    FirstSent {
        at: Instant,
    },
    /// Nothing came for `media.rtp_timeout_s`. Told once until media comes again.
    RtpTimeout,
    /// A hold lasted for `media.hold_timeout_s`. Told once until media comes again.
    HoldTimeout,
    /// The recording cannot be continued: the call must end (invariant 1). What is written stays.
    RecorderFailed(String),
    /// The first packet of an agent's line that was joined.
    AgentHeard {
        at: Instant,
    },
    /// Nothing came from the agent's line since then, for a second. Told once until something comes again.
    AgentSilent {
        since: Instant,
    },
    AgentBack,
    /// A key that the agent pressed; it is not sent on.
    AgentKey(char),
    /// The supervisor's browser is gone, and he has left the call.
    SupervisorLost,
}

/// 20 ms of the customer, silence included.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerFrame {
    /// Of the first sample, seconds since the answer; in early media since that began.
    pub at_s: f64,
    pub pcm: [i16; FRAME],
}

/// The same 20 ms of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct SpokenFrame {
    /// Of the first sample, seconds since the answer.
    pub at_s: f64,
    /// What our side said to the customer: the left channel of the recording.
    pub agent: [i16; FRAME],
    pub customer: [i16; FRAME],
}

pub struct Leg {
    far: Far,
    axis: Option<Axis>,
    track: Track,
    /// Who else hears the customer.
    ears: Ears,
    gaps: GapLog,
    /// Taken from the track, not yet handed to the writer: left and right in turn.
    chunk: Chunk,
    /// `None`: no supervisor has spoken.
    aside: Option<Aside>,
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
    /// What sounds before the answer: announcements and tones, nobody's words.
    early_frames: VecDeque<CustomerFrame>,
    /// `None`: nobody overhears the two.
    spoken: Option<VecDeque<SpokenFrame>>,
    /// The call is over: nothing is sent, heard or recorded from here.
    ended: Option<Instant>,
    /// One packet's time of the left channel, and what the others say in it.
    pcm: Vec<i16>,
    voices: Voices,
}

/// The parties of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    Customer,
    Agent,
    Supervisor,
}

/// One ear of each party that hears this voice.
pub type Ears = [Ear; 3];

#[derive(Clone, Copy, Debug)]
struct Axis {
    origin: Instant,
    /// Place of the answer, and its wall-clock time.
    answered: Option<(i64, Timestamp)>,
}

/// What the writer needs to finish the file.
pub struct Ending {
    pub rest: Vec<i16>,
    /// The same of a supervisor's track, if there is one.
    pub aside: Vec<i16>,
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
            far: Far::new(local, playout, now),
            axis: None,
            track: Track::default(),
            ears: Ears::default(),
            gaps: GapLog::default(),
            chunk: Chunk::of(2),
            aside: None,
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
            early_frames: VecDeque::new(),
            spoken: None,
            ended: None,
            pcm: Vec::new(),
            voices: Voices::default(),
        }
    }

    /// With SRTP as the trunk wants it.
    pub fn secured(mut self, keys: OurKeys) -> Self {
        self.far.secure(keys);
        self
    }

    /// With another bound for a hold.
    pub fn held_for(self, hold_timeout: Duration) -> Self {
        Self { hold_timeout, ..self }
    }

    pub fn offer(&self) -> Vec<u8> {
        self.far.offer()
    }

    pub fn early(&mut self, sdp: &[u8], now: Instant) -> Result<(), NegotiationError> {
        let remote = self.far.read_answer(sdp)?;
        self.begin_axis(now);
        self.live.get_or_insert_with(|| Live::from(0));
        self.apply(remote, now);
        Ok(())
    }

    /// An answer without a body, or one that nobody can read, is the one already read from a provisional response.
    pub fn answered(&mut self, sdp: &[u8], at: Instant, wall: Timestamp) -> Result<Codec, NegotiationError> {
        let remote = match (self.far.read_answer(sdp), self.far.remote()) {
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
        let (remote, answer) = self.far.reoffer(sdp)?;
        if let Some(remote) = remote {
            self.apply(remote, now);
        }
        Ok(answer)
    }

    pub fn reanswered(&mut self, sdp: &[u8], now: Instant) -> Result<Codec, NegotiationError> {
        let remote = self.far.read_answer(sdp)?;
        let codec = remote.codecs[0].1;
        self.apply(remote, now);
        Ok(codec)
    }

    pub fn play(&mut self, clips: Vec<Arc<[i16]>>) -> PlayId {
        self.far.playout.play(clips).unwrap_or_else(|refused| {
            tracing::error!(play = refused.0, "too many plays are queued: this one is skipped");
            self.events.push_back(MediaEvent::PlayFinished(refused));
            refused
        })
    }

    pub fn stop_playing(&mut self) {
        self.far.playout.stop();
    }

    pub fn send_keys(&mut self, digits: &str) {
        let skipped = self.far.playout.send_keys(digits);
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
        self.far.report_on_its_port(datagram, from, now);
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
            self.far.report(datagram, from, now);
            return;
        }
        let mut keys = Vec::new();
        let voice = &mut self.track.customer;
        let mut sink = Sink { voice, gaps: Some(&mut self.gaps), keys: &mut keys, placed: None };
        let received = Received { from, now, at: axis.place(now) };
        let first = self.far.packet(datagram, received, &mut sink);
        if let Some(place) = sink.placed {
            self.live.iter_mut().for_each(|live| live.placed(place));
            self.ears.iter_mut().for_each(|ear| ear.placed(place));
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

    /// Does what is due: packets to send, live frames, samples for the writer, the media time-out. `say` gives what the other parties say in
    /// the packet that is sent at an instant.
    pub fn tick(
        &mut self,
        now: Instant,
        mut say: impl FnMut(Instant, &mut Voices),
        mut send: impl FnMut(&[u8], SocketAddr),
    ) {
        let axis = match (self.axis, self.ended) {
            (Some(axis), None) => axis,
            _ => {
                self.next_tick = now + IDLE;
                return;
            }
        };
        while self.next_tick <= now {
            let place = axis.place(self.next_tick);
            self.voices.silence(self.far.playout.samples());
            say(self.next_tick, &mut self.voices);
            self.frame(axis, place, now, &mut send);
            self.take(axis, place - HOLD_BACK);
            self.next_tick += self.far.playout.ptime();
        }
        self.live_frames(axis, axis.place(now));
        self.watch(axis, now);
    }

    /// The report that is due, and where it goes.
    pub fn next_report(&mut self, now: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        if self.ended.is_some() {
            return None;
        }
        self.far.next_report(now)
    }

    /// What the customer says, for the packet that `who` is sent at an instant: it replaces what is in `out`.
    pub fn hear(&mut self, who: Party, at: Instant, out: &mut [i16]) {
        match self.axis {
            Some(axis) => self.ears[who as usize].read(&self.track.customer, axis.place(at), out),
            None => out.fill(0),
        }
    }

    /// `who` begins to hear the customer anew. Returns how far behind the line the one before was, at most, in milliseconds.
    pub fn new_ear(&mut self, who: Party) -> u64 {
        std::mem::take(&mut self.ears[who as usize]).widest_ms()
    }

    /// Samples ready for the writer.
    pub fn chunk(&mut self) -> &mut Chunk {
        &mut self.chunk
    }

    /// What supervisors say; `None` until one has spoken.
    pub fn aside(&mut self) -> Option<&mut Aside> {
        self.aside.as_mut()
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

    /// From here on the frames of both sides are given too, or no longer.
    pub fn overhear(&mut self, on: bool) {
        self.spoken = on.then(VecDeque::new);
    }

    pub fn next_spoken(&mut self) -> Option<SpokenFrame> {
        self.spoken.as_mut()?.pop_front()
    }

    pub fn next_early_frame(&mut self) -> Option<CustomerFrame> {
        self.early_frames.pop_front()
    }

    pub fn finish(&mut self, end: Instant) -> Ending {
        let end = self.ended.unwrap_or(end);
        let bye = self.far.bye(end);
        let end = self.axis.map_or(0, |axis| axis.place(end));
        if let Some(axis) = self.axis {
            self.take(axis, end);
        }
        let answered = self.axis.and_then(|axis| axis.answered);
        let length = self.cut_off(end);
        Ending {
            rest: self.chunk.take(0).unwrap_or_default(),
            aside: self.aside.take().map_or_else(Vec::new, |aside| aside.finish(length)),
            length,
            answered_at_s: answered.map(|(place, _)| place as f64 / f64::from(SAMPLE_RATE)),
            answered_wall: answered.map(|(_, wall)| wall),
            gaps: until(length, std::mem::take(&mut self.gaps).finish(end.max(self.track.written()), SAMPLE_RATE)),
            stats: self.far.stats("customer"),
            rtcp_packets: self.far.reports.received,
            bye,
        }
    }

    /// An end that was learnt of late: what was taken beyond it and has not left for the disk is dropped. Returns the frames of the file.
    fn cut_off(&mut self, end: i64) -> i64 {
        self.track.written() - self.chunk.cut_off(self.track.written() - end)
    }

    fn begin_axis(&mut self, origin: Instant) {
        if self.axis.is_none() {
            self.axis = Some(Axis { origin, answered: None });
            self.next_tick = origin;
        }
    }

    fn apply(&mut self, remote: Remote, now: Instant) {
        self.far.apply(remote);
        let held = self.far.is_held();
        if let Some(axis) = self.axis {
            self.gaps.hold(held, axis.place(now));
        }
        self.held_since = held.then(|| self.held_since.unwrap_or(now));
        self.last_rtp = self.last_rtp.map(|last| last.max(now));
        for (then, from, datagram) in std::mem::take(&mut self.waiting) {
            self.receive(&datagram, from, then);
        }
    }

    fn frame(&mut self, axis: Axis, place: i64, now: Instant, send: &mut impl FnMut(&[u8], SocketAddr)) {
        let behind = now.duration_since(self.next_tick) > FALLEN_BEHIND;
        let wish = match axis.answered {
            _ if behind => Permit::Nothing,
            None => Permit::Silence,
            Some(_) => Permit::All,
        };
        let mut finished = Vec::new();
        let left = self.far.frame(wish, &self.voices, &mut self.pcm, &mut finished, send);
        self.track.put_agent(place, &self.pcm);
        if self.aside.is_some() || aside::speaks(&self.voices.aside) {
            self.aside.get_or_insert_with(|| Aside::from(self.track.written())).put(place, &self.voices.aside);
        }
        self.events.extend(finished.into_iter().map(MediaEvent::PlayFinished));
        if left && !std::mem::replace(&mut self.sent_rtp, true) {
            self.events.push_back(MediaEvent::FirstSent { at: now });
        }
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
        if let Some(aside) = &mut self.aside {
            aside.take(to);
        }
    }

    fn live_frames(&mut self, axis: Axis, now: i64) {
        let Some(live) = &mut self.live else { return };
        let has_events = self.far.has_events();
        while let Some(place) = live.due(now) {
            let answered = axis.answered.map(|(place, _)| place);
            let at_s = (place - answered.unwrap_or_default()) as f64 / f64::from(SAMPLE_RATE);
            let pcm = self.track.customer_frame(place);
            if answered.is_none() {
                self.early_frames.push_back(CustomerFrame { at_s, pcm });
                continue;
            }
            if !has_events {
                self.events.extend(self.tone_keys.frame(&pcm).map(MediaEvent::Key));
            }
            if let Some(spoken) = &mut self.spoken {
                spoken.push_back(SpokenFrame { at_s, agent: self.track.agent_frame(place), customer: pcm });
            }
            self.frames.push_back(CustomerFrame { at_s, pcm });
        }
    }

    fn watch(&mut self, axis: Axis, now: Instant) {
        let Some(last) = self.last_rtp.filter(|_| axis.answered.is_some()) else { return };
        let (since, limit, event) = match self.held_since {
            Some(held) => {
                self.last_rtp = Some(now);
                (held, self.hold_timeout, MediaEvent::HoldTimeout)
            }
            None => (last, self.rtp_timeout, MediaEvent::RtpTimeout),
        };
        if !self.timed_out && now.saturating_duration_since(since) >= limit {
            self.timed_out = true;
            self.events.push_back(event);
        }
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
