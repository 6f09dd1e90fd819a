//! The ear of a call that is not answered yet: early media → tones and words → what was announced.
//!
//! Contract: begun with the first early media, over at the answer. It tells what is certain as it is said, and, when the line has
//! ended, what was still on its way, within a second. Without a streaming model, or while many calls listen, it hears tones only, and says
//! so in the log. A recogniser that fails costs the call its words, never the call. Not here: what an announcement means
//! (`domain::announcement`), and the end that follows from it (`call::fsm`).

use super::super::ears::Ears;
use super::super::voice::gate::Gate;
use super::super::voice::listener::{Heard as Words, Listener};
use super::{Line, Live};
use crate::clock::monotonic;
use crate::domain::announcement::{Announcements, Ear, Heard, Place};
use crate::domain::call::fsm::CallInput;
use crate::media::session::CustomerFrame;
use crate::media::signals::Signals;
use crate::media::vad::Vad;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// An utterance is finished by so long a silence; a sentence may still go on after it.
const FINISH_MS: u32 = 600;
/// How long the end of the line waits for the last words.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// More is announced by no exchange.
const TOLD: usize = 16;

/// What was announced, and when that began.
pub(super) struct Told {
    pub at: Instant,
    pub heard: Heard,
}

/// Dropping it ends the listening.
pub(super) struct EarlyEar {
    told: mpsc::Receiver<Told>,
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl EarlyEar {
    fn listen(ears: Arc<Ears>, table: Arc<Announcements>, frames: mpsc::Receiver<CustomerFrame>) -> Self {
        let (tell, told) = mpsc::channel(TOLD);
        let (end, ended) = oneshot::channel();
        let head = Head {
            since: monotonic(),
            now_ms: 0,
            ear: Ear::new(table, Place::Early),
            signals: Signals::default(),
            vad: Vad::new(),
            gate: Gate::default(),
            listener: None,
            finishing: false,
            tell,
        };
        Self { told, end, task: tokio::spawn(head.run(ears, frames, ended)) }
    }

    /// What is announced next; never where nobody listens.
    pub(super) async fn next(ear: &mut Option<Self>) -> Told {
        let told = match ear {
            Some(ear) => ear.told.recv().await,
            None => None,
        };
        match told {
            Some(told) => told,
            None => std::future::pending().await,
        }
    }

    /// The line is gone: what was announced last, said to its end or not.
    async fn last(self) -> Option<Told> {
        let Self { mut told, end, task } = self;
        // A task that is already over has told what it had.
        let _ = end.send(());
        let mut last = None;
        while let Ok(Some(next)) = tokio::time::timeout(LAST_WORDS * 2, told.recv()).await {
            last = Some(next);
        }
        task.abort();
        last
    }
}

/// What listens.
struct Head {
    since: Instant,
    now_ms: u64,
    ear: Ear,
    signals: Signals,
    vad: Vad,
    gate: Gate,
    listener: Option<Listener>,
    /// The recogniser was asked for the words of this utterance.
    finishing: bool,
    tell: mpsc::Sender<Told>,
}

impl Head {
    async fn run(
        mut self,
        ears: Arc<Ears>,
        mut frames: mpsc::Receiver<CustomerFrame>,
        mut ended: oneshot::Receiver<()>,
    ) {
        let place = ears.early_place();
        if place.is_none() {
            tracing::info!("many calls listen to early media: of this one only tones are heard");
        }
        let stream = match &place {
            Some(_) => tokio::task::spawn_blocking(move || ears.listen()).await.ok().flatten(),
            None => None,
        };
        self.listener = stream.and_then(Listener::start);
        loop {
            tokio::select! {
                biased;
                _ = &mut ended => break,
                words = Listener::next(&mut self.listener) => self.words(words),
                frame = frames.recv() => match frame {
                    Some(frame) => self.frame(&frame),
                    None => break,
                },
            }
        }
        while let Ok(frame) = frames.try_recv() {
            self.frame(&frame);
        }
        if self.finish() && tokio::time::timeout(LAST_WORDS, self.last_words()).await.is_err() {
            tracing::debug!("the last words before the end of a line came too late");
        }
        let last = self.ear.end(self.now_ms);
        self.say(last);
    }

    fn frame(&mut self, frame: &CustomerFrame) {
        self.now_ms = (frame.at_s.max(0.0) * 1000.0) as u64;
        if let Some(tone) = self.signals.push(&frame.pcm) {
            self.ear.tone(self.now_ms, tone);
        }
        // Tones too go to the recogniser: it makes nothing of them, and some vowels are as pure as a tone.
        self.vad.push(&frame.pcm);
        if let Some(listener) = &mut self.listener {
            let mut lost = None;
            self.gate.pass(&frame.pcm, self.vad.speaking(), |pcm| lost = lost.take().or_else(|| listener.accept(pcm)));
            if let Some(detail) = lost {
                self.lost(&detail);
            }
        }
        if self.vad.speaking() {
            self.finishing = false;
        } else if !self.finishing && self.vad.silence_ms() >= FINISH_MS {
            self.finish();
        }
        let heard = self.ear.frame(self.now_ms, self.vad.speaking());
        self.say(heard);
    }

    fn words(&mut self, words: Words) {
        match words {
            Words::Partial(text) => self.ear.partial(self.now_ms, &text),
            Words::Words(text) => self.ear.words(self.now_ms, &text),
            Words::Lost(detail) => self.lost(&detail),
        }
    }

    fn lost(&mut self, detail: &str) {
        tracing::warn!(detail, "the recogniser of early media is lost; only tones are heard from here");
        self.listener = None;
    }

    /// Asks for the words of what was said, if something was.
    fn finish(&mut self) -> bool {
        let Some(listener) = &mut self.listener else { return false };
        self.finishing = listener.finish().is_none();
        self.finishing
    }

    async fn last_words(&mut self) {
        while self.listener.is_some() {
            let words = Listener::next(&mut self.listener).await;
            let last = matches!(words, Words::Words(_));
            self.words(words);
            if last {
                return;
            }
        }
    }

    fn say(&self, heard: Option<Heard>) {
        let Some(heard) = heard else { return };
        let at = self.since + Duration::from_millis(heard.from_ms);
        if self.tell.try_send(Told { at, heard }).is_err() {
            tracing::debug!("an announcement that nobody waits for any more");
        }
    }
}

impl Live<'_> {
    /// The first early media of this call.
    pub(super) fn listen_early(&mut self, line: &mut Line) {
        if let Some(frames) = line.early.take() {
            self.log.early(monotonic());
            self.early = Some(EarlyEar::listen(self.engine.ears.clone(), self.site.announcements.clone(), frames));
        }
    }

    pub(super) fn announced(&mut self, told: &Told) -> CallInput {
        let Told { at, heard } = told;
        tracing::info!(call.id = %self.call.id, kind = heard.kind.name(), "an announcement was heard before the answer");
        self.log.announced(*at, heard);
        CallInput::Announced(heard.kind)
    }

    /// The line has ended: what was on its way decides with it.
    pub(super) async fn last_announced(&mut self) {
        let Some(ear) = self.early.take() else { return };
        if let Some(told) = ear.last().await {
            let input = self.announced(&told);
            // There is no line left to hang up.
            self.machine.handle(input);
        }
    }
}
