//! The balance of the platform or of a connected account, and the transactions that make it up.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::ledger::{BalanceTransaction, Funds};
use crate::state::{Answer, Call, State};
use crate::table::Object;

/// The currency in which an empty balance is shown.
const DEFAULT_CURRENCY: &str = "usd";

/// `GET /v1/balance`.
pub(crate) fn retrieve(state: &State, call: &Call) -> Answer {
    call.params.only(&[])?;
    let mut funds = state.ledger.funds(call.owner(), state.now());
    if funds.is_empty() {
        funds.insert(DEFAULT_CURRENCY.to_owned(), Funds::default());
    }
    let amounts = |pick: fn(&Funds) -> i64| -> Vec<Value> {
        funds
            .iter()
            .map(|(currency, of_currency)| {
                let amount = pick(of_currency);
                json!({ "amount": amount, "currency": currency, "source_types": { "card": amount } })
            })
            .collect()
    };
    Ok(json!({
        "object": "balance", "available": amounts(|funds| funds.available_minor), "livemode": false,
        "pending": amounts(|funds| funds.pending_minor),
    }))
}

/// `GET /v1/balance_transactions`.
pub(crate) fn page(state: &State, call: &Call) -> Answer {
    let params = &call.params;
    params.only(&["created", "currency", "ending_before", "limit", "payout", "source", "starting_after", "type"])?;
    let (currency, source, kind) = (params.text("currency"), params.text("source"), params.text("type"));
    let keep = |transaction: &BalanceTransaction| {
        transaction.owner == call.owner()
            && currency.as_ref().is_none_or(|wanted| *wanted == transaction.currency)
            && source.as_ref().is_none_or(|wanted| *wanted == transaction.source)
            && kind.as_ref().is_none_or(|wanted| *wanted == transaction.kind)
    };
    let mut page = state.ledger.transactions.page("/v1/balance_transactions", params, keep)?;
    if let Some(data) = page.get_mut("data").and_then(Value::as_array_mut) {
        for item in data {
            let id = item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            *item = state.ledger.transactions.get(&id, "id")?.render_at(state.now());
        }
    }
    Ok(page)
}

/// `GET /v1/balance_transactions/{id}`.
pub(crate) fn transaction(state: &State, call: &Call, id: &str) -> Answer {
    let transaction = state.ledger.transactions.find(id).filter(|transaction| transaction.owner == call.owner());
    transaction
        .map(|transaction| transaction.render_at(state.now()))
        .ok_or_else(|| ApiError::missing(BalanceTransaction::NAME, id, "id"))
}
