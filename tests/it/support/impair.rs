//! A bad network between the engine and a far end: seeded loss, bursts, delay, jitter, repetition and truncation, for SIP and for RTP.
//!
//! [`Dice`] and [`Weather`] say what becomes of each datagram and know no clock: simulated lines throw the same dice as [`Network`], which
//! relays real datagrams over UDP. Every way has dice of its own, so that what befalls the n-th datagram of a way depends on the seed alone.
//! To either side the relay is the other one: addresses in SIP and SDP are rewritten, and each call gets a pair of RTP ports of its own.
//! Reordering is not an impairment of its own: jitter wider than the distance of two datagrams brings it about.
//! [`Cable`] is no weather: it lies between two ends and can be pulled.
//! Does not do: RTCP (nothing listens there), TCP, more than one far end.

#[path = "../../sim/dice.rs"]
mod dice;

pub use dice::Dice;
use huifang::clock::monotonic;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// What a way does to datagrams; chances in percent, times in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub loss: u64,
    /// Chance that this datagram and the next few are lost together.
    pub burst: u64,
    pub delay_ms: u64,
    /// Added to the delay, evenly spread from none to this.
    pub jitter_ms: u64,
    pub twice: u64,
    pub cut: u64,
}

/// Datagrams lost in one burst.
const BURST: u64 = 6;

/// One way through the weather.
pub struct Way {
    weather: Weather,
    dice: Dice,
    burst_left: u64,
}

/// One copy of a datagram that arrives.
pub struct Copy {
    pub after: Duration,
    /// Bytes of it that arrive.
    pub len: usize,
}

impl Way {
    pub fn new(weather: Weather, seed: u64) -> Self {
        // Neighbouring seeds of these dice throw the same numbers one throw later.
        Self { weather, dice: Dice::new(seed << 32), burst_left: 0 }
    }

    /// What becomes of the next datagram: no copy, one or two.
    pub fn send(&mut self, len: usize) -> Vec<Copy> {
        let Weather { loss, burst, twice, cut, .. } = self.weather;
        if self.dice.chance(burst) {
            self.burst_left = BURST;
        }
        let lost = self.dice.chance(loss) || self.burst_left > 0;
        self.burst_left = self.burst_left.saturating_sub(1);
        let len = if self.dice.chance(cut) { self.dice.below(len as u64) as usize } else { len };
        let copies = if lost { 0 } else { 1 + u64::from(self.dice.chance(twice)) };
        (0..copies).map(|_| Copy { after: self.delay(), len }).collect()
    }

    fn delay(&mut self) -> Duration {
        let jitter_us = self.dice.below(self.weather.jitter_ms * 1_000 + 1);
        Duration::from_micros(self.weather.delay_ms * 1_000 + jitter_us)
    }
}

/// The relay. It stops when it is dropped.
pub struct Network {
    /// Where the engine's trunk points.
    pub address: SocketAddr,
    relay: Arc<Relay>,
    _ways: JoinSet<()>,
}

/// What the two ways of SIP share.
struct Relay {
    /// Bound towards the engine, and towards the far end.
    near: Arc<UdpSocket>,
    away: Arc<UdpSocket>,
    far: SocketAddr,
    /// The engine's SIP address, once its first datagram came.
    engine: Mutex<Option<SocketAddr>>,
    rtp: Weather,
    seed: u64,
    /// Call-IDs of every INVITE that the engine sent, the lost ones too.
    invites: Mutex<BTreeSet<String>>,
    /// By Call-ID.
    calls: Mutex<HashMap<String, Arc<Media>>>,
    ways: Mutex<JoinSet<()>>,
}

/// The RTP relay of one call.
struct Media {
    near: Arc<UdpSocket>,
    away: Arc<UdpSocket>,
    /// As their descriptions say.
    engine: Mutex<Option<SocketAddr>>,
    far: Mutex<Option<SocketAddr>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Far,
    Engine,
}

impl Network {
    /// A network in front of `far`; the weather of SIP towards the far end and towards the engine, that of RTP is the same both ways.
    pub async fn before(far: SocketAddr, sip: [Weather; 2], rtp: Weather, seed: u64) -> Self {
        let (near, away) = (bind().await, bind().await);
        let address = near.local_addr().unwrap();
        let relay = Relay {
            near: near.clone(),
            away: away.clone(),
            far,
            engine: Mutex::default(),
            rtp,
            seed,
            invites: Mutex::default(),
            calls: Mutex::default(),
            ways: Mutex::default(),
        };
        let relay = Arc::new(relay);
        let mut tasks = JoinSet::new();
        tasks.spawn(sip_way(relay.clone(), Towards::Far, Way::new(sip[0], seed)));
        tasks.spawn(sip_way(relay.clone(), Towards::Engine, Way::new(sip[1], seed ^ 1)));
        Self { address, relay, _ways: tasks }
    }

    /// How many calls the engine tried.
    pub fn invites(&self) -> usize {
        self.relay.invites.lock().unwrap().len()
    }
}

/// The only way between a UDP port and whoever sends to `address`. It is cut when it is dropped.
pub struct Cable {
    pub address: SocketAddr,
    pulled: Arc<AtomicBool>,
    _way: JoinSet<()>,
}

impl Cable {
    pub async fn to(far: SocketAddr) -> Self {
        let (near, away) = (bind().await, bind().await);
        let (address, pulled) = (near.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let mut way = JoinSet::new();
        way.spawn(carry(near, away, far, pulled.clone()));
        Self { address, pulled, _way: way }
    }

    /// Nothing that is sent while it is pulled arrives, in either direction.
    pub fn pull(&self, out: bool) {
        self.pulled.store(out, Ordering::Relaxed);
    }
}

async fn carry(near: Arc<UdpSocket>, away: Arc<UdpSocket>, far: SocketAddr, pulled: Arc<AtomicBool>) {
    let (mut inward, mut outward) = ([0; 2048], [0; 2048]);
    let mut caller = None;
    loop {
        // An ICMP of an earlier datagram: nothing to read. Who has left hears nothing.
        tokio::select! {
            Ok((len, from)) = near.recv_from(&mut inward) => {
                caller = Some(from);
                if !pulled.load(Ordering::Relaxed) {
                    away.send_to(&inward[..len], far).await.ok();
                }
            }
            Ok((len, _)) = away.recv_from(&mut outward) => {
                if let Some(caller) = caller && !pulled.load(Ordering::Relaxed) {
                    near.send_to(&outward[..len], caller).await.ok();
                }
            }
            else => {}
        }
    }
}

async fn bind() -> Arc<UdpSocket> {
    Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap())
}

async fn sip_way(relay: Arc<Relay>, towards: Towards, mut way: Way) {
    let ears = if towards == Towards::Far { relay.near.clone() } else { relay.away.clone() };
    let mut buffer = vec![0; 65_536];
    loop {
        // An ICMP of an earlier datagram: nothing to read.
        let Ok((len, from)) = ears.recv_from(&mut buffer).await else { continue };
        if towards == Towards::Far {
            *relay.engine.lock().unwrap() = Some(from);
        }
        let Some(engine) = *relay.engine.lock().unwrap() else { continue };
        let message = relay.rewrite(&buffer[..len], towards, engine).await;
        let (mouth, to) = match towards {
            Towards::Far => (&relay.away, relay.far),
            Towards::Engine => (&relay.near, engine),
        };
        for copy in way.send(message.len()) {
            deliver(mouth.clone(), message[..copy.len].to_vec(), to, copy.after);
        }
    }
}

/// Sends after a while; what is under way when the test ends is lost.
fn deliver(socket: Arc<UdpSocket>, bytes: Vec<u8>, to: SocketAddr, after: Duration) {
    let at = monotonic() + after;
    tokio::spawn(async move {
        tokio::time::sleep_until(at.into()).await;
        // Who has left hears nothing.
        socket.send_to(&bytes, to).await.ok();
    });
}

impl Relay {
    /// The message as the other side is to see it: the relay's addresses instead of the sender's, ports of the call's own in SDP.
    async fn rewrite(&self, bytes: &[u8], towards: Towards, engine: SocketAddr) -> Vec<u8> {
        let Some((head, body)) = std::str::from_utf8(bytes).ok().and_then(|text| text.split_once("\r\n\r\n")) else {
            return bytes.to_vec();
        };
        let (near, away) = (self.near.local_addr().unwrap(), self.away.local_addr().unwrap());
        let names = match towards {
            Towards::Far => [(engine, away), (near, self.far)],
            Towards::Engine => [(away, engine), (self.far, near)],
        };
        let mut head = head.to_owned();
        for (from, to) in names {
            head = head.replace(&from.to_string(), &to.to_string());
        }
        if head.starts_with("INVITE ") && towards == Towards::Far {
            self.invites.lock().unwrap().insert(header(&head, "Call-ID").to_owned());
        }
        let body = match media_port(body) {
            Some(port) if port != 0 => {
                let ours = self.media(header(&head, "Call-ID"), port, towards).await;
                body.replace(&format!("m=audio {port} "), &format!("m=audio {ours} "))
            }
            _ => body.to_owned(),
        };
        let lines = head.split("\r\n").map(|line| match line.split_once(':') {
            Some((name, _)) if name.eq_ignore_ascii_case("Content-Length") => format!("{name}: {}", body.len()),
            _ => line.to_owned(),
        });
        format!("{}\r\n\r\n{body}", lines.collect::<Vec<_>>().join("\r\n")).into_bytes()
    }

    /// Notes that the sender listens on `port`; the relay's port to name to the other side.
    async fn media(&self, call: &str, port: u16, towards: Towards) -> u16 {
        let known = self.calls.lock().unwrap().get(call).cloned();
        let media = match known {
            Some(media) => media,
            None => self.open(call).await,
        };
        let sender = Some(SocketAddr::from(([127, 0, 0, 1], port)));
        let (note, socket) = match towards {
            Towards::Far => (&media.engine, &media.away),
            Towards::Engine => (&media.far, &media.near),
        };
        *note.lock().unwrap() = sender;
        socket.local_addr().unwrap().port()
    }

    async fn open(&self, call: &str) -> Arc<Media> {
        let media = Media { near: bind().await, away: bind().await, engine: Mutex::default(), far: Mutex::default() };
        let media = Arc::new(media);
        let mut calls = self.calls.lock().unwrap();
        let seed = self.seed.wrapping_add(2 + 2 * calls.len() as u64);
        let mut ways = self.ways.lock().unwrap();
        ways.spawn(rtp_way(media.clone(), Towards::Far, Way::new(self.rtp, seed)));
        ways.spawn(rtp_way(media.clone(), Towards::Engine, Way::new(self.rtp, seed + 1)));
        calls.insert(call.to_owned(), media.clone());
        media
    }
}

async fn rtp_way(media: Arc<Media>, towards: Towards, mut way: Way) {
    let (ears, mouth, listener) = match towards {
        Towards::Far => (&media.near, &media.away, &media.far),
        Towards::Engine => (&media.away, &media.near, &media.engine),
    };
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok((len, _)) = ears.recv_from(&mut buffer).await else { continue };
        let copies = way.send(len);
        let Some(to) = *listener.lock().unwrap() else { continue };
        for copy in copies {
            deliver(mouth.clone(), buffer[..copy.len].to_vec(), to, copy.after);
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let named = |line: &'a str| line.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name));
    head.split("\r\n").find_map(named).map_or("", |(_, value)| value.trim())
}

fn media_port(body: &str) -> Option<u16> {
    let line = body.lines().find_map(|line| line.strip_prefix("m=audio "))?;
    line.split(' ').next()?.parse().ok()
}
