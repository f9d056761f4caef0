//! Random tokens: shown once to whom they belong, kept only as a hash.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::ports::Entropy;

const TOKEN_BYTES: usize = 32;
const SHOWN_DIGITS: usize = 8;

/// A new token.
pub struct Token {
    /// The whole token: the prefix, an underscore and 64 hexadecimal digits of 256 random bits.
    pub secret: SecretString,
    /// What may be shown and listed: the prefix, an underscore and the first 8 digits.
    pub shown: String,
    /// What is kept.
    pub hash: [u8; 32],
}

impl Token {
    /// A new token that begins with `prefix` and an underscore.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy, prefix: &str) -> Self {
        let mut random = Zeroizing::new([0; TOKEN_BYTES]);
        entropy.fill(random.as_mut());
        let digits = Zeroizing::new(hex::encode(random.as_ref()));
        let text = format!("{prefix}_{}", digits.as_str());
        let shown = text.chars().take(prefix.chars().count().saturating_add(1).saturating_add(SHOWN_DIGITS)).collect();
        Self { hash: token_hash(&text), secret: SecretString::from(text), shown }
    }

    /// The whole token, for the one answer or mail that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}..)", self.shown)
    }
}

/// The SHA-256 under which a token is kept. It needs no salt: the token has 256 random bits.
#[must_use]
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Whether two hashes are the same, in a time that does not depend on them.
#[must_use]
pub fn tokens_match(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SeededEntropy;

    #[test]
    fn a_token_is_random_prefixed_and_kept_as_a_hash() {
        let entropy = SeededEntropy::new(1);
        let token = Token::generate(&entropy, "clk");
        let other = Token::generate(&entropy, "clk");
        assert_eq!((token.expose().len(), token.shown.len()), (68, 12));
        assert!(token.expose().starts_with(&token.shown) && token.shown.starts_with("clk_"));
        assert!(tokens_match(&token.hash, &token_hash(token.expose())));
        assert!(!tokens_match(&token.hash, &other.hash) && !tokens_match(&token.hash, &token.hash[..31]));
        assert_eq!(format!("{token:?}"), format!("Token({}..)", token.shown));
    }
}
