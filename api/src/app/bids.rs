//! Bids: placing, replacing and taking them back, and one's own bids.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::bid::{self, BidDraft, BidState};
use domain::id::{BidId, ListingId, OrganizationId};
use domain::money::{Currency, Money};
use domain::refusal::Refusal;
use serde::{Deserialize, Serialize};
use store::WriteError;
use store::bids::{Returning, StoredBid, bid_of, bids_end};
use store::idempotency::IdempotencyKey;
use store::listings;
use store::page::{Page, Slice};
use store::settlement::{Batch, Needs, Placing};
use uuid::Uuid;

use super::email_verification::require_verified_email;
use super::idempotency::idempotency_key;
use super::settlement::Command;
use super::{App, AppError, Caller};
use crate::config::Exchange;

/// A bid to be placed.
#[derive(Debug, Clone, Serialize)]
pub struct BidPlace {
    /// For which listing.
    pub listing: ListingId,
    /// The amount for a shared copy.
    pub shared: Option<Money>,
    /// The amount for the exclusive sale.
    pub exclusive: Option<Money>,
    /// The caller's key.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// A bid to be taken back.
#[derive(Debug, Clone)]
pub struct BidWithdraw {
    /// The bid.
    pub bid: BidId,
    /// The caller's key.
    pub idempotency_key: String,
}

/// A bid with the currency of its listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBid {
    /// The bid.
    pub bid: StoredBid,
    /// The currency of its amounts.
    pub currency: Currency,
}

/// What a repeated call answers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Answer {
    bid: BidId,
}

/// Places a sealed bid, in place of the caller's open bid on the listing if there is one. The larger amount is reserved.
pub async fn bid_place(app: &App, caller: &Caller, input: BidPlace) -> Result<OwnBid, AppError> {
    let buyer = caller.principal.require(Permission::Buy)?;
    require_verified_email(app, caller).await?;
    let key = idempotency_key(buyer, &input.idempotency_key, "bid_place", &input)?;
    let placed_by = caller.principal.user().map(|user| user.0);
    let Answer { bid } = app.settlement.run(BidPlacing { buyer, placed_by, key, input }).await?;
    own_bid(app, buyer, bid).await
}

/// A placement on its way through the queue.
#[derive(Debug)]
struct BidPlacing {
    buyer: OrganizationId,
    placed_by: Option<Uuid>,
    key: IdempotencyKey,
    input: BidPlace,
}

impl Command for BidPlacing {
    const NAME: &'static str = "bid_place";
    type Outcome = Answer;

    fn needs(&self, needs: &mut Needs) {
        needs.key(&self.key);
        needs.placement(self.input.listing, self.buyer);
    }

    fn decide(&self, batch: &mut Batch, _: &Exchange) -> Result<Answer, WriteError> {
        batch.once(&self.key, |batch| {
            let (listing, buyer) = (self.input.listing, self.buyer);
            let unknown = || Refusal::not_found("listingId", "listing");
            let open = batch.listing(listing).ok_or_else(unknown)?;
            let facts = batch.facts(listing, buyer).ok_or_else(unknown)?;
            let draft = BidDraft { shared: self.input.shared, exclusive: self.input.exclusive };
            let placement = bid::bid_place(&open.listing, open.currency, facts, draft, batch.now())?;
            let bid = batch.place(Placing { listing, buyer, placement, placed_by: self.placed_by })?;
            Ok(Answer { bid })
        })
    }
}

/// Takes an open bid of the caller's back; what it reserved returns.
pub async fn bid_withdraw(app: &App, caller: &Caller, input: BidWithdraw) -> Result<OwnBid, AppError> {
    let buyer = caller.principal.require(Permission::Buy)?;
    let key = idempotency_key(buyer, &input.idempotency_key, "bid_withdraw", &input.bid)?;
    let withdrawn = app.store.write("bid_withdraw", |tx| {
        let key = key.clone();
        async move {
            if let Some(Answer { bid }) = tx.replayed(&key).await? {
                return Ok::<BidId, WriteError>(bid);
            }
            let unknown = || Refusal::not_found("bidId", "bid");
            let seen = bid_of(tx.db(), buyer, input.bid).await?.ok_or_else(unknown)?;
            let open = listings::listing_locked(&tx, seen.listing).await?.ok_or_else(unknown)?;
            let own = bid_of(tx.db(), buyer, input.bid).await?.ok_or_else(unknown)?;
            let now = tx.now().await?;
            let state = bid::bid_withdraw(&open.listing, own.state, now).map_err(|refusal| refusal.at("bidId"))?;
            bids_end(&tx, &[own.end(state, None, now)]).await?;
            Returning { bids: std::slice::from_ref(&own), currency: open.currency }.post(&tx).await?;
            listings::bids_changed(&tx, std::slice::from_ref(&own)).await?;
            tx.remember(&key, &Answer { bid: own.id }).await?;
            Ok(own.id)
        }
    });
    own_bid(app, buyer, withdrawn.await?).await
}

/// A page of the caller's own bids, the youngest first.
pub async fn bids(
    app: &App,
    caller: &Caller,
    listing: Option<ListingId>,
    states: &[BidState],
    page: &Page<Uuid>,
) -> Result<Slice<OwnBid>, AppError> {
    let buyer = caller.principal.require(Permission::MarketRead)?;
    let slice = app.store.bids_page(buyer, listing, states, page).await?;
    let has_next = slice.has_next;
    Ok(Slice { rows: with_currency(app, slice.rows).await?, has_next })
}

/// Those of `ids` that are the caller's own, in no order.
pub async fn bids_many(app: &App, caller: &Caller, ids: &[BidId]) -> Result<Vec<OwnBid>, AppError> {
    let buyer = caller.principal.require(Permission::MarketRead)?;
    with_currency(app, app.store.bids_many(buyer, ids).await?).await
}

/// The caller's latest bid on each of `listings`, whose currencies are known.
pub async fn bids_of_listings(
    app: &App,
    caller: &Caller,
    listings: BTreeMap<ListingId, Currency>,
) -> Result<Vec<OwnBid>, AppError> {
    let Some(buyer) = caller.principal.organization() else { return Ok(Vec::new()) };
    let ids: Vec<ListingId> = listings.keys().copied().collect();
    paired(app.store.bids_latest(buyer, &ids).await?, &listings)
}

async fn own_bid(app: &App, buyer: OrganizationId, id: BidId) -> Result<OwnBid, AppError> {
    let bid = bid_of(app.store.read(), buyer, id).await?;
    let own = with_currency(app, bid.into_iter().collect()).await?;
    own.into_iter().next().ok_or_else(|| AppError::internal("a buyer does not see its own bid"))
}

async fn with_currency(app: &App, bids: Vec<StoredBid>) -> Result<Vec<OwnBid>, AppError> {
    if bids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: BTreeSet<ListingId> = bids.iter().map(|bid| bid.listing).collect();
    paired(bids, &app.store.listing_currencies(&ids).await?)
}

fn paired(bids: Vec<StoredBid>, currencies: &BTreeMap<ListingId, Currency>) -> Result<Vec<OwnBid>, AppError> {
    let own = |bid: StoredBid| {
        let currency = currencies.get(&bid.listing).copied();
        currency.map(|currency| OwnBid { bid, currency }).ok_or_else(|| AppError::internal("a bid without its listing"))
    };
    bids.into_iter().map(own).collect()
}
