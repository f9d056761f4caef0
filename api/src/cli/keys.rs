//! `clearlead keys`

use std::sync::Arc;

use clap::Subcommand;

use super::{CommandError, open, print, start};
use crate::app::envelopes::envelopes_rewrap;
use crate::config::Config;
use crate::ports::{SystemClock, SystemEntropy};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Makes a new key that signs access tokens, and one that signs certificates of consent, and retires the ones before. Nobody
    /// is logged out: tokens of a retired key are good until they expire, and every process takes the new one within a minute.
    /// Certificates stay good for ever, and the public halves of their keys stay published.
    Rotate,
    /// Wraps every data key (of contact details, files, what buyers write about people, what is said in disputes) that an old
    /// key of the ring wraps with the active one (the first in `crypto.keys`). With `rotate`, and once the messages that wait
    /// are sent, the old key can leave the ring.
    Rewrap,
}

pub(super) async fn keys(config: Config, command: KeysCommand) -> Result<(), CommandError> {
    start::start_log(&config.log)?;
    let app = open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    app.store.migrate().await?;
    match command {
        KeysCommand::Rotate => {
            let kid = app.signing_keys_rotate().await?;
            let of_certificates = app.certificate_keys_rotate().await?;
            print(&format!("access tokens are signed with the key {kid} now, certificates of consent with {of_certificates}\n"))?;
        }
        KeysCommand::Rewrap => {
            let rewrapped = envelopes_rewrap(&app).await?;
            print(&format!("{rewrapped} data keys are wrapped with the active key of the ring now\n"))?;
        }
    }
    Ok(app.store.close().await?)
}
