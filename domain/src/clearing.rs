//! Clearing of a sealed auction: who wins, what each winner pays, and why each loser lost.
//!
//! An allocation is one exclusive sale or up to `max_sales` shared sales to different bidders. The one with the largest
//! sum of ranking values (amount x weight) wins. The second price is the weighted Vickrey-Clarke-Groves price. Bidding
//! one's true value is then the best one can do, with one exception that the reserves bring in: a bidder who wants both
//! kinds may gain by hiding the kind whose reserve binds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::id::BidId;
use crate::money::BP_WHOLE;
use crate::time::Timestamp;

text_enum! {
    /// What a winner of an auction pays.
    Pricing {
        /// What the winner displaces: the weighted Vickrey-Clarke-Groves price.
        SecondPrice = "SECOND_PRICE",
        /// Its own bid.
        FirstPrice = "FIRST_PRICE",
    }
}

text_enum! {
    /// What a buyer gets.
    SaleKind {
        /// The only copy: nobody else buys this lead.
        Exclusive = "EXCLUSIVE",
        /// One of up to `maxSales` copies.
        Shared = "SHARED",
    }
}

text_enum! {
    /// Why a bid did not win.
    LossReason {
        /// The bid was below the reserve, or asked for a kind of sale that was not offered.
        BelowReserve = "BELOW_RESERVE",
        /// Other bids were worth more.
        Outbid = "OUTBID",
        /// The lead does not match the campaign's filter.
        FilterMismatch = "FILTER_MISMATCH",
        /// The campaign's cap was reached.
        CapReached = "CAP_REACHED",
        /// The campaign's budget was used up.
        BudgetExhausted = "BUDGET_EXHAUSTED",
        /// The bidder's wallet could not pay.
        InsufficientFunds = "INSUFFICIENT_FUNDS",
        /// The campaign does not buy at this time.
        OutOfSchedule = "OUT_OF_SCHEDULE",
        /// The campaign takes a share of the leads that match, and this one is not in it.
        NotDrawn = "NOT_DRAWN",
        /// The campaign's endpoint did not name its price in time.
        Timeout = "TIMEOUT",
        /// The bidder has this person already, or has another bid on this listing.
        DuplicateForBuyer = "DUPLICATE_FOR_BUYER",
        /// The bidder is the seller.
        OwnLead = "OWN_LEAD",
        /// The seller did not post the lead while the offer stood.
        NotPosted = "NOT_POSTED",
        /// Something stands between the bidder and this lead; only the bidder is told what.
        Barred = "BARRED",
    }
}

/// What the rule must know of the listing. A kind of sale without a reserve is not offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auction {
    /// What a winner pays.
    pub pricing: Pricing,
    /// The most shared copies that may be sold.
    pub max_sales: u8,
    /// The least amount for a shared copy, in minor units.
    pub shared_reserve_minor: Option<i64>,
    /// The least amount for the exclusive sale, in minor units.
    pub exclusive_reserve_minor: Option<i64>,
}

/// A bid as the rule sees it: no identity, only a number that tells bidders apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedBid {
    /// The bid.
    pub bid: BidId,
    /// Tells the bidders of this listing apart, and means nothing elsewhere.
    pub bidder: u32,
    /// When the bid was placed or last replaced.
    pub placed_at: Timestamp,
    /// The amount for a shared copy, in minor units.
    pub shared_minor: Option<i64>,
    /// The amount for the exclusive sale, in minor units.
    pub exclusive_minor: Option<i64>,
    /// The bidder's weight in basis points, 1..=10000.
    pub weight_bp: i64,
    /// A fact outside the auction that leaves the bid out.
    pub barred: Option<LossReason>,
}

/// A bid that won.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The bid.
    pub bid: BidId,
    /// What the bidder gets.
    pub kind: SaleKind,
    /// What the bidder pays, in minor units.
    pub price_minor: i64,
}

/// A bid that lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The bid.
    pub bid: BidId,
    /// Why.
    pub reason: LossReason,
}

/// The result: every bid is in exactly one of the two lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Clearing {
    /// The winners, best first: one exclusive sale, or shared sales, or none.
    pub sales: Vec<Sale>,
    /// The losers, in the order of their placing.
    pub losses: Vec<Loss>,
}

/// One side of a bid that reaches the reserve.
#[derive(Debug, Clone, Copy)]
struct Offer {
    bid: BidId,
    bidder: u32,
    placed_at: Timestamp,
    amount_minor: i64,
    weight: i128,
    value: i128,
}

/// Clears the auction. The order of `bids` does not matter; O(n log n).
#[must_use]
pub fn clear(auction: &Auction, bids: &[SealedBid]) -> Clearing {
    let in_order = placed_in_order(bids);
    let mut reasons = barred(&in_order);
    let standing: Vec<&SealedBid> = in_order.iter().copied().filter(|bid| !reasons.contains_key(&bid.bid)).collect();
    let shared = ranked(&standing, auction.shared_reserve_minor, |bid| bid.shared_minor);
    let exclusive = ranked(&standing, auction.exclusive_reserve_minor, |bid| bid.exclusive_minor);

    let sales = winners(auction, &shared, &exclusive);
    let won: BTreeSet<BidId> = sales.iter().map(|sale| sale.bid).collect();
    let qualified: BTreeSet<BidId> = shared.iter().chain(&exclusive).map(|offer| offer.bid).collect();
    for bid in standing {
        let reason = if qualified.contains(&bid.bid) { LossReason::Outbid } else { LossReason::BelowReserve };
        if !won.contains(&bid.bid) {
            reasons.insert(bid.bid, reason);
        }
    }
    let loss = |bid: &&SealedBid| reasons.get(&bid.bid).map(|&reason| Loss { bid: bid.bid, reason });
    Clearing { sales, losses: in_order.iter().filter_map(loss).collect() }
}

fn placed_in_order(bids: &[SealedBid]) -> Vec<&SealedBid> {
    let mut in_order: Vec<&SealedBid> = bids.iter().collect();
    in_order.sort_by_key(|bid| (bid.placed_at, bid.bid));
    in_order
}

/// Bids left out before the ranking: those with a bar, and all but the newest standing bid of a bidder.
fn barred(in_order: &[&SealedBid]) -> BTreeMap<BidId, LossReason> {
    let mut reasons = BTreeMap::new();
    let mut bidders = BTreeSet::new();
    for bid in in_order.iter().rev() {
        if let Some(reason) = bid.barred {
            reasons.insert(bid.bid, reason);
        } else if !bidders.insert(bid.bidder) {
            reasons.insert(bid.bid, LossReason::DuplicateForBuyer);
        }
    }
    reasons
}

/// The offers that reach the reserve, best first.
fn ranked(standing: &[&SealedBid], reserve_minor: Option<i64>, side: impl Fn(&SealedBid) -> Option<i64>) -> Vec<Offer> {
    let Some(reserve_minor) = reserve_minor else { return Vec::new() };
    let offer = |bid: &&SealedBid| {
        let amount_minor = side(bid).filter(|&amount| amount >= reserve_minor.max(1))?;
        let weight = i128::from(bid.weight_bp.clamp(1, BP_WHOLE));
        let value = i128::from(amount_minor).saturating_mul(weight);
        Some(Offer { bid: bid.bid, bidder: bid.bidder, placed_at: bid.placed_at, amount_minor, weight, value })
    };
    let mut offers: Vec<Offer> = standing.iter().filter_map(offer).collect();
    offers.sort_by_key(|offer| (Reverse(offer.value), offer.placed_at, offer.bid));
    offers
}

fn winners(auction: &Auction, shared: &[Offer], exclusive: &[Offer]) -> Vec<Sale> {
    let copies = usize::from(auction.max_sales);
    let shared_sum = worth(shared.iter().take(copies));
    let best = exclusive.first().filter(|offer| offer.value >= shared_sum);
    let (kind, reserve, chosen, chosen_sum) = match best {
        Some(offer) => (SaleKind::Exclusive, auction.exclusive_reserve_minor, vec![offer], offer.value),
        None => (SaleKind::Shared, auction.shared_reserve_minor, shared.iter().take(copies).collect(), shared_sum),
    };
    let sale = |offer: &Offer| {
        let price_minor = match auction.pricing {
            Pricing::FirstPrice => offer.amount_minor,
            Pricing::SecondPrice => {
                let others = chosen_sum.saturating_sub(offer.value);
                let displaced = best_without(offer.bidder, copies, shared, exclusive).saturating_sub(others);
                price(offer, displaced, reserve.unwrap_or(0))
            }
        };
        Sale { bid: offer.bid, kind, price_minor }
    };
    chosen.into_iter().map(sale).collect()
}

/// The largest sum of ranking values that the other bidders reach among themselves. Only the first `copies + 1` offers
/// matter, because each bidder has at most one offer of a kind.
fn best_without(bidder: u32, copies: usize, shared: &[Offer], exclusive: &[Offer]) -> i128 {
    let shared_sum = worth(shared.iter().filter(|offer| offer.bidder != bidder).take(copies));
    let best = exclusive.iter().find(|offer| offer.bidder != bidder).map_or(0, |offer| offer.value);
    best.max(shared_sum)
}

fn worth<'a>(offers: impl Iterator<Item = &'a Offer>) -> i128 {
    offers.fold(0, |sum: i128, offer| sum.saturating_add(offer.value))
}

/// `displaced / weight` rounded up to a minor unit, at least the reserve, never above the bid.
fn price(offer: &Offer, displaced: i128, reserve_minor: i64) -> i64 {
    let rounding = offer.weight.saturating_sub(1);
    let quotient = displaced.max(0).saturating_add(rounding).checked_div(offer.weight).unwrap_or(0);
    i64::try_from(quotient).unwrap_or(i64::MAX).max(reserve_minor).min(offer.amount_minor)
}

#[cfg(test)]
#[path = "clearing_tests.rs"]
mod tests;
