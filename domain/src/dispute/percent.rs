//! The part of a trade's price that goes back to the buyer.

use serde::{Deserialize, Serialize};

use crate::money::share_bp;
use crate::refusal::Refusal;

/// A whole percentage, 0..=100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percent(u8);

impl Percent {
    /// Nothing goes back.
    pub const NONE: Self = Self(0);
    /// Half goes back.
    pub const HALF: Self = Self(50);
    /// Everything goes back.
    pub const ALL: Self = Self(100);

    /// `value` as a percentage; refused at `refundPercent` outside 0..=100.
    pub fn new(value: i64) -> Result<Self, Refusal> {
        u8::try_from(value)
            .ok()
            .filter(|&percent| percent <= 100)
            .map(Self)
            .ok_or_else(|| Refusal::invalid("refundPercent", "a whole number from 0 to 100"))
    }

    /// The number, 0..=100.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }

    /// What goes back of `minor` (not negative), rounded down, and what does not; together they are `minor`.
    #[must_use]
    pub fn divide(self, minor: i64) -> (i64, i64) {
        let back = share_bp(minor, i64::from(self.0).saturating_mul(100));
        (back, minor.saturating_sub(back))
    }
}

impl TryFrom<u8> for Percent {
    type Error = Refusal;

    fn try_from(value: u8) -> Result<Self, Refusal> {
        Self::new(i64::from(value))
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ends_are_exact() {
        assert_eq!(Percent::ALL.divide(999), (999, 0));
        assert_eq!(Percent::NONE.divide(999), (0, 999));
        assert_eq!(Percent::HALF.divide(999), (499, 500));
        assert!(Percent::new(101).is_err() && Percent::new(-1).is_err() && Percent::new(256).is_err());
    }

    proptest! {
        #[test]
        fn the_parts_are_whole_and_add_up(minor in 0..=i64::MAX, percent in 0i64..=100) {
            let (back, rest) = Percent::new(percent).unwrap().divide(minor);
            prop_assert_eq!(back.checked_add(rest), Some(minor));
            prop_assert!(back >= 0 && rest >= 0);
        }
    }
}
