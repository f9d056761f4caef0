//! The do-not-contact list: keyed hashes, never who is on it.

use domain::id::{SuppressionId, UserId};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect, TryInsertResult};

use crate::db::Store;
use crate::entity::suppression;
use crate::error::StoreError;
use crate::page::{Page, Slice};
use crate::write::Tx;

/// Rows in one statement.
const CHUNK: usize = 2_000;

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSuppression {
    /// Its id.
    pub id: SuppressionId,
    /// What the hash was made of: PHONE, EMAIL or SHA256.
    pub kind: String,
    /// The keyed hash.
    pub hash: [u8; 32],
    /// Why the person is on the list.
    pub reason: String,
    /// Where the entry came from.
    pub source: String,
    /// Who added it.
    pub added_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
}

impl Tx {
    /// Adds entries; those that are there already are left alone. Answers how many are new.
    pub async fn suppressions_add(&self, entries: &[StoredSuppression]) -> Result<u64, StoreError> {
        let mut added = 0_u64;
        for chunk in entries.chunks(CHUNK) {
            let rows = chunk.iter().map(|entry| suppression::ActiveModel {
                id: Set(entry.id.0),
                kind: Set(entry.kind.clone()),
                hash: Set(entry.hash.to_vec()),
                reason: Set(entry.reason.clone()),
                source: Set(entry.source.clone()),
                added_by: Set(entry.added_by.map(|user| user.0)),
                created_at: Set(entry.created_at),
            });
            let key = [suppression::Column::Kind, suppression::Column::Hash];
            let done =
                suppression::Entity::insert_many(rows).on_conflict_do_nothing_on(key).exec_without_returning(self.db()).await?;
            if let TryInsertResult::Inserted(count) = done {
                added = added.saturating_add(count);
            }
        }
        Ok(added)
    }
}

impl Store {
    /// Entries, the newest first.
    pub async fn suppressions(&self, page: &Page<SuppressionId>) -> Result<Slice<StoredSuppression>, StoreError> {
        let rows = suppression::Entity::find()
            .filter(Condition::all().add_option(page.after.map(|id| suppression::Column::Id.lt(id.0))))
            .order_by_desc(suppression::Column::Id)
            .limit(page.limit())
            .all(self.read())
            .await?;
        Slice::cut(rows, page).try_map(|row| {
            Ok(StoredSuppression {
                id: row.id.into(),
                kind: row.kind,
                hash: <[u8; 32]>::try_from(row.hash).map_err(|_| StoreError::corrupt("a suppression that is no hash"))?,
                reason: row.reason,
                source: row.source,
                added_by: row.added_by.map(Into::into),
                created_at: row.created_at,
            })
        })
    }

    /// Whether one of these hashes is on the list.
    pub async fn is_suppressed(&self, hashes: &[[u8; 32]]) -> Result<bool, StoreError> {
        let found = suppression::Entity::find()
            .filter(suppression::Column::Hash.is_in(hashes.iter().map(|hash| hash.to_vec())))
            .count(self.read())
            .await?;
        Ok(found > 0)
    }
}
