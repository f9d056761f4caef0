//! Refunds to the card that paid.

use chrono::{DateTime, Utc};

use super::money::{Metadata, Money};

/// A refund to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefund {
    /// The payment that is refunded.
    pub payment: String,
    /// How much of it.
    pub amount: Money,
    /// The exchange's own notes.
    pub metadata: Metadata,
}

/// Where a refund stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundStatus {
    /// On its way, or waiting for the platform's balance.
    Pending,
    /// The customer must say where to.
    RequiresAction,
    /// Given to the card's bank. It may still fail later.
    Succeeded,
    /// The money is in the platform's balance again.
    Failed,
    /// Given up; the money is in the platform's balance again.
    Canceled,
    /// A status that was not known when this was written.
    Other(String),
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// `re_…`
    pub id: String,
    /// Where it stands.
    pub status: RefundStatus,
    /// How much.
    pub amount: Money,
    /// The payment that is refunded.
    pub payment: Option<String>,
    /// The charge that is refunded.
    pub charge: Option<String>,
    /// Why it failed: `lost_or_stolen_card`.
    pub failure_reason: Option<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}
