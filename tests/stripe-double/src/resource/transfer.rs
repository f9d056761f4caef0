//! Transfers from the platform's balance to connected accounts, never more than is available.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::charge::Charge;
use super::transfer_reversal;
use crate::error::ApiError;
use crate::ledger::PLATFORM;
use crate::state::{Answer, Call, Money, State};
use crate::table::{Object, list};

const KNOWN: &[&str] =
    &["amount", "currency", "description", "destination", "metadata", "source_transaction", "source_type", "transfer_group"];

/// A transfer.
#[derive(Debug)]
pub(crate) struct Transfer {
    id: String,
    created: i64,
    pub(crate) amount: i64,
    pub(crate) amount_reversed: i64,
    pub(crate) currency: String,
    pub(crate) destination: String,
    pub(crate) destination_payment: String,
    balance_transaction: String,
    source_transaction: Option<String>,
    description: Option<String>,
    transfer_group: Option<String>,
    /// The reversals so far, rendered, the newest first.
    pub(crate) reversals: Vec<Value>,
    metadata: BTreeMap<String, String>,
}

impl Object for Transfer {
    const NAME: &'static str = "transfer";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        let reversals = self.reversals.iter().take(10).cloned().collect();
        json!({
            "id": self.id, "object": "transfer", "amount": self.amount, "amount_reversed": self.amount_reversed,
            "balance_transaction": self.balance_transaction, "created": self.created, "currency": self.currency,
            "description": self.description, "destination": self.destination, "destination_payment": self.destination_payment,
            "livemode": false, "metadata": self.metadata,
            "reversals": list(&format!("/v1/transfers/{}/reversals", self.id), reversals, self.reversals.len() > 10),
            "reversed": self.amount_reversed == self.amount, "source_transaction": self.source_transaction, "source_type": "card",
            "transfer_group": self.transfer_group,
        })
    }
}

/// `POST /v1/transfers`.
pub(crate) fn create(state: &mut State, call: &Call) -> Answer {
    let params = &call.params;
    params.only(KNOWN)?;
    let (currency, destination) = (params.currency("currency")?, params.required("destination")?);
    let amount = params.optional_amount("amount")?;
    let metadata = params.metadata()?;
    let source = params.text("source_transaction");
    let account = state.accounts.get(&destination, "destination")?;
    if !account.can_receive() {
        let message = "Your destination account needs to have at least one of the following capabilities enabled: transfers, crypto_transfers, legacy_payments";
        return Err(ApiError::refused("insufficient_capabilities_for_transfer", message));
    }
    let (amount, available_on, group) = match &source {
        Some(charge) => from_charge(state, charge, amount, &currency)?,
        None => (amount.ok_or_else(|| params.missing("amount"))?, state.now(), None),
    };
    if source.is_none() && state.ledger.available(PLATFORM, &currency, state.now()) < amount {
        let message = "You have insufficient available funds in your Stripe account.";
        return Err(ApiError::refused("balance_insufficient", message));
    }
    let id = state.new_id("tr");
    let mut payment = Charge::of_transfer(state, &destination, &id, amount, &currency);
    let balance_transaction =
        move_between(state, &id, (PLATFORM, -amount), &currency, ("transfer", "transfer"), &id, available_on);
    let received = move_between(state, &id, (&destination, amount), &currency, ("payment", "charge"), payment.id(), available_on);
    payment.balance_transaction = Some(received);
    let transfer = Transfer {
        id,
        created: state.now(),
        amount,
        amount_reversed: 0,
        currency,
        destination,
        destination_payment: payment.id().to_owned(),
        balance_transaction,
        source_transaction: source,
        description: params.text("description"),
        transfer_group: params.text("transfer_group").or(group),
        reversals: Vec::new(),
        metadata,
    };
    state.charges.insert(payment);
    let rendered = transfer.render();
    state.transfers.insert(transfer);
    state.emit("transfer.created", rendered.clone());
    Ok(rendered)
}

/// `GET /v1/transfers/{id}`.
pub(crate) fn retrieve(state: &State, id: &str) -> Answer {
    state.transfers.get(id, "id").map(Object::render)
}

/// `POST /v1/transfers/{id}`: description and metadata only.
pub(crate) fn update(state: &mut State, call: &Call, id: &str) -> Answer {
    call.params.only(&["description", "metadata"])?;
    let transfer = state.transfers.get_mut(id, "id")?;
    let before = transfer.render();
    call.params.merge_metadata(&mut transfer.metadata)?;
    call.params.replace("description", &mut transfer.description);
    let after = transfer.render();
    state.emit_update("transfer.updated", after.clone(), super::customer::changed(&before, &after));
    Ok(after)
}

/// `GET /v1/transfers`.
pub(crate) fn page(state: &State, call: &Call) -> Answer {
    call.params.only(&["created", "destination", "ending_before", "limit", "starting_after", "transfer_group"])?;
    let (destination, group) = (call.params.text("destination"), call.params.text("transfer_group"));
    state.transfers.page("/v1/transfers", &call.params, |transfer| {
        destination.as_ref().is_none_or(|wanted| *wanted == transfer.destination)
            && (group.is_none() || transfer.transfer_group == group)
    })
}

/// Books one side of a movement between two balances; the transfer's own account in the ledger is between them.
pub(crate) fn move_between(
    state: &mut State,
    transfer: &str,
    (owner, amount): (&str, i64),
    currency: &str,
    (kind, category): (&'static str, &'static str),
    source: &str,
    available_on: i64,
) -> String {
    let transit = format!("transit:{transfer}");
    let available_on = Some(available_on);
    state.post(Money { owner, counterparty: &transit, amount, fee: 0, currency, kind, category, source, available_on })
}

/// A transfer out of a charge waits for the charge's funds instead of needing available ones, and never exceeds the charge.
fn from_charge(state: &State, charge: &str, amount: Option<i64>, currency: &str) -> Result<(i64, i64, Option<String>), ApiError> {
    let found = state.charges.get(charge, "source_transaction")?;
    if !found.is_paid() || found.owner != PLATFORM || found.currency != currency {
        return Err(ApiError::refused_without_code(
            "The source transaction must be a successful charge in the transfer's currency.",
            "source_transaction",
        ));
    }
    let amount = amount.unwrap_or(found.amount);
    let of_charge = state.transfers.iter().filter(|one| one.source_transaction.as_deref() == Some(charge));
    let used: i64 = of_charge.map(|one| one.amount - one.amount_reversed).sum();
    let left = found.amount - found.amount_refunded - used;
    if amount > left {
        let message = format!("The transfers from {charge} would exceed it: {left} is left.");
        return Err(ApiError::refused("balance_insufficient", &message));
    }
    let group = format!("group_{}", found.payment_intent.as_deref().unwrap_or(charge));
    Ok((amount, found.available_on.max(state.now()), Some(group)))
}

/// `POST /v1/transfers/{id}/reversals`.
pub(crate) fn reverse(state: &mut State, call: &Call, id: &str) -> Answer {
    call.params.only(&["amount", "description", "metadata"])?;
    let amount = call.params.optional_amount("amount")?;
    transfer_reversal::create(state, id, amount, call.params.metadata()?)
}
