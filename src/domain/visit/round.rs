//! A round: one attempt to reach the customer, over one trunk after the other until one of them takes the call.
//!
//! Contract: only a call that failed by its trunk's fault before the customer's phone rang is passed on; a round tries every trunk at
//! most once; whatever it came to, it counts as one try of the visit (`steps`). Which trunk comes next is the line's business.

use crate::domain::call::Call;
use crate::domain::call::outcome::{Fault, Outcome};

/// The trunks that a round has tried, when its last call is to be passed on: those of before, and the call's own.
pub fn tried_with(before: &[String], call: &Call) -> Option<Vec<String>> {
    let last = call.trunk.clone().filter(|_| trunk_failed(call))?;
    Some(before.iter().filter(|name| **name != last).cloned().chain([last.clone()]).collect())
}

/// The customer has noticed nothing, and over another trunk the same call may get through.
fn trunk_failed(call: &Call) -> bool {
    let noticed = [call.instants.ringing_at, call.instants.early_media_at, call.instants.answered_at];
    if noticed.iter().any(Option::is_some) {
        return false;
    }
    match (call.outcome, call.fault) {
        (Some(Outcome::AuthFailed), _) | (Some(Outcome::TrunkFailure), Some(Fault::Trunk | Fault::Network)) => true,
        // Our request was not to its liking (400, 488 …): another may like it. Without a status nothing was asked: the fault is ours.
        (Some(Outcome::TrunkFailure), Some(Fault::Us)) => call.sip_status.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{CallId, OrderNo, VisitId};
    use crate::domain::phone::Phone;
    use jiff::Timestamp;

    fn call(outcome: Outcome, fault: Fault, sip_status: Option<u16>) -> Call {
        let (id, visit, order) = (CallId::new("c"), VisitId::new("v"), OrderNo::new("FL-1"));
        let to = Phone::parse("13812345678").unwrap();
        Call {
            trunk: Some("b".into()),
            outcome: Some(outcome),
            fault: Some(fault),
            sip_status,
            ..Call::claimed(id, visit, order, 1, to, "excavator".into(), Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn only_a_call_that_its_trunk_failed_before_the_phone_rang_is_passed_on() {
        use Outcome::*;
        for (outcome, fault, status, passed_on) in [
            (TrunkFailure, Fault::Trunk, Some(503), true),
            (TrunkFailure, Fault::Trunk, None, true),
            (TrunkFailure, Fault::Network, Some(500), true),
            (TrunkFailure, Fault::Us, Some(488), true),
            (TrunkFailure, Fault::Us, None, false),
            (AuthFailed, Fault::Us, Some(401), true),
            (RecorderFailed, Fault::Us, None, false),
            (Cancelled, Fault::Us, Some(487), false),
            (Unreachable, Fault::Network, Some(480), false),
            (Busy, Fault::Customer, Some(486), false),
            (InvalidNumber, Fault::Customer, Some(404), false),
        ] {
            let mut call = call(outcome, fault, status);
            let expected = passed_on.then(|| vec!["a".to_string(), "b".to_string()]);
            assert_eq!(tried_with(&["a".into()], &call), expected, "{outcome:?} {fault:?} {status:?}");
            call.instants.ringing_at = Some(Timestamp::UNIX_EPOCH);
            assert_eq!(tried_with(&["a".into()], &call), None, "the phone rang: {outcome:?}");
        }
        let again = tried_with(&["b".into(), "a".into()], &call(TrunkFailure, Fault::Trunk, None));
        assert_eq!(again, Some(vec!["a".into(), "b".into()]), "each trunk stands there once");
    }
}
