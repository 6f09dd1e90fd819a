//! Agents in browsers: the whole engine, WebRTC on one side and the trunk on the other, recorded.
//!
//! The engine is a process of its own. Each agent is a connection of the `webrtc` crate in this one, with a page's WebSocket; SIPp answers for the
//! customers, whose voice is one thread here with one socket. Each packet names the instant at which it was sent (`bridge`), so mouth to ear is
//! what lies between the one's sending and the other's receiving: ICE, SRTP and the scheduling of this process are in it, the 20 ms in which a
//! packet is spoken and the jitter buffers of browser and telephone are not.

use crate::Args;
use crate::bridge::{FRAME_MS, STEP, added, far_socket, marked, packet, quantiles};
use crate::engine::{Engine, Who};
use crate::far::FarEnds;
use crate::softphone::{PCMA, Softphone};
use anyhow::{Context, bail};
use futures::{SinkExt, StreamExt};
use huifang::clock::{BothClocks, monotonic};
use huifang::media::codec::FRAME;
use huifang::media::rtp::HEADER;
use huifang::media::udp::Udp;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub const HEAD: &str = "| calls | % of a core per call | RSS MB | customer→agent ms p50/p99 | agent→customer ms p50/p99 | heard by the agents, customers % |\n|--|--|--|--|--|--|";

/// Longer than it takes until all agents are signed in and all customers have answered.
const RAMP_PER_CALL: Duration = Duration::from_millis(500);
const RAMP: Duration = Duration::from_secs(15);
/// A page says something so often.
const PING: Duration = Duration::from_secs(4);

pub async fn step(args: &Args, calls: usize) -> anyhow::Result<String> {
    let folder = match &args.store {
        Some(store) => tempfile::tempdir_in(store)?,
        None => tempfile::tempdir()?,
    };
    let (window, began) = (Duration::from_secs(args.window_s), monotonic());
    let hold = RAMP + RAMP_PER_CALL * u32::try_from(calls)? + crate::SETTLING + window + crate::MARGIN;
    let (ears, port) = far_socket()?;
    let far = FarEnds::start(folder.path(), calls, hold, Some(port)).await?;
    let engine = Engine::start(&args.engine, folder.path(), &far.addresses(), args.per_second, Who::Agents).await?;
    let mut agents = vec![];
    for token in engine.agents(calls).await? {
        agents.push(Agent::sit_down(&engine.seat_url(), &token, began).await?);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let customers = Customers { ears, began, lines: HashMap::new(), added_us: vec![] };
    let stopped = stop.clone();
    let customers = std::thread::spawn(move || customers.run(&stopped));
    engine.hand_in(calls).await?;
    engine.wait_until(calls, "answered_at").await?;
    tokio::time::sleep(crate::SETTLING).await;
    let (before, from) = (engine.usage()?, monotonic());
    tokio::time::sleep(window).await;
    let (after, to) = (engine.usage()?, monotonic());
    stop.store(true, Ordering::Relaxed);
    let customers = customers.join().map_err(|_| anyhow::anyhow!("the customers' thread died"))?;
    let mut to_agents = vec![];
    for agent in &agents {
        to_agents.extend(agent.heard(began));
    }
    let within = |heard: Vec<(Instant, i64)>| -> Vec<i64> {
        heard.into_iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, us)| us).collect()
    };
    let (to_agents, to_customers) = (within(to_agents), within(customers));
    let spoken = (to - from).as_millis() as f64 / FRAME_MS as f64 * calls as f64 / 100.0;
    let percent = (after.cpu_s - before.cpu_s) / (to - from).as_secs_f64() / calls as f64 * 100.0;
    let heard = format!("{:.1}, {:.1}", to_agents.len() as f64 / spoken, to_customers.len() as f64 / spoken);
    for agent in agents {
        agent.leave().await?;
    }
    engine.stop().await?;
    let (to_agents, to_customers) = (quantiles(to_agents), quantiles(to_customers));
    Ok(format!("| {calls} | {percent:.3} | {:.0} | {to_agents} | {to_customers} | {heard} |", after.rss_mb))
}

/// An agent at his page, speaking.
struct Agent {
    phone: Softphone,
    tasks: [JoinHandle<()>; 2],
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Agent {
    async fn sit_down(url: &str, token: &str, began: Instant) -> anyhow::Result<Self> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", format!("huifang.seat.v1, bearer.{token}").parse()?);
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
        let (phone, _) = Softphone::open(Ipv4Addr::LOCALHOST.into(), &[PCMA]).await?;
        say(&mut socket, json!({ "type": "offer", "sdp": phone.offer(false).await? })).await?;
        while !phone.is_connected() {
            let told = next(&mut socket).await?;
            match told["type"].as_str() {
                Some("answer") => phone.answered(told["sdp"].as_str().context("an answer")?).await?,
                Some("candidate") if !told["candidate"].is_null() => {
                    phone.candidate(&told["candidate"]).await?;
                }
                Some("error") => bail!("the engine refuses an agent: {told}"),
                _ => {}
            }
        }
        let speaker = phone.clone();
        let voice = tokio::spawn(async move { speak(&speaker, began).await });
        say(&mut socket, json!({ "type": "sign_in", "id": "1" })).await?;
        while next(&mut socket).await?["type"] != "done" {}
        let page = tokio::spawn(async move { stay(socket).await });
        Ok(Self { phone, tasks: [voice, page] })
    }

    /// What each packet said of its way, with the instant at which it came.
    fn heard(&self, began: Instant) -> Vec<(Instant, i64)> {
        let packets = std::mem::take(&mut *self.phone.heard.lock().unwrap_or_else(|e| e.into_inner()));
        packets.iter().filter_map(|(at, packet)| Some((*at, added(&packet.payload, *at - began)?))).collect()
    }

    async fn leave(self) -> anyhow::Result<()> {
        self.tasks.iter().for_each(JoinHandle::abort);
        Ok(self.phone.close().await?)
    }
}

async fn say(socket: &mut Socket, message: Value) -> anyhow::Result<()> {
    Ok(socket.send(Message::Text(message.to_string().into())).await?)
}

async fn next(socket: &mut Socket) -> anyhow::Result<Value> {
    loop {
        let Ok(frame) = tokio::time::timeout(Duration::from_millis(200), socket.next()).await else {
            // Nothing told: whoever waits looks at his connection again.
            return Ok(Value::Null);
        };
        if let Message::Text(text) = frame.context("the engine closed a page")?? {
            return Ok(serde_json::from_str(&text)?);
        }
    }
}

/// Keeps the lease until it is aborted.
async fn stay(mut socket: Socket) {
    let mut ping = tokio::time::interval(PING);
    loop {
        tokio::select! {
            _ = ping.tick() => {
                if say(&mut socket, json!({ "type": "ping" })).await.is_err() {
                    return;
                }
            }
            told = socket.next() => {
                if told.is_none() {
                    return;
                }
            }
        }
    }
}

async fn speak(phone: &Softphone, began: Instant) {
    let mut tick = tokio::time::interval(Duration::from_millis(FRAME_MS));
    for n in 0_u32.. {
        tick.tick().await;
        let payload = marked(monotonic().duration_since(began).as_micros() as u64).to_vec();
        if phone.write(PCMA.0, n as u16, n * FRAME as u32, payload).await.is_err() {
            return;
        }
    }
}

/// Every customer's voice and ear.
struct Customers {
    ears: Udp,
    began: Instant,
    /// By where the engine sends from: when the next packet is due, and how many left.
    lines: HashMap<SocketAddr, (Instant, u64)>,
    added_us: Vec<(Instant, i64)>,
}

impl Customers {
    /// Speaks to whoever has been heard, and listens.
    fn run(mut self, stop: &AtomicBool) -> Vec<(Instant, i64)> {
        while !stop.load(Ordering::Relaxed) {
            let Self { ears, began, lines, added_us } = &mut self;
            for (to, (due, sent)) in lines.iter_mut() {
                while *due <= monotonic() {
                    let sent_us = monotonic().duration_since(*began).as_micros() as u64;
                    ears.send(&packet(*sent, to.port().into(), sent_us), *to);
                    (*due, *sent) = (*due + Duration::from_millis(FRAME_MS), *sent + 1);
                }
            }
            ears.read::<512>(BothClocks::now(), |datagram, from, at| {
                lines.entry(from).or_insert((at, 0));
                added_us
                    .extend(datagram.get(HEADER..).and_then(|it| Some((at, added(it, at.duration_since(*began))?))));
            });
            std::thread::sleep(STEP);
        }
        self.added_us
    }
}
