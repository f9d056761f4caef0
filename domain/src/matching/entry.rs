//! What the index keeps of a campaign.

use crate::campaign::{Facts, Filter};
use crate::money::{BP_WHOLE, Currency};
use crate::vertical::VerticalPath;

/// A campaign's place in the index: small, so that what else is known of campaigns can lie in arrays. A campaign that changes
/// gets another, and those of campaigns that left are given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(super) u32);

impl Slot {
    /// Its place in an array.
    #[must_use]
    pub fn at(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// What a campaign bids for a lead that passes its filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingOffer {
    /// The amount for a shared copy, in minor units.
    pub shared_minor: Option<i64>,
    /// The amount for the exclusive sale, in minor units.
    pub exclusive_minor: Option<i64>,
    /// The buyer's weight in basis points, 1..=10000.
    pub weight_bp: i64,
}

/// A campaign as the index takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The vertical that it buys in, with everything below.
    pub vertical: VerticalPath,
    /// The currency that it bids in.
    pub currency: Currency,
    /// Which leads it wants.
    pub filter: Filter,
    /// The most that it bids. Price rules may make it bid less for a given lead, never more.
    pub offer: StandingOffer,
}

/// A lead as campaigns see it.
#[derive(Debug, Clone, Copy)]
pub struct Lead<'a> {
    /// Its vertical: it meets the campaigns there and above.
    pub vertical: &'a VerticalPath,
    /// The currency that it is sold in.
    pub currency: Currency,
    /// What is known of it.
    pub facts: &'a Facts,
}

/// One side of the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Shared,
    Exclusive,
}

impl Side {
    /// What is this side's of both, the shared one first.
    pub(super) fn of<T>(self, [shared, exclusive]: [T; 2]) -> T {
        match self {
            Self::Shared => shared,
            Self::Exclusive => exclusive,
        }
    }

    pub(super) fn of_mut<T>(self, [shared, exclusive]: &mut [T; 2]) -> &mut T {
        match self {
            Self::Shared => shared,
            Self::Exclusive => exclusive,
        }
    }
}

impl StandingOffer {
    pub(super) fn amount_minor(&self, side: Side) -> Option<i64> {
        match side {
            Side::Shared => self.shared_minor,
            Side::Exclusive => self.exclusive_minor,
        }
    }

    /// The ranking value of one side, as clearing computes it.
    pub(super) fn value(&self, side: Side) -> Option<i128> {
        let weight = i128::from(self.weight_bp.clamp(1, BP_WHOLE));
        self.amount_minor(side).map(|amount| i128::from(amount).saturating_mul(weight))
    }
}
