//! What a line does to a voice, a call that is long, a voice in no language, and sounds that are no voice.

use crate::corpus::{LINE_HZ, Talk, in_one, over_the_line, talks};
use crate::settings::{QUESTION_S, header, row};
use crate::tally::Tally;
use crate::{Engines, vosk_text};
use anyhow::Result;
use huifang::media::prompts::read_clip;
use huifang::stt::settings::Settings;
use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

/// Every third customer is listened to in each condition; all of them only in the long call.
const HEARD: usize = 3;
/// Between the answers of the long call.
const LONG_PAUSE_S: usize = 20;
const PROMPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/prompts");

type Treatment = fn(&str, Vec<i16>) -> Result<Vec<i16>>;

pub fn tables(engines: &mut Engines, dir: &Path) -> Result<()> {
    let (chosen, levelled) = (Settings::default(), Settings { level: true, ..Settings::default() });
    let conditions: [(&str, Settings, Treatment); 9] = [
        ("as they were spoken", chosen, |_, voice| Ok(voice)),
        ("20 dB softer", chosen, |_, voice| Ok(by(&voice, 0.1))),
        ("20 dB softer, levelled", levelled, |_, voice| Ok(by(&voice, 0.1))),
        ("35 dB softer", chosen, |_, voice| Ok(by(&voice, 0.018))),
        ("35 dB softer, levelled", levelled, |_, voice| Ok(by(&voice, 0.018))),
        ("clipped, 18 dB too loud", chosen, |_, voice| Ok(by(&voice, 8.0))),
        ("white noise 10 dB below", chosen, |_, voice| Ok(noisy(&voice))),
        ("the question beneath it, 15 dB below", chosen, crossed),
        ("played backwards: no language", chosen, |_, voice| Ok(voice.into_iter().rev().collect())),
    ];
    header("condition");
    for (name, settings, treat) in conditions {
        let heard: Vec<Talk> = talks(dir, QUESTION_S, treat)?.into_iter().skip(HEARD - 1).step_by(HEARD).collect();
        measure(engines, name, settings, &heard)?;
    }
    let long = in_one(talks(dir, LONG_PAUSE_S, |_, voice| Ok(voice))?);
    let name = format!("all of them in one call of {:.0} minutes", long.seconds() / 60.0);
    measure(engines, &name, chosen, &[long])?;
    no_voice(engines)
}

fn measure(engines: &mut Engines, name: &str, settings: Settings, talks: &[Talk]) -> Result<()> {
    engines.whisper.listen_by(settings);
    let mut tally = Tally::default();
    for talk in talks {
        tally.add(talk, &engines.hear(&[], &talk.pcm, &talk.turns)?);
    }
    row(name, &tally);
    Ok(())
}

/// Text that comes of sounds without a voice, none of it right.
fn no_voice(engines: &mut Engines) -> Result<()> {
    let chosen = Settings::default();
    let ways = [
        ("as shipped", chosen),
        ("levelled to -3 dBFS", Settings { level: true, ..chosen }),
        ("no voice detection", Settings { find_speech: false, ..chosen }),
        ("nor prompt", Settings { find_speech: false, prompt: false, ..chosen }),
    ];
    let sounds = [
        ("silence", vec![0; 20 * LINE_HZ]),
        ("ring-back", tones(20, |t| if t % 5.0 < 1.0 { vec![450.0] } else { vec![] })),
        ("music", tones(20, |t| MELODY[(t * 3.0) as usize % MELODY.len()].to_vec())),
        ("line noise", noise(20 * LINE_HZ, 60.0)),
        ("loud noise", noise(20 * LINE_HZ, 6_000.0)),
    ];
    println!("\n| characters heard in | {} |\n|-|-|-|-|-|-|", sounds.each_ref().map(|(name, _)| *name).join(" | "));
    for (name, settings) in ways {
        engines.whisper.listen_by(settings);
        let mut cells = vec![];
        for (_, pcm) in &sounds {
            let heard = engines.hear(&[], &over_the_line(pcm), &[])?.segments;
            let text: String = heard.iter().map(|s| format!("{} {}", s.text, vosk_text(s))).collect();
            eprintln!("{name}: {text}");
            cells.push(text.chars().filter(|c| c.is_alphanumeric()).count().to_string());
        }
        println!("| {name} | {} |", cells.join(" | "));
    }
    engines.whisper.listen_by(chosen);
    Ok(())
}

/// Three voices of a hold tune, Hz.
const MELODY: [[f64; 3]; 6] = [
    [261.6, 329.6, 392.0],
    [293.7, 349.2, 440.0],
    [329.6, 392.0, 493.9],
    [349.2, 440.0, 523.3],
    [329.6, 392.0, 493.9],
    [246.9, 293.7, 392.0],
];

/// Each tone with three overtones, as far as the line carries them.
fn tones(seconds: usize, at: impl Fn(f64) -> Vec<f64>) -> Vec<i16> {
    let sample = |n: usize| {
        let t = n as f64 / LINE_HZ as f64;
        let voices =
            at(t).into_iter().flat_map(|hz| (1..=3).map(move |k| (f64::from(k) * hz * t * TAU).sin() / f64::from(k)));
        (voices.sum::<f64>() * 3_000.0) as i16
    };
    (0..seconds * LINE_HZ).map(sample).collect()
}

/// The same in every run.
fn noise(samples: usize, level: f64) -> Vec<i16> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state >> 8) / f64::from(1 << 23) - 1.0) * level
    };
    (0..samples).map(|_| next() as i16).collect()
}

fn by(voice: &[i16], gain: f64) -> Vec<i16> {
    voice.iter().map(|s| (f64::from(*s) * gain) as i16).collect()
}

fn mixed(voice: &[i16], under: &[i16]) -> Vec<i16> {
    let beneath = under.iter().copied().chain(std::iter::repeat(0));
    voice.iter().zip(beneath).map(|(a, b)| a.saturating_add(b)).collect()
}

fn power(voice: &[i16]) -> f64 {
    (voice.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / voice.len().max(1) as f64).sqrt()
}

fn noisy(voice: &[i16]) -> Vec<i16> {
    // An even distribution has the power of its peak by the root of three.
    mixed(voice, &noise(voice.len(), power(voice) * 3.0_f64.sqrt() / 10.0_f64.sqrt()))
}

/// What the agent's loudspeaker gives back: the question goes on while he answers.
fn crossed(prompt: &str, voice: Vec<i16>) -> Result<Vec<i16>> {
    let question = read_clip(&PathBuf::from(PROMPTS).join(format!("{prompt}.wav")))?;
    Ok(mixed(&voice, &by(&question, 0.178)))
}
