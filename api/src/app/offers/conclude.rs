//! Concluding an offer: those who won it buy, unless something that is known only now stands in their way; then the next do.

use std::collections::{BTreeMap, BTreeSet};

use domain::campaign::Amounts;
use domain::clearing::LossReason;
use domain::clearing::SaleKind;
use domain::id::{BidId, LeadId, ListingId, OfferId, OrganizationId, TradeId};
use domain::listing::{BuyerAccess, Terms};
use domain::offer::{conclude, offer_take};
use domain::receipt::Receipt;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::WriteError;
use store::idempotency::IdempotencyKey;
use store::listings::SoldListing;
use store::offers::StoredOffer;
use store::settlement::{Batch, Concluding, Needs, OfferSale};
use store::trades::{PaidFrom, Sale};
use uuid::Uuid;

use super::make::{Used, allowed, used};
use crate::app::campaigns::book::{Pick, has_person};
use crate::app::listings::settle::{SaleTerms, Sold};
use crate::app::settlement::Command;
use crate::config::Exchange;

/// A posted lead on its way through the queue.
pub(super) struct Conclusion {
    pub(super) key: IdempotencyKey,
    pub(super) offer: OfferId,
    pub(super) lead: LeadId,
    /// When each buyer last bought the person, and whether that trade stands.
    pub(super) owners: BTreeMap<OrganizationId, (Timestamp, bool)>,
    pub(super) created_by: Option<Uuid>,
}

/// One sale of a concluded offer, as its seller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcludedSale {
    /// The trade.
    pub trade: TradeId,
    /// What was sold.
    pub kind: SaleKind,
    /// What the buyer pays, in minor units.
    pub price_minor: i64,
    /// Why the bidder that was offered first did not buy, where another took its place.
    pub instead_of: Option<LossReason>,
}

/// What became of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concluded {
    /// The listing under which the lead was sold.
    pub listing: Option<ListingId>,
    /// The sales; none when nobody could buy.
    pub sales: Vec<ConcludedSale>,
    /// Why those who had been offered the lead did not buy it.
    pub fallen: Vec<LossReason>,
}

pub(super) struct Outcome {
    pub(super) concluded: Concluded,
    pub(super) used: Vec<Used>,
}

impl Command for Conclusion {
    const NAME: &'static str = "offer_conclude";
    type Outcome = Outcome;

    fn needs(&self, needs: &mut Needs) {
        needs.key(&self.key);
        needs.offer(self.offer);
        needs.lead(self.lead);
    }

    fn decide(&self, batch: &mut Batch, exchange: &Exchange) -> Result<Outcome, WriteError> {
        let concluded = batch.once(&self.key, |batch| self.conclude(batch, exchange))?;
        let campaigns = batch.offer(self.offer).map(|offer| offer.bidders.clone()).unwrap_or_default();
        Ok(Outcome { concluded, used: used(batch, campaigns.into_iter().map(|bidder| bidder.campaign)) })
    }
}

impl Conclusion {
    fn conclude(&self, batch: &mut Batch, exchange: &Exchange) -> Result<Concluded, WriteError> {
        let unknown = || Refusal::not_found("offerId", "offer");
        let offer = batch.offer(self.offer).cloned().ok_or_else(unknown)?;
        let now = batch.now();
        offer_take(offer.state, offer.expires_at, now).map_err(|refusal| refusal.at("offerId"))?;
        let lead = batch.lead(self.lead).ok_or_else(|| Refusal::not_found("lead", "lead"))?;
        if lead.listed {
            return Err(Refusal::new(Code::Taken, "the lead stands in an open listing").at("lead").into());
        }
        if lead.sold_exclusive || lead.sold_shared > 0 {
            return Err(Refusal::new(Code::SoldOut, "the lead is sold already").at("lead").into());
        }
        let void = (!lead.verified || lead.targeted).then_some(LossReason::FilterMismatch);
        let barred = self.barred(batch, &offer, void);
        let result = conclude(&offer.receipt, &barred);
        let receipt = reissued(&offer.receipt, &barred);
        let terms = SaleTerms::new(exchange, batch.offer_seller_tally(offer.id));
        let of = Sold { listing: offer.receipt.listing.listing, lead: self.lead, seller: offer.seller, currency: offer.currency };
        let mut sales: Vec<(BidId, Sale)> = Vec::new();
        for sale in &result.sales {
            let bidder = offer.bidder(sale.bid).ok_or_else(unknown)?;
            let held = batch.held(offer.id).iter().find(|held| held.id == sale.bid);
            // Who was promised a price pays no more than that, whoever fell out beside it.
            let price_minor = held.map_or(sale.price_minor, |held| held.price_minor.min(sale.price_minor));
            let paid_from = held.map_or(PaidFrom::Available, |held| PaidFrom::Reserved { minor: held.price_minor });
            sales.push((sale.bid, terms.sale_of(batch.id(), of, bidder.buyer, (sale.kind, price_minor), paid_from)));
        }
        let kind = |sale: &Sale| if sale.exclusive { SaleKind::Exclusive } else { SaleKind::Shared };
        let made = sales.iter().map(|(bid, sale)| (*bid, sale.trade, kind(sale), sale.price.minor));
        let concluded = Concluded::of(&offer.receipt, &barred, made);
        let listing = self.listing(&offer, &sales, now);
        let refs: Vec<OfferSale<'_>> = sales.iter().map(|(bid, sale)| OfferSale { sale, bid: *bid }).collect();
        batch.offer_conclude(Concluding { offer: offer.id, sales: &refs, receipt, terms: &terms.holds, listing })?;
        Ok(concluded)
    }

    /// Those of the offer's bidders that cannot buy the lead as it is now.
    fn barred(&self, batch: &Batch, offer: &StoredOffer, void: Option<LossReason>) -> BTreeMap<BidId, LossReason> {
        let mut found = BTreeMap::new();
        for sealed in offer.receipt.bids.iter().filter(|sealed| sealed.barred.is_none()) {
            let Some(bidder) = offer.bidder(sealed.bid) else { continue };
            let amounts = Amounts { shared_minor: sealed.shared_minor, exclusive_minor: sealed.exclusive_minor };
            let pick = Pick {
                campaign: bidder.campaign,
                buyer: bidder.buyer,
                amounts,
                currency: offer.currency,
                bidder: sealed.bidder,
                weight_bp: sealed.weight_bp,
            };
            let held = batch.held(offer.id).iter().any(|held| held.id == sealed.bid);
            let owner = self.owners.get(&bidder.buyer);
            let owns = owner
                .zip(batch.campaign(bidder.campaign))
                .is_some_and(|(owner, campaign)| has_person(&campaign.standing, *owner, batch.now()));
            let reason = if void.is_some() {
                void
            } else if owns {
                Some(LossReason::DuplicateForBuyer)
            } else if held {
                // What it promised is reserved and counted: only who may not act at all is out.
                (batch.access(bidder.buyer) == BuyerAccess::Suspended).then_some(LossReason::FilterMismatch)
            } else {
                allowed(batch, &pick, offer.currency, amounts).err()
            };
            if let Some(reason) = reason {
                found.insert(sealed.bid, reason);
            }
        }
        found
    }

    fn listing(&self, offer: &StoredOffer, sales: &[(BidId, Sale)], now: Timestamp) -> SoldListing {
        let auction = &offer.receipt.auction;
        SoldListing {
            id: offer.receipt.listing.listing,
            lead: self.lead,
            seller: offer.seller,
            vertical: offer.vertical,
            terms: Terms::Auction {
                pricing: auction.pricing,
                shared_reserve_minor: auction.shared_reserve_minor,
                exclusive_reserve_minor: auction.exclusive_reserve_minor,
                buy_now_minor: None,
            },
            currency: offer.currency,
            max_sales: auction.max_sales,
            sold_count: u8::try_from(sales.len()).unwrap_or(u8::MAX),
            sold_exclusive: sales.iter().any(|(_, sale)| sale.exclusive),
            opens_at: offer.created_at,
            sold_at: now,
            created_by: self.created_by,
        }
    }
}

/// The receipt as it is after the post: with what bars bidders now, and what follows.
pub(super) fn reissued(receipt: &Receipt, barred: &BTreeMap<BidId, LossReason>) -> Receipt {
    let mut bids = receipt.bids.clone();
    for bid in &mut bids {
        bid.barred = bid.barred.or_else(|| barred.get(&bid.bid).copied());
    }
    Receipt::issue(receipt.listing.clone(), receipt.auction.clone(), bids)
}

impl Concluded {
    /// What the seller sees of an offer whose bidders in `barred` fell out, and under which these sales were made: the bid, the
    /// trade, the kind, and the price in minor units.
    pub(super) fn of(
        offered: &Receipt,
        barred: &BTreeMap<BidId, LossReason>,
        sales: impl Iterator<Item = (BidId, TradeId, SaleKind, i64)>,
    ) -> Self {
        let promised: BTreeSet<BidId> = offered.result.sales.iter().map(|sale| sale.bid).collect();
        let fallen: Vec<LossReason> = promised.iter().filter_map(|bid| barred.get(bid).copied()).collect();
        let mut reasons = fallen.iter().copied();
        let sale = |(bid, trade, kind, price_minor)| {
            let instead_of = if promised.contains(&bid) { None } else { reasons.next() };
            ConcludedSale { trade, kind, price_minor, instead_of }
        };
        let sales: Vec<ConcludedSale> = sales.map(sale).collect();
        let listing = (!sales.is_empty()).then_some(offered.listing.listing);
        Self { listing, sales, fallen }
    }
}
