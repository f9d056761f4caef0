//! The receipt of a clearing: everything that the rule saw and what it decided, without identities, so that anyone who
//! holds it can run the rule again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clearing::{Auction, Clearing, SealedBid, clear};
use crate::id::ListingId;
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
    use uuid::Uuid;

    use super::*;
    use crate::clearing::{LossReason, Pricing, SaleKind};
    use crate::id::BidId;

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
    fn a_forged_result_does_not_survive_a_replay() {
        let mut receipt = receipt();
        receipt.result.sales[0].price_minor = 1_300;
        assert_ne!(replay(&receipt), Ok(receipt.result.clone()));
        assert_eq!(receipt.result.losses[0].reason, LossReason::Outbid);
        assert_eq!(receipt.result.sales[0].kind, SaleKind::Exclusive);
    }
}
