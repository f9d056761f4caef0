//! Ends without a sale: what bids had reserved returns.

use domain::bid::BidState;
use domain::id::LeadId;
use domain::ledger::{Journal, event};
use domain::listing::ListingState;
use domain::money::{Currency, Money};

use sea_orm::entity::prelude::*;

use super::{StoredListing, listing_advance, listing_locked_of_lead};
use crate::bids::{StoredBid, bids_end, bids_open};
use crate::entity::listing;
use crate::error::{StoreError, WriteError};
use crate::ledger::post_all;
use crate::outbox::Event;
use crate::write::Tx;

/// The job that takes the listing of a lead off the market.
pub const LISTING_VOID: &str = "listing_void";

/// Takes an open listing, whose row is locked, off the market: its bids end as WITHDRAWN and get everything back.
pub async fn listing_return(tx: &Tx, stored: &StoredListing) -> Result<StoredListing, WriteError> {
    let now = tx.now().await?;
    let bids = bids_open(tx, stored.id).await?;
    let ids: Vec<_> = bids.iter().map(|bid| bid.id).collect();
    bids_end(tx, &ids, BidState::Withdrawn, None, now).await?;
    post_all(tx, &bids_released(&bids, stored.currency)?).await?;
    let ended = listing_advance(tx, stored, ListingState::Withdrawn, stored.listing.sold_count, None, now).await?;
    listing_changed(tx, &ended).await?;
    bids_changed(tx, &bids).await?;
    Ok(ended)
}

/// Takes the open listing of a lead off the market, if it has one: for whoever finds that the lead must not be sold.
pub async fn listing_void(tx: &Tx, lead: LeadId) -> Result<Option<StoredListing>, WriteError> {
    match listing_locked_of_lead(tx, lead).await? {
        Some(stored) => Ok(Some(listing_return(tx, &stored).await?)),
        None => Ok(None),
    }
}

/// Has the open listing of a lead that must not be sold any more, if there is one, taken off the market behind this commit:
/// the caller holds the lead's row, and a listing's row comes before every other lock.
pub async fn listing_void_later(tx: &Tx, lead: LeadId) -> Result<(), StoreError> {
    let listed = listing::Entity::find()
        .filter(listing::Column::LeadId.eq(lead.0))
        .filter(listing::Column::State.eq(ListingState::Open.as_str()))
        .count(tx.db())
        .await?;
    if listed > 0 {
        tx.enqueue(LISTING_VOID, serde_json::json!({ "lead": lead }), tx.now().await?).await?;
    }
    Ok(())
}

/// The journals that return what `bids` had reserved.
pub fn bids_released(bids: &[StoredBid], currency: Currency) -> Result<Vec<Journal>, StoreError> {
    let released = |bid: &StoredBid| event::bid_release(bid.id, bid.buyer, Money::new(bid.placement.reserved_minor, currency));
    bids.iter().map(|bid| released(bid).map_err(StoreError::corrupt)).collect()
}

/// Tells everybody who may see the listing that it changed.
pub async fn listing_changed(tx: &Tx, stored: &StoredListing) -> Result<(), StoreError> {
    let payload = serde_json::json!({ "state": stored.listing.state, "soldCount": stored.listing.sold_count });
    tx.emit(Event { topic: "listing.changed", subject_id: stored.id.0, audience: Vec::new(), payload }).await
}

/// Tells each bidder that its bid ended.
pub async fn bids_changed(tx: &Tx, bids: &[StoredBid]) -> Result<(), StoreError> {
    for bid in bids {
        let payload = serde_json::json!({ "bid": bid.id });
        tx.emit(Event { topic: "bid.changed", subject_id: bid.listing.0, audience: vec![bid.buyer], payload }).await?;
    }
    Ok(())
}
