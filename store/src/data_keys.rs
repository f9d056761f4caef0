//! Data keys of objects about which many rows are sealed. Destroying one destroys what all of them say, also the rows that
//! never change; wrapping it anew touches none of them.

use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::db::Store;
use crate::entity::data_key;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// What a data key seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPurpose {
    /// What the buyer of a trade writes down about the person: outcomes, steps, the client's card with its history.
    Work,
    /// The name and the content of a file.
    File,
    /// What was said in an entry of a dispute.
    DisputeText,
}

/// A data key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The object.
    pub object: Uuid,
    /// The name of the ring's key that wraps it.
    pub key_id: String,
    /// The wrapped key, or when it was destroyed.
    pub wrapped_key: Result<Vec<u8>, Timestamp>,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredKey({})", self.object)
    }
}

impl KeyPurpose {
    /// The text in the database, and in the binding of the key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Work => "trade.work",
            Self::File => "upload.file",
            Self::DisputeText => "dispute.text",
        }
    }
}

impl TryFrom<data_key::Model> for StoredKey {
    type Error = StoreError;

    fn try_from(row: data_key::Model) -> Result<Self, StoreError> {
        let wrapped_key = match (row.wrapped_key, row.destroyed_at) {
            (Some(wrapped), None) => Ok(wrapped),
            (None, Some(at)) => Err(at),
            _ => return Err(StoreError::corrupt("a data key that is neither there nor destroyed")),
        };
        Ok(Self { object: row.object_id, key_id: row.key_id, wrapped_key })
    }
}

impl Tx {
    /// The data key of an object, if it ever had one.
    pub async fn data_key(&self, object: Uuid) -> Result<Option<StoredKey>, StoreError> {
        data_key::Entity::find_by_id(object).one(self.db()).await?.map(StoredKey::try_from).transpose()
    }

    /// Keeps the first data key of an object. The caller holds a lock under which nobody else makes one.
    pub async fn data_key_insert(
        &self,
        object: Uuid,
        purpose: KeyPurpose,
        key_id: String,
        wrapped_key: Vec<u8>,
    ) -> Result<(), WriteError> {
        let row = data_key::ActiveModel {
            object_id: Set(object),
            purpose: Set(purpose.as_str().to_owned()),
            key_id: Set(key_id),
            wrapped_key: Set(Some(wrapped_key)),
            destroyed_at: Set(None),
        };
        data_key::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Destroys the data keys of `objects`. What never had one can never get one either.
    pub async fn data_keys_destroy(&self, objects: &[Uuid], purpose: KeyPurpose) -> Result<(), WriteError> {
        if objects.is_empty() {
            return Ok(());
        }
        let now = self.now().await?;
        data_key::Entity::update_many()
            .col_expr(data_key::Column::WrappedKey, Expr::value(None::<Vec<u8>>))
            .col_expr(data_key::Column::DestroyedAt, Expr::value(now))
            .filter(data_key::Column::ObjectId.is_in(objects.iter().copied()))
            .filter(data_key::Column::DestroyedAt.is_null())
            .exec(self.db())
            .await?;
        let never = objects.iter().map(|object| data_key::ActiveModel {
            object_id: Set(*object),
            purpose: Set(purpose.as_str().to_owned()),
            key_id: Set(String::new()),
            wrapped_key: Set(None),
            destroyed_at: Set(Some(now)),
        });
        data_key::Entity::insert_many(never)
            .on_conflict(OnConflict::column(data_key::Column::ObjectId).do_nothing().to_owned())
            .exec_without_returning(self.db())
            .await?;
        Ok(())
    }
}

impl Store {
    /// The data keys that these objects have or had.
    pub async fn data_keys(&self, objects: &[Uuid]) -> Result<Vec<StoredKey>, StoreError> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let rows = data_key::Entity::find().filter(data_key::Column::ObjectId.is_in(objects.iter().copied()));
        rows.all(self.read()).await?.into_iter().map(StoredKey::try_from).collect()
    }
}
