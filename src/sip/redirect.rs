//! Redirections (RFC 3261 §8.1.3.4): whether a 3xx is followed, and where to.
//!
//! Pure. Followed are 300, 301, 302 and 305, and only to a host that the trunk's owner named (the host of `trunks.uri`, or one of
//! `trunks.redirect_hosts`) and to a number of the class that was dialled: a far end must not send our calls anywhere at our cost. Who
//! calls counts the redirections; one is followed. Beyond host, port and user nothing is taken from the Contact; a call over TCP
//! stays on its connection to the trunk, which then routes the new Request-URI.

use super::trunk::Trunk;
use crate::domain::phone::Phone;
use rsipstack::sip::typed::Contact;
use rsipstack::sip::{Header, Response, Scheme, Uri};

/// The Request-URI to try instead; `None`: the redirection is the end of the call.
pub fn target(response: &Response, trunk: &Trunk, dialled: &Phone) -> Option<Uri> {
    if !matches!(response.status_code.code(), 300 | 301 | 302 | 305) {
        return None;
    }
    let mut contacts: Vec<(Contact, u32)> = contacts(response).into_iter().map(|c| (c.0, c.1)).collect();
    // Stable: of equals the first named is tried.
    contacts.sort_by_key(|(_, q)| std::cmp::Reverse(*q));
    contacts.into_iter().find_map(|(contact, _)| allowed(&contact.uri, trunk, dialled))
}

/// Every Contact with its q in thousandths.
fn contacts(response: &Response) -> Vec<(Contact, u32)> {
    let lists = response.headers.iter().filter_map(|h| match h {
        Header::Contact(v) => Contact::parse_header_list(v.value()).ok(),
        _ => None,
    });
    lists
        .flatten()
        .map(|contact| {
            let q = contact
                .params
                .iter()
                .find_map(|p| p.to_string().to_ascii_lowercase().strip_prefix(";q=")?.parse().ok());
            let q: f64 = q.unwrap_or(1.0);
            (contact, (q.clamp(0.0, 1.0) * 1000.0) as u32)
        })
        .collect()
}

fn allowed(uri: &Uri, trunk: &Trunk, dialled: &Phone) -> Option<Uri> {
    let host = uri.host_with_port.host.to_string();
    if uri.scheme != Some(Scheme::Sip) || !trunk.is_own_host(&host) {
        return None;
    }
    let user = match &uri.auth {
        None => trunk.dialling.user(dialled),
        Some(auth) if is_of_class(&auth.user, trunk, dialled) => auth.user.clone(),
        Some(_) => return None,
    };
    let mut target = trunk.address_of(&user);
    target.host_with_port = uri.host_with_port.clone();
    Some(target)
}

/// A name without a number is the trunk's own affair; a number must be one that this trunk may dial, of the class that we dialled.
fn is_of_class(user: &str, trunk: &Trunk, dialled: &Phone) -> bool {
    if !user.bytes().any(|b| b.is_ascii_digit()) {
        return true;
    }
    Phone::parse(user).is_ok_and(|phone| trunk.may_dial(&phone) && class(&phone) == class(dialled))
}

#[derive(PartialEq, Eq)]
enum Class {
    Abroad,
    Landline,
    Mobile,
    /// Short codes, 400 and 800 numbers and the rest.
    Service,
}

fn class(phone: &Phone) -> Class {
    let dialled = phone.as_dialled();
    if dialled.starts_with("00") {
        Class::Abroad
    } else if dialled.starts_with('0') {
        Class::Landline
    } else if dialled.starts_with('1') && dialled.len() == 11 {
        Class::Mobile
    } else {
        Class::Service
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, contacts: &str, expected: Option<&str>) {
        let trunk = "name = \"t\"\nuri = \"sip:Gate.example.cn:5070\"\nredirect_hosts = [\"10.0.0.7\"]";
        let trunk = Trunk::from_config(&toml::from_str(trunk).unwrap(), &Default::default()).unwrap();
        let response = Response::try_from(format!("SIP/2.0 {status} X\r\n{contacts}\r\n").as_str()).unwrap();
        let got = target(&response, &trunk, &Phone::parse("13812345678").unwrap());
        assert_eq!(got.map(|u| u.to_string()).as_deref(), expected, "{status} {contacts}");
    }

    #[test]
    fn a_redirection_is_followed_only_inside_the_trunk_and_the_class_of_number() {
        let there = Some("sip:13900001111@10.0.0.7");
        check(302, "Contact: <sip:13900001111@10.0.0.7>\r\n", there);
        check(301, "m: sip:13900001111@10.0.0.7\r\n", there);
        check(300, "Contact: <sip:13900001111@10.0.0.7;transport=tls;x=y?Route=evil>;q=0.2\r\n", there);
        check(305, "Contact: <sip:gate.EXAMPLE.cn:5090>\r\n", Some("sip:13812345678@gate.EXAMPLE.cn:5090"));
        check(302, "Contact: <sip:ivr@gate.example.cn>\r\n", Some("sip:ivr@gate.example.cn"));
        for (status, contacts) in [
            (302, "Contact: <sip:13900001111@192.0.2.1>\r\n"),
            (302, "Contact: <sip:13900001111@gate.example.cn.evil.com>\r\n"),
            (302, "Contact: <sips:13900001111@10.0.0.7>\r\n"),
            (302, "Contact: <tel:13900001111>\r\n"),
            (302, "Contact: <sip:0085223456789@10.0.0.7>\r\n"),
            (302, "Contact: <sip:01062345678@10.0.0.7>\r\n"),
            (302, "Contact: <sip:95588@10.0.0.7>\r\n"),
            (302, "Contact: <sip:x16812345@10.0.0.7>\r\n"),
            (302, "Contact: *\r\n"),
            (302, ""),
            (380, "Contact: <sip:13900001111@10.0.0.7>\r\n"),
            (486, "Contact: <sip:13900001111@10.0.0.7>\r\n"),
        ] {
            check(status, contacts, None);
        }
    }

    #[test]
    fn the_preferred_of_the_allowed_contacts_is_tried() {
        let line =
            "Contact: <sip:13900000001@10.0.0.7>;q=0.1, <sip:13900000002@10.0.0.7>;q=0.7, <sip:1@192.0.2.1>;q=1.0\r\n";
        check(302, line, Some("sip:13900000002@10.0.0.7"));
        let lines = "Contact: <sip:1@192.0.2.1>\r\nContact: <sip:13900000001@10.0.0.7>\r\n";
        check(302, lines, Some("sip:13900000001@10.0.0.7"));
    }
}
