//! The keys that sign access tokens: Ed25519, made here, published as a JWK set.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::Timestamp;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::{Binding, CryptoError, KeyRing, Sealed};
use crate::ports::Entropy;

const SEED_BYTES: usize = 32;
const KID_BYTES: usize = 12;
const PURPOSE: &str = "signing_key";

/// One key pair. There is no way to print the private half.
#[derive(Clone)]
pub struct SigningKey {
    /// Its name in the header of a token.
    pub kid: String,
    /// The public half: 32 bytes.
    pub public_key: Vec<u8>,
    /// From when on it signs no more; its tokens are good until they expire.
    pub retired_at: Option<Timestamp>,
    private_key: Zeroizing<Vec<u8>>,
}

/// The keys at hand: the newest one signs, all verify.
#[derive(Debug, Clone, Default)]
pub struct SigningKeys(Vec<SigningKey>);

impl SigningKey {
    /// A new key; the cryptographic library refuses no seed, so `None` means that the library is broken.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Option<Self> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        entropy.fill(seed.as_mut());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).ok()?;
        let private_key = Zeroizing::new(pair.to_pkcs8().ok()?.as_ref().to_vec());
        Some(Self::new(pair.public_key().as_ref().to_vec(), private_key, None))
    }

    /// A key of which only the public half is at hand.
    #[must_use]
    pub fn public(public_key: Vec<u8>, retired_at: Option<Timestamp>) -> Self {
        Self::new(public_key, Zeroizing::default(), retired_at)
    }

    /// The private half sealed for the database.
    pub fn seal(&self, ring: &KeyRing, entropy: &dyn Entropy) -> Result<Vec<u8>, CryptoError> {
        Ok(ring.seal(entropy, self.binding(), &self.private_key)?.to_bytes())
    }

    /// The key that [`SigningKey::seal`] put away.
    pub fn unseal(
        ring: &KeyRing,
        public_key: Vec<u8>,
        sealed: &[u8],
        retired_at: Option<Timestamp>,
    ) -> Result<Self, CryptoError> {
        let mut key = Self::new(public_key, Zeroizing::default(), retired_at);
        let sealed = Sealed::from_bytes(sealed).ok_or(CryptoError::Unopenable)?;
        key.private_key = ring.open(key.binding(), &sealed)?;
        Ok(key)
    }

    /// The Ed25519 signature of `message`; `None` means that the cryptographic library is broken.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let pair = Ed25519KeyPair::from_pkcs8(&self.private_key).ok()?;
        Some(pair.sign(message).as_ref().to_vec())
    }

    pub(super) fn encoding(&self) -> EncodingKey {
        EncodingKey::from_ed_der(&self.private_key)
    }

    pub(super) fn decoding(&self) -> DecodingKey {
        DecodingKey::from_ed_der(&self.public_key)
    }

    fn new(public_key: Vec<u8>, private_key: Zeroizing<Vec<u8>>, retired_at: Option<Timestamp>) -> Self {
        let digest: [u8; 32] = Sha256::digest(&public_key).into();
        let kid = hex::encode(digest.iter().take(KID_BYTES).copied().collect::<Vec<u8>>());
        Self { kid, public_key, retired_at, private_key }
    }

    /// A private key that was moved to the row of another public key does not open.
    fn binding(&self) -> Binding {
        let digest: [u8; 32] = Sha256::digest(&self.public_key).into();
        let half = digest.first_chunk().copied().unwrap_or_default();
        Binding { purpose: PURPOSE, object: Uuid::from_bytes(half) }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

impl SigningKeys {
    /// `keys`, newest first.
    #[must_use]
    pub fn new(keys: Vec<SigningKey>) -> Self {
        Self(keys)
    }

    /// The key that signs.
    #[must_use]
    pub fn active(&self) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.retired_at.is_none())
    }

    /// The key named `kid`.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.kid == kid)
    }

    /// The JWK set (RFC 8037) for `/.well-known/jwks.json`.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let jwk = |key: &SigningKey| {
            json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                "kid": key.kid, "x": URL_SAFE_NO_PAD.encode(&key.public_key),
            })
        };
        json!({ "keys": self.0.iter().map(jwk).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SeededEntropy;

    #[test]
    fn a_key_survives_the_database_and_does_not_move() {
        let entropy = SeededEntropy::new(1);
        let ring = KeyRing::generate(&entropy, "a");
        let key = SigningKey::generate(&entropy).unwrap();
        let other = SigningKey::generate(&entropy).unwrap();
        let sealed = key.seal(&ring, &entropy).unwrap();
        let back = SigningKey::unseal(&ring, key.public_key.clone(), &sealed, None).unwrap();
        assert_eq!((back.kid, back.private_key), (key.kid.clone(), key.private_key.clone()));
        let moved = SigningKey::unseal(&ring, other.public_key, &sealed, None);
        assert_eq!(moved.unwrap_err(), CryptoError::Unopenable);
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.kid));
    }

    #[test]
    fn the_published_set_holds_public_halves_only() {
        let key = SigningKey::generate(&SeededEntropy::new(1)).unwrap();
        let jwks = SigningKeys::new(vec![key.clone()]).jwks();
        let expected = json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": key.kid, "x": URL_SAFE_NO_PAD.encode(&key.public_key),
        }] });
        assert_eq!(jwks, expected);
    }
}
