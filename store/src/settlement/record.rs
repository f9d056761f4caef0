//! What the commands of a batch see, and what they record.

use domain::bid::{BidState, Placement};
use domain::clearing::{LossReason, SaleKind};
use domain::id::{BidId, ListingId, OrganizationId, TradeId, TypedId};
use domain::ledger::event;
use domain::listing::{BuyerFacts, Purchase};
use domain::money::Money;
use domain::reputation::Tally;
use domain::time::Timestamp;
use domain::trade::{Hold, HoldTerms};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Batch, Lot};
use crate::bids::{Returning, StoredBid};
use crate::error::{StoreError, WriteError};
use crate::idempotency::{Answer, IdempotencyKey};
use crate::ledger::Note;
use crate::listings::{StoredListing, bid_news, listing_news};
use crate::trades::{Change, Sale, Trade, opened, opened_news, release_recorded, sale_record};

/// A purchase that was decided.
#[derive(Debug)]
pub struct Selling<'a> {
    /// Who buys what at which price.
    pub sale: &'a Sale,
    /// The lengths of holds.
    pub terms: &'a HoldTerms,
    /// What it makes of the listing.
    pub purchase: Purchase,
    /// How the bids that end with it end; each returns what it reserved.
    pub ends: Vec<(StoredBid, BidState, Option<LossReason>)>,
}

/// A bid whose placement was decided.
#[derive(Debug, Clone, Copy)]
pub struct Placing {
    /// For which listing.
    pub listing: ListingId,
    /// By whom.
    pub buyer: OrganizationId,
    /// The amounts and what they reserve.
    pub placement: Placement,
    /// The person who placed it, if it was one.
    pub placed_by: Option<Uuid>,
}

impl Batch {
    /// The instant that decides: read after the rows were locked.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// A fresh id.
    #[must_use]
    pub fn id<I: TypedId>(&self) -> I {
        self.tx.id()
    }

    /// Runs `body` and keeps its answer under `key`; a call with the same key answers that again, or is refused when its
    /// input was another.
    pub fn once<T, F>(&mut self, key: &IdempotencyKey, body: F) -> Result<T, WriteError>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce(&mut Self) -> Result<T, WriteError>,
    {
        let id = key.id();
        if let Some(earlier) = self.answers.get(&id) {
            return earlier.again(key);
        }
        let done = body(self)?;
        let answer = Answer::new(key, &done)?;
        self.recorded.remembered.push((id.clone(), answer.clone(), self.now));
        self.answers.insert(id, answer);
        Ok(done)
    }

    /// The listing as the commands before have left it.
    #[must_use]
    pub fn listing(&self, id: ListingId) -> Option<&StoredListing> {
        self.lots.get(&id).map(|lot| &lot.stored)
    }

    /// What stands between `buyer` and the lead of a listing; `None` when the buyer may not see it.
    #[must_use]
    pub fn facts(&self, id: ListingId, buyer: OrganizationId) -> Option<BuyerFacts> {
        self.lots.get(&id)?.facts.of(buyer)
    }

    /// What is known of the seller of a listing.
    #[must_use]
    pub fn seller_tally(&self, id: ListingId) -> Tally {
        self.lots.get(&id).map(|lot| lot.facts.seller_tally()).unwrap_or_default()
    }

    /// The open bids on a listing that a command needed, in the order of their placing.
    #[must_use]
    pub fn bids(&self, id: ListingId) -> &[StoredBid] {
        self.lots.get(&id).map(|lot| lot.bids.as_slice()).unwrap_or_default()
    }

    /// Records a purchase: the price goes to escrow, ended bids return what they reserved, the copy is counted. Refused
    /// when the buyer has too little.
    pub fn sell(&mut self, selling: Selling<'_>) -> Result<(), WriteError> {
        let Selling { sale, terms, purchase, ends } = selling;
        let now = self.now;
        let ended: Vec<StoredBid> = ends.iter().map(|(bid, ..)| bid.clone()).collect();
        let returning = Returning { bids: &ended, currency: sale.price.currency };
        self.ledger.attempt(|ledger| {
            returning.record(ledger)?;
            sale_record(ledger, sale)
        })?;
        let trade = opened(sale, terms, now);
        self.recorded.news.push(opened_news(&trade));
        self.recorded.opened.push(trade);
        let lot = self.lot(sale.listing)?;
        lot.stored = lot.stored.advanced(purchase.state, purchase.sold_count, now);
        lot.sold_exclusive |= purchase.kind == SaleKind::Exclusive;
        let told = listing_news(&lot.stored);
        self.recorded.news.push(told);
        for (bid, state, reason) in ends {
            self.bid_end(&bid, state, reason)?;
            self.recorded.news.push(bid_news(&bid));
        }
        self.bought(sale);
        Ok(())
    }

    /// Records a bid in place of the bidder's open one: what that reserved returns, the new amount is reserved. Refused when
    /// the bidder has too little.
    pub fn place(&mut self, placing: Placing) -> Result<BidId, WriteError> {
        let Placing { listing, buyer, placement, placed_by } = placing;
        let now = self.now;
        let currency = self.lot(listing)?.stored.currency;
        let before: Vec<StoredBid> = self.bids(listing).iter().filter(|bid| bid.buyer == buyer).cloned().collect();
        let placed = StoredBid {
            id: self.id(),
            listing,
            buyer,
            placement,
            state: BidState::Open,
            loss_reason: None,
            placed_at: now,
            ended_at: None,
            version: 0,
        };
        let reserved = Money::new(placement.reserved_minor, currency);
        let reserve = event::bid_reserve(placed.id, buyer, reserved).map_err(StoreError::corrupt)?;
        let returning = Returning { bids: &before, currency };
        self.ledger.attempt(|ledger| {
            returning.record(ledger)?;
            ledger.record(&reserve, Note::default())
        })?;
        for bid in before {
            self.bid_end(&bid, BidState::Withdrawn, None)?;
        }
        self.recorded.news.push(bid_news(&placed));
        self.lot(listing)?.bids.push(placed.clone());
        let id = placed.id;
        self.recorded.placed.insert(id, (placed, placed_by));
        Ok(id)
    }

    /// Starts the clock of a held trade or releases its money, if either is due; answers whether it was. One that another
    /// transaction had locked is left to that one.
    pub fn trade_advance(&mut self, id: TradeId) -> Result<bool, WriteError> {
        let Some(was) = self.trades.remove(&id) else { return Ok(false) };
        let Hold::Held(clock) = was.hold else { return Ok(false) };
        let now = self.now;
        let next = if clock.ends_at() <= now {
            self.ledger.attempt(|ledger| release_recorded(ledger, &was, now))?
        } else if clock.due_at() <= now {
            Trade { hold: Hold::Held(clock.at(now)), ..was.clone() }
        } else {
            return Ok(false);
        };
        let change = Change::new(&was, next);
        if change.ends() {
            let own = self.lots.values_mut().filter(|lot| lot.stored.seller == was.seller);
            own.for_each(|lot| lot.facts.seller_trade_ended());
        }
        self.recorded.news.push(change.news());
        self.recorded.changes.push(change);
        Ok(true)
    }

    fn lot(&mut self, id: ListingId) -> Result<&mut Lot, StoreError> {
        self.lots.get_mut(&id).ok_or(StoreError::Misuse("a command touches a listing that the batch did not load"))
    }

    fn bid_end(&mut self, bid: &StoredBid, state: BidState, reason: Option<LossReason>) -> Result<(), StoreError> {
        let end = bid.end(state, reason, self.now);
        self.lot(bid.listing)?.bids.retain(|open| open.id != bid.id);
        match self.recorded.placed.get_mut(&bid.id) {
            // Placed in this batch: its row is written as it ends.
            Some((placed, _)) => {
                let (loss_reason, ended_at) = (end.loss_reason, Some(end.at));
                *placed = StoredBid { state, loss_reason, ended_at, version: 1, ..placed.clone() };
            }
            None => self.recorded.ends.push(end),
        }
        Ok(())
    }

    /// The person behind a sold lead is the buyer's, whichever lead of the batch shows it.
    fn bought(&mut self, sale: &Sale) {
        let same: Vec<_> = self.persons.iter().filter(|leads| leads.contains(&sale.lead)).collect();
        for lot in self.lots.values_mut() {
            if lot.stored.lead == sale.lead || same.iter().any(|leads| leads.contains(&lot.stored.lead)) {
                lot.facts.bought_by(sale.buyer);
            }
        }
    }
}
