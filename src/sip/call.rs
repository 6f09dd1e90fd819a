//! One call out: carries the pure machine's actions to the stack and the stack's messages to the machine.
//!
//! Contract: the receiver of events gets exactly one [`CallEvent::Ended`], last, even if this task is dropped; the trunk's slot is
//! free from that moment. Nothing here waits on the receiver: one that does not read, or is dropped, ends the call.
//! Media is not looked at.

use super::api::{CallEnd, CallEvent};
use super::callee::Callee;
use super::dial::{Dial, Step};
use super::indialog::{InDialog, Moment, Settled};
use super::invite::{Sender, Wire};
use super::machine::{Action, End, Input, Machine};
use super::request::{Leg, Sequence, contact_of};
use super::session_timer::{self, Due};
use super::stack::Core;
use super::transact::TransactError;
use super::trunk::TrunkPick;
use crate::clock::{Clock, monotonic};
use crate::domain::call::outcome::{Fault, Outcome, Party};
use rsipstack::sip::{Method, Request, Response};
use rsipstack::transaction::transaction::Transaction;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Events that may wait for the receiver; beyond it the receiver is taken for dead.
pub const EVENTS_MAX: usize = 64;
/// Ways that are tried for one INVITE after the first.
const DETOURS_MAX: u32 = 2;
const CHANGES_MAX: usize = 16;
/// After our BYE the call still answers what crosses it, until the BYE is answered or for so long.
const LINGER: Duration = Duration::from_secs(5);
/// RFC 3261 §14.1, for the owner of the Call-ID: how long a refresh that met one of theirs waits.
const GLARE_MS: std::ops::RangeInclusive<u64> = 2100..=4000;

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
        let (at, at_mono) = (self.clock.now(), monotonic());
        let End { answered, outcome, by, status, detail, fault, retry_after } = end;
        if let Some(permit) = self.last.take() {
            permit.send(CallEvent::Ended(CallEnd {
                at,
                at_mono,
                answered,
                outcome,
                by,
                status,
                detail,
                fault,
                retry_after,
            }));
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
                retry_after: None,
            });
        }
    }
}

/// What a call begins with.
pub struct Start {
    pub core: Arc<Core>,
    pub callee: Callee,
    /// The slot of its trunk, where it takes one.
    pub pick: Option<TrunkPick>,
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
    let Start { core, callee, pick, id, call_id, sdp, mut events, control, mut orders, mut inbox } = start;
    let dial = match prepare(&core, &callee, pick.as_ref(), &call_id, sdp.clone()).await {
        Ok(dial) => dial,
        Err(detail) => {
            tracing::warn!(call.id = %id, trunk.name = callee.trunk_name(), call.to = %callee, %detail, "there is no way to the far end");
            let end = unreachable(detail);
            if let Some(pick) = pick {
                pick.ended(&end);
            }
            events.end(end);
            return;
        }
    };
    let mut line = dial.sender.flow.line.lost();
    let contact_user = callee.invitation(&dial.sender.flow.public).contact_user;
    let contact = dial.sender.flow.contact(&contact_user);
    tracing::info!(call.id = %id, trunk.name = callee.trunk_name(), call.to = %callee, "an invite is sent");
    let (settled, mut changes) = mpsc::channel(CHANGES_MAX);
    let (machine, first) = Machine::new(callee.limits(core.endpoint.option.t1x64));
    let in_dialog = InDialog::new(contact, dial.local_tag(), control, settled);
    let mut call = Call {
        id,
        events,
        callee,
        contact_user,
        pick,
        core,
        wire: Some(dial.sender.invite(&dial.invite)),
        dial,
        machine,
        sent_told: false,
        hung_up: false,
        deadline: None,
        our_sdp: sdp,
        in_dialog,
        refresh: JoinSet::new(),
        byes: JoinSet::new(),
        linger: None,
        detours: 0,
    };
    call.perform(first);
    let mut line_seen = false;
    while !call.is_done() {
        tokio::select! {
            biased;
            why = hang_up_order(&mut orders), if !call.hung_up => call.hang_up(why),
            _ = call.core.closing.cancelled(), if !call.hung_up => call.hang_up("the engine is stopping".into()),
            Some(request) = inbox.recv() => call.on_request(request).await,
            message = next(&mut call.wire) => call.on_wire(message),
            Some(change) = changes.recv() => call.on_change(change),
            Some(answer) = call.refresh.join_next() => call.on_refreshed(answer.ok()),
            Some(_) = call.byes.join_next() => {}
            () = at(call.deadline) => {
                call.deadline = None;
                call.input(Input::Deadline);
            }
            () = at(call.dial.session.deadline()), if call.machine.is_up() => call.on_session_deadline(),
            () = at(call.linger) => break,
            () = line.cancelled(), if !line_seen => {
                if call.take_another_way().await {
                    line = call.dial.sender.flow.line.lost();
                } else {
                    line_seen = true;
                    call.input(Input::LineLost);
                }
            }
            () = closed(call.events.sender.as_ref()), if !call.hung_up && !call.machine.is_over() => {
                call.hang_up("nobody listens to the call".into());
            }
        }
    }
    call.leave(inbox).await;
}

async fn prepare(
    core: &Core,
    callee: &Callee,
    pick: Option<&TrunkPick>,
    call_id: &str,
    offer: Vec<u8>,
) -> Result<Dial, String> {
    let flow = callee.flow(core).await?;
    let sender = Sender { flow, credentials: callee.credentials(), sequence: Sequence::after(0) };
    if let Some(pick) = pick {
        pick.departure().await;
    }
    Dial::new(sender, callee.clone(), call_id, offer).map_err(|e| format!("the invite cannot be built: {e}"))
}

fn unreachable(detail: String) -> End {
    End {
        answered: false,
        outcome: Some(Outcome::TrunkFailure),
        by: Some(Party::Network),
        status: None,
        detail: Some(detail),
        fault: Some(Fault::Trunk),
        retry_after: None,
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

/// The next report of the INVITE; when its transaction has ended, `None` once and then silence.
async fn next(wire: &mut Option<mpsc::Receiver<Wire>>) -> Option<Wire> {
    match wire {
        None => std::future::pending().await,
        Some(receiver) => {
            let message = receiver.recv().await;
            if message.is_none() {
                *wire = None;
            }
            message
        }
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

struct Call {
    core: Arc<Core>,
    id: String,
    callee: Callee,
    contact_user: String,
    events: Events,
    /// `None` once the slot is free.
    pick: Option<TrunkPick>,
    machine: Machine,
    dial: Dial,
    wire: Option<mpsc::Receiver<Wire>>,
    in_dialog: InDialog,
    /// Our SDP that is in force: what a re-INVITE that only refreshes repeats.
    our_sdp: Vec<u8>,
    sent_told: bool,
    hung_up: bool,
    deadline: Option<Instant>,
    /// At most one refresh is out.
    refresh: JoinSet<(Method, Result<Response, TransactError>)>,
    byes: JoinSet<()>,
    /// Set once only the answers to our BYEs are waited for.
    linger: Option<Instant>,
    /// Other ways that the INVITE has taken.
    detours: u32,
}

impl Call {
    fn is_done(&mut self) -> bool {
        if !(self.machine.is_over() && self.dial.is_final) {
            return false;
        }
        if self.linger.is_none() {
            self.linger = monotonic().checked_add(LINGER);
        }
        self.byes.is_empty()
    }

    /// Answers what is still in the queues: whoever asks after this finds no call.
    async fn leave(mut self, mut inbox: mpsc::Receiver<Transaction>) {
        if let Some(mut wire) = self.wire.take() {
            wire.close();
            while let Some(message) = wire.recv().await {
                self.on_wire(Some(message));
            }
        }
        inbox.close();
        while let Some(request) = inbox.recv().await {
            self.on_request(request).await;
        }
        self.byes.detach_all();
    }

    fn input(&mut self, input: Input) {
        let actions = self.machine.on(input);
        if !self.perform(actions) && !self.hung_up {
            self.hang_up("nobody reads the events of the call".into());
        }
    }

    fn hang_up(&mut self, why: String) {
        self.hung_up = true;
        self.input(Input::HangUp { why });
    }

    async fn on_request(&mut self, request: Transaction) {
        let now = Moment { dial: &self.dial, up: self.machine.is_up(), events: self.events.sender.as_ref() };
        if let Some(input) = self.in_dialog.answer(request, now).await {
            self.input(input);
        }
    }

    fn on_wire(&mut self, message: Option<Wire>) {
        match message {
            Some(Wire::Response(response)) => self.on_response(*response),
            Some(Wire::Sent) => self.on_sent(),
            Some(Wire::Failed(detail)) => {
                self.dial.is_final = true;
                self.input(Input::Broken { detail });
            }
            None => {
                self.dial.is_final = true;
                self.input(Input::NoResponse);
            }
        }
    }

    /// The line is lost before anything came back: a connection that had just been closed, or an address where nobody listens. True:
    /// the INVITE is on its way over a new connection or to the trunk's next address.
    async fn take_another_way(&mut self) -> bool {
        if self.hung_up || !self.machine.is_unheard() || self.detours >= DETOURS_MAX {
            return false;
        }
        self.detours += 1;
        let Ok(flow) = self.callee.flow(&self.core).await else { return false };
        if !flow.line.is_another_than(&self.dial.sender.flow.line) {
            return false;
        }
        let Ok(again) = flow.elsewhere(&self.contact_user, &self.dial.invite) else { return false };
        tracing::warn!(call.id = %self.id, trunk.name = self.callee.trunk_name(), "the invite was lost on its way and is sent again");
        (self.dial.sender.flow, self.dial.invite) = (flow, again);
        self.wire = Some(self.dial.sender.invite(&self.dial.invite));
        true
    }

    fn on_sent(&mut self) {
        if !std::mem::replace(&mut self.sent_told, true) {
            let at = self.core.clock.now();
            if !self.events.tell(CallEvent::InviteSent { at }) {
                self.hang_up("nobody reads the events of the call".into());
            }
        }
    }

    fn on_response(&mut self, response: Response) {
        for step in self.dial.on_response(response, self.machine.is_setting_up(), monotonic()) {
            match step {
                Step::Tell(input) => {
                    let answered = matches!(input, Input::Answered { .. });
                    self.input(input);
                    if let Some(bye) =
                        self.dial.leg.as_ref().filter(|_| answered).and_then(|l| self.in_dialog.early_bye(l))
                    {
                        self.input(bye);
                    }
                }
                Step::Resend => self.wire = Some(self.dial.sender.invite(&self.dial.invite)),
                Step::Prack(request) => self.send(request, "prack"),
                Step::HangUp(leg) => self.send_bye(leg),
            }
        }
    }

    fn on_change(&mut self, change: Settled) {
        let Settled { target, sdp, session } = change;
        self.retarget(target);
        if let Some(sdp) = sdp {
            self.our_sdp = sdp;
        }
        self.dial.session.settle(session, monotonic());
    }

    /// Where requests to the far end go from now on (RFC 3261 §12.2.1.2); its routes stay.
    fn retarget(&mut self, target: Option<rsipstack::sip::Uri>) {
        if let (Some(leg), Some(target)) = (&mut self.dial.leg, target) {
            leg.target = target;
        }
    }

    fn on_session_deadline(&mut self) {
        match self.dial.session.on_deadline(monotonic()) {
            Some(Due::Refresh) => self.send_refresh(),
            Some(Due::Expired) => {
                self.input(Input::SessionLost { detail: "the far end let the session run out".into() });
            }
            None => {}
        }
    }

    fn send_refresh(&mut self) {
        if self.in_dialog.is_busy() {
            return self.put_refresh_off();
        }
        let Some(leg) = self.dial.leg.as_ref().filter(|_| self.refresh.is_empty()) else { return };
        let sdp = (!self.dial.takes_update).then(|| self.our_sdp.clone());
        let sender = self.dial.sender.clone();
        let timer = self.dial.session.offer();
        match sender.flow.refresh(leg, sender.sequence.next(), &self.contact_user, timer, sdp) {
            Ok(request) => {
                let method = request.method;
                self.in_dialog.ours = method == Method::Invite;
                self.refresh.spawn(async move { (method, sender.exchange(request).await) });
            }
            Err(error) => tracing::error!(call.id = %self.id, %error, "a refresh cannot be built"),
        }
    }

    fn put_refresh_off(&mut self) {
        let wait = Duration::from_millis(rand::random_range(GLARE_MS));
        self.dial.session.put_off(monotonic(), wait);
    }

    fn on_refreshed(&mut self, answer: Option<(Method, Result<Response, TransactError>)>) {
        self.in_dialog.ours = false;
        let Some((method, answer)) = answer else { return };
        let status = answer.as_ref().map_or(408, |response| response.status_code.code());
        match answer {
            Ok(response) if (200..300).contains(&status) => self.on_refresh_accepted(&response),
            Ok(_) if status == 491 => self.put_refresh_off(),
            Ok(_) if method == Method::Update && matches!(status, 405 | 501) => self.dial.takes_update = false,
            Ok(_) | Err(_) if session_timer::is_gone(status) => {
                let detail = format!("the far end does not know the call any more (refresh: {status})");
                self.input(Input::SessionLost { detail });
            }
            Ok(_) | Err(_) => tracing::warn!(call.id = %self.id, sip.status = status, "a refresh was refused"),
        }
    }

    fn on_refresh_accepted(&mut self, response: &Response) {
        self.dial.session.agreed(&response.headers, monotonic());
        self.retarget(contact_of(&response.headers));
        let sdp = super::body::sdp_of(&response.headers, &response.body);
        if !sdp.is_empty() && !self.events.tell(CallEvent::ReofferAnswer { sdp }) {
            self.hang_up("nobody reads the events of the call".into());
        }
    }

    /// False: an event could not be told.
    fn perform(&mut self, actions: Vec<Action>) -> bool {
        let mut told = true;
        for action in actions {
            let (at, at_mono) = (self.core.clock.now(), monotonic());
            told &= match action {
                Action::TellRinging { status } => {
                    tracing::info!(call.id = %self.id, sip.status = status, "the phone rings");
                    self.events.tell(CallEvent::Ringing { at, status })
                }
                Action::TellEarlyMedia { status } => {
                    tracing::info!(call.id = %self.id, sip.status = status, "sound comes before the answer");
                    let sdp = std::mem::take(&mut self.dial.sdp);
                    self.events.tell(CallEvent::EarlyMedia { at, status, sdp })
                }
                Action::TellAnswered => {
                    tracing::info!(call.id = %self.id, "the call is answered");
                    self.events.answered = true;
                    self.pick.iter().for_each(TrunkPick::answered);
                    let sdp = std::mem::take(&mut self.dial.sdp);
                    self.events.tell(CallEvent::Answered { at, at_mono, sdp })
                }
                Action::SendCancel => {
                    self.send_cancel();
                    true
                }
                Action::SendBye => {
                    if let Some(leg) = self.dial.leg.clone() {
                        self.send_bye(leg);
                    }
                    true
                }
                Action::Abandon => {
                    // Its transaction goes on without us: see `invite`.
                    self.dial.is_final = true;
                    self.dial.sender.flow.line.was_silent();
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
            trunk.name = self.callee.trunk_name(),
            call.outcome = end.outcome.map_or("answered", Outcome::name),
            call.ended_by = ?end.by,
            sip.status = end.status,
            detail = end.detail.as_deref().unwrap_or(""),
            "the call is over"
        );
        self.deadline = None;
        // The slot first: who reads `Ended` may dial at once.
        if let Some(pick) = self.pick.take() {
            pick.ended(&end);
        }
        self.events.end(end);
    }

    fn send_cancel(&self) {
        match self.dial.cancel() {
            Ok(request) => self.send(request, "cancel"),
            Err(error) => tracing::error!(call.id = %self.id, %error, "a cancel cannot be built"),
        }
    }

    fn send_bye(&mut self, leg: Leg) {
        let (sender, id) = (self.dial.sender.clone(), self.id.clone());
        self.byes.spawn(self.core.tasks.track_future(async move { sender.hang_up(&leg, &id).await }));
    }

    /// Sends a request beside the call: it may take 32 seconds, and the call is over before.
    fn send(&self, request: Request, what: &'static str) {
        let (sender, id) = (self.dial.sender.clone(), self.id.clone());
        self.core.tasks.spawn(async move { sender.send(request, &id, what).await });
    }
}
