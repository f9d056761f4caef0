//! A buyer's sealed price, and the decisions to place, replace and withdraw it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::clearing::SaleKind;
use crate::listing::{BuyerFacts, Listing, SaleFormat, refuse_buyer};
use crate::money::{Currency, Money};
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

text_enum! {
    /// Where a bid stands.
    BidState {
        /// It takes part in the clearing; its money is reserved.
        Open = "OPEN",
        /// It won.
        Won = "WON",
        /// It lost; its money is back.
        Lost = "LOST",
        /// The bidder took it back, or its listing was withdrawn; its money is back.
        Withdrawn = "WITHDRAWN",
    }
}

/// What a buyer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BidDraft {
    /// The amount for a shared copy.
    pub shared: Option<Money>,
    /// The amount for the exclusive sale.
    pub exclusive: Option<Money>,
}

/// A bid that may be placed, and what it does to the wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The amount for a shared copy, in minor units.
    pub shared_minor: Option<i64>,
    /// The amount for the exclusive sale, in minor units.
    pub exclusive_minor: Option<i64>,
    /// What the bid holds in the wallet: the larger amount, in minor units.
    pub reserved_minor: i64,
}

/// Decides whether a bid may be placed. It replaces the buyer's open bid, which ends as WITHDRAWN. A bid below the
/// reserve is taken and loses: standing orders bid without looking at each reserve.
pub fn bid_place(
    listing: &Listing,
    currency: Currency,
    buyer: BuyerFacts,
    draft: BidDraft,
    now: Timestamp,
) -> Result<Placement, Vec<Refusal>> {
    refuse_buyer(buyer)?;
    if listing.terms.format() != SaleFormat::Auction {
        return Err(Refusal::wrong_state("bids are for auctions: buy this listing with `listingBuy`").at("listingId").into());
    }
    listing.require_open(now).map_err(|refusal| refusal.at("listingId"))?;
    let sides = [(SaleKind::Shared, "shared", draft.shared), (SaleKind::Exclusive, "exclusive", draft.exclusive)];
    let refusals: Vec<Refusal> =
        sides.into_iter().filter_map(|(kind, field, amount)| side_refusal(listing, currency, kind, field, amount?)).collect();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let [shared_minor, exclusive_minor] = [draft.shared, draft.exclusive].map(|amount| amount.map(|money| money.minor));
    let Some(reserved_minor) = shared_minor.into_iter().chain(exclusive_minor).max() else {
        return Err(Refusal::new(Code::Required, "set at least one of: shared, exclusive").into());
    };
    Ok(Placement { shared_minor, exclusive_minor, reserved_minor })
}

/// Decides whether an open bid may be taken back: while its listing is open.
pub fn bid_withdraw(listing: &Listing, state: BidState, now: Timestamp) -> Result<BidState, Refusal> {
    match state {
        BidState::Open => listing.require_open(now).map(|()| BidState::Withdrawn),
        ended => Err(Refusal::wrong_state(format!("the bid is {}", ended.as_str()))),
    }
}

fn side_refusal(listing: &Listing, currency: Currency, kind: SaleKind, field: &str, amount: Money) -> Option<Refusal> {
    if amount.currency != currency {
        Some(Refusal::new(Code::CurrencyMismatch, format!("the listing is in {currency}")).at(field))
    } else if amount.minor < 1 {
        Some(Refusal::invalid(field, "the amount is at least one minor unit"))
    } else if listing.offers(kind) {
        None
    } else {
        Some(Refusal::invalid(field, format!("the listing offers no {} sale", kind.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::clearing::Pricing;
    use crate::listing::{BuyerAccess, ListingState, Terms};

    const BUYER: BuyerFacts = BuyerFacts { is_seller: false, has_person: false, lead_verified: true, access: BuyerAccess::Full };

    fn at(secs: i64) -> Timestamp {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(secs)
    }

    fn eur(minor: i64) -> Option<Money> {
        Some(Money::new(minor, Currency::EUR))
    }

    fn auction(shared_reserve_minor: Option<i64>) -> Listing {
        let pricing = Pricing::SecondPrice;
        let exclusive_reserve_minor = Some(900);
        let terms = Terms::Auction { pricing, shared_reserve_minor, exclusive_reserve_minor, buy_now_minor: None };
        Listing { state: ListingState::Open, terms, max_sales: 3, sold_count: 0, opens_at: at(0), closes_at: at(60) }
    }

    fn place(listing: &Listing, shared: Option<Money>, exclusive: Option<Money>) -> Result<Placement, Vec<Refusal>> {
        bid_place(listing, Currency::EUR, BUYER, BidDraft { shared, exclusive }, at(59))
    }

    #[test]
    fn a_bid_reserves_its_larger_amount() {
        let listing = auction(Some(300));
        let both = place(&listing, eur(400), eur(1_000)).unwrap();
        assert_eq!(both, Placement { shared_minor: Some(400), exclusive_minor: Some(1_000), reserved_minor: 1_000 });
        assert_eq!(place(&listing, eur(700), None).unwrap().reserved_minor, 700);
        assert_eq!(place(&listing, None, eur(1)).unwrap().reserved_minor, 1);
    }

    #[test]
    fn refusals_name_the_field() {
        let broken = |listing: &Listing, shared, exclusive| {
            let refusals = place(listing, shared, exclusive).unwrap_err();
            refusals.into_iter().map(|refusal| (refusal.code, refusal.path.join("."))).collect::<Vec<_>>()
        };
        let usd = Some(Money::new(5, "USD".parse().unwrap()));
        assert_eq!(broken(&auction(None), None, None), [(Code::Required, String::new())]);
        assert_eq!(broken(&auction(None), eur(5), None), [(Code::Invalid, "shared".into())]);
        let both = [(Code::Invalid, "shared".into()), (Code::CurrencyMismatch, "exclusive".into())];
        assert_eq!(broken(&auction(Some(1)), eur(0), usd), both);
        let fixed = Listing { terms: Terms::Fixed { shared_minor: None, exclusive_minor: Some(5) }, ..auction(None) };
        assert_eq!(broken(&fixed, None, eur(5)), [(Code::WrongState, "listingId".into())]);
    }

    #[test]
    fn a_bid_ends_with_its_listing() {
        let listing = auction(None);
        assert_eq!(bid_withdraw(&listing, BidState::Open, at(59)), Ok(BidState::Withdrawn));
        assert_eq!(bid_withdraw(&listing, BidState::Open, at(60)).unwrap_err().code, Code::OutsideWindow);
        for state in [BidState::Won, BidState::Lost, BidState::Withdrawn] {
            assert_eq!(bid_withdraw(&listing, state, at(1)).unwrap_err().code, Code::WrongState);
        }
        let draft = BidDraft { shared: None, exclusive: eur(5) };
        let late = bid_place(&listing, Currency::EUR, BUYER, draft, at(60)).unwrap_err();
        assert_eq!(late[0].code, Code::OutsideWindow);
        let own = BuyerFacts { is_seller: true, ..BUYER };
        assert_eq!(bid_place(&listing, Currency::EUR, own, draft, at(1)).unwrap_err()[0].code, Code::OwnLead);
    }
}
