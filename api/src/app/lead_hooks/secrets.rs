//! What signs a hook's messages and asks its network for leads: sealed, and shown to nobody again.

use domain::id::LeadHookId;
use domain::lead_hook::LeadHookKind;
use domain::refusal::{Code, Refusal};
use domain::text::has_control_character;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::lead_hooks::SealedHookSecret;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::app::{App, AppError};
use crate::crypto::{Binding, Sealed};

const PURPOSE: &str = "lead_hook.secret";
/// The longest secret, in characters.
const SECRET_MAX: usize = 500;

/// Secrets that a hook is given; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct LeadHookSecrets {
    /// Signs the messages of forms and of TikTok; an empty one ends that.
    pub signing_secret: Option<SecretString>,
    /// What a hook of Meta needs.
    pub meta: Option<MetaSecrets>,
}

/// What a hook of Meta needs; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct MetaSecrets {
    /// The app's secret, which signs messages.
    pub app_secret: Option<SecretString>,
    /// What Meta sends when it tries the address.
    pub verify_token: Option<SecretString>,
    /// What leads are read with.
    pub page_token: Option<SecretString>,
}

/// The secrets of a hook. There is no way to print them.
#[derive(Clone, Default, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct HookSecrets {
    pub(super) signing: Option<String>,
    pub(super) verify: Option<String>,
    pub(super) page: Option<String>,
}

impl std::fmt::Debug for HookSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookSecrets(..)")
    }
}

impl HookSecrets {
    /// What messages are signed with.
    #[must_use]
    pub fn signing(&self) -> Option<&[u8]> {
        self.signing.as_deref().map(str::as_bytes)
    }

    /// These with those that are given in their place, as a hook of `kind` needs them.
    pub(super) fn with(mut self, kind: LeadHookKind, given: &LeadHookSecrets) -> Result<Self, Vec<Refusal>> {
        let mut refused = Vec::new();
        if let Some(secret) = &given.signing_secret {
            if kind == LeadHookKind::Meta {
                refused.push(Refusal::invalid("signingSecret", "Meta signs with the app's secret: give `meta.appSecret`"));
            } else if !kind.signs() {
                refused.push(Refusal::invalid("signingSecret", "who sends to hooks of this kind does not sign"));
            } else if secret.expose_secret().is_empty() {
                self.signing = None;
            } else {
                put(&mut self.signing, Some(secret), &mut refused, &["signingSecret"]);
            }
        }
        if let Some(meta) = &given.meta {
            if kind == LeadHookKind::Meta {
                put(&mut self.signing, meta.app_secret.as_ref(), &mut refused, &["meta", "appSecret"]);
                put(&mut self.verify, meta.verify_token.as_ref(), &mut refused, &["meta", "verifyToken"]);
                put(&mut self.page, meta.page_token.as_ref(), &mut refused, &["meta", "pageToken"]);
            } else {
                refused.push(Refusal::invalid("meta", "for hooks of the kind META only"));
            }
        }
        if kind == LeadHookKind::Meta && refused.is_empty() {
            let needed = [(&self.signing, "appSecret"), (&self.verify, "verifyToken"), (&self.page, "pageToken")];
            let missing = needed.into_iter().filter(|(secret, _)| secret.is_none());
            refused.extend(missing.map(|(_, name)| Refusal::required(name).at("meta")));
        }
        if refused.is_empty() { Ok(self) } else { Err(refused) }
    }

    /// Sealed for the hook.
    pub(super) fn seal(&self, app: &App, hook: LeadHookId) -> Result<SealedHookSecret, AppError> {
        let plain = Zeroizing::new(serde_json::to_vec(self).map_err(AppError::internal)?);
        let Sealed { key_id, wrapped_key, ciphertext } =
            app.keys.seal(app.entropy.as_ref(), binding(hook.0), &plain).map_err(AppError::internal)?;
        Ok(SealedHookSecret { hook, key_id, wrapped_key, ciphertext })
    }

    /// Those that were sealed for a hook; none when it has none.
    pub(super) fn open(app: &App, sealed: Option<SealedHookSecret>) -> Result<Self, AppError> {
        let Some(SealedHookSecret { hook, key_id, wrapped_key, ciphertext }) = sealed else { return Ok(Self::default()) };
        let sealed = Sealed { key_id, wrapped_key, ciphertext };
        let plain = app.keys.open(binding(hook.0), &sealed).map_err(AppError::internal)?;
        // The parser's own message would quote the secrets.
        serde_json::from_slice(&plain).map_err(|_| AppError::internal("the secrets of a hook are not of this version"))
    }
}

/// The secrets of a hook.
pub async fn hook_secrets(app: &App, hook: LeadHookId) -> Result<HookSecrets, AppError> {
    HookSecrets::open(app, app.store.lead_hook_secret(hook).await?)
}

/// What ties sealed secrets to their hook.
pub(in crate::app) fn binding(object: Uuid) -> Binding {
    Binding { purpose: PURPOSE, object }
}

fn put(place: &mut Option<String>, secret: Option<&SecretString>, refused: &mut Vec<Refusal>, path: &[&str]) {
    let Some(secret) = secret else { return };
    let text = secret.expose_secret();
    let trouble = if text.trim().is_empty() || has_control_character(text) {
        Some(Refusal::new(Code::Invalid, "printable text"))
    } else if text.chars().count() > SECRET_MAX {
        Some(Refusal::new(Code::TooLarge, format!("at most {SECRET_MAX} characters")))
    } else {
        None
    };
    match trouble {
        None => *place = Some(text.to_owned()),
        Some(trouble) => refused.push(path.iter().rev().fold(trouble, |trouble, segment| trouble.at(segment))),
    }
}
