//! Reads along with an agent's call: what both sides say, as text on his page while they say it, and what it comes to.
//!
//! ```text
//!  media ──frames──▶ reader ──speech──▶ a recogniser's thread for each side ──words──▶ reader ──view──▶ pages
//! ```
//! Contract: best effort. Media only tries a bounded channel and drops what finds no room; recognisers block threads of their own, at a low
//! priority, for `stt.live_calls` calls at once. Who falls behind loses words and the page says so; the call waits for nothing of it and does
//! not notice its end. The text is neither logged nor stored: the transcript of record is made from the recording.
//! Not here: what the words mean (`domain/live`), whose page shows them (`seats`).

use super::Engine;
use super::voice::gate::Gate;
use super::voice::listener::{Heard, Listener};
use crate::domain::id::{CallId, SeatId};
use crate::domain::live::{Live, Setting, Taken};
use crate::domain::transcript::Channel;
use crate::media::codec::FRAME;
use crate::media::session::{MediaSession, SpokenFrame};
use crate::media::vad::{Vad, VadEvent};
use crate::stt::{SpeechStream, SttError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Turns of the call that may wait for the reader.
const TURNS_MAX: usize = 16;
/// Silence that ends an utterance.
const END_MS: u32 = 600;
/// What is said in one breath for longer than this is cut, so that it counts.
const LONGEST_S: f64 = 15.0;
const FRAME_S: f64 = 0.02;
/// After the call its last words are waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What the words do not say.
#[derive(Debug)]
pub enum Turn {
    /// The agent went to a step of his script.
    Step(String),
    /// Another seat goes on with the call.
    Seat(SeatId),
}

/// To the reader.
pub type Turns = mpsc::Sender<Turn>;

/// Begins to read along, where that is wanted, there is room, and the recogniser's files are there.
pub fn follow(engine: &Arc<Engine>, call: &CallId, setting: Setting, media: &MediaSession) -> Option<Turns> {
    if !engine.config.stt.live {
        return None;
    }
    let Some(place) = engine.ears.place_along() else {
        tracing::info!(call.id = %call, "as many calls as may be are read along with: not this one");
        return None;
    };
    let frames = media.overhear();
    let (turns, taken) = mpsc::channel(TURNS_MAX);
    let (reading, call) = (engine.clone(), call.clone());
    engine.tasks.spawn(async move {
        let ears = reading.ears.clone();
        match tokio::task::spawn_blocking(move || ears.for_both_sides()).await {
            Ok(Ok(streams)) => Reader::new(reading, call, setting, streams, place).run(frames, taken).await,
            Ok(Err(error @ SttError::ModelMissing { .. })) => tracing::debug!(call.id = %call, %error, "no live text"),
            Ok(Err(error)) => tracing::warn!(call.id = %call, %error, "no live text"),
            Err(error) => tracing::error!(call.id = %call, %error, "no live text"),
        }
    });
    Some(turns)
}

struct Reader {
    engine: Arc<Engine>,
    call: CallId,
    live: Live,
    sides: [Side; 2],
}

/// One channel of the call.
struct Side {
    speaker: Channel,
    /// `None`: lost.
    listener: Option<Listener>,
    vad: Vad,
    gate: Gate,
    /// Utterances whose words have not come, from and to; the last of them may still go on.
    pending: VecDeque<(f64, f64)>,
    goes_on: bool,
    /// The recogniser had no room for what it was last given.
    stuck: bool,
}

impl Reader {
    fn new(
        engine: Arc<Engine>,
        call: CallId,
        setting: Setting,
        [agent, customer]: [Box<dyn SpeechStream>; 2],
        place: OwnedSemaphorePermit,
    ) -> Self {
        let place = Arc::new(place);
        let sides = [
            Side::new(Channel::Agent, Listener::start_along(agent, place.clone())),
            Side::new(Channel::Customer, Listener::start_along(customer, place)),
        ];
        let mut live = Live::new(setting);
        sides.iter().filter(|side| side.listener.is_none()).for_each(|side| live.loses(side.speaker));
        Self { engine, call, live, sides }
    }

    async fn run(mut self, mut frames: mpsc::Receiver<SpokenFrame>, mut turns: mpsc::Receiver<Turn>) {
        self.show();
        loop {
            let [agent, customer] = &mut self.sides;
            let news = tokio::select! {
                frame = frames.recv() => match frame {
                    Some(frame) => self.frame(&frame),
                    None => break,
                },
                heard = Listener::next(&mut agent.listener) => self.heard(0, heard),
                heard = Listener::next(&mut customer.listener) => self.heard(1, heard),
                Some(turn) = turns.recv() => match turn {
                    Turn::Step(step) => {
                        self.live.at_step(&step);
                        false
                    }
                    // His page has nothing of the call yet.
                    Turn::Seat(seat) => {
                        self.live.led_by(seat);
                        true
                    }
                },
            };
            if news {
                self.show();
            }
        }
        self.sides.iter_mut().for_each(|side| side.finish(self.live.until_s()));
        if tokio::time::timeout(LAST_WORDS, self.last_words()).await.is_err() {
            tracing::debug!(call.id = %self.call, "the last words of a call came too late for its page");
        }
    }

    async fn last_words(&mut self) {
        while self.sides.iter().any(|side| side.listener.is_some() && !side.pending.is_empty()) {
            let [agent, customer] = &mut self.sides;
            let news = tokio::select! {
                heard = Listener::next(&mut agent.listener) => self.heard(0, heard),
                heard = Listener::next(&mut customer.listener) => self.heard(1, heard),
            };
            if news {
                self.show();
            }
        }
    }

    /// True when there is something to show.
    fn frame(&mut self, frame: &SpokenFrame) -> bool {
        let [agent, customer] = &mut self.sides;
        let taken = [agent.frame(frame.at_s, &frame.agent), customer.frame(frame.at_s, &frame.customer)];
        let worst = [Taken::Missed, Taken::Late].into_iter().find(|worst| taken.contains(worst));
        self.live.passes((frame.at_s, frame.at_s + FRAME_S), worst.unwrap_or(Taken::All))
    }

    /// The same.
    fn heard(&mut self, side: usize, heard: Heard) -> bool {
        let side = &mut self.sides[side];
        match heard {
            Heard::Partial(text) => {
                let Some((from_s, _)) = side.pending.front() else { return false };
                self.live.hears(side.speaker, (*from_s, self.live.until_s()), &text, false);
            }
            Heard::Words(text) => {
                let Some(when) = side.pending.pop_front() else { return false };
                self.live.hears(side.speaker, when, &text, true);
            }
            Heard::Lost(detail) => {
                tracing::warn!(call.id = %self.call, detail, "the recogniser of a side is lost; its live text ends");
                (side.listener, side.stuck) = (None, false);
                self.live.loses(side.speaker);
            }
        }
        true
    }

    fn show(&self) {
        self.engine.seats.show_live(&self.call, self.live.view());
    }
}

impl Side {
    fn new(speaker: Channel, listener: Option<Listener>) -> Self {
        let (vad, gate, pending) = (Vad::new(), Gate::default(), VecDeque::new());
        Self { speaker, listener, vad, gate, pending, goes_on: false, stuck: false }
    }

    fn frame(&mut self, at_s: f64, pcm: &[i16; FRAME]) -> Taken {
        let Some(listener) = &mut self.listener else { return Taken::All };
        let started = self.vad.push(pcm) == Some(VadEvent::SpeechStarted);
        if started && !self.goes_on {
            self.pending.push_back((at_s, at_s));
            self.goes_on = true;
        }
        let mut missed = false;
        self.gate.pass(pcm, self.vad.speaking(), |pcm| {
            self.stuck = listener.accept(pcm).is_some();
            missed |= self.stuck;
        });
        let long = self.pending.back().is_some_and(|(from_s, _)| at_s - from_s >= LONGEST_S);
        if self.goes_on && (long || !self.vad.speaking() && self.vad.silence_ms() >= END_MS) {
            self.finish(at_s);
            if self.vad.speaking() && !self.goes_on {
                self.pending.push_back((at_s, at_s));
                self.goes_on = true;
            }
        }
        match (missed, self.stuck) {
            (true, _) => Taken::Missed,
            (false, true) => Taken::Late,
            (false, false) => Taken::All,
        }
    }

    /// Asks for the words of the utterance; where there is no room for that, the next frame does.
    fn finish(&mut self, at_s: f64) {
        let Some(listener) = self.listener.as_mut().filter(|_| self.goes_on) else { return };
        self.stuck = listener.finish().is_some();
        if self.stuck {
            return;
        }
        self.goes_on = false;
        if let Some((from_s, to_s)) = self.pending.back_mut() {
            *to_s = (at_s - f64::from(self.vad.silence_ms()) / 1000.0).max(*from_s);
        }
    }
}
