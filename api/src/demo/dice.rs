//! Chance, the same for the same seed.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of chance for one purpose and one subject: what one actor draws never moves what another draws.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `subject` for `purpose` under `seed`.
    pub(crate) fn of(seed: u64, purpose: &str, subject: u64) -> Self {
        // FNV-1a (Fowler, Noll, Vo): purposes are few and short, so any hash that tells them apart will do.
        let purpose = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        let mixed =
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23) ^ purpose ^ subject.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        Self(ChaCha8Rng::seed_from_u64(mixed))
    }

    /// A number from 0 to below `bound`; 0 for an empty range.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let product = u64::from(self.0.next_u32()).wrapping_mul(u64::from(bound));
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// A number from `from` to below `until`.
    pub(crate) fn between(&mut self, from: u32, until: u32) -> u32 {
        from.saturating_add(self.below(until.saturating_sub(from)))
    }

    /// True in `per_mille` of 1,000 cases.
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of `items`.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        let index = self.below(u32::try_from(items.len()).unwrap_or(u32::MAX));
        items.get(usize::try_from(index).unwrap_or(0)).copied()
    }

    /// Puts `items` in another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let bound = u32::try_from(last.saturating_add(1)).unwrap_or(u32::MAX);
            items.swap(last, usize::try_from(self.below(bound)).unwrap_or(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_purposes_do_not_meet() {
        let draw = |seed, purpose, subject| {
            let mut dice = Dice::of(seed, purpose, subject);
            [dice.below(1_000_000), dice.below(1_000_000), dice.between(5, 6)]
        };
        assert_eq!(draw(1, "calls", 7), draw(1, "calls", 7));
        let others = [draw(2, "calls", 7), draw(1, "bids", 7), draw(1, "calls", 8)];
        assert!(others.iter().all(|other| *other != draw(1, "calls", 7) && other[2] == 5));
        let mut order: Vec<u32> = (0..50).collect();
        Dice::of(1, "order", 0).shuffle(&mut order);
        assert_ne!(order, (0..50).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
}
