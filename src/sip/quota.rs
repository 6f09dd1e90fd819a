//! 每日上限: how many calls, and how many minutes of talk, a trunk may still make today. Pure: takes `now`.
//!
//! Contract: what was spent is told when a day begins and when the engine starts, from the calls' rows, so that a restart forgets
//! nothing; from there every slot that is taken counts at once, whether an INVITE leaves or not. Minutes are counted as carriers bill them,
//! every begun one whole, when the call is over: calls in progress may go beyond the limit. Not here: when a day begins (the engine
//! knows the site's zone).

use super::api::TrunkLimit;
use crate::domain::call::Spent;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct Quota {
    /// 0 = without limit.
    calls_max: u32,
    minutes_max: u32,
    spent: Spent,
    /// When the day ends; `None` before the first was begun.
    until: Option<Instant>,
}

impl Quota {
    pub fn new(calls_max: u32, minutes_max: u32) -> Self {
        Self { calls_max, minutes_max, spent: Spent::default(), until: None }
    }

    pub fn is_limited(&self) -> bool {
        self.calls_max > 0 || self.minutes_max > 0
    }

    pub fn begin_day(&mut self, spent: Spent, until: Instant) {
        (self.spent, self.until) = (spent, Some(until));
    }

    pub fn call(&mut self) {
        self.spent.calls = self.spent.calls.saturating_add(1);
    }

    pub fn talked(&mut self, talk: Duration) {
        let minutes = u32::try_from(talk.as_millis().div_ceil(60_000)).unwrap_or(u32::MAX);
        self.spent.minutes = self.spent.minutes.saturating_add(minutes);
    }

    /// Whether another call may go today. A day that is over holds nothing back.
    pub fn check(&self, now: Instant) -> Result<(), TrunkLimit> {
        let Some(retry_after) = self.until.and_then(|until| until.checked_duration_since(now)) else { return Ok(()) };
        if self.calls_max > 0 && self.spent.calls >= self.calls_max {
            return Err(TrunkLimit::CallsPerDay { max: self.calls_max, retry_after });
        }
        if self.minutes_max > 0 && self.spent.minutes >= self.minutes_max {
            return Err(TrunkLimit::MinutesPerDay { max: self.minutes_max, retry_after });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn calls_count_at_once_and_begun_minutes_whole_until_the_day_is_over() {
        let start = monotonic();
        let mut quota = Quota::new(3, 10);
        quota.begin_day(Spent { calls: 1, minutes: 4 }, start + DAY);
        quota.call();
        assert_eq!(quota.check(start), Ok(()));
        quota.call();
        let hour = Duration::from_secs(3_600);
        assert_eq!(quota.check(start + hour), Err(TrunkLimit::CallsPerDay { max: 3, retry_after: DAY - hour }));
        assert_eq!(quota.check(start + DAY + hour), Ok(()), "tomorrow");
        quota.begin_day(Spent { calls: 0, minutes: 7 }, start + 2 * DAY);
        for (talk_ms, full) in [(59_000, false), (1, false), (0, false), (60_000, true)] {
            quota.talked(Duration::from_millis(talk_ms));
            assert_eq!(quota.check(start + DAY).is_err(), full, "{talk_ms} ms");
        }
    }

    #[test]
    fn nought_is_no_limit() {
        let mut quota = Quota::new(0, 0);
        quota.begin_day(Spent { calls: u32::MAX, minutes: u32::MAX }, monotonic() + DAY);
        quota.call();
        assert!(quota.check(monotonic()).is_ok() && !quota.is_limited());
    }
}
