//! Customers and their saved cards.

use std::fmt;

use chrono::{DateTime, Utc};

use super::money::{Metadata, Mode};

/// A customer to make. Debug shows neither name nor address.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewCustomer {
    /// Where receipts go.
    pub email: Option<String>,
    /// The name on receipts.
    pub name: Option<String>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}

impl fmt::Debug for NewCustomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCustomer").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// Whether the money is real.
    pub mode: Mode,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}

/// A saved card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// `pm_…`
    pub id: String,
    /// `visa`, `mastercard`, …
    pub brand: String,
    /// The last four digits.
    pub last_four: String,
    /// The month of expiry, from 1.
    pub expiry_month: u8,
    /// The year of expiry.
    pub expiry_year: u16,
    /// Whose it is, none once it is detached.
    pub customer: Option<String>,
    /// When it was saved.
    pub created: DateTime<Utc>,
}
