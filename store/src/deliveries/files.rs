//! Deliveries that travel together in a file.

use std::collections::BTreeSet;

use domain::delivery::DeliveryState;
use domain::id::{DeliveryFileId, DeliveryId, DestinationId, OrganizationId};
use domain::time::{Timestamp, plus_secs};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{Condition, ExprTrait, QueryOrder, QuerySelect};

use super::{Claimed, Delivery};
use crate::db::{Backend, Store};
use crate::destinations::Destination;
use crate::entity::{delivery, delivery_file, destination};
use crate::error::{StoreError, WriteError};
use crate::words::is;
use crate::write::Tx;

/// A file of bought leads: the list of what lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryFile {
    /// Its id.
    pub id: DeliveryFileId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// For which destination.
    pub destination: DestinationId,
    /// Since when.
    pub created_at: Timestamp,
}

impl Tx {
    /// Adds a file.
    pub async fn delivery_file_insert(&self, file: &DeliveryFile) -> Result<(), WriteError> {
        let row = delivery_file::ActiveModel {
            id: Set(file.id.0),
            organization_id: Set(file.organization.0),
            destination_id: Set(file.destination.0),
            created_at: Set(file.created_at),
        };
        delivery_file::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Up to `limit` deliveries in a file behind `after`, in the order of their ids.
    pub async fn delivery_file_rows(
        &self,
        file: DeliveryFileId,
        after: Option<DeliveryId>,
        limit: u64,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut find =
            delivery::Entity::find().filter(delivery::Column::FileId.eq(file.0)).order_by_asc(delivery::Column::Id).limit(limit);
        if let Some(after) = after {
            find = find.filter(delivery::Column::Id.gt(after.0));
        }
        find.all(self.db()).await?.into_iter().map(Delivery::try_from).collect()
    }
}

impl Store {
    /// A file of the organization's.
    pub async fn delivery_file(
        &self,
        organization: OrganizationId,
        id: DeliveryFileId,
    ) -> Result<Option<DeliveryFile>, StoreError> {
        let own = delivery_file::Column::OrganizationId.eq(organization.0);
        let row = delivery_file::Entity::find_by_id(id.0).filter(own).one(self.read()).await?;
        Ok(row.map(|row| DeliveryFile {
            id: row.id.into(),
            organization: row.organization_id.into(),
            destination: row.destination_id.into(),
            created_at: row.created_at,
        }))
    }

    /// Destinations for which a file is due, at most `limit`.
    pub async fn delivery_files_due(&self, now: Timestamp, limit: u64) -> Result<BTreeSet<DestinationId>, StoreError> {
        let ids: Vec<Uuid> = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::DestinationId)
            .distinct()
            .filter(due(now))
            .limit(limit)
            .into_tuple()
            .all(self.read())
            .await?;
        Ok(ids.into_iter().map(DestinationId::from).collect())
    }

    /// Claims up to `limit` deliveries that travel in the next file of a destination for `lease_secs`.
    pub async fn delivery_file_claim(&self, id: DestinationId, limit: u64, lease_secs: i64) -> Result<Vec<Claimed>, WriteError> {
        self.write("delivery_file_claim", move |tx| async move { claim(&tx, id, limit, lease_secs).await }).await
    }
}

async fn claim(tx: &Tx, id: DestinationId, limit: u64, lease_secs: i64) -> Result<Vec<Claimed>, WriteError> {
    let now = tx.now().await?;
    let row = destination::Entity::find_by_id(id.0).one(tx.db()).await?;
    let row = row.ok_or(StoreError::Misuse("a delivery without its destination"))?;
    let destination = Destination::try_from(row)?;
    let mut find = delivery::Entity::find()
        .filter(due(now))
        .filter(delivery::Column::DestinationId.eq(id.0))
        .order_by_asc(delivery::Column::DueAt)
        .order_by_asc(delivery::Column::Id)
        .limit(limit);
    if tx.backend() == Backend::Postgres {
        find = find.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    }
    let rows = find.all(tx.db()).await?;
    if !rows.is_empty() {
        delivery::Entity::update_many()
            .col_expr(delivery::Column::LeasedUntil, Expr::value(plus_secs(now, lease_secs)))
            .col_expr(delivery::Column::Lease, Expr::col(delivery::Column::Lease).add(1))
            .filter(delivery::Column::Id.is_in(rows.iter().map(|row| row.id)))
            .exec(tx.db())
            .await?;
    }
    let claimed = |row| -> Result<Claimed, StoreError> {
        let delivery = Delivery::try_from(row)?;
        let delivery = Delivery { lease: delivery.lease.saturating_add(1), ..delivery };
        Ok(Claimed { delivery, destination: destination.clone() })
    };
    Ok(rows.into_iter().map(claimed).collect::<Result<_, _>>()?)
}

fn due(now: Timestamp) -> Condition {
    let free = Condition::any().add(delivery::Column::LeasedUntil.is_null()).add(delivery::Column::LeasedUntil.lte(now));
    Condition::all()
        .add(is(delivery::Column::State, DeliveryState::Waiting.as_str()))
        .add(delivery::Column::InFile.eq(true))
        .add(delivery::Column::DueAt.lte(now))
        .add(free)
}
