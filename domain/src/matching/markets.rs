//! Which partitions there are: by currency, vertical and home country.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::entry::Lead;
use super::partition::Partition;
use crate::campaign::{Field, Scalar};
use crate::money::Currency;
use crate::vertical::VerticalPath;

#[derive(Debug, Default)]
pub(super) struct Markets {
    pub(super) partitions: Vec<Partition>,
    by_vertical: BTreeMap<Currency, BTreeMap<String, Market>>,
}

/// The partitions of one vertical in one currency.
#[derive(Debug, Default)]
struct Market {
    anywhere: Option<usize>,
    homes: HashMap<String, usize, RandomState>,
}

impl Markets {
    /// The partition for campaigns of a vertical and currency that ask for leads of `home`; a new one if need be.
    pub(super) fn partition_at(&mut self, vertical: &VerticalPath, currency: Currency, home: Option<&str>) -> usize {
        let verticals = self.by_vertical.entry(currency).or_default();
        if !verticals.contains_key(vertical.as_str()) {
            verticals.insert(vertical.as_str().to_owned(), Market::default());
        }
        let next = self.partitions.len();
        let Some(market) = verticals.get_mut(vertical.as_str()) else { return next };
        let known = match home {
            None => market.anywhere,
            Some(home) => market.homes.get(home).copied(),
        };
        known.unwrap_or_else(|| {
            match home {
                None => market.anywhere = Some(next),
                Some(home) => _ = market.homes.insert(home.to_owned(), next),
            }
            self.partitions.push(Partition::new(home));
            next
        })
    }

    /// The partitions of the lead's vertical and of those above it, for its country and for all.
    pub(super) fn over<'a>(&'a self, lead: Lead<'a>) -> impl Iterator<Item = &'a Partition> {
        let verticals = self.by_vertical.get(&lead.currency);
        let paths = std::iter::successors(Some(lead.vertical.as_str()), |path| path.rsplit_once('/').map(|(above, _)| above));
        let countries = lead.facts.get(&Field::Country).map_or(&[][..], |fact| fact.values());
        let markets = paths.filter_map(move |path| verticals?.get(path));
        let places = markets.flat_map(move |market| {
            let home = |country: &Scalar| match country {
                Scalar::Text(country) => market.homes.get(country.as_str()).copied(),
                Scalar::Number(_) => None,
            };
            market.anywhere.into_iter().chain(countries.iter().filter_map(home))
        });
        places.filter_map(|at| self.partitions.get(at))
    }
}
