//! Connected accounts: whoever is paid out.

use std::fmt;

use chrono::{DateTime, Utc};

use super::money::Metadata;

/// An account to make; the provider onboards its owner. Debug does not show the address.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The ISO 3166 code of two letters, in upper case.
    pub country: String,
    /// Where the provider writes to.
    pub email: Option<String>,
    /// The organization of the exchange, noted as the metadata `organization`.
    pub organization: String,
    /// The exchange's other notes.
    pub metadata: Metadata,
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount")
            .field("country", &self.country)
            .field("organization", &self.organization)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

/// Whether an account may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// It may.
    Active,
    /// It may not until requirements are fulfilled.
    Inactive,
    /// The provider still checks.
    Pending,
    /// It was not asked for.
    NotRequested,
}

/// What the provider asks of an account. The names are the provider's, such as `individual.verification.document`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Needed by the deadline.
    pub currently_due: Vec<String>,
    /// Not given by the deadline, so that something is disabled.
    pub past_due: Vec<String>,
    /// Needed in the end.
    pub eventually_due: Vec<String>,
    /// Given, and still checked.
    pub pending_verification: Vec<String>,
    /// The deadline.
    pub deadline: Option<DateTime<Utc>>,
    /// Why the account is disabled: `requirements.past_due`.
    pub disabled_reason: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `acct_…`
    pub id: String,
    /// The ISO 3166 code of two letters.
    pub country: Option<String>,
    /// The ISO 4217 code of what it is paid out in, in upper case.
    pub currency: Option<String>,
    /// Whether its owner went through the onboarding.
    pub details_submitted: bool,
    /// Whether it may take payments.
    pub charges_enabled: bool,
    /// Whether its balance is paid out.
    pub payouts_enabled: bool,
    /// Whether it may receive transfers.
    pub transfers: Capability,
    /// What is still required.
    pub requirements: Requirements,
    /// The organization of the exchange.
    pub organization: Option<String>,
    /// When it was made.
    pub created: Option<DateTime<Utc>>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}

/// A link to the onboarding to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccountLink {
    /// The account.
    pub account: String,
    /// Where a person is sent whose link was used or has expired; it should lead to a new one.
    pub refresh_url: String,
    /// Where a person is sent who went through or left it; it says nothing about what is still required.
    pub return_url: String,
}

/// A link to the onboarding: it lets whoever has it act for the account, so Debug does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountLink {
    /// The address.
    pub url: String,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for AccountLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
