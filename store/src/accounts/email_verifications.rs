//! Whether a person's address is its own: shown by a mailed token, good once.

use domain::id::UserId;
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;

use crate::db::Store;
use crate::entity::{account_user, email_verification};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

impl Store {
    /// Whether `user` has shown that its address is its own.
    pub async fn email_is_verified(&self, user: UserId) -> Result<bool, StoreError> {
        is_verified(self.read(), user).await
    }
}

impl Tx {
    /// Whether `user` has shown that its address is its own.
    pub async fn email_is_verified(&self, user: UserId) -> Result<bool, StoreError> {
        is_verified(self.db(), user).await
    }

    /// Adds a token for `user`.
    pub async fn email_verification_insert(&self, user: UserId, hash: &[u8], expires_at: Timestamp) -> Result<(), WriteError> {
        let row = email_verification::ActiveModel {
            token_hash: Set(hash.to_vec()),
            user_id: Set(user.0),
            created_at: Set(self.now().await?),
            expires_at: Set(expires_at),
            used_at: Set(None),
        };
        email_verification::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Whose address the token with this hash proves; none when it is unknown, used or over. The row is locked.
    pub async fn email_verification_of_token(&self, hash: &[u8]) -> Result<Option<UserId>, StoreError> {
        let row = email_verification::Entity::find_by_id(hash.to_vec()).lock(LockType::NoKeyUpdate).one(self.db()).await?;
        let now = self.now().await?;
        Ok(row.filter(|row| row.used_at.is_none() && now < row.expires_at).map(|row| UserId(row.user_id)))
    }

    /// Notes that `user` has shown that its address is its own, and uses up every token that would show it.
    pub async fn email_verified_set(&self, user: UserId) -> Result<(), WriteError> {
        let now = self.now().await?;
        account_user::Entity::update_many()
            .col_expr(account_user::Column::EmailVerifiedAt, Expr::value(now))
            .filter(account_user::Column::Id.eq(user.0))
            .filter(account_user::Column::EmailVerifiedAt.is_null())
            .exec(self.db())
            .await?;
        email_verification::Entity::update_many()
            .col_expr(email_verification::Column::UsedAt, Expr::value(now))
            .filter(email_verification::Column::UserId.eq(user.0))
            .filter(email_verification::Column::UsedAt.is_null())
            .exec(self.db())
            .await?;
        Ok(())
    }
}

async fn is_verified<C: ConnectionTrait>(db: &C, user: UserId) -> Result<bool, StoreError> {
    let verified = account_user::Column::EmailVerifiedAt.is_not_null();
    Ok(account_user::Entity::find_by_id(user.0).filter(verified).count(db).await? > 0)
}
