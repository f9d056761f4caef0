//! What an operator sets.

use std::fmt;
use std::time::Duration;

use gateways::payments::Mode;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Where Stripe's API is.
const STRIPE: &str = "https://api.stripe.com/";
/// Stripe answers within 80 seconds or never; most answers take less than two.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);
const DEFAULT_ATTEMPTS: u32 = 3;
const DEFAULT_FIRST_PAUSE: Duration = Duration::from_millis(500);
/// More would keep a caller waiting for minutes.
const MAX_ATTEMPTS: u32 = 10;
/// The beginnings of keys, and what they decide. Keys that begin with `rk_` may do only some things.
const KEYS: [(&str, Mode); 4] =
    [("sk_test_", Mode::Test), ("rk_test_", Mode::Test), ("sk_live_", Mode::Live), ("rk_live_", Mode::Live)];

/// How the gateway reaches Stripe. Debug does not show the key.
#[derive(Clone)]
pub struct Settings {
    /// `sk_test_…` or `sk_live_…`, or a restricted key.
    pub secret_key: SecretString,
    /// Where the API is.
    pub base_url: String,
    /// How long one attempt may take, from connecting to the answer's last byte.
    pub timeout: Duration,
    /// How often a call is attempted in all, from 1 to 10.
    pub attempts: u32,
    /// How long the first pause between attempts is; each further one is twice as long, up to eight times.
    pub first_pause: Duration,
}

impl Settings {
    /// Stripe itself, with 20 seconds for each of 3 attempts.
    #[must_use]
    pub fn new(secret_key: SecretString) -> Self {
        Self {
            secret_key,
            base_url: STRIPE.to_owned(),
            timeout: DEFAULT_TIMEOUT,
            attempts: DEFAULT_ATTEMPTS,
            first_pause: DEFAULT_FIRST_PAUSE,
        }
    }

    /// Whether the key is for real money.
    ///
    /// # Errors
    /// [`SettingsError::Key`] if it is no secret key.
    pub fn mode(&self) -> Result<Mode, SettingsError> {
        let key = self.secret_key.expose_secret();
        let visible = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let known = KEYS.into_iter().find(|(prefix, _)| key.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()));
        known.filter(|_| visible).map(|(_, mode)| mode).ok_or(SettingsError::Key)
    }

    /// The base URL with a slash at its end, as the client needs it.
    pub(crate) fn base(&self) -> Result<String, SettingsError> {
        let mut url = Url::parse(&self.base_url).map_err(|_| SettingsError::BaseUrl)?;
        let secure = url.scheme() == "https" || (url.scheme() == "http" && self.mode()? == Mode::Test);
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if !secure || !plain || !url.has_host() {
            return Err(SettingsError::BaseUrl);
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(url.into())
    }

    pub(crate) fn checked_attempts(&self) -> Result<u32, SettingsError> {
        if (1..=MAX_ATTEMPTS).contains(&self.attempts) { Ok(self.attempts) } else { Err(SettingsError::Attempts) }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("base_url", &self.base_url)
            .field("timeout", &self.timeout)
            .field("attempts", &self.attempts)
            .field("first_pause", &self.first_pause)
            .finish_non_exhaustive()
    }
}

/// Why a gateway cannot be set up. It holds nothing of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not a secret key.
    #[error("a secret key begins with sk_test_, sk_live_, rk_test_ or rk_live_")]
    Key,
    /// Not an address for this key.
    #[error("the base URL must be https with a host and nothing behind the path; a test key may use http")]
    BaseUrl,
    /// Too few or too many attempts.
    #[error("a call is attempted from 1 to 10 times")]
    Attempts,
    /// No webhook secret, or one that is none.
    #[error("webhook secrets begin with whsec_, and there must be one")]
    WebhookSecret,
    /// Something else that the client does not take.
    #[error("the client cannot be set up")]
    Client,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(key: &str, base_url: &str) -> Settings {
        Settings { base_url: base_url.to_owned(), ..Settings::new(key.to_owned().into()) }
    }

    #[test]
    fn the_key_decides_about_the_mode() {
        for (key, mode) in [
            ("sk_test_x", Ok(Mode::Test)),
            ("rk_test_x", Ok(Mode::Test)),
            ("sk_live_x", Ok(Mode::Live)),
            ("rk_live_x", Ok(Mode::Live)),
            ("pk_test_x", Err(SettingsError::Key)),
            ("sk_test_", Err(SettingsError::Key)),
            ("sk_test_x\n", Err(SettingsError::Key)),
            ("", Err(SettingsError::Key)),
        ] {
            assert_eq!(settings(key, STRIPE).mode(), mode, "{key:?}");
        }
    }

    #[test]
    fn only_a_test_key_leaves_without_encryption() {
        assert_eq!(settings("sk_test_x", "http://127.0.0.1:9").base(), Ok("http://127.0.0.1:9/".to_owned()));
        assert_eq!(settings("sk_live_x", "https://example.com/stripe").base(), Ok("https://example.com/stripe/".to_owned()));
        for (key, url) in [
            ("sk_live_x", "http://127.0.0.1:9"),
            ("sk_test_x", "ftp://127.0.0.1/"),
            ("sk_test_x", "https://user@example.com/"),
            ("sk_test_x", "https://example.com/?a=b"),
            ("sk_test_x", "example.com"),
        ] {
            assert_eq!(settings(key, url).base(), Err(SettingsError::BaseUrl), "{key} {url}");
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let shown = format!("{:?}", settings("sk_test_hidden", STRIPE));
        assert!(!shown.contains("hidden"), "{shown}");
    }
}
