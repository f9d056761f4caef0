//! Deliveries under way: as many at a time as are allowed, none in the way of another.

use std::sync::Arc;
use std::time::Duration;

use domain::delivery::{AttemptOutcome, next_attempt_at};
use domain::id::TypedId;
use domain::time::{Timestamp, plus_secs};
use futures::FutureExt;
use gateways::crm::{Lead, Next, Outcome, Stage};
use store::Tx;
use store::data_keys::KeyPurpose;
use store::deliveries::{Attempt, Begun, Claimed, Delivery, Progress};
use store::destinations::Destination;
use store::trades::{Trade, trade_lock};
use tokio::task::JoinSet;

use super::lead::lead_of;
use super::send::{Target, Tried};
use super::{answer_binding, pacing};
use crate::app::campaigns::follow::campaign_delivered;
use crate::app::data_keys::data_key;
use crate::app::destinations::{disable, target};
use crate::app::message::{MESSAGE_SEND, owners_mails};
use crate::app::under_lease::under_lease;
use crate::app::{App, AppError};

/// Deliveries claimed in one pass; a new pass begins behind it.
const PASS_MAX: usize = 1_000;
/// Steps of one attempt at the most.
const STEPS_MAX: usize = 3;
/// For how long a destination in trouble is left alone at the most, unless it asks for longer itself.
const AILING_SECS: i64 = 300;

/// Makes every delivery whose turn has come, side by side; answers how many were tried. Run by the worker.
pub async fn deliveries_run(app: &Arc<App>) -> Result<u64, AppError> {
    let settings = &app.config.delivery;
    let pause = Duration::from_millis(app.config.workers.poll_millis);
    let mut running = JoinSet::new();
    let (mut begun, mut done) = (0_usize, 0_u64);
    let mut fault = None;
    loop {
        let room = settings.at_once.saturating_sub(running.len());
        // While half of the places are taken it is worth to ask for more than one.
        let asks = fault.is_none() && begun < PASS_MAX && room.saturating_mul(2) >= settings.at_once;
        if asks {
            match claimed(app, room).await {
                Ok(claimed) => {
                    begun = begun.saturating_add(claimed.len());
                    for claimed in claimed {
                        running.spawn(held(Arc::clone(app), claimed));
                    }
                }
                Err(error) => fault = Some(error),
            }
        }
        match tokio::time::timeout(pause, running.join_next()).await {
            Ok(None) => return fault.map_or(Ok(done), Err),
            Ok(Some(joined)) => {
                done = done.saturating_add(1);
                let result = joined.unwrap_or_else(|_| Err(AppError::internal("a delivery panicked")));
                if let Err(error) = result {
                    // Its turn ends with the lease, and then it is tried again.
                    tracing::error!(%error, "a delivery could not be moved on");
                }
            }
            Err(_) => {}
        }
    }
}

async fn claimed(app: &App, room: usize) -> Result<Vec<Claimed>, AppError> {
    let settings = &app.config.delivery;
    let room = u64::try_from(room).unwrap_or(u64::MAX);
    let pace = |destination: &_| {
        // Settings that cannot be read are told by the delivery itself.
        target(destination).map_or(domain::delivery::Pacing { burst: 1, interval_millis: 1_000 }, |target| pacing(&target))
    };
    Ok(app.store.deliveries_claim(room, app.config.workers.lease_secs, settings.per_destination, pace).await?)
}

/// Makes one delivery while nobody else does.
async fn held(app: Arc<App>, claimed: Claimed) -> Result<(), AppError> {
    let (lease_secs, delivery) = (app.config.workers.lease_secs, claimed.delivery.clone());
    let renew = || async { Ok(app.store.delivery_renew(&delivery, lease_secs).await?) };
    under_lease(lease_secs, renew, deliver(Arc::clone(&app), claimed).boxed()).await
}

/// Makes one delivery, step by step, as far as it gets.
async fn deliver(app: Arc<App>, mut claimed: Claimed) -> Result<(), AppError> {
    let app = app.as_ref();
    let (lead, target) = match ready(app, &claimed).await {
        Ok(Some(ready)) => ready,
        Ok(None) => return Ok(()),
        Err(error) => {
            // What cannot be opened now may be opened later, and if not, it has an end.
            put_back(app, &claimed.delivery).await?;
            return Err(error);
        }
    };
    let key = claimed.delivery.id.to_string();
    let mut stage: Stage = serde_json::from_value(claimed.delivery.stage.clone()).map_err(AppError::internal)?;
    for _ in 0..STEPS_MAX {
        let tried = target.send(app, &lead, &key, &stage).await;
        let tells = tried.left && target.destination.tells_person();
        let is_mine = settle(app, &claimed, &target, &lead, &tried).await?;
        claimed.delivery.told |= tells;
        match tried.next {
            Next::Continue(next) if is_mine => stage = next,
            Next::Continue(_) => return Ok(()),
            Next::Done(outcome) => return count(app, &claimed.delivery, &outcome).await,
        }
    }
    Err(AppError::internal("a delivery has more steps than there can be"))
}

async fn ready(app: &App, claimed: &Claimed) -> Result<Option<(Lead, Target)>, AppError> {
    let Some(lead) = begin(app, &claimed.delivery).await? else { return Ok(None) };
    Ok(Some((lead, Target::open(app, &claimed.destination)?)))
}

async fn put_back(app: &App, delivery: &Delivery) -> Result<(), AppError> {
    let reason = "something failed on our side";
    app.store
        .write("delivery_put_back", |tx| async move {
            let progress = later(delivery, None, reason, &tx, tx.now().await?);
            tx.delivery_move(delivery, &progress).await?;
            Ok::<_, AppError>(())
        })
        .await
}

/// A further attempt, or the end of all.
fn later(delivery: &Delivery, asked_secs: Option<i64>, reason: &str, tx: &Tx, now: Timestamp) -> Progress {
    let failed = delivery.failed.saturating_add(1);
    match next_attempt_at(failed, asked_secs, tx.random(), now, delivery.give_up_at) {
        Some(at) => Progress::Retry { at, reason: reason.to_owned() },
        None => Progress::Failed(format!("given up: {reason}")),
    }
}

/// The lead of a delivery, or `None` when there is nothing to deliver any more.
pub(super) async fn begin(app: &App, delivery: &Delivery) -> Result<Option<Lead>, AppError> {
    let begun = app.store.write("delivery_begin", |tx| async move { tx.delivery_begin(delivery).await });
    let Begun::Ready(found) = begun.await? else { return Ok(None) };
    let owner = app.store.organizations(&[delivery.organization]).await?.pop();
    Ok(Some(lead_of(app, owner.as_ref().map_or("en", |owner| &owner.locale), &found).await?))
}

/// Writes down what a step came to. Answers whether the turn was still this one's.
async fn settle(app: &App, claimed: &Claimed, target: &Target, lead: &Lead, tried: &Tried) -> Result<bool, AppError> {
    let Claimed { delivery, destination } = claimed;
    let (outcome, reason) = words(tried);
    let reason = reason.map(|reason| lead.mask(&reason));
    let unsubscribed = outcome == AttemptOutcome::Unsubscribed;
    let mails = if unsubscribed {
        owners_mails(app, destination.organization, "A destination of your leads is disabled", &gone_text(destination)).await?
    } else {
        Vec::new()
    };
    let answer = tried.answer.as_ref().map(|answer| answer.shown(&target.secrets)).filter(|text| !text.is_empty());
    let tells = tried.left && target.destination.tells_person();
    let (reason, answer, mails) = (&reason, &answer, &mails);
    let settled = app
        .store
        .write("delivery_attempted", |tx| async move {
            let trade = trade_lock(&tx, delivery.trade).await?;
            let now = tx.now().await?;
            let progress = progress(tried, delivery, reason.as_deref(), &tx, now);
            let mut gone = None;
            if unsubscribed {
                gone = tx.destination_lock(destination.organization, destination.id).await?;
            } else if let (true, Progress::Retry { at, .. }) = (tried.ails, &progress) {
                let asked = matches!(tried.next, Next::Done(Outcome::Retry { after: Some(_) }));
                let until = if asked { *at } else { (*at).min(plus_secs(now, AILING_SECS)) };
                tx.destination_book(destination.id, pacing(&target.destination).paused_until(until)).await?;
            }
            keep(app, &tx, delivery, &trade, tried, (outcome, reason.clone(), answer.as_deref()), now).await?;
            if tells {
                tx.delivery_told(delivery, &trade).await?;
            }
            if matches!(progress, Progress::Delivered(_)) && tells {
                tx.delivery_starts_hold(&trade).await?;
            }
            let is_mine = tx.delivery_move(delivery, &progress).await?;
            if let Some(gone) = gone.filter(|gone| gone.disabled_at.is_none()) {
                disable(&tx, gone, "the hook answered 410: it wants nothing more").await?;
                for mail in mails {
                    tx.enqueue(MESSAGE_SEND, mail.clone(), now).await?;
                }
            }
            Ok::<_, AppError>(is_mine)
        })
        .await?;
    metrics::counter!("clearlead_delivery_attempts", "outcome" => outcome.as_str()).increment(1);
    Ok(settled)
}

/// Keeps the attempt, with the answer under the data key of the trade: it may repeat the lead.
async fn keep(
    app: &App,
    tx: &Tx,
    delivery: &Delivery,
    trade: &Trade,
    tried: &Tried,
    (outcome, reason, answer): (AttemptOutcome, Option<String>, Option<&str>),
    now: Timestamp,
) -> Result<(), AppError> {
    let mut attempt = Attempt {
        id: tx.id(),
        delivery: delivery.id,
        outcome,
        status: tried.answer.as_ref().map(|answer| i64::from(answer.status)),
        reason,
        millis: i64::try_from(tried.took.as_millis()).unwrap_or(i64::MAX),
        request: tried.request.clone(),
        answer: None,
        at: now,
    };
    if let Some(answer) = answer
        && let Some(key) = data_key(tx, app, KeyPurpose::Work, trade.id.uuid()).await?
    {
        let sealed = key.seal(app.entropy.as_ref(), answer_binding(&attempt), answer.as_bytes());
        attempt.answer = Some(sealed.map_err(AppError::internal)?);
    }
    Ok(tx.delivery_attempt_insert(&attempt).await?)
}

/// What an attempt makes of its delivery.
fn progress(tried: &Tried, delivery: &Delivery, reason: Option<&str>, tx: &Tx, now: Timestamp) -> Progress {
    let reason = reason.unwrap_or("nothing was said");
    let again = |after: Option<i64>| later(delivery, after, reason, tx, now);
    match &tried.next {
        Next::Continue(stage) => match serde_json::to_value(stage) {
            Ok(stage) => Progress::Step(stage),
            Err(_) => Progress::Failed("the next step cannot be kept".to_owned()),
        },
        Next::Done(Outcome::Accepted { external_id }) => Progress::Delivered(external_id.clone()),
        Next::Done(Outcome::Duplicate) => Progress::Delivered(None),
        Next::Done(Outcome::Rejected { .. } | Outcome::Unsubscribed) => Progress::Failed(reason.to_owned()),
        Next::Done(Outcome::Retry { after }) => again(after.map(|after| i64::try_from(after.as_secs()).unwrap_or(i64::MAX))),
        Next::Done(Outcome::Broken { .. }) => again(None),
    }
}

/// The outcome of a step and the reason that is kept with it.
fn words(tried: &Tried) -> (AttemptOutcome, Option<String>) {
    match &tried.next {
        Next::Continue(_) => (AttemptOutcome::Continued, None),
        Next::Done(Outcome::Accepted { .. }) => (AttemptOutcome::Accepted, None),
        Next::Done(Outcome::Duplicate) => (AttemptOutcome::Duplicate, None),
        Next::Done(Outcome::Rejected { reason }) => (AttemptOutcome::Rejected, Some(reason.clone())),
        Next::Done(Outcome::Unsubscribed) => (AttemptOutcome::Unsubscribed, Some("the hook wants nothing more".to_owned())),
        Next::Done(Outcome::Retry { .. }) => (AttemptOutcome::Retry, tried.reason.clone()),
        Next::Done(Outcome::Broken { reason }) => (AttemptOutcome::Broken, Some(reason.clone())),
    }
}

/// Counts a delivery for its campaign: once when it first fails, and when it succeeds. To be asked to wait is no failure.
async fn count(app: &App, delivery: &Delivery, outcome: &Outcome) -> Result<(), AppError> {
    let Some(campaign) = delivery.campaign else { return Ok(()) };
    let failed = match outcome {
        Outcome::Accepted { .. } | Outcome::Duplicate => false,
        Outcome::Retry { after: Some(_) } => return Ok(()),
        _ => true,
    };
    if failed {
        let id = delivery.id;
        let first = app.store.write("delivery_count", |tx| async move { tx.delivery_count(id).await }).await?;
        if !first {
            return Ok(());
        }
    }
    campaign_delivered(app, app.store.campaign_any(campaign).await?, failed).await
}

/// What the owners of a destination that wants nothing more are told.
fn gone_text(destination: &Destination) -> String {
    format!(
        "The hook of your destination \"{}\" has answered 410 Gone: it wants nothing more. The destination is disabled, and leads are not \
         brought there any more.\n\nThey are in the exchange, as ever. To go on, make a destination with the new address of the hook, or \
         give this one that address (`destinationUpdate`), enable it (`destinationEnable`), and resend what has failed (`deliveryRetry`).\n",
        destination.name
    )
}
