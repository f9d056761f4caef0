//! The keys that sign access tokens, their private halves sealed.

use std::fmt;

use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder};

use crate::db::Store;
use crate::entity::signing_key;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// A signing key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// Its name.
    pub kid: String,
    /// The public half.
    pub public_key: Vec<u8>,
    /// The private half, sealed.
    pub sealed_private_key: Vec<u8>,
    /// From when on it signs no more.
    pub retired_at: Option<Timestamp>,
}

impl fmt::Debug for StoredSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredSigningKey({})", self.kid)
    }
}

impl Store {
    /// The keys that are not retired, or were after `retired_after`; newest first.
    pub async fn signing_keys(&self, retired_after: Timestamp) -> Result<Vec<StoredSigningKey>, StoreError> {
        let useful =
            Condition::any().add(signing_key::Column::RetiredAt.is_null()).add(signing_key::Column::RetiredAt.gt(retired_after));
        let rows = signing_key::Entity::find()
            .filter(useful)
            .order_by_desc(signing_key::Column::CreatedAt)
            .order_by_desc(signing_key::Column::Kid)
            .all(self.read())
            .await?;
        let of_row = |row: signing_key::Model| StoredSigningKey {
            kid: row.kid,
            public_key: row.public_key,
            sealed_private_key: row.sealed_private_key,
            retired_at: row.retired_at,
        };
        Ok(rows.into_iter().map(of_row).collect())
    }
}

impl Tx {
    /// Adds a key, which signs from now on.
    pub async fn signing_key_insert(&self, new: &StoredSigningKey) -> Result<(), WriteError> {
        let row = signing_key::ActiveModel {
            kid: Set(new.kid.clone()),
            public_key: Set(new.public_key.clone()),
            sealed_private_key: Set(new.sealed_private_key.clone()),
            created_at: Set(self.now().await?),
            retired_at: Set(None),
        };
        signing_key::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Retires every key that signs; answers how many.
    pub async fn signing_keys_retire(&self) -> Result<u64, WriteError> {
        let done = signing_key::Entity::update_many()
            .col_expr(signing_key::Column::RetiredAt, Expr::value(self.now().await?))
            .filter(signing_key::Column::RetiredAt.is_null())
            .exec(self.db())
            .await?;
        Ok(done.rows_affected)
    }
}
