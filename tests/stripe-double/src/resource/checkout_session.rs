//! Checkout sessions in the mode `payment`: a page on which a customer pays, from its opening to its completion or expiry.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::customer::Customer;
use super::payment_attempt::{self, Session};
use super::payment_intent::PaymentIntent;
use super::payment_method::{self, PaymentBehavior};
use crate::error::ApiError;
use crate::form::Params;
use crate::state::{Answer, Call, State};
use crate::table::{Object, list};

const KNOWN: &[&str] = &[
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "consent_collection",
    "currency",
    "customer",
    "customer_creation",
    "customer_email",
    "customer_update",
    "custom_text",
    "expires_at",
    "invoice_creation",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "payment_method_options",
    "phone_number_collection",
    "saved_payment_method_options",
    "submit_type",
    "success_url",
    "tax_id_collection",
];
const INTENT_DATA: &[&str] = &[
    "capture_method",
    "description",
    "metadata",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];
/// Sessions expire between half an hour and a day after their creation, a day if nothing is said.
const MIN_OPEN_SECS: i64 = 1800;
const MAX_OPEN_SECS: i64 = 24 * 3600;
const MAX_LINE_ITEMS: usize = 100;

/// Where a checkout session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Open,
    Complete,
    Expired,
}

#[derive(Debug, Clone)]
struct LineItem {
    name: String,
    unit_amount: i64,
    quantity: i64,
}

/// A checkout session.
#[derive(Debug)]
pub(crate) struct CheckoutSession {
    id: String,
    created: i64,
    pub(crate) status: Status,
    /// Whether the money is there: one that is complete may still wait for its bank.
    paid: bool,
    expires_at: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    items: Vec<LineItem>,
    customer: Option<String>,
    creates_customer: bool,
    customer_email: Option<String>,
    /// Only the customer who pays makes a payment intent, so there is none until then.
    pub(crate) payment_intent: Option<String>,
    intent_data: Params,
    client_reference_id: Option<String>,
    pub(crate) success_url: String,
    pub(crate) cancel_url: Option<String>,
    url: String,
    metadata: BTreeMap<String, String>,
}

impl CheckoutSession {
    /// Where a customer who paid is sent.
    pub(crate) fn success_location(&self) -> String {
        self.success_url.replace("{CHECKOUT_SESSION_ID}", &self.id)
    }

    /// What is bought, in words.
    pub(crate) fn summary(&self) -> String {
        self.items.iter().map(|item| format!("{} × {}", item.quantity, item.name)).collect::<Vec<_>>().join(", ")
    }
}

impl Object for CheckoutSession {
    const NAME: &'static str = "checkout.session";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        let status = match self.status {
            Status::Open => "open",
            Status::Complete => "complete",
            Status::Expired => "expired",
        };
        let payment_status = if self.paid { "paid" } else { "unpaid" };
        let details = (self.status == Status::Complete || self.customer_email.is_some()).then(|| {
            json!({
                "address": null, "business_name": null, "email": self.customer_email, "individual_name": null, "name": null, "phone": null,
                "tax_exempt": "none", "tax_ids": [],
            })
        });
        json!({
            "id": self.id, "object": "checkout.session", "adaptive_pricing": { "enabled": false }, "after_expiration": null,
            "allow_promotion_codes": null, "amount_subtotal": self.amount, "amount_total": self.amount,
            "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null }, "billing_address_collection": null,
            "cancel_url": self.cancel_url, "client_reference_id": self.client_reference_id, "client_secret": null, "consent": null,
            "consent_collection": null, "created": self.created, "currency": self.currency, "currency_conversion": null, "custom_fields": [],
            "custom_text": { "after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null },
            "customer": self.customer, "customer_creation": if self.creates_customer { "always" } else { "if_required" },
            "customer_details": details, "customer_email": self.customer_email, "discounts": [], "expires_at": self.expires_at, "invoice": null,
            "livemode": false, "locale": null, "metadata": self.metadata, "mode": "payment", "payment_intent": self.payment_intent,
            "payment_link": null, "payment_method_collection": "if_required", "payment_method_options": {}, "payment_method_types": ["card"],
            "payment_status": payment_status, "phone_number_collection": { "enabled": false }, "recovered_from": null, "setup_intent": null,
            "shipping_address_collection": null, "shipping_cost": null, "shipping_options": [], "status": status, "submit_type": null,
            "subscription": null, "success_url": self.success_url,
            "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
            "url": (self.status == Status::Open).then_some(&self.url), "wallet_options": null,
        })
    }
}

/// The line items, which an answer has only if they are asked for.
pub(crate) fn line_items(session: &CheckoutSession) -> Value {
    let items = session.items.iter().zip(1..).map(|(item, number)| {
        let amount = item.unit_amount * item.quantity;
        json!({
            "id": format!("{}_item_{number}", session.id.replacen("cs_", "li_", 1)), "object": "item", "amount_discount": 0,
            "amount_subtotal": amount, "amount_tax": 0, "amount_total": amount, "currency": session.currency, "description": item.name,
            "price": null, "quantity": item.quantity,
        })
    });
    list(&format!("/v1/checkout/sessions/{}/line_items", session.id), items.collect(), false)
}

/// `POST /v1/checkout/sessions`.
pub(crate) fn create(state: &mut State, call: &Call) -> Answer {
    let params = &call.params;
    params.only(KNOWN)?;
    if params.required("mode")? != "payment" {
        return Err(ApiError::invalid("The double knows the mode payment only.", "mode"));
    }
    let success_url = params.required("success_url")?;
    let (currency, items) = read_items(params)?;
    let amount = items.iter().map(|item| item.unit_amount.saturating_mul(item.quantity)).fold(0, i64::saturating_add);
    if !(1..=99_999_999).contains(&amount) {
        return Err(ApiError::validation("amount_too_large", "The total must be from 1 to 99999999 minor units.", "line_items"));
    }
    let now = state.now();
    let expires_at = params.integer("expires_at")?.unwrap_or(now + MAX_OPEN_SECS);
    if !(now + MIN_OPEN_SECS..=now + MAX_OPEN_SECS).contains(&expires_at) {
        return Err(ApiError::invalid("expires_at must be between 30 minutes and 24 hours from now.", "expires_at"));
    }
    let customer = params.text("customer");
    if customer.is_some() && params.has("customer_email") {
        let message = "You may only specify one of these parameters: customer, customer_email.";
        return Err(ApiError::validation("parameters_exclusive", message, "customer"));
    }
    let known_email = customer.as_deref().map(|id| state.customers.get(id, "customer")).transpose()?.and_then(Customer::email);
    let customer_email = params.text("customer_email").or(known_email.map(str::to_owned));
    let intent_data = params.object("payment_intent_data");
    intent_data.only(INTENT_DATA)?;
    // Read once now, so that a parameter which is wrong fails here and not when the customer pays.
    PaymentIntent::read(state, amount, currency.clone(), &intent_data)?;
    let id = state.new_id("cs_test");
    let session = CheckoutSession {
        url: format!("{}/c/pay/{id}", state.base_url),
        id,
        created: now,
        status: Status::Open,
        paid: false,
        expires_at,
        amount,
        currency,
        items,
        customer,
        creates_customer: params.text("customer_creation").as_deref() == Some("always"),
        customer_email,
        payment_intent: None,
        intent_data,
        client_reference_id: params.text("client_reference_id"),
        success_url,
        cancel_url: params.text("cancel_url"),
        metadata: params.metadata()?,
    };
    let rendered = session.render();
    state.checkout_sessions.insert(session);
    Ok(rendered)
}

/// `GET /v1/checkout/sessions/{id}`.
pub(crate) fn retrieve(state: &State, id: &str) -> Answer {
    state.checkout_sessions.get(id, "id").map(Object::render)
}

/// `GET /v1/checkout/sessions`.
pub(crate) fn page(state: &State, call: &Call) -> Answer {
    call.params.only(&["created", "customer", "ending_before", "limit", "payment_intent", "starting_after", "status"])?;
    let (customer, intent) = (call.params.text("customer"), call.params.text("payment_intent"));
    state.checkout_sessions.page("/v1/checkout/sessions", &call.params, |session| {
        (customer.is_none() || session.customer == customer) && (intent.is_none() || session.payment_intent == intent)
    })
}

/// `GET /v1/checkout/sessions/{id}/line_items`.
pub(crate) fn items(state: &State, id: &str) -> Answer {
    state.checkout_sessions.get(id, "id").map(line_items)
}

/// `POST /v1/checkout/sessions/{id}/expire`, and what an abandoned session comes to in the end.
pub(crate) fn expire(state: &mut State, id: &str) -> Answer {
    let session = state.checkout_sessions.get_mut(id, "id")?;
    if session.status != Status::Open {
        return Err(ApiError::refused_without_code("Only Checkout Sessions with a status of open can be expired.", "session"));
    }
    session.status = Status::Expired;
    let (rendered, intent) = (session.render(), session.payment_intent.clone());
    if let Some(intent) = intent {
        super::payment_intent::cancel_with(state, &intent, Some("automatic".to_owned()))?;
    }
    state.emit("checkout.session.expired", rendered.clone());
    Ok(rendered)
}

/// Whether a payment intent is that of an open session.
pub(crate) fn is_open_for(state: &State, intent: &str) -> bool {
    state
        .checkout_sessions
        .iter()
        .any(|session| session.status == Status::Open && session.payment_intent.as_deref() == Some(intent))
}

/// Expires the open sessions whose time is over.
pub(crate) fn expire_due(state: &mut State) {
    let now = state.now();
    let due: Vec<_> = state
        .checkout_sessions
        .iter()
        .filter(|session| session.status == Status::Open && session.expires_at <= now)
        .map(|session| session.id.clone())
        .collect();
    for id in due {
        let expired = expire(state, &id);
        debug_assert!(expired.is_ok(), "the session was open just now");
    }
}

/// The customer presses "pay" with a card of some behaviour. A card that is refused leaves the session open for another; one that
/// requires authentication leaves the payment intent waiting for it.
pub(crate) fn pay(state: &mut State, id: &str, behavior: PaymentBehavior) -> Answer {
    let session = state.checkout_sessions.get(id, "session")?;
    if session.status != Status::Open {
        return Err(ApiError::control("the checkout session is not open"));
    }
    let intent = match session.payment_intent.clone() {
        Some(intent) => intent,
        None => open_intent(state, id)?,
    };
    let method = payment_method::make(state, behavior, None);
    state.payment_intents.get_mut(&intent, "payment_intent")?.payment_method = Some(method);
    match payment_attempt::attempt(state, &intent, Session::On) {
        Ok(_) => complete_if_done(state, &intent)?,
        Err(error) if error.status == 402 => {}
        Err(error) => return Err(error),
    }
    retrieve(state, id)
}

/// Completes the session whose customer has done all there is to do, if there is one: its payment intent has succeeded, or waits for
/// a bank that answers in days.
pub(crate) fn complete_if_done(state: &mut State, intent: &str) -> Result<(), ApiError> {
    let found =
        state.checkout_sessions.iter().find(|one| one.payment_intent.as_deref() == Some(intent) && one.status == Status::Open);
    let Some(id) = found.map(|session| session.id.clone()) else { return Ok(()) };
    let paid = match state.payment_intents.get(intent, "payment_intent")?.status {
        super::payment_intent::Status::Succeeded => true,
        super::payment_intent::Status::Processing => false,
        _ => return Ok(()),
    };
    let session = state.checkout_sessions.get_mut(&id, "session")?;
    (session.status, session.paid) = (Status::Complete, paid);
    let rendered = session.render();
    state.emit("checkout.session.completed", rendered);
    Ok(())
}

/// Tells what the bank answered in the end to the payment of a completed session.
pub(crate) fn settle(state: &mut State, intent: &str, succeeded: bool) -> Result<(), ApiError> {
    let found = state.checkout_sessions.iter().find(|one| one.payment_intent.as_deref() == Some(intent));
    let Some(id) = found.filter(|session| session.status == Status::Complete).map(|session| session.id.clone()) else {
        return Ok(());
    };
    let session = state.checkout_sessions.get_mut(&id, "session")?;
    session.paid = succeeded;
    let rendered = session.render();
    state.emit(
        if succeeded { "checkout.session.async_payment_succeeded" } else { "checkout.session.async_payment_failed" },
        rendered,
    );
    Ok(())
}

fn open_intent(state: &mut State, id: &str) -> Result<String, ApiError> {
    let session = state.checkout_sessions.get(id, "session")?;
    let (amount, currency, data) = (session.amount, session.currency.clone(), session.intent_data.clone());
    let (mut customer, email, creates) = (session.customer.clone(), session.customer_email.clone(), session.creates_customer);
    let mut intent = PaymentIntent::read(state, amount, currency, &data)?;
    // A card can be kept for a customer only, so one is made for a card that is to be kept.
    if customer.is_none() && (creates || intent.setup_future_usage.is_some()) {
        customer = Some(Customer::from_checkout(state, email));
    }
    intent.customer.clone_from(&customer);
    let intent_id = intent.id.clone();
    let rendered = intent.render();
    state.payment_intents.insert(intent);
    state.emit("payment_intent.created", rendered);
    let session = state.checkout_sessions.get_mut(id, "session")?;
    session.customer = customer;
    session.payment_intent = Some(intent_id.clone());
    Ok(intent_id)
}

fn read_items(params: &Params) -> Result<(String, Vec<LineItem>), ApiError> {
    let items = params.items("line_items");
    if items.is_empty() || items.len() > MAX_LINE_ITEMS {
        return Err(params.missing("line_items"));
    }
    let mut currency: Option<String> = None;
    let mut read = Vec::new();
    for item in items {
        item.only(&["adjustable_quantity", "dynamic_tax_rates", "metadata", "price_data", "quantity", "tax_rates"])?;
        let price = item.object("price_data");
        let of_item = price.currency("currency")?;
        if currency.as_ref().is_some_and(|known| *known != of_item) {
            return Err(ApiError::invalid("All line items must have the same currency.", &price.name("currency")));
        }
        currency = Some(of_item);
        let quantity = item.integer("quantity")?.ok_or_else(|| item.missing("quantity"))?;
        if !(1..=999_999).contains(&quantity) {
            return Err(ApiError::validation(
                "parameter_invalid_integer",
                "The quantity must be from 1 to 999999.",
                &item.name("quantity"),
            ));
        }
        read.push(LineItem {
            name: price.object("product_data").required("name")?,
            unit_amount: price.amount("unit_amount")?,
            quantity,
        });
    }
    Ok((currency.unwrap_or_default(), read))
}
