//! What every attempt begins with, whoever talks in it: a trunk that may take it, the number it shows, and the row of its call.

use super::super::Engine;
use crate::domain::call::Call;
use crate::domain::id::CallId;
use crate::domain::order::Order;
use crate::domain::visit::task::Visit;
use crate::sip::{NoTrunk, TrunkPick, Wanted};

/// The trunk for the next call of this visit: not one that has failed this attempt, and the number shown before is shown again.
pub fn pick_trunk(engine: &Engine, visit: &Visit, order: &Order) -> Result<TrunkPick, NoTrunk> {
    let (to, shown) = (&order.customer.phone, visit.caller_id.as_deref());
    engine.sip.pick_trunk_for(&Wanted { to, visit: visit.id.as_str(), shown, except: visit.trunks_tried() })
}

/// The visit as it is claimed, with the number that it shows from now on, and the row of the call `id`.
pub fn next_attempt(engine: &Engine, visit: Visit, order: &Order, pick: &TrunkPick, id: CallId) -> (Visit, Call) {
    let mut visit = engine.by_current_programme(visit);
    visit.caller_id.get_or_insert_with(|| pick.caller().to_owned());
    let (number, to, now) = (visit.attempts + 1, order.customer.phone.clone(), engine.clock.now());
    let (of, programme) = (visit.id.clone(), visit.programme.clone());
    let claimed = Call::claimed(id, of, order.no.clone(), number, to, programme, now);
    (visit, Call { trunk: Some(pick.name().to_owned()), ..claimed })
}
