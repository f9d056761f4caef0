//! Payment intents and charges.

use gateways::payments::{
    Authentication, Charge, ClientSecret, Confirmation, GatewayError, NewPayment, PageRequest, Payment, PaymentFailure,
    PaymentStatus, Presence, Window,
};
use stripe_core::charge::ListCharge;
use stripe_core::payment_intent::{
    CancelPaymentIntent, ConfirmPaymentIntent, CreatePaymentIntent, CreatePaymentIntentOffSession, ListPaymentIntent,
    RetrievePaymentIntent,
};
use stripe_shared::{PaymentIntentAllowedPaymentMethodTypes, PaymentIntentStatus};

use crate::currency::{from_stripe, minor_from_stripe, to_stripe};
use crate::failure;
use crate::list::{created, paged};
use crate::value::{id, id_of, mode, moment, notes};

/// Brings the charge along, which has the receipt.
const CHARGE: &str = "latest_charge";

pub(crate) fn create(payment: &NewPayment) -> Result<CreatePaymentIntent, GatewayError> {
    let (minor, currency) = to_stripe(&payment.amount)?;
    let mut request = CreatePaymentIntent::new(minor, currency)
        .allowed_payment_method_types(vec![PaymentIntentAllowedPaymentMethodTypes::Card])
        .customer(&payment.customer)
        .payment_method(&payment.card)
        .confirm(true)
        .expand(expanded());
    request = match &payment.presence {
        Presence::OnSession { return_url } => request.return_url(return_url),
        Presence::OffSession => request.off_session(CreatePaymentIntentOffSession::Bool(true)),
    };
    if let Some(description) = &payment.description {
        request = request.description(description);
    }
    Ok(match notes(&payment.metadata) {
        Some(notes) => request.metadata(notes),
        None => request,
    })
}

pub(crate) fn confirm(payment: &str, confirmation: &Confirmation) -> Result<ConfirmPaymentIntent, GatewayError> {
    Ok(ConfirmPaymentIntent::new(id(payment)?)
        .payment_method(&confirmation.card)
        .return_url(&confirmation.return_url)
        .expand(expanded()))
}

pub(crate) fn cancel(payment: &str) -> Result<CancelPaymentIntent, GatewayError> {
    Ok(CancelPaymentIntent::new(id(payment)?))
}

pub(crate) fn retrieve(payment: &str) -> Result<RetrievePaymentIntent, GatewayError> {
    Ok(RetrievePaymentIntent::new(id(payment)?).expand(expanded()))
}

pub(crate) fn list(window: &Window, page: &PageRequest) -> ListPaymentIntent {
    paged!(ListPaymentIntent::new().created(created(window)), page)
}

pub(crate) fn list_charges(window: &Window, page: &PageRequest) -> ListCharge {
    paged!(ListCharge::new().created(created(window)), page)
}

pub(crate) fn read(intent: stripe_shared::PaymentIntent) -> Payment {
    let url = intent.next_action.and_then(|action| action.redirect_to_url).and_then(|redirect| redirect.url);
    let client_secret = ClientSecret::new(intent.client_secret.unwrap_or_default());
    let amount = from_stripe(intent.amount, &intent.currency);
    let receipt_url = intent.latest_charge.as_ref().and_then(|charge| charge.as_object()?.receipt_url.clone());
    Payment {
        id: intent.id.to_string(),
        mode: mode(intent.livemode),
        status: match intent.status {
            PaymentIntentStatus::RequiresPaymentMethod => PaymentStatus::RequiresCard,
            PaymentIntentStatus::RequiresConfirmation => PaymentStatus::RequiresConfirmation,
            PaymentIntentStatus::RequiresAction => PaymentStatus::RequiresAction(Authentication { url, client_secret }),
            PaymentIntentStatus::RequiresCapture => PaymentStatus::RequiresCapture,
            PaymentIntentStatus::Canceled => PaymentStatus::Canceled,
            PaymentIntentStatus::Succeeded => PaymentStatus::Succeeded,
            // Of a status that is not known yet, only this is safe to say: nothing is paid, and nothing is over.
            _ => PaymentStatus::Processing,
        },
        received_minor: minor_from_stripe(intent.amount_received, &amount.currency),
        amount,
        customer: id_of(intent.customer),
        card: id_of(intent.payment_method),
        failure: intent.last_payment_error.map(|error| PaymentFailure {
            code: failure::reason(&error),
            authentication: failure::needs_authentication(&error),
            card: error.payment_method.map(|method| method.id.to_string()),
        }),
        charge: id_of(intent.latest_charge),
        receipt_url,
        created: moment(intent.created),
        metadata: intent.metadata.into_iter().collect(),
    }
}

pub(crate) fn read_charge(charge: stripe_shared::Charge) -> Charge {
    let amount = from_stripe(charge.amount, &charge.currency);
    Charge {
        id: charge.id.to_string(),
        mode: mode(charge.livemode),
        paid: charge.paid,
        refunded_minor: minor_from_stripe(charge.amount_refunded, &amount.currency),
        amount,
        disputed: charge.disputed,
        payment: id_of(charge.payment_intent),
        customer: id_of(charge.customer),
        failure_code: charge.failure_code,
        receipt_url: charge.receipt_url,
        balance_entry: id_of(charge.balance_transaction),
        created: moment(charge.created),
        metadata: charge.metadata.into_iter().collect(),
    }
}

fn expanded() -> Vec<String> {
    vec![CHARGE.to_owned()]
}
