//! The advertisers look at the market, bid and buy.

use domain::clearing::SaleKind;
use domain::listing::SaleFormat;
use domain::money::{Currency, Money};
use domain::refusal::Code;
use domain::trade::TradeState;
use serde_json::Value;
use store::listings::{ListingFilter, ListingParts, ListingSort, ListingView};
use store::page::Page;
use store::trades::{Trade, TradeSide};

use super::DemoError;
use super::advertiser::{Advertiser, Offer, Wish};
use super::market::{Bought, Market};
use crate::app::AppError;
use crate::app::bids::{BidPlace, bid_place};
use crate::app::listings::{AttributeAsk, ListingBuy, ListingsInput, listing_buy, listings};
use crate::app::trade::trades;
use crate::demo::agenda::Happening;

const PAGE_ROWS: u64 = 100;

/// From the first to the last call on a fresh trade, in seconds.
const FIRST_CALL_SECS: (u32, u32) = (1_200, 64_800);

impl Market<'_> {
    /// Every advertiser goes through what it may want of today's listings. Who is first changes with the day.
    pub(crate) async fn browse(&mut self, day: usize) -> Result<(), DemoError> {
        let count = self.cast.buyers.len();
        for turn in 0..count {
            let buyer = turn.saturating_add(day).checked_rem(count).unwrap_or(0);
            if self.who(buyer)? != Advertiser::Bargains {
                let started = self.timings.start();
                self.go_through(buyer).await?;
                self.timings.add("  bids and purchases", started);
            }
        }
        Ok(())
    }

    /// The hunter of bargains goes through the falling prices.
    pub(crate) async fn look_for_bargains(&mut self) -> Result<(), DemoError> {
        for buyer in 0..self.cast.buyers.len() {
            if self.who(buyer)? == Advertiser::Bargains {
                self.go_through(buyer).await?;
            }
        }
        self.find_trades().await
    }

    fn who(&self, buyer: usize) -> Result<Advertiser, DemoError> {
        self.cast.buyers.get(buyer).map(|buyer| buyer.who).ok_or(DemoError::Unexpected("a buyer who is nobody"))
    }

    async fn go_through(&mut self, buyer: usize) -> Result<(), DemoError> {
        let who = self.who(buyer)?;
        let now = self.app.now();
        let mut input = search(who);
        loop {
            let caller = &self.cast.buyers.get(buyer).ok_or(DemoError::Unexpected("a buyer who is nobody"))?.actor.caller;
            let slice = listings(self.app, caller, input.clone()).await?;
            let Some((last, _)) = slice.rows.last() else { return Ok(()) };
            input.page.after = Some(*last);
            for (_, view) in &slice.rows {
                // What was there before today has been seen, except for prices that have fallen since.
                if who == Advertiser::Bargains || view.stored.listing.opens_at == now {
                    self.consider(buyer, view).await?;
                } else {
                    return Ok(());
                }
            }
            if !slice.has_next {
                return Ok(());
            }
        }
    }

    async fn consider(&mut self, buyer: usize, view: &ListingView) -> Result<(), DemoError> {
        let trader = self.cast.buyers.get(buyer).ok_or(DemoError::Unexpected("a buyer who is nobody"))?;
        let reference = self.leads.get(&view.stored.lead).map_or(0, |(reference, _)| *reference);
        let mut dice = self.dice("wish", reference, buyer);
        let Some(wish) = trader.who.wish(&offer(view, self.app.now()), &mut dice) else { return Ok(()) };
        let listing = view.stored.id;
        let idempotency_key = format!("{}-{listing}", trader.who.domain());
        let eur = |minor: i64| Money::new(minor, Currency::EUR);
        let done = match wish {
            Wish::Buy { kind, most_minor } => {
                let input = ListingBuy { listing, kind, max_price: Some(eur(most_minor)), idempotency_key };
                listing_buy(self.app, &trader.actor.caller, input).await.map(drop)
            }
            Wish::Bid { shared_minor, exclusive_minor } => {
                let (shared, exclusive) = (shared_minor.map(eur), exclusive_minor.map(eur));
                bid_place(self.app, &trader.actor.caller, BidPlace { listing, shared, exclusive, idempotency_key })
                    .await
                    .map(drop)
            }
        };
        match done {
            Err(AppError::Refused(refusals)) if refusals.iter().all(|refusal| is_missed(refusal.code)) => Ok(()),
            done => Ok(done?),
        }
    }

    /// The buyers find what they won or bought, and plan to call.
    pub(crate) async fn find_trades(&mut self) -> Result<(), DemoError> {
        for buyer in 0..self.cast.buyers.len() {
            let mut page = Page { first: PAGE_ROWS, after: None };
            'pages: loop {
                let caller = &self.cast.buyers.get(buyer).ok_or(DemoError::Unexpected("a buyer who is nobody"))?.actor.caller;
                let slice = trades(self.app, caller, TradeSide::Buyer, Some(TradeState::Held), &page).await?;
                for trade in &slice.rows {
                    if self.bought.contains_key(&trade.id) {
                        break 'pages;
                    }
                    self.plan_call(buyer, trade);
                }
                page.after = slice.rows.last().map(|trade| trade.id);
                if !slice.has_next {
                    break;
                }
            }
        }
        Ok(())
    }

    fn plan_call(&mut self, buyer: usize, trade: &Trade) {
        let (reference, balance) = self.leads.get(&trade.lead).copied().unwrap_or_default();
        self.bought.insert(trade.id, Bought { buyer, reference, balance });
        let (from, until) = FIRST_CALL_SECS;
        let wait = self.dice("first call", reference, buyer).between(from, until);
        self.agenda.plan(self.later(wait), Happening::Call { trade: trade.id, attempt: 1 });
    }
}

/// A refusal that any client meets when somebody else was faster.
const fn is_missed(code: Code) -> bool {
    matches!(code, Code::SoldOut | Code::PriceMoved | Code::DuplicateForBuyer | Code::OutsideWindow)
}

/// What an advertiser asks the market for.
fn search(who: Advertiser) -> ListingsInput {
    let ask = |key: &str| AttributeAsk { key: key.to_owned(), equals: None, one_of: None, min: None, max: None, missing: None };
    let (formats, attributes) = match who {
        Advertiser::Students => (vec![SaleFormat::Fixed], Vec::new()),
        Advertiser::Private => (vec![SaleFormat::Auction], vec![AttributeAsk { min: Some("1500".to_owned()), ..ask("balance") }]),
        Advertiser::Savings => (vec![SaleFormat::Auction], Vec::new()),
        Advertiser::Bargains => (vec![SaleFormat::Dutch], Vec::new()),
        Advertiser::Picky => {
            let no = |key: &str| AttributeAsk { equals: Some("false".to_owned()), ..ask(key) };
            let educated = AttributeAsk { equals: Some("TERTIARY".to_owned()), ..ask("education") };
            (vec![SaleFormat::Fixed, SaleFormat::Auction], vec![educated, no("housing_loan"), no("personal_loan")])
        }
        Advertiser::Bulk => (vec![SaleFormat::Fixed, SaleFormat::Auction], Vec::new()),
    };
    let filter = ListingFilter { vertical_path: Some("finance/deposit".to_owned()), formats, ..ListingFilter::default() };
    ListingsInput {
        filter,
        attributes,
        sort: ListingSort::Newest,
        page: Page { first: PAGE_ROWS, after: None },
        parts: ListingParts::ALL,
    }
}

fn offer(view: &ListingView, now: domain::time::Timestamp) -> Offer {
    use domain::listing::Terms;
    let listing = &view.stored.listing;
    let (shared_minor, exclusive_minor) = match listing.terms {
        Terms::Auction { shared_reserve_minor, exclusive_reserve_minor, .. } => (shared_reserve_minor, exclusive_reserve_minor),
        Terms::Fixed { .. } | Terms::Dutch { .. } => {
            (listing.price_at(SaleKind::Shared, now), listing.price_at(SaleKind::Exclusive, now))
        }
    };
    let text = |key: &str| view.attributes.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let yes = |key: &str| view.attributes.get(key).and_then(Value::as_bool).unwrap_or(false);
    Offer {
        format: Some(listing.terms.format()),
        shared_minor,
        exclusive_minor,
        score: view.score,
        age_band: text("age_band"),
        occupation: text("occupation"),
        education: text("education"),
        balance: view.attributes.get("balance").and_then(Value::as_i64).unwrap_or(0),
        housing_loan: yes("housing_loan"),
        personal_loan: yes("personal_loan"),
    }
}
