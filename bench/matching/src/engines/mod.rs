//! Ways to find the campaigns that a lead meets.

mod a_tree;
mod bitmaps;
mod codes;
mod index;
mod naive;
mod packed;

use domain::campaign::Facts;
use domain::matching::Entry;

use crate::Error;

pub(crate) use a_tree::Tree;
pub(crate) use bitmaps::Bitmaps;
pub(crate) use index::Ours;
pub(crate) use naive::Naive;
pub(crate) use packed::Packed;

/// One of them, filled with campaigns. Campaigns are known by their place in the list that it was filled from, and all are open.
pub(crate) trait Engine {
    /// A lead as the engine wants it, made before the clock starts wherever the engine's interface allows that.
    type Lead;

    /// Reads a lead.
    fn lead(&self, facts: &Facts) -> Result<Self::Lead, Error>;

    /// Appends the campaigns that the lead meets, in any order.
    fn matches(&mut self, lead: &Self::Lead, out: &mut Vec<u32>) -> Result<(), Error>;
}

/// The number of a campaign by its place.
pub(crate) fn numbered(entries: &[Entry]) -> impl Iterator<Item = (u32, &Entry)> {
    (0_u32..).zip(entries)
}
