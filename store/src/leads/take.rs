//! Taking leads: a few multi-row statements for a whole batch.

use std::collections::HashSet;

use domain::campaign::ConsentKind;
use domain::contact::KeyKind;
use domain::id::{ImportId, LeadId, OrganizationId, VerticalId};
use domain::lead::{Lead, LeadState};
use domain::scoring::{Score, fresh_until};
use domain::time::Timestamp;
use domain::verification::{Check, Level};
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use serde::Serialize;

use super::Envelope;
use crate::entity::{lead, lead_contact, lead_key};
use crate::error::{Fault, StoreError};
use crate::write::Tx;

/// Rows of `lead` in one statement: its columns times this stay below SQLite's 32,766 values.
const CHUNK: usize = 400;

/// A lead, judged and sealed, about to be kept.
pub struct NewLead<'a> {
    /// Its id.
    pub id: LeadId,
    /// Who brings it.
    pub seller: OrganizationId,
    /// Its vertical.
    pub vertical: VerticalId,
    /// The version of the schema that it fits.
    pub vertical_version: i64,
    /// The lead.
    pub lead: &'a Lead,
    /// Who it is, sealed.
    pub envelope: &'a Envelope,
    /// Keyed hashes.
    pub keys: &'a [(KeyKind, [u8; 32])],
    /// A keyed hash of the whole draft: the same draft is not taken twice.
    pub fingerprint: [u8; 32],
    /// The import and the line that brought it.
    pub import: Option<(ImportId, i64)>,
    /// What was checked.
    pub checks: &'a [Check],
    /// How far it is verified.
    pub level: Level,
    /// The state that follows.
    pub state: LeadState,
    /// The score.
    pub score: &'a Score,
    /// Whether operators are to look at it.
    pub drawn: bool,
}

/// Which of some drafts the seller has brought before.
#[derive(Debug, Default)]
pub struct Taken {
    /// Their fingerprints.
    pub fingerprints: HashSet<Vec<u8>>,
    /// References that name other leads of the seller.
    pub references: HashSet<String>,
}

impl Tx {
    /// Which of these fingerprints and references `seller` has used.
    pub async fn leads_taken(
        &self,
        seller: OrganizationId,
        fingerprints: &[[u8; 32]],
        references: &[&str],
    ) -> Result<Taken, StoreError> {
        let mut taken = Taken::default();
        for chunk in fingerprints.chunks(5_000) {
            let rows: Vec<Vec<u8>> = lead::Entity::find()
                .select_only()
                .column(lead::Column::Fingerprint)
                .filter(lead::Column::SellerId.eq(seller.0))
                .filter(lead::Column::Fingerprint.is_in(chunk.iter().map(|hash| hash.to_vec())))
                .into_tuple()
                .all(self.db())
                .await?;
            taken.fingerprints.extend(rows);
        }
        for chunk in references.chunks(5_000) {
            let rows: Vec<Option<String>> = lead::Entity::find()
                .select_only()
                .column(lead::Column::SellerReference)
                .filter(lead::Column::SellerId.eq(seller.0))
                .filter(lead::Column::SellerReference.is_in(chunk.iter().copied()))
                .into_tuple()
                .all(self.db())
                .await?;
            taken.references.extend(rows.into_iter().flatten());
        }
        Ok(taken)
    }

    /// Keeps `leads`, brought at `now`.
    pub async fn leads_insert(&self, leads: &[NewLead<'_>], now: Timestamp) -> Result<(), StoreError> {
        for chunk in leads.chunks(CHUNK) {
            let rows = chunk.iter().map(|new| row(new, now)).collect::<Result<Vec<_>, _>>()?;
            lead::Entity::insert_many(rows).exec_without_returning(self.db()).await.map_err(raced)?;
            let contacts = chunk.iter().map(|new| lead_contact::ActiveModel {
                lead_id: Set(new.id.0),
                key_id: Set(new.envelope.key_id.clone()),
                wrapped_key: Set(new.envelope.wrapped_key.clone()),
                ciphertext: Set(new.envelope.ciphertext.clone()),
            });
            lead_contact::Entity::insert_many(contacts).exec_without_returning(self.db()).await?;
            let keys: Vec<_> = chunk.iter().flat_map(|new| key_rows(new, now)).collect();
            if !keys.is_empty() {
                lead_key::Entity::insert_many(keys).exec_without_returning(self.db()).await?;
            }
        }
        Ok(())
    }
}

/// Two intakes of one seller took the same draft at once: the second is tried again, and finds it taken.
fn raced(error: DbErr) -> StoreError {
    let error = StoreError::from(error);
    if error.fault() == Fault::Unique { StoreError::KeyRace } else { error }
}

/// A way to reach the person is dated when it was brought, a device when it was used.
fn key_rows<'a>(new: &'a NewLead<'_>, now: Timestamp) -> impl Iterator<Item = lead_key::ActiveModel> + 'a {
    new.keys.iter().map(move |(kind, hash)| lead_key::ActiveModel {
        lead_id: Set(new.id.0),
        kind: Set(kind.as_str().to_owned()),
        hash: Set(hash.to_vec()),
        seller_id: Set(new.seller.0),
        created_at: Set(if kind.is_channel() { now } else { new.lead.captured_at }),
    })
}

fn row(new: &NewLead<'_>, now: Timestamp) -> Result<lead::ActiveModel, StoreError> {
    let lead = new.lead;
    Ok(lead::ActiveModel {
        id: Set(new.id.0),
        seller_id: Set(new.seller.0),
        vertical_id: Set(new.vertical.0),
        vertical_version: Set(new.vertical_version),
        audience: Set(lead.audience.as_str().to_owned()),
        contact_kind: Set(lead.contact_kind.as_str().to_owned()),
        interest: Set(lead.interest.as_str().to_owned()),
        offering: Set(lead.offering.as_str().to_owned()),
        target_id: Set(lead.target_organization.map(|target| target.0)),
        source_kind: Set(lead.source.kind.as_str().to_owned()),
        source: Set(json(&lead.source)?),
        spend_minor: Set(lead.source.spend.map(|spend| spend.minor)),
        currency: Set(lead.source.spend.map(|spend| spend.currency.to_string())),
        country: Set(lead.country.clone()),
        region: Set(lead.region.clone()),
        city: Set(lead.city.clone()),
        attributes: Set(json(&lead.attributes)?),
        channels: Set(json(&lead.channels)?),
        consent: Set(json(&lead.consent)?),
        consent_kind: Set(ConsentKind::of(lead.consent.as_ref()).as_str().to_owned()),
        session: Set(json(&lead.form)?),
        seller_reference: Set(lead.seller_reference.clone()),
        fingerprint: Set(new.fingerprint.to_vec()),
        import_id: Set(new.import.map(|(import, _)| import.0)),
        import_line: Set(new.import.map(|(_, line)| line)),
        synthetic: Set(lead.synthetic),
        state: Set(new.state.as_str().to_owned()),
        level: Set(new.level.as_str().to_owned()),
        score: Set(new.score.points),
        temperature: Set(new.score.temperature.as_str().to_owned()),
        score_reasons: Set(json(&new.score.contributions)?),
        checks: Set(json(&new.checks)?),
        drawn: Set(new.drawn),
        score_due_at: Set(lead.dated.then(|| fresh_until(lead.captured_at, now)).flatten()),
        captured_at: Set(lead.captured_at),
        dated: Set(lead.dated),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(0),
    })
}

pub(super) fn json(value: &impl Serialize) -> Result<Json, StoreError> {
    serde_json::to_value(value).map_err(StoreError::corrupt)
}
