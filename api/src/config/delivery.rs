//! How bought leads are brought to where their buyers work.

use serde::Deserialize;

use super::Problems;

/// `[delivery]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// How the exchange names itself to other systems.
    pub sender: String,
    /// Whether destinations may lie on plain http and on private addresses.
    pub insecure: bool,
    /// How long a request may take, in seconds.
    pub timeout_secs: u64,
    /// For how long a delivery is tried, in seconds.
    pub retry_secs: i64,
    /// Deliveries under way at a time, in one process.
    pub at_once: usize,
    /// Deliveries under way at a time, to one destination.
    pub per_destination: u64,
    /// When a delivery under way no longer takes a place from others, in milliseconds.
    pub slow_millis: u32,
    /// How many such deliveries there may be.
    pub slow_max: usize,
    /// The most destinations of one organization.
    pub destinations_max: u64,
    /// The most leads in one file.
    pub file_rows_max: u64,
    /// The most test deliveries of one organization in an hour.
    pub tests_per_hour_max: i64,
}

impl Delivery {
    /// After how long the leads of a file are taken up whose worker died.
    #[must_use]
    pub fn lease_secs(&self) -> i64 {
        i64::try_from(self.timeout_secs).unwrap_or(60).saturating_mul(3)
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let fits = (1..=60).contains(&self.sender.chars().count()) && !self.sender.chars().any(char::is_control);
        if !fits {
            problems.add("delivery.sender", "must be one line of 1 to 60 characters");
        }
        problems.within("delivery.timeout_secs", self.timeout_secs, 1, 60);
        problems.within("delivery.retry_secs", self.retry_secs, 60, 7 * 86_400);
        problems.within("delivery.at_once", self.at_once, 1, 10_000);
        problems.within("delivery.per_destination", self.per_destination, 1, 100);
        problems.within("delivery.slow_millis", self.slow_millis, 10, 60_000);
        problems.within("delivery.slow_max", self.slow_max, 1, 100_000);
        problems.within("delivery.destinations_max", self.destinations_max, 1, 1_000);
        problems.within("delivery.file_rows_max", self.file_rows_max, 1, 10_000);
        problems.within("delivery.tests_per_hour_max", self.tests_per_hour_max, 1, 100_000);
    }
}
