//! Transfers from the platform's balance to an account's, and back.

use chrono::{DateTime, Utc};

use super::money::{Metadata, Mode, Money};

/// A transfer to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransfer {
    /// How much.
    pub amount: Money,
    /// The account.
    pub account: String,
    /// What it belongs to, the same text on everything of one withdrawal.
    pub group: Option<String>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}

/// A transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// `tr_…`
    pub id: String,
    /// Whether the money is real.
    pub mode: Mode,
    /// How much.
    pub amount: Money,
    /// What was taken back of it, in minor units.
    pub reversed_minor: i64,
    /// The account.
    pub account: Option<String>,
    /// What it belongs to.
    pub group: Option<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}

/// A reversal to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReversal {
    /// The transfer.
    pub transfer: String,
    /// How much of it.
    pub amount: Money,
    /// The exchange's own notes.
    pub metadata: Metadata,
}

/// What was taken back of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferReversal {
    /// `trr_…`
    pub id: String,
    /// The transfer.
    pub transfer: String,
    /// How much.
    pub amount: Money,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}
