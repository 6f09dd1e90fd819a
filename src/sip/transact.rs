//! One non-INVITE request and its final response, with one answer to a challenge.

use super::digest::{Credentials, DigestError};
use super::request::{BuildError, Flow, tag_of};
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

/// Sends `request` and waits for its final response. A challenge is answered once; a second one is returned as it is.
pub async fn send(flow: &Flow, request: Request, credentials: Option<&Credentials>) -> Result<Response, TransactError> {
    let response = exchange(flow, request.clone()).await?;
    let challenged = matches!(response.status_code.code(), 401 | 407) && request.method != Method::Cancel;
    match credentials.filter(|_| challenged) {
        None => Ok(response),
        Some(credentials) => {
            let cseq = request.cseq_header().and_then(|c| c.seq()).map_err(BuildError::from)? + 1;
            exchange(flow, flow.with_credentials(&request, &response, credentials, cseq)?).await
        }
    }
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
    let in_dialog = request.to_header().is_ok_and(|to| tag_of(to.value()).is_some());
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
