//! Who has answered a challenge wrongly, and how often: after [`FAILURES_MAX`] of them in [`WINDOW`] nobody looks at his answers any
//! more, until the oldest is that long ago.
//!
//! Pure: takes `now`. Counted by source address and by seat, each on its own: many phones cannot guess one seat's secret, one machine
//! cannot try many seats. Bounded: of more than [`KNOWN_MAX`] the one that failed longest ago is forgotten.

use jiff::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

pub const FAILURES_MAX: usize = 5;
pub const WINDOW: Duration = Duration::from_secs(900);
const KNOWN_MAX: usize = 1024;

/// The failures of one kind of suspect.
pub struct Failures<K>(HashMap<K, Vec<Timestamp>>);

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Failures<K> {
    /// Nothing that he says is looked at.
    pub fn is_shut_out(&self, who: &K, now: Timestamp) -> bool {
        self.0.get(who).is_some_and(|times| times.iter().filter(|t| is_recent(**t, now)).count() >= FAILURES_MAX)
    }

    /// One more. True: it was the one too many, which is worth a line in the log.
    pub fn count(&mut self, who: &K, now: Timestamp) -> bool {
        if !self.0.contains_key(who) && self.0.len() >= KNOWN_MAX {
            self.make_room(now);
        }
        let times = self.0.entry(who.clone()).or_default();
        times.retain(|t| is_recent(*t, now));
        times.push(now);
        times.len() == FAILURES_MAX
    }

    /// He has shown that he knows the secret.
    pub fn forgive(&mut self, who: &K) {
        self.0.remove(who);
    }

    fn make_room(&mut self, now: Timestamp) {
        self.0.retain(|_, times| times.iter().any(|t| is_recent(*t, now)));
        while self.0.len() >= KNOWN_MAX {
            let Some(oldest) = self.0.iter().min_by_key(|(_, t)| t.last().copied()).map(|(k, _)| k.clone()) else {
                return;
            };
            self.0.remove(&oldest);
        }
    }
}

fn is_recent(time: Timestamp, now: Timestamp) -> bool {
    now.duration_since(time) < jiff::SignedDuration::try_from(WINDOW).unwrap_or(jiff::SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + s).unwrap()
    }

    #[test]
    fn five_failures_in_a_quarter_of_an_hour_shut_out_and_are_told_once() {
        let mut failures = Failures::default();
        let told: Vec<bool> = (0..4).map(|s| failures.count(&"a", at(s))).collect();
        assert_eq!(told, [false; 4]);
        assert!(!failures.is_shut_out(&"a", at(4)));
        assert!(failures.count(&"a", at(5)), "the one too many is told");
        assert!(!failures.count(&"a", at(6)), "the next is not");
        assert!(failures.is_shut_out(&"a", at(6)) && !failures.is_shut_out(&"b", at(6)));
        assert!(failures.is_shut_out(&"a", at(900)), "five of the six are less than a quarter of an hour ago");
        assert!(!failures.is_shut_out(&"a", at(901)));
        failures.count(&"a", at(902));
        failures.forgive(&"a");
        assert!(!failures.is_shut_out(&"a", at(902)));
    }

    #[test]
    fn what_is_remembered_of_strangers_is_bounded_and_the_latest_stays() {
        let mut failures = Failures::default();
        for n in 0..3 * KNOWN_MAX {
            for _ in 0..FAILURES_MAX {
                failures.count(&n, at(i64::try_from(n).unwrap() / 10));
            }
        }
        assert_eq!(failures.0.len(), KNOWN_MAX);
        assert!(failures.is_shut_out(&(3 * KNOWN_MAX - 1), at(400)));
    }
}
