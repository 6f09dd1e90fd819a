//! Mends messages that far ends get wrong, between the stack's parser and its transactions.
//!
//! One case today: a 2xx to an INVITE without a Contact that can be read. The stack would neither ACK it nor ever end the leg; the
//! address that the answer came from is where ACK and BYE have the best chance.

use rsipstack::sip::prelude::*;
use rsipstack::sip::typed::Contact;
use rsipstack::sip::{Header, Method, Response, SipMessage};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;

pub struct Mend;

impl MessageInspector for Mend {
    fn before_send(&self, message: SipMessage, _to: Option<&SipAddr>) -> SipMessage {
        message
    }

    fn after_received(&self, message: SipMessage, from: Option<&SipAddr>) -> SipMessage {
        match (message, from) {
            (SipMessage::Response(response), Some(from)) => with_contact(response, from).into(),
            (other, _) => other,
        }
    }
}

fn with_contact(mut response: Response, from: &SipAddr) -> Response {
    let answers_invite = response.cseq_header().and_then(|c| c.method()).is_ok_and(|m| m == Method::Invite);
    let success = (200..300).contains(&response.status_code.code());
    let readable = response.contact_header().is_ok_and(|c| Contact::parse(c.value()).is_ok());
    if success && answers_invite && !readable {
        tracing::warn!(net.peer = %from, "a 200 came without a contact that can be read: its source address is used");
        let uri = rsipstack::sip::Uri::from(from);
        response.headers.unique_push(Header::Contact(format!("<{uri}>").into()));
    }
    response
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
        match Mend.after_received(SipMessage::try_from(text.as_str()).unwrap(), Some(&from)) {
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
}
