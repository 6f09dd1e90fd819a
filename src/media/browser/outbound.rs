//! One unbroken RTP stream towards the browser, whoever speaks (RFC 3550 §5.1): every call is a source with numbers of its own.
//!
//! Pure: the caller says `now`. Within a source gaps stay gaps; where the source changes, sequence numbers go on by one and time stamps
//! by the time that has passed, so that the browser's jitter buffer neither waits nor rewinds.
//! Does not do: repeat or fill what is missing.

use rtc_rtp::header::Header;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct Outbound {
    ssrc: u32,
    clock_rate: u32,
    source: Option<Source>,
    last: Option<Last>,
}

#[derive(Debug)]
struct Source {
    id: u64,
    sequence: u16,
    timestamp: u32,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    sequence: u16,
    timestamp: u32,
    at: Instant,
}

impl Outbound {
    pub fn new(ssrc: u32, clock_rate: u32) -> Self {
        Self { ssrc, clock_rate, source: None, last: None }
    }

    /// The header of a packet of `source`, as it leaves.
    pub fn place(&mut self, source: u64, header: &Header, now: Instant) -> Header {
        let fresh = self.source.as_ref().is_none_or(|s| s.id != source);
        if fresh {
            let (sequence, timestamp) = match self.last {
                Some(last) => (last.sequence.wrapping_add(1), last.timestamp.wrapping_add(self.ticks(now - last.at))),
                None => (header.sequence_number, header.timestamp),
            };
            self.source = Some(Source {
                id: source,
                sequence: sequence.wrapping_sub(header.sequence_number),
                timestamp: timestamp.wrapping_sub(header.timestamp),
            });
        }
        let (sequence, timestamp) = match &self.source {
            Some(shift) => {
                (header.sequence_number.wrapping_add(shift.sequence), header.timestamp.wrapping_add(shift.timestamp))
            }
            None => (header.sequence_number, header.timestamp),
        };
        // A late packet does not set the end of the stream back.
        if self.last.is_none_or(|last| sequence.wrapping_sub(last.sequence) < 1 << 15) {
            self.last = Some(Last { sequence, timestamp, at: now });
        }
        Header {
            version: 2,
            marker: header.marker || fresh,
            payload_type: header.payload_type,
            sequence_number: sequence,
            timestamp,
            ssrc: self.ssrc,
            ..Header::default()
        }
    }

    /// At least one packet: two sources never share a time stamp.
    fn ticks(&self, passed: Duration) -> u32 {
        let passed = passed.max(Duration::from_millis(20)).as_millis();
        (passed * u128::from(self.clock_rate) / 1000) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

    fn header(sequence_number: u16, timestamp: u32) -> Header {
        Header { payload_type: 8, sequence_number, timestamp, ssrc: 77, ..Header::default() }
    }

    /// (milliseconds, source, sequence, time stamp) in; (marker, sequence, time stamp) out.
    fn check(clock_rate: u32, packets: &[(u64, u64, u16, u32)], expected: &[(bool, u16, u32)]) {
        let (start, mut outbound) = (monotonic(), Outbound::new(9, clock_rate));
        for ((at, source, sequence, timestamp), want) in packets.iter().zip(expected) {
            let placed = outbound.place(*source, &header(*sequence, *timestamp), start + Duration::from_millis(*at));
            assert_eq!((placed.marker, placed.sequence_number, placed.timestamp), *want, "{packets:?}");
            assert_eq!((placed.ssrc, placed.payload_type, placed.extensions.len()), (9, 8, 0));
        }
    }

    #[test]
    fn a_source_keeps_its_numbers_and_its_gaps() {
        check(
            8000,
            &[(0, 1, 65_535, 100), (20, 1, 0, 260), (60, 1, 2, 580)],
            &[(true, 65_535, 100), (false, 0, 260), (false, 2, 580)],
        );
    }

    #[test]
    fn the_next_source_goes_on_where_time_is() {
        check(
            8000,
            &[(0, 1, 10, 1000), (1000, 2, 500, 7), (1020, 2, 501, 167)],
            &[(true, 10, 1000), (true, 11, 9000), (false, 12, 9160)],
        );
        check(48_000, &[(0, 1, 10, 1000), (1, 2, 500, 7)], &[(true, 10, 1000), (true, 11, 1960)]);
    }

    #[test]
    fn a_late_packet_does_not_set_the_end_back() {
        check(
            8000,
            &[(0, 1, 10, 1600), (20, 1, 12, 1920), (21, 1, 11, 1760), (40, 2, 0, 0)],
            &[(true, 10, 1600), (false, 12, 1920), (false, 11, 1760), (true, 13, 2080)],
        );
    }
}
