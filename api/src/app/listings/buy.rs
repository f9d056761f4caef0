//! Buying at once: at a fixed cost per lead, at the buy-now price of an auction, at the present price of a Dutch one.

use std::collections::BTreeSet;

use domain::access::Permission;
use domain::bid::BidState;
use domain::clearing::{LossReason, SaleKind};
use domain::id::{ListingId, OrganizationId, TradeId};
use domain::listing::{self, Purchase};
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::bids::{Returning, StoredBid, bids_end, bids_open};
use store::listings::{self as stored, StoredListing};
use store::trades::{PaidFrom, trades_open};
use store::{Tx, WriteError};

use super::settle::Settlement;
use crate::app::email_verification::require_verified_email;
use crate::app::idempotency::idempotency_key;
use crate::app::{App, AppError, Caller};
use crate::config::Exchange;

/// A purchase.
#[derive(Debug, Clone, Serialize)]
pub struct ListingBuy {
    /// From which listing.
    pub listing: ListingId,
    /// What.
    pub kind: SaleKind,
    /// The highest price that the buyer agrees to; the present one, whatever it is, when absent.
    pub max_price: Option<Money>,
    /// The caller's key.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// A purchase that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingBought {
    /// The listing.
    pub listing: ListingId,
    /// The trade.
    pub trade: TradeId,
}

/// Buys one copy at the present price. The money moves to escrow in the transaction that counts the copy.
pub async fn listing_buy(app: &App, caller: &Caller, input: ListingBuy) -> Result<ListingBought, AppError> {
    let buyer = caller.principal.require(Permission::Buy)?;
    require_verified_email(app, caller).await?;
    let key = idempotency_key(buyer, &input.idempotency_key, "listing_buy", &input)?;
    let bought = app.store.write("listing_buy", |tx| {
        let (input, key, exchange) = (input.clone(), key.clone(), app.config.exchange.clone());
        async move {
            if let Some(earlier) = tx.replayed(&key).await? {
                return Ok::<ListingBought, WriteError>(earlier);
            }
            let unknown = || Refusal::not_found("listingId", "listing");
            let open = stored::listing_locked(&tx, input.listing).await?.ok_or_else(unknown)?;
            let facts = stored::buyers_facts(&tx, &open, &BTreeSet::from([buyer])).await?.of(buyer).ok_or_else(unknown)?;
            let most_minor = input.max_price.map(|most| in_currency(most, &open)).transpose()?;
            let now = tx.now().await?;
            let purchase = listing::listing_buy(&open.listing, facts, input.kind, most_minor, now)?;
            let bought = buy(&tx, &exchange, &open, buyer, (purchase, now)).await?;
            tx.remember(&key, &bought).await?;
            Ok(bought)
        }
    });
    Ok(bought.await?)
}

async fn buy(
    tx: &Tx,
    exchange: &Exchange,
    open: &StoredListing,
    buyer: OrganizationId,
    (purchase, now): (Purchase, Timestamp),
) -> Result<ListingBought, WriteError> {
    // An auction bought at once has no clearing: every bid on it returns what it reserved, the buyer's own before it pays.
    let bids = bids_open(tx, open.id).await?;
    let (own, others): (Vec<StoredBid>, Vec<StoredBid>) = bids.iter().cloned().partition(|bid| bid.buyer == buyer);
    let ids = |bids: &[StoredBid]| bids.iter().map(|bid| bid.id).collect::<Vec<_>>();
    bids_end(tx, &ids(&own), BidState::Withdrawn, None, now).await?;
    bids_end(tx, &ids(&others), BidState::Lost, Some(LossReason::Outbid), now).await?;
    let returning = Returning { bids: &bids, currency: open.currency };

    let settlement = Settlement::of(tx, exchange, open.seller).await?;
    let sale = settlement.sale(tx, open, buyer, (purchase.kind, purchase.price_minor), PaidFrom::Available);
    let trade = sale.trade;
    trades_open(tx, &[sale], returning, &settlement.terms, now).await?;
    let after = stored::listing_advance(tx, open, purchase.state, purchase.sold_count, Some(purchase.kind), now).await?;
    stored::listing_changed(tx, &after).await?;
    stored::bids_changed(tx, &bids).await?;
    Ok(ListingBought { listing: open.id, trade })
}

fn in_currency(most: Money, open: &StoredListing) -> Result<i64, Refusal> {
    if most.currency == open.currency {
        Ok(most.minor)
    } else {
        Err(Refusal::new(Code::CurrencyMismatch, format!("the listing is in {}", open.currency)).at("maxPrice"))
    }
}
