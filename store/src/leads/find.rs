//! Finding leads, scoped to who looks.

use std::collections::HashMap;

use domain::contact::KeyKind;
use domain::id::{ImportId, LeadId, OrganizationId};
use domain::lead::{Audience, LeadState, SourceKind, Temperature};
use domain::listing::ListingState;
use domain::time::Timestamp;
use domain::verification::{CheckKind, Level};
use domain::vertical::VerticalPath;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{Condition, ConnectionTrait, QueryOrder, QuerySelect, QueryTrait};

use super::{Envelope, StoredLead};
use crate::db::{Backend, Store};
use crate::entity::{lead, lead_check, lead_contact, lead_key, listing, vertical};
use crate::error::StoreError;
use crate::page::{Page, Slice};
use crate::words::{is, subtree};
use crate::write::Tx;

/// Whose leads are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeadScope {
    /// Those of one seller.
    Seller(OrganizationId),
    /// All, for the exchange's own staff and workers.
    Exchange,
}

/// Which leads are looked for; nothing said means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadFilter {
    /// In or below this vertical.
    pub vertical: Option<VerticalPath>,
    /// In one of these states.
    pub states: Vec<LeadState>,
    /// At this level or above.
    pub level_from: Option<Level>,
    /// Of one of these temperatures.
    pub temperatures: Vec<Temperature>,
    /// With at least so many points.
    pub score_from: Option<i64>,
    /// By one of these kinds of source.
    pub sources: Vec<SourceKind>,
    /// For this audience.
    pub audience: Option<Audience>,
    /// In this country.
    pub country: Option<String>,
    /// Brought by this import.
    pub import: Option<ImportId>,
    /// With this reference of the seller.
    pub seller_reference: Option<String>,
    /// With made-up contact data, or with real.
    pub synthetic: Option<bool>,
    /// Captured at or after this instant.
    pub captured_from: Option<Timestamp>,
    /// Captured before this instant.
    pub captured_until: Option<Timestamp>,
}

impl LeadScope {
    pub(super) fn condition(self) -> Condition {
        match self {
            Self::Seller(seller) => Condition::all().add(lead::Column::SellerId.eq(seller.0)),
            Self::Exchange => Condition::all(),
        }
    }
}

impl LeadFilter {
    fn condition(&self) -> Condition {
        let any = |column: lead::Column, texts: Vec<&'static str>| (!texts.is_empty()).then(|| column.is_in(texts));
        let levels = |least: Level| Level::ALL.iter().filter(|level| **level >= least).map(|level| level.as_str()).collect();
        let within = self.vertical.as_ref().map(|path| {
            let ids = vertical::Entity::find().select_only().column(vertical::Column::Id).filter(subtree(path.as_str()));
            lead::Column::VerticalId.in_subquery(ids.into_query())
        });
        Condition::all()
            .add_option(within)
            .add_option(any(lead::Column::State, self.states.iter().map(|state| state.as_str()).collect()))
            .add_option(self.level_from.and_then(|least| any(lead::Column::Level, levels(least))))
            .add_option(any(lead::Column::Temperature, self.temperatures.iter().map(|value| value.as_str()).collect()))
            .add_option(self.score_from.map(|least| lead::Column::Score.gte(least)))
            .add_option(any(lead::Column::SourceKind, self.sources.iter().map(|kind| kind.as_str()).collect()))
            .add_option(self.audience.map(|audience| lead::Column::Audience.eq(audience.as_str())))
            .add_option(self.country.as_ref().map(|country| lead::Column::Country.eq(country)))
            .add_option(self.import.map(|import| lead::Column::ImportId.eq(import.0)))
            .add_option(self.seller_reference.as_ref().map(|reference| lead::Column::SellerReference.eq(reference)))
            .add_option(self.synthetic.map(|synthetic| lead::Column::Synthetic.eq(synthetic)))
            .add_option(self.captured_from.map(|from| lead::Column::CapturedAt.gte(from)))
            .add_option(self.captured_until.map(|until| lead::Column::CapturedAt.lt(until)))
    }
}

/// A lead that `scope` may see.
pub(super) async fn lead(db: &impl ConnectionTrait, scope: LeadScope, id: LeadId) -> Result<Option<StoredLead>, StoreError> {
    let row = lead::Entity::find_by_id(id.0).filter(scope.condition()).one(db).await?;
    row.map(StoredLead::try_from).transpose()
}

/// Who the person is, sealed; `None` once erased.
pub(super) async fn envelope(db: &impl ConnectionTrait, id: LeadId) -> Result<Option<Envelope>, StoreError> {
    let row = lead_contact::Entity::find_by_id(id.0).one(db).await?;
    Ok(row.map(Envelope::from))
}

/// What decides to whom a lead may be sold, besides what the market sees of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadBehind {
    /// The one advertiser that may buy it, when it is TARGETED.
    pub target: Option<OrganizationId>,
    /// The keyed hashes of the ways to reach the person.
    pub hashes: Vec<[u8; 32]>,
}

impl Store {
    /// What decides to whom a lead may be sold.
    pub async fn lead_behind(&self, id: LeadId) -> Result<LeadBehind, StoreError> {
        let target: Option<Option<Uuid>> =
            lead::Entity::find_by_id(id.0).select_only().column(lead::Column::TargetId).into_tuple().one(self.read()).await?;
        let keys: Vec<(String, Vec<u8>)> = lead_key::Entity::find()
            .select_only()
            .columns([lead_key::Column::Kind, lead_key::Column::Hash])
            .filter(lead_key::Column::LeadId.eq(id.0))
            .into_tuple()
            .all(self.read())
            .await?;
        let channel = |kind: &str| kind.parse::<KeyKind>().is_ok_and(KeyKind::is_channel);
        let hashes = keys.into_iter().filter(|(kind, _)| channel(kind)).filter_map(|(_, hash)| hash.try_into().ok()).collect();
        Ok(LeadBehind { target: target.flatten().map(OrganizationId::from), hashes })
    }

    /// The seller's lead that came with exactly this content, and where it stands.
    pub async fn lead_by_fingerprint(
        &self,
        seller: OrganizationId,
        fingerprint: &[u8; 32],
    ) -> Result<Option<(LeadId, LeadState)>, StoreError> {
        let row: Option<(Uuid, String)> = lead::Entity::find()
            .select_only()
            .columns([lead::Column::Id, lead::Column::State])
            .filter(lead::Column::SellerId.eq(seller.0))
            .filter(lead::Column::Fingerprint.eq(fingerprint.to_vec()))
            .into_tuple()
            .one(self.read())
            .await?;
        row.map(|(id, state)| Ok((id.into(), state.parse().map_err(StoreError::corrupt)?))).transpose()
    }

    /// A lead that `scope` may see.
    pub async fn lead(&self, scope: LeadScope, id: LeadId) -> Result<Option<StoredLead>, StoreError> {
        lead(self.read(), scope, id).await
    }

    /// The lead that the seller brought with this content, if that was not before `since`.
    pub async fn lead_brought(
        &self,
        seller: OrganizationId,
        fingerprint: &[u8; 32],
        since: Timestamp,
    ) -> Result<Option<StoredLead>, StoreError> {
        let row = lead::Entity::find()
            .filter(lead::Column::SellerId.eq(seller.0))
            .filter(lead::Column::Fingerprint.eq(fingerprint.to_vec()))
            .filter(lead::Column::CreatedAt.gte(since))
            .one(self.read())
            .await?;
        row.map(StoredLead::try_from).transpose()
    }

    /// Those of `ids` that `scope` may see, in no order.
    pub async fn leads_many(&self, scope: LeadScope, ids: &[LeadId]) -> Result<Vec<StoredLead>, StoreError> {
        let wanted = lead::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = lead::Entity::find().filter(wanted).filter(scope.condition()).all(self.read()).await?;
        rows.into_iter().map(StoredLead::try_from).collect()
    }

    /// Leads that `scope` may see, the newest first.
    pub async fn leads(
        &self,
        scope: LeadScope,
        filter: &LeadFilter,
        page: &Page<LeadId>,
    ) -> Result<Slice<StoredLead>, StoreError> {
        let rows = lead::Entity::find()
            .filter(scope.condition())
            .filter(filter.condition())
            .filter(Condition::all().add_option(page.after.map(|id| lead::Column::Id.lt(id.0))))
            .order_by_desc(lead::Column::Id)
            .limit(page.limit())
            .all(self.read())
            .await?;
        Slice::cut(rows, page).try_map(StoredLead::try_from)
    }

    /// Who the person behind a lead is, sealed; `None` once erased.
    pub async fn lead_envelope(&self, id: LeadId) -> Result<Option<Envelope>, StoreError> {
        envelope(self.read(), id).await
    }

    /// Verified leads that were drawn into the sample, brought after `since`, at which nobody has looked, the oldest first.
    pub async fn leads_drawn(&self, since: Timestamp, page: &Page<LeadId>) -> Result<Slice<StoredLead>, StoreError> {
        let looked_at = lead_check::Entity::find()
            .select_only()
            .column(lead_check::Column::LeadId)
            .filter(lead_check::Column::Kind.eq(CheckKind::Sample.as_str()));
        let rows = lead::Entity::find()
            .filter(lead::Column::Drawn.eq(true))
            .filter(is(lead::Column::State, LeadState::Verified.as_str()))
            .filter(lead::Column::CreatedAt.gt(since))
            .filter(lead::Column::Id.not_in_subquery(looked_at.into_query()))
            .filter(Condition::all().add_option(page.after.map(|id| lead::Column::Id.gt(id.0))))
            .order_by_asc(lead::Column::Id)
            .limit(page.limit())
            .all(self.read())
            .await?;
        Slice::cut(rows, page).try_map(StoredLead::try_from)
    }

    /// Up to `limit` leads on the market whose score is due to grow older at `now`.
    pub async fn leads_aging(&self, now: Timestamp, limit: u64) -> Result<Vec<StoredLead>, StoreError> {
        let listed = listing::Entity::find()
            .select_only()
            .column(listing::Column::LeadId)
            .filter(is(listing::Column::State, ListingState::Open.as_str()));
        let rows = lead::Entity::find()
            .filter(is(lead::Column::State, LeadState::Verified.as_str()))
            .filter(lead::Column::ScoreDueAt.lte(now))
            .filter(lead::Column::Id.in_subquery(listed.into_query()))
            .order_by_asc(lead::Column::ScoreDueAt)
            .limit(limit)
            .all(self.read())
            .await?;
        rows.into_iter().map(StoredLead::try_from).collect()
    }

    /// Leads with who the persons are, sealed, in the order of their ids; those that were erased are left out.
    pub async fn leads_sealed(&self, ids: &[LeadId]) -> Result<Vec<(StoredLead, Envelope)>, StoreError> {
        let of = ids.iter().map(|id| id.0);
        let rows = lead_contact::Entity::find().filter(lead_contact::Column::LeadId.is_in(of.clone())).all(self.read()).await?;
        let mut envelopes: HashMap<Uuid, Envelope> = rows.into_iter().map(|row| (row.lead_id, row.into())).collect();
        let leads = lead::Entity::find().filter(lead::Column::Id.is_in(of)).order_by_asc(lead::Column::Id);
        let rows = leads.all(self.read()).await?.into_iter().filter_map(|row| Some((envelopes.remove(&row.id)?, row)));
        rows.map(|(envelope, row)| Ok((StoredLead::try_from(row)?, envelope))).collect()
    }
}

impl From<lead_contact::Model> for Envelope {
    fn from(row: lead_contact::Model) -> Self {
        Self { key_id: row.key_id, wrapped_key: row.wrapped_key, ciphertext: row.ciphertext }
    }
}

impl Tx {
    /// A lead that `scope` may see, locked until the transaction ends.
    pub async fn lead_locked(&self, scope: LeadScope, id: LeadId) -> Result<Option<StoredLead>, StoreError> {
        let mut query = lead::Entity::find_by_id(id.0).filter(scope.condition());
        if self.backend() == Backend::Postgres {
            query = query.lock(LockType::NoKeyUpdate);
        }
        query.one(self.db()).await?.map(StoredLead::try_from).transpose()
    }

    /// Leads, locked until the transaction ends, in the order of their ids.
    pub async fn leads_locked(&self, ids: &[LeadId]) -> Result<Vec<StoredLead>, StoreError> {
        let mut query =
            lead::Entity::find().filter(lead::Column::Id.is_in(ids.iter().map(|id| id.0))).order_by_asc(lead::Column::Id);
        if self.backend() == Backend::Postgres {
            query = query.lock(LockType::NoKeyUpdate);
        }
        query.all(self.db()).await?.into_iter().map(StoredLead::try_from).collect()
    }

    /// Who the person behind a lead is, sealed; `None` once erased.
    pub async fn lead_envelope(&self, id: LeadId) -> Result<Option<Envelope>, StoreError> {
        envelope(self.db(), id).await
    }

    /// The leads for sale that share one of these keys.
    pub async fn leads_live_with_keys(&self, hashes: &[[u8; 32]]) -> Result<Vec<LeadId>, StoreError> {
        let of_key = lead_key::Entity::find()
            .select_only()
            .column(lead_key::Column::LeadId)
            .filter(lead_key::Column::Hash.is_in(hashes.iter().map(|hash| hash.to_vec())));
        let live = LeadState::ALL.iter().filter(|state| state.is_live()).map(|state| state.as_str());
        let ids: Vec<Uuid> = lead::Entity::find()
            .select_only()
            .column(lead::Column::Id)
            .filter(lead::Column::Id.in_subquery(of_key.into_query()))
            .filter(lead::Column::State.is_in(live))
            .order_by_asc(lead::Column::Id)
            .into_tuple()
            .all(self.db())
            .await?;
        Ok(ids.into_iter().map(LeadId::from).collect())
    }
}
