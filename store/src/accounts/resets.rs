//! Password resets: a mailed token, good once.

use domain::id::UserId;
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;

use crate::entity::password_reset;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

impl Tx {
    /// Adds a reset for `user`.
    pub async fn password_reset_insert(&self, user: UserId, hash: &[u8], expires_at: Timestamp) -> Result<(), WriteError> {
        let row = password_reset::ActiveModel {
            token_hash: Set(hash.to_vec()),
            user_id: Set(user.0),
            created_at: Set(self.now().await?),
            expires_at: Set(expires_at),
            used_at: Set(None),
        };
        password_reset::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Whose password the token with this hash resets; none when it is unknown, used or over. The row is locked.
    pub async fn password_reset_of_token(&self, hash: &[u8]) -> Result<Option<UserId>, StoreError> {
        let row = password_reset::Entity::find_by_id(hash.to_vec()).lock(LockType::NoKeyUpdate).one(self.db()).await?;
        let now = self.now().await?;
        Ok(row.filter(|row| row.used_at.is_none() && now < row.expires_at).map(|row| UserId(row.user_id)))
    }

    /// Uses up every reset of `user`.
    pub async fn password_resets_used(&self, user: UserId) -> Result<(), WriteError> {
        password_reset::Entity::update_many()
            .col_expr(password_reset::Column::UsedAt, Expr::value(self.now().await?))
            .filter(password_reset::Column::UserId.eq(user.0))
            .filter(password_reset::Column::UsedAt.is_null())
            .exec(self.db())
            .await?;
        Ok(())
    }
}
