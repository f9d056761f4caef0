//! Bids: rows that are added, and ended once. Only the bidder sees a bid before its listing is cleared.

use domain::bid::{BidState, Placement};
use domain::clearing::LossReason;
use domain::id::{BidId, ListingId, OrganizationId};
use domain::ledger::{Account, AccountKind, event};
use domain::money::{Currency, Money};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect, Statement, Value};

use crate::changes::Changes;
use crate::db::{STATEMENT_ROWS, Store};
use crate::entity::bid;
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::page::{Page, Slice};
use crate::rows::{Column, Get};
use crate::words::is;
use crate::write::Tx;

/// A bid as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBid {
    /// Its id.
    pub id: BidId,
    /// For what.
    pub listing: ListingId,
    /// By whom.
    pub buyer: OrganizationId,
    /// The amounts and what they reserve.
    pub placement: Placement,
    /// Where it stands.
    pub state: BidState,
    /// Why it lost.
    pub loss_reason: Option<LossReason>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Grows with each change.
    pub version: i64,
}

impl StoredBid {
    /// How this bid ends.
    #[must_use]
    pub const fn end(&self, state: BidState, loss_reason: Option<LossReason>, at: Timestamp) -> BidEnd {
        BidEnd { bid: self.id, state, loss_reason, at }
    }
}

/// Bids on one listing whose reserved money goes back to their buyers; what a buyer owes the exchange is paid first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returning<'a> {
    /// The bids.
    pub bids: &'a [StoredBid],
    /// The currency of their listing.
    pub currency: Currency,
}

impl Returning<'_> {
    /// The accounts that the return touches.
    pub fn accounts(&self) -> impl Iterator<Item = Account> + '_ {
        let kinds = [AccountKind::Reserved, AccountKind::Available, AccountKind::Receivable];
        self.bids.iter().flat_map(move |bid| kinds.map(|kind| Account::of(bid.buyer, kind, self.currency)))
    }

    /// Records the return on `ledger`, which has locked [`Returning::accounts`].
    pub fn record(&self, ledger: &mut Ledger) -> Result<(), WriteError> {
        for bid in self.bids {
            let reserved = Money::new(bid.placement.reserved_minor, self.currency);
            let owed_minor = ledger.owed_minor(bid.buyer, self.currency);
            let journal = event::bid_release(bid.id, bid.buyer, reserved, owed_minor).map_err(StoreError::corrupt)?;
            ledger.record(&journal, Note::default())?;
        }
        Ok(())
    }

    /// Returns the money in a posting of its own.
    pub async fn post(&self, tx: &Tx) -> Result<(), WriteError> {
        if self.bids.is_empty() {
            return Ok(());
        }
        let mut ledger = Ledger::lock(tx, self.accounts()).await?;
        self.record(&mut ledger)?;
        ledger.flush().await
    }
}

impl TryFrom<bid::Model> for StoredBid {
    type Error = StoreError;

    fn try_from(row: bid::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            listing: row.listing_id.into(),
            buyer: row.buyer_id.into(),
            placement: Placement {
                shared_minor: row.shared_minor,
                exclusive_minor: row.exclusive_minor,
                reserved_minor: row.reserved_minor,
            },
            state: row.state.parse().map_err(StoreError::corrupt)?,
            loss_reason: row.loss_reason.map(|reason| reason.parse().map_err(StoreError::corrupt)).transpose()?,
            placed_at: row.placed_at,
            ended_at: row.ended_at,
            version: row.version,
        })
    }
}

/// A bid to be added, with the person who placed it, if it was one.
pub type NewBid = (StoredBid, Option<Uuid>);

const NEW: &[Column<NewBid>] = &[
    ("id", Get::Id(|(bid, _)| bid.id.0)),
    ("listing_id", Get::Id(|(bid, _)| bid.listing.0)),
    ("buyer_id", Get::Id(|(bid, _)| bid.buyer.0)),
    ("shared_minor", Get::MaybeInteger(|(bid, _)| bid.placement.shared_minor)),
    ("exclusive_minor", Get::MaybeInteger(|(bid, _)| bid.placement.exclusive_minor)),
    ("reserved_minor", Get::Integer(|(bid, _)| bid.placement.reserved_minor)),
    ("state", Get::Text(|(bid, _)| bid.state.as_str())),
    ("loss_reason", Get::MaybeText(|(bid, _)| bid.loss_reason.map(LossReason::as_str))),
    ("placed_by", Get::MaybeId(|(_, placed_by)| *placed_by)),
    ("placed_at", Get::Instant(|(bid, _)| bid.placed_at)),
    ("ended_at", Get::MaybeInstant(|(bid, _)| bid.ended_at)),
    ("version", Get::Integer(|(bid, _)| bid.version)),
];

/// Writes new bids. A buyer has one open bid on a listing at most: the database refuses a second.
pub async fn bids_insert(tx: &Tx, bids: &[NewBid]) -> Result<(), WriteError> {
    let mut changes = tx.changes();
    bids_add(&mut changes, bids);
    changes.write().await
}

/// The same with other changes.
pub(crate) fn bids_add(changes: &mut Changes, bids: &[NewBid]) {
    let taken = |error: WriteError| {
        error.unique_as(Refusal::new(Code::Conflict, "you placed another bid on this listing meanwhile").at("listingId"))
    };
    changes.insert("bid", NEW, bids, taken);
}

/// How a bid ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BidEnd {
    /// The bid.
    pub bid: BidId,
    /// Where it stands then.
    pub state: BidState,
    /// Why it lost, if it did.
    pub loss_reason: Option<LossReason>,
    /// When.
    pub at: Timestamp,
}

const END: &[Column<BidEnd>] = &[
    ("id", Get::Id(|end| end.bid.0)),
    ("state", Get::Text(|end| end.state.as_str())),
    ("loss_reason", Get::MaybeText(|end| end.loss_reason.map(LossReason::as_str))),
    ("ended_at", Get::Instant(|end| end.at)),
];

/// Ends open bids, all or none.
pub async fn bids_end(tx: &Tx, ends: &[BidEnd]) -> Result<(), WriteError> {
    let mut changes = tx.changes();
    bids_ended(&mut changes, ends);
    changes.write().await
}

/// The same with other changes.
pub(crate) fn bids_ended(changes: &mut Changes, ends: &[BidEnd]) {
    let set = "state = given.state, loss_reason = given.loss_reason, ended_at = given.ended_at, version = 1";
    let changed = || Refusal::new(Code::Conflict, "a bid changed meanwhile").into();
    changes.update("bid", END, ends, (set, "bid.id = given.id AND bid.state = 'OPEN'"), changed);
}

/// The open bids of a listing, whose row must be locked: all, in the order of their placing.
pub async fn bids_open(tx: &Tx, listing: ListingId) -> Result<Vec<StoredBid>, StoreError> {
    let rows = bid::Entity::find()
        .filter(bid::Column::ListingId.eq(listing.0))
        .filter(is(bid::Column::State, BidState::Open.as_str()))
        .order_by_asc(bid::Column::PlacedAt)
        .order_by_asc(bid::Column::Id)
        .all(tx.db())
        .await?;
    rows.into_iter().map(StoredBid::try_from).collect()
}

/// The buyer's open bid on a listing.
pub async fn bid_open_of(tx: &Tx, listing: ListingId, buyer: OrganizationId) -> Result<Option<StoredBid>, StoreError> {
    let open = bid::Entity::find()
        .filter(bid::Column::ListingId.eq(listing.0))
        .filter(bid::Column::BuyerId.eq(buyer.0))
        .filter(is(bid::Column::State, BidState::Open.as_str()));
    open.one(tx.db()).await?.map(StoredBid::try_from).transpose()
}

/// The buyer's own bid.
pub async fn bid_of(db: &impl ConnectionTrait, buyer: OrganizationId, id: BidId) -> Result<Option<StoredBid>, StoreError> {
    let own = bid::Entity::find_by_id(id.0).filter(bid::Column::BuyerId.eq(buyer.0));
    own.one(db).await?.map(StoredBid::try_from).transpose()
}

impl Store {
    /// A page of the buyer's own bids, the youngest first, of one listing or of all, in one of `states` or in any.
    pub async fn bids_page(
        &self,
        buyer: OrganizationId,
        listing: Option<ListingId>,
        states: &[BidState],
        page: &Page<Uuid>,
    ) -> Result<Slice<StoredBid>, StoreError> {
        let mut own = bid::Entity::find().filter(bid::Column::BuyerId.eq(buyer.0));
        if let Some(listing) = listing {
            own = own.filter(bid::Column::ListingId.eq(listing.0));
        }
        if !states.is_empty() {
            own = own.filter(bid::Column::State.is_in(states.iter().map(|state| state.as_str())));
        }
        if let Some(after) = page.after {
            own = own.filter(bid::Column::Id.lt(after));
        }
        let rows = own.order_by_desc(bid::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(StoredBid::try_from)
    }

    /// Those of `ids` that are the buyer's own, in no order.
    pub async fn bids_many(&self, buyer: OrganizationId, ids: &[BidId]) -> Result<Vec<StoredBid>, StoreError> {
        let wanted = bid::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = bid::Entity::find().filter(wanted).filter(bid::Column::BuyerId.eq(buyer.0)).all(self.read()).await?;
        rows.into_iter().map(StoredBid::try_from).collect()
    }

    /// The buyer's latest bid on each of `listings`.
    pub async fn bids_latest(&self, buyer: OrganizationId, listings: &[ListingId]) -> Result<Vec<StoredBid>, StoreError> {
        let mut latest = Vec::with_capacity(listings.len());
        for listings in listings.chunks(STATEMENT_ROWS) {
            // A bid may have been replaced any number of times: the database keeps those to itself.
            let places: Vec<String> = (2..).take(listings.len()).map(|n: usize| format!("${n}")).collect();
            let sql = format!(
                "SELECT * FROM (SELECT bid.*, ROW_NUMBER() OVER (PARTITION BY listing_id ORDER BY id DESC) AS place \
                 FROM bid WHERE buyer_id = $1 AND listing_id IN ({})) AS ranked WHERE place = 1",
                places.join(", ")
            );
            let values = std::iter::once(buyer.0).chain(listings.iter().map(|listing| listing.0)).map(Value::from);
            let statement = Statement::from_sql_and_values(self.read().get_database_backend(), sql, values);
            let rows = bid::Entity::find().from_raw_sql(statement).all(self.read()).await?;
            latest.extend(rows.into_iter().map(StoredBid::try_from).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(latest)
    }

    /// Up to `limit` open bids of `buyer` behind the bid `after`, with their listings.
    pub async fn bids_open_of(
        &self,
        buyer: OrganizationId,
        after: Option<BidId>,
        limit: u64,
    ) -> Result<Vec<(BidId, ListingId)>, StoreError> {
        let mut open = bid::Entity::find()
            .select_only()
            .columns([bid::Column::Id, bid::Column::ListingId])
            .filter(bid::Column::BuyerId.eq(buyer.0))
            .filter(is(bid::Column::State, BidState::Open.as_str()));
        if let Some(after) = after {
            open = open.filter(bid::Column::Id.gt(after.0));
        }
        let rows: Vec<(Uuid, Uuid)> = open.order_by_asc(bid::Column::Id).limit(limit).into_tuple().all(self.read()).await?;
        Ok(rows.into_iter().map(|(bid, listing)| (bid.into(), listing.into())).collect())
    }
}
