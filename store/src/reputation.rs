//! What disputes and ended trades say of an organization, counted in the transaction that decided them.

use std::collections::BTreeMap;

use domain::id::{OrganizationId, TypedId};
use domain::reputation::Tally;
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{ConnectionTrait, ExprTrait, QuerySelect};

use crate::db::{Backend, STATEMENT_ROWS, Store};
use crate::entity::reputation;
use crate::error::{StoreError, WriteError};
use crate::rows::{Column, Get};
use crate::write::Tx;

/// On which side of its trades an organization is judged.
pub use domain::dispute::TradeParty as Side;

/// Changes the tally of an organization on one side, its row locked.
pub async fn tally_add(
    tx: &Tx,
    organization: OrganizationId,
    side: Side,
    change: impl FnOnce(Tally) -> Tally,
) -> Result<Tally, WriteError> {
    let now = tx.now().await?;
    let empty = reputation::ActiveModel {
        organization_id: Set(organization.uuid()),
        side: Set(side.as_str().to_owned()),
        trades: Set(0),
        upheld: Set(0),
        rejected: Set(0),
        updated_at: Set(now),
        version: Set(0),
    };
    let key = [reputation::Column::OrganizationId, reputation::Column::Side];
    reputation::Entity::insert(empty)
        .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
        .exec_without_returning(tx.db())
        .await?;
    let mut row = reputation::Entity::find_by_id((organization.0, side.as_str().to_owned()));
    if tx.backend() == Backend::Postgres {
        row = row.lock(LockType::NoKeyUpdate);
    }
    let row = row.one(tx.db()).await?.ok_or(StoreError::Misuse("a reputation vanished"))?;
    let tally = change(of_row(&row)?);
    reputation::Entity::update_many()
        .col_expr(reputation::Column::Trades, Expr::value(stored(tally.trades)?))
        .col_expr(reputation::Column::Upheld, Expr::value(stored(tally.upheld)?))
        .col_expr(reputation::Column::Rejected, Expr::value(stored(tally.rejected)?))
        .col_expr(reputation::Column::UpdatedAt, Expr::value(now))
        .col_expr(reputation::Column::Version, Expr::col(reputation::Column::Version).add(1))
        .filter(reputation::Column::OrganizationId.eq(organization.0))
        .filter(reputation::Column::Side.eq(side.as_str()))
        .exec(tx.db())
        .await?;
    Ok(tally)
}

/// Adds to the tallies of several organizations on one side, their rows locked in the order of their ids.
pub(crate) async fn tallies_raise(
    tx: &Tx,
    side: Side,
    by: &BTreeMap<OrganizationId, Tally>,
    now: Timestamp,
) -> Result<(), WriteError> {
    let raise = |(organization, by): (&OrganizationId, &Tally)| -> Result<Raise, StoreError> {
        let (trades, upheld, rejected) = (stored(by.trades)?, stored(by.upheld)?, stored(by.rejected)?);
        Ok(Raise { organization: *organization, side, trades, upheld, rejected, now })
    };
    let raises = by.iter().map(raise).collect::<Result<Vec<_>, _>>()?;
    let add = "ON CONFLICT (organization_id, side) DO UPDATE SET trades = reputation.trades + excluded.trades, \
         upheld = reputation.upheld + excluded.upheld, rejected = reputation.rejected + excluded.rejected, \
         updated_at = excluded.updated_at, version = reputation.version + 1";
    tx.insert_unless("reputation", RAISE, &raises, add).await?;
    Ok(())
}

struct Raise {
    organization: OrganizationId,
    side: Side,
    trades: i64,
    upheld: i64,
    rejected: i64,
    now: Timestamp,
}

const RAISE: &[Column<Raise>] = &[
    ("organization_id", Get::Id(|raise| raise.organization.0)),
    ("side", Get::Text(|raise| raise.side.as_str())),
    ("trades", Get::Integer(|raise| raise.trades)),
    ("upheld", Get::Integer(|raise| raise.upheld)),
    ("rejected", Get::Integer(|raise| raise.rejected)),
    ("updated_at", Get::Instant(|raise| raise.now)),
    ("version", Get::Integer(|_| 1)),
];

/// The tallies of `organizations` on one side; those of whom nothing is known are left out.
pub async fn tallies_of(
    db: &impl ConnectionTrait,
    side: Side,
    organizations: impl IntoIterator<Item = OrganizationId> + Send,
) -> Result<BTreeMap<OrganizationId, Tally>, StoreError> {
    let ids: Vec<OrganizationId> = organizations.into_iter().collect();
    let mut tallies = BTreeMap::new();
    for ids in ids.chunks(STATEMENT_ROWS) {
        let rows = reputation::Entity::find()
            .filter(reputation::Column::OrganizationId.is_in(ids.iter().map(|id| id.0)))
            .filter(reputation::Column::Side.eq(side.as_str()))
            .all(db)
            .await?;
        for row in rows {
            tallies.insert(row.organization_id.into(), of_row(&row)?);
        }
    }
    Ok(tallies)
}

impl Store {
    /// The tally of an organization on one side.
    pub async fn tally(&self, organization: OrganizationId, side: Side) -> Result<Tally, StoreError> {
        read(self.read(), organization, side).await
    }
}

async fn read(db: &impl ConnectionTrait, organization: OrganizationId, side: Side) -> Result<Tally, StoreError> {
    let row = reputation::Entity::find_by_id((organization.0, side.as_str().to_owned())).one(db).await?;
    row.as_ref().map_or_else(|| Ok(Tally::default()), of_row)
}

fn of_row(row: &reputation::Model) -> Result<Tally, StoreError> {
    tally(row.trades, row.upheld, row.rejected)
}

/// The tally that three columns hold.
fn tally(trades: i64, upheld: i64, rejected: i64) -> Result<Tally, StoreError> {
    let count = |value: i64| u64::try_from(value).map_err(StoreError::corrupt);
    Ok(Tally { trades: count(trades)?, upheld: count(upheld)?, rejected: count(rejected)? })
}

fn stored(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(StoreError::corrupt)
}
