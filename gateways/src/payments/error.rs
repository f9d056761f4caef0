//! Why a call gave no result, said as what its caller must do.

use std::time::Duration;

use super::money::Mode;

/// Why a call gave no result. No text in it holds a credential or personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// Final: the bank refuses the card. Another try needs another key, and for `authentication` the customer.
    #[error("the card was declined: {code}")]
    Declined {
        /// Why, as the provider says, the bank's own reason if there is one: `insufficient_funds`.
        code: String,
        /// Whether the bank would accept it if the customer authenticated: see `payment_confirm`.
        authentication: bool,
        /// The payment, which the refusal leaves unpaid.
        payment: Option<String>,
    },
    /// Final: the request is wrong, or not allowed in the state that the object is in.
    #[error("the request was refused: {code}: {message}")]
    Refused {
        /// Why, as the provider says: `charge_already_refunded`.
        code: String,
        /// The same for a person who reads logs.
        message: String,
    },
    /// Nothing was done, or it is being done by another call with this key: ask again later with the same key.
    #[error("the provider is busy: {code}")]
    Busy {
        /// Why: `rate_limit`, `lock_timeout`, `idempotency_key_in_use`.
        code: String,
        /// How long to wait, if the provider said.
        retry_after: Option<Duration>,
    },
    /// The outcome is not known, because the answer was lost or makes no sense: ask again with the SAME key. A provider may keep an
    /// error of its own under the key, so that asking again never tells; then the lists do.
    #[error("the outcome is not known: {reason}")]
    Unknown {
        /// What happened: `timeout`, `connection`, `status 500`, `unreadable answer`, or `idempotency_error` if the key was first used
        /// for another request.
        reason: String,
    },
    /// There is no such object, or not for these credentials.
    #[error("there is no such object")]
    NotFound,
    /// The object is real money and the credentials, whose mode this is, are for play money, or the other way round.
    #[error("the object is not of the mode {0}")]
    WrongMode(Mode),
    /// The credentials are not accepted, or not for this; an operator must act. Nothing was done.
    #[error("the credentials are not accepted: {code}")]
    Unauthorized {
        /// Why, as the provider says.
        code: String,
    },
}

impl GatewayError {
    /// Whether the same call with the same key may still succeed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unknown { .. } | Self::Unauthorized { .. })
    }
}
