//! What every command that works on the exchange begins with: the log, the keys, the database.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use store::{Options, Store};

use super::CommandError;
use crate::app::{App, StoreSource};
use crate::config::{Config, Log, LogFormat};
use crate::crypto::KeyRing;
use crate::http::log::statement_done;
use crate::ports::{Clock, Entropy};

/// Writes the log as the settings say. Only the first call in a process counts.
pub(super) fn start_log(log: &Log) -> Result<(), CommandError> {
    let filter = tracing_subscriber::EnvFilter::try_new(&log.filter)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // A second exchange in one process, as in the demo, logs where the first one does.
    started.or(Ok(()))
}

/// The exchange of these settings, on its database as it is.
pub async fn open(config: Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Arc<App>, CommandError> {
    // The first TLS connection of the process would otherwise have to guess the provider. A second call changes nothing.
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap_or_default();
    std::fs::create_dir_all(&config.server.data_dir)?;
    let keys = KeyRing::load(&config.crypto, &config.server, entropy.as_ref())?;
    let database = &config.database;
    let options = Options {
        max_connections: database.max_connections,
        acquire_timeout: Duration::from_secs(database.acquire_timeout_secs),
        busy_timeout: Duration::from_millis(database.busy_timeout_millis),
        write_attempts: database.write_attempts_max,
        database_clock: true,
        on_statement: Some(statement_done),
        ..Options::new(database.resolved_url(&config.server).expose_secret())
    };
    let source = StoreSource::new(Arc::clone(&clock), Arc::clone(&entropy));
    let store = Store::open(options, Arc::new(source)).await?;
    Ok(Arc::new(App::new(store, clock, entropy, Arc::new(config), Arc::new(keys))?))
}
