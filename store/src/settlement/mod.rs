//! Settlement: many commands that move money, decided one after another on rows that were locked together, and written
//! with a few statements.
//!
//! A batch is loaded ([`Batch::load`]) with the rows that its commands need, locked in the order that every transaction
//! keeps: idempotency keys, listings, trades, offers, leads, campaigns, buyers, accounts, escrow, reputations. Each command
//! then reads the batch, lets `domain` decide, and records what follows; the next one sees it. A command that is refused
//! leaves the batch as it was. [`Batch::write`] writes all that was recorded; sellers' escrow, to which purchases only add, and
//! reputations are locked there.

mod load;
mod market;
mod record;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{BidId, CampaignId, LeadId, ListingId, OfferId, OrganizationId, TradeId};
use domain::money::Currency;
use domain::time::Timestamp;

use crate::bids::{BidEnd, NewBid, StoredBid};
use crate::idempotency::{Answer, IdempotencyKey, KeyId, Remembered};
use crate::ledger::Ledger;
use crate::listings::{BuyersFacts, StoredListing};
use crate::outbox::Event;
use crate::trades::{Change, Trade};
use crate::write::Tx;

pub use market::{Concluding, OfferSale};
use market::{Market, MarketNeeds};
pub use record::{Placing, Selling};

/// The rows that the commands of a batch need.
#[derive(Debug, Default, Clone)]
pub struct Needs {
    keys: BTreeSet<KeyId>,
    purchases: BTreeSet<(ListingId, OrganizationId)>,
    placements: BTreeSet<(ListingId, OrganizationId)>,
    trades: BTreeSet<TradeId>,
    market: MarketNeeds,
}

impl Needs {
    /// What an earlier call with this key answered.
    pub fn key(&mut self, key: &IdempotencyKey) {
        self.keys.insert(key.id());
    }

    /// All that decides whether `buyer` may buy from `listing` at once.
    pub fn purchase(&mut self, listing: ListingId, buyer: OrganizationId) {
        self.purchases.insert((listing, buyer));
    }

    /// All that decides whether `buyer` may bid on `listing`.
    pub fn placement(&mut self, listing: ListingId, buyer: OrganizationId) {
        self.placements.insert((listing, buyer));
    }

    /// A trade whose hold may be over.
    pub fn trade(&mut self, trade: TradeId) {
        self.trades.insert(trade);
    }

    /// The open offer of a ping, if there is one.
    pub fn ping(&mut self, seller: OrganizationId, fingerprint: &[u8]) {
        self.market.pings.insert((seller, fingerprint.to_vec()));
    }

    /// An offer with all who stand behind it.
    pub fn offer(&mut self, offer: OfferId) {
        self.market.offers.insert(offer);
    }

    /// Whether a posted lead may be sold, and what was sold of it before.
    pub fn lead(&mut self, lead: LeadId) {
        self.market.leads.insert(lead);
    }

    /// A campaign, and whether its buyer may buy in `currency`.
    pub fn campaign(&mut self, campaign: CampaignId, buyer: OrganizationId, currency: Currency) {
        self.market.campaigns.insert(campaign);
        self.market.buyers.insert((buyer, currency));
    }

    fn deals(&self) -> impl Iterator<Item = (ListingId, OrganizationId)> + '_ {
        self.purchases.union(&self.placements).copied()
    }
}

/// Locked rows, and what the commands decided so far have made of them.
#[derive(Debug)]
pub struct Batch {
    tx: Tx,
    now: Timestamp,
    answers: BTreeMap<KeyId, Answer>,
    lots: BTreeMap<ListingId, Lot>,
    trades: BTreeMap<TradeId, Trade>,
    /// Leads of the batch that share a way to reach a person.
    persons: Vec<BTreeSet<LeadId>>,
    market: Market,
    ledger: Ledger,
    recorded: Recorded,
}

/// A listing with all that a decision on it needs.
#[derive(Debug)]
struct Lot {
    stored: StoredListing,
    version_before: i64,
    sold_exclusive: bool,
    facts: BuyersFacts,
    /// Its open bids in the order of their placing: all when it may be bought, otherwise those of the batch's bidders.
    bids: Vec<StoredBid>,
}

/// What is to be written besides the ledger and the listings.
#[derive(Debug, Default)]
struct Recorded {
    opened: Vec<Trade>,
    changes: Vec<Change>,
    placed: BTreeMap<BidId, NewBid>,
    ends: Vec<BidEnd>,
    remembered: Vec<Remembered>,
    news: Vec<Event>,
}
