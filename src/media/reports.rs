//! RTCP of one call (RFC 3550 §6): our reports every five seconds or so, what the far end's say of our stream, BYE at the end.
//!
//! Pure; packets are `rtc-rtcp`. The NTP time of our reports is the time since the session began, as §6.4.1 allows. The far end's BYE ends
//! nothing: signalling does. Does not do: feedback (RFC 4585), extended reports, reduced-size packets of our own.

use super::counters::Reception;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rtc_rtcp::goodbye::Goodbye;
use rtc_rtcp::packet::Packet;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::source_description::{SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem};
use rtc_shared::marshal::Unmarshal;
use std::time::{Duration, Instant};

/// Mean interval, seconds (RFC 3550 §6.2); each is half to one and a half of it, the first half of that.
const INTERVAL_S: f64 = 5.0;
/// A longer way there and back is a mistake of the far end's clock.
const LONGEST_ROUND_TRIP: i64 = 10 * 65_536;
const SENDER: u8 = 200;
const RECEIVER: u8 = 201;
/// The largest loss that a report can tell (24 bits, signed).
const MOST_LOST: u64 = 0x7F_FFFF;

/// Our stream, as a report describes it.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub ssrc: u32,
    pub timestamp: u32,
    pub packets: u64,
    pub octets: u64,
}

/// What the far end last said of our stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FarView {
    pub lost: Option<u64>,
    pub jitter_ms: Option<f64>,
    pub round_trip_ms: Option<f64>,
}

pub struct Reports {
    began: Instant,
    random: StdRng,
    cname: String,
    due: Option<Instant>,
    /// Of our last report: packets sent, packets expected and received.
    packets_told: u64,
    told: (u64, u64),
    /// The far end's last sender report: whose, its time, when it came.
    sender: Option<(u32, u32, Instant)>,
    view: FarView,
    pub sent: u64,
    pub received: u64,
    pub refused: u64,
}

impl Reports {
    /// `seed` spreads the reports of many calls.
    pub fn new(seed: u64, now: Instant) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let cname = format!("{:016x}", random.random::<u64>());
        Self {
            began: now,
            random,
            cname,
            due: None,
            packets_told: 0,
            told: (0, 0),
            sender: None,
            view: FarView::default(),
            sent: 0,
            received: 0,
            refused: 0,
        }
    }

    pub fn view(&self) -> FarView {
        self.view
    }

    /// Is a report due? The first call starts the clock.
    pub fn is_due(&mut self, now: Instant) -> bool {
        match self.due {
            Some(due) if due <= now => {
                self.due = Some(now + self.interval(INTERVAL_S));
                true
            }
            Some(_) => false,
            None => {
                self.due = Some(now + self.interval(INTERVAL_S / 2.0));
                false
            }
        }
    }

    /// A compound packet: our report, our name, and `bye` at the end.
    pub fn write(&mut self, ours: Sent, heard: Option<Reception>, bye: bool, now: Instant) -> Option<Vec<u8>> {
        let reports = heard.map(|heard| self.block(heard, now)).into_iter().collect();
        let name = SourceDescriptionItem { sdes_type: SdesType::SdesCname, text: self.cname.clone().into() };
        let mut packets: Vec<Box<dyn Packet>> = vec![
            self.head(ours, reports, now),
            Box::new(SourceDescription {
                chunks: vec![SourceDescriptionChunk { source: ours.ssrc, items: vec![name] }],
            }),
        ];
        if bye {
            packets.push(Box::new(Goodbye { sources: vec![ours.ssrc], ..Goodbye::default() }));
        }
        self.packets_told = ours.packets;
        self.sent += 1;
        let written = rtc_rtcp::packet::marshal(&packets);
        written.inspect_err(|error| tracing::error!(%error, "a report could not be written")).ok().map(Vec::from)
    }

    /// A report of the far end about the stream `ours`; false when it cannot be read to its end.
    pub fn read(&mut self, datagram: &[u8], ours: u32, now: Instant) -> bool {
        let read = !datagram.is_empty() && self.compound(datagram, ours, now).is_some();
        *(if read { &mut self.received } else { &mut self.refused }) += 1;
        read
    }

    pub fn refuse(&mut self) {
        self.refused += 1;
    }

    /// `None` where the datagram stops being RTCP; what stood before counts.
    fn compound(&mut self, mut rest: &[u8], ours: u32, now: Instant) -> Option<()> {
        while !rest.is_empty() {
            let [first, kind, high, low, ..] = *rest else { return None };
            let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
            let (mut packet, after) = rest.split_at_checked(length)?;
            if first >> 6 != 2 || !(192..=223).contains(&kind) {
                return None;
            }
            match kind {
                SENDER => {
                    let report = SenderReport::unmarshal(&mut packet).ok()?;
                    self.sender = Some((report.ssrc, (report.ntp_time >> 16) as u32, now));
                    self.blocks(&report.reports, ours, now);
                }
                RECEIVER => self.blocks(&ReceiverReport::unmarshal(&mut packet).ok()?.reports, ours, now),
                // Names, goodbyes and feedback change nothing here.
                _ => {}
            }
            rest = after;
        }
        Some(())
    }

    fn blocks(&mut self, blocks: &[ReceptionReport], ours: u32, now: Instant) {
        let Some(block) = blocks.iter().find(|block| block.ssrc == ours) else { return };
        let lost = u64::from(block.total_lost);
        // Duplicates can make the loss negative.
        self.view.lost = Some(if lost > MOST_LOST { 0 } else { lost });
        self.view.jitter_ms = Some(f64::from(block.jitter) / 8.0);
        if block.last_sender_report != 0 {
            let there_and_back =
                self.middle(now).wrapping_sub(block.last_sender_report).wrapping_sub(block.delay) as i32;
            if i64::from(there_and_back) <= LONGEST_ROUND_TRIP && there_and_back > -6_554 {
                self.view.round_trip_ms = Some(f64::from(there_and_back.max(0)) * 1_000.0 / 65_536.0);
            }
        }
    }

    fn head(&self, ours: Sent, reports: Vec<ReceptionReport>, now: Instant) -> Box<dyn Packet> {
        if ours.packets == self.packets_told {
            return Box::new(ReceiverReport { ssrc: ours.ssrc, reports, ..ReceiverReport::default() });
        }
        Box::new(SenderReport {
            ssrc: ours.ssrc,
            ntp_time: self.ntp(now),
            rtp_time: ours.timestamp,
            packet_count: ours.packets as u32,
            octet_count: ours.octets as u32,
            reports,
            ..SenderReport::default()
        })
    }

    fn block(&mut self, heard: Reception, now: Instant) -> ReceptionReport {
        let (expected, received) = std::mem::replace(&mut self.told, (heard.expected, heard.received));
        let expected = heard.expected.saturating_sub(expected);
        let lost = expected.saturating_sub(heard.received.saturating_sub(received));
        let (last_sender_report, delay) = match self.sender {
            Some((ssrc, time, at)) if ssrc == heard.ssrc => {
                let since = now.saturating_duration_since(at);
                (time, (since.as_micros() * 65_536 / 1_000_000) as u32)
            }
            _ => (0, 0),
        };
        ReceptionReport {
            ssrc: heard.ssrc,
            fraction_lost: (lost * 256).checked_div(expected).unwrap_or(0).min(255) as u8,
            total_lost: heard.expected.saturating_sub(heard.received).min(MOST_LOST) as u32,
            last_sequence_number: heard.highest,
            jitter: heard.jitter,
            last_sender_report,
            delay,
        }
    }

    fn interval(&mut self, mean_s: f64) -> Duration {
        Duration::from_secs_f64(mean_s * self.random.random_range(0.5..1.5))
    }

    /// Seconds and fractions, 32 bits each.
    fn ntp(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began);
        (since.as_secs() << 32) | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000)
    }

    /// Its middle 32 bits.
    fn middle(&self, now: Instant) -> u32 {
        (self.ntp(now) >> 16) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;
    use proptest::prelude::*;

    const OURS: Sent = Sent { ssrc: 7, timestamp: 1_600, packets: 10, octets: 1_600 };

    fn heard(ssrc: u32, expected: u64, received: u64) -> Reception {
        Reception { ssrc, highest: 99, expected, received, jitter: 80 }
    }

    fn ends() -> (Reports, Reports, Instant) {
        let now = monotonic();
        (Reports::new(1, now), Reports::new(2, now), now)
    }

    #[test]
    fn two_ends_learn_loss_jitter_and_the_way_there_and_back_from_each_other() {
        let (mut us, mut far, start) = ends();
        let at = |ms| start + Duration::from_millis(ms);
        let ours = us.write(OURS, None, false, at(5_000)).unwrap();
        // 40 ms there; the far end thinks for 2 s; 60 ms back.
        far.read(&ours, 9, at(5_040));
        let theirs = far.write(Sent { ssrc: 9, ..OURS }, Some(heard(7, 200, 190)), false, at(7_040)).unwrap();
        us.read(&theirs, 7, at(7_100));
        let view = us.view();
        assert_eq!((view.lost, view.jitter_ms), (Some(10), Some(10.0)));
        let round_trip = view.round_trip_ms.unwrap();
        assert!((round_trip - 100.0).abs() < 1.0, "{round_trip}");
        assert_eq!((us.received, us.refused, far.view()), (1, 0, FarView::default()));
    }

    #[test]
    fn our_report_is_a_compound_of_report_name_and_bye_and_tells_the_loss_since_the_last() {
        let (mut us, _, now) = ends();
        us.write(OURS, Some(heard(9, 100, 100)), false, now);
        let bytes = us.write(Sent { packets: 20, ..OURS }, Some(heard(9, 200, 150)), true, now).unwrap();
        let packets = rtc_rtcp::packet::unmarshal(&mut &bytes[..]).unwrap();
        let [report, name, bye] = &packets[..] else { panic!("{packets:?}") };
        let report = report.as_any().downcast_ref::<SenderReport>().unwrap();
        assert_eq!((report.ssrc, report.packet_count, report.reports[0].fraction_lost), (7, 20, 128));
        assert_eq!((report.reports[0].total_lost, report.reports[0].last_sequence_number), (50, 99));
        assert!(name.as_any().downcast_ref::<SourceDescription>().is_some_and(|name| name.chunks[0].items.len() == 1));
        assert_eq!(bye.as_any().downcast_ref::<Goodbye>().unwrap().sources, [7]);
        let silent = us.write(Sent { packets: 20, ..OURS }, None, false, now).unwrap();
        assert_eq!(silent[1], RECEIVER, "who sent nothing since the last report is a receiver");
    }

    #[test]
    fn reports_come_every_five_seconds_or_so() {
        let (mut us, _, start) = ends();
        let due: Vec<_> = (0..60_000).filter(|ms| us.is_due(start + Duration::from_millis(*ms))).collect();
        assert!((1_250..=3_750).contains(&due[0]), "{due:?}");
        assert!(due.windows(2).all(|pair| (2_500..=7_501).contains(&(pair[1] - pair[0]))), "{due:?}");
        assert!(due.windows(3).any(|three| three[1] - three[0] != three[2] - three[1]), "{due:?}");
    }

    #[test]
    fn malformed_reports_are_counted_and_what_stands_before_the_fault_counts() {
        let (mut us, mut far, now) = ends();
        let good = far.write(Sent { ssrc: 9, ..OURS }, Some(heard(7, 20, 15)), true, now).unwrap();
        for bad in [&[][..], &good[..3], &[0x80, 200, 0, 9], &[0x40, 200, 0, 0], &[0x80, 8, 0, 0], &[0x81, 201, 0, 0]] {
            us.read(bad, 7, now);
        }
        assert_eq!((us.received, us.refused, us.view()), (0, 6, FarView::default()));
        us.read(&[&good[..], &[0xFF]].concat(), 7, now);
        assert_eq!((us.refused, us.view().lost), (7, Some(5)));
    }

    #[test]
    fn a_nonsense_round_trip_and_a_negative_loss_are_not_believed() {
        let (mut us, _, now) = ends();
        let block =
            ReceptionReport { ssrc: 7, total_lost: 0xFF_FFFF, last_sender_report: 5, ..ReceptionReport::default() };
        let report: Box<dyn Packet> =
            Box::new(ReceiverReport { ssrc: 9, reports: vec![block], ..ReceiverReport::default() });
        let bytes = rtc_rtcp::packet::marshal(&[report]).unwrap();
        us.read(&bytes, 7, now + Duration::from_secs(60));
        assert_eq!(us.view(), FarView { lost: Some(0), jitter_ms: Some(0.0), round_trip_ms: None });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_and_never_panic(kind in 190_u8..225, bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let (mut us, _, now) = ends();
            us.read(&bytes, 7, now);
            us.read(&[&[0x81, kind, 0, (bytes.len() / 4) as u8], &bytes[..bytes.len() / 4 * 4]].concat(), 7, now);
        }
    }
}
