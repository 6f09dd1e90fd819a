//! `huifang doctor`: says what is missing on this machine, and on its lines, before a customer notices.

mod lines;

use super::{ConfigFile, open_store};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::engine::site::Site;
use crate::media::wav;
use std::path::Path;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigFile,
}

/// One line of the answer.
#[derive(Debug)]
struct Finding {
    what: String,
    result: Result<String, String>,
}

fn finding(what: &str, result: Result<String, String>) -> Finding {
    Finding { what: what.to_owned(), result }
}

/// One line per check; exit status 1 if one failed.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    println!("ok    configuration");
    let mut found = vec![
        finding("programmes, scripts, prompts, rubric", data(&config)),
        finding("database", database(&config).await),
        finding("recordings folder", recordings(&config)),
        finding("speech model", file(&config.model_path(&config.stt.model))),
        finding("voice activity model", file(&config.model_path(&config.stt.vad_model))),
        finding("streaming recogniser", streaming(&config)),
    ];
    found.extend(lines::check(&config).await);
    let mut failed = false;
    for Finding { what, result } in found {
        match result {
            Ok(detail) => println!("ok    {what}: {detail}"),
            Err(detail) => {
                failed = true;
                println!("FAIL  {what}: {detail}");
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn data(config: &Config) -> Result<String, String> {
    let site = Site::load(config).map_err(|e| e.to_string())?;
    Ok(site.rules.calendar.coverage_warning(SystemClock.now()).unwrap_or_else(|| "complete".into()))
}

async fn database(config: &Config) -> Result<String, String> {
    let store = open_store(config).await.map_err(|e| e.to_string())?;
    store.close().await;
    Ok(config.database.url.clone())
}

fn recordings(config: &Config) -> Result<String, String> {
    let folder = &config.recordings.store;
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let free = wav::free_mb(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let floor = config.recordings.min_free_mb;
    if free < floor {
        return Err(format!("{free} MB free, {floor} MB wanted: nothing will be dialled"));
    }
    Ok(format!("{}, {free} MB free", folder.display()))
}

fn file(path: &Path) -> Result<String, String> {
    if path.is_file() {
        Ok(path.display().to_string())
    } else {
        Err(format!("{} is missing: huifang models fetch", path.display()))
    }
}

fn streaming(config: &Config) -> Result<String, String> {
    file(&config.model_path(&config.stt.streaming_library))?;
    file(&config.model_path(&config.stt.streaming_model).join("am/final.mdl"))
}
