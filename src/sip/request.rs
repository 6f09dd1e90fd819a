//! Requests that we send, and the little that must be remembered of a dialog to send them.
//!
//! Builds messages; sends nothing. Route sets are taken as loose (RFC 3261 §16.4), like everything in the field is.

use super::digest::{self, Credentials, DigestError};
use super::line::Line;
use super::trunk::Trunk;
use rsipstack::sip::prelude::*;
use rsipstack::sip::typed::{Contact, RecordRoute};
use rsipstack::sip::{Header, HostWithPort, Method, Param, Request, Response, Scheme, Transport, Uri, Version};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::{make_tag, random_text};
use rsipstack::transport::SipAddr;

/// What we answer to, in Allow headers.
pub const ALLOWED: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, NOTIFY, MESSAGE";

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

    /// The first INVITE of a call to `user` at `trunk`.
    pub fn invite(&self, trunk: &Trunk, user: &str, call_id: &str, sdp: Vec<u8>) -> Result<Request, BuildError> {
        let to = trunk.address_of(user);
        let from = format!("<{}>;tag={}", without_params(&trunk.address_of(&trunk.caller)), make_tag());
        let to_header = format!("<{}>", without_params(&to));
        let mut request = self.request(Method::Invite, to, from, to_header, call_id, 1)?;
        request.headers.push(self.contact(&trunk.caller));
        request.headers.push(Header::Allow(ALLOWED.to_string().into()));
        if !sdp.is_empty() {
            request.headers.push(Header::ContentType("application/sdp".to_string().into()));
        }
        request.body = sdp;
        Ok(request)
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
        let aor = format!("<{}>", without_params(&trunk.address_of(account)));
        let from = format!("{aor};tag={}", make_tag());
        let mut request = self.request(Method::Register, trunk.uri.clone(), from, aor, call_id, cseq)?;
        request.headers.push(self.contact(account));
        request.headers.push(Header::Expires(expires_s.into()));
        Ok(request)
    }

    /// BYE for an answered leg.
    pub fn bye(&self, leg: &Leg, cseq: u32) -> Result<Request, BuildError> {
        let (from, to) = (leg.local.clone(), leg.remote.clone());
        let mut request = self.request(Method::Bye, leg.target.clone(), from, to, &leg.call_id, cseq)?;
        request.headers.extend(leg.routes.iter().map(|r| Header::Route(r.clone().into())).collect());
        request.headers.push(Header::Reason("Q.850;cause=16;text=\"Normal call clearing\"".to_string().into()));
        Ok(request)
    }

    /// `request` once more with an answer to the challenge in `response`: new branch, next CSeq.
    pub fn with_credentials(
        &self,
        request: &Request,
        response: &Response,
        credentials: &Credentials,
        cseq: u32,
    ) -> Result<Request, DigestError> {
        let broken = |e: String| DigestError::Unsupported(e);
        let uri = request.uri.to_string();
        let challenges = challenges(response);
        let value = digest::answer(&challenges, credentials, request.method, &uri, &random_text(16))?;
        let mut again = request.clone();
        again.headers.retain(|h| {
            !matches!(h, Header::Via(_) | Header::CSeq(_) | Header::Authorization(_) | Header::ProxyAuthorization(_))
        });
        again.headers.push(Header::CSeq(format!("{cseq} {}", request.method).into()));
        again.headers.push(match response.status_code.code() {
            407 => Header::ProxyAuthorization(value.into()),
            _ => Header::Authorization(value.into()),
        });
        again.headers.push_front(self.via().map_err(|e| broken(e.to_string()))?);
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
        let routes = response.headers.iter().filter_map(|h| match h {
            Header::RecordRoute(value) => RecordRoute::parse_header_list(value.value()).ok(),
            _ => None,
        });
        let mut routes: Vec<String> = routes.flatten().map(|r| format!("<{}>", r.uri)).collect();
        routes.reverse();
        let text = |value: Result<&str, _>| value.map(str::to_string).unwrap_or_default();
        let remote = text(response.to_header().or_else(|_| invite.to_header()).map(|h| h.value()));
        let contact = response.contact_header().ok().and_then(|c| Contact::parse(c.value()).ok());
        Self {
            call_id: text(invite.call_id_header().map(|h| h.value())),
            local: text(invite.from_header().map(|h| h.value())),
            remote_tag: tag_of(&remote).unwrap_or_default().into(),
            remote,
            target: contact.map_or_else(|| invite.uri.clone(), |c| c.uri),
            routes,
        }
    }
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
}
