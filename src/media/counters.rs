//! Counts of received packets: sequence numbers unwrapped, duplicates found, losses and jitter as RFC 3550 counts them (A.1, A.3, A.8).
//!
//! Pure. Says nothing about where a packet belongs in time: that is `domain::recording::timeline`.

/// A step further than this is a sender that started over (RFC 3550 A.1 MAX_DROPOUT, MAX_MISORDER).
const LONGEST_DROPOUT: i64 = 3_000;
const DEEPEST_MISORDER: i64 = 100;
/// Transit differences beyond this (samples) are clock leaps, not jitter.
const WILDEST_JITTER: i64 = 8_000;

#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub received: u64,
    pub duplicates: u64,
    /// Streams that began after the first with another SSRC.
    pub changes: u64,
    stream: Option<Stream>,
    /// Of streams that are over.
    lost_before: u64,
    jitter: f64,
}

#[derive(Clone, Debug)]
struct Stream {
    ssrc: u32,
    first: i64,
    highest: i64,
    unique: u64,
    /// Bit `n`: `highest - n` was seen.
    seen: u128,
    transit: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The unwrapped sequence number; it never runs back over a restart.
    New(i64),
    Duplicate,
}

/// What a report tells of the stream that runs now (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reception {
    pub ssrc: u32,
    /// Highest number with its cycles.
    pub highest: u32,
    pub expected: u64,
    pub received: u64,
    /// In units of the RTP clock.
    pub jitter: u32,
}

impl Counters {
    pub fn reception(&self) -> Option<Reception> {
        let stream = self.stream.as_ref()?;
        Some(Reception {
            ssrc: stream.ssrc,
            highest: (stream.highest - (stream.first & !0xFFFF)) as u32,
            expected: stream.expected(),
            received: stream.unique,
            jitter: self.jitter as u32,
        })
    }

    /// Does this packet go on where the stream stands?
    pub fn continues(&self, ssrc: u32, sequence: u16) -> bool {
        self.stream.as_ref().is_some_and(|stream| {
            let step = i64::from(sequence.wrapping_sub(stream.highest as u16) as i16);
            stream.ssrc == ssrc && (1..=LONGEST_DROPOUT).contains(&step)
        })
    }

    pub fn packet(&mut self, ssrc: u32, sequence: u16) -> Seen {
        self.received += 1;
        let (highest, continues) = match &self.stream {
            None => (None, false),
            Some(stream) => (Some(stream.highest), stream.ssrc == ssrc),
        };
        let step = highest.map(|highest| i64::from(sequence.wrapping_sub(highest as u16) as i16));
        match (step, &mut self.stream) {
            (Some(step), Some(stream)) if continues && (-DEEPEST_MISORDER..=LONGEST_DROPOUT).contains(&step) => {
                let seen = stream.step(step);
                self.duplicates += u64::from(seen == Seen::Duplicate);
                seen
            }
            _ => self.start(ssrc, sequence),
        }
    }

    fn start(&mut self, ssrc: u32, sequence: u16) -> Seen {
        self.lost_before = self.lost();
        self.changes += u64::from(self.stream.as_ref().is_some_and(|stream| stream.ssrc != ssrc));
        // The low 16 bits stay those of the wire, the rest continues upwards.
        let after = self.stream.as_ref().map_or(0, |stream| stream.highest + 1);
        let ahead = i64::from(sequence.wrapping_sub(after as u16));
        let first = after + ahead;
        self.stream = Some(Stream { ssrc, first, highest: first, unique: 1, seen: 1, transit: None });
        Seen::New(first)
    }

    /// Interarrival jitter; `arrival` and `timestamp` in samples, audio packets only.
    pub fn timing(&mut self, arrival: i64, timestamp: u32) {
        let Some(stream) = &mut self.stream else { return };
        let transit = i64::from((arrival as u32).wrapping_sub(timestamp) as i32);
        if let Some(before) = stream.transit.replace(transit) {
            let difference = (transit - before).abs();
            if difference <= WILDEST_JITTER {
                self.jitter += (difference as f64 - self.jitter) / 16.0;
            }
        }
    }

    /// Numbers that never came.
    pub fn lost(&self) -> u64 {
        let current = self.stream.as_ref().map_or(0, |stream| stream.expected().saturating_sub(stream.unique));
        self.lost_before + current
    }

    pub fn jitter_ms(&self, sample_rate: u32) -> f64 {
        self.jitter * 1000.0 / f64::from(sample_rate)
    }
}

impl Stream {
    fn expected(&self) -> u64 {
        u64::try_from(self.highest - self.first + 1).unwrap_or(0)
    }

    fn step(&mut self, step: i64) -> Seen {
        let number = self.highest + step;
        if step > 0 {
            self.seen = if step < 128 { self.seen << step } else { 0 };
            self.highest = number;
        }
        let bit = 1_u128 << (self.highest - number).min(127);
        if self.seen & bit != 0 {
            return Seen::Duplicate;
        }
        self.seen |= bit;
        self.first = self.first.min(number);
        self.unique += 1;
        Seen::New(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sequence numbers of one SSRC as they come; (lost, duplicates) at the end.
    fn check(numbers: &[u16], want: (u64, u64)) {
        let mut counters = Counters::default();
        let mut last_new = i64::MIN;
        for number in numbers {
            if let Seen::New(n) = counters.packet(1, *number) {
                assert_eq!(n as u16, *number, "low bits stay those of the wire");
                last_new = last_new.max(n);
            }
        }
        assert_eq!((counters.lost(), counters.duplicates), want, "{numbers:?}");
    }

    #[test]
    fn losses_and_duplicates_are_counted_across_reordering_wrap_and_restart() {
        check(&[1, 2, 3, 4], (0, 0));
        check(&[1, 2, 4, 5], (1, 0));
        check(&[1, 3, 2, 4], (0, 0));
        check(&[1, 2, 2, 3, 1, 3], (0, 3));
        check(&[65_534, 65_535, 0, 2], (1, 0));
        check(&[0, 65_535, 1], (0, 0));
        check(&[10, 12, 40_000, 40_001], (1, 0));
        check(&[10, 500, 11], (489, 0));
    }

    #[test]
    fn a_new_ssrc_starts_a_new_count_and_keeps_the_old_losses() {
        let mut counters = Counters::default();
        for (ssrc, number) in [(1, 5), (1, 7), (2, 100), (2, 102)] {
            counters.packet(ssrc, number);
        }
        assert_eq!(counters.lost(), 2);
    }

    #[test]
    fn a_report_counts_the_running_stream_with_its_cycles() {
        let mut counters = Counters::default();
        for (ssrc, number) in [(1, 7), (2, 65_534), (2, 65_535), (2, 1)] {
            counters.packet(ssrc, number);
        }
        let want = Reception { ssrc: 2, highest: 0x1_0001, expected: 4, received: 3, jitter: 0 };
        assert_eq!(counters.reception(), Some(want));
        assert_eq!(counters.changes, 1);
        let goes_on = [(2, 2), (2, 500), (2, 1), (2, 40_000), (1, 2)].map(|(ssrc, n)| counters.continues(ssrc, n));
        assert_eq!(goes_on, [true, true, false, false, false]);
    }

    #[test]
    fn even_arrivals_have_no_jitter_and_uneven_ones_tend_to_their_mean_difference() {
        let (mut even, mut uneven) = (Counters::default(), Counters::default());
        for i in 0..500_u16 {
            let (timestamp, at) = (u32::from(i) * 160, i64::from(i) * 160);
            even.packet(1, i);
            even.timing(at, timestamp);
            uneven.packet(1, i);
            uneven.timing(at + i64::from(i % 2) * 80, timestamp);
        }
        assert!(even.jitter_ms(8000) < 0.01);
        assert!((uneven.jitter_ms(8000) - 10.0).abs() < 0.5, "{}", uneven.jitter_ms(8000));
    }
}
