//! Draws where the first of several values are drawn most.

use rand::RngExt;
use rand_chacha::ChaCha12Rng;

/// A Zipf distribution over `0..count`.
pub(crate) struct Skew {
    /// The share of draws at or below each value.
    ends: Vec<f64>,
}

impl Skew {
    /// Value `n` is drawn `(n + 1)^-exponent` times as often as value 0.
    pub(crate) fn new(count: usize, exponent: f64) -> Self {
        let weights = (1..=count).map(|rank| crate::float(rank).powf(-exponent));
        let sums: Vec<f64> = weights
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        let total = sums.last().copied().unwrap_or(1.0);
        Self { ends: sums.into_iter().map(|sum| sum / total).collect() }
    }

    pub(crate) fn draw(&self, random: &mut ChaCha12Rng) -> usize {
        let at: f64 = random.random_range(0.0..1.0);
        self.ends.partition_point(|end| *end <= at).min(self.ends.len().saturating_sub(1))
    }
}
