//! An endpoint that fails again and again is left alone, and asked now and then whether it is back.

use crate::time::{Timestamp, plus_secs};

/// The longest pause between two probes, in seconds.
const PROBE_MAX_SECS: i64 = 3_600;

/// How an endpoint has done lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Failures in a row.
    pub failures: i64,
    /// Whether it is left alone.
    pub pause: Option<Pause>,
}

/// Since when, and until when, an endpoint is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// When one message is tried again.
    pub probe_at: Timestamp,
}

impl Breaker {
    /// The same after some attempts, in their order, each of which succeeded or did not. One success ends a pause; the pauses
    /// between probes, `probe_secs` at first, double up to an hour.
    #[must_use]
    pub fn after(self, succeeded: &[bool], failures_max: i64, probe_secs: i64, now: Timestamp) -> Self {
        succeeded.iter().fold(self, |breaker, succeeded| {
            if *succeeded {
                return Self::default();
            }
            let failures = breaker.failures.saturating_add(1);
            if failures < failures_max {
                return Self { failures, pause: None };
            }
            // What was under way when the pause began does not make it longer.
            let pause = match breaker.pause {
                Some(pause) if now < pause.probe_at => pause,
                Some(Pause { since, probe_at }) => {
                    let before = probe_at.signed_duration_since(since).num_seconds();
                    let next = before.saturating_mul(2).clamp(probe_secs, PROBE_MAX_SECS.max(probe_secs));
                    Pause { since, probe_at: plus_secs(now, next) }
                }
                None => Pause { since: now, probe_at: plus_secs(now, probe_secs) },
            };
            Self { failures, pause: Some(pause) }
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(secs: i64) -> Timestamp {
        DateTime::from_timestamp(secs, 0).unwrap()
    }

    #[test]
    fn ten_failures_in_a_row_pause_and_one_success_ends_it() {
        let after = |breaker: Breaker, succeeded: &[bool], now| breaker.after(succeeded, 10, 60, at(now));
        let nine = after(Breaker::default(), &[false; 9], 0);
        assert_eq!(nine, Breaker { failures: 9, pause: None });
        assert_eq!(after(nine, &[true, false], 1), Breaker { failures: 1, pause: None });
        let ten = after(nine, &[false], 1);
        assert_eq!(ten.pause, Some(Pause { since: at(1), probe_at: at(61) }));
        assert_eq!(after(ten, &[false, false], 5).pause, ten.pause, "what was under way");
        let probed = after(ten, &[false], 61);
        assert_eq!(probed.pause, Some(Pause { since: at(1), probe_at: at(181) }));
        let late = after(probed, &[false], 100_000);
        assert_eq!(late.pause.unwrap().probe_at, at(100_360));
        assert_eq!(after(late, &[true], 100_400), Breaker::default());
    }
}
