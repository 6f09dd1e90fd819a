//! Where each seat's telephone is to be reached (RFC 3261 §10.3): what a REGISTER asks for, and what is bound after it.
//!
//! Pure: takes `now`; `W` is the way back to the phone, which is of no concern here. Held in memory only: phones register again by
//! themselves. A seat has [`CONTACTS_MAX`] contacts at most, the newest stay, and the newest is the one that is called. Not here: q (a
//! seat has one telephone at a time), GRUU and outbound flows (RFC 5626, RFC 5627), Path.

use jiff::{SignedDuration, Timestamp};
use rsipstack::sip::event_packages::percent_decode;
use rsipstack::sip::prelude::*;
use rsipstack::sip::typed::Contact;
use rsipstack::sip::{Header, Host, Param, Request, Scheme, Uri};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Contacts of one seat.
pub const CONTACTS_MAX: usize = 2;
/// A phone may ask for no less, and gets no more.
pub const EXPIRES_MIN_S: u32 = 60;
pub const EXPIRES_MAX_S: u32 = 3600;
/// Contacts of one REGISTER that are read.
const ASKED_MAX: usize = 8;

/// What a REGISTER wants done with the bindings of its seat.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// No Contact: what is bound?
    Ask,
    /// `Contact: *` with Expires 0.
    RemoveAll,
    /// Each for so many seconds, 0 = remove.
    Bind(Vec<(Uri, u32)>),
}

/// Why a REGISTER is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400.
    Unreadable,
    /// 423 with Min-Expires.
    TooBrief,
    /// 500: it is older than what is bound.
    OutOfOrder,
}

impl Wish {
    /// From the Contact and Expires headers; `longest_s` is what this phone gets at most.
    pub fn of(request: &Request, longest_s: u32) -> Result<Self, Refusal> {
        let expires = request.headers.iter().find_map(|h| match h {
            Header::Expires(v) => Some(v.value().trim().to_owned()),
            _ => None,
        });
        let lists = request.contact_headers();
        if lists.is_empty() {
            return Ok(Self::Ask);
        }
        if lists.iter().any(|list| list.value().trim() == "*") {
            let alone = lists.len() == 1 && expires.as_deref() == Some("0");
            return if alone { Ok(Self::RemoveAll) } else { Err(Refusal::Unreadable) };
        }
        let mut wanted = vec![];
        for list in lists {
            for contact in Contact::parse_header_list(list.value()).map_err(|_| Refusal::Unreadable)? {
                if wanted.len() == ASKED_MAX || !matches!(contact.uri.scheme, Some(Scheme::Sip | Scheme::Sips)) {
                    return Err(Refusal::Unreadable);
                }
                let own = contact.params.iter().find_map(|p| match p {
                    Param::Expires(e) => Some(e.value().to_owned()),
                    _ => None,
                });
                // What cannot be read is as if it were not there (RFC 3261 §20.19).
                let asked = own.or(expires.clone()).and_then(|text| text.parse::<u32>().ok()).unwrap_or(longest_s);
                if (1..EXPIRES_MIN_S).contains(&asked) {
                    return Err(Refusal::TooBrief);
                }
                let mut uri = contact.uri;
                if let Some(auth) = &mut uri.auth {
                    // The parser leaves escapes as they are, and the writer would escape them once more.
                    auth.user = percent_decode(&auth.user);
                }
                wanted.push((uri, asked.min(longest_s)));
            }
        }
        Ok(Self::Bind(wanted))
    }
}

/// One contact of a seat.
#[derive(Clone, Debug)]
pub struct Binding<W> {
    /// As the phone wrote it.
    pub contact: Uri,
    /// Where the REGISTER came from.
    pub source: SocketAddr,
    pub until: Timestamp,
    pub way: W,
    call_id: String,
    cseq: u32,
}

impl<W> Binding<W> {
    /// The address in the contact cannot be the one that reaches the phone: it lies behind something that translates.
    pub fn is_translated(&self) -> bool {
        match self.contact.host_with_port.host {
            Host::IpAddr(ip) => ip != self.source.ip(),
            // Names of a network that is not ours.
            Host::Domain(_) => true,
        }
    }

    /// The seconds that are left, rounded up.
    pub fn left_s(&self, now: Timestamp) -> i64 {
        let left = self.until.duration_since(now);
        left.as_secs() + i64::from(left.subsec_nanos() > 0)
    }
}

/// A REGISTER whose sender has shown who he is.
pub struct Asked<'a, W> {
    pub seat: &'a str,
    pub wish: Wish,
    pub call_id: &'a str,
    pub cseq: u32,
    pub source: SocketAddr,
    pub way: W,
}

/// What is bound, by seat; of each seat the newest last.
pub struct Bindings<W>(HashMap<String, Vec<Binding<W>>>);

impl<W> Default for Bindings<W> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<W: Clone> Bindings<W> {
    /// Does what is asked for, or nothing of it. Whether something is bound that was not, or no more.
    pub fn apply(&mut self, asked: Asked<W>, now: Timestamp) -> Result<bool, Refusal> {
        let Asked { seat, wish, call_id, cseq, source, way } = asked;
        let mut bound: Vec<Binding<W>> = self.of(seat, now).cloned().collect();
        let before = bound.len();
        let is_old = |b: &Binding<W>| b.call_id == call_id && cseq <= b.cseq;
        match wish {
            Wish::Ask => return Ok(false),
            Wish::RemoveAll => {
                if bound.iter().any(is_old) {
                    return Err(Refusal::OutOfOrder);
                }
                bound.clear();
            }
            Wish::Bind(wanted) => {
                for (contact, expires_s) in wanted {
                    if let Some(at) = bound.iter().position(|b| is_equal(&b.contact, &contact)) {
                        if is_old(&bound[at]) {
                            return Err(Refusal::OutOfOrder);
                        }
                        bound.remove(at);
                    }
                    if expires_s > 0 {
                        let until = now.saturating_add(SignedDuration::from_secs(expires_s.into()));
                        // A lifetime within the hour never leaves the range of a time.
                        let until = until.unwrap_or(Timestamp::MAX);
                        let (way, call_id) = (way.clone(), call_id.to_owned());
                        bound.push(Binding { contact, source, until, way, call_id, cseq });
                    }
                }
                let surplus = bound.len().saturating_sub(CONTACTS_MAX);
                bound.drain(..surplus);
            }
        }
        let changed = (before == 0) != bound.is_empty();
        if bound.is_empty() {
            self.0.remove(seat);
        } else {
            self.0.insert(seat.to_owned(), bound);
        }
        Ok(changed)
    }

    /// The contacts of a seat that hold now.
    pub fn of(&self, seat: &str, now: Timestamp) -> impl DoubleEndedIterator<Item = &Binding<W>> {
        self.0.get(seat).into_iter().flatten().filter(move |b| b.until > now)
    }

    /// Forgets what has run out or has no way back any more; the seats that have no telephone by that.
    pub fn sweep(&mut self, now: Timestamp, is_reachable: impl Fn(&W) -> bool) -> Vec<String> {
        let mut gone = vec![];
        self.0.retain(|seat, bound| {
            bound.retain(|b| b.until > now && is_reachable(&b.way));
            if bound.is_empty() {
                gone.push(seat.clone());
            }
            !bound.is_empty()
        });
        gone
    }

    pub fn all(&self) -> impl Iterator<Item = &Binding<W>> {
        self.0.values().flatten()
    }
}

/// The same contact (RFC 3261 §19.1.4, as far as phones need it): parameters that a phone changes from one REGISTER to the next do not
/// count.
fn is_equal(a: &Uri, b: &Uri) -> bool {
    let transport = |uri: &Uri| {
        uri.params.iter().find_map(|p| match p {
            Param::Transport(t) => Some(*t),
            _ => None,
        })
    };
    let user = |uri: &Uri| uri.auth.as_ref().map(|auth| auth.user.clone());
    a.scheme == b.scheme
        && user(a) == user(b)
        && a.host_with_port.to_string().eq_ignore_ascii_case(&b.host_with_port.to_string())
        && transport(a) == transport(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + s).unwrap()
    }

    fn request(headers: &str) -> Request {
        let text = format!("REGISTER sip:h SIP/2.0\r\n{headers}Content-Length: 0\r\n\r\n");
        Request::try_from(text.as_str()).unwrap()
    }

    #[track_caller]
    fn check(headers: &str, expected: Result<&[(&str, u32)], Refusal>) {
        let wish = Wish::of(&request(headers), EXPIRES_MAX_S);
        let expected =
            expected.map(|list| Wish::Bind(list.iter().map(|(uri, s)| (Uri::try_from(*uri).unwrap(), *s)).collect()));
        assert_eq!(wish, expected, "{headers}");
    }

    #[test]
    fn a_register_says_what_is_to_be_bound_and_for_how_long() {
        check("Contact: <sip:chen@10.0.0.1>;expires=60\r\nExpires: 900\r\n", Ok(&[("sip:chen@10.0.0.1", 60)]));
        check("Contact: <sip:chen@10.0.0.1>\r\nExpires: 900\r\n", Ok(&[("sip:chen@10.0.0.1", 900)]));
        check("Contact: <sip:chen@10.0.0.1>\r\n", Ok(&[("sip:chen@10.0.0.1", 3600)]));
        check("Contact: <sip:chen@10.0.0.1>;expires=86400\r\n", Ok(&[("sip:chen@10.0.0.1", 3600)]));
        check("Contact: <sip:chen@10.0.0.1>\r\nExpires: soon\r\n", Ok(&[("sip:chen@10.0.0.1", 3600)]));
        check("m: sip:chen@10.0.0.1;expires=0\r\n", Ok(&[("sip:chen@10.0.0.1", 0)]));
        check("Contact: <sip:%E9%99%88@10.0.0.1>\r\n", Ok(&[("sip:陈@10.0.0.1", 3600)]));
        check(
            "Contact: <sip:a@10.0.0.1>, <sip:b@10.0.0.2:5070>;expires=120\r\nExpires: 90\r\n",
            Ok(&[("sip:a@10.0.0.1", 90), ("sip:b@10.0.0.2:5070", 120)]),
        );
        check("Contact: <sip:chen@10.0.0.1>;expires=59\r\n", Err(Refusal::TooBrief));
        check("Contact: <sip:chen@10.0.0.1>\r\nExpires: 1\r\n", Err(Refusal::TooBrief));
        check("Contact: *\r\nExpires: 60\r\n", Err(Refusal::Unreadable));
        check("Contact: *\r\n", Err(Refusal::Unreadable));
        check("Contact: *\r\nContact: <sip:chen@10.0.0.1>\r\nExpires: 0\r\n", Err(Refusal::Unreadable));
        check("Contact: <tel:+8613800001111>\r\n", Err(Refusal::Unreadable));
        check("Contact: <sip:chen@10.0.0.1\r\n", Err(Refusal::Unreadable));
        let nine: String = (0..9).map(|n| format!("Contact: <sip:{n}@10.0.0.1>\r\n")).collect();
        check(&nine, Err(Refusal::Unreadable));
        assert_eq!(Wish::of(&request("Contact: *\r\nExpires: 0\r\n"), EXPIRES_MAX_S), Ok(Wish::RemoveAll));
        assert_eq!(Wish::of(&request(""), EXPIRES_MAX_S), Ok(Wish::Ask));
    }

    /// One REGISTER of `chen` from a phone with this Call-ID; what is bound after it, the newest last.
    fn register(bindings: &mut Bindings<()>, who: &str, cseq: u32, headers: &str, now: i64) -> Result<String, Refusal> {
        let wish = Wish::of(&request(headers), EXPIRES_MAX_S)?;
        let source = "10.0.0.1:5060".parse().unwrap();
        bindings.apply(Asked { seat: "chen", wish, call_id: who, cseq, source, way: () }, at(now))?;
        let bound: Vec<String> =
            bindings.of("chen", at(now)).map(|b| format!("{} {}", b.contact, b.left_s(at(now)))).collect();
        Ok(bound.join(", "))
    }

    #[test]
    fn the_newest_two_contacts_are_kept_until_their_time_and_in_their_order() {
        let mut bindings = Bindings::default();
        let mut bound =
            |who: &str, cseq: u32, headers: &str, now: i64| register(&mut bindings, who, cseq, headers, now);
        assert_eq!(bound("a", 1, "Contact: <sip:a@h>;expires=60\r\n", 0).unwrap(), "sip:a@h 60");
        assert_eq!(bound("b", 1, "Contact: <sip:b@h>;expires=600\r\n", 1).unwrap(), "sip:a@h 59, sip:b@h 600");
        // Again: it is the newest now, whatever parameters it has taken on.
        assert_eq!(bound("a", 2, "Contact: <sip:a@H;ob>;expires=60\r\n", 2).unwrap(), "sip:b@h 599, sip:a@H;ob 60");
        assert_eq!(bound("c", 1, "Contact: <sip:c@h>;expires=60\r\n", 3).unwrap(), "sip:a@H;ob 59, sip:c@h 60");
        assert_eq!(bound("d", 1, "", 62).unwrap(), "sip:c@h 1", "its time is over at 62");
        assert_eq!(bound("c", 2, "Contact: <sip:c@h>;expires=0\r\n", 62).unwrap(), "");
    }

    #[test]
    fn a_register_that_is_older_than_what_is_bound_changes_nothing() {
        let mut bindings = Bindings::default();
        let mut bound = |who: &str, cseq: u32, headers: &str| register(&mut bindings, who, cseq, headers, 0);
        let (a, both) = ("Contact: <sip:a@h>;expires=60\r\n", "Contact: <sip:b@h>, <sip:a@h>\r\n");
        bound("one", 5, a).unwrap();
        for cseq in [4, 5] {
            assert_eq!(bound("one", cseq, a), Err(Refusal::OutOfOrder));
            assert_eq!(bound("one", cseq, both), Err(Refusal::OutOfOrder), "all or nothing");
            assert_eq!(bound("one", cseq, "Contact: *\r\nExpires: 0\r\n"), Err(Refusal::OutOfOrder));
        }
        assert_eq!(bound("one", 5, "").unwrap(), "sip:a@h 60");
        // A phone that was started anew counts from one.
        assert_eq!(bound("two", 1, "Contact: <sip:a@h>;expires=90\r\n").unwrap(), "sip:a@h 90");
        assert_eq!(bound("one", 6, "Contact: *\r\nExpires: 0\r\n").unwrap(), "");
    }

    #[test]
    fn what_has_run_out_or_lost_its_way_is_swept_and_its_seat_named() {
        let mut bindings = Bindings::default();
        let source = "10.0.0.1:5060".parse().unwrap();
        let mut bind = |seat: &str, expires: u32, way: bool| {
            let wish = Wish::Bind(vec![(Uri::try_from("sip:x@10.0.0.1").unwrap(), expires)]);
            bindings.apply(Asked { seat, wish, call_id: "c", cseq: 1, source, way }, at(0))
        };
        assert_eq!(bind("long", 600, true), Ok(true));
        assert_eq!(bind("short", 60, true), Ok(true));
        assert_eq!(bind("cut", 600, false), Ok(true));
        assert_eq!(bindings.sweep(at(0), |way| *way), ["cut"]);
        assert_eq!(bindings.sweep(at(59), |way| *way), Vec::<String>::new());
        assert_eq!(bindings.sweep(at(60), |way| *way), ["short"]);
        assert_eq!(bindings.all().count(), 1);
    }

    #[test]
    fn a_contact_with_another_address_than_its_sender_is_behind_a_translator() {
        for (contact, expected) in [
            ("sip:a@10.0.0.1:5060", false),
            ("sip:a@10.0.0.1:5099", false),
            ("sip:a@192.168.1.9:5060", true),
            ("sip:a@phone.local", true),
        ] {
            let mut bindings = Bindings::default();
            let source = "10.0.0.1:5060".parse().unwrap();
            let wish = Wish::Bind(vec![(Uri::try_from(contact).unwrap(), 60)]);
            bindings.apply(Asked { seat: "s", wish, call_id: "c", cseq: 1, source, way: () }, at(0)).unwrap();
            assert_eq!(bindings.all().next().unwrap().is_translated(), expected, "{contact}");
        }
    }
}
