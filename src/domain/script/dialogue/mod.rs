//! The unattended conversation as a pure machine: no clock, no audio, no recogniser inside.
//!
//! Feed it what happens on the line ([`Input`], with milliseconds since the answer) and do what it says ([`Action`], in order).
//! It decides only from the customer's *live* words, which decide nothing but the course of the call; scores are made later from the
//! transcript of record.
//!
//! ```text
//!            Answered                 statement ended
//!   Idle ───────────────▶ Speaking ◀──────────────────┐
//!                          │  │  └────────────────────┘
//!        question ended    │  │ barge-in, or the previous answer goes on (C19: the decision is taken back)
//!            ┌─────────────┘  └──────────────┐
//!            ▼         speech                ▼    patience over              last words, they are all
//!        Listening ─────────────────────▶ Hearing ───────────────▶ Deciding ──────────────────────────▶ Speaking | Holding
//!            │ nobody speaks                 ▲  speech again, or the words are not all │
//!            └▶ Speaking (asked again, on)   └─────────────────────────────────────────┘
//!        Holding ── speech, or the wait is over ──▶ Speaking (the question again)
//!        Speaking(farewell) ── ended ──▶ Leaving ── he hangs up (C16), or the wait is over and we do ──▶ Ended
//!        any ── HungUp ──▶ Ended           any ── call limit, a mailbox or an assistant ──▶ Speaking(farewell)
//!        any ── an announcement of the network ──▶ Ended
//! ```
//!
//! Rules kept by construction: nothing is asked before consent (the script's order, C07); a refusal empties the agenda, so nothing
//! is asked after it (C09); every loop is bounded by [`crate::domain::script::Limits`].
//!
//! Contract of the shell: `PromptFinished` only for the latest `Play`, never after `StopPlaying`; one `UtteranceText` per
//! `FinishUtterance`, in order; a `Tick` at (or after) the latest `WakeAt`; nothing after `End`.

mod flow;
pub mod lines;
mod patience;
mod react;
mod say;

use super::prompts::{PromptId, PromptManifest};
use super::{Limits, Script, Timing};
use crate::domain::announcement::Kind;
use crate::domain::call::journal::JournalEvent;
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::score::Indicator;
use say::Say;
pub use say::{Brief, Expert};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// What happens on the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Answered,
    /// The latest `Play` ended by itself.
    PromptFinished,
    /// Voice activity of the customer began.
    SpeechStarted,
    /// What the recogniser makes of the running utterance; replaces the partial before.
    Partial(String),
    /// Voice activity ended `silence_ms` ago.
    SpeechEnded {
        silence_ms: u64,
    },
    /// The answer to `FinishUtterance`.
    UtteranceText(String),
    Key(char),
    Tick,
    HungUp,
    /// It is no person who took the call.
    Machine(Kind),
    /// The recogniser failed in the middle: from here on keys, or any speech, must do.
    RecogniserLost(String),
}

/// What the shell must do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Play these clips back to back, instead of whatever plays.
    Play(Vec<PromptId>),
    StopPlaying,
    HangUp,
    /// Send `Tick` then; replaces the one before.
    WakeAt(u64),
    /// Ask the recogniser to end the utterance and report its words.
    FinishUtterance,
    /// Stamp with the input's time and keep.
    Journal(JournalEvent),
    /// The conversation is over; the last action ever.
    End(ConversationEnd),
}

/// What the customer can be understood by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ears {
    /// A streaming recogniser listens.
    Words,
    /// None does: keys are asked for, 1/2 for consent, 1–5 for an indicator, and any speech is taken as an answer, to be read afterwards.
    Keys,
}

/// Judges an answer about an indicator while the call runs; only to know whether to ask why (C18). `None`: no level in these words.
pub trait LiveJudge: Send {
    /// 1..=5.
    fn level(&self, indicator: Indicator, text: &str) -> Option<u8>;
}

/// What was learnt on the call so far; taken back with a decision when an answer goes on.
#[derive(Clone, Debug, Default, PartialEq)]
struct Memory {
    probes: u8,
    empathy_given: bool,
    experts_named: u8,
    nothing_charged: bool,
    /// Which key is which level has been said.
    scale_told: bool,
    answered: BTreeSet<String>,
}

/// One turn of the customer.
#[derive(Clone, Debug, PartialEq)]
struct Turn {
    from_ms: u64,
    /// Where the last speech ended.
    end_ms: u64,
    speaking: bool,
    /// Utterances the recogniser has finished.
    pieces: Vec<String>,
    partial: String,
}

impl Turn {
    fn new(from_ms: u64) -> Self {
        Self { from_ms, end_ms: from_ms, speaking: true, pieces: Vec::new(), partial: String::new() }
    }
    /// The final words did not come: what was heard so far must do, and the next utterance must not overwrite it.
    fn keep_partial(&mut self) {
        let partial = std::mem::take(&mut self.partial);
        self.pieces.push(partial);
    }
    fn text(&self) -> String {
        self.pieces.concat() + &self.partial
    }
}

/// An answer that was taken as finished, with all that was decided on it still undone.
#[derive(Clone, Debug, PartialEq)]
struct Taken {
    say: Say,
    turn: Turn,
    agenda: VecDeque<Say>,
    memory: Memory,
}

#[derive(Clone, Debug, PartialEq)]
enum Phase {
    Idle,
    Speaking {
        say: Say,
        started_ms: u64,
        /// The shell never told us of the end: taken as ended.
        overrun_ms: u64,
        /// The answer just before, if it may still go on.
        previous: Option<Box<Taken>>,
    },
    Listening {
        say: Say,
        until_ms: u64,
    },
    Hearing {
        say: Say,
        turn: Turn,
    },
    Deciding {
        say: Say,
        turn: Turn,
        until_ms: u64,
    },
    Holding {
        until_ms: u64,
    },
    Leaving {
        end: ConversationEnd,
        until_ms: u64,
        hard_until_ms: u64,
    },
    Ended,
}

/// What a `FinishUtterance` was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Turn,
    /// Words that were no answer: spoken over a notice, or come too late.
    Overheard,
}

/// The machine of one call.
pub struct Dialogue {
    limits: Limits,
    timing: Timing,
    prompts: Arc<PromptManifest>,
    brief: Brief,
    ears: Ears,
    judge: Box<dyn LiveJudge>,
    phase: Phase,
    agenda: VecDeque<Say>,
    memory: Memory,
    /// Set by a decision, handed to the line that follows it.
    taken: Option<Box<Taken>>,
    /// Anything at all was heard of the customer.
    ever_heard: bool,
    /// Since when the customer's voice is active.
    voice_since: Option<u64>,
    /// He spoke while it did not count: those words must not lead the next answer.
    overheard: bool,
    finishing: VecDeque<Purpose>,
    now_ms: u64,
    out: Vec<Action>,
}

impl Dialogue {
    pub fn new(
        script: &Script,
        prompts: Arc<PromptManifest>,
        brief: Brief,
        ears: Ears,
        judge: Box<dyn LiveJudge>,
    ) -> Self {
        let mut out = Vec::new();
        if ears == Ears::Keys {
            out.push(note("没有实时识别：请客户按键回答，同意与否按 1/2，评价按 1 至 5，出声也算回答，事后从录音判断"));
        }
        Self {
            limits: script.limits.clone(),
            timing: script.timing.clone(),
            prompts,
            agenda: say::agenda(script, &brief),
            brief,
            ears,
            judge,
            phase: Phase::Idle,
            memory: Memory::default(),
            taken: None,
            ever_heard: false,
            voice_since: None,
            overheard: false,
            finishing: VecDeque::new(),
            now_ms: 0,
            out,
        }
    }

    /// Takes one input at `now_ms` (since the answer; time never runs backwards here) and returns what to do.
    pub fn handle(&mut self, now_ms: u64, input: Input) -> Vec<Action> {
        if self.phase == Phase::Ended {
            return Vec::new();
        }
        self.now_ms = self.now_ms.max(now_ms);
        self.take(input);
        // Each timer moves the machine on; more than a few at one instant would be a fault of ours.
        for _ in 0..8 {
            if self.phase == Phase::Ended || self.deadline().is_none_or(|at| at > self.now_ms) {
                break;
            }
            self.time_is_up();
        }
        if let Some(at) = self.deadline() {
            // Never at `now`: a machine that wakes itself at once spins.
            self.out.push(Action::WakeAt(at.max(self.now_ms + 1)));
        }
        let mut actions = std::mem::take(&mut self.out);
        if let Some(end) = actions.iter().position(|a| matches!(a, Action::End(_))) {
            actions.truncate(end + 1);
        }
        actions
    }

    /// The conversation is over; further inputs do nothing.
    pub fn ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    fn journal(&mut self, event: JournalEvent) {
        self.out.push(Action::Journal(event));
    }
    fn note(&mut self, text: impl Into<String>) {
        self.out.push(note(text));
    }
}

fn note(text: impl Into<String>) -> Action {
    Action::Journal(JournalEvent::Note { text: text.into() })
}

#[cfg(test)]
mod any_sequence;
#[cfg(test)]
mod tests;
