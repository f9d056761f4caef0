//! Secrets and signatures, as Standard Webhooks has them (https://www.standardwebhooks.com).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::id::WebhookEndpointId;
use domain::time::Timestamp;
use secrecy::SecretString;
use standardwebhooks::Webhook;
use store::webhooks::SealedSecret;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::app::{App, AppError};
use crate::crypto::{Binding, Sealed};

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The length of a secret: as much as the hash behind the signature keeps.
const SECRET_BYTES: usize = 32;

/// What signs for an endpoint: its secret, and the one before while that still stands.
pub(super) struct Signer {
    /// The version of the endpoint that this was made of.
    pub(super) version: i64,
    keys: Vec<(Webhook, Option<Timestamp>)>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.version)
    }
}

/// What ties a sealed secret to its row.
#[must_use]
pub fn secret_binding(object: Uuid) -> Binding {
    Binding { purpose: "webhook.secret", object }
}

/// A new secret for an endpoint: sealed, and as it is shown once.
pub(super) fn secret_make(app: &App, endpoint: WebhookEndpointId) -> Result<(SealedSecret, SecretString), AppError> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    app.entropy.fill(bytes.as_mut());
    let id = app.store.id();
    let sealed = app.keys.seal(app.entropy.as_ref(), secret_binding(Uuid::from(id)), bytes.as_ref());
    let Sealed { key_id, wrapped_key, ciphertext } = sealed.map_err(AppError::internal)?;
    let secret = SealedSecret { id, endpoint, key_id, wrapped_key, ciphertext, created_at: app.now(), ends_at: None };
    Ok((secret, SecretString::from(format!("{PREFIX}{}", STANDARD.encode(bytes.as_ref())))))
}

impl Signer {
    /// Of the secrets of one endpoint.
    pub(super) fn new<'a>(app: &App, version: i64, secrets: impl Iterator<Item = &'a SealedSecret>) -> Result<Self, AppError> {
        let key = |secret: &SealedSecret| {
            let sealed = Sealed {
                key_id: secret.key_id.clone(),
                wrapped_key: secret.wrapped_key.clone(),
                ciphertext: secret.ciphertext.clone(),
            };
            let bytes = app.keys.open(secret_binding(Uuid::from(secret.id)), &sealed).map_err(AppError::internal)?;
            let webhook = Webhook::from_bytes(bytes.to_vec()).map_err(AppError::internal)?;
            Ok::<_, AppError>((webhook, secret.ends_at))
        };
        Ok(Self { version, keys: secrets.map(key).collect::<Result<_, _>>()? })
    }

    /// The signatures of a message that is sent at `now`, with blanks between.
    pub(super) fn sign(&self, id: &str, now: Timestamp, body: &[u8]) -> Result<String, AppError> {
        let standing = self.keys.iter().filter(|(_, ends_at)| ends_at.is_none_or(|ends_at| now < ends_at));
        let signed = standing.map(|(key, _)| key.sign(id, now.timestamp(), body).map_err(AppError::internal));
        Ok(signed.collect::<Result<Vec<_>, _>>()?.join(" "))
    }
}
