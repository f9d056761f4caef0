//! The systems that bought leads are brought to. Their secrets lie sealed under the destination's id, apart from the settings.

use std::collections::BTreeMap;

use domain::delivery::{DestinationKind, FilePlan};
use domain::id::{CampaignId, DestinationId, OrganizationId, UserId};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QueryOrder, QuerySelect};
use serde_json::Value;

use crate::db::Store;
use crate::entity::{campaign_destination, destination};
use crate::error::{StoreError, WriteError};
use crate::leads::Envelope;
use crate::page::{Page, Slice};
use crate::write::Tx;

/// Where a buyer wants leads.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// Its id.
    pub id: DestinationId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What its buyer calls it.
    pub name: String,
    /// The system.
    pub kind: DestinationKind,
    /// How it is reached and what it is given, without secrets.
    pub settings: Value,
    /// When files are written, where leads travel in files.
    pub plan: Option<FilePlan>,
    /// The names of its secrets.
    pub secret_names: Vec<String>,
    /// The secrets, sealed.
    pub sealed: Envelope,
    /// Whether leads go there that no campaign sends elsewhere.
    pub is_default: bool,
    /// Until when its turns are taken.
    pub booked_until: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
    /// The last change.
    pub updated_at: Timestamp,
    /// Since when nothing is brought there any more.
    pub disabled_at: Option<Timestamp>,
    /// Why not.
    pub disabled_reason: Option<String>,
}

impl TryFrom<destination::Model> for Destination {
    type Error = StoreError;

    fn try_from(row: destination::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            organization: row.organization_id.into(),
            name: row.name,
            kind: row.kind.parse().map_err(StoreError::corrupt)?,
            settings: row.settings,
            plan: row.schedule.map(serde_json::from_value).transpose().map_err(StoreError::corrupt)?,
            secret_names: serde_json::from_value(row.secret_names).map_err(StoreError::corrupt)?,
            sealed: Envelope { key_id: row.key_id, wrapped_key: row.wrapped_key, ciphertext: row.ciphertext },
            is_default: row.is_default,
            booked_until: row.booked_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
            disabled_at: row.disabled_at,
            disabled_reason: row.disabled_reason,
        })
    }
}

impl Store {
    /// The destinations of `organization`, disabled ones too, oldest first.
    pub async fn destinations(&self, organization: OrganizationId, page: &Page<Uuid>) -> Result<Slice<Destination>, StoreError> {
        let mut find = destination::Entity::find()
            .filter(destination::Column::OrganizationId.eq(organization.0))
            .order_by_asc(destination::Column::Id)
            .limit(page.limit());
        if let Some(after) = page.after {
            find = find.filter(destination::Column::Id.gt(after));
        }
        Slice::cut(find.all(self.read()).await?, page).try_map(Destination::try_from)
    }

    /// Those of `ids` that are the organization's, in no order.
    pub async fn destinations_many(
        &self,
        organization: OrganizationId,
        ids: &[DestinationId],
    ) -> Result<Vec<Destination>, StoreError> {
        let wanted = destination::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = destination::Entity::find().filter(wanted).filter(destination::Column::OrganizationId.eq(organization.0));
        rows.all(self.read()).await?.into_iter().map(Destination::try_from).collect()
    }

    /// Those of `ids`, whoever's they are: for work that nobody asked for.
    pub async fn destinations_any(&self, ids: &[DestinationId]) -> Result<Vec<Destination>, StoreError> {
        let wanted = destination::Column::Id.is_in(ids.iter().map(|id| id.0));
        destination::Entity::find().filter(wanted).all(self.read()).await?.into_iter().map(Destination::try_from).collect()
    }

    /// Where each of these campaigns sends its leads, in the order of their ids.
    pub async fn campaign_destinations(
        &self,
        campaigns: &[CampaignId],
    ) -> Result<BTreeMap<CampaignId, Vec<DestinationId>>, StoreError> {
        let rows = campaign_destination::Entity::find()
            .filter(campaign_destination::Column::CampaignId.is_in(campaigns.iter().map(|id| id.0)))
            .order_by_asc(campaign_destination::Column::DestinationId);
        let mut found: BTreeMap<CampaignId, Vec<DestinationId>> = BTreeMap::new();
        for row in rows.all(self.read()).await? {
            found.entry(row.campaign_id.into()).or_default().push(row.destination_id.into());
        }
        Ok(found)
    }
}

impl Tx {
    /// How many destinations of `organization` take leads.
    pub async fn destinations_count(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        let live = destination::Entity::find()
            .filter(destination::Column::OrganizationId.eq(organization.0))
            .filter(destination::Column::DisabledAt.is_null());
        Ok(live.count(self.db()).await?)
    }

    /// How many of `ids` are destinations of `organization`.
    pub async fn destinations_own(&self, organization: OrganizationId, ids: &[DestinationId]) -> Result<u64, StoreError> {
        let wanted = destination::Column::Id.is_in(ids.iter().map(|id| id.0));
        let own = destination::Entity::find().filter(wanted).filter(destination::Column::OrganizationId.eq(organization.0));
        Ok(own.count(self.db()).await?)
    }

    /// Adds a destination made by `maker`.
    pub async fn destination_insert(&self, new: &Destination, maker: UserId) -> Result<(), WriteError> {
        let row = destination::ActiveModel {
            id: Set(new.id.0),
            organization_id: Set(new.organization.0),
            name: Set(new.name.clone()),
            kind: Set(new.kind.as_str().to_owned()),
            settings: Set(new.settings.clone()),
            schedule: Set(plan_json(new)?),
            secret_names: Set(serde_json::to_value(&new.secret_names).map_err(StoreError::corrupt)?),
            key_id: Set(new.sealed.key_id.clone()),
            wrapped_key: Set(new.sealed.wrapped_key.clone()),
            ciphertext: Set(new.sealed.ciphertext.clone()),
            is_default: Set(new.is_default),
            booked_until: Set(None),
            created_by: Set(maker.0),
            created_at: Set(new.created_at),
            updated_at: Set(new.updated_at),
            disabled_at: Set(new.disabled_at),
            disabled_reason: Set(new.disabled_reason.clone()),
        };
        destination::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// The destination `id` of `organization`, locked.
    pub async fn destination_lock(
        &self,
        organization: OrganizationId,
        id: DestinationId,
    ) -> Result<Option<Destination>, StoreError> {
        let mine = destination::Column::OrganizationId.eq(organization.0);
        let find = destination::Entity::find_by_id(id.0).filter(mine).lock(LockType::NoKeyUpdate);
        find.one(self.db()).await?.map(Destination::try_from).transpose()
    }

    /// Writes what may change of a destination. What was taken of its turns is forgotten: other settings may have other limits.
    pub async fn destination_save(&self, destination: &Destination) -> Result<(), WriteError> {
        let names = serde_json::to_value(&destination.secret_names).map_err(StoreError::corrupt)?;
        destination::Entity::update_many()
            .col_expr(destination::Column::Name, Expr::value(destination.name.clone()))
            .col_expr(destination::Column::Settings, Expr::value(destination.settings.clone()))
            .col_expr(destination::Column::Schedule, Expr::value(plan_json(destination)?))
            .col_expr(destination::Column::SecretNames, Expr::value(names))
            .col_expr(destination::Column::KeyId, Expr::value(destination.sealed.key_id.clone()))
            .col_expr(destination::Column::WrappedKey, Expr::value(destination.sealed.wrapped_key.clone()))
            .col_expr(destination::Column::Ciphertext, Expr::value(destination.sealed.ciphertext.clone()))
            .col_expr(destination::Column::IsDefault, Expr::value(destination.is_default))
            .col_expr(destination::Column::BookedUntil, Expr::value(None::<Timestamp>))
            .col_expr(destination::Column::UpdatedAt, Expr::value(destination.updated_at))
            .col_expr(destination::Column::DisabledAt, Expr::value(destination.disabled_at))
            .col_expr(destination::Column::DisabledReason, Expr::value(destination.disabled_reason.clone()))
            .filter(destination::Column::Id.eq(destination.id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Takes from every destination of `organization` that leads go there by default. The organization is locked.
    pub async fn destination_default_clear(&self, organization: OrganizationId) -> Result<(), WriteError> {
        destination::Entity::update_many()
            .col_expr(destination::Column::IsDefault, Expr::value(false))
            .filter(destination::Column::OrganizationId.eq(organization.0))
            .filter(destination::Column::IsDefault.eq(true))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Books a destination until `until`, if it is not booked longer.
    pub async fn destination_book(&self, id: DestinationId, until: Timestamp) -> Result<(), WriteError> {
        let earlier = sea_orm::Condition::any()
            .add(destination::Column::BookedUntil.is_null())
            .add(destination::Column::BookedUntil.lt(until));
        destination::Entity::update_many()
            .col_expr(destination::Column::BookedUntil, Expr::value(until))
            .filter(destination::Column::Id.eq(id.0))
            .filter(earlier)
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Where a campaign, whose row is locked or new, sends its leads from now on.
    pub async fn campaign_destinations_set(&self, campaign: CampaignId, ids: &[DestinationId]) -> Result<(), WriteError> {
        campaign_destination::Entity::delete_many()
            .filter(campaign_destination::Column::CampaignId.eq(campaign.0))
            .exec(self.db())
            .await?;
        if ids.is_empty() {
            return Ok(());
        }
        let row =
            |id: &DestinationId| campaign_destination::ActiveModel { campaign_id: Set(campaign.0), destination_id: Set(id.0) };
        campaign_destination::Entity::insert_many(ids.iter().map(row)).exec_without_returning(self.db()).await?;
        Ok(())
    }
}

fn plan_json(destination: &Destination) -> Result<Option<Value>, StoreError> {
    destination.plan.as_ref().map(serde_json::to_value).transpose().map_err(StoreError::corrupt)
}
