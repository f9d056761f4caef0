//! Payment intents: what a customer is asked to pay, from the asking to the success.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::payment_attempt::{self, Session};
use crate::error::ApiError;
use crate::form::Params;
use crate::state::{Answer, Call, State};
use crate::table::Object;

const KNOWN: &[&str] = &[
    "allowed_payment_method_types",
    "amount",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "confirmation_method",
    "currency",
    "customer",
    "description",
    "error_on_requires_action",
    "metadata",
    "off_session",
    "payment_method",
    "payment_method_options",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
    "use_stripe_sdk",
];
const CONFIRM_KNOWN: &[&str] = &[
    "allowed_payment_method_types",
    "error_on_requires_action",
    "off_session",
    "payment_method",
    "payment_method_options",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "use_stripe_sdk",
];
const CANCELLATION_REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer", "abandoned"];

/// Where a payment intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    Succeeded,
    Canceled,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }

    /// Whether it can be neither confirmed nor canceled.
    fn is_closed(self) -> bool {
        matches!(self, Self::Processing | Self::Succeeded | Self::Canceled)
    }
}

/// A payment intent.
#[derive(Debug)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) status: Status,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) payment_method: Option<String>,
    pub(crate) latest_charge: Option<String>,
    pub(crate) last_payment_error: Option<Value>,
    pub(crate) setup_future_usage: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) transfer_group: Option<String>,
    pub(crate) statement_descriptor: Option<String>,
    pub(crate) return_url: Option<String>,
    pub(crate) automatic_payment_methods: bool,
    /// Where the customer goes to authenticate.
    pub(crate) authentication_url: String,
    pub(crate) canceled: Option<(i64, Option<String>)>,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl PaymentIntent {
    /// Of an amount, a currency, and the other parameters of `params`, which a checkout session has under `payment_intent_data`.
    pub(crate) fn read(state: &mut State, amount: i64, currency: String, params: &Params) -> Result<Self, ApiError> {
        check_future_usage(params)?;
        if params.text("capture_method").is_some_and(|method| method == "manual") {
            return Err(ApiError::invalid("The double captures automatically only.", &params.name("capture_method")));
        }
        let metadata = params.metadata()?;
        let id = state.new_id("pi");
        Ok(Self {
            created: state.now(),
            status: Status::RequiresPaymentMethod,
            amount,
            currency,
            customer: None,
            payment_method: None,
            latest_charge: None,
            last_payment_error: None,
            setup_future_usage: params.text("setup_future_usage"),
            description: params.text("description"),
            receipt_email: params.text("receipt_email"),
            transfer_group: params.text("transfer_group"),
            statement_descriptor: params.text("statement_descriptor"),
            return_url: params.text("return_url"),
            automatic_payment_methods: params.object("automatic_payment_methods").boolean("enabled")?.unwrap_or(false),
            authentication_url: format!("{}/authenticate/{id}", state.base_url),
            canceled: None,
            metadata,
            id,
        })
    }
}

impl PaymentIntent {
    pub(crate) fn is_paid(&self) -> bool {
        self.status == Status::Succeeded
    }
}

impl Object for PaymentIntent {
    const NAME: &'static str = "payment_intent";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        let next_action = (self.status == Status::RequiresAction).then(|| {
            json!({ "type": "redirect_to_url", "redirect_to_url": { "return_url": self.return_url, "url": self.authentication_url } })
        });
        let received = if self.status == Status::Succeeded { self.amount } else { 0 };
        let automatic = self.automatic_payment_methods.then(|| json!({ "allow_redirects": "always", "enabled": true }));
        json!({
            "id": self.id, "object": "payment_intent", "amount": self.amount, "amount_capturable": 0, "amount_details": { "tip": {} },
            "amount_received": received, "application": null, "application_fee_amount": null, "automatic_payment_methods": automatic,
            "canceled_at": self.canceled.as_ref().map(|(at, _)| at),
            "cancellation_reason": self.canceled.as_ref().and_then(|(_, reason)| reason.clone()),
            "capture_method": "automatic", "client_secret": format!("{}_secret_double", self.id), "confirmation_method": "automatic",
            "created": self.created, "currency": self.currency, "customer": self.customer, "description": self.description,
            "last_payment_error": self.last_payment_error, "latest_charge": self.latest_charge, "livemode": false, "metadata": self.metadata,
            "next_action": next_action, "on_behalf_of": null, "payment_method": self.payment_method,
            "payment_method_configuration_details": null,
            "payment_method_options": { "card": {
                "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic",
            } },
            "payment_method_types": ["card"], "processing": null, "receipt_email": self.receipt_email, "review": null,
            "setup_future_usage": self.setup_future_usage, "shipping": null, "source": null,
            "statement_descriptor": self.statement_descriptor, "statement_descriptor_suffix": null, "status": self.status.as_str(),
            "transfer_data": null, "transfer_group": self.transfer_group,
        })
    }
}

/// `POST /v1/payment_intents`. A declined confirmation answers 402 and leaves the payment intent behind.
pub(crate) fn create(state: &mut State, call: &Call) -> Answer {
    let params = &call.params;
    refuse_method_types(params)?;
    params.only(KNOWN)?;
    let (amount, currency) = (params.amount("amount")?, params.currency("currency")?);
    let confirm = params.boolean("confirm")?.unwrap_or(false);
    let off_session = is_off_session(params)?;
    if off_session && !confirm {
        return Err(ApiError::invalid("off_session can be used only when confirm is true.", "off_session"));
    }
    let customer = params.text("customer");
    if let Some(customer) = &customer {
        state.customers.get(customer, "customer")?;
    }
    let named = params.text("payment_method");
    if confirm && named.is_none() {
        return Err(params.missing("payment_method"));
    }
    let session = session(params, off_session)?;
    let mut intent = PaymentIntent::read(state, amount, currency, params)?;
    let method = named.map(|named| payment_attempt::usable_method(state, &named, customer.as_deref())).transpose()?;
    intent.customer = customer;
    if method.is_some() {
        intent.status = Status::RequiresConfirmation;
    }
    intent.payment_method = method;
    let id = intent.id.clone();
    let rendered = intent.render();
    state.payment_intents.insert(intent);
    state.emit("payment_intent.created", rendered.clone());
    if !confirm {
        return Ok(rendered);
    }
    payment_attempt::attempt(state, &id, session)
}

/// `GET /v1/payment_intents/{id}`.
pub(crate) fn retrieve(state: &State, id: &str) -> Answer {
    state.payment_intents.get(id, "id").map(Object::render)
}

/// `POST /v1/payment_intents/{id}/confirm`.
pub(crate) fn confirm(state: &mut State, call: &Call, id: &str) -> Answer {
    let params = &call.params;
    refuse_method_types(params)?;
    params.only(CONFIRM_KNOWN)?;
    let session = session(params, is_off_session(params)?)?;
    check_future_usage(params)?;
    let intent = state.payment_intents.get(id, "id")?;
    if intent.status.is_closed() {
        return Err(unexpected_state(intent, "confirmed"));
    }
    check_not_of_checkout(state, id)?;
    let customer = intent.customer.clone();
    let method = params
        .text("payment_method")
        .map(|named| payment_attempt::usable_method(state, &named, customer.as_deref()))
        .transpose()?;
    let intent = state.payment_intents.get_mut(id, "id")?;
    if method.is_some() {
        intent.payment_method = method;
    }
    if intent.payment_method.is_none() {
        return Err(unexpected_state(intent, "confirmed without a payment method"));
    }
    params.replace("receipt_email", &mut intent.receipt_email);
    params.replace("return_url", &mut intent.return_url);
    params.replace("setup_future_usage", &mut intent.setup_future_usage);
    payment_attempt::attempt(state, id, session)
}

/// `POST /v1/payment_intents/{id}/cancel`.
pub(crate) fn cancel(state: &mut State, call: &Call, id: &str) -> Answer {
    call.params.only(&["cancellation_reason"])?;
    let reason = call.params.text("cancellation_reason");
    if reason.as_ref().is_some_and(|reason| !CANCELLATION_REASONS.contains(&reason.as_str())) {
        return Err(ApiError::invalid("Invalid cancellation_reason", "cancellation_reason"));
    }
    check_not_of_checkout(state, id)?;
    cancel_with(state, id, reason)
}

/// Cancels an intent that is neither paid nor being paid.
pub(crate) fn cancel_with(state: &mut State, id: &str, reason: Option<String>) -> Answer {
    let now = state.now();
    let intent = state.payment_intents.get_mut(id, "id")?;
    if intent.status.is_closed() {
        return Err(unexpected_state(intent, "canceled"));
    }
    intent.status = Status::Canceled;
    intent.canceled = Some((now, reason));
    let rendered = intent.render();
    state.emit("payment_intent.canceled", rendered.clone());
    Ok(rendered)
}

/// `GET /v1/payment_intents`.
pub(crate) fn page(state: &State, call: &Call) -> Answer {
    call.params.only(&["created", "customer", "ending_before", "limit", "starting_after"])?;
    let customer = call.params.text("customer");
    state.payment_intents.page("/v1/payment_intents", &call.params, |intent| customer.is_none() || intent.customer == customer)
}

/// Checkout alone decides about the intent of an open session.
fn check_not_of_checkout(state: &State, id: &str) -> Result<(), ApiError> {
    if super::checkout_session::is_open_for(state, id) {
        let message = "This PaymentIntent belongs to an open Checkout Session; expire the session instead.";
        return Err(ApiError::refused("payment_intent_unexpected_state", message));
    }
    Ok(())
}

/// The version 2026-09-30.endive took away what a list of allowed types replaces.
fn refuse_method_types(params: &Params) -> Result<(), ApiError> {
    if params.has("payment_method_types") {
        let message = "payment_method_types is no longer supported; see allowed_payment_method_types.";
        return Err(ApiError::validation("payment_method_types_no_longer_supported", message, "payment_method_types"));
    }
    Ok(())
}

fn check_future_usage(params: &Params) -> Result<(), ApiError> {
    match params.text("setup_future_usage").as_deref() {
        None | Some("off_session" | "on_session") => Ok(()),
        Some(_) => {
            let message = "Invalid setup_future_usage: must be one of off_session or on_session";
            Err(ApiError::invalid(message, &params.name("setup_future_usage")))
        }
    }
}

fn unexpected_state(intent: &PaymentIntent, verb: &str) -> ApiError {
    let message = format!("This PaymentIntent cannot be {verb} because it has a status of {}.", intent.status.as_str());
    ApiError::refused("payment_intent_unexpected_state", &message).with("payment_intent", intent.render())
}

/// `off_session` is a boolean, or one of two older words that mean the same.
fn is_off_session(params: &Params) -> Result<bool, ApiError> {
    match params.text("off_session").as_deref() {
        Some("one_off" | "recurring") => Ok(true),
        _ => Ok(params.boolean("off_session")?.unwrap_or(false)),
    }
}

fn session(params: &Params, off_session: bool) -> Result<Session, ApiError> {
    let refuse_action = params.boolean("error_on_requires_action")?.unwrap_or(false);
    Ok(if off_session || refuse_action { Session::Off } else { Session::On })
}
