//! Ends without a sale: what bids had reserved returns.

use domain::bid::BidState;
use domain::id::LeadId;
use domain::ledger::{Journal, event};
use domain::listing::ListingState;
use domain::money::{Currency, Money};

use super::{StoredListing, listing_advance, listing_locked_of_lead};
use crate::bids::{StoredBid, bids_end, bids_open};
use crate::error::{StoreError, WriteError};
use crate::ledger::post_all;
use crate::outbox::Event;
use crate::write::Tx;

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
