//! A far end whose every packet is the test's own: SIP by hand (`sip::peer`), RTP on a nominal clock, and everything heard with its instant.

use crate::sip::peer::{Message, Peer};
use huifang::clock::monotonic;
use huifang::media::codec::{Codec, FRAME};
use huifang::media::rtp::{self, HEADER, Outgoing};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// One packet that came, with its samples.
pub struct Heard {
    pub at: Instant,
    timestamp: u32,
    pub pcm: Vec<i16>,
}

pub struct Far {
    pub sip: Peer,
    rtp: Arc<UdpSocket>,
    heard: Arc<Mutex<Vec<Heard>>>,
    listener: JoinHandle<()>,
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
        let rtp = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (ears, notes) = (rtp.clone(), heard.clone());
        let listener = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((len, _)) = ears.recv_from(&mut buffer).await {
                let Some(packet) = rtp::read(&buffer[..len]) else { continue };
                let mut pcm = Vec::new();
                Codec::Pcma.decode(&packet.payload, &mut pcm);
                notes.lock().unwrap().push(Heard { at: monotonic(), timestamp: packet.header.timestamp, pcm });
            }
        });
        Self { sip: Peer::udp().await, rtp, heard, listener }
    }

    pub fn address(&self) -> SocketAddr {
        self.sip.address()
    }

    /// Takes the next INVITE: rings, answers, waits for the ACK.
    pub async fn answer(&mut self) -> Answered {
        let invite = self.sip.expect("INVITE").await;
        self.sip.reply(&invite, "180 Ringing", b"", b"").await;
        let port = self.rtp.local_addr().unwrap().port();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 101\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
        );
        let head = format!("Contact: <{}>\r\nContent-Type: application/sdp\r\n", self.sip.contact());
        let sent_at = monotonic();
        self.sip.reply(&invite, "200 OK", head.as_bytes(), sdp.as_bytes()).await;
        self.sip.expect("ACK").await;
        let media = SocketAddr::from(([127, 0, 0, 1], media_port(&invite.text)));
        Answered { invite, sent_at, acked_at: monotonic(), media }
    }

    /// Speaks on a nominal clock that starts with the first packet, which leaves at once.
    pub fn speak(&self, call: &Answered, pcm: &[i16]) -> Instant {
        let mut packets =
            pcm.chunks_exact(FRAME).enumerate().map(|(n, frame)| packet(n, frame)).collect::<Vec<_>>().into_iter();
        self.rtp.try_send_to(&packets.next().expect("there is something to say"), call.media).unwrap();
        let (socket, to, start) = (self.rtp.clone(), call.media, monotonic());
        tokio::spawn(async move {
            for (n, packet) in (1_u64..).zip(packets) {
                tokio::time::sleep_until((start + Duration::from_millis(20 * n)).into()).await;
                // After the call nobody listens there any more.
                socket.send_to(&packet, to).await.ok();
            }
        });
        start
    }

    /// Packets that came after this instant.
    pub fn packets_after(&self, instant: Instant) -> usize {
        self.heard.lock().unwrap().iter().filter(|heard| heard.at > instant).count()
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
