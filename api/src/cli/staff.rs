//! `clearlead staff add`

use std::io::Read;
use std::sync::Arc;

use clap::{Args, Subcommand};
use domain::access::StaffRole;
use secrecy::{ExposeSecret, SecretString};

use super::{CommandError, open, print, start};
use crate::app::AppError;
use crate::app::staff::staff_add;
use crate::config::Config;
use crate::crypto::Token;
use crate::ports::{SystemClock, SystemEntropy};

/// More than the longest password takes, in bytes.
const STDIN_BYTES_MAX: u64 = 4_096;

#[derive(Debug, Subcommand)]
pub(super) enum StaffCommand {
    /// Makes somebody an operator or an arbiter. Who is new here gets a password, which is printed once.
    Add(StaffAddArguments),
}

#[derive(Debug, Args)]
pub(super) struct StaffAddArguments {
    /// The address to log in with.
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// As what.
    #[arg(long, value_parser = role_of, value_name = "operator|arbiter")]
    role: StaffRole,
    /// The name of somebody who is new here.
    #[arg(long, default_value = "Staff")]
    name: String,
    /// Reads the password of somebody who is new here from standard input instead of making one.
    #[arg(long)]
    password_stdin: bool,
}

pub(super) async fn staff(config: Config, command: StaffCommand) -> Result<(), CommandError> {
    let StaffCommand::Add(StaffAddArguments { email, role, name, password_stdin }) = command;
    start::start_log(&config.log)?;
    let app = open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    app.store.migrate().await?;
    let made = (!password_stdin).then(|| Token::generate(app.entropy.as_ref(), "pw").secret);
    let password = match &made {
        Some(made) => made.clone(),
        None => password_read()?,
    };
    let (user, is_new) = staff_add(&app, &email, &name, role, password).await.map_err(refused)?;
    print(&format!("{user} is {} now\n", role.as_str()))?;
    match (is_new, made) {
        (true, Some(made)) => print(&format!("password, shown this once: {}\n", made.expose_secret()))?,
        (true, None) => {}
        (false, _) => print("the address was known: its password stays as it is\n")?,
    }
    Ok(app.store.close().await?)
}

fn role_of(text: &str) -> Result<StaffRole, String> {
    text.to_uppercase().parse().map_err(|_| "operator or arbiter".to_owned())
}

fn password_read() -> Result<SecretString, CommandError> {
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin().lock().take(STDIN_BYTES_MAX).read_to_string(&mut text)?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn refused(error: AppError) -> CommandError {
    match error {
        AppError::Refused(refusals) => {
            CommandError::new(refusals.iter().map(|refusal| refusal.message.as_str()).collect::<Vec<_>>().join("; "))
        }
        other => other.into(),
    }
}
