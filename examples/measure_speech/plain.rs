//! The same model without what `stt` adds: no voice detection, no packing, each channel whole, greedy, the decoder's own windows.

use crate::corpus::{LINE_HZ, Turn, recorded_call, sorted, stem};
use crate::errors::Errors;
use crate::{Engines, channel_errors, cpu_seconds, whisper_text};
use anyhow::{Context, Result};
use huifang::clock;
use huifang::domain::transcript::Channel;
use huifang::stt::{CallAudio, audio, transcribe_call};
use std::ffi::c_int;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters};

const MODEL_HZ: u32 = 16_000;

/// What one way of transcribing a call came to.
struct Run {
    wall_s: f64,
    cpu_s: f64,
    customer: Errors,
}

pub fn compare(engines: &Engines, model: &Path, dir: &Path) -> Result<()> {
    let model = WhisperContext::new_with_params(
        model.to_str().context("a path that is not UTF-8")?,
        WhisperContextParameters::default(),
    )?;
    println!("| call | s | | wall s | CPU s per call s | customer CER % |\n|-|-|-|-|-|-|");
    for path in sorted(dir, "json")? {
        let (turns, left, right) = recorded_call(&path)?;
        let seconds = left.len() as f64 / LINE_HZ as f64;
        let rows = [
            ("huifang, both channels", ours(engines, &left, &right, &turns)?),
            ("huifang, customer only (unattended)", ours(engines, &[], &right, &turns)?),
            ("plain, 1 thread", plainly(&model, 1, &left, &right, &turns)?),
            ("plain, 2 threads", plainly(&model, 2, &left, &right, &turns)?),
        ];
        for (what, run) in rows {
            println!(
                "| {} | {seconds:.0} | {what} | {:.1} | {:.2} | {:.1} |",
                stem(&path),
                run.wall_s,
                run.cpu_s / seconds,
                run.customer.percent()
            );
        }
    }
    Ok(())
}

/// Without the second opinion, which plain use has not.
fn ours(engines: &Engines, left: &[i16], right: &[i16], turns: &[Turn]) -> Result<Run> {
    let said: Vec<_> = turns.iter().filter(|t| t.who == Channel::Customer).map(|t| (t.start, t.end)).collect();
    let audio = CallAudio { agent: left, customer: right, customer_turns: &said };
    let (cpu, started) = (cpu_seconds()?, clock::monotonic());
    let transcript = transcribe_call(&engines.whisper, None, audio, &mut |_| {}, &AtomicBool::new(false))?;
    let (wall_s, cpu_s) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    Ok(Run { wall_s, cpu_s, customer: channel_errors(turns, &transcript.segments, Channel::Customer, whisper_text) })
}

fn plainly(model: &WhisperContext, threads: c_int, left: &[i16], right: &[i16], turns: &[Turn]) -> Result<Run> {
    let (cpu, started) = (cpu_seconds()?, clock::monotonic());
    let mut heard = String::new();
    for (who, pcm) in [(Channel::Agent, left), (Channel::Customer, right)] {
        let samples = audio::resample(pcm, LINE_HZ as u32, MODEL_HZ)?;
        let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        params.set_language(Some("zh"));
        params.set_n_threads(threads);
        params.set_print_progress(false);
        let mut state = model.create_state()?;
        state.full(params, &samples)?;
        if who == Channel::Customer {
            heard = state.as_iter().filter_map(|s| s.to_str_lossy().ok().map(|t| t.into_owned())).collect();
        }
    }
    let (wall_s, cpu_s) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let said: String = turns.iter().filter(|t| t.who == Channel::Customer).map(|t| t.text.as_str()).collect();
    Ok(Run { wall_s, cpu_s, customer: Errors::between(&said, &heard) })
}
