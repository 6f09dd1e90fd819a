//! Desk phones that come and go: the page of their seat is told, and the dialer wakes.

use super::super::Engine;
use crate::domain::id::SeatId;
use crate::domain::seat::{Seat, SeatPhone};
use crate::store::StoreError;
use std::collections::HashSet;
use std::sync::Arc;

/// Runs until the engine stops. At its start no phone is registered: registrations die with the process.
pub async fn follow_phones(engine: Arc<Engine>) {
    let mut there = HashSet::new();
    loop {
        tokio::select! {
            () = engine.stop.cancelled() => return,
            () = engine.sip.registrations_changed() => {}
        }
        if let Err(error) = tell_changes(&engine, &mut there).await {
            tracing::error!(%error, "the seats of desk phones could not be read");
        }
    }
}

/// `there` are the seats whose phone was registered when this was last looked at.
async fn tell_changes(engine: &Engine, there: &mut HashSet<SeatId>) -> Result<(), StoreError> {
    let has_desk_phone = |seat: &Seat| seat.phone == SeatPhone::Registered;
    for seat in engine.store.seats().await?.into_iter().filter(has_desk_phone) {
        let changed = match engine.sip.registered(seat.id.as_str()) {
            Some(_) => there.insert(seat.id.clone()),
            None => there.remove(&seat.id),
        };
        if changed {
            engine.seat_changed(&seat);
        }
    }
    Ok(())
}
