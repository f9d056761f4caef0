//! Organizations.

use domain::account::{Organization, OrganizationStatus};
use domain::id::OrganizationId;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{ExprTrait, QuerySelect};

use super::stored;
use crate::db::Store;
use crate::entity::organization;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// Whether an organization may not act now, because an operator has stopped it, or because there is none.
pub(crate) async fn organization_is_stopped(db: &impl ConnectionTrait, id: OrganizationId) -> Result<bool, StoreError> {
    let organization = organization::Entity::find_by_id(id.0).one(db).await?;
    Ok(organization.is_none_or(|row| row.status != OrganizationStatus::Active.as_str()))
}

impl Store {
    /// The organization `id`. Whether the caller may see it is the caller's to check.
    pub async fn organization(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        organization::Entity::find_by_id(id.0).one(self.read()).await?.map(of_row).transpose()
    }

    /// The organizations `ids`, in no order.
    pub async fn organizations(&self, ids: &[OrganizationId]) -> Result<Vec<Organization>, StoreError> {
        let wanted = organization::Column::Id.is_in(ids.iter().map(|id| id.0));
        organization::Entity::find().filter(wanted).all(self.read()).await?.into_iter().map(of_row).collect()
    }
}

impl Tx {
    /// The organization `id`, locked: whoever changes its members or its status waits.
    pub async fn organization_lock(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        let row = organization::Entity::find_by_id(id.0).lock(LockType::NoKeyUpdate).one(self.db()).await?;
        row.map(of_row).transpose()
    }

    /// Adds an organization, which `referrer` brought.
    pub async fn organization_insert(&self, new: &Organization, referrer: Option<OrganizationId>) -> Result<(), WriteError> {
        let row = organization::ActiveModel {
            id: Set(new.id.0),
            name: Set(new.name.clone()),
            country: Set(new.country.clone()),
            time_zone: Set(new.time_zone.clone()),
            locale: Set(new.locale.clone()),
            status: Set(new.status.as_str().to_owned()),
            referrer_id: Set(referrer.map(|id| id.0)),
            bank_hash: Set(None),
            wallet_frozen_at: Set(None),
            created_at: Set(new.created_at),
            version: Set(0),
        };
        organization::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Writes what may change of an organization that this transaction has locked.
    pub async fn organization_update(&self, changed: &Organization) -> Result<(), WriteError> {
        organization::Entity::update_many()
            .col_expr(organization::Column::Name, Expr::value(&changed.name))
            .col_expr(organization::Column::Country, Expr::value(&changed.country))
            .col_expr(organization::Column::TimeZone, Expr::value(&changed.time_zone))
            .col_expr(organization::Column::Locale, Expr::value(&changed.locale))
            .col_expr(organization::Column::Status, Expr::value(changed.status.as_str()))
            .col_expr(organization::Column::Version, Expr::col(organization::Column::Version).add(1))
            .filter(organization::Column::Id.eq(changed.id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }
}

fn of_row(row: organization::Model) -> Result<Organization, StoreError> {
    let status: OrganizationStatus = stored(&row.status, "organization.status")?;
    Ok(Organization {
        id: OrganizationId(row.id),
        name: row.name,
        country: row.country,
        time_zone: row.time_zone,
        locale: row.locale,
        status,
        created_at: row.created_at,
    })
}
