//! Checkout sessions.

use gateways::payments::{Checkout, CheckoutStatus, GatewayError, NewCheckout, PageRequest, Window};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAllowedPaymentMethodTypes, CreateCheckoutSessionLineItems,
    CreateCheckoutSessionLineItemsPriceData, CreateCheckoutSessionPaymentIntentData,
    CreateCheckoutSessionPaymentIntentDataSetupFutureUsage, ListCheckoutSession, ProductData,
};
use stripe_shared::{CheckoutSessionLocale, CheckoutSessionMode, CheckoutSessionPaymentStatus, CheckoutSessionStatus};

use crate::currency::{from_stripe, to_stripe};
use crate::list::{created, paged};
use crate::value::{id_of, metadata, mode, moment, notes};

pub(crate) fn create(checkout: &NewCheckout) -> Result<CreateCheckoutSession, GatewayError> {
    let (minor, currency) = to_stripe(&checkout.amount)?;
    let mut price = CreateCheckoutSessionLineItemsPriceData::new(currency);
    price.unit_amount = Some(minor);
    price.product_data = Some(ProductData::new(&checkout.description));
    let mut item = CreateCheckoutSessionLineItems::new();
    item.price_data = Some(price);
    item.quantity = Some(1);
    let mut intent = CreateCheckoutSessionPaymentIntentData::new();
    intent.description = Some(checkout.description.clone());
    intent.metadata = notes(&checkout.metadata);
    intent.setup_future_usage = checkout.save_card.then_some(CreateCheckoutSessionPaymentIntentDataSetupFutureUsage::OffSession);
    let mut request = CreateCheckoutSession::new()
        .mode(CheckoutSessionMode::Payment)
        .allowed_payment_method_types(vec![CreateCheckoutSessionAllowedPaymentMethodTypes::Card])
        .line_items(vec![item])
        .payment_intent_data(intent)
        .customer(&checkout.customer)
        .client_reference_id(&checkout.reference)
        .success_url(&checkout.success_url)
        .cancel_url(&checkout.cancel_url);
    if let Some(expires_at) = checkout.expires_at {
        request = request.expires_at(expires_at.timestamp());
    }
    if let Some(locale) = checkout.locale.as_deref().and_then(locale) {
        request = request.locale(locale);
    }
    Ok(match notes(&checkout.metadata) {
        Some(notes) => request.metadata(notes),
        None => request,
    })
}

pub(crate) fn list(window: &Window, page: &PageRequest) -> ListCheckoutSession {
    paged!(ListCheckoutSession::new().created(created(window)), page)
}

/// A checkout; none if the session asks for no payment, as one that only saves a card.
pub(crate) fn read(session: stripe_shared::CheckoutSession) -> Option<Checkout> {
    Some(Checkout {
        id: session.id.to_string(),
        mode: mode(session.livemode),
        // A status that is not known yet must not let anybody believe that the checkout is over.
        status: match session.status {
            Some(CheckoutSessionStatus::Complete) => CheckoutStatus::Complete,
            Some(CheckoutSessionStatus::Expired) => CheckoutStatus::Expired,
            _ => CheckoutStatus::Open,
        },
        paid: session.payment_status == CheckoutSessionPaymentStatus::Paid,
        url: session.url,
        amount: from_stripe(session.amount_total?, &session.currency?),
        payment: id_of(session.payment_intent),
        customer: id_of(session.customer),
        reference: session.client_reference_id,
        created: moment(session.created),
        expires_at: moment(session.expires_at),
        metadata: metadata(session.metadata),
    })
}

/// The page's language, none if Stripe has no page in it: the browser then decides.
fn locale(tag: &str) -> Option<CheckoutSessionLocale> {
    let locale = tag.parse().ok()?;
    if matches!(locale, CheckoutSessionLocale::Unknown(_)) { None } else { Some(locale) }
}
