//! The browser leg over real sockets: against a connection of the same crate, and against Chromium.

mod chromium;
mod page;
mod pair;

use bytes::Bytes;
use huifang::config;
use huifang::media::browser::BrowserRtp;
use huifang::media::codec::{Codec, FRAME};
use huifang::media::rtp::{self, HEADER, Outgoing};
use huifang::media::tones::{amplitude, tone};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

const AGENT_HZ: f64 = 440.0;
const CUSTOMER_HZ: f64 = 1_000.0;
const LEVEL: f64 = 8_000.0;

fn media(address: IpAddr) -> config::Media {
    config::Media { address, rtp_ports: "33000-33999".into(), ..config::Media::default() }
}

fn loopback() -> config::Media {
    media(Ipv4Addr::LOCALHOST.into())
}

async fn within<T>(what: &str, seconds: u64, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), work)
        .await
        .unwrap_or_else(|_| panic!("waited {seconds} s for {what}"))
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    within(what, 20, async {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while !condition() {
            tick.tick().await;
        }
    })
    .await;
}

/// A tone as the bridge sends it: A-law of 20 ms from sequence number `first` on.
fn spoken(hz: f64, packets: usize, first: u16) -> Vec<Bytes> {
    let pcm = tone(hz, LEVEL, packets * FRAME);
    let packet = |(n, frame): (usize, &[i16])| {
        let mut datagram = [0; HEADER + FRAME];
        let sequence = first.wrapping_add(n as u16);
        let timestamp = u32::from(first) * 160 + n as u32 * 160;
        let fields = Outgoing { payload_type: 8, marker: n == 0, sequence, timestamp, ssrc: 99 };
        Codec::Pcma.encode(frame, rtp::write(fields, &mut datagram, FRAME).unwrap());
        Bytes::copy_from_slice(&datagram)
    };
    pcm.chunks_exact(FRAME).enumerate().map(packet).collect()
}

/// What the bridge hears: packets until it has `packets` of audio.
async fn heard(rtp: &mut BrowserRtp, packets: usize) -> Vec<(Instant, rtc::rtp::Packet)> {
    let mut heard = Vec::new();
    let audio = |heard: &[(Instant, rtc::rtp::Packet)]| {
        heard.iter().filter(|(_, p)| Some(p.header.payload_type) != rtp.event).count()
    };
    while audio(&heard) < packets {
        let (at, datagram) = within("the agent's voice", 20, rtp.incoming.recv()).await.expect("the browser is there");
        heard.push((at, rtp::read(&datagram).expect("plain RTP")));
    }
    heard
}

/// The amplitude of a tone in G.711 packets; the first fifth is left to codecs that must settle.
fn level<'a>(packets: impl Iterator<Item = &'a rtc::rtp::Packet>, hz: f64) -> f64 {
    let mut pcm = Vec::new();
    for packet in packets {
        if let Some(codec) = Codec::from_payload_type(packet.header.payload_type) {
            codec.decode(&packet.payload, &mut pcm);
        }
    }
    amplitude(&pcm[pcm.len() / 5..], hz)
}
