//! Streams that jump, drift, break off, move and lie.

use super::*;

const MS: i64 = 8;

/// One packet as a far end may make it.
#[derive(Clone, Copy)]
struct Raw {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    payload_type: u8,
    port: u16,
}

const PLAIN: Raw = Raw { ssrc: 5, sequence: 0, timestamp: 0, payload_type: 8, port: 4_000 };

impl Raw {
    fn bytes(self, payload: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; HEADER + payload.len()];
        let fields = Outgoing {
            payload_type: self.payload_type,
            marker: false,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        rtp::write(fields, &mut datagram, payload.len()).unwrap().copy_from_slice(payload);
        datagram
    }
}

impl Bench {
    /// A datagram arrives now from a port of the customer's host.
    fn datagram(&mut self, bytes: &[u8], port: u16) {
        self.leg.receive(bytes, SocketAddr::from((CUSTOMER.0, port)), self.now);
    }

    fn tick_to(&mut self, ms: u64) {
        let until = self.start + Duration::from_millis(ms);
        while self.now < until {
            self.now += Duration::from_millis(10).min(until - self.now);
            let sent = &mut self.sent;
            self.leg.tick(self.now, |_, _| {}, |datagram, _| sent.push(datagram[1] & 0x7F));
            self.events.extend(std::iter::from_fn(|| self.leg.next_event()));
        }
    }
}

/// A second of voice in packets of 20 ms, each as `shape` makes the nth of them and `later` ms after its time; then 600 ms of nothing.
fn heard(shape: impl Fn(u16) -> Option<(Raw, u64)>) -> Ending {
    let mut bench = Bench::answered();
    let mut packets: Vec<_> =
        (0..50_u16).filter_map(|n| shape(n).map(|(raw, later)| (u64::from(n) * 20 + later, raw))).collect();
    packets.sort_by_key(|(at, _)| *at);
    for (at, raw) in packets {
        bench.tick_to(at);
        bench.datagram(&raw.bytes(&[0xAA; FRAME]), raw.port);
    }
    bench.tick_to(1_600);
    bench.end().0
}

fn nth(n: u16) -> Raw {
    Raw {
        sequence: 65_500_u16.wrapping_add(n),
        timestamp: (u32::MAX - 2_000).wrapping_add(u32::from(n) * 160),
        ..PLAIN
    }
}

/// The whole second is heard at its place, and nothing more.
fn assert_whole(title: &str, ending: &Ending) {
    let found = sounding(ending);
    let near = |a: f64, b: f64| (a - b).abs() <= 0.02;
    assert!(matches!(found[..], [(from, to)] if near(from, 0.0) && near(to, 1.0)), "{title}: {found:?}");
}

#[test]
fn one_voice_is_heard_once_at_its_place_whatever_becomes_of_its_numbers() {
    let whole = |title: &str, shape: &dyn Fn(u16) -> Option<(Raw, u64)>| {
        let ending = heard(shape);
        assert_whole(title, &ending);
        ending.stats
    };
    let stats = whole("wraps of sequence and timestamp", &|n| Some((nth(n), 0)));
    assert_eq!((stats.packets_received, stats.packets_lost, stats.stream_changes), (50, 0, 0));
    whole("timestamps leap a minute", &|n| {
        Some((Raw { timestamp: nth(n).timestamp.wrapping_add(u32::from(n / 25) * 480_000), ..nth(n) }, 0))
    });
    whole("timestamps leap back", &|n| {
        Some((Raw { timestamp: nth(n).timestamp.wrapping_sub(u32::from(n / 25) * 480_000), ..nth(n) }, 0))
    });
    whole("sequence starts over", &|n| {
        Some((Raw { sequence: nth(n).sequence.wrapping_add(n / 25 * 20_000), ..nth(n) }, 0))
    });
    let stats = whole("ssrc changes with everything", &|n| match n {
        0..25 => Some((nth(n), 0)),
        _ => Some((Raw { ssrc: 6, sequence: n, timestamp: 77 + u32::from(n) * 160, ..PLAIN }, 0)),
    });
    assert_eq!((stats.packets_received, stats.packets_lost, stats.stream_changes), (50, 0, 1));
    let stats = whole("jitter of 200 ms", &|n| Some((nth(n), if n == 0 { 0 } else { u64::from(n) * 67 % 200 })));
    assert_eq!((stats.packets_late, stats.packets_lost), (0, 0));
    assert!(stats.jitter_ms > 20.0);
}

#[test]
fn loss_in_bursts_is_a_gap_of_its_length_and_duplicates_are_nothing() {
    let ending = heard(|n| (!(20..30).contains(&n)).then_some((nth(n), 0)));
    assert_eq!(sounding(&ending), [(0.0, 0.4), (0.6, 1.0)]);
    assert_eq!(gaps(&ending)[0], (0.4, 0.6, GapReason::Loss));
    let mut bench = Bench::answered();
    for n in 0..50 {
        for _ in 0..3 {
            bench.datagram(&nth(n).bytes(&[0xAA; FRAME]), 4_000);
        }
        bench.tick_to(u64::from(n + 1) * 20);
    }
    let (ending, _) = bench.end();
    assert_whole("every packet three times", &ending);
    assert_eq!((ending.stats.packets_received, ending.stats.packets_duplicate), (150, 100));
}

#[test]
fn what_comes_after_its_place_was_written_is_a_late_gap() {
    let ending = heard(|n| Some((nth(n), if n == 25 { 900 } else { 0 })));
    assert_eq!(sounding(&ending), [(0.0, 0.5), (0.52, 1.0)]);
    assert_eq!(gaps(&ending)[0], (0.5, 0.52, GapReason::Late));
    assert_eq!((ending.stats.packets_late, ending.stats.packets_lost), (1, 0));
}

#[test]
fn packets_of_every_length_are_heard_whole_even_when_it_changes() {
    for lengths in [&[80_usize][..], &[160], &[240], &[320], &[480], &[160, 240, 81, 479]] {
        let mut bench = Bench::answered();
        let (mut timestamp, mut sequence) = (0_u32, 0_u16);
        while timestamp < 16_000 {
            let samples = lengths[usize::from(sequence) % lengths.len()];
            bench.datagram(&Raw { sequence, timestamp, ..PLAIN }.bytes(&vec![0xAA; samples]), 4_000);
            (timestamp, sequence) = (timestamp + samples as u32, sequence + 1);
            bench.tick_to(u64::from(timestamp) / MS as u64);
        }
        let (ending, _) = bench.end();
        let whole = f64::from(timestamp / 8 * 8) / 8e3;
        let found = sounding(&ending);
        assert!(matches!(found[..], [(from, to)] if from == 0.0 && to >= whole - 0.001), "{lengths:?}: {found:?}");
    }
}

#[test]
fn ten_minutes_of_a_clock_that_drifts_stay_on_ours() {
    for ppm in [-500.0, 500.0_f64] {
        let mut bench = Bench::answered();
        let mut found = Vec::new();
        let mut taken = 0;
        for n in 0..30_000_u32 {
            // Ten milliseconds of sound every ten seconds, in the middle of silence.
            let loud = n % 500 == 0;
            let sent_us = (f64::from(n) * 20_000.0 * (1.0 + ppm / 1e6)) as u64;
            bench.now = bench.start + Duration::from_micros(sent_us);
            let sequence = n as u16;
            bench.datagram(
                &Raw { sequence, timestamp: n * 160, ..PLAIN }.bytes(&[if loud { 0xAA } else { 0xD5 }; FRAME]),
                4_000,
            );
            bench.leg.tick(bench.now, |_, _| {}, |_, _| {});
            while bench.leg.next_frame().is_some() {}
            if let Some(chunk) = bench.leg.chunk().take(8_000) {
                let first = chunk.iter().skip(1).step_by(2).enumerate().filter(|(_, s)| s.unsigned_abs() > 1_000);
                found.extend(first.map(|(i, _)| taken + i as i64));
                taken += chunk.len() as i64 / 2;
            }
        }
        found.dedup_by(|next, before| *next - *before < 4_000);
        assert!(found.len() >= 59, "{}", found.len());
        for (i, place) in found.iter().enumerate() {
            let want = (i as f64 * 80_000.0 * (1.0 + ppm / 1e6)) as i64;
            assert!((place - want).abs() <= 160, "{ppm} ppm: burst {i} is off by {} samples", place - want);
        }
    }
}

#[test]
fn a_port_that_changes_mid_call_is_followed_without_a_hole_and_a_stranger_is_not() {
    let moved = heard(|n| Some((Raw { port: if n < 25 { 4_000 } else { 4_444 }, ..nth(n) }, 0)));
    assert_whole("nat forgot us", &moved);
    assert_eq!((moved.stats.packets_received, moved.stats.packets_refused), (50, 0));
    let stranger = heard(|n| match n {
        0..25 => Some((nth(n), 0)),
        _ => Some((Raw { port: 4_444, ssrc: 9, ..nth(n) }, 0)),
    });
    assert_eq!(sounding(&stranger), [(0.0, 0.5)]);
    assert_eq!(stranger.stats.packets_refused, 25);
}

#[test]
fn what_is_no_audio_is_counted_and_changes_nothing() {
    let mut bench = Bench::answered();
    for n in 0..50_u16 {
        let voice = nth(n).bytes(&[0xAA; FRAME]);
        let mut padded = voice.clone();
        padded[0] |= 0x20;
        padded.extend([0, 0, 0, 4]);
        let mut extended = voice.clone();
        extended[0] |= 0x12;
        extended.splice(HEADER..HEADER, [[0_u8; 8].as_slice(), &[0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0]].concat());
        bench.datagram([&voice, &padded, &extended][usize::from(n) % 3], 4_000);
        let (mut wrong_padding, mut version) = (voice.clone(), voice.clone());
        wrong_padding[0] |= 0x20;
        wrong_padding[HEADER + FRAME - 1] = 255;
        version[0] = 0x48;
        let short_extension = [&[0x90, 8][..], &voice[2..HEADER], &[0xBE, 0xDE, 0xFF, 0xFF]].concat();
        let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[7; 12]].concat();
        let dtls = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
        let unknown = Raw { payload_type: 18, ..nth(n) }.bytes(&[0x2A; 20]);
        let giant = nth(n).bytes(&[0xAA; 3_000]);
        let junk: [&[u8]; 9] =
            [&wrong_padding, &version, &short_extension, &stun, &dtls, &unknown, &giant, &[], &[0x80; 5]];
        junk.into_iter().for_each(|junk| bench.datagram(junk, 4_000));
        bench.tick_to(u64::from(n + 1) * 20);
    }
    let (ending, _) = bench.end();
    assert_whole("garbage between", &ending);
    assert_eq!((ending.stats.packets_received, ending.stats.packets_refused), (50, 50 * 9));
}

#[test]
fn an_empty_packet_keeps_its_number_and_holds_nothing() {
    let mut bench = Bench::answered();
    for n in 0..50_u16 {
        let payload: &[u8] = if n == 10 { &[] } else { &[0xAA; FRAME] };
        bench.datagram(&nth(n).bytes(payload), 4_000);
        bench.tick_to(u64::from(n + 1) * 20);
    }
    let (ending, _) = bench.end();
    assert_eq!(sounding(&ending), [(0.0, 0.2), (0.22, 1.0)]);
    assert_eq!((ending.stats.packets_lost, gaps(&ending)), (0, vec![(0.2, 0.22, GapReason::Dtx)]));
}

#[test]
fn a_stall_of_ours_of_100_ms_shifts_no_channel_against_the_other() {
    let mut bench = Bench::answered();
    bench.leg.play(vec![vec![0; 4_000].into(), vec![8_000; 1_600].into()]);
    // From 300 to 400 ms nothing runs; what came meanwhile is read at once.
    let arrives = |n: u16| if (15..20).contains(&n) { 400 } else { u64::from(n) * 20 };
    for n in 0..50_u16 {
        if arrives(n) == 400 {
            bench.now = bench.start + Duration::from_millis(400);
            bench.leg.tick(bench.now, |_, _| {}, |_, _| {});
        }
        bench.tick_to(arrives(n));
        let loud = (25..35).contains(&n);
        bench.datagram(&nth(n).bytes(&[if loud { 0xAA } else { 0xD5 }; FRAME]), 4_000);
    }
    bench.tick_to(1_000);
    let (ending, _) = bench.end();
    let loud = |channel: usize| {
        let mut places =
            ending.rest.iter().skip(channel).step_by(2).enumerate().filter(|(_, s)| s.unsigned_abs() > 100);
        (places.next().map(|(i, _)| i), places.next_back().map(|(i, _)| i + 1))
    };
    assert_eq!(loud(1), (Some(4_000), Some(5_600)));
    assert_eq!(loud(0), (Some(4_000), Some(5_600)));
}

#[test]
fn the_file_ends_at_the_hang_up_whatever_comes_after_it() {
    let mut bench = Bench::answered();
    bench.pass(1_000, true);
    bench.leg.hang_up(bench.now);
    let sent = bench.sent.len();
    bench.now += Duration::from_millis(1);
    bench.pass(3_000, true);
    bench.leg.hang_up(bench.now);
    assert_eq!(bench.sent.len(), sent, "nothing is sent after the end");
    let (ending, _) = bench.end();
    assert_eq!((ending.length, ending.stats.packets_received), (8_000, 50));
}

#[test]
fn a_hang_up_that_is_learnt_of_late_cuts_off_what_was_taken_beyond_it_unless_it_is_on_disk() {
    // Ms since the end when it is learnt of, chunks of so many ms on disk, ms of the file.
    for (late_ms, on_disk_ms, want_ms) in
        [(0, 0, 1_000), (200, 0, 1_000), (600, 0, 1_000), (2_000, 0, 1_000), (600, 1_200, 1_200)]
    {
        let mut bench = Bench::answered();
        bench.pass(1_000, true);
        let ended = bench.now;
        bench.pass(late_ms, false);
        let mut on_disk = 0;
        if on_disk_ms > 0 {
            on_disk = bench.leg.chunk().take(0).unwrap().len() as i64 / 2;
        }
        bench.leg.hang_up(ended);
        let (ending, _) = bench.end();
        assert_eq!(
            (ending.length, on_disk + ending.rest.len() as i64 / 2),
            (want_ms * 8, want_ms * 8),
            "{late_ms} ms late"
        );
        let end_s = want_ms as f64 / 1_000.0;
        assert!(ending.gaps.iter().all(|gap| gap.to_s <= end_s && gap.from_s < gap.to_s), "{:?}", ending.gaps);
    }
}

#[test]
fn rtp_before_any_description_is_kept_to_a_bound_and_none_of_it_lengthens_the_file() {
    let mut bench = Bench::new();
    for _ in 0..500 {
        bench.packet(8, 0xAA);
        bench.now += TICK;
    }
    assert!(bench.leg.waiting.len() <= MOST_WAITING);
    let answered = bench.now;
    bench.answer();
    bench.pass(1_000, true);
    bench.start = answered;
    let (ending, _) = bench.end();
    assert_eq!((ending.length, sounding(&ending)), (8_000, vec![(0.0, 1.0)]));
    assert_eq!((ending.stats.packets_late, gaps(&ending)), (0, vec![]));
}
