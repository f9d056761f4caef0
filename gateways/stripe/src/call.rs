//! One call of Stripe's API: attempted again under the same key while its outcome is open, with bounded pauses.

use std::time::Duration;

use gateways::payments::{Answer, GatewayError, IdempotencyKey, Mode};
use miniserde::Deserialize;
use secrecy::ExposeSecret;
use stripe::{AccountId, Client, ClientBuilder, RequestStrategy, StripeRequest};

use crate::failure;
use crate::settings::{Settings, SettingsError};
use crate::value;

/// Each pause is twice the one before, up to this many times the first.
const MAX_PAUSE_FACTOR: u32 = 8;
/// Pauses are shortened by up to this many hundredths, so that callers who were refused together do not come back together.
const SPREAD: u32 = 50;

/// Calls Stripe with one secret key. Requests and answers are large, so each call is in a box of its own.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Client,
    mode: Mode,
    attempts: u32,
    first_pause: Duration,
}

impl Caller {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let (mode, base, attempts) = (settings.mode()?, settings.base()?, settings.checked_attempts()?);
        let client = ClientBuilder::new(settings.secret_key.expose_secret())
            .url(base)
            .timeout(settings.timeout)
            .request_strategy(RequestStrategy::Once)
            .app_info("clearlead", Some(env!("CARGO_PKG_VERSION").to_owned()), None)
            .build()
            .map_err(|_| SettingsError::Client)?;
        Ok(Self { client, mode, attempts, first_pause: settings.first_pause })
    }

    pub(crate) const fn mode(&self) -> Mode {
        self.mode
    }

    /// Reads something of the platform's.
    pub(crate) fn read<'a, R>(&'a self, request: R) -> Answer<'a, R::Output>
    where
        R: StripeRequest + Send + Sync + 'a,
        R::Output: Deserialize + Send,
    {
        Box::pin(async move { self.call(&request, &RequestStrategy::Once, None).await })
    }

    /// Reads something of a connected account's, or of the platform's.
    pub(crate) fn read_of<'a, R>(&'a self, account: Option<&'a str>, request: R) -> Answer<'a, R::Output>
    where
        R: StripeRequest + Send + Sync + 'a,
        R::Output: Deserialize + Send,
    {
        Box::pin(async move {
            let account = account.map(value::id).transpose()?.map(AccountId::from);
            self.call(&request, &RequestStrategy::Once, account.as_ref()).await
        })
    }

    /// Makes or changes something, once under this key.
    pub(crate) fn change<'a, R>(&'a self, key: &'a IdempotencyKey, request: R) -> Answer<'a, R::Output>
    where
        R: StripeRequest + Send + Sync + 'a,
        R::Output: Deserialize + Send,
    {
        Box::pin(async move {
            let key = stripe::IdempotencyKey::new(key.as_str())
                .map_err(|_| GatewayError::Refused { code: "idempotency_key".to_owned(), message: "no key".to_owned() })?;
            self.call(&request, &RequestStrategy::Idempotent(key), None).await
        })
    }

    async fn call<R>(
        &self,
        request: &R,
        strategy: &RequestStrategy,
        account: Option<&AccountId>,
    ) -> Result<R::Output, GatewayError>
    where
        R: StripeRequest + Send + Sync,
        R::Output: Deserialize + Send,
    {
        let mut attempt = 1;
        loop {
            let mut prepared = request.customize().request_strategy(strategy.clone());
            if let Some(account) = account {
                prepared = prepared.account_id(account.clone());
            }
            let failure = match prepared.send(&self.client).await {
                Ok(answer) => return Ok(answer),
                Err(error) => failure::read(&error, self.mode),
            };
            if attempt >= self.attempts || !is_worth_repeating(&failure) {
                return Err(failure);
            }
            tokio::time::sleep(pause(self.first_pause, attempt, strategy)).await;
            attempt = attempt.saturating_add(1);
        }
    }
}

fn is_worth_repeating(failure: &GatewayError) -> bool {
    matches!(failure, GatewayError::Busy { .. } | GatewayError::Unknown { .. })
}

/// The pause after a failed attempt, which counts from 1.
fn pause(first: Duration, attempt: u32, strategy: &RequestStrategy) -> Duration {
    let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(MAX_PAUSE_FACTOR).min(MAX_PAUSE_FACTOR);
    let key = strategy.get_key();
    let seed = key.iter().flat_map(|key| key.as_str().bytes());
    let mixed = seed.fold(attempt, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let percent = 100_u32.saturating_sub(mixed.checked_rem(SPREAD).unwrap_or_default());
    first.saturating_mul(factor).saturating_mul(percent) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ_by_key() {
        let strategy = |key: &str| RequestStrategy::Idempotent(stripe::IdempotencyKey::new(key).unwrap());
        let first = Duration::from_secs(1);
        for (attempt, longest) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (40, 8)] {
            let pause = pause(first, attempt, &strategy("payout-1"));
            let longest = Duration::from_secs(longest);
            assert!(pause <= longest && pause > longest / 2, "{attempt}: {pause:?}");
        }
        assert_ne!(pause(first, 1, &strategy("payout-1")), pause(first, 1, &strategy("payout-2")));
        assert_eq!(pause(Duration::MAX, 9, &RequestStrategy::Once), Duration::MAX / 100);
    }
}
