//! Measures the recognisers on recorded and on composed calls; the figures of docs/speech.md.
//!
//! Without arguments: every table of that page over the audio of this repository. One of them, or over other audio:
//! `settings [DIR]` and `conditions [DIR]` read `*/script.json` with one WAV per answer (the form of `demo/customers`) and compose a call of
//! each customer's rated answers; `calls [DIR]` reads `*.json` (turns with who, start, end, text) beside `<id>_8k_stereo.wav`;
//! `plain DIR` reads calls and sets the engine beside the same model used plainly, each channel whole as `whisper-cli` does; `memory DIR`
//! transcribes two calls at once and prints the most memory used. The folder of the models is `HUIFANG_MODELS`, by default `models`; the model
//! of record in it `HUIFANG_MODEL`, by default `ggml-base.bin`. What was heard goes to standard error. Error rates: characters without
//! marks, digits as 汉字.

mod conditions;
mod corpus;
mod errors;
mod plain;
mod settings;
mod tally;

use anyhow::{Context, Result, bail};
use corpus::{LINE_HZ, Turn, recorded_call, sorted, stem};
use errors::Errors;
use huifang::clock;
use huifang::domain::transcript::{Channel, Segment};
use huifang::stt::scripted::Scripted;
use huifang::stt::{CallAudio, transcribe_call, vosk::Vosk, whisper::Whisper};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const CUSTOMERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/customers");
const CALLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/speech");

struct Engines {
    whisper: Whisper,
    vosk: Vosk,
}

/// What both engines made of a call, and the CPU seconds that each took.
struct Hearing {
    segments: Vec<Segment>,
    whisper_cpu_s: f64,
    vosk_cpu_s: f64,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let models = PathBuf::from(std::env::var("HUIFANG_MODELS").unwrap_or_else(|_| "models".into()));
    let model = models.join(std::env::var("HUIFANG_MODEL").unwrap_or_else(|_| "ggml-base.bin".into()));
    let whisper = Whisper::load(&model, &models.join("ggml-silero-v6.2.0.bin"), "zh", 1)?;
    let vosk = Vosk::open(&models.join("libvosk.so"), &models.join("vosk-model-small-cn-0.22"))?;
    let mut engines = Engines { whisper, vosk };
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            calls(&engines, Path::new(CALLS))?;
            settings::table(&mut engines, Path::new(CUSTOMERS))?;
            conditions::tables(&mut engines, Path::new(CUSTOMERS))
        }
        ["calls"] => calls(&engines, Path::new(CALLS)),
        ["calls", dir] => calls(&engines, Path::new(dir)),
        ["settings"] => settings::table(&mut engines, Path::new(CUSTOMERS)),
        ["settings", dir] => settings::table(&mut engines, Path::new(dir)),
        ["conditions"] => conditions::tables(&mut engines, Path::new(CUSTOMERS)),
        ["conditions", dir] => conditions::tables(&mut engines, Path::new(dir)),
        ["plain", dir] => plain::compare(&engines, &model, Path::new(dir)),
        ["memory", dir] => memory(&engines, Path::new(dir)),
        _ => bail!("usage: measure_speech [settings|conditions|calls [DIR]] | plain DIR | memory DIR"),
    }
}

fn calls(engines: &Engines, dir: &Path) -> Result<()> {
    println!("| call | s | agent CER % | customer CER % | customer, vosk | CPU s per call s |\n|-|-|-|-|-|-|");
    let mut all = [Errors::default(); 3];
    for path in sorted(dir, "json")? {
        let (turns, left, right) = recorded_call(&path)?;
        let hearing = engines.hear(&left, &right, &turns)?;
        let seconds = left.len() as f64 / LINE_HZ as f64;
        let errors = [
            channel_errors(&turns, &hearing.segments, Channel::Agent, whisper_text),
            channel_errors(&turns, &hearing.segments, Channel::Customer, whisper_text),
            channel_errors(&turns, &hearing.segments, Channel::Customer, vosk_text),
        ];
        for (sum, one) in all.iter_mut().zip(errors) {
            sum.add(one);
        }
        let [a, c, v] = errors.map(Errors::percent);
        println!("| {} | {seconds:.0} | {a:.1} | {c:.1} | {v:.1} | {:.2} |", stem(&path), hearing.cpu_s() / seconds);
    }
    let [a, c, v] = all.map(Errors::percent);
    println!("| all | | {a:.1} | {c:.1} | {v:.1} | |");
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
    fn hear(&self, agent: &[i16], customer: &[i16], turns: &[Turn]) -> Result<Hearing> {
        let customer_turns: Vec<(f64, f64)> =
            turns.iter().filter(|t| t.who == Channel::Customer).map(|t| (t.start, t.end)).collect();
        let audio = CallAudio { agent, customer, customer_turns: &customer_turns };
        let (before, started, go_on) = (cpu_seconds()?, clock::monotonic(), AtomicBool::new(false));
        let first = transcribe_call(&self.whisper, None, audio, &mut |_| {}, &go_on)?;
        let between = cpu_seconds()?;
        // The second engine is given the first one's segments.
        let again = Scripted { segments: first.segments };
        let both = transcribe_call(&again, Some(&self.vosk), audio, &mut |_| {}, &go_on)?;
        eprintln!("{:.1} s wall", started.elapsed().as_secs_f64());
        let (whisper_cpu_s, vosk_cpu_s) = (between - before, cpu_seconds()? - between);
        Ok(Hearing { segments: both.segments, whisper_cpu_s, vosk_cpu_s })
    }
}

impl Hearing {
    fn cpu_s(&self) -> f64 {
        self.whisper_cpu_s + self.vosk_cpu_s
    }
}

fn whisper_text(s: &Segment) -> String {
    s.text.clone()
}

fn vosk_text(s: &Segment) -> String {
    s.also_heard.iter().map(|h| h.text.as_str()).collect()
}

fn channel_errors(turns: &[Turn], segments: &[Segment], who: Channel, text: fn(&Segment) -> String) -> Errors {
    let said: String = turns.iter().filter(|t| t.who == who).map(|t| t.text.as_str()).collect();
    let heard: String = segments.iter().filter(|s| s.channel == who).map(text).collect();
    Errors::between(&said, &heard)
}

/// User and system time of the process.
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks: u64 = fields.get(11..13).context("short stat")?.iter().map(|f| f.parse::<u64>().unwrap_or(0)).sum();
    Ok(ticks as f64 / 100.0)
}
