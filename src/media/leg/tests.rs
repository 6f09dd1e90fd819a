//! The leg on a clock moved by hand: no sockets, no files, exact to the sample. Odd far ends have files of their own.

mod reports;
mod streams;
mod switches;

use super::super::codec::Codec::{Pcma, Pcmu};
use super::super::rtp::{self, HEADER, Outgoing};
use super::*;
use crate::clock::monotonic;
use crate::domain::recording::manifest::GapReason;

/// A leg and a clock that moves by hand; the customer sends from port 4000.
struct Bench {
    leg: Leg,
    start: Instant,
    now: Instant,
    sequence: u16,
    /// Payload types sent by us.
    sent: Vec<u8>,
    events: Vec<MediaEvent>,
}

const TICK: Duration = Duration::from_millis(20);
const CUSTOMER: ([u8; 4], u16) = ([192, 0, 2, 1], 4_000);

fn sdp(lines: &str) -> Vec<u8> {
    format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{lines}\r\n").into_bytes()
}

impl Bench {
    fn new() -> Self {
        let address = [127, 0, 0, 1].into();
        let local = Local { address, port: 20_000, codecs: vec![Pcma, Pcmu], session_id: 1 };
        let now = monotonic();
        let leg = Leg::new(local, Playout::new(1, 1, 1), Duration::from_secs(5), now);
        Self { leg, start: now, now, sequence: 0, sent: Vec::new(), events: Vec::new() }
    }

    fn answered() -> Self {
        let mut bench = Self::new();
        bench.answer();
        bench
    }

    fn answer(&mut self) {
        let answer = sdp("m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000");
        self.leg.answered(&answer, self.now, Timestamp::UNIX_EPOCH).unwrap();
    }

    /// One packet of 20 ms of `value`; its timestamp is the time it is sent at.
    fn packet(&mut self, payload_type: u8, value: u8) {
        let timestamp = (self.now.duration_since(self.start).as_millis() * 8) as u32;
        let fields = Outgoing { payload_type, marker: false, sequence: self.sequence, timestamp, ssrc: 5 };
        let mut datagram = [0; HEADER + FRAME];
        rtp::write(fields, &mut datagram, FRAME).unwrap().fill(value);
        self.sequence += 1;
        self.leg.receive(&datagram, SocketAddr::from(CUSTOMER), self.now);
    }

    /// Time passes in ticks of 20 ms; the customer sends a packet before each when he `speaks`.
    fn pass(&mut self, ms: u64, speaks: bool) {
        for _ in 0..ms / 20 {
            if speaks {
                self.packet(8, 0xAA);
            }
            self.now += TICK;
            let sent = &mut self.sent;
            self.leg.tick(self.now, |_, _| {}, |datagram, _| sent.push(datagram[1] & 0x7F));
            self.events.extend(std::iter::from_fn(|| self.leg.next_event()));
        }
    }

    fn end(mut self) -> (Ending, Vec<MediaEvent>) {
        let ending = self.leg.finish(self.now);
        (ending, self.events)
    }
}

#[test]
fn whoever_overhears_is_given_both_sides_as_the_recording_has_them_and_only_while_he_does() {
    let mut bench = Bench::answered();
    bench.pass(200, true);
    assert_eq!(bench.leg.next_spoken(), None);
    bench.leg.overhear(true);
    bench.leg.play(vec![vec![500; 4_000].into()]);
    bench.pass(1_000, true);
    let spoken: Vec<SpokenFrame> = std::iter::from_fn(|| bench.leg.next_spoken()).collect();
    bench.leg.overhear(false);
    bench.pass(200, true);
    assert_eq!(bench.leg.next_spoken(), None);
    let recording = bench.end().0.rest;
    assert!(spoken.len() >= 45, "{} frames", spoken.len());
    assert!(spoken.iter().any(|frame| frame.agent[0] != 0) && spoken.iter().all(|frame| frame.customer[0] != 0));
    for frame in spoken {
        let place = (frame.at_s * 8_000.0).round() as usize;
        let both: Vec<i16> =
            frame.agent.iter().zip(&frame.customer).flat_map(|(left, right)| [*left, *right]).collect();
        assert_eq!(recording[2 * place..2 * (place + FRAME)], both, "at {} s", frame.at_s);
    }
}

/// Seconds of the right channel that hold sound.
fn sounding(ending: &Ending) -> Vec<(f64, f64)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (i, _) in ending.rest.iter().skip(1).step_by(2).enumerate().filter(|(_, s)| **s != 0) {
        match runs.last_mut() {
            Some(run) if run.1 == i => run.1 = i + 1,
            _ => runs.push((i, i + 1)),
        }
    }
    runs.into_iter().map(|(a, b)| (a as f64 / 8e3, b as f64 / 8e3)).collect()
}

fn gaps(ending: &Ending) -> Vec<(f64, f64, GapReason)> {
    ending.gaps.iter().map(|gap| (gap.from_s, gap.to_s, gap.reason)).collect()
}

#[test]
fn the_file_lasts_from_the_answer_to_the_end_to_the_sample() {
    let mut bench = Bench::answered();
    bench.pass(3_000, true);
    bench.now += Duration::from_micros(12_500);
    let (ending, _) = bench.end();
    assert_eq!((ending.rest.len() / 2, ending.length, ending.answered_at_s), (24_100, 24_100, Some(0.0)));
}

#[test]
fn early_media_lies_in_front_and_the_answered_part_begins_at_its_mark() {
    let mut bench = Bench::new();
    bench.leg.early(&sdp("m=audio 4000 RTP/AVP 8"), bench.now).unwrap();
    bench.leg.play(vec![vec![1_000; 800].into()]);
    bench.pass(400, true);
    bench.pass(600, false);
    assert!(bench.sent.iter().all(|pt| *pt == 8), "silence keeps the path open");
    // Packets of the early part are lost right before the answer.
    bench.sequence += 3;
    bench.now += Duration::from_millis(7);
    bench.answer();
    bench.pass(1_000, true);
    let (ending, events) = bench.end();
    assert_eq!(ending.answered_at_s, Some(1.007));
    assert_eq!(sounding(&ending), [(0.0, 0.4), (1.007, 2.007)]);
    assert_eq!(gaps(&ending), [], "only the answered part can have gaps");
    let spoke = ending.rest.iter().step_by(2).position(|s| *s != 0).map(|i| i as f64 / 8e3);
    assert!(spoke.is_some_and(|at| (1.007..1.05).contains(&at)), "the prompt waits for the answer: {spoke:?}");
    assert!(
        matches!(events[..], [MediaEvent::FirstRtp { .. }, MediaEvent::FirstSent { .. }, MediaEvent::PlayFinished(_)]),
        "{events:?}"
    );
}

#[test]
fn packets_that_came_before_the_answer_was_read_are_not_lost() {
    let mut bench = Bench::new();
    let answered = bench.now;
    for _ in 0..5 {
        bench.packet(8, 0xAA);
        bench.now += TICK;
    }
    let late = bench.now;
    bench.now = answered;
    bench.answer();
    bench.now = late;
    bench.pass(500, true);
    let (ending, _) = bench.end();
    assert_eq!(sounding(&ending), [(0.0, 0.6)]);
}

#[test]
fn chosen_silence_and_loss_are_gaps_with_their_reasons() {
    let mut bench = Bench::answered();
    bench.pass(1_000, true);
    bench.pass(1_000, false);
    bench.pass(1_000, true);
    bench.packet(13, 40);
    bench.pass(1_000, false);
    bench.pass(1_000, true);
    bench.sequence += 10;
    bench.pass(200, false);
    bench.pass(1_000, true);
    let (ending, _) = bench.end();
    assert_eq!(sounding(&ending), [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0), (5.2, 6.2)]);
    let dtx = GapReason::Dtx;
    assert_eq!(gaps(&ending), [(1.0, 2.0, dtx), (3.0, 4.0, dtx), (5.0, 5.2, GapReason::Loss)]);
    assert_eq!((ending.stats.packets_lost, ending.stats.codec.as_deref()), (10, Some("PCMA")));
}

#[test]
fn the_known_other_codec_is_heard_at_once_and_an_unknown_type_is_refused() {
    let mut bench = Bench::answered();
    bench.pass(200, true);
    bench.packet(0, 0x2A);
    bench.packet(18, 0x2A);
    bench.pass(20, false);
    let (ending, _) = bench.end();
    assert_eq!(sounding(&ending), [(0.0, 0.22)]);
    assert_eq!((ending.stats.packets_refused, ending.stats.codec.as_deref()), (1, Some("PCMU")));
}

#[test]
fn a_packet_that_is_refused_for_its_type_is_not_lost_as_well() {
    let mut bench = Bench::answered();
    bench.pass(100, true);
    bench.packet(18, 0x2A);
    bench.packet(18, 0x2A);
    bench.pass(100, true);
    let (ending, _) = bench.end();
    let LegStats { packets_refused, packets_lost, packets_received, .. } = ending.stats;
    assert_eq!((packets_refused, packets_lost, packets_received), (2, 0, 10));
}

#[test]
fn silence_of_the_line_times_out_once_and_a_hold_does_not() {
    let mut bench = Bench::answered();
    bench.pass(1_000, true);
    bench.leg.reoffer(&sdp("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0"), bench.now).unwrap();
    let sent = bench.sent.len();
    bench.pass(10_000, false);
    assert_eq!(bench.sent.len(), sent, "nothing is sent on hold");
    bench.leg.reoffer(&sdp("m=audio 4000 RTP/AVP 8"), bench.now).unwrap();
    bench.pass(4_900, false);
    assert!(!bench.events.contains(&MediaEvent::RtpTimeout));
    bench.pass(8_000, false);
    bench.pass(100, true);
    let (ending, events) = bench.end();
    assert_eq!(events.iter().filter(|event| **event == MediaEvent::RtpTimeout).count(), 1);
    assert_eq!(gaps(&ending), [(1.0, 11.0, GapReason::Hold), (11.0, 23.9, GapReason::NoMedia)]);
}

#[test]
fn a_re_offer_that_cannot_be_met_changes_nothing() {
    let mut bench = Bench::answered();
    bench.pass(200, true);
    let error = bench.leg.reoffer(&sdp("m=audio 4000 RTP/AVP 18"), bench.now).unwrap_err();
    assert!(matches!(error, NegotiationError::NoCommonCodec { .. }));
    bench.pass(200, true);
    assert_eq!(bench.sent.len(), 21);
    let (ending, _) = bench.end();
    assert_eq!(sounding(&ending), [(0.0, 0.4)]);
}

#[test]
fn a_new_address_in_a_re_offer_is_followed() {
    let mut bench = Bench::answered();
    bench.pass(200, true);
    bench.leg.reoffer(&sdp("m=audio 4002 RTP/AVP 0"), bench.now).unwrap();
    let mut targets = Vec::new();
    bench.leg.tick(bench.now + TICK, |_, _| {}, |datagram, to| targets.push((datagram[1] & 0x7F, to.port())));
    assert_eq!(targets, [(0, 4_002)]);
}

#[test]
fn a_clock_that_stood_still_sends_no_burst_and_the_file_keeps_its_length() {
    let mut bench = Bench::answered();
    bench.pass(200, true);
    bench.now += Duration::from_secs(3);
    bench.pass(20, true);
    assert!(bench.sent.len() < 20, "{} packets", bench.sent.len());
    let (ending, _) = bench.end();
    assert_eq!(ending.length, 8 * 3_220);
}
