//! What the decisions on a listing must know of its lead and of a buyer.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use domain::account::OrganizationStatus;
use domain::id::{LeadId, ListingId, OrganizationId, VerticalId};
use domain::lead::{Channel, LeadState, Offering};
use domain::listing::{BuyerAccess, BuyerFacts, LeadFacts, ListingState};
use domain::reputation::Tally;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{FromQueryResult, QuerySelect};

use super::StoredListing;
use crate::cells::Cells;
use crate::db::Backend;
use crate::entity::{lead, listing, trade};
use crate::error::StoreError;
use crate::reputation::Side;
use crate::rows::{Column, Get, Given};
use crate::words::is;
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
        .filter(is(listing::Column::State, ListingState::Open.as_str()))
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

/// Leads, locked in the order of their ids until the transaction ends, with what was sold of each before.
pub(crate) async fn leads_locked(tx: &Tx, leads: &BTreeSet<LeadId>) -> Result<BTreeMap<LeadId, LeadFacts>, StoreError> {
    let ids: Vec<LeadId> = leads.iter().copied().collect();
    let mut found = BTreeMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let given = || Given::new(tx.backend(), &[("id", Get::Id(|id: &LeadId| id.0))], &ids);
    let rows = given();
    let sql = format!(
        "SELECT lead.id, lead.state, lead.offering FROM {rows} JOIN lead ON lead.id = given.id ORDER BY lead.id{}",
        rows.lock("lead")
    );
    for row in rows.query(tx, sql).await? {
        let (id, state, offering): (Uuid, String, String) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let verified = state == LeadState::Verified.as_str();
        let targeted = offering == Offering::Targeted.as_str();
        found.insert(LeadId(id), LeadFacts { verified, targeted, ..LeadFacts::default() });
    }
    let rows = given();
    let sql = format!("SELECT trade.lead_id, trade.exclusive FROM {rows} JOIN trade ON trade.lead_id = given.id");
    for row in rows.query(tx, sql).await? {
        let (id, exclusive): (Uuid, bool) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        if let Some(facts) = found.get_mut(&LeadId(id)) {
            facts.sold_exclusive |= exclusive;
            facts.sold_shared = facts.sold_shared.saturating_add(u8::from(!exclusive));
        }
    }
    let rows = given();
    let sql = format!("SELECT listing.lead_id FROM {rows} JOIN listing ON listing.lead_id = given.id AND listing.state = 'OPEN'");
    for row in rows.query(tx, sql).await? {
        if let Some(facts) = found.get_mut(&LeadId(row.try_get_by_index(0)?)) {
            facts.listed = true;
        }
    }
    Ok(found)
}

/// What stands between buyers and the lead of one listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyersFacts {
    seller: OrganizationId,
    /// The one advertiser of a TARGETED lead; `Some(None)` when that advertiser is no longer known.
    target: Option<Option<OrganizationId>>,
    lead_verified: bool,
    seller_suspended: bool,
    seller_tally: Tally,
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

    /// What is known of the seller.
    #[must_use]
    pub const fn seller_tally(&self) -> Tally {
        self.seller_tally
    }

    /// A trade of the seller's ended.
    pub(crate) fn seller_trade_ended(&mut self) {
        self.seller_tally = self.seller_tally.with_trade();
    }

    /// The person is `buyer`'s from now on.
    pub(crate) fn bought_by(&mut self, buyer: OrganizationId) {
        self.owners.insert(buyer);
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
    let stopped = access_locked(tx, buyers).await?;
    let mut facts = facts_of(tx, &[(listing, buyers.clone())], &stopped).await?;
    facts.remove(&listing.id).ok_or(StoreError::Misuse("a listing without its facts"))
}

/// The same for several listings at once, by their ids. `stopped` are those who may not act, of all buyers, whose rows are
/// locked.
pub(crate) async fn facts_of(
    tx: &Tx,
    listings: &[(&StoredListing, BTreeSet<OrganizationId>)],
    stopped: &BTreeMap<OrganizationId, BuyerAccess>,
) -> Result<BTreeMap<ListingId, BuyersFacts>, StoreError> {
    let asked: Vec<Asked> = listings.iter().flat_map(|(stored, buyers)| asked(stored, buyers)).collect();
    let mut given = Given::new(tx.backend(), ASKED, &asked);
    let side = given.bind(Side::Seller.as_str());
    // A buyer owns the lead, or has another that shares a way to reach the person: one whose price came back is no longer theirs.
    let sql = format!(
        "SELECT given.listing_id, given.buyer_id, \
         EXISTS (SELECT 1 FROM trade WHERE trade.lead_id = given.lead_id AND trade.buyer_id = given.buyer_id) \
         OR EXISTS (SELECT 1 FROM lead_key AS own JOIN lead_key AS other ON other.hash = own.hash AND other.kind = own.kind \
         AND other.lead_id <> own.lead_id \
         JOIN trade ON trade.lead_id = other.lead_id AND trade.buyer_id = given.buyer_id AND trade.state <> 'REFUNDED' \
         WHERE own.lead_id = given.lead_id AND own.kind IN ({channels})), \
         given.seller_id, lead.state, lead.offering, lead.target_id, organization.status, \
         reputation.trades, reputation.upheld, reputation.rejected \
         FROM {given} JOIN lead ON lead.id = given.lead_id JOIN organization ON organization.id = given.seller_id \
         LEFT JOIN reputation ON reputation.organization_id = given.seller_id AND reputation.side = {side}",
        channels = channels()
    );
    let mut facts: BTreeMap<ListingId, BuyersFacts> = BTreeMap::new();
    for row in given.query(tx, sql).await? {
        let mut cells = Cells::of(&row)?;
        let (listing, buyer): (ListingId, OrganizationId) = (cells.id()?, cells.id()?);
        let has_person: bool = cells.take()?;
        let known = match facts.entry(listing) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(BuyersFacts::read(&mut cells)?),
        };
        known.stopped.extend(stopped.get(&buyer).map(|access| (buyer, *access)));
        known.owners.extend(has_person.then_some(buyer));
    }
    if listings.iter().any(|(stored, _)| !facts.contains_key(&stored.id)) {
        return Err(StoreError::corrupt("a listing without its lead"));
    }
    Ok(facts)
}

/// What is asked of a listing for each of its buyers, or, when it has none, for nobody.
fn asked(stored: &StoredListing, buyers: &BTreeSet<OrganizationId>) -> impl Iterator<Item = Asked> {
    let nobody = buyers.is_empty().then_some(OrganizationId(Uuid::nil()));
    let (listing, lead, seller) = (stored.id, stored.lead, stored.seller);
    buyers.iter().copied().chain(nobody).map(move |buyer| Asked { listing, lead, seller, buyer })
}

struct Asked {
    listing: ListingId,
    lead: LeadId,
    seller: OrganizationId,
    buyer: OrganizationId,
}

const ASKED: &[Column<Asked>] = &[
    ("listing_id", Get::Id(|asked| asked.listing.0)),
    ("lead_id", Get::Id(|asked| asked.lead.0)),
    ("seller_id", Get::Id(|asked| asked.seller.0)),
    ("buyer_id", Get::Id(|asked| asked.buyer.0)),
];

impl BuyersFacts {
    /// What the cells of a listing say, without its buyers.
    fn read(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        let seller = cells.id()?;
        let lead_verified = cells.take::<&str>()? == LeadState::Verified.as_str();
        let targeted = cells.take::<&str>()? == Offering::Targeted.as_str();
        let target = cells.take::<Option<Uuid>>()?.map(OrganizationId::from);
        Ok(Self {
            seller,
            target: targeted.then_some(target),
            lead_verified,
            seller_suspended: cells.take::<&str>()? == OrganizationStatus::Suspended.as_str(),
            seller_tally: Tally {
                trades: cells.count_or_none()?,
                upheld: cells.count_or_none()?,
                rejected: cells.count_or_none()?,
            },
            owners: BTreeSet::new(),
            stopped: BTreeMap::new(),
        })
    }
}

/// Makes what each of `buyers` does wait for what it does elsewhere, until the transaction ends.
pub(crate) async fn buyers_wait(tx: &Tx, buyers: &BTreeSet<OrganizationId>) -> Result<(), StoreError> {
    access_locked(tx, buyers).await.map(drop)
}

/// Those of `organizations` that may not act, and why; the rows of all are locked in the order of their ids.
pub(crate) async fn access_locked(
    tx: &Tx,
    organizations: &BTreeSet<OrganizationId>,
) -> Result<BTreeMap<OrganizationId, BuyerAccess>, StoreError> {
    if organizations.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<OrganizationId> = organizations.iter().copied().collect();
    let given = Given::new(tx.backend(), &[("id", Get::Id(|id: &OrganizationId| id.0))], &ids);
    let sql = format!(
        "SELECT organization.id, organization.status, organization.wallet_frozen_at FROM {given} \
         JOIN organization ON organization.id = given.id ORDER BY organization.id{}",
        given.lock("organization")
    );
    let mut stopped = BTreeMap::new();
    for row in given.query(tx, sql).await? {
        let mut cells = Cells::of(&row)?;
        let (id, is_suspended) = (cells.id()?, cells.take::<&str>()? == OrganizationStatus::Suspended.as_str());
        if is_suspended {
            stopped.insert(id, BuyerAccess::Suspended);
        } else if cells.take::<Option<DateTimeUtc>>()?.is_some() {
            stopped.insert(id, BuyerAccess::WalletFrozen);
        }
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

/// Those of `leads` that share a way to reach a person, way by way.
pub(crate) async fn same_persons(tx: &Tx, leads: &BTreeSet<LeadId>) -> Result<Vec<BTreeSet<LeadId>>, StoreError> {
    let leads: Vec<LeadId> = leads.iter().copied().collect();
    let given = Given::new(tx.backend(), &[("lead_id", Get::Id(|lead: &LeadId| lead.0))], &leads);
    let sql = format!(
        "SELECT lead_key.lead_id, lead_key.kind, lead_key.hash FROM {given} JOIN lead_key ON lead_key.lead_id = given.lead_id \
         WHERE lead_key.kind IN ({})",
        channels()
    );
    let mut reached: BTreeMap<(String, Vec<u8>), BTreeSet<LeadId>> = BTreeMap::new();
    for row in given.query(tx, sql).await? {
        let way = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        reached.entry(way).or_default().insert(LeadId(row.try_get_by_index(0)?));
    }
    Ok(reached.into_values().filter(|leads| leads.len() > 1).collect())
}

fn channels() -> String {
    Channel::ALL.iter().map(|channel| format!("'{}'", channel.as_str())).collect::<Vec<_>>().join(", ")
}
