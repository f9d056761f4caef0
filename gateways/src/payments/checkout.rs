//! Pages of the provider at which a customer pays.

use chrono::{DateTime, Utc};

use super::money::{Metadata, Mode, Money};

/// A checkout to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckout {
    /// What is to be paid.
    pub amount: Money,
    /// What for, in the customer's language.
    pub description: String,
    /// Who pays.
    pub customer: String,
    /// Where a customer who paid is sent; `{CHECKOUT_SESSION_ID}` in it becomes the checkout's id.
    pub success_url: String,
    /// Where a customer who turns back is sent.
    pub cancel_url: String,
    /// The exchange's own id of the payment, at most 200 characters.
    pub reference: String,
    /// Whether the card is saved for payments while the customer is away.
    pub save_card: bool,
    /// When it can no longer be paid: from 30 minutes to 24 hours after its creation, a day if none.
    pub expires_at: Option<DateTime<Utc>>,
    /// The page's language as a tag that the provider knows, the browser's if none.
    pub locale: Option<String>,
    /// The exchange's own notes, on the checkout and on its payment.
    pub metadata: Metadata,
}

/// Where a checkout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutStatus {
    /// The customer may still pay.
    Open,
    /// The customer is through, but the money may still be on its way: see `paid`.
    Complete,
    /// It can no longer be paid.
    Expired,
}

/// A checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// `cs_…`
    pub id: String,
    /// Whether the money is real.
    pub mode: Mode,
    /// Where it stands.
    pub status: CheckoutStatus,
    /// Whether the money is there.
    pub paid: bool,
    /// Where the customer pays, while it is open.
    pub url: Option<String>,
    /// What is to be paid.
    pub amount: Money,
    /// The payment, once the customer tried to pay.
    pub payment: Option<String>,
    /// Who pays.
    pub customer: Option<String>,
    /// The exchange's own id of the payment.
    pub reference: Option<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it can no longer be paid.
    pub expires_at: DateTime<Utc>,
    /// The exchange's own notes.
    pub metadata: Metadata,
}
