//! Money on its way out.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::time::doubled_pause_secs;

text_enum! {
    /// Where a withdrawal stands.
    WithdrawalState {
        /// Asked for; the money is on its way.
        Requested = "REQUESTED",
        /// It has left the exchange's account towards the connected account; the bank there has not paid it yet.
        Sent = "SENT",
        /// The bank carried it out.
        Paid = "PAID",
        /// The bank behind the connected account returned it, and it is being taken back: tried again until it is in the wallet.
        Returning = "RETURNING",
        /// The bank returned it.
        Failed = "FAILED",
        /// Its organization took it back.
        Cancelled = "CANCELLED",
    }
}

text_enum! {
    /// How a withdrawal is carried out.
    WithdrawalMethod {
        /// An operator pays it to a bank account.
        Bank = "BANK",
        /// Stripe pays it, through the organization's connected account.
        Stripe = "STRIPE",
    }
}

/// Most seconds between two attempts to take back what a bank returned.
const MAX_RETURN_PAUSE_SECS: i64 = 86_400;

/// Seconds until what the provider refused to give back is asked for again: `first_secs` after the first refusal (`attempt` 0), then
/// twice as long each time, at most a day. There is no last attempt, since the money is nobody else's.
#[must_use]
pub fn return_pause_secs(attempt: i64, first_secs: i64) -> i64 {
    doubled_pause_secs(first_secs.max(1), attempt, MAX_RETURN_PAUSE_SECS)
}

/// Where a withdrawal stands of which `returned_minor` came back and `asked_minor` are to come back. `was_paid`: a bank had it before.
#[must_use]
pub const fn after_return(amount_minor: i64, asked_minor: i64, returned_minor: i64, was_paid: bool) -> WithdrawalState {
    if returned_minor < asked_minor {
        WithdrawalState::Returning
    } else if returned_minor >= amount_minor {
        WithdrawalState::Failed
    } else if was_paid {
        WithdrawalState::Paid
    } else {
        WithdrawalState::Sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_back_is_asked_for_ever_more_rarely_and_never_given_up() {
        let pauses: Vec<i64> = (0..10).map(|attempt| return_pause_secs(attempt, 300)).collect();
        assert_eq!(pauses, [300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 76_800, 86_400]);
        assert_eq!((return_pause_secs(i64::MAX, 300), return_pause_secs(-1, 0)), (86_400, 1));
    }

    #[test]
    fn it_returns_until_nothing_is_owed_back() {
        assert_eq!(after_return(100, 40, 30, true), WithdrawalState::Returning);
        assert_eq!(after_return(100, 40, 40, true), WithdrawalState::Paid);
        assert_eq!(after_return(100, 40, 40, false), WithdrawalState::Sent);
        assert_eq!(after_return(100, 100, 100, true), WithdrawalState::Failed);
    }
}
