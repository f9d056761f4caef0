//! What an operator watches besides requests: work that waits, and whether money may move.

use store::job::Backlog;

use super::event_stream::events_waiting;
use super::{App, AppError};

/// Looks at the database and sets the gauges; answers what it saw of the work and whether money is stopped.
pub async fn gauges_set(app: &App) -> Result<(Backlog, bool), AppError> {
    let (backlog, is_stopped) = (app.store.jobs_backlog().await?, app.store.money_stop().await?.is_some());
    let late = backlog.due_since.map(|due| app.now().signed_duration_since(due).num_seconds()).unwrap_or_default();
    metrics::gauge!("clearlead_jobs_waiting").set(metric(backlog.waiting));
    metrics::gauge!("clearlead_jobs_dead").set(metric(backlog.dead));
    metrics::gauge!("clearlead_jobs_oldest_late_seconds").set(metric(u64::try_from(late).unwrap_or_default()));
    metrics::gauge!("clearlead_money_stopped").set(if is_stopped { 1.0 } else { 0.0 });
    if app.payments.is_some() {
        metrics::gauge!("clearlead_stripe_returns_refused").set(metric(app.store.withdrawals_refused_back().await?));
    }
    if let Some(waiting) = events_waiting(app).await? {
        let secs = waiting.since.map(|since| app.now().signed_duration_since(since).num_seconds()).unwrap_or_default();
        metrics::gauge!("clearlead_stream_waiting").set(metric(waiting.events));
        metrics::gauge!("clearlead_stream_oldest_seconds").set(metric(u64::try_from(secs).unwrap_or_default()));
    }
    Ok((backlog, is_stopped))
}

/// A gauge holds 32 bits exactly, which is more than is ever counted here.
fn metric(count: u64) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
