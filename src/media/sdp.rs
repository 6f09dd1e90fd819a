//! Session descriptions of an audio call: our offer, reading the far end's answer, answering its re-offers (RFC 8866, RFC 3264).
//!
//! Pure text in, values out. Parsing is `sdp-types`; bytes that are not UTF-8 are replaced first, since it refuses them.
//! Does not do: ICE, DTLS, SRTP, video, names instead of addresses (they leave the media address open: see `media::source`).

use super::codec::Codec;
use sdp_types::{AddrType, Attribute, Connection, Media, NetType, Origin, Session};
use std::net::IpAddr;

/// Longest description read: 16 KiB.
const LONGEST: usize = 16 * 1024;
/// The payload type of telephone-event that we offer.
pub const EVENT_PAYLOAD_TYPE: u8 = 101;

/// Why no media could be agreed. The far end may be up all the same: the caller decides what to end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    #[error("sdp of {0} bytes is longer than {LONGEST}")]
    TooLong(usize),
    #[error("sdp cannot be read: {0}")]
    Unreadable(String),
    #[error("sdp has no audio stream")]
    NoAudio,
    #[error("the far end refused the audio stream (port 0)")]
    Refused,
    #[error("audio over {0} is not supported, want RTP/AVP")]
    Transport(String),
    #[error("no common codec: we speak {ours}, they {theirs}")]
    NoCommonCodec { ours: String, theirs: String },
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

/// The far end's audio as agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// `None`: a name, or on hold by `0.0.0.0`: nothing can be said about where media comes from.
    pub address: Option<IpAddr>,
    pub port: u16,
    /// Common codecs with their payload types, its preferred one first; never empty.
    pub codecs: Vec<(u8, Codec)>,
    /// Payload type of telephone-event at 8000 Hz.
    pub event: Option<u8>,
    pub direction: Direction,
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

impl Local {
    /// Our offer: the codecs in our order, telephone-event last, 20 ms.
    pub fn offer(&self, version: u64) -> Vec<u8> {
        let codecs: Vec<_> = self.codecs.iter().map(|codec| (codec.payload_type(), *codec)).collect();
        self.write(version, vec![self.audio(&codecs, Some(EVENT_PAYLOAD_TYPE), "sendrecv")])
    }

    /// Answers a re-offer: what both can, every other stream refused (RFC 3264 §6).
    pub fn answer(&self, version: u64, offer: &[u8]) -> Result<(Remote, Vec<u8>), NegotiationError> {
        let session = parse(offer)?;
        let (index, remote) = read(&session, &self.codecs)?;
        let streams = session.medias.iter().enumerate().map(|(i, media)| {
            if i == index {
                self.audio(&remote.codecs, remote.event, remote.direction.mirrored())
            } else {
                Media { port: 0, attributes: Vec::new(), connections: Vec::new(), ..media.clone() }
            }
        });
        let text = self.write(version, streams.collect());
        Ok((remote, text))
    }

    fn audio(&self, codecs: &[(u8, Codec)], event: Option<u8>, direction: &str) -> Media {
        let types: Vec<_> = codecs.iter().map(|(pt, _)| *pt).chain(event).map(|pt| pt.to_string()).collect();
        let attribute = |name: &str, value: String| Attribute { attribute: name.into(), value: Some(value) };
        let mut attributes: Vec<_> =
            codecs.iter().map(|(pt, codec)| attribute("rtpmap", format!("{pt} {codec}/8000"))).collect();
        if let Some(pt) = event {
            attributes.push(attribute("rtpmap", format!("{pt} telephone-event/8000")));
            attributes.push(attribute("fmtp", format!("{pt} 0-15")));
        }
        attributes.push(attribute("ptime", "20".into()));
        attributes.push(Attribute { attribute: direction.into(), value: None });
        Media {
            media: "audio".into(),
            port: self.port,
            num_ports: None,
            proto: "RTP/AVP".into(),
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

/// Reads the answer to our offer.
pub fn read_answer(bytes: &[u8], ours: &[Codec]) -> Result<Remote, NegotiationError> {
    let session = parse(bytes)?;
    read(&session, ours).map(|(_, remote)| remote)
}

fn parse(bytes: &[u8]) -> Result<Session, NegotiationError> {
    if bytes.len() > LONGEST {
        return Err(NegotiationError::TooLong(bytes.len()));
    }
    let clean = String::from_utf8_lossy(bytes).replace('\0', "");
    Session::parse(clean.trim_start().as_bytes()).map_err(|error| NegotiationError::Unreadable(error.to_string()))
}

/// The audio stream to use: its index among the streams, and what it says.
fn read(session: &Session, ours: &[Codec]) -> Result<(usize, Remote), NegotiationError> {
    let audio = || session.medias.iter().enumerate().filter(|(_, m)| m.media.eq_ignore_ascii_case("audio"));
    let mut first_error = None;
    for (index, media) in audio() {
        match read_stream(session, media, ours) {
            Ok(remote) => return Ok((index, remote)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or(NegotiationError::NoAudio))
}

fn read_stream(session: &Session, media: &Media, ours: &[Codec]) -> Result<Remote, NegotiationError> {
    if media.port == 0 {
        return Err(NegotiationError::Refused);
    }
    if !["RTP/AVP", "RTP/AVPF"].iter().any(|proto| media.proto.eq_ignore_ascii_case(proto)) {
        return Err(NegotiationError::Transport(media.proto.clone()));
    }
    let types: Vec<u8> =
        media.fmt.split_ascii_whitespace().filter_map(|f| f.parse().ok()).filter(|pt| *pt < 128).collect();
    let codecs: Vec<_> = types
        .iter()
        .filter_map(|pt| codec_of(media, *pt).filter(|codec| ours.contains(codec)).map(|codec| (*pt, codec)))
        .collect();
    if codecs.is_empty() {
        return Err(NegotiationError::NoCommonCodec { ours: names(ours), theirs: theirs(media, &types) });
    }
    let event = types.iter().copied().find(|pt| is_8000(rtpmap(media, *pt), "telephone-event"));
    let address = media.connections.first().or(session.connection.as_ref()).map(|c| c.connection_address.as_str());
    let address = address.and_then(|text| text.split('/').next()).and_then(|text| text.parse::<IpAddr>().ok());
    let direction = match address {
        Some(ip) if ip.is_unspecified() => Direction::Inactive,
        _ => direction(&media.attributes).or_else(|| direction(&session.attributes)).unwrap_or(Direction::SendRecv),
    };
    let address = address.filter(|ip| !ip.is_unspecified());
    Ok(Remote { address, port: media.port, codecs, event, direction })
}

fn codec_of(media: &Media, payload_type: u8) -> Option<Codec> {
    match rtpmap(media, payload_type) {
        Some(map) => Codec::ALL.into_iter().find(|codec| is_8000(Some(map), codec.name())),
        // The static types need no rtpmap (RFC 3551 §6).
        None => Codec::from_payload_type(payload_type),
    }
}

/// `PCMA/8000` of `a=rtpmap:8 PCMA/8000`.
fn rtpmap(media: &Media, payload_type: u8) -> Option<&str> {
    let mut maps = media.attributes.iter().filter(|a| a.attribute.eq_ignore_ascii_case("rtpmap"));
    maps.find_map(|a| {
        let (pt, map) = a.value.as_deref()?.trim().split_once(char::is_whitespace)?;
        (pt.parse() == Ok(payload_type)).then_some(map.trim())
    })
}

fn is_8000(map: Option<&str>, name: &str) -> bool {
    let mut parts = map.unwrap_or_default().split('/').map(str::trim);
    parts.next().is_some_and(|n| n.eq_ignore_ascii_case(name))
        && parts.next() == Some("8000")
        && parts.next().is_none_or(|channels| channels == "1")
}

fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|a| {
        Direction::NAMES.into_iter().find(|(name, _)| a.attribute.trim().eq_ignore_ascii_case(name)).map(|(_, d)| d)
    })
}

fn names(codecs: &[Codec]) -> String {
    codecs.iter().map(|codec| codec.name()).collect::<Vec<_>>().join(", ")
}

fn theirs(media: &Media, types: &[u8]) -> String {
    let name = |pt: &u8| rtpmap(media, *pt).map_or_else(|| format!("payload type {pt}"), str::to_owned);
    types.iter().take(16).map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use Codec::{Pcma, Pcmu};
    use Direction::*;

    const HEAD: &str = "v=0\r\no=x 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n";

    fn local() -> Local {
        let address = IpAddr::from([127, 0, 0, 1]);
        Local { address, port: 20_000, codecs: vec![Pcma, Pcmu], session_id: 7 }
    }

    #[test]
    fn the_offer_lists_our_codecs_in_our_order_and_telephone_event() {
        let text = String::from_utf8(local().offer(1)).unwrap();
        let want = "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8 0 101\r\n\
                    a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
                    a=ptime:20\r\na=sendrecv\r\n";
        assert_eq!(text, want);
    }

    /// What an answer says: codecs, event type, direction.
    type Said<'a> = (&'a [(u8, Codec)], Option<u8>, Direction);

    /// What is read of an answer with these media lines.
    fn check(media: &str, want: Result<Said<'_>, &str>) {
        let got = read_answer(format!("{HEAD}{media}").as_bytes(), &[Pcma, Pcmu]);
        match (got, want) {
            (Ok(remote), Ok((codecs, event, direction))) => {
                assert_eq!(
                    (remote.codecs.as_slice(), remote.event, remote.direction),
                    (codecs, event, direction),
                    "{media}"
                );
            }
            (Err(error), Err(want)) => assert_eq!(error.to_string(), want, "{media}"),
            (got, want) => panic!("{media}: got {got:?}, want {want:?}"),
        }
    }

    #[test]
    fn answers_are_read_as_the_wild_writes_them() {
        check("m=audio 4000 RTP/AVP 8\r\n", Ok((&[(8, Pcma)], None, SendRecv)));
        check("m=audio 4000 RTP/AVP 0 8\n", Ok((&[(0, Pcmu), (8, Pcma)], None, SendRecv)));
        check(
            "m=audio 4000 RTP/AVP 18 8 96\r\na=rtpmap:8 pcma/8000/1\r\na=rtpmap:96 TELEPHONE-EVENT/8000\r\n",
            Ok((&[(8, Pcma)], Some(96), SendRecv)),
        );
        check("m=audio 4000 RTP/AVP 100\r\na=rtpmap:100 PCMU/8000\r\n", Ok((&[(100, Pcmu)], None, SendRecv)));
        check("m=audio 4000 RTP/AVP 8 99\r\na=rtpmap:99 telephone-event/48000\r\n", Ok((&[(8, Pcma)], None, SendRecv)));
        check("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n", Ok((&[(8, Pcma)], None, SendOnly)));
        check("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\n", Ok((&[(8, Pcma)], None, Inactive)));
        check("m=video 4 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 8\r\na=inactive\r\n", Ok((&[(8, Pcma)], None, Inactive)));
        check("m=audio 0 RTP/AVP 8\r\nm=audio 4000 RTP/AVP 8\r\n", Ok((&[(8, Pcma)], None, SendRecv)));
        // A GBK session name of a carrier's gateway.
        check("m=audio 4000 RTP/AVP 8\r\ni=\u{fffd}\u{fffd}\r\n", Ok((&[(8, Pcma)], None, SendRecv)));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        check(
            "m=audio 4000 RTP/AVP 18 96\r\na=rtpmap:18 G729/8000\r\na=rtpmap:96 opus/48000/2\r\n",
            Err("no common codec: we speak PCMA, PCMU, they G729/8000, opus/48000/2"),
        );
        check(
            "m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 G729/8000\r\n",
            Err("no common codec: we speak PCMA, PCMU, they G729/8000"),
        );
        check("m=audio 0 RTP/AVP 8\r\n", Err("the far end refused the audio stream (port 0)"));
        check("m=audio 4000 RTP/SAVP 8\r\n", Err("audio over RTP/SAVP is not supported, want RTP/AVP"));
        check("", Err("sdp has no audio stream"));
    }

    #[test]
    fn broken_bytes_are_an_error_and_never_a_panic() {
        let whole =
            format!("{HEAD}m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n");
        for end in 0..whole.len() {
            let _cut = read_answer(&whole.as_bytes()[..end], &[Pcma]);
            let mut odd = whole.clone().into_bytes();
            odd[end] = 0xB0;
            let _odd = read_answer(&odd, &[Pcma]);
            let _answer = local().answer(2, &odd);
        }
        assert_eq!(read_answer(&[b'v'; 20_000], &[Pcma]), Err(NegotiationError::TooLong(20_000)));
        assert!(matches!(read_answer(b"", &[Pcma]), Err(NegotiationError::Unreadable(_) | NegotiationError::NoAudio)));
        let gbk = [HEAD.replace("s=-", "s=@@").as_bytes(), b"m=audio 4000 RTP/AVP 8\r\n"].concat();
        let gbk: Vec<u8> = gbk.into_iter().map(|b| if b == b'@' { 0xC4 } else { b }).collect();
        assert!(read_answer(&gbk, &[Pcma]).is_ok(), "a session name in GBK must not cost the call");
    }

    #[test]
    fn a_re_offer_is_answered_stream_by_stream_with_the_direction_mirrored() {
        let offer = format!(
            "{HEAD}m=video 5 RTP/AVP 96\r\nm=audio 4002 RTP/AVP 0 18 96\r\na=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n"
        );
        let (remote, answer) = local().answer(3, offer.as_bytes()).unwrap();
        assert_eq!(
            (remote.port, remote.direction, remote.address),
            (4002, SendOnly, Some(IpAddr::from([192, 0, 2, 7])))
        );
        let answer = String::from_utf8(answer).unwrap();
        let streams = &answer[answer.find("m=").unwrap()..];
        assert_eq!(
            streams,
            "m=video 0 RTP/AVP 96\r\nm=audio 20000 RTP/AVP 0 96\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 telephone-event/8000\r\n\
             a=fmtp:96 0-15\r\na=ptime:20\r\na=recvonly\r\n"
        );
        assert!(answer.contains("o=- 7 3 IN"));
    }
}
