//! Webhook calls: signed by Stripe, not long ago, and understood.

use std::fmt;

use chrono::{DateTime, Utc};
use gateways::payments::{GatewayEvent, WebhookError, WebhookVerifier};
use secrecy::{ExposeSecret, SecretString};
use stripe_webhook::{Webhook, WebhookError as Refusal};

use crate::event;
use crate::settings::SettingsError;

/// How Stripe's signing secrets begin.
const PREFIX: &str = "whsec_";

/// Verifies webhook calls by any of several secrets: those of several endpoints, or the old and the new one during a rotation.
#[derive(Clone)]
pub struct StripeWebhooks {
    secrets: Vec<SecretString>,
}

impl StripeWebhooks {
    /// With the signing secrets of the endpoints.
    ///
    /// # Errors
    /// [`SettingsError::WebhookSecret`] if there is none, or one that is none.
    pub fn new(secrets: Vec<SecretString>) -> Result<Self, SettingsError> {
        let is_secret = |secret: &SecretString| secret.expose_secret().strip_prefix(PREFIX).is_some_and(|rest| !rest.is_empty());
        if secrets.is_empty() || !secrets.iter().all(is_secret) {
            return Err(SettingsError::WebhookSecret);
        }
        Ok(Self { secrets })
    }

    /// Whether a secret signed the call, within five minutes of now.
    fn authenticate(&self, body: &str, signature: &str, now: i64) -> Result<(), WebhookError> {
        for secret in &self.secrets {
            match Webhook::construct_event_with_timestamp(body, signature, secret.expose_secret(), now) {
                // The library reads the event only once the signature is right, and reads types too that are of no use here.
                Ok(_) | Err(Refusal::BadParse(_)) => return Ok(()),
                Err(Refusal::BadTimestamp(_)) => return Err(WebhookError::TooOld),
                Err(Refusal::BadHeader(_)) => return Err(WebhookError::Malformed("the signature's time".to_owned())),
                Err(Refusal::BadSignature | Refusal::BadKey) => {}
            }
        }
        Err(WebhookError::BadSignature)
    }
}

impl fmt::Debug for StripeWebhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeWebhooks").field("secrets", &self.secrets.len()).finish()
    }
}

impl WebhookVerifier for StripeWebhooks {
    fn verify(&self, body: &[u8], signature: &str, now: DateTime<Utc>) -> Result<GatewayEvent, WebhookError> {
        let body = std::str::from_utf8(body).map_err(|_| WebhookError::Malformed("no UTF-8".to_owned()))?;
        self.authenticate(body, signature, now.timestamp())?;
        let event: stripe_shared::Event =
            miniserde::json::from_str(body).map_err(|_| WebhookError::Malformed("no event".to_owned()))?;
        let event_type = event.type_.as_str().to_owned();
        event::read(event).ok_or_else(|| WebhookError::Malformed(format!("the object of {event_type}")))
    }
}
