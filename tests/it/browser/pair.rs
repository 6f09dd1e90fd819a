//! The leg against a connection of its own crate: speech both ways, keys, ICE restart, taking again, the end.

use super::page::{EVENT, Format, KEYS, OPUS, PCMA, PCMU, Page, SSRC};
use super::{AGENT_HZ, CUSTOMER_HZ, LEVEL, heard, level, loopback, media, spoken, until, within};
use huifang::config::WebRtc;
use huifang::media::browser::{Browser, BrowserEvent, BrowserState};
use huifang::media::codec::{Codec, FRAME};
use huifang::media::tones::{amplitude, tone};
use opus_rs::OpusDecoder;
use rtc::stun::message::{BINDING_SUCCESS, Message};
use rtc::stun::xoraddr::XorMappedAddress;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// The page speaks and hears in `format`; `codecs` is what the bridge is told.
async fn check_both_ways(page: Page, format: Format, codecs: &[(u8, Codec)]) {
    let mut rtp = page.browser.take().unwrap();
    assert_eq!(rtp.codecs, codecs, "{format:?}");
    page.say(format, AGENT_HZ, 50).await;
    let packets = heard(&mut rtp, 50).await;
    let agent = level(packets.iter().map(|(_, p)| p), AGENT_HZ);
    assert!((LEVEL * 0.7..LEVEL * 1.3).contains(&agent), "{format:?}: the bridge hears {agent}");
    assert!(packets.iter().all(|(_, p)| p.header.ssrc == SSRC && p.payload.len() == FRAME));

    for datagram in spoken(CUSTOMER_HZ, 50, 7) {
        rtp.outgoing.send(datagram).await.unwrap();
    }
    until("the page hears a second", || page.heard.lock().unwrap().len() >= 50).await;
    let customer = {
        let packets = page.heard.lock().unwrap();
        assert!(packets.iter().all(|(_, p)| p.header.payload_type == if format == OPUS { OPUS.0 } else { PCMA.0 }));
        if format == OPUS {
            opus_level(packets.iter().map(|(_, p)| p))
        } else {
            level(packets.iter().map(|(_, p)| p), CUSTOMER_HZ)
        }
    };
    assert!((LEVEL * 0.7..LEVEL * 1.3).contains(&customer), "{format:?}: the page hears {customer}");
    let stats = page.browser.stats();
    assert_eq!(
        (stats.state, stats.codec, stats.received, stats.sent),
        (BrowserState::Connected, Some(format.1), 50, 50)
    );
    assert_eq!((stats.received_lost, stats.sent_lost), (0, 0));
    page.browser.close().await;
    page.close().await;
}

fn opus_level<'a>(packets: impl Iterator<Item = &'a rtc::rtp::Packet>) -> f64 {
    let (mut decoder, mut pcm) = (OpusDecoder::new(8000, 1).unwrap(), Vec::new());
    for packet in packets {
        let mut out = [0.0; 960];
        let samples = decoder.decode(&packet.payload, 960, &mut out).unwrap();
        pcm.extend(out[..samples].iter().map(|s| (s * 32_768.0) as i16));
    }
    amplitude(&pcm[pcm.len() / 5..], CUSTOMER_HZ)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_law_is_relayed_both_ways_though_opus_is_offered_first() {
    let page = Page::connected(&loopback(), &[OPUS, PCMU, PCMA, KEYS]).await;
    check_both_ways(page, PCMA, &[(8, Codec::Pcma), (0, Codec::Pcmu)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mu_law_is_relayed_to_a_bridge_that_reads_its_payload_types() {
    let page = Page::connected(&loopback(), &[PCMU]).await;
    let mut rtp = page.browser.take().unwrap();
    assert_eq!((rtp.codecs.as_slice(), rtp.event), (&[(0, Codec::Pcmu)][..], None));
    page.say(PCMU, AGENT_HZ, 50).await;
    let packets = heard(&mut rtp, 50).await;
    assert!(level(packets.iter().map(|(_, p)| p), AGENT_HZ) > LEVEL * 0.9);
    page.browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opus_alone_is_transcoded_and_the_bridge_sees_a_law() {
    let page = Page::connected(&loopback(), &[OPUS, KEYS]).await;
    check_both_ways(page, OPUS, &[(8, Codec::Pcma)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leg_on_ipv6_connects() {
    let page = Page::connected(&media(Ipv6Addr::LOCALHOST.into()), &[PCMA]).await;
    assert!(page.browser.address().is_ipv6());
    page.browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_reaches_the_bridge_as_an_event() {
    let page = Page::connected(&loopback(), &[PCMA, KEYS]).await;
    let mut rtp = page.browser.take().unwrap();
    assert_eq!(rtp.event, Some(EVENT));
    page.say(PCMA, AGENT_HZ, 5).await;
    // RFC 4733 §2.3: key 5, its end, volume 10, 800 ticks.
    for sequence in 5..8 {
        page.write(EVENT, sequence, 800, vec![5, 0x8A, 3, 0x20]).await;
    }
    page.write(PCMA.0, 8, 1600, vec![0xD5; FRAME]).await;
    let packets = heard(&mut rtp, 6).await;
    let keys: Vec<_> = packets.iter().filter(|(_, p)| p.header.payload_type == EVENT).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|(_, p)| p.header.timestamp == 800 && p.payload[..] == [5, 0x8A, 3, 0x20]));
    page.browser.close().await;
}

/// Silence that an ICE restart may cost in either direction.
const RESTART: Duration = Duration::from_millis(1000);

/// One of the last ten of the hundred and fifty has come.
fn is_at_the_end(packets: &[(Instant, rtc::rtp::Packet)]) -> bool {
    packets.last().is_some_and(|(_, packet)| packet.header.sequence_number > 140)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ice_restart_in_the_call_keeps_both_streams() {
    let page = Page::connected(&loopback(), &[PCMA]).await;
    let mut rtp = page.browser.take().unwrap();
    let frames = spoken(CUSTOMER_HZ, 150, 0);
    let mut voice = vec![0; FRAME];
    Codec::Pcma.encode(&tone(AGENT_HZ, LEVEL, FRAME), &mut voice);
    let (mut tick, mut up) = (tokio::time::interval(Duration::from_millis(20)), Vec::new());
    let restart = async {
        until("half a second has passed", || page.heard.lock().unwrap().len() >= 25).await;
        page.restart_ice().await
    };
    let talk = async {
        for (n, frame) in frames.into_iter().enumerate() {
            tick.tick().await;
            page.write(PCMA.0, n as u16, n as u32 * 160, voice.clone()).await;
            rtp.outgoing.send(frame).await.unwrap();
            while let Ok((at, datagram)) = rtp.incoming.try_recv() {
                up.push((at, huifang::media::rtp::read(&datagram).unwrap()));
            }
        }
    };
    let (answer, ()) = tokio::join!(restart, talk);
    assert!(answer.contains("a=candidate:"), "the answer says where we are: {answer}");
    until("the last words have come up", || {
        while let Ok((at, datagram)) = rtp.incoming.try_recv() {
            up.push((at, huifang::media::rtp::read(&datagram).unwrap()));
        }
        is_at_the_end(&up)
    })
    .await;
    until("the last words have come down", || is_at_the_end(&page.heard.lock().unwrap())).await;
    for (direction, packets) in [("up", &up), ("down", &*page.heard.lock().unwrap())] {
        let gap = packets.windows(2).map(|w| w[1].0 - w[0].0).max().unwrap();
        assert!(gap < RESTART, "{direction}: {gap:?} of silence");
        assert!(packets.windows(2).all(|w| w[0].1.header.ssrc == w[1].1.header.ssrc), "{direction}");
        let step = |w: &[(Instant, rtc::rtp::Packet)]| {
            let (a, b) = (&w[0].1.header, &w[1].1.header);
            b.timestamp.wrapping_sub(a.timestamp) == 160 * u32::from(b.sequence_number.wrapping_sub(a.sequence_number))
        };
        assert!(packets.windows(2).all(step), "{direction}: time stamps and numbers go together");
    }
    page.browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_call_takes_the_browser_from_the_last_and_the_stream_goes_on() {
    let page = Page::connected(&loopback(), &[PCMA]).await;
    let mut first = page.browser.take().unwrap();
    first.outgoing.send(spoken(CUSTOMER_HZ, 1, 9000)[0].clone()).await.unwrap();
    until("the first call is heard", || page.heard.lock().unwrap().len() == 1).await;
    let second = page.browser.take().unwrap();
    assert_eq!(within("the end of the first call", 20, first.incoming.recv()).await, None);
    within("the end of its way out", 20, first.outgoing.closed()).await;
    second.outgoing.send(spoken(CUSTOMER_HZ, 1, 3)[0].clone()).await.unwrap();
    until("the second call is heard", || page.heard.lock().unwrap().len() == 2).await;
    let heard = page.heard.lock().unwrap();
    let (before, after) = (&heard[0].1.header, &heard[1].1.header);
    assert_eq!((after.ssrc, after.sequence_number), (before.ssrc, before.sequence_number.wrapping_add(1)));
    assert!(after.timestamp.wrapping_sub(before.timestamp) < 8000 * 60 && after.marker);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_calls_the_agent_is_counted_and_hears_nothing() {
    let page = Page::connected(&loopback(), &[PCMA]).await;
    page.say(PCMA, AGENT_HZ, 10).await;
    until("ten packets are counted", || page.browser.stats().received == 10).await;
    assert!(page.heard.lock().unwrap().is_empty() && page.browser.stats().heard_at.is_some());
}

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 126\r\nc=IN IP4 0.0.0.0\r\n\
                a=rtpmap:111 opus/48000/2\r\na=rtpmap:126 telephone-event/8000\r\n\
                a=ice-ufrag:Tq3f\r\na=ice-pwd:AbCdEfGhIjKlMnOpQrStUvWx\r\na=fingerprint:sha-256 E2:CD:F8:24:57:F1:E8:3A:4E:29:53:4D:59:3E:AA:5E:E8:2C:33:8F:51:27:2A:2A:90:DB:6A:86:CC:54:DC:A9\r\n\
                a=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_answered_is_refused_and_the_leg_goes_on() {
    let (browser, _events) = Browser::open(&loopback(), &WebRtc::default()).await.unwrap();
    assert!(browser.take().is_none(), "nothing was negotiated");
    let good = OFFER;
    let fingerprint = good.lines().find(|l| l.starts_with("a=fingerprint")).unwrap();
    for (what, offer) in [
        ("no SDP", "hello".to_owned()),
        ("no fingerprint", good.replace(&format!("{fingerprint}\r\n"), "")),
        ("no password", good.replace("a=ice-pwd:AbCdEfGhIjKlMnOpQrStUvWx\r\n", "")),
        ("two fingerprints that differ", good.replace("s=-\r\n", "s=-\r\na=fingerprint:sha-256 00:11\r\n")),
        ("an origin that is none", good.replace("o=- 1 1 IN IP4 127.0.0.1", "o=x")),
        ("half of it", good[..good.len() / 3].to_owned()),
    ] {
        let error = browser.offer(&offer).await.expect_err(what);
        assert!(error.to_string().starts_with("offer") && !error.to_string().contains('\n'), "{what}: {error}");
    }
    assert_eq!(
        browser.candidate(Some("{}")).await.unwrap_err().to_string(),
        "candidate: missing field `candidate` at line 1 column 2"
    );
    let early = r#"{"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host"}"#;
    assert_eq!(browser.candidate(Some(early)).await.unwrap_err().to_string(), "candidate before an offer");
    let answer = browser.offer(good).await.unwrap();
    assert!(
        answer.contains("m=audio 9 UDP/TLS/RTP/SAVPF 8 0 126\r\n") && answer.contains("a=setup:active"),
        "{answer}"
    );
    for ignored in
        ["candidate:1 1 udp 1 8a3f0a7e.local 9 typ host", "candidate:1 1 tcp 1 127.0.0.1 9 typ host", "", "nonsense"]
    {
        browser.candidate(Some(&format!(r#"{{"candidate":"{ignored}","sdpMid":"0"}}"#))).await.unwrap();
    }
    for n in 1..200 {
        browser
            .candidate(Some(&format!(r#"{{"candidate":"candidate:{n} 1 udp 1 127.0.0.1 {n} typ host"}}"#)))
            .await
            .unwrap();
    }
    browser.candidate(None).await.unwrap();
    browser.close().await;
    assert_eq!(browser.offer(good).await.unwrap_err().to_string(), "the browser leg is closed");
    assert!(browser.take().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leg_that_is_closed_or_dropped_leaves_no_task_and_no_port() {
    let tasks = tokio::runtime::Handle::current().metrics();
    let before = tasks.num_alive_tasks();
    for close in [true, false] {
        let page = Page::connected(&loopback(), &[PCMA]).await;
        let at = page.browser.address();
        let mut rtp = page.browser.take().unwrap();
        page.say(PCMA, AGENT_HZ, 1).await;
        heard(&mut rtp, 1).await;
        assert!(UdpSocket::bind(at).is_err(), "the leg has its port");
        if close {
            page.browser.close().await;
            until("the page is told", || page.states.lock().unwrap().last() == Some(&BrowserState::Closed)).await;
            assert_eq!(within("the end of the voice", 20, rtp.incoming.recv()).await, None);
        }
        page.close().await;
        drop((page, rtp));
        until("the port is free", || UdpSocket::bind(at).is_ok()).await;
        until("its tasks are gone", || tasks.num_alive_tasks() == before).await;
    }
}

/// A STUN server (RFC 8489 §6.3.1) that answers one request: we are seen at `seen`.
async fn stun_server(seen: SocketAddr) -> SocketAddr {
    let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        let (size, from) = socket.recv_from(&mut buffer).await.unwrap();
        let mut request = Message { raw: buffer[..size].to_vec(), ..Message::default() };
        request.decode().unwrap();
        let mut answer = Message::new();
        let mapped = XorMappedAddress { ip: seen.ip(), port: seen.port() };
        answer.build(&[Box::new(request.transaction_id), Box::new(BINDING_SUCCESS), Box::new(mapped)]).unwrap();
        socket.send_to(&answer.raw, from).await.unwrap();
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_nat_the_page_is_told_the_address_that_a_stun_server_sees() {
    let server = stun_server("192.0.2.9:5000".parse().unwrap()).await;
    let ice = WebRtc { stun: vec![format!("stun:{server}")], turn: vec![] };
    let (browser, mut events) = Browser::open(&loopback(), &ice).await.unwrap();
    browser.offer(OFFER).await.unwrap();
    let mut candidates = Vec::new();
    loop {
        match within("our candidates", 20, events.recv()).await.unwrap() {
            BrowserEvent::Candidate(Some(json)) => candidates.push(json),
            BrowserEvent::Candidate(None) => break,
            BrowserEvent::State(_) => {}
        }
    }
    let own = browser.address();
    for (what, words) in
        [("host", format!("127.0.0.1 {} typ host", own.port())), ("srflx", "192.0.2.9 5000 typ srflx".to_owned())]
    {
        let found = candidates
            .iter()
            .find(|json| json.contains(&words))
            .unwrap_or_else(|| panic!("no {what} in {candidates:?}"));
        assert!(found.contains(r#""sdpMid":"0","sdpMLineIndex":0"#), "{found}");
    }
    browser.close().await;
}
