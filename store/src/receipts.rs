//! Receipts of clearings: added once, never changed, shown to the seller and the bidders.

use std::collections::BTreeSet;

use domain::bid::BidState;
use domain::id::{BidId, ListingId, OrganizationId, ReceiptId};
use domain::receipt::Receipt;
use domain::refusal::Refusal;
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{Condition, JoinType, QuerySelect, QueryTrait};

use crate::changes::Changes;
use crate::db::Store;
use crate::entity::{bid, listing, offer, offer_bid, receipt};
use crate::error::{StoreError, WriteError};
use crate::rows::{Column, Get};
use crate::write::Tx;

/// A receipt as one of its parties sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReceipt {
    /// Its id.
    pub id: ReceiptId,
    /// What was seen and decided.
    pub receipt: Receipt,
    /// When.
    pub created_at: Timestamp,
    /// Those of its bids that are the viewer's.
    pub own_bids: BTreeSet<BidId>,
}

/// Writes the receipt of a clearing; a listing is cleared once.
pub async fn receipt_insert(tx: &Tx, receipt: &Receipt, now: Timestamp) -> Result<(), WriteError> {
    let mut changes = tx.changes();
    receipts_add(tx, &mut changes, std::slice::from_ref(receipt), now)?;
    changes.write().await
}

/// Writes receipts, with other changes.
pub(crate) fn receipts_add(tx: &Tx, changes: &mut Changes, receipts: &[Receipt], now: Timestamp) -> Result<(), StoreError> {
    let row = |receipt: &Receipt| {
        let body = serde_json::to_value(receipt).map_err(StoreError::corrupt)?;
        Ok(Row { id: tx.id(), listing: receipt.listing.listing, body, created_at: now })
    };
    let rows: Vec<Row> = receipts.iter().map(row).collect::<Result<_, StoreError>>()?;
    let cleared = |error: WriteError| error.unique_as(Refusal::wrong_state("the auction has been cleared"));
    changes.insert("receipt", RECEIPT, &rows, cleared);
    Ok(())
}

struct Row {
    id: ReceiptId,
    listing: ListingId,
    body: serde_json::Value,
    created_at: Timestamp,
}

const RECEIPT: &[Column<Row>] = &[
    ("id", Get::Id(|row| row.id.0)),
    ("listing_id", Get::Id(|row| row.listing.0)),
    ("body", Get::Json(|row| &row.body)),
    ("created_at", Get::Instant(|row| row.created_at)),
];

impl Store {
    /// The receipt of a listing's clearing, if `viewer` sold in it or had a bid in it.
    pub async fn receipt_of(&self, viewer: OrganizationId, listing: ListingId) -> Result<Option<StoredReceipt>, StoreError> {
        Ok(self.receipts(viewer, receipt::Column::ListingId.eq(listing.0)).await?.pop())
    }

    /// Those of `ids` that are of clearings in which `viewer` sold or had a bid, in no order.
    pub async fn receipts_many(&self, viewer: OrganizationId, ids: &[ReceiptId]) -> Result<Vec<StoredReceipt>, StoreError> {
        self.receipts(viewer, receipt::Column::Id.is_in(ids.iter().map(|id| id.0))).await
    }

    async fn receipts(&self, viewer: OrganizationId, wanted: SimpleExpr) -> Result<Vec<StoredReceipt>, StoreError> {
        let cleared = own_cleared(viewer).select_only().column(bid::Column::ListingId).into_query();
        let sold = listing::Entity::find().select_only().column(listing::Column::Id);
        let sold = sold.filter(listing::Column::SellerId.eq(viewer.0)).into_query();
        let party = Condition::any()
            .add(receipt::Column::ListingId.in_subquery(sold))
            .add(receipt::Column::ListingId.in_subquery(cleared))
            .add(receipt::Column::ListingId.in_subquery(own_offered(viewer).column(offer::Column::ListingId).into_query()));
        let rows = receipt::Entity::find().filter(wanted).filter(party).all(self.read()).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let own = own_cleared(viewer).filter(bid::Column::ListingId.is_in(rows.iter().map(|row| row.listing_id)));
        let own: Vec<Uuid> = own.select_only().column(bid::Column::Id).into_tuple().all(self.read()).await?;
        let offered = own_offered(viewer).filter(offer::Column::ListingId.is_in(rows.iter().map(|row| row.listing_id)));
        let offered: Vec<Uuid> = offered.column(offer_bid::Column::Id).into_tuple().all(self.read()).await?;
        let own: BTreeSet<BidId> = own.into_iter().chain(offered).map(BidId::from).collect();
        let stored = |row: receipt::Model| {
            let receipt: Receipt = serde_json::from_value(row.body).map_err(StoreError::corrupt)?;
            let own_bids = receipt.bids.iter().map(|sealed| sealed.bid).filter(|bid| own.contains(bid)).collect();
            Ok(StoredReceipt { id: row.id.into(), receipt, created_at: row.created_at, own_bids })
        };
        rows.into_iter().map(stored).collect()
    }
}

/// The bids of campaigns of `viewer` that were promised, or sold, a lead that was pinged.
pub(crate) fn own_offered(viewer: OrganizationId) -> Select<offer_bid::Entity> {
    let of = offer_bid::Entity::belongs_to(offer::Entity).from(offer_bid::Column::OfferId).to(offer::Column::Id);
    offer_bid::Entity::find()
        .select_only()
        .join(JoinType::InnerJoin, of.into())
        .filter(offer_bid::Column::BuyerId.eq(viewer.0))
        .filter(offer::Column::ListingId.is_not_null())
}

/// The bids of `viewer` that a clearing decided. Who took its bid back before has no part in it.
fn own_cleared(viewer: OrganizationId) -> Select<bid::Entity> {
    let decided = [BidState::Won, BidState::Lost].map(BidState::as_str);
    bid::Entity::find().filter(bid::Column::BuyerId.eq(viewer.0)).filter(bid::Column::State.is_in(decided))
}
