//! Data keys of objects about which many rows are sealed: made when the first is written, gone for good once destroyed.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use store::Tx;
use store::data_keys::{KeyPurpose, StoredKey};
use uuid::Uuid;

use super::{App, AppError};
use crate::crypto::{Binding, DataKey, KeyRing, WrappedDataKey};

/// The data keys of some objects: opened, or when each was destroyed.
#[derive(Debug)]
pub struct DataKeys(BTreeMap<Uuid, Result<DataKey, Timestamp>>);

impl DataKeys {
    /// What is sealed under the key of `object`; `None` when the key was destroyed.
    pub fn open(&self, object: Uuid, binding: Binding, sealed: &[u8]) -> Result<Option<Vec<u8>>, AppError> {
        match self.0.get(&object) {
            Some(Ok(key)) => Ok(Some(key.open(binding, sealed).map_err(AppError::internal)?.to_vec())),
            Some(Err(_)) => Ok(None),
            None => Err(AppError::internal("something sealed lies without its key")),
        }
    }

    /// The same, of a text.
    pub fn open_text(&self, object: Uuid, binding: Binding, sealed: &[u8]) -> Result<Option<String>, AppError> {
        let opened = self.open(object, binding, sealed)?.map(String::from_utf8).transpose();
        opened.map_err(|_| AppError::internal("a sealed text is no text"))
    }

    /// The key of `object`, unless it was destroyed or never was.
    #[must_use]
    pub fn key(&self, object: Uuid) -> Option<&DataKey> {
        self.0.get(&object).and_then(|key| key.as_ref().ok())
    }

    /// When the key of `object` was destroyed, if it was.
    #[must_use]
    pub fn destroyed_at(&self, object: Uuid) -> Option<Timestamp> {
        self.0.get(&object).and_then(|key| key.as_ref().err().copied())
    }
}

/// To what the data key of an object is bound.
#[must_use]
pub fn key_binding(purpose: KeyPurpose, object: Uuid) -> Binding {
    Binding { purpose: purpose.as_str(), object }
}

/// The data keys that these objects have or had.
pub async fn data_keys(app: &App, purpose: KeyPurpose, objects: &[Uuid]) -> Result<DataKeys, AppError> {
    let stored = app.store.data_keys(objects).await?;
    let opened = stored.into_iter().map(|key| Ok((key.object, opened(&app.keys, purpose, key)?)));
    Ok(DataKeys(opened.collect::<Result<_, AppError>>()?))
}

/// The data key of an object, made if it never had one; `None` once it was destroyed. The caller holds a lock under which
/// nobody else makes one.
pub async fn data_key(tx: &Tx, app: &App, purpose: KeyPurpose, object: Uuid) -> Result<Option<DataKey>, AppError> {
    if let Some(stored) = tx.data_key(object).await? {
        return Ok(opened(&app.keys, purpose, stored)?.ok());
    }
    let made = app.keys.data_key(app.entropy.as_ref(), key_binding(purpose, object));
    let (key, wrapped) = made.map_err(AppError::internal)?;
    tx.data_key_insert(object, purpose, wrapped.key_id, wrapped.wrapped_key).await?;
    Ok(Some(key))
}

fn opened(keys: &KeyRing, purpose: KeyPurpose, stored: StoredKey) -> Result<Result<DataKey, Timestamp>, AppError> {
    let StoredKey { object, key_id, wrapped_key } = stored;
    match wrapped_key {
        Ok(wrapped_key) => {
            let wrapped = WrappedDataKey { key_id, wrapped_key };
            Ok(Ok(keys.data_key_open(key_binding(purpose, object), &wrapped).map_err(AppError::internal)?))
        }
        Err(destroyed_at) => Ok(Err(destroyed_at)),
    }
}
