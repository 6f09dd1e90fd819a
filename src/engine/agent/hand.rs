//! The visit in an agent's hand: what he is asked, what he has written, and what his page shows.
//!
//! Contract: every change is shown at once and whole. In a call [`Hand::heed`] does what is the media's and says what is the call's; outside
//! of one only what is written is heeded. Times in the journal are seconds since the answer.

use super::super::Engine;
use super::super::desk::{AgentEnd, CallStage, CallView, SupervisorMode};
use super::super::handle::CommandError;
use super::super::live::{self, Steps};
use super::{Ask, Reply, answer, conversation_end, view};
use crate::clock::monotonic;
use crate::domain::call::Call;
use crate::domain::call::journal::{JournalEntry, JournalEvent, SeatChange};
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::id::SeatId;
use crate::domain::live::Setting;
use crate::domain::order::Order;
use crate::domain::score::Rubric;
use crate::domain::script::dialogue::lines;
use crate::domain::seat::Seat;
use crate::domain::visit::task::Visit;
use crate::media::session::{MediaSession, PlayId};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;

/// Messages that may wait while the task is busy.
const ASKS_MAX: usize = 64;
/// A journal that a page fills for ever is cut.
const ENTRIES_MAX: usize = 2_000;

pub struct Hand {
    engine: Arc<Engine>,
    seat: SeatId,
    asks: mpsc::Receiver<Ask>,
    sender: mpsc::Sender<Ask>,
    number: u64,
    view: CallView,
    journal: Vec<JournalEntry>,
    /// What supervisors did before there was an axis for it.
    early: Vec<(Instant, JournalEvent)>,
    watched: Option<SeatId>,
    answered: Option<Instant>,
    apology: Option<PlayId>,
    gone: bool,
    /// Of the visit's calendar.
    zone: TimeZone,
    /// Of the visit's programme.
    rubric: Arc<Rubric>,
    /// To whoever reads along.
    steps: Option<Steps>,
}

/// What a call must do about an [`Ask`].
#[derive(Debug)]
pub enum Heeded {
    Nothing,
    /// The agent ends the call.
    HangUp {
        why: String,
    },
    /// A supervisor does.
    End {
        why: String,
    },
    /// The agent is gone; the apology is playing.
    Apologise,
    /// The agent is gone, and nobody is there to hear an apology.
    Lost {
        why: &'static str,
    },
    /// The page has a new browser leg.
    NewLine,
    Supervise {
        by: SeatId,
        mode: SupervisorMode,
        reply: Reply,
    },
    TakeOver {
        by: SeatId,
        reply: Reply,
    },
}

impl Hand {
    pub async fn take(engine: &Arc<Engine>, visit: &Visit, order: Order, seat: &Seat) -> Self {
        let (sender, asks) = mpsc::channel(ASKS_MAX);
        let view = view::of(engine, visit, order).await;
        let site = engine.site();
        let number = engine.seats.begin_job(&seat.id, sender.clone());
        Self {
            engine: engine.clone(),
            seat: seat.id.clone(),
            asks,
            sender,
            number,
            view,
            journal: vec![],
            early: vec![],
            watched: None,
            answered: None,
            apology: None,
            gone: false,
            zone: visit.calendar(&site.rules.calendar).tz().clone(),
            rubric: site.rubrics.of(site.rules.programmes.get(&visit.programme)).clone(),
            steps: None,
        }
    }

    pub fn seat(&self) -> &SeatId {
        &self.seat
    }

    /// The next thing that is asked. We hold a sender ourselves, so there is always one to come.
    pub async fn next(&mut self) -> Ask {
        match self.asks.recv().await {
            Some(ask) => ask,
            None => std::future::pending().await,
        }
    }

    /// A supervisor goes on with the call in his place, heard and not held, and sees it on his page. Returns whose it was.
    pub fn move_to(&mut self, by: SeatId, media: &MediaSession) -> SeatId {
        media.mute(false);
        media.hold(false);
        (self.view.muted, self.view.held) = (false, false);
        self.engine.seats.end_job(&self.seat, self.number);
        self.number = self.engine.seats.begin_job(&by, self.sender.clone());
        let from = std::mem::replace(&mut self.seat, by);
        self.tell();
        from
    }

    pub fn show(&mut self, stage: CallStage) {
        if self.view.stage != stage {
            self.view.stage_since = self.engine.clock.now();
        }
        self.view.stage = stage;
        self.tell();
    }

    pub fn dialling(&mut self, call: &Call) {
        self.view.call = Some(call.id.clone());
        self.show(CallStage::Dialing);
    }

    /// Zero of the journal.
    pub fn answered(&mut self, at: Instant) {
        self.answered = Some(at);
        for (then, event) in std::mem::take(&mut self.early) {
            let at_s = -at.saturating_duration_since(then).as_secs_f64();
            self.journal.push(JournalEntry { at_s, event });
        }
        self.show(CallStage::Answered);
    }

    /// What is said from here on is shown while it is said.
    pub fn read_along(&mut self, media: &MediaSession) {
        let Some(call) = &self.view.call else { return };
        let setting = Setting {
            rubric: self.rubric.clone(),
            claims: self.view.order.claims.clone(),
            called_at: self.engine.clock.now().to_zoned(self.zone.clone()),
            sheet: self.view.steps.clone(),
        };
        self.steps = live::follow(&self.engine, call, setting, media);
    }

    /// Who hears the call beside the two, if anybody does.
    pub fn watched_by(&self) -> Option<&SeatId> {
        self.watched.as_ref()
    }

    /// A supervisor came in; one who was there before made room for him.
    pub fn supervised(&mut self, by: SeatId, how: &str) {
        if let Some(before) = self.watched.replace(by.clone()).filter(|before| *before != by) {
            self.engine.seats.listen_to(&before, None);
            self.note(SeatChange::Supervisor, format!("{before} 退出监听，由 {by} 接替"));
        }
        self.engine.seats.listen_to(&by, self.view.call.as_ref());
        self.note(SeatChange::Supervisor, format!("{by} {how}"));
    }

    /// The supervisor is gone, for whatever reason.
    pub fn unsupervised(&mut self, how: &str) {
        if let Some(by) = self.watched.take() {
            self.engine.seats.listen_to(&by, None);
            self.note(SeatChange::Supervisor, format!("{by} {how}"));
        }
    }

    pub fn ended(&mut self, call: &Call) {
        (self.view.outcome, self.view.hung_up_by) = (call.outcome, call.hung_up_by);
        self.show(CallStage::Ended);
    }

    pub fn gone(&mut self) {
        self.gone = true;
    }

    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// What the call came to, as far as the agent has said.
    pub fn end(&self) -> Option<ConversationEnd> {
        self.view.end.as_ref().map(conversation_end)
    }

    pub fn take_journal(&mut self) -> Vec<JournalEntry> {
        std::mem::take(&mut self.journal)
    }

    pub fn written(&self) -> (Option<&str>, &BTreeMap<String, String>, Option<&AgentEnd>) {
        let note = Some(self.view.note.as_str()).filter(|note| !note.is_empty());
        (note, &self.view.form, self.view.end.as_ref())
    }

    pub fn write(&mut self, end: Option<AgentEnd>, note: Option<String>, form: BTreeMap<String, String>) {
        self.view.end = end.or(self.view.end.take());
        if let Some(note) = note {
            self.view.note = note;
        }
        self.view.form.extend(form);
        self.tell();
    }

    /// Outside of a call: what is written is kept, what needs a call is not there.
    pub fn heed_at_rest(&mut self, ask: Ask) {
        match ask {
            Ask::Result { end, note } => self.write(Some(end), note, BTreeMap::new()),
            Ask::Note(note) => self.write(None, Some(note), BTreeMap::new()),
            Ask::WrappedUp { end, note, form, reply } => {
                self.write(end, note, form);
                answer(reply, Err(not_now("通话还没有结束")));
            }
            Ask::Start { reply }
            | Ask::Supervise { reply, .. }
            | Ask::TakeOver { reply, .. }
            | Ask::Leave { reply, .. }
            | Ask::End { reply, .. } => answer(reply, Err(not_now("现在没有通话"))),
            Ask::Decline { .. }
            | Ask::Mute(_)
            | Ask::Hold(_)
            | Ask::Keys(_)
            | Ask::HangUp
            | Ask::Step { .. }
            | Ask::Lost { .. }
            | Ask::NewLine => {}
        }
    }

    /// While the customer is dialled or on the line.
    pub fn heed(&mut self, ask: Ask, media: &MediaSession) -> Heeded {
        match ask {
            Ask::HangUp => return Heeded::HangUp { why: "the agent hung up".into() },
            Ask::End { reason, by, reply } => {
                self.note(SeatChange::Supervisor, format!("{by} 结束了通话：{reason}"));
                answer(reply, Ok(()));
                return Heeded::End { why: format!("ended by {by}: {reason}") };
            }
            Ask::Lost { why } => return self.lost(why, media),
            Ask::NewLine => return Heeded::NewLine,
            Ask::Supervise { by, mode, reply } => return Heeded::Supervise { by, mode, reply },
            Ask::TakeOver { by, reply } => return Heeded::TakeOver { by, reply },
            Ask::Leave { by, reply } if self.watched.as_ref() == Some(&by) => {
                media.unsupervise();
                self.unsupervised("退出监听");
                answer(reply, Ok(()));
            }
            Ask::Leave { reply, .. } => answer(reply, Err(not_now("没有在监听这通电话"))),
            Ask::Mute(on) => {
                media.mute(on);
                self.view.muted = on;
                self.note(if on { SeatChange::Muted } else { SeatChange::Unmuted }, onoff("坐席静音", on));
                self.tell();
            }
            Ask::Hold(on) => {
                media.hold(on);
                self.view.held = on;
                self.note(if on { SeatChange::Held } else { SeatChange::Resumed }, onoff("坐席保持通话", on));
                self.tell();
            }
            Ask::Keys(digits) => media.send_keys(&digits),
            Ask::Step { step, indicator } => {
                if self.steps.as_ref().is_some_and(|steps| steps.try_send(step.clone()).is_err()) {
                    tracing::debug!("nobody reads along any more");
                }
                self.keep(JournalEvent::Step { step, indicator });
            }
            other => self.heed_at_rest(other),
        }
        Heeded::Nothing
    }

    fn lost(&mut self, why: &'static str, media: &MediaSession) -> Heeded {
        self.gone = true;
        if self.answered.is_none() {
            return Heeded::Lost { why };
        }
        media.part();
        self.note(SeatChange::Lost, format!("{why}，向客户致歉后结束通话"));
        match self.engine.site().prompts.get(lines::FAULT_APOLOGY) {
            Ok(clip) => {
                self.apology = Some(media.play(vec![clip]));
                Heeded::Apologise
            }
            Err(error) => {
                tracing::error!(%error, "the apology cannot be played");
                Heeded::Lost { why }
            }
        }
    }

    pub fn is_apology(&self, play: PlayId) -> bool {
        self.apology == Some(play)
    }

    /// A change of the agent's side, on the axis of the journal. Before the answer there is nothing that it could explain: only what
    /// supervisors do is kept, in case it is answered.
    pub fn note(&mut self, change: SeatChange, text: String) {
        self.keep(JournalEvent::Seat { change, text });
    }

    fn keep(&mut self, event: JournalEvent) {
        let now = monotonic();
        let by_supervisor = matches!(event, JournalEvent::Seat { change: SeatChange::Supervisor, .. });
        match self.answered {
            Some(answered) if self.journal.len() < ENTRIES_MAX => {
                let at_s = now.saturating_duration_since(answered).as_secs_f64();
                self.journal.push(JournalEntry { at_s, event });
            }
            None if by_supervisor && self.early.len() < ENTRIES_MAX => self.early.push((now, event)),
            Some(_) | None => {}
        }
    }

    fn tell(&self) {
        self.engine.seats.show_call(&self.seat, self.number, &self.view);
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.engine.seats.end_job(&self.seat, self.number);
        if let Some(by) = &self.watched {
            self.engine.seats.listen_to(by, None);
        }
    }
}

fn onoff(what: &str, on: bool) -> String {
    format!("{what}{}", if on { "开始" } else { "结束" })
}

fn not_now(why: &str) -> CommandError {
    CommandError::Conflict(why.into())
}
