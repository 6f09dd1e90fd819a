//! Requests that we send, and the little that must be remembered of a dialog to send them.
//!
//! Builds messages; sends nothing. Route sets are written as loose (RFC 3261 §16.4); `mend` turns them round for a strict first hop.

use super::callee::Invitation;
use super::digest::{self, Asked, Credentials, DigestError};
use super::line::Line;
use super::session_timer;
use super::trunk::Trunk;
use rsipstack::sip::prelude::*;
use rsipstack::sip::typed::{Contact, RecordRoute};
use rsipstack::sip::{
    Header, Headers, HostWithPort, Method, Param, Request, Response, Scheme, Transport, Uri, Version,
};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::{make_tag, random_text};
use rsipstack::transport::SipAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What we answer to, in Allow headers.
pub const ALLOWED: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, NOTIFY, MESSAGE";

/// The options that we know, for Supported headers.
pub fn supported(timers: bool) -> Header {
    let options = if timers { "100rel, timer" } else { "100rel" };
    Header::Supported(options.to_string().into())
}

/// A request could not be built: a header of ours or theirs cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(String);

impl From<rsipstack::Error> for BuildError {
    fn from(error: rsipstack::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rsipstack::sip::Error> for BuildError {
    fn from(error: rsipstack::sip::Error) -> Self {
        Self(error.to_string())
    }
}

/// The CSeq numbers of one call: every request that we send in it has one of its own.
#[derive(Clone)]
pub struct Sequence(Arc<AtomicU32>);

impl Sequence {
    /// The first number is the one after `cseq`.
    pub fn after(cseq: u32) -> Self {
        Self(Arc::new(AtomicU32::new(cseq)))
    }

    pub fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// How messages of one call (or one registration) travel.
#[derive(Clone)]
pub struct Flow {
    pub endpoint: EndpointInnerRef,
    pub transport: Transport,
    /// Where far ends reach us over this transport.
    pub public: HostWithPort,
    /// The trunk's uri is a `sips:` one, and so is our Contact then (RFC 3261 §8.1.1.8).
    pub secure: bool,
    /// What carries the messages.
    pub line: Line,
}

impl Flow {
    /// A fresh Via of ours.
    fn via(&self) -> Result<Header, BuildError> {
        let address = SipAddr { r#type: Some(self.transport), addr: self.public.clone() };
        Ok(Header::Via(self.endpoint.get_via(Some(address), None)?.into()))
    }

    /// `<sip:user@us;transport=…>`.
    pub fn contact(&self, user: &str) -> Header {
        let params = match self.transport {
            Transport::Udp => vec![],
            Transport::Tls if self.secure => vec![],
            other => vec![Param::Transport(other)],
        };
        let scheme = if self.secure { Scheme::Sips } else { Scheme::Sip };
        let auth = Some(rsipstack::sip::uri::Auth { user: user.into(), password: None });
        let uri = Uri { scheme: Some(scheme), auth, host_with_port: self.public.clone(), params, headers: vec![] };
        Header::Contact(format!("<{uri}>").into())
    }

    fn request(
        &self,
        method: Method,
        uri: Uri,
        from: String,
        to: String,
        call_id: &str,
        cseq: u32,
    ) -> Result<Request, BuildError> {
        let headers = vec![
            self.via()?,
            Header::MaxForwards(70.into()),
            Header::From(from.into()),
            Header::To(to.into()),
            Header::CallId(call_id.to_string().into()),
            Header::CSeq(format!("{cseq} {method}").into()),
            Header::UserAgent(self.endpoint.user_agent.clone().into()),
        ];
        Ok(Request { method, uri, version: Version::V2, headers: headers.into(), body: vec![] })
    }

    /// The first INVITE of a call, without its session timer.
    pub fn invite(
        &self,
        invitation: Invitation,
        call_id: &str,
        cseq: u32,
        sdp: Vec<u8>,
    ) -> Result<Request, BuildError> {
        let Invitation { to, from, contact_user, routes, headers } = invitation;
        let from = format!("{from};tag={}", make_tag());
        let to_header = format!("<{}>", without_params(&to));
        let mut request = self.request(Method::Invite, to, from, to_header, call_id, cseq)?;
        request.headers.extend(routes.into_iter().map(|r| Header::Route(r.into())).collect());
        request.headers.push(self.contact(&contact_user));
        request.headers.extend(headers);
        request.headers.push(Header::Allow(ALLOWED.to_string().into()));
        if !sdp.is_empty() {
            request.headers.push(Header::ContentType("application/sdp".to_string().into()));
        }
        request.body = sdp;
        Ok(request)
    }

    /// The same request for another way: new branch (RFC 3263 §4.3), our Contact there.
    pub fn elsewhere(&self, contact_user: &str, request: &Request) -> Result<Request, BuildError> {
        let mut again = request.clone();
        again.headers.retain(|h| !matches!(h, Header::Via(_) | Header::Contact(_)));
        again.headers.push_front(self.via()?);
        again.headers.push(self.contact(contact_user));
        Ok(again)
    }

    /// REGISTER of `trunk`'s account; `expires_s` 0 takes it back.
    pub fn register(
        &self,
        trunk: &Trunk,
        account: &str,
        call_id: &str,
        cseq: u32,
        expires_s: u32,
    ) -> Result<Request, BuildError> {
        let aor = trunk.identity.address_of_record(account);
        let from = format!("{aor};tag={}", make_tag());
        let mut request = self.request(Method::Register, trunk.uri.clone(), from, aor, call_id, cseq)?;
        request.headers.push(self.contact(account));
        request.headers.push(Header::Expires(expires_s.into()));
        request.headers.push(Header::Supported("path".to_string().into()));
        Ok(request)
    }

    /// OPTIONS to the trunk itself.
    pub fn options(&self, trunk: &Trunk, call_id: &str, cseq: u32) -> Result<Request, BuildError> {
        let account = trunk.account();
        let from = format!("{};tag={}", trunk.identity.address_of_record(account), make_tag());
        let to = format!("<{}>", without_params(&trunk.uri));
        let mut request = self.request(Method::Options, trunk.uri.clone(), from, to, call_id, cseq)?;
        request.headers.push(self.contact(account));
        request.headers.push(Header::Accept("application/sdp".to_string().into()));
        Ok(request)
    }

    /// A request inside the dialog with `leg`.
    fn within(&self, leg: &Leg, method: Method, cseq: u32) -> Result<Request, BuildError> {
        let (from, to) = (leg.local.clone(), leg.remote.clone());
        let mut request = self.request(method, leg.target.clone(), from, to, &leg.call_id, cseq)?;
        request.headers.extend(leg.routes.iter().map(|r| Header::Route(r.clone().into())).collect());
        Ok(request)
    }

    /// BYE for an answered leg.
    pub fn bye(&self, leg: &Leg, cseq: u32) -> Result<Request, BuildError> {
        let mut request = self.within(leg, Method::Bye, cseq)?;
        request.headers.push(Header::Reason("Q.850;cause=16;text=\"Normal call clearing\"".to_string().into()));
        Ok(request)
    }

    /// ACK of the 2xx to the INVITE of this CSeq, where the stack sends none.
    pub fn ack(&self, leg: &Leg, invite_cseq: u32) -> Result<Request, BuildError> {
        self.within(leg, Method::Ack, invite_cseq)
    }

    /// PRACK of the provisional response `rseq` to the INVITE of this CSeq (RFC 3262 §7.2).
    pub fn prack(&self, leg: &Leg, cseq: u32, rseq: u32, invite_cseq: u32) -> Result<Request, BuildError> {
        let mut request = self.within(leg, Method::PRack, cseq)?;
        request.headers.push(Header::RAck(format!("{rseq} {invite_cseq} INVITE").into()));
        Ok(request)
    }

    /// A session refresh: an UPDATE without `sdp`, a re-INVITE with it.
    pub fn refresh(
        &self,
        leg: &Leg,
        cseq: u32,
        caller: &str,
        timer: Vec<Header>,
        sdp: Option<Vec<u8>>,
    ) -> Result<Request, BuildError> {
        let method = if sdp.is_some() { Method::Invite } else { Method::Update };
        let mut request = self.within(leg, method, cseq)?;
        request.headers.push(self.contact(caller));
        request.headers.push(Header::Allow(ALLOWED.to_string().into()));
        // Not 100rel: nobody acknowledges a provisional response to a refresh.
        request.headers.push(Header::Supported(session_timer::OPTION.to_string().into()));
        request.headers.extend(timer);
        if let Some(sdp) = sdp {
            request.headers.push(Header::ContentType("application/sdp".to_string().into()));
            request.body = sdp;
        }
        Ok(request)
    }

    /// `request` once more as a new one: new branch, its own CSeq, without the credentials of the first.
    pub fn again(&self, request: &Request, cseq: u32) -> Result<Request, BuildError> {
        let mut again = request.clone();
        again.headers.retain(|h| {
            !matches!(h, Header::Via(_) | Header::CSeq(_) | Header::Authorization(_) | Header::ProxyAuthorization(_))
        });
        again.headers.push(Header::CSeq(format!("{cseq} {}", request.method).into()));
        again.headers.push_front(self.via()?);
        Ok(again)
    }

    /// `request` once more with an answer to the challenge in `response`: new branch, next CSeq. Credentials for other servers on the
    /// way stay (RFC 3261 §22.3).
    pub fn with_credentials(
        &self,
        request: &Request,
        response: &Response,
        credentials: &Credentials,
        cseq: u32,
    ) -> Result<Request, DigestError> {
        let (uri, cnonce) = (request.uri.to_string(), random_text(16));
        let asked = Asked { credentials, method: request.method, uri: &uri, cnonce: &cnonce };
        let sent = |proxy: bool| -> Vec<&str> {
            let of_kind = |h: &'_ Header| matches!(h, Header::ProxyAuthorization(_)) == proxy;
            let all = request.headers.iter().filter(|h| of_kind(h));
            all.filter_map(|h| match h {
                Header::Authorization(v) => Some(v.value()),
                Header::ProxyAuthorization(v) => Some(v.value()),
                _ => None,
            })
            .collect()
        };
        let by_proxy = response.status_code.code() == 407;
        let answered = digest::answer(&challenges(response), &sent(by_proxy), &asked)?;
        let kept = digest::renew(&sent(!by_proxy), &asked);
        let (to_proxies, to_server) = if by_proxy { (answered, kept) } else { (kept, answered) };
        let mut again = self.again(request, cseq).map_err(|e| DigestError::Unsupported(e.to_string()))?;
        again.headers.extend(to_proxies.into_iter().map(|v| Header::ProxyAuthorization(v.into())).collect());
        again.headers.extend(to_server.into_iter().map(|v| Header::Authorization(v.into())).collect());
        Ok(again)
    }
}

/// The values of the challenges in a 401 or 407.
pub fn challenges(response: &Response) -> Vec<&str> {
    let wanted = response.status_code.code();
    response
        .headers
        .iter()
        .filter_map(|h| match h {
            Header::WwwAuthenticate(v) if wanted != 407 => Some(v.value()),
            Header::ProxyAuthenticate(v) if wanted == 407 => Some(v.value()),
            _ => None,
        })
        .collect()
}

/// Longer than this no far end may put us off.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Retry-After (RFC 3261 §20.33), of which only the seconds count.
pub fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers.iter().find_map(|h| match h {
        Header::RetryAfter(v) => Some(v.value()),
        _ => None,
    })?;
    let digits = value.trim().split(|c: char| !c.is_ascii_digit()).next()?;
    // More digits than fit are a very long time.
    let seconds = if digits.is_empty() { return None } else { digits.parse().unwrap_or(u64::MAX) };
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// CANCEL of an INVITE: same Call-ID, tags, CSeq number, Request-URI and branch (RFC 3261 §9.1).
pub fn cancel(invite: &Request) -> Result<Request, BuildError> {
    let seq = invite.cseq_header()?.seq()?;
    let mut request = invite.clone();
    request.method = Method::Cancel;
    request.body.clear();
    request.headers.retain(|h| {
        matches!(
            h,
            Header::Via(_)
                | Header::MaxForwards(_)
                | Header::From(_)
                | Header::To(_)
                | Header::CallId(_)
                | Header::Route(_)
                | Header::UserAgent(_)
        )
    });
    request.headers.push(Header::CSeq(format!("{seq} CANCEL").into()));
    Ok(request)
}

/// The dialog with one far end: what its 2xx fixed.
#[derive(Clone, Debug)]
pub struct Leg {
    pub call_id: String,
    /// Our From with its tag.
    pub local: String,
    /// Their To with its tag.
    pub remote: String,
    pub remote_tag: String,
    pub target: Uri,
    pub routes: Vec<String>,
}

impl Leg {
    /// Never fails: a leg that was answered must be one that can be hung up, whatever its 200 looks like.
    pub fn from_answer(invite: &Request, response: &Response) -> Self {
        let to = response.to_header().or_else(|_| invite.to_header()).map(|h| h.value());
        Self::new(&invite.headers, to.unwrap_or_default(), response, || invite.uri.clone())
    }

    /// The same where the INVITE is gone: the response repeats what it said.
    pub fn from_orphan(response: &Response, from: &SipAddr) -> Self {
        let to = response.to_header().map(|h| h.value()).unwrap_or_default();
        Self::new(&response.headers, to, response, || Uri::from(from))
    }

    fn new(ours: &Headers, to: &str, response: &Response, target: impl FnOnce() -> Uri) -> Self {
        let routes = response.headers.iter().filter_map(|h| match h {
            Header::RecordRoute(value) => RecordRoute::parse_header_list(value.value()).ok(),
            _ => None,
        });
        let mut routes: Vec<String> = routes.flatten().map(|r| format!("<{}>", r.uri)).collect();
        routes.reverse();
        let text = |wanted: fn(&Header) -> Option<&str>| ours.iter().find_map(wanted).unwrap_or_default().to_string();
        Self {
            call_id: text(|h| if let Header::CallId(v) = h { Some(v.value()) } else { None }),
            local: text(|h| if let Header::From(v) = h { Some(v.value()) } else { None }),
            remote: to.to_string(),
            remote_tag: tag_of(to).unwrap_or_default().into(),
            target: contact_of(&response.headers).unwrap_or_else(target),
            routes,
        }
    }

    /// The To tag of a response.
    pub fn tag(response: &Response) -> &str {
        response.to_header().ok().and_then(|to| tag_of(to.value())).unwrap_or_default()
    }

    /// Whether a request with this From tag is of this dialog. A far end that gave us no tag may have any.
    pub fn is_from(&self, tag: &str) -> bool {
        self.remote_tag.is_empty() || self.remote_tag == tag
    }
}

/// The address in the first Contact, if it can be read.
pub fn contact_of(headers: &Headers) -> Option<Uri> {
    let value = headers.iter().find_map(|h| match h {
        Header::Contact(v) => Some(v.value()),
        _ => None,
    })?;
    Contact::parse_header_list(value).ok()?.into_iter().next().map(|c| c.uri)
}

/// A request inside a dialog: its To has a tag (RFC 3261 §12.2).
pub fn is_in_dialog(request: &Request) -> bool {
    request.to_header().is_ok_and(|to| tag_of(to.value()).is_some())
}

/// A 408 without a To tag was made by our own stack: nobody answered.
pub fn is_nobodys(response: &Response) -> bool {
    response.status_code.code() == 408 && Leg::tag(response).is_empty()
}

/// The tag parameter of a From or To value.
pub fn tag_of(value: &str) -> Option<&str> {
    let params = value.rsplit_once('>').map_or(value, |(_, params)| params);
    params.split(';').skip(usize::from(!value.contains('>'))).find_map(|p| {
        let (key, tag) = p.split_once('=')?;
        key.trim().eq_ignore_ascii_case("tag").then(|| tag.trim())
    })
}

fn without_params(uri: &Uri) -> Uri {
    Uri { params: vec![], headers: vec![], ..uri.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_whatever_the_form() {
        for (value, expected) in [
            ("<sip:a@b>;tag=1", Some("1")),
            ("\"x;tag=no>\" <sip:a@b;tag=no>;q=1; TAG = 2", Some("2")),
            ("sip:a@b;tag=3", Some("3")),
            ("<sip:a@b>", None),
            ("<sip:a@b;tag=no>", None),
            ("", None),
        ] {
            assert_eq!(tag_of(value), expected, "{value}");
        }
    }

    #[test]
    fn a_retry_after_is_read_leniently_and_capped() {
        for (value, expected) in [
            ("Retry-After: 120", Some(120)),
            ("Retry-After: 18000;duration=3600", Some(3600)),
            ("Retry-After: 5 (in a meeting)", Some(5)),
            ("Retry-After: 99999999999999999999999", Some(3600)),
            ("Retry-After: soon", None),
            ("Server: x", None),
        ] {
            let text = format!("SIP/2.0 503 Busy\r\n{value}\r\nContent-Length: 0\r\n\r\n");
            let response = Response::try_from(text.as_str()).unwrap();
            assert_eq!(retry_after(&response).map(|d| d.as_secs()), expected, "{value}");
        }
    }
}
