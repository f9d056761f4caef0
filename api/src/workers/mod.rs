//! What happens without anybody asking: deadlines that pass, checks that recur. Every pass is a use case that may run in
//! any number of processes at once; a pass that fails is logged and tried again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use store::job::Lane;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{
    App, AppError, campaigns, deliveries, destinations, dispute, event_stream, forgetting, gauges, imports, jobs, leads, ledger,
    listings, offers, payments, trade, uploads, webhooks,
};

/// How often what is over is forgotten.
const FORGETTING_PAUSE: Duration = Duration::from_secs(3_600);

/// How often the gauges are set: as often as they are usually read.
const MEASURING_PAUSE: Duration = Duration::from_secs(15);

/// One pass over what is due now; answers how much it did.
pub type Pass = fn(Arc<App>) -> BoxFuture<'static, Result<u64, AppError>>;

/// The passes that run every `workers.poll_millis`, by name.
pub const PASSES: &[(&str, Pass)] = &[
    ("jobs", |app| Box::pin(async move { jobs::lane_run(&app, Lane::Prompt).await })),
    ("meetings", |app| Box::pin(async move { jobs::lane_run(&app, Lane::Meetings).await })),
    ("checks", |app| Box::pin(async move { jobs::lane_run(&app, Lane::Checks).await })),
    ("scores", |app| Box::pin(async move { leads::scores_age(&app).await })),
    ("look_ups", |app| Box::pin(async move { jobs::lane_run(&app, Lane::LookUps).await })),
    ("retrievals", |app| Box::pin(async move { jobs::lane_run(&app, Lane::Retrievals).await })),
    ("payment_events", |app| Box::pin(async move { jobs::lane_run(&app, Lane::Payments).await })),
    ("payments", |app| Box::pin(async move { payments::work::payments_advance(&app).await })),
    ("auto_top_ups", |app| Box::pin(async move { payments::auto_top_ups::auto_top_ups_fill(&app).await })),
    ("write_offs", |app| Box::pin(async move { payments::card_disputes::chargebacks_write_off(&app).await })),
    ("disputes", |app| Box::pin(async move { dispute::disputes_advance(&app).await })),
    ("uploads", |app| Box::pin(async move { uploads::uploads_sweep(&app).await })),
    ("destination_tokens", |app| Box::pin(async move { destinations::tokens::destination_tokens_renew(&app).await })),
    ("deliveries_follow", |app| Box::pin(async move { deliveries::deliveries_follow(&app).await })),
    ("delivery_files", |app| Box::pin(async move { deliveries::files::delivery_files_write(&app).await })),
    ("holds", |app| Box::pin(async move { trade::trades_advance(&app).await })),
    ("campaigns", |app| Box::pin(async move { campaigns::follow::campaigns_follow(&app).await })),
    ("offers", |app| Box::pin(async move { offers::offers_expire(&app).await })),
    ("stream", |app| Box::pin(async move { event_stream::events_publish(&app).await })),
    ("listings", |app| Box::pin(async move { listings::listings_close_due(&app).await })),
];

/// Starts every worker, until `stop`. The ledger is verified, and campaigns' counts are compared with it, before this returns.
pub async fn start(app: &Arc<App>, stop: &CancellationToken) -> Result<JoinSet<()>, AppError> {
    ledger::ledger_check(app).await?;
    campaigns::follow::campaigns_reconcile(app).await?;
    event_stream::events_publish_begin(app).await?;
    let mut workers = JoinSet::new();
    for (name, pass) in PASSES {
        let pause = Duration::from_millis(app.config.workers.poll_millis);
        workers.spawn(repeat(Arc::clone(app), name, *pass, pause, stop.clone()));
    }
    let hours = Duration::from_secs(u64::try_from(app.config.workers.ledger_verify_secs).unwrap_or(3600));
    workers.spawn(repeat(Arc::clone(app), "ledger", verify, hours, stop.clone()));
    workers.spawn(repeat(Arc::clone(app), "forgetting", forget, FORGETTING_PAUSE, stop.clone()));
    workers.spawn(repeat(Arc::clone(app), "gauges", measure, MEASURING_PAUSE, stop.clone()));
    webhooks::webhooks_begin(app).await?;
    workers.spawn(webhooks::webhooks_follow(Arc::clone(app), stop.clone()));
    workers.spawn(webhooks::Sender::new(Arc::clone(app)).run(stop.clone()));
    workers.spawn(deliveries::Courier::new(Arc::clone(app)).run(stop.clone()));
    let nightly = Duration::from_secs(u64::try_from(app.config.stripe.reconcile_secs).unwrap_or(86_400));
    workers.spawn(repeat(Arc::clone(app), "reconcile", reconcile, nightly, stop.clone()));
    let (app, stop) = (Arc::clone(app), stop.clone());
    let pause = Duration::from_millis(app.config.workers.poll_millis);
    workers.spawn(async move {
        // An import may take long: it is left at once when the process stops, and goes on behind its last batch elsewhere.
        let importing = repeat(app, "imports", import, pause, stop.clone());
        stop.run_until_cancelled(importing).await;
    });
    Ok(workers)
}

fn import(app: Arc<App>) -> BoxFuture<'static, Result<u64, AppError>> {
    Box::pin(async move { imports::imports_advance(&app).await })
}

fn forget(app: Arc<App>) -> BoxFuture<'static, Result<u64, AppError>> {
    Box::pin(async move { forgetting::forget_old(&app).await })
}

fn measure(app: Arc<App>) -> BoxFuture<'static, Result<u64, AppError>> {
    Box::pin(async move { gauges::gauges_set(&app).await.map(|_| 0) })
}

fn reconcile(app: Arc<App>) -> BoxFuture<'static, Result<u64, AppError>> {
    Box::pin(async move { payments::reconcile::stripe_reconcile_recent(&app).await })
}

fn verify(app: Arc<App>) -> BoxFuture<'static, Result<u64, AppError>> {
    Box::pin(async move {
        ledger::ledger_check(&app).await?;
        campaigns::follow::campaigns_reconcile(&app).await
    })
}

async fn repeat(app: Arc<App>, name: &'static str, pass: Pass, pause: Duration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        // A panic in one pass must not end all later ones.
        let done = AssertUnwindSafe(pass(Arc::clone(&app))).catch_unwind().await;
        match done.unwrap_or_else(|_| Err(AppError::internal("the pass panicked"))) {
            Ok(0) => {}
            Ok(done) => {
                metrics::counter!("worker_done", "worker" => name).increment(done);
                tracing::debug!(worker = name, done, "worker pass");
            }
            Err(error) => {
                metrics::counter!("worker_failures", "worker" => name).increment(1);
                tracing::error!(worker = name, %error, "a worker's pass failed");
            }
        }
    }
}
