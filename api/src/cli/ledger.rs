//! `clearlead ledger`

use std::sync::Arc;

use clap::Subcommand;

use super::{CommandError, open, print, start};
use crate::app::ledger::ledger_check;
use crate::config::Config;
use crate::ports::{SystemClock, SystemEntropy};

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Checks every invariant of the ledger and names the first row that breaks each. Fails, and stops all movements of
    /// money until an operator lifts the stop, when one is broken.
    Verify,
}

pub(super) async fn ledger(config: Config, command: LedgerCommand) -> Result<(), CommandError> {
    let LedgerCommand::Verify = command;
    start::start_log(&config.log)?;
    let app = open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    if !app.store.is_migrated().await? {
        return Err(CommandError::new("the database is not up to date: run `clearlead migrate` first"));
    }
    let report = ledger_check(&app).await?;
    for check in &report.checks {
        match &check.broken {
            None => print(&format!("holds    {}\n", check.invariant))?,
            Some(row) => print(&format!("BROKEN   {}: {row}\n", check.invariant))?,
        }
    }
    app.store.close().await?;
    match report.first_broken() {
        None => print("the ledger balances\n"),
        Some((invariant, row)) => Err(CommandError::new(format!("the ledger is broken: {invariant}: {row}"))),
    }
}
