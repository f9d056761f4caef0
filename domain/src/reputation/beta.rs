//! A Beta posterior in whole numbers: the same to the last digit on every machine.
//!
//! The interval is the central 90%: the 5% and 95% quantiles of the density, summed over 1,000 cells of ten basis points
//! each at its middle, with straight lines inside a cell. Logarithms and powers are fixed-point with 32 fraction bits.

use std::sync::LazyLock;

const CELLS: u32 = 1_000;
const CELL_BP: u128 = 10;
const FRACTION_BITS: u32 = 32;
const ONE: u64 = 1 << 62;
const LOWER_PERCENT: u128 = 5;
const UPPER_PERCENT: u128 = 95;

/// A belief about a share: what was seen for it and against it, in hundredths, the prior included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posterior {
    hits: u64,
    misses: u64,
}

/// `log2(2 * CELLS) - log2(2 * i + 1)`: minus the logarithm of the middle of cell `i`, 32 fraction bits.
static COSTS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let whole = log2(u64::from(CELLS).saturating_mul(2));
    (0..CELLS).map(|i| whole.saturating_sub(log2(u64::from(i).saturating_mul(2).saturating_add(1)))).collect()
});

/// `2^-(1/2)`, `2^-(1/4)`, ..: with 62 fraction bits.
static ROOTS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut roots = Vec::new();
    let mut root = ONE >> 1;
    for _ in 0..FRACTION_BITS {
        root = u64::try_from((u128::from(root) << 62).isqrt()).unwrap_or(ONE);
        roots.push(root);
    }
    roots
});

impl Posterior {
    /// What was seen so far, in hundredths; at least one hundred each, so that the density has no pole.
    #[must_use]
    pub const fn new(hits: u64, misses: u64) -> Self {
        Self { hits: if hits < 100 { 100 } else { hits }, misses: if misses < 100 { 100 } else { misses } }
    }

    /// The same belief after seeing more, in hundredths.
    #[must_use]
    pub const fn observe(self, hits: u64, misses: u64) -> Self {
        Self { hits: self.hits.saturating_add(hits), misses: self.misses.saturating_add(misses) }
    }

    /// The expected share, in basis points, rounded down.
    #[must_use]
    pub fn mean_bp(&self) -> u32 {
        let all = u128::from(self.hits).saturating_add(u128::from(self.misses));
        let share = u128::from(self.hits).saturating_mul(10_000).checked_div(all).unwrap_or(0);
        u32::try_from(share).unwrap_or(10_000)
    }

    /// The central 90% interval, in basis points, each end rounded down.
    #[must_use]
    pub fn interval_bp(&self) -> (u32, u32) {
        let weights = self.weights();
        let total: u128 = weights.iter().copied().map(u128::from).fold(0, u128::saturating_add);
        (quantile_bp(&weights, total, LOWER_PERCENT), quantile_bp(&weights, total, UPPER_PERCENT))
    }

    /// The density at the middle of each cell, the highest being [`ONE`].
    fn weights(&self) -> Vec<u64> {
        let exponent = |hundredths: u64| u128::from(hundredths.saturating_sub(100));
        let (rising, falling) = (exponent(self.hits), exponent(self.misses));
        let cost = |(up, down): (&u64, &u64)| {
            let sum = rising.saturating_mul(u128::from(*up)).saturating_add(falling.saturating_mul(u128::from(*down)));
            sum / 100
        };
        let costs: Vec<u128> = COSTS.iter().zip(COSTS.iter().rev()).map(cost).collect();
        let least = costs.iter().copied().min().unwrap_or(0);
        costs.into_iter().map(|cost| power_of_half(cost.saturating_sub(least))).collect()
    }
}

fn quantile_bp(weights: &[u64], total: u128, percent: u128) -> u32 {
    let target = total.saturating_mul(percent) / 100;
    let (mut below, mut start_bp) = (0_u128, 0_u128);
    for weight in weights.iter().copied().map(u128::from) {
        let upto = below.saturating_add(weight);
        if upto > target {
            let inside = target.saturating_sub(below).saturating_mul(CELL_BP).checked_div(weight).unwrap_or(0);
            return u32::try_from(start_bp.saturating_add(inside)).unwrap_or(10_000);
        }
        below = upto;
        start_bp = start_bp.saturating_add(CELL_BP);
    }
    10_000
}

/// `log2(n)` for `n` of at least 1, 32 fraction bits: the bits come out by squaring.
fn log2(n: u64) -> u64 {
    let whole = n.checked_ilog2().unwrap_or(0);
    let mut mantissa = u128::from(n.checked_shl(63_u32.saturating_sub(whole)).unwrap_or(0));
    let mut log = u64::from(whole);
    for _ in 0..FRACTION_BITS {
        mantissa = mantissa.saturating_mul(mantissa) >> 63;
        let carry = mantissa >> 64 != 0;
        if carry {
            mantissa >>= 1;
        }
        log = (log << 1) | u64::from(carry);
    }
    log
}

/// `2^-cost` for a `cost` with 32 fraction bits, with 62 fraction bits.
fn power_of_half(cost: u128) -> u64 {
    let whole = u32::try_from(cost >> FRACTION_BITS).unwrap_or(u32::MAX);
    let mut power = ONE.checked_shr(whole).unwrap_or(0);
    let mut bit = 1_u128 << FRACTION_BITS;
    for root in ROOTS.iter() {
        bit >>= 1;
        if power == 0 {
            return 0;
        }
        if cost & bit != 0 {
            power = u64::try_from(u128::from(power).saturating_mul(u128::from(*root)) >> 62).unwrap_or(0);
        }
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn logarithms_and_powers_are_those_of_the_textbook() {
        for n in [1_u64, 2, 3, 1000, 1999] {
            let expected = (f64::from(u32::try_from(n).unwrap())).log2();
            let got = log2(n) as f64 / 2_f64.powi(32);
            assert!((got - expected).abs() < 1e-8, "{n}: {got} {expected}");
        }
        let half = power_of_half(1 << 31) as f64 / ONE as f64;
        assert!((half - 0.5_f64.sqrt()).abs() < 1e-9);
        assert_eq!(power_of_half(3 << 32), ONE >> 3);
        assert_eq!(power_of_half(1 << 60), 0);
    }

    /// Expected from closed forms: Beta(1, b) has the quantile `1 - (1 - q)^(1/b)`.
    #[test]
    fn intervals_are_those_of_the_distribution() {
        assert_eq!(Posterior::new(100, 100).interval_bp(), (500, 9500));
        assert_eq!(Posterior::new(100, 900).interval_bp(), (56, 2831), "0.0057 and 0.2831");
        assert_eq!(Posterior::new(100, 1900).interval_bp(), (26, 1458), "0.00270 and 0.14586");
        assert_eq!(Posterior::new(900, 100).interval_bp(), (7168, 9943));
    }

    proptest! {
        #[test]
        fn the_mean_lies_in_the_interval_and_evidence_narrows_it(hits in 0u64..5_000, misses in 0u64..50_000) {
            let prior = Posterior::new(100, 900);
            let (low, high) = prior.observe(hits, misses).interval_bp();
            let mean = prior.observe(hits, misses).mean_bp();
            prop_assert!(low <= mean && mean <= high.saturating_add(10) && high <= 10_000);
            let (low_ten, high_ten) = prior.observe(hits * 10, misses * 10).interval_bp();
            prop_assert!(high_ten - low_ten <= high - low + 20);
        }
    }
}
