//! Keys as telephone-event packets (RFC 4733), both ways, and heard in the voice where the far end has no such packets. Pure.
//!
//! Receiving: one key per press, told at its first packet, whichever of its packets are lost or doubled. Sending: at least 100 ms of key, its
//! end three times, at least 60 ms of pause. Flash and other events are ignored.

use super::codec::FRAME;
use super::tones;
use std::collections::VecDeque;

const KEYS: &[u8; 16] = b"0123456789*#ABCD";
/// Longest string of keys kept for sending.
const MOST_KEYS: usize = 64;
/// A key older than this many samples belongs to timestamps that started over.
const OLD: i32 = -80_000;
/// From this duration on, a press may go on under a new timestamp (RFC 4733 §2.5.1.3).
const LONG: u16 = 60_000;

/// Finds key presses in received event packets.
#[derive(Clone, Debug, Default)]
pub struct KeyReceiver {
    last: Option<Press>,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    ssrc: u32,
    timestamp: u32,
    event: u8,
    duration: u16,
}

impl KeyReceiver {
    /// The key, when this packet is the first seen of a press.
    pub fn packet(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<char> {
        let [event, _, high, low, ..] = *payload else { return None };
        let key = char::from(*KEYS.get(usize::from(event))?);
        let press = Press { ssrc, timestamp, event, duration: u16::from_be_bytes([high, low]) };
        match self.last.filter(|last| last.ssrc == ssrc) {
            Some(last) => match timestamp.wrapping_sub(last.timestamp) as i32 {
                0 => {
                    self.last = Some(Press { duration: last.duration.max(press.duration), ..last });
                    None
                }
                OLD..0 => None,
                step => {
                    self.last = Some(press);
                    let goes_on = last.event == event && last.duration >= LONG && step <= i32::from(u16::MAX);
                    (!goes_on).then_some(key)
                }
            },
            None => {
                self.last = Some(press);
                Some(key)
            }
        }
    }
}

/// Frames in a row that must hold the same key: 40 ms (ITU-T Q.24), so that a vowel is none.
const TONE_FRAMES: u32 = 2;

/// Finds key presses in the voice, 20 ms by 20 ms.
#[derive(Clone, Debug, Default)]
pub struct ToneKeys {
    key: Option<char>,
    run: u32,
}

impl ToneKeys {
    /// The key, once per press, when it has sounded long enough.
    pub fn frame(&mut self, pcm: &[i16; FRAME]) -> Option<char> {
        let key = tones::find_key(pcm);
        self.run = if key == self.key { self.run.saturating_add(1) } else { 1 };
        self.key = key;
        key.filter(|_| self.run == TONE_FRAMES)
    }
}

/// Least length of a key's tone and of the pause after it, samples.
const TONE: u16 = 800;
const PAUSE: u16 = 480;
/// The end is told so often (RFC 4733 §2.5.1.4).
const ENDS: u8 = 3;

/// Spells queued keys packet by packet, whatever the length of a packet.
#[derive(Clone, Debug, Default)]
pub struct KeySender {
    queue: VecDeque<u8>,
    /// Of the first key: samples that sounded, ends told, samples of the pause.
    sounded: u16,
    ends: u8,
    paused: u16,
}

/// What one packet's time holds while keys are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFrame {
    Event {
        key: char,
        payload: [u8; 4],
        /// First packet of the press: marker bit, and its timestamp is the press's.
        first: bool,
        /// Still sounding (the later ends are not).
        sounds: bool,
    },
    Pause,
}

impl KeySender {
    /// Queues the keys of `digits`; what is no key is skipped and counted in the result.
    pub fn push(&mut self, digits: &str) -> usize {
        let mut skipped = 0;
        for key in digits.chars() {
            let event = KEYS.iter().position(|k| char::from(*k) == key.to_ascii_uppercase());
            match event.and_then(|event| u8::try_from(event).ok()) {
                Some(event) if self.queue.len() < MOST_KEYS => self.queue.push_back(event),
                _ => skipped += 1,
            }
        }
        skipped
    }

    /// The next packet's time of `samples`, `None` when no key is being sent.
    pub fn next_frame(&mut self, samples: u16) -> Option<KeyFrame> {
        let event = *self.queue.front()?;
        let (first, sounds) = (self.sounded == 0, self.sounded < TONE);
        if sounds {
            self.sounded += samples;
        } else if self.ends == ENDS {
            self.paused += samples;
            if self.paused >= PAUSE {
                *self = Self { queue: std::mem::take(&mut self.queue), ..Self::default() };
                self.queue.pop_front();
            }
            return Some(KeyFrame::Pause);
        }
        let over = self.sounded >= TONE;
        self.ends += u8::from(over);
        let end = if over { 0x80 } else { 0 };
        let [high, low] = self.sounded.to_be_bytes();
        let key = char::from(KEYS[usize::from(event)]);
        Some(KeyFrame::Event { key, payload: [event, end | 10, high, low], first, sounds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (timestamp, event, end, duration) packets of one sender and the keys heard.
    fn check(packets: &[(u32, u8, bool, u16)], want: &str) {
        let mut receiver = KeyReceiver::default();
        let heard: String = packets
            .iter()
            .filter_map(|(timestamp, event, end, duration)| {
                let [high, low] = duration.to_be_bytes();
                receiver.packet(1, *timestamp, &[*event, u8::from(*end) << 7, high, low])
            })
            .collect();
        assert_eq!(heard, want, "{packets:?}");
    }

    #[test]
    fn one_press_is_one_key_whatever_is_doubled_lost_or_late() {
        let whole =
            [(100, 5, false, 160), (100, 5, false, 320), (100, 5, true, 480), (100, 5, true, 480), (100, 5, true, 480)];
        check(&whole, "5");
        check(&[&whole[..], &whole[..]].concat(), "5");
        check(&whole[..2], "5");
        check(&whole[4..], "5");
        check(&[(100, 5, false, 160), (1_000, 5, false, 160)], "55");
        check(&[(100, 1, true, 480), (1_000, 2, false, 160), (100, 1, true, 480), (1_000, 2, true, 480)], "12");
        check(&[(0, 10, true, 480), (900, 11, true, 480), (1_800, 15, true, 480)], "*#D");
        check(&[(0, 16, true, 480)], "");
        check(&[(u32::MAX - 50, 3, true, 480), (900, 4, true, 480)], "34");
        check(&[(0, 7, false, 65_000), (65_535, 7, false, 160), (65_535, 7, true, 400)], "7");
    }

    #[test]
    fn a_short_payload_is_no_key() {
        assert_eq!(KeyReceiver::default().packet(1, 1, &[1, 2, 3]), None);
    }

    #[test]
    fn what_is_sent_is_heard_as_the_same_keys() {
        for samples in [80, 160, 240, 480] {
            let (mut sender, mut receiver) = (KeySender::default(), KeyReceiver::default());
            assert_eq!(sender.push("1x2#"), 1);
            let (mut heard, mut press, mut ends, mut longest) = (String::new(), 0, 0, 0);
            for tick in 0..80_u32 {
                if let Some(KeyFrame::Event { payload, first, .. }) = sender.next_frame(samples) {
                    press = if first { tick * u32::from(samples) } else { press };
                    heard.extend(receiver.packet(9, press, &payload));
                    ends += u32::from(payload[1] & 0x80 != 0);
                    longest = longest.max(u16::from_be_bytes([payload[2], payload[3]]));
                }
            }
            assert_eq!((heard.as_str(), ends), ("12#", 9), "{samples} samples a packet");
            assert!((800..1_280).contains(&longest), "{samples} samples a packet: {longest}");
            assert_eq!(sender.next_frame(samples), None);
        }
    }

    #[test]
    fn keys_in_the_voice_are_heard_once_per_press_and_speech_holds_none() {
        let mut pcm = Vec::new();
        for key in ['1', '1', '#'] {
            let (low, high) = tones::key_tones(key).unwrap();
            let mut press = tones::tone(low, 5_000.0, 800);
            tones::add_tone(&mut press, high, 5_000.0, 0);
            pcm.extend(vec![0; 570]);
            pcm.extend(press);
        }
        pcm.resize(pcm.len() + 320, 0);
        assert_eq!(heard(&pcm), "11#");
        for file in ["ask_appearance", "hello", "sat_overall", "sat_timeliness"] {
            let path = format!("{}/tests/data/speech/hesitating_{file}.wav", env!("CARGO_MANIFEST_DIR"));
            let speech = super::super::prompts::read_clip(path.as_ref()).unwrap();
            assert_eq!(heard(&speech), "", "{file}");
        }
    }

    fn heard(pcm: &[i16]) -> String {
        let mut keys = ToneKeys::default();
        pcm.chunks_exact(FRAME).filter_map(|frame| keys.frame(frame.try_into().unwrap())).collect()
    }
}
