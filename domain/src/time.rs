//! Instants and windows. An instant is UTC with microseconds, the precision that both databases keep.

use chrono::{DateTime, DurationRound, SubsecRound, TimeDelta, Utc};

/// An instant, in UTC.
pub type Timestamp = DateTime<Utc>;

/// Cuts what neither database keeps.
#[must_use]
pub fn truncated(instant: Timestamp) -> Timestamp {
    instant.trunc_subsecs(6)
}

/// The hour in which `instant` lies.
#[must_use]
pub fn hour_of(instant: Timestamp) -> Timestamp {
    instant.duration_trunc(TimeDelta::hours(1)).unwrap_or(instant)
}

/// `instant` plus `secs`, or the far end of time instead of an overflow.
#[must_use]
pub fn plus_secs(instant: Timestamp, secs: i64) -> Timestamp {
    TimeDelta::try_seconds(secs).and_then(|delta| instant.checked_add_signed(delta)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Whole seconds from `from` until `until`; 0 when `until` is not later.
#[must_use]
pub fn secs_until(from: Timestamp, until: Timestamp) -> i64 {
    until.signed_duration_since(from).num_seconds().max(0)
}

/// The pause after the `failed`-th failure in a row of `pauses_secs`, of which the last repeats; a minute where there are none.
#[must_use]
pub fn listed_pause_secs(pauses_secs: &[i64], failed: i64) -> i64 {
    let place = usize::try_from(failed.saturating_sub(1)).unwrap_or(0);
    pauses_secs.get(place).or(pauses_secs.last()).copied().unwrap_or(60)
}

/// `first_secs`, doubled so many times, and `most_secs` at the most.
#[must_use]
pub fn doubled_pause_secs(first_secs: i64, times: i64, most_secs: i64) -> i64 {
    first_secs.saturating_mul(1 << times.clamp(0, 30)).min(most_secs)
}

/// A half-open span of time, `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first instant inside.
    pub from: Timestamp,
    /// The first instant no longer inside.
    pub until: Timestamp,
}

impl Window {
    /// Whether `instant` is inside.
    #[must_use]
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.from <= instant && instant < self.until
    }
}
