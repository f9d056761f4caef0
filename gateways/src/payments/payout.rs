//! Payouts of an account's balance to its bank.

use chrono::{DateTime, Utc};

use super::money::{Metadata, Mode, Money};

/// Where a payout stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutStatus {
    /// Not yet with the bank.
    Pending,
    /// With the bank.
    InTransit,
    /// At the bank. It may still fail for some days.
    Paid,
    /// The bank sent it back: the money is in the account's balance again.
    Failed,
    /// Given up: the money is in the account's balance again.
    Canceled,
    /// A status that was not known when this was written.
    Other(String),
}

/// A payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// `po_…`
    pub id: String,
    /// Whether the money is real.
    pub mode: Mode,
    /// Where it stands.
    pub status: PayoutStatus,
    /// How much.
    pub amount: Money,
    /// Whether the provider's schedule made it.
    pub automatic: bool,
    /// When the bank should have it.
    pub arrival: DateTime<Utc>,
    /// Why it failed: `account_closed`.
    pub failure_code: Option<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}
