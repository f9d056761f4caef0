//! Money on its way out.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};

text_enum! {
    /// Where a withdrawal stands.
    WithdrawalState {
        /// Asked for; the money is on its way.
        Requested = "REQUESTED",
        /// The bank carried it out.
        Paid = "PAID",
        /// The bank returned it.
        Failed = "FAILED",
        /// Its organization took it back.
        Cancelled = "CANCELLED",
    }
}
