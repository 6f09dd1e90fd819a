//! The transaction of an INVITE, followed to its end whoever listens.
//!
//! Contract: every response reaches the call while it listens. The stack acknowledges every 2xx, the repeated ones too, for 32 s; a phone
//! that answers when nobody listens any more is hung up here.

use super::digest::Credentials;
use super::request::{Flow, Leg, Sequence};
use super::transact::{self, TransactError};
use rsipstack::sip::{Request, Response, SipMessage};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::SipAddr;
use tokio::sync::mpsc;

const WIRE_MAX: usize = 16;

/// What the INVITE's transaction reports.
pub enum Wire {
    /// It left, to this address.
    Sent(Option<SipAddr>),
    Response(Box<Response>),
    Failed(String),
}

/// What a request of this call needs to leave.
#[derive(Clone)]
pub struct Sender {
    pub flow: Flow,
    pub credentials: Option<Credentials>,
    pub sequence: Sequence,
    /// Where the INVITE went.
    pub home: Option<SipAddr>,
}

impl Sender {
    /// Sends an INVITE.
    pub fn invite(&self, invite: &Request) -> mpsc::Receiver<Wire> {
        let (wire, receiver) = mpsc::channel(WIRE_MAX);
        tokio::spawn(Driven { sender: self.clone(), invite: invite.clone(), wire, answered: vec![] }.run());
        receiver
    }

    /// One BYE and its answer.
    pub async fn hang_up(&self, leg: &Leg, call: &str) {
        match self.flow.bye(leg, self.sequence.next()) {
            Ok(bye) => self.send(bye, call, "bye").await,
            Err(error) => tracing::error!(call.id = %call, %error, "a bye cannot be built"),
        }
    }

    /// Sends a request of the dialog and waits for its answer.
    pub async fn exchange(&self, request: Request) -> Result<Response, TransactError> {
        let Self { flow, credentials, sequence, home } = self;
        transact::send_in(flow, request, credentials.as_ref(), home.as_ref(), || sequence.next()).await
    }

    /// Sends a request whose answer changes nothing.
    pub async fn send(&self, request: Request, call: &str, what: &str) {
        match self.exchange(request).await {
            Ok(response) => {
                tracing::debug!(call.id = %call, sip.status = response.status_code.code(), "the {what} is answered");
            }
            Err(error) => tracing::warn!(call.id = %call, %error, "the {what} got no answer"),
        }
    }
}

struct Driven {
    sender: Sender,
    invite: Request,
    wire: mpsc::Sender<Wire>,
    /// To tags of the phones that answered and are known to the call, or hung up.
    answered: Vec<String>,
}

impl Driven {
    async fn run(mut self) {
        let Sender { flow, .. } = &self.sender;
        let (endpoint, connection) = (flow.endpoint.clone(), flow.connection.clone());
        let mut transaction = match TransactionKey::from_request(&self.invite, TransactionRole::Client) {
            Ok(key) => Transaction::new_client(key, self.invite.clone(), endpoint, connection),
            Err(error) => return self.report(Wire::Failed(error.to_string())).await,
        };
        if let Err(error) = transaction.send().await {
            return self.report(Wire::Failed(error.to_string())).await;
        }
        if transaction.connection.is_none() {
            return self.report(Wire::Failed("the address of the trunk cannot be found".into())).await;
        }
        self.report(Wire::Sent(transaction.destination.clone())).await;
        while let Some(message) = transaction.receive().await {
            if let SipMessage::Response(response) = message {
                self.report(Wire::Response(Box::new(response))).await;
            }
        }
    }

    async fn report(&mut self, message: Wire) {
        let tag = match &message {
            Wire::Response(response) if (200..300).contains(&response.status_code.code()) => {
                Leg::tag(response).to_string()
            }
            Wire::Response(_) | Wire::Sent(_) | Wire::Failed(_) => return drop(self.wire.send(message).await),
        };
        let known = self.answered.contains(&tag);
        if !known {
            self.answered.push(tag);
        }
        if let Err(mpsc::error::SendError(Wire::Response(response))) = self.wire.send(message).await
            && !known
        {
            tracing::warn!("a phone answered a call that is over and is hung up");
            let leg = Leg::from_answer(&self.invite, &response);
            let sender = self.sender.clone();
            tokio::spawn(async move { sender.hang_up(&leg, "").await });
        }
    }
}
