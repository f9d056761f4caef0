//! Idempotency keys: the same key with the same input gives the same answer, written in the same transaction as the effect.

use domain::id::OrganizationId;
use domain::refusal::{Code, Refusal};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, Statement};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::Backend;
use crate::entity::idempotency;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// The longest key, in characters.
pub const MAX_KEY_LEN: usize = 128;

/// A caller's key for one effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key.
    pub organization: OrganizationId,
    /// The key, at most [`MAX_KEY_LEN`] characters.
    pub key: String,
    /// The mutation.
    pub operation: &'static str,
    /// A hash of the input without the key.
    pub input_hash: Vec<u8>,
}

impl Tx {
    /// The answer of an earlier call with this key: `None` when there was none, a refusal when its input was another.
    /// Of concurrent calls with one key the later wait here for the first, before they read what it may be changing: their
    /// answer is its answer, not a refusal by its effect.
    pub async fn replayed<T: DeserializeOwned>(&self, key: &IdempotencyKey) -> Result<Option<T>, WriteError> {
        if self.backend() == Backend::Postgres {
            let name = format!("{} {}", key.organization.0, key.key);
            let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
            let lock = Statement::from_sql_and_values(self.db().get_database_backend(), sql, [name.into()]);
            self.db().execute_raw(lock).await?;
        }
        let row = idempotency::Entity::find_by_id((key.organization.0, key.key.clone())).one(self.db()).await?;
        let Some(row) = row else { return Ok(None) };
        if row.operation != key.operation || row.input_hash != key.input_hash {
            let message = "this idempotency key was used with another input";
            return Err(Refusal::new(Code::IdempotencyMismatch, message).at("idempotencyKey").into());
        }
        Ok(Some(serde_json::from_value(row.response).map_err(StoreError::corrupt)?))
    }

    /// Keeps `answer` under `key`. Of two concurrent calls one collides on the key, is tried again, and gets the answer.
    pub async fn remember<T: Serialize + Sync>(&self, key: &IdempotencyKey, answer: &T) -> Result<(), WriteError> {
        let row = idempotency::ActiveModel {
            organization_id: Set(key.organization.0),
            idempotency_key: Set(key.key.clone()),
            operation: Set(key.operation.to_owned()),
            input_hash: Set(key.input_hash.clone()),
            response: Set(serde_json::to_value(answer).map_err(StoreError::corrupt)?),
            created_at: Set(self.now().await?),
        };
        match idempotency::Entity::insert(row).exec_without_returning(self.db()).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = StoreError::from(error);
                Err(if error.fault() == crate::error::Fault::Unique { StoreError::KeyRace } else { error }.into())
            }
        }
    }
}
