//! How a double is set up: its key, its clock, its fees.

use serde::{Deserialize, Serialize};

/// The secret key that a double accepts unless told otherwise.
pub const DEFAULT_SECRET_KEY: &str = "sk_test_double";
/// The version of Stripe's API whose shapes the double has.
pub const API_VERSION: &str = "2026-09-30.endive";

/// How a double is set up. Everything here survives a reset.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address and port to listen on; port 0 takes a free one.
    pub bind: std::net::SocketAddr,
    /// The one secret key that requests must carry. Stripe's test keys begin with `sk_test_`.
    pub secret_key: String,
    /// Where the double's clock starts, and whether it runs.
    pub clock: Clock,
    /// Part of every id. Doubles whose ids meet in one database, such as one after the other in a demo, need different seeds.
    pub seed: u32,
    /// What the platform pays for a successful charge.
    pub fee: Fee,
    /// What the platform pays for a dispute that withdraws funds, in minor units.
    pub dispute_fee_minor: i64,
    /// Seconds from a charge until its funds are available; Stripe takes days.
    pub available_after_secs: i64,
    /// Seconds from a payout's creation until it is paid.
    pub payout_after_secs: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
            secret_key: DEFAULT_SECRET_KEY.to_owned(),
            clock: Clock::System,
            seed: 1,
            fee: Fee::default(),
            dispute_fee_minor: 0,
            available_after_secs: 0,
            payout_after_secs: 2 * 24 * 3600,
        }
    }
}

/// What a charge costs the platform: a share of the amount, rounded up, and a fixed part.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Fee {
    /// Hundredths of a percent of the amount.
    pub basis_points: i64,
    /// In minor units, on top.
    pub fixed_minor: i64,
}

impl Fee {
    pub(crate) fn of(self, amount: i64) -> i64 {
        let share = (amount * self.basis_points + 9_999) / 10_000;
        (share + self.fixed_minor).min(amount)
    }
}

/// Where the double's clock starts, and whether it runs. It can be advanced in both cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The machine's time.
    System,
    /// Seconds since the Unix epoch, standing still until advanced.
    Fixed(i64),
    /// Seconds since the Unix epoch, running on from there.
    From(i64),
}

/// A clock that is read in seconds and moves forward on demand.
#[derive(Debug, Clone)]
pub(crate) struct RunningClock {
    start: i64,
    since: Option<std::time::Instant>,
    advanced: i64,
}

impl RunningClock {
    pub(crate) fn start(clock: Clock) -> Self {
        match clock {
            Clock::Fixed(start) => Self { start, since: None, advanced: 0 },
            Clock::From(start) => Self { start, since: Some(std::time::Instant::now()), advanced: 0 },
            Clock::System => Self { start: system_time(), since: Some(std::time::Instant::now()), advanced: 0 },
        }
    }

    pub(crate) fn now(&self) -> i64 {
        let run = self.since.map_or(0, |since| i64::try_from(since.elapsed().as_secs()).unwrap_or(i64::MAX));
        self.start.saturating_add(run).saturating_add(self.advanced)
    }

    pub(crate) fn advance(&mut self, secs: i64) {
        self.advanced = self.advanced.saturating_add(secs);
    }
}

#[expect(clippy::disallowed_methods, reason = "the double's port to the machine's clock, read once at the start")]
fn system_time() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}
