//! `clearlead serve`

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{CommandError, open, start};
use crate::app::payments::payments_open;
use crate::app::verticals::verticals_seed;
use crate::config::Config;
use crate::http::{self, DemoLogin};
use crate::ports::{SystemClock, SystemEntropy};
use crate::workers;

pub(super) async fn serve(config: Config) -> Result<(), CommandError> {
    serve_with(config, Vec::new()).await
}

/// Serves with log-ins that the explorer offers: a demo's.
pub(super) async fn serve_with(config: Config, logins: Vec<DemoLogin>) -> Result<(), CommandError> {
    start::start_log(&config.log)?;
    let app = open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    app.store.migrate().await?;
    payments_open(&app).await?;
    verticals_seed(&app).await?;
    let listener = TcpListener::bind(app.config.server.bind).await?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    if !app.config.requires_verified_email() {
        tracing::warn!("nobody has to prove an e-mail address before trading: see auth.email_verification and mail.url");
    }
    let stop = CancellationToken::new();
    let mut workers = if app.config.workers.enabled { workers::start(&app, &stop).await? } else { JoinSet::new() };
    http::exchange_serve(Arc::clone(&app), logins, listener, told_to_stop()).await?;
    stop.cancel();
    while workers.join_next().await.is_some() {}
    if !app.settlement.drain(Duration::from_secs(app.config.server.drain_secs)).await {
        tracing::warn!("purchases, bids or releases were left at the end of the drain");
    }
    Ok(app.store.close().await?)
}

/// Ready at Ctrl-C or, on Unix, at a termination signal.
async fn told_to_stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
