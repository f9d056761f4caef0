//! Listings: their rows, found under a lock to decide on them, and written guarded by what was decided on.

mod attribute;
mod browse;
mod end;
mod facts;
mod filter;
mod order;
mod sold;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use domain::clearing::SaleKind;
use domain::id::{LeadId, ListingId, OrganizationId, VerticalId};
use domain::listing::{Listing, ListingState, Opening, SaleFormat, Terms};
use domain::money::Currency;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{Condition, ConnectionTrait, QueryOrder, QuerySelect};

pub use attribute::{AttributeFilter, AttributeTest};
pub use browse::ListingScope;
pub(crate) use browse::{views_of, visible};
pub use end::{
    LISTING_VOID, auction_cleared, bid_return, bids_changed, listing_changed, listing_return, listing_take_down, listing_void,
    listing_void_later,
};
pub(crate) use end::{bid_news, listing_news};
pub(crate) use facts::leads_locked;
pub use facts::{BuyersFacts, LeadForSale, buyers_facts, lead_for_sale};
pub(crate) use facts::{access_locked, buyers_wait, facts_of, same_persons};
pub use filter::{ListingFilter, PriceRange};
pub use order::{ListingKey, ListingSort};
pub use sold::SoldListing;
pub(crate) use sold::sold_insert;
pub use view::{ListingParts, ListingView, PublicCheck, listing_view};

use crate::cells::Cells;
use crate::changes::Changes;
use crate::db::{Backend, Store};
use crate::entity::listing;
use crate::error::{StoreError, WriteError};
use crate::rows::{Column, Get, Given};
use crate::words::is;
use crate::write::Tx;

/// The job that lets campaigns buy from a listing at a fixed or falling price.
pub const LISTING_MEET: &str = "listing_meet";
/// The job that sends a campaign to the open listings.
pub const CAMPAIGN_MEET: &str = "campaign_meet";

/// A listing as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredListing {
    /// Its id.
    pub id: ListingId,
    /// What is sold.
    pub lead: LeadId,
    /// Who sells.
    pub seller: OrganizationId,
    /// The lead's vertical.
    pub vertical: VerticalId,
    /// What the decisions need.
    pub listing: Listing,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The listing of the same lead that it follows.
    pub relisted_from: Option<ListingId>,
    /// Why an operator took it off the market.
    pub taken_down_for: Option<String>,
    /// Grows with each change.
    pub version: i64,
}

/// What a new row says besides the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingOrigin {
    /// What is sold.
    pub lead: LeadId,
    /// Who sells.
    pub seller: OrganizationId,
    /// The lead's vertical.
    pub vertical: VerticalId,
    /// The listing of the same lead that it follows.
    pub relisted_from: Option<ListingId>,
    /// The person who listed it, if it was one.
    pub created_by: Option<Uuid>,
}

impl TryFrom<listing::Model> for StoredListing {
    type Error = StoreError;

    fn try_from(row: listing::Model) -> Result<Self, StoreError> {
        let copies = |count: i64| u8::try_from(count).map_err(StoreError::corrupt);
        let terms: Terms = serde_json::from_value(row.terms).map_err(StoreError::corrupt)?;
        Ok(Self {
            id: row.id.into(),
            lead: row.lead_id.into(),
            seller: row.seller_id.into(),
            vertical: row.vertical_id.into(),
            listing: Listing {
                state: row.state.parse().map_err(StoreError::corrupt)?,
                terms,
                max_sales: copies(row.max_sales)?,
                sold_count: copies(row.sold_count)?,
                opens_at: row.opens_at,
                closes_at: row.closes_at,
            },
            currency: row.currency.parse().map_err(StoreError::corrupt)?,
            ended_at: row.ended_at,
            relisted_from: row.relisted_from.map(ListingId::from),
            taken_down_for: row.taken_down_for,
            version: row.version,
        })
    }
}

impl StoredListing {
    /// What a sale or an end at `now` makes of it.
    pub(crate) fn advanced(&self, state: ListingState, sold_count: u8, now: Timestamp) -> Self {
        let listing = Listing { state, sold_count, ..self.listing.clone() };
        let ended_at = (state != ListingState::Open).then_some(now);
        Self { listing, ended_at, version: self.version.saturating_add(1), ..self.clone() }
    }
}

/// Writes a new open listing. A lead has one open listing at most: the database refuses a second.
pub async fn listing_insert(tx: &Tx, origin: ListingOrigin, opening: &Opening) -> Result<StoredListing, WriteError> {
    let id: ListingId = tx.id();
    let row = listing::ActiveModel {
        id: Set(id.0),
        lead_id: Set(origin.lead.0),
        seller_id: Set(origin.seller.0),
        vertical_id: Set(origin.vertical.0),
        format: Set(opening.terms.format().as_str().to_owned()),
        terms: Set(serde_json::to_value(&opening.terms).map_err(StoreError::corrupt)?),
        currency: Set(opening.currency.code().to_owned()),
        price_minor: Set(opening.terms.least_minor()),
        max_sales: Set(opening.max_sales.into()),
        sold_count: Set(0),
        sold_exclusive: Set(false),
        state: Set(ListingState::Open.as_str().to_owned()),
        opens_at: Set(opening.opens_at),
        closes_at: Set(opening.closes_at),
        ended_at: Set(None),
        relisted_from: Set(origin.relisted_from.map(Uuid::from)),
        taken_down_for: Set(None),
        created_by: Set(origin.created_by),
        created_at: Set(opening.opens_at),
        version: Set(0),
    };
    let taken = || Refusal::new(Code::Taken, "the lead has an open listing").at("leadId");
    listing::Entity::insert(row.clone())
        .exec_without_returning(tx.db())
        .await
        .map_err(|error| WriteError::from(error).unique_as(taken()))?;
    let row = sea_orm::TryIntoModel::try_into_model(row)?;
    Ok(row.try_into()?)
}

/// The listing, locked until the transaction ends: the first lock of every transaction that sells.
pub async fn listing_locked(tx: &Tx, id: ListingId) -> Result<Option<StoredListing>, StoreError> {
    locked(tx, listing::Entity::find_by_id(id.0), None).await
}

/// The listing, locked, unless another transaction holds it: for workers, who leave it to that one.
pub async fn listing_claimed(tx: &Tx, id: ListingId) -> Result<Option<StoredListing>, StoreError> {
    locked(tx, listing::Entity::find_by_id(id.0), Some(LockBehavior::SkipLocked)).await
}

/// The open listing of a lead, locked.
pub async fn listing_locked_of_lead(tx: &Tx, lead: LeadId) -> Result<Option<StoredListing>, StoreError> {
    let open = listing::Entity::find()
        .filter(listing::Column::LeadId.eq(lead.0))
        .filter(is(listing::Column::State, ListingState::Open.as_str()));
    locked(tx, open, None).await
}

/// Writes what a sale or an end made of the listing, if nobody changed it since it was read. `sold` is the kind of the
/// sales that were made with it, if any.
pub async fn listing_advance(
    tx: &Tx,
    stored: &StoredListing,
    state: ListingState,
    sold_count: u8,
    sold: Option<SaleKind>,
    now: Timestamp,
) -> Result<StoredListing, WriteError> {
    let next = stored.advanced(state, sold_count, now);
    let sold_exclusive = sold == Some(SaleKind::Exclusive);
    let mut changes = tx.changes();
    listings_advance(&mut changes, &[Advance { version_before: stored.version, next: next.clone(), sold_exclusive }]);
    changes.write().await?;
    Ok(next)
}

/// What became of a listing since its row was read under a lock.
#[derive(Debug, Clone)]
pub(crate) struct Advance {
    pub(crate) version_before: i64,
    pub(crate) next: StoredListing,
    /// Whether an exclusive sale was made with it.
    pub(crate) sold_exclusive: bool,
}

const ADVANCE: &[Column<Advance>] = &[
    ("id", Get::Id(|advance| advance.next.id.0)),
    ("version_before", Get::Integer(|advance| advance.version_before)),
    ("state", Get::Text(|advance| advance.next.listing.state.as_str())),
    ("sold_count", Get::Integer(|advance| advance.next.listing.sold_count.into())),
    ("sold_exclusive", Get::Flag(|advance| advance.sold_exclusive)),
    ("ended_at", Get::MaybeInstant(|advance| advance.next.ended_at)),
    ("version", Get::Integer(|advance| advance.next.version)),
];

/// Writes what became of open listings, all or none.
pub(crate) fn listings_advance(changes: &mut Changes, advances: &[Advance]) {
    let set = "state = given.state, sold_count = given.sold_count, \
               sold_exclusive = listing.sold_exclusive OR given.sold_exclusive, ended_at = given.ended_at, version = given.version";
    let condition = "listing.id = given.id AND listing.version = given.version_before AND listing.state = 'OPEN'";
    let changed = || Refusal::new(Code::Conflict, "the listing changed meanwhile").at("listingId").into();
    changes.update("listing", ADVANCE, advances, (set, condition), changed);
}

/// The listings of `ids` that there are, locked in the order of their ids until the transaction ends.
pub(crate) async fn listings_locked(
    tx: &Tx,
    ids: &BTreeSet<ListingId>,
) -> Result<BTreeMap<ListingId, StoredListing>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<ListingId> = ids.iter().copied().collect();
    let given = Given::new(tx.backend(), &[("id", Get::Id(|id: &ListingId| id.0))], &ids);
    let lock = given.lock("listing");
    let sql = format!(
        "SELECT listing.id, listing.lead_id, listing.seller_id, listing.vertical_id, listing.state, listing.terms, \
         listing.max_sales, listing.sold_count, listing.opens_at, listing.closes_at, listing.currency, listing.ended_at, \
         listing.relisted_from, listing.taken_down_for, listing.version \
         FROM {given} JOIN listing ON listing.id = given.id ORDER BY listing.id{lock}"
    );
    let mut listings = BTreeMap::new();
    for row in given.query(tx, sql).await? {
        let mut cells = Cells::of(&row)?;
        let stored = StoredListing {
            id: cells.id()?,
            lead: cells.id()?,
            seller: cells.id()?,
            vertical: cells.id()?,
            listing: Listing {
                state: cells.word()?,
                terms: cells.json()?,
                max_sales: cells.count()?,
                sold_count: cells.count()?,
                opens_at: cells.take()?,
                closes_at: cells.take()?,
            },
            currency: cells.word()?,
            ended_at: cells.take()?,
            relisted_from: cells.take::<Option<Uuid>>()?.map(ListingId::from),
            taken_down_for: cells.take()?,
            version: cells.take()?,
        };
        listings.insert(stored.id, stored);
    }
    Ok(listings)
}

impl Store {
    /// The listing, for staff and workers.
    pub async fn listing_any(&self, id: ListingId) -> Result<Option<StoredListing>, StoreError> {
        listing_by_id(self.read(), id).await
    }

    /// Up to `limit` open listings whose closing time has come, the earliest first, behind `after`.
    pub async fn listings_due(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, ListingId)>,
        limit: u64,
    ) -> Result<Vec<(Timestamp, ListingId)>, StoreError> {
        let mut due = listing::Entity::find()
            .select_only()
            .columns([listing::Column::ClosesAt, listing::Column::Id])
            .filter(is(listing::Column::State, ListingState::Open.as_str()))
            .filter(listing::Column::ClosesAt.lte(now));
        if let Some((at, id)) = after {
            let tied = Condition::all().add(listing::Column::ClosesAt.eq(at)).add(listing::Column::Id.gt(id.0));
            due = due.filter(Condition::any().add(listing::Column::ClosesAt.gt(at)).add(tied));
        }
        let due = due.order_by_asc(listing::Column::ClosesAt).order_by_asc(listing::Column::Id).limit(limit);
        let rows: Vec<(Timestamp, Uuid)> = due.into_tuple().all(self.read()).await?;
        Ok(rows.into_iter().map(|(at, id)| (at, id.into())).collect())
    }

    /// Up to `limit` open listings of `seller` behind the listing `after`.
    pub async fn listings_open_of(
        &self,
        seller: OrganizationId,
        after: Option<ListingId>,
        limit: u64,
    ) -> Result<Vec<ListingId>, StoreError> {
        let mut open = listing::Entity::find()
            .select_only()
            .column(listing::Column::Id)
            .filter(listing::Column::SellerId.eq(seller.0))
            .filter(is(listing::Column::State, ListingState::Open.as_str()));
        if let Some(after) = after {
            open = open.filter(listing::Column::Id.gt(after.0));
        }
        let ids: Vec<Uuid> = open.order_by_asc(listing::Column::Id).limit(limit).into_tuple().all(self.read()).await?;
        Ok(ids.into_iter().map(ListingId::from).collect())
    }

    /// Up to `limit` open listings at a fixed or falling price of these verticals, behind `after`.
    pub async fn listings_priced(
        &self,
        verticals: &[VerticalId],
        currency: Currency,
        after: Option<ListingId>,
        limit: u64,
    ) -> Result<Vec<StoredListing>, StoreError> {
        let mut open = listing::Entity::find()
            .filter(is(listing::Column::State, ListingState::Open.as_str()))
            .filter(listing::Column::VerticalId.is_in(verticals.iter().map(|vertical| vertical.0)))
            .filter(listing::Column::Format.is_in([SaleFormat::Fixed, SaleFormat::Dutch].map(SaleFormat::as_str)))
            .filter(listing::Column::Currency.eq(currency.code()));
        if let Some(after) = after {
            open = open.filter(listing::Column::Id.gt(after.0));
        }
        let rows = open.order_by_asc(listing::Column::Id).limit(limit).all(self.read()).await?;
        rows.into_iter().map(StoredListing::try_from).collect()
    }

    /// The currency of each of `listings`.
    pub async fn listing_currencies(&self, listings: &BTreeSet<ListingId>) -> Result<BTreeMap<ListingId, Currency>, StoreError> {
        let rows: Vec<(Uuid, String)> = listing::Entity::find()
            .select_only()
            .columns([listing::Column::Id, listing::Column::Currency])
            .filter(listing::Column::Id.is_in(listings.iter().map(|listing| listing.0)))
            .into_tuple()
            .all(self.read())
            .await?;
        rows.into_iter().map(|(id, code)| Ok((id.into(), code.parse().map_err(StoreError::corrupt)?))).collect()
    }

    /// The earliest closing time of an open listing.
    pub async fn listings_next_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let next = listing::Entity::find()
            .select_only()
            .column(listing::Column::ClosesAt)
            .filter(is(listing::Column::State, ListingState::Open.as_str()))
            .order_by_asc(listing::Column::ClosesAt);
        Ok(next.into_tuple().one(self.read()).await?)
    }
}

/// A listing, whoever asks.
pub async fn listing_by_id(db: &impl ConnectionTrait, id: ListingId) -> Result<Option<StoredListing>, StoreError> {
    listing::Entity::find_by_id(id.0).one(db).await?.map(StoredListing::try_from).transpose()
}

async fn locked(
    tx: &Tx,
    query: Select<listing::Entity>,
    behavior: Option<LockBehavior>,
) -> Result<Option<StoredListing>, StoreError> {
    let query = match (tx.backend(), behavior) {
        (Backend::Sqlite, _) => query,
        (Backend::Postgres, Some(behavior)) => query.lock_with_behavior(LockType::NoKeyUpdate, behavior),
        (Backend::Postgres, None) => query.lock(LockType::NoKeyUpdate),
    };
    query.one(tx.db()).await?.map(StoredListing::try_from).transpose()
}
