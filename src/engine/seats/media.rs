//! The browser leg of a seat: one WebRTC connection, from the page's first offer until the seat is signed out or the page asks for another.
//!
//! Contract: it outlives calls and lost connections; a page that reloads negotiates a new one, and a call in progress goes over to it.

use super::super::Engine;
use super::super::agent::Ask;
use super::super::desk::SeatNews;
use super::super::handle::CommandError;
use super::Leg;
use crate::domain::id::SeatId;
use crate::domain::seat::{Seat, SeatState};
use crate::media::browser::{Browser, BrowserError, BrowserEvent, BrowserState};
use std::sync::Arc;
use tokio::sync::mpsc;

impl Engine {
    /// The page's offer: an ICE restart of the leg that is there, or the first of a page that was loaded anew.
    pub(super) async fn offer(self: &Arc<Self>, seat: &SeatId, sdp: &str) -> Result<(), CommandError> {
        let fingerprint = fingerprint(sdp);
        let same = |leg: &&Leg| fingerprint.is_some() && leg.fingerprint == fingerprint;
        let there = self.seats.with(seat, |place| place.browser.as_ref().filter(same).map(|leg| leg.browser.clone()));
        if let Some(browser) = there {
            let answer = browser.offer(sdp).await.map_err(refused)?;
            self.seats.tell(seat, SeatNews::Answer(answer));
            return Ok(());
        }
        let (browser, events) = Browser::open(&self.config.media, &self.config.webrtc).await.map_err(refused)?;
        let answer = browser.offer(sdp).await.map_err(refused)?;
        let (number, older) = self.seats.with(seat, |place| {
            place.legs += 1;
            let leg = Leg { number: place.legs, fingerprint, browser: browser.clone() };
            (place.legs, place.browser.replace(leg))
        });
        self.seats.tell(seat, SeatNews::Answer(answer));
        self.tasks.spawn(follow(self.clone(), seat.clone(), number, browser, events));
        if let Some(older) = older {
            older.browser.close().await;
        }
        Ok(())
    }

    pub(super) async fn candidate(
        &self,
        seat: &SeatId,
        candidate: Option<serde_json::Value>,
    ) -> Result<(), CommandError> {
        let browser =
            self.seats.browser(seat).ok_or_else(|| CommandError::Conflict("candidate before an offer".into()))?;
        let json = candidate.map(|value| value.to_string());
        browser.candidate(json.as_deref()).await.map_err(refused)
    }

    /// A seat that is signed out and has no page needs no browser leg.
    pub(super) async fn close_browser_of(&self, seat: &Seat) {
        if seat.state != SeatState::SignedOut || self.seats.is_connected(&seat.id) {
            return;
        }
        if let Some(leg) = self.seats.with(&seat.id, |place| place.browser.take()) {
            leg.browser.close().await;
        }
    }
}

fn refused(error: BrowserError) -> CommandError {
    match error {
        BrowserError::Open { .. } | BrowserError::Port(_) | BrowserError::Config(_) => {
            CommandError::Unavailable(error.to_string())
        }
        BrowserError::Offer(_)
        | BrowserError::Refused(_)
        | BrowserError::Candidate(_)
        | BrowserError::NoOffer
        | BrowserError::Closed => CommandError::Invalid { field: "webrtc", detail: error.to_string() },
    }
}

/// The first fingerprint of a session description.
fn fingerprint(sdp: &str) -> Option<String> {
    sdp.lines().find_map(|line| line.trim().strip_prefix("a=fingerprint:")).map(str::to_ascii_lowercase)
}

/// Candidates and states of the newest leg to the page, until it is closed.
async fn follow(
    engine: Arc<Engine>,
    seat: SeatId,
    number: u64,
    browser: Browser,
    mut events: mpsc::Receiver<BrowserEvent>,
) {
    loop {
        let event = tokio::select! {
            () = engine.stop.cancelled() => None,
            event = events.recv() => event,
        };
        let Some(event) = event else { return browser.close().await };
        if !engine.seats.with(&seat, |place| place.browser.as_ref().is_some_and(|leg| leg.number == number)) {
            return;
        }
        match event {
            BrowserEvent::Candidate(json) => engine.seats.tell(&seat, SeatNews::Candidate(json)),
            BrowserEvent::State(state) => {
                tracing::info!(seat.id = %seat, ?state, "a browser leg changed");
                engine.seats.tell(&seat, SeatNews::Media(state));
                if state == BrowserState::Connected {
                    // A call in progress goes over to a leg that has come up anew.
                    engine.seats.ask(&seat, Ask::NewLine);
                    engine.kick();
                }
                // Nobody will restart its ICE: a supervisor's line ends here, and an agent's with his lease.
                if state == BrowserState::Failed
                    && let Ok(seat) = engine.store.seat(&seat).await
                {
                    engine.close_browser_of(&seat).await;
                }
                if state == BrowserState::Closed {
                    return;
                }
            }
        }
    }
}
