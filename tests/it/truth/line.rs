//! A whole line in simulated time: a far end with a clock of its own, the network, the engine's `Leg`, and the samples that come out.
//!
//! Every packet of either side sounds at a level that names it, so the recording itself says which packet lies where: the customer's levels
//! are positive, ours negative. Levels are 12 % apart, which A-law and µ-law both keep apart. Nothing here reads a clock.

use crate::support::impair::{Dice, Way, Weather};
use huifang::clock::monotonic;
use huifang::domain::recording::manifest::Gap;
use huifang::media::codec::{Codec, FRAME};
use huifang::media::leg::Leg;
use huifang::media::playout::Playout;
use huifang::media::rtp::{self, HEADER, Outgoing};
use huifang::media::sdp::Local;
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const LEVELS: usize = 40;
const TICK_US: i64 = 20_000;
/// Late packets find their place for so long.
const HELD_BACK_US: i64 = 400_000;

/// What the far end does at a time of the call.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Another SSRC, sequence number and timestamp: a gateway's failover.
    NewStream,
    /// The timestamps leap by so many samples; nothing else changes.
    Leap(i32),
    /// Nothing is sent for so many milliseconds, the timestamps go on (DTX).
    Silent(i64),
    /// Nothing is sent for so many milliseconds and the timestamps stand still; the next packet is marked.
    Frozen(i64),
    Speak(Codec),
    /// A re-INVITE puts us on hold; nothing is sent until `Resume`.
    Hold,
    Resume,
}

/// One call to be simulated.
pub struct Course {
    pub seconds: i64,
    pub weather: Weather,
    pub seed: u64,
    /// How much slower the far end's clock runs than ours.
    pub ppm: i64,
    /// By second of the call.
    pub acts: Vec<(i64, Act)>,
    /// Our clock wakes up to so much later than it should, milliseconds.
    pub late_ticks_ms: u64,
}

impl Course {
    pub fn new(seconds: i64, weather: Weather, seed: u64) -> Self {
        Self { seconds, weather, seed, ppm: 0, acts: vec![], late_ticks_ms: 5 }
    }
}

/// One packet of the customer's voice.
#[derive(Clone, Copy, Debug)]
pub struct Spoken {
    /// Where its first sample belongs on the axis: when it was sent, and the delay that every packet has.
    pub at: i64,
    /// A copy was there before the writer passed its place.
    pub arrives: bool,
    /// Microseconds since the line last had to find out where the far end's clock lies.
    pub settled_us: i64,
}

/// What came out.
pub struct Outcome {
    pub agent: Vec<i16>,
    pub customer: Vec<i16>,
    /// By number.
    pub spoken: Vec<Spoken>,
    /// Levels of our packets on the wire, with their place on the axis when they were sent.
    pub sent: Vec<(i64, usize)>,
    pub gaps: Vec<Gap>,
    pub length: i64,
    pub lost: u64,
}

fn amplitude(level: usize) -> i16 {
    (300.0 * 1.12_f64.powi(level as i32)).round() as i16
}

/// The level that a sample names; `None` when nothing sounds.
pub fn level(sample: i16) -> Option<usize> {
    let size = f64::from(sample.unsigned_abs());
    (size >= 250.0).then(|| (size / 300.0).log(1.12).round() as usize)
}

fn voice(number: usize) -> [i16; FRAME] {
    [amplitude(number % LEVELS); FRAME]
}

/// A prompt of so many packets that name themselves.
fn prompt(packets: usize) -> Arc<[i16]> {
    (0..packets).flat_map(|n| voice(n).map(|sample| -sample)).collect()
}

fn sdp(line: &str) -> Vec<u8> {
    format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n{line}"
    )
    .into_bytes()
}

fn samples(us: i64) -> i64 {
    us * 8 / 1_000
}

/// The far end: what it sends, and when.
struct Customer {
    ppm: i64,
    codec: Codec,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    marker: bool,
    /// Nothing is sent before this, on its own clock.
    silent_until: i64,
    frozen: bool,
    held: bool,
    unsettled_at: i64,
}

impl Customer {
    fn new(ppm: i64) -> Self {
        Self {
            ppm,
            codec: Codec::Pcma,
            ssrc: 7,
            // Both wrap soon.
            sequence: 65_000,
            timestamp: u32::MAX - 80_000,
            marker: true,
            silent_until: 0,
            frozen: false,
            held: false,
            unsettled_at: 0,
        }
    }

    /// Its clock on ours, microseconds.
    fn real(&self, own_us: i64) -> i64 {
        own_us + own_us * self.ppm / 1_000_000
    }

    fn act(&mut self, act: Act, own_us: i64) {
        match act {
            Act::NewStream => {
                (self.ssrc, self.sequence, self.timestamp) =
                    (self.ssrc + 1, self.sequence ^ 0x5555, self.timestamp ^ 0x7777_7777);
                self.unsettled_at = own_us;
            }
            Act::Leap(by) => {
                self.timestamp = self.timestamp.wrapping_add_signed(by);
                self.unsettled_at = own_us;
            }
            Act::Silent(ms) => self.silent_until = own_us + ms * 1_000,
            Act::Frozen(ms) => {
                (self.silent_until, self.frozen, self.marker) = (own_us + ms * 1_000, true, true);
                self.unsettled_at = self.silent_until;
            }
            Act::Speak(codec) => self.codec = codec,
            Act::Hold => self.held = true,
            Act::Resume if !self.held => {}
            Act::Resume => {
                // It speaks again when our answer has reached it.
                (self.held, self.silent_until) = (false, own_us + 200_000);
                self.unsettled_at = self.silent_until;
            }
        }
    }

    /// The packet that is due now on its clock; `None` when it keeps silent.
    fn packet(&mut self, number: usize, own_us: i64) -> Option<Vec<u8>> {
        let silent = own_us < self.silent_until;
        if !silent || !self.frozen {
            self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        }
        self.frozen &= silent;
        if silent || self.held {
            return None;
        }
        let mut datagram = [0; HEADER + FRAME];
        let fields = Outgoing {
            payload_type: self.codec.payload_type(),
            marker: std::mem::take(&mut self.marker),
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.codec.encode(&voice(number), rtp::write(fields, &mut datagram, FRAME).unwrap());
        self.sequence = self.sequence.wrapping_add(1);
        Some(datagram.to_vec())
    }
}

/// The engine's end of the line.
struct Engine {
    leg: Leg,
    answered: Instant,
    recorded: Vec<i16>,
    sent: Vec<(i64, usize)>,
}

impl Engine {
    fn answered() -> Self {
        let codecs = vec![Codec::Pcma, Codec::Pcmu];
        let local = Local { address: [127, 0, 0, 1].into(), port: 20_000, codecs, session_id: 1 };
        let answered = monotonic();
        let mut leg = Leg::new(local, Playout::new(1, 1, 1), Duration::from_secs(20), answered);
        leg.answered(&sdp(""), answered, Timestamp::UNIX_EPOCH).unwrap();
        Self { leg, answered, recorded: vec![], sent: vec![] }
    }

    fn at(&self, us: i64) -> Instant {
        self.answered + Duration::from_micros(us.try_into().unwrap())
    }

    fn due(&self) -> i64 {
        self.leg.next_tick().duration_since(self.answered).as_micros() as i64
    }

    fn tick(&mut self, us: i64) {
        let (now, sent) = (self.at(us), &mut self.sent);
        self.leg.tick(
            now,
            |_, _| {},
            |datagram, _| {
                let mut pcm = vec![];
                Codec::Pcma.decode(&datagram[HEADER..], &mut pcm);
                sent.extend(level(pcm[0]).map(|level| (samples(us), level)));
            },
        );
        while self.leg.next_event().is_some() {}
        while self.leg.next_frame().is_some() {}
        self.recorded.extend(self.leg.chunk().take(3_200).into_iter().flatten());
    }
}

/// Runs the call; our prompt of three seconds begins every ten.
pub fn run(course: &Course) -> Outcome {
    let mut engine = Engine::answered();
    let mut customer = Customer::new(course.ppm);
    let mut way = Way::new(course.weather, course.seed);
    let mut lateness = Dice::new(!course.seed << 32);
    let mut acts = course.acts.iter().peekable();
    let from = SocketAddr::from(([192, 0, 2, 1], 4_000));
    // Datagrams under way by arrival, and in the order of sending among equals.
    let mut under_way: BTreeMap<(i64, usize), Vec<u8>> = BTreeMap::new();
    let (mut spoken, mut copies) = (vec![], 0);
    let mut reinvites: VecDeque<(i64, &str)> = VecDeque::new();
    let end_us = course.seconds * 1_000_000 - 12_500;
    let (mut own_us, mut number, mut tick_at) = (3_000, 0, 0);
    loop {
        let speaks_at = customer.real(own_us);
        let arrives_at = under_way.first_key_value().map_or(i64::MAX, |((at, _), _)| *at);
        let reinvited_at = reinvites.front().map_or(i64::MAX, |(at, _)| *at);
        let next = speaks_at.min(arrives_at).min(tick_at).min(reinvited_at);
        if next >= end_us {
            break;
        }
        if next == reinvited_at {
            let (_, direction) = reinvites.pop_front().unwrap();
            engine.leg.reoffer(&sdp(direction), engine.at(next)).unwrap();
        } else if next == arrives_at {
            let (_, datagram) = under_way.pop_first().unwrap();
            engine.leg.receive(&datagram, from, engine.at(next));
        } else if next == tick_at {
            if next % 10_000_000 < TICK_US && next / TICK_US != 0 {
                engine.leg.play(vec![prompt(150)]);
            }
            engine.tick(next);
            tick_at = engine.due() + lateness.below(course.late_ticks_ms * 1_000 + 1) as i64;
        } else {
            while let Some((_, act)) = acts.next_if(|(second, _)| second * 1_000_000 <= own_us) {
                customer.act(*act, own_us);
                // The re-INVITE of a hold comes behind the last packet of voice.
                let longest_way = (course.weather.delay_ms + course.weather.jitter_ms) as i64 * 1_000;
                match act {
                    Act::Hold => reinvites.push_back((next + longest_way + 1, "a=sendonly\r\n")),
                    Act::Resume => reinvites.push_back((next + longest_way.min(190_000), "a=sendrecv\r\n")),
                    _ => {}
                }
            }
            if let Some(datagram) = customer.packet(number, own_us) {
                let due = speaks_at + course.weather.delay_ms as i64 * 1_000;
                let mut arrives = false;
                for copy in way.send(datagram.len()) {
                    let at = speaks_at + copy.after.as_micros() as i64;
                    arrives |= at < (due + HELD_BACK_US).min(end_us);
                    copies += 1;
                    under_way.insert((at, copies), datagram[..copy.len].to_vec());
                }
                let settled_us = own_us - customer.unsettled_at;
                spoken.push(Spoken { at: samples(due), arrives, settled_us });
                number += 1;
            }
            own_us += TICK_US;
        }
    }
    let ending = engine.leg.finish(engine.at(end_us));
    engine.recorded.extend(ending.rest);
    let channel = |which: usize| engine.recorded.iter().skip(which).step_by(2).copied().collect();
    Outcome {
        agent: channel(0),
        customer: channel(1),
        spoken,
        sent: engine.sent,
        gaps: ending.gaps,
        length: ending.length,
        lost: ending.stats.packets_lost,
    }
}
