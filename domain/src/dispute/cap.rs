//! The return cap: a buyer that disputes much shows something with each further claim.

use crate::money::BP_WHOLE;

/// When the cap bites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnCap {
    /// The share of trades that may be disputed without evidence, in basis points.
    pub share_bp: i64,
    /// Below this number of trades the cap does not apply.
    pub min_trades: u64,
    /// How far back trades and disputes count, in seconds.
    pub window_secs: i64,
}

impl Default for ReturnCap {
    fn default() -> Self {
        Self { share_bp: 1500, min_trades: 20, window_secs: 30 * 86_400 }
    }
}

impl ReturnCap {
    /// Whether one more dispute goes above the cap, after `disputed` claims (without those proved automatically) on `trades`
    /// inside the window.
    #[must_use]
    pub fn needs_evidence(&self, trades: u64, disputed: u64) -> bool {
        let claims = i128::from(disputed).saturating_add(1).saturating_mul(i128::from(BP_WHOLE));
        let allowed = i128::from(trades).saturating_mul(i128::from(self.share_bp));
        trades >= self.min_trades && claims > allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_is_at_its_figure_and_not_below() {
        let cap = ReturnCap::default();
        assert!(!cap.needs_evidence(20, 2), "the third of 20 is exactly 15%");
        assert!(cap.needs_evidence(20, 3), "the fourth is above");
        assert!(!cap.needs_evidence(19, 19), "19 trades are too few to judge");
        assert!(!cap.needs_evidence(26, 2), "3 of 26 is 11.5%");
        assert!(cap.needs_evidence(26, 3), "4 of 26 is 15.4%");
    }
}
