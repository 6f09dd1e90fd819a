//! Runs the conversation machine on a call: frames → voice activity and words → machine → prompts and hang-up.
//!
//! One task per call, one thread for its recogniser (which blocks). Everything the machine needs crosses bounded channels; a recogniser
//! that fails or cannot keep up costs the call its words, never the call. Not here: SIP, recording, and what the outcome means for
//! the visit.

pub(super) mod gate;
pub(super) mod listener;

use super::record::announced_zh;
use crate::clock::monotonic;
use crate::domain::announcement::{self, Announcements, Ear, Means, Place};
use crate::domain::call::journal::{JournalEntry, JournalEvent, LineChange};
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::score::{Answer, Indicator, Level, Rubric};
use crate::domain::script::dialogue::{Action, Brief, Dialogue, Ears, Input, LiveJudge};
use crate::domain::script::{PromptId, PromptManifest, Script};
use crate::media::codec::FRAME;
use crate::media::prompts::Prompts;
use crate::media::session::{CustomerFrame, MediaSession, PlayId};
use crate::media::signals::Signals;
use crate::media::tones;
use crate::media::vad::{Vad, VadEvent};
use crate::stt::SpeechStream;
use gate::Gate;
use listener::{Heard, Listener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A voice that was active when the frames stopped is taken as silent after so long.
const FRAMES_STOPPED_MS: u64 = 400;

/// How long the end of a conversation waits for its last words.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Partial words that may stand before them.
const LAST_PIECES: usize = 16;

/// What can play to the customer: the media session, or a fake in tests.
pub trait Mouth: Send + Sync {
    fn play(&self, clips: Vec<Arc<[i16]>>) -> PlayId;
    fn stop_playing(&self);
}

impl Mouth for MediaSession {
    fn play(&self, clips: Vec<Arc<[i16]>>) -> PlayId {
        MediaSession::play(self, clips)
    }
    fn stop_playing(&self) {
        MediaSession::stop_playing(self);
    }
}

/// What the engine's call task forwards. A closed channel means that the customer hung up.
#[derive(Clone, Debug, PartialEq)]
pub enum VoiceEvent {
    PlayFinished(PlayId),
    Key(char),
    /// The far end sent BYE.
    HungUp,
    /// Recorder or media failed: the conversation ends at once.
    Fault(String),
}

/// Everything a conversation needs, ready before the answer.
pub struct VoiceCall {
    pub script: Arc<Script>,
    pub manifest: Arc<PromptManifest>,
    pub clips: Arc<Prompts>,
    pub brief: Brief,
    pub judge: Box<dyn LiveJudge>,
    /// What machines say.
    pub announcements: Arc<Announcements>,
    /// `None`: no streaming recogniser; keys are asked for.
    pub speech: Option<Box<dyn SpeechStream>>,
}

/// The rubric, asked while the call runs: only to know whether to ask why (C18).
pub(super) struct RubricJudge(pub Arc<Rubric>);

impl LiveJudge for RubricJudge {
    fn level(&self, indicator: Indicator, text: &str) -> Option<u8> {
        self.0.judge(&Answer::bare(Some(indicator), "", text)).label.map(Level::get)
    }
}

/// The conversation as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct VoiceOutcome {
    pub end: ConversationEnd,
    /// Times are seconds since the answer.
    pub journal: Vec<JournalEntry>,
    /// We asked for the hang-up (C16); otherwise the customer hung up, or a fault ended it.
    pub we_hung_up: bool,
}

/// Talks to the customer until the conversation is over. Call it at the answer: the greeting is played at once.
///
/// `elapsed_ms` gives milliseconds since the answer; `hang_up` is called at most once, when the machine ends the call itself.
pub async fn run_voice(
    call: VoiceCall,
    mouth: &dyn Mouth,
    mut customer: mpsc::Receiver<CustomerFrame>,
    mut events: mpsc::Receiver<VoiceEvent>,
    elapsed_ms: &(dyn Fn() -> u64 + Send + Sync),
    hang_up: &(dyn Fn() + Send + Sync),
) -> VoiceOutcome {
    let mut shell = Shell::new(call, mouth, elapsed_ms, hang_up);
    shell.input(Input::Answered);
    let mut frames_open = true;
    // One timer for the whole conversation, moved only when its time changes: a new one for each frame would go through the runtime's
    // timer list fifty times a second.
    let timer = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(timer);
    let mut set_for = None;
    while shell.end.is_none() {
        let wake_at = shell.wake_at_ms();
        if let Some(at) = wake_at.filter(|_| wake_at != set_for) {
            let wait = Duration::from_millis(at.saturating_sub(shell.now_ms()).max(1));
            timer.as_mut().reset((monotonic() + wait).into());
        }
        set_for = wake_at;
        tokio::select! {
            biased;
            event = events.recv() => {
                let event = event.unwrap_or(VoiceEvent::HungUp);
                if event == VoiceEvent::HungUp {
                    shell.was_it_a_machine().await;
                }
                shell.event(event);
            }
            heard = Listener::next(&mut shell.listener) => shell.heard(heard),
            frame = customer.recv(), if frames_open => match frame {
                Some(frame) => shell.frame(&frame),
                None => frames_open = false,
            },
            () = &mut timer, if wake_at.is_some() => {
                set_for = None;
                shell.tick();
            }
        }
    }
    shell.outcome()
}

struct Shell<'a> {
    dialogue: Dialogue,
    clips: Arc<Prompts>,
    mouth: &'a dyn Mouth,
    elapsed_ms: &'a (dyn Fn() -> u64 + Send + Sync),
    hang_up: &'a (dyn Fn() + Send + Sync),
    listener: Option<Listener>,
    vad: Vad,
    gate: Gate,
    /// Tells machines from people, beside the conversation: nothing waits for it.
    ear: Ear,
    signals: Signals,
    last_frame_ms: u64,
    playing: Option<PlayId>,
    wake_at: Option<u64>,
    journal: Vec<JournalEntry>,
    end: Option<ConversationEnd>,
    we_hung_up: bool,
}

impl<'a> Shell<'a> {
    fn new(
        call: VoiceCall,
        mouth: &'a dyn Mouth,
        elapsed_ms: &'a (dyn Fn() -> u64 + Send + Sync),
        hang_up: &'a (dyn Fn() + Send + Sync),
    ) -> Self {
        let listener = call.speech.and_then(Listener::start);
        let ears = if listener.is_some() { Ears::Words } else { Ears::Keys };
        Self {
            dialogue: Dialogue::new(&call.script, call.manifest, call.brief, ears, call.judge),
            clips: call.clips,
            mouth,
            elapsed_ms,
            hang_up,
            listener,
            vad: Vad::new(),
            gate: Gate::default(),
            ear: Ear::new(call.announcements, Place::Answered),
            signals: Signals::default(),
            last_frame_ms: 0,
            playing: None,
            wake_at: None,
            journal: Vec::new(),
            end: None,
            we_hung_up: false,
        }
    }

    fn now_ms(&self) -> u64 {
        (self.elapsed_ms)()
    }

    fn event(&mut self, event: VoiceEvent) {
        match event {
            VoiceEvent::PlayFinished(id) if self.playing == Some(id) => {
                self.playing = None;
                self.input(Input::PromptFinished);
            }
            // A play that was stopped or replaced: the machine knows.
            VoiceEvent::PlayFinished(_) => {}
            VoiceEvent::Key(digit) => self.input(Input::Key(digit)),
            VoiceEvent::HungUp => self.input(Input::HungUp),
            VoiceEvent::Fault(detail) => {
                self.mouth.stop_playing();
                self.keep(JournalEvent::Note { text: format!("故障，通话中止：{detail}") });
                self.end = Some(ConversationEnd::Fault { detail });
            }
        }
    }

    fn frame(&mut self, frame: &CustomerFrame) {
        self.last_frame_ms = self.now_ms();
        // The tone of a pressed key is no voice: what is left of it would answer the next question.
        let voice = if tones::find_key(&frame.pcm).is_some() { [0; FRAME] } else { frame.pcm };
        let activity = self.vad.push(&voice);
        if let Some(listener) = &mut self.listener {
            let mut lost = None;
            self.gate.pass(&voice, self.vad.speaking(), |pcm| lost = lost.take().or_else(|| listener.accept(pcm)));
            if let Some(lost) = lost {
                self.lost(lost);
            }
        }
        match activity {
            Some(VadEvent::SpeechStarted) => self.input(Input::SpeechStarted),
            Some(VadEvent::SpeechEnded { silence_ms }) => {
                self.input(Input::SpeechEnded { silence_ms: u64::from(silence_ms) });
            }
            None => {}
        }
        self.is_it_a_machine(frame);
    }

    /// What sounds like one is one; whatever is uncertain is a person.
    fn is_it_a_machine(&mut self, frame: &CustomerFrame) {
        let now_ms = self.now_ms();
        if !self.ear.listens_at(now_ms) {
            return;
        }
        if let Some(tone) = self.signals.push(&frame.pcm) {
            self.ear.tone(now_ms, tone);
        }
        if let Some(heard) = self.ear.frame(now_ms, self.vad.speaking()) {
            self.no_person(&heard);
        }
    }

    /// He is gone in the first seconds: the network, too, hangs up when its announcement is over.
    async fn was_it_a_machine(&mut self) {
        if !self.ear.listens_at(self.now_ms()) {
            return;
        }
        let asked = self.listener.as_mut().is_some_and(|listener| listener.finish().is_none());
        if asked && tokio::time::timeout(LAST_WORDS, self.last_words()).await.is_err() {
            tracing::debug!("the last words before a hang-up came too late");
        }
        if let Some(heard) = self.ear.end(self.now_ms()) {
            self.no_person(&heard);
        }
    }

    /// Behind what was heard before they were asked for.
    async fn last_words(&mut self) {
        for _ in 0..LAST_PIECES {
            match Listener::next(&mut self.listener).await {
                Heard::Partial(text) => self.ear.partial(self.now_ms(), &text),
                Heard::Words(text) => return self.ear.words(self.now_ms(), &text),
                Heard::Lost(_) => return,
            }
        }
    }

    fn no_person(&mut self, heard: &announcement::Heard) {
        self.keep(JournalEvent::Line { change: LineChange::Announcement, text: announced_zh(heard) });
        // Somebody may still take the call.
        if !matches!(heard.kind.means(), Means::Wait(..)) {
            self.input(Input::Machine(heard.kind));
        }
    }

    fn heard(&mut self, heard: Heard) {
        let now_ms = self.now_ms();
        match heard {
            Heard::Partial(text) => {
                self.ear.partial(now_ms, &text);
                self.input(Input::Partial(text));
            }
            Heard::Words(text) => {
                self.ear.words(now_ms, &text);
                self.input(Input::UtteranceText(text));
            }
            Heard::Lost(detail) => self.lost(detail),
        }
    }

    fn lost(&mut self, detail: String) {
        tracing::warn!(detail, "the live recogniser is lost; the conversation goes on with keys");
        self.listener = None;
        self.input(Input::RecogniserLost(detail));
    }

    /// A timer, or frames that stopped in the middle of speech.
    fn tick(&mut self) {
        let silent_ms = self.now_ms().saturating_sub(self.last_frame_ms);
        if self.vad.speaking() && silent_ms >= FRAMES_STOPPED_MS {
            self.vad = Vad::new();
            self.input(Input::SpeechEnded { silence_ms: silent_ms });
        }
        self.input(Input::Tick);
    }

    /// `None`: there is nothing to wake for but events.
    fn wake_at_ms(&self) -> Option<u64> {
        let frames = self.vad.speaking().then_some(self.last_frame_ms + FRAMES_STOPPED_MS);
        self.wake_at.into_iter().chain(frames).min()
    }

    fn input(&mut self, input: Input) {
        if self.end.is_some() {
            return;
        }
        self.wake_at = None;
        for action in self.dialogue.handle(self.now_ms(), input) {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Play(prompts) => self.play(&prompts),
            Action::StopPlaying => {
                self.playing = None;
                self.mouth.stop_playing();
            }
            Action::HangUp => {
                self.we_hung_up = true;
                (self.hang_up)();
            }
            Action::WakeAt(at) => self.wake_at = Some(at),
            Action::FinishUtterance => {
                if let Some(lost) = self.listener.as_mut().and_then(Listener::finish) {
                    // The machine waits for these words only so long; the next frame reports the loss.
                    tracing::warn!(lost, "the live recogniser did not take the end of an utterance");
                }
            }
            Action::Journal(event) => self.keep(event),
            Action::End(end) => self.end = Some(end),
        }
    }

    fn play(&mut self, prompts: &[PromptId]) {
        let mut clips = Vec::with_capacity(prompts.len());
        for id in prompts {
            match self.clips.get(id.as_str()) {
                Ok(clip) => clips.push(clip),
                // The script was checked against the manifest; a file that vanished since is a gap, not the end of the call.
                Err(error) => tracing::error!(%error, "a prompt cannot be played"),
            }
        }
        self.playing = Some(self.mouth.play(clips));
    }

    fn keep(&mut self, event: JournalEvent) {
        self.journal.push(JournalEntry { at_s: self.now_ms() as f64 / 1000.0, event });
    }

    fn outcome(self) -> VoiceOutcome {
        // The loop ends only when there is an end.
        let end = self.end.unwrap_or(ConversationEnd::Abandoned { answered: 0 });
        VoiceOutcome { end, journal: self.journal, we_hung_up: self.we_hung_up }
    }
}

#[cfg(test)]
mod tests;
