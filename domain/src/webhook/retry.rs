//! How often a message is tried, and what an attempt came to.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};

text_enum! {
    /// Where a message to an endpoint stands.
    WebhookDeliveryState {
        /// It is tried until it is delivered or has failed too often.
        Pending = "PENDING",
        /// The endpoint has answered with a 2xx status.
        Delivered = "DELIVERED",
        /// It is tried no more; `webhookReplay` tries it again.
        Dead = "DEAD",
    }
}

text_enum! {
    /// What an attempt came to.
    WebhookAttemptOutcome {
        /// The endpoint answered with a 2xx status.
        Delivered = "DELIVERED",
        /// It answered with another status; a redirect is not followed.
        Refused = "REFUSED",
        /// It did not answer in time.
        TimedOut = "TIMED_OUT",
        /// It could not be reached.
        NotReached = "NOT_REACHED",
        /// Its address is none of the public net.
        NotAllowed = "NOT_ALLOWED",
    }
}

/// The pauses before each try, in seconds: the specification's section 8.
const PAUSES_SECS: [i64; 10] = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// The pause after `tries` that failed, in milliseconds, up to a tenth shorter or longer by `random`, so that what failed
/// together does not come again together; `None` when it was tried often enough.
#[must_use]
pub fn retry_millis(tries: i64, random: u64) -> Option<i64> {
    let secs = usize::try_from(tries).ok().and_then(|tries| PAUSES_SECS.get(tries))?;
    let tenth = secs.saturating_mul(100);
    let width = u64::try_from(tenth.saturating_mul(2).saturating_add(1)).unwrap_or(1);
    let off = i64::try_from(random.checked_rem(width).unwrap_or(0)).unwrap_or(0);
    Some(secs.saturating_mul(1_000).saturating_sub(tenth).saturating_add(off))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_spread_over_three_days() {
        assert_eq!(retry_millis(1, 0), Some(4_500));
        assert_eq!(retry_millis(1, 1_000), Some(5_500));
        assert_eq!(retry_millis(2, 30_000), Some(300_000));
        assert_eq!(retry_millis(9, 8_640_000), Some(86_400_000));
        assert_eq!(retry_millis(10, 0), None);
        assert_eq!(retry_millis(-1, 0), None);
        for random in [0, 1, 999, u64::MAX] {
            assert!((4_500..=5_500).contains(&retry_millis(1, random).unwrap()));
        }
    }
}
