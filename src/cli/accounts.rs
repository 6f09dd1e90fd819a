//! `huifang user …`, `huifang token …`: who may use the interface. Secrets are printed once and stored hashed.

use super::{ConfigFile, open_store};
use crate::store::token::{NewToken, Role};
use anyhow::Context;
use clap::Subcommand;
use rand::distr::{Alphanumeric, SampleString};

#[derive(clap::Args)]
pub struct UserArgs {
    #[command(subcommand)]
    what: User,
}

#[derive(Subcommand)]
enum User {
    /// Make a user and print the password once
    Add {
        name: String,
        /// admin, supervisor, reviewer or agent
        #[arg(long)]
        role: String,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Everybody with a role
    List(ConfigFile),
    /// Shut a user out: the password and every token stop at once
    Disable {
        name: String,
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(clap::Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    what: Token,
}

#[derive(Subcommand)]
enum Token {
    /// Make a token for a machine (SMS gateway, dispatcher) and print it once
    Add {
        name: String,
        /// admin, supervisor, reviewer, agent or service
        #[arg(long, default_value = "service")]
        role: String,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Every token by its id; secrets are not kept
    List(ConfigFile),
    /// Make a token useless, by its id
    Revoke {
        id: String,
        #[command(flatten)]
        config: ConfigFile,
    },
}

fn role(text: &str) -> anyhow::Result<Role> {
    let names: Vec<&str> = Role::ALL.iter().map(|r| r.name()).collect();
    Role::parse(text).with_context(|| format!("--role {text:?}: want one of {}", names.join(", ")))
}

pub async fn user(args: UserArgs) -> anyhow::Result<()> {
    match args.what {
        User::Add { name, role: role_name, config } => {
            let role = role(&role_name)?;
            let store = open_store(&config.load()?).await?;
            let password = Alphanumeric.sample_string(&mut rand::rng(), 16);
            store.create_user(&name, role, &password).await?;
            println!("user {name} ({}) password: {password}", role.name());
            store.close().await;
        }
        User::List(config) => {
            let store = open_store(&config.load()?).await?;
            for user in store.users().await? {
                println!("{}\t{}\t{}", user.name, user.role.name(), standing(user.disabled_at.is_some(), "disabled"));
            }
            store.close().await;
        }
        User::Disable { name, config } => {
            let store = open_store(&config.load()?).await?;
            store.disable_user(&name).await?;
            println!("user {name} is disabled");
            store.close().await;
        }
    }
    Ok(())
}

pub async fn token(args: TokenArgs) -> anyhow::Result<()> {
    match args.what {
        Token::Add { name, role: role_name, config } => {
            let role = role(&role_name)?;
            let store = open_store(&config.load()?).await?;
            let issued = store.create_token(&NewToken::of_machine(&name, role)).await?;
            println!("token {name}: {}", issued.secret);
            store.close().await;
        }
        Token::List(config) => {
            let store = open_store(&config.load()?).await?;
            for token in store.tokens().await? {
                let standing = standing(token.revoked_at.is_some(), "revoked");
                println!("{}\t{}\t{}\t{standing}", token.id, token.name, token.role.name());
            }
            store.close().await;
        }
        Token::Revoke { id, config } => {
            let store = open_store(&config.load()?).await?;
            store.revoke_token(&id).await?;
            println!("token {id} is revoked");
            store.close().await;
        }
    }
    Ok(())
}

fn standing(over: bool, word: &'static str) -> &'static str {
    if over { word } else { "in force" }
}
