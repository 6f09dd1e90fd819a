//! The bridge in simulated time: a customer, an agent and a supervisor with clocks and networks of their own, the engine between them, and the
//! samples that come out on every side. Nothing here reads a clock; what is compared is exact to the byte or to the sample.

use crate::support::impair::Dice;
use huifang::clock::monotonic;
use huifang::media::bridge::{Company, Others, SharedLeg, Supervision, lock};
use huifang::media::codec::Codec;
use huifang::media::codec::Codec::{Pcma, Pcmu};
use huifang::media::leg::{AgentLeg, CHANNEL, Leg, MediaEvent, Party};
use huifang::media::playout::Playout;
use huifang::media::rtp::{self, HEADER, Outgoing};
use huifang::media::sdp::Local;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const CUSTOMER: ([u8; 4], u16) = ([192, 0, 2, 1], 4_000);
const SECOND: i64 = 1_000_000;

/// One party's voice, and what its clock and its network do to it.
struct Speech<'a> {
    who: Party,
    codec: Codec,
    packet_ms: i64,
    /// How much slower its clock runs than ours.
    ppm: i64,
    from_us: i64,
    to_us: i64,
    /// The byte of each sample.
    voice: &'a dyn Fn(i64) -> u8,
    /// How long each packet is under way, microseconds; `None`: for ever.
    way: &'a dyn Fn(i64) -> Option<i64>,
}

impl<'a> Speech<'a> {
    fn new(who: Party, codec: Codec, to_us: i64, voice: &'a dyn Fn(i64) -> u8) -> Self {
        Self { who, codec, packet_ms: 20, ppm: 0, from_us: 3_000, to_us, voice, way: &|_| Some(0) }
    }
}

/// A call in progress.
struct Scene {
    leg: Leg,
    others: Others,
    start: Instant,
    now_us: i64,
    arrivals: BTreeMap<(i64, usize), (Party, Vec<u8>)>,
    lines: [Option<SharedLeg>; 3],
    streams: u32,
    /// What each party was sent, and when.
    sent: [Vec<(i64, Vec<u8>)>; 3],
    recorded: Vec<i16>,
    /// The supervisor's track, from where it began.
    aside: (u64, Vec<i16>),
    events: Vec<MediaEvent>,
}

impl Scene {
    fn unanswered() -> Self {
        let local = Local { address: [127, 0, 0, 1].into(), port: 20_000, codecs: vec![Pcma, Pcmu], session_id: 1 };
        let start = monotonic();
        Self {
            leg: Leg::new(local, Playout::new(1, 1, 1), Duration::from_secs(3_600), start),
            others: Others::default(),
            start,
            now_us: 0,
            arrivals: BTreeMap::new(),
            lines: [None, None, None],
            streams: 100,
            sent: [vec![], vec![], vec![]],
            recorded: vec![],
            aside: (0, vec![]),
            events: vec![],
        }
    }

    fn answered(codec: Codec) -> Self {
        let mut scene = Self::unanswered();
        scene.answer(codec);
        scene
    }

    /// With an agent on the line.
    fn bridged(customer: Codec, agent: Codec) -> Self {
        let mut scene = Self::answered(customer);
        scene.join(agent);
        scene
    }

    fn answer(&mut self, codec: Codec) {
        self.leg.answered(&sdp(codec, ""), self.at(self.now_us), Timestamp::UNIX_EPOCH).unwrap();
    }

    fn at(&self, us: i64) -> Instant {
        self.start + Duration::from_micros(us.try_into().unwrap())
    }

    fn line(&self, codec: Codec) -> SharedLeg {
        let playout = Playout::new(2, 2, 2);
        let codecs = vec![(codec.payload_type(), codec)];
        Arc::new(Mutex::new(AgentLeg::agreed(codecs, Some(101), playout, self.at(self.now_us))))
    }

    fn join(&mut self, codec: Codec) {
        let line = self.line(codec);
        self.put(line);
    }

    fn put(&mut self, line: SharedLeg) {
        let now = self.at(self.now_us);
        self.others.join(line.clone(), &mut self.leg, now);
        self.lines[Party::Agent as usize] = Some(line);
    }

    fn supervise(&mut self, mode: Supervision) {
        let line = self.line(Pcma);
        let now = self.at(self.now_us);
        self.others.supervise(line.clone(), mode, &mut self.leg, now);
        self.lines[Party::Supervisor as usize] = Some(line);
    }

    /// All packets of a speech are put under way.
    fn speak(&mut self, speech: &Speech<'_>) {
        self.streams += 1;
        let samples = speech.packet_ms * 8;
        for n in 0.. {
            let own_us = n * speech.packet_ms * 1_000;
            let real_us = speech.from_us + own_us + own_us * speech.ppm / 1_000_000;
            if real_us >= speech.to_us {
                return;
            }
            let Some(way_us) = (speech.way)(n) else { continue };
            let mut datagram = vec![0; HEADER + samples as usize];
            let fields = Outgoing {
                payload_type: speech.codec.payload_type(),
                marker: n == 0,
                sequence: 65_000_u16.wrapping_add(n as u16),
                timestamp: (u32::MAX - 80_000).wrapping_add((n * samples) as u32),
                ssrc: self.streams,
            };
            let payload = rtp::write(fields, &mut datagram, samples as usize).unwrap();
            payload.iter_mut().zip(n * samples..).for_each(|(byte, sample)| *byte = (speech.voice)(sample));
            let arrival = (real_us + way_us, self.arrivals.len());
            self.arrivals.insert(arrival, (speech.who, datagram));
        }
    }

    /// As the session does it: at every tick what has come is taken first, each packet with the time at which it came.
    fn run_to(&mut self, end_us: i64) {
        loop {
            let due = self.others.next_tick(&self.leg).duration_since(self.start).as_micros() as i64;
            let tick_us = (due.max(self.now_us) as u64).next_multiple_of(5_000) as i64;
            if tick_us > end_us {
                break;
            }
            self.now_us = tick_us;
            self.deliver(tick_us);
            let sent = &mut self.sent;
            let now = self.start + Duration::from_micros(tick_us as u64);
            self.others
                .tick(&mut self.leg, now, |who, datagram, _| sent[who as usize].push((tick_us, datagram.to_vec())));
            self.events.extend(std::iter::from_fn(|| self.leg.next_event()));
            while self.leg.next_frame().is_some() {}
            self.recorded.extend(self.leg.chunk().take(3_200).into_iter().flatten());
            if let Some(aside) = self.leg.aside() {
                self.aside.0 = aside.began();
                self.aside.1.extend(aside.chunk().take(3_200).into_iter().flatten());
            }
        }
        self.deliver(end_us);
        self.now_us = end_us;
    }

    fn deliver(&mut self, until_us: i64) {
        while let Some(entry) = self.arrivals.first_entry().filter(|entry| entry.key().0 <= until_us) {
            let ((at_us, _), (who, datagram)) = entry.remove_entry();
            let at = self.start + Duration::from_micros(at_us as u64);
            match (who, &self.lines[who as usize]) {
                (Party::Customer, _) => self.leg.receive(&datagram, SocketAddr::from(CUSTOMER), at),
                (_, Some(line)) => lock(line).receive(&datagram, CHANNEL, at),
                (_, None) => {}
            }
        }
    }

    /// The bytes that a party was sent, without holes, and when its first packet left.
    fn heard(&self, who: Party) -> (i64, Vec<u8>) {
        let packets = &self.sent[who as usize];
        let stamps: Vec<u32> =
            packets.iter().map(|(_, datagram)| rtp::read(datagram).unwrap().header.timestamp).collect();
        for (pair, (_, datagram)) in stamps.windows(2).zip(packets) {
            assert_eq!(pair[1].wrapping_sub(pair[0]) as usize, datagram.len() - HEADER, "a packet is missing");
        }
        (packets[0].0, packets.iter().flat_map(|(_, datagram)| datagram[HEADER..].to_vec()).collect())
    }

    /// What a party heard, as samples.
    fn ear(&self, who: Party, codec: Codec) -> Vec<i16> {
        let mut pcm = vec![];
        codec.decode(&self.heard(who).1, &mut pcm);
        pcm
    }

    fn end(mut self) -> Recorded {
        let end = self.at(self.now_us);
        self.others.part(&mut self.leg);
        self.others.unsupervise(&mut self.leg);
        let ending = self.leg.finish(end);
        self.recorded.extend(ending.rest);
        let channel = |which| self.recorded.iter().skip(which).step_by(2).copied().collect::<Vec<i16>>();
        let (left, right) = (channel(0), channel(1));
        let (began, mut aside) = self.aside;
        aside.extend(ending.aside);
        if !aside.is_empty() {
            aside.splice(0..0, vec![0; began as usize]);
            assert_eq!(aside.len(), left.len(), "the third track lies beside the others");
        }
        assert_eq!((left.len() as i64, right.len() as i64), (ending.length, ending.length));
        assert_eq!(ending.length, self.now_us / 125, "the file is as long as the call");
        Recorded { left, right, aside, gaps: ending.gaps.len(), company: self.others.finish() }
    }
}

struct Recorded {
    left: Vec<i16>,
    right: Vec<i16>,
    aside: Vec<i16>,
    gaps: usize,
    company: Company,
}

fn sdp(codec: Codec, line: &str) -> Vec<u8> {
    let payload_type = codec.payload_type();
    format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP {payload_type}\r\n{line}"
    )
    .into_bytes()
}

/// Any byte, the same for the same sample.
fn noise(sample: i64) -> u8 {
    ((sample as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

/// A steady level: what a party says when only its presence matters.
fn level(codec: Codec, sample: i16) -> u8 {
    let mut byte = [0];
    codec.encode(&[sample], &mut byte);
    byte[0]
}

/// Where a stretch of one party's bytes lies in what another heard.
fn find(heard: &[u8], said: &[u8]) -> Option<usize> {
    heard.windows(said.len()).position(|window| window == said)
}

/// Ten seconds of every byte that there is, both ways; `law` is what must become of a byte.
fn check_pass_through(customer: Codec, agent: Codec, law: impl Fn(Codec, Codec, u8) -> u8) {
    let mut scene = Scene::bridged(customer, agent);
    for (who, codec) in [(Party::Customer, customer), (Party::Agent, agent)] {
        scene.speak(&Speech::new(who, codec, 10 * SECOND, &noise));
    }
    scene.run_to(10 * SECOND);
    for (from, said_in, to, heard_in) in
        [(Party::Customer, customer, Party::Agent, agent), (Party::Agent, agent, Party::Customer, customer)]
    {
        let (began_us, heard) = scene.heard(to);
        let want: Vec<u8> = (0..9 * 8_000).map(|sample| law(said_in, heard_in, noise(sample))).collect();
        let at = find(&heard, &want[..400]).unwrap_or_else(|| panic!("{to:?} does not hear {from:?}"));
        assert!(heard[at..at + want.len()] == want, "{from:?} to {to:?}: a byte has changed");
        // The first sample came at 3 ms.
        let added_ms = (began_us + at as i64 * 125 - 3_000) / 1_000;
        assert!((5..=40).contains(&added_ms), "{from:?} to {to:?}: {added_ms} ms are added");
    }
}

fn transcoded(from: Codec, to: Codec, byte: u8) -> u8 {
    let mut pcm = vec![];
    from.decode(&[byte], &mut pcm);
    level(to, pcm[0])
}

#[test]
fn a_law_goes_through_byte_for_byte_and_so_does_mu_law_but_for_its_second_zero() {
    check_pass_through(Pcma, Pcma, |_, _, byte| byte);
    check_pass_through(Pcmu, Pcmu, |_, _, byte| if byte == 0x7F { 0xFF } else { byte });
}

#[test]
fn between_the_laws_every_byte_becomes_the_one_nearest_to_it() {
    check_pass_through(Pcma, Pcmu, transcoded);
    check_pass_through(Pcmu, Pcma, transcoded);
}

/// Words of 400 ms with pauses of 100 ms, in which every packet of 20 ms has a level that names it.
fn words(sample: i64) -> u8 {
    let packet = sample / 160;
    if packet % 25 >= 20 { level(Pcma, 0) } else { level(Pcma, amplitude(packet)) }
}

fn amplitude(packet: i64) -> i16 {
    (500.0 * 1.12_f64.powi((packet % 32) as i32)) as i16
}

/// Stretches of one level: where each begins, its length, its sample.
fn stretches(pcm: &[i16]) -> Vec<(i64, i64, i16)> {
    let mut place = 0;
    let runs = pcm.chunk_by(|a, b| a == b).map(|run| {
        place += run.len() as i64;
        (place - run.len() as i64, run.len() as i64, run[0])
    });
    runs.filter(|(_, _, sample)| sample.unsigned_abs() > 300).collect()
}

/// How long each word's packet was under way from its coming until it was sent on, milliseconds, by packet.
fn delays(scene: &Scene, who: Party, came_us: impl Fn(i64) -> i64) -> BTreeMap<i64, i64> {
    let (began_us, _) = scene.heard(who);
    let mut packets = 0..;
    let mut delays = BTreeMap::new();
    let mut words_heard = stretches(&scene.ear(who, Pcma));
    // The end of the call cuts it.
    words_heard.pop();
    for (at, length, sample) in words_heard {
        let said = |packet: &i64| {
            let mut pcm = vec![];
            Pcma.decode(&[words(packet * 160)], &mut pcm);
            pcm[0] == sample
        };
        let packet = packets.find(said).unwrap();
        assert!((150..=170).contains(&length), "packet {packet} lasts {length} samples");
        delays.insert(packet, (began_us + at * 125 - came_us(packet)) / 1_000);
    }
    delays
}

#[test]
fn what_an_agent_says_over_a_bad_network_comes_whole_and_in_order_or_not_at_all() {
    let mut scene = Scene::bridged(Pcma, Pcma);
    let mut dice = Dice::new(7);
    let ways: Vec<Option<i64>> = (0..6_000).map(|_| (dice.below(20) != 0).then(|| dice.below(60_000) as i64)).collect();
    let way = |packet: i64| ways[packet as usize];
    scene.speak(&Speech { way: &way, ..Speech::new(Party::Agent, Pcma, 120 * SECOND, &words) });
    scene.speak(&Speech::new(Party::Customer, Pcma, 120 * SECOND, &words));
    scene.run_to(120 * SECOND);
    let heard = scene.ear(Party::Customer, Pcma);
    let whole = stretches(&heard).iter().filter(|(_, length, _)| (150..=170).contains(length)).count();
    let came = (0..6_000).filter(|packet| packet % 25 < 20 && way(*packet).is_some()).count();
    assert!(whole * 100 >= came * 98, "{whole} of {came} packets were heard whole");
    let got = scene.end();
    assert!(got.company.added_ms_max <= 140, "{} ms were added", got.company.added_ms_max);
    let agent = &got.company.legs[0];
    assert_eq!(agent.name, "agent");
    assert!((200..400).contains(&agent.packets_lost), "{agent:?}");
    assert_eq!(stretches(&got.right).len(), 4_800, "the customer's channel does not suffer");
}

#[test]
fn clocks_that_drift_build_up_no_delay() {
    for ppm in [200, -200] {
        let mut scene = Scene::bridged(Pcma, Pcma);
        scene.speak(&Speech { ppm, ..Speech::new(Party::Agent, Pcma, 600 * SECOND, &words) });
        scene.speak(&Speech { ppm: -ppm, ..Speech::new(Party::Customer, Pcma, 600 * SECOND, &words) });
        scene.run_to(600 * SECOND);
        for (who, ppm) in [(Party::Customer, ppm), (Party::Agent, -ppm)] {
            let came_us = |packet: i64| 3_000 + packet * 20_000 + packet * ppm / 50;
            let delays = delays(&scene, who, came_us);
            let (least, most) = (delays.values().min().unwrap(), delays.values().max().unwrap());
            assert!(*least >= 0 && *most <= 45, "{who:?}, {ppm} ppm: {least} to {most} ms");
            assert!(delays.len() > 23_900, "{who:?} heard {} words' packets", delays.len());
        }
    }
}

#[test]
fn packets_of_any_length_are_heard_without_a_seam() {
    for (their_ms, our_ms) in [(10, 60), (60, 10), (30, 20), (20, 30), (40, 50)] {
        let mut scene = Scene::answered(Pcma);
        let local = Local { address: [127, 0, 0, 1].into(), port: 20_002, codecs: vec![Pcma], session_id: 1 };
        let mut phone = AgentLeg::new(local, Playout::new(2, 2, 2), scene.at(0));
        phone.answered(&sdp(Pcma, &format!("a=ptime:{our_ms}\r\n")), scene.at(0)).unwrap();
        scene.put(Arc::new(Mutex::new(phone)));
        scene.speak(&Speech { packet_ms: their_ms, ..Speech::new(Party::Customer, Pcma, 8 * SECOND, &noise) });
        scene.run_to(8 * SECOND);
        let (_, heard) = scene.heard(Party::Agent);
        let want: Vec<u8> = (0..7 * 8_000).map(noise).collect();
        let at = find(&heard, &want[..800]).unwrap_or_else(|| panic!("{their_ms} to {our_ms}: nothing is heard"));
        assert!(heard[at..at + want.len()] == want, "{their_ms} ms to {our_ms} ms has a seam");
    }
}

#[test]
fn a_click_on_both_sides_at_once_lies_at_one_place_of_both_channels() {
    let mut scene = Scene::bridged(Pcma, Pcma);
    let click = |sample: i64| level(Pcma, if sample % 8_000 < 40 { 8_000 } else { 0 });
    scene.speak(&Speech::new(Party::Agent, Pcma, 60 * SECOND, &click));
    scene.speak(&Speech::new(Party::Customer, Pcma, 60 * SECOND, &click));
    scene.run_to(60 * SECOND);
    let got = scene.end();
    let (left, right) = (stretches(&got.left), stretches(&got.right));
    assert_eq!((left.len(), right.len()), (60, 60));
    for (ours, theirs) in left.iter().zip(&right) {
        let apart_ms = (ours.0 - theirs.0) as f64 / 8.0;
        assert!((0.0..=32.0).contains(&apart_ms), "{apart_ms} ms apart");
    }
    let settled = (left[59].0 - right[59].0) / 8;
    assert!(settled <= 28, "{settled} ms apart after a minute: 17 until the next tick, and the reserve");
    assert_eq!(got.gaps, 0);
}

/// Seconds in which a channel sounds, by a level's sign: above 0 the customer, below 0 the agent, twice as loud the supervisor.
fn sounding(pcm: &[i16], from: i16, to: i16) -> Vec<i64> {
    let sounds = |second: &[i16]| second[2_000..6_000].iter().all(|sample| (from..=to).contains(sample));
    pcm.chunks_exact(8_000).enumerate().filter(|(_, second)| sounds(second)).map(|(n, _)| n as i64).collect()
}

/// A-law has no zero.
const NOBODY: (i16, i16) = (-8, 8);
const AGENT: (i16, i16) = (-1_100, -900);
const CALLER: (i16, i16) = (1_900, 2_100);
const BOTH_WITH_BOSS: (i16, i16) = (7_700, 8_300);

/// The agent says -1000, the customer 2000, the supervisor 6000, all the time.
fn everybody(scene: &mut Scene, seconds: i64) {
    let voices: [(Party, i16); 3] = [(Party::Agent, -1_000), (Party::Customer, 2_000), (Party::Supervisor, 6_000)];
    for (who, sample) in voices {
        let voice = move |_| level(Pcma, sample);
        scene.speak(&Speech::new(who, Pcma, seconds * SECOND, &voice));
    }
}

/// After so many seconds this happens.
type Step = (i64, fn(&mut Others));

#[test]
fn a_muted_agent_is_not_heard_and_on_hold_neither_is_and_the_customers_channel_goes_on() {
    let mut scene = Scene::bridged(Pcma, Pcma);
    everybody(&mut scene, 8);
    let steps: [Step; 4] =
        [(2, |o| o.mute(true)), (4, |o| o.mute(false)), (5, |o| o.hold(true)), (7, |o| o.hold(false))];
    for (second, step) in steps {
        scene.run_to(second * SECOND);
        step(&mut scene.others);
    }
    scene.run_to(8 * SECOND);
    let (customer_hears, agent_hears) = (scene.ear(Party::Customer, Pcma), scene.ear(Party::Agent, Pcma));
    let got = scene.end();
    assert_eq!(sounding(&customer_hears, AGENT.0, AGENT.1), [0, 1, 4, 7]);
    assert_eq!(sounding(&agent_hears, CALLER.0, CALLER.1), [0, 1, 2, 3, 4, 7]);
    assert_eq!(sounding(&got.left, AGENT.0, AGENT.1), [0, 1, 4, 7]);
    assert_eq!(sounding(&got.left, NOBODY.0, NOBODY.1).len(), 4);
    assert_eq!(sounding(&got.right, CALLER.0, CALLER.1), (0..8).collect::<Vec<_>>());
}

#[test]
fn an_agent_is_parted_and_another_joined_and_the_file_goes_on() {
    let mut scene = Scene::bridged(Pcma, Pcma);
    everybody(&mut scene, 9);
    scene.run_to(3 * SECOND);
    scene.others.part(&mut scene.leg);
    // The apology.
    scene.leg.play(vec![vec![-3_000; 8_000].into()]);
    scene.run_to(5 * SECOND);
    scene.join(Pcma);
    scene.run_to(7 * SECOND);
    // The same agent's browser, connected again while the old line still stands.
    scene.join(Pcma);
    scene.run_to(9 * SECOND);
    let customer_hears = scene.ear(Party::Customer, Pcma);
    let got = scene.end();
    for pcm in [&customer_hears, &got.left] {
        assert_eq!(sounding(pcm, AGENT.0, AGENT.1), [0, 1, 2, 5, 6, 7, 8]);
        assert_eq!((sounding(pcm, -3_200, -2_800), sounding(pcm, NOBODY.0, NOBODY.1)), (vec![3], vec![4]));
    }
    assert_eq!(sounding(&got.right, CALLER.0, CALLER.1), (0..9).collect::<Vec<_>>());
    let names: Vec<&str> = got.company.legs.iter().map(|leg| leg.name.as_str()).collect();
    assert_eq!(names, ["agent", "agent", "agent"]);
}

#[test]
fn a_supervisor_listens_whispers_and_barges_and_is_in_neither_channel() {
    let mut scene = Scene::bridged(Pcma, Pcma);
    scene.supervise(Supervision::Listen);
    everybody(&mut scene, 6);
    scene.run_to(2 * SECOND);
    scene.others.supervise_as(Supervision::Whisper);
    scene.run_to(4 * SECOND);
    scene.others.supervise_as(Supervision::Barge);
    scene.run_to(5 * SECOND);
    scene.others.unsupervise(&mut scene.leg);
    scene.run_to(6 * SECOND);
    let ear = |who| scene.ear(who, Pcma);
    assert_eq!(sounding(&ear(Party::Agent), BOTH_WITH_BOSS.0, BOTH_WITH_BOSS.1), [2, 3, 4]);
    assert_eq!(sounding(&ear(Party::Agent), CALLER.0, CALLER.1), [0, 1, 5]);
    assert_eq!(sounding(&ear(Party::Customer), 4_800, 5_200), [4]);
    assert_eq!(sounding(&ear(Party::Customer), AGENT.0, AGENT.1), [0, 1, 2, 3, 5]);
    assert_eq!(sounding(&ear(Party::Supervisor), 900, 1_100), [0, 1, 2, 3, 4], "both, added up");
    let got = scene.end();
    assert_eq!(sounding(&got.left, AGENT.0, AGENT.1), (0..6).collect::<Vec<_>>());
    assert_eq!(sounding(&got.right, CALLER.0, CALLER.1), (0..6).collect::<Vec<_>>());
    assert_eq!(got.company.legs.iter().map(|leg| leg.name.as_str()).collect::<Vec<_>>(), ["supervisor", "agent"]);
    assert_eq!(sounding(&got.aside, 5_800, 6_200), [2, 3, 4], "whispered or said to both, never while he listened");
    assert_eq!(sounding(&got.aside, NOBODY.0, NOBODY.1), [0, 1, 5]);
}

#[test]
fn a_supervisor_who_only_listens_leaves_no_track_and_a_word_lies_where_it_was_said() {
    let mut scene = Scene::bridged(Pcma, Pcma);
    scene.supervise(Supervision::Listen);
    everybody(&mut scene, 2);
    scene.run_to(2 * SECOND);
    assert!(scene.end().aside.is_empty());

    // A word of 100 ms at 70.5 s, far beyond the window that is kept in memory.
    let mut scene = Scene::bridged(Pcma, Pcma);
    scene.supervise(Supervision::Whisper);
    let word = |sample: i64| level(Pcma, if (564_000..564_800).contains(&sample) { 5_000 } else { 0 });
    scene.speak(&Speech::new(Party::Supervisor, Pcma, 72 * SECOND, &word));
    scene.run_to(72 * SECOND);
    let got = scene.end();
    let loud = |pcm: &[i16]| pcm.iter().position(|sample| sample.unsigned_abs() > 4_000);
    let at = loud(&got.aside).expect("the word");
    assert!((564_000..564_000 + 400).contains(&at), "at {at}: the line takes 3 ms, the ear at most 30 more");
    assert_eq!(got.aside[at..].iter().filter(|sample| sample.unsigned_abs() > 4_000).count(), 800);
    assert_eq!((loud(&got.left), loud(&got.right)), (None, None));
}

#[test]
fn before_the_answer_an_agent_hears_early_media_and_is_not_heard() {
    let mut scene = Scene::unanswered();
    scene.join(Pcma);
    scene.leg.early(&sdp(Pcma, ""), scene.at(0)).unwrap();
    everybody(&mut scene, 6);
    scene.run_to(3 * SECOND);
    scene.answer(Pcma);
    scene.run_to(6 * SECOND);
    assert_eq!(sounding(&scene.ear(Party::Agent, Pcma), CALLER.0, CALLER.1), (0..6).collect::<Vec<_>>());
    assert_eq!(sounding(&scene.ear(Party::Customer, Pcma), AGENT.0, AGENT.1), [3, 4, 5]);
    let got = scene.end();
    assert_eq!(
        (sounding(&got.left, AGENT.0, AGENT.1), sounding(&got.left, NOBODY.0, NOBODY.1)),
        (vec![3, 4, 5], vec![0, 1, 2])
    );
}

/// The agent's line is joined before the INVITE, the customer speaks from his answer on, and his 200 is read a while after it was sent.
#[test]
fn an_agent_hears_the_customer_within_200_ms_of_the_answer_and_whole_from_when_it_was_read() {
    for late_us in [0, 15_000, 60_000, 120_000] {
        let mut scene = Scene::unanswered();
        scene.join(Pcma);
        scene.speak(&Speech { from_us: SECOND, ..Speech::new(Party::Customer, Pcma, 3 * SECOND, &noise) });
        scene.run_to(SECOND + late_us);
        scene.answer(Pcma);
        scene.run_to(3 * SECOND);
        let (began_us, heard) = scene.heard(Party::Agent);
        let said: Vec<u8> = (0..8_000).map(noise).collect();
        let at = find(&heard, &said[1_600..]).expect("he hears all that is said 200 ms after the answer");
        let sooner = heard[..at].iter().rev().zip(said[..1_600].iter().rev()).take_while(|(heard, said)| heard == said);
        let sooner = sooner.count() as i64;
        let first_heard_us = began_us + (at as i64 - sooner) * 125 - SECOND;
        let missing_us = (1_600 - sooner) * 125;
        assert!(first_heard_us <= 200_000, "{late_us} us late: heard {first_heard_us} us after the answer");
        assert!(missing_us <= late_us, "{late_us} us late: the first {missing_us} us are missing");
    }
}

#[test]
fn an_agents_first_packet_silence_and_return_are_told_once_each() {
    let mut scene = Scene::bridged(Pcma, Pcma);
    let voice = |_| level(Pcma, 1_000);
    scene.speak(&Speech::new(Party::Agent, Pcma, 2 * SECOND, &voice));
    scene.run_to(6 * SECOND);
    scene.speak(&Speech { from_us: 6 * SECOND, ..Speech::new(Party::Agent, Pcma, 8 * SECOND, &voice) });
    scene.run_to(8 * SECOND);
    let told: Vec<&MediaEvent> = scene.events.iter().filter(|e| !matches!(e, MediaEvent::FirstSent { .. })).collect();
    let [MediaEvent::AgentHeard { at }, MediaEvent::AgentSilent { since }, MediaEvent::AgentBack] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((*at, *since), (scene.at(3_000), scene.at(1_983_000)));
}

#[test]
fn a_desk_phone_that_holds_its_line_is_not_silent_and_the_file_goes_on() {
    let mut scene = Scene::answered(Pcma);
    let local = Local { address: [127, 0, 0, 1].into(), port: 20_002, codecs: vec![Pcma], session_id: 1 };
    let phone = Arc::new(Mutex::new(AgentLeg::new(local, Playout::new(2, 2, 2), scene.at(0))));
    lock(&phone).answered(&sdp(Pcma, ""), scene.at(0)).unwrap();
    scene.put(phone.clone());
    everybody(&mut scene, 2);
    scene.run_to(2 * SECOND);
    lock(&phone).reoffer(&sdp(Pcma, "a=sendonly\r\n"), scene.at(2 * SECOND)).unwrap();
    let sent = scene.sent[Party::Agent as usize].len();
    scene.run_to(5 * SECOND);
    assert_eq!(scene.sent[Party::Agent as usize].len(), sent, "nothing is sent to who holds us");
    assert!(!scene.events.iter().any(|event| matches!(event, MediaEvent::AgentSilent { .. })), "{:?}", scene.events);
    lock(&phone).reoffer(&sdp(Pcma, "a=sendrecv\r\n"), scene.at(5 * SECOND)).unwrap();
    scene.run_to(7 * SECOND);
    assert!(scene.events.iter().any(|event| matches!(event, MediaEvent::AgentSilent { .. })), "now it should speak");
    scene.end();
}
