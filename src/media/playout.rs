//! What we send: queued clips and keys, cut into 20 ms packets on one unbroken RTP clock. Pure.
//!
//! Something is sent in every frame that may be sent, silence too: it keeps the path through NAT open and tells the far end that we live.
//! Does not do: pacing (the caller's clock), recording (the caller gets the samples).

use super::codec::{Codec, FRAME};
use super::dtmf::{KeyFrame, KeySender};
use super::rtp::{self, HEADER, Outgoing};
use super::tones;
use std::collections::VecDeque;
use std::sync::Arc;

/// Names one call of `play`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlayId(pub u64);

/// Plays waiting at once; more than any script queues.
const MOST_QUEUED: usize = 256;
/// Amplitude of each of a key's two tones, about -13 dBFS.
const KEY_AMPLITUDE: f64 = 7_000.0;

pub type Datagram = [u8; HEADER + FRAME];

#[derive(Debug)]
pub struct Playout {
    queue: VecDeque<Play>,
    keys: KeySender,
    /// Timestamp of the key being sent, and samples of it that sounded.
    key_started: u32,
    key_sounded: u64,
    next_id: u64,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Payload type and codec; `None` until negotiated.
    codec: Option<(u8, Codec)>,
    event: Option<u8>,
    pub sent: u64,
}

#[derive(Debug)]
struct Play {
    id: PlayId,
    clips: VecDeque<Arc<[i16]>>,
    /// Samples of the first clip that are played.
    done: usize,
}

/// How much a frame may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// The other side holds us, or the clock had fallen behind: time passes, nothing is sent or played.
    Nothing,
    /// Before the answer: silence only.
    Silence,
    All,
}

impl Playout {
    /// `ssrc`, `sequence` and `timestamp` are the random starts (RFC 3550 §5.1).
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            queue: VecDeque::new(),
            keys: KeySender::default(),
            key_started: 0,
            key_sounded: 0,
            next_id: 1,
            ssrc,
            sequence,
            timestamp,
            codec: None,
            event: None,
            sent: 0,
        }
    }

    pub fn negotiated(&mut self, codec: (u8, Codec), event: Option<u8>) {
        (self.codec, self.event) = (Some(codec), event);
    }

    pub fn codec(&self) -> Option<Codec> {
        self.codec.map(|(_, codec)| codec)
    }

    /// Queues the clips as one play; `Err` names the play that is refused because too many wait.
    pub fn play(&mut self, clips: Vec<Arc<[i16]>>) -> Result<PlayId, PlayId> {
        let id = PlayId(self.next_id);
        self.next_id += 1;
        if self.queue.len() >= MOST_QUEUED {
            return Err(id);
        }
        self.queue.push_back(Play { id, clips: clips.into(), done: 0 });
        Ok(id)
    }

    pub fn stop(&mut self) {
        self.queue.clear();
    }

    /// Queues keys; returns how many characters were no key.
    pub fn send_keys(&mut self, digits: &str) -> usize {
        self.keys.push(digits)
    }

    /// One frame of 20 ms: the samples for the left channel go to `pcm`, plays that ended to `finished`, and the packet with its length
    /// comes back when one is to be sent.
    pub fn frame(
        &mut self,
        permit: Permit,
        pcm: &mut [i16; FRAME],
        finished: &mut Vec<PlayId>,
    ) -> Option<(Datagram, usize)> {
        pcm.fill(0);
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(FRAME as u32);
        let (payload_type, codec) = self.codec.filter(|_| permit != Permit::Nothing)?;
        let key = if permit == Permit::All { self.keys.next_frame() } else { None };
        match key {
            None if permit == Permit::All => self.mix_queue(pcm, finished),
            None | Some(KeyFrame::Pause) => {}
            Some(KeyFrame::Event { key, payload, first, sounds }) => {
                if first {
                    (self.key_started, self.key_sounded) = (timestamp, 0);
                }
                if sounds {
                    self.sound_key(key, pcm);
                }
                if let Some(event) = self.event {
                    return self.packet(event, first, self.key_started, |room| room.copy_from_slice(&payload), 4);
                }
            }
        }
        let first = self.sent == 0;
        self.packet(payload_type, first, timestamp, |room| codec.encode(pcm, room), FRAME)
    }

    fn mix_queue(&mut self, pcm: &mut [i16; FRAME], finished: &mut Vec<PlayId>) {
        let mut filled = 0;
        while let Some(play) = self.queue.front_mut() {
            let Some(clip) = play.clips.front() else {
                finished.push(play.id);
                self.queue.pop_front();
                continue;
            };
            let take = (clip.len() - play.done).min(FRAME - filled);
            pcm[filled..filled + take].copy_from_slice(&clip[play.done..play.done + take]);
            filled += take;
            play.done += take;
            if play.done < clip.len() {
                return;
            }
            play.clips.pop_front();
            play.done = 0;
        }
    }

    fn sound_key(&mut self, key: char, pcm: &mut [i16; FRAME]) {
        if let Some((low, high)) = tones::key_tones(key) {
            tones::add_tone(pcm, low, KEY_AMPLITUDE, self.key_sounded);
            tones::add_tone(pcm, high, KEY_AMPLITUDE, self.key_sounded);
        }
        self.key_sounded += FRAME as u64;
    }

    fn packet(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        fill: impl FnOnce(&mut [u8]),
        payload: usize,
    ) -> Option<(Datagram, usize)> {
        let mut datagram = [0; HEADER + FRAME];
        let fields = Outgoing { payload_type, marker, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        fill(rtp::write(fields, &mut datagram, payload)?);
        self.sequence = self.sequence.wrapping_add(1);
        self.sent += 1;
        Some((datagram, HEADER + payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playout() -> Playout {
        let mut playout = Playout::new(1, 65_535, 0);
        playout.negotiated((8, Codec::Pcma), Some(101));
        playout
    }

    fn clip(value: i16, samples: usize) -> Arc<[i16]> {
        vec![value; samples].into()
    }

    #[test]
    fn clips_of_one_play_and_of_the_next_join_without_a_gap_and_each_play_says_when_it_ended() {
        let mut playout = playout();
        let first = playout.play(vec![clip(100, 100), clip(200, 100)]).unwrap();
        let second = playout.play(vec![clip(300, 60)]).unwrap();
        let (mut pcm, mut finished) = ([0; FRAME], Vec::new());
        playout.frame(Permit::All, &mut pcm, &mut finished);
        assert_eq!((pcm[99], pcm[100], pcm[159]), (100, 200, 200));
        assert!(finished.is_empty());
        playout.frame(Permit::All, &mut pcm, &mut finished);
        assert_eq!((pcm[39], pcm[40], pcm[99], pcm[100]), (200, 300, 300, 0));
        assert_eq!(finished, [first, second]);
    }

    #[test]
    fn time_passes_on_hold_but_nothing_is_played_or_sent() {
        let mut playout = playout();
        playout.play(vec![clip(100, 160)]).unwrap();
        let (mut pcm, mut finished) = ([0; FRAME], Vec::new());
        assert!(playout.frame(Permit::Nothing, &mut pcm, &mut finished).is_none());
        let (silence, _) = playout.frame(Permit::Silence, &mut pcm, &mut finished).unwrap();
        assert_eq!((pcm[0], rtp::read(&silence).unwrap().header.timestamp), (0, 160));
        let (voice, _) = playout.frame(Permit::All, &mut pcm, &mut finished).unwrap();
        let header = rtp::read(&voice).unwrap().header;
        assert_eq!((pcm[0], header.timestamp, header.sequence_number), (100, 320, 0));
    }

    #[test]
    fn after_stop_the_next_frame_is_silent() {
        let mut playout = playout();
        playout.play(vec![clip(100, 1_600)]).unwrap();
        let (mut pcm, mut finished) = ([0; FRAME], Vec::new());
        playout.frame(Permit::All, &mut pcm, &mut finished);
        assert_eq!(pcm, [100; FRAME]);
        playout.stop();
        playout.frame(Permit::All, &mut pcm, &mut finished);
        assert_eq!((pcm, finished), ([0; FRAME], vec![]));
    }

    #[test]
    fn keys_go_as_events_where_agreed_and_as_tones_where_not() {
        let (mut pcm, mut finished) = ([0; FRAME], Vec::new());
        let mut events = playout();
        events.send_keys("5");
        let (datagram, len) = events.frame(Permit::All, &mut pcm, &mut finished).unwrap();
        let packet = rtp::read(&datagram[..len]).unwrap();
        assert_eq!((packet.header.payload_type, packet.header.marker, packet.payload[0]), (101, true, 5));
        assert_eq!(tones::find_key(&pcm), Some('5'), "the left channel tells what was sent");
        let mut tones_only = Playout::new(1, 0, 0);
        tones_only.negotiated((0, Codec::Pcmu), None);
        tones_only.send_keys("5");
        let (datagram, len) = tones_only.frame(Permit::All, &mut pcm, &mut finished).unwrap();
        let mut heard = Vec::new();
        Codec::Pcmu.decode(&rtp::read(&datagram[..len]).unwrap().payload, &mut heard);
        assert_eq!(tones::find_key(&heard), Some('5'));
    }
}
