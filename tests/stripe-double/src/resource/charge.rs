//! Charges: the money that a card paid, and the payments that transfers make on connected accounts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::payment_method::empty_billing_details;
use crate::error::ApiError;
use crate::ledger::PLATFORM;
use crate::state::{Answer, Call, Money, State};
use crate::table::Object;

/// A charge.
#[derive(Debug)]
pub(crate) struct Charge {
    id: String,
    created: i64,
    /// The platform, or the connected account whose payment a transfer made.
    pub(crate) owner: String,
    pub(crate) amount: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) payment_intent: Option<String>,
    pub(crate) payment_method: Option<String>,
    pub(crate) last4: &'static str,
    /// Code and message of the bank's refusal.
    failure: Option<(String, String)>,
    pub(crate) disputed: bool,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) available_on: i64,
    source_transfer: Option<String>,
    description: Option<String>,
    receipt_email: Option<String>,
    receipt_url: String,
    transfer_group: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Charge {
    /// The charge that an attempt at an intent makes, failed with a code and a message or not.
    pub(crate) fn of_intent(state: &mut State, intent: &str, failure: Option<(&str, &str)>) -> Result<Self, ApiError> {
        let id = state.new_id("ch");
        let created = state.now();
        let receipt_url = format!("{}/receipts/{id}", state.base_url);
        let intent = state.payment_intents.get(intent, "payment_intent")?;
        let method = intent.payment_method.as_deref().unwrap_or_default();
        Ok(Self {
            id,
            created,
            owner: PLATFORM.to_owned(),
            amount: intent.amount,
            amount_refunded: 0,
            currency: intent.currency.clone(),
            customer: intent.customer.clone(),
            payment_intent: Some(intent.id.clone()),
            payment_method: intent.payment_method.clone(),
            last4: state.payment_methods.get(method, "payment_method")?.last4(),
            failure: failure.map(|(code, message)| (code.to_owned(), message.to_owned())),
            disputed: false,
            balance_transaction: None,
            available_on: created,
            source_transfer: None,
            description: intent.description.clone(),
            receipt_email: intent.receipt_email.clone(),
            receipt_url,
            transfer_group: intent.transfer_group.clone(),
            metadata: intent.metadata.clone(),
        })
    }

    /// The payment that a connected account receives by a transfer.
    pub(crate) fn of_transfer(state: &mut State, account: &str, transfer: &str, amount: i64, currency: &str) -> Self {
        let id = state.new_id("py");
        Self {
            created: state.now(),
            owner: account.to_owned(),
            amount,
            amount_refunded: 0,
            currency: currency.to_owned(),
            customer: None,
            payment_intent: None,
            payment_method: None,
            last4: "0000",
            failure: None,
            disputed: false,
            balance_transaction: None,
            available_on: state.now(),
            source_transfer: Some(transfer.to_owned()),
            description: None,
            receipt_email: None,
            receipt_url: format!("{}/receipts/{id}", state.base_url),
            transfer_group: None,
            metadata: BTreeMap::new(),
            id,
        }
    }

    pub(crate) fn is_paid(&self) -> bool {
        self.failure.is_none()
    }

    fn details(&self) -> Value {
        if self.source_transfer.is_some() {
            return json!({ "type": "stripe_account", "stripe_account": {} });
        }
        json!({ "type": "card", "card": {
            "amount_authorized": self.amount, "brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2034, "fingerprint": "double",
            "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "funding": "credit", "installments": null, "last4": self.last4, "mandate": null, "network": "visa", "three_d_secure": null,
            "wallet": null,
        } })
    }
}

impl Object for Charge {
    const NAME: &'static str = "charge";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        let (code, message) = self.failure.as_ref().map_or((None, None), |(code, message)| (Some(code), Some(message)));
        let outcome = json!({
            "type": if self.is_paid() { "authorized" } else { "issuer_declined" }, "reason": code, "risk_level": "normal", "risk_score": 1,
            "network_status": if self.is_paid() { "approved_by_network" } else { "declined_by_network" },
            "seller_message": message.map_or("Payment complete.", |_| "The bank declined the payment."),
        });
        json!({
            "id": self.id, "object": "charge", "amount": self.amount, "amount_captured": if self.is_paid() { self.amount } else { 0 },
            "amount_refunded": self.amount_refunded, "application": null, "application_fee": null, "application_fee_amount": null,
            "balance_transaction": self.balance_transaction, "billing_details": empty_billing_details(),
            "calculated_statement_descriptor": "STRIPE-DOUBLE", "captured": self.is_paid(), "created": self.created,
            "currency": self.currency, "customer": self.customer, "description": self.description, "disputed": self.disputed,
            "failure_balance_transaction": null, "failure_code": code, "failure_message": message, "fraud_details": {}, "livemode": false,
            "metadata": self.metadata, "on_behalf_of": null, "outcome": outcome, "paid": self.is_paid(), "payment_intent": self.payment_intent,
            "payment_method": self.payment_method, "payment_method_details": self.details(), "receipt_email": self.receipt_email,
            "receipt_number": null, "receipt_url": self.is_paid().then_some(&self.receipt_url),
            "refunded": self.amount_refunded == self.amount, "review": null, "shipping": null, "source": null,
            "source_transfer": self.source_transfer, "statement_descriptor": null, "statement_descriptor_suffix": null,
            "status": if self.is_paid() { "succeeded" } else { "failed" }, "transfer_data": null, "transfer_group": self.transfer_group,
        })
    }
}

/// Books what a card paid, less the fee.
pub(crate) fn collect(state: &mut State, id: &str) -> Result<(), ApiError> {
    let available_on = state.now().saturating_add(state.options.available_after_secs);
    let charge = state.charges.get(id, "charge")?;
    let (amount, currency) = (charge.amount, charge.currency.clone());
    let transaction = state.post(Money {
        owner: PLATFORM,
        counterparty: "world:cards",
        amount,
        fee: state.options.fee.of(amount),
        currency: &currency,
        kind: "charge",
        category: "charge",
        source: id,
        available_on: Some(available_on),
    });
    let charge = state.charges.get_mut(id, "charge")?;
    charge.balance_transaction = Some(transaction);
    charge.available_on = available_on;
    Ok(())
}

/// `GET /v1/charges/{id}`: an account sees its own charges only.
pub(crate) fn retrieve(state: &State, call: &Call, id: &str) -> Answer {
    let charge = state.charges.find(id).filter(|charge| charge.owner == call.owner());
    charge.map(Object::render).ok_or_else(|| ApiError::missing(Charge::NAME, id, "id"))
}

/// `GET /v1/charges`.
pub(crate) fn page(state: &State, call: &Call) -> Answer {
    call.params.only(&["created", "customer", "ending_before", "limit", "payment_intent", "starting_after", "transfer_group"])?;
    let (customer, intent, group) =
        (call.params.text("customer"), call.params.text("payment_intent"), call.params.text("transfer_group"));
    state.charges.page("/v1/charges", &call.params, |charge| {
        charge.owner == call.owner()
            && (customer.is_none() || charge.customer == customer)
            && (intent.is_none() || charge.payment_intent == intent)
            && (group.is_none() || charge.transfer_group == group)
    })
}
