//! Load on the line: N recorded one-leg calls at once against SIPps, which answer at once and send every packet back.
//!
//! The engine is the real binary with its shipped script and prompts, without speech models, so that what is measured is the line alone:
//! signalling, RTP both ways, voice activity, prompts and two recorded channels. Each step starts a fresh engine on a fresh store, hands in N
//! SMS over HTTP, waits until N calls are up, measures a steady window, and judges every call by its own record and its file.
//! Prints a Markdown table; `--json FILE` writes every figure. Needs `sipp` (Debian package sip-tester) and a machine that does nothing else.
//! It is no criterion benchmark: `cargo bench --bench line -- --calls 10,50`. `-- --bridge --calls 50,200` measures
//! calls of two legs instead, in this process (see `bridge`), and `-- --browser --calls 1,10,40` agents in browsers against the whole engine (see
//! `browser`). Does not measure: transcription.

mod bridge;
mod browser;
mod engine;
mod far;
mod report;
#[path = "../../tests/it/support/softphone.rs"]
mod softphone;
mod usage;

use anyhow::Context;
use clap::Parser;
use engine::{Engine, Who};
use far::FarEnds;
use huifang::clock::{Clock, SystemClock};
use report::{Dropped, Step};
use std::path::PathBuf;
use std::time::Duration;
use usage::Stolen;

#[derive(Parser)]
pub struct Args {
    /// Calls at once, step by step
    #[arg(long, value_delimiter = ',', default_value = "10,50,100,200,400")]
    calls: Vec<usize>,
    /// Length of the steady window
    #[arg(long, default_value_t = 20)]
    window_s: u64,
    /// Calls begun per second
    #[arg(long, default_value_t = 50)]
    per_second: usize,
    /// The engine to measure; default: the one built with this benchmark
    #[arg(long, default_value = env!("CARGO_BIN_EXE_huifang"))]
    engine: PathBuf,
    /// Where recordings and database are written; default: a temporary folder
    #[arg(long)]
    store: Option<PathBuf>,
    #[arg(long)]
    json: Option<PathBuf>,
    /// Calls of two legs instead, a customer's and an agent's, without SIP
    #[arg(long)]
    bridge: bool,
    /// Agents in browsers instead: WebRTC on one side, the trunk on the other
    #[arg(long, conflicts_with = "bridge")]
    browser: bool,
    /// `cargo bench` passes it
    #[arg(long, hide = true)]
    bench: bool,
}

/// The calls have settled after so long.
const SETTLING: Duration = Duration::from_secs(3);
/// Between the end of the window and the first hang-up.
const MARGIN: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    rustls::crypto::ring::default_provider().install_default().ok();
    if args.bridge {
        println!("{}", bridge::HEAD);
        for calls in &args.calls {
            println!("{}", bridge::step(&args, *calls).await.with_context(|| format!("{calls} calls"))?);
        }
        return Ok(());
    }
    if args.browser {
        println!("{}", browser::HEAD);
        for calls in &args.calls {
            println!("{}", browser::step(&args, *calls).await.with_context(|| format!("{calls} calls"))?);
        }
        return Ok(());
    }
    let recorder = usage::recorder_percent(args.store.as_deref())?;
    println!("{}", report::head());
    let mut steps = vec![];
    for calls in &args.calls {
        let step = step(&args, *calls, recorder).await.with_context(|| format!("{calls} calls"))?;
        println!("{}", step.row());
        steps.push(step);
    }
    if let Some(file) = &args.json {
        std::fs::write(file, serde_json::to_string_pretty(&steps)?).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

async fn step(args: &Args, calls: usize, recorder_percent: f64) -> anyhow::Result<Step> {
    let folder = match &args.store {
        Some(store) => tempfile::tempdir_in(store)?,
        None => tempfile::tempdir()?,
    };
    let ramp = Duration::from_secs((calls / args.per_second) as u64 + 2);
    let window = Duration::from_secs(args.window_s);
    let far = FarEnds::start(folder.path(), calls, ramp + SETTLING + window + MARGIN, None).await?;
    let engine = Engine::start(&args.engine, folder.path(), &far.addresses(), args.per_second, Who::Machine).await?;
    engine.hand_in(calls).await?;
    engine.wait_until(calls, "answered_at").await?;
    tokio::time::sleep(SETTLING).await;
    let (before, from, stolen) = (engine.usage()?, SystemClock.now(), Stolen::now()?);
    tokio::time::sleep(window).await;
    let (after, to) = (engine.usage()?, SystemClock.now());
    let stolen_percent = stolen.percent()?;
    let dropped = Dropped { engine: engine.dropped()?, far: far.dropped()? };
    engine.wait_until(calls, "outcome").await?;
    let rows = engine.calls().await?;
    let recordings = folder.path().join("recordings");
    let step = Step::new(
        calls,
        &rows,
        &recordings,
        report::Window { from, to, before, after, dropped, stolen_percent },
        recorder_percent,
    )?;
    engine.stop().await?;
    Ok(step)
}
