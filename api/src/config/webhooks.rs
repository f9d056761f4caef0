//! Messages to organizations' endpoints as settings.

use serde::Deserialize;

use super::Problems;

const DAY_SECS: i64 = 86_400;

/// `[webhooks]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Whether endpoints may lie on plain http and on private addresses: for development.
    pub insecure: bool,
    /// Endpoints of one organization that get messages.
    pub endpoints_max: u64,
    /// How long an endpoint may take to answer, in seconds.
    pub timeout_secs: u32,
    /// Messages under way at the same time.
    pub in_flight_max: usize,
    /// Of them to one endpoint.
    pub in_flight_per_endpoint: i64,
    /// When a message under way no longer takes a place from others, in milliseconds.
    pub slow_millis: u32,
    /// How many such messages there may be.
    pub slow_max: usize,
    /// After so many failures in a row an endpoint is paused.
    pub failures_max: i64,
    /// When a paused endpoint is probed first, in seconds.
    pub probe_secs: i64,
    /// How long an old secret signs beside a new one, in seconds.
    pub secret_overlap_secs: i64,
    /// How long a message is tried at most, in seconds.
    pub pending_secs: i64,
    /// How long messages and attempts are kept, in seconds.
    pub keep_secs: i64,
}

impl Webhooks {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("webhooks.endpoints_max", self.endpoints_max, 1, 1_000);
        problems.within("webhooks.timeout_secs", self.timeout_secs, 1, 60);
        problems.within("webhooks.in_flight_max", self.in_flight_max, 1, 100_000);
        problems.within("webhooks.in_flight_per_endpoint", self.in_flight_per_endpoint, 1, 1_000);
        problems.within("webhooks.slow_millis", self.slow_millis, 10, 60_000);
        problems.within("webhooks.slow_max", self.slow_max, 1, 1_000_000);
        problems.within("webhooks.failures_max", self.failures_max, 1, 1_000);
        problems.within("webhooks.probe_secs", self.probe_secs, 1, 3_600);
        problems.within("webhooks.secret_overlap_secs", self.secret_overlap_secs, 0, 30 * DAY_SECS);
        problems.within("webhooks.pending_secs", self.pending_secs, 4 * DAY_SECS, 30 * DAY_SECS);
        problems.within("webhooks.keep_secs", self.keep_secs, DAY_SECS, 366 * DAY_SECS);
    }
}
