//! The money: postings whose entries sum to zero, and the balance transactions that each owner sees of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use crate::table::{Object, Table};

/// Who owns the platform's own balance, beside the connected accounts, which go by their ids.
pub const PLATFORM: &str = "platform";

/// One change of money: entries of one currency that sum to zero.
#[derive(Debug, Clone, Serialize)]
pub struct Posting {
    /// The object that caused it.
    pub source: String,
    /// Seconds since the Unix epoch.
    pub at: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// What each account of the ledger gains or, if negative, loses.
    pub entries: Vec<Entry>,
}

/// What one account of the ledger gains or, if negative, loses.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// `balance:platform`, `balance:acct_…`, `world:cards`, `world:banks`, `stripe:fees` or `transit:tr_…`.
    pub account: String,
    /// Signed, in minor units.
    pub amount_minor: i64,
}

/// What an owner's balance gains or loses by one object, as the API gives it.
#[derive(Debug)]
pub(crate) struct BalanceTransaction {
    id: String,
    pub(crate) owner: String,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) currency: String,
    pub(crate) kind: &'static str,
    category: &'static str,
    pub(crate) source: String,
    created: i64,
    available_on: i64,
}

impl BalanceTransaction {
    pub(crate) fn net(&self) -> i64 {
        self.amount - self.fee
    }

    /// The object at a moment: it is pending until its funds are available.
    pub(crate) fn render_at(&self, now: i64) -> Value {
        let fee_details = if self.fee == 0 {
            json!([])
        } else {
            json!([{ "amount": self.fee, "application": null, "currency": self.currency, "description": "Stripe processing fees", "type": "stripe_fee" }])
        };
        json!({
            "id": self.id, "object": "balance_transaction", "amount": self.amount, "available_on": self.available_on,
            "balance_type": "payments", "created": self.created, "currency": self.currency, "description": null,
            "exchange_rate": null, "fee": self.fee, "fee_details": fee_details, "net": self.net(),
            "reporting_category": self.category, "source": self.source,
            "status": if self.available_on <= now { "available" } else { "pending" }, "type": self.kind,
        })
    }
}

impl Object for BalanceTransaction {
    const NAME: &'static str = "balance transaction";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        self.render_at(i64::MAX)
    }
}

/// A change of one owner's balance against a side of the world.
pub(crate) struct Movement<'a> {
    pub(crate) id: String,
    pub(crate) owner: &'a str,
    /// Where the money comes from or goes to.
    pub(crate) counterparty: &'a str,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) currency: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) category: &'static str,
    pub(crate) source: &'a str,
    pub(crate) at: i64,
    pub(crate) available_on: i64,
}

/// Available and pending funds of one currency, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Funds {
    /// Free to be transferred, refunded or paid out.
    pub available_minor: i64,
    /// Not available yet.
    pub pending_minor: i64,
}

/// The double-entry book.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) transactions: Table<BalanceTransaction>,
    pub(crate) postings: Vec<Posting>,
}

impl Ledger {
    /// Books a movement and returns the id of its balance transaction.
    pub(crate) fn post(&mut self, movement: Movement<'_>) -> String {
        let entry = |account: String, amount_minor| Entry { account, amount_minor };
        let mut entries = vec![
            entry(movement.counterparty.to_owned(), -movement.amount),
            entry(format!("balance:{}", movement.owner), movement.amount - movement.fee),
        ];
        if movement.fee != 0 {
            entries.push(entry("stripe:fees".to_owned(), movement.fee));
        }
        self.postings.push(Posting {
            source: movement.source.to_owned(),
            at: movement.at,
            currency: movement.currency.to_owned(),
            entries,
        });
        self.transactions.insert(BalanceTransaction {
            id: movement.id.clone(),
            owner: movement.owner.to_owned(),
            amount: movement.amount,
            fee: movement.fee,
            currency: movement.currency.to_owned(),
            kind: movement.kind,
            category: movement.category,
            source: movement.source.to_owned(),
            created: movement.at,
            available_on: movement.available_on,
        });
        movement.id
    }

    /// An owner's funds by currency at a moment.
    pub(crate) fn funds(&self, owner: &str, now: i64) -> BTreeMap<String, Funds> {
        let mut funds: BTreeMap<String, Funds> = BTreeMap::new();
        for transaction in self.transactions.iter().filter(|transaction| transaction.owner == owner) {
            let of_currency = funds.entry(transaction.currency.clone()).or_default();
            if transaction.available_on <= now {
                of_currency.available_minor += transaction.net();
            } else {
                of_currency.pending_minor += transaction.net();
            }
        }
        funds
    }

    /// What an owner may spend in one currency.
    pub(crate) fn available(&self, owner: &str, currency: &str, now: i64) -> i64 {
        self.funds(owner, now).get(currency).copied().unwrap_or_default().available_minor
    }

    /// Names everything in the book that does not add up.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut totals: BTreeMap<(String, String), i64> = BTreeMap::new();
        for posting in &self.postings {
            let sum: i64 = posting.entries.iter().map(|entry| entry.amount_minor).sum();
            if sum != 0 {
                faults.push(format!("the posting of {} sums to {sum} {}", posting.source, posting.currency));
            }
            for entry in &posting.entries {
                *totals.entry((entry.account.clone(), posting.currency.clone())).or_default() += entry.amount_minor;
            }
        }
        for ((account, currency), total) in &totals {
            if account.starts_with("transit:") && *total != 0 {
                faults.push(format!("{account} keeps {total} {currency}"));
            }
        }
        let owners: BTreeSet<_> =
            self.transactions.iter().map(|transaction| (transaction.owner.clone(), transaction.currency.clone())).collect();
        for (owner, currency) in owners {
            let seen: i64 = self
                .transactions
                .iter()
                .filter(|one| one.owner == owner && one.currency == currency)
                .map(BalanceTransaction::net)
                .sum();
            let booked = totals.get(&(format!("balance:{owner}"), currency.clone())).copied().unwrap_or_default();
            if seen != booked {
                faults.push(format!("{owner} sees {seen} {currency}, but {booked} is booked"));
            }
        }
        faults
    }
}
