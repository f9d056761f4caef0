//! What an organization's disputes say of it, on each side of the market.
//!
//! Both are Beta posteriors, so that little evidence says little: of a seller, the share of its ended trades that turned out
//! bad (a dispute upheld; a split counts in part); of a buyer, the share of its decided disputes that turned out unfounded.
//! Priors: a seller starts as one bad trade in twenty, a buyer as one unfounded dispute in ten.

mod beta;

use serde::{Deserialize, Serialize};

use crate::dispute::percent::Percent;
use crate::money::BP_WHOLE;
use crate::trade::SellerStanding;

pub use beta::Posterior;

const WHOLE: u64 = 100;
/// A bid's weight stands in a receipt beside a number instead of a name. Finer steps would tell who bid.
const WEIGHT_STEP_BP: u32 = 500;
/// What the market sees of a seller before the sale stands beside a listing without a name: so coarse that many share it.
const BAND_STEP_BP: u32 = 100;
/// The lower ends of the bands of ended trades.
const TRADE_BANDS: [u64; 10] = [1, 5, 20, 50, 100, 200, 500, 1_000, 5_000, 10_000];
const SELLER_PRIOR: Posterior = Posterior::new(WHOLE, 19 * WHOLE);
const BUYER_PRIOR: Posterior = Posterior::new(WHOLE, 9 * WHOLE);

/// What disputes decided, in hundredths of a dispute: a split of 30% is 30 upheld and 70 rejected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tally {
    /// Trades that ended, whole.
    pub trades: u64,
    /// Upheld, in hundredths.
    pub upheld: u64,
    /// Rejected, in hundredths.
    pub rejected: u64,
}

/// When a seller is known, and when it is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingRule {
    /// Ended trades from which a seller is no longer new.
    pub known_from_trades: u64,
    /// Ended trades from which it can be trusted.
    pub trusted_from_trades: u64,
    /// The largest expected share of bad trades of a trusted seller, in basis points.
    pub trusted_max_bp: u32,
}

/// A seller's record in bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SellerBand {
    /// At least so many trades ended.
    pub trades: u64,
    /// The expected share of bad trades, in basis points, rounded up to a whole percent.
    pub bad_bp: u32,
    /// The lower end of its 90% interval, rounded likewise.
    pub low_bp: u32,
    /// The upper end of its 90% interval, rounded likewise.
    pub high_bp: u32,
}

impl SellerBand {
    /// The greatest share that a band can have whose expectation is at most `limit_bp`: what a filter may ask for. A finer one
    /// would find out by asking what the band hides.
    #[must_use]
    pub fn limit_bp(limit_bp: i64) -> i64 {
        limit_bp.saturating_sub(limit_bp.rem_euclid(i64::from(BAND_STEP_BP)))
    }
}

impl Default for StandingRule {
    fn default() -> Self {
        Self { known_from_trades: 20, trusted_from_trades: 100, trusted_max_bp: 300 }
    }
}

impl Tally {
    /// The tally after a dispute that was proved to this part.
    #[must_use]
    pub fn with_decided(self, proved: Percent) -> Self {
        let upheld = u64::from(proved.value());
        Self {
            upheld: self.upheld.saturating_add(upheld),
            rejected: self.rejected.saturating_add(WHOLE.saturating_sub(upheld)),
            ..self
        }
    }

    /// The tally when what a dispute was proved to turns out to be another part.
    #[must_use]
    pub fn with_redecided(self, was: Percent, proved: Percent) -> Self {
        let upheld = u64::from(was.value());
        let before = Self {
            upheld: self.upheld.saturating_sub(upheld),
            rejected: self.rejected.saturating_sub(WHOLE.saturating_sub(upheld)),
            ..self
        };
        before.with_decided(proved)
    }

    /// The tally after a trade ended, however it did.
    #[must_use]
    pub fn with_trade(self) -> Self {
        Self { trades: self.trades.saturating_add(1), ..self }
    }

    /// A seller's share of bad trades.
    #[must_use]
    pub fn as_seller(&self) -> Posterior {
        let good = self.trades.saturating_mul(WHOLE).saturating_sub(self.upheld);
        SELLER_PRIOR.observe(self.upheld, good)
    }

    /// A buyer's share of unfounded disputes.
    #[must_use]
    pub fn as_buyer(&self) -> Posterior {
        BUYER_PRIOR.observe(self.rejected, self.upheld)
    }

    /// What a bid of this buyer weighs, in basis points: one less the expected share of unfounded disputes, rounded down to a
    /// coarse step and never nothing.
    #[must_use]
    pub fn bidder_weight_bp(&self) -> u32 {
        floor_to(whole_bp().saturating_sub(self.as_buyer().mean_bp()), WEIGHT_STEP_BP).max(WEIGHT_STEP_BP)
    }

    /// What the market sees of this seller before the sale.
    #[must_use]
    pub fn seller_band(&self) -> SellerBand {
        let posterior = self.as_seller();
        let (low_bp, high_bp) = posterior.interval_bp();
        let up = |bp: u32| floor_to(bp.saturating_add(BAND_STEP_BP.saturating_sub(1)), BAND_STEP_BP);
        SellerBand {
            trades: TRADE_BANDS.into_iter().rfind(|least| *least <= self.trades).unwrap_or(0),
            bad_bp: up(posterior.mean_bp()),
            low_bp: up(low_bp),
            high_bp: up(high_bp),
        }
    }

    /// How far the exchange trusts this seller.
    #[must_use]
    pub fn standing(&self, rule: &StandingRule) -> SellerStanding {
        let trusted = self.trades >= rule.trusted_from_trades && self.as_seller().mean_bp() <= rule.trusted_max_bp;
        match (self.trades < rule.known_from_trades, trusted) {
            (true, _) => SellerStanding::New,
            (false, true) => SellerStanding::Trusted,
            (false, false) => SellerStanding::Standard,
        }
    }
}

fn floor_to(bp: u32, step: u32) -> u32 {
    bp.saturating_sub(bp.checked_rem(step).unwrap_or(0))
}

fn whole_bp() -> u32 {
    u32::try_from(BP_WHOLE).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(upheld: u64, rejected: u64) -> Tally {
        Tally { trades: upheld + rejected, upheld: upheld * WHOLE, rejected: rejected * WHOLE }
    }

    #[test]
    fn a_newcomer_is_its_prior() {
        let none = Tally::default();
        assert_eq!((none.as_seller().mean_bp(), none.as_buyer().mean_bp()), (500, 1000));
        assert_eq!(none.bidder_weight_bp(), 9000);
        assert_eq!(none.standing(&StandingRule::default()), SellerStanding::New);
    }

    #[test]
    fn unfounded_disputes_cost_rank_and_founded_ones_give_it_back() {
        assert_eq!(decided(0, 10).bidder_weight_bp(), 4500, "(1 + 10) / 20 is 55%");
        assert_eq!(decided(10, 0).bidder_weight_bp(), 9500);
        assert_eq!(decided(10, 10).bidder_weight_bp(), 6000, "11 of 30 leaves 6334, in steps of 500");
        assert_eq!(decided(0, 1_000_000).bidder_weight_bp(), 500, "a weight is never nothing");
    }

    #[test]
    fn a_band_holds_many_sellers() {
        let band = |trades, upheld| Tally { trades, upheld: upheld * WHOLE, rejected: 0 }.seller_band();
        assert_eq!((band(0, 0).trades, band(0, 0).bad_bp), (0, 500));
        assert_eq!(band(100, 2), band(101, 2), "one trade more is not seen");
        assert_eq!((band(199, 3).trades, band(199, 3).bad_bp), (100, 200), "4 of 219 is 1.8%");
        assert!(band(100, 2).low_bp <= band(100, 2).bad_bp && band(100, 2).bad_bp <= band(100, 2).high_bp);
    }

    #[test]
    fn a_filter_asks_no_finer_than_the_bands() {
        assert_eq!([99, 100, 199, 200].map(SellerBand::limit_bp), [0, 100, 100, 200]);
        for upheld in 0..50 {
            let tally = Tally { trades: 100, upheld: upheld * 10, rejected: 0 };
            let (exact, band) = (i64::from(tally.as_seller().mean_bp()), i64::from(tally.seller_band().bad_bp));
            for limit in (0..=2_000).step_by(50).map(SellerBand::limit_bp) {
                assert_eq!(exact <= limit, band <= limit, "{exact} {band} {limit}");
            }
        }
    }

    #[test]
    fn a_split_counts_in_part_on_both_sides() {
        let tally = Tally::default().with_trade().with_decided(Percent::new(30).unwrap());
        assert_eq!(tally, Tally { trades: 1, upheld: 30, rejected: 70 });
        assert_eq!(tally.as_seller().mean_bp(), 619, "1.30 of 21");
        assert_eq!(tally.as_buyer().mean_bp(), 1545, "1.70 of 11");
    }

    #[test]
    fn what_is_decided_anew_counts_once() {
        let thirty = Percent::new(30).unwrap();
        let split = decided(1, 1).with_trade().with_decided(thirty);
        assert_eq!(split.with_redecided(thirty, Percent::ALL), decided(1, 1).with_trade().with_decided(Percent::ALL));
    }

    #[test]
    fn trust_takes_many_good_trades() {
        let rule = StandingRule::default();
        let good = |trades| Tally { trades, ..Tally::default() };
        assert_eq!(good(19).standing(&rule), SellerStanding::New);
        assert_eq!(good(20).standing(&rule), SellerStanding::Standard);
        assert_eq!(good(99).standing(&rule), SellerStanding::Standard);
        assert_eq!(good(100).standing(&rule), SellerStanding::Trusted);
        let bad = |upheld| Tally { upheld: upheld * WHOLE, ..good(100) };
        assert_eq!(bad(2).standing(&rule), SellerStanding::Trusted, "3 of 120 is 2.5%");
        assert_eq!(bad(3).standing(&rule), SellerStanding::Standard, "4 of 120 is 3.3%");
    }
}
