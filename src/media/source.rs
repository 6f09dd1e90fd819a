//! Symmetric RTP with a lock: whose packets are the customer's (TRAPS 7).
//!
//! The address of the SDP is preferred and locked at its first packet. Behind NAT the true source differs: another source is taken on trial,
//! and locked after a few packets of its own while the expected one is silent. Once locked, a stranger's packets never enter; only the
//! expected address may still take over from a source that was locked by trial.
//! Only packets that parse as RTP of an agreed payload type are judged here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Packets of one unexpected source before it is believed.
pub const TRIAL_PACKETS: usize = 5;
/// A trial is forgotten after this pause.
const TRIAL_STALE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    /// Keep the packet: it counts if its source is locked later.
    Trial,
    /// The source on trial is now locked: what was kept counts, and this packet too.
    Latched,
    Refuse,
}

#[derive(Clone, Debug)]
pub struct SourceLock {
    expected: Option<SocketAddr>,
    locked: Option<SocketAddr>,
    trial: Option<Trial>,
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    from: SocketAddr,
    packets: usize,
    last: Instant,
}

impl SourceLock {
    /// `expected`: the address of the SDP; without one the first valid source is locked.
    pub fn new(expected: Option<SocketAddr>) -> Self {
        Self { expected, locked: None, trial: None }
    }

    /// A new description: the lock stays when it names the same address.
    pub fn expect(&mut self, expected: Option<SocketAddr>) {
        if expected != self.expected {
            *self = Self::new(expected);
        }
    }

    /// Where to send: to the locked source, else where the SDP says.
    pub fn target(&self) -> Option<SocketAddr> {
        self.locked.or(self.expected)
    }

    pub fn judge(&mut self, from: SocketAddr, now: Instant) -> Verdict {
        if self.locked == Some(from) {
            return Verdict::Accept;
        }
        let first_without_expectation = self.expected.is_none() && self.locked.is_none();
        if self.expected == Some(from) || first_without_expectation {
            (self.locked, self.trial) = (Some(from), None);
            return Verdict::Accept;
        }
        if self.locked.is_some() {
            return Verdict::Refuse;
        }
        self.try_out(from, now)
    }

    fn try_out(&mut self, from: SocketAddr, now: Instant) -> Verdict {
        match &mut self.trial {
            Some(trial) if trial.from == from => {
                (trial.packets, trial.last) = (trial.packets + 1, now);
                if trial.packets < TRIAL_PACKETS {
                    return Verdict::Trial;
                }
                (self.locked, self.trial) = (Some(from), None);
                Verdict::Latched
            }
            Some(trial) if now.saturating_duration_since(trial.last) < TRIAL_STALE => Verdict::Refuse,
            _ => {
                self.trial = Some(Trial { from, packets: 1, last: now });
                Verdict::Trial
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::*;
    use super::*;

    /// Ports of 127.0.0.1 with what is judged of their packets, 20 ms apart; the SDP names port 1.
    fn check(expected: Option<u16>, packets: &[(u16, Verdict)]) {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let start = crate::clock::monotonic();
        let mut lock = SourceLock::new(expected.map(address));
        for (i, (port, want)) in packets.iter().enumerate() {
            let now = start + Duration::from_millis(20 * i as u64);
            assert_eq!(lock.judge(address(*port), now), *want, "packet {i} from port {port}");
        }
    }

    #[test]
    fn the_expected_source_is_locked_at_once_and_a_stranger_never_enters() {
        check(Some(1), &[(1, Accept), (2, Refuse), (2, Refuse), (1, Accept), (2, Refuse)]);
    }

    #[test]
    fn a_source_behind_nat_is_locked_after_its_trial() {
        check(Some(1), &[(2, Trial), (2, Trial), (2, Trial), (2, Trial), (2, Latched), (2, Accept), (3, Refuse)]);
    }

    #[test]
    fn the_expected_source_outranks_one_on_trial_and_one_locked_by_trial() {
        check(Some(1), &[(2, Trial), (2, Trial), (1, Accept), (2, Refuse)]);
        check(Some(1), &[(2, Trial), (2, Trial), (2, Trial), (2, Trial), (2, Latched), (1, Accept), (2, Refuse)]);
    }

    #[test]
    fn two_strangers_cannot_share_a_trial() {
        check(
            Some(1),
            &[(2, Trial), (3, Refuse), (2, Trial), (3, Refuse), (2, Trial), (2, Trial), (2, Latched), (3, Refuse)],
        );
    }

    #[test]
    fn without_an_address_in_the_sdp_the_first_source_is_locked() {
        check(None, &[(5, Accept), (6, Refuse), (5, Accept)]);
    }
}
