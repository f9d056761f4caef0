//! Reversals of transfers, never more than the transfer nor than the account still has.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::transfer::move_between;
use crate::error::ApiError;
use crate::ledger::PLATFORM;
use crate::state::{Answer, Call, State};
use crate::table::Object;

/// A reversal, whole or partial.
#[derive(Debug)]
pub(crate) struct TransferReversal {
    id: String,
    created: i64,
    pub(crate) transfer: String,
    pub(crate) amount: i64,
    currency: String,
    balance_transaction: String,
    destination_payment_refund: String,
    metadata: BTreeMap<String, String>,
}

impl Object for TransferReversal {
    const NAME: &'static str = "transfer_reversal";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        json!({
            "id": self.id, "object": "transfer_reversal", "amount": self.amount, "balance_transaction": self.balance_transaction,
            "created": self.created, "currency": self.currency, "destination_payment_refund": self.destination_payment_refund,
            "metadata": self.metadata, "source_refund": null, "transfer": self.transfer,
        })
    }
}

/// Reverses a transfer: all that is left of it if no amount is given.
pub(crate) fn create(state: &mut State, transfer_id: &str, amount: Option<i64>, metadata: BTreeMap<String, String>) -> Answer {
    let transfer = state.transfers.get(transfer_id, "id")?;
    let left = transfer.amount - transfer.amount_reversed;
    let amount = amount.unwrap_or(left);
    let (destination, currency, payment) =
        (transfer.destination.clone(), transfer.currency.clone(), transfer.destination_payment.clone());
    if left == 0 {
        return Err(ApiError::refused_without_code(&format!("Transfer {transfer_id} is already fully reversed."), "id"));
    }
    if amount > left {
        let message = format!("Reversal amount ({amount}) is greater than unreversed amount on transfer ({left})");
        return Err(ApiError::refused_without_code(&message, "amount"));
    }
    let funds = state.ledger.funds(&destination, state.now()).get(&currency).copied().unwrap_or_default();
    if funds.available_minor + funds.pending_minor < amount {
        return Err(ApiError::refused(
            "balance_insufficient",
            "The destination account has insufficient funds to cover this reversal.",
        ));
    }
    let (id, refund) = (state.new_id("trr"), state.new_id("pyr"));
    let now = state.now();
    move_between(state, transfer_id, (&destination, -amount), &currency, ("payment_refund", "refund"), &refund, now);
    let balance_transaction =
        move_between(state, transfer_id, (PLATFORM, amount), &currency, ("transfer_refund", "transfer_reversal"), &id, now);
    let reversal = TransferReversal {
        id,
        created: now,
        transfer: transfer_id.to_owned(),
        amount,
        currency,
        balance_transaction,
        destination_payment_refund: refund,
        metadata,
    };
    let rendered = reversal.render();
    state.reversals.insert(reversal);
    state.charges.get_mut(&payment, "destination_payment")?.amount_refunded += amount;
    let transfer = state.transfers.get_mut(transfer_id, "id")?;
    transfer.amount_reversed += amount;
    transfer.reversals.insert(0, rendered.clone());
    let reversed = transfer.render();
    state.emit("transfer.reversed", reversed);
    Ok(rendered)
}

/// `GET /v1/transfers/{id}/reversals/{reversal}`.
pub(crate) fn retrieve(state: &State, transfer: &str, id: &str) -> Answer {
    state.transfers.get(transfer, "id")?;
    let reversal = state.reversals.find(id).filter(|reversal| reversal.transfer == transfer);
    reversal.map(Object::render).ok_or_else(|| ApiError::missing(TransferReversal::NAME, id, "id"))
}

/// `GET /v1/transfers/{id}/reversals`.
pub(crate) fn page(state: &State, call: &Call, transfer: &str) -> Answer {
    call.params.only(&["ending_before", "limit", "starting_after"])?;
    state.transfers.get(transfer, "id")?;
    state.reversals.page(&format!("/v1/transfers/{transfer}/reversals"), &call.params, |reversal| reversal.transfer == transfer)
}
