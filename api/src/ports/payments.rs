//! The payment provider: Stripe, or whatever speaks as it does at another address.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gateways::payments::{PaymentGateway, WebhookVerifier};
use gateways_stripe::{Settings, StripeGateway, StripeWebhooks};

use crate::config::{ConfigError, Stripe};

/// The payment provider with this exchange's credentials.
#[derive(Clone)]
pub struct Payments {
    /// What it is asked through.
    pub gateway: Arc<dyn PaymentGateway>,
    /// What knows its messages.
    pub webhooks: Arc<dyn WebhookVerifier>,
}

impl fmt::Debug for Payments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payments({})", self.gateway.mode())
    }
}

/// The provider of these settings, if there is a key.
pub fn payments(settings: &Stripe) -> Result<Option<Payments>, ConfigError> {
    if !settings.is_configured() {
        return Ok(None);
    }
    let unusable = |error| ConfigError(vec![format!("stripe: {error}")]);
    let mut stripe = Settings::new(settings.secret_key.clone());
    stripe.timeout = Duration::from_secs(settings.timeout_secs);
    if !settings.api_url.is_empty() {
        stripe.base_url.clone_from(&settings.api_url);
    }
    let gateway = Arc::new(StripeGateway::new(&stripe).map_err(unusable)?);
    let webhooks = Arc::new(StripeWebhooks::new(settings.webhook_secrets.clone()).map_err(unusable)?);
    Ok(Some(Payments { gateway, webhooks }))
}
