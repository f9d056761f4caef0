//! How long an engine takes for leads, and what the rounds of a comparison come to.

use std::time::Instant;

use domain::campaign::Facts;

use crate::engines::Engine;
use crate::statistics::{median, quantile};
use crate::{Error, float};

/// Times of one engine's leads, round by round, in microseconds.
#[derive(Default)]
pub(crate) struct Times(Vec<Vec<f64>>);

impl Times {
    /// Times `act` for every one of `leads`, after some that only warm the caches.
    pub(crate) fn round<L>(
        &mut self,
        warming: &[L],
        leads: &[L],
        mut act: impl FnMut(&L) -> Result<(), Error>,
    ) -> Result<(), Error> {
        warming.iter().try_for_each(&mut act)?;
        let mut times = Vec::with_capacity(leads.len());
        for lead in leads {
            let begun = Instant::now();
            act(lead)?;
            times.push(micros(begun));
        }
        self.0.push(times);
        Ok(())
    }

    /// The mean over the first `count` leads, in the middle of the rounds.
    pub(crate) fn mean(&self, count: usize) -> f64 {
        let mean = |times: &Vec<f64>| {
            let count = count.min(times.len());
            times.iter().take(count).sum::<f64>() / float(count.max(1))
        };
        median(&self.0.iter().map(mean).collect::<Vec<_>>())
    }

    /// The time below which `share` of the leads stay, in the middle of the rounds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        median(&self.0.iter().map(|times| quantile(times, share)).collect::<Vec<_>>())
    }

    /// Leads of each round.
    pub(crate) fn leads(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }
}

/// An engine with its leads and times.
pub(crate) struct Runner<E: Engine> {
    pub(crate) name: &'static str,
    pub(crate) engine: E,
    pub(crate) times: Times,
    leads: Vec<E::Lead>,
    warming: Vec<E::Lead>,
    found: Vec<u32>,
}

impl<E: Engine> Runner<E> {
    /// An engine that answers the first `count` leads in each round, after `warming` of the last.
    pub(crate) fn new(name: &'static str, engine: E, leads: &[Facts], count: usize, warming: usize) -> Result<Self, Error> {
        let read =
            |leads: &mut dyn Iterator<Item = &Facts>| leads.map(|lead| engine.lead(lead)).collect::<Result<Vec<_>, Error>>();
        let (first, last) = (read(&mut leads.iter().take(count))?, read(&mut leads.iter().rev().take(warming))?);
        Ok(Self { name, engine, times: Times::default(), leads: first, warming: last, found: Vec::new() })
    }

    /// One round.
    pub(crate) fn round(&mut self) -> Result<(), Error> {
        let Self { engine, times, leads, warming, found, .. } = self;
        times.round(warming, leads, |lead| {
            found.clear();
            engine.matches(lead, found)
        })
    }

    /// The checksum of what it finds for the first `count` leads, and how many campaigns that are.
    pub(crate) fn checksum(&mut self, leads: &[Facts], count: usize) -> Result<(u32, usize), Error> {
        let (mut sum, mut total) = (0x811c_9dc5_u32, 0_usize);
        for lead in leads.iter().take(count) {
            let lead = self.engine.lead(lead)?;
            self.found.clear();
            self.engine.matches(&lead, &mut self.found)?;
            self.found.sort_unstable();
            total = total.saturating_add(self.found.len());
            for word in self.found.iter().copied().chain([u32::MAX]) {
                sum = word.to_le_bytes().iter().fold(sum, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
            }
        }
        Ok((sum, total))
    }
}

/// Microseconds since.
pub(crate) fn micros(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e6
}
