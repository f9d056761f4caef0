//! The settings of log-in and of encryption.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Problems, Server};

const HOUR_SECS: i64 = 3_600;
const DAY_SECS: i64 = 86_400;
const KEY_BYTES: usize = 32;

/// `[auth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The audience of access tokens.
    pub audience: String,
    /// How long an access token is good for, in seconds.
    pub access_token_secs: i64,
    /// How long a refresh token is good for, in seconds.
    pub refresh_token_secs: i64,
    /// Memory of one password hash, in KiB.
    pub argon2_memory_kib: u32,
    /// Passes of one password hash.
    pub argon2_iterations: u32,
    /// Lanes of one password hash.
    pub argon2_parallelism: u32,
    /// How many passwords are hashed at the same time.
    pub argon2_concurrent_max: usize,
    /// The window in which failed log-ins count, in seconds.
    pub failures_window_secs: i64,
    /// Failed log-ins for one account in the window.
    pub account_failures_max: i64,
    /// Failed log-ins from one address in the window.
    pub address_failures_max: i64,
    /// Registrations from one address in an hour.
    pub registrations_per_hour_max: i64,
    /// Password resets asked for from one address, or for one account, in an hour.
    pub resets_per_hour_max: i64,
    /// Invitations mailed by one organization in an hour.
    pub invitations_per_hour_max: i64,
    /// Invitations mailed to one address in an hour, by whomever.
    pub invitations_per_recipient_hour_max: i64,
    /// Whether people must prove that their address is their own.
    pub email_verification: EmailVerification,
    /// How long a token that proves an address is good for, in seconds.
    pub email_verification_secs: i64,
    /// How long an invitation is good for, in seconds.
    pub invitation_secs: i64,
    /// How long a password reset is good for, in seconds.
    pub password_reset_secs: i64,
    /// The most members of one organization.
    pub members_max: u64,
    /// The most open invitations of one organization.
    pub invitations_max: u64,
    /// The most live API keys of one organization.
    pub api_keys_max: u64,
    /// How long a looked-up access is believed, in seconds.
    pub access_cache_secs: i64,
}

/// Whether people must prove that their e-mail address is their own before they trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmailVerification {
    /// They must where mail is delivered.
    Auto,
    /// They must.
    Required,
    /// They need not.
    Off,
}

/// `[crypto]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crypto {
    /// The keys that wrap data keys, the active one first; empty: those of the key file.
    pub keys: Vec<CryptoKey>,
    /// The key of the hashes that find duplicates: 32 bytes in base64.
    pub hash_key: SecretString,
    /// Where a ring that was made lies; empty: in the data folder.
    pub key_file: PathBuf,
}

/// A key of the ring as it is written down.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CryptoKey {
    /// Its name, kept with what it wraps.
    pub id: String,
    /// 32 bytes in base64.
    pub key: SecretString,
}

impl Auth {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.audience.is_empty() {
            problems.add("auth.audience", "must not be empty");
        }
        problems.within("auth.access_token_secs", self.access_token_secs, 30, 24 * HOUR_SECS);
        problems.within("auth.refresh_token_secs", self.refresh_token_secs, self.access_token_secs, 366 * DAY_SECS);
        problems.within("auth.argon2_parallelism", self.argon2_parallelism, 1, 64);
        problems.within("auth.argon2_memory_kib", self.argon2_memory_kib, self.argon2_parallelism.saturating_mul(8), 4 << 20);
        problems.within("auth.argon2_iterations", self.argon2_iterations, 1, 100);
        problems.within("auth.argon2_concurrent_max", self.argon2_concurrent_max, 1, 1024);
        problems.within("auth.failures_window_secs", self.failures_window_secs, 1, 30 * DAY_SECS);
        problems.within("auth.account_failures_max", self.account_failures_max, 1, 1_000_000);
        problems.within("auth.address_failures_max", self.address_failures_max, 1, 1_000_000);
        problems.within("auth.registrations_per_hour_max", self.registrations_per_hour_max, 1, 1_000_000);
        problems.within("auth.resets_per_hour_max", self.resets_per_hour_max, 1, 1_000_000);
        problems.within("auth.invitations_per_hour_max", self.invitations_per_hour_max, 1, 1_000_000);
        problems.within("auth.invitations_per_recipient_hour_max", self.invitations_per_recipient_hour_max, 1, 1_000_000);
        problems.within("auth.email_verification_secs", self.email_verification_secs, 60, 90 * DAY_SECS);
        problems.within("auth.invitation_secs", self.invitation_secs, 60, 90 * DAY_SECS);
        problems.within("auth.password_reset_secs", self.password_reset_secs, 60, 7 * DAY_SECS);
        problems.within("auth.members_max", self.members_max, 1, 100_000);
        problems.within("auth.invitations_max", self.invitations_max, 1, 100_000);
        problems.within("auth.api_keys_max", self.api_keys_max, 1, 100_000);
        problems.within("auth.access_cache_secs", self.access_cache_secs, 0, 5);
    }
}

impl Crypto {
    /// Where a ring that was made lies.
    #[must_use]
    pub fn resolved_key_file(&self, server: &Server) -> PathBuf {
        if self.key_file.as_os_str().is_empty() { server.data_dir.join("keyring.toml") } else { self.key_file.clone() }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let is_key = |text: &SecretString| STANDARD.decode(text.expose_secret()).is_ok_and(|bytes| bytes.len() == KEY_BYTES);
        for (index, key) in self.keys.iter().enumerate() {
            if key.id.is_empty() || key.id.len() > 64 || self.keys.iter().filter(|other| other.id == key.id).count() > 1 {
                problems.add(&format!("crypto.keys[{index}].id"), "must be 1 to 64 characters that no other key has");
            }
            if !is_key(&key.key) {
                problems.add(&format!("crypto.keys[{index}].key"), "must be 32 bytes in base64");
            }
        }
        let hash_key_set = !self.hash_key.expose_secret().is_empty();
        if hash_key_set == self.keys.is_empty() {
            problems.add("crypto.hash_key", "must be set together with crypto.keys");
        } else if hash_key_set && !is_key(&self.hash_key) {
            problems.add("crypto.hash_key", "must be 32 bytes in base64");
        }
    }
}
