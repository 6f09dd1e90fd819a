//! The only place where the wall clock is read. Everything else takes `now` or asks a [`Clock`].

use jiff::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

pub trait Clock: Send + Sync + 'static {
    /// Wall-clock now, millisecond precision is enough for every rule.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place that may
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that moves only when told: simulations and tests.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_millisecond()))
    }
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millisecond(), Ordering::SeqCst);
    }
    pub fn advance(&self, by: std::time::Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }
}

/// The monotonic clock, for media pacing and time-outs.
#[allow(clippy::disallowed_methods)] // the one place that may
pub fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}

/// Both clocks at one moment: what the kernel stamps is of the wall clock, what is paced is of the monotonic one.
#[derive(Clone, Copy, Debug)]
pub struct BothClocks {
    pub monotonic: std::time::Instant,
    pub since_1970: std::time::Duration,
}

impl BothClocks {
    #[allow(clippy::disallowed_methods)] // the one place that may
    pub fn now() -> Self {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self { monotonic: monotonic(), since_1970: since_1970.unwrap_or_default() }
    }
}
