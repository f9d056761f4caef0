//! `clearlead keys rotate`

use std::sync::Arc;

use clap::Subcommand;

use super::{CommandError, open, print, start};
use crate::config::Config;
use crate::ports::{SystemClock, SystemEntropy};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Makes a new key that signs access tokens and retires the ones before. Nobody is logged out: tokens of a retired key
    /// are good until they expire, and every process takes the new one within a minute.
    Rotate,
}

pub(super) async fn keys(config: Config, command: KeysCommand) -> Result<(), CommandError> {
    let KeysCommand::Rotate = command;
    start::start_log(&config.log)?;
    let app = open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    app.store.migrate().await?;
    let kid = app.signing_keys_rotate().await?;
    print(&format!("access tokens are signed with the key {kid} now\n"))?;
    Ok(app.store.close().await?)
}
