//! Answers to what the far end asks inside a call.
//!
//! BYE, OPTIONS, INFO (keys), NOTIFY and MESSAGE are answered at once; re-INVITE and UPDATE with a body go to the engine as
//! [`CallEvent::Reoffer`]; REFER is refused, since a far end must not send our calls anywhere. What the text of a MESSAGE says is not read.

use super::api::{CallEvent, Reanswer};
use super::call::{CallControl, reason_values};
use super::machine::Input;
use super::outcome::q850_cause;
use super::request::{ALLOWED, Leg, tag_of};
use rsipstack::sip::prelude::*;
use rsipstack::sip::{Header, Method, Request, SipMessage, StatusCode};
use rsipstack::transaction::transaction::Transaction;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// The engine's time to answer a re-offer.
const REOFFER_LIMIT: Duration = Duration::from_secs(5);
/// Above the 32 s in which the stack repeats a 200 that is not acknowledged.
const ACK_LIMIT: Duration = Duration::from_secs(40);

pub struct InDialog {
    contact: Header,
    local_tag: String,
    control: CallControl,
    last_cseq: Option<u32>,
    /// A re-offer is being answered.
    busy: Arc<AtomicBool>,
}

impl InDialog {
    pub fn new(contact: Header, local_tag: String, control: CallControl) -> Self {
        Self { contact, local_tag, control, last_cseq: None, busy: Arc::default() }
    }

    /// Answers one request; what it means for the call comes back. `events` is `None` once the call is over.
    pub async fn answer(
        &mut self,
        mut transaction: Transaction,
        leg: Option<&Leg>,
        up: bool,
        events: Option<&mpsc::Sender<CallEvent>>,
    ) -> Vec<Input> {
        let request = transaction.original.clone();
        if let Some(refusal) = self.out_of_place(&request, leg) {
            reply(&mut transaction, refusal, vec![]).await;
            return vec![];
        }
        let allow = || Header::Allow(ALLOWED.to_string().into());
        match (request.method, events) {
            (Method::Bye, _) => {
                reply(&mut transaction, 200, vec![]).await;
                let reasons = reason_values(&request.headers);
                let cause = reasons.iter().find_map(|r| q850_cause(r));
                vec![Input::RemoteBye { cause, detail: reasons.into_iter().next() }]
            }
            (Method::Options, _) => {
                reply(&mut transaction, 200, vec![allow(), Header::Accept("application/sdp".to_string().into())]).await;
                vec![]
            }
            (Method::Invite | Method::Update | Method::Info, None) => {
                reply_and_absorb(transaction, 481, ());
                vec![]
            }
            (Method::Update, Some(_)) if request.body.is_empty() => {
                reply(&mut transaction, 200, vec![self.contact.clone(), allow()]).await;
                vec![]
            }
            (Method::Invite | Method::Update, Some(events)) => self.reoffer(transaction, request, up, events),
            (Method::Info, Some(events)) => info(transaction, &request, events).await,
            (Method::Notify | Method::Message, _) => {
                reply(&mut transaction, 200, vec![]).await;
                vec![]
            }
            (Method::Refer, _) => {
                tracing::warn!(call.method = "REFER", "the far end wanted to transfer our call and was refused");
                reply(&mut transaction, 603, vec![]).await;
                vec![]
            }
            (Method::Ack | Method::Cancel, _) => vec![],
            (Method::PRack, _) => {
                reply(&mut transaction, 481, vec![]).await;
                vec![]
            }
            (Method::Publish | Method::Register | Method::Subscribe, _) => {
                reply(&mut transaction, 405, vec![allow()]).await;
                vec![]
            }
        }
    }

    /// The status for a request that does not belong to this dialog or comes too late.
    fn out_of_place(&mut self, request: &Request, leg: Option<&Leg>) -> Option<u16> {
        let tag = |value: Result<String, _>| value.ok().and_then(|v: String| tag_of(&v).map(str::to_string));
        let to = tag(request.to_header().map(|h| h.value().to_string()));
        let from = tag(request.from_header().map(|h| h.value().to_string()));
        if to.as_deref() != Some(self.local_tag.as_str()) || leg.is_some_and(|l| from.as_deref() != Some(&l.remote_tag))
        {
            return Some(481);
        }
        let cseq = request.cseq_header().and_then(|c| c.seq()).ok()?;
        if self.last_cseq.is_some_and(|last| cseq < last) {
            return Some(500);
        }
        self.last_cseq = Some(cseq);
        None
    }

    fn reoffer(
        &self,
        transaction: Transaction,
        request: Request,
        up: bool,
        events: &mpsc::Sender<CallEvent>,
    ) -> Vec<Input> {
        if !up || self.busy.swap(true, Ordering::AcqRel) {
            reply_and_absorb(transaction, 491, ());
            return vec![];
        }
        let (answer, answered) = oneshot::channel();
        let offerless = request.body.is_empty();
        if events.try_send(CallEvent::Reoffer { sdp: request.body, reply: answer }).is_err() {
            reply_and_absorb(transaction, 500, ());
            return vec![Input::HangUp { why: "nobody reads the events of the call".into() }];
        }
        let reoffer = Reoffer {
            contact: self.contact.clone(),
            control: self.control.clone(),
            busy: self.busy.clone(),
            // Weak: nothing may be told after the end.
            events: events.downgrade(),
            offerless,
        };
        tokio::spawn(reoffer.carry_out(transaction, answered));
        vec![]
    }
}

struct Reoffer {
    contact: Header,
    control: CallControl,
    busy: Arc<AtomicBool>,
    events: mpsc::WeakSender<CallEvent>,
    offerless: bool,
}

impl Reoffer {
    async fn carry_out(self, mut transaction: Transaction, answered: oneshot::Receiver<Reanswer>) {
        let invite = transaction.original.method == Method::Invite;
        if invite && let Err(error) = transaction.send_trying().await {
            tracing::warn!(%error, "a 100 could not be sent");
        }
        let accepted = match timeout(REOFFER_LIMIT, answered).await {
            Ok(Ok(Reanswer::Accept(sdp))) => {
                let headers = vec![
                    self.contact.clone(),
                    Header::Allow(ALLOWED.to_string().into()),
                    Header::ContentType("application/sdp".to_string().into()),
                ];
                let sent = transaction.reply_with(StatusCode::OK, headers, Some(sdp)).await;
                if let Err(error) = &sent {
                    tracing::warn!(%error, "the answer to a new offer could not be sent");
                }
                sent.is_ok()
            }
            Ok(Ok(Reanswer::Refuse(status))) => {
                reply(&mut transaction, status.clamp(300, 699), vec![]).await;
                false
            }
            Ok(Err(_)) | Err(_) => {
                reply(&mut transaction, 488, vec![]).await;
                false
            }
        };
        self.busy.store(false, Ordering::Release);
        if invite {
            self.await_ack(transaction, accepted).await;
        }
    }

    async fn await_ack(self, mut transaction: Transaction, accepted: bool) {
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
                let event = CallEvent::ReofferAnswer { sdp: ack.body };
                if self.events.upgrade().is_some_and(|e| e.try_send(event).is_err()) {
                    self.control.hang_up("nobody reads the events of the call");
                }
            }
            None if accepted => self.control.hang_up("our answer to a new offer was never acknowledged"),
            Some(_) | None => {}
        }
    }
}

async fn info(mut transaction: Transaction, request: &Request, events: &mpsc::Sender<CallEvent>) -> Vec<Input> {
    let kind = content_type(request);
    match key_of(&kind, &request.body) {
        Some(key) => {
            reply(&mut transaction, 200, vec![]).await;
            if events.try_send(CallEvent::Key(key)).is_err() {
                return vec![Input::HangUp { why: "nobody reads the events of the call".into() }];
            }
        }
        None if request.body.is_empty() => reply(&mut transaction, 200, vec![]).await,
        None => {
            let accept = Header::Accept("application/dtmf-relay, application/dtmf".to_string().into());
            reply(&mut transaction, 415, vec![accept]).await;
        }
    }
    vec![]
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
pub fn reply_and_absorb<T: Send + 'static>(mut transaction: Transaction, status: u16, held: T) {
    tokio::spawn(async move {
        reply(&mut transaction, status, vec![]).await;
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
