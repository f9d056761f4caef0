//! Closing what is due: auctions are cleared, other listings end. Any number of processes may do it at once: whoever holds
//! the listing's row decides, and an ended listing does not end again.

use std::collections::{BTreeMap, BTreeSet};

use domain::bid::BidState;
use domain::clearing::{LossReason, SealedBid};
use domain::id::{BidId, CampaignId, LeadId, ListingId, OrganizationId};
use domain::listing::{BuyerAccess, ListingState, Terms};
use domain::money::BP_WHOLE;
use domain::receipt::{ListingFacts, Receipt};
use domain::refusal::Code;
use domain::reputation::Tally;
use store::bids::{BidEnd, Returning, StoredBid, bids_end, bids_open};
use store::listings::{self as stored, BuyersFacts, StoredListing};
use store::receipts::receipt_insert;
use store::reputation::{Side, tallies_of};
use store::trades::{PaidFrom, Sale, trades_open};
use store::{StoreError, Tx, WriteError};

use super::joining::Joining;
use super::settle::SaleTerms;
use crate::app::campaigns::book::Pick;
use crate::app::campaigns::follow::{book, book_reread};
use crate::app::campaigns::meet::met;
use crate::app::{App, AppError};
use crate::config::Exchange;

/// Listings looked at in one round.
const ROUND: u64 = 200;

/// Closes every listing whose time has come; answers how many this process closed. One that fails is logged and left for
/// the next pass, and does not stop the others. While money is stopped all wait: who has won is not decided without paying.
pub async fn listings_close_due(app: &App) -> Result<u64, AppError> {
    let mut closed: u64 = 0;
    let mut after = None;
    loop {
        if app.store.money_stop().await?.is_some() {
            return Ok(closed);
        }
        let due = app.store.listings_due(app.now(), after, ROUND).await?;
        for (_, id) in &due {
            match listing_close(app, *id).await {
                Ok(true) => closed = closed.saturating_add(1),
                Ok(false) => {}
                Err(error) if error.refused_with(Code::MoneyStopped) => return Ok(closed),
                Err(error) => tracing::error!(listing = %id, error = %error, "a listing could not be closed"),
            }
        }
        after = due.last().copied();
        if u64::try_from(due.len()).is_ok_and(|count| count < ROUND) {
            return Ok(closed);
        }
    }
}

/// Takes the listing of a lead that is no longer VERIFIED off the market; its bids return what they reserved.
pub async fn listing_void(app: &App, payload: &serde_json::Value) -> Result<(), AppError> {
    let lead = payload.get("lead").and_then(serde_json::Value::as_str).and_then(|id| id.parse().ok());
    let lead: LeadId = lead.ok_or_else(|| AppError::internal("a job without its lead"))?;
    let voided = app.store.write("listing_void", |tx| async move { stored::listing_void(&tx, lead).await });
    voided.await?;
    Ok(())
}

/// Closes the listing if its time has come and nobody else is about to; answers whether this call did.
pub async fn listing_close(app: &App, id: ListingId) -> Result<bool, AppError> {
    let picks = &campaigns_of(app, id).await?;
    let closed = app.store.write("listing_close", |tx| {
        let exchange = app.config.exchange.clone();
        async move {
            let Some(due) = stored::listing_claimed(&tx, id).await? else {
                return Ok::<Option<Vec<CampaignId>>, WriteError>(None);
            };
            let Some(state) = due.listing.expired_at(tx.now().await?) else { return Ok(None) };
            let bought = match &due.listing.terms {
                Terms::Auction { .. } => clear(&tx, &exchange, &due, picks).await?,
                Terms::Fixed { .. } | Terms::Dutch { .. } => {
                    end(&tx, &due, state).await?;
                    Vec::new()
                }
            };
            Ok(Some(bought))
        }
    });
    let Some(bought) = closed.await? else { return Ok(false) };
    for campaign in bought {
        book_reread(app, campaign).await?;
    }
    Ok(true)
}

/// The campaigns that join an auction when it is cleared.
async fn campaigns_of(app: &App, id: ListingId) -> Result<Vec<Pick>, AppError> {
    let Some(due) = app.store.listing_any(id).await? else { return Ok(Vec::new()) };
    let Some(auction) = due.listing.terms.auction(due.listing.max_sales) else { return Ok(Vec::new()) };
    if book(app).await?.is_empty() {
        return Ok(Vec::new());
    }
    let view = stored::listing_view(app.store.read(), due).await?;
    met(app, &view, &auction).await
}

async fn end(tx: &Tx, due: &StoredListing, state: ListingState) -> Result<(), WriteError> {
    let ended = stored::listing_advance(tx, due, state, due.listing.sold_count, None, tx.now().await?).await?;
    Ok(stored::listing_changed(tx, &ended).await?)
}

/// Clears an auction: sealed bids and the campaigns that join it. Answers which campaigns bought.
async fn clear(tx: &Tx, exchange: &Exchange, due: &StoredListing, picks: &[Pick]) -> Result<Vec<CampaignId>, WriteError> {
    let mut bids = bids_open(tx, due.id).await?;
    let mut standing = Joining::lock(tx, picks, &bids).await?;
    let buyers: BTreeSet<OrganizationId> = bids.iter().map(|bid| bid.buyer).chain(standing.buyers()).collect();
    let facts = stored::buyers_facts(tx, due, &buyers).await?;
    if !facts.sellable() {
        // The lead was found wanting while it was listed, or its seller was: nobody may buy it, there is nothing to clear.
        stored::listing_return(tx, due).await?;
        return Ok(Vec::new());
    }
    bids.extend(standing.bid(tx, due, &facts, &bids).await?);
    let weights = tallies_of(tx.db(), Side::Buyer, buyers.iter().copied()).await?;
    let sealed = sealed(&bids, &facts, &weights);
    let auction = due.listing.terms.auction(due.listing.max_sales);
    let auction = auction.ok_or_else(|| StoreError::corrupt("a listing that is cleared and is no auction"))?;
    let receipt = Receipt::issue(listing_facts(tx, due).await?, auction, sealed);
    let sales = settle(tx, &SaleTerms::new(exchange, facts.seller_tally()), due, &bids, &receipt).await?;
    standing.count(tx, &sales).await
}

async fn settle(
    tx: &Tx,
    terms: &SaleTerms,
    due: &StoredListing,
    bids: &[StoredBid],
    receipt: &Receipt,
) -> Result<Vec<(BidId, Sale)>, WriteError> {
    let now = tx.now().await?;
    let by_id: BTreeMap<BidId, &StoredBid> = bids.iter().map(|bid| (bid.id, bid)).collect();
    let sale = |sold: &domain::clearing::Sale| -> Option<(BidId, Sale)> {
        let bid = by_id.get(&sold.bid)?;
        let paid_from = PaidFrom::Reserved { minor: bid.placement.reserved_minor };
        Some((sold.bid, terms.sale(tx.id(), due, bid.buyer, (sold.kind, sold.price_minor), paid_from)))
    };
    let won: Vec<(BidId, Sale)> = receipt.result.sales.iter().filter_map(sale).collect();
    let sales: Vec<Sale> = won.iter().map(|(_, sale)| sale.clone()).collect();
    let lost: BTreeSet<BidId> = receipt.result.losses.iter().map(|loss| loss.bid).collect();
    let losers: Vec<StoredBid> = bids.iter().filter(|bid| lost.contains(&bid.id)).cloned().collect();
    let returning = Returning { bids: &losers, currency: due.currency };
    trades_open(tx, &sales, returning, &terms.holds, now).await?;

    let end = |bid, state, loss_reason| BidEnd { bid, state, loss_reason, at: now };
    let winners = receipt.result.sales.iter().map(|sold| end(sold.bid, BidState::Won, None));
    let losses = receipt.result.losses.iter().map(|loss| end(loss.bid, BidState::Lost, Some(loss.reason)));
    let ends: Vec<BidEnd> = winners.chain(losses).collect();
    bids_end(tx, &ends).await?;

    let state = if sales.is_empty() { ListingState::Unsold } else { ListingState::Sold };
    let sold_count = due.listing.sold_count.saturating_add(u8::try_from(sales.len()).unwrap_or(u8::MAX));
    let kind = receipt.result.sales.first().map(|sold| sold.kind);
    let ended = stored::listing_advance(tx, due, state, sold_count, kind, now).await?;
    receipt_insert(tx, receipt, now).await?;
    stored::listing_changed(tx, &ended).await?;
    stored::bids_changed(tx, bids).await?;
    stored::auction_cleared(tx, &ended, bids, &ends).await?;
    Ok(won)
}

fn sealed(bids: &[StoredBid], facts: &BuyersFacts, weights: &BTreeMap<OrganizationId, Tally>) -> Vec<SealedBid> {
    let seal = |(bidder, bid): (u32, &StoredBid)| SealedBid {
        bid: bid.id,
        bidder,
        placed_at: bid.placed_at,
        shared_minor: bid.placement.shared_minor,
        exclusive_minor: bid.placement.exclusive_minor,
        weight_bp: weight_bp(weights.get(&bid.buyer)),
        barred: barred(facts, bid.buyer),
    };
    // A buyer has one open bid on a listing, so the number of the bid tells the bidders apart.
    (1..).zip(bids).map(seal).collect()
}

fn weight_bp(tally: Option<&Tally>) -> i64 {
    i64::from(tally.copied().unwrap_or_default().bidder_weight_bp()).clamp(1, BP_WHOLE)
}

fn barred(facts: &BuyersFacts, buyer: OrganizationId) -> Option<LossReason> {
    match facts.of(buyer) {
        None => Some(LossReason::FilterMismatch),
        Some(facts) if facts.access == BuyerAccess::Suspended => Some(LossReason::FilterMismatch),
        Some(facts) if facts.access == BuyerAccess::WalletFrozen => Some(LossReason::InsufficientFunds),
        Some(facts) if facts.is_seller => Some(LossReason::OwnLead),
        Some(facts) if facts.has_person => Some(LossReason::DuplicateForBuyer),
        Some(_) => None,
    }
}

/// What everybody could see of the listing, for its receipt.
async fn listing_facts(tx: &Tx, due: &StoredListing) -> Result<ListingFacts, StoreError> {
    let view = stored::listing_view(tx.db(), due.clone()).await?;
    let mut attributes = view.attributes;
    let public = [
        ("vertical", serde_json::json!(view.vertical_path)),
        ("country", serde_json::json!(view.country)),
        ("region", serde_json::json!(view.region)),
        ("level", serde_json::json!(view.level)),
        ("score", serde_json::json!(view.score)),
        ("temperature", serde_json::json!(view.temperature)),
    ];
    attributes.extend(public.map(|(key, value)| (key.to_owned(), value)));
    Ok(ListingFacts {
        listing: due.id,
        currency: due.currency,
        opened_at: due.listing.opens_at,
        closes_at: due.listing.closes_at,
        attributes,
    })
}
