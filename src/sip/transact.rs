//! One request and its final response, with one answer to a challenge. Not for the first INVITE of a call, which has a life of its own.

use super::digest::{Credentials, DigestError};
use super::request::{BuildError, Flow};
use rsipstack::sip::prelude::*;
use rsipstack::sip::{Host, Method, Request, Response, SipMessage};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::SipAddr;
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
    send_in(flow, request, credentials, None, || cseq + 1).await
}

/// The same inside a dialog, where other requests may be on their way: `next_cseq` is asked for the number of the second try. `home` is
/// where the INVITE of the dialog went: CANCEL goes there, and what names a host that nobody can find.
pub async fn send_in(
    flow: &Flow,
    request: Request,
    credentials: Option<&Credentials>,
    home: Option<&SipAddr>,
    next_cseq: impl FnOnce() -> u32,
) -> Result<Response, TransactError> {
    let response = exchange(flow, request.clone(), home).await?;
    let challenged = matches!(response.status_code.code(), 401 | 407) && request.method != Method::Cancel;
    match credentials.filter(|_| challenged) {
        None => Ok(response),
        Some(credentials) => {
            let again = flow.with_credentials(&request, &response, credentials, next_cseq())?;
            exchange(flow, again, home).await
        }
    }
}

async fn exchange(flow: &Flow, request: Request, home: Option<&SipAddr>) -> Result<Response, TransactError> {
    let key = TransactionKey::from_request(&request, TransactionRole::Client).map_err(BuildError::from)?;
    let home = match home.filter(|_| flow.connection.is_none()) {
        // It must reach the server that has the INVITE (RFC 3261 §9.1).
        Some(home) if request.method == Method::Cancel => Some(home),
        Some(home) if !can_be_found(flow, &request).await => {
            tracing::warn!("a contact names a host that cannot be found: the request goes where the invite went");
            Some(home)
        }
        Some(_) | None => None,
    };
    let mut transaction = Transaction::new_client(key, request, flow.endpoint.clone(), flow.connection.clone());
    transaction.destination = home.cloned();
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

async fn can_be_found(flow: &Flow, request: &Request) -> bool {
    match SipAddr::try_from(&request.destination()) {
        Ok(address) if matches!(address.addr.host, Host::Domain(_)) => {
            flow.endpoint.transport_layer.inner.domain_resolver.resolve(&address).await.is_ok()
        }
        Ok(_) => true,
        Err(_) => false,
    }
}
