//! One call from the claim to its final row.
//!
//! Contract (invariants 1 and 2): the visit is claimed and the call's row written before anything leaves; the recording is open on
//! disk before the INVITE; whatever fails, the call ends with exactly one outcome, its row, its visit's next step and the jobs that
//! follow are written in one transaction, and no far leg is left standing. The course itself is [`CallMachine`]; here are its senses
//! and hands.

mod agent;
mod attempt;
mod conclude;
mod early;

use super::Engine;
use super::agent::{AgentPhone, Hand, Lines};
use super::events::CallPhase;
use super::record::{LineLog, TraceKeeper, bye_is_out};
use super::site::Site;
use super::voice::{RubricJudge, VoiceCall, VoiceEvent, VoiceOutcome, run_voice};
use crate::clock::monotonic;
use crate::domain::call::fsm::{CallAction, CallInput, CallMachine, LineEnd};
use crate::domain::call::outcome::{ConversationEnd, Fault, Outcome};
use crate::domain::call::{Call, Instants};
use crate::domain::id::CallId;
use crate::domain::order::Order;
use crate::domain::recording::manifest::RecordingInfo;
use crate::domain::script::dialogue::Brief;
use crate::domain::visit::task::Visit;
use crate::media::agent::Joined;
use crate::media::codec::Codec;
use crate::media::session::{CustomerFrame, MediaEvent, MediaEvents, MediaReport, MediaSession};
use crate::media::thread;
use crate::media::wav::{self, Recorder};
use crate::sip::trace::CallTrace;
use crate::sip::{CallControl, CallEvent, Reanswer, TrunkPick};
use crate::stt::SpeechStream;
pub use attempt::{next_attempt, pick_trunk};
use conclude::conclude;
pub use conclude::for_person;
use early::EarlyEar;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Instants learnt in passing are written so long after the first of them.
const SAVE_AFTER: Duration = Duration::from_secs(1);
/// An answered call is recorded for so long at least.
const SHORTEST_RECORDING: Duration = Duration::from_millis(10);
/// Keys and ended prompts that may wait for the conversation.
const EVENTS_MAX: usize = 64;

pub use agent::{AgentTicket, run_for_agent};

/// Everything that an unattended call needs to begin.
pub struct Ticket {
    pub visit: Visit,
    pub order: Order,
    pub pick: TrunkPick,
}

/// Runs one unattended call to its end. Returns when its row is final.
pub async fn run(engine: Arc<Engine>, ticket: Ticket) {
    let Ticket { visit, order, pick } = ticket;
    let tried = visit.trunks_tried().to_vec();
    let (visit, call) = next_attempt(&engine, visit, &order, &pick, CallId::new(engine.store.new_id()));
    let visit = match engine.store.claim_visit(&visit, &call, engine.limit_of(&call)).await {
        Ok(Some(visit)) => visit,
        // Somebody else was quicker, the visit moved on, or its customer does not want to be called: nothing was begun.
        Ok(None) => return engine.announce_again(&visit.id).await,
        Err(error) => {
            tracing::error!(visit.id = %visit.id, %error, "a visit could not be claimed and is not dialled");
            return;
        }
    };
    // Until here the plan still counted this visit among the waiting ones: there may be room for the next.
    engine.kick();
    engine.announce_visit(&visit);
    engine.announce_call(&call, CallPhase::Dialing);
    let mut live = Live::new(&engine, call);
    let keeper = live.dial(&order, pick).await;
    let call = live.call;
    put_away(&engine, &call, visit, &tried, keeper).await;
}

/// The end of a call in the store, and its trace.
async fn put_away(engine: &Arc<Engine>, call: &Call, visit: Visit, tried: &[String], mut keeper: Option<TraceKeeper>) {
    if let Some(keeper) = &mut keeper {
        keeper.save(engine).await;
    }
    engine.spent(call);
    conclude(engine, call, visit, tried).await;
    if let Some(keeper) = keeper {
        engine.tasks.spawn(keeper.follow(engine.clone()));
    }
}

/// A call in progress.
struct Live<'a> {
    engine: &'a Arc<Engine>,
    /// As it was when the call began: a reload in between changes the next call.
    site: Arc<Site>,
    call: Call,
    machine: CallMachine,
    log: LineLog,
    /// Listens to what sounds before the answer.
    early: Option<EarlyEar>,
    /// `None` before the INVITE.
    trace: Option<Arc<CallTrace>>,
    /// The recording's zero.
    answered: Option<Instant>,
    /// When instants that are learnt in passing are written, all at once.
    save_at: Option<Instant>,
    /// `None`: the unattended questionnaire talks.
    hand: Option<Hand>,
    /// The agent's line, until it is joined.
    lines: Option<Lines>,
    /// The signalling of the agent's telephone, if he has one.
    phone: Option<AgentPhone>,
    /// Its messages, which outlive it.
    phone_trace: Option<Arc<CallTrace>>,
    /// His line in the session.
    joined: Option<Joined>,
    /// His line is silent, and whether he is still there is looked at then.
    look_at: Option<Instant>,
}

/// The parts of a call that is on the line.
struct Line {
    control: CallControl,
    sip: mpsc::Receiver<CallEvent>,
    media: Arc<MediaSession>,
    media_events: mpsc::Receiver<MediaEvent>,
    /// Taken when something sounds before the answer.
    early: Option<mpsc::Receiver<CustomerFrame>>,
    /// Taken by the conversation when it begins.
    customer: Option<mpsc::Receiver<CustomerFrame>>,
    /// Being opened while it rings, so that the greeting never waits for it.
    ear: Option<JoinHandle<Option<Box<dyn SpeechStream>>>>,
    conversation: Option<Conversation>,
}

struct Conversation {
    handle: JoinHandle<VoiceOutcome>,
    /// `None` when it was told that the line is gone: a closed channel says so.
    events: Option<mpsc::Sender<VoiceEvent>>,
}

impl Conversation {
    fn tell(&self, event: VoiceEvent) {
        if self.events.as_ref().is_some_and(|events| events.try_send(event).is_err()) {
            tracing::warn!("a conversation is over already, or is flooded with keys");
        }
    }
}

impl<'a> Live<'a> {
    fn new(engine: &'a Arc<Engine>, call: Call) -> Self {
        let claimed_at = call.instants.claimed_at.unwrap_or_else(|| engine.clock.now());
        let machine = CallMachine::new(claimed_at);
        Self {
            engine,
            site: engine.site(),
            call,
            machine,
            log: LineLog::default(),
            early: None,
            trace: None,
            answered: None,
            save_at: None,
            hand: None,
            lines: None,
            phone: None,
            phone_trace: None,
            joined: None,
            look_at: None,
        }
    }

    /// Recorder, media, INVITE, conversation, end. What it came to is in `call`.
    async fn dial(&mut self, order: &Order, pick: TrunkPick) -> Option<TraceKeeper> {
        let (media, events) = match self.open_media(&pick).await {
            Ok(media) => media,
            Err(failure) => return self.never_dialled(failure),
        };
        self.join(&media);
        let offer = media.offer();
        let (control, sip) = match self.engine.sip.invite(pick, &self.call.to, &self.call.id, offer) {
            Ok(line) => line,
            Err(error) => {
                self.take_report(media.close().await);
                let failure = NotDialled { outcome: Outcome::TrunkFailure, detail: error.to_string() };
                return self.never_dialled(failure);
            }
        };
        self.trace = self.engine.sip.trace(&self.call.id);
        let MediaEvents { events: media_events, customer, early } = events;
        let ears = self.engine.ears.clone();
        let unattended = self.hand.is_none();
        let line = Line {
            control,
            sip,
            media: Arc::new(media),
            media_events,
            early: Some(early),
            customer: Some(customer),
            ear: unattended.then(|| tokio::task::spawn_blocking(move || ears.listen())),
            conversation: None,
        };
        self.follow(line, order).await;
        let trace = self.trace.take();
        trace.map(|trace| TraceKeeper::new(self.call.id.clone(), trace, self.phone_trace.take()))
    }

    async fn open_media(&self, pick: &TrunkPick) -> Result<(MediaSession, MediaEvents), NotDialled> {
        let config = &self.engine.config;
        let claimed_at = self.call.instants.claimed_at.unwrap_or_else(|| self.engine.clock.now());
        let recorder = Recorder::create(&config.recordings.store, self.call.id.as_str(), claimed_at)
            .map_err(|e| NotDialled { outcome: Outcome::RecorderFailed, detail: e.to_string() })?;
        let codecs: Vec<Codec> = pick.codecs().iter().filter_map(|name| Codec::parse(name).ok()).collect();
        MediaSession::open_with(&config.media, &codecs, pick.srtp(), recorder)
            .await
            .map_err(|e| NotDialled { outcome: Outcome::TrunkFailure, detail: e.to_string() })
    }

    fn never_dialled(&mut self, failure: NotDialled) -> Option<TraceKeeper> {
        tracing::error!(call.id = %self.call.id, reason = failure.detail, "a call was not dialled");
        self.call.outcome = Some(failure.outcome);
        self.call.fault = Some(Fault::Us);
        self.call.detail = Some(failure.detail);
        self.call.instants.ended_at = Some(self.engine.clock.now());
        None
    }

    /// Until the line is gone and the conversation has reported.
    async fn follow(&mut self, mut line: Line, order: &Order) {
        let stop = self.engine.stop.clone();
        let mut stopped = false;
        while !self.machine.is_over() {
            let input = tokio::select! {
                event = line.sip.recv() => self.on_line(event, &mut line).await,
                told = EarlyEar::next(&mut self.early) => Some(self.announced(&told)),
                Some(event) = line.media_events.recv() => self.on_media(event, &line),
                end = conversation_end(&mut line.conversation) => Some(self.on_conversation(end)),
                ask = agent::next_ask(&mut self.hand) => self.on_ask(ask, &line).await,
                event = agent::next_event(&mut self.phone) => self.on_phone(event, &line).await,
                () = until(self.look_at), if self.look_at.is_some() => self.look_for_agent().await,
                () = until(self.save_at), if self.save_at.is_some() => {
                    self.save_at = None;
                    self.learn_from_the_wire();
                    self.save_if_more_is_known().await;
                    None
                }
                () = stop.cancelled(), if !stopped => {
                    stopped = true;
                    Some(CallInput::Stop { why: "the engine is stopping".into() })
                }
            };
            if let Some(input) = input {
                self.advance(input, &mut line, order).await;
            }
        }
        let Line { media, conversation, .. } = line;
        drop(conversation);
        match Arc::try_unwrap(media) {
            Ok(media) => self.take_report(media.close().await),
            // The conversation has reported and dropped its handle before the machine is over.
            Err(_) => tracing::error!(call.id = %self.call.id, "the media of a call is still in use after its end"),
        }
        if let Some(trace) = &self.trace {
            bye_is_out(trace).await;
        }
        self.learn_from_the_wire();
        self.write_conclusion();
    }

    async fn advance(&mut self, input: CallInput, line: &mut Line, order: &Order) {
        let phase = match &input {
            CallInput::Ringing { .. } => Some(CallPhase::Ringing),
            CallInput::Answered { .. } => Some(CallPhase::Answered),
            _ => None,
        };
        let mut actions = VecDeque::from(self.machine.handle(input));
        while let Some(action) = actions.pop_front() {
            match action {
                CallAction::Converse if self.hand.is_some() => {
                    if let Some(end) = self.agent_answers(&line.media).await {
                        actions.extend(self.machine.handle(CallInput::ConversationOver(end)));
                    }
                }
                CallAction::StopConversation if self.hand.is_some() => {
                    let end = self.agent_end();
                    actions.extend(self.machine.handle(CallInput::ConversationOver(end)));
                }
                CallAction::Converse => {
                    line.conversation = self.converse(line, order).await;
                    if line.conversation.is_none() {
                        let detail = format!("no script for {}", order.service_type.name());
                        let end = ConversationEnd::Fault { detail };
                        actions.extend(self.machine.handle(CallInput::ConversationOver(end)));
                    }
                }
                CallAction::StopConversation => {
                    if let Some(conversation) = &mut line.conversation {
                        conversation.events = None;
                    }
                }
                CallAction::HangUp { why } => line.control.hang_up(why),
            }
        }
        self.learn_from_the_wire();
        self.save_if_more_is_known().await;
        if let Some(phase) = phase {
            self.engine.announce_call(&self.call, phase);
            self.show_phase(phase);
        }
    }

    /// What a signalling event means. Media is told at once: the customer is talking already.
    async fn on_line(&mut self, event: Option<CallEvent>, line: &mut Line) -> Option<CallInput> {
        let Some(event) = event else {
            // The stack promises one `Ended`; without it the line is gone all the same.
            return Some(CallInput::LineEnded(LineEnd {
                at: self.engine.clock.now(),
                outcome: Some(Outcome::TrunkFailure),
                by: None,
                status: None,
                detail: Some("the line went away without a word".into()),
                fault: Some(Fault::Us),
            }));
        };
        match event {
            CallEvent::InviteSent { at } => Some(CallInput::InviteSent { at }),
            CallEvent::Ringing { at, .. } => Some(CallInput::Ringing { at }),
            CallEvent::EarlyMedia { at, sdp, .. } => {
                match line.media.early(&sdp, monotonic()) {
                    Ok(()) => {
                        self.log.described(&sdp);
                        self.listen_early(line);
                    }
                    Err(error) => {
                        tracing::warn!(call.id = %self.call.id, %error, "early media is not usable and not recorded");
                    }
                }
                Some(CallInput::EarlyMedia { at })
            }
            CallEvent::Answered { at, at_mono, sdp } => match line.media.answered(&sdp, at_mono, at) {
                Ok(codec) => {
                    self.log.described(&sdp);
                    self.log.answered(at_mono);
                    self.answered = Some(at_mono);
                    self.early = None;
                    self.save_soon();
                    tracing::info!(call.id = %self.call.id, codec = ?codec, "the customer answered");
                    Some(CallInput::Answered { at })
                }
                Err(error) => Some(CallInput::NoCommonCodec { detail: error.to_string() }),
            },
            CallEvent::Reoffer { sdp, reply } => {
                self.answer_reoffer(&line.media, &sdp, reply);
                None
            }
            CallEvent::ReofferAnswer { sdp } => {
                match line.media.reanswered(&sdp) {
                    Ok(_) => self.log.changed(&sdp, monotonic()),
                    Err(error) => {
                        tracing::warn!(call.id = %self.call.id, %error, "the answer to our offer is not usable");
                    }
                }
                None
            }
            CallEvent::Key(key) => {
                self.log.key_by_info(key, monotonic());
                if let Some(conversation) = &line.conversation {
                    conversation.tell(VoiceEvent::Key(key));
                }
                None
            }
            CallEvent::Ended(end) => {
                // The conversation may still need a moment; the recording does not wait for it.
                line.media.hang_up(self.end_of_recording(end.at_mono));
                self.last_announced().await;
                Some(CallInput::LineEnded(LineEnd {
                    at: end.at,
                    outcome: end.outcome,
                    by: end.by,
                    status: end.status,
                    detail: end.detail,
                    fault: end.fault,
                }))
            }
        }
    }

    fn on_media(&mut self, event: MediaEvent, line: &Line) -> Option<CallInput> {
        let told = match event {
            MediaEvent::PlayFinished(id) if self.is_apology(id) => return Some(self.apologised()),
            // He is there again, over another line.
            MediaEvent::SupervisorLost if line.media.is_supervised() => return None,
            MediaEvent::AgentHeard { .. }
            | MediaEvent::AgentSilent { .. }
            | MediaEvent::AgentBack
            | MediaEvent::SupervisorLost => {
                self.on_agent_media(&event);
                return None;
            }
            // His keys are for the customer's menus, and he presses them on the page.
            MediaEvent::AgentKey(_) => return None,
            MediaEvent::PlayFinished(id) => VoiceEvent::PlayFinished(id),
            MediaEvent::Key(key) => VoiceEvent::Key(key),
            MediaEvent::FirstRtp { at } => {
                let first_rtp_in_at = Some(self.wall(at));
                return self.learn(Instants { first_rtp_in_at, ..Instants::default() });
            }
            MediaEvent::FirstSent { at } => {
                let first_rtp_out_at = Some(self.wall(at));
                return self.learn(Instants { first_rtp_out_at, ..Instants::default() });
            }
            MediaEvent::RtpTimeout => return Some(CallInput::RtpTimeout),
            MediaEvent::HoldTimeout => return Some(CallInput::HoldTimeout),
            MediaEvent::RecorderFailed(detail) => return Some(CallInput::RecorderFailed { detail }),
        };
        if let Some(conversation) = &line.conversation {
            conversation.tell(told);
        }
        None
    }

    fn answer_reoffer(&mut self, media: &MediaSession, sdp: &[u8], reply: oneshot::Sender<Reanswer>) {
        let answer = match media.reoffer(sdp) {
            Ok(answer) => {
                self.log.changed(sdp, monotonic());
                Reanswer::Accept(answer)
            }
            Err(error) => {
                tracing::warn!(call.id = %self.call.id, %error, "an offer of the far end is not usable");
                self.log.refused(&error.to_string(), monotonic());
                Reanswer::Refuse(488)
            }
        };
        if reply.send(answer).is_err() {
            tracing::debug!("the far end's offer was withdrawn before it was answered");
        }
    }

    /// What media and wire tell in passing is written together, a moment later.
    fn save_soon(&mut self) {
        self.save_at.get_or_insert(monotonic() + SAVE_AFTER);
    }

    /// `None`: there is no script for this order, or the conversation was begun already.
    async fn converse(&self, line: &mut Line, order: &Order) -> Option<Conversation> {
        let site = &self.site;
        let programme = site.rules.programmes.get(&self.call.programme)?;
        let script = site.script(programme, order)?;
        let customer = line.customer.take()?;
        let answered_at = monotonic();
        let call = VoiceCall {
            script,
            manifest: site.manifest.clone(),
            clips: site.prompts.clone(),
            brief: Brief::from_order(order),
            judge: Box::new(RubricJudge(site.rubrics.of(Some(programme)).clone())),
            announcements: site.announcements.clone(),
            speech: match line.ear.take() {
                Some(ear) => ear.await.ok().flatten(),
                None => None,
            },
        };
        let (tell, events) = mpsc::channel(EVENTS_MAX);
        let media = line.media.clone();
        let handle = thread::spawn(async move {
            let elapsed_ms = || u64::try_from(monotonic().duration_since(answered_at).as_millis()).unwrap_or(u64::MAX);
            // The call hangs up itself when the conversation is over, which follows at once.
            run_voice(call, &*media, customer, events, &elapsed_ms, &|| {}).await
        });
        Some(Conversation { handle, events: Some(tell) })
    }

    fn on_conversation(&mut self, end: Result<VoiceOutcome, tokio::task::JoinError>) -> CallInput {
        let outcome = end.unwrap_or_else(|error| {
            tracing::error!(call.id = %self.call.id, %error, "the conversation broke off");
            VoiceOutcome {
                end: ConversationEnd::Fault { detail: "the conversation broke off inside the engine".into() },
                journal: vec![],
                we_hung_up: false,
            }
        });
        self.call.journal = std::mem::take(&mut self.log).merged_into(outcome.journal);
        CallInput::ConversationOver(outcome.end)
    }

    /// Instants that change nothing in the course of the call.
    fn learn(&mut self, instants: Instants) -> Option<CallInput> {
        self.machine.learn(&instants);
        self.save_soon();
        None
    }

    /// A message is stamped at the socket, and again when the call learns of it: what follows from it must not seem to come before.
    fn learn_from_the_wire(&mut self) {
        let Some(facts) = self.trace.as_ref().map(|trace| trace.facts()) else { return };
        let (mut seen, known) = (facts.instants(), self.machine.instants());
        seen.trying_at = seen.trying_at.max(known.invited_at.filter(|_| seen.trying_at.is_some()));
        if known.answered_at.is_none() && known.ended_at.is_none() {
            // The 200 has been seen at the socket and not here yet: its ACK would stay stamped before it.
            seen.acked_at = None;
        }
        seen.acked_at = seen.acked_at.max(known.answered_at.filter(|_| seen.acked_at.is_some()));
        seen.bye_at = known.ended_at.and_then(|ended| Some(seen.bye_at?.min(ended)));
        self.machine.learn(&seen);
        self.call.sip_reason = facts.reason;
    }

    /// The wall-clock time of an instant that is just past.
    fn wall(&self, at: Instant) -> Timestamp {
        let ago = jiff::SignedDuration::try_from(monotonic().saturating_duration_since(at)).unwrap_or_default();
        self.engine.clock.now().checked_sub(ago).unwrap_or(Timestamp::MIN)
    }

    /// An answered call has a recording even when its BYE overtook the 200.
    fn end_of_recording(&self, end: Instant) -> Instant {
        self.answered.map_or(end, |answered| end.max(answered + SHORTEST_RECORDING))
    }

    async fn save_if_more_is_known(&mut self) {
        if self.call.instants == *self.machine.instants() {
            return;
        }
        self.call.instants = self.machine.instants().clone();
        if let Err(error) = self.engine.store.save_call_progress(&self.call).await {
            tracing::error!(call.id = %self.call.id, %error, "the progress of a call could not be saved");
        }
    }

    fn take_report(&mut self, report: MediaReport) {
        metrics::counter!("huifang_rtp_packets_lost_total").increment(report.leg.packets_lost);
        self.call.legs = std::iter::once(report.leg).chain(report.company.legs).collect();
        match report.recording {
            // Nothing was ever heard: an empty file is no recording.
            Ok(info) if info.seconds == 0.0 => self.discard(&info),
            Ok(info) => self.call.recording = Some(info),
            Err(error) => {
                tracing::error!(call.id = %self.call.id, %error, "the recording could not be closed");
                self.call.detail = Some(error.to_string());
                self.machine.handle(CallInput::RecorderFailed { detail: error.to_string() });
            }
        }
    }

    fn discard(&self, info: &RecordingInfo) {
        if let Err(error) = wav::remove(&self.engine.config.recordings.store, info) {
            tracing::warn!(call.id = %self.call.id, %error, "the empty recording of an unanswered call is left behind");
        }
    }

    fn write_conclusion(&mut self) {
        let Some(end) = self.machine.conclusion() else { return };
        self.call.outcome = Some(end.outcome);
        self.call.fault = end.fault;
        self.call.hung_up_by = end.hung_up_by;
        self.call.sip_status = end.sip_status;
        self.call.detail = end.detail.or(self.call.detail.take());
        self.call.conversation = end.conversation.filter(|end| self.hand.is_none() || *end != agent::NO_RESULT);
        self.call.instants = end.instants;
        self.call.journal = std::mem::take(&mut self.log).merged_into(std::mem::take(&mut self.call.journal));
        self.write_agents_journal();
    }
}

/// Why no INVITE left.
struct NotDialled {
    outcome: Outcome,
    detail: String,
}

/// For ever when there is no such instant.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Resolves when the conversation ends; never while there is none.
async fn conversation_end(conversation: &mut Option<Conversation>) -> Result<VoiceOutcome, tokio::task::JoinError> {
    match conversation {
        Some(running) => {
            let end = (&mut running.handle).await;
            *conversation = None;
            end
        }
        None => std::future::pending().await,
    }
}
