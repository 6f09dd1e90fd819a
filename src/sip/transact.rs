//! One non-INVITE request and its final response, with answers to the challenges on the way.

use super::digest::{Credentials, DigestError};
use super::request::{BuildError, Flow};
use rsipstack::sip::prelude::*;
use rsipstack::sip::{Method, Request, Response, SipMessage};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use std::time::Duration;
use tokio::time::timeout;

/// Above RFC 3261's timer F (32 s), which the stack keeps: a second line of defence.
const LIMIT: Duration = Duration::from_secs(40);

#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    #[error("{0}")]
    Build(#[from] BuildError),
    #[error("{0}")]
    Digest(#[from] DigestError),
    #[error("no response")]
    Silent,
}

/// So often may servers ask for a password: a proxy and a server, and a stale nonce. Each answer uses the next CSeq.
pub const CHALLENGES_MAX: u32 = 3;

/// Sends `request` and waits for its final response. A challenge is answered; one that refuses our answer is returned as it is.
pub async fn send(flow: &Flow, request: Request, credentials: Option<&Credentials>) -> Result<Response, TransactError> {
    let mut request = request;
    let mut response = exchange(flow, request.clone()).await?;
    // A CANCEL can neither be challenged nor repeated (RFC 3261 §22.1).
    let Some(credentials) = credentials.filter(|_| request.method != Method::Cancel) else { return Ok(response) };
    let cseq = request.cseq_header().and_then(|c| c.seq()).map_err(BuildError::from)?;
    for nth in 1..=CHALLENGES_MAX {
        if !matches!(response.status_code.code(), 401 | 407) {
            break;
        }
        request = match flow.with_credentials(&request, &response, credentials, cseq + nth) {
            Ok(again) => again,
            Err(DigestError::Refused) => break,
            Err(error) => return Err(error.into()),
        };
        response = exchange(flow, request.clone()).await?;
    }
    Ok(response)
}

async fn exchange(flow: &Flow, request: Request) -> Result<Response, TransactError> {
    let key = TransactionKey::from_request(&request, TransactionRole::Client).map_err(BuildError::from)?;
    let mut transaction = Transaction::new_client(key, request, flow.endpoint.clone(), flow.connection.clone());
    let wait = async {
        transaction.send().await.map_err(BuildError::from)?;
        while let Some(message) = transaction.receive().await {
            match message {
                SipMessage::Response(r) if r.status_code.code() >= 200 => return Ok(r),
                SipMessage::Response(_) | SipMessage::Request(_) => {}
            }
        }
        Err(TransactError::Silent)
    };
    timeout(LIMIT, wait).await.unwrap_or(Err(TransactError::Silent))
}
