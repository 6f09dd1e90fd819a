//! The settings of listening, one changed at a time, over the rated answers of customers.

use crate::Engines;
use crate::corpus::talks;
use crate::tally::Tally;
use anyhow::Result;
use huifang::stt::settings::{Resampling, Settings, Windows};
use std::path::Path;

/// Silence between answers, while the agent would ask the next question.
pub const QUESTION_S: usize = 3;

pub fn table(engines: &mut Engines, dir: &Path) -> Result<()> {
    let chosen = Settings::default();
    let ways = [
        ("as shipped", chosen),
        ("no prompt", Settings { prompt: false, ..chosen }),
        ("packed, cuts as they fall", Settings { windows: Windows::Packed, ..chosen }),
        ("a pass for each answer", Settings { windows: Windows::Single, ..chosen }),
        ("beam of 5", Settings { beam: 5, ..chosen }),
        ("no voice detection", Settings { find_speech: false, ..chosen }),
        ("linear resampling", Settings { resampling: Resampling::Linear, ..chosen }),
        ("levelled to -3 dBFS", Settings { level: true, ..chosen }),
    ];
    let talks = talks(dir, QUESTION_S, |_, voice| Ok(voice))?;
    header("setting");
    for (name, settings) in ways {
        engines.whisper.listen_by(settings);
        let mut tally = Tally::default();
        for talk in &talks {
            tally.add(talk, &engines.hear(&[], &talk.pcm, &talk.turns)?);
        }
        row(name, &tally);
    }
    engines.whisper.listen_by(chosen);
    Ok(())
}

pub fn header(what: &str) {
    println!(
        "\n| {what} | CER % | Vosk's | words exact | by sound | Vosk exact | either | denied | false hits | levels right, whisper | both | lost, moved | worst start s | CPU s per s: whisper, Vosk |"
    );
    println!("|-|-|-|-|-|-|-|-|-|-|-|-|-|-|");
}

pub fn row(name: &str, t: &Tally) {
    println!(
        "| {name} | {:.1} | {:.1} | {} | {} | {} | {} | {} | {} | {} | {} | {}, {} | {:.2} | {:.2}, {:.2} |",
        t.whisper.percent(),
        t.vosk.percent(),
        t.exact,
        t.sound,
        t.second,
        t.either,
        t.denied,
        t.false_hits,
        t.alone,
        t.both,
        t.lost,
        t.moved,
        t.worst_start_s(),
        t.whisper_cpu_s / t.seconds,
        t.vosk_cpu_s / t.seconds
    );
}
