//! Reliable provisional responses (RFC 3262), the caller's half: which of them to acknowledge with PRACK, and in what order.
//!
//! Pure. One [`InOrder`] belongs to one early dialog. It does not send the PRACK, and we never send a reliable response ourselves.

use rsipstack::sip::prelude::*;
use rsipstack::sip::{Header, Response};

/// The option tag.
pub const OPTION: &str = "100rel";

/// What to do with a reliable response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Acknowledge it and tell of it.
    Next,
    /// Its PRACK is on its way: neither acknowledge nor tell again.
    Repeated,
    /// An earlier one is missing: it is as if this had never come (RFC 3262 §4); the far end will repeat both.
    TooEarly,
}

/// The numbers of one early dialog.
#[derive(Clone, Copy, Debug, Default)]
pub struct InOrder {
    last: Option<u32>,
}

impl InOrder {
    pub fn take(&mut self, rseq: u32) -> Turn {
        match self.last {
            Some(last) if rseq <= last => Turn::Repeated,
            Some(last) if rseq - last > 1 => Turn::TooEarly,
            Some(_) | None => {
                self.last = Some(rseq);
                Turn::Next
            }
        }
    }
}

/// The RSeq of a response that wants a PRACK. An RSeq that is not required, or a requirement without a number, wants none.
pub fn rseq_of(response: &Response) -> Option<u32> {
    let required = response.headers.iter().any(|h| match h {
        Header::Require(v) => v.value().split(',').any(|tag| tag.trim().eq_ignore_ascii_case(OPTION)),
        _ => false,
    });
    if required { response.rseq_value() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Turn::*;

    #[test]
    fn responses_are_acknowledged_once_and_in_order() {
        for (numbers, expected) in [
            (vec![1, 2, 3], vec![Next, Next, Next]),
            (vec![988_789, 988_790], vec![Next, Next]),
            (vec![7, 7, 8, 7], vec![Next, Repeated, Next, Repeated]),
            (vec![1, 3, 2, 3], vec![Next, TooEarly, Next, Next]),
            (vec![u32::MAX, 0], vec![Next, Repeated]),
        ] {
            let mut order = InOrder::default();
            let got: Vec<Turn> = numbers.iter().map(|n| order.take(*n)).collect();
            assert_eq!(got, expected, "{numbers:?}");
        }
    }

    #[test]
    fn only_a_required_number_wants_a_prack() {
        for (headers, expected) in [
            ("Require: 100rel\r\nRSeq: 5\r\n", Some(5)),
            ("Require: timer, 100REL\r\nRSeq: 5\r\n", Some(5)),
            ("Supported: 100rel\r\nRSeq: 5\r\n", None),
            ("Require: 100rel\r\n", None),
            ("Require: 100rel\r\nRSeq: many\r\n", None),
            ("Require: 100rel\r\nRSeq: 99999999999\r\n", None),
        ] {
            let response = Response::try_from(format!("SIP/2.0 183 X\r\n{headers}\r\n").as_str()).unwrap();
            assert_eq!(rseq_of(&response), expected, "{headers}");
        }
    }
}
