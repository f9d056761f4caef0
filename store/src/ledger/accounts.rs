//! Account rows: made on demand, found by what they are, locked in the order of their ids.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{AccountId, OrganizationId, TypedId};
use domain::ledger::{Account, AccountKind};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{Condition, QueryOrder, QuerySelect};

use crate::db::{Backend, STATEMENT_ROWS};
use crate::entity::account;
use crate::error::StoreError;
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

/// The rows of `accounts`, made where missing, locked in the order of their ids until the transaction ends.
pub(super) async fn locked(tx: &Tx, accounts: &BTreeSet<Account>) -> Result<BTreeMap<Account, account::Model>, StoreError> {
    let mut ids = found(tx, accounts).await?;
    let missing: Vec<Account> = accounts.iter().filter(|account| !ids.contains_key(account)).copied().collect();
    if !missing.is_empty() {
        make(tx, &missing).await?;
        ids = found(tx, accounts).await?;
    }
    let mut ids: Vec<Uuid> = ids.into_values().collect();
    ids.sort_unstable();
    let mut locked = BTreeMap::new();
    for ids in ids.chunks(STATEMENT_ROWS) {
        let of_ids = account::Column::Id.is_in(ids.iter().copied());
        let mut rows = account::Entity::find().filter(of_ids).order_by_asc(account::Column::Id);
        if tx.backend() == Backend::Postgres {
            rows = rows.lock(LockType::NoKeyUpdate);
        }
        for row in rows.all(tx.db()).await? {
            locked.insert(identity(&row)?, row);
        }
    }
    Ok(locked)
}

async fn found(tx: &Tx, accounts: &BTreeSet<Account>) -> Result<BTreeMap<Account, Uuid>, StoreError> {
    let organizations: BTreeSet<Uuid> = accounts.iter().filter_map(|a| a.organization).map(Uuid::from).collect();
    let organizations: Vec<Uuid> = organizations.into_iter().collect();
    let own: BTreeSet<&str> = accounts.iter().filter(|a| a.organization.is_none()).map(|a| a.kind.as_str()).collect();
    let mut wanted: Vec<Condition> = organizations
        .chunks(STATEMENT_ROWS)
        .map(|ids| Condition::all().add(account::Column::OrganizationId.is_in(ids.iter().copied())))
        .collect();
    if !own.is_empty() {
        wanted.push(Condition::all().add(account::Column::OrganizationId.is_null()).add(account::Column::Kind.is_in(own)));
    }
    let mut ids = BTreeMap::new();
    for wanted in wanted {
        for row in account::Entity::find().filter(wanted).all(tx.db()).await? {
            let account = identity(&row)?;
            if accounts.contains(&account) {
                ids.insert(account, row.id);
            }
        }
    }
    Ok(ids)
}

async fn make(tx: &Tx, accounts: &[Account]) -> Result<(), StoreError> {
    let now = tx.now().await?;
    let row = |account: &Account| account::ActiveModel {
        id: Set(tx.id::<AccountId>().uuid()),
        organization_id: Set(account.organization.map(Uuid::from)),
        kind: Set(account.kind.as_str().to_owned()),
        stripe_no: Set(i64::from(account.stripe)),
        currency: Set(account.currency.code().to_owned()),
        balance_minor: Set(0),
        version: Set(0),
        created_at: Set(now),
    };
    // Two transactions may make the same account at once: the second waits for the first and then finds its row.
    let again = OnConflict::new().do_nothing().to_owned();
    for accounts in accounts.chunks(STATEMENT_ROWS) {
        let rows = account::Entity::insert_many(accounts.iter().map(row)).on_conflict(again.clone());
        rows.exec_without_returning(tx.db()).await?;
    }
    Ok(())
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
