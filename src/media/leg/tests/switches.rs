//! Descriptions that change, payload types that switch, keys on odd numbers, encryption.

use super::*;
use crate::config;
use crate::media::sdes::{Crypto, OurKeys, Suite};
use crate::media::srtp::{Kind, Srtp};

impl Bench {
    fn with_answer(lines: &str) -> Self {
        let mut bench = Self::new();
        bench.leg.answered(&sdp(lines), bench.now, Timestamp::UNIX_EPOCH).unwrap();
        bench
    }

    /// What is sent during `ms`: payload types and lengths of the payload.
    fn sends(&mut self, ms: u64) -> Vec<(u8, usize)> {
        let mut sent = Vec::new();
        for _ in 0..ms / 10 {
            self.now += Duration::from_millis(10);
            self.leg.tick(self.now, |_, _| {}, |datagram, _| sent.push((datagram[1] & 0x7F, datagram.len() - HEADER)));
        }
        sent
    }

    fn keys(&mut self) -> String {
        let events = std::iter::from_fn(|| self.leg.next_event());
        events.filter_map(|event| if let MediaEvent::Key(key) = event { Some(key) } else { None }).collect()
    }

    fn press(&mut self, payload_type: u8, payload: &[u8]) {
        let mut datagram = vec![0; HEADER + payload.len()];
        let timestamp = u32::from(self.sequence) * 1_000;
        let fields = Outgoing { payload_type, marker: true, sequence: self.sequence, timestamp, ssrc: 5 };
        rtp::write(fields, &mut datagram, payload.len()).unwrap().copy_from_slice(payload);
        self.sequence += 1;
        self.leg.receive(&datagram, SocketAddr::from(CUSTOMER), self.now);
    }
}

/// Loudest of the customer's samples.
fn loudest(pcm: impl Iterator<Item = i16>) -> u16 {
    pcm.map(i16::unsigned_abs).max().unwrap_or(0)
}

#[test]
fn we_send_with_the_length_that_the_far_end_asks_for_and_change_it_when_it_does() {
    for ms in [10_u64, 20, 30, 40, 50, 60] {
        let mut bench = Bench::with_answer(&format!("m=audio 4000 RTP/AVP 8\r\na=ptime:{ms}"));
        let sent = bench.sends(600);
        assert!(sent.len().abs_diff(600 / ms as usize) <= 1, "{ms} ms: {} packets", sent.len());
        assert!(sent.iter().all(|(_, length)| *length == ms as usize * 8), "{ms} ms: {sent:?}");
        bench.leg.reoffer(&sdp("m=audio 4000 RTP/AVP 8\r\na=ptime:60\r\na=maxptime:30"), bench.now).unwrap();
        bench.sends(60);
        assert!(bench.sends(300).iter().all(|(_, length)| *length == 240));
        let at = bench.now;
        let ending = bench.leg.finish(at);
        assert_eq!(ending.length, 8 * 960, "the file keeps its length");
    }
}

#[test]
fn a_switch_of_law_mid_call_is_no_burst_in_the_recording_or_in_the_live_frames() {
    let mut bench = Bench::with_answer("m=audio 4000 RTP/AVP 8 0");
    // Quiet in either law; read by the wrong one each would be loud.
    let (quiet_a, quiet_mu) = (0xD5, 0xFF);
    let mut frames = Vec::new();
    for n in 0..200 {
        if n == 100 {
            bench.leg.reoffer(&sdp("m=audio 4000 RTP/AVP 0"), bench.now).unwrap();
        }
        // After the re-offer packets of the old law are still under way.
        let a_law = n < 50 || (100..105).contains(&n) && n % 2 == 0;
        bench.packet(if a_law { 8 } else { 0 }, if a_law { quiet_a } else { quiet_mu });
        bench.pass(20, false);
        frames.extend(std::iter::from_fn(|| bench.leg.next_frame()));
    }
    assert!(frames.len() > 190);
    assert!(loudest(frames.iter().flat_map(|frame| frame.pcm)) <= 8, "live frames");
    let ours = bench.sent.iter().filter(|pt| **pt == 8).count();
    assert!(ours.abs_diff(100) <= 1, "ours follows the description: {ours}");
    let (ending, _) = bench.end();
    assert!(loudest(ending.rest.iter().skip(1).step_by(2).copied()) <= 8, "recording");
    assert_eq!((ending.stats.packets_refused, gaps(&ending)), (0, vec![]));
}

#[test]
fn dynamic_numbers_are_heard_and_sent_and_the_old_ones_still_heard_after_a_re_offer() {
    let mut bench = Bench::with_answer("m=audio 4000 RTP/AVP 97 98\r\na=rtpmap:97 PCMU/8000\r\na=rtpmap:98 PCMA/8000");
    bench.packet(98, 0xAA);
    assert!(bench.sends(100).iter().all(|(pt, _)| *pt == 97));
    bench.leg.reoffer(&sdp("m=audio 4000 RTP/AVP 110\r\na=rtpmap:110 PCMA/8000"), bench.now).unwrap();
    for pt in [98, 97, 110, 8, 0] {
        bench.packet(pt, 0xAA);
    }
    bench.packet(111, 0xAA);
    bench.packet(18, 0xAA);
    assert!(bench.sends(100).iter().all(|(pt, _)| *pt == 110));
    let (ending, _) = bench.end();
    assert_eq!((ending.stats.packets_received, ending.stats.packets_refused), (6, 2));
}

#[test]
fn keys_come_on_the_number_of_either_description_and_go_on_theirs() {
    let mut bench = Bench::with_answer("m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000");
    bench.press(96, &[1, 0x0A, 0, 160]);
    bench.press(101, &[2, 0x8A, 0xFF, 0xFF]);
    bench.press(96, &[3, 0xFF, 0, 0]);
    for odd in [&[16, 0x0A, 0, 160][..], &[255, 0, 0, 0], &[5, 0, 0], &[]] {
        bench.press(96, odd);
    }
    bench.press(96, &[11, 0x0A, 0, 160, 9, 9, 9, 9]);
    assert_eq!(bench.keys(), "123#");
    bench.leg.send_keys("5");
    assert!(bench.sends(200).contains(&(96, 4)));
}

#[test]
fn a_far_end_without_keys_in_its_description_may_send_them_all_the_same() {
    let mut bench = Bench::with_answer("m=audio 4000 RTP/AVP 8");
    bench.press(101, &[7, 0x8A, 3, 32]);
    assert_eq!(bench.keys(), "7");
    assert_eq!(bench.end().0.stats.packets_refused, 0);
}

#[test]
fn an_answer_without_sdp_is_the_early_one_and_without_either_there_is_no_call() {
    let early = sdp("m=audio 4000 RTP/AVP 0");
    for body in [&b""[..], b"\r\n", b"<xml/>", b"v=0\r\nm=video 4 RTP/AVP 96\r\n"] {
        let mut bench = Bench::new();
        bench.leg.early(&early, bench.now).unwrap();
        assert_eq!(bench.leg.answered(body, bench.now, Timestamp::UNIX_EPOCH), Ok(Pcmu), "{body:?}");
        let mut bench = Bench::new();
        assert!(bench.leg.answered(body, bench.now, Timestamp::UNIX_EPOCH).is_err());
    }
    let mut bench = Bench::new();
    bench.leg.early(&early, bench.now).unwrap();
    let refused = bench.leg.answered(&sdp("m=audio 0 RTP/AVP 0"), bench.now, Timestamp::UNIX_EPOCH);
    assert_eq!(refused, Err(NegotiationError::Refused), "a stream that was taken back is not forgiven");
}

#[test]
fn a_name_for_an_address_is_found_out_by_its_packets_and_the_prompt_waits_for_them() {
    let mut bench = Bench::new();
    let answer = b"v=0\r\nc=IN IP4 media.example.com\r\nm=audio 4000 RTP/AVP 8\r\n";
    bench.leg.answered(answer, bench.now, Timestamp::UNIX_EPOCH).unwrap();
    bench.leg.play(vec![vec![8_000; 1_600].into()]);
    bench.pass(400, false);
    assert!(bench.sent.is_empty());
    bench.pass(1_000, true);
    assert!(bench.sent.len() >= 40);
    let (ending, events) = bench.end();
    assert_eq!(sounding(&ending), [(0.4, 1.4)], "the packets of the trial count");
    assert!(
        matches!(events[..], [MediaEvent::FirstRtp { .. }, MediaEvent::FirstSent { .. }, MediaEvent::PlayFinished(_)]),
        "{events:?}"
    );
    let played = ending.rest.iter().step_by(2).filter(|sample| **sample == 8_000).count();
    assert_eq!(played, 1_600);
}

#[test]
fn an_inactive_call_times_out_by_the_bound_of_a_hold() {
    let mut bench = Bench::new();
    bench.leg = std::mem::replace(&mut bench.leg, Bench::new().leg).held_for(Duration::from_secs(30));
    bench.leg.answered(&sdp("m=audio 4000 RTP/AVP 8\r\na=inactive"), bench.now, Timestamp::UNIX_EPOCH).unwrap();
    bench.pass(29_000, false);
    assert!(bench.events.is_empty() && bench.sent.is_empty(), "{:?}", bench.events);
    bench.pass(10_000, false);
    let (ending, events) = bench.end();
    assert_eq!(events, [MediaEvent::HoldTimeout]);
    assert_eq!(gaps(&ending), [(0.0, 39.0, GapReason::Hold)]);
}

/// Our keys, and a far end that knows them.
fn secured(policy: config::Srtp, answer: &str) -> Result<(Bench, Srtp), NegotiationError> {
    let mut bench = Bench::new();
    bench.leg = std::mem::replace(&mut bench.leg, Bench::new().leg).secured(OurKeys::new(policy, [[1; 30]; 2]));
    let far = OurKeys::new(config::Srtp::Required, [[2; 30]; 2]);
    let offer = String::from_utf8(bench.leg.offer()).unwrap();
    let ours = offer.lines().find_map(|line| Crypto::parse(line.strip_prefix("a=crypto:")?));
    let mut srtp = Srtp::new(far.clone());
    srtp.negotiated(ours.as_ref());
    let line = ours.map(|ours| far.answered(&ours)).unwrap_or_default();
    bench.leg.answered(&sdp(&answer.replace("LINE", &line)), bench.now, Timestamp::UNIX_EPOCH)?;
    Ok((bench, srtp))
}

#[test]
fn with_srtp_both_ways_are_sealed_and_plain_packets_do_not_enter() {
    let (mut bench, mut far) = secured(config::Srtp::Required, "m=audio 4000 RTP/SAVP 8\r\na=crypto:LINE").unwrap();
    let mut opened = 0;
    for n in 0..50 {
        let mut datagram = [0; HEADER + FRAME];
        let fields = Outgoing { payload_type: 8, marker: false, sequence: n, timestamp: u32::from(n) * 160, ssrc: 5 };
        rtp::write(fields, &mut datagram, FRAME).unwrap().fill(0xAA);
        let sealed = far.seal(Kind::Rtp, &datagram).unwrap();
        bench.leg.receive(&sealed, SocketAddr::from(CUSTOMER), bench.now);
        bench.leg.receive(&datagram, SocketAddr::from(CUSTOMER), bench.now);
        bench.now += TICK;
        bench.leg.tick(
            bench.now,
            |_, _| {},
            |datagram, _| {
                assert_eq!(datagram.len(), HEADER + FRAME + 10);
                opened += usize::from(far.open(Kind::Rtp, datagram).is_some_and(|plain| plain[1] & 0x7F == 8));
            },
        );
    }
    assert!(opened >= 49, "{opened}");
    let (ending, _) = bench.end();
    assert_eq!(sounding(&ending), [(0.0, 1.0)]);
    assert_eq!((ending.stats.packets_received, ending.stats.packets_refused), (50, 50));
    assert_eq!(ending.stats.srtp.as_deref(), Some(Suite::Sha1_80.name()));
    let (bye, _) = ending.bye.unwrap();
    assert!(far.open(Kind::Rtcp, &bye).is_some(), "reports are sealed too");
}

#[test]
fn required_refuses_a_plain_answer_and_optional_lives_with_it() {
    let plain = "m=audio 4000 RTP/AVP 8";
    assert_eq!(secured(config::Srtp::Required, plain).err(), Some(NegotiationError::NotSecured));
    let (mut bench, _) = secured(config::Srtp::Optional, plain).unwrap();
    assert!(bench.sends(100).iter().all(|sent| *sent == (8, FRAME)));
    bench.packet(8, 0xAA);
    let (ending, _) = bench.end();
    assert_eq!((ending.stats.packets_received, ending.stats.srtp), (1, None));
    let (mut bench, _) = secured(config::Srtp::Required, "m=audio 4000 RTP/SAVP 8\r\na=crypto:LINE").unwrap();
    assert_eq!(
        bench.leg.reoffer(&sdp(plain), bench.now),
        Err(NegotiationError::NotSecured),
        "nor may a re-offer take it away"
    );
}
