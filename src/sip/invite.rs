//! The transaction of an INVITE, followed to its end whoever listens.
//!
//! Contract: every response reaches the call while it listens. The stack acknowledges every 2xx, the repeated ones too, for 32 s. When
//! nobody listens any more, an INVITE that got no response is not repeated; a phone that rings or answers all the same is cancelled or
//! hung up here.

use super::digest::Credentials;
use super::request::{self, Flow, Leg, Sequence};
use super::transact::{self, TransactError};
use rsipstack::sip::{Request, Response, SipMessage};
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::mpsc;

const WIRE_MAX: usize = 16;

/// What the INVITE's transaction reports.
pub enum Wire {
    Sent,
    Response(Box<Response>),
    Failed(String),
}

/// What a request of this call needs to leave.
#[derive(Clone)]
pub struct Sender {
    pub flow: Flow,
    pub credentials: Option<Credentials>,
    pub sequence: Sequence,
}

impl Sender {
    /// Sends an INVITE.
    pub fn invite(&self, invite: &Request) -> mpsc::Receiver<Wire> {
        let (wire, receiver) = mpsc::channel(WIRE_MAX);
        tokio::spawn(
            Driven { sender: self.clone(), invite: invite.clone(), wire, answered: vec![], left: false }.run(),
        );
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
        let Self { flow, credentials, sequence } = self;
        transact::send_in(flow, request, credentials.as_ref(), || sequence.next()).await
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
    /// The call is over without a response to its INVITE.
    left: bool,
}

impl Driven {
    async fn run(mut self) {
        let mut transaction = match self.sender.flow.line.client(self.invite.clone()).await {
            Ok(transaction) => transaction,
            Err(error) => return self.report(Wire::Failed(error)).await,
        };
        if let Err(error) = transaction.send().await {
            return self.report(Wire::Failed(error.to_string())).await;
        }
        self.report(Wire::Sent).await;
        let mut heard = false;
        loop {
            let left = async {
                if heard || self.left {
                    std::future::pending::<()>().await;
                }
                self.wire.closed().await;
            };
            let message = tokio::select! {
                // Whatever is there is taken in whole before the other branch is looked at.
                biased;
                message = transaction.receive() => message,
                () = left => {
                    self.left = true;
                    fall_silent(&mut transaction);
                    continue;
                }
            };
            match message {
                Some(SipMessage::Response(response)) => {
                    if self.left && !heard && response.status_code.code() < 200 {
                        self.cancel();
                    }
                    heard = true;
                    self.report(Wire::Response(Box::new(response))).await;
                }
                Some(SipMessage::Request(_)) => {}
                None => return,
            }
        }
    }

    /// The far end wakes when its call has gone another way.
    fn cancel(&self) {
        let sender = self.sender.clone();
        match request::cancel(&self.invite) {
            Ok(cancel) => drop(tokio::spawn(async move { sender.send(cancel, "", "cancel").await })),
            Err(error) => tracing::error!(%error, "a cancel cannot be built"),
        }
    }

    async fn report(&mut self, message: Wire) {
        let tag = match &message {
            Wire::Response(response) if (200..300).contains(&response.status_code.code()) => {
                Leg::tag(response).to_string()
            }
            Wire::Response(_) | Wire::Sent | Wire::Failed(_) => return drop(self.wire.send(message).await),
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

/// The INVITE is not sent again (timer A); its transaction lives on until timer B.
fn fall_silent(transaction: &mut Transaction) {
    if let Some(timer) = transaction.timer_a.take() {
        transaction.endpoint_inner.timers.cancel(timer);
    }
}
