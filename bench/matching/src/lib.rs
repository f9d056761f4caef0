//! The matching index beside other ways to find the campaigns that a lead meets: `a-tree`, roaring bitmaps, a packed scan and
//! the plain evaluation of every filter. All answer the same leads in one run, and must answer the same.
//!
//! Machines are noisy: read ratios within one run, not single figures across machines.

mod engines;
mod measure;
mod rounds;
mod skew;
mod statistics;
mod workload;

pub use measure::{Peers, measure};
pub use statistics::{median, quantile};

/// Campaigns of the three markets that are measured.
pub const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

/// One measured number.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What was measured, such as `plain, 1000 campaigns: match`.
    pub name: String,
    /// The median of the rounds.
    pub value: f64,
    /// `us`, `bytes`, `s`.
    pub unit: &'static str,
    /// What it is compared with, and how many times better than that it is: above 1 the index is the better one.
    pub control: Option<(String, f64)>,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<62} {:>14.2} {:<5}", self.name, self.value, self.unit)?;
        self.control.as_ref().map_or(Ok(()), |(control, ratio)| write!(f, " {ratio:>10.2} x {control}"))
    }
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The made-up market is none.
    #[error("the workload: {0}")]
    Workload(&'static str),
    /// A peer refused a campaign or a lead.
    #[error("a peer: {0}")]
    Peer(String),
    /// Two engines answer differently.
    #[error("{engine} finds other campaigns than the plain evaluation: checksum {found:08x} instead of {expected:08x}")]
    Unequal {
        /// Whose answer it is.
        engine: &'static str,
        /// The checksum of its answers.
        found: u32,
        /// That of the plain evaluation.
        expected: u32,
    },
}

/// A count as a number to calculate with.
fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
