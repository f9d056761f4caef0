//! The history and the files of many disputes at once, for those who may see them.

use std::collections::BTreeMap;

use domain::id::{DisputeId, OrganizationId};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use super::entries::{Entry, position};
use super::find::seen;
use crate::db::Store;
use crate::entity::{dispute_entry, evidence, upload};
use crate::error::StoreError;
use crate::uploads::Upload;

/// A file of evidence with the upload that holds it.
pub type File = (evidence::Model, Upload);

impl Store {
    /// The history of each of those `ids` in which the organization is a party, oldest first.
    pub async fn dispute_entries_many(
        &self,
        organization: OrganizationId,
        ids: &[DisputeId],
    ) -> Result<BTreeMap<DisputeId, Vec<Entry>>, StoreError> {
        let of = dispute_entry::Column::DisputeId.in_subquery(seen(organization, ids));
        let rows = dispute_entry::Entity::find().filter(of).all(self.read()).await?;
        let mut histories: BTreeMap<DisputeId, Vec<Entry>> = BTreeMap::new();
        for row in rows {
            histories.entry(row.dispute_id.into()).or_default().push(row.try_into()?);
        }
        for history in histories.values_mut() {
            history.sort_by_key(position);
        }
        Ok(histories)
    }

    /// The files of each of those `ids` in which the organization is a party, in the order in which they came.
    pub async fn evidence_many(
        &self,
        organization: OrganizationId,
        ids: &[DisputeId],
    ) -> Result<BTreeMap<DisputeId, Vec<File>>, StoreError> {
        let of = evidence::Column::DisputeId.in_subquery(seen(organization, ids));
        let rows = evidence::Entity::find().filter(of).order_by_asc(evidence::Column::Id).all(self.read()).await?;
        let stored = upload::Column::Id.is_in(rows.iter().map(|row| row.upload_id));
        let uploads = upload::Entity::find().filter(stored).all(self.read()).await?;
        let uploads: BTreeMap<Uuid, upload::Model> = uploads.into_iter().map(|upload| (upload.id, upload)).collect();
        let mut files: BTreeMap<DisputeId, Vec<File>> = BTreeMap::new();
        for row in rows {
            if let Some(upload) = uploads.get(&row.upload_id) {
                files.entry(row.dispute_id.into()).or_default().push((row, upload.clone().try_into()?));
            }
        }
        Ok(files)
    }
}
