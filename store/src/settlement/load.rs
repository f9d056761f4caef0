//! Loading a batch: every row that its commands need, set by set, locked in one order.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{LeadId, ListingId, OrganizationId};
use domain::ledger::{Account, AccountKind};
use domain::listing::SaleFormat;
use sea_orm::FromQueryResult;

use super::{Batch, Lot, Needs, Recorded};
use crate::bids::StoredBid;
use crate::entity::bid;
use crate::error::StoreError;
use crate::ledger::Ledger;
use crate::listings::{BuyersFacts, StoredListing, access_locked, facts_of, listings_locked, same_persons};
use crate::rows::{Column, Get, Given};
use crate::trades::{Trade, held_claimed};
use crate::write::Tx;

impl Batch {
    /// Loads and locks what `needs` names. What does not exist is left out: the commands that named it find nothing.
    pub async fn load(tx: &Tx, needs: &Needs) -> Result<Self, StoreError> {
        tx.keys_lock(&needs.keys).await?;
        let listings = listings_locked(tx, &needs.deals().map(|(listing, _)| listing).collect()).await?;
        let trades = held_claimed(tx, &needs.trades).await?;
        let mut market_needs = needs.market.clone();
        let mut market = market_needs.load(tx).await?;
        let buyers = needs.deals().map(|(_, buyer)| buyer).chain(market_needs.buyers.iter().map(|(buyer, _)| *buyer));
        let stopped = access_locked(tx, &buyers.collect()).await?;
        market.know(tx, &market_needs, &stopped).await?;
        let (now, is_stopped, answers) = tx.answers(&needs.keys).await?;
        let mut buyers: BTreeMap<ListingId, BTreeSet<OrganizationId>> = BTreeMap::new();
        for (listing, buyer) in needs.deals() {
            buyers.entry(listing).or_default().insert(buyer);
        }
        let asked = listings.values().map(|stored| (stored, buyers.remove(&stored.id).unwrap_or_default()));
        let asked: Vec<(&StoredListing, BTreeSet<OrganizationId>)> = asked.collect();
        let facts = if asked.is_empty() { BTreeMap::new() } else { facts_of(tx, &asked, &stopped).await? };
        let persons = persons(tx, &asked).await?;
        let bids = bids_of(tx, needs, &listings).await?;
        let lots = lots(listings, facts, bids);
        let mut accounts = accounts(needs, &lots, trades.values());
        accounts.extend(market_needs.accounts(&market));
        let ledger = Ledger::lock_at(tx, &accounts, now, is_stopped).await?;
        Ok(Self { tx: tx.clone(), now, answers, lots, trades, persons, market, ledger, recorded: Recorded::default() })
    }
}

fn lots(
    listings: BTreeMap<ListingId, StoredListing>,
    mut facts: BTreeMap<ListingId, BuyersFacts>,
    mut bids: BTreeMap<ListingId, Vec<StoredBid>>,
) -> BTreeMap<ListingId, Lot> {
    let lot = |(id, stored): (ListingId, StoredListing)| {
        let (facts, bids) = (facts.remove(&id)?, bids.remove(&id).unwrap_or_default());
        Some((id, Lot { version_before: stored.version, stored, sold_exclusive: false, facts, bids }))
    };
    listings.into_iter().filter_map(lot).collect()
}

/// Only a buyer at several listings can meet one person twice in a batch.
async fn persons(tx: &Tx, asked: &[(&StoredListing, BTreeSet<OrganizationId>)]) -> Result<Vec<BTreeSet<LeadId>>, StoreError> {
    let mut leads: BTreeMap<OrganizationId, BTreeSet<LeadId>> = BTreeMap::new();
    for (stored, buyers) in asked {
        for buyer in buyers {
            leads.entry(*buyer).or_default().insert(stored.lead);
        }
    }
    let several: BTreeSet<LeadId> = leads.into_values().filter(|leads| leads.len() > 1).flatten().collect();
    if several.is_empty() { Ok(Vec::new()) } else { same_persons(tx, &several).await }
}

/// Of which listing, and by whom; by anybody when that is not said.
type BidsAsked = (ListingId, Option<OrganizationId>);

const BIDS_ASKED: &[Column<BidsAsked>] =
    &[("listing_id", Get::Id(|(listing, _)| listing.0)), ("buyer_id", Get::MaybeId(|(_, buyer)| buyer.map(|buyer| buyer.0)))];

/// The open bids on auctions, in the order of their placing: a purchase ends all of them, a placement the bidder's own.
async fn bids_of(
    tx: &Tx,
    needs: &Needs,
    listings: &BTreeMap<ListingId, StoredListing>,
) -> Result<BTreeMap<ListingId, Vec<StoredBid>>, StoreError> {
    let is_auction = |id: &ListingId| listings.get(id).is_some_and(|of| of.listing.terms.format() == SaleFormat::Auction);
    let bought: BTreeSet<ListingId> = needs.purchases.iter().map(|(listing, _)| *listing).filter(&is_auction).collect();
    let own = needs.placements.iter().filter(|(listing, _)| is_auction(listing) && !bought.contains(listing));
    let own = own.map(|(listing, buyer)| (*listing, Some(*buyer)));
    let asked: Vec<BidsAsked> = bought.iter().map(|listing| (*listing, None)).chain(own).collect();
    let mut bids: BTreeMap<ListingId, Vec<StoredBid>> = BTreeMap::new();
    if asked.is_empty() {
        return Ok(bids);
    }
    let given = Given::new(tx.backend(), BIDS_ASKED, &asked);
    let sql = format!(
        "SELECT bid.* FROM {given} JOIN bid ON bid.listing_id = given.listing_id AND bid.state = 'OPEN' \
         AND (given.buyer_id IS NULL OR bid.buyer_id = given.buyer_id) ORDER BY bid.placed_at, bid.id"
    );
    for row in given.query(tx, sql).await? {
        let bid = StoredBid::try_from(bid::Model::from_query_result(&row, "")?)?;
        bids.entry(bid.listing).or_default().push(bid);
    }
    Ok(bids)
}

/// Every account that a command of the batch may move money on.
fn accounts<'a>(needs: &Needs, lots: &BTreeMap<ListingId, Lot>, trades: impl Iterator<Item = &'a Trade>) -> BTreeSet<Account> {
    let mut accounts = BTreeSet::new();
    for (listing, buyer) in &needs.purchases {
        let Some(Lot { stored, bids, .. }) = lots.get(listing) else { continue };
        accounts.insert(Account::of(*buyer, AccountKind::Available, stored.currency));
        accounts.insert(Account::of(stored.seller, AccountKind::Escrow, stored.currency));
        accounts.extend(bids.iter().flat_map(|bid| bidder(bid.buyer, stored)));
    }
    for (listing, buyer) in &needs.placements {
        accounts.extend(lots.get(listing).into_iter().flat_map(|lot| bidder(*buyer, &lot.stored)));
    }
    for trade in trades {
        let seller = |kind| Account::of(trade.seller, kind, trade.price.currency);
        accounts.extend([AccountKind::Escrow, AccountKind::Available, AccountKind::Receivable].map(seller));
        accounts.insert(trade.sides().fees());
    }
    accounts
}

/// What a bid reserves and returns moves between these.
fn bidder(buyer: OrganizationId, stored: &StoredListing) -> [Account; 3] {
    let kinds = [AccountKind::Available, AccountKind::Reserved, AccountKind::Receivable];
    kinds.map(|kind| Account::of(buyer, kind, stored.currency))
}
