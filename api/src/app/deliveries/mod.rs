//! Bringing bought leads to where their buyers work: made of the event feed behind each sale, sent in turns, tried again, and kept with every
//! attempt for the buyer's eyes. No sale waits for it.

mod courier;
pub mod files;
mod lead;
mod run;
mod send;
mod try_out;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::access::Permission;
use domain::delivery::{DeliveryState, Pacing};
use domain::id::{DeliveryAttemptId, DeliveryId, TradeId, TypedId};
use domain::refusal::Refusal;
use gateways::crm;
use store::data_keys::KeyPurpose;
use store::deliveries::{Attempt, Delivery, DeliveryFilter, FeedPlace};
use store::page::{Page, Slice};
use uuid::Uuid;

pub use courier::Courier;
pub use try_out::{TestStep, Tested, delivery_test};

use super::data_keys::data_keys;
use super::{App, AppError, Caller};
use crate::crypto::Binding;

/// The name of the reader of the feed that makes deliveries. It begins where the feed ends when the first destination is made.
pub(super) const CONSUMER: &str = "deliveries";
/// Events read at a time.
const EVENTS: u64 = 500;

/// An attempt with what the other side answered.
#[derive(Debug, Clone)]
pub struct AttemptView {
    /// The attempt.
    pub attempt: Attempt,
    /// The beginning of the answer; `None` when there was none, when it was destroyed, or when the caller may not see contact details.
    pub answer: Option<String>,
}

/// Makes the deliveries of what was sold and stops those of what was refunded, as far as the feed tells; answers how many. Run by the worker.
pub async fn deliveries_follow(app: &App) -> Result<u64, AppError> {
    let mut total = 0_u64;
    loop {
        let retry_secs = app.config.delivery.retry_secs;
        let followed: Result<Option<(u64, bool)>, AppError> = app
            .store
            .write("deliveries_follow", |tx| async move {
                let Some(turn) = tx.feed_turn(CONSUMER, EVENTS).await? else { return Ok(None) };
                let done = tx.deliveries_follow(&FeedPlace::of(&turn.events), retry_secs).await?;
                if !turn.events.is_empty() {
                    tx.feed_turn_end(&turn).await?;
                }
                Ok(Some((done, turn.whole)))
            })
            .await;
        let Some((done, whole)) = followed? else { return Ok(total) };
        total = total.saturating_add(done);
        if !whole {
            return Ok(total);
        }
    }
}

/// Makes every delivery whose turn has come, and waits for all of them; answers how many were tried. The worker is the [`Courier`] itself.
pub async fn deliveries_run(app: &Arc<App>) -> Result<u64, AppError> {
    Courier::new(Arc::clone(app)).drain().await
}

/// A page of the deliveries of the caller's organization, the youngest first.
pub async fn deliveries(
    app: &App,
    caller: &Caller,
    filter: &DeliveryFilter,
    page: &Page<DeliveryId>,
) -> Result<Slice<Delivery>, AppError> {
    let buyer = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.deliveries(buyer, filter, page).await?)
}

/// Those of `ids` that are the organization's, in no order.
pub async fn deliveries_many(app: &App, caller: &Caller, ids: &[DeliveryId]) -> Result<Vec<Delivery>, AppError> {
    let buyer = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.deliveries_many(buyer, ids).await?)
}

/// The deliveries of each of these trades that the caller's organization bought, the youngest first.
pub async fn deliveries_of_trades(
    app: &App,
    caller: &Caller,
    trades: &[TradeId],
) -> Result<BTreeMap<TradeId, Vec<Delivery>>, AppError> {
    let buyer = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.deliveries_of_trades(buyer, trades).await?)
}

/// A page of the attempts of each of these deliveries of the caller's organization, the latest first. What the other side answered may repeat
/// the lead: only those see it who may see contact details.
pub async fn delivery_attempts_many(
    app: &App,
    caller: &Caller,
    ids: &[DeliveryId],
    page: &Page<DeliveryAttemptId>,
) -> Result<BTreeMap<DeliveryId, Slice<AttemptView>>, AppError> {
    let buyer = caller.principal.require(Permission::TradesRead)?;
    let may_see = caller.principal.may(Permission::ContactsReveal);
    let deliveries = app.store.deliveries_many(buyer, ids).await?;
    let trades: BTreeMap<DeliveryId, Uuid> = deliveries.iter().map(|delivery| (delivery.id, delivery.trade.uuid())).collect();
    let keys = data_keys(app, KeyPurpose::Work, &trades.values().copied().collect::<Vec<_>>()).await?;
    let mut pages = BTreeMap::new();
    for (id, slice) in app.store.delivery_attempts_many(buyer, ids, page).await? {
        let trade = trades.get(&id).copied().ok_or_else(|| AppError::internal("an attempt without its delivery"))?;
        let page = slice.try_map(|attempt| {
            let sealed = attempt.answer.as_deref().filter(|_| may_see);
            let answer = sealed.map(|sealed| keys.open_text(trade, answer_binding(&attempt), sealed)).transpose()?.flatten();
            Ok::<_, AppError>(AttemptView { attempt, answer })
        })?;
        pages.insert(id, page);
    }
    Ok(pages)
}

/// Tries a delivery that was given up once more, or one that waits at once.
pub async fn delivery_retry(app: &App, caller: &Caller, id: DeliveryId) -> Result<Delivery, AppError> {
    let buyer = caller.principal.require(Permission::OutcomesWrite)?;
    let retry_secs = app.config.delivery.retry_secs;
    app.store
        .write("delivery_retry", |tx| async move {
            let unknown = || Refusal::not_found("deliveryId", "delivery");
            let delivery = tx.delivery_lock(buyer, id).await?.ok_or_else(unknown)?;
            if !matches!(delivery.state, DeliveryState::Failed | DeliveryState::Waiting) {
                let message = format!("the delivery is {}", delivery.state.as_str());
                return Err(Refusal::wrong_state(message).at("deliveryId").into());
            }
            let destination = tx.destination_lock(buyer, delivery.destination).await?.ok_or_else(unknown)?;
            if destination.disabled_at.is_some() {
                return Err(Refusal::wrong_state("the destination is disabled: enable it first").at("deliveryId").into());
            }
            let now = tx.now().await?;
            Ok::<_, AppError>(tx.delivery_again(&delivery, now, retry_secs).await?)
        })
        .await
}

/// To what the beginning of an answer is bound.
const fn answer_binding(attempt: &Attempt) -> Binding {
    Binding { purpose: "delivery.answer", object: attempt.id.0 }
}

/// How fast a destination is sent leads.
fn pacing(target: &crm::Destination) -> Pacing {
    let crm::Pace { burst, interval_millis } = target.pace();
    Pacing { burst, interval_millis }
}
