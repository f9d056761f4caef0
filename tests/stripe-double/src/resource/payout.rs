//! Payouts from a balance to a bank account.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::customer::changed;
use crate::error::ApiError;
use crate::ledger::PLATFORM;
use crate::state::{Answer, Call, Money, State};
use crate::table::Object;

const KNOWN: &[&str] = &[
    "amount",
    "currency",
    "description",
    "destination",
    "metadata",
    "method",
    "payout_method",
    "source_type",
    "statement_descriptor",
];

/// Where a payout stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Paid,
    Canceled,
    Failed { code: String, balance_transaction: String },
}

impl Status {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Canceled => "canceled",
            Self::Failed { .. } => "failed",
        }
    }
}

/// A payout.
#[derive(Debug)]
pub(crate) struct Payout {
    id: String,
    created: i64,
    owner: String,
    status: Status,
    amount: i64,
    currency: String,
    automatic: bool,
    arrival_date: i64,
    balance_transaction: String,
    description: Option<String>,
    statement_descriptor: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Payout {
    /// The account that an event about it names; the platform's own name none.
    fn account(&self) -> Option<String> {
        Some(self.owner.clone()).filter(|owner| owner != PLATFORM)
    }
}

impl Object for Payout {
    const NAME: &'static str = "payout";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        let failure = match &self.status {
            Status::Failed { code, balance_transaction } => Some((code, balance_transaction)),
            _ => None,
        };
        json!({
            "id": self.id, "object": "payout", "amount": self.amount, "application_fee": null, "application_fee_amount": null,
            "arrival_date": self.arrival_date, "automatic": self.automatic, "balance_transaction": self.balance_transaction,
            "created": self.created, "currency": self.currency, "description": self.description,
            "destination": self.owner.replacen("acct_", "ba_", 1), "failure_balance_transaction": failure.map(|(_, transaction)| transaction),
            "failure_code": failure.map(|(code, _)| code),
            "failure_message": failure.map(|(code, _)| format!("The bank returned the payout: {code}.")), "livemode": false,
            "metadata": self.metadata, "method": "standard", "original_payout": null,
            "reconciliation_status": if self.automatic { "completed" } else { "not_applicable" }, "reversed_by": null, "source_type": "card",
            "statement_descriptor": self.statement_descriptor, "status": self.status.as_str(), "type": "bank_account",
        })
    }
}

/// `POST /v1/payouts`, of the account that `Stripe-Account` names.
pub(crate) fn create(state: &mut State, call: &Call) -> Answer {
    let params = &call.params;
    params.only(KNOWN)?;
    let (amount, currency) = (params.amount("amount")?, params.currency("currency")?);
    if params.text("method").is_some_and(|method| method != "standard") {
        return Err(ApiError::invalid("The double knows standard payouts only.", "method"));
    }
    let metadata = params.metadata()?;
    let rendered = pay_out(state, call.owner(), amount, &currency, false)?;
    let id = rendered.get("id").and_then(Value::as_str).unwrap_or_default();
    let payout = state.payouts.get_mut(id, "id")?;
    payout.description = params.text("description");
    payout.statement_descriptor = params.text("statement_descriptor");
    payout.metadata = metadata;
    let (account, rendered) = (payout.account(), payout.render());
    state.emit_for(account, "payout.created", rendered.clone(), None);
    Ok(rendered)
}

/// What Stripe's schedule does: all that is available in one currency goes to the bank.
pub(crate) fn pay_out_all(state: &mut State, owner: &str, currency: &str) -> Answer {
    let amount = state.ledger.available(owner, currency, state.now());
    if amount < 1 {
        return Err(ApiError::control("nothing is available to be paid out"));
    }
    let rendered = pay_out(state, owner, amount, currency, true)?;
    let account = Some(owner.to_owned()).filter(|owner| owner != PLATFORM);
    state.emit_for(account, "payout.created", rendered.clone(), None);
    Ok(rendered)
}

/// `GET /v1/payouts/{id}`: an account sees its own payouts only.
pub(crate) fn retrieve(state: &State, call: &Call, id: &str) -> Answer {
    find(state, call, id).map(Object::render)
}

/// `GET /v1/payouts`.
pub(crate) fn page(state: &State, call: &Call) -> Answer {
    call.params.only(&["arrival_date", "created", "destination", "ending_before", "limit", "starting_after", "status"])?;
    let status = call.params.text("status");
    state.payouts.page("/v1/payouts", &call.params, |payout| {
        payout.owner == call.owner() && status.as_ref().is_none_or(|status| status == payout.status.as_str())
    })
}

/// `POST /v1/payouts/{id}/cancel`: while it is pending.
pub(crate) fn cancel(state: &mut State, call: &Call, id: &str) -> Answer {
    call.params.only(&[])?;
    let payout = find(state, call, id)?;
    if payout.status != Status::Pending || payout.automatic {
        return Err(ApiError::refused_without_code("Only a pending manual payout can be canceled.", "id"));
    }
    let (owner, amount, currency) = (payout.owner.clone(), payout.amount, payout.currency.clone());
    book(state, id, &owner, amount, &currency, ("payout_cancel", "payout_reversal"));
    change(state, id, Status::Canceled, "payout.canceled")
}

/// The bank takes a payout.
pub(crate) fn settle(state: &mut State, id: &str) -> Answer {
    if state.payouts.get(id, "payout")?.status != Status::Pending {
        return Err(ApiError::control("the payout is not pending"));
    }
    change(state, id, Status::Paid, "payout.paid")
}

/// The bank returns a payout, even days after it was paid: the money is in the balance again.
pub(crate) fn fail(state: &mut State, id: &str, code: &str) -> Answer {
    let payout = state.payouts.get(id, "payout")?;
    if !matches!(payout.status, Status::Pending | Status::Paid) {
        return Err(ApiError::control("the payout has failed before, or was canceled"));
    }
    let (owner, amount, currency) = (payout.owner.clone(), payout.amount, payout.currency.clone());
    let balance_transaction = book(state, id, &owner, amount, &currency, ("payout_failure", "payout_reversal"));
    change(state, id, Status::Failed { code: code.to_owned(), balance_transaction }, "payout.failed")
}

/// Pays the payouts whose arrival date has come.
pub(crate) fn settle_due(state: &mut State) {
    let now = state.now();
    let due: Vec<_> = state
        .payouts
        .iter()
        .filter(|one| one.status == Status::Pending && one.arrival_date <= now)
        .map(|one| one.id.clone())
        .collect();
    for id in due {
        let settled = settle(state, &id);
        debug_assert!(settled.is_ok(), "the payout was pending just now");
    }
}

fn find<'a>(state: &'a State, call: &Call, id: &str) -> Result<&'a Payout, ApiError> {
    state.payouts.find(id).filter(|payout| payout.owner == call.owner()).ok_or_else(|| ApiError::missing(Payout::NAME, id, "id"))
}

fn pay_out(state: &mut State, owner: &str, amount: i64, currency: &str, automatic: bool) -> Answer {
    if state.accounts.find(owner).is_some_and(|account| !account.can_be_paid_out()) {
        return Err(ApiError::refused("payouts_not_allowed", "Payouts are disabled for this account; see its requirements."));
    }
    if state.ledger.available(owner, currency, state.now()) < amount {
        return Err(ApiError::refused(
            "balance_insufficient",
            "You have insufficient funds in your Stripe account for this transfer.",
        ));
    }
    let id = state.new_id("po");
    let balance_transaction = book(state, &id, owner, -amount, currency, ("payout", "payout"));
    let payout = Payout {
        id,
        created: state.now(),
        owner: owner.to_owned(),
        status: Status::Pending,
        amount,
        currency: currency.to_owned(),
        automatic,
        arrival_date: state.now().saturating_add(state.options.payout_after_secs),
        balance_transaction,
        description: None,
        statement_descriptor: None,
        metadata: BTreeMap::new(),
    };
    let rendered = payout.render();
    state.payouts.insert(payout);
    Ok(rendered)
}

fn change(state: &mut State, id: &str, status: Status, event_type: &str) -> Answer {
    let payout = state.payouts.get_mut(id, "id")?;
    let before = payout.render();
    payout.status = status;
    let (account, after) = (payout.account(), payout.render());
    state.emit_for(account, event_type, after.clone(), Some(changed(&before, &after)));
    Ok(after)
}

fn book(
    state: &mut State,
    id: &str,
    owner: &str,
    amount: i64,
    currency: &str,
    (kind, category): (&'static str, &'static str),
) -> String {
    state.post(Money {
        owner,
        counterparty: "world:banks",
        amount,
        fee: 0,
        currency,
        kind,
        category,
        source: id,
        available_on: None,
    })
}
