//! Housekeeping: figures for `/metrics`, rows that nobody needs any more, and the alarms of complaints whose time has come.
//!
//! Contract: a failure is one line in the log and the next round tries again.

use super::{Engine, complaints};
use crate::domain::seat::Seat;
use crate::store::StoreError;
use crate::store::job::JobKind;
use crate::store::visit::VisitStateName;
use std::sync::Arc;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(15);
/// Old idempotency keys are dropped every so many rounds: hourly.
const SWEEP_ROUNDS: u32 = 240;

/// Runs until the engine stops.
pub async fn run(engine: Arc<Engine>) {
    let mut round = 0u32;
    while !engine.stop.is_cancelled() {
        if let Err(error) = once(&engine, round.is_multiple_of(SWEEP_ROUNDS)).await {
            tracing::warn!(%error, "housekeeping failed");
        }
        round = round.wrapping_add(1);
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn once(engine: &Engine, sweep: bool) -> Result<(), StoreError> {
    complaints::look(engine).await?;
    let counts = engine.store.counts().await?;
    // States without rows are left out of the counts; their gauges must still go back to zero.
    for state in VisitStateName::ALL {
        let count = counts.visits.iter().find(|(name, _)| name == state.name()).map_or(0, |(_, n)| *n);
        metrics::gauge!("huifang_visits", "state" => state.name()).set(count as f64);
    }
    for kind in JobKind::ALL {
        let waiting = |state: &str| matches!(state, "queued" | "leased");
        let mine = counts.jobs.iter().filter(|(k, state, _)| k == kind.name() && waiting(state));
        metrics::gauge!("huifang_jobs_waiting", "kind" => kind.name())
            .set(mine.map(|(_, _, n)| *n).sum::<i64>() as f64);
    }
    metrics::gauge!("huifang_visits_late").set(counts.visits_late as f64);
    metrics::gauge!("huifang_inbox_open").set(counts.inbox_open as f64);
    metrics::gauge!("huifang_calls_up").set(f64::from(engine.calls_up.count()));
    if let Some(budget) = engine.budget().await? {
        metrics::gauge!("huifang_daily_calls_left").set(f64::from(budget.left()));
    }
    // B01: somebody is signed in and nobody is idle.
    let (now, seats) = (engine.clock.now(), engine.store.seats().await?);
    let count = |holds: &dyn Fn(&Seat) -> bool| seats.iter().filter(|seat| holds(seat)).count() as f64;
    metrics::gauge!("huifang_seats_signed_in").set(count(&|seat| seat.is_connected(now)));
    metrics::gauge!("huifang_seats_idle").set(count(&|seat| seat.is_idle(now)));
    for trunk in engine.sip.trunks() {
        metrics::gauge!("huifang_trunk_up", "trunk" => trunk.name.clone()).set(f64::from(u8::from(trunk.usable)));
        metrics::gauge!("huifang_trunk_calls_up", "trunk" => trunk.name).set(f64::from(trunk.calls_up));
    }
    if sweep {
        engine.store.forget_old_keys().await?;
        // A process that has run since spring hears of the new year too.
        let missing = engine.site().rules.calendar.coverage_warning(engine.clock.now());
        metrics::gauge!("huifang_holidays_missing").set(f64::from(u8::from(missing.is_some())));
        if let Some(warning) = missing {
            tracing::warn!("{warning}");
        }
    }
    Ok(())
}
