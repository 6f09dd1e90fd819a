//! `huifang models list|fetch`: which speech models there are, which are here, and getting them.

use crate::stt::models::fetch::megabytes;
use crate::stt::models::{FileState, Manifest, ModelEntry, fetch};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Which models there are and which are here.
    List(Folder),
    /// Get models and check their hashes; what is already there stays.
    Fetch(FetchArgs),
}

#[derive(Clone, Debug, clap::Args)]
pub struct Folder {
    /// Folder of the models.
    #[arg(long, env = "HUIFANG_MODELS", default_value = "models")]
    pub dir: PathBuf,
}

#[derive(Clone, Debug, clap::Args)]
pub struct FetchArgs {
    /// Names as `models list` shows them; none: the default ones.
    pub names: Vec<String>,
    #[command(flatten)]
    pub folder: Folder,
}

/// # Errors
/// A folder that cannot be read or written; models that could not be fetched, each with the reason per route.
pub fn run(args: &Args) -> Result<()> {
    let manifest = Manifest::built_in()?;
    match &args.command {
        Command::List(folder) => list(&manifest, &folder.dir),
        Command::Fetch(args) => fetch_all(&manifest, &args.names, &args.folder.dir),
    }
}

fn list(manifest: &Manifest, dir: &Path) -> Result<()> {
    println!("models in {}", dir.display());
    for model in &manifest.models {
        let kind = if model.default { "default" } else { "choice" };
        let (state, size) = (state(model, dir)?, megabytes(model.bytes()));
        println!("{:<24}{size:>8}  {kind:<8}{state:<9}{:<11}{}", model.name, model.licence, model.what);
    }
    Ok(())
}

fn state(model: &ModelEntry, dir: &Path) -> Result<&'static str> {
    let states = model.files.iter().map(|f| f.glance(dir).with_context(|| dir.join(&f.path).display().to_string()));
    let states: Vec<FileState> = states.collect::<Result<_>>()?;
    Ok(match () {
        () if states.iter().all(|s| *s == FileState::Whole) => "here",
        () if states.iter().all(|s| *s == FileState::Missing) => "missing",
        () => "broken",
    })
}

fn fetch_all(manifest: &Manifest, names: &[String], dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("folder {} cannot be made", dir.display()))?;
    let wanted: Vec<&str> = match names {
        [] => manifest.models.iter().filter(|m| m.default).map(|m| m.name.as_str()).collect(),
        names => names.iter().map(String::as_str).collect(),
    };
    let mut failures = Vec::new();
    for name in wanted {
        if let Err(error) = fetch(manifest, name, dir, &mut |line| eprintln!("{line}")) {
            failures.push(error.to_string());
        }
    }
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("; ")) }
}
