//! A call that an agent talks in: his asks, his telephone and his line, beside the same machine as every call.
//!
//! Contract: the agent's line is joined before the INVITE leaves, so a customer who answers is heard at once; what he says before is
//! heard by nobody. When the agent is gone the customer hears an apology before the call ends; when his telephone hangs up, he does.

use super::super::agent::{AgentPhone, Ask, Ended, Hand, Heeded, Lines, answer};
use super::super::desk::{CallStage, SupervisorMode};
use super::super::events::CallPhase;
use super::super::handle::CommandError;
use super::{Line, Live, put_away};
use crate::clock::monotonic;
use crate::domain::call::Call;
use crate::domain::call::fsm::CallInput;
use crate::domain::call::journal::SeatChange;
use crate::domain::call::outcome::{ConversationEnd, Party};
use crate::domain::id::SeatId;
use crate::domain::order::Order;
use crate::domain::seat::{self, Seat, SeatState};
use crate::domain::visit::task::Visit;
use crate::engine::Engine;
use crate::media::bridge::Supervision;
use crate::media::session::{MediaEvent, MediaSession, PlayId};
use crate::sip::{CallEvent, Reanswer, TrunkPick};
use std::sync::Arc;
use std::time::Duration;

/// The customer left, and the agent had not said what it came to.
pub const NO_RESULT: ConversationEnd = ConversationEnd::Abandoned { answered: 0 };

/// A visit that was claimed for a seat.
pub struct AgentTicket {
    pub visit: Visit,
    pub call: Call,
    pub pick: TrunkPick,
    /// Trunks that have failed this attempt before.
    pub tried: Vec<String>,
}

/// Runs one call of an agent to its end. Returns when its row is final; what the agent writes down comes after.
pub async fn run_for_agent(engine: Arc<Engine>, ticket: AgentTicket, order: Order, lines: Lines, hand: Hand) -> Ended {
    let AgentTicket { visit, call, pick, tried } = ticket;
    engine.kick();
    engine.announce_visit(&visit);
    engine.announce_call(&call, CallPhase::Dialing);
    let mut live = Live::new(&engine, call);
    let mut hand = hand;
    hand.dialling(&live.call);
    (live.hand, live.lines) = (Some(hand), Some(lines));
    if engine.config.stt.live {
        let ears = engine.ears.clone();
        engine.tasks.spawn_blocking(move || ears.warm());
    }
    let keeper = live.dial(&order, pick).await;
    let Live { call, hand, phone, .. } = live;
    if let Some(phone) = phone {
        phone.control.hang_up("the call is over");
    }
    put_away(&engine, &call, visit, &tried, keeper).await;
    Ended { call, hand }
}

/// Never without an agent.
pub async fn next_ask(hand: &mut Option<Hand>) -> Ask {
    match hand {
        Some(hand) => hand.next().await,
        None => std::future::pending().await,
    }
}

/// Never without a telephone.
pub async fn next_event(phone: &mut Option<AgentPhone>) -> Option<CallEvent> {
    match phone {
        Some(phone) => phone.events.recv().await,
        None => std::future::pending().await,
    }
}

fn supervision(mode: SupervisorMode) -> Supervision {
    match mode {
        SupervisorMode::Listen => Supervision::Listen,
        SupervisorMode::Whisper => Supervision::Whisper,
        SupervisorMode::Barge => Supervision::Barge,
    }
}

fn mode_zh(mode: SupervisorMode) -> &'static str {
    match mode {
        SupervisorMode::Listen => "开始监听",
        SupervisorMode::Whisper => "开始耳语（仅坐席可听）",
        SupervisorMode::Barge => "加入通话",
    }
}

fn refused(why: &str) -> CommandError {
    CommandError::Conflict(why.into())
}

fn no_line() -> CommandError {
    refused("主管的软电话未连接")
}

impl Live<'_> {
    /// The agent's line comes to the session, before the INVITE leaves.
    pub(super) fn join(&mut self, media: &MediaSession) {
        if let Some(Lines { media: line, phone }) = self.lines.take() {
            self.joined = Some(media.join(line));
            self.phone_trace = phone.as_ref().and_then(|phone| phone.trace.clone());
            self.phone = phone;
        }
    }

    /// `Some`: the agent is not there any more.
    pub(super) async fn agent_answers(&mut self, media: &MediaSession) -> Option<ConversationEnd> {
        let (hand, call) = (self.hand.as_mut()?, &self.call.id);
        hand.answered(self.answered.unwrap_or_else(monotonic));
        hand.read_along(media);
        let seat = hand.seat().clone();
        match self.engine.change_seat(&seat, |now, seat| seat::answered(now, seat, call)).await {
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(seat.id = %seat, call.id = %call, %error, "the customer answered and the seat is gone");
                Some(ConversationEnd::Fault { detail: "坐席已离线".into() })
            }
        }
    }

    /// What the conversation came to, as far as the agent has said.
    pub(super) fn agent_end(&self) -> ConversationEnd {
        self.hand.as_ref().and_then(Hand::end).unwrap_or(NO_RESULT)
    }

    pub(super) async fn on_ask(&mut self, ask: Ask, line: &Line) -> Option<CallInput> {
        let hand = self.hand.as_mut()?;
        match hand.heed(ask, &line.media) {
            Heeded::Nothing | Heeded::Apologise => None,
            Heeded::HangUp { why } if self.machine.instants().answered_at.is_none() => Some(CallInput::Stop { why }),
            Heeded::HangUp { .. } => Some(CallInput::ConversationOver(self.agent_end())),
            Heeded::End { why } => Some(CallInput::Stop { why }),
            Heeded::Lost { why } => Some(CallInput::Stop { why: why.into() }),
            Heeded::NewLine => {
                let seat = hand.seat().clone();
                if let Some(agent) = Lines::browser(self.engine, &seat) {
                    self.joined = Some(line.media.join(agent));
                    self.look_at = None;
                    hand.note(SeatChange::Joined, "坐席换了线路".into());
                }
                None
            }
            Heeded::Supervise { by, mode, reply } => {
                answer(reply, self.supervise(by, mode, line).await);
                None
            }
            Heeded::TakeOver { by, reply } => {
                let done = self.take_over(by, line).await;
                answer(reply, done);
                None
            }
        }
    }

    /// In another mode, when he is there already: he misses nothing of the call.
    async fn supervise(&mut self, by: SeatId, mode: SupervisorMode, line: &Line) -> Result<(), CommandError> {
        let Some(hand) = &mut self.hand else { return Ok(()) };
        if *hand.seat() == by {
            return Err(refused("这是您自己的通话"));
        }
        if !Lines::browser_is_up(self.engine, &by) {
            return Err(no_line());
        }
        // His line is one: a call of his own would lose it.
        if let SeatState::Reserved { .. } | SeatState::InCall { .. } = self.engine.store.seat(&by).await?.state {
            return Err(refused("您手上有通话，不能监听另一通"));
        }
        if hand.watched_by() == Some(&by) && line.media.is_supervised() {
            line.media.supervise_as(supervision(mode));
        } else {
            let supervisor = Lines::browser(self.engine, &by).ok_or_else(no_line)?;
            line.media.supervise(supervisor, supervision(mode));
        }
        hand.supervised(by, mode_zh(mode));
        Ok(())
    }

    /// The agent writes down what he has to; his place in the call, and on the recording, is the supervisor's from here.
    async fn take_over(&mut self, by: SeatId, line: &Line) -> Result<(), CommandError> {
        let Some(hand) = &mut self.hand else { return Ok(()) };
        if *hand.seat() == by {
            return Err(refused("这是您自己的通话"));
        }
        if self.answered.is_none() {
            return Err(refused("客户还没有接听，不能接管"));
        }
        if hand.is_gone() {
            return Err(refused("坐席已离线，通话正在结束"));
        }
        let engine = self.engine;
        if !Lines::browser_is_up(engine, &by) {
            return Err(no_line());
        }
        let taken = |now, seat: &Seat| {
            seat::take_over(now, seat, self.call.visit.clone(), self.call.id.clone(), engine.lease_until(now))
        };
        // Nothing has changed yet when he may not.
        taken(engine.clock.now(), &engine.store.seat(&by).await?).map_err(|error| refused(&error.to_string()))?;
        let supervisor = Lines::browser(engine, &by).ok_or_else(no_line)?;
        if hand.watched_by() == Some(&by) {
            line.media.unsupervise();
            hand.unsupervised("不再监听");
        }
        (self.joined, self.look_at) = (Some(line.media.join(supervisor)), None);
        if let Some(phone) = self.phone.take() {
            phone.control.hang_up("a supervisor took over");
        }
        hand.note(SeatChange::Supervisor, format!("{by} 接管了通话，{} 退出", hand.seat()));
        let from = hand.move_to(by.clone(), &line.media);
        // The visit is held by one seat at a time.
        let limit = Duration::from_secs(engine.config.seats.wrap_up_s);
        let left = engine.change_seat(&from, |now, seat| seat::call_over(now, seat, &self.call.id, limit)).await;
        let came = engine.change_seat(&by, taken).await;
        if let Err(error) = left.and(came) {
            tracing::error!(call.id = %self.call.id, %error, "a call was taken over, and a seat does not show it");
        }
        self.call.seat = Some(by);
        Ok(())
    }

    /// The agent's telephone.
    pub(super) async fn on_phone(&mut self, event: Option<CallEvent>, line: &Line) -> Option<CallInput> {
        match event {
            Some(CallEvent::Reoffer { sdp, reply }) => {
                let answer = self.joined.as_ref().and_then(|joined| {
                    joined
                        .reoffer(&sdp)
                        .inspect_err(|error| tracing::warn!(%error, "an offer of an agent's telephone"))
                        .ok()
                });
                if reply.send(answer.map_or(Reanswer::Refuse(488), Reanswer::Accept)).is_err() {
                    tracing::debug!("an agent's telephone withdrew its offer");
                }
                None
            }
            Some(CallEvent::ReofferAnswer { sdp }) => {
                if let Some(Err(error)) = self.joined.as_ref().map(|joined| joined.reanswered(&sdp)) {
                    tracing::warn!(%error, "an agent's telephone answers with what cannot be used");
                }
                None
            }
            Some(CallEvent::Ended(end)) => {
                self.phone = None;
                let ask = match end.by {
                    Some(Party::Customer) => Ask::HangUp,
                    _ => Ask::Lost { why: "话机断线" },
                };
                self.on_ask(ask, line).await
            }
            None => {
                self.phone = None;
                self.on_ask(Ask::Lost { why: "话机断线" }, line).await
            }
            Some(
                CallEvent::InviteSent { .. }
                | CallEvent::Ringing { .. }
                | CallEvent::EarlyMedia { .. }
                | CallEvent::Answered { .. }
                | CallEvent::Key(_),
            ) => None,
        }
    }

    pub(super) fn is_apology(&self, play: PlayId) -> bool {
        self.hand.as_ref().is_some_and(|hand| hand.is_apology(play))
    }

    /// The customer knows; the call ends, and its visit is planned again.
    pub(super) fn apologised(&self) -> CallInput {
        CallInput::ConversationOver(ConversationEnd::Fault {
            detail: "坐席在通话中离线，已向客户致歉".into()
        })
    }

    pub(super) fn on_agent_media(&mut self, event: &MediaEvent) {
        let Some(hand) = &mut self.hand else { return };
        match event {
            MediaEvent::AgentHeard { .. } => hand.note(SeatChange::Joined, "坐席的声音接入".into()),
            MediaEvent::AgentSilent { .. } => hand.note(SeatChange::Silent, "坐席的声音中断".into()),
            MediaEvent::AgentBack => hand.note(SeatChange::Back, "坐席的声音恢复".into()),
            MediaEvent::SupervisorLost => hand.unsupervised("的线路离开了，退出监听"),
            _ => {}
        }
        match event {
            MediaEvent::AgentSilent { since } => {
                self.look_at = Some(*since + Duration::from_secs(self.engine.config.seats.lost_after_s));
            }
            MediaEvent::AgentHeard { .. } | MediaEvent::AgentBack => self.look_at = None,
            _ => {}
        }
    }

    /// His line has been silent for long: is his page there?
    pub(super) async fn look_for_agent(&mut self) -> Option<CallInput> {
        self.look_at = None;
        if let Some(hand) = &self.hand {
            self.look_at = self.engine.lose_if_gone(hand.seat(), &self.call.visit).await;
        }
        None
    }

    pub(super) fn show_phase(&mut self, phase: CallPhase) {
        if let (Some(hand), CallPhase::Ringing) = (&mut self.hand, phase) {
            hand.show(CallStage::Ringing);
        }
    }

    /// What the agent and his line did, in its place beside what the line did.
    pub(super) fn write_agents_journal(&mut self) {
        if let Some(hand) = &mut self.hand {
            self.call.journal.extend(hand.take_journal());
            self.call.journal.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        }
    }
}
