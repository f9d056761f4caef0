//! Offers and campaigns in a batch: what pings are offered, what is concluded, and what campaigns use up.

use std::collections::{BTreeMap, BTreeSet};

use domain::campaign::CampaignState;
use domain::clearing::LossReason;
use domain::id::{BidId, CampaignId, LeadId, OfferId, OrganizationId, TradeId};
use domain::ledger::{Account, AccountKind, event};
use domain::listing::{BuyerAccess, LeadFacts};
use domain::money::{Currency, Money};
use domain::offer::OfferState;
use domain::receipt::Receipt;
use domain::reputation::Tally;
use domain::time::Timestamp;
use domain::trade::HoldTerms;

use super::Batch;
use crate::campaigns::{CampaignPurchase, StoredCampaign, campaign_tried_out, purchases_add, usage_write};
use crate::changes::Changes;
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::listings::{SoldListing, leads_locked, sold_insert};
use crate::offers::{
    Bidder, OfferBid, OfferBidEnd, PingKey, StoredOffer, offer_bids_end, offer_bids_held, offer_bids_insert, offers_end,
    offers_insert, offers_locked,
};
use crate::receipts::receipts_add;
use crate::reputation::{Side, tallies_of};
use crate::trades::{Sale, opened, opened_news, sale_record};
use crate::write::Tx;

/// The rows of offers and campaigns that commands need.
#[derive(Debug, Default, Clone)]
pub(super) struct MarketNeeds {
    pub(super) offers: BTreeSet<OfferId>,
    pub(super) leads: BTreeSet<LeadId>,
    pub(super) pings: BTreeSet<PingKey>,
    pub(super) campaigns: BTreeSet<CampaignId>,
    pub(super) buyers: BTreeSet<(OrganizationId, Currency)>,
}

/// Locked rows of offers and campaigns, and what was made of them.
#[derive(Debug, Default)]
pub(super) struct Market {
    offers: BTreeMap<OfferId, StoredOffer>,
    held: BTreeMap<OfferId, Vec<OfferBid>>,
    leads: BTreeMap<LeadId, LeadFacts>,
    campaigns: BTreeMap<CampaignId, StoredCampaign>,
    access: BTreeMap<OrganizationId, BuyerAccess>,
    weights: BTreeMap<OrganizationId, Tally>,
    sellers: BTreeMap<OrganizationId, Tally>,
    recorded: MarketRecorded,
}

#[derive(Debug, Default)]
struct MarketRecorded {
    made: BTreeSet<OfferId>,
    ended: BTreeSet<OfferId>,
    bids: Vec<(OfferBid, Option<Timestamp>)>,
    bid_ends: Vec<OfferBidEnd>,
    used: BTreeSet<CampaignId>,
    tried_out: BTreeSet<CampaignId>,
    purchases: Vec<CampaignPurchase>,
    listings: Vec<SoldListing>,
    receipts: Vec<Receipt>,
}

/// A sale under an offer.
#[derive(Debug)]
pub struct OfferSale<'a> {
    /// Who buys at which price.
    pub sale: &'a Sale,
    /// The bid that won.
    pub bid: BidId,
}

/// An offer that is concluded with a posted lead.
#[derive(Debug)]
pub struct Concluding<'a> {
    /// The offer, open.
    pub offer: OfferId,
    /// The sales; none when nobody could buy the lead.
    pub sales: &'a [OfferSale<'a>],
    /// How the bids were cleared at the post.
    pub receipt: Receipt,
    /// The lengths of holds.
    pub terms: &'a HoldTerms,
    /// The listing under which the lead is sold.
    pub listing: SoldListing,
}

impl MarketNeeds {
    /// Loads and locks offers, then campaigns; adds those who stand behind the offers to the needs.
    pub(super) async fn load(&mut self, tx: &Tx) -> Result<Market, StoreError> {
        let ids: Vec<OfferId> = self.offers.iter().copied().collect();
        let pings: Vec<PingKey> = self.pings.iter().cloned().collect();
        let offers = offers_locked(tx, &ids, &pings).await?;
        for offer in offers.values() {
            self.campaigns.extend(offer.bidders.iter().map(|bidder| bidder.campaign));
            self.buyers.extend(offer.bidders.iter().map(|bidder| (bidder.buyer, offer.currency)));
        }
        let taken: Vec<OfferId> = offers.keys().copied().collect();
        let mut held: BTreeMap<OfferId, Vec<OfferBid>> = BTreeMap::new();
        for bid in offer_bids_held(tx, &taken).await? {
            held.entry(bid.offer).or_default().push(bid);
        }
        let leads = leads_locked(tx, &self.leads).await?;
        let ids: Vec<CampaignId> = self.campaigns.iter().copied().collect();
        let campaigns = if ids.is_empty() { Vec::new() } else { tx.campaigns_locked(&ids).await? };
        let campaigns = campaigns.into_iter().map(|campaign| (campaign.id, campaign)).collect();
        let sellers: BTreeSet<OrganizationId> = taken.iter().filter_map(|id| offers.get(id)).map(|offer| offer.seller).collect();
        let sellers = if sellers.is_empty() { BTreeMap::new() } else { tallies_of(tx.db(), Side::Seller, sellers).await? };
        Ok(Market { offers, held, leads, campaigns, sellers, ..Market::default() })
    }

    /// The accounts between which offers move money.
    pub(super) fn accounts(&self, market: &Market) -> impl Iterator<Item = Account> {
        let kinds = [AccountKind::Available, AccountKind::Reserved, AccountKind::Receivable];
        let buyers: Vec<Account> =
            self.buyers.iter().flat_map(|(buyer, currency)| kinds.map(|kind| Account::of(*buyer, kind, *currency))).collect();
        let offers = market.offers.values();
        let escrow: Vec<Account> = offers.map(|offer| Account::of(offer.seller, AccountKind::Escrow, offer.currency)).collect();
        buyers.into_iter().chain(escrow)
    }
}

impl Market {
    /// What is known of the buyers, whose rows are locked.
    pub(super) async fn know(
        &mut self,
        tx: &Tx,
        needs: &MarketNeeds,
        access: &BTreeMap<OrganizationId, BuyerAccess>,
    ) -> Result<(), StoreError> {
        let buyers: BTreeSet<OrganizationId> = needs.buyers.iter().map(|(buyer, _)| *buyer).collect();
        if !buyers.is_empty() {
            self.weights = tallies_of(tx.db(), Side::Buyer, buyers).await?;
            self.access.clone_from(access);
        }
        Ok(())
    }

    /// Writes the offers that are over, and the listings that they were sold under.
    pub(super) fn write_over(&self, changes: &mut Changes) -> Result<(), StoreError> {
        sold_insert(changes, &self.recorded.listings)?;
        offers_end(changes, &self.offers_of(self.recorded.ended.difference(&self.recorded.made)));
        Ok(())
    }

    /// Writes what bids refer to.
    pub(super) fn write_before(&self, changes: &mut Changes) -> Result<(), StoreError> {
        offers_insert(changes, &self.offers_of(&self.recorded.made))
    }

    /// Pauses campaigns whose trial is over.
    pub(super) async fn write_tried_out(&self, tx: &Tx) -> Result<(), WriteError> {
        for campaign in self.recorded.tried_out.iter().filter_map(|id| self.campaigns.get(id)) {
            campaign_tried_out(tx, campaign).await?;
        }
        Ok(())
    }

    /// Writes what refers to offers and trades.
    pub(super) fn write_after(self, tx: &Tx, changes: &mut Changes, now: Timestamp) -> Result<(), StoreError> {
        let Self { campaigns, recorded, .. } = self;
        offer_bids_insert(changes, &recorded.bids);
        offer_bids_end(changes, &recorded.bid_ends);
        let used: Vec<&StoredCampaign> = recorded.used.iter().filter_map(|id| campaigns.get(id)).collect();
        usage_write(changes, &used)?;
        purchases_add(changes, &recorded.purchases);
        receipts_add(tx, changes, &recorded.receipts, now)
    }

    fn offers_of<'a>(&self, ids: impl IntoIterator<Item = &'a OfferId>) -> Vec<StoredOffer> {
        ids.into_iter().filter_map(|id| self.offers.get(id)).cloned().collect()
    }
}

impl Batch {
    /// The open offer that was made for a ping.
    #[must_use]
    pub fn offer_of(&self, seller: OrganizationId, fingerprint: &[u8]) -> Option<&StoredOffer> {
        let open = |offer: &&StoredOffer| offer.state == OfferState::Open && self.now < offer.expires_at;
        self.market.offers.values().filter(open).find(|offer| offer.seller == seller && offer.fingerprint == fingerprint)
    }

    /// Ends the offer for a ping whose time is over, but at which the worker has not looked yet. Answers whose campaigns may have
    /// used less since.
    pub fn ping_again(&mut self, seller: OrganizationId, fingerprint: &[u8]) -> Result<Vec<CampaignId>, WriteError> {
        let same = |offer: &&StoredOffer| offer.seller == seller && offer.fingerprint == fingerprint;
        let before: Vec<StoredOffer> = self.market.offers.values().filter(same).cloned().collect();
        let mut freed = Vec::new();
        for offer in before {
            if self.offer_expire(offer.id)? {
                freed.extend(offer.bidders.into_iter().map(|bidder| bidder.campaign));
            }
        }
        Ok(freed)
    }

    /// An offer that a command needed, as the commands before have left it.
    #[must_use]
    pub fn offer(&self, id: OfferId) -> Option<&StoredOffer> {
        self.market.offers.get(&id)
    }

    /// Whether a lead that a command needed may be sold, and what was sold of it, also by the commands before.
    #[must_use]
    pub fn lead(&self, id: LeadId) -> Option<LeadFacts> {
        self.market.leads.get(&id).copied()
    }

    /// What an offer holds.
    #[must_use]
    pub fn held(&self, id: OfferId) -> &[OfferBid] {
        self.market.held.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    /// A campaign that a command needed, with the usage that the commands before have left.
    #[must_use]
    pub fn campaign(&self, id: CampaignId) -> Option<&StoredCampaign> {
        self.market.campaigns.get(&id)
    }

    /// Whether a buyer that a command needed may act.
    #[must_use]
    pub fn access(&self, buyer: OrganizationId) -> BuyerAccess {
        self.market.access.get(&buyer).copied().unwrap_or_default()
    }

    /// What is known of a buyer that a command needed.
    #[must_use]
    pub fn buyer_tally(&self, buyer: OrganizationId) -> Tally {
        self.market.weights.get(&buyer).copied().unwrap_or_default()
    }

    /// What is known of the seller of an offer that a command needed.
    #[must_use]
    pub fn offer_seller_tally(&self, id: OfferId) -> Tally {
        let seller = self.market.offers.get(&id).map(|offer| offer.seller);
        seller.and_then(|seller| self.market.sellers.get(&seller)).copied().unwrap_or_default()
    }

    /// What a buyer can spend, in minor units.
    #[must_use]
    pub fn spendable_minor(&self, buyer: OrganizationId, currency: Currency) -> i64 {
        self.ledger.balance_minor(Account::of(buyer, AccountKind::Available, currency))
    }

    /// Records an offer: each winner's price is reserved, and counts for its campaign's caps.
    pub fn offer_make(&mut self, offer: StoredOffer) -> Result<(), WriteError> {
        let now = self.now;
        let mut bids = Vec::new();
        for sale in &offer.receipt.result.sales {
            let bidder = offer.bidder(sale.bid).ok_or(StoreError::Misuse("an offer without its bidder"))?;
            let Bidder { bid: id, campaign, buyer } = bidder;
            bids.push(OfferBid { id, offer: offer.id, campaign, buyer, price_minor: sale.price_minor, counted_at: now });
        }
        self.ledger.attempt(|ledger| bids.iter().try_for_each(|bid| reserve(ledger, bid, offer.currency)))?;
        for bid in &bids {
            self.campaign_use(bid.campaign, bid.price_minor)?;
            self.market.recorded.bids.push((*bid, None));
        }
        self.market.recorded.made.insert(offer.id);
        self.market.held.insert(offer.id, bids);
        self.market.offers.insert(offer.id, offer);
        Ok(())
    }

    /// Ends an open offer whose time is over: what it holds returns. Answers whether there was one.
    pub fn offer_expire(&mut self, id: OfferId) -> Result<bool, WriteError> {
        let now = self.now;
        let Some(offer) = self.market.offers.get(&id) else { return Ok(false) };
        if offer.state != OfferState::Open || now < offer.expires_at {
            return Ok(false);
        }
        let (offer, held) = (offer.clone(), self.market.held.remove(&id).unwrap_or_default());
        self.ledger.attempt(|ledger| held.iter().try_for_each(|bid| release(ledger, bid, offer.currency)))?;
        for bid in held {
            self.campaign_return(&bid)?;
            self.market.recorded.bid_ends.push(OfferBidEnd { bid, loss: Some(LossReason::NotPosted), at: now });
        }
        self.offer_end(offer, OfferState::Expired);
        Ok(true)
    }

    /// Records what becomes of an open offer whose lead was posted: sales from what it holds, or from the wallets of those who
    /// were next; the rest returns. Refused when a buyer has too little.
    pub fn offer_conclude(&mut self, concluding: Concluding<'_>) -> Result<(), WriteError> {
        let Concluding { offer: id, sales, receipt, terms, listing } = concluding;
        let now = self.now;
        let offer = self.market.offers.get(&id).cloned().ok_or(StoreError::Misuse("an offer that the batch did not load"))?;
        let held = self.market.held.get(&id).cloned().unwrap_or_default();
        let won: BTreeMap<BidId, &Sale> = sales.iter().map(|of| (of.bid, of.sale)).collect();
        self.ledger.attempt(|ledger| {
            for bid in held.iter().filter(|bid| !won.contains_key(&bid.id)) {
                release(ledger, bid, offer.currency)?;
            }
            sales.iter().try_for_each(|of| sale_record(ledger, of.sale))
        })?;
        for bid in &held {
            self.campaign_return(bid)?;
            let reason = receipt.result.losses.iter().find(|loss| loss.bid == bid.id).map(|loss| loss.reason);
            self.market.recorded.bid_ends.push(OfferBidEnd { bid: *bid, loss: reason, at: now });
        }
        for OfferSale { sale, bid } in sales {
            let bidder = offer.bidder(*bid).ok_or(StoreError::Misuse("a sale without its bidder"))?;
            self.sold(sale, bidder, held.iter().find(|held| held.id == *bid), terms)?;
        }
        let sold = !sales.is_empty();
        let listing_id = sold.then_some(listing.id);
        let lead = Some(listing.lead);
        if sold {
            self.market.recorded.listings.push(listing);
            self.market.recorded.receipts.push(receipt);
        }
        if let Some(facts) = lead.and_then(|lead| self.market.leads.get_mut(&lead)) {
            let exclusive = sales.iter().any(|of| of.sale.exclusive);
            facts.sold_exclusive |= exclusive;
            let shared = if exclusive { 0 } else { u8::try_from(sales.len()).unwrap_or(u8::MAX) };
            facts.sold_shared = facts.sold_shared.saturating_add(shared);
        }
        self.market.held.remove(&id);
        let state = if sold { OfferState::Concluded } else { OfferState::Refused };
        self.offer_end(StoredOffer { lead, listing: listing_id, ..offer }, state);
        Ok(())
    }

    /// Counts a lead that a campaign bought at `price_minor` by `trade`.
    pub fn campaign_bought(&mut self, id: CampaignId, trade: TradeId, price_minor: i64) -> Result<(), StoreError> {
        self.campaign_use(id, price_minor)?;
        self.campaign_purchase(id, trade, price_minor)
    }

    fn sold(&mut self, sale: &Sale, bidder: Bidder, held: Option<&OfferBid>, terms: &HoldTerms) -> Result<(), WriteError> {
        let now = self.now;
        self.campaign_use(bidder.campaign, sale.price.minor)?;
        self.campaign_purchase(bidder.campaign, sale.trade, sale.price.minor)?;
        if held.is_none() {
            let Bidder { bid: id, campaign, buyer } = bidder;
            let offer = self.market.offers.values().find(|offer| offer.bidder(id).is_some()).map(|offer| offer.id);
            let offer = offer.ok_or(StoreError::Misuse("a bid without its offer"))?;
            let price_minor = sale.price.minor;
            self.market.recorded.bids.push((OfferBid { id, offer, campaign, buyer, price_minor, counted_at: now }, Some(now)));
        }
        let trade = opened(sale, terms, now);
        self.recorded.news.push(opened_news(&trade));
        self.recorded.opened.push(trade);
        Ok(())
    }

    fn offer_end(&mut self, offer: StoredOffer, state: OfferState) {
        let version = offer.version.saturating_add(1);
        self.market.recorded.ended.insert(offer.id);
        self.market.offers.insert(offer.id, StoredOffer { state, version, ended_at: Some(self.now), ..offer });
    }

    fn campaign_use(&mut self, id: CampaignId, price_minor: i64) -> Result<(), StoreError> {
        let now = self.now;
        let campaign = self.market.campaign_mut(id)?;
        let zone = campaign.standing.terms.zone;
        campaign.standing.usage = campaign.standing.usage.rolled(now, zone).plus(price_minor);
        campaign.served_at = Some(now);
        self.market.recorded.used.insert(id);
        Ok(())
    }

    fn campaign_return(&mut self, bid: &OfferBid) -> Result<(), StoreError> {
        let now = self.now;
        let campaign = self.market.campaign_mut(bid.campaign)?;
        let zone = campaign.standing.terms.zone;
        campaign.standing.usage = campaign.standing.usage.rolled(now, zone).minus(bid.price_minor, bid.counted_at);
        self.market.recorded.used.insert(bid.campaign);
        Ok(())
    }

    fn campaign_purchase(&mut self, id: CampaignId, trade: TradeId, price_minor: i64) -> Result<(), StoreError> {
        let now = self.now;
        let campaign = self.market.campaign_mut(id)?;
        if campaign.standing.trial_is_over() && campaign.standing.state == CampaignState::Active {
            self.market.recorded.tried_out.insert(id);
        }
        self.market.recorded.purchases.push(CampaignPurchase { trade, campaign: id, price_minor, counted_at: now });
        Ok(())
    }
}

impl Market {
    fn campaign_mut(&mut self, id: CampaignId) -> Result<&mut StoredCampaign, StoreError> {
        self.campaigns.get_mut(&id).ok_or(StoreError::Misuse("a command touches a campaign that the batch did not load"))
    }
}

fn reserve(ledger: &mut Ledger, bid: &OfferBid, currency: Currency) -> Result<(), WriteError> {
    let amount = Money::new(bid.price_minor, currency);
    let journal = event::bid_reserve(bid.id, bid.buyer, amount).map_err(StoreError::corrupt)?;
    ledger.record(&journal, Note::default())?;
    Ok(())
}

fn release(ledger: &mut Ledger, bid: &OfferBid, currency: Currency) -> Result<(), WriteError> {
    let owed_minor = ledger.owed_minor(bid.buyer, currency);
    let amount = Money::new(bid.price_minor, currency);
    let journal = event::bid_release(bid.id, bid.buyer, amount, owed_minor).map_err(StoreError::corrupt)?;
    ledger.record(&journal, Note::default())?;
    Ok(())
}
