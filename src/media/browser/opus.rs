//! Opus (RFC 6716, RFC 7587) ↔ the plain RTP that the bridge knows: A-law at 8 kHz in packets of 20 ms.
//!
//! Pure. Opus time stamps count 48 kHz whatever is spoken, the bridge's count 8 kHz. A packet that is missing leaves a gap in both numbers;
//! a packet that comes after its successor is dropped, for the codec cannot go back.
//! Does not do: conceal loss, in-band FEC, stereo.

use crate::media::codec::{Codec, FRAME};
use opus_rs::{Application, OpusDecoder, OpusEncoder};
use rtc_rtp::header::Header;

/// 48 kHz ticks of one 8 kHz sample.
const RATIO: u32 = 6;
/// Samples of the longest packet (RFC 6716 §3.2.5), 120 ms.
const MOST: usize = 960;
/// Bytes of the longest packet that a browser sends for one stream (RFC 6716 §3.2.1), and plenty for ours.
const LONGEST: usize = 1275;
/// Telephone band, clean.
const BITS_PER_SECOND: i32 = 20_000;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("opus: {0}")]
pub struct OpusError(&'static str);

/// One frame of telephone audio.
#[derive(Debug, PartialEq, Eq)]
pub struct Spoken {
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Vec<u8>,
}

/// From the browser.
pub struct FromOpus {
    decoder: OpusDecoder,
    pcm: Box<[f32; MOST]>,
    last: Option<Place>,
    /// The key that is held: its time stamp, and ours.
    key: Option<(u32, u32)>,
}

#[derive(Clone, Copy)]
struct Place {
    sequence: u16,
    timestamp: u32,
    /// The same, as given out.
    next_sequence: u16,
    /// The time stamp without its wrap: a sixth of 2³² is no whole number.
    ticks: i64,
}

impl FromOpus {
    pub fn new() -> Result<Self, OpusError> {
        Ok(Self {
            decoder: OpusDecoder::new(8000, 1).map_err(OpusError)?,
            pcm: Box::new([0.0; MOST]),
            last: None,
            key: None,
        })
    }

    /// The frames of one packet.
    pub fn frames(&mut self, header: &Header, payload: &[u8]) -> Result<Vec<Spoken>, OpusError> {
        let (mut place, missing) = match self.last {
            None => {
                let (sequence, timestamp) = (header.sequence_number, header.timestamp);
                (Place { sequence, timestamp, next_sequence: sequence, ticks: i64::from(timestamp) }, 0)
            }
            Some(last) => {
                let Some(missing) = last.missing_before(header) else { return Ok(vec![]) };
                let passed = header.timestamp.wrapping_sub(last.timestamp) as i32;
                let ticks = last.ticks + i64::from(passed);
                (Place { sequence: header.sequence_number, timestamp: header.timestamp, ticks, ..last }, missing)
            }
        };
        let samples = match payload.len() {
            0 | 1 => 0, // the browser pauses (RFC 7587 §3.1.3): a gap, and no comfort noise
            2..=LONGEST => self.decoder.decode(payload, MOST, &mut self.pcm[..]).map_err(OpusError)?.min(MOST),
            _ => return Err(OpusError("a packet of more than 1275 bytes")),
        };
        let pcm: Vec<i16> = self.pcm[..samples].iter().map(|s| (s * 32_768.0) as i16).collect();
        place.next_sequence = place.next_sequence.wrapping_add(missing * (samples.div_ceil(FRAME).max(1) as u16));
        let mut frames = Vec::new();
        for (n, frame) in pcm.chunks(FRAME).enumerate() {
            let mut payload = vec![0; frame.len()];
            Codec::Pcma.encode(frame, &mut payload);
            frames.push(Spoken {
                sequence: place.next_sequence,
                timestamp: (place.ticks / i64::from(RATIO)) as u32 + (n * FRAME) as u32,
                marker: header.marker && n == 0,
                payload,
            });
            place.next_sequence = place.next_sequence.wrapping_add(1);
        }
        self.last = Some(place);
        Ok(frames)
    }

    /// Sequence number and time stamp of a packet of a key (RFC 4733), which counts another clock in the same stream: the key begins where
    /// the speech was last, and keeps that as long as it is held.
    pub fn key(&mut self, header: &Header) -> Option<(u16, u32)> {
        let place = self.last.as_mut()?;
        let sequence = place.next_sequence.wrapping_add(place.missing_before(header)?);
        place.sequence = header.sequence_number;
        place.next_sequence = sequence.wrapping_add(1);
        let (theirs, ours) = (header.timestamp, (place.ticks / i64::from(RATIO)) as u32);
        let held = self.key.filter(|key| key.0 == theirs).unwrap_or((theirs, ours));
        self.key = Some(held);
        Some((sequence, held.1))
    }
}

impl Place {
    /// Packets that are missing between this one and `header`; `None` when that came too late.
    fn missing_before(&self, header: &Header) -> Option<u16> {
        let ahead = header.sequence_number.wrapping_sub(self.sequence);
        (ahead != 0 && ahead < 1 << 15).then(|| ahead - 1)
    }
}

/// To the browser.
pub struct ToOpus {
    encoder: OpusEncoder,
    /// Samples that do not fill a packet yet, and the time stamp of the first.
    waiting: Vec<i16>,
    timestamp: u32,
    sequence: u16,
    marker: bool,
}

impl ToOpus {
    pub fn new() -> Result<Self, OpusError> {
        let mut encoder = OpusEncoder::new(8000, 1, Application::Voip).map_err(OpusError)?;
        encoder.bitrate_bps = BITS_PER_SECOND;
        Ok(Self { encoder, waiting: Vec::new(), timestamp: 0, sequence: 0, marker: true })
    }

    /// The packets that are full with this one: 48 kHz time stamps, sequence numbers of their own.
    pub fn packets(&mut self, header: &Header, payload: &[u8]) -> Result<Vec<Spoken>, OpusError> {
        if header.timestamp != self.timestamp.wrapping_add(self.waiting.len() as u32) {
            self.waiting.clear();
        }
        if self.waiting.is_empty() {
            self.timestamp = header.timestamp;
        }
        Codec::Pcma.decode(payload, &mut self.waiting);
        let mut packets = Vec::new();
        while self.waiting.len() >= FRAME {
            let mut packet = vec![0; LONGEST];
            let written = self.encoder.encode_i16(&self.waiting[..FRAME], FRAME, &mut packet).map_err(OpusError)?;
            packet.truncate(written);
            let marker = std::mem::take(&mut self.marker);
            packets.push(Spoken {
                sequence: self.sequence,
                timestamp: self.timestamp.wrapping_mul(RATIO),
                marker,
                payload: packet,
            });
            self.waiting.drain(..FRAME);
            self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
            self.sequence = self.sequence.wrapping_add(1);
        }
        Ok(packets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tones::{amplitude, tone};
    use proptest::prelude::*;

    fn header(sequence_number: u16, timestamp: u32) -> Header {
        Header { sequence_number, timestamp, ..Header::default() }
    }

    /// A tone as A-law packets of `size` samples, through both directions.
    fn through(hz: f64, size: usize) -> Vec<Spoken> {
        let (mut to, mut from) = (ToOpus::new().unwrap(), FromOpus::new().unwrap());
        let mut heard = Vec::new();
        for (n, pcm) in tone(hz, 8000.0, 16_000).chunks_exact(size).enumerate() {
            let mut payload = vec![0; size];
            Codec::Pcma.encode(pcm, &mut payload);
            let timestamp = (u32::MAX - 1000).wrapping_add((n * size) as u32);
            for packet in to.packets(&header(n as u16, timestamp), &payload).unwrap() {
                heard.extend(from.frames(&header(packet.sequence, packet.timestamp), &packet.payload).unwrap());
            }
        }
        heard
    }

    #[test]
    fn a_tone_survives_both_ways_in_packets_of_any_length() {
        for size in [80, 160, 240, 480] {
            let heard = through(440.0, size);
            let mut pcm = Vec::new();
            heard.iter().for_each(|frame| Codec::Pcma.decode(&frame.payload, &mut pcm));
            // The last second: the codec has settled.
            let level = amplitude(&pcm[pcm.len() - 8000..], 440.0);
            assert!((6000.0..10_000.0).contains(&level), "packets of {size}: {level}");
            assert!(heard.windows(2).all(|w| w[1].timestamp.wrapping_sub(w[0].timestamp) == 160), "packets of {size}");
            assert!(heard.windows(2).all(|w| w[1].sequence == w[0].sequence + 1 && w[0].payload.len() == FRAME));
        }
    }

    #[test]
    fn a_missing_packet_is_a_gap_in_both_numbers_and_a_late_one_is_dropped() {
        let (mut to, mut from) = (ToOpus::new().unwrap(), FromOpus::new().unwrap());
        let packets: Vec<_> = (0..4_u16)
            .flat_map(|n| to.packets(&header(n, u32::from(n) * 160), &[0xD5; 160]).unwrap())
            .map(|p| (p.sequence.wrapping_add(65_534), p.timestamp, p.payload))
            .collect();
        let mut heard = |n: usize| {
            let (sequence, timestamp, payload) = &packets[n];
            let frames = from.frames(&header(*sequence, *timestamp), payload).unwrap();
            frames.iter().map(|f| (f.sequence, f.timestamp)).collect::<Vec<_>>()
        };
        assert_eq!(heard(0), [(65_534, 0)]);
        assert_eq!(heard(3), [(1, 480)]);
        assert_eq!(heard(2), []);
        assert_eq!(heard(3), []);
    }

    #[test]
    fn a_key_stands_where_the_speech_was_and_takes_its_numbers() {
        let (mut to, mut from) = (ToOpus::new().unwrap(), FromOpus::new().unwrap());
        assert_eq!(from.key(&header(9, 5)), None);
        let packets: Vec<_> =
            (0..3_u16).flat_map(|n| to.packets(&header(n, u32::from(n) * 160), &[0xD5; 160]).unwrap()).collect();
        let mut say = |n: usize, sequence, timestamp| {
            let frames = from.frames(&header(sequence, timestamp), &packets[n].payload).unwrap();
            let [frame] = &frames[..] else { panic!("one frame") };
            (frame.sequence, frame.timestamp)
        };
        assert_eq!(say(0, 10, 9600), (10, 1600));
        assert_eq!(from.key(&header(11, 77)), Some((11, 1600)));
        assert_eq!(from.key(&header(13, 77)), Some((13, 1600)));
        assert_eq!(from.key(&header(12, 77)), None);
        let mut say = |n: usize, sequence, timestamp| {
            let frames = from.frames(&header(sequence, timestamp), &packets[n].payload).unwrap();
            (frames[0].sequence, frames[0].timestamp)
        };
        assert_eq!(say(1, 14, 48_000), (14, 8000));
        assert_eq!(from.key(&header(15, 78)), Some((15, 8000)));
    }

    #[test]
    fn time_stamps_go_on_where_48_khz_wraps() {
        let mut from = FromOpus::new().unwrap();
        let mut to = ToOpus::new().unwrap();
        let mut heard = Vec::new();
        for n in 0..4_u16 {
            let [packet] = &to.packets(&header(n, u32::from(n) * 160), &[0xD5; 160]).unwrap()[..] else {
                panic!("one packet")
            };
            let timestamp = (u32::MAX - 1500).wrapping_add(packet.timestamp);
            heard.extend(from.frames(&header(n, timestamp), &packet.payload).unwrap());
        }
        assert!(heard.windows(2).all(|w| w[1].timestamp.wrapping_sub(w[0].timestamp) == 160), "{heard:?}");
    }

    proptest! {
        #[test]
        fn any_packet_is_decoded_or_refused_and_never_panics(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..12)) {
            let mut from = FromOpus::new().unwrap();
            for (n, payload) in packets.iter().enumerate() {
                let frames = from.frames(&header(n as u16, n as u32 * 960), payload);
                prop_assert!(frames.is_ok_and(|f| f.len() <= 6) || payload.len() > 1);
            }
        }
    }
}
