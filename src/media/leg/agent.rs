//! The line of an agent or a supervisor: a far end whose voice others hear and that hears others. Nothing of it is recorded here.
//!
//! Pure, on an axis of its own that begins with the line: only instants cross from leg to leg. Packets that come before anything is agreed are
//! not kept: nobody waits for an agent's first syllable as for a customer's. When a second passes without RTP, though the line should speak,
//! that is told once, and its return too.
//! Does not do: who hears whom (see `bridge`), what silence means (the engine).

use super::super::codec::{Codec, SAMPLE_RATE};
use super::super::inbound::{Received, Sink};
use super::super::playout::{Permit, Playout, Voices};
use super::super::rtp;
use super::super::sdp::{Direction, Local, NegotiationError, Place, Remote};
use super::super::track::Channel;
use super::far::Far;
use super::{Ears, FALLEN_BEHIND, Party};
use crate::domain::call::LegStats;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// Without RTP for so long, an agent is silent.
const SILENT: Duration = Duration::from_secs(1);
/// Voice is kept for those who hear it late, samples: 300 ms.
const KEPT: i64 = 2_400;
/// A line whose packets come through a channel has no address: every packet of it is its own.
pub const CHANNEL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9);

#[derive(Clone, Debug, PartialEq)]
pub enum AgentEvent {
    Heard { at: Instant },
    Silent { since: Instant },
    Back,
    Key(char),
}

pub struct AgentLeg {
    far: Far,
    origin: Instant,
    voice: Channel,
    ears: Ears,
    next_tick: Instant,
    /// When something last came, or could have begun to come.
    last_rtp: Instant,
    heard_rtp: bool,
    silent: bool,
    events: VecDeque<AgentEvent>,
    ended: bool,
    pcm: Vec<i16>,
    voices: Voices,
}

impl AgentLeg {
    /// A line that is agreed by SDP.
    pub fn new(local: Local, playout: Playout, now: Instant) -> Self {
        Self {
            far: Far::new(local, playout, now),
            origin: now,
            voice: Channel::default(),
            ears: Ears::default(),
            next_tick: now,
            last_rtp: now,
            heard_rtp: false,
            silent: false,
            events: VecDeque::new(),
            ended: false,
            pcm: Vec::new(),
            voices: Voices::default(),
        }
    }

    /// A line that somebody else has agreed: payload types in the order of preference.
    pub fn agreed(codecs: Vec<(u8, Codec)>, event: Option<u8>, playout: Playout, now: Instant) -> Self {
        let offered = codecs.iter().map(|(_, codec)| *codec).collect();
        let local = Local { address: CHANNEL.ip(), port: CHANNEL.port(), codecs: offered, session_id: 0 };
        let mut leg = Self::new(local, playout, now);
        leg.far.apply(Remote {
            place: Place::Address(CHANNEL.ip()),
            port: CHANNEL.port(),
            rtcp: None,
            codecs,
            event,
            direction: Direction::SendRecv,
            ptime_ms: super::super::sdp::PTIME_MS,
            crypto: None,
        });
        leg
    }

    pub fn offer(&self) -> Vec<u8> {
        self.far.offer()
    }

    pub fn answered(&mut self, sdp: &[u8], now: Instant) -> Result<Codec, NegotiationError> {
        let remote = self.far.read_answer(sdp)?;
        let codec = remote.codecs[0].1;
        self.apply(remote, now);
        Ok(codec)
    }

    /// An empty body asks for our offer (RFC 3261 §14.2), whose answer goes to [`Self::answered`].
    pub fn reoffer(&mut self, sdp: &[u8], now: Instant) -> Result<Vec<u8>, NegotiationError> {
        let (remote, answer) = self.far.reoffer(sdp)?;
        if let Some(remote) = remote {
            self.apply(remote, now);
        }
        Ok(answer)
    }

    fn apply(&mut self, remote: Remote, now: Instant) {
        self.far.apply(remote);
        self.last_rtp = self.last_rtp.max(now);
    }

    /// The line is gone: nothing is sent or heard any more. It is told to nobody: who ends it knows.
    pub fn hang_up(&mut self) {
        self.ended = true;
    }

    /// The line becomes a party of a call now: what came before is not of this call.
    pub fn join(&mut self, now: Instant) {
        (self.next_tick, self.last_rtp) = (now, now);
        self.voice.forget(place(self.origin, now) - KEPT);
    }

    pub fn receive(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        if self.ended || self.far.remote().is_none() {
            return;
        }
        if rtp::is_rtcp(datagram) {
            self.far.report(datagram, from, now);
            return;
        }
        let mut keys = Vec::new();
        let mut sink = Sink { voice: &mut self.voice, gaps: None, keys: &mut keys, placed: None };
        let received = Received { from, now, at: place(self.origin, now) };
        let first = self.far.packet(datagram, received, &mut sink);
        if let Some(place) = sink.placed {
            self.ears.iter_mut().for_each(|ear| ear.placed(place));
        }
        self.events.extend(keys.into_iter().map(AgentEvent::Key));
        let Some(at) = first else { return };
        self.last_rtp = self.last_rtp.max(now);
        if std::mem::take(&mut self.silent) {
            self.events.push_back(AgentEvent::Back);
        }
        if !std::mem::replace(&mut self.heard_rtp, true) {
            self.events.push_back(AgentEvent::Heard { at });
        }
    }

    pub fn receive_report(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        self.far.report_on_its_port(datagram, from, now);
    }

    pub fn next_tick(&self) -> Instant {
        self.next_tick
    }

    /// Sends what is due. `say` gives what the other parties say in the packet that is sent at an instant.
    pub fn tick(
        &mut self,
        now: Instant,
        mut say: impl FnMut(Instant, &mut Voices),
        mut send: impl FnMut(&[u8], SocketAddr),
    ) {
        while self.next_tick <= now {
            let behind = now.duration_since(self.next_tick) > FALLEN_BEHIND;
            self.voices.silence(self.far.playout.samples());
            say(self.next_tick, &mut self.voices);
            let wish = if behind || self.ended { Permit::Nothing } else { Permit::All };
            self.far.frame(wish, &self.voices, &mut self.pcm, &mut Vec::new(), &mut send);
            self.next_tick += self.far.playout.ptime();
        }
        self.voice.forget(place(self.origin, now) - KEPT);
        self.watch(now);
    }

    pub fn next_report(&mut self, now: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        if self.ended {
            return None;
        }
        self.far.next_report(now)
    }

    pub fn bye(&mut self, now: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        self.far.bye(now)
    }

    /// What the agent says, for the packet that `who` is sent at an instant: it replaces what is in `out`.
    pub fn hear(&mut self, who: Party, at: Instant, out: &mut [i16]) {
        self.ears[who as usize].read(&self.voice, place(self.origin, at), out);
    }

    /// The furthest that anybody heard this voice behind the line, in milliseconds.
    pub fn heard_behind_ms(&self) -> u64 {
        self.ears.iter().map(super::Ear::widest_ms).max().unwrap_or(0)
    }

    pub fn next_event(&mut self) -> Option<AgentEvent> {
        self.events.pop_front()
    }

    pub fn stats(&self, name: &str) -> LegStats {
        self.far.stats(name)
    }

    fn watch(&mut self, now: Instant) {
        if self.ended || self.far.remote().is_none() || self.far.is_held() {
            self.last_rtp = now;
        } else if !self.silent && now.saturating_duration_since(self.last_rtp) >= SILENT {
            self.silent = true;
            self.events.push_back(AgentEvent::Silent { since: self.last_rtp });
        }
    }
}

/// An instant on the line's own axis, samples; what came before it began is at its beginning.
fn place(origin: Instant, at: Instant) -> i64 {
    (at.saturating_duration_since(origin).as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000) as i64
}
