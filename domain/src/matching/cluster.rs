//! Where a campaign lies among others: with those that ask for the same places, and among these with those of like worth.
//!
//! Nearly every buyer sells somewhere. Campaigns that ask for the same country and region share blocks, so a lead skips the
//! blocks of all other places at once. Which block a campaign is in decides nothing but how much a lead has to look at.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::entry::{Entry, Side, StandingOffer};
use crate::campaign::{Field, Filter, Scalar, Test};

/// Country, region and band, 16 bits each, the dearest band first: what is near in numbers belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cluster(u64);

/// Stands for a campaign that asks for no place, or for all but some.
const ANYWHERE: u64 = 0xffff;

/// Bands that may share a block while there are blocks with room: half a doubling.
const NEAR: u64 = 4;

impl Cluster {
    pub(super) fn of(entry: &Entry) -> Self {
        let mut places = [ANYWHERE; 2];
        ask(&entry.filter, &mut places);
        let [country, region] = places;
        let band = u64::from(u16::MAX.saturating_sub(band(&entry.offer)));
        Self(country.wrapping_shl(32) | region.wrapping_shl(16) | band)
    }

    /// How far apart two are; the same places come first.
    pub(super) fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }

    /// Whether two belong into one block.
    pub(super) fn is_near(self, other: Self) -> bool {
        self.0 / 0x1_0000 == other.0 / 0x1_0000 && self.distance(other) <= NEAR
    }
}

/// What the conjunction asks of country and region.
fn ask(filter: &Filter, places: &mut [u64; 2]) {
    match filter {
        Filter::All(parts) => parts.iter().for_each(|part| ask(part, places)),
        Filter::Is(predicate) => {
            let [country, region] = places;
            match (&predicate.field, &predicate.test) {
                (Field::Country, Test::OneOf(values)) => *country = signature(values),
                (Field::Region, Test::OneOf(values)) => *region = signature(values),
                _ => {}
            }
        }
        Filter::Any(_) | Filter::Not(_) => {}
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

/// Where an offer stands among others: eight steps to a doubling of the larger ranking value.
fn band(offer: &StandingOffer) -> u16 {
    let best = [Side::Shared, Side::Exclusive].into_iter().filter_map(|side| offer.value(side)).max().unwrap_or(0);
    let best = u64::try_from(best.max(1)).unwrap_or(u64::MAX);
    let doublings = best.ilog2();
    let fraction = best.wrapping_shl(u64::BITS.saturating_sub(1).saturating_sub(doublings)).wrapping_shr(60) % 8;
    let steps = u64::from(doublings).saturating_mul(8).saturating_add(fraction);
    u16::try_from(steps).unwrap_or(u16::MAX)
}
