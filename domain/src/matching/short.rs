//! Amounts in three bytes, by which an auction looks at the dearest campaigns first.

/// An amount that campaigns may win with, in minor units: exact up to half a million, and above that at most two millionths too
/// large, so that nobody is taken for cheaper than they are. Nothing where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Short([u8; 3]);

/// Bits of the number, below those that say how far it is shifted.
const BITS: u32 = 19;

/// Shifts that the other bits can say.
const SHIFTS: u32 = 32;

impl Short {
    /// Stands for whatever is larger than all others.
    const VAST: Self = Self([u8::MAX; 3]);

    pub(super) fn of(amount_minor: Option<i64>) -> Self {
        let amount = u64::try_from(amount_minor.unwrap_or(0)).unwrap_or(0);
        let shift = u64::BITS.saturating_sub(amount.leading_zeros()).saturating_sub(BITS);
        let kept = amount.wrapping_shr(shift);
        let is_exact = kept.wrapping_shl(shift) == amount;
        // Rounded up; one more bit may be needed then.
        let rounded = if is_exact { kept } else { kept.saturating_add(1) };
        let (number, shift) =
            if rounded.wrapping_shr(BITS) == 0 { (rounded, shift) } else { (rounded / 2, shift.saturating_add(1)) };
        if shift >= SHIFTS {
            return Self::VAST;
        }
        let word = u64::from(shift).wrapping_shl(BITS) | number;
        let [a, b, c, ..] = word.to_le_bytes();
        Self([a, b, c])
    }

    /// The amount; `i64::MAX` when it cannot be told.
    pub(super) fn minor(self) -> i64 {
        if self == Self::VAST {
            return i64::MAX;
        }
        let [a, b, c] = self.0;
        let word = u32::from_le_bytes([a, b, c, 0]);
        i64::from(word % (1 << BITS)).wrapping_shl(word.wrapping_shr(BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_are_exact_and_large_ones_not_below_what_they_are() {
        assert_eq!(Short::of(None).minor(), 0);
        assert_eq!(Short::of(Some(-5)).minor(), 0);
        for amount in [1, 99, 524_287, 524_288, 1_048_576] {
            assert_eq!(Short::of(Some(amount)).minor(), amount);
        }
        for amount in [524_289, 1_048_575, 99_999_999, 5_000_000_000_123, (1 << 49) + 1] {
            let short = Short::of(Some(amount)).minor();
            assert!(short >= amount && short <= amount + amount / 250_000, "{amount} {short}");
        }
        assert_eq!(Short::of(Some((1 << 50) - 1)).minor(), i64::MAX);
        assert_eq!(Short::of(Some(i64::MAX)).minor(), i64::MAX);
    }
}
