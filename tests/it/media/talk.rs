//! A call as it goes: both voices, loss, hold, barge-in, keys, the end.

use super::*;

#[tokio::test]
async fn each_voice_is_heard_by_the_other_and_recorded_in_its_channel_at_its_time() {
    steady(async || {
        let mut call = Call::answered().await;
        let (start, sending) = call.peer.send(stream(&burst(16_000, 4_000, 12_000), 1, clean));
        let play = call.session.play(vec![vec![0; 2_400].into(), tone(AGENT_HZ, LEVEL, 6_400).into()]);
        next_event(&mut call.events, |event| *event == MediaEvent::PlayFinished(play)).await;
        sending.await.unwrap();
        let (heard_from, heard) = call.peer.heard_audio();
        let (said, listened) = (call.since(start), call.since(heard_from));
        let in_ear = find_tone(&heard, AGENT_HZ, LEVEL);
        assert_eq!(in_ear.len(), 1, "the peer hears one tone: {in_ear:?}");
        let agent = (listened + in_ear[0].0 as f64 / 8e3, listened + in_ear[0].1 as f64 / 8e3);
        assert_no_tone("the peer does not hear itself", &heard, CUSTOMER_HZ);

        let mut frames = Vec::new();
        while let Ok(frame) = call.events.customer.try_recv() {
            assert!((frame.at_s - frames.len() as f64 / 8e3).abs() < 1e-6, "frames have no hole");
            frames.extend(frame.pcm);
        }
        let closed = call.close().await;
        assert_tone("customer", &closed.right, CUSTOMER_HZ, said + 0.5, said + 1.5);
        assert_tone("agent", &closed.left, AGENT_HZ, agent.0, agent.1);
        assert_no_tone("left", &closed.left, CUSTOMER_HZ);
        assert_no_tone("right", &closed.right, AGENT_HZ);
        assert_tone("live frames", &frames, CUSTOMER_HZ, said + 0.5, said + 1.5);
        assert_eq!((closed.info.answered_at_s, closed.info.state), (Some(0.0), RecordingState::Complete));
        assert!(closed.info.seconds <= closed.length && closed.info.seconds > said + 1.9, "{}", closed.info.seconds);
        let leg = closed.report.leg;
        assert_eq!((leg.packets_received, leg.packets_lost, leg.packets_late, leg.packets_refused), (100, 0, 0, 0));
        assert_eq!(leg.codec.as_deref(), Some("PCMA"));
    })
    .await;
}

#[tokio::test]
async fn the_file_is_as_long_as_the_call() {
    steady(async || {
        let call = Call::answered().await;
        let answered = call.answered;
        until("700 ms of packets", || call.peer.heard.lock().unwrap().len() >= 35).await;
        let before = monotonic();
        let closed = call.close().await;
        let least = before.duration_since(answered).as_secs_f64();
        let length = closed.info.seconds;
        assert!(length >= least - 0.02 && length <= closed.length + 0.02, "{length} s, call of {least} s");
        assert!(
            matches!(closed.info.gaps[..], [ref gap] if gap.reason == GapReason::NoMedia && near(gap.to_s, length))
        );
    })
    .await;
}

#[tokio::test]
async fn loss_reordering_and_jitter_leave_every_sound_at_its_place() {
    steady(async || {
        let call = Call::answered().await;
        // Four seconds: 200 ms of tone every 500 ms; every 20th packet is lost, jitter to 45 ms turns neighbours round.
        let mut pcm = vec![0; 32_000];
        for at in (0..32_000).step_by(4_000) {
            add_tone(&mut pcm[at..at + 1_600], CUSTOMER_HZ, LEVEL, 0);
        }
        let line = |n: u64| (n % 20 != 4).then(|| Duration::from_millis(if n == 0 { 0 } else { n * 29 % 46 }));
        let (start, sending) = call.peer.send(stream(&pcm, 1, line));
        sending.await.unwrap();
        let said = call.since(start);
        let closed = call.close().await;
        let mut found: Vec<(f64, f64)> = Vec::new();
        for (from, to) in find_tone(&closed.right, CUSTOMER_HZ, LEVEL) {
            let (from, to) = (from as f64 / 8e3, to as f64 / 8e3);
            match found.last_mut() {
                Some(last) if from - last.1 < 0.05 => last.1 = to,
                _ => found.push((from, to)),
            }
        }
        assert_eq!(found.len(), 8, "{found:?}");
        for (i, (from, to)) in found.iter().enumerate() {
            let want = said + i as f64 * 0.5;
            assert!(near(*from, want) && near(*to, want + 0.2), "burst {i}: {from:.3}..{to:.3}, want {want:.3}");
        }
        let leg = closed.report.leg;
        assert_eq!((leg.packets_received, leg.packets_lost), (190, 10));
        assert!(leg.jitter_ms > 5.0 && leg.jitter_ms < 45.0, "{}", leg.jitter_ms);
        let lost: Vec<_> = closed.info.gaps.iter().filter(|gap| gap.reason == GapReason::Loss).collect();
        assert_eq!(lost.len(), 10, "{:?}", closed.info.gaps);
        for (i, gap) in lost.iter().enumerate() {
            let want = said + (i as f64 * 20.0 + 4.0) * 0.02;
            assert!(near(gap.from_s, want) && near(gap.to_s, want + 0.02), "{gap:?}, want {want:.3}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_strangers_packets_never_enter() {
    steady(async || {
        let call = Call::answered().await;
        let stranger = Peer::bind(call.peer.to).await;
        let mut voice = vec![0; 8_000];
        add_tone(&mut voice, STRANGER_HZ, LEVEL, 0);
        // Three packets before the customer's first, the rest over his.
        let (_, early) = stranger.send(stream(&voice[..480], 9, clean));
        early.await.unwrap();
        let (start, sending) = call.peer.send(stream(&burst(8_000, 2_000, 6_000), 1, clean));
        let (_, late) = stranger.send(stream(&voice, 9, |n| (n > 0).then_some(Duration::from_millis(10))));
        sending.await.unwrap();
        late.await.unwrap();
        let said = call.since(start);
        let closed = call.close().await;
        assert_no_tone("right", &closed.right, STRANGER_HZ);
        assert_tone("right", &closed.right, CUSTOMER_HZ, said + 0.25, said + 0.75);
        let leg = closed.report.leg;
        assert_eq!((leg.packets_received, leg.packets_refused), (50, 3 + 49));
        assert!(stranger.heard.lock().unwrap().is_empty(), "nothing is sent to a stranger");
    })
    .await;
}

#[tokio::test]
async fn on_hold_nothing_is_sent_or_recorded_and_after_it_both_go_on() {
    steady(async || {
        let mut call = Call::answered().await;
        let (first, sending) = call.peer.send(stream(&burst(5_120, 0, 4_800), 1, clean));
        let play = call.session.play(vec![tone(AGENT_HZ, LEVEL, 8_000).into()]);
        sending.await.unwrap();

        let hold_at = monotonic();
        let answer = call.session.reoffer(call.peer.sdp("sendonly").as_bytes()).unwrap();
        assert!(String::from_utf8(answer).unwrap().contains("a=recvonly"));
        let (_, music) = call.peer.send(stream(&tone(800.0, LEVEL, 4_800), 2, clean));
        music.await.unwrap();
        assert!(call.peer.packets_with(AGENT_HZ, hold_at + Duration::from_millis(60)) == 0, "the prompt waits");

        let resume_at = monotonic();
        let answer = call.session.reoffer(call.peer.sdp("sendrecv").as_bytes()).unwrap();
        assert!(String::from_utf8(answer).unwrap().contains("a=sendrecv"));
        let (second, sending) = call.peer.send(stream(&burst(5_120, 1_600, 4_800), 3, clean));
        next_event(&mut call.events, |event| *event == MediaEvent::PlayFinished(play)).await;
        sending.await.unwrap();

        let (first, hold, resume, second) =
            (call.since(first), call.since(hold_at), call.since(resume_at), call.since(second));
        let closed = call.close().await;
        let found = find_tone(&closed.right, CUSTOMER_HZ, LEVEL);
        assert_eq!(found.len(), 2, "{found:?}");
        let at = |sample: usize| sample as f64 / 8e3;
        assert!(near(at(found[0].0), first) && near(at(found[0].1), first + 0.6), "{found:?}, want {first}");
        assert!(near(at(found[1].0), second + 0.2) && near(at(found[1].1), second + 0.6), "{found:?}, want {second}");
        assert_no_tone("music on hold", &closed.right, 800.0);
        let played: usize = find_tone(&closed.left, AGENT_HZ, LEVEL).iter().map(|(from, to)| to - from).sum();
        assert!(played.abs_diff(8_000) < 320, "the whole prompt is played, around the hold: {played}");
        let held: Vec<_> = closed.info.gaps.iter().filter(|gap| gap.reason == GapReason::Hold).collect();
        assert!(matches!(held[..], [gap] if near(gap.from_s, hold) && near(gap.to_s, resume)), "{held:?}");
    })
    .await;
}

#[tokio::test]
async fn barge_in_is_silent_within_60_ms_of_media() {
    steady(async || {
        let call = Call::answered().await;
        let play = call.session.play(vec![tone(AGENT_HZ, LEVEL, 40_000).into()]);
        until("half a second of the prompt", || call.peer.packets_with(AGENT_HZ, call.answered) >= 25).await;
        call.session.stop_playing();
        let stopped = monotonic();
        let packets = call.peer.heard.lock().unwrap().len();
        until("half a second after the stop", || call.peer.heard.lock().unwrap().len() >= packets + 25).await;
        let after = call.peer.packets_with(AGENT_HZ, stopped);
        assert!(after <= 3, "{after} packets of {play:?} after the stop");
        let stopped = call.since(stopped);
        let closed = call.close().await;
        let ends: Vec<_> = find_tone(&closed.left, AGENT_HZ, LEVEL);
        assert!(ends.len() == 1 && ends[0].1 as f64 / 8e3 <= stopped + 0.06, "{ends:?}, stopped at {stopped}");
    })
    .await;
}

#[tokio::test]
async fn keys_go_both_ways_once_per_press() {
    steady(async || {
        let mut call = Call::answered().await;
        let mut packets = stream(&vec![0; 16_000], 1, clean);
        // Frames 20 to 24 and 40 to 44 become keys, every packet doubled; the second loses all but its last end.
        for (first, event, kept) in [(20_usize, 1_u8, 0..5), (40, 11, 4..5)] {
            for i in 0..5 {
                let (at, datagram) = &mut packets[first + i];
                let duration = (i as u16 + 1) * 160;
                let press = (u32::MAX - 1_000).wrapping_add(first as u32 * 160);
                datagram.truncate(HEADER);
                datagram[1] = 101;
                datagram[4..8].copy_from_slice(&press.to_be_bytes());
                datagram.extend([event, if i == 4 { 0x8A } else { 0x0A }, (duration >> 8) as u8, duration as u8]);
                if !kept.contains(&i) {
                    datagram.truncate(3);
                }
                let again = (*at, datagram.clone());
                packets.push(again);
            }
        }
        let (_, sending) = call.peer.send(packets);
        call.session.send_keys("42");
        assert_eq!(next_event(&mut call.events, |e| matches!(e, MediaEvent::Key(_))).await, MediaEvent::Key('1'));
        assert_eq!(next_event(&mut call.events, |e| matches!(e, MediaEvent::Key(_))).await, MediaEvent::Key('#'));
        sending.await.unwrap();
        while let Ok(event) = call.events.events.try_recv() {
            assert!(!matches!(event, MediaEvent::Key(_)), "one key per press");
        }
        let mut presses: Vec<(u32, u8)> = {
            let heard = call.peer.heard.lock().unwrap();
            heard.iter().filter(|h| h.payload_type == 101).map(|h| (h.timestamp, h.payload[0])).collect()
        };
        presses.dedup();
        assert_eq!(presses.iter().map(|(_, key)| *key).collect::<Vec<_>>(), [4, 2]);
        call.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_session_that_dies_leaves_a_part_that_is_mended_into_a_readable_recording() {
    steady(async || {
        let call = Call::answered().await;
        let (_, sending) = call.peer.send(stream(&burst(16_000, 0, 16_000), 1, clean));
        sending.await.unwrap();
        let Call { session, store, .. } = call;
        drop(session);
        let mut recovered = Vec::new();
        until("the writer's death", || {
            recovered = wav::recover(store.path()).unwrap();
            !recovered.is_empty()
        })
        .await;
        let info = recovered.remove(0).result.unwrap();
        assert_eq!((info.id.as_str(), info.state), ("call", RecordingState::Repaired));
        assert!(info.seconds >= 1.0, "at most a second is lost of two: {} s are left", info.seconds);
        let (_, right) = channels(&store.path().join(&info.file));
        assert_eq!(find_tone(&right, CUSTOMER_HZ, LEVEL).len(), 1);
        assert!(info.gaps.iter().any(|gap| gap.reason == GapReason::Crash));
    })
    .await;
}

#[tokio::test]
async fn closing_frees_the_ports_and_an_exhausted_range_is_named() {
    steady(async || {
        let store = tempfile::tempdir().unwrap();
        let cfg = config::Media { rtp_ports: "32500-32501".into(), ..config::Media::default() };
        let open = async |id: &str| {
            let recorder = Recorder::create(store.path(), id, Timestamp::UNIX_EPOCH).unwrap();
            MediaSession::open(&cfg, &[Codec::Pcma], recorder).await
        };
        let (first, _events) = open("a").await.unwrap();
        let error = open("b").await.err().unwrap().to_string();
        assert_eq!(error, "media.rtp_ports 32500-32501 on 127.0.0.1: every pair is taken");
        first.close().await.recording.unwrap();
        assert!(open("c").await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_a_common_codec_is_its_own_error_and_the_session_still_closes() {
    steady(async || {
        let store = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(store.path(), "a", Timestamp::UNIX_EPOCH).unwrap();
        let cfg = config::Media { rtp_ports: "31000-31999".into(), ..config::Media::default() };
        let (session, _events) = MediaSession::open(&cfg, &[Codec::Pcma], recorder).await.unwrap();
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n";
        let error = session.answered(sdp.as_bytes(), monotonic(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(error.to_string(), "no common codec: we speak PCMA, they G729/8000");
        let info = session.close().await.recording.unwrap();
        assert_eq!((info.seconds, info.answered_at_s), (0.0, None));
    })
    .await;
}
