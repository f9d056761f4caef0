//! Wallets that fill themselves from a saved card when they run low.

use domain::access::Permission;
use domain::auto_top_up::AutoTopUpState;
use domain::id::TypedId;
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::top_up::{TopUp, TopUpState};
use futures::FutureExt;
use store::payments::Open;
use store::payments::auto_top_ups::{AutoTopUp, auto_top_up_begin, auto_top_up_pause, auto_top_up_set as save};
use store::payments::top_ups::StoredTopUp;
use store::{Tx, WriteError};

use super::cards::require_card;
use super::provider;
use super::top_ups::{bounds_check, top_up_drive};
use super::work::held_first;
use crate::app::email_verification::require_verified_email;
use crate::app::member::require_member;
use crate::app::message::{MESSAGE_SEND, Message, message_seal};
use crate::app::{App, AppError, Caller};
use crate::ports::Mail;

/// How a wallet is to fill itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoTopUpSet {
    /// Below this.
    pub threshold: Money,
    /// By this much.
    pub amount: Money,
    /// At most this much in a calendar month.
    pub monthly_max: Money,
    /// From this card.
    pub card: String,
    /// Whether it does.
    pub active: bool,
}

/// How the wallet of the caller's organization fills itself, by currency.
pub async fn auto_top_ups(app: &App, caller: &Caller) -> Result<Vec<AutoTopUp>, AppError> {
    let organization = caller.principal.require(Permission::WalletRead)?;
    Ok(app.store.auto_top_ups(organization).await?)
}

/// Sets how the wallet of the caller's organization fills itself in one currency; a pause after a decline ends with it.
pub async fn auto_top_up_set(app: &App, caller: &Caller, input: AutoTopUpSet) -> Result<AutoTopUp, AppError> {
    let (set_by, organization, _) = require_member(caller, Permission::WalletWrite)?;
    provider(app)?;
    require_verified_email(app, caller).await?;
    let currency = input.amount.currency;
    for (money, field) in [(input.threshold, "threshold"), (input.monthly_max, "monthlyMax")] {
        if money.currency != currency {
            return Err(Refusal::new(Code::CurrencyMismatch, format!("the amount is in {currency}")).at(field).into());
        }
    }
    bounds_check(app, input.amount)?;
    if input.monthly_max.minor < input.amount.minor {
        return Err(Refusal::invalid("monthlyMax", "at least one filling").into());
    }
    require_card(app, organization, &input.card).await?;
    let set = AutoTopUp {
        organization,
        currency,
        threshold_minor: input.threshold.minor,
        amount_minor: input.amount.minor,
        monthly_max_minor: input.monthly_max.minor,
        saved_card: input.card,
        state: if input.active { AutoTopUpState::Active } else { AutoTopUpState::Off },
        reason: None,
        set_by,
        updated_at: app.now(),
    };
    app.store
        .write("auto_top_up_set", move |tx| {
            let set = set.clone();
            async move {
                tx.organization_lock(organization).await?;
                Ok::<_, AppError>(save(&tx, set).await?)
            }
        })
        .await
}

/// Fills the wallets that are low; answers how many top-ups were begun.
pub async fn auto_top_ups_fill(app: &App) -> Result<u64, AppError> {
    if app.payments.is_none() {
        return Ok(0);
    }
    let (lease_secs, mut begun) = (app.config.workers.lease_secs, 0_u64);
    for (organization, currency) in app.store.auto_top_ups_low(app.config.workers.batch).await? {
        let stored = app.store.write("auto_top_up_begin", move |tx| async move {
            Ok::<_, AppError>(auto_top_up_begin(&tx, organization, currency, lease_secs).await?)
        });
        if let Some(stored) = stored.await? {
            begun = begun.saturating_add(1);
            let driven = top_up_drive(app, stored.id).boxed();
            if let Err(error) = held_first(app, Open::TopUp, stored.id.uuid(), stored.created_at, driven).await {
                tracing::warn!(%error, "an automatic top-up waits for the payment provider");
            }
        }
    }
    Ok(begun)
}

/// A decline pauses the filling, in the transaction that notes it.
pub(super) async fn settle(tx: &Tx, stored: &StoredTopUp) -> Result<(), WriteError> {
    match &stored.standing {
        TopUp::Failed { reason, .. } => auto_top_up_pause(tx, stored.organization, stored.amount.currency, reason).await,
        TopUp::Expired => auto_top_up_pause(tx, stored.organization, stored.amount.currency, "expired").await,
        _ => Ok(()),
    }
}

/// Mails whoever set the filling that the bank asks for its cardholder, or that the card was declined.
pub(super) async fn tell(app: &App, stored: &StoredTopUp) -> Result<(), AppError> {
    let text = match &stored.standing {
        TopUp::AuthenticationRequired { url: Some(url), .. } => format!(
            "Your wallet on Clearlead is low and should have been filled by {}. The card's bank wants its holder to confirm that:\n\n    \
             {url}\n\nUntil then the wallet stays as it is.\n",
            stored.amount
        ),
        TopUp::Failed { .. } => format!(
            "Your wallet on Clearlead is low and should have been filled by {}, but the card was declined. It does not fill itself \
             until you set that again, perhaps with another card.\n",
            stored.amount
        ),
        _ => return Ok(()),
    };
    let Some(by) = stored.requested_by else { return Ok(()) };
    let Some(person) = app.store.person(by.into()).await? else { return Ok(()) };
    let subject = match stored.standing.state() {
        TopUpState::AuthenticationRequired => "Your bank asks you to confirm a payment",
        _ => "Your wallet could not be filled",
    };
    let mail = Mail { to: person.email.as_str().to_owned(), subject: subject.to_owned(), text };
    let payload = message_seal(app, &Message::Mail(mail))?;
    let now = app.now();
    app.store
        .write("auto_top_up_tell", move |tx| {
            let payload = payload.clone();
            async move {
                tx.enqueue(MESSAGE_SEND, payload, now).await?;
                Ok::<_, AppError>(())
            }
        })
        .await
}
