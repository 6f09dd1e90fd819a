//! `huifang customer` (hidden): a simulated customer in a process of his own, for `huifang demo`.

use crate::demo::customer::CustomerScript;
use crate::demo::phone::{LineState, Phone};
use crate::demo::talk::{Customer, ear};
use crate::media::prompts::Prompts;
use anyhow::Context;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Folder with script.json and the answers
    #[arg(long)]
    script: PathBuf,
    /// The prompts he can recognise
    #[arg(long, default_value = "prompts")]
    prompts: PathBuf,
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Says where he can be called, takes one call, says how it went. Fails unless the conversation ended as his script wants it.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let customer = Customer::new(CustomerScript::load(&args.script)?)?;
    let ear = ear(&Prompts::load(&args.prompts)?);
    let mut phone = Phone::bind(args.listen).await.with_context(|| format!("sip {}", args.listen))?;
    println!("sip {}", phone.addr());
    let call = phone.incoming().await.context("the telephone is gone")?;
    let talked = customer.talk(call, ear).await?;
    println!(
        "heard {} prompts, answered {} questions, ended {:?}",
        talked.heard.len(),
        talked.said.len(),
        talked.ended
    );
    anyhow::ensure!(talked.ended == LineState::WeHungUp, "the customer did not hang up first: {:?}", talked.ended);
    Ok(())
}
