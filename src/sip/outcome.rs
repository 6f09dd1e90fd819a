//! What a final SIP status means: exactly one outcome and the party at fault.
//!
//! Pure. Judged once, here: the status, the Q.850 cause of a Reason header (RFC 3326) where the network gave one (it is the
//! exchange's own word and beats the gateway's translation of it), and how far the call had come. It does not know calls that were
//! answered or that we ended ourselves.

use crate::domain::call::outcome::{Fault, Outcome};

/// How far an INVITE had come when its final response arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// Nothing ever came back.
    Silent,
    /// The next hop answered (100), the customer's phone is not known to ring.
    Heard,
    /// 180, 181, 182 or 183.
    Rang,
}

/// A final response, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Final {
    pub status: u16,
    /// Q.850 cause of the Reason header.
    pub cause: Option<u16>,
    pub progress: Progress,
    /// We had answered a challenge before.
    pub authenticated: bool,
}

/// One outcome and whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub outcome: Outcome,
    pub fault: Fault,
}

const fn is(outcome: Outcome, fault: Fault) -> Verdict {
    Verdict { outcome, fault }
}

/// Judges a final response of 300 and above; anything else is a broken trunk.
pub fn verdict(end: Final) -> Verdict {
    match end.status {
        401 | 407 => is(Outcome::AuthFailed, Fault::Us),
        403 if end.authenticated => is(Outcome::AuthFailed, Fault::Us),
        status => end.cause.and_then(|c| by_cause(c, end.progress)).unwrap_or_else(|| by_status(status, end.progress)),
    }
}

/// Q.850 table 1. `None`: the cause says nothing (16 normal clearing, 31 unspecified) or is unknown.
fn by_cause(cause: u16, progress: Progress) -> Option<Verdict> {
    Some(match cause {
        1 | 22 | 28 => is(Outcome::InvalidNumber, Fault::Customer),
        17 => is(Outcome::Busy, Fault::Customer),
        18 if progress == Progress::Rang => is(Outcome::NoAnswer, Fault::Customer),
        18 | 20 => is(Outcome::Unreachable, Fault::Customer),
        19 => is(Outcome::NoAnswer, Fault::Customer),
        21 => is(Outcome::Declined, Fault::Customer),
        2 | 3 | 27 => is(Outcome::Unreachable, Fault::Network),
        34 | 38 | 41 | 42 | 43 | 44 | 47 | 63 => is(Outcome::TrunkFailure, Fault::Network),
        29 | 50 | 52..=58 | 65 | 69 | 70 | 79 | 81 | 88 | 95..=102 | 111 | 127 => {
            is(Outcome::TrunkFailure, Fault::Trunk)
        }
        _ => return None,
    })
}

fn by_status(status: u16, progress: Progress) -> Verdict {
    match status {
        486 | 600 => is(Outcome::Busy, Fault::Customer),
        603 | 607 => is(Outcome::Declined, Fault::Customer),
        608 => is(Outcome::Declined, Fault::Network),
        404 | 410 | 484 | 485 | 604 => is(Outcome::InvalidNumber, Fault::Customer),
        408 | 480 | 487 => match progress {
            Progress::Rang => is(Outcome::NoAnswer, Fault::Customer),
            Progress::Heard => is(Outcome::Unreachable, Fault::Network),
            Progress::Silent if status == 408 => is(Outcome::TrunkFailure, Fault::Trunk),
            Progress::Silent => is(Outcome::Unreachable, Fault::Network),
        },
        // Our offer or our request was not to their liking.
        400 | 405 | 406 | 413..=417 | 420..=423 | 488 | 493 | 494 | 606 => is(Outcome::TrunkFailure, Fault::Us),
        482 | 483 => is(Outcome::TrunkFailure, Fault::Network),
        605 | 609..=699 => is(Outcome::Declined, Fault::Customer),
        // 3xx is not followed: a redirect could send our calls anywhere at our cost.
        _ => is(Outcome::TrunkFailure, Fault::Trunk),
    }
}

/// The Q.850 cause in a Reason header value, e.g. `SIP;cause=486, Q.850;cause=17;text="User busy"`.
pub fn q850_cause(reason: &str) -> Option<u16> {
    reason.split(',').find_map(|part| {
        let mut fields = part.split(';').map(str::trim);
        if !fields.next()?.eq_ignore_ascii_case("q.850") {
            return None;
        }
        fields.find_map(|f| {
            let (key, value) = f.split_once('=')?;
            if key.trim().eq_ignore_ascii_case("cause") { value.trim().parse().ok() } else { None }
        })
    })
}

/// Whether a BYE with this cause was the network's doing and not the customer's.
pub fn network_cleared(cause: u16) -> bool {
    by_cause(cause, Progress::Rang).is_some_and(|v| v.outcome == Outcome::TrunkFailure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Fault::*;
    use Outcome::*;
    use Progress::*;

    #[track_caller]
    fn check(status: u16, cause: Option<u16>, progress: Progress, authenticated: bool, expected: (Outcome, Fault)) {
        let got = verdict(Final { status, cause, progress, authenticated });
        assert_eq!((got.outcome, got.fault), expected, "{status} cause {cause:?} {progress:?} auth {authenticated}");
    }

    #[test]
    fn every_final_status_has_one_outcome_and_one_fault() {
        for (status, progress, expected) in [
            (486, Rang, (Busy, Customer)),
            (600, Rang, (Busy, Customer)),
            (603, Rang, (Declined, Customer)),
            (607, Rang, (Declined, Customer)),
            (608, Heard, (Declined, Network)),
            (404, Heard, (InvalidNumber, Customer)),
            (410, Heard, (InvalidNumber, Customer)),
            (484, Heard, (InvalidNumber, Customer)),
            (604, Heard, (InvalidNumber, Customer)),
            (480, Rang, (NoAnswer, Customer)),
            (480, Heard, (Unreachable, Network)),
            (480, Silent, (Unreachable, Network)),
            (408, Rang, (NoAnswer, Customer)),
            (408, Heard, (Unreachable, Network)),
            (408, Silent, (TrunkFailure, Trunk)),
            (487, Rang, (NoAnswer, Customer)),
            (487, Heard, (Unreachable, Network)),
            (401, Heard, (AuthFailed, Us)),
            (407, Heard, (AuthFailed, Us)),
            (403, Heard, (TrunkFailure, Trunk)),
            (402, Heard, (TrunkFailure, Trunk)),
            (488, Heard, (TrunkFailure, Us)),
            (606, Heard, (TrunkFailure, Us)),
            (482, Heard, (TrunkFailure, Network)),
            (302, Heard, (TrunkFailure, Trunk)),
            (500, Heard, (TrunkFailure, Trunk)),
            (503, Rang, (TrunkFailure, Trunk)),
            (504, Heard, (TrunkFailure, Trunk)),
            (699, Rang, (Declined, Customer)),
            (799, Heard, (TrunkFailure, Trunk)),
        ] {
            check(status, None, progress, false, expected);
        }
    }

    #[test]
    fn a_refusal_after_our_credentials_is_a_matter_of_credentials() {
        check(403, None, Heard, true, (AuthFailed, Us));
        check(403, Some(21), Heard, true, (AuthFailed, Us));
        check(403, Some(21), Heard, false, (Declined, Customer));
        check(486, None, Rang, true, (Busy, Customer));
    }

    #[test]
    fn the_exchange_s_cause_beats_the_gateway_s_status() {
        for (status, cause, progress, expected) in [
            (404, 1, Heard, (InvalidNumber, Customer)),
            (503, 1, Heard, (InvalidNumber, Customer)),
            (480, 17, Rang, (Busy, Customer)),
            (480, 18, Rang, (NoAnswer, Customer)),
            (480, 18, Heard, (Unreachable, Customer)),
            (480, 19, Heard, (NoAnswer, Customer)),
            (480, 20, Heard, (Unreachable, Customer)),
            (404, 20, Heard, (Unreachable, Customer)),
            (480, 21, Rang, (Declined, Customer)),
            (502, 27, Heard, (Unreachable, Network)),
            (503, 34, Heard, (TrunkFailure, Network)),
            (486, 34, Heard, (TrunkFailure, Network)),
            (500, 38, Heard, (TrunkFailure, Network)),
            (503, 41, Heard, (TrunkFailure, Network)),
            (487, 19, Rang, (NoAnswer, Customer)),
            (487, 17, Rang, (Busy, Customer)),
            (403, 57, Heard, (TrunkFailure, Trunk)),
            // 16 and 31 say nothing: the status counts.
            (486, 16, Rang, (Busy, Customer)),
            (480, 31, Heard, (Unreachable, Network)),
            (603, 999, Rang, (Declined, Customer)),
        ] {
            check(status, Some(cause), progress, false, expected);
        }
    }

    #[test]
    fn a_q850_cause_is_found_among_other_reasons() {
        for (text, expected) in [
            ("Q.850;cause=17;text=\"User busy\"", Some(17)),
            ("q.850 ; Cause = 20", Some(20)),
            ("SIP;cause=486;text=\"Busy Here\", Q.850;cause=34", Some(34)),
            ("SIP;cause=487", None),
            ("Q.850", None),
            ("Q.850;cause=abc", None),
            ("", None),
        ] {
            assert_eq!(q850_cause(text), expected, "{text}");
        }
    }

    #[test]
    fn a_bye_for_a_broken_line_is_the_network_s() {
        assert!(network_cleared(41) && network_cleared(38));
        assert!(!network_cleared(16) && !network_cleared(17) && !network_cleared(31));
    }
}
