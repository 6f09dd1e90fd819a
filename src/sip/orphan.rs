//! A 2xx to an INVITE whose transaction has ended: the phone of a far end that said 487 and rang on. Nobody waits for it, yet it is up
//! until it gets ACK and BYE.
//!
//! The stack would acknowledge it with the ACK of the 487 and tell nobody. Only answers to INVITEs that we remember having sent (32 s)
//! are believed, or a stranger could have us send BYEs anywhere; a call that is still known to us is left to itself.

use super::invite::Sender;
use super::request::{Flow, Leg, Sequence};
use super::stack::Core;
use rsipstack::sip::prelude::*;
use rsipstack::sip::{Method, Response, SipMessage};
use rsipstack::transaction::endpoint::TransportEventInspector;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transport::{SipAddr, SipConnection, TransportEvent};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// Phones that got their BYE and may repeat their 200.
const REMEMBERED_MAX: usize = 64;

#[derive(Clone, Default)]
pub struct Orphans(Arc<Inner>);

#[derive(Default)]
struct Inner {
    core: OnceLock<Weak<Core>>,
    hung_up: Mutex<VecDeque<String>>,
}

impl Orphans {
    /// Until then everything passes.
    pub fn watch_over(&self, core: &Arc<Core>) {
        // Set once, by the one stack that owns this.
        let _first = self.0.core.set(Arc::downgrade(core));
    }

    /// The invitation that this answers, if it is an orphan.
    fn is_orphan(&self, core: &Core, response: &Response) -> bool {
        let answers_invite = response.cseq_header().and_then(|c| c.method()).is_ok_and(|m| m == Method::Invite);
        if !(answers_invite && (200..300).contains(&response.status_code.code())) {
            return false;
        }
        let Ok(key) = TransactionKey::from_response(response, TransactionRole::Client) else { return false };
        let known = response.call_id_header().is_ok_and(|id| core.inbox_of(id.value()).is_some());
        !known
            && core.endpoint.transactions.get(&key).is_none()
            && core.endpoint.finished_transactions.get(&key).is_some()
    }

    /// False: it has had its BYE.
    fn remember(&self, leg: &Leg) -> bool {
        let mut hung_up = self.0.hung_up.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{} {}", leg.call_id, leg.remote_tag);
        if hung_up.contains(&name) {
            return false;
        }
        if hung_up.len() == REMEMBERED_MAX {
            hung_up.pop_front();
        }
        hung_up.push_back(name);
        true
    }

    async fn send_off(
        &self,
        core: &Core,
        response: &Response,
        connection: &SipConnection,
        from: &SipAddr,
    ) -> Option<()> {
        // The topmost Via is the one that we wrote.
        let via = response.top_via_header().ok()?.typed().ok()?;
        let flow = Flow {
            endpoint: core.endpoint.clone(),
            transport: via.transport,
            public: via.uri.host_with_port,
            connection: connection.is_reliable().then(|| connection.clone()),
        };
        let cseq = response.cseq_header().ok()?.seq().ok()?;
        let leg = Leg::from_orphan(response, from);
        let ack = flow.ack(&leg, cseq).ok()?;
        if let Err(error) = connection.send(ack.into(), Some(from)).await {
            tracing::warn!(net.peer = %from, %error, "an ack could not be sent");
        }
        if self.remember(&leg) {
            tracing::warn!(net.peer = %from, "a phone answered a call that is over and is hung up");
            let sender = Sender { flow, credentials: None, sequence: Sequence::after(cseq), home: Some(from.clone()) };
            core.tasks.spawn(async move { sender.hang_up(&leg, "").await });
        }
        Some(())
    }
}

#[async_trait::async_trait]
impl TransportEventInspector for Orphans {
    async fn handle(&self, event: TransportEvent) -> Option<TransportEvent> {
        if let TransportEvent::Incoming(SipMessage::Response(response), connection, from) = &event
            && let Some(core) = self.0.core.get().and_then(Weak::upgrade)
            && self.is_orphan(&core, response)
            && self.send_off(&core, response, connection, from).await.is_some()
        {
            return None;
        }
        Some(event)
    }
}
