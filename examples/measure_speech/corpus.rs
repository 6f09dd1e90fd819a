//! What is listened to: recorded calls, and calls composed of single answers, as a line in A-law brings them.

use anyhow::{Context, Result};
use huifang::demo::customer::{CustomerScript, load_all};
use huifang::domain::score::Indicator;
use huifang::domain::script::{PromptId, PromptManifest};
use huifang::domain::transcript::Channel;
use huifang::media::codec::Codec;
use huifang::media::prompts::read_clip;
use serde_json::Value;
use std::path::{Path, PathBuf};

pub const LINE_HZ: usize = 8_000;
const MANIFEST: &str = include_str!("../../prompts/manifest.tsv");
/// Questions that have an indicator, by the names of their prompts.
const RATED: [(&str, Indicator); 5] = [
    ("sat_skill", Indicator::Skill),
    ("sat_attitude", Indicator::Attitude),
    ("sat_timeliness", Indicator::Timeliness),
    ("sat_parts", Indicator::Parts),
    ("sat_overall", Indicator::Overall),
];
/// Of the loudest: a voice has begun.
const ONSET: i16 = 50;

pub struct Turn {
    pub who: Channel,
    pub start: f64,
    pub end: f64,
    pub text: String,
}

/// A rated answer.
pub struct Rated {
    pub asked: Indicator,
    pub question: String,
    /// What a person gives it; `None`: nothing.
    pub level: Option<u8>,
}

/// One customer's channel of a call that was put together of his rated answers.
pub struct Talk {
    pub pcm: Vec<i16>,
    pub turns: Vec<Turn>,
    /// Of each turn.
    pub rated: Vec<Rated>,
}

/// The customers of a folder who rate anything, `pause_s` of silence around each answer. `treat` is given each answer with its question.
pub fn talks(dir: &Path, pause_s: usize, treat: impl Fn(&str, Vec<i16>) -> Result<Vec<i16>>) -> Result<Vec<Talk>> {
    let manifest = PromptManifest::parse(MANIFEST)?;
    let mut talks = vec![];
    for script in load_all(dir)? {
        let mut talk = Talk { pcm: vec![0; pause_s * LINE_HZ], turns: vec![], rated: vec![] };
        for (prompt, asked) in RATED {
            let Some(answer) = script.answer(prompt) else { continue };
            let question = manifest.text(&[PromptId::new(prompt)]);
            let voice = treat(prompt, read_clip(&script.wav(answer))?.to_vec())?;
            talk.add(voice, answer.text.clone(), Rated { asked, question, level: level(&script, asked) });
            talk.pcm.extend(vec![0; pause_s * LINE_HZ]);
        }
        if !talk.turns.is_empty() {
            talk.pcm = over_the_line(&talk.pcm);
            talks.push(talk);
        }
    }
    Ok(talks)
}

/// All of them one after another on one channel.
pub fn in_one(talks: Vec<Talk>) -> Talk {
    let mut long = Talk { pcm: vec![], turns: vec![], rated: vec![] };
    for mut talk in talks {
        let offset = seconds(long.pcm.len());
        let later = talk.turns.drain(..).map(|t| Turn { start: t.start + offset, end: t.end + offset, ..t });
        long.turns.extend(later);
        long.rated.append(&mut talk.rated);
        long.pcm.append(&mut talk.pcm);
    }
    long
}

impl Talk {
    /// Time counts from the first sound of the voice to its last.
    fn add(&mut self, voice: Vec<i16>, text: String, rated: Rated) {
        let peak = voice.iter().map(|s| s.saturating_abs()).max().unwrap_or(0);
        let sounds = |s: &i16| s.saturating_abs() > peak / ONSET;
        let begins = voice.iter().position(sounds).unwrap_or(0);
        let ends = voice.iter().rposition(sounds).unwrap_or(voice.len());
        let at = self.pcm.len();
        let (start, end) = (seconds(at + begins), seconds(at + ends));
        self.turns.push(Turn { who: Channel::Customer, start, end, text });
        self.rated.push(rated);
        self.pcm.extend(voice);
    }

    pub fn seconds(&self) -> f64 {
        seconds(self.pcm.len())
    }
}

fn level(script: &CustomerScript, asked: Indicator) -> Option<u8> {
    script.expected.scores.get(asked.name()).copied().flatten()
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / LINE_HZ as f64
}

/// G.711 A-law and back.
pub fn over_the_line(pcm: &[i16]) -> Vec<i16> {
    let mut coded = vec![0; pcm.len()];
    Codec::Pcma.encode(pcm, &mut coded);
    let mut out = Vec::with_capacity(pcm.len());
    Codec::Pcma.decode(&coded, &mut out);
    out
}

pub fn recorded_call(json: &Path) -> Result<(Vec<Turn>, Vec<i16>, Vec<i16>)> {
    let call: Value = serde_json::from_slice(&std::fs::read(json)?)?;
    let turns = call["turns"].as_array().context("no turns")?;
    let turns = turns.iter().map(|t| Turn {
        who: if t["who"] == "A" { Channel::Agent } else { Channel::Customer },
        start: t["start"].as_f64().unwrap_or_default(),
        end: t["end"].as_f64().unwrap_or_default(),
        text: t["text"].as_str().unwrap_or_default().into(),
    });
    let both = samples(&json.with_file_name(format!("{}_8k_stereo.wav", stem(json))))?;
    let side = |n: usize| both.iter().skip(n).step_by(2).copied().collect();
    Ok((turns.collect(), side(0), side(1)))
}

fn samples(wav: &Path) -> Result<Vec<i16>> {
    let mut reader = hound::WavReader::open(wav).with_context(|| wav.display().to_string())?;
    Ok(reader.samples::<i16>().collect::<Result<_, _>>()?)
}

pub fn sorted(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.retain(|p| p.extension().is_some_and(|e| e == extension));
    paths.sort();
    Ok(paths)
}

pub fn stem(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}
