//! `huifang serve`: everything in one process, until SIGINT or SIGTERM. SIGHUP reads the programmes again.

use super::ConfigFile;
use crate::app::App;
use crate::telemetry::{self, DEFAULT_FILTER, LogFormat};
use anyhow::Context;
use std::io::Write;
use tokio::signal::unix::{SignalKind, signal};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// What this process does; more machines come later
    #[arg(long, default_value = "all", value_parser = ["all"])]
    role: String,
    /// One JSON object per log line
    #[arg(long)]
    json_log: bool,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    telemetry::init(if args.json_log { LogFormat::Json } else { LogFormat::Text }, DEFAULT_FILTER)?;
    tracing::debug!(role = args.role, "starting");
    let config = args.config.load()?;
    let app = App::start(config).await?;
    say(&format!("console  http://{}/", app.http));
    if let Some(sip) = app.sip {
        say(&format!("sip      udp {sip}"));
    }
    if let Some(first) = &app.first_administrator {
        say(&format!(
            "first administrator, shown once: user {} password {} token {}",
            first.name, first.password, first.token
        ));
    }
    let mut again = signal(SignalKind::hangup()).context("SIGHUP")?;
    let end = wait_for_signal();
    tokio::pin!(end);
    loop {
        tokio::select! {
            ended = &mut end => break ended?,
            // What came of it is in the log; a set that is not usable changes nothing.
            Some(()) = again.recv() => match app.engine.reload("SIGHUP").await {
                Ok(loaded) => say(&format!("programmes were read again: {}", loaded.len())),
                Err(error) => say(&format!("programmes stay as they were: {error}")),
            },
        }
    }
    say("stopping: calls in progress are ended and written");
    app.stop().await
}

/// To standard output. Whoever read it may be gone (`println!` would panic and take the calls in progress with it).
fn say(line: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{line}") {
        tracing::debug!(%error, "nobody reads the standard output");
    }
}

/// Returns at the first SIGINT or SIGTERM.
pub async fn wait_for_signal() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
