//! A call and the people on it: who hears whom. The customer's leg, an agent's and a supervisor's, on one clock and in one task. Pure.
//!
//! ```text
//!            hears: customer                     agent                      supervisor
//!  customer    –                                 unless muted or held       barge
//!  agent       unless held                       –                          whisper, barge
//!  supervisor  always                            always                     –
//! ```
//!
//! Nobody is joined at first: the customer hears the clips, or silence. An agent may be joined, replaced and parted at any time, before the
//! answer too: he then hears the early media, and is not heard. Clips for the customer play on over an agent's voice.
//! The recording is the customer's leg's alone: left is what our side said, placed where it was sent to the customer (clips, and the agent
//! unless muted or held); right is the customer, whatever the agent's line does. A supervisor's words go to neither channel: they have a
//! track of their own, whispered or said to both; what he says while he only listens is nobody's and is not kept.
//! Legs that are gone leave their counts; what they add to a word's way is told too.
//! Does not do: sockets (see `session`), deciding who may join and what a lost agent means (the engine).

use super::leg::{AgentEvent, AgentLeg, Leg, MediaEvent, Party};
use super::playout::{Voices, mix};
use crate::domain::call::LegStats;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Lines that left whose counts are kept; a call with more has lost sight of its agents long before.
const MOST_PAST: usize = 16;

/// What a supervisor's voice reaches. The supervisor hears both in every mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervision {
    Listen,
    /// The agent.
    Whisper,
    /// The agent and the customer.
    Barge,
}

/// A line's leg is shared with whoever signals for it.
pub type SharedLeg = Arc<Mutex<AgentLeg>>;

pub fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who is on the call beside the customer.
#[derive(Default)]
pub struct Others {
    agent: Option<SharedLeg>,
    supervisor: Option<(SharedLeg, Supervision)>,
    muted: bool,
    held: bool,
    past: Vec<LegStats>,
    /// The furthest behind the line that anybody was heard by, milliseconds.
    behind_ms: u64,
    /// Another party's words on their way into a mix.
    words: Vec<i16>,
}

/// What is told at the end.
#[derive(Debug, Default)]
pub struct Company {
    /// `agent` and `supervisor`, in the order in which they left.
    pub legs: Vec<LegStats>,
    /// The most that the bridge added to anybody's words, milliseconds; 0 when nobody was joined.
    pub added_ms_max: u64,
}

impl Others {
    pub fn join(&mut self, agent: SharedLeg, customer: &mut Leg, now: Instant) {
        self.part(customer);
        lock(&agent).join(now);
        self.agent = Some(agent);
    }

    pub fn part(&mut self, customer: &mut Leg) {
        if let Some(agent) = self.agent.take() {
            self.leave(&agent, "agent");
            self.behind_ms = self.behind_ms.max(customer.new_ear(Party::Agent));
        }
    }

    pub fn supervise(&mut self, supervisor: SharedLeg, mode: Supervision, customer: &mut Leg, now: Instant) {
        self.unsupervise(customer);
        lock(&supervisor).join(now);
        self.supervisor = Some((supervisor, mode));
    }

    pub fn unsupervise(&mut self, customer: &mut Leg) {
        if let Some((supervisor, _)) = self.supervisor.take() {
            self.leave(&supervisor, "supervisor");
            self.behind_ms = self.behind_ms.max(customer.new_ear(Party::Supervisor));
        }
    }

    /// The same supervisor in another mode; nothing when there is none.
    pub fn supervise_as(&mut self, mode: Supervision) {
        if let Some((_, now)) = &mut self.supervisor {
            *now = mode;
        }
    }

    pub fn mute(&mut self, on: bool) {
        self.muted = on;
    }

    pub fn hold(&mut self, on: bool) {
        self.held = on;
    }

    /// Everybody's packets that are due.
    pub fn tick(&mut self, customer: &mut Leg, now: Instant, mut send: impl FnMut(Party, &[u8], SocketAddr)) {
        let Self { agent, supervisor, muted, held, words, .. } = self;
        let mut agent = agent.as_ref().map(|agent| lock(agent));
        let mut supervisor = supervisor.as_ref().map(|(leg, mode)| (lock(leg), *mode));
        let agent_speaks = !*muted && !*held;
        customer.tick(
            now,
            |at, voices: &mut Voices| {
                if let Some(agent) = agent.as_mut() {
                    // Read in any case: who is heard again is heard from here, not from where it was muted.
                    agent.hear(Party::Customer, at, &mut voices.ours);
                    if !agent_speaks {
                        voices.ours.fill(0);
                    }
                }
                if let Some((supervisor, mode @ (Supervision::Whisper | Supervision::Barge))) = &mut supervisor {
                    supervisor.hear(Party::Customer, at, &mut voices.aside);
                    voices.whispered = *mode == Supervision::Whisper;
                }
            },
            |datagram, to| send(Party::Customer, datagram, to),
        );
        if let Some(agent) = agent.as_mut() {
            let say = |at, voices: &mut Voices| {
                customer.hear(Party::Agent, at, &mut voices.ours);
                if *held {
                    voices.ours.fill(0);
                }
                if let Some((supervisor, Supervision::Whisper | Supervision::Barge)) = &mut supervisor {
                    supervisor.hear(Party::Agent, at, &mut voices.aside);
                }
            };
            agent.tick(now, say, |datagram, to| send(Party::Agent, datagram, to));
        }
        if let Some((supervisor, _)) = &mut supervisor {
            let say = |at, voices: &mut Voices| {
                customer.hear(Party::Supervisor, at, &mut voices.ours);
                if let Some(agent) = agent.as_mut() {
                    words.resize(voices.ours.len(), 0);
                    agent.hear(Party::Supervisor, at, words);
                    mix(&mut voices.ours, words);
                }
            };
            supervisor.tick(now, say, |datagram, to| send(Party::Supervisor, datagram, to));
        }
        while let Some(event) = agent.as_mut().and_then(|agent| agent.next_event()) {
            customer.push_event(event.into());
        }
        // A supervisor's comings and goings are nobody's event.
        while supervisor.as_mut().and_then(|(leg, _)| leg.next_event()).is_some() {}
    }

    /// When the next packet of anybody is due.
    pub fn next_tick(&self, customer: &Leg) -> Instant {
        let legs = self.agent.iter().chain(self.supervisor.iter().map(|(leg, _)| leg));
        legs.map(|leg| lock(leg).next_tick()).fold(customer.next_tick(), Instant::min)
    }

    /// The call is over, and everybody has left it.
    pub fn finish(&mut self) -> Company {
        Company { legs: std::mem::take(&mut self.past), added_ms_max: self.behind_ms }
    }

    fn leave(&mut self, leg: &SharedLeg, name: &str) {
        let leg = lock(leg);
        self.behind_ms = self.behind_ms.max(leg.heard_behind_ms());
        if self.past.len() < MOST_PAST {
            self.past.push(leg.stats(name));
        }
    }
}

impl From<AgentEvent> for MediaEvent {
    fn from(event: AgentEvent) -> Self {
        match event {
            AgentEvent::Heard { at } => Self::AgentHeard { at },
            AgentEvent::Silent { since } => Self::AgentSilent { since },
            AgentEvent::Back => Self::AgentBack,
            AgentEvent::Key(key) => Self::AgentKey(key),
        }
    }
}
