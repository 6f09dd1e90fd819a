//! The dialer: takes a snapshot, asks the planner, does what it says, sleeps until the plan or an event wakes it.
//!
//! Contract: one dialer per process; it keeps no state of its own but the number of calls up, so a restart forgets nothing.
//! Which visit, when and why not is decided by [`plan`]; here are only the snapshot and the hands.

use super::Engine;
use super::agent;
use super::calls::{self, Ticket, for_person, pick_trunk};
use super::promises;
use super::site::Site;
use crate::config::Config;
use crate::domain::id::{CallId, VisitId};
use crate::domain::order::Order;
use crate::domain::phone::Phone;
use crate::domain::programme::{AgentDial, DialMode};
use crate::domain::seat::{Seat, Wanted as Wants};
use crate::domain::visit::customer::SameCustomer;
use crate::domain::visit::plan::{Budget, Capacity, Disk, Gate, Situation, TrunkState, mode_of, plan};
use crate::domain::visit::task::{Visit, mark_escalated, mark_late, round_over};
use crate::media::wav;
use crate::sip::{NoTrunk, TrunkLimit, TrunkStatus};
use crate::store::StoreError;
use jiff::Timestamp;
use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Looks again after so long when the database could not be read.
const AFTER_ERROR: Duration = Duration::from_secs(2);
/// The longest sleep: a missed wake-up never costs more.
const NAP_MAX: Duration = Duration::from_secs(60);

/// The numbers that are being called, from the decision to the final row; a slot is released exactly once, by drop.
///
/// The plan sees a visit as waiting until its claim is committed: without this a wake-up in between would begin it, or another of the
/// same customer, again.
#[derive(Clone, Default)]
pub struct CallsUp(Arc<Mutex<BTreeMap<Phone, DialMode>>>);

impl CallsUp {
    pub fn count(&self) -> u32 {
        u32::try_from(self.up().len()).unwrap_or(u32::MAX)
    }

    /// Unattended calls among them.
    fn unattended(&self) -> u32 {
        u32::try_from(self.up().values().filter(|mode| **mode == DialMode::Voice).count()).unwrap_or(u32::MAX)
    }

    /// `None`: this number is on the line for another visit.
    fn take(&self, phone: &Phone, mode: DialMode) -> Option<CallSlot> {
        match self.up().entry(phone.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(mode);
                Some(CallSlot { calls: self.clone(), phone: phone.clone() })
            }
        }
    }

    fn up(&self) -> MutexGuard<'_, BTreeMap<Phone, DialMode>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct CallSlot {
    calls: CallsUp,
    phone: Phone,
}

impl Drop for CallSlot {
    fn drop(&mut self) {
        self.calls.up().remove(&self.phone);
    }
}

/// Runs until the engine stops, then waits for nothing: calls end by themselves.
pub async fn run(engine: Arc<Engine>) {
    while !engine.stop.is_cancelled() {
        let nap = match step(&engine).await {
            Ok(nap) => nap.min(NAP_MAX),
            Err(error) => {
                tracing::error!(%error, "the dialer could not read its visits");
                AFTER_ERROR
            }
        };
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.kicked() => {}
            () = engine.sip.trunks_changed() => {}
            () = tokio::time::sleep(nap) => {}
        }
    }
}

/// One look at everything; returns how long nothing is to be done.
async fn step(engine: &Arc<Engine>) -> Result<Duration, StoreError> {
    engine.begin_day().await?;
    let snapshot = Snapshot::read(engine).await?;
    let now = engine.clock.now();
    let situation = situation(engine, &snapshot);
    let decided = plan(now, &situation);
    let by_id: HashMap<_, _> = snapshot.visits.iter().map(|v| (&v.id, v)).collect();
    for (id, call) in &decided.results_due {
        wrap_up_over(engine, id, call).await?;
    }
    for (id, cause) in &decided.late {
        if let Some(visit) = by_id.get(id) {
            save(engine, mark_late(visit, cause)).await;
        }
    }
    for (id, cause) in &decided.escalate {
        if let Some(visit) = by_id.get(id) {
            tracing::warn!(visit.id = %id, cause, "a visit is past its deadline and is escalated (A02)");
            save(engine, mark_escalated(now, visit, cause)).await;
        }
    }
    let mut retry = None;
    for id in &decided.dial {
        let Some(visit) = by_id.get(id) else { continue };
        retry = earlier(retry, begin(engine, visit, mode_of(visit, &situation)).await);
    }
    let wake = decided.next_wakeup.map(|at| until(now, at));
    Ok(earlier(wake, retry).unwrap_or(NAP_MAX))
}

/// What the plan depends on in the database.
pub struct Snapshot {
    /// One look, one set of programmes.
    site: Arc<Site>,
    visits: Vec<Visit>,
    same: SameCustomer,
    seats: Vec<Seat>,
    wants: HashMap<VisitId, Wants>,
    budget: Option<Budget>,
}

impl Snapshot {
    pub async fn read(engine: &Engine) -> Result<Self, StoreError> {
        let (site, visits) = (engine.site(), engine.store.open_visits().await?);
        let by_agent = |visit: &Visit| {
            let own = site.rules.programmes.get(&visit.programme).and_then(|programme| programme.mode);
            own.unwrap_or(site.mode) == DialMode::Agent
        };
        let agents = visits.iter().any(by_agent);
        Ok(Self {
            site,
            visits,
            same: engine.store.same_customer(customer_rest(&engine.config)).await?,
            seats: if agents { engine.store.seats().await? } else { vec![] },
            wants: if agents { engine.store.wants().await? } else { HashMap::new() },
            budget: engine.budget().await?,
        })
    }
}

fn customer_rest(config: &Config) -> Duration {
    Duration::from_secs(u64::from(config.dialer.customer_rest_min) * 60)
}

/// Nobody said what the call came to in time, or the engine was stopped before it could be saved.
async fn wrap_up_over(engine: &Engine, visit: &VisitId, call: &CallId) -> Result<(), StoreError> {
    let call = engine.store.call(call).await?;
    if let Err(error) = agent::apply_result(engine, &call, call.conversation.as_ref()).await {
        tracing::error!(visit.id = %visit, %error, "a wrap-up whose time is over could not be closed");
    }
    promises::keep_written(engine, &call, &call.form).await?;
    Ok(())
}

/// Everything the plan depends on, as it is now.
pub fn situation<'a>(engine: &'a Engine, snapshot: &'a Snapshot) -> Situation<'a> {
    let config = &engine.config;
    Situation {
        visits: &snapshot.visits,
        same: &snapshot.same,
        programmes: &snapshot.site.rules.programmes,
        calendar: &snapshot.site.rules.calendar,
        mode: snapshot.site.mode,
        capacity: Capacity {
            voice_free: config.dialer.max_voice_calls.saturating_sub(engine.calls_up.unattended()),
            reserve_idle_seats: config.dialer.reserve_idle_seats,
        },
        seats: &snapshot.seats,
        wants: &snapshot.wants,
        gate: Gate {
            dialling_enabled: config.dialer.enabled,
            disk: disk(engine),
            trunk: trunk_state(engine.clock.now(), &engine.sip.trunks()),
            budget: snapshot.budget,
        },
    }
}

/// C01: without room for a recording nothing is dialled. A folder that cannot be asked counts as full.
fn disk(engine: &Engine) -> Disk {
    let config = &engine.config.recordings;
    let free_mb = wav::free_mb(&config.store).unwrap_or_else(|error| {
        tracing::error!(%error, "the free space of the recordings folder cannot be read");
        0
    });
    if free_mb >= config.min_free_mb { Disk::Ok } else { Disk::Low { free_mb, floor_mb: config.min_free_mb } }
}

fn trunk_state(now: Timestamp, trunks: &[TrunkStatus]) -> TrunkState {
    let usable: Vec<&TrunkStatus> = trunks.iter().filter(|t| t.usable).collect();
    if usable.is_empty() {
        let reasons: Vec<String> = trunks.iter().map(|t| format!("{}：{}", t.name, t.reason)).collect();
        let reason = if reasons.is_empty() { "没有配置任何中继线路".to_owned() } else { reasons.join("；") };
        let retry_at = trunks.iter().filter_map(|t| t.retry_after).min().and_then(|after| now.checked_add(after).ok());
        return TrunkState::Down { reason, retry_at };
    }
    TrunkState::Ready { free_lines: usable.iter().map(|t| t.max_calls.saturating_sub(t.calls_up)).sum() }
}

/// Starts the call of one visit; `Some` = try again after so long.
async fn begin(engine: &Arc<Engine>, visit: &Visit, mode: DialMode) -> Option<Duration> {
    let order = match engine.store.order(&visit.order_no).await {
        Ok(stored) => stored.order,
        Err(error) => {
            tracing::error!(visit.id = %visit.id, %error, "the order of a visit cannot be read");
            return Some(AFTER_ERROR);
        }
    };
    let Some(slot) = engine.calls_up.take(&order.customer.phone, mode) else {
        return None; // the call that was begun is not yet claimed, or not yet put away; its end wakes the dialer
    };
    match pick_trunk(engine, visit, &order) {
        // For an agent it is picked again when he is ready: a look at the order must not hold a line.
        Ok(_) if mode == DialMode::Agent => begin_for_agent(engine, visit, order, slot).await,
        Ok(pick) => {
            start(engine, Ticket { visit: visit.clone(), order, pick }, slot);
            None
        }
        Err(none) if !visit.trunks_tried().is_empty() && !none.is_only_busy() => {
            end_round(engine, visit).await;
            None
        }
        Err(none) if none.refusals.iter().all(|(_, limit)| *limit == TrunkLimit::Prefix) => {
            not_allowed(engine, visit, &order, &none).await;
            None
        }
        Err(none) => none.retry_after().or(Some(AFTER_ERROR)),
    }
}

fn start(engine: &Arc<Engine>, ticket: Ticket, slot: CallSlot) {
    let running = engine.clone();
    engine.tasks.spawn(async move {
        calls::run(running.clone(), ticket).await;
        drop(slot);
        running.kick();
    });
}

/// Reserves a seat; when there is none, a seat that changes wakes the dialer.
async fn begin_for_agent(engine: &Arc<Engine>, visit: &Visit, order: Order, slot: CallSlot) -> Option<Duration> {
    let site = engine.site();
    let programme = site.rules.programmes.get(&visit.programme);
    let look = programme.filter(|programme| programme.dial == AgentDial::Preview).map(|programme| programme.preview);
    let (now, floor) = (engine.clock.now(), engine.config.dialer.reserve_idle_seats);
    let until = look.map(|look| now.checked_add(look).unwrap_or(Timestamp::MAX));
    let wants = Wants::of(&order, visit);
    match engine.store.reserve_seat(now, visit, &wants, floor, look.is_some(), until).await {
        Ok(Ok(seat)) => {
            engine.seat_changed(&seat);
            engine.tasks.spawn(agent::serve(engine.clone(), visit.clone(), order, seat, slot));
            None
        }
        Ok(Err(none)) => {
            tracing::debug!(visit.id = %visit.id, why = %none, "no seat for a visit");
            None
        }
        Err(error) => {
            tracing::warn!(visit.id = %visit.id, %error, "no seat could be reserved");
            Some(AFTER_ERROR)
        }
    }
}

/// The trunk that was to take the call next cannot: the attempt has come to its end.
async fn end_round(engine: &Engine, visit: &Visit) {
    let site = engine.site();
    let Some(programme) = site.rules.programmes.get(&visit.programme) else { return };
    let now = engine.clock.now();
    save(engine, round_over(now, visit, programme, &site.rules.calendar)).await;
    engine.kick();
}

/// No trunk will ever take this number: a person must look at it.
async fn not_allowed(engine: &Engine, visit: &Visit, order: &Order, none: &NoTrunk) {
    tracing::warn!(visit.id = %visit.id, phone = %order.customer.phone, "no trunk may dial this number");
    let problem = format!("客户的号码是{}：{}", order.customer.phone.kind_zh(), none.why());
    save(engine, for_person(engine.clock.now(), visit.clone(), &problem)).await;
}

/// A save that loses against another writer is repeated by the next plan.
async fn save(engine: &Engine, visit: Visit) {
    match engine.store.save_visit(&visit).await {
        Ok(saved) => engine.announce_visit(&saved),
        Err(error) => tracing::warn!(visit.id = %visit.id, %error, "a visit changed while it was planned"),
    }
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}

fn earlier(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_has_one_slot_however_often_he_is_planned_and_gives_it_back() {
        let up = CallsUp::default();
        let phone = |number: &str| Phone::parse(number).unwrap();
        let (one, two) = (phone("13800138001"), phone("13800138002"));
        let take = |phone| up.take(phone, DialMode::Voice);
        let slots = (take(&one), take(&one), up.take(&two, DialMode::Agent));
        assert!(slots.0.is_some() && slots.1.is_none() && slots.2.is_some());
        assert_eq!((up.count(), up.unattended()), (2, 1));
        drop(slots);
        assert_eq!(up.count(), 0);
        assert!(up.take(&one, DialMode::Agent).is_some());
    }
}
