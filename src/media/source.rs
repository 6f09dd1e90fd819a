//! Symmetric RTP with a lock: whose packets are the customer's (TRAPS 7).
//!
//! The address of the SDP is preferred and locked at its first packet. Behind NAT the true source differs: another source is taken on trial,
//! and locked after a few packets of its own while the expected one is silent. Without an address in the SDP every source needs its trial.
//! Once locked, a stranger's packets never enter. Two may still take over:
//! - the expected address, from a source that was locked by trial;
//! - a new port of the locked host (NAT that forgot us) that goes on with the very stream, SSRC and numbers, while the locked port has been
//!   silent for [`REBOUND`]. Its packets are kept meanwhile, so that the recording loses none.
//!
//! Only packets that parse as RTP of an agreed payload type (and are authentic, with SRTP) are judged here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Packets of one unexpected source before it is believed.
pub const TRIAL_PACKETS: usize = 5;
/// Packets kept of a source on trial: what comes during [`REBOUND`] at 10 ms.
pub const MOST_ON_TRIAL: usize = 40;
/// Silence of the locked port after which its stream may go on from another; less than the recording waits for late packets.
const REBOUND: Duration = Duration::from_millis(300);
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
    /// Last packet of the locked source.
    heard: Option<Instant>,
    trial: Option<Trial>,
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    from: SocketAddr,
    packets: usize,
    last: Instant,
}

impl SourceLock {
    /// `expected`: the address of the SDP.
    pub fn new(expected: Option<SocketAddr>) -> Self {
        Self { expected, locked: None, heard: None, trial: None }
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

    /// `continues`: the packet goes on where the accepted stream stands.
    pub fn judge(&mut self, from: SocketAddr, continues: bool, now: Instant) -> Verdict {
        if self.locked == Some(from) || self.expected == Some(from) {
            (self.locked, self.heard, self.trial) = (Some(from), Some(now), None);
            return Verdict::Accept;
        }
        match self.locked {
            None => self.try_out(from, true, now),
            Some(locked) if locked.ip() == from.ip() && continues => {
                let silent = self.heard.is_none_or(|heard| now.saturating_duration_since(heard) >= REBOUND);
                self.try_out(from, silent, now)
            }
            Some(_) => Verdict::Refuse,
        }
    }

    fn try_out(&mut self, from: SocketAddr, ready: bool, now: Instant) -> Verdict {
        match &mut self.trial {
            Some(trial) if trial.from == from => {
                (trial.packets, trial.last) = (trial.packets + 1, now);
                if trial.packets < TRIAL_PACKETS || !ready {
                    return Verdict::Trial;
                }
                (self.locked, self.heard, self.trial) = (Some(from), Some(now), None);
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
            assert_eq!(lock.judge(address(*port), false, now), *want, "packet {i} from port {port}");
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
    fn without_an_address_in_the_sdp_a_source_is_locked_after_its_trial() {
        check(
            None,
            &[(5, Trial), (6, Refuse), (5, Trial), (5, Trial), (5, Trial), (5, Latched), (6, Refuse), (5, Accept)],
        );
    }

    #[test]
    fn a_new_port_of_the_same_host_goes_on_with_the_stream_only_while_the_old_one_is_silent() {
        let address = |host: u8, port| SocketAddr::from(([127, 0, 0, host], port));
        let start = crate::clock::monotonic();
        let at = |ms| start + Duration::from_millis(ms);
        let mut lock = SourceLock::new(Some(address(1, 1)));
        assert_eq!(lock.judge(address(1, 1), true, at(0)), Accept);
        assert_eq!(lock.judge(address(1, 2), false, at(400)), Refuse, "another stream");
        assert_eq!(lock.judge(address(2, 2), true, at(400)), Refuse, "another host");
        assert_eq!(lock.judge(address(1, 1), true, at(500)), Accept);
        for ms in (520..800).step_by(20) {
            assert_eq!(lock.judge(address(1, 2), true, at(ms)), Trial, "{ms}");
        }
        assert_eq!(lock.judge(address(1, 2), true, at(800)), Latched);
        assert_eq!(lock.target(), Some(address(1, 2)));
        for ms in (820..1_200).step_by(20) {
            assert_eq!(lock.judge(address(1, 2), true, at(ms)), Accept);
            assert_eq!(lock.judge(address(1, 3), true, at(ms)), Trial, "never more than a trial beside the locked one");
        }
    }
}
