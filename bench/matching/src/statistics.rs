//! What many measurements come to.

use crate::float;

/// The middle of some numbers; 0 of none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The least of some numbers that is not below `share` of them; 0 of none.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = float(sorted.len().saturating_sub(1));
    let at = (0..sorted.len()).find(|&at| float(at) >= last * share);
    at.and_then(|at| sorted.get(at)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_end_of_numbers() {
        assert_eq!(median(&[]).to_bits(), 0.0_f64.to_bits());
        let numbers = [5.0, 1.0, 4.0, 2.0, 3.0];
        let of = |share: f64| quantile(&numbers, share).to_bits();
        assert_eq!(of(0.5), 3.0_f64.to_bits());
        assert_eq!(of(0.99), 5.0_f64.to_bits());
        assert_eq!(of(0.0), 1.0_f64.to_bits());
    }
}
