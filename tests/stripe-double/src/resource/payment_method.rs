//! Payment methods: cards, and how the bank behind each behaves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::state::{Answer, Call, State};
use crate::table::Object;

/// How the bank behind a card answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "behavior", rename_all = "snake_case")]
pub enum PaymentBehavior {
    /// It pays.
    #[default]
    Succeeds,
    /// It refuses, with one of Stripe's decline codes.
    Declined {
        /// Such as `generic_decline`, `insufficient_funds` or `expired_card`.
        #[serde(default = "generic_decline")]
        decline_code: String,
    },
    /// It asks its customer to authenticate, and refuses a payment of which the customer is no part.
    RequiresAuthentication,
    /// It is a method whose bank answers in days, as a debit does: the payment is being processed until the control plane settles it.
    Delayed,
}

fn generic_decline() -> String {
    "generic_decline".to_owned()
}

impl PaymentBehavior {
    /// Of the ids that Stripe's test mode knows without their being created.
    fn of_test_id(id: &str) -> Option<Self> {
        let declined = |code: &str| Some(Self::Declined { decline_code: code.to_owned() });
        match id {
            "pm_card_visa" | "pm_card_mastercard" | "pm_card_amex" => Some(Self::Succeeds),
            "pm_card_chargeDeclined" | "pm_card_visa_chargeDeclined" | "pm_card_chargeCustomerFail" => {
                declined("generic_decline")
            }
            "pm_card_chargeDeclinedInsufficientFunds" | "pm_card_visa_chargeDeclinedInsufficientFunds" => {
                declined("insufficient_funds")
            }
            "pm_card_chargeDeclinedExpiredCard" => declined("expired_card"),
            "pm_card_chargeDeclinedProcessingError" => declined("processing_error"),
            "pm_card_authenticationRequired" | "pm_card_threeDSecure2Required" | "pm_card_threeDSecureRequired" => {
                Some(Self::RequiresAuthentication)
            }
            _ => None,
        }
    }
}

/// A card.
#[derive(Debug)]
pub(crate) struct PaymentMethod {
    id: String,
    created: i64,
    pub(crate) customer: Option<String>,
    /// Once used without a customer, or detached from one, a method cannot be used again.
    pub(crate) spent: bool,
    pub(crate) behavior: PaymentBehavior,
    metadata: BTreeMap<String, String>,
}

impl PaymentMethod {
    /// Refuses a payment for one customer by the card of another.
    pub(crate) fn check_usable_by(&self, customer: &str) -> Result<(), ApiError> {
        match &self.customer {
            Some(owner) if owner != customer => {
                Err(ApiError::refused("payment_method_unexpected_state", "The payment method belongs to another customer.")
                    .with("param", "payment_method"))
            }
            _ => Ok(()),
        }
    }

    /// The card's number, as far as it is shown.
    pub(crate) fn last4(&self) -> &'static str {
        match self.behavior {
            PaymentBehavior::Succeeds => "4242",
            PaymentBehavior::Declined { .. } => "0002",
            PaymentBehavior::RequiresAuthentication => "3184",
            PaymentBehavior::Delayed => "6789",
        }
    }
}

impl Object for PaymentMethod {
    const NAME: &'static str = "PaymentMethod";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        json!({
            "id": self.id, "object": "payment_method", "allow_redisplay": "unspecified", "billing_details": empty_billing_details(),
            "card": {
                "brand": "visa", "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
                "country": "US", "display_brand": "visa", "exp_month": 12, "exp_year": 2034, "fingerprint": "double", "funding": "credit",
                "generated_from": null, "last4": self.last4(), "networks": { "available": ["visa"], "preferred": null },
                "regulated_status": "unregulated", "three_d_secure_usage": { "supported": true }, "wallet": null,
            },
            "created": self.created, "customer": self.customer, "livemode": false, "metadata": self.metadata, "type": "card",
        })
    }
}

/// Makes a card of some behaviour.
pub(crate) fn make(state: &mut State, behavior: PaymentBehavior, customer: Option<String>) -> String {
    let id = state.new_id("pm");
    let method =
        PaymentMethod { id: id.clone(), created: state.now(), customer, spent: false, behavior, metadata: BTreeMap::new() };
    state.payment_methods.insert(method);
    id
}

/// The payment method of that id; one of test mode's fixed ids makes a new card, as in Stripe's test mode.
pub(crate) fn resolve(state: &mut State, id: &str, param: &str) -> Result<String, ApiError> {
    match PaymentBehavior::of_test_id(id) {
        Some(behavior) => Ok(make(state, behavior, None)),
        None => state.payment_methods.get(id, param).map(|method| method.id.clone()),
    }
}

/// Attaches a card to a customer, and makes the event.
pub(crate) fn attach_to(state: &mut State, id: &str, customer: &str, param: &str) -> Answer {
    state.customers.get(customer, "customer")?;
    let id = resolve(state, id, param)?;
    let method = state.payment_methods.get_mut(&id, param)?;
    if method.customer.as_deref().is_some_and(|owner| owner != customer) || method.spent {
        return Err(ApiError::refused(
            "payment_method_unexpected_state",
            "The payment method was used before or belongs to another customer.",
        ));
    }
    method.customer = Some(customer.to_owned());
    let rendered = method.render();
    state.emit("payment_method.attached", rendered.clone());
    Ok(rendered)
}

/// `POST /v1/payment_methods`: cards by Stripe's test tokens only, since no card number belongs in a test.
pub(crate) fn create(state: &mut State, call: &Call) -> Answer {
    let params = &call.params;
    params.only(&["allow_redisplay", "billing_details", "card", "metadata", "type"])?;
    if params.required("type")? != "card" {
        return Err(ApiError::invalid("The double knows cards only.", "type"));
    }
    let token = params.object("card").text("token").unwrap_or_else(|| "tok_visa".to_owned());
    let behavior = PaymentBehavior::of_test_id(&token.replacen("tok_", "pm_card_", 1));
    let behavior = behavior.ok_or_else(|| ApiError::missing("token", &token, "card[token]"))?;
    let metadata = params.metadata()?;
    let id = make(state, behavior, None);
    let method = state.payment_methods.get_mut(&id, "id")?;
    method.metadata = metadata;
    Ok(method.render())
}

/// `GET /v1/payment_methods/{id}`.
pub(crate) fn retrieve(state: &State, id: &str) -> Answer {
    state.payment_methods.get(id, "id").map(Object::render)
}

/// `POST /v1/payment_methods/{id}/attach`.
pub(crate) fn attach(state: &mut State, call: &Call, id: &str) -> Answer {
    call.params.only(&["customer"])?;
    let customer = call.params.required("customer")?;
    attach_to(state, id, &customer, "id")
}

/// `POST /v1/payment_methods/{id}/detach`.
pub(crate) fn detach(state: &mut State, call: &Call, id: &str) -> Answer {
    call.params.only(&[])?;
    let method = state.payment_methods.get_mut(id, "id")?;
    if method.customer.is_none() {
        return Err(ApiError::refused("payment_method_unexpected_state", "The payment method is not attached to a customer."));
    }
    let former = method.customer.take();
    method.spent = true;
    let rendered = method.render();
    state.emit_update("payment_method.detached", rendered.clone(), json!({ "customer": former }));
    Ok(rendered)
}

/// Billing details of which nothing is known.
pub(crate) fn empty_billing_details() -> Value {
    json!({
        "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
        "email": null, "name": null, "phone": null, "tax_id": null,
    })
}
