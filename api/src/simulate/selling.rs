//! How the agencies sell: mostly in real time, the rest through listings. And what the buyers do with what they bought.

use domain::clearing::SaleKind;
use domain::dispute::reason::{DisputeClaim, DisputeDetail};
use domain::id::{ListingId, TradeId};
use domain::lead::{LeadDraft, LeadState};
use domain::listing::{DutchDraft, FixedDraft, ListingDraft, TermsDraft};
use domain::money::{Currency, Money};

use super::AUCTION_SECS;
use super::cast::Company;
use super::findings::{Listed, Placed, Way, count};
use super::goods::lead;
use super::market::Market;
use super::posting::reserves;
use crate::app::bids::{BidPlace, bid_place};
use crate::app::contact::contact_reveal;
use crate::app::dispute::{Answer, DisputeOpen, DisputeRespond, Shown, dispute_open, dispute_respond};
use crate::app::leads::lead_submit;
use crate::app::listings::{ListingBuy, ListingCreate, listing_buy, listing_create};
use crate::demo::dice::Dice;

/// Of 1,000 leads so many are of a person whom another agency has brought before.
const SEEN_PER_MILLE: u32 = 20;
/// Of 1,000 trades so many are looked at at once, and so many of these are disputed.
const REVEALED_PER_MILLE: u32 = 150;
const DISPUTED_PER_MILLE: u32 = 60;
/// Of 1,000 listings at a fixed price so many are bought by hand.
const BOUGHT_PER_MILLE: u32 = 250;
/// Bids by hand on one auction, at most.
const BIDS_MAX: u32 = 3;
/// How long a listing that is no auction stays open.
const OPEN_SECS: i64 = 600;

impl Market {
    /// An agency sells its lead `number`.
    pub(super) async fn sell(&self, number: u64) {
        let mut dice = self.dice("sale", number);
        let Some(seller) = self.cast.some_seller(&mut dice) else { return };
        let places: Vec<usize> = (0..self.kinds.len()).collect();
        let Some(kind) = dice.pick(&places).and_then(|place| self.kinds.get(place)) else { return };
        let ordinal = if dice.chance(SEEN_PER_MILLE) { number / 2 } else { number };
        let draft = lead(kind, self.seed, ordinal, self.app.now());
        let way = match dice.below(100) {
            0..60 => Way::Post,
            60..70 => Way::Forgotten,
            70..82 => Way::Direct,
            82..90 => Way::Fixed,
            90..95 => Way::Dutch,
            _ => Way::Auction,
        };
        self.findings().made(way);
        match way {
            Way::Post | Way::Forgotten => Box::pin(self.ping_and_post(seller, way, draft, dice)).await,
            Way::Direct => Box::pin(self.direct(seller, draft, dice)).await,
            Way::Fixed | Way::Dutch | Way::Auction => self.list(seller, way, draft, (number, dice)).await,
        }
    }

    async fn list(&self, seller: &Company, way: Way, draft: LeadDraft, (number, mut dice): (u64, Dice)) {
        let taken = match lead_submit(&self.app, &seller.caller, draft).await {
            Ok(taken) if taken.state == LeadState::Verified => taken,
            Ok(taken) => return self.findings().lost(format!("listing: the lead is {}", taken.state.as_str())),
            Err(error) => return self.findings().lost_by("leadSubmit", &error),
        };
        let create = ListingCreate { lead: taken.id, draft: asked(way, &mut dice) };
        let listing = match listing_create(&self.app, &seller.caller, create.clone()).await {
            Ok(view) => view.stored.id,
            Err(error) => return self.findings().lost_by("listingCreate", &error),
        };
        self.findings().listed.push(Listed { listing, way });
        match way {
            Way::Auction => {
                for turn in 0..dice.below(BIDS_MAX + 1) {
                    self.bid(listing, (number, turn), &mut dice).await;
                }
            }
            Way::Fixed if dice.chance(BOUGHT_PER_MILLE) => self.buy(listing, number, &mut dice).await,
            _ => {}
        }
    }

    async fn bid(&self, listing: ListingId, (number, turn): (u64, u32), dice: &mut Dice) {
        let Some(buyer) = self.cast.some_buyer(dice) else { return };
        let input = BidPlace {
            listing,
            shared: None,
            exclusive: Some(Money::new(dice.between(300, 3_000).into(), Currency::EUR)),
            idempotency_key: format!("bid-{number}-{turn}"),
        };
        match self.patiently(|| bid_place(&self.app, &buyer.caller, input.clone())).await {
            Ok(own) => self.findings().placed.push(Placed { buyer: buyer.organization, bid: own.bid.id }),
            Err(error) => self.findings().refused("bidPlace", &error),
        }
    }

    async fn buy(&self, listing: ListingId, number: u64, dice: &mut Dice) {
        let Some(buyer) = self.cast.some_buyer(dice) else { return };
        let input = ListingBuy { listing, kind: SaleKind::Exclusive, max_price: None, idempotency_key: format!("buy-{number}") };
        match self.patiently(|| listing_buy(&self.app, &buyer.caller, input.clone())).await {
            Ok(bought) => self.work_on(bought.trade, dice).await,
            Err(error) => self.findings().refused("listingBuy", &error),
        }
    }

    /// What a buyer does with what it bought: mostly nothing at once; some look, and of these some reach somebody else, and the
    /// agency gives the money back.
    pub(super) async fn work_on(&self, trade: TradeId, dice: &mut Dice) {
        if !dice.chance(REVEALED_PER_MILLE) {
            return;
        }
        let sides = match self.app.store.trade_any(trade).await {
            Ok(Some(trade)) => trade,
            Ok(None) => return self.findings().unexplained("a sale without its trade".to_owned()),
            Err(error) => return self.findings().unexplained(format!("trade: {error}")),
        };
        let seller = self.cast.sellers.iter().find(|seller| seller.organization == sides.seller);
        let (Some(buyer), Some(seller)) = (self.cast.buyer(sides.buyer), seller) else { return };
        if let Err(error) = contact_reveal(&self.app, &buyer.caller, Some(trade), None).await {
            return self.findings().refused("contactReveal", &error);
        }
        count(&mut self.findings().reveals);
        if !dice.chance(DISPUTED_PER_MILLE) {
            return;
        }
        let open = DisputeOpen {
            trade,
            claim: DisputeClaim::Mistake,
            detail: DisputeDetail::WrongPerson,
            shown: Shown { statement: Some("The number belongs to somebody who never asked.".to_owned()), files: Vec::new() },
            idempotency_key: format!("open-{trade}"),
        };
        let dispute = match dispute_open(&self.app, &buyer.caller, open).await {
            Ok(dispute) => dispute,
            Err(error) => return self.findings().refused("disputeOpen", &error),
        };
        count(&mut self.findings().disputes);
        let shown = Shown::default();
        let respond =
            DisputeRespond { dispute: dispute.id, answer: Answer::Accept, shown, idempotency_key: format!("accept-{trade}") };
        if let Err(error) = dispute_respond(&self.app, &seller.caller, respond).await {
            self.findings().refused("disputeRespond", &error);
        }
    }
}

/// The terms of a listing.
fn asked(way: Way, dice: &mut Dice) -> ListingDraft {
    let euros = |minor: i64| Money::new(minor.max(1), Currency::EUR);
    let price = i64::from(dice.between(400, 2_500));
    match way {
        Way::Dutch => {
            let dutch = DutchDraft { start: euros(price * 2), floor: euros(price / 4), step: euros(price / 8), interval_secs: 5 };
            ListingDraft { terms: TermsDraft::Dutch(dutch), max_sales: 1, open_secs: Some(OPEN_SECS) }
        }
        Way::Auction => {
            let (auction, max_sales) = reserves(dice);
            ListingDraft { terms: TermsDraft::Auction(auction), max_sales, open_secs: Some(AUCTION_SECS) }
        }
        _ => {
            let fixed = FixedDraft { shared_price: Some(euros(price * 2 / 5)), exclusive_price: Some(euros(price)) };
            ListingDraft { terms: TermsDraft::Fixed(fixed), max_sales: 2, open_secs: Some(OPEN_SECS) }
        }
    }
}
