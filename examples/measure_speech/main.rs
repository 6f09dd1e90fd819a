//! Measures the recognisers on recorded and on composed calls; the figures of docs/speech.md.
//!
//! `measure_speech calls DIR` reads `*.json` (turns with who, start, end, text) beside `<id>_8k_stereo.wav`;
//! `measure_speech customers DIR` reads `*/script.json` with one WAV per answer and composes a call of each customer's
//! satisfaction answers; `measure_speech plain DIR` reads calls and sets the engine beside the same model used plainly, each channel
//! whole as `whisper-cli` does; `measure_speech memory DIR` transcribes two calls at once and prints the most memory used. Models come from `HUIFANG_MODELS`, by default `models`. Error rates: characters without marks, digits as 汉字.

mod errors;
mod plain;

use anyhow::{Context, Result, bail};
use errors::Errors;
use huifang::clock;
use huifang::domain::transcript::{Channel, Segment};
use huifang::stt::{CallAudio, transcribe_call, vosk::Vosk, whisper::Whisper};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const LINE_HZ: usize = 8_000;
/// Silence between composed answers, while the agent would ask the next question.
const QUESTION: usize = 3 * LINE_HZ;

struct Turn {
    who: Channel,
    start: f64,
    end: f64,
    text: String,
}

struct Engines {
    whisper: Whisper,
    vosk: Vosk,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let models = PathBuf::from(std::env::var("HUIFANG_MODELS").unwrap_or_else(|_| "models".into()));
    let whisper = Whisper::load(&models.join("ggml-base.bin"), &models.join("ggml-silero-v6.2.0.bin"), "zh", 1)?;
    let vosk = Vosk::open(&models.join("libvosk.so"), &models.join("vosk-model-small-cn-0.22"))?;
    let engines = Engines { whisper, vosk };
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["calls", dir] => calls(&engines, Path::new(dir)),
        ["customers", dir] => customers(&engines, Path::new(dir)),
        ["plain", dir] => plain::compare(&engines, &models.join("ggml-base.bin"), Path::new(dir)),
        ["memory", dir] => memory(&engines, Path::new(dir)),
        _ => bail!("usage: measure_speech calls|customers|plain|memory DIR"),
    }
}

fn calls(engines: &Engines, dir: &Path) -> Result<()> {
    println!("| call | s | agent CER % | customer CER % | customer, vosk | CPU s per call s |\n|-|-|-|-|-|-|");
    let mut all = [Errors::default(); 3];
    for path in sorted(dir, "json")? {
        let (turns, left, right) = recorded_call(&path)?;
        let (segments, cpu) = engines.hear(&left, &right, &turns)?;
        let seconds = left.len() as f64 / LINE_HZ as f64;
        let errors = [
            channel_errors(&turns, &segments, Channel::Agent, whisper_text),
            channel_errors(&turns, &segments, Channel::Customer, whisper_text),
            channel_errors(&turns, &segments, Channel::Customer, vosk_text),
        ];
        for (sum, one) in all.iter_mut().zip(errors) {
            sum.add(one);
        }
        let [a, c, v] = errors.map(Errors::percent);
        println!("| {} | {seconds:.0} | {a:.1} | {c:.1} | {v:.1} | {:.2} |", stem(&path), cpu / seconds);
    }
    let [a, c, v] = all.map(Errors::percent);
    println!("| all | | {a:.1} | {c:.1} | {v:.1} | |");
    Ok(())
}

fn customers(engines: &Engines, dir: &Path) -> Result<()> {
    println!("| said | whisper | vosk |\n|-|-|-|");
    let (mut whisper, mut vosk, mut cpu_sum, mut seconds) = (Errors::default(), Errors::default(), 0.0, 0.0);
    let mut folders: Vec<PathBuf> = std::fs::read_dir(dir)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    folders.sort();
    for script in folders.iter().map(|f| f.join("script.json")).filter(|s| s.is_file()) {
        let (turns, pcm) = composed_call(&script)?;
        if turns.is_empty() {
            continue;
        }
        let (segments, cpu) = engines.hear(&[], &pcm, &turns)?;
        cpu_sum += cpu;
        seconds += pcm.len() as f64 / LINE_HZ as f64;
        for turn in &turns {
            let heard = during(&segments, turn);
            let texts = [whisper_text, vosk_text].map(|text| heard.iter().map(|s| text(s)).collect::<String>());
            whisper.add(Errors::between(&turn.text, &texts[0]));
            vosk.add(Errors::between(&turn.text, &texts[1]));
            println!("| {} | {} | {} |", turn.text, texts[0], texts[1]);
        }
    }
    println!(
        "\nCER % whisper {:.1}, vosk {:.1}; CPU s per call s {:.2}",
        whisper.percent(),
        vosk.percent(),
        cpu_sum / seconds
    );
    Ok(())
}

/// Two jobs at once, each with both engines, as two workers would.
fn memory(engines: &Engines, dir: &Path) -> Result<()> {
    let two: Vec<_> = sorted(dir, "json")?.iter().take(2).map(|p| recorded_call(p)).collect::<Result<_>>()?;
    std::thread::scope(|scope| {
        let jobs: Vec<_> =
            two.iter().map(|(turns, left, right)| scope.spawn(move || engines.hear(left, right, turns))).collect();
        jobs.into_iter().try_for_each(|job| job.join().map_err(|_| anyhow::anyhow!("a job panicked"))?.map(drop))
    })?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!("{} jobs at once; {}", two.len(), status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("?"));
    Ok(())
}

impl Engines {
    fn hear(&self, agent: &[i16], customer: &[i16], turns: &[Turn]) -> Result<(Vec<Segment>, f64)> {
        let customer_turns: Vec<(f64, f64)> =
            turns.iter().filter(|t| t.who == Channel::Customer).map(|t| (t.start, t.end)).collect();
        let audio = CallAudio { agent, customer, customer_turns: &customer_turns };
        let before = cpu_seconds()?;
        let started = clock::monotonic();
        let transcript = transcribe_call(&self.whisper, Some(&self.vosk), audio, &mut |_| {}, &AtomicBool::new(false))?;
        eprintln!("{:.1} s wall", started.elapsed().as_secs_f64());
        Ok((transcript.segments, cpu_seconds()? - before))
    }
}

fn whisper_text(s: &Segment) -> String {
    s.text.clone()
}

fn vosk_text(s: &Segment) -> String {
    s.also_heard.iter().map(|h| h.text.as_str()).collect()
}

fn during<'a>(segments: &'a [Segment], turn: &Turn) -> Vec<&'a Segment> {
    segments
        .iter()
        .filter(|s| s.channel == turn.who && (turn.start..turn.end).contains(&s.start.midpoint(s.end)))
        .collect()
}

fn channel_errors(turns: &[Turn], segments: &[Segment], who: Channel, text: fn(&Segment) -> String) -> Errors {
    let said: String = turns.iter().filter(|t| t.who == who).map(|t| t.text.as_str()).collect();
    let heard: String = segments.iter().filter(|s| s.channel == who).map(text).collect();
    Errors::between(&said, &heard)
}

fn recorded_call(json: &Path) -> Result<(Vec<Turn>, Vec<i16>, Vec<i16>)> {
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

fn composed_call(script: &Path) -> Result<(Vec<Turn>, Vec<i16>)> {
    let script_json: Value = serde_json::from_slice(&std::fs::read(script)?)?;
    let mut turns = Vec::new();
    let mut pcm = vec![0_i16; QUESTION];
    for answer in script_json["answers"].as_array().context("no answers")? {
        let (q, wav) = (answer["q"].as_str().unwrap_or_default(), answer["wav"].as_str().unwrap_or_default());
        if !q.starts_with("sat_") && !q.starts_with("probe_") {
            continue;
        }
        let voice = samples(&script.with_file_name(wav))?;
        let at = |n: usize| n as f64 / LINE_HZ as f64;
        let (start, end) = (at(pcm.len()), at(pcm.len() + voice.len()));
        turns.push(Turn {
            who: Channel::Customer,
            start,
            end,
            text: answer["text"].as_str().unwrap_or_default().into(),
        });
        pcm.extend(voice);
        pcm.extend(vec![0; QUESTION]);
    }
    Ok((turns, pcm))
}

fn samples(wav: &Path) -> Result<Vec<i16>> {
    let mut reader = hound::WavReader::open(wav).with_context(|| wav.display().to_string())?;
    Ok(reader.samples::<i16>().collect::<Result<_, _>>()?)
}

fn sorted(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.retain(|p| p.extension().is_some_and(|e| e == extension));
    paths.sort();
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

/// User and system time of the process.
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks: u64 = fields.get(11..13).context("short stat")?.iter().map(|f| f.parse::<u64>().unwrap_or(0)).sum();
    Ok(ticks as f64 / 100.0)
}
