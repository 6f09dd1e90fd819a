use super::*;
use crate::clock::monotonic;

const SSRC: u32 = 4242;

fn g711() -> Agreed {
    Agreed { speech: Speech::G711(vec![(8, Codec::Pcma), (0, Codec::Pcmu)]), event: Some(126) }
}

fn relay() -> Relay {
    let mut relay = Relay::default();
    relay.agree(g711(), SSRC);
    assert!(relay.enter(BrowserState::Connected));
    relay
}

fn packet(payload_type: u8, sequence_number: u16) -> Packet {
    let header = Header {
        version: 2,
        payload_type,
        sequence_number,
        timestamp: u32::from(sequence_number) * 160,
        ssrc: 7,
        ..Header::default()
    };
    Packet { header, payload: Bytes::from_static(&[0xD5; 160]) }
}

fn datagram(payload_type: u8, sequence: u16) -> Vec<u8> {
    let mut datagram = vec![0; HEADER + 160];
    let fields = Outgoing { payload_type, marker: false, sequence, timestamp: u32::from(sequence) * 160, ssrc: 7 };
    rtp::write(fields, &mut datagram, 160).unwrap().fill(0x55);
    datagram
}

#[test]
fn nothing_is_taken_before_an_offer_and_nothing_after_the_end() {
    let (bridge, _reader) = mpsc::channel(1);
    assert!(Relay::default().take(bridge.clone()).is_none());
    let mut relay = relay();
    assert!(relay.enter(BrowserState::Closed));
    assert!(relay.take(bridge).is_none());
    assert!(!relay.enter(BrowserState::Connected), "nothing comes after the end");
}

#[test]
fn only_agreed_payload_types_pass_in_either_direction() {
    let (mut relay, now) = (relay(), monotonic());
    let (bridge, mut reader) = mpsc::channel(16);
    let taken = relay.take(bridge).unwrap();
    assert_eq!((taken.codecs, taken.event), (vec![(8, Codec::Pcma), (0, Codec::Pcmu)], Some(126)));
    for (payload_type, passes) in [(8, true), (0, true), (126, true), (111, false), (13, false), (110, false)] {
        relay.arrived(&packet(payload_type, 5), now);
        let heard = reader.try_recv().ok().and_then(|(_, datagram)| rtp::read(&datagram));
        assert_eq!(
            heard.map(|p| (p.header.payload_type, p.header.sequence_number)),
            passes.then_some((payload_type, 5))
        );
        let sent = relay.leaving(taken.source, &datagram(payload_type, 6), now).unwrap();
        assert_eq!(
            sent.iter().map(|p| (p.header.ssrc, p.header.payload_type)).next(),
            passes.then_some((SSRC, payload_type))
        );
    }
    let stats = relay.stats();
    assert_eq!((stats.received, stats.sent, stats.sent_lost), (6, 3, 3));
}

#[test]
fn the_newest_call_has_the_browser_and_the_older_one_ends() {
    let (mut relay, now) = (relay(), monotonic());
    let ((first, mut first_reader), (second, mut second_reader)) = (mpsc::channel(4), mpsc::channel(4));
    let older = relay.take(first).unwrap();
    assert!(!older.ended.is_cancelled());
    let newer = relay.take(second).unwrap();
    assert!(older.ended.is_cancelled());
    assert!(relay.leaving(older.source, &datagram(8, 1), now).is_none());
    assert_eq!(relay.leaving(newer.source, &datagram(8, 1), now).unwrap().len(), 1);
    relay.arrived(&packet(8, 1), now);
    assert!(second_reader.try_recv().is_ok());
    assert_eq!(first_reader.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    relay.enter(BrowserState::Closed);
    assert!(newer.ended.is_cancelled());
}

#[test]
fn a_bridge_that_does_not_read_loses_packets_and_holds_up_nothing() {
    let (mut relay, now) = (relay(), monotonic());
    let (bridge, _reader) = mpsc::channel(2);
    let _taken = relay.take(bridge).unwrap();
    (0..5).for_each(|n| relay.arrived(&packet(8, n), now));
    assert_eq!((relay.stats().received, relay.stats().received_lost), (5, 3));
}

#[test]
fn what_cannot_reach_the_browser_is_counted_and_dropped() {
    let (mut relay, now) = (Relay::default(), monotonic());
    relay.agree(g711(), SSRC);
    let (bridge, _reader) = mpsc::channel(2);
    let source = relay.take(bridge).unwrap().source;
    let sent = |relay: &mut Relay| relay.leaving(source, &datagram(8, 1), now).unwrap().len();
    assert_eq!(sent(&mut relay), 0);
    // A connection that looks for another way still tries the one it had.
    for (state, expected) in [
        (BrowserState::Connected, 1),
        (BrowserState::Disconnected, 1),
        (BrowserState::Connecting, 1),
        (BrowserState::Failed, 0),
        (BrowserState::Connecting, 0),
        (BrowserState::Connected, 1),
    ] {
        relay.enter(state);
        assert_eq!(sent(&mut relay), expected, "{state:?}");
    }
    assert_eq!(relay.leaving(source, b"no RTP", now).unwrap().len(), 0);
    assert_eq!(relay.stats().sent_lost, 4);
}

#[test]
fn the_bridge_of_an_opus_browser_sees_a_law() {
    let (mut relay, now) = (Relay::default(), monotonic());
    relay.agree(Agreed { speech: Speech::Opus(111), event: Some(126) }, SSRC);
    relay.enter(BrowserState::Connected);
    let (bridge, mut reader) = mpsc::channel(16);
    let taken = relay.take(bridge).unwrap();
    assert_eq!((taken.codecs, taken.event), (vec![(8, Codec::Pcma)], Some(126)));
    for n in 0..3_u16 {
        let [sent] = &relay.leaving(taken.source, &datagram(8, 100 + n), now).unwrap()[..] else {
            panic!("one packet")
        };
        assert_eq!((sent.header.ssrc, sent.header.payload_type), (SSRC, 111));
        relay.arrived(sent, now);
        let heard = rtp::read(&reader.try_recv().unwrap().1).unwrap();
        assert_eq!((heard.header.payload_type, heard.payload.len()), (8, 160));
    }
    // Opus of its own has no way out, and keys have one in.
    assert_eq!(relay.leaving(taken.source, &datagram(111, 9), now).unwrap().len(), 0);
    relay.arrived(&packet(126, 200), now);
    assert_eq!(rtp::read(&reader.try_recv().unwrap().1).unwrap().header.payload_type, 126);
}
