//! One listener's place in a voice that is being received: how far behind the line it is read, packet by packet of the listener's line.
//!
//! The voice lies on its channel by RTP time on our clock (`inbound`, `track`), so neither different packet lengths nor clocks that drift build
//! up delay here; what is left is the jitter. A packet that came after its place was read widens the distance; three seconds in which every
//! packet came early enough narrow it. Neither is heard: only silence is repeated or skipped, and samples that are read are never changed.
//! Pure. Does not do: hiding loss (it is silence), mixing (see `bridge`).

use super::track::Channel;

/// Samples between a packet's coming and its reading that are kept as a reserve: 10 ms.
const GUARD: i64 = 80;
/// Nobody is read nearer to the line than this, or further behind: 5 ms, 200 ms. A packet that is later than that is lost.
const LEAST: i64 = 40;
const MOST: i64 = 1_600;
/// Samples read between looks at what could be spared.
const WINDOW: i64 = 24_000;
/// Less than this is not worth a step: 2.5 ms.
const WORTH: i64 = 20;
/// Quieter is silence that may be repeated or skipped, about -40 dBFS.
const QUIET: u16 = 300;

#[derive(Clone, Debug, Default)]
pub struct Ear {
    reading: Option<Reading>,
    /// The furthest behind the line that was read.
    widest: i64,
}

#[derive(Clone, Debug)]
struct Reading {
    next: i64,
    /// How far behind the line the last frame began, and should begin.
    behind: i64,
    wanted: i64,
    /// Since here nothing loud was read.
    quiet_since: i64,
    /// Of this window: samples read, and the least time that a packet came before its reading.
    read: i64,
    spare: i64,
}

impl Ear {
    /// Voice was put at `place`.
    pub fn placed(&mut self, place: i64) {
        let Some(reading) = &mut self.reading else { return };
        let spare = place - reading.next;
        if spare < -MOST {
            return;
        }
        reading.spare = reading.spare.min(spare);
        if spare < 0 {
            reading.wanted = reading.wanted.max(reading.behind - spare + GUARD).min(MOST);
        }
    }

    /// The samples to be sent at `now` (on the axis of the channel) replace what is in `out`.
    pub fn read(&mut self, channel: &Channel, now: i64, out: &mut [i16]) {
        let length = out.len() as i64;
        let reading = self.reading.get_or_insert_with(|| Reading::at(now, length + GUARD));
        reading.step(channel, now, length);
        channel.copy(reading.next, out);
        if let Some(loud) = out.iter().rposition(|sample| sample.unsigned_abs() > QUIET) {
            reading.quiet_since = reading.next + loud as i64 + 1;
        }
        reading.next += length;
        reading.narrow(length);
        self.widest = self.widest.max(reading.behind);
    }

    /// The furthest that it was behind, milliseconds: what this way adds to a word at most.
    pub fn widest_ms(&self) -> u64 {
        u64::try_from(self.widest / 8).unwrap_or(0)
    }
}

impl Reading {
    fn at(now: i64, behind: i64) -> Self {
        let next = now - behind;
        Self { next, behind, wanted: behind, quiet_since: next, read: 0, spare: i64::MAX }
    }

    fn step(&mut self, channel: &Channel, now: i64, length: i64) {
        self.behind = now - self.next;
        // The clock stood still, or the listener did.
        if !(0..=2 * MOST).contains(&self.behind) {
            *self = Self::at(now, self.wanted);
        }
        let further = self.wanted - self.behind;
        if further > WORTH {
            self.next -= further.min(self.next - self.quiet_since);
        } else if further < -WORTH {
            let skipped = (-further).min(length);
            if channel.loudest(self.next, skipped) <= QUIET {
                self.next += skipped;
            }
        }
        self.behind = now - self.next;
    }

    fn narrow(&mut self, length: i64) {
        self.read += length;
        if self.read < WINDOW {
            return;
        }
        if self.spare != i64::MAX && self.spare > GUARD + WORTH {
            self.wanted = (self.behind - (self.spare - GUARD)).max(LEAST);
        }
        (self.read, self.spare) = (0, i64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 160;

    /// A listener of 20 ms frames, and a speaker whose packet `n` names itself in every sample and comes `late(n)` samples after its place.
    /// What was heard, and how far behind at the end.
    fn listen(packets: i64, loud: impl Fn(i64) -> bool, late: impl Fn(i64) -> i64) -> (Vec<i16>, i64) {
        let (mut channel, mut ear, mut heard) = (Channel::default(), Ear::default(), vec![]);
        let mut waiting: Vec<i64> = (0..packets).collect();
        // The listener's ticks fall 5 ms after the speaker's packets.
        for tick in 0..packets {
            let now = tick * 160 + 40;
            waiting.retain(|n| {
                let comes = n * 160 + late(*n) <= now;
                if comes {
                    let sample = if loud(*n) { 1_000 + (n % 20_000) as i16 } else { 1 };
                    channel.put(n * 160, &[sample; FRAME], 0);
                    ear.placed(n * 160);
                }
                !comes
            });
            let mut frame = [0; FRAME];
            ear.read(&channel, now, &mut frame);
            heard.extend(frame);
            channel.forget(now - 2 * MOST);
        }
        let behind = ear.reading.unwrap().behind;
        (heard, behind)
    }

    /// Each loud packet that is heard whole, in order; the end of the call may cut the last.
    fn words(heard: &[i16]) -> Vec<i16> {
        let runs = heard.chunk_by(|a, b| a == b).filter(|run| run[0] >= 1_000 && run.len() == FRAME);
        runs.map(|run| run[0]).collect()
    }

    #[test]
    fn on_a_calm_line_every_sample_is_heard_once_and_the_first_pause_brings_the_listener_near() {
        let (heard, behind) = listen(1_000, |_| true, |_| 0);
        assert_eq!((words(&heard), behind), ((1_000..1_998).collect(), 240));
        let (_, behind) = listen(1_000, |n| n % 50 < 40, |_| 0);
        assert_eq!(behind, 120, "40 of it are the tick's, 80 the reserve");
    }

    #[test]
    fn jitter_widens_the_distance_until_nothing_is_missed_and_a_calm_line_narrows_it_again() {
        let late = |n: i64| if (200..600).contains(&n) { n * 37 % 480 } else { 0 };
        let (heard, behind) = listen(3_000, |n| n % 50 < 40, late);
        let heard = words(&heard);
        let missed: Vec<i64> = (0..2_900).filter(|n| n % 50 < 40 && !heard.contains(&(1_000 + *n as i16))).collect();
        assert!(missed.len() <= 8 && missed.iter().all(|n| (200..300).contains(n)), "{missed:?}");
        assert_eq!(behind, 120);
    }

    #[test]
    fn a_packet_that_comes_too_late_for_any_use_changes_nothing() {
        let (_, behind) = listen(400, |n| n % 50 < 40, |n| if n == 100 { 4_000 } else { 0 });
        assert_eq!(behind, 120);
    }

    #[test]
    fn a_clock_that_stood_still_does_not_leave_the_listener_behind() {
        let (channel, mut ear) = (Channel::default(), Ear::default());
        for now in [0, 160, 80_000, 80_160] {
            ear.read(&channel, now, &mut [0; FRAME]);
        }
        assert_eq!(ear.reading.unwrap().behind, 240);
    }
}
