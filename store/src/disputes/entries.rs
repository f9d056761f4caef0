//! The history of a dispute, and what both sides gave. Rows are only added.

use domain::dispute::TradeParty;
use domain::dispute::history::{DisputeEntryKind, DisputeSide, Happened};
use domain::evidence::CallAttempt;
use domain::id::{DisputeEntryId, DisputeId, EvidenceId, OrganizationId, TypedId, UploadId, UserId};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::row::Dispute;
use crate::data_keys::KeyPurpose;
use crate::db::Store;
use crate::entity::{dispute_entry, evidence, upload};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// Where an entry stands in its dispute's history, in its body.
const POSITION: &str = "position";

/// The sealed text of an entry, in its body.
const TEXT: &str = "text";

/// Something that happened in a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: DisputeEntryId,
    /// What.
    pub kind: DisputeEntryKind,
    /// Who.
    pub side: DisputeSide,
    /// Which person, if one.
    pub user: Option<UserId>,
    /// What belongs to it; texts are sealed.
    pub body: Value,
    /// When.
    pub created_at: Timestamp,
}

/// An entry to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its id, when a sealed text is bound to it; otherwise a fresh one.
    pub id: Option<DisputeEntryId>,
    /// What.
    pub kind: DisputeEntryKind,
    /// Who.
    pub side: DisputeSide,
    /// Which person, if one.
    pub user: Option<UserId>,
    /// What belongs to it; texts are sealed.
    pub body: Value,
}

/// A sealed text as an entry to be brings it along in its body, as the field `text`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SealedText {
    /// The name of the ring's key that wraps the data key.
    pub key_id: String,
    /// The data key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The text; the only part that the body of the written entry holds.
    pub ciphertext: Value,
}

/// How much each side has shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exhibits {
    /// The buyer's statements.
    pub buyer_texts: u64,
    /// The buyer's files.
    pub buyer_files: u64,
    /// The seller's statements.
    pub seller_texts: u64,
    /// The seller's files.
    pub seller_files: u64,
}

impl Entry {
    /// What the entry says of the course of the dispute.
    #[must_use]
    pub fn happened(&self) -> Happened {
        let expired = self.body.get("was").and_then(Value::as_str).and_then(|was| was.parse().ok());
        Happened { kind: self.kind, expired }
    }
}

impl NewEntry {
    /// An entry without a person or a body.
    #[must_use]
    pub fn of(kind: DisputeEntryKind, side: DisputeSide) -> Self {
        Self { id: None, kind, side, user: None, body: Value::Null }
    }

    /// The same entry, by this person.
    #[must_use]
    pub fn by(self, user: Option<UserId>) -> Self {
        Self { user, ..self }
    }

    /// The same entry, with this body.
    #[must_use]
    pub fn with(self, body: Value) -> Self {
        Self { body, ..self }
    }
}

impl Exhibits {
    /// Statements and files of `party`.
    #[must_use]
    pub const fn of(&self, party: TradeParty) -> u64 {
        match party {
            TradeParty::Buyer => self.buyer_texts.saturating_add(self.buyer_files),
            TradeParty::Seller => self.seller_texts.saturating_add(self.seller_files),
        }
    }

    /// Files of `party`.
    #[must_use]
    pub const fn files_of(&self, party: TradeParty) -> u64 {
        match party {
            TradeParty::Buyer => self.buyer_files,
            TradeParty::Seller => self.seller_files,
        }
    }
}

impl TryFrom<dispute_entry::Model> for Entry {
    type Error = StoreError;

    fn try_from(row: dispute_entry::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            kind: row.kind.parse().map_err(StoreError::corrupt)?,
            side: row.side.parse().map_err(StoreError::corrupt)?,
            user: row.user_id.map(UserId),
            body: row.body,
            created_at: row.created_at,
        })
    }
}

/// Adds an entry to the history of a dispute.
pub async fn entry_add(tx: &Tx, dispute: DisputeId, entry: NewEntry) -> Result<DisputeEntryId, WriteError> {
    let id = entry.id.unwrap_or_else(|| tx.id());
    let mut body = if entry.body.is_object() { entry.body } else { serde_json::json!({}) };
    if let Some(text) = body.get_mut(TEXT) {
        text_key_keep(tx, id, text).await?;
    }
    // Entries of one transaction can bear the same instant.
    if let Some(fields) = body.as_object_mut() {
        fields.insert(POSITION.to_owned(), tx.dispute_entries_count(dispute).await?.into());
    }
    let row = dispute_entry::ActiveModel {
        id: Set(id.uuid()),
        dispute_id: Set(dispute.uuid()),
        kind: Set(entry.kind.as_str().to_owned()),
        side: Set(entry.side.as_str().to_owned()),
        user_id: Set(entry.user.map(UserId::uuid)),
        body: Set(body),
        created_at: Set(tx.now().await?),
    };
    dispute_entry::Entity::insert(row).exec_without_returning(tx.db()).await?;
    Ok(id)
}

/// Keeps the data key of a sealed text apart: the history never changes, and the key must be able to be wrapped anew, and
/// destroyed.
async fn text_key_keep(tx: &Tx, id: DisputeEntryId, text: &mut Value) -> Result<(), WriteError> {
    let SealedText { key_id, wrapped_key, ciphertext } = serde_json::from_value(text.take()).map_err(StoreError::corrupt)?;
    tx.data_key_insert(id.uuid(), KeyPurpose::DisputeText, key_id, wrapped_key).await?;
    *text = ciphertext;
    Ok(())
}

/// Gives a stored file as evidence. A file is evidence once.
pub async fn evidence_add(
    tx: &Tx,
    dispute: DisputeId,
    upload: UploadId,
    party: TradeParty,
    user: Option<UserId>,
) -> Result<EvidenceId, WriteError> {
    let id: EvidenceId = tx.id();
    let row = evidence::ActiveModel {
        id: Set(id.uuid()),
        dispute_id: Set(dispute.uuid()),
        upload_id: Set(upload.uuid()),
        side: Set(party.as_str().to_owned()),
        created_at: Set(tx.now().await?),
    };
    let taken = || Refusal::new(Code::Taken, "this file is evidence already").at("uploadIds");
    evidence::Entity::insert(row)
        .exec_without_returning(tx.db())
        .await
        .map_err(|error| WriteError::from(error).repeated_as(taken()))?;
    let body = serde_json::json!({ "evidenceId": id });
    entry_add(tx, dispute, NewEntry::of(DisputeEntryKind::File, party.into()).by(user).with(body)).await?;
    Ok(id)
}

/// What both sides have shown so far.
pub async fn exhibits(tx: &Tx, dispute: &Dispute) -> Result<Exhibits, WriteError> {
    let rows = dispute_entry::Entity::find().filter(dispute_entry::Column::DisputeId.eq(dispute.id.0)).all(tx.db()).await?;
    let count = |kind: DisputeEntryKind, side: DisputeSide| {
        let found = rows.iter().filter(|row| row.kind == kind.as_str() && row.side == side.as_str()).count();
        u64::try_from(found).unwrap_or(u64::MAX)
    };
    Ok(Exhibits {
        buyer_texts: count(DisputeEntryKind::Statement, DisputeSide::Buyer),
        buyer_files: count(DisputeEntryKind::File, DisputeSide::Buyer),
        seller_texts: count(DisputeEntryKind::Statement, DisputeSide::Seller),
        seller_files: count(DisputeEntryKind::File, DisputeSide::Seller),
    })
}

impl Tx {
    /// How many entries the history of a dispute has.
    pub async fn dispute_entries_count(&self, id: DisputeId) -> Result<u64, StoreError> {
        Ok(dispute_entry::Entity::find().filter(dispute_entry::Column::DisputeId.eq(id.0)).count(self.db()).await?)
    }

    /// Whether a side of a dispute has shown a file with this SHA-256.
    pub async fn evidence_holds(&self, id: DisputeId, party: TradeParty, sha256: &[u8]) -> Result<bool, StoreError> {
        let held = evidence::Entity::find()
            .filter(evidence::Column::DisputeId.eq(id.0))
            .filter(evidence::Column::Side.eq(party.as_str()))
            .all(self.db())
            .await?;
        let same = upload::Entity::find()
            .filter(upload::Column::Id.is_in(held.iter().map(|row| row.upload_id)))
            .filter(upload::Column::Sha256.eq(sha256.to_vec()))
            .count(self.db())
            .await?;
        Ok(same > 0)
    }

    /// An upload of the organization.
    pub async fn upload_for_evidence(
        &self,
        id: UploadId,
        organization: OrganizationId,
    ) -> Result<Option<upload::Model>, StoreError> {
        let own = upload::Entity::find_by_id(id.0).filter(upload::Column::OrganizationId.eq(organization.0));
        Ok(own.one(self.db()).await?)
    }
}

impl Store {
    /// The history of a dispute that the caller was found to see, oldest first.
    pub async fn dispute_entries(&self, id: DisputeId) -> Result<Vec<Entry>, StoreError> {
        let rows = dispute_entry::Entity::find().filter(dispute_entry::Column::DisputeId.eq(id.0)).all(self.read()).await?;
        let mut entries: Vec<Entry> = rows.into_iter().map(Entry::try_from).collect::<Result<_, _>>()?;
        entries.sort_by_key(position);
        Ok(entries)
    }
}

/// Where an entry stands in its dispute's history.
pub(super) fn position(entry: &Entry) -> Option<u64> {
    entry.body.get(POSITION).and_then(Value::as_u64)
}

/// A logged call, as the rules read it.
pub(crate) fn call_of(row: &crate::entity::call_attempt::Model) -> Result<CallAttempt, StoreError> {
    Ok(CallAttempt {
        at: row.called_at,
        duration_secs: row.duration_secs,
        disposition: row.disposition.parse().map_err(StoreError::corrupt)?,
    })
}
