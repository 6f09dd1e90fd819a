//! The early dialogs of one INVITE: a call may ring at several phones at once, each with its own To tag.
//!
//! Remembers per tag what a PRACK, an early request or a 200 without SDP needs, and which early SDP was told last, so that a repeated
//! one is not told again. Sends nothing. Bounded: more early dialogs than any exchange opens are heard but not remembered.

use super::body::sdp_of;
use super::reliable::{InOrder, Turn, rseq_of};
use super::request::Leg;
use rsipstack::sip::{Request, Response};

const EARLY_MAX: usize = 16;

/// The audio that a provisional response announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyMedia {
    None,
    /// SDP that was not told last.
    New,
    /// The same SDP again.
    Known,
}

/// A provisional response that counts.
pub struct Heard {
    pub media: EarlyMedia,
    pub sdp: Vec<u8>,
    /// The early dialog that wants a PRACK, and the RSeq to name in it.
    pub prack: Option<(Leg, u32)>,
}

struct Early {
    leg: Leg,
    order: InOrder,
    sdp: Vec<u8>,
    /// The SDP came reliably: our offer has its answer.
    answered: bool,
}

#[derive(Default)]
pub struct Forks {
    early: Vec<Early>,
    told: Vec<u8>,
}

impl Forks {
    /// A response of 101–199. `None`: it is a repetition, or out of order, and nothing follows from it.
    pub fn on_provisional(&mut self, invite: &Request, response: &Response) -> Option<Heard> {
        let leg = Leg::from_answer(invite, response);
        if response.status_code.code() == 199 {
            // RFC 6228: this phone is out; the others ring on.
            self.early.retain(|e| e.leg.remote_tag != leg.remote_tag);
            return None;
        }
        let sdp = sdp_of(&response.headers, &response.body);
        let early = self.dialog(leg);
        let mut prack = None;
        if let (Some(rseq), Some(early)) = (rseq_of(response), early) {
            if early.order.take(rseq) != Turn::Next {
                return None;
            }
            early.answered |= !sdp.is_empty();
            prack = Some((early.leg.clone(), rseq));
        }
        let media = self.media(&sdp, response);
        Some(Heard { media, sdp, prack })
    }

    /// The early SDP of the phone that answered without one, unless it is the one that was told last.
    pub fn sdp_of(&self, tag: &str) -> Vec<u8> {
        let early = self.early.iter().find(|e| e.leg.remote_tag == tag);
        early.filter(|e| e.sdp != self.told).map(|e| e.sdp.clone()).unwrap_or_default()
    }

    /// Whether this phone has answered our offer already, so that it may make one of its own (RFC 3311 §5.1).
    pub fn may_offer(&self, tag: &str) -> bool {
        self.early.iter().any(|e| e.answered && e.leg.remote_tag == tag)
    }

    fn dialog(&mut self, leg: Leg) -> Option<&mut Early> {
        let known = self.early.iter().position(|e| e.leg.remote_tag == leg.remote_tag);
        if known.is_none() && !leg.remote_tag.is_empty() && self.early.len() < EARLY_MAX {
            self.early.push(Early { leg, order: InOrder::default(), sdp: vec![], answered: false });
            return self.early.last_mut();
        }
        known.and_then(|at| self.early.get_mut(at))
    }

    fn media(&mut self, sdp: &[u8], response: &Response) -> EarlyMedia {
        if sdp.is_empty() {
            return EarlyMedia::None;
        }
        let tag = Leg::tag(response);
        if let Some(early) = self.early.iter_mut().find(|e| e.leg.remote_tag == tag) {
            early.sdp = sdp.to_vec();
        }
        if self.told == sdp {
            return EarlyMedia::Known;
        }
        self.told = sdp.to_vec();
        EarlyMedia::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite() -> Request {
        let text = "INVITE sip:1@t SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=us\r\nTo: <sip:1@t>\r\n\
                    Call-ID: x\r\nCSeq: 1 INVITE\r\n\r\n";
        Request::try_from(text).unwrap()
    }

    /// `status tag rseq sdp`, 0 for an unreliable response.
    fn hear(
        forks: &mut Forks,
        status: u16,
        tag: &str,
        rseq: u32,
        sdp: &str,
    ) -> Option<(EarlyMedia, Option<(String, u32)>)> {
        let reliable = if rseq > 0 { format!("Require: 100rel\r\nRSeq: {rseq}\r\n") } else { String::new() };
        let text = format!(
            "SIP/2.0 {status} X\r\nFrom: <sip:a@b>;tag=us\r\nTo: <sip:1@t>;tag={tag}\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:{tag}@h>\r\n{reliable}\r\n"
        );
        let mut response = Response::try_from(text.as_str()).unwrap();
        response.body = sdp.into();
        let heard = forks.on_provisional(&invite(), &response)?;
        Some((heard.media, heard.prack.map(|(leg, rseq)| (leg.target.to_string(), rseq))))
    }

    #[test]
    fn every_early_dialog_counts_its_own_responses() {
        let mut forks = Forks::default();
        let prack = |tag: &str, rseq| Some((format!("sip:{tag}@h"), rseq));
        for (status, tag, rseq, sdp, expected) in [
            (180, "a", 1, "", Some((EarlyMedia::None, prack("a", 1)))),
            (183, "b", 1, "v=b", Some((EarlyMedia::New, prack("b", 1)))),
            (180, "a", 1, "", None),
            (183, "a", 3, "v=a", None),
            (183, "a", 2, "v=a", Some((EarlyMedia::New, prack("a", 2)))),
            (183, "c", 0, "v=a", Some((EarlyMedia::Known, None))),
            (199, "a", 0, "", None),
        ] {
            assert_eq!(hear(&mut forks, status, tag, rseq, sdp), expected, "{status} {tag} {rseq}");
        }
        assert!(forks.may_offer("b") && !forks.may_offer("a") && !forks.may_offer("c"));
        assert_eq!(forks.sdp_of("b"), b"v=b", "told, but not last");
        assert!(forks.sdp_of("c").is_empty() && forks.sdp_of("stranger").is_empty());
    }

    #[test]
    fn the_memory_of_early_dialogs_is_bounded() {
        let mut forks = Forks::default();
        for n in 0..100 {
            assert!(hear(&mut forks, 180, &format!("t{n}"), 0, "").is_some());
        }
        assert_eq!(forks.early.len(), EARLY_MAX);
    }
}
