//! One delivery under way: its steps, and what is written down of each.

use domain::delivery::{AttemptOutcome, next_attempt_at};
use domain::id::TypedId;
use domain::time::{Timestamp, plus_secs};
use gateways::crm::{Lead, Next, Outcome, Stage};
use store::Tx;
use store::data_keys::KeyPurpose;
use store::deliveries::{Attempt, Begun, Claimed, Delivery, Progress};
use store::destinations::Destination;
use store::trades::{Trade, trade_lock};

use super::lead::lead_of;
use super::send::{Reached, Target, Tried};
use super::{answer_binding, pacing};
use crate::app::campaigns::follow::campaign_delivered;
use crate::app::data_keys::data_key;
use crate::app::destinations::{disable, target};
use crate::app::message::{MESSAGE_SEND, owners_mails};
use crate::app::{App, AppError};

/// Steps of one attempt at the most.
pub(super) const STEPS_MAX: usize = 3;
/// For how long a destination in trouble is left alone at the most, unless it asks for longer itself.
const AILING_SECS: i64 = 300;

/// Makes one delivery, step by step, as far as it gets; answers whether its destination is in trouble.
pub(super) async fn deliver(app: &App, mut claimed: Claimed) -> Result<bool, AppError> {
    let Some(lead) = or_back(app, &claimed, begin(app, &claimed.delivery).await).await? else { return Ok(false) };
    let key = claimed.delivery.id.to_string();
    let mut stage: Stage = serde_json::from_value(claimed.delivery.stage.clone()).map_err(AppError::internal)?;
    let mut refused = None;
    for _ in 0..STEPS_MAX {
        let tried = match or_back(app, &claimed, Target::reach(app, &claimed.destination, refused, false).await).await? {
            Reached::Ready(target) => target.send(app, &lead, &key, &stage, refused.is_none()).await,
            Reached::Denied(denied) => Tried::from(*denied),
            Reached::Wait(at) => return wait(app, &claimed.delivery, at).await.map(|()| false),
        };
        let is_mine = settle(app, &claimed, &lead, &tried).await?;
        claimed.delivery.told |= tried.tells;
        refused = refused.or(tried.refused);
        match tried.next {
            Next::Continue(next) if is_mine => stage = next,
            Next::Continue(_) => return Ok(false),
            Next::Done(outcome) => return count(app, &claimed.delivery, &outcome).await.map(|()| tried.ails),
        }
    }
    Err(AppError::internal("a delivery has more steps than there can be"))
}

/// What cannot be opened now may be opened later, and if not, it has an end.
async fn or_back<T>(app: &App, claimed: &Claimed, found: Result<T, AppError>) -> Result<T, AppError> {
    if found.is_err() {
        put_back(app, &claimed.delivery).await?;
    }
    found
}

async fn wait(app: &App, delivery: &Delivery, at: Timestamp) -> Result<(), AppError> {
    let progress = &Progress::Wait(at);
    app.store.write("delivery_wait", |tx| async move { tx.delivery_move(delivery, progress).await }).await?;
    Ok(())
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
async fn settle(app: &App, claimed: &Claimed, lead: &Lead, tried: &Tried) -> Result<bool, AppError> {
    let Claimed { delivery, destination } = claimed;
    let pacing = pacing(&target(destination)?);
    let (outcome, reason) = words(tried);
    let reason = reason.map(|reason| lead.mask(&reason));
    let unsubscribed = outcome == AttemptOutcome::Unsubscribed;
    let mails = if unsubscribed {
        owners_mails(app, destination.organization, "A destination of your leads is disabled", &gone_text(destination)).await?
    } else {
        Vec::new()
    };
    let answer = tried.answer.as_ref().map(|(_, text)| text.as_str()).filter(|text| !text.is_empty());
    let (reason, mails, tells) = (&reason, &mails, tried.tells);
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
                tx.destination_book(destination.id, pacing.paused_until(until)).await?;
            }
            keep(app, &tx, delivery, &trade, tried, (outcome, reason.clone(), answer), now).await?;
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
        status: tried.answer.as_ref().map(|(status, _)| i64::from(*status)),
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
        Next::Continue(_) if tried.refused.is_some() => (AttemptOutcome::Retry, tried.reason.clone()),
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
