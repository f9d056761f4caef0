//! The do-not-contact list: keyed hashes, never who is on it.

use std::collections::BTreeSet;

use domain::contact::KeyKind;
use domain::id::{LeadId, SuppressionId, UserId};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect, QueryTrait, TryInsertResult};

use crate::db::Store;
use crate::entity::{lead_key, suppression};
use crate::error::StoreError;
use crate::job::Lane;
use crate::page::{Page, Slice};
use crate::write::Tx;

/// Rows in one statement.
const CHUNK: usize = 2_000;

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSuppression {
    /// Its id.
    pub id: SuppressionId,
    /// What the hash was made of: PHONE, EMAIL, MESSENGER or SHA256.
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

/// The kind of the jobs that check leads again.
pub const LEAD_REVERIFY: &str = "lead_reverify";

/// Leads in one job.
const JOB_LEADS: usize = 20;

impl Tx {
    /// Adds entries, and has the leads of these persons that are for sale, whoever brought them, checked again behind this
    /// commit. Answers how many entries are new.
    pub async fn suppress_and_reverify(&self, entries: &[StoredSuppression]) -> Result<u64, StoreError> {
        let added = self.suppressions_add(entries).await?;
        let mut leads = BTreeSet::new();
        for chunk in entries.chunks(CHUNK) {
            let hashes: Vec<[u8; 32]> = chunk.iter().map(|entry| entry.hash).collect();
            leads.extend(self.leads_live_with_keys(&hashes).await?);
        }
        let leads: Vec<LeadId> = leads.into_iter().collect();
        let now = self.now().await?;
        for chunk in leads.chunks(JOB_LEADS) {
            self.enqueue_in(Lane::Checks, LEAD_REVERIFY, serde_json::json!({ "leads": chunk }), now).await?;
        }
        Ok(added)
    }

    /// Puts every way to reach the person behind a lead, or those of one kind only, on the list, by the hashes that the
    /// exchange has: they outlive the contact data.
    pub async fn lead_suppress(
        &self,
        lead: LeadId,
        only: Option<KeyKind>,
        reason: &str,
        source: &str,
        by: Option<UserId>,
    ) -> Result<(), StoreError> {
        let created_at = self.now().await?;
        let keys = lead_key::Entity::find().filter(lead_key::Column::LeadId.eq(lead.0)).all(self.db()).await?;
        let mut entries = Vec::new();
        for key in keys {
            let kind: KeyKind = key.kind.parse().map_err(StoreError::corrupt)?;
            if kind.is_channel() && only.is_none_or(|only| only == kind) {
                entries.push(StoredSuppression {
                    id: self.id(),
                    kind: key.kind,
                    hash: <[u8; 32]>::try_from(key.hash).map_err(|_| StoreError::corrupt("a lead's key that is no hash"))?,
                    reason: reason.to_owned(),
                    source: source.to_owned(),
                    added_by: by,
                    created_at,
                });
            }
        }
        self.suppress_and_reverify(&entries).await?;
        Ok(())
    }

    /// Whether the person behind a lead is on the list.
    pub async fn lead_suppressed(&self, lead: LeadId) -> Result<bool, StoreError> {
        let hashes =
            lead_key::Entity::find().select_only().column(lead_key::Column::Hash).filter(lead_key::Column::LeadId.eq(lead.0));
        let listed = suppression::Entity::find().filter(suppression::Column::Hash.in_subquery(hashes.into_query()));
        Ok(listed.count(self.db()).await? > 0)
    }

    /// Adds entries; those that are there already are left alone. Answers how many are new.
    async fn suppressions_add(&self, entries: &[StoredSuppression]) -> Result<u64, StoreError> {
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
