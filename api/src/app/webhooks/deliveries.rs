//! What was sent and what came of it, sending again, and forgetting.

use domain::access::Permission;
use domain::id::{WebhookDeliveryId, WebhookEndpointId};
use domain::refusal::Refusal;
use domain::time::{Timestamp, plus_secs};
use domain::webhook::WebhookDeliveryState;
use store::page::{Page, Slice};
use store::webhooks::{Attempt, Delivery, DeliveryFilter, ReplayOf};

use super::endpoints::require_live;
use crate::app::member::require_member;
use crate::app::{App, AppError, Caller};

/// How many messages one call sends again.
const REPLAY_MAX: u64 = 10_000;

/// What is to be sent again: one message, or what was told in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// One message.
    pub delivery: Option<WebhookDeliveryId>,
    /// What was told to an endpoint in a span of time.
    pub range: Option<ReplayRange>,
}

/// What was told to an endpoint in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayRange {
    /// The endpoint.
    pub endpoint: WebhookEndpointId,
    /// The first instant.
    pub from: Timestamp,
    /// The first instant behind it.
    pub until: Timestamp,
    /// Only what stands so.
    pub state: Option<WebhookDeliveryState>,
}

/// A page of the messages to the caller's organization, newest first.
pub async fn webhook_deliveries(
    app: &App,
    caller: &Caller,
    filter: DeliveryFilter,
    page: &Page<WebhookDeliveryId>,
) -> Result<Slice<Delivery>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.webhook_deliveries(organization, filter, page).await?)
}

/// Those of `ids` that are messages to the caller's organization, in no order.
pub async fn webhook_deliveries_many(app: &App, caller: &Caller, ids: &[WebhookDeliveryId]) -> Result<Vec<Delivery>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.webhook_deliveries_many(organization, ids).await?)
}

/// A page of the attempts to deliver a message, the latest first; empty when it is not the caller's organization's.
pub async fn webhook_attempts(
    app: &App,
    caller: &Caller,
    of: WebhookDeliveryId,
    page: &Page<i64>,
) -> Result<Slice<Attempt>, AppError> {
    if webhook_deliveries_many(app, caller, &[of]).await?.is_empty() {
        return Ok(Slice::default());
    }
    Ok(app.store.webhook_attempts(of, page).await?)
}

/// Lets messages be sent again under their ids, from the first try on; answers how many. What is pending is left as it is.
pub async fn webhook_replay(app: &App, caller: &Caller, of: Replay) -> Result<u64, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    let which = replay_of(of)?;
    let replayed = app.store.write("webhook_replay", move |tx| async move {
        let at = |refusal: Refusal| if matches!(which, ReplayOf::Range { .. }) { refusal.at("range") } else { refusal };
        let endpoint = match which {
            ReplayOf::One(id) => tx.webhook_delivery(organization, id).await?.endpoint,
            ReplayOf::Range { endpoint, .. } => endpoint,
        };
        let none = || at(Refusal::not_found("webhookEndpointId", "webhook endpoint"));
        let endpoint = tx.webhook_endpoint_lock(organization, endpoint).await?.ok_or_else(none)?;
        require_live(&endpoint).map_err(at)?;
        Ok::<_, AppError>(tx.webhook_replay(organization, which).await?)
    });
    let replayed = replayed.await?;
    app.webhooks_due.notify_one();
    Ok(replayed)
}

fn replay_of(of: Replay) -> Result<ReplayOf, Refusal> {
    match (of.delivery, of.range) {
        (Some(id), None) => Ok(ReplayOf::One(id)),
        (None, Some(ReplayRange { endpoint, from, until, state })) if from < until => {
            Ok(ReplayOf::Range { endpoint, from, until, state, limit: REPLAY_MAX })
        }
        (None, Some(_)) => Err(Refusal::invalid("until", "later than `from`").at("range")),
        (None, None) => Err(Refusal::required("webhookDeliveryId")),
        (Some(_), Some(_)) => Err(Refusal::invalid("range", "name a message or a range, not both")),
    }
}

/// Gives up what has waited too long, and forgets what is long over; answers how many rows.
pub async fn deliveries_forget(app: &App) -> Result<u64, AppError> {
    let settings = &app.config.webhooks;
    let before = |secs: i64| plus_secs(app.now(), secs.saturating_neg());
    let secrets = app.store.webhook_secrets_prune().await?;
    let rows = app.store.webhook_deliveries_prune(before(settings.keep_secs), before(settings.pending_secs)).await?;
    Ok(secrets.saturating_add(rows))
}
