//! Test mode: the market that a seller meets who tries out pinging and posting. Nobody stands behind it, and all that it answers
//! follows from the input.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::campaign::fold_postal;
use crate::clearing::{Auction, LossReason, SealedBid};
use crate::id::BidId;
use crate::money::BP_WHOLE;
use crate::receipt::Receipt;
use crate::time::Timestamp;

text_enum! {
    /// What happens to a lead in test mode: the last character of its postal code says it.
    Course {
        /// It is offered and sold; also without a postal code.
        Sold = "SOLD",
        /// `0`: nobody offers anything.
        NoOffer = "NO_OFFER",
        /// `1`: the best bidder cannot pay after all, and the next one buys.
        Fallback = "FALLBACK",
        /// `2`: it is offered, and nobody can pay after all.
        NobodyBuys = "NOBODY_BUYS",
        /// `3`: the offer has expired by the time of the post, however soon that comes.
        Expired = "EXPIRED",
    }
}

/// The least that a made-up bidder starts from, in minor units.
const LEAST_MINOR: i64 = 100;

/// Of the better of two bidders the bid is a tenth of the reserve higher.
const TENTHS: i64 = 10;

impl Course {
    /// The course of a lead with this postal code.
    #[must_use]
    pub fn of(postal_code: Option<&str>) -> Self {
        match postal_code.and_then(|code| fold_postal(code).chars().next_back()) {
            Some('0') => Self::NoOffer,
            Some('1') => Self::Fallback,
            Some('2') => Self::NobodyBuys,
            Some('3') => Self::Expired,
            _ => Self::Sold,
        }
    }

    /// Who of the bidders of `receipt` falls out when the lead is posted.
    #[must_use]
    pub fn barred(self, receipt: &Receipt) -> BTreeMap<BidId, LossReason> {
        let out = |bid| (bid, LossReason::InsufficientFunds);
        match self {
            Self::Sold | Self::NoOffer | Self::Expired => BTreeMap::new(),
            Self::Fallback => receipt.result.sales.iter().take(1).map(|sale| out(sale.bid)).collect(),
            Self::NobodyBuys => receipt.bids.iter().map(|bid| out(bid.bid)).collect(),
        }
    }
}

/// How many bidders an auction in test mode has: two more than can buy.
#[must_use]
pub fn bidders(auction: &Auction) -> usize {
    usize::from(auction.max_sales).saturating_add(2)
}

/// What the made-up bidders bid at `now`, the best first: each a tenth of the reserve more than the next, the last a tenth more
/// than the reserve.
#[must_use]
pub fn bids(auction: &Auction, ids: &[BidId], now: Timestamp) -> Vec<SealedBid> {
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let amount = |reserve: Option<i64>, place: i64| {
        let reserve = reserve?.max(LEAST_MINOR);
        let tenths = TENTHS.saturating_add(count.saturating_sub(place));
        reserve.checked_mul(tenths).map(|amount| amount.div_euclid(TENTHS))
    };
    let bid = |(bid, place): (&BidId, i64)| SealedBid {
        bid: *bid,
        bidder: u32::try_from(place).unwrap_or(u32::MAX),
        placed_at: now,
        shared_minor: amount(auction.shared_reserve_minor, place),
        exclusive_minor: amount(auction.exclusive_reserve_minor, place),
        weight_bp: BP_WHOLE,
        barred: None,
    };
    ids.iter().zip(0_i64..).map(bid).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::clearing::{Pricing, clear};

    #[test]
    fn the_last_character_of_the_postal_code_decides() {
        let of = |code| Course::of(Some(code));
        assert_eq!(
            [of("1050"), of("10 51"), of("sw1a 2"), of("XY-3")],
            [Course::NoOffer, Course::Fallback, Course::NobodyBuys, Course::Expired]
        );
        assert_eq!([of("1054"), of("SW1A 2AA"), of(""), Course::of(None)], [Course::Sold; 4]);
    }

    #[test]
    fn bids_step_down_to_the_reserve_and_the_auction_is_cleared_as_any_other() {
        let auction = |shared, exclusive, max_sales| Auction {
            pricing: Pricing::SecondPrice,
            max_sales,
            shared_reserve_minor: shared,
            exclusive_reserve_minor: exclusive,
        };
        let cleared = |auction: &Auction| {
            let ids: Vec<BidId> = (0..bidders(auction)).map(|n| BidId(Uuid::from_u128(n as u128))).collect();
            let bids = bids(auction, &ids, Timestamp::default());
            clear(auction, &bids).sales.iter().map(|sale| sale.price_minor).collect::<Vec<_>>()
        };
        assert_eq!(cleared(&auction(None, Some(1_000), 1)), [1_200], "the second of 13, 12 and 11");
        assert_eq!(cleared(&auction(Some(500), None, 3)), [600, 600, 600], "the fourth of 7.50 to 5.50 sets the price");
        assert_eq!(cleared(&auction(None, Some(i64::MAX), 1)), [0_i64; 0], "what cannot be counted is not bid");
    }
}
