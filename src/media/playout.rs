//! What we send: queued clips and keys, cut into packets of the far end's length on one unbroken RTP clock. Pure.
//!
//! Something is sent in every frame that may be sent, silence too: it keeps the path through NAT open and tells the far end that we live.
//! Does not do: pacing (the caller's clock), recording (the caller gets the samples).

use super::codec::Codec;
use super::dtmf::{KeyFrame, KeySender};
use super::rtp::{self, HEADER, MOST_SENT, Outgoing};
use super::sdp::{PTIME_MS, Remote};
use super::tones;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What the other parties say in one packet's time. A single voice goes through as it is; more are added up.
#[derive(Clone, Debug, Default)]
pub struct Voices {
    /// Belongs to what is said on our side: it is recorded with it.
    pub ours: Vec<i16>,
    /// A supervisor's words: not recorded with ours.
    pub aside: Vec<i16>,
    /// They are not for this party: he does not hear them.
    pub whispered: bool,
}

impl Voices {
    /// Nobody says anything for so many samples.
    pub fn silence(&mut self, samples: usize) {
        for voice in [&mut self.ours, &mut self.aside] {
            voice.clear();
            voice.resize(samples, 0);
        }
        self.whispered = false;
    }
}

/// Adds a voice to another; too loud is as loud as can be.
pub fn mix(into: &mut [i16], voice: &[i16]) {
    for (sum, sample) in into.iter_mut().zip(voice) {
        *sum = sum.saturating_add(*sample);
    }
}

/// Names one call of `play`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlayId(pub u64);

/// Plays waiting at once; more than any script queues.
const MOST_QUEUED: usize = 256;
/// Amplitude of each of a key's two tones, about -13 dBFS.
const KEY_AMPLITUDE: f64 = 7_000.0;

pub type Datagram = [u8; HEADER + MOST_SENT];
/// Samples of one millisecond.
const MS: u16 = 8;

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
    ptime_ms: u16,
    pub sent: u64,
    /// Bytes of payload sent.
    pub octets: u64,
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
            ptime_ms: PTIME_MS,
            sent: 0,
            octets: 0,
        }
    }

    pub fn negotiated(&mut self, remote: &Remote) {
        self.codec = remote.codecs.first().copied();
        (self.event, self.ptime_ms) = (remote.event, remote.ptime_ms);
    }

    /// Length of a packet.
    pub fn ptime(&self) -> Duration {
        Duration::from_millis(self.ptime_ms.into())
    }

    /// The same in samples.
    pub fn samples(&self) -> usize {
        usize::from(self.ptime_ms * MS)
    }

    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Of the next packet.
    pub fn timestamp(&self) -> u32 {
        self.timestamp
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

    /// The time of one packet: the samples for the left channel replace what is in `pcm`, plays that ended go to `finished`, and the packet
    /// with its length comes back when one is to be sent.
    pub fn frame(
        &mut self,
        permit: Permit,
        voices: &Voices,
        pcm: &mut Vec<i16>,
        finished: &mut Vec<PlayId>,
    ) -> Option<(Datagram, usize)> {
        pcm.clear();
        pcm.resize(self.samples(), 0);
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(pcm.len() as u32);
        let (payload_type, codec) = self.codec.filter(|_| permit != Permit::Nothing)?;
        let key = if permit == Permit::All { self.keys.next_frame(self.ptime_ms * MS) } else { None };
        match key {
            None if permit == Permit::All => {
                self.fill_from_queue(pcm, finished);
                mix(pcm, &voices.ours);
            }
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
        let heard = permit == Permit::All && !voices.whispered;
        let aside = heard && voices.aside.iter().any(|sample| *sample != 0);
        let encode = |room: &mut [u8]| match aside {
            false => codec.encode(pcm, room),
            true => {
                let mut all = pcm.clone();
                mix(&mut all, &voices.aside);
                codec.encode(&all, room);
            }
        };
        self.packet(payload_type, first, timestamp, encode, pcm.len())
    }

    fn fill_from_queue(&mut self, pcm: &mut [i16], finished: &mut Vec<PlayId>) {
        let mut filled = 0;
        while let Some(play) = self.queue.front_mut() {
            let Some(clip) = play.clips.front() else {
                finished.push(play.id);
                self.queue.pop_front();
                continue;
            };
            let take = (clip.len() - play.done).min(pcm.len() - filled);
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

    fn sound_key(&mut self, key: char, pcm: &mut [i16]) {
        if let Some((low, high)) = tones::key_tones(key) {
            tones::add_tone(pcm, low, KEY_AMPLITUDE, self.key_sounded);
            tones::add_tone(pcm, high, KEY_AMPLITUDE, self.key_sounded);
        }
        self.key_sounded += pcm.len() as u64;
    }

    fn packet(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        fill: impl FnOnce(&mut [u8]),
        payload: usize,
    ) -> Option<(Datagram, usize)> {
        let mut datagram = [0; HEADER + MOST_SENT];
        let fields = Outgoing { payload_type, marker, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        fill(rtp::write(fields, &mut datagram, payload)?);
        self.sequence = self.sequence.wrapping_add(1);
        self.sent += 1;
        self.octets += payload as u64;
        Some((datagram, HEADER + payload))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sdp::{Direction, Place};
    use super::*;

    fn remote(codec: (u8, Codec), event: Option<u8>, ptime_ms: u16) -> Remote {
        let (place, direction) = (Place::Open, Direction::SendRecv);
        Remote { place, port: 4_000, rtcp: None, codecs: vec![codec], event, direction, ptime_ms, crypto: None }
    }

    fn playout() -> Playout {
        let mut playout = Playout::new(1, 65_535, 0);
        playout.negotiated(&remote((8, Codec::Pcma), Some(101), 20));
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
        let (mut pcm, mut finished) = (Vec::new(), Vec::new());
        playout.frame(Permit::All, &Voices::default(), &mut pcm, &mut finished);
        assert_eq!((pcm[99], pcm[100], pcm[159]), (100, 200, 200));
        assert!(finished.is_empty());
        playout.frame(Permit::All, &Voices::default(), &mut pcm, &mut finished);
        assert_eq!((pcm[39], pcm[40], pcm[99], pcm[100]), (200, 300, 300, 0));
        assert_eq!(finished, [first, second]);
    }

    #[test]
    fn time_passes_on_hold_but_nothing_is_played_or_sent() {
        let mut playout = playout();
        playout.play(vec![clip(100, 160)]).unwrap();
        let (mut pcm, mut finished) = (Vec::new(), Vec::new());
        assert!(playout.frame(Permit::Nothing, &Voices::default(), &mut pcm, &mut finished).is_none());
        let (silence, _) = playout.frame(Permit::Silence, &Voices::default(), &mut pcm, &mut finished).unwrap();
        assert_eq!((pcm[0], rtp::read(&silence).unwrap().header.timestamp), (0, 160));
        let (voice, _) = playout.frame(Permit::All, &Voices::default(), &mut pcm, &mut finished).unwrap();
        let header = rtp::read(&voice).unwrap().header;
        assert_eq!((pcm[0], header.timestamp, header.sequence_number), (100, 320, 0));
    }

    #[test]
    fn after_stop_the_next_frame_is_silent() {
        let mut playout = playout();
        playout.play(vec![clip(100, 1_600)]).unwrap();
        let (mut pcm, mut finished) = (Vec::new(), Vec::new());
        playout.frame(Permit::All, &Voices::default(), &mut pcm, &mut finished);
        assert_eq!(pcm, [100; 160]);
        playout.stop();
        playout.frame(Permit::All, &Voices::default(), &mut pcm, &mut finished);
        assert_eq!((pcm, finished), (vec![0; 160], vec![]));
    }

    #[test]
    fn keys_go_as_events_where_agreed_and_as_tones_where_not() {
        let (mut pcm, mut finished) = (Vec::new(), Vec::new());
        let mut events = playout();
        events.send_keys("5");
        let (datagram, len) = events.frame(Permit::All, &Voices::default(), &mut pcm, &mut finished).unwrap();
        let packet = rtp::read(&datagram[..len]).unwrap();
        assert_eq!((packet.header.payload_type, packet.header.marker, packet.payload[0]), (101, true, 5));
        assert_eq!(tones::find_key(&pcm), Some('5'), "the left channel tells what was sent");
        let mut tones_only = Playout::new(1, 0, 0);
        tones_only.negotiated(&remote((0, Codec::Pcmu), None, 20));
        tones_only.send_keys("5");
        let (datagram, len) = tones_only.frame(Permit::All, &Voices::default(), &mut pcm, &mut finished).unwrap();
        let mut heard = Vec::new();
        Codec::Pcmu.decode(&rtp::read(&datagram[..len]).unwrap().payload, &mut heard);
        assert_eq!(tones::find_key(&heard), Some('5'));
    }

    #[test]
    fn packets_have_the_length_that_the_far_end_wants_and_the_clock_goes_with_them() {
        for ptime_ms in [10, 20, 30, 40, 50, 60] {
            let samples = usize::from(ptime_ms * 8);
            let mut playout = Playout::new(1, 1, 0);
            playout.negotiated(&remote((8, Codec::Pcma), Some(96), ptime_ms));
            playout.play(vec![clip(100, samples + 40)]).unwrap();
            playout.send_keys("7");
            let (mut pcm, mut finished, mut keys) = (Vec::new(), Vec::new(), Vec::new());
            let mut heard = Vec::new();
            for n in 0..40 {
                let (datagram, len) = playout.frame(Permit::All, &Voices::default(), &mut pcm, &mut finished).unwrap();
                let packet = rtp::read(&datagram[..len]).unwrap();
                if packet.header.payload_type == 96 {
                    keys.push((packet.header.timestamp, packet.payload[0]));
                } else {
                    assert_eq!((packet.payload.len(), packet.header.timestamp), (samples, (n * samples) as u32));
                }
                heard.extend_from_slice(&pcm);
            }
            assert!(keys.len() >= 4 && keys.iter().all(|key| *key == (0, 7)), "{ptime_ms} ms: {keys:?}");
            assert_eq!(heard.iter().filter(|sample| **sample == 100).count(), samples + 40, "{ptime_ms} ms");
            assert_eq!(finished.len(), 1);
        }
    }
}
