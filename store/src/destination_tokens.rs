//! Access tokens of destinations that are reached by OAuth, sealed under the destination's id. A process leases a token while it asks for
//! the next one; what it was given is written only in the place of the token that it knew.

use std::collections::BTreeMap;

use domain::id::{DestinationId, OrganizationId};
use domain::oauth::TokenPlace;
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{Condition, Iterable, QueryOrder, QuerySelect, QueryTrait};

use crate::db::Store;
use crate::entity::{destination, destination_token};
use crate::error::{StoreError, WriteError};
use crate::leads::Envelope;
use crate::write::Tx;

/// What a destination's requests carry, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct DestinationToken {
    /// Whose it is.
    pub destination: DestinationId,
    /// Where it stands.
    pub place: TokenPlace,
    /// The tokens, sealed.
    pub sealed: Envelope,
    /// Why it could not be renewed last, in the vendor's words.
    pub reason: Option<String>,
}

impl TryFrom<destination_token::Model> for DestinationToken {
    type Error = StoreError;

    fn try_from(row: destination_token::Model) -> Result<Self, StoreError> {
        Ok(Self {
            destination: row.destination_id.into(),
            place: TokenPlace {
                version: row.version,
                granted_at: row.granted_at,
                expires_at: row.expires_at,
                renew_at: row.renew_at,
                leased_until: row.leased_until,
                failed: row.failed,
                retry_at: row.retry_at,
                fault: row.fault.map(|fault| fault.parse()).transpose().map_err(StoreError::corrupt)?,
            },
            sealed: Envelope { key_id: row.key_id, wrapped_key: row.wrapped_key, ciphertext: row.ciphertext },
            reason: row.reason,
        })
    }
}

impl Store {
    /// The token of a destination, if it is reached by OAuth.
    pub async fn destination_token(&self, id: DestinationId) -> Result<Option<DestinationToken>, StoreError> {
        destination_token::Entity::find_by_id(id.0).one(self.read()).await?.map(DestinationToken::try_from).transpose()
    }

    /// Those of `ids` that are the organization's and reached by OAuth.
    pub async fn destination_tokens_many(
        &self,
        organization: OrganizationId,
        ids: &[DestinationId],
    ) -> Result<BTreeMap<DestinationId, DestinationToken>, StoreError> {
        let own = destination::Entity::find()
            .select_only()
            .column(destination::Column::Id)
            .filter(destination::Column::OrganizationId.eq(organization.0))
            .filter(destination::Column::Id.is_in(ids.iter().map(|id| id.0)));
        let wanted = destination_token::Column::DestinationId.in_subquery(own.into_query());
        let rows = destination_token::Entity::find().filter(wanted).all(self.read()).await?;
        rows.into_iter().map(|row| DestinationToken::try_from(row).map(|token| (token.destination, token))).collect()
    }

    /// Up to `limit` destinations that take leads and whose tokens have rested since `before`, and may be renewed at `now`.
    pub async fn destination_tokens_rested(
        &self,
        before: Timestamp,
        now: Timestamp,
        limit: u64,
    ) -> Result<Vec<DestinationId>, StoreError> {
        let free = |column: destination_token::Column| Condition::any().add(column.is_null()).add(column.lte(now));
        let live = destination::Entity::find()
            .select_only()
            .column(destination::Column::Id)
            .filter(destination::Column::DisabledAt.is_null());
        let ids: Vec<Uuid> = destination_token::Entity::find()
            .select_only()
            .column(destination_token::Column::DestinationId)
            .filter(destination_token::Column::GrantedAt.lte(before))
            .filter(free(destination_token::Column::LeasedUntil))
            .filter(free(destination_token::Column::RetryAt))
            .filter(destination_token::Column::DestinationId.in_subquery(live.into_query()))
            .order_by_asc(destination_token::Column::GrantedAt)
            .limit(limit)
            .into_tuple()
            .all(self.read())
            .await?;
        Ok(ids.into_iter().map(DestinationId::from).collect())
    }
}

impl Tx {
    /// The token of a destination, locked, if it is reached by OAuth.
    pub async fn destination_token_lock(&self, id: DestinationId) -> Result<Option<DestinationToken>, StoreError> {
        let find = destination_token::Entity::find_by_id(id.0).lock(LockType::NoKeyUpdate);
        find.one(self.db()).await?.map(DestinationToken::try_from).transpose()
    }

    /// Leases a token, which is locked.
    pub async fn destination_token_lease(&self, id: DestinationId, until: Timestamp) -> Result<(), WriteError> {
        destination_token::Entity::update_many()
            .col_expr(destination_token::Column::LeasedUntil, Expr::value(until))
            .filter(destination_token::Column::DestinationId.eq(id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Writes a token in the place of the one that the destination has, whose row is locked, or has not.
    pub async fn destination_token_put(&self, token: &DestinationToken) -> Result<(), WriteError> {
        let DestinationToken { destination, place, sealed, reason } = token;
        let row = destination_token::ActiveModel {
            destination_id: Set(destination.0),
            version: Set(place.version),
            key_id: Set(sealed.key_id.clone()),
            wrapped_key: Set(sealed.wrapped_key.clone()),
            ciphertext: Set(sealed.ciphertext.clone()),
            granted_at: Set(place.granted_at),
            expires_at: Set(place.expires_at),
            renew_at: Set(place.renew_at),
            leased_until: Set(place.leased_until),
            failed: Set(place.failed),
            retry_at: Set(place.retry_at),
            fault: Set(place.fault.map(|fault| fault.as_str().to_owned())),
            reason: Set(reason.clone()),
        };
        let others =
            destination_token::Column::iter().filter(|column| !matches!(column, destination_token::Column::DestinationId));
        let replace = OnConflict::column(destination_token::Column::DestinationId).update_columns(others).to_owned();
        destination_token::Entity::insert(row).on_conflict(replace).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Forgets the token of a destination that is not reached by OAuth any more.
    pub async fn destination_token_remove(&self, id: DestinationId) -> Result<(), WriteError> {
        destination_token::Entity::delete_by_id(id.0).exec(self.db()).await?;
        Ok(())
    }
}
