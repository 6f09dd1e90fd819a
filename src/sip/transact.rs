//! One request and its final response, with answers to the challenges on the way. Not for the first INVITE of a call, which has a life of its own.

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

/// So often may servers ask for a password: a proxy and a server, and a stale nonce. Each answer uses the next CSeq.
pub const CHALLENGES_MAX: u32 = 3;

/// Sends `request` and waits for its final response. A challenge is answered; one that refuses our answer is returned as it is.
pub async fn send(flow: &Flow, request: Request, credentials: Option<&Credentials>) -> Result<Response, TransactError> {
    let mut cseq = request.cseq_header().and_then(|c| c.seq()).map_err(BuildError::from)?;
    let next_cseq = || {
        cseq += 1;
        cseq
    };
    send_in(flow, request, credentials, None, next_cseq).await
}

/// The same inside a dialog, where other requests may be on their way: `next_cseq` is asked for the number of every further try. `home` is
/// where to send what names a host that nobody can find.
pub async fn send_in(
    flow: &Flow,
    request: Request,
    credentials: Option<&Credentials>,
    home: Option<&SipAddr>,
    mut next_cseq: impl FnMut() -> u32,
) -> Result<Response, TransactError> {
    let mut request = request;
    let mut response = exchange(flow, request.clone(), home).await?;
    // A CANCEL can neither be challenged nor repeated (RFC 3261 §22.1).
    let Some(credentials) = credentials.filter(|_| request.method != Method::Cancel) else { return Ok(response) };
    for _ in 0..CHALLENGES_MAX {
        if !matches!(response.status_code.code(), 401 | 407) {
            break;
        }
        request = match flow.with_credentials(&request, &response, credentials, next_cseq()) {
            Ok(again) => again,
            Err(DigestError::Refused) => break,
            Err(error) => return Err(error.into()),
        };
        response = exchange(flow, request.clone(), home).await?;
    }
    Ok(response)
}

async fn exchange(flow: &Flow, request: Request, home: Option<&SipAddr>) -> Result<Response, TransactError> {
    let key = TransactionKey::from_request(&request, TransactionRole::Client).map_err(BuildError::from)?;
    let lost = match home {
        Some(_) => flow.connection.is_none() && !can_be_found(flow, &request).await,
        None => false,
    };
    let mut transaction = Transaction::new_client(key, request, flow.endpoint.clone(), flow.connection.clone());
    if lost {
        tracing::warn!("a contact names a host that cannot be found: the request goes where the invite went");
        transaction.destination = home.cloned();
    }
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
