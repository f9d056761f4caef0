//! `clearlead staff add`, `clearlead staff list`, `clearlead staff remove`

use std::io::Read;
use std::sync::Arc;

use clap::{Args, Subcommand};
use domain::access::StaffRole;
use secrecy::{ExposeSecret, SecretString};
use store::accounts::StaffMember;

use super::{CommandError, open, print, start};
use crate::app::staff::{StaffAdd, staff_add, staff_list, staff_remove};
use crate::app::{App, AppError};
use crate::config::Config;
use crate::crypto::Token;
use crate::ports::{SystemClock, SystemEntropy};

/// More than the longest password takes, in bytes.
const STDIN_BYTES_MAX: u64 = 4_096;

#[derive(Debug, Subcommand)]
pub(super) enum StaffCommand {
    /// Makes somebody an operator or an arbiter, with a password that is printed once.
    Add(StaffAddArguments),
    /// Prints who is staff.
    List,
    /// Takes a role from a member of staff, whose sessions end at once.
    Remove(StaffRemoveArguments),
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
    /// Reads the password from standard input instead of making one.
    #[arg(long)]
    password_stdin: bool,
    /// Takes an address that is known already. Its password becomes the new one; its sessions, password resets, API keys
    /// and open invitations end.
    #[arg(long)]
    existing: bool,
}

#[derive(Debug, Args)]
pub(super) struct StaffRemoveArguments {
    /// The address.
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// Which role; without it, every role.
    #[arg(long, value_parser = role_of, value_name = "operator|arbiter")]
    role: Option<StaffRole>,
}

pub(super) async fn staff(config: Config, command: StaffCommand) -> Result<(), CommandError> {
    start::start_log(&config.log)?;
    let app = open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    app.store.migrate().await?;
    match command {
        StaffCommand::Add(arguments) => add(&app, arguments).await?,
        StaffCommand::List => list(&app).await?,
        StaffCommand::Remove(StaffRemoveArguments { email, role }) => {
            let user = staff_remove(&app, &email, role).await.map_err(refused)?;
            print(&format!("{user} is {} no more\n", role.map_or("staff", StaffRole::as_str)))?;
        }
    }
    Ok(app.store.close().await?)
}

async fn add(app: &App, arguments: StaffAddArguments) -> Result<(), CommandError> {
    let StaffAddArguments { email, role, name, password_stdin, existing } = arguments;
    let made = (!password_stdin).then(|| Token::generate(app.entropy.as_ref(), "pw").secret);
    let password = match &made {
        Some(made) => made.clone(),
        None => password_read()?,
    };
    let (user, is_new) = staff_add(app, StaffAdd { email, name, role, password, existing }).await.map_err(refused)?;
    print(&format!("{user} is {} now\n", role.as_str()))?;
    if let Some(made) = made {
        print(&format!("password, shown this once: {}\n", made.expose_secret()))?;
    }
    if is_new { Ok(()) } else { print("the address was known: whatever was made with its password of before has ended\n") }
}

async fn list(app: &App) -> Result<(), CommandError> {
    for StaffMember { person, role, since, active } in staff_list(app).await.map_err(refused)? {
        let since = since.format("%Y-%m-%d");
        let disabled = if active { "" } else { "  (disabled)" };
        print(&format!("{}  {:<8}  {since}  {}{disabled}\n", person.id, role.as_str(), person.email.as_str()))?;
    }
    Ok(())
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
