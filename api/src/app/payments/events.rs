//! What the provider tells by webhook: believed when it is signed, kept once, and taken as a hint to ask what is so now.

use gateways::payments::{EventKind, GatewayEvent, WebhookError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::payments::events::{SealedEvent, stripe_event_take};
use uuid::Uuid;

use super::{accounts, card_disputes, card_refunds, provider, top_ups, withdrawals};
use crate::app::{App, AppError};
use crate::crypto::{Binding, Sealed};

const PURPOSE: &str = "stripe.event";

/// Why a webhook call was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTaken {
    /// It is not the provider's, or too old.
    Unbelieved(WebhookError),
    /// It is of play money where there is real money, or the other way round.
    WrongMode,
}

/// What an event asks to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Checkout,
    Payment,
    Refund,
    Dispute,
    Account,
    Transfer,
    Payout,
}

#[derive(Debug, Serialize, Deserialize)]
struct Happened {
    event: String,
    what: What,
    object: String,
    account: Option<String>,
}

/// Takes a webhook call: kept with its raw body, sealed, and handled behind the commit. The same event again is taken and changes
/// nothing, and so does a type that nothing is done with.
pub async fn stripe_event_receive(app: &App, body: &[u8], signature: &str) -> Result<Result<(), NotTaken>, AppError> {
    let payments = provider(app)?;
    let event = match payments.webhooks.verify(body, signature, app.now()) {
        Ok(event) => event,
        Err(error) => return Ok(Err(NotTaken::Unbelieved(error))),
    };
    if event.mode != payments.gateway.mode() {
        return Ok(Err(NotTaken::WrongMode));
    }
    let what = what_of(&event);
    let job = what.as_ref().map(|(what, object)| {
        json!(Happened { event: event.id.clone(), what: *what, object: object.clone(), account: event.account.clone() })
    });
    let object = app.entropy.uuid(app.now());
    let sealed = app.keys.seal(app.entropy.as_ref(), binding(object), body).map_err(AppError::internal)?;
    let Sealed { key_id, wrapped_key, ciphertext } = sealed;
    let kept = SealedEvent {
        id: event.id,
        kind: event.event_type,
        object_id: what.map(|(_, object)| object),
        account: event.account,
        object,
        key_id,
        wrapped_key,
        ciphertext,
    };
    let done = app.store.write("stripe_event_receive", move |tx| {
        let (kept, job) = (kept.clone(), job.clone());
        async move { Ok::<_, AppError>(stripe_event_take(&tx, kept, job).await?) }
    });
    let is_new = done.await?;
    metrics::counter!("clearlead_stripe_events", "new" => if is_new { "yes" } else { "no" }).increment(1);
    Ok(Ok(()))
}

/// What ties a sealed message to its row.
pub(in crate::app) const fn binding(object: Uuid) -> Binding {
    Binding { purpose: PURPOSE, object }
}

fn what_of(event: &GatewayEvent) -> Option<(What, String)> {
    Some(match &event.kind {
        EventKind::Checkout(checkout) => (What::Checkout, checkout.id.clone()),
        EventKind::Payment(payment) => (What::Payment, payment.id.clone()),
        EventKind::Charge(charge) => (What::Payment, charge.payment.clone()?),
        EventKind::Refund(refund) => (What::Refund, refund.id.clone()),
        EventKind::Dispute(dispute) => (What::Dispute, dispute.id.clone()),
        EventKind::Account(account) => (What::Account, account.id.clone()),
        EventKind::AccountLeft => (What::Account, event.account.clone()?),
        EventKind::Transfer(transfer) => (What::Transfer, transfer.id.clone()),
        EventKind::Payout(payout) => (What::Payout, payout.id.clone()),
        EventKind::Unknown(_) => return None,
    })
}

/// Handles an event of a job: asks the provider what is so now, so that neither order nor age of events matters.
pub async fn stripe_event_handle(app: &App, payload: &Value) -> Result<(), AppError> {
    let Happened { event, what, object, account } = Happened::deserialize(payload).map_err(AppError::internal)?;
    match (what, account) {
        (What::Checkout, _) => top_ups::checkout_happened(app, &object).await?,
        (What::Payment, None) => top_ups::payment_happened(app, &object).await?,
        (What::Refund, None) => card_refunds::refund_happened(app, &object).await?,
        (What::Dispute, None) => card_disputes::dispute_happened(app, &object).await?,
        (What::Account, _) => accounts::account_happened(app, &object).await?,
        (What::Transfer, None) => withdrawals::transfer_happened(app, &object).await?,
        (What::Payout, Some(account)) => withdrawals::payout_happened(app, &account, &object).await?,
        // The platform's own payouts, and what happens inside connected accounts, are no business of the exchange.
        (What::Payout, None) | (What::Payment | What::Refund | What::Dispute | What::Transfer, Some(_)) => {}
    }
    Ok(app.store.stripe_event_handled(&event).await?)
}
