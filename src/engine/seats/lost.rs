//! An agent who is lost in a call, noticed before his lease ends: his line is silent, and his page is gone as well.
//!
//! Contract: the call says that the line is silent and looks again when it is told to ([`Engine::lose_if_gone`]); a page that comes back, or a
//! line that is heard again, within `seats.lost_after_s` loses nothing. Either alone proves nothing: a page may reload while its agent speaks
//! on, and a telephone may send nothing while nobody speaks. Outside of calls nobody waits for the agent, and the lease is soon enough.

use super::{Engine, Place};
use crate::clock::monotonic;
use crate::domain::id::{SeatId, VisitId};
use crate::domain::seat;
use std::time::{Duration, Instant};

/// A page that is there is looked for again after so long.
const AGAIN: Duration = Duration::from_secs(1);
/// A page says something every third of its lease.
const WORDS_PER_LEASE: u32 = 3;

impl Engine {
    /// The line of the seat that has `visit` in hand has been silent for `seats.lost_after_s`: frees the seat when its page has been gone
    /// for as long. `None`: nothing is left to look for.
    pub(crate) async fn lose_if_gone(&self, id: &SeatId, visit: &VisitId) -> Option<Instant> {
        let (now, seats) = (monotonic(), &self.config.seats);
        let overdue = Duration::from_secs(seats.lease_s) / WORDS_PER_LEASE;
        let gone = self.seats.with(id, |place| place.gone_since(now, overdue));
        match gone.map(|since| since + Duration::from_secs(seats.lost_after_s)) {
            None => return Some(now + AGAIN),
            Some(lost_at) if lost_at > now => return Some(lost_at),
            Some(_) => {}
        }
        match self.change_seat_with(id, |now, seat| seat::lost(now, seat, visit)).await {
            Ok((seat, lapse)) => {
                tracing::warn!(seat.id = %id, visit.id = %visit, "an agent is lost: his page is gone and his line silent");
                self.act_on(id, lapse);
                self.close_browser_of(&seat).await;
            }
            // His lease was quicker, or the call has gone over to another.
            Err(error) => tracing::debug!(seat.id = %id, %error, "a lost agent had left his call already"),
        }
        None
    }
}

impl Place {
    /// Since when the page is gone: closed, or without a word when one was overdue. `None`: it is there.
    fn gone_since(&self, now: Instant, overdue: Duration) -> Option<Instant> {
        let heard_at = self.heard_at?;
        let gone = if self.news.is_some() { heard_at + overdue } else { heard_at };
        (gone <= now).then_some(gone)
    }
}
