//! One call out: carries the pure machine's actions to the stack and the stack's messages to the machine.
//!
//! Contract: the receiver of events gets exactly one [`CallEvent::Ended`], last, even if this task is dropped; the trunk's slot is
//! free from that moment. Nothing here waits on the receiver: one that does not read, or is dropped, ends the call.
//! Media is not looked at.

use super::api::{CallEnd, CallEvent};
use super::digest::Credentials;
use super::indialog::InDialog;
use super::machine::{Action, End, Input, Machine};
use super::outcome::q850_cause;
use super::request::{Flow, Leg, cancel, challenges, tag_of};
use super::stack::Core;
use super::trunk::TrunkPick;
use super::{digest, transact};
use crate::clock::{Clock, monotonic};
use crate::domain::call::outcome::{Fault, Outcome, Party};
use crate::domain::phone::Phone;
use rsipstack::sip::prelude::*;
use rsipstack::sip::{Header, Request, Response, SipMessage};
use rsipstack::transaction::transaction::Transaction;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, watch};

/// Events that may wait for the receiver; beyond it the receiver is taken for dead.
pub const EVENTS_MAX: usize = 64;
const WIRE_MAX: usize = 16;
/// A server may call our nonce stale so often.
const STALE_MAX: u32 = 2;

/// The handle of a call: cheap to clone, never blocks.
#[derive(Clone)]
pub struct CallControl {
    why: Arc<watch::Sender<Option<String>>>,
}

impl CallControl {
    pub(super) fn new() -> (Self, watch::Receiver<Option<String>>) {
        let (why, orders) = watch::channel(None);
        (Self { why: Arc::new(why) }, orders)
    }

    /// CANCEL before the answer, BYE after; idempotent, never blocks. `why` becomes the detail of the end.
    pub fn hang_up(&self, why: &str) {
        self.why.send_if_modified(|order| {
            let first = order.is_none();
            if first {
                *order = Some(why.to_string());
            }
            first
        });
    }
}

/// What the INVITE transaction reports.
pub enum Wire {
    Sent,
    Response(Box<Response>),
    Failed(String),
}

/// The way to the engine. The place of the last event is reserved from the start.
pub struct Events {
    sender: Option<mpsc::Sender<CallEvent>>,
    last: Option<mpsc::OwnedPermit<CallEvent>>,
    clock: Arc<dyn Clock>,
    answered: bool,
}

impl Events {
    /// `None` when the channel has no room, which a fresh one always has.
    pub fn new(sender: mpsc::Sender<CallEvent>, clock: Arc<dyn Clock>) -> Option<Self> {
        let last = sender.clone().try_reserve_owned().ok()?;
        Some(Self { sender: Some(sender), last: Some(last), clock, answered: false })
    }

    /// False: nobody reads.
    fn tell(&self, event: CallEvent) -> bool {
        self.sender.as_ref().is_none_or(|s| s.try_send(event).is_ok())
    }

    fn end(&mut self, end: End) {
        self.sender = None;
        let at = self.clock.now();
        let End { answered, outcome, by, status, detail, fault } = end;
        if let Some(permit) = self.last.take() {
            permit.send(CallEvent::Ended(CallEnd { at, answered, outcome, by, status, detail, fault }));
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if self.last.is_some() {
            let answered = self.answered;
            self.end(End {
                answered,
                outcome: (!answered).then_some(Outcome::TrunkFailure),
                by: Some(Party::Us),
                status: None,
                detail: Some("the task of the call was stopped".into()),
                fault: Some(Fault::Us),
            });
        }
    }
}

/// What a call begins with.
pub struct Start {
    pub core: Arc<Core>,
    pub pick: TrunkPick,
    pub to: Phone,
    /// For logs.
    pub id: String,
    /// The Call-ID header.
    pub call_id: String,
    pub sdp: Vec<u8>,
    pub events: Events,
    pub control: CallControl,
    pub orders: watch::Receiver<Option<String>>,
    pub inbox: mpsc::Receiver<Transaction>,
}

/// Runs a call from its INVITE to its end. The registry entry is taken back by the caller.
pub async fn run(start: Start) {
    let Start { core, pick, to, id, call_id, sdp, mut events, control, mut orders, mut inbox } = start;
    let trunk = pick.trunk().clone();
    let flow = match core.flow(&trunk).await {
        Ok(flow) => flow,
        Err(detail) => {
            tracing::warn!(call.id = %id, trunk.name = %trunk.name, %detail, "the trunk cannot be reached");
            drop(pick);
            events.end(unreachable_trunk(detail));
            return;
        }
    };
    let invite = match flow.invite(&trunk, &to.as_dialled(), &call_id, sdp) {
        Ok(invite) => invite,
        Err(error) => {
            drop(pick);
            events.end(unreachable_trunk(format!("the invite cannot be built: {error}")));
            return;
        }
    };
    let (mut machine, first) = Machine::new(trunk.ring_timeout);
    let mut wire = send_invite(&flow, &invite);
    let line = flow.line.lost();
    let local_tag = invite.from_header().ok().and_then(|f| tag_of(f.value()).map(str::to_string)).unwrap_or_default();
    let in_dialog = InDialog::new(flow.contact(&trunk.caller), local_tag, control);
    let mut call = Call {
        id,
        events,
        pick: Some(pick),
        credentials: trunk.credentials.clone(),
        trunk_name: trunk.name.clone(),
        core,
        flow,
        invite,
        cseq: 1,
        leg: None,
        authenticated: false,
        stale: 0,
        sent_told: false,
        invite_final: false,
        deadline: None,
        body: vec![],
        in_dialog,
    };
    tracing::info!(call.id = %call.id, trunk.name = %call.trunk_name, call.to = %to, "an invite is sent");
    call.perform(first);
    let (mut hung_up, mut line_seen) = (false, false);
    while !(machine.is_over() && call.invite_final) {
        let input = tokio::select! {
            biased;
            why = hang_up_order(&mut orders), if !hung_up => {
                hung_up = true;
                vec![Input::HangUp { why }]
            }
            _ = call.core.closing.cancelled(), if !hung_up => {
                hung_up = true;
                vec![Input::HangUp { why: "the engine is stopping".into() }]
            }
            Some(request) = inbox.recv() => {
                call.in_dialog.answer(request, call.leg.as_ref(), machine.is_up(), call.events.sender.as_ref()).await
            }
            message = wire.recv() => match message {
                Some(Wire::Response(response)) => call.on_response(*response, &mut wire),
                Some(Wire::Sent) => call.on_sent(),
                Some(Wire::Failed(detail)) => {
                    call.invite_final = true;
                    vec![Input::Broken { detail }]
                }
                None => {
                    call.invite_final = true;
                    if machine.is_up() { wire = never() }
                    vec![Input::NoResponse]
                }
            },
            _ = at(call.deadline), if call.deadline.is_some() => {
                call.deadline = None;
                vec![Input::Deadline]
            }
            _ = line.cancelled(), if !line_seen => {
                line_seen = true;
                vec![Input::LineLost]
            }
            _ = closed(call.events.sender.as_ref()), if !hung_up && !machine.is_over() => {
                hung_up = true;
                vec![Input::HangUp { why: "nobody listens to the call".into() }]
            }
        };
        for input in input {
            let actions = machine.on(input);
            if !call.perform(actions) && !hung_up {
                hung_up = true;
                let actions = machine.on(Input::HangUp { why: "nobody reads the events of the call".into() });
                call.perform(actions);
            }
        }
    }
    inbox.close();
    while let Some(request) = inbox.recv().await {
        call.in_dialog.answer(request, call.leg.as_ref(), false, None).await;
    }
}

fn unreachable_trunk(detail: String) -> End {
    End {
        answered: false,
        outcome: Some(Outcome::TrunkFailure),
        by: Some(Party::Network),
        status: None,
        detail: Some(detail),
        fault: Some(Fault::Trunk),
    }
}

async fn hang_up_order(orders: &mut watch::Receiver<Option<String>>) -> String {
    let order = orders.wait_for(Option::is_some).await.map(|order| order.clone());
    match order {
        Ok(why) => why.unwrap_or_default(),
        // Every control is gone: no order will come any more.
        Err(_) => std::future::pending().await,
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

async fn closed(sender: Option<&mpsc::Sender<CallEvent>>) {
    match sender {
        Some(sender) => sender.closed().await,
        None => std::future::pending().await,
    }
}

/// A wire that is silent for ever: the INVITE's transaction has ended, the call goes on.
fn never() -> mpsc::Receiver<Wire> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move { sender.closed().await });
    receiver
}

/// Sends an INVITE and follows its transaction to its end (which for a 2xx includes 32 s of re-acknowledging), whoever listens.
fn send_invite(flow: &Flow, invite: &Request) -> mpsc::Receiver<Wire> {
    let (sender, receiver) = mpsc::channel(WIRE_MAX);
    let (line, request) = (flow.line.clone(), invite.clone());
    tokio::spawn(async move {
        let sent = match line.client(request).await {
            Ok(mut transaction) => transaction.send().await.map(|()| transaction).map_err(|e| e.to_string()),
            Err(error) => Err(error),
        };
        // A closed receiver means that the call is over: the transaction is still driven, its messages are nobody's.
        match sent {
            Err(error) => drop(sender.send(Wire::Failed(error)).await),
            Ok(mut transaction) => {
                drop(sender.send(Wire::Sent).await);
                while let Some(message) = transaction.receive().await {
                    if let SipMessage::Response(response) = message {
                        drop(sender.send(Wire::Response(Box::new(response))).await);
                    }
                }
            }
        }
    });
    receiver
}

struct Call {
    core: Arc<Core>,
    flow: Flow,
    id: String,
    trunk_name: String,
    events: Events,
    pick: Option<TrunkPick>,
    credentials: Option<Credentials>,
    invite: Request,
    cseq: u32,
    leg: Option<Leg>,
    authenticated: bool,
    stale: u32,
    sent_told: bool,
    /// The INVITE has its final response, or never will.
    invite_final: bool,
    deadline: Option<Instant>,
    /// Body of the response that the next event tells of.
    body: Vec<u8>,
    in_dialog: InDialog,
}

impl Call {
    fn on_sent(&mut self) -> Vec<Input> {
        if !std::mem::replace(&mut self.sent_told, true) {
            let at = self.core.clock.now();
            if !self.events.tell(CallEvent::InviteSent { at }) {
                return vec![Input::HangUp { why: "nobody reads the events of the call".into() }];
            }
        }
        vec![]
    }

    fn on_response(&mut self, response: Response, wire: &mut mpsc::Receiver<Wire>) -> Vec<Input> {
        let status = response.status_code.code();
        match status {
            100 => vec![Input::Trying],
            101..=199 => {
                self.body = response.body.clone();
                vec![Input::Provisional { status, sdp: !response.body.is_empty() }]
            }
            200..=299 => self.on_success(response),
            401 | 407 => match self.answer_challenge(&response) {
                Ok(again) => {
                    self.invite = again;
                    *wire = send_invite(&self.flow, &self.invite);
                    vec![Input::Trying]
                }
                Err(why) => self.on_refusal(&response, Some(why)),
            },
            // A 408 without a To tag was made by our own stack: nobody answered.
            408 if response.to_header().is_ok_and(|t| tag_of(t.value()).is_none()) => {
                self.invite_final = true;
                self.flow.line.was_silent();
                vec![Input::NoResponse]
            }
            _ => self.on_refusal(&response, None),
        }
    }

    fn on_success(&mut self, response: Response) -> Vec<Input> {
        self.invite_final = true;
        let leg = Leg::from_answer(&self.invite, &response);
        match &self.leg {
            None => {
                self.leg = Some(leg);
                self.body = response.body;
                vec![Input::Answered { status: response.status_code.code() }]
            }
            Some(known) if known.remote_tag == leg.remote_tag => vec![],
            Some(_) => {
                // Another phone behind a fork answered too: one conversation is enough (RFC 3261 §13.2.2.4).
                tracing::warn!(call.id = %self.id, "a second phone answered the same call and is hung up");
                self.send_bye(leg);
                vec![]
            }
        }
    }

    fn on_refusal(&mut self, response: &Response, why: Option<String>) -> Vec<Input> {
        self.invite_final = true;
        let reasons = reason_values(&response.headers);
        vec![Input::Refused {
            status: response.status_code.code(),
            cause: reasons.iter().find_map(|r| q850_cause(r)),
            authenticated: self.authenticated,
            detail: why.or_else(|| detail_of(response, &reasons)),
        }]
    }

    fn answer_challenge(&mut self, response: &Response) -> Result<Request, String> {
        let credentials = self.credentials.as_ref().ok_or("the trunk asks for a password and none is configured")?;
        if self.authenticated {
            if self.stale >= STALE_MAX || !digest::is_stale(&challenges(response)) {
                return Err("the trunk refused our username or password".into());
            }
            self.stale += 1;
        }
        self.authenticated = true;
        self.cseq += 1;
        self.flow.with_credentials(&self.invite, response, credentials, self.cseq).map_err(|e| e.to_string())
    }

    /// False: an event could not be told.
    fn perform(&mut self, actions: Vec<Action>) -> bool {
        let mut told = true;
        for action in actions {
            let at = self.core.clock.now();
            told &= match action {
                Action::TellRinging { status } => {
                    tracing::info!(call.id = %self.id, sip.status = status, "the phone rings");
                    self.events.tell(CallEvent::Ringing { at, status })
                }
                Action::TellEarlyMedia { status } => {
                    tracing::info!(call.id = %self.id, sip.status = status, "sound comes before the answer");
                    let sdp = self.body.clone();
                    self.events.tell(CallEvent::EarlyMedia { at, status, sdp })
                }
                Action::TellAnswered => {
                    tracing::info!(call.id = %self.id, "the call is answered");
                    self.events.answered = true;
                    let sdp = std::mem::take(&mut self.body);
                    self.events.tell(CallEvent::Answered { at, at_mono: monotonic(), sdp })
                }
                Action::SendCancel => {
                    self.send_cancel();
                    true
                }
                Action::SendBye => {
                    if let Some(leg) = self.leg.clone() {
                        self.send_bye(leg);
                    }
                    true
                }
                Action::Arm(after) => {
                    self.deadline = monotonic().checked_add(after);
                    true
                }
                Action::End(end) => {
                    self.end(end);
                    true
                }
            };
        }
        told
    }

    fn end(&mut self, end: End) {
        tracing::info!(
            call.id = %self.id,
            trunk.name = %self.trunk_name,
            call.outcome = end.outcome.map_or("answered", Outcome::name),
            call.ended_by = ?end.by,
            sip.status = end.status,
            detail = end.detail.as_deref().unwrap_or(""),
            "the call is over"
        );
        self.deadline = None;
        // The slot first: who reads `Ended` may dial at once.
        self.pick = None;
        self.events.end(end);
    }

    fn send_cancel(&self) {
        match cancel(&self.invite) {
            Ok(request) => self.spawn_transaction(request, "cancel"),
            Err(error) => tracing::error!(call.id = %self.id, %error, "a cancel cannot be built"),
        }
    }

    fn send_bye(&mut self, leg: Leg) {
        self.cseq += 1;
        match self.flow.bye(&leg, self.cseq) {
            Ok(request) => self.spawn_transaction(request, "bye"),
            Err(error) => tracing::error!(call.id = %self.id, %error, "a bye cannot be built"),
        }
    }

    /// Sends a request beside the call: it may take 32 seconds, and the call is over before.
    fn spawn_transaction(&self, request: Request, what: &'static str) {
        let (flow, credentials, id) = (self.flow.clone(), self.credentials.clone(), self.id.clone());
        self.core.tasks.spawn(async move {
            match transact::send(&flow, request, credentials.as_ref()).await {
                Ok(response) => {
                    tracing::debug!(call.id = %id, sip.status = response.status_code.code(), "the {what} is answered")
                }
                Err(error) => tracing::warn!(call.id = %id, %error, "the {what} got no answer"),
            }
        });
    }
}

pub fn reason_values(headers: &rsipstack::sip::Headers) -> Vec<String> {
    headers
        .iter()
        .filter_map(|h| match h {
            Header::Reason(value) => Some(value.value().to_string()),
            _ => None,
        })
        .collect()
}

/// Status line, then Reason and Warning as they came.
fn detail_of(response: &Response, reasons: &[String]) -> Option<String> {
    let phrase = response.wire_reason.clone().unwrap_or_else(|| response.status_code.text().to_string());
    let mut detail = format!("{} {phrase}", response.status_code.code());
    for reason in reasons {
        detail.push_str(&format!("; Reason: {reason}"));
    }
    for header in response.headers.iter() {
        if let Header::Warning(value) = header {
            detail.push_str(&format!("; Warning: {}", value.value()));
        }
    }
    detail.truncate(detail.char_indices().nth(300).map_or(detail.len(), |(at, _)| at));
    Some(detail)
}
