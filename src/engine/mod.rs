//! The shells that act: load a snapshot, ask a pure function, save, do the effects.
//!
//! Contract: everything that must not be lost is in the store before it is acted on; a killed engine starts where the rows say
//! (`recovery`). One [`Engine`] per process; its parts share it.

mod agent;
mod background;
mod budget;
pub mod calls;
pub mod commands;
pub mod complaints;
pub mod desk;
pub mod dialer;
pub mod ears;
pub mod events;
pub mod handle;
pub mod intake;
pub mod ledger;
mod live;
mod promises;
mod record;
pub mod recovery;
mod reload;
mod rescoring;
pub mod review;
pub mod reviews;
pub mod seats;
pub mod site;
pub mod transcriber;
pub mod upkeep;
pub mod voice;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::call::Call;
use crate::domain::id::CallId;
use crate::domain::visit::task::Visit;
use crate::sip::{SipStack, TrunkStatus};
use crate::store::visit::VisitStateName;
use crate::store::{Store, whole_ms};
use ears::Ears;
use events::{CallPhase, EngineEvent, EventBus};
use intake::Intake;
use jiff::Timestamp;
use site::Site;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What every part of the engine works with.
pub struct Engine {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Store,
    pub(crate) bus: EventBus,
    site: RwLock<Arc<Site>>,
    pub(crate) sip: Arc<SipStack>,
    pub(crate) intake: Intake,
    /// Recognisers, loaded when first needed.
    pub(crate) ears: Arc<Ears>,
    pub(crate) calls_up: dialer::CallsUp,
    day: budget::Day,
    pub(crate) seats: seats::Seats,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    wake_dialer: Notify,
    wake_transcriber: Notify,
    wake_promises: Notify,
}

/// What is handed in at the start.
pub struct Parts {
    pub config: Arc<Config>,
    pub clock: Arc<dyn Clock>,
    pub store: Store,
    pub site: Arc<Site>,
    pub sip: Arc<SipStack>,
    pub intake: Intake,
    pub ears: Ears,
    pub stop: CancellationToken,
}

impl Engine {
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { config, clock, store, site, sip, intake, ears, stop } = parts;
        Arc::new(Self {
            ears: Arc::new(ears),
            config,
            clock,
            store,
            site: RwLock::new(site),
            sip,
            intake,
            stop,
            bus: EventBus::default(),
            calls_up: dialer::CallsUp::default(),
            day: budget::Day::default(),
            seats: seats::Seats::default(),
            tasks: TaskTracker::new(),
            wake_dialer: Notify::new(),
            wake_transcriber: Notify::new(),
            wake_promises: Notify::new(),
        })
    }

    /// Starts the dialer and the transcriber. `recovery` must have run.
    pub fn start(self: &Arc<Self>) {
        self.tasks.spawn(dialer::run(self.clone()));
        self.tasks.spawn(transcriber::run(self.clone()));
        self.tasks.spawn(upkeep::run(self.clone()));
        self.tasks.spawn(promises::run(self.clone()));
        self.tasks.spawn(seats::keep_leases(self.clone()));
        self.tasks.spawn(seats::follow_phones(self.clone()));
    }

    /// Waits until every call and job in hand has ended; `stop` must have been cancelled.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Now, as the store keeps it.
    fn now_ms(&self) -> Timestamp {
        whole_ms(self.clock.now())
    }

    /// Programmes, scripts, calendar and rubrics in force. Whoever decides several things by it keeps it.
    pub(crate) fn site(&self) -> Arc<Site> {
        self.site.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_site(&self, site: Arc<Site>) {
        self.intake.set_rules(site.rules.clone());
        *self.site.write().unwrap_or_else(PoisonError::into_inner) = site;
    }

    /// The visit as it is about to be called: it keeps the version of the programme that governs the call.
    pub(crate) fn by_current_programme(&self, mut visit: Visit) -> Visit {
        if let Some(programme) = self.site().rules.programmes.get(&visit.programme) {
            visit.origin.version.clone_from(&programme.version);
        }
        visit
    }

    pub fn events(&self) -> EventBus {
        self.bus.clone()
    }

    /// Calls that signalling still knows: zero when every far leg is gone.
    pub fn dialogs(&self) -> usize {
        self.sip.dialogs()
    }

    /// The trunks as an operator sees them.
    pub fn trunks(&self) -> Vec<TrunkStatus> {
        self.sip.trunks()
    }

    /// Something changed that may let a visit be dialled.
    pub(crate) fn kick(&self) {
        self.wake_dialer.notify_one();
    }

    pub(crate) async fn kicked(&self) {
        self.wake_dialer.notified().await;
    }

    /// A job was enqueued.
    pub(crate) fn more_jobs(&self) {
        self.wake_transcriber.notify_one();
    }

    pub(crate) async fn jobs_added(&self) {
        self.wake_transcriber.notified().await;
    }

    /// A promise was made or changed: the next due time may be another.
    pub(crate) fn more_promises(&self) {
        self.wake_promises.notify_one();
    }

    pub(crate) async fn promises_added(&self) {
        self.wake_promises.notified().await;
    }

    pub(crate) fn announce(&self, event: EngineEvent) {
        self.bus.publish(self.clock.now(), event);
    }

    pub(crate) fn announce_visit(&self, visit: &Visit) {
        self.announce(EngineEvent::VisitChanged {
            visit: visit.id.clone(),
            order_no: visit.order_no.clone(),
            state: VisitStateName::of(&visit.state).name().into(),
        });
    }

    /// A call is over: whatever else its customer does not want is closed, and everybody is told of each (C09).
    pub(crate) async fn announce_called_off(&self, call: &CallId) {
        match self.store.called_off_by(call).await {
            Ok(visits) => visits.iter().for_each(|visit| self.announce_visit(visit)),
            Err(error) => tracing::warn!(call.id = %call, %error, "visits that were called off cannot be shown"),
        }
    }

    pub(crate) fn announce_call(&self, call: &Call, phase: CallPhase) {
        self.announce(EngineEvent::CallChanged {
            call: call.id.clone(),
            visit: call.visit.clone(),
            phase,
            outcome: call.outcome,
        });
    }
}
