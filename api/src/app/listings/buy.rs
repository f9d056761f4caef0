//! Buying at once: at a fixed cost per lead, at the buy-now price of an auction, at the present price of a Dutch one.

use domain::access::Permission;
use domain::bid::BidState;
use domain::clearing::{LossReason, SaleKind};
use domain::id::{ListingId, OrganizationId, TradeId};
use domain::listing;
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use serde::{Deserialize, Serialize};
use store::WriteError;
use store::bids::StoredBid;
use store::idempotency::IdempotencyKey;
use store::listings::StoredListing;
use store::settlement::{Batch, Needs, Selling};
use store::trades::PaidFrom;

use super::settle::SaleTerms;
use crate::app::email_verification::require_verified_email;
use crate::app::idempotency::idempotency_key;
use crate::app::settlement::Command;
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
    app.settlement.run(Buying { buyer, key, input }).await
}

/// A purchase on its way through the queue.
#[derive(Debug)]
struct Buying {
    buyer: OrganizationId,
    key: IdempotencyKey,
    input: ListingBuy,
}

impl Command for Buying {
    const NAME: &'static str = "listing_buy";
    type Outcome = ListingBought;

    fn needs(&self, needs: &mut Needs) {
        needs.key(&self.key);
        needs.purchase(self.input.listing, self.buyer);
    }

    fn decide(&self, batch: &mut Batch, exchange: &Exchange) -> Result<ListingBought, WriteError> {
        batch.once(&self.key, |batch| {
            let (buyer, input) = (self.buyer, &self.input);
            let unknown = || Refusal::not_found("listingId", "listing");
            let open = batch.listing(input.listing).ok_or_else(unknown)?;
            let facts = batch.facts(input.listing, buyer).ok_or_else(unknown)?;
            let most_minor = input.max_price.map(|most| in_currency(most, open)).transpose()?;
            let purchase = listing::listing_buy(&open.listing, facts, input.kind, most_minor, batch.now())?;
            let terms = SaleTerms::new(exchange, batch.seller_tally(input.listing));
            let bought = (purchase.kind, purchase.price_minor);
            let sale = terms.sale(batch.id(), open, buyer, bought, PaidFrom::Available);
            let ends = ends(batch.bids(input.listing), buyer);
            batch.sell(Selling { sale: &sale, terms: &terms.holds, purchase, ends })?;
            Ok(ListingBought { listing: input.listing, trade: sale.trade })
        })
    }
}

/// An auction bought at once has no clearing: every bid on it ends, and returns what it reserved before the buyer pays.
fn ends(bids: &[StoredBid], buyer: OrganizationId) -> Vec<(StoredBid, BidState, Option<LossReason>)> {
    let end = |bid: &StoredBid| match bid.buyer == buyer {
        true => (bid.clone(), BidState::Withdrawn, None),
        false => (bid.clone(), BidState::Lost, Some(LossReason::Outbid)),
    };
    bids.iter().map(end).collect()
}

fn in_currency(most: Money, open: &StoredListing) -> Result<i64, Refusal> {
    if most.currency == open.currency {
        Ok(most.minor)
    } else {
        Err(Refusal::new(Code::CurrencyMismatch, format!("the listing is in {}", open.currency)).at("maxPrice"))
    }
}
