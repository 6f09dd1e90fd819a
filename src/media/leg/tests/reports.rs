//! RTCP of a leg: what goes, what comes, where to, and whose.

use super::*;
use crate::media::counters::Reception;
use crate::media::reports::{Reports, Sent};
use rtc_rtcp::goodbye::Goodbye;
use rtc_rtcp::sender_report::SenderReport;

fn far() -> SocketAddr {
    SocketAddr::from((CUSTOMER.0, CUSTOMER.1 + 1))
}

impl Bench {
    /// Time passes with voice; the reports that left, and where to.
    fn reports(&mut self, seconds: u64) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut sent = Vec::new();
        for _ in 0..seconds * 50 {
            self.pass(20, true);
            sent.extend(self.leg.next_report(self.now));
        }
        sent
    }
}

/// A report of the far end about our stream 1.
fn about_us(expected: u64, received: u64, now: Instant) -> Vec<u8> {
    let heard = Reception { ssrc: 1, highest: 9, expected, received, jitter: 160 };
    let sent = Sent { ssrc: 5, timestamp: 0, packets: 3, octets: 480 };
    Reports::new(1, now).write(sent, Some(heard), false, now).unwrap()
}

#[test]
fn reports_tell_what_was_sent_and_heard_and_the_last_one_says_goodbye() {
    let mut bench = Bench::answered();
    let sent = bench.reports(30);
    assert!((4..=12).contains(&sent.len()), "{} reports in 30 s", sent.len());
    assert!(sent.iter().all(|(_, to)| *to == far()));
    let (last, _) = sent.last().unwrap();
    let packets = rtc_rtcp::packet::unmarshal(&mut &last[..]).unwrap();
    let report = packets[0].as_any().downcast_ref::<SenderReport>().unwrap();
    assert_eq!((report.ssrc, report.reports[0].ssrc, report.reports[0].total_lost), (1, 5, 0));
    assert!(report.packet_count > 1_000 && report.octet_count == report.packet_count * 160);
    let (bye, to) = bench.end().0.bye.unwrap();
    let packets = rtc_rtcp::packet::unmarshal(&mut &bye[..]).unwrap();
    assert!(packets.last().unwrap().as_any().is::<Goodbye>() && to == far());
    assert!(Bench::new().end().0.bye.is_none(), "who was never there does not leave");
}

#[test]
fn what_the_far_end_reports_is_kept_from_either_port_and_from_nobody_else() {
    let mut bench = Bench::answered();
    bench.reports(1);
    let now = bench.now;
    bench.leg.receive_report(&about_us(100, 90, now), far(), now);
    let stranger = SocketAddr::from(([198, 51, 100, 1], 4_001));
    bench.leg.receive_report(&about_us(100, 1, now), stranger, now);
    bench.leg.receive_report(&[0x80, 200, 0], far(), now);
    bench.leg.receive(&about_us(200, 180, now), SocketAddr::from(CUSTOMER), now);
    let (ending, _) = bench.end();
    let stats = ending.stats;
    assert_eq!((stats.reports_received, stats.reports_refused), (2, 2));
    assert_eq!((stats.far_lost, stats.far_jitter_ms, stats.round_trip_ms), (Some(20), Some(20.0), None));
    assert_eq!((stats.packets_refused, ending.rtcp_packets), (0, 2), "a report on the voice port is no refused voice");
}

#[test]
fn reports_go_where_the_description_says_or_where_those_of_the_far_end_come_from() {
    let mut bench = Bench::new();
    let answer = sdp("m=audio 4000 RTP/AVP 8\r\na=rtcp:53020 IN IP4 192.0.2.9");
    bench.leg.answered(&answer, bench.now, Timestamp::UNIX_EPOCH).unwrap();
    let told = SocketAddr::from(([192, 0, 2, 9], 53_020));
    assert!(bench.reports(8).iter().all(|(_, to)| *to == told));
    let other = SocketAddr::from(([192, 0, 2, 9], 60_000));
    let now = bench.now;
    bench.leg.receive_report(&about_us(1, 1, now), other, now);
    let after = bench.reports(16);
    assert!(!after.is_empty() && after.iter().all(|(_, to)| *to == other));
}
