//! The door of offers and candidates (RFC 8829, RFC 8839, RFC 8843): what of them the connection is shown, and the answer made whole.
//!
//! Pure. The connection sees one audio section with the attributes that are named here and the payload types that we choose, in our order:
//! an answer keeps the order of its offer, so the choice is made before. All else (video, data, a second audio, header extensions, rtcp-fb,
//! 48 kHz keys) never reaches it; sections that were left out are refused in the answer with port 0 (RFC 3264 §6).
//! Does not do: look at ICE passwords or fingerprints (the connection does), names of candidates (`.local`, RFC 8828), TCP candidates.

use crate::media::codec::Codec;
use std::fmt::Write as _;
use std::net::IpAddr;

/// Bytes of an offer.
pub const LONGEST: usize = 64 * 1024;
/// Sections of an offer; candidates of one generation (RFC 8445 §5.4 thinks of a hundred pairs).
const SECTIONS: usize = 16;
pub const CANDIDATES: usize = 32;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    #[error("offer of {0} bytes: at most {LONGEST}")]
    TooLong(usize),
    #[error("offer: {0}")]
    Unusable(&'static str),
}
use OfferError::Unusable;

/// How the two sides speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Relayed as it is; the first is preferred.
    G711(Vec<(u8, Codec)>),
    /// Transcoded, for a browser without G.711.
    Opus(u8),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub speech: Speech,
    /// telephone-event at 8 kHz (RFC 4733).
    pub event: Option<u8>,
}

/// An offer that can be answered.
#[derive(Debug)]
pub struct Offer {
    pub agreed: Agreed,
    /// What the connection is shown.
    pub shown: String,
    /// Of the audio section, for candidates.
    pub mid: String,
    pub index: usize,
    pub ufrag: String,
    bundled: bool,
    direction: Direction,
    /// Every section but the audio: the refusal that stands in its place.
    refusals: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Both,
    /// From the browser to us.
    Up,
    Down,
}
impl Direction {
    fn answered(self) -> &'static str {
        match self {
            Self::Both => "sendrecv",
            Self::Up => "recvonly",
            Self::Down => "sendonly",
        }
    }
}

/// A session or one m-section: its first line and those that follow.
struct Section<'a> {
    first: &'a str,
    lines: Vec<&'a str>,
}
impl<'a> Section<'a> {
    /// The value of the first `a=name:`.
    fn value(&self, name: &str) -> Option<&'a str> {
        self.values(name).next()
    }
    fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
    }
    fn has(&self, flag: &str) -> bool {
        self.lines.iter().any(|line| line.strip_prefix("a=") == Some(flag))
    }
    /// Media, port, protocol, formats.
    fn media(&self) -> Option<(&'a str, &'a str, &'a str, &'a str)> {
        let mut words = self.first.strip_prefix("m=")?.splitn(4, ' ');
        Some((words.next()?, words.next()?, words.next()?, words.next()?))
    }
    /// Audio that is offered and not already refused; a section of a bundle has port 0 until the bundle is agreed (RFC 8843 §7.2.1).
    fn is_audio(&self) -> bool {
        self.media().is_some_and(|(media, port, _, _)| media == "audio" && (port != "0" || self.has("bundle-only")))
    }
    /// The section answered with a refusal, which names the media and the protocol again (RFC 3264 §6).
    fn refusal(&self) -> Result<String, OfferError> {
        let (media, _, protocol, formats) = self.media().ok_or(Unusable("an m= line without its four parts"))?;
        let mid = self.value("mid").map(|mid| format!("a=mid:{mid}\r\n")).unwrap_or_default();
        Ok(format!("m={media} 0 {protocol} {formats}\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n{mid}"))
    }
}

fn sections(sdp: &str) -> Vec<Section<'_>> {
    let mut all: Vec<Section<'_>> = Vec::new();
    for line in sdp.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        match all.last_mut() {
            Some(last) if !line.starts_with("m=") => last.lines.push(line),
            _ => all.push(Section { first: line, lines: Vec::new() }),
        }
    }
    all
}

/// Reads an offer. With `before` it is a later one of the same connection, whose payload types stay.
pub fn read(sdp: &str, before: Option<&Agreed>) -> Result<Offer, OfferError> {
    if sdp.len() > LONGEST {
        return Err(OfferError::TooLong(sdp.len()));
    }
    let mut all = sections(sdp).into_iter();
    let session = all.next().filter(|s| s.first == "v=0").ok_or(Unusable("it does not begin with v=0"))?;
    let all: Vec<_> = all.take(SECTIONS + 1).collect();
    if all.len() > SECTIONS {
        return Err(Unusable("more than 16 sections"));
    }
    let index = all.iter().position(Section::is_audio).ok_or(Unusable("no audio"))?;
    let audio = &all[index];
    let (_, _, protocol, formats) = audio.media().ok_or(Unusable("an m= line without its four parts"))?;
    if !protocol.starts_with("UDP/TLS/RTP/SAVP") {
        return Err(Unusable("the audio is not UDP/TLS/RTP/SAVPF"));
    }
    if !audio.has("rtcp-mux") {
        return Err(Unusable("the audio has no a=rtcp-mux"));
    }
    let mid = audio.value("mid").filter(|mid| !mid.is_empty()).ok_or(Unusable("the audio has no a=mid"))?;
    let ufrag = audio.value("ice-ufrag").or(session.value("ice-ufrag")).ok_or(Unusable("no a=ice-ufrag"))?;
    if audio.has("inactive") {
        return Err(Unusable("the audio is inactive"));
    }
    let direction = match (audio.has("sendonly"), audio.has("recvonly")) {
        (true, _) => Direction::Up,
        (false, true) => Direction::Down,
        (false, false) => Direction::Both,
    };
    let formats = offered(audio, formats);
    let agreed = match before {
        Some(agreed) if still_offered(&formats, agreed) => agreed.clone(),
        Some(_) => return Err(Unusable("other payload types than this connection has agreed on")),
        None => choose(&formats).ok_or(Unusable("neither PCMA, PCMU nor opus"))?,
    };
    let bundled = session.values("group").any(|g| g.starts_with("BUNDLE ") && g.split(' ').skip(1).any(|m| m == mid));
    let rest = all.iter().enumerate().filter(|(i, _)| *i != index);
    Ok(Offer {
        shown: show(&session, audio, mid, bundled, &agreed),
        mid: mid.to_owned(),
        index,
        ufrag: ufrag.to_owned(),
        bundled,
        direction,
        refusals: rest.map(|(_, section)| section.refusal()).collect::<Result<_, _>>()?,
        agreed,
    })
}

/// Payload type, encoding name in lower case, clock rate.
type Format = (u8, String, u32);

/// The formats of a section that are mapped; 0 and 8 need no map (RFC 3551 §6).
fn offered(audio: &Section<'_>, formats: &str) -> Vec<Format> {
    let map = |format: u8| {
        let mapped = audio.values("rtpmap").find_map(|map| {
            let (number, encoding) = map.split_once(' ')?;
            (number.parse() == Ok(format)).then_some(encoding)
        });
        let known = match format {
            0 => Some("PCMU/8000"),
            8 => Some("PCMA/8000"),
            _ => None,
        };
        let (name, rest) = mapped.or(known)?.trim().split_once('/')?;
        Some((format, name.to_ascii_lowercase(), rest.split('/').next()?.parse().ok()?))
    };
    // Payload types are seven bits.
    formats.split(' ').filter_map(|f| f.parse().ok()).filter(|f| *f < 128).filter_map(map).collect()
}

fn find(formats: &[Format], name: &str, rate: u32) -> Option<u8> {
    formats.iter().find(|(_, n, r)| n.eq_ignore_ascii_case(name) && *r == rate).map(|(format, ..)| *format)
}

/// G.711 wherever it is in the offer, A-law first as trunks speak it; Opus only when there is none.
fn choose(formats: &[Format]) -> Option<Agreed> {
    let g711: Vec<_> = Codec::ALL.into_iter().filter_map(|c| Some((find(formats, c.name(), 8000)?, c))).collect();
    let speech = if g711.is_empty() { Speech::Opus(find(formats, "opus", 48_000)?) } else { Speech::G711(g711) };
    Some(Agreed { speech, event: find(formats, "telephone-event", 8000) })
}

fn still_offered(formats: &[Format], agreed: &Agreed) -> bool {
    let same = |(format, name, rate): &(u8, &str, u32)| {
        formats.iter().any(|(f, n, r)| (f, r) == (format, rate) && n.eq_ignore_ascii_case(name))
    };
    maps(agreed).iter().all(same)
}

/// What was agreed as payload type, name, clock rate.
fn maps(agreed: &Agreed) -> Vec<(u8, &'static str, u32)> {
    let speech = match &agreed.speech {
        Speech::G711(codecs) => codecs.iter().map(|(format, codec)| (*format, codec.name(), 8000)).collect(),
        Speech::Opus(format) => vec![(*format, "opus", 48_000)],
    };
    speech.into_iter().chain(agreed.event.map(|format| (format, "telephone-event", 8000))).collect()
}

/// Attributes of the audio section that the connection understands; everything else would only be repeated to it.
const AUDIO: [&str; 12] = [
    "mid",
    "ice-ufrag",
    "ice-pwd",
    "ice-options",
    "fingerprint",
    "setup",
    "sendrecv",
    "sendonly",
    "recvonly",
    "rtcp-mux",
    "rtcp-rsize",
    "msid",
];
const SESSION: [&str; 6] = ["ice-ufrag", "ice-pwd", "ice-options", "ice-lite", "fingerprint", "setup"];

fn named(line: &str, names: &[&str]) -> bool {
    let name = line.strip_prefix("a=").map(|rest| rest.split(':').next().unwrap_or(rest));
    name.is_some_and(|name| names.contains(&name))
}

fn show(session: &Section<'_>, audio: &Section<'_>, mid: &str, bundled: bool, agreed: &Agreed) -> String {
    let mut shown = String::from("v=0\r\n");
    let mut line = |line: &str| {
        shown.push_str(line);
        shown.push_str("\r\n");
    };
    session
        .lines
        .iter()
        .filter(|l| l.starts_with("o=") || l.starts_with("s=") || l.starts_with("t="))
        .for_each(|l| line(l));
    session.lines.iter().filter(|l| named(l, &SESSION)).for_each(|l| line(l));
    if bundled {
        line(&format!("a=group:BUNDLE {mid}"));
    }
    let maps = maps(agreed);
    let formats: Vec<_> = maps.iter().map(|(format, ..)| format.to_string()).collect();
    line(&format!("m=audio 9 UDP/TLS/RTP/SAVPF {}", formats.join(" ")));
    line("c=IN IP4 0.0.0.0");
    for (format, name, rate) in maps {
        line(&format!("a=rtpmap:{format} {name}/{rate}{}", if name == "opus" { "/2" } else { "" }));
    }
    audio.lines.iter().filter(|l| named(l, &AUDIO)).for_each(|l| line(l));
    if !["sendrecv", "sendonly", "recvonly"].iter().any(|direction| audio.has(direction)) {
        line("a=sendrecv");
    }
    // One microphone has one source; others are of retransmission, which audio has none of.
    let source = audio.value("ssrc").and_then(|value| value.split(' ').next());
    for value in audio.values("ssrc").filter(|value| value.split(' ').next() == source).take(4) {
        line(&format!("a=ssrc:{value}"));
    }
    for value in audio.values("candidate").filter(|value| usable(value)).take(CANDIDATES) {
        line(&format!("a=candidate:{value}"));
    }
    if audio.has("end-of-candidates") {
        line("a=end-of-candidates");
    }
    shown
}

/// Whether a candidate names an address that can be tried: UDP, an address and no name. A `.local` name hides a browser's own address
/// (RFC 8828): it could be looked up on the same network only, and the browser's checks reach us without.
pub fn usable(candidate: &str) -> bool {
    let candidate = candidate.strip_prefix("candidate:").unwrap_or(candidate);
    let words: Vec<_> = candidate.split_ascii_whitespace().take(8).collect();
    let [foundation, component, transport, priority, address, port, typ, _] = words[..] else { return false };
    foundation.len() <= 32
        && component == "1"
        && transport.eq_ignore_ascii_case("udp")
        && priority.parse::<u32>().is_ok()
        && address.parse::<IpAddr>().is_ok_and(|ip| !ip.is_unspecified())
        && port.parse::<u16>().is_ok_and(|port| port != 0)
        && typ == "typ"
}

impl Offer {
    /// The connection's answer to what it was shown, as the answer to what was offered.
    pub fn answer(&self, shown: &str) -> Result<String, OfferError> {
        let all = sections(shown);
        let [session, audio] = &all[..] else { return Err(Unusable("it could not be answered")) };
        let mut answer = String::new();
        let mut refusals = self.refusals.iter();
        for line in std::iter::once(&session.first).chain(&session.lines) {
            if self.bundled || !line.starts_with("a=group:") {
                let _ = write!(answer, "{line}\r\n");
            }
        }
        refusals.by_ref().take(self.index).for_each(|refusal| answer.push_str(refusal));
        for line in std::iter::once(&audio.first).chain(&audio.lines) {
            // The connection would send to a browser that only sends.
            let line = if named(line, &["sendrecv", "sendonly", "recvonly", "inactive"]) {
                &format!("a={}", self.direction.answered())
            } else {
                *line
            };
            let _ = write!(answer, "{line}\r\n");
        }
        if let Speech::Opus(format) = self.agreed.speech {
            // The other side of the bridge is a telephone: anything above 4 kHz, and a second channel, would be thrown away.
            let _ = write!(answer, "a=fmtp:{format} maxplaybackrate=8000;stereo=0;useinbandfec=0\r\n");
        }
        answer.push_str("a=ptime:20\r\n");
        refusals.for_each(|refusal| answer.push_str(refusal));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
