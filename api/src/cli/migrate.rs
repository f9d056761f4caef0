//! `clearlead migrate`

use std::sync::Arc;

use super::{CommandError, open, start};
use crate::app::verticals::verticals_seed;
use crate::config::Config;
use crate::ports::{SystemClock, SystemEntropy};

pub(super) async fn migrate(config: Config) -> Result<(), CommandError> {
    start::start_log(&config.log)?;
    let app = open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    app.store.migrate().await?;
    verticals_seed(&app).await?;
    tracing::info!("the database is up to date");
    Ok(app.store.close().await?)
}
