//! The day of the trunks: when it begins in the site's zone, and what was spent of it.
//!
//! Contract: counted from the calls' rows at the start and whenever a day begins, before anything is dialled on it; the trunks count on
//! from there (`sip::quota`). Nothing is read while no trunk has a limit.

use super::Engine;
use crate::domain::calendar::day_of;
use crate::domain::call::Call;
use crate::store::StoreError;
use jiff::Timestamp;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The day that the trunks were told of.
#[derive(Default)]
pub struct Day(Mutex<Option<(Timestamp, Timestamp)>>);

impl Engine {
    /// Tells the trunks of today, if they have not heard of it.
    pub(super) async fn begin_day(&self) -> Result<(), StoreError> {
        if !self.sip.has_quotas() {
            return Ok(());
        }
        let now = self.clock.now();
        let (from, until) = day_of(now, self.site().rules.calendar.tz());
        if *self.day.0.lock().unwrap_or_else(PoisonError::into_inner) == Some((from, until)) {
            return Ok(());
        }
        let spent = self.store.spent_since(from).await?;
        let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        self.sip.begin_day(&spent, left);
        *self.day.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((from, until));
        Ok(())
    }

    /// A call is over: what it has cost its trunk.
    pub(super) fn spent(&self, call: &Call) {
        if let (Some(trunk), Some(talk_s)) = (&call.trunk, call.instants.talk_s()) {
            self.sip.talked(trunk, Duration::from_secs_f64(talk_s.max(0.0)));
        }
    }
}
