//! How long the phases of the demo take.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

/// Time by phase. A phase that is part of another one is counted in both.
#[derive(Debug, Clone, Default)]
pub struct Timings(BTreeMap<&'static str, (u64, Duration)>);

impl Timings {
    pub(crate) fn start(&self) -> Instant {
        Instant::now()
    }

    pub(crate) fn add(&mut self, phase: &'static str, started: Instant) {
        let (count, sum) = self.0.entry(phase).or_default();
        *count = count.saturating_add(1);
        *sum = sum.saturating_add(started.elapsed());
    }
}

impl Display for Timings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut phases: Vec<_> = self.0.iter().collect();
        phases.sort_by_key(|(_, (_, sum))| std::cmp::Reverse(*sum));
        phases
            .into_iter()
            .try_for_each(|(phase, (count, sum))| writeln!(f, "  {phase:<28}{count:>8} times{:>10} ms", sum.as_millis()))
    }
}
