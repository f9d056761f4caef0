//! Sessions: a log-in, and the chain of refresh tokens that it lives on.

use domain::access::{Role, StaffRole};
use domain::id::{OrganizationId, SessionId, UserId};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{ExprTrait, QuerySelect};

use super::{Credentials, organization_is_stopped, stored};
use crate::db::Store;
use crate::entity::{account_user, membership, refresh_token, session, staff};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// A new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStart {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// For which organization.
    pub organization: Option<OrganizationId>,
    /// Or as which member of staff.
    pub staff_role: Option<StaffRole>,
    /// When its first refresh token ends.
    pub expires_at: Timestamp,
}

/// What a session permits at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionAccess {
    /// Whose.
    pub user: UserId,
    /// The organization and the role there; none when the person is no member any more, or never was.
    pub member: Option<(OrganizationId, Role)>,
    /// Whether that organization is stopped.
    pub suspended: bool,
    /// The role in the staff; none when it was taken away, or never given.
    pub staff_role: Option<StaffRole>,
}

/// What a refresh token turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refresh {
    /// None of ours, expired, or of a session that is over.
    Unknown,
    /// Good; it has been used now.
    Used(SessionStart),
    /// Used before: somebody has a copy. The whole session is revoked now.
    Reused,
}

impl Store {
    /// What `session` of `user` permits; none when it is over.
    pub async fn session_access(&self, id: SessionId, user: UserId) -> Result<Option<SessionAccess>, StoreError> {
        let mine = session::Column::UserId.eq(user.0);
        let db = self.read();
        let Some(row) = session::Entity::find_by_id(id.0).filter(mine).one(db).await? else { return Ok(None) };
        if row.revoked_at.is_some() || row.expires_at <= self.now() {
            return Ok(None);
        }
        access_of(db, user, row.organization_id.map(OrganizationId), row.staff_role.as_deref()).await
    }
}

impl Store {
    /// What `user` may do now for `organization`, or as `staff_role`, whatever session it came by.
    pub async fn present_access(
        &self,
        user: UserId,
        organization: Option<OrganizationId>,
        staff_role: Option<StaffRole>,
    ) -> Result<Option<SessionAccess>, StoreError> {
        access_of(self.read(), user, organization, staff_role.map(StaffRole::as_str)).await
    }
}

impl Tx {
    /// What a session of `user` for `organization`, or as `staff_role`, permits.
    pub async fn access_of(&self, start: &SessionStart) -> Result<Option<SessionAccess>, StoreError> {
        access_of(self.db(), start.user, start.organization, start.staff_role.map(StaffRole::as_str)).await
    }

    /// Adds a session with its first refresh token.
    pub async fn session_insert(&self, start: &SessionStart, token_hash: &[u8]) -> Result<(), WriteError> {
        let now = self.now().await?;
        let row = session::ActiveModel {
            id: Set(start.id.0),
            user_id: Set(start.user.0),
            organization_id: Set(start.organization.map(|id| id.0)),
            staff_role: Set(start.staff_role.map(|role| role.as_str().to_owned())),
            created_at: Set(now),
            last_used_at: Set(now),
            expires_at: Set(start.expires_at),
            revoked_at: Set(None),
            revoked_reason: Set(None),
        };
        session::Entity::insert(row).exec_without_returning(self.db()).await?;
        self.refresh_token_insert(start.id, token_hash, start.expires_at).await
    }

    /// Uses the refresh token with the hash `token_hash` up. A token that was used before revokes its session.
    pub async fn refresh_token_use(&self, token_hash: &[u8]) -> Result<Refresh, WriteError> {
        let found = refresh_token::Entity::find_by_id(token_hash.to_vec()).lock(LockType::NoKeyUpdate).one(self.db()).await?;
        let Some(token) = found else { return Ok(Refresh::Unknown) };
        let found = session::Entity::find_by_id(token.session_id).lock(LockType::NoKeyUpdate).one(self.db()).await?;
        let now = self.now().await?;
        let Some(row) = found.filter(|row| row.revoked_at.is_none()) else { return Ok(Refresh::Unknown) };
        if token.used_at.is_some() {
            self.session_revoke(SessionId(row.id), "REFRESH_REUSED").await?;
            return Ok(Refresh::Reused);
        }
        if token.expires_at <= now {
            return Ok(Refresh::Unknown);
        }
        let used = refresh_token::Entity::update_many()
            .col_expr(refresh_token::Column::UsedAt, Expr::value(now))
            .filter(refresh_token::Column::TokenHash.eq(token_hash.to_vec()))
            .filter(refresh_token::Column::UsedAt.is_null())
            .exec(self.db())
            .await?;
        if used.rows_affected != 1 {
            return Ok(Refresh::Unknown);
        }
        Ok(Refresh::Used(SessionStart {
            id: SessionId(row.id),
            user: UserId(row.user_id),
            organization: row.organization_id.map(OrganizationId),
            staff_role: row.staff_role.as_deref().map(|role| stored(role, "session.staff_role")).transpose()?,
            expires_at: row.expires_at,
        }))
    }

    /// The next refresh token of `session`, which lives on until `expires_at`.
    pub async fn session_extend(&self, id: SessionId, token_hash: &[u8], expires_at: Timestamp) -> Result<(), WriteError> {
        let now = self.now().await?;
        session::Entity::update_many()
            .col_expr(session::Column::LastUsedAt, Expr::value(now))
            .col_expr(session::Column::ExpiresAt, Expr::value(expires_at))
            .filter(session::Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        self.refresh_token_insert(id, token_hash, expires_at).await
    }

    /// The session of a refresh token, used or not.
    pub async fn session_of_token(&self, token_hash: &[u8]) -> Result<Option<SessionId>, StoreError> {
        let token = refresh_token::Entity::find_by_id(token_hash.to_vec()).one(self.db()).await?;
        Ok(token.map(|token| SessionId(token.session_id)))
    }

    /// Ends a session; answers whether it was running.
    pub async fn session_revoke(&self, id: SessionId, reason: &'static str) -> Result<bool, WriteError> {
        Ok(self.sessions_revoke(session::Column::Id.eq(id.0), reason).await? == 1)
    }

    /// Ends every session of `user`; answers how many were running.
    pub async fn sessions_revoke_of(&self, user: UserId, reason: &'static str) -> Result<u64, WriteError> {
        self.sessions_revoke(session::Column::UserId.eq(user.0), reason).await
    }

    /// Ends the sessions of `user` for `organization`.
    pub async fn sessions_revoke_of_member(
        &self,
        user: UserId,
        organization: OrganizationId,
        reason: &'static str,
    ) -> Result<u64, WriteError> {
        let of_both = session::Column::UserId.eq(user.0).and(session::Column::OrganizationId.eq(organization.0));
        self.sessions_revoke(of_both, reason).await
    }

    async fn sessions_revoke(&self, which: sea_orm::sea_query::SimpleExpr, reason: &'static str) -> Result<u64, WriteError> {
        let now = self.now().await?;
        let done = session::Entity::update_many()
            .col_expr(session::Column::RevokedAt, Expr::value(now))
            .col_expr(session::Column::RevokedReason, Expr::value(reason))
            .filter(which)
            .filter(session::Column::RevokedAt.is_null())
            .exec(self.db())
            .await?;
        Ok(done.rows_affected)
    }

    async fn refresh_token_insert(&self, id: SessionId, hash: &[u8], expires_at: Timestamp) -> Result<(), WriteError> {
        let row = refresh_token::ActiveModel {
            token_hash: Set(hash.to_vec()),
            session_id: Set(id.0),
            created_at: Set(self.now().await?),
            expires_at: Set(expires_at),
            used_at: Set(None),
        };
        refresh_token::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }
}

async fn access_of<C: ConnectionTrait>(
    db: &C,
    user: UserId,
    organization_id: Option<OrganizationId>,
    staff_role: Option<&str>,
) -> Result<Option<SessionAccess>, StoreError> {
    let person = account_user::Entity::find_by_id(user.0).one(db).await?.map(Credentials::from);
    if !person.is_some_and(|person| person.active) {
        return Ok(None);
    }
    let mut access = SessionAccess { user, member: None, suspended: false, staff_role: None };
    if let Some(id) = organization_id {
        let of_both = membership::Column::OrganizationId.eq(id.0).and(membership::Column::UserId.eq(user.0));
        if let Some(row) = membership::Entity::find().filter(of_both).one(db).await? {
            access.member = Some((id, stored(&row.role, "membership.role")?));
        }
        access.suspended = organization_is_stopped(db, id).await?;
    }
    if let Some(role) = staff_role {
        let held = staff::Entity::find_by_id((user.0, role.to_owned())).one(db).await?;
        access.staff_role = held.map(|row| stored(&row.role, "staff.role")).transpose()?;
    }
    Ok(Some(access))
}
