//! The bridge over real sockets and channels: an agent at a desk phone, and one whose packets come from a browser's shell.

use super::*;
use bytes::Bytes;
use huifang::media::agent::AgentLine;
use huifang::media::session::Supervision;
use tokio::sync::mpsc;

/// What a word may take from its coming until it is in the left channel: a frame, the ear's reserve, the grid, and the detector's error.
const ON_THE_WAY: f64 = 0.08;

async fn phone_line() -> (AgentLine, Peer) {
    let cfg = config::Media { rtp_ports: "31000-31999".into(), ..config::Media::default() };
    let line = AgentLine::phone(&cfg, &[Codec::Pcma, Codec::Pcmu]).await.unwrap();
    let phone = Peer::bind((Ipv4Addr::LOCALHOST, rtp_port(&line.offer())).into()).await;
    assert_eq!(line.answered(phone.sdp("sendrecv").as_bytes()).unwrap(), Codec::Pcma);
    (line, phone)
}

/// Silence of `total` samples with the agent's tone in `from..to`.
fn word(total: usize, from: usize, to: usize) -> Vec<i16> {
    let mut pcm = vec![0; total];
    add_tone(&mut pcm[from..to], AGENT_HZ, LEVEL, 0);
    pcm
}

/// The tone sounds once, begins where it should or a little later, and lasts as long.
fn assert_soon(title: &str, pcm: &[i16], hz: f64, from: f64, seconds: f64) {
    let found = find_tone(pcm, hz, LEVEL);
    let [(begin, end)] = found[..] else { panic!("{title}: {hz} Hz at {found:?}") };
    let (begin, end) = (begin as f64 / 8e3, end as f64 / 8e3);
    assert!((from - NEAR..=from + ON_THE_WAY).contains(&begin), "{title}: begins at {begin}, said at {from}");
    assert!(near(end - begin, seconds), "{title}: lasts {} s", end - begin);
}

#[tokio::test]
async fn a_customer_and_an_agent_at_a_desk_phone_hear_each_other_and_each_has_a_channel() {
    steady(async || {
        let mut call = Call::answered().await;
        let (line, phone) = phone_line().await;
        call.session.join(line);
        let (start, customer) = call.peer.send(stream(&burst(16_000, 4_000, 8_000), 1, clean));
        let (_, agent) = phone.send(stream(&word(16_000, 9_000, 13_000), 2, clean));
        next_event(&mut call.events, |event| matches!(event, MediaEvent::AgentHeard { .. })).await;
        customer.await.unwrap();
        agent.await.unwrap();
        next_event(&mut call.events, |event| matches!(event, MediaEvent::AgentSilent { .. })).await;
        let said = call.since(start);
        for (who, peer, hz, other, at) in
            [("phone", &phone, CUSTOMER_HZ, AGENT_HZ, 0.5), ("customer", &call.peer, AGENT_HZ, CUSTOMER_HZ, 1.125)]
        {
            let (listened, heard) = peer.heard_audio();
            assert_soon(who, &heard, hz, said + at - call.since(listened), 0.5);
            assert_no_tone(who, &heard, other);
        }
        let closed = call.close().await;
        assert_tone("right", &closed.right, CUSTOMER_HZ, said + 0.5, said + 1.0);
        assert_soon("left", &closed.left, AGENT_HZ, said + 1.125, 0.5);
        assert_no_tone("left", &closed.left, CUSTOMER_HZ);
        assert_no_tone("right", &closed.right, AGENT_HZ);
        let company = &closed.report.company;
        let [agent] = &company.legs[..] else { panic!("{company:?}") };
        assert_eq!((agent.name.as_str(), agent.packets_received, agent.packets_lost), ("agent", 100, 0));
    })
    .await;
}

#[tokio::test]
async fn a_phone_that_moves_by_a_re_invite_is_heard_from_there_and_the_file_goes_on() {
    steady(async || {
        let mut call = Call::answered().await;
        let (line, phone) = phone_line().await;
        let signalling = call.session.join(line);
        let (_, customer) = call.peer.send(stream(&burst(16_000, 0, 16_000), 1, clean));
        let (_, before) = phone.send(stream(&word(4_000, 0, 4_000), 2, clean));
        before.await.unwrap();
        let moved = Peer::bind(phone.to).await;
        let answer = signalling.reoffer(moved.sdp("sendrecv").as_bytes()).unwrap();
        assert!(String::from_utf8(answer).unwrap().contains("m=audio"));
        let (start, after) = moved.send(stream(&word(4_000, 0, 4_000), 3, clean));
        next_event(&mut call.events, |event| matches!(event, MediaEvent::AgentHeard { .. })).await;
        after.await.unwrap();
        customer.await.unwrap();
        until("the customer's voice at the new place", || moved.packets_with(CUSTOMER_HZ, start) > 20).await;
        let said = call.since(start);
        let closed = call.close().await;
        let words = find_tone(&closed.left, AGENT_HZ, LEVEL);
        let last = words.last().expect("the agent in the left channel").1 as f64 / 8e3;
        assert!((said + 0.5 - NEAR..=said + 0.5 + ON_THE_WAY).contains(&last), "{words:?}, said at {said}");
        let spoken: usize = find_tone(&closed.right, CUSTOMER_HZ, LEVEL).iter().map(|(from, to)| to - from).sum();
        assert!(spoken.abs_diff(16_000) <= 320, "the customer's channel does not notice: {spoken}");
    })
    .await;
}

#[tokio::test]
async fn a_browsers_packets_come_and_go_through_channels_that_close_when_it_is_parted() {
    steady(async || {
        let mut call = Call::answered().await;
        let (to_call, incoming) = mpsc::channel(64);
        let (outgoing, mut from_call) = mpsc::channel::<Bytes>(64);
        let line = AgentLine::packets(incoming, outgoing, vec![(8, Codec::Pcma)], Some(101));
        call.session.join(line);
        let shell = to_call.clone();
        let speaking = tokio::spawn(async move {
            let start = monotonic();
            for (at, datagram) in stream(&word(8_000, 0, 8_000), 4, clean) {
                tokio::time::sleep_until((start + at).into()).await;
                if shell.send((monotonic(), datagram.into())).await.is_err() {
                    return;
                }
            }
        });
        let (_, customer) = call.peer.send(stream(&burst(8_000, 0, 8_000), 1, clean));
        next_event(&mut call.events, |event| matches!(event, MediaEvent::AgentHeard { .. })).await;
        let heard = async {
            while let Some(datagram) = from_call.recv().await {
                let packet = rtp::read(&datagram).unwrap();
                let mut pcm = vec![];
                Codec::Pcma.decode(&packet.payload, &mut pcm);
                if huifang::media::tones::amplitude(&pcm, CUSTOMER_HZ) > LEVEL / 2.0 {
                    return packet.header.payload_type;
                }
            }
            0
        };
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap(), 8);
        speaking.await.unwrap();
        customer.await.unwrap();
        call.session.part();
        assert!(to_call.is_closed(), "the shell sees that the call has given its line back");
        until("the end of what was sent", || {
            matches!(from_call.try_recv(), Err(mpsc::error::TryRecvError::Disconnected))
        })
        .await;
        let closed = call.close().await;
        let spoken: usize = find_tone(&closed.left, AGENT_HZ, LEVEL).iter().map(|(from, to)| to - from).sum();
        assert!(spoken.abs_diff(8_000) <= 640, "{spoken}");
    })
    .await;
}

/// A supervisor whispers a word of half a second, and the call ends when the agent has heard it. When it was said, seconds from the answer.
async fn whispered(call: &Call) -> f64 {
    let ((agent, desk), (supervisor, boss)) = (phone_line().await, phone_line().await);
    call.session.join(agent);
    call.session.supervise(supervisor, Supervision::Whisper);
    let (_, customer) = call.peer.send(stream(&burst(16_000, 0, 16_000), 1, clean));
    let (start, word) = boss.send(stream(&word(12_000, 8_000, 12_000), 2, clean));
    word.await.unwrap();
    until("the agent hears the word", || desk.packets_with(AGENT_HZ, start) > 20).await;
    customer.await.unwrap();
    assert_eq!(call.peer.packets_with(AGENT_HZ, start), 0, "the customer hears nothing of it");
    call.since(start) + 1.0
}

#[tokio::test]
async fn a_supervisors_words_are_a_third_track_on_the_clock_of_the_call_and_in_neither_channel() {
    steady(async || {
        let call = Call::answered().await;
        let said = whispered(&call).await;
        let closed = call.close().await;
        assert_no_tone("left", &closed.left, AGENT_HZ);
        assert_no_tone("right", &closed.right, AGENT_HZ);
        let [track] = &closed.tracks[..] else { panic!("{:?}", closed.info.tracks) };
        assert_soon("the third track", track, AGENT_HZ, said, 0.5);
        assert_eq!((track.len(), closed.info.tracks[0].seconds), (closed.left.len(), closed.info.seconds));
    })
    .await;
}

#[tokio::test]
async fn a_third_track_that_cannot_be_written_costs_the_recording_nothing() {
    steady(async || {
        let mut call = Call::answered().await;
        std::fs::write(call.store.path().join("1970/01/01/call.supervisor.wav"), "in the way").unwrap();
        whispered(&call).await;
        let failed = std::iter::from_fn(|| call.events.events.try_recv().ok())
            .any(|event| matches!(event, MediaEvent::RecorderFailed(_)));
        let closed = call.close().await;
        assert!(!failed && closed.info.tracks.is_empty(), "{:?}", closed.info);
        assert!(closed.info.gaps.iter().all(|gap| gap.reason != GapReason::RecorderFailed), "{:?}", closed.info.gaps);
        assert!(closed.info.seconds > 1.9 && !find_tone(&closed.right, CUSTOMER_HZ, LEVEL).is_empty());
    })
    .await;
}
