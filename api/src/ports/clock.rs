//! The time of day.

use std::sync::{Mutex, PoisonError};

use domain::time::{Timestamp, plus_secs, truncated};

/// Tells the time, in UTC, with microseconds.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where time comes in")]
    fn now(&self) -> Timestamp {
        truncated(chrono::Utc::now())
    }
}

/// A clock that moves only when told to, for tests and for the accelerated market of the demo.
#[derive(Debug)]
pub struct FakeClock(Mutex<Timestamp>);

impl FakeClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub const fn new(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    /// Moves the clock to `now`, which may be earlier.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = truncated(now);
    }

    /// Moves the clock on by `secs` seconds and returns the new time.
    pub fn advance_secs(&self, secs: i64) -> Timestamp {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = plus_secs(*now, secs);
        *now
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
