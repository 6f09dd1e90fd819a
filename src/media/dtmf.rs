//! Keys as telephone-event packets (RFC 4733), both ways, and heard in the voice where the far end has no such packets. Pure.
//!
//! Receiving: one key per press, told at its first packet, whichever of its packets are lost or doubled. Sending: 100 ms of key, its end
//! three times, 60 ms of pause. Flash and other events are ignored.

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

/// Frames of a key's tone, of its repeated ends, and of the pause after it.
const TONE: u16 = 5;
const ENDS: u16 = 2;
const PAUSE: u16 = 3;

/// Spells queued keys frame by frame.
#[derive(Clone, Debug, Default)]
pub struct KeySender {
    queue: VecDeque<u8>,
    /// Frames of the first key that are done.
    frame: u16,
}

/// What one 20 ms frame holds while keys are sent.
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

    /// The next 20 ms, `None` when no key is being sent.
    pub fn next_frame(&mut self) -> Option<KeyFrame> {
        let event = *self.queue.front()?;
        let frame = self.frame;
        self.frame += 1;
        if self.frame == TONE + ENDS + PAUSE {
            self.frame = 0;
            self.queue.pop_front();
        }
        if frame >= TONE + ENDS {
            return Some(KeyFrame::Pause);
        }
        let duration = (frame + 1).min(TONE) * 160;
        let end = if frame + 1 >= TONE { 0x80 } else { 0 };
        let [high, low] = duration.to_be_bytes();
        Some(KeyFrame::Event {
            key: char::from(KEYS[usize::from(event)]),
            payload: [event, end | 10, high, low],
            first: frame == 0,
            sounds: frame < TONE,
        })
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
        let (mut sender, mut receiver) = (KeySender::default(), KeyReceiver::default());
        assert_eq!(sender.push("1x2#"), 1);
        let (mut heard, mut press) = (String::new(), 0);
        for tick in 0..40_u32 {
            if let Some(KeyFrame::Event { payload, first, .. }) = sender.next_frame() {
                press = if first { tick * 160 } else { press };
                heard.extend(receiver.packet(9, press, &payload));
            }
        }
        assert_eq!(heard, "12#");
        assert_eq!(sender.next_frame(), None);
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
