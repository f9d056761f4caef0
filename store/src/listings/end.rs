//! Ends without a sale: what bids had reserved returns.

use domain::bid::BidState;
use domain::clearing::LossReason;
use domain::id::{LeadId, OrganizationId};
use domain::listing::ListingState;

use sea_orm::entity::prelude::*;

use super::{StoredListing, listing_advance, listing_locked_of_lead};
use crate::bids::{BidEnd, Returning, StoredBid, bid_open_of, bids_end, bids_open};
use crate::entity::listing;
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::words::is;
use crate::write::Tx;

/// The job that takes the listing of a lead off the market.
pub const LISTING_VOID: &str = "listing_void";

/// Takes an open listing, whose row is locked, off the market: its bids end as WITHDRAWN and get everything back.
pub async fn listing_return(tx: &Tx, stored: &StoredListing) -> Result<StoredListing, WriteError> {
    let now = tx.now().await?;
    let bids = bids_open(tx, stored.id).await?;
    let ends: Vec<_> = bids.iter().map(|bid| bid.end(BidState::Withdrawn, None, now)).collect();
    bids_end(tx, &ends).await?;
    Returning { bids: &bids, currency: stored.currency }.post(tx).await?;
    let ended = listing_advance(tx, stored, ListingState::Withdrawn, stored.listing.sold_count, None, now).await?;
    listing_changed(tx, &ended).await?;
    bids_changed(tx, &bids).await?;
    Ok(ended)
}

/// Takes an open listing, whose row is locked, off the market for a reason that its seller and its bidders can read.
pub async fn listing_take_down(tx: &Tx, stored: &StoredListing, reason: &str) -> Result<StoredListing, WriteError> {
    let ended = listing_return(tx, stored).await?;
    listing::Entity::update_many()
        .col_expr(listing::Column::TakenDownFor, Expr::value(reason))
        .filter(listing::Column::Id.eq(stored.id.0))
        .exec(tx.db())
        .await?;
    Ok(StoredListing { taken_down_for: Some(reason.to_owned()), ..ended })
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
        .filter(is(listing::Column::State, ListingState::Open.as_str()))
        .count(tx.db())
        .await?;
    if listed > 0 {
        tx.enqueue(LISTING_VOID, serde_json::json!({ "lead": lead }), tx.now().await?).await?;
    }
    Ok(())
}

/// Ends the open bid of `buyer` on a listing, whose row is locked, if there is one: it gets everything back.
pub async fn bid_return(tx: &Tx, stored: &StoredListing, buyer: OrganizationId) -> Result<(), WriteError> {
    let bids: Vec<StoredBid> = bid_open_of(tx, stored.id, buyer).await?.into_iter().collect();
    let now = tx.now().await?;
    let ends: Vec<_> = bids.iter().map(|bid| bid.end(BidState::Withdrawn, None, now)).collect();
    bids_end(tx, &ends).await?;
    Returning { bids: &bids, currency: stored.currency }.post(tx).await?;
    Ok(bids_changed(tx, &bids).await?)
}

/// Tells everybody who may see the listing that it changed.
pub async fn listing_changed(tx: &Tx, stored: &StoredListing) -> Result<(), StoreError> {
    tx.emit(listing_news(stored)).await
}

/// Tells each bidder that its bid ended.
pub async fn bids_changed(tx: &Tx, bids: &[StoredBid]) -> Result<(), StoreError> {
    tx.emit_all(bids.iter().map(bid_news).collect()).await
}

/// Tells the seller that its auction was cleared, and each bidder what became of its bid.
pub async fn auction_cleared(tx: &Tx, stored: &StoredListing, bids: &[StoredBid], ends: &[BidEnd]) -> Result<(), StoreError> {
    let about = |audience, payload| Event { topic: "auction.cleared", subject_id: stored.id.0, audience, payload };
    let payload = serde_json::json!({ "side": "SELLER", "state": stored.listing.state, "soldCount": stored.listing.sold_count });
    let mut news = vec![about(vec![stored.seller], payload)];
    for bid in bids {
        let Some(end) = ends.iter().find(|end| end.bid == bid.id) else { continue };
        let payload = serde_json::json!({
            "side": "BUYER",
            "state": stored.listing.state,
            "bidId": bid.id,
            "bidState": end.state.as_str(),
            "lossReason": end.loss_reason.map(LossReason::as_str),
        });
        news.push(about(vec![bid.buyer], payload));
    }
    tx.emit_all(news).await
}

/// What the feed says of a listing.
pub(crate) fn listing_news(stored: &StoredListing) -> Event {
    let payload = serde_json::json!({ "state": stored.listing.state, "soldCount": stored.listing.sold_count });
    Event { topic: "listing.changed", subject_id: stored.id.0, audience: Vec::new(), payload }
}

/// What the feed says of a bid.
pub(crate) fn bid_news(bid: &StoredBid) -> Event {
    let payload = serde_json::json!({ "bid": bid.id });
    Event { topic: "bid.changed", subject_id: bid.listing.0, audience: vec![bid.buyer], payload }
}
