//! Requests from outside: those of our calls go to their call, REGISTER of desk phones to the registrar, everything else is answered here
//! and opens nothing (invariant 6): a phone that has registered may not call either.

use super::indialog::{reply, reply_and_absorb};
use super::request::{ALLOWED, is_in_dialog};
use super::stack::Core;
use rsipstack::sip::prelude::*;
use rsipstack::sip::{Header, Method, Version};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::error::TrySendError;

/// Refused INVITEs that are followed until their ACK; a flood beyond it is refused once and forgotten.
const REFUSALS_MAX: usize = 128;

/// Until the stack closes.
pub async fn serve(core: Arc<Core>, mut incoming: TransactionReceiver) {
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    while let Some(mut transaction) = incoming.recv().await {
        if let Some(status) = fault(&transaction) {
            reply(&mut transaction, status, vec![]).await;
            continue;
        }
        if let Some(stranger) = to_its_call(&core, transaction) {
            answer_stranger(&core, stranger, &refusals).await;
        }
    }
}

/// What no call of ours should see: another version (RFC 3261 §21.5.6), a CSeq that speaks of another method (§8.1.1.5).
fn fault(transaction: &Transaction) -> Option<u16> {
    let request = &transaction.original;
    let named = request.cseq_header().and_then(|c| c.method()).is_ok_and(|method| method == request.method);
    match request.version {
        Version::V2 if named => None,
        Version::V2 => Some(400),
        _ => Some(505),
    }
}

/// `None` when a call of ours has taken the request.
fn to_its_call(core: &Core, transaction: Transaction) -> Option<Transaction> {
    if !is_in_dialog(&transaction.original) {
        return Some(transaction);
    }
    let call_id = match transaction.original.call_id_header() {
        Ok(id) => id.value().to_string(),
        Err(_) => return Some(transaction),
    };
    let Some(inbox) = core.inbox_of(&call_id) else { return Some(transaction) };
    match inbox.try_send(transaction) {
        Ok(()) => None,
        Err(TrySendError::Closed(transaction)) => Some(transaction),
        Err(TrySendError::Full(transaction)) => {
            tracing::warn!(sip.call_id = %call_id, "a far end floods its call with requests: one is refused");
            reply_and_absorb(transaction, 503, ());
            None
        }
    }
}

async fn answer_stranger(core: &Core, mut transaction: Transaction, refusals: &Arc<Semaphore>) {
    let allow = Header::Allow(ALLOWED.to_string().into());
    let known_dialog = is_in_dialog(&transaction.original);
    let registrar = core.phones().filter(|phones| !known_dialog && phones.hears(&transaction));
    match transaction.original.method {
        Method::Ack | Method::Cancel => {}
        Method::Options if !known_dialog => {
            let accept = Header::Accept("application/sdp".to_string().into());
            reply(&mut transaction, 200, vec![allow, accept]).await;
        }
        Method::Invite if !known_dialog => {
            tracing::warn!("a call from outside was refused: this line only calls out");
            refuse_invite(transaction, 403, refusals).await;
        }
        Method::Invite => refuse_invite(transaction, 481, refusals).await,
        Method::Register | Method::Subscribe | Method::Publish | Method::Message | Method::Refer if !known_dialog => {
            match registrar.filter(|_| transaction.original.method == Method::Register) {
                Some(phones) => phones.register(transaction).await,
                None => reply(&mut transaction, 405, vec![allow]).await,
            }
        }
        Method::Options
        | Method::Bye
        | Method::Info
        | Method::Message
        | Method::Notify
        | Method::PRack
        | Method::Publish
        | Method::Refer
        | Method::Register
        | Method::Subscribe
        | Method::Update => reply(&mut transaction, 481, vec![]).await,
    }
}

async fn refuse_invite(mut transaction: Transaction, status: u16, refusals: &Arc<Semaphore>) {
    match refusals.clone().try_acquire_owned() {
        Ok(permit) => reply_and_absorb(transaction, status, permit),
        Err(_) => reply(&mut transaction, status, vec![]).await,
    }
}
