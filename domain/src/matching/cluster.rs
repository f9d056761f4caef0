//! Where a campaign that comes by itself lies among others: in the partition of the country that it asks for, there with those that bid like it, and
//! among these with those that ask for the same places.
//!
//! Nearly every buyer sells somewhere, and what they name besides (regions, postal codes, languages) is of that country, so a
//! partition for each keeps the rows few and lets a lead skip all others at once. An auction looks at the dearest campaigns of
//! each side only. Among campaigns that bid alike many times more for a lead alone than for a copy, those that are dear on one
//! side are dear on the other, so one order serves both. Which block a campaign is in decides nothing but how much a lead has to
//! look at.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::entry::{Side, StandingOffer};
use crate::campaign::{Field, Filter, Scalar, Test};

/// How the two sides of the offer compare, worth and places, 16 bits each, the dearest first: what is near in numbers belongs
/// together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cluster(u64);

/// Stands for a campaign that asks for no place, or for all but some.
const ANYWHERE: u64 = 0xffff;

/// Steps of worth to a doubling of the ranking value.
const STEPS: u64 = 16;

/// Steps that may share a block while there are blocks with room.
const NEAR: u64 = 4;

/// A campaign that wants leads alone only.
const ALONE: u64 = 0xffff;

/// The places that the conjunction of a filter asks for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Places<'a> {
    countries: Option<&'a BTreeSet<Scalar>>,
    regions: Option<&'a BTreeSet<Scalar>>,
}

impl<'a> Places<'a> {
    pub(super) fn of(filter: &'a Filter) -> Self {
        let mut places = Self::default();
        places.ask(filter);
        places
    }

    /// The one country that is asked for, if it is one.
    pub(super) fn home(&self) -> Option<&'a str> {
        match self.countries.filter(|countries| countries.len() == 1)?.first() {
            Some(Scalar::Text(country)) => Some(country),
            _ => None,
        }
    }

    fn ask(&mut self, filter: &'a Filter) {
        match filter {
            Filter::All(parts) => parts.iter().for_each(|part| self.ask(part)),
            Filter::Is(predicate) => match (&predicate.field, &predicate.test) {
                (Field::Country, Test::OneOf(values)) => self.countries = self.countries.or(Some(values)),
                (Field::Region, Test::OneOf(values)) => self.regions = self.regions.or(Some(values)),
                _ => {}
            },
            Filter::Any(_) | Filter::Not(_) => {}
        }
    }
}

impl Cluster {
    /// That of a block without campaigns.
    pub(super) const NONE: Self = Self(u64::MAX);

    /// The cluster of a campaign, among those of its home or among those without.
    pub(super) fn of(places: Places<'_>, offer: &StandingOffer) -> Self {
        let place = if places.home().is_some() { places.regions } else { places.countries };
        let place = place.map_or(ANYWHERE, signature);
        let (lean, steps) = match [Side::Shared, Side::Exclusive].map(|side| offer.value(side).map(steps)) {
            [Some(shared), None] => (0, shared),
            [None, Some(exclusive)] => (ALONE, exclusive),
            [Some(shared), Some(exclusive)] => ((exclusive.saturating_sub(shared) / (STEPS / 2)).saturating_add(1), shared),
            [None, None] => (0, 0),
        };
        Self(lean.wrapping_shl(32) | ANYWHERE.saturating_sub(steps).wrapping_shl(16) | place)
    }

    /// How far apart two are.
    pub(super) fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }

    /// Whether two belong into one block.
    pub(super) fn is_near(self, other: Self) -> bool {
        self.0.wrapping_shr(32) == other.0.wrapping_shr(32) && self.distance(other).wrapping_shr(16) <= NEAR
    }
}

/// Ten bits for the first value and six for the others: sets with the same first value lie together, the single ones first.
fn signature(values: &BTreeSet<Scalar>) -> u64 {
    let mut values = values.iter();
    let Some(first) = values.next() else { return ANYWHERE };
    let others = values.fold(0, |sum: u64, value| hash(value).wrapping_add(sum.wrapping_mul(31)).wrapping_add(1));
    (hash(first) % 0x3ff).wrapping_shl(6) | if others == 0 { 0 } else { (others % 0x3f).saturating_add(1) }
}

/// The same at every start; who makes values collide only mixes its own campaigns among others.
fn hash(value: &Scalar) -> u64 {
    FixedState::default().hash_one(value)
}

/// Where a ranking value stands among others, in steps.
fn steps(value: i128) -> u64 {
    let value = u64::try_from(value.max(1)).unwrap_or(u64::MAX);
    let doublings = value.ilog2();
    // The bits below the highest, as a share of a doubling.
    let below = value.wrapping_shl(u64::BITS.saturating_sub(1).saturating_sub(doublings)) & (u64::MAX / 2);
    let share = below.wrapping_shr(u64::BITS.saturating_sub(1).saturating_sub(STEPS.ilog2()));
    u64::from(doublings).saturating_mul(STEPS).saturating_add(share)
}
