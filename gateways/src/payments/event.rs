//! What the provider says by itself, and how one knows that it was the provider.

use chrono::{DateTime, Utc};

use super::account::Account;
use super::checkout::Checkout;
use super::dispute::Dispute;
use super::money::Mode;
use super::payment::{Charge, Payment};
use super::payout::Payout;
use super::refund::Refund;
use super::transfer::Transfer;

/// An event. Events come more than once and in any order; what counts is the state of the object within, or of the one at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayEvent {
    /// `evt_…`, the same each time it comes.
    pub id: String,
    /// The provider's type, such as `charge.dispute.created`.
    pub event_type: String,
    /// When it happened.
    pub created: DateTime<Utc>,
    /// Whether the money is real.
    pub mode: Mode,
    /// The connected account that it is of, none for the platform's own.
    pub account: Option<String>,
    /// The object as it was then.
    pub kind: EventKind,
}

/// The object of an event as it was when the event happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// `checkout.session.*`
    Checkout(Box<Checkout>),
    /// `payment_intent.*`
    Payment(Box<Payment>),
    /// `charge.*`, but neither refunds nor disputes
    Charge(Box<Charge>),
    /// `refund.*`, and `charge.refund.updated`
    Refund(Box<Refund>),
    /// `charge.dispute.*`
    Dispute(Box<Dispute>),
    /// `account.updated`
    Account(Box<Account>),
    /// `account.application.deauthorized`: the account left the platform
    AccountLeft,
    /// `transfer.*`
    Transfer(Box<Transfer>),
    /// `payout.*`
    Payout(Box<Payout>),
    /// A type that nothing is done with; to be acknowledged all the same
    Unknown(String),
}

/// Why a webhook call is not believed or not understood. It holds nothing of the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// No signature by any of the secrets.
    #[error("the signature is not by a known secret")]
    BadSignature,
    /// Signed too long ago, or in the future: perhaps a recording.
    #[error("the signature is outside the tolerance")]
    TooOld,
    /// Rightly signed or not, it is not in the shape of an event; the text says where.
    #[error("the event is malformed: {0}")]
    Malformed(String),
}

/// Tells the provider's webhook calls from others'.
pub trait WebhookVerifier: Send + Sync {
    /// The event of a call, from the raw body and the signature header.
    ///
    /// # Errors
    /// [`WebhookError`] if the call is not the provider's, too old or not understood.
    fn verify(&self, body: &[u8], signature: &str, now: DateTime<Utc>) -> Result<GatewayEvent, WebhookError>;
}
