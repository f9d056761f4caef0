//! Money on its way out.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};

text_enum! {
    /// Where a withdrawal stands.
    WithdrawalState {
        /// Asked for; the money is on its way.
        Requested = "REQUESTED",
        /// It has left the exchange's account towards the connected account; the bank there has not paid it yet.
        Sent = "SENT",
        /// The bank carried it out.
        Paid = "PAID",
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
