//! Work behind commits: each kind of job has one use case. A job may run more than once, so each of them bears it.

use domain::refusal::Code;
use futures::FutureExt;
use serde_json::Value;
use store::job::{Job, Lane};
use store::listings::{CAMPAIGN_MEET, LISTING_MEET, LISTING_VOID};
use store::payments::events::STRIPE_EVENT;
use store::suppressions::LEAD_REVERIFY;

use super::campaigns::meet::{campaign_meet, listing_meet};
use super::certificates::{CERTIFICATE_CHECK, certificate_check};
use super::lead_hooks::{META_LEAD, meta_lead_fetch};
use super::leads::{MAIL_DOMAIN_CHECK, lead_reverify, mail_domain_check};
use super::listings::{ORGANIZATION_OFFERS_END, listing_void, organization_offers_end};
use super::message::{MESSAGE_SEND, message_send};
use super::password::{PASSWORD_RESET, password_reset_send};
use super::payments::events::stripe_event_handle;
use super::under_lease::under_lease;
use super::webhooks::{WEBHOOK_NOTICE, webhook_notice_send};
use super::{App, AppError};

/// How long a job waits that met the money stop, in seconds.
const STOPPED_PAUSE_SECS: i64 = 60;

/// Does the jobs that are due, lane by lane; answers how many are done.
pub async fn jobs_run(app: &App) -> Result<u64, AppError> {
    let mut done = 0_u64;
    for lane in Lane::ALL {
        done = done.saturating_add(lane_run(app, *lane).await?);
    }
    Ok(done)
}

/// Does the jobs of a lane that are due, one after another; answers how many are done. A job that fails is put back for
/// later. Each is claimed when its turn comes: one that waits behind slow ones would outlive its lease and be done twice.
pub async fn lane_run(app: &App, lane: Lane) -> Result<u64, AppError> {
    let workers = &app.config.workers;
    let mut done = 0_u64;
    for _ in 0..workers.batch {
        let Some(job) = app.store.jobs_claim(lane, 1, workers.lease_secs).await?.pop() else { break };
        let renew = || async { Ok(app.store.job_renew(&job, workers.lease_secs).await?) };
        match under_lease(workers.lease_secs, renew, job_do(app, &job.kind, &job.payload).boxed()).await {
            Ok(()) => {
                app.store.job_done(job.id).await?;
                done = done.saturating_add(1);
            }
            Err(error) => put_back(app, &job, &error).await?,
        }
    }
    Ok(done)
}

async fn job_do(app: &App, kind: &str, payload: &Value) -> Result<(), AppError> {
    match kind {
        CERTIFICATE_CHECK => certificate_check(app, payload).await,
        CAMPAIGN_MEET => campaign_meet(app, payload).await,
        LISTING_MEET => listing_meet(app, payload).await,
        LISTING_VOID => listing_void(app, payload).await,
        ORGANIZATION_OFFERS_END => organization_offers_end(app, payload).await,
        LEAD_REVERIFY => lead_reverify(app, payload).await,
        MAIL_DOMAIN_CHECK => mail_domain_check(app, payload).await,
        META_LEAD => meta_lead_fetch(app, payload).await,
        MESSAGE_SEND => message_send(app, payload).await,
        PASSWORD_RESET => password_reset_send(app, payload).await,
        WEBHOOK_NOTICE => webhook_notice_send(app, payload).await,
        STRIPE_EVENT => stripe_event_handle(app, payload).await,
        _ => Err(AppError::internal("nobody knows how to do a job of this kind")),
    }
}

async fn put_back(app: &App, job: &Job, error: &AppError) -> Result<(), AppError> {
    if error.refused_with(Code::MoneyStopped) {
        // Nothing is wrong with the job: it waits until an operator has looked at the ledger.
        return Ok(app.store.job_postponed(job, STOPPED_PAUSE_SECS).await?);
    }
    tracing::warn!(kind = job.kind, attempts = job.attempts, %error, "a job failed");
    let attempts_max = i64::from(app.config.workers.attempts_max);
    Ok(app.store.job_failed(job, &error.to_string(), attempts_max).await?)
}
