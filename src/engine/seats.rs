//! The seats of a running engine: who is connected, over which browser leg, with which call in hand.
//!
//! Contract: what a seat *is* lies in the store and changes by the pure steps of `domain::seat`; here is only what dies with the process:
//! the newest connection of each seat, its browser leg, and the channel to the task that serves its visit (`agent`). A connection that is
//! lost frees nothing by itself: the lease does ([`keep_leases`]), or in a call the silence of its line (`lost`), so that a page may reload,
//! and a network may fail for a moment, without losing the call. Not here: JSON (`http/seat`), what happens in a call (`agent`, `calls`), who
//! is given a visit (`dialer`).

mod desk;
mod lost;
mod media;
mod phones;

pub use desk::Secrets;
pub use phones::follow_phones;

use super::Engine;
use super::agent::Ask;
use super::desk::{CallView, LiveText, SeatNews, SeatView, Welcome};
use super::events::EngineEvent;
use super::handle::CommandError;
use crate::clock::monotonic;
use crate::domain::id::{CallId, SeatId};
use crate::domain::live;
use crate::domain::seat::{self, Lapse, Refused, Seat, SeatPhone, Skills};
use crate::media::browser::Browser;
use crate::store::StoreError;
use crate::store::seat::Changed;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Leases and limits are looked at so often.
const EVERY: Duration = Duration::from_secs(1);
/// News that wait for a page; one that is further behind is closed.
const NEWS_MAX: usize = 256;

/// What dies with the process, by seat.
#[derive(Default)]
pub struct Seats(Mutex<HashMap<SeatId, Place>>);

#[derive(Default)]
struct Place {
    /// Number of the newest connection; 0 = there was none.
    connection: u64,
    /// `None`: not connected.
    news: Option<mpsc::Sender<SeatNews>>,
    /// Its last word, or when it was lost.
    heard_at: Option<Instant>,
    browser: Option<Leg>,
    legs: u64,
    /// The task that serves the visit in hand, and its number.
    job: Option<(u64, mpsc::Sender<Ask>)>,
    jobs: u64,
    call: Option<Box<CallView>>,
    /// The call that a supervisor listens to.
    listens_to: Option<CallId>,
    live: Option<LiveText>,
}

/// The browser leg of a page.
struct Leg {
    number: u64,
    /// Of the page's DTLS certificate: another one comes from another page.
    fingerprint: Option<String>,
    browser: Browser,
}

impl Place {
    /// The page is gone.
    fn hang_up(&mut self) {
        (self.news, self.heard_at) = (None, Some(monotonic()));
    }

    /// Its page shows what is said on this call.
    fn follows(&self, call: &CallId) -> bool {
        self.listens_to.as_ref() == Some(call)
            || self.call.as_ref().is_some_and(|view| view.call.as_ref() == Some(call))
    }
}

impl Seats {
    fn places(&self) -> MutexGuard<'_, HashMap<SeatId, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, seat: &SeatId, act: impl FnOnce(&mut Place) -> T) -> T {
        act(self.places().entry(seat.clone()).or_default())
    }

    /// A newer connection takes the seat over.
    fn connect(&self, seat: &SeatId) -> (u64, mpsc::Receiver<SeatNews>) {
        let (news, receiver) = mpsc::channel(NEWS_MAX);
        let number = self.with(seat, |place| {
            if let Some(older) = place.news.replace(news) {
                tell(&older, SeatNews::Replaced);
            }
            place.connection += 1;
            place.heard_at = Some(monotonic());
            place.connection
        });
        (number, receiver)
    }

    fn disconnect(&self, seat: &SeatId, connection: u64) {
        self.with(seat, |place| {
            if place.connection == connection {
                place.hang_up();
            }
        });
    }

    /// Nobody has sat down since the start.
    fn are_unused(&self) -> bool {
        self.places().is_empty()
    }

    /// A word over this connection; false when a newer one has the seat.
    fn hear(&self, seat: &SeatId, connection: u64) -> bool {
        self.with(seat, |place| {
            let newest = place.connection == connection && place.news.is_some();
            if newest {
                place.heard_at = Some(monotonic());
            }
            newest
        })
    }

    fn is_connected(&self, seat: &SeatId) -> bool {
        self.places().get(seat).is_some_and(|place| place.news.is_some())
    }

    /// Tells the page, if there is one. A page that does not read is closed: it would show what is no longer true.
    pub fn tell(&self, seat: &SeatId, news: SeatNews) {
        self.with(seat, |place| {
            if place.news.as_ref().is_some_and(|page| !tell(page, news)) {
                tracing::warn!(seat.id = %seat, "a page does not read its news and is closed");
                place.hang_up();
            }
        });
    }

    /// The task that begins to serve a visit takes the seat's messages, under a number of its own: an earlier one may still be writing.
    pub fn begin_job(&self, seat: &SeatId, job: mpsc::Sender<Ask>) -> u64 {
        self.with(seat, |place| {
            place.jobs += 1;
            (place.job, place.call, place.live) = (Some((place.jobs, job)), None, None);
            place.jobs
        })
    }

    /// The call as it is now, to the page; it is told again to a page that connects later.
    pub fn show_call(&self, seat: &SeatId, job: u64, call: &CallView) {
        if self.is_job(seat, job) {
            self.with(seat, |place| place.call = Some(Box::new(call.clone())));
            self.tell(seat, SeatNews::Call(Some(Box::new(call.clone()))));
        }
    }

    pub fn end_job(&self, seat: &SeatId, job: u64) {
        if self.is_job(seat, job) {
            self.with(seat, |place| (place.job, place.call, place.live) = (None, None, None));
            self.tell(seat, SeatNews::Call(None));
        }
    }

    /// What is said on a call, to the pages that follow it. A page that does not keep up is not closed for it.
    pub fn show_live(&self, call: &CallId, view: live::View) {
        let text = LiveText { call: call.clone(), view: Arc::new(view) };
        for place in self.places().values_mut().filter(|place| place.follows(call)) {
            place.live = Some(text.clone());
            if let Some(page) = place.news.as_ref().filter(|page| page.capacity() > NEWS_MAX / 2)
                && !tell(page, SeatNews::Live(text.clone()))
            {
                tracing::debug!(call.id = %call, "a page is gone while a call is read along with");
            }
        }
    }

    /// A supervisor listens to this call, or no longer to any.
    pub fn listen_to(&self, seat: &SeatId, call: Option<&CallId>) {
        self.with(seat, |place| {
            if place.listens_to.as_ref() != call {
                (place.listens_to, place.live) = (call.cloned(), None);
            }
        });
    }

    fn is_job(&self, seat: &SeatId, number: u64) -> bool {
        self.places().get(seat).is_some_and(|place| place.job.as_ref().is_some_and(|(job, _)| *job == number))
    }

    /// False: there is no visit in hand, or its task has its hands full.
    pub fn ask(&self, seat: &SeatId, ask: Ask) -> bool {
        self.job(seat).is_some_and(|job| job.try_send(ask).is_ok())
    }

    fn job(&self, seat: &SeatId) -> Option<mpsc::Sender<Ask>> {
        self.places().get(seat)?.job.as_ref().map(|(_, job)| job.clone())
    }

    pub fn browser(&self, seat: &SeatId) -> Option<Browser> {
        self.places().get(seat)?.browser.as_ref().map(|leg| leg.browser.clone())
    }

    /// The seat that has this call in hand.
    fn seat_of(&self, call: &CallId) -> Option<SeatId> {
        let holds = |place: &Place| place.call.as_ref().is_some_and(|view| view.call.as_ref() == Some(call));
        self.places().iter().find(|(_, place)| holds(place)).map(|(seat, _)| seat.clone())
    }

    fn welcome(&self, seat: &SeatId) -> (Option<Box<CallView>>, Option<LiveText>) {
        self.places().get(seat).map(|place| (place.call.clone(), place.live.clone())).unwrap_or_default()
    }
}

/// False: the page is gone or does not read.
fn tell(page: &mpsc::Sender<SeatNews>, news: SeatNews) -> bool {
    page.try_send(news).is_ok()
}

impl Engine {
    /// Decides on the seat as stored, saves, tells its page and wakes the dialer.
    pub(crate) async fn change_seat(
        &self,
        id: &SeatId,
        step: impl Fn(Timestamp, &Seat) -> Result<Seat, Refused> + Send + Sync,
    ) -> Result<Seat, CommandError> {
        let (seat, ()) = self.change_seat_with(id, |now, seat| step(now, seat).map(|next| (next, ()))).await?;
        Ok(seat)
    }

    /// The same for a step that also says something.
    async fn change_seat_with<T: Send>(
        &self,
        id: &SeatId,
        step: impl Fn(Timestamp, &Seat) -> Result<(Seat, T), Refused> + Send + Sync,
    ) -> Result<(Seat, T), CommandError> {
        let decided = self.store.change_seat(id, |seat| step(self.clock.now(), seat)).await?;
        let Changed { before, saved, said } = decided.map_err(|error| CommandError::Conflict(error.to_string()))?;
        self.announce_seat(&before, &saved);
        Ok((saved, said))
    }

    /// A renewed lease is no news.
    pub(crate) fn announce_seat(&self, before: &Seat, now: &Seat) {
        let unchanged = Seat { lease_until: before.lease_until, version: before.version, ..now.clone() } == *before;
        if !unchanged {
            self.seat_changed(now);
        }
    }

    /// Tells the seat's page, and wakes the dialer.
    pub(crate) fn seat_changed(&self, seat: &Seat) {
        tracing::info!(seat.id = %seat.id, seat.state = seat.state.name(), "a seat changed");
        self.seats.tell(&seat.id, SeatNews::Seat(Box::new(self.view_seat(seat.clone()))));
        self.announce(EngineEvent::SeatChanged { seat: seat.id.clone() });
        self.kick();
    }

    pub(crate) fn view_seat(&self, seat: Seat) -> SeatView {
        let registered = (seat.phone == SeatPhone::Registered).then(|| self.sip.registered(seat.id.as_str()).is_some());
        SeatView { connected: self.seats.is_connected(&seat.id), registered, seat }
    }

    pub(crate) fn lease_until(&self, now: Timestamp) -> Timestamp {
        now.checked_add(Duration::from_secs(self.config.seats.lease_s)).unwrap_or(Timestamp::MAX)
    }

    /// The seat of a user who sits down for the first time has a browser and serves everything.
    async fn seat_or_new(&self, id: &SeatId) -> Result<Seat, CommandError> {
        match self.store.seat(id).await {
            Err(StoreError::NotFound { .. }) => {
                Ok(self.store.seat_settings(id, &SeatPhone::Browser, &Skills::default()).await?)
            }
            found => Ok(found?),
        }
    }

    async fn welcome(&self, seat: Seat) -> Welcome {
        let (call, live) = self.seats.welcome(&seat.id);
        Welcome {
            lease_s: self.config.seats.lease_s,
            wrap_up_s: self.config.seats.wrap_up_s,
            ice_servers: self.config.webrtc.ice_servers(),
            call,
            live,
            seat: self.view_seat(seat),
        }
    }

    /// What a lapse or a release asks of us.
    fn act_on(&self, seat: &SeatId, lapse: Lapse) {
        let ask = match lapse {
            Lapse::Nothing => return,
            Lapse::Freed | Lapse::CancelDialling { .. } | Lapse::LoseAgent { .. } => Ask::Lost { why: "坐席离线" },
            Lapse::WrapUpOver { .. } => Ask::Lost { why: "整理时间已到" },
            Lapse::PreviewOver { .. } => Ask::Lost { why: "预览超时未拨" },
        };
        if self.seats.ask(seat, ask) {
            tracing::warn!(seat.id = %seat, "a seat was lost with a visit in hand");
        }
    }
}

/// Ends leases, previews and wrap-ups whose time has passed. Runs until the engine stops.
pub async fn keep_leases(engine: Arc<Engine>) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = engine.stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        // A start signs everybody out: where nobody has come since, there is no lease to read every second.
        if engine.seats.are_unused() {
            continue;
        }
        if let Err(error) = look(&engine).await {
            tracing::error!(%error, "the seats could not be looked at");
        }
    }
}

/// Who neither starts nor declines is not at his desk: he goes on break at once, or he would be shown every visit in turn.
fn lapse(now: Timestamp, seat: &Seat) -> Result<(Seat, Lapse), Refused> {
    let (next, lapse) = seat::lapse(now, seat);
    match lapse {
        Lapse::PreviewOver { .. } => Ok((seat::take_break(now, &next, "预览超时未拨")?, lapse)),
        _ => Ok((next, lapse)),
    }
}

async fn look(engine: &Engine) -> Result<(), CommandError> {
    let now = engine.clock.now();
    let due = |seat: &Seat| seat.lapses_at().is_some_and(|at| at <= now);
    for late in engine.store.seats().await?.into_iter().filter(due) {
        let (seat, lapse) = engine.change_seat_with(&late.id, lapse).await?;
        if lapse != Lapse::Nothing {
            tracing::info!(seat.id = %seat.id, ?lapse, "a seat's time is over");
            engine.act_on(&seat.id, lapse);
        }
        engine.close_browser_of(&seat).await;
    }
    Ok(())
}
