//! Text of which parts are secret or personal, and the secrets themselves.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

/// What stands in the place of a secret.
pub const MASK: &str = "***";

#[derive(Clone)]
enum Piece {
    Clear(String),
    Personal(String),
    Secret(SecretString),
}

/// Text that knows which of its parts nobody may see: `Debug` hides secrets and personal data, [`Guarded::shown`] hides secrets.
#[derive(Clone, Default)]
pub struct Guarded(Vec<Piece>);

impl Guarded {
    /// Text without anything to hide.
    #[must_use]
    pub fn clear(text: impl Into<String>) -> Self {
        Self(vec![Piece::Clear(text.into())])
    }

    /// Text that is one secret.
    #[must_use]
    pub fn secret(secret: SecretString) -> Self {
        Self(vec![Piece::Secret(secret)])
    }

    /// Adds text without anything to hide.
    #[must_use]
    pub fn then(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Clear(text.into()));
        self
    }

    /// Adds text about a person.
    #[must_use]
    pub fn then_personal(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Personal(text.into()));
        self
    }

    /// Adds a secret.
    #[must_use]
    pub fn then_secret(mut self, secret: SecretString) -> Self {
        self.0.push(Piece::Secret(secret));
        self
    }

    /// The true text, for the wire only.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Clear(text) | Piece::Personal(text) => text.as_str(),
                Piece::Secret(secret) => secret.expose_secret(),
            })
            .collect()
    }

    /// The text with its secrets masked, for the owner of the lead.
    #[must_use]
    pub fn shown(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Clear(text) | Piece::Personal(text) => text.as_str(),
                Piece::Secret(_) => MASK,
            })
            .collect()
    }
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for piece in &self.0 {
            f.write_str(match piece {
                Piece::Clear(text) => text,
                Piece::Personal(_) | Piece::Secret(_) => MASK,
            })?;
        }
        Ok(())
    }
}

/// The secrets of a destination by name, kept apart from its settings so that only they need sealing.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(transparent)]
pub struct Secrets(BTreeMap<String, SecretString>);

impl Secrets {
    /// No secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        self.0.insert(name.into(), SecretString::from(secret.into()));
        self
    }

    /// The secret under `name`, if it is there and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name).filter(|secret| !secret.expose_secret().is_empty())
    }

    /// The names, which are no secret.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// One JSON object with everything in clear, to be sealed at once; [`Secrets::from_sealed_form`] reads it back.
    #[must_use]
    pub fn sealed_form(&self) -> SecretString {
        let all: serde_json::Map<_, _> = self.0.iter().map(|(k, v)| (k.clone(), v.expose_secret().into())).collect();
        SecretString::from(serde_json::Value::Object(all).to_string())
    }

    /// Reads what [`Secrets::sealed_form`] wrote.
    ///
    /// # Errors
    /// If it is not a JSON object of strings; the error holds no part of it.
    pub fn from_sealed_form(form: &SecretString) -> Result<Self, NotSecrets> {
        serde_json::from_str(form.expose_secret()).map_err(|_| NotSecrets)
    }

    /// Masks every secret that stands in `text` as it is, for answers that repeat what they were sent.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.0.values().map(ExposeSecret::expose_secret).filter(|s| s.len() >= 4).fold(text.to_owned(), |t, s| t.replace(s, MASK))
    }
}

/// The unsealed text was not a JSON object of strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the unsealed secrets are not an object of texts")]
pub struct NotSecrets;
