//! The accounts of the ledger: a kind, an owner, a currency.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::{UnknownText, text_enum};
use crate::id::OrganizationId;
use crate::money::Currency;

/// Into how many rows the commission account of one currency is striped, so that concurrent releases do not queue on one row.
pub const FEE_STRIPES: i16 = 16;

text_enum! {
    /// What an account holds.
    AccountKind {
        /// What a buyer can spend, or a seller can withdraw.
        Available = "AVAILABLE",
        /// Locked by open bids.
        Reserved = "RESERVED",
        /// The seller's side of held trades.
        Escrow = "ESCROW",
        /// Withdrawals on their way.
        Payout = "PAYOUT",
        /// What an organization owes the exchange, as a negative balance.
        Receivable = "RECEIVABLE",
        /// Commission, striped.
        Fees = "FEES",
        /// Chargebacks and goodwill.
        Losses = "LOSSES",
        /// The world behind the card processor.
        ExternalStripe = "EXTERNAL_STRIPE",
        /// The world behind the bank.
        ExternalBank = "EXTERNAL_BANK",
    }
}

text_enum! {
    /// An account of an organization, of which there is a statement.
    WalletAccount {
        /// What can be spent or withdrawn.
        Available = "AVAILABLE",
        /// Locked by open bids.
        Reserved = "RESERVED",
        /// Held for own sales.
        Escrow = "ESCROW",
        /// Withdrawals on their way.
        Payout = "PAYOUT",
        /// What is owed to the exchange, as a negative balance.
        Receivable = "RECEIVABLE",
    }
}

impl From<WalletAccount> for AccountKind {
    fn from(account: WalletAccount) -> Self {
        match account {
            WalletAccount::Available => Self::Available,
            WalletAccount::Reserved => Self::Reserved,
            WalletAccount::Escrow => Self::Escrow,
            WalletAccount::Payout => Self::Payout,
            WalletAccount::Receivable => Self::Receivable,
        }
    }
}

impl AccountKind {
    /// The least balance, in minor units; `None` when the account may go negative without bound.
    #[must_use]
    pub const fn floor(self) -> Option<i64> {
        match self {
            Self::Available | Self::Reserved | Self::Escrow | Self::Payout | Self::Fees => Some(0),
            Self::Receivable | Self::Losses | Self::ExternalStripe | Self::ExternalBank => None,
        }
    }

    /// The greatest balance, in minor units; `None` when there is none.
    #[must_use]
    pub const fn ceiling(self) -> Option<i64> {
        match self {
            Self::Receivable => Some(0),
            _ => None,
        }
    }

    /// Whether an organization owns accounts of this kind; the exchange owns the others.
    #[must_use]
    pub const fn of_organization(self) -> bool {
        matches!(self, Self::Available | Self::Reserved | Self::Escrow | Self::Payout | Self::Receivable)
    }

    /// Whether the account stands for the world outside.
    #[must_use]
    pub const fn is_external(self) -> bool {
        matches!(self, Self::ExternalStripe | Self::ExternalBank)
    }
}

/// An account, by what it is: at most one row of the database has these four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// What it holds.
    pub kind: AccountKind,
    /// Whose it is; `None` for the exchange's own.
    pub organization: Option<OrganizationId>,
    /// In which currency.
    pub currency: Currency,
    /// Which stripe of a striped account, from 0; 0 for every other.
    pub stripe: i16,
}

impl Account {
    /// An organization's account.
    #[must_use]
    pub const fn of(organization: OrganizationId, kind: AccountKind, currency: Currency) -> Self {
        Self { kind, organization: Some(organization), currency, stripe: 0 }
    }

    /// One of the exchange's own accounts.
    #[must_use]
    pub const fn exchange(kind: AccountKind, currency: Currency) -> Self {
        Self { kind, organization: None, currency, stripe: 0 }
    }

    /// The stripe of the commission account that takes the commission of `subject`, always the same one, so that a later
    /// return finds it there.
    #[must_use]
    pub fn fees(subject: Uuid, currency: Currency) -> Self {
        let last = subject.as_bytes().last().copied().map_or(0, i16::from);
        let stripe = last.checked_rem(FEE_STRIPES).unwrap_or(0);
        Self { kind: AccountKind::Fees, organization: None, currency, stripe }
    }

    /// Whether kind, owner and stripe fit together.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let stripes = if self.kind == AccountKind::Fees { FEE_STRIPES } else { 1 };
        self.kind.of_organization() == self.organization.is_some() && (0..stripes).contains(&self.stripe)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.organization {
            Some(organization) => write!(f, "{organization}:{}:{}", self.kind.as_str(), self.currency),
            None => write!(f, "exchange:{}.{}:{}", self.kind.as_str(), self.stripe, self.currency),
        }
    }
}
