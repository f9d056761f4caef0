//! What log-in stands on: password hashing, the keys of access tokens, and a short memory of who may do what.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use domain::access::Principal;
use domain::id::SessionId;
use domain::time::{Timestamp, plus_secs};
use lru::LruCache;
use store::accounts::StoredSigningKey;

use super::{App, AppError};
use crate::auth::password::PasswordError;
use crate::auth::{AccessClaims, AccessTokens, Passwords, SigningKey, SigningKeys, TokenError};
use crate::config::Config;
use crate::crypto::token_hash;

/// How long the keys at hand are used before they are looked up again: after a rotation an other process may sign with
/// the old key for so long.
const KEYS_FRESH_SECS: i64 = 60;
/// How long after the last token of a retired key it is kept.
const KEYS_GRACE_SECS: i64 = 600;
/// How many tokens are remembered whose signatures were checked.
const VERIFIED_MAX: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
/// How many looked-up accesses are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Password hashing, signing keys and remembered accesses of one process.
pub struct Identity {
    /// Makes and checks password hashes.
    pub passwords: Passwords,
    tokens: AccessTokens,
    keys: RwLock<Option<Loaded>>,
    remembered: Mutex<HashMap<Bearer, Remembered>>,
}

/// Whose access is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Bearer {
    Session(SessionId),
    Key([u8; 32]),
}

#[derive(Clone)]
struct Loaded {
    keys: Arc<SigningKeys>,
    /// What these keys were found to have signed, by the hashes of the tokens: a signature costs as much as a page's rows.
    verified: Arc<Mutex<LruCache<[u8; 32], AccessClaims>>>,
    at: Timestamp,
}

struct Remembered {
    principal: Principal,
    until: Option<Timestamp>,
    at: Timestamp,
}

impl Identity {
    /// As the settings say.
    pub fn new(config: &Config) -> Result<Self, PasswordError> {
        Ok(Self {
            passwords: Passwords::new(&config.auth)?,
            tokens: AccessTokens::new(&config.server, &config.auth),
            keys: RwLock::new(None),
            remembered: Mutex::new(HashMap::new()),
        })
    }

    pub(super) fn remember(&self, bearer: Bearer, principal: Principal, until: Option<Timestamp>, at: Timestamp) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(bearer, Remembered { principal, until, at });
    }

    pub(super) fn recall(&self, bearer: Bearer, now: Timestamp, believed_secs: i64) -> Option<(Principal, Option<Timestamp>)> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let found = remembered.get(&bearer)?;
        let fresh = now >= found.at && now < plus_secs(found.at, believed_secs);
        let running = found.until.is_none_or(|until| now < until);
        (fresh && running).then(|| (found.principal.clone(), found.until))
    }

    /// Forgets what was looked up, after somebody lost access.
    pub(super) fn forget(&self) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What `token` says, if one of `keys` signed it and it is good at `now`. What was found is remembered with the keys at hand.
    fn verify(&self, keys: &Arc<SigningKeys>, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let Some(loaded) = self.loaded().filter(|loaded| Arc::ptr_eq(&loaded.keys, keys)) else {
            return self.tokens.verify(keys, token, now);
        };
        let hash = token_hash(token);
        let known = loaded.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        match known {
            Some(claims) => claims.good_at(now),
            None => {
                let claims = self.tokens.verify(keys, token, now)?;
                loaded.verified.lock().unwrap_or_else(PoisonError::into_inner).put(hash, claims.clone());
                Ok(claims)
            }
        }
    }

    fn loaded(&self) -> Option<Loaded> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl App {
    /// The keys of access tokens; the first call on a new exchange makes one.
    pub async fn signing_keys(&self) -> Result<Arc<SigningKeys>, AppError> {
        let fresh = |loaded: &Loaded| self.now() < plus_secs(loaded.at, KEYS_FRESH_SECS) && loaded.keys.active().is_some();
        match self.identity.loaded().filter(fresh) {
            Some(loaded) => Ok(loaded.keys),
            None => self.signing_keys_load().await,
        }
    }

    /// Retires the keys that sign and makes a new one; answers its name. Tokens of the old ones stay good until they expire.
    pub async fn signing_keys_rotate(&self) -> Result<String, AppError> {
        let (key, stored) = self.signing_key_new()?;
        self.store
            .write("signing_keys_rotate", move |tx| {
                let stored = stored.clone();
                async move {
                    tx.signing_keys_retire().await?;
                    tx.signing_key_insert(&stored).await?;
                    Ok::<_, AppError>(())
                }
            })
            .await?;
        self.signing_keys_load().await?;
        Ok(key.kid)
    }

    pub(super) async fn access_token_verify(&self, token: &str) -> Result<AccessClaims, AppError> {
        let now = self.now();
        let keys = self.signing_keys().await?;
        let verified = match self.identity.verify(&keys, token, now) {
            // Another process may have made a key just now. Asked once a second at most, whatever strangers send.
            Err(TokenError::UnknownKey) if self.identity.loaded().is_none_or(|loaded| loaded.at < plus_secs(now, -1)) => {
                let keys = self.signing_keys_load().await?;
                self.identity.verify(&keys, token, now)
            }
            verified => verified,
        };
        verified.map_err(|error| super::session::unauthenticated(error).into())
    }

    pub(super) fn tokens(&self) -> &AccessTokens {
        &self.identity.tokens
    }

    async fn signing_keys_load(&self) -> Result<Arc<SigningKeys>, AppError> {
        let now = self.now();
        let token_secs = self.config.auth.access_token_secs.saturating_add(KEYS_GRACE_SECS);
        let mut rows = self.store.signing_keys(plus_secs(now, token_secs.saturating_neg())).await?;
        if rows.iter().all(|row| row.retired_at.is_some()) {
            let (_, stored) = self.signing_key_new()?;
            rows.insert(0, stored.clone());
            self.store
                .write("signing_key_first", move |tx| {
                    let stored = stored.clone();
                    async move { Ok::<_, AppError>(tx.signing_key_insert(&stored).await?) }
                })
                .await?;
        }
        let unsealed: Result<Vec<SigningKey>, _> = rows
            .into_iter()
            .map(|row| SigningKey::unseal(&self.keys, row.public_key, &row.sealed_private_key, row.retired_at))
            .collect();
        let unsealed = unsealed
            .map_err(|error| AppError::internal(format_args!("a signing key does not open with this key ring: {error}")))?;
        let keys = Arc::new(SigningKeys::new(unsealed));
        let verified = Arc::new(Mutex::new(LruCache::new(VERIFIED_MAX)));
        let loaded = Loaded { keys: Arc::clone(&keys), verified, at: now };
        *self.identity.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
        Ok(keys)
    }

    fn signing_key_new(&self) -> Result<(SigningKey, StoredSigningKey), AppError> {
        let key = SigningKey::generate(self.entropy.as_ref()).ok_or_else(|| AppError::internal("no signing key can be made"))?;
        let sealed_private_key = key.seal(&self.keys, self.entropy.as_ref()).map_err(AppError::internal)?;
        let stored =
            StoredSigningKey { kid: key.kid.clone(), public_key: key.public_key.clone(), sealed_private_key, retired_at: None };
        Ok((key, stored))
    }
}
