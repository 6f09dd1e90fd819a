//! Answers to what the far end asks inside a call.
//!
//! BYE, OPTIONS, INFO (keys), NOTIFY and MESSAGE are answered at once; re-INVITE and UPDATE with SDP go to the engine as
//! [`CallEvent::Reoffer`]; REFER is refused, since a far end must not send our calls anywhere, and a Replaces header is not read. What the
//! text of a MESSAGE says is not read. Before the answer every phone that rings may ask; after it only the one that answered.
//! A BYE is believed whatever else is wrong with it: who wants to go is gone.

use super::api::{CallEvent, Reanswer};
use super::body::sdp_of;
use super::call::CallControl;
use super::dial::{Dial, reason_values};
use super::machine::Input;
use super::outcome::q850_cause;
use super::reliable;
use super::request::{ALLOWED, Leg, contact_of, supported, tag_of};
use super::session_timer::{self, Reply, Terms};
use rsipstack::sip::prelude::*;
use rsipstack::sip::{Header, Method, Request, SipMessage, StatusCode, Uri};
use rsipstack::transaction::transaction::Transaction;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// The engine's time to answer a re-offer.
const REOFFER_LIMIT: Duration = Duration::from_secs(5);
/// Above the 32 s in which the stack repeats a 200 that is not acknowledged.
const ACK_LIMIT: Duration = Duration::from_secs(40);
/// Far ends of one call whose CSeq is remembered.
const PEERS_MAX: usize = 16;
/// A second re-INVITE too soon may come again after at most so many seconds (RFC 3261 §14.2).
const RETRY_S: u64 = 10;

/// What a request of the far end changed, once we had accepted it.
#[derive(Debug)]
pub struct Settled {
    /// Its new Contact.
    pub target: Option<Uri>,
    /// Our SDP that is now in force.
    pub sdp: Option<Vec<u8>>,
    pub session: Option<Terms>,
}

/// The call as a request finds it.
pub struct Moment<'a> {
    pub dial: &'a Dial,
    pub up: bool,
    /// `None` once the call is over.
    pub events: Option<&'a mpsc::Sender<CallEvent>>,
}

/// A BYE that came before its 200.
struct EarlyBye {
    tag: String,
    cause: Option<u16>,
    detail: Option<String>,
}

pub struct InDialog {
    contact: Header,
    local_tag: String,
    control: CallControl,
    settled: mpsc::Sender<Settled>,
    /// The last CSeq of each far end, by its tag.
    cseqs: HashMap<String, u32>,
    early_byes: Vec<EarlyBye>,
    /// An offer of theirs is being answered.
    theirs: Arc<AtomicBool>,
    /// A re-INVITE of ours is out.
    pub ours: bool,
}

impl InDialog {
    pub fn new(contact: Header, local_tag: String, control: CallControl, settled: mpsc::Sender<Settled>) -> Self {
        Self {
            contact,
            local_tag,
            control,
            settled,
            cseqs: HashMap::new(),
            early_byes: vec![],
            theirs: Arc::default(),
            ours: false,
        }
    }

    /// An offer of theirs is being answered: none of ours may leave.
    pub fn is_busy(&self) -> bool {
        self.theirs.load(Ordering::Acquire)
    }

    /// The BYE of this phone, if it overtook its 200.
    pub fn early_bye(&mut self, leg: &Leg) -> Option<Input> {
        let at = self.early_byes.iter().position(|bye| leg.is_from(&bye.tag))?;
        let EarlyBye { cause, detail, .. } = self.early_byes.swap_remove(at);
        Some(Input::RemoteBye { cause, detail })
    }

    /// Answers one request; what it means for the call comes back.
    pub async fn answer(&mut self, mut transaction: Transaction, now: Moment<'_>) -> Option<Input> {
        let request = transaction.original.clone();
        let from = tag(request.from_header().map(|h| h.value().to_string())).unwrap_or_default();
        if let Some((status, headers)) = self.out_of_place(&request, &from, now.dial.leg.as_ref()) {
            refuse(transaction, status, headers);
            return None;
        }
        let allow = || Header::Allow(ALLOWED.to_string().into());
        match (request.method, now.events) {
            (Method::Bye, _) => {
                reply(&mut transaction, 200, vec![]).await;
                return self.bye(&request, from, now.dial.leg.is_some());
            }
            (Method::Options, _) => {
                let accept = Header::Accept("application/sdp".to_string().into());
                reply(&mut transaction, 200, vec![allow(), accept, supported(now.dial.session.is_on())]).await;
            }
            (Method::Invite | Method::Update | Method::Info, None) => refuse(transaction, 481, vec![]),
            (Method::Invite | Method::Update, Some(events)) => {
                return self.modify(transaction, &request, &from, &now, events).await;
            }
            (Method::Info, Some(events)) => return info(transaction, &request, events).await,
            (Method::Notify | Method::Message, _) => reply(&mut transaction, 200, vec![]).await,
            (Method::Refer, _) => {
                tracing::warn!(call.method = "REFER", "the far end wanted to transfer our call and was refused");
                reply(&mut transaction, 603, vec![]).await;
            }
            (Method::Ack | Method::Cancel, _) => {}
            (Method::PRack, _) => reply(&mut transaction, 481, vec![]).await,
            (Method::Publish | Method::Register | Method::Subscribe, _) => {
                reply(&mut transaction, 405, vec![allow()]).await;
            }
        }
        None
    }

    /// The refusal of a request that does not belong to this dialog, comes too late, or asks for what we do not know.
    fn out_of_place(&mut self, request: &Request, from: &str, leg: Option<&Leg>) -> Option<(u16, Vec<Header>)> {
        let to = tag(request.to_header().map(|h| h.value().to_string()));
        if to.as_deref() != Some(self.local_tag.as_str()) || leg.is_some_and(|l| !l.is_from(from)) {
            return Some((481, vec![]));
        }
        if request.method == Method::Bye {
            return None;
        }
        let unknown = unknown_options(request);
        if !unknown.is_empty() {
            return Some((420, vec![Header::Unsupported(unknown.into())]));
        }
        let cseq = request.cseq_header().and_then(|c| c.seq()).ok()?;
        let last = self.cseqs.get(from).copied();
        if last.is_some_and(|last| cseq < last) {
            return Some((500, vec![]));
        }
        if last.is_some() || self.cseqs.len() < PEERS_MAX {
            self.cseqs.insert(from.to_string(), cseq);
        }
        None
    }

    fn bye(&mut self, request: &Request, tag: String, answered: bool) -> Option<Input> {
        let reasons = reason_values(&request.headers);
        let cause = reasons.iter().find_map(|r| q850_cause(r));
        let detail = reasons.into_iter().next();
        if answered {
            return Some(Input::RemoteBye { cause, detail });
        }
        if self.early_byes.len() < PEERS_MAX {
            self.early_byes.push(EarlyBye { tag, cause, detail });
        }
        None
    }

    /// A re-INVITE or UPDATE: a new offer, a request for ours, or a mere refresh of the session.
    async fn modify(
        &mut self,
        mut transaction: Transaction,
        request: &Request,
        from: &str,
        now: &Moment<'_>,
        events: &mpsc::Sender<CallEvent>,
    ) -> Option<Input> {
        let (timer, session) = match now.dial.session.reply_to(&request.headers) {
            Reply::Accept { headers, terms } => (headers, terms),
            Reply::TooSmall => {
                refuse(transaction, 422, vec![now.dial.session.min_se()]);
                return None;
            }
        };
        let mut headers = vec![self.contact.clone(), Header::Allow(ALLOWED.to_string().into())];
        headers.push(supported(now.dial.session.is_on()));
        headers.extend(timer);
        let sdp = sdp_of(&request.headers, &request.body);
        let settled = Settled { target: contact_of(&request.headers), sdp: None, session };
        if request.method == Method::Update && sdp.is_empty() {
            reply(&mut transaction, 200, headers).await;
            self.settle(settled);
            return None;
        }
        let early = request.method == Method::Update && now.dial.leg.is_none() && now.dial.forks.may_offer(from);
        if self.ours || !(now.up || early) {
            refuse(transaction, 491, vec![]);
            return None;
        }
        if self.theirs.swap(true, Ordering::AcqRel) {
            let wait = rand::random_range(0..=RETRY_S).to_string();
            refuse(transaction, 500, vec![Header::RetryAfter(wait.into())]);
            return None;
        }
        let (answer, answered) = oneshot::channel();
        let offerless = sdp.is_empty();
        if events.try_send(CallEvent::Reoffer { sdp, reply: answer }).is_err() {
            refuse(transaction, 500, vec![]);
            return Some(deaf());
        }
        let reoffer = Reoffer {
            headers,
            control: self.control.clone(),
            busy: self.theirs.clone(),
            // Weak: nothing may be told after the end.
            events: events.downgrade(),
            settled: self.settled.clone(),
            change: settled,
            offerless,
        };
        tokio::spawn(reoffer.carry_out(transaction, answered));
        None
    }

    fn settle(&self, change: Settled) {
        tell_settled(&self.settled, change);
    }
}

fn tag(header: Result<String, rsipstack::sip::Error>) -> Option<String> {
    header.ok().and_then(|value| tag_of(&value).map(str::to_string))
}

/// The options in Require that we do not know.
fn unknown_options(request: &Request) -> String {
    let required = request.headers.iter().filter_map(|h| match h {
        Header::Require(v) => Some(v.value()),
        _ => None,
    });
    let known = [reliable::OPTION, session_timer::OPTION];
    let unknown = required
        .flat_map(|v| v.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty() && !known.iter().any(|k| k.eq_ignore_ascii_case(tag)));
    unknown.collect::<Vec<_>>().join(", ")
}

fn deaf() -> Input {
    Input::HangUp { why: "nobody reads the events of the call".into() }
}

fn tell_settled(to: &mpsc::Sender<Settled>, change: Settled) {
    if to.try_send(change).is_err() {
        tracing::debug!("a change of a session came after the call");
    }
}

struct Reoffer {
    headers: Vec<Header>,
    control: CallControl,
    busy: Arc<AtomicBool>,
    events: mpsc::WeakSender<CallEvent>,
    settled: mpsc::Sender<Settled>,
    change: Settled,
    offerless: bool,
}

impl Reoffer {
    async fn carry_out(mut self, mut transaction: Transaction, answered: oneshot::Receiver<Reanswer>) {
        let invite = transaction.original.method == Method::Invite;
        if invite && let Err(error) = transaction.send_trying().await {
            tracing::warn!(%error, "a 100 could not be sent");
        }
        let accepted = match timeout(REOFFER_LIMIT, answered).await {
            Ok(Ok(Reanswer::Accept(sdp))) => self.accept(&mut transaction, sdp).await,
            Ok(Ok(Reanswer::Refuse(status))) => {
                reply(&mut transaction, status.clamp(300, 699), vec![]).await;
                false
            }
            Ok(Err(_)) | Err(_) => {
                reply(&mut transaction, 488, vec![]).await;
                false
            }
        };
        // An offer of ours that waits for its answer in the ACK keeps the session busy until then.
        let waits = accepted && invite && self.offerless;
        if !waits {
            self.busy.store(false, Ordering::Release);
        }
        if invite {
            self.await_ack(transaction, accepted).await;
        }
        if waits {
            self.busy.store(false, Ordering::Release);
        }
    }

    async fn accept(&mut self, transaction: &mut Transaction, sdp: Vec<u8>) -> bool {
        let mut headers = std::mem::take(&mut self.headers);
        headers.push(Header::ContentType("application/sdp".to_string().into()));
        if let Err(error) = transaction.reply_with(StatusCode::OK, headers, Some(sdp.clone())).await {
            tracing::warn!(%error, "the answer to a new offer could not be sent");
            return false;
        }
        let Settled { target, session, .. } = &mut self.change;
        tell_settled(&self.settled, Settled { target: target.take(), sdp: Some(sdp), session: *session });
        true
    }

    async fn await_ack(&self, mut transaction: Transaction, accepted: bool) {
        let ack = timeout(ACK_LIMIT, async {
            while let Some(message) = transaction.receive().await {
                if let SipMessage::Request(request) = message
                    && request.method == Method::Ack
                {
                    return Some(request);
                }
            }
            None
        });
        match ack.await.ok().flatten() {
            Some(ack) if accepted && self.offerless => {
                let event = CallEvent::ReofferAnswer { sdp: sdp_of(&ack.headers, &ack.body) };
                if self.events.upgrade().is_some_and(|e| e.try_send(event).is_err()) {
                    self.control.hang_up("nobody reads the events of the call");
                }
            }
            None if accepted => self.control.hang_up("our answer to a new offer was never acknowledged"),
            Some(_) | None => {}
        }
    }
}

async fn info(mut transaction: Transaction, request: &Request, events: &mpsc::Sender<CallEvent>) -> Option<Input> {
    let kind = content_type(request);
    match key_of(&kind, &request.body) {
        Some(key) => {
            reply(&mut transaction, 200, vec![]).await;
            if events.try_send(CallEvent::Key(key)).is_err() {
                return Some(deaf());
            }
        }
        None if request.body.is_empty() => reply(&mut transaction, 200, vec![]).await,
        None => {
            let accept = Header::Accept("application/dtmf-relay, application/dtmf".to_string().into());
            reply(&mut transaction, 415, vec![accept]).await;
        }
    }
    None
}

fn content_type(request: &Request) -> String {
    let value = request.headers.iter().find_map(|h| match h {
        Header::ContentType(v) => Some(v.value().split(';').next().unwrap_or("").trim().to_ascii_lowercase()),
        _ => None,
    });
    value.unwrap_or_default()
}

/// The key in an INFO body of type `application/dtmf-relay` (`Signal=5`) or `application/dtmf` (`5`).
fn key_of(content_type: &str, body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let signal = match content_type {
        "application/dtmf-relay" => text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        })?,
        "application/dtmf" => text.trim(),
        _ => return None,
    };
    match signal {
        "10" => Some('*'),
        "11" => Some('#'),
        "12" => Some('A'),
        "13" => Some('B'),
        "14" => Some('C'),
        "15" => Some('D'),
        _ => {
            let mut chars = signal.chars();
            let key = chars.next()?.to_ascii_uppercase();
            (chars.next().is_none() && "0123456789*#ABCD".contains(key)).then_some(key)
        }
    }
}

/// A reply that is worth no more than a line in the log when it fails: the far end repeats its request or gives up.
pub async fn reply(transaction: &mut Transaction, status: u16, headers: Vec<Header>) {
    if let Err(error) = transaction.reply_with(StatusCode::from(status), headers, None).await {
        tracing::warn!(sip.status = status, %error, "a reply could not be sent");
    }
}

/// Refuses in a task of its own; `held` is kept until all is said.
pub fn reply_and_absorb<T: Send + 'static>(transaction: Transaction, status: u16, held: T) {
    refuse_holding(transaction, status, vec![], held);
}

fn refuse(transaction: Transaction, status: u16, headers: Vec<Header>) {
    refuse_holding(transaction, status, headers, ());
}

fn refuse_holding<T: Send + 'static>(mut transaction: Transaction, status: u16, headers: Vec<Header>, held: T) {
    tokio::spawn(async move {
        reply(&mut transaction, status, headers).await;
        if transaction.original.method == Method::Invite {
            // Stays until the refusal of an INVITE is acknowledged.
            let absorbed = timeout(ACK_LIMIT, async { while transaction.receive().await.is_some() {} }).await;
            if absorbed.is_err() {
                tracing::debug!(sip.status = status, "a refusal was never acknowledged");
            }
        }
        drop(held);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_both_kinds_of_info() {
        for (kind, body, expected) in [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some('5')),
            ("application/dtmf-relay", "Signal= *\nDuration= 100", Some('*')),
            ("application/dtmf-relay", "signal=11", Some('#')),
            ("application/dtmf-relay", "Duration=160", None),
            ("application/dtmf", "7", Some('7')),
            ("application/dtmf", "#\r\n", Some('#')),
            ("application/dtmf", "d", Some('D')),
            ("application/dtmf", "55", None),
            ("application/dtmf", "", None),
            ("application/sdp", "5", None),
        ] {
            assert_eq!(key_of(kind, body.as_bytes()), expected, "{kind} {body:?}");
        }
        assert_eq!(key_of("application/dtmf", b"\xff"), None);
    }
}
