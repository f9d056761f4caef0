//! Money in by card.

use domain::access::Permission;
use domain::id::{OrganizationId, TopUpId, TypedId};
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::top_up::{TopUp, TopUpState};
use futures::FutureExt;
use gateways::payments::{
    Checkout, CheckoutStatus, Confirmation, GatewayError, NewCheckout, NewPayment, Payment, PaymentFailure, PaymentStatus,
    Presence,
};
use serde::Serialize;
use store::page::{Page, Slice};
use store::payments::Open;
use store::payments::top_ups::{NewTopUp, StoredTopUp, top_up_apply, top_up_insert};

use super::cards::require_card;
use super::work::held_first;
use super::{
    auto_top_ups, customer, find_listed, inside, key_may_be_gone, key_of, noted, outside, provider, return_url, since, stripe,
    unavailable,
};
use crate::app::email_verification::require_verified_email;
use crate::app::idempotency::idempotency_key;
use crate::app::wallet::wallet_owner_or_all;
use crate::app::{App, AppError, Caller};

/// What the exchange notes on everything of a top-up.
const NOTE: &str = "top_up";

/// A top-up being asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopUpRequest {
    /// How much.
    pub amount: Money,
    /// The saved card to charge; a page to pay at otherwise.
    pub card: Option<String>,
    /// Whether a card that pays at a page is kept.
    pub save_card: bool,
}

/// Asks for money in by card: writes it down, then asks the provider. An answer that is lost leaves the top-up CREATED, and a
/// worker asks again.
pub async fn wallet_top_up(app: &App, caller: &Caller, key: &str, input: TopUpRequest) -> Result<StoredTopUp, AppError> {
    let organization = caller.principal.require(Permission::WalletWrite)?;
    provider(app)?;
    require_verified_email(app, caller).await?;
    bounds(app, input.amount)?;
    if let Some(card) = &input.card {
        require_card(app, organization, card).await?;
    }
    let key = idempotency_key(organization, key, "wallet_top_up", &input)?;
    let requested_by = caller.principal.user().map(|user| user.0);
    let lease_secs = app.config.workers.lease_secs;
    let id: TopUpId = app
        .store
        .write("wallet_top_up", move |tx| {
            let (key, input) = (key.clone(), input.clone());
            async move {
                if let Some(earlier) = tx.replayed(&key).await? {
                    return Ok(earlier);
                }
                let new = NewTopUp {
                    organization,
                    amount: input.amount,
                    saved_card: input.card,
                    save_card: input.save_card,
                    automatic: false,
                    requested_by,
                    check_secs: lease_secs,
                };
                let done = top_up_insert(&tx, new).await?.id;
                tx.remember(&key, &done).await?;
                Ok::<_, AppError>(done)
            }
        })
        .await?;
    let stored = top_up_read(app, id).await?;
    if stored.standing.state() != TopUpState::Created {
        return Ok(stored);
    }
    match held_first(app, Open::TopUp, id.uuid(), stored.created_at, begin(app, &stored).boxed()).await {
        Ok(stored) => Ok(stored),
        Err(error) => {
            // It is written down: the worker asks again, under the same key.
            tracing::warn!(%error, "a top-up waits for the payment provider");
            Ok(stored)
        }
    }
}

/// A page of top-ups, newest first: the organization's own, or for an operator those of one or of all.
pub async fn top_ups(
    app: &App,
    caller: &Caller,
    organization: Option<OrganizationId>,
    page: &Page<TopUpId>,
) -> Result<Slice<StoredTopUp>, AppError> {
    let owner = wallet_owner_or_all(caller, organization)?;
    Ok(app.store.top_ups(owner, page).await?)
}

/// One top-up, if the caller may see it.
pub async fn top_up(app: &App, caller: &Caller, id: TopUpId) -> Result<Option<StoredTopUp>, AppError> {
    let owner = wallet_owner_or_all(caller, None)?;
    Ok(app.store.top_up(id).await?.filter(|found| owner.is_none_or(|owner| owner == found.organization)))
}

/// Asks the provider about a top-up, whatever it stands at, and takes the answer.
pub(super) async fn top_up_drive(app: &App, id: TopUpId) -> Result<StoredTopUp, AppError> {
    let stored = top_up_read(app, id).await?;
    match &stored.standing {
        TopUp::Created => begin(app, &stored).await,
        TopUp::AuthenticationRequired { payment, url: None } => {
            let card = stored.saved_card.clone().ok_or_else(|| AppError::internal("a page that asks for authentication"))?;
            authenticate(app, &stored, payment, card).await
        }
        _ => ask(app, &stored).await,
    }
}

async fn top_up_read(app: &App, id: TopUpId) -> Result<StoredTopUp, AppError> {
    app.store.top_up(id).await?.ok_or_else(|| AppError::internal("a top-up is gone"))
}

fn bounds(app: &App, amount: Money) -> Result<(), Refusal> {
    let (min, max) = (app.config.stripe.top_up_min_minor, app.config.stripe.top_up_max_minor);
    let money = |minor| Money::new(minor, amount.currency);
    if amount.minor < min {
        return Err(Refusal::invalid("amount", format!("at least {}", money(min))));
    }
    if amount.minor > max {
        return Err(Refusal::new(Code::TooLarge, format!("at most {}", money(max))).at("amount"));
    }
    Ok(())
}

/// Whether a wallet may fill itself by so much.
pub(super) fn bounds_check(app: &App, amount: Money) -> Result<(), Refusal> {
    bounds(app, amount)
}

/// Asks the provider for the first time, or for the first time that anybody knows of.
async fn begin(app: &App, stored: &StoredTopUp) -> Result<StoredTopUp, AppError> {
    let seen = match &stored.saved_card {
        None => begin_page(app, stored).await?,
        Some(card) => begin_card(app, stored, card).await?,
    };
    apply(app, stored.id, seen).await
}

async fn begin_page(app: &App, stored: &StoredTopUp) -> Result<TopUp, AppError> {
    let id = stored.id.to_string();
    let new = NewCheckout {
        amount: outside(stored.amount),
        description: "Wallet top-up".to_owned(),
        customer: customer(app, stored.organization).await?,
        success_url: return_url(app, "state=paid"),
        cancel_url: return_url(app, "state=left"),
        reference: id.clone(),
        save_card: stored.save_card,
        expires_at: None,
        locale: None,
        metadata: noted(NOTE, &id),
    };
    // A page that nobody has seen is paid by nobody, so a second one does no harm.
    let made = stripe(app)?.checkout_create(&key_of(&["topup", &id])?, &new).await.map_err(unavailable)?;
    of_checkout(app, &made).await
}

async fn begin_card(app: &App, stored: &StoredTopUp, card: &str) -> Result<TopUp, AppError> {
    let id = stored.id.to_string();
    if key_may_be_gone(app, stored.created_at) {
        let window = since(app, stored.created_at);
        let found =
            async { find_listed!(stripe_of(app)?, payment_list(&window), |payment| payment.metadata.get(NOTE) == Some(&id)) };
        if let Some(payment) = found.await.map_err(unavailable)? {
            return of_payment(&payment);
        }
    }
    let presence =
        if stored.automatic { Presence::OffSession } else { Presence::OnSession { return_url: return_url(app, "state=paid") } };
    let new = NewPayment {
        amount: outside(stored.amount),
        customer: customer(app, stored.organization).await?,
        card: card.to_owned(),
        presence,
        description: Some("Wallet top-up".to_owned()),
        metadata: noted(NOTE, &id),
    };
    match stripe(app)?.payment_create(&key_of(&["topup", &id])?, &new).await {
        Ok(payment) => of_payment(&payment),
        Err(GatewayError::Declined { authentication: true, payment: Some(payment), .. }) => {
            Ok(TopUp::AuthenticationRequired { payment, url: None })
        }
        Err(GatewayError::Declined { code, payment, .. }) => Ok(TopUp::Failed { payment, reason: code }),
        Err(GatewayError::Refused { code, .. }) => Ok(TopUp::Failed { payment: None, reason: code }),
        Err(GatewayError::NotFound) => Ok(TopUp::Failed { payment: None, reason: "card_not_found".to_owned() }),
        Err(error) => Err(unavailable(error)),
    }
}

fn stripe_of(app: &App) -> Result<&dyn gateways::payments::PaymentGateway, GatewayError> {
    stripe(app).map_err(|_| GatewayError::Unauthorized { code: "no key".to_owned() })
}

/// Lets the bank's page be made for a payment that the bank wants to hear the holder about.
async fn authenticate(app: &App, stored: &StoredTopUp, payment: &str, card: String) -> Result<StoredTopUp, AppError> {
    let key = key_of(&["topup", &stored.id.to_string(), "confirm"])?;
    let confirmation = Confirmation { card, return_url: return_url(app, "state=paid") };
    let seen = match stripe(app)?.payment_confirm(&key, payment, &confirmation).await {
        Ok(payment) => of_payment(&payment)?,
        // The payment is in another state than it was: what it is now counts.
        Err(GatewayError::Refused { .. }) => return ask(app, stored).await,
        Err(GatewayError::Declined { code, .. }) => TopUp::Failed { payment: Some(payment.to_owned()), reason: code },
        Err(error) => return Err(unavailable(error)),
    };
    apply(app, stored.id, seen).await
}

/// What the provider says now.
async fn ask(app: &App, stored: &StoredTopUp) -> Result<StoredTopUp, AppError> {
    let seen = match (&stored.session, &stored.payment) {
        (Some(session), _) => {
            let checkout = stripe(app)?.checkout_retrieve(session).await.map_err(unavailable)?;
            of_checkout(app, &checkout).await?
        }
        (None, Some(payment)) => of_payment(&stripe(app)?.payment_retrieve(payment).await.map_err(unavailable)?)?,
        (None, None) => return Ok(stored.clone()),
    };
    apply(app, stored.id, seen).await
}

/// Takes what is said of a top-up. Whoever is behind a wallet that fills itself is told what it needs to know.
async fn apply(app: &App, id: TopUpId, seen: TopUp) -> Result<StoredTopUp, AppError> {
    let poll_secs = app.config.stripe.poll_secs;
    let done = app.store.write("top_up_apply", move |tx| {
        let seen = seen.clone();
        async move {
            // A bank's page is asked for as soon as it is known that there must be one.
            let check_secs = if matches!(&seen, TopUp::AuthenticationRequired { url: None, .. }) { 0 } else { poll_secs };
            let (stored, changed) =
                top_up_apply(&tx, id, seen, check_secs).await?.ok_or_else(|| Refusal::not_found("id", "top-up"))?;
            if changed && stored.automatic {
                auto_top_ups::settle(&tx, &stored).await?;
            }
            Ok::<_, AppError>((stored, changed))
        }
    });
    let (stored, changed) = done.await?;
    if changed {
        if let Some(paid) = stored.paid().filter(|paid| *paid != stored.amount) {
            tracing::warn!(asked = %stored.amount, %paid, top_up = %stored.id, "another amount was paid than was asked for");
        }
        if stored.automatic {
            auto_top_ups::tell(app, &stored).await?;
        }
    }
    Ok(stored)
}

/// What a page says of its top-up. Of a page that people went through, its payment knows more.
async fn of_checkout(app: &App, checkout: &Checkout) -> Result<TopUp, AppError> {
    match (checkout.status, &checkout.payment) {
        (CheckoutStatus::Open, _) => {
            let url = checkout.url.clone().ok_or_else(|| AppError::internal("an open page without an address"))?;
            Ok(TopUp::Open { session: checkout.id.clone(), url })
        }
        (CheckoutStatus::Expired, _) => Ok(TopUp::Expired),
        (CheckoutStatus::Complete, Some(payment)) => {
            let payment = stripe(app)?.payment_retrieve(payment).await.map_err(unavailable)?;
            match of_payment(&payment)? {
                // The page is behind its payer, so nobody will try another card there.
                TopUp::Failed { payment, reason } => Ok(TopUp::Failed { payment, reason }),
                seen => Ok(seen),
            }
        }
        (CheckoutStatus::Complete, None) => Err(AppError::internal("a page that was paid at without a payment")),
    }
}

fn of_payment(payment: &Payment) -> Result<TopUp, AppError> {
    let id = payment.id.clone();
    Ok(match &payment.status {
        PaymentStatus::Succeeded => TopUp::Paid {
            payment: id,
            paid: Money { minor: payment.received_minor, ..inside(&payment.amount)? },
            receipt_url: payment.receipt_url.clone(),
        },
        PaymentStatus::RequiresAction(authentication) => {
            TopUp::AuthenticationRequired { payment: id, url: authentication.url.clone() }
        }
        PaymentStatus::RequiresCard => match &payment.failure {
            Some(PaymentFailure { authentication: true, .. }) => TopUp::AuthenticationRequired { payment: id, url: None },
            Some(failure) => TopUp::Failed { payment: Some(id), reason: failure.code.clone() },
            None => TopUp::Processing { payment: id },
        },
        PaymentStatus::Canceled => TopUp::Failed { payment: Some(id), reason: "canceled".to_owned() },
        PaymentStatus::RequiresConfirmation | PaymentStatus::Processing | PaymentStatus::RequiresCapture => {
            TopUp::Processing { payment: id }
        }
    })
}

/// The top-up that something of the provider belongs to, by what the exchange noted on it.
pub(super) fn noted_id(metadata: &gateways::payments::Metadata, reference: Option<&str>) -> Option<TopUpId> {
    metadata.get(NOTE).map(String::as_str).or(reference).and_then(|id| id.parse().ok())
}

/// Something happened to a page: its state now counts.
pub async fn checkout_happened(app: &App, session: &str) -> Result<(), AppError> {
    let checkout = stripe(app)?.checkout_retrieve(session).await.map_err(unavailable)?;
    let Some(id) = noted_id(&checkout.metadata, checkout.reference.as_deref()) else { return Ok(()) };
    let Some(stored) = app.store.top_up(id).await? else { return Ok(()) };
    if stored.session.is_none() && checkout.status != CheckoutStatus::Open {
        // Our own row does not know its page yet; it may be paid all the same.
        let known = TopUp::Open { session: checkout.id.clone(), url: checkout.url.clone().unwrap_or_default() };
        apply(app, id, known).await?;
    }
    let seen = of_checkout(app, &checkout).await?;
    // A page of which the answer was lost is followed by another, once its key is forgotten: what becomes of it counts only if,
    // against all odds, somebody paid there.
    let is_another = stored.session.as_ref().is_some_and(|known| *known != checkout.id);
    if is_another && !matches!(seen, TopUp::Paid { .. }) {
        return Ok(());
    }
    apply(app, id, seen).await.map(drop)
}

/// Something happened to a payment: its state now counts, unless a page of its own knows better.
pub(super) async fn payment_happened(app: &App, payment: &str) -> Result<(), AppError> {
    let payment = stripe(app)?.payment_retrieve(payment).await.map_err(unavailable)?;
    let Some(id) = noted_id(&payment.metadata, None) else { return Ok(()) };
    let Some(stored) = app.store.top_up(id).await? else { return Ok(()) };
    let seen = of_payment(&payment)?;
    let by_page = stored.saved_card.is_none();
    match seen {
        TopUp::Paid { .. } => apply(app, id, seen).await.map(drop),
        // At a page another card may be tried after the first was declined: the page says when it is over.
        _ if by_page => Ok(()),
        // The first answer, with the payment's id, may still be on its way: the row then knows its payment from here.
        seen => apply(app, id, seen).await.map(drop),
    }
}
