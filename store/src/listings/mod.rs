//! Listings: their rows, found under a lock to decide on them, and written guarded by what was decided on.

mod attribute;
mod browse;
mod end;
mod facts;
mod filter;
mod order;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use domain::clearing::SaleKind;
use domain::id::{LeadId, ListingId, OrganizationId, VerticalId};
use domain::listing::{Listing, ListingState, Opening, Terms};
use domain::money::Currency;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{Condition, ConnectionTrait, QueryOrder, QuerySelect};

pub use attribute::{AttributeFilter, AttributeTest};
pub use browse::ListingScope;
pub use end::{
    LISTING_VOID, bid_return, bids_changed, listing_changed, listing_return, listing_take_down, listing_void, listing_void_later,
};
pub(crate) use facts::buyers_wait;
pub use facts::{BuyersFacts, LeadForSale, buyers_facts, lead_for_sale};
pub use filter::{ListingFilter, PriceRange};
pub use order::{ListingKey, ListingSort};
pub use view::{ListingParts, ListingView, PublicCheck, listing_view};

use crate::db::{Backend, Store};
use crate::entity::listing;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

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
        .filter(listing::Column::State.eq(ListingState::Open.as_str()));
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
    let ended_at = (state != ListingState::Open).then_some(now);
    let mut update = listing::Entity::update_many()
        .col_expr(listing::Column::State, Expr::value(state.as_str()))
        .col_expr(listing::Column::SoldCount, Expr::value(i64::from(sold_count)))
        .col_expr(listing::Column::EndedAt, Expr::value(ended_at))
        .col_expr(listing::Column::Version, Expr::value(stored.version.saturating_add(1)));
    if sold == Some(SaleKind::Exclusive) {
        update = update.col_expr(listing::Column::SoldExclusive, Expr::value(true));
    }
    let done = update
        .filter(listing::Column::Id.eq(stored.id.0))
        .filter(listing::Column::Version.eq(stored.version))
        .filter(listing::Column::State.eq(ListingState::Open.as_str()))
        .exec(tx.db())
        .await?;
    if done.rows_affected != 1 {
        return Err(Refusal::new(Code::Conflict, "the listing changed meanwhile").at("listingId").into());
    }
    let listing = Listing { state, sold_count, ..stored.listing.clone() };
    Ok(StoredListing { listing, ended_at, version: stored.version.saturating_add(1), ..stored.clone() })
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
            .filter(listing::Column::State.eq(ListingState::Open.as_str()))
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
            .filter(listing::Column::State.eq(ListingState::Open.as_str()));
        if let Some(after) = after {
            open = open.filter(listing::Column::Id.gt(after.0));
        }
        let ids: Vec<Uuid> = open.order_by_asc(listing::Column::Id).limit(limit).into_tuple().all(self.read()).await?;
        Ok(ids.into_iter().map(ListingId::from).collect())
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
            .filter(listing::Column::State.eq(ListingState::Open.as_str()))
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
