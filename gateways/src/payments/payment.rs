//! Payments by card, and the charges that they come to.

use std::fmt;

use chrono::{DateTime, Utc};

use super::money::{Metadata, Mode, Money};

/// Whether the customer is there to authenticate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// The customer waits at a browser, and comes back to this address after the bank's page.
    OnSession {
        /// Where the customer comes back to.
        return_url: String,
    },
    /// The customer is away, and agreed to this before.
    OffSession,
}

/// A payment with a saved card, charged at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// What is to be paid.
    pub amount: Money,
    /// Who pays.
    pub customer: String,
    /// The saved card.
    pub card: String,
    /// Whether the customer is there.
    pub presence: Presence,
    /// What for, for the receipt.
    pub description: Option<String>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}

/// Another try at a payment, with the customer present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The card to charge.
    pub card: String,
    /// Where the customer comes back to after the bank's page.
    pub return_url: String,
}

/// Lets whoever has it finish one payment. Debug does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// Wraps the secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret, for the customer who pays and nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(***)")
    }
}

/// How the customer satisfies the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// The bank's page, if the payment was made with an address to come back to.
    pub url: Option<String>,
    /// What the provider's own script needs for the same.
    pub client_secret: ClientSecret,
}

/// Why the last attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentFailure {
    /// As the provider says, the bank's own reason if there is one: `insufficient_funds`.
    pub code: String,
    /// Whether the bank would accept it if the customer authenticated.
    pub authentication: bool,
    /// The card that was tried.
    pub card: Option<String>,
}

/// Where a payment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Nothing was tried, or the last attempt failed.
    RequiresCard,
    /// A card is chosen, and the attempt is still to be made.
    RequiresConfirmation,
    /// The customer must satisfy the bank.
    RequiresAction(Authentication),
    /// The bank has not answered yet.
    Processing,
    /// The bank holds the money for us to take.
    RequiresCapture,
    /// Given up.
    Canceled,
    /// Paid.
    Succeeded,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// `pi_…`
    pub id: String,
    /// Whether the money is real.
    pub mode: Mode,
    /// Where it stands.
    pub status: PaymentStatus,
    /// What is to be paid.
    pub amount: Money,
    /// What was paid, in minor units.
    pub received_minor: i64,
    /// Who pays.
    pub customer: Option<String>,
    /// The card that pays.
    pub card: Option<String>,
    /// Why the last attempt failed.
    pub failure: Option<PaymentFailure>,
    /// The charge of the last attempt.
    pub charge: Option<String>,
    /// The receipt of that charge, in answers about one payment only: neither lists nor events have it.
    pub receipt_url: Option<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}

/// What one attempt at a payment came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// `ch_…`
    pub id: String,
    /// Whether the money is real.
    pub mode: Mode,
    /// Whether the bank paid.
    pub paid: bool,
    /// What was to be paid.
    pub amount: Money,
    /// What was given back of it, in minor units.
    pub refunded_minor: i64,
    /// Whether the cardholder disputed it.
    pub disputed: bool,
    /// The payment.
    pub payment: Option<String>,
    /// Who paid.
    pub customer: Option<String>,
    /// Why the bank refused.
    pub failure_code: Option<String>,
    /// The receipt.
    pub receipt_url: Option<String>,
    /// What moved the platform's balance.
    pub balance_entry: Option<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The exchange's own notes on the payment.
    pub metadata: Metadata,
}
