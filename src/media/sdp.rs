//! Session descriptions of an audio call: our offer, reading the far end's answer, answering its re-offers (RFC 8866, RFC 3264).
//!
//! Pure text in, values out. What we write is built here; what others write is read in `read`, which forgives whatever does not matter to us.
//! SRTP keys travel in `a=crypto` (RFC 4568, see `sdes`).
//! Does not do: ICE, DTLS, video, the version of `o=` (every description is taken as it stands), names instead of addresses (they leave the
//! media address open: see `media::source`).

mod read;

use super::codec::Codec;
use super::sdes::{self, Crypto, OurKeys};
use sdp_types::{AddrType, Attribute, Connection, Media, NetType, Origin, Session};
use std::net::IpAddr;

pub use read::read_answer;

/// Longest description read: 16 KiB.
const LONGEST: usize = 16 * 1024;
/// Streams of one description; more are no telephone call.
const MOST_STREAMS: usize = 16;
/// The payload type of telephone-event that we offer.
pub const EVENT_PAYLOAD_TYPE: u8 = 101;
/// Milliseconds of one packet that we ask for, and send unless the far end asks otherwise.
pub const PTIME_MS: u16 = 20;

/// Why no media could be agreed. The far end may be up all the same: the caller decides what to end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    #[error("the far end sent no sdp where one is due")]
    Missing,
    #[error("sdp of {0} bytes is longer than {LONGEST}")]
    TooLong(usize),
    #[error("sdp with {0} streams has more than {MOST_STREAMS}")]
    TooManyStreams(usize),
    #[error("sdp cannot be read: {0}")]
    Unreadable(String),
    #[error("sdp has no audio stream")]
    NoAudio,
    #[error("the far end refused the audio stream (port 0)")]
    Refused,
    #[error("audio over {0} is not supported here")]
    Transport(String),
    #[error("the far end wants audio at {0}, which is no address of one host")]
    NotUnicast(IpAddr),
    #[error("srtp is required, and the far end gives no key that we can use")]
    NotSecured,
    #[error("no common codec: we speak {ours}, they {theirs}")]
    NoCommonCodec { ours: String, theirs: String },
}

impl NegotiationError {
    /// Nothing could be read, as opposed to something that cannot be agreed to.
    pub fn says_nothing(&self) -> bool {
        matches!(self, Self::Missing | Self::TooLong(_) | Self::TooManyStreams(_) | Self::Unreadable(_) | Self::NoAudio)
    }
}

/// Who sends, as the *far end* says it (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    SendRecv,
    /// It holds us, music may come.
    SendOnly,
    /// It only listens.
    RecvOnly,
    /// It holds us; also what `c=0.0.0.0` means (RFC 2543 style).
    Inactive,
}

impl Direction {
    const NAMES: [(&'static str, Direction); 4] = [
        ("sendrecv", Self::SendRecv),
        ("sendonly", Self::SendOnly),
        ("recvonly", Self::RecvOnly),
        ("inactive", Self::Inactive),
    ];

    /// May we send?
    pub fn we_send(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// Does the customer's voice come? Music on hold is not his voice.
    pub fn they_speak(self) -> bool {
        self == Self::SendRecv
    }

    /// The attribute of our answer.
    fn mirrored(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "recvonly",
            Self::RecvOnly => "sendonly",
            Self::Inactive => "inactive",
        }
    }
}

/// Where the far end says that its media is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Address(IpAddr),
    /// A name, or nothing readable: the source of its packets will tell.
    Open,
    /// On hold by `0.0.0.0`: nothing new is said.
    Hidden,
}

/// The far end's audio as agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    pub place: Place,
    pub port: u16,
    /// `a=rtcp` (RFC 3605): port, and address when it differs.
    pub rtcp: Option<(u16, Option<IpAddr>)>,
    /// Common codecs with their payload types, its preferred one first; never empty.
    pub codecs: Vec<(u8, Codec)>,
    /// Payload type of telephone-event at 8000 Hz.
    pub event: Option<u8>,
    pub direction: Direction,
    /// Milliseconds of one packet that it wants: a multiple of 10 from 10 to 60.
    pub ptime_ms: u16,
    /// Its SRTP key; `None`: plain RTP.
    pub crypto: Option<Crypto>,
}

/// Our end of the media.
#[derive(Clone, Debug)]
pub struct Local {
    pub address: IpAddr,
    pub port: u16,
    /// In the order of preference.
    pub codecs: Vec<Codec>,
    pub session_id: u64,
}

/// One audio stream as we describe it.
struct Audio<'a> {
    proto: &'a str,
    codecs: &'a [(u8, Codec)],
    event: Option<u8>,
    direction: &'static str,
    crypto: Vec<String>,
}

impl Local {
    /// Our offer: the codecs in our order, telephone-event last, 20 ms.
    pub fn offer(&self, version: u64, keys: &OurKeys) -> Vec<u8> {
        let codecs: Vec<_> = self.codecs.iter().map(|codec| (codec.payload_type(), *codec)).collect();
        let audio = Audio {
            proto: keys.offered_profile(),
            codecs: &codecs,
            event: Some(EVENT_PAYLOAD_TYPE),
            direction: "sendrecv",
            crypto: keys.offered(),
        };
        self.write(version, vec![self.audio(audio)])
    }

    /// Answers a re-offer: what both can, every other stream refused (RFC 3264 §6).
    pub fn answer(&self, version: u64, offer: &[u8], keys: &OurKeys) -> Result<(Remote, Vec<u8>), NegotiationError> {
        let session = read::parse(offer)?;
        let terms = read::Terms { codecs: &self.codecs, keys, keys_from: sdes::first_usable };
        let (index, remote) = read::audio(&session, &terms)?;
        let streams = session.medias.iter().enumerate().map(|(i, media)| {
            if i == index {
                self.audio(Audio {
                    proto: &media.proto,
                    codecs: &remote.codecs,
                    event: remote.event,
                    direction: remote.direction.mirrored(),
                    crypto: remote.crypto.iter().map(|theirs| keys.answered(theirs)).collect(),
                })
            } else {
                Media { port: 0, attributes: Vec::new(), connections: Vec::new(), ..media.clone() }
            }
        });
        let text = self.write(version, streams.collect());
        Ok((remote, text))
    }

    fn audio(&self, audio: Audio<'_>) -> Media {
        let types: Vec<_> =
            audio.codecs.iter().map(|(pt, _)| *pt).chain(audio.event).map(|pt| pt.to_string()).collect();
        let attribute = |name: &str, value: String| Attribute { attribute: name.into(), value: Some(value) };
        let mut attributes: Vec<_> = audio.crypto.into_iter().map(|line| attribute("crypto", line)).collect();
        attributes.extend(audio.codecs.iter().map(|(pt, codec)| attribute("rtpmap", format!("{pt} {codec}/8000"))));
        if let Some(pt) = audio.event {
            attributes.push(attribute("rtpmap", format!("{pt} telephone-event/8000")));
            attributes.push(attribute("fmtp", format!("{pt} 0-15")));
        }
        attributes.push(attribute("ptime", PTIME_MS.to_string()));
        attributes.push(Attribute { attribute: audio.direction.into(), value: None });
        Media {
            media: "audio".into(),
            port: self.port,
            num_ports: None,
            proto: audio.proto.into(),
            fmt: types.join(" "),
            media_title: None,
            connections: Vec::new(),
            bandwidths: Vec::new(),
            key: None,
            attributes,
        }
    }

    fn write(&self, version: u64, medias: Vec<Media>) -> Vec<u8> {
        let origin = Origin {
            username: None,
            sess_id: self.session_id.to_string(),
            sess_version: version,
            nettype: NetType::In,
            addrtype: self.address_type(),
            unicast_address: self.address.to_string(),
        };
        let mut session = Session::new(origin, "-");
        session.connection = Some(Connection::from_ip_addr(self.address));
        session.times = vec![sdp_types::Time::new(0, 0)];
        session.medias = medias;
        let mut text = Vec::with_capacity(320);
        // Writing to memory cannot fail, and nothing in it holds a line break.
        if let Err(error) = session.write(&mut text) {
            tracing::error!(%error, "our own session description could not be written");
        }
        text
    }

    fn address_type(&self) -> AddrType {
        if self.address.is_ipv4() { AddrType::Ip4 } else { AddrType::Ip6 }
    }
}

#[cfg(test)]
mod tests;
