//! The platform's balance, and what moves it.

use gateways::payments::{Balance, BalanceEntry, Money, PageRequest, Window};
use stripe_core::BalanceAmount;
use stripe_core::balance_transaction::ListBalanceTransaction;

use crate::currency::{from_stripe, minor_from_stripe};
use crate::list::{created, paged};
use crate::value::{id_of, mode, moment};

pub(crate) fn read(balance: stripe_core::Balance) -> Balance {
    Balance { mode: mode(balance.livemode), available: amounts(&balance.available), pending: amounts(&balance.pending) }
}

pub(crate) fn list_entries(window: &Window, page: &PageRequest) -> ListBalanceTransaction {
    paged!(ListBalanceTransaction::new().created(created(window)), page)
}

pub(crate) fn read_entry(transaction: stripe_shared::BalanceTransaction) -> BalanceEntry {
    let amount = from_stripe(transaction.amount, &transaction.currency);
    BalanceEntry {
        id: transaction.id.to_string(),
        kind: transaction.type_.as_str().to_owned(),
        category: transaction.reporting_category,
        fee_minor: minor_from_stripe(transaction.fee, &amount.currency),
        net_minor: minor_from_stripe(transaction.net, &amount.currency),
        amount,
        source: id_of(transaction.source),
        available_on: moment(transaction.available_on),
        created: moment(transaction.created),
    }
}

fn amounts(amounts: &[BalanceAmount]) -> Vec<Money> {
    amounts.iter().map(|amount| from_stripe(amount.amount, &amount.currency)).collect()
}
