//! Arguments and subcommands. Each subcommand has a file; this one only reads the arguments and reports the error.
//!
//! Contract: rc 0 = done, 1 = failed with one line on stderr, 2 = the arguments are wrong (clap).

pub mod accounts;
pub mod audit;
pub mod config;
pub mod customer;
pub mod demo;
pub mod doctor;
pub mod jsonl;
pub mod models;
pub mod recordings;
pub mod score;
pub mod serve;
pub mod simulate;
pub mod transcribe;

use crate::config::Config;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "huifang",
    version,
    about = "回访: after-sales visit calls, recorded, transcribed, scored and audited"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Waits(Waits),
    /// Write down a recording: stereo (agent left, customer right) or mono
    Transcribe(transcribe::Args),
    /// Satisfaction levels of answers, JSON Lines in and out
    Score(score::ScoreArgs),
    /// Scores, facts and conduct of whole dialogues, JSON Lines in and out
    Audit(audit::AuditArgs),
    /// Days on a virtual clock: what would be late with so many seats, and how many are enough
    Simulate(simulate::Args),
    /// List or fetch the speech models
    Models(models::Args),
    /// Check the configuration, or print the defaults
    Config(config::Args),
}

/// What waits for sockets, files or people.
#[derive(Subcommand)]
enum Waits {
    /// Run everything in one process
    Serve(serve::Args),
    /// One visit from the SMS to the scored report, on this machine, with a simulated customer
    Demo(demo::Args),
    #[command(hide = true)]
    Customer(customer::Args),
    /// Check, mend or prune recordings
    Recordings(recordings::Args),
    /// Add, list or disable users
    User(accounts::UserArgs),
    /// Add, list or revoke tokens
    Token(accounts::TokenArgs),
    /// Say what is missing on this machine
    Doctor(doctor::Args),
    /// Bring the database up to date and stop
    Migrate(ConfigFile),
}

/// Where the configuration comes from.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ConfigFile {
    /// TOML file; defaults need none. HUIFANG__SECTION__KEY variables override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ConfigFile {
    pub fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref())?)
    }
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("huifang: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> anyhow::Result<ExitCode> {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        anyhow::bail!("another TLS provider is installed already");
    }
    // What only computes or blocks runs without a runtime.
    match command {
        Command::Transcribe(args) => transcribe::run(&args, &Config::load(None)?)?,
        Command::Simulate(args) => simulate::run(&args)?,
        Command::Models(args) => models::run(&args)?,
        Command::Score(args) => score::run(args)?,
        Command::Audit(args) => audit::run(args)?,
        Command::Config(args) => config::run(args)?,
        Command::Waits(command) => {
            return tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(command));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn run(command: Waits) -> anyhow::Result<ExitCode> {
    match command {
        Waits::Serve(args) => serve::run(args).await?,
        Waits::Demo(args) => demo::run(args).await?,
        Waits::Customer(args) => customer::run(args).await?,
        Waits::Recordings(args) => return recordings::run(args).await,
        Waits::User(args) => accounts::user(args).await?,
        Waits::Token(args) => accounts::token(args).await?,
        Waits::Doctor(args) => return doctor::run(args).await,
        Waits::Migrate(file) => {
            let config = file.load()?;
            open_store(&config).await?.close().await;
            println!("database is up to date: {}", config.database.url);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The database of the configuration, migrated.
pub async fn open_store(config: &Config) -> anyhow::Result<crate::store::Store> {
    let clock = std::sync::Arc::new(crate::clock::SystemClock);
    Ok(crate::store::Store::open(&config.database.url, clock).await?)
}
