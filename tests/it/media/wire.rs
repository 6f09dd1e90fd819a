//! What only real sockets show: both families, reports on their own port, a source that moves, an end that comes before the close.

use super::*;
use rtc_rtcp::goodbye::Goodbye;
use rtc_rtcp::packet::Packet;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use std::net::Ipv6Addr;

#[tokio::test]
async fn both_voices_go_over_ipv6_as_well() {
    steady(async || {
        let mut call = Call::answered_at(Ipv6Addr::LOCALHOST.into(), "").await;
        assert!(String::from_utf8(call.session.offer()).unwrap().contains("c=IN IP6 ::1\r\n"));
        let (start, sending) = call.peer.send(stream(&burst(8_000, 2_000, 6_000), 1, clean));
        let play = call.session.play(vec![tone(AGENT_HZ, LEVEL, 3_200).into()]);
        next_event(&mut call.events, |event| *event == MediaEvent::PlayFinished(play)).await;
        sending.await.unwrap();
        let said = call.since(start);
        assert!(call.peer.packets_with(AGENT_HZ, call.answered) >= 15);
        let closed = call.close().await;
        assert_tone("customer", &closed.right, CUSTOMER_HZ, said + 0.25, said + 0.75);
    })
    .await;
}

#[tokio::test]
async fn reports_are_read_on_their_port_and_a_goodbye_is_sent_at_the_end() {
    steady(async || {
        let reports = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = reports.local_addr().unwrap().port();
        let mut call = Call::answered_at(Ipv4Addr::LOCALHOST.into(), &format!("a=rtcp:{port}\r\n")).await;
        next_event(&mut call.events, |event| matches!(event, MediaEvent::FirstSent { .. })).await;
        let ours = ssrc_of(&call.peer).await;
        let block = ReceptionReport { ssrc: ours, total_lost: 7, jitter: 80, ..ReceptionReport::default() };
        let report: Box<dyn Packet> =
            Box::new(ReceiverReport { ssrc: 1, reports: vec![block], ..ReceiverReport::default() });
        let bytes = rtc_rtcp::packet::marshal(&[report]).unwrap();
        reports.send_to(&bytes, SocketAddr::new(call.peer.to.ip(), call.peer.to.port() + 1)).await.unwrap();
        // The last voice makes sure that the report, sent before it, was read.
        let (_, sending) = call.peer.send(stream(&burst(1_600, 0, 1_600), 1, clean));
        sending.await.unwrap();
        next_event(&mut call.events, |event| matches!(event, MediaEvent::FirstRtp { .. })).await;
        let leg = call.close().await.report.leg;
        assert_eq!((leg.far_lost, leg.far_jitter_ms, leg.reports_received), (Some(7), Some(10.0), 1));
        let mut buffer = [0; 2_048];
        let goodbye = async {
            loop {
                let (len, _) = reports.recv_from(&mut buffer).await.unwrap();
                let packets = rtc_rtcp::packet::unmarshal(&mut &buffer[..len]).unwrap();
                if let Some(bye) = packets.last().and_then(|last| last.as_any().downcast_ref::<Goodbye>()) {
                    return bye.sources.clone();
                }
            }
        };
        let sources = tokio::time::timeout(Duration::from_secs(10), goodbye).await.expect("waited 10 s for a BYE");
        assert_eq!(sources, [ours]);
    })
    .await;
}

/// Of the stream that a peer hears.
async fn ssrc_of(peer: &Peer) -> u32 {
    until("a packet of ours", || !peer.heard.lock().unwrap().is_empty()).await;
    peer.heard.lock().unwrap()[0].ssrc
}

#[tokio::test]
async fn a_source_that_moves_to_another_port_is_heard_and_answered_there() {
    steady(async || {
        let call = Call::answered().await;
        let moved = Peer::bind(call.peer.to).await;
        let packets = stream(&burst(16_000, 0, 16_000), 1, clean);
        let (before, after): (Vec<_>, Vec<_>) = packets.into_iter().partition(|(at, _)| *at < Duration::from_secs(1));
        let (start, first) = call.peer.send(before);
        let (_, second) = moved.send(after);
        first.await.unwrap();
        second.await.unwrap();
        let said = call.since(start);
        until("our voice at the new port", || !moved.heard.lock().unwrap().is_empty()).await;
        let closed = call.close().await;
        let found = find_tone(&closed.right, CUSTOMER_HZ, LEVEL);
        let spoken: usize = found.iter().map(|(from, to)| to - from).sum();
        assert!(spoken.abs_diff(16_000) <= 640, "nothing of it is missing: {found:?} from {said:.3}");
        assert_eq!((closed.report.leg.packets_received, closed.report.leg.packets_refused), (100, 0));
    })
    .await;
}

#[tokio::test]
async fn the_recording_ends_at_the_hang_up_though_packets_and_the_close_come_later() {
    steady(async || {
        let call = Call::answered().await;
        let (_, sending) = call.peer.send(stream(&burst(16_000, 0, 16_000), 1, clean));
        until("half a second of packets", || call.peer.heard.lock().unwrap().len() >= 25).await;
        let end = monotonic();
        call.session.hang_up(end);
        sending.await.unwrap();
        let talked = call.since(end);
        let closed = call.close().await;
        assert!((closed.info.seconds - talked).abs() <= 0.02, "{} s of {talked} s", closed.info.seconds);
    })
    .await;
}
