//! How many calls may leave in a second: a window that slides, so that no second anywhere holds more. Pure: takes `now`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Calls per second as a sliding window: `burst` calls in any `window`.
pub struct Rate {
    burst: usize,
    window: Duration,
    taken: VecDeque<Instant>,
}

impl Rate {
    pub fn per_second(limit: f64) -> Self {
        if limit >= 1.0 {
            Self { burst: limit as usize, window: Duration::from_secs(1), taken: VecDeque::new() }
        } else {
            Self { burst: 1, window: Duration::from_secs_f64((1.0 / limit).min(3600.0)), taken: VecDeque::new() }
        }
    }

    /// Takes one, or says after which time one will be free.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        while self.taken.front().is_some_and(|t| now.duration_since(*t) >= self.window) {
            self.taken.pop_front();
        }
        match self.taken.front() {
            Some(oldest) if self.taken.len() >= self.burst => Err(self.window - now.duration_since(*oldest)),
            _ => {
                self.taken.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

    #[test]
    fn calls_per_second_hold_in_every_window() {
        let start = monotonic();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut rate = Rate::per_second(2.0);
        assert_eq!(rate.take(at(0)), Ok(()));
        assert_eq!(rate.take(at(100)), Ok(()));
        assert_eq!(rate.take(at(200)), Err(Duration::from_millis(800)));
        assert_eq!(rate.take(at(1000)), Ok(()));
        assert_eq!(rate.take(at(1050)), Err(Duration::from_millis(50)));
        let mut slow = Rate::per_second(0.5);
        assert_eq!(slow.take(at(0)), Ok(()));
        assert_eq!(slow.take(at(500)), Err(Duration::from_millis(1500)));
        assert_eq!(slow.take(at(2000)), Ok(()));
    }
}
