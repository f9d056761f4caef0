//! Password hashes: Argon2id, kept as PHC strings.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::config::Auth;
use crate::ports::Entropy;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password, or nobody's.
    Wrong,
    /// The password.
    Right,
    /// The password, but its hash was made with other settings: make a new one.
    RightButWeak,
}

/// Why no password could be hashed: a fault, never the caller's mistake.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct PasswordError(String);

/// Makes and checks password hashes, a bounded number at a time and off the threads that serve requests.
#[derive(Debug, Clone)]
pub struct Passwords {
    params: Params,
    slots: Arc<Semaphore>,
    nobody: Arc<str>,
}

impl Passwords {
    /// With the costs of the settings.
    pub fn new(auth: &Auth) -> Result<Self, PasswordError> {
        let costs = (auth.argon2_memory_kib, auth.argon2_iterations, auth.argon2_parallelism);
        let params = Params::new(costs.0, costs.1, costs.2, Some(HASH_BYTES)).map_err(failed)?;
        let nobody = hash_with(&params, b"nobody has this password", &[0; SALT_BYTES])?.into();
        Ok(Self { params, slots: Arc::new(Semaphore::new(auth.argon2_concurrent_max)), nobody })
    }

    /// The PHC string of a new password.
    pub async fn hash(&self, entropy: &dyn Entropy, password: SecretString) -> Result<String, PasswordError> {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        let params = self.params.clone();
        self.run(move || hash_with(&params, password.expose_secret().as_bytes(), &salt)).await?
    }

    /// Whether `password` is the one behind `stored`. Without a hash (an unknown user, or one that has no password yet) it takes
    /// the same time and says no.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<Verdict, PasswordError> {
        let params = self.params.clone();
        let stored = stored.filter(|stored| PasswordHash::new(stored).is_ok());
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.to_string());
        let verdict = self.run(move || verify_with(&params, password.expose_secret().as_bytes(), &stored)).await??;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(failed)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(slot);
            result
        });
        done.await.map_err(failed)
    }
}

fn hasher(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn hash_with(params: &Params, password: &[u8], salt: &[u8]) -> Result<String, PasswordError> {
    Ok(hasher(params).hash_password_with_salt(password, salt).map_err(failed)?.to_string())
}

fn verify_with(params: &Params, password: &[u8], stored: &str) -> Result<Verdict, PasswordError> {
    let hash = PasswordHash::new(stored).map_err(failed)?;
    if hasher(params).verify_password(password, &hash).is_err() {
        return Ok(Verdict::Wrong);
    }
    let made_with = Params::try_from(&hash).map_err(failed)?;
    let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    Ok(if costs(&made_with) == costs(params) { Verdict::Right } else { Verdict::RightButWeak })
}

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::ports::SeededEntropy;

    fn passwords(memory_kib: u32) -> Passwords {
        let toml = format!("[auth]\nargon2_memory_kib = {memory_kib}\nargon2_iterations = 1");
        Passwords::new(&Config::from_toml(&toml).unwrap().auth).unwrap()
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_and_its_costs() {
        let weak = passwords(64);
        let hash = weak.hash(&SeededEntropy::new(1), "correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_eq!(weak.verify("correct horse".into(), Some(hash.clone())).await.unwrap(), Verdict::Right);
        assert_eq!(weak.verify("correct hors".into(), Some(hash.clone())).await.unwrap(), Verdict::Wrong);
        assert_eq!(passwords(128).verify("correct horse".into(), Some(hash)).await.unwrap(), Verdict::RightButWeak);
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let verdict = passwords(64).verify("nobody has this password".into(), None).await.unwrap();
        assert_eq!(verdict, Verdict::Wrong);
    }

    #[test]
    fn the_default_costs_stand_in_the_hash() {
        let passwords = Passwords::new(&Config::from_toml("").unwrap().auth).unwrap();
        assert!(passwords.nobody.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }
}
