//! Keeps a trunk registered (RFC 3261 §10): refresh before the end, back off on failure, never hammer a registrar that refuses
//! our password.
//!
//! A refresh that fails does not end a registration that still runs; a trunk that answers a call with 403 or refuses our credentials
//! has perhaps forgotten us (a registrar that was started anew) and is asked at once. Proxies on the way may put themselves on the path of
//! calls to us (RFC 3327), and the Service-Route of the answer (RFC 3608) is the Route of the trunk's later INVITEs, which still leave for
//! the trunk's own address. Deliberately not here: GRUU and outbound flows (RFC 5626, RFC 5627).

use super::request::{Flow, retry_after};
use super::stack::Core;
use super::transact::{self, CHALLENGES_MAX, TransactError};
use super::trunk::{Registration, Trunk};
use crate::clock::monotonic;
use rsipstack::sip::prelude::*;
use rsipstack::sip::typed::{Contact, Route};
use rsipstack::sip::{Header, Param, Request, Response};
use rsipstack::transaction::random_text;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// A registrar that grants less is refreshed no faster.
const EXPIRES_MIN_S: u32 = 5;
/// What we ask for.
const EXPIRES_S: u32 = 300;
/// No registrar may want more (Min-Expires), or grant more.
const EXPIRES_MAX_S: u32 = 86_400;
/// More hops no registrar names.
const ROUTES_MAX: usize = 8;
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(300);
/// After a refused password only a person can help; a registrar may lock the account on more.
const RETRY_REFUSED: Duration = Duration::from_secs(900);
/// A trunk that seems to have forgotten us is asked no more often.
const ASK_AGAIN: Duration = Duration::from_secs(5);
const UNREGISTER_LIMIT: Duration = Duration::from_secs(1);

/// Until the stack closes; then takes the registration back.
pub async fn keep(core: Arc<Core>, trunk: Arc<Trunk>) {
    let mut account = Account::new();
    let mut backoff = RETRY_FIRST;
    // Until then what the registrar granted last holds; `None`: nothing does.
    let mut granted_until: Option<Instant> = None;
    let mut worked = false;
    loop {
        // Not cut short by the end of the stack: what was asked for must be taken back.
        let (wait, refused) = match account.register(&core, &trunk).await {
            Ok(granted_s) => {
                let granted = Duration::from_secs(u64::from(granted_s.max(EXPIRES_MIN_S)));
                (backoff, worked, granted_until) = (RETRY_FIRST, true, monotonic().checked_add(granted));
                tell(&trunk, Registration::Registered);
                (granted * 4 / 5, false)
            }
            Err(failure) => {
                // A password that worked before may work again: the registrar has a bad moment.
                let refused = failure.refused && !worked;
                let wait = if refused { RETRY_REFUSED } else { backoff.max(failure.retry_after) };
                backoff = (backoff * 2).min(RETRY_MAX);
                granted_until = granted_until.filter(|until| !failure.refused && *until > monotonic());
                let left = granted_until.map(|until| until.saturating_duration_since(monotonic()));
                match left {
                    Some(left) if wait < left => {
                        tracing::warn!(trunk.name = %trunk.name, reason = %failure.words, "a registration could not be refreshed yet");
                        (wait, refused)
                    }
                    _ => {
                        granted_until = None;
                        tell(&trunk, Registration::Missing(failure.words));
                        (wait, refused)
                    }
                }
            }
        };
        let forgotten = async {
            sleep(ASK_AGAIN).await;
            trunk.forgotten.notified().await;
        };
        tokio::select! {
            _ = core.closing.cancelled() => break,
            _ = sleep(wait) => {}
            _ = forgotten, if !refused => {}
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
    /// The registrar asks to be left alone for so long.
    retry_after: Duration,
    /// For people, in Chinese.
    words: String,
}

struct Account {
    call_id: String,
    cseq: u32,
    expires_s: u32,
}

impl Account {
    fn new() -> Self {
        Self { call_id: format!("{}@huifang", random_text(20)), cseq: 0, expires_s: EXPIRES_S }
    }

    /// The granted seconds.
    async fn register(&mut self, core: &Core, trunk: &Trunk) -> Result<u32, Failure> {
        let failure = |refused, words| Failure { refused, retry_after: Duration::ZERO, words };
        let flow = core.flow(trunk).await.map_err(|e| failure(false, format!("无法连接：{e}")))?;
        let mut request = self.request(&flow, trunk)?;
        let mut response = self.once(&flow, trunk, request.clone()).await?;
        // Interval too brief: ask for what they want, once.
        if let (423, Some(wanted @ 1..=EXPIRES_MAX_S)) = (response.status_code.code(), min_expires(&response)) {
            self.expires_s = wanted;
            request = self.request(&flow, trunk)?;
            response = self.once(&flow, trunk, request.clone()).await?;
        }
        match response.status_code.code() {
            200..=299 => {
                trunk.set_service_routes(service_routes(&response));
                Ok(granted(&request, &response).unwrap_or(self.expires_s).min(EXPIRES_MAX_S))
            }
            401 | 403 | 407 => Err(failure(true, "用户名或密码被拒绝".into())),
            408 => Err(failure(false, "注册服务器没有应答".into())),
            status => {
                let words = format!("注册服务器拒绝：{status} {}", response.status_code.text());
                Err(Failure { refused: false, retry_after: retry_after(&response).unwrap_or_default(), words })
            }
        }
    }

    fn request(&mut self, flow: &Flow, trunk: &Trunk) -> Result<Request, Failure> {
        // Challenges use the next numbers too.
        self.cseq += 1 + CHALLENGES_MAX;
        flow.register(trunk, trunk.account(), &self.call_id, self.cseq, self.expires_s)
            .map_err(|e| failed(TransactError::Build(e)))
    }

    async fn once(&self, flow: &Flow, trunk: &Trunk, request: Request) -> Result<Response, Failure> {
        transact::send(flow, request, trunk.credentials.as_ref()).await.map_err(failed)
    }
}

fn failed(error: TransactError) -> Failure {
    let refused = matches!(error, TransactError::Digest(_));
    Failure { refused, retry_after: Duration::ZERO, words: format!("注册失败：{error}") }
}

/// In the order in which they are to be passed.
fn service_routes(response: &Response) -> Vec<String> {
    let lists = response.headers.iter().filter_map(|h| match h {
        Header::ServiceRoute(v) => Route::parse_header_list(v.value()).ok(),
        _ => None,
    });
    lists.flatten().take(ROUTES_MAX).map(|route| format!("<{}>", route.uri)).collect()
}

fn min_expires(response: &Response) -> Option<u32> {
    response.headers.iter().find_map(|h| match h {
        Header::MinExpires(v) => v.value().trim().parse().ok(),
        _ => None,
    })
}

/// The expires parameter of our own Contact among all that are bound, else the Expires header.
fn granted(request: &Request, response: &Response) -> Option<u32> {
    let address = |c: &Contact| (c.uri.user().map(str::to_string), c.uri.host_with_port.clone());
    let contacts = |list: Vec<&rsipstack::sip::headers::Contact>| -> Vec<Contact> {
        list.iter().filter_map(|c| Contact::parse_header_list(c.value()).ok()).flatten().collect()
    };
    let ours = contacts(request.contact_headers()).first().map(address);
    let bound = contacts(response.contact_headers());
    let own = bound.iter().find(|c| Some(address(c)) == ours).or(bound.first().filter(|_| bound.len() == 1));
    let of_contact = own.and_then(|c| {
        c.params.iter().find_map(|p| match p {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::sip::SipStack;
    use tokio_util::sync::CancellationToken;

    fn message<T>(text: &str, of: impl Fn(&[u8]) -> Option<T>) -> T {
        of(text.replace('\n', "\r\n").as_bytes()).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn what_our_own_contact_is_granted_counts_before_everything_else() {
        let ours = "REGISTER sip:r SIP/2.0\nContact: <sip:us@10.0.0.1:5060>\nContent-Length: 0\n\n";
        let request = message(ours, |b| Request::try_from(b).ok());
        for (headers, expected) in [
            ("Contact: <sip:us@10.0.0.1:5060>;expires=60\nExpires: 3600\n", Some(60)),
            ("Contact: <sip:x@10.0.0.2>;expires=9, <sip:us@10.0.0.1:5060>;q=1;expires=60\n", Some(60)),
            ("Contact: <sip:x@10.0.0.2>;expires=9\nContact: <sip:us@10.0.0.1:5060>;expires=60\n", Some(60)),
            // The registrar wrote our address as it sees it.
            ("Contact: <sip:us@203.0.113.7:1024>;expires=60\n", Some(60)),
            ("Contact: <sip:x@10.0.0.2>;expires=9, <sip:y@10.0.0.3>;expires=8\nExpires: 120\n", Some(120)),
            ("Contact: <sip:us@10.0.0.1:5060>\nExpires: 120\n", Some(120)),
            ("Expires: soon\n", None),
            ("", None),
        ] {
            let text = format!("SIP/2.0 200 OK\n{headers}Content-Length: 0\n\n");
            let response = message(&text, |b| Response::try_from(b).ok());
            assert_eq!(granted(&request, &response), expected, "{headers}");
        }
    }

    #[tokio::test]
    async fn a_registrar_that_is_silent_is_named_and_the_trunk_not_used() {
        let hole = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let sip = config::Sip { listen: vec!["udp:127.0.0.1:0".into()], ..Default::default() };
        let mut trunk = config::Trunk::new("t", &format!("sip:{}", hole.local_addr().unwrap()));
        (trunk.username, trunk.password, trunk.register) = (Some("u".into()), Some("p".into()), true);
        let (clock, shutdown) = (Arc::new(crate::clock::SystemClock), CancellationToken::new());
        // With T1 at 10 ms, what takes 32 s in the field takes 640 ms.
        let stack =
            SipStack::start_with(&sip, &[trunk], clock, shutdown.clone(), Duration::from_millis(10)).await.unwrap();
        assert!(stack.trunks()[0].reason.contains("尚未应答"));
        let told = async {
            while !stack.trunks()[0].reason.contains("没有应答") {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(20), told).await.expect("the silence is told");
        assert!(!stack.trunks()[0].usable);
        shutdown.cancel();
    }
}
