//! Mends messages that far ends get wrong, between the stack's parser and its transactions.
//!
//! - A 2xx to an INVITE without a Contact that can be read: the stack would neither ACK it nor ever end the leg; the address that the
//!   answer came from is where ACK and BYE have the best chance.
//! - A Contact that names another transport than the one it came over (gateways behind a converting proxy): over UDP the call stays on
//!   UDP, since the far end has just shown that it hears us there.
//! - A Contact of a desk phone that lies behind a translator of addresses (`registrar`): it is where the phone was heard from.
//! - A response with Vias below ours (a proxy that forgot to take its own away): only ours stays, or the stack would take it for one to be
//!   forwarded and not acknowledge it.
//! - Requests of ours whose first hop is a strict router (no `lr`, RFC 3261 §12.2.1.1): Request-URI and Route change places.

use super::registrar::Translated;
use super::request::contact_of;
use rsipstack::sip::prelude::*;
use rsipstack::sip::typed::Route;
use rsipstack::sip::{Header, Headers, Method, Param, Request, Response, SipMessage, Transport};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;
use std::sync::Arc;

#[derive(Default)]
pub struct Mend {
    translated: Arc<Translated>,
}

impl Mend {
    pub fn new(translated: Arc<Translated>) -> Self {
        Self { translated }
    }

    fn keep_source(&self, headers: &mut Headers, from: &SipAddr) {
        let over_udp = from.r#type.unwrap_or_default() == Transport::Udp;
        let Some(source) = from.get_socketaddr().ok().filter(|source| over_udp && self.translated.holds(*source))
        else {
            return;
        };
        if let Some(mut uri) = contact_of(headers) {
            uri.host_with_port = source.into();
            headers.unique_push(Header::Contact(format!("<{uri}>").into()));
        }
    }
}

impl MessageInspector for Mend {
    fn before_send(&self, message: SipMessage, _to: Option<&SipAddr>) -> SipMessage {
        match message {
            SipMessage::Request(request) => turned_for_strict_router(request).into(),
            SipMessage::Response(_) => message,
        }
    }

    fn after_received(&self, message: SipMessage, from: Option<&SipAddr>) -> SipMessage {
        match (message, from) {
            (SipMessage::Response(mut response), Some(from)) => {
                keep_our_via(&mut response);
                if response.status_code.code() < 300 {
                    keep_transport(&mut response.headers, from);
                    self.keep_source(&mut response.headers, from);
                }
                with_contact(response, from).into()
            }
            (SipMessage::Request(mut request), Some(from)) => {
                keep_transport(&mut request.headers, from);
                if request.method != Method::Register {
                    self.keep_source(&mut request.headers, from);
                }
                request.into()
            }
            (message, None) => message,
        }
    }
}

fn keep_our_via(response: &mut Response) {
    if !response.has_multiple_vias() {
        return;
    }
    if let Ok(ours) = response.top_via_header() {
        tracing::warn!("a response came with the vias of others below ours, which are ignored");
        response.headers.retain(|h| !matches!(h, Header::Via(_)));
        response.headers.push_front(Header::Via(ours));
    }
}

fn with_contact(mut response: Response, from: &SipAddr) -> Response {
    let answers_invite = response.cseq_header().and_then(|c| c.method()).is_ok_and(|m| m == Method::Invite);
    let success = (200..300).contains(&response.status_code.code());
    if success && answers_invite && contact_of(&response.headers).is_none() {
        tracing::warn!(net.peer = %from, "a 200 came without a contact that can be read: its source address is used");
        let uri = rsipstack::sip::Uri::from(from);
        response.headers.unique_push(Header::Contact(format!("<{uri}>").into()));
    }
    response
}

fn keep_transport(headers: &mut Headers, from: &SipAddr) {
    let Some(mut uri) = contact_of(headers).filter(|_| from.r#type.unwrap_or_default() == Transport::Udp) else {
        return;
    };
    let count = uri.params.len();
    uri.params.retain(|p| !matches!(p, Param::Transport(t) if *t != Transport::Udp));
    if uri.params.len() < count {
        tracing::warn!(net.peer = %from, "a contact names another transport than the call's, which is kept");
        headers.unique_push(Header::Contact(format!("<{uri}>").into()));
    }
}

/// The stack finds the next hop in the first typed Route or the Request-URI, and it repeats an ACK from what is returned here: the routes
/// are left untyped so that the next hop stays the strict router, and so that nothing is turned twice.
fn turned_for_strict_router(mut request: Request) -> Request {
    let routes: Vec<Route> = request
        .headers
        .iter()
        .filter_map(|h| match h {
            Header::Route(v) => Route::parse_header_list(v.value()).ok(),
            _ => None,
        })
        .flatten()
        .collect();
    let Some(first) = routes.first().filter(|r| !is_loose(&r.uri.params)) else { return request };
    let target = std::mem::replace(&mut request.uri, first.uri.clone());
    request.headers.retain(|h| !matches!(h, Header::Route(_)));
    let rest = routes.iter().skip(1).map(|r| r.uri.clone()).chain([target]);
    request.headers.extend(rest.map(|uri| Header::Other("Route".into(), format!("<{uri}>"))).collect());
    request
}

fn is_loose(params: &[Param]) -> bool {
    params.iter().any(|p| match p {
        Param::Lr => true,
        Param::Other(name, _) => name.to_string().eq_ignore_ascii_case("lr"),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact_after(status: &str, method: &str, contact: &str) -> Option<String> {
        let text = format!(
            "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
             Call-ID: x\r\nCSeq: 1 {method}\r\n{contact}Content-Length: 0\r\n\r\n"
        );
        let from: SipAddr = std::net::SocketAddr::from(([10, 0, 0, 1], 5070)).into();
        match Mend::default().after_received(SipMessage::try_from(text.as_str()).unwrap(), Some(&from)) {
            SipMessage::Response(r) => r.contact_header().ok().map(|c| c.value().to_string()),
            SipMessage::Request(_) => None,
        }
    }

    #[test]
    fn only_an_answer_to_an_invite_gets_a_contact() {
        for (status, method, contact, expected) in [
            ("200 OK", "INVITE", "", Some("<sip:10.0.0.1:5070>")),
            ("202 Accepted", "INVITE", "", Some("<sip:10.0.0.1:5070>")),
            ("200 OK", "INVITE", "Contact: <sip:\r\n", Some("<sip:10.0.0.1:5070>")),
            ("200 OK", "INVITE", "m: <sip:x@y>\r\n", Some("<sip:x@y>")),
            ("200 OK", "BYE", "", None),
            ("486 Busy", "INVITE", "", None),
        ] {
            assert_eq!(contact_after(status, method, contact).as_deref(), expected, "{status} {method} {contact}");
        }
    }

    #[test]
    fn a_contact_keeps_to_the_transport_that_it_came_over() {
        let over_udp = "Contact: \"x\" <sip:x@10.0.0.9:5080;transport=tcp;ob>;expires=9\r\n";
        assert_eq!(contact_after("200 OK", "INVITE", over_udp).as_deref(), Some("<sip:x@10.0.0.9:5080;ob>"));
        let redirect = contact_after("302 Moved", "INVITE", over_udp);
        assert!(redirect.unwrap().contains("transport=tcp"), "a redirection is not ours to mend");
    }

    #[test]
    fn a_strict_router_gets_the_request_as_it_wants_it() {
        for (routes, uri, written) in [
            ("", "sip:far@f", vec![]),
            ("Route: <sip:p1;lr>, <sip:p2>\r\n", "sip:far@f", vec!["Route: <sip:p1;lr>, <sip:p2>"]),
            ("Route: <sip:p1;lr=on>\r\n", "sip:far@f", vec!["Route: <sip:p1;lr=on>"]),
            ("Route: <sip:p1>\r\n", "sip:p1", vec!["Route: <sip:far@f>"]),
            ("Route: <sip:p1>\r\nRoute: <sip:p2;lr>\r\n", "sip:p1", vec!["Route: <sip:p2;lr>", "Route: <sip:far@f>"]),
        ] {
            let text = format!("ACK sip:far@f SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n{routes}\r\n");
            let once = turned_for_strict_router(Request::try_from(text.as_str()).unwrap());
            let twice = turned_for_strict_router(once.clone());
            for request in [once, twice] {
                let lines: Vec<String> = request.headers.iter().map(ToString::to_string).collect();
                let lines: Vec<&String> = lines.iter().filter(|l| l.starts_with("Route")).collect();
                assert_eq!(
                    (request.uri.to_string().as_str(), lines),
                    (uri, written.iter().map(|w| w.to_string()).collect::<Vec<_>>().iter().collect())
                );
            }
        }
    }
}
