//! Receipts of clearings: added once, never changed, shown to the seller and the bidders.

use std::collections::BTreeSet;

use domain::id::{BidId, ListingId, OrganizationId, ReceiptId};
use domain::receipt::Receipt;
use domain::refusal::Refusal;
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;

use crate::db::Store;
use crate::entity::{bid, listing, receipt};
use crate::error::{StoreError, WriteError};
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
pub async fn receipt_insert(tx: &Tx, receipt: &Receipt, now: Timestamp) -> Result<ReceiptId, WriteError> {
    let id: ReceiptId = tx.id();
    let row = receipt::ActiveModel {
        id: Set(id.0),
        listing_id: Set(receipt.listing.listing.0),
        body: Set(serde_json::to_value(receipt).map_err(StoreError::corrupt)?),
        created_at: Set(now),
    };
    receipt::Entity::insert(row)
        .exec_without_returning(tx.db())
        .await
        .map_err(|error| WriteError::from(error).unique_as(Refusal::wrong_state("the auction has been cleared")))?;
    Ok(id)
}

impl Store {
    /// The receipt of a listing's clearing, if `viewer` sold or bid in it.
    pub async fn receipt_of(&self, viewer: OrganizationId, listing: ListingId) -> Result<Option<StoredReceipt>, StoreError> {
        let row = receipt::Entity::find().filter(receipt::Column::ListingId.eq(listing.0)).one(self.read()).await?;
        let Some(row) = row else { return Ok(None) };
        let own: Vec<Uuid> = bid::Entity::find()
            .select_only()
            .column(bid::Column::Id)
            .filter(bid::Column::ListingId.eq(listing.0))
            .filter(bid::Column::BuyerId.eq(viewer.0))
            .into_tuple()
            .all(self.read())
            .await?;
        let own_bids: BTreeSet<BidId> = own.into_iter().map(BidId::from).collect();
        let sold = listing::Entity::find_by_id(listing.0).filter(listing::Column::SellerId.eq(viewer.0)).count(self.read());
        if own_bids.is_empty() && sold.await? == 0 {
            return Ok(None);
        }
        Ok(Some(StoredReceipt {
            id: row.id.into(),
            receipt: serde_json::from_value(row.body).map_err(StoreError::corrupt)?,
            created_at: row.created_at,
            own_bids,
        }))
    }
}
