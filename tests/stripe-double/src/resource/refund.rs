//! Refunds to the card, never more than the charge.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::customer::changed;
use crate::error::ApiError;
use crate::ledger::PLATFORM;
use crate::state::{Answer, Call, Money, State};
use crate::table::Object;

const KNOWN: &[&str] =
    &["amount", "charge", "currency", "customer", "instructions_email", "metadata", "payment_intent", "reason"];
const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer"];

/// Where a refund stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// The platform's balance does not cover it yet.
    Pending,
    Succeeded,
    Failed {
        reason: String,
        balance_transaction: Option<String>,
    },
}

/// A refund.
#[derive(Debug)]
pub(crate) struct Refund {
    id: String,
    created: i64,
    pub(crate) status: Status,
    pub(crate) amount: i64,
    currency: String,
    pub(crate) charge: String,
    payment_intent: Option<String>,
    balance_transaction: Option<String>,
    reason: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Object for Refund {
    const NAME: &'static str = "refund";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        let (status, failure) = match &self.status {
            Status::Pending => ("pending", None),
            Status::Succeeded => ("succeeded", None),
            Status::Failed { reason, balance_transaction } => ("failed", Some((reason, balance_transaction))),
        };
        let mut refund = json!({
            "id": self.id, "object": "refund", "amount": self.amount, "balance_transaction": self.balance_transaction, "charge": self.charge,
            "created": self.created, "currency": self.currency, "destination_details": {
                "type": "card", "card": { "type": "refund", "reference": null, "reference_status": "pending", "reference_type": "acquirer_reference_number" },
            },
            "metadata": self.metadata, "payment_intent": self.payment_intent, "reason": self.reason, "receipt_number": null,
            "source_transfer_reversal": null, "status": status, "transfer_reversal": null,
        });
        if let Some(fields) = refund.as_object_mut() {
            if let Some((reason, transaction)) = failure {
                fields.insert("failure_reason".to_owned(), reason.clone().into());
                fields.insert("failure_balance_transaction".to_owned(), transaction.clone().into());
            }
            if self.status == Status::Pending {
                fields.insert("pending_reason".to_owned(), "insufficient_funds".into());
            }
        }
        refund
    }
}

/// What was refunded of a charge, or is about to be.
pub(crate) fn refunded(state: &State, charge: &str) -> i64 {
    state
        .refunds
        .iter()
        .filter(|one| one.charge == charge && !matches!(one.status, Status::Failed { .. }))
        .map(|one| one.amount)
        .sum()
}

/// `POST /v1/refunds`.
pub(crate) fn create(state: &mut State, call: &Call) -> Answer {
    let params = &call.params;
    params.only(KNOWN)?;
    let amount = params.optional_amount("amount")?;
    let reason = params.text("reason");
    if reason.as_ref().is_some_and(|reason| !REASONS.contains(&reason.as_str())) {
        return Err(ApiError::invalid("Invalid reason: must be one of duplicate, fraudulent or requested_by_customer", "reason"));
    }
    let metadata = params.metadata()?;
    let charge_id = charge_of(state, call)?;
    let charge = state.charges.get(&charge_id, "charge")?;
    let left = charge.amount - charge.amount_refunded;
    let amount = amount.unwrap_or(left);
    if !charge.is_paid() || charge.owner != PLATFORM {
        return Err(ApiError::refused("charge_not_refundable", &format!("Charge {charge_id} cannot be refunded.")));
    }
    if charge.disputed && super::dispute::forbids_refund(state, &charge_id) {
        return Err(ApiError::refused(
            "charge_disputed",
            &format!("Charge {charge_id} has been charged back; cannot issue a refund."),
        ));
    }
    if left == 0 {
        return Err(ApiError::refused("charge_already_refunded", &format!("Charge {charge_id} has already been refunded.")));
    }
    if amount > left {
        let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return Err(ApiError::refused_without_code(&message, "amount"));
    }
    let refund = Refund {
        status: Status::Pending,
        amount,
        currency: charge.currency.clone(),
        payment_intent: charge.payment_intent.clone(),
        charge: charge_id.clone(),
        balance_transaction: None,
        reason,
        metadata,
        created: state.now(),
        id: state.new_id("re"),
    };
    let id = refund.id.clone();
    state.refunds.insert(refund);
    change_refunded(state, &charge_id, amount)?;
    settle(state, &id)?;
    let rendered = state.refunds.get(&id, "id")?.render();
    state.emit("refund.created", rendered.clone());
    let charge = state.charges.get(&charge_id, "charge")?.render();
    state.emit("charge.refunded", charge);
    Ok(rendered)
}

/// `GET /v1/refunds/{id}`.
pub(crate) fn retrieve(state: &State, id: &str) -> Answer {
    state.refunds.get(id, "id").map(Object::render)
}

/// `POST /v1/refunds/{id}`: the metadata only.
pub(crate) fn update(state: &mut State, call: &Call, id: &str) -> Answer {
    call.params.only(&["metadata"])?;
    let refund = state.refunds.get_mut(id, "id")?;
    let before = refund.render();
    call.params.merge_metadata(&mut refund.metadata)?;
    let after = refund.render();
    state.emit_update("refund.updated", after.clone(), changed(&before, &after));
    Ok(after)
}

/// `GET /v1/refunds`.
pub(crate) fn page(state: &State, call: &Call) -> Answer {
    call.params.only(&["charge", "created", "ending_before", "limit", "payment_intent", "starting_after"])?;
    let (charge, intent) = (call.params.text("charge"), call.params.text("payment_intent"));
    state.refunds.page("/v1/refunds", &call.params, |refund| {
        charge.as_ref().is_none_or(|charge| *charge == refund.charge) && (intent.is_none() || refund.payment_intent == intent)
    })
}

/// Sends the refunds that waited for funds, the oldest first.
pub(crate) fn settle_pending(state: &mut State) {
    let pending: Vec<_> = state.refunds.iter().filter(|one| one.status == Status::Pending).map(|one| one.id.clone()).collect();
    for id in pending {
        if !settle(state, &id).unwrap_or(false) {
            return;
        }
        if let Some(rendered) = state.refunds.find(&id).map(Object::render) {
            state.emit_update("refund.updated", rendered, json!({ "status": "pending", "pending_reason": "insufficient_funds" }));
        }
    }
}

/// The bank sends a refund back: the money returns to the platform, and the charge counts it as not refunded.
pub(crate) fn fail(state: &mut State, id: &str, reason: &str) -> Answer {
    let refund = state.refunds.get(id, "refund")?;
    if matches!(refund.status, Status::Failed { .. }) {
        return Err(ApiError::control("the refund has failed before"));
    }
    let before = refund.render();
    let (charge, amount, currency) = (refund.charge.clone(), refund.amount, refund.currency.clone());
    let transaction =
        (refund.status == Status::Succeeded).then(|| book(state, id, amount, &currency, ("refund_failure", "refund_failure")));
    let refund = state.refunds.get_mut(id, "refund")?;
    refund.status = Status::Failed { reason: reason.to_owned(), balance_transaction: transaction };
    let after = refund.render();
    change_refunded(state, &charge, -amount)?;
    state.emit("refund.failed", after.clone());
    state.emit_update("refund.updated", after.clone(), changed(&before, &after));
    Ok(after)
}

fn charge_of(state: &State, call: &Call) -> Result<String, ApiError> {
    match (call.params.text("charge"), call.params.text("payment_intent")) {
        (Some(_), Some(_)) => Err(ApiError::validation(
            "parameters_exclusive",
            "You may only specify one of these parameters: charge, payment_intent.",
            "charge",
        )),
        (Some(charge), None) => state.charges.get(&charge, "charge").map(|charge| charge.id().to_owned()),
        (None, Some(intent)) => {
            let found = state.payment_intents.get(&intent, "payment_intent")?;
            let charge = found
                .latest_charge
                .as_ref()
                .filter(|charge| state.charges.find(charge).is_some_and(super::charge::Charge::is_paid));
            let message = format!("The PaymentIntent {intent} does not have a successful charge to refund.");
            charge.cloned().ok_or_else(|| ApiError::refused("payment_intent_unexpected_state", &message))
        }
        (None, None) => Err(ApiError::validation(
            "parameter_missing",
            "One of the following params should be provided for this request: payment_intent or charge.",
            "charge",
        )),
    }
}

/// Sends a refund if the platform's available balance covers it.
fn settle(state: &mut State, id: &str) -> Result<bool, ApiError> {
    let refund = state.refunds.get(id, "id")?;
    let (amount, currency) = (refund.amount, refund.currency.clone());
    if state.ledger.available(PLATFORM, &currency, state.now()) < amount {
        return Ok(false);
    }
    let transaction = book(state, id, -amount, &currency, ("refund", "refund"));
    let refund = state.refunds.get_mut(id, "id")?;
    refund.balance_transaction = Some(transaction);
    refund.status = Status::Succeeded;
    Ok(true)
}

fn book(state: &mut State, id: &str, amount: i64, currency: &str, (kind, category): (&'static str, &'static str)) -> String {
    state.post(Money {
        owner: PLATFORM,
        counterparty: "world:cards",
        amount,
        fee: 0,
        currency,
        kind,
        category,
        source: id,
        available_on: None,
    })
}

fn change_refunded(state: &mut State, charge: &str, amount: i64) -> Result<(), ApiError> {
    let charge = state.charges.get_mut(charge, "charge")?;
    charge.amount_refunded += amount;
    Ok(())
}
