//! Reading descriptions of others. Parsing is `sdp-types`; before it, `clean` keeps the lines that matter (m, c, a) in the order that the
//! parser wants, so that a missing `s=`, a stray NUL, GBK or a malformed `b=` does not cost the call.

use super::super::codec::Codec;
use super::super::sdes::{self, Crypto, OurKeys};
use super::{Direction, EVENT_PAYLOAD_TYPE, LONGEST, MOST_STREAMS, NegotiationError, PTIME_MS, Place, Remote};
use sdp_types::{Attribute, Media, Session};
use std::net::IpAddr;

/// Payload types read of one stream.
const MOST_TYPES: usize = 64;

/// What our side can agree to.
pub(super) struct Terms<'a> {
    pub codecs: &'a [Codec],
    pub keys: &'a OurKeys,
    /// The key to use among the `a=crypto` lines of an offer or of an answer.
    pub keys_from: fn(&[Crypto]) -> Option<&Crypto>,
}

/// Reads the answer to our offer.
pub fn read_answer(bytes: &[u8], codecs: &[Codec], keys: &OurKeys) -> Result<Remote, NegotiationError> {
    let session = parse(bytes)?;
    let (_, remote) = audio(&session, &Terms { codecs, keys, keys_from: sdes::answer_to_ours })?;
    Ok(remote)
}

pub(super) fn parse(bytes: &[u8]) -> Result<Session, NegotiationError> {
    if bytes.len() > LONGEST {
        return Err(NegotiationError::TooLong(bytes.len()));
    }
    let text = String::from_utf8_lossy(bytes).replace('\0', "");
    if text.trim().is_empty() {
        return Err(NegotiationError::Missing);
    }
    let session = Session::parse(clean(&text)?.as_bytes());
    let session = session.map_err(|error| NegotiationError::Unreadable(error.to_string()))?;
    match session.medias.len() {
        0..=MOST_STREAMS => Ok(session),
        many => Err(NegotiationError::TooManyStreams(many)),
    }
}

/// The lines of one section (the session, or one stream) that are read.
#[derive(Default)]
struct Section {
    media: Option<String>,
    connection: Option<String>,
    attributes: Vec<String>,
}

fn clean(text: &str) -> Result<String, NegotiationError> {
    let mut sections = vec![Section::default()];
    for line in text.split(['\r', '\n']) {
        let Some((kind, value)) = line.split_once('=') else { continue };
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if kind.trim().eq_ignore_ascii_case("m") {
            sections.push(Section { media: Some(media_line(&value)?), ..Section::default() });
        } else if let Some(section) = sections.last_mut() {
            match kind.trim() {
                "c" | "C" if section.connection.is_none() => section.connection = connection_line(&value),
                "a" | "A" if !value.is_empty() => section.attributes.push(value),
                _ => {}
            }
        }
    }
    let mut out = String::from("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\n");
    for section in sections {
        let is_session = section.media.is_none();
        out.extend(section.media.map(|line| format!("m={line}\r\n")));
        out.extend(section.connection.map(|line| format!("c={line}\r\n")));
        out.push_str(if is_session { "t=0 0\r\n" } else { "" });
        out.extend(section.attributes.into_iter().map(|line| format!("a={line}\r\n")));
    }
    Ok(out)
}

/// A stream that cannot be read is refused where it is not ours; where it is audio, it is said.
fn media_line(value: &str) -> Result<String, NegotiationError> {
    let fields: Vec<_> = value.split(' ').collect();
    let port = fields.get(1).and_then(|port| port.split('/').next());
    if fields.len() >= 4 && port.is_some_and(|port| port.parse::<u16>().is_ok()) {
        // How many ports belong to the stream does not matter: the first is the one.
        return Ok(format!("{} {} {}", fields[0], port.unwrap_or_default(), fields[2..].join(" ")));
    }
    if fields[0].eq_ignore_ascii_case("audio") {
        return Err(NegotiationError::Unreadable(format!("m={}", value.chars().take(60).collect::<String>())));
    }
    Ok("unreadable 0 RTP/AVP 0".into())
}

fn connection_line(value: &str) -> Option<String> {
    let fields: Vec<_> = value.split(' ').take(3).collect();
    (fields.len() == 3).then(|| fields.join(" "))
}

/// The audio stream to use: its index among the streams, and what it says.
pub(super) fn audio(session: &Session, terms: &Terms<'_>) -> Result<(usize, Remote), NegotiationError> {
    let audio = session.medias.iter().enumerate().filter(|(_, m)| m.media.eq_ignore_ascii_case("audio"));
    let mut first_error = None;
    for (index, media) in audio {
        match stream(session, media, terms) {
            Ok(remote) => return Ok((index, remote)),
            // A stream that is switched off says less than one that cannot be used.
            Err(NegotiationError::Refused) => {
                first_error.get_or_insert(NegotiationError::Refused);
            }
            Err(error) => first_error = first_error.filter(|e| *e != NegotiationError::Refused).or(Some(error)),
        }
    }
    Err(first_error.unwrap_or(NegotiationError::NoAudio))
}

fn stream(session: &Session, media: &Media, terms: &Terms<'_>) -> Result<Remote, NegotiationError> {
    if media.port == 0 {
        return Err(NegotiationError::Refused);
    }
    let crypto = crypto(media, terms)?;
    let mut types: Vec<u8> = Vec::new();
    for pt in media.fmt.split_ascii_whitespace().filter_map(|f| f.parse().ok()).filter(|pt| *pt < 128) {
        if types.len() < MOST_TYPES && !types.contains(&pt) {
            types.push(pt);
        }
    }
    let codecs: Vec<_> = types
        .iter()
        .filter_map(|pt| codec_of(media, *pt).filter(|codec| terms.codecs.contains(codec)).map(|codec| (*pt, codec)))
        .collect();
    if codecs.is_empty() {
        return Err(NegotiationError::NoCommonCodec { ours: names(terms.codecs), theirs: theirs(media, &types) });
    }
    let place = place(session, media)?;
    let direction = match place {
        Place::Hidden => Direction::Inactive,
        _ => direction(&media.attributes).or_else(|| direction(&session.attributes)).unwrap_or(Direction::SendRecv),
    };
    let event = types.iter().copied().find(|pt| is_event(media, *pt));
    let rtcp = rtcp(&media.attributes);
    Ok(Remote { place, port: media.port, rtcp, codecs, event, direction, ptime_ms: ptime(session, media), crypto })
}

/// The key to use, by what the trunk wants (`trunks.srtp`).
fn crypto(media: &Media, terms: &Terms<'_>) -> Result<Option<Crypto>, NegotiationError> {
    let is = |profiles: [&str; 2]| profiles.iter().any(|proto| media.proto.eq_ignore_ascii_case(proto));
    let secure_profile = is(["RTP/SAVP", "RTP/SAVPF"]);
    if !secure_profile && !is(["RTP/AVP", "RTP/AVPF"]) || secure_profile && terms.keys.are_off() {
        return Err(NegotiationError::Transport(media.proto.clone()));
    }
    if terms.keys.are_off() {
        return Ok(None);
    }
    let lines: Vec<_> = values(&media.attributes, "crypto").filter_map(Crypto::parse).take(MOST_TYPES).collect();
    match (terms.keys_from)(&lines) {
        None if secure_profile || terms.keys.are_required() => Err(NegotiationError::NotSecured),
        found => Ok(found.cloned()),
    }
}

fn place(session: &Session, media: &Media) -> Result<Place, NegotiationError> {
    let line = media.connections.first().or(session.connection.as_ref());
    let address =
        line.and_then(|c| c.connection_address.split('/').next()).and_then(|text| text.parse::<IpAddr>().ok());
    match address {
        None => Ok(Place::Open),
        Some(ip) if ip.is_unspecified() => Ok(Place::Hidden),
        Some(ip) if !is_unicast(ip) => Err(NegotiationError::NotUnicast(ip)),
        Some(ip) => Ok(Place::Address(ip)),
    }
}

fn is_unicast(ip: IpAddr) -> bool {
    !ip.is_multicast() && !matches!(ip, IpAddr::V4(v4) if v4.is_broadcast())
}

/// Packet length that the far end wants (RFC 8866 §6.4), within what we send.
fn ptime(session: &Session, media: &Media) -> u16 {
    let read = |name: &str| {
        let text = values(&media.attributes, name).chain(values(&session.attributes, name)).next()?;
        let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u16>().ok().filter(|ms| *ms > 0)
    };
    let wanted = read("ptime").unwrap_or(PTIME_MS).min(read("maxptime").unwrap_or(u16::MAX));
    wanted.clamp(10, 60) / 10 * 10
}

fn rtcp(attributes: &[Attribute]) -> Option<(u16, Option<IpAddr>)> {
    let text = values(attributes, "rtcp").next()?;
    let mut fields = text.split_whitespace();
    let port = fields.next()?.parse().ok().filter(|port| *port != 0)?;
    let address = fields.nth(2).and_then(|text| text.parse().ok());
    Some((port, address.filter(|ip: &IpAddr| is_unicast(*ip) && !ip.is_unspecified())))
}

fn values<'a>(attributes: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = attributes.iter().filter(move |a| a.attribute.trim().eq_ignore_ascii_case(name));
    named.filter_map(|a| a.value.as_deref()).map(str::trim)
}

fn codec_of(media: &Media, payload_type: u8) -> Option<Codec> {
    match rtpmap(media, payload_type) {
        Some(map) => Codec::ALL.into_iter().find(|codec| is_8000(map, codec.name())),
        // The static types need no rtpmap (RFC 3551 §6).
        None => Codec::from_payload_type(payload_type),
    }
}

/// telephone-event by its map; without one, by the number that we offered it under.
fn is_event(media: &Media, payload_type: u8) -> bool {
    match rtpmap(media, payload_type) {
        Some(map) => is_8000(map, "telephone-event"),
        None => payload_type == EVENT_PAYLOAD_TYPE,
    }
}

/// `PCMA/8000` of `a=rtpmap:8 PCMA/8000`.
fn rtpmap(media: &Media, payload_type: u8) -> Option<&str> {
    values(&media.attributes, "rtpmap").find_map(|value| {
        let (pt, map) = value.split_once(char::is_whitespace)?;
        (pt.parse() == Ok(payload_type)).then_some(map.trim())
    })
}

fn is_8000(map: &str, name: &str) -> bool {
    let mut parts = map.split('/').map(str::trim);
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
