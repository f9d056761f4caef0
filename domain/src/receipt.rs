//! The receipt of a clearing: everything that the rule saw and what it decided, without identities, so that anyone who
//! holds it can run the rule again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clearing::{Auction, Clearing, Loss, LossReason, Sale, SealedBid, clear};
use crate::id::{BidId, ListingId};
use crate::money::Currency;
use crate::time::Timestamp;

/// The version of the rule in [`crate::clearing`]. It changes when the same bids could clear differently.
pub const RULE_VERSION: u32 = 1;

/// Why a receipt cannot be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The receipt was made by a rule that this version does not hold.
    #[error("the receipt was made by rule {0}, this is rule {RULE_VERSION}")]
    UnknownRule(u32),
}

/// What everyone could see of the listing while it was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingFacts {
    /// The listing.
    pub listing: ListingId,
    /// The currency of every amount in the receipt.
    pub currency: Currency,
    /// When bids were first taken.
    pub opened_at: Timestamp,
    /// The first instant at which no bid was taken any more.
    pub closes_at: Timestamp,
    /// The lead's public attributes, by key.
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// The record of one clearing. Its JSON form is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version of the rule that decided.
    pub rule: u32,
    /// The listing's public facts.
    pub listing: ListingFacts,
    /// The terms of the auction, with the reserves.
    pub auction: Auction,
    /// The bids in the order of their placing.
    pub bids: Vec<SealedBid>,
    /// Winners with their prices, losers with their reasons.
    pub result: Clearing,
}

impl Receipt {
    /// Clears the auction and writes down what was seen and decided.
    #[must_use]
    pub fn issue(listing: ListingFacts, auction: Auction, mut bids: Vec<SealedBid>) -> Self {
        bids.sort_by_key(|bid| (bid.placed_at, bid.bid));
        let result = clear(&auction, &bids);
        Self { rule: RULE_VERSION, listing, auction, bids, result }
    }
}

impl Receipt {
    /// The receipt as one who took part may see it: bids bear the numbers of this receipt instead of their ids, and of what bars
    /// a bidder from the lead only that bidder, whose bids are `own`, is told. It replays like the whole one.
    #[must_use]
    pub fn seen_with(&self, own: &BTreeSet<BidId>) -> Self {
        // Numbers in the order of the bids decide ties as the ids do.
        let numbers: BTreeMap<BidId, BidId> =
            (1_u128..).zip(&self.bids).map(|(number, sealed)| (sealed.bid, BidId(Uuid::from_u128(number)))).collect();
        let numbered = |bid: BidId| numbers.get(&bid).copied().unwrap_or(bid);
        let untold = |sealed: &&SealedBid| sealed.barred.is_some() && !own.contains(&sealed.bid);
        let untold: BTreeSet<BidId> = self.bids.iter().filter(untold).map(|sealed| sealed.bid).collect();
        let told = |bid: BidId, reason: LossReason| if untold.contains(&bid) { LossReason::Barred } else { reason };
        let seal = |sealed: &SealedBid| SealedBid {
            bid: numbered(sealed.bid),
            barred: sealed.barred.map(|reason| told(sealed.bid, reason)),
            ..sealed.clone()
        };
        let sales = self.result.sales.iter().map(|sale| Sale { bid: numbered(sale.bid), ..*sale });
        let losses = self.result.losses.iter();
        let losses = losses.map(|loss| Loss { bid: numbered(loss.bid), reason: told(loss.bid, loss.reason) });
        Self {
            bids: self.bids.iter().map(seal).collect(),
            result: Clearing { sales: sales.collect(), losses: losses.collect() },
            ..self.clone()
        }
    }
}

/// Runs the rule again on what the receipt says it saw.
pub fn replay(receipt: &Receipt) -> Result<Clearing, ReplayError> {
    if receipt.rule == RULE_VERSION {
        Ok(clear(&receipt.auction, &receipt.bids))
    } else {
        Err(ReplayError::UnknownRule(receipt.rule))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::clearing::{Pricing, SaleKind};

    fn receipt() -> Receipt {
        let bid = |n: u32, secs, exclusive| SealedBid {
            bid: BidId(Uuid::from_u128(u128::from(n))),
            bidder: n,
            placed_at: DateTime::from_timestamp(secs, 0).unwrap(),
            shared_minor: None,
            exclusive_minor: Some(exclusive),
            weight_bp: 9_500,
            barred: None,
        };
        let facts = ListingFacts {
            listing: ListingId(Uuid::from_u128(7)),
            currency: Currency::EUR,
            opened_at: DateTime::from_timestamp(0, 0).unwrap(),
            closes_at: DateTime::from_timestamp(3_600, 0).unwrap(),
            attributes: BTreeMap::from([("age".into(), 42.into())]),
        };
        let auction = Auction {
            pricing: Pricing::SecondPrice,
            max_sales: 1,
            shared_reserve_minor: None,
            exclusive_reserve_minor: Some(500),
        };
        Receipt::issue(facts, auction, vec![bid(2, 20, 1_200), bid(1, 10, 2_500)])
    }

    #[test]
    fn the_json_form_is_stable_and_replays() {
        let receipt = receipt();
        let json = serde_json::to_value(&receipt).unwrap();
        let expected = serde_json::json!({
            "rule": 1,
            "listing": {
                "listing": "lst_00000000000000000000000007", "currency": "EUR",
                "opened_at": "1970-01-01T00:00:00Z", "closes_at": "1970-01-01T01:00:00Z", "attributes": { "age": 42 },
            },
            "auction": {
                "pricing": "SECOND_PRICE", "max_sales": 1, "shared_reserve_minor": null, "exclusive_reserve_minor": 500,
            },
            "bids": [
                { "bid": "bid_00000000000000000000000001", "bidder": 1, "placed_at": "1970-01-01T00:00:10Z",
                  "shared_minor": null, "exclusive_minor": 2500, "weight_bp": 9500, "barred": null },
                { "bid": "bid_00000000000000000000000002", "bidder": 2, "placed_at": "1970-01-01T00:00:20Z",
                  "shared_minor": null, "exclusive_minor": 1200, "weight_bp": 9500, "barred": null },
            ],
            "result": {
                "sales": [{ "bid": "bid_00000000000000000000000001", "kind": "EXCLUSIVE", "price_minor": 1200 }],
                "losses": [{ "bid": "bid_00000000000000000000000002", "reason": "OUTBID" }],
            },
        });
        assert_eq!(json, expected);
        let read: Receipt = serde_json::from_value(json).unwrap();
        assert_eq!(read, receipt);
        assert_eq!(replay(&read), Ok(receipt.result));
    }

    #[test]
    fn another_rule_is_not_replayed() {
        let receipt = Receipt { rule: 2, ..receipt() };
        assert_eq!(replay(&receipt), Err(ReplayError::UnknownRule(2)));
    }

    #[test]
    fn what_a_party_sees_replays_and_names_nobody() {
        let Receipt { listing, auction, bids, .. } = receipt();
        let barred = |n: u32, reason| SealedBid {
            bid: BidId(Uuid::from_u128(u128::from(n) << 64)),
            bidder: n,
            barred: Some(reason),
            ..bids[0].clone()
        };
        let tied = SealedBid { bid: BidId(Uuid::from_u128(u128::MAX)), bidder: 5, ..bids[0].clone() };
        let (mine, other) = (barred(3, LossReason::DuplicateForBuyer), barred(4, LossReason::OwnLead));
        let own = BTreeSet::from([mine.bid]);
        let whole = Receipt::issue(listing, auction, [bids, vec![tied, mine.clone(), other]].concat());
        let seen = whole.seen_with(&own);
        assert_eq!(replay(&seen), Ok(seen.result.clone()));
        let numbers: Vec<_> = (1..=5).map(|n| BidId(Uuid::from_u128(n))).collect();
        assert_eq!(seen.bids.iter().map(|bid| bid.bid).collect::<Vec<_>>(), numbers);
        let outcome = |receipt: &Receipt| {
            let of = |bid| receipt.bids.iter().find(|sealed| sealed.bid == bid).unwrap().bidder;
            let won: Vec<_> = receipt.result.sales.iter().map(|sale| (of(sale.bid), sale.price_minor)).collect();
            let mut lost: Vec<_> = receipt.result.losses.iter().map(|loss| (of(loss.bid), loss.reason)).collect();
            lost.sort_by_key(|(bidder, _)| *bidder);
            (won, lost)
        };
        let ((won, lost), (whole_won, whole_lost)) = (outcome(&seen), outcome(&whole));
        assert_eq!(won, whole_won);
        let told: Vec<_> = lost.iter().filter(|(bidder, _)| [3, 4].contains(bidder)).map(|(_, reason)| *reason).collect();
        assert_eq!(told, [LossReason::DuplicateForBuyer, LossReason::Barred]);
        assert_eq!(whole_lost.iter().find(|(bidder, _)| *bidder == 4).unwrap().1, LossReason::OwnLead);
    }

    #[test]
    fn a_forged_result_does_not_survive_a_replay() {
        let mut receipt = receipt();
        receipt.result.sales[0].price_minor = 1_300;
        assert_ne!(replay(&receipt), Ok(receipt.result.clone()));
        assert_eq!(receipt.result.losses[0].reason, LossReason::Outbid);
        assert_eq!(receipt.result.sales[0].kind, SaleKind::Exclusive);
    }
}
