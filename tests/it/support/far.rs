//! A far end whose every packet is the test's own: SIP by hand (`sip::peer`), RTP on a nominal clock, and everything heard with its instant.

use super::mouth;
use crate::sip::peer::{Message, Peer};
use huifang::clock::monotonic;
use huifang::config;
use huifang::media::codec::{Codec, FRAME};
use huifang::media::rtp::{self, HEADER, Outgoing};
use huifang::media::sdes::{Crypto, OurKeys, Suite};
use huifang::media::srtp::{Kind, Srtp};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// One packet that came, with its samples.
pub struct Heard {
    pub at: Instant,
    payload_type: u8,
    timestamp: u32,
    pub pcm: Vec<i16>,
}

pub struct Far {
    pub sip: Peer,
    rtp: Arc<UdpSocket>,
    /// The same socket, which sends at once: tokio's may first have to wait for its reactor.
    mouth: std::net::UdpSocket,
    heard: Arc<Mutex<Vec<Heard>>>,
    listener: JoinHandle<()>,
    /// Its own key; `None`: everything is plain.
    key: Option<u8>,
    /// What it says is sealed with its own key, what it hears is opened with the engine's.
    sealer: Arc<Mutex<Srtp>>,
    opener: Arc<Mutex<Srtp>>,
}

impl Drop for Far {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// An answered call as the far end knows it.
pub struct Answered {
    pub invite: Message,
    /// When the 200 left, and when its ACK was here: the engine's answer lies between.
    pub sent_at: Instant,
    pub acked_at: Instant,
    /// The engine's RTP address.
    pub media: SocketAddr,
}

impl Far {
    pub async fn bind() -> Self {
        let mouth = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        mouth.set_nonblocking(true).unwrap();
        let rtp = Arc::new(UdpSocket::from_std(mouth.try_clone().unwrap()).unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let plain = || Arc::new(Mutex::new(Srtp::new(OurKeys::off())));
        let (sealer, opener) = (plain(), plain());
        let (socket, notes, opens) = (rtp.clone(), heard.clone(), opener.clone());
        let listener = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((len, _)) = socket.recv_from(&mut buffer).await {
                let plain = opens.lock().unwrap().open(Kind::Rtp, &buffer[..len]).map(|plain| plain.into_owned());
                let Some(packet) = plain.as_deref().and_then(rtp::read) else { continue };
                let mut pcm = Vec::new();
                let law = if packet.header.payload_type == 0 { Codec::Pcmu } else { Codec::Pcma };
                law.decode(&packet.payload, &mut pcm);
                let (payload_type, timestamp) = (packet.header.payload_type, packet.header.timestamp);
                notes.lock().unwrap().push(Heard { at: monotonic(), payload_type, timestamp, pcm });
            }
        });
        Self { sip: Peer::udp().await, rtp, mouth, heard, listener, key: None, sealer, opener }
    }

    /// One that encrypts, with this key of its own.
    pub async fn with_key(key: u8) -> Self {
        let mut far = Self::bind().await;
        far.key = Some(key);
        far
    }

    /// What it says of its media; an encrypted one offers this suite, or answers to it.
    pub fn sdp(&self, suite: Suite) -> String {
        let port = self.rtp.local_addr().unwrap().port();
        let line = self.key.map(|key| keys(key).offered().remove(suite.index()));
        let (profile, crypto) = line.map_or(("AVP", String::new()), |line| ("SAVP", format!("a=crypto:{line}\r\n")));
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/{profile} 8 101\r\n\
             {crypto}a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
        )
    }

    /// The engine has said this of its media: from here its key opens what comes, and this suite and our key seal what we say.
    pub fn agree(&self, engine: &str, suite: Suite) {
        let Some(key) = self.key else { return };
        let theirs = engine.lines().filter_map(|line| Crypto::parse(line.strip_prefix("a=crypto:")?));
        let theirs = theirs.into_iter().find(|crypto| crypto.suite == suite).expect("a key of the engine's");
        self.opener.lock().unwrap().negotiated(Some(&theirs));
        // A new key begins a new packet index, on this side only.
        let mut sealer = Srtp::new(keys(key));
        sealer.negotiated(Some(&theirs));
        *self.sealer.lock().unwrap() = sealer;
    }

    /// Offers a new key, or a new suite, in a re-INVITE.
    pub async fn rekey(&mut self, call: &Answered, cseq: u32, key: u8, suite: Suite) -> Message {
        self.key = Some(key);
        let answer = self.reinvite(call, cseq, &self.sdp(suite), "200").await;
        self.agree(&answer.text, suite);
        answer
    }

    /// A re-INVITE with this description, answered as it must be and acknowledged.
    pub async fn reinvite(&mut self, call: &Answered, cseq: u32, sdp: &str, status: &str) -> Message {
        let head = format!("Contact: <{}>\r\nContent-Type: application/sdp\r\n", self.sip.contact());
        self.sip.request(&call.invite, "INVITE", cseq, &head, sdp).await;
        self.sip.expect("100").await;
        let answer = self.sip.expect(status).await;
        self.sip.request(&call.invite, "ACK", cseq, "", "").await;
        answer
    }

    pub fn address(&self) -> SocketAddr {
        self.sip.address()
    }

    /// Takes the next INVITE: rings, answers, waits for the ACK.
    pub async fn answer(&mut self) -> Answered {
        let invite = self.sip.expect("INVITE").await;
        self.sip.reply(&invite, "180 Ringing", b"", b"").await;
        self.pick_up(invite).await
    }

    /// Answers an INVITE that it has taken already.
    pub async fn pick_up(&mut self, invite: Message) -> Answered {
        let sdp = self.sdp(Suite::Sha1_80);
        self.pick_up_with(invite, &sdp).await
    }

    /// The same with a description of the test's own.
    pub async fn pick_up_with(&mut self, invite: Message, sdp: &str) -> Answered {
        let sent_at = self.describe(&invite, "200 OK", sdp).await;
        self.sip.expect("ACK").await;
        Self::call_of(invite, sent_at)
    }

    /// Takes the next INVITE, and has something to say before it answers.
    pub async fn early(&mut self) -> Answered {
        let invite = self.sip.expect("INVITE").await;
        let sdp = self.sdp(Suite::Sha1_80);
        let sent_at = self.describe(&invite, "183 Session Progress", &sdp).await;
        Self::call_of(invite, sent_at)
    }

    /// A response with a description, or without one when it is empty; when it left.
    async fn describe(&mut self, invite: &Message, status: &str, sdp: &str) -> Instant {
        self.agree(&invite.text, Suite::Sha1_80);
        let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let head = format!("Contact: <{}>\r\n{kind}", self.sip.contact());
        let sent_at = monotonic();
        self.sip.reply(invite, status, head.as_bytes(), sdp.as_bytes()).await;
        sent_at
    }

    fn call_of(invite: Message, sent_at: Instant) -> Answered {
        let media = SocketAddr::from(([127, 0, 0, 1], media_port(&invite.text)));
        Answered { invite, sent_at, acked_at: monotonic(), media }
    }

    /// Speaks on a nominal clock that starts with the first packet, which leaves at once.
    pub fn speak(&self, call: &Answered, pcm: &[i16]) -> Instant {
        let mut packets =
            pcm.chunks_exact(FRAME).enumerate().map(|(n, frame)| packet(n, frame)).collect::<Vec<_>>().into_iter();
        let sealer = self.sealer.clone();
        let seal = move |packet: Vec<u8>| sealer.lock().unwrap().seal(Kind::Rtp, &packet).unwrap().into_owned();
        self.mouth.send_to(&seal(packets.next().expect("there is something to say")), call.media).unwrap();
        let start = monotonic();
        let later = (1_u64..).zip(packets).map(move |(n, packet)| (start + Duration::from_millis(20 * n), packet));
        mouth::speak(&self.mouth, call.media, later, seal);
        start
    }

    /// Packets that came after this instant.
    pub fn packets_after(&self, instant: Instant) -> usize {
        self.heard.lock().unwrap().iter().filter(|heard| heard.at > instant).count()
    }

    /// Waits until it has heard ten packets of this type that came from now on.
    pub async fn hears(&self, payload_type: u8, when: &str) {
        let since = monotonic();
        let new = |heard: &&Heard| heard.at > since && heard.payload_type == payload_type;
        let count = || self.heard.lock().unwrap().iter().filter(new).count();
        super::until(when, async || (count() >= 10).then_some(())).await;
    }

    /// When the first packet came in which something sounds.
    pub fn first_sound(&self) -> Option<Instant> {
        let heard = self.heard.lock().unwrap();
        heard.iter().find(|h| h.pcm.iter().any(|s| s.unsigned_abs() > 1_000)).map(|h| h.at)
    }

    /// Everything heard on the sender's nominal clock: when its first sample was due, and the samples.
    pub fn heard_audio(&self) -> (Instant, Vec<i16>) {
        let heard = self.heard.lock().unwrap();
        let first = heard[0].timestamp;
        let offset = |h: &Heard| Duration::from_micros(u64::from(h.timestamp.wrapping_sub(first)) * 125);
        let start = heard.iter().map(|h| h.at - offset(h)).min().unwrap();
        let mut pcm = Vec::new();
        for packet in heard.iter() {
            pcm.resize(packet.timestamp.wrapping_sub(first) as usize, 0);
            pcm.extend_from_slice(&packet.pcm);
        }
        (start, pcm)
    }
}

fn keys(fill: u8) -> OurKeys {
    OurKeys::new(config::Srtp::Required, [[fill; 30]; 2])
}

fn packet(n: usize, frame: &[i16]) -> Vec<u8> {
    let mut datagram = [0; HEADER + FRAME];
    let fields = Outgoing {
        payload_type: 8,
        marker: n == 0,
        sequence: n as u16,
        timestamp: n as u32 * FRAME as u32,
        ssrc: 0x5eed,
    };
    Codec::Pcma.encode(frame, rtp::write(fields, &mut datagram, FRAME).unwrap());
    datagram.to_vec()
}

fn media_port(message: &str) -> u16 {
    let line = message.lines().find(|line| line.starts_with("m=audio ")).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}
