//! Disputes: a cardholder's bank takes a payment back.

use std::fmt;

use chrono::{DateTime, Utc};

use super::balance::BalanceEntry;
use super::money::{Metadata, Mode, Money};

/// Where a dispute stands. A warning only inquires and moves no money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisputeStatus {
    /// An inquiry that waits for evidence.
    WarningNeedsResponse,
    /// An inquiry of which the bank reads the evidence.
    WarningUnderReview,
    /// An inquiry that came to nothing.
    WarningClosed,
    /// It waits for evidence.
    NeedsResponse,
    /// The bank reads the evidence.
    UnderReview,
    /// The money is back.
    Won,
    /// The money is gone.
    Lost,
    /// The provider's own rules settled it before it became one.
    Prevented,
    /// A status that was not known when this was written.
    Other(String),
}

impl DisputeStatus {
    /// Whether the bank only inquires, or did.
    #[must_use]
    pub const fn is_inquiry(&self) -> bool {
        matches!(self, Self::WarningNeedsResponse | Self::WarningUnderReview | Self::WarningClosed)
    }
}

/// A dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// `du_…`
    pub id: String,
    /// Whether the money is real.
    pub mode: Mode,
    /// Where it stands.
    pub status: DisputeStatus,
    /// What is disputed.
    pub amount: Money,
    /// The charge that is disputed.
    pub charge: String,
    /// Its payment.
    pub payment: Option<String>,
    /// The cardholder's reason: `fraudulent`, `product_not_received`.
    pub reason: String,
    /// Until when evidence is taken.
    pub evidence_due: Option<DateTime<Utc>>,
    /// Whether that moment is past.
    pub past_due: bool,
    /// How often evidence was sent to the bank.
    pub submissions: u64,
    /// What it moved on the platform's balance: the withdrawal with its fee, and the return if it was won.
    pub entries: Vec<BalanceEntry>,
    /// When it was opened.
    pub created: DateTime<Utc>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}

/// Evidence in words, 150,000 characters in all. Debug says only which fields are there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What the customer did on the exchange, with times and addresses.
    pub access_activity_log: Option<String>,
    /// The customer's billing address.
    pub billing_address: Option<String>,
    /// Where and how the customer was shown what can be cancelled.
    pub cancellation_policy_disclosure: Option<String>,
    /// Why nothing was cancelled.
    pub cancellation_rebuttal: Option<String>,
    /// The customer's e-mail address.
    pub customer_email: Option<String>,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// The internet address from which it was bought.
    pub customer_ip: Option<String>,
    /// Why two charges are not the same.
    pub duplicate_charge_explanation: Option<String>,
    /// The other charge.
    pub duplicate_charge: Option<String>,
    /// What was sold.
    pub product_description: Option<String>,
    /// Where and how the customer was shown what is refunded.
    pub refund_policy_disclosure: Option<String>,
    /// Why nothing is refunded.
    pub refund_refusal_explanation: Option<String>,
    /// When it was delivered.
    pub service_date: Option<String>,
    /// Anything else.
    pub uncategorized: Option<String>,
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.fields().into_iter().filter(|(_, text)| text.is_some()).map(|(name, _)| name);
        f.debug_set().entries(given).finish()
    }
}

impl Evidence {
    /// How many characters it has in all.
    #[must_use]
    pub fn chars(&self) -> usize {
        self.fields().into_iter().filter_map(|(_, text)| text).map(|text| text.chars().count()).fold(0, usize::saturating_add)
    }

    fn fields(&self) -> [(&'static str, Option<&str>); 14] {
        [
            ("access_activity_log", self.access_activity_log.as_deref()),
            ("billing_address", self.billing_address.as_deref()),
            ("cancellation_policy_disclosure", self.cancellation_policy_disclosure.as_deref()),
            ("cancellation_rebuttal", self.cancellation_rebuttal.as_deref()),
            ("customer_email", self.customer_email.as_deref()),
            ("customer_name", self.customer_name.as_deref()),
            ("customer_ip", self.customer_ip.as_deref()),
            ("duplicate_charge_explanation", self.duplicate_charge_explanation.as_deref()),
            ("duplicate_charge", self.duplicate_charge.as_deref()),
            ("product_description", self.product_description.as_deref()),
            ("refund_policy_disclosure", self.refund_policy_disclosure.as_deref()),
            ("refund_refusal_explanation", self.refund_refusal_explanation.as_deref()),
            ("service_date", self.service_date.as_deref()),
            ("uncategorized", self.uncategorized.as_deref()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_names_the_fields_and_shows_nothing_of_them() {
        let evidence =
            Evidence { customer_name: Some("Ada".to_owned()), service_date: Some("May".to_owned()), ..Evidence::default() };
        assert_eq!(format!("{evidence:?}"), r#"{"customer_name", "service_date"}"#);
        assert_eq!(evidence.chars(), 6);
    }
}
