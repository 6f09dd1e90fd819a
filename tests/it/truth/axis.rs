//! Every packet of a simulated call is looked for in the samples that came out: it lies within 20 ms of its true place, once, at its own speed;
//! what is missing is listed as a gap; nothing is in the other channel; the length is exact.
//!
//! After the far end's clock changed (the first packet, another stream, a leap) the engine has to find out where it lies from packets that the
//! network delayed by chance: for a few seconds ([`settling_us`]) the error may be as large as the jitter and a frame.
//!
//! `make soak` simulates hours and hundreds of lines; without it the same claims are made for minutes and a few.

use super::line::{Act, Course, Outcome, Spoken, level, run};
use crate::support::impair::{Dice, Weather};
use huifang::domain::recording::manifest::GapReason;
use huifang::media::codec::{Codec, FRAME};

const NEAR: i64 = 160;
/// The axis follows a clock by at most so many samples a packet.
const SLIDE: i64 = 8;
/// Silences this short are no gap.
const SHORTEST: i64 = 40 + SLIDE;

const QUIET: Weather = Weather { loss: 0, burst: 0, delay_ms: 30, jitter_ms: 0, twice: 0, cut: 0 };
const BAD: Weather = Weather { loss: 5, jitter_ms: 60, ..QUIET };
const AWFUL: Weather = Weather { burst: 1, jitter_ms: 200, twice: 10, ..BAD };

/// Three seconds at up to 60 ms of jitter, five at 200 ms.
fn settling_us(jitter_ms: i64) -> i64 {
    3_000_000 + (jitter_ms - 60).max(0) * 2_000_000 / 140
}

/// Seeds of `make soak`.
fn soak() -> Option<u64> {
    std::env::var("HUIFANG_SOAK_SEEDS").ok().map(|seeds| seeds.parse().unwrap())
}

/// A stretch in which one level sounds, in samples.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: i64,
    to: i64,
    level: usize,
}

/// Stretches of one value: first sample, end, value.
fn stretches(pcm: &[i16]) -> impl Iterator<Item = (i64, i64, i16)> {
    let mut place = 0;
    pcm.chunk_by(|a, b| a == b).map(move |same| {
        let from = place;
        place += same.len() as i64;
        (from, place, same[0])
    })
}

fn sounds(pcm: &[i16]) -> Vec<Run> {
    stretches(pcm).filter_map(|(from, to, sample)| Some(Run { from, to, level: level(sample)? })).collect()
}

/// The packet of this level whose place is nearest.
fn packet_of(run: Run, spoken: &[Spoken], levels: usize) -> usize {
    let next = spoken.partition_point(|packet| packet.at < run.from);
    let near = next.saturating_sub(levels)..(next + levels).min(spoken.len());
    let named = near.filter(|number| number % levels == run.level);
    named.min_by_key(|number| (spoken[*number].at - run.from).abs()).expect("a packet of this level")
}

/// Every packet that came is at its place, once, whole, and no other sound is there.
fn check_customer(title: &str, course: &Course, got: &Outcome) {
    let mut times_heard = vec![0; got.spoken.len()];
    let jitter_ms = course.weather.jitter_ms as i64;
    let (slack, settling_us) = (jitter_ms * 8, settling_us(jitter_ms));
    // Packets that overtook this one have moved the axis meanwhile.
    let slides = SLIDE * (1 + jitter_ms / 20);
    let whole = FRAME as i64 - slides..=FRAME as i64 + slides;
    for run in sounds(&got.customer) {
        let number = packet_of(run, &got.spoken, super::line::LEVELS);
        let packet = got.spoken[number];
        times_heard[number] += 1;
        let error = run.from - packet.at;
        let settled = packet.settled_us > settling_us;
        let allowed = if settled { NEAR } else { NEAR + slack };
        assert!(error.abs() <= allowed, "{title}: packet {number} is {error} samples off: {run:?} {packet:?}");
        let length = run.to - run.from;
        let at_the_end = run.to == got.length;
        // The next stream begins at its own place, within what the axis may be off from the last packets of the one before.
        let next = &got.spoken[number + 1..(number + 3).min(got.spoken.len())];
        let at_a_seam = next.iter().any(|next| next.settled_us < packet.settled_us);
        assert!(
            whole.contains(&length) || !settled || at_the_end || at_a_seam,
            "{title}: packet {number} lasts {length} samples"
        );
    }
    for (number, (packet, times)) in got.spoken.iter().zip(times_heard).enumerate() {
        let settled = packet.settled_us > settling_us;
        assert!(times <= usize::from(packet.arrives), "{title}: packet {number} sounds {times} times: {packet:?}");
        let lasting = packet.at + NEAR < got.length;
        assert!(
            times == 1 || !packet.arrives || !settled || !lasting,
            "{title}: packet {number} came and is not there: {packet:?}"
        );
    }
}

/// What we sent lies where it was sent, to the sample in length.
fn check_agent(title: &str, got: &Outcome) {
    let heard = sounds(&got.agent);
    assert!(!got.sent.is_empty(), "{title}: no prompt was sent");
    assert_eq!(heard.len(), got.sent.len(), "{title}: prompts");
    for (run, (sent_at, level)) in heard.iter().zip(&got.sent) {
        let length = (FRAME as i64).min(got.length - run.from);
        assert_eq!((run.level, run.to - run.from), (*level, length), "{title}: {run:?}");
        assert!((run.from - sent_at).abs() <= NEAR, "{title}: sent at {sent_at}, recorded at {run:?}");
    }
}

/// Silences of the customer's channel and the gaps listed (in seconds) are the same; `chosen` says which silence is none.
pub fn check_gaps(title: &str, customer: &[i16], listed: &[(f64, f64)], chosen: impl Fn(i64, i64) -> bool) {
    let place = |seconds: f64| (seconds * 8_000.0).round() as i64;
    let mut gaps: Vec<(i64, i64)> = vec![];
    for (from, to) in listed.iter().map(|(from, to)| (place(*from), place(*to))) {
        match gaps.last_mut() {
            Some(last) if from <= last.1 + SLIDE => last.1 = to,
            _ => gaps.push((from, to)),
        }
    }
    for (from, to, sample) in stretches(customer) {
        if sample != 0 || to - from < SHORTEST || chosen(from, to) {
            continue;
        }
        let listed = gaps.iter().any(|gap| (gap.0 - from).abs() <= SHORTEST && (gap.1 - to).abs() <= SHORTEST);
        assert!(listed, "{title}: silence {from}..{to} is not among the gaps {gaps:?}");
    }
    for (from, to) in gaps {
        let silent = &customer[(from + SLIDE) as usize..(to - SLIDE) as usize];
        assert!(silent.iter().all(|sample| *sample == 0), "{title}: gap {from}..{to} is not silent");
    }
}

/// The sender kept silent on purpose here.
fn is_chosen(course: &Course, from: i64, to: i64) -> bool {
    course.acts.iter().any(|(second, act)| {
        let at = second * 8_000;
        matches!(act, Act::Silent(ms) | Act::Frozen(ms) if from < at + ms * 8 + 8_000 && to > at)
    })
}

fn check(title: &str, course: &Course) -> Outcome {
    let got = run(course);
    let length = (course.seconds * 1_000 * 8) - 100;
    assert_eq!((got.length, got.agent.len() as i64, got.customer.len() as i64), (length, length, length), "{title}");
    assert!(got.agent.iter().all(|sample| *sample <= 0), "{title}: the customer in our channel");
    assert!(got.customer.iter().all(|sample| *sample >= 0), "{title}: we in the customer's channel");
    check_customer(title, course, &got);
    check_agent(title, &got);
    let listed: Vec<_> = got.gaps.iter().map(|gap| (gap.from_s, gap.to_s)).collect();
    check_gaps(title, &got.customer, &listed, |from, to| is_chosen(course, from, to));
    got
}

#[test]
fn ten_minutes_at_five_percent_loss_and_60_ms_jitter_stay_within_20_ms_and_every_loss_is_listed() {
    let got = check("ten minutes", &Course::new(600, BAD, 1));
    let spoken = got.spoken.len() as u64;
    assert!((spoken * 4 / 100..spoken * 6 / 100).contains(&got.lost), "{} of {spoken} lost", got.lost);
    let missing = got.spoken.iter().filter(|packet| !packet.arrives).count() as u64;
    assert!(missing - got.lost <= 5, "{missing} did not come, {} are counted", got.lost);
    let listed = |gap: &&huifang::domain::recording::manifest::Gap| gap.reason == GapReason::Loss;
    let seconds: f64 = got.gaps.iter().filter(listed).map(|gap| gap.to_s - gap.from_s).sum();
    assert!((seconds - got.lost as f64 * 0.02).abs() < 0.5, "{seconds} s of gaps for {} packets", got.lost);
}

#[test]
fn a_far_clock_200_ppm_slow_or_fast_stays_within_20_ms() {
    // Five minutes of it are 60 ms.
    let seconds = if soak().is_some() { 3_600 } else { 300 };
    check("slow", &Course { ppm: 200, ..Course::new(seconds, BAD, 2) });
    check("fast", &Course { ppm: -200, ..Course::new(seconds, BAD, 2) });
}

#[test]
fn burst_loss_repetition_and_200_ms_jitter_stay_within_20_ms() {
    check("awful", &Course::new(if soak().is_some() { 600 } else { 120 }, AWFUL, 3));
}

#[test]
fn a_far_end_that_changes_its_stream_its_clock_its_codec_or_its_mind_stays_on_the_axis() {
    let acts = [
        ("new stream", vec![(8, Act::NewStream)]),
        ("timestamps leap ahead", vec![(8, Act::Leap(1_000_000))]),
        ("timestamps leap back", vec![(8, Act::Leap(-1_000_000))]),
        ("chosen silence", vec![(8, Act::Silent(7_000))]),
        ("timestamps stand still in silence", vec![(8, Act::Frozen(7_000))]),
        ("codec", vec![(8, Act::Speak(Codec::Pcmu)), (16, Act::Speak(Codec::Pcma))]),
        ("hold", vec![(8, Act::Hold), (16, Act::Resume)]),
    ];
    for (title, acts) in acts {
        for (weather, network) in [("a quiet line", QUIET), ("a bad line", BAD)] {
            let course = Course { acts: acts.clone(), ..Course::new(24, network, 4) };
            check(&format!("{title} on {weather}"), &course);
        }
    }
}

#[test]
fn any_line_and_any_far_end_stay_on_the_axis() {
    for seed in 0..soak().unwrap_or(8) {
        let mut dice = Dice::new(seed << 32);
        let weather = Weather {
            loss: dice.below(8),
            burst: dice.below(2),
            delay_ms: dice.below(150),
            jitter_ms: *dice.pick(&[0, 20, 40, 60, 120, 200]),
            twice: dice.below(20),
            cut: 0,
        };
        let mut acts = vec![];
        for second in [10, 20, 30, 40] {
            let act = match dice.below(7) {
                0 => Act::NewStream,
                1 => Act::Leap(dice.between(-8_000_000, 8_000_000) as i32),
                2 => Act::Silent(dice.between(100, 4_000)),
                3 => Act::Frozen(dice.between(1_000, 4_000)),
                4 => Act::Speak(*dice.pick(&Codec::ALL)),
                5 => Act::Hold,
                _ => Act::Resume,
            };
            acts.push((second, act));
        }
        let course = Course { ppm: dice.between(-300, 300), acts, ..Course::new(55, weather, seed) };
        check(&format!("seed {seed}: {weather:?} {:?} {} ppm", course.acts, course.ppm), &course);
    }
}
