//! `huifang config check|default`.

use super::ConfigFile;
use crate::config::Config;
use clap::Subcommand;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Read and validate; prints nothing but ok or the first error
    Check(ConfigFile),
    /// Print every key with its default
    Default,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    match args.what {
        What::Check(file) => {
            let config = file.load()?;
            crate::app::check_data(&config)?;
            crate::sip::check_trunks(&config.trunks)?;
            crate::sip::check_phones(&config.seats)?;
            println!("ok");
        }
        What::Default => print!("{}", toml::to_string_pretty(&Config::default())?),
    }
    Ok(())
}
