//! Money that goes back to the card that paid it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};

text_enum! {
    /// Where a refund to a card stands.
    CardRefundState {
        /// Asked for; the money has left the wallet.
        Requested = "REQUESTED",
        /// The payment provider has it.
        Pending = "PENDING",
        /// The card's bank has it.
        Succeeded = "SUCCEEDED",
        /// The card's bank did not take it: the money is back in the wallet.
        Failed = "FAILED",
    }
}

/// What can still go back to the card, in minor units: of a payment of `paid_minor`, of which so much was refunded and so much
/// charged back, and of what the wallet has left.
#[must_use]
pub fn refundable_minor(paid_minor: i64, refunded_minor: i64, charged_back_minor: i64, available_minor: i64) -> i64 {
    let left = paid_minor.saturating_sub(refunded_minor).saturating_sub(charged_back_minor);
    left.min(available_minor).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_refunded_or_charged_back_does_not_go_back() {
        assert_eq!(refundable_minor(100, 30, 20, 1_000), 50);
        assert_eq!(refundable_minor(100, 30, 20, 10), 10);
        assert_eq!(refundable_minor(100, 80, 30, 10), 0);
    }
}
