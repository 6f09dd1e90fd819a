//! One request and its final response, with answers to the challenges on the way. Not for the first INVITE of a call, which has a life of its own.

use super::digest::{Credentials, DigestError};
use super::request::{BuildError, Flow, is_in_dialog};
use rsipstack::sip::prelude::*;
use rsipstack::sip::{Method, Request, Response, SipMessage, Transport};
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
    #[error("{0}")]
    Line(String),
    #[error("the connection to the trunk is lost")]
    Lost,
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
    send_in(flow, request, credentials, next_cseq).await
}

/// The same inside a dialog, where other requests may be on their way: `next_cseq` is asked for the number of every further try.
pub async fn send_in(
    flow: &Flow,
    request: Request,
    credentials: Option<&Credentials>,
    mut next_cseq: impl FnMut() -> u32,
) -> Result<Response, TransactError> {
    let mut request = request;
    let mut response = exchange(flow, request.clone()).await?;
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
        response = exchange(flow, request.clone()).await?;
    }
    Ok(response)
}

/// One request on the way that the flow has. A connection may have been closed by the far end before the request was read: then it
/// goes out once more on a new one, with the same branch, so that a far end that did read it sees a repetition.
async fn exchange(flow: &Flow, request: Request) -> Result<Response, TransactError> {
    match once(flow, request.clone()).await {
        Err(TransactError::Lost) if flow.transport != Transport::Udp => once(flow, request).await,
        result => result,
    }
}

async fn once(flow: &Flow, request: Request) -> Result<Response, TransactError> {
    let in_dialog = is_in_dialog(&request);
    let mut transaction = flow.line.client(request).await.map_err(TransactError::Line)?;
    let lost = match flow.transport {
        // News of the trunk says nothing of the far end inside a dialog, which has an address of its own.
        Transport::Udp if in_dialog => None,
        Transport::Udp => Some(flow.line.lost()),
        _ => transaction.connection.as_ref().and_then(|c| c.cancel_token()),
    };
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
    let lost = async {
        match lost {
            Some(lost) => lost.cancelled_owned().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        result = timeout(LIMIT, wait) => result.unwrap_or(Err(TransactError::Silent)),
        () = lost => Err(TransactError::Lost),
    }
}
