//! Unspent money back to the card that paid it.

use domain::access::Permission;
use domain::card_refund::CardRefundState;
use domain::id::{CardRefundId, OrganizationId, TopUpId, TypedId};
use domain::money::Money;
use futures::FutureExt;
use gateways::payments::{GatewayError, NewRefund, Refund, RefundStatus};
use serde::Serialize;
use serde_json::Value;
use store::page::{Page, Slice};
use store::payments::Open;
use store::payments::card_refunds::{CardRefund, card_refund_apply, card_refund_request};

use super::work::held_first;
use super::{find_listed, key_may_be_gone, key_of, noted, outside, provider, since, stripe, unavailable};
use crate::app::email_verification::require_verified_email;
use crate::app::idempotency::idempotency_key;
use crate::app::message::{MESSAGE_SEND, owners_mails};
use crate::app::wallet::wallet_owner_or_all;
use crate::app::{App, AppError, Caller};

const NOTE: &str = "card_refund";

/// A refund being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RefundRequest {
    /// Of which payment.
    pub top_up: TopUpId,
    /// How much of it.
    pub amount: Money,
}

/// Gives unspent money back to the card: it leaves the wallet at once, and returns if the card's bank does not take it.
pub async fn wallet_refund(app: &App, caller: &Caller, key: &str, input: RefundRequest) -> Result<CardRefund, AppError> {
    let organization = caller.principal.require(Permission::WalletWrite)?;
    provider(app)?;
    require_verified_email(app, caller).await?;
    let key = idempotency_key(organization, key, "wallet_refund", &input)?;
    let by = caller.principal.user().map(|user| user.0);
    let lease_secs = app.config.workers.lease_secs;
    let asked: CardRefundId = app
        .store
        .write("wallet_refund", move |tx| {
            let key = key.clone();
            async move {
                if let Some(earlier) = tx.replayed(&key).await? {
                    return Ok(earlier);
                }
                let done = card_refund_request(&tx, organization, input.top_up, input.amount, by, lease_secs).await?;
                tx.remember(&key, &done.id).await?;
                Ok::<_, AppError>(done.id)
            }
        })
        .await?;
    let created_at = refund_read(app, asked).await?.created_at;
    match held_first(app, Open::CardRefund, asked.uuid(), created_at, card_refund_drive(app, asked).boxed()).await {
        Ok(refund) => Ok(refund),
        Err(error) => {
            tracing::warn!(%error, "a refund waits for the payment provider");
            refund_read(app, asked).await
        }
    }
}

/// A page of refunds, newest first: the organization's own, or for an operator those of one or of all.
pub async fn card_refunds(
    app: &App,
    caller: &Caller,
    organization: Option<OrganizationId>,
    page: &Page<CardRefundId>,
) -> Result<Slice<CardRefund>, AppError> {
    let owner = wallet_owner_or_all(caller, organization)?;
    Ok(app.store.card_refunds(owner, page).await?)
}

async fn refund_read(app: &App, id: CardRefundId) -> Result<CardRefund, AppError> {
    app.store.card_refund(id).await?.ok_or_else(|| AppError::internal("a refund is gone"))
}

/// Asks the provider for a refund, or about it, and takes the answer.
pub(super) async fn card_refund_drive(app: &App, id: CardRefundId) -> Result<CardRefund, AppError> {
    let stored = refund_read(app, id).await?;
    match (stored.state, &stored.refund) {
        (CardRefundState::Requested, None) => begin(app, &stored).await,
        (CardRefundState::Pending, Some(refund)) => {
            let seen = stripe(app)?.refund_retrieve(refund).await.map_err(unavailable)?;
            apply(app, &stored, &seen).await
        }
        _ => Ok(stored),
    }
}

async fn begin(app: &App, stored: &CardRefund) -> Result<CardRefund, AppError> {
    let note = stored.id.to_string();
    let gateway = stripe(app)?;
    if key_may_be_gone(app, stored.created_at) {
        let window = since(app, stored.created_at);
        let found = async { find_listed!(gateway, refund_list(&window), |refund| refund.metadata.get(NOTE) == Some(&note)) };
        if let Some(refund) = found.await.map_err(unavailable)? {
            return apply(app, stored, &refund).await;
        }
    }
    let top_up = app.store.top_up(stored.top_up).await?.and_then(|top_up| top_up.payment);
    let payment = top_up.ok_or_else(|| AppError::internal("a refund of nothing"))?;
    let new = NewRefund { payment, amount: outside(stored.amount), metadata: noted(NOTE, &note) };
    match gateway.refund_create(&key_of(&["refund", &note])?, &new).await {
        Ok(refund) => apply(app, stored, &refund).await,
        Err(GatewayError::Refused { code, .. } | GatewayError::Declined { code, .. }) => {
            write(app, stored, CardRefundState::Failed, None, Some(code)).await
        }
        // The payment is gone: asking again changes nothing.
        Err(GatewayError::NotFound) => {
            write(app, stored, CardRefundState::Failed, None, Some("payment_not_found".to_owned())).await
        }
        Err(error) => Err(unavailable(error)),
    }
}

async fn apply(app: &App, stored: &CardRefund, seen: &Refund) -> Result<CardRefund, AppError> {
    write(app, stored, state_of(&seen.status), Some(seen.id.clone()), seen.failure_reason.clone()).await
}

/// Where a refund stands in the exchange's words. A status that is not known yet is waited for.
pub(super) fn state_of(status: &RefundStatus) -> CardRefundState {
    match status {
        RefundStatus::Succeeded => CardRefundState::Succeeded,
        RefundStatus::Failed | RefundStatus::Canceled => CardRefundState::Failed,
        RefundStatus::Pending | RefundStatus::RequiresAction | RefundStatus::Other(_) => CardRefundState::Pending,
    }
}

/// Takes what is so now. The owners are told of money that came back.
async fn write(
    app: &App,
    stored: &CardRefund,
    state: CardRefundState,
    refund: Option<String>,
    failure: Option<String>,
) -> Result<CardRefund, AppError> {
    let (id, poll_secs) = (stored.id, app.config.stripe.poll_secs);
    let mails = if state == CardRefundState::Failed { failure_mails(app, stored).await? } else { Vec::new() };
    app.store
        .write("card_refund_apply", move |tx| {
            let (refund, failure, mails) = (refund.clone(), failure.clone(), mails.clone());
            async move {
                let (stored, changed) = card_refund_apply(&tx, id, state, refund, failure, poll_secs).await?;
                if changed {
                    let now = tx.now().await?;
                    for mail in mails {
                        tx.enqueue(MESSAGE_SEND, mail, now).await?;
                    }
                }
                Ok::<_, AppError>(stored)
            }
        })
        .await
}

async fn failure_mails(app: &App, stored: &CardRefund) -> Result<Vec<Value>, AppError> {
    let text = format!(
        "{} of your wallet on Clearlead should have gone back to the card that paid it, but did not get there. It is in the wallet \
         again.\n\nRefund: {}\n",
        stored.amount, stored.id
    );
    owners_mails(app, stored.organization, "A refund to your card did not get there", &text).await
}

/// Something happened to a refund: its state now counts.
pub(super) async fn refund_happened(app: &App, refund: &str) -> Result<(), AppError> {
    let seen = stripe(app)?.refund_retrieve(refund).await.map_err(unavailable)?;
    let Some(id) = seen.metadata.get(NOTE).and_then(|id| id.parse::<CardRefundId>().ok()) else { return Ok(()) };
    let Some(stored) = app.store.card_refund(id).await? else { return Ok(()) };
    apply(app, &stored, &seen).await.map(drop)
}
