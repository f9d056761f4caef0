//! The key that makes a repeated call do nothing twice.

use std::fmt;

/// Providers take at most this many characters.
const MAX_CHARS: usize = 255;

/// Names one intended effect. The caller stores it before the call and uses it again until the outcome is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// The text is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to 255 visible ASCII characters")]
pub struct KeyError;

impl IdempotencyKey {
    /// A key of 1 to 255 visible ASCII characters, such as `payout-` and an id. No personal data.
    ///
    /// # Errors
    /// [`KeyError`] for any other text.
    pub fn new(key: impl Into<String>) -> Result<Self, KeyError> {
        let key = key.into();
        if key.is_empty() || key.len() > MAX_CHARS || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError);
        }
        Ok(Self(key))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_visible() {
        assert_eq!(IdempotencyKey::new("payout-1").map(|key| key.as_str().to_owned()), Ok("payout-1".to_owned()));
        assert!(IdempotencyKey::new("k".repeat(255)).is_ok());
        for bad in ["", "a b", "ä", "a\n", &"k".repeat(256)] {
            assert_eq!(IdempotencyKey::new(bad), Err(KeyError), "{bad:?}");
        }
    }
}
