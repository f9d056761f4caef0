//! Mistakes in the ledger are corrected by another journal, never by rewriting.

use std::cmp::Reverse;

use domain::id::{CorrectionId, OrganizationId, UserId};
use domain::ledger::{Account, AccountKind, FEE_STRIPES, event};
use domain::money::{Currency, Money};
use domain::refusal::Refusal;
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::entity::organization;
use crate::error::WriteError;
use crate::ledger::{Ledger, Note};
use crate::write::Tx;

/// One end of a correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionEnd {
    /// Which of the owner's accounts.
    pub kind: AccountKind,
    /// Whose; `None` for the exchange's own.
    pub organization: Option<OrganizationId>,
}

/// A recorded correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Its id.
    pub id: CorrectionId,
    /// Where the money left.
    pub from: CorrectionEnd,
    /// Where it arrived.
    pub to: CorrectionEnd,
    /// How much.
    pub amount: Money,
    /// Why.
    pub memo: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// Moves `amount` from one account to another. Escrow, reserved and payout are refused: they follow trades, bids and
/// withdrawals.
pub async fn correction_record(
    tx: &Tx,
    from: CorrectionEnd,
    to: CorrectionEnd,
    amount: Money,
    memo: String,
    recorded_by: UserId,
) -> Result<Correction, WriteError> {
    for (end, field) in [(from, "from"), (to, "to")] {
        check(tx, end, field).await?;
    }
    let mut ledger = Ledger::lock(tx, [from, to].iter().flat_map(|end| candidates(*end, amount.currency))).await?;
    let id: CorrectionId = tx.id();
    let journal = event::correction(id, &parts(&ledger, from, amount), account(to, amount.currency))
        .map_err(|error| Refusal::invalid("from", error.to_string()))?;
    ledger.record(&journal, Note { memo: Some(memo.clone()), recorded_by: Some(recorded_by.0) })?;
    let recorded_at = ledger.now();
    ledger.flush().await?;
    Ok(Correction { id, from, to, amount, memo, recorded_at })
}

/// How the amount is taken from the rows of one end: from the fullest first, each down to nothing. What they lack in all
/// stays with the last, whose floor then refuses it.
fn parts(ledger: &Ledger, from: CorrectionEnd, amount: Money) -> Vec<(Account, i64)> {
    let mut rows = candidates(from, amount.currency);
    rows.sort_by_key(|account| Reverse(ledger.balance_minor(*account)));
    let (last, mut left) = (rows.len().saturating_sub(1), amount.minor);
    let part = |(n, account): (usize, Account)| {
        let there = ledger.balance_minor(account).max(0);
        let part = if n == last { left } else { left.min(there) };
        left = left.saturating_sub(part);
        (account, part)
    };
    rows.into_iter().enumerate().map(part).filter(|(_, part)| *part > 0).collect()
}

async fn check(tx: &Tx, end: CorrectionEnd, field: &str) -> Result<(), WriteError> {
    match (end.kind.of_organization(), end.organization) {
        (true, None) => Err(Refusal::required("organizationId").at(field).into()),
        (false, Some(_)) => Err(Refusal::invalid("organizationId", "this account is the exchange's own").at(field).into()),
        (true, Some(id)) if organization::Entity::find_by_id(id.0).one(tx.db()).await?.is_none() => {
            Err(Refusal::not_found("organizationId", "organization").at(field).into())
        }
        _ => Ok(()),
    }
}

fn account(end: CorrectionEnd, currency: Currency) -> Account {
    Account { kind: end.kind, organization: end.organization, currency, stripe: 0 }
}

/// The rows among which one end can choose: all stripes of the commission, otherwise the one.
fn candidates(end: CorrectionEnd, currency: Currency) -> Vec<Account> {
    let stripes = if end.kind == AccountKind::Fees { FEE_STRIPES } else { 1 };
    (0..stripes).map(|stripe| Account { stripe, ..account(end, currency) }).collect()
}
