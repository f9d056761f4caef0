//! The platform's balance, and what moves it.

use chrono::{DateTime, Utc};

use super::money::{Mode, Money};

/// The platform's balance, one amount per currency; below zero after disputes or refunds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Whether the money is real.
    pub mode: Mode,
    /// What can be transferred.
    pub available: Vec<Money>,
    /// What will be available.
    pub pending: Vec<Money>,
}

/// One movement of the platform's balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceEntry {
    /// `txn_…`
    pub id: String,
    /// What it is, as the provider says: `charge`, `refund`, `transfer`, `transfer_refund`, `adjustment`.
    pub kind: String,
    /// The same for reports: `dispute` and `dispute_reversal` tell adjustments apart.
    pub category: String,
    /// What moved before the fee; below zero when it left.
    pub amount: Money,
    /// The fee, in minor units.
    pub fee_minor: i64,
    /// What moved, in minor units; below zero when it left.
    pub net_minor: i64,
    /// The object that moved it.
    pub source: Option<String>,
    /// When it can be transferred.
    pub available_on: DateTime<Utc>,
    /// When it was made.
    pub created: DateTime<Utc>,
}
