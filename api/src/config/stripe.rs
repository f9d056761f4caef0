//! The payment provider as settings.

use domain::money::MAX_INPUT_MINOR;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Problems;

const DAY_SECS: i64 = 86_400;

/// `[stripe]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stripe {
    /// The secret key; empty: no payments but those that operators record.
    pub secret_key: SecretString,
    /// What webhook calls are signed with; several while one is replaced by another.
    pub webhook_secrets: Vec<SecretString>,
    /// Where the provider's API is; empty: Stripe's own.
    pub api_url: String,
    /// How long one attempt at a call may take, in seconds.
    pub timeout_secs: u64,
    /// Where people come back to from the provider's pages; empty: a page of the exchange.
    pub return_url: String,
    /// The smallest top-up, in minor units of its currency.
    pub top_up_min_minor: i64,
    /// The largest top-up, in minor units of its currency.
    pub top_up_max_minor: i64,
    /// How often the provider is asked about what is open, in seconds.
    pub poll_secs: i64,
    /// How long a withdrawal waits for the platform's balance before it returns to the wallet, in seconds.
    pub withdrawal_wait_secs: i64,
    /// How long an organization has to pay what a chargeback left it owing, in seconds.
    pub debt_secs: i64,
    /// How often the books are compared with the provider's, in seconds.
    pub reconcile_secs: i64,
    /// How long the provider's messages are kept, in seconds.
    pub events_keep_secs: i64,
}

impl Stripe {
    /// Whether there is a key.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.secret_key.expose_secret().is_empty()
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("stripe.timeout_secs", self.timeout_secs, 1, 120);
        problems.within("stripe.top_up_min_minor", self.top_up_min_minor, 1, MAX_INPUT_MINOR);
        problems.within("stripe.top_up_max_minor", self.top_up_max_minor, self.top_up_min_minor, MAX_INPUT_MINOR);
        problems.within("stripe.poll_secs", self.poll_secs, 10, DAY_SECS);
        problems.within("stripe.withdrawal_wait_secs", self.withdrawal_wait_secs, 60, 90 * DAY_SECS);
        problems.within("stripe.debt_secs", self.debt_secs, 60, 366 * DAY_SECS);
        problems.within("stripe.reconcile_secs", self.reconcile_secs, 60, 30 * DAY_SECS);
        problems.within("stripe.events_keep_secs", self.events_keep_secs, 3_600, 3_660 * DAY_SECS);
        if self.is_configured() && self.webhook_secrets.is_empty() {
            problems.add("stripe.webhook_secrets", "is needed with a key: the provider tells of payments by webhook");
        }
    }
}
