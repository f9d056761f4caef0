//! Money that an organization pays in by card: where a payment stands, and what of the payment provider's words changes that.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::money::Money;

text_enum! {
    /// Where a top-up stands.
    TopUpState {
        /// Asked for; the payment provider has not been asked yet, or has not answered.
        Created = "CREATED",
        /// It waits for a person to pay at `url`.
        Open = "OPEN",
        /// The card's bank wants to hear from its holder, at `url`.
        AuthenticationRequired = "AUTHENTICATION_REQUIRED",
        /// The bank has not answered yet.
        Processing = "PROCESSING",
        /// Paid, and in the wallet.
        Paid = "PAID",
        /// The card was declined, or the payment was given up.
        Failed = "FAILED",
        /// Nobody paid in time.
        Expired = "EXPIRED",
    }
}

impl TopUpState {
    /// Whether it may still be paid in the usual course.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Open | Self::AuthenticationRequired | Self::Processing)
    }
}

/// Where a top-up stands, with what is known there; the same says what the provider tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopUp {
    /// See [`TopUpState::Created`].
    Created,
    /// See [`TopUpState::Open`].
    Open {
        /// The provider's page.
        session: String,
        /// Its address.
        url: String,
    },
    /// See [`TopUpState::AuthenticationRequired`].
    AuthenticationRequired {
        /// The payment.
        payment: String,
        /// The bank's page, if there is one yet.
        url: Option<String>,
    },
    /// See [`TopUpState::Processing`].
    Processing {
        /// The payment.
        payment: String,
    },
    /// See [`TopUpState::Paid`].
    Paid {
        /// The payment.
        payment: String,
        /// What was paid, as the provider says.
        paid: Money,
        /// The provider's receipt.
        receipt_url: Option<String>,
    },
    /// See [`TopUpState::Failed`].
    Failed {
        /// The payment, if there was one.
        payment: Option<String>,
        /// Why, in the provider's words.
        reason: String,
    },
    /// See [`TopUpState::Expired`].
    Expired,
}

impl TopUp {
    /// Its state without the data.
    #[must_use]
    pub const fn state(&self) -> TopUpState {
        match self {
            Self::Created => TopUpState::Created,
            Self::Open { .. } => TopUpState::Open,
            Self::AuthenticationRequired { .. } => TopUpState::AuthenticationRequired,
            Self::Processing { .. } => TopUpState::Processing,
            Self::Paid { .. } => TopUpState::Paid,
            Self::Failed { .. } => TopUpState::Failed,
            Self::Expired => TopUpState::Expired,
        }
    }

    /// Where it stands once the provider says `seen`, which it may say late, twice and in any order; `None` when that changes
    /// nothing. What is paid stays paid, and what has ended otherwise can only turn out to be paid.
    #[must_use]
    pub fn after(&self, seen: Self) -> Option<Self> {
        let (now, then) = (self.state(), seen.state());
        let follows = match (now, then) {
            (TopUpState::Paid, _) | (_, TopUpState::Created) => false,
            (_, TopUpState::Paid) => true,
            _ => now.is_open(),
        };
        (follows && *self != seen).then_some(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use proptest::prelude::*;

    fn word(n: u8) -> TopUp {
        let payment = || "pi_1".to_owned();
        match n % 7 {
            0 => TopUp::Created,
            1 => TopUp::Open { session: "cs_1".to_owned(), url: "https://pay.example".to_owned() },
            2 => TopUp::AuthenticationRequired { payment: payment(), url: None },
            3 => TopUp::Processing { payment: payment() },
            4 => TopUp::Paid { payment: payment(), paid: Money::new(500, Currency::EUR), receipt_url: None },
            5 => TopUp::Failed { payment: Some(payment()), reason: "declined".to_owned() },
            _ => TopUp::Expired,
        }
    }

    proptest! {
        /// Whatever the provider says and in whatever order, the money is credited once if it was paid, and never otherwise.
        #[test]
        fn it_is_paid_once_if_it_was_paid(words: Vec<u8>) {
            let (mut state, mut credits) = (TopUp::Created, 0);
            for seen in words.iter().map(|n| word(*n)) {
                if let Some(next) = state.after(seen) {
                    credits += i32::from(next.state() == TopUpState::Paid);
                    state = next;
                }
            }
            let was_paid = words.iter().any(|n| n % 7 == 4);
            prop_assert_eq!((credits, state.state() == TopUpState::Paid), (i32::from(was_paid), was_paid));
        }
    }
}
