//! One call's media over real sockets: what a raw RTP peer says is in the right channel, what it hears is in the left, at its time.
//! Here is the rig: a session and a peer that is nothing but RTP.
//!
//! Times are compared on nominal clocks (the least delay of each stream), so that a busy machine does not blur them.

mod bridge;
mod talk;
mod wire;

use crate::support::mouth;
use crate::support::steady::steady;
use huifang::clock::monotonic;
use huifang::config;
use huifang::domain::recording::manifest::{GapReason, RecordingInfo, RecordingState};
use huifang::media::codec::{Codec, FRAME};
use huifang::media::rtp::{self, HEADER, Outgoing};
use huifang::media::session::{MediaEvent, MediaEvents, MediaReport, MediaSession};
use huifang::media::tones::{add_tone, find_tone, tone};
use huifang::media::wav::{self, Recorder, Verdict};
use jiff::Timestamp;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const CUSTOMER_HZ: f64 = 1_000.0;
const AGENT_HZ: f64 = 600.0;
const STRANGER_HZ: f64 = 2_000.0;
const LEVEL: f64 = 8_000.0;
/// 20 ms, the tolerance of every time here, and the detector's 2.5 ms.
const NEAR: f64 = 0.0225;

/// A call that is answered, with the peer's socket.
struct Call {
    session: MediaSession,
    events: MediaEvents,
    peer: Peer,
    answered: Instant,
    store: tempfile::TempDir,
}

impl Call {
    async fn answered() -> Self {
        Self::answered_at(Ipv4Addr::LOCALHOST.into(), "").await
    }

    /// On a loopback address, with more lines in the answer.
    async fn answered_at(address: IpAddr, lines: &str) -> Self {
        let store = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(store.path(), "call", Timestamp::UNIX_EPOCH).unwrap();
        let cfg = config::Media { address, rtp_ports: "31000-31999".into(), ..config::Media::default() };
        let (session, events) = MediaSession::open(&cfg, &[Codec::Pcma, Codec::Pcmu], recorder).await.unwrap();
        let peer = Peer::bind(SocketAddr::new(address, rtp_port(&session.offer()))).await;
        let answered = monotonic();
        let answer = format!("{}{lines}", peer.sdp("sendrecv"));
        let codec = session.answered(answer.as_bytes(), answered, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(codec, Codec::Pcma);
        Self { session, events, peer, answered, store }
    }

    /// Seconds since the answer.
    fn since(&self, at: Instant) -> f64 {
        at.duration_since(self.answered).as_secs_f64()
    }

    async fn close(self) -> Closed {
        let length = self.answered;
        let report = self.session.close().await;
        let length = monotonic().duration_since(length).as_secs_f64();
        let info = report.recording.as_ref().unwrap().clone();
        assert_eq!(wav::verify(self.store.path(), &info), Verdict::Intact);
        let (left, right) = channels(&self.store.path().join(&info.file));
        let tracks = info.tracks.iter().map(|track| {
            assert_eq!(wav::verify_track(self.store.path(), track), Verdict::Intact);
            let file = hound::WavReader::open(self.store.path().join(&track.file)).unwrap();
            assert_eq!((file.spec().channels, file.spec().sample_rate), (1, 8_000));
            file.into_samples().map(Result::unwrap).collect()
        });
        Closed { tracks: tracks.collect(), report, info, left, right, length }
    }
}

struct Closed {
    report: MediaReport,
    info: RecordingInfo,
    left: Vec<i16>,
    right: Vec<i16>,
    /// Beside them.
    tracks: Vec<Vec<i16>>,
    /// Answer to the return of `close`, seconds.
    length: f64,
}

fn rtp_port(offer: &[u8]) -> u16 {
    let text = std::str::from_utf8(offer).unwrap();
    let line = text.lines().find(|line| line.starts_with("m=audio ")).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

fn channels(path: &Path) -> (Vec<i16>, Vec<i16>) {
    let samples: Vec<i16> = hound::WavReader::open(path).unwrap().into_samples().map(Result::unwrap).collect();
    let channel = |n| samples.iter().skip(n).step_by(2).copied().collect();
    (channel(0), channel(1))
}

/// What the peer heard: arrival, header fields, samples.
struct Heard {
    at: Instant,
    payload_type: u8,
    timestamp: u32,
    ssrc: u32,
    payload: Vec<u8>,
}

/// A phone that is nothing but RTP.
struct Peer {
    socket: Arc<UdpSocket>,
    /// The same socket, which sends at once: tokio's may first have to wait for its reactor.
    mouth: std::net::UdpSocket,
    to: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    listener: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// One packet and when it leaves, counted from the start of its stream.
type Scheduled = (Duration, Vec<u8>);

impl Peer {
    async fn bind(to: SocketAddr) -> Self {
        let mouth = std::net::UdpSocket::bind((to.ip(), 0)).unwrap();
        mouth.set_nonblocking(true).unwrap();
        let socket = Arc::new(UdpSocket::from_std(mouth.try_clone().unwrap()).unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (ears, notes) = (socket.clone(), heard.clone());
        let listener = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((len, _)) = ears.recv_from(&mut buffer).await {
                if let Some(packet) = rtp::read(&buffer[..len]) {
                    let (header, payload) = (packet.header, packet.payload.to_vec());
                    let (payload_type, timestamp, ssrc) = (header.payload_type, header.timestamp, header.ssrc);
                    let heard = Heard { at: monotonic(), payload_type, timestamp, ssrc, payload };
                    notes.lock().unwrap().push(heard);
                }
            }
        });
        Self { socket, mouth, to, heard, listener }
    }

    fn sdp(&self, direction: &str) -> String {
        let at = self.socket.local_addr().unwrap();
        let (ip, port, family) = (at.ip(), at.port(), if at.is_ipv4() { "IP4" } else { "IP6" });
        format!(
            "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 101\r\n\
             a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
        )
    }

    /// Sends the packets at their times. The nominal start of the stream comes back: when those due at once had left, so that what holds
    /// up this task moves the whole stream and not its first packet alone.
    fn send(&self, mut packets: Vec<Scheduled>) -> (Instant, JoinHandle<()>) {
        packets.sort_by_key(|(at, _)| *at);
        let later = packets.split_off(packets.partition_point(|(at, _)| at.is_zero()));
        for (_, datagram) in packets {
            self.mouth.send_to(&datagram, self.to).unwrap();
        }
        let start = monotonic();
        let later = later.into_iter().map(move |(at, datagram)| (start + at, datagram));
        let task = mouth::speak(&self.mouth, self.to, later, |datagram| datagram);
        (start, task)
    }

    /// The audio heard on its own nominal clock: (when its first sample was due, samples).
    fn heard_audio(&self) -> (Instant, Vec<i16>) {
        let heard = self.heard.lock().unwrap();
        let audio: Vec<_> = heard.iter().filter(|h| h.payload_type == 8).collect();
        let first = audio[0].timestamp;
        let offset = |h: &Heard| Duration::from_micros(u64::from(h.timestamp.wrapping_sub(first)) * 125);
        let start = audio.iter().map(|h| h.at - offset(h)).min().unwrap();
        let mut pcm = Vec::new();
        for packet in audio {
            pcm.resize(packet.timestamp.wrapping_sub(first) as usize, 0);
            Codec::Pcma.decode(&packet.payload, &mut pcm);
        }
        (start, pcm)
    }

    fn packets_with(&self, hz: f64, after: Instant) -> usize {
        let heard = self.heard.lock().unwrap();
        let loud = |h: &&Heard| {
            let mut pcm = Vec::new();
            Codec::Pcma.decode(&h.payload, &mut pcm);
            h.at > after && h.payload_type == 8 && huifang::media::tones::amplitude(&pcm, hz) > LEVEL / 2.0
        };
        heard.iter().filter(loud).count()
    }
}

/// `pcm` as A-law packets of 20 ms; `line` tells each packet's extra delay, or `None` when it is lost.
fn stream(pcm: &[i16], ssrc: u32, line: impl Fn(u64) -> Option<Duration>) -> Vec<Scheduled> {
    let frames = pcm.chunks_exact(FRAME).enumerate();
    frames
        .filter_map(|(n, frame)| {
            let delay = line(n as u64)?;
            let mut datagram = [0; HEADER + FRAME];
            let fields = Outgoing {
                payload_type: 8,
                marker: n == 0,
                sequence: 65_530_u16.wrapping_add(n as u16),
                timestamp: (u32::MAX - 1_000).wrapping_add(n as u32 * 160),
                ssrc,
            };
            Codec::Pcma.encode(frame, rtp::write(fields, &mut datagram, FRAME).unwrap());
            Some((Duration::from_millis(20 * n as u64) + delay, datagram.to_vec()))
        })
        .collect()
}

fn clean(_: u64) -> Option<Duration> {
    Some(Duration::ZERO)
}

/// Silence of `total` samples with the tone in `from..to`.
fn burst(total: usize, from: usize, to: usize) -> Vec<i16> {
    let mut pcm = vec![0; total];
    add_tone(&mut pcm[from..to], CUSTOMER_HZ, LEVEL, 0);
    pcm
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= NEAR
}

/// The tone sounds exactly once, from `from` to `to` seconds.
fn assert_tone(title: &str, pcm: &[i16], hz: f64, from: f64, to: f64) {
    let found: Vec<_> = find_tone(pcm, hz, LEVEL).into_iter().map(|(a, b)| (a as f64 / 8e3, b as f64 / 8e3)).collect();
    assert!(
        matches!(found[..], [(a, b)] if near(a, from) && near(b, to)),
        "{title}: {hz} Hz at {found:?}, want {from:.3}..{to:.3}"
    );
}

fn assert_no_tone(title: &str, pcm: &[i16], hz: f64) {
    assert_eq!(find_tone(pcm, hz, LEVEL), [], "{title}: {hz} Hz");
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = monotonic() + Duration::from_secs(10);
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while !condition() {
        assert!(monotonic() < limit, "waited 10 s for {what}");
        tick.tick().await;
    }
}

async fn next_event(events: &mut MediaEvents, wanted: impl Fn(&MediaEvent) -> bool) -> MediaEvent {
    let search = async {
        loop {
            let event = events.events.recv().await.expect("the session ended");
            if wanted(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), search).await.expect("waited 10 s for an event")
}
