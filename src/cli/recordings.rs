//! `huifang recordings verify|repair|prune`.

use super::{ConfigFile, open_store};
use crate::clock::{Clock, SystemClock};
use crate::domain::recording::manifest::{RecordingInfo, RecordingState};
use crate::media::wav::{self, Verdict};
use crate::store::Store;
use crate::store::page::PageRequest;
use crate::store::recording::RecordingFilter;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Compare every recording, and every track beside it, with its length and hash; exit status 1 if one differs
    Verify(ConfigFile),
    /// Mend files that a killed engine left open (the engine must be stopped; `serve` does it at start too)
    Repair(ConfigFile),
    /// Delete recordings and SIP traces older than recordings.retention_days; the rows stay, marked as pruned
    Prune(ConfigFile),
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Verify(file) => verify(&file).await,
        What::Repair(file) => repair(&file).await,
        What::Prune(file) => prune(&file).await,
    }
}

/// Walks every recording the database knows.
async fn for_each(
    store: &Store,
    filter: &RecordingFilter,
    mut act: impl AsyncFnMut(RecordingInfo) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut page = PageRequest::first();
    loop {
        let found = store.recordings(filter, &page).await?;
        for recording in found.items {
            act(recording.info).await?;
        }
        match found.next {
            Some(cursor) => page = PageRequest::new(None, Some(cursor))?,
            None => return Ok(()),
        }
    }
}

async fn verify(file: &ConfigFile) -> anyhow::Result<ExitCode> {
    let config = file.load()?;
    let store = open_store(&config).await?;
    let (mut intact, mut bad) = (0u32, 0u32);
    for_each(&store, &RecordingFilter::default(), async |info| {
        match info.state {
            RecordingState::Pruned | RecordingState::Open => return Ok(()),
            RecordingState::Complete | RecordingState::Repaired | RecordingState::Missing => {}
        }
        let folder = &config.recordings.store;
        let tracks = info.tracks.iter().map(|track| (&track.file, wav::verify_track(folder, track)));
        for (file, verdict) in std::iter::once((&info.file, wav::verify(folder, &info))).chain(tracks) {
            match verdict {
                Verdict::Intact => intact += 1,
                Verdict::Missing => {
                    bad += 1;
                    println!("{file}: missing");
                }
                Verdict::Changed { detail } | Verdict::Unreadable { detail } => {
                    bad += 1;
                    println!("{file}: {detail}");
                }
            }
        }
        Ok(())
    })
    .await?;
    println!("{intact} intact, {bad} bad");
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn repair(file: &ConfigFile) -> anyhow::Result<ExitCode> {
    let config = file.load()?;
    let store = open_store(&config).await?;
    let outcome = crate::engine::recovery::recover_recordings(&store, &config.recordings.store).await?;
    println!("{} mended, {} beyond repair", outcome.mended, outcome.failed);
    Ok(if outcome.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn prune(file: &ConfigFile) -> anyhow::Result<ExitCode> {
    let config = file.load()?;
    if config.recordings.retention_days == 0 {
        println!("recordings.retention_days = 0: everything is kept");
        return Ok(ExitCode::SUCCESS);
    }
    let store = open_store(&config).await?;
    let keep = jiff::SignedDuration::from_hours(24 * i64::from(config.recordings.retention_days));
    let before = SystemClock.now() - keep;
    let mut pruned = 0u32;
    let old = RecordingFilter { before: Some(before), ..Default::default() };
    for_each(&store, &old, async |mut info| {
        if !matches!(info.state, RecordingState::Complete | RecordingState::Repaired) {
            return Ok(());
        }
        wav::remove(&config.recordings.store, &info)?;
        info.state = RecordingState::Pruned;
        store.put_recording(&info).await?;
        pruned += 1;
        Ok(())
    })
    .await?;
    let traces = store.prune_sip_traces(before).await?;
    println!(
        "{pruned} recordings and {traces} SIP traces deleted (older than {} days)",
        config.recordings.retention_days
    );
    Ok(ExitCode::SUCCESS)
}
