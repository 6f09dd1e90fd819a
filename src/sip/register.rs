//! Keeps a trunk registered (RFC 3261 §10): refresh before the end, back off on failure, never hammer a registrar that refuses
//! our password.

use super::request::Flow;
use super::stack::Core;
use super::transact::{self, TransactError};
use super::trunk::{Registration, Trunk};
use rsipstack::sip::prelude::*;
use rsipstack::sip::typed::Contact;
use rsipstack::sip::{Header, Param, Response};
use rsipstack::transaction::random_text;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A registrar that grants less is refreshed no faster.
const EXPIRES_MIN_S: u32 = 5;
/// What we ask for.
const EXPIRES_S: u32 = 300;
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(300);
/// After a refused password only a person can help; a registrar may lock the account on more.
const RETRY_REFUSED: Duration = Duration::from_secs(900);
const UNREGISTER_LIMIT: Duration = Duration::from_secs(1);

/// Until the stack closes; then takes the registration back.
pub async fn keep(core: Arc<Core>, trunk: Arc<Trunk>) {
    let mut account = Account { call_id: format!("{}@huifang", random_text(20)), cseq: 0, expires_s: EXPIRES_S };
    let mut backoff = RETRY_FIRST;
    loop {
        let (state, wait) = match account.register(&core, &trunk).await {
            Ok(granted_s) => {
                backoff = RETRY_FIRST;
                (Registration::Registered, Duration::from_secs(u64::from(granted_s.max(EXPIRES_MIN_S)) * 4 / 5))
            }
            Err(failure) => {
                let wait = if failure.refused { RETRY_REFUSED } else { backoff };
                backoff = (backoff * 2).min(RETRY_MAX);
                (Registration::Missing(failure.words), wait)
            }
        };
        tell(&trunk, state);
        tokio::select! {
            _ = core.closing.cancelled() => break,
            _ = sleep(wait) => {}
        }
    }
    if trunk.status().registered == Some(true) {
        account.expires_s = 0;
        if timeout(UNREGISTER_LIMIT, account.register(&core, &trunk)).await.is_err() {
            tracing::warn!(trunk.name = %trunk.name, "the registration could not be taken back in time");
        }
    }
}

fn tell(trunk: &Trunk, state: Registration) {
    let before = trunk.status().registered;
    match &state {
        Registration::Registered if before != Some(true) => {
            tracing::info!(trunk.name = %trunk.name, "the trunk is registered");
        }
        Registration::Missing(reason) => {
            tracing::warn!(trunk.name = %trunk.name, %reason, "the trunk is not registered");
        }
        Registration::Registered | Registration::NotUsed => {}
    }
    trunk.set_registration(state);
}

struct Failure {
    /// The password, not the line.
    refused: bool,
    /// For people, in Chinese.
    words: String,
}

struct Account {
    call_id: String,
    cseq: u32,
    expires_s: u32,
}

impl Account {
    /// The granted seconds.
    async fn register(&mut self, core: &Core, trunk: &Trunk) -> Result<u32, Failure> {
        let line = |words: String| Failure { refused: false, words };
        let flow = core.flow(trunk).await.map_err(|e| line(format!("无法连接：{e}")))?;
        let response = self.once(&flow, trunk).await?;
        let response = match (response.status_code.code(), min_expires(&response)) {
            // Interval too brief: ask for what they want, once.
            (423, Some(wanted)) if wanted <= 86_400 => {
                self.expires_s = wanted;
                self.once(&flow, trunk).await?
            }
            _ => response,
        };
        match response.status_code.code() {
            200..=299 => Ok(granted(&response).unwrap_or(self.expires_s)),
            401 | 403 | 407 => Err(Failure { refused: true, words: "用户名或密码被拒绝".into() }),
            408 => Err(line("注册服务器没有应答".into())),
            status => Err(line(format!("注册服务器拒绝：{status} {}", response.status_code.text()))),
        }
    }

    async fn once(&mut self, flow: &Flow, trunk: &Trunk) -> Result<Response, Failure> {
        let failed = |e: TransactError| Failure {
            refused: matches!(e, TransactError::Digest(_)),
            words: format!("注册失败：{e}"),
        };
        let user = trunk.credentials.as_ref().map_or(trunk.caller.as_str(), |c| c.username.as_str());
        // A challenge uses the next number too.
        self.cseq += 2;
        let request = flow
            .register(trunk, user, &self.call_id, self.cseq, self.expires_s)
            .map_err(|e| failed(TransactError::Build(e)))?;
        transact::send(flow, request, trunk.credentials.as_ref()).await.map_err(failed)
    }
}

fn min_expires(response: &Response) -> Option<u32> {
    response.headers.iter().find_map(|h| match h {
        Header::MinExpires(v) => v.value().trim().parse().ok(),
        _ => None,
    })
}

/// The expires parameter of our Contact, else the Expires header.
fn granted(response: &Response) -> Option<u32> {
    let of_contact = response.contact_headers().iter().find_map(|c| {
        Contact::parse(c.value()).ok()?.params.iter().find_map(|p| match p {
            Param::Expires(e) => e.value().parse().ok(),
            _ => None,
        })
    });
    of_contact.or_else(|| {
        response.headers.iter().find_map(|h| match h {
            Header::Expires(v) => v.value().trim().parse().ok(),
            _ => None,
        })
    })
}
