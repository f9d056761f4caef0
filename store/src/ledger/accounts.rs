//! Account rows: found by what they are, locked in one order, made when something first moves on them.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{AccountId, OrganizationId, TypedId};
use domain::ledger::{Account, AccountKind};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::cells::Cells;
use crate::entity::account;
use crate::error::StoreError;
use crate::rows::{Column, Get, Given};
use crate::write::Tx;

/// What an account row says of itself.
pub(crate) fn identity(row: &account::Model) -> Result<Account, StoreError> {
    Ok(Account {
        kind: row.kind.parse().map_err(StoreError::corrupt)?,
        organization: row.organization_id.map(OrganizationId::from),
        currency: row.currency.parse().map_err(StoreError::corrupt)?,
        stripe: i16::try_from(row.stripe_no).map_err(StoreError::corrupt)?,
    })
}

/// Whether an account is locked behind all others, so that a transaction that only adds to it can leave that to its end: what
/// a seller has in escrow decides nothing, and many buy from one seller at a time.
pub(super) fn is_locked_last(account: &Account) -> bool {
    account.kind == AccountKind::Escrow
}

/// An account as its row stands, or as it would be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) account: Account,
    pub(super) id: Uuid,
    pub(super) balance_minor: i64,
    pub(super) version: i64,
    /// The version of the stored row; `None` of one that is not there yet.
    pub(super) stored: Option<i64>,
}

impl Row {
    /// An account that is locked when it is written: until then its balance and its version count from zero.
    pub(super) const fn later(account: Account) -> Self {
        Self { account, id: Uuid::nil(), balance_minor: 0, version: 0, stored: None }
    }

    /// Whether it is not one of [`Row::later`].
    pub(super) const fn is_locked(&self) -> bool {
        !self.id.is_nil()
    }

    /// What was counted from zero, counted from `locked`; `None` when that is too much.
    pub(super) fn counted_from(&self, locked: &Self) -> Option<Self> {
        let balance_minor = locked.balance_minor.checked_add(self.balance_minor)?;
        let version = locked.version.checked_add(self.version)?;
        Some(Self { balance_minor, version, ..*locked })
    }
}

const WANTED: &[Column<Account>] = &[
    // Nothing compares it where the exchange is the owner.
    ("organization_id", Get::Id(|account| account.organization.map_or(Uuid::nil(), Uuid::from))),
    ("kind", Get::Text(|account| account.kind.as_str())),
    ("currency", Get::Text(|account| account.currency.code())),
    ("stripe_no", Get::Integer(|account| account.stripe.into())),
];

/// The rows of `accounts`, locked in one order until the transaction ends. Those that are missing get an id
/// and are made when something moves on them.
pub(super) async fn locked(tx: &Tx, accounts: &BTreeSet<Account>) -> Result<BTreeMap<Account, Row>, StoreError> {
    let mut rows = found(tx, accounts.iter().copied().collect()).await?;
    let missing: Vec<Account> = accounts.iter().filter(|account| !rows.contains_key(account)).copied().collect();
    if missing.is_empty() {
        return Ok(rows);
    }
    // Whoever held one of the locks that this transaction waited for may have made them: the first look began before that.
    rows.extend(found(tx, missing.clone()).await?);
    for account in missing {
        let new = || Row { account, id: tx.id::<AccountId>().uuid(), balance_minor: 0, version: 0, stored: None };
        rows.entry(account).or_insert_with(new);
    }
    Ok(rows)
}

/// Locks organizations' rows first, the exchange's own behind them and escrow last, each in the order of their ids: every
/// statement has one of the two unique keys to find them by.
async fn found(tx: &Tx, accounts: Vec<Account>) -> Result<BTreeMap<Account, Row>, StoreError> {
    const OWN: &str = "account.organization_id = given.organization_id";
    let (last, others): (Vec<Account>, Vec<Account>) = accounts.into_iter().partition(is_locked_last);
    let (own, exchange): (Vec<Account>, Vec<Account>) = others.into_iter().partition(|account| account.organization.is_some());
    let mut rows = BTreeMap::new();
    for (wanted, owner) in [(own, OWN), (exchange, "account.organization_id IS NULL"), (last, OWN)] {
        if wanted.is_empty() {
            continue;
        }
        let given = Given::new(tx.backend(), WANTED, &wanted);
        let sql = format!(
            "SELECT account.id, account.organization_id, account.kind, account.currency, account.stripe_no, \
             account.balance_minor, account.version FROM {given} JOIN account ON {owner} AND account.kind = given.kind \
             AND account.currency = given.currency AND account.stripe_no = given.stripe_no ORDER BY account.id{}",
            given.lock("account")
        );
        for row in given.query(tx, sql).await? {
            let mut cells = Cells::of(&row)?;
            let id = cells.id()?;
            let organization = cells.take::<Option<Uuid>>()?.map(OrganizationId::from);
            let account = Account { organization, kind: cells.word()?, currency: cells.word()?, stripe: cells.count()? };
            let (balance_minor, version) = (cells.take()?, cells.take()?);
            rows.insert(account, Row { account, id, balance_minor, version, stored: Some(version) });
        }
    }
    Ok(rows)
}

/// The exchange's own accounts, or the one of these.
pub(super) async fn of_exchange(
    db: &impl sea_orm::ConnectionTrait,
    only: Option<Account>,
) -> Result<Vec<account::Model>, StoreError> {
    let mut rows = account::Entity::find().filter(account::Column::OrganizationId.is_null());
    if let Some(only) = only {
        rows = rows
            .filter(account::Column::Kind.eq(only.kind.as_str()))
            .filter(account::Column::StripeNo.eq(i64::from(only.stripe)))
            .filter(account::Column::Currency.eq(only.currency.code()));
    }
    let order = [account::Column::Kind, account::Column::Currency, account::Column::StripeNo];
    Ok(order.into_iter().fold(rows, |rows, column| rows.order_by_asc(column)).all(db).await?)
}

/// The accounts of an organization that a statement can be made of.
pub(super) async fn of_organization(
    db: &impl sea_orm::ConnectionTrait,
    organization: OrganizationId,
    kind: Option<AccountKind>,
) -> Result<Vec<account::Model>, StoreError> {
    let mut rows = account::Entity::find().filter(account::Column::OrganizationId.eq(organization.0));
    if let Some(kind) = kind {
        rows = rows.filter(account::Column::Kind.eq(kind.as_str()));
    }
    Ok(rows.order_by_asc(account::Column::Currency).all(db).await?)
}
