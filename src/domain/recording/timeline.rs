//! Where a received packet belongs on the recording's axis (invariant 8).
//!
//! The axis counts samples of the wall clock; 0 is where the file begins. RTP timestamps place packets on it, so that loss, hold and DTX
//! leave silence of the right length; arrival times only tell where the sender's clock lies on ours:
//!
//! - the first packet of a stream is placed where it arrives (its *anchor*), the next ones by timestamp from there;
//! - a packet that arrives before its place proves the anchor too late, the least delay of a window proves it too early (drift): the anchor
//!   then slides by a few samples per packet, never audibly, until it is where the proof says;
//! - a new SSRC, a timestamp that runs backwards or leaps, and a talkspurt after a pause in which the sender stopped its timestamps make
//!   a new anchor at the arrival. For a second the anchor before is kept: packets that were sent before the change and come after it are
//!   placed by it, and change nothing.
//!
//! Deliberately not here: whether the packet is ours to hear (`media::source`), duplicates and loss counts (`media::counters`), the bytes.

/// Samples of 20 ms.
const FRAME: i64 = 160;
/// A packet this far ahead of its arrival is a leap of the timestamps, not a fast path.
const LEAP_AHEAD: i64 = 1_600;
/// A marked packet this late starts a talkspurt whose sender had stopped its timestamps.
const PAUSED_CLOCK: i64 = 2_400;
/// So many hopeless packets in a row, arriving at their own pace, mean that the anchor is wrong and not the network.
const HOPELESS_RUN: u32 = 10;
/// Voice per window of the least-delay filter, samples: on a line with much jitter less of it holds no packet that came without delay.
const WINDOW: i64 = 8_000;
/// Packets that overtook others slide the anchor for those too, as far as this.
const MOST_OVERTAKEN: i64 = 1_600;
/// How long the stream before is kept, samples.
const REMEMBERED: i64 = 8_000;
/// Below this the anchor is left alone: 2.5 ms.
const TOLERANCE: i64 = 20;
/// From here the anchor slides fast: 10 ms.
const FAR_OFF: i64 = 80;
/// Samples per 20 ms that the anchor slides.
const SLIDE: i64 = 1;
const SLIDE_FAST: i64 = 8;

/// What the timeline needs to know of one audio packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub ssrc: u32,
    /// Sequence number, unwrapped to 64 bits (`media::counters`).
    pub sequence: i64,
    pub timestamp: u32,
    pub marker: bool,
    /// Length in samples.
    pub samples: u32,
    /// When it came, on the axis.
    pub at: i64,
    /// The axis before this place is already written to disk.
    pub written: i64,
}

/// Where the packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    At {
        /// First sample; may lie up to a packet before `written` (the caller cuts).
        from: i64,
        /// The silence right before it, when there is some, and why.
        before: Option<Silence>,
        /// Samples right before `from` that only the sliding of the anchor opened: repeat the last sample there.
        stretch: u32,
    },
    /// Its place, from here on, is already written.
    Late { from: i64 },
}

/// Silence between the packet before and this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    pub from: i64,
    pub to: i64,
    pub why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Sequence numbers are missing.
    Lost,
    /// It came when its place was written.
    Late,
    /// No number is missing and the timestamps went on: the sender was silent on purpose (DTX).
    Dtx,
    /// No number is missing, and packets of a key press stood there.
    Key,
}

/// The placement of one far end's packets, in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    stream: Option<Stream>,
    /// What the stream was before its last anchor, and until when its packets may come.
    before: Option<(Stream, i64)>,
}

#[derive(Clone, Debug)]
struct Stream {
    ssrc: u32,
    /// Place = `anchor` + unwrapped timestamp.
    anchor: i64,
    /// Number of the packet that was anchored.
    first: i64,
    /// Of the newest packet.
    timestamp: i64,
    sequence: i64,
    /// End of the newest packet on the axis.
    end: i64,
    /// What silence after the newest audio packet means, when no number is missing.
    quiet: Why,
    filter: LeastDelay,
    hopeless: Hopeless,
}

impl Timeline {
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the anchor: the next packet is placed where it arrives (end of a hold, a new far end).
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// A packet without audio took this number, so it is not missing; `why` is what it stood for: a key, or silence.
    pub fn skip(&mut self, ssrc: u32, sequence: i64, why: Why) {
        if let Some(stream) = self.stream.as_mut().filter(|s| s.ssrc == ssrc && s.sequence + 1 == sequence) {
            (stream.sequence, stream.quiet) = (sequence, why);
        }
    }

    pub fn place(&mut self, packet: Arrival) -> Placement {
        let Some(stream) = &mut self.stream else {
            self.stream = Some(Stream::anchored(packet));
            return Placement::At { from: packet.at, before: None, stretch: 0 };
        };
        if let Some((before, until)) = &mut self.before
            && packet.at < *until
            && before.fits_better(stream, &packet)
        {
            return before.place_late(packet);
        }
        let (anchored, placement) = match stream.ssrc == packet.ssrc {
            true => stream.place(packet),
            false => (Some(Stream::anchored(packet)), Placement::At { from: packet.at, before: None, stretch: 0 }),
        };
        if let Some(anchored) = anchored {
            self.before = Some((std::mem::replace(stream, anchored), packet.at + REMEMBERED));
        }
        placement
    }
}

impl Stream {
    fn anchored(packet: Arrival) -> Self {
        let timestamp = i64::from(packet.timestamp);
        Self {
            ssrc: packet.ssrc,
            anchor: packet.at - timestamp,
            first: packet.sequence,
            timestamp,
            sequence: packet.sequence,
            end: packet.at + i64::from(packet.samples),
            quiet: Why::Dtx,
            filter: LeastDelay::default(),
            hopeless: Hopeless::default(),
        }
    }

    /// Its timestamp unwrapped, and how long after its place it came.
    fn delay(&self, packet: &Arrival) -> (i64, i64) {
        let timestamp = self.timestamp + i64::from(packet.timestamp.wrapping_sub(self.timestamp as u32) as i32);
        (timestamp, packet.at - (self.anchor + timestamp))
    }

    /// Was the packet sent before the change from this stream to `after`?
    fn fits_better(&self, after: &Self, packet: &Arrival) -> bool {
        let delay = self.delay(packet).1;
        let ours = self.ssrc == packet.ssrc && (-LEAP_AHEAD..REMEMBERED).contains(&delay);
        // With one SSRC the numbers go on, and one from before the change may also be of a packet that the first of after overtook.
        let theirs = || packet.sequence > after.first || after.delay(packet).1.abs() <= delay.abs();
        ours && (after.ssrc != packet.ssrc || !theirs())
    }

    /// Places a packet that came after the stream was over: nothing is learned from it.
    fn place_late(&mut self, packet: Arrival) -> Placement {
        let (timestamp, _) = self.delay(&packet);
        let from = self.anchor + timestamp;
        let newer = packet.sequence > self.sequence;
        let before = self.silence_before(&packet, from, newer);
        if newer {
            self.pass(&packet, timestamp, from);
        }
        match from + i64::from(packet.samples) <= packet.written {
            true => Placement::Late { from },
            false => Placement::At { from, before, stretch: 0 },
        }
    }

    /// The new stream, when the packet begins one, and the place.
    fn place(&mut self, packet: Arrival) -> (Option<Self>, Placement) {
        let (timestamp, delay) = self.delay(&packet);
        let newer = packet.sequence > self.sequence;
        if self.is_broken(&packet, timestamp, newer, delay) {
            return self.anchor_again(packet);
        }
        let anchor_before = self.anchor;
        if newer {
            let passed = timestamp - self.timestamp;
            self.anchor += self.filter.slide(delay, packet.at, packet.samples.into(), passed);
        }
        let from = self.anchor + timestamp;
        let silence = self.silence_before(&packet, from, newer);
        let stretch = match silence {
            None if newer => u32::try_from(self.anchor - anchor_before).unwrap_or(0),
            _ => 0,
        };
        if newer {
            self.pass(&packet, timestamp, from);
        }
        if from + i64::from(packet.samples) <= packet.written {
            if self.hopeless.run_is_steady(packet.at, timestamp) {
                return self.anchor_again(packet);
            }
            return (None, Placement::Late { from });
        }
        self.hopeless = Hopeless::default();
        (None, Placement::At { from, before: silence, stretch })
    }

    /// This packet is now the newest.
    fn pass(&mut self, packet: &Arrival, timestamp: i64, from: i64) {
        (self.timestamp, self.sequence, self.end) = (timestamp, packet.sequence, from + i64::from(packet.samples));
        self.quiet = Why::Dtx;
    }

    /// The timestamps no longer continue what they were.
    fn is_broken(&self, packet: &Arrival, timestamp: i64, newer: bool, delay: i64) -> bool {
        let runs_backwards = newer && timestamp < self.timestamp;
        let leaps = delay < -LEAP_AHEAD;
        let clock_was_paused = newer && packet.marker && delay > PAUSED_CLOCK;
        runs_backwards || leaps || clock_was_paused
    }

    fn anchor_again(&self, packet: Arrival) -> (Option<Self>, Placement) {
        let lost = packet.sequence > self.sequence + 1;
        let silence = Silence { from: self.end, to: packet.at, why: Why::Lost };
        let before = (lost && silence.from < silence.to).then_some(silence);
        (Some(Self::anchored(packet)), Placement::At { from: packet.at, before, stretch: 0 })
    }

    fn silence_before(&self, packet: &Arrival, from: i64, newer: bool) -> Option<Silence> {
        if !newer || from - self.end <= per_packet(SLIDE_FAST, packet.samples.into()) {
            return None;
        }
        let why = if packet.sequence > self.sequence + 1 { Why::Lost } else { self.quiet };
        Some(Silence { from: self.end, to: from, why })
    }
}

/// Finds how far the anchor is off: the least delay seen is the path without queues.
#[derive(Clone, Debug)]
struct LeastDelay {
    least: i64,
    /// Voice seen in the window.
    spoke: i64,
    /// Arrival and length of the window's first packet.
    began: (i64, i64),
    /// Still to slide: later when positive. Earlier is proved by a single packet, later by a window.
    owed: i64,
}

impl Default for LeastDelay {
    fn default() -> Self {
        Self { least: i64::MAX, spoke: 0, began: (0, 0), owed: 0 }
    }
}

impl LeastDelay {
    /// How many samples the anchor moves with this packet of so many samples, whose timestamp lies `passed` behind the newest before.
    fn slide(&mut self, delay: i64, at: i64, samples: i64, passed: i64) -> i64 {
        if delay < self.owed.min(-TOLERANCE) {
            self.owed = delay;
        }
        if self.owed < 0 {
            // The packets between are placed by where the anchor then is: what they would have slid is slid now.
            let step = step(-self.owed, passed.clamp(samples, MOST_OVERTAKEN.max(samples))).min(-self.owed);
            // What is measured against an anchor that is known to be wrong tells nothing.
            *self = Self { owed: self.owed + step, ..Self::default() };
            return -step;
        }
        if self.spoke == 0 {
            self.began = (at, samples);
        }
        self.least = self.least.min(delay);
        self.spoke += samples;
        if self.spoke >= WINDOW {
            // A backlog handed over in a burst says nothing about the path without queues.
            let (began, first) = self.began;
            let steady = keeps_pace(at - began, self.spoke - first);
            self.owed = if steady && self.least > TOLERANCE { self.least } else { 0 };
            (self.least, self.spoke) = (i64::MAX, 0);
        }
        let step = step(self.owed, samples).min(self.owed);
        self.owed -= step;
        // What is still owed must not be measured twice.
        if step > 0 && self.least != i64::MAX {
            self.least -= step;
        }
        step
    }
}

/// Packets that took `took` samples of time to bring `spoke` samples of voice come at their own pace.
fn keeps_pace(took: i64, spoke: i64) -> bool {
    took * 10 >= spoke * 8
}

fn step(off: i64, samples: i64) -> i64 {
    per_packet(if off > FAR_OFF { SLIDE_FAST } else { SLIDE }, samples)
}

/// A slide per 20 ms for a packet of another length.
fn per_packet(slide: i64, samples: i64) -> i64 {
    (slide * samples / FRAME).max(1)
}

/// Tells a network that stalled (its backlog comes in a burst) from an anchor that is wrong (packets keep their pace).
#[derive(Clone, Debug, Default)]
struct Hopeless {
    run: u32,
    first_at: i64,
    first_timestamp: i64,
}

impl Hopeless {
    fn run_is_steady(&mut self, at: i64, timestamp: i64) -> bool {
        if self.run == 0 {
            (self.first_at, self.first_timestamp) = (at, timestamp);
        }
        self.run += 1;
        let (took, spoke) = (at - self.first_at, timestamp - self.first_timestamp);
        if self.run < HOPELESS_RUN {
            return false;
        }
        let steady = spoke >= FRAME && keeps_pace(took, spoke);
        self.run = if steady { self.run } else { 0 };
        steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One packet of 20 ms: sequence, timestamp, arrival; nothing is written yet unless said.
    fn packet(sequence: i64, timestamp: u32, at: i64) -> Arrival {
        Arrival { ssrc: 1, sequence, timestamp, marker: false, samples: 160, at, written: i64::MIN }
    }

    fn from(placement: Placement) -> Option<i64> {
        match placement {
            Placement::At { from, .. } => Some(from),
            Placement::Late { .. } => None,
        }
    }

    /// Feeds the packets and compares their places.
    fn check(title: &str, packets: &[Arrival], places: &[Option<i64>]) {
        let mut timeline = Timeline::new();
        let got: Vec<_> = packets.iter().map(|p| from(timeline.place(*p))).collect();
        assert_eq!(got, places, "{title}");
    }

    #[test]
    fn packets_are_placed_by_timestamp_and_not_by_arrival() {
        check("on time", &[packet(1, 0, 500), packet(2, 160, 660)], &[Some(500), Some(660)]);
        check(
            "jitter",
            &[packet(1, 0, 500), packet(2, 160, 900), packet(3, 320, 905)],
            &[Some(500), Some(660), Some(820)],
        );
        check("loss", &[packet(1, 0, 500), packet(4, 480, 980)], &[Some(500), Some(980)]);
        check(
            "reorder",
            &[packet(1, 0, 500), packet(3, 320, 820), packet(2, 160, 825)],
            &[Some(500), Some(820), Some(660)],
        );
        check("DTX", &[packet(1, 0, 500), packet(2, 16_000, 16_500)], &[Some(500), Some(16_500)]);
    }

    #[test]
    fn wrap_around_of_the_timestamp_changes_nothing() {
        let top = u32::MAX - 159;
        check(
            "wrap",
            &[packet(1, top, 500), packet(2, 0, 660), packet(4, 320, 980), packet(3, 160, 985)],
            &[Some(500), Some(660), Some(980), Some(820)],
        );
    }

    #[test]
    fn a_new_stream_is_placed_where_it_arrives() {
        let other = |p: Arrival| Arrival { ssrc: 2, ..p };
        check("SSRC", &[packet(1, 0, 500), other(packet(9, 77, 700))], &[Some(500), Some(700)]);
        check(
            "leap ahead",
            &[packet(1, 0, 500), packet(2, 900_000, 660), packet(3, 900_160, 820)],
            &[Some(500), Some(660), Some(820)],
        );
        check(
            "leap back",
            &[packet(1, 900_000, 500), packet(2, 160, 660), packet(3, 320, 820)],
            &[Some(500), Some(660), Some(820)],
        );
        let marked = Arrival { marker: true, ..packet(2, 160, 16_500) };
        check("paused timestamps, marked talkspurt", &[packet(1, 0, 500), marked], &[Some(500), Some(16_500)]);
    }

    #[test]
    fn what_is_already_written_is_late_and_a_burst_after_a_stall_moves_no_anchor() {
        let mut packets = vec![packet(0, 0, 0)];
        // The network stalls for two seconds, then hands over 100 packets at once; 4 000 samples are held back from the disk.
        packets.extend((1..100).map(|i| Arrival { written: 12_000, ..packet(i, i as u32 * 160, 16_000 + i) }));
        packets.push(Arrival { written: 12_000, ..packet(100, 16_000, 16_160) });
        let mut timeline = Timeline::new();
        let places: Vec<_> = packets.iter().map(|p| from(timeline.place(*p))).collect();
        assert_eq!(places[1], None);
        assert_eq!(places[70], None);
        assert_eq!(places[80], Some(12_800));
        assert_eq!(places[100], Some(16_000));
    }

    #[test]
    fn an_unmarked_stream_whose_timestamps_had_stopped_is_followed_after_a_few_packets() {
        let mut timeline = Timeline::new();
        timeline.place(packet(0, 0, 0));
        let places: Vec<_> = (1..30)
            .map(|i| {
                let at = 80_000 + i * 160;
                from(timeline.place(Arrival { written: at - 4_000, ..packet(i, i as u32 * 160, at) }))
            })
            .collect();
        assert_eq!(places[0], None);
        assert_eq!(places[28], Some(80_000 + 29 * 160));
    }

    #[test]
    fn a_first_packet_that_was_slow_is_corrected_within_two_seconds() {
        let mut timeline = Timeline::new();
        timeline.place(packet(0, 0, 640));
        let last = (1..80).map(|i| from(timeline.place(packet(i, i as u32 * 160, i * 160)))).last();
        let off = last.flatten().map(|place| place - 79 * 160);
        assert!(off.is_some_and(|off| off.abs() <= 80), "off by {off:?} samples");
    }

    #[test]
    fn drift_of_500_ppm_either_way_stays_within_20_ms_for_an_hour() {
        for ppm in [-500.0, 500.0_f64] {
            let mut timeline = Timeline::new();
            let mut worst = 0;
            for i in 0..180_000_i64 {
                let sent = (i as f64 * 160.0 * (1.0 + ppm / 1e6)) as i64;
                // Jitter of up to 10 ms that repeats in a pattern.
                let at = sent + (i * 37 % 80);
                let place = from(timeline.place(packet(i, (i * 160) as u32, at))).unwrap_or(i64::MAX);
                worst = worst.max((place - sent).abs());
            }
            assert!(worst <= 160, "{ppm} ppm: off by {worst} samples");
        }
    }

    #[test]
    fn a_number_taken_by_a_key_or_comfort_noise_is_not_a_loss() {
        let mut timeline = Timeline::new();
        timeline.place(packet(1, 0, 0));
        timeline.skip(1, 2, Why::Dtx);
        let next = timeline.place(packet(3, 320, 320));
        let silence = Silence { from: 160, to: 320, why: Why::Dtx };
        assert_eq!(next, Placement::At { from: 320, before: Some(silence), stretch: 0 });
    }

    #[test]
    fn drift_is_followed_at_every_length_of_packet_and_when_it_changes() {
        for lengths in [&[80][..], &[240], &[480], &[320, 161, 80], &[1_600]] {
            for ppm in [-500.0, 500.0_f64] {
                let (mut timeline, mut timestamp, mut worst, mut sequence) = (Timeline::new(), 0_u32, 0, 0);
                while i64::from(timestamp) < 8_000 * 600 {
                    let samples = lengths[sequence as usize % lengths.len()];
                    let sent = (f64::from(timestamp) * (1.0 + ppm / 1e6)) as i64;
                    let arrival = packet(sequence, timestamp, sent + sequence * 37 % 80);
                    let place = from(timeline.place(Arrival { samples, ..arrival })).unwrap_or(i64::MAX);
                    worst = worst.max((place - sent).abs());
                    (sequence, timestamp) = (sequence + 1, timestamp + samples);
                }
                assert!(worst <= 160, "{lengths:?}, {ppm} ppm: off by {worst} samples");
            }
        }
    }

    #[test]
    fn the_silence_of_a_key_is_no_dtx() {
        let mut timeline = Timeline::new();
        timeline.place(packet(1, 0, 0));
        timeline.skip(1, 2, Why::Key);
        let next = timeline.place(packet(3, 320, 320));
        let silence = Silence { from: 160, to: 320, why: Why::Key };
        assert_eq!(next, Placement::At { from: 320, before: Some(silence), stretch: 0 });
        let dtx = Silence { from: 480, to: 640, why: Why::Dtx };
        assert_eq!(timeline.place(packet(4, 640, 640)), Placement::At { from: 640, before: Some(dtx), stretch: 0 });
    }

    #[test]
    fn silence_before_a_packet_says_why() {
        let mut timeline = Timeline::new();
        timeline.place(packet(1, 0, 0));
        let lost = timeline.place(packet(3, 320, 320));
        let silence = Silence { from: 160, to: 320, why: Why::Lost };
        assert_eq!(lost, Placement::At { from: 320, before: Some(silence), stretch: 0 });
        let dtx = timeline.place(packet(4, 1_600, 1_600));
        let silence = Silence { from: 480, to: 1_600, why: Why::Dtx };
        assert_eq!(dtx, Placement::At { from: 1_600, before: Some(silence), stretch: 0 });
    }
    #[test]
    fn late_packets_of_the_stream_before_are_placed_by_its_anchor_and_restart_nothing() {
        let other = |p: Arrival| Arrival { ssrc: 2, ..p };
        check(
            "SSRC",
            &[
                packet(1, 0, 500),
                other(packet(9, 7_000, 900)),
                packet(2, 160, 910),
                packet(3, 320, 920),
                other(packet(10, 7_160, 1_060)),
                packet(2, 160, 1_070),
                other(packet(12, 7_480, 1_380)),
            ],
            &[Some(500), Some(900), Some(660), Some(820), Some(1_060), Some(660), Some(1_380)],
        );
        check(
            "leap, overtaken on both sides",
            &[packet(1, 0, 500), packet(5, 900_160, 1_060), packet(2, 160, 1_065), packet(4, 900_000, 1_070)],
            &[Some(500), Some(1_060), Some(660), Some(900)],
        );
        let written = |p: Arrival| Arrival { written: 900, ..p };
        check(
            "too late",
            &[
                packet(1, 0, 500),
                other(packet(9, 77, 700)),
                written(packet(2, 160, 1_000)),
                other(packet(10, 237, 860)),
            ],
            &[Some(500), Some(700), None, Some(860)],
        );
        let back = packet(60, 9_000, 700 + REMEMBERED);
        check(
            "a sender that has come back",
            &[packet(1, 0, 500), other(packet(9, 77, 700)), back],
            &[Some(500), Some(700), Some(700 + REMEMBERED)],
        );
    }

    #[test]
    fn a_line_with_much_jitter_is_within_20_ms_after_seconds_and_stays_there() {
        for (jitter_ms, settled_s) in [(20, 1), (60, 3), (120, 4), (200, 5)] {
            for seed in 0..100_u64 {
                let mut dice = seed << 32 | 1;
                let mut below = |limit: i64| {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (dice >> 33) as i64 % limit
                };
                let mut packets: Vec<_> = (0..1_500)
                    .filter(|i| *i == 0 || i % 20 != 7)
                    .map(|i| packet(i, i as u32 * 160, i * 160 + below(jitter_ms * 8)))
                    .collect();
                packets.sort_by_key(|packet| packet.at);
                let mut timeline = Timeline::new();
                for packet in packets {
                    let sent = i64::from(packet.timestamp);
                    let off = from(timeline.place(packet)).map(|place| place - sent);
                    let settled = sent > settled_s * 8_000;
                    assert!(
                        !settled || off.is_some_and(|off| off.abs() <= FRAME),
                        "{jitter_ms} ms of jitter, seed {seed}: {off:?} samples off at {sent}"
                    );
                }
            }
        }
    }
}
