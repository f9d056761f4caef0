//! Idempotency keys: the same key with the same input gives the same answer, written in the same transaction as the effect.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::OrganizationId;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::cells::Cells;
use crate::changes::Changes;
use crate::db::Backend;
use crate::error::{Fault, StoreError, WriteError};
use crate::ledger::{now_and_stopped, now_stopped_and};
use crate::rows::{Column, Get, Given};
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

/// An answer that is kept under a key.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    operation: String,
    input_hash: Vec<u8>,
    /// JSON.
    response: String,
}

impl Answer {
    /// The answer to a call with `key`.
    pub(crate) fn new(key: &IdempotencyKey, response: &impl Serialize) -> Result<Self, StoreError> {
        let response = serde_json::to_string(response).map_err(StoreError::corrupt)?;
        Ok(Self { operation: key.operation.to_owned(), input_hash: key.input_hash.clone(), response })
    }

    /// The answer again, for a call with `key`: refused when its input was another.
    pub(crate) fn again<T: DeserializeOwned>(&self, key: &IdempotencyKey) -> Result<T, WriteError> {
        if self.operation != key.operation || self.input_hash != key.input_hash {
            let message = "this idempotency key was used with another input";
            return Err(Refusal::new(Code::IdempotencyMismatch, message).at("idempotencyKey").into());
        }
        Ok(serde_json::from_str(&self.response).map_err(StoreError::corrupt)?)
    }
}

/// Whose key, and which.
pub(crate) type KeyId = (OrganizationId, String);

impl IdempotencyKey {
    /// What makes two keys the same.
    pub(crate) fn id(&self) -> KeyId {
        (self.organization, self.key.clone())
    }
}

/// A key with its answer, to be kept.
pub(crate) type Remembered = (KeyId, Answer, Timestamp);

const KEY: &[Column<KeyId>] =
    &[("organization_id", Get::Id(|(organization, _)| organization.0)), ("idempotency_key", Get::Text(|(_, key)| key))];

const REMEMBERED: &[Column<Remembered>] = &[
    ("organization_id", Get::Id(|((organization, _), ..)| organization.0)),
    ("idempotency_key", Get::Text(|((_, key), ..)| key)),
    ("operation", Get::Text(|(_, answer, _)| &answer.operation)),
    ("input_hash", Get::Bytes(|(_, answer, _)| &answer.input_hash)),
    ("response", Get::Document(|(_, answer, _)| &answer.response)),
    ("created_at", Get::Instant(|(.., now)| *now)),
];

impl Tx {
    /// The answer of an earlier call with this key: `None` when there was none, a refusal when its input was another.
    /// Of concurrent calls with one key the later wait here for the first, before they read what it may be changing: their
    /// answer is its answer, not a refusal by its effect.
    pub async fn replayed<T: DeserializeOwned>(&self, key: &IdempotencyKey) -> Result<Option<T>, WriteError> {
        let keys = BTreeSet::from([key.id()]);
        self.keys_lock(&keys).await?;
        let (_, _, answers) = self.answers(&keys).await?;
        answers.into_values().next().map(|answer| answer.again(key)).transpose()
    }

    /// Keeps `answer` under `key`. Of two concurrent calls one collides on the key, is tried again, and gets the answer.
    pub async fn remember<T: Serialize + Sync>(&self, key: &IdempotencyKey, answer: &T) -> Result<(), WriteError> {
        let mut changes = self.changes();
        remember_all(&mut changes, &[(key.id(), Answer::new(key, answer)?, self.now().await?)]);
        changes.write().await
    }

    /// Locks `keys`, in one order; SQLite has one writer and needs nothing.
    pub(crate) async fn keys_lock(&self, keys: &BTreeSet<KeyId>) -> Result<(), StoreError> {
        if keys.is_empty() || self.backend() == Backend::Sqlite {
            return Ok(());
        }
        let keys: Vec<KeyId> = keys.iter().cloned().collect();
        let given = Given::new(self.backend(), KEY, &keys);
        // Sorted in a query of its own, so that the locks are taken in that order.
        let sql = format!(
            "SELECT pg_advisory_xact_lock(number) FROM (SELECT DISTINCT \
             hashtextextended(organization_id || ' ' || idempotency_key, 0) AS number FROM {given} ORDER BY number) AS sorted"
        );
        given.execute(self, sql).await?;
        Ok(())
    }

    /// The instant that decides, whether money is stopped then, and the answers of earlier calls with `keys`, which are locked.
    pub(crate) async fn answers(&self, keys: &BTreeSet<KeyId>) -> Result<(Timestamp, bool, BTreeMap<KeyId, Answer>), StoreError> {
        let mut answers = BTreeMap::new();
        if keys.is_empty() {
            let (now, is_stopped) = now_and_stopped(self).await?;
            return Ok((now, is_stopped, answers));
        }
        let keys: Vec<KeyId> = keys.iter().cloned().collect();
        let given = Given::new(self.backend(), KEY, &keys);
        let query = format!(
            ", answer.* FROM (SELECT 1) AS one LEFT JOIN (SELECT idempotency.organization_id, idempotency.idempotency_key, \
             idempotency.operation, idempotency.input_hash, CAST(idempotency.response AS text) FROM {given} \
             JOIN idempotency ON idempotency.organization_id = given.organization_id \
             AND idempotency.idempotency_key = given.idempotency_key) AS answer ON TRUE"
        );
        let (now, is_stopped, rows) = now_stopped_and(self, &query, given.into_values()).await?;
        for row in rows {
            let mut cells = Cells::behind(&row, 2)?;
            // Without an answer there is one row of nothing.
            let Some(organization) = cells.take::<Option<Uuid>>()? else { continue };
            let key = (organization.into(), cells.take()?);
            answers.insert(key, Answer { operation: cells.take()?, input_hash: cells.take()?, response: cells.take()? });
        }
        Ok((now, is_stopped, answers))
    }
}

/// Keeps answers. A key that a concurrent call has taken makes the transaction run again, and find its answer.
pub(crate) fn remember_all(changes: &mut Changes, answers: &[Remembered]) {
    let raced = |error: WriteError| if error.fault() == Some(Fault::Unique) { StoreError::KeyRace.into() } else { error };
    changes.insert("idempotency", REMEMBERED, answers, raced);
}
