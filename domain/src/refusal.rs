//! A typed no: what the caller asked for breaks a rule. Every refusal has a code, a message that holds no personal data,
//! and the place in the input.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// What is wrong, for machines. One list for the whole exchange; each mutation names the subset that it can answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[doc = $doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in the API: `SCREAMING_SNAKE_CASE`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the code says, in one sentence.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*),)* }
            }
        }
    };
}

codes! {
    /// A value is not of the form asked for.
    Invalid = "INVALID";
    /// A required value is missing.
    Required = "REQUIRED";
    /// A text, list or number is longer or larger than allowed.
    TooLarge = "TOO_LARGE";
    /// Nothing with this id that the caller may see.
    NotFound = "NOT_FOUND";
    /// Nobody is logged in.
    Unauthenticated = "UNAUTHENTICATED";
    /// The caller's role or scope does not allow this.
    Forbidden = "FORBIDDEN";
    /// The record is no lead: nobody's name, no way to reach them, or nobody who asked.
    NotALead = "NOT_A_LEAD";
    /// The e-mail address and the password do not belong together, or belong to nobody.
    InvalidCredentials = "INVALID_CREDENTIALS";
    /// The token is unknown, used, revoked or expired.
    InvalidToken = "INVALID_TOKEN";
    /// The organization would be left without an owner.
    LastOwner = "LAST_OWNER";
    /// There are as many of these as the organization may have.
    LimitReached = "LIMIT_REACHED";
    /// The object is in a state that does not allow this.
    WrongState = "WRONG_STATE";
    /// Something with this name, address or key exists already.
    Taken = "TAKEN";
    /// The object changed between the caller's read and this write.
    Conflict = "CONFLICT";
    /// The same idempotency key came with another input.
    IdempotencyMismatch = "IDEMPOTENCY_MISMATCH";
    /// Too many attempts; later is fine.
    RateLimited = "RATE_LIMITED";
    /// The exchange is busy; ask again shortly.
    RetryLater = "RETRY_LATER";
    /// The wallet holds less than is needed.
    InsufficientFunds = "INSUFFICIENT_FUNDS";
    /// The wallet is frozen after a chargeback, until an operator has looked.
    WalletFrozen = "WALLET_FROZEN";
    /// No payment provider is set up: an operator records deposits and carries withdrawals out.
    PaymentsNotConfigured = "PAYMENTS_NOT_CONFIGURED";
    /// The payment provider cannot be reached, or does not answer in time; what was begun is finished behind the scenes.
    PaymentsUnavailable = "PAYMENTS_UNAVAILABLE";
    /// The payment provider still needs something of the organization before it may be paid.
    OnboardingIncomplete = "ONBOARDING_INCOMPLETE";
    /// Two currencies where one is needed.
    CurrencyMismatch = "CURRENCY_MISMATCH";
    /// Movements of money are stopped until an operator has looked at the ledger.
    MoneyStopped = "MONEY_STOPPED";
    /// The organization is suspended.
    Suspended = "SUSPENDED";
    /// The caller has not proved yet that its e-mail address is its own.
    EmailUnverified = "EMAIL_UNVERIFIED";
    /// The deadline or window has passed, or has not begun.
    OutsideWindow = "OUTSIDE_WINDOW";
    /// An organization does not buy its own lead.
    OwnLead = "OWN_LEAD";
    /// The buyer has bought this person already.
    DuplicateForBuyer = "DUPLICATE_FOR_BUYER";
    /// The lead is not verified.
    NotVerified = "NOT_VERIFIED";
    /// No copy of this kind is left.
    SoldOut = "SOLD_OUT";
    /// The present price is above the highest that the buyer agreed to.
    PriceMoved = "PRICE_MOVED";
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What is wrong, for machines.
    pub code: Code,
    /// What is wrong and what would be right, for people; never a personal datum, never the offending contact value.
    pub message: String,
    /// Where in the input: field names and list indexes, outermost first.
    pub path: Vec<String>,
}

impl Refusal {
    /// A refusal of the whole input.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), path: Vec::new() }
    }

    /// The same refusal, at `segment` of the input. Called from the inside out: the last call names the outermost field.
    #[must_use]
    pub fn at(mut self, segment: impl fmt::Display) -> Self {
        self.path.insert(0, segment.to_string());
        self
    }

    /// An [`Code::Invalid`] value at `field`.
    #[must_use]
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message).at(field)
    }

    /// A missing value at `field`.
    #[must_use]
    pub fn required(field: &str) -> Self {
        Self::new(Code::Required, format!("`{field}` is required")).at(field)
    }

    /// Nothing visible under the id at `field`.
    #[must_use]
    pub fn not_found(field: &str, noun: &str) -> Self {
        Self::new(Code::NotFound, format!("no {noun} with this id")).at(field)
    }

    /// The object is in a state that does not allow this.
    #[must_use]
    pub fn wrong_state(message: impl Into<String>) -> Self {
        Self::new(Code::WrongState, message)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, " (at {})", self.path.join(".")) }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Vec<Refusal> {
    fn from(refusal: Refusal) -> Self {
        vec![refusal]
    }
}
