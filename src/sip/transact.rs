//! One request and its final response, with one answer to a challenge. Not for the first INVITE of a call, which has a life of its own.

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

/// Sends `request` and waits for its final response. A challenge is answered once; a second one is returned as it is.
pub async fn send(flow: &Flow, request: Request, credentials: Option<&Credentials>) -> Result<Response, TransactError> {
    let cseq = request.cseq_header().and_then(|c| c.seq()).map_err(BuildError::from)?;
    send_in(flow, request, credentials, || cseq + 1).await
}

/// The same inside a dialog, where other requests may be on their way: `next_cseq` is asked for the number of the second try.
pub async fn send_in(
    flow: &Flow,
    request: Request,
    credentials: Option<&Credentials>,
    next_cseq: impl FnOnce() -> u32,
) -> Result<Response, TransactError> {
    let response = exchange(flow, request.clone()).await?;
    let challenged = matches!(response.status_code.code(), 401 | 407) && request.method != Method::Cancel;
    match credentials.filter(|_| challenged) {
        None => Ok(response),
        Some(credentials) => {
            exchange(flow, flow.with_credentials(&request, &response, credentials, next_cseq())?).await
        }
    }
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
