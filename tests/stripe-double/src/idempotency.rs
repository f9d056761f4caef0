//! Idempotency keys: the first answer kept for a day, other requests under the same key refused.

use std::collections::BTreeMap;

use crate::error::ApiError;

/// Stripe may forget a key a day after its first use.
const KEPT_SECS: i64 = 24 * 3600;
/// Stripe takes keys of at most this many characters.
const MAX_KEY_CHARS: usize = 255;

/// An answer on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// What a request is, so that a key used for another one is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) path: String,
    /// The parameters in a canonical order.
    pub(crate) params: Vec<(String, String)>,
}

impl Fingerprint {
    pub(crate) fn of(path: &str, body: &[u8]) -> Self {
        let mut params: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
        params.sort();
        Self { path: path.to_owned(), params }
    }
}

/// What is to be done with a request that carries a key.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It is the first: execute it, and say afterwards how it ended.
    First,
    /// It was answered before.
    Replay(Reply),
}

#[derive(Debug)]
struct Slot {
    first_used: i64,
    fingerprint: Fingerprint,
    /// None while the first request is in flight.
    reply: Option<Reply>,
}

/// The keys, by connected account and key.
#[derive(Debug, Default)]
pub(crate) struct Keys(BTreeMap<(Option<String>, String), Slot>);

impl Keys {
    /// Begins a request under a key.
    pub(crate) fn begin(
        &mut self,
        account: Option<&str>,
        key: &str,
        fingerprint: Fingerprint,
        now: i64,
    ) -> Result<Begun, ApiError> {
        if key.chars().count() > MAX_KEY_CHARS {
            return Err(ApiError::invalid("Idempotency keys must be at most 255 characters.", "Idempotency-Key"));
        }
        self.0.retain(|_, slot| slot.reply.is_none() || now - slot.first_used < KEPT_SECS);
        let name = (account.map(str::to_owned), key.to_owned());
        let Some(slot) = self.0.get(&name) else {
            self.0.insert(name, Slot { first_used: now, fingerprint, reply: None });
            return Ok(Begun::First);
        };
        if slot.fingerprint.path != fingerprint.path {
            let message = format!(
                "The idempotency key '{key}' was first used for '{}', not for '{}'.",
                slot.fingerprint.path, fingerprint.path
            );
            return Err(ApiError::idempotency(&message));
        }
        if slot.fingerprint.params != fingerprint.params {
            return Err(ApiError::idempotency(&format!("The idempotency key '{key}' was first used with other parameters.")));
        }
        slot.reply.clone().map(Begun::Replay).ok_or_else(|| ApiError::idempotency_in_flight(key))
    }

    /// Ends the first request under a key: its answer is kept, or the key is free again if nothing was executed.
    pub(crate) fn end(&mut self, account: Option<&str>, key: &str, kept: Option<Reply>) {
        let name = (account.map(str::to_owned), key.to_owned());
        match kept {
            None => _ = self.0.remove(&name),
            Some(reply) => {
                if let Some(slot) = self.0.get_mut(&name) {
                    slot.reply = Some(reply);
                }
            }
        }
    }
}
