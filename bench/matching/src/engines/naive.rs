//! The plain evaluation of every filter.

use domain::campaign::Facts;
use domain::matching::Entry;

use super::{Engine, numbered};
use crate::Error;

/// All campaigns, one after the other.
pub(crate) struct Naive<'a>(pub(crate) &'a [Entry]);

impl Engine for Naive<'_> {
    type Lead = Facts;

    fn lead(&self, facts: &Facts) -> Result<Facts, Error> {
        Ok(facts.clone())
    }

    fn matches(&mut self, lead: &Facts, out: &mut Vec<u32>) -> Result<(), Error> {
        out.extend(numbered(self.0).filter(|(_, entry)| entry.filter.holds(lead)).map(|(at, _)| at));
        Ok(())
    }
}
