//! `clearlead serve`

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{CommandError, open, start};
use crate::app::event_stream::events_publish_end;
use crate::app::payments::payments_open;
use crate::app::verticals::verticals_seed;
use crate::config::Config;
use crate::http::{self, DemoLogin};
use crate::ports::{SystemClock, SystemEntropy};
use crate::workers;

/// What remains at the end of the drain for each part that is still to end.
const DRAIN_LEAST: Duration = Duration::from_secs(1);

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
    let drain = Drain::of(Duration::from_secs(app.config.server.drain_secs));
    http::exchange_serve(Arc::clone(&app), logins, listener, drain.clone().begun_by(told_to_stop())).await?;
    stop.cancel();
    if tokio::time::timeout(drain.left(), async { while workers.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("a worker was cut off at the end of the drain");
        workers.abort_all();
    }
    if let Err(error) = events_publish_end(&app).await {
        tracing::warn!(%error, "the stream of events is left to another process when its lease ends");
    }
    if !app.settlement.drain(drain.left()).await {
        tracing::warn!("purchases, bids or releases were left at the end of the drain");
    }
    Ok(app.store.close().await?)
}

/// The time that what is under way has to end, for requests, workers and settlement together.
#[derive(Clone)]
struct Drain {
    whole: Duration,
    begun: Arc<OnceLock<Instant>>,
}

impl Drain {
    fn of(whole: Duration) -> Self {
        Self { whole, begun: Arc::default() }
    }

    async fn begun_by(self, told: impl Future<Output = ()>) {
        told.await;
        self.begun.get_or_init(Instant::now);
    }

    /// What is left of it; a little even at the end, so that what was accepted and is nearly done is not cut off by others.
    fn left(&self) -> Duration {
        let spent = self.begun.get().map(Instant::elapsed).unwrap_or_default();
        self.whole.saturating_sub(spent).max(DRAIN_LEAST)
    }
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
