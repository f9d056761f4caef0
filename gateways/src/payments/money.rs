//! Amounts, and whether they are real.

use std::collections::BTreeMap;
use std::fmt;

/// What the exchange notes on an object at the provider: at most 50 keys of 40 characters, with values of 500. No personal data.
pub type Metadata = BTreeMap<String, String>;

/// Whether the money is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Play money.
    Test,
    /// Real money.
    Live,
}

impl Mode {
    /// `test` or `live`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Money {
    /// Whole minor units as ISO 4217 counts them; below zero only where a field says so.
    pub minor: i64,
    /// The ISO 4217 code in upper case.
    pub currency: String,
}

impl Money {
    /// An amount of a currency.
    pub fn new(minor: i64, currency: impl Into<String>) -> Self {
        Self { minor, currency: currency.into() }
    }
}
