//! API keys: kept as hashes.

use domain::account::ApiKey;
use domain::id::{ApiKeyId, OrganizationId, UserId};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, SimpleExpr};
use sea_orm::{Condition, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::organization_is_stopped;
use crate::db::Store;
use crate::entity::api_key;
use crate::error::{StoreError, WriteError};
use crate::page::{Page, Slice};
use crate::write::Tx;

/// What a key permits at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAccess {
    /// The key.
    pub key: ApiKey,
    /// Whether its organization is stopped.
    pub suspended: bool,
}

impl Store {
    /// The keys of `organization`, revoked ones too, oldest first.
    pub async fn api_keys(&self, organization: OrganizationId, page: &Page<Uuid>) -> Result<Slice<ApiKey>, StoreError> {
        let mut find = api_key::Entity::find()
            .filter(api_key::Column::OrganizationId.eq(organization.0))
            .order_by_asc(api_key::Column::Id)
            .limit(page.limit());
        if let Some(after) = page.after {
            find = find.filter(api_key::Column::Id.gt(after));
        }
        Slice::cut(find.all(self.read()).await?, page).try_map(of_row)
    }

    /// The key `id` of `organization`.
    pub async fn api_key(&self, organization: OrganizationId, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let mine = api_key::Column::OrganizationId.eq(organization.0);
        api_key::Entity::find_by_id(id.0).filter(mine).one(self.read()).await?.map(of_row).transpose()
    }

    /// Those of `ids` that are the organization's, in no order.
    pub async fn api_keys_many(&self, organization: OrganizationId, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>, StoreError> {
        let wanted = api_key::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = api_key::Entity::find().filter(wanted).filter(api_key::Column::OrganizationId.eq(organization.0));
        rows.all(self.read()).await?.into_iter().map(of_row).collect()
    }

    /// What the key with the hash `secret_hash` permits; none when it is unknown, revoked or over.
    pub async fn key_access(&self, secret_hash: &[u8]) -> Result<Option<KeyAccess>, StoreError> {
        self.live_key(api_key::Column::SecretHash.eq(secret_hash.to_vec())).await
    }

    /// What the key permits now; none when it is unknown, revoked or over.
    pub async fn present_key_access(&self, id: ApiKeyId) -> Result<Option<KeyAccess>, StoreError> {
        self.live_key(api_key::Column::Id.eq(id.0)).await
    }

    async fn live_key(&self, which: SimpleExpr) -> Result<Option<KeyAccess>, StoreError> {
        let now = self.now();
        let is_live = |row: &api_key::Model| row.revoked_at.is_none() && row.expires_at.is_none_or(|expires_at| now < expires_at);
        let found = api_key::Entity::find().filter(which).one(self.read()).await?;
        let Some(row) = found.filter(is_live) else { return Ok(None) };
        let suspended = organization_is_stopped(self.read(), row.organization_id.into()).await?;
        Ok(Some(KeyAccess { key: of_row(row)?, suspended }))
    }
}

impl Tx {
    /// How many keys of `organization` are neither revoked nor over.
    pub async fn api_keys_count(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        let live = live_at(self.now().await?).filter(api_key::Column::OrganizationId.eq(organization.0));
        Ok(live.count(self.db()).await?)
    }

    /// The live keys that `maker` made, for `organization` or (`None`) for all.
    pub async fn api_keys_of(&self, maker: UserId, organization: Option<OrganizationId>) -> Result<Vec<ApiKey>, StoreError> {
        let mut find = live_at(self.now().await?).filter(api_key::Column::CreatedBy.eq(maker.0));
        if let Some(organization) = organization {
            find = find.filter(api_key::Column::OrganizationId.eq(organization.0));
        }
        find.order_by_asc(api_key::Column::Id).all(self.db()).await?.into_iter().map(of_row).collect()
    }

    /// Adds a key made by `maker`.
    pub async fn api_key_insert(&self, new: &ApiKey, maker: UserId, secret_hash: &[u8]) -> Result<(), WriteError> {
        let row = api_key::ActiveModel {
            id: Set(new.id.0),
            organization_id: Set(new.organization.0),
            name: Set(new.name.clone()),
            prefix: Set(new.prefix.clone()),
            secret_hash: Set(secret_hash.to_vec()),
            scopes: Set(serde_json::to_value(&new.scopes).map_err(StoreError::corrupt)?),
            test: Set(new.test),
            created_by: Set(maker.0),
            created_at: Set(new.created_at),
            expires_at: Set(new.expires_at),
            last_used_at: Set(None),
            revoked_at: Set(None),
        };
        api_key::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Revokes the key `id` of `organization`, once; answers it, or none when there is no such.
    pub async fn api_key_revoke(&self, organization: OrganizationId, id: ApiKeyId) -> Result<Option<ApiKey>, WriteError> {
        let mine = api_key::Column::OrganizationId.eq(organization.0);
        let find = api_key::Entity::find_by_id(id.0).filter(mine).lock(LockType::NoKeyUpdate);
        let Some(row) = find.one(self.db()).await? else { return Ok(None) };
        let mut key = of_row(row)?;
        if key.revoked_at.is_none() {
            let now = self.now().await?;
            api_key::Entity::update_many()
                .col_expr(api_key::Column::RevokedAt, Expr::value(now))
                .filter(api_key::Column::Id.eq(id.0))
                .filter(api_key::Column::RevokedAt.is_null())
                .exec(self.db())
                .await?;
            key.revoked_at = Some(now);
        }
        Ok(Some(key))
    }

    /// Notes that a key was used.
    pub async fn api_key_used(&self, id: ApiKeyId, at: Timestamp) -> Result<(), WriteError> {
        api_key::Entity::update_many()
            .col_expr(api_key::Column::LastUsedAt, Expr::value(at))
            .filter(api_key::Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }
}

fn live_at(now: Timestamp) -> Select<api_key::Entity> {
    let endless_or_running = Condition::any().add(api_key::Column::ExpiresAt.is_null()).add(api_key::Column::ExpiresAt.gt(now));
    api_key::Entity::find().filter(api_key::Column::RevokedAt.is_null()).filter(endless_or_running)
}

fn of_row(row: api_key::Model) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: ApiKeyId(row.id),
        organization: OrganizationId(row.organization_id),
        name: row.name,
        prefix: row.prefix,
        scopes: serde_json::from_value(row.scopes).map_err(|_| StoreError::corrupt("api_key.scopes"))?,
        test: row.test,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    })
}
