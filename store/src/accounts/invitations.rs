//! Invitations to join an organization.

use domain::account::{Email, Invitation};
use domain::id::{InvitationId, OrganizationId, UserId};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::stored;
use crate::db::Store;
use crate::entity::invitation;
use crate::error::{StoreError, WriteError};
use crate::page::{Page, Slice};
use crate::write::Tx;

impl Store {
    /// The open invitations of `organization`, oldest first.
    pub async fn invitations(&self, organization: OrganizationId, page: &Page<Uuid>) -> Result<Slice<Invitation>, StoreError> {
        let mut find = open(organization, self.now()).order_by_asc(invitation::Column::Id).limit(page.limit());
        if let Some(after) = page.after {
            find = find.filter(invitation::Column::Id.gt(after));
        }
        Slice::cut(find.all(self.read()).await?, page).try_map(of_row)
    }

    /// Those of `ids` that are open invitations of the organization, in no order.
    pub async fn invitations_many(
        &self,
        organization: OrganizationId,
        ids: &[InvitationId],
    ) -> Result<Vec<Invitation>, StoreError> {
        let wanted = invitation::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = open(organization, self.now()).filter(wanted).all(self.read()).await?;
        rows.into_iter().map(of_row).collect()
    }
}

impl Tx {
    /// The open invitations of `organization`: how many, and whether one is for `email`.
    pub async fn invitations_count(&self, organization: OrganizationId, email: &Email) -> Result<(u64, bool), StoreError> {
        let all = open(organization, self.now().await?);
        let same = all.clone().filter(invitation::Column::Email.eq(email.as_str()));
        Ok((all.count(self.db()).await?, same.count(self.db()).await? > 0))
    }

    /// The open invitations that `inviter` made, for `organization` or (`None`) for all.
    pub async fn invitations_of(
        &self,
        inviter: UserId,
        organization: Option<OrganizationId>,
    ) -> Result<Vec<Invitation>, StoreError> {
        let mut find = open_at(self.now().await?).filter(invitation::Column::InvitedBy.eq(inviter.0));
        if let Some(organization) = organization {
            find = find.filter(invitation::Column::OrganizationId.eq(organization.0));
        }
        find.order_by_asc(invitation::Column::Id).all(self.db()).await?.into_iter().map(of_row).collect()
    }

    /// Adds an invitation by `inviter`.
    pub async fn invitation_insert(&self, new: &Invitation, inviter: UserId, token_hash: &[u8]) -> Result<(), WriteError> {
        let row = invitation::ActiveModel {
            id: Set(new.id.0),
            organization_id: Set(new.organization.0),
            email: Set(new.email.as_str().to_owned()),
            role: Set(new.role.as_str().to_owned()),
            token_hash: Set(token_hash.to_vec()),
            invited_by: Set(inviter.0),
            created_at: Set(new.created_at),
            expires_at: Set(new.expires_at),
            accepted_at: Set(None),
            revoked_at: Set(None),
        };
        invitation::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// The open invitation with the hash `token_hash`, locked.
    pub async fn invitation_of_token(&self, token_hash: &[u8]) -> Result<Option<Invitation>, StoreError> {
        let find = invitation::Entity::find().filter(invitation::Column::TokenHash.eq(token_hash.to_vec()));
        let row = find.lock(LockType::NoKeyUpdate).one(self.db()).await?;
        let now = self.now().await?;
        let is_open = |row: &invitation::Model| row.accepted_at.is_none() && row.revoked_at.is_none() && now < row.expires_at;
        row.filter(is_open).map(of_row).transpose()
    }

    /// Marks an invitation as accepted.
    pub async fn invitation_accepted(&self, id: InvitationId) -> Result<(), WriteError> {
        invitation::Entity::update_many()
            .col_expr(invitation::Column::AcceptedAt, Expr::value(self.now().await?))
            .filter(invitation::Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Revokes the open invitation `id` of `organization`; answers it, or none when there is no such.
    pub async fn invitation_revoke(
        &self,
        organization: OrganizationId,
        id: InvitationId,
    ) -> Result<Option<Invitation>, WriteError> {
        let now = self.now().await?;
        let find = open(organization, now).filter(invitation::Column::Id.eq(id.0)).lock(LockType::NoKeyUpdate);
        let Some(row) = find.one(self.db()).await? else { return Ok(None) };
        invitation::Entity::update_many()
            .col_expr(invitation::Column::RevokedAt, Expr::value(now))
            .filter(invitation::Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        Ok(Some(of_row(row)?))
    }
}

fn open(organization: OrganizationId, now: Timestamp) -> Select<invitation::Entity> {
    open_at(now).filter(invitation::Column::OrganizationId.eq(organization.0))
}

fn open_at(now: Timestamp) -> Select<invitation::Entity> {
    invitation::Entity::find()
        .filter(invitation::Column::AcceptedAt.is_null())
        .filter(invitation::Column::RevokedAt.is_null())
        .filter(invitation::Column::ExpiresAt.gt(now))
}

fn of_row(row: invitation::Model) -> Result<Invitation, StoreError> {
    Ok(Invitation {
        id: InvitationId(row.id),
        organization: OrganizationId(row.organization_id),
        email: Email::stored(row.email),
        role: stored(&row.role, "invitation.role")?,
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}
