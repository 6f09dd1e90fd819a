//! Load on the bridge: N recorded calls of two legs, a customer's and a desk phone's, in this process; every far end is on one thread.
//!
//! What the far thread takes is not counted. Each packet names the instant at which it was sent in its first samples, which come through byte for
//! byte; where they begin in a packet that arrives (by the kernel's stamp) tells what the engine has added to them. Does not measure: signalling,
//! the browser's SRTP, prompts.

use crate::Args;
use crate::usage::{self, Stolen};
use anyhow::Context;
use huifang::clock::{BothClocks, Clock, SystemClock, monotonic};
use huifang::config;
use huifang::media::agent::AgentLine;
use huifang::media::codec::{Codec, FRAME};
use huifang::media::rtp::{self, HEADER, Outgoing};
use huifang::media::session::{MediaEvents, MediaSession};
use huifang::media::udp::Udp;
use huifang::media::wav::Recorder;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Calls whose far ends share two sockets.
const SHARED_BY: usize = 20;
/// Between looks of the far thread.
pub const STEP: Duration = Duration::from_millis(2);
pub const FRAME_MS: u64 = 20;
/// No speech holds these bytes by chance; the instant in microseconds follows.
const MARK: [u8; 8] = [0x12, 0xE7, 0x3A, 0x91, 0x5C, 0x08, 0xB3, 0x6F];
const SILENCE: u8 = 0xD5;

pub const HEAD: &str = "| calls | % of a core per call | customer→agent ms p50/p99 | agent→customer ms p50/p99 | lost | most added ms | stolen % |\n|--|--|--|--|--|--|--|";

pub async fn step(args: &Args, calls: usize) -> anyhow::Result<String> {
    let folder = match &args.store {
        Some(store) => tempfile::tempdir_in(store)?,
        None => tempfile::tempdir()?,
    };
    let cfg = config::Media { rtp_ports: "20000-29999".into(), ..config::Media::default() };
    let mut far = FarEnds { began: monotonic(), sockets: vec![], lines: vec![], added_us: [vec![], vec![]] };
    let mut up: Vec<(MediaSession, MediaEvents)> = vec![];
    for n in 0..calls {
        if n % SHARED_BY == 0 {
            far.sockets.push([far_socket()?, far_socket()?]);
        }
        let recorder = Recorder::create(folder.path(), &n.to_string(), SystemClock.now())?;
        let (session, events) = MediaSession::open(&cfg, &[Codec::Pcma], recorder).await?;
        let agent = AgentLine::phone(&cfg, &[Codec::Pcma]).await?;
        let to = [rtp_address(&session.offer())?, rtp_address(&agent.offer())?];
        let [customer, phone] = far.sockets[n / SHARED_BY].each_ref().map(|(_, port)| answer(*port));
        session.answered(&customer, monotonic(), SystemClock.now())?;
        agent.answered(&phone)?;
        session.join(agent);
        far.lines.push(Line {
            to,
            due: far.began + Duration::from_micros(n as u64 * FRAME_MS * 1_000 / calls as u64),
            sent: 0,
        });
        up.push((session, events));
    }
    let (stop, window) = (Arc::new(AtomicBool::new(false)), Duration::from_secs(args.window_s));
    let stopped = stop.clone();
    let far = std::thread::spawn(move || far.run(&stopped));
    tokio::time::sleep(crate::SETTLING).await;
    let (before, stolen) = (usage::cpu_s("/proc/self/stat")?, Stolen::now()?);
    let from = monotonic();
    tokio::time::sleep(window).await;
    let (took, window) = (usage::cpu_s("/proc/self/stat")? - before, from.elapsed());
    let stolen = stolen.percent()?;
    stop.store(true, Ordering::Relaxed);
    let (far, far_cpu) = far.join().map_err(|_| anyhow::anyhow!("the far thread died"))??;
    let (mut lost, mut most) = (0, 0);
    for (session, events) in up {
        drop(events);
        let report = session.close().await;
        lost += report.leg.packets_lost + report.company.legs.iter().map(|leg| leg.packets_lost).sum::<u64>();
        most = most.max(report.company.added_ms_max);
        report.recording?;
    }
    // The far thread ran for the settling too, at the same pace.
    let share = window.as_secs_f64() / (window + crate::SETTLING).as_secs_f64();
    let percent = (took - far_cpu * share) / window.as_secs_f64() / calls as f64 * 100.0;
    let [to_customer, to_agent] = far.added_us.map(quantiles);
    Ok(format!("| {calls} | {percent:.3} | {to_agent} | {to_customer} | {lost} | {most} | {stolen:.0} |"))
}

/// Half of them, and 99 of 100, in milliseconds.
pub fn quantiles(mut added_us: Vec<i64>) -> String {
    added_us.sort_unstable();
    let [half, most] =
        [50, 99].map(|part| added_us.get(added_us.len() * part / 100).map_or(f64::NAN, |us| *us as f64 / 1e3));
    format!("{half:.1}/{most:.1}")
}

pub fn far_socket() -> anyhow::Result<(Udp, u16)> {
    let port = std::net::UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
    Ok((Udp::bind(([127, 0, 0, 1], port).into(), BothClocks::now())?, port))
}

fn rtp_address(offer: &[u8]) -> anyhow::Result<SocketAddr> {
    let text = std::str::from_utf8(offer)?;
    let line = text.lines().find(|line| line.starts_with("m=audio ")).context("no audio in our offer")?;
    let port: u16 = line.split(' ').nth(1).context("a port")?.parse()?;
    Ok(([127, 0, 0, 1], port).into())
}

fn answer(port: u16) -> Vec<u8> {
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n")
        .into_bytes()
}

/// The customers and the agents.
struct FarEnds {
    began: Instant,
    /// Of customers and of agents.
    sockets: Vec<[(Udp, u16); 2]>,
    lines: Vec<Line>,
    /// What was added on the way to the customers, and to the agents.
    added_us: [Vec<i64>; 2],
}

struct Line {
    /// Where the customer sends, and where the agent does.
    to: [SocketAddr; 2],
    due: Instant,
    sent: u64,
}

impl FarEnds {
    /// Speaks and listens; returns itself and the processor time that it took.
    fn run(mut self, stop: &AtomicBool) -> anyhow::Result<(Self, f64)> {
        while !stop.load(Ordering::Relaxed) {
            let now = BothClocks::now();
            for (n, line) in self.lines.iter_mut().enumerate() {
                while line.due <= now.monotonic {
                    let sent_us = monotonic().duration_since(self.began).as_micros() as u64;
                    for (side, (socket, _)) in self.sockets[n / SHARED_BY].iter().enumerate() {
                        socket.send(&packet(line.sent, (n * 2 + side) as u32, sent_us), line.to[side]);
                    }
                    (line.due, line.sent) = (line.due + Duration::from_millis(FRAME_MS), line.sent + 1);
                }
            }
            let now = BothClocks::now();
            let Self { sockets, added_us, began, .. } = &mut self;
            for pair in sockets {
                for ((socket, _), added_us) in pair.iter_mut().zip(&mut *added_us) {
                    socket.read::<512>(now, |datagram, _, at| {
                        added_us.extend(datagram.get(HEADER..).and_then(|it| added(it, at.duration_since(*began))));
                    });
                }
            }
            std::thread::sleep(STEP);
        }
        Ok((self, usage::cpu_s("/proc/thread-self/stat")?))
    }
}

pub fn packet(number: u64, ssrc: u32, sent_us: u64) -> [u8; HEADER + FRAME] {
    let mut datagram = [0; HEADER + FRAME];
    let timestamp = (number * FRAME as u64) as u32;
    let fields = Outgoing { payload_type: 8, marker: number == 0, sequence: number as u16, timestamp, ssrc };
    if let Some(payload) = rtp::write(fields, &mut datagram, FRAME) {
        payload.copy_from_slice(&marked(sent_us));
    }
    datagram
}

/// A packet's samples that name the instant at which it is sent.
pub fn marked(sent_us: u64) -> [u8; FRAME] {
    let mut payload = [SILENCE; FRAME];
    payload[..8].copy_from_slice(&MARK);
    payload[8..16].copy_from_slice(&sent_us.to_be_bytes());
    payload
}

/// What the mark in the samples of a packet that came says; a mark across two packets says nothing.
pub fn added(payload: &[u8], came: Duration) -> Option<i64> {
    let at = payload.windows(MARK.len()).position(|bytes| bytes == MARK)?;
    let sent_us = u64::from_be_bytes(payload.get(at + 8..at + 16)?.try_into().ok()?);
    Some(came.as_micros() as i64 + at as i64 * 125 - sent_us as i64)
}
