//! 通话中: the words of a call that is still running, and what its agent may make of them: facts beside the order's claims, questions still
//! open, words that need a person, and where to ask on.
//!
//! Contract: pure; the words come from the streaming recogniser, utterance by utterance, each channel in order, first as a part that may
//! change and then for good. Only what is said for good counts for an [`Insight`], which is always that of everything said so far, by the
//! same judge, extractor and truth check as after the call. Everything kept is bounded. Nothing here is evidence: the scores, facts and
//! findings of record come from the recording.
//! Not here: audio, recognisers, who is shown it (the engine), and the transcript of record.

mod insight;

pub use insight::{HeardFact, Hint, HintKind, Insight, Question, Standing, Warning, WarningKind};

use super::id::SeatId;
use super::order::Claims;
use super::score::Rubric;
use super::script::sheet::SheetStep;
use super::transcript::Channel;
use jiff::Zoned;
use serde::Serialize;
use std::sync::Arc;

/// Lines that are kept; a visit call has some sixty.
const LINES_MAX: usize = 200;
/// The newest of them are shown.
const SHOWN_MAX: usize = 60;
/// Of one utterance.
const TEXT_CHARS: usize = 300;
/// So long after something was missed all is well again, seconds.
const CAUGHT_UP_S: f64 = 1.0;
/// Stretches of audio that lie further apart have lost something between them, seconds.
const APART_S: f64 = 0.01;

/// What is known before anybody speaks.
pub struct Setting {
    pub rubric: Arc<Rubric>,
    pub claims: Claims,
    /// Spoken days count from here.
    pub called_at: Zoned,
    pub sheet: Vec<SheetStep>,
    /// Whose call it is, until [`Live::led_by`] says otherwise.
    pub seat: SeatId,
}

/// One utterance of one side. Times are seconds since the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The same for the part and for what it becomes.
    pub n: u64,
    pub speaker: Channel,
    /// Who spoke, on our side: after a take-over it is somebody else.
    pub seat: Option<SeatId>,
    pub from_s: f64,
    pub to_s: f64,
    pub text: String,
    /// False: it may still change.
    pub done: bool,
    /// The script's step at which it began.
    #[serde(skip)]
    step: Option<String>,
}

/// How the recogniser keeps up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Listening,
    /// Words are being missed.
    Behind,
    /// Nothing more will come.
    Lost,
}

/// What became of a stretch of audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The recognisers have it, or it held no speech.
    All,
    /// Nothing is lost, and a recogniser has not come so far.
    Late,
    /// Speech in it had no room.
    Missed,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    pub state: State,
    /// Seconds of speech that nobody listened to.
    pub missed_s: f64,
    /// By time, the newest of them.
    pub lines: Vec<Line>,
    pub insight: Insight,
}

/// A call that is running.
pub struct Live {
    setting: Setting,
    lines: Vec<Line>,
    step: Option<String>,
    next: u64,
    state: State,
    missed_s: f64,
    missed_until_s: f64,
    /// The end of the last stretch of audio.
    until_s: Option<f64>,
    insight: Insight,
}

impl Live {
    pub fn new(setting: Setting) -> Self {
        let mut live = Self {
            setting,
            lines: vec![],
            step: None,
            next: 0,
            state: State::Listening,
            missed_s: 0.0,
            missed_until_s: 0.0,
            until_s: None,
            insight: Insight::default(),
        };
        live.insight = insight::of(&live.setting, &live.lines);
        live
    }

    /// The agent went to a step of his script: what is said from here on belongs to it.
    pub fn at_step(&mut self, step: &str) {
        self.step = Some(step.to_owned());
    }

    /// Another seat goes on with the call: what our side says from here on is his.
    pub fn led_by(&mut self, seat: SeatId) {
        self.setting.seat = seat;
    }

    /// The words of this side's utterance as far as they are known. Without words there was none.
    pub fn hears(&mut self, speaker: Channel, (from_s, to_s): (f64, f64), text: &str, done: bool) {
        let open = self.lines.iter().position(|line| line.speaker == speaker && !line.done);
        let text: String = text.trim().chars().take(TEXT_CHARS).collect();
        match open {
            Some(place) if text.is_empty() && done => drop(self.lines.remove(place)),
            Some(place) => {
                let line = &mut self.lines[place];
                (line.from_s, line.to_s, line.done, line.text) = (from_s, to_s, done, text);
            }
            None if text.is_empty() => return,
            None => {
                let step = self.step.clone();
                let seat = (speaker == Channel::Agent).then(|| self.setting.seat.clone());
                self.lines.push(Line { n: self.next, speaker, seat, from_s, to_s, text, done, step });
                self.next += 1;
                if self.lines.len() > LINES_MAX {
                    self.lines.remove(0);
                }
            }
        }
        self.lines.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
        if done {
            self.insight = insight::of(&self.setting, &self.lines);
        }
    }

    /// The next stretch of the call's audio. What lies between it and the one before never came. True when there is something to show.
    pub fn passes(&mut self, (from_s, to_s): (f64, f64), taken: Taken) -> bool {
        let hole = self.until_s.replace(to_s).filter(|until_s| from_s - until_s > APART_S);
        let before = self.state;
        if let Some(since_s) = hole.or((taken == Taken::Missed).then_some(from_s)) {
            self.missed_s += to_s - since_s;
            self.missed_until_s = to_s;
            self.state = State::Behind;
        } else if taken == Taken::All && from_s - self.missed_until_s >= CAUGHT_UP_S {
            self.state = State::Listening;
        }
        if before == State::Lost {
            self.state = before;
        }
        self.state != before
    }

    /// So far the audio has come, seconds since the answer.
    pub fn until_s(&self) -> f64 {
        self.until_s.unwrap_or_default()
    }

    /// The recogniser of a side is gone: what it had heard is all there is.
    pub fn loses(&mut self, speaker: Channel) {
        self.state = State::Lost;
        self.lines.iter_mut().filter(|line| line.speaker == speaker).for_each(|line| line.done = true);
        self.insight = insight::of(&self.setting, &self.lines);
    }

    pub fn view(&self) -> View {
        let shown = self.lines.len().saturating_sub(SHOWN_MAX);
        View {
            state: self.state,
            missed_s: self.missed_s,
            lines: self.lines[shown..].to_vec(),
            insight: self.insight.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
