//! Counts of received packets: sequence numbers unwrapped, duplicates found, losses and jitter as RFC 3550 counts them (A.1, A.3, A.8).
//!
//! When the sender starts another stream, late packets of the one before are still counted there, for a second: they restart nothing.
//! Pure. Says nothing about where a packet belongs in time: that is `domain::recording::timeline`.

/// A step further than this is a sender that started over (RFC 3550 A.1 MAX_DROPOUT, MAX_MISORDER).
const LONGEST_DROPOUT: i64 = 3_000;
const DEEPEST_MISORDER: i64 = 100;
/// Transit differences beyond this (samples) are clock leaps, not jitter.
const WILDEST_JITTER: i64 = 8_000;
/// Packets of the stream before may come for so long after the change, samples.
const REMEMBERED: i64 = 8_000;

#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub received: u64,
    pub duplicates: u64,
    /// Streams that began after the first with another SSRC.
    pub changes: u64,
    stream: Option<Stream>,
    /// The stream before, and until when its packets may come.
    before: Option<(Stream, i64)>,
    /// Of streams before that.
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
        self.stream.as_ref().is_some_and(|stream| stream.step_to(ssrc, sequence).is_some_and(|step| step > 0))
    }

    /// `at`: the arrival in samples.
    pub fn packet(&mut self, ssrc: u32, sequence: u16, at: i64) -> Seen {
        self.received += 1;
        let before = self.before.as_mut().filter(|(_, until)| at < *until).map(|(stream, _)| stream);
        let known = self.stream.as_mut().into_iter().chain(before);
        let of_one = known.filter_map(|stream| Some((stream.step_to(ssrc, sequence)?, stream))).next();
        match of_one {
            Some((step, stream)) => {
                let seen = stream.step(step);
                self.duplicates += u64::from(seen == Seen::Duplicate);
                seen
            }
            None => self.start(ssrc, sequence, at),
        }
    }

    /// A packet of the stream that came and cannot be used: it is not lost as well.
    pub fn pass_over(&mut self, ssrc: u32, sequence: u16) {
        if let Some(stream) = &mut self.stream
            && let Some(step) = stream.step_to(ssrc, sequence)
        {
            stream.step(step);
        }
    }

    fn start(&mut self, ssrc: u32, sequence: u16, at: i64) -> Seen {
        self.changes += u64::from(self.stream.as_ref().is_some_and(|stream| stream.ssrc != ssrc));
        // The low 16 bits stay those of the wire, the rest continues upwards.
        let known = self.stream.iter().chain(self.before.as_ref().map(|(stream, _)| stream));
        let after = known.map(|stream| stream.highest + 1).max().unwrap_or(0);
        let ahead = i64::from(sequence.wrapping_sub(after as u16));
        let first = after + ahead;
        let stream = Stream { ssrc, first, highest: first, unique: 1, seen: 1, transit: None };
        if let Some(over) = self.stream.replace(stream)
            && let Some((forgotten, _)) = self.before.replace((over, at + REMEMBERED))
        {
            self.lost_before += forgotten.lost();
        }
        Seen::New(first)
    }

    /// Interarrival jitter; `arrival` and `timestamp` in samples, audio packets only.
    pub fn timing(&mut self, ssrc: u32, arrival: i64, timestamp: u32) {
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.ssrc == ssrc) else { return };
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
        let known = self.stream.iter().chain(self.before.as_ref().map(|(stream, _)| stream));
        self.lost_before + known.map(Stream::lost).sum::<u64>()
    }

    pub fn jitter_ms(&self, sample_rate: u32) -> f64 {
        self.jitter * 1000.0 / f64::from(sample_rate)
    }
}

impl Stream {
    fn expected(&self) -> u64 {
        u64::try_from(self.highest - self.first + 1).unwrap_or(0)
    }

    fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.unique)
    }

    /// How far from the highest number this one lies, when it can be of this stream.
    fn step_to(&self, ssrc: u32, sequence: u16) -> Option<i64> {
        let step = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
        (self.ssrc == ssrc && (-DEEPEST_MISORDER..=LONGEST_DROPOUT).contains(&step)).then_some(step)
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
            if let Seen::New(n) = counters.packet(1, *number, 0) {
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
            counters.packet(ssrc, number, 0);
        }
        assert_eq!(counters.lost(), 2);
    }

    #[test]
    fn late_packets_of_the_stream_before_are_counted_there_and_restart_nothing() {
        let mut counters = Counters::default();
        let packets = [(1, 5), (1, 7), (2, 100), (1, 6), (1, 7), (2, 102), (1, 8), (2, 101)];
        let seen = packets.map(|(ssrc, number)| counters.packet(ssrc, number, 160));
        let late = [2, 3, 4, 6].map(|which| seen[which]);
        assert_eq!(late, [Seen::New(100), Seen::New(6), Seen::Duplicate, Seen::New(8)]);
        assert_eq!((counters.lost(), counters.duplicates, counters.changes), (0, 1, 1));
        assert!(counters.continues(2, 103));
        counters.packet(1, 9, 160 + REMEMBERED);
        assert_eq!(counters.changes, 2, "a sender that has come back");
    }

    #[test]
    fn a_report_counts_the_running_stream_with_its_cycles() {
        let mut counters = Counters::default();
        for (ssrc, number) in [(1, 7), (2, 65_534), (2, 65_535), (2, 1)] {
            counters.packet(ssrc, number, 0);
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
            even.packet(1, i, at);
            even.timing(1, at, timestamp);
            uneven.packet(1, i, at);
            uneven.timing(1, at + i64::from(i % 2) * 80, timestamp);
        }
        assert!(even.jitter_ms(8000) < 0.01);
        assert!((uneven.jitter_ms(8000) - 10.0).abs() < 0.5, "{}", uneven.jitter_ms(8000));
    }
}
