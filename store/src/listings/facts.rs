//! What the decisions on a listing must know of its lead and of a buyer.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::OrganizationStatus;
use domain::id::{LeadId, OrganizationId, VerticalId};
use domain::lead::{Channel, LeadState, Offering};
use domain::listing::{BuyerAccess, BuyerFacts, LeadFacts, ListingState};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{ConnectionTrait, FromQueryResult, QueryOrder, QuerySelect, Statement};

use super::StoredListing;
use crate::db::{Backend, STATEMENT_ROWS};
use crate::entity::{lead, listing, organization, trade};
use crate::error::StoreError;
use crate::write::Tx;

/// A lead that its seller wants to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeadForSale {
    /// The lead.
    pub lead: LeadId,
    /// Its vertical.
    pub vertical: VerticalId,
    /// The one advertiser that may buy it, when it is TARGETED.
    pub target: Option<OrganizationId>,
    /// What the decision needs.
    pub facts: LeadFacts,
}

#[derive(Debug, FromQueryResult)]
struct LeadRow {
    state: String,
    offering: String,
    target_id: Option<Uuid>,
    vertical_id: Uuid,
}

/// The seller's lead, locked until the transaction ends, with what was sold of it before; `None` when it is not the seller's.
pub async fn lead_for_sale(tx: &Tx, seller: OrganizationId, id: LeadId) -> Result<Option<LeadForSale>, StoreError> {
    let mut query = lead_row(id).filter(lead::Column::SellerId.eq(seller.0));
    if tx.backend() == Backend::Postgres {
        query = query.lock(LockType::NoKeyUpdate);
    }
    let Some(row) = query.into_model::<LeadRow>().one(tx.db()).await? else { return Ok(None) };
    let sold: Vec<bool> = trade::Entity::find()
        .select_only()
        .column(trade::Column::Exclusive)
        .filter(trade::Column::LeadId.eq(id.0))
        .into_tuple()
        .all(tx.db())
        .await?;
    let listed = listing::Entity::find()
        .filter(listing::Column::LeadId.eq(id.0))
        .filter(listing::Column::State.eq(ListingState::Open.as_str()))
        .count(tx.db())
        .await?;
    let facts = LeadFacts {
        verified: row.state == LeadState::Verified.as_str(),
        targeted: row.offering == Offering::Targeted.as_str(),
        listed: listed > 0,
        sold_exclusive: sold.iter().any(|exclusive| *exclusive),
        sold_shared: u8::try_from(sold.iter().filter(|exclusive| !**exclusive).count()).unwrap_or(u8::MAX),
    };
    Ok(Some(LeadForSale { lead: id, vertical: row.vertical_id.into(), target: row.target_id.map(Into::into), facts }))
}

/// What stands between buyers and the lead of one listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyersFacts {
    seller: OrganizationId,
    /// The one advertiser of a TARGETED lead; `Some(None)` when that advertiser is no longer known.
    target: Option<Option<OrganizationId>>,
    lead_verified: bool,
    seller_suspended: bool,
    /// Those who have bought this person before.
    owners: BTreeSet<OrganizationId>,
    /// Those who may not act.
    stopped: BTreeMap<OrganizationId, BuyerAccess>,
}

impl BuyersFacts {
    /// What stands between `buyer` and the lead; `None` when the buyer may not see the lead, which then does not exist
    /// for it.
    #[must_use]
    pub fn of(&self, buyer: OrganizationId) -> Option<BuyerFacts> {
        let is_seller = self.seller == buyer;
        let not_targeted = self.target.is_some_and(|target| target != Some(buyer));
        let hidden = (not_targeted || self.seller_suspended) && !is_seller;
        let access = self.stopped.get(&buyer).copied().unwrap_or_default();
        let has_person = self.owners.contains(&buyer);
        let facts = BuyerFacts { is_seller, has_person, lead_verified: self.lead_verified, access };
        (!hidden).then_some(facts)
    }

    /// Whether the lead may be sold at all: it is still VERIFIED, and its seller is not suspended.
    #[must_use]
    pub const fn sellable(&self) -> bool {
        self.lead_verified && !self.seller_suspended
    }
}

/// Reads what stands between `buyers` and the lead of `listing`, whose row is locked. The purchases of each buyer wait for
/// one another from here on, in the order of the ids: two leads of one person may stand in two listings, and only the
/// first may be sold to the same buyer.
pub async fn buyers_facts(
    tx: &Tx,
    listing: &StoredListing,
    buyers: &BTreeSet<OrganizationId>,
) -> Result<BuyersFacts, StoreError> {
    let seller = stopped(tx, &BTreeSet::from([listing.seller]), None).await?;
    let stopped = stopped(tx, buyers, Some(LockType::NoKeyUpdate)).await?;
    let row = lead_row(listing.lead).into_model::<LeadRow>().one(tx.db()).await?;
    let row = row.ok_or_else(|| StoreError::corrupt("a listing without its lead"))?;
    let targeted = row.offering == Offering::Targeted.as_str();
    Ok(BuyersFacts {
        seller: listing.seller,
        target: targeted.then_some(row.target_id.map(OrganizationId::from)),
        lead_verified: row.state == LeadState::Verified.as_str(),
        seller_suspended: seller.get(&listing.seller) == Some(&BuyerAccess::Suspended),
        stopped,
        owners: owners_of_person(tx.db(), listing.lead).await?,
    })
}

/// Makes what each of `buyers` does wait for what it does elsewhere, until the transaction ends.
pub(crate) async fn buyers_wait(tx: &Tx, buyers: &BTreeSet<OrganizationId>) -> Result<(), StoreError> {
    stopped(tx, buyers, Some(LockType::NoKeyUpdate)).await.map(drop)
}

/// Those of `organizations` that may not act, and why; their rows locked in the order of their ids if a lock is named.
async fn stopped(
    tx: &Tx,
    organizations: &BTreeSet<OrganizationId>,
    lock: Option<LockType>,
) -> Result<BTreeMap<OrganizationId, BuyerAccess>, StoreError> {
    let ids: Vec<OrganizationId> = organizations.iter().copied().collect();
    let mut stopped = BTreeMap::new();
    for ids in ids.chunks(STATEMENT_ROWS) {
        let mut query = organization::Entity::find()
            .select_only()
            .columns([organization::Column::Id, organization::Column::Status, organization::Column::WalletFrozenAt])
            .filter(organization::Column::Id.is_in(ids.iter().map(|id| id.0)))
            .order_by_asc(organization::Column::Id);
        if let (Backend::Postgres, Some(lock)) = (tx.backend(), lock) {
            query = query.lock(lock);
        }
        let rows: Vec<(Uuid, String, Option<DateTimeUtc>)> = query.into_tuple().all(tx.db()).await?;
        let access = |(id, status, frozen_at): (Uuid, String, Option<DateTimeUtc>)| {
            let suspended = status == OrganizationStatus::Suspended.as_str();
            let frozen = frozen_at.map(|_| BuyerAccess::WalletFrozen);
            let access = if suspended { Some(BuyerAccess::Suspended) } else { frozen };
            access.map(|access| (OrganizationId(id), access))
        };
        stopped.extend(rows.into_iter().filter_map(access));
    }
    Ok(stopped)
}

fn lead_row(id: LeadId) -> Select<lead::Entity> {
    lead::Entity::find_by_id(id.0).select_only().columns([
        lead::Column::State,
        lead::Column::Offering,
        lead::Column::TargetId,
        lead::Column::VerticalId,
    ])
}

/// Those who have bought this lead, or have another lead that shares a way to reach the person: one whose price came back
/// is no longer theirs.
async fn owners_of_person(db: &impl ConnectionTrait, lead: LeadId) -> Result<BTreeSet<OrganizationId>, StoreError> {
    let kinds: Vec<String> = Channel::ALL.iter().map(|channel| format!("'{}'", channel.as_str())).collect();
    let sql = format!(
        "SELECT DISTINCT buyer_id FROM trade WHERE lead_id = $1 OR state <> 'REFUNDED' AND lead_id IN (\
         SELECT other.lead_id FROM lead_key AS own JOIN lead_key AS other ON other.hash = own.hash AND other.kind = own.kind \
         WHERE own.lead_id = $1 AND own.kind IN ({}))",
        kinds.join(", ")
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [lead.0.into()]);
    let rows = db.query_all_raw(statement).await?;
    rows.into_iter().map(|row| Ok(OrganizationId(row.try_get_by_index(0)?))).collect()
}
